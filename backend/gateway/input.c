/* SPDX-License-Identifier: MIT */
#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

int input_into(struct input *in, int fd, struct err *err)
{
	return pour_begin(&in->pour, fd, err);
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
		r = in->pour.fd >= 0 ? pour_add(&in->pour, data, n, err)
				     : add_to_memory(in, data, n, err);
	if (r < 0)
		return r;
	*ret = (struct extent){ in->len, n };
	in->len += n;
	return 0;
}

int input_take(struct input *in, struct blob *ret, struct err *err)
{
	int r = 0;

	if (in->len > 0 && in->pour.fd >= 0)
		r = pour_take(&in->pour, ret, err);
	else
		*ret = (struct blob){ .len = in->len, .data = TAKE_PTR(in->mem), .fd = -1 };
	input_done(in);
	return r;
}

void input_done(struct input *in)
{
	free(in->mem);
	pour_done(&in->pour);
	*in = INPUT_EMPTY;
}
