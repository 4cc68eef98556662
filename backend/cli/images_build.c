/* SPDX-License-Identifier: MIT */
#include "images_build.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "common/cleanup.h"
#include "engine_probe.h"

#define PREFIX "dockgate/"

/* Where recipes and programs are, as seen from the directory of this program. */
static const struct {
	const char *recipes, *programs;
} places[] = {
	{ "../share/dockgate/images", "../lib/dockgate/images" }, /* installed */
	{ "../images", "images" },                                /* built in a checkout */
};

struct recipes {
	char dir[PATH_MAX];
	char programs[PATH_MAX];
};

static bool is_there(const char *dir, const char *name, const char *file)
{
	char path[2 * PATH_MAX];
	int n = snprintf(
		path, sizeof(path), "%s/%s%s%s", dir, name, *name != '\0' ? "/" : "", file);

	return n > 0 && (size_t)n < sizeof(path) && access(path, R_OK) == 0;
}

static int find_recipes(struct recipes *ret, struct err *err)
{
	char self[PATH_MAX], path[2 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return err_set(err, errno, "/proc/self/exe");
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", self, places[i].recipes);
		if (realpath(path, ret->dir) == NULL || !is_there(ret->dir, "", "build"))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", self, places[i].programs);
		if (realpath(path, ret->programs) != NULL)
			return 0;
	}
	return err_say(err, ENOENT, "no recipes of images are installed beside %s/dockgate", self);
}

/* "dockgate/NAME" or "dockgate/NAME:latest" with a recipe: NAME, owned by the caller; else NULL. */
static char *recipe_of(const struct recipes *recipes, const char *image)
{
	size_t prefix = sizeof(PREFIX) - 1;
	char *name;
	char *tag;

	if (strncmp(image, PREFIX, prefix) != 0)
		return NULL;
	name = strdup(image + prefix);
	tag = name != NULL ? strchr(name, ':') : NULL;
	if (tag != NULL && strcmp(tag, ":latest") == 0)
		*tag = '\0';
	if (name == NULL || strchr(name, '/') != NULL || !is_there(recipes->dir, name, "recipe")) {
		free(name);
		return NULL;
	}
	return name;
}

static int add_once(struct strv *list, const char *text, struct err *err)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], text) == 0)
			return 0;
	return strv_add(list, text, err);
}

static int add_wanted(const struct recipes *recipes, const struct config *config, struct strv *args,
	struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->n_tasks; i++) {
		cleanup_free char *name = recipe_of(recipes, config->tasks[i].image);

		if (name != NULL)
			r = add_once(args, name, err);
	}
	return r;
}

static int add_all(struct strv *args, const char *const *texts, size_t n, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = strv_add(args, texts[i], err);
	return r;
}

/* The script and its options, a NULL behind them; then the names. */
static int make_args(const struct config *config, char **names, size_t n_names, struct strv *args,
	struct err *err)
{
	struct recipes recipes;
	char script[PATH_MAX + 8];
	const char *const fixed[] = { script, "--programs", recipes.programs };
	int r = find_recipes(&recipes, err);

	if (r < 0)
		return r;
	(void)snprintf(script, sizeof(script), "%s/build", recipes.dir);
	r = add_all(args, fixed, sizeof(fixed) / sizeof(fixed[0]), err);
	if (r == 0 && n_names > 0)
		r = add_all(args, (const char *const *)names, n_names, err);
	else if (r == 0)
		r = add_wanted(&recipes, config, args, err);
	return r < 0 ? r : (int)(args->n - sizeof(fixed) / sizeof(fixed[0]));
}

int images_build(const struct config *config, char **names, size_t n_names)
{
	struct strv args = { 0 };
	struct err err;
	int r = make_args(config, names, n_names, &args, &err);
	char **argv = r > 0 ? calloc(args.n + 1, sizeof(*argv)) : NULL;

	if (r > 0 && argv != NULL && setenv("DOCKER_HOST", engine_probe_host(config), 1) == 0) {
		for (size_t i = 0; i < args.n; i++)
			argv[i] = args.v[i];
		(void)execv(argv[0], argv);
		(void)err_set(&err, errno, "%s", argv[0]);
		r = -1;
	} else if (r > 0) {
		r = err_set(&err, ENOMEM, "images build");
	}
	free(argv);
	strv_done(&args);
	return r < 0 ? cli_fail(1, "%s", err.msg) : 0;
}
