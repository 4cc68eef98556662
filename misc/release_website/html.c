/* SPDX-License-Identifier: MIT */
/*
 * Pages, read by gumbo as HTML 5 says, which also tells where in the text each tag stands.
 *
 * Its tree is never freed node by node, which recurses as deep as a page nests: all of it lies in
 * an arena.
 */
#include <gumbo.h>
#include <string.h>

#include "markup.h"
#include "scan.h"
#include "xalloc.h"

#define BLOCK_BYTES 65536
#define ALIGNMENT   16

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(ALIGNMENT) char bytes[];
};

struct arena {
	struct block *blocks;
};

static void *arena_alloc(void *data, size_t n)
{
	struct arena *arena = data;
	struct block *block = arena->blocks;
	void *p;

	n = (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (block == NULL || block->size - block->used < n) {
		size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;

		block = xalloc(sizeof(*block) + size);
		block->size = size;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	p = block->bytes + block->used;
	block->used += n;
	return p;
}

static void arena_free(void *data, void *p)
{
	(void)data;
	(void)p;
}

static void arena_done(struct arena *arena)
{
	while (arena->blocks != NULL) {
		struct block *block = arena->blocks;

		arena->blocks = block->next;
		free(block);
	}
}

struct html {
	struct scan *scan;
	const struct text *text;
	const char *dir_before;              /* base of what is fetched before the <base> */
	size_t base_at;                      /* its index in the text */
	struct markup_attribute *attributes; /* owned */
	size_t room;
};

/* Gumbo's piece as a part of the text; empty if it does not point into it. */
static struct text piece(const struct html *html, const GumboStringPiece *p)
{
	const struct text *t = html->text;

	if (p->data == NULL || p->data < t->s || p->data > t->s + t->n ||
		p->length > (size_t)(t->s + t->n - p->data))
		return text_part(t, t->n, t->n);
	return text_part(t, (size_t)(p->data - t->s), (size_t)(p->data - t->s) + p->length);
}

static size_t index_of(const struct html *html, const struct text *part)
{
	return (size_t)(part->s - html->text->s);
}

static struct text unquote(struct text t)
{
	if (t.n >= 2 && (t.s[0] == '"' || t.s[0] == '\'') && t.s[t.n - 1] == t.s[0])
		return text_part(&t, 1, t.n - 1);
	return t;
}

static struct text name_of(const GumboElement *element)
{
	GumboStringPiece name = element->original_tag;
	const char *known = gumbo_normalized_tagname(element->tag);

	if (element->tag != GUMBO_TAG_UNKNOWN)
		return (struct text){ known, strlen(known), NULL, 0 };
	gumbo_tag_from_original_text(&name);
	return (struct text){ name.data, name.data != NULL ? name.length : 0, NULL, 0 };
}

static struct text strip_prefix(struct text name)
{
	return name.n > 6 && strncasecmp(name.s, "xlink:", 6) == 0 ? text_part(&name, 6, name.n)
								   : name;
}

static void read_attributes(struct html *html, const GumboElement *from, struct markup_element *to)
{
	for (unsigned i = 0; i < from->attributes.length; i++) {
		const GumboAttribute *attribute = from->attributes.data[i];

		html->attributes =
			xgrow(html->attributes, &html->room, to->n + 1, sizeof(*html->attributes));
		html->attributes[to->n++] = (struct markup_attribute){
			strip_prefix(piece(html, &attribute->original_name)),
			unquote(piece(html, &attribute->original_value)),
		};
	}
	to->attributes = html->attributes;
}

/* Of SVG's scripts and styles only what needs no decoding: plain text, or one CDATA section. */
static struct text foreign_content(struct text t)
{
	static const char open[] = "<![CDATA[", close[] = "]]>";
	struct text inner = text_trim(t);

	if (inner.n >= sizeof(open) + sizeof(close) - 2 &&
		memcmp(inner.s, open, sizeof(open) - 1) == 0 &&
		memcmp(inner.s + inner.n - 3, close, 3) == 0)
		return text_part(&inner, sizeof(open) - 1, inner.n - 3);
	return text_has(&t, '&') || text_has(&t, '<') ? text_part(&t, 0, 0) : t;
}

static struct text content_of(const struct html *html, const GumboElement *element)
{
	struct text tag = piece(html, &element->original_tag);
	struct text end = piece(html, &element->original_end_tag);
	size_t from = index_of(html, &tag) + tag.n;
	size_t to = end.n > 0 ? index_of(html, &end) : html->text->n;

	if (tag.n == 0 || to < from ||
		(element->tag_namespace != GUMBO_NAMESPACE_HTML && tag.n > 1 &&
			tag.s[tag.n - 2] == '/'))
		return text_part(html->text, 0, 0);
	tag = text_part(html->text, from, to);
	return element->tag_namespace == GUMBO_NAMESPACE_HTML ? tag : foreign_content(tag);
}

static void element(struct html *html, const GumboElement *from)
{
	struct scan scan = *html->scan;
	struct markup_element to = { .name = name_of(from) };
	struct text tag = piece(html, &from->original_tag);

	to.svg = from->tag_namespace == GUMBO_NAMESPACE_SVG;
	to.content = text_part(html->text, 0, 0);
	if (from->tag == GUMBO_TAG_SCRIPT || from->tag == GUMBO_TAG_STYLE)
		to.content = content_of(html, from);
	read_attributes(html, from, &to);
	/* What a click or a form asks for is resolved then, with the base. */
	if (tag.n > 0 && index_of(html, &tag) < html->base_at && from->tag != GUMBO_TAG_A &&
		from->tag != GUMBO_TAG_AREA && from->tag != GUMBO_TAG_FORM &&
		from->tag != GUMBO_TAG_BUTTON)
		scan.dir = html->dir_before;
	markup_scan(&scan, &to);
}

typedef bool visit_fn(struct html *html, const GumboElement *element);

struct step {
	const GumboNode *node;
	unsigned next; /* child to visit */
};

/* From the root on, without recursion; `visit` says whether to go on. */
static void walk(struct html *html, const GumboNode *root, visit_fn *visit, bool templates)
{
	cleanup_free struct step *steps = NULL;
	size_t n = 0, room = 0;
	const GumboNode *node = root;

	while (node != NULL || n > 0) {
		const GumboElement *element;

		if (node != NULL) {
			if (!visit(html, &node->v.element))
				return;
			steps = xgrow(steps, &room, n + 1, sizeof(*steps));
			steps[n++] = (struct step){ node, 0 };
		}
		node = NULL;
		element = &steps[n - 1].node->v.element;
		if (steps[n - 1].next == element->children.length) {
			n--;
			continue;
		}
		node = element->children.data[steps[n - 1].next++];
		if (node->type != GUMBO_NODE_ELEMENT &&
			(node->type != GUMBO_NODE_TEMPLATE || !templates))
			node = NULL;
	}
}

static bool visit_base(struct html *html, const GumboElement *from)
{
	cleanup_text_buf struct text_buf buf = { 0 };
	struct markup_element to = { .name = name_of(from) };
	struct text tag = piece(html, &from->original_tag), href;

	if (from->tag != GUMBO_TAG_BASE || from->tag_namespace != GUMBO_NAMESPACE_HTML)
		return true;
	read_attributes(html, from, &to);
	if (!markup_get(html->scan, &to, "href", &buf, &href))
		return true;
	html->scan->dir = markup_base(html->scan, &href, html->scan->dir);
	html->base_at = index_of(html, &tag);
	return false;
}

static bool visit_all(struct html *html, const GumboElement *from)
{
	element(html, from);
	return true;
}

void html_scan(struct scan *scan, const struct text *text)
{
	GumboOptions options = kGumboDefaultOptions;
	CLEANUP(arena_done) struct arena arena = { 0 };
	struct scan own = *scan;
	struct html html = { .scan = &own, .text = text, .dir_before = scan->dir };
	const GumboOutput *output;

	options.allocator = arena_alloc;
	options.deallocator = arena_free;
	options.userdata = &arena;
	options.max_errors = 0;
	output = gumbo_parse_with_options(&options, text->s, text->n);
	walk(&html, output->root, visit_base, false);
	walk(&html, output->root, visit_all, true);
	free(html.attributes);
}
