# SPDX-License-Identifier: MIT
"""
A fresh Debian as a systemd-nspawn container: its own systemd, users, network and file system, on
the kernel and with the Docker engine of this machine.

	with Machine(packages) as machine:
	    machine.apt("install", *machine.packages)
	    machine.run("systemctl", "status", "dockgate")
"""
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time

from service import ROOT, docker_socket

# Package lists, kept by images/build; the base root is made of them and kept beside them.
CACHE = os.environ.get("DOCKGATE_IMAGE_CACHE", os.path.join(ROOT, "run", "images"))
BASE_AGE_S = 12 * 3600
BOOT_S = 120

# What a fresh Debian 12 has beyond its essential packages, as far as it matters here.
INCLUDE = ["systemd-sysv", "dbus", "apt", "adduser"]


class Failed(AssertionError):
    pass


def call(*args, **more):
    done = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False, **more)
    if done.returncode:
        raise Failed(f"{' '.join(args)}: {done.returncode}\n{done.stdout}")
    return done.stdout


def suite():
    with open("/etc/os-release", encoding="utf-8") as file:
        found = dict(re.findall(r'^(\w+)="?([^"\n]*)', file.read(), re.M))
    return found.get("VERSION_CODENAME", "bookworm")


def base():
    """A tar of the fresh system, made once in a while."""
    path = os.path.join(CACHE, "machine.tar")
    if not os.path.exists(path) or time.time() - os.path.getmtime(path) > BASE_AGE_S:
        os.makedirs(CACHE, exist_ok=True)
        sources = os.path.join(CACHE, "sources.list")
        call("mmdebstrap", "--quiet", "--mode=root", "--variant=apt", "--format=tar",
             f"--include={','.join(INCLUDE)}", "--dpkgopt=force-unsafe-io",
             '--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"',
             '--aptopt=APT::Sandbox::User "root"', suite(), path + ".new",
             *([sources] if os.path.exists(sources) else []))
        os.replace(path + ".new", path)
    return path


class Machine:
    """packages: .deb files, put into the machine with all that they depend on."""

    def __init__(self, packages):
        self.directory = tempfile.mkdtemp(prefix="dockgate-machine-", dir="/var/tmp")
        os.chmod(self.directory, 0o755)
        self.root = os.path.join(self.directory, "root")
        self.log_path = os.path.join(self.directory, "console")
        self.docker_path = docker_socket()
        self.process = self.leader = None
        try:
            os.mkdir(self.root)
            call("tar", "-xf", base(), "-C", self.root)
            self.packages = [self.put(path) for path in packages]
            self.prepare()
        except BaseException:
            self.close()
            raise

    def put(self, path):
        shutil.copy(path, os.path.join(self.root, "root"))
        return "/root/" + os.path.basename(path)

    def path(self, inside):
        return os.path.join(self.root, inside.lstrip("/"))

    def read(self, inside):
        with open(self.path(inside), encoding="utf-8", errors="replace") as file:
            return file.read()

    def write(self, inside, text):
        with open(self.path(inside), "w", encoding="utf-8") as file:
            file.write(text)

    def prepare(self):
        """What a machine with Docker has, and the archives, since it boots without a network."""
        gid = os.stat(self.docker_path).st_gid
        call("chroot", self.root, "groupadd", "--system", "--gid", str(gid), "docker")
        shutil.copy(shutil.which("docker"), self.path("/usr/bin/docker"))
        self.write("/etc/hostname", "machine\n")
        shutil.copy("/etc/resolv.conf", self.path("/etc/resolv.conf"))
        proxies = [line for line in call("apt-config", "dump").splitlines()
                   if re.match(r"(?i)acquire::https?::", line)]
        self.write("/etc/apt/apt.conf.d/90test", "\n".join(proxies + [
            'APT::Install-Recommends "false";', 'Acquire::Languages "none";',
            'APT::Sandbox::User "root";', 'Dpkg::Use-Pty "false";',
            'Binary::apt::APT::Keep-Downloaded-Packages "true";']) + "\n")
        call("chroot", self.root, "apt-get", "-qq", "update")
        call("chroot", self.root, "apt-get", "-qq", "-y", "--download-only", "install", *self.packages)

    # ---- its life --------------------------------------------------------------------------

    def boot(self):
        """Returns once its systemd has started everything."""
        self.systemd_hierarchy()
        path = os.path.join(self.directory, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            with open(self.log_path, "wb") as log:
                self.process = subprocess.Popen(
                    ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot",
                     "--notify-ready=yes", "--private-network", "--link-journal=no",
                     "--machine=" + os.path.basename(self.directory).replace("_", "-"),
                     f"--directory={self.root}", f"--bind={self.docker_path}:/run/docker.sock",
                     "--console=pipe"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env={**os.environ, "NOTIFY_SOCKET": path})
            self.await_boot(notify)
        os.unlink(path)

    @staticmethod
    def systemd_hierarchy():
        """Where cgroups are of version 1 and systemd is not this machine's own, it has no tree yet."""
        where = "/sys/fs/cgroup/systemd"
        if os.path.exists("/sys/fs/cgroup/cgroup.controllers") or os.path.ismount(where):
            return
        os.makedirs(where, exist_ok=True)
        call("mount", "-t", "cgroup", "-o", "none,name=systemd", "cgroup", where)

    def await_boot(self, notify):
        end = time.monotonic() + BOOT_S
        pidfd = os.pidfd_open(self.process.pid)
        try:
            while True:
                ready, _, _ = select.select([notify, pidfd], [], [], max(0, end - time.monotonic()))
                if pidfd in ready or not ready:
                    raise Failed(f"it did not boot\n{self.console()}")
                said = notify.recv(4096).decode(errors="replace")
                found = re.search(r"^X_NSPAWN_LEADER_PID=(\d+)$", said, re.M)
                if found:
                    self.leader = int(found.group(1))
                if re.search(r"^READY=1$", said, re.M) and self.leader:
                    return
        finally:
            os.close(pidfd)

    def console(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()[-4000:]

    def close(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.terminate() # nspawn asks its init for a clean end
                try:
                    self.process.wait(60)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
            self.process = None
        if os.environ.get("DOCKGATE_TEST_KEEP"):
            print(f"kept: {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        try:
            self.boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    # ---- in it -------------------------------------------------------------------------------

    def attempt(self, *args, **more):
        """The command in it as root, whatever its status."""
        return subprocess.run(
            ["nsenter", f"--target={self.leader}", "--all", "--", "/usr/bin/env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8",
             "DEBIAN_FRONTEND=noninteractive", *args],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=300, check=False, **more)

    def run(self, *args):
        """The same; what it printed. Another status than 0 is a failure."""
        done = self.attempt(*args)
        if done.returncode:
            raise Failed(f"{' '.join(args)}: {done.returncode}\n{done.stdout}{done.stderr}"
                         f"\n{self.journal()}")
        return done.stdout

    def apt(self, *args):
        return self.run("apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0", *args)

    def journal(self):
        return self.attempt("journalctl", "--no-pager", "-o", "short-monotonic", "-n", "60", "-u",
                            "dockgate*").stdout

    def show(self, unit, *names):
        out = self.run("systemctl", "show", "-p", ",".join(names), unit)
        return dict(line.split("=", 1) for line in out.splitlines())

    def http(self, *args):
        """curl of this machine in the other's network."""
        done = subprocess.run(["nsenter", f"--target={self.leader}", "--net", "--", "curl", "-sS",
                               "--max-time", "60", *args], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"curl {' '.join(args)}: {done.stderr}\n{self.journal()}")
        return done.stdout
