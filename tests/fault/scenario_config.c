/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/config.h"
#include "scenario.h"

static const char text[] =
	"retention_s = 30\nlisten = { \"127.0.0.1:1\", \"[::1]:2\" }\nserver_names = { "
	"\"a.example\" }\n"
	"origins = { \"https://a.example\" }\nimages_allowed = { \"a/*\", \"b\" }\n"
	"defaults { limits { cpu_ms = 500 } ceilings { cpus = 2 } }\n"
	"client \"alice\" { weight = 3 tasks = { \"py\" } token_hash = "
	"\"sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\" }\n"
	"task \"py\" {\n description = 'runs \"it\"'\n image = \"dockgate/python:1\"\n"
	" command = {\"python3\", \"{main}\"}\n main = \"main.py\"\n sources = { \"*.py\" }\n"
	" env = { \"A=b c\" }\n network = true\n on_output_limit = kill\n compare = tokens\n warm "
	"= 7\n"
	" collect = { \"out/*.png\", \"data/*.csv\" }\n concurrency = 2\n"
	" limits { memory_bytes = 1G wall_ms = 900 cpus = 0.5 }\n"
	" mount { source = \"/srv/x\" target = \"/workspace/upload\" }\n"
	" result \"a\" { lines = 3 }\n result \"b\" { lines = \"2-9\" }\n}\n"
	"task \"checked\" { image = \"i:1\" command = { \"a\" } checker { command = { \"/c\" } } "
	"}\n";

static void check(const struct config *c)
{
	const struct task *t = c == NULL ? NULL : config_task(c, "py");

	WANT(t != NULL);
	if (t == NULL)
		return;
	WANT(c->retention_s == 30);
	WANT(c->listen.n == 2 && strcmp(c->listen.v[1], "[::1]:2") == 0);
	WANT(c->n_clients == 1 && c->clients[0].tasks.n == 1);
	WANT(c->images_allowed.n == 2);
	WANT(t->command.n == 2 && strcmp(t->command.v[1], "{main}") == 0);
	WANT(strcmp(t->description, "runs \"it\"") == 0);
	WANT(t->n_fields == 2 && t->n_mounts == 1 && t->env.n == 1);
	WANT(t->limits.v[LIMIT_WALL] == 900 && t->limits.v[LIMIT_CPU] == 500);
	WANT(config_task(c, "checked")->checker != NULL);
}

static int parse(struct err *err)
{
	struct config *config = NULL;
	int r = config_parse(text, "t.conf", NULL, NULL, &config, err);

	if (r < 0)
		return r;
	check(config);
	config_free(config);
	return 0;
}

static int write_files(void)
{
	cleanup_fclose FILE *f = fopen("dockgate.conf", "w");
	cleanup_fclose FILE *included = fopen("tasks.conf", "w");

	return f == NULL || included == NULL || fputs("include(\"tasks.conf\")\n", f) < 0 ||
			       fputs(text, included) < 0
		       ? -1
		       : 0;
}

static int load(struct err *err)
{
	struct config *config = NULL;
	int r = config_load("dockgate.conf", NULL, NULL, &config, err);

	if (r < 0)
		return r;
	check(config);
	config_free(config);
	return 0;
}

/* What a role is handed, and reads again. */
static int hand_over(struct err *err)
{
	cleanup_free char *all = NULL;
	struct config *config = NULL;
	int r = config_text("dockgate.conf", &all, err);

	if (r == 0)
		r = config_parse(all, "handed over", NULL, NULL, &config, err);
	if (r < 0)
		return r;
	check(config);
	config_free(config);
	return 0;
}

const struct scenario config_scenarios[] = { { "config-parse", NULL, parse, NULL },
	{ "config-load", write_files, load, NULL }, { "config-text", write_files, hand_over, NULL },
	{ 0 } };
