/* SPDX-License-Identifier: MIT */
#include "manifest.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "xalloc.h"

static void json_decref_p(json_t **json)
{
	json_decref(*json);
}

int manifest_check(const char *path, const char *dst, struct err *err)
{
	cleanup_free char *dir = url_dir(path);
	cleanup_free char *real = NULL;
	struct stat st;

	real = realpath(dir[0] != '\0' ? dir : path[0] == '/' ? "/" : ".", NULL);
	if (real == NULL)
		return err_set(err, errno, "%s", path);
	if (path_is_in(real, dst))
		return err_say(err, EINVAL, "%s: lies in DST, which is replaced as a whole", path);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(err, EISDIR, "%s", path);
	return 0;
}

static int fill(json_t *names, const struct site *site, struct err *err)
{
	for (size_t i = 0; i < site->files_n; i++) {
		const struct file *file = site->files[i];
		json_t *name;

		if (file->new_path == NULL)
			continue;
		name = json_string(file->new_path);
		if (name == NULL || json_object_set_new(names, file->path, name) != 0)
			return err_say(err, EILSEQ,
				"%s: a name that is not UTF-8 has no place in a manifest",
				file->path);
	}
	return 0;
}

int manifest_write(
	struct manifest *manifest, const char *path, const struct site *site, struct err *err)
{
	CLEANUP(json_decref_p) json_t *names = json_object();
	cleanup_fclose FILE *file = NULL;
	int r = names != NULL ? fill(names, site, err) : err_set(err, ENOMEM, "%s", path);
	int fd;

	if (r < 0)
		return r;
	manifest->path = xdup(path, strlen(path));
	manifest->temporary = xprintf("%s.XXXXXX", path);
	fd = mkstemp(manifest->temporary);
	if (fd < 0) {
		r = err_set(err, errno, "%s", path);
		free(manifest->temporary);
		manifest->temporary = NULL;
		return r;
	}
	file = fdopen(fd, "w");
	if (file == NULL) {
		close_p(&fd);
		return err_set(err, errno, "%s", path);
	}
	if (json_dumpf(names, file, JSON_INDENT(2) | JSON_SORT_KEYS) != 0 ||
		fputc('\n', file) == EOF || fflush(file) != 0 || fchmod(fd, 0644) < 0)
		return err_set(err, errno, "%s", path);
	return 0;
}

int manifest_publish(struct manifest *manifest, struct err *err)
{
	if (rename(manifest->temporary, manifest->path) < 0)
		return err_set(err, errno, "%s", manifest->path);
	free(manifest->temporary);
	manifest->temporary = NULL;
	return 0;
}

void manifest_done(struct manifest *manifest)
{
	if (manifest->temporary != NULL)
		(void)unlink(manifest->temporary);
	free(manifest->temporary);
	free(manifest->path);
}
