/* SPDX-License-Identifier: MIT */
/* What the image declares as a volume would be a directory on the engine's disk. */
#include "hostile.h"

HOSTILE(write_volume, STOPPED " uncaged=no")
{
	return reached(open("/volume/owned", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}
