/* SPDX-License-Identifier: MIT */
/* The queue's pure decisions: order, admission, leases, its own clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "queue/admission.h"
#include "queue/age.h"
#include "queue/lease.h"
#include "queue/order.h"

#define PLACES 3000
#define LEAST  12 /* entries in each part of an order but one */

struct places {
	struct order order;
	struct order_pool pool;
	struct order_place at[PLACES];
	bool in[PLACES];
	uint32_t n;
};

/* So many different keys; numbers go up with the index. */
static struct places *places_new(uint64_t keys)
{
	struct places *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	for (size_t i = 0; i < PLACES; i++)
		p->at[i] = (struct order_place){ (uint64_t)rand() % keys, i };
	return p;
}

static void places_free(struct places *p)
{
	order_done(&p->order);
	order_pool_done(&p->pool);
	free(p);
}

/* There is room for what is in there, and no more of it is used than was reserved for that. */
static void place_toggle(struct places *p, size_t i)
{
	if (p->in[i]) {
		order_remove(&p->order, &p->pool, p->at[i]);
	} else {
		assert_int_equal(order_pool_reserve(&p->pool, 1, p->n + 1), 0);
		order_add(&p->order, &p->pool, p->at[i], &p->at[i]);
	}
	p->n = p->in[i] ? p->n - 1 : p->n + 1;
	p->in[i] = !p->in[i];
	assert_int_equal(order_pool_reserve(&p->pool, p->n != 0, p->n), 0);
	assert_true(p->pool.n - p->pool.n_free <= (p->n != 0) + p->n / (LEAST - 1));
	assert_int_equal(order_size(&p->order), p->n);
}

static void places_check(const struct places *p)
{
	const struct order_entry *entry;

	for (size_t i = 0; i < PLACES; i++) {
		uint32_t ahead = 0;

		for (size_t j = 0; j < PLACES; j++)
			ahead += p->in[j] && order_before(p->at[j], p->at[i]);
		assert_int_equal(order_ahead(&p->order, p->at[i]), ahead);
		if (!p->in[i])
			continue;
		entry = order_at(&p->order, ahead);
		assert_ptr_equal(entry->what, &p->at[i]);
		if (ahead == 0)
			assert_ptr_equal(order_first(&p->order), entry);
		if (ahead == p->n - 1)
			assert_ptr_equal(order_last(&p->order), entry);
	}
	assert_null(order_at(&p->order, p->n));
	if (p->n == 0) {
		assert_null(order_first(&p->order));
		assert_null(order_last(&p->order));
		assert_int_equal(p->pool.n_free, p->pool.n);
	}
}

static void places_are_counted_right(void **state)
{
	struct places *p;

	(void)state;
	srand(7);
	for (uint64_t keys = 1; keys <= 100000; keys *= 316) {
		p = places_new(keys);
		places_check(p);
		for (int step = 0; step < 20000; step++)
			place_toggle(p, (size_t)rand() % PLACES);
		places_check(p);
		for (int step = 0; p->n > 40; step++) /* to few */
			if (p->in[step % PLACES] && rand() % 3 == 0)
				place_toggle(p, (size_t)step % PLACES);
		places_check(p);
		places_free(p);
	}
}

/* Filled and emptied, each from either end. */
static void places_come_and_go_in_a_row(void **state)
{
	(void)state;
	for (int ends = 0; ends < 4; ends++) {
		struct places *p = places_new(1);

		for (size_t i = 0; i < PLACES; i++)
			place_toggle(p, ends & 1 ? PLACES - 1 - i : i);
		places_check(p);
		for (size_t i = 0; i < PLACES; i++) {
			place_toggle(p, ends & 2 ? PLACES - 1 - i : i);
			if (i == PLACES / 2)
				places_check(p);
		}
		places_check(p);
		places_free(p);
	}
}

/* One goes in front, one comes behind: what the queue does all day. */
static void places_move_on(void **state)
{
	struct places *p = places_new(1);

	(void)state;
	for (size_t i = 0; i < PLACES; i++) {
		place_toggle(p, i);
		if (i >= 1000)
			place_toggle(p, i - 1000);
	}
	places_check(p);
	places_free(p);
}

static void a_pool_gives_back(void **state)
{
	struct order_pool pool = { 0 };
	size_t most;

	(void)state;
	assert_int_equal(order_pool_reserve(&pool, 10, 100000), 0);
	most = pool.n;
	assert_int_equal(order_pool_reserve(&pool, 1, 0), 0);
	assert_true(pool.n < most / 10);
	assert_true(pool.n >= 1);
	order_pool_done(&pool);
}

/* A line whose first job is the n-th of the only client. */
static struct admission_line line(uint64_t n, int64_t cpus)
{
	static struct fair_client client;
	static struct fair_lane lane = { .client = &client };
	static struct fair_job jobs[16];

	jobs[n].lane = &lane;
	jobs[n].place.key = n;
	return (struct admission_line){
		.concurrency = 10, .first = &jobs[n], .need = { .cpus = cpus, .memory_bytes = 1 }
	};
}

static struct admission_budget budget(int slots, int64_t cpus)
{
	return (struct admission_budget){ .slots = slots,
		.all = { .cpus = cpus, .memory_bytes = 1000 } };
}

static const struct gpu_use no_gpus;

static size_t next_of(struct admission_budget *b, const struct admission_line *lines, size_t n)
{
	uint64_t gpus;

	if (b->gpus == NULL)
		b->gpus = &no_gpus;
	return admission_next(b, lines, n, &gpus);
}

static void the_oldest_goes_first(void **state)
{
	struct admission_line lines[] = { line(5, 1), line(3, 1), line(4, 1) };
	struct admission_budget b = budget(4, 10);

	(void)state;
	assert_int_equal(next_of(&b, lines, 3), 1);
	lines[2] = line(1, 1);
	assert_int_equal(next_of(&b, lines, 3), 2);
	assert_int_equal(next_of(&b, lines, 0), 0);
}

static void a_full_task_is_passed_over(void **state)
{
	struct admission_line lines[] = { line(5, 1), line(3, 1) };
	struct admission_budget b = budget(4, 10);

	(void)state;
	lines[1].running = lines[1].concurrency;
	assert_int_equal(next_of(&b, lines, 2), 0);
	lines[0].first = NULL;
	assert_int_equal(next_of(&b, lines, 2), 2);
}

static void a_large_job_is_not_overtaken(void **state)
{
	struct admission_line lines[] = { line(1, 8), line(2, 1) };
	struct admission_budget b = budget(4, 10);

	(void)state;
	b.used.cpus = 4;
	assert_int_equal(next_of(&b, lines, 2), 2);
	b.used.cpus = 2;
	assert_int_equal(next_of(&b, lines, 2), 0);
	b.used_slots = 4;
	assert_int_equal(next_of(&b, lines, 2), 2);
}

static void more_than_the_machine_starts_alone(void **state)
{
	struct admission_line lines[] = { line(1, 100) };
	struct admission_budget b = budget(4, 10);

	(void)state;
	b.used.cpus = 1;
	assert_int_equal(next_of(&b, lines, 1), 1);
	b.used.cpus = 0;
	assert_int_equal(next_of(&b, lines, 1), 0);
	b.used.memory_bytes = 1000;
	assert_int_equal(next_of(&b, lines, 1), 1);
}

static void a_lease_outlives_an_outage_not_a_boot(void **state)
{
	(void)state;
	assert_int_equal(lease_resume(100, 5000, 1500, false), 6500);
	assert_int_equal(lease_resume(7000, 5000, 1500, false), 7000);
	assert_int_equal(lease_resume(7000, 5000, 1500, true), 5000);
	assert_true(lease_is_over(5000, 5000));
	assert_false(lease_is_over(5001, 5000));
	assert_int_equal(lease_after(1, 2), LEASE_AGAIN);
	assert_int_equal(lease_after(2, 2), LEASE_GIVE_UP);
}

#define BOOT_A "11111111-1111-1111-1111-111111111111"
#define BOOT_B "22222222-2222-2222-2222-222222222222"

static void the_age_knows_no_wall_clock(void **state)
{
	char kept[AGE_TEXT];
	struct age age, later;
	struct err err;

	(void)state;
	assert_int_equal(age_resume("", BOOT_A, 1000, &age, &err), 0);
	assert_int_equal(1000 + age.base_ms, 0);
	age_keep(&age, 61000, kept); /* one minute old */
	/* The same boot: goes on to the millisecond, however long the queue was down. */
	assert_int_equal(age_resume(kept, BOOT_A, 161000, &later, &err), 0);
	assert_false(later.new_boot);
	assert_int_equal(161000 + later.base_ms, 160000);
	/* Another boot: goes on from what was kept. */
	assert_int_equal(age_resume(kept, BOOT_B, 5000, &later, &err), 0);
	assert_true(later.new_boot);
	assert_int_equal(5000 + later.base_ms, 60000);
	assert_int_equal(age_resume("12 x", BOOT_B, 5000, &later, &err), -EINVAL);
	assert_int_equal(age_resume("-1 5 " BOOT_A, BOOT_A, 5000, &later, &err), -EINVAL);
}

static struct gpu_list gpu_list(size_t n)
{
	struct gpu_list list = { 0 };
	char id[8];

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(id, sizeof(id), "%zu", i);
		assert_int_equal(gpu_list_add(&list, id), 0);
	}
	return list;
}

/* What waits for a GPU holds up those that want one, and nobody else. */
static void gpus_hold_up_their_own(void **state)
{
	struct gpu_list list = gpu_list(2);
	struct gpu_use use = { .n = 2 };
	struct admission_line lines[] = { line(1, 1), line(2, 1), line(3, 1) };
	struct admission_budget b = budget(9, 10);
	uint64_t gpus = 99;

	(void)state;
	b.gpus = &use;
	lines[0].gpus = gpu_want_of("2", false, &list);
	lines[1].gpus = gpu_want_of("1", false, &list);
	assert_int_equal(admission_next(&b, lines, 3, &gpus), 0);
	assert_int_equal(gpus, 3);
	gpu_take(&use, 1, false);
	assert_int_equal(admission_next(&b, lines, 3, &gpus), 2);
	assert_int_equal(gpus, 0);
	lines[2].first = NULL;
	assert_int_equal(admission_next(&b, lines, 3, &gpus), 3);
	lines[0].first = NULL;
	assert_int_equal(admission_next(&b, lines, 3, &gpus), 1);
	assert_int_equal(gpus, 2);
	/* More than there is: it starts, to be told so. */
	lines[1].gpus = gpu_want_of("3", false, &list);
	assert_int_equal(admission_next(&b, lines, 3, &gpus), 1);
	assert_int_equal(gpus, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gpus_hold_up_their_own),
		cmocka_unit_test(places_are_counted_right),
		cmocka_unit_test(places_come_and_go_in_a_row),
		cmocka_unit_test(places_move_on),
		cmocka_unit_test(a_pool_gives_back),
		cmocka_unit_test(the_oldest_goes_first),
		cmocka_unit_test(a_full_task_is_passed_over),
		cmocka_unit_test(a_large_job_is_not_overtaken),
		cmocka_unit_test(more_than_the_machine_starts_alone),
		cmocka_unit_test(a_lease_outlives_an_outage_not_a_boot),
		cmocka_unit_test(the_age_knows_no_wall_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
