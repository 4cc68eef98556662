/* SPDX-License-Identifier: MIT */
/* The seccomp filter of each role: what it refuses stands in tables in role_filter.c. */
#pragma once

#include <stdbool.h>

#include "err.h"
#include "role.h"

/*
 * For this process, all its threads and whatever comes of it; for ever. Needs
 * no_new_privs. `inet`: the role may connect over TCP (a driver whose engine is at
 * tcp://, a queue whose database is another process).
 */
int role_filter_load(enum role role, bool inet, struct err *err);
