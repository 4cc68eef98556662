/* SPDX-License-Identifier: MIT */
/* One message with descriptors over a unix socket of ours. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define FDPASS_MAX 8

/* Makes fdpass_recv_from() on this socket know who sent. 0 or -errno. */
int fdpass_know_senders(int sock);
/* 0 or -errno. */
int fdpass_send(int sock, const void *data, size_t n, const int *fds, size_t count);
/*
 * Bytes of the message (0: the other end is gone) or -errno. The descriptors
 * that came are the caller's, *ret_count of them, at most `max`.
 */
ssize_t fdpass_recv(int sock, void *data, size_t n, int *ret_fds, size_t max, size_t *ret_count);
/* The same without waiting (-EAGAIN), with the sender's pid as this process sees it. */
ssize_t fdpass_recv_from(int sock, void *data, size_t n, int *ret_fds, size_t max,
	size_t *ret_count, pid_t *ret_pid);
