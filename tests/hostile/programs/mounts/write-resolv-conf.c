/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(write_resolv_conf, STOPPED)
{
	return reached(open("/etc/resolv.conf", O_WRONLY | O_APPEND | O_CLOEXEC));
}
