/* SPDX-License-Identifier: MIT */
/*
 * The container's own cgroup, as directories in which cgroups can be made, and
 * the files that make one a limit. All of it needs uid 0.
 *
 * Docker mounts the hierarchies read-only. A child in new user, mount and
 * cgroup namespaces may mount them again, with the container's own cgroup for
 * their root, and hands the directories out; the child is gone then, and with
 * it the mounts' names, but not the directories. The rights on them are those
 * of their owner, uid 0: no capability is needed.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/limits.h"
#include "meter.h"

struct cgroup {
	enum frame_cgroup kind;
	int dirs[CONTROLLER_MAX_]; /* owned, may be the same hierarchy twice */
	/*
	 * v1, of the parent: processor time has hierarchies of its own. What is counted there is a
	 * difference anyway, and a quota written again begins anew: such cgroups serve many jobs.
	 */
	bool cpu_apart;
};

#define CGROUP_NONE ((struct cgroup){ .dirs = { -1, -1, -1, -1 } })

/* Finds and mounts. -errno with the reason where this container cannot have cgroups of its own. */
int cgroup_open(struct cgroup *ret, struct err *err);
void cgroup_close(struct cgroup *cgroup);

/*
 * A new cgroup below, with its limits; -errno leaves nothing behind. `*ret` is CGROUP_NONE or
 * what cgroup_remove() left of one of the same `place`, whose name is that of what stays.
 */
int cgroup_make(const struct cgroup *parent, const char *name, const char *place,
	const struct limits *limits, struct cgroup *ret, struct err *err);
int cgroup_limit(const struct cgroup *cgroup, const struct limits *limits, struct err *err);
int cgroup_attach(const struct cgroup *cgroup, pid_t pid, struct err *err);
/* Also closes it, as far as it is not used again. 0, or -EBUSY while something still dies in it. */
int cgroup_remove(const struct cgroup *parent, const char *name, struct cgroup *cgroup);

/* The container's figures as Docker shows them under /sys/fs/cgroup: the fallback. */
struct meter cgroup_container_meter(void);
