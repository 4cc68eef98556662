/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <string.h>

#include "xalloc.h"

struct parser {
	const struct text *text;
	size_t i;
	json_string_fn *fn; /* NULL: only look whether all is well */
	void *data;
	char *keys[JSON_DEPTH_MAX]; /* owned */
	unsigned depth;
};

static char peek(const struct parser *p)
{
	if (p->i >= p->text->n)
		return '\0';
	return p->text->s[p->i];
}

static void skip_blanks(struct parser *p)
{
	while (p->i < p->text->n && is_blank(peek(p)))
		p->i++;
}

static bool take(struct parser *p, char c)
{
	skip_blanks(p);
	if (peek(p) != c || p->i >= p->text->n)
		return false;
	p->i++;
	return true;
}

static bool hex4(struct parser *p, uint32_t *ret)
{
	uint32_t code = 0;

	for (unsigned k = 0; k < 4; k++, p->i++) {
		if (hex_value(peek(p)) < 0)
			return false;
		code = code << 4 | (uint32_t)hex_value(peek(p));
	}
	*ret = code;
	return true;
}

static bool take_escape(struct parser *p, struct text_buf *buf)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	uint32_t at = text_at(p->text, p->i), code, low;
	const char *known;
	char c;

	p->i++;
	c = peek(p);
	p->i++;
	known = c != '\0' ? strchr(names, c) : NULL;
	if (known != NULL) {
		text_buf_put(buf, values[known - names], at);
		return true;
	}
	if (c != 'u' || !hex4(p, &code))
		return false;
	if (code >= 0xd800 && code < 0xdc00 && p->i + 1 < p->text->n && peek(p) == '\\' &&
		p->text->s[p->i + 1] == 'u') {
		p->i += 2;
		if (!hex4(p, &low))
			return false;
		if (low >= 0xdc00 && low < 0xe000)
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	text_buf_put_code(buf, code, at);
	return true;
}

static bool take_string(struct parser *p, struct text_buf *buf, struct text *ret)
{
	if (!take(p, '"'))
		return false;
	while (p->i < p->text->n && peek(p) != '"') {
		if ((unsigned char)peek(p) < ' ')
			return false;
		if (peek(p) == '\\') {
			if (!take_escape(p, buf))
				return false;
		} else {
			text_buf_put(buf, peek(p), text_at(p->text, p->i));
			p->i++;
		}
	}
	*ret = text_buf_text(buf, text_at(p->text, p->i));
	return take(p, '"');
}

static void tell(struct parser *p, const struct text *value, bool is_key)
{
	struct json_string string = { .depth = p->depth, .is_key = is_key, .value = *value };

	if (p->fn == NULL)
		return;
	for (unsigned k = 0; k < p->depth; k++)
		string.keys[k] = p->keys[k];
	p->fn(p->data, &string);
}

static bool take_value(struct parser *p);

static bool take_member(struct parser *p)
{
	cleanup_text_buf struct text_buf buf = { 0 };
	struct text key;

	if (!take_string(p, &buf, &key))
		return false;
	free(p->keys[p->depth - 1]);
	p->keys[p->depth - 1] = NULL;
	p->depth--;
	tell(p, &key, true);
	p->depth++;
	p->keys[p->depth - 1] = xdup(key.s, key.n);
	return take(p, ':') && take_value(p);
}

static bool take_members(struct parser *p, bool object)
{
	char end = object ? '}' : ']';
	bool good = true;

	if (p->depth == JSON_DEPTH_MAX)
		return false;
	p->i++;
	p->keys[p->depth++] = xdup("", 0);
	if (!take(p, end)) {
		do {
			good = object ? take_member(p) : take_value(p);
		} while (good && take(p, ','));
		good = good && take(p, end);
	}
	free(p->keys[--p->depth]);
	p->keys[p->depth] = NULL;
	return good;
}

static bool take_word(struct parser *p)
{
	size_t begin = p->i;

	while (p->i < p->text->n && peek(p) != '\0' &&
		strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", peek(p)) != NULL)
		p->i++;
	return p->i > begin;
}

static bool take_value(struct parser *p)
{
	skip_blanks(p);
	if (peek(p) == '"') {
		cleanup_text_buf struct text_buf buf = { 0 };
		struct text value;

		if (!take_string(p, &buf, &value))
			return false;
		tell(p, &value, false);
		return true;
	}
	if (peek(p) == '{' || peek(p) == '[')
		return take_members(p, peek(p) == '{');
	return take_word(p);
}

static bool run(const struct text *text, json_string_fn *fn, void *data)
{
	struct parser p = { .text = text, .fn = fn, .data = data };
	bool good;

	if (text->n >= 3 && memcmp(text->s, "\xef\xbb\xbf", 3) == 0)
		p.i = 3;
	good = take_value(&p);
	skip_blanks(&p);
	good = good && p.i == text->n;
	for (unsigned k = 0; k < JSON_DEPTH_MAX; k++)
		free(p.keys[k]);
	return good;
}

bool json_each_string(const struct text *text, json_string_fn *fn, void *data)
{
	return run(text, NULL, NULL) && run(text, fn, data);
}
