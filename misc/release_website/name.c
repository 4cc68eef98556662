/* SPDX-License-Identifier: MIT */
#include "name.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/hex.h"
#include "render.h"
#include "xalloc.h"

struct frame {
	struct file *file;
	size_t next; /* reference to follow */
};

/* Tarjan's algorithm with its own stack: gives cycles, dependencies first. */
struct order {
	const struct site *site;
	struct frame *frames; /* owned */
	size_t frames_n, frames_room;
	struct file **stack; /* owned */
	size_t stack_n, stack_room;
	unsigned index, group;
	struct err *err;
};

static int sha256(const void *bytes, size_t n, uint8_t *ret, struct err *err)
{
	unsigned len = 0;

	if (EVP_Digest(bytes, n, ret, &len, EVP_sha256(), NULL) != 1 || len != SHA256_BYTES)
		return err_say(err, EIO, "SHA-256 failed");
	return 0;
}

char *name_mark(const struct file *file)
{
	char hex[2 * SHA256_BYTES + 1];

	hex_encode(file->sha256, SHA256_BYTES, hex);
	return xprintf("_%s", hex);
}

static int hash_bytes(struct file *file, unsigned but_group, struct err *err)
{
	size_t n = file->n;
	cleanup_free char *released = render(file, but_group, &n);

	return sha256(released != NULL ? released : file->bytes, n, file->sha256, err);
}

static int give_name(const struct site *site, struct file *file, struct err *err)
{
	cleanup_free char *mark = name_mark(file);
	const char *dot = strrchr(file->path, '.');
	const char *slash = strrchr(file->path, '/');
	size_t n;

	file->new_path = xprintf("%.*s%s%s", (int)(dot - file->path), file->path, mark, dot);
	n = strlen(file->new_path) - (slash != NULL ? (size_t)(slash + 1 - file->path) : 0);
	if (n > NAME_MAX)
		return err_say(err, ENAMETOOLONG,
			"%s: its new name would have %zu bytes, the longest has %d", file->path, n,
			NAME_MAX);
	for (size_t i = 0; i < site->dirs_n; i++)
		if (strcmp(site->dirs[i], file->new_path) == 0)
			return err_say(
				err, EEXIST, "%s: its new name is that of a directory", file->path);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp((*(struct file *const *)a)->path, (*(struct file *const *)b)->path);
}

/* Files of one circle; see the header. */
static int hash_cycle(struct file **files, size_t n, struct err *err)
{
	cleanup_text_buf struct text_buf all = { 0 };
	int r;

	qsort(files, n, sizeof(struct file *), by_path);
	for (size_t i = 0; i < n; i++) {
		r = hash_bytes(files[i], files[i]->group, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k <= strlen(files[i]->path); k++)
			text_buf_put(&all, files[i]->path[k], 0);
		for (size_t k = 0; k < SHA256_BYTES; k++)
			text_buf_put(&all, (char)files[i]->sha256[k], 0);
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t group[SHA256_BYTES];
		char input[SHA256_BYTES + PATH_MAX];
		size_t len = strnlen(files[i]->path, PATH_MAX);

		r = sha256(all.s, all.n, group, err);
		if (r < 0)
			return r;
		memcpy(input, group, SHA256_BYTES);
		memcpy(input + SHA256_BYTES, files[i]->path, len);
		r = sha256(input, SHA256_BYTES + len, files[i]->sha256, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool refers_to_itself(const struct file *file)
{
	for (size_t i = 0; i < file->refs_n; i++)
		if (ref_is_marked(&file->refs[i]) && file->refs[i].target == file)
			return true;
	return false;
}

/* The stack from `file` on is one circle, or `file` alone. */
static int finish(struct order *o, struct file *file)
{
	size_t begin = o->stack_n, n;
	struct file **files;
	int r;

	o->group++;
	do {
		begin--;
		o->stack[begin]->on_stack = false;
		o->stack[begin]->group = o->group;
	} while (o->stack[begin] != file);
	files = o->stack + begin;
	n = o->stack_n - begin;
	o->stack_n = begin;
	if (n == 1 && !refers_to_itself(file))
		r = hash_bytes(file, 0, o->err);
	else
		r = hash_cycle(files, n, o->err);
	for (size_t i = 0; i < n && r == 0; i++)
		r = give_name(o->site, files[i], o->err);
	return r;
}

static void enter(struct order *o, struct file *file)
{
	file->index = file->low = ++o->index;
	file->on_stack = true;
	o->stack = xgrow(o->stack, &o->stack_room, o->stack_n + 1, sizeof(struct file *));
	o->stack[o->stack_n++] = file;
	o->frames = xgrow(o->frames, &o->frames_room, o->frames_n + 1, sizeof(*o->frames));
	o->frames[o->frames_n++] = (struct frame){ file, 0 };
}

/* Follows the next reference of the file on top, or ends with it. */
static int step(struct order *o)
{
	struct frame *top = &o->frames[o->frames_n - 1];
	struct file *file = top->file;
	const struct ref *ref;

	if (top->next == file->refs_n) {
		o->frames_n--;
		if (o->frames_n > 0) {
			struct file *above = o->frames[o->frames_n - 1].file;

			above->low = file->low < above->low ? file->low : above->low;
		}
		return file->low == file->index ? finish(o, file) : 0;
	}
	ref = &file->refs[top->next++];
	if (!ref_is_marked(ref))
		return 0;
	if (ref->target->index == 0)
		enter(o, ref->target);
	else if (ref->target->on_stack && ref->target->index < file->low)
		file->low = ref->target->index;
	return 0;
}

static void order_done(struct order *o)
{
	free(o->frames);
	free(o->stack);
}

int name_files(struct site *site, struct err *err)
{
	CLEANUP(order_done) struct order o = { .site = site, .err = err };
	int r = 0;

	for (size_t i = 0; i < site->files_n && r == 0; i++) {
		if (!site->files[i]->renamed || site->files[i]->index != 0)
			continue;
		enter(&o, site->files[i]);
		while (r == 0 && o.frames_n > 0)
			r = step(&o);
	}
	return r;
}
