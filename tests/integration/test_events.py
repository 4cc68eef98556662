# SPDX-License-Identifier: MIT
"""GET /v1/jobs/ID/events: a job as it goes."""
import os
import signal
import unittest

import service
from case import Case, OwnService, content
from events import Story, Stream

NOWHERE = "0" * 64
LISTENERS = 200


def names(events):
    return [e.name for e in events]


class Events(Case):
    def story(self, job):
        return Story(self.http, job).follow()

    def listeners(self):
        text = self.http.get("/metrics").text
        return next(int(line.split()[1]) for line in text.splitlines()
                    if line.startswith("dockgate_event_listeners "))

    def cancel(self, job):
        return self.native.call("DELETE", f"/v1/jobs/{job}")

    def test_a_job_from_start_to_end(self):
        job = self.native.accept("sh", args=["echo out; echo err >&2; exit 3"])
        with Stream(self.http, job) as stream:
            self.assertEqual(stream.status, 200)
            self.assertEqual(stream.headers["Content-Type"], "text/event-stream; charset=utf-8")
            self.assertEqual(stream.headers["Cache-Control"], "no-store")
            self.assertEqual(stream.headers["X-Accel-Buffering"], "no")
            events = list(stream)
        found = names(events)
        self.assertEqual(found[-1], "end")
        self.assertEqual(found.count("attempt"), 1)
        self.assertLess(found.index("attempt"), found.index("stdout"))
        self.assertIn("stderr", found)
        self.assertNotIn("case", found)
        story = Story(self.http, job)
        for event in events:
            story.take(event)
        self.assertEqual((story.stdout, story.stderr), (b"out\n", b"err\n"))
        self.assertEqual(story.output.keys(), {("stdout", 0), ("stderr", 0)})

    def test_the_end_is_the_job_without_contents(self):
        job = self.native.accept("sh", args=["echo out; echo more >&2"], labels={"a": "b"})
        end = self.story(job).end
        whole = self.native.job(job)
        for stream in ("stdout", "stderr"):
            self.assertNotIn("content", end[stream])
            del whole[stream]["content"], whole[stream]["encoding"]
        for document in (end, whole):
            del document["expires_at"]  # by two clocks: a millisecond may lie between
        self.assertEqual(end, whole)

    def test_output_comes_while_the_program_runs(self):
        job = self.native.accept("sh", args=["echo now; echo too >&2; exec sleep 60"])
        with Stream(self.http, job) as stream:
            stream.until("stderr")
            self.assertEqual(self.native.job(job)["state"], "running")
            self.cancel(job)
            end = stream.until("end")[-1].data
        self.assertEqual((end["state"], end["verdict"]), ("done", "cancelled"))

    def test_who_comes_late_gets_all_from_the_start(self):
        job = self.native.accept("sh", args=["echo first; exec sleep 60"])
        with Stream(self.http, job) as early, Stream(self.http, job) as late:
            early.until("stdout")
            seen = late.until("stdout")
            self.assertEqual(seen[-1].bytes, b"first\n")
            with Stream(self.http, job) as later:
                self.assertEqual(later.until("stdout")[-1].bytes, b"first\n")
                self.cancel(job)
                later.until("end")

    def test_after_the_end(self):
        job = self.sh("echo out; echo err >&2")["id"]
        story = self.story(job)
        self.assertEqual((story.stdout, story.stderr, story.attempts), (b"out\n", b"err\n", [1]))
        with Stream(self.http, job, story.last) as again:
            self.assertEqual((again.status, again.answer.read()), (204, b""))

    def test_a_waiting_job(self):
        blocker = self.native.accept("one", args=["exec sleep 60"])
        second = self.native.accept("one", args=["exec sleep 60"])
        third = self.native.accept("one", args=["echo mine"])
        with Stream(self.http, third) as stream:
            place = stream.until("position")
            self.assertEqual(names(place), ["state", "position"])
            self.assertEqual(place[0].data["state"], "queued")
            self.assertIn("estimated_start", place[-1].data)
            before = place[-1].data["position"]
            self.assertGreaterEqual(before, 2)
            self.cancel(second)
            after = stream.until("position")[-1].data["position"]
            self.assertLess(after, before)
            self.cancel(blocker)
            events = stream.until("end")
        self.assertEqual(events[-1].data["verdict"], "ok")
        self.assertEqual(b"".join(e.bytes for e in events if e.name == "stdout"), b"mine\n")

    def test_cancelled_while_it_waits(self):
        blocker = self.native.accept("one", args=["exec sleep 60"])
        waiting = self.native.accept("one", args=["echo never"])
        with Stream(self.http, waiting) as stream:
            stream.until("state", state="queued")
            self.cancel(waiting)
            rest = stream.until("end")
        self.cancel(blocker)
        self.assertNotIn("attempt", names(rest))
        self.assertEqual((rest[-1].data["verdict"], rest[-1].data["attempt"]), ("cancelled", 0))

    def cases(self):
        return self.native.accept(
            "build", files=[{"name": "main.src", "content":
                             "echo building; echo warning >&2; "
                             "printf '#!/bin/sh\\nread x; echo \"got $x\"; test $x != bad' >program; "
                             "chmod +x program"}],
            cases=[{"name": "first", "stdin": "1\n"}, {"stdin": "bad\n"},
                   {"name": "last", "stdin": "3\n", "expected_stdout": "other"}])

    def test_build_and_cases_as_they_end(self):
        job = self.cases()
        with Stream(self.http, job) as stream:
            events = list(stream)
        ends = [e for e in events if e.name in ("build", "case")]
        self.assertEqual([(e.name, e.data.get("index"), e.data.get("name"), e.data["verdict"]) for e in ends],
                         [("build", None, None, "ok"), ("case", 0, "first", "ok"),
                          ("case", 1, "2", "nonzero_exit"), ("case", 2, "last", "wrong_output")])
        whole = self.native.job(job)
        for event, case in zip(ends[1:], whole["cases"]):
            for stream in ("stdout", "stderr"):
                del case[stream]["content"], case[stream]["encoding"]
            self.assertEqual(event.data, {**case, "index": event.data["index"]})
        story = self.story(job)
        self.assertEqual({k: v for k, v in story.output.items() if v}, {
            ("stdout", "build"): b"building\n", ("stderr", "build"): b"warning\n",
            ("stdout", 0): b"got 1\n", ("stdout", 1): b"got bad\n", ("stdout", 2): b"got 3\n"})
        # No output of a step comes behind the word of its end.
        over = set()
        for event in events:
            if event.name in ("stdout", "stderr"):
                self.assertNotIn(event.data["step"], over)
            elif event.name in ("build", "case"):
                over.add(event.data.get("index", "build"))

    def test_going_on_behind_every_event(self):
        job = self.cases()
        with Stream(self.http, job) as stream:
            live = list(stream)
        whole = self.story(job)
        for n, event in enumerate(live[:-1]):
            story = Story(self.http, job)
            for before in live[:n + 1]:
                story.take(before)
            story.follow()
            self.assertEqual((story.output, story.cases, story.build, story.end["verdict"], story.attempts),
                             (whole.output, whole.cases, whole.build, whole.end["verdict"], [1]), event)
            self.assertEqual(story.reconnects, 0)

    def test_characters_are_not_cut(self):
        job = self.native.accept("sh", args=[
            r"printf 'gr\303'; sleep 0.1; printf '\274n'; sleep 0.1; printf '\342\202'; sleep 0.1; printf '\254'"])
        with Stream(self.http, job) as stream:
            events = [e for e in stream if e.name == "stdout"]
        self.assertEqual({e.data["encoding"] for e in events}, {"utf8"})
        self.assertEqual("".join(e.data["content"] for e in events), "grün€")

    def test_bytes_that_are_no_text(self):
        job = self.native.accept("sh", args=[r"printf 'text\n\377\376\nmore \0 text\n\303'"])
        with Stream(self.http, job) as stream:
            events = [e for e in stream if e.name == "stdout"]
        self.assertEqual(b"".join(e.bytes for e in events), b"text\n\xff\xfe\nmore \0 text\n\xc3")
        self.assertEqual({e.data["encoding"] for e in events}, {"utf8", "base64"})

    def test_much_output_and_a_slow_reader(self):
        lines = 400_000
        job = self.native.accept("sh", args=[f"seq {lines}; echo done >&2"],
                                 limits={"output_bytes": 1 << 25})
        with Stream(self.http, job) as stream:
            stream.until("stdout")
            self.assertEqual(self.native.ended(job)["verdict"], "ok")  # nobody held it back
            story = Story(self.http, job)
            with Stream(self.http, job) as other:
                story.read(other)
            rest = b"".join(e.bytes for e in stream if e.name == "stdout")
        expected = b"".join(b"%d\n" % n for n in range(1, lines + 1))
        self.assertTrue(story.stdout == expected)
        self.assertTrue(expected.endswith(rest))
        self.assertEqual(story.stderr, b"done\n")

    def test_many_listeners_of_one_job(self):
        blocker = self.native.accept("one", args=["exec sleep 60"])
        job = self.native.accept("one", args=["for i in 1 2 3 4 5; do echo $i; sleep 0.05; done"])
        streams = []
        try:
            for _ in range(LISTENERS):
                streams.append(Stream(self.http, job))
                self.assertEqual(streams[-1].status, 200)
            self.cancel(blocker)
            for stream in streams:
                story = Story(self.http, job)
                story.read(stream)
                self.assertEqual((story.stdout, story.end["verdict"]), (b"1\n2\n3\n4\n5\n", "ok"))
        finally:
            for stream in streams:
                stream.close()

    def test_over_the_unix_socket(self):
        job = self.native.accept("sh", args=["echo here"])
        self.assertEqual(Story(self.service.unix, job).follow().stdout, b"here\n")

    def test_a_listener_that_leaves(self):
        job = self.native.accept("sh", args=["while echo again; do sleep 0.02; done"])
        for _ in range(3):
            with Stream(self.http, job) as stream:
                stream.until("stdout")
        with Stream(self.http, job) as stream, Stream(self.http, job):
            stream.until("stdout")
            self.assertIn(self.listeners(), (2, 3, 4, 5))
            self.cancel(job)
            stream.until("end")
        # One that has nothing to say is told nothing, and is noticed nevertheless.
        silent = self.native.accept("sh", args=["exec sleep 60"])
        with Stream(self.http, silent) as stream:
            stream.until("state", state="running")
        for _ in service.until(30):
            if self.listeners() == 0:
                break
        self.assertEqual(self.listeners(), 0)
        self.cancel(silent)

    def test_bad_requests(self):
        job = self.sh("echo out")["id"]
        address = f"/v1/jobs/{job}/events"
        for last in ("x", "1", "1-0-0-0", "1-0-0-0-", "1-0-0-0-x", "1-0-0-0-nn", "-1-0-0-0-n", "1-0-0-0-n-n",
                     "1--0-0-n", "99999999999-0-0-0-n", "1-0-18446744073709551616-0-n", "0x1-0-0-0-n",
                     "2-0-0-0-n", "1-0-0-0-n" + "n" * 2000):
            reply = self.native.call("GET", address, headers={"Last-Event-ID": last})
            self.assertEqual(reply.status, 400, last)
            self.assertIn("Last-Event-ID", reply.json()["detail"])
        for method in ("HEAD", "POST", "DELETE", "PUT"):
            reply = self.http.request(method, address)
            self.assertEqual(reply.status, 405, method)
            self.assertNotIn("POST", reply.headers["Allow"])
        self.assertEqual(self.native.call("GET", address + "?from=1").status, 400)
        for unknown in (NOWHERE, "short", NOWHERE.upper().replace("0", "F")):
            self.assertEqual(self.native.call("GET", f"/v1/jobs/{unknown}/events").status, 404)
            reply = self.native.call("GET", f"/v1/jobs/{unknown}/events", headers={"Last-Event-ID": "1-0-0-0-e"})
            self.assertEqual(reply.status, 404)

    def test_a_place_that_is_not_in_the_job(self):
        """It is an id like any other: what is not there does not come, and nothing breaks."""
        job = self.cases()
        self.native.ended(job)
        for last in ("1-9-9-9-s", "1-1-99999-99999-s", "1-2-0-0-n", "0-0-0-0-n", "1-0-3-3-q"):
            with Stream(self.http, job, last) as stream:
                self.assertEqual(names(stream.until("end"))[-1], "end", last)


class Restarts(OwnService):
    """Whoever dies, a listener misses nothing and hears nothing twice."""
    settings = {"lease_ms": 1000}
    COUNT = "for i in $(seq 1 30); do echo $i; echo e$i >&2; sleep 0.05; done"
    OUT = "".join(f"{n}\n" for n in range(1, 31)).encode()
    ERR = "".join(f"e{n}\n" for n in range(1, 31)).encode()

    def kill(self, role):
        pid = self.service.pid(role)
        os.kill(pid, signal.SIGKILL)
        self.service.await_pid(role, other_than=pid)

    def check(self, story, attempts):
        self.assertEqual((story.stdout, story.stderr, story.end["verdict"], story.attempts),
                         (self.OUT, self.ERR, "ok", attempts))

    def test_the_gateway_dies(self):
        story = Story(self.http, self.native.accept("sh", args=[self.COUNT]))
        with Stream(self.http, story.job) as stream:
            for event in stream.until("stdout"):
                story.take(event)
            self.kill("gateway")
        story.follow()
        self.check(story, [1])

    def test_the_queue_dies_under_a_stream(self):
        story = Story(self.http, self.native.accept("sh", args=[self.COUNT]))
        with Stream(self.http, story.job) as stream:
            for event in stream.until("stdout"):
                story.take(event)
            self.kill("queue")
            story.read(stream)  # the same connection goes on
        self.check(story, [1])

    def test_gateway_and_queue_die(self):
        story = Story(self.http, self.native.accept("sh", args=[self.COUNT]))
        with Stream(self.http, story.job) as stream:
            for event in stream.until("stdout"):
                story.take(event)
            self.kill("queue")
            self.kill("gateway")
        story.follow()
        self.check(story, [1])

    def test_a_lost_attempt_is_void(self):
        story = Story(self.http, self.native.accept("sh", args=[self.COUNT]))
        with Stream(self.http, story.job) as stream:
            for event in stream.until("stdout"):
                story.take(event)
            self.kill("driver")
            story.read(stream)
        self.check(story, [1, 2])
        self.assertIn("queued", story.states[1:])
        # One who was away meanwhile is told so as well.
        away = Story(self.http, story.job)
        away.last = "1-0-4-0-s"
        away.follow()
        self.check(away, [2])


if __name__ == "__main__":
    unittest.main()
