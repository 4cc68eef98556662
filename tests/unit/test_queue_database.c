/* SPDX-License-Identifier: MIT */
/* The queue with a MariaDB server: tests/mariadb runs this program with one. */
#include "queue_database.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/job_state.h"

/* --- what is told --- */

/* Once the store is back. */
static void cancel_at_last(struct world *w, const struct job_id *id)
{
	for (bool done = false; !done;) {
		ask_cancel(w, id);
		cleanup_msg struct msg msg = next(w, &w->gate);

		done = msg.type == MSG_JOB;
		assert_true(!done || msg.job.state == JOB_DONE);
	}
}

/* One cancels a job, another one asks for it: what comes to nothing is told to neither. */
static void an_ending_is_told_once_it_is_committed(void **state)
{
	struct world *w = *state;
	struct msg_run run;
	uint64_t cancelled;

	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	(void)submit(w);
	run = expect_run(w);
	change("CREATE TRIGGER no_commit BEFORE INSERT ON journal FOR EACH ROW "
	       "SIGNAL SQLSTATE '45000'");
	halt_queue(w);
	ask_cancel(w, &run.id);
	cancelled = w->gate.last_token;
	ask_get(w, &run.id, 0);
	let_queue_go_on(w);
	for (int i = 0; i < 2; i++) {
		cleanup_msg struct msg msg = next(w, &w->gate);

		if (msg.type == MSG_REFUSED) {
			assert_int_equal(msg.refused.why, REFUSAL_STORE);
			continue;
		}
		assert_int_equal(msg.type, MSG_JOB);
		assert_int_not_equal(msg.job.token, cancelled);
		assert_int_equal(msg.job.state, JOB_RUNNING);
	}
	change("DROP TRIGGER no_commit");
	cancel_at_last(w, &run.id);
}

/* Until the jobs are read again, one of them may be unknown: it is not said to be cancelled. */
static void a_cancel_is_no_success_while_the_jobs_are_unread(void **state)
{
	struct world *w = *state;
	struct job_id id;

	start_queue(w);
	gate_in(w);
	id = submit(w);
	change("CREATE TRIGGER no_commit BEFORE INSERT ON journal FOR EACH ROW "
	       "SIGNAL SQLSTATE '45000'");
	change("CREATE TRIGGER no_return BEFORE INSERT ON meta FOR EACH ROW "
	       "SIGNAL SQLSTATE '45000'");
	for (int i = 0; i < 2; i++) {
		ask_cancel(w, &id);
		expect_refused(w, REFUSAL_STORE);
	}
	change("DROP TRIGGER no_return");
	change("DROP TRIGGER no_commit");
	cancel_at_last(w, &id);
}

/* --- what the server hears of us --- */

static void read_meta(const char *name, char *ret, size_t size)
{
	MYSQL *db = admin_open();
	char sql[100];
	MYSQL_RES *rows;
	MYSQL_ROW row;

	(void)snprintf(
		sql, sizeof(sql), "SELECT value FROM dockgate_test.meta WHERE name = '%s'", name);
	run_sql(db, sql);
	rows = mysql_store_result(db);
	row = mysql_fetch_row(rows);
	(void)snprintf(ret, size, "%s", row[0]);
	mysql_free_result(rows);
	mysql_close(db);
}

/* It would take one that is silent for one whose machine is gone. */
static void a_queue_without_work_is_heard_of(void **state)
{
	struct world *w = *state;
	char before[200], now[200];

	start_queue(w);
	gate_in(w);
	read_meta("age", before, sizeof(before));
	do {
		change("DO SLEEP(0.2)");
		read_meta("age", now, sizeof(now));
	} while (strcmp(before, now) == 0);
}

/* --- the clock --- */

/* A queue lives with that database, shared or not: the age that it leaves there. */
static int64_t live(struct world *w, bool shared)
{
	char dsn[400], text[200];

	dsn_text(dsn, sizeof(dsn));
	use_database(w, dsn, shared ? "store_shared = true\nnode = \"n1\"\n" : "");
	start_queue(w);
	gate_in(w);
	forget(&w->gate);
	assert_int_equal(end_queue(w, SIGTERM), 0);
	read_meta(shared ? "shared_age" : "age", text, sizeof(text));
	return strtoll(text, NULL, 10);
}

/* What is kept for a week is so from whichever of the two it comes. */
static void the_clock_goes_on_shared_or_alone(void **state)
{
	struct world *w = *state;

	(void)live(w, false);
	change("UPDATE meta SET value = '100000000 1 another-boot' WHERE name = 'age'");
	assert_in_range(live(w, true), 100000000, 199999999);
	assert_in_range(live(w, true), 100000000, 199999999);
	change("UPDATE meta SET value = '200000000' WHERE name = 'shared_age'");
	assert_in_range(live(w, false), 200000000, 299999999);
	change("UPDATE meta SET value = '300000000 1 another-boot' WHERE name = 'age'");
	assert_in_range(live(w, true), 300000000, 399999999);
	/* Of what does not count any more nothing is taken. */
	change("UPDATE meta SET value = '900000000 1 another-boot' WHERE name = 'age'");
	assert_in_range(live(w, true), 300000000, 399999999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			an_ending_is_told_once_it_is_committed, setup_alone, teardown),
		cmocka_unit_test_setup_teardown(
			a_cancel_is_no_success_while_the_jobs_are_unread, setup_alone, teardown),
		cmocka_unit_test_setup_teardown(
			a_queue_without_work_is_heard_of, setup_alone, teardown),
		cmocka_unit_test_setup_teardown(
			the_clock_goes_on_shared_or_alone, setup_alone, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
