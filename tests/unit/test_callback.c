/* SPDX-License-Identifier: MIT */
/* Where endings may be sent to: addresses as text, and which of them are everybody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/callback.h"

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage ret = { 0 };

	if (strchr(text, ':') != NULL) {
		ret.ss_family = AF_INET6;
		assert_int_equal(
			inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&ret)->sin6_addr), 1);
	} else {
		ret.ss_family = AF_INET;
		assert_int_equal(
			inet_pton(AF_INET, text, &((struct sockaddr_in *)&ret)->sin_addr), 1);
	}
	return ret;
}

static bool is_public(const char *text)
{
	struct sockaddr_storage a = address(text);

	return callback_is_public((const struct sockaddr *)&a);
}

static void what_is_an_address(void **state)
{
	struct callback_target t;
	struct err err;

	(void)state;
	assert_int_equal(callback_parse("https://Hooks.Example/a?b=c", &t, &err), 0);
	assert_true(t.tls);
	assert_string_equal(t.host, "hooks.example");
	assert_int_equal(t.port, 443);
	assert_false(t.is_address);
	assert_int_equal(callback_parse("HTTP://127.0.0.1:8080?x", &t, &err), 0);
	assert_true(t.is_address && !t.tls);
	assert_int_equal(t.port, 8080);
	assert_int_equal(callback_parse("http://[2001:db8::1]:81/", &t, &err), 0);
	assert_string_equal(t.host, "2001:db8::1");
	assert_int_equal(t.port, 81);
	assert_int_equal(callback_parse("http://x", &t, &err), 0);
	assert_int_equal(t.port, 80);
	assert_int_equal(callback_parse("http://a.b./", &t, &err), 0);
}

static void what_is_none(void **state)
{
	static const char *const bad[] = {
		"",
		"hooks.example",
		"//hooks.example/",
		"ftp://hooks.example/",
		"file:///etc/passwd",
		"gopher://x/",
		"http:///path",
		"http://",
		"http://:80/",
		"http://user@host/",
		"http://user:password@host/",
		"http://public.example@127.0.0.1/",
		"http://host:0/",
		"http://host:65536/",
		"http://host:/",
		"http://host:8x/",
		"http://host:80:90/",
		"http://127.1/",
		"http://2130706433/",
		"http://0x7f000001/",
		"http://0x7f.0.0.1/",
		"http://0177.0.0.1/",
		"http://127.0.0.01/",
		"http://127.0.0.1./x",
		"http://1.2.3.4.5/",
		"http://256.1.1.1/",
		"http://[::1/",
		"http://[::1]x/",
		"http://[fe80::1%25eth0]/",
		"http://[127.0.0.1]/",
		"http://a..b/",
		"http://.a/",
		"http://a b/",
		"http://a/\tb",
		"http://a/\r\nX: y",
		"http://a\\@b/",
		"http://b\303\274cher.example/",
		"http://a/#fragment",
		"http://a%2eb/",
		"http://0123456789012345678901234567890123456789012345678901234567890123/",
	};
	char longest[CALLBACK_URL_MAX + 2] = "http://a/";
	struct callback_target t;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (callback_parse(bad[i], &t, &err) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
	memset(longest + 9, 'a', CALLBACK_URL_MAX - 9);
	assert_int_equal(callback_parse(longest, &t, &err), 0);
	longest[CALLBACK_URL_MAX] = 'a';
	assert_int_equal(callback_parse(longest, &t, &err), -EINVAL);
}

static void who_is_everybodys(void **state)
{
	static const char *const good[] = { "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "128.0.0.1", "169.253.255.255", "172.15.0.1",
		"172.32.0.1", "192.167.1.1", "198.17.0.1", "198.20.0.1", "223.255.255.255",
		"2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "2001:4860:4860::8888" };
	static const char *const bad[] = { "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255",
		"100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254",
		"172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1",
		"192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1",
		"::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
		"64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "fc00::1", "fd00::1", "fe80::1",
		"fec0::1", "ff02::1", "2001::1", "2001:db8::1",
		"2002:7f00:1::", "2002:a00:1::", "3fff::1", "4000::1", "5f00::1" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!is_public(good[i]))
			fail_msg("%s is not for everybody", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (is_public(bad[i]))
			fail_msg("%s is for everybody", bad[i]);
}

static bool allowed(const struct strv *allow, const char *host, const char *text)
{
	struct sockaddr_storage a = address(text);

	return callback_allowed(allow, host, (const struct sockaddr *)&a);
}

static void what_is_allowed_besides(void **state)
{
	struct strv allow = { 0 };
	struct err err;

	(void)state;
	assert_false(allowed(&allow, "h", "10.1.2.3"));
	assert_true(allowed(&allow, "h", "8.8.8.8"));
	assert_int_equal(strv_add(&allow, "10.1.2.0/23", &err), 0);
	assert_int_equal(strv_add(&allow, "fd00::/8", &err), 0);
	assert_int_equal(strv_add(&allow, "127.0.0.9", &err), 0);
	assert_int_equal(strv_add(&allow, "hooks.example", &err), 0);
	assert_int_equal(strv_add(&allow, "*.lan", &err), 0);
	assert_true(allowed(&allow, "h", "10.1.3.255"));
	assert_true(allowed(&allow, "h", "::ffff:10.1.2.3"));
	assert_false(allowed(&allow, "h", "10.1.4.0"));
	assert_false(allowed(&allow, "h", "10.1.1.255"));
	assert_true(allowed(&allow, "h", "fd12::1"));
	assert_false(allowed(&allow, "h", "fc00::1"));
	assert_true(allowed(&allow, "h", "127.0.0.9"));
	assert_false(allowed(&allow, "h", "127.0.0.1"));
	assert_true(allowed(&allow, "Hooks.example", "127.0.0.1"));
	assert_false(allowed(&allow, "xhooks.example", "127.0.0.1"));
	assert_true(allowed(&allow, "a.lan", "::1"));
	assert_true(allowed(&allow, "a.b.lan", "::1"));
	assert_false(allowed(&allow, "lan", "::1"));
	assert_false(allowed(&allow, ".lan", "::1") && allowed(&allow, "alan", "::1"));
	strv_done(&allow);
}

static void what_the_list_may_hold(void **state)
{
	static const char *const good[] = { "10.0.0.0/8", "0.0.0.0/0", "::/0", "127.0.0.1",
		"fd00::/8", "hooks.example", "*.example", "localhost" };
	static const char *const bad[] = { "", "*", "*.", "10.0.0.0/33", "10.0.0/8", "::/129",
		"10.0.0.0/", "10.0.0.0/-1", "127.1", "http://x", "a b", "a/8", "x:80" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!callback_allow_ok(good[i]))
			fail_msg("%s was refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (callback_allow_ok(bad[i]))
			fail_msg("%s was taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_an_address),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(who_is_everybodys),
		cmocka_unit_test(what_is_allowed_besides),
		cmocka_unit_test(what_the_list_may_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
