/* SPDX-License-Identifier: MIT */
#include "queue_database.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void run_sql(MYSQL *db, const char *sql)
{
	if (mysql_query(db, sql) != 0)
		fail_msg("%s: %s", sql, mysql_error(db));
}

void change(const char *sql)
{
	MYSQL *db = admin_open();

	run_sql(db, "USE dockgate_test");
	run_sql(db, sql);
	mysql_close(db);
}

void new_database(void)
{
	MYSQL *db = admin_open();

	run_sql(db, "DROP DATABASE IF EXISTS dockgate_test");
	run_sql(db, "CREATE DATABASE dockgate_test");
	mysql_close(db);
}

void dsn_text(char *ret, size_t size)
{
	(void)snprintf(ret, size,
		"SOCKET=%s/socket;USER=dockgate;PASSWORD=test-password;DATABASE=dockgate_test",
		server_dir());
}

void use_database(struct world *w, const char *dsn, const char *more)
{
	char path[100], text[2000];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/dsn", w->dir);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(dsn, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_return_code(chmod(path, 0600), errno);
	(void)snprintf(text, sizeof(text), "database_file = \"%s\"\n%s%s", path, more, usual_text);
	set_text(w, text);
}

int setup_alone(void **state)
{
	int r = setup(state);
	char dsn[400];

	if (r != 0)
		return r;
	new_database();
	dsn_text(dsn, sizeof(dsn));
	use_database(*state, dsn, "");
	return 0;
}
