/* SPDX-License-Identifier: MIT */
#include "watchdog.h"

#include <errno.h>

#include "role.h"

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	role_alive();
}

int watchdog_new(struct event_base *base, struct event **ret, struct err *err)
{
	int64_t us = role_watchdog_us() / 3; /* one that comes late is not the last */
	const struct timeval every = { us / 1000000, us % 1000000 };
	struct event *timer;

	*ret = NULL;
	if (us == 0)
		return 0;
	timer = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	if (timer == NULL || event_add(timer, &every) < 0) {
		if (timer != NULL)
			event_free(timer);
		return err_set(err, ENOMEM, "watchdog");
	}
	role_alive();
	*ret = timer;
	return 0;
}
