#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The service with the shipped tasks and its page, for tests in a browser, and two Apaches before it:
prints one line of JSON with the addresses, then takes "stop", "start" and "clients" (start again with some, below) on stdin, a
line each, and answers "done". The end of stdin ends it.
"""
import hashlib
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import service  # noqa: E402
from apache import Apache  # noqa: E402

ADDED = {"one": {"concurrency": 1, "warm": 1, "warm_max": 1, "main": "main.sh",
                "command": ["bash", "{main}"], "image": "dockgate/bash"},
        "brief": {"warm": 1, "main": "main.sh", "command": ["bash", "{main}"],
                  "image": "dockgate/bash", "limits": {"cpu_ms": 500}},
        "anything": {"warm": 1, "main": "main.py", "command": ["python3", "{main}"],
                     "image": "dockgate/python", "collect": ["*"],
                     "limits": {"output_bytes": 64 << 20}, "ceilings": {"output_bytes": 64 << 20}}}

# By name: their tokens are "token-of-" and it.
CLIENTS = {"ada": {}, "bob": {}, "olga": {"operator": True}}


def add(svc, kind, name, values):
    with open(svc.config, "a", encoding="utf-8") as file:
        file.write("\n".join(service.section(f"{kind} {service.text(name)}", values)) + "\n")


def start(svc):
    svc.start()
    svc.await_ready()


def main():
    other = sys.argv[1]
    with service.Service({"origins": [other], "drain_s": 1}, shipped=True) as svc, \
            Apache("cgid", svc.unix.address) as cgid, Apache("proxy", svc.unix.address) as proxy:
        for name, task in ADDED.items():
            add(svc, "task", name, task)
        svc.stop()
        start(svc)
        print(json.dumps({"url": f"http://127.0.0.1:{svc.port}/",
                          "through": [f"http://127.0.0.1:{apache.ports[way]}/"
                                      for apache, way in ((cgid, "folder"), (proxy, "proxy"))]}), flush=True)
        for line in sys.stdin:
            if line.strip() == "stop":
                svc.stop()
            elif line.strip() == "start":
                start(svc)
            elif line.strip() == "clients":
                svc.stop()
                for name, values in CLIENTS.items():
                    token = hashlib.sha256(f"token-of-{name}".encode()).hexdigest()
                    add(svc, "client", name, {"token_hash": f"sha256:{token}", **values})
                start(svc)
            print("done", flush=True)


main()
