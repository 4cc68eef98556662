/* SPDX-License-Identifier: MIT */
/*
 * A connection string as ODBC has it:
 *
 *	Driver={...};SERVER=db.example;PORT=3306;USER=dockgate;PASSWORD=...;DATABASE=dockgate
 *
 * Names are taken in any case and order, with ODBC's other spellings (UID, PWD,
 * HOST...). A value with ';' or blanks at its ends stands in braces, a '}' in it
 * doubled. What means nothing here (DRIVER, OPTION, CHARSET) is passed over.
 *
 * No message about it holds any of its text: each part may be a piece of a
 * password that should have stood in braces.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

#define DSN_PORT 3306

struct mariadb_dsn {
	char server[256]; /* "" with a socket */
	char socket[108]; /* "" with a server */
	char user[129];
	char password[512];
	char database[65];
	unsigned port;
	bool tls;    /* no connection without it */
	bool verify; /* the server's certificate and name are checked */
	char ca[PATH_MAX], ca_dir[PATH_MAX], cert[PATH_MAX], key[PATH_MAX];
	char cipher[256];
};

/* -EINVAL: *err says which part is wrong and what was expected. */
int mariadb_dsn_parse(const char *text, struct mariadb_dsn *ret, struct err *err);

/*
 * The same from a file: regular, at most 4 KiB, not readable or writable by others
 * than its owner and group (0640), root's, our own or `owner`'s. A line end after the string is
 * fine. *ret is the string, the caller's; wipe it with mariadb_dsn_wipe().
 */
int mariadb_dsn_read(const char *path, uid_t owner, char **ret, struct err *err);
/* Overwrites and frees; NULL is fine. */
void mariadb_dsn_wipe(char *text);
