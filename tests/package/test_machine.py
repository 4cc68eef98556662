# SPDX-License-Identifier: MIT
"""
The packages on a fresh Debian with systemd, in the order of their life there: installed, used,
reloaded, behind Apache, broken, stopped, updated, removed, purged.
"""
import base64
import glob
import json
import os
import re
import signal
import stat
import subprocess
import unittest

from client import Docker, Http, Native
from machine import Machine
from service import LABEL_INSTANCE, ROOT, until

DEBS = os.environ.get("DOCKGATE_DEB", os.path.join(ROOT, "build", "deb"))
ROLES = ("gateway", "queue", "driver", "courier")
TASKS = "/etc/dockgate/conf.d/tasks.conf"
CONF = "/etc/dockgate/dockgate.conf"


def debs():
    found = [p for name in ("dockgate", "dockgate-apache2")
             for p in glob.glob(os.path.join(DEBS, f"{name}_*.deb"))]
    if len(found) != 2:
        raise AssertionError(f"two packages are expected in {DEBS}: {found}; `make deb` makes them")
    return found


class Life(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.machine = Machine(debs())
        cls.addClassCleanup(cls.machine.close)
        cls.machine.boot()
        cls.machine.apt("install", *cls.machine.packages)
        cls.docker = Docker(cls.machine.docker_path)
        cls.addClassCleanup(cls.remove_containers)
        cls.instance = cls.machine.read("/var/lib/dockgate/driver/instance").strip()

    @classmethod
    def containers(cls):
        return cls.docker.containers(f"{LABEL_INSTANCE}={cls.instance}")

    @classmethod
    def remove_containers(cls):
        for container in cls.containers():
            cls.docker.call("DELETE", f"/containers/{container['Id']}?force=1&v=1",
                            fine=(204, 404, 409))

    # ---- helpers -----------------------------------------------------------------------------

    def run_in(self, *args):
        return self.machine.run(*args)

    def host_pid(self, role):
        """Of the role's process, as this machine counts."""
        pid = self.machine.show(f"dockgate-{role}.service", "MainPID")["MainPID"]
        self.assertNotEqual(pid, "0", f"{role} does not run\n{self.machine.journal()}")
        for found in glob.glob("/proc/[0-9]*/status"):
            try:
                with open(found, encoding="utf-8") as file:
                    text = file.read()
            except OSError:
                continue
            inner = re.search(r"^NSpid:\s+\d+\s+(\d+)$", text, re.M)
            parent = re.search(r"^PPid:\s+(\d+)$", text, re.M)
            if inner and inner.group(1) == pid and parent.group(1) == str(self.machine.leader):
                return int(found.split("/")[2])
        raise AssertionError(f"{role}: process {pid} is not to be found")

    def pids(self):
        return {role: self.machine.show(f"dockgate-{role}.service", "MainPID")["MainPID"] for role in ROLES}

    def unix(self):
        return Http(f"/proc/{self.machine.leader}/root/run/dockgate/dockgate.sock")

    def await_ready(self):
        """Nothing announces it to a client, so it is asked."""
        reply = None
        for _ in until(60):
            try:
                reply = self.unix().get("/readyz")
                if reply.status == 200:
                    return
            except OSError as e:
                reply = e
        raise AssertionError(f"/readyz: {reply}\n{self.machine.journal()}")

    def say_hello(self):
        self.await_ready()
        self.assertEqual(self.run_in("dockgate", "run", "hello"), "hello\n")

    def change(self, path, before, after):
        text = self.machine.read(path)
        self.assertIn(before, text)
        self.machine.write(path, text.replace(before, after))

    # ---- the life -----------------------------------------------------------------------------

    def test_1_all_units_are_up(self):
        for unit in ("dockgate.service", *(f"dockgate-{role}.service" for role in ROLES),
                     "dockgate-gateway.socket", "dockgate-queue-gateway.socket",
                     "dockgate-queue-driver.socket", "dockgate-queue-courier.socket"):
            self.assertEqual(self.machine.show(unit, "ActiveState")["ActiveState"], "active", unit)
        self.assertEqual(self.run_in("systemctl", "is-enabled", "dockgate").strip(), "enabled")
        self.assertEqual(self.run_in("systemctl", "--failed", "--plain", "--no-legend").strip(), "")

    def test_1_systemd_finds_nothing_wrong_with_the_units(self):
        names = [os.path.basename(name) for name in self.run_in("dpkg", "-L", "dockgate").split()
                 if "/systemd/system/dockgate" in name]
        self.assertGreater(len(names), 8)
        done = self.machine.attempt("systemd-analyze", "verify", "--man=no", *names)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_1_images_of_the_tasks_are_looked_for(self):
        for _ in until(300):
            state = self.machine.show("dockgate-images.service", "ActiveState", "Result")
            if state["ActiveState"] in ("inactive", "failed"):
                break
        self.assertEqual(state, {"ActiveState": "inactive", "Result": "success"}, self.machine.journal())

    def test_1_users_and_groups(self):
        for role in ROLES:
            name = f"dockgate-{role}"
            passwd = self.run_in("getent", "passwd", name).strip().split(":")
            self.assertEqual(passwd[5:], ["/var/lib/dockgate", "/usr/sbin/nologin"])
            groups = set(self.run_in("id", "-nG", name).split())
            self.assertEqual(groups, {name, "docker"} if role == "driver" else {name})
        self.run_in("getent", "group", "dockgate")

    def test_1_files_belong_to_root_and_to_their_roles(self):
        names = self.run_in("dpkg", "-L", "dockgate", "dockgate-apache2").split("\n")
        for name in filter(None, names):
            status = os.lstat(self.machine.path(name))
            self.assertEqual((status.st_uid, status.st_gid), (0, 0), name)
            self.assertFalse(stat.S_IMODE(status.st_mode) & 0o6022 and not stat.S_ISLNK(status.st_mode), name)
        for role, mode in (("queue", "700"), ("driver", "700"), ("courier", "700")):
            self.assertEqual(self.run_in("stat", "-c", "%U %G %a", f"/var/lib/dockgate/{role}").strip(),
                             f"dockgate-{role} dockgate-{role} {mode}")
        for name, expected in (("dockgate.sock", "root root 666"),
                               ("queue-gateway.sock", "dockgate-gateway dockgate-gateway 600"),
                               ("queue-driver.sock", "dockgate-driver dockgate-driver 600"),
                               ("queue-courier.sock", "dockgate-courier dockgate-courier 600")):
            self.assertEqual(self.run_in("stat", "-c", "%U %G %a", f"/run/dockgate/{name}").strip(), expected)

    def test_1_configuration_files_are_the_operators(self):
        said = self.run_in("dpkg-query", "-W", "-f", "${Conffiles}\n", "dockgate", "dockgate-apache2")
        names = {line.split()[0] for line in said.splitlines() if line.strip()}
        self.assertEqual(names, {CONF, TASKS, "/etc/apparmor.d/dockgate-slot",
                                 "/etc/apache2/conf-available/dockgate.conf",
                                 "/etc/apache2/conf-available/dockgate-proxy.conf"})

    def test_2_a_job_through_each_door(self):
        self.say_hello()
        reply = json.loads(self.machine.http("http://127.0.0.1:8080/v1/jobs?wait=30", "-H",
                                             "Content-Type: application/json", "-d", '{"task": "hello"}'))
        self.assertEqual((reply["verdict"], reply["stdout"]["content"]), ("ok", "hello\n"))
        self.assertEqual(Native(self.unix()).run("hello")["verdict"], "ok")

    def test_2_doctor_has_nothing_to_say(self):
        said = self.machine.attempt("dockgate", "doctor")
        self.assertEqual(said.returncode, 0, said.stdout)
        self.assertIn("service        ready", said.stdout)

    def test_3_each_role_has_its_rights_and_no_others(self):
        init_net = os.readlink(f"/proc/{self.machine.leader}/ns/net")
        for role in ROLES:
            pid = self.host_pid(role)
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            uid = self.run_in("id", "-u", f"dockgate-{role}").strip()
            self.assertEqual(status["Uid"].split(), [uid] * 4, role)
            for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(int(status[name], 16), 0, f"{role} {name}")
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"), role)
            private = os.readlink(f"/proc/{pid}/ns/net") != init_net
            self.assertEqual(private, role not in ("gateway", "courier"), f"{role}: network")

    def test_4_a_reload_gives_all_of_them_the_new_configuration(self):
        # The engine is outside: it finds the classic task's directory under another path.
        self.change(TASKS, 'source = "/var/lib/dockgate/classic"',
                    f'source = "{self.machine.path("/var/lib/dockgate/classic")}"')
        self.change(CONF, "# wait_max_s = 300", "wait_max_s = 60")
        before = self.pids()
        self.run_in("systemctl", "reload", "dockgate")
        for _ in until(60):
            after = self.pids()
            if all(after[role] not in ("0", before[role]) for role in ROLES):
                break
        else:
            raise AssertionError(f"not all are new: {before} {after}\n{self.machine.journal()}")
        self.say_hello()

    def test_4_a_mistake_leaves_all_as_it_was(self):
        good = self.machine.read(CONF)
        self.machine.write(CONF, good + "\nslots = many\n")
        before = self.pids()
        try:
            done = self.machine.attempt("systemctl", "reload", "dockgate")
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(self.machine.journal(), r"dockgate\.conf:\d+: .*slots")
            self.assertEqual(self.pids(), before)
            self.say_hello()
        finally:
            self.machine.write(CONF, good)

    def test_5_a2enmod_cgid_is_all_that_apache_needs(self):
        machine = self.machine
        self.run_in("a2enmod", "cgid")
        self.run_in("systemctl", "restart", "apache2")
        job = json.loads(machine.http("http://127.0.0.1/executor/v1/jobs?wait=30", "-H",
                                      "Content-Type: application/json", "-d", '{"task": "hello"}'))
        self.assertEqual((job["verdict"], job["stdout"]["content"]), ("ok", "hello\n"))
        name = machine.http("http://127.0.0.1/executor/submit", "-d", '{"data": "three words here"}').strip()
        self.assertRegex(name, r"^[0-9a-f]{64}$")
        job = json.loads(machine.http(f"http://127.0.0.1/executor/v1/jobs/{name}?wait=30"))
        self.assertEqual(job["verdict"], "ok", job)
        result = machine.http("http://127.0.0.1/executor/get_result", "-d", json.dumps({"id": name}))
        self.assertIn(b"received 16 characters", base64.b64decode(result))

    def test_6_a_role_that_dies_is_started_again(self):
        for role in ROLES:
            before = self.machine.show(f"dockgate-{role}.service", "MainPID")["MainPID"]
            os.kill(self.host_pid(role), signal.SIGKILL)
            for _ in until(30):
                now = self.machine.show(f"dockgate-{role}.service", "MainPID")["MainPID"]
                if now not in ("0", before):
                    break
            else:
                raise AssertionError(f"{role} does not come back\n{self.machine.journal()}")
            self.say_hello()

    def test_7_a_stop_leaves_no_container_and_loses_no_result(self):
        job = Native(self.unix()).run("hello")["id"]
        self.assertTrue(self.containers())
        self.run_in("systemctl", "stop", "dockgate*")
        left = [c["Names"] for c in self.containers()]
        self.assertEqual(left, [], self.machine.journal())
        for unit in ("dockgate-gateway", "dockgate-queue", "dockgate-driver", "dockgate-courier"):
            self.assertEqual(self.machine.show(f"{unit}.service", "ActiveState", "Result"),
                             {"ActiveState": "inactive", "Result": "success"}, unit)
        self.assertEqual(os.listdir(f"/proc/{self.machine.leader}/root/run/dockgate"), [])
        self.run_in("systemctl", "start", "dockgate")
        self.await_ready()
        self.assertEqual(Native(self.unix()).call("GET", f"/v1/jobs/{job}").json()["verdict"], "ok")

    def newer(self, path):
        """The same package with a higher version."""
        there = self.machine.path("/root/newer")
        subprocess.run(["rm", "-rf", there], check=True)
        subprocess.run(["dpkg-deb", "-R", path, there], check=True)
        control = os.path.join(there, "DEBIAN", "control")
        with open(control, encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r"(?m)^Version: (.*)$", r"Version: \1+newer", text)
        text = re.sub(r"dockgate \(= ([^)]*)\)", r"dockgate (= \1+newer)", text)
        with open(control, "w", encoding="utf-8") as file:
            file.write(text)
        name = os.path.basename(path).replace(".deb", "+newer.deb")
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", there,
                        self.machine.path(f"/root/{name}")], check=True, stdout=subprocess.DEVNULL)
        return f"/root/{name}"

    def test_8_an_update_keeps_jobs_and_what_was_changed(self):
        job = Native(self.unix()).run("hello")["id"]
        before = self.pids()
        changed = self.machine.read(CONF), self.machine.read(TASKS)
        self.machine.apt("install", *[self.newer(path) for path in debs()])
        self.assertIn("+newer", self.run_in("dpkg-query", "-W", "-f", "${Version}", "dockgate"))
        self.assertEqual((self.machine.read(CONF), self.machine.read(TASKS)), changed)
        after = self.pids()
        self.assertTrue(all(after[role] not in ("0", before[role]) for role in ROLES), (before, after))
        self.await_ready()
        self.assertEqual(Native(self.unix()).call("GET", f"/v1/jobs/{job}").json()["verdict"], "ok")
        self.assertEqual(json.loads(self.machine.http("http://127.0.0.1/executor/readyz"))["ready"], True)

    def test_9_removed_then_installed_again_then_purged(self):
        machine = self.machine
        changed = machine.read(CONF)
        machine.apt("remove", "dockgate", "dockgate-apache2")
        self.assertEqual(self.containers(), [])
        self.assertEqual(self.run_in("systemctl", "--failed", "--plain", "--no-legend").strip(), "")
        self.assertTrue(os.path.exists(machine.path("/var/lib/dockgate/queue/dockgate.db")))
        self.assertEqual(machine.read(CONF), changed)
        self.assertFalse(os.path.lexists(machine.path("/etc/apache2/conf-enabled/dockgate.conf")))
        self.run_in("systemctl", "restart", "apache2") # its configuration is still right
        machine.apt("install", *machine.packages)
        self.say_hello()
        machine.apt("purge", "dockgate", "dockgate-apache2")
        for name in ("/var/lib/dockgate", "/var/cache/dockgate", "/etc/dockgate",
                     "/etc/apache2/conf-enabled/dockgate.conf", "/etc/apache2/conf-available/dockgate.conf",
                     "/etc/apparmor.d/dockgate-slot", "/usr/lib/dockgate",
                     "/etc/systemd/system/multi-user.target.wants/dockgate.service"):
            self.assertFalse(os.path.lexists(machine.path(name)), name)
        self.assertEqual(self.run_in("sh", "-c", "ls /run/dockgate 2>/dev/null || true"), "")


if __name__ == "__main__":
    unittest.main()
