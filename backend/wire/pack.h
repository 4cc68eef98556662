/* SPDX-License-Identifier: MIT */
/*
 * Bytes in and out, little-endian, bounds checked: what records, messages and
 * the agent's frames are made of. Header only, so that the agent can have it.
 *
 * Errors stick: write or read a whole record, then look at `failed` once. A
 * failed reader gives zeros and empty strings, never what lies beyond the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct packer {
	uint8_t *buf; /* owned where `grows`, else the caller's */
	size_t len, cap;
	bool grows, failed;
};

struct unpacker {
	const uint8_t *p; /* the caller's */
	size_t left;
	bool failed;
	bool no_memory; /* it failed for that alone: the bytes may well be good */
};

static inline struct packer packer_fixed(void *buf, size_t cap)
{
	return (struct packer){ .buf = buf, .cap = cap };
}

static inline struct packer packer_growing(void)
{
	return (struct packer){ .grows = true };
}

static inline void packer_done(struct packer *p)
{
	if (p->grows)
		free(p->buf);
	*p = (struct packer){ 0 };
}

/* Room for n more bytes, NULL when there is none. */
static inline uint8_t *packer_room(struct packer *p, size_t n)
{
	uint8_t *at;

	if (p->failed)
		return NULL;
	if (n > p->cap - p->len) {
		size_t cap = p->cap < 256 ? 256 : p->cap * 2;
		uint8_t *buf;

		if (!p->grows || n > SIZE_MAX / 4 - p->len) {
			p->failed = true;
			return NULL;
		}
		while (cap - p->len < n)
			cap *= 2;
		buf = (uint8_t *)realloc(p->buf, cap);
		if (buf == NULL) {
			p->failed = true;
			return NULL;
		}
		p->buf = buf;
		p->cap = cap;
	}
	at = p->buf + p->len;
	p->len += n;
	return at;
}

static inline void pack_raw(struct packer *p, const void *data, size_t n)
{
	uint8_t *at = packer_room(p, n);

	if (at != NULL && n > 0)
		memcpy(at, data, n);
}

static inline void pack_uint_(struct packer *p, uint64_t v, size_t bytes)
{
	uint8_t *at = packer_room(p, bytes);

	for (size_t i = 0; at != NULL && i < bytes; i++)
		at[i] = (uint8_t)(v >> (8 * i));
}

static inline void pack_u8(struct packer *p, uint8_t v)
{
	pack_uint_(p, v, 1);
}

static inline void pack_u16(struct packer *p, uint16_t v)
{
	pack_uint_(p, v, 2);
}

static inline void pack_u32(struct packer *p, uint32_t v)
{
	pack_uint_(p, v, 4);
}

static inline void pack_u64(struct packer *p, uint64_t v)
{
	pack_uint_(p, v, 8);
}

static inline void pack_i64(struct packer *p, int64_t v)
{
	pack_uint_(p, (uint64_t)v, 8);
}

/* u32 length, then the bytes. */
static inline void pack_bytes(struct packer *p, const void *data, size_t n)
{
	if (n > UINT32_MAX) {
		p->failed = true;
		return;
	}
	pack_u32(p, (uint32_t)n);
	pack_raw(p, data, n);
}

/* Length, then the characters without the NUL; NULL is written as "". */
static inline void pack_str(struct packer *p, const char *text)
{
	pack_bytes(p, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

static inline struct unpacker unpacker_of(const void *data, size_t n)
{
	return (struct unpacker){ .p = (const uint8_t *)data, .left = n };
}

/* n bytes in place, NULL (and failed) when there are fewer. */
static inline const uint8_t *unpack_raw(struct unpacker *u, size_t n)
{
	const uint8_t *at = u->p;

	if (u->failed || n > u->left) {
		u->failed = true;
		return NULL;
	}
	u->p += n;
	u->left -= n;
	return at;
}

static inline uint64_t unpack_uint_(struct unpacker *u, size_t bytes)
{
	const uint8_t *at = unpack_raw(u, bytes);
	uint64_t v = 0;

	for (size_t i = 0; at != NULL && i < bytes; i++)
		v |= (uint64_t)at[i] << (8 * i);
	return v;
}

static inline uint8_t unpack_u8(struct unpacker *u)
{
	return (uint8_t)unpack_uint_(u, 1);
}

static inline uint16_t unpack_u16(struct unpacker *u)
{
	return (uint16_t)unpack_uint_(u, 2);
}

static inline uint32_t unpack_u32(struct unpacker *u)
{
	return (uint32_t)unpack_uint_(u, 4);
}

static inline uint64_t unpack_u64(struct unpacker *u)
{
	return unpack_uint_(u, 8);
}

static inline int64_t unpack_i64(struct unpacker *u)
{
	return (int64_t)unpack_uint_(u, 8);
}

/* In place: points into the caller's buffer; at most `max` bytes, else failed. */
static inline const uint8_t *unpack_bytes(struct unpacker *u, size_t max, size_t *ret_n)
{
	size_t n = unpack_u32(u);
	const uint8_t *at;

	*ret_n = 0;
	if (u->failed || n > max) {
		u->failed = true;
		return NULL;
	}
	at = unpack_raw(u, n);
	if (at != NULL)
		*ret_n = n;
	return at;
}

/*
 * Copies at most size - 1 characters and a NUL; a longer one, or one with a NUL
 * in it, fails. On failure ret is "".
 */
static inline void unpack_str(struct unpacker *u, char *ret, size_t size)
{
	size_t n;
	const uint8_t *at = unpack_bytes(u, size - 1, &n);

	ret[0] = '\0';
	if (at == NULL)
		return;
	if (memchr(at, 0, n) != NULL) {
		u->failed = true;
		return;
	}
	memcpy(ret, at, n);
	ret[n] = '\0';
}

/* What was read cannot be kept. */
static inline void unpack_no_memory(struct unpacker *u)
{
	u->no_memory = u->no_memory || !u->failed;
	u->failed = true;
}

/* A copy that the caller frees; NULL on failure. */
static inline char *unpack_strdup(struct unpacker *u, size_t max)
{
	size_t n;
	const uint8_t *at = unpack_bytes(u, max, &n);
	char *copy;

	if (at == NULL)
		return NULL;
	if (memchr(at, 0, n) != NULL) {
		u->failed = true;
		return NULL;
	}
	copy = (char *)malloc(n + 1);
	if (copy == NULL) {
		unpack_no_memory(u);
		return NULL;
	}
	memcpy(copy, at, n);
	copy[n] = '\0';
	return copy;
}

/* True when all was there and nothing is left over. */
static inline bool unpack_end(const struct unpacker *u)
{
	return !u->failed && u->left == 0;
}
