/* SPDX-License-Identifier: MIT */
/*
 * Abstract names of unix sockets: the one thing that jobs of a slot share.
 * Those of a job end with its processes, but for sockets that are only in
 * messages that only they could receive: the kernel looks for such now and then.
 */
#pragma once

#include <stdbool.h>

/* Opens the list of this process's network namespace. A descriptor or -errno. */
int names_open(void);
/* Whether some socket has one; if so the kernel is asked to look for those that nobody reaches. */
bool names_held(int list);
