/* SPDX-License-Identifier: MIT */
/* What a file is by its name's end. Never by its bytes: they are a stranger's. */
#pragma once

#include <stdbool.h>

struct media {
	const char *type;
	bool shown; /* a browser may show it; all others are offered for saving */
};

struct media media_of(const char *name);
