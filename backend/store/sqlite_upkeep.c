/* SPDX-License-Identifier: MIT */
/* How large the file is, and its checkpoints. */
#include "sqlite.h"

#define CHECKPOINT_FRAMES 1000  /* 4 MiB in the WAL: time for the other thread */
#define REST_FRAMES       300   /* moved between two turns: a millisecond or so */
#define FALLBACK_FRAMES   20000 /* the other thread does not keep up: checkpoint at the commit */

uint64_t sqlite_bytes(struct store *store)
{
	struct sqlite *s = sqlite_of(store);
	sqlite3_stmt *stmt = NULL;
	uint64_t bytes = 0;

	if (sqlite3_prepare_v2(s->db,
		    "SELECT page_count * page_size FROM pragma_page_count, "
		    "pragma_page_size",
		    -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		bytes = (uint64_t)sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return bytes;
}

/* After each commit, with the number of frames in the WAL. */
int sqlite_on_wal(void *arg, sqlite3 *db, const char *name, int frames)
{
	struct sqlite *s = arg;

	s->wal_frames = frames;
	if (frames >= FALLBACK_FRAMES)
		(void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

bool sqlite_wants_checkpoint(struct store *store)
{
	return sqlite_of(store)->wal_frames >= CHECKPOINT_FRAMES;
}

static int checkpoint_by(sqlite3 *db, int *ret_moved, struct err *err)
{
	int frames = 0, moved = 0;
	int rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);

	if (rc != SQLITE_OK && rc != SQLITE_BUSY)
		return sqlite_fail(db, rc, "checkpoint", err);
	*ret_moved = moved;
	return 0;
}

int sqlite_checkpoint(struct store *store, struct err *err)
{
	struct sqlite *s = sqlite_of(store);

	return checkpoint_by(s->checkpointer, &s->moved_frames, err);
}

/*
 * The WAL begins anew, over its old frames, only where all of them were moved: a file that
 * does not grow is synced faster, and is bounded.
 */
int sqlite_checkpoint_rest(struct store *store, struct err *err)
{
	struct sqlite *s = sqlite_of(store);

	if (s->wal_frames - s->moved_frames > REST_FRAMES)
		return 0; /* it would take too long */
	return checkpoint_by(s->db, &s->moved_frames, err);
}
