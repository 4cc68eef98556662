/* SPDX-License-Identifier: MIT */
#include "box.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "slot_profile.h"

#define ARGS_MAX 64

struct box {
	pid_t pid;
	int in, out;  /* the agent's stdin and stdout */
	pid_t sender; /* 0: none; sends input while the test reads output */
	uint8_t cgroup;
	struct limits limits;
	char text[FRAME_TEXT_MAX];
	uint8_t payload[FRAME_PAYLOAD_MAX];
};

static char image[64], profile[64];
static const char *apparmor_opt; /* NULL: what the engine does by itself */
static const uint8_t nonce[FRAME_NONCE_BYTES] = "0123456789abcde";

static _Noreturn void give_up(const char *what)
{
	(void)fprintf(stderr, "box: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void check(bool good, const char *what)
{
	if (!good)
		give_up(what);
}

static pid_t spawn(const char *const *argv, int in, int out)
{
	pid_t pid = fork();

	check(pid >= 0, "fork");
	if (pid > 0)
		return pid;
	if ((in >= 0 && dup2(in, 0) < 0) || (out >= 0 && dup2(out, 1) < 0))
		_exit(125);
	(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(125);
}

static int wait_for(pid_t pid)
{
	int status;

	check(waitpid(pid, &status, 0) == pid, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void run(const char *const *argv)
{
	check(wait_for(spawn(argv, -1, -1)) == 0, argv[0]);
}

/* tar | docker import */
static void import_dir(const char *dir)
{
	const char *tar[] = { "tar", "-C", dir, "-c", ".", NULL };
	const char *import[] = { "docker", "import", "-", image, NULL };
	int fds[2], null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t a, b;

	check(pipe2(fds, O_CLOEXEC) == 0, "pipe");
	a = spawn(tar, -1, fds[1]);
	b = spawn(import, fds[0], null);
	(void)close(fds[0]);
	(void)close(fds[1]);
	(void)close(null);
	check(wait_for(a) == 0 && wait_for(b) == 0, "docker import");
}

static void write_profile(void)
{
	const char *text = policy_slot_profile();
	int fd;

	(void)snprintf(profile, sizeof(profile), "/tmp/dockgate-test-profile.XXXXXX");
	fd = mkostemp(profile, O_CLOEXEC);
	check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), profile);
	(void)close(fd);
}

/* As the driver chooses: our profile where the kernel has it. */
static void choose_apparmor(void)
{
	FILE *file = fopen("/sys/kernel/security/apparmor/profiles", "re");
	char line[512];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "dockgate-slot ", 14) == 0)
			apparmor_opt = "apparmor=dockgate-slot";
	if (file != NULL)
		(void)fclose(file);
}

/* What the agent runs under (tests/agent/valgrind.py), where it is to run under something. */
static void add_files(const char *dir)
{
	const char *files = getenv("BOX_FILES");
	const char *copy[] = { "cp", "-rT", files, dir, NULL };

	if (files != NULL)
		run(copy);
}

void box_image(const char *agent, const char *payload)
{
	static const char *const dirs[] = { "dockgate", "workspace", "tmp", "proc", "sys", "dev",
		"etc" };
	char dir[] = "/tmp/dockgate-test-image.XXXXXX", to[2][64];
	const char *copy[] = { "cp", agent, to[0], NULL },
		   *copy2[] = { "cp", payload, to[1], NULL };
	const char *clean[] = { "rm", "-rf", dir, NULL };

	check(mkdtemp(dir) != NULL, dir);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		(void)snprintf(to[0], sizeof(to[0]), "%s/%s", dir, dirs[i]);
		check(mkdir(to[0], 0755) == 0, to[0]);
	}
	(void)snprintf(to[0], sizeof(to[0]), "%s%s", dir, AGENT_PATH);
	(void)snprintf(to[1], sizeof(to[1]), "%s/payload", dir);
	run(copy);
	run(copy2);
	add_files(dir);
	(void)snprintf(image, sizeof(image), "dockgate-agent-test:%d", getpid());
	import_dir(dir);
	run(clean);
	write_profile();
	choose_apparmor();
}

void box_image_remove(void)
{
	const char *remove[] = { "docker", "rmi", "-f", image, NULL };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)wait_for(spawn(remove, -1, null));
	(void)close(null);
	(void)unlink(profile);
}

static pid_t spawn_container(const struct box_how *how, int in, int out)
{
	char seccomp[96], workspace[128];
	/* valgrind lets nobody change the hard limit of files. */
	const char *under = getenv("BOX_UNDER");
	const char *argv[ARGS_MAX] = { "docker", "run", "-i", "--rm", "--label",
		"dockgate-agent-test", "--cap-drop", "ALL", "--cap-add", "SETUID", "--cap-add",
		"SETGID", "--cap-add", "KILL", "--security-opt", "no-new-privileges",
		"--security-opt", seccomp, "--read-only", "--network", "none", "--cgroupns",
		"private", "--log-driver", "none", "--oom-score-adj", "500", "--memory", "512m",
		"--memory-swap", "512m", "--pids-limit", "128", "--ulimit", "core=0", "--ulimit",
		under == NULL ? "nofile=1024:1024" : "nofile=256:256", "--tmpfs", workspace,
		"--tmpfs", "/tmp:rw,exec,nosuid,nodev,size=64m,nr_inodes=4096,mode=1777",
		"--shm-size", "16m", "--entrypoint", under == NULL ? AGENT_PATH : under };
	size_t n = 0;

	(void)snprintf(seccomp, sizeof(seccomp), "seccomp=%s", profile);
	(void)snprintf(workspace, sizeof(workspace),
		"/workspace:rw,exec,nosuid,nodev,size=64m,nr_inodes=4096,mode=0700,uid=%d,gid=%d",
		BOX_JOB_UID, BOX_JOB_UID);
	while (argv[n] != NULL)
		n++;
	if (apparmor_opt != NULL) {
		argv[n++] = "--security-opt";
		argv[n++] = apparmor_opt;
	}
	if (how->sandbox && !how->covered) {
		argv[n++] = "--security-opt";
		argv[n++] = "systempaths=unconfined";
	}
	if (how->env != NULL) {
		argv[n++] = "-e";
		argv[n++] = how->env;
	}
	if (under != NULL) {
		argv[n++] = "-e";
		argv[n++] = "VALGRIND_OPTS";
	}
	argv[n++] = image;
	if (under != NULL)
		argv[n++] = AGENT_PATH;
	return spawn(argv, in, out);
}

void box_send(struct box *box, enum frame_type type, const void *payload, size_t n)
{
	uint8_t frame[FRAME_HEADER + FRAME_PAYLOAD_MAX] = { 0 };

	check(n <= FRAME_PAYLOAD_MAX, "a frame too large");
	for (size_t i = 0; i < 4; i++)
		frame[i] = (uint8_t)(n >> (8 * i));
	frame[4] = (uint8_t)type;
	if (n > 0)
		memcpy(frame + FRAME_HEADER, payload, n);
	for (size_t done = 0; done < FRAME_HEADER + n;) {
		ssize_t w = write(box->in, frame + done, FRAME_HEADER + n - done);

		if (w < 0 && errno == EPIPE)
			return; /* the test sees it by what comes back */
		check(w > 0, "write to the agent");
		done += (size_t)w;
	}
}

static bool read_all(int fd, uint8_t *to, size_t n)
{
	while (n > 0) {
		ssize_t r = read(fd, to, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		to += r;
		n -= (size_t)r;
	}
	return true;
}

enum frame_type box_receive(struct box *box, const uint8_t **ret, size_t *ret_n)
{
	uint8_t h[FRAME_HEADER];
	struct unpacker u = unpacker_of(h, sizeof(h));

	*ret = box->payload;
	*ret_n = 0;
	if (!read_all(box->out, h, sizeof(h)))
		return (enum frame_type)0;
	*ret_n = unpack_u32(&u);
	errno = EPROTO;
	check(*ret_n <= FRAME_PAYLOAD_MAX && h[5] == 0 && h[6] == 0 && h[7] == 0, "bad header");
	check(read_all(box->out, box->payload, *ret_n), "payload cut short");
	return (enum frame_type)h[4];
}

const char *box_fault(struct box *box)
{
	const uint8_t *p;
	size_t n, taken = 0;
	enum frame_type type = box_hear(box, &p, &n, &taken);
	struct unpacker u = unpacker_of(p, n);

	errno = EPROTO;
	check(type == FRAME_FAULT, "no FAULT came");
	unpack_str(&u, box->text, sizeof(box->text));
	return box->text;
}

static void pack_limits(struct packer *p, const struct limits *limits)
{
	pack_u8(p, LIMIT_MAX_);
	for (int i = 0; i < LIMIT_MAX_; i++)
		pack_i64(p, limits->v[i]);
}

/* `base` where a limit is 0. */
static struct limits limits_or(const struct limits *limits, const struct limits *base)
{
	struct limits l = *limits;

	for (int i = 0; i < LIMIT_MAX_; i++)
		if (l.v[i] == 0)
			l.v[i] = base->v[i];
	return l;
}

struct box *box_bare(const struct box_how *how)
{
	struct box *box = calloc(1, sizeof(*box));
	struct limits base;
	int in[2], out[2];

	check(box != NULL && pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "pipes");
	limits_default(&base);
	box->limits = limits_or(&how->limits, &base);
	box->pid = spawn_container(how, in[0], out[1]);
	(void)close(in[0]);
	(void)close(out[1]);
	box->in = in[1];
	box->out = out[0];
	return box;
}

void box_prepare(struct box *box, const struct box_how *how)
{
	uint8_t payload[256];
	struct packer p = packer_fixed(payload, sizeof(payload));

	pack_u16(&p, FRAME_VERSION);
	pack_u32(&p, BOX_AGENT_UID);
	pack_u32(&p, BOX_JOB_UID);
	pack_limits(&p, &box->limits);
	pack_u8(&p, how->kill_at_output);
	pack_u8(&p, how->network);
	pack_u8(&p, how->sandbox ? FRAME_ISOLATION_SANDBOX : FRAME_ISOLATION_CONTAINER);
	box_send(box, FRAME_PREPARE, payload, p.len);
}

static void await_ready(struct box *box)
{
	const uint8_t *p;
	size_t n;
	enum frame_type type = box_receive(box, &p, &n);
	struct unpacker u = unpacker_of(p, n);

	errno = EPROTO;
	check(type == FRAME_READY && unpack_u16(&u) == FRAME_VERSION, "READY");
	box->cgroup = unpack_u8(&u);
}

static void start_job(struct box *box)
{
	uint8_t start[32 + 4 + FRAME_NONCE_BYTES] = { 1 };

	await_ready(box);
	memcpy(start + 36, nonce, sizeof(nonce));
	box_send(box, FRAME_START, start, sizeof(start));
}

struct box *box_open(const struct box_how *how)
{
	struct box *box = box_bare(how);

	box_prepare(box, how);
	start_job(box);
	return box;
}

void box_next(struct box *box)
{
	static const char *const nothing[] = { NULL };

	(void)box_collect(box, 0, 0, nothing, NULL, 0);
	start_job(box);
}

void box_kill(struct box *box)
{
	const uint8_t *p;
	enum frame_type type;
	size_t n;

	box_send(box, FRAME_KILL, NULL, 0);
	do
		type = box_receive(box, &p, &n);
	while (type == FRAME_STDOUT || type == FRAME_STDERR);
	errno = EPROTO;
	check(type == FRAME_DONE, "DONE for a job that was killed");
	start_job(box);
}

uint8_t box_cgroup(const struct box *box)
{
	return box->cgroup;
}

int box_wait(struct box *box)
{
	int code = wait_for(box->pid);

	if (box->in >= 0)
		(void)close(box->in);
	(void)close(box->out);
	free(box);
	return code;
}

pid_t box_agent(void)
{
	char command[200], text[24];
	long pid = 0;
	FILE *f;

	(void)snprintf(command, sizeof(command),
		"docker inspect -f '{{.State.Pid}}' $(docker ps -q --filter ancestor=%s)", image);
	f = popen(command, "re"); /* NOLINT(cert-env33-c): of words of our own */
	check(f != NULL, command);
	if (fgets(text, sizeof(text), f) != NULL)
		pid = strtol(text, NULL, 10);
	check(pid > 1, command);
	(void)pclose(f);
	return (pid_t)pid;
}

int box_close(struct box *box)
{
	(void)close(box->in);
	box->in = -1;
	return box_wait(box);
}

void box_file(struct box *box, const char *name, unsigned int mode, const void *data, size_t n)
{
	const uint8_t *at = data;
	uint8_t payload[FRAME_NAME_MAX + 64];
	struct packer p = packer_fixed(payload, sizeof(payload));

	pack_str(&p, name);
	pack_u32(&p, mode);
	pack_u64(&p, n);
	box_send(box, FRAME_FILE, payload, p.len);
	for (size_t part; n > 0; n -= part, at += part) {
		part = n < FRAME_PAYLOAD_MAX ? n : FRAME_PAYLOAD_MAX;
		box_send(box, FRAME_FILE_DATA, at, part);
	}
}

static void pack_list(struct packer *p, const char *const *list)
{
	uint32_t n = 0;

	while (list[n] != NULL)
		n++;
	pack_u32(p, n);
	for (uint32_t i = 0; i < n; i++)
		pack_str(p, list[i]);
}

static void send_input(struct box *box, const struct ask *ask)
{
	const uint8_t *at = ask->input;

	for (size_t left = ask->input_len, part; left > 0; left -= part, at += part) {
		part = left < FRAME_PAYLOAD_MAX ? left : FRAME_PAYLOAD_MAX;
		box_send(box, FRAME_STDIN, at, part);
	}
	if (!ask->no_input_end)
		box_send(box, FRAME_STDIN_END, NULL, 0);
}

void box_ask(struct box *box, const struct ask *ask)
{
	struct limits limits = limits_or(&ask->limits, &box->limits);
	struct packer p = packer_growing();
	size_t sent = 0;

	pack_u8(&p, FRAME_STEP_CASE);
	pack_limits(&p, &limits);
	pack_list(&p, ask->argv);
	pack_list(&p, ask->env);
	pack_u8(&p, ask->open_input);
	check(!p.failed, "step");
	for (; p.len - sent > FRAME_PAYLOAD_MAX; sent += FRAME_PAYLOAD_MAX)
		box_send(box, FRAME_MORE, p.buf + sent, FRAME_PAYLOAD_MAX);
	box_send(box, FRAME_STEP, p.buf + sent, p.len - sent);
	packer_done(&p);
	if (ask->open_input)
		return;
	if (ask->input_len <= PIPE_BUF) {
		send_input(box, ask);
		return;
	}
	box->sender = fork();
	check(box->sender >= 0, "fork");
	if (box->sender == 0) {
		send_input(box, ask);
		_exit(0);
	}
}

static void append(struct bytes *bytes, const uint8_t *data, size_t n)
{
	uint8_t *grown = realloc(bytes->data, bytes->len + n + 1);

	check(grown != NULL, "memory");
	if (n > 0)
		memcpy(grown + bytes->len, data, n);
	bytes->data = grown;
	bytes->len += n;
	bytes->data[bytes->len] = '\0';
}

static void unpack_ending(struct unpacker *u, struct ending *end)
{
	const uint8_t *echoed = unpack_raw(u, FRAME_NONCE_BYTES);

	errno = EPROTO;
	check(echoed != NULL && memcmp(echoed, nonce, sizeof(nonce)) == 0, "nonce");
	end->killed_for = unpack_u8(u);
	end->exit_code = (int32_t)unpack_u32(u);
	end->signal = unpack_u8(u);
	end->wall_us = unpack_i64(u);
	end->cpu_us = unpack_i64(u);
	end->memory = unpack_i64(u);
	end->processes = unpack_i64(u);
	end->oom_kills = unpack_u64(u);
	end->pids_refused = unpack_u64(u);
	end->disk = unpack_i64(u);
	end->disk_full = unpack_u8(u);
	end->file_limit = unpack_u8(u);
	end->bytes[0] = unpack_u64(u);
	end->bytes[1] = unpack_u64(u);
	unpack_str(u, end->why, sizeof(end->why));
	check(unpack_end(u), "STEP_END");
}

enum frame_type box_hear(struct box *box, const uint8_t **ret, size_t *ret_n, size_t *ret_taken)
{
	for (;;) {
		enum frame_type type = box_receive(box, ret, ret_n);
		struct unpacker u = unpacker_of(*ret, *ret_n);

		if (type != FRAME_TAKEN)
			return type;
		*ret_taken += unpack_u32(&u);
		errno = EPROTO;
		check(unpack_end(&u), "TAKEN");
	}
}

void box_ending(struct box *box, struct ending *ret)
{
	size_t taken = 0;

	*ret = (struct ending){ 0 };
	append(&ret->out[0], NULL, 0);
	append(&ret->out[1], NULL, 0);
	for (;;) {
		const uint8_t *p;
		size_t n;
		enum frame_type type = box_hear(box, &p, &n, &taken);
		struct unpacker u = unpacker_of(p, n);

		if (type == FRAME_STDOUT || type == FRAME_STDERR) {
			append(&ret->out[type - FRAME_STDOUT], p, n);
			continue;
		}
		errno = EPROTO;
		if (type == FRAME_FAULT)
			(void)fprintf(stderr, "box: FAULT: %.*s\n", (int)n - 4, p + 4);
		check(type == FRAME_STEP_END, "no STEP_END came");
		unpack_ending(&u, ret);
		if (box->sender > 0)
			check(wait_for(box->sender) == 0, "send input");
		box->sender = 0;
		return;
	}
}

void box_step(struct box *box, const struct ask *ask, struct ending *ret)
{
	box_ask(box, ask);
	box_ending(box, ret);
}

void ending_done(struct ending *end)
{
	free(end->out[0].data);
	free(end->out[1].data);
	*end = (struct ending){ 0 };
}

static size_t collect(struct box *box, uint32_t files, uint64_t bytes, const char *const *globs,
	bool copy, struct got *ret, size_t max)
{
	struct packer p = packer_growing();
	size_t count = 0;

	pack_u32(&p, files);
	pack_u64(&p, bytes);
	pack_list(&p, globs);
	pack_u8(&p, copy);
	box_send(box, FRAME_COLLECT, p.buf, p.len);
	packer_done(&p);
	for (;;) {
		const uint8_t *data;
		size_t n;
		enum frame_type type = box_receive(box, &data, &n);
		struct unpacker u = unpacker_of(data, n);

		errno = EPROTO;
		if (type == (copy ? FRAME_COLLECTED : FRAME_DONE))
			return count;
		if (type == FRAME_GOT_DATA) {
			check(count > 0, "GOT_DATA without a file");
			append(&ret[count - 1].data, data, n);
			continue;
		}
		check(count < max && (type == FRAME_GOT_FILE || type == FRAME_SKIPPED),
			"collected");
		ret[count] = (struct got){ .skipped = type == FRAME_SKIPPED };
		unpack_str(&u, ret[count].name, sizeof(ret[count].name));
		if (type == FRAME_SKIPPED) {
			unpack_str(&u, ret[count].reason, sizeof(ret[count].reason));
		} else {
			(void)unpack_u64(&u);
			ret[count].executable = unpack_u8(&u) == 1;
		}
		count++;
	}
}

size_t box_collect(struct box *box, uint32_t files, uint64_t bytes, const char *const *globs,
	struct got *ret, size_t max)
{
	return collect(box, files, bytes, globs, false, ret, max);
}

size_t box_copy(struct box *box, struct got *ret, size_t max)
{
	static const char *const all[] = { "**", NULL };

	return collect(box, 100, 1000000, all, true, ret, max);
}
