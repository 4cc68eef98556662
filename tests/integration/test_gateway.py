# SPDX-License-Identifier: MIT
"""The gateway alone, in conversation with a queue that the tests play themselves."""
import array
import base64
import contextlib
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import client
import service
from case import foreign_address
from service import DOCKGATE, ORIGIN, ROOT, UIDS, free_port

JOB = bytes(range(32))
ID = JOB.hex()


CONFIG = """
state_dir = "{state}"
listen = {{ "127.0.0.1:{port}" }}
origins = {{ "{origin}" }}
gateway_uid = {uid}
gateway_gid = {uid}
header_timeout_s = 2
body_timeout_s = 2
idle_timeout_s = 3
body_json_max = 65536
{more}
task "sh" {{
	image = "example/sh"
	command = {{ "/bin/sh", "-c" }}
}}
task "classic" {{
	image = "example/sh"
	command = {{ "/bin/sh", "-c" }}
}}
"""


# ---- the queue's end ------------------------------------------------------------------------

def catalogue():
    """Every message's number, and its fields in their order, as backend/wire/msg.h has them."""
    with open(os.path.join(ROOT, "backend", "wire", "msg.h"), encoding="utf-8") as header:
        text = header.read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S).replace("\\\n", "")
    bodies = dict(re.findall(r"#define MSG_(\w+)\(F\)(.*)", text))
    fields = {name.lower()[:-len("_FIELDS")]: re.findall(
        r"\bF\((\w+), (\w+),", re.sub(r"MSG_(\w+)\(F\)", lambda found: bodies[found.group(1)], body))
        for name, body in bodies.items() if name.endswith("_FIELDS")}
    numbers = {member: int(number)
               for member, number in re.findall(r"X\(\w+,\s*(\w+),\s*(\d+), BY", text)}
    refusals = re.findall(r"X\((\w+), \"", text[text.index("#define REFUSALS"):text.index("enum refusal")])
    version = int(re.search(r"#define MSG_VERSION\s+(\d+)", text).group(1))
    fields = {name: [(kind.lower(), field) for kind, field in found] for name, found in fields.items()}
    return version, numbers, fields, [name.lower() for name in refusals]


VERSION, NUMBERS, FIELDS, REFUSALS = catalogue()
TYPES = {number: name for name, number in NUMBERS.items()}
NUMERIC = {"u8": "<B", "u32": "<I", "u64": "<Q", "i64": "<q"}


def pack(name, values, fds):
    """A message; a blob is bytes, or an open file as (fd, length)."""
    out = [struct.pack("<HH", VERSION, NUMBERS[name])]
    for kind, field in FIELDS[name]:
        value = values.get(field)
        if kind in NUMERIC:
            out.append(struct.pack(NUMERIC[kind], value or 0))
        elif kind == "id":
            out.append(value or bytes(32))
        elif kind == "str":
            text = (value or "").encode()
            out.append(struct.pack("<I", len(text)) + text)
        elif isinstance(value, tuple):
            fds.append(value[0])
            out.append(struct.pack("<BQ", 1, value[1]))
        else:
            out.append(struct.pack("<BQ", 0, len(value or b"")) + (value or b""))
    return b"".join(out)


def unpack(data, fds):
    version, number = struct.unpack_from("<HH", data)
    assert version == VERSION, version
    name, at, values = TYPES[number], 4, {}
    for kind, field in FIELDS[name]:
        if kind in NUMERIC:
            values[field], = struct.unpack_from(NUMERIC[kind], data, at)
            at += struct.calcsize(NUMERIC[kind])
        elif kind == "id":
            values[field] = data[at:at + 32]
            at += 32
        elif kind == "str":
            n, = struct.unpack_from("<I", data, at)
            values[field] = data[at + 4:at + 4 + n].decode()
            at += 4 + n
        else:
            place, n = struct.unpack_from("<BQ", data, at)
            at += 9
            at += 32 * (place == 2)  # a hash of what is behind the descriptor
            if place:
                fd = fds.pop(0)
                values[field] = os.pread(fd, n, 0)
                os.close(fd)
            else:
                values[field] = data[at:at + n]
                at += n
    assert at == len(data), (name, at, len(data))
    return name, values


def limits():
    with open(os.path.join(ROOT, "backend", "common", "limits.h"), encoding="utf-8") as header:
        return len(re.findall(r"^\tX\([A-Z]+,", header.read(), re.M))


def result(n, files=()):
    """The record of a job with one step, which printed n bytes and ended well; its files are empty."""
    finding = struct.pack("<BBqqI", 0, limits(), 0, 0, 0)
    text = struct.pack("<BI", 0, 0)
    step = (b"\0" + text + finding + struct.pack("<IB4q", 0, 0, 1, 1, 1, 1) +
            struct.pack("<QQQ", 0, n, 0) + bytes(24) + text)
    return (struct.pack("<H", 2) + finding + struct.pack("<I", 0) + text + text + b"\0" +
            struct.pack("<I", 1) + step + struct.pack("<I", len(files)) +
            b"".join(struct.pack("<I", len(name)) + name + bytes(48) for name in files) + bytes(4) + b"\0" + text)


class Queue:
    """Listens where the queue would; what comes is kept, and answered by `answers`."""

    def __init__(self, path):
        self.path = path
        self.peer = None
        self.came = []
        self.news = threading.Condition()
        self.answers = {}
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        os.chmod(path, 0o777)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                self.peer, _ = self.listener.accept()
            except OSError:
                return
            with self.peer:
                try:
                    while self.one():
                        pass
                except ConnectionResetError:
                    pass
                self.peer = None

    def one(self):
        data, fds, _, _ = socket.recv_fds(self.peer, 65536, 6)
        if not data:
            return False
        fds, at = list(fds), 0
        while at < len(data):  # several messages, each behind its length
            n, = struct.unpack_from("<I", data, at)
            self.take(*unpack(data[at + 4:at + 4 + n], fds))
            at += 4 + n
        return True

    def take(self, name, values):
        if name == "hello":
            self.send("hello", version=VERSION, role=1, generation=values["generation"], instance=7,
                      node="played")
        if name == "client_ask" and name not in self.answers:
            self.send("client_tell", token=values["token"])  # whoever asks is let in
            return
        answer = self.answers.get(name)
        with self.news:
            self.came.append((name, values))
            self.news.notify_all()
        if answer is not None:
            answer(values)

    def send(self, message, **values):
        fds = array.array("i")
        data = pack(message, values, fds)
        self.peer.sendmsg([struct.pack("<I", len(data)), data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else [])

    def wait_for(self, name, seconds=20):
        """The first message of this type that came and was not waited for yet."""
        end = time.monotonic() + seconds
        with self.news:
            while True:
                for i, (kind, values) in enumerate(self.came):
                    if kind == name:
                        del self.came[i]
                        return values
                if not self.news.wait(end - time.monotonic()):
                    raise AssertionError(f"no {name} came, only {[k for k, _ in self.came]}")

    def answer_job(self, on="job_get", **values):
        self.answers[on] = lambda asked: self.send("job", token=asked["token"], **{
            "id": asked.get("id", JOB), "task": "sh", "queued_ms": 1, **values})

    def refuse(self, on, why, detail="", retry_after_s=0):
        self.answers[on] = lambda asked: self.send(
            "refused", token=asked["token"], why=REFUSALS.index(why), detail=detail,
            retry_after_s=retry_after_s)

    def close(self):
        for sock in (self.listener, self.peer):
            if sock is not None:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.listener.close()
        self.thread.join()
        os.unlink(self.path)


class Gateway:
    def __init__(self, more=""):
        self.directory = tempfile.mkdtemp(prefix="dockgate-gateway-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.socks = os.path.join(self.directory, "sock")
        os.mkdir(self.socks)
        os.chmod(self.socks, 0o755)
        self.port = free_port()
        self.conf = os.path.join(self.directory, "dockgate.conf")
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(state=self.directory, port=self.port, origin=ORIGIN,
                                     uid=UIDS["gateway"], more=more))
        self.queue = None
        self.play()
        self.tcp = socket.create_server(("127.0.0.1", self.port), backlog=512)
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(os.path.join(self.socks, "dockgate.sock"))
        self.unix.listen()
        self.log = open(os.path.join(self.directory, "log"), "w+", encoding="utf-8")
        self.process = self.start()
        self.http = client.Http(("127.0.0.1", self.port))
        self.unix_http = client.Http(os.path.join(self.socks, "dockgate.sock"))

    def start(self):
        """As systemd would: the listeners are 3 and 4."""
        fds = (self.tcp.fileno(), self.unix.fileno())

        def prepare():
            high = [os.dup2(fd, 200 + i) for i, fd in enumerate(fds)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
            os.environ["LISTEN_PID"] = str(os.getpid())

        return subprocess.Popen(
            ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', *PROGRAM, self.conf],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.directory,
            env={**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "http:http-unix"},
            preexec_fn=prepare, close_fds=False)

    def play(self):
        self.queue = Queue(os.path.join(self.socks, "queue-gateway.sock"))

    def connected(self):
        self.queue.wait_for("hello")

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        self.queue.close()
        self.tcp.close()
        self.unix.close()
        self.log.seek(0)
        text = self.log.read()
        self.log.close()
        shutil.rmtree(self.directory)
        if status != 0 or "Sanitizer" in text or "runtime error" in text:
            raise AssertionError(f"status {status}\n{text}")


PROGRAM = [DOCKGATE, "gateway", "--config"]


class GatewayCase(unittest.TestCase):
    more = ""

    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway(cls.more)
        cls.addClassCleanup(cls.gateway.close)
        cls.http, cls.queue = cls.gateway.http, cls.gateway.queue
        cls.gateway.connected()

    def setUp(self):
        self.queue.answers.clear()
        self.queue.came.clear()

    def submit(self, value, target="/v1/jobs"):
        return self.http.post_json(target, value)

    def gauge(self, name):
        self.queue.answers["status_get"] = lambda asked: self.queue.send("status", token=asked["token"])
        return int(re.search(rf"^dockgate_http_{name} (\d+)$", self.http.get("/metrics").text, re.M).group(1))


class Submit(GatewayCase):
    def test_accepted(self):
        self.queue.answer_job("submit", id=JOB, state=0, position=3)
        reply = self.submit({"task": "sh", "args": ["x"], "labels": {"a": "b"}})
        self.assertEqual(reply.status, 202, reply.body)
        answer = reply.json()
        self.assertEqual((answer["id"], answer["state"], answer["position"]), (ID, "queued", 3))
        self.assertEqual(reply.headers["Location"], f"/v1/jobs/{ID}")
        self.assertEqual(answer["queued_at"], "1970-01-01T00:00:00.001Z")
        asked = self.queue.wait_for("submit")
        self.assertEqual((asked["task"], asked["wait_ms"], asked["retention_s"], asked["caller_operator"]),
                         ("sh", 0, -1, 0))
        self.assertIn(b"\1\0\0\0x", asked["spec"])

    def test_prefix_stays(self):
        self.queue.answer_job("submit", id=JOB)
        reply = self.submit({"task": "sh"}, "/executor/v1/jobs")
        self.assertEqual(reply.headers["Location"], f"/executor/v1/jobs/{ID}")

    def test_preference_is_applied(self):
        self.queue.answer_job("submit", id=JOB)
        reply = self.http.post_json("/v1/jobs", {"task": "sh"}, Prefer="respond-async, wait=7")
        self.assertEqual(reply.headers["Preference-Applied"], "wait=7")
        self.assertEqual(self.queue.wait_for("submit")["wait_ms"], 7000)
        reply = self.http.post_json("/v1/jobs?wait=0.25", {"task": "sh"}, Prefer="wait=7")
        self.assertNotIn("Preference-Applied", reply.headers)
        self.assertEqual(self.queue.wait_for("submit")["wait_ms"], 250)

    def test_preferences_of_every_length(self):
        """The longest leave no room but for an end."""
        self.queue.answer_job("submit", id=JOB)
        for n in [*range(1, 30), *[23] * 50]:
            for digits, applied in (("0" * n, n < 24 and "wait=0"), ("x" * n, None)):
                reply = self.http.post_json("/v1/jobs", {"task": "sh"}, Prefer="wait=" + digits)
                self.assertEqual((reply.status, reply.headers["Preference-Applied"]), (202, applied or None), n)

    def test_large_input_comes_whole(self):
        self.queue.answer_job("submit", id=JOB)
        data = "x" * 60000
        self.assertEqual(self.submit({"task": "sh", "files": [{"name": "a", "content": data}]}).status, 202)
        self.assertEqual(self.queue.wait_for("submit")["input"], data.encode())

    def test_multipart_is_streamed_into_the_spool(self):
        with tempfile.TemporaryFile() as spool:
            self.queue.answers["spool_open"] = lambda asked: self.queue.send(
                "spool", token=asked["token"], file=(spool.fileno(), 0))
            self.queue.answer_job("submit", id=JOB)
            blob = os.urandom(300000) + b"\r\n--b\r\r\n--" + bytes(1000)
            body = (b'--b1\r\nContent-Disposition: form-data; name="x"; filename="d/a"\r\n\r\n' + blob +
                    b'\r\n--b1\r\nContent-Disposition: form-data; name="job"\r\n\r\n{"task": "sh"}'
                    b'\r\n--b1\r\nContent-Disposition: form-data; name="y"; filename="empty"\r\n\r\n'
                    b'\r\n--b1--\r\n')
            reply = self.http.post("/v1/jobs", body, Content_Type='multipart/form-data; boundary="b1"')
            self.assertEqual(reply.status, 202, reply.body)
            asked = self.queue.wait_for("submit")
            self.assertEqual(asked["input"], blob)
            self.assertIn(b"d/a", asked["spec"])
            self.assertIn(b"empty", asked["spec"])

    def body_bytes(self):
        return self.gauge("body_bytes")

    def test_the_job_of_an_upload_counts_among_the_bodies_in_memory(self):
        with tempfile.TemporaryFile() as spool, self.http.socket() as sock:
            self.queue.answers["spool_open"] = lambda asked: self.queue.send(
                "spool", token=asked["token"], file=(spool.fileno(), 0))
            sock.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n"
                         b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
                         b'--b\r\nContent-Disposition: form-data; name="job"\r\n\r\n' + b" " * 50000)
            end = time.monotonic() + 20
            while self.body_bytes() < 50000:
                self.assertLess(time.monotonic(), end)

    def test_a_job_that_is_waited_for_holds_no_body(self):
        with self.http.socket() as sock:
            body = json.dumps({"task": "sh", "stdin": "x" * 50000}).encode()
            sock.sendall(b"POST /v1/jobs?wait=30 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n"
                         b"Content-Type: application/json\r\n\r\n%s" % (len(body), body))
            self.queue.wait_for("submit")
            self.assertEqual(self.body_bytes(), 0)

    def test_multipart_without_a_spool(self):
        self.queue.refuse("spool_open", "store", "the disk is full")
        reply = self.http.post("/v1/jobs", b"--b--", Content_Type="multipart/form-data; boundary=b")
        self.assertEqual((reply.status, reply.json()["detail"]), (503, "the disk is full"))


class Uploads(GatewayCase):
    more = "body_multipart_max = 1M\nkeep_bytes = 4M\nconnections_per_address = 10"
    FILE = b'--b\r\nContent-Disposition: form-data; name="x"; filename="a"\r\n\r\n'
    END = b'\r\n--b\r\nContent-Disposition: form-data; name="job"\r\n\r\n{"task": "sh"}\r\n--b--\r\n'
    N = 1000000

    def setUp(self):
        super().setUp()
        self.queue.answers["spool_open"] = self.give_spool
        self.queue.answer_job("submit", id=JOB)

    def give_spool(self, asked):
        with tempfile.TemporaryFile() as spool:
            self.queue.send("spool", token=asked["token"], file=(spool.fileno(), 0))

    def upload(self, n):
        return self.http.post("/v1/jobs", self.FILE + bytes(n) + self.END, Content_Type="multipart/form-data; boundary=b")

    def begin(self, stack, n=N, address="127.0.0.1"):
        """One that stops in its file."""
        sock = stack.enter_context(socket.create_connection(("127.0.0.1", self.gateway.port), 60, (address, 0)))
        sock.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n"
                     b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
                     % (len(self.FILE) + n + len(self.END)) + self.FILE + bytes(n))
        return sock

    def wait_for_bytes(self, least, most):
        for _ in service.until(20):
            if least <= self.gauge("upload_bytes") <= most:
                return
        self.fail("the uploads take other room")

    def end(self, sock):
        sock.sendall(self.END)
        return client.raw_status(sock.recv(1000))

    def test_on_their_way_have_a_bound_together(self):
        with contextlib.ExitStack() as stack:
            for _ in range(2):
                first = self.begin(stack)
            self.wait_for_bytes(2 * self.N - 100, 2 * self.N)
            reply = self.upload(self.N)
            self.assertEqual((reply.status, reply.json()["detail"], reply.headers["Retry-After"]),
                             (503, "too many large uploads at one time", "5"))
            self.assertEqual(self.upload(60000).status, 202)
            self.wait_for_bytes(2 * self.N - 100, 2 * self.N)
            self.assertEqual(self.end(first), 202)
            self.wait_for_bytes(self.N - 100, self.N)
            self.assertEqual(self.upload(self.N).status, 202)
        self.wait_for_bytes(0, 0)

    def test_one_address_does_not_take_it_all(self):
        theirs = foreign_address(self)
        with contextlib.ExitStack() as stack:
            held = self.begin(stack, address=theirs)
            self.wait_for_bytes(self.N - 100, self.N)
            self.assertEqual(self.end(self.begin(stack, address=theirs)), 503)
            self.assertEqual(self.end(self.begin(stack, 60000, theirs)), 202)
            self.assertEqual(self.upload(self.N).status, 202)
            self.assertEqual(self.end(held), 202)
            self.assertEqual(self.end(self.begin(stack, address=theirs)), 202)

    def test_one_that_is_refused_gives_its_room_back_at_once(self):
        with contextlib.ExitStack() as stack:
            sock = self.begin(stack)
            self.wait_for_bytes(self.N - 100, self.N)
            sock.sendall(b"\r\n--b\r\nno header\r\n\r\n")  # and the rest does not come
            self.wait_for_bytes(0, 0)


class Refusals(GatewayCase):
    def test_what_the_queue_refuses(self):
        for why, status, retry in (("queue_full", 503, "9"), ("over_share", 429, "9"),
                                   ("unauthorized", 401, None), ("forbidden", 403, None),
                                   ("unknown_task", 400, None), ("not_ready", 503, "9"),
                                   ("invalid", 400, None), ("store", 503, "9")):
            self.queue.refuse("submit", why, f"because {why}", 9)
            reply = self.submit({"task": "sh"})
            self.assertEqual((reply.status, reply.type.split(";")[0], reply.headers["Retry-After"]),
                             (status, "application/problem+json", retry), why)
            problem = reply.json()
            self.assertEqual((problem["detail"], problem["message"], problem["status"]),
                             (f"because {why}", f"because {why}", status))
            self.assertTrue(problem["type"].startswith("urn:dockgate:problem:"))

    def test_an_answer_of_another_kind_is_our_failure(self):
        self.queue.answers["job_get"] = lambda asked: self.queue.send("status", token=asked["token"])
        self.assertEqual(self.http.get(f"/v1/jobs/{ID}").status, 500)

    def test_a_damaged_result_is_our_failure(self):
        self.queue.answer_job(state=2, verdict=0, result=b"\xff" * 40)
        self.assertEqual(self.http.get(f"/v1/jobs/{ID}").status, 500)
        self.assertEqual(self.http.get(f"/v1/jobs/{ID}/stdout").status, 500)

    def test_a_queue_that_lists_nonsense(self):
        self.queue.answers["job_list"] = lambda asked: self.queue.send(
            "jobs", token=asked["token"], list=b"\xff" * 7)
        self.assertEqual(self.http.get("/v1/jobs").status, 500)


class Large(GatewayCase):
    more = "idle_timeout_s = 60"
    MIB = 1 << 20

    def answer(self, text):
        """The played queue has an ended job that printed this."""
        spool = self.enterContext(tempfile.TemporaryFile())
        spool.write(text)
        spool.flush()
        self.queue.answer_job(state=2, verdict=0, result=result(len(text)), out=(spool.fileno(), len(text)),
                              out_bytes=len(text))

    def classic(self, function):
        return self.http.post_json("/executor/" + function, {"id": ID})

    def test_a_result_is_made_of_so_much_output(self):
        four = 4 * self.MIB
        for n, status in ((four, 200), (four + 1, 413), (16 * self.MIB, 413)):
            self.answer(b"x" * n)
            reply = self.classic("get_result")
            self.assertEqual(reply.status, status, reply.text[:200])
            self.assertEqual(len(self.classic("get_data").body), 0)
        self.assertRegex(reply.text, r"\Athe lines asked for are longer than 4194304 bytes: [^\n]+\n\Z")
        self.answer(b"1\n2\n3\n4\n" + b"x" * (16 * self.MIB))  # what is behind its lines is not looked at
        value = json.loads(base64.b64decode(self.classic("get_result").body))
        self.assertEqual(value, {"field1": "1", "field2": ["2", "3", "4"]})

    def test_a_line_of_any_length_comes_from_its_file(self):
        line = bytes(range(11, 256)) * 70000
        for text, found in ((b"\n\n\n\n" + line, line), (b"1\n2\n3\n4\n" + line + b"\n6\n", line),
                            (b"1\n2\n3\n4\n5\n", b"5"), (b"1\n2\n3\n4", b""), (b"1\n2\n3\n4\n", b"")):
            self.answer(text)
            reply = self.classic("get_data")
            self.assertEqual((reply.status, reply.type, reply.headers["Cache-Control"]),
                             (200, "text/html", "no-store"))
            self.assertTrue(reply.body == found)
        self.answer(b"x" * (65 * self.MIB))
        self.assertEqual(self.classic("get_data").status, 413)

    def answer_bytes(self):
        return self.gauge("answer_bytes")

    def test_answers_that_nobody_reads_have_a_bound_together(self):
        spool = self.enterContext(tempfile.TemporaryFile())
        spool.truncate(15 * self.MIB)
        self.queue.answers["status_get"] = lambda asked: self.queue.send(
            "status", token=asked["token"], metrics=(spool.fileno(), 15 * self.MIB))
        answers = []
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                sock = stack.enter_context(self.http.socket())
                sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                answers.append(sock.recv(1000))
            statuses = [client.raw_status(answer) for answer in answers]
            self.assertEqual(statuses, [200] * 34 + [503] * 6)
            self.assertIn(b"\r\nRetry-After: 1\r\n", answers[-1])
            self.assertEqual(self.http.get("/healthz").status, 200)
            self.assertGreater(self.answer_bytes(), 34 * 15 * self.MIB)
        self.given_back()

    def given_back(self):
        for _ in service.until(20):
            if self.answer_bytes() < 4096:
                return
        self.fail("the memory is not given back")

    def test_readers_of_events_that_do_not_read_have_it_too(self):
        self.queue.answer_job("submit", id=JOB)
        self.submit({"task": "sh"})
        record = result(0, [b"%0150d" % i for i in range(55000)])
        spool = self.enterContext(tempfile.TemporaryFile())
        spool.write(record)
        spool.flush()
        self.queue.answer_job(state=2, verdict=0, attempt=1, spec=self.queue.wait_for("submit")["spec"],
                              result=(spool.fileno(), len(record)))
        answers = []
        with contextlib.ExitStack() as stack:
            for _ in range(16):
                sock = stack.enter_context(self.http.socket())
                sock.sendall(b"GET /v1/jobs/%s/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % ID.encode())
                answers.append(sock.recv(1000))
            statuses = [client.raw_status(answer) for answer in answers]
            self.assertEqual(statuses, sorted(statuses))
            self.assertEqual({statuses[0], statuses[-1]}, {200, 503})
            self.assertIn(b"\r\nRetry-After: 1\r\n", answers[-1])
            self.assertEqual(self.http.get("/healthz").status, 200)
            self.assertGreater(self.answer_bytes(), 400 * self.MIB)
        self.given_back()
        self.assertIn("event: end\ndata: ", self.http.get(f"/v1/jobs/{ID}/events").text)


class Waiting(GatewayCase):
    more = "connections_max = 2000"

    def get(self, sock, target, version="1.1"):
        sock.sendall(f"GET {target} HTTP/{version}\r\nHost: 127.0.0.1\r\n\r\n".encode())

    def test_a_client_that_leaves_is_forgotten(self):
        with self.http.socket() as sock:
            self.get(sock, f"/v1/jobs/{ID}?wait=30")
            asked = self.queue.wait_for("job_get")
            self.assertEqual(asked["wait_ms"], 30000)
        self.assertEqual(self.queue.wait_for("forget")["token"], asked["token"])
        # and a late answer meets nobody
        self.queue.send("job", token=asked["token"], id=JOB)
        self.assertEqual(self.http.get("/healthz").status, 200)

    def test_a_reset_while_waiting(self):
        with self.http.socket() as sock:
            self.get(sock, f"/v1/jobs/{ID}?wait=30")
            asked = self.queue.wait_for("job_get")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.assertEqual(self.queue.wait_for("forget")["token"], asked["token"])

    def test_a_next_request_in_the_pipe_waits_its_turn(self):
        with self.http.socket() as sock:
            self.get(sock, f"/v1/jobs/{ID}?wait=30")
            asked = self.queue.wait_for("job_get")
            self.get(sock, "/healthz")
            self.queue.send("job", token=asked["token"], id=JOB, state=0)
            data = b""
            while b'"ok"' not in data:
                data += sock.recv(65536)
            self.assertEqual(data.count(b"HTTP/1.1 200"), 2)
            self.assertLess(data.index(b'"queued"'), data.index(b'"ok"'))

    def test_a_thousand_wait(self):
        socks = [self.http.socket() for _ in range(1000)]
        try:
            for sock in socks:
                self.get(sock, f"/v1/jobs/{ID}?wait=60")
            tokens = [self.queue.wait_for("job_get")["token"] for _ in socks]
            self.assertEqual(len(set(tokens)), 1000)
            self.assertEqual(self.http.get("/healthz").status, 200)
            for token in tokens:
                self.queue.send("job", token=token, id=JOB, state=0)
            for sock in socks:
                self.assertTrue(sock.recv(65536).startswith(b"HTTP/1.1 200"))
        finally:
            for sock in socks:
                sock.close()


class Away(unittest.TestCase):
    def test_the_queue_goes_and_comes_back(self):
        gateway = Gateway()
        try:
            gateway.connected()
            with gateway.http.socket() as sock:
                sock.sendall(f"GET /v1/jobs/{ID}?wait=30 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                gateway.queue.wait_for("job_get")
                gateway.queue.close()
                answer = sock.recv(65536)
                self.assertEqual(client.raw_status(answer), 503)
                self.assertIn(b"Retry-After: ", answer)
            for target in (f"/v1/jobs/{ID}", "/v1/queue", "/v1/nodes", "/readyz"):
                reply = gateway.http.get(target)
                self.assertEqual((reply.status, "Retry-After" in reply.headers), (503, True), target)
            self.assertFalse(gateway.http.get("/readyz").json()["ready"])
            reply = gateway.http.post("/executor/queueing")
            self.assertEqual(reply.status, 503)
            self.assertRegex(reply.text, r"\A[^\n<]+\n\Z")
            for target in ("/healthz", "/v1/tasks", "/metrics", "/openapi.json", "/"):
                self.assertEqual(gateway.http.get(target).status, 200, target)
            gateway.play()
            gateway.connected()
            gateway.queue.answer_job(state=0)
            reply = gateway.http.get(f"/v1/jobs/{ID}")
            self.assertEqual(reply.status, 200)
        finally:
            gateway.close()

    def test_stopping_answers_what_waits(self):
        gateway = Gateway()
        gateway.connected()  # before there is a connection, whose head may not be long in coming
        with gateway.http.socket() as sock:
            sock.sendall(f"GET /v1/jobs/{ID}?wait=30 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            gateway.queue.wait_for("job_get")
            gateway.process.send_signal(signal.SIGTERM)
            self.assertEqual(client.raw_status(sock.recv(65536)), 503)
        gateway.close()

    def test_stopping_answers_what_is_behind_it_in_the_pipe(self):
        gateway = Gateway()
        gateway.connected()
        with gateway.http.socket() as sock:
            asked = f"GET /v1/jobs/{ID}?wait=30 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
            ready = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            sock.sendall(asked * 3 + ready)
            gateway.queue.wait_for("job_get")
            gateway.process.send_signal(signal.SIGTERM)
            answers = client.read_all(sock)
            self.assertEqual(answers.count(b"HTTP/1.1 503 "), 4, answers)
            self.assertEqual(json.loads(answers.rpartition(b"\r\n\r\n")[2]),
                             {"ready": False, "reasons": ["the service is being stopped"]})
        gateway.process.wait(20)  # a second signal would end it in the middle of its end
        gateway.close()
        self.assertNotIn("job_get", [name for name, _ in gateway.queue.came])


class Crowds(GatewayCase):
    more = "connections_per_address = 3"

    def connect(self, address):
        return socket.create_connection(("127.0.0.1", self.gateway.port), 60, (address, 0))

    def ask(self, sock):
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return client.raw_status(sock.recv(1000))

    def test_one_address_does_not_take_all(self):
        theirs = foreign_address(self)
        with contextlib.ExitStack() as stack:
            held = [stack.enter_context(self.connect(theirs)) for _ in range(3)]
            self.assertEqual([self.ask(sock) for sock in held], [200] * 3)
            with self.connect(theirs) as one_more:
                with contextlib.suppress(OSError):  # it may be closed already
                    one_more.sendall(b"GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answer = client.read_all(one_more)
                self.assertEqual(client.raw_status(answer), 429)
                self.assertIn(b"\r\nRetry-After: 1\r\n", answer)
                self.assertEqual(answer.count(b"HTTP/1.1"), 1)
                self.assertEqual(self.queue.came, [])
            for _ in range(4):
                sock = stack.enter_context(self.connect("127.0.0.1"))
                self.assertEqual(self.ask(sock), 200)
            held.pop().close()
            for _ in service.until(20):
                # One that is refused may be closed before it has asked.
                with contextlib.suppress(OSError), self.connect(theirs) as another:
                    if self.ask(another) == 200:
                        return
            self.fail("no room again")


class Heads(GatewayCase):
    def raw(self, text):
        return client.raw_status(self.http.raw(text.replace("\n", "\r\n").encode()))

    def test_two_ways_to_end_a_body(self):
        self.assertEqual(self.raw("POST /executor/queueing HTTP/1.1\nHost: localhost\nConnection: close\n"
                                  "Content-Length: 3\nTransfer-Encoding: chunked\n\n0\n\n"), 400)

    def test_heads_of_every_size_are_answered(self):
        """One that leaves no room for an answer is refused before anything is done."""
        self.queue.answer_job("submit", id=JOB)
        for name, sizes in (("X", (*range(13000, 15600, 200), *range(15600, 16400, 50))),
                            ("Cookie", (*range(6000, 7800, 100), *range(7800, 8100, 25)))):
            for size in sizes:
                status = self.raw(f"POST /v1/jobs HTTP/1.1\nHost: localhost\n{name}: {'x' * size}\n"
                                  "Connection: close\nContent-Type: application/json\nContent-Length: 14"
                                  '\n\n{"task": "sh"}')
                self.assertIn(status, (202, 400, 413, 431), (name, size))
                self.assertEqual([kind for kind, _ in self.queue.came], ["submit"] * (status == 202), (name, size))
                self.queue.came.clear()

    def test_hosts(self):
        for host, status in (("localhost", 200), ("localhost:1", 200), ("127.0.0.1", 200),
                             ("127.0.0.2", 403), ("evil.example", 403), ("localhost.evil.example", 403),
                             ("[::1]", 403), ("a b", 403), ("", 403)):
            self.assertEqual(self.raw(f"GET /healthz HTTP/1.1\nHost: {host}\nConnection: close\n\n"),
                             status, host)
        self.assertEqual(self.gateway.unix_http.get("/healthz", Host="any.example").status, 200)

    def test_cors(self):
        reply = self.http.get("/healthz", Origin=ORIGIN)
        self.assertEqual(reply.headers["Access-Control-Allow-Origin"], ORIGIN)
        self.assertIn("Origin", reply.headers["Vary"])
        self.assertEqual(self.http.get("/healthz", Origin="https://evil.example").status, 403)
        reply = self.http.request("OPTIONS", "/v1/jobs", headers={
            "Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
        self.assertEqual(reply.status, 204)
        self.assertEqual(reply.headers["Access-Control-Allow-Methods"], "GET, HEAD, POST, DELETE, OPTIONS")

    def test_the_page_is_compressed_for_who_takes_that(self):
        for codings, taken in ((None, False), ("", False), ("gzip", True), ("br, GZIP ;q=0.1", True), ("gzip;q=0", False),
                               ("gzip;q=0.000,br", False), ("xgzip", False), ("gzip;q", False), ("gzip;q,br;q=1", False),
                               ("gzip;q=,br;q=1", False), ("gzip, br;q=0", True), ("br;q=0, gzip", True)):
            # What is behind it in the head, and so in the memory, is not its weight.
            more = {} if codings is None else {"Accept-Encoding": codings, "X": "=1", "Y": "=1"}
            reply = self.http.get("/", **more)
            self.assertEqual((reply.status, reply.headers["Content-Encoding"]), (200, "gzip" if taken else None), codings)

    def test_allow_names_the_methods(self):
        reply = self.http.request("PUT", f"/v1/jobs/{ID}")
        self.assertEqual((reply.status, reply.headers["Allow"]), (405, "GET, HEAD, DELETE, OPTIONS"))

    def test_the_peer_on_the_unix_socket_is_known(self):
        self.queue.answer_job(state=0)
        self.gateway.unix_http.get(f"/v1/jobs/{ID}")
        self.assertEqual(self.queue.wait_for("job_get")["caller_operator"], 1)  # the tests run as root
        self.http.get(f"/v1/jobs/{ID}", Authorization="Bearer s3cret")
        asked = self.queue.wait_for("job_get")
        self.assertEqual((asked["caller_operator"], asked["bearer"]), (0, "s3cret"))

    def test_a_truncated_body_is_408_or_closed(self):
        answer = self.http.raw(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
                               b"\r\nContent-Length: 100\r\n\r\n{", half_close=True)
        self.assertEqual(client.raw_status(answer), 408)

    def test_a_body_that_is_too_large_is_read_on(self):
        """A web server that passes it on hears the answer only when all is sent."""
        with self.gateway.unix_http.socket() as sock:
            sock.sendall(b"POST /v1/queue/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
            select.select([sock], [], [], 60)  # it has been refused
            for _ in range(10):
                sock.sendall(bytes(100000))
            self.assertEqual(client.raw_status(client.read_all(sock)), 413)

    def test_bodies_of_other_methods_are_read_past(self):
        connection = self.http.connection()
        for _ in range(2):
            connection.request("GET", "/healthz", b"x" * 30000)
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.read()), (200, b'{"status":"ok"}\n'))
        connection.close()

    def test_nothing_of_a_bad_request_reaches_the_queue(self):
        for body in (b"", b"{", b'{"task": "sh", "x": 1}', b"[]"):
            self.assertEqual(self.http.post("/v1/jobs", body, Content_Type="application/json").status, 400)
        self.assertEqual(self.queue.came, [])


if __name__ == "__main__":
    unittest.main()
