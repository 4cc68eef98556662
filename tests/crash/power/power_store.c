/* SPDX-License-Identifier: MIT */
/*
 * The store and the spool on a disk that loses its power (disk.h): what was committed and
 * acknowledged is there, whole and once, after every cut. And with one thing left out that
 * this takes, the same machines turn red: the check can fail.
 *
 * SEED and POWER_SEEDS choose other machines than the usual ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "disk_parts.h"
#include "machine.h"
#include "queue/spool.h"
#include "store/sqlite.h"
#include "store/store.h"

#define LIVES       3
#define TURNS       40
#define MOVES_MAX   5
#define FILES_MAX   (2 * MOVES_MAX)
#define FEW         250
#define MANY        20000
#define SPOILED_MAX 400 /* machines that a fault may take to be found */

/* What the program could do wrong. */
struct habits {
	const char *pragma; /* said to the database after the store has opened it */
	unsigned lies;
	bool acknowledges_early; /* before the commit */
	bool removes_early;      /* files, before the commit */
};

struct life {
	struct machine *m;
	const struct habits *habits;
	struct dice dice;
	struct store *store;
	struct spool *spool;
	/* Of the open turn. */
	struct ledger_job *moved[MOVES_MAX];
	enum fate moved_to[MOVES_MAX];
	size_t n_moved;
	char file[FILES_MAX][STORE_FILE_CHARS + 1];
	size_t n_files;
};

static void must(int r, const struct err *err)
{
	if (r < 0) {
		(void)fprintf(stderr, "%s\n", err->msg);
		_exit(97);
	}
}

static void open_all(struct life *l)
{
	struct err err;

	must(store_open("sqlite", "queue/dockgate.db", &l->store, &err), &err);
	if (l->habits->pragma != NULL)
		must(sqlite_exec(sqlite_of(l->store)->db, l->habits->pragma, &err), &err);
	must(spool_open("queue/spool", &l->spool, &err), &err);
}

static struct store_blob seal(struct life *l, uint64_t tag, size_t n)
{
	struct blob blob = BLOB_EMPTY;
	struct store_blob stored;
	struct err err;

	blob.len = n;
	blob.data = malloc(n);
	if (blob.data == NULL)
		disk_fail("memory");
	content_fill(blob.data, n, tag);
	must(spool_seal(l->spool, &blob, &stored, &err), &err);
	blob_done(&blob);
	return stored;
}

/* --- moves --- */

static void begun(struct life *l, struct ledger_job *job, enum fate fate)
{
	job->begun = fate;
	if (l->habits->acknowledges_early)
		job->said = fate;
	l->moved[l->n_moved] = job;
	l->moved_to[l->n_moved++] = fate;
}

static void submit(struct life *l)
{
	struct ledger_job *job = &l->m->ledger->job[l->m->ledger->n];
	struct store_job row = { .cpus = 1000, .memory_bytes = 1, .retention_s = 60, .task = "t" };
	struct store_blob blobs[JOB_BLOB_MAX_] = { 0 };
	struct err err;

	if (l->m->ledger->n == LEDGER_MAX)
		return;
	for (size_t i = 0; i < JOB_ID_BYTES; i++)
		row.id.b[i] = (uint8_t)dice_below(&l->dice, 256);
	job->id = row.id;
	job->has_id = true;
	job->tag = dice_next(&l->dice) | 1;
	job->input_bytes = dice_below(&l->dice, 5) == 0 ? 66000 + dice_below(&l->dice, 40000)
							: CONTENT_MIN + dice_below(&l->dice, 5000);
	l->m->ledger->n++;
	begun(l, job, FATE_QUEUED);
	blobs[JOB_BLOB_INPUT] = seal(l, job->tag, job->input_bytes);
	must(store_job_insert(l->store, &row, blobs, &err), &err);
	store_blob_done(&blobs[JOB_BLOB_INPUT]);
}

static void end(struct life *l, struct ledger_job *job, const struct store_job *row)
{
	struct outcome outcome = outcome_of(&row->id, row->attempt);
	struct store_blob blobs[JOB_BLOB_MAX_] = { 0 };
	const struct store_ending ending = { .from = JOB_RUNNING, .verdict = outcome.verdict };
	struct err err;

	begun(l, job, FATE_DONE);
	blobs[JOB_BLOB_OUT] = seal(l, outcome.tag, outcome.out_bytes);
	must(store_job_end(l->store, row->seq, row->attempt, &ending, blobs, &err), &err);
	store_blob_done(&blobs[JOB_BLOB_OUT]);
}

static void note_file(const char *file, void *arg)
{
	struct life *l = arg;

	if (file[0] != '\0')
		(void)snprintf(l->file[l->n_files++], sizeof(l->file[0]), "%s", file);
}

static void remove_files(struct life *l)
{
	for (size_t i = 0; i < l->n_files; i++)
		spool_remove(l->spool, l->file[i]);
	l->n_files = 0;
}

static void delete (struct life *l, struct ledger_job *job, const struct store_job *row)
{
	struct err err;

	begun(l, job, FATE_GONE);
	must(store_job_delete(l->store, row->seq, note_file, l, &err), &err);
	if (l->habits->removes_early)
		remove_files(l);
}

/* Whatever comes next for a job. */
static void move(struct life *l, struct ledger_job *job)
{
	struct store_job row;
	struct err err;

	must(store_job_get(l->store, &job->id, &row, &err), &err);
	if (row.state == JOB_QUEUED)
		must(store_job_claim(l->store, row.seq, row.attempt, "n", 7, 1, &err), &err);
	else if (row.state == JOB_DONE)
		delete (l, job, &row);
	else if (dice_below(&l->dice, 8) == 0)
		must(store_job_requeue(l->store, row.seq, row.attempt, 0, "", &err), &err);
	else
		end(l, job, &row);
}

static void any_move(struct life *l)
{
	struct ledger *ledger = l->m->ledger;
	struct ledger_job *job = &ledger->job[dice_below(&l->dice, (uint32_t)ledger->n)];

	for (size_t i = 0; i < l->n_moved; i++)
		if (l->moved[i] == job)
			return;
	if (ledger->n == 0 || job->begun == FATE_GONE || dice_below(&l->dice, 3) == 0)
		submit(l);
	else if (job->said != FATE_NONE &&
		 dice_below(&l->dice, job->said == FATE_DONE ? 3 : 1) == 0)
		move(l, job);
}

static void turn(struct life *l)
{
	struct err err;
	uint32_t moves = 1 + dice_below(&l->dice, MOVES_MAX);

	must(store_begin(l->store, &err), &err);
	for (uint32_t i = 0; i < moves; i++)
		any_move(l);
	must(store_commit(l->store, &err), &err);
	for (size_t i = 0; i < l->n_moved; i++)
		l->moved[i]->said = l->moved_to[i];
	l->n_moved = 0;
	remove_files(l);
}

static void upkeep(struct life *l)
{
	struct err err;

	if (dice_below(&l->dice, 6) == 0) {
		must(store_checkpoint(l->store, &err), &err);
		must(store_checkpoint_rest(l->store, &err), &err);
	}
	if (dice_below(&l->dice, 20) == 0) {
		store_close(l->store);
		spool_close(l->spool);
		open_all(l);
	}
}

static _Noreturn void live(struct machine *m, const struct habits *habits)
{
	struct life l = { .m = m, .habits = habits, .dice = machine_dice(m) };

	/* From the start of the schema to where the log is moved into the database. */
	machine_live(m, 1 + dice_below(&l.dice, 1U << (4 + dice_below(&l.dice, 8))));
	if (mkdir("queue", 0700) == 0)
		disk_synced_directory_of("queue");
	open_all(&l);
	for (int i = 0; i < TURNS; i++) {
		turn(&l);
		upkeep(&l);
	}
	disk_cut();
}

/* False: something is wrong, and m->why says what. */
static bool survives(struct machine *m, const struct habits *habits)
{
	for (int i = 0; i < LIVES; i++) {
		pid_t pid = fork();
		int status;

		assert_true(pid >= 0);
		if (pid == 0)
			live(m, habits);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!machine_look(m, status))
			return false;
	}
	return true;
}

static bool machine_survives(
	uint64_t seed, const struct habits *habits, char why[static SURVEY_WHY])
{
	struct machine m;
	bool good;

	machine_init(&m, seed);
	m.lies = habits->lies;
	good = survives(&m, habits);
	memcpy(why, m.why, SURVEY_WHY);
	machine_done(&m);
	return good;
}

static void what_was_acknowledged_is_there(void **state)
{
	static const struct habits good;
	uint64_t first = machine_first_seed();
	unsigned n = machine_count(FEW, MANY);
	char why[SURVEY_WHY];

	(void)state;
	for (unsigned i = 0; i < n; i++)
		if (!machine_survives(first + i, &good, why))
			fail_msg("SEED=%" PRIu64 ": %s", first + i, why);
	print_message("%u machines, %u power cuts\n", n, n * LIVES);
	machine_figure("power.cuts", n * LIVES);
}

/* --- the check can fail --- */

static void turns_red(const struct habits *bad)
{
	char why[SURVEY_WHY] = "";

	for (uint64_t seed = 1; seed <= SPOILED_MAX; seed++)
		if (!machine_survives(seed, bad, why)) {
			print_message("machine %" PRIu64 ": %s\n", seed, why);
			assert_null(strstr(why, "ended by itself"));
			return;
		}
	fail_msg("nobody noticed in %d machines", SPOILED_MAX);
}

static void without_syncs_it_turns_red(void **state)
{
	(void)state;
	turns_red(&(struct habits){ .pragma = "PRAGMA synchronous = OFF" });
}

static void with_syncs_at_checkpoints_alone_it_turns_red(void **state)
{
	(void)state;
	turns_red(&(struct habits){ .pragma = "PRAGMA synchronous = NORMAL" });
}

static void with_a_disk_that_lies_it_turns_red(void **state)
{
	(void)state;
	turns_red(&(struct habits){ .lies = DISK_NO_SYNC_OF_DATABASE });
}

static void without_the_files_sync_it_turns_red(void **state)
{
	(void)state;
	turns_red(&(struct habits){ .lies = DISK_NO_SYNC_OF_FILE });
}

static void without_the_spools_sync_it_turns_red(void **state)
{
	(void)state;
	turns_red(&(struct habits){ .lies = DISK_NO_SYNC_OF_SPOOL });
}

static void without_the_directories_syncs_it_turns_red(void **state)
{
	(void)state;
	turns_red(&(struct habits){ .lies = DISK_NO_SYNC_OF_DIRECTORIES });
}

static void with_an_early_acknowledgement_it_turns_red(void **state)
{
	(void)state;
	turns_red(&(struct habits){ .acknowledges_early = true });
}

static void with_an_early_removal_it_turns_red(void **state)
{
	(void)state;
	turns_red(&(struct habits){ .removes_early = true });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_acknowledged_is_there),
		cmocka_unit_test(without_syncs_it_turns_red),
		cmocka_unit_test(with_syncs_at_checkpoints_alone_it_turns_red),
		cmocka_unit_test(with_a_disk_that_lies_it_turns_red),
		cmocka_unit_test(without_the_files_sync_it_turns_red),
		cmocka_unit_test(without_the_spools_sync_it_turns_red),
		cmocka_unit_test(without_the_directories_syncs_it_turns_red),
		cmocka_unit_test(with_an_early_acknowledgement_it_turns_red),
		cmocka_unit_test(with_an_early_removal_it_turns_red),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
