/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "agent.h"
#include "common/clock.h"

#define FAULT_WAIT_MS 2000

/* Our failure: say so, as far as the driver listens, and take everything along. */
_Noreturn void fault(const struct err *err)
{
	struct pollfd p = { .fd = agent.out.fd, .events = POLLOUT };
	uint8_t text[FRAME_TEXT_MAX];
	struct packer payload = packer_fixed(text, sizeof(text));

	struct err first;

	/* Before the first READY it is this host that does not let us: the driver can do without.
	 */
	if (agent.job.sandbox && !agent.was_ready) {
		(void)err_say(&first, err->code > 0 ? err->code : EPROTO, "sandbox: %s", err->msg);
		err = &first;
	}
	(void)fprintf(stderr, "agent: %s\n", err->msg);
	pack_str(&payload, err->msg);
	for (int64_t until = clock_us() + FAULT_WAIT_MS * 1000; clock_us() < until;) {
		if (payload.len > 0 &&
			frame_out_put(&agent.out, FRAME_FAULT, text, payload.len) == 0)
			payload.len = 0;
		if (frame_out_flush(&agent.out) < 0 ||
			(payload.len == 0 && !frame_out_waiting(&agent.out)))
			break;
		(void)poll(&p, 1, FAULT_WAIT_MS);
	}
	_exit(1);
}

void must(int r, const struct err *err)
{
	if (r < 0)
		fault(err);
}

_Noreturn void fault_say(const char *text)
{
	struct err err;

	(void)err_say(&err, EPROTO, "%s", text);
	fault(&err);
}
