/* SPDX-License-Identifier: MIT */
/*
 * The Docker Engine asked directly, by `doctor` and `images`: as whoever runs
 * the command, one question at a time.
 */
#pragma once

#include "client.h"
#include "common/config.h"

/* The engine of the configuration: docker_host, DOCKER_HOST, the default. NULL `config`: no key. */
const char *engine_probe_host(const struct config *config);

/* The path of its unix socket, NULL where it is elsewhere. */
const char *engine_probe_socket(const struct config *config);

/* For client_ask() with the Engine API's paths. */
int engine_probe_open(const struct config *config, struct client **ret, struct err *err);

/* The image's id ("sha256:..."), owned by the caller; NULL where the engine has none of that name.
 */
int engine_probe_image(struct client *client, const char *name, char **ret, struct err *err);

/*
 * Would the engine give a container of that image these GPUs? A container is made that could not
 * run anything, its start asked for, and it is removed again. 0: it would; -ENODEV: *err has the
 * engine's refusal, *ret_advice (static) what to do about it; else it could not be found out.
 */
int engine_probe_gpus(struct client *client, const char *image, const char *gpus,
	const char *cdi_kind, const char **ret_advice, struct err *err);
