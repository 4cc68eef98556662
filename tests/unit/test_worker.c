/* SPDX-License-Identifier: MIT */
/*
 * What is handed to the worker's thread and back, built with ThreadSanitizer: what both threads
 * touch without an order between them ends this program with status 66.
 */
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/worker.h"

#define JOBS 2000

struct job {
	struct world *world;
	int number, ran, done;
};

struct world {
	struct event_base *base;
	struct job jobs[JOBS];
	int n_ran;  /* the thread's */
	int n_done; /* the loop's */
};

static void run(void *arg)
{
	struct job *job = arg;

	job->ran = ++job->world->n_ran;
}

static void done(void *arg)
{
	struct job *job = arg;

	job->done = ++job->world->n_done;
	if (job->world->n_done == JOBS)
		(void)event_base_loopbreak(job->world->base);
}

static void post_all(struct world *world, struct worker *worker)
{
	struct err err;

	for (int i = 0; i < JOBS; i++) {
		world->jobs[i] = (struct job){ .world = world, .number = i + 1 };
		assert_int_equal(worker_post(worker, run, done, &world->jobs[i], &err), 0);
	}
}

static void assert_in_order(const struct world *world)
{
	for (int i = 0; i < JOBS; i++) {
		assert_int_equal(world->jobs[i].ran, i + 1);
		assert_int_equal(world->jobs[i].done, i + 1);
	}
}

/* One after the other in the thread, and in the same order in the loop. */
static void in_the_order_of_posting(void **state)
{
	static struct world world;
	struct worker *worker;
	struct err err;

	(void)state;
	world = (struct world){ .base = event_base_new() };
	assert_int_equal(worker_start(world.base, &worker, &err), 0);
	post_all(&world, worker);
	(void)event_base_dispatch(world.base);
	assert_in_order(&world);
	worker_stop(worker);
	event_base_free(world.base);
}

/* Nothing that was posted is left out by the end. */
static void all_before_it_stops(void **state)
{
	static struct world world;
	struct worker *worker;
	struct err err;

	(void)state;
	world = (struct world){ .base = event_base_new() };
	assert_int_equal(worker_start(world.base, &worker, &err), 0);
	post_all(&world, worker);
	worker_stop(worker);
	assert_in_order(&world);
	event_base_free(world.base);
}

/* What the last commit before an end would have it do is left to the next start. */
static void nothing_once_it_has_stopped(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(worker_post(NULL, run, done, NULL, &err), -ESHUTDOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_the_order_of_posting),
		cmocka_unit_test(all_before_it_stops),
		cmocka_unit_test(nothing_once_it_has_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
