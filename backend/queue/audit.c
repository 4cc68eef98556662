/* SPDX-License-Identifier: MIT */
#include "audit.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "queue.h"

int audit_note(struct queue *q, const struct caller *who, const char *what, const char *object,
	const char *detail, struct err *err)
{
	struct store_audit entry = { .at_unix_ms = clock_unix_ms() };
	int r = turn_begin(q, err);

	if (r < 0)
		return r;
	(void)snprintf(entry.who, sizeof(entry.who), "%s", caller_name(who));
	(void)snprintf(entry.what, sizeof(entry.what), "%s", what);
	(void)snprintf(entry.object, sizeof(entry.object), "%s", object);
	(void)snprintf(entry.detail, sizeof(entry.detail), "%s", detail);
	r = store_audit_add(q->store, &entry, err);
	if (r < 0) {
		turn_spoil(q, err);
		return r;
	}
	log_info("audit who=%s what=%s%s%s%s%s", entry.who, entry.what,
		entry.object[0] != '\0' ? " object=" : "", entry.object,
		entry.detail[0] != '\0' ? " detail=" : "", entry.detail);
	return 0;
}
