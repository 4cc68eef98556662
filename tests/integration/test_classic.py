# SPDX-License-Identifier: MIT
"""The classic face: byte for byte what its clients expect, and the faults that must not return."""
import base64
import json
import os
import re
import sqlite3
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import client
import service
from case import Case, OwnService, content

FUNCTIONS = ("submit", "queueing", "get_result", "get_data")
UNKNOWN = "<p>ERROR! Non-exist parameter.\n"
NOWHERE = "0" * 64
FIVE_LINES = "call:for n in 1 2 3 4 5; do echo l$n; done"


def result_text(field1, field2):
    """The result's JSON text as the original wrote it."""
    lines = ",\n".join("\t\t" + json.dumps(line) for line in field2)
    return f'{{\n\t"field1" : {json.dumps(field1)},\n\t"field2" : \n\t[\n{lines}\n\t]\n}}'


class ClassicCase(Case):
    def ended(self, data):
        """The id of a classic job that has ended."""
        job = self.classic.submit(data)
        self.native.ended(job)
        return job

    def result(self, data):
        """The text behind get_result's base64."""
        return base64.b64decode(self.classic.get_result(self.ended(data)), validate=True).decode()

    def assert_html(self, reply):
        self.assertEqual((reply.status, reply.headers["Content-Type"]), (200, "text/html"),
                         reply.body[:300])


class Answers(ClassicCase):
    def test_submit_gives_the_id_alone(self):
        reply = self.classic.call("submit", {"data": "x"})
        self.assert_html(reply)
        self.assertRegex(reply.body, rb"\A[0-9a-f]{64}\Z")

    def test_submit_takes_any_other_member(self):
        reply = self.classic.call("submit", {"data": "x", "more": [1, {"a": None}]})
        self.assertRegex(reply.body, rb"\A[0-9a-f]{64}\Z")

    def test_submit_takes_any_content_type(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json"):
            reply = self.http.post("/executor/submit", b'{"data": "x"}', Content_Type=kind)
            self.assertRegex(reply.body, rb"\A[0-9a-f]{64}\Z", kind)

    def test_unknown_id_is_NULL(self):
        for function in ("get_result", "get_data"):
            for job in (NOWHERE, "", "x", "0" * 63, "0" * 65, "'", "A" * 64):
                reply = self.classic.call(function, {"id": job})
                self.assert_html(reply)
                self.assertEqual(reply.body, b"NULL", (function, job))

    def test_get_result_done(self):
        reply = self.classic.call("get_result", {"id": self.ended(FIVE_LINES)})
        self.assert_html(reply)
        expected = ('{\n\t"field1" : "l1",\n\t"field2" : \n\t[\n\t\t"l2",\n\t\t"l3",\n\t\t"l4"'
                    '\n\t]\n}')
        self.assertEqual(reply.body, base64.b64encode(expected.encode()))

    def test_get_data_done(self):
        reply = self.classic.call("get_data", {"id": self.ended(FIVE_LINES)})
        self.assert_html(reply)
        self.assertEqual(reply.body, b"l5")

    def test_get_data_without_a_fifth_line_is_empty(self):
        self.assertEqual(self.classic.get_data(self.ended("one")), b"")

    def test_missing_lines_are_empty(self):
        self.assertEqual(self.result("one\ntwo"), result_text("one", ["two", "", ""]))
        self.assertEqual(self.result(""), result_text("", ["", "", ""]))

    def test_carriage_return_stays(self):
        self.assertEqual(self.result("a\r\nb\r\n"), result_text("a\r", ["b\r", "", ""]))

    def test_outside_ascii(self):
        self.assertEqual(self.result("äöü\n€\n😀\nz"), result_text("äöü", ["€", "😀", "z"]))
        self.assertIn("\\ud83d\\ude00", self.result("😀"))

    def test_quotes_and_controls(self):
        self.assertEqual(self.result('"\\/\t\b\f\x01\x1f<&>'),
                         result_text('"\\/\t\b\f\x01\x1f<&>', ["", "", ""]))

    def test_bytes_that_are_not_utf8(self):
        self.assertEqual(self.result(r"call:printf 'a\377b\n\300\257\n\355\240\200'"),
                         result_text("a\ufffdb", ["\ufffd\ufffd", "\ufffd\ufffd\ufffd", ""]))

    def test_get_data_is_raw(self):
        job = self.ended(r"call:printf '1\n2\n3\n4\na\000\377\r\t\303\244\n6\n'")
        self.assertEqual(self.classic.get_data(job), b"a\0\xff\r\t\xc3\xa4")

    def test_data_arrives_verbatim(self):
        for data in ("`id`", "$(id)", "'\"", "-n", "--help", "ä€😀", "a b  c", "*", "~", "\\n",
                     ";exit 9", "%s%n"):
            self.assertEqual(self.result(data), result_text(data, ["", "", ""]), data)

    def test_no_data_of_one_job_is_another_ones_argument(self):
        self.assertEqual(self.result("call:echo $#"), result_text("1", ["", "", ""]))

    def test_welcome_page(self):
        for method, target in (("POST", "/executor"), ("POST", "/executor/"), ("GET", "/executor/"),
                               ("POST", "/executor/executor")):
            reply = self.http.request(method, target)
            self.assertEqual(reply.status, 200, target)
            self.assertTrue(reply.type.startswith("text/html"), target)
            self.assertIn(b"<", reply.body)
            self.assertNotIn(UNKNOWN.encode(), reply.body)

    def test_a_browser_is_led_to_where_the_parts_of_the_page_are(self):
        browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        welcome = self.http.get("/executor/", **browser)
        led = self.http.get("/executor", **browser)
        self.assertEqual((welcome.status, led.status), (200, 302))
        self.assertTrue(led.headers["Location"].endswith("executor/"), led.headers)
        self.assertEqual(led.body, welcome.body)
        for target, headers in (("/executor", {}), ("/executor", {"Accept": "*/*"}), ("/executor/executor", browser)):
            reply = self.http.get(target, **headers)
            self.assertEqual((reply.status, reply.body), (200, welcome.body), target)
        self.assertEqual(self.http.request("POST", "/executor", b"", browser).status, 200)

    def test_unknown_function(self):
        welcome = self.http.post("/executor/").body
        for target in ("/executor/nothing", "/executor?nothing", "/executor?queueing=",
                       "/executor?queueing&x", "/executor/queue%69ng", "/executor?queue%69ng",
                       "/executor/Queueing", "/executor/queueing/", "/executor/submit/x",
                       "/executor?get_result=1", "/executor/executor/nothing"):
            reply = self.http.post(target, b'{"data": "x"}')
            self.assert_html(reply)
            self.assertEqual(reply.body, UNKNOWN.encode() + welcome, target)

    def test_every_address_form(self):
        job = self.ended(FIVE_LINES)
        expected = {"submit": rb"\A[0-9a-f]{64}\Z", "queueing": rb"\A\[\[",
                    "get_result": rb"\Aewo", "get_data": rb"\Al5\Z"}
        for function in FUNCTIONS:
            for form in ("/executor/{}", "/executor?{}", "/executor/?{}", "/executor/executor?{}",
                         "/executor/executor/{}", "/executor/{}?x=1"):
                target = form.format(function)
                reply = self.http.post(target, json.dumps({"id": job, "data": "x"}))
                self.assert_html(reply)
                self.assertRegex(reply.body, expected[function], target)

    def test_over_the_unix_socket_too(self):
        face = client.Classic(self.service.unix)
        job = face.submit(FIVE_LINES)
        self.native.ended(job)
        self.assertEqual(face.get_data(job), b"l5")


class States(OwnService):
    """What is answered while a job waits, while it runs, and when it is done."""
    changes = {"classic": {"concurrency": 1, "warm": 1}}  # so that a second job waits

    def every_state(self, face):
        first = face.submit("done")
        self.native.ended(first)
        before = face.queueing()[:-1]
        gate = f"open-{first}"
        second = face.submit(f"call:while [ ! -e /workspace/upload/{gate} ]; do sleep 0.05; done")
        for _ in service.until(30):
            if face.get_result(second) == "WORKING":
                break
        third = face.submit("waits")
        self.assertEqual(face.get_result(second), "WORKING")
        self.assertEqual(face.get_result(third), "PREPARE")
        self.assertEqual([face.get_data(j) for j in (second, third)], [b"NULL"] * 2)
        expected = f'{before}, ["{second[:12]}", "Working..."], ["{third[:12]}", "Booting..."]]'
        self.assertTrue(before.endswith(f'["{first[:12]}", "Done"]'), before)
        self.assertEqual(face.queueing(), expected)
        ignored = face.http.post("/executor/queueing", b"{not json")
        self.assertEqual(ignored.text, expected)
        self.service.write_upload(gate, "")
        self.native.ended(third)
        self.assertEqual(face.queueing().count('"Done"'), before.count('"Done"') + 2)

    def nothing_there(self, face):
        reply = face.call("queueing")
        self.assertEqual((reply.status, reply.type), (200, "text/html"))
        self.assertEqual(reply.body, b'[{"id":"NULL", "state": "NULL"}]')


class Queueing(States):
    def test_empty_then_every_state(self):
        self.nothing_there(self.classic)
        self.every_state(self.classic)


class QueueingFull(OwnService):
    settings = {"queueing_ids": "full", "origins": ["*"]}

    def test_whole_ids_where_the_operator_says_so(self):
        job = self.classic.submit("x")
        self.native.ended(job)
        self.assertEqual(self.classic.queueing(), f'[["{job}", "Done"]]')

    def test_any_origin_where_the_operator_says_so(self):
        reply = self.http.post("/executor/queueing", Origin="https://anywhere.example")
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.headers["Access-Control-Allow-Origin"], "*")


class Ours(ClassicCase):
    def test_only_POST_runs_a_function(self):
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
            for target in ("/executor/queueing", "/executor?submit", "/executor/executor/get_data"):
                reply = self.http.request(method, target)
                self.assertEqual(reply.status, 405, (method, target))
                self.assertEqual(reply.headers["Allow"], "POST", (method, target))

    def test_preflight(self):
        reply = self.http.request("OPTIONS", "/executor/submit", headers={
            "Origin": service.ORIGIN, "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type"})
        self.assertIn(reply.status, (200, 204))
        self.assertEqual(reply.headers["Access-Control-Allow-Origin"], service.ORIGIN)
        self.assertIn("POST", reply.headers["Access-Control-Allow-Methods"])
        self.assertIn("content-type", reply.headers["Access-Control-Allow-Headers"].lower())

    def test_preflight_of_a_foreign_origin_allows_nothing(self):
        reply = self.http.request("OPTIONS", "/executor/submit", headers={
            "Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
        self.assertNotIn("Access-Control-Allow-Origin", reply.headers)

    def test_no_cors_header_without_an_origin(self):
        self.assertNotIn("Access-Control-Allow-Origin", self.classic.call("queueing").headers)

    def test_origins(self):
        port = self.http.address[1]
        own = f"http://127.0.0.1:{port}"
        for origin in (own, service.ORIGIN):
            reply = self.http.post("/executor/queueing", Origin=origin)
            self.assertEqual(reply.status, 200, origin)
        self.assertEqual(reply.headers["Access-Control-Allow-Origin"], service.ORIGIN)
        before = self.jobs_stored()
        for origin in ("https://evil.example", "null", service.ORIGIN + ".evil.example",
                       f"http://127.0.0.1:{port + 1}", f"{own}.evil.example", ""):
            for target in ("/executor/submit", "/executor?submit"):
                reply = self.http.post(target, b'{"data": "x"}', Origin=origin)
                self.assertEqual(reply.status, 403, origin)
                self.assertNotIn("Access-Control-Allow-Origin", reply.headers)
        self.assertEqual(self.jobs_stored(), before)

    def test_unknown_host_is_refused(self):
        for host in ("evil.example", f"evil.example:{self.service.port}", "127.0.0.1.evil.example"):
            reply = self.http.post("/executor/queueing", Host=host)
            self.assertIn(reply.status, (400, 403, 421), host)
        self.assertEqual(self.service.unix.post("/executor/queueing", Host="any.example").status, 200)

    def test_bad_bodies(self):
        before = self.jobs_stored()
        bad = {
            "submit": (b"", b"{", b"[]", b'"x"', b"null", b"1", b"{}", b'{"data": 1}',
                       b'{"data": null}', b'{"data": ["x"]}', b'{"Data": "x"}', b'{"data": "x"} x',
                       b'{"data": "\xff"}', b'{"data": "\\ud800"}'),
            "get_result": (b"", b"{", b"[]", b"{}", b'{"id": 1}', b'{"id": null}', b'{"id": []}'),
        }
        bad["get_data"] = bad["get_result"]
        for function, bodies in bad.items():
            for body in bodies:
                reply = self.http.post(f"/executor/{function}", body)
                self.assertEqual(reply.status, 400, (function, body, reply.body))
                self.assertRegex(reply.text, r"\A[^\n<]+\n?\Z", (function, body))
        self.assertEqual(self.jobs_stored(), before)

    def test_bad_members_are_named(self):
        for function, body, member in (("submit", b"{}", "data"), ("submit", b'{"data": 1}', "data"),
                                       ("get_result", b"{}", "id"), ("get_data", b'{"id":1}', "id")):
            self.assertIn(member, self.http.post(f"/executor/{function}", body).text)

    def test_longest_argument(self):
        longest = "x" * 131071
        self.assertEqual(self.result(longest), result_text(longest, ["", "", ""]))
        reply = self.classic.call("submit", {"data": longest + "x"})
        self.assertEqual(reply.status, 400)
        self.assertIn("131071", reply.text.replace(",", ""))

    def test_NUL_cannot_be_an_argument(self):
        reply = self.http.post("/executor/submit", b'{"data": "a\\u0000b"}')
        self.assertEqual(reply.status, 400)
        self.assertIn("NUL", reply.text)


class MissingImage(OwnService):
    settings = {"classic_task": "nowhere"}
    tasks = {"nowhere": {"image": "dockgate/test-nowhere:none", "command": ["/x"]}}

    def setUp(self):
        self.assertFalse(self.service.docker.has_image("dockgate/test-nowhere:none"))

    def test_missing_image_is_503(self):
        reply = self.classic.call("submit", {"data": "x"})
        self.assertEqual(reply.status, 503, reply.body)
        self.assertRegex(reply.text, r"\A[^\n<]+\n?\Z")
        self.assertIn("image", reply.text)
        self.assertEqual(self.classic.queueing(), '[{"id":"NULL", "state": "NULL"}]')


class Faults(ClassicCase):
    """One test for each fault seen in the original."""

    def test_fault_01_no_injection_through_an_id(self):
        secret = self.ended("secret")
        for evil in (f"' OR id='{secret}", f"{secret}' -- ", f"{secret}'", "' OR '1'='1",
                     "x' UNION SELECT '1', user(), 3 -- ", "x'; DROP TABLE job; --",
                     "' OR SLEEP(2) -- ", f"{secret}\0", f" {secret}", f"{secret}%", "%", "_" * 64):
            for function in ("get_result", "get_data"):
                self.assertEqual(self.classic.call(function, {"id": evil}).body, b"NULL", evil)
        self.assertNotEqual(self.classic.get_result(secret), "NULL")
        self.assertTrue(self.service.is_sound())

    def test_fault_02_limit_holds_when_all_come_at_once(self):
        with service.Service(changes={"sh": {"concurrency": 3, "warm": 2, "warm_max": 3}}) as svc:
            jobs = in_parallel(lambda _: svc.native.accept("sh", args=["sleep 0.1"]), range(12))
            most = 0
            while svc.native.job(jobs[-1])["state"] != "done":
                most = max(most, sum(c["State"] == "running" for c in svc.containers_of("sh")))
            ended = [svc.native.ended(job) for job in jobs]
        spans = [(job["started_at"], job["finished_at"]) for job in ended]
        self.assertEqual([job["verdict"] for job in ended], ["ok"] * 12)
        self.assertLessEqual(overlap(spans), 3)
        # those that run a job, those that wait for one, and those that have just had one
        self.assertLessEqual(most, 3 + 3 + 3)

    def test_fault_03_no_job_is_lost_past_the_limit(self):
        jobs = [self.classic.submit(f"call:echo {n}") for n in range(25)]
        for n, job in enumerate(jobs):
            self.assertEqual(content(self.native.ended(job)["stdout"]), f"{n}\n".encode())

    def test_fault_04_bad_bodies_take_no_slot(self):
        before = self.jobs_stored()
        for _ in range(3):
            for body in (b"{}", b'{"data": {}}', b'{"data": 7}', b'{"data": null}'):
                self.assertEqual(self.http.post("/executor/submit", body).status, 400)
        self.assertEqual(self.jobs_stored(), before)
        self.assertEqual(self.result("still"), result_text("still", ["", "", ""]))

    def test_fault_05_age_counts_from_the_end(self):
        job = self.native.accept("short", args=["sleep 2.5; echo out"])
        # asked all the time while it runs, longer than its retention
        for _ in service.until(60):
            answer = self.classic.get_result(job)
            if answer not in ("PREPARE", "WORKING"):
                break
        self.assertNotEqual(answer, "NULL")
        ended = self.native.job(job)
        self.assertEqual(ended["verdict"], "ok")
        kept = milliseconds(ended["expires_at"]) - milliseconds(ended["finished_at"])
        # From when the ending was stored; two clocks, each cut to milliseconds.
        self.assertTrue(1990 <= kept < 3000, kept)
        for _ in service.until(30, 0.1):
            if self.classic.get_result(job) == "NULL":
                break
        self.assertEqual(self.classic.get_result(job), "NULL")
        for _ in service.until(30, 0.1):
            if not rows_with(self.service, bytes.fromhex(job)):
                break
        self.assertFalse(rows_with(self.service, bytes.fromhex(job)))

    def test_fault_06_done_is_seen_with_its_product(self):
        for n in range(5):
            job = self.classic.submit("call:printf '1\\n2\\n3\\n4\\nproduct'")
            for _ in service.until(30, 0):
                if job[:12] + '", "Done"' in self.classic.queueing():
                    break
            self.assertEqual(self.classic.get_data(job), b"product")
            self.assertNotIn(self.classic.get_result(job), ("NULL", "PREPARE", "WORKING"))

    def test_fault_06_any_bytes_are_a_product(self):
        for raw in (b"\xff\xfe\xc0\xaf", "😀".encode(), b"a\0b", b"\0"):
            octal = "".join(f"\\{b:03o}" for b in raw)
            job = self.ended(f"call:printf '1\\n2\\n3\\n4\\n{octal}\\n'")
            self.assertEqual(self.classic.get_data(job), raw)

    def test_fault_07_large_results_come_back(self):
        job = self.ended("call:yes 0123456789abcde | head -c 3000000 | tr '\\n' ' '")
        text = json.loads(base64.b64decode(self.classic.get_result(job)))
        self.assertEqual(text["field1"], "0123456789abcde " * 187500)

    def test_fault_07_large_stderr_and_late_stdout_do_not_hang(self):
        job = self.ended("call:yes e | head -c 200000 >&2; for n in 1 2 3 4 5; do echo l$n; done; "
                         "yes o | head -c 200000; yes e | head -c 200000 >&2")
        self.assertEqual(self.classic.get_data(job), b"l5")
        ended = self.native.job(job)
        self.assertEqual((ended["verdict"], ended["stderr"]["bytes"]), ("ok", 400000))

    def test_fault_07_large_bodies(self):
        self.assertEqual(self.result("y" * 100000), result_text("y" * 100000, ["", "", ""]))

    def test_fault_08_exit_code_and_stderr_are_kept(self):
        job = self.ended("call:echo out; echo err >&2; exit 3")
        ended = self.native.job(job)
        self.assertEqual((ended["verdict"], ended["exit_code"]), ("nonzero_exit", 3))
        self.assertEqual(content(ended["stderr"]), b"err\n")

    def test_fault_09_first_come_first_served(self):
        jobs = [self.native.accept("one", args=["true"]) for _ in range(10)]
        started = [self.native.ended(job)["started_at"] for job in jobs]
        self.assertEqual(started, sorted(started))

    def test_fault_10_the_workspace_is_nobodys_to_change(self):
        script = ("call:for f in run.sh new; do echo evil >/workspace/upload/$f && echo WROTE; done; "
                  "rm -f /workspace/upload/run.sh; mv /workspace/upload/run.sh /tmp && echo MOVED; "
                  "mount -o remount,rw /workspace/upload && echo MOUNTED; "
                  "echo x >/evil && echo ROOTFS; id -u; ls /sys/class/net; "
                  "cat /proc/self/status | grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):'")
        out = content(self.native.ended(self.classic.submit(script))["stdout"]).decode()
        for word in ("WROTE", "MOVED", "MOUNTED", "ROOTFS"):
            self.assertNotIn(word, out)
        lines = out.split()
        self.assertNotEqual(lines[0], "0")
        self.assertEqual(lines[1], "lo")
        self.assertRegex(out, r"CapEff:\s+0+\n")
        self.assertRegex(out, r"NoNewPrivs:\s+1\n")
        self.assertRegex(out, r"Seccomp:\s+2\n")
        with open(os.path.join(self.service.upload, "run.sh"), encoding="utf-8") as file:
            self.assertEqual(file.read(), service.RUN_SH)
        self.assertEqual(os.listdir(self.service.upload), ["run.sh"])

    def test_fault_11_no_shell_sees_a_request(self):
        marker = os.path.join(self.service.directory, "marker")
        for evil in (f"`touch%20{marker}`", f"$(touch%20{marker})", f";touch%20{marker}",
                     f"|touch%20{marker}", "-d+allow_url_include=1", "--help"):
            reply = self.http.post(f"/executor?{evil}")
            self.assertEqual(reply.status, 200)
            self.assertTrue(reply.text.startswith(UNKNOWN), evil)
        self.assertFalse(os.path.exists(marker))

    def test_fault_11_nothing_shipped_calls_a_shell_or_sudo(self):
        listed = subprocess.run(["git", "-C", service.ROOT, "ls-files", "-z", "backend", "cgi-bin",
                                 "deploy"], capture_output=True, check=True).stdout
        call = re.compile(rb"\b(system|popen|wordexp|execlp|execvp|execvpe)\s*\(|NOPASSWD|\bsudo -")
        agent = os.path.join("backend", "agent")  # runs the job's own command by its PATH
        found = []
        for name in listed.decode().split("\0")[:-1]:
            for number, line in enumerate(service.read(os.path.join(service.ROOT, name)).splitlines(), 1):
                if call.search(line) and not name.startswith(agent):
                    found.append(f"{name}:{number}: {line.decode()}")
        self.assertEqual(found, [])


    def test_fault_12_no_request_reads_the_whole_table(self):
        """Every statement of the built program finds its jobs by an index of the real database."""
        self.ended("one")
        found = re.findall(rb"(?:SELECT|UPDATE|DELETE FROM) [ -~]*\bjob\b[ -~]*",
                           service.read(service.DOCKGATE))
        statements = {text.decode() for text in found if b"?1" in text or b"WHERE" in text}
        # MariaDB's, whose values have no numbers: tests/unit/store_mariadb.c explains them.
        # Nor those, several in one, that bring an older schema up.
        statements = {s for s in statements if not re.search(r"\?(?!\d)| job j |;", s)}
        self.assertTrue(any(re.search(r"FROM job WHERE id = \?1", s) for s in statements), statements)
        if self.service.mariadb:
            return
        db = sqlite3.connect(f"file:{self.service.database()}?mode=ro", uri=True)
        for statement in statements:
            values = [1] * max(map(int, re.findall(r"\?(\d+)", statement)), default=0)
            plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + statement, values)]
            for line in plan:
                # The first of an index is no scan; sums are made once, when the queue starts.
                if not statement.endswith(("LIMIT 1", "GROUP BY client")):
                    self.assertNotRegex(line, r"\bSCAN job\b", statement)
                self.assertNotRegex(line, r"\bSCAN job\Z|TEMP B-TREE", statement)
            if "WHERE id = ?1" in statement:
                self.assertTrue(any("job_id (id=?)" in line for line in plan), plan)
        db.close()


def milliseconds(stamp):
    """Of a time as the native face writes it."""
    when = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return round(when.timestamp() * 1000)


def in_parallel(call, values):
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(call, values))


def overlap(spans):
    """How many of the spans hold at one time; one may begin in the millisecond another ends."""
    events = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    now = most = 0
    for _, step in events:
        now += step
        most = max(most, now)
    return most


def rows_with(svc, value):
    """How many rows of any table hold this value in any column."""
    if svc.mariadb:
        return rows_of_mariadb_with(svc, value)
    db = sqlite3.connect(f"file:{svc.database()}?mode=ro", uri=True)
    found = 0
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for column in db.execute(f"PRAGMA table_info({table})").fetchall():
            found += db.execute(f'SELECT count(*) FROM "{table}" WHERE "{column[1]}" IN (?, ?)',
                                (value, value.hex())).fetchone()[0]
    db.close()
    return found


def rows_of_mariadb_with(svc, value):
    found = 0
    for table, column in svc.mariadb.sql(
            "SELECT table_name, column_name FROM information_schema.columns "
            f"WHERE table_schema = '{svc.mariadb_database}'"):
        ((count,),) = svc.mariadb.sql(
            f"SELECT COUNT(*) FROM `{table}` WHERE CAST(`{column}` AS BINARY) IN "
            f"(x'{value.hex()}', '{value.hex()}')", svc.mariadb_database)
        found += int(count)
    return found


if __name__ == "__main__":
    unittest.main()
