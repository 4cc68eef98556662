/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "pool.h"

#define SMALL_UID_BASE 20000
#define CGROUP_DEFAULT "dockgate"
#define PIDS_MAX       "16384"
#define AT_ONCE_LEAST  4
#define AT_ONCE_MOST   16
#define CPUS_MAX       10000 /* more is nonsense */

int host_parse(json_t *info, struct host *ret, struct err *err)
{
	struct host host = { 0 };
	json_t *item;
	size_t i;
	const char *driver = json_string_value(json_object_get(info, "CgroupDriver"));
	const char *version = json_string_value(json_object_get(info, "ServerVersion"));

	host.cpus = json_integer_value(json_object_get(info, "NCPU"));
	host.memory_bytes = json_integer_value(json_object_get(info, "MemTotal"));
	if (host.cpus <= 0 || host.cpus > CPUS_MAX || host.memory_bytes <= 0)
		return err_say(err, EPROTO, "the engine does not say what its machine has");
	host.cpus *= 1000;
	host.podman = json_is_string(json_object_get(info, "BuildahVersion"));
	host.systemd_cgroups = driver != NULL && strcmp(driver, "systemd") == 0;
	json_array_foreach(json_object_get(info, "SecurityOptions"), i, item)
	{
		const char *text = json_string_value(item);

		if (text == NULL)
			continue;
		host.apparmor = host.apparmor || strncmp(text, "name=apparmor", 13) == 0;
		host.small_uids = host.small_uids || strncmp(text, "name=rootless", 13) == 0 ||
				  strncmp(text, "name=userns", 11) == 0;
	}
	(void)snprintf(host.version, sizeof(host.version), "%s %s",
		host.podman ? "Podman" : "Docker",
		version == NULL ? "of unknown version" : version);
	*ret = host;
	return 0;
}

void host_cgroup_parent(
	const struct config *config, const struct host *host, char *ret, size_t size)
{
	const char *name = config->cgroup_parent;

	if (host->systemd_cgroups)
		(void)snprintf(ret, size, "%s", name == NULL ? CGROUP_DEFAULT ".slice" : name);
	else
		(void)snprintf(ret, size, "%s%s", name != NULL && name[0] == '/' ? "" : "/",
			name == NULL ? CGROUP_DEFAULT : name);
}

uid_t host_uid_base(const struct config *config, const struct host *host)
{
	if (host->small_uids && config->job_uid_base + POOL_UIDS_PER_BOX * POOL_BOXES_MAX >= 65536)
		return SMALL_UID_BASE;
	return config->job_uid_base;
}

unsigned host_engine_at_once(const struct config *config, const struct host *host)
{
	int64_t n = 2 * host->cpus / 1000;

	if (config->engine_at_once > 0)
		return (unsigned)config->engine_at_once;
	return n < AT_ONCE_LEAST ? AT_ONCE_LEAST : n > AT_ONCE_MOST ? AT_ONCE_MOST : (unsigned)n;
}

static bool write_file(const char *dir, const char *name, const char *text)
{
	char path[512];
	cleanup_close int fd = -EBADF;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return false;
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* What all jobs together may have: the budget and the containers' own, or most of the machine. */
static int64_t memory_cap(const struct config *config)
{
	struct sysinfo info;

	if (config->memory_budget > 0)
		return config->memory_budget + config->memory_budget / 4 + 256 * MIB;
	if (sysinfo(&info) < 0)
		return 0;
	return (int64_t)((uint64_t)info.totalram * info.mem_unit / 10 * 9);
}

static bool make(const char *dir)
{
	return mkdir(dir, 0755) == 0 || errno == EEXIST;
}

static bool cap_v2(const char *name, const char *memory)
{
	char dir[256];

	(void)snprintf(dir, sizeof(dir), "/sys/fs/cgroup/%s", name);
	(void)write_file("/sys/fs/cgroup", "cgroup.subtree_control", "+memory +pids +cpu");
	return make(dir) && write_file(dir, "memory.max", memory) &&
	       write_file(dir, "pids.max", PIDS_MAX) && write_file(dir, "cpu.weight", "50");
}

static bool cap_v1(const char *name, const char *memory)
{
	char dir[256];
	bool done;

	(void)snprintf(dir, sizeof(dir), "/sys/fs/cgroup/memory/%s", name);
	done = make(dir) && write_file(dir, "memory.limit_in_bytes", memory);
	(void)snprintf(dir, sizeof(dir), "/sys/fs/cgroup/pids/%s", name);
	done = make(dir) && write_file(dir, "pids.max", PIDS_MAX) && done;
	(void)snprintf(dir, sizeof(dir), "/sys/fs/cgroup/cpu/%s", name);
	(void)(make(dir) && write_file(dir, "cpu.shares", "512"));
	return done;
}

bool host_cap_cgroup(const struct config *config)
{
	const char *name = config->cgroup_parent == NULL ? CGROUP_DEFAULT : config->cgroup_parent;
	int64_t bytes = memory_cap(config);
	char memory[32];
	bool done;

	while (*name == '/')
		name++;
	/* A slice is systemd's: its unit file says what it may have. */
	if (geteuid() != 0 || bytes <= 0 || name[0] == '\0' || strstr(name, "..") != NULL ||
		strlen(name) > 100 || strstr(name, ".slice") != NULL)
		return false;
	(void)snprintf(memory, sizeof(memory), "%" PRId64, bytes);
	done = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 ? cap_v2(name, memory)
								      : cap_v1(name, memory);
	if (!done)
		log_info("cgroup=%s no cap for all jobs together could be set", name);
	return done;
}

/* The list of all is root's alone; the directory of each, NAME.NUMBER, everybody can see. */
static int find_profile_directory(void)
{
	static const char name[] = HOST_APPARMOR_PROFILE ".";
	DIR *dir = opendir("/sys/kernel/security/apparmor/policy/profiles");
	const struct dirent *entry;
	int found = 0;

	if (dir == NULL)
		return -errno;
	while (found == 0 && (entry = readdir(dir)) != NULL)
		found = strncmp(entry->d_name, name, sizeof(name) - 1) == 0;
	(void)closedir(dir);
	return found;
}

int host_has_slot_profile(void)
{
	static const char name[] = HOST_APPARMOR_PROFILE " ";
	cleanup_fclose FILE *f = fopen("/sys/kernel/security/apparmor/profiles", "re");
	char line[512];

	if (f == NULL)
		return errno == EACCES ? find_profile_directory() : -errno;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, sizeof(name) - 1) == 0)
			return 1;
	return 0;
}

void host_gpus(const struct config *config, bool local, const char *proc, struct gpu_list *ret)
{
	DIR *dir = local ? opendir(proc != NULL ? proc : "/proc/driver/nvidia/gpus") : NULL;
	struct gpu_list list = { 0 };
	const struct dirent *entry;
	char id[16];

	if (config_gpus(config, &list) == 0 && list.n == 0)
		while (dir != NULL && (entry = readdir(dir)) != NULL && list.n < GPU_MAX) {
			if (entry->d_name[0] == '.')
				continue;
			(void)snprintf(id, sizeof(id), "%zu", list.n);
			(void)gpu_list_add(&list, id);
		}
	if (dir != NULL)
		(void)closedir(dir);
	*ret = list;
}
