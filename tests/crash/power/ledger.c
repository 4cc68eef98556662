/* SPDX-License-Identifier: MIT */
#include "ledger.h"

#include <string.h>

#include "dice.h"

struct ledger_job *ledger_find(struct ledger *ledger, const struct job_id *id)
{
	for (size_t i = 0; i < ledger->n; i++)
		if (ledger->job[i].has_id && job_id_equal(&ledger->job[i].id, id))
			return &ledger->job[i];
	return NULL;
}

struct ledger_job *ledger_find_tag(struct ledger *ledger, uint64_t tag)
{
	for (size_t i = 0; i < ledger->n; i++)
		if (ledger->job[i].tag == tag)
			return &ledger->job[i];
	return NULL;
}

static uint8_t pattern(size_t i, size_t n, uint64_t tag)
{
	return (uint8_t)((i * 31 >> 3) + (tag >> (8 * (i % 8))) + n);
}

void content_fill(uint8_t *data, size_t n, uint64_t tag)
{
	const uint64_t head[2] = { tag, n };

	for (size_t i = sizeof(head); i < n; i++)
		data[i] = pattern(i, n, tag);
	memcpy(data, head, sizeof(head));
}

bool content_is(const uint8_t *data, size_t n, uint64_t tag)
{
	const uint64_t head[2] = { tag, n };

	if (n < CONTENT_MIN || memcmp(data, head, sizeof(head)) != 0)
		return false;
	for (size_t i = sizeof(head); i < n; i++)
		if (data[i] != pattern(i, n, tag))
			return false;
	return true;
}

uint64_t content_tag(const uint8_t *data)
{
	uint64_t tag;

	memcpy(&tag, data, sizeof(tag));
	return tag;
}

struct outcome outcome_of(const struct job_id *id, uint32_t attempt)
{
	static const enum verdict verdicts[] = { VERDICT_OK, VERDICT_NONZERO_EXIT,
		VERDICT_SIGNALED };
	struct dice dice;
	struct outcome outcome;

	memcpy(&dice.state, id->b, sizeof(dice.state));
	dice.state += attempt;
	outcome.verdict = verdicts[dice_below(&dice, 3)];
	outcome.tag = dice_next(&dice);
	outcome.out_bytes = dice_below(&dice, 5) == 0 ? 66000 + dice_below(&dice, 40000)
						      : CONTENT_MIN + dice_below(&dice, 3000);
	return outcome;
}
