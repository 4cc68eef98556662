# SPDX-License-Identifier: MIT
"""
One defence less, and some hostile program must get through: else nobody would notice that the
defence has gone. Those of the container are taken away between driver and engine; those of the
agent by an agent that was built without them. Where a second layer stands behind the first, both
are taken away, and the first alone must change nothing.
"""
import concurrent.futures
import os
import shutil
import tempfile
import unittest

import figures
import service
from proxy import Proxy
from test_hostile import JOB_UID_BASE, Hosts, make_image, not_as_expected, run_one, tasks


def with_value(key, value):
    def change(_, host):
        host[key] = value
    return change


def host_network(container, host):
    container["NetworkDisabled"] = False
    host["NetworkMode"] = "host"


def nothing(_container, _host):
    pass


def plain_tmpfs(_, host):
    host["Tmpfs"] = {path: ",".join(word for word in options.split(",")
                                    if not word.startswith(("size=", "nr_inodes=")))
                     for path, options in host["Tmpfs"].items()}


def no_seccomp(_, host):
    host["SecurityOpt"] = ["no-new-privileges:true", "seccomp=unconfined", "apparmor=unconfined"]


def own_root(_, host):
    host["ReadonlyRootfs"] = False


# What is done to the container, at which level, and who gets through then.
OF_THE_CONTAINER = {
    "network": (host_network, "container", {"interfaces", "abstract"}),
    "read_only_root": (own_root, "container", {"write_open_directory"}),
    "masked_paths": (with_value("MaskedPaths", []), "container", {"keys"}),
    "tmpfs_sizes": (plain_tmpfs, "container", {"inode_bomb", "fill_tmp"}),
    "process_namespace": (with_value("PidMode", "host"), "container", {"processes_of_the_host"}),
}

# What the agent is without, what is done to the container besides, the level, who gets through.
OF_THE_AGENT = {
    "policy_load": [(nothing, "container", {"unshare_user", "inet", "trace_its_child"}),
                    (no_seccomp, "container", {"no_filter", "bpf", "int80"}),
                    (nothing, "sandbox", {"unshare_user", "inet"})],
    "rights_become_job": [(nothing, "container", {"kill_1", "capabilities"})],
    "setrlimit64": [(nothing, "container", {"descriptors"})],
    "base_mask_proc": [(nothing, "sandbox", {"keys"})],
}


def program_with(agent):
    """dockgate with another agent beside it; its directory is the caller's."""
    directory = tempfile.mkdtemp(prefix="dockgate-weak-", dir="/tmp")
    os.chmod(directory, 0o755)
    shutil.copy(service.DOCKGATE, directory)
    shutil.copy(os.path.join(service.BUILD, "tests", "hostile", f"agent-without-{agent}"),
                os.path.join(directory, "dockgate-agent"))
    return directory


class Weak(unittest.TestCase):
    """A service whose containers are changed on their way."""

    @classmethod
    def setUpClass(cls):
        cls.hosts = Hosts()
        cls.addClassCleanup(cls.hosts.close)

    def serve(self, changes, agent=None):
        """changes: name of a set of tasks to (change, level)."""
        program = service.DOCKGATE
        if agent is not None:
            directory = program_with(agent)
            self.addCleanup(shutil.rmtree, directory)
            program = os.path.join(directory, "dockgate")
        image = make_image(service.Docker(service.docker_socket()))
        found, weakened = {}, {}
        for name, (change, level) in changes.items():
            for kind in ("hostile", "burning", "collecting"):
                task = f"{kind}-{name}"
                found[task] = {**tasks(image)[f"{kind}-{level}"], "warm": 0}
                weakened[task] = change
        directory = tempfile.mkdtemp(prefix="dockgate-proxy-", dir="/tmp")
        os.chmod(directory, 0o755)
        self.addCleanup(shutil.rmtree, directory)
        path = os.path.join(directory, "docker.sock")
        self.proxy = Proxy(service.docker_socket(), path, weakened)
        self.addCleanup(self.proxy.close)
        svc = service.Service({"job_uid_base": JOB_UID_BASE}, found, socket_path=path,
                              program=program)
        self.addCleanup(svc.close)
        return svc.start()

    def through(self, svc, name, programs):
        """Those of which something else came than their sources say."""
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            jobs = {program: pool.submit(run_one, svc.native, program, name, self.hosts.port)
                    for program in programs}
        return {program for program, job in jobs.items()
                if not_as_expected(program, *job.result()) is not None}

    def test_the_container(self):
        svc = self.serve({name: what[:2] for name, what in OF_THE_CONTAINER.items()})
        for name, (_, _, programs) in OF_THE_CONTAINER.items():
            with self.subTest(name):
                self.assertEqual(self.through(svc, name, programs), programs)
                figures.add("hostile.mutations", 1)


def add_test(agent, what):
    def test(self):
        changes = {str(i): (change, level) for i, (change, level, _) in enumerate(what)}
        svc = self.serve(changes, agent)
        for i, (_, _, programs) in enumerate(what):
            with self.subTest(i):
                self.assertEqual(self.through(svc, str(i), programs), programs)
                figures.add("hostile.mutations", 1)
    test.__name__ = f"test_the_agent_without_{agent}"
    setattr(Weak, test.__name__, test)


for _agent, _what in OF_THE_AGENT.items():
    add_test(_agent, _what)
