/* SPDX-License-Identifier: MIT */
/* Values with their places, what they are converted to, and mistakes in them. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config_reader.h"
#include "number.h"

#define NAMES_MAX     1200
#define SOURCE_MAX    512
#define NONE_OF_WORDS (-1)

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

void config_mistake(struct reader *rd, int line, const char *fmt, ...)
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

void config_no_memory(struct reader *rd)
{
	rd->no_memory = true;
}

/* ---- conversions -------------------------------------------------------------- */

const struct value *config_value_at(cfg_opt_t *opt, unsigned i)
{
	return cfg_opt_getnptr(opt, i);
}

void config_wrong(struct reader *rd, const struct value *v, const char *name, const char *expected)
{
	config_mistake(rd, v->line, "%s: expected %s, got \"%.200s\"", name, expected, v->text);
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
	config_wrong(rd, v, key->name, expected);
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
	config_wrong(rd, v, key->name, expected);
}

static void put_text(struct reader *rd, const struct value *v, const struct key *key, char **to)
{
	char *copy;

	if (key->check != NULL && !key->check(v->text)) {
		config_wrong(rd, v, key->name, key->expected);
		return;
	}
	copy = strdup(v->text);
	if (copy == NULL) {
		config_no_memory(rd);
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
		const struct value *v = config_value_at(opt, i);

		if (key->check != NULL && !key->check(v->text))
			config_wrong(rd, v, key->name, key->expected);
		else if (strv_add(to, v->text, &err) < 0)
			config_no_memory(rd);
	}
}

void config_put_number(struct reader *rd, const struct value *v, const struct key *key, void *to)
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
		config_wrong(rd, v, key->name, "true or false");
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
	const struct value *v = config_value_at(opt, 0);

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
		config_put_number(rd, v, key, to);
	}
}

/* Names of a section's keys for a person who wrote another one. */
static void known_names(cfg_t *cfg, const struct reader *rd, char *ret, size_t size)
{
	size_t n = 0;

	*ret = '\0';
	for (unsigned i = 0; i < cfg_num(cfg) && n < size; i++) {
		const char *name = cfg_opt_name(cfg_getnopt(cfg, i));

		if (!config_is_unknown(rd, cfg->name, name))
			n += (size_t)snprintf(ret + n, size - n, "%s%s", n > 0 ? ", " : "", name);
	}
}

void config_report_unknown(struct reader *rd, cfg_t *cfg)
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
		config_mistake(rd, config_value_at(opt, 0)->line,
			"unknown key '%s'; expected one of: %s", rd->unknown[i].name, names);
	}
}

void config_put_keys(struct reader *rd, cfg_t *cfg, const struct key *keys, size_t n, void *base)
{
	for (size_t i = 0; i < n; i++) {
		cfg_opt_t *opt = cfg_getopt(cfg, keys[i].name);

		if (opt != NULL && cfg_opt_size(opt) > 0 && config_value_at(opt, 0) != NULL)
			put_key(rd, opt, &keys[i], (char *)base + keys[i].at);
		else if (opt != NULL && keys[i].kind == KIND_LIST && (opt->flags & CFGF_MODIFIED))
			strv_done((struct strv *)(void *)((char *)base + keys[i].at));
	}
	config_report_unknown(rd, cfg);
}

int config_line_of(cfg_t *cfg, const char *name)
{
	cfg_opt_t *opt = cfg_getopt(cfg, name);

	return cfg_opt_size(opt) > 0 ? config_value_at(opt, 0)->line : cfg->line;
}
