/* SPDX-License-Identifier: MIT */
/*
 * One connection to MariaDB: prepared statements with bound values, bounded waiting,
 * errors as errno values. Used by one thread at a time.
 *
 *	const struct cell in[] = { CELL_UINT(seq), CELL_TEXT(node) };
 *	r = mariadb_exec(link, ST_JOB_CLAIM, in, 2, &done, err);
 *
 *	r = mariadb_query(link, ST_LIST_NEW, in, 2, err);
 *	while (r == 0 && (r = mariadb_fetch(link, err)) > 0)
 *		n = mariadb_uint(link, 0);
 *	mariadb_finish(link);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "mariadb_dsn.h"
#include "mariadb_statements.h"

#define MARIADB_CONNECT_S 2 /* for a connection; name resolution comes on top */
#define MARIADB_ANSWER_S  5 /* for any answer: what takes longer has failed */

struct mariadb_link;

/* A value of a statement. */
struct cell {
	enum { CELL_IS_NULL, CELL_IS_INT, CELL_IS_UINT, CELL_IS_BYTES } kind;
	int64_t i;
	uint64_t u;
	const void *data;
	size_t n;
};

#define CELL_NULL()          ((struct cell){ .kind = CELL_IS_NULL })
#define CELL_INT(v)          ((struct cell){ .kind = CELL_IS_INT, .i = (v) })
#define CELL_UINT(v)         ((struct cell){ .kind = CELL_IS_UINT, .u = (v) })
#define CELL_BYTES(p, bytes) ((struct cell){ .kind = CELL_IS_BYTES, .data = (p), .n = (bytes) })
#define CELL_TEXT(text)      CELL_BYTES(text, __builtin_strlen(text))

#define MARIADB_CELLS_MAX 32

/* What a statement did. */
struct done {
	uint64_t changed; /* rows that it found and changed, or found as they should be */
	uint64_t number;  /* AUTO_INCREMENT's, or LAST_INSERT_ID(expression) */
};

/* Connects and sets the session up. Errors name the server, never the password. */
int mariadb_link_open(const struct mariadb_dsn *dsn, struct mariadb_link **ret, struct err *err);
/* NULL is fine. */
void mariadb_link_close(struct mariadb_link *link);

int mariadb_exec(struct mariadb_link *link, enum statement which, const struct cell *in, size_t n,
	struct done *ret, struct err *err);
int mariadb_query(struct mariadb_link *link, enum statement which, const struct cell *in, size_t n,
	struct err *err);
/* 1: a row is there; 0: no more; negative. */
int mariadb_fetch(struct mariadb_link *link, struct err *err);
/* Ends a query; harmless without one. */
void mariadb_finish(struct mariadb_link *link);

/* Columns of the row that is there. */
bool mariadb_is_null(const struct mariadb_link *link, unsigned column);
int64_t mariadb_int(const struct mariadb_link *link, unsigned column);
uint64_t mariadb_uint(const struct mariadb_link *link, unsigned column);
/* Cut at size - 1; a NUL behind it. */
void mariadb_text(const struct mariadb_link *link, unsigned column, char *ret, size_t size);
/* The first bytes, at most `size`; the rest of ret is zero. The column's whole length. */
size_t mariadb_bytes(const struct mariadb_link *link, unsigned column, void *ret, size_t size);
/* All of a column that may be large: `n` bytes, else -EIO. */
int mariadb_large(struct mariadb_link *link, unsigned column, void *ret, size_t n, struct err *err);

/* A statement without values, as it is written. */
int mariadb_run(struct mariadb_link *link, const char *sql, struct err *err);
/* The first column of its first row; ret stays as it was where there is none or it is NULL. */
int mariadb_one_text(
	struct mariadb_link *link, const char *sql, char *ret, size_t size, struct err *err);

/* The server's or the library's number of the last failure. */
unsigned mariadb_errno(const struct mariadb_link *link);
/* The connection is gone, or nobody knows what state it is in: close it. */
bool mariadb_is_lost(const struct mariadb_link *link);
/* The transaction was rolled back by the server for another's sake: the same again may pass. */
bool mariadb_is_deadlock(const struct mariadb_link *link);
