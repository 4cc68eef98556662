/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "wire/frame.h"

#define IMAGE_NAME_MAX 255

/* ---- the task ---- */

/* What holds for a request that names its image: every default, nothing beyond. */
static void default_task(struct task *task)
{
	*task = (struct task){ .custom_command = true,
		.concurrency = 1,
		.warm_idle_s = 1,
		.classic_data_line = 5,
		.attempts = 3,
		.collect_bytes = 64 * MIB,
		.collect_files = 100 };
	limits_default(&task->limits);
	limits_default(&task->build_limits);
	for (size_t i = 0; i < LIMIT_MAX_; i++)
		task->ceilings.v[i] = limit_ceiling((enum limit)i);
}

static int choose_task(struct plan *plan, const struct config *config, const char *name,
	const struct spec *spec, struct err *err)
{
	const char *image;

	if (name[0] != '\0') {
		plan->task = config_task(config, name);
		if (plan->task == NULL)
			return err_say(err, ENOENT, "task %s is not offered here", name);
		if (spec->image != NULL && strcmp(spec->image, plan->task->image) != 0)
			return err_say(err, EINVAL, "task %s has its own image", name);
		image = plan->task->image;
	} else {
		image = spec->image;
		if (image == NULL || image[0] == '\0' || strlen(image) > IMAGE_NAME_MAX)
			return err_say(err, EINVAL, "neither a task nor an image is named");
		if (!config_image_allowed(config, image))
			return err_say(err, EPERM, "image %.100s is not allowed", image);
		if (spec->command.n == 0)
			return err_say(
				err, EINVAL, "a request that names an image needs a command");
		default_task(&plan->own);
		plan->task = &plan->own;
	}
	plan->image = strdup(image);
	return plan->image == NULL ? err_set(err, ENOMEM, "plan") : 0;
}

/* ---- words ---- */

static const char *main_name(const struct plan *plan, const struct spec *spec)
{
	return spec->n_files > 0 ? spec->files[0].name : plan->task->main;
}

/* A file's name is never taken for an option. */
static int add_name(struct strv *argv, const char *name, struct err *err)
{
	cleanup_free char *text = NULL;

	if (name[0] != '-')
		return strv_add(argv, name, err);
	if (asprintf(&text, "./%s", name) < 0) {
		text = NULL;
		return err_set(err, ENOMEM, "plan");
	}
	return strv_add(argv, text, err);
}

static bool is_source(const struct task *task, const char *name)
{
	for (size_t i = 0; i < task->sources.n; i++)
		if (fnmatch(task->sources.v[i], name, 0) == 0)
			return true;
	return false;
}

static int add_sources(
	const struct plan *plan, const struct spec *spec, struct strv *argv, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < spec->n_files; i++) {
		if (!is_source(plan->task, spec->files[i].name))
			continue;
		n++;
		if (add_name(argv, spec->files[i].name, err) < 0)
			return -err->code;
	}
	return n > 0 ? 0 : err_say(err, EINVAL, "no file of the request is a source file");
}

/* "{main}" as a word, or within one ("./{main}", "--file={main}"). */
static int add_word(const struct plan *plan, const struct spec *spec, const char *word,
	struct strv *argv, struct err *err)
{
	const char *at = strstr(word, "{main}");
	const char *name = main_name(plan, spec);
	cleanup_free char *text = NULL;

	if (strcmp(word, "{sources}") == 0)
		return add_sources(plan, spec, argv, err);
	if (at == NULL)
		return strv_add(argv, word, err);
	if (name == NULL)
		return err_say(err, EINVAL, "the task needs a file");
	if (at == word && at[6] == '\0')
		return add_name(argv, name, err);
	if (asprintf(&text, "%s%.*s%s%s", at == word && name[0] == '-' ? "./" : "",
		    (int)(at - word), word, name, at + 6) < 0) {
		text = NULL;
		return err_set(err, ENOMEM, "plan");
	}
	return strv_add(argv, text, err);
}

static int add_all(const struct strv *from, struct strv *argv, struct err *err)
{
	for (size_t i = 0; i < from->n; i++)
		if (strv_add(argv, from->v[i], err) < 0)
			return -err->code;
	return 0;
}

/* The client's own words are taken as they are; the operator's have placeholders. */
static int set_command(const struct plan *plan, const struct spec *spec, const struct strv *own,
	const struct strv *task, struct strv *argv, struct err *err)
{
	if (own->n > 0)
		return add_all(own, argv, err);
	for (size_t i = 0; i < task->n; i++)
		if (add_word(plan, spec, task->v[i], argv, err) < 0)
			return -err->code;
	return argv->n > 0 ? 0 : err_say(err, EINVAL, "there is no command to run");
}

/* ---- the environment ---- */

struct named {
	const char *pair;
	size_t name_n;
	size_t at; /* its place */
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int r = x->name_n == y->name_n ? memcmp(x->pair, y->pair, x->name_n)
				       : (x->name_n > y->name_n) - (x->name_n < y->name_n);

	return r != 0 ? r : (x->at > y->at) - (x->at < y->at);
}

static bool same_name(const struct named *a, const struct named *b)
{
	return a->name_n == b->name_n && memcmp(a->pair, b->pair, a->name_n) == 0;
}

/* Those of one name, in the order of their places: the last one goes where the first one was. */
static void keep_last(struct strv *env, const struct named *of, size_t n)
{
	char *last = TAKE_PTR(env->v[of[n - 1].at]);

	for (size_t i = 0; i < n; i++) {
		free(env->v[of[i].at]);
		env->v[of[i].at] = NULL;
	}
	env->v[of[0].at] = last;
}

static void close_gaps(struct strv *env)
{
	size_t n = 0;

	for (size_t i = 0; i < env->n; i++) {
		char *pair = TAKE_PTR(env->v[i]);

		if (pair != NULL)
			env->v[n++] = pair;
	}
	env->n = n;
}

/* A later value takes the place of an earlier one. There may be thousands, for each of many cases.
 */
static int make_unique(struct strv *env, struct err *err)
{
	cleanup_free struct named *sorted = calloc(env->n, sizeof(*sorted));
	size_t end;

	if (sorted == NULL)
		return err_set(err, ENOMEM, "plan");
	for (size_t i = 0; i < env->n; i++)
		sorted[i] = (struct named){ env->v[i], strcspn(env->v[i], "="), i };
	qsort(sorted, env->n, sizeof(*sorted), by_name);
	for (size_t i = 0; i < env->n; i = end) {
		for (end = i + 1; end < env->n && same_name(&sorted[i], &sorted[end]); end++)
			continue;
		if (end - i > 1)
			keep_last(env, &sorted[i], end - i);
	}
	close_gaps(env);
	return 0;
}

static bool has_path(const struct strv *env)
{
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], "PATH=", 5) == 0)
			return true;
	return false;
}

static int add_path(const struct plan *plan, struct strv *env, struct err *err)
{
	cleanup_free char *pair = NULL;

	if (plan->path == NULL || has_path(env))
		return 0;
	if (asprintf(&pair, "PATH=%s", plan->path) < 0) {
		pair = NULL;
		return err_set(err, ENOMEM, "plan");
	}
	return strv_add(env, pair, err);
}

/* What the operator's programs have. */
static int make_base_env(const struct plan *plan, struct strv *env, struct err *err)
{
	static const char *const base[] = { "TZ=UTC", "LANG=C.UTF-8", "HOME=" AGENT_WORKSPACE };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(base) / sizeof(base[0]); i++)
		r = strv_add(env, base[i], err);
	if (r == 0 && plan->trace[0] != '\0') {
		char pair[sizeof("TRACEPARENT=") + TRACE_CHARS];

		(void)snprintf(pair, sizeof(pair), "TRACEPARENT=%s", plan->trace);
		r = strv_add(env, pair, err);
	}
	return r == 0 ? add_all(&plan->task->env, env, err) : r;
}

static int make_env(
	const struct plan *plan, const struct spec_case *case_, struct strv *env, struct err *err)
{
	int r = make_base_env(plan, env, err);

	if (r == 0)
		r = add_all(&plan->spec->env, env, err);
	if (r == 0 && case_ != NULL)
		r = add_all(&case_->env, env, err);
	if (r == 0)
		r = make_unique(env, err);
	return r == 0 ? add_path(plan, env, err) : r;
}

int plan_set_path(struct plan *plan, const char *path, struct err *err)
{
	char *copy = strdup(path);

	if (copy == NULL)
		return err_set(err, ENOMEM, "plan");
	free(plan->path);
	plan->path = copy;
	return 0;
}

static int make_argv(
	const struct plan *plan, const struct plan_step *step, struct strv *argv, struct err *err)
{
	static const struct strv none = { 0 };
	const struct spec *spec = plan->spec;
	int r;

	if (step->build)
		return set_command(plan, spec, spec->has_build ? &spec->build_command : &none,
			&plan->task->build, argv, err);
	r = set_command(plan, spec, &spec->command, &plan->task->command, argv, err);
	if (r == 0)
		r = add_all(&spec->args, argv, err);
	if (r == 0 && step->case_ != NULL)
		r = add_all(&step->case_->args, argv, err);
	return r;
}

int plan_words(const struct plan *plan, size_t i, struct plan_words *ret, struct err *err)
{
	const struct plan_step *step = &plan->steps[i];
	int r;

	*ret = (struct plan_words){ 0 };
	r = make_argv(plan, step, &ret->argv, err);
	return r == 0 ? make_env(plan, step->case_, &ret->env, err) : r;
}

int plan_checker_words(const struct plan *plan, const char *const *files, size_t n,
	struct plan_words *ret, struct err *err)
{
	int r;

	*ret = (struct plan_words){ 0 };
	r = add_all(&plan->task->checker->command, &ret->argv, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		cleanup_free char *path = NULL;

		if (asprintf(&path, AGENT_WORKSPACE "/%s", files[i]) < 0) {
			path = NULL;
			return err_set(err, ENOMEM, "plan");
		}
		r = strv_add(&ret->argv, path, err);
	}
	if (r == 0)
		r = make_base_env(plan, &ret->env, err);
	if (r == 0)
		r = make_unique(&ret->env, err);
	return r == 0 ? add_path(plan, &ret->env, err) : r;
}

void plan_words_done(struct plan_words *words)
{
	strv_done(&words->argv);
	strv_done(&words->env);
}

/* ---- steps ---- */

static void add_build(struct plan *plan, const struct spec *spec)
{
	size_t words = spec->has_build ? spec->build_command.n : 0;
	struct plan_step *step = &plan->steps[plan->n_steps];

	if (words == 0 && (spec->has_build || plan->task->build.n == 0))
		return;
	plan->n_steps++;
	step->build = true;
	limits_resolve(&plan->task->build_limits, &plan->task->ceilings, &spec->build_limits,
		&step->limits);
}

static void case_limits(const struct plan *plan, const struct spec *spec,
	const struct spec_case *case_, struct limits *ret)
{
	struct limits asked = spec->limits;

	for (size_t i = 0; case_ != NULL && i < LIMIT_MAX_; i++)
		if (case_->limits.v[i] != LIMIT_UNSET)
			asked.v[i] = case_->limits.v[i];
	limits_resolve(&plan->task->limits, &plan->task->ceilings, &asked, ret);
}

static enum compare how_compared(
	const struct plan *plan, const struct spec *spec, const struct spec_case *case_)
{
	if (case_->compare != COMPARE_MAX_)
		return case_->compare;
	return spec->compare != COMPARE_MAX_ ? spec->compare : plan->task->compare;
}

static void add_case(struct plan *plan, const struct spec *spec, const struct spec_case *case_)
{
	struct plan_step *step = &plan->steps[plan->n_steps++];

	step->case_ = case_;
	step->open_stdin = spec->open_stdin;
	case_limits(plan, spec, case_, &step->limits);
	if (case_ != NULL && case_->has_stdin)
		step->stdin_ = case_->stdin_;
	else if (spec->has_stdin)
		step->stdin_ = spec->stdin_;
	if (case_ != NULL && case_->has_expected) {
		step->has_expected = true;
		step->expected = case_->expected;
		step->compare = how_compared(plan, spec, case_);
	}
}

static bool own_disk(const struct plan_step *step)
{
	return step->case_ != NULL && step->case_->limits.v[LIMIT_DISK] != LIMIT_UNSET;
}

/*
 * One container for all steps: it is made for the most of each. They share one workspace,
 * what the build left in it included: only a case that asks for less of it has less.
 */
static void set_limits(struct plan *plan)
{
	plan->limits = plan->steps[0].limits;
	for (size_t i = 1; i < plan->n_steps; i++)
		for (size_t j = 0; j < LIMIT_MAX_; j++)
			if (plan->steps[i].limits.v[j] > plan->limits.v[j])
				plan->limits.v[j] = plan->steps[i].limits.v[j];
	for (size_t i = 0; i < plan->n_steps; i++)
		if (!own_disk(&plan->steps[i]))
			plan->steps[i].limits.v[LIMIT_DISK] = plan->limits.v[LIMIT_DISK];
}

/* What is wrong with the words is wrong before anything runs. */
static int check_words(const struct plan *plan, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->n_steps && i < 2; i++) {
		struct plan_words words;

		r = plan_words(plan, i, &words, err);
		plan_words_done(&words);
	}
	return r;
}

static int check_compare(const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].has_expected && plan->steps[i].compare == COMPARE_CHECKER &&
			plan->task->checker == NULL)
			return err_say(err, EPERM, "the task has no checker");
	return 0;
}

static int check_rights(const struct plan *plan, const struct spec *spec, struct err *err)
{
	const struct task *task = plan->task;

	if (!task->custom_command && (spec->command.n > 0 || spec->has_build))
		return err_say(
			err, EPERM, "task %s does not take a command of the request's", task->name);
	if (spec->network && !task->network)
		return err_say(err, EPERM, "no network is offered to this job");
	return 0;
}

static int make(struct plan *plan, const struct config *config, const char *task,
	const struct spec *spec, struct err *err)
{
	int r = choose_task(plan, config, task, spec, err);

	if (r == 0)
		r = check_rights(plan, spec, err);
	if (r < 0)
		return r;
	plan->steps = calloc(spec->n_cases + 2, sizeof(*plan->steps));
	if (plan->steps == NULL)
		return err_set(err, ENOMEM, "plan");
	plan->collect = spec->has_collect ? &spec->collect : &plan->task->collect;
	plan->stop_on_failure = spec->stop_on_failure;
	plan->spec = spec;
	add_build(plan, spec);
	if (spec->n_cases == 0)
		add_case(plan, spec, NULL);
	for (size_t i = 0; i < spec->n_cases; i++)
		add_case(plan, spec, &spec->cases[i]);
	set_limits(plan);
	r = check_compare(plan, err);
	return r == 0 ? check_words(plan, err) : r;
}

int plan_make(const struct config *config, const char *task, const struct spec *spec,
	struct plan **ret, struct err *err)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	int r;

	if (plan == NULL)
		return err_set(err, ENOMEM, "plan");
	r = make(plan, config, task, spec, err);
	if (r < 0) {
		plan_free(plan);
		return r;
	}
	*ret = plan;
	return 0;
}

void plan_free(struct plan *plan)
{
	if (plan == NULL)
		return;
	free(plan->steps);
	free(plan->path);
	free(plan->image);
	free(plan);
}
