/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <string.h>
#include <strings.h>

#include "xalloc.h"

struct text text_part(const struct text *t, size_t begin, size_t end)
{
	if (t->at != NULL)
		return (struct text){ t->s + begin, end - begin, t->at + begin, 0 };
	return (struct text){ t->s + begin, end - begin, NULL, t->from + (uint32_t)begin };
}

struct text text_trim(struct text t)
{
	size_t begin = 0, end = t.n;

	while (begin < end && is_blank(t.s[begin]))
		begin++;
	while (end > begin && is_blank(t.s[end - 1]))
		end--;
	return text_part(&t, begin, end);
}

bool text_is(const struct text *t, const char *s)
{
	return t->n == strlen(s) && memcmp(t->s, s, t->n) == 0;
}

bool text_is_nocase(const struct text *t, const char *s)
{
	return t->n == strlen(s) && strncasecmp(t->s, s, t->n) == 0;
}

bool text_ends_nocase(const struct text *t, const char *s)
{
	size_t n = strlen(s);

	return t->n >= n && strncasecmp(t->s + t->n - n, s, n) == 0;
}

bool text_has(const struct text *t, char c)
{
	return t->n > 0 && memchr(t->s, c, t->n) != NULL;
}

int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = to_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void text_buf_done(struct text_buf *b)
{
	free(b->s);
	free(b->at);
	*b = (struct text_buf){ 0 };
}

void text_buf_put(struct text_buf *b, char c, uint32_t at)
{
	b->s = xgrow(b->s, &b->room, b->n + 1, 1);
	b->at = xgrow(b->at, &b->room_at, b->n + 2, sizeof(*b->at));
	b->s[b->n] = c;
	b->at[b->n++] = at;
}

void text_buf_put_code(struct text_buf *b, uint32_t code, uint32_t at)
{
	if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		code = 0xfffd;
	if (code < 0x80) {
		text_buf_put(b, (char)code, at);
		return;
	}
	if (code < 0x800) {
		text_buf_put(b, (char)(0xc0 | code >> 6), at);
	} else if (code < 0x10000) {
		text_buf_put(b, (char)(0xe0 | code >> 12), at);
		text_buf_put(b, (char)(0x80 | (code >> 6 & 0x3f)), at);
	} else {
		text_buf_put(b, (char)(0xf0 | code >> 18), at);
		text_buf_put(b, (char)(0x80 | (code >> 12 & 0x3f)), at);
		text_buf_put(b, (char)(0x80 | (code >> 6 & 0x3f)), at);
	}
	text_buf_put(b, (char)(0x80 | (code & 0x3f)), at);
}

struct text text_buf_text(struct text_buf *b, uint32_t end)
{
	b->s = xgrow(b->s, &b->room, b->n + 1, 1);
	b->at = xgrow(b->at, &b->room_at, b->n + 1, sizeof(*b->at));
	b->at[b->n] = end;
	return (struct text){ b->s, b->n, b->at, 0 };
}

void text_print(FILE *to, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < ' ' || c == 0x7f)
			(void)fprintf(to, "\\x%02x", c);
		else
			(void)putc(c, to);
	}
}
