/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/log.h"
#include "pace.h"
#include "shelf.h"

#define REMOVE_AT_ONCE  2  /* behind creations */
#define QUIET_AT_ONCE   4  /* when nothing is created */
#define URGENT_AT_ONCE  8  /* a job may still run in there */
#define REMOVE_OWED_MAX 16 /* so many wait at most for quieter times */
#define IDLE_CHECK_S    1
#define REFILL_DELAY_MS 40 /* most jobs are over by then: making a container would slow them */

_Static_assert(CONFIG_JOB_UIDS == POOL_BOXES_MAX * POOL_UIDS_PER_BOX, "all that are dealt out");

TAILQ_HEAD(ticket_list, pool_ticket);

struct pool {
	struct pool_host host;
	struct pool_machine machine;
	struct pace pace;
	struct shelf *shelves; /* owned: of the configuration's tasks and their checkers */
	size_t n_shelves;
	struct box_list working; /* on the way up, or taken */
	struct box_list doomed;  /* to be removed */
	struct box_list removing;
	struct ticket_list tickets;
	struct pool_takes own_takes; /* without a shelf */
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

static struct shelf *shelf_of(const struct pool *pool, const struct task *task)
{
	for (size_t i = 0; i < pool->n_shelves; i++)
		if (pool->shelves[i].task == task)
			return &pool->shelves[i];
	return NULL;
}

/* ---- where a box is ---- */

static struct box_list *list_of(struct pool *pool, const struct box *box)
{
	switch ((enum pool_place)box->place) {
	case PLACE_SHELF:
		return &((struct shelf *)box->shelf)->ready;
	case PLACE_DOOMED:
		return &pool->doomed;
	case PLACE_REMOVING:
		return &pool->removing;
	default:
		return &pool->working;
	}
}

static void count(struct pool *pool, const struct box *box, unsigned by)
{
	struct shelf *own = box->shelf, *task = shelf_of(pool, box->shape.task);

	switch ((enum pool_place)box->place) {
	case PLACE_COMING:
		pool->n_creating += by;
		if (own != NULL)
			own->n_coming += by;
		break;
	case PLACE_SHELF:
		assert(own != NULL);
		own->n_ready += by;
		break;
	case PLACE_LENT:
		if (own != NULL)
			own->n_lent += by;
		if (task != NULL)
			task->n_busy += by;
		break;
	case PLACE_BACK:
		assert(own != NULL);
		own->n_back += by;
		break;
	case PLACE_DOOMED:
		pool->n_doomed += by;
		break;
	case PLACE_REMOVING:
		pool->n_removing += by;
		break;
	case PLACE_NOWHERE:
		break;
	}
}

/* The only one that moves a box from list to list and keeps the counts. */
static void put(struct pool *pool, struct box *box, enum pool_place place)
{
	if (box->place != PLACE_NOWHERE)
		TAILQ_REMOVE(list_of(pool, box), box, link);
	count(pool, box, -1U);
	box->place = place;
	count(pool, box, 1);
	if (place != PLACE_NOWHERE)
		TAILQ_INSERT_TAIL(list_of(pool, box), box, link);
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

static void doom(struct pool *pool, struct box *box)
{
	box_doom(box);
	put(pool, box, PLACE_DOOMED);
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

static void hand_out(struct pool *pool, struct box *box, struct pool_ticket *ticket)
{
	unqueue(pool, ticket);
	put(pool, box, PLACE_LENT);
	ticket->got(box, ticket->arg);
	changed(pool);
}

/* Is it still what its shelf keeps? Image or level may have become others meanwhile. */
static bool is_current(const struct box *box)
{
	const struct shelf *shelf = box->shelf;

	return shelf != NULL && shelf->sandbox == box->shape.sandbox &&
	       strcmp(box->image_id, shelf->image->id) == 0;
}

static void look_at_pace(struct pool *pool)
{
	unsigned before = pool->pace.now;

	pace_ready(&pool->pace, pool->n_creating >= before, clock_us());
	if (pool->pace.now != before)
		log_debug("engine at_once=%u, at %u it made %.1f containers/s", pool->pace.now,
			before, pool->pace.rate * 1e6);
}

static void on_ready(struct box *box, void *arg)
{
	struct pool *pool = arg;
	struct shelf *shelf = box->shelf;
	struct pool_ticket *ticket = ticket_for(pool, box);
	bool current = is_current(box) || (shelf == NULL && ticket != NULL);

	if (box->place == PLACE_COMING) {
		look_at_pace(pool);
		pump_soon(pool);
		if (shelf != NULL)
			shelf->backoff_us = 0;
		if (box->shape.sandbox && shelf != NULL && !shelf->proven) {
			shelf->proven = true;
			pool->host.sandbox_known(shelf->task, NULL, pool->host.arg);
		}
	}
	if (!current || pool->draining) {
		doom(pool, box);
	} else if (ticket != NULL) {
		hand_out(pool, box, ticket);
	} else {
		put(pool, box, PLACE_SHELF);
		changed(pool);
	}
}

/* Its jobs get a container each from now on. */
static void fall_back(struct pool *pool, struct shelf *shelf, const char *why)
{
	shelf->sandbox = false;
	shelf->target = (unsigned)shelf->task->warm;
	pool->host.sandbox_known(shelf->task, why, pool->host.arg);
}

/* Whose making has failed; a job that can wait for another slot does. */
static struct pool_ticket *loser(struct pool *pool, const struct box *box)
{
	const struct shelf *shelf = box->shelf;

	if (box->place != PLACE_COMING)
		return NULL;
	if (shelf != NULL && shelf->sandbox &&
		shelf->n_ready + shelf->n_coming + shelf->n_lent + shelf->n_back > 1)
		return NULL;
	return ticket_for(pool, box);
}

/* A box of state DOOMED that was on the way up, on a shelf, or between two jobs. */
static void on_failed(struct box *box, const char *why, enum engine_tried tried, void *arg)
{
	struct pool *pool = arg;
	struct shelf *shelf = box->shelf;
	bool falls_back = box->no_sandbox && shelf != NULL && !shelf->proven;
	struct pool_ticket *ticket = falls_back ? NULL : loser(pool, box);

	if (falls_back)
		fall_back(pool, shelf, why);
	else if (tried == ENGINE_TRIED && !pool->draining)
		log_warning("task=%s container=%s: %s", box->shape.task->name, box->name, why);
	if (shelf != NULL && !falls_back && box->place != PLACE_BACK)
		shelf_back_off(shelf, clock_us());
	if (box->place == PLACE_COMING)
		pace_ready(&pool->pace, false, clock_us()); /* what fails is faster */
	put(pool, box, PLACE_DOOMED);
	if (box->agent_missing)
		pool->host.agent_missing(pool->host.arg);
	pump_soon(pool);
	changed(pool);
	if (ticket != NULL) {
		unqueue(pool, ticket);
		ticket->failed(why, tried, ticket->arg);
	}
}

static void on_gone(struct box *box, void *arg)
{
	struct pool *pool = arg;

	put(pool, box, PLACE_NOWHERE);
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
	shape.agent_uid = pool->machine.uid_base + POOL_UIDS_PER_BOX * (uid_t)slot;
	shape.job_uid = shape.agent_uid + 1;
	(void)snprintf(
		name, sizeof(name), "%s%llu", pool->prefix, (unsigned long long)++pool->serial);
	if (box_new(pool->host.base, pool->host.engine, pool->host.container, &shape, image, name,
		    &box_owner, pool, &box, &err) < 0) {
		slot_give(pool, shape.slot);
		return NULL;
	}
	box->shelf = shelf;
	put(pool, box, PLACE_COMING);
	pool->n_alive++;
	return box;
}

static bool create_for_shelf(struct pool *pool, struct shelf *shelf)
{
	struct container_shape shape = {
		.task = shelf->task, .limits = shelf->limits, .sandbox = shelf->sandbox
	};
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
		if (shelf != NULL && shelf_lacks_now(shelf, clock_us()) > 0)
			return create_for_shelf(pool, shelf);
	}
	return false;
}

/* A shelf with nothing comes first, then the one that lacks most. */
static unsigned urgency(const struct pool *pool, const struct shelf *shelf, int64_t now_us)
{
	unsigned lacks = shelf_lacks(shelf);

	if (lacks == 0 || !image_is_ready(shelf->image) || now_us < shelf->not_before_us)
		return 0;
	/* It would only slow down what a job waits for, unless more are to come. */
	if (!TAILQ_EMPTY(&pool->tickets) && !shelf_is_hot(shelf))
		return 0;
	return shelf->n_ready + shelf->n_coming + shelf->n_lent + shelf->n_back == 0
		       ? lacks + POOL_BOXES_MAX
		       : lacks;
}

static bool refill_one(struct pool *pool)
{
	int64_t now_us = clock_us();
	struct shelf *best = NULL;
	unsigned most = 0;

	for (size_t i = 0; i < pool->n_shelves; i++) {
		unsigned u = urgency(pool, &pool->shelves[i], now_us);

		if (u > most) {
			most = u;
			best = &pool->shelves[i];
		}
	}
	return best != NULL && create_for_shelf(pool, best);
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
	if (quiet)
		return pool->n_removing < QUIET_AT_ONCE ? TAILQ_FIRST(&pool->doomed) : NULL;
	return pool->n_removing < REMOVE_AT_ONCE && pool->n_doomed > REMOVE_OWED_MAX
		       ? TAILQ_FIRST(&pool->doomed)
		       : NULL;
}

static void remove_some(struct pool *pool, bool quiet)
{
	struct box *box;

	while (engine_is_up(pool->host.engine) && (box = next_doomed(pool, quiet)) != NULL) {
		put(pool, box, PLACE_REMOVING);
		box_remove(box);
	}
}

static void pump(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;

	(void)fd;
	(void)what;
	while (pool->on && !pool->draining && pool->n_creating < pool->pace.now &&
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

static void on_idle_timer(evutil_socket_t fd, short what, void *arg)
{
	struct pool *pool = arg;
	int64_t now_us = clock_us();

	(void)fd;
	(void)what;
	for (size_t i = 0; i < pool->n_shelves; i++) {
		struct shelf *shelf = &pool->shelves[i];

		if (!shelf_has_idle(shelf, now_us))
			continue;
		doom(pool, TAILQ_FIRST(&shelf->ready));
		if (shelf->target > (unsigned)shelf->task->warm)
			shelf->target--;
		changed(pool);
	}
	pump_soon(pool); /* back-offs may have passed */
}

struct box *pool_ask(struct pool *pool, struct pool_ticket *ticket)
{
	struct shelf *shelf = shelf_of(pool, ticket->task);
	struct box *box;

	ticket->coming = NULL;
	ticket->queued = false;
	ticket->cold = shelf == NULL || ticket->gpus != NULL ||
		       !shelf_fits(shelf, &ticket->limits, ticket->files_bytes);
	if (!ticket->cold) {
		shelf_heat(shelf, clock_us());
		/* The newest: the oldest one's age then says how many are idle. */
		box = TAILQ_LAST(&shelf->ready, box_list);
		if (box != NULL) {
			put(pool, box, PLACE_LENT);
			shelf->n_hits++;
			if (shelf_is_hot(shelf))
				pump_soon(pool);
			else if (!shelf->sandbox)
				refill_later(pool);
			return box;
		}
		shelf->n_waiting++;
	}
	*(shelf == NULL ? &pool->own_takes.misses : &shelf->n_misses) += 1;
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
	if (box != NULL)
		doom(pool, box);
}

/* A slot goes on unless it has served long enough, or is no longer what is kept. */
static bool goes_on(const struct pool *pool, const struct box *box)
{
	return box->shape.sandbox && !pool->draining && is_current(box) &&
	       box->served < (unsigned)box->shape.task->slot_jobs;
}

void pool_return(struct pool *pool, struct box *box, bool finished)
{
	box->finished = finished;
	if (finished && goes_on(pool, box)) {
		put(pool, box, PLACE_BACK);
		box_again(box);
		return;
	}
	doom(pool, box);
	changed(pool);
}

void pool_kill(struct pool *pool, struct box *box, const uint8_t nonce[FRAME_NONCE_BYTES])
{
	if (!goes_on(pool, box) || attach_waiting(box->attach) > 0) {
		pool_return(pool, box, false);
		return;
	}
	put(pool, box, PLACE_BACK);
	box_clear(box, nonce);
}

void pool_set_machine(struct pool *pool, const struct pool_machine *machine)
{
	pool->machine = *machine;
	if (machine->at_once_least != pool->pace.least || machine->at_once_most != pool->pace.most)
		pace_init(&pool->pace, machine->at_once, machine->at_once_least,
			machine->at_once_most);
	for (size_t i = 0; i < pool->n_shelves; i++) {
		struct shelf *shelf = &pool->shelves[i];

		shelf->slots = shelf_slots(
			shelf->task, &shelf->limits, machine->jobs, machine->memory_bytes);
	}
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
			if (!is_current(box))
				doom(pool, box);
		}
	}
	pump_soon(pool);
}

struct pool_takes pool_takes(const struct pool *pool, const struct task *task)
{
	const struct shelf *shelf = task == NULL ? NULL : shelf_of(pool, task);

	if (shelf == NULL)
		return task == NULL ? pool->own_takes : (struct pool_takes){ 0 };
	return (struct pool_takes){ shelf->n_hits, shelf->n_misses };
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

static bool has(const struct box_list *list, const char *name)
{
	const struct box *box;

	TAILQ_FOREACH (box, list, link)
		if (strcmp(box->name, name) == 0)
			return true;
	return false;
}

bool pool_owns(const struct pool *pool, const char *name)
{
	bool found =
		has(&pool->working, name) || has(&pool->doomed, name) || has(&pool->removing, name);

	for (size_t i = 0; !found && i < pool->n_shelves; i++)
		found = has(&pool->shelves[i].ready, name);
	return found;
}

static void doom_list(struct pool *pool, const struct box_list *list)
{
	struct box *box, *next;

	for (box = TAILQ_FIRST(list); box != NULL; box = next) {
		next = TAILQ_NEXT(box, link);
		if (box->place != PLACE_LENT)
			doom(pool, box);
	}
}

void pool_drain(struct pool *pool, void (*empty)(void *arg), void *arg)
{
	pool->draining = true;
	pool->empty = empty;
	pool->empty_arg = arg;
	doom_list(pool, &pool->working);
	for (size_t i = 0; i < pool->n_shelves; i++)
		doom_list(pool, &pool->shelves[i].ready);
	pump_soon(pool);
}

/* ---- life ---- */

static int add_shelf(struct pool *pool, const struct task *task, struct err *err)
{
	struct image *image = images_get(pool->host.images, task->image);
	struct shelf *shelf = &pool->shelves[pool->n_shelves];

	if (image == NULL)
		return err_set(err, ENOMEM, "pool");
	image->of_a_task = true;
	shelf_init(shelf, task, image);
	if (pool_deals_gpus(pool, task))
		shelf->target = 0;
	pool->n_shelves++;
	return 0;
}

/* One for each task, and one for its checker: a job that has the one waits for no other job. */
static int make_shelves(struct pool *pool, struct err *err)
{
	const struct config *config = pool->host.config;

	pool->shelves = calloc(2 * config->n_tasks + 1, sizeof(*pool->shelves));
	if (pool->shelves == NULL)
		return err_set(err, ENOMEM, "pool");
	for (size_t i = 0; i < config->n_tasks; i++) {
		const struct task *task = &config->tasks[i];

		if (add_shelf(pool, task, err) < 0 ||
			(task->checker != NULL && add_shelf(pool, task->checker, err) < 0))
			return -err->code;
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
	pool->machine = (struct pool_machine){ .uid_base = host->config->job_uid_base, .jobs = 1 };
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
