/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "gateway/origin.h"

static char *listen_loopback[] = { (char[]){ "127.0.0.1:8080" }, (char[]){ "[::1]:8080" }, NULL };
static char *listen_all[] = { (char[]){ "0.0.0.0:80" }, NULL };
static char *names[] = { (char[]){ "jobs.example" }, (char[]){ "only.example:444" }, NULL };
static char *origins[] = { (char[]){ "https://app.example" }, NULL };
static char *any[] = { (char[]){ "https://app.example" }, (char[]){ "*" }, NULL };

static struct config config_with(char **listen, size_t n)
{
	return (struct config){
		.listen = { listen, n }, .server_names = { names, 2 }, .origins = { origins, 1 }
	};
}

static void hosts(void **state)
{
	static const struct {
		const char *host;
		bool loopback, all;
	} table[] = {
		{ NULL, true, true },
		{ "localhost", true, true },
		{ "LOCALHOST:99", true, true },
		{ "127.0.0.1", true, true },
		{ "127.0.0.1:8080", true, true },
		{ "[::1]", true, true },
		{ "[0:0::1]:8080", true, true },
		{ "10.0.0.1", false, true },
		{ "127.0.0.2", false, true },
		{ "jobs.example", true, true },
		{ "Jobs.Example:1", true, true },
		{ "only.example", false, false },
		{ "only.example:444", true, true },
		{ "evil.example", false, false },
		{ "127.0.0.1.evil.example", false, false },
		{ "localhost.", false, false },
		{ "", false, false },
		{ ":80", false, false },
		{ "[::1", false, false },
		{ "[::1]x", false, false },
		{ "[]", false, false },
		{ "localhost@evil", false, false },
		{ "127.1", false, false },
		{ "2130706433", false, false },
	};
	struct config loopback = config_with(listen_loopback, 2), all = config_with(listen_all, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(origin_host_known(&loopback, table[i].host), table[i].loopback);
		assert_int_equal(origin_host_known(&all, table[i].host), table[i].all);
	}
}

static void own_and_foreign(void **state)
{
	static const struct {
		const char *host, *origin;
		enum origin expected;
	} table[] = {
		{ "127.0.0.1:8080", NULL, ORIGIN_NONE },
		{ "127.0.0.1:8080", "http://127.0.0.1:8080", ORIGIN_NONE },
		{ "127.0.0.1:8080", "https://127.0.0.1:8080", ORIGIN_NONE },
		{ "127.0.0.1:8080", "http://127.0.0.1", ORIGIN_REFUSED },
		{ "127.0.0.1:8080", "http://127.0.0.1:8081", ORIGIN_REFUSED },
		{ "127.0.0.1:8080", "http://localhost:8080", ORIGIN_REFUSED },
		{ "jobs.example", "http://jobs.example", ORIGIN_NONE },
		{ "jobs.example", "https://jobs.example:443", ORIGIN_NONE },
		{ "jobs.example", "http://jobs.example:443", ORIGIN_REFUSED },
		{ "jobs.example", "https://app.example", ORIGIN_ALLOWED },
		{ "jobs.example", "https://app.example.evil", ORIGIN_REFUSED },
		{ "jobs.example", "https://app.example:8443", ORIGIN_REFUSED },
		{ "jobs.example", "http://app.example", ORIGIN_REFUSED },
		{ "jobs.example", "null", ORIGIN_REFUSED },
		{ "jobs.example", "", ORIGIN_REFUSED },
		{ "jobs.example", "file://jobs.example", ORIGIN_REFUSED },
		{ NULL, "http://jobs.example", ORIGIN_REFUSED },
	};
	struct config config = config_with(listen_loopback, 2);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(
			origin_check(&config, table[i].host, table[i].origin), table[i].expected);
}

static void any_origin_where_the_operator_says_so(void **state)
{
	struct config config = config_with(listen_loopback, 2);

	(void)state;
	config.origins = (struct strv){ any, 2 };
	assert_int_equal(origin_check(&config, "localhost", "https://evil.example"), ORIGIN_ANY);
	assert_int_equal(origin_check(&config, "localhost", "http://localhost"), ORIGIN_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(own_and_foreign),
		cmocka_unit_test(any_origin_where_the_operator_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
