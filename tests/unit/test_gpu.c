/* SPDX-License-Identifier: MIT */
/* Who gets which GPU, and how the engine is asked for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/gpu.h"
#include "driver/gpu_request.h"
#include "driver/host.h"

static struct gpu_list list_of(const char *text)
{
	struct gpu_list list;

	assert_int_equal(gpu_list_parse(text, &list), 0);
	return list;
}

static void lists_are_read_and_written(void **state)
{
	static const char *const bad[] = { ",", "0,", ",0", "0,,1", "0,0", "a b", "a/b", "0,\"" };
	struct gpu_list list = list_of("0,GPU-8dba_5:0.1");
	char text[GPU_TEXT_MAX], many[GPU_TEXT_MAX * 2] = "0";
	size_t len = 1;

	(void)state;
	assert_int_equal(list.n, 2);
	gpu_list_text(&list, 3, text);
	assert_string_equal(text, "0,GPU-8dba_5:0.1");
	gpu_list_text(&list, 2, text);
	assert_string_equal(text, "GPU-8dba_5:0.1");
	assert_int_equal(list_of("").n, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(gpu_list_parse(bad[i], &list), -EINVAL);
	for (int i = 1; i < GPU_MAX; i++)
		len += (size_t)snprintf(many + len, sizeof(many) - len, ",%d", i);
	assert_int_equal(list_of(many).n, GPU_MAX);
	(void)snprintf(many + len, sizeof(many) - len, ",64");
	assert_int_equal(gpu_list_parse(many, &list), -EINVAL);
	memset(many, 'x', GPU_ID_MAX + 1);
	many[GPU_ID_MAX + 1] = '\0';
	assert_int_equal(gpu_list_parse(many, &list), -EINVAL);
}

static void a_task_says_what_it_wants(void **state)
{
	struct gpu_list list = list_of("0,1,2");

	(void)state;
	assert_int_equal(gpu_ask_of(NULL), GPU_ASK_NONE);
	assert_int_equal(gpu_ask_of("all"), GPU_ASK_ALL);
	assert_int_equal(gpu_want_of("2", false, &list).count, 2);
	assert_int_equal(gpu_want_of("0,2", false, &list).mask, 5);
	assert_int_equal(gpu_want_of("device=2", false, &list).mask, 4);
	assert_true(gpu_want_of("2,3", false, &list).unknown);
	assert_true(gpu_text_is_good("all"));
	assert_true(gpu_text_is_good("64"));
	assert_true(gpu_text_is_good("device=1"));
	assert_false(gpu_text_is_good(""));
	assert_false(gpu_text_is_good("device="));
	assert_false(gpu_text_is_good("0,0"));
	assert_false(gpu_text_is_good("all of them"));
}

static enum gpu_fit pick(
	const struct gpu_use *use, const char *text, bool shared, uint64_t *ret_mask)
{
	const struct gpu_list list = list_of("0,1,2");
	struct gpu_want want = gpu_want_of(text, shared, &list);

	*ret_mask = 0;
	return gpu_pick(use, &want, ret_mask);
}

static void nobody_gets_what_another_has(void **state)
{
	struct gpu_use use = { .n = 3 };
	uint64_t mask;

	(void)state;
	assert_int_equal(pick(&use, "1", false, &mask), GPU_FITS);
	assert_int_equal(mask, 1);
	gpu_take(&use, mask, false);
	assert_int_equal(pick(&use, "1", false, &mask), GPU_FITS);
	assert_int_equal(mask, 2);
	gpu_take(&use, mask, false);
	assert_int_equal(pick(&use, "2", false, &mask), GPU_BUSY);
	assert_int_equal(pick(&use, "0,2", false, &mask), GPU_BUSY);
	assert_int_equal(pick(&use, "all", false, &mask), GPU_BUSY);
	assert_int_equal(pick(&use, "device=2", false, &mask), GPU_FITS);
	assert_int_equal(mask, 4);
	assert_int_equal(pick(&use, "4", false, &mask), GPU_NEVER);
	assert_int_equal(pick(&use, "7,8", false, &mask), GPU_NEVER);
	gpu_give(&use, 3, false);
	assert_int_equal(pick(&use, "all", false, &mask), GPU_FITS);
	assert_int_equal(mask, 7);
}

static void sharing_is_among_those_that_share(void **state)
{
	struct gpu_use use = { .n = 2 };
	struct gpu_list two = list_of("0,1");
	struct gpu_want share = gpu_want_of("1", true, &two), own = gpu_want_of("1", false, &two);
	uint64_t mask = 0;

	(void)state;
	for (uint64_t expected = 1; expected < 3; expected++) {
		assert_int_equal(gpu_pick(&use, &share, &mask), GPU_FITS);
		assert_int_equal(mask, expected); /* the one that fewer share */
		gpu_take(&use, mask, true);
	}
	assert_int_equal(gpu_pick(&use, &share, &mask), GPU_FITS);
	gpu_take(&use, 1, true);
	assert_int_equal(gpu_pick(&use, &own, &mask), GPU_BUSY);
	gpu_give(&use, 2, true);
	assert_int_equal(gpu_pick(&use, &own, &mask), GPU_FITS);
	assert_int_equal(mask, 2);
	gpu_take(&use, 2, false);
	assert_int_equal(gpu_pick(&use, &share, &mask), GPU_FITS);
	assert_int_equal(mask, 1);
	gpu_give(&use, 1, true);
	assert_int_equal(gpu_busy(&use), 3); /* one still shares 0 */
}

/* Nobody said which GPUs there are: one job at a time. */
static void an_unknown_machine_has_one_holder(void **state)
{
	struct gpu_use use = { .n = 0 };
	uint64_t mask;

	(void)state;
	assert_int_equal(pick(&use, "2", false, &mask), GPU_FITS);
	assert_int_equal(mask, 1);
	gpu_take(&use, mask, false);
	assert_int_equal(pick(&use, "5,6", false, &mask), GPU_BUSY);
	assert_int_equal(pick(&use, NULL, false, &mask), GPU_FITS);
	assert_int_equal(mask, 0);
}

static void asked(const char *gpus, const char *kind, const char *expected)
{
	json_t *json = gpu_request_json(gpus, kind);
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);

	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

static void the_engine_is_asked_in_its_words(void **state)
{
	(void)state;
	asked("all", NULL, "[{\"Capabilities\":[[\"gpu\"]],\"Count\":-1,\"Driver\":\"\"}]");
	asked("2", NULL, "[{\"Capabilities\":[[\"gpu\"]],\"Count\":2,\"Driver\":\"\"}]");
	asked("device=1", NULL,
		"[{\"Capabilities\":[[\"gpu\"]],\"DeviceIDs\":[\"1\"],\"Driver\":\"\"}]");
	asked("0,GPU-5", "nvidia.com/gpu",
		"[{\"DeviceIDs\":[\"nvidia.com/gpu=0\",\"nvidia.com/gpu=GPU-5\"],\"Driver\":"
		"\"cdi\"}]");
	asked("all", "nvidia.com/gpu",
		"[{\"DeviceIDs\":[\"nvidia.com/gpu=all\"],\"Driver\":\"cdi\"}]");
	asked("2", "amd.com/gpu",
		"[{\"DeviceIDs\":[\"amd.com/gpu=0\",\"amd.com/gpu=1\"],\"Driver\":\"cdi\"}]");
}

static void refusals_have_advice(void **state)
{
	const char *advice = gpu_request_advice(
		"could not select device driver \"\" with capabilities: [[gpu]]");

	(void)state;
	assert_non_null(strstr(advice, "nvidia-container-toolkit"));
	advice = gpu_request_advice("could not select device driver \"cdi\"");
	assert_non_null(strstr(advice, "Docker 25"));
	assert_null(gpu_request_advice("no such image"));
}

static void the_machine_is_asked_where_nobody_says(void **state)
{
	char dir[] = "/tmp/dockgate-gpu-XXXXXX", path[64];
	struct config config = { 0 };
	struct gpu_list list;
	char text[GPU_TEXT_MAX];
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/0000:0%d:00.0", dir, i + 1);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	host_gpus(&config, true, dir, &list);
	gpu_list_text(&list, UINT64_MAX, text);
	assert_string_equal(text, "0,1");
	host_gpus(&config, false, dir, &list); /* another machine's engine */
	assert_int_equal(list.n, 0);
	assert_int_equal(strv_add(&config.gpus, "GPU-1", &err), 0);
	host_gpus(&config, true, dir, &list);
	gpu_list_text(&list, UINT64_MAX, text);
	assert_string_equal(text, "GPU-1");
	strv_done(&config.gpus);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/0000:0%d:00.0", dir, i + 1);
		assert_int_equal(rmdir(path), 0);
	}
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read_and_written),
		cmocka_unit_test(a_task_says_what_it_wants),
		cmocka_unit_test(nobody_gets_what_another_has),
		cmocka_unit_test(sharing_is_among_those_that_share),
		cmocka_unit_test(an_unknown_machine_has_one_holder),
		cmocka_unit_test(the_engine_is_asked_in_its_words),
		cmocka_unit_test(refusals_have_advice),
		cmocka_unit_test(the_machine_is_asked_where_nobody_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
