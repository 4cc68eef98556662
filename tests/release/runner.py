#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Tests of release_website: runner.py [--filter WORD]. DOCKGATE_BUILD names the build directory.
The last line is "release: N passed, N failed".
"""
import argparse
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def chosen(suite, word):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from chosen(test, word)
        elif word in test.id():
            yield test


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--filter", default="", metavar="WORD")
    word = parser.parse_args().filter
    found = unittest.defaultTestLoader.discover(os.path.dirname(os.path.abspath(__file__)))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(
        unittest.TestSuite(chosen(found, word)))
    # A skipped test is a failed one.
    failed = len(result.failures) + len(result.errors) + len(result.skipped)
    passed = result.testsRun - failed
    print(f"release: {passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
