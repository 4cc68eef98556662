/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#define JSON_WHERE_MAX 256

/*
 * The member in which a parser stopped at `offset` of a JSON text: "cases[3].limits.cpu_ms",
 * "" for the whole. A light walk, right for text that is good up to there. Paths that are too
 * long are cut.
 */
void json_where(const char *text, size_t n, size_t offset, char ret[static JSON_WHERE_MAX]);
