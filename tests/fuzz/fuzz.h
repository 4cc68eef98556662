/* SPDX-License-Identifier: MIT */
/* What libFuzzer calls (llvm.org/docs/LibFuzzer.html). */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A copy with a NUL behind it, in memory of exactly that size. The caller frees it. */
static inline char *fuzz_text(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);

	if (text == NULL)
		abort();
	if (n > 0)
		memcpy(text, data, n);
	text[n] = '\0';
	return text;
}

/* Something that must hold, whatever came. */
#define MUST(x)                                                                       \
	do {                                                                          \
		if (!(x)) {                                                           \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			abort();                                                      \
		}                                                                     \
	} while (0)
