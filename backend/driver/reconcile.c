/* SPDX-License-Identifier: MIT */
#include "reconcile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "container.h"

#define AT_ONCE 4
#define YOUNG_S 4 /* a start takes less */
/* All that a killed driver may have had: what is not listed would never be removed. */
#define LIST_BYTES_MAX (64 * 1024 * 1024)

struct reconcile {
	struct engine *engine;
	reconcile_owns_fn owns;
	reconcile_done_fn done;
	void *arg;
	char instance[INSTANCE_CHARS + 1];
	struct strv orphans;
	size_t next, under_way;
	unsigned removed, young;
	char why[400];
};

static void pump(struct reconcile *rec);

static void finish(struct reconcile *rec)
{
	reconcile_done_fn done = rec->done;
	void *arg = rec->arg;
	unsigned removed = rec->removed, young = rec->young;
	char why[sizeof(rec->why)];

	memcpy(why, rec->why, sizeof(why));
	strv_done(&rec->orphans);
	free(rec);
	done(removed, young, why[0] == '\0' ? NULL : why, arg);
}

static void on_removed(const struct engine_reply *reply, void *arg)
{
	struct reconcile *rec = arg;

	rec->under_way--;
	if (reply->fault == ENGINE_FINE)
		rec->removed++;
	else if (reply->status != 404 && reply->status != 409) /* gone; about to be */
		(void)snprintf(rec->why, sizeof(rec->why), "%s", reply->why);
	pump(rec);
}

static void pump(struct reconcile *rec)
{
	while (rec->under_way < AT_ONCE && rec->next < rec->orphans.n && rec->why[0] == '\0') {
		char path[200];
		struct err err;

		(void)snprintf(path, sizeof(path), "/containers/%s?force=1&v=1",
			rec->orphans.v[rec->next++]);
		if (engine_call(rec->engine,
			    &(struct engine_request){ .method = "DELETE",
				    .path = path,
				    .timeout_ms = ENGINE_LONG_MS },
			    on_removed, rec, &err) == 0)
			rec->under_way++;
		else
			(void)snprintf(rec->why, sizeof(rec->why), "%s", err.msg);
	}
	if (rec->under_way == 0)
		finish(rec);
}

/* The engine filtered by the label; it is looked at once more before anything is removed. */
static bool is_orphan(const struct reconcile_whose *whose, const json_t *item)
{
	const char *id = json_string_value(json_object_get(item, "Id"));
	const char *name = json_string_value(json_array_get(json_object_get(item, "Names"), 0));
	const char *label =
		json_string_value(json_object_get(json_object_get(item, "Labels"), LABEL_INSTANCE));

	return id != NULL && strspn(id, "0123456789abcdef") == strlen(id) && strlen(id) <= 64 &&
	       strlen(id) >= 12 && label != NULL && strcmp(label, whose->instance) == 0 &&
	       !(name != NULL && name[0] == '/' && whose->owns(name + 1, whose->arg));
}

/* The engine's clock may be another machine's: a difference counts both ways. */
static bool is_young(const json_t *item)
{
	const char *state = json_string_value(json_object_get(item, "State"));
	int64_t age_s = clock_unix_ms() / 1000 -
			(int64_t)json_integer_value(json_object_get(item, "Created"));

	return state != NULL && strcmp(state, "created") == 0 && age_s < YOUNG_S &&
	       age_s > -YOUNG_S;
}

int reconcile_read(const struct engine_reply *reply, const struct reconcile_whose *whose,
	struct strv *orphans, unsigned *ret_young, struct err *err)
{
	json_t *list = engine_json(reply, JSON_ARRAY, err), *item;
	unsigned young = 0;
	int r = list == NULL ? -err->code : 0;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (r < 0 || !is_orphan(whose, item))
			continue;
		if (is_young(item))
			young++;
		else
			r = strv_add(orphans, json_string_value(json_object_get(item, "Id")), err);
	}
	json_decref(list);
	if (r == 0)
		*ret_young = young;
	return r;
}

static void on_list(const struct engine_reply *reply, void *arg)
{
	struct reconcile *rec = arg;
	const struct reconcile_whose whose = { rec->instance, rec->owns, rec->arg };
	struct err err;

	if (reconcile_read(reply, &whose, &rec->orphans, &rec->young, &err) < 0)
		(void)snprintf(rec->why, sizeof(rec->why), "%s", err.msg);
	pump(rec);
}

int reconcile_start(struct engine *engine, const char *instance, reconcile_owns_fn owns,
	reconcile_done_fn done, void *arg, struct err *err)
{
	struct reconcile *rec = calloc(1, sizeof(*rec));
	char path[300];
	int r;

	if (rec == NULL)
		return err_set(err, ENOMEM, "reconcile");
	rec->engine = engine;
	rec->owns = owns;
	rec->done = done;
	rec->arg = arg;
	(void)snprintf(rec->instance, sizeof(rec->instance), "%s", instance);
	(void)snprintf(path, sizeof(path),
		"/containers/json?all=1&filters=%%7B%%22label%%22%%3A%%5B%%22%s%%3D%s%%22%%5D%%7D",
		LABEL_INSTANCE, instance);
	r = engine_call(engine,
		&(struct engine_request){
			.method = "GET", .path = path, .reply_max = LIST_BYTES_MAX },
		on_list, rec, err);
	if (r < 0)
		free(rec);
	return r;
}
