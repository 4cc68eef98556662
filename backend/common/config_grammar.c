/* SPDX-License-Identifier: MIT */
/* What libConfuse is told: which keys and sections there are, and whom it tells of mistakes. */
#include <stdlib.h>
#include <string.h>

#include "config_reader.h"

/*
 * libConfuse's error function has no argument of ours. Thread-local, set only
 * while cfg_parse_buf() runs.
 */
static _Thread_local struct reader *parsing;

static int value_new(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	size_t n = strlen(text);
	struct value *v = malloc(sizeof(*v) + n + 1);

	(void)opt;
	if (v == NULL)
		return -1;
	v->line = cfg->line;
	memcpy(v->text, text, n + 1);
	*(struct value **)result = v;
	return 0;
}

#define MAX_OPTS (CONFIG_KEYS_MAX + UNKNOWN_MAX + 8)

/* The options of one section, while they are put together; libConfuse makes its own copy. */
struct opts {
	cfg_opt_t v[MAX_OPTS];
	size_t n;
};

static void opts_value(struct opts *opts, const char *name, bool list)
{
	const cfg_opt_t one = CFG_PTR_CB(name, NULL, CFGF_NODEFAULT, value_new, free);
	const cfg_opt_t many = CFG_PTR_LIST_CB(name, NULL, CFGF_NODEFAULT, value_new, free);

	opts->v[opts->n++] = list ? many : one;
}

static void opts_section(struct opts *opts, const char *name, struct opts *inner, cfg_flag_t flags)
{
	const cfg_opt_t sec = CFG_SEC(name, inner->v, CFGF_NODEFAULT | flags);

	opts->v[opts->n++] = sec;
}

/* Ends the list, with the keys that were found to be unknown here: they are reported later, in
 * place. */
static void opts_end(struct opts *opts, const struct reader *rd, const char *section)
{
	const cfg_opt_t end = CFG_END();

	for (size_t i = 0; i < rd->n_unknown; i++)
		if (strcmp(rd->unknown[i].section, section) == 0)
			opts_value(opts, rd->unknown[i].name, true);
	opts->v[opts->n] = end;
}

static void opts_keys(struct opts *opts, const struct key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		opts_value(opts, keys[i].name, keys[i].kind == KIND_LIST);
}

struct grammar {
	struct opts limits[LIMIT_SECTIONS];
	struct opts defaults, mount, result, checker, task, client, top;
};

static void grammar_fill(struct grammar *g, const struct reader *rd)
{
	for (size_t i = 0; i < LIMIT_SECTIONS; i++) {
		for (int l = 0; l < LIMIT_MAX_; l++)
			opts_value(&g->limits[i], limit_name((enum limit)l), false);
		opts_end(&g->limits[i], rd, config_limit_sections[i]);
		opts_section(&g->defaults, config_limit_sections[i], &g->limits[i], 0);
		opts_section(&g->task, config_limit_sections[i], &g->limits[i], 0);
	}
	opts_end(&g->defaults, rd, "defaults");
	opts_keys(&g->mount, KEYS(mount_keys));
	opts_end(&g->mount, rd, "mount");
	opts_keys(&g->result, KEYS(result_keys));
	opts_end(&g->result, rd, "result");
	opts_keys(&g->checker, KEYS(checker_keys));
	opts_section(&g->checker, config_limit_sections[0], &g->limits[0], 0);
	opts_end(&g->checker, rd, "checker");
	opts_keys(&g->task, KEYS(task_keys));
	opts_section(&g->task, "mount", &g->mount, CFGF_MULTI);
	opts_section(&g->task, "checker", &g->checker, 0);
	opts_section(&g->task, "result", &g->result, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	opts_end(&g->task, rd, "task");
	opts_keys(&g->client, KEYS(client_keys));
	opts_end(&g->client, rd, "client");
	opts_keys(&g->top, KEYS(config_keys));
	opts_section(&g->top, "defaults", &g->defaults, 0);
	opts_section(&g->top, "task", &g->task, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	opts_section(&g->top, "client", &g->client, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	opts_end(&g->top, rd, "root");
}

/* The name in "... option 'NAME'"; false where the message has none. */
static bool quoted_name(const char *message, char *ret, size_t size)
{
	const char *from = strchr(message, '\'');
	const char *to = from != NULL ? strrchr(from, '\'') : NULL;

	if (to == NULL || to == from || (size_t)(to - from) > size)
		return false;
	memcpy(ret, from + 1, (size_t)(to - from - 1));
	ret[to - from - 1] = '\0';
	return true;
}

bool config_is_unknown(const struct reader *rd, const char *section, const char *name)
{
	for (size_t i = 0; i < rd->n_unknown; i++)
		if (strcmp(rd->unknown[i].section, section) == 0 &&
			strcmp(rd->unknown[i].name, name) == 0)
			return true;
	return false;
}

/* An unknown key is learned, so that the next parse gets past it to the mistakes behind. */
static bool learn_unknown(struct reader *rd, const char *section, const char *name)
{
	struct unknown *u = &rd->unknown[rd->n_unknown];

	if (rd->n_unknown == UNKNOWN_MAX || strlen(section) >= sizeof(u->section) ||
		strlen(name) >= sizeof(u->name) || config_is_unknown(rd, section, name))
		return false;
	(void)snprintf(u->section, sizeof(u->section), "%s", section);
	(void)snprintf(u->name, sizeof(u->name), "%s", name);
	rd->n_unknown++;
	rd->retry = true;
	return true;
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct reader *rd = parsing;
	const char *section = cfg->name != NULL ? cfg->name : "root";
	char message[300];
	char name[64] = "";

	(void)vsnprintf(message, sizeof(message), fmt, ap);
	if (quoted_name(message, name, sizeof(name)) && strstr(message, "no such option") != NULL &&
		learn_unknown(rd, section, name))
		return;
	if (config_is_unknown(rd, section, name))
		config_mistake(rd, cfg->line, "unknown key or section '%s'", name);
	else if (strstr(message, "duplicate title") != NULL)
		config_mistake(rd, cfg->line,
			"a second section with the name '%s'; expected each once", name);
	else
		config_mistake(rd, cfg->line, "%s", message);
}

static cfg_t *parse_once(struct reader *rd, struct grammar *g)
{
	cfg_t *cfg;

	memset(g, 0, sizeof(*g));
	grammar_fill(g, rd);
	cfg = cfg_init(g->top.v, CFGF_NONE);
	if (cfg == NULL) {
		config_no_memory(rd);
		return NULL;
	}
	(void)cfg_set_error_function(cfg, on_error);
	rd->retry = false;
	parsing = rd;
	rd->partial = cfg_parse_buf(cfg, rd->plain) != CFG_SUCCESS;
	parsing = NULL;
	/* All else is said by on_error(). */
	if (rd->partial && rd->mistakes == 0 && !rd->retry)
		config_no_memory(rd);
	return cfg;
}

/* The same text again for each unknown key, which the next round knows as such. */
cfg_t *config_parse_text(struct reader *rd)
{
	struct grammar *g = calloc(1, sizeof(*g));
	cfg_t *cfg = NULL;

	if (g == NULL) {
		config_no_memory(rd);
		return NULL;
	}
	do {
		if (cfg != NULL)
			cfg_free(cfg);
		cfg = parse_once(rd, g);
	} while (cfg != NULL && rd->retry);
	free(g);
	return cfg;
}
