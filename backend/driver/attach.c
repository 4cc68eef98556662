/* SPDX-License-Identifier: MIT */
#include "attach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#define HEAD_MAX    8192
#define OPEN_MS     10000
#define READ_CHUNK  (256 * 1024)
#define READS_MAX   8   /* in a row, before others get their turn */
#define STDERR_TOLD 300 /* bytes of the agent's stderr that reach the log */

enum attach_state { ATTACH_DIALLING, ATTACH_ASKING, ATTACH_OPEN };

struct attach {
	struct event_base *base;
	struct engine *engine;
	struct engine_line *line; /* owned */
	const struct attach_ops *ops;
	void *arg;
	enum attach_state state;
	char container[80];
	char head[HEAD_MAX]; /* of the answer, until it is whole */
	size_t head_len;
	struct demux demux;
	struct evbuffer *out;                      /* owned */
	struct event *readable, *writable, *timer; /* owned */
	bool hungry; /* `drained` is due when the output falls below the mark */
	bool paused;
	bool lost; /* `closed` was called: no more events */
	bool dead; /* closed by its owner, from within a callback */
	int busy;  /* callbacks under way */
	size_t stderr_told;
};

/* ---- the engine's framing ---- */

static uint32_t piece_length(const uint8_t header[8])
{
	return (uint32_t)header[4] << 24 | (uint32_t)header[5] << 16 | (uint32_t)header[6] << 8 |
	       header[7];
}

int demux_feed(struct demux *demux, const uint8_t *data, size_t n, demux_fn fn, void *arg)
{
	while (n > 0) {
		size_t take;
		int r;

		if (demux->have < sizeof(demux->header)) {
			take = sizeof(demux->header) - demux->have;
			take = n < take ? n : take;
			memcpy(demux->header + demux->have, data, take);
			demux->have += take;
			data += take;
			n -= take;
			if (demux->have < sizeof(demux->header))
				return 0;
			if (demux->header[0] > DEMUX_ENGINE)
				return -EPROTO;
			demux->left = piece_length(demux->header);
		}
		take = n < demux->left ? n : demux->left;
		demux->left -= (uint32_t)take;
		if (demux->left == 0)
			demux->have = 0;
		if (take == 0)
			continue;
		r = fn((enum demux_type)demux->header[0], data, take, arg);
		if (r != 0)
			return r;
		data += take;
		n -= take;
	}
	return 0;
}

/* ---- life ---- */

static void destroy(struct attach *attach)
{
	if (attach->readable != NULL)
		event_free(attach->readable);
	if (attach->writable != NULL)
		event_free(attach->writable);
	if (attach->timer != NULL)
		event_free(attach->timer);
	if (attach->out != NULL)
		evbuffer_free(attach->out);
	engine_hangup(attach->line);
	free(attach);
}

void attach_close(struct attach *attach)
{
	if (attach == NULL)
		return;
	attach->dead = true;
	if (attach->readable != NULL)
		(void)event_del(attach->readable);
	if (attach->writable != NULL)
		(void)event_del(attach->writable);
	if (attach->timer != NULL)
		(void)event_del(attach->timer);
	if (attach->busy == 0)
		destroy(attach);
}

/* Callbacks run between enter() and leave(): its owner may close it in one. */
static void enter(struct attach *attach)
{
	attach->busy++;
}

static void leave(struct attach *attach)
{
	if (--attach->busy == 0 && attach->dead)
		destroy(attach);
}

/* Tell the owner, once; nothing else comes after it. */
static void lose(struct attach *attach, const char *why)
{
	if (attach->dead || attach->lost)
		return;
	attach->lost = true;
	(void)event_del(attach->timer);
	if (attach->readable != NULL)
		(void)event_del(attach->readable);
	if (attach->writable != NULL)
		(void)event_del(attach->writable);
	enter(attach);
	attach->ops->closed(why, attach->arg);
	leave(attach);
}

/* ---- reading ---- */

static void tell_stderr(struct attach *attach, const uint8_t *data, size_t n)
{
	if (attach->stderr_told >= STDERR_TOLD)
		return;
	if (n > STDERR_TOLD - attach->stderr_told)
		n = STDERR_TOLD - attach->stderr_told;
	attach->stderr_told += n;
	log_warning("container=%.12s the agent says: %.*s", attach->container, (int)n,
		(const char *)data);
}

static int on_piece(enum demux_type type, const uint8_t *data, size_t n, void *arg)
{
	struct attach *attach = arg;

	if (type == DEMUX_STDOUT)
		attach->ops->data(data, n, attach->arg);
	else if (type == DEMUX_STDERR)
		tell_stderr(attach, data, n);
	else if (type == DEMUX_ENGINE)
		log_warning("container=%.12s the engine's stream says: %.*s", attach->container,
			(int)(n > STDERR_TOLD ? STDERR_TOLD : n), (const char *)data);
	return attach->dead || attach->lost ? -ECANCELED : 0;
}

static void feed(struct attach *attach, const uint8_t *data, size_t n)
{
	int r = demux_feed(&attach->demux, data, n, on_piece, attach);

	if (r == -EPROTO)
		lose(attach, "the engine's stream is garbled");
}

/* 101 where it upgrades, 200 where it does not know how: both then carry bytes. */
static bool status_is_good(const char *head)
{
	return strncmp(head, "HTTP/1.1 101", 12) == 0 || strncmp(head, "HTTP/1.1 200", 12) == 0;
}

/* The status, and the engine's own words where they came with it. */
static void say_refused(struct attach *attach, size_t head_end)
{
	json_t *root = json_loads(attach->head + head_end, JSON_DISABLE_EOF_CHECK, NULL);
	const char *text = json_string_value(json_object_get(root, "message"));
	const char *status = head_end > 9 ? attach->head + 9 : "";
	char why[400];

	(void)snprintf(why, sizeof(why), "attach refused: %.*s%s%s", (int)strcspn(status, "\r\n"),
		status, text == NULL ? "" : ": ", text == NULL ? "" : text);
	json_decref(root);
	lose(attach, why);
}

static void answer(struct attach *attach, size_t head_end)
{
	if (!status_is_good(attach->head)) {
		say_refused(attach, head_end);
		return;
	}
	attach->state = ATTACH_OPEN;
	(void)event_del(attach->timer);
	attach->ops->open(attach->arg);
}

/* The header block may come in pieces, and the stream's first bytes behind it. */
static void take_head(struct attach *attach, const uint8_t *data, size_t n)
{
	size_t take = sizeof(attach->head) - 1 - attach->head_len;
	const char *end;
	size_t head_end, before = attach->head_len;

	take = n < take ? n : take;
	memcpy(attach->head + attach->head_len, data, take);
	attach->head_len += take;
	attach->head[attach->head_len] = '\0';
	end = strstr(attach->head, "\r\n\r\n");
	if (end == NULL) {
		if (attach->head_len == sizeof(attach->head) - 1)
			lose(attach, "attach: the answer's header is too long");
		return;
	}
	head_end = (size_t)(end - attach->head) + 4;
	attach->head_len = head_end;
	answer(attach, head_end);
	if (!attach->dead && attach->state == ATTACH_OPEN && before + n > head_end)
		feed(attach, data + (head_end - before), n - (head_end - before));
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	static uint8_t chunk[READ_CHUNK]; /* one thread; nothing keeps pointers into it */
	struct attach *attach = arg;

	(void)fd;
	(void)what;
	enter(attach);
	for (int i = 0; i < READS_MAX && !attach->dead && !attach->lost && !attach->paused; i++) {
		ssize_t n = engine_line_read(attach->line, chunk, sizeof(chunk));

		if (n == -EAGAIN)
			break;
		if (n <= 0) {
			lose(attach, n == 0 ? "the stream ended" : strerror((int)-n));
			break;
		}
		if (attach->state == ATTACH_OPEN)
			feed(attach, chunk, (size_t)n);
		else
			take_head(attach, chunk, (size_t)n);
		if ((size_t)n < sizeof(chunk) / 4)
			break; /* most likely all there was: the loop will tell */
	}
	leave(attach);
}

void attach_pause(struct attach *attach, bool pause)
{
	if (attach->paused == pause || attach->readable == NULL || attach->dead || attach->lost)
		return;
	attach->paused = pause;
	if (pause) {
		(void)event_del(attach->readable);
		return;
	}
	(void)event_add(attach->readable, NULL);
	/* With TLS, bytes may already wait in curl, where no event tells of them. */
	event_active(attach->readable, EV_READ, 0);
}

/* ---- writing ---- */

struct evbuffer *attach_output(struct attach *attach)
{
	return attach->out;
}

size_t attach_waiting(const struct attach *attach)
{
	return evbuffer_get_length(attach->out);
}

/* False where the line is broken (the owner has been told). */
static bool write_out(struct attach *attach)
{
	while (evbuffer_get_length(attach->out) > 0) {
		size_t n = evbuffer_get_length(attach->out);
		const uint8_t *data;
		ssize_t sent;

		n = n > READ_CHUNK ? READ_CHUNK : n;
		data = evbuffer_pullup(attach->out, (ev_ssize_t)n);
		if (data == NULL) {
			lose(attach, "out of memory");
			return false;
		}
		sent = engine_line_write(attach->line, data, n);
		if (sent == -EAGAIN)
			break;
		if (sent < 0) {
			/* What it said before it went is still to be read: reading tells the end,
			 * which is made sure of, as part of a frame is missing now. */
			engine_line_end(attach->line);
			(void)evbuffer_drain(attach->out, evbuffer_get_length(attach->out));
			return false;
		}
		(void)evbuffer_drain(attach->out, (size_t)sent);
	}
	return true;
}

void attach_flush(struct attach *attach, bool more)
{
	if (attach->state != ATTACH_OPEN || attach->dead || attach->lost || !write_out(attach))
		return;
	attach->hungry = more;
	if (more || evbuffer_get_length(attach->out) > 0)
		(void)event_add(attach->writable, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct attach *attach = arg;

	(void)fd;
	(void)what;
	enter(attach);
	if (write_out(attach) && !attach->dead) {
		if (evbuffer_get_length(attach->out) < ATTACH_LOW_WATER && attach->hungry &&
			attach->state == ATTACH_OPEN) {
			attach->hungry = false;
			attach->ops->drained(attach->arg);
		}
		if (!attach->dead && evbuffer_get_length(attach->out) > 0)
			(void)event_add(attach->writable, NULL);
	}
	leave(attach);
}

/* ---- opening ---- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct attach *attach = arg;

	(void)fd;
	(void)what;
	lose(attach, "attach: the engine does not answer in time");
}

static int ask(struct attach *attach)
{
	return evbuffer_add_printf(attach->out,
		"POST %s/containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n"
		"Host: %s\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n",
		engine_prefix(attach->engine), attach->container, engine_host(attach->engine));
}

static void on_line(struct engine_line *line, int fd, const char *why, void *arg)
{
	struct attach *attach = arg;

	if (line == NULL) {
		char text[200];

		attach->line = NULL; /* hung up by the engine's side */
		(void)snprintf(text, sizeof(text), "attach: %s", why);
		lose(attach, text);
		return;
	}
	attach->readable = event_new(attach->base, fd, EV_READ | EV_PERSIST, on_readable, attach);
	attach->writable = event_new(attach->base, fd, EV_WRITE, on_writable, attach);
	if (attach->readable == NULL || attach->writable == NULL || ask(attach) < 0) {
		lose(attach, "out of memory");
		return;
	}
	attach->state = ATTACH_ASKING;
	(void)event_add(attach->readable, NULL);
	(void)event_add(attach->writable, NULL);
}

int attach_open(struct engine *engine, struct event_base *base, const char *container,
	const struct attach_ops *ops, void *arg, struct attach **ret, struct err *err)
{
	struct attach *attach = calloc(1, sizeof(*attach));
	int r;

	if (attach == NULL)
		return err_set(err, ENOMEM, "attach");
	attach->base = base;
	attach->engine = engine;
	attach->ops = ops;
	attach->arg = arg;
	(void)snprintf(attach->container, sizeof(attach->container), "%s", container);
	attach->out = evbuffer_new();
	attach->timer = evtimer_new(base, on_timer, attach);
	if (attach->out == NULL || attach->timer == NULL) {
		destroy(attach);
		return err_set(err, ENOMEM, "attach");
	}
	r = engine_dial(engine, on_line, attach, &attach->line, err);
	if (r < 0) {
		destroy(attach);
		return r;
	}
	(void)event_add(attach->timer, &(struct timeval){ .tv_sec = OPEN_MS / 1000 });
	*ret = attach;
	return 0;
}
