# SPDX-License-Identifier: MIT
"""One build, many cases: how each is judged, and what is seen of them."""
import service
from case import Case, at_both_levels, content


def verdicts(job):
    return [case["verdict"] for case in job["cases"]]


@at_both_levels
class Compare(Case):
    """Chosen by the task, the request or the case."""

    def judge(self, task, **members):
        return verdicts(self.native.run(task, args=["echo 'a  b '"], **members))

    def test_the_request_chooses(self):
        expected = [{"expected_stdout": "a b"}]
        self.assertEqual(self.judge("sh", cases=expected), ["wrong_output"])
        self.assertEqual(self.judge("sh", cases=expected, compare="lines"), ["wrong_output"])
        self.assertEqual(self.judge("sh", cases=expected, compare="tokens"), ["ok"])
        self.assertEqual(self.judge("tokens", cases=expected), ["ok"])
        self.assertEqual(self.judge("tokens", cases=expected, compare="exact"), ["wrong_output"])

    def test_a_case_chooses(self):
        cases = [{"expected_stdout": "a  b", **how} for how in
                 ({}, {"compare": "exact"}, {"compare": "lines"}, {"compare": "tokens"})]
        self.assertEqual(self.judge("sh", cases=cases), ["wrong_output", "wrong_output", "ok", "ok"])
        self.assertEqual(self.judge("sh", cases=cases, compare="tokens"),
                         ["ok", "wrong_output", "ok", "ok"])


@at_both_levels
class Limits(Case):
    """Each case's own are applied, and named where they are hit."""

    def case_of(self, script, name, value, **members):
        job = self.sh(script, cases=[{}, {"limits": {name: value}, **members}, {}])
        self.assertEqual((job["cases"][0]["verdict"], job["cases"][2]["verdict"]), ("ok", "ok"), job)
        return job["cases"][1]

    def test_each_is_applied_to_its_case_alone(self):
        for script, name, value, verdict in (
                ("i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done", "cpu_ms", 20, "cpu_time_limit"),
                ("sleep 0.3", "wall_ms", 100, "wall_time_limit"),
                ("rm -f f; head -c 3000000 /dev/zero > f && rm f", "disk_bytes", 1 << 20, "disk_limit"),
                ("rm -f f; head -c 200000 /dev/zero > f && rm f", "file_bytes", 100000, "disk_limit")):
            with self.subTest(name):
                case = self.case_of(script, name, value)
                self.assertEqual((case["verdict"], case["limit"]["name"], case["limit"]["configured"]),
                                 (verdict, name, value), case)

    def assert_lowered_after(self, script):
        """However a case leaves its directories, a lower limit of the next one can be had."""
        job = self.sh(script + "; true", cases=[{}, {"limits": {"disk_bytes": 1 << 20}}])
        self.assertEqual((job["verdict"], verdicts(job), job["attempt"]), ("ok", ["ok", "ok"], 1), job)

    def test_a_closed_directory_does_not_keep_a_limit_out(self):
        self.assert_lowered_after("chmod 0555 /workspace")

    def test_used_up_inodes_do_not_keep_a_limit_out(self):
        self.assert_lowered_after("[ -e /tmp/0 ] || (i=0; while : > /tmp/$i; do i=$((i+1)); done)")

    def test_what_is_printed(self):
        case = self.case_of("echo 0123456789", "output_bytes", 4)
        self.assertEqual((case["verdict"], content(case["stdout"]), case["stdout"]["truncated_bytes"]),
                         ("ok", b"0123", 7))
        self.assertEqual(case["limits_hit"], ["output_bytes"])


@at_both_levels
class Checker(Case):
    def check(self, script, answer, **members):
        job = self.sh(script, "checked", cases=[{"stdin": "in", "expected_stdout": answer}], **members)
        return job, job["cases"][0]

    def test_it_says_what_is_right(self):
        job = self.sh("cat", "checked", cases=[
            {"stdin": "4", "expected_stdout": "even"}, {"stdin": "3", "expected_stdout": "even"},
            {"stdin": "10", "expected_stdout": "even"}])
        self.assertEqual(verdicts(job), ["ok", "wrong_output", "ok"])
        self.assertEqual([case["checker_message"] for case in job["cases"]],
                         [f"input={n} output={n} answer=even\n" for n in (4, 3, 10)])
        self.assertEqual((job["verdict"], job["exit_code"]), ("wrong_output", 0))
        self.assertNotIn("error", job)

    def test_its_own_failure_is_not_the_programs(self):
        for answer, why in (("seven", "exit code 7"), ("hang", "wall_ms"), ("kill", "signal 9")):
            with self.subTest(answer):
                job = self.sh("cat", "checked", cases=[
                    {"stdin": "4", "expected_stdout": answer}, {"stdin": "4", "expected_stdout": "even"}])
                self.assertEqual(verdicts(job), ["engine_error", "ok"])
                self.assertEqual(job["verdict"], "engine_error")
                self.assertIn(why, job["error"])
                self.assertIn(why, job["cases"][0]["note"])
                self.assertEqual(job["attempt"], 1)

    def test_files_that_do_not_fit(self):
        job, case = self.check("head -c 3000000 /dev/zero", "even")
        self.assertEqual(case["verdict"], "engine_error")
        self.assertIn("disk_bytes", job["error"])
        self.assertEqual(job["attempt"], 1)

    def test_what_it_prints_is_cut(self):
        _, case = self.check("true", "long")
        self.assertEqual((case["verdict"], len(case["checker_message"])), ("ok", 1024))

    def test_large_output_is_shown_whole(self):
        """More than stays in memory, so that it comes back from the spool's file."""
        job = self.sh("head -c 200000 /dev/zero; exit $1", "checked", cases=[
            {"args": ["sh", n], "expected_stdout": f"size {size}"}
            for n, size in (("0", 200000), ("0", 200000), ("0", 199999), ("5", 200000))])
        self.assertEqual(verdicts(job), ["ok", "ok", "wrong_output", "nonzero_exit"], job.get("error"))

    def test_it_is_asked_only_where_there_is_something_to_judge(self):
        job = self.sh("cat; exit $1", "checked", cases=[
            {"args": ["sh", "1"], "expected_stdout": "even"}, {"args": ["sh", "0"], "stdin": "3"},
            {"args": ["sh", "0"], "stdin": "3", "expected_stdout": "3", "compare": "lines"}])
        self.assertEqual(verdicts(job), ["nonzero_exit", "ok", "ok"])
        for case in job["cases"]:
            self.assertNotIn("checker_message", case)

    def test_stop_on_failure(self):
        job = self.sh("cat", "checked", stop_on_failure=True, cases=[
            {"stdin": n, "expected_stdout": "even"} for n in ("4", "5", "6")])
        self.assertEqual(verdicts(job), ["ok", "wrong_output", None])
        self.assertNotIn("checker_message", job["cases"][2])

    def test_nothing_of_the_job_reaches_it(self):
        """Neither its files, nor what it left running, nor its environment."""
        _, case = self.check(
            "for d in /workspace /tmp /dev/shm; do echo x > $d/left; done; "
            "(trap '' TERM HUP INT; exec sleep 7654) & echo done", "look",
            env={"LD_PRELOAD": "/workspace/left", "OF_THE_JOB": "1"})
        self.assertEqual(case["verdict"], "ok", case)
        said = case["checker_message"]
        self.assertIn("OF_THE_TASK=1", said)
        for word in ("left", "OF_THE_JOB", "LD_PRELOAD", "7654"):
            self.assertNotIn(word, said)


@at_both_levels
class WhileItRuns(Case):
    def shown(self, task, n, **members):
        """The job, as it is shown once n of its cases have ended."""
        job = self.native.accept(task, **members)
        for _ in service.until(30):
            seen = self.native.job(job)
            if len(seen.get("cases", [])) >= n:
                break
        self.assertEqual(seen["state"], "running")
        self.native.call("DELETE", f"/v1/jobs/{job}")
        return seen

    def test_cases_are_seen_when_they_have_ended(self):
        seen = self.shown(
            "sh", 2, args=['echo out; eval "$0"'], stdin="", build={"command": ["/bin/sh", "-c", "echo b"]},
            cases=[{"args": ["true"], "name": "one"}, {"args": ["false"]}, {"args": ["read x; sleep 60"]}, {}])
        self.assertEqual(seen["build"]["verdict"], "ok")
        self.assertEqual([(case["name"], case["verdict"], case["stdout"]["bytes"]) for case in seen["cases"]],
                         [("one", "ok", 4), ("2", "nonzero_exit", 4)])
        self.assertNotIn("content", seen["cases"][0]["stdout"])

    def test_a_case_is_not_seen_before_it_was_judged(self):
        seen = self.shown("checked", 1, args=["cat"], cases=[
            {"stdin": "3", "expected_stdout": "even"}, {"stdin": "4", "expected_stdout": "hold"}])
        self.assertEqual(verdicts(seen), ["wrong_output"])

    def test_a_job_without_cases_shows_none(self):
        job = self.native.accept("sh", args=["sleep 60"])
        self.assertNotIn("cases", self.native.job(job))
        self.native.call("DELETE", f"/v1/jobs/{job}")


class Many(Case):
    level = "sandbox"

    def test_a_thousand(self):
        """Each with its own input, verdict and figures; the answer has all of them, in order."""
        job = self.sh("read n; echo $n; [ $((n % 100)) != 7 ]", cases=[
            {"stdin": f"{n}\n", "expected_stdout": f"{n if n % 10 else 0}\n"} for n in range(1, 1001)])
        self.assertEqual(verdicts(job), [
            "nonzero_exit" if n % 100 == 7 else "ok" if n % 10 else "wrong_output"
            for n in range(1, 1001)])
        self.assertEqual([content(case["stdout"]) for case in job["cases"]],
                         [b"%d\n" % n for n in range(1, 1001)])
        self.assertEqual((job["verdict"], content(job["stdout"])), ("nonzero_exit", b"7\n"))

    def test_words_that_all_share_are_not_copied_for_each(self):
        """4 MiB of arguments of the job, which a thousand cases come to no more memory with."""
        job = self.native.run("sh", args=["exit $(($# % 2))", "sh", *["x" * 100000] * 15],
                              stop_on_failure=True, cases=[{}] * 1000)
        self.assertEqual(verdicts(job)[:2], ["nonzero_exit", None])


@at_both_levels
class BuildCache(Case):
    """A build says when it ran: its words differ from run to run, and what is kept does not."""
    number = 0

    def source(self, script=""):
        """One that nobody has built before."""
        BuildCache.number += 1
        return (f"# {self.level} {BuildCache.number}\ncat /proc/sys/kernel/random/uuid | tee made; echo warn >&2\n"
                f"printf '#!/bin/sh\\ncat made; [ -x main.src ] || echo plain; cat >>seen; cat seen' >program; "
                f"chmod 755 program; mkdir -p deep/er; echo x >deep/er/file\n{script}")

    def build(self, source, task="kept", **members):
        members.setdefault("cases", [{"stdin": "a"}, {"stdin": "b"}])
        job = self.native.run(task, files=[{"name": "main.src", "content": source}], **members)
        return job, job["build"] and job["build"]["cached"]

    def test_the_second_is_not_built(self):
        source = self.source()
        first, cached = self.build(source)
        self.assertEqual((first["verdict"], cached), ("ok", False), first)
        made = content(first["build"]["stdout"])
        second, cached = self.build(source)
        self.assertEqual((second["verdict"], cached), ("ok", True), second)
        for name in ("verdict", "exit_code", "usage", "stdout", "stderr"):
            self.assertEqual(second["build"][name], first["build"][name])
        self.assertEqual([content(case["stdout"]) for case in second["cases"]],
                         [made + b"plain\na", made + b"plain\nab"])
        for job in (first, second):
            self.assertEqual(sorted(file["name"] for file in job["files"]),
                             ["deep/er/file", "made", "main.src", "program", "seen"])

    def test_a_trace_does_not_matter(self):
        source = self.source()
        for cached, span in ((False, "1"), (True, "2")):
            reply = self.native.call("POST", "/v1/jobs?wait=60", {
                "task": "kept", "files": [{"name": "main.src", "content": source}]},
                {"traceparent": f"00-{span * 32}-{span * 16}-01"})
            self.assertEqual(reply.json()["build"]["cached"], cached, reply.text)

    def test_a_job_of_one_case(self):
        source = self.source()
        self.build(source, cases=[{}])
        job = self.native.run("kept", files=[{"name": "main.src", "content": source}], stdin="x")
        self.assertEqual((job["verdict"], job["build"]["cached"], job["cases"]), ("ok", True, []))
        self.assertTrue(content(job["stdout"]).endswith(b"plain\nx"))

    def test_what_cases_do_is_not_kept(self):
        source = self.source()
        self.build(source, cases=[{"stdin": "evil"}])
        job, cached = self.build(source, cases=[{"stdin": ""}])
        self.assertTrue(cached)
        self.assertNotIn(b"evil", content(job["cases"][0]["stdout"]))

    def test_all_that_a_build_hangs_on(self):
        source = self.source()
        self.build(source)
        for change in ({"build": {"limits": {"wall_ms": 9000}}}, {"env": {"X": "1"}},
                       {"build": {"command": ["/bin/sh", "-e", "main.src"]}}):
            with self.subTest(change=change):
                self.assertEqual(self.build(source, **change)[1], False)
        files = [{"name": "main.src", "content": source}]
        for more in ([{"name": "b", "content": ""}], []):
            job = self.native.run("kept", files=[{**files[0], "executable": not more}, *more])
            self.assertEqual(job["build"]["cached"], False, more)
        self.assertEqual(self.build(source, args=["for the cases"])[1], True)

    def test_what_cannot_be_brought_back_is_not_kept(self):
        for script in ("ln -s made link", "ln made hard", "mkfifo pipe", "mkdir empty", "exit 1",
                       "head -c 1100000 /dev/zero"):
            with self.subTest(script):
                source = self.source(script)
                self.build(source)
                self.assertEqual(self.build(source)[1], False)

    def test_a_task_without_one(self):
        source = self.source()
        self.assertEqual([self.build(source, task="build")[1] for _ in range(2)], [False, False])
