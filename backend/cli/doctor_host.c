/* SPDX-License-Identifier: MIT */
/*
 * The machine: kernel settings that make a way out narrower, memory that others could look into,
 * and the cgroup that holds all jobs together. Only what this kernel has is judged.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/number.h"
#include "doctor.h"
#include "driver/host.h"

#define UNLIMITED (INT64_C(1) << 60) /* v1 writes the largest number of pages */

/* The first line of a file below d->root, without its end; false where there is none. */
static bool line_of(const struct doctor *d, const char *path, char *ret, size_t size)
{
	cleanup_fclose FILE *f = NULL;
	char whole[4096];

	if (snprintf(whole, sizeof(whole), "%s%s", d->root, path) >= (int)sizeof(whole))
		return false;
	f = fopen(whole, "re");
	if (f == NULL || fgets(ret, (int)size, f) == NULL)
		return false;
	ret[strcspn(ret, "\n")] = '\0';
	return true;
}

int64_t doctor_number(const struct doctor *d, const char *path)
{
	char line[32];
	int64_t n;

	return line_of(d, path, line, sizeof(line)) && number_parse(line, 0, INT64_MAX, &n) ? n
											    : -1;
}

/* ---- kernel settings ---------------------------------------------------------------- */

static const struct {
	const char *path; /* below /proc/sys */
	const char *name; /* as sysctl(8) has it */
	int64_t least;
	enum grade grade;
	const char *meaning;
} settings[] = {
	{ "kernel/randomize_va_space", "kernel.randomize_va_space", 2, GRADE_WARN,
		"programs lie at addresses that can be guessed" },
	{ "fs/protected_hardlinks", "fs.protected_hardlinks", 1, GRADE_WARN,
		"users of this machine can link to files that are not theirs" },
	{ "fs/protected_symlinks", "fs.protected_symlinks", 1, GRADE_WARN,
		"users of this machine can lead root's programs astray in /tmp" },
	{ "fs/protected_fifos", "fs.protected_fifos", 1, GRADE_NOTE,
		"users of this machine can put fifos in the way of others' files in /tmp" },
	{ "fs/protected_regular", "fs.protected_regular", 1, GRADE_NOTE,
		"users of this machine can put files in the way of others' in /tmp" },
	{ "kernel/kptr_restrict", "kernel.kptr_restrict", 1, GRADE_NOTE,
		"the kernel tells its addresses, which who breaks it needs; jobs do not see them" },
	{ "kernel/dmesg_restrict", "kernel.dmesg_restrict", 1, GRADE_NOTE,
		"every user reads the kernel's log; jobs do not" },
	{ "kernel/yama/ptrace_scope", "kernel.yama.ptrace_scope", 1, GRADE_NOTE,
		"a user's programs can look into each other; jobs and roles cannot" },
	{ "kernel/unprivileged_bpf_disabled", "kernel.unprivileged_bpf_disabled", 1, GRADE_NOTE,
		"every user can load programs into the kernel; jobs cannot" },
	{ "kernel/perf_event_paranoid", "kernel.perf_event_paranoid", 2, GRADE_NOTE,
		"every user can measure the kernel; jobs cannot" },
};

static void check_settings(struct doctor *d)
{
	char path[128], advice[128];
	size_t good = 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int64_t is;

		(void)snprintf(path, sizeof(path), "/proc/sys/%s", settings[i].path);
		is = doctor_number(d, path);
		if (is < 0)
			continue;
		good += is >= settings[i].least;
		(void)snprintf(advice, sizeof(advice),
			"sysctl -w %s=%d, and a file in /etc/sysctl.d with it", settings[i].name,
			(int)settings[i].least);
		if (is < settings[i].least)
			doctor_say(d, settings[i].grade, "sysctl", advice, "%s is %d: %s",
				settings[i].name, (int)is, settings[i].meaning);
	}
	doctor_say(d, GRADE_OK, "sysctl", NULL, "%zu settings are as they should be", good);
}

static bool wants_sandbox(const struct doctor *d)
{
	for (size_t i = 0; d->config != NULL && i < d->config->n_tasks; i++)
		if (d->config->tasks[i].isolation == ISOLATION_SANDBOX)
			return true;
	return false;
}

/* Debian's own switch, and everybody's: level sandbox is made of user namespaces. */
static void check_user_namespaces(struct doctor *d)
{
	int64_t most = doctor_number(d, "/proc/sys/user/max_user_namespaces");
	int64_t unprivileged = doctor_number(d, "/proc/sys/kernel/unprivileged_userns_clone");
	bool off = most == 0 || unprivileged == 0;

	if (off && wants_sandbox(d))
		doctor_say(d, GRADE_WARN, "namespaces",
			most == 0 ? "sysctl -w user.max_user_namespaces=65536"
				  : "sysctl -w kernel.unprivileged_userns_clone=1",
			"no user namespaces: tasks at level sandbox get a container for each job");
	else if (!off && d->config != NULL && !wants_sandbox(d))
		doctor_say(d, GRADE_NOTE, "namespaces",
			"sysctl -w user.max_user_namespaces=0, where nothing else needs them",
			"every user may make user namespaces, which much of the kernel is open to; "
			"no "
			"task here is at level sandbox, and jobs cannot make any");
	else
		doctor_say(d, GRADE_OK, "namespaces", NULL, "user namespaces: %s",
			off ? "none" : "for level sandbox; jobs cannot make any");
}

/* A pipe is a program that the kernel starts as root, outside of all containers. */
static void check_core_pattern(struct doctor *d)
{
	char pattern[256];

	if (!line_of(d, "/proc/sys/kernel/core_pattern", pattern, sizeof(pattern)))
		return;
	if (pattern[0] == '|')
		doctor_say(d, GRADE_WARN, "core dumps",
			"sysctl -w kernel.core_pattern=core, or be sure that program is sound",
			"each crash of a job starts %.80s as root on this machine, with what the "
			"job had in memory",
			pattern + 1);
	else
		doctor_say(d, GRADE_OK, "core dumps", NULL, "no program is started for them");
}

/* ---- memory and processors ------------------------------------------------------------ */

static bool swaps(const struct doctor *d)
{
	cleanup_fclose FILE *f = NULL;
	char path[4096], line[256];
	int n = 0;

	(void)snprintf(path, sizeof(path), "%s/proc/swaps", d->root);
	f = fopen(path, "re");
	while (f != NULL && n < 2 && fgets(line, sizeof(line), f) != NULL)
		n++; /* the first line is the table's head */
	return n == 2;
}

static void check_memory(struct doctor *d)
{
	if (!swaps(d))
		doctor_say(d, GRADE_OK, "swap", NULL, "none");
	else if (d->info != NULL && !json_is_true(json_object_get(d->info, "SwapLimit")))
		doctor_say(d, GRADE_WARN, "swap", "swapoff -a, or boot with swapaccount=1",
			"there is swap and the engine cannot keep jobs out of it: a job may use "
			"more than its memory limit");
	else
		doctor_say(d, GRADE_NOTE, "swap", "swapoff -a, or swap on an encrypted disk",
			"jobs get none, but secrets of the roles may come to the disk");
	if (doctor_number(d, "/sys/kernel/mm/ksm/run") == 1)
		doctor_say(d, GRADE_WARN, "ksm", "echo 2 >/sys/kernel/mm/ksm/run",
			"equal pages are merged: how long a write takes can tell one job what "
			"another has in memory");
	else
		doctor_say(d, GRADE_OK, "ksm", NULL, "memory is not merged");
}

static void check_processors(struct doctor *d)
{
	static const char place[] = "/sys/devices/system/cpu/vulnerabilities";
	char path[600], text[128], names[300] = "";
	const struct dirent *entry;
	size_t len = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s%s", d->root, place);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%.64s", place, entry->d_name);
		if (entry->d_name[0] != '.' && line_of(d, path, text, sizeof(text)) &&
			strncmp(text, "Vulnerable", 10) == 0 && len + 66 < sizeof(names))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%.64s",
				len == 0 ? "" : ", ", entry->d_name);
	}
	if (dir != NULL)
		(void)closedir(dir);
	if (len > 0)
		doctor_say(d, GRADE_NOTE, "processors",
			"update microcode and kernel; side channels are not what dockgate keeps "
			"shut",
			"the kernel says that they can be listened to: %s", names);
	if (doctor_number(d, "/sys/devices/system/cpu/smt/active") == 1)
		doctor_say(d, GRADE_NOTE, "processors",
			"echo off >/sys/devices/system/cpu/smt/control, where jobs are each "
			"other's "
			"enemies",
			"two jobs may share a core (SMT) and learn of each other by timing");
}

/* ---- cgroups -------------------------------------------------------------------------- */

static bool is_v2(const struct doctor *d)
{
	char line[256];

	return line_of(d, "/sys/fs/cgroup/cgroup.controllers", line, sizeof(line));
}

static void check_cgroups(struct doctor *d)
{
	struct statfs fs;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup", d->root);
	if (statfs(path, &fs) < 0)
		doctor_say(d, GRADE_FAIL, "cgroups", "mount them: systemd does, or cgroupfs-mount",
			"/sys/fs/cgroup: %s", strerror(errno));
	else if (is_v2(d))
		doctor_say(d, GRADE_OK, "cgroups", NULL, "version 2");
	else
		doctor_say(d, GRADE_NOTE, "cgroups",
			"boot with systemd.unified_cgroup_hierarchy=1, where all programs know it",
			"version 1, whose release_agent has been a way out of containers; those of "
			"jobs cannot write to it");
}

/* A number of the cgroup of all jobs; -1: none, or without a bound. */
static int64_t bound_of(
	const struct doctor *d, const char *controller, const char *parent, const char *file)
{
	char path[512];
	int64_t n;

	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s%s%s/%s", is_v2(d) ? "" : "/",
		is_v2(d) ? "" : controller, parent, file);
	n = doctor_number(d, path);
	return n >= UNLIMITED ? -1 : n;
}

static void check_cap(struct doctor *d)
{
	char parent[256] = "/", path[600];
	int64_t memory, processes;
	struct host host;
	struct err err;
	bool v2 = is_v2(d), slice;

	if (d->config == NULL || d->info == NULL || host_parse(d->info, &host, &err) < 0)
		return;
	slice = host.systemd_cgroups;
	host_cgroup_parent(d->config, &host, parent + slice, sizeof(parent) - slice);
	(void)snprintf(
		path, sizeof(path), "%s/sys/fs/cgroup%s%s", d->root, v2 ? "" : "/memory", parent);
	if (access(path, F_OK) < 0) {
		doctor_say(d, GRADE_NOTE, "cap", NULL,
			"%s is not there: %s makes it when jobs are there", path,
			slice ? "systemd" : "the driver");
		return;
	}
	memory = bound_of(d, "memory", parent, v2 ? "memory.max" : "memory.limit_in_bytes");
	processes = bound_of(d, "pids", parent, "pids.max");
	if (memory >= 0 && processes >= 0)
		doctor_say(d, GRADE_OK, "cap", NULL,
			"all jobs together: %lld MiB of memory, %lld processes",
			(long long)(memory / MIB), (long long)processes);
	else
		doctor_say(d, GRADE_WARN, "cap",
			slice ? "deploy/systemd/dockgate.slice has one: systemctl daemon-reload; "
				"systemctl set-property dockgate.slice MemoryMax=90% TasksMax=16384"
			      : "start `serve` as root, which sets it, or write them there before",
			"%s: all jobs together have no bound on %s%s%s and could take the machine",
			parent, memory < 0 ? "memory" : "",
			memory < 0 && processes < 0 ? " and " : "",
			processes < 0 ? "processes" : "");
}

void doctor_host(struct doctor *d)
{
	check_cgroups(d);
	check_cap(d);
	check_memory(d);
	check_settings(d);
	check_user_namespaces(d);
	check_core_pattern(d);
	check_processors(d);
}
