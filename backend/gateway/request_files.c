/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/utf8.h"
#include "request_parts.h"

int request_add_file(struct request *req, const char *name, const struct extent *data,
	bool executable, struct err *err)
{
	struct spec *spec = &req->spec;
	struct spec_file *file;
	int r = spec_file_name_check(name, strlen(name), err);

	if (r < 0)
		return r;
	if (!utf8_valid(name, strlen(name)))
		return err_say(err, EINVAL, "is not UTF-8");
	if (spec->n_files >= SPEC_FILES_MAX)
		return err_say(
			err, EINVAL, "is one file too many, %d are possible", SPEC_FILES_MAX);
	/* Room for a power of two: grown when the number is one. */
	if ((spec->n_files & (spec->n_files - 1)) == 0) {
		size_t room = spec->n_files == 0 ? 1 : spec->n_files * 2;
		struct spec_file *files = realloc(spec->files, room * sizeof(*files));

		if (files == NULL)
			return err_set(err, ENOMEM, "the request's files");
		spec->files = files;
	}
	file = &spec->files[spec->n_files];
	*file = (struct spec_file){ .name = strdup(name), .data = *data, .executable = executable };
	if (file->name == NULL)
		return err_set(err, ENOMEM, "the request's files");
	spec->n_files++;
	return 0;
}

struct file_members {
	const char *name;
	json_t *content, *encoding;
	bool executable;
};

static int read_file_member(
	struct reading *rd, const struct at *at, json_t *value, struct file_members *file)
{
	if (strcmp(at->name, "name") == 0)
		return member_text(rd, at, value, SPEC_NAME_BYTES, &file->name);
	if (strcmp(at->name, "executable") == 0)
		return member_bool(rd, at, value, &file->executable);
	if (strcmp(at->name, "content") == 0)
		file->content = value;
	else if (strcmp(at->name, "encoding") == 0)
		file->encoding = value;
	else
		return member_unknown(rd->err, at);
	return 0;
}

/* The first file may go without a name where the task has one for it. */
static int check_file_members(struct reading *rd, const struct at *at, struct file_members *file)
{
	const struct at name_at = { at, "name", 0 }, content_at = { at, "content", 0 };

	if (file->name == NULL && at->index == 0 && rd->task != NULL)
		file->name = rd->task->main;
	if (file->name == NULL)
		return member_bad(rd->err, &name_at, "is missing");
	if (file->content == NULL)
		return member_bad(rd->err, &content_at, "is missing");
	return 0;
}

static int read_file(struct reading *rd, const struct at *at, json_t *value)
{
	const struct at name_at = { at, "name", 0 };
	const struct at content_at = { at, "content", 0 }, encoding_at = { at, "encoding", 0 };
	struct file_members file = { 0 };
	struct extent data;
	struct err why;
	const char *name;
	json_t *item;
	int r;

	if (!json_is_object(value))
		return member_expected(rd->err, at, "an object", value);
	json_object_foreach(value, name, item)
	{
		struct at here = { at, name, 0 };

		r = read_file_member(rd, &here, item, &file);
		if (r < 0)
			return r;
	}
	r = check_file_members(rd, at, &file);
	if (r < 0)
		return r;
	r = member_content(rd, &content_at, file.content, &encoding_at, file.encoding, &data);
	if (r < 0)
		return r;
	r = request_add_file(rd->req, file.name, &data, file.executable, &why);
	if (r == -EINVAL)
		return member_bad(rd->err, &name_at, "%s", why.msg);
	return r < 0 ? err_say(rd->err, -r, "%s", why.msg) : 0;
}

int request_files_read(struct reading *rd, const struct at *at, json_t *value)
{
	size_t i;
	json_t *item;

	if (!json_is_array(value))
		return member_expected(rd->err, at, "an array", value);
	json_array_foreach(value, i, item)
	{
		struct at here = { at, NULL, i };
		int r = read_file(rd, &here, item);

		if (r < 0)
			return r;
	}
	return 0;
}

/* '/' in front of all others: what lies in a directory stands right behind a file of its name. */
static int by_path(const void *a, const void *b)
{
	const unsigned char *x = *(const unsigned char *const *)a;
	const unsigned char *y = *(const unsigned char *const *)b;

	while (*x != '\0' && *x == *y) {
		x++;
		y++;
	}
	return (*x == '/'           ? 1
		       : *x == '\0' ? 0
				    : *x + 1) -
	       (*y == '/'           ? 1
		       : *y == '\0' ? 0
				    : *y + 1);
}

int request_files_check(struct reading *rd)
{
	const struct spec *spec = &rd->req->spec;
	const struct at files_at = { NULL, "files", 0 };
	cleanup_free const char **names = NULL;

	if (spec->n_files < 2)
		return 0;
	names = calloc(spec->n_files, sizeof(*names));
	if (names == NULL)
		return err_set(rd->err, ENOMEM, "the request's files");
	for (size_t i = 0; i < spec->n_files; i++)
		names[i] = spec->files[i].name;
	qsort(names, spec->n_files, sizeof(*names), by_path);
	for (size_t i = 1; i < spec->n_files; i++) {
		size_t n = strlen(names[i - 1]);

		if (strncmp(names[i - 1], names[i], n) != 0)
			continue;
		if (names[i][n] == '\0')
			return member_bad(
				rd->err, &files_at, "two have the name \"%.100s\"", names[i]);
		if (names[i][n] == '/')
			return member_bad(rd->err, &files_at,
				"\"%.80s\" is a file, and a directory in \"%.80s\"", names[i - 1],
				names[i]);
	}
	return 0;
}
