# SPDX-License-Identifier: MIT
"""The tree itself: what is copied how, what is refused, and that DST is there as a whole or not at all."""
import os
import re
import signal
import socket
import stat
import subprocess
import sys

import tool

PAGE = {"a.js": "1", "p.html": '<script src="a.js"></script>'}


class Copies(tool.Case):
    def test_all_of_it(self):
        self.site({".hidden/.x": "1", "deep/er/x.bin": bytes(range(256)) * 5000, "empty": ""})
        os.makedirs(self.src + "/nothing/in/it")
        os.chmod(self.src + "/empty", 0o640)
        os.chmod(self.src + "/nothing/in", 0o750)
        os.utime(self.src + "/empty", (1, 1000000000))
        self.release()
        self.compare(tool.read(self.dst), {".hidden/.x": b"1", "deep/er/x.bin": bytes(range(256)) * 5000, "empty": b""})
        self.assertTrue(os.path.isdir(self.dst + "/nothing/in/it"))
        self.assertEqual(stat.S_IMODE(os.stat(self.dst + "/empty").st_mode), 0o640)
        self.assertEqual(stat.S_IMODE(os.stat(self.dst + "/nothing/in").st_mode), 0o750)
        self.assertEqual(os.stat(self.dst + "/empty").st_mtime, 1000000000)

    def test_no_setuid(self):
        self.site({"x": "1"})
        os.chmod(self.src + "/x", 0o6755)
        self.release()
        self.assertEqual(stat.S_IMODE(os.stat(self.dst + "/x").st_mode), 0o755)

    def test_empty_site(self):
        self.release()
        self.assertEqual(tool.read(self.dst), {})

    def test_odd_names(self):
        names = [b"a b.js", b"'\"&.js", b"-n.css", b"%41.js", b"\xff\xfe.js", b"x\n.css", b"a?b#c.js", b"\\.js", b"$(x).js"]
        tool.write(self.src, {name: b"x" + name for name in names})
        self.site({"p.html": '<script src="a%20b.js"></script><script src="%2541.js"></script><script src="%ff%FE.js">'
                             '</script><script src="a%3Fb%23c.js"></script><script src="%5c.js"></script>'
                             "<script src='&apos;&quot;&amp;.js'></script>"})
        self.release()
        expected = {name: tool.hashlib.sha256(b"x" + name).hexdigest().encode() for name in names}
        found = [os.fsencode(name) for name in os.listdir(self.dst)]
        self.assertEqual(sorted(found), sorted([b"p.html"] + [b"%s_%s%s" % (os.path.splitext(name)[0], mark, os.path.splitext(name)[1])
                                                              for name, mark in expected.items()]))
        mark = lambda name: "_" + expected[name].decode()
        with open(self.dst + "/p.html", encoding="utf-8") as file:
            self.assertEqual(file.read(), f'<script src="a%20b{mark(b"a b.js")}.js"></script><script src="%2541{mark(b"%41.js")}.js">'
                             f'</script><script src="%ff%FE{mark(bytes([255, 254]) + b".js")}.js"></script>'
                             f'<script src="a%3Fb%23c{mark(b"a?b#c.js")}.js"></script><script src="%5c{mark(bytes([92]) + b".js")}.js"></script>'
                             f"<script src='&apos;&quot;&amp;{mark(names[1])}.js'></script>")


class Links(tool.Case):
    def test_inside(self):
        self.site({"a.js": "1", "d/b.js": "2", "p.html": ""})
        os.symlink("a.js", self.src + "/l.js")
        os.symlink("d", self.src + "/e")
        tool.write(self.src, {"p.html": '<script src="l.js"></script><script src="e/b.js"></script>'})
        self.release()
        self.assertEqual([path for path in tool.read(self.dst) if os.path.islink(os.path.join(self.dst, path))], [])
        self.compare(tool.read(self.dst), tool.Expected({
            "a.js": "1", "l.js": "1", "d/b.js": "2", "e/b.js": "2",
            "p.html": '<script src="l{{l.js}}.js"></script><script src="e/b{{e/b.js}}.js"></script>'}).site())

    def test_outside(self):
        self.site(PAGE)
        os.symlink("/etc/passwd", self.src + "/x.txt")
        self.refused(says="x.txt: a symbolic link that leads out of the site")

    def test_beside(self):
        """A directory whose name begins with the site's is not in it."""
        self.site(PAGE)
        tool.write(self.src + "2", {"x": "secret"})
        os.symlink("../src2/x", self.src + "/x.txt")
        self.refused(says="leads out of the site")

    def test_nowhere(self):
        os.symlink("gone", self.src + "/x.txt")
        self.refused(says="x.txt: symbolic link: No such file or directory")

    def test_loops(self):
        os.mkdir(self.src + "/d")
        os.symlink("..", self.src + "/d/up")
        self.refused(says="d/up: a symbolic link to a directory above")


class Refused(tool.Case):
    def setUp(self):
        super().setUp()
        tool.write(self.dst, {"old": "kept"})

    def test_missing(self):
        os.rmdir(self.src)
        self.refused(says="No such file or directory")

    def test_a_file(self):
        os.rmdir(self.src)
        with open(self.src, "w", encoding="utf-8"):
            pass
        self.refused(says="Not a directory")

    def test_special_files(self):
        os.mkfifo(self.src + "/f")
        self.refused(says="f: neither a file nor a directory")
        os.unlink(self.src + "/f")
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(self.src + "/s")
            self.refused(says="s: neither a file nor a directory")

    def test_utf16(self):
        self.site({"p.html": "\ufeff<p>".encode("utf-16-le")})
        self.refused(says="p.html:1: UTF-16 is not read; store it as UTF-8")

    def test_long_name(self):
        self.site({"x" * 200 + ".js": "1"})
        self.refused(says="its new name would have 268 bytes")

    def test_name_of_a_directory(self):
        self.site({"a.js": "1", f"a_{tool.hashlib.sha256(b'1').hexdigest()}.js/x": "2"})
        self.refused(says="a.js: its new name is that of a directory")

    def test_unreadable(self):
        """As a user who may not read it."""
        self.site({**PAGE, "x.txt": "1"})
        top = os.path.dirname(self.src)
        for path in (top, self.src, self.dst):
            os.chmod(path, 0o777)
        for name in ("x.txt", "a.js"):
            os.chmod(os.path.join(self.src, name), 0)
            done = tool.run(self.src, self.dst, **({"user": 65534, "group": 65534, "extra_groups": []}
                                                   if os.getuid() == 0 else {}))
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{name}: ", done.stderr)
            self.assertIn("Permission denied", done.stderr)
            self.assertEqual(tool.read(self.dst), {"old": b"kept"})
            self.assertEqual(sorted(os.listdir(top)), ["dst", "src"])
            os.chmod(os.path.join(self.src, name), 0o644)

    def test_dst(self):
        self.site(PAGE)
        for dst, says in ((self.src, "lies in SRC"), (self.src + "/x", "lies in SRC"),
                          (os.path.dirname(self.src), "SRC lies in it"), ("/", "SRC lies in it"),
                          (self.dst + "/old", "is no directory"), (self.dst + "/no/where", "No such file"),
                          ("", "No such file")):
            done = tool.run(self.src, dst)
            self.assertEqual(done.returncode, 1, dst)
            self.assertIn(says, done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertEqual(tool.read(self.dst), {"old": b"kept"})
        self.assertEqual(sorted(tool.read(self.src)), sorted(PAGE))

    def test_parent_cannot_be_written(self):
        self.site(PAGE)
        if os.getuid() == 0:
            os.chmod(os.path.dirname(self.src), 0o755)
            os.chmod(self.dst, 0o777)
            done = tool.run(self.src, self.dst, user=65534, group=65534, extra_groups=[])
        else:
            os.chmod(os.path.dirname(self.src), 0o555)
            done = tool.run(self.src, self.dst)
            os.chmod(os.path.dirname(self.src), 0o755)
        self.assertEqual(done.returncode, 1)
        self.assertIn("a directory beside", done.stderr)
        self.assertEqual(tool.read(self.dst), {"old": b"kept"})

    def test_full_output(self):
        """Nothing is swapped in if the lines cannot be written."""
        self.site(PAGE)
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([tool.TOOL, self.src, self.dst], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output: No space left", done.stderr)
        self.assertEqual(tool.read(self.dst), {"old": b"kept"})
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.src))), ["dst", "src"])

    def test_closed_pipe(self):
        self.site(PAGE)
        out, end = os.pipe()
        os.close(out)
        done = subprocess.run([tool.TOOL, self.src, self.dst], stdout=end, stderr=subprocess.PIPE, check=False)
        os.close(end)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(tool.read(self.dst), {"old": b"kept"})

    def test_ended_by_a_signal(self):
        """While it waits to write its lines all is built; the signal ends it without a trace."""
        page = "".join(f'<script src="a.js?{i}"></script>' for i in range(2000))
        self.site({"a.js": "1", "p.html": page})
        with subprocess.Popen([tool.TOOL, self.src, self.dst], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.read(1)
            process.send_signal(signal.SIGTERM)
            _, error = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"ended by signal 15", error)
        self.assertEqual(tool.read(self.dst), {"old": b"kept"})
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.src))), ["dst", "src"])


class Swaps(tool.Case):
    def test_what_was_there_is_replaced(self):
        self.site(PAGE)
        tool.write(self.dst, {"old": "1", "a.js": "2"})
        os.chmod(self.dst, 0o750)
        self.release()
        self.assertEqual(len(tool.read(self.dst)), 2)
        self.assertNotIn("old", tool.read(self.dst))
        self.assertEqual(stat.S_IMODE(os.stat(self.dst).st_mode), 0o750)
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.src))), ["dst", "src"])

    def test_backup(self):
        self.site(PAGE)
        for old in ("1", "2"):
            tool.write(self.dst, {"old": old})
            done = tool.run("--backup", self.src, self.dst)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(tool.read(self.dst + "~")["old"], old.encode())
            self.assertEqual(sorted(os.listdir(os.path.dirname(self.src))), ["dst", "dst~", "src"])

    def test_backup_that_cannot_be(self):
        """What was there stays if it cannot be kept elsewhere: here DST~ is another user's."""
        self.assertEqual(os.getuid(), 0, "this needs root")
        self.site(PAGE)
        tool.write(self.dst, {"old": "1"})
        tool.write(self.dst + "~", {"older": "1"})
        os.chmod(os.path.dirname(self.src), 0o1777)
        for path in (self.src, self.dst, self.dst + "/old"):
            os.chown(path, 65534, 65534)
        done = tool.run("--backup", self.src, self.dst, user=65534, group=65534, extra_groups=[])
        self.assertEqual(done.returncode, 1)
        self.assertIn("dst~: ", done.stderr)
        self.assertEqual(tool.read(self.dst), {"old": b"1"})
        self.assertEqual(tool.read(self.dst + "~"), {"older": b"1"})
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.src))), ["dst", "dst~", "src"])

    def test_a_link_is_followed(self):
        self.site(PAGE)
        tool.write(self.src + "-live", {"old": "1"})
        os.symlink("src-live", self.dst)
        done = tool.run(self.src, self.dst)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(os.path.islink(self.dst))
        self.assertEqual(len(tool.read(self.src + "-live")), 2)

    def test_read_only_directories(self):
        self.site({"d/x": "1"})
        os.chmod(self.src + "/d", 0o555)
        self.release()
        self.release()
        os.chmod(self.src + "/d", 0o755)
        self.assertEqual(tool.read(self.dst), {"d/x": b"1"})
        os.chmod(self.dst + "/d", 0o755)

    def test_relative_paths(self):
        self.site(PAGE)
        done = tool.run("src", "dst//", cwd=os.path.dirname(self.src))
        self.assertEqual(done.returncode, 0, done.stderr)
        done = tool.run(".", "../dst", cwd=self.src)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(tool.read(self.dst)), 2)

    def test_dry_run(self):
        self.site(PAGE)
        done = self.release("--dry-run")
        self.assertIn("In p.html: replacing a.js with a_", done.stdout)
        self.assertFalse(os.path.exists(self.dst))
        self.assertEqual(os.listdir(os.path.dirname(self.src)), ["src"])


class CommandLine(tool.Case):
    def test_help_and_version(self):
        self.assertRegex(tool.run("--version").stdout, r"^release_website \(dockgate\) \d")
        text = tool.run("-h").stdout
        self.assertTrue(text.startswith("Usage: release_website"))
        with open(os.path.join(tool.ROOT, "docs/man/release_website.1.scd"), encoding="utf-8") as file:
            page = file.read()
        options = re.findall(r"--[a-z-]+", text)
        self.assertGreater(len(options), 5)
        for option in options:
            self.assertIn(f"*{option}*", page)

    def test_wrong_use(self):
        for args in ([], ["a"], ["a", "b", "c"], ["--wrong", "a", "b"], ["-m"]):
            done = tool.run(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn("Try 'release_website --help'.", done.stderr)
        self.site(PAGE)
        for url in ("example.org", "ftp://x/", "https://", "https://x/?a"):
            self.refused(f"--base-url={url}", says=f"'{url}'")

    def test_options_behind(self):
        self.site(PAGE)
        done = tool.run(self.src, self.dst, "-nq")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        done = tool.run("--", self.src, self.dst)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    sys.exit("use runner.py")
