/* SPDX-License-Identifier: MIT */
/* What doctor says of machines: each is a directory with the files of /proc and /sys that count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/doctor.h"

static char root[64];
static const struct cli cli = { .json = true };
static struct doctor d;

static void put(const char *path, const char *text)
{
	char whole[300];
	FILE *f;

	(void)snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')) != NULL; *at++ = '/') {
		*at = '\0';
		(void)mkdir(whole, 0755);
	}
	f = fopen(whole, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int start(void **state)
{
	static const char text[] =
		"task \"t\" { image = \"i\" command = {\"c\"} isolation = sandbox }";
	struct err err;

	(void)state;
	(void)strcpy(root, "/tmp/dockgate-test-XXXXXX");
	assert_non_null(mkdtemp(root));
	d = (struct doctor){ .cli = &cli, .root = root, .lines = json_array() };
	assert_int_equal(config_parse(text, "test", NULL, NULL, &d.config, &err), 0);
	d.info = json_pack("{s:i, s:I, s:s, s:b}", "NCPU", 2, "MemTotal", (json_int_t)1 << 30,
		"CgroupDriver", "cgroupfs", "SwapLimit", 0);
	put("/sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n");
	put("/proc/swaps", "Filename\tType\tSize\n");
	return 0;
}

static int stop(void **state)
{
	char command[100];

	(void)state;
	json_decref(d.lines);
	json_decref(d.info);
	config_free(d.config);
	(void)snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command); /* a name that we made */
}

static void look(void)
{
	json_array_clear(d.lines);
	d.failed = false;
	doctor_host(&d);
}

/* The grade of the line of that check that has the word; NULL: there is none. */
static const char *grade_of(const char *check, const char *word)
{
	const json_t *line;
	size_t i;

	json_array_foreach(d.lines, i,
		line) if (strcmp(json_string_value(json_object_get(line, "check")), check) == 0 &&
			  strstr(json_string_value(json_object_get(line, "text")), word) !=
				  NULL) return json_string_value(json_object_get(line, "state"));
	return NULL;
}

static void assert_says(const char *grade, const char *check, const char *word)
{
	const char *is = grade_of(check, word);

	if (is == NULL || strcmp(is, grade) != 0)
		fail_msg(
			"%s, %s: %s, expected %s", check, word, is == NULL ? "no line" : is, grade);
}

static void a_sound_machine_gives_no_warning(void **state)
{
	const json_t *line;
	size_t i;

	(void)state;
	put("/proc/sys/kernel/randomize_va_space", "2\n");
	put("/proc/sys/fs/protected_symlinks", "1\n");
	put("/proc/sys/kernel/core_pattern", "core\n");
	put("/sys/fs/cgroup/dockgate/memory.max", "1073741824\n");
	put("/sys/fs/cgroup/dockgate/pids.max", "16384\n");
	look();
	json_array_foreach(d.lines, i, line)
		assert_string_equal(json_string_value(json_object_get(line, "state")), "ok");
	assert_says("ok", "cap", "1024 MiB of memory, 16384 processes");
	assert_says("ok", "sysctl", "2 settings");
}

static void each_weakness_is_named(void **state)
{
	(void)state;
	put("/proc/sys/kernel/randomize_va_space", "1\n");
	put("/proc/sys/fs/protected_hardlinks", "0\n");
	put("/proc/sys/kernel/kptr_restrict", "0\n");
	put("/proc/sys/kernel/core_pattern", "|/usr/share/apport/apport %p\n");
	put("/proc/sys/kernel/unprivileged_userns_clone", "0\n");
	put("/proc/swaps", "Filename\tType\tSize\n/dev/sda2\tpartition\t1000\n");
	put("/sys/kernel/mm/ksm/run", "1\n");
	put("/sys/devices/system/cpu/smt/active", "1\n");
	put("/sys/devices/system/cpu/vulnerabilities/meltdown", "Vulnerable\n");
	put("/sys/devices/system/cpu/vulnerabilities/mds", "Not affected\n");
	look();
	assert_says("warn", "sysctl", "kernel.randomize_va_space is 1");
	assert_says("warn", "sysctl", "fs.protected_hardlinks");
	assert_says("note", "sysctl", "kernel.kptr_restrict");
	assert_says("warn", "core dumps", "/usr/share/apport/apport");
	assert_says("warn", "namespaces", "level sandbox");
	assert_says("warn", "swap", "more than its memory limit");
	assert_says("warn", "ksm", "merged");
	assert_says("note", "processors", "share a core");
	assert_says("note", "processors", "to: meltdown");
	assert_null(grade_of("processors", "mds"));
	assert_false(d.failed);
	(void)json_object_set_new(d.info, "SwapLimit", json_true());
	look();
	assert_says("note", "swap", "secrets");
}

static void a_cap_is_missed_where_there_is_none(void **state)
{
	(void)state;
	look();
	assert_says("note", "cap", "is not there");
	put("/sys/fs/cgroup/dockgate/memory.max", "max\n");
	put("/sys/fs/cgroup/dockgate/pids.max", "max\n");
	look();
	assert_says("warn", "cap", "memory and processes");
	put("/sys/fs/cgroup/dockgate/memory.max", "1000000\n");
	look();
	assert_says("warn", "cap", "on processes");
}

static void version_1_and_slices_are_looked_at_where_they_are(void **state)
{
	char path[200];

	(void)state;
	put("/sys/fs/cgroup/dockgate.slice/memory.max", "max\n");
	put("/sys/fs/cgroup/dockgate.slice/pids.max", "5\n");
	(void)json_object_set_new(d.info, "CgroupDriver", json_string("systemd"));
	look();
	assert_says("warn", "cap", "/dockgate.slice: all jobs together have no bound on memory");
	(void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup/cgroup.controllers", root);
	assert_int_equal(unlink(path), 0);
	(void)json_object_set_new(d.info, "CgroupDriver", json_string("cgroupfs"));
	put("/sys/fs/cgroup/memory/dockgate/memory.limit_in_bytes", "9223372036854771712\n");
	put("/sys/fs/cgroup/pids/dockgate/pids.max", "16384\n");
	look();
	assert_says("note", "cgroups", "version 1");
	assert_says("warn", "cap", "on memory and");
	put("/sys/fs/cgroup/memory/dockgate/memory.limit_in_bytes", "1073741824\n");
	look();
	assert_says("ok", "cap", "1024 MiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_sound_machine_gives_no_warning, start, stop),
		cmocka_unit_test_setup_teardown(each_weakness_is_named, start, stop),
		cmocka_unit_test_setup_teardown(a_cap_is_missed_where_there_is_none, start, stop),
		cmocka_unit_test_setup_teardown(
			version_1_and_slices_are_looked_at_where_they_are, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
