/* SPDX-License-Identifier: MIT */
/* XHTML and SVG files: tags, and the processing instruction that names a style sheet. */
#include <string.h>

#include "markup.h"
#include "scan.h"
#include "xalloc.h"

struct xml {
	struct scan *scan;
	const struct text *text;
	size_t i;
	struct markup_attribute *attributes; /* owned */
	size_t n, room;
};

static bool at(const struct xml *xml, const char *s)
{
	size_t n = strlen(s);

	return xml->text->n - xml->i >= n && memcmp(xml->text->s + xml->i, s, n) == 0;
}

/* Behind the next `s`, or at the end. */
static void skip_past(struct xml *xml, const char *s)
{
	size_t n = strlen(s);
	const char *found = memmem(xml->text->s + xml->i, xml->text->n - xml->i, s, n);

	xml->i = found != NULL ? (size_t)(found - xml->text->s) + n : xml->text->n;
}

static bool is_name_end(char c)
{
	return is_blank(c) || c == '=' || c == '>' || c == '/' || c == '<' || c == '?';
}

/* A name, without its prefix. */
static struct text take_name(struct xml *xml)
{
	size_t begin = xml->i;
	struct text name;
	const char *colon;

	while (xml->i < xml->text->n && !is_name_end(xml->text->s[xml->i]))
		xml->i++;
	name = text_part(xml->text, begin, xml->i);
	colon = name.n > 0 ? memchr(name.s, ':', name.n) : NULL;
	return colon != NULL ? text_part(&name, (size_t)(colon + 1 - name.s), name.n) : name;
}

static void skip_blanks(struct xml *xml)
{
	while (xml->i < xml->text->n && is_blank(xml->text->s[xml->i]))
		xml->i++;
}

/* Attributes up to what is none. */
static void take_attributes(struct xml *xml)
{
	xml->n = 0;
	for (;;) {
		struct text name;
		const char *end;
		size_t begin;

		skip_blanks(xml);
		name = take_name(xml);
		skip_blanks(xml);
		if (name.n == 0 || !at(xml, "="))
			return;
		xml->i++;
		skip_blanks(xml);
		if (!at(xml, "\"") && !at(xml, "'"))
			return;
		begin = ++xml->i;
		end = memchr(xml->text->s + begin, xml->text->s[begin - 1], xml->text->n - begin);
		if (end == NULL)
			return;
		xml->i = (size_t)(end - xml->text->s);
		xml->attributes =
			xgrow(xml->attributes, &xml->room, xml->n + 1, sizeof(*xml->attributes));
		xml->attributes[xml->n++] =
			(struct markup_attribute){ name, text_part(xml->text, begin, xml->i) };
		xml->i++;
	}
}

static void instruction(struct xml *xml)
{
	struct markup_element element = { .content = text_part(xml->text, 0, 0) };
	cleanup_text_buf struct text_buf buf = { 0 };
	struct text name, href;

	xml->i += 2;
	name = take_name(xml);
	take_attributes(xml);
	element.attributes = xml->attributes;
	element.n = xml->n;
	if (text_is(&name, "xml-stylesheet") &&
		markup_get(xml->scan, &element, "href", &buf, &href))
		(void)scan_ref(xml->scan, &href, xml->scan->dir, REF_PLAIN);
	skip_past(xml, "?>");
}

/* What stands between the tags of a script or style: one run of text or one CDATA section. */
static struct text take_content(struct xml *xml)
{
	size_t begin = xml->i;
	struct text content;

	skip_blanks(xml);
	if (at(xml, "<![CDATA[")) {
		xml->i += 9;
		begin = xml->i;
		skip_past(xml, "]]>");
		return text_part(xml->text, begin, xml->i >= begin + 3 ? xml->i - 3 : begin);
	}
	skip_past(xml, "<");
	if (xml->i == xml->text->n)
		return text_part(xml->text, 0, 0);
	xml->i--;
	content = text_part(xml->text, begin, xml->i);
	return text_has(&content, '&') ? text_part(&content, 0, 0) : content;
}

static void tag(struct xml *xml)
{
	struct markup_element element = { .svg = true, .content = text_part(xml->text, 0, 0) };
	bool empty;

	xml->i++;
	element.name = take_name(xml);
	take_attributes(xml);
	element.attributes = xml->attributes;
	element.n = xml->n;
	empty = at(xml, "/");
	if (element.name.n == 0 || (!empty && !at(xml, ">")))
		return;
	skip_past(xml, ">");
	if (!empty && (text_is(&element.name, "script") || text_is(&element.name, "style")))
		element.content = take_content(xml);
	markup_scan(xml->scan, &element);
}

void xml_scan(struct scan *scan, const struct text *text)
{
	struct xml xml = { .scan = scan, .text = text };

	for (;;) {
		const char *open = memchr(text->s + xml.i, '<', text->n - xml.i);

		if (open == NULL)
			break;
		xml.i = (size_t)(open - text->s);
		if (at(&xml, "<!--"))
			skip_past(&xml, "-->");
		else if (at(&xml, "<![CDATA["))
			skip_past(&xml, "]]>");
		else if (at(&xml, "<?"))
			instruction(&xml);
		else
			tag(&xml);
	}
	free(xml.attributes);
}
