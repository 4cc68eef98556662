# SPDX-License-Identifier: MIT
"""What a job that got out would have changed: looked at before and after."""
import glob
import hashlib
import os


def digest(path):
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError as e:
        return e.strerror


def settings():
    """What the kernel was told, as far as it does not change by itself."""
    found = {}
    for path in glob.glob("/proc/sys/kernel/*") + glob.glob("/proc/sys/vm/*") + \
            glob.glob("/proc/sys/fs/*") + glob.glob("/proc/sys/net/core/*"):
        name = os.path.basename(path)
        if os.path.isfile(path) and not name.startswith(("random", "ns_last", "file-nr", "inode",
                                                         "dentry", "aio-nr", "pty", "stat_refresh",
                                                         "compact", "drop_caches", "cad_pid")):
            found[path] = digest(path)
    return found


def listeners(uids):
    """Sockets that users of that range have open in our network namespace."""
    found = []
    for name in ("tcp", "tcp6", "udp", "udp6", "raw"):
        with open(f"/proc/net/{name}", encoding="ascii") as file:
            found += [line.split()[1] for line in file.readlines()[1:]
                      if int(line.split()[7]) in uids]
    return found


def processes(uids):
    """Processes of users of that range."""
    found = []
    for path in glob.glob("/proc/[0-9]*"):
        try:
            if os.stat(path).st_uid in uids:
                found.append(os.path.basename(path))
        except OSError:
            continue
    return found


def make_canary(path):
    """A directory that nobody has a reason to touch, with a file that all may write."""
    os.makedirs(path)
    os.chmod(path, 0o777)
    for name, mode in (("open", 0o666), ("closed", 0o600)):
        with open(os.path.join(path, name), "w", encoding="ascii") as file:
            file.write("as it was\n")
        os.chmod(os.path.join(path, name), mode)


class Sentinel:
    """canary: what make_canary() made; binaries: files."""

    def __init__(self, canary, binaries):
        self.canary = canary
        self.binaries = binaries
        self.before = self.look()

    def look(self):
        files = [path for path in glob.glob("/etc/*") + glob.glob("/etc/cron*/*") if os.path.isfile(path) and not os.path.islink(path)]
        files += self.binaries + glob.glob(os.path.join(self.canary, "*"))
        return {**settings(), **{path: digest(path) for path in files},
                "core dumps": sorted(glob.glob("/core*") + glob.glob("/var/lib/systemd/coredump/*"))}

    def changed(self):
        now = self.look()
        return sorted(key for key in self.before.keys() | now.keys()
                      if self.before.get(key) != now.get(key))
