/* SPDX-License-Identifier: MIT */
/*
 * Makes a filter of system calls shorter. The kernel compiles it anew for every
 * job, which takes as long as it has instructions; libseccomp compares with each
 * call's number, here neighbours that have the same answer are one range.
 * Only at build time.
 */
#pragma once

#include <linux/filter.h>
#include <stddef.h>

#define SHRINK_MAX 4096

/*
 * `full` decides all; `some` decides at least those calls whose answer depends
 * on arguments. The number of instructions put into `ret`, which answer as
 * `full` does; 0 where that came out too long.
 */
size_t shrink(const struct sock_filter *full, size_t n_full, const struct sock_filter *some,
	size_t n_some, struct sock_filter ret[static SHRINK_MAX]);

/* Whether both answer the same to every call, with many arguments. */
int shrink_same(const struct sock_filter *a, size_t n_a, const struct sock_filter *b, size_t n_b);
