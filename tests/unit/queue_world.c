/* SPDX-License-Identifier: MIT */
#include "queue_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/role.h"
#include "wire/pack.h"
#include "wire/spec.h"

const char usual_text[] =
	"waiting_max = 50\nlease_ms = 1500\nattempts = 2\nretention_s = 600\n"
	"slots = 4\ncpus_budget = 64\nmemory_budget = 64G\n"
	"task \"t\" {\n image = \"i:1\"\n command = {\"a\"}\n concurrency = 4\n}\n"
	"task \"one\" {\n image = \"i:1\"\n command = {\"a\"}\n concurrency = 1\n}\n"
	"task \"gpu\" {\n image = \"i:1\"\n command = {\"a\"}\n gpus = 1\n}\n";

/* --- the wall clock, ours to set: in place of common/clock.c --- */

int64_t *wall_offset_ms; /* shared with the queue's process */

int64_t clock_unix_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 +
	       (wall_offset_ms == NULL ? 0 : *wall_offset_ms);
}

int64_t clock_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void clock_format(int64_t unix_ms, char ret[static CLOCK_TEXT])
{
	(void)snprintf(ret, CLOCK_TEXT, "%" PRId64, unix_ms);
}

/* --- a peer of the queue --- */

static void on_open(struct channel *ch, const struct msg_hello *hello, void *arg)
{
	(void)ch;
	(void)hello;
	((struct peer *)arg)->open = true;
}

static void say_metrics(struct channel *ch)
{
	cleanup_msg struct msg msg;
	struct err err;

	msg_init(&msg, MSG_METRICS);
	assert_int_equal(blob_of("dockgate_test 7\n", 16, &msg.metrics.text, &err), 0);
	assert_int_equal(channel_send(ch, &msg, &err), 0);
}

static void on_message(struct channel *ch, struct msg *msg, void *arg)
{
	struct peer *peer = arg;
	struct got *got = calloc(1, sizeof(*got));

	assert_non_null(got);
	if (msg->type == MSG_METRICS_GET) { /* a driver is asked in between */
		free(got);
		say_metrics(ch);
		return;
	}
	got->msg = *msg;
	msg_init(msg, msg->type);
	STAILQ_INSERT_TAIL(&peer->gots, got, next);
}

static void on_closed(struct channel *ch, const char *why, void *arg)
{
	(void)ch;
	(void)why;
	((struct peer *)arg)->closed = true;
}

static const struct channel_ops peer_ops = {
	.open = on_open,
	.message = on_message,
	.closed = on_closed,
};

static void impatient(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* Runs the loop until `done` says so. */
bool run_until(struct world *w, bool (*done)(struct peer *peer), struct peer *peer)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	bool over = false;
	struct event *timer = event_new(w->base, -1, 0, impatient, &over);

	(void)event_add(timer, &patience);
	while (!done(peer) && !over)
		(void)event_base_loop(w->base, EVLOOP_ONCE);
	event_free(timer);
	return !over;
}

static bool has_got(struct peer *peer)
{
	return !STAILQ_EMPTY(&peer->gots) || peer->closed;
}

bool is_open(struct peer *peer)
{
	return peer->open || peer->closed;
}

bool is_closed(struct peer *peer)
{
	return peer->closed;
}

void forget(struct peer *peer)
{
	struct got *got;

	channel_free(peer->ch);
	peer->ch = NULL;
	while (peer->gots.stqh_last != NULL && (got = STAILQ_FIRST(&peer->gots)) != NULL) {
		STAILQ_REMOVE_HEAD(&peer->gots, next);
		msg_done(&got->msg);
		free(got);
	}
	peer->open = false;
	peer->closed = false;
}

void to_door(struct world *w, size_t door, enum role as, uint64_t instance, struct peer *peer)
{
	const struct channel_self self = { w->config->generation, instance, "n1" };
	char path[100];
	struct err err;

	forget(peer);
	STAILQ_INIT(&peer->gots);
	(void)snprintf(path, sizeof(path), "%s/s%zu", w->dir, door);
	if (channel_connect(
		    w->base, path, as, ROLE_QUEUE, &self, &peer_ops, peer, &peer->ch, &err) == 0)
		return;
	if (err.code != EPIPE && err.code != ECONNRESET)
		fail_msg("%s", err.msg);
	peer->closed = true; /* shut before our HELLO was out */
}

void say(struct peer *peer, const struct msg *msg)
{
	struct err err;

	if (channel_send(peer->ch, msg, &err) < 0 && !peer->may_die)
		fail_msg("%s", err.msg);
}

/* The next message, which the caller releases. */
struct msg next(struct world *w, struct peer *peer)
{
	struct got *got;
	struct msg msg;

	assert_true(run_until(w, has_got, peer));
	got = STAILQ_FIRST(&peer->gots);
	assert_non_null(got);
	STAILQ_REMOVE_HEAD(&peer->gots, next);
	msg = got->msg;
	free(got);
	return msg;
}

struct msg expect(struct world *w, struct peer *peer, enum msg_type type)
{
	struct msg msg = next(w, peer);

	if (msg.type != type)
		fail_msg("got %s (%s), expected %s", msg_name(msg.type),
			msg.type == MSG_REFUSED ? msg.refused.detail : "", msg_name(type));
	return msg;
}

/* --- the queue's process --- */

static void child(struct world *w)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	struct role_args args = { .config = w->config, .n_listen = 3 };
	int status;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* They end it; cmocka would take one for a failed test and run the others. */
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		(void)signal(crashes[i], SIG_DFL);
	if (getenv("VERBOSE") == NULL) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		(void)dup2(null, STDERR_FILENO);
	}
	if (w->begins != NULL)
		w->begins(w->arg);
	else if (chdir(w->dir) < 0)
		_exit(99);
	log_init("queue", LOG_INFO);
	args.listen_fd[0] = w->fd[0];
	args.listen_name[0] = ROLE_FD_QUEUE_GATEWAY;
	args.listen_fd[1] = w->fd[1];
	args.listen_name[1] = ROLE_FD_QUEUE_DRIVER;
	args.listen_fd[2] = w->fd[2];
	args.listen_name[2] = ROLE_FD_QUEUE_COURIER;
	status = queue_main(&args);
	if (w->is_over != NULL)
		w->is_over(w->arg);
	_exit(status);
}

void start_queue(struct world *w)
{
	w->queue = fork();
	assert_true(w->queue >= 0);
	if (w->queue == 0)
		child(w);
}

int end_queue(struct world *w, int sig)
{
	int status;

	(void)kill(w->queue, sig);
	assert_int_equal(waitpid(w->queue, &status, 0), w->queue);
	w->queue = 0;
	return status;
}

void halt_queue(struct world *w)
{
	int status;

	assert_return_code(kill(w->queue, SIGSTOP), errno);
	assert_int_equal(waitpid(w->queue, &status, WUNTRACED), w->queue);
	assert_true(WIFSTOPPED(status));
}

void let_queue_go_on(struct world *w)
{
	assert_return_code(kill(w->queue, SIGCONT), errno);
}

void gate_in(struct world *w)
{
	to_door(w, 0, ROLE_GATEWAY, 1, &w->gate);
	assert_true(run_until(w, is_open, &w->gate));
	assert_true(w->gate.open);
}

/* With what it says to run: n entries of id and attempt. */
void say_node(struct peer *driver, const struct msg_run *running, size_t n)
{
	cleanup_msg struct msg msg;
	struct packer p = packer_growing();

	msg_init(&msg, MSG_NODE);
	msg.node.engine_up = 1;
	msg.node.slots = SLOTS;
	msg.node.cpus = 64000;
	msg.node.memory_bytes = INT64_C(64) << 30;
	(void)snprintf(msg.node.engine, sizeof(msg.node.engine), "scripted");
	(void)snprintf(msg.node.gpus, sizeof(msg.node.gpus), "0,GPU-b");
	pack_u32(&p, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		pack_raw(&p, running[i].id.b, JOB_ID_BYTES);
		pack_u32(&p, running[i].attempt);
		pack_u64(&p, running[i].gpus);
	}
	msg.node.running = (struct blob){ .len = p.len, .data = p.buf, .fd = -1 };
	say(driver, &msg);
}

void driver_in(struct world *w, uint64_t instance, const struct msg_run *running, size_t n)
{
	to_door(w, 1, ROLE_DRIVER, instance, &w->driver);
	assert_true(run_until(w, is_open, &w->driver));
	assert_true(w->driver.open);
	say_node(&w->driver, running, n);
}

static int listen_at(const struct world *w, size_t door)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s%zu", w->dir, door);
	assert_return_code(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)), errno);
	assert_return_code(chmod(sa.sun_path, 0666), errno);
	assert_return_code(listen(fd, 64), errno);
	return fd;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void set_text(struct world *w, const char *text)
{
	struct err err;

	config_free(w->config);
	w->config = NULL;
	if (config_parse(text, "test", NULL, NULL, &w->config, &err) < 0)
		fail_msg("%s", err.msg);
}

int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	wall_offset_ms = mmap(NULL, sizeof(*wall_offset_ms), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(wall_offset_ms, MAP_FAILED);
	STAILQ_INIT(&w->gate.gots);
	STAILQ_INIT(&w->driver.gots);
	set_text(w, usual_text);
	w->base = event_base_new();
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/dockgate-queue-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	/* The way in is open, as the state directory's is; listing it is not. */
	assert_return_code(chmod(w->dir, 0711), errno);
	w->fd[0] = listen_at(w, 0);
	w->fd[1] = listen_at(w, 1);
	w->fd[2] = listen_at(w, 2);
	*state = w;
	return 0;
}

int teardown(void **state)
{
	struct world *w = *state;
	int status = 0;

	if (w->queue > 0)
		status = end_queue(w, SIGTERM);
	forget(&w->gate);
	forget(&w->driver);
	(void)close(w->fd[0]);
	(void)close(w->fd[1]);
	(void)close(w->fd[2]);
	event_base_free(w->base);
	config_free(w->config);
	if (w->mounted) {
		char path[100];

		(void)snprintf(path, sizeof(path), "%s/queue", w->dir);
		(void)umount2(path, MNT_DETACH);
	}
	(void)nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(w);
	(void)munmap(wall_offset_ms, sizeof(*wall_offset_ms));
	wall_offset_ms = NULL;
	/* A clean end after SIGTERM, no leaks under the sanitizers. */
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	return 0;
}

/* --- what gateways and drivers say --- */

void ask_submit(struct world *w, const char *task, uint32_t wait_ms, struct blob input)
{
	cleanup_msg struct msg msg;
	struct spec spec;
	struct err err;

	msg_init(&msg, MSG_SUBMIT);
	msg.submit.token = ++w->gate.last_token;
	(void)snprintf(msg.submit.bearer, sizeof(msg.submit.bearer), "%s",
		w->bearer == NULL ? "" : w->bearer);
	(void)snprintf(msg.submit.callback, sizeof(msg.submit.callback), "%s",
		w->callback == NULL ? "" : w->callback);
	(void)snprintf(msg.submit.task, sizeof(msg.submit.task), "%s", task);
	msg.submit.wait_ms = wait_ms;
	msg.submit.want = WANT_ALL;
	msg.submit.retention_s = -1;
	msg.submit.input = input;
	spec_init(&spec);
	spec.task = strdup(task);
	assert_int_equal(spec_pack(&spec, &msg.submit.spec, &err), 0);
	spec_done(&spec);
	say(&w->gate, &msg);
}

struct job_id submit_task(struct world *w, const char *task)
{
	struct job_id id;

	ask_submit(w, task, 0, BLOB_EMPTY);
	cleanup_msg struct msg job = expect(w, &w->gate, MSG_JOB);

	assert_int_equal(job.job.token, w->gate.last_token);
	id = job.job.id;
	return id;
}

struct job_id submit(struct world *w)
{
	return submit_task(w, "t");
}

void ask_get(struct world *w, const struct job_id *id, uint32_t wait_ms)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_JOB_GET);
	msg.job_get.token = ++w->gate.last_token;
	msg.job_get.id = *id;
	msg.job_get.wait_ms = wait_ms;
	msg.job_get.want = WANT_ALL;
	say(&w->gate, &msg);
}

struct msg get(struct world *w, const struct job_id *id, uint32_t wait_ms)
{
	ask_get(w, id, wait_ms);
	return expect(w, &w->gate, MSG_JOB);
}

void expect_refused(struct world *w, enum refusal why)
{
	cleanup_msg struct msg msg = expect(w, &w->gate, MSG_REFUSED);

	assert_int_equal(msg.refused.token, w->gate.last_token);
	assert_int_equal(msg.refused.why, why);
}

void ask_cancel(struct world *w, const struct job_id *id)
{
	cleanup_msg struct msg msg;

	msg_init(&msg, MSG_JOB_CANCEL);
	msg.job_cancel.token = ++w->gate.last_token;
	msg.job_cancel.id = *id;
	say(&w->gate, &msg);
}

struct msg_run expect_run(struct world *w)
{
	cleanup_msg struct msg msg = expect(w, &w->driver, MSG_RUN);
	struct msg_run run = msg.run;

	run.spec = BLOB_EMPTY;
	run.input = BLOB_EMPTY;
	return run;
}

void say_ending(struct world *w, const struct msg_run *run, enum verdict verdict, struct blob out)
{
	cleanup_msg struct msg msg;
	struct err err;

	msg_init(&msg, MSG_ENDING);
	msg.ending.id = run->id;
	msg.ending.attempt = run->attempt;
	msg.ending.verdict = (uint8_t)verdict;
	(void)snprintf(msg.ending.image, sizeof(msg.ending.image), "sha256:abc");
	assert_int_equal(blob_of("result", 6, &msg.ending.result, &err), 0);
	msg.ending.out = out;
	say(&w->driver, &msg);
}

void expect_ack(struct world *w, const struct msg_run *run)
{
	cleanup_msg struct msg msg = expect(w, &w->driver, MSG_ENDING_ACK);

	assert_true(job_id_equal(&msg.ending_ack.id, &run->id));
	assert_int_equal(msg.ending_ack.attempt, run->attempt);
}

/* The hand-over of the next job may overtake the acknowledgement. */
struct msg_run expect_ack_and_run(struct world *w, const struct msg_run *ended)
{
	cleanup_msg struct msg msg = next(w, &w->driver);

	if (msg.type == MSG_ENDING_ACK)
		return expect_run(w);
	assert_int_equal(msg.type, MSG_RUN);
	expect_ack(w, ended);
	return msg.run;
}

struct blob text_blob(const char *text)
{
	struct blob blob;
	struct err err;

	assert_int_equal(blob_of(text, strlen(text), &blob, &err), 0);
	return blob;
}

/* Asks the queue for a spool file and writes n bytes of a pattern into it. */
struct blob spool_blob(struct world *w, struct peer *peer, size_t n)
{
	cleanup_free uint8_t *data = malloc(n);
	cleanup_msg struct msg ask;
	int fd;

	assert_non_null(data);
	msg_init(&ask, MSG_SPOOL_OPEN);
	ask.spool_open.token = ++peer->last_token;
	ask.spool_open.kind = JOB_BLOB_OUT;
	say(peer, &ask);
	cleanup_msg struct msg msg = expect(w, peer, MSG_SPOOL);

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 31 >> 3);
	fd = msg.spool.file.fd;
	msg.spool.file.fd = -1;
	assert_int_equal(pwrite(fd, data, n, 0), (ssize_t)n);
	return blob_of_fd(fd, n);
}

void assert_pattern(const struct blob *blob, size_t n)
{
	cleanup_free uint8_t *data = NULL;
	struct err err;

	assert_int_equal(blob->len, n);
	assert_int_equal(blob_read_all(blob, n, &data, &err), 0);
	for (size_t i = 0; i < n; i++)
		if (data[i] != (uint8_t)(i * 31 >> 3))
			fail_msg("byte %zu differs", i);
}

size_t files_in_spool(const struct world *w)
{
	char path[100];
	const struct dirent *entry;
	size_t n = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/queue/spool", w->dir);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}
