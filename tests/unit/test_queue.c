/* SPDX-License-Identifier: MIT */
/* The real queue, with a scripted gateway and driver (queue_world.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/client.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/role.h"
#include "queue/history.h"
#include "queue_world.h"
#include "wire/channel.h"
#include "wire/listing.h"
#include "wire/pack.h"
#include "wire/spec.h"

/* --- tests --- */

static void a_job_goes_its_way(void **state)
{
	struct world *w = *state;
	struct msg_run run;
	struct job_id id;

	start_queue(w);
	gate_in(w);
	id = submit(w);
	{
		cleanup_msg struct msg job = get(w, &id, 0);

		assert_int_equal(job.job.state, JOB_QUEUED);
		assert_int_equal(job.job.position, 1);
		assert_string_equal(job.job.task, "t");
		assert_true(job.job.spec.len > 0);
	}
	driver_in(w, 7, NULL, 0);
	run = expect_run(w);
	assert_true(job_id_equal(&run.id, &id));
	assert_int_equal(run.attempt, 1);
	assert_string_equal(run.task, "t");
	{
		cleanup_msg struct msg job = get(w, &id, 0);

		assert_int_equal(job.job.state, JOB_RUNNING);
		assert_int_equal(job.job.position, 0);
		assert_string_equal(job.job.node, "n1");
	}
	ask_get(w, &id, 60000);
	say_ending(w, &run, VERDICT_NONZERO_EXIT, text_blob("hello\n"));
	expect_ack(w, &run);
	{
		cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);

		assert_int_equal(job.job.state, JOB_DONE);
		assert_int_equal(job.job.verdict, VERDICT_NONZERO_EXIT);
		assert_int_equal(job.job.out.len, 6);
		assert_memory_equal(job.job.out.data, "hello\n", 6);
		assert_int_equal(job.job.out_bytes, 6);
		assert_memory_equal(job.job.result.data, "result", 6);
		assert_string_equal(job.job.image, "sha256:abc");
		assert_true(job.job.expires_ms > job.job.finished_ms);
		assert_true(job.job.finished_ms >= job.job.queued_ms);
	}
	/* The same ending again is acknowledged and changes nothing. */
	say_ending(w, &run, VERDICT_OK, BLOB_EMPTY);
	expect_ack(w, &run);
	cleanup_msg struct msg job = get(w, &id, 0);

	assert_int_equal(job.job.verdict, VERDICT_NONZERO_EXIT);
}

static void a_submit_may_wait_for_the_ending(void **state)
{
	struct world *w = *state;
	struct msg_run run;

	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	ask_submit(w, "t", 60000, BLOB_EMPTY);
	run = expect_run(w);
	say_ending(w, &run, VERDICT_OK, BLOB_EMPTY);
	cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);

	assert_int_equal(job.job.state, JOB_DONE);
	assert_int_equal(job.job.token, w->gate.last_token);
}

static void a_wait_ends_with_its_time(void **state)
{
	struct world *w = *state;
	struct job_id id;

	start_queue(w);
	gate_in(w);
	id = submit(w);
	cleanup_msg struct msg job = get(w, &id, 20);

	assert_int_equal(job.job.state, JOB_QUEUED);
}

static void a_client_that_left_is_not_answered(void **state)
{
	struct world *w = *state;
	struct job_id id;

	start_queue(w);
	gate_in(w);
	id = submit(w);
	ask_get(w, &id, 60000);
	{
		cleanup_msg struct msg msg;

		msg_init(&msg, MSG_FORGET);
		msg.forget.token = w->gate.last_token;
		say(&w->gate, &msg);
	}
	ask_cancel(w, &id);
	cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);

	assert_int_equal(job.job.token, w->gate.last_token);
	ask_get(w, &id, 0);
	cleanup_msg struct msg again = expect(w, &w->gate, MSG_JOB);

	assert_int_equal(again.job.token, w->gate.last_token);
}

static void what_is_not_right_is_refused(void **state)
{
	struct world *w = *state;
	struct job_id unknown = { { 1 } };

	start_queue(w);
	gate_in(w);
	ask_submit(w, "nothing", 0, BLOB_EMPTY);
	expect_refused(w, REFUSAL_UNKNOWN_TASK);
	ask_get(w, &unknown, 1000);
	expect_refused(w, REFUSAL_NOT_FOUND);
	ask_cancel(w, &unknown);
	expect_refused(w, REFUSAL_NOT_FOUND);
	{
		cleanup_msg struct msg msg;
		struct err err;

		msg_init(&msg, MSG_SUBMIT);
		msg.submit.token = ++w->gate.last_token;
		(void)snprintf(msg.submit.task, sizeof(msg.submit.task), "t");
		msg.submit.retention_s = -1;
		assert_int_equal(blob_of("nonsense", 8, &msg.submit.spec, &err), 0);
		say(&w->gate, &msg);
		expect_refused(w, REFUSAL_INVALID);
		msg.submit.token = ++w->gate.last_token;
		msg.submit.retention_s = 0;
		say(&w->gate, &msg);
		expect_refused(w, REFUSAL_INVALID);
	}
	for (int i = 0; i < 50; i++)
		(void)submit(w);
	ask_submit(w, "t", 0, BLOB_EMPTY);
	cleanup_msg struct msg full = expect(w, &w->gate, MSG_REFUSED);

	assert_int_equal(full.refused.why, REFUSAL_QUEUE_FULL);
	assert_true(full.refused.retry_after_s > 0);
}

static void turns_are_first_come_first_served(void **state)
{
	struct world *w = *state;
	struct job_id id[6];
	struct msg_run run[4];

	start_queue(w);
	gate_in(w);
	id[0] = submit_task(w, "one");
	id[1] = submit_task(w, "one"); /* passed over: its task has one running */
	for (int i = 2; i < 6; i++)
		id[i] = submit(w);
	driver_in(w, 7, NULL, 0);
	for (int i = 0; i < 4; i++)
		run[i] = expect_run(w);
	assert_true(job_id_equal(&run[0].id, &id[0]));
	for (int i = 1; i < 4; i++)
		assert_true(job_id_equal(&run[i].id, &id[i + 1]));
	{
		cleanup_msg struct msg a = get(w, &id[1], 0);
		cleanup_msg struct msg b = get(w, &id[5], 0);

		assert_int_equal(a.job.position, 1);
		assert_int_equal(b.job.position, 2);
	}
	/* Four run, four slots: nothing more comes before an ending. */
	say_ending(w, &run[1], VERDICT_OK, BLOB_EMPTY);
	struct msg_run more = expect_ack_and_run(w, &run[1]);

	assert_true(job_id_equal(&more.id, &id[5]));
}

/* Over a break of the connection and a crash of the queue, too. */
static void no_two_jobs_have_one_gpu(void **state)
{
	struct world *w = *state;
	struct job_id id[4];
	struct msg_run run[3];

	start_queue(w);
	gate_in(w);
	for (int i = 0; i < 3; i++)
		id[i] = submit_task(w, "gpu");
	id[3] = submit(w);
	driver_in(w, 7, NULL, 0);
	for (int i = 0; i < 3; i++)
		run[i] = expect_run(w);
	assert_true(job_id_equal(&run[0].id, &id[0]));
	assert_int_equal(run[0].gpus, 1);
	assert_true(job_id_equal(&run[1].id, &id[1]));
	assert_int_equal(run[1].gpus, 2);
	assert_true(job_id_equal(&run[2].id, &id[3])); /* wants none: goes before id[2] */
	assert_int_equal(run[2].gpus, 0);
	{
		cleanup_msg struct msg job = get(w, &id[3], 0); /* by then it is committed */

		assert_int_equal(job.job.state, JOB_RUNNING);
	}
	(void)end_queue(w, SIGKILL);
	start_queue(w);
	gate_in(w);
	driver_in(w, 7, run, 3);
	say_ending(w, &run[2], VERDICT_OK, BLOB_EMPTY);
	expect_ack(w, &run[2]);
	say_ending(w, &run[1], VERDICT_OK, BLOB_EMPTY);
	struct msg_run more = expect_ack_and_run(w, &run[1]);

	assert_true(job_id_equal(&more.id, &id[2]));
	assert_int_equal(more.gpus, 2);
}

static void a_waiting_job_is_cancelled_at_once(void **state)
{
	struct world *w = *state;
	struct job_id id;

	start_queue(w);
	gate_in(w);
	id = submit(w);
	for (int i = 0; i < 2; i++) {
		ask_cancel(w, &id);
		cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);

		assert_int_equal(job.job.state, JOB_DONE);
		assert_int_equal(job.job.verdict, VERDICT_CANCELLED);
	}
}

static void a_running_job_is_cancelled_and_stopped(void **state)
{
	struct world *w = *state;
	struct msg_run run;
	struct job_id id, behind;

	start_queue(w);
	gate_in(w);
	id = submit_task(w, "one");
	behind = submit_task(w, "one");
	driver_in(w, 7, NULL, 0);
	run = expect_run(w);
	ask_cancel(w, &id);
	{
		cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);
		cleanup_msg struct msg stop = expect(w, &w->driver, MSG_STOP);

		assert_int_equal(job.job.verdict, VERDICT_CANCELLED);
		assert_int_equal(stop.stop.lease_lost, 0);
		assert_true(job_id_equal(&stop.stop.id, &id));
	}
	{ /* Its container still has its place. */
		cleanup_msg struct msg job = get(w, &behind, 0);

		assert_int_equal(job.job.state, JOB_QUEUED);
	}
	say_ending(w, &run, VERDICT_OK, text_blob("too late"));
	run = expect_ack_and_run(w, &run);
	assert_true(job_id_equal(&run.id, &behind));
	cleanup_msg struct msg job = get(w, &id, 0);

	assert_int_equal(job.job.verdict, VERDICT_CANCELLED);
	assert_int_equal(job.job.out.len, 0);
}

static void another_drivers_jobs_run_again_until_given_up(void **state)
{
	struct world *w = *state;
	struct msg_run first, second;
	struct job_id id;

	start_queue(w);
	gate_in(w);
	id = submit(w);
	driver_in(w, 7, NULL, 0);
	first = expect_run(w);
	forget(&w->driver);
	driver_in(w, 8, NULL, 0);
	second = expect_run(w);
	assert_true(job_id_equal(&second.id, &id));
	assert_int_equal(second.attempt, 2);
	/* The first one's ending is stale, whoever says it. */
	say_ending(w, &first, VERDICT_OK, text_blob("stale"));
	expect_ack(w, &first);
	{
		cleanup_msg struct msg job = get(w, &id, 0);

		assert_int_equal(job.job.state, JOB_RUNNING);
	}
	forget(&w->driver);
	driver_in(w, 9, NULL, 0);
	cleanup_msg struct msg job = get(w, &id, 60000);

	assert_int_equal(job.job.verdict, VERDICT_LOST);
	assert_true(job.job.error[0] != '\0');
}

static void a_lease_runs_out_without_its_driver(void **state)
{
	struct world *w = *state;
	struct msg_run run;
	struct job_id id;

	start_queue(w);
	gate_in(w);
	id = submit(w);
	driver_in(w, 7, NULL, 0);
	run = expect_run(w);
	forget(&w->driver);
	ask_get(w, &id, 3600000);
	/* Queued again after the lease; seen by asking, for there is no message about it. */
	for (;;) {
		cleanup_msg struct msg job = get(w, &id, 50);

		if (job.job.state == JOB_QUEUED)
			break;
	}
	driver_in(w, 7, &run, 1); /* it comes back, with what it ran */
	cleanup_msg struct msg stop = expect(w, &w->driver, MSG_STOP);

	assert_int_equal(stop.stop.lease_lost, 1);
	assert_int_equal(stop.stop.attempt, 1);
	run = expect_run(w);
	assert_int_equal(run.attempt, 2);
}

static void the_same_driver_goes_on_after_a_break(void **state)
{
	struct world *w = *state;
	struct msg_run run[2];
	struct job_id id[2];

	start_queue(w);
	gate_in(w);
	for (int i = 0; i < 2; i++)
		id[i] = submit(w);
	driver_in(w, 7, NULL, 0);
	for (int i = 0; i < 2; i++)
		run[i] = expect_run(w);
	forget(&w->driver);
	driver_in(w, 7, run, 1); /* the second one it has lost */
	struct msg_run again = expect_run(w);

	assert_true(job_id_equal(&again.id, &id[1]));
	assert_int_equal(again.attempt, 2);
	say_ending(w, &run[0], VERDICT_OK, BLOB_EMPTY);
	expect_ack(w, &run[0]);
	cleanup_msg struct msg job = get(w, &id[0], 0);

	assert_int_equal(job.job.verdict, VERDICT_OK);
	assert_int_equal(job.job.attempt, 1);
}

static void a_job_given_back_counts_only_for_the_engine(void **state)
{
	struct world *w = *state;
	const enum giveback whys[] = { GIVEBACK_DRAIN, GIVEBACK_BUSY, GIVEBACK_ENGINE,
		GIVEBACK_ENGINE };
	struct job_id id;

	start_queue(w);
	gate_in(w);
	id = submit(w);
	driver_in(w, 7, NULL, 0);
	for (uint32_t i = 0; i < 4; i++) {
		struct msg_run run = expect_run(w);
		cleanup_msg struct msg msg;

		assert_int_equal(run.attempt, i + 1);
		msg_init(&msg, MSG_GIVEBACK);
		msg.giveback.id = run.id;
		msg.giveback.attempt = run.attempt;
		msg.giveback.why = (uint8_t)whys[i];
		(void)snprintf(msg.giveback.reason, sizeof(msg.giveback.reason), "engine is ill");
		say(&w->driver, &msg);
	}
	cleanup_msg struct msg job = get(w, &id, 60000);

	assert_int_equal(job.job.verdict, VERDICT_ENGINE_ERROR);
	assert_string_equal(job.job.error, "engine is ill");
}

static void large_values_go_through_the_spool(void **state)
{
	struct world *w = *state;
	const size_t sizes[] = { BLOB_INLINE_MAX - 1, BLOB_INLINE_MAX, BLOB_INLINE_MAX + 1,
		100U * 1024 * 1024 };
	struct job_id id[4];

	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	for (int i = 0; i < 4; i++) {
		ask_submit(w, "t", 0, spool_blob(w, &w->gate, sizes[i]));
		{
			cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);

			id[i] = job.job.id;
		}
		cleanup_msg struct msg run = expect(w, &w->driver, MSG_RUN);

		assert_pattern(&run.run.input, sizes[i]);
		say_ending(w, &run.run, VERDICT_OK, spool_blob(w, &w->driver, sizes[i]));
		expect_ack(w, &run.run);
	}
	assert_int_equal(files_in_spool(w), 4); /* two large ones, in and out */
	assert_int_equal(WEXITSTATUS(end_queue(w, SIGTERM)), 0);
	start_queue(w);
	gate_in(w);
	for (int i = 0; i < 4; i++) {
		cleanup_msg struct msg job = get(w, &id[i], 0);

		assert_pattern(&job.job.out, sizes[i]);
		if (sizes[i] > BLOB_INLINE_MAX) { /* nobody can change a result through it */
			assert_int_equal(fcntl(job.job.out.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
		}
	}
}

/* memfds, as the channel makes them of what does not fit, are copied. */
static void a_foreign_descriptor_is_copied(void **state)
{
	struct world *w = *state;
	size_t n = BLOB_INLINE_MAX + 100;
	cleanup_free uint8_t *data = malloc(n);
	struct blob input;
	struct err err;

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 31 >> 3);
	assert_int_equal(blob_of(data, n, &input, &err), 0);
	start_queue(w);
	gate_in(w);
	ask_submit(w, "t", 0, input);
	cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);

	driver_in(w, 7, NULL, 0);
	cleanup_msg struct msg run = expect(w, &w->driver, MSG_RUN);

	assert_pattern(&run.run.input, n);
	assert_int_equal(files_in_spool(w), 1);
}

static void a_file_of_another_length_is_refused(void **state)
{
	struct world *w = *state;
	struct blob input;

	start_queue(w);
	gate_in(w);
	input = spool_blob(w, &w->gate, 100000);
	input.len = 200000;
	ask_submit(w, "t", 0, input);
	expect_refused(w, REFUSAL_INVALID);
	assert_int_equal(files_in_spool(w), 0);
}

static void results_expire(void **state)
{
	struct world *w = *state;
	cleanup_msg struct msg ask;
	struct msg_run run;
	struct spec spec;
	struct job_id id;
	struct err err;

	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	msg_init(&ask, MSG_SUBMIT);
	ask.submit.token = ++w->gate.last_token;
	(void)snprintf(ask.submit.task, sizeof(ask.submit.task), "t");
	ask.submit.retention_s = 1;
	spec_init(&spec);
	spec.task = strdup("t");
	assert_int_equal(spec_pack(&spec, &ask.submit.spec, &err), 0);
	spec_done(&spec);
	say(&w->gate, &ask);
	{
		cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);

		id = job.job.id;
	}
	run = expect_run(w);
	say_ending(w, &run, VERDICT_OK, spool_blob(w, &w->driver, 100000));
	expect_ack(w, &run);
	assert_int_equal(files_in_spool(w), 1);
	for (;;) {
		ask_get(w, &id, 0);
		cleanup_msg struct msg msg = next(w, &w->gate);

		if (msg.type == MSG_REFUSED) {
			assert_int_equal(msg.refused.why, REFUSAL_NOT_FOUND);
			break;
		}
	}
	while (files_in_spool(w) > 0)
		ask_get(w, &id, 0), expect_refused(w, REFUSAL_NOT_FOUND);
}

#define YEAR_MS (INT64_C(366) * 24 * 3600 * 1000)

static struct job_id submit_and_end(struct world *w, int64_t retention_s)
{
	cleanup_msg struct msg ask;
	struct spec spec;
	struct err err;

	msg_init(&ask, MSG_SUBMIT);
	ask.submit.token = ++w->gate.last_token;
	(void)snprintf(ask.submit.task, sizeof(ask.submit.task), "t");
	ask.submit.retention_s = retention_s;
	spec_init(&spec);
	spec.task = strdup("t");
	assert_int_equal(spec_pack(&spec, &ask.submit.spec, &err), 0);
	spec_done(&spec);
	say(&w->gate, &ask);
	struct msg_run run = expect_run(w);

	say_ending(w, &run, VERDICT_OK, BLOB_EMPTY);
	expect_ack(w, &run);
	cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);

	return job.job.id;
}

static void assert_done(struct world *w, const struct job_id *id)
{
	cleanup_msg struct msg job = get(w, id, 0);

	assert_int_equal(job.job.state, JOB_DONE);
}

static void wait_for_expiry(struct world *w, const struct job_id *id)
{
	for (;;) {
		ask_get(w, id, 0);
		cleanup_msg struct msg msg = next(w, &w->gate);

		if (msg.type != MSG_REFUSED)
			continue;
		assert_int_equal(msg.refused.why, REFUSAL_NOT_FOUND);
		return;
	}
}

/* A clock that jumps, either way, while the queue runs or between two lives of it. */
/* --- bounds of what is kept --- */

static void set_bound(struct world *w, const char *line)
{
	char text[1000];

	(void)snprintf(text, sizeof(text), "%s%s\n", usual_text, line);
	set_text(w, text);
}

#define CLIENTS 5

static char tokens[CLIENTS][CLIENT_TOKEN_CHARS + 1];

/* As many clients, "a" and so on, with those tokens. */
static void set_clients(struct world *w, int n, const char *line)
{
	char hex[2 * CLIENT_HASH_BYTES + 1], text[2000];
	int at = snprintf(text, sizeof(text), "%s%s", usual_text, line);

	for (int i = 0; i < n; i++) {
		uint8_t hash[CLIENT_HASH_BYTES];
		struct err err;

		assert_int_equal(client_token_new(tokens[i], hash, &err), 0);
		hex_encode(hash, sizeof(hash), hex);
		at += snprintf(text + at, sizeof(text) - (size_t)at,
			"client \"%c\" {\n token_hash = \"sha256:%s\"\n}\n", 'a' + i, hex);
	}
	set_text(w, text);
}

/* A job with that much output. */
static struct job_id end_one(struct world *w, size_t out_bytes)
{
	struct job_id id = submit(w);
	struct msg_run run = expect_run(w);

	say_ending(w, &run, VERDICT_OK, spool_blob(w, &w->driver, out_bytes));
	expect_ack(w, &run);
	return id;
}

/* What /metrics says of that line. */
static double metric(struct world *w, const char *name)
{
	char line[200];
	struct msg ask;
	char *text, *at;
	double value;

	msg_init(&ask, MSG_STATUS_GET);
	ask.status_get.metrics = 1;
	say(&w->gate, &ask);
	cleanup_msg struct msg status = expect(w, &w->gate, MSG_STATUS);

	assert_non_null(status.status.metrics.data);
	text = calloc(1, (size_t)status.status.metrics.len + 1);
	assert_non_null(text);
	memcpy(text, status.status.metrics.data, (size_t)status.status.metrics.len);
	(void)snprintf(line, sizeof(line), "\n%s ", name);
	at = strstr(text, line);
	if (at == NULL)
		print_error("no metric %s\n", name);
	assert_non_null(at);
	value = at == NULL ? 0 : strtod(at + strlen(line), NULL);
	free(text);
	return value;
}

static void assert_kept(struct world *w, const struct job_id *id)
{
	cleanup_msg struct msg msg = get(w, id, 0);

	assert_int_equal(msg.job.state, JOB_DONE);
}

static void the_oldest_goes_where_there_is_too_much(void **state)
{
	struct world *w = *state;
	struct job_id id[5], waiting;

	set_bound(w, "keep_bytes = 256K");
	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	for (int i = 0; i < 5; i++)
		id[i] = end_one(w, 100000);
	for (int i = 0; i < 3; i++)
		wait_for_expiry(w, &id[i]);
	assert_kept(w, &id[3]);
	assert_kept(w, &id[4]);
	while (files_in_spool(w) > 2)
		assert_kept(w, &id[4]);
	assert_true(metric(w, "dockgate_jobs_removed_total{reason=\"keep_bytes\"}") == 3);
	assert_true(metric(w, "dockgate_kept_jobs") == 2);
	assert_in_range((uint64_t)metric(w, "dockgate_kept_bytes"), 200000, 256 * 1024);
	/* The same is known after a start, and a smaller bound holds from then on. */
	assert_int_equal(end_queue(w, SIGTERM), 0);
	set_bound(w, "keep_bytes = 128K");
	start_queue(w);
	gate_in(w);
	wait_for_expiry(w, &id[3]);
	assert_kept(w, &id[4]);
	assert_true(metric(w, "dockgate_kept_jobs") == 1);
	waiting = submit(w);
	{
		cleanup_msg struct msg msg = get(w, &waiting, 0);

		assert_int_equal(msg.job.state, JOB_QUEUED);
	}
}

#define BOUND_BYTES (256 * 1024)

static void start_with_two_clients(struct world *w)
{
	set_clients(w, 2, "keep_bytes = 256K\n");
	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
}

/* And no more goes than has to. */
static void wait_for_the_bound(struct world *w)
{
	time_t patience = time(NULL) + PATIENCE_S;

	while (metric(w, "dockgate_kept_bytes") > BOUND_BYTES)
		assert_true(time(NULL) < patience);
	assert_in_range((uint64_t)metric(w, "dockgate_kept_bytes"), 200000, BOUND_BYTES);
}

static void the_oldest_goes_whosever_it_is(void **state)
{
	struct world *w = *state;

	start_with_two_clients(w);
	for (int i = 0; i < 20; i++) {
		w->bearer = tokens[i % 2];
		(void)end_one(w, 1000);
	}
	/* Each of the small ones between them is another client's than the next: all have to go. */
	for (int i = 0; i < 4; i++) {
		w->bearer = tokens[0];
		(void)end_one(w, 100000);
	}
	wait_for_the_bound(w);
}

/* Those whose ends nobody takes count as the youngest until they are given up. */
static void an_untaken_callback_keeps_nothing_else(void **state)
{
	struct world *w = *state;

	start_with_two_clients(w);
	for (int i = 0; i < 12; i++) {
		w->bearer = tokens[i % 2];
		w->callback = i % 2 == 0 ? "http://192.0.2.1/" : NULL;
		(void)end_one(w, 100000);
	}
	wait_for_the_bound(w);
}

static void the_newest_stays_whatever_its_size(void **state)
{
	struct world *w = *state;
	struct job_id first, last;

	set_bound(w, "keep_bytes = 64K");
	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	first = end_one(w, 300000);
	assert_kept(w, &first);
	last = end_one(w, 300000);
	wait_for_expiry(w, &first);
	assert_kept(w, &last);
}

static void what_waits_may_fill_the_disk_only_so_far(void **state)
{
	struct world *w = *state;
	struct job_id id;

	set_bound(w, "keep_bytes = 150K");
	start_queue(w);
	gate_in(w);
	ask_submit(w, "t", 0, spool_blob(w, &w->gate, 100000));
	{
		cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);

		id = job.job.id;
	}
	ask_submit(w, "t", 0, spool_blob(w, &w->gate, 100000));
	expect_refused(w, REFUSAL_NOT_READY);
	ask_cancel(w, &id);
	{
		cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);
	}
	ask_submit(w, "t", 0, spool_blob(w, &w->gate, 100000));
	cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);
}

static void the_wall_clock_expires_nothing(void **state)
{
	struct world *w = *state;
	struct job_id long_lived, future;

	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	long_lived = submit_and_end(w, 600);
	*wall_offset_ms = YEAR_MS;
	assert_done(w, &long_lived);
	/* Ended in the future, as the clock will say soon; gone in its time all the same. */
	future = submit_and_end(w, 2);
	*wall_offset_ms = -YEAR_MS;
	assert_done(w, &long_lived);
	assert_int_equal(WEXITSTATUS(end_queue(w, SIGTERM)), 0);
	start_queue(w);
	gate_in(w);
	assert_done(w, &long_lived);
	wait_for_expiry(w, &future);
	assert_int_equal(WEXITSTATUS(end_queue(w, SIGTERM)), 0);
	*wall_offset_ms = 10 * YEAR_MS;
	start_queue(w);
	gate_in(w);
	assert_done(w, &long_lived);
}

static void lists_page_and_hide(void **state)
{
	struct world *w = *state;
	struct job_id id[5];
	uint64_t cursor = 0;
	int at = 4;

	start_queue(w);
	gate_in(w);
	for (int i = 0; i < 5; i++)
		id[i] = submit(w);
	do {
		cleanup_msg struct msg ask;
		struct listing_row row;
		struct unpacker u;

		msg_init(&ask, MSG_JOB_LIST);
		ask.job_list.token = ++w->gate.last_token;
		ask.job_list.limit = 2;
		ask.job_list.cursor = cursor;
		ask.job_list.caller_operator = at == 4;
		say(&w->gate, &ask);
		cleanup_msg struct msg jobs = expect(w, &w->gate, MSG_JOBS);

		assert_int_equal(jobs.jobs.waiting, 5);
		u = unpacker_of(jobs.jobs.list.data, (size_t)jobs.jobs.list.len);
		while (listing_unpack(&u, &row)) {
			assert_true(job_id_equal(&row.id, &id[at]));
			assert_int_equal(row.position, at + 1);
			assert_int_equal(row.own, ask.job_list.caller_operator);
			at--;
		}
		assert_false(u.failed);
		cursor = jobs.jobs.cursor;
	} while (cursor != 0);
	assert_int_equal(at, -1);
	for (int classic = 0; classic < 2; classic++) {
		cleanup_msg struct msg ask;
		struct listing_row row;
		struct unpacker u;

		msg_init(&ask, MSG_QUEUE_GET);
		ask.queue_get.token = ++w->gate.last_token;
		ask.queue_get.classic = (uint8_t)classic;
		say(&w->gate, &ask);
		cleanup_msg struct msg jobs = expect(w, &w->gate, MSG_JOBS);

		u = unpacker_of(jobs.jobs.list.data, (size_t)jobs.jobs.list.len);
		for (at = 0; listing_unpack(&u, &row); at++)
			assert_true(job_id_equal(&row.id, &id[at]));
		assert_int_equal(at, 5);
	}
}

static uint64_t ask_queue(struct world *w, bool classic)
{
	cleanup_msg struct msg ask;

	msg_init(&ask, MSG_QUEUE_GET);
	ask.queue_get.token = ++w->gate.last_token;
	ask.queue_get.classic = classic;
	say(&w->gate, &ask);
	return ask.queue_get.token;
}

static void expect_queue(struct world *w, uint64_t token, int n)
{
	cleanup_msg struct msg jobs = expect(w, &w->gate, MSG_JOBS);
	cleanup_free uint8_t *data = NULL;
	struct listing_row row;
	struct unpacker u;
	struct err err;

	assert_int_equal(jobs.jobs.token, token);
	assert_int_equal(blob_read_all(&jobs.jobs.list, UINT32_MAX, &data, &err), 0);
	u = unpacker_of(data, (size_t)jobs.jobs.list.len);
	while (listing_unpack(&u, &row))
		n--;
	assert_false(u.failed);
	assert_int_equal(n, 0);
}

/* The second takes fewer steps than the first, and is behind it all the same; nobody reads the
 * third. */
static void long_lists_are_made_one_after_the_other(void **state)
{
	enum { JOBS = 1100, AT_ONCE = 50 };
	struct world *w = *state;
	uint64_t first, second, last;

	set_text(w, "waiting_max = 2000\ntask \"t\" {\n image = \"i:1\"\n command = {\"a\"}\n}\n");
	start_queue(w);
	gate_in(w);
	for (int i = 0; i < JOBS; i += AT_ONCE) {
		for (int j = 0; j < AT_ONCE; j++)
			ask_submit(w, "t", 0, BLOB_EMPTY);
		for (int j = 0; j < AT_ONCE; j++) {
			cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);
		}
	}
	assert_return_code(kill(w->queue, SIGSTOP), errno);
	first = ask_queue(w, false);
	second = ask_queue(w, true);
	{
		cleanup_msg struct msg msg;

		msg_init(&msg, MSG_FORGET);
		msg.forget.token = ask_queue(w, true);
		say(&w->gate, &msg);
	}
	last = ask_queue(w, true);
	assert_return_code(kill(w->queue, SIGCONT), errno);
	expect_queue(w, first, JOBS);
	expect_queue(w, second, JOBS);
	expect_queue(w, last, JOBS);
}

static void status_says_what_is_wrong(void **state)
{
	struct world *w = *state;

	start_queue(w);
	gate_in(w);
	(void)submit(w);
	for (int up = 0; up < 2; up++) {
		cleanup_msg struct msg ask;

		if (up == 1) {
			driver_in(w, 7, NULL, 0);
			(void)expect_run(w);
		}
		msg_init(&ask, MSG_STATUS_GET);
		ask.status_get.metrics = 1;
		say(&w->gate, &ask);
		cleanup_msg struct msg status = expect(w, &w->gate, MSG_STATUS);

		assert_int_equal(status.status.store_up, 1);
		assert_int_equal(status.status.driver_up, up);
		assert_int_equal(status.status.engine_up, up);
		assert_int_equal(status.status.reason[0] == '\0', up);
		assert_int_equal(status.status.waiting, 1 - up);
		assert_int_equal(status.status.running, up);
		assert_non_null(
			memmem(status.status.metrics.data, (size_t)status.status.metrics.len,
				"dockgate_jobs_submitted_total 1\n", 32));
		assert_int_equal(
			memmem(status.status.metrics.data, (size_t)status.status.metrics.len,
				"\ndockgate_test 7\n", 17) != NULL,
			up);
	}
}

/* The last sample of what the queue answers; n: how many there are. */
static struct sample last_sample(struct world *w, size_t *ret_n)
{
	struct sample sample = { 0 };
	struct unpacker u;
	struct msg ask;

	msg_init(&ask, MSG_HISTORY_GET);
	say(&w->gate, &ask);
	cleanup_msg struct msg history = expect(w, &w->gate, MSG_HISTORY);

	assert_int_equal(history.history.step_s, HISTORY_STEP_S);
	u = unpacker_of(history.history.samples.data, (size_t)history.history.samples.len);
	for (*ret_n = 0; sample_unpack(&u, &sample);)
		++*ret_n;
	assert_false(u.failed);
	return sample;
}

static void the_history_ends_with_the_present(void **state)
{
	struct world *w = *state;
	struct sample sample;
	size_t n;

	start_queue(w);
	gate_in(w);
	sample = last_sample(w, &n);
	assert_int_equal(n, 1);
	assert_int_equal(sample.slots + sample.cpus + sample.memory_bytes, 0);
	(void)submit(w);
	(void)submit_task(w, "one");
	(void)submit_task(w, "one");
	assert_int_equal(last_sample(w, &n).waiting, 3);
	driver_in(w, 7, NULL, 0);
	(void)expect_run(w);
	(void)expect_run(w);
	sample = last_sample(w, &n);
	assert_int_equal(sample.waiting, 1);
	assert_int_equal(sample.running, 2);
	assert_int_equal(sample.slots_used, 2);
	assert_int_equal(sample.slots, SLOTS);
	assert_int_equal(sample.cpus, 64000);
	assert_int_equal(sample.memory_bytes, 64LL << 30);
	assert_true(sample.cpus_used > 0 && sample.memory_used_bytes > 0);
	assert_true(sample.at_ms > 0);
}

static void the_history_keeps_the_last_hour(void **state)
{
	static struct history history;
	struct sample sample = { 0 };

	(void)state;
	for (sample.at_ms = 1; sample.at_ms <= 3 * HISTORY_MAX + 7; sample.at_ms++) {
		history_add(&history, &sample);
		assert_int_equal(
			history.n, sample.at_ms < HISTORY_MAX ? sample.at_ms : HISTORY_MAX);
		assert_int_equal(history_at(&history, history.n - 1)->at_ms, sample.at_ms);
		assert_int_equal(
			history_at(&history, 0)->at_ms, sample.at_ms - (int64_t)history.n + 1);
	}
}

static void nobody_speaks_in_anothers_place(void **state)
{
	struct world *w = *state;
	struct peer second = { 0 };

	start_queue(w);
	driver_in(w, 7, NULL, 0);
	/* A second driver while the first one lives. */
	to_door(w, 1, ROLE_DRIVER, 8, &second);
	assert_true(run_until(w, is_closed, &second));
	assert_false(second.open);
	forget(&second);
	forget(&w->driver);
	/* A gateway's HELLO at the drivers' door, and the reverse. */
	to_door(w, 1, ROLE_GATEWAY, 1, &second);
	assert_true(run_until(w, is_closed, &second));
	to_door(w, 0, ROLE_DRIVER, 1, &second);
	assert_true(run_until(w, is_closed, &second));
	forget(&second);
}

/* What a process of that user sees at that door: true if it is let in. */
static bool user_enters(struct world *w, uid_t uid, size_t door)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct sockaddr_un sa = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		char buf[64];

		(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s%zu", w->dir, door);
		if (setresuid(uid, uid, uid) < 0 ||
			connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
			_exit(2);
		_exit(recv(fd, buf, sizeof(buf), 0) > 0 ? 0 : 1); /* HELLO, or the end */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 0;
}

static void users_enter_by_their_own_door_only(void **state)
{
	struct world *w = *state;

	if (geteuid() != 0)
		skip();
	start_queue(w);
	assert_true(user_enters(w, w->config->gateway_uid, 0));
	assert_false(user_enters(w, w->config->gateway_uid, 1));
	assert_true(user_enters(w, w->config->driver_uid, 1));
	assert_false(user_enters(w, w->config->driver_uid, 0));
	assert_false(user_enters(w, 65533, 0));
	assert_false(user_enters(w, w->config->queue_uid, 0));
}

static void a_task_that_is_gone_ends_its_jobs(void **state)
{
	struct world *w = *state;
	struct job_id id;

	start_queue(w);
	gate_in(w);
	id = submit_task(w, "one");
	assert_int_equal(WEXITSTATUS(end_queue(w, SIGTERM)), 0);
	set_text(w, "task \"t\" {\n image = \"i:1\"\n command = {\"a\"}\n}\n");
	start_queue(w);
	gate_in(w);
	cleanup_msg struct msg job = get(w, &id, 0);

	assert_int_equal(job.job.verdict, VERDICT_ENGINE_ERROR);
	assert_non_null(strstr(job.job.error, "no longer configured"));
}

/* --- many jobs at once --- */

static void ask_cancel_all(struct world *w, const char *bearer)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_SWEEP);
	msg.sweep.token = ++w->gate.last_token;
	msg.sweep.act = SWEEP_CANCEL;
	msg.sweep.states = 1U << JOB_QUEUED | 1U << JOB_RUNNING;
	(void)snprintf(msg.sweep.bearer, sizeof(msg.sweep.bearer), "%s", bearer);
	say(&w->gate, &msg);
}

static void forget_last(struct world *w)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_FORGET);
	msg.forget.token = w->gate.last_token;
	say(&w->gate, &msg);
}

/* Of that many: the others are carried out. */
static size_t count_refused(struct world *w, size_t n)
{
	size_t refused = 0;

	for (size_t i = 0; i < n; i++) {
		cleanup_msg struct msg msg = next(w, &w->gate);

		if (msg.type == MSG_DONE)
			continue;
		assert_int_equal(msg.type, MSG_REFUSED);
		assert_int_equal(msg.refused.why, REFUSAL_OVER_SHARE);
		assert_int_equal(msg.refused.retry_after_s, 1);
		refused++;
	}
	return refused;
}

/* Whoever asks, leaves and asks again does not keep the others waiting for it. */
static void few_sweeps_go_on_at_one_time(void **state)
{
	struct world *w = *state;

	set_clients(w, CLIENTS, "");
	start_queue(w);
	gate_in(w);
	halt_queue(w);
	for (int i = 0; i < 6; i++) {
		ask_cancel_all(w, tokens[0]);
		forget_last(w);
	}
	let_queue_go_on(w);
	assert_int_equal(count_refused(w, 6), 2);
	halt_queue(w);
	for (int i = 0; i < 4 * CLIENTS; i++)
		ask_cancel_all(w, tokens[i % CLIENTS]);
	let_queue_go_on(w);
	assert_int_equal(count_refused(w, 4 * CLIENTS), 4);
	ask_cancel_all(w, tokens[0]);
	assert_int_equal(count_refused(w, 1), 0);
}

/* --- a full disk --- */

static void small_disk(struct world *w)
{
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/queue", w->dir);
	assert_return_code(mkdir(path, 0700), errno);
	assert_return_code(mount("none", path, "tmpfs", 0, "size=3m,mode=0700"), errno);
	w->mounted = true;
}

static void fill_disk(const struct world *w, bool full)
{
	char path[100], zeros[65536] = { 0 };
	int fd;

	(void)snprintf(path, sizeof(path), "%s/queue/ballast", w->dir);
	if (!full) {
		assert_return_code(unlink(path), errno);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	while (write(fd, zeros, 1) > 0)
		;
	(void)close(fd);
}

static void a_full_disk_loses_nothing(void **state)
{
	struct world *w = *state;
	cleanup_free char *big = malloc(60000);
	struct msg_run run;
	struct job_id id;
	struct err err;
	size_t refused = 0;

	if (geteuid() != 0)
		skip();
	memset(big, 'x', 60000);
	small_disk(w);
	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	id = submit(w);
	run = expect_run(w);
	fill_disk(w, true);
	/* Every answer is one of the two; some are refused, for the disk is full. */
	for (int i = 0; i < 20; i++) {
		struct blob input;

		assert_int_equal(blob_of(big, 60000, &input, &err), 0);
		ask_submit(w, "one", i % 2 == 0 ? 0 : 50, input); /* at once, or after a wait */
		cleanup_msg struct msg msg = next(w, &w->gate);

		if (msg.type == MSG_REFUSED) {
			assert_int_equal(msg.refused.why, REFUSAL_STORE);
			refused++;
		}
	}
	assert_true(refused > 0);
	{ /* Reading goes on. */
		cleanup_msg struct msg job = get(w, &id, 0);

		assert_int_equal(job.job.state, JOB_RUNNING);
	}
	{ /* The ending waits until there is room again. */
		struct blob out;

		assert_int_equal(blob_of(big, 60000, &out, &err), 0);
		say_ending(w, &run, VERDICT_OK, out);
	}
	{
		cleanup_msg struct msg job = get(w, &id, 100);

		assert_int_equal(job.job.state, JOB_RUNNING);
	}
	fill_disk(w, false);
	cleanup_msg struct msg job = get(w, &id, 60000);

	assert_int_equal(job.job.state, JOB_DONE);
	assert_int_equal(job.job.verdict, VERDICT_OK);
	assert_int_equal(job.job.out.len, 60000);
	(void)submit_task(w, "one");
}

/* The cancel of a job that runs comes to nothing: it has its place until it ends, no longer. */
static void a_cancel_on_a_full_disk_keeps_no_place(void **state)
{
	struct world *w = *state;
	struct msg_run run;
	struct job_id id;

	if (geteuid() != 0)
		skip();
	small_disk(w);
	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	id = submit_task(w, "one");
	run = expect_run(w);
	fill_disk(w, true);
	ask_cancel(w, &id);
	expect_refused(w, REFUSAL_STORE);
	fill_disk(w, false);
	say_ending(w, &run, VERDICT_OK, BLOB_EMPTY);
	expect_ack(w, &run);
	{
		cleanup_msg struct msg job = get(w, &id, 0);

		assert_int_equal(job.job.verdict, VERDICT_OK);
	}
	id = submit_task(w, "one");
	run = expect_run(w);
	assert_true(job_id_equal(&run.id, &id));
}

/* --- kill -9 --- */

#define LEDGER 1000

struct ledger {
	struct job_id id[LEDGER];
	enum verdict verdict[LEDGER]; /* the first ending that was seen */
	size_t n;
};

static uint64_t seed_state;

static uint32_t dice(void)
{
	seed_state = seed_state * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(seed_state >> 33);
}

static void read_answers(struct world *w, struct ledger *ledger)
{
	struct got *got;

	while ((got = STAILQ_FIRST(&w->gate.gots)) != NULL) {
		STAILQ_REMOVE_HEAD(&w->gate.gots, next);
		if (got->msg.type == MSG_JOB)
			ledger->id[ledger->n++] = got->msg.job.id;
		msg_done(&got->msg);
		free(got);
	}
}

static void end_what_runs(struct world *w)
{
	static const enum verdict verdicts[] = { VERDICT_OK, VERDICT_NONZERO_EXIT,
		VERDICT_SIGNALED };
	struct got *got;

	while ((got = STAILQ_FIRST(&w->driver.gots)) != NULL) {
		STAILQ_REMOVE_HEAD(&w->driver.gots, next);
		if (got->msg.type == MSG_RUN)
			say_ending(w, &got->msg.run, verdicts[dice() % 3],
				dice() % 8 == 0 ? text_blob("x") : BLOB_EMPTY);
		msg_done(&got->msg);
		free(got);
	}
}

/* A gateway that keeps eight submits on their way and a driver that ends at once. */
static void live(struct world *w, struct ledger *ledger, size_t acknowledged)
{
	size_t until = ledger->n + acknowledged, asked = ledger->n;

	while (ledger->n < until && !w->gate.closed && !w->driver.closed) {
		for (; asked < ledger->n + 8; asked++)
			ask_submit(w, "t", 0, BLOB_EMPTY);
		(void)event_base_loop(w->base, EVLOOP_ONCE);
		read_answers(w, ledger);
		end_what_runs(w);
	}
}

/* Every acknowledged job is there, and an ending once seen stays the same. */
static size_t check_ledger(struct world *w, struct ledger *ledger)
{
	size_t done = 0;

	for (size_t i = 0; i < ledger->n; i++) {
		cleanup_msg struct msg job = get(w, &ledger->id[i], 0);

		if (job.job.state != JOB_DONE) {
			assert_int_equal(ledger->verdict[i], VERDICT_MAX_);
			continue;
		}
		done++;
		if (ledger->verdict[i] == VERDICT_MAX_)
			ledger->verdict[i] = (enum verdict)job.job.verdict;
		assert_int_equal(ledger->verdict[i], job.job.verdict);
	}
	return done;
}

/*
 * A client waits for its job, which the driver has before it is stored: a queue that dies then
 * takes it along. What the driver says of it later is acknowledged and makes no job of it.
 */
static void a_job_that_was_not_stored_leaves_no_ghost(void **state)
{
	struct world *w = *state;
	bool seen = false;

	w->gate.may_die = true;
	start_queue(w);
	for (int i = 0; i < 50 && !seen; i++) {
		gate_in(w);
		driver_in(w, 7, NULL, 0);
		ask_submit(w, "t", 60000, BLOB_EMPTY);
		struct msg_run run = expect_run(w);

		(void)end_queue(w, SIGKILL); /* it holds its turn for some milliseconds */
		start_queue(w);
		gate_in(w);
		driver_in(w, 7, &run, 1);
		ask_get(w, &run.id, 0);
		cleanup_msg struct msg answer = next(w, &w->gate);

		seen = answer.type == MSG_REFUSED;
		if (seen) {
			cleanup_msg struct msg stop = expect(w, &w->driver, MSG_STOP);

			assert_true(job_id_equal(&stop.stop.id, &run.id));
			assert_int_equal(stop.stop.lease_lost, 1);
		}
		say_ending(w, &run, VERDICT_OK, BLOB_EMPTY);
		expect_ack(w, &run);
		ask_get(w, &run.id, 0);
		if (seen) {
			expect_refused(w, REFUSAL_NOT_FOUND);
		} else {
			cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);

			assert_int_equal(job.job.verdict, VERDICT_OK);
		}
	}
	assert_true(seen);
}

/* The next job is handed over while the disk fills up, and ends before it is stopped. */
static void a_hand_over_on_a_full_disk_is_not_forgotten(void **state)
{
	struct world *w = *state;
	struct msg_run run[2];
	struct job_id id[2];

	if (geteuid() != 0)
		skip();
	small_disk(w);
	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	id[0] = submit_task(w, "one");
	run[0] = expect_run(w);
	id[1] = submit_task(w, "one");
	fill_disk(w, true);
	{
		cleanup_free char *big = calloc(1, 60000);
		struct blob out;
		struct err err;

		assert_int_equal(blob_of(big, 60000, &out, &err), 0);
		say_ending(w, &run[0], VERDICT_OK, out);
	}
	run[1] = expect_run(w);
	assert_true(job_id_equal(&run[1].id, &id[1]));
	say_ending(w, &run[1], VERDICT_OK, BLOB_EMPTY);
	{ /* What the full disk took back: both are waited for in vain. */
		cleanup_msg struct msg job = get(w, &id[1], 1500);

		assert_int_not_equal(job.job.state, JOB_DONE);
	}
	fill_disk(w, false);
	for (int i = 0; i < 2; i++) {
		cleanup_msg struct msg job = get(w, &id[i], 60000);

		assert_int_equal(job.job.state, JOB_DONE);
		assert_int_equal(job.job.verdict, VERDICT_OK);
		assert_int_equal(job.job.attempt, 1);
	}
}

/* The hand-over need not be stored when the queue dies: the driver goes on with the job. */
static void a_hand_over_that_was_not_stored_goes_on(void **state)
{
	struct world *w = *state;
	struct msg_run run[2];
	struct job_id id[2];

	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	id[0] = submit_task(w, "one");
	run[0] = expect_run(w);
	id[1] = submit_task(w, "one"); /* waits for the first one to end */
	say_ending(w, &run[0], VERDICT_OK, BLOB_EMPTY);
	run[1] = expect_run(w); /* before the ending is stored: nobody waits for it */
	(void)end_queue(w, SIGKILL);
	start_queue(w);
	gate_in(w);
	driver_in(w, 7, run, 2);
	for (int i = 0; i < 2; i++) {
		say_ending(w, &run[i], VERDICT_OK, BLOB_EMPTY);
		expect_ack(w, &run[i]);
	}
	for (int i = 0; i < 2; i++) {
		cleanup_msg struct msg job = get(w, &id[i], 0);

		assert_int_equal(job.job.verdict, VERDICT_OK);
		assert_int_equal(job.job.attempt, 1);
	}
}

static void kill_9_loses_nothing(void **state)
{
	struct world *w = *state;
	static struct ledger ledger;
	const char *given = getenv("SEED");

	seed_state = given != NULL ? (uint64_t)strtoull(given, NULL, 10) : (uint64_t)getpid();
	print_message("SEED=%" PRIu64 "\n", seed_state);
	set_text(w,
		"waiting_max = 5000\nlease_ms = 1000\nattempts = 100\nslots = 4\n"
		"cpus_budget = 64\nmemory_budget = 64G\n"
		"task \"t\" {\n image = \"i:1\"\n command = {\"a\"}\n concurrency = 4\n attempts "
		"= 100\n}\n");
	for (size_t i = 0; i < LEDGER; i++)
		ledger.verdict[i] = VERDICT_MAX_;
	w->gate.may_die = true;
	w->driver.may_die = true;
	start_queue(w);
	for (int life = 0; life < 25; life++) {
		gate_in(w);
		driver_in(w, 100 + dice() % 2, NULL, 0);
		(void)check_ledger(w, &ledger);
		live(w, &ledger, 1 + dice() % 12);
		(void)end_queue(w, SIGKILL);
		/* What it had sent before still counts. */
		while (!w->gate.closed)
			(void)event_base_loop(w->base, EVLOOP_ONCE);
		read_answers(w, &ledger);
		start_queue(w);
	}
	gate_in(w);
	driver_in(w, 500, NULL, 0);
	while (check_ledger(w, &ledger) < ledger.n) {
		(void)event_base_loop(w->base, EVLOOP_NONBLOCK);
		end_what_runs(w);
	}
	assert_true(ledger.n >= 25);
	assert_int_equal(check_ledger(w, &ledger), ledger.n);
	print_message("%zu acknowledged, all ended once\n", ledger.n);
}

/* --- watchers --- */

static void ask_watch(struct world *w, const struct job_id *id, enum watch_stage stage,
	uint32_t attempt, uint64_t position, uint64_t out_bytes)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_WATCH);
	msg.watch.token = ++w->gate.last_token;
	msg.watch.id = *id;
	msg.watch.wait_ms = 60000;
	msg.watch.want = WANT_ALL;
	msg.watch.stage = (uint8_t)stage;
	msg.watch.attempt = attempt;
	msg.watch.position = position;
	msg.watch.out_bytes = out_bytes;
	say(&w->gate, &msg);
}

static void expect_state(struct world *w, enum job_state state, uint32_t attempt, uint64_t position)
{
	cleanup_msg struct msg msg = expect(w, &w->gate, MSG_JOB);

	assert_int_equal(msg.job.token, w->gate.last_token);
	assert_int_equal(msg.job.state, state);
	assert_int_equal(msg.job.attempt, attempt);
	assert_int_equal(msg.job.position, position);
	assert_true(msg.job.spec.len == 0 || state != JOB_QUEUED);
}

static void say_progress(
	struct world *w, const struct msg_tap *tap, uint64_t bytes, struct blob out)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_PROGRESS);
	msg.progress.gate = tap->gate;
	msg.progress.token = tap->token;
	msg.progress.id = tap->id;
	msg.progress.attempt = tap->attempt;
	msg.progress.out_bytes = bytes;
	msg.progress.out = out;
	msg.progress.out.len = 0; /* it grows */
	say(&w->driver, &msg);
}

/* All that was said before is dealt with: nothing of it was an answer. */
static void expect_nothing(struct world *w)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_STATUS_GET);
	msg.status_get.token = ++w->gate.last_token;
	say(&w->gate, &msg);
	cleanup_msg struct msg status = expect(w, &w->gate, MSG_STATUS);
}

static void a_watcher_hears_of_each_move(void **state)
{
	struct world *w = *state;
	struct job_id between, second;
	struct msg_run run;

	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	(void)submit_task(w, "one");
	run = expect_run(w);
	between = submit_task(w, "one");
	second = submit_task(w, "one");
	ask_watch(w, &second, WATCH_UNKNOWN, 0, 0, 0);
	expect_state(w, JOB_QUEUED, 0, 2);
	ask_cancel(w, &between);
	{
		cleanup_msg struct msg cancelled = expect(w, &w->gate, MSG_JOB);

		assert_int_equal(cancelled.job.state, JOB_DONE);
	}
	ask_watch(w, &second, WATCH_QUEUED, 0, 2, 0);
	expect_state(w, JOB_QUEUED, 0, 1); /* another place */
	ask_watch(w, &second, WATCH_QUEUED, 0, 1, 0);
	say_ending(w, &run, VERDICT_OK, BLOB_EMPTY);
	run = expect_ack_and_run(w, &run);
	assert_true(job_id_equal(&run.id, &second));
	expect_state(w, JOB_RUNNING, 1, 0);
	ask_watch(w, &second, WATCH_RUNNING, 1, 0, 0);
	cleanup_msg struct msg tap = expect(w, &w->driver, MSG_TAP);

	assert_true(job_id_equal(&tap.tap.id, &second));
	say_ending(w, &run, VERDICT_OK, text_blob("out"));
	expect_state(w, JOB_DONE, 1, 0);
	ask_watch(w, &second, WATCH_STARTED, 1, 0, 3);
	expect_state(w, JOB_DONE, 1, 0);
}

static void output_goes_to_whom_it_belongs(void **state)
{
	struct world *w = *state;
	struct blob file, own;
	struct job_id id;
	struct msg_tap other;
	struct err err;

	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	id = submit(w);
	(void)expect_run(w);
	ask_watch(w, &id, WATCH_RUNNING, 1, 0, 0);
	cleanup_msg struct msg tap = expect(w, &w->driver, MSG_TAP);

	assert_int_equal(tap.tap.attempt, 1);
	other = tap.tap;
	other.token++;
	say_progress(w, &other, 100, BLOB_EMPTY);
	other = tap.tap;
	other.gate++;
	say_progress(w, &other, 100, BLOB_EMPTY);
	other = tap.tap;
	other.attempt++;
	say_progress(w, &other, 100, BLOB_EMPTY);
	other = tap.tap;
	other.id.b[0] ^= 1;
	say_progress(w, &other, 100, BLOB_EMPTY);
	/* A file that is none of the spool's. */
	own = blob_of_fd(open("/etc/passwd", O_RDONLY | O_CLOEXEC), 0);
	say_progress(w, &tap.tap, 100, own);
	expect_nothing(w);

	file = spool_blob(w, &w->driver, 1000);
	say_progress(w, &tap.tap, 1000, file);
	cleanup_msg struct msg got = expect(w, &w->gate, MSG_PROGRESS);

	assert_int_equal(got.progress.out_bytes, 1000);
	assert_int_equal(got.progress.err.fd, -1);
	assert_int_equal(fcntl(got.progress.out.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	got.progress.out.len = 1000;
	assert_pattern(&got.progress.out, 1000);
	assert_int_equal(blob_read(&got.progress.out, 1000, &other, 1, &err), -ENODATA);
	say_progress(w, &tap.tap, 2000, BLOB_EMPTY); /* it was answered */
	expect_nothing(w);
}

/* --- input for jobs that run --- */

static void ask_input(struct world *w, const struct job_id *id, uint32_t wait_ms, const char *text,
	const char *bearer)
{
	cleanup_msg struct msg msg;
	struct err err;

	msg_init(&msg, MSG_JOB_INPUT);
	msg.job_input.token = ++w->gate.last_token;
	msg.job_input.id = *id;
	msg.job_input.wait_ms = wait_ms;
	msg.job_input.end = 1;
	(void)snprintf(msg.job_input.bearer, sizeof(msg.job_input.bearer), "%s", bearer);
	assert_int_equal(blob_of(text, strlen(text), &msg.job_input.data, &err), 0);
	say(&w->gate, &msg);
}

/* The driver gets it, and says `why`. */
static void take_input(struct world *w, const struct msg_run *run, const char *text, unsigned why)
{
	cleanup_msg struct msg got = expect(w, &w->driver, MSG_INPUT), msg;

	assert_true(job_id_equal(&got.input.id, &run->id));
	assert_int_equal(got.input.attempt, run->attempt);
	assert_int_equal(got.input.end, 1);
	assert_int_equal(got.input.data.len, strlen(text));
	assert_memory_equal(got.input.data.data, text, strlen(text));
	msg_init(&msg, MSG_INPUT_TAKEN);
	msg.input_taken.gate = got.input.gate;
	msg.input_taken.token = got.input.token;
	msg.input_taken.why = (uint8_t)why;
	say(&w->driver, &msg);
}

static void expect_taken(struct world *w)
{
	cleanup_msg struct msg msg = expect(w, &w->gate, MSG_INPUT_TAKEN);

	assert_int_equal(msg.input_taken.token, w->gate.last_token);
}

static void say_started(struct world *w, const struct msg_run *run)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_STARTED);
	msg.started.id = run->id;
	msg.started.attempt = run->attempt;
	say(&w->driver, &msg);
}

static void what_is_typed_goes_to_the_driver(void **state)
{
	struct world *w = *state;
	struct job_id id, none = { { 1 } };
	struct msg_run run;

	start_queue(w);
	gate_in(w);
	id = submit(w);
	ask_input(w, &id, 0, "early", "");
	expect_refused(w, REFUSAL_NO_INPUT);
	ask_input(w, &none, 60000, "nobody's", "");
	expect_refused(w, REFUSAL_NOT_FOUND);
	ask_input(w, &id, 60000, "waits", "");
	driver_in(w, 7, NULL, 0);
	run = expect_run(w);
	say_started(w, &run);
	take_input(w, &run, "waits", REFUSAL_MAX_);
	expect_taken(w);
	ask_input(w, &id, 0, "", "");
	take_input(w, &run, "", REFUSAL_INPUT_FULL);
	expect_refused(w, REFUSAL_INPUT_FULL);
	say_ending(w, &run, VERDICT_OK, BLOB_EMPTY);
	expect_ack(w, &run);
	ask_input(w, &id, 60000, "late", "");
	expect_refused(w, REFUSAL_NO_INPUT);
}

/* Those who wait for a start that does not come, in time or at all, or who do not wait for it. */
static void what_is_typed_may_wait_in_vain(void **state)
{
	struct world *w = *state;
	struct job_id id;

	start_queue(w);
	gate_in(w);
	id = submit(w);
	ask_input(w, &id, 20, "too early", "");
	expect_refused(w, REFUSAL_NO_INPUT);
	ask_input(w, &id, 60000, "left", "");
	{
		cleanup_msg struct msg msg;

		msg_init(&msg, MSG_FORGET);
		msg.forget.token = w->gate.last_token;
		say(&w->gate, &msg);
	}
	for (int i = 0; i < 256; i++)
		ask_input(w, &id, 60000, "waits", "");
	expect_nothing(w);
	ask_input(w, &id, 60000, "one too many", "");
	expect_refused(w, REFUSAL_NOT_READY);
}

static void only_its_owner_types_into_a_job(void **state)
{
	struct world *w = *state;
	struct job_id id;
	struct msg_run run;

	set_clients(w, 2, "");
	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	w->bearer = tokens[0];
	id = submit(w);
	run = expect_run(w);
	ask_input(w, &id, 0, "b's", tokens[1]);
	expect_refused(w, REFUSAL_NOT_FOUND);
	ask_input(w, &id, 0, "nobody's", "");
	expect_refused(w, REFUSAL_UNAUTHORIZED);
	ask_input(w, &id, 0, "a's", tokens[0]);
	take_input(w, &run, "a's", REFUSAL_MAX_);
	expect_taken(w);
	say_ending(w, &run, VERDICT_OK, BLOB_EMPTY);
	expect_ack(w, &run);
	ask_input(w, &id, 0, "b's", tokens[1]);
	expect_refused(w, REFUSAL_NOT_FOUND);
	ask_input(w, &id, 0, "a's", tokens[0]);
	expect_refused(w, REFUSAL_NO_INPUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_job_goes_its_way),
		TEST(a_submit_may_wait_for_the_ending),
		TEST(a_wait_ends_with_its_time),
		TEST(a_client_that_left_is_not_answered),
		TEST(what_is_typed_goes_to_the_driver),
		TEST(what_is_typed_may_wait_in_vain),
		TEST(only_its_owner_types_into_a_job),
		TEST(what_is_not_right_is_refused),
		TEST(turns_are_first_come_first_served),
		TEST(a_waiting_job_is_cancelled_at_once),
		TEST(no_two_jobs_have_one_gpu),
		TEST(a_running_job_is_cancelled_and_stopped),
		TEST(another_drivers_jobs_run_again_until_given_up),
		TEST(a_lease_runs_out_without_its_driver),
		TEST(the_same_driver_goes_on_after_a_break),
		TEST(a_job_given_back_counts_only_for_the_engine),
		TEST(large_values_go_through_the_spool),
		TEST(a_foreign_descriptor_is_copied),
		TEST(a_file_of_another_length_is_refused),
		TEST(results_expire),
		TEST(the_wall_clock_expires_nothing),
		TEST(the_oldest_goes_where_there_is_too_much),
		TEST(the_oldest_goes_whosever_it_is),
		TEST(an_untaken_callback_keeps_nothing_else),
		TEST(the_newest_stays_whatever_its_size),
		TEST(what_waits_may_fill_the_disk_only_so_far),
		TEST(few_sweeps_go_on_at_one_time),
		TEST(lists_page_and_hide),
		TEST(long_lists_are_made_one_after_the_other),
		TEST(status_says_what_is_wrong),
		TEST(the_history_ends_with_the_present),
		cmocka_unit_test(the_history_keeps_the_last_hour),
		TEST(a_watcher_hears_of_each_move),
		TEST(output_goes_to_whom_it_belongs),
		TEST(nobody_speaks_in_anothers_place),
		TEST(users_enter_by_their_own_door_only),
		TEST(a_task_that_is_gone_ends_its_jobs),
		TEST(a_full_disk_loses_nothing),
		TEST(a_cancel_on_a_full_disk_keeps_no_place),
		TEST(a_job_that_was_not_stored_leaves_no_ghost),
		TEST(a_hand_over_that_was_not_stored_goes_on),
		TEST(a_hand_over_on_a_full_disk_is_not_forgotten),
		TEST(kill_9_loses_nothing),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
