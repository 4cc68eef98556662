# SPDX-License-Identifier: MIT
"""Sites as dictionaries of path and bytes, and what the tool makes of them."""
import hashlib
import os
import re
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(os.environ.get("DOCKGATE_BUILD", os.path.join(ROOT, "build")), "release_website")
MARK = re.compile(rb"\{\{(.*?)\}\}")


def to_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def write(root, files):
    for path, content in files.items():
        whole = os.path.join(os.fsencode(root), os.fsencode(path))
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "wb") as file:
            file.write(to_bytes(content))


def read(root):
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, root)] = file.read()
    return found


def run(*args, **more):
    """Output is text; bytes that are not UTF-8 come as surrogates."""
    return subprocess.run([TOOL, *args], capture_output=True, text=True, errors="surrogateescape",
                          timeout=120, stdin=subprocess.DEVNULL, check=False, **more)


def is_renamed(path):
    return bool(re.search(r"[^/]\.(css|js)$", path))


class Expected:
    """
    The released site, worked out from bytes in which {{path}} stands for a file's mark. This is
    the rule itself, the other way round: a hash is that of the bytes after marks are filled in.
    """

    def __init__(self, files):
        self.files = {path: to_bytes(content) for path, content in files.items()}
        self.marks = {}

    def mark(self, path):
        if path not in self.marks:
            self.marks[path] = b"_" + hashlib.sha256(self.content(path)).hexdigest().encode()
        return self.marks[path]

    def fill(self, content):
        return MARK.sub(lambda m: self.mark(m.group(1).decode()), content)

    def content(self, path):
        return self.fill(self.files[path])

    def name(self, path):
        if not is_renamed(path):
            return path
        stem, dot = os.path.splitext(path)
        return stem + self.mark(path).decode() + dot

    def site(self):
        return {self.name(path): self.content(path) for path in self.files}


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        made = tempfile.TemporaryDirectory(prefix="release-")
        self.addCleanup(made.cleanup)
        self.src = os.path.join(made.name, "src")
        self.dst = os.path.join(made.name, "dst")
        os.mkdir(self.src)

    def site(self, files):
        write(self.src, files)

    def release(self, *options, status=0):
        done = run(*options, self.src, self.dst)
        self.assertEqual(done.returncode, status, done.stderr)
        if status == 0:
            # A release leaves nothing of its own beside the two.
            self.assertEqual([name for name in os.listdir(os.path.dirname(self.src))
                              if name not in ("src", "dst", "m.json")], [])
        return done

    def refused(self, *options, says=""):
        before = read(self.dst) if os.path.isdir(self.dst) else None
        done = run(*options, self.src, self.dst)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(says, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual(read(self.dst) if os.path.isdir(self.dst) else None, before)
        self.assertEqual([name for name in os.listdir(os.path.dirname(self.src))
                          if name.startswith(".")], [])
        return done

    def check(self, marked, *options, notes=None):
        """`marked` is a site with marks; without them it is what is released."""
        source = {path: MARK.sub(b"", to_bytes(content)) for path, content in marked.items()}
        self.site(source)
        done = self.release(*options)
        self.compare(read(self.dst), Expected(marked).site())
        if notes is not None:
            self.assertEqual(done.stderr.splitlines(), ["release_website: " + n for n in notes])
        return done

    def compare(self, found, expected):
        self.assertEqual(sorted(found), sorted(expected))
        for path, content in expected.items():
            self.assertEqual(found[path], content, path)
