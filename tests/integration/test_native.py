# SPDX-License-Identifier: MIT
"""The native face; client.Native holds each of its answers against /openapi.json."""
import hashlib
import json
import re
import threading
import time
import unittest

import client
import schema
import service
from case import Case, OwnService, at_both_levels, content

STAMP = r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z"
NOWHERE = "0" * 64


class Submit(Case):
    def test_accepted_with_its_address(self):
        reply = self.native.submit("sh", args=["echo hello"])
        self.assertEqual(reply.status, 202)
        answer = reply.json()
        self.assertRegex(answer["id"], r"\A[0-9a-f]{64}\Z")
        self.assertIn(answer["state"], ("queued", "running"))
        self.assertEqual(reply.headers["Location"], f"/v1/jobs/{answer['id']}")
        self.native.ended(answer["id"])

    def test_wait_gives_the_whole_result(self):
        reply = self.native.submit("sh", wait=30, args=["echo out; echo err >&2; exit 4"])
        self.assertEqual(reply.status, 200)
        job = reply.json()
        self.assertEqual((job["state"], job["verdict"], job["exit_code"], job["signal"]),
                         ("done", "nonzero_exit", 4, None))
        self.assertEqual(job["stdout"], {"content": "out\n", "encoding": "utf8", "bytes": 4,
                                         "truncated_bytes": 0})
        self.assertEqual(content(job["stderr"]), b"err\n")
        self.assertEqual(job["task"], "sh")
        self.assertEqual(job["isolation"], "container")
        self.assertTrue(job["image"].startswith("sha256:"), job["image"])
        self.assertGreater(job["usage"]["memory_peak_bytes"], 0)
        self.assertGreaterEqual(job["usage"]["processes_peak"], 1)

    def test_prefer_wait(self):
        reply = self.native.call("POST", "/v1/jobs", {"task": "sh", "args": ["true"]},
                                 {"Prefer": "respond-async, wait=30"})
        self.assertEqual((reply.status, reply.json()["state"]), (200, "done"))

    def test_wait_that_is_over_before_the_job(self):
        reply = self.native.submit("sh", wait=1, args=["sleep 3"])
        self.assertEqual((reply.status, reply.json()["state"]), (202, "running"))
        self.native.call("DELETE", f"/v1/jobs/{reply.json()['id']}")

    def test_times(self):
        job = self.sh("sleep 0.2")
        for name in ("queued_at", "started_at", "finished_at", "expires_at"):
            self.assertRegex(job[name], STAMP)
        self.assertLessEqual(job["queued_at"], job["started_at"])
        self.assertLess(job["started_at"], job["finished_at"])
        self.assertLess(job["finished_at"], job["expires_at"])

    def test_bytes_that_are_not_utf8_come_as_base64(self):
        job = self.sh(r"printf 'a\377b'")
        self.assertEqual(job["stdout"]["encoding"], "base64")
        self.assertEqual(content(job["stdout"]), b"a\xffb")

    def test_command_args_stdin_env_files(self):
        job = self.native.run(
            "sh", command=["/bin/sh", "read.sh"], args=["one", "two words", "", "-x"],
            stdin="in\n", env={"COLOUR": "grün", "EMPTY": ""},
            files=[{"name": "read.sh", "content": 'printf "%s|" "$@" "$COLOUR" "$EMPTY"; cat - d/f'},
                   {"name": "d/f", "content": "AP8=", "encoding": "base64"}])
        self.assertEqual(content(job["stdout"]), "one|two words||-x|grün||in\n".encode() + b"\0\xff")

    def test_a_later_value_takes_the_place_of_an_earlier_one(self):
        job = self.native.run("sh", command=["/bin/env"], env={"B": "1", "HOME": "/tmp", "AB": "", "A": "2"},
                              cases=[{"env": {"A": "3=x", "C": "4", "TZ": "CET", "B": "5"}}, {}])
        said = [case["stdout"]["content"].splitlines() for case in job["cases"]]
        self.assertEqual(said, [
            ["TZ=CET", "LANG=C.UTF-8", "HOME=/tmp", "B=5", "AB=", "A=3=x", "C=4", "PATH=/bin"],
            ["TZ=UTC", "LANG=C.UTF-8", "HOME=/tmp", "B=1", "AB=", "A=2", "PATH=/bin"]])

    def test_environment_is_ours_alone(self):
        job = self.native.run("sh", command=["/bin/env"], env={"A": "1"})
        names = {line.split("=")[0] for line in content(job["stdout"]).decode().splitlines()}
        self.assertEqual(names - {"PWD", "SHLVL"}, {"TZ", "LANG", "HOME", "PATH", "A"} |
                         (names & {"DOCKGATE_WORKSPACE", "WORKSPACE"}))

    def test_multipart(self):
        blob = bytes(range(256)) * 40
        boundary = "x7MA4YWxk"
        parts = [(b'name="job"', json.dumps({"task": "sh", "args": ["sha256sum < b.bin"]}).encode()),
                 (b'name="file"; filename="b.bin"', blob)]
        body = b"".join(b"--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" %
                        (boundary.encode(), head, data) for head, data in parts)
        body += b"--%s--\r\n" % boundary.encode()
        reply = self.http.post("/v1/jobs?wait=30", body,
                               Content_Type=f"multipart/form-data; boundary={boundary}")
        self.native.check("POST", "/v1/jobs", reply)
        self.assertEqual(reply.status, 200, reply.body)
        self.assertEqual(content(reply.json()["stdout"]).split()[0].decode(),
                         hashlib.sha256(blob).hexdigest())

    def test_labels_come_back(self):
        job = self.sh("true", labels={"course": "cs-1", "user": "7"})
        self.assertEqual(job["labels"], {"course": "cs-1", "user": "7"})


@at_both_levels
class Steps(Case):
    def test_build_once_then_the_cases(self):
        job = self.native.run(
            "build", files=[{"name": "main.src", "content":
                             "echo built >&2; printf '#!/bin/sh\\nread n; echo $((n * n))\\n' "
                             ">program; chmod 755 program"}],
            cases=[{"name": "two", "stdin": "2\n", "expected_stdout": "4\n"},
                   {"name": "three", "stdin": "3\n", "expected_stdout": "10\n"},
                   {"stdin": "4\n", "expected_stdout": "16\n"}])
        self.assertEqual(content(job["build"]["stderr"]), b"built\n")
        self.assertEqual([case["verdict"] for case in job["cases"]], ["ok", "wrong_output", "ok"])
        self.assertEqual([case["name"] for case in job["cases"]][:2], ["two", "three"])
        self.assertEqual(content(job["cases"][2]["stdout"]), b"16\n")
        self.assertEqual(job["verdict"], "wrong_output")

    def test_a_failing_build_runs_no_case(self):
        job = self.native.run("build", files=[{"name": "main.src", "content": "echo no >&2; exit 1"}],
                              cases=[{"stdin": "1"}])
        self.assertEqual((job["verdict"], job["build"]["exit_code"]), ("build_failed", 1))
        self.assertEqual([(case["name"], case["verdict"], case["usage"]) for case in job["cases"]],
                         [("1", None, None)])
        self.assertEqual(content(job["build"]["stderr"]), b"no\n")

    def test_stop_on_failure(self):
        job = self.native.run("sh", args=["exit $1", "sh"], stop_on_failure=True,
                              cases=[{"args": ["0"]}, {"args": ["5"]}, {"args": ["0"]}])
        self.assertEqual([(case["verdict"], case["exit_code"]) for case in job["cases"]],
                         [("ok", 0), ("nonzero_exit", 5), (None, None)])
        self.assertEqual((job["verdict"], job["exit_code"]), ("nonzero_exit", 5))

    def test_the_first_failing_case_decides(self):
        job = self.native.run("sh", args=["exit $1", "sh"],
                              cases=[{"args": [n]} for n in ("0", "5", "6")])
        self.assertEqual((job["verdict"], job["exit_code"]), ("nonzero_exit", 5))
        self.assertEqual(len(job["cases"]), 3)

    def test_cases_have_their_own_env_stdin_and_limits(self):
        job = self.native.run(
            "sh", args=["cat; echo $X"], stdin="all", env={"X": "job"},
            cases=[{}, {"stdin": "mine", "env": {"X": "case"}},
                   {"limits": {"wall_ms": 200}, "args": [], "stdin": "", "env": {"X": "3"}}])
        self.assertEqual([content(case["stdout"]) for case in job["cases"]],
                         [b"alljob\n", b"minecase\n", b"3\n"])

    def test_a_case_with_its_own_limit_alone_hits_it(self):
        job = self.native.run("sh", args=["sleep $1", "sh"],
                              cases=[{"args": ["1"], "limits": {"wall_ms": 200}}, {"args": ["0.5"]}])
        self.assertEqual([case["verdict"] for case in job["cases"]], ["wall_time_limit", "ok"])
        self.assertEqual(job["cases"][0]["limit"]["configured"], 200)

    def test_comparing(self):
        for task, printed, expected, verdict in (
                ("sh", "a \\n", "a\n", "wrong_output"), ("sh", "a\\n", "a\n", "ok"),
                ("lines", "a \\n\\n", "a\n", "ok"), ("lines", "a b\\n", "a  b\n", "wrong_output"),
                ("tokens", "a  b\\nc", "a b c\n", "ok"), ("tokens", "ab c", "a bc", "wrong_output")):
            job = self.native.run(task, args=[f"printf '{printed}'"],
                                  cases=[{"expected_stdout": expected}])
            self.assertEqual(job["verdict"], verdict, (task, printed, expected))

    def test_a_request_brings_its_own_build(self):
        job = self.sh("cat made", build={"command": ["/bin/sh", "-c", "echo hi > made"]})
        self.assertEqual(content(job["stdout"]), b"hi\n")
        self.assertEqual(job["build"]["verdict"], "ok")


class Waiting(Case):
    def test_long_poll_ends_with_the_job(self):
        job = self.native.accept("sh", args=["while [ ! -e /workspace/x ]; do sleep 0.05; "
                                             "[ $((n=n+1)) = 20 ] && exit; done"])
        reply = self.native.call("GET", f"/v1/jobs/{job}?wait=30")
        self.assertEqual(reply.json()["state"], "done")

    def test_output_and_files_can_be_waited_for(self):
        for name, expected in (("stdout", b"out\n"), ("stderr", b"err\n"), ("files/f", b"file\n")):
            job = self.native.accept("sh", args=["sleep 0.3; echo out; echo err >&2; echo file > f"],
                                     collect=["f"])
            reply = self.native.call("GET", f"/v1/jobs/{job}/{name}?wait=30")
            self.assertEqual((reply.status, reply.body), (200, expected))
        job = self.native.accept("sh", args=["sleep 3"])
        self.assertEqual(self.native.call("GET", f"/v1/jobs/{job}/stdout?wait=0.2").status, 409)
        self.assertEqual(self.native.call("GET", f"/v1/jobs/{job}/files?wait=30").json()["files"], [])

    def test_long_poll_that_ends_first(self):
        job = self.native.accept("sh", args=["sleep 30"])
        reply = self.native.call("GET", f"/v1/jobs/{job}?wait=1")
        self.assertEqual(reply.json()["state"], "running")
        self.native.call("DELETE", f"/v1/jobs/{job}")

    def test_many_wait_for_one(self):
        job = self.native.accept("sh", args=["sleep 0.5"])
        states = []
        threads = [threading.Thread(target=lambda: states.append(self.native.ended(job)["state"]))
                   for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(states, ["done"] * 20)

    def test_position_counts_those_ahead(self):
        jobs = [self.native.accept("one", args=["sleep 0.3"]) for _ in range(4)]
        last = self.native.job(jobs[3])
        self.assertEqual((last["state"], last["position"]), ("queued", 3))
        for job in jobs:
            self.native.ended(job)


@at_both_levels
class Cancel(Case):
    def test_a_running_job(self):
        job = self.native.accept("sh", args=["trap '' TERM; echo begun; sleep 60"])
        for _ in service.until(30):
            if self.native.job(job)["state"] == "running":
                break
        reply = self.native.call("DELETE", f"/v1/jobs/{job}")
        self.assertIn(reply.status, (200, 202))
        ended = self.native.ended(job)
        self.assertEqual(ended["verdict"], "cancelled")
        again = self.native.call("DELETE", f"/v1/jobs/{job}")
        self.assertEqual((again.status, again.json()["verdict"]), (200, "cancelled"))

    def test_a_waiting_job_never_starts(self):
        first = self.native.accept("one", args=["sleep 1"])
        second = self.native.accept("one", args=["echo ran"])
        self.native.call("DELETE", f"/v1/jobs/{second}")
        ended = self.native.ended(second)
        self.assertEqual((ended["verdict"], ended["started_at"]), ("cancelled", None))
        self.assertEqual(self.native.ended(first)["verdict"], "ok")

    def test_a_done_job_stays_as_it_ended(self):
        job = self.sh("exit 3")
        reply = self.native.call("DELETE", f"/v1/jobs/{job['id']}")
        self.assertEqual((reply.status, reply.json()["verdict"]), (200, "nonzero_exit"))

    def test_its_container_goes(self):
        job = self.native.accept("cold", args=["sleep 60"])
        for _ in service.until(30):
            if self.native.job(job)["started_at"]:
                break
        self.assertEqual(len(self.service.containers_of("cold")), 1)
        self.native.call("DELETE", f"/v1/jobs/{job}")
        if self.level == "sandbox":  # its slot stays
            self.assertEqual(content(self.sh("echo /proc/[0-9]*", task="cold")["stdout"]),
                             b"/proc/1 /proc/2\n")
            return
        for _ in service.until(10):
            left = self.service.containers_of("cold")
            if not left:
                break
        self.assertEqual(left, [])


class Output(Case):
    def test_stdout_and_stderr_raw(self):
        job = self.sh(r"printf 'a\000\377'; printf 'err' >&2")
        for name, expected in (("stdout", b"a\0\xff"), ("stderr", b"err")):
            reply = self.native.call("GET", f"/v1/jobs/{job['id']}/{name}")
            self.assertEqual((reply.status, reply.body), (200, expected))
            self.assertEqual(reply.headers["X-Content-Type-Options"], "nosniff")
            self.assertNotIn("html", reply.type)

    def test_before_it_is_done(self):
        job = self.native.accept("sh", args=["sleep 5"])
        reply = self.native.call("GET", f"/v1/jobs/{job}/stdout")
        self.assertIn(reply.status, (404, 409))
        self.native.call("DELETE", f"/v1/jobs/{job}")

    def test_files(self):
        job = self.sh("mkdir d; seq 1000 > 'd/a b.txt'; printf '\\211PNG\\r\\n\\032\\n' > p.png; : > e",
                      collect=["**"])
        files = {file["name"]: file for file in job["files"]}
        self.assertEqual(set(files), {"d/a b.txt", "p.png", "e"})
        expected = "".join(f"{n}\n" for n in range(1, 1001)).encode()
        self.assertEqual((files["d/a b.txt"]["bytes"], files["d/a b.txt"]["sha256"]),
                         (len(expected), hashlib.sha256(expected).hexdigest()))
        self.assertEqual(files["p.png"]["type"], "image/png")
        base = f"/v1/jobs/{job['id']}/files"
        self.assertEqual(self.native.call("GET", base + "/d/a%20b.txt").body, expected)
        self.assertEqual(self.native.call("GET", base + "/e").body, b"")
        listed = self.native.call("GET", base).json()
        self.assertEqual({f["name"] for f in listed["files"]}, set(files))
        for target in ("/nothing", "/d", "/../stdout", "/%2e%2e/stdout", "/d/../p.png", "/",
                       "//etc/passwd", "/p.png%00"):
            self.assertIn(self.http.get(base + target).status, (400, 404), target)

    def test_ranges(self):
        job = self.sh("printf 0123456789 > f", collect=["f"])
        target = f"/v1/jobs/{job['id']}/files/f"
        for ask, status, body, where in (
                ("bytes=2-4", 206, b"234", "bytes 2-4/10"), ("bytes=7-", 206, b"789", "bytes 7-9/10"),
                ("bytes=-3", 206, b"789", "bytes 7-9/10"), ("bytes=0-99", 206, b"0123456789", "bytes 0-9/10"),
                ("bytes=10-", 416, None, "bytes */10"), ("bytes=x", 200, b"0123456789", None),
                ("lines=1-2", 200, b"0123456789", None), ("bytes=5-2", 200, b"0123456789", None)):
            reply = self.native.call("GET", target, headers={"Range": ask})
            self.assertEqual((reply.status, reply.headers["Content-Range"]), (status, where), ask)
            if body is not None:
                self.assertEqual(reply.body, body, ask)
        self.assertEqual(self.native.call("GET", target).headers["Accept-Ranges"], "bytes")

    def test_head(self):
        job = self.sh("printf 0123456789 > f", collect=["f"])
        reply = self.http.request("HEAD", f"/v1/jobs/{job['id']}/files/f")
        self.assertEqual((reply.status, reply.headers["Content-Length"]), (200, "10"))


class Lists(OwnService):
    def test_lists_and_the_queue(self):
        jobs = [self.native.accept("one", args=["sleep 0.4"]) for _ in range(5)]
        queue = self.native.call("GET", "/v1/queue").json()
        self.assertEqual((queue["running"], queue["waiting"]), (1, 4), queue)
        self.assertEqual([row["id"] for row in queue["jobs"]], [job[:12] for job in jobs])
        for job in jobs:
            self.native.ended(job)
        self.assertEqual(self.pages(self.native), [[jobs[4][:12], jobs[3][:12]],
                                                   [jobs[2][:12], jobs[1][:12]], [jobs[0][:12]]])
        operator = client.Native(self.service.unix)
        self.assertEqual(self.pages(operator), [[jobs[4], jobs[3]], [jobs[2], jobs[1]], [jobs[0]]])

    def pages(self, native):
        """The ids of all jobs, newest first, two to a page. Whole ones are for their owners."""
        found, cursor = [], ""
        while cursor is not None:
            page = native.call("GET", f"/v1/jobs?task=one&limit=2{cursor}").json()
            found.append([row["id"] for row in page["jobs"]])
            cursor = page["cursor"] and f"&cursor={page['cursor']}"
        return found

    def test_filters_of_the_list(self):
        done = self.native.run("sh", args=["true"])["id"]
        running = self.native.accept("tokens", args=["sleep 2"])
        for query, expected in (("state=done&limit=1", [done]), ("state=queued,running", [running]),
                                ("task=tokens&state=running", [running]), ("task=cold", [])):
            for _ in service.until(5):
                rows = self.native.call("GET", f"/v1/jobs?{query}").json()["jobs"]
                if [row["id"] for row in rows] == [job[:12] for job in expected]:
                    break
            self.assertEqual([row["id"] for row in rows], [job[:12] for job in expected], query)
        self.native.call("DELETE", f"/v1/jobs/{running}")

    def test_tasks(self):
        tasks = {task["name"]: task for task in self.native.call("GET", "/v1/tasks").json()["tasks"]}
        self.assertIn("sh", tasks)
        self.assertEqual(tasks["payload"]["ceilings"]["memory_bytes"], 1 << 30)
        self.assertEqual(tasks["sh"]["limits"]["cpus"], 1)

    def test_nodes(self):
        nodes = self.native.call("GET", "/v1/nodes").json()["nodes"]
        self.assertEqual(len(nodes), 1)

    def test_the_queues_history(self):
        """Its last sample is the present."""
        running = self.native.submit("sh", args=["sleep 30"]).json()["id"]
        for _ in service.until(20):
            if self.native.job(running)["state"] == "running":
                break
        reply = self.native.call("GET", "/v1/queue/history")
        self.native.call("DELETE", f"/v1/jobs/{running}")
        history = reply.json()
        self.assertEqual((reply.status, history["step_s"]), (200, 10))
        last = history["samples"][-1]
        self.assertGreaterEqual(min(last["running"], last["slots_used"], last["cpus_used"]), 1, last)
        self.assertGreater(last["memory_used_bytes"], 0)
        self.assertGreater(last["slots"], 0)
        stamps = [sample["at"] for sample in history["samples"]]
        self.assertEqual(stamps, sorted(stamps))
        self.assertEqual(self.native.call("GET", "/v1/queue/history?limit=3").status, 400)

    def test_health(self):
        for target in ("/healthz", "/readyz"):
            self.assertEqual(self.native.call("GET", target).status, 200)

    def test_metrics_are_prometheus_text(self):
        self.sh("true")
        reply = self.native.call("GET", "/metrics")
        self.assertTrue(reply.type.startswith("text/plain"), reply.type)
        line = re.compile(r'\A(# (HELP|TYPE) [a-zA-Z_:][\w:]* .+|'
                          r'[a-zA-Z_:][\w:]*(\{(\w+="([^"\\\n]|\\.)*",?)*\})? [-+0-9.eInfNa]+)\Z')
        lines = reply.text.splitlines()
        self.assertEqual([text for text in lines if not line.match(text)], [])
        self.assertTrue(any(text.startswith("dockgate_") for text in lines))
        self.assertTrue(reply.text.endswith("\n"))
        self.assertNotIn("\n\n", reply.text)

    def test_below_executor_too(self):
        for target in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/tasks"):
            self.assertEqual(self.http.get("/executor" + target).status, 200, target)


class Problems(Case):
    def test_unknown_jobs_are_all_the_same_404(self):
        bodies = set()
        for method, target in (("GET", ""), ("DELETE", ""), ("GET", "/stdout"), ("GET", "/stderr"),
                               ("GET", "/files"), ("GET", "/files/x")):
            for job in (NOWHERE, "f" * 64):
                reply = self.native.call(method, f"/v1/jobs/{job}{target}")
                self.assertEqual((reply.status, reply.type), (404, "application/problem+json"))
                bodies.add(reply.body)
        self.assertEqual(len(bodies), 1)

    def test_ids_are_taken_whole_only(self):
        job = self.native.accept("sh", args=["true"])
        for other in (job[:12], job[:-1], job + "0", job.upper(), job + "%00", "'"):
            self.assertEqual(self.http.get(f"/v1/jobs/{other}").status, 404, other)

    def test_problem_members(self):
        problem = self.native.call("GET", f"/v1/jobs/{NOWHERE}").json()
        self.assertEqual(problem["status"], 404)
        self.assertEqual(problem["message"], problem["detail"])
        self.assertTrue(problem["type"] and problem["title"])

    def test_unknown_paths_and_methods(self):
        for target in ("/v1", "/v1/nothing", "/v2/jobs", "/nothing"):
            self.assertEqual(self.http.get(target).status, 404, target)
        for method, target in (("PUT", "/v1/jobs"), ("POST", f"/v1/jobs/{NOWHERE}"),
                               ("DELETE", "/v1/tasks"), ("POST", "/healthz")):
            reply = self.http.request(method, target)
            self.assertEqual(reply.status, 405, (method, target))
            self.assertTrue(reply.headers["Allow"], (method, target))


class Full(OwnService):
    settings = {"waiting_max": 3}

    def test_a_full_queue_is_503_with_retry_after(self):
        jobs = [self.native.accept("one", args=["sleep 1"]) for _ in range(4)]
        reply = self.native.submit("one", args=["true"])
        self.assertEqual((reply.status, reply.type), (503, "application/problem+json"))
        self.assertGreater(int(reply.headers["Retry-After"]), 0)
        for job in jobs:
            self.assertEqual(self.native.ended(job)["verdict"], "ok")


class Description(Case):
    def test_every_described_path_is_served_and_valid(self):
        document = self.http.get("/openapi.json").json()
        self.assertTrue(document["openapi"].startswith("3.1."), document["openapi"])
        self.assertTrue(document["info"]["title"] and document["info"]["version"])
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if method in ("parameters", "summary", "description"):
                    continue
                with self.subTest(f"{method} {path}"):
                    self.assertIn(method, ("get", "post", "delete", "head", "put", "options"))
                    self.assertTrue(operation["responses"])
                    named = {schema.Description(document).resolve(p)["name"]
                             for p in operation.get("parameters", []) + item.get("parameters", [])
                             if schema.Description(document).resolve(p)["in"] == "path"}
                    self.assertEqual(named, set(re.findall(r"\{(\w+)\}", path)))
                    target = path.replace("{id}", NOWHERE).replace("{path}", "x")
                    reply = self.http.request(method.upper(), target)
                    self.assertNotEqual(reply.status, 405)

    def test_a_wrong_answer_would_be_noticed(self):
        description = schema.Description(self.http.get("/openapi.json").json())
        reply = self.http.get("/v1/tasks")
        broken = reply._replace(body=b'{"tasks": [{"name": 7}]}')
        with self.assertRaises(schema.Mismatch):
            description.check("GET", "/v1/tasks", broken)


class KeepAlive(Case):
    def test_many_requests_on_one_connection(self):
        connection = self.http.connection()
        for _ in range(20):
            connection.request("POST", "/executor/queueing", b"")
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
        connection.close()

    def test_a_client_that_leaves_loses_nothing(self):
        with self.http.socket() as sock:
            body = b'{"task": "sh", "args": ["sleep 0.5; echo alone"], "labels": {"who": "gone"}}'
            sock.sendall(b"POST /v1/jobs?wait=30 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: "
                         b"application/json\r\nContent-Length: %d\r\n\r\n%s" %
                         (self.service.port, len(body), body))
            time.sleep(0.2)  # so that the request has been read when the connection goes
        for _ in service.until(30):
            rows = client.Native(self.service.unix).call("GET", "/v1/jobs?limit=1").json()["jobs"]
            if rows and rows[0]["state"] == "done":
                break
        self.assertEqual(content(self.native.job(rows[0]["id"])["stdout"]), b"alone\n")


if __name__ == "__main__":
    unittest.main()
