/* SPDX-License-Identifier: MIT */
/* Sections of tasks, with their mounts, results and checkers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_reader.h"
#include "number.h"

#define TASKS_MAX 1000

/* "3" or "2-4". */
static bool parse_lines(const char *text, struct task_field *field)
{
	char copy[32];
	char *dash;
	int64_t first, last;

	if (strlen(text) >= sizeof(copy))
		return false;
	(void)snprintf(copy, sizeof(copy), "%s", text);
	dash = strchr(copy, '-');
	if (dash != NULL)
		*dash = '\0';
	if (!number_parse(copy, 1, 1000000, &first))
		return false;
	last = first;
	if (dash != NULL && !number_parse(dash + 1, first, 1000000, &last))
		return false;
	field->first = (int)first;
	field->last = (int)last;
	field->list = dash != NULL;
	return true;
}

static void put_field(struct reader *rd, cfg_t *sec, struct task_field *field)
{
	cfg_opt_t *opt = cfg_getopt(sec, "lines");
	const struct value *v = cfg_opt_size(opt) > 0 ? config_value_at(opt, 0) : NULL;

	config_report_unknown(rd, sec);
	field->name = strdup(cfg_title(sec));
	if (field->name == NULL)
		config_no_memory(rd);
	else if (*field->name == '\0' || !config_is_plain(field->name))
		config_mistake(rd, sec->line, "result: expected a member's name as its title");
	if (v == NULL)
		config_mistake(rd, sec->line,
			"result \"%s\": expected lines = 1 or lines = \"2-4\"", cfg_title(sec));
	else if (!parse_lines(v->text, field))
		config_wrong(rd, v, "lines",
			"a line's number from 1 to 1000000, or two such as \"2-4\"");
}

static void put_fields(struct reader *rd, cfg_t *cfg, struct task *task)
{
	size_t n = cfg_size(cfg, "result");
	struct task_field *fields;

	if (n == 0)
		return;
	fields = calloc(n, sizeof(*fields));
	if (fields == NULL) {
		config_no_memory(rd);
		return;
	}
	for (size_t i = 0; i < task->n_fields; i++)
		free(task->fields[i].name);
	free(task->fields);
	task->fields = fields;
	task->n_fields = n;
	for (size_t i = 0; i < n; i++)
		put_field(rd, cfg_getnsec(cfg, "result", (unsigned)i), &fields[i]);
}

static void put_mount(struct reader *rd, cfg_t *sec, struct task_mount *mount)
{
	size_t before = rd->mistakes;

	config_put_keys(rd, sec, KEYS(mount_keys), mount);
	if (rd->mistakes != before)
		return;
	if (mount->source == NULL || mount->target == NULL)
		config_mistake(rd, sec->line, "mount: expected source = ... and target = ...");
	else if (mount->writable && *mount->source == '/')
		config_mistake(rd, sec->line,
			"mount: %s: a directory of the host cannot be writable; expected a volume",
			mount->source);
}

static void put_mounts(struct reader *rd, cfg_t *cfg, struct task *task)
{
	size_t n = cfg_size(cfg, "mount");

	if (n == 0)
		return;
	task->mounts = calloc(n, sizeof(*task->mounts));
	if (task->mounts == NULL) {
		config_no_memory(rd);
		return;
	}
	task->n_mounts = n;
	for (size_t i = 0; i < n; i++)
		put_mount(rd, cfg_getnsec(cfg, "mount", (unsigned)i), &task->mounts[i]);
}

/* Not those that a job can write to: they would be a way to the checker. */
static int copy_mounts(const struct task *from, struct task *to)
{
	to->mounts = calloc(from->n_mounts + 1, sizeof(*to->mounts));
	if (to->mounts == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_mounts; i++) {
		struct task_mount *mount = &to->mounts[to->n_mounts];

		if (from->mounts[i].writable)
			continue;
		to->n_mounts++;
		mount->source = strdup(from->mounts[i].source);
		mount->target = strdup(from->mounts[i].target);
		if (mount->source == NULL || mount->target == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* What a checker has of its task. */
static int checker_of(const struct task *task, struct task *ret)
{
	struct err err;

	if (strv_copy(&ret->env, &task->env, &err) < 0 || copy_mounts(task, ret) < 0)
		return -ENOMEM;
	ret->image = strdup(task->image);
	ret->runtime = task->runtime == NULL ? NULL : strdup(task->runtime);
	if (ret->image == NULL || (task->runtime != NULL && ret->runtime == NULL))
		return -ENOMEM;
	ret->isolation = task->isolation;
	ret->concurrency = task->concurrency;
	ret->warm = task->warm;
	ret->warm_max = task->warm_max;
	ret->warm_idle_s = task->warm_idle_s;
	ret->slot_jobs = task->slot_jobs;
	ret->compare = COMPARE_EXACT;
	return 0;
}

/* Behind all that the task says of itself. */
static void put_checker(struct reader *rd, cfg_t *cfg, const struct config *config,
	const struct limit_set *limits, struct task *task)
{
	cfg_t *sec = cfg_size(cfg, "checker") > 0 ? cfg_getsec(cfg, "checker") : NULL;
	struct limit_set set = *limits;
	struct err err;

	if (sec == NULL || task->image == NULL)
		return;
	task->checker = calloc(1, sizeof(*task->checker));
	if (task->checker == NULL || task_defaults(task->checker, task->name, config, &err) < 0 ||
		checker_of(task, task->checker) < 0) {
		config_no_memory(rd);
		return;
	}
	config_put_keys(rd, sec, KEYS(checker_keys), task->checker);
	config_put_limit_sections(rd, sec, 1, &set);
	config_fit_limits(rd, sec, &set, 0);
	task->checker->limits = task->checker->build_limits = set.limits;
	task->checker->ceilings = set.ceilings;
	if (task->checker->command.n == 0)
		config_mistake(rd, sec->line, "checker: expected command = { ... }");
	if (cfg_size(cfg, "compare") == 0)
		task->compare = COMPARE_CHECKER;
}

static void put_task(struct reader *rd, cfg_t *cfg, const struct config *config,
	const struct limit_set *defaults, struct task *task)
{
	struct limit_set set = *defaults;
	size_t before = rd->mistakes;
	struct err err;

	if (task_defaults(task, cfg_title(cfg), config, &err) < 0) {
		config_no_memory(rd);
		return;
	}
	if (!config_is_name(task->name))
		config_mistake(rd, cfg->line,
			"task \"%.100s\": expected a name of a-z, 0-9, '_', '-', at most %d long",
			task->name, TASK_NAME_MAX);
	config_put_keys(rd, cfg, KEYS(task_keys), task);
	config_put_limits(rd, cfg, &set);
	config_fit_limits(rd, cfg, &set, 0);
	config_fit_limits(rd, cfg, &set, 2);
	task->limits = set.limits;
	task->ceilings = set.ceilings;
	task->build_limits = set.build_limits;
	put_mounts(rd, cfg, task);
	put_fields(rd, cfg, task);
	set.limits = defaults->limits;
	if (rd->mistakes == before)
		put_checker(rd, cfg, config, &set, task);
	if (rd->mistakes == before && !rd->partial)
		config_check_task(rd, cfg, config, task);
}

void config_put_tasks(
	struct reader *rd, cfg_t *cfg, const struct limit_set *defaults, struct config *config)
{
	size_t n = cfg_size(cfg, "task");

	if (n > TASKS_MAX) {
		config_mistake(rd, cfg->line, "%zu tasks; expected at most %d", n, TASKS_MAX);
		return;
	}
	config->tasks = calloc(n + 1, sizeof(*config->tasks));
	if (config->tasks == NULL) {
		config_no_memory(rd);
		return;
	}
	for (size_t i = 0; i < n && !rd->no_memory; i++) {
		config->n_tasks = i + 1;
		put_task(rd, cfg_getnsec(cfg, "task", (unsigned)i), config, defaults,
			&config->tasks[i]);
	}
}
