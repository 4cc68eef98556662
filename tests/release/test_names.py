# SPDX-License-Identifier: MIT
"""What files are called, and that names follow what they depend on."""
import hashlib
import json
import os

import tool


def sha(content):
    return hashlib.sha256(tool.to_bytes(content)).hexdigest()


class Names(tool.Case):
    def test_hash_of_the_source(self):
        self.site({"a.js": "alert(1)\n", "lib.min.js": "x", "s/b.css": "p{}", "x.y/.js": "1", ".css": "2",
                   "A.JS": "3", "a.mjs": "4", "a.js.txt": "5", "js": "6", "x..js": "7"})
        self.release()
        self.assertEqual(sorted(tool.read(self.dst)), sorted([
            f"a_{sha('alert(1)' + chr(10))}.js", f"lib.min_{sha('x')}.js", f"s/b_{sha('p{}')}.css", "x.y/.js", ".css",
            "A.JS", "a.mjs", "a.js.txt", "js", f"x._{sha('7')}.js"]))

    def test_files_that_keep_their_names_are_rewritten(self):
        self.check({"a.js": "1", "m.mjs": 'import "./a{{a.js}}.js"', "B.JS": 'import "./a{{a.js}}.js"', "C.CSS": '@import "c{{c.css}}.css"', "c.css": ""})

    def test_changes_go_through(self):
        files = {"c.js": "%s", "b.js": 'import "./c{{c.js}}.js"', "a.js": 'import "./b{{b.js}}.js"', "z.js": "z",
                 "p.html": '<script src="a{{a.js}}.js"></script>'}
        names = []
        for content in ("1", "2"):
            self.site({**{p: tool.MARK.sub(b"", c.encode()) for p, c in files.items()}, "c.js": content})
            self.release()
            expected = tool.Expected({**files, "c.js": content})
            self.compare(tool.read(self.dst), expected.site())
            names.append({path: expected.name(path) for path in files})
        changed = [path for path in files if names[0][path] != names[1][path]]
        self.assertEqual(changed, ["c.js", "b.js", "a.js"])

    def test_a_released_site_again(self):
        self.site({"a.js": "1", "p.html": '<script src="a.js"></script>'})
        self.release()
        first = tool.read(self.dst)
        done = tool.run(self.dst, self.src + "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        again = tool.read(self.src + "2")
        name = f"a_{sha('1')}_{sha('1')}.js"
        self.assertEqual(sorted(again), sorted([name, "p.html"]))
        self.assertNotEqual(first["p.html"], again["p.html"])

    def test_the_same_twice(self):
        self.site({"a.js": 'import "./b.js"', "b.js": "1", "p.html": "<script src=a.js></script>"})
        self.release()
        first = tool.read(self.dst)
        self.release()
        self.assertEqual(tool.read(self.dst), first)


class Circles(tool.Case):
    """Files that refer to each other are named together, as docs/release-website.md says."""

    @staticmethod
    def marks(files, outside=None):
        """files: path to bytes with marks of what is outside filled in and none of the circle's."""
        hashes = {path: hashlib.sha256(content).digest() for path, content in files.items()}
        group = hashlib.sha256(b"".join(path.encode() + b"\0" + hashes[path] for path in sorted(files))).digest()
        return {path: b"_" + hashlib.sha256(group + path.encode()).hexdigest().encode() for path in files}

    def released(self, files, inside):
        expected = tool.Expected(files)
        bare = {}
        for path in inside:
            content = expected.files[path]
            for other in inside:
                content = content.replace(b"{{%s}}" % other.encode(), b"")
            bare[path] = expected.fill(content)
        expected.marks.update(self.marks(bare))
        return expected

    def circle(self, files, inside):
        self.site({path: tool.MARK.sub(b"", tool.to_bytes(content)) for path, content in files.items()})
        self.release()
        expected = self.released(files, inside)
        self.compare(tool.read(self.dst), expected.site())
        return expected

    def test_two(self):
        files = {"a.js": 'import "./b{{b.js}}.js"; import "./c{{c.js}}.js"', "b.js": 'import "./a{{a.js}}.js"', "c.js": "1",
                 "d.js": 'import "./a{{a.js}}.js"', "p.html": '<script src="d{{d.js}}.js"></script>'}
        first = self.circle(files, ["a.js", "b.js"])
        # What the circle depends on, and what is in it, goes through to all of it and above.
        for path, content in (("c.js", "2"), ("b.js", files["b.js"] + ";")):
            second = self.circle({**files, path: content}, ["a.js", "b.js"])
            for other in ("a.js", "b.js", "d.js"):
                self.assertNotEqual(first.name(other), second.name(other))

    def test_itself(self):
        self.circle({"a.js": 'new URL("a{{a.js}}.js", import.meta.url)'}, ["a.js"])

    def test_style_sheets(self):
        self.circle({"a.css": '@import "b{{b.css}}.css"', "b.css": '@import "c{{c.css}}.css"', "c.css": '@import "a{{a.css}}.css"'},
                    ["a.css", "b.css", "c.css"])

    def test_equal_files(self):
        self.circle({"x/a.js": 'import "../y/a{{y/a.js}}.js"', "y/a.js": 'import "../x/a{{x/a.js}}.js"'}, ["x/a.js", "y/a.js"])

    def test_a_long_chain(self):
        files = {f"{i}.js": f'import "./{i + 1}{{{{{i + 1}.js}}}}.js"' for i in range(150)}
        self.check({**files, "150.js": "1"})


class Report(tool.Case):
    def test_lines(self):
        self.site({"a.js": "1", "s/c.css": "p{}", "p.html": '<script src="a.js?v=1&amp;x"></script>\n<link href=/s/c.css>',
                   "s/m.js": 'import "../a.js"'})
        done = self.release()
        a, c = sha("1"), sha("p{}")
        self.assertEqual(done.stdout, f"In p.html: replacing a.js?v=1&amp;x with a_{a}.js?v=1&amp;x\n"
                                      f"In p.html: replacing /s/c.css with /s/c_{c}.css\n"
                                      f"In s/m.js: replacing ../a.js with ../a_{a}.js\n")
        self.assertEqual(self.release("--quiet").stdout, "")

    def test_control_characters(self):
        self.site({"a.js": "1", "p\x1b\n.html": '<script src="\n\x1ba.js\n"></script><script src="\na.js"></script>'})
        self.assertEqual(self.release().stdout,
                         f"In p\\x1b\\x0a.html: replacing \\x0aa.js with \\x0aa_{sha('1')}.js\n".replace(
                             "replacing \\x0aa.js", "replacing \\x0a\\x1ba.js\\x0a", 1).replace(
                             f"with \\x0aa_{sha('1')}.js", f"with \\x0a\\x1ba_{sha('1')}.js\\x0a", 1)
                         + f"In p\\x1b\\x0a.html: replacing \\x0aa.js with \\x0aa_{sha('1')}.js\n")

    def test_notes_of_what_a_script_may_load(self):
        self.check({"a.js": "1", "b.js": "x = 'a.js'", "p.html": '<p>\n<p data-main="a.js" data-x="b.txt" title="a.js">'},
                   notes=["b.js:1: 'a.js' may mean a file that gets a new name; a string without a known use, left as it is",
                          "p.html:2: 'a.js' may mean a file that gets a new name; a string without a known use, left as it is"])

    def test_notes(self):
        files = {"a.js": "1", "p.html": '<p>\n<script src="gone.js"></script><img src="gone.png"><script src="https://e/x.js"></script>'}
        self.check(files, notes=["p.html:2: 'gone.js' is not in the site; left as it is"])
        done = tool.run("--strict", self.src, self.dst)
        self.assertEqual(done.returncode, 1)
        self.assertIn("1 notes, and --strict", done.stderr)


class Manifest(tool.Case):
    def test_names(self):
        self.site({"b.js": "1", "s/ü.css": "2", "p.html": "x"})
        path = os.path.join(os.path.dirname(self.src), "m.json")
        self.release(f"--manifest={path}")
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        self.assertEqual(found, {"b.js": f"b_{sha('1')}.js", "s/ü.css": f"s/ü_{sha('2')}.css"})
        self.assertEqual(list(found), sorted(found))
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.src))), ["dst", "m.json", "src"])

    def test_refused(self):
        self.site({"b.js": "1"})
        self.release()
        self.refused("-m", self.dst + "/m.json", says="lies in DST")
        self.refused("-m", self.dst + "2/m.json", says="m.json: No such file or directory")
        self.refused("-m", self.src, says="Is a directory")

    def test_name_that_is_not_utf8(self):
        tool.write(self.src, {b"\xff.js": "1"})
        self.refused("-m", self.src + ".json", says="has no place in a manifest")
        self.assertFalse(os.path.exists(self.src + ".json"))
        self.release()
        self.assertEqual([os.fsencode(name) for name in os.listdir(self.dst)], [b"\xff_" + sha("1").encode() + b".js"])
