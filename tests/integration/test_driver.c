/* SPDX-License-Identifier: MIT */
/*
 * The real driver against the real engine: this program plays the queue. The
 * image is one static payload, imported through the engine's own API.
 */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/log.h"
#include "common/role.h"
#include "driver/agent_volume.h"
#include "driver/container.h"
#include "driver/engine.h"
#include "wire/channel.h"
#include "wire/frame.h"
#include "wire/pack.h"
#include "wire/result.h"
#include "wire/spec.h"

#define REPOSITORY "dockgate-test-driver"
#define WAIT_MS    60000 /* a watchdog: nothing here takes that long */

static const char config_text_[] =
	"state_dir = \"%s\"\n"
	"log_level = \"%s\"\n"
	"slots = 4\n"
	"grace_ms = 300\n"
	"drain_s = 5\n"
	"docker_host = \"unix://%s/engine\"\n"
	"images_allowed = {\"dockgate-test-driver:*\"}\n"
	"task \"hello\" { image = \"%s\" command = {\"/payload\", \"hello\"} warm = 1 warm_max = 2 "
	"}\n"
	"task \"any\" { image = \"%s\" command = {\"/payload\"} warm = 0 collect = {\"**\"}\n"
	"  custom_command = true limits { wall_ms = 5000 } }\n"
	"task \"echo\" { image = \"%s\" command = {\"/payload\", \"args\", \"{main}\"} warm = 0 }\n"
	"task \"none\" { image = \"dockgate-test-driver:absent\" command = {\"/x\"} warm = 0 }\n";

struct ended {
	bool there;
	struct msg_ending ending; /* blobs owned */
	struct result result;
	uint8_t *out, *err, *files; /* owned */
};

static struct {
	struct event_base *base;
	struct config *config;
	struct channel *channel;
	struct event *accept_event, *watchdog;
	struct engine *engine;
	char engine_path[108]; /* the real one's socket */
	char image[64];        /* this process's own: others remove theirs */
	int listen_fd;
	pid_t driver;
	char dir[64];
	bool hold_acks;  /* endings are not acknowledged */
	bool hold_spool; /* nobody gets a file; the last who asked is remembered */
	uint64_t spool_token;
	unsigned n_spools;
	bool node_up;
	char node_reason[1001];
	uint32_t node_running, node_slots;
	uint32_t warm_hello;
	unsigned hellos;
	uint64_t driver_instance;
	bool engine_known;
	struct msg_started started;
	bool has_started, has_giveback;
	struct msg_giveback giveback;
	struct ended ended;
	uint32_t attempt;
	struct job_id id;
	int reply_status;
	bool replied;
	char *reply_body;
} q;

/* ---- waiting ---- */

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	(void)fprintf(stderr, "nothing happened for %d ms\n", WAIT_MS);
	abort();
}

static void wait_for_any(const bool *one, const bool *other)
{
	const struct timeval tv = { .tv_sec = WAIT_MS / 1000 };

	assert_int_equal(event_add(q.watchdog, &tv), 0);
	while (!*one && !*other)
		(void)event_base_loop(q.base, EVLOOP_ONCE);
	(void)event_del(q.watchdog);
}

static void wait_for(const bool *flag)
{
	wait_for_any(flag, flag);
}

/* ---- the queue's side ---- */

static void acknowledge(const struct msg_ending *ending)
{
	struct msg msg;
	struct err err;

	msg_init(&msg, MSG_ENDING_ACK);
	msg.ending_ack.id = ending->id;
	msg.ending_ack.attempt = ending->attempt;
	assert_int_equal(channel_send(q.channel, &msg, &err), 0);
}

static void take_ending(struct msg_ending *ending)
{
	struct err err;
	uint8_t *record = NULL;

	if (!q.hold_acks)
		acknowledge(ending);
	assert_false(q.ended.there);
	q.ended.ending = *ending;
	assert_int_equal(blob_read_all(&ending->result, RESULT_BYTES_MAX, &record, &err), 0);
	if (result_unpack(record, (size_t)ending->result.len, ending->out.len, ending->err.len,
		    ending->files.len, &q.ended.result, &err) < 0)
		fail_msg("%s", err.msg);
	free(record);
	assert_int_equal(blob_read_all(&ending->out, 1 << 30, &q.ended.out, &err), 0);
	assert_int_equal(blob_read_all(&ending->err, 1 << 30, &q.ended.err, &err), 0);
	assert_int_equal(blob_read_all(&ending->files, 1 << 30, &q.ended.files, &err), 0);
	q.ended.there = true;
}

static void give_spool(uint64_t token)
{
	struct msg msg;
	struct err err;

	q.n_spools++;
	msg_init(&msg, MSG_SPOOL);
	msg.spool.token = token;
	msg.spool.file = blob_of_fd(open(q.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), 0);
	assert_true(msg.spool.file.fd >= 0);
	assert_int_equal(channel_send(q.channel, &msg, &err), 0);
	msg_done(&msg);
}

/* The layout is said at NODE in msg.h. */
static void take_tasks(const struct blob *blob)
{
	struct unpacker u;
	struct err err;
	uint8_t *data = NULL;
	uint32_t n;

	assert_int_equal(blob_read_all(blob, 1 << 20, &data, &err), 0);
	u = unpacker_of(data, (size_t)blob->len);
	n = unpack_u32(&u);
	assert_int_equal(n, 4);
	for (uint32_t i = 0; i < n; i++) {
		char name[TASK_NAME_MAX + 1], digest[256];
		uint8_t ready;
		uint32_t warm, busy;

		unpack_str(&u, name, sizeof(name));
		ready = unpack_u8(&u);
		unpack_str(&u, digest, sizeof(digest));
		warm = unpack_u32(&u);
		busy = unpack_u32(&u);
		(void)busy;
		if (strcmp(name, "hello") == 0)
			q.warm_hello = warm;
		if (q.node_up)
			assert_int_equal(ready, strcmp(name, "none") != 0);
	}
	assert_true(unpack_end(&u));
	free(data);
}

static void take_node(const struct msg_node *node)
{
	struct err err;
	uint8_t *data = NULL;
	struct unpacker u;

	q.node_up = node->engine_up;
	q.node_slots = node->slots;
	q.engine_known = true;
	(void)snprintf(q.node_reason, sizeof(q.node_reason), "%s", node->reason);
	assert_int_equal(blob_read_all(&node->running, 1 << 20, &data, &err), 0);
	u = unpacker_of(data, (size_t)node->running.len);
	q.node_running = unpack_u32(&u);
	assert_int_equal(u.left, q.node_running * 44U);
	free(data);
	take_tasks(&node->tasks);
}

static void on_message(struct channel *ch, struct msg *msg, void *arg)
{
	(void)ch;
	(void)arg;
	switch (msg->type) {
	case MSG_NODE:
		take_node(&msg->node);
		break;
	case MSG_STARTED:
		q.started = msg->started;
		q.has_started = true;
		break;
	case MSG_ENDING:
		take_ending(&msg->ending);
		break;
	case MSG_GIVEBACK:
		q.giveback = msg->giveback;
		q.has_giveback = true;
		break;
	case MSG_SPOOL_OPEN:
		q.spool_token = msg->spool_open.token;
		if (!q.hold_spool)
			give_spool(msg->spool_open.token);
		break;
	default:
		fail_msg("unexpected %s", msg_name(msg->type));
	}
}

static void on_open(struct channel *ch, const struct msg_hello *hello, void *arg)
{
	(void)ch;
	(void)arg;
	q.hellos++;
	q.driver_instance = hello->instance;
}

static void on_closed(struct channel *ch, const char *why, void *arg)
{
	(void)why;
	(void)arg;
	q.channel = NULL;
	q.node_up = false;
	channel_free(ch);
}

static const struct channel_ops channel_ops = {
	.open = on_open, .message = on_message, .closed = on_closed
};

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct channel_self self = {
		.generation = q.config->generation, .instance = 7, .node = "t"
	};
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct err err;

	(void)what;
	(void)arg;
	assert_true(peer >= 0);
	assert_int_equal(channel_new(q.base, peer, ROLE_QUEUE, ROLE_DRIVER, &self, &channel_ops,
				 NULL, &q.channel, &err),
		0);
}

static void listen_for_driver(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "sock/" SOCKET_QUEUE_DRIVER };

	q.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(q.listen_fd >= 0);
	assert_int_equal(bind(q.listen_fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(chmod(sa.sun_path, 0666), 0);
	assert_int_equal(listen(q.listen_fd, 4), 0);
	q.accept_event = event_new(q.base, q.listen_fd, EV_READ | EV_PERSIST, on_accept, NULL);
	assert_int_equal(event_add(q.accept_event, NULL), 0);
}

/* ---- the engine, asked directly ---- */

static bool engine_up;

static void on_engine_up(void *arg)
{
	(void)arg;
	engine_up = true;
}

static void on_engine_down(const char *why, void *arg)
{
	(void)arg;
	fail_msg("these tests need a Docker engine: %s", why);
}

static void on_reply(const struct engine_reply *reply, void *arg)
{
	(void)arg;
	q.reply_status = reply->status;
	free(q.reply_body);
	q.reply_body = strdup(reply->body);
	q.replied = true;
}

static int ask(const char *method, const char *path, const void *body, size_t n, const char *type)
{
	struct err err;

	q.replied = false;
	assert_int_equal(engine_call(q.engine,
				 &(struct engine_request){ .method = method,
					 .path = path,
					 .body = body,
					 .body_len = n,
					 .content_type = type,
					 .timeout_ms = 60000 },
				 on_reply, NULL, &err),
		0);
	wait_for(&q.replied);
	return q.reply_status;
}

static void import_payload(void)
{
	FILE *f = fopen(PAYLOAD_PATH, "re");
	uint8_t *data = malloc(64 << 20), *tar;
	struct err err;
	char path[120];
	size_t n, tar_n;

	assert_non_null(f);
	(void)snprintf(path, sizeof(path), "/images/create?fromSrc=-&repo=" REPOSITORY "&tag=%d",
		(int)getpid());
	n = fread(data, 1, 64 << 20, f);
	(void)fclose(f);
	assert_int_equal(agent_volume_tar("payload", data, n, &tar, &tar_n, &err), 0);
	assert_int_equal(ask("POST", path, tar, tar_n, "application/x-tar"), 200);
	assert_null(strstr(q.reply_body, "errorDetail"));
	free(data);
	free(tar);
}

static char *our_instance(void)
{
	static char id[40];
	FILE *f = fopen("driver/instance", "re");

	assert_non_null(f);
	assert_non_null(fgets(id, sizeof(id), f));
	id[strcspn(id, "\n")] = '\0';
	(void)fclose(f);
	return id;
}

/*
 * Engine 20.10 goes on listing, without a name, a container that is removed while a dead driver's
 * start of it is under way; asked for that one it answers 404.
 */
static bool is_there(const json_t *item)
{
	char path[200];

	if (json_array_size(json_object_get(item, "Names")) > 0)
		return true;
	(void)snprintf(path, sizeof(path), "/containers/%s/json",
		json_string_value(json_object_get(item, "Id")));
	return ask("GET", path, NULL, 0, NULL) != 404;
}

/* Ids of the driver's containers; how many. */
static size_t containers(char ids[][80], size_t max)
{
	char path[300];
	json_t *list, *item;
	size_t i, n = 0;

	(void)snprintf(path, sizeof(path),
		"/containers/json?all=1&filters=%%7B%%22label%%22%%3A%%5B%%22%s%%3D%s%%22%%5D%%7D",
		LABEL_INSTANCE, our_instance());
	assert_int_equal(ask("GET", path, NULL, 0, NULL), 200);
	list = json_loads(q.reply_body, 0, NULL);
	json_array_foreach(list, i, item)
	{
		if (!is_there(item))
			continue;
		if (n < max)
			(void)snprintf(
				ids[n], 80, "%s", json_string_value(json_object_get(item, "Id")));
		n++;
	}
	json_decref(list);
	return n;
}

/* ---- a door between driver and engine, so that the engine can be away ---- */

struct door {
	LIST_ENTRY(door) link;
	struct bufferevent *near, *far; /* owned: the driver's side, the engine's */
};

static LIST_HEAD(, door) doors;
static struct event *door_event;
static int door_fd = -1;

static void door_close(struct door *door)
{
	LIST_REMOVE(door, link);
	bufferevent_free(door->near);
	bufferevent_free(door->far);
	free(door);
}

static struct bufferevent *other(struct door *door, struct bufferevent *side)
{
	return side == door->near ? door->far : door->near;
}

static void on_door_bytes(struct bufferevent *side, void *arg)
{
	(void)bufferevent_write_buffer(other(arg, side), bufferevent_get_input(side));
}

static void on_door_flushed(struct bufferevent *side, void *arg)
{
	(void)side;
	door_close(arg);
}

/* One side is gone: the other gets what is left, then goes too. */
static void on_door_event(struct bufferevent *side, short what, void *arg)
{
	struct bufferevent *to = other(arg, side);

	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) == 0)
		return;
	on_door_bytes(side, arg);
	if (evbuffer_get_length(bufferevent_get_output(to)) == 0) {
		door_close(arg);
		return;
	}
	(void)bufferevent_disable(side, EV_READ | EV_WRITE);
	bufferevent_setcb(to, NULL, on_door_flushed, on_door_event, arg);
}

static int connect_engine(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", q.engine_path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(evutil_make_socket_nonblocking(fd), 0);
	return fd;
}

static void on_door(evutil_socket_t fd, short what, void *arg)
{
	int near = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct door *door = calloc(1, sizeof(*door));

	(void)what;
	(void)arg;
	assert_true(near >= 0);
	door->near = bufferevent_socket_new(q.base, near, BEV_OPT_CLOSE_ON_FREE);
	door->far = bufferevent_socket_new(q.base, connect_engine(), BEV_OPT_CLOSE_ON_FREE);
	LIST_INSERT_HEAD(&doors, door, link);
	bufferevent_setcb(door->near, on_door_bytes, NULL, on_door_event, door);
	bufferevent_setcb(door->far, on_door_bytes, NULL, on_door_event, door);
	(void)bufferevent_enable(door->near, EV_READ | EV_WRITE);
	(void)bufferevent_enable(door->far, EV_READ | EV_WRITE);
}

static void open_door(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "engine" };
	struct stat st;

	assert_int_equal(stat(q.engine_path, &st), 0);
	door_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(door_fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(chown("engine", 0, st.st_gid), 0);
	assert_int_equal(chmod("engine", 0660), 0);
	assert_int_equal(listen(door_fd, 64), 0);
	door_event = event_new(q.base, door_fd, EV_READ | EV_PERSIST, on_door, NULL);
	assert_int_equal(event_add(door_event, NULL), 0);
}

static void shut_door(void)
{
	event_free(door_event);
	(void)close(door_fd);
	(void)unlink("engine");
	while (!LIST_EMPTY(&doors))
		door_close(LIST_FIRST(&doors));
}

/* ---- the driver ---- */

static void start_driver(void)
{
	q.engine_known = q.node_up = false;
	q.driver = fork();
	assert_true(q.driver >= 0);
	if (q.driver == 0) {
		struct role_args args = { .config = q.config };

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)signal(SIGSEGV, SIG_DFL); /* cmocka's handler would go on as a test */
		(void)signal(SIGABRT, SIG_DFL);
		log_init("driver", log_level_by_name(q.config->log_level));
		_exit(driver_main(&args));
	}
	wait_for(&q.node_up);
}

static int stop_driver(int signo)
{
	int status;

	assert_int_equal(kill(q.driver, signo), 0);
	/* Its endings need our acknowledgement: the loop goes on meanwhile. */
	while (q.channel != NULL)
		(void)event_base_loop(q.base, EVLOOP_ONCE);
	assert_int_equal(waitpid(q.driver, &status, 0), q.driver);
	q.driver = 0;
	return status;
}

static void forget_ending(void)
{
	if (q.ended.there)
		result_done(&q.ended.result);
	free(q.ended.out);
	free(q.ended.err);
	free(q.ended.files);
	q.ended = (struct ended){ 0 };
	q.has_started = q.has_giveback = false;
}

static void run(const char *task, struct spec *spec, const void *input, size_t n)
{
	struct msg msg;
	struct err err;

	forget_ending();
	msg_init(&msg, MSG_RUN);
	assert_int_equal(job_id_new(&q.id, &err), 0);
	msg.run.id = q.id;
	msg.run.attempt = ++q.attempt;
	(void)snprintf(msg.run.task, sizeof(msg.run.task), "%s", task);
	if (spec->task == NULL)
		spec->task = strdup(task);
	assert_int_equal(spec_pack(spec, &msg.run.spec, &err), 0);
	assert_int_equal(blob_of(input, n, &msg.run.input, &err), 0);
	assert_int_equal(channel_send(q.channel, &msg, &err), 0);
	msg_done(&msg);
	spec_done(spec);
}

static void run_args(const char *task, const char *const *words)
{
	struct spec spec;
	struct err err;

	spec_init(&spec);
	for (; *words != NULL; words++)
		assert_int_equal(strv_add(&spec.args, *words, &err), 0);
	run(task, &spec, "", 0);
}

#define RUN(task, ...) run_args(task, (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static void stop_job(bool lease_lost)
{
	struct msg msg;
	struct err err;

	msg_init(&msg, MSG_STOP);
	msg.stop.id = q.id;
	msg.stop.attempt = q.attempt;
	msg.stop.lease_lost = lease_lost;
	assert_int_equal(channel_send(q.channel, &msg, &err), 0);
}

static void assert_verdict(enum verdict verdict)
{
	wait_for(&q.ended.there);
	if (q.ended.result.finding.verdict != verdict)
		fail_msg("verdict %s (%s), expected %s: %s",
			verdict_name(q.ended.result.finding.verdict),
			q.ended.result.error == NULL ? "" : q.ended.result.error,
			verdict_name(verdict), q.ended.err);
	assert_int_equal(q.ended.ending.verdict, verdict);
	assert_true(job_id_equal(&q.ended.ending.id, &q.id));
	assert_int_equal(q.ended.ending.attempt, q.attempt);
}

static void await_giveback(void)
{
	wait_for_any(&q.has_giveback, &q.ended.there);
	if (q.ended.there)
		fail_msg("verdict %s, expected it to be given back",
			verdict_name(q.ended.result.finding.verdict));
}

/* ---- tests ---- */

static void a_hello_job_says_hello(void **state)
{
	(void)state;
	RUN("hello");
	assert_verdict(VERDICT_OK);
	assert_true(q.has_started);
	assert_string_equal((char *)q.ended.out, "hello\n");
	assert_int_equal(q.ended.ending.err.len, 0);
	assert_int_equal(q.ended.result.n_steps, 1);
	assert_int_equal(q.ended.result.steps[0].exit_code, 0);
	assert_int_equal(strncmp(q.ended.result.image, "sha256:", 7), 0);
	assert_string_equal(q.started.image, q.ended.result.image);
}

static void many_in_a_row_are_served(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++) {
		RUN("hello");
		assert_verdict(VERDICT_OK);
		assert_string_equal((char *)q.ended.out, "hello\n");
	}
}

static void a_failing_job_is_told_apart(void **state)
{
	(void)state;
	RUN("any", "exit", "3");
	assert_verdict(VERDICT_NONZERO_EXIT);
	assert_int_equal(q.ended.result.steps[0].exit_code, 3);
	RUN("any", "segv");
	assert_verdict(VERDICT_SIGNALED);
	assert_int_equal(q.ended.result.steps[0].signal, SIGSEGV);
}

static void cases_get_their_own_input_and_are_compared(void **state)
{
	static const char input[] = "onetwoone";
	struct spec spec;
	struct err err;

	(void)state;
	spec_init(&spec);
	assert_int_equal(strv_add(&spec.command, "/payload", &err), 0);
	assert_int_equal(strv_add(&spec.command, "echo", &err), 0);
	spec.cases = calloc(2, sizeof(*spec.cases));
	spec.n_cases = 2;
	for (size_t i = 0; i < 2; i++) {
		limits_unset(&spec.cases[i].limits);
		spec.cases[i].has_stdin = spec.cases[i].has_expected = true;
		spec.cases[i].stdin_ = (struct extent){ 3 * i, 3 };
		spec.cases[i].expected = (struct extent){ 6, 3 };
	}
	spec.cases[1].name = strdup("second");
	run("any", &spec, input, 9);
	assert_verdict(VERDICT_WRONG_OUTPUT);
	assert_int_equal(q.ended.result.n_steps, 2);
	assert_int_equal(q.ended.result.deciding, 1);
	assert_int_equal(q.ended.result.steps[0].finding.verdict, VERDICT_OK);
	assert_string_equal(q.ended.result.steps[1].name, "second");
	assert_string_equal((char *)q.ended.out, "onetwo");
	assert_int_equal(q.ended.result.steps[1].out.offset, 3);
}

static void a_build_that_fails_ends_the_job(void **state)
{
	struct spec spec;
	struct err err;

	(void)state;
	spec_init(&spec);
	spec.has_build = true;
	assert_int_equal(strv_add(&spec.build_command, "/payload", &err), 0);
	assert_int_equal(strv_add(&spec.build_command, "exit", &err), 0);
	assert_int_equal(strv_add(&spec.build_command, "1", &err), 0);
	assert_int_equal(strv_add(&spec.args, "hello", &err), 0);
	run("any", &spec, "", 0);
	assert_verdict(VERDICT_BUILD_FAILED);
	assert_int_equal(q.ended.result.n_steps, 1);
	assert_true(q.ended.result.steps[0].build);
}

/* 3 MiB out, more than waits in memory, and none of it lost while the spool is slow. */
static void large_output_goes_to_the_spool(void **state)
{
	(void)state;
	q.n_spools = 0;
	RUN("any", "flood", "1", "3145728", "65536");
	assert_verdict(VERDICT_OK);
	assert_int_equal(q.n_spools, 1);
	assert_int_equal(q.ended.ending.out.len, 3145728);
	assert_int_equal(q.ended.result.steps[0].out.bytes, 3145728);
	assert_int_equal(q.ended.result.steps[0].out.cut, 0);
}

static void files_go_in_and_come_back(void **state)
{
	size_t n = 200000;
	uint8_t *input = malloc(n), md[32];
	struct spec spec;
	struct err err;

	(void)state;
	for (size_t i = 0; i < n; i++)
		input[i] = (uint8_t)(i * 7 + (i >> 8));
	EVP_Digest(input, n, md, NULL, EVP_sha256(), NULL);
	spec_init(&spec);
	assert_int_equal(strv_add(&spec.args, "hello", &err), 0);
	spec.files = calloc(2, sizeof(*spec.files));
	spec.n_files = 2;
	spec.files[0] = (struct spec_file){ .name = strdup("a/data.bin"), .data = { 0, n } };
	spec.files[1] = (struct spec_file){ .name = strdup("-x"), .data = { 10, 0 } };
	run("any", &spec, input, n);
	assert_verdict(VERDICT_OK);
	assert_int_equal(q.ended.result.n_files, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct file_result *file = &q.ended.result.files[i];

		if (strcmp(file->name, "-x") == 0) {
			assert_int_equal(file->bytes, 0);
			continue;
		}
		assert_string_equal(file->name, "a/data.bin");
		assert_int_equal(file->bytes, n);
		assert_memory_equal(file->sha256, md, 32);
		assert_memory_equal(q.ended.files + file->offset, input, n);
	}
	free(input);
}

/* More than any buffer on the way holds, in both directions at once. */
static void large_input_comes_back_whole(void **state)
{
	size_t n = 5 * MIB;
	uint8_t *input = malloc(n);
	struct spec spec;
	struct err err;

	(void)state;
	for (size_t i = 0; i < n; i++)
		input[i] = (uint8_t)(i * 13 + (i >> 9));
	spec_init(&spec);
	assert_int_equal(strv_add(&spec.args, "echo", &err), 0);
	spec.has_stdin = true;
	spec.stdin_ = (struct extent){ 0, n };
	run("any", &spec, input, n);
	assert_verdict(VERDICT_OK);
	assert_int_equal(q.ended.ending.out.len, n);
	assert_memory_equal(q.ended.out, input, n);
	/* A program that reads none of it ends all the same. */
	spec_init(&spec);
	assert_int_equal(strv_add(&spec.args, "hello", &err), 0);
	spec.has_stdin = true;
	spec.stdin_ = (struct extent){ 0, n };
	run("any", &spec, input, n);
	assert_verdict(VERDICT_OK);
	free(input);
}

static void a_name_is_never_an_option(void **state)
{
	struct spec spec;

	(void)state;
	spec_init(&spec);
	spec.files = calloc(1, sizeof(*spec.files));
	spec.n_files = 1;
	spec.files[0].name = strdup("-rf");
	run("echo", &spec, "", 0);
	assert_verdict(VERDICT_OK);
	assert_non_null(strstr((char *)q.ended.out, "./-rf"));
}

static void limits_are_never_raised_by_a_message(void **state)
{
	struct spec spec;
	struct err err;

	(void)state;
	spec_init(&spec);
	assert_int_equal(strv_add(&spec.args, "sleep", &err), 0);
	assert_int_equal(strv_add(&spec.args, "60000", &err), 0);
	spec.limits.v[LIMIT_WALL] = 300;
	run("any", &spec, "", 0);
	assert_verdict(VERDICT_WALL_TIME);
	assert_int_equal(q.ended.result.finding.limit, LIMIT_WALL);
	assert_int_equal(q.ended.result.finding.configured, 300);
}

/* What a frozen container cannot say, our own clock does. */
static void a_frozen_container_ends_at_the_wall_clock(void **state)
{
	char ids[8][80], path[800];
	struct spec spec;
	struct err err;
	bool found = false;

	(void)state;
	spec_init(&spec);
	assert_int_equal(strv_add(&spec.args, "sleep", &err), 0);
	assert_int_equal(strv_add(&spec.args, "60000", &err), 0);
	spec.limits.v[LIMIT_WALL] = 2000;
	run("any", &spec, "", 0);
	wait_for(&q.has_started);
	for (size_t i = 0, n = containers(ids, 8); i < n && i < 8; i++) {
		(void)snprintf(path, sizeof(path), "/containers/%s/pause", ids[i]);
		found = ask("POST", path, NULL, 0, NULL) == 204 || found;
	}
	assert_true(found);
	assert_verdict(VERDICT_WALL_TIME);
	assert_true(q.ended.result.finding.measured >= 2000);
}

/* Does a program with that word among its arguments run in the container? -1: nobody can tell. */
static int runs_in(const char *id, const char *word)
{
	char path[200];

	(void)snprintf(path, sizeof(path), "/containers/%.80s/top", id);
	if (ask("GET", path, NULL, 0, NULL) != 200)
		return 0; /* nothing runs in it */
	/* Its list may be empty, though the agent is there. */
	if (strstr(q.reply_body, AGENT_PATH) == NULL)
		return -1;
	return strstr(q.reply_body, word) != NULL;
}

/* The driver's container in which it runs; waits until it does. */
static void find_running(const char *word, char ret[static 80])
{
	char ids[8][80];

	for (;;) {
		assert_false(q.ended.there || q.has_giveback);
		for (size_t i = 0, n = containers(ids, 8); i < n && i < 8; i++)
			if (runs_in(ids[i], word) == 1) {
				memcpy(ret, ids[i], 80);
				return;
			}
	}
}

/* The program waits for us, longer than its time: that it was killed for that is our failure. */
static void output_that_nobody_takes_is_not_the_programs_fault(void **state)
{
	static const char *const args[] = { "flood", "1", "100000000000", "65536" };
	int64_t until_us = 0;
	struct spec spec;
	struct err err;
	char id[80];

	(void)state;
	spec_init(&spec);
	spec.limits.v[LIMIT_WALL] = 1500;
	spec.limits.v[LIMIT_OUTPUT] = 4 * MIB; /* more than waits for a file */
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(strv_add(&spec.args, args[i], &err), 0);
	q.hold_spool = true;
	run("any", &spec, "", 0);
	find_running(args[2], id);
	while (until_us == 0 || clock_us() < until_us) {
		assert_false(q.ended.there || q.has_giveback);
		if (runs_in(id, args[2]) == 0 && until_us == 0)
			until_us = clock_us() + (int64_t)q.config->grace_ms * 1000 + 1;
	}
	q.hold_spool = false;
	give_spool(q.spool_token);
	await_giveback();
	assert_int_equal(q.giveback.why, GIVEBACK_ENGINE);
}

static void a_killed_container_gives_the_job_back(void **state)
{
	char ids[8][80], path[800];

	(void)state;
	RUN("any", "sleep", "60000");
	wait_for(&q.has_started);
	for (size_t i = 0, n = containers(ids, 8); i < n && i < 8; i++) {
		(void)snprintf(path, sizeof(path), "/containers/%s/kill", ids[i]);
		(void)ask("POST", path, NULL, 0, NULL);
	}
	await_giveback();
	assert_int_equal(q.giveback.why, GIVEBACK_ENGINE);
	assert_true(job_id_equal(&q.giveback.id, &q.id));
	assert_true(strlen(q.giveback.reason) > 0);
}

static void a_stopped_job_is_cancelled(void **state)
{
	(void)state;
	RUN("any", "sleep", "60000");
	wait_for(&q.has_started);
	stop_job(false);
	assert_verdict(VERDICT_CANCELLED);
}

static void a_job_without_a_lease_ends_in_silence(void **state)
{
	(void)state;
	RUN("any", "sleep", "60000");
	wait_for(&q.has_started);
	stop_job(true);
	RUN("hello");
	assert_verdict(VERDICT_OK);
	assert_false(q.has_giveback);
}

static void what_is_not_offered_is_refused_with_a_reason(void **state)
{
	struct spec spec;
	struct err err;

	(void)state;
	RUN("none");
	assert_verdict(VERDICT_ENGINE_ERROR);
	assert_non_null(strstr(q.ended.result.error, "dockgate-test-driver:absent"));
	spec_init(&spec);
	assert_int_equal(strv_add(&spec.command, "/payload", &err), 0);
	run("hello", &spec, "", 0);
	assert_verdict(VERDICT_ENGINE_ERROR);
	assert_non_null(strstr(q.ended.result.error, "command"));
	spec_init(&spec);
	spec.task = strdup("");
	spec.image = strdup("other:latest");
	assert_int_equal(strv_add(&spec.command, "/bin/sh", &err), 0);
	run("", &spec, "", 0);
	assert_verdict(VERDICT_ENGINE_ERROR);
	assert_non_null(strstr(q.ended.result.error, "not allowed"));
}

static void an_allowed_image_runs_cold(void **state)
{
	struct spec spec;
	struct err err;

	(void)state;
	spec_init(&spec);
	spec.task = strdup("");
	spec.image = strdup(q.image);
	assert_int_equal(strv_add(&spec.command, "/payload", &err), 0);
	assert_int_equal(strv_add(&spec.command, "hello", &err), 0);
	run("", &spec, "", 0);
	assert_verdict(VERDICT_OK);
	assert_string_equal((char *)q.ended.out, "hello\n");
}

static void another_disk_limit_runs_cold(void **state)
{
	struct spec spec;

	(void)state;
	spec_init(&spec);
	spec.limits.v[LIMIT_DISK] = 1 * MIB;
	run("hello", &spec, "", 0);
	assert_verdict(VERDICT_OK);
}

static void files_that_do_not_fit_are_the_clients_limit(void **state)
{
	size_t n = 3 * MIB;
	uint8_t *input = calloc(1, n);
	struct spec spec;

	(void)state;
	spec_init(&spec);
	spec.limits.v[LIMIT_DISK] = 1 * MIB;
	spec.files = calloc(1, sizeof(*spec.files));
	spec.n_files = 1;
	spec.files[0] = (struct spec_file){ .name = strdup("big"), .data = { 0, n } };
	run("hello", &spec, input, n);
	assert_verdict(VERDICT_DISK);
	assert_int_equal(q.ended.result.finding.limit, LIMIT_DISK);
	free(input);
}

/* The queue dies before it could say that it has the ending: it hears of it again, once. */
static void an_ending_is_kept_until_it_is_acknowledged(void **state)
{
	unsigned hellos;
	uint64_t instance;

	(void)state;
	q.hold_acks = true;
	RUN("hello");
	assert_verdict(VERDICT_OK);
	forget_ending();
	q.hold_acks = false;
	hellos = q.hellos;
	instance = q.driver_instance;
	channel_free(q.channel);
	q.channel = NULL;
	wait_for(&q.ended.there);
	assert_int_equal(q.hellos, hellos + 1);
	assert_true(q.driver_instance == instance);
	assert_int_equal(q.node_running, 1);
	assert_verdict(VERDICT_OK);
	assert_string_equal((char *)q.ended.out, "hello\n");
}

/* A RUN that comes twice is one job. */
static void a_run_that_comes_twice_runs_once(void **state)
{
	struct msg msg;
	struct err err;

	(void)state;
	q.hold_acks = true;
	RUN("any", "sleep", "300");
	msg_init(&msg, MSG_RUN);
	msg.run.id = q.id;
	msg.run.attempt = q.attempt;
	(void)snprintf(msg.run.task, sizeof(msg.run.task), "hello");
	assert_int_equal(channel_send(q.channel, &msg, &err), 0);
	assert_verdict(VERDICT_OK);
	assert_null(strstr((char *)q.ended.out, "hello"));
	assert_int_equal(channel_send(q.channel, &msg, &err), 0);
	acknowledge(&q.ended.ending);
	q.hold_acks = false;
	RUN("hello"); /* take_ending() fails on a second ending of the first one before this one's
		       */
	assert_verdict(VERDICT_OK);
}

static bool is_any_there(char before[16][80], size_t n)
{
	char now[16][80];
	size_t m = containers(now, 16);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < m && j < 16; j++)
			if (strcmp(before[i], now[j]) == 0)
				return true;
	return false;
}

/* What was in the middle of its start goes a little later than the others. */
static void what_a_crash_leaves_is_removed(void **state)
{
	char before[16][80];
	size_t n;

	(void)state;
	RUN("any", "sleep", "60000");
	wait_for(&q.has_started);
	(void)stop_driver(SIGKILL);
	n = containers(before, 16);
	assert_true(n >= 1);
	start_driver();
	RUN("hello");
	assert_verdict(VERDICT_OK);
	while (is_any_there(before, n)) /* asks the engine */
		(void)event_base_loop(q.base, EVLOOP_NONBLOCK);
}

/* What ran goes back with a reason; when the engine is there again all is as before. */
static void an_engine_that_goes_and_comes_is_survived(void **state)
{
	char ids[16][80];
	size_t n;

	(void)state;
	RUN("any", "sleep", "60000");
	wait_for(&q.has_started);
	shut_door();
	wait_for(&q.has_giveback);
	assert_int_equal(q.giveback.why, GIVEBACK_ENGINE);
	while (q.node_up)
		(void)event_base_loop(q.base, EVLOOP_ONCE);
	assert_true(strlen(q.node_reason) > 0);
	/* What comes meanwhile goes back without having been tried. */
	RUN("hello");
	wait_for(&q.has_giveback);
	assert_int_equal(q.giveback.why, GIVEBACK_BUSY);
	open_door();
	wait_for(&q.node_up);
	RUN("hello");
	assert_verdict(VERDICT_OK);
	/* Those of before are gone or go: none of the sleeping ones stays. */
	do {
		n = containers(ids, 16);
	} while (n > 6);
}

static void draining_gives_back_and_leaves_nothing(void **state)
{
	char ids[4][80];
	int status;

	(void)state;
	RUN("any", "sleep", "60000");
	wait_for(&q.has_started);
	status = stop_driver(SIGTERM);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* The task's wall limit is as long as the grace: either is a clean end. */
	assert_true(q.has_giveback || q.ended.there);
	if (q.has_giveback)
		assert_int_equal(q.giveback.why, GIVEBACK_DRAIN);
	assert_int_equal(containers(ids, 4), 0);
	start_driver();
}

/* ---- the frame around them ---- */

static int set_up(void **state)
{
	static const struct engine_watch watch = { .up = on_engine_up, .down = on_engine_down };
	struct engine_where where;
	char text[4096];
	struct err err;
	const char *level = getenv("TEST_LOG_LEVEL");

	(void)state;
	(void)snprintf(q.dir, sizeof(q.dir), "/tmp/dockgate-test-driver-XXXXXX");
	(void)snprintf(q.image, sizeof(q.image), REPOSITORY ":%d", (int)getpid());
	if (mkdtemp(q.dir) == NULL || chmod(q.dir, 0755) < 0 || chdir(q.dir) < 0)
		return -1;
	(void)snprintf(text, sizeof(text), config_text_, q.dir, level == NULL ? "error" : level,
		q.dir, q.image, q.image, q.image);
	if (config_parse(text, "test", NULL, NULL, &q.config, &err) < 0) {
		print_error("%s\n", err.msg);
		return -1;
	}
	if (mkdir("sock", 0755) < 0 || mkdir(STATE_DRIVER, 0700) < 0 ||
		chown(STATE_DRIVER, q.config->driver_uid, q.config->driver_gid) < 0)
		return -1;
	q.base = event_base_new();
	q.watchdog = evtimer_new(q.base, on_watchdog, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
		engine_where_parse(NULL, &where, &err) < 0 || where.unix_path == NULL ||
		snprintf(q.engine_path, sizeof(q.engine_path), "%s", where.unix_path) < 0 ||
		engine_new(q.base, &where, &watch, NULL, &q.engine, &err) < 0)
		return -1;
	engine_connect(q.engine);
	wait_for(&engine_up);
	open_door();
	import_payload();
	listen_for_driver();
	start_driver();
	return 0;
}

static int tear_down(void **state)
{
	char path[100];

	(void)state;
	forget_ending();
	if (q.driver > 0) {
		int status = stop_driver(SIGTERM);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			return -1;
	}
	(void)snprintf(path, sizeof(path), "/images/%s", q.image);
	(void)ask("DELETE", path, NULL, 0, NULL);
	free(q.reply_body);
	event_free(q.accept_event);
	event_free(q.watchdog);
	engine_free(q.engine);
	event_base_free(q.base);
	(void)close(q.listen_fd);
	(void)unlink("sock/" SOCKET_QUEUE_DRIVER);
	(void)unlink("driver/instance");
	shut_door();
	(void)rmdir("sock");
	(void)rmdir(STATE_DRIVER);
	(void)rmdir(q.dir);
	config_free(q.config);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_job_says_hello),
		cmocka_unit_test(many_in_a_row_are_served),
		cmocka_unit_test(a_failing_job_is_told_apart),
		cmocka_unit_test(cases_get_their_own_input_and_are_compared),
		cmocka_unit_test(a_build_that_fails_ends_the_job),
		cmocka_unit_test(large_output_goes_to_the_spool),
		cmocka_unit_test(files_go_in_and_come_back),
		cmocka_unit_test(large_input_comes_back_whole),
		cmocka_unit_test(a_name_is_never_an_option),
		cmocka_unit_test(limits_are_never_raised_by_a_message),
		cmocka_unit_test(output_that_nobody_takes_is_not_the_programs_fault),
		/* It stops containers that wait for jobs, too: these are of no more use. */
		cmocka_unit_test(a_frozen_container_ends_at_the_wall_clock),
		cmocka_unit_test(a_killed_container_gives_the_job_back),
		cmocka_unit_test(a_stopped_job_is_cancelled),
		cmocka_unit_test(a_job_without_a_lease_ends_in_silence),
		cmocka_unit_test(what_is_not_offered_is_refused_with_a_reason),
		cmocka_unit_test(an_allowed_image_runs_cold),
		cmocka_unit_test(another_disk_limit_runs_cold),
		cmocka_unit_test(files_that_do_not_fit_are_the_clients_limit),
		cmocka_unit_test(an_ending_is_kept_until_it_is_acknowledged),
		cmocka_unit_test(a_run_that_comes_twice_runs_once),
		cmocka_unit_test(what_a_crash_leaves_is_removed),
		cmocka_unit_test(an_engine_that_goes_and_comes_is_survived),
		cmocka_unit_test(draining_gives_back_and_leaves_nothing),
	};

	if (getenv("TEST_FILTER") != NULL)
		cmocka_set_test_filter(getenv("TEST_FILTER"));
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
