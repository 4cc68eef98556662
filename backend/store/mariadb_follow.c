/* SPDX-License-Identifier: MIT */
/* What other machines do with the same store, and the clock that they have in common. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/number.h"
#include "mariadb.h"

static int ask(struct mariadb *m, enum statement which, uint64_t *ret, struct err *err)
{
	int r = mariadb_read(m, which, NULL, 0, err);

	if (r == 0)
		r = mariadb_fetch(m->link, err);
	if (r > 0)
		*ret = mariadb_uint(m->link, 0);
	if (m->link != NULL)
		mariadb_finish(m->link);
	if (r == 0)
		return err_say(err, EIO, "store: the journal's counter is missing");
	return r < 0 ? r : 0;
}

int mariadb_follow_start(struct store *store, uint64_t *ret_last, struct err *err)
{
	return ask(mariadb_of(store), ST_JOURNAL_LAST, ret_last, err);
}

/* Jobs that others' transactions touched: read first, so that fn may ask the store. */
struct touched {
	uint64_t *seq; /* owned */
	size_t n, cap;
};

static int keep(struct touched *t, const void *seqs, size_t bytes, struct err *err)
{
	size_t n = bytes / sizeof(*t->seq);

	if (t->seq == NULL || t->n + n > t->cap) {
		size_t cap = 2 * (t->n + n) + 16;
		uint64_t *grown = realloc(t->seq, cap * sizeof(*grown));

		if (grown == NULL)
			return err_set(err, ENOMEM, "store");
		t->seq = grown;
		t->cap = cap;
	}
	if (n > 0)
		memcpy(t->seq + t->n, seqs, n * sizeof(*t->seq));
	t->n += n;
	return 0;
}

static int keep_row(struct mariadb *m, struct touched *t, struct err *err)
{
	size_t bytes = mariadb_bytes(m->link, 2, (char[1]){ 0 }, 1);
	cleanup_free void *seqs = NULL;
	int r;

	if (mariadb_uint(m->link, 1) == m->writer || bytes == 0)
		return 0;
	if (bytes % sizeof(*t->seq) != 0)
		return err_say(err, EIO, "store: a row of the journal is damaged");
	seqs = malloc(bytes);
	if (seqs == NULL)
		return err_set(err, ENOMEM, "store");
	r = mariadb_large(m->link, 2, seqs, bytes, err);
	return r < 0 ? r : keep(t, seqs, bytes, err);
}

/* The next rows; *ret_n of them. A gap before them: they were pruned, -ESTALE. */
static int read_rows(
	struct mariadb *m, uint64_t *last, struct touched *t, size_t *ret_n, struct err *err)
{
	const struct cell in[] = { CELL_UINT(*last) };
	size_t n = 0;
	int r = mariadb_read(m, ST_JOURNAL_READ, in, 1, err);

	while (r == 0 && (r = mariadb_fetch(m->link, err)) > 0) {
		uint64_t at = mariadb_uint(m->link, 0);

		if (at != *last + 1) {
			r = -ESTALE;
			break;
		}
		r = keep_row(m, t, err);
		*last = at;
		n++;
	}
	if (m->link != NULL)
		mariadb_finish(m->link);
	*ret_n = n;
	return r;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int mariadb_follow(
	struct store *store, uint64_t *last, store_seq_fn *fn, void *arg, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	struct touched t = { 0 };
	uint64_t at = *last, until;
	size_t n = 1;
	int r = mariadb_follow_start(store, &until, err);

	while (r == 0 && at < until && n > 0)
		r = read_rows(m, &at, &t, &n, err);
	if (r == 0 && at < until)
		r = -ESTALE;
	if (r == 0 && t.n > 0)
		qsort(t.seq, t.n, sizeof(*t.seq), compare);
	for (size_t i = 0; r == 0 && i < t.n; i++)
		if (t.seq[i] != 0 && (i == 0 || t.seq[i] != t.seq[i - 1]))
			r = fn(t.seq[i], arg, err);
	if (r == 0)
		*last = at;
	free(t.seq);
	return r;
}

int mariadb_age_sync(struct store *store, int64_t mine_ms, int64_t *ret_ms, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell name[] = { CELL_TEXT("shared_age") };
	const struct cell node[] = { CELL_TEXT(m->node), CELL_UINT(m->writer) };
	char text[32];
	struct cell raise[1];
	int64_t age_ms = mine_ms;
	int r;

	(void)snprintf(text, sizeof(text), "%" PRId64, mine_ms);
	raise[0] = CELL_TEXT(text);
	r = mariadb_write(m, ST_AGE_RAISE, raise, 1, MARIADB_ANY, NULL, err);
	if (r == 0)
		r = mariadb_write(m, ST_NODE_SEEN, node, 2, MARIADB_ANY, NULL, err);
	if (r == 0)
		r = mariadb_read(m, ST_META_GET, name, 1, err);
	if (r == 0 && (r = mariadb_fetch(m->link, err)) > 0) {
		mariadb_text(m->link, 0, text, sizeof(text));
		if (!number_parse(text, 0, INT64_MAX, &age_ms))
			r = err_say(err, EIO, "store: the shared age is no number");
	}
	if (m->link != NULL)
		mariadb_finish(m->link);
	if (r < 0)
		return r;
	*ret_ms = age_ms > mine_ms ? age_ms : mine_ms;
	return 0;
}
