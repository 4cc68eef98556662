/* SPDX-License-Identifier: MIT */
/* What the driver orders, as the agent reads it; and its globs against any name. */
#include "agent/glob.h"
#include "agent/orders.h"
#include "fuzz.h"

static void check_step(const uint8_t *data, size_t n)
{
	struct limits most;
	struct step_order step;
	struct err err;

	for (size_t i = 0; i < LIMIT_MAX_; i++)
		most.v[i] = INT64_MAX;
	if (orders_step(data, n, &most, &step, &err) == 0) {
		const char *at = step.strings;

		for (uint32_t i = 0; i < step.argc + step.envc; i++)
			at += strlen(at) + 1;
		MUST(at == step.strings + step.strings_len);
		step_order_done(&step);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct prepare_order prepare;
	cpu_set_t place;
	struct collect_order collect;
	struct file_order file;
	struct err err;
	char *pattern, *name;

	(void)orders_prepare(data, n, &prepare, &err);
	if (orders_place(data, n, &place, &err) == 0)
		MUST(CPU_COUNT(&place) <= FRAME_PLACE_MAX);
	check_step(data, n);
	if (orders_file(data, n, &file, &err) == 0)
		MUST(orders_name_ok(file.name) && file.name[0] != '/');
	if (orders_collect(data, n, &collect, &err) == 0)
		collect_order_done(&collect);
	pattern = fuzz_text(data, n / 2);
	name = fuzz_text(data + n / 2, n - n / 2);
	if (glob_match(pattern, name) && strpbrk(pattern, "*?[\\") == NULL)
		MUST(strcmp(pattern, name) == 0);
	(void)glob_match_below(pattern, name);
	free(pattern);
	free(name);
	return 0;
}
