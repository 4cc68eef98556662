/* SPDX-License-Identifier: MIT */
/*
 * A load generator for HTTP/1.1: one thread, epoll, N connections that are kept,
 * one request at a time on each. It reads answers no further than it must, so
 * that the server and not this program is what gets measured.
 *
 *	load --port 8080 --connections 8 --seconds 5 --path /healthz
 *	load --port 8080 --method POST --path '/v1/jobs?wait=20' --body '{"task":"hello"}' \
 *		--requests 100 --pace-ms 100 --expect 200
 *	load --port 8080 --connections 64 --rate 500 --seconds 10 --path /healthz
 *	load --port 8080 --connections 1000 --hold --path '/v1/jobs/ID?wait=300'
 *
 * Prints one line of JSON (figures.h). With --paths FILE the paths are the lines
 * of a file, taken in turn. --rate offers so many requests a second, whatever
 * becomes of those before: a request's time counts from when it was due, also
 * where all connections were taken then. With --hold it prints "holding" once every
 * request has been sent, and ends when its standard input does; answers that came
 * before are errors.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "figures.h"

#define HEAD_MAX 16384

enum phase {
	IDLE, /* waits for its time */
	SENDING,
	HEAD, /* of the answer */
	BODY,
};

struct conn {
	int fd;
	enum phase phase;
	uint32_t watched; /* events asked of epoll */
	size_t path;      /* of the request that is out */
	size_t sent;
	size_t got;    /* bytes in head */
	uint64_t left; /* of the body */
	int status;
	bool close;
	bool reused;     /* an answer has come over it */
	int64_t from_us; /* when the request began */
	int64_t due_us;  /* when the next may begin */
	char head[HEAD_MAX + 1];
};

struct load {
	struct sockaddr_in to;
	long connections, requests, pace_ms, rate;
	double seconds;
	const char *method, *body, *path, *paths_file;
	long expect;
	bool hold;

	char **requests_text; /* one for each path, whole */
	size_t *requests_len;
	size_t n_paths, next_path;
	int epoll_fd;
	struct conn *conns;
	long begun, ended;
	int64_t began_us, stop_us;
	struct figures figures;
};

/* --- requests ------------------------------------------------------------- */

static void add_request(struct load *l, const char *path)
{
	char *text;
	int n;

	if (l->body != NULL)
		n = asprintf(&text,
			"%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
			"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			l->method, path, ntohs(l->to.sin_port), strlen(l->body), l->body);
	else
		n = asprintf(&text, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", l->method, path,
			ntohs(l->to.sin_port));
	l->requests_text = realloc(l->requests_text, (l->n_paths + 1) * sizeof(char *));
	l->requests_len = realloc(l->requests_len, (l->n_paths + 1) * sizeof(size_t));
	if (n < 0 || l->requests_text == NULL || l->requests_len == NULL)
		err(1, "requests");
	l->requests_text[l->n_paths] = text;
	l->requests_len[l->n_paths++] = (size_t)n;
}

static void read_paths(struct load *l)
{
	FILE *f = fopen(l->paths_file, "re");
	char *line = NULL;
	size_t room = 0;

	if (f == NULL)
		err(1, "%s", l->paths_file);
	while (getline(&line, &room, f) > 0) {
		line[strcspn(line, "\r\n")] = '\0';
		if (*line != '\0')
			add_request(l, line);
	}
	free(line);
	(void)fclose(f);
	if (l->n_paths == 0)
		errx(1, "%s: no paths", l->paths_file);
}

/* --- connections ---------------------------------------------------------- */

static void watch(struct load *l, struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (c->watched == events)
		return;
	if (epoll_ctl(l->epoll_fd, c->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &ev) < 0)
		err(1, "epoll_ctl");
	c->watched = events;
}

static void conn_open(struct load *l, struct conn *c)
{
	int one = 1;

	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		err(1, "socket");
	/* Blocking until it is there: loopback; all that follows does not block. */
	if (connect(c->fd, (const struct sockaddr *)&l->to, sizeof(l->to)) < 0)
		err(1, "connect to port %u", ntohs(l->to.sin_port));
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->watched = 0;
	c->reused = false;
	c->phase = IDLE;
}

static bool may_begin(const struct load *l)
{
	if (l->requests > 0 && l->begun >= l->requests)
		return false;
	return l->stop_us == 0 || figures_now_us() < l->stop_us;
}

static void send_some(struct load *l, struct conn *c)
{
	const char *text = l->requests_text[c->path];
	size_t len = l->requests_len[c->path];

	while (c->sent < len) {
		ssize_t n = send(c->fd, text + c->sent, len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			watch(l, c, EPOLLIN | EPOLLOUT);
			return;
		}
		if (n < 0)
			break; /* what the server said of it, or its end, is read next */
		c->sent += (size_t)n;
	}
	c->phase = HEAD;
	watch(l, c, EPOLLIN);
}

/* from_us: what its time counts from. */
static void begin(struct load *l, struct conn *c, int64_t from_us)
{
	c->path = l->next_path;
	l->next_path = (l->next_path + 1) % l->n_paths;
	c->sent = 0;
	c->got = 0;
	c->phase = SENDING;
	c->from_us = from_us;
	l->begun++;
	send_some(l, c);
}

/* Begins the next request on c now, later, or never. */
static void go_on(struct load *l, struct conn *c)
{
	int64_t now = figures_now_us();

	c->phase = IDLE;
	if (l->rate > 0)
		return; /* begin_offered() does */
	if (l->pace_ms == 0) {
		c->due_us = now;
	} else {
		c->due_us += l->pace_ms * 1000;
		if (c->due_us < now)
			c->due_us = now;
	}
	if (c->due_us <= now && may_begin(l))
		begin(l, c, now);
}

static void answered(struct load *l, struct conn *c)
{
	l->ended++;
	if (l->expect != 0 ? c->status != l->expect : c->status < 200 || c->status > 299)
		l->figures.errors++;
	else
		figures_add(&l->figures, figures_now_us() - c->from_us);
	c->reused = true;
	if (c->close)
		conn_open(l, c);
	go_on(l, c);
}

/* The server ended the connection. One that was kept for the next request is none of its faults. */
static void broken(struct load *l, struct conn *c)
{
	bool idle = c->phase == IDLE;
	bool again = c->phase == HEAD && c->got == 0 && c->reused;

	conn_open(l, c);
	if (idle)
		return;
	if (again) {
		l->begun--;
		begin(l, c, c->from_us);
		return;
	}
	l->ended++;
	l->figures.errors++;
	go_on(l, c);
}

/* --- answers -------------------------------------------------------------- */

static const char *header(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, n) == 0 && line[n] == ':')
			return line + n + 1 + strspn(line + n + 1, " ");
	}
	return NULL;
}

/* The head is whole and ends at `end`; what came behind it is the body's. */
static void read_head(struct conn *c, const char *end)
{
	size_t behind = c->got - (size_t)(end - c->head);
	const char *length;
	const char *connection;

	c->head[(size_t)(end - c->head) - 2] = '\0';
	if (strncmp(c->head, "HTTP/1.", 7) != 0)
		errx(1, "not an HTTP answer: %.40s", c->head);
	c->status = (int)strtol(c->head + 9, NULL, 10);
	length = header(c->head, "Content-Length");
	if (length == NULL && c->status != 204)
		errx(1, "an answer without Content-Length: %.100s", c->head);
	c->left = length != NULL ? strtoull(length, NULL, 10) : 0;
	connection = header(c->head, "Connection");
	c->close = connection != NULL && strncasecmp(connection, "close", 5) == 0;
	if (behind > c->left)
		errx(1, "more bytes than the answer said it has");
	c->left -= behind;
	c->phase = BODY;
}

static void read_some(struct load *l, struct conn *c)
{
	static char thrown_away[1 << 20];
	bool head = c->phase == HEAD;
	ssize_t n = head ? recv(c->fd, c->head + c->got, HEAD_MAX - c->got, MSG_DONTWAIT)
			 : recv(c->fd, thrown_away, sizeof(thrown_away), MSG_DONTWAIT);
	const char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || c->phase == IDLE) {
		broken(l, c);
		return;
	}
	if (head) {
		c->got += (size_t)n;
		c->head[c->got] = '\0';
		end = strstr(c->head, "\r\n\r\n");
		if (end == NULL && c->got == HEAD_MAX)
			errx(1, "an answer's head of more than %d bytes", HEAD_MAX);
		if (end != NULL)
			read_head(c, end + 4);
	} else if ((uint64_t)n > c->left) {
		errx(1, "more bytes than the answer said it has");
	} else {
		c->left -= (uint64_t)n;
	}
	if (c->phase == BODY && c->left == 0)
		answered(l, c);
}

/* --- the loop ------------------------------------------------------------- */

#define NEVER_US INT64_MAX

/* The two below begin what is due, and say when the next is. */

static int64_t begin_paced(struct load *l)
{
	int64_t now = figures_now_us();
	int64_t next = NEVER_US;

	for (long i = 0; i < l->connections; i++) {
		struct conn *c = &l->conns[i];

		if (c->phase != IDLE || !may_begin(l))
			continue;
		if (c->due_us <= now)
			begin(l, c, now);
		else if (c->due_us < next)
			next = c->due_us;
	}
	return next;
}

static int64_t begin_offered(struct load *l)
{
	int64_t now = figures_now_us();

	for (long i = 0; i < l->connections && may_begin(l); i++) {
		int64_t due = l->began_us + l->begun * 1000000 / l->rate;

		if (due > now)
			return due;
		if (l->conns[i].phase == IDLE)
			begin(l, &l->conns[i], due);
	}
	return NEVER_US; /* the next answer comes first */
}

static int64_t begin_due(struct load *l)
{
	if (l->rate > 0)
		return begin_offered(l);
	return l->pace_ms > 0 ? begin_paced(l) : NEVER_US;
}

static bool all_done(const struct load *l)
{
	return !may_begin(l) && l->begun == l->ended;
}

static void turn(struct load *l, int64_t until_us)
{
	struct epoll_event events[256];
	int64_t left_us = until_us == NEVER_US ? 1000000 : until_us - figures_now_us();
	struct timespec left = { 0 };
	int n;

	if (left_us > 0)
		left = (struct timespec){ left_us / 1000000, left_us % 1000000 * 1000 };
	n = epoll_pwait2(l->epoll_fd, events, 256, &left, NULL);
	for (int i = 0; i < n; i++) {
		struct conn *c = events[i].data.ptr;

		if (c->phase == SENDING && (events[i].events & EPOLLOUT) != 0)
			send_some(l, c);
		else if (c->phase != SENDING)
			read_some(l, c);
	}
}

static void hold(struct load *l)
{
	struct epoll_event ev = { .events = EPOLLIN };
	bool said = false;

	/* The standard input has no connection: its data.ptr is NULL. */
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &ev) < 0)
		err(1, "standard input");
	for (;;) {
		struct epoll_event events[256];
		long sending = 0;
		int n;

		for (long i = 0; i < l->connections; i++)
			sending += l->conns[i].phase == SENDING;
		if (sending == 0 && !said) {
			(void)puts("holding");
			(void)fflush(stdout);
			said = true;
		}
		n = epoll_wait(l->epoll_fd, events, 256, -1);
		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (c == NULL)
				return;
			if (c->phase == SENDING) {
				send_some(l, c);
			} else {
				l->figures.errors++;
				(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
			}
		}
	}
}

static void start(struct load *l)
{
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->conns = calloc((size_t)l->connections, sizeof(*l->conns));
	if (l->epoll_fd < 0 || l->conns == NULL)
		err(1, "start");
	for (long i = 0; i < l->connections; i++) {
		l->conns[i].fd = -1;
		conn_open(l, &l->conns[i]);
	}
	l->began_us = figures_now_us();
	if (l->seconds > 0)
		l->stop_us = l->began_us + (int64_t)(l->seconds * 1e6);
	for (long i = 0; i < l->connections && l->rate == 0; i++) {
		l->conns[i].due_us = l->began_us;
		if (may_begin(l))
			begin(l, &l->conns[i], l->began_us);
	}
}

/* A descriptor for each connection. */
static void raise_files(void)
{
	struct rlimit files;

	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

/* clang-format off */
static const struct option options[] = {
	{ "port",        required_argument, NULL, 'p' },
	{ "connections", required_argument, NULL, 'c' },
	{ "requests",    required_argument, NULL, 'n' },
	{ "seconds",     required_argument, NULL, 's' },
	{ "pace-ms",     required_argument, NULL, 'w' },
	{ "rate",        required_argument, NULL, 'r' },
	{ "method",      required_argument, NULL, 'm' },
	{ "path",        required_argument, NULL, 'u' },
	{ "paths",       required_argument, NULL, 'f' },
	{ "body",        required_argument, NULL, 'b' },
	{ "expect",      required_argument, NULL, 'e' },
	{ "hold",        no_argument,       NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};
/* clang-format on */

static void option_take(struct load *l, int c)
{
	switch (c) {
	case 'p':
		l->to.sin_port = htons((uint16_t)figures_number(optarg, "--port", 1, 65535));
		break;
	case 'c':
		l->connections = figures_number(optarg, "--connections", 1, 100000);
		break;
	case 'n':
		l->requests = figures_number(optarg, "--requests", 1, 1000000000);
		break;
	case 's':
		l->seconds = (double)figures_number(optarg, "--seconds", 1, 3600);
		break;
	case 'w':
		l->pace_ms = figures_number(optarg, "--pace-ms", 0, 60000);
		break;
	case 'r':
		l->rate = figures_number(optarg, "--rate", 1, 1000000);
		break;
	case 'm':
		l->method = optarg;
		break;
	case 'u':
		l->path = optarg;
		break;
	case 'f':
		l->paths_file = optarg;
		break;
	case 'b':
		l->body = optarg;
		break;
	case 'e':
		l->expect = figures_number(optarg, "--expect", 100, 599);
		break;
	case 'h':
		l->hold = true;
		break;
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct load l = { .connections = 1, .method = "GET", .path = "/" };
	int c;

	l.to.sin_family = AF_INET;
	l.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		option_take(&l, c);
	if (l.to.sin_port == 0 || optind != argc)
		errx(2, "usage: load --port PORT [OPTION]...; the options are in load.c");
	if (l.requests == 0 && l.seconds <= 0)
		l.requests = l.connections;
	if (l.rate > 0 && l.seconds > 0) {
		l.requests = (long)((double)l.rate * l.seconds);
		l.seconds = 0;
	}
	raise_files();
	if (l.paths_file != NULL)
		read_paths(&l);
	else
		add_request(&l, l.path);
	start(&l);
	if (l.hold)
		hold(&l);
	else
		while (!all_done(&l))
			turn(&l, begin_due(&l));
	figures_print(&l.figures, figures_now_us() - l.began_us, stdout);
	figures_done(&l.figures);
	return 0;
}
