# SPDX-License-Identifier: MIT
"""Programs that are typed to while they run: input, its end, signals."""
import json
import socket
import unittest

from case import Case, at_both_levels, content

KIB = 1024


class Typing(Case):
    def open(self, script, task="sh", **members):
        """The id of a job that runs, with its stdin open."""
        return self.native.accept(task, args=[script], stdin="open", **members)

    def type(self, job, data=b"", end=False, wait=20):
        target = f"/v1/jobs/{job}/stdin?wait={wait}" + ("&end=1" if end else "")
        reply = self.http.post(target, data)
        self.native.check("POST", target, reply)
        return reply

    def signal(self, job, name, wait=20):
        return self.native.call("POST", f"/v1/jobs/{job}/signal?wait={wait}", {"signal": name})

    def assert_taken(self, reply):
        self.assertEqual(reply.status, 202, reply.text)


@at_both_levels
class Typed(Typing):
    def test_lines_arrive_as_they_are_typed(self):
        job = self.open("while read line; do echo got $line; done; echo end")
        for word in (b"one\n", b"tw", b"o\n"):
            reply = self.type(job, word)
            self.assert_taken(reply)
            self.assertEqual(reply.json(), {"bytes": len(word), "end": False})
        self.assertEqual(self.type(job, b"three\n", end=True).json(), {"bytes": 6, "end": True})
        ended = self.native.ended(job)
        self.assertEqual((ended["verdict"], content(ended["stdout"])),
                         ("ok", b"got one\ngot two\ngot three\nend\n"))


if __name__ == "__main__":
    unittest.main()
