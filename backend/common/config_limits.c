/* SPDX-License-Identifier: MIT */
/* Sections of limits: the operator's defaults, and a task's own. */
#include <inttypes.h>
#include <string.h>

#include "config_reader.h"

const char *const config_limit_sections[LIMIT_SECTIONS] = { "limits", "ceilings", "build_limits" };

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
void config_put_limit_sections(struct reader *rd, cfg_t *cfg, size_t n, struct limit_set *set)
{
	for (size_t i = 0; i < n; i++) {
		cfg_t *sec = cfg_size(cfg, config_limit_sections[i]) > 0
				     ? cfg_getsec(cfg, config_limit_sections[i])
				     : NULL;

		if (sec == NULL)
			continue;
		for (int l = 0; l < LIMIT_MAX_; l++) {
			struct key key = limit_key((enum limit)l, i == 1);
			cfg_opt_t *opt = cfg_getopt(sec, key.name);

			if (cfg_opt_size(opt) > 0)
				config_put_number(rd, config_value_at(opt, 0), &key,
					&limit_set_at(set, i)->v[l]);
		}
		config_report_unknown(rd, sec);
	}
}

static int limit_line(cfg_t *cfg, const char *section, const char *name, int otherwise)
{
	cfg_t *sec = cfg_size(cfg, section) > 0 ? cfg_getsec(cfg, section) : NULL;
	cfg_opt_t *opt = sec != NULL ? cfg_getopt(sec, name) : NULL;

	return opt != NULL && cfg_opt_size(opt) > 0 ? config_value_at(opt, 0)->line : otherwise;
}

void config_put_limits(struct reader *rd, cfg_t *cfg, struct limit_set *set)
{
	config_put_limit_sections(rd, cfg, LIMIT_SECTIONS, set);
}

/* A default gives way to a lower ceiling; a limit that someone wrote does not. */
void config_fit_limits(struct reader *rd, cfg_t *cfg, struct limit_set *set, size_t i)
{
	for (int l = 0; l < LIMIT_MAX_; l++) {
		int64_t *v = &limit_set_at(set, i)->v[l];
		int64_t max = set->ceilings.v[l];
		const char *name = limit_name((enum limit)l);
		int line = limit_line(cfg, config_limit_sections[i], name, 0);

		if (*v <= max)
			continue;
		if (line > 0)
			config_mistake(rd, line,
				"%s: %s: %" PRId64 " is above the ceiling, %" PRId64
				"; expected at most that, or a higher one in ceilings { }",
				config_limit_sections[i], name, *v, max);
		*v = max;
	}
}

void config_limit_set_default(struct limit_set *set)
{
	limits_default(&set->limits);
	limits_default(&set->build_limits);
	for (int l = 0; l < LIMIT_MAX_; l++)
		set->ceilings.v[l] = limit_ceiling((enum limit)l);
}
