/* SPDX-License-Identifier: MIT */
#include "policy_shrink.h"

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CALLS      1024        /* more than any architecture has */
#define FOREIGN    0x40000000U /* x32's numbers begin there */
#define DEPENDS    0xdeadbeefU /* no answer: arguments decide */
#define RANGES_MAX (CALLS + 3)
#define JUMP_MAX   255

/* An instruction that libseccomp does not use: then this has to learn it. */
static void unknown(unsigned int code)
{
	(void)fprintf(stderr, "policy_shrink: instruction 0x%x\n", code);
	exit(1);
}

static uint32_t load(const struct seccomp_data *data, uint32_t offset)
{
	return *(const uint32_t *)(const void *)((const char *)data + offset);
}

static bool jumps(const struct sock_filter *i, uint32_t a)
{
	switch (i->code) {
	case BPF_JMP | BPF_JEQ | BPF_K:
		return a == i->k;
	case BPF_JMP | BPF_JGT | BPF_K:
		return a > i->k;
	case BPF_JMP | BPF_JGE | BPF_K:
		return a >= i->k;
	case BPF_JMP | BPF_JSET | BPF_K:
		return (a & i->k) != 0;
	default:
		unknown(i->code);
		return false;
	}
}

/* What the filter answers; `without_args`: DEPENDS where it looks at one. */
static uint32_t answer(const struct sock_filter *code, size_t n, const struct seccomp_data *data,
	bool without_args)
{
	uint32_t a = 0;

	for (size_t at = 0; at < n; at++) {
		const struct sock_filter *i = &code[at];

		if (i->code == (BPF_RET | BPF_K))
			return i->k;
		if (i->code == (BPF_LD | BPF_W | BPF_ABS)) {
			if (without_args && i->k >= offsetof(struct seccomp_data, args))
				return DEPENDS;
			a = load(data, i->k);
		} else if (i->code == (BPF_ALU | BPF_AND | BPF_K)) {
			a &= i->k;
		} else if (i->code == (BPF_JMP | BPF_JA)) {
			at += i->k;
		} else {
			at += jumps(i, a) ? i->jt : i->jf;
		}
	}
	unknown(0);
	return 0;
}

/* The architecture that the filter is for: its second instruction compares with it. */
static uint32_t native(const struct sock_filter *code)
{
	if (code[0].code != (BPF_LD | BPF_W | BPF_ABS) ||
		code[0].k != offsetof(struct seccomp_data, arch) ||
		code[1].code != (BPF_JMP | BPF_JEQ | BPF_K))
		unknown(code[1].code);
	return code[1].k;
}

struct tree {
	struct {
		uint32_t from, answer;
	} ranges[RANGES_MAX];
	size_t n_ranges;
	struct sock_filter *code;
	size_t n;
	/* Jumps to answers, which stand behind the tree. */
	struct {
		size_t at;
		bool taken;
		uint32_t answer;
	} fixes[2 * RANGES_MAX];
	size_t n_fixes;
};

static void add_range(struct tree *tree, const struct sock_filter *full, size_t n, uint32_t from)
{
	struct seccomp_data data = { .nr = (int)from, .arch = native(full) };
	uint32_t is = answer(full, n, &data, true);

	if (tree->n_ranges > 0 && tree->ranges[tree->n_ranges - 1].answer == is)
		return;
	tree->ranges[tree->n_ranges].from = from;
	tree->ranges[tree->n_ranges++].answer = is;
}

static void put(struct tree *tree, unsigned int code, uint32_t k)
{
	tree->code[tree->n++] = (struct sock_filter){ .code = (uint16_t)code, .k = k };
}

static bool set_jump(struct tree *tree, size_t at, bool taken, size_t to)
{
	size_t distance = to - at - 1;

	if (distance > JUMP_MAX)
		return false;
	if (taken)
		tree->code[at].jt = (uint8_t)distance;
	else
		tree->code[at].jf = (uint8_t)distance;
	return true;
}

static bool branch(struct tree *tree, size_t lo, size_t hi);

/* Where the jump at `at` goes for ranges lo to hi: on to more questions, or to an answer. */
static bool follow(struct tree *tree, size_t at, bool taken, size_t lo, size_t hi)
{
	if (hi - lo > 1)
		return set_jump(tree, at, taken, tree->n) && branch(tree, lo, hi);
	tree->fixes[tree->n_fixes].at = at;
	tree->fixes[tree->n_fixes].taken = taken;
	tree->fixes[tree->n_fixes++].answer = tree->ranges[lo].answer;
	return true;
}

static bool branch(struct tree *tree, size_t lo, size_t hi)
{
	size_t mid = lo + (hi - lo) / 2, at = tree->n;

	put(tree, BPF_JMP | BPF_JGE | BPF_K, tree->ranges[mid].from);
	return follow(tree, at, false, lo, mid) && follow(tree, at, true, mid, hi);
}

/* Each answer once; last comes where arguments decide, for there `some` follows. */
static bool answers(struct tree *tree)
{
	for (size_t i = 0; i < tree->n_fixes; i++) {
		uint32_t is = tree->fixes[i].answer;
		bool new = is != DEPENDS;

		for (size_t k = 0; k < i; k++)
			new = new && tree->fixes[k].answer != is;
		if (!new)
			continue;
		for (size_t k = i; k < tree->n_fixes; k++)
			if (tree->fixes[k].answer == is &&
				!set_jump(tree, tree->fixes[k].at, tree->fixes[k].taken, tree->n))
				return false;
		put(tree, BPF_RET | BPF_K, is);
	}
	for (size_t k = 0; k < tree->n_fixes; k++)
		if (tree->fixes[k].answer == DEPENDS &&
			!set_jump(tree, tree->fixes[k].at, tree->fixes[k].taken, tree->n))
			return false;
	return true;
}

size_t shrink(const struct sock_filter *full, size_t n_full, const struct sock_filter *some,
	size_t n_some, struct sock_filter ret[static SHRINK_MAX])
{
	static struct tree tree;
	struct seccomp_data other = { .nr = 0, .arch = ~native(full) };

	tree = (struct tree){ .code = ret };
	for (uint32_t nr = 0; nr <= CALLS; nr++)
		add_range(&tree, full, n_full, nr);
	add_range(&tree, full, n_full, FOREIGN);
	add_range(&tree, full, n_full, UINT32_MAX);
	put(&tree, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	put(&tree, BPF_JMP | BPF_JEQ | BPF_K, native(full));
	tree.fixes[tree.n_fixes].at = 1;
	tree.fixes[tree.n_fixes++].answer = answer(full, n_full, &other, true);
	put(&tree, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	if (tree.n_ranges < 2 || !branch(&tree, 0, tree.n_ranges) || !answers(&tree) ||
		tree.n + n_some > SHRINK_MAX)
		return 0;
	for (size_t i = 0; i < n_some; i++)
		ret[tree.n++] = some[i];
	return tree.n < n_full ? tree.n : 0;
}

static uint64_t random_bits(uint64_t *state)
{
	*state = *state * 6364136223846793005U + 1442695040888963407U;
	return *state >> 16;
}

/* Values that rules compare with, single bits, and anything. */
static uint64_t argument(uint64_t *state)
{
	static const uint64_t values[] = { 0, 1, 2, 10, 16, 17, 38, 40, 0xffffffff, 0x7e020000,
		0x11, 0x01200011, 0x3d0f00, 0010644, 0100644, 0020666, 0060600, 0140000 };
	uint64_t pick = random_bits(state);

	if (pick % 3 == 0)
		return values[random_bits(state) % (sizeof(values) / sizeof(values[0]))];
	return pick % 3 == 1 ? UINT64_C(1) << random_bits(state) % 64 : random_bits(state);
}

int shrink_same(const struct sock_filter *a, size_t n_a, const struct sock_filter *b, size_t n_b)
{
	uint64_t state = 1;

	for (uint32_t i = 0; i < 3 * CALLS; i++) {
		/* Its own calls, x32's, and those from the other end. */
		uint32_t nr = i < CALLS       ? i
			      : i < 2 * CALLS ? FOREIGN + i - CALLS
					      : 2 * CALLS - i - 1;

		for (int k = 0; k < 400; k++) {
			struct seccomp_data data = { .nr = (int)nr,
				.arch = k == 0 ? ~native(a) : native(a) };

			for (int arg = 0; arg < 6; arg++)
				data.args[arg] = argument(&state);
			if (answer(a, n_a, &data, false) != answer(b, n_b, &data, false))
				return 0;
		}
	}
	return 1;
}
