/* SPDX-License-Identifier: MIT */
/* Who is at the other end of a connection to a unix socket, as the kernel says. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Root, or of the operators' group; (gid_t)-1: there is none. */
bool peer_is_operator(int fd, gid_t operator_gid);
