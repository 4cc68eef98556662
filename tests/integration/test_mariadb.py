# SPDX-License-Identifier: MIT
"""
The service with a MariaDB database: the server dies and comes back under load, is away, is named
wrongly; and two machines share it.
"""
import http.client
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import certificates
import service
from case import Case, content
from client import Native
from events import Story, Stream
from ledger import Ledger
from test_crash import SEED, CrashCase

# Only what is used here is kept warm.
FEW = {name: None for name in ("cold", "kill-output", "build", "one", "short", "lines", "tokens",
                               "files", "classic", "payload")}

BOUND = 8 << 20  # of what two machines keep


def until_true(check, seconds=30):
    """What nothing announces."""
    for _ in service.until(seconds):
        try:
            found = check()
        except (OSError, http.client.HTTPException):
            found = None
        if found:
            return found
    raise AssertionError(f"not within {seconds} s")


class ServerDies(CrashCase):
    changes = {"sh": {"attempts": 100}}

    def setUp(self):
        super().setUp()
        self.assertEqual(self.service.endings(), {})

    def make(self):
        return service.Service(self.settings, FEW, self.changes, store="mariadb")

    def test_what_is_said_while_it_is_away(self):
        running = self.native.accept("sh", args=["sleep 2; echo ran"])
        until_true(lambda: self.native.job(running)["state"] == "running")
        waiting = []
        waiter = threading.Thread(target=lambda: waiting.append(self.native.ended(running)))
        waiter.start()
        self.service.mariadb.kill()
        queue = self.service.pid("queue")
        reply = until_true(lambda: [r for r in [self.native.submit("sh", args=["true"])]
                                    if r.status == 503])[0]
        self.assertGreater(int(reply.headers["Retry-After"]), 0)
        ready = until_true(lambda: [r for r in [self.http.get("/readyz")] if r.status == 503])[0]
        self.assertIn(b"store", ready.body)
        self.assertNotIn(b"test-password", ready.body)
        self.assertEqual(self.http.get("/healthz").status, 200)
        # Longer than the job takes, and than its lease: its ending is kept, its lease is not over.
        time.sleep(4)
        self.assertEqual(self.service.pid("queue"), queue)
        self.service.mariadb.start()
        self.service.await_ready()
        ended = self.native.ended(running)
        self.assertEqual((ended["verdict"], content(ended["stdout"]), ended["attempt"]),
                         ("ok", b"ran\n", 1))
        waiter.join()
        self.assertEqual(waiting[0]["verdict"], "ok")
        self.assertEqual(self.native.run("sh", args=["echo again"])["verdict"], "ok")
        self.assertNotIn("test-password", self.service.log(10000))


class Named(unittest.TestCase):
    """Mistakes in the file with the connection string: one line that names it, and nothing else."""

    def start_with(self, string, mode=0o640):
        svc = service.Service(tasks=FEW, store="mariadb")
        self.addCleanup(svc.close)
        path = os.path.join(svc.directory, "database")
        svc.write_file(path, string.replace("GOOD", svc.mariadb.connection_string(svc.mariadb_database)),
                       mode)
        with self.assertRaises(AssertionError) as caught:
            svc.start(seconds=20)
        svc.process = None
        lines = [line for line in str(caught.exception).splitlines() if "role=queue" in line or "error" in line]
        self.assertNotIn("SECRET", str(caught.exception))
        return "\n".join(lines)

    def test_mistakes(self):
        for string, said in (("SERVER=h;USER=u;PASSWORD=SECRET", "DATABASE"),
                             ("SERVER=h;USER=u;DATABASE=d;PASSWORD=x;SECRET=1", "part 5"),
                             ("GOOD;PORT=SECRET", "PORT")):
            self.assertIn(said, self.start_with(string))

    def test_a_wrong_password(self):
        directory = service.mariadb().directory
        self.assertIn("Access denied", self.start_with(
            f"SOCKET={directory}/socket;USER=dockgate;PASSWORD=SECRET;DATABASE=dockgate"))

    def test_a_file_that_others_read(self):
        self.assertIn("0640", self.start_with("GOOD", 0o644))

    def test_doctor_reads_it(self):
        svc = service.Service(tasks=FEW, store="mariadb")
        svc.write_file(svc.log_path, "")
        self.addCleanup(svc.close)
        path = os.path.join(svc.directory, "database")
        for string, said in ((None, "ok    database       MariaDB, 'dockgate_"),
                             ("SERVER=h;USER=u;DATABASE=d;PORT=SECRET", "FAIL  database       " + path + ": PORT")):
            if string:
                svc.write_file(path, string, 0o640)
            done = subprocess.run([service.DOCKGATE, "doctor", "--config", svc.config],
                                  capture_output=True, text=True, check=False)
            self.assertIn(said, done.stdout)
            self.assertNotIn("SECRET", done.stdout + done.stderr)
            self.assertNotIn("test-password", done.stdout + done.stderr)


class OverTLS(Case):
    """A server at an address, which the queue reaches through its walls, and whose certificate it checks."""

    @classmethod
    def setUpClass(cls):
        directory = tempfile.mkdtemp(prefix="dockgate-mariadb-", dir="/tmp")
        cls.port = service.free_port()
        certificates.authority(directory, "ca")
        certificates.authority(directory, "other")
        certificates.certificate(directory, "server", "ca")
        for name in os.listdir(directory):
            os.chmod(os.path.join(directory, name), 0o644)
        cls.server = service.MariaDB(
            f"--bind-address=127.0.0.1 --port={cls.port} --ssl-cert={directory}/server.pem "
            f"--ssl-key={directory}/server.key --require-secure-transport=ON", directory)
        cls.addClassCleanup(cls.server.stop)
        cls.directory = directory

    def service_with(self, rest):
        svc = service.Service(tasks=FEW, store="mariadb", database=self.server.new_database())
        self.addCleanup(svc.close)
        svc.mariadb = self.server
        svc.write_file(os.path.join(svc.directory, "database"),
                       f"SERVER=127.0.0.1;PORT={self.port};USER=dockgate;PASSWORD=test-password;"
                       f"DATABASE={svc.mariadb_database};{rest}", 0o640)
        return svc

    def test_with_its_authority(self):
        svc = self.service_with(f"SSLCA={self.directory}/ca.pem").__enter__()
        self.assertEqual(content(svc.native.run("sh", args=["echo over TLS"])["stdout"]), b"over TLS\n")

    def test_with_another_authority_or_none(self):
        for rest, said, ends in ((f"SSLCA={self.directory}/other.pem", "certificate", False),
                                 ("SSLMODE=DISABLED", "denied", True)):
            svc = self.service_with(rest)
            svc.process = subprocess.Popen([service.DOCKGATE, "serve", "--config", svc.config], cwd="/",
                                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                           stderr=open(svc.log_path, "ab", buffering=0))
            until_true(lambda: "error queue store:" in svc.log(200) and said in svc.log(200))
            if ends:  # by itself, over what somebody must mend; once told to stop it would hurry
                self.assertEqual(svc.process.wait(60), 78)
                svc.process = None
            else:
                svc.stop()


class Migrate(Case):
    """`dockgate store migrate`, there and back."""

    @classmethod
    def setUpClass(cls):
        pass

    def migrate(self, svc, to):
        return subprocess.run([service.DOCKGATE, "store", "migrate", "--to", to, "--config", svc.config],
                              capture_output=True, text=True, check=False, timeout=120)

    def configure(self, svc, changes):
        svc.write_config(changes, FEW, {"sh": {"concurrency": 1}})

    def steer(self, svc, how, task):
        reply = svc.unix.post_json(f"/v1/queue/{how}", {"task": task})
        self.assertEqual((reply.status, reply.json()), (200, {"changed": True}))

    @staticmethod
    def paused(svc):
        return svc.native.call("GET", "/v1/queue").json()["paused_tasks"]

    def results(self, svc, jobs):
        found = {}
        for job in jobs:
            one = svc.native.job(job)
            found[job] = [one[name] for name in ("state", "task", "queued_at", "attempt", "labels")
                          if name in one]
            if one["state"] == "done":
                found[job] += [one[name] for name in ("verdict", "exit_code", "finished_at", "usage", "node")]
                found[job] += [svc.http.get(f"/v1/jobs/{job}/stdout").body]
        return found

    def there_and_back(self, shared):
        svc = service.Service(tasks=FEW, changes={"sh": {"concurrency": 1}}, store="sqlite")
        self.addCleanup(svc.close)
        svc.__enter__()
        done = [svc.native.run("sh", args=[script], files=[{"name": "in", "content": "z" * size}])["id"]
                for script, size in (("echo small", 1), ("cat in", 200000), ("exit 3", 10))]
        keyed = ("POST", "/v1/jobs?wait=30", {"task": "sh", "args": ["echo keyed"]}, {"Idempotency-Key": "k"})
        done.append(svc.native.call(*keyed).json()["id"])
        blocker = svc.native.accept("sh", args=["sleep 30"])
        waiting = [svc.native.accept("sh", args=[f"wc -c < in; echo {n}"],
                                     files=[{"name": "in", "content": "w" * 100000}]) for n in range(2)]
        before = self.results(svc, done)
        self.steer(svc, "pause", "kept")
        database = service.mariadb().new_database()
        svc.mariadb, svc.mariadb_database = service.mariadb(), database
        settings = {**svc.write_database_file(), "store_shared": shared, "node": "a"}
        self.configure(svc, settings)
        refused = self.migrate(svc, "mariadb")
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertIn("a queue runs", refused.stderr)
        svc.http.request("DELETE", f"/v1/jobs/{blocker}")
        self.assertEqual(svc.stop(), 0)
        moved = self.migrate(svc, "mariadb")
        self.assertEqual((moved.returncode, moved.stderr), (0, ""), moved)
        self.assertNotIn("test-password", moved.stdout)
        again = self.migrate(svc, "mariadb")
        self.assertEqual(again.returncode, 1)
        self.assertIn("already", again.stderr)
        svc.start()
        svc.await_ready()
        self.assertEqual(self.results(svc, done), before)
        self.assertEqual(svc.native.call(*keyed).json()["id"], done[-1])
        self.assertEqual(self.paused(svc), ["kept"])
        self.steer(svc, "resume", "kept")
        self.steer(svc, "pause", "checked")
        for n, job in enumerate(waiting):
            self.assertEqual(content(svc.native.ended(job)["stdout"]), f"100000\n{n}\n".encode())
        after = self.results(svc, done + waiting)
        self.assertEqual(svc.stop(), 0)
        back = self.migrate(svc, "sqlite")
        self.assertEqual((back.returncode, back.stderr), (0, ""), back)
        self.assertEqual(svc.mariadb.sql("SELECT COUNT(*) FROM job", database), [["0"]])
        # A queue that still names the database finds that its jobs were moved.
        with self.assertRaises(AssertionError) as caught:
            svc.start(seconds=20)
        self.assertIn("were moved", str(caught.exception))
        svc.process = None
        svc.mariadb = None
        self.configure(svc, {"node": "a"})
        svc.start()
        svc.await_ready()
        self.assertEqual(self.results(svc, done + waiting), after)
        self.assertEqual(self.paused(svc), ["checked"])
        self.assertEqual(set(svc.endings().values()), {1})

    def test_there_and_back(self):
        self.there_and_back(False)

    def test_there_and_back_of_a_shared_one(self):
        self.there_and_back(True)

    def test_what_is_cut_off_begins_anew(self):
        svc = service.Service(tasks=FEW, store="sqlite")
        self.addCleanup(svc.close)
        svc.__enter__()
        job = svc.native.run("sh", args=["echo kept"])["id"]
        self.assertEqual(svc.stop(), 0)
        database = service.mariadb().new_database()
        svc.mariadb, svc.mariadb_database = service.mariadb(), database
        self.configure(svc, svc.write_database_file())
        self.assertEqual(self.migrate(svc, "mariadb").returncode, 0)
        # As if it had been cut off before its end: the target is not whole.
        svc.mariadb.sql("UPDATE meta SET value = 'unfinished' WHERE name = 'migration'", database)
        with self.assertRaises(AssertionError) as caught:
            svc.start(seconds=20)
        self.assertIn("not finished", str(caught.exception))
        svc.process = None
        back = self.migrate(svc, "sqlite")
        self.assertEqual(back.returncode, 1)
        self.assertIn("not whole", back.stderr)
        svc.mariadb.sql("UPDATE meta SET value = '' WHERE name = 'migration'", database)
        svc.start()
        svc.await_ready()
        self.assertEqual(content(svc.native.job(job)["stdout"]), b"kept\n")


class TwoMachines(Case):
    @classmethod
    def setUpClass(cls):
        ports = [service.free_port() for _ in range(2)]
        cls.machines = []
        for i, node in enumerate("ab"):
            # The poll alone would take longer than any of this: the datagrams must do.
            settings = {"node": node, "store_shared": True, "store_poll_ms": 20000, "slots": 2,
                        "lease_ms": 2000, "peer_listen": f"127.0.0.1:{ports[i]}",
                        "peers": [f"127.0.0.1:{ports[1 - i]}"], "keep_bytes": BOUND}
            svc = service.Service(settings, FEW, {"sh": {"attempts": 100}}, store="mariadb",
                                  database=cls.machines[0].mariadb_database if i else None)
            cls.addClassCleanup(svc.close)
            cls.machines.append(svc.__enter__())
        cls.a, cls.b = cls.machines
        cls.use(cls.a)

    def test_a_job_runs_where_there_is_room(self):
        jobs = [self.a.native.accept("sh", args=["sleep 3; echo $0"]) for _ in range(4)]
        nodes = [self.b.native.ended(job)["node"] for job in jobs]
        self.assertEqual(sorted(nodes), ["a", "a", "b", "b"])
        for job in jobs:
            here, there = self.a.native.job(job), self.b.native.job(job)
            for member in ("state", "verdict", "node", "attempt", "stdout", "finished_at"):
                self.assertEqual(here[member], there[member])

    def test_a_waiting_client_is_woken_by_the_other_machine(self):
        blockers = [self.a.native.accept("sh", args=["sleep 4"]) for _ in range(2)]
        jobs = [self.a.native.accept("sh", args=["sleep 0.5; echo woken"]) for _ in range(2)]
        ended = [self.a.native.ended(job) for job in jobs]
        self.assertEqual([(job["node"], content(job["stdout"])) for job in ended], [("b", b"woken\n")] * 2)
        self.assertEqual({self.b.native.ended(job)["node"] for job in blockers}, {"a"})

    def test_events_of_a_job_elsewhere(self):
        """Its moves as they are made, its output with its end."""
        blockers = [self.a.native.accept("sh", args=["sleep 4"]) for _ in range(2)]
        job = self.a.native.accept("sh", args=["echo far; sleep 1; echo away >&2"])
        with Stream(self.a.http, job) as stream:
            moves = stream.until("state", state="running")
            self.assertEqual(moves[-1].data["node"], "b")
            events = moves + stream.until("end")
        story = Story(self.a.http, job)
        for event in events:
            story.take(event)
        self.assertEqual((story.stdout, story.stderr, story.attempts, story.end["node"]),
                         (b"far\n", b"away\n", [1], "b"))
        self.assertLess(len(events), 15)  # and nothing again and again
        for blocker in blockers:
            self.a.native.ended(blocker)

    def test_large_bytes_go_both_ways(self):
        text = "x" * 300000
        jobs = [self.a.native.accept("sh", args=["wc -c < in; head -c 200000 /dev/zero | tr '\\0' y; sleep 4"],
                                     files=[{"name": "in", "content": text}]) for _ in range(4)]
        ended = [self.a.native.ended(job) for job in jobs]
        self.assertEqual({job["node"] for job in ended}, {"a", "b"})
        for job in jobs:
            for machine in self.machines:
                out = machine.http.get(f"/v1/jobs/{job}/stdout")
                self.assertEqual((out.status, out.body), (200, b"300000\n" + b"y" * 200000))

    def test_a_job_is_cancelled_from_the_other_machine(self):
        jobs = [self.a.native.accept("sh", args=["sleep 60"]) for _ in range(4)]
        until_true(lambda: all(self.a.native.job(job)["state"] == "running" for job in jobs))
        for job in jobs:
            self.assertEqual(self.b.http.request("DELETE", f"/v1/jobs/{job}").status, 200)
            self.assertEqual(self.a.native.ended(job)["verdict"], "cancelled")
        # Their places are free again, on both.
        jobs = [self.b.native.accept("sh", args=["sleep 3"]) for _ in range(4)]
        self.assertEqual({self.b.native.ended(job)["node"] for job in jobs}, {"a", "b"})

    def test_one_key_on_both_machines_at_once(self):
        request = {"task": "sh", "args": ["echo once"]}
        for n in range(10):
            key = {"Idempotency-Key": f"both-{n}"}
            start, replies = threading.Barrier(6), []

            def send(machine):
                start.wait()
                replies.append(machine.native.call("POST", "/v1/jobs?wait=30", request, key))

            threads = [threading.Thread(target=send, args=(machine,)) for machine in self.machines * 3]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual({reply.status for reply in replies}, {200}, [r.text for r in replies])
            self.assertEqual(len({reply.json()["id"] for reply in replies}), 1)
            self.assertEqual(len([r for r in replies if not r.headers["Idempotency-Replayed"]]), 1)
        other = self.b.native.call("POST", "/v1/jobs", {**request, "args": ["echo other"]}, key)
        self.assertEqual(other.status, 422)

    def test_zz_who_is_let_in_is_known_on_both(self):
        """The last of them by its name: from then on nobody comes in without a token."""
        added = Native(self.a.unix).call("POST", "/v1/clients", {"name": "carol"})
        self.assertEqual(added.status, 201, added.body)
        token = {"Authorization": f"Bearer {added.json()['token']}"}

        def seen(machine, headers):
            return machine.native.call("GET", "/v1/me", headers=headers)

        until_true(lambda: seen(self.b, {}).status == 401)
        for machine in self.machines:
            self.assertEqual(seen(machine, token).json(), {"client": "carol", "operator": False})
        job = self.b.native.call("POST", "/v1/jobs?wait=30", {"task": "sh", "args": ["echo carol"]}, token).json()
        self.assertEqual(self.a.native.call("GET", f"/v1/jobs/{job['id']}", headers=token).status, 200)
        self.assertEqual(self.a.native.call("GET", f"/v1/jobs/{job['id']}").status, 401)
        self.assertEqual(Native(self.b.unix).call("DELETE", "/v1/clients/carol").status, 200)
        until_true(lambda: seen(self.a, token).status == 401)
        self.assertEqual(seen(self.b, token).status, 401)
        said = [entry["what"] for entry in Native(self.a.unix).call("GET", "/v1/audit").json()["entries"]]
        self.assertEqual(said[:2], ["client-revoke", "client-add"])

    def test_nobody_elses_name(self):
        svc = service.Service({"node": "a", "store_shared": True}, {**FEW, "sh": None}, store="mariadb",
                              database=self.a.mariadb_database)
        self.addCleanup(svc.close)
        svc.process = subprocess.Popen([service.DOCKGATE, "serve", "--config", svc.config], cwd="/",
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=open(svc.log_path, "ab", buffering=0))
        until_true(lambda: "another machine with node" in svc.log(200))
        self.assertEqual(svc.stop(), 0)

    def test_y_what_is_too_much_goes_once(self):
        """Each removal is one machine's; both count the same rows."""
        def figures(name):
            return [float(re.search(rf"(?m)^dockgate_{re.escape(name)} (\S+)$", machine.native.call("GET", "/metrics").text)[1])
                    for machine in self.machines]
        rest = "; cat >/dev/null"
        for i in range(10):
            machine = self.machines[i % 2]
            last = machine.native.run("sh", args=["true" + rest], stdin="x" * (BOUND // 8))
        def rows():
            return [int(n) for n in self.a.mariadb.sql(
                "SELECT COUNT(*), SUM(bytes + 1024) FROM job WHERE state = 2", self.a.mariadb_database)[0]]
        until_true(lambda: rows()[1] <= BOUND)

        def counted():  # the other one may still remove some of what it had counted
            jobs, kept = rows()
            return (figures("kept_jobs"), figures("kept_bytes")) == ([jobs, jobs], [kept, kept]) and jobs
        until_true(counted)
        jobs = counted()
        self.assertGreater(jobs, 1)
        self.assertEqual(self.b.native.job(last["id"])["state"], "done")
        gone = (figures('jobs_removed_total{reason="keep_bytes"}'), figures('jobs_removed_total{reason="expired"}'))
        self.assertEqual(sum(map(sum, gone)), sum(figures("jobs_submitted_total")) - jobs, gone)

    def test_z_a_machine_dies(self):
        with Ledger(self.a, SEED) as ledger:
            time.sleep(1)
            self.b.kill()
            time.sleep(1)
            self.b.start()
            self.b.await_ready()
            pid = self.a.await_pid("queue")
            os.kill(pid, signal.SIGKILL)
            self.a.await_pid("queue", other_than=pid)
            self.a.mariadb.kill()
            self.a.mariadb.start()
            self.a.await_ready()
            self.b.await_ready()
            time.sleep(0.5)
        CrashCase.assert_all_ended_once(self, ledger)
        ended = {job: self.b.native.job(job) for job in ledger.jobs}
        self.assertEqual({job["verdict"] for job in ended.values()}, {"ok"}, f"seed {SEED}")
        self.assertEqual({job["node"] for job in ended.values()}, {"a", "b"})


if __name__ == "__main__":
    unittest.main()
