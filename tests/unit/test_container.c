/* SPDX-License-Identifier: MIT */
/* What the order for a container has, and what it must never have. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "driver/container.h"

static struct task task;
static struct container_host host;
static struct container_shape shape;

static int reset(void **state)
{
	(void)state;
	task = (struct task){ .name = (char *)(uintptr_t) "t" };
	host = (struct container_host){ .instance = "i",
		.agent_volume = "dockgate-agent-x",
		.cgroup_parent = "/dockgate",
		.seccomp = "{\"a\":1}",
		.cpus = 2000 };
	shape = (struct container_shape){ .task = &task,
		.image = "sha256:1",
		.slot = 3,
		.agent_uid = 100006,
		.job_uid = 100007 };
	limits_default(&shape.limits);
	return 0;
}

static json_t *make(void)
{
	char *text = NULL;
	struct err err;
	json_t *root;

	assert_int_equal(container_json(&host, &shape, &text, &err), 0);
	root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	free(text);
	return root;
}

static const json_t *hc(const json_t *root, const char *name)
{
	return json_object_get(json_object_get(root, "HostConfig"), name);
}

static bool has_string(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach(
		list, i, item) if (strcmp(json_string_value(item), text) == 0) return true;
	return false;
}

static void it_is_locked(void **state)
{
	json_t *root = make();

	(void)state;
	assert_string_equal(json_string_value(hc(root, "NetworkMode")), "none");
	assert_true(json_is_true(json_object_get(root, "NetworkDisabled")));
	assert_string_equal(json_string_value(hc(root, "IpcMode")), "none");
	assert_true(json_is_true(hc(root, "ReadonlyRootfs")));
	assert_true(json_is_false(hc(root, "Privileged")));
	assert_true(json_is_false(hc(root, "AutoRemove")));
	assert_true(has_string(hc(root, "CapDrop"), "ALL"));
	assert_int_equal(json_array_size(hc(root, "CapAdd")), 3);
	assert_true(has_string(hc(root, "SecurityOpt"), "no-new-privileges"));
	assert_true(has_string(hc(root, "SecurityOpt"), "seccomp={\"a\":1}"));
	assert_string_equal(
		json_string_value(json_object_get(hc(root, "LogConfig"), "Type")), "none");
	assert_string_equal(json_string_value(hc(root, "CgroupParent")), "/dockgate");
	assert_true(has_string(hc(root, "MaskedPaths"), "/proc/kcore"));
	assert_true(has_string(hc(root, "ReadonlyPaths"), "/proc/sys"));
	assert_int_equal(json_array_size(hc(root, "Mounts")), 1);
	assert_true(
		json_is_true(json_object_get(json_array_get(hc(root, "Mounts"), 0), "ReadOnly")));
	json_decref(root);
}

/* A slot is locked as any other, but for what the kernel wants open for its jobs' own proc. */
static void a_slot_leaves_proc_to_its_agent(void **state)
{
	json_t *root, *path;
	size_t i;

	(void)state;
	shape.sandbox = true;
	root = make();
	json_array_foreach(hc(root, "MaskedPaths"), i, path)
		assert_int_not_equal(strncmp(json_string_value(path), "/proc", 5), 0);
	assert_true(has_string(hc(root, "MaskedPaths"), "/sys/firmware"));
	assert_int_equal(json_array_size(hc(root, "ReadonlyPaths")), 0);
	assert_true(
		json_is_array(hc(root, "ReadonlyPaths"))); /* missing, it would be the engine's */
	assert_true(json_is_true(hc(root, "ReadonlyRootfs")));
	assert_int_equal(json_array_size(hc(root, "CapAdd")), 3);
	assert_true(has_string(hc(root, "SecurityOpt"), "seccomp={\"a\":1}"));
	assert_int_equal(json_integer_value(hc(root, "PidsLimit")),
		shape.limits.v[LIMIT_PROCESSES] + CONTAINER_PIDS_SLOT);
	assert_non_null(strstr(
		json_string_value(json_object_get(hc(root, "Tmpfs"), "/tmp")), "size=65536,"));
	json_decref(root);
}

static void it_never_has(void **state)
{
	static const char *const never[] = { "Binds", "Devices", "PidMode", "UTSMode", "UsernsMode",
		"VolumesFrom", "ExtraHosts", "GroupAdd", "OomKillDisable", "PortBindings",
		"DeviceRequests", "Runtime", "Sysctls" };
	json_t *root = make();

	(void)state;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		assert_null(hc(root, never[i]));
	assert_null(json_object_get(root, "Volumes"));
	assert_null(json_object_get(root, "ExposedPorts"));
	json_decref(root);
}

static void memory_holds_the_tmpfs_and_no_swap(void **state)
{
	json_t *root;
	int64_t want;

	(void)state;
	shape.limits.v[LIMIT_MEMORY] = 100 * MIB;
	shape.limits.v[LIMIT_DISK] = 10 * MIB;
	want = (100 + 2 * 10) * MIB + LIMITS_SHM_MAX + CONTAINER_MEMORY_RESERVE;
	root = make();
	assert_int_equal(json_integer_value(hc(root, "Memory")), want);
	assert_int_equal(json_integer_value(hc(root, "MemorySwap")), want);
	assert_non_null(strstr(json_string_value(json_object_get(hc(root, "Tmpfs"), "/workspace")),
		"size=10485760,nr_inodes=2560,exec,mode=0700,uid=100007,gid=100007"));
	assert_non_null(json_object_get(hc(root, "Tmpfs"), "/tmp"));
	assert_non_null(json_object_get(hc(root, "Tmpfs"), "/dev/shm"));
	json_decref(root);
}

static void cpus_are_at_most_the_machines(void **state)
{
	json_t *root;

	(void)state;
	shape.limits.v[LIMIT_CPUS] = 8000;
	root = make();
	assert_int_equal(json_integer_value(hc(root, "NanoCpus")), 2000000000);
	json_decref(root);
}

static void mounts_of_the_host_are_read_only_whatever_is_asked(void **state)
{
	struct task_mount mounts[] = {
		{ (char *)(uintptr_t) "/srv/data", (char *)(uintptr_t) "/data", true },
		{ (char *)(uintptr_t) "models", (char *)(uintptr_t) "/models", true },
	};
	json_t *root;
	const json_t *bind;

	(void)state;
	task.mounts = mounts;
	task.n_mounts = 2;
	root = make();
	assert_int_equal(json_array_size(hc(root, "Mounts")), 3);
	bind = json_array_get(hc(root, "Mounts"), 1);
	assert_string_equal(json_string_value(json_object_get(bind, "Type")), "bind");
	assert_true(json_is_true(json_object_get(bind, "ReadOnly")));
	assert_true(json_is_true(
		json_object_get(json_object_get(bind, "BindOptions"), "NonRecursive")));
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(hc(root, "Mounts"), 2), "Type")),
		"volume");
	json_decref(root);
}

/* They would be writable directories on the engine's disk. */
static void volumes_of_the_image_are_covered(void **state)
{
	struct strv volumes = { 0 };
	json_t *root;
	struct err err;

	(void)state;
	assert_int_equal(strv_add(&volumes, "/var/lib/x", &err), 0);
	assert_int_equal(strv_add(&volumes, "/tmp", &err), 0);
	shape.image_volumes = &volumes;
	root = make();
	assert_int_equal(json_object_size(hc(root, "Tmpfs")), 4);
	assert_int_equal(
		strncmp(json_string_value(json_object_get(hc(root, "Tmpfs"), "/var/lib/x")), "ro,",
			3),
		0);
	json_decref(root);
	strv_done(&volumes);
}

static void what_a_task_asks_for_it_gets(void **state)
{
	json_t *root;
	const json_t *gpu;

	(void)state;
	task.network = true;
	task.writable_root = true;
	task.runtime = (char *)(uintptr_t) "runsc";
	task.gpus = (char *)(uintptr_t) "0,GPU-5";
	host.apparmor = "dockgate-slot";
	shape.job = "abc";
	shape.attempt = 2;
	root = make();
	assert_string_equal(json_string_value(hc(root, "NetworkMode")), "bridge");
	assert_true(json_is_false(hc(root, "ReadonlyRootfs")));
	assert_string_equal(json_string_value(hc(root, "Runtime")), "runsc");
	/* Its kernel's threads are counted, too. */
	assert_int_equal(json_integer_value(hc(root, "PidsLimit")),
		4 * (shape.limits.v[LIMIT_PROCESSES] + CONTAINER_PIDS_RESERVE) + 128);
	assert_true(has_string(hc(root, "SecurityOpt"), "apparmor=dockgate-slot"));
	gpu = json_array_get(hc(root, "DeviceRequests"), 0);
	assert_int_equal(json_array_size(json_object_get(gpu, "DeviceIDs")), 2);
	assert_null(json_object_get(gpu, "Count"));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(root, "Labels"), LABEL_JOB)),
		"abc");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(root, "Labels"), LABEL_ATTEMPT)),
		"2");
	json_decref(root);
	task.gpus = (char *)(uintptr_t) "all";
	root = make();
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(hc(root, "DeviceRequests"), 0), "Count")),
		-1);
	json_decref(root);
}

static const char *tmpfs_of(const json_t *root, const char *path)
{
	return json_string_value(json_object_get(hc(root, "Tmpfs"), path));
}

/* It refuses some of Docker's words, and takes others for something else. */
static void podman_is_told_in_its_own_words(void **state)
{
	json_t *root;

	(void)state;
	host.podman = true;
	host.seccomp = "/state/driver/seccomp.json";
	root = make();
	assert_true(has_string(hc(root, "SecurityOpt"), "seccomp=/state/driver/seccomp.json"));
	assert_false(has_string(hc(root, "SecurityOpt"), "unmask=ALL"));
	assert_non_null(strstr(tmpfs_of(root, "/workspace"), "notmpcopyup,exec,mode=0777"));
	assert_null(strstr(tmpfs_of(root, "/tmp"), "nr_inodes"));
	assert_non_null(strstr(tmpfs_of(root, "/var/tmp"), "ro,"));
	assert_non_null(strstr(tmpfs_of(root, "/run"), "ro,"));
	assert_null(json_object_get(root, "Healthcheck"));
	assert_int_equal(json_array_size(hc(root, "Ulimits")), 7);
	json_decref(root);
	shape.image_checks_health = true;
	root = make();
	assert_non_null(json_object_get(root, "Healthcheck"));
	json_decref(root);
}

static const char *mask_of(const json_t *root)
{
	const json_t *list = hc(root, "SecurityOpt"), *item;
	size_t i;

	json_array_foreach(list, i, item) if (strncmp(json_string_value(item), "mask=", 5) ==
					      0) return json_string_value(item);
	return "";
}

/* Its own masks would stay in a slot, and ours are no list of paths. */
static void podman_masks_as_docker_does(void **state)
{
	json_t *root;

	(void)state;
	host.podman = true;
	root = make();
	assert_non_null(strstr(mask_of(root), "/proc/kcore"));
	assert_non_null(strstr(mask_of(root), "/sys/firmware"));
	json_decref(root);
	shape.sandbox = true;
	root = make();
	assert_true(has_string(hc(root, "SecurityOpt"), "unmask=ALL"));
	assert_null(strstr(mask_of(root), "/proc"));
	assert_non_null(strstr(mask_of(root), "/sys/firmware"));
	json_decref(root);
}

/* A name that is no UTF-8 must not drop a mount, a label or a lock in silence. */
static void what_cannot_be_written_is_refused(void **state)
{
	struct task_mount mount = { (char *)(uintptr_t) "/srv/\xff", (char *)(uintptr_t) "/data",
		false };
	char *text = NULL;
	struct err err;

	(void)state;
	task.mounts = &mount;
	task.n_mounts = 1;
	assert_int_equal(container_json(&host, &shape, &text, &err), -EINVAL);
	assert_null(text);
	task.n_mounts = 0;
	host.seccomp = "\xff";
	assert_int_equal(container_json(&host, &shape, &text, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_is_locked, reset),
		cmocka_unit_test_setup(it_never_has, reset),
		cmocka_unit_test_setup(a_slot_leaves_proc_to_its_agent, reset),
		cmocka_unit_test_setup(memory_holds_the_tmpfs_and_no_swap, reset),
		cmocka_unit_test_setup(cpus_are_at_most_the_machines, reset),
		cmocka_unit_test_setup(mounts_of_the_host_are_read_only_whatever_is_asked, reset),
		cmocka_unit_test_setup(volumes_of_the_image_are_covered, reset),
		cmocka_unit_test_setup(what_a_task_asks_for_it_gets, reset),
		cmocka_unit_test_setup(podman_is_told_in_its_own_words, reset),
		cmocka_unit_test_setup(podman_masks_as_docker_does, reset),
		cmocka_unit_test_setup(what_cannot_be_written_is_refused, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
