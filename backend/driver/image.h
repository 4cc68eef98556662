/* SPDX-License-Identifier: MIT */
/*
 * Images by the names that tasks give them, resolved to what the engine has:
 * an id that no later tag can change, the PATH of its environment, and the
 * volumes it declares. Never pulled.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "common/strv.h"
#include "engine.h"

#define IMAGE_ID_MAX       255
#define IMAGE_PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct image {
	LIST_ENTRY(image) link;
	char *name;                /* owned */
	char id[IMAGE_ID_MAX + 1]; /* "sha256:...", "" while it is missing */
	char *path;                /* owned; never NULL once resolved */
	struct strv volumes;
	bool checks_health; /* it has a HEALTHCHECK */
	bool asking;
	bool of_a_task; /* and not of a request alone */
	bool was_there; /* once: boxes may know it */
	struct images *images;
	struct image_wait *waits; /* owned */
};

struct images;

/* `changed`, may be NULL: an image came, went or became another. */
int images_new(struct engine *engine, void (*changed)(void *arg), void *arg, struct images **ret,
	struct err *err);
void images_free(struct images *images);

/* The entry for that name, made where there is none. NULL: out of memory. Lives as long as
 * `images`. */
struct image *images_get(struct images *images, const char *name);
/* How many it has. */
size_t images_count(const struct images *images);
bool image_is_ready(const struct image *image);

/* Takes what the engine says of it (/images/NAME/json). Else its id is as it was. */
int image_read(struct image *image, const struct engine_reply *reply, struct err *err);

/*
 * Ask the engine. `done` is called once from the loop: `why` is NULL where the
 * image is there, else says what is missing or broken (`away`: the engine).
 */
typedef void (*image_done_fn)(struct image *image, const char *why, bool away, void *arg);
int image_resolve(struct image *image, image_done_fn done, void *arg, struct err *err);
