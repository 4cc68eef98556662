/* SPDX-License-Identifier: MIT */
#include "mariadb_link.h"

#include <errno.h>
#include <mariadb/errmsg.h>
#include <mariadb/mysql.h>
#include <mariadb/mysqld_error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define COLUMN_BYTES 1024 /* of all columns but the large ones, which are fetched by themselves */

static const char *const statement_sql[ST_MAX_] = {
#define X(name, sql) [ST_##name] = sql,
	STATEMENTS(X)
#undef X
};

/*
 * What every session is told. READ COMMITTED: no locks on gaps, so that machines do not
 * wait for each other's neighbours. A row's lock is waited for shortly. A mistake in a value
 * is an error, never a changed value.
 */
static const char *const session_sql[] = {
	"SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,"
	"ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE'",
	"SET SESSION innodb_lock_wait_timeout = 2",
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
	"SET SESSION autocommit = 1",
};

struct mariadb_link {
	MYSQL *db;                     /* owned */
	MYSQL_STMT *prepared[ST_MAX_]; /* owned; NULL until first used */
	MYSQL_STMT *current;           /* of the query whose rows are read */
	unsigned code;                 /* of the last failure */
	char out[MARIADB_CELLS_MAX][COLUMN_BYTES];
	unsigned long out_n[MARIADB_CELLS_MAX];
	my_bool out_null[MARIADB_CELLS_MAX];
};

/* --- errors --- */

static int errno_of(unsigned code)
{
	switch (code) {
	case ER_DUP_ENTRY:
		return EEXIST;
	case ER_DISK_FULL:
	case ER_RECORD_FILE_FULL:
		return ENOSPC;
	case ER_OPTION_PREVENTS_STATEMENT:
		return EROFS;
	case ER_ACCESS_DENIED_ERROR:
	case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
	case ER_DBACCESS_DENIED_ERROR:
	case ER_TABLEACCESS_DENIED_ERROR:
	case ER_COLUMNACCESS_DENIED_ERROR:
	case ER_SPECIFIC_ACCESS_DENIED_ERROR:
	case ER_BAD_DB_ERROR:
		return EACCES;
	case ER_LOCK_DEADLOCK:
	case ER_LOCK_WAIT_TIMEOUT:
		return EBUSY;
	case CR_OUT_OF_MEMORY:
	case ER_OUTOFMEMORY:
		return ENOMEM;
	default:
		return EIO;
	}
}

/* The server's words may quote a value or a name of ours, never a password. */
static int fail(struct mariadb_link *link, unsigned code, const char *what, const char *words,
	struct err *err)
{
	link->code = code;
	return err_say(err, errno_of(code), "store: %.60s: %s", what, words);
}

static int fail_db(struct mariadb_link *link, const char *what, struct err *err)
{
	return fail(link, mysql_errno(link->db), what, mysql_error(link->db), err);
}

static int fail_stmt(
	struct mariadb_link *link, MYSQL_STMT *stmt, enum statement which, struct err *err)
{
	return fail(
		link, mysql_stmt_errno(stmt), statement_sql[which], mysql_stmt_error(stmt), err);
}

unsigned mariadb_errno(const struct mariadb_link *link)
{
	return link->code;
}

bool mariadb_is_lost(const struct mariadb_link *link)
{
	switch (link->code) {
	case ER_SERVER_SHUTDOWN:
	case ER_NORMAL_SHUTDOWN:
	case ER_ABORTING_CONNECTION:
	case ER_NEW_ABORTING_CONNECTION:
	case ER_CONNECTION_KILLED:
	case ER_UNKNOWN_STMT_HANDLER:
	case ER_NET_READ_ERROR:
	case ER_NET_READ_INTERRUPTED:
	case ER_NET_ERROR_ON_WRITE:
	case ER_NET_WRITE_INTERRUPTED:
		return true;
	default:
		return link->code >= CR_MIN_ERROR && link->code <= CR_MAX_ERROR;
	}
}

bool mariadb_is_deadlock(const struct mariadb_link *link)
{
	return link->code == ER_LOCK_DEADLOCK || link->code == ER_LOCK_WAIT_TIMEOUT;
}

/* --- a connection --- */

static const char *or_null(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

static int set_options(MYSQL *db, const struct mariadb_dsn *dsn, struct err *err)
{
	const unsigned connect_s = MARIADB_CONNECT_S, answer_s = MARIADB_ANSWER_S, off = 0;
	const my_bool yes = 1, verify = dsn->verify ? 1 : 0;
	int bad = 0;

	bad |= mysql_options(db, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	bad |= mysql_options(db, MYSQL_OPT_READ_TIMEOUT, &answer_s);
	bad |= mysql_options(db, MYSQL_OPT_WRITE_TIMEOUT, &answer_s);
	bad |= mysql_options(db, MYSQL_OPT_LOCAL_INFILE, &off);
	bad |= mysql_options(db, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	if (dsn->tls) {
		bad |= mysql_ssl_set(db, or_null(dsn->key), or_null(dsn->cert), or_null(dsn->ca),
			or_null(dsn->ca_dir), or_null(dsn->cipher));
		bad |= mysql_options(db, MYSQL_OPT_SSL_ENFORCE, &yes);
		bad |= mysql_options(db, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
	}
	return bad != 0 ? err_say(err, EINVAL, "store: an option of the connection was refused")
			: 0;
}

static int dial(struct mariadb_link *link, const struct mariadb_dsn *dsn, struct err *err)
{
	const char *where = dsn->socket[0] != '\0' ? dsn->socket : dsn->server;
	int r = set_options(link->db, dsn, err);

	if (r < 0)
		return r;
	/* CLIENT_FOUND_ROWS: rows that were found count, changed or not. */
	if (mysql_real_connect(link->db, dsn->socket[0] != '\0' ? NULL : dsn->server, dsn->user,
		    dsn->password, dsn->database, dsn->socket[0] != '\0' ? 0 : dsn->port,
		    or_null(dsn->socket), CLIENT_FOUND_ROWS) == NULL) {
		link->code = mysql_errno(link->db);
		return err_say(err, errno_of(link->code), "store: database '%s' at %s: %s",
			dsn->database, where, mysql_error(link->db));
	}
	return 0;
}

int mariadb_link_open(const struct mariadb_dsn *dsn, struct mariadb_link **ret, struct err *err)
{
	struct mariadb_link *link = calloc(1, sizeof(*link));
	int r;

	if (link == NULL)
		return err_set(err, ENOMEM, "store");
	link->db = mysql_init(NULL);
	r = link->db == NULL ? err_set(err, ENOMEM, "store") : dial(link, dsn, err);
	for (size_t i = 0; r == 0 && i < sizeof(session_sql) / sizeof(session_sql[0]); i++)
		r = mariadb_run(link, session_sql[i], err);
	if (r < 0) {
		mariadb_link_close(link);
		return r;
	}
	*ret = link;
	return 0;
}

void mariadb_link_close(struct mariadb_link *link)
{
	if (link == NULL)
		return;
	for (int i = 0; i < (int)ST_MAX_; i++)
		if (link->prepared[i] != NULL)
			(void)mysql_stmt_close(link->prepared[i]);
	if (link->db != NULL)
		mysql_close(link->db);
	free(link);
}

/* --- statements --- */

static int prepare(
	struct mariadb_link *link, enum statement which, MYSQL_STMT **ret, struct err *err)
{
	MYSQL_STMT *stmt = link->prepared[which];
	const char *sql = statement_sql[which];

	link->code = 0;
	if (stmt == NULL) {
		stmt = mysql_stmt_init(link->db);
		if (stmt == NULL)
			return err_set(err, ENOMEM, "store");
		if (mysql_stmt_prepare(stmt, sql, strlen(sql)) != 0) {
			int r = fail_stmt(link, stmt, which, err);

			(void)mysql_stmt_close(stmt);
			return r;
		}
		link->prepared[which] = stmt;
	}
	*ret = stmt;
	return 0;
}

static void bind_cell(MYSQL_BIND *bind, const struct cell *cell)
{
	switch (cell->kind) {
	case CELL_IS_NULL:
		bind->buffer_type = MYSQL_TYPE_NULL;
		break;
	case CELL_IS_INT:
		bind->buffer_type = MYSQL_TYPE_LONGLONG;
		bind->buffer = (void *)(uintptr_t)&cell->i;
		break;
	case CELL_IS_UINT:
		bind->buffer_type = MYSQL_TYPE_LONGLONG;
		bind->buffer = (void *)(uintptr_t)&cell->u;
		bind->is_unsigned = 1;
		break;
	case CELL_IS_BYTES:
		bind->buffer_type = MYSQL_TYPE_BLOB;
		bind->buffer = (void *)(uintptr_t)cell->data;
		bind->buffer_length = cell->n;
		break;
	}
}

static int execute(struct mariadb_link *link, enum statement which, const struct cell *in, size_t n,
	MYSQL_STMT **ret, struct err *err)
{
	MYSQL_BIND bind[MARIADB_CELLS_MAX] = { 0 };
	MYSQL_STMT *stmt = NULL;
	int r = prepare(link, which, &stmt, err);

	if (r < 0)
		return r;
	if (mysql_stmt_param_count(stmt) != n || n > MARIADB_CELLS_MAX)
		return err_say(err, EINVAL, "store: %zu values for: %s", n, statement_sql[which]);
	for (size_t i = 0; i < n; i++)
		bind_cell(&bind[i], &in[i]);
	if ((n > 0 && mysql_stmt_bind_param(stmt, bind) != 0) || mysql_stmt_execute(stmt) != 0)
		return fail_stmt(link, stmt, which, err);
	*ret = stmt;
	return 0;
}

int mariadb_exec(struct mariadb_link *link, enum statement which, const struct cell *in, size_t n,
	struct done *ret, struct err *err)
{
	MYSQL_STMT *stmt = NULL;
	int r = execute(link, which, in, n, &stmt, err);

	if (r < 0)
		return r;
	*ret = (struct done){ mysql_stmt_affected_rows(stmt), mysql_stmt_insert_id(stmt) };
	return 0;
}

static int bind_columns(
	struct mariadb_link *link, MYSQL_STMT *stmt, enum statement which, struct err *err)
{
	MYSQL_BIND bind[MARIADB_CELLS_MAX] = { 0 };
	unsigned n = mysql_stmt_field_count(stmt);
	MYSQL_RES *meta = mysql_stmt_result_metadata(stmt);
	const MYSQL_FIELD *fields = meta == NULL ? NULL : mysql_fetch_fields(meta);

	if (fields == NULL || n > MARIADB_CELLS_MAX) {
		mysql_free_result(meta);
		return err_say(err, EINVAL, "store: columns of: %s", statement_sql[which]);
	}
	for (unsigned i = 0; i < n; i++) {
		bind[i].buffer_type =
			IS_NUM(fields[i].type) ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_BLOB;
		bind[i].is_unsigned = (my_bool)((fields[i].flags & UNSIGNED_FLAG) != 0);
		bind[i].buffer = link->out[i];
		bind[i].buffer_length = COLUMN_BYTES;
		bind[i].length = &link->out_n[i];
		bind[i].is_null = &link->out_null[i];
	}
	mysql_free_result(meta);
	if (mysql_stmt_bind_result(stmt, bind) != 0)
		return fail_stmt(link, stmt, which, err);
	return 0;
}

int mariadb_query(struct mariadb_link *link, enum statement which, const struct cell *in, size_t n,
	struct err *err)
{
	MYSQL_STMT *stmt = NULL;
	int r;

	mariadb_finish(link);
	r = execute(link, which, in, n, &stmt, err);
	if (r == 0) {
		link->current = stmt;
		r = bind_columns(link, stmt, which, err);
	}
	if (r == 0 && mysql_stmt_store_result(stmt) != 0)
		r = fail_stmt(link, stmt, which, err);
	if (r < 0)
		mariadb_finish(link);
	return r;
}

int mariadb_fetch(struct mariadb_link *link, struct err *err)
{
	int r = mysql_stmt_fetch(link->current);

	if (r == MYSQL_NO_DATA)
		return 0;
	if (r == 0 || r == MYSQL_DATA_TRUNCATED)
		return 1;
	return fail(link, mysql_stmt_errno(link->current), "read a row",
		mysql_stmt_error(link->current), err);
}

void mariadb_finish(struct mariadb_link *link)
{
	if (link->current != NULL)
		(void)mysql_stmt_free_result(link->current);
	link->current = NULL;
}

/* --- columns --- */

bool mariadb_is_null(const struct mariadb_link *link, unsigned column)
{
	return link->out_null[column] != 0;
}

uint64_t mariadb_uint(const struct mariadb_link *link, unsigned column)
{
	uint64_t v = 0;

	if (!mariadb_is_null(link, column))
		memcpy(&v, link->out[column], sizeof(v));
	return v;
}

int64_t mariadb_int(const struct mariadb_link *link, unsigned column)
{
	return (int64_t)mariadb_uint(link, column);
}

size_t mariadb_bytes(const struct mariadb_link *link, unsigned column, void *ret, size_t size)
{
	size_t n = mariadb_is_null(link, column) ? 0 : link->out_n[column];
	size_t at_hand = n < COLUMN_BYTES ? n : COLUMN_BYTES;

	memset(ret, 0, size);
	memcpy(ret, link->out[column], at_hand < size ? at_hand : size);
	return n;
}

void mariadb_text(const struct mariadb_link *link, unsigned column, char *ret, size_t size)
{
	(void)mariadb_bytes(link, column, ret, size - 1);
	ret[size - 1] = '\0';
}

int mariadb_large(struct mariadb_link *link, unsigned column, void *ret, size_t n, struct err *err)
{
	MYSQL_BIND bind = { .buffer_type = MYSQL_TYPE_BLOB, .buffer = ret, .buffer_length = n };
	unsigned long got = 0;

	bind.length = &got;
	if (mariadb_is_null(link, column) || link->out_n[column] != n)
		return err_say(err, EIO, "store: a value of %zu bytes has %lu", n,
			mariadb_is_null(link, column) ? 0 : link->out_n[column]);
	if (n > 0 && mysql_stmt_fetch_column(link->current, &bind, column, 0) != 0)
		return fail(link, mysql_stmt_errno(link->current), "read a value",
			mysql_stmt_error(link->current), err);
	return 0;
}

/* --- statements without values --- */

int mariadb_run(struct mariadb_link *link, const char *sql, struct err *err)
{
	link->code = 0;
	if (mysql_real_query(link->db, sql, strlen(sql)) != 0)
		return fail_db(link, sql, err);
	return 0;
}

int mariadb_one_text(
	struct mariadb_link *link, const char *sql, char *ret, size_t size, struct err *err)
{
	int r = mariadb_run(link, sql, err);
	MYSQL_RES *rows;
	MYSQL_ROW row;

	if (r < 0)
		return r;
	rows = mysql_store_result(link->db);
	if (rows == NULL)
		return fail_db(link, sql, err);
	row = mysql_fetch_row(rows);
	if (row != NULL && row[0] != NULL)
		(void)snprintf(ret, size, "%s", row[0]);
	mysql_free_result(rows);
	return 0;
}
