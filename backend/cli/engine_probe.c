/* SPDX-License-Identifier: MIT */
#include "engine_probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "driver/gpu_request.h"

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

/* What the driver makes of the same variables stands in engine_where_parse(). */
static int open_tcp(const char *address, struct client **ret, struct err *err)
{
	const char *directory = getenv("DOCKER_CERT_PATH");
	const char *verify = getenv("DOCKER_TLS_VERIFY");
	bool verified = verify != NULL && *verify != '\0';
	bool certified = directory != NULL && *directory != '\0';
	cleanup_free char *url = NULL;
	struct client *client = NULL;
	int r;

	if (verified && !certified)
		return err_say(err, EINVAL, "DOCKER_TLS_VERIFY is set, DOCKER_CERT_PATH is not");
	if (asprintf(&url, "%s://%s", certified ? "https" : "http", address) < 0) {
		url = NULL;
		return err_set(err, ENOMEM, "docker_host");
	}
	r = client_open(url, NULL, &client, err);
	if (r == 0 && certified)
		r = client_certify(client, directory, verified, err);
	if (r < 0) {
		client_close(client);
		return r;
	}
	*ret = client;
	return 0;
}

int engine_probe_open(const struct config *config, struct client **ret, struct err *err)
{
	const char *host = engine_probe_host(config);
	const char *socket = engine_probe_socket(config);

	if (socket != NULL)
		return client_open(NULL, socket, ret, err);
	if (strncmp(host, "tcp://", 6) != 0)
		return err_say(err, EINVAL,
			"docker_host: expected unix:///PATH or tcp://HOST:PORT, got '%s'", host);
	return open_tcp(host + 6, ret, err);
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

#define PROBE_PROGRAM "/dockgate-doctor-runs-nothing"

static json_t *probe_container(const char *image, const char *gpus, const char *cdi_kind)
{
	return json_pack("{s:s, s:[s], s:{s:s}, s:{s:s, s:[s], s:{s:s}, s:o}}", "Image", image,
		"Entrypoint", PROBE_PROGRAM, "Labels", "org.dockgate.doctor", "gpus", "HostConfig",
		"NetworkMode", "none", "CapDrop", "ALL", "LogConfig", "Type", "none",
		"DeviceRequests", gpu_request_json(gpus, cdi_kind));
}

/* The start of a container whose program does not exist: which refusal comes first? */
static int probe_start(
	struct client *client, const char *id, const char **ret_advice, struct err *err)
{
	cleanup_free char *path = NULL;
	json_t *reply = NULL;
	int r;

	if (asprintf(&path, "/containers/%s/start", id) < 0)
		return err_set(err, ENOMEM, "path");
	r = client_call(client, "POST", path, NULL, &reply, err);
	json_decref(reply);
	if (r == 0 || strstr(err->msg, PROBE_PROGRAM) != NULL)
		return 0;
	*ret_advice = gpu_request_advice(err->msg);
	return *ret_advice != NULL ? -ENODEV : r;
}

static void probe_remove(struct client *client, const char *id)
{
	cleanup_free char *path = NULL;
	json_t *reply = NULL;
	struct err err;

	if (asprintf(&path, "/containers/%s?force=1&v=1", id) >= 0)
		(void)client_call(client, "DELETE", path, NULL, &reply, &err);
	json_decref(reply);
}

int engine_probe_gpus(struct client *client, const char *image, const char *gpus,
	const char *cdi_kind, const char **ret_advice, struct err *err)
{
	json_t *body = probe_container(image, gpus, cdi_kind);
	json_t *made = NULL;
	const char *id;
	int r;

	if (body == NULL)
		return err_set(err, ENOMEM, "container");
	r = client_call(client, "POST", "/containers/create", body, &made, err);
	json_decref(body);
	if (r < 0)
		return r;
	id = json_string_value(json_object_get(made, "Id"));
	if (id == NULL) {
		r = err_say(err, EPROTO, "the engine made a container without an id");
	} else {
		r = probe_start(client, id, ret_advice, err);
		probe_remove(client, id);
	}
	json_decref(made);
	return r;
}
