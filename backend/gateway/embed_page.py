#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
embed_page.py OUT DEPFILE RELEASE_WEBSITE DIST: the page as C.

DIST goes through release_website, so that every script and style sheet is named by its content;
its index.html and what is in its assets/ become the table of page.h. dockgate.js keeps its name:
other sites refer to it.
"""
import gzip
import os
import re
import subprocess
import sys
import tempfile

TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".svg": "image/svg+xml", ".html": "text/html; charset=utf-8"}
OWN_NAME = ("dockgate.js",)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def released(program, dist, scratch):
    """{name below /assets/, "" for the index: bytes}"""
    site = os.path.join(scratch, "site")
    subprocess.run([program, "--quiet", "--strict", dist, site], check=True)
    found = {"": read(os.path.join(site, "index.html"))}
    assets = os.path.join(site, "assets")
    for name in os.listdir(assets):
        found[name] = read(os.path.join(assets, name))
    for name in OWN_NAME:
        path = os.path.join(dist, "assets", name)
        if os.path.exists(path):
            found[name] = read(path)
    return found


def array(name, data):
    lines = [", ".join(str(byte) for byte in data[i:i + 24]) for i in range(0, len(data), 24)]
    return f"static const unsigned char {name}[] = {{\n\t" + ",\n\t".join(lines or ["0"]) + "\n};\n"


def write(out, files):
    rows = []
    with open(out, "w", encoding="ascii") as c:
        c.write('#include "gateway/page.h"\n\n')
        for i, (name, data) in enumerate(sorted(files.items(), key=lambda item: item[0].encode())):
            packed = gzip.compress(data, 9, mtime=0)
            kind = TYPES[os.path.splitext(name or "index.html")[1]]
            fixed = "true" if re.search(r"_[0-9a-f]{64}\.\w+$", name) else "false"
            c.write(array(f"plain_{i}", data) + array(f"gzip_{i}", packed))
            rows.append(f'\t{{ "{name}", "{kind}", {fixed}, plain_{i}, gzip_{i}, {len(data)}, {len(packed)} }},\n')
        c.write("\nconst struct page_file page_files[] = {\n" + "".join(rows) + "};\n")
        c.write("const size_t page_files_n = sizeof(page_files) / sizeof(page_files[0]);\n")


def main():
    out, depfile, program, dist = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        write(out, released(program, dist, scratch))
    with open(depfile, "w", encoding="utf-8") as file:
        inputs = [os.path.join(at, name) for at, _, names in os.walk(dist) for name in names]
        file.write(f"{out}: " + " ".join(inputs) + "\n")


main()
