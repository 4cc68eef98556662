/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/utf8.h"
#include "document/base64.h"
#include "document/json_stream.h"
#include "document/json_text.h"
#include "document/measured.h"

static void assert_text(struct json_text *t, const char *expected)
{
	assert_false(t->failed);
	jt_raw(t, "", 1);
	assert_string_equal(t->buf, expected);
	jt_done(t);
}

static void commas_come_by_themselves(void **state)
{
	struct json_text t = { 0 };

	(void)state;
	jt_open(&t, '{');
	jt_key(&t, "a");
	jt_int(&t, -1);
	jt_key(&t, "b");
	jt_open(&t, '[');
	jt_bool(&t, true);
	jt_null(&t);
	jt_open(&t, '[');
	jt_close(&t, ']');
	jt_uint(&t, UINT64_MAX);
	jt_close(&t, ']');
	jt_member(&t, "\"c\"");
	jt_open(&t, '{');
	jt_close(&t, '}');
	jt_close(&t, '}');
	assert_text(&t, "{\"a\":-1,\"b\":[true,null,[],18446744073709551615],\"\\\"c\\\"\":{}}");
}

static void numbers_in_thousandths(void **state)
{
	static const struct {
		int64_t value;
		const char *text;
	} table[] = { { 0, "0" }, { 1, "0.001" }, { 10, "0.01" }, { 500, "0.5" }, { 1000, "1" },
		{ 1500, "1.5" }, { 10000, "10" }, { -1, "-0.001" }, { -12345, "-12.345" },
		{ INT64_MIN, "-9223372036854775.808" } };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct json_text t = { 0 };

		jt_thousandths(&t, table[i].value);
		assert_text(&t, table[i].text);
	}
}

static void stamps(void **state)
{
	static const struct {
		int64_t unix_ms;
		const char *text;
	} table[] = { { 0, "null" }, { 1, "\"1970-01-01T00:00:00.001Z\"" },
		{ 951868799999, "\"2000-02-29T23:59:59.999Z\"" },
		{ 1767225600020, "\"2026-01-01T00:00:00.020Z\"" },
		{ -1, "\"1970-01-01T00:00:00.000Z\"" },
		{ INT64_MAX, "\"1970-01-01T00:00:00.000Z\"" } };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct json_text t = { 0 };

		jt_time(&t, table[i].unix_ms);
		assert_text(&t, table[i].text);
	}
}

static void strings_are_escaped(void **state)
{
	struct json_text t = { 0 };

	(void)state;
	jt_strn(&t, "\"\\/\b\f\n\r\t\0\x1f\x7f\xc3\xbc", 13);
	assert_text(&t, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\xc3\xbc\"");
}

static void what_is_not_utf8_is_replaced_in_names(void **state)
{
	struct json_text t = { 0 };

	(void)state;
	jt_str(&t, "a\xff\xe2\x82z\"");
	assert_text(&t, "\"a\xef\xbf\xbd\xef\xbf\xbdz\\\"\"");
}

/* The whole text, its holes filled, read some bytes at a time. */
static char *filled(struct json_text *t, size_t at_once, size_t *ret_n)
{
	struct json_stream *stream;
	struct err err;
	uint64_t bytes;
	size_t n = 0;
	ssize_t got;
	char *text;

	assert_int_equal(json_stream_open(t, &stream, &err), 0);
	bytes = json_stream_bytes(stream);
	text = malloc(bytes + at_once);
	assert_non_null(text);
	while ((got = json_stream_read(stream, text + n, at_once)) > 0) {
		n += (size_t)got;
		assert_true(n <= bytes);
	}
	assert_int_equal(got, 0);
	assert_int_equal(n, bytes);
	json_stream_close(stream);
	*ret_n = n;
	return text;
}

/* The bytes that a `content` and its `encoding` stand for, read by another parser. */
static void assert_content(const struct blob *blob, uint64_t offset, const uint8_t *bytes, size_t n,
	const char *encoding)
{
	struct json_text t = { 0 };
	struct err err;
	json_t *root, *content;
	uint8_t *decoded = malloc(n + 8);
	size_t decoded_n = 0, text_n;
	char *text;

	jt_open(&t, '{');
	assert_int_equal(jt_content(&t, blob, offset, n, &err), 0);
	jt_close(&t, '}');
	assert_false(t.failed);
	text = filled(&t, 1 + n % 7001, &text_n);
	root = json_loadb(text, text_n, JSON_ALLOW_NUL, NULL);
	assert_non_null(root);
	free(text);
	content = json_object_get(root, "content");
	assert_string_equal(json_string_value(json_object_get(root, "encoding")), encoding);
	assert_non_null(decoded);
	if (strcmp(encoding, "utf8") == 0) {
		assert_int_equal(json_string_length(content), n);
		assert_memory_equal(json_string_value(content), bytes, n);
	} else {
		uint8_t *larger = realloc(decoded, json_string_length(content) + 8);

		assert_non_null(larger);
		decoded = larger;
		assert_int_equal(base64_decode(json_string_value(content),
					 json_string_length(content), decoded, &decoded_n, &err),
			0);
		assert_int_equal(decoded_n, n);
		assert_memory_equal(decoded, bytes, n);
	}
	free(decoded);
	json_decref(root);
	jt_done(&t);
}

/* Every byte value, pieces' borders in the middle of characters and groups, from memory and from
 * files. */
static void content_comes_back(void **state)
{
	size_t n = 200003;
	uint8_t *bytes = malloc(n);
	static const uint8_t euro[] = { 0xe2, 0x82, 0xac };
	struct blob inline_blob = BLOB_EMPTY, file_blob;
	struct err err;
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(bytes);
	assert_non_null(file);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(i * 7 >> 3);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(fputc(bytes[i], file), bytes[i]);
	assert_int_equal(fflush(file), 0);
	file_blob = blob_of_fd(fileno(file), n);
	assert_int_equal(blob_of(bytes, n, &inline_blob, &err), 0);
	for (size_t from = 0; from < 4; from++) {
		assert_content(&inline_blob, from, bytes + from, n - from - 1, "base64");
		assert_content(&file_blob, from, bytes + from, n - from - 1, "base64");
	}
	for (size_t i = 0; i + 3 <= n; i += 3)
		memcpy(bytes + i, euro, sizeof(euro));
	blob_done(&inline_blob);
	assert_int_equal(blob_of(bytes, n - n % 3, &inline_blob, &err), 0);
	assert_content(&inline_blob, 0, bytes, n - n % 3, "utf8");
	assert_content(&inline_blob, 3, bytes + 3, 90000, "utf8");
	assert_content(&inline_blob, 1, bytes + 1, 90000, "base64");
	assert_content(&inline_blob, 0, bytes, 90001, "base64");
	blob_done(&inline_blob);
	(void)fclose(file);
	free(bytes);
}

/* What takes more characters than bytes, in a file that is read while the text is sent. */
static void escaped_content_of_a_file(void **state)
{
	uint8_t bytes[100000];
	struct json_text t = { 0 };
	FILE *file = tmpfile();
	struct blob blob;
	struct err err;

	(void)state;
	assert_non_null(file);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i % 128);
	assert_int_equal(fwrite(bytes, 1, sizeof(bytes), file), sizeof(bytes));
	assert_int_equal(fflush(file), 0);
	blob = blob_of_fd(fileno(file), sizeof(bytes));
	assert_content(&blob, 0, bytes, sizeof(bytes), "utf8");
	assert_content(&blob, 5, bytes + 5, 50000, "utf8");
	jt_open(&t, '{');
	assert_int_equal(jt_content(&t, &blob, 0, blob.len, &err), 0);
	assert_int_equal(t.n_holes, 1);
	assert_true(t.len < 100);
	jt_done(&t);
	(void)fclose(file);
}

/* Asked for again, it is not read again, but where it has changed. */
/* As many as a job of a thousand cases has. */
static void all_pieces_of_a_job_are_kept(void **state)
{
	const uint64_t n = 2000, len = UINT64_C(16) << 20;
	uint64_t known = 0;
	struct measured found;
	int fd = memfd_create("test", MFD_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	for (uint64_t i = 0; i < n; i++)
		measured_keep(fd, i * len, len, &(struct measured){ .utf8 = true, .chars = i });
	for (uint64_t i = 0; i < n; i++) {
		if (!measured_find(fd, i * len, len, &found))
			continue;
		assert_int_equal(found.chars, i);
		known++;
	}
	assert_in_range(known, n - n / 100, n); /* some may have fallen into the same places */
	assert_false(measured_find(fd, n * len, len, &found));
	close(fd);
}

static void a_large_file_is_measured_once(void **state)
{
	static uint8_t bytes[MEASURED_MIN + 7];
	FILE *file = tmpfile();
	struct measured found;
	struct blob blob;

	(void)state;
	assert_non_null(file);
	memset(bytes, '"', sizeof(bytes));
	assert_int_equal(fwrite(bytes, 1, sizeof(bytes), file), sizeof(bytes));
	assert_int_equal(fflush(file), 0);
	blob = blob_of_fd(fileno(file), sizeof(bytes));
	assert_false(measured_find(blob.fd, 0, blob.len, &found));
	for (int i = 0; i < 2; i++) {
		assert_content(&blob, 0, bytes, sizeof(bytes), "utf8");
		assert_content(&blob, 7, bytes, MEASURED_MIN, "utf8");
		assert_true(measured_find(blob.fd, 0, blob.len, &found));
		assert_true(found.utf8);
		assert_int_equal(found.chars, 2 * sizeof(bytes));
		assert_true(measured_find(blob.fd, 7, MEASURED_MIN, &found));
		assert_int_equal(found.chars, 2 * MEASURED_MIN);
	}
	assert_content(&blob, 0, bytes, MEASURED_MIN - 1, "utf8");
	assert_false(measured_find(blob.fd, 0, MEASURED_MIN - 1, &found));

	bytes[3] = 0xff;
	assert_int_equal(fwrite(bytes, 1, sizeof(bytes), file), sizeof(bytes)); /* behind them */
	assert_int_equal(fflush(file), 0);
	assert_int_equal(pwrite(blob.fd, bytes, 4, 0), 4);
	assert_content(&blob, 0, bytes, sizeof(bytes), "base64");
	(void)fclose(file);
}

static void content_of_a_short_file_fails(void **state)
{
	struct json_text t = { 0 };
	struct err err;
	FILE *file = tmpfile();
	struct blob blob;

	(void)state;
	assert_non_null(file);
	blob = blob_of_fd(fileno(file), 10);
	jt_open(&t, '{');
	assert_true(jt_content(&t, &blob, 0, 10, &err) < 0);
	jt_done(&t);
	(void)fclose(file);
}

static void utf8_is_told_from_other_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		bool good;
	} table[] = { { "", 0, true }, { "abc\0", 4, true }, { "\xc3\xa9", 2, true },
		{ "\xc3", 1, false }, { "\xc0\xaf", 2, false }, { "\xc1\xbf", 2, false },
		{ "\xe0\x9f\xbf", 3, false }, { "\xe0\xa0\x80", 3, true },
		{ "\xed\x9f\xbf", 3, true }, { "\xed\xa0\x80", 3, false },
		{ "\xef\xbf\xbf", 3, true }, { "\xf0\x8f\xbf\xbf", 4, false },
		{ "\xf0\x90\x80\x80", 4, true }, { "\xf4\x8f\xbf\xbf", 4, true },
		{ "\xf4\x90\x80\x80", 4, false }, { "\xf5\x80\x80\x80", 4, false },
		{ "\x80", 1, false }, { "\xe2\x82", 2, false }, { "\xe2\x28\xa1", 3, false },
		{ "\xff", 1, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct utf8_check check = { 0 };
		bool good = true;

		assert_int_equal(utf8_valid(table[i].bytes, table[i].n), table[i].good);
		for (size_t k = 0; k < table[i].n; k++)
			good = good && utf8_check_feed(&check, table[i].bytes + k, 1);
		assert_int_equal(good && utf8_check_end(&check), table[i].good);
	}
}

static void base64_is_strict(void **state)
{
	static const char *const bad[] = { "Y", "YQ",
		"YQ=", "YR==", "YWJ=", "Y Q=", "YQ==YQ==", "=YQ=", "Y===", "====", "YQ=a",
		"Y\nQ=", "YWJj\n", "YW-_" };
	uint8_t out[16];
	struct err err;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(base64_decode(bad[i], strlen(bad[i]), out, &n, &err), -EINVAL);
	assert_int_equal(base64_decode("", 0, out, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(base64_decode("YWI=", 4, out, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_memory_equal(out, "ab", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_come_by_themselves),
		cmocka_unit_test(numbers_in_thousandths),
		cmocka_unit_test(stamps),
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(what_is_not_utf8_is_replaced_in_names),
		cmocka_unit_test(content_comes_back),
		cmocka_unit_test(escaped_content_of_a_file),
		cmocka_unit_test(a_large_file_is_measured_once),
		cmocka_unit_test(all_pieces_of_a_job_are_kept),
		cmocka_unit_test(content_of_a_short_file_fails),
		cmocka_unit_test(utf8_is_told_from_other_bytes),
		cmocka_unit_test(base64_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
