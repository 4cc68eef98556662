/* SPDX-License-Identifier: MIT */
/*
 * A table of checks. Each looks at one thing, says how it stands, and where it
 * is not right what to do about it. Nothing is changed; for tasks with GPUs a
 * container is made and removed, since only its start shows whether there are any.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cli.h"
#include "common/cleanup.h"
#include "common/number.h"
#include "common/role.h"
#include "courier/seal.h"
#include "driver/host.h"
#include "driver/slot_note.h"
#include "engine_probe.h"
#include "store/mariadb_dsn.h"

#define CGROUP2_MAGIC 0x63677270
#define API_LEAST     40
#define SPACE_LEAST   (1024 * MIB)

static const char usage[] =
	"Usage: dockgate doctor [OPTION...]\n\n"
	"Checks what the service needs: engine, kernel, images, rights, space, ports.\n"
	"Exit code: 0 where nothing is wrong, warnings included; 1 otherwise.\n\n"
	"  --config FILE    instead of /etc/dockgate\n"
	"  --state-dir DIR  as given to serve\n" CLI_HELP;

enum { OPT_STATE_DIR = OPT_OWN };

enum grade { GRADE_OK, GRADE_WARN, GRADE_FAIL };

struct doctor {
	const struct cli *cli;
	struct config *config; /* NULL: it has mistakes */
	const char *config_path;
	struct client *engine; /* NULL: not reachable */
	json_t *info;          /* the engine's; NULL */
	json_t *lines;
	bool service_answers;
	bool failed;
};

/* One line: the check's name, how it stands, what to do (NULL: nothing). */
__attribute__((__format__(__printf__, 5, 6))) static void say(struct doctor *d, enum grade grade,
	const char *check, const char *advice, const char *fmt, ...)
{
	static const char *const names[] = { "ok", "warn", "FAIL" };
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->failed = d->failed || grade == GRADE_FAIL;
	if (d->cli->json) {
		(void)json_array_append_new(
			d->lines, json_pack("{s:s, s:s, s:s, s:s?}", "check", check, "state",
					  names[grade], "text", text, "advice", advice));
		return;
	}
	(void)printf("%-5s %-14s %s\n", names[grade], check, text);
	if (advice != NULL)
		(void)printf("%-5s %-14s -> %s\n", "", "", advice);
}

/* ---- configuration and users ------------------------------------------------------ */

static void on_mistake(const char *line, void *arg)
{
	say(arg, GRADE_FAIL, "configuration", "correct that line; `dockgate check` reads it again",
		"%s", line);
}

static void check_configuration(struct doctor *d)
{
	struct err err;

	if (config_load(d->config_path, on_mistake, d, &d->config, &err) < 0)
		return;
	if (d->config->n_tasks == 0)
		say(d, GRADE_WARN, "configuration",
			"copy deploy/dockgate.conf and deploy/conf.d to /etc/dockgate, or give "
			"--config FILE",
			"no tasks are offered");
	else
		say(d, GRADE_OK, "configuration", NULL, "%zu tasks", d->config->n_tasks);
}

static void check_users(struct doctor *d)
{
	if (d->config == NULL)
		return;
	if (geteuid() != 0)
		say(d, GRADE_WARN, "rights", "run it with sudo to have everything checked",
			"you are not root: `serve` needs root, and some checks here do, too");
	else
		say(d, GRADE_OK, "rights", NULL, "root; the roles become users %u, %u and %u",
			(unsigned)d->config->gateway_uid, (unsigned)d->config->queue_uid,
			(unsigned)d->config->driver_uid);
}

/* ---- the engine --------------------------------------------------------------------- */

static void check_socket(struct doctor *d)
{
	const char *path = engine_probe_socket(d->config);
	struct stat st;

	if (path == NULL)
		return;
	if (stat(path, &st) < 0)
		say(d, GRADE_FAIL, "docker socket",
			"install Docker and start it: systemctl start docker", "%s: %s", path,
			strerror(errno));
	else if (st.st_gid == 0)
		say(d, GRADE_FAIL, "docker socket",
			"groupadd docker; chgrp docker the socket; restart Docker",
			"%s belongs to group 0, which no role may have", path);
	else if ((st.st_mode & 0006) != 0)
		say(d, GRADE_WARN, "docker socket",
			"chmod o-rw it: whoever reaches it is as good as root",
			"%s is open to everyone", path);
	else
		say(d, GRADE_OK, "docker socket", NULL, "%s, group %u", path, (unsigned)st.st_gid);
}

static void check_engine(struct doctor *d)
{
	const char *host = engine_probe_host(d->config);
	json_t *version = NULL;
	const char *api;
	long status = 0;
	struct err err;
	int64_t minor = 0;

	if (engine_probe_open(d->config, &d->engine, &err) < 0 ||
		client_ask(d->engine, "/version", &version, &status, &err) < 0) {
		say(d, GRADE_FAIL, "engine",
			access(host + 7, F_OK) == 0 && access(host + 7, W_OK) < 0
				? "you may not use the socket: run this with sudo"
				: "is it running? systemctl start docker; journalctl -u docker "
				  "says why not",
			"no answer at %s", host);
		client_close(d->engine);
		d->engine = NULL;
		return;
	}
	api = json_string_value(json_object_get(version, "ApiVersion"));
	if (status != 200 || api == NULL || strncmp(api, "1.", 2) != 0 ||
		!number_parse(api + 2, 0, 9999, &minor))
		say(d, GRADE_FAIL, "engine", "docker_host must name a Docker Engine",
			"%s does not answer like one (HTTP %ld)", host, status);
	else
		say(d, minor >= API_LEAST ? GRADE_OK : GRADE_FAIL, "engine",
			minor >= API_LEAST ? NULL : "install Docker 19.03 or later",
			"Docker %s, API %s", json_string_value(json_object_get(version, "Version")),
			api);
	json_decref(version);
}

static bool info_has(const struct doctor *d, const char *option)
{
	const json_t *text;
	size_t i;

	json_array_foreach(json_object_get(d->info, "SecurityOptions"), i,
		text) if (strstr(json_string_value(text), option) != NULL) return true;
	return false;
}

static void check_apparmor(struct doctor *d)
{
	int loaded = host_has_slot_profile();

	if (!info_has(d, "name=apparmor"))
		say(d, GRADE_OK, "apparmor", NULL, "not there; nothing here depends on it");
	else if (loaded > 0)
		say(d, GRADE_OK, "apparmor", NULL,
			"the profile " HOST_APPARMOR_PROFILE " is loaded");
	else if (loaded < 0)
		say(d, GRADE_WARN, "apparmor", "run this with sudo on the engine's machine",
			"whether the profile " HOST_APPARMOR_PROFILE
			" is loaded cannot be seen: %s",
			strerror(-loaded));
	else
		say(d, GRADE_WARN, "apparmor",
			"apt-get install apparmor; apparmor_parser -Kr "
			"/etc/apparmor.d/" HOST_APPARMOR_PROFILE "; start the service again",
			"the profile " HOST_APPARMOR_PROFILE
			" is not loaded, and Docker's own lets jobs have no cgroup of their own: "
			"limits and figures are the container's, and less exact");
}

static void check_security(struct doctor *d)
{
	if (info_has(d, "name=seccomp"))
		say(d, GRADE_OK, "seccomp", NULL, "the engine filters system calls");
	else
		say(d, GRADE_FAIL, "seccomp",
			"a kernel with CONFIG_SECCOMP_FILTER and a Docker with seccomp",
			"the engine cannot filter system calls");
	check_apparmor(d);
	if (info_has(d, "name=rootless") || info_has(d, "name=userns"))
		say(d, GRADE_WARN, "user namespaces",
			"set job_uid_base below 65536 - 2 x containers",
			"the engine is rootless or remaps users: high uids do not exist in its "
			"containers");
}

static void check_accounting(struct doctor *d)
{
	static const struct {
		const char *key;
		const char *what;
		enum grade grade;
		const char *advice;
	} keys[] = {
		{ "MemoryLimit", "memory limits", GRADE_FAIL, "boot with cgroup_enable=memory" },
		{ "PidsLimit", "process limits", GRADE_FAIL, "a kernel with the pids cgroup" },
		{ "CpuCfsQuota", "cpu limits", GRADE_FAIL, "a kernel with CONFIG_CFS_BANDWIDTH" },
		{ "SwapLimit", "swap limits", GRADE_WARN,
			"boot with swapaccount=1, or run without swap" },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (json_is_true(json_object_get(d->info, keys[i].key)))
			say(d, GRADE_OK, keys[i].what, NULL, "the engine has them");
		else
			say(d, keys[i].grade, keys[i].what, keys[i].advice,
				"the engine does not have them");
	}
}

static void check_info(struct doctor *d)
{
	struct err err;
	long status;

	if (d->engine == NULL)
		return;
	if (client_ask(d->engine, "/info", &d->info, &status, &err) < 0 || status != 200) {
		say(d, GRADE_FAIL, "engine", "look into its log", "/info fails");
		return;
	}
	say(d, GRADE_OK, "cgroup driver", NULL, "%s",
		json_string_value(json_object_get(d->info, "CgroupDriver")));
	check_security(d);
	check_accounting(d);
}

static void check_cgroups(struct doctor *d)
{
	struct statfs fs;

	if (statfs("/sys/fs/cgroup", &fs) < 0)
		say(d, GRADE_FAIL, "cgroups", "mount them: systemd does, or cgroupfs-mount",
			"/sys/fs/cgroup: %s", strerror(errno));
	else
		say(d, GRADE_OK, "cgroups", NULL, "version %d", fs.f_type == CGROUP2_MAGIC ? 2 : 1);
}

static void check_images(struct doctor *d)
{
	if (d->engine == NULL || d->config == NULL)
		return;
	for (size_t i = 0; i < d->config->n_tasks; i++) {
		const struct task *task = &d->config->tasks[i];
		cleanup_free char *id = NULL;
		struct err err;

		if (engine_probe_image(d->engine, task->image, &id, &err) < 0)
			say(d, GRADE_FAIL, "image", "look into the engine's log", "%s: %s",
				task->image, err.msg);
		else if (id == NULL)
			say(d, GRADE_WARN, "image",
				"`dockgate images build` makes those that dockgate has recipes "
				"for; docker pull gets others",
				"task %s: there is no image %s", task->name, task->image);
		else
			say(d, GRADE_OK, "image", NULL, "task %s: %s, %.19s", task->name,
				task->image, id);
	}
}

static void check_task_gpus(struct doctor *d, const struct task *task)
{
	const char *advice = "look into the engine's log";
	cleanup_free char *id = NULL;
	struct err err;

	if (engine_probe_image(d->engine, task->image, &id, &err) < 0 || id == NULL)
		return; /* said already */
	if (engine_probe_gpus(d->engine, id, task->gpus, d->config->gpu_cdi, &advice, &err) == 0)
		say(d, GRADE_OK, "gpus", NULL, "task %s: the engine has what it asks for (%s)",
			task->name, task->gpus);
	else
		say(d, GRADE_FAIL, "gpus", advice, "task %s (%s): %s", task->name, task->gpus,
			err.msg);
}

static void check_gpus(struct doctor *d)
{
	for (size_t i = 0; d->engine != NULL && d->config != NULL && i < d->config->n_tasks; i++)
		if (d->config->tasks[i].gpus != NULL)
			check_task_gpus(d, &d->config->tasks[i]);
}

/* ---- state, ports, service --------------------------------------------------------------- */

/* The directory, or the nearest one above it that exists. */
static void nearest(const char *path, char *ret, size_t size)
{
	char *slash;

	(void)snprintf(ret, size, "%s", path);
	while (access(ret, F_OK) < 0 && (slash = strrchr(ret, '/')) != NULL && slash != ret)
		*slash = '\0';
	if (access(ret, F_OK) < 0)
		(void)snprintf(ret, size, "/");
}

static void check_space(struct doctor *d, const char *dir)
{
	struct statvfs fs;
	uint64_t left;

	if (statvfs(dir, &fs) < 0) {
		say(d, GRADE_FAIL, "space", NULL, "%s: %s", dir, strerror(errno));
		return;
	}
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	if ((fs.f_flag & ST_RDONLY) != 0)
		say(d, GRADE_FAIL, "space", "choose another state_dir",
			"%s is on a read-only file system", dir);
	else
		say(d, left >= SPACE_LEAST ? GRADE_OK : GRADE_WARN, "space",
			left >= SPACE_LEAST ? NULL : "free some, or choose another state_dir",
			"%s: %llu MiB free", dir, (unsigned long long)(left / MIB));
}

/* The file that names a MariaDB database; whether one answers there, the service says. */
static void check_database_file(struct doctor *d)
{
	const char *path = d->config == NULL ? NULL : d->config->database_file;
	struct mariadb_dsn dsn;
	char *text = NULL;
	struct err err;

	if (path == NULL)
		return;
	if (mariadb_dsn_read(path, d->config->queue_uid, &text, &err) < 0)
		say(d, err.code == EACCES && geteuid() != 0 ? GRADE_WARN : GRADE_FAIL, "database",
			"docs/deploy-mariadb.md says what it holds", "%s", err.msg);
	else if (mariadb_dsn_parse(text, &dsn, &err) < 0)
		say(d, GRADE_FAIL, "database", "docs/deploy-mariadb.md has the names", "%s: %s",
			path, err.msg);
	else
		say(d, GRADE_OK, "database", NULL,
			"MariaDB, '%s' at %s%s; the service says whether it answers", dsn.database,
			dsn.socket[0] != '\0' ? dsn.socket : dsn.server,
			dsn.tls ? ", with TLS" : "");
	explicit_bzero(&dsn, sizeof(dsn));
	mariadb_dsn_wipe(text);
}

static void check_state(struct doctor *d)
{
	char path[4096];
	struct stat st;

	if (d->config == NULL)
		return;
	nearest(d->config->state_dir, path, sizeof(path));
	if (strcmp(path, d->config->state_dir) != 0)
		say(d, GRADE_OK, "state", NULL, "%s will be made by `serve`", d->config->state_dir);
	check_space(d, path);
	(void)snprintf(path, sizeof(path), "%s/" STATE_QUEUE, d->config->state_dir);
	if (stat(path, &st) < 0)
		return;
	if (st.st_uid == d->config->queue_uid && (st.st_mode & 07777) == 0700)
		say(d, GRADE_OK, "database", NULL, "%s is the queue's own", path);
	else
		say(d, GRADE_FAIL, "database", "chown -R it to queue_uid and queue_gid, chmod 700",
			"%s belongs to user %u, mode %o; expected user %u, mode 700", path,
			(unsigned)st.st_uid, (unsigned)(st.st_mode & 07777),
			(unsigned)d->config->queue_uid);
}

/* What callbacks are signed with, and what their receivers' certificates are held against. */
static void check_callbacks(struct doctor *d)
{
	cleanup_free char *own = NULL;
	struct seal *seal = NULL;
	const char *path, *ca;
	struct err err;

	if (d->config == NULL)
		return;
	if (asprintf(&own, "%s/" SEAL_OWN_FILE, d->config->state_dir) < 0) {
		own = NULL;
		return;
	}
	path = d->config->callback_secret_file != NULL ? d->config->callback_secret_file : own;
	ca = d->config->callback_ca_file;
	if (ca != NULL && access(ca, R_OK) < 0)
		say(d, GRADE_FAIL, "callbacks", "set callback_ca_file to a file of certificates",
			"%s: %s", ca, strerror(errno));
	if (seal_read(path, d->config, &seal, &err) == 0)
		say(d, GRADE_OK, "callbacks", NULL, "they are signed with %s", path);
	else if (err.code == ENOENT && path == own)
		say(d, GRADE_OK, "callbacks", NULL, "%s will be made by `serve`", path);
	else if (err.code == EACCES && geteuid() != 0)
		say(d, GRADE_WARN, "callbacks", "run this with sudo", "%s", err.msg);
	else
		say(d, GRADE_FAIL, "callbacks",
			"docs/configuration.md says what callback_secret_file holds; without that "
			"key, and without the file, `serve` makes one",
			"%s", err.msg);
	seal_close(seal);
}

/* The number in a file of /proc, -1 where there is none. */
static int64_t number_in(const char *path)
{
	cleanup_fclose FILE *f = fopen(path, "re");
	char line[32];
	int64_t n;

	if (f == NULL || fgets(line, sizeof(line), f) == NULL)
		return -1;
	line[strcspn(line, "\n")] = '\0';
	return number_parse(line, 0, INT64_MAX, &n) ? n : -1;
}

static const char *sandbox_advice(void)
{
	if (number_in("/proc/sys/user/max_user_namespaces") == 0)
		return "sysctl user.max_user_namespaces=65536 on the engine's machine; start "
		       "`serve` "
		       "again";
	if (number_in("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") > 0 &&
		host_has_slot_profile() <= 0)
		return "apparmor_parser -Kr deploy/apparmor/" HOST_APPARMOR_PROFILE
		       "; start `serve` again";
	return "the engine's kernel must let containers make user namespaces; or set isolation = "
	       "container";
}

/* What the driver found when it made the first slot. */
static void check_sandbox(struct doctor *d)
{
	char why[600];
	size_t n = 0;
	int found;

	for (size_t i = 0; d->config != NULL && i < d->config->n_tasks; i++)
		n += d->config->tasks[i].isolation == ISOLATION_SANDBOX;
	if (n == 0)
		return;
	found = slot_note_read(d->config->state_dir, why, sizeof(why));
	if (found > 0)
		say(d, GRADE_OK, "sandbox", NULL, "works here; tasks that use it: %zu", n);
	else if (found == 0)
		say(d, GRADE_WARN, "sandbox", sandbox_advice(),
			"not possible here, so that jobs get a container each: %s", why);
	else if (found == -ENOENT)
		say(d, GRADE_OK, "sandbox", NULL,
			"`serve` finds out whether it works here; tasks that use it: %zu", n);
	else
		say(d, GRADE_WARN, "sandbox", "run this with sudo", "what `serve` found: %s",
			strerror(-found));
}

static int open_service(struct doctor *d, struct client **ret, struct err *err)
{
	char path[4200];

	if (d->cli->host != NULL || d->cli->socket != NULL || getenv("DOCKGATE_HOST") != NULL ||
		d->config == NULL)
		return cli_open(d->cli, ret, err);
	(void)snprintf(path, sizeof(path), "%s/" SOCKET_HTTP,
		d->config->socket_dir != NULL ? d->config->socket_dir : "");
	if (d->config->socket_dir == NULL)
		(void)snprintf(path, sizeof(path), "%s/sock/" SOCKET_HTTP, d->config->state_dir);
	return client_open(NULL, path, ret, err);
}

static void check_service(struct doctor *d)
{
	struct client *client = NULL;
	json_t *reply = NULL;
	long status = 0;
	struct err err;

	if (open_service(d, &client, &err) < 0 ||
		client_ask(client, "/readyz", &reply, &status, &err) < 0) {
		say(d, GRADE_WARN, "service",
			"start it: systemctl start dockgate, or dockgate serve; --config and "
			"--state-dir name one that is elsewhere",
			"it does not answer%s%s", client != NULL ? " at " : "",
			client != NULL ? client_where(client) : "");
	} else {
		cleanup_free char *text = json_dumps(reply, JSON_COMPACT);

		d->service_answers = true;
		say(d, status == 200 ? GRADE_OK : GRADE_FAIL, "service",
			status == 200 ? NULL : "the reasons are in the answer, more in its log",
			"%s: %s", status == 200 ? "ready" : "not ready", text != NULL ? text : "");
	}
	json_decref(reply);
	client_close(client);
}

/* 0, or errno of bind(2). */
static int try_port(const char *address)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	cleanup_free char *host = strdup(address);
	char *colon = host != NULL ? strrchr(host, ':') : NULL;
	cleanup_close int fd = -EBADF;
	int64_t port = 0;
	int one = 1;
	bool v6 = *address == '[';

	if (colon == NULL || colon == host || !number_parse(colon + 1, 1, 65535, &port))
		return EINVAL;
	colon[v6 ? -1 : 0] = '\0';
	in4.sin_port = in6.sin6_port = htons((uint16_t)port);
	if (inet_pton(v6 ? AF_INET6 : AF_INET, host + v6,
		    v6 ? (void *)&in6.sin6_addr : (void *)&in4.sin_addr) != 1)
		return EINVAL;
	fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, v6 ? (const struct sockaddr *)&in6 : (const struct sockaddr *)&in4,
		    v6 ? sizeof(in6) : sizeof(in4)) < 0 ||
		listen(fd, 1) < 0)
		return errno;
	return 0;
}

static void check_ports(struct doctor *d)
{
	for (size_t i = 0; d->config != NULL && i < d->config->listen.n; i++) {
		const char *address = d->config->listen.v[i];
		int error = try_port(address);

		if (error == 0)
			say(d, GRADE_OK, "port", NULL, "%s is free", address);
		else if (error == EADDRINUSE && d->service_answers)
			say(d, GRADE_OK, "port", NULL, "%s is in use, and the service runs",
				address);
		else if (error == EADDRINUSE)
			say(d, GRADE_FAIL, "port",
				"stop that program (ss -ltnp names it), or set listen to another "
				"address; for dockgate itself, say its --config and --state-dir",
				"%s is in use by another program", address);
		else
			say(d, GRADE_FAIL, "port", "set listen to an address of this machine",
				"%s: %s", address, strerror(error));
	}
}

static void (*const checks[])(struct doctor *d) = {
	check_configuration,
	check_users,
	check_socket,
	check_engine,
	check_info,
	check_cgroups,
	check_images,
	check_gpus,
	check_database_file,
	check_state,
	check_callbacks,
	check_sandbox,
	check_service,
	check_ports,
};

static int examine(const struct cli *cli, const char *config_path)
{
	struct doctor d = { .cli = cli, .config_path = config_path, .lines = json_array() };
	int ret;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](&d);
	ret = d.failed ? 1 : 0;
	if (cli->json) {
		json_t *doc = json_pack("{s:b, s:O}", "ok", !d.failed, "checks", d.lines);

		(void)cli_print_json(doc);
		json_decref(doc);
	}
	json_decref(d.lines);
	json_decref(d.info);
	client_close(d.engine);
	config_free(d.config);
	return ret;
}

int doctor_command(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS,
		{ "config", required_argument, NULL, 'c' },
		{ "state-dir", required_argument, NULL, OPT_STATE_DIR }, { NULL, 0, NULL, 0 } };
	struct cli cli = { 0 };
	const char *path = NULL;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "hc:", options, NULL)) >= 0) {
		if (opt == 'c')
			path = optarg;
		else if (opt == OPT_STATE_DIR)
			(void)setenv("DOCKGATE_STATE_DIR", optarg, 1);
		else if (!cli_common(&cli, opt, usage, EXIT_USAGE, &ret))
			return ret;
	}
	if (optind < argc)
		return cli_fail(EXIT_USAGE, "'%s': doctor takes no arguments", argv[optind]);
	return examine(&cli, path);
}
