/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/crowd.h"

#define MOST 2

static struct crowd *crowd;

static bool join(const char *address, struct crowd_member **ret)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(1) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(1) };

	if (strchr(address, ':') == NULL) {
		assert_int_equal(inet_pton(AF_INET, address, &v4.sin_addr), 1);
		return crowd_join(crowd, (const struct sockaddr *)&v4, MOST, ret);
	}
	assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	return crowd_join(crowd, (const struct sockaddr *)&v6, MOST, ret);
}

static int setup(void **state)
{
	(void)state;
	crowd = crowd_new();
	return crowd == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	crowd_free(crowd);
	return 0;
}

/* Pairs that are one address, and others that are not. */
static void who_is_who(void **state)
{
	static const struct {
		const char *one, *other;
		bool same;
	} table[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "2001:db8:1:2::1", "2001:db8:1:2:ffff::", true },
		{ "2001:db8:1:2::1", "2001:db8:1:3::1", false },
		{ "c000:201::", "192.0.2.1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct crowd_member *held[MOST], *other;

		for (int n = 0; n < MOST; n++) {
			assert_true(join(table[i].one, &held[n]));
			assert_non_null(held[n]);
		}
		assert_int_equal(join(table[i].other, &other), !table[i].same);
		crowd_leave(crowd, other);
		crowd_leave(crowd, held[0]);
		assert_true(join(table[i].other, &other));
		crowd_leave(crowd, other);
		crowd_leave(crowd, held[1]);
	}
}

static void loopback_and_unix_sockets_are_not_counted(void **state)
{
	static const char *const table[] = { "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1" };
	const struct sockaddr local = { .sa_family = AF_UNIX };
	struct crowd_member *member;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (int n = 0; n <= MOST; n++) {
			assert_true(join(table[i], &member));
			assert_null(member);
		}
	for (int n = 0; n <= MOST; n++) {
		assert_true(crowd_join(crowd, &local, MOST, &member));
		assert_null(member);
	}
}

static void what_is_held_is_the_address_s(void **state)
{
	struct crowd_member *one, *again, *other;

	(void)state;
	assert_true(join("192.0.2.1", &one));
	assert_true(join("192.0.2.1", &again));
	assert_true(join("192.0.2.2", &other));
	crowd_hold(one, CROWD_MEMORY, 5);
	crowd_hold(again, CROWD_MEMORY, 6);
	assert_int_equal(crowd_held(one, CROWD_MEMORY), 11);
	assert_int_equal(crowd_held(other, CROWD_MEMORY), 0);
	crowd_give_back(one, CROWD_MEMORY, 5);
	crowd_leave(crowd, one);
	assert_int_equal(crowd_held(again, CROWD_MEMORY), 6);
	crowd_give_back(again, CROWD_MEMORY, 6);
	assert_int_equal(crowd_held(again, CROWD_MEMORY), 0);
	crowd_leave(crowd, again);
	crowd_leave(crowd, other);
	crowd_hold(NULL, CROWD_MEMORY, 5);
	assert_int_equal(crowd_held(NULL, CROWD_MEMORY), 0);
	crowd_give_back(NULL, CROWD_MEMORY, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_is_who, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_held_is_the_address_s, setup, teardown),
		cmocka_unit_test_setup_teardown(
			loopback_and_unix_sockets_are_not_counted, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
