/* SPDX-License-Identifier: MIT */
/* Frames as the agent writes them are bytes of its output. */
#include "hostile.h"

HOSTILE(forged_step_end, "nonzero_exit exit=9 uncaged=no")
{
	unsigned char frame[8 + 64] = { 64, 0, 0, 0, 67 };

	put(1, frame, sizeof(frame));
	put(2, frame, sizeof(frame));
	return 9;
}
