#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
What the filters of system calls answer to every call, beside tests/hostile/syscalls.tsv.

	syscalls.py              says what differs
	syscalls.py --write      writes the table anew; its last column stays. To be read afterwards.

tests/hostile/calls.c asks, as a job at each level, and for a job with a network. No call is made:
what is compared is the filters' word, whatever the kernel has. Calls that are answered alike
whatever their arguments are one line, so are numbers without a name that follow each other.
"""
import errno
import itertools
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "syscalls.tsv")
HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
# Younger than the oldest headers that this is built with.
NEWER = {335: "uretprobe", 336: "uprobe", 451: "cachestat", 452: "fchmodat2", 453: "map_shadow_stack", 454: "futex_wake",
         455: "futex_wait", 456: "futex_requeue", 457: "statmount", 458: "listmount",
         459: "lsm_get_self_attr", 460: "lsm_set_self_attr", 461: "lsm_list_modules", 462: "mseal",
         463: "setxattrat", 464: "getxattrat", 465: "listxattrat", 466: "removexattrat",
         467: "open_tree_attr", 468: "file_getattr", 469: "file_setattr"}
COLUMNS = ("sandbox", "container", "network")
ABIS = ("native", "x32", "i386")
WORDS = """# What a job's system calls are answered, by number: at sandbox level, in a container of its own, and
# there with a network. "allowed": the kernel is asked, and may refuse. An error: the filter's answer.
# "killed": SIGSYS ends the program. Words with | between them: one of them, the last column says why.
# Behind a name, the argument that decides; "otherwise" is any other. Made by syscalls.py --write.
"""


def numbers():
    """The names of this machine's calls."""
    with open(HEADER, encoding="ascii") as file:
        found = {int(n): name for name, n in re.findall(r"__NR_(\w+) (\d+)$", file.read(), re.M)}
    return {**found, **NEWER}


def word(answer):
    return errno.errorcode[int(answer)] if answer.isdigit() else answer


def read_answers(text):
    """What calls printed: (ABI, number, argument) to the word."""
    return {(abi, int(number), label): word(answer) for abi, number, label, answer in
            (line.split("\t") for line in text.splitlines())}


def by_argument(answers):
    """Arguments to words, with the words that most have as "otherwise"."""
    counts = {}
    for words in answers.values():
        counts[words] = counts.get(words, 0) + 1
    # What all arguments being -1 comes to is nobody's case, as long as there are others.
    most = max(counts, key=lambda words: (counts[words], words))
    if len(counts) == 1:
        return {"": most}
    return {**{label: words for label, words in answers.items() if words != most},
            "otherwise": most}


def rows(columns):
    """Of each column's answers: (ABI, first, last, argument) to a word for each column."""
    found = {}
    for key in next(iter(columns.values())):
        abi, number, label = key
        found.setdefault((abi, number), {})[label] = tuple(columns[c][key] for c in COLUMNS)
    named = numbers()
    result = {}
    for (abi, number), answers in sorted(found.items(), key=lambda x: (ABIS.index(x[0][0]), x[0][1])):
        name = named.get(number) if abi == "native" else None
        for label, words in by_argument(answers).items():
            last = next(reversed(result), None)
            if name is None and last is not None and last[0] == abi and last[2] == number - 1 and \
                    result[last] == words and (abi != "native" or last[2] not in named):
                result[(abi, last[1], number, label)] = result.pop(last)
            else:
                result[(abi, number, number, label)] = words
    return result


def read_table(path=TABLE):
    """The same of the table, and each line's reason."""
    table, reasons = {}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#"):
                continue
            abi, span, name, *words, reason = line.rstrip("\n").split("\t")
            first, _, last = span.partition("-")
            key = (abi, int(first), int(last or first), name.partition(" ")[2])
            table[key] = tuple(words)
            reasons[key] = reason
    return table, reasons


def agree(expected, found):
    return all(word in allowed.split("|") for allowed, word in zip(expected, found))


def expand(table):
    """A line for each number."""
    return {(abi, number, label): words for (abi, first, last, label), words in table.items()
            for number in range(first, last + 1)}


def differences(table, columns):
    """A line of text for each call that is not answered as the table says."""
    expected, named, said = expand(table), numbers(), []
    for key in next(iter(columns.values())):
        abi, number, label = key
        found = tuple(columns[c][key] for c in COLUMNS)
        words = expected.get(key) or expected.get((abi, number, "")) or \
            expected.get((abi, number, "otherwise"))
        name = named.get(number, "") if abi == "native" else ""
        if words is None:
            said.append(f"{abi} {number} {name} {label}: not in the table, answered {found}")
        elif not agree(words, found):
            said += [f"{abi} {number} {name} {label}: {column}: the table says {a}, it is {b}"
                     for column, a, b in zip(COLUMNS, words, found) if not agree([a], [b])]
    return said


def write(columns):
    table, reasons = read_table() if os.path.exists(TABLE) else ({}, {})
    named = numbers()
    with open(TABLE, "w", encoding="utf-8") as file:
        file.write(WORDS + "#abi\tnumber\tname\t" + "\t".join(COLUMNS) + "\twhy\n")
        for key, words in rows(columns).items():
            abi, first, last, label = key
            name = named.get(first, "-") if abi == "native" else "-"
            if key in table and agree(table[key], words):
                words = table[key]
            file.write("\t".join([abi, str(first) if first == last else f"{first}-{last}",
                                  " ".join(filter(None, (name, label))), *words,
                                  reasons.get(key, "")]) + "\n")


def under_default_profile(image):
    """The same in a container with the engine's own profile."""
    done = subprocess.run(["docker", "run", "--rm", "--network", "none", "--security-opt",
                           "no-new-privileges", image, "/calls"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=True)
    return read_answers(done.stdout)


def main():
    sys.path[:0] = [os.path.join(os.path.dirname(HERE), "integration"), HERE]
    import test_syscalls  # pylint: disable=import-outside-toplevel
    columns = test_syscalls.ask()
    if sys.argv[1:] == ["--write"]:
        write(columns)
        return 0
    said = differences(read_table()[0], columns)
    print("\n".join(said) or "as the table says")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
