/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/mariadb_dsn.h"

static struct mariadb_dsn parse(const char *text)
{
	struct mariadb_dsn dsn;
	struct err err;

	if (mariadb_dsn_parse(text, &dsn, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return dsn;
}

static void the_originals_string_is_taken(void **state)
{
	struct mariadb_dsn dsn = parse("Driver={MariaDB ODBC 3.1 Driver};SERVER=127.0.0.1;"
				       "USER=dock;PASSWORD=p a;DATABASE=exec;PORT=3307");

	(void)state;
	assert_string_equal(dsn.server, "127.0.0.1");
	assert_string_equal(dsn.user, "dock");
	assert_string_equal(dsn.password, "p a");
	assert_string_equal(dsn.database, "exec");
	assert_int_equal(dsn.port, 3307);
	assert_false(dsn.tls);
}

static void other_spellings_mean_the_same(void **state)
{
	struct mariadb_dsn dsn = parse(" host = h ; uid=u;pwd={a;}}b };db=d;option=3;;");

	(void)state;
	assert_string_equal(dsn.server, "h");
	assert_string_equal(dsn.user, "u");
	assert_string_equal(dsn.password, "a;}b ");
	assert_string_equal(dsn.database, "d");
	assert_int_equal(dsn.port, 3306);
	dsn = parse("SOCKET=/run/mysqld/mysqld.sock;UID=u;DB=d;PASSWORD=");
	assert_string_equal(dsn.socket, "/run/mysqld/mysqld.sock");
	assert_string_equal(dsn.password, "");
}

static void tls_is_what_was_asked_for(void **state)
{
	struct mariadb_dsn dsn = parse("SERVER=h;UID=u;DB=d;SSLCA=/ca.pem");

	(void)state;
	assert_true(dsn.tls && dsn.verify);
	assert_string_equal(dsn.ca, "/ca.pem");
	dsn = parse("SERVER=h;UID=u;DB=d;SSLCA=/ca.pem;SSLVERIFY=0");
	assert_true(dsn.tls && !dsn.verify);
	dsn = parse("SERVER=h;UID=u;DB=d;SSLMODE=required");
	assert_true(dsn.tls && !dsn.verify);
	dsn = parse("SERVER=h;UID=u;DB=d;SSLMODE=VERIFY_IDENTITY;SSLCERT=/c;SSLKEY=/k");
	assert_true(dsn.tls && dsn.verify);
}

static void each_mistake_is_named_and_nothing_is_quoted(void **state)
{
	static const struct {
		const char *text, *said;
	} bad[] = {
		{ "", "SERVER" },
		{ "SERVER=h;DATABASE=d", "USER" },
		{ "SERVER=h;USER=u", "DATABASE" },
		{ "SERVER=h;USER=u;DATABASE=d;PORT=SECRET", "PORT" },
		{ "SERVER=h;USER=u;DATABASE=d;PORT=0", "PORT" },
		{ "SERVER=h;USER=u;DATABASE=d;PORT=65536", "PORT" },
		{ "SERVER=h;USER=u;PASSWORD=x;SECRET=1;DATABASE=d", "part 4" },
		{ "SERVER=h;USER=u;PASSWORD=x;SECRET;DATABASE=d", "part 4" },
		{ "SERVER=h;USER=u;PASSWORD={SECRET;DATABASE=d", "PASSWORD" },
		{ "SERVER=h;USER=u;PASSWORD={SECRET}x;DATABASE=d", "PASSWORD" },
		{ "SERVER=h;USER=u;PASSWORD=x;PWD=SECRET;DATABASE=d", "twice" },
		{ "SERVER=h;SOCKET=/s;USER=u;DATABASE=d", "SOCKET" },
		{ "SOCKET=SECRET;USER=u;DATABASE=d", "SOCKET" },
		{ "SERVER=h;USER=u;DATABASE=d;SSLCERT=/c", "SSLKEY" },
		{ "SERVER=h;USER=u;DATABASE=d;SSLMODE=SECRET", "SSLMODE" },
		{ "SERVER=h;USER=u;DATABASE=d;SSLVERIFY=SECRET", "SSLVERIFY" },
		{ "SERVER=h;USER=u;DATABASE=d;SSLCA=SECRET", "SSLCA" },
		{ "SERVER=h;USER=u;DATABASE=d;SSLMODE=DISABLED;SSLCA=/c", "SSLMODE" },
		{ "SERVER=h;USER=u;\nDATABASE=d;PASSWORD=SECRET", "byte 17" },
	};
	struct mariadb_dsn dsn;
	char text[600];
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(mariadb_dsn_parse(bad[i].text, &dsn, &err), -EINVAL);
		if (strstr(err.msg, bad[i].said) == NULL)
			fail_msg("%s: %s", bad[i].text, err.msg);
		assert_null(strstr(err.msg, "SECRET"));
		assert_null(strchr(err.msg, '\n'));
	}
	(void)snprintf(text, sizeof(text), "SERVER=h;USER=u;DATABASE=%065d", 0);
	assert_int_equal(mariadb_dsn_parse(text, &dsn, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "DATABASE"));
}

static void put_file(const char *path, mode_t mode, const char *content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_return_code(fchmod(fd, mode), errno);
	(void)close(fd);
}

static void the_file_is_its_owners_alone(void **state)
{
	char dir[] = "/tmp/dockgate-dsn-XXXXXX";
	char path[64], *text = NULL;
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/f", dir);
	assert_int_equal(mariadb_dsn_read(path, 0, &text, &err), -ENOENT);
	put_file(path, 0640, "SERVER=h\n");
	assert_int_equal(mariadb_dsn_read(path, 0, &text, &err), 0);
	assert_string_equal(text, "SERVER=h");
	mariadb_dsn_wipe(text);
	put_file(path, 0644, "SERVER=h");
	assert_int_equal(mariadb_dsn_read(path, 0, &text, &err), -EACCES);
	assert_non_null(strstr(err.msg, "0640"));
	put_file(path, 0660, "SERVER=h");
	assert_int_equal(mariadb_dsn_read(path, 0, &text, &err), -EACCES);
	put_file(path, 0600, "");
	assert_int_equal(mariadb_dsn_read(path, 0, &text, &err), -EINVAL);
	assert_int_equal(mariadb_dsn_read(dir, 0, &text, &err), -EINVAL);
	(void)unlink(path);
	(void)rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_originals_string_is_taken),
		cmocka_unit_test(other_spellings_mean_the_same),
		cmocka_unit_test(tls_is_what_was_asked_for),
		cmocka_unit_test(each_mistake_is_named_and_nothing_is_quoted),
		cmocka_unit_test(the_file_is_its_owners_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
