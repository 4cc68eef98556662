#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""embed.py OUT NAME=FILE...: writes a C file with the bytes of each FILE as NAME and NAME_len."""
import sys


def main():
    out, *pairs = sys.argv[1:]
    with open(out, "w", encoding="ascii") as c:
        c.write('#include "gateway/pages.h"\n')
        for pair in pairs:
            name, path = pair.split("=", 1)
            with open(path, "rb") as f:
                data = f.read()
            c.write(f"const char {name}[] = {{")
            for i, byte in enumerate(data):
                c.write(("\n\t" if i % 16 == 0 else " ") + f"{byte},")
            c.write(f" 0 }};\nconst size_t {name}_len = {len(data)};\n")


main()
