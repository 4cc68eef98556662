#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Runs the integration tests and counts them.

	runner.py [--filter WORD]... [--list] [--failfast] [--tests DIR]

Each WORD is part of the name of the tests to run ("test_files", "fault_07"). A skipped test is
a failed one, except where tests/machine-dependent.tsv names it: those are "not applicable".
Exit status: 0 all passed, 1 something failed, 2 wrong use.
"""
import argparse
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(os.path.dirname(HERE), "machine-dependent.tsv")
sys.path.insert(0, HERE)


def machine_dependent(path=TABLE):
    """Names in the first column of the table; lines that begin with # are words about it."""
    if not os.path.exists(path):
        return set()
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file]
    return {line.split("\t")[0] for line in lines if line and not line.startswith("#")}


class Result(unittest.TextTestResult):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = 0
        self.not_applicable = 0
        self.allowed = machine_dependent()

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        self.passed += 1
        if self.showAll:
            self.stream.write(f"({time.monotonic() - self.began:.1f} s) ")
        super().addSuccess(test)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)

    def addSkip(self, test, reason):
        names = {test.id(), test.id().split(".", 1)[-1], test.id().rsplit(".", 1)[-1]}
        if names & self.allowed:
            self.not_applicable += 1
            super().addSkip(test, reason)
        else:
            self.addFailure(test, (AssertionError, AssertionError(f"skipped: {reason}"), None))


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def chosen(words, directory):
    found = unittest.defaultTestLoader.discover(directory, "test_*.py")
    tests = list(flatten(found))
    # A module that cannot be imported stands in the list as a test that fails.
    return [t for t in tests
            if not words or any(w in t.id() for w in words) or "_FailedTest" in t.id()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--filter", action="append", default=[], metavar="WORD")
    parser.add_argument("--list", action="store_true", help="print the names, run nothing")
    parser.add_argument("--failfast", action="store_true")
    parser.add_argument("--tests", default=HERE, metavar="DIR", help="where they are")
    options = parser.parse_args()
    tests = chosen(options.filter, options.tests)
    if options.list:
        print("\n".join(t.id() for t in tests))
        return 0
    for word in options.filter:
        if not any(word in t.id() for t in tests):
            print(f"integration: no test has '{word}' in its name", file=sys.stderr)
            return 2
    if not tests:
        print("integration: there is no test", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("integration: needs root, as the service does", file=sys.stderr)
        return 2
    import service
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result,
                                     failfast=options.failfast)
    result = runner.run(unittest.TestSuite(tests))
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    try:
        service.close_shared()
    except AssertionError as e:
        print(f"FAIL: the shared service: {e}")
        failed += 1
    print(f"integration: {result.passed} passed, {failed} failed, "
          f"{result.not_applicable} not applicable", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
