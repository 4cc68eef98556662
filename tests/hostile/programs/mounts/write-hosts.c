/* SPDX-License-Identifier: MIT */
/* These are files of the host in every container. */
#include "hostile.h"

HOSTILE(write_hosts, STOPPED)
{
	return reached(open("/etc/hosts", O_WRONLY | O_APPEND | O_CLOEXEC));
}
