/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stddef.h>

/*
 * Names and values in one text. Each takes a hundred bytes and more, and its time, in which nobody
 * else is served: a body as large as may be could be millions of them.
 */
#define JSON_READ_PARTS_MAX 200000

/*
 * As json_loadb(3), which takes a lack of memory for malformed text, or for less text: -EINVAL, and
 * *why says what is wrong and where; -E2BIG: more than JSON_READ_PARTS_MAX; or -ENOMEM, which is no
 * mistake of whoever wrote the text. The caller releases *ret.
 */
int json_read(const void *text, size_t n, size_t flags, json_t **ret, json_error_t *why);
