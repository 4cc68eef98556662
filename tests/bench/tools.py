# SPDX-License-Identifier: MIT
"""The benchmark's own programs, run."""
import json
import os
import subprocess

HELLO = '{"task": "hello"}'


class Tools:
    def __init__(self, build):
        self.directory = os.path.join(build, "tests", "bench")

    def path(self, name):
        return os.path.join(self.directory, "bench_" + name)

    def figures(self, name, *args):
        """Runs a program that prints one line of JSON (figures.h)."""
        argv = [self.path(name), *map(str, args)]
        done = subprocess.run(argv, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise SystemExit(f"bench: {' '.join(argv)} failed")
        return json.loads(done.stdout)

    def load(self, service, **options):
        """The load generator against a service. Errors are not allowed."""
        argv = ["--port", service.port]
        for name, value in options.items():
            argv += [f"--{name.replace('_', '-')}", value]
        figures = self.figures("load", *argv)
        if figures["errors"]:
            raise SystemExit(f"bench: {figures['errors']} errors of {figures['n']}: {argv}")
        return figures

    def jobs(self, service, task="hello", body=None, **options):
        """Jobs submitted and waited for on kept connections."""
        return self.load(service, method="POST", path="/v1/jobs?wait=60", expect=200,
                         body=body or json.dumps({"task": task}), **options)
