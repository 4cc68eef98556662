/* SPDX-License-Identifier: MIT */
#include "shelf.h"

#define HEAT_US          300000.0 /* about what making a container takes */
#define HOT              1.5
#define BACKOFF_FIRST_US 500000
#define BACKOFF_MOST_US  60000000

void shelf_task_limits(const struct task *task, struct limits *ret)
{
	*ret = task->limits;
	for (size_t i = 0; task->build.n > 0 && i < LIMIT_MAX_; i++)
		if (task->build_limits.v[i] > ret->v[i])
			ret->v[i] = task->build_limits.v[i];
}

void shelf_init(struct shelf *shelf, const struct task *task, struct image *image)
{
	*shelf = (struct shelf){ .task = task,
		.image = image,
		.sandbox = task->isolation == ISOLATION_SANDBOX,
		.target = (unsigned)task->warm,
		.slots = 1 };
	shelf_task_limits(task, &shelf->limits);
	TAILQ_INIT(&shelf->ready);
}

unsigned shelf_slots(
	const struct task *task, const struct limits *limits, unsigned jobs, int64_t memory_bytes)
{
	unsigned n = 2 * (jobs < (unsigned)task->concurrency ? jobs : (unsigned)task->concurrency);
	int64_t room = memory_bytes / limits->v[LIMIT_MEMORY];

	if (memory_bytes > 0 && room < (int64_t)n)
		n = (unsigned)room;
	return n < 1 ? 1 : n;
}

static unsigned slots_alive(const struct shelf *shelf)
{
	return shelf->n_ready + shelf->n_coming + shelf->n_lent + shelf->n_back;
}

/*
 * As many as there are jobs, this one included, and those that are between two
 * jobs: making a sandbox may take longer than a small job in it.
 */
static void want_slots(struct shelf *shelf)
{
	unsigned want = shelf->n_lent + shelf->n_back + shelf->n_waiting + 1;

	if (want > shelf->slots)
		want = shelf->slots;
	if (want > shelf->target)
		shelf->target = want;
}

void shelf_heat(struct shelf *shelf, int64_t now_us)
{
	unsigned want;

	if (shelf->sandbox) {
		want_slots(shelf);
		return;
	}

	/* Steadily one job each HEAT_US / n: n + 1. */
	shelf->heat = shelf->heat * HEAT_US / (HEAT_US + (double)(now_us - shelf->heat_us)) + 1;
	shelf->heat_us = now_us;
	want = (unsigned)(shelf->heat + 0.5);
	if (want > (unsigned)shelf->task->warm_max)
		want = (unsigned)shelf->task->warm_max;
	if (want > shelf->target)
		shelf->target = want;
}

bool shelf_is_hot(const struct shelf *shelf)
{
	return shelf->heat >= HOT;
}

bool shelf_has_idle(const struct shelf *shelf, int64_t now_us)
{
	const struct box *oldest = TAILQ_FIRST(&shelf->ready);

	return oldest != NULL && shelf->n_ready > (unsigned)shelf->task->warm &&
	       now_us - oldest->ready_us >= (int64_t)shelf->task->warm_idle_s * 1000000;
}

/* Until one slot has shown that the host allows them, it is alone. */
static unsigned lacking_slots(const struct shelf *shelf)
{
	unsigned have = slots_alive(shelf);
	unsigned want = shelf->proven || shelf->target < 1 ? shelf->target : 1;

	return have < want ? want - have : 0;
}

unsigned shelf_lacks_now(const struct shelf *shelf, int64_t now_us)
{
	unsigned lacking;

	if (shelf->n_coming >= shelf->n_waiting)
		return 0;
	lacking = shelf->n_waiting - shelf->n_coming;
	if (!shelf->sandbox)
		return lacking;
	/* The other slots come back to those that wait. */
	if (now_us < shelf->not_before_us && shelf->n_lent + shelf->n_back > 0)
		return 0;
	return lacking < lacking_slots(shelf) ? lacking : lacking_slots(shelf);
}

unsigned shelf_lacks(const struct shelf *shelf)
{
	unsigned have = shelf->n_ready + shelf->n_coming;
	unsigned want = shelf->target + shelf->n_waiting;

	if (shelf->sandbox)
		return lacking_slots(shelf);
	return have < want ? want - have : 0;
}

bool shelf_fits(const struct shelf *shelf, const struct limits *limits, uint64_t files_bytes)
{
	int64_t disk = limits->v[LIMIT_DISK], made_for = shelf->limits.v[LIMIT_DISK];

	for (size_t i = 0; i < LIMIT_MAX_; i++)
		if (limits->v[i] > shelf->limits.v[i])
			return false;
	/*
	 * A container's file systems have their size from its creation. A slot's jobs have
	 * their own, which are made smaller behind the job's files: those must fit.
	 */
	return disk == made_for || (shelf->sandbox && files_bytes <= (uint64_t)disk);
}

void shelf_back_off(struct shelf *shelf, int64_t now_us)
{
	int64_t us = shelf->backoff_us == 0 ? BACKOFF_FIRST_US : shelf->backoff_us * 2;

	shelf->backoff_us = us > BACKOFF_MOST_US ? BACKOFF_MOST_US : us;
	shelf->not_before_us = now_us + shelf->backoff_us;
}
