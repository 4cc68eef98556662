/* SPDX-License-Identifier: MIT */
/* The token that the commands bring: whose they are. */
#pragma once

#include "common/err.h"

/*
 * From the file of --token-file, where `path` is one; else DOCKGATE_TOKEN of the environment;
 * else the file that DOCKGATE_TOKEN_FILE names; else none. *ret is the caller's, or NULL for none.
 */
int token_find(const char *path, char **ret, struct err *err);
