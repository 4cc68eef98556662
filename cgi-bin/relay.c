/* SPDX-License-Identifier: MIT */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer.h"

#define PIECE_BYTES    65536
#define CHUNK_OVERHEAD 12 /* "0000ffff\r\n" and "\r\n" */
#define LAST_CHUNK     "0\r\n\r\n"
#define UP_BYTES       (REQUEST_HEAD_MAX + PIECE_BYTES + CHUNK_OVERHEAD + sizeof(LAST_CHUNK))
#define DOWN_BYTES     (2 * PIECE_BYTES + ANSWER_GROWS_MAX)

/* The gateway has its own, shorter ones: these are for a gateway that stands still. */
#define BODY_SILENCE_MS   120000
#define ANSWER_SILENCE_MS 3720000 /* its longest poll is an hour */
#define DRAIN_SILENCE_MS  10000

/* What waits to be written to one side. */
struct stream {
	struct text text;
	size_t at; /* written so far */
};

struct relay {
	const struct request *req;
	int gateway;
	struct answer answer;
	struct stream up, down;
	uint64_t body_left; /* where the length is known */
	bool body_ended;    /* nothing more is read from standard input */
	bool eof;           /* of the gateway */
	bool left;          /* nobody wants the answer any more */
	bool started;       /* something of the answer is out */
};

static char up_buf[UP_BYTES], down_buf[DOWN_BYTES];

/* The first bytes of a body of unknown length, read by relay_begin(). */
static char first_buf[4096];
static size_t first_len;

static bool all_read; /* of standard input, as far as it matters */

static bool again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static size_t pending(const struct stream *s)
{
	return s->text.len - s->at;
}

/* ---- from standard input to the gateway ------------------------------------------------------ */

int relay_begin(struct request *req, struct err *err)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n = 0;

	if (!req->has_length) {
		if (poll(&in, 1, BODY_SILENCE_MS) == 0)
			return err_say(err, EPROTO, "the body does not come");
		n = read(STDIN_FILENO, first_buf, sizeof(first_buf));
		first_len = n > 0 ? (size_t)n : 0;
	}
	all_read = req->has_length ? req->body_bytes == 0 : first_len == 0;
	return request_close(req, first_len > 0, err);
}

/* Room for a piece of body, and its chunk's frame. */
static size_t room_up(struct relay *r)
{
	struct text *t = &r->up.text;

	if (r->up.at == t->len)
		r->up.at = t->len = 0;
	if (t->cap - t->len < CHUNK_OVERHEAD + sizeof(LAST_CHUNK) + 1)
		return 0;
	return t->cap - t->len - CHUNK_OVERHEAD - sizeof(LAST_CHUNK);
}

static void end_body(struct relay *r)
{
	r->body_ended = all_read = true;
	if (!r->req->has_length)
		text_put(&r->up.text, LAST_CHUNK);
}

/* n bytes stand behind the place of a chunk's head. */
static void add_chunk(struct text *t, size_t n)
{
	char head[16];
	int head_n = snprintf(head, sizeof(head), "%08zx\r\n", n);

	memcpy(t->buf + t->len, head, (size_t)head_n);
	t->len += (size_t)head_n + n;
	text_put(t, "\r\n");
}

/* Whoever reads our answer has closed it: a client that left, as far as Apache tells. */
static bool reader_left(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, 0) > 0;
}

/* Nothing is to come, or nothing may: a body that ends too early must not look like a whole one. */
static void body_stops(struct relay *r, ssize_t n)
{
	if (n == 0 && !r->req->has_length && !reader_left())
		end_body(r);
	else
		r->left = all_read = true;
}

static void read_body(struct relay *r)
{
	const size_t frame = r->req->has_length ? 0 : CHUNK_OVERHEAD - 2;
	size_t most = room_up(r);
	struct text *t = &r->up.text;
	ssize_t n;

	if (most == 0 || r->body_ended)
		return;
	if (r->req->has_length && most > r->body_left)
		most = (size_t)r->body_left;
	n = read(STDIN_FILENO, t->buf + t->len + frame, most);
	if (n < 0 && again())
		return;
	if (n <= 0) {
		body_stops(r, n);
		return;
	}
	if (!r->req->has_length) {
		add_chunk(t, (size_t)n);
		return;
	}
	t->len += (size_t)n;
	r->body_left -= (uint64_t)n;
	if (r->body_left == 0)
		end_body(r);
}

/* A gateway that takes no more of the body may have answered it nevertheless. */
static void send_up(struct relay *r)
{
	ssize_t n;

	if (pending(&r->up) == 0)
		return;
	n = send(r->gateway, r->up.text.buf + r->up.at, pending(&r->up), MSG_NOSIGNAL);
	if (n > 0) {
		r->up.at += (size_t)n;
	} else if (n < 0 && !again()) {
		r->up.at = r->up.text.len;
		r->body_ended = true;
	}
}

/* ---- from the gateway to standard output ----------------------------------------------------- */

/* Room for a piece and for what a head becomes. */
static bool room_down(struct relay *r)
{
	struct text *t = &r->down.text;

	if (r->down.at == t->len)
		r->down.at = t->len = 0;
	return t->cap - t->len >= PIECE_BYTES + ANSWER_GROWS_MAX;
}

/* Until nothing is there, so that a small answer is written once. */
static int receive_down(struct relay *r, struct err *err)
{
	static char piece[PIECE_BYTES];

	while (!r->eof && r->answer.state != ANSWER_ENDED && room_down(r)) {
		ssize_t n = recv(r->gateway, piece, sizeof(piece), 0);
		int bad = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n > 0) {
			bad = answer_feed(&r->answer, piece, (size_t)n, &r->down.text, err);
		} else {
			r->eof = true;
			bad = answer_eof(&r->answer, err);
		}
		if (bad < 0)
			return bad;
	}
	return 0;
}

/* Not before the head is whole: an answer that fails within it can still be another one. */
static void write_down(struct relay *r)
{
	ssize_t n;

	if (pending(&r->down) == 0 || r->answer.state == ANSWER_HEAD)
		return;
	n = write(STDOUT_FILENO, r->down.text.buf + r->down.at, pending(&r->down));
	if (n > 0) {
		r->down.at += (size_t)n;
		r->started = true;
	} else if (n < 0 && !again()) {
		r->left = true;
	}
}

/* ---- all together ------------------------------------------------------------------------------
 */

static int watched(bool wanted, int fd)
{
	return wanted ? fd : -1;
}

/* False: nothing has happened for too long. */
static bool await(struct relay *r)
{
	bool up = pending(&r->up) > 0;
	bool down = pending(&r->down) > 0 && r->answer.state != ANSWER_HEAD;
	bool in = !r->body_ended && room_up(r) > 0;
	bool back = !r->eof && r->answer.state != ANSWER_ENDED && room_down(r);
	struct pollfd fds[] = {
		{ .fd = watched(in, STDIN_FILENO), .events = POLLIN },
		{ .fd = watched(up || back, r->gateway),
			.events = (short)((up ? POLLOUT : 0) | (back ? POLLIN : 0)) },
		/* Always: that its reader has left is told without being asked. */
		{ .fd = STDOUT_FILENO, .events = down ? POLLOUT : 0 },
	};
	int n = poll(fds, sizeof(fds) / sizeof(fds[0]),
		r->body_ended ? ANSWER_SILENCE_MS : BODY_SILENCE_MS);

	if (n > 0 && (fds[2].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
		r->left = true;
	return n != 0;
}

static enum relay_end failed(const struct relay *r)
{
	return r->started ? RELAY_CUT : RELAY_UNHEARD;
}

static void relay_init(struct relay *r, const struct request *req, int gateway)
{
	*r = (struct relay){ .req = req, .gateway = gateway };
	r->up.text = (struct text){ .buf = up_buf, .cap = sizeof(up_buf) };
	r->down.text = (struct text){ .buf = down_buf, .cap = sizeof(down_buf) };
	answer_init(&r->answer, req->head_only, &req->prefix);
	text_add(&r->up.text, req->head.buf, req->head.len);
	r->body_left = req->body_bytes;
	r->body_ended = all_read;
	r->left = reader_left();
	if (first_len > 0) {
		memcpy(up_buf + r->up.text.len + CHUNK_OVERHEAD - 2, first_buf, first_len);
		add_chunk(&r->up.text, first_len);
	}
}

static void do_not_block(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

enum relay_end relay_run(struct request *req, int gateway, struct err *err)
{
	static struct relay r; /* large */

	relay_init(&r, req, gateway);
	do_not_block(STDIN_FILENO);
	do_not_block(STDOUT_FILENO);
	do_not_block(gateway);
	while (!r.left) {
		read_body(&r);
		send_up(&r);
		if (receive_down(&r, err) < 0) {
			write_down(&r);
			return failed(&r);
		}
		write_down(&r);
		if (r.answer.state == ANSWER_ENDED && pending(&r.down) == 0)
			return RELAY_DONE;
		if (!r.left && !await(&r)) {
			(void)err_say(err, ETIMEDOUT, "the gateway stands still");
			return failed(&r);
		}
	}
	return RELAY_DONE;
}

void relay_drain(void)
{
	static char trash[PIECE_BYTES];
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	if (all_read)
		return; /* at once: Apache waits for our end before it takes the next request */
	if (shutdown(STDOUT_FILENO, SHUT_WR) < 0)
		(void)close(STDOUT_FILENO);
	while (poll(&in, 1, DRAIN_SILENCE_MS) > 0) {
		ssize_t n = read(STDIN_FILENO, trash, sizeof(trash));

		if (n == 0 || (n < 0 && !again()))
			return;
	}
}
