# SPDX-License-Identifier: MIT
"""Style sheets: addresses are marked; comments and other strings are text."""
import tool

X, Y = "{{x.css}}", "{{d/y.css}}"

SHEETS = {
    "import of a string": f'@import "x{X}.css";@import \'d/y{Y}.css\' screen;',
    "import of an address": f'@import url(x{X}.css) layer(a.b) supports(display: grid) print;',
    "import with a comment": f'@import /* "x.css" */ "x{X}.css" /* "x.css" */;',
    "import in capitals": f'@IMPORT URL( "x{X}.css" );',
    "import with escapes": f'@\\69mport "\\78 {X}.css"; @import url(\\78{X}\\2e css);',
    "import of an escaped name": f'@import "d\\/y{Y}\\.css";',
    "import over lines": f'@import\r\n\t"x{X}.css"\r\n;\r\n',
    "import with a line continued": f'@import "x\\\n{X}.css";',
    "address bare": f'p {{ background: url(x{X}.css) }} q {{ background:url(  d/y{Y}.css\n) }}',
    "address quoted": f'p {{ background: url("x{X}.css"), url( \'x{X}.css?v#f\' ) }}',
    "address of a function with an escaped name": f'p {{ background: u\\72l(x{X}.css) }}',
    "src": f'@font-face {{ src: src("x{X}.css"), url(x{X}.css) format("x.css") }}',
    "image-set": f'p {{ background: image-set("x{X}.css" 1x type("x.css"), url(x{X}.css) 2x, '
                 f'-webkit-image-set("x{X}.css" 2x)) }}',
    "custom property": f':root {{ --x: url(x{X}.css); --y: "x.css" }}',
    "comments": '/* url(x.css) @import "x.css"; */ p { color: red /* url("x.css") */ }',
    "strings": 'p::before { content: "url(x.css)" \'@import "x.css"\'; quotes: "x.css" "\\"x.css" }',
    "a comment in a string is none": f'p {{ content: "/*" }} q {{ background: url(x{X}.css) }} /* */',
    "a string that its line ends": f'p {{ content: "x.css\n; background: url(x{X}.css) }}',
    "bad addresses": 'p { a: url(x .css); b: url(x"x.css"); c: url(x(x.css)) }',
    "namespace": '@namespace url(x.css); @namespace svg "x.css";',
    "charset": f'@charset "x.css";\n@import "x{X}.css";',
    "other functions": 'p { width: attr("x.css"); a: foo(x.css) bar("x.css"); selector: [href="x.css"] }',
    "elsewhere": '@import "https://example.org/x.css"; @import "//e/x.css"; p { a: url(data:x.css) }',
    "base": f'@import "/x{X}.css"; @import "../../x{X}.css"; @import "./d/../x{X}.css"; @import "%78{X}.css";',
    "not ended": f'@import "x{X}.css"; p {{ background: url(d/y{Y}.css',
    "import not ended": f'@import "x{X}.css',
    "comment not ended": '/* @import "x.css"; ',
    "escape at the end": f'@import "x{X}.css"; \\',
    "old comments": f'<!-- @import "x{X}.css"; -->',
    "bytes": b'\xff\xfe@import "x{{x.css}}.css";\0 url(\0) p{}\xc3'[2:],
    "empty": "",
    "source map": '@import "x%s.css";\n/*# sourceMappingURL=m.css.map */' % X,
}


class Sheets(tool.Case):
    SITE = {"x.css": "p{}", "d/y.css": "q{}", "m.css.map": "{}"}


def add(name, sheet):
    def test(self):
        self.check({**self.SITE, "m.css": sheet, "p.html": '<link rel=stylesheet href="m{{m.css}}.css">'})
    setattr(Sheets, "test_" + "".join(c if c.isalnum() else "_" for c in name), test)


for _name, _sheet in SHEETS.items():
    add(_name, _sheet)


class Bases(tool.Case):
    def test_relative_to_the_sheet(self):
        self.check({"x.css": "1", "d/x.css": "2", "d/m.css":
                    '@import "x{{d/x.css}}.css"; @import "../x{{x.css}}.css"; @import "/x{{x.css}}.css";'
                    '@import "d/x.css";'},
                   notes=["d/m.css:1: 'd/x.css' is not in the site; left as it is"])
