# SPDX-License-Identifier: MIT
"""Every verdict by a program that provokes exactly it, and programs that will not end."""
import hashlib
import os
import re
import signal
import unittest

import service
from case import Case, OwnService, at_both_levels, content

MIB = 1 << 20


@at_both_levels
class Verdicts(Case):
    def assert_limit(self, job, verdict, name, configured):
        self.assertEqual(job["verdict"], verdict, job)
        self.assertEqual((job["limit"]["name"], job["limit"]["configured"]), (name, configured))
        self.assertIn(name, job["limits_hit"])

    def test_ok(self):
        job = self.sh("exit 0")
        self.assertEqual((job["verdict"], job["exit_code"], job["signal"], job["limit"],
                          job["limits_hit"]), ("ok", 0, None, None, []))

    def test_nonzero_exit(self):
        for code in (1, 2, 126, 127, 137, 255):
            job = self.sh(f"exit {code}")
            self.assertEqual((job["verdict"], job["exit_code"], job["signal"]),
                             ("nonzero_exit", code, None))

    def test_signaled(self):
        for name, number in (("SEGV", 11), ("ABRT", 6), ("KILL", 9), ("TERM", 15)):
            job = self.sh(f"kill -{name} $$")
            self.assertEqual((job["verdict"], job["exit_code"]), ("signaled", None))
            self.assertIn(job["signal"], (number, f"SIG{name}", name))

    def test_cpu_time_limit(self):
        job = self.sh("while :; do :; done", limits={"cpu_ms": 300})
        self.assert_limit(job, "cpu_time_limit", "cpu_ms", 300)
        self.assertGreaterEqual(job["limit"]["measured"], 300)
        self.assertLess(job["limit"]["measured"], 600)

    def test_cpu_time_of_all_processes_counts(self):
        job = self.sh("for i in 1 2 3 4; do (while :; do :; done) & done; wait", limits={"cpu_ms": 400})
        self.assert_limit(job, "cpu_time_limit", "cpu_ms", 400)

    def test_wall_time_limit(self):
        job = self.sh("sleep 30", limits={"wall_ms": 250})
        self.assert_limit(job, "wall_time_limit", "wall_ms", 250)
        self.assertGreaterEqual(job["limit"]["measured"], 250)
        self.assertLess(job["limit"]["measured"], 1000)

    def test_memory_limit(self):
        job = self.sh("tail /dev/zero", limits={"memory_bytes": 32 * MIB})
        self.assert_limit(job, "memory_limit", "memory_bytes", 32 * MIB)
        self.assertGreater(job["limit"]["measured"], 28 * MIB)
        self.assertLessEqual(job["limit"]["measured"], 32 * MIB)

    def test_memory_limit_by_tmpfs(self):
        job = self.sh("head -c 60000000 /dev/zero > /tmp/f; exit 1",
                      limits={"memory_bytes": 16 * MIB, "disk_bytes": 64 * MIB})
        self.assert_limit(job, "memory_limit", "memory_bytes", 16 * MIB)

    def test_memory_limit_by_arguments(self):
        """They do not fit: the kernel ends what was to become the program while it still reads them."""
        limit = 4 * MIB
        job = self.native.run("sh", args=["x" * 131000] * 64, limits={"memory_bytes": limit})
        self.assert_limit(job, "memory_limit", "memory_bytes", limit)
        self.assertEqual(job["attempt"], 1)

    def test_output_limit(self):
        job = self.sh("yes", task="kill-output", limits={"output_bytes": 1000})
        self.assert_limit(job, "output_limit", "output_bytes", 1000)
        self.assertGreater(job["limit"]["measured"], 1000)
        self.assertEqual(content(job["stdout"]), b"y\n" * 500)

    def test_disk_limit(self):
        job = self.sh("head -c 4000000 /dev/zero > f || exit 1", limits={"disk_bytes": MIB})
        self.assert_limit(job, "disk_limit", "disk_bytes", MIB)

    def test_disk_limit_that_the_program_got_over(self):
        job = self.sh("head -c 4000000 /dev/zero > f; exit 0", limits={"disk_bytes": MIB})
        self.assertEqual((job["verdict"], job["limit"]), ("ok", None))
        self.assertIn("disk_bytes", job["limits_hit"])

    def test_disk_limit_by_inodes(self):
        job = self.sh("i=0; while : > f$i; do i=$((i+1)); done; exit 1", limits={"disk_bytes": 65536})
        self.assertEqual(job["verdict"], "disk_limit", job)

    def test_file_limit(self):
        job = self.sh("exec head -c 3000000 /dev/zero > f", limits={"file_bytes": MIB})
        self.assert_limit(job, "disk_limit", "file_bytes", MIB)

    def test_process_limit(self):
        job = self.sh("i=0; while [ $i -lt 50 ]; do sleep 10 & i=$((i+1)); done; exit 1",
                      limits={"processes": 8})
        self.assert_limit(job, "process_limit", "processes", 8)
        self.assertLessEqual(job["limit"]["measured"], 8)

    def test_build_failed(self):
        job = self.sh("echo never", build={"command": ["/bin/sh", "-c", "echo why >&2; exit 2"]})
        self.assertEqual((job["verdict"], job["build"]["exit_code"]), ("build_failed", 2))

    def test_a_build_that_is_killed_says_why(self):
        job = self.sh("echo never", build={"command": ["/bin/sleep", "9"], "limits": {"wall_ms": 200}})
        self.assert_limit(job, "wall_time_limit", "wall_ms", 200)
        self.assertEqual(job["build"]["verdict"], "wall_time_limit")

    def test_wrong_output(self):
        job = self.sh("echo 4", cases=[{"expected_stdout": "5\n"}])
        self.assertEqual(job["verdict"], "wrong_output")

    def test_a_failing_program_is_not_wrong_output(self):
        job = self.sh("echo 4; exit 1", cases=[{"expected_stdout": "5\n"}])
        self.assertEqual(job["verdict"], "nonzero_exit")

    def test_cancelled(self):
        job = self.native.accept("sh", args=["sleep 30"])
        self.native.call("DELETE", f"/v1/jobs/{job}")
        self.assertEqual(self.native.ended(job)["verdict"], "cancelled")

    def test_an_operators_limit_holds_where_the_client_says_nothing(self):
        tasks = {t["name"]: t for t in self.native.call("GET", "/v1/tasks").json()["tasks"]}
        job = self.sh("ulimit -n")
        self.assertEqual(int(content(job["stdout"])), tasks["sh"]["limits"]["open_files"])


@at_both_levels
class EngineErrors(OwnService):
    settings = {"lease_ms": 2000}
    changes = {"sh": {"attempts": 1}}

    def test_engine_error_when_the_container_is_killed_from_outside(self):
        job = self.native.accept("cold", args=["sleep 60"])
        killed = set()
        for _ in range(3):  # as many as it has attempts
            killed.add(self.kill_container_of(job, killed))
        ended = self.native.ended(job)
        self.assertEqual(ended["verdict"], "engine_error", ended)
        self.assertTrue(ended["error"])
        self.assertIsNone(ended["limit"])

    def kill_container_of(self, job, killed):
        """The job's is the only one of its task, which keeps none waiting."""
        for _ in service.until(30):
            for container in self.service.containers_of("cold"):
                if container["State"] == "running" and container["Id"] not in killed:
                    if self.native.job(job)["started_at"]:
                        self.service.docker.call("POST", f"/containers/{container['Id']}/kill")
                        return container["Id"]
        self.fail("the job's container was not seen")

    def test_lost_when_nobody_can_say_how_it_went(self):
        """The driver dies as often as the job has attempts."""
        job = self.native.accept("sh", args=["sleep 60"])
        for _ in service.until(30):
            if self.native.job(job)["state"] == "running":
                break
        pid = self.service.await_pid("driver")
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.native.ended(job)["verdict"], "lost")
        self.service.await_pid("driver", other_than=pid)
        self.service.await_ready()


@at_both_levels
class EscapeArtists(Case):
    """They end at the limit, with their container, and their neighbours do not notice."""

    def ends(self, script, verdict="wall_time_limit", **members):
        members.setdefault("limits", {"wall_ms": 400})
        job = self.sh(script, task="cold", **members)
        self.assertEqual(job["verdict"], verdict, job)
        if self.level == "sandbox":
            self.assert_alone()
            return job
        for _ in service.until(10):
            left = self.service.containers_of("cold")  # a task that keeps none waiting
            if not left:
                break
        self.assertEqual(left, [])
        return job

    def assert_alone(self):
        """Its slot may go on, but nothing of it does: the next job in there has the place to itself."""
        after = self.sh("echo /proc/[0-9]*; for d in /workspace /tmp /dev/shm; do ls -A $d; done", task="cold")
        self.assertEqual(content(after["stdout"]), b"/proc/1 /proc/2\n")

    def test_ignores_SIGTERM(self):
        self.ends("trap '' TERM HUP INT; while :; do sleep 1; done")

    def test_stops_itself(self):
        self.ends("kill -STOP $$")

    def test_stops_all_of_its_group(self):
        self.ends("sleep 60 & kill -STOP 0")

    def test_closes_stdout_and_stays(self):
        self.ends("exec >&- 2>&- <&-; while :; do sleep 1; done")

    def test_forks_and_leaves(self):
        """The program is over when its first process is; what it left behind is killed."""
        job = self.sh("setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done' </dev/null "
                      ">/dev/null 2>&1 & echo left", task="cold")
        self.assertIn(job["verdict"], ("ok", "wall_time_limit"))
        self.assertEqual(content(job["stdout"]), b"left\n")

    def test_forks_and_holds_stdout(self):
        job = self.sh("(trap '' HUP TERM; while :; do sleep 1; done) & echo left", task="cold",
                      limits={"wall_ms": 1000})
        self.assertIn(job["verdict"], ("ok", "wall_time_limit"))
        self.assertEqual(content(job["stdout"]), b"left\n")

    def test_fork_bomb(self):
        self.ends("b() { b | b & b; }; b", limits={"wall_ms": 1500, "processes": 30, "cpu_ms": 60000},
                  verdict=Any("wall_time_limit", "process_limit"))

    def test_fills_the_workspace(self):
        job = self.ends("while :; do cat /dev/zero > f; done 2>/dev/null",
                        limits={"wall_ms": 800, "disk_bytes": MIB, "cpu_ms": 60000})
        self.assertIn("disk_bytes", job["limits_hit"])

    def test_kills_everything_it_can(self):
        job = self.sh("kill -9 -1; echo alive", task="cold")
        self.assertIn(job["verdict"], ("ok", "signaled"))

    def test_cannot_touch_the_agent(self):
        job = self.sh("kill -9 1 && echo KILLED; kill -STOP 1 && echo STOPPED; cat /proc/1/environ "
                      "&& echo READ; ls /proc/1/fd && echo LISTED; true > /proc/1/mem && echo WROTE; "
                      "renice 19 -p 1 && echo RENICED; echo end")
        self.assertEqual((job["verdict"], content(job["stdout"])), ("ok", b"end\n"))

    def test_no_frame_can_be_forged(self):
        job = self.sh("for p in /proc/[0-9]*; do for f in 0 1 2 3 4 5 6 7; do "
                      "[ $p = /proc/$$ ] || printf 'forged' > $p/fd/$f; done; done; echo end")
        self.assertEqual((job["verdict"], content(job["stdout"])), ("ok", b"end\n"))


class Any:
    """Equal to any of its values."""

    def __init__(self, *values):
        self.values = values

    def __eq__(self, other):
        return other in self.values

    def __repr__(self):
        return f"any of {self.values}"


@at_both_levels
class Output(Case):
    def sha(self, job, name):
        return hashlib.sha256(self.http.get(f"/v1/jobs/{job['id']}/{name}").body).hexdigest()

    def test_cut_at_the_cap_and_counted(self):
        job = self.sh("printf 0123456789abcdef; printf 0123456789 >&2; echo alive > x; exit 3",
                      limits={"output_bytes": 10})
        self.assertEqual((job["verdict"], job["exit_code"]), ("nonzero_exit", 3))
        self.assertEqual((job["stdout"]["content"], job["stdout"]["bytes"],
                          job["stdout"]["truncated_bytes"]), ("0123456789", 10, 6))
        self.assertEqual(job["stderr"]["truncated_bytes"], 0)
        self.assertIn("output_bytes", job["limits_hit"])

    def test_at_and_around_the_cap(self):
        for size in (999, 1000, 1001):
            job = self.sh(f"head -c {size} /dev/zero | tr '\\0' x", limits={"output_bytes": 1000})
            self.assertEqual((job["stdout"]["bytes"], job["stdout"]["truncated_bytes"]),
                             (min(size, 1000), max(0, size - 1000)))
            self.assertEqual(job["verdict"], "ok")

    def test_a_flood_is_cut_and_the_program_goes_on(self):
        job = self.sh("head -c 50000000 /dev/zero; echo end >&2", limits={"output_bytes": 100000})
        self.assertEqual((job["stdout"]["bytes"], job["stdout"]["truncated_bytes"]),
                         (100000, 50000000 - 100000))
        self.assertEqual(content(job["stderr"]), b"end\n")

    def test_NUL_and_invalid_utf8(self):
        job = self.sh(r"printf '\000\001\377\376\300\257\355\240\200\n\r\t\303'")
        expected = b"\0\1\xff\xfe\xc0\xaf\xed\xa0\x80\n\r\t\xc3"
        self.assertEqual(content(job["stdout"]), expected)
        self.assertEqual(self.http.get(f"/v1/jobs/{job['id']}/stdout").body, expected)

    def test_a_15_MB_line(self):
        size = 15 * 1000 * 1000
        job = self.sh(f"yes 0123456789 | tr -d '\\n' | head -c {size}",
                      limits={"output_bytes": 16 * MIB})
        self.assertEqual((job["stdout"]["bytes"], job["stdout"]["truncated_bytes"]), (size, 0))
        expected = hashlib.sha256((b"0123456789" * (size // 10))).hexdigest()
        self.assertEqual(self.sha(job, "stdout"), expected)
        self.assertEqual(hashlib.sha256(content(job["stdout"])).hexdigest(), expected)

    def test_200_KB_on_stderr_after_everything_else(self):
        job = self.sh("echo out; exec >&-; yes e | head -c 200000 >&2")
        self.assertEqual(content(job["stderr"]), b"e\n" * 100000)
        self.assertEqual(content(job["stdout"]), b"out\n")

    def test_both_streams_at_once(self):
        job = self.sh("yes o | head -c 1000000 & yes e | head -c 1000000 >&2 & wait")
        self.assertEqual((content(job["stdout"]), content(job["stderr"])),
                         (b"o\n" * 500000, b"e\n" * 500000))

    def test_many_small_writes(self):
        job = self.sh("i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done")
        self.assertEqual(content(job["stdout"]), b"".join(b"%d\n" % n for n in range(20000)))

    def test_stdin_comes_whole(self):
        text = "ä0123456789\n" * 300000
        job = self.native.run("sh", args=["sha256sum"], stdin=text)
        self.assertEqual(content(job["stdout"]).split()[0].decode(),
                         hashlib.sha256(text.encode()).hexdigest())

    def test_stdin_that_nobody_reads(self):
        job = self.native.run("sh", args=["exec <&-; echo done"], stdin="x" * 2000000)
        self.assertEqual((job["verdict"], content(job["stdout"])), ("ok", b"done\n"))


@at_both_levels
class Cage(Case):
    """What a job finds around it."""

    def test_its_user_and_rights(self):
        out = content(self.sh("id -u; id -G; cat /proc/self/status")["stdout"]).decode()
        uid = int(out.splitlines()[0])
        self.assertGreaterEqual(uid, service.JOB_UID_BASE)
        self.assertEqual(out.splitlines()[1], str(uid))
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertRegex(out, rf"{name}:\s+0{{16}}\n")
        self.assertRegex(out, r"NoNewPrivs:\s+1\n")
        self.assertRegex(out, r"Seccomp:\s+2\n")

    def test_its_descriptors(self):
        job = self.sh("ls /proc/self/fd")
        self.assertEqual(content(job["stdout"]).split(), [b"0", b"1", b"2", b"3"])  # 3: ls itself

    def test_its_file_systems(self):
        out = content(self.sh(
            "for d in / /bin /etc /proc/sys/kernel /sys/fs/cgroup /dockgate; do true > $d/x && echo WROTE $d;"
            " done 2>/dev/null; for d in /workspace /tmp /dev/shm; do true > $d/x && echo $d; done; "
            "pwd; echo $HOME; ls -A /workspace | wc -l")["stdout"]).decode().split()
        self.assertEqual(out, ["/workspace", "/tmp", "/dev/shm", "/workspace", "/workspace", "1"])

    def test_no_job_sees_another_ones_files(self):
        for _ in range(3):
            job = self.sh("ls -A /workspace /tmp /dev/shm; : > /workspace/f; : > /tmp/f; : > /dev/shm/f")
            self.assertFalse(re.search(rb"^f$", content(job["stdout"]), re.M))

    def test_no_network(self):
        job = self.sh("tail -n +3 /proc/net/dev | cut -d : -f 1; "
                      "nc -w 1 127.0.0.1 %d < /dev/null && echo CONNECTED" % self.service.port)
        self.assertEqual(content(job["stdout"]).split(), [b"lo"])

    def test_cpus_are_held_to_the_limit(self):
        """Half a processor for a second of wall time is half a second of cpu time at most."""
        job = self.sh("while :; do :; done", limits={"cpus": 0.5, "wall_ms": 1500, "cpu_ms": 60000})
        self.assertEqual(job["verdict"], "wall_time_limit")
        self.assertLess(job["usage"]["cpu_ms"], 1000)


if __name__ == "__main__":
    unittest.main()
