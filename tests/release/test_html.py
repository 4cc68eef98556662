# SPDX-License-Identifier: MIT
"""Pages: what a browser resolves is marked, and no other byte changes."""
import base64
import hashlib

import tool

JS, CSS = "{{a.js}}", "{{a.css}}"
DEEP = "{{js/b.js}}"

# Each is a page at the root; the site has a.js, a.css, js/b.js, "js/ü x.js" and page.html.
PAGES = {
    "double quotes": f'<script src="a{JS}.js"></script>',
    "single quotes": f"<script src='a{JS}.js'></script>",
    "no quotes": f"<script src=a{JS}.js></script>",
    "no quotes, closed at once": f"<link rel=stylesheet href=a{CSS}.css />",
    "blanks around the sign": f'<script src \n =\t "a{JS}.js"></script>',
    "upper case": f'<SCRIPT SRC="a{JS}.js"></SCRIPT>',
    "blanks in the value": f'<script src=" \n a{JS}.js\t "></script>',
    "a new line in the name": f'<script src="js/\nb{DEEP}.js"></script>',
    "several in a line": f'<script src="a{JS}.js"></script><script src="js/b{DEEP}.js"></script>'
                         f'<link href="a{CSS}.css" rel="stylesheet"><script src="a{JS}.js"></script>',
    "query": f'<script src="a{JS}.js?v=1.js"></script>',
    "fragment": f'<script src="a{JS}.js#x.js"></script>',
    "query and fragment": f'<script src="a{JS}.js?v=1&amp;w=a.js#y?z"></script>',
    "from the root": f'<script src="/a{JS}.js"></script>',
    "dot": f'<script src="./a{JS}.js"></script>',
    "up and down": f'<script src="js/../a{JS}.js"></script>',
    "above the root": f'<script src="../../a{JS}.js"></script>',
    "two slashes inside": f'<script src="js//b{DEEP}.js"></script>',
    "backslash": f'<script src="js\\b{DEEP}.js"></script>',
    "percent": f'<script src="%61{JS}.js"></script>',
    "percent for the dot": f'<script src="a{JS}%2ejs"></script>',
    "percent for dots": f'<script src="js/%2e%2E/a{JS}.js"></script>',
    "encoded slash is none": '<script src="js%2Fb.js"></script>',
    "UTF-8 and blank": '<script src="js/ü x{{js/ü x.js}}.js"></script>',
    "UTF-8 and blank, encoded": '<script src="js/%C3%BC%20x{{js/ü x.js}}.js"></script>',
    "named entity": '<script src="js/&uuml; x{{js/ü x.js}}.js"></script>',
    "named entity without an end": '<script src="js/&uuml x{{js/ü x.js}}.js"></script>',
    "numbers": f'<script src="&#97;{JS}&#x2e;js"></script>',
    "number without an end": f'<script src="&#97{JS}.js"></script>',
    "period by name": f'<script src="a{JS}&period;js"></script>',
    "slash by name": f'<script src="js&sol;b{DEEP}.js"></script>',
    "ampersands that are none": f'<script src="a{JS}.js?a&b&copy=1&c;&#"></script>',
    "link rels": f'<link rel=preload as=style href="a{CSS}.css">'
                 f'<link rel=modulepreload href="a{JS}.js"><link rel=prefetch href="a{JS}.js">'
                 f'<link rel="alternate stylesheet" href="a{CSS}.css">',
    "links": f'<a href="a{JS}.js">x</a><map><area href="js/b{DEEP}.js"></map>',
    "embedded": f'<iframe src="a{JS}.js"></iframe><embed src="a{JS}.js"><object data="a{JS}.js">'
                f'</object><frameset></frameset>',
    "media": f'<video src="a{JS}.js" poster="a{CSS}.css"><source src="a{JS}.js"><track src="a{JS}.js">'
             f'</video><audio src="a{JS}.js"></audio>',
    "images": f'<img src="a{JS}.js" alt="a.js"><input type=image src="a{JS}.js">',
    "srcset": f'<img srcset="a{JS}.js, a{CSS}.css 2x,js/b{DEEP}.js 3x, x.png 100w">'
              f'<picture><source srcset="a{JS}.js"></picture>'
              f'<link rel=preload as=image imagesrcset="a{JS}.js 1x,a{CSS}.css 2x" href=x.png>',
    "forms": f'<form action="a{JS}.js"><button formaction="a{JS}.js"></button>'
             f'<input formaction="a{JS}.js"></form>',
    "svg": f'<svg><image href="a{JS}.js"/><use xlink:href="a{JS}.js#x"/><script href="a{JS}.js"/>'
           f'<script xlink:href="js/b{DEEP}.js"></script><a href="a{JS}.js"></a></svg>',
    "svg style": f'<svg><style>@import "a{CSS}.css";</style>'
                 f'<style><![CDATA[ @import "a{CSS}.css"; ]]></style></svg>',
    "refresh": f'<meta http-equiv="Refresh" content="5; URL=\'a{JS}.js\'">'
               f'<meta http-equiv=refresh content="0;a{JS}.js"><meta http-equiv=refresh content=5>',
    "style attribute": f'<p style="background: url(a{CSS}.css); --x: \'a.css\'">',
    "style attribute with entities": f'<p style="background: url(&quot;a{CSS}.css&quot;)">',
    "style element": f'<style>@import url(a{CSS}.css);\n/* url(a.css) */ p {{ content: "url(a.css)" }}</style>',
    "style with children's signs": f'<style>a > b {{ background: url("a{CSS}.css") }}</style>',
    "inline module": f'<script type="module">import x from "./a{JS}.js"; // "./a.js"\n</script>',
    "inline classic": f'<script>import("./js/b{DEEP}.js"); new Worker("a{JS}.js")</script>',
    "inline script with signs": f'<script>if (1<2 && 3>2) import(\'./a{JS}.js\')</script>',
    "handler": f'<p onclick="import(&quot;./a{JS}.js&quot;)" onload=\'new Worker("a{JS}.js")\'>',
    "template": f'<template><script src="a{JS}.js"></script><template><link href="a{CSS}.css">'
                f'</template></template>',
    "noscript": f'<noscript><link rel=stylesheet href="a{CSS}.css"></noscript>',
    "srcdoc": f'<iframe srcdoc="<script src=a{JS}.js></script><p style=\'background:url(&quot;a{CSS}'
              f'.css&quot;)\'>"></iframe>',
    "srcdoc, quoted twice": f'<iframe srcdoc="&lt;script src=&quot;a{JS}.js?a&amp;amp;b&quot;&gt;&lt;/script&gt;">'
                            f'</iframe>',
    "prose and other attributes": '<p title="a.js" data-src="a.js" alt="a.css">src="a.js" <!-- <script '
                                  'src="a.js"></script> --> href="a.css"</p>',
    "old browsers' comments": '<!--[if lt IE 9]><script src="a.js"></script><![endif]-->',
    "data blocks": '<script type="text/template"><script src="a.js"></scr</script>'
                   '<script type="application/json">{"x": "a.js"}</script>',
    "textarea and title": '<title><script src="a.js"></title><textarea><script src="a.js"></textarea>',
    "not of this site": '<script src="https://example.org/a.js"></script><script src="//x/a.js"></script>'
                        '<a href="javascript:a.js"></a><a href="mailto:a.js"></a><img src="data:a.js">'
                        '<script src="http:a.js"></script>',
    "not a file": '<a href="#a.js"></a><a href="?a.js"></a><a href=""></a><a href="page.html"></a><img src>',
    "a file of no new name": '<img src="x.png"><a href="page.html?x=a.js#a.js"></a>',
    "the first of two attributes": f'<script src="a{JS}.js" src="js/b.js"></script>',
    "CRLF": f'<html>\r\n<script src="a{JS}.js"></script>\r\n<link href="a{CSS}.css">\r\n</html>\r\n',
    "CR": f'<p>\r<script src="a{JS}.js"></script>\r',
    "no final newline": f'<script src="a{JS}.js"></script>\n ',
    "many final newlines": f'<script src="a{JS}.js"></script>\n\n\n',
    "byte order mark": f'\ufeff<script src="a{JS}.js"></script>',
    "not UTF-8": b'<p>\xff\xfe\x80<script src="a{{a.js}}.js"></script>\xe4',
    "NUL": b'<p>\0</p><script src="a{{a.js}}.js"></script>\0',
    "script without an end": f'<script>import("./a{JS}.js")',
    "tag without an end": f'<script src="a{JS}.js"></script><script src="a.js"',
    "formatting that is repaired": f'<b><a href="a{JS}.js"><p></b>x</a></p><a href="a{JS}.js">y<a href=z>',
    "tables that are repaired": f'<table><a href="a{JS}.js">x</a><tr><td><script src="a{JS}.js"></script>'
                                f'<link href="a{CSS}.css"></table>',
    "empty": "",
}


class Pages(tool.Case):
    SITE = {"a.js": "1", "a.css": "p{}", "js/b.js": "2", "js/ü x.js": "3", "page.html": "<p>", "x.png": "x"}


def add(name, page):
    def test(self):
        self.check({**self.SITE, "index.html": page})
    setattr(Pages, "test_" + "".join(c if c.isalnum() else "_" for c in name), test)


for _name, _page in PAGES.items():
    add(_name, _page)


class Bases(tool.Case):
    """Relative to the page, to <base>, to the root."""

    def test_sub_page(self):
        self.check({"a.js": "1", "sub/a.js": "2", "sub/deep/p.html":
                    '<script src="../a{{sub/a.js}}.js"></script><script src="../../a{{a.js}}.js"></script>'
                    '<script src="/a{{a.js}}.js"></script><script src="/sub/a{{sub/a.js}}.js"></script>'})

    def test_endings_of_pages(self):
        page = '<script src="a{{a.js}}.js"></script>'
        self.check({"a.js": "1", **{f"p.{end}": page for end in ("htm", "html", "HTML", "Htm", "shtml")},
                    "p.txt": '<script src="a.js"></script>', "p.php": '<script src="a.js"></script>'})

    def test_base(self):
        self.check({"a.js": "1", "js/a.js": "2", "p.html":
                    '<base target=x><base href="js/"><base href="/"><script src="a{{js/a.js}}.js"></script>'
                    '<script src="/a{{a.js}}.js"></script><p style="background:url(../a{{a.js}}.js)">'
                    '<script>import("./a{{js/a.js}}.js")</script>'})

    def test_base_is_a_page(self):
        self.check({"a.js": "1", "sub/p.html": '<base href="../x.html"><script src="a{{a.js}}.js"></script>'})

    def test_base_elsewhere(self):
        self.check({"a.js": "1", "p.html":
                    '<base href="https://cdn.example/"><script src="a.js"></script><script src="/a.js"></script>'})

    def test_what_stands_before_base(self):
        self.check({"a.js": "1", "js/a.js": "2", "p.html":
                    '<script src="a{{a.js}}.js"></script><a href="a{{js/a.js}}.js">x</a><base href="/js/">'
                    '<script src="a{{js/a.js}}.js"></script>'})

    def test_base_in_template_is_none(self):
        self.check({"a.js": "1", "js/a.js": "2", "p.html":
                    '<template><base href="/js/"></template><script src="a{{a.js}}.js"></script>'})

    def test_base_url(self):
        self.check({"a.js": "1", "sub/p.html":
                    '<script src="https://Example.org/app/a{{a.js}}.js"></script>'
                    '<script src="//example.org/app/a{{a.js}}.js"></script>'
                    '<script src="/app/a{{a.js}}.js"></script><script src="../a{{a.js}}.js"></script>'
                    '<script src="/a.js"></script><script src="https://other.org/app/a.js"></script>'
                    '<script src="https://example.org.evil/app/a.js"></script>'},
                   "--base-url=https://example.org/app/")


class Policies(tool.Case):
    """Digests of a page's own scripts and styles, taken as a browser takes them."""

    @staticmethod
    def digest(content, name="sha256"):
        content = content.replace("\r\n", "\n").encode()
        return f"{name}-{base64.b64encode(hashlib.new(name, content).digest()).decode()}"

    def test_renewed(self):
        script = '\r\nimport("./a%s.js")\r\n'
        style = '@import "a%s.css";'
        same = "x = 1"
        page = ("<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; script-src 'self' '{0}' '{1}';"
                " style-src '{2}'\">\r\n<script>" + script + "</script><style>" + style + "</style><script>" + same + "</script>")
        expected = tool.Expected({"a.js": "1", "a.css": "p{}"})
        js, css = (expected.mark(path).decode() for path in ("a.js", "a.css"))
        old = page.format(self.digest(script % ""), self.digest(same), self.digest(style % "", "sha384")) % ("", "")
        new = page.format(self.digest(script % js), self.digest(same), self.digest(style % css, "sha384")) % (js, css)
        self.site({"a.js": "1", "a.css": "p{}", "p.html": old, "q.html": old.replace("sha", "SHA", 2)})
        self.release()
        released = tool.read(self.dst)
        self.assertEqual(released["p.html"].decode(), new)
        self.assertIn(b"SHA256-", released["q.html"])


class Integrity(tool.Case):
    """A digest that was right is right afterwards; one that was wrong stays wrong."""

    @staticmethod
    def sri(content, name="sha384"):
        return f"{name}-{base64.b64encode(hashlib.new(name, content.encode()).digest()).decode()}"

    def test_renewed(self):
        files = {"b.js": "1", "a.js": 'import "./b{{b.js}}.js"'}
        old = 'import "./b.js"'
        new = tool.Expected(files).content("a.js").decode()
        page = ('<script src="a%s.js" integrity="{0} {1}?x"></script>'
                '<script src="b%s.js" integrity="{2}"></script>'
                '<script src="a%s.js" integrity="{3}"></script>'
                '<script type=importmap>{{"integrity": {{"./a%s.js": "{0}"}}}}</script>')
        names = ("{{a.js}}", "{{b.js}}", "{{a.js}}", "{{a.js}}")
        values = lambda of: (self.sri(of), self.sri(of, "sha512"), self.sri("1", "sha256"), "sha256-wrong=")
        self.site({"b.js": "1", "a.js": old, "p.html": page.format(*values(old)) % ("", "", "", "")})
        self.release()
        expected = tool.Expected({**files, "p.html": page.format(*values(new)) % names})
        self.compare(tool.read(self.dst), expected.site())
