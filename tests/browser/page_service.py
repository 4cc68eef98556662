#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The service with the shipped tasks and its page, for tests in a browser: prints one line of JSON
with the address, then takes "stop" and "start" on stdin, a line each, and answers "done". The end
of stdin ends it.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import service  # noqa: E402

ADDED = {"one": {"concurrency": 1, "warm": 1, "warm_max": 1, "main": "main.sh",
                "command": ["bash", "{main}"], "image": "dockgate/bash"},
        "brief": {"warm": 1, "main": "main.sh", "command": ["bash", "{main}"],
                  "image": "dockgate/bash", "limits": {"cpu_ms": 500}},
        "anything": {"warm": 1, "main": "main.py", "command": ["python3", "{main}"],
                     "image": "dockgate/python", "collect": ["*"],
                     "limits": {"output_bytes": 64 << 20}, "ceilings": {"output_bytes": 64 << 20}}}


def main():
    other = sys.argv[1]
    with service.Service({"origins": [other], "drain_s": 1}, shipped=True) as svc:
        with open(svc.config, "a", encoding="utf-8") as file:
            for name, task in ADDED.items():
                file.write("\n".join(service.section(f"task {service.text(name)}", task)) + "\n")
        svc.stop()
        svc.start()
        svc.await_ready()
        print(json.dumps({"url": f"http://127.0.0.1:{svc.port}/"}), flush=True)
        for line in sys.stdin:
            if line.strip() == "stop":
                svc.stop()
            elif line.strip() == "start":
                svc.start()
                svc.await_ready()
            print("done", flush=True)


main()
