/* SPDX-License-Identifier: MIT */
#include "crowd.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

#define NETWORK_BYTES 8 /* of an IPv6 address: what one customer is given at least */
#define LOOPBACK_NET  127

struct key {
	sa_family_t family;
	uint8_t bytes[NETWORK_BYTES];
};

struct crowd_member {
	struct key key;
	unsigned n;                  /* connections */
	uint64_t held[CROWD_STORES]; /* bytes */
	UT_hash_handle hh;
};

struct crowd {
	struct crowd_member *by_key; /* owned */
};

struct crowd *crowd_new(void)
{
	return calloc(1, sizeof(struct crowd));
}

static void set_v4(struct key *key, const uint8_t bytes[static 4])
{
	key->family = AF_INET;
	memcpy(key->bytes, bytes, 4);
}

/* False: it is not counted. */
static bool key_of(const struct sockaddr *from, struct key *ret)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	memset(ret, 0, sizeof(*ret)); /* padding too: it is compared */
	if (from->sa_family == AF_INET) {
		memcpy(&v4, from, sizeof(v4));
		set_v4(ret, (const uint8_t *)&v4.sin_addr);
	} else if (from->sa_family == AF_INET6) {
		memcpy(&v6, from, sizeof(v6));
		if (IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr))
			return false;
		ret->family = AF_INET6;
		if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
			set_v4(ret, v6.sin6_addr.s6_addr + 12);
		else
			memcpy(ret->bytes, v6.sin6_addr.s6_addr, NETWORK_BYTES);
	}
	return ret->family == AF_INET6 || (ret->family == AF_INET && ret->bytes[0] != LOOPBACK_NET);
}

bool crowd_join(
	struct crowd *crowd, const struct sockaddr *from, unsigned most, struct crowd_member **ret)
{
	struct crowd_member *member;
	struct key key;

	*ret = NULL;
	if (!key_of(from, &key))
		return true;
	HASH_FIND(hh, crowd->by_key, &key, sizeof(key), member);
	if (member != NULL && member->n >= most)
		return false;
	if (member == NULL) {
		member = calloc(1, sizeof(*member));
		if (member == NULL)
			return true; /* no memory to count it: that is not the client's fault */
		member->key = key;
		HASH_ADD(hh, crowd->by_key, key, sizeof(member->key), member);
	}
	member->n++;
	*ret = member;
	return true;
}

void crowd_leave(struct crowd *crowd, struct crowd_member *member)
{
	if (member == NULL || --member->n > 0)
		return;
	HASH_DEL(crowd->by_key, member);
	free(member);
}

uint64_t crowd_held(const struct crowd_member *member, enum crowd_store where)
{
	return member == NULL ? 0 : member->held[where];
}

void crowd_hold(struct crowd_member *member, enum crowd_store where, uint64_t bytes)
{
	if (member != NULL)
		member->held[where] += bytes;
}

void crowd_give_back(struct crowd_member *member, enum crowd_store where, uint64_t bytes)
{
	if (member != NULL)
		member->held[where] -= bytes;
}

void crowd_free(struct crowd *crowd)
{
	free(crowd);
}
