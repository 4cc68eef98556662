/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Apache starts this program for each request below its address, as www-data, with the request's
 * head in the environment and its body on standard input. It hands both to the gateway's unix
 * socket, as HTTP, and the answer back on standard output, as CGI:
 *
 *	environment ──► request.c ──┐                      ┌──► answer.c ──► standard output
 *	 (address.c: its target)    ├──► relay.c ◄──────► gateway
 *	standard input ─────────────┘
 *
 * It has no rights, no secrets, and decides nothing: who may do what is the gateway's to say. A
 * value of the environment becomes part of the request only after it was checked. What it cannot
 * hand on is answered here, with one plain line. The arguments mean nothing: a query without '='
 * arrives there (RFC 3875, 4.4).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "relay.h"
#include "request.h"

#define SOCKET_VARIABLE "DOCKGATE_SOCKET"
#define SOCKET_DEFAULT  "/run/dockgate/dockgate.sock"
#define CONNECT_S       10
#define EX_USAGE        64 /* sysexits.h */

/* A whole answer, and all of it at once. */
static void answer_line(const char *status, const char *more, const char *text)
{
	char answer[1024];
	int n = snprintf(answer, sizeof(answer),
		"Status: %s\r\n%sContent-Type: text/plain; charset=utf-8\r\n"
		"Content-Length: %zu\r\nCache-Control: no-store\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\r\n%s\n",
		status, more, strlen(text) + 1, text);

	if (n > 0 && (size_t)n < sizeof(answer))
		(void)!write(STDOUT_FILENO, answer, (size_t)n);
}

static void refuse(const struct err *err)
{
	if (err->code == EMSGSIZE)
		answer_line("431 Request Header Fields Too Large", "", err->msg);
	else
		answer_line("400 Bad Request", "", err->msg);
}

/* The cause is for the log alone. */
static void say_unavailable(const struct err *err)
{
	(void)fprintf(stderr, "executor: %s\n", err->msg);
	answer_line("503 Service Unavailable", "Retry-After: 5\r\n",
		"the service is not there at the moment");
}

/* A gateway whose backlog is full is waited for, but not for ever. */
static int connect_to(const char *path, struct err *err)
{
	const struct timeval most = { .tv_sec = CONNECT_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	cleanup_close int fd = -EBADF;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, ENAMETOOLONG, "%.100s", path);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_set(err, errno, "%s", path);
	return TAKE_FD(fd);
}

static void answer(struct request *req)
{
	const char *path = getenv(SOCKET_VARIABLE);
	cleanup_close int gateway = -EBADF;
	struct err err;

	if (request_read(req, environ, &err) < 0 || relay_begin(req, &err) < 0) {
		refuse(&err);
		return;
	}
	gateway = connect_to(path == NULL || *path == '\0' ? SOCKET_DEFAULT : path, &err);
	if (gateway < 0) {
		say_unavailable(&err);
		return;
	}
	switch (relay_run(req, gateway, &err)) {
	case RELAY_DONE:
		return;
	case RELAY_UNHEARD:
		say_unavailable(&err);
		return;
	case RELAY_CUT:
		(void)fprintf(stderr, "executor: %s\n", err.msg);
		return;
	}
}

/* The connection lives on, as far as the client says. */
static bool is_kept(void)
{
	const char *connection = getenv("HTTP_CONNECTION"), *protocol = getenv("SERVER_PROTOCOL");

	return (connection == NULL || strcasestr(connection, "close") == NULL) &&
	       (protocol == NULL || strcmp(protocol, "HTTP/1.0") != 0);
}

/*
 * At the end of our output Apache looks whether we are gone, and where it still finds us, as it
 * mostly does, it sleeps for 10 to 50 ms before it takes the connection's next request. So the
 * output is ended by a child that has seen us die.
 */
static void end_before_output(void)
{
	struct pollfd parent = { .fd = pidfd_open(getpid(), 0), .events = POLLIN };

	if (parent.fd >= 0 && fork() == 0)
		(void)poll(&parent, 1, -1);
}

int main(void)
{
	static struct request req; /* large */

	if (getenv("REQUEST_METHOD") == NULL) {
		(void)fputs(
			"executor: a CGI program: a web server runs it, see executor(8)\n", stderr);
		return EX_USAGE;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	answer(&req);
	relay_drain();
	if (is_kept())
		end_before_output();
	return 0;
}
