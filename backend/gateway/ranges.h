/* SPDX-License-Identifier: MIT */
/* One range of bytes, as RFC 9110 has it. Pure. */
#pragma once

#include <stdint.h>

enum range {
	RANGE_ALL, /* no range, or one that we do not serve (several, other units): the whole */
	RANGE_PART,
	RANGE_OUTSIDE, /* 416 */
};

/* `header`: the value of Range, or NULL. Sets first and length where it is RANGE_PART. */
enum range range_parse(const char *header, uint64_t size, uint64_t *ret_first, uint64_t *ret_len);
