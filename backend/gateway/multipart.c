/* SPDX-License-Identifier: MIT */
/*
 *	PREAMBLE ──delimiter──► AFTER ──CR LF──► HEAD ──empty line──► DATA
 *	                         │ ▲                                   │
 *	                         │ └────────────delimiter──────────────┘
 *	                         └──"--"──► EPILOGUE
 *
 * A CR begins the delimiter and comes nowhere else in it, so that after a mismatch
 * the search goes on at its first character.
 */
#include "multipart.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREAMBLE, AFTER, HEAD, DATA, EPILOGUE };

void multipart_init(
	struct multipart *mp, const char *boundary, const struct multipart_ops *ops, void *arg)
{
	*mp = (struct multipart){ .ops = ops, .arg = arg, .state = PREAMBLE };
	mp->delimiter_n = (size_t)snprintf(mp->delimiter, sizeof(mp->delimiter), "\r\n--%.*s",
		MULTIPART_BOUNDARY_MAX, boundary);
	mp->matched = mp->assumed = 2; /* the first one needs no line end in front */
}

static bool boundary_char(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL);
}

int multipart_boundary(
	const char *content_type, char ret[static MULTIPART_BOUNDARY_MAX + 1], struct err *err)
{
	static const char type[] = "multipart/form-data";
	const char *at = content_type;
	size_t n;

	if (strncasecmp(at, type, strlen(type)) != 0)
		return err_say(err, EINVAL, "Content-Type: expected %s", type);
	at = strcasestr(at, "boundary=");
	if (at == NULL)
		return err_say(err, EINVAL, "Content-Type: has no boundary");
	at += strlen("boundary=");
	if (*at == '"') {
		at++;
		n = strcspn(at, "\"");
	} else {
		n = strcspn(at, "; \t");
	}
	if (n == 0 || n > MULTIPART_BOUNDARY_MAX || at[n - 1] == ' ')
		return err_say(err, EINVAL,
			"Content-Type: its boundary must have 1 to %d characters",
			MULTIPART_BOUNDARY_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!boundary_char(at[i]))
			return err_say(err, EINVAL,
				"Content-Type: its boundary has a character that no boundary may "
				"have");
	}
	memcpy(ret, at, n);
	ret[n] = '\0';
	return 0;
}

/* The value of one parameter, unquoted into ret; false where it is not there or is too long. */
static bool parameter(const char *line, const char *name, char *ret, size_t size)
{
	size_t name_n = strlen(name), n = 0;
	const char *at = line;
	bool quoted = false;

	for (;; at++) {
		if (*at == '\0')
			return false;
		if (*at == '"' && (at == line || at[-1] != '\\'))
			quoted = !quoted;
		if (quoted || *at != ';')
			continue;
		at += 1 + strspn(at + 1, " \t");
		if (strncasecmp(at, name, name_n) == 0 && at[name_n] == '=')
			break;
		at--;
	}
	at += name_n + 1;
	quoted = *at == '"';
	for (at += quoted; *at != '\0' && *at != (quoted ? '"' : ';'); at++) {
		if (quoted && *at == '\\' && (at[1] == '"' || at[1] == '\\'))
			at++;
		if (n + 1 >= size)
			return false;
		ret[n++] = *at;
	}
	ret[n] = '\0';
	return !quoted || *at == '"';
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));

	return at == NULL ? -1 : (int)(at - digits);
}

/* "UTF-8''a%20b" of RFC 5987, in place; false where it is another character set or badly made. */
static bool extended_value(char *value)
{
	const char *from = value + strlen("utf-8''");
	char *to = value;

	if (strncasecmp(value, "utf-8''", strlen("utf-8''")) != 0)
		return false;
	while (*from != '\0') {
		int hi, lo;

		if (*from != '%') {
			*to++ = *from++;
			continue;
		}
		hi = hex_digit(from[1]);
		lo = hi < 0 ? -1 : hex_digit(from[2]);
		if (lo < 0 || hi + lo == 0)
			return false;
		*to++ = (char)(hi * 16 + lo);
		from += 3;
	}
	*to = '\0';
	return true;
}

/* The head is whole: who is this part? */
static int head_done(struct multipart *mp, struct err *err)
{
	static const char wanted[] = "content-disposition:";
	char name[256] = "", filename[2048] = "";
	char *line = mp->head;
	bool has_filename;

	while (line != NULL && strncasecmp(line, wanted, strlen(wanted)) != 0) {
		line = strstr(line, "\r\n");
		line = line == NULL ? NULL : line + 2;
	}
	if (line == NULL)
		return err_say(err, EINVAL, "multipart: a part without Content-Disposition");
	line[strcspn(line, "\r")] = '\0';
	if (!parameter(line, "name", name, sizeof(name)))
		return err_say(err, EINVAL, "multipart: a part without a name");
	has_filename = parameter(line, "filename*", filename, sizeof(filename));
	if (has_filename && !extended_value(filename))
		return err_say(err, EINVAL,
			"multipart: the filename* of part '%.64s' cannot be decoded", name);
	if (!has_filename)
		has_filename = parameter(line, "filename", filename, sizeof(filename));
	mp->state = DATA;
	mp->matched = mp->assumed = 2; /* an empty part has no line end of its own */
	return mp->ops->begin(mp->arg, name, has_filename ? filename : NULL, err);
}

static int feed_head(struct multipart *mp, char c, struct err *err)
{
	if (c == '\0')
		return err_say(err, EINVAL, "multipart: a NUL in the head of a part");
	if (mp->head_n == MULTIPART_HEAD_MAX)
		return err_say(err, EINVAL, "multipart: the head of a part is larger than %d bytes",
			MULTIPART_HEAD_MAX);
	mp->head[mp->head_n++] = c;
	mp->head[mp->head_n] = '\0';
	if (mp->head_n < 4 || memcmp(mp->head + mp->head_n - 4, "\r\n\r\n", 4) != 0)
		return 0;
	return head_done(mp, err);
}

static int feed_after(struct multipart *mp, char c, struct err *err)
{
	mp->after[mp->after_n++] = c;
	if (mp->after_n < 2)
		return 0;
	if (memcmp(mp->after, "\r\n", 2) == 0) {
		mp->state = HEAD;
		mp->head_n = 0;
		return 0;
	}
	if (memcmp(mp->after, "--", 2) != 0)
		return err_say(err, EINVAL,
			"multipart: a boundary is followed by something else than a line end");
	mp->state = EPILOGUE;
	return 0;
}

static int pass(struct multipart *mp, const char *data, size_t n, struct err *err)
{
	if (mp->state == PREAMBLE || n == 0)
		return 0;
	return mp->ops->data(mp->arg, data, n, err);
}

/* The delimiter is whole. */
static int part_done(struct multipart *mp, struct err *err)
{
	bool part = mp->state == DATA;

	mp->state = AFTER;
	mp->after_n = 0;
	return part ? mp->ops->end(mp->arg, err) : 0;
}

/* Takes some bytes of preamble or data; says how many in *ret_n. */
static int feed_data(
	struct multipart *mp, const char *data, size_t n, size_t *ret_n, struct err *err)
{
	const char *cr;
	size_t from, had;

	if (mp->matched == 0) {
		cr = memchr(data, '\r', n);
		*ret_n = cr == NULL ? n : (size_t)(cr - data) + 1;
		mp->matched = cr == NULL ? 0 : 1;
		return pass(mp, data, *ret_n - (cr != NULL), err);
	}
	if (data[0] == mp->delimiter[mp->matched]) {
		*ret_n = 1;
		return ++mp->matched == mp->delimiter_n ? part_done(mp, err) : 0;
	}
	from = mp->assumed;
	had = mp->matched;
	mp->matched = mp->assumed = 0;
	*ret_n = 0;
	return pass(mp, mp->delimiter + from, had - from, err);
}

int multipart_feed(struct multipart *mp, const char *data, size_t n, struct err *err)
{
	int r = 0;

	while (n > 0 && r == 0 && mp->state != EPILOGUE) {
		size_t took = 1;

		if (mp->state == AFTER)
			r = feed_after(mp, data[0], err);
		else if (mp->state == HEAD)
			r = feed_head(mp, data[0], err);
		else
			r = feed_data(mp, data, n, &took, err);
		data += took;
		n -= took;
	}
	return r;
}

int multipart_finish(const struct multipart *mp, struct err *err)
{
	if (mp->state != EPILOGUE)
		return err_say(err, EINVAL, "multipart: the closing boundary is missing");
	return 0;
}
