/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "plain.h"

#define LINE_MAX_BYTES 2000

static const char *log_role = "dockgate";
static enum log_level log_least = LOG_INFO;
static const char *const level_names[] = { "error", "warning", "info", "debug" };

void log_init(const char *role, enum log_level level)
{
	log_role = role;
	log_least = level;
}

enum log_level log_level_by_name(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof(level_names) / sizeof(level_names[0]); i++)
		if (strcmp(level_names[i], name) == 0)
			return (enum log_level)i;
	return LOG_INFO;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	char line[LINE_MAX_BYTES + 128];
	char when[CLOCK_TEXT];
	va_list ap;
	int n;

	if (level > log_least)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clock_format(clock_unix_ms(), when);
	n = snprintf(line, sizeof(line), "%s %s %s ", when, level_names[level], log_role);
	if (n < 0)
		return;
	n += (int)plain_write(text, line + n, sizeof(line) - (size_t)n - 1);
	line[n++] = '\n';
	(void)!write(
		STDERR_FILENO, line, (size_t)n); /* one write: lines of several roles stay whole */
}
