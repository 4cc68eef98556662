/* SPDX-License-Identifier: MIT */
/*
 * inject.c for a role at work: preloaded, it looks at the page in the file $FAULT_PAGE, which
 * whoever steers it has mapped, too (at_work.py). It is mapped while there are rights to do so.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"

__attribute__((__constructor__)) static void share_page(void)
{
	/* The shell that becomes the role is none. */
	const char *path = strcmp(program_invocation_short_name, "dockgate") == 0
				   ? getenv("FAULT_PAGE")
				   : NULL;
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *page =
		fd < 0 ? MAP_FAILED
		       : mmap(NULL, sizeof(*fault_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (path == NULL)
		return;
	if (page == MAP_FAILED)
		abort();
	(void)close(fd);
	fault_page = page;
	fault_told = true;
}
