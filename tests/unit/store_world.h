/* SPDX-License-Identifier: MIT */
/* What the store's tests have in common: test_store.c has the helpers, store_mariadb.c more tests.
 */
#pragma once

#include "store/store.h"

#define FILE_NAME "s/test.db"

struct world {
	char dir[64];
	const char *where; /* as in store_open() */
	struct store *store;
};

struct store *open_store(const struct world *w);
void begin(struct world *w);
void commit(struct world *w);
struct store_job row_of(const char *task);
struct store_job insert(struct world *w, const char *task);
struct store_job read_job(struct world *w, const struct job_id *id);
int end_job(struct world *w, const struct store_job *job, uint32_t attempt, enum job_state from,
	int64_t expires_age_ms);

/* A new, empty database of the server that tests/mariadb started; its connection string. */
const char *mariadb_database(void);

/* MariaDB's own tests. */
#define MARIADB_TESTS(X)                         \
	X(a_newer_mariadb_schema_is_refused)     \
	X(tables_of_others_are_left_alone)       \
	X(least_rights_are_enough)               \
	X(views_show_what_they_say)              \
	X(a_database_has_one_owner)              \
	X(machines_share_and_follow)             \
	X(a_claim_does_not_wait)                 \
	X(a_deadlock_is_repeated)                \
	X(a_transaction_outlives_its_server)     \
	X(a_lost_answer_is_looked_up)            \
	X(while_it_is_away_calls_fail)           \
	X(a_session_that_was_ended_is_made_anew) \
	X(who_falls_silent_holds_nothing)        \
	X(large_bytes_are_kept_in_rows)          \
	X(questions_are_answered_from_an_index)  \
	X(nonsense_is_refused_by_the_schema)

#define X(name) void name(void **state);
MARIADB_TESTS(X)
#undef X
