/* SPDX-License-Identifier: MIT */
#include "site.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "xalloc.h"

/* Offsets are 32 bits wide; nothing that a browser reads comes near. */
#define SCANNED_MAX (1L << 30)
#define DEPTH_MAX   200

static void closedir_p(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

struct walk {
	struct site *site;
	struct stat above[DEPTH_MAX]; /* the directories that the walk is in */
	unsigned depth;
};

static const struct {
	const char *ending;
	enum file_kind kind;
} kinds[] = {
	{ ".html", FILE_HTML },
	{ ".htm", FILE_HTML },
	{ ".shtml", FILE_HTML },
	{ ".xhtml", FILE_XML },
	{ ".xht", FILE_XML },
	{ ".svg", FILE_XML },
	{ ".css", FILE_CSS },
	{ ".js", FILE_JS },
	{ ".mjs", FILE_JS },
	{ ".map", FILE_SOURCE_MAP },
	{ ".webmanifest", FILE_MANIFEST },
};

static enum file_kind kind_of(const char *path)
{
	struct text name = { path, strlen(path), NULL, 0 };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (text_ends_nocase(&name, kinds[i].ending))
			return kinds[i].kind;
	return FILE_OTHER;
}

/* NAME.css and NAME.js; a name that is nothing but an ending has no NAME. */
static bool is_renamed(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	return dot != NULL && dot > name && (strcmp(dot, ".css") == 0 || strcmp(dot, ".js") == 0);
}

static void add_file(struct site *site, const char *path, const struct stat *st)
{
	struct file *file = xalloc(sizeof(*file));
	cleanup_free char *dir = url_dir(path);

	file->path = xdup(path, strlen(path));
	file->dir = xprintf("%s%s", site->url.prefix, dir);
	file->kind = kind_of(path);
	file->renamed = is_renamed(path);
	file->st = *st;
	site->files =
		xgrow(site->files, &site->files_room, site->files_n + 1, sizeof(*site->files));
	site->files[site->files_n++] = file;
	HASH_ADD_KEYPTR(hh, site->by_path, file->path, strlen(file->path), file);
}

static void add_dir(struct site *site, const char *path, mode_t mode)
{
	site->dirs = xgrow(site->dirs, &site->dirs_room, site->dirs_n + 1, sizeof(*site->dirs));
	site->dir_modes = xgrow(
		site->dir_modes, &site->modes_room, site->dirs_n + 1, sizeof(*site->dir_modes));
	site->dir_modes[site->dirs_n] = mode & 0777;
	site->dirs[site->dirs_n++] = xdup(path, strlen(path));
}

/* A link is released as what it leads to, if that is part of the site. */
static int check_link(const struct site *site, const char *path, struct err *err)
{
	cleanup_free char *whole = xprintf("%s/%s", site->src, path);
	cleanup_free char *real = realpath(whole, NULL);
	size_t n = strlen(site->src);

	if (real == NULL)
		return err_set(err, errno, "%s: symbolic link", path);
	if (strncmp(real, site->src, n) != 0 || (real[n] != '/' && real[n] != '\0' && n > 1))
		return err_say(err, EXDEV, "%s: a symbolic link that leads out of the site", path);
	return 0;
}

static int walk_dir(struct walk *w, int fd_taken, const char *path, struct err *err);

static int walk_into(struct walk *w, int parent_fd, const char *name, const char *path,
	const struct stat *st, struct err *err)
{
	int fd;

	for (unsigned i = 0; i < w->depth; i++)
		if (w->above[i].st_dev == st->st_dev && w->above[i].st_ino == st->st_ino)
			return err_say(
				err, ELOOP, "%s: a symbolic link to a directory above", path);
	if (w->depth == DEPTH_MAX)
		return err_say(err, ELOOP, "%s: more than %d directories deep", path, DEPTH_MAX);
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "%s", path);
	add_dir(w->site, path, st->st_mode);
	w->above[w->depth++] = *st;
	{
		int r = walk_dir(w, fd, path, err);

		w->depth--;
		return r;
	}
}

static int walk_entry(struct walk *w, int fd, const char *dir, const char *name, struct err *err)
{
	cleanup_free char *path = xprintf("%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);
	struct stat st;
	int r;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "%s", path);
	if (S_ISLNK(st.st_mode)) {
		r = check_link(w->site, path, err);
		if (r < 0)
			return r;
		if (fstatat(fd, name, &st, 0) < 0)
			return err_set(err, errno, "%s", path);
	}
	if (S_ISDIR(st.st_mode))
		return walk_into(w, fd, name, path, &st, err);
	if (!S_ISREG(st.st_mode))
		return err_say(err, EINVAL, "%s: neither a file nor a directory", path);
	add_file(w->site, path, &st);
	return 0;
}

static int walk_dir(struct walk *w, int fd_taken, const char *path, struct err *err)
{
	CLEANUP(closedir_p) DIR *dir = fdopendir(fd_taken);

	if (dir == NULL) {
		int code = errno;

		close_p(&fd_taken);
		return err_set(err, code, "%s", path);
	}
	for (;;) {
		const struct dirent *entry;
		int r;

		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			return errno != 0 ? err_set(err, errno, "%s", path) : 0;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = walk_entry(w, dirfd(dir), path, entry->d_name, err);
		if (r < 0)
			return r;
	}
}

static int by_path(const void *a, const void *b)
{
	return strcmp((*(struct file *const *)a)->path, (*(struct file *const *)b)->path);
}

int site_open(struct site *site, const char *src, const char *base_url, struct err *err)
{
	cleanup_free struct walk *w = xalloc(sizeof(*w));
	cleanup_close int fd = -EBADF;
	int r;

	r = url_site_init(&site->url, base_url, err);
	if (r < 0)
		return r;
	site->src = realpath(src, NULL);
	fd = open(src, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || site->src == NULL)
		return err_set(err, errno, "%s", src);
	w->site = site;
	if (fstat(fd, &w->above[w->depth++]) < 0)
		return err_set(err, errno, "%s", src);
	r = walk_dir(w, TAKE_FD(fd), "", err);
	if (r < 0)
		return r;
	if (site->files_n > 0)
		qsort(site->files, site->files_n, sizeof(struct file *), by_path);
	return 0;
}

static void free_strings(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

static void free_file(struct file *file)
{
	for (size_t i = 0; i < file->refs_n; i++)
		free(file->refs[i].path);
	for (size_t i = 0; i < file->maps_n; i++)
		import_map_done(&file->maps[i]);
	free_strings(file->dirs, file->dirs_n);
	free_strings(file->notes, file->notes_n);
	free(file->maps);
	free(file->refs);
	free(file->seals);
	free(file->inlines);
	free(file->policies);
	free(file->places);
	free(file->bytes);
	free(file->path);
	free(file->new_path);
	free(file->dir);
	free(file);
}

void site_done(struct site *site)
{
	HASH_CLEAR(hh, site->by_path);
	for (size_t i = 0; i < site->files_n; i++)
		free_file(site->files[i]);
	free(site->files);
	free_strings(site->dirs, site->dirs_n);
	free(site->dir_modes);
	free(site->src);
	url_site_done(&site->url);
	*site = (struct site){ 0 };
}

struct file *site_find(const struct site *site, const char *path)
{
	struct file *file;

	HASH_FIND(hh, site->by_path, path, strlen(path), file);
	return file;
}

/* Reads to the end, whatever length the file had when it was looked at. */
static int read_all(int fd, struct file *file, struct err *err)
{
	size_t room = 0;

	for (;;) {
		ssize_t got;

		file->bytes = xgrow(file->bytes, &room,
			file->n + (file->n == 0 ? (size_t)file->st.st_size + 2 : 65536), 1);
		got = read(fd, file->bytes + file->n, room - file->n - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(err, errno, "%s", file->path);
		file->n += (size_t)got;
		file->bytes[file->n] = '\0';
		if (got == 0)
			return 0;
		if (file->n > SCANNED_MAX)
			return err_say(err, EFBIG, "%s: larger than 1 GiB", file->path);
	}
}

int site_read(const struct site *site, struct file *file, struct err *err)
{
	cleanup_free char *path = xprintf("%s/%s", site->src, file->path);
	cleanup_close int fd = -EBADF;
	int r;

	if (file->kind == FILE_OTHER || file->bytes != NULL)
		return 0;
	if (file->st.st_size > SCANNED_MAX)
		return err_say(err, EFBIG, "%s: larger than 1 GiB", file->path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, errno, "%s", file->path);
	r = read_all(fd, file, err);
	if (r < 0)
		return r;
	if (file->n >= 2 && (memcmp(file->bytes, "\xff\xfe", 2) == 0 ||
				    memcmp(file->bytes, "\xfe\xff", 2) == 0))
		return err_say(
			err, EILSEQ, "%s:1: UTF-16 is not read; store it as UTF-8", file->path);
	return 0;
}

unsigned file_line(const struct file *file, uint32_t at)
{
	unsigned line = 1;

	for (uint32_t i = 0; i < at && i < file->n; i++)
		if (file->bytes[i] == '\n')
			line++;
	return line;
}

void file_note(struct file *file, uint32_t at, const char *fmt, ...)
{
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	file->notes =
		xgrow(file->notes, &file->notes_room, file->notes_n + 1, sizeof(*file->notes));
	file->notes[file->notes_n++] = xprintf("%s:%u: %s", file->path, file_line(file, at), text);
}
