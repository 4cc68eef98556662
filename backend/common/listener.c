/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "number.h"

#define DYING_MS 2000 /* one that was killed is gone by then */

/* "HOST:PORT", checked when it was read. */
static int parse_address(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(text, ':');
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)ret;
	struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)ret;
	size_t n = colon != NULL ? (size_t)(colon - text) : sizeof(host);
	int64_t port;

	memset(ret, 0, sizeof(*ret));
	if (n < 1 || n >= sizeof(host) || !number_parse(colon + 1, 1, 65535, &port))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	if (host[0] == '[') {
		host[n - 1] = '\0';
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		*ret_len = sizeof(*in6);
		return inet_pton(AF_INET6, host + 1, &in6->sin6_addr) == 1 ? 0 : -EINVAL;
	}
	in4->sin_family = AF_INET;
	in4->sin_port = htons((uint16_t)port);
	*ret_len = sizeof(*in4);
	return inet_pton(AF_INET, host, &in4->sin_addr) == 1 ? 0 : -EINVAL;
}

static int say_why(const char *address, int error, struct err *err)
{
	if (error == EADDRINUSE)
		return err_say(err, error,
			"listen: %s is in use by another program: stop it, or choose "
			"another address with `listen` or DOCKGATE_LISTEN",
			address);
	if (error == EACCES)
		return err_say(err, error,
			"listen: %s: a port below 1024 is root's: choose another, or let a proxy "
			"have it",
			address);
	return err_set(err, error, "listen: %s", address);
}

int listener_tcp(const char *address, struct err *err)
{
	struct sockaddr_storage addr;
	cleanup_close int fd = -EBADF;
	socklen_t len;
	int one = 1;

	if (parse_address(address, &addr, &len) < 0)
		return err_say(err, EINVAL, "listen: %s", address);
	fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, errno, "listen: %s", address);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (addr.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&addr, len) < 0 || listen(fd, LISTENER_BACKLOG) < 0)
		return say_why(address, errno, err);
	return TAKE_FD(fd);
}

/* 1: somebody listens there, and still does when `patience_ms` are over. -errno. */
static int is_in_use(const struct sockaddr_un *addr, int type, int patience_ms)
{
	int64_t until_us = clock_us() + (int64_t)patience_ms * 1000;

	for (;;) {
		cleanup_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		struct pollfd end = { .fd = fd, .events = POLLRDHUP };
		int64_t left_ms = (until_us - clock_us()) / 1000;

		if (fd < 0)
			return -errno;
		if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 &&
			errno != EAGAIN)
			return 0;
		if (left_ms <= 0)
			return 1;
		/* A process that is being killed still listens; its end is ours, too. */
		(void)poll(&end, 1, (int)left_ms);
	}
}

/* A file that nobody listens behind is of a life before. */
static int remove_stale(const struct sockaddr_un *addr, int type, struct err *err)
{
	int r = is_in_use(addr, type, DYING_MS);

	if (r < 0)
		return err_set(err, -r, "%s", addr->sun_path);
	if (r > 0)
		return err_say(err, EADDRINUSE,
			"%s: another dockgate listens there: stop it, or choose another "
			"socket_dir",
			addr->sun_path);
	if (unlink(addr->sun_path) < 0 && errno != ENOENT)
		return err_set(err, errno, "%s", addr->sun_path);
	return 0;
}

int listener_unix(const struct listener_unix *what, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, what->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int r;

	if (fd < 0)
		return err_set(err, errno, "%s", what->path);
	if (strlen(what->path) >= sizeof(addr.sun_path))
		return err_set(err, ENAMETOOLONG, "%s", what->path);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", what->path);
	if (remove_stale(&addr, what->type, err) < 0)
		return -err->code;
	mask = umask(0177);
	r = bind(fd, (const struct sockaddr *)&addr, sizeof(addr));
	(void)umask(mask);
	if (r < 0)
		return err_set(err, errno, "bind '%s'", addr.sun_path);
	if ((what->uid != LISTENER_KEEP || what->gid != LISTENER_KEEP) &&
		lchown(addr.sun_path, what->uid, what->gid) < 0)
		return err_set(err, errno, "give '%s' to user %u", addr.sun_path, what->uid);
	if (chmod(addr.sun_path, what->mode) < 0 || listen(fd, LISTENER_BACKLOG) < 0)
		return err_set(err, errno, "%s", addr.sun_path);
	return TAKE_FD(fd);
}
