/* SPDX-License-Identifier: MIT */
/*
 * THE tables of keys: what each is called, what it may be, where it goes. The parser is theirs,
 * and so are the environment's names.
 */
#pragma once

#include "config_internal.h"

#define CONFIG_KEYS_MAX 128
#define TIB             (1024 * 1024 * MIB)

enum kind {
	KIND_TEXT,  /* char *; check */
	KIND_LIST,  /* struct strv; check for each */
	KIND_INT,   /* int */
	KIND_INT64, /* int64_t */
	KIND_BYTES, /* int64_t; K, M, G */
	KIND_MILLI, /* int64_t, thousandths */
	KIND_ID,    /* uid_t, gid_t */
	KIND_BOOL,
	KIND_WORD, /* an enum: the word's place */
	KIND_FLAG, /* bool: the second word */
};

struct key {
	const char *name;
	enum kind kind;
	size_t at;
	int64_t min, max;
	bool (*check)(const char *text);
	const char *expected;
	const char *const *words;
};

extern const struct key config_keys[], task_keys[], mount_keys[], result_keys[], checker_keys[],
	client_keys[];
extern const size_t config_keys_n, task_keys_n, mount_keys_n, result_keys_n, checker_keys_n,
	client_keys_n;

/* Text in one line, without control characters. */
bool config_is_plain(const char *text);
