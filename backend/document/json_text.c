/* SPDX-License-Identifier: MIT */
#include "json_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "common/clock.h"
#include "common/utf8.h"
#include "measured.h"

/* A multiple of 3, so that pieces of base64 need no padding in between. */
#define PIECE_BYTES (48U * 1024)
#define HOLE_MIN    4096 /* bytes of a file that are worth a hole */

void jt_done(struct json_text *t)
{
	for (unsigned i = 0; i < t->n_files; i++)
		blob_done(&t->files[i].blob);
	free(t->holes);
	free(t->buf);
	*t = (struct json_text){ 0 };
}

/* Room for n more bytes, NULL when there is none. */
static char *room(struct json_text *t, size_t n)
{
	if (t->failed)
		return NULL;
	if (n > t->cap - t->len) {
		size_t cap = t->cap == 0 ? 2048 : t->cap;
		char *buf = NULL;

		while (cap - t->len < n && cap <= SIZE_MAX / 4)
			cap *= 2;
		if (cap - t->len >= n)
			buf = realloc(t->buf, cap);
		if (buf == NULL) {
			t->failed = true;
			return NULL;
		}
		t->buf = buf;
		t->cap = cap;
	}
	t->len += n;
	return t->buf + t->len - n;
}

void jt_raw(struct json_text *t, const char *bytes, size_t n)
{
	char *at = room(t, n);

	if (at != NULL && n > 0)
		memcpy(at, bytes, n);
}

static void put(struct json_text *t, char c)
{
	jt_raw(t, &c, 1);
}

/* In front of each key and each value. */
static void begin(struct json_text *t)
{
	if (t->comma)
		put(t, ',');
	t->comma = true;
}

void jt_value(struct json_text *t, const char *json, size_t n)
{
	begin(t);
	jt_raw(t, json, n);
}

void jt_open(struct json_text *t, char bracket)
{
	jt_value(t, &bracket, 1);
	t->comma = false;
}

void jt_close(struct json_text *t, char bracket)
{
	put(t, bracket);
	t->comma = true;
}

void jt_key(struct json_text *t, const char *name)
{
	begin(t);
	put(t, '"');
	jt_raw(t, name, strlen(name));
	jt_raw(t, "\":", 2);
	t->comma = false;
}

static bool plain(uint8_t c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

static void escape(struct json_text *t, uint8_t c)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	static const char hex[] = "0123456789abcdef";
	const char text[] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 0xf] };

	for (size_t i = 0; i + 1 < sizeof(shorts); i += 2) {
		if ((uint8_t)shorts[i] == c) {
			put(t, '\\');
			put(t, shorts[i + 1]);
			return;
		}
	}
	jt_raw(t, text, sizeof(text));
}

void jt_escaped(struct json_text *t, const char *bytes, size_t n)
{
	const uint8_t *p = (const uint8_t *)bytes;
	size_t i = 0;

	while (i < n) {
		size_t run = i;

		while (run < n && plain(p[run]))
			run++;
		jt_raw(t, bytes + i, run - i);
		if (run < n)
			escape(t, p[run++]);
		i = run;
	}
}

/* Each wrong byte sequence becomes U+FFFD. */
static void escaped_lossy(struct json_text *t, const char *bytes, size_t n)
{
	size_t i = 0;

	while (i < n) {
		uint32_t c;
		size_t len = utf8_next((const uint8_t *)bytes + i, n - i, &c);

		if (c == 0xfffd)
			jt_raw(t, "\xef\xbf\xbd", 3);
		else
			jt_escaped(t, bytes + i, len);
		i += len;
	}
}

void jt_strn(struct json_text *t, const char *text, size_t n)
{
	begin(t);
	put(t, '"');
	if (utf8_valid(text, n))
		jt_escaped(t, text, n);
	else
		escaped_lossy(t, text, n);
	put(t, '"');
}

void jt_str(struct json_text *t, const char *text)
{
	jt_strn(t, text, strlen(text));
}

void jt_member(struct json_text *t, const char *name)
{
	jt_str(t, name);
	put(t, ':');
	t->comma = false;
}

void jt_str_or_null(struct json_text *t, const char *text)
{
	if (text == NULL)
		jt_null(t);
	else
		jt_str(t, text);
}

/* Digits backwards from `end`; where they begin. By hand: a status has dozens of numbers. */
static char *digits(char *end, uint64_t value)
{
	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	return end;
}

static uint64_t magnitude(int64_t value)
{
	return value < 0 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value;
}

void jt_int(struct json_text *t, int64_t value)
{
	char text[32], *end = text + sizeof(text);
	char *at = digits(end, magnitude(value));

	if (value < 0)
		*--at = '-';
	jt_value(t, at, (size_t)(end - at));
}

void jt_uint(struct json_text *t, uint64_t value)
{
	char text[32], *end = text + sizeof(text);
	char *at = digits(end, value);

	jt_value(t, at, (size_t)(end - at));
}

void jt_thousandths(struct json_text *t, int64_t value)
{
	char text[40], *end = text + sizeof(text);
	uint64_t fraction = magnitude(value) % 1000;
	char *at = end;

	if (fraction > 0) {
		at = digits(end, fraction + 1000); /* its 1 becomes the point */
		*at = '.';
		while (end[-1] == '0')
			end--;
	}
	at = digits(at, magnitude(value) / 1000);
	if (value < 0)
		*--at = '-';
	jt_value(t, at, (size_t)(end - at));
}

void jt_bool(struct json_text *t, bool value)
{
	jt_value(t, value ? "true" : "false", value ? 4 : 5);
}

void jt_null(struct json_text *t)
{
	jt_value(t, "null", 4);
}

void jt_time(struct json_text *t, int64_t unix_ms)
{
	char text[CLOCK_TEXT];

	if (unix_ms == 0) {
		jt_null(t);
		return;
	}
	clock_format(unix_ms, text);
	jt_str(t, text);
}

/* One piece of a blob: in place where it is in memory, else read into `buf`. */
static int piece(const struct blob *blob, uint64_t offset, size_t n, uint8_t *buf,
	const uint8_t **ret, struct err *err)
{
	if (blob->data != NULL && offset <= blob->len && n <= blob->len - offset) {
		*ret = blob->data + offset;
		return 0;
	}
	*ret = buf;
	return blob_read(blob, offset, buf, n, err);
}

static size_t piece_size(uint64_t left)
{
	return left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
}

/* Characters that escaping makes of bytes, as escape() does. */
static uint64_t escaped_chars(const uint8_t *p, size_t n)
{
	static const uint8_t widths[256] = {
		[0 ... 0x07] = 6,
		['\b' ... '\n'] = 2,
		[0x0b] = 6,
		['\f' ... '\r'] = 2,
		[0x0e ... 0x1f] = 6,
		[0x20 ... 0x21] = 1,
		['"'] = 2,
		[0x23 ... 0x5b] = 1,
		['\\'] = 2,
		[0x5d ... 0xff] = 1,
	};
	uint64_t chars = 0;

	for (size_t i = 0; i < n; i++)
		chars += widths[p[i]];
	return chars;
}

/* Is it UTF-8, and how many characters does it take? */
static int measure(const struct blob *blob, uint64_t offset, uint64_t len, uint8_t *buf,
	struct measured *ret, struct err *err)
{
	struct utf8_check check = { 0 };
	uint64_t end = offset + len, chars = 0;
	bool utf8 = true;

	while (utf8 && offset < end) {
		size_t n = piece_size(end - offset);
		const uint8_t *p;
		int r = piece(blob, offset, n, buf, &p, err);

		if (r < 0)
			return r;
		utf8 = utf8_check_feed(&check, p, n);
		chars += escaped_chars(p, n);
		offset += n;
	}
	ret->utf8 = utf8 && utf8_check_end(&check);
	ret->chars = ret->utf8 ? chars : base64_chars(len);
	return 0;
}

/* A large file is read once, however often it is asked for. */
static int measure_once(const struct blob *blob, uint64_t offset, uint64_t len, uint8_t *buf,
	struct measured *ret, struct err *err)
{
	int r;

	if (blob->fd >= 0 && measured_find(blob->fd, offset, len, ret))
		return 0;
	r = measure(blob, offset, len, buf, ret, err);
	if (r == 0 && blob->fd >= 0)
		measured_keep(blob->fd, offset, len, ret);
	return r;
}

static int add_piece(struct json_text *t, const struct blob *blob, uint64_t offset, size_t n,
	uint8_t *buf, bool utf8, struct err *err)
{
	const uint8_t *p;
	char *at;
	int r = piece(blob, offset, n, buf, &p, err);

	if (r < 0)
		return r;
	if (utf8)
		jt_escaped(t, (const char *)p, n);
	else if ((at = room(t, base64_chars(n))) != NULL)
		base64_encode(p, n, at);
	return 0;
}

int jt_hole_piece(const struct json_text *t, const struct json_hole *hole, uint64_t *done,
	struct json_text *to, struct err *err)
{
	uint8_t buf[PIECE_BYTES];
	size_t n = piece_size(hole->len - *done);
	int r = add_piece(
		to, &t->files[hole->file].blob, hole->offset + *done, n, buf, hole->utf8, err);

	if (r == 0)
		*done += n;
	return r;
}

static int file_of(struct json_text *t, const struct blob *blob, unsigned *ret, struct err *err)
{
	int r;

	for (*ret = 0; *ret < t->n_files; (*ret)++)
		if (t->files[*ret].from == blob->fd)
			return 0;
	if (t->n_files == JSON_FILES_MAX)
		return err_say(err, E2BIG, "an answer of too many files");
	r = blob_dup(blob, &t->files[*ret].blob, err);
	if (r < 0)
		return r;
	t->files[*ret].from = blob->fd;
	t->n_files++;
	return 0;
}

static int add_hole(struct json_text *t, const struct blob *blob, uint64_t offset, uint64_t len,
	uint64_t chars, bool utf8, struct err *err)
{
	struct json_hole *holes = realloc(t->holes, (t->n_holes + 1) * sizeof(*holes));
	unsigned file;
	int r;

	if (holes == NULL)
		return err_set(err, ENOMEM, "answer");
	t->holes = holes;
	r = file_of(t, blob, &file, err);
	if (r == 0)
		holes[t->n_holes++] = (struct json_hole){ t->len, file, offset, len, chars, utf8 };
	return r;
}

static int add_bytes(struct json_text *t, const struct blob *blob, uint64_t offset, uint64_t len,
	uint8_t *buf, bool utf8, struct err *err)
{
	uint64_t end = offset + len;
	int r = 0;

	while (r == 0 && offset < end && !t->failed) {
		size_t n = piece_size(end - offset);

		r = add_piece(t, blob, offset, n, buf, utf8, err);
		offset += n;
	}
	return r;
}

int jt_content(struct json_text *t, const struct blob *blob, uint64_t offset, uint64_t len,
	struct err *err)
{
	uint8_t buf[PIECE_BYTES];
	struct measured m;
	int r = measure_once(blob, offset, len, buf, &m, err);

	if (r < 0)
		return r;
	jt_key(t, "content");
	begin(t);
	put(t, '"');
	r = blob->fd >= 0 && len >= HOLE_MIN ? add_hole(t, blob, offset, len, m.chars, m.utf8, err)
					     : add_bytes(t, blob, offset, len, buf, m.utf8, err);
	put(t, '"');
	jt_key(t, "encoding");
	jt_str(t, m.utf8 ? "utf8" : "base64");
	return r;
}
