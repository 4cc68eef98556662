/* SPDX-License-Identifier: MIT */
/*
 * Source maps: "file" is the script or style sheet that the map is about, "sources" are what it was
 * made of, below "sourceRoot"; a map of sections has such maps, or addresses of some, in it.
 */
#include <string.h>

#include "json.h"
#include "scan.h"
#include "xalloc.h"

struct source_map {
	struct scan *scan;
	const char *root; /* directory of the sources */
	bool read_root;
};

static void source_root(struct source_map *map, const struct text *value)
{
	cleanup_free char *path = NULL;
	struct url url;

	if (value->n == 0)
		return;
	if (!url_parse(&map->scan->site->url, value, &url)) {
		map->root = url_elsewhere;
		return;
	}
	path = url.path;
	map->root = scan_keep_dir(map->scan, url_join(map->scan->dir, path));
}

static void string(void *data, const struct json_string *string)
{
	struct source_map *map = data;
	const char *key = string->depth > 0 ? string->keys[string->depth - 1] : "";
	bool in_array = key[0] == '\0' && string->depth > 1;

	if (string->is_key)
		return;
	if (map->read_root) {
		if (strcmp(key, "sourceRoot") == 0)
			source_root(map, &string->value);
	} else if (strcmp(key, "file") == 0 || strcmp(key, "url") == 0) {
		(void)scan_ref(map->scan, &string->value, map->scan->dir, REF_PLAIN);
	} else if (in_array && strcmp(string->keys[string->depth - 2], "sources") == 0) {
		(void)scan_ref(map->scan, &string->value, map->root, REF_SOURCE);
	}
}

void source_map_scan(struct scan *scan, const struct text *text)
{
	struct source_map map = { .scan = scan, .root = scan->dir, .read_root = true };
	struct text json = *text;
	const char *line;

	/* A first line that keeps the map from being run as a script. */
	if (json.n >= 3 && memcmp(json.s, ")]}", 3) == 0) {
		line = memchr(json.s, '\n', json.n);
		json = text_part(&json, line != NULL ? (size_t)(line - json.s) : json.n, json.n);
	}
	(void)json_each_string(&json, string, &map);
	map.read_root = false;
	if (!json_each_string(&json, string, &map))
		file_note(scan->file, 0, "not JSON; copied as it is");
}
