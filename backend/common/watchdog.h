/* SPDX-License-Identifier: MIT */
/* Tells systemd that an event loop still turns, where it asked for that (WatchdogSec=). */
#pragma once

#include <event2/event.h>

#include "err.h"

/* The timer that does it, NULL where nobody asked; the caller frees it before the base. */
int watchdog_new(struct event_base *base, struct event **ret, struct err *err);
