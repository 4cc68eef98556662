/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "common/cleanup.h"
#include "rights.h"

static int refuse(const char *name, int code, struct err *err)
{
	if (code == ENOSPC || code == EDQUOT || code == EFBIG)
		return err_say(err, code, "input: no space: %.200s", name);
	/* These are no limit of the job's, and not its client's doing. */
	if (code == EMFILE || code == ENFILE || code == EIO || code == EINTR || code == EAGAIN)
		return err_set(err, code, "file %.200s", name);
	return err_set(err, code, "input: %.200s", name);
}

/* The directory one level down, made where it is missing. */
static int step_down(int dir, const char *name)
{
	if (mkdirat(dir, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	return beneath_open(dir, name, O_RDONLY | O_DIRECTORY, 0);
}

/*
 * The deepest directory above the file that is there; *ret_at: what of the name comes below it. A
 * call for each that is missing, and one: there may be thousands of files below hundreds of
 * folders.
 */
static int open_deepest(int workspace, char *name, char **ret_at)
{
	char *slash = strrchr(name, '/');
	int fd = -ENOENT;

	while (slash != NULL && fd == -ENOENT) {
		char *at = slash + 1;

		*slash = '\0';
		fd = beneath_open_dir(workspace, name);
		slash = strrchr(name, '/');
		at[-1] = '/';
		*ret_at = at;
	}
	if (fd >= 0)
		return fd;
	*ret_at = name; /* all of it step by step, which says what is wrong */
	fd = openat(workspace, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_file(int workspace, const struct file_order *order)
{
	cleanup_close int dir = -EBADF;
	char name[FRAME_NAME_MAX], *at, *slash;

	memcpy(name, order->name, sizeof(name));
	dir = open_deepest(workspace, name, &at);
	if (dir < 0)
		return dir;
	while ((slash = strchr(at, '/')) != NULL) {
		int down;

		*slash = '\0';
		down = step_down(dir, at);
		if (down < 0)
			return down;
		(void)close(dir);
		dir = down;
		at = slash + 1;
	}
	return beneath_open(dir, at, O_WRONLY | O_CREAT | O_TRUNC, order->mode);
}

int input_begin(struct input *input, int workspace, const struct file_order *order,
	const struct prepare_order *job, struct err *err)
{
	struct stat st;
	int fd;

	rights_files_as(job->job_uid);
	fd = open_file(workspace, order);
	rights_files_as(job->agent_uid);
	if (fd < 0)
		return refuse(order->name, -fd, err);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd);
		return refuse(order->name, EINVAL, err);
	}
	memcpy(input->name, order->name, sizeof(input->name));
	input->fd = fd;
	input->left = order->bytes;
	return input_data(input, NULL, 0, err);
}

int input_data(struct input *input, const uint8_t *data, size_t len, struct err *err)
{
	if (input->fd < 0 || len > input->left)
		return err_say(err, EPROTO, "more FILE_DATA than was announced");
	input->left -= len;
	while (len > 0) {
		ssize_t n = write(input->fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refuse(input->name, errno, err);
		data += n;
		len -= (size_t)n;
	}
	if (input->left == 0)
		(void)close(TAKE_FD(input->fd));
	return 0;
}

void input_done(struct input *input)
{
	if (input->fd >= 0)
		(void)close(TAKE_FD(input->fd));
}
