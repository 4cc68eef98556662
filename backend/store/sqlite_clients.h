/* SPDX-License-Identifier: MIT */
/* Clients, and who did what: parts of the store in SQLite that are rarely used. */
#pragma once

#include <sqlite3.h>

#include "store_ops.h"

/* Of store_sqlite.c: the connection, and an error for a result code of it. */
sqlite3 *sqlite_handle(struct store *store);
int sqlite_fail(sqlite3 *db, int rc, const char *what, struct err *err);

int sqlite_client_add(struct store *store, const struct store_client *client, struct err *err);
int sqlite_client_delete(struct store *store, const char *name, struct err *err);
int sqlite_each_client(struct store *store, store_client_fn *fn, void *arg, struct err *err);
int sqlite_pause_set(struct store *store, const char *task, bool paused, struct err *err);
int sqlite_each_pause(struct store *store, store_pause_fn *fn, void *arg, struct err *err);
int sqlite_audit_add(struct store *store, const struct store_audit *entry, struct err *err);
int sqlite_audit_list(struct store *store, bool oldest_first, uint64_t cursor, size_t limit,
	struct store_audit *ret, size_t *ret_n, struct err *err);
