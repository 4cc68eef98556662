/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "mariadb.h"

#define N_OF(cells) (sizeof(cells) / sizeof((cells)[0]))

int mariadb_key_put(struct store *store, const struct store_key *key, bool *ret, struct err *err)
{
	const struct cell in[] = { CELL_TEXT(key->client), CELL_TEXT(key->name),
		CELL_BYTES(key->fingerprint, sizeof(key->fingerprint)), CELL_UINT(key->seq) };
	struct done done;
	/* Waits for another machine that is just about to take it. */
	int r = mariadb_write(mariadb_of(store), ST_KEY_PUT, in, N_OF(in), MARIADB_ANY, &done, err);

	if (r < 0)
		return r;
	*ret = done.changed == 1;
	return 0;
}

static int get_key(struct mariadb *m, enum statement which, const struct cell *in, size_t n,
	struct store_key *ret, struct err *err)
{
	struct store_key key = { 0 };
	int r = mariadb_read(m, which, in, n, err);

	if (r == 0)
		r = mariadb_fetch(m->link, err);
	if (r > 0) {
		mariadb_text(m->link, 0, key.client, sizeof(key.client));
		mariadb_text(m->link, 1, key.name, sizeof(key.name));
		(void)mariadb_bytes(m->link, 2, key.fingerprint, sizeof(key.fingerprint));
		key.seq = mariadb_uint(m->link, 3);
		*ret = key;
	}
	if (m->link != NULL)
		mariadb_finish(m->link);
	if (r < 0)
		return r;
	return r == 0 ? err_say(err, ENOENT, "no such key") : 0;
}

int mariadb_key_get(struct store *store, const char *client, const char *name,
	struct store_key *ret, struct err *err)
{
	const struct cell in[] = { CELL_TEXT(client), CELL_TEXT(name) };

	return get_key(mariadb_of(store), ST_KEY_GET, in, N_OF(in), ret, err);
}

int mariadb_key_of(struct store *store, uint64_t seq, struct store_key *ret, struct err *err)
{
	const struct cell in[] = { CELL_UINT(seq) };

	return get_key(mariadb_of(store), ST_KEY_OF, in, N_OF(in), ret, err);
}

int mariadb_key_remove(struct store *store, uint64_t seq, struct err *err)
{
	const struct cell in[] = { CELL_UINT(seq) };

	return mariadb_write(
		mariadb_of(store), ST_KEY_REMOVE, in, N_OF(in), MARIADB_ANY, NULL, err);
}

int mariadb_job_withdraw(struct store *store, uint64_t seq, struct err *err)
{
	const struct cell in[] = { CELL_UINT(seq) };

	return mariadb_write(mariadb_of(store), ST_JOB_WITHDRAW, in, N_OF(in), 1, NULL, err);
}
