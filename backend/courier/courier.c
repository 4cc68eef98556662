/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation.
 *
 * The courier tells receivers of a job's end. It is the one role that goes out into the
 * network by itself, to addresses that strangers have named: so it has nothing but its
 * socket to the queue and the secret that it signs with; no database, no Docker, no listener.
 *
 *	queue ──DELIVER──▶ courier ──JOB_GET──▶ queue
 *	                      ◀──────JOB──────────┘
 *	                   letter.c: the body, signed (seal.c)
 *	                   post.c: one POST to an allowed address
 *	queue ◀──DELIVERED──┘
 *
 * The queue's outbox knows what is to be announced, and when again: an attempt is the
 * courier's for a while, after which another one may be made. So an ending is announced at
 * least once, and more than once where a process died at the wrong moment; webhook-id is the
 * same each time.
 *
 * A host that does not answer takes at most HOST_MOST of the room: what else is for it is
 * given back to the queue as BUSY.
 */
#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "common/callback.h"
#include "common/log.h"
#include "common/role.h"
#include "common/watchdog.h"
#include "letter.h"
#include "post.h"
#include "queue_line.h"
#include "seal.h"

#define ALL_MOST           64
#define HOST_MOST          4
#define WANT_ALL_BUT_FILES (WANT_SPEC | WANT_RESULT | WANT_OUT | WANT_ERR)

struct errand {
	TAILQ_ENTRY(errand) next;
	struct courier *courier;
	struct msg_deliver what;
	struct callback_target target;
	uint64_t token; /* of the question for the job; 0: it was answered */
};

struct courier {
	const struct config *config;
	struct event_base *base; /* owned, as all below */
	struct seal *seal;
	struct post *post;
	struct queue_line *queue;
	TAILQ_HEAD(, errand) errands;
	size_t n_errands;
	uint64_t last_token;
	struct event *sigterm, *sigint, *sighup, *watchdog;
	int exit_code;
};

static void tell(
	struct courier *c, const struct msg_deliver *what, enum delivery outcome, const char *error)
{
	struct msg_delivered said = { .seq = what->seq, .claim = what->claim, .outcome = outcome };

	(void)snprintf(said.error, sizeof(said.error), "%.*s", CALLBACK_ERROR_MAX,
		error == NULL ? "" : error);
	queue_line_tell(c->queue, &said);
}

static void errand_free(struct errand *errand)
{
	TAILQ_REMOVE(&errand->courier->errands, errand, next);
	errand->courier->n_errands--;
	free(errand);
}

static void end_errand(struct errand *errand, enum delivery outcome, const char *error)
{
	struct courier *c = errand->courier;

	tell(c, &errand->what, outcome, error);
	if (outcome == DELIVERY_DONE)
		log_info("seq=%llu announced host=%s", (unsigned long long)errand->what.seq,
			errand->target.host);
	else
		log_info("seq=%llu not announced host=%s: %s", (unsigned long long)errand->what.seq,
			errand->target.host, error);
	errand_free(errand);
}

/* ---- from the queue ----------------------------------------------------------------------- */

static bool has_room(const struct courier *c, const struct callback_target *target)
{
	const struct errand *errand;
	size_t same = 0;

	TAILQ_FOREACH (errand, &c->errands, next)
		if (errand->target.port == target->port &&
			strcmp(errand->target.host, target->host) == 0)
			same++;
	return c->n_errands < ALL_MOST && same < HOST_MOST;
}

static int ask_for_job(struct courier *c, struct errand *errand, struct err *err)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_JOB_GET);
	errand->token = ++c->last_token;
	msg.job_get.token = errand->token;
	msg.job_get.caller_operator = 1;
	msg.job_get.id = errand->what.id;
	msg.job_get.want = WANT_ALL_BUT_FILES;
	return queue_line_ask(c->queue, &msg, err);
}

static void on_deliver(struct courier *c, const struct msg_deliver *what)
{
	struct callback_target target;
	struct errand *errand;
	struct err err;

	if (callback_parse(what->url, &target, &err) < 0) {
		tell(c, what, DELIVERY_FAILED, err.msg);
		return;
	}
	errand = has_room(c, &target) ? calloc(1, sizeof(*errand)) : NULL;
	if (errand == NULL) {
		tell(c, what, DELIVERY_BUSY, NULL);
		return;
	}
	errand->courier = c;
	errand->what = *what;
	errand->target = target;
	TAILQ_INSERT_TAIL(&c->errands, errand, next);
	c->n_errands++;
	if (ask_for_job(c, errand, &err) < 0)
		errand_free(errand); /* the queue is away, and takes it for lost */
}

static struct errand *errand_of(struct courier *c, uint64_t token)
{
	struct errand *errand;

	TAILQ_FOREACH (errand, &c->errands, next)
		if (errand->token == token && token != 0)
			return errand;
	return NULL;
}

static void on_posted(void *arg, const char *error)
{
	end_errand(arg, error == NULL ? DELIVERY_DONE : DELIVERY_FAILED, error);
}

static void on_job(struct courier *c, struct msg_job *job)
{
	struct errand *errand = errand_of(c, job->token);
	struct letter letter;
	struct err err;
	int r;

	if (errand == NULL)
		return;
	errand->token = 0;
	job->callback = CALLBACK_NONE; /* what is sent is the same at each attempt */
	r = job->state != JOB_DONE ? err_say(&err, EPROTO, "the job has not ended")
				   : letter_write(c->seal, job, &letter, &err);
	if (r == 0)
		r = post_send(c->post, errand->what.url, &errand->target, &letter, on_posted,
			errand, &err);
	if (r < 0)
		end_errand(errand, DELIVERY_FAILED, err.msg);
}

static void on_message(struct msg *msg, void *arg)
{
	struct courier *c = arg;
	struct errand *errand;

	if (msg->type == MSG_DELIVER) {
		on_deliver(c, &msg->deliver);
	} else if (msg->type == MSG_JOB) {
		on_job(c, &msg->job);
	} else if (msg->type == MSG_REFUSED) {
		errand = errand_of(c, msg->refused.token);
		if (errand != NULL)
			end_errand(errand, DELIVERY_FAILED, msg->refused.detail);
	}
}

/* Nobody answers any more what was asked; what is being sent goes on. */
static void on_lost(void *arg)
{
	struct courier *c = arg;
	struct errand *errand = TAILQ_FIRST(&c->errands);

	while (errand != NULL) {
		struct errand *next = TAILQ_NEXT(errand, next);

		if (errand->token != 0)
			errand_free(errand);
		errand = next;
	}
}

/* ---- the process --------------------------------------------------------------------------- */

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct courier *c = arg;

	(void)what;
	log_info("stopping on signal %d", (int)signo);
	role_stopping(1);
	(void)event_base_loopbreak(c->base);
}

static int make_parts(struct courier *c, struct err *err)
{
	static const struct queue_line_ops ops = { .message = on_message, .lost = on_lost };
	int r;

	c->base = event_base_new();
	if (c->base == NULL)
		return err_set(err, ENOMEM, "event loop");
	c->sigterm = evsignal_new(c->base, SIGTERM, on_signal, c);
	c->sigint = evsignal_new(c->base, SIGINT, on_signal, c);
	c->sighup = evsignal_new(c->base, SIGHUP, on_signal, c);
	if (c->sigterm == NULL || c->sigint == NULL || c->sighup == NULL ||
		event_add(c->sigterm, NULL) < 0 || event_add(c->sigint, NULL) < 0 ||
		event_add(c->sighup, NULL) < 0)
		return err_set(err, ENOMEM, "event loop");
	r = watchdog_new(c->base, &c->watchdog, err);
	if (r == 0)
		r = post_new(c->base, c->config, &c->post, err);
	if (r == 0)
		r = queue_line_new(c->base, c->config, &ops, c, &c->queue, err);
	return r;
}

static void free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

static void courier_done(struct courier *c)
{
	post_free(c->post);
	while (!TAILQ_EMPTY(&c->errands))
		errand_free(TAILQ_FIRST(&c->errands));
	queue_line_free(c->queue);
	seal_close(c->seal);
	free_event(c->sigterm);
	free_event(c->sigint);
	free_event(c->sighup);
	free_event(c->watchdog);
	if (c->base != NULL)
		event_base_free(c->base);
	curl_global_cleanup();
}

int courier_main(struct role_args *args)
{
	struct courier c = { .config = args->config };
	struct err err;
	int r;

	TAILQ_INIT(&c.errands);
	(void)signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return EXIT_FAILURE;
	r = role_make_directory(ROLE_COURIER, STATE_COURIER, c.config, &err);
	if (r == 0)
		r = seal_open(c.config, &c.seal, &err);
	if (r == 0)
		r = role_confine(ROLE_COURIER, c.config, (gid_t)-1, &err);
	if (r == 0)
		r = make_parts(&c, &err);
	if (r < 0) {
		log_error("cannot start: %s", err.msg);
		courier_done(&c);
		return role_exit_code(r);
	}
	queue_line_connect(c.queue);
	role_ready();
	log_info("ready");
	(void)event_base_dispatch(c.base);
	courier_done(&c);
	return c.exit_code;
}
