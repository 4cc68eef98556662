/* SPDX-License-Identifier: MIT */
#include "peers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/listener.h"
#include "common/log.h"
#include "drive.h"
#include "gate.h"
#include "queue.h"

static const struct {
	enum role peer;
	const char *fd_name, *socket;
	void (*accept)(struct queue *q, int fd);
} doors[QUEUE_DOORS] = {
	{ ROLE_GATEWAY, ROLE_FD_QUEUE_GATEWAY, SOCKET_QUEUE_GATEWAY, gate_accept },
	{ ROLE_DRIVER, ROLE_FD_QUEUE_DRIVER, SOCKET_QUEUE_DRIVER, drive_accept },
	{ ROLE_COURIER, ROLE_FD_QUEUE_COURIER, SOCKET_QUEUE_COURIER, gate_accept_courier },
};

bool peers_may_enter(const struct config *config, enum role peer, uid_t uid, uid_t started_uid)
{
	if (uid == 0)
		return true;
	if (started_uid != 0 && uid == started_uid)
		return true;
	return uid == role_uid(peer, config);
}

static int handed_over(const struct role_args *args, const char *name)
{
	for (size_t i = 0; i < args->n_listen; i++)
		if (strcmp(args->listen_name[i], name) == 0)
			return args->listen_fd[i];
	return -1;
}

/* Connecting needs the right to write: only the peer's user has it. */
static int bind_door(const struct config *config, size_t door, int *ret_fd, struct err *err)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	uid_t peer = role_uid(doors[door].peer, config);
	struct listener_unix what = { path, SOCK_SEQPACKET, geteuid() == 0 ? peer : LISTENER_KEEP,
		LISTENER_KEEP, 0600 };
	int r = role_socket_path(config, doors[door].socket, path, sizeof(path), err);

	if (r < 0)
		return r;
	r = listener_unix(&what, err);
	if (r < 0)
		return r;
	*ret_fd = r;
	return 0;
}

int peers_bind(const struct role_args *args, int ret_fd[static QUEUE_DOORS], struct err *err)
{
	for (size_t i = 0; i < QUEUE_DOORS; i++) {
		int flags, r = 0;

		ret_fd[i] = handed_over(args, doors[i].fd_name);
		if (ret_fd[i] < 0)
			r = bind_door(args->config, i, &ret_fd[i], err);
		if (r < 0)
			return r;
		flags = fcntl(ret_fd[i], F_GETFL);
		if (flags < 0 || fcntl(ret_fd[i], F_SETFL, flags | O_NONBLOCK) < 0 ||
			listen(ret_fd[i], LISTENER_BACKLOG) < 0)
			return err_set(err, errno, "listen for a %s", role_name(doors[i].peer));
	}
	return 0;
}

static void let_in(struct queue *q, size_t door, int given_fd)
{
	cleanup_close int fd = given_fd;
	struct err err;
	uid_t uid;
	gid_t gid;

	if (channel_peer_uid(fd, &uid, &gid, &err) < 0) {
		log_warning("a %s was refused: %s", role_name(doors[door].peer), err.msg);
		return;
	}
	if (!peers_may_enter(q->config, doors[door].peer, uid, q->started_uid)) {
		log_warning("user %u was refused as a %s", uid, role_name(doors[door].peer));
		return;
	}
	doors[door].accept(q, TAKE_FD(fd));
}

static void on_knock(struct queue *q, size_t door, int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			let_in(q, door, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN)
			log_warning("accept: %s", strerror(errno));
		return;
	}
}

static void on_gateway(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	on_knock(arg, 0, fd);
}

static void on_driver(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	on_knock(arg, 1, fd);
}

static void on_courier(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	on_knock(arg, 2, fd);
}

int peers_listen(struct queue *q, int fd[static QUEUE_DOORS], struct err *err)
{
	const event_callback_fn on[QUEUE_DOORS] = { on_gateway, on_driver, on_courier };

	for (size_t i = 0; i < QUEUE_DOORS; i++) {
		q->listener[i] = event_new(q->base, fd[i], EV_READ | EV_PERSIST, on[i], q);
		if (q->listener[i] == NULL || event_add(q->listener[i], NULL) < 0)
			return err_set(err, ENOMEM, "event");
	}
	return 0;
}

void peers_done(struct queue *q)
{
	for (size_t i = 0; i < QUEUE_DOORS; i++) {
		if (q->listener[i] == NULL)
			continue;
		(void)close(event_get_fd(q->listener[i]));
		event_free(q->listener[i]);
		q->listener[i] = NULL;
	}
}
