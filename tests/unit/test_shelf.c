/* SPDX-License-Identifier: MIT */
/* How many containers and slots are kept, and when more are made; and a box's legal moves. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "driver/shelf.h"

static struct task task;
static struct shelf shelf;

static int reset(void **state)
{
	(void)state;
	task = (struct task){
		.concurrency = 8, .warm = 1, .warm_max = 4, .warm_idle_s = 10, .slot_jobs = 100
	};
	limits_default(&task.limits);
	limits_default(&task.build_limits);
	shelf_init(&shelf, &task, NULL);
	return 0;
}

static int reset_sandbox(void **state)
{
	(void)reset(state);
	task.isolation = ISOLATION_SANDBOX;
	shelf_init(&shelf, &task, NULL);
	return 0;
}

static unsigned target_at(int64_t every_us, int jobs)
{
	int64_t now_us = 1000000000;

	for (int i = 0; i < jobs; i++)
		shelf_heat(&shelf, now_us += every_us);
	return shelf.target;
}

static void clicks_need_no_more_than_one(void **state)
{
	(void)state;
	assert_int_equal(target_at(1000000, 100), 1);
	assert_false(shelf_is_hot(&shelf));
}

static void a_burst_raises_the_target_before_it_is_over(void **state)
{
	(void)state;
	assert_int_equal(target_at(5000, 1), 1);
	assert_false(shelf_is_hot(&shelf));
	assert_int_equal(target_at(5000, 2), 3);
	assert_true(shelf_is_hot(&shelf));
}

static void the_target_follows_the_rate(void **state)
{
	(void)state;
	assert_int_equal(target_at(300000, 100), 2);
	(void)reset(state);
	assert_int_equal(target_at(150000, 100), 3);
	assert_int_equal(target_at(1000, 1000), 4); /* warm_max */
}

static void waiting_jobs_come_before_the_shelf(void **state)
{
	(void)state;
	shelf.n_waiting = 3;
	shelf.n_coming = 1;
	assert_int_equal(shelf_lacks_now(&shelf, 0), 2);
	assert_int_equal(shelf_lacks(&shelf), 3); /* and one that is kept */
	shelf.n_coming = 4;
	assert_int_equal(shelf_lacks_now(&shelf, 0), 0);
	assert_int_equal(shelf_lacks(&shelf), 0);
}

static void slots_are_as_many_as_can_run(void **state)
{
	struct limits limits;

	(void)state;
	limits_default(&limits);
	limits.v[LIMIT_MEMORY] = 256 * MIB;
	assert_int_equal(shelf_slots(&task, &limits, 100, 0), 2 * 8);
	assert_int_equal(shelf_slots(&task, &limits, 4, 0), 2 * 4);
	assert_int_equal(shelf_slots(&task, &limits, 100, 512 * MIB), 2);
	assert_int_equal(shelf_slots(&task, &limits, 100, 1), 1);
}

static void slots_grow_with_the_jobs_at_one_time(void **state)
{
	(void)state;
	shelf.proven = true;
	shelf.slots = 3;
	for (int i = 0; i < 1000; i++)
		shelf_heat(&shelf, i); /* one after the other */
	assert_int_equal(shelf.target, 1);
	shelf.n_back = 1;
	shelf_heat(&shelf, 1000);
	assert_int_equal(shelf.target, 2);
	shelf.n_waiting = 5;
	shelf_heat(&shelf, 1000);
	assert_int_equal(shelf.target, 3);
}

static void the_first_slot_is_alone_until_it_is_ready(void **state)
{
	(void)state;
	shelf.slots = shelf.target = 4;
	assert_int_equal(shelf_lacks(&shelf), 1);
	shelf.n_coming = 1;
	shelf.n_waiting = 3;
	assert_int_equal(shelf_lacks(&shelf), 0);
	assert_int_equal(shelf_lacks_now(&shelf, 0), 0);
	shelf.proven = true;
	assert_int_equal(shelf_lacks(&shelf), 3);
	assert_int_equal(shelf_lacks_now(&shelf, 0), 2);
}

static void slots_that_are_in_use_are_not_made_again(void **state)
{
	(void)state;
	shelf.proven = true;
	shelf.slots = shelf.target = 4;
	shelf.n_lent = 3;
	shelf.n_back = 1;
	shelf.n_waiting = 5;
	assert_int_equal(shelf_lacks(&shelf), 0);
	assert_int_equal(shelf_lacks_now(&shelf, 0), 0);
	shelf.n_back = 0;
	assert_int_equal(shelf_lacks_now(&shelf, 0), 1);
}

static void after_a_failure_other_slots_are_waited_for(void **state)
{
	(void)state;
	shelf.proven = true;
	shelf.slots = shelf.target = 2;
	shelf.n_waiting = 1;
	shelf_back_off(&shelf, 0);
	assert_int_equal(shelf_lacks_now(&shelf, 1000), 1); /* there is none */
	shelf.n_lent = 1;
	assert_int_equal(shelf_lacks_now(&shelf, 1000), 0);
	assert_int_equal(shelf_lacks_now(&shelf, shelf.not_before_us), 1);
}

static void fallen_back_it_keeps_containers(void **state)
{
	(void)state;
	shelf.sandbox = false;
	shelf.slots = 8;
	assert_int_equal(shelf_lacks(&shelf), 1);
}

static void a_smaller_disk_fits_into_a_slot_with_its_files(void **state)
{
	struct limits limits = shelf.limits;

	(void)state;
	assert_true(
		shelf_fits(&shelf, &limits, UINT64_MAX)); /* then the agent says that they do not */
	limits.v[LIMIT_DISK] /= 2;
	assert_true(shelf_fits(&shelf, &limits, (uint64_t)limits.v[LIMIT_DISK]));
	assert_false(shelf_fits(&shelf, &limits, (uint64_t)limits.v[LIMIT_DISK] + 1));
	shelf.sandbox = false;
	assert_false(shelf_fits(&shelf, &limits, 0));
	limits = shelf.limits;
	limits.v[LIMIT_MEMORY]++;
	shelf.sandbox = true;
	assert_false(shelf_fits(&shelf, &limits, 0));
}

static void only_a_slot_is_used_again(void **state)
{
	(void)state;
	assert_true(box_can_move(BOX_TAKEN, BOX_PREPARING));
	assert_true(box_can_move(BOX_TAKEN, BOX_CLEARING));
	assert_true(box_can_move(BOX_CLEARING, BOX_PREPARING));
	assert_false(box_can_move(BOX_CLEARING, BOX_READY)); /* not without the job's DONE */
	assert_false(box_can_move(BOX_CLEARING, BOX_TAKEN));
	assert_false(box_can_move(BOX_TAKEN, BOX_READY));
	assert_false(box_can_move(BOX_DOOMED, BOX_READY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(clicks_need_no_more_than_one, reset),
		cmocka_unit_test_setup(a_burst_raises_the_target_before_it_is_over, reset),
		cmocka_unit_test_setup(the_target_follows_the_rate, reset),
		cmocka_unit_test_setup(waiting_jobs_come_before_the_shelf, reset),
		cmocka_unit_test_setup(slots_are_as_many_as_can_run, reset_sandbox),
		cmocka_unit_test_setup(slots_grow_with_the_jobs_at_one_time, reset_sandbox),
		cmocka_unit_test_setup(the_first_slot_is_alone_until_it_is_ready, reset_sandbox),
		cmocka_unit_test_setup(slots_that_are_in_use_are_not_made_again, reset_sandbox),
		cmocka_unit_test_setup(after_a_failure_other_slots_are_waited_for, reset_sandbox),
		cmocka_unit_test_setup(fallen_back_it_keeps_containers, reset_sandbox),
		cmocka_unit_test_setup(
			a_smaller_disk_fits_into_a_slot_with_its_files, reset_sandbox),
		cmocka_unit_test_setup(only_a_slot_is_used_again, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
