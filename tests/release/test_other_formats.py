# SPDX-License-Identifier: MIT
"""Source maps, web manifests, SVG and XHTML."""
import tool


class SourceMaps(tool.Case):
    def test_file_and_sources(self):
        self.check({
            "a.js": "1\n//# sourceMappingURL=a.js.map", "src/x.js": "2",
            "a.js.map": '{"version": 3,\r\n "file": "a{{a.js}}.js", "sources": ["src/x{{src/x.js}}.js", "none.js", "webpack:///a.js"],'
                        ' "names": ["a.js"], "sourcesContent": ["a.js"], "mappings": "a.js"}\r\n'}, notes=[])

    def test_source_root(self):
        self.check({
            "a.css": "p{}", "src/a.css": "q{}",
            "a.css.map": '{"sources": ["a{{src/a.css}}.css"], "file": "a{{a.css}}.css", "sourceRoot": "/src"}',
            "b.css.map": '{"sourceRoot": "https://e/", "sources": ["a.css"]}'})

    def test_sections_and_guard(self):
        self.check({
            "a.js": "1", "b.js": "2",
            "a.map": ')]}\'\n{"sections": [{"offset": {}, "map": {"file": "b{{b.js}}.js", "sources": ["a{{a.js}}.js"]}}, {"url": "x.map"}]}'})

    def test_no_json(self):
        self.check({"a.js": "1", "a.js.map": '{"file": "a.js"'}, notes=["a.js.map:1: not JSON; copied as it is"])


class WebManifests(tool.Case):
    MANIFEST = ('{"name": "a.js", "start_url": "../p.html?a.js", "icons": [{"src": "i.png"}, {"src": "../a{{a.js}}.js"}],'
                ' "shortcuts": [{"url": "\\u002e./a{{a.js}}.js", "name": "../a.js"}], "serviceworker": {"src": "/a{{a.js}}.js"}}')

    def test_by_its_name(self):
        self.check({"a.js": "1", "m/x.webmanifest": self.MANIFEST})

    def test_by_a_link(self):
        self.check({"a.js": "1", "m/x.json": self.MANIFEST, "m/y.json": '{"src": "../a.js"}',
                    "p.html": '<link rel="manifest" href="m/x.json">'})


class Xml(tool.Case):
    def test_svg_file(self):
        self.check({
            "a.js": "1", "a.css": "p{}",
            "x.svg": '<?xml version="1.0"?>\r\n<?xml-stylesheet href="a{{a.css}}.css" type="text/css"?>\r\n'
                     '<!DOCTYPE svg>\r\n<svg xmlns:xlink="x"><!-- <script href="a.js"/> --><script href="a{{a.js}}.js"/>'
                     '<script xlink:href=\'a{{a.js}}.js\'></script><style><![CDATA[@import "a{{a.css}}.css";]]></style>'
                     '<style>@import "a{{a.css}}.css";</style><g style="fill: url(&quot;a{{a.css}}.css&quot;)"/>'
                     '<svg:image href="a{{a.js}}.js?x&amp;y"/><text>href="a.js"</text></svg>\r\n'})

    def test_xhtml_file(self):
        self.check({
            "a.js": "1", "a.css": "p{}",
            "x.xhtml": '<html><head><link href="a{{a.css}}.css" rel="stylesheet"/><script src="a{{a.js}}.js"/>'
                       '<script><![CDATA[ import("./a{{a.js}}.js") ]]></script></head>'
                       '<body><p title="a.js" onclick="import(\'./a{{a.js}}.js\')">src="a.js"</p></body></html>'})

    def test_broken(self):
        self.check({"a.js": "1", "x.svg": '<svg><script href="a{{a.js}}.js"/><a href="a.js', "y.svg": "<", "z.svg": "<?", "w.svg": "<!--"})
