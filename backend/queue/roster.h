/* SPDX-License-Identifier: MIT */
/*
 * The clients beyond the configuration: those of the store, which operators add and revoke while
 * the service runs, on every machine that shares it; and tokens that stand in files.
 */
#pragma once

#include "caller.h"
#include "common/config.h"
#include "common/err.h"

struct msg_client_ask;

/* In the store's meta: clients were made at run time, once; "" else. */
#define ROSTER_META "clients"

/* Tokens of `token_file` keys, before rights are given up. *ret: a hash for each of the
 * configuration's clients, zeros for those without; the caller's; NULL where there are none. */
int roster_read_files(
	const struct config *config, uint8_t (**ret)[CLIENT_HASH_BYTES], struct err *err);

/* At a start, and when others have changed it: the clients of the store are those known. */
int roster_load(struct queue *q, struct err *err);

/* What a client may ask of itself, and operators of all. */
void roster_ask(struct queue *q, uint64_t gate, const struct msg_client_ask *ask);
