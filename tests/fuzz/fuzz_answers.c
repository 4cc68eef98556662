/* SPDX-License-Identifier: MIT */
/* What the engine answers to each call that reads more than its status. */
#include "driver/container.h"
#include "driver/engine.h"
#include "driver/image.h"
#include "driver/reconcile.h"
#include "fuzz.h"

#define HEX "0123456789abcdef"

static bool owns(const char *name, void *arg)
{
	(void)arg;
	return strcmp(name, "ours") == 0;
}

static void read_image(const struct engine_reply *reply)
{
	static struct images *images;
	struct image *image;
	struct err err;

	if (images == NULL)
		MUST(images_new(NULL, NULL, NULL, &images, &err) == 0);
	image = images_get(images, "fuzz");
	MUST(image != NULL);
	if (image_read(image, reply, &err) == 0)
		MUST(image_is_ready(image) && image->path[0] != '\0');
	for (size_t i = 0; i < image->volumes.n; i++)
		MUST(image->volumes.v[i][0] == '/' && strstr(image->volumes.v[i], "..") == NULL);
}

/* Only what has our label is removed, and by an id that is nothing else. */
static void read_list(const struct engine_reply *reply)
{
	const struct reconcile_whose whose = { "instance", owns, NULL };
	struct strv orphans = { 0 };
	unsigned young = 0;
	struct err err;

	(void)reconcile_read(reply, &whose, &orphans, &young, &err);
	for (size_t i = 0; i < orphans.n; i++) {
		size_t n = strlen(orphans.v[i]);

		MUST(n >= 12 && n <= 64 && strspn(orphans.v[i], HEX) == n);
		MUST(strstr(reply->body, "instance") != NULL || strchr(reply->body, '\\') != NULL);
	}
	strv_done(&orphans);
}

static void read_container(const struct engine_reply *reply)
{
	struct container_state state;
	char id[CONTAINER_ID_MAX + 1];
	struct err err;

	if (container_read_id(reply, id, &err) == 0)
		MUST(id[0] != '\0' && strspn(id, HEX) == strlen(id));
	if (container_read_state(reply, &state, &err) == 0)
		MUST(state.exit_code >= -1 && state.exit_code <= 255);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = fuzz_text(data, n);
	struct engine_reply reply = { .status = 200, .body = text, .len = n };
	int minor = 0;
	struct err err;

	read_image(&reply);
	read_list(&reply);
	read_container(&reply);
	engine_message(&reply, reply.why, sizeof(reply.why));
	MUST(strlen(reply.why) < sizeof(reply.why));
	reply.fault = ENGINE_REFUSED;
	(void)engine_tried(&reply);
	if (engine_agree(text, n, ENGINE_API_MINOR, &minor, &err) == 0)
		MUST(minor >= ENGINE_API_FLOOR && minor <= ENGINE_API_MINOR);
	free(text);
	return 0;
}
