# SPDX-License-Identifier: MIT
"""
The engine's socket, with somebody in between.

	Proxy(engine, path, changes)    changes what containers are made of
	Unruly(engine, path)            misbehaves as its script says
"""
import http.client
import json
import os
import re
import select
import socket
import threading
import urllib.parse

LABEL_TASK = "org.dockgate.task"


def read_head(source, data=b""):
    while b"\r\n\r\n" not in data:
        more = source.recv(65536)
        if not more:
            return None, b""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Listener:
    """A thread for each connection; meet(near) is its life."""

    def __init__(self, engine, path):
        self.engine = engine
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o660)
        os.chown(path, 0, os.stat(engine).st_gid)
        self.listener.listen(128)
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.meet, args=(near,), daemon=True).start()

    def far(self):
        far = socket.socket(socket.AF_UNIX)
        far.connect(self.engine)
        return far

    def close(self):
        """A thread that still waits might find another socket behind the same number."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


class Proxy(Listener):
    """changes: task to a function that changes the container's description."""

    def __init__(self, engine, path, changes):
        self.changes, self.changed = changes, set()
        self.asked = set()  # what the engine is asked for, without versions
        super().__init__(engine, path)

    def meet(self, near):
        far = self.far()
        threading.Thread(target=copy, args=(far, near), daemon=True).start()
        self.requests(near, far)

    def requests(self, near, far):
        rest = b""
        try:
            while True:
                head, rest = read_head(near, rest)
                if head is None:
                    break
                self.asked.add(re.sub(r" /v1\.\d+/", " /", head.split(b" HTTP/")[0].decode()))
                length = re.search(rb"(?im)^content-length: *(\d+)", head)
                if b"\r\nTransfer-Encoding:" in head or b"Upgrade:" in head:
                    far.sendall(head + b"\r\n\r\n" + rest)
                    copy(near, far)
                    return
                need = int(length.group(1)) if length else 0
                while len(rest) < need:
                    rest += near.recv(65536)
                body, rest = rest[:need], rest[need:]
                if re.match(rb"POST \S*/containers/create", head):
                    head, body = self.change(head, body)
                far.sendall(head + b"\r\n\r\n" + body)
            far.shutdown(socket.SHUT_WR)
        except OSError:
            far.close()

    def change(self, head, body):
        container = json.loads(body)
        task = container.get("Labels", {}).get(LABEL_TASK)
        if task not in self.changes:
            return head, body
        before = json.dumps(container)
        self.changes[task](container, container["HostConfig"])
        if json.dumps(container) != before:
            self.changed.add(task)
        body = json.dumps(container).encode()
        return re.sub(rb"(?im)^content-length: *\d+", b"Content-Length: %d" % len(body), head), body


# ---- one that misbehaves ------------------------------------------------------------------------

OPERATIONS = (
    ("create", r"POST /containers/create"), ("start", r"POST /containers/[^/]+/start"),
    ("attach", r"POST /containers/[^/]+/attach"), ("kill", r"POST /containers/[^/]+/kill"), ("inspect", r"GET /containers/[^/]+/json"),
    ("list", r"GET /containers/json"), ("remove", r"DELETE /containers/"),
    ("archive", r"GET /containers/[^/]+/archive"), ("image", r"GET /images/.+/json"),
    ("ping", r"GET /_ping"), ("version", r"GET /version"), ("info", r"GET /info"))


class Request:
    def __init__(self, head, body):
        self.head, self.body = head, body
        self.method, target = head.split(b"\r\n")[0].decode().split(" ")[:2]
        path, _, query = re.sub(r"^/v1\.\d+", "", target).partition("?")
        self.query = urllib.parse.parse_qs(query)
        call = f"{self.method} {path}"
        self.operation = next((name for name, pattern in OPERATIONS if re.match(pattern, call)), "other")
        parts = path.split("/")
        self.container = (self.query.get("name", [""])[0] if self.operation == "create" else
                          parts[2] if parts[1] == "containers" and len(parts) > 2 else "")


class Unruly(Listener):
    """
    script: (task, operation) to [times, action]; task None: calls that are no single task's.
    An action is a function of (proxy, near, request) that speaks to the driver in the engine's
    place; True: the connection goes on.
    """

    def __init__(self, engine, path):
        self.script, self.tasks = {}, {}
        self.met = []  # (task, operation) of what was played
        self.lock = threading.Lock()
        self.behaves = threading.Event()
        super().__init__(engine, path)

    def play(self, task, operation, action, times=1):
        with self.lock:
            self.script[task, operation] = [times, action]

    def next_action(self, request):
        with self.lock:
            if request.operation == "create":
                labels = json.loads(request.body).get("Labels") or {}
                self.tasks[request.container] = labels.get(LABEL_TASK)
            key = (self.tasks.get(request.container), request.operation)
            entry = self.script.get(key)
            if entry is None or entry[0] == 0:
                return attach if request.operation == "attach" else forward
            entry[0] -= 1
            self.met.append(key)
            return entry[1]

    def meet(self, near):
        rest = b""
        try:
            while True:
                head, rest = read_head(near, rest)
                if head is None:
                    break
                length = re.search(rb"(?im)^content-length: *(\d+)", head)
                need = int(length.group(1)) if length else 0
                while len(rest) < need:
                    rest += near.recv(65536)
                request = Request(head, rest[:need])
                rest = rest[need:]
                if not self.next_action(request)(self, near, request):
                    break
        except (OSError, http.client.HTTPException):
            pass
        finally:
            near.close()

    def ask(self, request):
        """What the engine really answers: status, body."""
        with self.far() as far:
            far.sendall(request.head + b"\r\n\r\n" + request.body)
            answer = http.client.HTTPResponse(far, method=request.method)
            answer.begin()
            return answer.status, answer.read()


def answer(near, status, body, type_=b"application/json"):
    length = b"" if status in (204, 304) else b"Content-Length: %d\r\n" % len(body)
    near.sendall(b"HTTP/1.1 %d -\r\nContent-Type: %s\r\n%s\r\n" % (status, type_, length) + body)
    return True


def forward(proxy, near, request):
    return answer(near, *proxy.ask(request))


def refuse(status, after=False):
    """after: the engine has done it all the same."""
    def action(proxy, near, request):
        if after:
            proxy.ask(request)
        return answer(near, status, b"" if status == 204 else b'{"message": "the engine is unruly"}')
    return action


def say(text, after=True, endless=b""):
    """These bytes and the end, or the same bytes without an end (no more than 64 MiB of them)."""
    def action(proxy, near, request):
        if after:
            proxy.ask(request)
        near.sendall(text)
        for _ in range((64 << 20) // len(endless) if endless else 0):
            near.sendall(endless)
        return False
    return action


def cut(proxy, near, request):
    """The engine does it; half of its answer comes."""
    status, body = proxy.ask(request)
    near.sendall(b"HTTP/1.1 %d -\r\nContent-Length: %d\r\n\r\n" % (status, len(body) + 1) +
                 body[:len(body) // 2])
    return False


def changed(change):
    """The engine's answer, changed: a function of JSON."""
    def action(proxy, near, request):
        status, body = proxy.ask(request)
        return answer(near, status, json.dumps(change(json.loads(body))).encode())
    return action


def hang(proxy, near, request):
    """No answer until it behaves again, and then none either."""
    proxy.behaves.wait(60)
    return False


def later(proxy, near, request):
    """Slow, but right."""
    status, body = proxy.ask(request)
    proxy.behaves.wait(0.7)
    return answer(near, status, body)


# ---- streams ------------------------------------------------------------------------------------

def pump(change):
    """change: of (bytes so far, data) to (what goes on, whether more may follow)."""
    def action(proxy, near, request):
        with proxy.far() as far:
            far.sendall(request.head + b"\r\n\r\n" + request.body)
            threading.Thread(target=copy, args=(near, far), daemon=True).start()
            head, rest = read_head(far)
            if head is None:
                return False
            near.sendall(head + b"\r\n\r\n")
            so_far, more = 0, True
            while more:
                data = rest or far.recv(65536)
                rest = b""
                if not data:
                    break
                out, more = change(so_far, data)
                so_far += len(data)
                near.sendall(out)
            near.shutdown(socket.SHUT_RDWR)
            return False
    return action


attach = pump(lambda so_far, data: (data, True))


def stream_cut(at):
    """The stream ends after so many bytes."""
    return pump(lambda so_far, data: (data[:max(0, at - so_far)], so_far + len(data) < at))


def stream_silent(at):
    """After so many bytes nothing comes any more, and nothing ends."""
    return pump(lambda so_far, data: (data[:max(0, at - so_far)], True))


def stream_stuck(at):
    """After so many bytes nobody reads on: what comes stays in the pipes, until the driver leaves."""
    def action(proxy, near, request):
        def change(so_far, data):
            if so_far + len(data) < at:
                return data, True
            left = select.poll()
            left.register(near, select.POLLRDHUP)
            left.poll(120000)
            return b"", False
        return pump(change)(proxy, near, request)
    return action


def stream_with(what, at):
    """These bytes stand in it before the piece that comes after so many."""
    def action(proxy, near, request):
        due = [what]
        return pump(lambda so_far, data: ((due.pop() if due and so_far >= at else b"") + data, True))(
            proxy, near, request)
    return action


def stream_twice(at):
    """From there on all comes twice."""
    return pump(lambda so_far, data: (data * 2 if so_far >= at else data, True))


def stream_in_crumbs(proxy, near, request):
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)

    class Crumbs:
        def sendall(self, data):
            for i in range(len(data)):
                near.sendall(data[i:i + 1])

        def __getattr__(self, name):
            return getattr(near, name)
    return attach(proxy, Crumbs(), request)
