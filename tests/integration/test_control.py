# SPDX-License-Identifier: MIT
"""Steering the queue: pausing, and what is done to many jobs at once."""
import json
import os
import signal
import subprocess

import service
from case import OwnService, content
from client import Native

LARGE = "x" * 100_000  # beyond what a row holds


class Control(OwnService):
    changes = {"one": {"limits": {"cpu_ms": 600000, "wall_ms": 600000}}}

    @classmethod
    def use(cls, svc):
        super().use(svc)
        cls.operator = Native(svc.unix)

    def tearDown(self):
        self.operator.call("POST", "/v1/queue/resume", {})
        for task in ("one", "sh"):
            self.operator.call("POST", "/v1/queue/resume", {"task": task})
        self.operator.call("DELETE", "/v1/jobs?all=1")

    def restart_queue(self):
        pid = self.service.pid("queue")
        os.kill(pid, signal.SIGKILL)
        self.service.await_pid("queue", other_than=pid)
        self.service.await_ready()

    def count(self, method, target, name):
        reply = self.operator.call(method, target)
        self.assertEqual(reply.status, 200, reply.text)
        return reply.json()[name]

    def refused(self, native, status, method, target, value=None, says=""):
        reply = native.call(method, target, value)
        self.assertEqual(reply.status, status, reply.text)
        self.assertIn(says, reply.json()["detail"])

    def queue(self):
        queue = self.operator.call("GET", "/v1/queue").json()
        return queue["paused"], queue["paused_tasks"]

    def cli(self, *args):
        socket = os.path.join(self.service.state, "sock", "dockgate.sock")
        return subprocess.run([service.DOCKGATE, *args, "--socket", socket], capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL, timeout=120)

    def said(self, *args):
        done = self.cli(*args)
        self.assertEqual((done.returncode, done.stderr), (0, ""), args)
        return done.stdout

    # ---- pausing

    def test_the_whole_queue(self):
        self.sh("true")
        reply = self.operator.call("POST", "/v1/queue/pause", {})
        self.assertEqual((reply.status, reply.json()), (200, {"changed": True}))
        self.assertEqual(self.operator.call("POST", "/v1/queue/pause").json(), {"changed": False})
        job = self.native.accept("sh", args=["echo ran"])
        self.restart_queue()
        waiting = self.native.job(job)
        self.assertEqual((waiting["state"], waiting["position"], waiting["estimated_start"]),
                         ("queued", 1, None))
        self.assertEqual(self.queue(), (True, []))
        self.operator.call("POST", "/v1/queue/resume", {})
        self.assertEqual(content(self.native.ended(job)["stdout"]), b"ran\n")
        self.assertEqual(self.queue(), (False, []))

    def test_a_task_alone(self):
        self.operator.call("POST", "/v1/queue/pause", {"task": "sh"})
        paused = self.native.accept("sh", args=["true"])
        self.assertEqual(self.native.run("one", args=["true"])["verdict"], "ok")
        self.assertEqual(self.native.job(paused)["state"], "queued")
        self.restart_queue()
        self.assertEqual(self.queue(), (False, ["sh"]))
        self.assertEqual(self.native.job(paused)["state"], "queued")
        self.operator.call("POST", "/v1/queue/resume", {"task": "sh"})
        self.assertEqual(self.native.ended(paused)["verdict"], "ok")

    def test_not_for_everybody(self):
        for word in ("pause", "resume"):
            self.refused(self.native, 403, "POST", f"/v1/queue/{word}", {}, "operators")
        for target in ("/v1/jobs?all=1", "/v1/jobs?purge=1&all=1"):
            self.refused(self.native, 403, "DELETE", target, says="operators")
        self.refused(self.native, 403, "POST", "/v1/jobs/retry?all=1", says="operators")

    def test_what_is_wrong_is_named(self):
        pause = "/v1/queue/pause"
        self.refused(self.operator, 400, "POST", pause, {"task": "nothing"}, "no such task")
        self.refused(self.operator, 400, "POST", pause, {"task": ""}, "task: expected")
        self.refused(self.operator, 400, "POST", pause, {"tasks": "sh"}, "tasks: unknown member")
        self.refused(self.operator, 400, "POST", pause, [], "expected a JSON object")
        reply = self.operator.http.request("POST", pause, "{", {"Content-Type": "application/json"})
        self.assertEqual(reply.status, 400)
        reply = self.operator.http.request("POST", pause, "a=b", {"Content-Type": "text/plain"})
        self.assertEqual(reply.status, 415)
        for query, says in (("", "which jobs"), ("?state=done", "state"), ("?state=x", "state"),
                            ("?verdict=ok", "verdict"), ("?purge=1&state=queued", "state"),
                            ("?purge=1&verdict=good", "verdict"), ("?purge=1&task=sh&verdict=", "verdict"),
                            ("?label=name", "label"),
                            ("?label=:v", "label"), ("?all=yes", "all"), ("?task=", "task"),
                            ("?client=", "client"), ("?purge=2&all=1", "purge")):
            self.refused(self.operator, 400, "DELETE", f"/v1/jobs{query}", says=says)
        self.refused(self.operator, 400, "POST", "/v1/jobs/retry", says="which jobs")
        self.refused(self.operator, 400, "POST", "/v1/jobs/retry?verdict=bad", says="verdict")
        nowhere = "0" * 64
        for job in (nowhere, "short"):
            self.refused(self.operator, 404, "POST", f"/v1/jobs/{job}/retry", says="no such job")
            self.refused(self.operator, 404, "DELETE", f"/v1/jobs/{job}?purge=1", says="no such job")
        self.refused(self.operator, 400, "DELETE", f"/v1/jobs/{nowhere}?purge=yes", says="purge")

    # ---- many jobs

    def test_cancel_by_filter(self):
        self.operator.call("POST", "/v1/queue/pause", {"task": "one"})
        jobs = [self.native.accept("one", args=["true", LARGE] if name == "b" else ["true"],
                                   labels={"set": name})  # a large record is no part of its row
                for name in ("a", "a", "b", "c")]
        other = self.native.accept("sh", args=["sleep 600"])
        self.assertEqual(self.count("DELETE", "/v1/jobs?label=set:nothing", "cancelled"), 0)
        self.assertEqual(self.count("DELETE", "/v1/jobs?label=set:b&task=sh", "cancelled"), 0)
        self.assertEqual(self.count("DELETE", "/v1/jobs?label=set:b", "cancelled"), 1)
        self.assertEqual(self.native.job(jobs[2])["verdict"], "cancelled")
        self.assertEqual(self.said("cancel", "--label", "set=a"), "2 cancelled\n")
        self.assertEqual(self.count("DELETE", "/v1/jobs?state=queued", "cancelled"), 1)
        self.assertEqual(self.count("DELETE", "/v1/jobs?client=nobody", "cancelled"), 0)
        self.assertEqual(self.count("DELETE", "/v1/jobs?all=1", "cancelled"), 1)
        self.assertEqual(self.native.job(other)["verdict"], "cancelled")

    def test_many_are_cancelled_in_steps(self):
        self.operator.call("POST", "/v1/queue/pause", {})
        jobs = [self.native.accept("sh", args=["true"]) for _ in range(300)]
        self.assertEqual(self.count("DELETE", "/v1/jobs?task=sh", "cancelled"), 300)
        self.restart_queue()
        self.assertEqual({self.native.job(job)["verdict"] for job in jobs[::50]}, {"cancelled"})

    def test_purge(self):
        ended = self.sh("echo kept", labels={"purge": "one"})
        running = self.native.accept("one", args=["sleep 600"])
        self.refused(self.native, 409, "DELETE", f"/v1/jobs/{running}?purge=1", says="has not ended")
        reply = self.native.call("DELETE", f"/v1/jobs/{ended['id']}?purge=1")
        self.assertEqual((reply.status, reply.json()), (200, {"purged": 1}))
        self.refused(self.native, 404, "GET", f"/v1/jobs/{ended['id']}")
        jobs = [self.sh(f"exit {n}", labels={"purge": "many"})["id"] for n in (0, 3, 4)]
        target = "/v1/jobs?purge=1&label=purge:many"
        self.assertEqual(self.count("DELETE", f"{target}&verdict=nonzero_exit", "purged"), 2)
        self.assertEqual(self.native.job(jobs[0])["verdict"], "ok")
        self.assertEqual(self.said("purge", jobs[0]), jobs[0] + "\n")
        self.refused(self.native, 404, "GET", f"/v1/jobs/{jobs[0]}")

    def test_retry(self):
        first = self.native.run("sh", args=["sha256sum <input | cut -c1-8; cat -; exit 3"], stdin="line\n",
                                files=[{"name": "input", "content": LARGE}], labels={"retry": "one"}, priority=2)
        reply = self.native.call("POST", f"/v1/jobs/{first['id']}/retry")
        self.assertEqual(reply.status, 202, reply.text)
        again = self.native.ended(reply.json()["id"])
        self.assertEqual(reply.headers["Location"], f"/v1/jobs/{again['id']}")
        self.assertNotEqual(again["id"], first["id"])
        for name in ("verdict", "exit_code", "labels"):
            self.assertEqual(again[name], first[name])
        self.assertEqual(content(again["stdout"]), content(first["stdout"]))
        running = self.native.accept("one", args=["sleep 600"])
        self.refused(self.native, 409, "POST", f"/v1/jobs/{running}/retry", says="has not ended")

    def test_retry_many(self):
        marker = {"retry": "many"}
        self.sh("exit 0", labels=marker)
        failed = [self.native.run("sh", args=["exit 5"], labels=marker, stdin=LARGE if n == 1 else "")["id"]
                  for n in range(3)]
        reply = self.operator.call("POST", "/v1/jobs/retry?label=retry:many")
        self.assertEqual((reply.status, reply.json()), (200, {"retried": 3, "refused": 0}))
        jobs = [row["id"] for row in self.operator.call("GET", "/v1/jobs?limit=3").json()["jobs"]]
        self.assertFalse(set(jobs) & set(failed))
        for job in map(self.native.ended, jobs):
            self.assertEqual((job["verdict"], job["exit_code"], job["labels"]), ("nonzero_exit", 5, marker))
        self.assertEqual(self.said("retry", "--label", "retry=many", "--verdict", "ok"), "1 handed in again\n")

    # ---- the commands

    def test_commands(self):
        self.said("queue", "pause", "--task", "one")
        self.assertRegex(self.said("queue", "show"), r"(?m)^paused +one$")
        self.said("queue", "pause")
        self.assertRegex(self.said("queue", "show"), r"(?m)^paused +all one$")
        self.assertTrue(json.loads(self.said("queue", "show", "--format", "json"))["paused"])
        self.said("queue", "resume")
        self.said("queue", "resume", "--task", "one")
        self.assertRegex(self.said("queue", "show"), r"(?m)^paused +nothing$")
        job = self.sh("exit 6")["id"]
        again = self.said("retry", job).strip()
        self.assertEqual(self.native.ended(again)["exit_code"], 6)
        for args in (("cancel",), ("cancel", "--all", job), ("retry",), ("purge",), ("queue", "pause", "one"),
                     ("queue", "show", "--task", "one"), ("cancel", "--label", "name")):
            self.assertEqual(self.cli(*args).returncode, 2, args)
        for args in (("queue", "pause", "--task", "nothing"), ("retry", "0" * 64), ("cancel", "--state", "done")):
            done = self.cli(*args)
            self.assertEqual((done.returncode, done.stdout), (1, ""), args)
            self.assertTrue(done.stderr)
