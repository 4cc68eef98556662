/* SPDX-License-Identifier: MIT */
#include "processors.h"

#include <stdbool.h>

#define WHOLE 1000

static bool has(const struct place *place, int64_t processor)
{
	for (int i = 0; i < place->n; i++)
		if (place->processors[i] == processor)
			return true;
	return false;
}

/* The fullest that has room for the share, so that whole ones stay whole. -1: none. */
static int64_t best(const struct processors *all, int64_t n, const struct place *place)
{
	int64_t found = -1;

	for (int64_t i = 0; i < n; i++)
		if (all->taken[i] + place->share <= WHOLE && !has(place, i) &&
			(found < 0 || all->taken[i] > all->taken[found]))
			found = i;
	return found;
}

void processors_take(struct processors *all, int64_t n, int64_t cpus, struct place *ret)
{
	int64_t count = (cpus + WHOLE - 1) / WHOLE;

	*ret = (struct place){ 0 };
	n = n < PROCESSORS_MAX ? n : PROCESSORS_MAX;
	if (cpus <= 0 || count >= n || count > FRAME_PLACE_MAX)
		return;
	ret->share = (uint16_t)((cpus + count - 1) / count);
	while (ret->n < count) {
		int64_t processor = best(all, n, ret);

		if (processor < 0) {
			*ret = (struct place){ 0 };
			return;
		}
		ret->processors[ret->n++] = (uint16_t)processor;
	}
	for (int i = 0; i < ret->n; i++)
		all->taken[ret->processors[i]] =
			(uint16_t)(all->taken[ret->processors[i]] + ret->share);
}

void processors_give(struct processors *all, struct place *place)
{
	for (int i = 0; i < place->n; i++)
		all->taken[place->processors[i]] =
			(uint16_t)(all->taken[place->processors[i]] - place->share);
	*place = (struct place){ 0 };
}
