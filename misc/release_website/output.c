/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "render.h"
#include "xalloc.h"

#define COPY_BYTES (1L << 20)

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

void output_watch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &action, NULL);
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
}

int output_check_signals(struct err *err)
{
	return interrupted != 0 ? err_say(err, EINTR, "ended by signal %d", (int)interrupted) : 0;
}

bool path_is_in(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strcmp(dir, "/") == 0)
		return true;
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The real path of what does not exist yet: that of its parent, and its name. */
static char *real_path_of_new(const char *path)
{
	cleanup_free char *copy = xdup(path, strlen(path));
	cleanup_free char *parent = NULL;
	size_t n = strlen(copy);
	char *slash;
	const char *name;

	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	slash = strrchr(copy, '/');
	name = slash != NULL ? slash + 1 : copy;
	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return NULL;
	if (slash == NULL)
		parent = realpath(".", NULL);
	else
		parent = realpath(slash == copy ? "/" : (*slash = '\0', copy), NULL);
	if (parent == NULL)
		return NULL;
	return xprintf("%s/%s", strcmp(parent, "/") == 0 ? "" : parent, name);
}

int output_check(struct output *output, const struct site *site, const char *dst, struct err *err)
{
	struct stat st;

	output->dst = realpath(dst, NULL);
	output->exists = output->dst != NULL;
	if (!output->exists && errno == ENOENT)
		output->dst = real_path_of_new(dst);
	if (output->dst == NULL)
		return err_set(err, errno != 0 ? errno : ENOENT, "%s", dst);
	if (stat(output->exists ? output->dst : site->src, &st) < 0)
		return err_set(err, errno, "%s", dst);
	if (!S_ISDIR(st.st_mode))
		return err_say(err, ENOTDIR, "%s: is there and is no directory", dst);
	output->mode = st.st_mode & 07777;
	if (path_is_in(output->dst, site->src))
		return err_say(
			err, EINVAL, "%s: lies in SRC and would become part of the site", dst);
	if (path_is_in(site->src, output->dst))
		return err_say(err, EINVAL, "%s: SRC lies in it and would be lost", dst);
	return 0;
}

static int write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		bytes += done;
		n -= (size_t)done;
	}
	return 0;
}

static int copy_slowly(int from, int to)
{
	cleanup_free char *buf = xalloc(COPY_BYTES);

	for (;;) {
		ssize_t got = read(from, buf, COPY_BYTES);
		int r;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : 0;
		r = write_all(to, buf, (size_t)got);
		if (r < 0)
			return r;
	}
}

static int copy_bytes(int from, int to)
{
	bool any = false;

	for (;;) {
		ssize_t done = copy_file_range(from, NULL, to, NULL, COPY_BYTES, 0);

		if (done == 0)
			return any ? 0 : copy_slowly(from, to);
		if (done < 0 && errno == EINTR)
			continue;
		/* Not between these file systems; what was copied so far counts. */
		if (done < 0)
			return copy_slowly(from, to);
		any = true;
	}
}

static int copy_file(const struct site *site, const struct file *file, int to)
{
	cleanup_free char *path = xprintf("%s/%s", site->src, file->path);
	cleanup_close int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, file->st.st_mtim };
	int r;

	if (from < 0)
		return -errno;
	r = file->bytes != NULL ? write_all(to, file->bytes, file->n) : copy_bytes(from, to);
	if (r == 0 && futimens(to, times) < 0)
		r = -errno;
	return r;
}

static int write_file(const struct output *output, const struct site *site, const struct file *file,
	struct err *err)
{
	cleanup_free char *path = xprintf(
		"%s/%s", output->stage, file->new_path != NULL ? file->new_path : file->path);
	cleanup_free char *released = NULL;
	cleanup_close int fd = -EBADF;
	size_t n = 0;
	int r;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, errno, "%s", path);
	released = render(file, 0, &n);
	r = released != NULL ? write_all(fd, released, n) : copy_file(site, file, fd);
	if (r < 0)
		return err_set(err, -r, "%s: copying", file->path);
	if (fchmod(fd, file->st.st_mode & 0777) < 0)
		return err_set(err, errno, "%s", path);
	return 0;
}

static int make_stage(struct output *output, struct err *err)
{
	const char *slash = strrchr(output->dst, '/');

	output->stage = xprintf(
		"%.*s/.%s.release-XXXXXX", (int)(slash - output->dst), output->dst, slash + 1);
	if (mkdtemp(output->stage) == NULL) {
		int code = errno;

		free(output->stage);
		output->stage = NULL;
		return err_set(err, code, "a directory beside %s", output->dst);
	}
	return 0;
}

static int make_dirs(const struct output *output, const struct site *site, struct err *err)
{
	for (size_t i = 0; i < site->dirs_n; i++) {
		cleanup_free char *path = xprintf("%s/%s", output->stage, site->dirs[i]);

		if (mkdir(path, 0700) < 0)
			return err_set(err, errno, "%s", path);
	}
	return 0;
}

/* Last, and the innermost first: a directory may be one that nobody can write to. */
static int set_modes(const struct output *output, const struct site *site, struct err *err)
{
	for (size_t i = site->dirs_n; i > 0; i--) {
		cleanup_free char *path = xprintf("%s/%s", output->stage, site->dirs[i - 1]);

		if (chmod(path, site->dir_modes[i - 1]) < 0)
			return err_set(err, errno, "%s", path);
	}
	if (chmod(output->stage, output->mode) < 0)
		return err_set(err, errno, "%s", output->stage);
	return 0;
}

int output_build(struct output *output, const struct site *site, struct err *err)
{
	int r = make_stage(output, err);

	if (r == 0)
		r = make_dirs(output, site, err);
	for (size_t i = 0; i < site->files_n && r == 0; i++) {
		r = output_check_signals(err);
		if (r == 0)
			r = write_file(output, site, site->files[i], err);
	}
	return r == 0 ? set_modes(output, site, err) : r;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int open_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if ((type == FTW_D || type == FTW_DNR) && (st->st_mode & 0700) != 0700)
		(void)chmod(path, 0700);
	return 0;
}

static int remove_tree(const char *path)
{
	(void)nftw(path, open_entry, 16, FTW_PHYS);
	return nftw(path, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
}

/* For file systems that cannot exchange: there is a moment without DST. */
static int swap_in_two_steps(struct output *output, struct err *err)
{
	cleanup_free char *aside = xprintf("%s.old", output->stage);

	if (rename(output->dst, aside) < 0)
		return err_set(err, errno, "%s", output->dst);
	if (rename(output->stage, output->dst) < 0) {
		int code = errno;

		(void)rename(aside, output->dst);
		return err_set(err, code, "%s", output->dst);
	}
	if (rename(aside, output->stage) < 0)
		return err_set(err, errno, "%s: kept", aside);
	return 0;
}

/* DST and the stage change places. */
static int exchange(struct output *output, struct err *err)
{
	if (renameat2(AT_FDCWD, output->stage, AT_FDCWD, output->dst, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return err_set(err, errno, "%s", output->dst);
	return swap_in_two_steps(output, err);
}

static int place(struct output *output, struct err *err)
{
	if (renameat2(AT_FDCWD, output->stage, AT_FDCWD, output->dst, RENAME_NOREPLACE) == 0)
		return 0;
	if ((errno != EINVAL && errno != ENOSYS) || rename(output->stage, output->dst) < 0)
		return err_set(err, errno, "%s", output->dst);
	return 0;
}

/* The old site, now the stage, becomes DST~; if it cannot, all is as it was. */
static int keep_old(struct output *output, struct err *err)
{
	cleanup_free char *kept = xprintf("%s~", output->dst);
	cleanup_free char *older = xprintf("%s.older", output->stage);
	bool had = rename(kept, older) == 0;
	struct err ignored = { 0 };

	if (rename(output->stage, kept) < 0) {
		int code = errno;

		if (had)
			(void)rename(older, kept);
		(void)exchange(output, &ignored);
		return err_set(err, code, "%s", kept);
	}
	if (had)
		(void)remove_tree(older);
	return 0;
}

int output_swap(struct output *output, bool backup, struct err *err)
{
	int r = output_check_signals(err);

	if (r == 0)
		r = output->exists ? exchange(output, err) : place(output, err);
	if (r == 0 && output->exists && backup)
		r = keep_old(output, err);
	if (r == 0 && (!output->exists || backup)) {
		free(output->stage);
		output->stage = NULL;
	}
	return r;
}

void output_done(struct output *output)
{
	if (output->stage != NULL && remove_tree(output->stage) != 0)
		(void)fprintf(stderr, "release_website: %s could not be removed\n", output->stage);
	free(output->stage);
	free(output->dst);
	*output = (struct output){ 0 };
}
