/* SPDX-License-Identifier: MIT */
#include "fdpass.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(FDPASS_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

int fdpass_know_senders(int sock)
{
	int on = 1;

	return setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ? -errno : 0;
}

int fdpass_send(int sock, const void *data, size_t n, const int *fds, size_t count)
{
	struct iovec iov = { .iov_base = (void *)(size_t)data, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control = { 0 };

	assert(count <= FDPASS_MAX);
	if (count > 0) {
		struct cmsghdr *c;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		assert(c != NULL);
		*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(count * sizeof(int)) };
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static size_t take_fds(struct msghdr *msg, int *ret_fds, size_t max)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (count < max)
				ret_fds[count++] = fd;
			else
				(void)close(fd);
		}
	}
	return count;
}

static pid_t sender_of(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		struct ucred who;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&who, CMSG_DATA(c), sizeof(who));
		return who.pid;
	}
	return 0;
}

static ssize_t receive(int sock, int flags, void *data, size_t n, int *ret_fds, size_t max,
	size_t *ret_count, pid_t *ret_pid)
{
	struct iovec iov = { .iov_base = data, .iov_len = n };
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t got;

	do
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | flags);
	while (got < 0 && errno == EINTR);
	*ret_count = got < 0 ? 0 : take_fds(&msg, ret_fds, max);
	*ret_pid = got < 0 ? 0 : sender_of(&msg);
	return got < 0 ? -errno : got;
}

ssize_t fdpass_recv(int sock, void *data, size_t n, int *ret_fds, size_t max, size_t *ret_count)
{
	pid_t ignored;

	return receive(sock, 0, data, n, ret_fds, max, ret_count, &ignored);
}

ssize_t fdpass_recv_from(
	int sock, void *data, size_t n, int *ret_fds, size_t max, size_t *ret_count, pid_t *ret_pid)
{
	return receive(sock, MSG_DONTWAIT, data, n, ret_fds, max, ret_count, ret_pid);
}
