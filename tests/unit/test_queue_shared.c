/* SPDX-License-Identifier: MIT */
/* The queue of one machine of two, with a MariaDB server: tests/mariadb runs it with one. */
#include "queue_database.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "common/cleanup.h"
#include "common/job_state.h"
#include "store/store.h"

#define LONG_MS 3600000

/* --- the machines --- */

/* This machine's queue shares it. */
static void share_database(struct world *w)
{
	char dsn[400];

	dsn_text(dsn, sizeof(dsn));
	use_database(w, dsn, "store_shared = true\nnode = \"n1\"\nstore_poll_ms = 20\n");
}

static int setup_shared(void **state)
{
	int r = setup(state);

	if (r == 0) {
		new_database();
		share_database(*state);
	}
	return r;
}

/* The other one: the test writes what its queue would. */
static struct store *other_in(void)
{
	struct store *store;
	char dsn[400];
	struct err err;

	dsn_text(dsn, sizeof(dsn));
	if (store_open_shared("mariadb", dsn, "n2", &store, &err) < 0)
		fail_msg("%s", err.msg);
	return store;
}

/* Within a transaction of the other's: takes it, the lease being over, and ends it. */
static void take_and_end(struct store *other, const struct msg_run *run)
{
	const struct store_ending ending = { .from = JOB_RUNNING,
		.verdict = VERDICT_OK,
		.finished_unix_ms = 1,
		.expires_age_ms = LONG_MS };
	struct store_job job;
	struct err err;

	assert_int_equal(store_job_get(other, &run->id, &job, &err), 0);
	assert_int_equal(
		store_job_requeue(other, job.seq, run->attempt, 1, "its machine was lost", &err),
		0);
	assert_int_equal(store_job_claim(other, job.seq, run->attempt, "n2", 8, LONG_MS, &err), 0);
	assert_int_equal(store_job_end(other, job.seq, run->attempt + 1, &ending, NULL, &err), 0);
}

/* --- tests --- */

/* This machine stood still for longer than its leases, but its driver is connected. */
static void what_another_machine_has_ended_takes_no_place(void **state)
{
	struct world *w = *state;
	struct msg_run run[SLOTS], last;
	struct store *other;
	struct job_id id;
	struct err err;

	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	for (int i = 0; i < SLOTS; i++) {
		(void)submit(w);
		run[i] = expect_run(w);
	}
	other = other_in();
	assert_int_equal(store_begin(other, &err), 0);
	for (int i = 0; i < SLOTS; i++)
		take_and_end(other, &run[i]);
	assert_int_equal(store_commit(other, &err), 0);
	for (int i = 0; i < SLOTS; i++) { /* it says nothing to that */
		cleanup_msg struct msg stop = expect(w, &w->driver, MSG_STOP);

		assert_int_equal(stop.stop.attempt, 1);
		assert_int_equal(stop.stop.lease_lost, 1);
	}
	id = submit(w);
	last = expect_run(w);
	assert_true(job_id_equal(&last.id, &id));
	store_close(other);
}

/* Nobody gets large bytes until the connection ends. */
static MYSQL *hold_large_bytes(void)
{
	MYSQL *db = admin_open();

	run_sql(db, "LOCK TABLES dockgate_test.file_chunk WRITE");
	return db;
}

/* A job whose bytes are on their way here: it is claimed, and its driver does not have it. */
static struct job_id submit_held(struct world *w, const char *task, MYSQL **ret_hold)
{
	struct job_id id;
	unsigned state = JOB_QUEUED;

	ask_submit(w, task, 0, spool_blob(w, &w->gate, 300000));
	cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);

	id = job.job.id;
	*ret_hold = hold_large_bytes();
	driver_in(w, 7, NULL, 0);
	while (state == JOB_QUEUED) {
		cleanup_msg struct msg ask;

		msg_init(&ask, MSG_JOB_GET);
		ask.job_get.token = ++w->gate.last_token;
		ask.job_get.id = id;
		say(&w->gate, &ask);
		cleanup_msg struct msg now = expect(w, &w->gate, MSG_JOB);

		state = now.job.state;
	}
	assert_int_equal(state, JOB_RUNNING);
	return id;
}

static void say_engine(struct world *w, bool up)
{
	cleanup_msg struct msg msg;
	uint8_t seen = !up;

	msg_init(&msg, MSG_NODE);
	msg.node.engine_up = up;
	msg.node.slots = SLOTS;
	msg.node.cpus = 64000;
	msg.node.memory_bytes = INT64_C(64) << 30;
	say(&w->driver, &msg);
	while (seen != up) {
		cleanup_msg struct msg ask;

		msg_init(&ask, MSG_STATUS_GET);
		ask.status_get.token = ++w->gate.last_token;
		say(&w->gate, &ask);
		cleanup_msg struct msg status = expect(w, &w->gate, MSG_STATUS);

		seen = status.status.engine_up;
	}
}

static void what_is_fetched_while_the_engine_is_away_comes_back(void **state)
{
	struct world *w = *state;
	cleanup_msg struct msg back;
	struct msg_run run;
	struct job_id id;
	MYSQL *hold;

	start_queue(w);
	gate_in(w);
	id = submit_held(w, "t", &hold);
	say_engine(w, false);
	mysql_close(hold);
	run = expect_run(w);
	assert_true(job_id_equal(&run.id, &id));
	msg_init(&back, MSG_GIVEBACK);
	back.giveback.id = run.id;
	back.giveback.attempt = run.attempt;
	back.giveback.why = GIVEBACK_BUSY;
	say(&w->driver, &back);
	say_engine(w, true);
	run = expect_run(w);
	assert_true(job_id_equal(&run.id, &id));
	assert_int_equal(run.attempt, 2);
}

static void what_is_cancelled_while_it_is_fetched_takes_no_place(void **state)
{
	struct world *w = *state;
	struct job_id id;
	struct msg_run run;
	MYSQL *hold;

	start_queue(w);
	gate_in(w);
	id = submit_held(w, "one", &hold);
	ask_cancel(w, &id);
	cleanup_msg struct msg done = expect(w, &w->gate, MSG_JOB);
	cleanup_msg struct msg stop = expect(w, &w->driver, MSG_STOP); /* of what it never had */

	assert_int_equal(done.job.state, JOB_DONE);
	assert_int_equal(stop.stop.attempt, 1);
	mysql_close(hold);
	id = submit_task(w, "one");
	run = expect_run(w);
	assert_true(job_id_equal(&run.id, &id));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_shared, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_another_machine_has_ended_takes_no_place),
		TEST(what_is_fetched_while_the_engine_is_away_comes_back),
		TEST(what_is_cancelled_while_it_is_fetched_takes_no_place),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
