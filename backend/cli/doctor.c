/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor.h"

#include "cli.h"
#include "client.h"
#include "common/cleanup.h"
#include "common/number.h"
#include "common/role.h"
#include "driver/host.h"
#include "driver/slot_note.h"

#define STRANGER_MS 2000 /* for who has our port to say that he is another dockgate */

static const char usage[] =
	"Usage: dockgate doctor [OPTION...]\n\n"
	"Checks what the service needs, and what keeps jobs in their place: engine, kernel,\n"
	"images, rights, space, ports. Says of each thing what it means and what to do.\n"
	"Exit code: 0 where nothing is wrong, notes and warnings included; 1 otherwise.\n\n"
	"  --config FILE    instead of /etc/dockgate\n"
	"  --state-dir DIR  as given to serve\n" CLI_HELP;

enum { OPT_STATE_DIR = OPT_OWN };

void doctor_say(struct doctor *d, enum grade grade, const char *check, const char *advice,
	const char *fmt, ...)
{
	static const char *const names[] = { "ok", "note", "warn", "FAIL" };
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
	doctor_say(arg, GRADE_FAIL, "configuration",
		"correct that line; `dockgate check` reads it again", "%s", line);
}

static void on_unknown(const char *name, void *arg)
{
	doctor_say(arg, GRADE_WARN, "environment", "docs/configuration.md has the keys; unset it",
		"%s: " CLI_UNKNOWN_VARIABLE, name);
}

static void check_configuration(struct doctor *d)
{
	struct err err;

	config_env_unknown(on_unknown, d);
	if (config_load(d->config_path, on_mistake, d, &d->config, &err) < 0)
		return;
	if (d->config->n_tasks == 0)
		doctor_say(d, GRADE_WARN, "configuration",
			"copy deploy/dockgate.conf and deploy/conf.d to /etc/dockgate, or give "
			"--config FILE",
			"no tasks are offered");
	else
		doctor_say(d, GRADE_OK, "configuration", NULL, "%zu tasks", d->config->n_tasks);
}

static void check_users(struct doctor *d)
{
	if (d->config == NULL)
		return;
	if (geteuid() != 0)
		doctor_say(d, GRADE_WARN, "rights", "run it with sudo to have everything checked",
			"you are not root: `serve` needs root, and some checks here do, too");
	else
		doctor_say(d, GRADE_OK, "rights", NULL,
			"root; the roles become users %u, %u, %u and %u",
			(unsigned)d->config->gateway_uid, (unsigned)d->config->queue_uid,
			(unsigned)d->config->driver_uid, (unsigned)d->config->courier_uid);
}

static const char *sandbox_advice(const struct doctor *d)
{
	if (doctor_number(d, "/proc/sys/user/max_user_namespaces") == 0)
		return "sysctl user.max_user_namespaces=65536 on the engine's machine; start "
		       "`serve` "
		       "again";
	if (doctor_number(d, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns") > 0 &&
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
		doctor_say(d, GRADE_OK, "sandbox", NULL, "works here; tasks that use it: %zu", n);
	else if (found == 0)
		doctor_say(d, GRADE_WARN, "sandbox", sandbox_advice(d),
			"not possible here, so that jobs get a container each: %s", why);
	else if (found == -ENOENT)
		doctor_say(d, GRADE_OK, "sandbox", NULL,
			"`serve` finds out whether it works here; tasks that use it: %zu", n);
	else
		doctor_say(d, GRADE_WARN, "sandbox", "run this with sudo", "what `serve` found: %s",
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
		doctor_say(d, GRADE_WARN, "service",
			"start it: systemctl start dockgate, or dockgate serve; --config and "
			"--state-dir name one that is elsewhere",
			"it does not answer%s%s", client != NULL ? " at " : "",
			client != NULL ? client_where(client) : "");
	} else {
		cleanup_free char *text = json_dumps(reply, JSON_COMPACT);

		d->service_answers = true;
		doctor_say(d, status == 200 ? GRADE_OK : GRADE_FAIL, "service",
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

/* Another dockgate, such as one that `make run` started, says so itself. */
static bool is_dockgate(const char *address)
{
	cleanup_free char *url = NULL;
	struct client *client = NULL;
	json_t *reply = NULL;
	bool is = false;
	struct err err;
	long status;

	if (asprintf(&url, "http://%s", address) < 0) {
		url = NULL;
		return false;
	}
	if (client_open(url, NULL, &client, &err) < 0)
		return false;
	client_set_patience(client, STRANGER_MS);
	if (client_ask(client, "/readyz", &reply, &status, &err) == 0)
		is = json_is_boolean(json_object_get(reply, "ready"));
	json_decref(reply);
	client_close(client);
	return is;
}

static void check_ports(struct doctor *d)
{
	for (size_t i = 0; d->config != NULL && i < d->config->listen.n; i++) {
		const char *address = d->config->listen.v[i];
		int error = try_port(address);

		if (error == 0)
			doctor_say(d, GRADE_OK, "port", NULL, "%s is free", address);
		else if (error == EADDRINUSE && d->service_answers)
			doctor_say(d, GRADE_OK, "port", NULL, "%s is in use, and the service runs",
				address);
		else if (error == EADDRINUSE && is_dockgate(address))
			doctor_say(d, GRADE_WARN, "port",
				"say its --config and --state-dir to look at that one; a second "
				"one "
				"needs another address in listen",
				"%s is in use by another dockgate", address);
		else if (error == EADDRINUSE)
			doctor_say(d, GRADE_FAIL, "port",
				"stop that program (ss -ltnp names it), or set listen to another "
				"address; for dockgate itself, say its --config and --state-dir",
				"%s is in use by another program", address);
		else
			doctor_say(d, GRADE_FAIL, "port",
				"set listen to an address of this machine", "%s: %s", address,
				strerror(error));
	}
}

static void (*const checks[])(struct doctor *d) = {
	check_configuration,
	check_users,
	doctor_engine,
	doctor_host,
	doctor_state,
	check_sandbox,
	check_service,
	check_ports,
};

static int examine(const struct cli *cli, const char *config_path)
{
	struct doctor d = {
		.cli = cli, .config_path = config_path, .root = "", .lines = json_array()
	};
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
