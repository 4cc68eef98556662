/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>

#include "mariadb.h"

#define N_OF(cells) (sizeof(cells) / sizeof((cells)[0]))

static void end_read(struct mariadb *m)
{
	if (m->link != NULL)
		mariadb_finish(m->link);
}

int mariadb_callback_put(
	struct store *store, const struct store_callback *callback, struct err *err)
{
	const struct cell in[] = {
		CELL_UINT(callback->seq),
		CELL_TEXT(callback->url),
		CELL_UINT(callback->attempts),
		CELL_INT(callback->ended_age_ms),
		callback->due_age_ms == INT64_MAX ? CELL_NULL() : CELL_INT(callback->due_age_ms),
		CELL_TEXT(callback->error),
	};

	return mariadb_write(mariadb_of(store), ST_CALLBACK_PUT, in, N_OF(in), 1, NULL, err);
}

/* CALLBACK_COLUMNS */
static void callback_at(const struct mariadb_link *link, struct store_callback *ret)
{
	unsigned n = 0;

	ret->seq = mariadb_uint(link, n++);
	(void)mariadb_bytes(link, n++, ret->id.b, JOB_ID_BYTES);
	mariadb_text(link, n++, ret->client, sizeof(ret->client));
	ret->retention_s = mariadb_int(link, n++);
	mariadb_text(link, n++, ret->url, sizeof(ret->url));
	ret->attempts = (uint32_t)mariadb_uint(link, n++);
	ret->ended_age_ms = mariadb_int(link, n++);
	ret->due_age_ms = mariadb_is_null(link, n) ? INT64_MAX : mariadb_int(link, n);
	mariadb_text(link, n + 1, ret->error, sizeof(ret->error));
}

int mariadb_callback_get(
	struct store *store, uint64_t seq, struct store_callback *ret, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_UINT(seq) };
	int r = mariadb_read(m, ST_CALLBACK_GET, in, N_OF(in), err);

	if (r == 0)
		r = mariadb_fetch(m->link, err);
	if (r > 0)
		callback_at(m->link, ret);
	end_read(m);
	if (r < 0)
		return r;
	return r == 0 ? err_say(err, ENOENT, "its ending is not announced") : 0;
}

int mariadb_callback_start(struct store *store, uint64_t seq, int64_t age_ms, struct err *err)
{
	const struct cell in[] = { CELL_INT(age_ms), CELL_INT(age_ms), CELL_UINT(seq) };

	return mariadb_write(
		mariadb_of(store), ST_CALLBACK_START, in, N_OF(in), MARIADB_ANY, NULL, err);
}

int mariadb_callbacks_due(struct store *store, int64_t age_ms, size_t limit,
	struct store_callback *ret, size_t *ret_n, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_INT(age_ms), CELL_UINT(limit) };
	size_t n = 0;
	int r = mariadb_read(m, ST_CALLBACKS_DUE, in, N_OF(in), err);

	while (r == 0 && n < limit && (r = mariadb_fetch(m->link, err)) > 0) {
		callback_at(m->link, &ret[n++]);
		r = 0;
	}
	end_read(m);
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}

int mariadb_next_callback(struct store *store, int64_t *ret_age_ms, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_INT(INT64_MIN) };
	int64_t age_ms = INT64_MAX;
	int r = mariadb_read(m, ST_NEXT_CALLBACK, in, N_OF(in), err);

	if (r == 0)
		r = mariadb_fetch(m->link, err);
	if (r > 0)
		age_ms = mariadb_int(m->link, 0);
	end_read(m);
	if (r < 0)
		return r;
	*ret_age_ms = age_ms;
	return 0;
}

static int over(uint64_t seq, struct err *err)
{
	return err_say(err, ESTALE, "the announcement of job %" PRIu64 " has moved on", seq);
}

int mariadb_callback_move(struct store *store, const struct store_callback *callback,
	int64_t due_age_ms, struct err *err)
{
	const struct cell in[] = { CELL_INT(due_age_ms), CELL_UINT(callback->attempts),
		CELL_TEXT(callback->error), CELL_UINT(callback->seq),
		CELL_INT(callback->due_age_ms) };
	int r = mariadb_write(mariadb_of(store), ST_CALLBACK_MOVE, in, N_OF(in), 1, NULL, err);

	return r == -ESTALE ? over(callback->seq, err) : r;
}

int mariadb_callback_end(struct store *store, const struct store_callback *callback,
	enum callback_state state, int64_t expires_age_ms, struct err *err)
{
	const struct cell row[] = { CELL_UINT(callback->attempts), CELL_TEXT(callback->error),
		CELL_UINT(callback->seq) };
	const struct cell mark[] = { CELL_INT(state), CELL_INT(expires_age_ms),
		CELL_UINT(callback->seq) };
	struct mariadb *m = mariadb_of(store);
	int r = mariadb_write(m, ST_CALLBACK_END, row, N_OF(row), 1, NULL, err);

	if (r == 0)
		r = mariadb_write(m, ST_CALLBACK_MARK, mark, N_OF(mark), 1, NULL, err);
	return r == -ESTALE ? over(callback->seq, err) : r;
}
