/* SPDX-License-Identifier: MIT */
/* A directory of the image that its rights let everybody write to. */
#include "hostile.h"

HOSTILE(write_open_directory, STOPPED " uncaged=no")
{
	return reached(open("/open/owned", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}
