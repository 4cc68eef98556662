/* SPDX-License-Identifier: MIT */
#include "agent_volume.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/hex.h"
#include "common/log.h"
#include "container.h"
#include "instance.h"
#include "wire/frame.h"

#define AGENT_BYTES_MAX (64 * 1024 * 1024)
#define TAR_BLOCK       512
#define HASH_CHARS      12
#define REPOSITORY      "dockgate-agent"

/*
 *	IMAGE ──404──► IMPORT ──┐
 *	  └─────────────────────┴► CREATE ─► READ ─► REMOVE ─► LIST ─► done
 *	                             ▲       │  ▲      │
 *	                             │     404  │      │
 *	                             │       └► PUT    │ (once)
 *	                             └── DROP ◄─differs┘ (once)
 *
 * A new volume gets what the image has at its place: with Docker when the container is
 * created, with Podman when it starts, which this one never does. So there it is put.
 */
struct agent_volume {
	uint8_t *bytes; /* owned: the agent */
	size_t n;
	char hash[HASH_CHARS + 1];
	char name[64]; /* of the volume */
	char instance[INSTANCE_CHARS + 1];
	struct engine *engine;
	agent_volume_fn done; /* NULL: nothing is under way */
	void *arg;
	char container[CONTAINER_ID_MAX + 1]; /* the one it is filled and read through */
	bool matches, again;
	bool put;      /* the agent was put there by hand */
	char why[400]; /* what went wrong, told when its container is gone */
};

/* ---- the binary ---- */

static int open_agent(const char *path, struct err *err)
{
	static const char *const near[] = { "dockgate-agent", "backend/agent/dockgate-agent",
		"../lib/dockgate/dockgate-agent", "../agent/dockgate-agent",
		"../../backend/agent/dockgate-agent", "../backend/agent/dockgate-agent" };
	char self[PATH_MAX], text[PATH_MAX + 64];
	ssize_t n;
	int fd = -1;

	if (path != NULL) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		return fd >= 0 ? fd : err_set(err, errno, "open '%s'", path);
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	while (n > 0 && self[n - 1] != '/')
		n--;
	for (size_t i = 0; n > 0 && fd < 0 && i < sizeof(near) / sizeof(near[0]); i++) {
		self[n - 1] = '\0';
		(void)snprintf(text, sizeof(text), "%s/%s", self, near[i]);
		fd = open(text, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		fd = open("/usr/lib/dockgate/dockgate-agent", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_say(err, ENOENT,
			"dockgate-agent is neither next to this program nor in /usr/lib/dockgate");
	return fd;
}

static int read_agent(int fd, struct agent_volume *volume, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "the agent");
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > AGENT_BYTES_MAX)
		return err_say(err, EINVAL, "the agent is no program");
	volume->bytes = malloc((size_t)st.st_size);
	if (volume->bytes == NULL)
		return err_set(err, ENOMEM, "the agent");
	while (volume->n < (size_t)st.st_size) {
		ssize_t n = read(fd, volume->bytes + volume->n, (size_t)st.st_size - volume->n);

		if (n <= 0)
			return err_set(err, n < 0 ? errno : EIO, "read the agent");
		volume->n += (size_t)n;
	}
	return 0;
}

int agent_volume_load(const char *path, struct agent_volume **ret, struct err *err)
{
	struct agent_volume *volume = calloc(1, sizeof(*volume));
	cleanup_close int fd = open_agent(path, err);
	unsigned char md[EVP_MAX_MD_SIZE];
	int r = fd;

	if (volume == NULL)
		return err_set(err, ENOMEM, "the agent");
	if (fd >= 0)
		r = read_agent(fd, volume, err);
	if (r >= 0 && EVP_Digest(volume->bytes, volume->n, md, NULL, EVP_sha256(), NULL) != 1)
		r = err_set(err, ENOMEM, "the agent");
	if (r < 0) {
		agent_volume_free(volume);
		return r;
	}
	hex_encode(md, HASH_CHARS / 2, volume->hash);
	(void)snprintf(volume->name, sizeof(volume->name), "dockgate-agent-%s", volume->hash);
	*ret = volume;
	return 0;
}

void agent_volume_free(struct agent_volume *volume)
{
	if (volume == NULL)
		return;
	free(volume->bytes);
	free(volume);
}

const char *agent_volume_name(const struct agent_volume *volume)
{
	return volume->name;
}

/* ---- tar ---- */

static void tar_header(uint8_t block[static TAR_BLOCK], const char *name, size_t n)
{
	unsigned sum = 0;
	char *text = (char *)block;

	memset(block, 0, TAR_BLOCK);
	(void)snprintf(text, 100, "%s", name);
	(void)snprintf(text + 100, 8, "%07o", 0555U);
	(void)snprintf(text + 108, 8, "%07o", 0U);
	(void)snprintf(text + 116, 8, "%07o", 0U);
	(void)snprintf(text + 124, 12, "%011zo", n);
	(void)snprintf(text + 136, 12, "%011o", 0U);
	memset(block + 148, ' ', 8);
	block[156] = '0';
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): magic and version, no NUL */
	memcpy(block + 257, "ustar\00000", 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += block[i];
	(void)snprintf(text + 148, 8, "%06o", sum);
	block[155] = ' ';
}

int agent_volume_tar(
	const char *name, const void *data, size_t n, uint8_t **ret, size_t *ret_n, struct err *err)
{
	size_t padded = (n + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	size_t total = TAR_BLOCK + padded + 2 * TAR_BLOCK;
	uint8_t *tar = calloc(1, total);

	if (tar == NULL)
		return err_set(err, ENOMEM, "tar");
	tar_header(tar, name, n);
	memcpy(tar + TAR_BLOCK, data, n);
	*ret = tar;
	*ret_n = total;
	return 0;
}

static size_t octal(const uint8_t *field, size_t n)
{
	size_t v = 0;

	for (size_t i = 0; i < n && field[i] >= '0' && field[i] <= '7'; i++)
		v = v * 8 + (size_t)(field[i] - '0');
	return v;
}

/* Is the first regular file of the archive these bytes, executable for all? */
static bool tar_holds(const uint8_t *tar, size_t tar_n, const uint8_t *data, size_t n)
{
	while (tar_n >= TAR_BLOCK) {
		size_t size = octal(tar + 124, 11);
		size_t padded = (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;

		if (size > tar_n || padded > tar_n - TAR_BLOCK)
			return false;
		if (tar[156] == '0' || tar[156] == '\0')
			return size == n && (octal(tar + 100, 7) & 0555) == 0555 &&
			       memcmp(tar + TAR_BLOCK, data, n) == 0;
		if (tar[156] != 'x' && tar[156] != 'g')
			return false;
		tar += TAR_BLOCK + padded;
		tar_n -= TAR_BLOCK + padded;
	}
	return false;
}

/* ---- on the engine ---- */

static void create(struct agent_volume *volume);

static void finish(struct agent_volume *volume, const char *why)
{
	agent_volume_fn done = volume->done;

	volume->done = NULL;
	done(why, volume->arg);
}

static void call(
	struct agent_volume *volume, const struct engine_request *request, engine_done_fn done)
{
	struct err err;

	if (engine_call(volume->engine, request, done, volume, &err) < 0)
		finish(volume, err.msg);
}

/* Our earlier agents' volumes and images; those that are in use stay, the engine sees to it. */
static void on_cleaned(const struct engine_reply *reply, void *arg)
{
	(void)reply;
	(void)arg;
}

static void delete_path(struct agent_volume *volume, const char *kind, const char *name)
{
	char path[400];
	struct err err;

	if (strpbrk(name, "/?#% ") != NULL)
		return;
	(void)snprintf(path, sizeof(path), "/%s/%s", kind, name);
	(void)engine_call(volume->engine,
		&(struct engine_request){
			.method = "DELETE", .path = path, .timeout_ms = ENGINE_LONG_MS },
		on_cleaned, volume, &err);
}

static void on_images(const struct engine_reply *reply, void *arg)
{
	struct agent_volume *volume = arg;
	struct err err;
	json_t *list = engine_json(reply, JSON_ARRAY, &err), *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		json_t *tags = json_object_get(item, "RepoTags");
		const char *tag = json_string_value(json_array_get(tags, 0));

		if (json_array_size(tags) == 1 && tag != NULL &&
			strncmp(tag, REPOSITORY ":", sizeof(REPOSITORY)) == 0 &&
			strcmp(tag + sizeof(REPOSITORY), volume->hash) != 0)
			delete_path(volume, "images", tag);
	}
	json_decref(list);
	finish(volume, NULL);
}

static void filter_by_instance(
	const struct agent_volume *volume, const char *path, char *ret, size_t size)
{
	/* {"label":["org.dockgate.instance=..."]} */
	(void)snprintf(ret, size, "%s?filters=%%7B%%22label%%22%%3A%%5B%%22%s%%3D%s%%22%%5D%%7D",
		path, LABEL_INSTANCE, volume->instance);
}

static void on_volumes(const struct engine_reply *reply, void *arg)
{
	struct agent_volume *volume = arg;
	struct err err;
	json_t *root = engine_json(reply, JSON_OBJECT, &err), *item;
	char path[300];
	size_t i;

	json_array_foreach(json_object_get(root, "Volumes"), i, item)
	{
		const char *name = json_string_value(json_object_get(item, "Name"));

		if (name != NULL && strncmp(name, "dockgate-agent-", 15) == 0 &&
			strcmp(name, volume->name) != 0)
			delete_path(volume, "volumes", name);
	}
	json_decref(root);
	filter_by_instance(volume, "/images/json", path, sizeof(path));
	call(volume, &(struct engine_request){ .method = "GET", .path = path }, on_images);
}

static void on_dropped(const struct engine_reply *reply, void *arg)
{
	struct agent_volume *volume = arg;

	if (reply->fault == ENGINE_FINE || reply->status == 404)
		create(volume);
	else
		finish(volume, reply->why);
}

static void on_removed(const struct engine_reply *reply, void *arg)
{
	struct agent_volume *volume = arg;
	char path[300];

	(void)reply; /* one that stays is found by its label at the next start */
	if (volume->why[0] != '\0') {
		finish(volume, volume->why);
	} else if (volume->matches) {
		filter_by_instance(volume, "/volumes", path, sizeof(path));
		call(volume, &(struct engine_request){ .method = "GET", .path = path }, on_volumes);
	} else if (!volume->again) {
		volume->again = true;
		log_warning(
			"volume=%s holds something else than the agent: made anew", volume->name);
		(void)snprintf(path, sizeof(path), "/volumes/%s", volume->name);
		call(volume, &(struct engine_request){ .method = "DELETE", .path = path },
			on_dropped);
	} else {
		finish(volume, "the engine's volume does not hold the agent that was put there");
	}
}

static void read_back(struct agent_volume *volume);

static void on_put(const struct engine_reply *reply, void *arg)
{
	struct agent_volume *volume = arg;

	(void)reply; /* reading it back tells all */
	read_back(volume);
}

static void put(struct agent_volume *volume)
{
	cleanup_free uint8_t *tar = NULL;
	char path[200];
	struct err err;
	size_t n;

	volume->put = true;
	if (agent_volume_tar("agent", volume->bytes, volume->n, &tar, &n, &err) < 0) {
		finish(volume, err.msg);
		return;
	}
	(void)snprintf(
		path, sizeof(path), "/containers/%s/archive?path=/dockgate", volume->container);
	call(volume,
		&(struct engine_request){ .method = "PUT",
			.path = path,
			.body = tar,
			.body_len = n,
			.content_type = "application/x-tar",
			.timeout_ms = ENGINE_LONG_MS },
		on_put);
}

static void on_read(const struct engine_reply *reply, void *arg)
{
	struct agent_volume *volume = arg;
	char path[200];

	if (reply->status == 404 && !volume->put) {
		put(volume);
		return;
	}
	volume->matches =
		reply->fault == ENGINE_FINE &&
		tar_holds((const uint8_t *)reply->body, reply->len, volume->bytes, volume->n);
	if (reply->fault != ENGINE_FINE && reply->status != 404)
		(void)snprintf(volume->why, sizeof(volume->why), "%s", reply->why);
	(void)snprintf(path, sizeof(path), "/containers/%s?force=1&v=1", volume->container);
	call(volume,
		&(struct engine_request){
			.method = "DELETE", .path = path, .timeout_ms = ENGINE_LONG_MS },
		on_removed);
}

/* This container never runs: nothing in it is anyone else's. */
static void read_back(struct agent_volume *volume)
{
	char path[200];

	(void)snprintf(path, sizeof(path), "/containers/%s/archive?path=%s", volume->container,
		AGENT_PATH);
	call(volume,
		&(struct engine_request){ .method = "GET",
			.path = path,
			.timeout_ms = ENGINE_LONG_MS,
			.reply_max = volume->n + 64 * 1024 },
		on_read);
}

static void on_created(const struct engine_reply *reply, void *arg)
{
	struct agent_volume *volume = arg;
	struct err err;

	if (container_read_id(reply, volume->container, &err) < 0) {
		finish(volume, err.msg);
		return;
	}
	volume->put = false;
	read_back(volume);
}

static void create(struct agent_volume *volume)
{
	json_t *root = json_pack("{s:o, s:[s], s:{s:s}, s:{s:s, s:[{s:s, s:s, s:s, s:{s:{s:s}}}]}}",
		"Image", json_sprintf("%s:%s", REPOSITORY, volume->hash), "Cmd", AGENT_PATH,
		"Labels", LABEL_INSTANCE, volume->instance, "HostConfig", "NetworkMode", "none",
		"Mounts", "Type", "volume", "Source", volume->name, "Target", "/dockgate",
		"VolumeOptions", "Labels", LABEL_INSTANCE, volume->instance);
	cleanup_free char *text = json_dumps(root, JSON_COMPACT);

	json_decref(root);
	if (text == NULL) {
		finish(volume, "out of memory");
		return;
	}
	call(volume,
		&(struct engine_request){ .method = "POST",
			.path = "/containers/create",
			.body = text,
			.body_len = strlen(text),
			.timeout_ms = ENGINE_LONG_MS },
		on_created);
}

/* The import answers 200 and then lines of JSON; a failure is in one of them. */
static void on_imported(const struct engine_reply *reply, void *arg)
{
	struct agent_volume *volume = arg;

	if (reply->fault != ENGINE_FINE)
		finish(volume, reply->why);
	else if (strstr(reply->body, "errorDetail") != NULL)
		finish(volume, "the engine could not import the agent's image");
	else
		create(volume);
}

static void import(struct agent_volume *volume)
{
	cleanup_free uint8_t *tar = NULL;
	char path[400];
	struct err err;
	size_t n;

	if (agent_volume_tar("dockgate/agent", volume->bytes, volume->n, &tar, &n, &err) < 0) {
		finish(volume, err.msg);
		return;
	}
	/* The tag stands in the name: Podman does not look at one of its own. */
	(void)snprintf(path, sizeof(path),
		"/images/create?fromSrc=-&repo=%s%%3A%s&changes=LABEL%%20%s%%3D%s", REPOSITORY,
		volume->hash, LABEL_INSTANCE, volume->instance);
	call(volume,
		&(struct engine_request){ .method = "POST",
			.path = path,
			.body = tar,
			.body_len = n,
			.content_type = "application/x-tar",
			.timeout_ms = ENGINE_LONG_MS },
		on_imported);
}

static void on_image(const struct engine_reply *reply, void *arg)
{
	struct agent_volume *volume = arg;

	if (reply->status == 404)
		import(volume);
	else if (reply->fault != ENGINE_FINE)
		finish(volume, reply->why);
	else
		create(volume);
}

int agent_volume_ensure(struct agent_volume *volume, struct engine *engine, const char *instance,
	agent_volume_fn done, void *arg, struct err *err)
{
	char path[100];

	if (volume->done != NULL)
		return err_set(err, EBUSY, "the agent's volume");
	volume->engine = engine;
	(void)snprintf(volume->instance, sizeof(volume->instance), "%s", instance);
	volume->done = done;
	volume->arg = arg;
	volume->matches = volume->again = false;
	volume->why[0] = '\0';
	(void)snprintf(path, sizeof(path), "/images/%s:%s/json", REPOSITORY, volume->hash);
	if (engine_call(engine, &(struct engine_request){ .method = "GET", .path = path }, on_image,
		    volume, err) < 0) {
		volume->done = NULL;
		return -err->code;
	}
	return 0;
}
