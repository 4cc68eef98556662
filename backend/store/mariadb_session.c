/* SPDX-License-Identifier: MIT */
/*
 * Connections, and transactions that outlive them.
 *
 * All that a transaction writes is noted (mariadb_redo.h). Where the server rolls it back for
 * a deadlock, or the connection is lost, it is written once more, in a new transaction
 * or over a new connection. A COMMIT whose answer was lost is looked up: every
 * transaction writes a row (writer, txn) into the journal, and the row is there exactly
 * if it was committed. That look waits for the transaction of before to end, because both
 * lock change_counter, so that its answer is final.
 *
 * Calls of the writing thread wait for the database at most MARIADB_ANSWER_S and one new
 * connection. After that the database counts as away: every call fails at once, until
 * mariadb_revive(), called in another thread, has made a new connection.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mariadb.h"
#include "mariadb_schema.h"

#define TRIES       3
#define REPEATS_MAX 5 /* of one transaction */
#define LOCK_S      3 /* for the lock of a process that has just died */
#define NAME_MAX_   64

/*
 * A server that does not hear of a machine's end keeps its session, and what that has locked,
 * until TCP gives up: two hours. So a session that says nothing for so long is over. A live queue
 * speaks more often; one that stood still connects again and does what was open once more.
 */
#define IDLE_SQL "SET SESSION wait_timeout = 60"
/* Others wait for what a transaction has locked. The name is MariaDB's, not MySQL's. */
#define IDLE_WRITE_SQL "/*M!100300 SET SESSION idle_write_transaction_timeout = 5 */"

/* --- whose the database is --- */

static uint64_t hash_of(const char *a, const char *b)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	const char *const texts[] = { a, b };

	for (size_t i = 0; i < 2; i++)
		for (const char *p = texts[i];; p++) {
			h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
			if (*p == '\0')
				break;
		}
	return h;
}

/* The lock of one machine ("" for: of him who has the store alone). They are the server's. */
static void lock_name(const struct mariadb *m, const char *node, char ret[static NAME_MAX_])
{
	(void)snprintf(ret, NAME_MAX_, "dockgate-%s-%016" PRIx64,
		node[0] == '\0' ? "alone" : "node", hash_of(m->dsn.database, node));
}

static int ask_number(struct mariadb_link *link, enum statement which, const struct cell *in,
	size_t n, int64_t *ret, struct err *err)
{
	int r = mariadb_query(link, which, in, n, err);

	if (r == 0)
		r = mariadb_fetch(link, err);
	if (r > 0)
		*ret = mariadb_int(link, 0);
	mariadb_finish(link);
	return r < 0 ? r : 0;
}

static int take_lock(struct mariadb *m, struct mariadb_link *link, struct err *err)
{
	char name[NAME_MAX_];
	struct cell in[2];
	int64_t got = 0;
	int r;

	lock_name(m, m->node, name);
	in[0] = CELL_TEXT(name);
	in[1] = CELL_INT(LOCK_S);
	r = ask_number(link, ST_LOCK_TAKE, in, 2, &got, err);
	if (r < 0 || got == 1)
		return r;
	if (m->node[0] != '\0')
		return err_say(err, EBUSY,
			"store: another machine with node = \"%s\" uses the "
			"database; each needs a name of its own",
			m->node);
	return err_say(err, EBUSY,
		"store: another service uses the database; where several machines share it, "
		"each needs store_shared = true");
}

static int limit_silence(const struct mariadb *m, struct mariadb_link *link, struct err *err)
{
	int r = mariadb_run(link, IDLE_SQL, err);

	return r == 0 && m->node[0] != '\0' ? mariadb_run(link, IDLE_WRITE_SQL, err) : r;
}

/* The other kind of use must not be going on. */
static int check_others(struct mariadb *m, struct mariadb_link *link, struct err *err)
{
	char name[NAME_MAX_];
	struct cell in[1];
	int64_t is_free = 1;
	int r;

	if (m->node[0] != '\0') {
		lock_name(m, "", name);
		in[0] = CELL_TEXT(name);
		r = ask_number(link, ST_LOCK_FREE, in, 1, &is_free, err);
		if (r == 0 && is_free != 1)
			r = err_say(err, EBUSY,
				"store: another service uses the database alone "
				"(without store_shared = true)");
		return r;
	}
	r = mariadb_query(link, ST_NODE_ALIVE, NULL, 0, err);
	if (r == 0)
		r = mariadb_fetch(link, err);
	mariadb_finish(link);
	if (r > 0)
		return err_say(err, EBUSY,
			"store: other machines share the database; this one "
			"needs store_shared = true, too");
	return r;
}

int mariadb_dial(struct mariadb *m, struct mariadb_link **ret, struct err *err)
{
	struct mariadb_link *link;
	int r = mariadb_link_open(&m->dsn, &link, err);

	if (r < 0)
		return r;
	r = mariadb_schema_check(link, err);
	if (r == 0)
		r = limit_silence(m, link, err);
	if (r == 0)
		r = take_lock(m, link, err);
	if (r == 0)
		r = check_others(m, link, err);
	if (r < 0) {
		mariadb_link_close(link);
		return r;
	}
	*ret = link;
	return 0;
}

/* --- the writing thread's connection --- */

static void set_away(struct mariadb *m, const char *why)
{
	(void)pthread_mutex_lock(&m->lock);
	m->away = true;
	(void)snprintf(m->why, sizeof(m->why), "%s", why);
	(void)pthread_mutex_unlock(&m->lock);
}

static void drop_link(struct mariadb *m)
{
	mariadb_link_close(m->link);
	m->link = NULL;
}

/* What another thread has revived is taken; without that: -ENOTCONN. */
static int need_link(struct mariadb *m, struct err *err)
{
	int r = 0;

	if (m->link != NULL)
		return 0;
	(void)pthread_mutex_lock(&m->lock);
	m->link = m->revived;
	m->revived = NULL;
	if (m->link == NULL)
		r = err_say(err, ENOTCONN, "%s", m->why);
	else
		m->away = false;
	(void)pthread_mutex_unlock(&m->lock);
	return r;
}

static int redial(struct mariadb *m, struct err *err)
{
	int r;

	drop_link(m);
	r = mariadb_dial(m, &m->link, err);
	if (r < 0)
		set_away(m, err->msg);
	return r;
}

int mariadb_revive(struct store *store, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	struct mariadb_link *link = NULL;
	bool needed;
	int r = 0;

	(void)pthread_mutex_lock(&m->lock);
	needed = m->away && m->revived == NULL;
	(void)pthread_mutex_unlock(&m->lock);
	if (needed)
		r = mariadb_dial(m, &link, err);
	if (r < 0 || link == NULL)
		return r;
	(void)pthread_mutex_lock(&m->lock);
	m->revived = link;
	(void)pthread_mutex_unlock(&m->lock);
	return 0;
}

/* --- other threads' connections --- */

int mariadb_take(struct mariadb *m, struct mariadb_link **ret, struct err *err)
{
	struct mariadb_link *link = NULL;

	(void)pthread_mutex_lock(&m->lock);
	if (m->n_spare > 0)
		link = m->spare[--m->n_spare];
	(void)pthread_mutex_unlock(&m->lock);
	if (link != NULL) {
		*ret = link;
		return 0;
	}
	return mariadb_link_open(&m->dsn, ret, err);
}

void mariadb_put(struct mariadb *m, struct mariadb_link *link)
{
	if (link == NULL)
		return;
	mariadb_finish(link);
	if (!mariadb_is_lost(link)) {
		(void)pthread_mutex_lock(&m->lock);
		if (m->n_spare < MARIADB_SPARES) {
			m->spare[m->n_spare++] = link;
			link = NULL;
		}
		(void)pthread_mutex_unlock(&m->lock);
	}
	mariadb_link_close(link);
}

void mariadb_drop_connections(struct mariadb *m)
{
	drop_link(m);
	mariadb_link_close(m->revived);
	while (m->n_spare > 0)
		mariadb_link_close(m->spare[--m->n_spare]);
}

/* --- transactions --- */

static void forget(struct mariadb *m)
{
	redo_clear(&m->redo);
	m->n_touched = 0;
	m->open = false;
}

/* Another try makes sense: the server took the transaction back, or is gone with it. */
static bool may_repeat(const struct mariadb *m)
{
	return m->link != NULL && (mariadb_is_lost(m->link) || mariadb_is_deadlock(m->link));
}

/* A new transaction, over a new connection where the old one is lost. */
static int start(struct mariadb *m, struct err *err)
{
	struct err ignored;
	int r;

	if (mariadb_is_lost(m->link)) {
		r = redial(m, err);
		if (r < 0)
			return r;
	} else {
		(void)mariadb_run(m->link, "ROLLBACK", &ignored);
	}
	r = mariadb_run(m->link, "START TRANSACTION", err);
	return r;
}

/* All that the open transaction has written, once more. */
static int repeat(struct mariadb *m, struct err *err)
{
	int r = -EBUSY;

	for (int i = 0; i < TRIES && m->repeats < REPEATS_MAX; i++) {
		m->repeats++;
		r = start(m, err);
		if (r == 0)
			r = redo_run(&m->redo, m->link, err);
		if (r == 0 || !may_repeat(m))
			return r;
	}
	return r != -EBUSY ? r
			   : err_say(err, EBUSY,
				     "store: the transaction was rolled back again and again");
}

int mariadb_begin(struct store *store, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	int r = need_link(m, err);

	if (r < 0)
		return r;
	forget(m);
	r = mariadb_run(m->link, "START TRANSACTION", err);
	if (r < 0 && may_repeat(m))
		r = start(m, err);
	if (r < 0)
		return r;
	m->txn++;
	m->repeats = 0;
	m->open = true;
	return 0;
}

int mariadb_write(struct mariadb *m, enum statement which, const struct cell *in, size_t n,
	uint64_t changed, struct done *ret, struct err *err)
{
	struct done done = { 0 };
	int r = -EIO;

	if (!m->open || m->link == NULL)
		return err_say(err, EIO, "store: the transaction was rolled back before");
	for (int i = 0; i < TRIES; i++) {
		r = mariadb_exec(m->link, which, in, n, &done, err);
		if (r == 0 || !may_repeat(m))
			break;
		r = repeat(m, err);
		if (r < 0)
			return r;
		r = -EAGAIN;
	}
	if (r < 0)
		return r;
	if (changed != MARIADB_ANY && done.changed != changed)
		return -ESTALE;
	if (which == ST_JOB_INSERT) { /* its number stays the same when it is repeated */
		struct cell again[MARIADB_CELLS_MAX];

		memcpy(again, in, n * sizeof(*in));
		again[0] = CELL_UINT(done.number);
		redo_add(&m->redo, which, again, n, done.changed);
	} else {
		redo_add(&m->redo, which, in, n, done.changed);
	}
	if (ret != NULL)
		*ret = done;
	return 0;
}

int mariadb_read(
	struct mariadb *m, enum statement which, const struct cell *in, size_t n, struct err *err)
{
	int r = need_link(m, err);

	if (r == 0)
		r = mariadb_query(m->link, which, in, n, err);
	for (int i = 0; r < 0 && i < TRIES && may_repeat(m); i++) {
		r = m->open ? repeat(m, err) : mariadb_is_lost(m->link) ? redial(m, err) : 0;
		if (r < 0)
			return r;
		r = mariadb_query(m->link, which, in, n, err);
	}
	return r;
}

int mariadb_touch(struct mariadb *m, uint64_t seq, struct err *err)
{
	if (m->n_touched == m->touched_cap) {
		size_t cap = m->touched_cap == 0 ? 256 : 2 * m->touched_cap;
		uint64_t *grown = realloc(m->touched, cap * sizeof(*grown));

		if (grown == NULL)
			return err_set(err, ENOMEM, "store");
		m->touched = grown;
		m->touched_cap = cap;
	}
	m->touched[m->n_touched++] = seq;
	return 0;
}

/* Locks the counter until the commit: numbers go up in the order of commits. */
static int write_journal(struct mariadb *m, struct err *err)
{
	struct cell in[4] = { 0 };
	struct done done;
	int r;

	if (m->n_touched == 0) /* what is written moves no job: writing it twice does no harm */
		return 0;
	r = mariadb_exec(m->link, ST_COUNT_UP, NULL, 0, &done, err);
	if (r < 0)
		return r;
	in[0] = CELL_UINT(done.number);
	in[1] = CELL_UINT(m->writer);
	in[2] = CELL_UINT(m->txn);
	in[3] = CELL_BYTES(m->touched, m->n_touched * sizeof(*m->touched));
	return mariadb_exec(m->link, ST_JOURNAL_ADD, in, 4, &done, err);
}

/* 1: it was committed; 0: it was not and never will be. Ends in a new, empty transaction. */
static int was_committed(struct mariadb *m, struct err *err)
{
	const struct cell in[2] = { CELL_UINT(m->writer), CELL_UINT(m->txn) };
	struct err ignored;
	int r = mariadb_run(m->link, "START TRANSACTION", err);

	if (r == 0) /* waits for the transaction of before, which has it locked */
		r = mariadb_one_text(m->link,
			"SELECT n FROM change_counter WHERE one = 1 FOR UPDATE", (char[32]){ 0 },
			32, err);
	if (r == 0)
		r = mariadb_query(m->link, ST_JOURNAL_HAS, in, 2, err);
	if (r == 0)
		r = mariadb_fetch(m->link, err);
	mariadb_finish(m->link);
	(void)mariadb_run(m->link, "ROLLBACK", &ignored);
	return r;
}

/* After a failure of the commit. 1: it was committed all the same; 0: written again. */
static int resolve(struct mariadb *m, struct err *err)
{
	int r;

	if (!mariadb_is_lost(m->link))
		return repeat(m, err);
	r = redial(m, err);
	for (int i = 0; r == 0 && i < TRIES; i++) {
		r = was_committed(m, err);
		if (r >= 0 || !mariadb_is_deadlock(m->link))
			break;
		r = 0;
	}
	return r != 0 ? r : repeat(m, err);
}

int mariadb_commit(struct store *store, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	bool sent = false;
	int r = -EIO;

	if (!m->open || m->link == NULL)
		return err_say(err, EIO, "store: the transaction was rolled back before");
	for (int i = 0; i < TRIES; i++) {
		r = write_journal(m, err);
		if (r == 0) {
			sent = true;
			r = mariadb_run(m->link, "COMMIT", err);
		}
		if (r == 0 || !may_repeat(m))
			break;
		r = resolve(m, err);
		if (r != 0)
			break;
		sent = false;
		r = -EAGAIN;
	}
	store->outcome_unknown = r < 0 && sent;
	if (r < 0)
		return r;
	forget(m);
	(void)__atomic_add_fetch(&m->since_upkeep, 1, __ATOMIC_RELAXED);
	return 0;
}

void mariadb_rollback(struct store *store)
{
	struct mariadb *m = mariadb_of(store);
	struct err ignored;

	if (m->open && m->link != NULL)
		(void)mariadb_run(m->link, "ROLLBACK", &ignored);
	if (m->link != NULL && mariadb_is_lost(m->link)) {
		drop_link(m);
		set_away(m, "store: the connection to the database was lost");
	}
	forget(m);
}

/* One moment for several reads needs REPEATABLE READ, for the next transaction only. */
int mariadb_read_begin(struct store *store, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	int r = need_link(m, err);

	for (int i = 0; r == 0 && i < 2; i++) {
		r = mariadb_run(
			m->link, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", err);
		if (r == 0)
			r = mariadb_run(m->link, "START TRANSACTION", err);
		if (r == 0 || !mariadb_is_lost(m->link))
			return r;
		r = redial(m, err);
	}
	return r;
}

void mariadb_read_end(struct store *store)
{
	struct mariadb *m = mariadb_of(store);
	struct err ignored;

	if (m->link != NULL)
		(void)mariadb_run(m->link, "COMMIT", &ignored);
}
