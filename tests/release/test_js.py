# SPDX-License-Identifier: MIT
"""Scripts: strings that load are marked; all others, and comments, are text."""
import tool

A, B, W = "{{a.js}}", "{{d/b.js}}", "{{w.js}}"

# Each is m.js at the root, a module of index.html there; a.js, d/b.js, w.js and a.css are beside it.
SCRIPTS = {
    "import": f'import "./a{A}.js";import \'./d/b{B}.js\'',
    "import default": f'import a from "./a{A}.js"; import b, * as c from "./a{A}.js";',
    "import names": f'import {{ a as b, default as c, "s t" as d, from }} from "./a{A}.js"',
    "import of a name called from": f'import from from "./a{A}.js"',
    "import over lines": f'import {{\r\n  a, // "./a.js"\r\n  b /* from "./a.js" */\r\n}}\r\nfrom\r\n"./a{A}.js"\r\n',
    "import without blanks": f'import{{a}}from"./a{A}.js";import*as b from"./d/b{B}.js";',
    "import with a type": f'import s from "./a{{{{a.css}}}}.css" with {{ type: "css" }};',
    "import with an assertion": f'import s from "./a{{{{a.css}}}}.css" assert {{ type: "css" }};',
    "import by phase": f'import defer * as a from "./a{A}.js"; import source b from "./a{A}.js";',
    "export": f'export * from "./a{A}.js"; export * as n from "./a{A}.js"; export {{ a, b as "c" }} from \'./a{A}.js\';',
    "export of nothing": 'export { a }; const from = "./q.txt"; export default "./q.txt"; export const x = {};',
    "dynamic": f'import("./a{A}.js"); await import ( \'./d/b{B}.js\' , {{}}); x.then(() => import(`./a{A}.js`))',
    "dynamic with a comment": f'import(/* "./a.js" */ "./a{A}.js" /* x */)',
    "dynamic, put together": f'import("./" + "a" + "{A}.js"); import("./a{A}." + \'js\')',
    "dynamic, from the root": f'import("/d/b{B}.js?x#y")',
    "escapes": f'import("./\\x61{A}.js"); import("./\\u0061{A}.js"); import("./\\u{{61}}{A}\\x2ejs"); import(".\\/a{A}.js")',
    "a line continued": f'import("./a\\\n{A}.js")',
    "meta resolve": f'import.meta.resolve("./a{A}.js")',
    "URL": f'new URL("a{A}.js", import.meta.url); new URL(\'./d/b{B}.js\',import.meta.url).href',
    "URL of the script": f'new URL("a{A}.js", document.currentScript.src)',
    "URL of the page": f'new URL("a{A}.js", document.baseURI); new URL("a{A}.js", location.href)',
    "worker": f'new Worker("w{W}.js"); new Worker("./w{W}.js", {{ type: "module" }}); new window.SharedWorker(\'/w{W}.js\')',
    "worker by URL": f'new Worker(new URL("w{W}.js", import.meta.url), {{ type: "module" }})',
    "service worker": f'navigator.serviceWorker.register("/w{W}.js", {{ scope: "/" }}); navigator.serviceWorker?.register("w{W}.js")',
    "worklet": f'CSS.paintWorklet.addModule("w{W}.js"); ctx.audioWorklet.addModule(new URL("w{W}.js", import.meta.url))',
    "importScripts": f'importScripts("a{A}.js", "d/b{B}.js"); self.importScripts("a{A}.js")',
    "fetch": f'fetch("a{A}.js"); window.fetch("/a{A}.js", {{}}); new Request("a{A}.js"); x.open("GET", "a{A}.js", true)',
    "element": f's.src = "a{A}.js"; l.href = "a{{{{a.css}}}}.css"\ns.setAttribute("src", "a{A}.js"); l.setAttribute(\'HREF\', "a{A}.js")',
    "element in an expression": f'(s.src = "a{A}.js", t)',
    "cache": f'caches.open("v1").then(c => c.addAll(["a{A}.js", \'/d/b{B}.js?x\', `w{W}.js`,]))',
    "written": f'document.write("<script src=\\"a{A}.js\\"><\\/script>"); document.writeln(\'<link href="/a{{{{a.css}}}}.css">\');'
               f'window.j || document.write(\'<scr\' + \'ipt src="a{A}.js"></scr\' + \'ipt>\')',
    "inner HTML": f'x.innerHTML = "<link rel=stylesheet href=a{{{{a.css}}}}.css>"; x.innerHTML += `<img src="a{A}.js">`\n'
                  f'x.insertAdjacentHTML("beforeend", "<p style=\'background:url(a{{{{a.css}}}}.css)\'>")',
    "source map": f'import "./a{A}.js"\n//# sourceMappingURL=m.js.map',
    "source map that is a script": f'x\n//# sourceMappingURL=a{A}.js',
    "not of this kind": 'obj.import("./q"); x.export; a.fetch("q"); function fetch(q) {} ; Worker("q"); new Foo("q"); write("q")',
    "property names": 'x = { import: "./q", export: "./q", from: "q" }; x.import = "./q"; ({ "import"() {} })',
    "computed": 'import(x); import("./" + x + ".q"); import(`./${x}.q`); s.src = "q" + x; fetch(y + "q"); new URL("q", x)',
    "comments": '// import "./a.js"\n/* import("./a.js") */ /** new Worker("w.js") */\n<!-- import "./a.js"\n--> import "./a.js"\n',
    "hashbang": f'#!/usr/bin/node "./a.js"\nimport "./a{A}.js"',
    "strings": '"import \\"./a.js\\""; \'import("./a.js")\'; `import "./a.js"`; "/* import"; "*/"; \'//\'; x',
    "template": f'`x ${{ import("./a{A}.js") }} y ${{ `z ${{ import("./d/b{B}.js") }}` }} import("./a.js") ${{ {{}} }}`',
    "expressions": f'/import("a")/.test(x); x = /[/"]/; if (x) /"/.test(y); return /\'/g; x = a / b / c; import("./a{A}.js")',
    "division": f'a = b / 2; "x" / import("./a{A}.js") / 1; (a) / "./q" / b; a[0] / "q" /i; x++ / "q" / 2',
    "expression after a block": f'function f() {{}} /"/.test(x); if (a) {{ }} /\'/.test(b); import("./a{A}.js")',
    "expression after an arrow": f'x => /"/; (a, b) => {{ return /`/ }}; import("./a{A}.js")',
    "division after an object": f'x = {{ a: 1 }} / 2; y = "./q" / 2; import("./a{A}.js")',
    "class": f'class A {{ #p = 1; static {{ /"/ }} import() {{ return import("./a{A}.js") }} get from() {{}} }}',
    "optional": f'a?.b; a ?.5 : 1; a ?? b; import("./a{A}.js")',
    "old octal": f'"\\101\\0"; import("./\\141{A}.js")',
    "names outside ASCII": f'const ü = 1, \\u0061b = 2; import("./a{A}.js")',
    "a string that its line ends": f'x = "\nimport("./a{A}.js")\n',
    "not ended": f'import("./a{A}.js"); x = `y',
    "comment not ended": f'import("./a{A}.js"); /* ',
    "broken": f'}})]] import("./a{A}.js") {{{{(([[ `${{',
    "byte order mark": f'\ufeffimport "./a{A}.js"',
    "CRLF": f'import "./a{A}.js"\r\nimport "./d/b{B}.js"\r\n',
    "line separators": f'import "./a{A}.js"\u2028import "./d/b{B}.js"',
    "nothing": "",
    "bytes": b'"\xff\xfe\0"; import("./a{{a.js}}.js") \xc3',
}


class Scripts(tool.Case):
    SITE = {"a.js": "export default 1", "d/b.js": "2", "w.js": "3", "a.css": "p{}", "m.js.map": "{}"}


def add(name, script):
    def test(self):
        self.check({**self.SITE, "m.js": script,
                    "index.html": '<script type=module src="m{{m.js}}.js"></script>'})
    setattr(Scripts, "test_" + "".join(c if c.isalnum() else "_" for c in name), test)


for _name, _script in SCRIPTS.items():
    add(_name, _script)


class WhereItRuns(tool.Case):
    """Imports are relative to the script; what a script asks for is relative to its page or worker."""

    def test_imports_and_workers(self):
        self.check({
            "w.js": "1", "js/w.js": "2", "js/n.js": "3",
            "js/m.js": 'import "./n{{js/n.js}}.js"; new Worker("w{{w.js}}.js"); new URL("w{{js/w.js}}.js", import.meta.url)',
            "p.html": '<script type=module src="js/m{{js/m.js}}.js"></script>'})

    def test_through_imports(self):
        self.check({
            "w.js": "1", "js/w.js": "2", "js/n.js": 'fetch("w{{w.js}}.js")', "js/m.js": 'import "./n{{js/n.js}}.js"',
            "p.html": '<script type=module src="js/m{{js/m.js}}.js"></script>'})

    def test_in_a_worker(self):
        self.check({
            "x.js": "1", "js/x.js": "2",
            "js/w.js": 'importScripts("x{{js/x.js}}.js"); fetch("/x{{x.js}}.js"); importScripts("lib/l{{js/lib/l.js}}.js")',
            "js/lib/l.js": 'importScripts("x{{js/x.js}}.js")',
            "p.html": '<script>new Worker("js/w{{js/w.js}}.js")</script>'})

    def test_page_with_a_base(self):
        self.check({
            "x.js": "1", "b/x.js": "2", "m.js": 'fetch("x{{b/x.js}}.js")',
            "p.html": '<base href="/b/"><script src="/m{{m.js}}.js"></script>'})

    def test_no_page_is_known(self):
        self.check({"js/a.js": 'fetch("b{{js/b.js}}.js"); fetch("c{{c.js}}.js")', "js/b.js": "1", "b.js": "2", "c.js": "3"})

    def test_pages_agree(self):
        self.check({
            "js/w.js": "1", "m.js": 'fetch("/js/w{{js/w.js}}.js"); fetch("js/w{{js/w.js}}.js")',
            "p.html": '<script src="m{{m.js}}.js"></script>', "s/p.html": '<script src="../m{{m.js}}.js"></script>'})

    def test_pages_disagree(self):
        self.site({"w.js": "1", "s/w.js": "2", "m.js": '\n\nfetch("w.js")',
                   "p.html": '<script src="m.js"></script>', "s/p.html": '<script src="../m.js"></script>'})
        self.refused(says="m.js:3: 'w.js' means w.js or s/w.js")


class ServiceWorkers(tool.Case):
    """Every string that is a file's whole address counts in a service worker."""

    SITE = {"js/a.js": "1", "c.css": "p{}", "d e.js": "2"}
    LIST = ('const FILES = ["/", "/p.html", "js/a{{js/a.js}}.js", \'/c{{c.css}}.css?v=1\', "./c{{c.css}}.css", "x.js", "d e{{d e.js}}.js"];\n'
            'if (url.pathname === "/js/a{{js/a.js}}.js") x(`c{{c.css}}.css`); // "c.css"\n')

    def test_registered_by_a_page(self):
        self.check({**self.SITE, "sw.js": self.LIST, "p.html": '<script>navigator.serviceWorker.register("sw{{sw.js}}.js")</script>'},
                   notes=[])

    def test_registered_by_a_script(self):
        self.check({**self.SITE, "sw.js": self.LIST, "m.js": 'navigator.serviceWorker.register("/sw{{sw.js}}.js")'})

    def test_what_it_imports(self):
        self.check({**self.SITE, "sw.js": 'importScripts("list{{list.js}}.js")', "list.js": self.LIST,
                    "m.js": 'navigator.serviceWorker.register("/sw{{sw.js}}.js")'})

    def test_another_script(self):
        self.check({"js/a.js": "1", "m.js": '\nx = ["js/a.js", "none.js"]'},
                   notes=["m.js:2: 'js/a.js' may mean a file that gets a new name; a string without a known use, "
                          "left as it is"])


class ImportMaps(tool.Case):
    def test_addresses_and_keys(self):
        self.check({
            "v/lib.js": "1", "a.js": "2", "b.js": "3", "m.js": 'import "lib"; import "lib2"; import "./a{{a.js}}.js"; import "nowhere"',
            "p.html": '<script type="importmap">\r\n{ "imports": { "lib": "./v/lib{{v/lib.js}}.js", "lib2": "\\/b{{b.js}}.js",\r\n'
                      '"./a{{a.js}}.js": "./b{{b.js}}.js", "out": "https://e/x.js" } }\r\n</script>'
                      '<script type=module>import "lib"; import("./m{{m.js}}.js")</script>'})

    def test_prefix(self):
        self.check({
            "v/x/y.js": "1", "v/z.js": "2",
            "m.js": 'import "lib/x/y{{v/x/y.js}}.js"; import "/old/z{{v/z.js}}.js"; import "lib/z.js"; import "lib/none.js"',
            "p.html": '<script type="importmap">{"imports": {"lib/": "/v/", "/old/": "./v/", "lib/z.js": "/v/z{{v/z.js}}.js"}}</script>'})

    def test_scopes(self):
        self.check({
            "v1/l.js": "1", "v2/l.js": "2", "m.js": 'import "l/l{{v1/l.js}}.js"', "old/m.js": 'import "l/l{{v2/l.js}}.js"',
            "p.html": '<script type="importmap">{"imports": {"l/": "/v1/"}, "scopes": {"/old/": {"l/": "/v2/"}}}</script>'})

    def test_pages_disagree(self):
        self.site({"v1/l.js": "1", "v2/l.js": "2", "m.js": 'import "l/l.js"',
                   "p.html": '<script type="importmap">{"imports": {"l/": "/v1/"}}</script>',
                   "q.html": '<script type="importmap">{"imports": {"l/": "/v2/"}}</script>'})
        self.refused(says="m.js:1: 'l/l.js' means different files by the import maps of")

    def test_pages_disagree_about_words(self):
        """No matter: the word stays, each page has its address."""
        self.check({"v1.js": "1", "v2.js": "2", "m.js": 'import "l"',
                    "p.html": '<script type="importmap">{"imports": {"l": "/v1{{v1.js}}.js"}}</script>',
                    "q.html": '<script type="importmap">{"imports": {"l": "/v2{{v2.js}}.js"}}</script>'})

    def test_no_json(self):
        self.check({"a.js": "1", "p.html": '\n<script type="importmap">{"imports": {"a": "/a.js",}}</script>'},
                   notes=["p.html:2: import map is not JSON; left as it is"])
