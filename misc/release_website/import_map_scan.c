/* SPDX-License-Identifier: MIT */
/*
 * Import maps in pages. Keys that are paths are rewritten as the specifiers are that they stand
 * for; addresses as any other reference; keys of "integrity" too, and what they say is renewed.
 */
#include <string.h>

#include "json.h"
#include "scan.h"
#include "xalloc.h"

struct reader {
	struct scan *scan;
	struct import_map *map;
	bool sealing; /* the key before was a reference, the last of the file's */
};

/* The path in the address space that a key or an address names, "/" first; NULL if none. */
static char *whole_path(const struct reader *r, const struct text *text)
{
	cleanup_free char *path = NULL;
	cleanup_free char *whole = NULL;
	const char *dir = r->scan->dir;
	struct url url;

	if (!url_parse(&r->scan->site->url, text, &url))
		return NULL;
	path = url.path;
	if (dir == url_elsewhere && !url.from_there)
		return NULL;
	whole = url_join(url.from_there || dir == NULL ? "" : dir, path);
	return xprintf("/%s", whole);
}

static bool is_path(const char *s)
{
	return s[0] == '/' || strncmp(s, "./", 2) == 0 || strncmp(s, "../", 3) == 0 ||
	       strstr(s, "://") != NULL;
}

static char *key_of(const struct reader *r, const char *key)
{
	struct text text = { key, strlen(key), NULL, 0 };

	return is_path(key) ? whole_path(r, &text) : xdup(key, text.n);
}

/* "imports": {key: address}; `scope` NULL or the key in "scopes". */
static void rule(struct reader *r, const struct json_string *string, const char *scope)
{
	struct text scope_text = { scope, scope != NULL ? strlen(scope) : 0, NULL, 0 };
	struct import_rule found = { 0 };

	if (string->is_key) {
		cleanup_free char *name = xdup(string->value.s, string->value.n);

		if (is_path(name))
			(void)scan_ref(r->scan, &string->value, r->scan->dir, REF_PLAIN);
		return;
	}
	(void)scan_ref(r->scan, &string->value, r->scan->dir, REF_PLAIN);
	if (scope != NULL)
		found.scope = whole_path(r, &scope_text);
	found.key = key_of(r, string->keys[string->depth - 1]);
	found.address = whole_path(r, &string->value);
	if (found.key == NULL || (scope != NULL && found.scope == NULL))
		import_rule_done(&found);
	else
		import_map_add(r->map, &found);
}

static void seal(struct reader *r, const struct json_string *string)
{
	struct file *file = r->scan->file;

	if (string->is_key) {
		r->sealing = scan_ref(r->scan, &string->value, r->scan->dir, REF_PLAIN);
		return;
	}
	if (!r->sealing)
		return;
	file->seals =
		xgrow(file->seals, &file->seals_room, file->seals_n + 1, sizeof(*file->seals));
	file->seals[file->seals_n++] = (struct seal){ text_at(&string->value, 0),
		text_at(&string->value, string->value.n), file->refs_n - 1 };
	r->sealing = false;
}

static void string(void *data, const struct json_string *string)
{
	struct reader *r = data;
	unsigned depth = string->depth + string->is_key;
	const char *first = string->depth > 0 ? string->keys[0] : "";

	if (depth == 2 && strcmp(first, "imports") == 0)
		rule(r, string, NULL);
	else if (depth == 3 && strcmp(first, "scopes") == 0)
		rule(r, string, string->keys[1]);
	else if (depth == 2 && strcmp(first, "scopes") == 0 && string->is_key)
		(void)scan_ref(r->scan, &string->value, r->scan->dir, REF_PLAIN);
	else if (depth == 2 && strcmp(first, "integrity") == 0)
		seal(r, string);
}

void import_map_scan(struct scan *scan, const struct text *text)
{
	struct file *file = scan->file;
	struct import_map map = { 0 };
	struct reader reader = { .scan = scan, .map = &map };

	if (!json_each_string(text, string, &reader)) {
		file_note(file, text_at(text, 0), "import map is not JSON; left as it is");
		return;
	}
	map.raw = xprintf("%s\n%.*s", scan->dir != NULL ? scan->dir : "", (int)text->n, text->s);
	file->maps = xgrow(file->maps, &file->maps_room, file->maps_n + 1, sizeof(*file->maps));
	file->maps[file->maps_n++] = map;
}
