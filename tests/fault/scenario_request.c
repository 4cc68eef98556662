/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/config.h"
#include "gateway/request.h"
#include "scenario.h"

#define SOME_BYTES 10000

static struct config *config;
static char *large; /* a request whose bytes do not stay in memory */

static const char small[] =
	"{\"task\": \"sh\", \"args\": [\"a b\", \"\"], \"env\": {\"X\": \"1\", \"Y\": \"\"},"
	"\"files\": [{\"name\": \"dir/a\", \"content\": \"xyz\"}, {\"name\": \"b\", \"content\": "
	"\"eHl6\", \"encoding\": \"base64\", \"executable\": true}],"
	"\"stdin\": \"in\", \"limits\": {\"wall_ms\": 100}, \"labels\": {\"who\": \"me\"},"
	"\"build\": {\"command\": [\"make\"], \"limits\": {\"cpu_ms\": 7}}, \"collect\": [\"*.o\"],"
	"\"callback\": \"https://receiver.example/x\","
	"\"cases\": [{\"name\": \"one\", \"args\": [\"1\"], \"expected_stdout\": \"o\"}, {}]}";

static int set_up(void)
{
	static const char conf[] = "callback_allow = { \"receiver.example\" }\n"
				   "task \"sh\" { image = \"x\" command = { \"/bin/sh\" } "
				   "custom_command = true }\n"
				   "task \"classic\" { image = \"x\" command = { \"/x\" } }\n"
				   "classic_task = classic\n";
	static const char before[] = "{\"task\": \"sh\", \"stdin\": \"";
	static const char after[] = "\"}";
	struct err err;

	large = malloc(sizeof(before) + SOME_BYTES * 10 + sizeof(after));
	if (large == NULL)
		return -1;
	memcpy(large, before, sizeof(before));
	memset(large + sizeof(before) - 1, 'x', SOME_BYTES * 10);
	memcpy(large + sizeof(before) - 1 + SOME_BYTES * 10, after, sizeof(after));
	return config_parse(conf, "test", NULL, NULL, &config, &err);
}

static void check(const struct request *req)
{
	const struct spec *spec = &req->spec;

	WANT(strcmp(spec->task, "sh") == 0 && spec->args.n == 2 && spec->env.n == 2);
	WANT(spec->n_files == 2 && strcmp(spec->files[0].name, "dir/a") == 0);
	WANT(spec->files[1].executable && spec->files[1].data.len == 3);
	WANT(spec->has_stdin && spec->stdin_.len == 2);
	WANT(spec->limits.v[LIMIT_WALL] == 100 && spec->build_limits.v[LIMIT_CPU] == 7);
	WANT(spec->has_build && spec->build_command.n == 1 && spec->labels.n == 2);
	WANT(spec->n_cases == 2 && spec->cases[0].has_expected && spec->collect.n == 1);
}

/* As the gateway does: to the record and the bytes that go to the queue, and back. */
static int pack(struct request *req, struct err *err)
{
	cleanup_blob struct blob record = BLOB_EMPTY, input = BLOB_EMPTY;
	struct spec back = { 0 };
	int r = spec_pack(&req->spec, &record, err);

	if (r == 0)
		r = input_take(&req->input, &input, err);
	if (r == 0)
		r = spec_unpack(record.data, record.len, input.len, &back, err);
	if (r < 0)
		return r;
	WANT(back.task != NULL && strcmp(back.task, req->spec.task) == 0);
	WANT(back.n_cases == req->spec.n_cases);
	spec_done(&back);
	return 0;
}

static int parse_json(const char *json, bool is_small, struct err *err)
{
	struct request req;
	int r;

	request_init(&req);
	r = request_parse(config, json, strlen(json), &req, err);
	if (r == 0 && is_small)
		check(&req);
	if (r == 0)
		r = pack(&req, err);
	request_done(&req);
	return r;
}

static int parse(struct err *err)
{
	return parse_json(small, true, err);
}

static int parse_large(struct err *err)
{
	return parse_json(large, false, err);
}

static int classic(struct err *err)
{
	struct request req;
	int r;

	request_init(&req);
	r = request_classic(config, "some data", 9, &req, err);
	if (r == 0)
		WANT(req.spec.args.n == 1 && strcmp(req.spec.args.v[0], "some data") == 0);
	if (r == 0)
		r = pack(&req, err);
	request_done(&req);
	return r;
}

/* Bytes that come piece by piece into a file of the spool. */
static int pour_in(struct input *in, struct err *err)
{
	static const char piece[SOME_BYTES];
	cleanup_blob struct blob blob = BLOB_EMPTY;
	cleanup_free uint8_t *all = NULL;
	struct extent extent;
	int r = 0, fd = open("spooled", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, errno, "open");
	r = input_into(in, fd, err);
	for (int i = 0; r == 0 && i < 60; i++)
		r = input_add(in, piece, sizeof(piece), &extent, err);
	if (r == 0)
		r = input_take(in, &blob, err);
	if (r < 0)
		return r;
	WANT(blob.len == 60 * sizeof(piece) && blob.hashed);
	r = blob_read_all(&blob, blob.len, &all, err);
	WANT(r < 0 || memcmp(all + blob.len - sizeof(piece), piece, sizeof(piece)) == 0);
	return r;
}

static int spooled(struct err *err)
{
	struct input in = INPUT_EMPTY;
	int r = pour_in(&in, err);

	input_done(&in);
	return r;
}

const struct scenario request_scenarios[] = { { "request-parse", set_up, parse, NULL },
	{ "request-large", set_up, parse_large, NULL },
	{ "request-classic", set_up, classic, NULL }, { "request-spooled", NULL, spooled, NULL },
	{ 0 } };
