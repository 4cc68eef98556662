/* SPDX-License-Identifier: MIT */
#include "job_follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "document/base64.h"
#include "event_stream.h"

#define AWAY_MOST_US INT64_C(60000000) /* a service that is away for longer is gone */
#define RETRY_MS     200

struct follow {
	const struct follow_to *to;
	struct event_stream stream;
	json_int_t attempt;
	json_t *end; /* owned; NULL: it has not come */
};

static int write_all(int fd, const char *data, size_t n)
{
	while (fd >= 0 && n > 0) {
		ssize_t put = write(fd, data, n);

		if (put < 0 && errno == EINTR && !client_interrupted)
			continue;
		if (put < 0)
			return errno;
		data += put;
		n -= (size_t)put;
	}
	return 0;
}

static int write_base64(int fd, const char *text, size_t n)
{
	cleanup_free uint8_t *bytes = malloc(n + 1);
	struct err err;
	size_t len;

	if (bytes == NULL)
		return ENOMEM;
	if (base64_decode(text, n, bytes, &len, &err) < 0)
		return EPROTO;
	return write_all(fd, (const char *)bytes, len);
}

static int on_output(struct follow *f, const json_t *data, bool is_err)
{
	const json_t *content = json_object_get(data, "content");
	const char *encoding = json_string_value(json_object_get(data, "encoding"));
	int fd = is_err ? f->to->err : f->to->out;

	if (!json_is_string(content) || encoding == NULL)
		return EPROTO;
	if (json_is_string(json_object_get(data, "step")))
		fd = f->to->build;
	return (strcmp(encoding, "base64") == 0 ? write_base64 : write_all)(
		fd, json_string_value(content), json_string_length(content));
}

static void on_attempt(struct follow *f, const json_t *data)
{
	json_int_t attempt = json_integer_value(json_object_get(data, "attempt"));

	if (f->attempt > 0)
		(void)fprintf(stderr,
			"dockgate: the job is run again from its start (attempt "
			"%" JSON_INTEGER_FORMAT "): what it printed before is void\n",
			attempt);
	f->attempt = attempt;
}

static void on_position(const struct follow *f, const json_t *data)
{
	if (f->to->tell && isatty(STDERR_FILENO))
		(void)fprintf(stderr,
			"dockgate: waiting at place %" JSON_INTEGER_FORMAT " of the queue\n",
			json_integer_value(json_object_get(data, "position")));
}

static int on_event(void *arg, const char *name, const char *text, size_t n)
{
	struct follow *f = arg;
	json_t *data = json_loadb(text, n, JSON_ALLOW_NUL, NULL);
	int r = 0;

	if (data == NULL)
		return EPROTO;
	if (strcmp(name, "stdout") == 0 || strcmp(name, "stderr") == 0)
		r = on_output(f, data, strcmp(name, "stderr") == 0);
	else if (strcmp(name, "attempt") == 0)
		on_attempt(f, data);
	else if (strcmp(name, "position") == 0)
		on_position(f, data);
	else if (strcmp(name, "end") == 0 && f->end == NULL)
		f->end = json_incref(data);
	json_decref(data);
	return r;
}

static int on_bytes(void *arg, const char *bytes, size_t n)
{
	return event_stream_feed(&((struct follow *)arg)->stream, bytes, n);
}

/* What passes when the service is back. */
static bool may_pass(int r)
{
	return r == -EIO || r == -ECONNREFUSED || r == -EAGAIN;
}

static int listen_once(struct client *client, const char *path, struct follow *f, struct err *err)
{
	const char *last = f->stream.last[0] == '\0' ? NULL : f->stream.last;
	long status;
	int r;

	event_stream_again(&f->stream);
	r = client_listen(client, path, last, on_bytes, f, &status, err);
	if (f->end != NULL)
		return 0;
	return r < 0 ? r : err_say(err, EIO, "the stream of events ended before the job");
}

static int listen_to_end(struct client *client, const char *path, struct follow *f, struct err *err)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000L };
	char last[sizeof(f->stream.last)] = "";
	int64_t since_us = clock_us();
	int r;

	for (;;) {
		r = listen_once(client, path, f, err);
		if (r == 0 || !may_pass(r) || client_interrupted)
			return r;
		if (strcmp(last, f->stream.last) != 0)
			since_us = clock_us(); /* it got on meanwhile */
		memcpy(last, f->stream.last, sizeof(last));
		if (last[0] == '\0' || clock_us() - since_us > AWAY_MOST_US)
			return r;
		(void)nanosleep(&pause, NULL);
	}
}

int job_follow(struct client *client, const char *id, const struct follow_to *to, json_t **ret,
	struct err *err)
{
	struct follow f = { .to = to };
	char path[160];
	int r;

	f.stream.event = on_event;
	f.stream.arg = &f;
	(void)snprintf(path, sizeof(path), "/v1/jobs/%s/events", id);
	r = listen_to_end(client, path, &f, err);
	event_stream_done(&f.stream);
	if (r == 0)
		*ret = f.end;
	else
		json_decref(f.end);
	return r;
}
