/* SPDX-License-Identifier: MIT */
#include "gpu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

#define COUNT_MAX GPU_MAX
#define DEVICE    "device="

static uint64_t bit(size_t i)
{
	return UINT64_C(1) << i;
}

static uint64_t first_bits(size_t n)
{
	return n >= 64 ? UINT64_MAX : bit(n) - 1;
}

bool gpu_id_is_good(const char *id)
{
	size_t n = strlen(id);

	return n > 0 && n <= GPU_ID_MAX &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
			  "-_.:") == n;
}

/* The next id of a text with commas; false at its end. A bad one comes as "". */
static bool next_id(const char **at, char ret[static GPU_ID_MAX + 1])
{
	size_t n = strcspn(*at, ",");

	if (**at == '\0')
		return false;
	(void)snprintf(ret, GPU_ID_MAX + 1, "%.*s", n <= GPU_ID_MAX ? (int)n : 0, *at);
	*at += n;
	if (**at == ',' && *++*at == '\0')
		ret[0] = '\0'; /* nothing behind the last comma */
	return true;
}

static size_t place_of(const struct gpu_list *list, const char *id)
{
	size_t i;

	for (i = 0; i < list->n && strcmp(list->id[i], id) != 0; i++)
		;
	return i;
}

int gpu_list_add(struct gpu_list *list, const char *id)
{
	if (!gpu_id_is_good(id) || list->n == GPU_MAX || place_of(list, id) < list->n)
		return -EINVAL;
	(void)snprintf(list->id[list->n++], sizeof(list->id[0]), "%s", id);
	return 0;
}

int gpu_list_parse(const char *text, struct gpu_list *ret)
{
	struct gpu_list list = { 0 };
	char id[GPU_ID_MAX + 1];

	while (next_id(&text, id)) {
		if (gpu_list_add(&list, id) < 0)
			return -EINVAL;
	}
	*ret = list;
	return 0;
}

void gpu_list_text(const struct gpu_list *list, uint64_t mask, char ret[static GPU_TEXT_MAX])
{
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < list->n; i++)
		if ((mask & bit(i)) != 0)
			len += (size_t)snprintf(ret + len, GPU_TEXT_MAX - len, "%s%s",
				len > 0 ? "," : "", list->id[i]);
}

static bool is_count(const char *text, unsigned *ret)
{
	int64_t n;

	/* "0" is an id: none of them is no wish. */
	if (!number_parse(text, 1, COUNT_MAX, &n))
		return false;
	*ret = (unsigned)n;
	return true;
}

enum gpu_ask gpu_ask_of(const char *text)
{
	unsigned n;

	if (text == NULL)
		return GPU_ASK_NONE;
	if (strcmp(text, "all") == 0)
		return GPU_ASK_ALL;
	return is_count(text, &n) ? GPU_ASK_COUNT : GPU_ASK_IDS;
}

const char *gpu_ids_of(const char *text)
{
	return strncmp(text, DEVICE, strlen(DEVICE)) == 0 ? text + strlen(DEVICE) : text;
}

bool gpu_text_is_good(const char *text)
{
	struct gpu_list list;

	return gpu_ask_of(text) != GPU_ASK_IDS ||
	       (gpu_list_parse(gpu_ids_of(text), &list) == 0 && list.n > 0);
}

struct gpu_want gpu_want_of(const char *text, bool shared, const struct gpu_list *list)
{
	struct gpu_want want = { .ask = gpu_ask_of(text), .shared = shared };
	char id[GPU_ID_MAX + 1];

	if (want.ask == GPU_ASK_COUNT)
		(void)is_count(text, &want.count);
	if (want.ask == GPU_ASK_IDS)
		text = gpu_ids_of(text);
	while (want.ask == GPU_ASK_IDS && next_id(&text, id)) {
		size_t i = place_of(list, id);

		if (i < list->n)
			want.mask |= bit(i);
		else
			want.unknown = true;
	}
	return want;
}

/* The free one that the fewest share; the list's end: none. */
static size_t best_free(const struct gpu_use *use, uint64_t free)
{
	size_t best = use->n;

	for (size_t i = 0; i < use->n; i++)
		if ((free & bit(i)) != 0 &&
			(best == use->n || use->sharers[i] < use->sharers[best]))
			best = i;
	return best;
}

uint64_t gpu_busy(const struct gpu_use *use)
{
	uint64_t busy = use->exclusive;

	for (size_t i = 0; i < GPU_MAX; i++)
		if (use->sharers[i] > 0)
			busy |= bit(i);
	return busy;
}

enum gpu_fit gpu_pick(const struct gpu_use *use, const struct gpu_want *want, uint64_t *ret_mask)
{
	uint64_t free = ~(want->shared ? use->exclusive : gpu_busy(use));
	uint64_t need = use->n == 0                ? bit(0)
			: want->ask == GPU_ASK_ALL ? first_bits(use->n)
						   : want->mask;

	if (want->ask == GPU_ASK_NONE) {
		*ret_mask = 0;
		return GPU_FITS;
	}
	if (use->n > 0 && (want->unknown || want->count > use->n))
		return GPU_NEVER;
	if (use->n > 0 && want->ask == GPU_ASK_COUNT) {
		uint64_t left = free & first_bits(use->n);

		need = 0;
		for (unsigned i = 0; i < want->count; i++) {
			size_t best = best_free(use, left);

			if (best == use->n)
				return GPU_BUSY;
			need |= bit(best);
			left &= ~bit(best);
		}
	}
	if ((need & ~free) != 0)
		return GPU_BUSY;
	*ret_mask = need;
	return GPU_FITS;
}

void gpu_take(struct gpu_use *use, uint64_t mask, bool shared)
{
	if (!shared)
		use->exclusive |= mask;
	for (size_t i = 0; shared && i < GPU_MAX; i++)
		use->sharers[i] += (mask & bit(i)) != 0;
}

void gpu_give(struct gpu_use *use, uint64_t mask, bool shared)
{
	if (!shared)
		use->exclusive &= ~mask;
	for (size_t i = 0; shared && i < GPU_MAX; i++)
		use->sharers[i] -= (mask & bit(i)) != 0 && use->sharers[i] > 0;
}
