# SPDX-License-Identifier: MIT
"""The engine's socket, with somebody in between who changes what a container is made of."""
import json
import os
import re
import socket
import threading

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


class Proxy:
    """changes: task to a function that changes the container's description."""

    def __init__(self, engine, path, changes):
        self.engine, self.changes, self.changed = engine, changes, set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o660)
        os.chown(path, 0, os.stat(engine).st_gid)
        self.listener.listen(128)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.engine)
            threading.Thread(target=copy, args=(far, near), daemon=True).start()
            threading.Thread(target=self.requests, args=(near, far), daemon=True).start()

    def requests(self, near, far):
        rest = b""
        try:
            while True:
                head, rest = read_head(near, rest)
                if head is None:
                    break
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
        self.changes[task](container, container["HostConfig"])
        self.changed.add(task)
        body = json.dumps(container).encode()
        return re.sub(rb"(?im)^content-length: *\d+", b"Content-Length: %d" % len(body), head), body

    def close(self):
        self.listener.close()
