/* SPDX-License-Identifier: MIT */
#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

static int add_to_file(struct input *in, const uint8_t *data, size_t n, struct err *err)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pwrite(in->fd, data + done, n - done, (off_t)(in->len + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_set(err, errno, "write to the spool");
		done += (size_t)r;
	}
	return 0;
}

static int add_to_memory(struct input *in, const uint8_t *data, size_t n, struct err *err)
{
	size_t need = (size_t)in->len + n;

	if (need > in->cap) {
		size_t cap = in->cap * 2 > need ? in->cap * 2 : need;
		uint8_t *mem = realloc(in->mem, cap);

		if (mem == NULL)
			return err_set(err, ENOMEM, "the request's files");
		in->mem = mem;
		in->cap = cap;
	}
	memcpy(in->mem + in->len, data, n);
	return 0;
}

int input_add(struct input *in, const void *data, size_t n, struct extent *ret, struct err *err)
{
	int r = 0;

	if (n > 0)
		r = in->fd >= 0 ? add_to_file(in, data, n, err) : add_to_memory(in, data, n, err);
	if (r < 0)
		return r;
	*ret = (struct extent){ in->len, n };
	in->len += n;
	return 0;
}

struct blob input_take(struct input *in)
{
	struct blob blob = { .len = in->len, .data = in->mem, .fd = in->fd };

	if (in->len == 0 && in->fd >= 0) {
		(void)close(in->fd);
		blob.fd = -1;
	}
	*in = INPUT_EMPTY;
	return blob;
}

void input_done(struct input *in)
{
	free(in->mem);
	if (in->fd >= 0)
		(void)close(in->fd);
	*in = INPUT_EMPTY;
}
