/* SPDX-License-Identifier: MIT */
/*
 * The service's HTTP, as the commands need it: JSON in and out, files up, raw
 * bytes down.
 *
 *	client_open(cli.host, cli.socket, &client, &err);
 *	client_call(client, "GET", "/v1/tasks", NULL, &reply, &err);
 *
 * One thread. A refusal (status 400 and up) is an error that holds the service's own words.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct client;

/* Set by a signal handler: calls under way end with -EINTR. */
extern volatile int client_interrupted;

/*
 * `host`: "http://HOST:PORT" or "unix:///PATH"; NULL: DOCKGATE_HOST, else the first local
 * socket that answers, else http://127.0.0.1:8080. `socket` goes over it. Nothing is sent yet.
 */
int client_open(const char *host, const char *socket, struct client **ret, struct err *err);
/*
 * From now on, with the directory's cert.pem and key.pem for one's own certificate, and, with
 * `verify`, only with a server whose certificate its ca.pem answers for.
 */
int client_certify(struct client *client, const char *directory, bool verify, struct err *err);
/* From now on, with that token. */
int client_bring(struct client *client, const char *token, struct err *err);
/* From now on, what is handed in brings that Idempotency-Key. */
int client_set_key(struct client *client, const char *key, struct err *err);
/* From now on, a whole answer may take no longer; 0, as at first: any time. */
void client_set_patience(struct client *client, long ms);
void client_close(struct client *client);

/* For messages: "http://127.0.0.1:8080" or "unix:///run/dockgate/dockgate.sock". */
const char *client_where(const struct client *client);

/* `body` NULL: none. *ret is the caller's; an empty answer gives an empty object. */
int client_call(struct client *client, const char *method, const char *path, const json_t *body,
	json_t **ret, struct err *err);

/* Like client_call(), but a status that is no success is no error: *ret_status has it. */
int client_ask(
	struct client *client, const char *path, json_t **ret, long *ret_status, struct err *err);

/* The same for a POST of bytes as they are. */
int client_post(struct client *client, const char *path, const void *data, size_t n, json_t **ret,
	long *ret_status, struct err *err);

struct client_part {
	const char *name;     /* of the form's part */
	const char *filename; /* NULL: none */
	const char *path;     /* the bytes: a file's, */
	const char *data;     /* or these */
	size_t n;
};

/* POST as multipart/form-data: the part `job`, then the others in order. */
int client_upload(struct client *client, const char *path, const json_t *job,
	const struct client_part *parts, size_t n_parts, json_t **ret, struct err *err);

/* Writes the raw answer to a descriptor as it comes. */
int client_fetch(struct client *client, const char *path, int fd, struct err *err);

/*
 * Hands the raw answer on as it comes, with `last` (or NULL) as Last-Event-ID: `take` gives 0, or
 * an errno that ends the call. *ret_status: 200, or 204 for an answer without a body. An answer
 * that is silent for a minute counts as broken.
 */
int client_listen(struct client *client, const char *path, const char *last,
	int (*take)(void *arg, const char *data, size_t n), void *arg, long *ret_status,
	struct err *err);

/* A path's parts percent-encoded, '/' kept. Owned by the caller; NULL: out of memory. */
char *client_escape(struct client *client, const char *path);
