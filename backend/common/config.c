/* SPDX-License-Identifier: MIT */
/* Defaults, lookup and release; config_text.c reads files, config_parse.c understands them. */
#include "config.h"

#include <errno.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_internal.h"

/*
 * Uids that no Debian or systemd range hands out (UIDS-GIDS of systemd), so
 * that they are nobody else's where no /etc/passwd entry is made.
 */
#define GATEWAY_UID  60601
#define QUEUE_UID    60602
#define DRIVER_UID   60603
#define COURIER_UID  60604
#define JOB_UID_BASE 66000

#define OPERATOR_GROUP "dockgate"

const char *isolation_name(enum isolation isolation)
{
	static const char *const names[ISOLATION_MAX_] = { "container", "sandbox" };

	return (size_t)isolation < ISOLATION_MAX_ ? names[isolation] : "invalid";
}

static int copy_text(char **to, const char *text, struct err *err)
{
	*to = strdup(text);
	return *to == NULL ? err_set(err, ENOMEM, "configuration") : 0;
}

static int default_texts(struct config *c, struct err *err)
{
	char host[65] = "localhost";
	int r;

	(void)gethostname(host, sizeof(host) - 1);
	r = copy_text(&c->state_dir, CONFIG_STATE_DIR, err);
	if (r == 0)
		r = copy_text(&c->log_level, "info", err);
	if (r == 0)
		r = copy_text(&c->node, host, err);
	if (r == 0)
		r = copy_text(&c->classic_task, "classic", err);
	if (r == 0)
		r = strv_add(&c->listen, "127.0.0.1:8080", err);
	return r;
}

/* An installed dockgate's roles have accounts; elsewhere the numbers are nobody's. */
static void take_account(const char *name, uid_t *uid, gid_t *gid)
{
	const struct passwd *account = getpwnam(name);

	if (account == NULL)
		return;
	*uid = account->pw_uid;
	*gid = account->pw_gid;
}

struct config *config_new(struct err *err)
{
	struct config *c = malloc(sizeof(*c));
	const struct group *operators = getgrnam(OPERATOR_GROUP);

	if (c == NULL) {
		(void)err_set(err, ENOMEM, "configuration");
		return NULL;
	}
	*c = (struct config){
		.gateway_uid = GATEWAY_UID,
		.queue_uid = QUEUE_UID,
		.driver_uid = DRIVER_UID,
		.courier_uid = COURIER_UID,
		.gateway_gid = GATEWAY_UID,
		.queue_gid = QUEUE_UID,
		.driver_gid = DRIVER_UID,
		.courier_gid = COURIER_UID,
		.operator_gid = operators != NULL ? operators->gr_gid : (gid_t)-1,
		.job_uid_base = JOB_UID_BASE,
		.body_json_max = 16 * MIB,
		.body_multipart_max = 256 * MIB,
		.header_timeout_s = 10,
		.body_timeout_s = 30,
		.idle_timeout_s = 60,
		.connections_max = 4096,
		.connections_per_address = 1024,
		.wait_max_s = 300,
		.waiting_max = 10000,
		.store_poll_ms = 500,
		.lease_ms = 15000,
		.attempts = 3,
		.retention_s = 600,
		.keep_bytes = 10240 * MIB,
		.grace_ms = 2000,
		.drain_s = 10,
		.build_cache_bytes = 1024 * MIB,
		.pin_jobs = true,
		.callback_retry_s = 24 * 3600,
		.callback_timeout_ms = 10000,
	};
	take_account("dockgate-gateway", &c->gateway_uid, &c->gateway_gid);
	take_account("dockgate-queue", &c->queue_uid, &c->queue_gid);
	take_account("dockgate-driver", &c->driver_uid, &c->driver_gid);
	take_account("dockgate-courier", &c->courier_uid, &c->courier_gid);
	if (default_texts(c, err) < 0) {
		config_free(c);
		return NULL;
	}
	return c;
}

/* The classic face's result as the original gave it: line 1, and lines 2 to 4 as an array. */
static int default_fields(struct task *task, struct err *err)
{
	task->fields = calloc(2, sizeof(*task->fields));
	if (task->fields == NULL)
		return err_set(err, ENOMEM, "task");
	task->n_fields = 2;
	task->fields[0] = (struct task_field){ .first = 1, .last = 1 };
	task->fields[1] = (struct task_field){ .first = 2, .last = 4, .list = true };
	if (copy_text(&task->fields[0].name, "field1", err) < 0)
		return -err->code;
	return copy_text(&task->fields[1].name, "field2", err);
}

int task_defaults(struct task *task, const char *name, const struct config *config, struct err *err)
{
	*task = (struct task){
		.compare = COMPARE_EXACT,
		.classic_data_line = 5,
		.concurrency = 64,
		.warm = 1,
		.warm_max = 4,
		.warm_idle_s = 300,
		.slot_jobs = 10000,
		.retention_s = config->retention_s,
		.attempts = config->attempts,
		.collect_bytes = 64 * MIB,
		.collect_files = 100,
	};
	if (copy_text(&task->name, name, err) < 0)
		return -err->code;
	return default_fields(task, err);
}

void task_done(struct task *task)
{
	if (task->checker != NULL)
		task_done(task->checker);
	free(task->checker);
	for (size_t i = 0; i < task->n_mounts; i++) {
		free(task->mounts[i].source);
		free(task->mounts[i].target);
	}
	for (size_t i = 0; i < task->n_fields; i++)
		free(task->fields[i].name);
	free(task->mounts);
	free(task->fields);
	free(task->name);
	free(task->description);
	free(task->image);
	free(task->main);
	free(task->example);
	free(task->gpus);
	free(task->runtime);
	strv_done(&task->command);
	strv_done(&task->build);
	strv_done(&task->sources);
	strv_done(&task->env);
	strv_done(&task->collect);
	*task = (struct task){ 0 };
}

static void client_done(struct config_client *client)
{
	free(client->token_hash);
	free(client->token_file);
	strv_done(&client->tasks);
}

void config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->n_clients; i++)
		client_done(&config->clients[i]);
	free(config->clients);
	for (size_t i = 0; i < config->n_tasks; i++)
		task_done(&config->tasks[i]);
	free(config->tasks);
	free(config->state_dir);
	free(config->socket_dir);
	free(config->log_level);
	free(config->node);
	free(config->classic_task);
	free(config->database_file);
	free(config->peer_listen);
	strv_done(&config->peers);
	free(config->docker_host);
	free(config->cgroup_parent);
	strv_done(&config->listen);
	strv_done(&config->server_names);
	strv_done(&config->origins);
	strv_done(&config->images_allowed);
	strv_done(&config->gpus);
	strv_done(&config->callback_allow);
	free(config->gpu_cdi);
	free(config->callback_secret_file);
	free(config->callback_ca_file);
	free(config);
}

int config_gpus(const struct config *config, struct gpu_list *ret)
{
	struct gpu_list list = { 0 };

	for (size_t i = 0; i < config->gpus.n; i++)
		if (gpu_list_add(&list, config->gpus.v[i]) < 0)
			return -EINVAL;
	*ret = list;
	return 0;
}

bool config_is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0;
}

bool config_is_open(const struct config *config)
{
	return config->auth == AUTH_NONE || (config->auth == AUTH_AUTO && config->n_clients == 0);
}

const struct task *config_task(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_tasks; i++)
		if (strcmp(config->tasks[i].name, name) == 0)
			return &config->tasks[i];
	return NULL;
}

bool config_image_allowed(const struct config *config, const char *image)
{
	for (size_t i = 0; i < config->images_allowed.n; i++)
		if (fnmatch(config->images_allowed.v[i], image, 0) == 0)
			return true;
	return false;
}

int config_load(const char *path, void (*report)(const char *line, void *arg), void *arg,
	struct config **ret, struct err *err)
{
	cleanup_free char *text = NULL;
	int r = config_text(path, &text, err);

	if (r < 0) {
		if (report != NULL)
			report(err->msg, arg);
		return r;
	}
	return config_parse(text, path != NULL ? path : CONFIG_FILE, report, arg, ret, err);
}
