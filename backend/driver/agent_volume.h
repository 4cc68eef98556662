/* SPDX-License-Identifier: MIT */
/*
 * How the agent gets into containers: a volume of the engine's that holds one
 * file. Its bytes travel through the API (as a one-file image, whose content
 * the engine copies into the fresh volume), so that the engine may be remote,
 * or may not see our file system. The volume's name has the binary's hash:
 * another agent is another volume.
 */
#pragma once

#include "engine.h"

struct agent_volume;

/* Reads the agent: `path`, or where it is NULL next to our own executable, then /usr/lib/dockgate.
 */
int agent_volume_load(const char *path, struct agent_volume **ret, struct err *err);
void agent_volume_free(struct agent_volume *volume);
const char *agent_volume_name(const struct agent_volume *volume);

/*
 * Make sure that the engine has it, whole: made where it is missing, read back
 * and compared, made anew where it differs. `why` is NULL on success. One at a
 * time; a second call while one is under way is -EBUSY.
 */
typedef void (*agent_volume_fn)(const char *why, void *arg);
int agent_volume_ensure(struct agent_volume *volume, struct engine *engine, const char *instance,
	agent_volume_fn done, void *arg, struct err *err);

/* One file in a tar archive (POSIX ustar), as `name`, mode 0555, owned by root. Caller frees. */
int agent_volume_tar(const char *name, const void *data, size_t n, uint8_t **ret, size_t *ret_n,
	struct err *err);
