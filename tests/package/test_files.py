# SPDX-License-Identifier: MIT
"""What is installed, looked at without installing it: packages, units, completion, `make install`."""
import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from machine import call
from service import DOCKGATE, ROOT
from test_machine import debs

# The most that `systemd-analyze security` may say of a unit.
EXPOSURE = {"dockgate-gateway": 1.5, "dockgate-queue": 1.5, "dockgate-driver": 3.0,
            "dockgate-courier": 1.5, "dockgate": 1.5}


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="dockgate-package-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        for path in debs():
            call("dpkg-deb", "-x", path, cls.directory)

    def test_lintian_finds_no_error(self):
        done = subprocess.run(["lintian", "--allow-root", "--no-cfg", "--tag-display-limit=0",
                               "--show-overrides", *debs()], capture_output=True, text=True, check=False)
        self.assertNotIn(done.returncode, (1, 127), done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual([line for line in lines if line.startswith("E:")], [])
        # What is overridden is only that these are static, and each of that is needed.
        overridden = [line for line in lines if line.startswith("O:")]
        self.assertTrue(overridden)
        for line in overridden:
            self.assertIn("statically-linked-binary", line)
        self.assertFalse([line for line in lines if "unused-override" in line])

    def test_units_are_hardened(self):
        units = glob.glob(os.path.join(self.directory, "**", "systemd", "system", "*.service"), recursive=True)
        there = {os.path.basename(unit)[:-len(".service")]: unit for unit in units}
        for name, most in EXPOSURE.items():
            # Of each alone: a neighbour must not be looked at in its place.
            with tempfile.TemporaryDirectory() as root:
                where = os.path.join(root, "usr/lib/systemd/system")
                os.makedirs(where)
                shutil.copy(there[name], where)
                said = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=true",
                                       f"--root={root}", f"{name}.service"],
                                      capture_output=True, text=True, check=False)
            found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said.stdout)
            self.assertIsNotNone(found, said.stdout + said.stderr)
            self.assertLessEqual(float(found.group(1)), most, f"{name}\n{said.stdout}")

    def test_every_program_has_its_page(self):
        pages = {os.path.basename(p).split(".")[0]
                 for p in glob.glob(os.path.join(self.directory, "usr/share/man/man*/*.gz"))}
        programs = set(os.listdir(os.path.join(self.directory, "usr/bin"))) | {"dockgate-agent", "executor"}
        self.assertLessEqual(programs | {"dockgate-http", "dockgate"}, pages)
        self.assertTrue(os.path.exists(os.path.join(self.directory, "usr/share/man/man5/dockgate.conf.5.gz")))

    def test_the_driver_finds_the_agent_and_images_their_recipes(self):
        names = {os.path.relpath(p, os.path.join(ROOT, "images"))
                 for p in glob.glob(os.path.join(ROOT, "images", "*", "*"))}
        there = os.path.join(self.directory, "usr/share/dockgate/images")
        for name in names:
            self.assertTrue(os.path.exists(os.path.join(there, name)), name)
        for name in ("dockgate-agent", "images/hello", "cgi-bin/executor", "cgi-bin/.htaccess"):
            self.assertTrue(os.path.exists(os.path.join(self.directory, "usr/lib/dockgate", name)), name)


class Sources(unittest.TestCase):
    def test_what_building_needs_is_said_twice_alike(self):
        """misc/packages installs it for a checkout, the packages' control file for their builders."""
        with open(os.path.join(ROOT, "misc", "packages"), encoding="utf-8") as file:
            run = re.search(r"(?s)^run=\((.*?)^\)", file.read(), re.M).group(1).split()
        with open(os.path.join(ROOT, "deploy", "debian", "control"), encoding="utf-8") as file:
            needs = re.search(r"(?s)Build-Depends:(.*?)\n\S", file.read()).group(1)
        needs = {name.split()[0] for name in needs.split(",")}
        wanted = {name for name in run if name.endswith("-dev")} - {"libc6-dev"}
        self.assertEqual({name for name in needs if name.endswith("-dev")}, wanted)


class Completion(unittest.TestCase):
    SCRIPT = """
. "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_dockgate
printf '%s\\n' "${COMPREPLY[@]}"
"""

    def complete(self, *words):
        path = os.path.join(ROOT, "deploy", "completion", "dockgate")
        done = subprocess.run(["bash", "-c", self.SCRIPT, "bash", path, DOCKGATE, *words],
                              capture_output=True, text=True, check=True, cwd=ROOT,
                              env={**os.environ, "DOCKGATE_HOST": "unix:///nowhere"})
        return done.stdout.split()

    def help(self, *words):
        return subprocess.run([DOCKGATE, *words, "--help"], capture_output=True, text=True, check=True).stdout

    def test_every_command_and_every_option(self):
        commands = re.findall(r"^  ([a-z]+) +\w", self.help(), re.M)
        self.assertGreater(len(commands), 12)
        self.assertLessEqual(set(commands), set(self.complete("")))
        for command in commands:
            options = set(re.findall(r"--[a-z][a-z-]+", self.help(command)))
            self.assertEqual(set(self.complete(command, "--")), options, command)

    def test_what_begins_so(self):
        self.assertEqual(self.complete("su"), ["submit"])
        self.assertEqual(self.complete("run", "--net"), ["--network"])

    def test_values(self):
        self.assertEqual(self.complete("ps", "--format", ""), ["text", "json"])
        self.assertEqual(self.complete("ps", "--state", "r"), ["running"])
        self.assertEqual(self.complete("serve", "--log-level", "d"), ["debug"])
        self.assertIn("cpu_ms=", self.complete("run", "--limit", "c"))
        self.assertEqual(self.complete("images", ""), ["build", "update"])
        self.assertEqual(self.complete("check", "--config", "deploy/dock"), ["deploy/dockgate.conf"])


class MakeInstall(unittest.TestCase):
    """Below DESTDIR, twice: what an operator changed stays."""

    def make(self, *words):
        return call("make", "--no-print-directory", "-C", ROOT, *words)

    def test_it_installs_all_and_keeps_what_was_changed(self):
        with tempfile.TemporaryDirectory(prefix="dockgate-install-") as there:
            self.make("install", f"DESTDIR={there}", "PREFIX=/opt/dockgate")
            for name in ("opt/dockgate/bin/dockgate", "opt/dockgate/lib/dockgate/dockgate-agent",
                         "opt/dockgate/lib/dockgate/cgi-bin/executor",
                         "opt/dockgate/share/man/man1/dockgate.1", "etc/dockgate/dockgate.conf",
                         "etc/dockgate/conf.d/tasks.conf", "etc/apparmor.d/dockgate-slot",
                         "opt/dockgate/lib/sysusers.d/dockgate.conf"):
                self.assertTrue(os.path.exists(os.path.join(there, name)), name)
            unit = os.path.join(there, "opt/dockgate/lib/systemd/system/dockgate-queue.service")
            with open(unit, encoding="utf-8") as file:
                self.assertIn("ExecStart=/opt/dockgate/bin/dockgate queue\n", file.read())
            conf = os.path.join(there, "etc/dockgate/dockgate.conf")
            with open(conf, "w", encoding="utf-8") as file:
                file.write("slots = 3\n")
            self.make("install", f"DESTDIR={there}", "PREFIX=/opt/dockgate")
            with open(conf, encoding="utf-8") as file:
                self.assertEqual(file.read(), "slots = 3\n")
            self.assertTrue(os.path.exists(conf + ".new"))
            said = call(os.path.join(there, "opt/dockgate/bin/dockgate"), "check", "--config", conf)
            self.assertIn("right", said)
            self.make("uninstall", f"DESTDIR={there}")
            self.assertFalse(os.path.exists(os.path.join(there, "opt/dockgate/bin/dockgate")))
            self.assertTrue(os.path.exists(conf))

    def test_a_prefix_that_is_none(self):
        done = subprocess.run(["make", "-C", ROOT, "install", "PREFIX=here"], capture_output=True,
                              text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("PREFIX must begin with a /", done.stderr)


if __name__ == "__main__":
    unittest.main()
