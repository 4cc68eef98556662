/* SPDX-License-Identifier: MIT */
/* The order among clients: what it promises, and that it is what a simple one would be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "queue/fair.h"

#define LINES   3
#define CLIENTS 4
#define JOBS    400
#define MANY    10000

struct world {
	struct fair fair;
	struct fair_client client[CLIENTS];
	uint64_t next_seq;
};

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(fair_init(&w->fair, LINES), 0);
	return w;
}

static void world_free(struct world *w)
{
	for (size_t i = 0; i < CLIENTS; i++)
		fair_forget(&w->client[i]);
	fair_done(&w->fair);
	free(w);
}

static void come(struct world *w, struct fair_job *job, size_t client, size_t line, uint64_t rank)
{
	assert_int_equal(
		fair_enter(&w->fair, &w->client[client], job, line, rank, w->next_seq++), 0);
}

/* n jobs of one client in line 0, one behind the other. */
static struct fair_job *crowd(
	struct world *w, size_t client, size_t n, uint64_t cost, unsigned weight)
{
	struct fair_job *jobs = calloc(n, sizeof(*jobs));

	assert_non_null(jobs);
	for (size_t i = 0; i < n; i++) {
		come(w, &jobs[i], client, 0, i);
		fair_add(&w->fair, &jobs[i], cost, weight);
	}
	return jobs;
}

static size_t client_of(const struct world *w, const struct fair_job *job)
{
	return (size_t)(job->lane->client - w->client);
}

/* Whose jobs are served, of so many. */
static void serve(struct world *w, size_t n, size_t ret[static CLIENTS])
{
	memset(ret, 0, CLIENTS * sizeof(*ret));
	for (size_t i = 0; i < n; i++) {
		struct fair_job *job = fair_first(&w->fair, 0);

		assert_non_null(job);
		ret[client_of(w, job)]++;
		fair_serve(&w->fair, job);
	}
}

static void one_job_does_not_wait_behind_ten_thousand(void **state)
{
	struct world *w = world_new();
	struct fair_job *many = crowd(w, 0, MANY, 1000, 1);
	struct fair_job one;
	size_t served[CLIENTS];

	(void)state;
	serve(w, 7, served); /* they run */
	come(w, &one, 1, 0, 99999);
	fair_add(&w->fair, &one, 1000, 1);
	assert_int_equal(fair_ahead(&w->fair, &one), 0);
	assert_ptr_equal(fair_first(&w->fair, 0), &one);
	assert_int_equal(fair_ahead(&w->fair, &many[7]), 1);
	assert_int_equal(fair_ahead(&w->fair, &many[MANY - 1]), MANY - 7);
	world_free(w);
	free(many);
}

static void shares_follow_weight_and_cost(void **state)
{
	struct world *w = world_new();
	struct fair_job *a = crowd(w, 0, MANY, 1000, 1), *b = crowd(w, 1, MANY, 1000, 3),
			*c = crowd(w, 2, MANY, 4000, 1);
	size_t served[CLIENTS];

	(void)state;
	serve(w, 1700, served); /* of 17 parts: 4, 12, 1 */
	assert_in_range(served[0], 398, 402);
	assert_in_range(served[1], 1197, 1203);
	assert_in_range(served[2], 98, 102);
	world_free(w);
	free(a);
	free(b);
	free(c);
}

static void who_cancels_is_not_charged(void **state)
{
	struct world *w = world_new();
	struct fair_job *a = crowd(w, 0, MANY, 1000, 1), *b;
	size_t served[CLIENTS];

	(void)state;
	for (size_t i = 0; i < MANY - 100; i++)
		fair_drop(&w->fair, &a[i]);
	b = crowd(w, 1, MANY, 1000, 1);
	serve(w, 100, served);
	assert_in_range(served[0], 49, 51);
	serve(w, 99, served);
	come(w, &a[0], 0, 0, 1); /* and pays no more than others afterwards */
	fair_add(&w->fair, &a[0], 1000, 1);
	assert_true(fair_ahead(&w->fair, &a[0]) <= 2);
	world_free(w);
	free(a);
	free(b);
}

static void who_was_away_gets_no_more_than_others(void **state)
{
	struct world *w = world_new();
	struct fair_job *a = crowd(w, 0, 2 * (size_t)MANY, 1000, 1), *b;
	size_t served[CLIENTS];

	(void)state;
	serve(w, MANY, served);
	b = crowd(w, 1, MANY, 1000, 1);
	serve(w, 1000, served);
	assert_in_range(served[1], 499, 501);
	world_free(w);
	free(a);
	free(b);
}

static void who_has_nothing_owes_nothing(void **state)
{
	struct world *w = world_new();
	struct fair_job *a = crowd(w, 0, MANY, 1000, 1), *b = crowd(w, 1, 50, 1000, 1);
	size_t served[CLIENTS];

	(void)state;
	while (order_size(&w->client[1].tickets) != 0)
		serve(w, 1, served);
	fair_forgive(&w->client[1]);
	come(w, &b[0], 1, 0, 0);
	fair_add(&w->fair, &b[0], 1000, 1);
	assert_int_equal(fair_ahead(&w->fair, &b[0]), 0);
	fair_forgive(&w->client[0]); /* it has many waiting: nothing is forgiven */
	come(w, &b[1], 0, 0, MANY);
	fair_add(&w->fair, &b[1], 1000, 1);
	assert_int_equal(fair_ahead(&w->fair, &b[1]), fair_waiting(&w->fair) - 1);
	world_free(w);
	free(a);
	free(b);
}

static void a_held_client_is_passed_over(void **state)
{
	struct world *w = world_new();
	struct fair_job *a = crowd(w, 0, 3, 1000, 1), *b = crowd(w, 1, 3, 1000, 1);
	size_t served[CLIENTS];

	(void)state;
	fair_hold(&w->fair, &w->client[0], true);
	serve(w, 3, served);
	assert_int_equal(served[1], 3);
	assert_null(fair_first(&w->fair, 0));
	assert_int_equal(fair_waiting(&w->fair), 3);
	fair_hold(&w->fair, &w->client[0], false);
	assert_ptr_equal(fair_first(&w->fair, 0), &a[0]);
	world_free(w);
	free(a);
	free(b);
}

/* --- against a simple one --- */

/* The same, said in arrays: each client's jobs by rank go with its tickets by tag. */
struct naive {
	struct fair_job job[JOBS];
	size_t client[JOBS], line[JOBS];
	uint64_t rank[JOBS], seq[JOBS];
	struct order_place ticket[JOBS]; /* of its client, who has it for that job */
	enum { OUT, WAITS, SERVED } where[JOBS];
};

static bool by_rank(const struct naive *n, size_t a, size_t b)
{
	return n->rank[a] != n->rank[b] ? n->rank[a] < n->rank[b] : n->seq[a] < n->seq[b];
}

static bool by_ticket(const struct naive *n, size_t a, size_t b)
{
	return order_before(n->ticket[a], n->ticket[b]);
}

static size_t count(const struct naive *n, size_t of, bool own,
	bool (*before)(const struct naive *, size_t, size_t))
{
	size_t ret = 0;

	for (size_t i = 0; i < JOBS; i++)
		ret += n->where[i] == WAITS && (!own || n->client[i] == n->client[of]) && i != of &&
		       before(n, i, of);
	return ret;
}

/* The holder of the ticket with which the job will be served. */
static size_t ticket_of(const struct naive *n, size_t job)
{
	size_t place = count(n, job, true, by_rank);

	for (size_t i = 0; i < JOBS; i++)
		if (n->where[i] == WAITS && n->client[i] == n->client[job] &&
			count(n, i, true, by_ticket) == place)
			return i;
	fail();
	return 0;
}

static size_t first_of_line(const struct world *w, const struct naive *n, size_t line)
{
	size_t best = JOBS, best_ticket = JOBS;

	for (size_t i = 0; i < JOBS; i++) {
		size_t first = i;

		if (n->where[i] != WAITS || n->line[i] != line || w->client[n->client[i]].held)
			continue;
		for (size_t j = 0; j < JOBS; j++) /* its client's next ticket */
			if (n->where[j] == WAITS && n->client[j] == n->client[i] &&
				by_ticket(n, j, first))
				first = j;
		if (best == JOBS || by_ticket(n, first, best_ticket) ||
			(first == best_ticket && by_rank(n, i, best))) {
			best = i;
			best_ticket = first;
		}
	}
	return best;
}

static void check(const struct world *w, const struct naive *n, size_t some)
{
	size_t waiting = 0;

	for (size_t i = 0; i < JOBS; i++)
		waiting += n->where[i] == WAITS;
	assert_int_equal(fair_waiting(&w->fair), waiting);
	if (n->where[some] == WAITS) {
		assert_int_equal(fair_ahead(&w->fair, &n->job[some]),
			count(n, ticket_of(n, some), false, by_ticket));
		assert_int_equal(fair_ahead_own(&n->job[some]), count(n, some, true, by_rank));
	}
	for (size_t line = 0; line < LINES; line++) {
		size_t first = first_of_line(w, n, line);
		const struct fair_job *found = fair_first(&w->fair, line);

		if (first == JOBS)
			assert_null(found);
		else
			assert_ptr_equal(found, &n->job[first]);
	}
}

/* It leaves with its client's first ticket, or the last, and who had that gets its own. */
static void leave(struct naive *n, size_t job, bool with_last)
{
	struct order_place own = n->ticket[job];
	size_t other = job;

	for (size_t i = 0; i < JOBS; i++)
		if (n->where[i] == WAITS && n->client[i] == n->client[job] &&
			by_ticket(n, with_last ? other : i, with_last ? i : other))
			other = i;
	n->ticket[job] = n->ticket[other];
	if (other != job)
		n->ticket[other] = own;
}

static void act(struct world *w, struct naive *n, size_t i)
{
	struct fair_job *first = fair_first(&w->fair, (size_t)rand() % LINES);

	switch (n->where[i]) {
	case OUT:
		n->client[i] = (size_t)rand() % CLIENTS;
		n->line[i] = (size_t)rand() % LINES;
		n->rank[i] = (uint64_t)rand() % 50;
		n->seq[i] = w->next_seq;
		come(w, &n->job[i], n->client[i], n->line[i], n->rank[i]);
		fair_add(&w->fair, &n->job[i], 1 + (uint64_t)rand() % 3000,
			1 + (unsigned)rand() % 4);
		n->ticket[i] = n->job[i].ticket;
		n->where[i] = WAITS;
		break;
	case WAITS:
		if (rand() % 2 == 0 || first == NULL) {
			leave(n, i, true);
			fair_drop(&w->fair, &n->job[i]);
			fair_leave(&w->fair);
			n->where[i] = OUT;
			break;
		}
		leave(n, (size_t)(first - n->job), false);
		fair_serve(&w->fair, first);
		n->where[first - n->job] = SERVED;
		break;
	case SERVED:
		if (rand() % 2 != 0) {
			fair_leave(&w->fair);
			n->where[i] = OUT;
			break;
		}
		fair_put_back(&w->fair, &n->job[i]);
		n->where[i] = WAITS;
		break;
	}
	if (rand() % 20 == 0)
		fair_hold(&w->fair, &w->client[rand() % CLIENTS], rand() % 3 == 0);
}

static void it_is_what_a_simple_one_would_be(void **state)
{
	struct world *w = world_new();
	struct naive *n = calloc(1, sizeof(*n));

	(void)state;
	assert_non_null(n);
	srand(11);
	for (int step = 0; step < 6000; step++) {
		act(w, n, (size_t)rand() % JOBS);
		if (step % 3 == 0)
			check(w, n, (size_t)rand() % JOBS);
	}
	world_free(w);
	free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_job_does_not_wait_behind_ten_thousand),
		cmocka_unit_test(shares_follow_weight_and_cost),
		cmocka_unit_test(who_cancels_is_not_charged),
		cmocka_unit_test(who_was_away_gets_no_more_than_others),
		cmocka_unit_test(who_has_nothing_owes_nothing),
		cmocka_unit_test(a_held_client_is_passed_over),
		cmocka_unit_test(it_is_what_a_simple_one_would_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
