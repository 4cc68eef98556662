/* SPDX-License-Identifier: MIT */
#include "order.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS  32 /* a block that has so many is split */
#define LEAST  12 /* in every block but the root */
#define MERGED 28 /* two neighbours that have no more become one */
#define SPARE  64 /* blocks that stay in a pool in any case */

/*
 * Slots are sorted. The place of an inner block's slot is not behind anything below it, and behind
 * everything below the slot before it.
 */
struct order_block {
	uint32_t n;
	bool leaf;
	struct order_entry slot[SLOTS]; /* of an inner block: `what` is a block */
	uint32_t size[SLOTS];           /* of an inner block: the entries below it */
};

bool order_before(struct order_place a, struct order_place b)
{
	return a.key != b.key ? a.key < b.key : a.seq < b.seq;
}

/* --- blocks --- */

static void push_free(struct order_pool *pool, struct order_block *block)
{
	block->slot[0].what = pool->free;
	pool->free = block;
	pool->n_free++;
}

static struct order_block *pop_free(struct order_pool *pool)
{
	struct order_block *block = pool->free;

	assert(block != NULL);
	pool->free = block->slot[0].what;
	pool->n_free--;
	return block;
}

static struct order_block *block_new(struct order_pool *pool, bool leaf)
{
	struct order_block *block = pop_free(pool);

	block->n = 0;
	block->leaf = leaf;
	return block;
}

/* Every block has LEAST slots or more, but for one in each order. */
static size_t most_blocks(size_t orders, size_t entries)
{
	return orders + entries / (LEAST - 1);
}

int order_pool_reserve(struct order_pool *pool, size_t orders, size_t entries)
{
	size_t n = most_blocks(orders, entries);

	while (pool->n < n) {
		struct order_block *block = malloc(sizeof(*block));

		if (block == NULL)
			return -ENOMEM;
		push_free(pool, block);
		pool->n++;
	}
	while (pool->n > n + n / 4 + SPARE && pool->n_free > 0) {
		free(pop_free(pool));
		pool->n--;
	}
	return 0;
}

void order_pool_done(struct order_pool *pool)
{
	while (pool->free != NULL)
		free(pop_free(pool));
	*pool = (struct order_pool){ 0 };
}

static void free_below(struct order_block *block)
{
	for (uint32_t i = 0; !block->leaf && i < block->n; i++)
		free_below(block->slot[i].what);
	free(block);
}

void order_done(struct order *order)
{
	if (order->root != NULL)
		free_below(order->root);
	*order = (struct order){ 0 };
}

static uint32_t sum(const uint32_t *size, uint32_t n)
{
	uint32_t ret = 0;

	for (uint32_t i = 0; i < n; i++)
		ret += size[i];
	return ret;
}

static uint32_t size_of(const struct order_block *block)
{
	return block->leaf ? block->n : sum(block->size, block->n);
}

/* Moves n slots; also inside of a block. */
static void copy(struct order_block *to, uint32_t at, const struct order_block *from,
	uint32_t from_at, uint32_t n)
{
	memmove(&to->slot[at], &from->slot[from_at], n * sizeof(to->slot[0]));
	if (!from->leaf)
		memmove(&to->size[at], &from->size[from_at], n * sizeof(to->size[0]));
}

static void insert(
	struct order_block *block, uint32_t at, const struct order_entry *entry, uint32_t size)
{
	copy(block, at + 1, block, at, block->n - at);
	block->slot[at] = *entry;
	if (!block->leaf)
		block->size[at] = size;
	block->n++;
}

static void erase(struct order_block *block, uint32_t at)
{
	block->n--;
	copy(block, at, block, at + 1, block->n - at);
}

/* How many slots come before that place. */
static uint32_t before(const struct order_block *block, struct order_place place)
{
	uint32_t from = 0, n = block->n;

	/* Most come at the end and go from the front: that touches no more memory. */
	if (n == 0 || !order_before(block->slot[0].place, place))
		return 0;
	if (order_before(block->slot[n - 1].place, place))
		return n;
	while (n > 0) {
		uint32_t half = n / 2;

		if (order_before(block->slot[from + half].place, place)) {
			from += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return from;
}

/* The slot of an inner block below which that place is. */
static uint32_t way(const struct order_block *block, struct order_place place)
{
	uint32_t at = before(block, place);

	if (at == block->n || order_before(place, block->slot[at].place))
		return at == 0 ? 0 : at - 1;
	return at;
}

/* --- coming --- */

/* `at`: where it grew. What grows at its end goes on there: the left one is left rather full. */
static struct order_block *split(struct order_pool *pool, struct order_block *block, uint32_t at)
{
	struct order_block *right = block_new(pool, block->leaf);

	right->n = at == block->n - 1 ? LEAST : block->n / 2;
	block->n -= right->n;
	copy(right, 0, block, block->n, right->n);
	return right;
}

static void hang(struct order_block *block, uint32_t at, struct order_block *child)
{
	struct order_entry entry = { .place = child->slot[0].place, .what = child };

	insert(block, at, &entry, size_of(child));
}

/* The block's new neighbour behind it; NULL: there was room. */
static struct order_block *add(
	struct order_pool *pool, struct order_block *block, const struct order_entry *entry)
{
	uint32_t at;

	if (block->leaf) {
		at = before(block, entry->place);
		insert(block, at, entry, 0);
	} else {
		at = way(block, entry->place);
		struct order_block *child = block->slot[at].what, *more = add(pool, child, entry);

		if (order_before(entry->place, block->slot[at].place))
			block->slot[at].place = entry->place;
		block->size[at]++;
		if (more != NULL) {
			block->size[at] = size_of(child);
			hang(block, ++at, more);
		}
	}
	return block->n < SLOTS ? NULL : split(pool, block, at);
}

void order_add(struct order *order, struct order_pool *pool, struct order_place place, void *what)
{
	struct order_entry entry = { .place = place, .what = what };
	struct order_block *more, *root;

	if (order->root == NULL)
		order->root = block_new(pool, true);
	more = add(pool, order->root, &entry);
	if (more != NULL) {
		root = block_new(pool, false);
		hang(root, 0, order->root);
		hang(root, 1, more);
		order->root = root;
	}
	order->n++;
}

/* --- going --- */

/* Two neighbours become one, or have the same number of slots. */
static void level(struct order_pool *pool, struct order_block *block, uint32_t at)
{
	struct order_block *left = block->slot[at].what, *right = block->slot[at + 1].what;
	uint32_t all = left->n + right->n, half = all / 2;

	if (all <= MERGED) {
		copy(left, left->n, right, 0, right->n);
		left->n = all;
		block->size[at] += block->size[at + 1];
		erase(block, at + 1);
		push_free(pool, right);
		return;
	}
	if (left->n > half) {
		copy(right, left->n - half, right, 0, right->n);
		copy(right, 0, left, half, left->n - half);
	} else {
		copy(left, left->n, right, 0, half - left->n);
		copy(right, 0, right, half - left->n, all - half);
	}
	left->n = half;
	right->n = all - half;
	block->size[at] = size_of(left);
	block->size[at + 1] = size_of(right);
	block->slot[at + 1].place = right->slot[0].place;
}

static void take(struct order_pool *pool, struct order_block *block, struct order_place place)
{
	struct order_block *child;
	uint32_t at;

	if (block->leaf) {
		at = before(block, place);
		assert(at < block->n && !order_before(place, block->slot[at].place));
		erase(block, at);
		return;
	}
	at = way(block, place);
	child = block->slot[at].what;
	take(pool, child, place);
	block->size[at]--;
	if (child->n < LEAST)
		level(pool, block, at == 0 ? 0 : at - 1);
}

void order_remove(struct order *order, struct order_pool *pool, struct order_place place)
{
	struct order_block *root = order->root;

	assert(root != NULL);
	take(pool, root, place);
	order->n--;
	if (root->leaf && root->n == 0) {
		order->root = NULL;
		push_free(pool, root);
	} else if (!root->leaf && root->n == 1) {
		order->root = root->slot[0].what;
		push_free(pool, root);
	}
}

/* --- questions --- */

const struct order_entry *order_first(const struct order *order)
{
	const struct order_block *block = order->root;

	if (block == NULL)
		return NULL;
	while (!block->leaf)
		block = block->slot[0].what;
	return &block->slot[0];
}

const struct order_entry *order_last(const struct order *order)
{
	const struct order_block *block = order->root;

	if (block == NULL)
		return NULL;
	while (!block->leaf)
		block = block->slot[block->n - 1].what;
	return &block->slot[block->n - 1];
}

const struct order_entry *order_at(const struct order *order, uint32_t ahead)
{
	const struct order_block *block = order->root;

	if (ahead >= order->n)
		return NULL;
	while (!block->leaf) {
		uint32_t at = 0;

		while (ahead >= block->size[at])
			ahead -= block->size[at++];
		block = block->slot[at].what;
	}
	return &block->slot[ahead];
}

uint32_t order_size(const struct order *order)
{
	return order->n;
}

uint32_t order_ahead(const struct order *order, struct order_place place)
{
	const struct order_block *block = order->root;
	uint32_t ahead = 0;

	if (block == NULL)
		return 0;
	while (!block->leaf) {
		uint32_t at = way(block, place);

		ahead += sum(block->size, at);
		block = block->slot[at].what;
	}
	return ahead + before(block, place);
}
