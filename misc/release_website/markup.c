/* SPDX-License-Identifier: MIT */
#include "markup.h"

#include <string.h>

#include "entity.h"
#include "xalloc.h"

#define PAGES_IN_ATTRIBUTES_MAX 8

enum meaning { IS_REF, IS_SCRIPT, IS_SRCSET, IS_PAGE };

/* Attributes that a browser takes an address from. An empty element's name: any SVG element. */
static const struct {
	const char *element, *attribute;
	enum meaning meaning;
} meanings[] = {
	{ "script", "src", IS_SCRIPT },
	{ "link", "href", IS_REF },
	{ "link", "imagesrcset", IS_SRCSET },
	{ "a", "href", IS_REF },
	{ "area", "href", IS_REF },
	{ "img", "src", IS_REF },
	{ "img", "srcset", IS_SRCSET },
	{ "source", "src", IS_REF },
	{ "source", "srcset", IS_SRCSET },
	{ "video", "src", IS_REF },
	{ "video", "poster", IS_REF },
	{ "audio", "src", IS_REF },
	{ "track", "src", IS_REF },
	{ "iframe", "src", IS_REF },
	{ "iframe", "srcdoc", IS_PAGE },
	{ "frame", "src", IS_REF },
	{ "embed", "src", IS_REF },
	{ "object", "data", IS_REF },
	{ "input", "src", IS_REF },
	{ "input", "formaction", IS_REF },
	{ "button", "formaction", IS_REF },
	{ "form", "action", IS_REF },
	{ "body", "background", IS_REF },
	{ "table", "background", IS_REF },
	{ "td", "background", IS_REF },
	{ "th", "background", IS_REF },
	{ "script", "href", IS_SCRIPT }, /* SVG's */
	{ "", "href", IS_REF },
};

static struct text decode(const struct scan *scan, const struct text *raw, struct text_buf *buf)
{
	if (!text_has(raw, '&'))
		return *raw;
	entity_decode(raw, scan->xml, buf);
	return text_buf_text(buf, text_at(raw, raw->n));
}

bool markup_get(const struct scan *scan, const struct markup_element *element, const char *name,
	struct text_buf *buf, struct text *ret)
{
	for (size_t i = 0; i < element->n; i++)
		if (text_is_nocase(&element->attributes[i].name, name)) {
			*ret = decode(scan, &element->attributes[i].value, buf);
			return true;
		}
	return false;
}

const char *markup_base(struct scan *scan, const struct text *base, const char *dir)
{
	cleanup_free char *path = NULL;
	cleanup_free char *joined = NULL;
	struct url url;
	bool blank = true;

	for (size_t i = 0; i < base->n && blank; i++)
		blank = (unsigned char)base->s[i] <= ' ';
	if (blank || base->s[0] == '?' || base->s[0] == '#')
		return dir;
	if (!url_parse(&scan->site->url, base, &url))
		return url_elsewhere;
	path = url.path;
	if (dir == url_elsewhere && !url.from_there)
		return dir;
	joined = url_join(url.from_there || dir == NULL ? "" : dir, path);
	/* "a/b" is a page in "a", "a/b/" a directory. */
	return scan_keep_dir(scan, url_dir(joined));
}

/* "a.png 1x, b.png 2x": addresses up to a blank; a comma at an address's end ends its entry. */
static void srcset(struct scan *scan, const struct text *value)
{
	size_t i = 0, begin, end;

	while (i < value->n) {
		struct text ref;
		unsigned depth = 0;

		while (i < value->n && (is_blank(value->s[i]) || value->s[i] == ','))
			i++;
		begin = i;
		while (i < value->n && !is_blank(value->s[i]))
			i++;
		end = i;
		while (end > begin && value->s[end - 1] == ',')
			end--;
		ref = text_part(value, begin, end);
		(void)scan_ref(scan, &ref, scan->dir, REF_PLAIN);
		if (end < i)
			continue;
		for (; i < value->n && (value->s[i] != ',' || depth > 0); i++) {
			depth += value->s[i] == '(';
			depth -= value->s[i] == ')' && depth > 0;
		}
	}
}

static void inner_page(struct scan *scan, const struct text *value)
{
	struct scan inner = *scan;

	if (scan->depth >= PAGES_IN_ATTRIBUTES_MAX)
		return;
	inner.depth++;
	inner.xml = false;
	html_scan(&inner, value);
}

static enum ref_use use_of(const struct scan *scan, const struct markup_element *element)
{
	cleanup_text_buf struct text_buf buf = { 0 };
	struct text rel;

	if (text_is_nocase(&element->name, "link") &&
		markup_get(scan, element, "rel", &buf, &rel)) {
		rel = text_trim(rel);
		if (text_is_nocase(&rel, "manifest"))
			return REF_MANIFEST;
	}
	return REF_PLAIN;
}

/* What the integrity attribute says is about the reference just recorded. */
static void seal(struct scan *scan, const struct markup_element *element)
{
	struct file *file = scan->file;

	for (size_t i = 0; i < element->n; i++) {
		const struct text *value = &element->attributes[i].value;

		if (!text_is_nocase(&element->attributes[i].name, "integrity") || value->n == 0)
			continue;
		file->seals = xgrow(
			file->seals, &file->seals_room, file->seals_n + 1, sizeof(*file->seals));
		file->seals[file->seals_n++] = (struct seal){ text_at(value, 0),
			text_at(value, value->n), file->refs_n - 1 };
		return;
	}
}

static void address(struct scan *scan, const struct markup_element *element, enum meaning meaning,
	const struct text *value)
{
	switch (meaning) {
	case IS_REF:
	case IS_SCRIPT:
		if (scan_ref(scan, value, scan->dir,
			    meaning == IS_SCRIPT ? REF_SCRIPT : use_of(scan, element)))
			seal(scan, element);
		break;
	case IS_SRCSET:
		srcset(scan, value);
		break;
	case IS_PAGE:
		inner_page(scan, value);
		break;
	}
}

static bool is_handler(const struct text *name)
{
	return name->n > 2 && to_lower(name->s[0]) == 'o' && to_lower(name->s[1]) == 'n';
}

/* A script may read it and load what it names: nothing to rewrite, but to note. */
static void data_attribute(struct scan *scan, const struct markup_attribute *attribute)
{
	cleanup_text_buf struct text_buf buf = { 0 };
	struct text value = decode(scan, &attribute->value, &buf);

	if (text_ends_nocase(&value, ".js") || text_ends_nocase(&value, ".css"))
		(void)scan_ref(scan, &value, scan->dir, REF_LITERAL);
}

static void attribute(struct scan *scan, const struct markup_element *element,
	const struct markup_attribute *attribute)
{
	cleanup_text_buf struct text_buf buf = { 0 };
	struct text value;

	if (attribute->value.n == 0)
		return;
	if (text_is_nocase(&attribute->name, "style")) {
		value = decode(scan, &attribute->value, &buf);
		css_scan(scan, &value);
		return;
	}
	if (attribute->name.n > 5 && strncasecmp(attribute->name.s, "data-", 5) == 0) {
		data_attribute(scan, attribute);
		return;
	}
	if (is_handler(&attribute->name)) {
		struct scan inner = *scan;

		value = decode(scan, &attribute->value, &buf);
		inner.run_dir = scan->dir;
		js_scan(&inner, &value);
		return;
	}
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (!text_is_nocase(&attribute->name, meanings[i].attribute) ||
			!(meanings[i].element[0] == '\0'
					? element->svg
					: text_is_nocase(&element->name, meanings[i].element)))
			continue;
		value = decode(scan, &attribute->value, &buf);
		address(scan, element, meanings[i].meaning, &value);
		return;
	}
}

/* <meta http-equiv=refresh content="5; url='x'"> */
static void refresh(struct scan *scan, const struct text *content)
{
	size_t i = 0, end;
	struct text ref;

	while (i < content->n && is_blank(content->s[i]))
		i++;
	while (i < content->n &&
		((content->s[i] >= '0' && content->s[i] <= '9') || content->s[i] == '.'))
		i++;
	while (i < content->n &&
		(is_blank(content->s[i]) || content->s[i] == ';' || content->s[i] == ','))
		i++;
	ref = text_part(content, i, content->n);
	if (ref.n > 3 && strncasecmp(ref.s, "url", 3) == 0) {
		struct text rest = text_trim(text_part(&ref, 3, ref.n));

		if (rest.n > 0 && rest.s[0] == '=')
			ref = text_trim(text_part(&rest, 1, rest.n));
	}
	if (ref.n > 0 && (ref.s[0] == '"' || ref.s[0] == '\'')) {
		for (end = 1; end < ref.n && ref.s[end] != ref.s[0]; end++)
			;
		ref = text_part(&ref, 1, end);
	}
	(void)scan_ref(scan, &ref, scan->dir, REF_PLAIN);
}

static void policy(struct scan *scan, const struct text *content)
{
	struct file *file = scan->file;

	if (content->at != NULL)
		return;
	file->policies = xgrow(file->policies, &file->policies_room, file->policies_n + 1,
		sizeof(*file->policies));
	file->policies[file->policies_n++] =
		(struct span){ text_at(content, 0), text_at(content, content->n) };
}

static void meta(struct scan *scan, const struct markup_element *element)
{
	cleanup_text_buf struct text_buf kind_buf = { 0 }, content_buf = { 0 };
	struct text kind, content;

	if (!markup_get(scan, element, "http-equiv", &kind_buf, &kind) ||
		!markup_get(scan, element, "content", &content_buf, &content))
		return;
	if (text_is_nocase(&kind, "refresh"))
		refresh(scan, &content);
	else if (text_is_nocase(&kind, "content-security-policy"))
		policy(scan, &content);
}

static bool is_script_type(const struct text *type)
{
	static const char *const types[] = { "", "module", "text/javascript",
		"application/javascript", "text/ecmascript", "application/ecmascript",
		"application/x-javascript", "text/x-javascript", "text/jscript",
		"text/javascript1.5", "text/livescript" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (text_is_nocase(type, types[i]))
			return true;
	return false;
}

/* A content security policy may have the digest of it. In a decoded text there is no such place. */
static void remember_inline(struct scan *scan, const struct text *content)
{
	struct file *file = scan->file;

	if (content->at != NULL)
		return;
	file->inlines = xgrow(
		file->inlines, &file->inlines_room, file->inlines_n + 1, sizeof(*file->inlines));
	file->inlines[file->inlines_n++] =
		(struct span){ text_at(content, 0), text_at(content, content->n) };
}

static void script(struct scan *scan, const struct markup_element *element)
{
	cleanup_text_buf struct text_buf buf = { 0 };
	struct scan inner = *scan;
	struct text type;

	if (element->content.n == 0)
		return;
	remember_inline(scan, &element->content);
	inner.run_dir = scan->dir;
	if (!markup_get(scan, element, "type", &buf, &type))
		type = (struct text){ "", 0, NULL, 0 };
	type = text_trim(type);
	if (is_script_type(&type))
		js_scan(&inner, &element->content);
	else if (text_is_nocase(&type, "importmap"))
		import_map_scan(&inner, &element->content);
}

void markup_scan(struct scan *scan, const struct markup_element *element)
{
	for (size_t i = 0; i < element->n; i++)
		attribute(scan, element, &element->attributes[i]);
	if (text_is_nocase(&element->name, "meta"))
		meta(scan, element);
	else if (text_is_nocase(&element->name, "script"))
		script(scan, element);
	else if (text_is_nocase(&element->name, "style") && element->content.n > 0) {
		remember_inline(scan, &element->content);
		css_scan(scan, &element->content);
	}
}
