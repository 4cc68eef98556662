/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stddef.h>

/*
 * As json_loadb(3), which takes a lack of memory for malformed text: -EINVAL, and *why says
 * what is wrong and where; or -ENOMEM, which is no mistake of whoever wrote the text. The caller
 * releases *ret.
 */
int json_read(const void *text, size_t n, size_t flags, json_t **ret, json_error_t *why);
