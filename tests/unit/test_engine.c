/* SPDX-License-Identifier: MIT */
/* The client against an engine that misbehaves on purpose: a real unix socket, scripted answers. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "driver/attach.h"
#include "driver/engine.h"
#include "driver/image.h"

#define PEERS_MAX 32

struct answer {
	const char *path; /* the request's path begins so, behind the version */
	const char *text; /* NULL: none, ever */
	size_t piece;     /* sent in pieces of that size, 0: in one */
	bool close;       /* after it */
};

static const char pong[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
static const char version[] = "HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n"
			      "{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}  ";

static struct {
	struct event_base *base;
	char dir[40], path[80];
	int fd;
	struct event *accept_event;
	struct peer {
		int fd;
		struct event *event;
		char head[4096];
		size_t n;
	} peers[PEERS_MAX];
	size_t n_peers;
	struct answer answers[8];
	size_t n_answers;
	char last_path[200];
	struct engine *engine;
	unsigned ups, downs;
	char why[500];
	bool changed;
	struct engine_reply reply;
	bool replied;
} t;

/* ---- the engine's part ---- */

static const char *path_of(const char *head)
{
	const char *path = strchr(head, ' ') + 1;

	if (strncmp(path, "/v1.", 4) == 0)
		path = strchr(path + 1, '/');
	return path;
}

static void write_answer(struct peer *peer, const struct answer *answer)
{
	size_t n = answer->text == NULL ? 0 : strlen(answer->text);
	size_t piece = answer->piece == 0 ? n : answer->piece;

	for (size_t at = 0; at < n; at += piece)
		assert_true(send(peer->fd, answer->text + at, n - at < piece ? n - at : piece,
				    MSG_NOSIGNAL) > 0);
	if (answer->close) {
		(void)event_del(peer->event);
		(void)shutdown(peer->fd, SHUT_RDWR);
	}
}

static void on_peer(evutil_socket_t fd, short what, void *arg)
{
	struct peer *peer = arg;
	ssize_t n = recv(fd, peer->head + peer->n, sizeof(peer->head) - 1 - peer->n, 0);
	const char *path;

	(void)what;
	if (n <= 0) {
		(void)event_del(peer->event);
		return;
	}
	peer->n += (size_t)n;
	peer->head[peer->n] = '\0';
	if (strstr(peer->head, "\r\n\r\n") == NULL)
		return;
	peer->n = 0;
	path = path_of(peer->head);
	(void)snprintf(t.last_path, sizeof(t.last_path), "%.*s", (int)strcspn(path, " "), path);
	for (size_t i = 0; i < t.n_answers; i++)
		if (strncmp(path, t.answers[i].path, strlen(t.answers[i].path)) == 0) {
			write_answer(peer, &t.answers[i]);
			return;
		}
	fail_msg("no answer for %s", t.last_path);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct peer *peer = &t.peers[t.n_peers++];

	(void)what;
	(void)arg;
	assert_true(t.n_peers <= PEERS_MAX);
	peer->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(peer->fd >= 0);
	peer->event = event_new(t.base, peer->fd, EV_READ | EV_PERSIST, on_peer, peer);
	(void)event_add(peer->event, NULL);
}

static void serve(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", t.path);
	t.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(t.fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(t.fd, 16), 0);
	t.accept_event = event_new(t.base, t.fd, EV_READ | EV_PERSIST, on_accept, NULL);
	(void)event_add(t.accept_event, NULL);
}

static void answer(const char *path, const char *text, size_t piece, bool then_close)
{
	for (size_t i = 0; i < t.n_answers; i++)
		if (strcmp(t.answers[i].path, path) == 0) {
			t.answers[i] = (struct answer){ path, text, piece, then_close };
			return;
		}
	t.answers[t.n_answers++] = (struct answer){ path, text, piece, then_close };
}

/* ---- ours ---- */

static void on_up(void *arg)
{
	(void)arg;
	t.ups++;
	t.changed = true;
}

static void on_down(const char *why, void *arg)
{
	(void)arg;
	t.downs++;
	t.changed = true;
	(void)snprintf(t.why, sizeof(t.why), "%s", why);
}

static void wait_for(const bool *flag)
{
	while (!*flag)
		(void)event_base_loop(t.base, EVLOOP_ONCE);
}

static void wait_change(void)
{
	t.changed = false;
	wait_for(&t.changed);
}

static void on_reply(const struct engine_reply *reply, void *arg)
{
	(void)arg;
	t.reply = *reply;
	t.reply.body = NULL;
	t.replied = true;
}

static void call(const char *path, long timeout_ms, size_t max)
{
	struct err err;

	t.replied = false;
	assert_int_equal(engine_call(t.engine,
				 &(struct engine_request){ .method = "GET",
					 .path = path,
					 .timeout_ms = timeout_ms,
					 .reply_max = max },
				 on_reply, NULL, &err),
		0);
	assert_false(t.replied);
	wait_for(&t.replied);
}

static int set_up(void **state)
{
	static const struct engine_watch watch = { .up = on_up, .down = on_down };
	struct engine_where where;
	char host[100];
	struct err err;

	(void)state;
	memset(&t, 0, sizeof(t));
	(void)signal(SIGALRM, SIG_DFL); /* a watchdog: the program ends if nothing happens */
	(void)alarm(60);
	(void)snprintf(t.dir, sizeof(t.dir), "/tmp/dockgate-engine-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	(void)snprintf(t.path, sizeof(t.path), "%s/s", t.dir);
	(void)snprintf(host, sizeof(host), "unix://%s", t.path);
	t.base = event_base_new();
	t.fd = -1;
	log_init("test", LOG_ERROR);
	assert_int_equal(engine_where_parse(host, &where, &err), 0);
	assert_int_equal(engine_new(t.base, &where, &watch, NULL, &t.engine, &err), 0);
	answer("/_ping", pong, 0, false);
	answer("/version", version, 0, false);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	engine_free(t.engine);
	for (size_t i = 0; i < t.n_peers; i++) {
		event_free(t.peers[i].event);
		(void)close(t.peers[i].fd);
	}
	if (t.fd >= 0) {
		event_free(t.accept_event);
		(void)close(t.fd);
	}
	(void)unlink(t.path);
	(void)rmdir(t.dir);
	event_base_free(t.base);
	return 0;
}

static void come_up(void)
{
	serve();
	engine_connect(t.engine);
	wait_change();
	assert_true(engine_is_up(t.engine));
}

/* ---- tests ---- */

static void the_version_is_negotiated(void **state)
{
	(void)state;
	come_up();
	assert_int_equal(engine_api_minor(t.engine), 41);
	assert_string_equal(engine_prefix(t.engine), "/v1.41");
}

static void what_is_too_new_or_no_engine_is_down_with_a_reason(void **state)
{
	(void)state;
	answer("/version",
		"HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n"
		"{\"ApiVersion\":\"1.99\",\"MinAPIVersion\":\"1.90\"}  ",
		0, false);
	serve();
	engine_connect(t.engine);
	wait_change();
	assert_false(engine_is_up(t.engine));
	assert_non_null(strstr(t.why, "1.90"));
	/* It goes on trying: another engine may come. */
	answer("/version", version, 0, false);
	wait_change();
	assert_true(engine_is_up(t.engine));
}

static void no_engine_engine_no_engine(void **state)
{
	(void)state;
	engine_connect(t.engine);
	wait_change();
	assert_int_equal(t.downs, 1);
	assert_false(engine_is_up(t.engine));
	serve();
	wait_change();
	assert_int_equal(t.ups, 1);
	/* It dies: connections close, the socket is gone. */
	event_free(t.accept_event);
	(void)close(t.fd);
	t.fd = -1;
	(void)unlink(t.path);
	for (size_t i = 0; i < t.n_peers; i++) {
		(void)event_del(t.peers[i].event);
		(void)shutdown(t.peers[i].fd, SHUT_RDWR);
	}
	t.changed = false;
	call("/info", 5000, 0);
	assert_int_equal(t.reply.fault, ENGINE_AWAY);
	wait_for(&t.changed);
	assert_int_equal(t.downs, 2);
	serve();
	wait_change();
	assert_int_equal(t.ups, 2);
}

static void errors_are_told_by_status(void **state)
{
	(void)state;
	come_up();
	answer("/info", "HTTP/1.1 500 x\r\nContent-Length: 24\r\n\r\n{\"message\":\"disk burnt\"} ",
		0, false);
	call("/info", 0, 0);
	assert_int_equal(t.reply.fault, ENGINE_REFUSED);
	assert_int_equal(t.reply.status, 500);
	assert_non_null(strstr(t.reply.why, "disk burnt"));
	answer("/info", "HTTP/1.1 404 x\r\nContent-Length: 6\r\n\r\nabsent", 0, false);
	call("/info", 0, 0);
	assert_int_equal(t.reply.fault, ENGINE_REFUSED);
	assert_int_equal(t.reply.status, 404);
	assert_true(engine_is_up(t.engine));
}

static void a_cut_answer_is_garbled(void **state)
{
	(void)state;
	come_up();
	answer("/info", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":", 0, true);
	call("/info", 0, 0);
	assert_int_equal(t.reply.fault, ENGINE_GARBLED);
	assert_int_equal(t.reply.status, 0);
}

static void an_answer_in_pieces_is_whole(void **state)
{
	(void)state;
	come_up();
	answer("/info", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\":\"b\"}", 1, false);
	call("/info", 0, 0);
	assert_int_equal(t.reply.fault, ENGINE_FINE);
	assert_int_equal(t.reply.len, 9);
}

static void a_silent_engine_is_late(void **state)
{
	(void)state;
	come_up();
	answer("/info", NULL, 0, false);
	call("/info", 100, 0);
	assert_int_equal(t.reply.fault, ENGINE_LATE);
}

static void too_long_an_answer_is_cut_off(void **state)
{
	(void)state;
	come_up();
	answer("/info", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789", 0,
		false);
	call("/info", 0, 10);
	assert_int_equal(t.reply.fault, ENGINE_GARBLED);
	call("/info", 0, 20);
	assert_int_equal(t.reply.fault, ENGINE_FINE);
}

static void other_json_than_expected_is_refused(void **state)
{
	static const char *const bodies[] = { "", "{", "[]", "null", "{}x", "{\"a\":1,}" };
	struct engine_reply reply = { .fault = ENGINE_FINE, .status = 200 };
	struct err err;
	json_t *root;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		reply.body = bodies[i];
		reply.len = strlen(bodies[i]);
		assert_null(engine_json(&reply, JSON_OBJECT, &err));
	}
	reply.body = "{}";
	reply.len = 2;
	root = engine_json(&reply, JSON_OBJECT, &err);
	assert_non_null(root);
	json_decref(root);
}

static void hosts_are_checked(void **state)
{
	static const char *const bad[] = { "unix://", "unix://x", "tcp://", "http://x",
		"tcp://a b:1", "tcp://u@h:1", "tcp://h:1/p", "/var/run/docker.sock" };
	struct engine_where where;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(engine_where_parse(bad[i], &where, &err), -EINVAL);
	assert_int_equal(engine_where_parse("tcp://127.0.0.1:2375", &where, &err), 0);
	assert_string_equal(where.authority, "127.0.0.1:2375");
	engine_where_done(&where);
}

/* ---- images ---- */

static char image_why[500];
static bool image_known;

static void on_image(struct image *image, const char *why, bool away, void *arg)
{
	(void)image;
	(void)away;
	(void)arg;
	(void)snprintf(image_why, sizeof(image_why), "%s", why == NULL ? "" : why);
	image_known = true;
}

static void resolve(struct image *image)
{
	struct err err;

	image_known = false;
	assert_int_equal(image_resolve(image, on_image, NULL, &err), 0);
	wait_for(&image_known);
}

static void an_image_is_resolved_or_missed_by_name(void **state)
{
	static const char found[] = "HTTP/1.1 200 OK\r\nContent-Length: 78\r\n\r\n"
				    "{\"Id\":\"sha256:5\",\"Config\":{\"Env\":[\"A=b\",\"PATH=/x:/"
				    "y\"],\"Volumes\":{\"/data\":{}}}}";
	struct images *images;
	struct image *image;
	struct err err;

	(void)state;
	come_up();
	assert_int_equal(images_new(t.engine, NULL, NULL, &images, &err), 0);
	image = images_get(images, "dockgate/python:1");
	image->of_a_task = true;
	answer("/images/dockgate/python:1/json", "HTTP/1.1 404 x\r\nContent-Length: 2\r\n\r\n{}", 0,
		false);
	resolve(image);
	assert_false(image_is_ready(image));
	assert_ptr_equal(images_get(images, "dockgate/python:1"), image);
	assert_non_null(strstr(image_why, "images build python"));
	answer("/images/dockgate/python:1/json", found, 0, false);
	resolve(image);
	assert_string_equal(image_why, "");
	assert_string_equal(image->id, "sha256:5");
	assert_string_equal(image->path, "/x:/y");
	assert_int_equal(image->volumes.n, 1);
	assert_string_equal(image->volumes.v[0], "/data");
	/* One that nobody has and no task names is forgotten. */
	answer("/images/made-up/json", "HTTP/1.1 404 x\r\nContent-Length: 2\r\n\r\n{}", 0, false);
	resolve(images_get(images, "made-up"));
	assert_non_null(strstr(image_why, "docker pull made-up"));
	assert_int_equal(images_count(images), 1);
	assert_int_equal(
		image_resolve(images_get(images, "../containers"), on_image, NULL, &err), -EINVAL);
	assert_int_equal(image_resolve(images_get(images, "a?b"), on_image, NULL, &err), -EINVAL);
	images_free(images);
}

/* ---- attach ---- */

static struct {
	struct attach *attach;
	bool open, closed, enough;
	char data[100], why[200];
	size_t n, want;
} a;

static void attach_opened(void *arg)
{
	(void)arg;
	a.open = true;
}

static void attach_data(const uint8_t *data, size_t n, void *arg)
{
	(void)arg;
	memcpy(a.data + a.n, data, n);
	a.n += n;
	a.enough = a.n >= a.want;
}

static void attach_drained(void *arg)
{
	(void)arg;
}

static void attach_closed(const char *why, void *arg)
{
	(void)arg;
	(void)snprintf(a.why, sizeof(a.why), "%s", why);
	a.closed = true;
	attach_close(a.attach);
	a.attach = NULL;
}

static void begin_attach(const char *text, size_t piece, bool then_close)
{
	static const struct attach_ops ops = { .open = attach_opened,
		.data = attach_data,
		.drained = attach_drained,
		.closed = attach_closed };
	struct err err;

	memset(&a, 0, sizeof(a));
	answer("/containers/c/attach", text, piece, then_close);
	assert_int_equal(attach_open(t.engine, t.base, "c", &ops, NULL, &a.attach, &err), 0);
}

/* Bytes that came with the header block are the stream's first. (No NUL here: a piece of 0x01010101
 * bytes.) */
static void bytes_behind_the_header_are_kept(void **state)
{
	static const size_t pieces[] = { 0, 1, 2, 7 };

	(void)state;
	come_up();
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		begin_attach("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
			     "\1\1\1\1\1\1\1\1first bytes",
			pieces[i], false);
		a.want = 11;
		wait_for(&a.enough);
		assert_true(a.open);
		assert_memory_equal(a.data, "first bytes", 11);
		attach_close(a.attach);
	}
}

static void a_refused_attach_says_so(void **state)
{
	(void)state;
	come_up();
	begin_attach("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0, false);
	wait_for(&a.closed);
	assert_false(a.open);
	assert_non_null(strstr(a.why, "404"));
}

static void a_stream_that_ends_or_is_garbled_says_so(void **state)
{
	(void)state;
	come_up();
	begin_attach("HTTP/1.1 101 x\r\n\r\n\1\1\1\1\1\1\1\1abc", 0, true);
	wait_for(&a.closed);
	assert_true(a.open);
	assert_memory_equal(a.data, "abc", 3);
	begin_attach("HTTP/1.1 200 OK\r\n\r\nHTTP rather than frames", 0, false);
	wait_for(&a.closed);
	assert_non_null(strstr(a.why, "garbled"));
	begin_attach("HTTP/1.1 101 x\r\nno end of the header", 0, true);
	wait_for(&a.closed);
	assert_false(a.open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_version_is_negotiated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_too_new_or_no_engine_is_down_with_a_reason, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_engine_engine_no_engine, set_up, tear_down),
		cmocka_unit_test_setup_teardown(errors_are_told_by_status, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cut_answer_is_garbled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_in_pieces_is_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_silent_engine_is_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_long_an_answer_is_cut_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			other_json_than_expected_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hosts_are_checked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_image_is_resolved_or_missed_by_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			bytes_behind_the_header_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_refused_attach_says_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_stream_that_ends_or_is_garbled_says_so, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
