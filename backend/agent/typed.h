/* SPDX-License-Identifier: MIT */
/*
 * What was typed for a step whose input is open, until the program's pipe takes it. It has
 * room for all that a driver may send ahead, so that no frame ever waits behind it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "frame_io.h"

struct typed {
	bool open;     /* there is such a step */
	bool end;      /* nothing follows what is here */
	size_t n;      /* bytes here */
	uint32_t told; /* bytes that are gone and that the driver has to hear of */
	uint8_t buf[FRAME_TYPED_MAX];
};

void typed_begin(struct typed *typed, bool open);
/* -EPROTO: more than the driver may send. */
int typed_add(struct typed *typed, const uint8_t *data, size_t n, struct err *err);
/*
 * Writes to the pipe, closes it behind the end, and where nobody reads any more, and says
 * what was taken, where there is room for that.
 */
void typed_pump(struct typed *typed, int *fd, struct frame_out *out);
void typed_drop(struct typed *typed);
