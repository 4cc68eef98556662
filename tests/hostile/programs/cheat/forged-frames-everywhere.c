/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(forged_frames_everywhere, "nonzero_exit exit=9 uncaged=no")
{
	unsigned char frame[8 + 16] = { 16, 0, 0, 0, 71 };

	for (int fd = 0; fd < 64; fd++)
		put(fd, frame, sizeof(frame));
	return 9;
}
