/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/utf8.h"
#include "cursor.h"
#include "document/answer.h"
#include "document/base64.h"
#include "feed.h"
#include "http.h"
#include "jobs.h"

#define WANT_END    (WANT_SPEC | WANT_RESULT | WANT_OUT | WANT_ERR)
#define CHUNK_BYTES (16U * 1024) /* of output in one event */
#define BLOCK_BYTES (8U * 1024)
#define END_COPIES \
	3 /* of a job's end in memory: the feed's, the reader's, and its steps unpacked */

struct reader {
	struct feed_member member; /* first: the feed gives it back */
	struct exchange *ex;       /* NULL: gone */
	struct cursor at;
	uint64_t position; /* told last, 0: none */
	bool estimated;    /* with it, when the job may start */
	bool err_next;     /* stderr's turn */
	bool beat;         /* one is due */
	bool silent;       /* nothing was sent since the last beat */
	bool stopping;
	bool held;             /* the end is counted */
	bool over;             /* nothing comes after what is in `text` */
	struct json_text text; /* what was made and not yet taken */
	size_t taken;
};

/* ---- one event ---- */

static void put(struct reader *r, const char *text)
{
	jt_raw(&r->text, text, strlen(text));
}

/* The id stands for all up to and with this one: the place is moved before. */
static void open_event(struct reader *r, const char *name)
{
	char id[CURSOR_CHARS];

	cursor_format(&r->at, id);
	put(r, "id: ");
	put(r, id);
	put(r, "\nevent: ");
	put(r, name);
	put(r, "\ndata: ");
	r->text.comma = false;
}

static void close_event(struct reader *r)
{
	put(r, "\n\n");
}

static void put_attempt(struct reader *r, uint32_t attempt)
{
	r->at = (struct cursor){ .attempt = attempt };
	open_event(r, "attempt");
	jt_open(&r->text, '{');
	jt_key(&r->text, "attempt");
	jt_uint(&r->text, attempt);
	jt_close(&r->text, '}');
	close_event(r);
}

static void put_state(struct reader *r, const struct msg_job *job, enum cursor_state state)
{
	r->at.state = state;
	open_event(r, "state");
	jt_open(&r->text, '{');
	jt_key(&r->text, "state");
	jt_str(&r->text, job_state_name((enum job_state)job->state));
	jt_key(&r->text, "node");
	jt_str_or_null(&r->text, job->node[0] == '\0' ? NULL : job->node);
	jt_key(&r->text, "started_at");
	jt_time(&r->text, job->started_ms);
	jt_close(&r->text, '}');
	close_event(r);
}

static void put_position(struct reader *r, const struct msg_job *job)
{
	r->position = job->position;
	r->estimated = job->estimated_ms != 0;
	open_event(r, "position");
	jt_open(&r->text, '{');
	jt_key(&r->text, "position");
	jt_uint(&r->text, job->position);
	jt_key(&r->text, "estimated_start");
	jt_time(&r->text, job->estimated_ms);
	jt_close(&r->text, '}');
	close_event(r);
}

/* False: there is no room for the end now. Whoever comes back for it hears that it is so. */
static bool hold_end(struct reader *r, const struct feed *feed)
{
	r->held = r->held || exchange_hold(r->ex, END_COPIES * feed->end.len);
	return r->held;
}

static void put_end(struct reader *r, const struct feed *feed)
{
	r->over = true;
	if (!hold_end(r, feed))
		return;
	r->at.state = CURSOR_ENDED;
	open_event(r, "end");
	jt_raw(&r->text, feed->end.buf, feed->end.len);
	close_event(r);
}

/* ---- output ---- */

static void put_base64(struct json_text *t, const uint8_t *data, size_t n)
{
	cleanup_free char *text = malloc(base64_chars(n));

	if (text == NULL) {
		t->failed = true;
		return;
	}
	base64_encode(data, n, text);
	jt_strn(t, text, base64_chars(n));
}

static void put_output(struct reader *r, const struct feed *feed, bool is_err, const uint8_t *data,
	size_t n, bool utf8)
{
	uint32_t step = r->at.steps;

	*(is_err ? &r->at.err : &r->at.out) += n;
	open_event(r, is_err ? "stderr" : "stdout");
	jt_open(&r->text, '{');
	jt_key(&r->text, "step");
	if (feed->has_build && step == 0)
		jt_str(&r->text, "build");
	else
		jt_uint(&r->text, step - (feed->has_build ? 1 : 0));
	jt_key(&r->text, "content");
	if (utf8)
		jt_strn(&r->text, (const char *)data, n);
	else
		put_base64(&r->text, data, n);
	jt_key(&r->text, "encoding");
	jt_str(&r->text, utf8 ? "utf8" : "base64");
	jt_close(&r->text, '}');
	close_event(r);
}

/*
 * How much of n > 0 bytes goes into one event, and as what: whole characters, or, where the
 * first one is none, all up to the last line's end, since text may begin anew there. 0: a
 * character that is not whole yet.
 */
static size_t measure(const uint8_t *data, size_t n, bool last, bool *ret_utf8)
{
	const uint8_t *line;
	size_t whole = 0;

	*ret_utf8 = true;
	while (whole < n) {
		struct utf8_check check = { 0 };
		uint32_t c;
		size_t len = utf8_next(data + whole, n - whole, &c);

		if (c == 0xfffd && !utf8_valid(data + whole, len)) {
			if (!last && whole + len == n && utf8_check_feed(&check, data + whole, len))
				return whole;
			break;
		}
		whole += len;
	}
	if (whole > 0)
		return whole;
	*ret_utf8 = false;
	line = memrchr(data, '\n', n);
	return line == NULL ? n : (size_t)(line - data) + 1;
}

static void fail(struct reader *r, const struct err *err)
{
	log_warning("events of a job: %s", err->msg);
	r->over = true;
}

/* `to`: where the step's output ends, or what there is of it; `ended`: nothing is added there. */
static bool put_stream(
	struct reader *r, const struct feed *feed, bool is_err, uint64_t to, bool ended)
{
	const struct blob *blob = is_err ? &feed->err : &feed->out;
	uint64_t from = is_err ? r->at.err : r->at.out;
	uint8_t data[CHUNK_BYTES];
	struct err err;
	bool utf8;
	size_t n;

	if (to > blob->len)
		to = blob->len;
	if (from >= to)
		return false;
	n = to - from < sizeof(data) ? (size_t)(to - from) : sizeof(data);
	if (blob_read(blob, from, data, n, &err) < 0) {
		fail(r, &err);
		return true;
	}
	n = measure(data, n, ended && from + n == to, &utf8);
	if (n == 0)
		return false;
	put_output(r, feed, is_err, data, n, utf8);
	return true;
}

/* The current step, where it has ended. */
static const struct step_result *ended_step(const struct reader *r, const struct feed *feed)
{
	return r->at.steps < feed->steps.n_steps ? &feed->steps.steps[r->at.steps] : NULL;
}

static void no_less(uint64_t *at, uint64_t least)
{
	if (*at < least)
		*at = least;
}

static bool put_step_output(struct reader *r, const struct feed *feed)
{
	const struct step_result *step = ended_step(r, feed);
	bool ended = step != NULL || feed->done;
	uint64_t out_to = UINT64_MAX, err_to = UINT64_MAX;

	if (step != NULL) { /* a place from outside may be anywhere */
		no_less(&r->at.out, step->out.offset);
		no_less(&r->at.err, step->err.offset);
		out_to = step->out.offset + step->out.bytes;
		err_to = step->err.offset + step->err.bytes;
	}
	r->err_next = !r->err_next;
	return put_stream(r, feed, !r->err_next, r->err_next ? out_to : err_to, ended) ||
	       put_stream(r, feed, r->err_next, r->err_next ? err_to : out_to, ended);
}

static bool put_step_end(struct reader *r, const struct feed *feed)
{
	const struct step_result *step = ended_step(r, feed);
	int64_t index = (int64_t)r->at.steps - (feed->has_build ? 1 : 0);

	if (step == NULL)
		return false;
	r->at.steps++;
	if (!step->build && !feed->has_cases)
		return true; /* it is the job: its end tells all */
	open_event(r, step->build ? "build" : "case");
	answer_step(&r->text, step, step->build ? -1 : index);
	close_event(r);
	return true;
}

/* ---- the stream ---- */

static bool put_waiting(struct reader *r, const struct feed *feed)
{
	if (r->at.state != CURSOR_QUEUED) {
		put_state(r, &feed->job, CURSOR_QUEUED);
		return true;
	}
	if (feed->job.position == 0 || (feed->job.position == r->position &&
					       r->estimated == (feed->job.estimated_ms != 0)))
		return false;
	put_position(r, &feed->job);
	return true;
}

static bool put_running(struct reader *r, const struct feed *feed)
{
	enum cursor_state state = feed->stage == WATCH_STARTED ? CURSOR_STARTED : CURSOR_RUNNING;

	if (r->at.state >= state)
		return false;
	put_state(r, &feed->job, state);
	return true;
}

/* The next event, where there is one. */
static bool put_next(struct reader *r)
{
	const struct feed *feed = r->member.feed;

	if (feed->stage == WATCH_QUEUED && !feed->done)
		return put_waiting(r, feed);
	if (r->at.attempt != feed->job.attempt) {
		put_attempt(r, feed->job.attempt);
		return true;
	}
	if (!feed->done && put_running(r, feed))
		return true;
	if (put_step_output(r, feed) || put_step_end(r, feed))
		return true;
	if (!feed->done)
		return false;
	put_end(r, feed);
	return true;
}

/* False: nothing is there. */
static bool refill(struct reader *r)
{
	jt_done(&r->text);
	r->taken = 0;
	if (r->over)
		return false;
	if (r->stopping || r->member.feed == NULL) {
		r->over = true;
		return false;
	}
	while (!r->over && r->text.len < BLOCK_BYTES && put_next(r))
		continue;
	if (r->text.len == 0 && r->member.feed->failed)
		r->over = true;
	if (r->text.len == 0 && r->beat)
		put(r, ":\n\n");
	r->beat = false;
	r->silent = r->silent && r->text.len == 0;
	return r->text.len > 0;
}

static ssize_t on_read(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct reader *r = cls;
	size_t n;

	(void)pos;
	if (r->ex == NULL || r->ex->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (r->taken == r->text.len && !refill(r)) {
		if (r->over)
			return MHD_CONTENT_READER_END_OF_STREAM;
		http_sleep(r->ex);
		return 0;
	}
	if (r->text.failed)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = r->text.len - r->taken < max ? r->text.len - r->taken : max;
	memcpy(buf, r->text.buf + r->taken, n);
	r->taken += n;
	return (ssize_t)n;
}

static void on_free(void *cls)
{
	struct reader *r = cls;

	feed_leave(&r->member);
	if (r->ex != NULL)
		r->ex->reader = NULL;
	jt_done(&r->text);
	free(r);
}

static void on_news(struct feed_member *member)
{
	struct reader *r = (struct reader *)(void *)member;

	if (r->ex != NULL)
		http_resume(r->ex);
}

/* A comment, so that nobody between takes the connection for a dead one. */
static void on_beat(struct feed_member *member)
{
	struct reader *r = (struct reader *)(void *)member;

	r->beat = r->silent;
	r->silent = true;
	if (r->beat && r->ex != NULL)
		http_resume(r->ex);
}

void events_stop(struct reader *r)
{
	r->stopping = true;
	if (r->ex != NULL)
		http_resume(r->ex);
}

void events_forget(struct reader *r)
{
	feed_leave(&r->member);
	r->ex = NULL;
}

/* ---- the request ---- */

void events_begin(struct exchange *ex)
{
	if (!ex->head_only)
		return;
	exchange_problem(ex, PROBLEM_METHOD, "this address takes GET, OPTIONS");
	exchange_add_header(ex, "Allow", "GET, OPTIONS");
}

static void answer_stream(struct exchange *ex, struct msg_job *job, const struct cursor *at)
{
	struct reader *r = calloc(1, sizeof(*r));
	struct MHD_Response *response = NULL;
	bool joined;
	struct err err;

	if (r != NULL) {
		r->member.news = on_news;
		r->member.beat = on_beat;
		r->at = *at;
		r->ex = ex;
		put(r, "retry: 1000\n\n");
		joined = feed_join(ex, job, &r->member, &err) == 0;
		if (joined && r->member.feed->done && !hold_end(r, r->member.feed)) {
			on_free(r);
			exchange_no_room(ex);
			return;
		}
		if (joined)
			response = MHD_create_response_from_callback(
				MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read, r, on_free);
	}
	if (response != NULL)
		ex->reader = r;
	else if (r != NULL)
		on_free(r);
	exchange_answer(ex, MHD_HTTP_OK, response);
	exchange_add_header(ex, "Content-Type", "text/event-stream; charset=utf-8");
	exchange_add_header(ex, "Cache-Control", "no-store");
	exchange_add_header(ex, "X-Accel-Buffering", "no");
}

static bool read_cursor(struct exchange *ex, struct cursor *ret)
{
	const char *text = exchange_header(ex, "Last-Event-ID");

	*ret = (struct cursor){ 0 };
	if (text == NULL || *text == '\0' || cursor_parse(text, ret))
		return true;
	exchange_problem(ex, PROBLEM_INVALID_REQUEST,
		"Last-Event-ID: expected the id of an event of this job");
	return false;
}

static void on_job(struct exchange *ex, struct msg *msg)
{
	struct cursor at;

	if (!read_cursor(ex, &at))
		return;
	if (at.attempt > msg->job.attempt) {
		exchange_problem(ex, PROBLEM_INVALID_REQUEST,
			"Last-Event-ID: expected the id of an event of this job");
		return;
	}
	if (msg->job.state == JOB_DONE && at.state == CURSOR_ENDED &&
		at.attempt == msg->job.attempt)
		exchange_answer_static(ex, MHD_HTTP_NO_CONTENT, "text/event-stream", "", 0);
	else if (msg->job.state != JOB_DONE || msg->job.spec.len > 0)
		answer_stream(ex, &msg->job, &at);
	else
		jobs_ask(ex, WANT_END, on_job);
}

void events_get(struct exchange *ex)
{
	struct cursor at;

	if (read_cursor(ex, &at))
		jobs_ask(ex, 0, on_job);
}
