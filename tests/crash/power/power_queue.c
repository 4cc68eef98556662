/* SPDX-License-Identifier: MIT */
/*
 * The real queue on a disk that loses its power (disk.h), again and again: submits, hand-overs,
 * endings and purges, small ones and such that go through the spool, in the real group
 * commit, with its worker thread, its checkpoints and its start over what was left. What it
 * has acknowledged to its gateway or driver is there, whole and once; and in the end every
 * job ends.
 *
 * SEED and POWER_SEEDS choose other machines than the usual ones. Two threads and three
 * processes do not run twice in the same way: a seed gives the same choices, not the same run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "machine.h"
#include "queue_world.h"

#define LIVES              4
#define SUBMITS            60 /* of a life, at most: then it is stopped */
#define ON_THEIR_WAY       8
#define SPARE_FILES        4
#define FEW                30
#define MANY               4000
#define SPOILED_MAX        200 /* machines that a fault may take to be found */
#define PURGE_TOKENS       1000000
#define SPOOL_TOKENS       2000000
#define PATIENCE_OF_LIFE_S 60
#define LAST_PATIENCE      3000 /* rounds of the loop in which a job must end at last */

static const char queue_text[] =
	"waiting_max = 5000\nlease_ms = 60000\nattempts = 100\nslots = 8\n"
	"cpus_budget = 64\nmemory_budget = 64G\n"
	"task \"t\" {\n image = \"i:1\"\n command = {\"a\"}\n concurrency = 8\n attempts = "
	"100\n}\n";

/* Files of the spool that the queue has lent to a peer. */
struct spare {
	int fd[SPARE_FILES];
	size_t n, asked;
};

struct run {
	struct machine m;
	struct world *w;
	struct dice dice; /* of this life's peers */
	uint64_t cut_at;
	int alive_fd[2]; /* a pipe, whose end is the queue's */
	struct event *died;
	struct event *impatience; /* a life that does not go on is a wake-up that was lost */
	bool dead;
	bool last; /* life: nothing is cut, and all jobs end */
	size_t in_flight, submits, held;
	struct spare gate_spare, driver_spare;
};

/* --- the queue's process --- */

static void on_begin(void *arg)
{
	struct run *run = arg;

	(void)close(run->alive_fd[0]);
	machine_live(&run->m, run->cut_at);
}

/* It was stopped, and the power fails when it has ended. */
static void on_over(void *arg)
{
	(void)arg;
	disk_cut();
}

static void on_died(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	((struct run *)arg)->dead = true;
}

/* What the queue before it did not come to take would be the next one's first peer. */
static void empty_doors(const struct world *w)
{
	for (size_t i = 0; i < sizeof(w->fd) / sizeof(w->fd[0]); i++) {
		int fd;

		while ((fd = accept4(w->fd[i], NULL, NULL, SOCK_CLOEXEC)) >= 0)
			(void)close(fd);
	}
}

static void on_impatience(evutil_socket_t fd, short what, void *arg)
{
	const struct run *run = arg;

	(void)fd;
	(void)what;
	fail_msg("SEED=%" PRIu64 ": life %u does not go on", run->m.seed, run->m.life);
}

static void start(struct run *run)
{
	const struct timeval patience = { .tv_sec = PATIENCE_OF_LIFE_S };
	struct world *w = run->w;

	assert_return_code(pipe2(run->alive_fd, O_CLOEXEC), errno);
	run->dead = false;
	empty_doors(w);
	start_queue(w);
	(void)close(run->alive_fd[1]);
	run->died = event_new(w->base, run->alive_fd[0], EV_READ, on_died, run);
	run->impatience = event_new(w->base, -1, 0, on_impatience, run);
	assert_int_equal(event_add(run->died, NULL), 0);
	assert_int_equal(event_add(run->impatience, &patience), 0);
}

static bool is_up(const struct run *run, const struct peer *peer)
{
	return peer->open && !peer->closed && !run->dead;
}

static void connect_peer(struct run *run, struct peer *peer, size_t door, enum role as)
{
	to_door(run->w, door, as, 100 + run->m.life, peer);
	while (!peer->open && !peer->closed && !run->dead)
		(void)event_base_loop(run->w->base, EVLOOP_ONCE);
}

/* --- bytes --- */

static void ask_spare(struct peer *peer, struct spare *spare)
{
	for (; spare->asked < SPARE_FILES; spare->asked++) {
		cleanup_msg struct msg msg;

		msg_init(&msg, MSG_SPOOL_OPEN);
		msg.spool_open.token = SPOOL_TOKENS;
		msg.spool_open.kind = JOB_BLOB_OUT;
		say(peer, &msg);
	}
}

static void take_spare(struct spare *spare, struct msg *msg)
{
	spare->fd[spare->n++] = msg->spool.file.fd;
	msg->spool.file.fd = -1;
}

static void forget_spare(struct spare *spare)
{
	while (spare->n > 0)
		(void)close(spare->fd[--spare->n]);
	spare->asked = 0;
}

/* Large ones in a file of the queue's, where there is one to be had. */
static struct blob content(struct spare *spare, uint64_t tag, size_t n)
{
	struct blob blob = BLOB_EMPTY;
	cleanup_free uint8_t *data = malloc(n);

	assert_non_null(data);
	content_fill(data, n, tag);
	if (n <= BLOB_INLINE_MAX || spare->n == 0) {
		blob.data = TAKE_PTR(data);
		blob.len = n;
		return blob;
	}
	spare->asked--;
	blob = blob_of_fd(spare->fd[--spare->n], n);
	if (pwrite(blob.fd, data, n, 0) != (ssize_t)n)
		fail_msg("write a file of the spool: fd %d %s", blob.fd, strerror(errno));
	return blob;
}

/* --- the gateway --- */

static void submit_one(struct run *run)
{
	struct ledger *ledger = run->m.ledger;
	struct ledger_job *job = &ledger->job[ledger->n];
	bool waits = dice_below(&run->dice, 3) == 0;

	job->tag = dice_next(&run->dice) | 1;
	job->input_bytes = dice_below(&run->dice, 6) == 0
				   ? 66000 + dice_below(&run->dice, 40000)
				   : CONTENT_MIN + dice_below(&run->dice, 5000);
	job->begun = FATE_QUEUED;
	run->w->gate.last_token = ledger->n++; /* the submit's is one more */
	ask_submit(run->w, "t", waits ? 60000 : 0,
		content(&run->gate_spare, job->tag, job->input_bytes));
	run->submits++;
	run->in_flight++;
}

static void purge_one(struct run *run)
{
	struct ledger *ledger = run->m.ledger;
	size_t i = dice_below(&run->dice, (uint32_t)ledger->n);
	if (ledger->n == 0 || ledger->job[i].said != FATE_DONE || ledger->job[i].begun != FATE_DONE)
		return;
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_JOB_PURGE);
	msg.job_purge.token = PURGE_TOKENS + i;
	msg.job_purge.id = ledger->job[i].id;
	ledger->job[i].begun = FATE_GONE;
	say(&run->w->gate, &msg);
}

static void on_job(struct run *run, const struct msg_job *msg)
{
	struct ledger_job *job = &run->m.ledger->job[msg->token - 1];

	run->in_flight--;
	assert_true(!job->has_id || job_id_equal(&job->id, &msg->id));
	job->id = msg->id;
	job->has_id = true;
	if (job->said < FATE_QUEUED)
		job->said = FATE_QUEUED;
	if (msg->state != JOB_DONE)
		return;
	assert_true(job->begun >= FATE_DONE);
	assert_int_equal(msg->verdict, outcome_of(&msg->id, msg->attempt).verdict);
	if (job->said < FATE_DONE)
		job->said = FATE_DONE;
	job->ended_attempt = msg->attempt;
}

static void on_gate(struct run *run, struct msg *msg)
{
	struct ledger *ledger = run->m.ledger;

	switch (msg->type) {
	case MSG_JOB:
		on_job(run, &msg->job);
		break;
	case MSG_DONE:
		assert_int_equal(msg->done.n, 1);
		ledger->job[msg->done.token - PURGE_TOKENS].said = FATE_GONE;
		break;
	case MSG_SPOOL:
		take_spare(&run->gate_spare, msg);
		break;
	default:
		fail_msg("the gateway got %s (%s)", msg_name(msg->type),
			msg->type == MSG_REFUSED ? msg->refused.detail : "");
	}
}

/* --- the driver --- */

/* Its acknowledgement may not have come yet, or never will: the input says whose it is. */
static struct ledger_job *job_of(struct run *run, const struct msg_run *msg)
{
	struct ledger_job *job = ledger_find(run->m.ledger, &msg->id);
	cleanup_free uint8_t *data = NULL;
	struct err err;

	if (job != NULL)
		return job;
	assert_int_equal(blob_read_all(&msg->input, UINT32_MAX, &data, &err), 0);
	assert_true(msg->input.len >= CONTENT_MIN);
	job = ledger_find_tag(run->m.ledger, content_tag(data));
	assert_non_null(job);
	assert_true(content_is(data, (size_t)msg->input.len, job->tag));
	assert_false(job->has_id);
	job->id = msg->id;
	job->has_id = true;
	return job;
}

static void end_job(struct run *run, const struct msg_run *ran, struct ledger_job *job)
{
	struct outcome outcome = outcome_of(&ran->id, ran->attempt);
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_ENDING);
	msg.ending.id = ran->id;
	msg.ending.attempt = ran->attempt;
	msg.ending.verdict = (uint8_t)outcome.verdict;
	(void)snprintf(msg.ending.image, sizeof(msg.ending.image), "sha256:abc");
	msg.ending.out = content(&run->driver_spare, outcome.tag, outcome.out_bytes);
	job->begun = FATE_DONE;
	say(&run->w->driver, &msg);
}

static void give_back(struct run *run, const struct msg_run *ran)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_GIVEBACK);
	msg.giveback.id = ran->id;
	msg.giveback.attempt = ran->attempt;
	msg.giveback.why = GIVEBACK_BUSY;
	say(&run->w->driver, &msg);
}

static void on_run(struct run *run, const struct msg_run *msg)
{
	struct ledger_job *job = job_of(run, msg);
	uint32_t dice = dice_below(&run->dice, 40);

	assert_int_equal(job->said == FATE_DONE || job->said == FATE_GONE, 0);
	if (!run->last && dice == 0)
		give_back(run, msg);
	else if (!run->last && dice == 1 && run->held + 1 < SLOTS)
		run->held++; /* it runs until the power is gone */
	else
		end_job(run, msg, job);
}

static void on_driver(struct run *run, struct msg *msg)
{
	struct ledger_job *job;

	switch (msg->type) {
	case MSG_RUN:
		on_run(run, &msg->run);
		break;
	case MSG_ENDING_ACK:
		job = ledger_find(run->m.ledger, &msg->ending_ack.id);
		assert_non_null(job);
		if (job->said == FATE_GONE)
			break;
		job->said = FATE_DONE;
		job->ended_attempt = msg->ending_ack.attempt;
		break;
	case MSG_SPOOL:
		take_spare(&run->driver_spare, msg);
		break;
	default:
		fail_msg("the driver got %s", msg_name(msg->type));
	}
}

/* --- a life --- */

static void read_all(struct run *run, struct peer *peer, void (*on)(struct run *, struct msg *))
{
	struct got *got;

	while ((got = STAILQ_FIRST(&peer->gots)) != NULL) {
		STAILQ_REMOVE_HEAD(&peer->gots, next);
		on(run, &got->msg);
		msg_done(&got->msg);
		free(got);
	}
}

/* What it had sent before the power failed still counts. */
static void hear_out(struct run *run)
{
	struct world *w = run->w;

	while ((w->gate.open && !w->gate.closed) || (w->driver.open && !w->driver.closed))
		(void)event_base_loop(w->base, EVLOOP_ONCE);
	read_all(run, &w->gate, on_gate);
	read_all(run, &w->driver, on_driver);
}

static void work(struct run *run)
{
	struct world *w = run->w;

	while (is_up(run, &w->gate) && is_up(run, &w->driver) && run->submits < SUBMITS) {
		while (run->in_flight < ON_THEIR_WAY && run->m.ledger->n < LEDGER_MAX)
			submit_one(run);
		if (dice_below(&run->dice, 4) == 0)
			purge_one(run);
		ask_spare(&w->gate, &run->gate_spare);
		ask_spare(&w->driver, &run->driver_spare);
		(void)event_base_loop(w->base, EVLOOP_ONCE);
		read_all(run, &w->gate, on_gate);
		read_all(run, &w->driver, on_driver);
	}
}

static bool all_ended(const struct run *run)
{
	for (size_t i = 0; i < run->m.ledger->n; i++)
		if (run->m.ledger->job[i].said < FATE_DONE)
			return false;
	return true;
}

/* Nothing is handed in any more. Whatever is there ends. */
static void work_it_off(struct run *run)
{
	struct world *w = run->w;

	for (int i = 0; !all_ended(run) && i < LAST_PATIENCE; i++) {
		assert_true(is_up(run, &w->gate) && is_up(run, &w->driver));
		(void)event_base_loop(w->base, EVLOOP_ONCE);
		read_all(run, &w->gate, on_gate);
		read_all(run, &w->driver, on_driver);
	}
	assert_true(all_ended(run));
}

/* False: something is wrong, and run->m.why says what. */
static bool live(struct run *run)
{
	struct world *w = run->w;
	int status;

	run->dice = machine_dice(&run->m);
	/* From its first steps to where the log is moved into the database. */
	run->cut_at =
		run->last ? 0 : 1 + dice_below(&run->dice, 1U << (4 + dice_below(&run->dice, 9)));
	run->in_flight = run->submits = run->held = 0;
	start(run);
	connect_peer(run, &w->gate, 0, ROLE_GATEWAY);
	connect_peer(run, &w->driver, 1, ROLE_DRIVER);
	if (is_up(run, &w->driver))
		say_node(&w->driver, NULL, 0);
	if (run->last)
		work_it_off(run);
	else
		work(run);
	status = end_queue(w, run->dead || w->gate.closed ? 0 : SIGTERM);
	hear_out(run);
	forget_spare(&run->gate_spare);
	forget_spare(&run->driver_spare);
	event_free(run->died);
	event_free(run->impatience);
	(void)close(run->alive_fd[0]);
	return machine_look(&run->m, status);
}

static void setup_run(struct run *run, uint64_t seed, unsigned lies)
{
	void *w;

	*run = (struct run){ 0 };
	machine_init(&run->m, seed);
	run->m.lies = lies;
	assert_int_equal(setup(&w), 0);
	run->w = w;
	set_text(run->w, queue_text);
	run->w->gate.may_die = true;
	run->w->driver.may_die = true;
	run->w->begins = on_begin;
	run->w->is_over = on_over;
	run->w->arg = run;
}

static bool survives(uint64_t seed, unsigned lies, char why[static SURVEY_WHY])
{
	struct run run;
	bool good = true;
	void *w;

	setup_run(&run, seed, lies);
	for (int i = 0; good && i < LIVES; i++) {
		run.last = i == LIVES - 1;
		good = live(&run);
	}
	memcpy(why, run.m.why, SURVEY_WHY);
	w = run.w;
	assert_int_equal(teardown(&w), 0);
	machine_done(&run.m);
	return good;
}

static void what_was_acknowledged_is_there(void **state)
{
	uint64_t first = machine_first_seed();
	unsigned n = machine_count(FEW, MANY);
	char why[SURVEY_WHY];

	(void)state;
	for (unsigned i = 0; i < n; i++)
		if (!survives(first + i, 0, why))
			fail_msg("SEED=%" PRIu64 ": %s", first + i, why);
	print_message("%u machines, %u power cuts\n", n, n * LIVES);
	machine_figure("power.cuts", n * LIVES);
}

/* --- the check can fail --- */

static void turns_red(unsigned lies)
{
	char why[SURVEY_WHY] = "";

	for (uint64_t seed = 1; seed <= SPOILED_MAX; seed++)
		if (!survives(seed, lies, why)) {
			print_message("machine %" PRIu64 ": %s\n", seed, why);
			return;
		}
	fail_msg("nobody noticed on %d machines", SPOILED_MAX);
}

static void without_the_databases_sync_it_turns_red(void **state)
{
	(void)state;
	turns_red(DISK_NO_SYNC_OF_DATABASE);
}

static void without_the_files_sync_it_turns_red(void **state)
{
	(void)state;
	turns_red(DISK_NO_SYNC_OF_FILE);
}

static void without_the_spools_sync_it_turns_red(void **state)
{
	(void)state;
	turns_red(DISK_NO_SYNC_OF_SPOOL);
}

static void without_the_directories_syncs_it_turns_red(void **state)
{
	(void)state;
	turns_red(DISK_NO_SYNC_OF_DIRECTORIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_acknowledged_is_there),
		cmocka_unit_test(without_the_databases_sync_it_turns_red),
		cmocka_unit_test(without_the_files_sync_it_turns_red),
		cmocka_unit_test(without_the_spools_sync_it_turns_red),
		cmocka_unit_test(without_the_directories_syncs_it_turns_red),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
