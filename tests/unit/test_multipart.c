/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/multipart.h"

/* What was heard, as text: "name|filename|data;" for each part. */
struct heard {
	char text[8192];
	size_t n;
};

static void add(struct heard *heard, const char *text, size_t n)
{
	assert_true(heard->n + n < sizeof(heard->text));
	memcpy(heard->text + heard->n, text, n);
	heard->n += n;
	heard->text[heard->n] = '\0';
}

static int on_begin(void *arg, const char *name, const char *filename, struct err *err)
{
	(void)err;
	add(arg, name, strlen(name));
	add(arg, "|", 1);
	if (filename != NULL)
		add(arg, filename, strlen(filename));
	add(arg, "|", 1);
	return 0;
}

static int on_data(void *arg, const char *data, size_t n, struct err *err)
{
	(void)err;
	add(arg, data, n);
	return 0;
}

static int on_end(void *arg, struct err *err)
{
	(void)err;
	add(arg, ";", 1);
	return 0;
}

static const struct multipart_ops ops = { on_begin, on_data, on_end };

/* In pieces of `step` bytes. */
static int feed(const char *body, size_t n, size_t step, struct heard *heard, struct err *err)
{
	struct multipart *mp = malloc(sizeof(*mp));
	int r = 0;

	assert_non_null(mp);
	*heard = (struct heard){ 0 };
	multipart_init(mp, "b", &ops, heard);
	for (size_t i = 0; i < n && r == 0; i += step) {
		size_t len = n - i < step ? n - i : step;
		char *piece = malloc(len);

		assert_non_null(piece);
		memcpy(piece, body + i, len);
		r = multipart_feed(mp, piece, len, err);
		free(piece);
	}
	if (r == 0)
		r = multipart_finish(mp, err);
	free(mp);
	return r;
}

#define PART(head, data) "--b\r\nContent-Disposition: form-data; " head "\r\n\r\n" data "\r\n"

static void good_ones(void **state)
{
	static const struct {
		const char *body, *heard;
	} table[] = {
		{ "--b--", "" },
		{ "preamble\r\n--b--\r\nepilogue", "" },
		{ PART("name=\"a\"", "x") "--b--\r\n", "a||x;" },
		{ PART("name=a", "") "--b--", "a||;" },
		{ PART("name=\"a\"; filename=\"f\"", "\r\n") PART("name=\"c\"", "--a") "--b--",
			"a|f|\r\n;c||--a;" },
		{ PART("name=\"a\"; filename=\"q\\\"\\\\;x\"", "\r\n--\r\n-b\r\n--c") "--b--",
			"a|q\"\\;x|\r\n--\r\n-b\r\n--c;" },
		{ PART("name=\"a\"; filename=\"x\"; filename*=UTF-8''%e2%82%ac%20",
			  "\r\r\n\r") "--b--",
			"a|\xe2\x82\xac |\r\r\n\r;" },
		{ PART("filename=\"name=z\"; name=\"a\"", "1") "--b--", "a|name=z|1;" },
		{ "--b\r\nX: y\r\ncontent-disposition:form-data;name=\"a\"\r\nContent-Type: "
		  "text/plain\r\n\r\n1\r\n--b--",
			"a||1;" },
	};
	struct heard heard;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (size_t step = 1; step < 80; step++) {
			assert_int_equal(
				feed(table[i].body, strlen(table[i].body), step, &heard, &err), 0);
			assert_string_equal(heard.text, table[i].heard);
		}
	}
}

static void bad_ones(void **state)
{
	static const char *const table[] = {
		"",
		"--b",
		"--b\r\n",
		"--c--",
		PART("name=\"a\"", "x"),
		PART("name=\"a\"", "x") "--b-",
		"--bx\r\n",
		"--b\r\nX: y\r\n\r\nx\r\n--b--",
		PART("filename=\"a\"", "x") "--b--",
		PART("name=\"a", "x") "--b--",
		PART("name=\"a\"; filename*=latin1''x", "x") "--b--",
		PART("name=\"a\"; filename*=UTF-8''%zz", "x") "--b--",
		PART("name=\"a\"; filename*=UTF-8''%00", "x") "--b--",
		PART("name=\"a\"; filename*=UTF-8''%4", "x") "--b--",
	};
	struct heard heard;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(feed(table[i], strlen(table[i]), 3, &heard, &err), -EINVAL);
	assert_int_equal(feed("--b\r\nContent-Disposition: \0", 27, 5, &heard, &err), -EINVAL);
}

static void a_head_has_an_end(void **state)
{
	static const char begin[] = { '-', '-', 'b', '\r', '\n' };
	char *body = malloc(100000);
	struct heard heard;
	struct err err;

	(void)state;
	assert_non_null(body);
	memset(body, 'x', 100000);
	memcpy(body, begin, sizeof(begin));
	assert_int_equal(feed(body, 100000, 4096, &heard, &err), -EINVAL);
	free(body);
}

static void boundaries(void **state)
{
	static const struct {
		const char *type, *boundary;
	} table[] = {
		{ "multipart/form-data; boundary=abc", "abc" },
		{ "Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"; x=y", "a b" },
		{ "multipart/form-data; boundary=a;x", "a" },
		{ "multipart/form-data", NULL },
		{ "multipart/form-data; boundary=", NULL },
		{ "multipart/form-data; boundary=\"\"", NULL },
		{ "multipart/form-data; boundary=\"a \"", NULL },
		{ "multipart/form-data; boundary=a\"b", NULL },
		{ "multipart/form-data; boundary=\"a\r\nb\"", NULL },
		{ "multipart/form-data; "
		  "boundary="
		  "12345678901234567890123456789012345678901234567890123456789012345678901",
			NULL },
		{ "multipart/mixed; boundary=a", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char boundary[MULTIPART_BOUNDARY_MAX + 1];
		struct err err;
		int r = multipart_boundary(table[i].type, boundary, &err);

		assert_int_equal(r, table[i].boundary == NULL ? -EINVAL : 0);
		if (r == 0)
			assert_string_equal(boundary, table[i].boundary);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),
		cmocka_unit_test(bad_ones),
		cmocka_unit_test(a_head_has_an_end),
		cmocka_unit_test(boundaries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
