/* SPDX-License-Identifier: MIT */
#include "typed.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "wire/pack.h"

void typed_begin(struct typed *typed, bool open)
{
	typed->open = open;
	typed->end = false;
	typed->n = 0;
	typed->told = 0;
}

int typed_add(struct typed *typed, const uint8_t *data, size_t n, struct err *err)
{
	if (n > sizeof(typed->buf) - typed->n)
		return err_say(err, EPROTO, "STDIN: more than was TAKEN");
	memcpy(typed->buf + typed->n, data, n);
	typed->n += n;
	return 0;
}

static void gone(struct typed *typed, size_t n)
{
	typed->n -= n;
	typed->told += (uint32_t)n;
	if (n > 0)
		memmove(typed->buf, typed->buf + n, typed->n);
}

void typed_drop(struct typed *typed)
{
	gone(typed, typed->n);
}

static void write_out(struct typed *typed, int *fd)
{
	while (typed->n > 0) {
		ssize_t n = *fd < 0 ? -1 : write(*fd, typed->buf, typed->n);

		if (n >= 0) {
			gone(typed, (size_t)n);
			continue;
		}
		if (*fd >= 0 && errno == EINTR)
			continue;
		if (*fd >= 0 && errno == EAGAIN)
			return;
		if (*fd >= 0)
			(void)close(TAKE_FD(*fd)); /* the program has closed its end */
		typed_drop(typed);
	}
}

void typed_pump(struct typed *typed, int *fd, struct frame_out *out)
{
	uint8_t payload[4];
	struct packer p = packer_fixed(payload, sizeof(payload));

	write_out(typed, fd);
	if (typed->end && typed->n == 0 && *fd >= 0)
		(void)close(TAKE_FD(*fd));
	pack_u32(&p, typed->told);
	if (typed->told > 0 && frame_out_put(out, FRAME_TAKEN, payload, p.len) == 0)
		typed->told = 0;
}
