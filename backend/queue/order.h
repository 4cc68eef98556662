/* SPDX-License-Identifier: MIT */
/*
 * An ordered set: lower keys first, and where they are the same, lower numbers. Every
 * question costs O(log n), and touches little memory: a B+-tree, whose inner blocks know how many
 * entries hang below each of their slots.
 *
 * Blocks come from a pool in which there are enough of them beforehand: whoever reserved room for
 * an entry may add and remove it as often as it likes, and neither can fail.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct order_block;

struct order_place {
	uint64_t key, seq;
};

struct order_entry {
	struct order_place place;
	void *what; /* the caller's */
};

/* All-zero at first. */
struct order {
	struct order_block *root;
	uint32_t n;
};

/* Of several orders. All-zero at first. */
struct order_pool {
	struct order_block *free;
	size_t n, n_free; /* blocks: all that came from here and those that nobody uses */
};

/*
 * From now on there is room for so many entries, in so many orders that are not empty. Gives back
 * most of what is too much. No fewer than there are now. -ENOMEM: it is as it was.
 */
int order_pool_reserve(struct order_pool *pool, size_t orders, size_t entries);
/* The orders end for themselves. */
void order_pool_done(struct order_pool *pool);
/* Frees it, with what is in there, where its pool ends, too. */
void order_done(struct order *order);

/* No other entry has that place; there is room for it in the pool. */
void order_add(struct order *order, struct order_pool *pool, struct order_place place, void *what);
/* It must be in there. */
void order_remove(struct order *order, struct order_pool *pool, struct order_place place);
/* Entries are good until the next change. NULL when empty. */
const struct order_entry *order_first(const struct order *order);
const struct order_entry *order_last(const struct order *order);
/* The one that has `ahead` before it; NULL: there are not so many. */
const struct order_entry *order_at(const struct order *order, uint32_t ahead);
uint32_t order_size(const struct order *order);
/* How many come before that place. */
uint32_t order_ahead(const struct order *order, struct order_place place);
/* Does a come before b? */
bool order_before(struct order_place a, struct order_place b);
