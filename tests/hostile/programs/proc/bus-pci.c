/* SPDX-License-Identifier: MIT */
#include "hostile.h"

HOSTILE(bus_pci, STOPPED " uncaged=no")
{
	return reached(open("/proc/bus/pci/00/00.0", O_WRONLY | O_CLOEXEC));
}
