/* SPDX-License-Identifier: MIT */
#include "import_map.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

static bool ends_with_slash(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && s[n - 1] == '/';
}

static bool starts_with(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool in_scope(const char *scope, const char *referrer)
{
	return strcmp(scope, referrer) == 0 ||
	       (ends_with_slash(scope) && starts_with(referrer, scope));
}

static bool same_scope(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The longest of the keys in one scope that fits. */
static const struct import_rule *match(
	const struct import_map *map, const char *scope, const char *specifier)
{
	const struct import_rule *best = NULL;

	for (size_t i = 0; i < map->n; i++) {
		const struct import_rule *rule = &map->rules[i];

		if (!same_scope(rule->scope, scope))
			continue;
		if (strcmp(rule->key, specifier) != 0 &&
			!(ends_with_slash(rule->key) && starts_with(specifier, rule->key)))
			continue;
		if (best == NULL || strlen(rule->key) > strlen(best->key))
			best = rule;
	}
	return best;
}

/* The next scope, wider than `than` (NULL: the narrowest), that holds the referrer. */
static const char *next_scope(const struct import_map *map, const char *referrer, const char *than)
{
	const char *best = NULL;

	for (size_t i = 0; i < map->n; i++) {
		const char *scope = map->rules[i].scope;

		if (scope == NULL || !in_scope(scope, referrer) ||
			(than != NULL && strlen(scope) >= strlen(than)))
			continue;
		if (best == NULL || strlen(scope) > strlen(best))
			best = scope;
	}
	return best;
}

enum import_found import_map_find(
	const struct import_map *map, const char *referrer, const char *specifier, char **ret_path)
{
	const struct import_rule *rule = NULL;
	const char *scope = NULL;

	do {
		scope = next_scope(map, referrer, scope);
		rule = match(map, scope, specifier);
	} while (rule == NULL && scope != NULL);
	if (rule == NULL)
		return IMPORT_NONE;
	if (strcmp(rule->key, specifier) == 0) {
		*ret_path =
			rule->address != NULL ? xdup(rule->address, strlen(rule->address)) : NULL;
		return IMPORT_EXACT;
	}
	*ret_path = rule->address != NULL && ends_with_slash(rule->address)
			    ? xprintf("%s%s", rule->address, specifier + strlen(rule->key))
			    : NULL;
	return IMPORT_PREFIX;
}

void import_map_add(struct import_map *map, const struct import_rule *rule)
{
	map->rules = xgrow(map->rules, &map->room, map->n + 1, sizeof(*map->rules));
	map->rules[map->n++] = *rule;
}

void import_rule_done(struct import_rule *rule)
{
	free(rule->scope);
	free(rule->key);
	free(rule->address);
	*rule = (struct import_rule){ 0 };
}

void import_map_done(struct import_map *map)
{
	for (size_t i = 0; i < map->n; i++)
		import_rule_done(&map->rules[i]);
	free(map->rules);
	free(map->raw);
	*map = (struct import_map){ 0 };
}
