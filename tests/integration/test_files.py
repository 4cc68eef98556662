# SPDX-License-Identifier: MIT
"""What comes back of the workspace, and what never does."""
import base64
import hashlib
import os
import unittest

from case import Case, at_both_levels, content

MIB = 1 << 20


@at_both_levels
class Collect(Case):
    def files(self, script, collect, task="sh", **members):
        """The job, and its collected files by name; the verdict is the test's to look at."""
        job = self.sh(script, task=task, collect=collect, **members)
        self.assertNotIn(job["verdict"], ("engine_error", "lost", "cancelled"), job)
        return job, {file["name"]: file for file in job["files"]}

    def skipped(self, job):
        listed = self.native.call("GET", f"/v1/jobs/{job['id']}/files").json()
        self.assertEqual(listed["files"], job["files"])
        return {entry["name"]: entry["reason"] for entry in listed["skipped"]}

    def get(self, job, name):
        return self.http.get(f"/v1/jobs/{job['id']}/files/{name}")

    def test_bytes_size_sha256_and_type(self):
        blob = bytes(range(256)) * 400
        job, files = self.files(
            "i=0; while [ $i -lt 400 ]; do cat p; i=$((i+1)); done > blob.bin; echo '{}' > a.json; "
            "echo x > a.txt", ["blob.bin", "a.*"],
            files=[{"name": "p", "encoding": "base64", "content": encoded(bytes(range(256)))}])
        self.assertEqual(job["verdict"], "ok", job)
        self.assertEqual((files["blob.bin"]["bytes"], files["blob.bin"]["sha256"]),
                         (len(blob), hashlib.sha256(blob).hexdigest()))
        self.assertEqual(files["a.json"]["type"], "application/json")
        self.assertEqual(files["a.txt"]["type"].split(";")[0], "text/plain")
        reply = self.get(job, "blob.bin")
        self.assertEqual(reply.body, blob)
        self.assertEqual(reply.headers["X-Content-Type-Options"], "nosniff")

    def test_no_type_of_a_job_runs_in_our_page(self):
        """What a browser would run is handed out as something to save."""
        job, _ = self.files("echo '<script>1</script>' > a.html; echo '<svg/>' > a.svg", ["*"])
        for name in ("a.html", "a.svg"):
            headers = self.get(job, name).headers
            safe = (headers.get("Content-Disposition", "").startswith("attachment") or
                    "sandbox" in headers.get("Content-Security-Policy", ""))
            self.assertTrue(safe, headers.as_string())

    def test_globs_that_cost_too_much(self):
        """What comparing costs has an end, and nobody's job is lost for it."""
        job, _ = self.files(f"n={'a' * 230}; i=0; while [ $i -lt 3000 ]; do : > $n$i; i=$((i+1)); done",
                            ["*a" * 120 + "b"] * 256)
        self.assertEqual((job["verdict"], job["attempt"]), ("ok", 1), job)
        self.assertIn("too many entries", self.skipped(job).values())

    def test_a_workspace_that_its_job_locked(self):
        for mode in ("0", "100", "400"):
            job, files = self.files(f"echo x > a; chmod {mode} .", ["*"])
            self.assertEqual((job["verdict"], job["attempt"], list(files)), ("ok", 1, ["a"]), job)

    def test_a_build_that_locks_the_workspace(self):
        """What comes after it runs there all the same."""
        job = self.native.run("build", collect=["made"], files=[
            {"name": "main.src", "content": "echo 'echo fine > made' > program; chmod 755 program; chmod 0 ."}])
        self.assertEqual((job["verdict"], job["attempt"], [f["name"] for f in job["files"]]),
                         ("ok", 1, ["made"]), job)

    def test_globs(self):
        script = "mkdir -p d/e; for f in a.png b.txt d/c.png d/e/f.png d/.h d/[x].png; do echo $f > $f; done"
        for collect, expected in (
                (["*.png"], {"a.png"}), (["d/*.png"], {"d/c.png", "d/[x].png"}),
                (["**/*.png"], {"a.png", "d/c.png", "d/e/f.png", "d/[x].png"}),
                (["d/**"], {"d/c.png", "d/e/f.png", "d/.h", "d/[x].png"}),
                (["?.txt", "a.png"], {"b.txt", "a.png"}), (["[ab].*"], {"a.png", "b.txt"}),
                (["[!a].*"], {"b.txt"}), (["nothing"], set()), ([], set()), (["d"], set())):
            _, files = self.files(script, collect)
            self.assertEqual(set(files), expected, collect)

    def test_what_was_sent_is_there_unless_it_is_not_asked_for(self):
        _, files = self.files("echo more >> in.txt", ["*.txt"], files=[{"name": "in.txt", "content": "x"}])
        self.assertEqual(files["in.txt"]["bytes"], 6)

    def test_links_are_never_followed(self):
        with open("/etc/hostname", "rb") as file:
            host = file.read()
        script = ("ln -s /etc/passwd a; ln -s /proc/self/environ b; ln -s f c; echo f > f; ln -s / root; "
                  "ln -s .. up; mkdir d; ln -s /etc d/etc; ln -s loop loop; ln -s /dockgate/agent agent")
        job, files = self.files(script, ["**", "root/etc/hostname", "up/etc/hostname", "d/etc/*"])
        self.assertEqual(set(files), {"f"})
        skipped = self.skipped(job)
        for name in ("a", "b", "c", "loop", "agent"):
            self.assertIn("link", skipped[name], skipped)
        for name in ("a", "c", "root/etc/hostname", "up/etc/hostname", "d/etc/passwd"):
            reply = self.get(job, name)
            self.assertEqual(reply.status, 404, name)
            self.assertNotIn(host, reply.body)

    def test_hard_links(self):
        _, files = self.files("echo x > a; ln a b; ln /bin/busybox c", ["*"])
        self.assertNotIn("c", files)

    def test_devices_fifos_and_sockets(self):
        job, files = self.files("mkfifo fifo; mknod dev c 1 3; mknod blk b 8 0; nc -lU sock & sleep 0.2; "
                                "echo f > f; true", ["*"])
        self.assertEqual(set(files), {"f"})
        self.assertIn("fifo", self.skipped(job)["fifo"])

    def test_unreadable_files(self):
        job, files = self.files("echo x > a; chmod 0 a; mkdir d; echo y > d/b; chmod 0 d; echo z > c", ["**"])
        self.assertIn("c", files)
        self.assertEqual(job["verdict"], "ok")

    def test_too_many_files(self):
        job, files = self.files("i=0; while [ $i -lt 40 ]; do : > f$i.out; i=$((i+1)); done", ["*.out"],
                                task="files")
        self.assertEqual(len(files), 20)
        self.assertIn("too many files", self.skipped(job).values())

    def test_too_large_files(self):
        job, files = self.files("head -c 2000000 /dev/zero > big.out; echo x > small.out", ["*.out"],
                                task="files")
        self.assertEqual(set(files), {"small.out"})
        self.assertEqual(self.skipped(job), {"big.out": "too large"})

    def test_a_sparse_file_is_its_size(self):
        job, files = self.files("truncate -s 1000M a.out; truncate -s 5 b.out", ["*.out"], task="files",
                                limits={"file_bytes": 1 << 30})
        self.assertEqual({name: file["bytes"] for name, file in files.items()}, {"b.out": 5})
        self.assertEqual(self.skipped(job), {"a.out": "too large"})

    def test_no_file_is_made_larger_than_the_limit(self):
        job, files = self.files("exec truncate -s 900G a.out", ["*.out"], task="files")
        self.assertEqual((job["verdict"], job["limit"]["name"]), ("disk_limit", "file_bytes"))
        self.assertEqual(files["a.out"]["bytes"], 0)

    def test_absurd_names_and_depths(self):
        script = ("n=$(head -c 200 /dev/zero | tr '\\0' x); i=0; "
                  "while [ $i -lt 60 ]; do mkdir $n && cd $n || break; i=$((i+1)); done; echo deep > f; "
                  "cd /workspace; printf x > \"$(printf 'a\\nb')\"; printf x > \"$(printf '\\377')\"; "
                  "printf x > 'q\"<>&'; echo end > end")
        job, files = self.files(script, ["**"])
        self.assertIn("end", files)
        self.assertEqual(self.get(job, "q%22%3C%3E%26").body, b"x")

    def test_what_runs_on_changes_nothing(self):
        """The files are collected when the job is dead: no process of it is left to swap them."""
        job, files = self.files(
            "echo good > a.out; (trap '' HUP TERM; while :; do ln -sf /etc/passwd a.out; rm a.out; "
            "echo evil > a.out; done) & exit 0", ["*.out"], task="files")
        if "a.out" in files:
            self.assertIn(self.get(job, "a.out").body, (b"good\n", b"evil\n", b""))
        self.assertEqual(job["state"], "done")

    def test_files_of_a_failed_job_come_back(self):
        job, files = self.files("echo x > a; exit 7", ["a"])
        self.assertEqual((job["exit_code"], set(files)), (7, {"a"}))

    def test_files_of_a_killed_job_come_back(self):
        job, files = self.files("echo x > a; sleep 30", ["a"], limits={"wall_ms": 1500})
        self.assertEqual((job["verdict"], set(files)), ("wall_time_limit", {"a"}))

    def test_the_tasks_globs_where_the_request_has_none(self):
        job = self.sh("echo x > a.out; echo y > b.txt", task="files")
        self.assertEqual([file["name"] for file in job["files"]], ["a.out"])

    def test_files_below_folders_come_where_they_belong(self):
        """By turns below two trees, and each below a last folder of its own."""
        tree = "/".join("d" * 60)
        names = [f"{top}/{tree}/{last}/f{n}" for n in range(40) for top in ("a", "b") for last in ("same", f"own{n}")]
        names += ["a/f", "f", f"a/{tree}/f"]
        job = self.sh("find . -type f -exec grep -H . {} + | sort",
                      files=[{"name": name, "content": name} for name in names])
        self.assertEqual(content(job["stdout"]).decode().splitlines(),
                         sorted(f"./{name}:{name}" for name in names))

    def test_large_files_come_whole(self):
        job, files = self.files("i=0; while [ $i -lt 8 ]; do head -c 1000000 /dev/urandom; i=$((i+1)); done "
                                "> big; sha256sum < big", ["big"])
        self.assertEqual(files["big"]["bytes"], 8000000)
        body = self.get(job, "big").body
        self.assertEqual(hashlib.sha256(body).hexdigest(), job["stdout"]["content"].split()[0])
        self.assertEqual(files["big"]["sha256"], job["stdout"]["content"].split()[0])

    def test_nothing_of_it_stays_on_the_host(self):
        name = "planted-" + os.urandom(8).hex()
        self.files(f"echo x > {name}; echo x > /tmp/{name}", ["*"])
        for directory in ("/tmp", "/dev/shm", "/workspace"):
            self.assertFalse(os.path.exists(os.path.join(directory, name)))


def encoded(raw):
    return base64.b64encode(raw).decode()


if __name__ == "__main__":
    unittest.main()
