/* SPDX-License-Identifier: MIT */
#include "move_log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

struct text {
	char *at;
	size_t n;
};

/* What does not fit is cut. */
static void put(struct text *t, const char *bytes, size_t n)
{
	if (n > MOVE_LINE_BYTES - 1 - t->n)
		n = MOVE_LINE_BYTES - 1 - t->n;
	memcpy(t->at + t->n, bytes, n);
	t->n += n;
	t->at[t->n] = '\0';
}

static void put_quoted(struct text *t, const char *value)
{
	put(t, "\"", 1);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			put(t, "\\", 1);
		put(t, value, 1);
	}
	put(t, "\"", 1);
}

static void put_text(struct text *t, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	put(t, key, strlen(key));
	if (strpbrk(value, " \"=\\") != NULL)
		put_quoted(t, value);
	else
		put(t, value, strlen(value));
}

static void put_number(struct text *t, const char *key, int64_t value)
{
	char number[24];

	if (value < 0)
		return;
	(void)snprintf(number, sizeof(number), "%" PRId64, value);
	put_text(t, key, number);
}

void move_line_write(const struct move_line *line, char ret[static MOVE_LINE_BYTES])
{
	struct text t = { ret, 0 };
	char id[JOB_ID_CHARS + 1];

	ret[0] = '\0';
	job_id_format(line->id, id);
	id[JOB_ID_SHOWN] = '\0';
	put_text(&t, "job=", id);
	put_number(&t, " attempt=", line->attempt);
	put_text(&t, " from=", line->from);
	put_text(&t, " to=", line->to);
	put_text(&t, " task=", line->task);
	put_text(&t, " client=", line->client);
	put_text(&t, " node=", line->node);
	put_number(&t, " wait_ms=", line->wait_ms);
	put_number(&t, " run_ms=", line->run_ms);
	put_text(&t, " verdict=", line->verdict);
	put_text(&t, " trace=", line->trace);
	put_text(&t, " reason=", line->reason);
}

void move_line_log(const struct move_line *line)
{
	char text[MOVE_LINE_BYTES];

	move_line_write(line, text);
	log_info("%s", text);
}
