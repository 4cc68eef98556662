/* SPDX-License-Identifier: MIT */
#include "slot_note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/role.h"

#define NAME  STATE_DRIVER "/sandbox"
#define WORKS "works"

void slot_note_write(const char *why)
{
	const char *text = why == NULL ? WORKS : why;
	cleanup_close int fd = -EBADF;
	ssize_t n = -1;

	/* A reader that sees half of it sees half of a sentence: no harm. */
	fd = open(NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		n = write(fd, text, strlen(text));
	if (n != (ssize_t)strlen(text))
		log_info("file=%s cannot be written: %s", NAME, strerror(errno));
}

void slot_note_forget(void)
{
	(void)unlink(NAME);
}

int slot_note_read(const char *state_dir, char *ret_why, size_t size)
{
	cleanup_close int fd = -EBADF;
	char path[4200], text[600];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/" NAME, state_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (strcmp(text, WORKS) == 0)
		return 1;
	(void)snprintf(ret_why, size, "%s", text);
	return 0;
}
