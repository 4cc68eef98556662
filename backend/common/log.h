/* SPDX-License-Identifier: MIT */
/*
 * One line per event on stderr: "2026-01-31T12:00:00.123Z info queue job=1a2b… ended verdict=ok".
 * Control characters in what strangers sent are escaped (plain.h), lines are cut at 2,000 bytes.
 * Never give it a secret or a job's input or output.
 */
#pragma once

#include "err.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* The role's name in each line (kept, not copied) and the least level written. */
void log_init(const char *role, enum log_level level);
/* LOG_INFO for an unknown name or NULL. */
enum log_level log_level_by_name(const char *name);

void log_at(enum log_level level, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

#define log_error(...)   log_at(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_at(LOG_DEBUG, __VA_ARGS__)
