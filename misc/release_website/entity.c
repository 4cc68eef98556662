/* SPDX-License-Identifier: MIT */
#include "entity.h"

#include <gumbo.h>
#include <string.h>

#include "xalloc.h"

#define NAME_MAX_LENGTH 40

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
}

/* At "&#": puts the character; gives where the reference ends, or 0 if it is none. */
static size_t number(const struct text *raw, size_t i, struct text_buf *buf)
{
	uint32_t at = text_at(raw, i), code = 0;
	bool hex = i + 2 < raw->n && to_lower(raw->s[i + 2]) == 'x';
	size_t begin = i + (hex ? 3 : 2), end = begin;

	for (; end < raw->n; end++) {
		int digit = hex_value(raw->s[end]);

		if (digit < 0 || (!hex && digit > 9))
			break;
		if (code <= 0x10ffff)
			code = code * (hex ? 16 : 10) + (uint32_t)digit;
	}
	if (end == begin)
		return 0;
	text_buf_put_code(buf, code == 0 ? 0xfffd : code, at);
	return end < raw->n && raw->s[end] == ';' ? end + 1 : end;
}

static const struct {
	const char *name;
	char c;
} common[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' } };

static const GumboAttribute *find_attribute(const GumboNode *node)
{
	for (;;) {
		const GumboVector *children = &node->v.element.children;
		const GumboAttribute *found =
			gumbo_get_attribute(&node->v.element.attributes, "data-x");

		if (found != NULL)
			return found;
		if (children->length == 0)
			return NULL;
		node = children->data[children->length - 1];
		if (node->type != GUMBO_NODE_ELEMENT)
			return NULL;
	}
}

/* The parser knows all 2,231 names: asked for the few that are not common. */
static bool ask_parser(const char *name, size_t n, uint32_t at, struct text_buf *buf)
{
	cleanup_free char *html = xprintf("<p data-x=\"%.*s|\">", (int)n, name);
	GumboOutput *output = gumbo_parse(html);
	const GumboAttribute *found = find_attribute(output->root);
	size_t len = found != NULL ? strlen(found->value) : 0;
	bool known = len > 1 && (len != n + 1 || memcmp(found->value, name, n) != 0);

	for (size_t i = 0; known && i + 1 < len; i++)
		text_buf_put(buf, found->value[i], at);
	gumbo_destroy_output(&kGumboDefaultOptions, output);
	return known;
}

/* At "&" with a name behind it: the same. In attributes a name counts only if all of it does. */
static size_t named(const struct text *raw, size_t i, bool xml, struct text_buf *buf)
{
	uint32_t at = text_at(raw, i);
	size_t end = i + 1;
	bool closed;

	while (end < raw->n && is_alnum(raw->s[end]))
		end++;
	closed = end < raw->n && raw->s[end] == ';';
	if (end == i + 1 || end - i > NAME_MAX_LENGTH ||
		(!closed && (xml || (end < raw->n && raw->s[end] == '='))))
		return 0;
	for (size_t k = 0; k < sizeof(common) / sizeof(common[0]); k++) {
		struct text name = text_part(raw, i + 1, end);

		if (text_is(&name, common[k].name) && (closed || common[k].c != '\'')) {
			text_buf_put(buf, common[k].c, at);
			return end + closed;
		}
	}
	if (xml || !ask_parser(raw->s + i, end + closed - i, at, buf))
		return 0;
	return end + closed;
}

void entity_decode(const struct text *raw, bool xml, struct text_buf *buf)
{
	size_t i = 0;

	while (i < raw->n) {
		size_t end = 0;

		if (raw->s[i] == '&' && i + 1 < raw->n)
			end = raw->s[i + 1] == '#' ? number(raw, i, buf) : named(raw, i, xml, buf);
		if (end == 0) {
			text_buf_put(buf, raw->s[i], text_at(raw, i));
			end = i + 1;
		}
		i = end;
	}
}
