/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "queue/clients.h"

static struct config *parsed(const char *text)
{
	struct config *config = NULL;
	struct err err;

	if (config_parse(text, "t.conf", NULL, NULL, &config, &err) < 0)
		fail_msg("%s", err.msg);
	return config;
}

/* --- tokens --- */

static void a_token_is_known_by_its_hash(void **state)
{
	char one[CLIENT_TOKEN_CHARS + 1], other[CLIENT_TOKEN_CHARS + 1];
	uint8_t hash[CLIENT_HASH_BYTES], again[CLIENT_HASH_BYTES];
	struct err err;

	(void)state;
	assert_int_equal(client_token_new(one, hash, &err), 0);
	assert_int_equal(strlen(one), CLIENT_TOKEN_CHARS);
	assert_int_equal(strncmp(one, "dg_", 3), 0);
	client_token_hash(one, again);
	assert_true(client_hash_equal(hash, again));
	assert_int_equal(client_token_new(other, again, &err), 0);
	assert_string_not_equal(one, other);
	assert_false(client_hash_equal(hash, again));
}

/* Wherever they differ: at the first byte, at the last, in one bit. */
static void hashes_are_compared_whole(void **state)
{
	uint8_t a[CLIENT_HASH_BYTES] = { 7 }, b[CLIENT_HASH_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(a) * 8; i++) {
		memcpy(b, a, sizeof(b));
		assert_true(client_hash_equal(a, b));
		b[i / 8] ^= (uint8_t)(1U << i % 8);
		assert_false(client_hash_equal(a, b));
	}
}

static void hashes_are_read(void **state)
{
	static const char *const bad[] = { "", "sha256:", "sha256:00",
		"sha512:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
		"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0",
		" sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde" };
	uint8_t hash[CLIENT_HASH_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(client_hash_parse(bad[i], hash));
	assert_true(client_hash_parse(
		"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", hash));
	assert_int_equal(hash[0], 0x01);
	assert_int_equal(hash[31], 0xef);
}

static void a_list_of_tasks(void **state)
{
	struct client client;

	(void)state;
	client_default(&client, "c");
	assert_true(client_may_use(&client, "py"));
	assert_true(client_may_use(&client, ""));
	(void)snprintf(client.tasks, sizeof(client.tasks), "py,c-plus,b");
	assert_true(client_may_use(&client, "py"));
	assert_true(client_may_use(&client, "c-plus"));
	assert_true(client_may_use(&client, "b"));
	assert_false(client_may_use(&client, "p"));
	assert_false(client_may_use(&client, "pyt"));
	assert_false(client_may_use(&client, "py,c-plus"));
	assert_false(client_may_use(&client, ""));
}

/* --- the bucket --- */

static void a_burst_then_the_rate(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 3, 1000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(bucket_take(&bucket, 2000, 3, 1000), 0);
	assert_int_equal(bucket_take(&bucket, 2000, 3, 1000), 500);
	assert_int_equal(bucket_take(&bucket, 2000, 3, 1499), 1);
	assert_int_equal(bucket_take(&bucket, 2000, 3, 1500), 0);
	assert_int_equal(bucket_take(&bucket, 2000, 3, 1500), 500);
}

static void a_bucket_holds_no_more_than_its_burst(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 2, 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(bucket_take(&bucket, 1000, 2, INT64_C(1) << 50), 0);
	assert_true(bucket_take(&bucket, 1000, 2, INT64_C(1) << 50) > 0);
}

/* Asking often, a little at a time, gets no less and no more than the rate. */
static void small_steps_lose_nothing(void **state)
{
	struct bucket bucket;
	int got = 0;

	(void)state;
	bucket_init(&bucket, 1, 0);
	for (int64_t ms = 0; ms <= 1000 * 1000; ms++)
		got += bucket_take(&bucket, 300, 1, ms) == 0;
	assert_in_range(got, 299, 302);
}

static void a_clock_that_goes_back_fills_nothing(void **state)
{
	struct bucket bucket;

	(void)state;
	bucket_init(&bucket, 1, 5000);
	assert_int_equal(bucket_take(&bucket, 1000, 1, 5000), 0);
	assert_int_equal(bucket_take(&bucket, 1000, 1, 1000), 1000);
	assert_int_equal(bucket_take(&bucket, 1000, 1, 6000), 0);
}

/* --- the table --- */

static void clients_come_and_go(void **state)
{
	struct config *config = parsed("");
	struct client client;
	struct client_state *one, *nameless;
	struct clients clients;
	struct err err;
	uint32_t serial;

	(void)state;
	assert_int_equal(clients_init(&clients, config, &err), 0);
	assert_false(clients.needed);
	nameless = clients.nameless;
	assert_ptr_equal(clients_get(&clients, ""), nameless);
	assert_null(clients_by_token(&clients, "dg_1"));
	client_default(&client, "one");
	client_token_hash("dg_1", client.token_hash);
	client.rate = 2500;
	one = clients_put(&clients, &client, false, 0);
	assert_non_null(one);
	assert_int_equal(one->client.burst, 3);
	assert_ptr_equal(clients_by_token(&clients, "dg_1"), one);
	assert_null(clients_by_token(&clients, "dg_2"));
	serial = one->serial;
	one->waiting = 7;
	clients_revoke(&clients, one);
	assert_null(clients_by_token(&clients, "dg_1"));
	assert_ptr_equal(clients_find(&clients, "one"), one);
	assert_true(one->serial > serial);
	assert_int_equal(one->client.rate, 0);
	client_token_hash("dg_2", client.token_hash);
	assert_ptr_equal(clients_put(&clients, &client, false, 0), one);
	assert_ptr_equal(clients_by_token(&clients, "dg_2"), one);
	assert_int_equal(one->waiting, 7);
	assert_int_equal(clients.n_known, 1);
	clients_done(&clients);
	config_free(config);
}

static void the_configuration_has_clients(void **state)
{
	struct config *config = parsed(
		"task \"t\" { image = \"i\" command = {\"a\"} }\n"
		"client \"a\" {\n token_hash = "
		"\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n"
		" weight = 9\n tasks = {\"t\"}\n rate = 0.25\n operator = true\n}\n");
	struct client_state *a;
	struct clients clients;
	struct err err;

	(void)state;
	assert_int_equal(clients_init(&clients, config, &err), 0);
	assert_true(clients.needed);
	a = clients_find(&clients, "a");
	assert_non_null(a);
	assert_true(a->known && a->configured && a->client.is_operator);
	assert_int_equal(a->client.weight, 9);
	assert_int_equal(a->client.rate, 250);
	assert_int_equal(a->client.burst, 1);
	assert_string_equal(a->client.tasks, "t");
	clients_done(&clients);
	config_free(config);
}

/* What would be a client, and is a mistake. */
static void bad_clients(void **state)
{
#define HASH            \
	"token_hash = " \
	"\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\" "
	static const struct {
		const char *text, *word;
	} bad[] = {
		{ "client \"a\" { }", "token_hash" },
		{ "client \"a\" { " HASH "token_file = \"/x\" }", "one of the two" },
		{ "client \"A\" { " HASH "}", "a-z" },
		{ "client \"a\" { token_hash = \"secret\" }", "sha256:" },
		{ "client \"a\" { " HASH "weight = 0 }", "weight" },
		{ "client \"a\" { " HASH "tasks = {\"none\"} }", "none" },
		{ "client \"a\" { " HASH "burst = 2 }", "rate" },
		{ "client \"a\" { " HASH "rate = -1 }", "rate" },
		{ "client \"a\" { " HASH "colour = 1 }", "colour" },
		{ "client \"a\" { " HASH "}\nclient \"a\" { " HASH "}", "once" },
		{ "client \"a\" { " HASH "}\nclient \"b\" { " HASH "}", "of its own" },
		{ "auth = none\nclient \"a\" { " HASH "}", "auth" },
		{ "auth = maybe", "tokens" },
		{ "listen = {\"10.0.0.1:80\"}", "auth = none" },
	};
	struct config *config;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
			config_parse(bad[i].text, "t.conf", NULL, NULL, &config, &err), -EINVAL);
		if (strstr(err.msg, bad[i].word) == NULL)
			fail_msg("%s: %s", bad[i].text, err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_known_by_its_hash),
		cmocka_unit_test(hashes_are_compared_whole),
		cmocka_unit_test(hashes_are_read),
		cmocka_unit_test(a_list_of_tasks),
		cmocka_unit_test(a_burst_then_the_rate),
		cmocka_unit_test(a_bucket_holds_no_more_than_its_burst),
		cmocka_unit_test(small_steps_lose_nothing),
		cmocka_unit_test(a_clock_that_goes_back_fills_nothing),
		cmocka_unit_test(clients_come_and_go),
		cmocka_unit_test(the_configuration_has_clients),
		cmocka_unit_test(bad_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
