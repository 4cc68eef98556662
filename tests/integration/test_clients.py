# SPDX-License-Identifier: MIT
"""Clients and their tokens: who is let in, whose job is whose, and what each may take."""
import hashlib
import json
import os
import select
import socket
import subprocess
import tempfile
import unittest

import client
import service
from case import OwnService
from client import Classic, Native, UnixConnection
from events import Stream


def token_of(name):
    """One that the configuration knows by its hash."""
    return "dg_" + hashlib.sha256(name.encode()).hexdigest()


def known(name, **members):
    return {"token_hash": "sha256:" + hashlib.sha256(token_of(name).encode()).hexdigest(), **members}


class As:
    """The service's HTTP as one client sees it."""

    def __init__(self, http, token=None):
        self.http, self.headers = http, {"Authorization": f"Bearer {token}"} if token else {}

    def connection(self, *args):
        return self.http.connection(*args)

    def request(self, method, target, body=None, headers=None, **more):
        return self.http.request(method, target, body, {**self.headers, **(headers or {})}, **more)

    def get(self, target, **headers):
        return self.request("GET", target, headers=headers)

    def post(self, target, body=b"", **headers):
        return self.request("POST", target, body, headers)


class Clients(OwnService):
    settings = {"slots": 2}
    clients = {
        "alice": known("alice"), "bob": known("bob"), "boss": known("boss", operator=True),
        "narrow": known("narrow", tasks=["sh"]), "slow": known("slow", rate=0.01, burst=2),
        "few": known("few", max_queued=1, max_running=1), "classic": known("classic"),
        "small": known("small", max_bytes=1 << 20),
    }
    changes = {"kept": {"build_cache": "client"}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.alice, cls.bob, cls.boss = (cls.of(name) for name in ("alice", "bob", "boss"))
        cls.nobody = Native(As(cls.http))
        cls.operator = Native(cls.service.unix)  # the tests run as root

    @classmethod
    def of(cls, name):
        return Native(As(cls.http, token_of(name)))

    def refused(self, reply, status, words=""):
        self.assertEqual(reply.status, status, reply.body)
        self.assertEqual(reply.type, "application/problem+json")
        self.assertIn(words, reply.json()["detail"])
        return reply

    # ---- who is let in ---------------------------------------------------------------------

    def test_no_token_and_a_wrong_one(self):
        ended = self.alice.run("sh", args=["echo x >a"], collect=["a"])
        calls = [("GET", "/v1/jobs"), ("GET", "/v1/queue"), ("GET", "/v1/queue/history"), ("GET", "/v1/tasks"),
                 ("GET", "/v1/nodes"), ("GET", "/v1/me"), ("GET", "/v1/clients"), ("GET", "/v1/audit"),
                 ("GET", "/metrics"), ("DELETE", f"/v1/jobs/{ended['id']}"), ("DELETE", "/v1/clients/alice")]
        calls += [("GET", f"/v1/jobs/{ended['id']}{part}")
                  for part in ("", "?wait=1", "/events", "/stdout", "/stderr", "/files", "/files/a")]
        for method, target in calls:
            for headers in ({}, {"Authorization": "Bearer dg_" + "0" * 64}, {"Authorization": "Bearer x"},
                            {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer " + "y" * 300}):
                reply = self.refused(self.http.request(method, target, None, headers), 401)
                self.assertEqual(reply.headers["WWW-Authenticate"], "Bearer", target)
                self.assertNotIn(b"dg_0", reply.body)
        self.refused(self.nobody.submit("sh", args=["echo"]), 401)
        self.refused(self.http.post_json("/v1/clients", {"name": "x"}), 401)
        self.assertEqual(self.classic.call("submit", {"data": "x"}).status, 200)  # there is a client for it

    def test_what_is_open(self):
        for target in ("/healthz", "/readyz", "/openapi.json", "/"):
            self.assertEqual(self.http.get(target).status, 200, target)

    def test_multipart_is_refused_before_its_body(self):
        head = ("POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n"
                "Content-Type: multipart/form-data; boundary=x\r\n\r\n").encode()
        self.assertTrue(self.http.raw(head).startswith(b"HTTP/1.1 401 "))

    def test_and_heard_by_one_who_sends_it_all_first(self):
        size = 3 << 20
        head = (f"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n"
                "Authorization: Bearer x\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n").encode()
        for http in (self.http, self.service.unix):
            with http.socket() as sock:
                sock.sendall(head)
                select.select([sock], [], [], 60)  # it has been refused
                for _ in range(3):
                    sock.sendall(bytes(size // 3))
                sock.shutdown(socket.SHUT_WR)
                self.assertTrue(client.read_all(sock).startswith(b"HTTP/1.1 401 "))

    def test_a_token_is_in_no_log(self):
        self.http.get("/v1/me", Authorization="Bearer dg_secret-that-nobody-knows")
        self.alice.call("GET", "/v1/me")
        log = self.service.log(100000)
        self.assertNotIn("dg_secret", log)
        self.assertNotIn(token_of("alice"), log)

    def test_me(self):
        for native, client, operator in ((self.alice, "alice", False), (self.boss, "boss", True),
                                         (self.operator, None, True)):
            self.assertEqual(native.call("GET", "/v1/me").json(), {"client": client, "operator": operator})
        as_alice = Native(As(self.service.unix, token_of("alice")))  # a token goes over the peer's rights
        self.assertEqual(as_alice.call("GET", "/v1/me").json(), {"client": "alice", "operator": False})

    # ---- whose job is whose --------------------------------------------------------------------

    def test_other_clients_jobs_are_not_there(self):
        ended = self.alice.run("sh", args=["echo x; echo x >a"], collect=["a"])
        running = self.alice.accept("sh", args=["sleep 60"])
        unknown = "0" * 64
        for job in (ended["id"], running):
            for part in ("", "?wait=1", "/events", "/stdout", "/stderr", "/files", "/files/a"):
                theirs = self.bob.http.get(f"/v1/jobs/{job}{part}")
                none = self.bob.http.get(f"/v1/jobs/{unknown}{part}")
                self.assertEqual((theirs.status, theirs.body), (404, none.body), part)
            self.refused(self.bob.call("DELETE", f"/v1/jobs/{job}"), 404)
            self.refused(self.bob.http.post(f"/v1/jobs/{job}/stdin", b"x"), 404)
            self.refused(self.bob.call("POST", f"/v1/jobs/{job}/signal", {"signal": "INT"}), 404)
            self.assertEqual(self.alice.call("GET", f"/v1/jobs/{job}").status, 200)
            self.assertEqual(self.boss.call("GET", f"/v1/jobs/{job}").status, 200)
        self.assertIn(self.alice.call("GET", f"/v1/jobs/{job}").json()["state"], ("queued", "running"))
        self.assertEqual(self.boss.call("DELETE", f"/v1/jobs/{job}").json()["verdict"], "cancelled")

    def test_lists(self):
        mine = self.alice.run("sh", args=["echo"])["id"]
        his = self.bob.run("sh", args=["echo"])["id"]
        own = self.alice.call("GET", "/v1/jobs?limit=1000").json()["jobs"]
        self.assertEqual({row["client"] for row in own}, {"alice"})
        self.assertIn(mine, [row["id"] for row in own])
        every = {row["id"]: row["client"] for row in self.boss.call("GET", "/v1/jobs?limit=1000").json()["jobs"]}
        self.assertEqual((every[mine], every[his]), ("alice", "bob"))
        filtered = self.boss.call("GET", "/v1/jobs?client=bob&task=sh&state=done&limit=1000").json()["jobs"]
        self.assertEqual({row["client"] for row in filtered}, {"bob"})
        self.assertIn(his, [row["id"] for row in filtered])
        self.assertEqual(self.alice.call("GET", "/v1/jobs?client=alice").status, 200)
        self.refused(self.alice.call("GET", "/v1/jobs?client=bob"), 403, "client")
        for bad in ("", "x" * 65):
            self.refused(self.boss.call("GET", f"/v1/jobs?client={bad}"), 400, "client")

    def test_pages_of_ones_own(self):
        ids = [self.alice.accept("sh", args=["true"]) for _ in range(5)]
        for job in ids:
            self.alice.ended(job)
        seen, cursor = [], ""
        while cursor is not None:
            page = self.alice.call("GET", f"/v1/jobs?limit=2{cursor and '&cursor=' + cursor}").json()
            seen += [row["id"] for row in page["jobs"]]
            cursor = page["cursor"]
        self.assertEqual(len(seen), len(set(seen)))
        self.assertLessEqual(set(ids), set(seen))

    def test_the_queue_hides_others(self):
        job = self.bob.accept("sh", args=["sleep 60"])
        try:
            rows = {row["id"]: row for row in self.alice.call("GET", "/v1/queue").json()["jobs"]}
            self.assertNotIn(job, rows)
            self.assertIsNone(rows[job[:12]]["client"])
            rows = {row["id"]: row for row in self.boss.call("GET", "/v1/queue").json()["jobs"]}
            self.assertEqual(rows[job]["client"], "bob")
        finally:
            self.bob.call("DELETE", f"/v1/jobs/{job}")

    def test_the_classic_face_has_a_client(self):
        job = self.classic.submit("hello")
        self.assertEqual(self.boss.ended(job)["stdout"]["content"], "hello")
        self.assertEqual(self.of("classic").call("GET", f"/v1/jobs/{job}").status, 200)
        self.refused(self.alice.call("GET", f"/v1/jobs/{job}"), 404)
        mine = self.alice.run("sh", args=["echo"])["id"]
        self.assertEqual(self.classic.get_result(mine), "NULL")
        self.assertEqual(self.classic.get_data(mine), b"NULL")

    # ---- what each may take ------------------------------------------------------------------------

    def test_tasks(self):
        narrow = self.of("narrow")
        self.assertEqual(narrow.run("sh", args=["echo"])["verdict"], "ok")
        self.refused(narrow.submit("cold", args=["echo"]), 403, "cold")

    def test_rate(self):
        slow = self.of("slow")
        for _ in range(2):
            self.assertEqual(slow.submit("sh", args=["true"]).status, 202)
        reply = self.refused(slow.submit("sh", args=["true"]), 429, "rate")
        self.assertGreater(int(reply.headers["Retry-After"]), 1)
        self.assertEqual(self.alice.submit("sh", args=["true"]).status, 202)

    def test_max_queued_and_max_running(self):
        few = self.of("few")
        first = few.accept("sh", args=["sleep 60"])
        try:
            for _ in service.until(30):
                if few.call("GET", f"/v1/jobs/{first}").json()["state"] == "running":
                    break
            second = few.accept("sh", args=["true"])
            reply = self.refused(few.submit("sh", args=["true"]), 429, "max_queued")
            self.assertGreaterEqual(int(reply.headers["Retry-After"]), 1)
            self.assertEqual(self.alice.run("sh", args=["true"])["verdict"], "ok")  # there was a slot
            self.assertEqual(few.call("GET", f"/v1/jobs/{second}").json()["state"], "queued")
        finally:
            few.call("DELETE", f"/v1/jobs/{first}")
        self.assertEqual(few.ended(second)["verdict"], "ok")

    def test_max_bytes(self):
        small = self.of("small")
        theirs = self.alice.run("sh", args=["true"])["id"]
        jobs = [small.run("sh", args=["head -c 400000 /dev/zero"])["id"] for _ in range(3)]
        for _ in service.until(20):
            if small.call("GET", f"/v1/jobs/{jobs[0]}").status == 404:
                break
        self.assertEqual([small.call("GET", f"/v1/jobs/{job}").status for job in jobs], [404, 200, 200])
        self.assertEqual(self.alice.call("GET", f"/v1/jobs/{theirs}").status, 200)
        last = small.run("sh", args=["head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2"])["id"]
        for _ in service.until(20):
            if small.call("GET", f"/v1/jobs/{jobs[2]}").status == 404:
                break
        # The newest stays, whatever its size.
        self.assertEqual([small.call("GET", f"/v1/jobs/{job}").status for job in (*jobs, last)], [404, 404, 404, 200])

    def test_what_one_built_another_does_not_get(self):
        source = "printf '#!/bin/sh\\ncat made' >program; chmod 755 program; cat /proc/sys/kernel/random/uuid >made"

        def build(client):
            job = client.run("kept", files=[{"name": "main.src", "content": source}])
            self.assertEqual(job["verdict"], "ok", job)
            return job["build"]["cached"], job["stdout"]["content"]
        first = build(self.alice)
        self.assertEqual(first[0], False)
        self.assertEqual(build(self.alice), (True, first[1]))
        other = build(self.bob)
        self.assertEqual(other[0], False)
        self.assertNotEqual(other[1], first[1])
        self.assertEqual(build(self.bob), (True, other[1]))

    # ---- operators ---------------------------------------------------------------------------------

    def test_only_operators(self):
        for method, target in (("GET", "/v1/clients"), ("DELETE", "/v1/clients/bob"), ("GET", "/v1/audit")):
            self.refused(self.alice.call(method, target), 403, "operators")
        self.refused(self.alice.call("POST", "/v1/clients", {"name": "mallory"}), 403, "operators")

    def test_one_of_the_configuration_stays(self):
        self.refused(self.boss.call("DELETE", "/v1/clients/bob"), 409, "configuration")
        self.refused(self.boss.call("POST", "/v1/clients", {"name": "bob"}), 409, "name")
        self.refused(self.boss.call("DELETE", "/v1/clients/nobody"), 404)
        self.refused(self.boss.call("DELETE", "/v1/clients/No%20Name"), 404)

    def test_bad_clients(self):
        for value, words in (({}, "name"), ({"name": "A"}, "name"), ({"name": ""}, "name"), ({"name": 1}, "name"),
                             ({"name": "x" * 65}, "name"), ({"name": "x", "weight": 0}, "weight"),
                             ({"name": "x", "weight": 1001}, "weight"), ({"name": "x", "rate": -1}, "rate"),
                             ({"name": "x", "rate": 0.0001}, "rate"), ({"name": "x", "rate": "1"}, "rate"),
                             ({"name": "x", "burst": 2}, "burst"), ({"name": "x", "max_queued": 1.5}, "max_queued"),
                             ({"name": "x", "max_running": -1}, "max_running"), ({"name": "x", "tasks": []}, "tasks"),
                             ({"name": "x", "tasks": ["none"]}, "none"), ({"name": "x", "tasks": ["a,b"]}, "tasks"),
                             ({"name": "x", "operator": 1}, "operator"), ({"name": "x", "max_bytes": 1 << 62}, "max_bytes"),
                             ({"name": "x", "token": "mine"}, "token"), ([], "object"), ("x", "JSON")):
            reply = self.boss.http.request("POST", "/v1/clients", json.dumps(value),
                                           {"Content-Type": "application/json"})
            self.refused(reply, 400, words)
        self.refused(self.boss.http.request("POST", "/v1/clients", b"{}", {"Content-Type": "text/plain"}), 415)
        self.refused(self.boss.http.request("POST", "/v1/clients", b" " * 70000,
                                            {"Content-Type": "application/json"}), 413)
        names = [row["name"] for row in self.boss.call("GET", "/v1/clients").json()["clients"]]
        self.assertNotIn("x", names)

    def test_added_and_revoked_while_it_runs(self):
        self.refused(Native(As(self.http, "dg_" + "1" * 64)).call("GET", "/v1/me"), 401)
        reply = self.boss.call("POST", "/v1/clients", {
            "name": "carol", "weight": 3, "rate": 2.5, "max_queued": 7, "tasks": ["sh", "one"], "max_bytes": 1000})
        self.assertEqual(reply.status, 201)
        token = reply.json()["token"]
        carol = Native(As(self.http, token))
        self.assertEqual(carol.run("sh", args=["echo"])["verdict"], "ok")
        row, = [row for row in self.boss.call("GET", "/v1/clients").json()["clients"] if row["name"] == "carol"]
        self.assertEqual([row[key] for key in ("weight", "rate", "burst", "max_queued", "max_running", "tasks",
                                               "max_bytes", "operator", "configured")],
                         [3, 2.5, 3, 7, None, ["sh", "one"], 1000, False, False])
        self.assertIsNotNone(row["last_used_at"])
        self.assertNotIn(token, json.dumps(row))
        self.assertNotIn(token.encode(), service.read(self.service.log_path))
        job = carol.accept("sh", args=["sleep 60"])
        self.assertEqual(self.boss.call("DELETE", "/v1/clients/carol").json(), {"name": "carol", "revoked": True})
        self.refused(carol.call("GET", f"/v1/jobs/{job}"), 401)
        self.assertEqual(self.boss.call("GET", f"/v1/jobs/{job}").status, 200)
        again = self.boss.call("POST", "/v1/clients", {"name": "carol"}).json()["token"]
        self.assertNotEqual(again, token)
        self.refused(carol.call("GET", "/v1/me"), 401)
        self.assertEqual(Native(As(self.http, again)).call("DELETE", f"/v1/jobs/{job}").json()["verdict"],
                         "cancelled")

    def test_revoking_ends_a_wait(self):
        token = self.boss.call("POST", "/v1/clients", {"name": "dave"}).json()["token"]
        dave = Native(As(self.http, token))
        job = dave.accept("sh", args=["sleep 60"])
        connection = self.http.connection()
        connection.request("GET", f"/v1/jobs/{job}?wait=30", headers={"Authorization": f"Bearer {token}"})
        self.assertEqual(dave.call("GET", "/v1/me").status, 200)  # the wait before it has come in, too
        self.boss.call("DELETE", "/v1/clients/dave")
        self.boss.call("DELETE", f"/v1/jobs/{job}")
        self.assertEqual(connection.getresponse().status, 404)
        connection.close()

    def test_revoking_ends_a_stream(self):
        """And nobody else's of the same job, whoever came first; with output and without."""
        for script, names in (("while :; do echo x; sleep 0.1; done", ("frank", "boss")),
                              ("exec sleep 60", ("boss", "frank"))):
            frank = self.boss.call("POST", "/v1/clients", {"name": "frank"}).json()["token"]
            job = Native(As(self.http, frank)).accept("sh", args=[script])
            tokens = {"frank": frank, "boss": token_of("boss")}
            streams = {name: Stream(self.http, job, token=tokens[name]) for name in names}
            with streams["frank"], streams["boss"]:
                for stream in streams.values():
                    stream.until("state", state="running")
                self.boss.call("DELETE", "/v1/clients/frank")
                self.assertNotIn("end", [event.name for event in streams["frank"]])
                with Stream(self.http, job, token=frank) as refused:
                    self.assertEqual(refused.status, 401)
                self.boss.call("DELETE", f"/v1/jobs/{job}")
                self.assertEqual(streams["boss"].until("end")[-1].data["verdict"], "cancelled")

    def test_what_was_done_is_kept(self):
        job = self.alice.accept("sh", args=["sleep 60"])
        self.boss.call("DELETE", f"/v1/jobs/{job}")
        self.operator.call("POST", "/v1/clients", {"name": "erin"})
        self.operator.call("DELETE", "/v1/clients/erin")
        entries = self.boss.call("GET", "/v1/audit?limit=1000").json()["entries"]
        said = [(e["who"], e["what"], e["object"]) for e in entries]
        for entry in (("boss", "cancel", job[:12]), ("(operator)", "client-add", "erin"),
                      ("(operator)", "client-revoke", "erin")):
            self.assertIn(entry, said)
        self.assertLess(said.index(("(operator)", "client-revoke", "erin")),
                        said.index(("(operator)", "client-add", "erin")))
        page = self.boss.call("GET", "/v1/audit?limit=1").json()
        after = self.boss.call("GET", f"/v1/audit?limit=1&cursor={page['cursor']}").json()
        self.assertEqual([page["entries"], after["entries"]], [entries[:1], entries[1:2]])
        for bad in ("limit=0", "limit=1001", "cursor=x", "cursor=0"):
            self.refused(self.boss.call("GET", f"/v1/audit?{bad}"), 400, bad.split("=", maxsplit=1)[0])
        self.assertIn(f"audit who=boss what=cancel object={job[:12]}", self.service.log(100000))


class AtRunTime(OwnService):
    """A service without clients, until an operator makes one; restarts and all."""

    def as_operator(self):
        return Native(self.service.unix)

    def test_from_open_to_closed(self):
        before = self.native.run("sh", args=["echo before"])["id"]
        self.assertEqual(self.native.call("GET", "/v1/me").json(), {"client": None, "operator": False})
        operator = self.as_operator()
        token = operator.call("POST", "/v1/clients", {"name": "first", "operator": False}).json()["token"]
        first = Native(As(self.http, token))
        self.assertEqual(self.native.call("GET", "/v1/jobs").status, 401)
        self.assertEqual(self.classic.call("submit", {"data": "x"}).status, 401)
        self.assertEqual(first.call("GET", f"/v1/jobs/{before}").status, 404)
        job = first.run("sh", args=["echo mine"])["id"]
        self.service.stop()
        self.service.start()
        self.service.await_ready()
        self.assertEqual(self.native.call("GET", "/v1/jobs").status, 401)
        self.assertEqual(first.call("GET", f"/v1/jobs/{job}").json()["stdout"]["content"], "mine\n")
        self.assertEqual([row["name"] for row in operator.call("GET", "/v1/clients").json()["clients"]], ["first"])
        operator.call("DELETE", "/v1/clients/first")
        self.assertEqual(first.call("GET", f"/v1/jobs/{job}").status, 401)
        self.service.stop()
        self.service.start()
        self.service.await_ready()
        self.assertEqual(self.native.call("GET", "/v1/jobs").status, 401)  # it does not open again by itself
        self.assertEqual(first.call("GET", "/v1/jobs").status, 401)
        self.assertEqual([entry["what"] for entry in operator.call("GET", "/v1/audit").json()["entries"]],
                         ["client-revoke", "client-add"])
        self.assertTrue(self.service.is_sound())


class Commands(OwnService):
    """`dockgate client` and the tokens of the other commands."""
    clients = {"alice": known("alice")}

    def run_it(self, *args, token=None, operator=True, **env):
        where = ["--socket", self.service.unix.address] if operator else ["--host", f"http://127.0.0.1:{self.service.port}"]
        env = {**os.environ, **({"DOCKGATE_TOKEN": token} if token else {}), **env}
        return subprocess.run([service.DOCKGATE, args[0], *where, *args[1:]], capture_output=True, text=True, check=False,
                              env=env, timeout=60, stdin=subprocess.DEVNULL)

    def test_from_add_to_revoke(self):
        done = self.run_it("client", "add", "carol", "--weight", "2", "--rate", "0.5", "--max-queued", "9", "--burst",
                           "4", "--max-running", "3", "--max-bytes", "1M", "--task", "sh", "--task", "cold")
        self.assertEqual(done.returncode, 0, done.stderr)
        token = done.stdout.strip()
        self.assertRegex(token, r"^dg_[0-9a-f]{64}$")
        self.assertIn("carol", done.stderr)
        self.assertNotIn(token, done.stderr)
        listed = self.run_it("client", "list")
        for word in ("carol", "alice", "0.5", "sh,cold"):
            self.assertIn(word, listed.stdout)
        self.assertNotIn(token, listed.stdout)
        rows = json.loads(self.run_it("client", "list", "--format", "json").stdout)["clients"]
        self.assertEqual([row["max_bytes"] for row in rows if row["name"] == "carol"], [1 << 20])
        self.assertEqual(self.run_it("run", "sh", "--", "echo hello", token=token, operator=False).stdout, "hello\n")
        with tempfile.NamedTemporaryFile("w", dir="/tmp") as file:
            file.write(token + "\n")
            file.flush()
            for how in (("--token-file", file.name), ()):
                env = {} if how else {"DOCKGATE_TOKEN_FILE": file.name}
                done = self.run_it("ps", *how, operator=False, **env)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(len(done.stdout.splitlines()), 2)
            os.chmod(file.name, 0o644)
            done = self.run_it("ps", "--token-file", file.name, operator=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("0644", done.stderr)
        self.assertEqual(self.run_it("client", "revoke", "carol").returncode, 0)
        done = self.run_it("ps", token=token, operator=False)
        self.assertEqual((done.returncode, "401" in done.stderr), (1, True), done.stderr)
        audit = self.run_it("audit").stdout
        self.assertLess(audit.index("client-revoke"), audit.index("client-add"))

    def test_refusals(self):
        for args, status, word in ((("client",), 2, "add"), (("client", "rename", "x"), 2, "rename"),
                                   (("client", "add"), 2, "name"), (("client", "add", "a", "b"), 2, "name"),
                                   (("client", "revoke"), 2, "names"), (("client", "list", "x"), 2, "list"),
                                   (("client", "add", "a", "--weight", "0"), 2, "--weight"),
                                   (("client", "add", "a", "--rate", "x"), 2, "--rate"),
                                   (("client", "list", "--operator"), 2, "add"),
                                   (("client", "add", "No"), 1, "name"), (("client", "add", "alice"), 1, "name"),
                                   (("client", "revoke", "alice"), 1, "configuration"),
                                   (("client", "revoke", "a/b"), 1, "no such client"),
                                   (("audit", "x"), 2, "x"), (("audit", "-n", "0"), 2, "--last")):
            done = self.run_it(*args)
            self.assertEqual((done.returncode, done.stdout), (status, ""), args)
            self.assertIn(word, done.stderr)
        done = self.run_it("client", "list", token=token_of("alice"))
        self.assertEqual((done.returncode, "403" in done.stderr), (1, True), done.stderr)
        done = self.run_it("ps", token="two words")
        self.assertEqual((done.returncode, "DOCKGATE_TOKEN" in done.stderr), (1, True), done.stderr)


class Configuration(unittest.TestCase):
    """What `check`, and every start, says of it."""

    def check(self, config):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(config)
            file.flush()
            done = subprocess.run([service.DOCKGATE, "check", "--config", file.name], capture_output=True,
                                  text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_beyond_loopback(self):
        hashed = 'client "c" { token_hash = "sha256:%s" }\n' % ("0" * 64)
        for listen in ('{"0.0.0.0:80"}', '{"127.0.0.1:80", "[::]:80"}', '{"192.0.2.1:80"}'):
            code, said = self.check(f"listen = {listen}\n")
            self.assertNotEqual(code, 0, listen)
            for word in (":1:", "listen", "auth = none", "auth = tokens"):
                self.assertIn(word, said)
            for more in ("auth = none\n", "auth = tokens\n", hashed):
                self.assertEqual(self.check(f"listen = {listen}\n{more}")[0], 0, more)
        for listen in ('{"127.0.0.1:80"}', '{"127.8.8.8:80", "[::1]:80"}', "{}"):
            self.assertEqual(self.check(f"listen = {listen}\n")[0], 0, listen)
        code, said = self.check("auth = none\n" + hashed)
        self.assertNotEqual(code, 0)
        self.assertIn("auth", said)

    def test_tokens_in_files(self):
        with tempfile.TemporaryDirectory(dir="/tmp") as directory:
            path = os.path.join(directory, "token")
            service.Service.write_file(path, token_of("file") + "\n", 0o640)
            with service.Service(clients={"file": {"token_file": path}}) as svc:
                mine = Native(As(svc.http, token_of("file")))
                self.assertEqual(mine.call("GET", "/v1/me").json(), {"client": "file", "operator": False})
                self.assertEqual(svc.native.call("GET", "/v1/me").status, 401)
            for content, mode, words in ((token_of("file"), 0o644, "0640"), ("short", 0o600, "token"),
                                         ("two words that are long enough", 0o600, "token")):
                service.Service.write_file(path, content, mode)
                svc = service.Service(clients={"file": {"token_file": path}})
                try:
                    with self.assertRaisesRegex(AssertionError, words):
                        svc.start(20)
                finally:
                    svc.process = None  # it has ended by itself, and not well
                    svc.close()


if __name__ == "__main__":
    unittest.main()
