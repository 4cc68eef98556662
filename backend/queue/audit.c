/* SPDX-License-Identifier: MIT */
#include "audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "queue.h"
#include "reply.h"
#include "wire/pack.h"

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

int audit_job(struct queue *q, const struct caller *who, const char *what, uint64_t seq,
	const struct job_id *id, uint32_t attempt, struct err *err)
{
	char data[sizeof(((struct store_audit *)0)->what) + STORE_CLIENT_MAX + 2];
	int r = audit_note(q, who, what, queue_short_id(id).text, "", err);

	if (r < 0)
		return r;
	(void)snprintf(data, sizeof(data), "%s %s", what, caller_name(who));
	r = store_event_import(
		q->store, seq, attempt, STORE_EVENT_AUDITED, clock_unix_ms(), data, err);
	if (r < 0)
		turn_spoil(q, err);
	return r;
}

static void pack_entry(struct packer *p, const struct store_audit *entry)
{
	pack_i64(p, entry->at_unix_ms);
	pack_str(p, entry->who);
	pack_str(p, entry->what);
	pack_str(p, entry->object);
	pack_str(p, entry->detail);
}

void audit_reply(struct queue *q, uint64_t gate, const struct msg_client_ask *ask)
{
	size_t limit = ask->limit == 0 ? 1 : ask->limit;
	cleanup_free struct store_audit *entries = calloc(limit, sizeof(*entries));
	struct packer p = packer_growing();
	struct msg msg;
	struct err err;
	size_t n = 0;
	int r = entries == NULL
			? err_set(&err, ENOMEM, "audit")
			: store_audit_list(q->store, false, ask->cursor, limit, entries, &n, &err);

	for (size_t i = 0; r == 0 && i < n; i++)
		pack_entry(&p, &entries[i]);
	if (r == 0 && p.failed)
		r = err_set(&err, ENOMEM, "audit");
	if (r < 0) {
		log_error("the audit cannot be read: %s", err.msg);
		reply_refused(q, gate, ask->token, REFUSAL_STORE, NULL, 1);
	} else {
		msg_init(&msg, MSG_CLIENT_TELL);
		msg.client_tell.token = ask->token;
		msg.client_tell.cursor = n == limit ? entries[n - 1].n : 0;
		msg.client_tell.list =
			(struct blob){ .len = p.len, .data = TAKE_PTR(p.buf), .fd = -1 };
		reply_send(q, gate, &msg);
		msg_done(&msg);
	}
	packer_done(&p);
}
