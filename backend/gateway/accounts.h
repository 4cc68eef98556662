/* SPDX-License-Identifier: MIT */
/*
 * Who the caller is (/v1/me), and for operators the clients (/v1/clients) and who did what
 * (/v1/audit). The queue decides all of it: this reads and writes JSON.
 */
#pragma once

#include "exchange.h"

void accounts_me(struct exchange *ex);
void accounts_list(struct exchange *ex);
void accounts_add_begin(struct exchange *ex);
void accounts_add(struct exchange *ex);
/* The body of a new one, into a message that was given msg_init(). -EINVAL: the client's mistake.
 */
int accounts_parse_client(
	const void *body, size_t body_n, struct msg_client_ask *ret, struct err *err);
void accounts_revoke(struct exchange *ex);
void accounts_audit(struct exchange *ex);

/* Logs, not too often, that somebody came without a good token: who, never with what. */
void accounts_note_refused(struct exchange *ex);

/* Asks the queue whether this caller is let in, and calls the route's handler where he is. */
void accounts_admit(struct exchange *ex);
