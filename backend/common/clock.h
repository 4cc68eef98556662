/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

#define CLOCK_TEXT 32

/* Milliseconds since 1970, UTC. For stamps that people read, never for time-outs. */
int64_t clock_unix_ms(void);
/* Microseconds of CLOCK_MONOTONIC. */
int64_t clock_us(void);
/* RFC 3339 with milliseconds: "2026-01-31T12:00:00.123Z". */
void clock_format(int64_t unix_ms, char ret[static CLOCK_TEXT]);
