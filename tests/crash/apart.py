# SPDX-License-Identifier: MIT
"""
The service as units of an init system run it: each role a process of its own, started again as
soon as it has ended, while its listening sockets stay.
"""
import os
import signal
import socket
import subprocess
import threading
import time

from service import DOCKGATE, UIDS, Service, descendants

# The order in which they end.
ROLES = ("driver", "courier", "queue", "gateway")
# Before a role that has ended is started again.
AGAIN_S = 0.02
END_S = 60
# "Something must be mended first": it is not started again.
SETUP = 78
# Killed, asked to end, or ended with a line that says why: what it needs is away, it is tried again.
FINE = (0, 1, -signal.SIGKILL, -signal.SIGTERM)
SOCKETS = {
    "queue-gateway": ("queue-gateway.sock", "gateway"),
    "queue-driver": ("queue-driver.sock", "driver"),
    "queue-courier": ("queue-courier.sock", "courier"),
}


class Unit:
    """A role, kept alive by a thread until stop() or kill()."""

    def __init__(self, svc, role, listeners):
        self.service, self.role = svc, role
        self.listeners = listeners  # name to socket
        self.ending = threading.Event()
        self.process = None
        self.status = None
        self.unwell = []  # what it ended with that is never fine
        self.thread = threading.Thread(target=self.keep, daemon=True)
        self.thread.start()

    def command(self):
        """Descriptors to 3 and up, and their names, as systemd gives them."""
        places = " ".join(f"{3 + i}<&{s.fileno()}" for i, s in enumerate(self.listeners.values()))
        return ["bash", "-c", f'export LISTEN_PID=$$; exec "$@" {places}', "bash", DOCKGATE, self.role,
                "--config", self.service.config]

    def keep(self):
        env = {**os.environ, **self.service.environment.get(self.role, {}),
               "LISTEN_FDS": str(len(self.listeners)), "LISTEN_FDNAMES": ":".join(self.listeners)}
        while not self.ending.is_set():
            with open(self.service.log_path, "ab") as log:
                self.process = subprocess.Popen(
                    self.command(), cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                    pass_fds=[s.fileno() for s in self.listeners.values()], start_new_session=True)
            self.status = self.process.wait()
            if self.status not in FINE:
                self.unwell.append(self.status)
            if self.status == SETUP:
                return  # as under systemd: mended() starts it
            self.ending.wait(AGAIN_S)

    def end(self, number):
        """A process that does not end of SIGTERM in END_S is killed. The thread may be about to start one."""
        self.ending.set()
        patience = time.monotonic() + END_S
        told = None
        while self.thread.is_alive():
            process = self.process
            if time.monotonic() > patience:
                number = signal.SIGKILL
            if process is not None and process.returncode is None and (process, number) != told:
                told = process, number
                try:
                    process.send_signal(number)
                except ProcessLookupError:
                    pass
            self.thread.join(0.05)
        return self.status


class Apart(Service):
    """environment: what is added to that of a role, by its name."""

    def __init__(self, *args, environment=None, **more):
        super().__init__(*args, **more)
        self.environment = environment or {}
        self.units = {}
        self.listeners = {}

    def start(self, seconds=60):
        os.makedirs(self.state, exist_ok=True)
        if not self.listeners:
            self.listen()
        everyone = {"http": "gateway", "http-unix": "gateway"}
        for role in reversed(ROLES):
            self.units[role] = Unit(self, role, {
                name: s for name, s in self.listeners.items() if everyone.get(name, "queue") == role})
        return self

    def mended(self, role):
        """As an operator does who has mended what it said: starts it, if nobody else does."""
        unit = self.units[role]
        if not unit.thread.is_alive() and unit.status == SETUP:
            self.units[role] = Unit(self, role, unit.listeners)

    def listen(self):
        os.makedirs(os.path.join(self.state, "sock"), 0o755, exist_ok=True)
        self.listeners["http"] = self.above(socket.create_server(("127.0.0.1", self.port), backlog=4096))
        self.listeners["http-unix"] = self.listen_unix("dockgate.sock", socket.SOCK_STREAM, 0o666, 0)
        for name, (file, peer) in SOCKETS.items():
            self.listeners[name] = self.listen_unix(file, socket.SOCK_SEQPACKET, 0o600, UIDS[peer])

    def listen_unix(self, name, kind, mode, uid):
        path = os.path.join(self.state, "sock", name)
        with socket.socket(socket.AF_UNIX, kind) as sock:
            sock.bind(path)
            os.chmod(path, mode)
            os.chown(path, uid, uid)
            sock.listen(64)
            return self.above(sock)

    @staticmethod
    def above(sock):
        """With a number that is in nobody's way, as those from 3 on are given away."""
        import fcntl
        with sock:
            return socket.socket(fileno=fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, 100))

    def pid(self, role):
        """Once it has become what it is: before, it is the shell that starts it."""
        process = self.units[role].process
        if process is None or process.returncode is not None:
            return None
        try:
            with open(f"/proc/{process.pid}/comm", encoding="ascii", errors="replace") as file:
                return process.pid if file.read() == f"dg-{role}\n" else None
        except OSError:
            return None

    def stop(self, seconds=END_S):
        statuses = [self.units.pop(role).end(signal.SIGTERM) for role in ROLES if role in self.units]
        return next((status for status in statuses if status), 0)

    def kill(self):
        for role in ROLES:
            if role in self.units:
                self.units[role].ending.set()
        for role in ROLES:
            if role in self.units:
                self.units.pop(role).end(signal.SIGKILL)

    def close(self):
        try:
            super().close()
        finally:
            for sock in self.listeners.values():
                sock.close()
