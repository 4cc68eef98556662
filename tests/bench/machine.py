# SPDX-License-Identifier: MIT
"""The machine as the benchmark finds it, and what its kernel says of time and memory used."""
import glob
import os
import platform
import subprocess

import client  # of the integration tests

TICK = os.sysconf("SC_CLK_TCK")
CPUS = os.cpu_count()


def docker(*args):
    done = subprocess.run(["docker", *args], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"bench: docker {' '.join(args)}: {done.stderr.strip()}")
    return done.stdout.strip()


def engine():
    """The engine's API, as the tests speak it."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        raise SystemExit(f"bench: this needs an engine on a unix socket, not {host}")
    return client.Docker(host[len("unix://"):])


def words(path):
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read().split()


def idle_s():
    """Seconds that the processors had nothing to do, all together, since the machine started."""
    fields = words("/proc/stat")
    return (int(fields[4]) + int(fields[5])) / TICK


def cpu_s(pid):
    """Seconds on a processor of all threads of a process that live."""
    return sum(int(words(path)[0]) for path in glob.glob(f"/proc/{pid}/task/*/schedstat")) / 1e9


def memory_kib(pid, which="VmRSS"):
    """VmRSS: resident now; VmHWM: the most it ever was, or since memory_forget()."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(which + ":"))


def memory_forget(pid):
    """Lets VmHWM begin anew."""
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def cgroup_v2():
    return os.path.exists("/sys/fs/cgroup/cgroup.controllers")


def cgroup_cpu_s(parent):
    """Seconds on a processor of everything that ever ran below a cgroup; 0 where there is none."""
    try:
        if cgroup_v2():
            return int(words(f"/sys/fs/cgroup/{parent}/cpu.stat")[1]) / 1e6
        return int(words(f"/sys/fs/cgroup/cpuacct/{parent}/cpuacct.usage")[0]) / 1e9
    except FileNotFoundError:
        return 0.0


def cgroup_pids(parent):
    root = "/sys/fs/cgroup" if cgroup_v2() else "/sys/fs/cgroup/cpuacct"
    found = []
    for directory, _, _ in os.walk(os.path.join(root, parent)):
        try:
            found += [int(pid) for pid in words(os.path.join(directory, "cgroup.procs"))]
        except OSError:
            pass  # gone meanwhile
    return found


def cgroup_remove(parent):
    """What the engine made for us and leaves behind."""
    for path in [f"/sys/fs/cgroup/{parent}", *glob.glob(f"/sys/fs/cgroup/*/{parent}")]:
        try:
            os.rmdir(path)
        except OSError:
            pass


def about():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":", 1)[1].strip() for line in file
                      if line.startswith("model name")), "?")
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(file.readline().split()[1])
    return {"cpus": CPUS, "cpu": model, "memory_mib": memory // 1024,
            "kernel": platform.release().split("-")[0],
            "engine": docker("version", "--format", "{{.Server.Version}}"),
            "cgroup": 2 if cgroup_v2() else 1, "load_average": os.getloadavg()[0]}


def about_text(about_):
    return (f"{about_['cpus']} cpus ({about_['cpu']}), {about_['memory_mib']} MiB, Linux "
            f"{about_['kernel']}, cgroup v{about_['cgroup']}, Docker Engine {about_['engine']}, "
            f"load {about_['load_average']:.1f} at the start")
