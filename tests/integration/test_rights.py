# SPDX-License-Identifier: MIT
"""
What each process may do. Its rights are read from the live process; that they suffice is shown by
a program of the same user and groups, without capabilities, that tries what is forbidden. (The
system call filters are tried by the unit test of common/role.)
"""
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import unittest

import service
from case import OwnService

# Tries each action; prints what the system said. Run where the roles run: in the state directory.
TRY = """
import json, os, socket, sys
def connect(path, kind):
    with socket.socket(socket.AF_UNIX, kind) as s:
        s.connect(path)
def bind(port):
    with socket.socket() as s:
        s.bind(("127.0.0.1", port))
actions = {
    "read the database": lambda: open("queue/dockgate.db", "rb").read(1),
    "write the database": lambda: open("queue/dockgate.db", "ab"),
    "list the spool": lambda: os.listdir("queue/spool"),
    "list the queue's state": lambda: os.listdir("queue"),
    "read the secret": lambda: open("courier/secret").read(),
    "read the instance": lambda: open("driver/instance").read(),
    "connect to Docker": lambda: connect(sys.argv[1], socket.SOCK_STREAM),
    "connect as a gateway": lambda: connect("sock/queue-gateway.sock", socket.SOCK_SEQPACKET),
    "connect as a driver": lambda: connect("sock/queue-driver.sock", socket.SOCK_SEQPACKET),
    "connect as a courier": lambda: connect("sock/queue-courier.sock", socket.SOCK_SEQPACKET),
    "become root": lambda: os.setuid(0),
    "write the state directory": lambda: open("new", "w"),
    "write the configuration": lambda: open(sys.argv[2], "a"),
    "kill the supervisor": lambda: os.kill(int(sys.argv[3]), 0),
    "bind port 80": lambda: bind(80),
}
done = {}
for name, action in actions.items():
    try:
        action()
        done[name] = True
    except OSError:
        done[name] = False
print(json.dumps(done))
"""

# Connects, reads what comes, sends each message, reads again; prints the types that came.
SPEAK = '''
import json, socket, struct, sys
path, generation_at = sys.argv[1], 9
heard = []
def messages(datagram):
    """Of a datagram: each has its length in front."""
    while datagram:
        n, = struct.unpack_from("<I", datagram)
        yield datagram[4:4 + n]
        datagram = datagram[4 + n:]
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
    s.settimeout(5)
    try:
        s.connect(path)
        for hello in messages(s.recv(1 << 17)):
            heard.append(struct.unpack_from("<HH", hello)[1])
            for message in sys.argv[2:]:
                data = bytearray.fromhex(message)
                if data[2:4] == b"\\1\\0" and len(data) > generation_at + 8:
                    data[generation_at:generation_at + 8] = hello[generation_at:generation_at + 8]
                s.send(struct.pack("<I", len(data)) + data)
            while True:
                more = s.recv(1 << 17)
                if not more:
                    heard.append("closed")
                    break
                heard += [struct.unpack_from("<HH", m)[1] for m in messages(more)]
    except socket.timeout:
        heard.append("silence")
    except OSError as e:
        heard.append("closed" if heard else "refused")
print(json.dumps(heard))
'''

# The distribution's: roles' users may not reach one in somebody's home.
PYTHON = shutil.which("python3", path="/usr/bin:/bin")

STRANGER = 61999

ROLES = {"gateway": 0, "queue": 1, "driver": 2, "courier": 3}
HELLO, STATUS_GET, JOB_LIST, STATUS, ENDING_ACK, NODE, GIVEBACK = 1, 7, 5, 13, 17, 18, 21


with open(os.path.join(service.ROOT, "backend", "wire", "msg.h"), encoding="utf-8") as header:
    VERSION = int(re.search(r"#define MSG_VERSION\s+(\d+)", header.read()).group(1))


def message(kind, fields=b"", version=VERSION):
    return struct.pack("<HH", version, kind) + fields


def hello(role, version=VERSION):
    node = b"test"
    return message(HELLO, struct.pack("<IBQQI", version, ROLES[role], 0, 7, len(node)) + node)


STATUS_REQUEST = message(STATUS_GET, struct.pack("<QB", 1, 0))


class Rights(OwnService):
    def as_role(self, role, source, *args):
        """What a program of that role's user and groups prints."""
        status = service.status_of(self.service.await_pid(role))
        done = subprocess.run(
            [PYTHON, "-c", source, *args], cwd=self.service.state, capture_output=True, check=False,
            user=service.UIDS[role], group=int(status["Gid"].split()[1]),
            extra_groups=[int(g) for g in status["Groups"].split()])
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)

    def test_user_groups_and_capabilities(self):
        for role, uid in service.UIDS.items():
            status = service.status_of(self.service.await_pid(role))
            with self.subTest(role):
                self.assertEqual(status["Uid"].split(), [str(uid)] * 4)
                self.assertEqual(status["Gid"].split(), [str(uid)] * 4)
                for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                    self.assertEqual(int(status[name], 16), 0, name)
                self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", service.SECCOMP))
                groups = set(map(int, status["Groups"].split()))
                allowed = {uid}
                if role == "driver":
                    allowed.add(os.stat(self.service.docker_path).st_gid)
                self.assertLessEqual(groups, allowed)
                self.assertNotIn(0, groups)

    def test_nobody_may_look_into_them(self):
        """Not dumpable: their files in /proc are root's; and they leave no core file."""
        for role in service.UIDS:
            pid = self.service.await_pid(role)
            with self.subTest(role):
                self.assertEqual(os.stat(f"/proc/{pid}/environ").st_uid, 0)
                limits = service.read(f"/proc/{pid}/limits").decode()
                self.assertRegex(limits, r"Max core file size\s+0\s+0\s")

    def test_descriptors(self):
        """Nobody but the queue has the database open, nobody at all a directory."""
        for role in service.UIDS:
            pid = self.service.await_pid(role)
            paths = []
            for name in os.listdir(f"/proc/{pid}/fd"):
                try:
                    paths.append(os.readlink(f"/proc/{pid}/fd/{name}"))
                except OSError:
                    pass
            with self.subTest(role):
                has = any(path.startswith(os.path.join(self.service.state, "queue")) for path in paths)
                self.assertEqual(has, role == "queue", paths)

    def test_what_the_table_allows_and_forbids(self):
        mine = {
            "gateway": {"connect as a gateway"},
            "queue": {"read the database", "write the database", "list the spool",
                      "list the queue's state"},
            "driver": {"read the instance", "connect to Docker", "connect as a driver"},
            "courier": {"read the secret", "connect as a courier"},
        }
        for role, allowed in mine.items():
            done = self.as_role(role, TRY, self.service.docker_path, self.service.config,
                                str(self.service.process.pid))
            with self.subTest(role):
                self.assertEqual({name for name, could in done.items() if could}, allowed)

    def test_every_directory_of_the_state_is_its_roles_own(self):
        for name, role in (("queue", "queue"), ("driver", "driver"), ("courier", "courier")):
            status = os.stat(os.path.join(self.service.state, name))
            self.assertEqual((status.st_uid, status.st_mode & 0o777), (service.UIDS[role], 0o700), name)
        for directory, _, files in os.walk(self.service.state):
            for name in files:
                mode = os.lstat(os.path.join(directory, name)).st_mode
                if name == "dockgate.sock":  # HTTP, for everybody on the machine
                    self.assertTrue(stat.S_ISSOCK(mode))
                else:
                    self.assertFalse(mode & 0o007, os.path.join(directory, name))

    def test_the_gateway_listens_and_nobody_else(self):
        inodes = {}
        for role in service.UIDS:
            pid = self.service.await_pid(role)
            links = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
            inodes[role] = {link[8:-1] for link in links if link.startswith("socket:[")}
        internet = set()
        for name in ("tcp", "tcp6", "udp", "udp6", "raw"):
            lines = service.read(f"/proc/net/{name}").decode().splitlines()[1:]
            internet |= {line.split()[9] for line in lines}
        self.assertTrue(inodes["gateway"] & internet)
        self.assertFalse(inodes["queue"] & internet)
        self.assertFalse(inodes["driver"] & internet)
        self.assertFalse(inodes["courier"] & internet)  # while nothing is to be sent


class WrongRole(Rights):
    """Who speaks on a socket that is not its own, or says what it may not, is shown the door."""

    def speak(self, role, name, *messages):
        return self.as_role(role, SPEAK, os.path.join("sock", name), *[m.hex() for m in messages])

    def test_a_gateway_that_speaks_as_itself_is_heard(self):
        heard = self.speak("gateway", "queue-gateway.sock", hello("gateway"), STATUS_REQUEST)
        self.assertEqual(heard[:2], [HELLO, STATUS])

    def test_a_gateway_on_the_drivers_socket(self):
        heard = self.speak("gateway", "queue-driver.sock", hello("driver"))
        self.assertIn(heard, (["refused"], ["closed"], []))

    def test_a_driver_on_the_gateways_socket(self):
        heard = self.speak("driver", "queue-gateway.sock", hello("gateway"), STATUS_REQUEST)
        self.assertIn(heard, (["refused"], ["closed"], []))

    def test_a_gateway_that_says_it_is_a_driver(self):
        heard = self.speak("gateway", "queue-gateway.sock", hello("driver"), STATUS_REQUEST)
        self.assertEqual(heard, [HELLO, "closed"])

    def test_a_gateway_that_says_what_only_a_driver_may(self):
        node = message(NODE, struct.pack("<BI", 1, 0) + struct.pack("<IqqBQBQI", 1, 1, 1, 0, 0, 0, 0, 0))
        heard = self.speak("gateway", "queue-gateway.sock", hello("gateway"), node, STATUS_REQUEST)
        self.assertEqual(heard, [HELLO, "closed"])

    def test_a_courier_that_says_what_only_a_gateway_may(self):
        heard = self.speak("courier", "queue-courier.sock", hello("courier"), STATUS_REQUEST)
        self.assertEqual(heard, [HELLO, "closed"])

    def test_a_courier_on_the_gateways_socket(self):
        heard = self.speak("courier", "queue-gateway.sock", hello("gateway"), STATUS_REQUEST)
        self.assertIn(heard, (["refused"], ["closed"], []))

    def test_nonsense(self):
        for bad in (message(STATUS_GET, b""), message(STATUS_GET, b"\0" * 100), message(999), b"\1",
                    message(STATUS_GET, struct.pack("<QB", 1, 9)), hello("gateway"),
                    message(STATUS_GET, struct.pack("<QB", 1, 0), version=VERSION + 1),
                    message(JOB_LIST, struct.pack("<QBI", 1, 0, 0xffffffff))):
            heard = self.speak("gateway", "queue-gateway.sock", hello("gateway"), bad)
            self.assertEqual(heard, [HELLO, "closed"], bad)
        self.assertEqual(self.native.run("sh", args=["true"])["verdict"], "ok")

    def test_another_user_is_refused_at_every_inner_socket(self):
        for name in ("queue-gateway.sock", "queue-driver.sock", "queue-courier.sock"):
            done = subprocess.run([PYTHON, "-c", SPEAK, os.path.join("sock", name)], check=True,
                                  cwd=self.service.state, capture_output=True, user=STRANGER,
                                  group=STRANGER, extra_groups=[])
            self.assertEqual(json.loads(done.stdout), ["refused"], name)

    # The tests of the base class run once, there.
    test_user_groups_and_capabilities = test_nobody_may_look_into_them = test_descriptors = None
    test_what_the_table_allows_and_forbids = test_the_gateway_listens_and_nobody_else = None
    test_every_directory_of_the_state_is_its_roles_own = None


if __name__ == "__main__":
    unittest.main()
