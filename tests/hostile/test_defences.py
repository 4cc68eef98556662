# SPDX-License-Identifier: MIT
"""
One defence less, and some hostile program must get through: else nobody would notice that the
defence has gone. Those of the container are taken away between driver and engine; those of the
agent by an agent that was built without them (weak.c), which the container gets in the place of
the other one. Where a second layer stands behind the first, both are taken away, and each alone
must change nothing. What got through is printed at the end, by defence.

Beside programs there are two that look: "calls" is every system call's answer (syscalls.py),
"agents: ..." are the agent's processes as the host sees them (agents.py).
"""
import concurrent.futures
import os
import re
import shutil
import sys
import tempfile
import unittest

import agents
import figures
import sentinel
import service
import syscalls
from proxy import Proxy
from test_hostile import JOB_UID_BASE, Hosts, make_image, not_as_expected, run_one, tasks

AT_ONCE = 4
# Stands for all programs where none of them runs at all.
NOTHING_RUNS = "(no job runs)"
# One that takes nothing with it.
HARMLESS = "capset"


def with_value(**values):
    def change(_, host):
        host.update(values)
    return change


def both(*changes):
    def change(container, host):
        for one in changes:
            one(container, host)
    return change


def nothing(_container, _host):
    pass


def host_network(container, host):
    container["NetworkDisabled"] = False
    host["NetworkMode"] = "host"


def security(*without):
    def change(_, host):
        kept = [option for option in host["SecurityOpt"]
                if not option.startswith(without)]
        if "seccomp" in without:
            kept += ["seccomp=unconfined"]
        host["SecurityOpt"] = kept
    return change


def tmpfs(change_options):
    """change_options: of the list of one's options to another list."""
    def change(_, host):
        host["Tmpfs"] = {path: ",".join(change_options(options.split(",")))
                         for path, options in host["Tmpfs"].items()}
    return change


def less(*words):
    return tmpfs(lambda options: [o for o in options if not o.startswith(words)])


def instead(**words):
    return tmpfs(lambda options: [words.get(o, o) for o in options])


def writable_mount(target):
    def change(_, host):
        for mount in host["Mounts"]:
            if mount["Target"] == target:
                mount["ReadOnly"] = False
    return change


def larger_tmpfs(_, host):
    host["Tmpfs"] = {path: re.sub(r"size=(\d+)", lambda m: f"size={2 * int(m[1])}", options)
                     for path, options in host["Tmpfs"].items()}


def checked(container, _host):
    del container["Healthcheck"]


def engines_volume(_, host):
    del host["Tmpfs"]["/volume"]


def host_name(container, host):
    container["Hostname"] = ""
    host["UTSMode"] = "host"


OWN_ROOT = with_value(ReadonlyRootfs=False)
NO_PROFILE = both(security("seccomp", "apparmor"),
                  lambda _, host: host["SecurityOpt"].append("apparmor=unconfined"))
NO_ULIMITS = with_value(Ulimits=[
    {"Name": name, "Soft": value, "Hard": value} for name, value in (
        ("core", -1), ("memlock", 1 << 20), ("msgqueue", 819200), ("sigpending", 30000),
        ("nofile", 4096), ("fsize", -1))])
ANY_MEMORY = with_value(Memory=0, MemorySwap=0)
MANY_PIDS = with_value(PidsLimit=1000)


def agents_differ(*kinds):
    return {f"agents: {kind}" for kind in kinds}


INSIDE = ("init", "waiting", "program")

# What is taken away of the container, of the agent, at which level, who gets through then. For
# a second layer, with nobody: what tried besides.
DEFENCES = [
    # Of the container alone.
    ("network none", host_network, None, "container", {"interfaces", "abstract"}, ()),
    ("read-only root", OWN_ROOT, None, "container", {"write_open_directory"}, ()),
    ("masked paths", with_value(MaskedPaths=[]), None, "container", {"keys", "covered"}, ()),
    ("masked paths: keys", lambda _, host: host["MaskedPaths"].remove("/proc/keys"), None,
     "container", {"keys", "covered"}, ()),
    ("masked paths: firmware", lambda _, host: host["MaskedPaths"].remove("/sys/kernel"), None,
     "container", {"covered"}, ()),
    ("read-only paths", with_value(ReadonlyPaths=[]), None, "container", {"read_only"}, ()),
    ("sizes of tmpfs", larger_tmpfs, None, "container", set(), ("fill_tmp", "fill_workspace")),
    ("any size of tmpfs", less("size="), None, "container", {NOTHING_RUNS}, (HARMLESS,)),
    ("number of inodes", less("nr_inodes="), None, "container", {"inode_bomb"}, ()),
    ("nosuid of tmpfs", instead(nosuid="suid"), None, "container", {"flags_of_tmpfs"}, ()),
    ("nodev of tmpfs", instead(nodev="dev"), None, "container", {"flags_of_tmpfs"}, ()),
    ("noexec of /dev/shm", instead(noexec="exec"), None, "container", {"programs_in_shm"}, ()),
    ("owner of the workspace", instead(**{"mode=0700": "mode=0777"}), None, "container",
     {"others_workspace"}, ()),
    ("process namespace", with_value(PidMode="host"), None, "container",
     {NOTHING_RUNS}, ("processes_of_the_host",)),
    ("ipc namespace", with_value(IpcMode="host"), None, "container", {"ipc_of_the_host"}, ()),
    ("cgroup namespace", with_value(CgroupnsMode="host"), None, "container", {"cgroup_path"}, ()),
    ("capabilities dropped", with_value(CapDrop=[]), None, "container", {"bounding_set"}, ()),
    ("the agent's volume read-only", writable_mount("/dockgate"), None, "container",
     {"write_agent"}, ()),
    ("mounts read-only", writable_mount("/data"), None, "container",
     {"write_mount", "left_behind"}, ()),
    ("volumes of the image", engines_volume, None, "container", {"write_volume"}, ()),
    ("health checks of the image", checked, None, "container", agents_differ("waiting"), ()),
    ("uts namespace", host_name, None, "container", {"name_of_the_host"}, ()),
    ("who dies first", with_value(OomScoreAdj=0), None, "container",
     agents_differ("agent", "keeper", "killer"), ()),
    # Of both.
    ("the engine's filter", NO_PROFILE, None, "container", set(), ("calls",)),
    ("the job's filter", nothing, "job-filter", "container", {"calls"}, ()),
    ("both filters", NO_PROFILE, "job-filter", "container",
     {"calls", "inet"}, ("unshare_user", "int80")),
    ("all filters", NO_PROFILE, "any-filter", "container",
     {"calls", "unshare_user", "inet", "trace_its_child", "int80", "no_filter"}, ()),
    ("the agent's filter", nothing, "agent-filter", "container", {NOTHING_RUNS}, (HARMLESS,)),
    ("the job's filter", nothing, "job-filter", "sandbox", {"calls", "inet"}, ()),
    ("the filter of processors", nothing, "placed-filter", "container",
     {"calls", "every_processor"}, ()),
    ("the filter of processors", nothing, "placed-filter", "sandbox",
     {"calls", "every_processor"}, ()),
    ("the nursery's filter", nothing, "nursery-filter", "sandbox",
     agents_differ("nursery", *INSIDE), ("calls",)),
    ("no-new-privileges", security("no-new-privileges"), None, "container", set(),
     ("new_privileges", "setuid_binary")),
    ("no-new-privileges, twice", security("no-new-privileges"), "no-new-privileges", "container",
     {"new_privileges", "setuid_binary"}, ()),
    ("ulimits", NO_ULIMITS, None, "container", set(),
     ("mlock", "queued_signals", "sparse_file", "core_limit", "descriptors")),
    ("the agent's rlimits", nothing, "rlimits", "container", {"descriptors"},
     ("mlock", "core_limit")),
    ("ulimits and the agent's", NO_ULIMITS, "rlimits", "container",
     {"descriptors", "mlock", "queued_signals", "sparse_file", "core_limit"}, ()),
    ("container's processes", MANY_PIDS, None, "container", set(), ("crowd",)),
    ("the job's cgroup", nothing, "cgroup-limits", "container",
     {"one_too_many", "a_little_more"}, ("crowd", "hoard")),
    ("processes, twice", MANY_PIDS, "cgroup-limits", "container", {"crowd"}, ()),
    ("container's memory", ANY_MEMORY, None, "container", set(), ("hoard",)),
    ("memory, twice", ANY_MEMORY, "cgroup-limits", "container", {"hoard"}, ()),
    ("the job's cgroup", nothing, "cgroup-limits", "sandbox", {"a_little_more"},
     ("one_too_many", "hoard")),
    # Of the agent alone.
    ("the job's user", nothing, "job-user", "container", {NOTHING_RUNS}, (HARMLESS,)),
    ("the agent's user", nothing, "agent-user", "container", {NOTHING_RUNS}, (HARMLESS,)),
    ("not dumpable", nothing, "undumpable", "container", agents_differ("waiting"), ()),
    ("not dumpable", nothing, "undumpable", "sandbox", agents_differ("init", "waiting"), ()),
    ("the keeper's rights", nothing, "keeper-rights", "container", agents_differ("keeper"), ()),
    ("the killer's rights", nothing, "killer-rights", "container", agents_differ("killer"), ()),
    ("the nursery's rights", nothing, "nursery-rights", "sandbox", agents_differ("nursery"), ()),
    ("the init's rights", nothing, "init-rights", "sandbox",
     agents_differ("init", "waiting"), ()),
    ("process namespace", nothing, "pid-namespace", "sandbox", {NOTHING_RUNS}, ("keys",)),
    ("ipc namespace", nothing, "ipc-namespace", "sandbox", agents_differ(*INSIDE), ()),
    ("uts namespace", nothing, "uts-namespace", "sandbox", agents_differ(*INSIDE), ()),
    ("cgroup namespace", nothing, "cgroup-namespace", "sandbox", agents_differ(*INSIDE), ()),
    ("covers of /proc", nothing, "proc-masks", "sandbox", {"keys", "covered"}, ()),
    ("options of mounts", nothing, "mount-options", "sandbox",
     {"inode_bomb", "flags_of_tmpfs", "programs_in_shm"}, ()),
    ("read-only image", nothing, "read-only-image", "sandbox", {"write_open_directory"}, ()),
    ("the collector's first look", nothing, "first-look", "container", set(),
     ("link_to_mount", "link_to_itself")),
    ("the collector's look, twice", nothing, "beneath", "container", {"link_to_mount"}, ()),
    ("opening beneath", nothing, "openat2", "container", set(),
     ("link_to_mount", "link_to_shadow", "link_to_directory", "fifo", "swap_race")),
    ("who dies first", nothing, "first-to-die", "container", agents_differ("program", "waiting"), ()),
    ("a session of its own", nothing, "session", "container",
     agents_differ("program", "waiting"), ()),
    ("closing descriptors", nothing, "closing", "container", set(), ("leaked_descriptors",)),
    ("closing descriptors, twice", nothing, "closing-twice", "container",
     {"leaked_descriptors"}, ()),
    ("user namespace", nothing, "user-namespace", "sandbox", {NOTHING_RUNS}, (HARMLESS,)),
    ("mount namespace", nothing, "ns-namespace", "sandbox", {NOTHING_RUNS}, (HARMLESS,)),
    ("filters", NO_PROFILE, "keyring-filter", "sandbox", set(), ("left_behind",)),
    ("filters and keyring", NO_PROFILE, "keyring", "sandbox", {"left_behind"}, ()),
    ("filters and ipc namespace", NO_PROFILE, "ipc-namespace-and-filters", "sandbox",
     {"left_behind"}, ()),
    ("the killer", nothing, "killer", "container", {"orphan_holds_stdout"}, ()),
    ("the agent's clocks", nothing, "clocks", "container", set(),
     ("cpu_burn", "sleep_for_ever")),
    ("groups", nothing, "groups", "container",
     agents_differ("agent", "killer", "waiting", "program"), ()),
    # What holds a container holds a slot, but that its jobs have a second layer around them. With
    # the host's network no slot is ever ready: there are always names in it.
    ("read-only root", OWN_ROOT, None, "sandbox", set(), ("write_open_directory", "write_root")),
    ("capabilities dropped", with_value(CapDrop=[]), None, "sandbox", set(), ("bounding_set",)),
    ("the agent's volume read-only", writable_mount("/dockgate"), None, "sandbox", set(),
     ("write_agent",)),
    ("mounts read-only", writable_mount("/data"), None, "sandbox", set(), ("write_mount",)),
    ("volumes of the image", engines_volume, None, "sandbox", set(), ("write_volume",)),
    ("all filters", NO_PROFILE, "any-filter", "sandbox",
     {"calls", "unshare_user", "inet", "trace_its_child", "int80", "no_filter"}, ()),
    ("no-new-privileges, twice", security("no-new-privileges"), "no-new-privileges", "sandbox",
     {"new_privileges"}, ("setuid_binary",)),
    ("ulimits and the agent's", NO_ULIMITS, "rlimits", "sandbox",
     {"descriptors", "mlock", "queued_signals", "sparse_file", "core_limit"}, ()),
    ("the job's user", nothing, "job-user", "sandbox", {NOTHING_RUNS}, (HARMLESS,)),
    ("the collector's look, twice", nothing, "beneath", "sandbox", {"link_to_mount"}, ()),
    ("closing descriptors", nothing, "closing", "sandbox", set(), ("leaked_descriptors",)),
    ("closing descriptors, twice", nothing, "closing-twice", "sandbox",
     {"leaked_descriptors"}, ()),
    ("who dies first", nothing, "first-to-die", "sandbox", agents_differ("nursery", *INSIDE), ()),
    ("a session of its own", nothing, "session", "sandbox",
     agents_differ("program", "waiting"), ()),
    ("the killer", nothing, "killer", "sandbox", {"orphan_holds_stdout"}, ()),
]


# Runs so often, one after the other.
OFTEN = {"left_behind": 3}
# What the driver asks the engine for. It copies into its own container alone, which never runs and
# which it knows by the engine's word, not by a name; it neither pulls nor executes.
ASKED = re.compile(
    r"GET /(_ping|version|info|containers/json|images/json|volumes)(\?.*)?|"
    r"GET /(containers|images)/.+/json|"
    r"POST /containers/create(\?name=[\w-]+)?|POST /containers/[\w-]+/(start|attach)(\?.*)?|"
    r"POST /containers/[\w-]+/kill\?signal=SIGTERM|"
    r"DELETE /(containers|images|volumes)/[^/]+(\?.*)?|"
    r"(GET|PUT) /containers/[0-9a-f]{64}/archive\?.*|POST /images/create\?fromSrc=-&.*")


def slug(number):
    return f"d{number}"


class Weak(unittest.TestCase):
    """A service whose containers are changed on their way."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.hosts = Hosts()
        cls.addClassCleanup(cls.hosts.close)
        cls.directory = tempfile.mkdtemp(prefix="dockgate-weak-", dir="/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        os.chmod(cls.directory, 0o755)
        image = make_image(service.Docker(service.docker_socket()))
        found = {name: None for name in service.default_tasks("", "")}
        changes = {}
        for number, (_, change, agent, level, _, _) in enumerate(DEFENCES):
            for kind in ("hostile", "burning", "collecting", "looked-at", "next", "calls"):
                task = tasks(image, cls.canary(number))[f"{kind}-{level}"]
                found[f"{kind}-{slug(number)}"] = {**task, "warm": 0, "attempts": 1}
                changes[f"{kind}-{slug(number)}"] = both(change, cls.with_agent(agent))
        path = os.path.join(cls.directory, "docker.sock")
        cls.proxy = proxy = Proxy(service.docker_socket(), path, changes)
        cls.addClassCleanup(proxy.close)
        cls.service = service.Service({"job_uid_base": JOB_UID_BASE, "slots": 2 * AT_ONCE}, found,
                                      socket_path=path)
        cls.addClassCleanup(cls.service.close)
        cls.service.start()
        cls.said = {number: [] for number in range(len(DEFENCES))}  # of what went otherwise
        cls.table, _ = syscalls.read_table()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            cls.seen = [pool.submit(cls.through, number) for number in range(len(DEFENCES))]

    @classmethod
    def canary(cls, number):
        """One for each, since it may be written to."""
        path = os.path.join(cls.directory, f"canary-{number}")
        if not os.path.exists(path):
            sentinel.make_canary(path)
        return path

    @classmethod
    def with_agent(cls, name):
        """The agent of that name from a directory of the host's."""
        if name is None:
            return nothing
        directory = os.path.join(cls.directory, name)
        if not os.path.exists(directory):
            os.makedirs(directory)
            shutil.copy(os.path.join(service.BUILD, "tests", "hostile", f"agent-without-{name}"),
                        os.path.join(directory, "agent"))

        def change(_, host):
            for i, mount in enumerate(host["Mounts"]):
                if mount["Target"] == "/dockgate":
                    host["Mounts"][i] = {"Type": "bind", "Source": directory,
                                         "Target": "/dockgate", "ReadOnly": True}
        return change

    @classmethod
    def tearDownClass(cls):
        print("\nWithout                        at         get through", file=sys.stderr)
        for (name, _, _, level, _, _), seen in zip(DEFENCES, cls.seen):
            through = ", ".join(sorted(seen.result())) or "nobody: a second layer holds"
            print(f"{name:30} {level:10} {through}", file=sys.stderr)

    @classmethod
    def through(cls, number):
        """Those of which something else came than their sources say."""
        _, _, _, level, expected, others = DEFENCES[number]
        found = set()
        for program in [*expected, *others]:
            if program.startswith("agents:"):
                continue
            if program == "calls":
                found |= cls.calls(number)
            elif program != NOTHING_RUNS:
                for _ in range(OFTEN.get(program, 1)):
                    found |= cls.one(program, number)
        if any(program.startswith("agents:") for program in expected):
            found |= cls.agents(number, level)
        return found

    @classmethod
    def one(cls, program, number):
        job, files = run_one(cls.service.native, program, slug(number), cls.hosts.port)
        if job["verdict"] == "engine_error" and program != HARMLESS:
            # Did it take the agent with it?
            cls.said[number].append(f"{program}: {job['error']}")
            return cls.one(HARMLESS, number) or {program}
        if job["verdict"] == "engine_error" or job["isolation"] != DEFENCES[number][3]:
            cls.said[number].append(f"{program}: {job['isolation']}: {job.get('error')}")
            return {NOTHING_RUNS}
        wrong = not_as_expected(program, job, files)
        if wrong is not None:
            cls.said[number].append(f"{program}: {wrong}: {job}")
        return {program} if wrong else set()

    @classmethod
    def calls(cls, number):
        job = cls.service.native.run(f"calls-{slug(number)}")
        if job["verdict"] == "engine_error" or job["isolation"] != DEFENCES[number][3]:
            return {NOTHING_RUNS}
        answers = syscalls.read_answers(job["stdout"]["content"])
        column = DEFENCES[number][3]
        table = {key: (words[syscalls.COLUMNS.index(column)],) * len(syscalls.COLUMNS)
                 for key, words in cls.table.items()}
        return {"calls"} if syscalls.differences(
            table, {name: answers for name in syscalls.COLUMNS}) else set()

    @classmethod
    def agents(cls, number, level):
        task = f"looked-at-{slug(number)}"
        expected = agents.IN_CONTAINER if level == "container" else agents.IN_SANDBOX
        job = cls.service.native.accept(task, args=["sleep_for_ever", "0"])
        for _ in service.until(20, 0.1):  # the engine's own may come later than all others
            found = agents.settled(cls.service, task, JOB_UID_BASE, job)
            kinds = agents.differ(expected, found)
            if kinds or not found:
                break
        cls.service.native.call("DELETE", f"/v1/jobs/{job}")
        return {f"agents: {kind}" for kind in kinds} if found else {NOTHING_RUNS}


    def test_the_engine_is_asked_for_nothing_else(self):
        concurrent.futures.wait(self.seen)
        self.assertLessEqual({"GET /_ping", "GET /info"}, self.proxy.asked)
        self.assertEqual([what for what in self.proxy.asked if not ASKED.fullmatch(what)], [])
        for what in ("create", "start", "attach"):
            self.assertTrue(any(what in one for one in self.proxy.asked), what)


def add_test(number, name, level, expected):
    def test(self):
        self.assertEqual(self.seen[number].result(), expected, "\n".join(self.said[number]))
        # What changed nothing lets nobody through either.
        self.assertTrue(any(task.endswith("-" + slug(number)) for task in self.proxy.changed))
        figures.add("hostile.mutations", 1)
    words = "".join(c if c.isalnum() else "_" for c in name)
    test.__name__ = f"test_{number:02}_without_{words}_in_{level}"
    setattr(Weak, test.__name__, test)


for _number, (_name, _, _, _level, _expected, _) in enumerate(DEFENCES):
    add_test(_number, _name, _level, _expected)
