/* SPDX-License-Identifier: MIT */
/* JSON with the place of each string, which libraries do not tell. */
#pragma once

#include "text.h"

#define JSON_DEPTH_MAX 64

struct json_string {
	const char
		*keys[JSON_DEPTH_MAX]; /* of the objects around, outermost first; "" for arrays */
	unsigned depth;
	bool is_key;
	struct text value; /* decoded; keys and value hold during the call only */
};

typedef void json_string_fn(void *data, const struct json_string *string);

/* Calls `fn` for all strings, keys included, in order. False, without a call, if it is no JSON. */
bool json_each_string(const struct text *text, json_string_fn *fn, void *data);
