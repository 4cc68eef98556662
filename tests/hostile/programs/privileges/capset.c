/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(capset, STOPPED " uncaged=no")
{
	struct {
		uint32_t version;
		int pid;
	} header = { 0x20080522, 0 };
	struct {
		uint32_t effective, permitted, inheritable;
	} data[2] = { { ~0U, ~0U, 0 }, { 0x1ffU, 0x1ffU, 0 } };

	return reached(syscall(SYS_capset, &header, data));
}
