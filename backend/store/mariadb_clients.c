/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "mariadb.h"

#define PRUNE_EACH  256 /* entries of the audit */
#define N_OF(cells) (sizeof(cells) / sizeof((cells)[0]))

int mariadb_client_add(struct store *store, const struct store_client *client, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct client *c = &client->client;
	const struct cell in[] = {
		CELL_TEXT(c->name),
		CELL_BYTES(c->token_hash, CLIENT_HASH_BYTES),
		CELL_INT(c->weight),
		CELL_INT(c->max_running),
		CELL_INT(c->max_queued),
		CELL_INT(c->rate),
		CELL_INT(c->burst),
		CELL_INT(c->max_bytes),
		CELL_TEXT(c->tasks),
		CELL_INT(c->is_operator ? 1 : 0),
		CELL_INT(client->made_unix_ms),
	};
	int r = mariadb_write(m, ST_CLIENT_ADD, in, N_OF(in), 1, NULL, err);

	return r < 0 ? r : mariadb_touch(m, STORE_SETTINGS, err);
}

int mariadb_client_delete(struct store *store, const char *name, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_TEXT(name) };
	struct done done;
	int r = mariadb_write(m, ST_CLIENT_DELETE, in, N_OF(in), MARIADB_ANY, &done, err);

	if (r == 0 && done.changed == 0)
		return err_say(err, ENOENT, "no such client");
	return r < 0 ? r : mariadb_touch(m, STORE_SETTINGS, err);
}

/* CLIENT_COLUMNS */
static void client_at(const struct mariadb_link *link, struct store_client *ret)
{
	struct client *c = &ret->client;
	unsigned n = 0;

	*ret = (struct store_client){ 0 };
	mariadb_text(link, n++, c->name, sizeof(c->name));
	(void)mariadb_bytes(link, n++, c->token_hash, CLIENT_HASH_BYTES);
	c->weight = (int)mariadb_int(link, n++);
	c->max_running = (int)mariadb_int(link, n++);
	c->max_queued = (int)mariadb_int(link, n++);
	c->rate = mariadb_int(link, n++);
	c->burst = (int)mariadb_int(link, n++);
	c->max_bytes = mariadb_int(link, n++);
	mariadb_text(link, n++, c->tasks, sizeof(c->tasks));
	c->is_operator = mariadb_int(link, n++) != 0;
	ret->made_unix_ms = mariadb_int(link, n);
}

int mariadb_each_client(struct store *store, store_client_fn *fn, void *arg, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	struct store_client client;
	int r = mariadb_read(m, ST_EACH_CLIENT, NULL, 0, err);

	while (r == 0 && (r = mariadb_fetch(m->link, err)) > 0) {
		client_at(m->link, &client);
		r = fn(&client, arg, err);
	}
	if (m->link != NULL)
		mariadb_finish(m->link);
	return r;
}

int mariadb_pause_set(struct store *store, const char *task, bool paused, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_TEXT(task) };
	int r = mariadb_write(
		m, paused ? ST_PAUSE_ADD : ST_PAUSE_DELETE, in, N_OF(in), MARIADB_ANY, NULL, err);

	return r < 0 ? r : mariadb_touch(m, STORE_SETTINGS, err);
}

int mariadb_each_pause(struct store *store, store_pause_fn *fn, void *arg, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	char task[TASK_NAME_MAX + 1];
	int r = mariadb_read(m, ST_EACH_PAUSE, NULL, 0, err);

	while (r == 0 && (r = mariadb_fetch(m->link, err)) > 0) {
		mariadb_text(m->link, 0, task, sizeof(task));
		fn(task, arg);
		r = 0;
	}
	if (m->link != NULL)
		mariadb_finish(m->link);
	return r;
}

int mariadb_audit_add(struct store *store, const struct store_audit *entry, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_INT(entry->at_unix_ms), CELL_TEXT(entry->who),
		CELL_TEXT(entry->what), CELL_TEXT(entry->object), CELL_TEXT(entry->detail) };
	struct done done;
	int r = mariadb_write(m, ST_AUDIT_ADD, in, N_OF(in), MARIADB_ANY, &done, err);

	if (r == 0 && done.number % PRUNE_EACH == 0 && done.number > STORE_AUDIT_MAX) {
		const struct cell last[] = { CELL_UINT(done.number - STORE_AUDIT_MAX) };

		r = mariadb_write(m, ST_AUDIT_PRUNE, last, N_OF(last), MARIADB_ANY, NULL, err);
	}
	return r < 0 ? r : mariadb_touch(m, 0, err); /* once, whatever becomes of the commit */
}

int mariadb_audit_list(struct store *store, bool oldest_first, uint64_t cursor, size_t limit,
	struct store_audit *ret, size_t *ret_n, struct err *err)
{
	struct mariadb *m = mariadb_of(store);
	const struct cell in[] = { CELL_UINT(cursor), CELL_UINT(limit) };
	size_t n = 0;
	int r = mariadb_read(m, oldest_first ? ST_AUDIT_OLD : ST_AUDIT_NEW, in, N_OF(in), err);

	while (r == 0 && n < limit && (r = mariadb_fetch(m->link, err)) > 0) {
		struct store_audit *entry = &ret[n++];

		entry->n = mariadb_uint(m->link, 0);
		entry->at_unix_ms = mariadb_int(m->link, 1);
		mariadb_text(m->link, 2, entry->who, sizeof(entry->who));
		mariadb_text(m->link, 3, entry->what, sizeof(entry->what));
		mariadb_text(m->link, 4, entry->object, sizeof(entry->object));
		mariadb_text(m->link, 5, entry->detail, sizeof(entry->detail));
		r = 0;
	}
	if (m->link != NULL)
		mariadb_finish(m->link);
	if (r < 0)
		return r;
	*ret_n = n;
	return 0;
}
