/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <pthread.h>

static void *idle(void *arg)
{
	(void)pause();
	return arg;
}

HOSTILE(thread_bomb, "process_limit limit=processes")
{
	pthread_t thread;
	pthread_attr_t small;

	(void)pthread_attr_init(&small);
	(void)pthread_attr_setstacksize(&small, 16384);
	for (int n = 0; n < 400; n++)
		if (pthread_create(&thread, &small, idle, NULL) != 0)
			return stopped("no thread");
	return GOT;
}
