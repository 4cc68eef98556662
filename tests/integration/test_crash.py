# SPDX-License-Identifier: MIT
"""
Processes die at random moments under load: no acknowledged job is lost, none ends twice, none is
left running. Here the queue alone, and all at once under `dockgate serve`; tests/crash has everything
else. The seed is printed with a failure; DOCKGATE_TEST_SEED repeats it.
"""
import os
import random
import signal
import time
import unittest

import engine
import service
from case import Case, content
from ledger import Ledger

SEED = int(os.environ.get("DOCKGATE_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
KILLS = int(os.environ.get("DOCKGATE_TEST_KILLS", "5"))


class CrashCase(Case):
    # As many attempts as there are kills, so that every job can end well.
    changes = {name: {"attempts": 100} for name in ("sh", "cold")}
    settings = {"lease_ms": 1000}

    def setUp(self):
        self.random = random.Random(SEED)
        svc = self.make()
        self.addCleanup(svc.close)
        self.use(svc.__enter__())

    def make(self):
        return service.Service(self.settings, changes=self.changes, level=self.level)

    @classmethod
    def setUpClass(cls):
        pass

    def assert_all_ended_once(self, ledger):
        """Every acknowledged job has its own output, and one ending in the store and for clients."""
        tally = ledger.tally()
        self.assertEqual(tally.bad(), [], tally)
        self.assertGreater(tally.acknowledged, KILLS)
        # One whose acknowledgement was lost may be the last; none runs for ever.
        for _ in service.until(30, 0.1):
            running = [row for row in self.native.call("GET", "/v1/queue").json()["jobs"]
                       if row["state"] == "running"]
            if not running:
                break
        self.assertEqual(running, [])

    def assert_no_stray_container(self):
        """Within 10 s: nothing but the pools' own, which wait; all others are gone."""
        most = {"sh": 4, "payload": 3, "classic": 4, "one": 1, "cold": 0}
        for _ in service.until(10, 0.1):
            found = self.service.containers()
            waiting = {task: sum(c["Labels"].get(service.LABEL_TASK) == task for c in found)
                       for task in most}
            dead = [c["Id"] for c in found if c["State"] not in ("running", "created")]
            if (not dead and sum(waiting.values()) == len(found) and
                    all(waiting[task] <= most[task] for task in most)):
                break
        self.assertEqual(dead, [], f"seed {SEED}")
        self.assertEqual(sum(waiting.values()), len(found), f"seed {SEED}: {found}")
        for task, count in waiting.items():
            self.assertLessEqual(count, most[task], f"{task}, seed {SEED}")

    def pause(self):
        time.sleep(self.random.uniform(0.02, 0.6))  # the moment is what is random

    def crash(self, role):
        with Ledger(self.service, SEED) as ledger:
            for _ in range(KILLS):
                self.pause()
                pid = self.service.await_pid(role)
                os.kill(pid, signal.SIGKILL)
                self.service.await_pid(role, other_than=pid)
            self.service.await_ready()
            self.pause()
        self.assert_all_ended_once(ledger)
        self.assert_no_stray_container()


class Kills(CrashCase):
    def test_kill_the_queue(self):
        self.crash("queue")

    def test_kill_all_at_once(self):
        with Ledger(self.service, SEED) as ledger:
            for _ in range(KILLS):
                self.pause()
                self.service.kill()
                self.service.start()
            self.service.await_ready()
            self.pause()
        self.assert_all_ended_once(ledger)
        self.assert_no_stray_container()


class AfterCrash(CrashCase):
    def test_containers_of_a_crash_are_removed_at_the_next_start(self):
        job = self.native.accept("cold", args=["sleep 3; echo ran"])
        self.until_running(job)
        before = {c["Id"] for c in self.service.containers()}
        self.assertTrue(before)
        self.service.kill()
        self.assertTrue(before & {c["Id"] for c in self.service.containers()})
        self.service.start()
        for _ in service.until(10):
            left = before & {c["Id"] for c in self.service.containers()}
            if not left:
                break
        self.assertEqual(left, set())
        self.assertEqual(content(self.native.ended(job)["stdout"]), b"ran\n")

    def test_nobody_elses_container_is_touched(self):
        docker = self.service.docker
        body = ('{"Image": "%s", "Cmd": ["/bin/sleep", "600"], "HostConfig": {"NetworkMode": "none"}, '
                '"Labels": {"%s": "another"}}' % (self.service.image, service.LABEL_INSTANCE))
        other = docker.call("POST", "/containers/create", body,
                            {"Content-Type": "application/json"}).json()["Id"]
        self.addCleanup(docker.call, "DELETE", f"/containers/{other}?force=1&v=1")
        docker.call("POST", f"/containers/{other}/start")
        self.service.kill()
        self.service.start()
        self.service.await_ready()
        self.assertTrue(docker.inspect(other)["State"]["Running"])

    def test_a_job_that_always_takes_us_down_ends_as_lost(self):
        svc = service.Service({"lease_ms": 3000}, changes={"cold": {"attempts": 2}})
        self.addCleanup(svc.close)
        svc.__enter__()
        job = svc.native.accept("cold", args=["sleep 60"])
        for attempt in (1, 2):
            self.until_running(job, svc, attempt)
            pid = svc.await_pid("driver")
            os.kill(pid, signal.SIGKILL)
            svc.await_pid("driver", other_than=pid)
        ended = svc.native.ended(job)
        self.assertEqual(ended["verdict"], "lost", ended)
        svc.await_ready()

    def test_SIGTERM_gives_running_jobs_back_without_an_attempt(self):
        svc = service.Service({"drain_s": 1}, changes={"sh": {"attempts": 1}})
        self.addCleanup(svc.close)
        svc.__enter__()
        job = svc.native.accept("sh", args=["sleep 4; echo ran"])
        waiting = svc.native.accept("one", args=["echo waited"])
        self.until_running(job, svc)
        self.assertEqual(svc.stop(), 0)
        self.assertEqual(svc.containers(), [])
        svc.start()
        self.assertEqual(content(svc.native.ended(job)["stdout"]), b"ran\n")
        self.assertEqual(content(svc.native.ended(waiting)["stdout"]), b"waited\n")

    def test_the_gateway_answers_503_while_the_queue_is_away(self):
        pid = self.service.await_pid("queue")
        os.kill(pid, signal.SIGSTOP)  # there, and silent: what is asked now is answered later
        os.kill(pid, signal.SIGKILL)
        seen = set()
        for _ in service.until(10, 0.005):
            reply = self.http.post_json("/v1/jobs", {"task": "sh", "args": ["true"]})
            seen.add(reply.status)
            if reply.status == 503:
                self.assertGreater(int(reply.headers["Retry-After"]), 0)
            if reply.status == 202:
                break
        self.assertLessEqual(seen, {202, 503})
        self.assertEqual(self.http.get("/healthz").status, 200)

    def until_running(self, job, svc=None, attempt=1):
        svc = svc or self.service
        for _ in service.until(30):
            answer = svc.http.get(f"/v1/jobs/{job}")
            if answer.status == 200:
                now = answer.json()
                if now["state"] == "running" and now["started_at"] and now["attempt"] == attempt:
                    return
        self.fail(f"not running: {answer.body}")


class EngineAway(Case):
    @classmethod
    def setUpClass(cls):
        cls.engine = engine.Engine()
        cls.addClassCleanup(cls.engine.stop)
        cls.engine.start()
        svc = service.Service({"lease_ms": 3000}, socket_path=cls.engine.socket)
        cls.addClassCleanup(svc.close)
        cls.use(svc.__enter__())

    def test_jobs_wait_while_the_engine_has_no_containerd(self):
        """It says so at each start until it has made a new one: that uses up no attempt."""
        with open(self.engine.path("exec/containerd/containerd.pid"), encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGKILL)
        jobs = [self.native.accept("cold", args=[f"echo {n}"]) for n in range(4)]
        for n, job in enumerate(jobs):
            ended = self.native.ended(job)
            self.assertEqual((ended["verdict"], content(ended["stdout"])), ("ok", f"{n}\n".encode()), ended)

    def test_the_engine_goes_and_comes_back(self):
        running = self.native.accept("sh", args=["sleep 5; echo ran"])
        for _ in service.until(30):
            if self.native.job(running)["state"] == "running":
                break
        first = self.native.accept("one", args=["sleep 5"])
        self.engine.kill()
        for _ in service.until(30):
            reply = self.http.get("/readyz")
            if reply.status == 503:
                break
        self.assertEqual(reply.status, 503)
        self.assertIn(b"engine", reply.body)
        self.assertEqual(self.http.get("/healthz").status, 200)
        waiting = [self.native.submit("one", args=[f"echo {n}"]) for n in range(3)]
        self.assertEqual([reply.status for reply in waiting], [202] * 3)
        waiting = [reply.json()["id"] for reply in waiting]
        self.assertEqual({self.native.job(job)["state"] for job in waiting}, {"queued"})
        self.engine.start()
        self.service.await_ready()
        for n, job in enumerate(waiting):
            ended = self.native.ended(job)
            self.assertEqual((ended["verdict"], content(ended["stdout"])), ("ok", f"{n}\n".encode()))
        for job in (running, first):
            ended = self.native.ended(job)
            self.assertIn(ended["verdict"], ("ok", "engine_error"), ended)
            self.assertEqual(ended["verdict"] == "engine_error", bool(ended.get("error")))


if __name__ == "__main__":
    unittest.main()
