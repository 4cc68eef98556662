/* SPDX-License-Identifier: MIT */
/* Multipart bodies, in pieces of a size that the input says: the pieces must not matter. */
#include "fuzz.h"
#include "gateway/multipart.h"

struct seen {
	size_t parts, bytes;
	unsigned sum;
};

static int begin(void *arg, const char *name, const char *filename, struct err *err)
{
	struct seen *seen = arg;

	(void)err;
	seen->parts++;
	seen->sum = seen->sum * 31 + (unsigned)strlen(name);
	seen->sum = seen->sum * 31 + (filename != NULL ? (unsigned)strlen(filename) : 0);
	return 0;
}

static int data_of(void *arg, const char *data, size_t n, struct err *err)
{
	struct seen *seen = arg;

	(void)err;
	seen->bytes += n;
	for (size_t i = 0; i < n; i++)
		seen->sum = seen->sum * 31 + (unsigned char)data[i];
	return 0;
}

static int end(void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	return 0;
}

static int feed(const char *body, size_t n, size_t piece, struct seen *ret)
{
	static const struct multipart_ops ops = { .begin = begin, .data = data_of, .end = end };
	struct multipart mp;
	struct err err;
	int r = 0;

	*ret = (struct seen){ 0 };
	multipart_init(&mp, "frontier", &ops, ret);
	for (size_t at = 0; r == 0 && at < n; at += piece)
		r = multipart_feed(&mp, body + at, n - at < piece ? n - at : piece, &err);
	return r < 0 ? r : multipart_finish(&mp, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char boundary[MULTIPART_BOUNDARY_MAX + 1];
	struct seen whole, pieces;
	struct err err;
	char *text;
	int r;

	if (n == 0)
		return 0;
	text = fuzz_text(data, n);
	(void)multipart_boundary(text, boundary, &err);
	r = feed(text + 1, n - 1, n, &whole);
	MUST(feed(text + 1, n - 1, data[0] % 64 + 1U, &pieces) == r);
	MUST(r != 0 || (whole.parts == pieces.parts && whole.bytes == pieces.bytes &&
			       whole.sum == pieces.sum));
	free(text);
	return 0;
}
