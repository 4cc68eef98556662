/* SPDX-License-Identifier: MIT */
#include "resolve.h"

#include <string.h>

#include "scan.h"
#include "xalloc.h"

/* A directory by its number. */
struct place {
	char *dir; /* owned */
	size_t number;
	UT_hash_handle hh;
};

struct unique_map {
	const struct import_map *map;
	struct file *page;
	UT_hash_handle hh;
};

struct resolver {
	struct site *site;
	struct place *places;     /* hash */
	struct place **by_number; /* owned */
	size_t n, room;
	struct unique_map *maps; /* hash; all import maps of the site */
	struct file **queue;     /* owned; files whose places have changed */
	size_t queue_n, queue_room;
	struct err *err;
};

static size_t place_number(struct resolver *r, const char *dir)
{
	struct place *place;

	HASH_FIND_STR(r->places, dir, place);
	if (place == NULL) {
		place = xalloc(sizeof(*place));
		place->dir = xdup(dir, strlen(dir));
		place->number = r->n;
		r->by_number = xgrow(r->by_number, &r->room, r->n + 1, sizeof(struct place *));
		r->by_number[r->n++] = place;
		HASH_ADD_KEYPTR(hh, r->places, place->dir, strlen(place->dir), place);
	}
	return place->number;
}

/* Every directory that can be a place is known before sets of them are made. */
static void number_places(struct resolver *r)
{
	for (size_t i = 0; i < r->site->files_n; i++) {
		const struct file *file = r->site->files[i];

		if (file->kind == FILE_OTHER || file->kind == FILE_CSS)
			continue;
		(void)place_number(r, file->dir);
		for (size_t k = 0; k < file->dirs_n; k++)
			(void)place_number(r, file->dirs[k]);
	}
	(void)place_number(r, "");
	(void)place_number(r, url_elsewhere);
}

static size_t words(const struct resolver *r)
{
	return r->n / 64 + 1;
}

static void enqueue(struct resolver *r, struct file *file)
{
	if (file->queued || file->kind != FILE_JS)
		return;
	file->queued = true;
	r->queue = xgrow(r->queue, &r->queue_room, r->queue_n + 1, sizeof(struct file *));
	r->queue[r->queue_n++] = file;
}

static void add_places(struct resolver *r, struct file *file, const uint64_t *places)
{
	bool changed = false;

	if (file->places == NULL)
		file->places = xalloc(words(r) * sizeof(uint64_t));
	for (size_t i = 0; i < words(r); i++) {
		changed |= (places[i] & ~file->places[i]) != 0;
		file->places[i] |= places[i];
	}
	if (changed)
		enqueue(r, file);
}

static void add_place(struct resolver *r, struct file *file, const char *dir)
{
	size_t number = place_number(r, dir);

	if (file->places == NULL)
		file->places = xalloc(words(r) * sizeof(uint64_t));
	if (file->places[number / 64] >> (number % 64) & 1)
		return;
	file->places[number / 64] |= UINT64_C(1) << (number % 64);
	enqueue(r, file);
}

static struct file *find_in(const struct resolver *r, const char *dir, const char *path)
{
	cleanup_free char *whole = url_resolve(&r->site->url, dir, path);

	return whole != NULL ? site_find(r->site, whole) : NULL;
}

/* Calls `each` for every file that the path can mean, seen from where `file` runs. */
typedef void each_target_fn(struct resolver *r, struct file *target, void *data);

static void each_target(struct resolver *r, const struct file *file, const struct ref *ref,
	each_target_fn *each, void *data)
{
	struct file *target;

	if (ref->dir != NULL || file->kind != FILE_JS) {
		target = find_in(r, ref->dir != NULL ? ref->dir : file->dir, ref->path);
		if (target != NULL)
			each(r, target, data);
		return;
	}
	if (file->places == NULL) {
		target = find_in(r, file->dir, ref->path);
		if (target == NULL)
			target = find_in(r, r->site->url.prefix, ref->path);
		if (target != NULL)
			each(r, target, data);
		return;
	}
	for (size_t i = 0; i < r->n; i++) {
		if ((file->places[i / 64] >> (i % 64) & 1) == 0)
			continue;
		target = find_in(r, r->by_number[i]->dir, ref->path);
		if (target != NULL)
			each(r, target, data);
	}
}

/* ---- import maps ---- */

static void collect_maps(struct resolver *r)
{
	for (size_t i = 0; i < r->site->files_n; i++)
		for (size_t k = 0; k < r->site->files[i]->maps_n; k++) {
			const struct import_map *map = &r->site->files[i]->maps[k];
			struct unique_map *unique;

			HASH_FIND_STR(r->maps, map->raw, unique);
			if (unique != NULL)
				continue;
			unique = xalloc(sizeof(*unique));
			unique->map = map;
			unique->page = r->site->files[i];
			HASH_ADD_KEYPTR(hh, r->maps, map->raw, strlen(map->raw), unique);
		}
}

/* What a map makes of an import; *ret_target can be NULL. */
static enum import_found apply_map(struct resolver *r, const struct import_map *map,
	const struct file *file, const struct ref *ref, struct file **ret_target)
{
	cleanup_free char *referrer = xprintf("/%s%s", r->site->url.prefix, file->path);
	cleanup_free char *joined =
		ref->bare ? NULL : url_join(ref->dir != NULL ? ref->dir : file->dir, ref->path);
	cleanup_free char *specifier =
		ref->bare ? xdup(ref->path, strlen(ref->path)) : xprintf("/%s", joined);
	cleanup_free char *path = NULL;
	enum import_found found = import_map_find(map, referrer, specifier, &path);

	*ret_target = found != IMPORT_NONE && path != NULL ? find_in(r, "", path) : NULL;
	return found;
}

struct import_meaning {
	struct file *target;
	enum import_found found;
};

/*
 * All maps that say something about an import must say the same, since its script has one name for
 * all pages. A page with maps of its own is asked alone.
 */
static int import_meaning(
	struct resolver *r, struct file *file, const struct ref *ref, struct import_meaning *ret)
{
	struct import_meaning meaning = { 0 };
	const struct file *first = NULL;
	struct unique_map *unique, *tmp;

	HASH_ITER(hh, r->maps, unique, tmp)
	{
		struct file *target;
		enum import_found found;

		if (file->maps_n > 0 && unique->page != file &&
			strcmp(unique->map->raw, file->maps[0].raw) != 0)
			continue;
		found = apply_map(r, unique->map, file, ref, &target);
		if (found == IMPORT_NONE)
			continue;
		if (first != NULL && (target != meaning.target || found != meaning.found) &&
			(found == IMPORT_PREFIX || meaning.found == IMPORT_PREFIX))
			return err_say(r->err, EINVAL,
				"%s:%u: '%s' means different files by the import maps of %s and %s",
				file->path, file_line(file, ref->begin), ref->path, first->path,
				unique->page->path);
		first = unique->page;
		meaning = (struct import_meaning){ target, found };
	}
	*ret = meaning;
	return 0;
}

/* ---- where scripts run ---- */

struct flow {
	const struct file *from;
	const struct ref *ref;
};

static void mark_worker(struct resolver *r, struct file *target)
{
	if (target->service_worker)
		return;
	target->service_worker = true;
	enqueue(r, target);
}

static void flow_into(struct resolver *r, struct file *target, void *data)
{
	const struct flow *flow = data;
	const struct file *from = flow->from;

	if (target->kind != FILE_JS)
		return;
	switch (flow->ref->use) {
	case REF_SCRIPT:
	case REF_IMPORT:
		if (from->kind != FILE_JS)
			add_place(r, target, flow->ref->dir != NULL ? flow->ref->dir : from->dir);
		else if (from->places != NULL)
			add_places(r, target, from->places);
		if (from->service_worker)
			mark_worker(r, target);
		break;
	case REF_SERVICE:
		mark_worker(r, target);
		add_place(r, target, target->dir);
		break;
	case REF_WORKER:
		add_place(r, target, target->dir);
		break;
	case REF_PLAIN:
	case REF_MANIFEST:
	case REF_SOURCE:
	case REF_LITERAL:
		break;
	}
}

static int flow_from(struct resolver *r, struct file *file)
{
	for (size_t i = 0; i < file->refs_n; i++) {
		struct flow flow = { file, &file->refs[i] };
		struct import_meaning meaning = { 0 };

		if (flow.ref->use == REF_PLAIN || flow.ref->use == REF_LITERAL)
			continue;
		if (flow.ref->use == REF_IMPORT) {
			int code = import_meaning(r, file, flow.ref, &meaning);

			if (code < 0)
				return code;
		}
		if (meaning.target != NULL)
			flow_into(r, meaning.target, &flow);
		else if (!flow.ref->bare)
			each_target(r, file, flow.ref, flow_into, &flow);
	}
	return 0;
}

static int find_places(struct resolver *r)
{
	int code = 0;

	for (size_t i = 0; i < r->site->files_n && code == 0; i++)
		code = flow_from(r, r->site->files[i]);
	while (code == 0 && r->queue_n > 0) {
		struct file *file = r->queue[--r->queue_n];

		file->queued = false;
		code = flow_from(r, file);
	}
	return code;
}

/* ---- targets ---- */

struct choice {
	struct file *target, *other;
};

static void choose(struct resolver *r, struct file *target, void *data)
{
	struct choice *choice = data;

	(void)r;
	if (choice->target == NULL || choice->target == target)
		choice->target = target;
	else
		choice->other = target;
}

static bool is_ours(const char *path)
{
	struct text text = { path, strlen(path), NULL, 0 };

	return text_ends_nocase(&text, ".js") || text_ends_nocase(&text, ".css");
}

static void note(struct file *file, const struct ref *ref)
{
	if (ref->use == REF_LITERAL && ref->target != NULL && !file->service_worker)
		file_note(file, ref->begin,
			"'%s' may mean a file that gets a new name; a string without a known use, "
			"left as it is",
			ref->path);
	else if (ref->use != REF_LITERAL && ref->use != REF_SOURCE && ref->target == NULL &&
		 !ref->bare && is_ours(ref->path) && ref->dir != url_elsewhere)
		file_note(file, ref->begin, "'%s' is not in the site; left as it is", ref->path);
}

static int set_target(struct resolver *r, struct file *file, struct ref *ref)
{
	struct import_meaning meaning = { 0 };
	struct choice choice = { 0 };
	bool literal = ref->use == REF_LITERAL && !file->service_worker;

	if (ref->use == REF_IMPORT) {
		int code = import_meaning(r, file, ref, &meaning);

		if (code < 0)
			return code;
	}
	if (meaning.found == IMPORT_PREFIX || (meaning.found == IMPORT_EXACT && ref->bare)) {
		ref->target = meaning.target;
		ref->keeps = meaning.found == IMPORT_EXACT;
		return 0;
	}
	if (!ref->bare)
		each_target(r, file, ref, choose, &choice);
	if (choice.other != NULL && !literal && (choice.target->renamed || choice.other->renamed))
		return err_say(r->err, EINVAL,
			"%s:%u: '%s' means %s or %s, as the page that loads the script lies",
			file->path, file_line(file, ref->begin), ref->path, choice.target->path,
			choice.other->path);
	ref->target = choice.target;
	if (literal && ref->target != NULL && !ref->target->renamed)
		ref->target = NULL;
	if (meaning.found == IMPORT_NONE)
		note(file, ref);
	ref->keeps = literal;
	return 0;
}

static void resolver_done(struct resolver *r)
{
	struct unique_map *map, *tmp;

	HASH_ITER(hh, r->maps, map, tmp)
	{
		HASH_DEL(r->maps, map);
		free(map);
	}
	HASH_CLEAR(hh, r->places);
	for (size_t i = 0; i < r->n; i++) {
		free(r->by_number[i]->dir);
		free(r->by_number[i]);
	}
	free(r->by_number);
	free(r->queue);
}

int resolve(struct site *site, struct err *err)
{
	CLEANUP(resolver_done) struct resolver r = { .site = site, .err = err };
	int code;

	number_places(&r);
	collect_maps(&r);
	code = find_places(&r);
	for (size_t i = 0; i < site->files_n && code == 0; i++)
		for (size_t k = 0; k < site->files[i]->refs_n && code == 0; k++)
			code = set_target(&r, site->files[i], &site->files[i]->refs[k]);
	return code;
}
