/* SPDX-License-Identifier: MIT */
/*
 * A job's large bytes on their way in: files, stdin, expected outputs, one behind the
 * other, in memory or in a spool file. Becomes the job's `input` blob.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wire/pour.h"
#include "wire/spec.h"

struct input {
	struct pour pour; /* into the spool file; none: in memory */
	uint8_t *mem;     /* owned */
	size_t cap;
	uint64_t len;
};

#define INPUT_EMPTY ((struct input){ .pour = POUR_NONE })

/* From now on into this spool file, which is taken over; nothing may have been added before. */
int input_into(struct input *in, int fd, struct err *err);
/* Appends; *ret is where the bytes stand. Small ones may be in memory, too many are -EMSGSIZE. */
int input_add(struct input *in, const void *data, size_t n, struct extent *ret, struct err *err);
/* The blob; `in` is empty then, also where the spool file could not be written. */
int input_take(struct input *in, struct blob *ret, struct err *err);
void input_done(struct input *in);
