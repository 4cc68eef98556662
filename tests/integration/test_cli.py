# SPDX-License-Identifier: MIT
"""The commands, run as a user runs them, against a live service."""
import fcntl
import glob
import json
import os
import signal
import sqlite3
import subprocess
import tempfile
import unittest

import service
from case import Case

COMMANDS = ("serve gateway queue driver run submit ps logs result files cancel purge retry tasks images "
            "doctor check store client audit").split()


def is_caught(pid, number):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt:"))
    return bool(caught & 1 << (number - 1))


def process_of(cmdline):
    """The process of the machine with that command line; None: there is none."""
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            if service.read(path) == cmdline:
                return int(path.split("/")[2])
        except OSError:
            pass
    return None


class CliCase(Case):
    def cli(self, *args, stdin=b"", cwd=None, env=None):
        return subprocess.run([service.DOCKGATE, *args], input=stdin, capture_output=True, check=False,
                              cwd=cwd, timeout=120, env={**os.environ, **(env or {})})

    def client(self, command, *args, **kwargs):
        """A command that speaks to the shared service, over the unix socket: as an operator."""
        path = os.path.join(self.service.state, "sock", "dockgate.sock")
        return self.cli(command, "--socket", path, *args, **kwargs)

    def client_json(self, command, *args):
        done = self.client(command, "--format", "json", *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)


class Help(CliCase):
    @classmethod
    def setUpClass(cls):
        pass

    def test_help_of_each(self):
        whole = self.cli("--help")
        self.assertEqual(whole.returncode, 0)
        for command in COMMANDS:
            self.assertIn(command.encode(), whole.stdout)
            done = self.cli(command, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, b""), command)
            self.assertIn(b"Usage: dockgate " + command.encode(), done.stdout)

    def test_wrong_use(self):
        for args in ((), ("nothing",), ("ps", "--colour"), ("check", "more"), ("ps", "--format", "xml"),
                     ("serve", "--config"), ("result",), ("cancel",), ("logs",)):
            done = self.cli(*args)
            self.assertEqual((done.returncode, done.stdout), (2, b""), args)
            self.assertTrue(done.stderr, args)

    def test_version(self):
        self.assertRegex(self.cli("--version").stdout, rb"\Adockgate \d+\.\d+\.\d+\n\Z")

    def test_nobody_there(self):
        for command, *args in (("ps",), ("tasks",), ("submit", "sh")):
            done = self.cli(command, "--host", "http://127.0.0.1:1", *args)
            self.assertEqual(done.returncode, 1, command)
            self.assertIn(b"127.0.0.1:1", done.stderr)
        self.assertEqual(self.cli("run", "--host", "http://127.0.0.1:1", "sh").returncode, 125)


class Run(CliCase):
    def test_streams_and_exit_code(self):
        done = self.client("run", "sh", "--", "echo out; echo err >&2; exit 7")
        self.assertEqual((done.returncode, done.stdout), (7, b"out\n"))
        self.assertTrue(done.stderr.startswith(b"err\n"), done.stderr)

    def test_bytes(self):
        done = self.client("run", "sh", "--", r"printf 'a\000\377'")
        self.assertEqual((done.returncode, done.stdout), (0, b"a\0\xff"))

    def test_exit_codes_as_dockers(self):
        for script, code in (("exit 0", 0), ("kill -SEGV $$", 139), ("kill -KILL $$", 137), ("exit 255", 255)):
            self.assertEqual(self.client("run", "sh", "--", script).returncode, code, script)

    def test_ours_is_125(self):
        self.assertEqual(self.client("run", "no-such-task").returncode, 125)
        self.assertEqual(self.client("run", "--colour", "sh").returncode, 125)

    def test_a_file_and_stdin(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "hello.src")
            with open(path, "w", encoding="utf-8") as file:
                file.write("printf '#!/bin/sh\\ncat; echo ran' > program; chmod 755 program")
            done = self.client("run", "build", path, stdin=b"in\n")
        self.assertEqual((done.returncode, done.stdout), (0, b"in\nran\n"), done.stderr)

    def started(self, *args):
        """A command whose output is read while it runs, from the job's first line on."""
        path = os.path.join(self.service.state, "sock", "dockgate.sock")
        process = subprocess.Popen([service.DOCKGATE, args[0], "--socket", path, *args[1:]],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def running(self):
        rows = self.native.call("GET", "/v1/jobs?state=queued,running").json()["jobs"]
        return [row for row in rows if row["task"] == "sh"]

    def test_output_while_it_runs(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number):
                self.cancelled_by(number, code)

    def test_cancelled_by_others(self):
        process = self.started("run", "sh", "--", "echo now; exec sleep 60")
        self.assertEqual(process.stdout.readline(), b"now\n")
        for row in self.running():
            self.client("cancel", row["id"][:12])
        self.assertEqual(process.wait(60), 125)

    def cancelled_by(self, number, code):
        process = self.started("run", "sh", "--", "echo now; exec sleep 60")
        self.assertEqual(process.stdout.readline(), b"now\n")
        self.assertTrue(self.running())
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (code, b""))
        self.assertIn(b"the job was cancelled", err)
        for _ in service.until(30):
            if not self.running():
                return
        self.fail("the job was not cancelled")

    def test_a_second_interrupt_leaves(self):
        process = self.started("run", "sh", "--", "echo now; exec sleep 60")
        process.stdout.readline()
        gateway = self.service.pid("gateway")
        os.kill(gateway, signal.SIGSTOP)  # the first one cannot reach it
        try:
            process.send_signal(signal.SIGINT)
            for _ in service.until(30):
                if not is_caught(process.pid, signal.SIGINT):
                    break
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(60), -signal.SIGINT)
        finally:
            os.kill(gateway, signal.SIGCONT)
        for row in self.running():
            self.client("cancel", row["id"][:12])

    def test_build_output_goes_to_stderr(self):
        with tempfile.NamedTemporaryFile("w", suffix=".src") as main:
            main.write("echo built; printf '#!/bin/sh\\necho ran' >program; chmod +x program")
            main.flush()
            done = self.client("run", "build", f"main.src={main.name}")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"ran\n", b"built\n"))

    def test_much_output(self):
        done = self.client("run", "--limit", "output_bytes=64M", "sh", "--", "seq 500000")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout == b"".join(b"%d\n" % n for n in range(1, 500001)))

    def test_following_the_log(self):
        job = self.native.accept("sh", args=["echo out; echo err >&2; exec sleep 60"])
        process = self.started("logs", "-f", job[:12])
        self.assertEqual((process.stdout.readline(), process.stderr.readline()), (b"out\n", b"err\n"))
        only = self.started("logs", "--follow", "--stderr", job)
        self.assertEqual(only.stdout.readline(), b"err\n")
        self.client("cancel", job[:12])
        for one in (process, only):
            self.assertEqual((one.communicate(timeout=60), one.returncode), ((b"", b""), 0))
        ended = self.sh("echo out; echo err >&2")["id"]
        done = self.client("logs", "-f", ended)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"out\n", b"err\n"))
        self.assertEqual(self.client("logs", "-f", "0" * 64).returncode, 1)

    def test_format_json(self):
        done = self.client("run", "--format", "json", "sh", "--", "echo x; exit 3")
        self.assertEqual(done.returncode, 3)
        job = json.loads(done.stdout)
        self.assertEqual((job["verdict"], job["stdout"]["content"]), ("nonzero_exit", "x\n"))

    def test_a_limit_says_so(self):
        done = self.client("run", "payload", "--", "touch", str(600 << 20))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"memory", done.stderr)


class Jobs(CliCase):
    def test_submit_result_logs_files(self):
        done = self.client("submit", "files", "--", "echo out; echo err >&2; printf data > a.out")
        self.assertEqual(done.returncode, 0, done.stderr)
        job = done.stdout.decode().strip()
        self.assertRegex(job, r"\A[0-9a-f]{64}\Z")
        self.native.ended(job)
        result = json.loads(self.client("result", "--format", "json", job).stdout)
        self.assertEqual((result["id"], result["verdict"]), (job, "ok"))
        self.assertIn(b"ok", self.client("result", job).stdout)
        logs = self.client("logs", job)
        self.assertEqual((logs.returncode, logs.stdout, logs.stderr), (0, b"out\n", b"err\n"))
        self.assertIn(b"a.out", self.client("files", job).stdout)
        listed = self.client_json("files", job)
        self.assertEqual([f["name"] for f in listed["files"]], ["a.out"])

    def test_fetching_files(self):
        job = self.sh("mkdir d; printf one > a; printf two > d/b", collect=["**"])["id"]
        with tempfile.TemporaryDirectory() as directory:
            done = self.client("files", "--output", directory, job)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(service.read(os.path.join(directory, "a")), b"one")
            self.assertEqual(service.read(os.path.join(directory, "d", "b")), b"two")

    def test_fetching_files_of_any_name(self):
        """One that is not UTF-8 is saved as it is; one that moves a terminal is shown without doing so."""
        job = self.sh(r"""echo one > "$(printf 'a\377')"; mkdir "$(printf 'b\033[2J')"; echo two > "$(printf 'b\033[2J/c')" """,
                      collect=["**"])["id"]
        with tempfile.TemporaryDirectory() as directory:
            done = self.client("files", "--output", directory, job)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(service.read(os.path.join(directory.encode(), b"a\xff")), b"one\n")
        with tempfile.TemporaryDirectory() as directory:
            os.mkdir(os.path.join(directory.encode(), b"a\xff"))
            os.makedirs(os.path.join(directory.encode(), b"b\033[2J", b"c"))
            done = self.client("files", "--output", directory, job)
            self.assertEqual(done.returncode, 1)
            self.assertNotRegex(done.stderr, rb"[^ -~\n]")

    def test_prefixes_of_ids(self):
        job = self.native.accept("sh", args=["echo found"])
        self.native.ended(job)
        self.assertEqual(self.client("logs", job[:12]).stdout, b"found\n")
        done = self.client("logs", "f" * 12)
        self.assertEqual((done.returncode, done.stdout), (1, b""))

    def test_ps(self):
        job = self.native.accept("sh", args=["sleep 1"])
        self.assertIn(job[:12].encode(), self.client("ps").stdout)
        self.assertIn(job[:12], [row["id"][:12] for row in self.client_json("ps")["jobs"]])
        self.native.ended(job)

    def test_cancel(self):
        job = self.native.accept("sh", args=["sleep 60"])
        self.assertEqual(self.client("cancel", job).returncode, 0)
        self.assertEqual(self.native.ended(job)["verdict"], "cancelled")
        self.assertEqual(self.client("cancel", "f" * 64).returncode, 1)

    def test_tasks(self):
        self.assertIn(b"payload", self.client("tasks").stdout)
        self.assertIn("payload", [task["name"] for task in self.client_json("tasks")["tasks"]])

    def test_over_tcp(self):
        done = self.cli("run", "--host", f"http://127.0.0.1:{self.service.port}", "sh", "--", "echo tcp")
        self.assertEqual((done.returncode, done.stdout), (0, b"tcp\n"), done.stderr)


class Operator(CliCase):
    def test_images(self):
        done = self.cli("images", "--config", self.service.config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"dockgate/test-payload", done.stdout)

    def test_doctor_finds_nothing_wrong(self):
        done = self.cli("doctor", "--config", self.service.config)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(self.engine_version(), done.stdout)

    def test_doctor_says_it_in_json(self):
        done = self.cli("doctor", "--format", "json", "--config", self.service.config)
        said = json.loads(done.stdout)
        self.assertTrue(said["ok"])
        self.assertLessEqual({line["state"] for line in said["checks"]}, {"ok", "note", "warn"})
        self.assertLessEqual({"known holes", "cap", "sysctl", "core dumps", "swap", "ksm", "file rights"} - {
            line["check"] for line in said["checks"]}, {"known holes"})
        for line in said["checks"]:
            if line["state"] != "ok":
                self.assertTrue(line["text"], line)

    def test_doctor_sees_who_may_write_the_configuration(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "c.conf")
            service.Service.write_file(path, service.read(self.service.config).decode(), 0o666)
            done = self.cli("doctor", "--config", path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout.decode(), r"FAIL +file rights +.*/c.conf can be written by everybody")

    def test_doctor_finds_another_one_at_its_port(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "c.conf")
            text = service.read(self.service.config).decode()
            service.Service.write_file(path, text.replace(self.service.state, directory))
            done = self.cli("doctor", "--config", path)
        self.assertRegex(done.stdout.decode(), r"warn +port +.* is in use by another dockgate")

    def engine_version(self):
        return self.service.docker.call("GET", "/version").json()["Version"].encode()

    def test_doctor_says_what_to_do(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "c.conf")
            text = service.read(self.service.config).decode()
            text = text.replace(self.service.docker_path, "/nonexistent/docker.sock")
            service.Service.write_file(path, text)
            done = self.cli("doctor", "--config", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"/nonexistent/docker.sock", done.stdout)

    def test_doctor_misses_an_image(self):
        """No error: images can be made when they are first needed. It says how."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "c.conf")
            text = service.read(self.service.config).decode()
            service.Service.write_file(path, text.replace(self.service.image, "dockgate/test-missing:x"))
            done = self.cli("doctor", "--config", path)
        self.assertRegex(done.stdout.decode(), r"warn +image +.*dockgate/test-missing:x\n +-> ")


TASK = 'task "x" {\n\timage = "i"\n\tcommand = {"c"}\n%s}\n'

# Each a configuration, the line of its mistake (what a section lacks is said at its end), and a
# word of what is said about it.
BROKEN = [
    ('colour = "red"\n', 1, "colour"), ('\nlisten = {"8080"}\n', 2, "ADDRESS:PORT"),
    ('listen = {"127.0.0.1:99999"}\n', 1, "listen"), ('listen = {"[::1]:1", "[::1]:1"}\n', 1, "twice"),
    ("job_uid_base = 2147475457\n", 1, "job_uid_base"), ("waiting_max = 0\n", 1, "waiting_max"),
    ("waiting_max = many\n", 1, "waiting_max"), ('lease_ms = "-1"\n', 1, "lease_ms"),
    ('log_level = "loud"\n', 1, "log_level"), ("gateway_uid = 0\n", 1, "gateway_uid"),
    ("gateway_uid = 5\nqueue_uid = 5\n", 1, "uid"), ('state_dir = "relative"\n', 1, "state_dir"),
    ('\n\nclassic_task = "nobody"\n', 3, "nobody"), ('task "x" {\n\tcommand = {"c"}\n}\n', 3, "image"),
    ('task "x" {\n\timage = "i"\n}\n', 3, "command"), ('task "X Y" {\n}\n', 2, "name"),
    (TASK % "\tlimits {\n\t\tcpu_ms = 0\n\t}\n", 5, "cpu_ms"),
    (TASK % "\tlimits {\n\t\tspeed = 3\n\t}\n", 5, "speed"),
    (TASK % "\tlimits {\n\t\tcpu_ms = 700000\n\t}\n", 5, "ceiling"),
    (TASK % "\tmount {\n\t\tsource = \"/x\"\n\t\ttarget = \"/y\"\n\t\twritable = true\n\t}\n", 8, "writable"),
    (TASK % '\tcollect = {"../x"}\n', 4, "collect"), (TASK % '\tisolation = "jail"\n', 4, "isolation"),
    (TASK % "\tconcurrency = 0\n", 4, "concurrency"), (TASK % '\tenv = {"novalue"}\n', 4, "env"),
    (TASK % "\twarm = 3\n\twarm_max = 2\n", 5, "warm_max"), ("task \"x\" {\n", 1, "}"), ("= 1\n", 1, ""),
    (TASK % "" + '\n/* not any more\ntask "y" {\n}\n', 6, "*/"), ('slots = 3\nnode = "a\nlisten = {}\n', 2, '"'),
    ("node = it's\n", 1, "'"), ("job_uid_base = 60000\n", 1, "gateway_uid"),
    ('task "x" {\n\timage = "i"\n\tcommand = {""}\n}\n', 3, "command"),
    (TASK % '\tmount {\n\t\tsource = "/x"\n\t\ttarget = "//."\n\t}\n', 6, "target"),
]


class Check(CliCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.path = os.path.join(cls.directory.name, "dockgate.conf")

    def write(self, text):
        service.Service.write_file(self.path, text)

    def test_a_good_one(self):
        self.write(TASK % "")
        done = self.cli("check", "--config", self.path)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done.stderr)

    def test_the_shipped_ones(self):
        for name in ("dockgate.conf", os.path.join("conf.d", "tasks.conf")):
            done = self.cli("check", "--config", os.path.join(service.DEPLOY, name))
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_each_mistake_has_its_file_and_line(self):
        for text, line, word in BROKEN:
            with self.subTest(text):
                self.write(text)
                done = self.cli("check", "--config", self.path)
                said = done.stderr.decode()
                self.assertEqual(done.returncode, 1, said)
                self.assertIn(f"{self.path}:{line}: ", said)
                self.assertIn(word, said)

    def test_every_start_says_the_same(self):
        self.write("\nwaiting_max = 0\n")
        for command in ("serve", "gateway", "queue", "driver"):
            done = self.cli(command, "--config", self.path)
            self.assertNotEqual(done.returncode, 0, command)
            self.assertIn(f"{self.path}:2: ".encode(), done.stderr, command)

    def test_all_mistakes_at_once(self):
        self.write('colour = 1\nwaiting_max = 0\nlisten = {"x"}\n')
        said = self.cli("check", "--config", self.path).stderr.decode()
        self.assertEqual([f":{n}: " in said for n in (1, 2, 3)], [True] * 3, said)

    def test_json(self):
        self.write("waiting_max = 0\n")
        done = self.cli("check", "--format", "json", "--config", self.path)
        answer = json.loads(done.stdout)
        self.assertEqual((done.returncode, answer["ok"], len(answer["mistakes"])), (1, False, 1))

    def test_the_environment(self):
        self.write("")
        done = self.cli("check", "--config", self.path, env={"DOCKGATE_WAITING_MAX": "none"})
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"DOCKGATE_WAITING_MAX", done.stderr)

    def test_a_variable_that_no_key_has(self):
        """No mistake, and named: who mistyped it would wait for its effect."""
        self.write(TASK % "")
        env = {"DOCKGATE_WAITING_MIX": "7"}
        done = self.cli("check", "--config", self.path, env=env)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"DOCKGATE_WAITING_MIX: no key has that name", done.stderr)
        done = self.cli("check", "--format", "json", "--config", self.path, env=env)
        answer = json.loads(done.stdout)
        self.assertEqual((done.returncode, done.stderr, answer["mistakes"]), (0, b"", []))
        self.assertIn("DOCKGATE_WAITING_MIX", answer["warnings"][0])

    def test_no_such_file(self):
        done = self.cli("check", "--config", "/nonexistent/x.conf")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"/nonexistent/x.conf", done.stderr)


class Serve(CliCase):
    @classmethod
    def setUpClass(cls):
        pass

    def test_two_on_one_state_directory(self):
        with service.Service() as first:
            done = subprocess.run([service.DOCKGATE, "serve", "--config", first.config],
                                  capture_output=True, check=False, timeout=60)
            self.assertNotEqual(done.returncode, 0)
            self.assertTrue(done.stderr)
            self.assertEqual(first.http.get("/readyz").status, 200)

    def test_make_run_takes_no_engine_from_the_one_that_runs(self):
        """Two in one tree: the second ends before it has begun, or ended, anything."""
        run = os.path.join(service.ROOT, "run")
        os.makedirs(run, exist_ok=True)
        with open(os.path.join(run, "serve.lock"), "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            done = subprocess.run([os.path.join(service.ROOT, "misc", "run")], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, f"run: a service runs in {run} already: end that one first\n")

    def test_another_queue_takes_nothing_away(self):
        """A copy of the configuration that names another user for the queue, on the same state directory."""
        svc = service.Service()
        self.addCleanup(svc.close)
        copy = os.path.join(svc.directory, "copy.conf")
        own, other = (f"queue_uid = {uid}\n" for uid in (service.UIDS["queue"], 61699))
        text = service.read(svc.config).decode()
        self.assertIn(own, text)
        service.Service.write_file(copy, text.replace(own, other))
        svc.__enter__()
        self.assert_refused(svc, copy, "another `dockgate serve` runs")
        self.assertEqual(svc.http.get("/readyz").status, 200)
        svc.stop()
        self.assert_refused(svc, copy, "chown -R 61699:")

    def assert_refused(self, svc, config, why):
        directory = os.path.join(svc.state, "queue")
        done = self.cli("serve", "--config", config)
        self.assertEqual(done.returncode, 78)
        self.assertIn(why, done.stderr.decode())
        self.assertEqual(os.stat(directory).st_uid, service.UIDS["queue"])
        self.assertRegex(self.cli("doctor", "--config", config).stdout.decode(),
                         f"FAIL +state +{directory} belongs to user {service.UIDS['queue']}, .* user 61699")

    def test_a_reload_with_secrets_that_no_role_can_use(self):
        """Not the whole service goes down for it: the configuration stays as it was."""
        svc = service.Service()
        self.addCleanup(svc.close)
        path = os.path.join(svc.directory, "secret")
        svc.__enter__()
        pids = [svc.pid(role) for role in service.UIDS]
        for settings, clients, key in (({}, {"one": {"token_file": path}}, "token_file"),
                                       ({"database_file": path}, {}, "database_file"),
                                       ({"callback_secret_file": path}, {}, "callback_secret_file")):
            for mode, why in ((None, "No such file"), (0o644, "expected at most 0640")):
                with self.subTest(key=key, mode=mode):
                    if mode is None and os.path.exists(path):
                        os.unlink(path)
                    elif mode is not None:
                        service.Service.write_file(path, "t" * 40, mode)
                    svc.write_config(settings, {}, {}, clients)
                    said = self.reloaded(svc, "the configuration stays as it was")
                    self.assertRegex(said, f"{key}: .*{why}")
                    doctor = self.cli("doctor", "--config", svc.config).stdout.decode()
                    self.assertRegex(doctor, f"FAIL .*{path}.*{why}")
        self.assertEqual(svc.http.get("/readyz").status, 200)
        self.assertEqual([svc.pid(role) for role in service.UIDS], pids)
        self.two_clients_of_one_token(svc, path)

    def test_a_reload_where_the_state_directory_is_relative(self):
        svc = service.Service()
        self.addCleanup(svc.close)
        svc.start(options=("--state-dir", os.path.basename(svc.state)), cwd=svc.directory)
        said = self.reloaded(svc, "the configuration stays as it was", "all roles have the new configuration")
        self.assertIn("all roles have the new configuration", said)

    def test_a_stop_in_a_reload_leaves_the_jobs_their_time(self):
        svc = service.Service({"drain_s": 60})
        self.addCleanup(svc.close)
        svc.__enter__()
        job = svc.native.accept("sh", args=["sleep 616161; echo ended"])
        sleeper = self.until_one(lambda: process_of(b"sleep\0" b"616161\0"))
        svc.process.send_signal(signal.SIGHUP)
        self.until_one(lambda: b"draining jobs=1" in service.read(svc.log_path))
        svc.process.send_signal(signal.SIGTERM)
        self.until_one(lambda: b"stopping: running jobs get 60 s" in service.read(svc.log_path))
        os.kill(sleeper, signal.SIGTERM)
        self.assertEqual(svc.process.wait(60), 0)
        svc.__enter__()
        ended = svc.native.ended(job)
        self.assertEqual((ended["attempt"], ended["verdict"]), (1, "ok"))

    def until_one(self, look):
        for _ in service.until(60):
            found = look()
            if found:
                return found
        return self.fail("not within a minute")

    def two_clients_of_one_token(self, svc, path):
        service.Service.write_file(path, "t" * 40, 0o600)
        os.link(path, path + "2")
        svc.write_config({}, {}, {}, {name: {"token_file": file} for name, file in
                                      (("one", path), ("two", path + "2"))})
        said = self.reloaded(svc, "the configuration stays as it was")
        self.assertIn("holds the token of client 'one'", said)

    def reloaded(self, svc, *lines):
        """What the supervisor says of a SIGHUP, up to one of the lines."""
        before = os.path.getsize(svc.log_path)
        svc.process.send_signal(signal.SIGHUP)
        for _ in service.until(60):
            said = service.read(svc.log_path)[before:].decode(errors="replace")
            if any(line in said for line in lines):
                return said
        return self.fail(f"none of {lines}: {said}")

    def test_a_store_of_a_newer_schema_is_refused(self):
        svc = service.Service()
        self.addCleanup(svc.close)
        svc.start()
        svc.stop()
        db = sqlite3.connect(svc.database())
        version = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute(f"PRAGMA user_version = {version + 1}")
        db.commit()
        db.close()
        with self.assertRaises(AssertionError) as caught:
            svc.start(seconds=20)
        self.assertIn("schema", str(caught.exception))
        svc.process = None

    def test_SIGINT_stops_it_cleanly(self):
        svc = service.Service()
        self.addCleanup(svc.close)
        svc.__enter__()
        svc.process.send_signal(signal.SIGINT)
        self.assertEqual(svc.process.wait(60), 0)
        self.assertEqual(svc.containers(), [])
        svc.process = None


if __name__ == "__main__":
    unittest.main()
