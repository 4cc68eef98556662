/* SPDX-License-Identifier: MIT */
#include "admission.h"

static bool part_fits(int64_t need, int64_t all, int64_t used)
{
	if (need > all)
		need = all; /* more than there is: it gets all there is */
	return need <= all - used;
}

static bool fits(const struct admission_budget *budget, const struct admission_need *need)
{
	return budget->used_slots < budget->slots &&
	       part_fits(need->cpus, budget->all.cpus, budget->used.cpus) &&
	       part_fits(need->memory_bytes, budget->all.memory_bytes, budget->used.memory_bytes);
}

/* The first of the lines that may move, those that want GPUs left out where `no_gpus`; n: none. */
static size_t first_of(const struct admission_line *lines, size_t n, bool no_gpus)
{
	size_t best = n;

	for (size_t i = 0; i < n; i++) {
		if (lines[i].first == NULL || lines[i].running >= lines[i].concurrency ||
			(no_gpus && lines[i].gpus.ask != GPU_ASK_NONE))
			continue;
		if (best == n || fair_before(lines[i].first, lines[best].first))
			best = i;
	}
	return best;
}

size_t admission_next(const struct admission_budget *budget, const struct admission_line *lines,
	size_t n, uint64_t *ret_gpus)
{
	uint64_t gpus = 0;
	size_t best = first_of(lines, n, false);

	if (best < n && gpu_pick(budget->gpus, &lines[best].gpus, &gpus) == GPU_BUSY)
		best = first_of(lines, n, true);
	if (best == n || !fits(budget, &lines[best].need))
		return n;
	*ret_gpus = gpus;
	return best;
}
