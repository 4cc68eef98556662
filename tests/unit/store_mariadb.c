/* SPDX-License-Identifier: MIT */
/* The store in MariaDB against a real server, which these tests also kill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mariadb/mysql.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "mariadb_server.h"
#include "store/mariadb.h"
#include "store_world.h"
#include "wire/spec.h"

/* --- the server --- */

/* The first column of the first row, "" for none. */
static void ask(MYSQL *db, const char *sql, char *ret, size_t size)
{
	MYSQL_RES *rows;
	MYSQL_ROW row;

	if (mysql_query(db, sql) != 0)
		fail_msg("%s: %s", sql, mysql_error(db));
	rows = mysql_store_result(db);
	row = rows == NULL ? NULL : mysql_fetch_row(rows);
	(void)snprintf(ret, size, "%s", row == NULL || row[0] == NULL ? "" : row[0]);
	mysql_free_result(rows);
}

static void admin(const char *sql, char *ret, size_t size)
{
	MYSQL *db = admin_open();

	if (mysql_select_db(db, "dockgate_test") != 0)
		fail_msg("%s", mysql_error(db));
	ask(db, sql, ret, size);
	mysql_close(db);
}

static void change(const char *sql)
{
	char ignored[200];

	admin(sql, ignored, sizeof(ignored));
}

static void at_socket(const char *socket, char *ret, size_t size)
{
	(void)snprintf(ret, size,
		"Driver={MariaDB};SOCKET=%s;USER=dockgate;PASSWORD=test-password;"
		"DATABASE=dockgate_test",
		socket);
}

const char *mariadb_database(void)
{
	static char where[400];
	char socket[200], ignored[8];
	MYSQL *db = admin_open();

	ask(db, "DROP DATABASE IF EXISTS dockgate_test", ignored, sizeof(ignored));
	ask(db, "CREATE DATABASE dockgate_test", ignored, sizeof(ignored));
	mysql_close(db);
	(void)snprintf(socket, sizeof(socket), "%s/socket", server_dir());
	at_socket(socket, where, sizeof(where));
	return where;
}

/* tests/mariadb `word` DIR */
static void server(const char *word)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)execl(MARIADB_SCRIPT, MARIADB_SCRIPT, word, server_dir(), (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static struct store *open_shared(const struct world *w, const char *node)
{
	struct store *store;
	struct err err;

	if (store_open_shared("mariadb", w->where, node, &store, &err) < 0)
		fail_msg("%s", err.msg);
	return store;
}

/* w->store becomes that of machine "a"; the store of machine "b" is returned. */
static struct store *two_machines(struct world *w)
{
	store_close(w->store);
	w->store = open_shared(w, "a");
	return open_shared(w, "b");
}

static struct world of(struct store *store)
{
	return (struct world){ .store = store };
}

/* --- schema and rights --- */

void a_newer_mariadb_schema_is_refused(void **state)
{
	struct world *w = *state;
	struct err err;

	store_close(w->store);
	w->store = NULL;
	change("UPDATE meta SET value = '99' WHERE name = 'schema'");
	assert_int_equal(store_open("mariadb", w->where, &w->store, &err), -EPROTO);
	assert_non_null(strstr(err.msg, "newer"));
	assert_null(strstr(err.msg, "test-password"));
}

void tables_of_others_are_left_alone(void **state)
{
	struct world *w = *state;
	char text[20];
	struct err err;

	store_close(w->store);
	w->store = NULL;
	(void)mariadb_database();
	change("CREATE TABLE INSTANCE (ID INT)");
	change("INSERT INTO INSTANCE VALUES (7)");
	assert_int_equal(store_open("mariadb", w->where, &w->store, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "INSTANCE"));
	admin("SELECT ID FROM INSTANCE", text, sizeof(text));
	assert_string_equal(text, "7");
}

void least_rights_are_enough(void **state)
{
	struct world *w = *state;
	MYSQL *db = admin_open();
	char ignored[8];
	struct store *store;
	struct err err;
	int r;

	/* The schema is there: what changes tables is not needed any more. */
	ask(db, "CREATE OR REPLACE USER least@localhost IDENTIFIED BY 'least'", ignored,
		sizeof(ignored));
	ask(db, "GRANT SELECT, INSERT, UPDATE, DELETE ON dockgate_test.* TO least@localhost",
		ignored, sizeof(ignored));
	mysql_close(db);
	store_close(w->store);
	w->store = NULL;
	{
		char socket[200], where[400];

		(void)snprintf(socket, sizeof(socket), "%s/socket", server_dir());
		(void)snprintf(where, sizeof(where),
			"SOCKET=%s;UID=least;PWD=least;DB=dockgate_test", socket);
		r = store_open("mariadb", where, &store, &err);
		if (r < 0)
			fail_msg("%s", err.msg);
		w->store = store;
		begin(w);
		(void)insert(w, "py");
		commit(w);
		(void)snprintf(where, sizeof(where),
			"SOCKET=%s;UID=least;PWD=wrong-and-secret;DB=dockgate_test", socket);
		assert_int_equal(store_open("mariadb", where, &store, &err), -EACCES);
		assert_null(strstr(err.msg, "wrong-and-secret"));
	}
}

/* The record of a request of the classic face, as the gateway packs it. */
static struct store_blob record_of(const char *task, const char *data)
{
	struct spec spec;
	struct blob packed = BLOB_EMPTY;
	struct err err;

	spec_init(&spec);
	spec.task = strdup(task);
	assert_int_equal(strv_add(&spec.args, data, &err), 0);
	assert_int_equal(spec_pack(&spec, &packed, &err), 0);
	spec_done(&spec);
	return (struct store_blob){ .bytes = packed.len, .data = packed.data };
}

void views_show_what_they_say(void **state)
{
	struct world *w = *state;
	struct store_blob in[JOB_BLOB_MAX_] = { 0 }, out[JOB_BLOB_MAX_] = { 0 };
	uint8_t printed[] = "l1\nl2\n";
	const struct store_ending ending = { .from = JOB_RUNNING, .verdict = VERDICT_OK };
	struct store_job job = row_of("classic");
	char text[200], sql[200], id[JOB_ID_CHARS + 1];
	struct err err;

	job.classic = true;
	job.queued_unix_ms = INT64_C(86400123);
	in[JOB_BLOB_SPEC] = record_of("classic", "its data; \xc3\xa9");
	begin(w);
	assert_int_equal(store_job_insert(w->store, &job, in, &err), 0);
	commit(w);
	free(in[JOB_BLOB_SPEC].data);
	job_id_format(&job.id, id);
	(void)snprintf(sql, sizeof(sql),
		"SELECT CONCAT(STATE, '|', CONVERT(DATA USING utf8mb4), '|', TIME) FROM INSTANCE "
		"WHERE ID = '%s'",
		id);
	admin(sql, text, sizeof(text));
	assert_string_equal(text, "PREPARE|its data; \xc3\xa9|1970-01-02 00:00:00.123000");
	admin("SELECT COUNT(*) FROM RESULT", text, sizeof(text));
	assert_string_equal(text, "0");
	begin(w);
	assert_int_equal(store_job_claim(w->store, job.seq, 0, "n", 7, 5, &err), 0);
	commit(w);
	admin("SELECT STATE FROM INSTANCE", text, sizeof(text));
	assert_string_equal(text, "WORKING");
	out[JOB_BLOB_OUT] = (struct store_blob){ .bytes = 6, .data = printed };
	begin(w);
	assert_int_equal(store_job_end(w->store, job.seq, 1, &ending, out, &err), 0);
	commit(w);
	admin("SELECT STATE FROM INSTANCE", text, sizeof(text));
	assert_string_equal(text, "DONE");
	(void)snprintf(sql, sizeof(sql), "SELECT HEX(DATA) FROM RESULT WHERE ID = '%s'", id);
	admin(sql, text, sizeof(text));
	assert_string_equal(text, "6C310A6C320A");
}

void nonsense_is_refused_by_the_schema(void **state)
{
	static const char *const bad[] = {
		"UPDATE job SET state = 3",
		"UPDATE job SET state = 2",
		"UPDATE job SET state = 1",
		"UPDATE job SET attempt = 'x'",
		"UPDATE job SET id = NULL",
		"INSERT INTO job_blob (seq, kind, bytes, data) VALUES (1, 0, 2, x'00')",
		"INSERT INTO job_blob (seq, kind, bytes) VALUES (1, 0, 2)",
		"INSERT INTO job_blob (seq, kind, bytes, data) VALUES (99, 0, 1, x'00')",
		"INSERT INTO job_blob (seq, kind, bytes, data) SELECT 1, 0, 65537, SPACE(65537)",
	};
	struct world *w = *state;
	MYSQL *db = admin_open();

	begin(w);
	(void)insert(w, "py");
	commit(w);
	assert_int_equal(mysql_select_db(db, "dockgate_test"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mysql_query(db, bad[i]) == 0)
			fail_msg("taken: %s", bad[i]);
	mysql_close(db);
}

/* The text with 1 for each value; a limit is a number, all else is compared as what it is. */
static void fill_in(const char *sql, char *ret, size_t size)
{
	size_t n = (size_t)snprintf(ret, size, "EXPLAIN ");

	for (const char *p = sql; *p != '\0' && n + 4 < size; p++) {
		if (*p != '?')
			ret[n++] = *p;
		else if (p - sql > 6 && strncmp(p - 6, "LIMIT ", 6) == 0)
			ret[n++] = '1';
		else
			n += (size_t)snprintf(ret + n, size - n, "'1'");
	}
	ret[n] = '\0';
}

void questions_are_answered_from_an_index(void **state)
{
	static const char *const sql[] = {
#define X(name, text) text,
		STATEMENTS(X)
#undef X
	};
	struct world *w = *state;
	MYSQL *db = admin_open();
	char text[2000], ignored[8];

	assert_int_equal(mysql_select_db(db, "dockgate_test"), 0);
	for (int i = 0; i < 1000; i++) {
		struct store_job job;

		if (i % 500 == 0)
			begin(w);
		job = insert(w, i % 2 == 0 ? "even" : "odd");
		assert_int_equal(end_job(w, &job, 0, JOB_QUEUED, i), 0);
		if (i % 500 == 499)
			commit(w);
	}
	ask(db, "ANALYZE TABLE job, job_blob, job_event", ignored, sizeof(ignored));
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		MYSQL_RES *rows;
		MYSQL_ROW row;

		if (strstr(sql[i], "job") == NULL || strstr(sql[i], "information_schema") != NULL)
			continue;
		fill_in(sql[i], text, sizeof(text));
		if (mysql_query(db, text) != 0)
			fail_msg("%s: %s", text, mysql_error(db));
		rows = mysql_store_result(db);
		while (rows != NULL && (row = mysql_fetch_row(rows)) != NULL)
			if (row[2] != NULL && strcmp(row[2], "job") == 0 && row[3] != NULL &&
				strcmp(row[3], "ALL") == 0 && strncmp(sql[i], "INSERT", 6) != 0)
				fail_msg("reads the whole table: %s", sql[i]);
		mysql_free_result(rows);
	}
	mysql_close(db);
}

/* --- several machines --- */

void a_database_has_one_owner(void **state)
{
	struct world *w = *state;
	struct store *other;
	struct err err;

	assert_int_equal(store_open("mariadb", w->where, &other, &err), -EBUSY);
	assert_int_equal(store_open_shared("mariadb", w->where, "a", &other, &err), -EBUSY);
	store_close(w->store);
	w->store = open_shared(w, "a");
	assert_int_equal(store_open_shared("mariadb", w->where, "a", &other, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "\"a\""));
	begin(w);
	assert_int_equal(store_age_sync(w->store, 5, &(int64_t){ 0 }, &err), 0);
	commit(w);
	assert_int_equal(store_open("mariadb", w->where, &other, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "store_shared"));
	assert_int_equal(store_open_shared("sqlite", FILE_NAME, "a", &other, &err), -EINVAL);
}

static int note_seq(uint64_t seq, void *arg, struct err *err)
{
	uint64_t *list = arg;

	(void)err;
	list[++list[0]] = seq;
	return 0;
}

void machines_share_and_follow(void **state)
{
	struct world *w = *state;
	struct store *b = two_machines(w);
	struct world wb = of(b);
	uint64_t last, got[10] = { 0 };
	struct store_job job, own;
	int64_t age_ms;
	struct err err;

	assert_int_equal(store_follow_start(b, &last, &err), 0);
	begin(w);
	job = insert(w, "py");
	assert_int_equal(store_follow(b, &last, note_seq, got, &err), 0);
	assert_int_equal(got[0], 0); /* not committed: not there */
	commit(w);
	begin(&wb);
	own = insert(&wb, "py");
	commit(&wb);
	assert_true(own.seq > job.seq);
	assert_int_equal(store_follow(b, &last, note_seq, got, &err), 0);
	assert_int_equal(got[0], 1);
	assert_int_equal(got[1], job.seq);
	assert_int_equal(store_follow(b, &last, note_seq, got, &err), 0);
	assert_int_equal(got[0], 1);
	begin(w);
	assert_int_equal(store_job_claim(w->store, job.seq, 0, "a", 7, 5, &err), 0);
	assert_int_equal(end_job(w, &job, 1, JOB_RUNNING, 100), 0);
	commit(w);
	assert_int_equal(store_follow(b, &last, note_seq, got, &err), 0);
	assert_int_equal(got[0], 2); /* moved twice, said once */
	assert_int_equal(got[2], job.seq);
	/* The common age only rises. */
	begin(w);
	assert_int_equal(store_age_sync(w->store, 1000, &age_ms, &err), 0);
	commit(w);
	assert_int_equal(age_ms, 1000);
	begin(&wb);
	assert_int_equal(store_age_sync(b, 400, &age_ms, &err), 0);
	commit(&wb);
	assert_int_equal(age_ms, 1000);
	/* Who has not looked for long reads all again. */
	begin(w);
	job = insert(w, "py");
	commit(w);
	change("DELETE FROM journal");
	assert_int_equal(store_follow(b, &last, note_seq, got, &err), -ESTALE);
	store_close(b);
}

/* Another machine is about to take the job: that is seen at once, not waited for. */
void a_claim_does_not_wait(void **state)
{
	struct world *w = *state;
	struct store *b = two_machines(w);
	struct world wb = of(b);
	struct store_job job;
	struct err err;

	begin(w);
	job = insert(w, "py");
	commit(w);
	begin(w);
	assert_int_equal(store_job_claim(w->store, job.seq, 0, "a", 7, 5, &err), 0);
	begin(&wb);
	assert_int_equal(store_job_claim(b, job.seq, 0, "b", 8, 5, &err), -ESTALE);
	commit(&wb);
	commit(w);
	begin(&wb);
	assert_int_equal(store_job_claim(b, job.seq, 0, "b", 8, 5, &err), -ESTALE);
	store_rollback(b);
	job = read_job(w, &job.id);
	assert_true(job.driver == 7);
	assert_int_equal(job.attempt, 1);
	store_close(b);
}

struct other {
	struct world w;
	const char *first, *second;
	struct store_job job;
	pthread_barrier_t *both;
};

/* Two rows in an order, a job before them. */
static void *write_two(void *arg)
{
	struct other *o = arg;
	struct err err;

	begin(&o->w);
	o->job = insert(&o->w, "py");
	if (store_meta_set(o->w.store, o->first, o->first, &err) < 0)
		fail_msg("%s", err.msg);
	(void)pthread_barrier_wait(o->both);
	if (store_meta_set(o->w.store, o->second, o->first, &err) < 0)
		fail_msg("%s", err.msg);
	commit(&o->w);
	return NULL;
}

void a_deadlock_is_repeated(void **state)
{
	struct world *w = *state;
	pthread_barrier_t both;
	struct other a = { of(two_machines(w)), "one", "two", .both = &both };
	struct other b = { of(w->store), "two", "one", .both = &both };
	char before[20], after[20], value[STORE_META_MAX + 1];
	pthread_t thread;
	struct err err;

	begin(w);
	assert_int_equal(store_meta_set(w->store, "one", "", &err), 0);
	assert_int_equal(store_meta_set(w->store, "two", "", &err), 0);
	commit(w);
	admin("SELECT variable_value FROM information_schema.global_status WHERE "
	      "variable_name = 'INNODB_DEADLOCKS'",
		before, sizeof(before));
	(void)pthread_barrier_init(&both, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, write_two, &a), 0);
	(void)write_two(&b);
	(void)pthread_join(thread, NULL);
	(void)pthread_barrier_destroy(&both);
	admin("SELECT variable_value FROM information_schema.global_status WHERE "
	      "variable_name = 'INNODB_DEADLOCKS'",
		after, sizeof(after));
	assert_string_not_equal(before, after); /* there was one */
	assert_int_equal(read_job(w, &a.job.id).seq, a.job.seq);
	assert_int_equal(read_job(w, &b.job.id).seq, b.job.seq);
	assert_int_equal(store_meta_get(w->store, "one", value, &err), 0);
	assert_true(strcmp(value, "one") == 0 || strcmp(value, "two") == 0);
	store_close(a.w.store);
}

/* --- what happens to the server --- */

void a_transaction_outlives_its_server(void **state)
{
	struct world *w = *state;
	struct store_job before, after, held;
	char text[20];
	struct err err;

	begin(w);
	held = insert(w, "py");
	commit(w);
	begin(w);
	before = insert(w, "py");
	assert_int_equal(store_job_claim(w->store, held.seq, 0, "n", 7, 5, &err), 0);
	server("kill");
	server("start");
	after = insert(w, "py");
	assert_int_equal(end_job(w, &held, 1, JOB_RUNNING, 9), 0);
	commit(w);
	assert_true(after.seq > before.seq);
	assert_int_equal(read_job(w, &before.id).seq, before.seq);
	assert_int_equal(read_job(w, &after.id).seq, after.seq);
	held = read_job(w, &held.id);
	assert_int_equal(held.state, JOB_DONE);
	assert_int_equal(held.attempt, 1);
	admin("SELECT COUNT(*) FROM job", text, sizeof(text));
	assert_string_equal(text, "3");
	admin("SELECT COUNT(*) FROM job_event WHERE kind = 4", text, sizeof(text));
	assert_string_equal(text, "1");
}

enum loss { LOSS_NONE, LOSS_OF_ANSWER, LOSS_OF_COMMIT };

/* Copies what is there; false at the end, or where the COMMIT is to be lost. */
static bool pass(int from, int to, bool client, volatile int *loss)
{
	static const char word[] = "\003COMMIT";
	char buf[65536];
	ssize_t n = read(from, buf, sizeof(buf));
	bool hit = client && *loss != LOSS_NONE && n > 0 &&
		   memmem(buf, (size_t)n, word, sizeof(word) - 1) != NULL;

	if (n <= 0)
		return false;
	if (hit && *loss == LOSS_OF_COMMIT) {
		*loss = LOSS_NONE;
		return false;
	}
	if (write(to, buf, (size_t)n) != n)
		return false;
	if (hit) {
		struct pollfd done = { .fd = to, .events = POLLIN };

		*loss = LOSS_NONE;
		(void)poll(
			&done, 1, 10000); /* it has committed, and answers: we do not pass it on */
		return false;
	}
	return true;
}

static void relay(int client, volatile int *loss)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int up = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool on = true;

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/socket", server_dir());
	on = connect(up, (struct sockaddr *)&sa, sizeof(sa)) == 0;
	while (on) {
		struct pollfd p[2] = { { .fd = client, .events = POLLIN },
			{ .fd = up, .events = POLLIN } };

		if (poll(p, 2, -1) < 0)
			break;
		if (p[0].revents != 0)
			on = pass(client, up, true, loss);
		if (on && p[1].revents != 0)
			on = pass(up, client, false, loss);
	}
	(void)close(up);
	(void)close(client);
}

static pid_t start_proxy(const char *path, volatile int *loss)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_return_code(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), errno);
	assert_return_code(listen(fd, 8), errno);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) { /* one connection after the other is enough */
			int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

			if (client >= 0)
				relay(client, loss);
		}
	}
	(void)close(fd);
	return pid;
}

void a_lost_answer_is_looked_up(void **state)
{
	struct world *w = *state;
	volatile int *loss = mmap(
		NULL, sizeof(*loss), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[100], where[400], text[20];
	pid_t proxy;

	assert_ptr_not_equal(loss, MAP_FAILED);
	(void)snprintf(path, sizeof(path), "%s/proxy", w->dir);
	at_socket(path, where, sizeof(where));
	store_close(w->store);
	proxy = start_proxy(path, loss);
	w->where = where;
	w->store = open_store(w);
	for (int i = LOSS_OF_ANSWER; i <= LOSS_OF_COMMIT; i++) {
		struct store_job job;

		begin(w);
		job = insert(w, "py");
		*loss = i;
		commit(w);
		assert_int_equal(*loss, LOSS_NONE);
		assert_int_equal(read_job(w, &job.id).seq, job.seq);
	}
	admin("SELECT COUNT(*) FROM job", text, sizeof(text));
	assert_string_equal(text, "2");
	admin("SELECT COUNT(*) FROM job_event", text, sizeof(text));
	assert_string_equal(text, "2");
	store_close(w->store);
	w->store = NULL;
	(void)kill(proxy, SIGKILL);
	(void)waitpid(proxy, NULL, 0);
	(void)unlink(path);
	(void)munmap((void *)(uintptr_t)loss, sizeof(*loss));
}

void while_it_is_away_calls_fail(void **state)
{
	struct world *w = *state;
	struct store_job job;
	struct err err;
	int r;

	begin(w);
	job = insert(w, "py");
	commit(w);
	server("kill");
	r = store_job_get(w->store, &job.id, &job, &err);
	assert_true(r < 0 && r != -ENOENT);
	assert_int_equal(store_begin(w->store, &err), -ENOTCONN);
	assert_true(store_revive(w->store, &err) < 0);
	assert_null(strstr(err.msg, "test-password"));
	server("start");
	assert_int_equal(store_begin(w->store, &err), -ENOTCONN); /* nobody waits in this thread */
	assert_int_equal(store_revive(w->store, &err), 0);
	begin(w);
	(void)insert(w, "py");
	commit(w);
	assert_int_equal(read_job(w, &job.id).seq, job.seq);
}

static void assert_setting(struct store *store, const char *name, const char *value)
{
	char sql[100], text[20] = "";
	struct err err;

	(void)snprintf(sql, sizeof(sql), "SELECT @@SESSION.%s", name);
	assert_int_equal(
		mariadb_one_text(mariadb_of(store)->link, sql, text, sizeof(text), &err), 0);
	assert_string_equal(text, value);
}

/* The server does so where it has not heard of us for long. */
void a_session_that_was_ended_is_made_anew(void **state)
{
	struct world *w = *state;
	struct store_job job;

	assert_setting(w->store, "wait_timeout", "60");
	begin(w);
	job = insert(w, "py");
	commit(w);
	change("KILL USER dockgate");
	assert_int_equal(read_job(w, &job.id).seq, job.seq);
	change("KILL USER dockgate");
	begin(w);
	job = insert(w, "py");
	change("KILL USER dockgate");
	commit(w);
	assert_int_equal(read_job(w, &job.id).seq, job.seq);
	assert_setting(w->store, "wait_timeout", "60");
}

/* A machine stands still in the middle of a transaction: another one takes its job. */
void who_falls_silent_holds_nothing(void **state)
{
	struct world *w = *state;
	struct store *b = two_machines(w);
	struct world wb = of(b);
	struct store_job job;
	char sql[100];
	struct err err;

	begin(w);
	job = insert(w, "py");
	commit(w);
	begin(w);
	assert_int_equal(store_job_claim(w->store, job.seq, 0, "a", 7, 5, &err), 0);
	(void)snprintf(
		sql, sizeof(sql), "SELECT 1 FROM job WHERE seq = %" PRIu64 " FOR UPDATE", job.seq);
	change(sql); /* waits until the server has taken that back */
	begin(&wb);
	assert_int_equal(store_job_claim(b, job.seq, 0, "b", 8, 5, &err), 0);
	commit(&wb);
	assert_true(store_commit(w->store, &err) < 0); /* what it did cannot be done again */
	store_rollback(w->store);
	job = read_job(w, &job.id);
	assert_true(job.driver == 8);
	begin(w);
	(void)insert(w, "py");
	commit(w);
	store_close(b);
}

/* --- large bytes --- */

void large_bytes_are_kept_in_rows(void **state)
{
	const size_t n = 2 * 1024 * 1024 + 12345;
	struct world *w = *state;
	cleanup_free uint8_t *data = malloc(n), *back = malloc(n);
	int in = open(".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	int out = open(".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	char text[20];
	struct err err;

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 7 + i / 1000);
	assert_int_equal(pwrite(in, data, n, 0), n);
	if (store_file_put(w->store, "f1", in, n, &err) < 0)
		fail_msg("%s", err.msg);
	admin("SELECT COUNT(*) FROM file_chunk", text, sizeof(text));
	assert_string_equal(text, "3");
	assert_int_equal(store_file_get(w->store, "f1", out, n, &err), 0);
	assert_int_equal(pread(out, back, n, 0), n);
	assert_memory_equal(data, back, n);
	assert_true(store_file_put(w->store, "f1", in, n, &err) < 0); /* a name is taken once */
	change("DELETE FROM file_chunk WHERE n = 1");
	assert_int_equal(store_file_get(w->store, "f1", out, n, &err), -ENODATA);
	assert_int_equal(store_file_remove(w->store, "f1", &err), 0);
	admin("SELECT COUNT(*) FROM file_chunk", text, sizeof(text));
	assert_string_equal(text, "0");
	/* What nobody names for a day goes; what is new stays. */
	assert_int_equal(store_file_put(w->store, "new", in, 10, &err), 0);
	assert_int_equal(store_file_put(w->store, "old", in, 10, &err), 0);
	change("UPDATE job_file SET made = NOW() - INTERVAL 2 DAY WHERE name = 'old'");
	assert_int_equal(store_checkpoint(w->store, &err), 0);
	admin("SELECT GROUP_CONCAT(name) FROM job_file", text, sizeof(text));
	assert_string_equal(text, "new");
	(void)close(in);
	(void)close(out);
}
