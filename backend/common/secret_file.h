/* SPDX-License-Identifier: MIT */
/* Files that hold a secret: read whole, and only where nobody else may read or change them. */
#pragma once

#include <sys/types.h>

#include "err.h"

#define SECRET_FILE_MAX 4096

/*
 * A regular file of root's, of this process's user's or of `owner`'s, with mode 0640 at most,
 * of 1 to SECRET_FILE_MAX bytes, none of them NUL. `expected` says in messages what it should
 * hold. *ret is without the line ends at its end, and the caller's: secret_file_wipe().
 */
int secret_file_read(
	const char *path, uid_t owner, const char *expected, char **ret, struct err *err);
/* Overwrites and releases. NULL is fine. */
void secret_file_wipe(char *text);
