/* SPDX-License-Identifier: MIT */
#include "pace.h"

#define LOOK  16   /* containers: some seconds */
#define WORSE 0.97 /* of the rate before; less is chance */

void pace_init(struct pace *pace, unsigned start, unsigned least, unsigned most)
{
	*pace = (struct pace){ .now = start, .least = least, .most = most, .step = 1 };
}

static void begin_look(struct pace *pace, int64_t now_us)
{
	pace->ready = 0;
	pace->since_us = now_us;
}

static void go_on(struct pace *pace)
{
	if ((pace->step > 0 && pace->now >= pace->most) ||
		(pace->step < 0 && pace->now <= pace->least))
		pace->step = -pace->step;
	pace->now = pace->step > 0 ? pace->now + 1 : pace->now - 1;
	pace->settle = pace->now;
}

void pace_ready(struct pace *pace, bool full, int64_t now_us)
{
	double rate;

	if (pace->least == pace->most)
		return;
	if (!full) {
		pace->since_us = 0;
		return;
	}
	if (pace->settle > 0) {
		pace->settle--;
		pace->since_us = 0;
	}
	if (pace->since_us == 0) {
		begin_look(pace, now_us);
		return;
	}
	if (++pace->ready < LOOK || now_us <= pace->since_us)
		return;
	rate = (double)pace->ready / (double)(now_us - pace->since_us);
	if (rate < pace->rate * WORSE)
		pace->step = -pace->step;
	pace->rate = rate;
	go_on(pace);
	begin_look(pace, now_us);
}
