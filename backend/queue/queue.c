/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation.
 *
 * The queue owns the store (a SQLite file and the spool beside it, both its
 * user's alone) and decides whose turn it is. It reaches nobody by itself:
 * gateways and the one driver come to it, each through a door of their own
 * (peers.c), and the channel lets each send only what the catalogue
 * (wire/msg.h) allows its role. It has no HTTP, no Docker, no root.
 *
 *	gateway ──SUBMIT, JOB_GET...──▶ gate.c ─┐                  ┌─▶ store (SQLite)
 *	                               intake.c ─┼─ move.c ─ turn.c ┤
 *	driver ──NODE, ENDING...──────▶ drive.c ─┘                  └─▶ jobs.c (memory)
 *	                                   └──RUN──▶ driver
 *	                                outbox.c ──DELIVER──▶ courier
 *
 * One thread runs the event loop and all of the above. All that one turn of the
 * loop writes is one transaction (turn.c), whose acknowledgements go out after
 * the commit; a job may be handed to the driver before it, since nobody was told
 * of it yet. A second thread (worker.c) does what may take long: it hashes, syncs and
 * names the files of the spool before the row that names them is written,
 * removes them after the row is gone, and moves the write-ahead log into the database.
 *
 * What is in memory (jobs.c: who waits where, what runs) is an index over the
 * rows. A start builds it from the store, whether the life before ended
 * well or with kill -9; a transaction that fails builds it anew the same way.
 *
 * Time for retention and leases is the service's own clock (age.h).
 *
 * A job runs at least once and ends exactly once: each hand-over has a number
 * (attempt), and an ending is written only for the attempt that holds the
 * lease. What comes too late is acknowledged and forgotten.
 */
#include "queue.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "common/log.h"
#include "common/role.h"
#include "common/watchdog.h"
#include "drive.h"
#include "follow.h"
#include "gate.h"
#include "history.h"
#include "intake.h"
#include "knock.h"
#include "migrate.h"
#include "peers.h"
#include "rebuild.h"
#include "reply.h"
#include "retention.h"
#include "roster.h"
#include "scrape.h"
#include "store/mariadb_dsn.h"
#include "sweep.h"
#include "watch.h"

#define KEEP_MS 10000 /* far less than the database waits for a word: mariadb_session.c */

struct short_id queue_short_id(const struct job_id *id)
{
	char text[JOB_ID_CHARS + 1];
	struct short_id ret;

	job_id_format(id, text);
	memcpy(ret.text, text, JOB_ID_SHOWN);
	ret.text[JOB_ID_SHOWN] = '\0';
	return ret;
}

void queue_kick(struct queue *q)
{
	struct err err;

	if (!q->stopping && q->store_up && !q->turn.spoiled && drive_can_admit(q))
		(void)turn_join(q, &err); /* its end admits */
}

void queue_give_up(struct queue *q, const char *why)
{
	log_error("giving up: %s", why);
	q->exit_code = 1;
	(void)event_base_loopbreak(q->base);
}

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
	struct queue *q = arg;

	(void)what;
	log_info("stopping on signal %d", (int)signal);
	role_stopping(QUEUE_STOP_S);
	q->stopping = true;
	(void)event_base_loopbreak(q->base);
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;

	(void)fd;
	(void)what;
	gate_reap(q);
	drive_reap(q);
}

static void on_timed_out(const struct answer *answer, void *arg)
{
	if (answer->watch)
		watch_timed_out(arg, answer);
	else
		reply_job_later(arg, answer, 0, false);
}

/* Writes something, so that what was in the way shows itself. */
static int probe_store(struct queue *q, struct err *err)
{
	int r = store_begin(q->store, err);

	if (r == 0)
		r = rebuild_keep_age(q, err);
	if (r == 0)
		r = store_commit(q->store, err);
	if (r < 0)
		store_rollback(q->store);
	return r;
}

/* In the worker: a database that is away may take its time to say so. */
static void run_revive(void *arg)
{
	struct queue *q = arg;
	struct err err;

	if (store_revive(q->store, &err) < 0)
		log_warning("%s", err.msg);
}

/* The store may be used again, and the jobs in memory are its own. */
static bool is_back(struct queue *q)
{
	struct err err;

	if (probe_store(q, &err) < 0)
		return false;
	if (q->stale && rebuild_stale(q, &err) < 0)
		queue_give_up(q, err.msg); /* a start reads all of it again */
	return !q->stale;
}

static void revived(void *arg)
{
	const struct timeval again = { .tv_sec = TURN_RETRY_MS / 1000 };
	struct queue *q = arg;

	q->reviving = false;
	if (q->stopping)
		return;
	if (!is_back(q)) {
		(void)event_add(q->retry, &again);
		return;
	}
	log_info("store is up again");
	q->store_up = true;
	follow_grace(q);
	retention_schedule(q);
	intake_retry(q);
	queue_kick(q);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval again = { .tv_sec = TURN_RETRY_MS / 1000 };
	struct queue *q = arg;
	struct err err;

	(void)fd;
	(void)what;
	turn_flush(q);
	if (q->store_up) {
		intake_retry(q);
		queue_kick(q);
	} else if (!q->reviving) {
		q->reviving = worker_post(q->worker, run_revive, revived, q, &err) == 0;
		if (!q->reviving)
			(void)event_add(q->retry, &again);
	}
}

/* The database ends a session that says nothing for long: ours is to be heard of. */
static void on_keep(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;
	struct err err;

	(void)fd;
	(void)what;
	if (age_now(&q->age) - q->age_kept_ms < KEEP_MS / 2 || turn_begin(q, &err) < 0)
		return;
	if (rebuild_keep_age(q, &err) < 0)
		turn_spoil(q, &err);
}

static int init_keep(struct queue *q, struct err *err)
{
	const struct timeval every = { .tv_sec = KEEP_MS / 1000 };

	if (q->database == NULL)
		return 0;
	q->keep = event_new(q->base, -1, EV_PERSIST, on_keep, q);
	return q->keep == NULL || event_add(q->keep, &every) < 0 ? err_set(err, ENOMEM, "event")
								 : 0;
}

static int init_events(struct queue *q, struct err *err)
{
	q->sigterm = evsignal_new(q->base, SIGTERM, on_signal, q);
	q->sigint = evsignal_new(q->base, SIGINT, on_signal, q);
	q->sighup = evsignal_new(q->base, SIGHUP, on_signal, q);
	q->reaper = event_new(q->base, -1, 0, on_reap, q);
	q->retry = event_new(q->base, -1, 0, on_retry, q);
	if (q->sigterm == NULL || q->sigint == NULL || q->sighup == NULL || q->reaper == NULL ||
		q->retry == NULL || event_add(q->sigterm, NULL) < 0 ||
		event_add(q->sigint, NULL) < 0 || event_add(q->sighup, NULL) < 0)
		return err_set(err, ENOMEM, "event");
	return watchdog_new(q->base, &q->watchdog, err);
}

static int init_parts(struct queue *q, struct err *err)
{
	int r = init_events(q, err);

	if (r == 0)
		r = init_keep(q, err);
	if (r == 0)
		r = turn_init(q, err);
	if (r == 0)
		r = retention_init(q, err);
	if (r == 0)
		r = follow_init(q, err);
	if (r == 0)
		r = history_init(q, err);
	if (r == 0)
		r = scrape_init(q, err);
	if (r == 0)
		r = outbox_init(q, err);
	if (r == 0)
		r = jobs_init(&q->jobs, q->config, err);
	if (r == 0)
		r = worker_start(q->base, &q->worker, err);
	if (r == 0)
		r = drive_init(q, err);
	if (r == 0)
		r = watch_init(q, err);
	waiters_init(&q->waiters, q->base, on_timed_out, q);
	typed_init(q);
	return r;
}

static int open_store(struct queue *q, struct err *err)
{
	int r;

	if (q->database == NULL)
		r = store_open("sqlite", QUEUE_DB, &q->store, err);
	else if (q->config->store_shared)
		r = store_open_shared("mariadb", q->database, q->config->node, &q->store, err);
	else
		r = store_open("mariadb", q->database, &q->store, err);
	if (r == 0)
		r = spool_open(QUEUE_SPOOL, &q->spool, err);
	if (r == 0 && q->database != NULL)
		spool_use_store(q->spool, q->store, q->config->store_shared);
	if (r == 0)
		r = migrate_check(q->store, err);
	if (r == 0)
		r = rebuild_at_start(q, err);
	if (r == 0)
		r = roster_load(q, err);
	q->store_up = r == 0;
	return r;
}

/* In the order that leaves nothing acknowledged unsaid and nothing said undone. */
static void finish(struct queue *q)
{
	struct err err;

	peers_done(q);
	q->stopping = true;
	worker_stop(q->worker);
	q->worker = NULL;
	if (q->store != NULL && q->exit_code == 0) {
		turn_flush(q);
		if (probe_store(q, &err) < 0)
			log_error("%s", err.msg);
	}
}

static void release(struct queue *q)
{
	struct event *events[] = { q->sigterm, q->sigint, q->sighup, q->reaper, q->retry, q->keep,
		q->retention, q->watchdog, q->places };

	reply_done(q);
	sweep_done(q);
	waiters_done(&q->waiters);
	typed_done(q);
	intake_done(q);
	turn_done(q);
	drive_done(q);
	gate_done(q);
	jobs_done(&q->jobs);
	store_close(q->store);
	spool_close(q->spool);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	follow_done(q);
	history_done(q);
	scrape_done(q);
	outbox_done(q);
	knock_close(q->knock);
	event_base_free(q->base);
	mariadb_dsn_wipe(q->database);
	free(q->token_hashes);
	free(q);
}

static struct queue *queue_new(const struct config *config, uid_t started_uid)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->config = config;
	q->started_uid = started_uid;
	TAILQ_INIT(&q->gates);
	TAILQ_INIT(&q->intakes);
	TAILQ_INIT(&q->long_lists);
	TAILQ_INIT(&q->sweeps);
	STAILQ_INIT(&q->turn.afters);
	pending_init(&q->turn.pending);
	q->kept.stale = true;
	q->drive.tasks = BLOB_EMPTY;
	q->base = event_base_new();
	if (q->base == NULL ||
		getrandom(&q->instance, sizeof(q->instance), 0) != sizeof(q->instance)) {
		if (q->base != NULL)
			event_base_free(q->base);
		free(q);
		return NULL;
	}
	return q;
}

static int serve(struct queue *q, int fd[static QUEUE_DOORS], struct err *err)
{
	int r = init_parts(q, err);

	if (r == 0)
		r = open_store(q, err);
	if (r == 0)
		r = peers_listen(q, fd, err);
	if (r == 0)
		r = knock_listen(q, err);
	if (r < 0)
		return r;
	retention_schedule(q);
	retention_soon(q); /* the bounds may be others than before */
	follow_begin(q);
	role_ready();
	log_info("ready");
	if (event_base_dispatch(q->base) < 0)
		return err_say(err, EIO, "event loop");
	return 0;
}

/* Blobs of jobs travel as descriptors: as many as the system lets us have. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* What is read and made while there are rights to do so. */
struct prepared {
	char *database; /* owned, as all below */
	struct knock *knock;
	uint8_t (*token_hashes)[CLIENT_HASH_BYTES];
};

static int give_up_preparing(struct prepared *prepared, const char *why, int exit_code)
{
	knock_close(prepared->knock);
	mariadb_dsn_wipe(prepared->database);
	free(prepared->token_hashes);
	log_error("%s", why);
	return exit_code;
}

static int prepare(
	struct role_args *args, int fd[static QUEUE_DOORS], struct prepared *ret, struct err *err)
{
	const char *path = args->config->database_file;
	int r = 0;

	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN); /* of the database's connection */
	raise_descriptors();
	if (path != NULL &&
		mariadb_dsn_read(path, args->config->queue_uid, &ret->database, err) < 0)
		r = err_wrap(err, "database_file");
	if (r == 0)
		r = roster_read_files(args->config, &ret->token_hashes, err);
	if (r == 0)
		r = knock_open(args->config, &ret->knock, err);
	if (r == 0)
		r = peers_bind(args, fd, err);
	if (r == 0)
		r = role_make_directory(ROLE_QUEUE, STATE_QUEUE, args->config, err);
	if (r == 0)
		r = role_confine(ROLE_QUEUE, args->config, (gid_t)-1, err);
	if (r == 0)
		r = migrate_lock(err);
	return r;
}

/* No restart mends it: a newer schema, a damaged file, a missing right, a mistake in a string. */
static int exit_code_of(int r)
{
	return r == -EPROTO || r == -EUCLEAN || r == -EACCES || r == -EPERM || r == -EINVAL ||
			       r == -EEXIST
		       ? EX_CONFIG
		       : 1;
}

/*
 * Clients that wait at a socket of systemd's start a service that has failed again at once, and 20
 * starts in 2 seconds are its last: systemd.socket(5), TriggerLimitBurst. A signal ends the wait.
 */
static void pace_restart(int exit_code)
{
	if (exit_code != EX_CONFIG)
		(void)poll(NULL, 0, TURN_RETRY_MS);
}

int queue_main(struct role_args *args)
{
	uid_t started_uid = geteuid();
	int fd[QUEUE_DOORS] = { -1, -1, -1 };
	struct prepared prepared = { 0 };
	struct queue *q;
	struct err err;
	int r = prepare(args, fd, &prepared, &err);
	int code;

	if (r < 0)
		return give_up_preparing(&prepared, err.msg, exit_code_of(r));
	q = queue_new(args->config, started_uid);
	if (q == NULL)
		return give_up_preparing(&prepared, "out of memory", 1);
	q->database = prepared.database;
	q->knock = prepared.knock;
	q->token_hashes = prepared.token_hashes;
	r = serve(q, fd, &err);
	if (r < 0) {
		log_error("%s", err.msg);
		q->exit_code = exit_code_of(r);
		pace_restart(q->exit_code);
	}
	finish(q);
	code = q->exit_code;
	release(q);
	return code;
}
