/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#include "wire/spec.h"

#define INPUT     1000
#define VERSION_2 3 /* bytes that it added, at the end */

static void add(struct strv *sv, const char *text)
{
	struct err err;

	assert_int_equal(strv_add(sv, text, &err), 0);
}

/* One of everything. */
static void fill(struct spec *spec)
{
	spec_init(spec);
	spec->task = strdup("python");
	add(&spec->command, "python3");
	add(&spec->args, "a b");
	add(&spec->args, "");
	add(&spec->env, "X=1");
	spec->has_build = true;
	add(&spec->build_command, "make");
	spec->build_limits.v[LIMIT_CPU] = 5;
	spec->limits.v[LIMIT_WALL] = 77;
	spec->has_stdin = true;
	spec->stdin_ = (struct extent){ 10, 20 };
	spec->files = calloc(2, sizeof(*spec->files));
	spec->n_files = 2;
	spec->files[0] = (struct spec_file){ .name = strdup("dir/main.py"), .data = { 0, 10 } };
	spec->files[1] = (struct spec_file){
		.name = strdup("run"), .data = { INPUT, 0 }, .executable = true
	};
	spec->cases = calloc(1, sizeof(*spec->cases));
	spec->n_cases = 1;
	limits_unset(&spec->cases[0].limits);
	spec->cases[0].compare = COMPARE_TOKENS;
	add(&spec->cases[0].args, "7");
	spec->cases[0].has_expected = true;
	spec->cases[0].expected = (struct extent){ 30, 970 };
	spec->compare = COMPARE_CHECKER;
	spec->has_collect = true;
	add(&spec->collect, "**/*.png");
	add(&spec->labels, "who");
	add(&spec->labels, "me");
}

static void what_is_packed_comes_back(void **state)
{
	struct spec spec, back;
	struct blob blob;
	struct err err;

	(void)state;
	fill(&spec);
	assert_int_equal(spec_pack(&spec, &blob, &err), 0);
	assert_int_equal(spec_unpack(blob.data, blob.len, INPUT, &back, &err), 0);
	assert_string_equal(back.task, "python");
	assert_null(back.image);
	assert_string_equal(back.args.v[0], "a b");
	assert_string_equal(back.args.v[1], "");
	assert_int_equal(back.build_limits.v[LIMIT_CPU], 5);
	assert_int_equal(back.limits.v[LIMIT_WALL], 77);
	assert_int_equal(back.limits.v[LIMIT_CPU], LIMIT_UNSET);
	assert_string_equal(back.files[0].name, "dir/main.py");
	assert_true(back.files[1].executable);
	assert_int_equal(back.cases[0].expected.len, 970);
	assert_false(back.cases[0].has_stdin);
	assert_string_equal(back.collect.v[0], "**/*.png");
	assert_int_equal(back.labels.n, 2);
	assert_int_equal(back.compare, COMPARE_CHECKER);
	assert_int_equal(back.cases[0].compare, COMPARE_TOKENS);
	blob_done(&blob);
	spec_done(&spec);
	spec_done(&back);
}

/* Every shorter record, and a longer one, is refused; nothing is read beyond its end. */
static void a_cut_record_is_refused(void **state)
{
	struct spec spec, back;
	struct blob blob;
	struct err err;

	(void)state;
	fill(&spec);
	assert_int_equal(spec_pack(&spec, &blob, &err), 0);
	for (size_t n = 0; n < blob.len; n++) {
		uint8_t *exact = malloc(n + 1);

		memcpy(exact, blob.data, n);
		assert_int_equal(spec_unpack(exact, n, INPUT, &back, &err), -EBADMSG);
		free(exact);
	}
	assert_int_equal(spec_unpack(blob.data, blob.len, INPUT - 1, &back, &err), -EBADMSG);
	blob_done(&blob);
	spec_done(&spec);
}

/* As a service of the version before wrote it: its jobs wait through an update. */
static void a_record_of_the_version_before_is_read(void **state)
{
	struct spec spec, back;
	struct blob blob;
	struct err err;

	(void)state;
	fill(&spec);
	assert_int_equal(spec_pack(&spec, &blob, &err), 0);
	blob.data[0] = 1;
	assert_int_equal(spec_unpack(blob.data, blob.len, INPUT, &back, &err), -EBADMSG);
	assert_int_equal(spec_unpack(blob.data, blob.len - VERSION_2, INPUT, &back, &err), 0);
	assert_string_equal(back.labels.v[1], "me");
	assert_false(back.open_stdin);
	assert_int_equal(back.compare, COMPARE_MAX_);
	assert_int_equal(back.cases[0].compare, COMPARE_MAX_);
	spec_done(&back);
	blob.data[0] = SPEC_VERSION + 1;
	assert_int_equal(spec_unpack(blob.data, blob.len, INPUT, &back, &err), -EBADMSG);
	blob_done(&blob);
	spec_done(&spec);
}

/* An open stdin is all that there is of it. */
static void an_open_stdin(void **state)
{
	struct spec spec, back;
	struct blob blob;
	struct err err;

	(void)state;
	for (int i = 0; i < 3; i++) {
		spec_init(&spec);
		spec.task = strdup("python");
		spec.open_stdin = true;
		spec.has_stdin = i == 1;
		if (i == 2) {
			spec.cases = calloc(1, sizeof(*spec.cases));
			spec.n_cases = 1;
			limits_unset(&spec.cases[0].limits);
		}
		assert_int_equal(spec_pack(&spec, &blob, &err), 0);
		assert_int_equal(
			spec_unpack(blob.data, blob.len, 0, &back, &err), i == 0 ? 0 : -EBADMSG);
		if (i == 0) {
			assert_true(back.open_stdin);
			spec_done(&back);
		}
		blob_done(&blob);
		spec_done(&spec);
	}
}

/* Any single byte may be anything: the answer is a record or a refusal, never a crash. */
static void a_damaged_record_does_no_harm(void **state)
{
	struct spec spec, back;
	struct blob blob;
	struct err err;
	int refused = 0;

	(void)state;
	fill(&spec);
	assert_int_equal(spec_pack(&spec, &blob, &err), 0);
	for (size_t i = 0; i < blob.len; i++)
		for (unsigned v = 1; v < 256; v += 7) {
			blob.data[i] ^= (uint8_t)v;
			if (spec_unpack(blob.data, blob.len, INPUT, &back, &err) == 0)
				spec_done(&back);
			else
				refused++;
			blob.data[i] ^= (uint8_t)v;
		}
	assert_true(refused > 1000);
	blob_done(&blob);
	spec_done(&spec);
}

static void names_of_files(void **state)
{
	static const struct {
		const char *name;
		size_t n;
		const char *why; /* NULL: good */
	} rows[] = {
		{ "a", 1, NULL },
		{ "a/b.c", 5, NULL },
		{ "-rf", 3, NULL },
		{ "...", 3, NULL },
		{ "\xff", 1, NULL },
		{ "", 0, "empty" },
		{ "/etc", 4, "begins with '/'" },
		{ "..", 2, "component \"..\"" },
		{ "a/../b", 6, "component \"..\"" },
		{ "./a", 3, "component \".\"" },
		{ "a//b", 4, "empty component" },
		{ "a/", 2, "empty component" },
		{ "a\0b", 3, "control character, 0x00, at byte 1" },
		{ "a\nb", 3, "control character, 0x0a" },
	};
	char longest[SPEC_NAME_BYTES + 2];
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = spec_file_name_check(rows[i].name, rows[i].n, &err);

		assert_int_equal(r, rows[i].why == NULL ? 0 : -EINVAL);
		if (rows[i].why != NULL)
			assert_non_null(strstr(err.msg, rows[i].why));
	}
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(spec_file_name_check(longest, 255, &err), 0);
	assert_int_equal(spec_file_name_check(longest, 256, &err), -EINVAL);
	for (size_t i = 200; i < sizeof(longest); i += 200)
		longest[i] = '/';
	assert_int_equal(spec_file_name_check(longest, SPEC_NAME_BYTES, &err), 0);
	assert_int_equal(spec_file_name_check(longest, SPEC_NAME_BYTES + 1, &err), -EINVAL);
}

static void globs(void **state)
{
	static const char *const good[] = { "*.png", "**/out.txt", "a?[!b-d]*", "[]]x", "out/**" };
	static const char *const bad[] = { "", "/x", "../x", "[ab", "a[b/c]", "a\\b", "[]" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(spec_glob_check(good[i], strlen(good[i]), &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(spec_glob_check(bad[i], strlen(bad[i]), &err), -EINVAL);
}

static void environment(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(spec_env_check("_A1=", &err), 0);
	assert_int_equal(spec_env_check("A=b=c", &err), 0);
	assert_int_equal(spec_env_check("A", &err), -EINVAL);
	assert_int_equal(spec_env_check("=b", &err), -EINVAL);
	assert_int_equal(spec_env_check("1A=b", &err), -EINVAL);
	assert_int_equal(spec_env_check("A-B=c", &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_comes_back),
		cmocka_unit_test(a_cut_record_is_refused),
		cmocka_unit_test(a_record_of_the_version_before_is_read),
		cmocka_unit_test(an_open_stdin),
		cmocka_unit_test(a_damaged_record_does_no_harm),
		cmocka_unit_test(names_of_files),
		cmocka_unit_test(globs),
		cmocka_unit_test(environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
