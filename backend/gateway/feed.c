/* SPDX-License-Identifier: MIT */
#include "feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "document/answer.h"
#include "http.h"
#include "wire/spec.h"

#define WATCH_MS   30000 /* then it is asked again, whatever came */
#define SAME_MS    50    /* where nothing was new: its row is ahead of the queue's memory */
#define AWAY_MS    100   /* until a queue that is away is asked again */
#define REFUSED_MS 1000  /* one that could not answer */
#define WANT_END   (WANT_SPEC | WANT_RESULT | WANT_OUT | WANT_ERR)

struct feeds {
	struct event_base *base;
	struct gateway *gw;
	struct feed *by_key; /* hash; those of jobs that are done from the start are not in it */
	struct event *beat;  /* owned; while there are any */
	size_t n_members;
};

/* ---- memory ---- */

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct feeds *feeds = arg;
	struct feed *feed, *next;
	struct feed_member *member;

	(void)fd;
	(void)what;
	HASH_ITER(hh, feeds->by_key, feed, next)
	{
		LIST_FOREACH(member, &feed->members, link)
		member->beat(member);
	}
	http_run(feeds->gw->http);
}

int feeds_new(struct event_base *base, struct gateway *gw, struct feeds **ret, struct err *err)
{
	struct feeds *feeds = calloc(1, sizeof(*feeds));

	if (feeds == NULL)
		return err_set(err, ENOMEM, "feeds");
	feeds->base = base;
	feeds->gw = gw;
	feeds->beat = event_new(base, -1, EV_PERSIST, on_beat, feeds);
	if (feeds->beat == NULL) {
		free(feeds);
		return err_set(err, ENOMEM, "feeds");
	}
	*ret = feeds;
	return 0;
}

void feeds_free(struct feeds *feeds)
{
	if (feeds == NULL)
		return;
	event_free(feeds->beat);
	free(feeds);
}

size_t feeds_members(const struct feeds *feeds)
{
	return feeds->n_members;
}

static void on_retry(evutil_socket_t fd, short what, void *arg);

static struct feed *feed_new(struct feeds *feeds)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	if (feed == NULL)
		return NULL;
	feed->feeds = feeds;
	feed->out = feed->err = BLOB_EMPTY;
	result_init(&feed->steps);
	LIST_INIT(&feed->members);
	feed->retry = evtimer_new(feeds->base, on_retry, feed);
	if (feed->retry == NULL) {
		free(feed);
		return NULL;
	}
	return feed;
}

static void feed_free(struct feed *feed)
{
	if (feed->token != 0)
		upstream_forget(feed->feeds->gw->upstream, feed->token);
	if (feed->shared) {
		HASH_DEL(feed->feeds->by_key, feed);
		if (feed->feeds->by_key == NULL)
			(void)event_del(feed->feeds->beat);
	}
	event_free(feed->retry);
	blob_done(&feed->out);
	blob_done(&feed->err);
	result_done(&feed->steps);
	jt_done(&feed->end);
	explicit_bzero(&feed->key, sizeof(feed->key));
	free(feed);
}

/* ---- what the queue says ---- */

static enum watch_stage stage_of(const struct msg_job *job)
{
	if (job->state == JOB_QUEUED)
		return WATCH_QUEUED;
	return job->started_ms == 0 ? WATCH_RUNNING : WATCH_STARTED;
}

/* What another attempt did is void. */
static void take_figures(struct feed *feed, const struct msg_job *job)
{
	if (job->attempt != feed->job.attempt) {
		blob_done(&feed->out);
		blob_done(&feed->err);
		result_done(&feed->steps);
	}
	feed->job = *job;
	feed->job.spec = feed->job.result = feed->job.out = feed->job.err = feed->job.files =
		BLOB_EMPTY;
	feed->stage = stage_of(job);
}

/* Of a job that was cancelled less is stored than was shown. */
static void take_longer(struct blob *have, struct blob *stored)
{
	if (stored->len < have->len)
		return;
	blob_done(have);
	*have = *stored;
	*stored = BLOB_EMPTY;
}

static int take_spec(struct feed *feed, const struct msg_job *job, struct err *err)
{
	__attribute__((__cleanup__(spec_done))) struct spec spec;
	cleanup_free uint8_t *data = NULL;
	int r = blob_read_all(&job->spec, SPEC_BYTES_MAX, &data, err);

	spec_init(&spec);
	if (r == 0)
		r = spec_unpack(data, (size_t)job->spec.len, UINT64_MAX, &spec, err);
	if (r == 0)
		feed->has_cases = spec.n_cases > 0;
	return r;
}

/* Of all that is known of the job: its document names the rest. */
static void take_all_steps(struct feed *feed, struct result *result)
{
	result_done(&feed->steps);
	feed->steps.steps = TAKE_PTR(result->steps);
	feed->steps.n_steps = result->n_steps;
	result->n_steps = 0;
	feed->has_build = feed->steps.n_steps > 0 && feed->steps.steps[0].build;
}

static int take_end(struct feed *feed, struct msg_job *job, struct err *err)
{
	struct result result;
	bool has;
	int r = answer_result(job, &result, &has, err);

	if (r == 0 && result.n_steps >= feed->steps.n_steps)
		take_all_steps(feed, &result);
	result_done(&result);
	if (r == 0)
		r = take_spec(feed, job, err);
	if (r == 0)
		r = answer_job_bare(&feed->end, job, err);
	if (r == 0 && feed->end.failed)
		r = err_set(err, ENOMEM, "events");
	if (r < 0)
		return r;
	take_longer(&feed->out, &job->out);
	take_longer(&feed->err, &job->err);
	feed->done = true;
	return 0;
}

static void fail(struct feed *feed, const struct err *err)
{
	if (err != NULL)
		log_error("events of a job: %s", err->msg);
	feed->failed = true;
}

static void take_job(struct feed *feed, struct msg_job *job)
{
	struct err err;

	if (job->state == JOB_DONE && job->spec.len == 0)
		return; /* its bytes come with the next answer */
	take_figures(feed, job);
	if (job->state == JOB_DONE && take_end(feed, job, &err) < 0)
		fail(feed, &err);
}

static void take_file(struct blob *have, struct blob *file, uint64_t bytes)
{
	if (have->fd < 0) {
		*have = *file;
		*file = BLOB_EMPTY;
	}
	if (have->fd >= 0 && bytes > have->len)
		have->len = bytes;
}

static int add_steps(struct feed *feed, struct result *more, struct err *err)
{
	size_t n = feed->steps.n_steps + more->n_steps;
	struct step_result *steps = realloc(feed->steps.steps, n * sizeof(*steps));

	if (steps == NULL)
		return err_set(err, ENOMEM, "events");
	memcpy(steps + feed->steps.n_steps, more->steps, more->n_steps * sizeof(*steps));
	feed->steps.steps = steps;
	feed->steps.n_steps = n;
	more->n_steps = 0; /* they have moved */
	return 0;
}

static int take_steps(struct feed *feed, const struct msg_progress *progress, struct err *err)
{
	cleanup_free uint8_t *data = NULL;
	struct result more;
	int r;

	result_init(&more);
	if (progress->steps.len == 0)
		return 0;
	if (progress->from_step != feed->steps.n_steps)
		return err_say(err, EPROTO, "steps out of order");
	r = blob_read_all(&progress->steps, RESULT_BYTES_MAX, &data, err);
	if (r == 0)
		r = result_unpack(data, (size_t)progress->steps.len, feed->out.len, feed->err.len,
			0, &more, err);
	if (r < 0)
		return r;
	if (more.n_steps > 0)
		r = add_steps(feed, &more, err);
	result_done(&more);
	return r;
}

static void take_progress(struct feed *feed, struct msg_progress *progress)
{
	struct err err;

	if (progress->attempt != feed->job.attempt)
		return;
	feed->has_build = progress->has_build != 0;
	feed->has_cases = progress->has_cases != 0;
	take_file(&feed->out, &progress->out, progress->out_bytes);
	take_file(&feed->err, &progress->err, progress->err_bytes);
	if (take_steps(feed, progress, &err) < 0)
		fail(feed, &err);
}

/* ---- asking it ---- */

static void ask(struct feed *feed);

static void ask_later(struct feed *feed, int ms)
{
	const struct timeval wait = { ms / 1000, ms % 1000 * 1000 };

	(void)event_add(feed->retry, &wait);
}

static void tell_members(struct feed *feed)
{
	struct feed_member *member;

	LIST_FOREACH(member, &feed->members, link)
	member->news(member);
}

/* A job that is not there any more, or not for this one's eyes, has no more news. */
static void on_refusal(struct feed *feed, const struct msg_refused *refused)
{
	if (refused->why == REFUSAL_STORE || refused->why == REFUSAL_NOT_READY)
		ask_later(feed, REFUSED_MS);
	else
		fail(feed, NULL);
}

static bool is_same(const struct feed *feed, const struct msg_job *job)
{
	return job->attempt == feed->job.attempt && job->position == feed->job.position &&
	       (job->state == JOB_DONE || stage_of(job) == feed->stage);
}

static void on_answer(void *arg, struct msg *msg)
{
	struct feed *feed = arg;
	bool same = msg != NULL && msg->type == MSG_JOB && is_same(feed, &msg->job);

	feed->token = 0;
	if (msg == NULL) {
		ask_later(feed, AWAY_MS);
		return;
	}
	if (msg->type == MSG_REFUSED)
		on_refusal(feed, &msg->refused);
	else if (msg->type == MSG_PROGRESS)
		take_progress(feed, &msg->progress);
	else if (msg->type == MSG_JOB)
		take_job(feed, &msg->job);
	if (msg->type != MSG_REFUSED && !feed->done && !feed->failed && same)
		ask_later(feed, SAME_MS);
	else if (msg->type != MSG_REFUSED && !feed->done && !feed->failed)
		ask(feed);
	tell_members(feed);
}

static void ask(struct feed *feed)
{
	cleanup_msg struct msg msg;
	struct err err;

	msg_init(&msg, MSG_WATCH);
	msg.watch.caller_operator = feed->key.caller_operator;
	memcpy(msg.watch.bearer, feed->key.bearer, sizeof(msg.watch.bearer));
	msg.watch.id = feed->job.id;
	msg.watch.wait_ms = WATCH_MS;
	msg.watch.want = WANT_END;
	msg.watch.stage = (uint8_t)feed->stage;
	msg.watch.attempt = feed->job.attempt;
	msg.watch.position = feed->job.position;
	msg.watch.out_bytes = feed->out.len;
	msg.watch.err_bytes = feed->err.len;
	msg.watch.steps = (uint32_t)feed->steps.n_steps;
	msg.watch.have = (feed->out.fd >= 0 ? TAP_OUT : 0) | (feed->err.fd >= 0 ? TAP_ERR : 0);
	if (upstream_ask(feed->feeds->gw->upstream, &msg, on_answer, feed, &feed->token, &err) < 0)
		ask_later(feed, AWAY_MS);
	explicit_bzero(msg.watch.bearer, sizeof(msg.watch.bearer));
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ask(arg);
}

/* ---- members ---- */

static struct feed *begin(
	struct exchange *ex, const struct feed_key *key, struct msg_job *job, struct err *err)
{
	const struct timeval every = { FEED_BEAT_MS / 1000, FEED_BEAT_MS % 1000 * 1000 };
	struct feeds *feeds = ex->gw->feeds;
	struct feed *feed = feed_new(feeds);

	if (feed == NULL) {
		(void)err_set(err, ENOMEM, "events");
		return NULL;
	}
	feed->key = *key;
	feed->job.attempt = job->attempt;
	take_job(feed, job);
	if (feed->done || feed->failed)
		return feed;
	feed->shared = true;
	if (feeds->by_key == NULL)
		(void)event_add(feeds->beat, &every);
	HASH_ADD(hh, feeds->by_key, key, sizeof(feed->key), feed);
	ask(feed);
	return feed;
}

int feed_join(struct exchange *ex, struct msg_job *job, struct feed_member *member, struct err *err)
{
	struct feed_key key = { .id = job->id };
	struct feed *feed = NULL;

	(void)exchange_caller(ex, &key.caller_operator, key.bearer); /* it was let in */
	if (job->state != JOB_DONE)
		HASH_FIND(hh, ex->gw->feeds->by_key, &key, sizeof(key), feed);
	if (feed == NULL || feed->failed)
		feed = begin(ex, &key, job, err);
	explicit_bzero(&key, sizeof(key));
	if (feed == NULL)
		return -err->code;
	member->feed = feed;
	LIST_INSERT_HEAD(&feed->members, member, link);
	feed->feeds->n_members++;
	return 0;
}

void feed_leave(struct feed_member *member)
{
	struct feed *feed = member->feed;

	if (feed == NULL)
		return;
	member->feed = NULL;
	LIST_REMOVE(member, link);
	feed->feeds->n_members--;
	if (LIST_EMPTY(&feed->members))
		feed_free(feed);
}
