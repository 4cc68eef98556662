/* SPDX-License-Identifier: MIT */
/*
 * From text to a checked configuration. libConfuse reads the syntax; every
 * value is kept as text with its line and converted here by the tables of
 * keys, so that each mistake can be named with its place and what was expected.
 * The first mistake becomes *err, all of them go to the caller's report.
 */
#include <arpa/inet.h>
#include <confuse.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config_keys.h"
#include "gpu.h"
#include "number.h"

#define NAMES_MAX     1200
#define UNKNOWN_MAX   64
#define TASKS_MAX     1000
#define CLIENTS_MAX   1000
#define SOURCE_MAX    512
#define KEYS(table)   (table), table##_n
#define NONE_OF_WORDS (-1)

/* ---- values with their places ------------------------------------------- */

struct value {
	int line; /* of the whole text */
	char text[];
};

struct unknown {
	char section[32];
	char name[64];
};

struct reader {
	const char *text;
	char *plain; /* owned; the same without comments */
	const char *name;
	void (*report)(const char *line, void *arg);
	void *arg;
	struct err *err;
	size_t mistakes;
	struct unknown unknown[UNKNOWN_MAX];
	size_t n_unknown;
	bool retry;   /* the last parse met an unknown key that the next one will know */
	bool partial; /* the text ended early: do not complain about what is missing */
};

/*
 * libConfuse's error function has no argument of ours. Thread-local, set only
 * while cfg_parse_buf() runs.
 */
static _Thread_local struct reader *parsing;

/* Which file and line the text's line came from. */
static void place(const struct reader *rd, int line, char *ret, size_t size)
{
	const char *p = rd->text;
	const char *file = rd->name;
	int file_len = (int)strlen(rd->name);
	long file_line = line;

	for (int i = 1; i < line && *p != '\0'; i++) {
		const char *end = strchrnul(p, '\n');
		char *rest;

		if (strncmp(p, CONFIG_MARK, strlen(CONFIG_MARK)) == 0) {
			file_line = strtol(p + strlen(CONFIG_MARK), &rest, 10) + (line - i - 1);
			file = *rest == ' ' ? rest + 1 : rest;
			file_len = (int)(end - file);
		}
		p = *end == '\n' ? end + 1 : end;
	}
	if (strncmp(file, "environment ", 12) == 0)
		(void)snprintf(ret, size, "%.*s", file_len, file);
	else
		(void)snprintf(ret, size, "%.*s:%ld", file_len, file, file_line);
}

__attribute__((__format__(__printf__, 3, 4))) static void mistake(
	struct reader *rd, int line, const char *fmt, ...)
{
	char where[SOURCE_MAX];
	char what[NAMES_MAX + 400];
	char all[sizeof(where) + sizeof(what) + 4];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	place(rd, line, where, sizeof(where));
	(void)snprintf(all, sizeof(all), "%s: %s", where, what);
	if (rd->mistakes++ == 0)
		(void)err_say(rd->err, EINVAL, "%s", all);
	if (rd->report != NULL)
		rd->report(all, rd->arg);
}

/* ---- what libConfuse is told ------------------------------------------------ */

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

static const char *const limit_sections[] = { "limits", "ceilings", "build_limits" };
#define LIMIT_SECTIONS 3

struct grammar {
	struct opts limits[LIMIT_SECTIONS];
	struct opts defaults, mount, result, checker, task, client, top;
};

static void grammar_fill(struct grammar *g, const struct reader *rd)
{
	for (size_t i = 0; i < LIMIT_SECTIONS; i++) {
		for (int l = 0; l < LIMIT_MAX_; l++)
			opts_value(&g->limits[i], limit_name((enum limit)l), false);
		opts_end(&g->limits[i], rd, limit_sections[i]);
		opts_section(&g->defaults, limit_sections[i], &g->limits[i], 0);
		opts_section(&g->task, limit_sections[i], &g->limits[i], 0);
	}
	opts_end(&g->defaults, rd, "defaults");
	opts_keys(&g->mount, KEYS(mount_keys));
	opts_end(&g->mount, rd, "mount");
	opts_keys(&g->result, KEYS(result_keys));
	opts_end(&g->result, rd, "result");
	opts_keys(&g->checker, KEYS(checker_keys));
	opts_section(&g->checker, limit_sections[0], &g->limits[0], 0);
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

static bool is_unknown(const struct reader *rd, const char *section, const char *name)
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
		strlen(name) >= sizeof(u->name) || is_unknown(rd, section, name))
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
	if (is_unknown(rd, section, name))
		mistake(rd, cfg->line, "unknown key or section '%s'", name);
	else if (strstr(message, "duplicate title") != NULL)
		mistake(rd, cfg->line, "a second section with the name '%s'; expected each once",
			name);
	else
		mistake(rd, cfg->line, "%s", message);
}

/* ---- conversions -------------------------------------------------------------- */

static const struct value *value_at(cfg_opt_t *opt, unsigned i)
{
	return cfg_opt_getnptr(opt, i);
}

static void wrong(struct reader *rd, const struct value *v, const char *name, const char *expected)
{
	mistake(rd, v->line, "%s: expected %s, got \"%.200s\"", name, expected, v->text);
}

static void wrong_range(struct reader *rd, const struct value *v, const struct key *key)
{
	const char *kind =
		key->kind == KIND_BYTES
			? "a number of bytes (K, M, G, T may follow)"
			: (key->kind == KIND_MILLI ? "a number such as 0.5 or 2" : "a number");
	char expected[200];

	if (key->kind == KIND_MILLI)
		(void)snprintf(expected, sizeof(expected), "%s from %g to %g", kind,
			(double)key->min / 1000, (double)key->max / 1000);
	else
		(void)snprintf(expected, sizeof(expected), "%s from %" PRId64 " to %" PRId64, kind,
			key->min, key->max);
	wrong(rd, v, key->name, expected);
}

static int word_index(const char *const *words, const char *text)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return NONE_OF_WORDS;
}

static void wrong_word(struct reader *rd, const struct value *v, const struct key *key)
{
	char expected[200] = "one of:";
	size_t n = strlen(expected);

	for (size_t i = 0; key->words[i] != NULL && n < sizeof(expected); i++)
		n += (size_t)snprintf(expected + n, sizeof(expected) - n, "%s %s", i > 0 ? "," : "",
			key->words[i]);
	wrong(rd, v, key->name, expected);
}

static void put_text(struct reader *rd, const struct value *v, const struct key *key, char **to)
{
	char *copy;

	if (key->check != NULL && !key->check(v->text)) {
		wrong(rd, v, key->name, key->expected);
		return;
	}
	copy = strdup(v->text);
	if (copy == NULL) {
		mistake(rd, v->line, "out of memory");
		return;
	}
	free(*to);
	*to = copy;
}

static void put_list(struct reader *rd, cfg_opt_t *opt, const struct key *key, struct strv *to)
{
	struct err err;

	strv_done(to);
	for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
		const struct value *v = value_at(opt, i);

		if (key->check != NULL && !key->check(v->text))
			wrong(rd, v, key->name, key->expected);
		else if (strv_add(to, v->text, &err) < 0)
			mistake(rd, v->line, "%s", err.msg);
	}
}

static void put_number(struct reader *rd, const struct value *v, const struct key *key, void *to)
{
	int64_t n;
	bool ok;

	if (key->kind == KIND_BYTES)
		ok = number_parse_bytes(v->text, key->min, key->max, &n);
	else if (key->kind == KIND_MILLI)
		ok = number_parse_thousandths(v->text, key->min, key->max, &n);
	else
		ok = number_parse(v->text, key->min, key->max, &n);
	if (!ok)
		wrong_range(rd, v, key);
	else if (key->kind == KIND_INT)
		*(int *)to = (int)n;
	else if (key->kind == KIND_ID)
		*(uint32_t *)to = (uint32_t)n;
	else
		*(int64_t *)to = n;
}

static void put_bool(struct reader *rd, const struct value *v, const struct key *key, bool *to)
{
	static const char *const words[] = { "false", "no", "off", "true", "yes", "on", NULL };
	int i = word_index(words, v->text);

	if (i == NONE_OF_WORDS)
		wrong(rd, v, key->name, "true or false");
	else
		*to = i >= 3;
}

static void put_word(struct reader *rd, const struct value *v, const struct key *key, void *to)
{
	int i = word_index(key->words, v->text);

	if (i == NONE_OF_WORDS)
		wrong_word(rd, v, key);
	else if (key->kind == KIND_FLAG)
		*(bool *)to = i == 1;
	else
		*(unsigned *)to = (unsigned)i; /* gcc's enums without negative values */
}

static void put_key(struct reader *rd, cfg_opt_t *opt, const struct key *key, void *to)
{
	const struct value *v = value_at(opt, 0);

	switch (key->kind) {
	case KIND_LIST:
		put_list(rd, opt, key, to);
		break;
	case KIND_TEXT:
		put_text(rd, v, key, to);
		break;
	case KIND_BOOL:
		put_bool(rd, v, key, to);
		break;
	case KIND_WORD:
	case KIND_FLAG:
		put_word(rd, v, key, to);
		break;
	default:
		put_number(rd, v, key, to);
	}
}

/* Names of a section's keys for a person who wrote another one. */
static void known_names(cfg_t *cfg, const struct reader *rd, char *ret, size_t size)
{
	size_t n = 0;

	*ret = '\0';
	for (unsigned i = 0; i < cfg_num(cfg) && n < size; i++) {
		const char *name = cfg_opt_name(cfg_getnopt(cfg, i));

		if (!is_unknown(rd, cfg->name, name))
			n += (size_t)snprintf(ret + n, size - n, "%s%s", n > 0 ? ", " : "", name);
	}
}

static void report_unknown(struct reader *rd, cfg_t *cfg)
{
	char names[NAMES_MAX];

	for (size_t i = 0; i < rd->n_unknown; i++) {
		cfg_opt_t *opt;

		if (strcmp(rd->unknown[i].section, cfg->name) != 0)
			continue;
		opt = cfg_getopt(cfg, rd->unknown[i].name);
		if (opt == NULL || cfg_opt_size(opt) == 0)
			continue;
		known_names(cfg, rd, names, sizeof(names));
		mistake(rd, value_at(opt, 0)->line, "unknown key '%s'; expected one of: %s",
			rd->unknown[i].name, names);
	}
}

static void put_keys(struct reader *rd, cfg_t *cfg, const struct key *keys, size_t n, void *base)
{
	for (size_t i = 0; i < n; i++) {
		cfg_opt_t *opt = cfg_getopt(cfg, keys[i].name);

		if (opt != NULL && cfg_opt_size(opt) > 0 && value_at(opt, 0) != NULL)
			put_key(rd, opt, &keys[i], (char *)base + keys[i].at);
		else if (opt != NULL && keys[i].kind == KIND_LIST && (opt->flags & CFGF_MODIFIED))
			strv_done((struct strv *)(void *)((char *)base + keys[i].at));
	}
	report_unknown(rd, cfg);
}

/* ---- limits ---------------------------------------------------------------------- */

struct limit_set {
	struct limits limits, ceilings, build_limits;
};

static struct limits *limit_set_at(struct limit_set *set, size_t i)
{
	struct limits *const parts[LIMIT_SECTIONS] = { &set->limits, &set->ceilings,
		&set->build_limits };

	return parts[i];
}

static struct key limit_key(enum limit limit, bool is_ceiling)
{
	bool bytes = strcmp(limit_unit(limit), "bytes") == 0;

	return (struct key){
		.name = limit_name(limit),
		.kind = bytes ? KIND_BYTES : (limit == LIMIT_CPUS ? KIND_MILLI : KIND_INT64),
		.min = limit_min(limit),
		/* A ceiling may be the operator's own, a limit is compared with it afterwards. */
		.max = bytes ? 64 * TIB : (is_ceiling ? 10 * limit_ceiling(limit) : INT32_MAX),
	};
}

/* Sections of limits that `cfg` may have: the first n. */
static void put_limit_sections(struct reader *rd, cfg_t *cfg, size_t n, struct limit_set *set)
{
	for (size_t i = 0; i < n; i++) {
		cfg_t *sec = cfg_size(cfg, limit_sections[i]) > 0
				     ? cfg_getsec(cfg, limit_sections[i])
				     : NULL;

		if (sec == NULL)
			continue;
		for (int l = 0; l < LIMIT_MAX_; l++) {
			struct key key = limit_key((enum limit)l, i == 1);
			cfg_opt_t *opt = cfg_getopt(sec, key.name);

			if (cfg_opt_size(opt) > 0)
				put_number(rd, value_at(opt, 0), &key, &limit_set_at(set, i)->v[l]);
		}
		report_unknown(rd, sec);
	}
}

static int limit_line(cfg_t *cfg, const char *section, const char *name, int otherwise)
{
	cfg_t *sec = cfg_size(cfg, section) > 0 ? cfg_getsec(cfg, section) : NULL;
	cfg_opt_t *opt = sec != NULL ? cfg_getopt(sec, name) : NULL;

	return opt != NULL && cfg_opt_size(opt) > 0 ? value_at(opt, 0)->line : otherwise;
}

static void put_limits(struct reader *rd, cfg_t *cfg, struct limit_set *set)
{
	put_limit_sections(rd, cfg, LIMIT_SECTIONS, set);
}

/* A default gives way to a lower ceiling; a limit that someone wrote does not. */
static void fit_limits(struct reader *rd, cfg_t *cfg, struct limit_set *set, size_t i)
{
	for (int l = 0; l < LIMIT_MAX_; l++) {
		int64_t *v = &limit_set_at(set, i)->v[l];
		int64_t max = set->ceilings.v[l];
		const char *name = limit_name((enum limit)l);
		int line = limit_line(cfg, limit_sections[i], name, 0);

		if (*v <= max)
			continue;
		if (line > 0)
			mistake(rd, line,
				"%s: %s: %" PRId64 " is above the ceiling, %" PRId64
				"; expected at most that, or a higher one in ceilings { }",
				limit_sections[i], name, *v, max);
		*v = max;
	}
}

static void limit_set_default(struct limit_set *set)
{
	limits_default(&set->limits);
	limits_default(&set->build_limits);
	for (int l = 0; l < LIMIT_MAX_; l++)
		set->ceilings.v[l] = limit_ceiling((enum limit)l);
}

/* ---- tasks -------------------------------------------------------------------------- */

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
	const struct value *v = cfg_opt_size(opt) > 0 ? value_at(opt, 0) : NULL;

	report_unknown(rd, sec);
	field->name = strdup(cfg_title(sec));
	if (field->name == NULL || *field->name == '\0' || !config_is_plain(field->name))
		mistake(rd, sec->line, "result: expected a member's name as its title");
	if (v == NULL)
		mistake(rd, sec->line, "result \"%s\": expected lines = 1 or lines = \"2-4\"",
			cfg_title(sec));
	else if (!parse_lines(v->text, field))
		wrong(rd, v, "lines", "a line's number from 1 to 1000000, or two such as \"2-4\"");
}

static void put_fields(struct reader *rd, cfg_t *cfg, struct task *task)
{
	size_t n = cfg_size(cfg, "result");
	struct task_field *fields;

	if (n == 0)
		return;
	fields = calloc(n, sizeof(*fields));
	if (fields == NULL) {
		mistake(rd, cfg->line, "out of memory");
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

	put_keys(rd, sec, KEYS(mount_keys), mount);
	if (rd->mistakes != before)
		return;
	if (mount->source == NULL || mount->target == NULL)
		mistake(rd, sec->line, "mount: expected source = ... and target = ...");
	else if (mount->writable && *mount->source == '/')
		mistake(rd, sec->line,
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
		mistake(rd, cfg->line, "out of memory");
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
		mistake(rd, sec->line, "out of memory");
		return;
	}
	put_keys(rd, sec, KEYS(checker_keys), task->checker);
	put_limit_sections(rd, sec, 1, &set);
	fit_limits(rd, sec, &set, 0);
	task->checker->limits = task->checker->build_limits = set.limits;
	task->checker->ceilings = set.ceilings;
	if (task->checker->command.n == 0)
		mistake(rd, sec->line, "checker: expected command = { ... }");
	if (cfg_size(cfg, "compare") == 0)
		task->compare = COMPARE_CHECKER;
}

static int line_of(cfg_t *cfg, const char *name)
{
	cfg_opt_t *opt = cfg_getopt(cfg, name);

	return cfg_opt_size(opt) > 0 ? value_at(opt, 0)->line : cfg->line;
}

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
			mistake(rd, line_of(sec, "writable"), "mount: writable: %s", expected);
		if (mount->target != NULL && is_covered(mount->target))
			mistake(rd, line_of(sec, "target"), "mount: %s: %s", mount->target,
				expected);
	}
}

static void check_sandbox(struct reader *rd, cfg_t *cfg, const struct task *task)
{
	static const char expected[] = "cannot go with isolation = sandbox; expected container";

	if (task->isolation != ISOLATION_SANDBOX)
		return;
	if (task->network)
		mistake(rd, line_of(cfg, "network"), "network: %s", expected);
	if (task->gpus != NULL)
		mistake(rd, line_of(cfg, "gpus"), "gpus: %s", expected);
	if (task->writable_root)
		mistake(rd, line_of(cfg, "writable_root"), "writable_root: %s", expected);
	check_sandbox_mounts(rd, cfg, task, expected);
}

/* Where the operator says which GPUs there are, a task that asks for others could never run. */
static void check_gpus(
	struct reader *rd, cfg_t *cfg, const struct config *config, const struct task *task)
{
	static struct gpu_list list;
	struct gpu_want want;

	if (task->gpus_shared && task->gpus == NULL)
		mistake(rd, line_of(cfg, "gpus_shared"), "gpus_shared: expected gpus = ..., too");
	if (task->gpus == NULL || config_gpus(config, &list) < 0 || list.n == 0)
		return;
	want = gpu_want_of(task->gpus, task->gpus_shared, &list);
	if (want.count > list.n)
		mistake(rd, line_of(cfg, "gpus"), "gpus: %u; this machine's gpus are %zu",
			want.count, list.n);
	else if (want.unknown)
		mistake(rd, line_of(cfg, "gpus"),
			"gpus: \"%s\" has a device that is not among this machine's gpus",
			task->gpus);
}

static void check_task(
	struct reader *rd, cfg_t *cfg, const struct config *config, struct task *task)
{
	bool max_said = cfg_size(cfg, "warm_max") > 0;

	if (task->image == NULL)
		mistake(rd, cfg->line, "task \"%s\": expected image = \"...\"", task->name);
	if (task->command.n == 0 && !task->custom_command)
		mistake(rd, cfg->line,
			"task \"%s\": expected command = { ... } or custom_command = true",
			task->name);
	if (max_said && task->warm_max < task->warm)
		mistake(rd, line_of(cfg, "warm_max"),
			"warm_max: %d is below warm, %d; expected at least that", task->warm_max,
			task->warm);
	else if (task->warm_max < task->warm)
		task->warm_max = task->warm;
	if (task->compare == COMPARE_CHECKER && task->checker == NULL)
		mistake(rd, line_of(cfg, "compare"),
			"compare: there is no checker; expected checker { command = { ... } }");
	check_sandbox(rd, cfg, task);
	check_gpus(rd, cfg, config, task);
}

static void put_task(struct reader *rd, cfg_t *cfg, const struct config *config,
	const struct limit_set *defaults, struct task *task)
{
	struct limit_set set = *defaults;
	size_t before = rd->mistakes;
	struct err err;

	if (task_defaults(task, cfg_title(cfg), config, &err) < 0) {
		mistake(rd, cfg->line, "%s", err.msg);
		return;
	}
	if (!config_is_name(task->name))
		mistake(rd, cfg->line,
			"task \"%.100s\": expected a name of a-z, 0-9, '_', '-', at most %d long",
			task->name, TASK_NAME_MAX);
	put_keys(rd, cfg, KEYS(task_keys), task);
	put_limits(rd, cfg, &set);
	fit_limits(rd, cfg, &set, 0);
	fit_limits(rd, cfg, &set, 2);
	task->limits = set.limits;
	task->ceilings = set.ceilings;
	task->build_limits = set.build_limits;
	put_mounts(rd, cfg, task);
	put_fields(rd, cfg, task);
	set.limits = defaults->limits;
	if (rd->mistakes == before)
		put_checker(rd, cfg, config, &set, task);
	if (rd->mistakes == before && !rd->partial)
		check_task(rd, cfg, config, task);
}

static void put_tasks(
	struct reader *rd, cfg_t *cfg, const struct limit_set *defaults, struct config *config)
{
	size_t n = cfg_size(cfg, "task");

	if (n > TASKS_MAX) {
		mistake(rd, cfg->line, "%zu tasks; expected at most %d", n, TASKS_MAX);
		return;
	}
	config->tasks = calloc(n + 1, sizeof(*config->tasks));
	if (config->tasks == NULL) {
		mistake(rd, cfg->line, "out of memory");
		return;
	}
	config->n_tasks = n;
	for (size_t i = 0; i < n; i++)
		put_task(rd, cfg_getnsec(cfg, "task", (unsigned)i), config, defaults,
			&config->tasks[i]);
}

/* ---- clients ---------------------------------------------------------------------------- */

/* Its tasks in one text, each of them one that is offered. */
static void put_client_tasks(
	struct reader *rd, cfg_t *cfg, const struct config *config, struct config_client *client)
{
	char *to = client->client.tasks;
	size_t n = 0;

	for (size_t i = 0; i < client->tasks.n; i++) {
		const char *name = client->tasks.v[i];

		if (config_task(config, name) == NULL)
			mistake(rd, line_of(cfg, "tasks"), "tasks: there is no task \"%s\"", name);
		if (n + strlen(name) + 1 > CLIENT_TASKS_MAX) {
			mistake(rd, line_of(cfg, "tasks"),
				"tasks: expected names of %d characters together at most",
				CLIENT_TASKS_MAX);
			return;
		}
		n += (size_t)snprintf(
			to + n, CLIENT_TASKS_MAX + 1 - n, "%s%s", i > 0 ? "," : "", name);
	}
}

static void put_client(
	struct reader *rd, cfg_t *cfg, const struct config *config, struct config_client *client)
{
	size_t before = rd->mistakes;

	client_default(&client->client, cfg_title(cfg));
	if (!config_is_name(cfg_title(cfg)))
		mistake(rd, cfg->line,
			"client \"%.100s\": expected a name of a-z, 0-9, '_', '-', at most %d long",
			cfg_title(cfg), CLIENT_NAME_MAX);
	put_keys(rd, cfg, KEYS(client_keys), client);
	if (rd->mistakes != before || rd->partial)
		return;
	if ((client->token_hash == NULL) == (client->token_file == NULL))
		mistake(rd, cfg->line,
			"client \"%s\": expected token_hash = ... or token_file = ..., one of the "
			"two",
			client->client.name);
	else if (client->token_hash != NULL)
		(void)client_hash_parse(client->token_hash, client->client.token_hash);
	if (client->client.burst > 0 && client->client.rate == 0)
		mistake(rd, line_of(cfg, "burst"), "burst: expected rate = ..., too");
	put_client_tasks(rd, cfg, config, client);
}

/* Two clients with one token: nobody could say whose it is. */
static void check_same_token(struct reader *rd, cfg_t *cfg, const struct config *config, size_t i)
{
	const struct config_client *one = &config->clients[i];

	for (size_t j = 0; j < i; j++) {
		const struct config_client *other = &config->clients[j];

		if ((one->token_hash != NULL && other->token_hash != NULL &&
			    strcmp(one->token_hash, other->token_hash) == 0) ||
			(one->token_file != NULL && other->token_file != NULL &&
				strcmp(one->token_file, other->token_file) == 0))
			mistake(rd, cfg->line,
				"client \"%s\": the token of client \"%s\"; expected one of its "
				"own",
				one->client.name, other->client.name);
	}
}

static void put_clients(struct reader *rd, cfg_t *cfg, struct config *config)
{
	size_t n = cfg_size(cfg, "client");

	if (n == 0)
		return;
	if (n > CLIENTS_MAX) {
		mistake(rd, cfg->line, "%zu clients; expected at most %d", n, CLIENTS_MAX);
		return;
	}
	config->clients = calloc(n, sizeof(*config->clients));
	if (config->clients == NULL) {
		mistake(rd, cfg->line, "out of memory");
		return;
	}
	config->n_clients = n;
	for (size_t i = 0; i < n; i++) {
		cfg_t *sec = cfg_getnsec(cfg, "client", (unsigned)i);

		put_client(rd, sec, config, &config->clients[i]);
		check_same_token(rd, sec, config, i);
	}
}

/* ---- the whole ----------------------------------------------------------------------- */

static void check_ids(struct reader *rd, cfg_t *cfg, const struct config *c)
{
	static const char *const names[] = { "gateway_uid", "queue_uid", "driver_uid",
		"courier_uid" };
	const uid_t uids[] = { c->gateway_uid, c->queue_uid, c->driver_uid, c->courier_uid };
	const size_t n = sizeof(uids) / sizeof(uids[0]);

	for (size_t i = 0; i < n; i++) {
		if (uids[i] == 0)
			mistake(rd, line_of(cfg, names[i]),
				"%s: 0 is root; expected a user without rights", names[i]);
		for (size_t other = i + 1; other < n && uids[i] != 0; other++)
			if (uids[i] == uids[other])
				mistake(rd, line_of(cfg, names[i]),
					"%s and %s are both %u; expected a user for each", names[i],
					names[other], (unsigned)uids[i]);
	}
}

/* Where programs of the machine look for it, and where it is gone after a boot. */
static void place_sockets(struct reader *rd, struct config *c)
{
	if (c->socket_dir != NULL || strcmp(c->state_dir, CONFIG_STATE_DIR) != 0)
		return;
	c->socket_dir = strdup(CONFIG_SOCKET_DIR);
	if (c->socket_dir == NULL)
		mistake(rd, 1, "out of memory");
}

/* Whoever could reach the service could run programs here: that is to be said outright. */
static void check_auth(struct reader *rd, cfg_t *cfg, const struct config *c)
{
	if (c->auth == AUTH_NONE && c->n_clients > 0)
		mistake(rd, line_of(cfg, "auth"),
			"auth: none, but there are clients; expected tokens, or no client "
			"sections");
	if (c->auth == AUTH_NONE || !config_is_open(c))
		return;
	for (size_t i = 0; i < c->listen.n; i++)
		if (!config_is_loopback(c->listen.v[i]))
			mistake(rd, line_of(cfg, "listen"),
				"listen: %s can be reached from outside, and whoever reaches it "
				"could "
				"run programs; expected client sections, or auth = tokens, or, if "
				"that is what you want, auth = none",
				c->listen.v[i]);
}

/* What only makes sense with a database that several machines use. */
static void check_sharing(struct reader *rd, cfg_t *cfg, const struct config *c)
{
	if (c->store_shared && c->database_file == NULL)
		mistake(rd, line_of(cfg, "store_shared"),
			"store_shared: needs a database; expected database_file = ..., too");
	if (c->peer_listen != NULL && !c->store_shared)
		mistake(rd, line_of(cfg, "peer_listen"),
			"peer_listen: nobody shares the store; expected store_shared = true, too");
	if (c->peers.n > 0 && !c->store_shared)
		mistake(rd, line_of(cfg, "peers"),
			"peers: nobody shares the store; expected store_shared = true, too");
}

static void put_all(struct reader *rd, cfg_t *cfg, struct config *config)
{
	static struct gpu_list gpus;
	struct limit_set defaults;
	cfg_t *sec = cfg_size(cfg, "defaults") > 0 ? cfg_getsec(cfg, "defaults") : NULL;

	limit_set_default(&defaults);
	put_keys(rd, cfg, KEYS(config_keys), config);
	if (sec != NULL) {
		put_limits(rd, sec, &defaults);
		fit_limits(rd, sec, &defaults, 0);
		fit_limits(rd, sec, &defaults, 2);
		report_unknown(rd, sec);
	}
	put_tasks(rd, cfg, &defaults, config);
	put_clients(rd, cfg, config);
	place_sockets(rd, config);
	if (rd->partial)
		return;
	check_ids(rd, cfg, config);
	check_auth(rd, cfg, config);
	check_sharing(rd, cfg, config);
	if (config_gpus(config, &gpus) < 0)
		mistake(rd, line_of(cfg, "gpus"),
			"gpus: expected at most %d ids, each of them once", GPU_MAX);
	if (cfg_size(cfg, "classic_task") > 0 && config_task(config, config->classic_task) == NULL)
		mistake(rd, line_of(cfg, "classic_task"), "classic_task: there is no task \"%s\"",
			config->classic_task);
}

static cfg_t *parse_once(struct reader *rd, struct grammar *g)
{
	cfg_t *cfg;

	memset(g, 0, sizeof(*g));
	grammar_fill(g, rd);
	cfg = cfg_init(g->top.v, CFGF_NONE);
	if (cfg == NULL) {
		mistake(rd, 1, "out of memory");
		return NULL;
	}
	(void)cfg_set_error_function(cfg, on_error);
	rd->retry = false;
	parsing = rd;
	rd->partial = cfg_parse_buf(cfg, rd->plain) != CFG_SUCCESS;
	parsing = NULL;
	return cfg;
}

/* The same text again for each unknown key, which the next round knows as such. */
static cfg_t *parse_text(struct reader *rd)
{
	struct grammar *g = calloc(1, sizeof(*g));
	cfg_t *cfg = NULL;

	if (g == NULL) {
		mistake(rd, 1, "out of memory");
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

static void on_variable(int line, void *arg)
{
	mistake(arg, line,
		"\"${\": variables are not filled in here; expected \"\\${\", or single quotes");
}

static uint64_t generation_of(const char *text)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	uint64_t n = 0;

	(void)SHA256((const unsigned char *)text, strlen(text), hash);
	for (size_t i = 0; i < sizeof(n); i++)
		n = n << 8 | hash[i];
	return n;
}

static struct reader *reader_new(const char *text, const char *name,
	void (*report)(const char *line, void *arg), void *arg, struct err *err)
{
	struct reader *rd = calloc(1, sizeof(*rd));
	char *plain = strdup(text);

	if (rd == NULL || plain == NULL) {
		free(rd);
		free(plain);
		(void)err_set(err, ENOMEM, "configuration");
		return NULL;
	}
	config_text_uncomment(plain);
	*rd = (struct reader){
		.text = text,
		.plain = plain,
		.name = name,
		.report = report,
		.arg = arg,
		.err = err,
	};
	return rd;
}

static void reader_free(struct reader *rd)
{
	if (rd != NULL)
		free(rd->plain);
	free(rd);
}

/* Everything but the result: the mistakes are in the reader afterwards. */
static void read_all(struct reader *rd, struct config *config)
{
	int unclosed = config_text_unclosed(rd->text);
	cfg_t *cfg;

	config_text_variables(rd->text, on_variable, rd);
	if (unclosed > 0)
		mistake(rd, unclosed, "\"{\" without its \"}\"; expected one before the end");
	cfg = parse_text(rd);
	if (cfg == NULL)
		return;
	rd->partial = rd->partial || unclosed > 0;
	put_all(rd, cfg, config);
	cfg_free(cfg);
}

int config_parse(const char *text, const char *name, void (*report)(const char *line, void *arg),
	void *arg, struct config **ret, struct err *err)
{
	struct reader *rd = reader_new(text, name, report, arg, err);
	struct config *config;
	int r = 0;

	if (rd == NULL)
		return -err->code;
	config = config_new(err);
	if (config == NULL)
		r = -ENOMEM;
	else
		read_all(rd, config);
	if (r == 0 && rd->mistakes > 0)
		r = -EINVAL;
	reader_free(rd);
	if (r != 0) {
		config_free(config);
		return r;
	}
	config->generation = generation_of(text);
	*ret = config;
	return 0;
}
