/* SPDX-License-Identifier: MIT */
/*
 * The security profile as a file: Docker is sent its text, Podman the name of a file that it
 * reads itself, which so has to be on its machine.
 */
#pragma once

#include <stddef.h>

#include "common/err.h"

/*
 * Write it to `name` below the working directory, whole or not at all; what was there is replaced.
 * ret_path: its absolute name, as the engine is told.
 */
int seccomp_file_write(
	const char *name, const char *profile, char *ret_path, size_t size, struct err *err);
