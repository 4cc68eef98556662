/* SPDX-License-Identifier: MIT */
/*
 * An ordered set: lower keys first, and where they are the same, lower numbers. Every
 * question costs O(log n). A balanced tree by random weights (a treap) whose nodes know
 * the size of what hangs below them; the nodes are the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct order_node {
	struct order_node *left, *right;
	uint64_t key, seq;
	uint32_t size; /* of the tree that starts here */
};

struct order {
	struct order_node *root;
};

/* node->key and node->seq are set; no other node has that pair. */
void order_add(struct order *order, struct order_node *node);
/* The node must be in there. */
void order_remove(struct order *order, struct order_node *node);
/* NULL when empty. */
struct order_node *order_first(const struct order *order);
struct order_node *order_last(const struct order *order);
/* The one that has `ahead` before it; NULL: there are not so many. */
struct order_node *order_at(const struct order *order, uint32_t ahead);
uint32_t order_size(const struct order *order);
/* How many come before it. */
uint32_t order_ahead(const struct order *order, const struct order_node *node);
/* Does a come before b? */
bool order_before(const struct order_node *a, const struct order_node *b);
