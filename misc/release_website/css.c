/* SPDX-License-Identifier: MIT */
/*
 * Style sheets, after CSS Syntax Module Level 3: url(), @import, src() and image-set(). What stands
 * in comments and in other strings is text. An @namespace names, it does not load.
 */
#include <string.h>

#include "scan.h"

enum css_function { CSS_OTHER, CSS_URL, CSS_IMAGE_SET };

#define NESTING_MAX 64
#define WORD_MAX    24

struct css {
	struct scan *scan;
	const struct text *text;
	size_t i;
	bool import;    /* in an @import, before its address */
	bool namespace; /* in an @namespace */
	unsigned depth; /* of parentheses */
	enum css_function in[NESTING_MAX];
};

static char peek(const struct css *css, size_t ahead)
{
	if (css->i + ahead >= css->text->n)
		return '\0';
	return css->text->s[css->i + ahead];
}

static bool ended(const struct css *css)
{
	return css->i >= css->text->n;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || (unsigned char)c >= 0x80;
}

static void skip_comment(struct css *css)
{
	const char *end = memmem(css->text->s + css->i + 2, css->text->n - css->i - 2, "*/", 2);
	size_t stop = end != NULL ? (size_t)(end - css->text->s) : css->text->n;
	static const char map[] = "# sourceMappingURL=";
	struct text inner = text_part(css->text, css->i + 2, stop);

	if (inner.n > sizeof(map) && memcmp(inner.s, map, sizeof(map) - 1) == 0) {
		inner = text_trim(text_part(&inner, sizeof(map) - 1, inner.n));
		(void)scan_ref(css->scan, &inner, css->scan->dir, REF_PLAIN);
	}
	css->i = end != NULL ? stop + 2 : stop;
}

static void skip_newline(struct css *css)
{
	css->i += peek(css, 0) == '\r' && peek(css, 1) == '\n' ? 2 : 1;
}

/* At a backslash: takes the escape and puts what it stands for. */
static void take_escape(struct css *css, struct text_buf *buf)
{
	uint32_t at = text_at(css->text, css->i), code = 0;
	unsigned digits = 0;

	css->i++;
	while (digits < 6 && !ended(css) && hex_value(peek(css, 0)) >= 0) {
		code = code << 4 | (uint32_t)hex_value(peek(css, 0));
		css->i++;
		digits++;
	}
	if (digits > 0) {
		if (!ended(css) && is_blank(peek(css, 0)))
			skip_newline(css);
		text_buf_put_code(buf, code == 0 ? 0xfffd : code, at);
	} else if (!ended(css)) {
		text_buf_put(buf, css->text->s[css->i++], at);
	}
}

static bool is_newline(char c)
{
	return c == '\n' || c == '\r' || c == '\f';
}

static void reference(struct css *css, const struct text *ref)
{
	if (!css->namespace)
		(void)scan_ref(css->scan, ref, css->scan->dir, REF_PLAIN);
	css->import = false;
}

/* At a quote. A string that its line does not end is none. */
static bool take_string(struct css *css, struct text_buf *buf, struct text *ret)
{
	char quote = css->text->s[css->i++];

	for (;;) {
		char c = peek(css, 0);

		if (ended(css) || c == quote || is_newline(c)) {
			*ret = text_buf_text(buf, text_at(css->text, css->i));
			if (c != quote && !ended(css))
				return false;
			css->i += !ended(css);
			return true;
		}
		if (c == '\\' && is_newline(peek(css, 1))) {
			css->i++;
			skip_newline(css);
		} else if (c == '\\') {
			take_escape(css, buf);
		} else {
			text_buf_put(buf, c, text_at(css->text, css->i++));
		}
	}
}

static void string(struct css *css)
{
	cleanup_text_buf struct text_buf buf = { 0 };
	enum css_function in =
		css->depth > 0 && css->depth <= NESTING_MAX ? css->in[css->depth - 1] : CSS_OTHER;
	struct text ref;

	if (take_string(css, &buf, &ref) && (in != CSS_OTHER || (css->import && css->depth == 0)))
		reference(css, &ref);
}

static void skip_blanks(struct css *css)
{
	while (!ended(css) && is_blank(peek(css, 0)))
		css->i++;
}

/* The rest of a url( that is none. */
static void skip_bad_url(struct css *css)
{
	while (!ended(css) && peek(css, 0) != ')') {
		css->i += peek(css, 0) == '\\' ? 2 : 1;
	}
	if (css->i > css->text->n)
		css->i = css->text->n;
	css->i += !ended(css);
}

/* After "url(", where no quote follows. */
static void bare_url(struct css *css)
{
	cleanup_text_buf struct text_buf buf = { 0 };
	struct text ref;
	size_t end;

	for (;;) {
		char c = peek(css, 0);

		if (ended(css) || c == ')' || is_blank(c))
			break;
		if (c == '"' || c == '\'' || c == '(' || (unsigned char)c < ' ' || c == 0x7f ||
			(c == '\\' && is_newline(peek(css, 1)))) {
			skip_bad_url(css);
			return;
		}
		if (c == '\\')
			take_escape(css, &buf);
		else
			text_buf_put(&buf, c, text_at(css->text, css->i++));
	}
	end = css->i;
	skip_blanks(css);
	if (!ended(css) && peek(css, 0) != ')') {
		skip_bad_url(css);
		return;
	}
	css->i += !ended(css);
	ref = text_buf_text(&buf, text_at(css->text, end));
	reference(css, &ref);
}

/* At a name: takes it, in lower case, as much of it as matters. */
static void take_name(struct css *css, char ret[WORD_MAX])
{
	cleanup_text_buf struct text_buf buf = { 0 };
	size_t n;

	while (!ended(css)) {
		char c = peek(css, 0);

		if (c == '\\' && !is_newline(peek(css, 1)) && css->i + 1 < css->text->n)
			take_escape(css, &buf);
		else if (is_name_char(c))
			text_buf_put(&buf, to_lower(c), text_at(css->text, css->i++));
		else
			break;
	}
	n = buf.n < WORD_MAX ? buf.n : 0;
	for (size_t i = 0; i < n; i++)
		ret[i] = to_lower(buf.s[i]);
	ret[n] = '\0';
}

static void open_function(struct css *css, enum css_function function)
{
	css->i++;
	if (css->depth < NESTING_MAX)
		css->in[css->depth] = function;
	css->depth++;
}

static bool is_image_set(const char *name)
{
	return strcmp(name, "image-set") == 0 || strcmp(name, "-webkit-image-set") == 0;
}

static void name(struct css *css)
{
	size_t before;
	char word[WORD_MAX];

	take_name(css, word);
	if (peek(css, 0) != '(')
		return;
	if (is_image_set(word)) {
		open_function(css, CSS_IMAGE_SET);
	} else if (strcmp(word, "url") == 0 || strcmp(word, "src") == 0) {
		open_function(css, CSS_URL);
		before = css->i;
		skip_blanks(css);
		if (word[0] == 's' || peek(css, 0) == '"' || peek(css, 0) == '\'') {
			css->i = before;
			return;
		}
		css->depth--;
		bare_url(css);
	} else {
		open_function(css, CSS_OTHER);
	}
}

static void at_rule(struct css *css)
{
	char word[WORD_MAX];

	css->i++;
	take_name(css, word);
	css->import = strcmp(word, "import") == 0;
	css->namespace = strcmp(word, "namespace") == 0;
}

static void step(struct css *css)
{
	char c = peek(css, 0);

	if (c == '/' && peek(css, 1) == '*') {
		skip_comment(css);
	} else if (c == '"' || c == '\'') {
		string(css);
	} else if (c == '@') {
		at_rule(css);
	} else if (is_name_char(c) ||
		   (c == '\\' && css->i + 1 < css->text->n && !is_newline(peek(css, 1)))) {
		name(css);
	} else if (c == '(') {
		open_function(css, CSS_OTHER);
	} else {
		if (c == ')' && css->depth > 0)
			css->depth--;
		if (c == ';' || c == '{' || c == '}')
			css->import = css->namespace = false;
		css->i++;
	}
}

void css_scan(struct scan *scan, const struct text *text)
{
	struct css css = { .scan = scan, .text = text };

	while (!ended(&css))
		step(&css);
}
