/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(uevent_helper, STOPPED)
{
	return reached(open("/sys/kernel/uevent_helper", O_WRONLY | O_CLOEXEC)) == GOT
		       ? GOT
		       : reached(open("/sys/kernel/mm/transparent_hugepage/enabled",
				 O_WRONLY | O_CLOEXEC));
}
