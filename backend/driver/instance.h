/* SPDX-License-Identifier: MIT */
/* Who we are on the labels of our containers: random, made once, kept in the state directory. */
#pragma once

#include "common/err.h"

#define INSTANCE_CHARS 32

/* Reads it from `path`, or makes it and writes it there. Anything else in the file is an error. */
int instance_load(const char *path, char ret[static INSTANCE_CHARS + 1], struct err *err);
