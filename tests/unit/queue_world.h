/* SPDX-License-Identifier: MIT */
/*
 * The real queue in a process of its own, over real sockets; gateway and driver
 * are scripted by the test. The listeners are made here and handed over, so that the
 * queue may die and come back behind them. What does not come fails the test.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/config.h"
#include "common/job_id.h"
#include "common/verdict.h"
#include "wire/channel.h"

#define PATIENCE_S 20 /* what has not come by then does not come */
#define SLOTS      4

/* The configuration that setup() takes. */
extern const char usual_text[];
/* What its wall clock is ahead of the machine's; NULL: nothing. */
extern int64_t *wall_offset_ms;

struct got {
	STAILQ_ENTRY(got) next;
	struct msg msg;
};

STAILQ_HEAD(gots, got);

struct peer {
	struct channel *ch;
	struct gots gots;
	bool open, closed;
	bool may_die; /* the queue is killed on purpose */
	uint64_t last_token;
};

struct world {
	struct config *config;
	const char *text;
	struct event_base *base;
	char dir[64];
	int fd[3]; /* listeners: gateways', drivers', couriers' */
	pid_t queue;
	struct peer gate, driver;
	uid_t queue_uid;
	bool mounted;
	/* Called in the queue's process in place of going to `dir`, and once it is over. */
	void (*begins)(void *arg);
	void (*is_over)(void *arg);
	void *arg;
	const char *bearer, *callback; /* of submits; NULL: none */
};

/* As cmocka wants them: *state is the world. */
int setup(void **state);
int teardown(void **state);
void set_text(struct world *w, const char *text);

/* --- the queue's process --- */

void start_queue(struct world *w);
/* Its status, as of wait(2). */
int end_queue(struct world *w, int sig);
/* What is said until it goes on is one turn of its loop. */
void halt_queue(struct world *w);
void let_queue_go_on(struct world *w);

/* --- a peer of the queue --- */

void to_door(struct world *w, size_t door, enum role as, uint64_t instance, struct peer *peer);
void forget(struct peer *peer);
void say(struct peer *peer, const struct msg *msg);
/* Runs the loop until `done` says so. */
bool run_until(struct world *w, bool (*done)(struct peer *peer), struct peer *peer);
bool is_open(struct peer *peer);
bool is_closed(struct peer *peer);
/* The next message, which the caller releases. */
struct msg next(struct world *w, struct peer *peer);
struct msg expect(struct world *w, struct peer *peer, enum msg_type type);

/* --- what gateways say --- */

void gate_in(struct world *w);
void ask_submit(struct world *w, const char *task, uint32_t wait_ms, struct blob input);
struct job_id submit_task(struct world *w, const char *task);
struct job_id submit(struct world *w);
void ask_get(struct world *w, const struct job_id *id, uint32_t wait_ms);
struct msg get(struct world *w, const struct job_id *id, uint32_t wait_ms);
void ask_cancel(struct world *w, const struct job_id *id);
void expect_refused(struct world *w, enum refusal why);

/* --- what drivers say --- */

void driver_in(struct world *w, uint64_t instance, const struct msg_run *running, size_t n);
/* With what it says to run: n entries of id and attempt. */
void say_node(struct peer *driver, const struct msg_run *running, size_t n);
struct msg_run expect_run(struct world *w);
void say_ending(struct world *w, const struct msg_run *run, enum verdict verdict, struct blob out);
void expect_ack(struct world *w, const struct msg_run *run);
/* The hand-over of the next job may overtake the acknowledgement. */
struct msg_run expect_ack_and_run(struct world *w, const struct msg_run *ended);

/* --- bytes --- */

struct blob text_blob(const char *text);
/* Asks the queue for a spool file and writes n bytes of a pattern into it. */
struct blob spool_blob(struct world *w, struct peer *peer, size_t n);
void assert_pattern(const struct blob *blob, size_t n);
size_t files_in_spool(const struct world *w);
