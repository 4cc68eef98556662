/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/log.h"

#define CREATE_AT_ONCE   4
#define REMOVE_AT_ONCE   2  /* behind creations */
#define URGENT_AT_ONCE   8  /* a job may still run in there */
#define REMOVE_OWED_MAX  16 /* so many wait at most for quieter times */
#define IDLE_CHECK_S     1
#define REFILL_DELAY_MS  40 /* most jobs are over by then: making a container would slow them */
#define BACKOFF_FIRST_US 500000
#define BACKOFF_MOST_US  60000000

TAILQ_HEAD(box_list, box);
TAILQ_HEAD(ticket_list, pool_ticket);

struct shelf {
	const struct task *task;
	struct image *image;
	struct limits limits;
	struct box_list ready; /* oldest first */
	unsigned n_ready, n_coming, n_busy, n_waiting, target;
	int64_t backoff_us, not_before_us; /* refills after a failure */
};

struct pool {
	struct pool_host host;
	struct shelf *shelves; /* owned: one per task of the configuration */
	size_t n_shelves;
	struct box_list working; /* on the way up, or taken */
	struct box_list doomed;  /* to be removed */
	struct box_list removing;
	struct ticket_list tickets;
	unsigned n_creating, n_removing, n_doomed, n_stuck, n_alive;
	uint8_t slots[POOL_BOXES_MAX / 8];
	uint64_t serial;
	char prefix[40];                       /* of our containers' names */
	struct event *idle_timer, *pump_event; /* owned */
	bool on, draining;
	void (*empty)(void *arg);
	void *empty_arg;
};

static void pump_soon(struct pool *pool)
{
	event_active(pool->pump_event, EV_TIMEOUT, 0);
}

static void changed(struct pool *pool)
{
	pool->host.changed(pool->host.arg);
}

/* Its return pumps at once; this is for jobs that take longer. */
static void refill_later(struct pool *pool)
{
	const struct timeval tv = { .tv_usec = REFILL_DELAY_MS * 1000 };

	if (!evtimer_pending(pool->pump_event, NULL))
		(void)event_add(pool->pump_event, &tv);
}

bool pool_deals_gpus(const struct pool *pool, const struct task *task)
{
	enum gpu_ask ask = gpu_ask_of(task->gpus);

	return pool->host.gpus->n > 0 && ask != GPU_ASK_NONE &&
	       (!task->gpus_shared || ask == GPU_ASK_COUNT);
}

void pool_task_limits(const struct task *task, struct limits *ret)
{
	*ret = task->limits;
	for (size_t i = 0; task->build.n > 0 && i < LIMIT_MAX_; i++)
		if (task->build_limits.v[i] > ret->v[i])
			ret->v[i] = task->build_limits.v[i];
}

/* ---- slots ---- */

static int slot_take(struct pool *pool)
{
	for (unsigned i = 0; i < POOL_BOXES_MAX; i++)
		if ((pool->slots[i / 8] & 1U << i % 8) == 0) {
			pool->slots[i / 8] |= (uint8_t)(1U << i % 8);
			return (int)i;
		}
	return -1;
}

static void slot_give(struct pool *pool, unsigned slot)
{
	pool->slots[slot / 8] &= (uint8_t) ~(1U << slot % 8);
}

/* ---- what boxes tell ---- */

static void doom(struct pool *pool, struct box *box, struct box_list *from)
{
	TAILQ_REMOVE(from, box, link);
	box_doom(box);
	TAILQ_INSERT_TAIL(&pool->doomed, box, link);
	pool->n_doomed++;
	pump_soon(pool);
}

static struct pool_ticket *ticket_for(struct pool *pool, const struct box *box)
{
	struct pool_ticket *ticket;

	TAILQ_FOREACH (ticket, &pool->tickets, link) {
		const struct shelf *shelf = box->shelf;

		if (ticket->coming == box)
			return ticket;
		if (shelf != NULL && !ticket->cold && ticket->task == shelf->task)
			return ticket;
	}
	return NULL;
}

static struct shelf *shelf_of(struct pool *pool, const struct task *task)
{
	for (size_t i = 0; i < pool->n_shelves; i++)
		if (pool->shelves[i].task == task)
			return &pool->shelves[i];
	return NULL;
}

static void unqueue(struct pool *pool, struct pool_ticket *ticket)
{
	struct shelf *shelf = shelf_of(pool, ticket->task);

	if (!ticket->queued)
		return;
	ticket->queued = false;
	TAILQ_REMOVE(&pool->tickets, ticket, link);
	if (shelf != NULL && !ticket->cold)
		shelf->n_waiting--;
}

static void count_busy(struct pool *pool, const struct box *box, int by)
{
	struct shelf *shelf = shelf_of(pool, box->shape.task);

	if (shelf != NULL)
		shelf->n_busy += (unsigned)by;
}

static void hand_out(struct pool *pool, struct box *box, struct pool_ticket *ticket)
{
	unqueue(pool, ticket);
	count_busy(pool, box, 1);
	ticket->got(box, ticket->arg);
	changed(pool);
}

static void on_ready(struct box *box, void *arg)
{
	struct pool *pool = arg;
	struct shelf *shelf = box->shelf;
	struct pool_ticket *ticket = ticket_for(pool, box);
	bool stale; /* the image became another meanwhile */

	pool->n_creating--;
	if (shelf != NULL) {
		shelf->n_coming--;
		shelf->backoff_us = 0;
	}
	pump_soon(pool);
	stale = shelf != NULL && strcmp(box->image_id, shelf->image->id) != 0;
	if (ticket != NULL && !stale) {
		hand_out(pool, box, ticket);
	} else if (stale || shelf == NULL || pool->draining) {
		doom(pool, box, &pool->working);
	} else {
		TAILQ_REMOVE(&pool->working, box, link);
		TAILQ_INSERT_TAIL(&shelf->ready, box, link);
		shelf->n_ready++;
		changed(pool);
	}
}

static void back_off(struct shelf *shelf)
{
	int64_t us = shelf->backoff_us == 0 ? BACKOFF_FIRST_US : shelf->backoff_us * 2;

	shelf->backoff_us = us > BACKOFF_MOST_US ? BACKOFF_MOST_US : us;
	shelf->not_before_us = clock_us() + shelf->backoff_us;
}

/* A box of state DOOMED that was on the way up, or on a shelf. */
static void on_failed(struct box *box, const char *why, bool away, void *arg)
{
	struct pool *pool = arg;
	struct shelf *shelf = box->shelf;
	bool was_ready = box->ready_us != 0;
	struct pool_ticket *ticket = was_ready ? NULL : ticket_for(pool, box);

	if (!away && !pool->draining)
		log_warning("task=%s container=%s: %s", box->shape.task->name, box->name, why);
	TAILQ_REMOVE(was_ready ? &shelf->ready : &pool->working, box, link);
	TAILQ_INSERT_TAIL(&pool->doomed, box, link);
	pool->n_doomed++;
	if (was_ready)
		shelf->n_ready--;
	else
		pool->n_creating--;
	if (shelf != NULL && !was_ready)
		shelf->n_coming--;
	if (shelf != NULL)
		back_off(shelf);
	if (box->agent_missing)
		pool->host.agent_missing(pool->host.arg);
	pump_soon(pool);
	changed(pool);
	if (ticket != NULL) {
		unqueue(pool, ticket);
		ticket->failed(why, away, ticket->arg);
	}
}

static void on_gone(struct box *box, void *arg)
{
	struct pool *pool = arg;

	TAILQ_REMOVE(&pool->removing, box, link);
	pool->n_removing--;
	pool->n_alive--;
	if (box->is_stuck) {
		pool->n_stuck--;
		changed(pool);
	}
	slot_give(pool, box->shape.slot);
	box_free(box);
	pump_soon(pool);
}

static void on_stuck(struct box *box, void *arg)
{
	struct pool *pool = arg;

	(void)box;
	pool->n_stuck++;
	changed(pool);
}

static const struct box_owner box_owner = {
	.ready = on_ready, .failed = on_failed, .gone = on_gone, .stuck = on_stuck
};

/* ---- creation ---- */

static struct box *create(struct pool *pool, const struct container_shape *from,
	struct image *image, struct shelf *shelf)
{
	struct container_shape shape = *from;
	int slot = slot_take(pool);
	char name[80];
	struct box *box;
	struct err err;

	if (slot < 0)
		return NULL;
	shape.slot = (unsigned)slot;
	shape.agent_uid = pool->host.uid_base + 2 * (uid_t)slot;
	shape.job_uid = shape.agent_uid + 1;
	(void)snprintf(
		name, sizeof(name), "%s%llu", pool->prefix, (unsigned long long)++pool->serial);
	if (box_new(pool->host.base, pool->host.engine, pool->host.container, &shape, image, name,
		    &box_owner, pool, &box, &err) < 0) {
		slot_give(pool, shape.slot);
		return NULL;
	}
	box->shelf = shelf;
	TAILQ_INSERT_TAIL(&pool->working, box, link);
	pool->n_creating++;
	pool->n_alive++;
	if (shelf != NULL)
		shelf->n_coming++;
	return box;
}

static bool create_for_shelf(struct pool *pool, struct shelf *shelf)
{
	struct container_shape shape = { .task = shelf->task, .limits = shelf->limits };
	struct box *box = create(pool, &shape, shelf->image, shelf);

	if (box != NULL)
		box_create(box);
	return box != NULL;
}

static bool create_for_ticket(struct pool *pool, struct pool_ticket *ticket)
{
	struct container_shape shape = { .task = ticket->task,
		.limits = ticket->limits,
		.gpus = ticket->gpus,
		.job = ticket->job,
		.attempt = ticket->attempt };
	struct box *box = create(pool, &shape, ticket->image, NULL);

	if (box == NULL)
		return false;
	ticket->coming = box;
	box->gpu_mask = ticket->gpu_mask;
	box_create(box);
	return true;
}

static bool has_gpu_of(const struct box_list *list, uint64_t mask)
{
	const struct box *box;

	TAILQ_FOREACH (box, list, link)
		if ((box->gpu_mask & mask) != 0)
			return true;
	return false;
}

/* An ended job's container may not be gone yet. */
static bool gpus_are_free(const struct pool *pool, const struct pool_ticket *ticket)
{
	uint64_t mask = ticket->task->gpus_shared ? 0 : ticket->gpu_mask;

	return mask == 0 ||
	       (!has_gpu_of(&pool->working, mask) && !has_gpu_of(&pool->doomed, mask) &&
		       !has_gpu_of(&pool->removing, mask));
}

/* The next waiting job for which nothing is on its way. False: there is none, or no room. */
static bool create_for_waiting(struct pool *pool)
{
	struct pool_ticket *ticket;

	TAILQ_FOREACH (ticket, &pool->tickets, link) {
		struct shelf *shelf;

		if (ticket->cold && ticket->coming == NULL && gpus_are_free(pool, ticket))
			return create_for_ticket(pool, ticket);
		shelf = ticket->cold ? NULL : shelf_of(pool, ticket->task);
		if (shelf != NULL && shelf->n_coming < shelf->n_waiting)
			return create_for_shelf(pool, shelf);
	}
	return false;
}

static bool refill_one(struct pool *pool)
{
	int64_t now_us = clock_us();
	struct shelf *most = NULL;
	unsigned most_lacking = 0;

	if (!TAILQ_EMPTY(&pool->tickets))
		return false; /* it would only slow down what a job waits for */
	for (size_t i = 0; i < pool->n_shelves; i++) {
		struct shelf *shelf = &pool->shelves[i];
		unsigned have = shelf->n_ready + shelf->n_coming;
		unsigned want = shelf->target + shelf->n_waiting;

		if (have >= want || !image_is_ready(shelf->image) || now_us < shelf->not_before_us)
			continue;
		if (want - have > most_lacking) {
			most_lacking = want - have;
			most = shelf;
		}
	}
	return most != NULL && create_for_shelf(pool, most);
}

/* ---- removal ---- */

static struct box *next_doomed(struct pool *pool, bool quiet)
{
	struct box *box;

	TAILQ_FOREACH (box, &pool->doomed, link)
		if (box->dying && pool->n_removing < URGENT_AT_ONCE)
			return box;
	if (pool->draining)
		return pool->n_removing < URGENT_AT_ONCE ? TAILQ_FIRST(&pool->doomed) : NULL;
	if (pool->n_removing < REMOVE_AT_ONCE && (quiet || pool->n_doomed > REMOVE_OWED_MAX))
		return TAILQ_FIRST(&pool->doomed);
	return NULL;
}

static void remove_some(struct pool *pool, bool quiet)
{
	struct box *box;

	while (engine_is_up(pool->host.engine) && (box = next_doomed(pool, quiet)) != NULL) {
		TAILQ_REMOVE(&pool->doomed, box, link);
		pool->n_doomed--;
		TAILQ_INSERT_TAIL(&pool->removing, box, link);
		pool->n_removing++;
		box_remove(box);
	}
}

static void pump(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;

	(void)fd;
	(void)what;
	while (pool->on && !pool->draining && pool->n_creating < CREATE_AT_ONCE &&
		(create_for_waiting(pool) || refill_one(pool)))
		;
	remove_some(pool, pool->n_creating == 0);
	if (pool->draining && pool->n_alive == 0 && pool->empty != NULL) {
		void (*empty)(void *) = pool->empty;

		pool->empty = NULL;
		empty(pool->empty_arg);
	}
}

/* ---- the warm ones ---- */

static void drop_ready(struct pool *pool, struct shelf *shelf, struct box *box)
{
	shelf->n_ready--;
	doom(pool, box, &shelf->ready);
}

static void on_idle_timer(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;
	int64_t now_us = clock_us();

	(void)fd;
	(void)what;
	for (size_t i = 0; i < pool->n_shelves; i++) {
		struct shelf *shelf = &pool->shelves[i];
		struct box *box = TAILQ_FIRST(&shelf->ready);

		if (shelf->n_ready <= (unsigned)shelf->task->warm || box == NULL ||
			now_us - box->ready_us < (int64_t)shelf->task->warm_idle_s * 1000000)
			continue;
		drop_ready(pool, shelf, box);
		if (shelf->target > (unsigned)shelf->task->warm)
			shelf->target--;
		changed(pool);
	}
	pump_soon(pool); /* back-offs may have passed */
}

static bool fits(const struct shelf *shelf, const struct limits *limits)
{
	for (size_t i = 0; i < LIMIT_MAX_; i++)
		if (limits->v[i] > shelf->limits.v[i])
			return false;
	return limits->v[LIMIT_DISK] == shelf->limits.v[LIMIT_DISK];
}

struct box *pool_ask(struct pool *pool, struct pool_ticket *ticket)
{
	struct shelf *shelf = shelf_of(pool, ticket->task);
	struct box *box;

	ticket->coming = NULL;
	ticket->queued = false;
	ticket->cold = shelf == NULL || ticket->gpus != NULL || !fits(shelf, &ticket->limits);
	if (!ticket->cold) {
		/* The newest: the oldest one's age then says how many are idle. */
		box = TAILQ_LAST(&shelf->ready, box_list);
		if (box != NULL) {
			TAILQ_REMOVE(&shelf->ready, box, link);
			TAILQ_INSERT_TAIL(&pool->working, box, link);
			shelf->n_ready--;
			shelf->n_busy++;
			refill_later(pool);
			return box;
		}
		if (shelf->target < (unsigned)shelf->task->warm_max)
			shelf->target++;
		shelf->n_waiting++;
	}
	ticket->queued = true;
	TAILQ_INSERT_TAIL(&pool->tickets, ticket, link);
	pump_soon(pool);
	return NULL;
}

void pool_forget(struct pool *pool, struct pool_ticket *ticket)
{
	struct box *box = ticket->coming;

	if (!ticket->queued)
		return;
	unqueue(pool, ticket);
	if (box == NULL)
		return;
	pool->n_creating--;
	doom(pool, box, &pool->working);
}

void pool_return(struct pool *pool, struct box *box, bool finished)
{
	count_busy(pool, box, -1);
	box->finished = finished;
	doom(pool, box, &pool->working);
	changed(pool);
}

void pool_set_uid_base(struct pool *pool, uid_t base)
{
	pool->host.uid_base = base;
}

void pool_enable(struct pool *pool, bool on)
{
	pool->on = on;
	pump_soon(pool);
}

void pool_images_changed(struct pool *pool)
{
	for (size_t i = 0; i < pool->n_shelves; i++) {
		struct shelf *shelf = &pool->shelves[i];
		struct box *box, *next;

		for (box = TAILQ_FIRST(&shelf->ready); box != NULL; box = next) {
			next = TAILQ_NEXT(box, link);
			if (strcmp(box->image_id, shelf->image->id) != 0)
				drop_ready(pool, shelf, box);
		}
	}
	pump_soon(pool);
}

struct pool_counts pool_counts(const struct pool *pool, const struct task *task)
{
	for (size_t i = 0; i < pool->n_shelves; i++)
		if (pool->shelves[i].task == task)
			return (struct pool_counts){ pool->shelves[i].n_ready,
				pool->shelves[i].n_busy };
	return (struct pool_counts){ 0 };
}

unsigned pool_stuck(const struct pool *pool)
{
	return pool->n_stuck;
}

unsigned pool_alive(const struct pool *pool)
{
	return pool->n_alive;
}

bool pool_owns(const struct pool *pool, const char *name)
{
	return strncmp(name, pool->prefix, strlen(pool->prefix)) == 0;
}

static void doom_coming(struct pool *pool)
{
	struct box *box, *next;

	for (box = TAILQ_FIRST(&pool->working); box != NULL; box = next) {
		next = TAILQ_NEXT(box, link);
		if (box->state >= BOX_READY)
			continue;
		pool->n_creating--;
		if (box->shelf != NULL)
			((struct shelf *)box->shelf)->n_coming--;
		doom(pool, box, &pool->working);
	}
}

void pool_drain(struct pool *pool, void (*empty)(void *arg), void *arg)
{
	pool->draining = true;
	pool->empty = empty;
	pool->empty_arg = arg;
	doom_coming(pool);
	for (size_t i = 0; i < pool->n_shelves; i++)
		while (!TAILQ_EMPTY(&pool->shelves[i].ready))
			drop_ready(pool, &pool->shelves[i], TAILQ_FIRST(&pool->shelves[i].ready));
	pump_soon(pool);
}

/* ---- life ---- */

static int make_shelves(struct pool *pool, struct err *err)
{
	const struct config *config = pool->host.config;

	pool->shelves = calloc(config->n_tasks + 1, sizeof(*pool->shelves));
	if (pool->shelves == NULL)
		return err_set(err, ENOMEM, "pool");
	for (size_t i = 0; i < config->n_tasks; i++) {
		struct shelf *shelf = &pool->shelves[i];

		shelf->task = &config->tasks[i];
		shelf->image = images_get(pool->host.images, shelf->task->image);
		if (shelf->image == NULL)
			return err_set(err, ENOMEM, "pool");
		pool_task_limits(shelf->task, &shelf->limits);
		shelf->target =
			pool_deals_gpus(pool, shelf->task) ? 0 : (unsigned)shelf->task->warm;
		TAILQ_INIT(&shelf->ready);
		pool->n_shelves++;
	}
	return 0;
}

int pool_new(const struct pool_host *host, struct pool **ret, struct err *err)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	const struct timeval every = { .tv_sec = IDLE_CHECK_S };
	uint32_t random;

	if (pool == NULL)
		return err_set(err, ENOMEM, "pool");
	pool->host = *host;
	TAILQ_INIT(&pool->working);
	TAILQ_INIT(&pool->doomed);
	TAILQ_INIT(&pool->removing);
	TAILQ_INIT(&pool->tickets);
	pool->pump_event = evtimer_new(host->base, pump, pool);
	pool->idle_timer = event_new(host->base, -1, EV_PERSIST, on_idle_timer, pool);
	if (pool->pump_event == NULL || pool->idle_timer == NULL ||
		event_add(pool->idle_timer, &every) < 0 || make_shelves(pool, err) < 0) {
		pool_free(pool);
		return err_set(err, ENOMEM, "pool");
	}
	/* Names are unique over restarts, and tell this process's containers from a dead one's. */
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
		pool_free(pool);
		return err_set(err, EIO, "getrandom");
	}
	(void)snprintf(pool->prefix, sizeof(pool->prefix), "dockgate-%.8s-%08x-",
		host->container->instance, random);
	*ret = pool;
	return 0;
}

static void free_list(struct box_list *list)
{
	struct box *box;

	while ((box = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, box, link);
		box_free(box);
	}
}

void pool_free(struct pool *pool)
{
	if (pool == NULL)
		return;
	free_list(&pool->working);
	free_list(&pool->doomed);
	free_list(&pool->removing);
	for (size_t i = 0; i < pool->n_shelves; i++)
		free_list(&pool->shelves[i].ready);
	if (pool->pump_event != NULL)
		event_free(pool->pump_event);
	if (pool->idle_timer != NULL)
		event_free(pool->idle_timer);
	free(pool->shelves);
	free(pool);
}
