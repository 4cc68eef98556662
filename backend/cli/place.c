/* SPDX-License-Identifier: MIT */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/directory.h"
#include "common/listener.h"
#include "common/number.h"

#define DOCKER_DEFAULT "unix:///var/run/docker.sock"

/* ---- directories ---------------------------------------------------------------- */

static int make_parents(const char *path, struct err *err)
{
	cleanup_free char *copy = strdup(path);

	if (copy == NULL)
		return err_set(err, ENOMEM, "%s", path);
	for (char *p = copy + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		if (mkdir(copy, 0755) == 0) {
			int r = directory_sync_above(copy, err);

			if (r < 0)
				return r;
		} else if (errno != EEXIST) {
			return err_set(err, errno, "make directory %s", copy);
		}
		*p = '/';
	}
	return 0;
}

/*
 * What is in a directory stays its owner's: giving it to another user would only hide that. One of
 * root's was made by a start that did not get far.
 */
static int check_owner(const struct config *c, const char *path, uid_t owner, uid_t uid, gid_t gid,
	struct err *err)
{
	if (uid == 0 || owner == 0 || owner == uid)
		return 0;
	return err_say(err, EPERM,
		"state_dir: %s/%s belongs to user %u; its role's user is %u: chown -R %u:%u it, or "
		"name user %u in the configuration",
		c->state_dir, path, (unsigned)owner, (unsigned)uid, (unsigned)uid, (unsigned)gid,
		(unsigned)owner);
}

/* Owner and mode also of one that is there; never through a link. */
static int make_dir(const struct config *c, const char *path, uid_t uid, gid_t gid, mode_t mode,
	struct err *err)
{
	cleanup_close int fd = -EBADF;
	struct stat st;
	int r = directory_make(path, 0700, err);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "directory %s", path);
	r = check_owner(c, path, st.st_uid, uid, gid, err);
	if (r < 0)
		return r;
	if (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)
		return err_set(err, errno, "owner of directory %s", path);
	return 0;
}

/* The working directory is the state directory then. */
static int enter_state(const struct config *c, struct err *err)
{
	struct stat st;
	int r = make_parents(c->state_dir, err);

	if (r < 0)
		return r;
	/* One that is there keeps its owner: it may be a user's checkout's. */
	if (mkdir(c->state_dir, 0755) == 0) {
		if (chmod(c->state_dir, 0755) < 0)
			return err_set(err, errno, "state_dir: %s", c->state_dir);
		r = directory_sync_above(c->state_dir, err);
		if (r < 0)
			return r;
	} else if (errno != EEXIST) {
		return err_set(err, errno, "state_dir: make %s", c->state_dir);
	}
	if (chdir(c->state_dir) < 0 || stat(".", &st) < 0)
		return err_set(err, errno, "state_dir: %s", c->state_dir);
	if ((st.st_mode & 0022) != 0)
		return err_say(err, EPERM,
			"state_dir: %s can be written by others (mode %o): chmod go-w it",
			c->state_dir, (unsigned)(st.st_mode & 07777));
	return 0;
}

/* Under the lock: what is there may be another service's, at work. */
static int make_dirs(const struct config *c, struct err *err)
{
	int r = make_dir(c, STATE_QUEUE, c->queue_uid, c->queue_gid, 0700, err);

	if (r == 0)
		r = make_dir(c, STATE_DRIVER, c->driver_uid, c->driver_gid, 0700, err);
	if (r == 0)
		r = make_dir(c, STATE_COURIER, c->courier_uid, c->courier_gid, 0700, err);
	if (r == 0 && c->socket_dir != NULL)
		r = make_parents(c->socket_dir, err);
	if (r == 0)
		r = make_dir(c, c->socket_dir != NULL ? c->socket_dir : "sock", 0, 0, 0755, err);
	return r;
}

static int take_lock(struct place *place, const struct config *config, struct err *err)
{
	cleanup_close int fd = open(PLACE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(err, errno, "%s/" PLACE_LOCK, config->state_dir);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return err_say(err, EBUSY,
				"another `dockgate serve` runs with the state directory %s: stop "
				"it, or give this one --state-dir of its own",
				config->state_dir);
		return err_set(err, errno, "lock %s/" PLACE_LOCK, config->state_dir);
	}
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		return err_set(err, errno, "%s/" PLACE_LOCK, config->state_dir);
	place->lock_fd = TAKE_FD(fd);
	return 0;
}

/* ---- listeners --------------------------------------------------------------------- */

static int add(struct place *place, int fd, const char *name, enum role role, const char *path,
	struct err *err)
{
	struct listener *l = &place->listeners[place->n_listeners];
	char *copy = path != NULL ? strdup(path) : NULL;

	if (place->n_listeners == ROLE_LISTEN_MAX || (path != NULL && copy == NULL)) {
		free(copy);
		(void)close(fd);
		return err_say(err, E2BIG, "more than %d listeners", ROLE_LISTEN_MAX);
	}
	*l = (struct listener){ .fd = fd, .name = name, .role = role, .path = copy };
	place->n_listeners++;
	return 0;
}

static int listen_tcp(struct place *place, const char *text, struct err *err)
{
	int fd = listener_tcp(text, err);

	return fd < 0 ? fd : add(place, fd, ROLE_FD_HTTP, ROLE_GATEWAY, NULL, err);
}

struct unix_socket {
	const char *file;
	const char *name;
	enum role role;
	int type;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

static int listen_unix(struct place *place, const struct config *config,
	const struct unix_socket *s, struct err *err)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct listener_unix what = { path, s->type, s->uid, s->gid, s->mode };
	int fd = role_socket_path(config, s->file, path, sizeof(path), err);

	if (fd == 0)
		fd = listener_unix(&what, err);
	return fd < 0 ? fd : add(place, fd, s->name, s->role, path, err);
}

static int listen_all(struct place *place, const struct config *c, struct err *err)
{
	/* Everyone may speak HTTP; who is an operator is told by the peer's credentials. */
	const struct unix_socket sockets[] = {
		{ SOCKET_HTTP, ROLE_FD_HTTP_UNIX, ROLE_GATEWAY, SOCK_STREAM, 0, 0, 0666 },
		{ SOCKET_QUEUE_GATEWAY, ROLE_FD_QUEUE_GATEWAY, ROLE_QUEUE, SOCK_SEQPACKET,
			c->gateway_uid, c->gateway_gid, 0600 },
		{ SOCKET_QUEUE_DRIVER, ROLE_FD_QUEUE_DRIVER, ROLE_QUEUE, SOCK_SEQPACKET,
			c->driver_uid, c->driver_gid, 0600 },
		{ SOCKET_QUEUE_COURIER, ROLE_FD_QUEUE_COURIER, ROLE_QUEUE, SOCK_SEQPACKET,
			c->courier_uid, c->courier_gid, 0600 },
	};
	int r = 0;

	_Static_assert(sizeof(sockets) / sizeof(sockets[0]) == ROLE_SOCKETS,
		"the configuration leaves them room");
	for (size_t i = 0; r == 0 && i < c->listen.n; i++)
		r = listen_tcp(place, c->listen.v[i], err);
	for (size_t i = 0; r == 0 && i < sizeof(sockets) / sizeof(sockets[0]); i++)
		r = listen_unix(place, c, &sockets[i], err);
	return r;
}

int place_open(struct place *place, const struct config *config, struct err *err)
{
	int r = enter_state(config, err);

	if (r == 0)
		r = take_lock(place, config, err);
	if (r == 0)
		r = make_dirs(config, err);
	if (r == 0)
		r = listen_all(place, config, err);
	return r;
}

void place_close(struct place *place)
{
	for (size_t i = 0; i < place->n_listeners; i++) {
		struct listener *l = &place->listeners[i];

		(void)close(l->fd);
		if (l->path != NULL)
			(void)unlink(l->path);
		free(l->path);
	}
	place->n_listeners = 0;
	if (place->lock_fd >= 0)
		(void)close(place->lock_fd);
	place->lock_fd = -EBADF;
}

int place_check_engine(const struct config *config, struct err *err)
{
	const char *host = config->docker_host;
	struct stat st;

	if (host == NULL)
		host = getenv("DOCKER_HOST");
	if (host == NULL || *host == '\0')
		host = DOCKER_DEFAULT;
	if (strncmp(host, "unix://", 7) != 0)
		return 0;
	if (stat(host + 7, &st) < 0)
		return err_set(err, errno,
			"Docker's socket %s: is the engine running? (systemctl start docker, or "
			"docker_host in the configuration)",
			host + 7);
	if (!S_ISSOCK(st.st_mode))
		return err_say(err, ENOTSOCK, "%s is not a socket: see docker_host", host + 7);
	if (st.st_gid == 0)
		return err_say(err, EPERM,
			"Docker's socket %s belongs to group 0, which no role may have: groupadd "
			"docker, chgrp docker %s, and restart the engine so that it keeps it",
			host + 7, host + 7);
	return 0;
}

int place_supervisor(const struct config *config, pid_t *ret, struct err *err)
{
	char path[4200];
	char text[24] = "";
	cleanup_close int fd = -EBADF;
	int64_t pid;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/" PLACE_LOCK, config->state_dir);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set(err, errno, "%s", path);
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return err_say(err, ESRCH,
			"no `dockgate serve` runs with the state directory %s; under systemd it is "
			"`systemctl reload dockgate`",
			config->state_dir);
	n = read(fd, text, sizeof(text) - 1);
	text[strcspn(text, "\n")] = '\0';
	if (n <= 0 || !number_parse(text, 2, INT32_MAX, &pid))
		return err_say(err, EINVAL, "%s: expected a process's number", path);
	*ret = (pid_t)pid;
	return 0;
}
