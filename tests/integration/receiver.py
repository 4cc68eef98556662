# SPDX-License-Identifier: MIT
"""A receiver of callbacks, as its author would write it: an HTTP server and the signature's check."""
import base64
import hashlib
import hmac
import http.server
import json
import queue
import ssl
import threading


def verify(secret, headers, body):
    """Standard Webhooks: v1,BASE64(HMAC-SHA256(secret, ID.TIMESTAMP.BODY)), any of several."""
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(mac, one) for one in headers["webhook-signature"].split(" "))


class Call:
    def __init__(self, handler):
        self.path = handler.path
        self.headers = dict((name.lower(), value) for name, value in handler.headers.items())
        self.body = handler.rfile.read(int(self.headers["content-length"]))

    def json(self):
        return json.loads(self.body)


class Receiver:
    """answers: statuses in turn, the last one for good; or a function of the call that gives one."""

    def __init__(self, address="127.0.0.9", answers=(200,), headers=None, tls=None, more=b""):
        self.calls = queue.Queue()
        self.given = []
        self.answers = list(answers) if not callable(answers) else answers
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                call = Call(self)
                status = outer.answer(call)
                outer.given.append(status)
                outer.calls.put(call)
                try:
                    self.send_response(status)
                    for name, value in (headers or {}).items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(more)))
                    self.end_headers()
                    self.wfile.write(more)
                except OSError:
                    pass

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://{address}:{self.port}/hook?a=b"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def answer(self, call):
        if callable(self.answers):
            return self.answers(call)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def get(self, seconds=30):
        return self.calls.get(timeout=seconds)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
