/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/build_cache.h"

#define ENTRY 100000 /* bytes of the one file of an entry */

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/dockgate-test-builds-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static struct builds *opened(int64_t bytes_max)
{
	struct builds *cache;
	struct err err;

	assert_int_equal(build_cache_open(dir, bytes_max, &cache, &err), 0);
	return cache;
}

static struct build_key key_of(uint8_t n)
{
	struct build_key key;

	memset(key.b, n, sizeof(key.b));
	return key;
}

static struct step_result built(void)
{
	return (struct step_result){ .build = true,
		.finding = { .verdict = VERDICT_OK, .limit = LIMIT_MAX_ },
		.wall_us = 77,
		.out = { .offset = 5, .bytes = 3 },
		.err = { .offset = 9, .bytes = 2 } };
}

static void keep(struct builds *cache, uint8_t n)
{
	static uint8_t data[ENTRY];
	const struct build_key key = key_of(n);
	struct step_result step = built();
	struct build_writer *writer;
	struct err err;

	memset(data, n, sizeof(data));
	assert_int_equal(build_writer_new(cache, &key, &writer, &err), 0);
	assert_int_equal(build_writer_file(writer, "a/prog", sizeof(data), true, &err), 0);
	assert_int_equal(build_writer_add(writer, data, 1, &err), 0);
	assert_int_equal(build_writer_add(writer, data + 1, sizeof(data) - 1, &err), 0);
	assert_int_equal(build_writer_file(writer, "empty", 0, false, &err), 0);
	assert_int_equal(build_writer_keep(writer, &step, "out", "er", &err), 0);
}

static bool is_there(struct builds *cache, uint8_t n)
{
	const struct build_key key = key_of(n);
	struct build_entry entry;

	if (!build_cache_get(cache, &key, &entry))
		return false;
	build_entry_done(&entry);
	return true;
}

static void what_was_kept_comes_back(void **state)
{
	struct builds *cache = opened(INT64_C(1) << 30);
	const struct build_key key = key_of(7);
	struct build_entry entry;
	uint8_t bytes[4];
	struct err err;

	(void)state;
	assert_false(build_cache_get(cache, &key, &entry));
	keep(cache, 7);
	assert_true(build_cache_get(cache, &key, &entry));
	assert_int_equal(entry.n_files, 2);
	assert_string_equal(entry.files[0].name, "a/prog");
	assert_true(entry.files[0].executable);
	assert_false(entry.files[1].executable);
	assert_int_equal(entry.files[0].data.len, ENTRY);
	assert_int_equal(
		blob_read(&entry.blob, entry.files[0].data.offset + ENTRY - 1, bytes, 1, &err), 0);
	assert_int_equal(bytes[0], 7);
	assert_int_equal(entry.result.steps[0].wall_us, 77);
	assert_int_equal(
		blob_read(&entry.blob, entry.result.steps[0].out.offset, bytes, 3, &err), 0);
	assert_memory_equal(bytes, "out", 3);
	assert_int_equal(
		blob_read(&entry.blob, entry.result.steps[0].err.offset, bytes, 2, &err), 0);
	assert_memory_equal(bytes, "er", 2);
	build_entry_done(&entry);
	build_cache_free(cache);
}

static void the_one_unused_longest_goes(void **state)
{
	struct builds *cache = opened(3 * (ENTRY + 1000));

	(void)state;
	keep(cache, 1);
	keep(cache, 2);
	keep(cache, 3);
	assert_true(is_there(cache, 1));
	keep(cache, 4);
	assert_false(is_there(cache, 2));
	assert_true(is_there(cache, 1));
	assert_true(is_there(cache, 3));
	assert_true(is_there(cache, 4));
	keep(cache, 4); /* the same once more takes no more room */
	assert_true(is_there(cache, 1));
	build_cache_free(cache);
}

static void it_outlives_its_process_but_not_a_boot(void **state)
{
	struct builds *cache = opened(INT64_C(1) << 30);
	char path[100];
	FILE *file;

	(void)state;
	keep(cache, 1);
	build_cache_free(cache);
	cache = opened(INT64_C(1) << 30);
	assert_true(is_there(cache, 1));
	build_cache_free(cache);
	(void)snprintf(path, sizeof(path), "%s/boot", dir);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs("another boot\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	cache = opened(INT64_C(1) << 30);
	assert_false(is_there(cache, 1));
	build_cache_free(cache);
}

static void a_damaged_one_is_none(void **state)
{
	struct builds *cache = opened(INT64_C(1) << 30);
	char path[150];
	struct stat st;

	(void)state;
	keep(cache, 0x11);
	(void)snprintf(path, sizeof(path), "%s/%s%s", dir, "11111111111111111111111111111111",
		"11111111111111111111111111111111");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
	assert_false(is_there(cache, 0x11));
	assert_int_equal(stat(path, &st), -1);
	keep(cache, 0x11);
	assert_true(is_there(cache, 0x11));
	build_cache_free(cache);
}

/* More than was said, a name that leads elsewhere, a file that is not complete. */
static void what_does_not_fit_is_refused(void **state)
{
	struct builds *cache = opened(INT64_C(1) << 30);
	const struct build_key key = key_of(1);
	struct step_result step = built();
	struct build_writer *writer;
	struct err err;

	(void)state;
	assert_int_equal(build_writer_new(cache, &key, &writer, &err), 0);
	assert_int_equal(build_writer_file(writer, "../x", 1, false, &err), -EINVAL);
	assert_int_equal(build_writer_file(writer, "x", 1, false, &err), 0);
	assert_int_equal(build_writer_add(writer, "ab", 2, &err), -EPROTO);
	assert_int_equal(build_writer_file(writer, "y", 1, false, &err), -EPROTO);
	assert_int_equal(build_writer_keep(writer, &step, "out", "er", &err), -EPROTO);
	assert_false(is_there(cache, 1));
	build_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_kept_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_one_unused_longest_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			it_outlives_its_process_but_not_a_boot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_damaged_one_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
