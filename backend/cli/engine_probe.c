/* SPDX-License-Identifier: MIT */
#include "engine_probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define DEFAULT_HOST "unix:///var/run/docker.sock"

const char *engine_probe_host(const struct config *config)
{
	const char *host = config != NULL ? config->docker_host : NULL;

	if (host == NULL)
		host = getenv("DOCKER_HOST");
	return host != NULL && *host != '\0' ? host : DEFAULT_HOST;
}

const char *engine_probe_socket(const struct config *config)
{
	const char *host = engine_probe_host(config);

	return strncmp(host, "unix://", 7) == 0 ? host + 7 : NULL;
}

int engine_probe_open(const struct config *config, struct client **ret, struct err *err)
{
	const char *host = engine_probe_host(config);
	const char *socket = engine_probe_socket(config);
	cleanup_free char *url = NULL;

	if (socket != NULL)
		return client_open(NULL, socket, ret, err);
	if (strncmp(host, "tcp://", 6) != 0 || asprintf(&url, "http://%s", host + 6) < 0)
		return err_say(err, EINVAL,
			"docker_host: expected unix:///PATH or tcp://HOST:PORT, got '%s'", host);
	return client_open(url, NULL, ret, err);
}

int engine_probe_image(struct client *client, const char *name, char **ret, struct err *err)
{
	cleanup_free char *escaped = client_escape(client, name);
	cleanup_free char *path = NULL;
	json_t *image = NULL;
	const char *id;
	long status;
	int r;

	if (escaped == NULL || asprintf(&path, "/images/%s/json", escaped) < 0)
		return err_set(err, ENOMEM, "%s", name);
	r = client_ask(client, path, &image, &status, err);
	if (r < 0)
		return r;
	id = json_string_value(json_object_get(image, "Id"));
	if (status == 200 && id != NULL)
		*ret = strdup(id);
	else if (status == 404)
		*ret = NULL;
	else
		r = err_say(
			err, EIO, "the engine answered with HTTP %ld for image %s", status, name);
	json_decref(image);
	return r;
}
