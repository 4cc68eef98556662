/* SPDX-License-Identifier: MIT */
/* What keys must be to each other, once each has its value. */
#include <string.h>

#include "config_reader.h"
#include "gpu.h"
#include "role.h"

/* ---- a task ---------------------------------------------------------------------- */

/* Where each job in a slot has something of its own. /proc is another matter: it goes by the host.
 */
static bool is_covered(const char *path)
{
	static const char *const places[] = { "/workspace", "/tmp", "/dev", "/sys", "/dockgate" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t n = strlen(places[i]);

		if (strncmp(path, places[i], n) == 0 && (path[n] == '\0' || path[n] == '/'))
			return true;
	}
	return false;
}

static void check_sandbox_mounts(
	struct reader *rd, cfg_t *cfg, const struct task *task, const char *expected)
{
	for (size_t i = 0; i < task->n_mounts; i++) {
		const struct task_mount *mount = &task->mounts[i];
		cfg_t *sec = cfg_getnsec(cfg, "mount", (unsigned)i);

		if (mount->writable)
			config_mistake(rd, config_line_of(sec, "writable"), "mount: writable: %s",
				expected);
		if (mount->target != NULL && is_covered(mount->target))
			config_mistake(rd, config_line_of(sec, "target"), "mount: %s: %s",
				mount->target, expected);
	}
}

static void check_sandbox(struct reader *rd, cfg_t *cfg, const struct task *task)
{
	static const char expected[] = "cannot go with isolation = sandbox; expected container";

	if (task->isolation != ISOLATION_SANDBOX)
		return;
	if (task->network)
		config_mistake(rd, config_line_of(cfg, "network"), "network: %s", expected);
	if (task->gpus != NULL)
		config_mistake(rd, config_line_of(cfg, "gpus"), "gpus: %s", expected);
	if (task->writable_root)
		config_mistake(
			rd, config_line_of(cfg, "writable_root"), "writable_root: %s", expected);
	check_sandbox_mounts(rd, cfg, task, expected);
}

/* Where the operator says which GPUs there are, a task that asks for others could never run. */
static void check_gpus(
	struct reader *rd, cfg_t *cfg, const struct config *config, const struct task *task)
{
	static struct gpu_list list;
	struct gpu_want want;

	if (task->gpus_shared && task->gpus == NULL)
		config_mistake(rd, config_line_of(cfg, "gpus_shared"),
			"gpus_shared: expected gpus = ..., too");
	if (task->gpus == NULL || config_gpus(config, &list) < 0 || list.n == 0)
		return;
	want = gpu_want_of(task->gpus, task->gpus_shared, &list);
	if (want.count > list.n)
		config_mistake(rd, config_line_of(cfg, "gpus"),
			"gpus: %u; this machine's gpus are %zu", want.count, list.n);
	else if (want.unknown)
		config_mistake(rd, config_line_of(cfg, "gpus"),
			"gpus: \"%s\" has a device that is not among this machine's gpus",
			task->gpus);
}

void config_check_task(
	struct reader *rd, cfg_t *cfg, const struct config *config, struct task *task)
{
	bool max_said = cfg_size(cfg, "warm_max") > 0;

	if (task->image == NULL)
		config_mistake(rd, cfg->line, "task \"%s\": expected image = \"...\"", task->name);
	if (task->command.n == 0 && !task->custom_command)
		config_mistake(rd, cfg->line,
			"task \"%s\": expected command = { ... } or custom_command = true",
			task->name);
	if (task->command.n > 0 && task->command.v[0][0] == '\0')
		config_mistake(rd, config_line_of(cfg, "command"),
			"command: \"\" is no program; expected its name first");
	if (max_said && task->warm_max < task->warm)
		config_mistake(rd, config_line_of(cfg, "warm_max"),
			"warm_max: %d is below warm, %d; expected at least that", task->warm_max,
			task->warm);
	else if (task->warm_max < task->warm)
		task->warm_max = task->warm;
	if (task->compare == COMPARE_CHECKER && task->checker == NULL)
		config_mistake(rd, config_line_of(cfg, "compare"),
			"compare: there is no checker; expected checker { command = { ... } }");
	check_sandbox(rd, cfg, task);
	check_gpus(rd, cfg, config, task);
}

/* ---- the whole ------------------------------------------------------------------- */

void config_check_ids(struct reader *rd, cfg_t *cfg, const struct config *c)
{
	static const char *const names[] = { "gateway_uid", "queue_uid", "driver_uid",
		"courier_uid" };
	const uid_t uids[] = { c->gateway_uid, c->queue_uid, c->driver_uid, c->courier_uid };
	const size_t n = sizeof(uids) / sizeof(uids[0]);

	for (size_t i = 0; i < n; i++) {
		if (uids[i] == 0)
			config_mistake(rd, config_line_of(cfg, names[i]),
				"%s: 0 is root; expected a user without rights", names[i]);
		for (size_t other = i + 1; other < n && uids[i] != 0; other++)
			if (uids[i] == uids[other])
				config_mistake(rd, config_line_of(cfg, names[i]),
					"%s and %s are both %u; expected a user for each", names[i],
					names[other], (unsigned)uids[i]);
		if (uids[i] >= c->job_uid_base && uids[i] - c->job_uid_base < CONFIG_JOB_UIDS)
			config_mistake(rd, config_line_of(cfg, "job_uid_base"),
				"job_uid_base: %s, %u, is among the jobs' %d users from %u on; "
				"expected users that are nobody else's",
				names[i], (unsigned)uids[i], CONFIG_JOB_UIDS,
				(unsigned)c->job_uid_base);
	}
}

void config_check_listen(struct reader *rd, cfg_t *cfg, const struct config *c)
{
	if (c->listen.n > ROLE_ADDRESSES_MAX)
		config_mistake(rd, config_line_of(cfg, "listen"),
			"listen: %zu addresses; expected at most %d", c->listen.n,
			ROLE_ADDRESSES_MAX);
	for (size_t i = 0; i < c->listen.n; i++)
		for (size_t other = i + 1; other < c->listen.n; other++)
			if (strcmp(c->listen.v[i], c->listen.v[other]) == 0)
				config_mistake(rd, config_line_of(cfg, "listen"),
					"listen: %s is there twice; expected each address once",
					c->listen.v[i]);
}

/* Whoever could reach the service could run programs here: that is to be said outright. */
void config_check_auth(struct reader *rd, cfg_t *cfg, const struct config *c)
{
	if (c->auth == AUTH_NONE && c->n_clients > 0)
		config_mistake(rd, config_line_of(cfg, "auth"),
			"auth: none, but there are clients; expected tokens, or no client "
			"sections");
	if (c->auth == AUTH_NONE || !config_is_open(c))
		return;
	for (size_t i = 0; i < c->listen.n; i++)
		if (!config_is_loopback(c->listen.v[i]))
			config_mistake(rd, config_line_of(cfg, "listen"),
				"listen: %s can be reached from outside, and whoever reaches it "
				"could "
				"run programs; expected client sections, or auth = tokens, or, if "
				"that is what you want, auth = none",
				c->listen.v[i]);
}

/* What only makes sense with a database that several machines use. */
void config_check_sharing(struct reader *rd, cfg_t *cfg, const struct config *c)
{
	if (c->store_shared && c->database_file == NULL)
		config_mistake(rd, config_line_of(cfg, "store_shared"),
			"store_shared: needs a database; expected database_file = ..., too");
	if (c->peer_listen != NULL && !c->store_shared)
		config_mistake(rd, config_line_of(cfg, "peer_listen"),
			"peer_listen: nobody shares the store; expected store_shared = true, too");
	if (c->peers.n > 0 && !c->store_shared)
		config_mistake(rd, config_line_of(cfg, "peers"),
			"peers: nobody shares the store; expected store_shared = true, too");
}
