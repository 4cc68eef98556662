/* SPDX-License-Identifier: MIT */
/* uthash, whose tables end the process where there is no memory: with a line that says so, and a
 * status that says that it may be started again. */
#pragma once

#include <unistd.h>

#include "log.h"

#define uthash_fatal(msg)                                   \
	do {                                                \
		log_error("out of memory in a hash table"); \
		_exit(1);                                   \
	} while (0)

#include <uthash.h>
