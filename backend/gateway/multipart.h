/* SPDX-License-Identifier: MIT */
/*
 * multipart/form-data (RFC 7578), as it comes: a parser that keeps no more than one
 * part's head and calls back for the rest.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define MULTIPART_HEAD_MAX     8192
#define MULTIPART_BOUNDARY_MAX 70 /* RFC 2046 */

/* Each returns 0, or -errno with *err, which ends the parsing. */
struct multipart_ops {
	/* filename: NULL where the part has none. Both are the parser's. */
	int (*begin)(void *arg, const char *name, const char *filename, struct err *err);
	int (*data)(void *arg, const char *data, size_t n, struct err *err);
	int (*end)(void *arg, struct err *err);
};

struct multipart {
	const struct multipart_ops *ops;
	void *arg;
	int state;
	char delimiter[MULTIPART_BOUNDARY_MAX + 8]; /* CR LF "--" boundary */
	size_t delimiter_n, matched;
	size_t assumed; /* of `matched`: a line end that is not among the data */
	char after[2];
	size_t after_n;
	char head[MULTIPART_HEAD_MAX + 1];
	size_t head_n;
};

/* The boundary out of a Content-Type; -EINVAL where it is not multipart/form-data with a good one.
 */
int multipart_boundary(
	const char *content_type, char ret[static MULTIPART_BOUNDARY_MAX + 1], struct err *err);

void multipart_init(
	struct multipart *mp, const char *boundary, const struct multipart_ops *ops, void *arg);
int multipart_feed(struct multipart *mp, const char *data, size_t n, struct err *err);
/* -EINVAL where the closing boundary has not come. */
int multipart_finish(const struct multipart *mp, struct err *err);
