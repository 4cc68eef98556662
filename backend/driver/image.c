/* SPDX-License-Identifier: MIT */
#include "image.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"

#define VOLUMES_MAX 64

struct image_wait {
	struct image_wait *next;
	image_done_fn done;
	void *arg;
};

struct images {
	struct engine *engine;
	void (*changed)(void *arg);
	void *arg;
	LIST_HEAD(, image) list;
};

int images_new(struct engine *engine, void (*changed)(void *arg), void *arg, struct images **ret,
	struct err *err)
{
	struct images *images = calloc(1, sizeof(*images));

	if (images == NULL)
		return err_set(err, ENOMEM, "images");
	images->engine = engine;
	images->changed = changed;
	images->arg = arg;
	LIST_INIT(&images->list);
	*ret = images;
	return 0;
}

static void image_free(struct image *image)
{
	struct image_wait *wait;

	while ((wait = image->waits) != NULL) {
		image->waits = wait->next;
		free(wait);
	}
	strv_done(&image->volumes);
	free(image->path);
	free(image->name);
	free(image);
}

void images_free(struct images *images)
{
	struct image *image;

	if (images == NULL)
		return;
	while ((image = LIST_FIRST(&images->list)) != NULL) {
		LIST_REMOVE(image, link);
		image_free(image);
	}
	free(images);
}

struct image *images_get(struct images *images, const char *name)
{
	struct image *image;

	LIST_FOREACH(image, &images->list, link)
	if (strcmp(image->name, name) == 0)
		return image;
	image = calloc(1, sizeof(*image));
	if (image == NULL)
		return NULL;
	image->name = strdup(name);
	image->path = strdup(IMAGE_PATH_DEFAULT);
	image->images = images;
	if (image->name == NULL || image->path == NULL) {
		image_free(image);
		return NULL;
	}
	LIST_INSERT_HEAD(&images->list, image, link);
	return image;
}

size_t images_count(const struct images *images)
{
	const struct image *image;
	size_t n = 0;

	LIST_FOREACH(image, &images->list, link)
	n++;
	return n;
}

bool image_is_ready(const struct image *image)
{
	return image->id[0] != '\0';
}

static int take_path(struct image *image, const json_t *env)
{
	size_t i;
	const json_t *item;
	const char *path = IMAGE_PATH_DEFAULT;
	char *copy;

	json_array_foreach(env, i, item)
	{
		const char *pair = json_string_value(item);

		if (pair != NULL && strncmp(pair, "PATH=", 5) == 0 && pair[5] != '\0')
			path = pair + 5;
	}
	copy = strdup(path);
	if (copy == NULL)
		return -ENOMEM;
	free(image->path);
	image->path = copy;
	return 0;
}

/* False where there is one that we cannot cover: such an image is not run. */
static bool take_volumes(struct image *image, json_t *declared)
{
	const char *path;
	json_t *value;
	struct err err;

	strv_done(&image->volumes);
	json_object_foreach(declared, path, value)
	{
		if (path[0] != '/' || path[1] == '\0' || strpbrk(path, ":,") != NULL ||
			strstr(path, "..") != NULL || image->volumes.n >= VOLUMES_MAX ||
			strv_add(&image->volumes, path, &err) < 0)
			return false;
	}
	return true;
}

int image_read(struct image *image, const struct engine_reply *reply, struct err *err)
{
	json_t *root = engine_json(reply, JSON_OBJECT, err);
	const char *id = json_string_value(json_object_get(root, "Id"));
	json_t *config = json_object_get(root, "Config");
	int r = 0;

	if (root == NULL)
		return -err->code;
	if (id == NULL || id[0] == '\0' || strlen(id) > IMAGE_ID_MAX) {
		r = err_say(err, EPROTO, "image %s: the engine's answer has no id", image->name);
	} else if (!take_volumes(image, json_object_get(config, "Volumes"))) {
		r = err_say(err, EINVAL, "image %s declares volumes that cannot be covered",
			image->name);
	} else if (take_path(image, json_object_get(config, "Env")) < 0) {
		r = err_set(err, ENOMEM, "image %s", image->name);
	} else {
		image->checks_health = json_is_object(json_object_get(config, "Healthcheck"));
		(void)snprintf(image->id, sizeof(image->id), "%s", id);
		image->was_there = true;
	}
	json_decref(root);
	return r;
}

/* What someone can do about it: our own images are built by a script. */
static void say_missing(const struct image *image, char *ret, size_t size)
{
	const char *name = image->name;
	size_t n;

	if (strncmp(name, "dockgate/", 9) == 0 || strncmp(name, "dockgate-", 9) == 0) {
		name += 9;
		n = strcspn(name, ":@");
		(void)snprintf(ret, size,
			"image %s is missing: `dockgate images build %.*s` makes it", image->name,
			(int)n, name);
	} else {
		(void)snprintf(ret, size,
			"image %s is missing: `docker pull %s` gets it, if it is a registry's",
			image->name, image->name);
	}
}

static void tell(struct image *image, const char *why, bool away)
{
	struct image_wait *waits = image->waits;

	image->waits = NULL;
	while (waits != NULL) {
		struct image_wait *wait = waits;

		waits = wait->next;
		wait->done(image, why, away, wait->arg);
		free(wait);
	}
}

/* A name that a request brought and that is nothing's: who asked for it has heard. */
static void forget_made_up(struct image *image)
{
	if (image->of_a_task || image->was_there || image->asking || image->waits != NULL)
		return;
	LIST_REMOVE(image, link);
	image_free(image);
}

static void on_image(const struct engine_reply *reply, void *arg)
{
	struct image *image = arg;
	char before[sizeof(image->id)];
	char why[400] = "";
	struct err err;
	bool away = false;

	memcpy(before, image->id, sizeof(before));
	image->asking = false;
	if (reply->status == 404) {
		image->id[0] = '\0';
		say_missing(image, why, sizeof(why));
	} else if (image_read(image, reply, &err) < 0) {
		away = reply->fault != ENGINE_FINE;
		if (!away)
			image->id[0] = '\0';
		(void)snprintf(why, sizeof(why), "%s", err.msg);
	}
	if (strcmp(before, image->id) != 0) {
		if (image->id[0] != '\0')
			log_info("image=%s id=%s", image->name, image->id);
		if (image->images->changed != NULL)
			image->images->changed(image->images->arg);
	}
	tell(image, why[0] == '\0' ? NULL : why, away);
	forget_made_up(image);
}

/* A name is the operator's or matched the operator's globs; still nothing but a name goes out. */
static bool name_is_safe(const char *name)
{
	for (const char *at = name; *at != '\0'; at++)
		if (!isalnum((unsigned char)*at) && strchr("._-/:@+", *at) == NULL)
			return false;
	return name[0] != '\0' && strstr(name, "..") == NULL && strlen(name) < 256;
}

int image_resolve(struct image *image, image_done_fn done, void *arg, struct err *err)
{
	struct image_wait *wait;
	char path[320];
	int r;

	if (!name_is_safe(image->name))
		return err_say(err, EINVAL, "'%.100s' is not an image's name", image->name);
	wait = calloc(1, sizeof(*wait));
	if (wait == NULL)
		return err_set(err, ENOMEM, "image");
	if (!image->asking) {
		(void)snprintf(path, sizeof(path), "/images/%s/json", image->name);
		r = engine_call(image->images->engine,
			&(struct engine_request){ .method = "GET", .path = path }, on_image, image,
			err);
		if (r < 0) {
			free(wait);
			return r;
		}
		image->asking = true;
	}
	*wait = (struct image_wait){ .next = image->waits, .done = done, .arg = arg };
	image->waits = wait;
	return 0;
}
