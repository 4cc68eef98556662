# SPDX-License-Identifier: MIT
"""A request's traceparent on its way to the job's program and back, and the log's line of each move."""
import re
import shlex
import unittest

import service
from case import Case, at_both_levels

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SHOW = "printf '%s' \"${TRACEPARENT-none}\""


@at_both_levels
class Trace(Case):
    def run_traced(self, trace, **members):
        reply = self.native.call("POST", "/v1/jobs?wait=30", {"task": "sh", "args": [SHOW], **members},
                                 {} if trace is None else {"traceparent": trace})
        self.assertEqual(reply.status, 200, reply.body)
        return reply.json()

    def test_it_reaches_the_program_and_comes_back(self):
        job = self.run_traced(TRACE)
        self.assertEqual((job["stdout"]["content"], job["traceparent"]), (TRACE, TRACE))
        self.assertEqual(self.native.job(job["id"])["traceparent"], TRACE)

    def test_none_is_made(self):
        for trace in (None, "", "nonsense", TRACE.upper(), TRACE + "-more", "ff" + TRACE[2:]):
            job = self.run_traced(trace)
            self.assertEqual(job["stdout"]["content"], "none", trace)
            self.assertNotIn("traceparent", job)

    def test_a_later_version_is_taken_for_what_is_known_of_it(self):
        self.assertEqual(self.run_traced("cc" + TRACE[2:-2] + "ff-later")["traceparent"], TRACE)

    def test_the_request_may_set_its_own(self):
        self.assertEqual(self.run_traced(TRACE, env={"TRACEPARENT": "mine"})["stdout"]["content"], "mine")

    def test_two_are_none(self):
        body = b'{"task": "sh", "args": ["true"]}'
        head = (f"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n" + 2 * f"traceparent: {TRACE}\r\n" + "\r\n")
        answer = self.http.raw(head.encode() + body)
        self.assertIn(b" 202 ", answer.split(b"\r\n")[0])
        self.assertNotIn(b"traceparent", answer)

    def lines_of(self, job, done):
        """What queue and driver said of a job, as dictionaries."""
        for _ in service.until(10):
            lines = [line for line in self.service.log(100000).splitlines() if f" job={job[:12]} " in line]
            if done(lines):
                break
        return lines

    def test_a_line_for_each_move(self):
        job = self.run_traced(TRACE)["id"]
        lines = self.lines_of(job, lambda all_: any(" to=done " in line for line in all_))
        moves = [dict(word.split("=", 1) for word in shlex.split(line[line.index("job="):]))
                 for line in lines if " from=" in line]
        self.assertEqual([(move["from"], move["to"]) for move in moves],
                         [("none", "queued"), ("queued", "running"), ("running", "done")])
        self.assertTrue(all(move["trace"] == TRACE and move["task"] == "sh" for move in moves), moves)
        self.assertEqual([move["attempt"] for move in moves], ["0", "1", "1"])
        self.assertEqual(moves[2]["verdict"], "ok")
        self.assertRegex(moves[1]["wait_ms"], r"\A\d+\Z")
        self.assertRegex(moves[2]["run_ms"], r"\A\d+\Z")
        drivers = [line for line in lines if re.search(r" info driver job=.* verdict=ok", line)]
        self.assertEqual([line.endswith(f" trace={TRACE}") for line in drivers], [True], lines)


if __name__ == "__main__":
    unittest.main()
