/* SPDX-License-Identifier: MIT */
/* The queue of one machine of two, with a MariaDB server: tests/mariadb runs it with one. */
#include "queue_database.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/client.h"
#include "common/job_state.h"
#include "store/store.h"

#define LONG_MS 3600000

/* --- the machines --- */

/* This machine's queue shares it; more: lines of its configuration. */
static void share_database(struct world *w, const char *more)
{
	char dsn[400], text[500];

	dsn_text(dsn, sizeof(dsn));
	(void)snprintf(text, sizeof(text),
		"store_shared = true\nnode = \"n1\"\nstore_poll_ms = 20\n%s", more);
	use_database(w, dsn, text);
}

static int setup_shared(void **state)
{
	int r = setup(state);

	if (r == 0) {
		new_database();
		share_database(*state, "");
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

/* --- a way to the server that breaks --- */

enum way { WAY_OPEN, WAY_TAKES_COMMIT, WAY_SHUT };

/* False: the connection is over. */
static bool pass(int from, int to, bool up, volatile int *way)
{
	static const char word[] = "\003COMMIT";
	char buf[65536];
	ssize_t n = read(from, buf, sizeof(buf));
	bool hit = up && *way == WAY_TAKES_COMMIT && n > 0 &&
		   memmem(buf, (size_t)n, word, sizeof(word) - 1) != NULL;

	if (n <= 0 || *way == WAY_SHUT || write(to, buf, (size_t)n) != n)
		return false;
	if (hit) { /* it is committed; nobody hears of that */
		struct pollfd done = { .fd = to, .events = POLLIN };

		*way = WAY_SHUT;
		(void)poll(&done, 1, 10000);
	}
	return !hit;
}

static void relay(int client, volatile int *way)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int up = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p[2] = { { .fd = client, .events = POLLIN }, { .fd = up, .events = POLLIN } };
	bool on;

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/socket", server_dir());
	on = connect(up, (struct sockaddr *)&sa, sizeof(sa)) == 0;
	while (on && poll(p, 2, -1) > 0) {
		if (p[0].revents != 0)
			on = pass(client, up, true, way);
		if (on && p[1].revents != 0)
			on = pass(up, client, false, way);
	}
}

static pid_t start_way(const char *path, volatile int *way)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_return_code(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), errno);
	assert_return_code(chmod(path, 0666), errno);
	assert_return_code(listen(fd, 8), errno);
	pid = fork();
	assert_true(pid >= 0);
	while (pid == 0) {
		int client;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)signal(SIGCHLD, SIG_IGN);
		client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (*way != WAY_SHUT && fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			relay(client, way);
			_exit(0);
		}
		(void)close(client);
	}
	(void)close(fd);
	return pid;
}

static bool has_news(struct peer *peer)
{
	return !STAILQ_EMPTY(&peer->gots) || peer->closed;
}

static void a_hand_over_that_may_be_stored_goes_on(void **state)
{
	struct world *w = *state;
	volatile int *way =
		mmap(NULL, sizeof(*way), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[100], dsn[400];
	struct msg_run run;
	pid_t proxy;

	assert_ptr_not_equal(way, MAP_FAILED);
	(void)snprintf(path, sizeof(path), "%s/way", w->dir);
	proxy = start_way(path, way);
	(void)snprintf(dsn, sizeof(dsn),
		"SOCKET=%s;USER=dockgate;PASSWORD=test-password;DATABASE=dockgate_test", path);
	use_database(w, dsn, "");
	start_queue(w);
	gate_in(w);
	driver_in(w, 7, NULL, 0);
	*way = WAY_TAKES_COMMIT;
	ask_submit(w, "t", 0, BLOB_EMPTY);
	run = expect_run(w);
	expect_refused(w, REFUSAL_STORE); /* nobody knows */
	*way = WAY_OPEN;
	assert_true(run_until(w, has_news, &w->driver));
	assert_true(STAILQ_EMPTY(&w->driver.gots)); /* it was not stopped */
	assert_true(w->driver.closed);
	driver_in(w, 7, &run, 1);
	say_ending(w, &run, VERDICT_OK, BLOB_EMPTY);
	expect_ack(w, &run);
	cleanup_msg struct msg job = get(w, &run.id, 0);

	assert_int_equal(job.job.verdict, VERDICT_OK);
	assert_int_equal(job.job.attempt, 1);
	assert_int_equal(end_queue(w, SIGTERM), 0);
	(void)kill(proxy, SIGKILL);
	(void)waitpid(proxy, NULL, 0);
	(void)munmap((void *)(uintptr_t)way, sizeof(*way));
}

/* --- clients --- */

static void write_token(const struct world *w, const char *token)
{
	char path[100];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/token", w->dir);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fprintf(file, "%s\n", token) > 0);
	assert_int_equal(fclose(file), 0);
	assert_return_code(chmod(path, 0600), errno);
}

/* The other machine makes a client, which this one hears of. */
static void make_elsewhere(struct world *w, const char *name)
{
	char token[CLIENT_TOKEN_CHARS + 1];
	struct store *other = other_in();
	struct store_client made = { 0 };
	struct err err;
	bool known = false;

	client_default(&made.client, name);
	assert_int_equal(client_token_new(token, made.client.token_hash, &err), 0);
	assert_int_equal(store_begin(other, &err), 0);
	assert_int_equal(store_client_add(other, &made, &err), 0);
	assert_int_equal(store_commit(other, &err), 0);
	store_close(other);
	w->bearer = token;
	while (!known) {
		ask_submit(w, "t", 0, BLOB_EMPTY);
		cleanup_msg struct msg msg = next(w, &w->gate);

		known = msg.type == MSG_JOB;
		assert_true(known || msg.refused.why == REFUSAL_UNAUTHORIZED);
	}
	w->bearer = NULL;
}

static void a_client_of_the_configuration_stays_who_he_is(void **state)
{
	struct world *w = *state;
	char token[CLIENT_TOKEN_CHARS + 1], more[300];
	uint8_t hash[CLIENT_HASH_BYTES];
	struct err err;

	assert_int_equal(client_token_new(token, hash, &err), 0);
	write_token(w, token);
	(void)snprintf(more, sizeof(more),
		"client \"a\" {\n token_file = \"%s/token\"\n rate = 0.001\n burst = 1\n}\n",
		w->dir);
	share_database(w, more);
	start_queue(w);
	gate_in(w);
	w->bearer = token;
	(void)submit(w);
	ask_submit(w, "t", 0, BLOB_EMPTY);
	expect_refused(w, REFUSAL_OVER_SHARE);
	make_elsewhere(w, "b");
	w->bearer = token; /* what he had is what he has had */
	ask_submit(w, "t", 0, BLOB_EMPTY);
	expect_refused(w, REFUSAL_OVER_SHARE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_shared, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_another_machine_has_ended_takes_no_place),
		TEST(what_is_fetched_while_the_engine_is_away_comes_back),
		TEST(what_is_cancelled_while_it_is_fetched_takes_no_place),
		TEST(a_client_of_the_configuration_stays_who_he_is),
		cmocka_unit_test_setup_teardown(
			a_hand_over_that_may_be_stored_goes_on, setup_alone, teardown),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
