/* SPDX-License-Identifier: MIT */
#include "body.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "crowd.h"
#include "upload.h"

#define FIRST_BYTES 4096
#define SMALL_BYTES (64U * 1024 + 1) /* the last of each is the NUL after it */
#define ALL_BYTES   (UINT64_C(512) << 20)
#define SHARES      4

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t largest(const struct exchange *ex)
{
	return (uint64_t)ex->gw->config->body_json_max + 1;
}

/* Of one address: the largest body that is allowed fits in any case. */
static uint64_t share(const struct exchange *ex)
{
	return larger(ALL_BYTES / SHARES, largest(ex));
}

static bool has_room(const struct exchange *ex, size_t cap)
{
	uint64_t more = cap - ex->body_cap;

	return cap <= SMALL_BYTES ||
	       (ex->gw->body_bytes + more <= larger(ALL_BYTES, 2 * share(ex)) &&
		       crowd_held(ex->from, CROWD_MEMORY) + more <= share(ex));
}

static size_t next_cap(const struct exchange *ex, size_t need)
{
	size_t most = need <= SMALL_BYTES ? SMALL_BYTES : (size_t)largest(ex);
	size_t cap = ex->body_cap < FIRST_BYTES ? FIRST_BYTES : ex->body_cap * 2;

	if (cap > most)
		cap = most;
	return cap < need ? need : cap;
}

static bool reserve(struct exchange *ex, size_t n)
{
	size_t need = ex->body_len + n + 1;
	size_t cap = next_cap(ex, need);
	uint8_t *body;

	if (need <= ex->body_cap)
		return true;
	if (!has_room(ex, cap))
		return false;
	body = realloc(ex->body, cap);
	if (body == NULL)
		return false;
	ex->gw->body_bytes += cap - ex->body_cap;
	crowd_hold(ex->from, CROWD_MEMORY, cap - ex->body_cap);
	ex->body = body;
	ex->body_cap = cap;
	return true;
}

bool body_keep(struct exchange *ex, const void *data, size_t n)
{
	if (!reserve(ex, n))
		return false;
	memcpy(ex->body + ex->body_len, data, n);
	ex->body_len += n;
	ex->body[ex->body_len] = '\0';
	return true;
}

void body_drop(struct exchange *ex)
{
	ex->gw->body_bytes -= ex->body_cap;
	crowd_give_back(ex->from, CROWD_MEMORY, ex->body_cap);
	free(ex->body);
	ex->body = NULL;
	ex->body_len = ex->body_cap = 0;
	upload_free(TAKE_PTR(ex->upload));
}
