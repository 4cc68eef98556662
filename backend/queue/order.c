/* SPDX-License-Identifier: MIT */
#include "order.h"

#include <assert.h>
#include <stddef.h>

bool order_before(const struct order_node *a, const struct order_node *b)
{
	return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

static uint32_t size_of(const struct order_node *node)
{
	return node == NULL ? 0 : node->size;
}

static void resize(struct order_node *node)
{
	node->size = 1 + size_of(node->left) + size_of(node->right);
}

/* A parent's is never below its children's. Well mixed bits: as good as random. */
static uint64_t weight_of(const struct order_node *node)
{
	uint64_t x = node->seq;

	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* The tree in two: what comes before `at`, and the rest. Depth is O(log n). */
static void split(struct order_node *tree, const struct order_node *at,
	struct order_node **ret_before, struct order_node **ret_rest)
{
	if (tree == NULL) {
		*ret_before = NULL;
		*ret_rest = NULL;
	} else if (order_before(tree, at)) {
		split(tree->right, at, &tree->right, ret_rest);
		resize(tree);
		*ret_before = tree;
	} else {
		split(tree->left, at, ret_before, &tree->left);
		resize(tree);
		*ret_rest = tree;
	}
}

/* All of a comes before all of b. */
static struct order_node *join(struct order_node *a, struct order_node *b)
{
	if (a == NULL)
		return b;
	if (b == NULL)
		return a;
	if (weight_of(a) >= weight_of(b)) {
		a->right = join(a->right, b);
		resize(a);
		return a;
	}
	b->left = join(a, b->left);
	resize(b);
	return b;
}

void order_add(struct order *order, struct order_node *node)
{
	struct order_node **at = &order->root;
	uint64_t weight = weight_of(node);

	while (*at != NULL && weight_of(*at) >= weight) {
		(*at)->size++;
		at = order_before(node, *at) ? &(*at)->left : &(*at)->right;
	}
	split(*at, node, &node->left, &node->right);
	resize(node);
	*at = node;
}

void order_remove(struct order *order, struct order_node *node)
{
	struct order_node **at = &order->root;

	while (*at != node) {
		assert(*at != NULL);
		(*at)->size--;
		at = order_before(node, *at) ? &(*at)->left : &(*at)->right;
	}
	*at = join(node->left, node->right);
	node->left = NULL;
	node->right = NULL;
	node->size = 0;
}

struct order_node *order_first(const struct order *order)
{
	struct order_node *node = order->root;

	while (node != NULL && node->left != NULL)
		node = node->left;
	return node;
}

struct order_node *order_last(const struct order *order)
{
	struct order_node *node = order->root;

	while (node != NULL && node->right != NULL)
		node = node->right;
	return node;
}

struct order_node *order_at(const struct order *order, uint32_t ahead)
{
	struct order_node *node = order->root;

	while (node != NULL && ahead != size_of(node->left)) {
		if (ahead < size_of(node->left)) {
			node = node->left;
		} else {
			ahead -= 1 + size_of(node->left);
			node = node->right;
		}
	}
	return node;
}

uint32_t order_size(const struct order *order)
{
	return size_of(order->root);
}

uint32_t order_ahead(const struct order *order, const struct order_node *node)
{
	const struct order_node *at = order->root;
	uint32_t ahead = 0;

	while (at != NULL && at != node) {
		if (order_before(node, at)) {
			at = at->left;
		} else {
			ahead += 1 + size_of(at->left);
			at = at->right;
		}
	}
	return at == NULL ? ahead : ahead + size_of(at->left);
}
