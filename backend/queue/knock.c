/* SPDX-License-Identifier: MIT */
#include "knock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/number.h"
#include "follow.h"
#include "queue.h"

static const char word[] = "dockgate look now";

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
};

struct knock {
	int fd[2]; /* owned; of IPv4 and IPv6, -1: none. Peers are told from these, too */
	struct event *event[2]; /* owned */
	struct address *peer;   /* owned */
	size_t n_peers;
};

/* "1.2.3.4:5" or "[::1]:5", as the configuration has checked. */
static int parse(const char *text, struct address *ret, struct err *err)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret->sa;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&ret->sa;
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	size_t n = colon == NULL ? sizeof(host) : (size_t)(colon - text);
	int64_t port;

	memset(ret, 0, sizeof(*ret));
	if (n >= sizeof(host) || !number_parse(colon + 1, 1, 65535, &port))
		return err_say(err, EINVAL, "'%s' is no ADDRESS:PORT", text);
	memcpy(host, text, n);
	host[n] = '\0';
	if (n > 2 && host[0] == '[') {
		host[n - 1] = '\0';
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		ret->len = sizeof(*v6);
		if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1)
			return 0;
	} else {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		ret->len = sizeof(*v4);
		if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
			return 0;
	}
	return err_say(err, EINVAL, "'%s' is no ADDRESS:PORT", text);
}

static size_t slot_of(const struct address *address)
{
	return address->sa.ss_family == AF_INET6 ? 1 : 0;
}

static int need_socket(struct knock *knock, const struct address *address, struct err *err)
{
	int *fd = &knock->fd[slot_of(address)];

	if (*fd >= 0)
		return 0;
	*fd = socket(address->sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return *fd < 0 ? err_set(err, errno, "a socket for datagrams") : 0;
}

static int listen_at(struct knock *knock, const char *text, struct err *err)
{
	struct address address;
	int r = parse(text, &address, err);

	if (r == 0)
		r = need_socket(knock, &address, err);
	if (r == 0 && bind(knock->fd[slot_of(&address)], (const struct sockaddr *)&address.sa,
			      address.len) < 0)
		r = err_set(err, errno, "listen at %s", text);
	return r < 0 ? err_wrap(err, "peer_listen") : 0;
}

static int add_peers(struct knock *knock, const struct strv *peers, struct err *err)
{
	int r = 0;

	knock->peer = calloc(peers->n + 1, sizeof(*knock->peer));
	if (knock->peer == NULL)
		return err_set(err, ENOMEM, "peers");
	for (size_t i = 0; r == 0 && i < peers->n; i++) {
		r = parse(peers->v[i], &knock->peer[i], err);
		if (r == 0)
			r = need_socket(knock, &knock->peer[i], err);
	}
	knock->n_peers = peers->n;
	return r;
}

int knock_open(const struct config *config, struct knock **ret, struct err *err)
{
	struct knock *knock;
	int r = 0;

	*ret = NULL;
	if (!config->store_shared)
		return 0;
	knock = calloc(1, sizeof(*knock));
	if (knock == NULL)
		return err_set(err, ENOMEM, "peers");
	knock->fd[0] = -1;
	knock->fd[1] = -1;
	if (config->peer_listen != NULL)
		r = listen_at(knock, config->peer_listen, err);
	if (r == 0)
		r = add_peers(knock, &config->peers, err);
	if (r < 0) {
		knock_close(knock);
		return r;
	}
	*ret = knock;
	return 0;
}

void knock_close(struct knock *knock)
{
	if (knock == NULL)
		return;
	for (size_t i = 0; i < 2; i++) {
		if (knock->event[i] != NULL)
			event_free(knock->event[i]);
		if (knock->fd[i] >= 0)
			(void)close(knock->fd[i]);
	}
	free(knock->peer);
	free(knock);
}

static void on_knock(evutil_socket_t fd, short what, void *arg)
{
	char text[64];
	ssize_t n;

	(void)what;
	/* Several are one; a flood is looked at no more often than follow_look() allows. */
	while ((n = recv(fd, text, sizeof(text), MSG_DONTWAIT)) >= 0)
		if (n == (ssize_t)sizeof(word) - 1 && memcmp(text, word, sizeof(word) - 1) == 0) {
			follow_look(arg);
			break;
		}
}

int knock_listen(struct queue *q, struct err *err)
{
	struct knock *knock = q->knock;

	for (size_t i = 0; knock != NULL && i < 2; i++) {
		if (knock->fd[i] < 0)
			continue;
		knock->event[i] =
			event_new(q->base, knock->fd[i], EV_READ | EV_PERSIST, on_knock, q);
		if (knock->event[i] == NULL || event_add(knock->event[i], NULL) < 0)
			return err_set(err, ENOMEM, "event");
	}
	return 0;
}

void knock_say(struct queue *q)
{
	struct knock *knock = q->knock;

	for (size_t i = 0; knock != NULL && i < knock->n_peers; i++) {
		const struct address *peer = &knock->peer[i];

		(void)sendto(knock->fd[slot_of(peer)], word, sizeof(word) - 1,
			MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&peer->sa, peer->len);
	}
}
