/* SPDX-License-Identifier: MIT */
/* Reading a configuration: shared by config_parse.c and what it is made of, and nobody else. */
#pragma once

#include <confuse.h>

#include "config_keys.h"

#define UNKNOWN_MAX 64
#define KEYS(table) (table), table##_n

/* A value as it was written. */
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
	bool no_memory; /* what was read is not all of it, and no mistake of whoever wrote it */
	bool retry;     /* the last parse met an unknown key that the next one will know */
	bool partial;   /* the text ended early: do not complain about what is missing */
};

/* --- config_grammar.c: what libConfuse is told --- */

/* All of rd->plain, as far as it can be read; cfg_free() is for the caller. NULL: no memory. */
cfg_t *config_parse_text(struct reader *rd);
/* The last parse learned that key, which the section does not have. */
bool config_is_unknown(const struct reader *rd, const char *section, const char *name);

/* --- config_values.c: values and their mistakes --- */

/* Counted and reported with the place of that line of the text; the first becomes *rd->err. */
__attribute__((__format__(__printf__, 3, 4))) void config_mistake(
	struct reader *rd, int line, const char *fmt, ...);
/* Then no mistake counts: it may come of this. */
void config_no_memory(struct reader *rd);
/* NAME: expected ..., got "...". */
void config_wrong(struct reader *rd, const struct value *v, const char *name, const char *expected);
/* The option's i-th value, the parse's own. */
const struct value *config_value_at(cfg_opt_t *opt, unsigned i);
/* Where the key's value is, or where its section begins. */
int config_line_of(cfg_t *cfg, const char *name);
/* `to`: where a key of that kind goes; stays as it was where the value is wrong. */
void config_put_number(struct reader *rd, const struct value *v, const struct key *key, void *to);
/* All keys of the section that were written, into the struct at `base`; then those unknown. */
void config_put_keys(struct reader *rd, cfg_t *cfg, const struct key *keys, size_t n, void *base);
void config_report_unknown(struct reader *rd, cfg_t *cfg);

/* --- config_limits.c: sections of limits --- */

#define LIMIT_SECTIONS 3

/* Their names, in limit_set's order. */
extern const char *const config_limit_sections[LIMIT_SECTIONS];

struct limit_set {
	struct limits limits, ceilings, build_limits;
};

void config_limit_set_default(struct limit_set *set);
/* Sections of limits that `cfg` may have: the first n. */
void config_put_limit_sections(struct reader *rd, cfg_t *cfg, size_t n, struct limit_set *set);
void config_put_limits(struct reader *rd, cfg_t *cfg, struct limit_set *set);
/* Section i: a default gives way to a lower ceiling; a limit that someone wrote does not. */
void config_fit_limits(struct reader *rd, cfg_t *cfg, struct limit_set *set, size_t i);

/* --- config_tasks.c, config_clients.c: what there are many of --- */

void config_put_tasks(
	struct reader *rd, cfg_t *cfg, const struct limit_set *defaults, struct config *config);
/* Behind the tasks, which it names. */
void config_put_clients(struct reader *rd, cfg_t *cfg, struct config *config);

/* --- config_checks.c: what keys must be to each other --- */

/* A task without mistakes; warm_max is raised to warm where nobody wrote it. */
void config_check_task(
	struct reader *rd, cfg_t *cfg, const struct config *config, struct task *task);
void config_check_ids(struct reader *rd, cfg_t *cfg, const struct config *c);
void config_check_listen(struct reader *rd, cfg_t *cfg, const struct config *c);
void config_check_auth(struct reader *rd, cfg_t *cfg, const struct config *c);
void config_check_sharing(struct reader *rd, cfg_t *cfg, const struct config *c);
