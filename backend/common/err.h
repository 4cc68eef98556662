/* SPDX-License-Identifier: MIT */
/*
 * Errors carried from where they happen to where they are reported.
 *
 * A function that can fail takes `struct err *err` last and returns 0 or a
 * negative errno. On success *err is not touched; on failure it holds the same
 * code and a message for a person. It owns no memory: nothing to release.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err {
	int code;      /* errno value, > 0 */
	char msg[400]; /* innermost cause last: "load config: open '/etc/x': No such file" */
};

/*
 * What these return is negative, always. Said to compiler and analyzers, too:
 * otherwise they follow paths on which a failure was a success.
 */
#define ERR_NEGATIVE(call)                       \
	({                                       \
		int err_negative_ = (call);      \
		if (err_negative_ >= 0)          \
			__builtin_unreachable(); \
		err_negative_;                   \
	})

/* Record a failure. Returns -code, so that callers can write `return err_set(...)`. */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));
#define err_set(...) ERR_NEGATIVE(err_set(__VA_ARGS__))

/* The same without the errno's own text after it: for messages that say it all. */
int err_say(struct err *err, int code, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));
#define err_say(...) ERR_NEGATIVE(err_say(__VA_ARGS__))

/*
 * Were memory, descriptors or room short, or did a disk fail? The next try may succeed, and nobody
 * has asked for anything wrong.
 */
bool err_is_shortage(int code);

/* Put "prefix: " before the message already in *err. Returns -err->code. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((__format__(__printf__, 2, 3)));
#define err_wrap(...) ERR_NEGATIVE(err_wrap(__VA_ARGS__))
