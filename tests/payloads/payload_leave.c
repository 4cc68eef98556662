/* SPDX-License-Identifier: MIT */
/* Leaves in the workspace what a collector could trip over. */
#include "payload.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	int r = fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int leave_socket(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	return fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0;
}

/* Directories d/d/d..., with a file at the bottom. */
static int leave_deep(int levels)
{
	int r = 0;

	for (int i = 0; r == 0 && i < levels; i++)
		r = mkdir("d", 0755) < 0 || chdir("d") < 0;
	r |= put("bottom", "deep");
	return r | (chdir("/workspace") < 0);
}

int leave(char **args)
{
	int r = 0;

	(void)args;
	r |= put("plain.txt", "plain");
	r |= put("empty.txt", "");
	r |= put("-rf", "dash");
	r |= put("new\nline", "newline");
	r |= put("bad\xff\xfe", "not utf-8");
	r |= mkdir("out", 0755) < 0 || put("out/a.bin", "aaaa") || put("out/b.bin", "bb");
	r |= symlink("/etc/passwd", "link") < 0 || symlink("/etc", "linkdir") < 0;
	r |= symlink("plain.txt", "out/inner") < 0;
	r |= mkfifo("fifo", 0644) < 0;
	r |= leave_socket("socket");
	r |= put("twice", "t") || link("twice", "again") < 0;
	r |= put("secret", "s") || chmod("secret", 0) < 0;
	return r | leave_deep(40);
}
