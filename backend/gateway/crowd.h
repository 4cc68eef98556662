/* SPDX-License-Identifier: MIT */
/*
 * How many connections each address holds, and how much memory and disk for them, so that one
 * cannot take all of them. An IPv6 network of 64 bits is one address. Loopback and unix sockets are
 * not counted: there a web server stands for everybody.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct crowd;
struct crowd_member;

enum crowd_store { CROWD_MEMORY, CROWD_DISK, CROWD_STORES };

/* NULL: no memory. */
struct crowd *crowd_new(void);
/*
 * One more from there. *ret: its address, until crowd_leave(); NULL where it is not counted, for
 * want of memory too. False: the address has `most` already; then *ret is NULL.
 */
bool crowd_join(
	struct crowd *crowd, const struct sockaddr *from, unsigned most, struct crowd_member **ret);
/* NULL is fine. */
void crowd_leave(struct crowd *crowd, struct crowd_member *member);
/* Bytes that are held for an address; 0 for NULL. */
uint64_t crowd_held(const struct crowd_member *member, enum crowd_store where);
/* So many more. NULL is fine. */
void crowd_hold(struct crowd_member *member, enum crowd_store where, uint64_t bytes);
/* So many less, before its last connection leaves. NULL is fine. */
void crowd_give_back(struct crowd_member *member, enum crowd_store where, uint64_t bytes);
/* All must have left. NULL is fine. */
void crowd_free(struct crowd *crowd);
