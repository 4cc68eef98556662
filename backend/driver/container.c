/* SPDX-License-Identifier: MIT */
#include "container.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "gpu_request.h"
#include "wire/frame.h"
#include "wire/proc_masks.h"

/* What of /sys a container must not read; of /proc it is proc_masks.h. Engines' own lists differ.
 */
static const char *const masked_sys[] = {
	"/sys/class/dmi",
	"/sys/devices/virtual/dmi",
	"/sys/devices/virtual/powercap",
	"/sys/firmware",
	"/sys/kernel",
};

static const char *const readonly_paths[] = {
	"/proc/bus",
	"/proc/fs",
	"/proc/irq",
	"/proc/sys",
	"/proc/sysrq-trigger",
};

int container_read_id(
	const struct engine_reply *reply, char ret[static CONTAINER_ID_MAX + 1], struct err *err)
{
	json_t *root = engine_json(reply, JSON_OBJECT, err);
	const char *id = json_string_value(json_object_get(root, "Id"));
	size_t n = id == NULL ? 0 : strlen(id);
	int r = root == NULL ? -err->code : 0;

	if (r == 0 && (n == 0 || n > CONTAINER_ID_MAX || strspn(id, "0123456789abcdef") != n))
		r = err_say(err, EPROTO, "the engine's answer has no Id");
	if (r == 0)
		memcpy(ret, id, n + 1);
	json_decref(root);
	return r;
}

int container_read_state(
	const struct engine_reply *reply, struct container_state *ret, struct err *err)
{
	json_t *root = engine_json(reply, JSON_OBJECT, err);
	const json_t *state = json_object_get(root, "State");
	const json_t *code = json_object_get(state, "ExitCode");
	json_int_t n = json_integer_value(code);

	if (root == NULL)
		return -err->code;
	*ret = (struct container_state){
		.running = json_is_true(json_object_get(state, "Running")) ||
			   json_is_true(json_object_get(state, "Paused")),
		.oom = json_is_true(json_object_get(state, "OOMKilled")),
		.exit_code = json_is_integer(code) && n >= 0 && n <= 255 ? (int)n : -1,
	};
	json_decref(root);
	return 0;
}

int64_t container_memory_bytes(const struct limits *limits)
{
	return limits->v[LIMIT_MEMORY] + 2 * limits->v[LIMIT_DISK] + limits_shm_bytes(limits) +
	       CONTAINER_MEMORY_RESERVE;
}

/*
 * Podman refuses nr_inodes, so that there the container's memory is all that bounds them, and an
 * owner: the workspace is everybody's, of whom there is one. It would copy in what the image has at
 * the path.
 */
static int set_tmpfs(json_t *tmpfs, const struct container_host *host, const char *path,
	int64_t bytes, const char *rest)
{
	char text[200], inodes[40];

	(void)snprintf(inodes, sizeof(inodes), "nr_inodes=%" PRId64, limits_inodes(bytes));
	(void)snprintf(text, sizeof(text), "rw,nosuid,nodev,size=%" PRId64 ",%s,%s", bytes,
		host->podman ? "notmpcopyup" : inodes, rest);
	return json_object_set_new(tmpfs, path, json_string(text));
}

static bool task_mounts(const struct task *task, const char *path)
{
	for (size_t i = 0; i < task->n_mounts; i++)
		if (strcmp(task->mounts[i].target, path) == 0)
			return true;
	return false;
}

static bool is_ours(const char *path)
{
	static const char *const ours[] = { AGENT_WORKSPACE, "/tmp", "/dev/shm", "/dockgate" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(ours[i], path) == 0)
			return true;
	return false;
}

/* An empty, read-only tmpfs. */
static void cover(json_t *tmpfs, const struct container_host *host,
	const struct container_shape *shape, const char *path)
{
	if (!is_ours(path) && !task_mounts(shape->task, path))
		(void)json_object_set_new(tmpfs, path,
			json_sprintf("ro,nosuid,nodev,noexec,size=4096,%s",
				host->podman ? "notmpcopyup" : "nr_inodes=2"));
}

/*
 * In a slot the jobs' own file systems come over these, which only have to be
 * there: what a job could fill is none of them.
 */
#define SLOT_TMPFS_BYTES 65536

static json_t *tmpfs_json(const struct container_host *host, const struct container_shape *shape)
{
	const struct limits *limits = &shape->limits;
	int64_t disk = shape->sandbox ? SLOT_TMPFS_BYTES : limits->v[LIMIT_DISK];
	int64_t shm = shape->sandbox ? SLOT_TMPFS_BYTES : limits_shm_bytes(limits);
	json_t *tmpfs = json_object();
	char rest[100];

	(void)snprintf(rest, sizeof(rest),
		host->podman ? "exec,mode=0777" : "exec,mode=0700,uid=%u,gid=%u", shape->job_uid,
		shape->job_uid);
	(void)set_tmpfs(tmpfs, host, AGENT_WORKSPACE, disk, rest);
	(void)set_tmpfs(tmpfs, host, "/tmp", disk, "exec,mode=1777");
	(void)set_tmpfs(tmpfs, host, "/dev/shm", shm, "noexec,mode=1777");
	/* Where the root is read-only Podman has them writable, without a limit of their size. */
	if (host->podman && !shape->task->writable_root) {
		cover(tmpfs, host, shape, "/run");
		cover(tmpfs, host, shape, "/var/tmp");
	}
	/*
	 * A VOLUME of the image would become a writable directory on the engine's
	 * disk, outside every limit: an empty read-only tmpfs takes its place.
	 */
	for (size_t i = 0; shape->image_volumes != NULL && i < shape->image_volumes->n; i++)
		cover(tmpfs, host, shape, shape->image_volumes->v[i]);
	return tmpfs;
}

static json_t *mount_json(const struct task_mount *mount)
{
	bool bind = mount->source[0] == '/';

	/* Never a writable directory of the host, whatever the configuration says. */
	json_t *json = json_pack("{s:s, s:s, s:s, s:b}", "Type", bind ? "bind" : "volume", "Source",
		mount->source, "Target", mount->target, "ReadOnly", bind || !mount->writable);

	/* Mounts below it would stay writable on engines before API 1.44: they stay outside. */
	if (bind)
		(void)json_object_set_new(json, "BindOptions",
			json_pack("{s:s, s:b}", "Propagation", "rprivate", "NonRecursive", 1));
	else
		(void)json_object_set_new(json, "VolumeOptions", json_pack("{s:b}", "NoCopy", 1));
	return json;
}

static json_t *mounts_json(const struct container_host *host, const struct task *task)
{
	json_t *mounts = json_array();

	(void)json_array_append_new(
		mounts, json_pack("{s:s, s:s, s:s, s:b, s:{s:b}}", "Type", "volume", "Source",
				host->agent_volume, "Target", "/dockgate", "ReadOnly", 1,
				"VolumeOptions", "NoCopy", 1));
	for (size_t i = 0; i < task->n_mounts; i++)
		(void)json_array_append_new(mounts, mount_json(&task->mounts[i]));
	return mounts;
}

static void add_ulimit(json_t *list, const char *name, int64_t value)
{
	(void)json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "Name", name, "Soft",
						  (json_int_t)value, "Hard", (json_int_t)value));
}

/* The job's, and some for the agent. */
static int64_t pids(const struct container_shape *shape)
{
	int64_t n = shape->limits.v[LIMIT_PROCESSES] +
		    (shape->sandbox ? CONTAINER_PIDS_SLOT : CONTAINER_PIDS_RESERVE);

	if (shape->task->runtime != NULL)
		n = n * CONTAINER_RUNTIME_THREADS + CONTAINER_PIDS_RUNTIME;
	return n;
}

static json_t *ulimits_json(const struct container_host *host, const struct container_shape *shape)
{
	const struct limits *limits = &shape->limits;
	json_t *list = json_array();
	int64_t files = limits->v[LIMIT_FILES], file = limits->v[LIMIT_FILE];

	add_ulimit(list, "core", 0);
	add_ulimit(list, "memlock", 64 * 1024);
	add_ulimit(list, "msgqueue", 0);
	add_ulimit(list, "sigpending", 1024);
	/* The job's own are lower and set by the agent, which needs some for itself. */
	add_ulimit(list, "nofile", files < 1024 ? 1024 : files);
	add_ulimit(list, "fsize", file < limits->v[LIMIT_DISK] ? limits->v[LIMIT_DISK] : file);
	/* What is not said is 4,194,304 there, which not every root may give. */
	if (host->podman)
		add_ulimit(list, "nproc", pids(shape));
	return list;
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static size_t n_masked(const struct container_shape *shape)
{
	return COUNT(masked_sys) + (shape->sandbox ? 0 : PROC_MASKS);
}

/* Podman takes no lists of paths: its own, or none in a slot, and what is said here. */
static int add_podman_masks(json_t *list, const struct container_shape *shape)
{
	char text[1000] = "mask=";
	size_t n = strlen(text);

	for (size_t i = 0; i < n_masked(shape) && n < sizeof(text); i++)
		n += (size_t)(i < COUNT(masked_sys)
				      ? snprintf(text + n, sizeof(text) - n, "%s%s",
						i == 0 ? "" : ":", masked_sys[i])
				      : snprintf(text + n, sizeof(text) - n, ":/proc/%s",
						proc_masks[i - COUNT(masked_sys)]));
	if (n >= sizeof(text) ||
		(shape->sandbox && json_array_append_new(list, json_string("unmask=ALL")) < 0))
		return -ENOMEM;
	return json_array_append_new(list, json_string(text));
}

static json_t *security_json(const struct container_host *host, const struct container_shape *shape)
{
	json_t *list = json_pack("[s]", "no-new-privileges");

	(void)json_array_append_new(list, json_sprintf("seccomp=%s", host->seccomp));
	if (host->apparmor != NULL)
		(void)json_array_append_new(list, json_sprintf("apparmor=%s", host->apparmor));
	if (host->podman)
		(void)add_podman_masks(list, shape);
	return list;
}

/*
 * The kernel refuses a proc of their own to namespaces within a container where
 * a part of its own proc is covered. So in a slot it is not, and the agent covers
 * each job's, as it is here.
 */
static void set_paths(json_t *hc, const struct container_shape *shape)
{
	json_t *masked = json_array(), *readonly = json_array();

	for (size_t i = 0; i < COUNT(masked_sys); i++)
		(void)json_array_append_new(masked, json_string(masked_sys[i]));
	for (size_t i = 0; !shape->sandbox && i < PROC_MASKS; i++)
		(void)json_array_append_new(masked, json_sprintf("/proc/%s", proc_masks[i]));
	for (size_t i = 0; !shape->sandbox && i < COUNT(readonly_paths); i++)
		(void)json_array_append_new(readonly, json_string(readonly_paths[i]));
	(void)json_object_set_new(hc, "MaskedPaths", masked);
	(void)json_object_set_new(hc, "ReadonlyPaths", readonly);
}

static void set_limits(
	json_t *hc, const struct container_host *host, const struct container_shape *shape)
{
	const struct limits *limits = &shape->limits;
	int64_t memory = container_memory_bytes(limits),
		cpus = limits->v[LIMIT_CPUS] +
		       (shape->sandbox ? CONTAINER_CPUS_SLOT : CONTAINER_CPUS_RESERVE);

	if (host->cpus > 0 && cpus > host->cpus)
		cpus = host->cpus; /* the engine refuses more than there are */
	(void)json_object_set_new(hc, "Memory", json_integer(memory));
	(void)json_object_set_new(hc, "MemorySwap", json_integer(memory)); /* equal: no swap */
	(void)json_object_set_new(hc, "PidsLimit", json_integer(pids(shape)));
	(void)json_object_set_new(hc, "NanoCpus", json_integer(cpus * 1000000));
	(void)json_object_set_new(hc, "OomScoreAdj", json_integer(500));
	(void)json_object_set_new(hc, "Ulimits", ulimits_json(host, shape));
}

static json_t *host_config_json(
	const struct container_host *host, const struct container_shape *shape)
{
	const struct task *task = shape->task;
	json_t *hc = json_pack("{s:b, s:{s:s}, s:{s:s, s:{}}, s:b, s:b, s:s, s:s, s:s, s:b}",
		"AutoRemove", 0, "RestartPolicy", "Name", "no", "LogConfig", "Type", "none",
		"Config", "Privileged", 0, "Init", 0, "NetworkMode",
		task->network ? "bridge" : "none", "IpcMode", "none", "CgroupnsMode", "private",
		"ReadonlyRootfs", !task->writable_root);

	(void)json_object_set_new(hc, "CapDrop", json_pack("[s]", "ALL"));
	(void)json_object_set_new(hc, "CapAdd", json_pack("[s,s,s]", "SETUID", "SETGID", "KILL"));
	(void)json_object_set_new(hc, "SecurityOpt", security_json(host, shape));
	(void)json_object_set_new(hc, "Tmpfs", tmpfs_json(host, shape));
	(void)json_object_set_new(hc, "Mounts", mounts_json(host, task));
	set_paths(hc, shape);
	set_limits(hc, host, shape);
	if (host->cgroup_parent != NULL)
		(void)json_object_set_new(hc, "CgroupParent", json_string(host->cgroup_parent));
	if (task->runtime != NULL)
		(void)json_object_set_new(hc, "Runtime", json_string(task->runtime));
	if (task->gpus != NULL)
		(void)json_object_set_new(hc, "DeviceRequests",
			gpu_request_json(
				shape->gpus != NULL ? shape->gpus : task->gpus, host->gpu_cdi));
	return hc;
}

static json_t *labels_json(const struct container_host *host, const struct container_shape *shape)
{
	json_t *labels = json_pack("{s:s, s:s}", LABEL_INSTANCE, host->instance, LABEL_TASK,
		shape->task->name == NULL ? "" : shape->task->name);

	(void)json_object_set_new(labels, LABEL_SLOT, json_sprintf("%u", shape->slot));
	if (shape->job != NULL) {
		(void)json_object_set_new(labels, LABEL_JOB, json_string(shape->job));
		(void)json_object_set_new(
			labels, LABEL_ATTEMPT, json_sprintf("%u", shape->attempt));
	}
	return labels;
}

/* A piece that could not be made must not leave a container with fewer locks. */
static bool is_complete(
	const struct container_host *host, const struct container_shape *shape, const json_t *root)
{
	const json_t *hc = json_object_get(root, "HostConfig");

	return json_array_size(json_object_get(hc, "SecurityOpt")) ==
		       2 + (size_t)(host->apparmor != NULL) + (size_t)host->podman +
			       (size_t)(host->podman && shape->sandbox) &&
	       json_array_size(json_object_get(hc, "Mounts")) == 1 + shape->task->n_mounts &&
	       json_array_size(json_object_get(hc, "CapDrop")) == 1 &&
	       json_array_size(json_object_get(hc, "Ulimits")) == 6 + (size_t)host->podman &&
	       json_array_size(json_object_get(hc, "MaskedPaths")) == n_masked(shape) &&
	       json_object_get(hc, "OomScoreAdj") != NULL &&
	       (shape->task->gpus == NULL || json_object_get(hc, "DeviceRequests") != NULL) &&
	       json_object_get(root, "Labels") != NULL &&
	       json_object_size(json_object_get(hc, "Tmpfs")) >= 3;
}

int container_json(const struct container_host *host, const struct container_shape *shape,
	char **ret, struct err *err)
{
	json_t *root = json_pack("{s:s, s:[s], s:[], s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b}",
		"Image", shape->image, "Entrypoint", AGENT_PATH, "Cmd", "User", "0:0", "WorkingDir",
		"/", "Hostname", "job", "Tty", 0, "OpenStdin", 1, "StdinOnce", 1, "AttachStdin", 1,
		"AttachStdout", 1, "AttachStderr", 1);
	char *text;

	(void)json_object_set_new(root, "NetworkDisabled", json_boolean(!shape->task->network));
	(void)json_object_set_new(root, "StopSignal", json_string("SIGKILL"));
	(void)json_object_set_new(root, "StopTimeout", json_integer(0));
	/* Podman makes a systemd timer even of NONE: said only where it changes something. */
	if (!host->podman || shape->image_checks_health)
		(void)json_object_set_new(
			root, "Healthcheck", json_pack("{s:[s]}", "Test", "NONE"));
	(void)json_object_set_new(root, "Labels", labels_json(host, shape));
	(void)json_object_set_new(root, "HostConfig", host_config_json(host, shape));
	text = is_complete(host, shape, root) ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (text == NULL)
		return err_say(err, EINVAL, "the container of task %s cannot be written as JSON",
			shape->task->name == NULL ? "" : shape->task->name);
	*ret = text;
	return 0;
}
