# SPDX-License-Identifier: MIT
"""
The real service with an engine that misbehaves by script: each job ends once, with its own verdict
or as our fault, never as the user's; nothing is left; all is well when the engine behaves again.
"""
import concurrent.futures
import os
import shutil
import tempfile

import figures
import proxy
import service
from case import Case, at_both_levels, content

# The driver's high-water mark beyond what it has when it is ready: an endless answer is 64 MiB.
GROWTH_KIB = 24 << 10

GARBAGE = b"\x00\xffNot HTTP\r\n\r\n"
OK_ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"
HEADER = b"X-Filler: " + b"x" * 8000 + b"\r\n"
ABSURD = b"\x01\x00\x00\x00\xff\xff\xff\xff"


def calls(operation, after=True):
    """What any call may meet: name to (operation, action)."""
    return {
        f"{operation}-500": (operation, proxy.refuse(500)),
        f"{operation}-done-500": (operation, proxy.refuse(500, after=True)),
        f"{operation}-closed": (operation, proxy.say(b"", after=False)),
        f"{operation}-done-closed": (operation, proxy.say(b"", after=True)),
        f"{operation}-cut": (operation, proxy.cut),
        f"{operation}-cut-chunk": (operation, proxy.say(OK_ENDLESS + b"ffff\r\n{")),
        f"{operation}-garbage": (operation, proxy.say(GARBAGE)),
        f"{operation}-absurd": (operation, proxy.say(
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{")),
        f"{operation}-endless-head": (operation, proxy.say(b"HTTP/1.1 200 OK\r\n", endless=HEADER)),
        f"{operation}-endless-body": (operation, proxy.say(OK_ENDLESS, endless=CHUNK)),
        f"{operation}-slow": (operation, proxy.later),
    }


# The job's own verdict comes all the same, since the next attempt is not disturbed.
ONCE = {
    **calls("create"), "create-404": ("create", proxy.refuse(404)), "create-409": ("create", proxy.refuse(409)),
    **calls("start"), "start-404": ("start", proxy.refuse(404)), "start-400": ("start", proxy.refuse(400)),
    **calls("remove"), "remove-404": ("remove", proxy.refuse(404)),
    "remove-204": ("remove", proxy.refuse(204)), "remove-409": ("remove", proxy.refuse(409)),
    "attach-500": ("attach", proxy.refuse(500)), "attach-closed": ("attach", proxy.say(b"", after=False)),
    "attach-endless-head": ("attach", proxy.say(b"HTTP/1.1 101 OK\r\n", after=False, endless=HEADER)),
    "attach-200-garbage": ("attach", proxy.say(b"HTTP/1.1 200 OK\r\n\r\n" + b"\x09" * 100, after=False)),
    "stream-crumbs": ("attach", proxy.stream_in_crumbs),
    "stream-engine-speaks": ("attach", proxy.stream_with(b"\x03\x00\x00\x00\x00\x00\x00\x02no", 1)),
    "stream-empty-pieces": ("attach", proxy.stream_with(b"\x01\x00\x00\x00\x00\x00\x00\x00" * 1000, 1)),
    **{f"stream-cut-{n}": ("attach", proxy.stream_cut(n)) for n in range(0, 260, 20)},
    **{f"stream-twice-{n}": ("attach", proxy.stream_twice(n)) for n in (0, 20, 40)},
    **{f"stream-absurd-{n}": ("attach", proxy.stream_with(ABSURD, n)) for n in (0, 20, 40)},
    **{f"stream-unknown-{n}": ("attach", proxy.stream_with(b"\x09\x00\x00\x00\x00\x00\x00\x01x", n))
       for n in (0, 20)},
}


def crash(state):
    """The job's stream is cut, and what the engine then says of its container is this."""
    return {"attach": proxy.stream_cut(60),
            "inspect": proxy.changed(lambda body: {**body, "State": state})}


# Each attempt meets the same.
ALWAYS = {
    "always-create-500": {"create": proxy.refuse(500)},
    "always-create-empty": {"create": proxy.say(b"", after=False)},
    "always-start-500": {"start": proxy.refuse(500)},
    "always-attach-500": {"attach": proxy.refuse(500)},
    "always-attach-absurd": {"attach": proxy.stream_with(ABSURD, 0)},
    "crash-exit-0": crash({"Running": False, "ExitCode": 0, "OOMKilled": False}),
    "crash-exit-0-restarted": crash({"Running": True, "ExitCode": 0, "OOMKilled": False}),
    "crash-exit-7": crash({"Running": False, "ExitCode": 7, "OOMKilled": False}),
    "crash-wrong-types": crash({"Running": "no", "ExitCode": [0], "OOMKilled": "true"}),
    "crash-no-state": crash(None),
    "crash-inspect-500": {"attach": proxy.stream_cut(60), "inspect": proxy.refuse(500)},
    "crash-inspect-cut": {"attach": proxy.stream_cut(60), "inspect": proxy.cut},
    "crash-inspect-list": {"attach": proxy.stream_cut(60), "inspect": proxy.say(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")},
}

# The stream stays open and says nothing more: the first attempt's, or each one's. What the program
# does, and with which limits; its verdict and attempt.
QUIET = {"wall_ms": 300}
SILENT = {
    "silent-ended": ({"attach": proxy.stream_silent(40)}, 1, "echo right; exit 7", QUIET, "nonzero_exit", 2),
    "silent-late": ({"attach": proxy.stream_silent(40)}, 1, "sleep 60", QUIET, "wall_time_limit", 2),
    "silent-stuck": ({"attach": proxy.stream_stuck(4096)}, 1, "yes right | head -c 8000000",
                     {"wall_ms": 2500}, "ok", 2),
    "silent-always": ({"attach": proxy.stream_silent(40)}, 1000, "sleep 60", QUIET, "engine_error", 2),
    "silent-always-refused": ({"attach": proxy.stream_silent(40), "kill": proxy.refuse(500)}, 1000,
                              "sleep 60", QUIET, "engine_error", 2),
}

# Each of these once while the engine comes up, one after the other.
COMING_UP = (
    ("ping", proxy.refuse(500)), ("version", proxy.say(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')),
    ("info", proxy.changed(lambda body: {**body, "NCPU": "two", "MemTotal": -1})),
    ("list", proxy.changed(lambda body: [1, "x", {}, {"Id": 1, "Labels": 2, "Names": {}}])),
    ("archive", proxy.cut), ("image", proxy.changed(lambda body: {"Id": {}, "Config": []})),
)

# In the long run all of them, else a part, another one at each level; with the sanitizers less.
LONG = figures.amount(0, 1) > 0


def chosen(faults, level, part):
    parts = part * (3 if service.SANITIZED else 1)
    turn = figures.turn(parts) + (parts // 2 if level == "sandbox" else 0)
    return {name: fault for i, (name, fault) in enumerate(faults.items()) if LONG or i % parts == turn % parts}


# Right verdicts that the faults must not change: what the program does, verdict, exit code.
PROGRAMS = (("echo right", "ok", 0), ("echo right; exit 7", "nonzero_exit", 7))


def memory_peak_kib(pid):
    return int(service.status_of(pid)["VmHWM"].split()[0])


@at_both_levels
class Unruly(Case):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.mkdtemp(prefix="dockgate-unruly-", dir="/tmp")
        os.chmod(directory, 0o755)
        cls.addClassCleanup(shutil.rmtree, directory)
        path = os.path.join(directory, "docker.sock")
        cls.engine = proxy.Unruly(service.docker_socket(), path)
        cls.addClassCleanup(cls.engine.close)
        image = service.make_image(service.Docker(service.docker_socket()))
        # A slot for each job, so that each has a creation and a removal of its own.
        task = {"image": image, "isolation": cls.level, "command": ["/bin/sh", "-c"], "warm": 0,
                "warm_max": 0, "concurrency": 1, **({"slot_jobs": 1} if cls.level == "sandbox" else {})}
        cls.once, cls.always = chosen(ONCE, cls.level, 4), chosen(ALWAYS, cls.level, 2)
        cls.silent = chosen(SILENT, cls.level, 2)
        tasks = {name: task for name in (*cls.once, *cls.always, "fine")}
        tasks.update({name: {**task, "attempts": 2} for name in cls.silent})
        none = dict.fromkeys(service.default_tasks(image, ""))
        for operation, action in COMING_UP:
            cls.engine.play(None, operation, action)
        # Its own checks look at the engine itself.
        svc = service.Service({"slots": 16, "grace_ms": 500}, {**none, **tasks}, socket_path=path, level=cls.level)
        svc.docker = service.Docker(service.docker_socket())
        cls.addClassCleanup(svc.close)
        cls.use(svc.__enter__())
        cls.memory_kib = memory_peak_kib(svc.await_pid("driver"))

    def run_all(self, names):
        """Each name's job, side by side; name to (job, program)."""
        def run(i, name):
            program = PROGRAMS[i % 2]
            return self.native.ended(self.native.accept(name, args=[program[0]])), program
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            jobs = {name: pool.submit(run, i, name) for i, name in enumerate(names)}
            return {name: job.result() for name, job in jobs.items()}

    def assert_clean(self):
        """One ending each, and not much memory taken; that nothing is left close() asserts."""
        self.assertEqual({job: n for job, n in self.service.endings().items() if n != 1}, {})
        if service.SANITIZED:  # what is freed is kept for a while there
            return
        self.assertLess(memory_peak_kib(self.service.await_pid("driver")) - self.memory_kib, GROWTH_KIB)

    def test_all_of_its_coming_up_was_disturbed(self):
        self.assertLessEqual({(None, operation) for operation, _ in COMING_UP}, set(self.engine.met))

    def test_what_goes_wrong_once(self):
        for name, (operation, action) in self.once.items():
            self.engine.play(name, operation, action)
        wrong = {}
        for name, (job, (_, verdict, code)) in self.run_all(self.once).items():
            if (job["verdict"], job["exit_code"], content(job["stdout"])) != (verdict, code, b"right\n"):
                wrong[name] = (job["verdict"], job["exit_code"], job["stdout"]["content"], job.get("error"))
        self.assertEqual(wrong, {})
        for name, (operation, _) in self.once.items():
            if operation != "remove":  # that comes behind
                self.assertIn((name, operation), self.engine.met)
        self.assert_clean()

    def test_what_goes_wrong_each_time(self):
        for name, actions in self.always.items():
            for operation, action in actions.items():
                self.engine.play(name, operation, action, 1000)
        wrong = {name: (job["verdict"], job.get("error"))
                 for name, (job, _) in self.run_all(self.always).items()
                 if job["verdict"] != "engine_error" or not job["error"] or job["limit"]}
        self.assertEqual(wrong, {})
        self.assert_clean()

    def test_a_stream_that_falls_silent_is_our_fault(self):
        for name, (actions, times, *_) in self.silent.items():
            for operation, action in actions.items():
                self.engine.play(name, operation, action, times)
        jobs = {name: self.native.accept(name, args=[script], limits=limits)
                for name, (_, _, script, limits, *_) in self.silent.items()}
        wrong = {}
        for name, (*_, verdict, attempt) in self.silent.items():
            job = self.native.ended(jobs[name])
            if (job["verdict"], job["attempt"]) != (verdict, attempt) or \
                    (verdict == "engine_error" and (job["limit"] or not job["error"])):
                wrong[name] = (job["verdict"], job["attempt"], job["limit"], job.get("error"))
        self.assertEqual(wrong, {})
        self.assert_clean()

    def test_one_that_hangs_is_away_until_it_answers_again(self):
        self.engine.behaves.clear()
        for operation in ("ping", "list", "info", "version"):
            self.engine.play(None, operation, proxy.hang, 1000)
        self.engine.play("fine", "create", proxy.hang, 1000)
        job = self.native.accept("fine", args=["echo right"])
        for _ in service.until(30):
            if self.http.get("/readyz").status == 503:
                break
        self.assertEqual(self.http.get("/readyz").status, 503)
        self.assertNotEqual(self.native.job(job)["state"], "done")
        self.engine.script.clear()
        self.engine.behaves.set()
        ended = self.native.ended(job)
        self.assertEqual((ended["verdict"], content(ended["stdout"])), ("ok", b"right\n"))
        self.service.await_ready()
        self.assert_clean()
