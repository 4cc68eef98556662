/* SPDX-License-Identifier: MIT */
/* What of /proc no job reads: it tells of the host. Engines' own lists differ by version. */
#pragma once

static const char *const proc_masks[] = {
	"acpi",
	"asound",
	"config.gz",
	"interrupts",
	"kallsyms",
	"kcore",
	"key-users",
	"keys",
	"kmsg",
	"kpagecgroup",
	"kpagecount",
	"kpageflags",
	"latency_stats",
	"modules",
	"pressure",
	"sched_debug",
	"scsi",
	"timer_list",
	"timer_stats",
	"vmallocinfo",
};

#define PROC_MASKS (sizeof(proc_masks) / sizeof(proc_masks[0]))
