# SPDX-License-Identifier: MIT
"""Many bytes, in and out: whole, and never in the roles' memory."""
import hashlib
import json
import os
import sqlite3
import unittest

from case import Case, OwnService, content
from service import SANITIZED, read, status_of

MIB = 1 << 20
SIZE = 40 * MIB
ROLES = ("gateway", "queue", "driver")

# No role may grow by more than this, however much goes through it. Sanitizers keep freed memory.
GROWN_MAX_KIB = 16 * 1024

LIMITS = {"output_bytes": 64 * MIB, "memory_bytes": 512 * MIB, "disk_bytes": 160 * MIB,
          "file_bytes": 64 * MIB}


class Memory:
    """The most that each role had since it was made, against what it had then."""

    def __init__(self, svc):
        self.pids = {role: svc.pid(role) for role in ROLES}
        self.before = {role: self.kib(pid, "VmRSS") for role, pid in self.pids.items()}
        for pid in self.pids.values():
            with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
                file.write("5")  # VmHWM begins anew

    @staticmethod
    def kib(pid, which):
        return int(status_of(pid)[which].split()[0])

    def grown_kib(self):
        return {role: self.kib(pid, "VmHWM") - self.before[role] for role, pid in self.pids.items()}


def numbered_bytes():
    """Bytes of which no MiB is like another, and that are not UTF-8."""
    piece = bytes(range(256)) * (MIB // 256 - 1)
    return b"".join(i.to_bytes(256, "big") + piece for i in range(SIZE // MIB))


class Bulk(Case):
    def upload(self, data, **members):
        job = json.dumps({"task": "sh", **members}).encode()
        body = (b'--b\r\nContent-Disposition: form-data; name="job"\r\n\r\n' + job +
                b'\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="in"\r\n\r\n' + data +
                b"\r\n--b--\r\n")
        reply = self.http.post("/v1/jobs", body, Content_Type="multipart/form-data; boundary=b")
        self.assertEqual(reply.status, 202, reply.body[:500])
        return reply.json()["id"]

    def run_it(self, data):
        """In by multipart, out by stdout, and as a collected file: the listing of that."""
        job = self.upload(data, args=["cat in; mv in copy"], collect=["copy"], limits=LIMITS)
        return job, self.native.call("GET", f"/v1/jobs/{job}/files?wait=60").json()

    def test_bytes_are_whole_and_take_no_memory(self):
        data = numbered_bytes()
        digest = hashlib.sha256(data).digest()
        self.sh("true")
        memory = Memory(self.service)
        job, files = self.run_it(data)
        self.assertEqual([(f["name"], f["bytes"], f["sha256"]) for f in files["files"]],
                         [("copy", SIZE, digest.hex())], files)
        with self.http.socket() as slow:
            # Who asks and does not read holds nobody up.
            slow.sendall(f"GET /v1/jobs/{job}/stdout HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            for name in ("stdout", "files/copy"):
                reply = self.http.get(f"/v1/jobs/{job}/{name}")
                self.assertEqual(hashlib.sha256(reply.body).digest(), digest, name)
            reply = self.http.get(f"/v1/jobs/{job}/stdout", Range=f"bytes={SIZE - 100}-")
            self.assertEqual(reply.body, data[-100:])
        whole = self.http.get(f"/v1/jobs/{job}").json()
        self.assertEqual((whole["verdict"], whole["stdout"]["bytes"]), ("ok", SIZE))
        self.assertEqual(content(whole["stdout"]), data)
        grown = memory.grown_kib()
        if not SANITIZED:
            self.assertLess(max(grown.values()), GROWN_MAX_KIB, grown)

    def test_text_with_escapes_is_whole(self):
        """More characters than bytes in JSON: 12 MiB of quotes, control signs and umlauts."""
        line = '"\\ü\t\x01€x\n'
        self.sh("true")
        memory = Memory(self.service)
        job = self.upload((line * (12 * MIB // len(line.encode()))).encode(), args=["cat in >&2"],
                          limits=LIMITS)
        whole = self.native.ended(job)
        self.assertEqual(whole["stderr"]["encoding"], "utf8")
        self.assertEqual(whole["stderr"]["content"], line * (12 * MIB // len(line.encode())))
        grown = memory.grown_kib()
        if not SANITIZED:
            self.assertLess(max(grown.values()), GROWN_MAX_KIB, grown)


class Stored(OwnService):
    def test_the_stored_hash_is_that_of_the_bytes(self):
        """Who writes a file into the spool says its hash; this is what the row then has."""
        job = self.sh("head -c 3000000 /dev/zero | tr '\\0' x; head -c 100000 /dev/zero >&2")
        self.assertEqual(job["verdict"], "ok", job)
        self.assertEqual(self.service.stop(), 0)
        with sqlite3.connect(self.service.database()) as db:
            rows = db.execute("SELECT file, bytes, sha256 FROM blob WHERE file IS NOT NULL").fetchall()
        db.close()
        self.assertEqual(sorted(row[1] for row in rows), [100_000, 3_000_000])
        for name, size, digest in rows:
            data = read(os.path.join(self.service.state, "queue", "spool", name))
            self.assertEqual((len(data), hashlib.sha256(data).digest()), (size, digest))


if __name__ == "__main__":
    unittest.main()
