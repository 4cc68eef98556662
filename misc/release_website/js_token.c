/* SPDX-License-Identifier: MIT */
#include "js_token.h"

#include <string.h>

#include "xalloc.h"

/* What an open bracket is, to know what a slash behind its end means. */
enum bracket {
	BRACKET_VALUE,     /* (a) / b, [a] / b, {a: 1} / b */
	BRACKET_STATEMENT, /* if (a) /b/, {a} /b/ */
	BRACKET_TEMPLATE,  /* ${ in a template */
};

struct lexer {
	struct js_tokens *tokens;
	const char *s;
	size_t n, i;
	bool newline;
	bool slash_is_regex; /* at this point */
	enum bracket *open;  /* owned */
	size_t open_n, open_room;
};

static char peek(const struct lexer *lx, size_t ahead)
{
	if (lx->i + ahead >= lx->n)
		return '\0';
	return lx->s[lx->i + ahead];
}

static bool is_newline(char c)
{
	return c == '\n' || c == '\r';
}

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$' || c == '\\' || c == '#' || (unsigned char)c >= 0x80;
}

/* The length of a blank outside ASCII at s[i], or 0. */
static size_t wide_blank(const struct lexer *lx, size_t i)
{
	static const char *const blanks[] = { "\xc2\xa0", "\xef\xbb\xbf", "\xe2\x80\xa8",
		"\xe2\x80\xa9", "\xe3\x80\x80" };

	for (size_t k = 0; k < sizeof(blanks) / sizeof(blanks[0]); k++) {
		size_t n = strlen(blanks[k]);

		if (lx->n - i >= n && memcmp(lx->s + i, blanks[k], n) == 0)
			return n;
	}
	return 0;
}

static void add(struct lexer *lx, enum js_type type, size_t begin)
{
	struct js_tokens *tokens = lx->tokens;

	tokens->v = xgrow(tokens->v, &tokens->room, tokens->n + 2, sizeof(*tokens->v));
	tokens->v[tokens->n++] = (struct js_token){
		.begin = (uint32_t)begin,
		.end = (uint32_t)lx->i,
		.type = type,
		.after_newline = lx->newline,
	};
	lx->newline = false;
	lx->slash_is_regex = false;
}

bool js_is(const struct js_tokens *tokens, size_t i, const char *word)
{
	const struct js_token *token = js_at(tokens, i);
	size_t n = strlen(word);

	return (token->type == JS_NAME || token->type == JS_PUNCTUATION) &&
	       token->end - token->begin == n &&
	       memcmp(tokens->text->s + token->begin, word, n) == 0;
}

static bool is_one_of(const struct js_tokens *tokens, size_t i, const char *const *words)
{
	for (; *words != NULL; words++)
		if (js_is(tokens, i, *words))
			return true;
	return false;
}

static void skip_line(struct lexer *lx)
{
	while (lx->i < lx->n && !is_newline(lx->s[lx->i]))
		lx->i++;
}

static void note_source_map(struct lexer *lx, size_t begin, size_t end)
{
	static const char map[] = " sourceMappingURL=";
	struct text comment = text_part(lx->tokens->text, begin, end);
	size_t n = sizeof(map) - 1, i;

	if (comment.n <= n + 1 || (comment.s[0] != '#' && comment.s[0] != '@') ||
		memcmp(comment.s + 1, map, n) != 0)
		return;
	comment = text_trim(text_part(&comment, n + 1, comment.n));
	for (i = 0; i < comment.n && !is_blank(comment.s[i]); i++)
		if (comment.s[i] == '"' || comment.s[i] == '\'')
			return;
	if (i == comment.n)
		lx->tokens->source_map = comment;
}

static void line_comment(struct lexer *lx, size_t marker)
{
	size_t begin = lx->i + marker;

	skip_line(lx);
	note_source_map(lx, begin < lx->i ? begin : lx->i, lx->i);
}

static void block_comment(struct lexer *lx)
{
	size_t begin = lx->i + 2;
	const char *end = memmem(lx->s + begin, lx->n - begin, "*/", 2);
	size_t stop = end != NULL ? (size_t)(end - lx->s) : lx->n;

	for (size_t i = begin; i < stop; i++)
		lx->newline |= is_newline(lx->s[i]);
	note_source_map(lx, begin, stop);
	lx->i = end != NULL ? stop + 2 : stop;
}

/* Blanks and comments, those for very old browsers included: "<!--", and "-->" at a line's begin.
 */
static void skip_space(struct lexer *lx)
{
	while (lx->i < lx->n) {
		char c = peek(lx, 0);

		if (is_newline(c)) {
			lx->newline = true;
			lx->i++;
		} else if (is_blank(c) || c == '\v') {
			lx->i++;
		} else if (c == '/' && peek(lx, 1) == '/') {
			line_comment(lx, 2);
		} else if (c == '/' && peek(lx, 1) == '*') {
			block_comment(lx);
		} else if (lx->n - lx->i >= 4 && memcmp(lx->s + lx->i, "<!--", 4) == 0) {
			line_comment(lx, 4);
		} else if (lx->newline && lx->n - lx->i >= 3 &&
			   memcmp(lx->s + lx->i, "-->", 3) == 0) {
			line_comment(lx, 3);
		} else if (wide_blank(lx, lx->i) > 0) {
			lx->newline |= c == '\xe2'; /* line and paragraph separators */
			lx->i += wide_blank(lx, lx->i);
		} else {
			return;
		}
	}
}

static void string(struct lexer *lx)
{
	size_t begin = lx->i;
	char quote = lx->s[lx->i++];

	while (lx->i < lx->n && lx->s[lx->i] != quote) {
		if (lx->s[lx->i] == '\\' && lx->i + 1 < lx->n) {
			bool crlf = lx->s[lx->i + 1] == '\r' && peek(lx, 2) == '\n';

			lx->i += crlf ? 3 : 2;
		} else if (is_newline(lx->s[lx->i])) {
			add(lx, JS_PUNCTUATION, begin); /* not ended: no string */
			return;
		} else {
			lx->i++;
		}
	}
	if (lx->i >= lx->n) {
		lx->i = lx->n;
		add(lx, JS_PUNCTUATION, begin);
		return;
	}
	lx->i++;
	add(lx, JS_STRING, begin);
}

static void push(struct lexer *lx, enum bracket bracket)
{
	lx->open = xgrow(lx->open, &lx->open_room, lx->open_n + 1, sizeof(*lx->open));
	lx->open[lx->open_n++] = bracket;
}

/* At ` or at the } that ends what was put in. */
static void template(struct lexer *lx)
{
	size_t begin = lx->i;
	bool whole = lx->s[lx->i++] == '`';

	while (lx->i < lx->n) {
		char c = lx->s[lx->i];

		if (c == '`') {
			lx->i++;
			add(lx, whole ? JS_TEMPLATE : JS_TEMPLATE_PART, begin);
			return;
		}
		if (c == '$' && peek(lx, 1) == '{') {
			lx->i += 2;
			add(lx, JS_TEMPLATE_PART, begin);
			push(lx, BRACKET_TEMPLATE);
			lx->slash_is_regex = true;
			return;
		}
		lx->i += c == '\\' && lx->i + 1 < lx->n ? 2 : 1;
	}
	add(lx, JS_PUNCTUATION, begin);
}

/* At a slash where an expression begins; what has no end in its line is no such expression. */
static bool regex(struct lexer *lx)
{
	size_t begin = lx->i, i = lx->i + 1;
	bool in_class = false;

	for (;; i++) {
		if (i >= lx->n || is_newline(lx->s[i]))
			return false;
		if (lx->s[i] == '\\' && i + 1 < lx->n && !is_newline(lx->s[i + 1]))
			i++;
		else if (lx->s[i] == '[')
			in_class = true;
		else if (lx->s[i] == ']')
			in_class = false;
		else if (lx->s[i] == '/' && !in_class)
			break;
	}
	lx->i = i + 1;
	while (lx->i < lx->n && is_word_char(lx->s[lx->i]))
		lx->i++;
	add(lx, JS_REGEX, begin);
	return true;
}

static void word(struct lexer *lx)
{
	/* After these an expression begins. */
	static const char *const openers[] = { "return", "typeof", "case", "delete", "void", "in",
		"of", "new", "instanceof", "do", "else", "throw", "yield", "await", "default",
		"extends", NULL };
	size_t begin = lx->i, last;
	bool number = peek(lx, 0) == '.' || (peek(lx, 0) >= '0' && peek(lx, 0) <= '9');

	while (lx->i < lx->n && (is_word_char(lx->s[lx->i]) || (number && lx->s[lx->i] == '.')) &&
		wide_blank(lx, lx->i) == 0)
		lx->i++;
	add(lx, number ? JS_NUMBER : JS_NAME, begin);
	last = lx->tokens->n - 1;
	lx->slash_is_regex = is_one_of(lx->tokens, last, openers) &&
			     !(last > 0 && (js_is(lx->tokens, last - 1, ".") ||
						   js_is(lx->tokens, last - 1, "?.")));
}

/* The brace at hand opens a block or a body, and no object: seen from what stands before it. */
static bool opens_block(const struct js_tokens *tokens)
{
	static const char *const before_block[] = { ")", ";", "{", "}", "=>", "else", "do", "try",
		"finally", ":", "static", NULL };
	static const char *const before_value[] = { "return", "typeof", "case", "void", "in", "of",
		"new", "throw", "yield", "await", "default", "delete", "instanceof", NULL };
	size_t last = tokens->n - 1;

	if (tokens->n == 0 || is_one_of(tokens, last, before_block))
		return true;
	/* "class A {", "import {": names, but "return {" */
	return js_at(tokens, last)->type == JS_NAME && !is_one_of(tokens, last, before_value);
}

static void open_bracket(struct lexer *lx, char c)
{
	static const char *const conditions[] = { "if", "while", "for", "with", NULL };
	enum bracket bracket = BRACKET_VALUE;
	size_t n = lx->tokens->n;

	if (c == '(' && n > 0 && is_one_of(lx->tokens, n - 1, conditions) &&
		!(n > 1 && js_is(lx->tokens, n - 2, ".")))
		bracket = BRACKET_STATEMENT;
	if (c == '{' && opens_block(lx->tokens))
		bracket = BRACKET_STATEMENT;
	push(lx, bracket);
	lx->i++;
	add(lx, JS_PUNCTUATION, lx->i - 1);
	lx->slash_is_regex = true;
}

static void close_bracket(struct lexer *lx)
{
	enum bracket bracket = lx->open_n > 0 ? lx->open[--lx->open_n] : BRACKET_VALUE;

	if (bracket == BRACKET_TEMPLATE && peek(lx, 0) == '}') {
		template(lx);
		return;
	}
	lx->i++;
	add(lx, JS_PUNCTUATION, lx->i - 1);
	lx->slash_is_regex = bracket == BRACKET_STATEMENT;
}

static void sign(struct lexer *lx)
{
	size_t begin = lx->i;
	char c = lx->s[lx->i++];
	bool value = false;

	if ((c == '+' || c == '-') && peek(lx, 0) == c) {
		lx->i++;
		value = true; /* a++ / b */
	} else if ((c == '=' && peek(lx, 0) == '>') ||
		   (c == '?' && peek(lx, 0) == '.' &&
			   !(peek(lx, 1) >= '0' && peek(lx, 1) <= '9'))) {
		lx->i++;
	} else if (c != '\0' && strchr("=!+-*%&|^<>/", c) != NULL) {
		while (peek(lx, 0) == '=')
			lx->i++;
	}
	add(lx, JS_PUNCTUATION, begin);
	lx->slash_is_regex = !value;
}

static void next(struct lexer *lx)
{
	char c = peek(lx, 0);

	if (c == '"' || c == '\'')
		string(lx);
	else if (c == '`')
		template(lx);
	else if (is_word_char(c) || (c == '.' && peek(lx, 1) >= '0' && peek(lx, 1) <= '9'))
		word(lx);
	else if (c == '(' || c == '[' || c == '{')
		open_bracket(lx, c);
	else if (c == ')' || c == ']' || c == '}')
		close_bracket(lx);
	else if (c != '/' || !lx->slash_is_regex || !regex(lx))
		sign(lx);
}

void js_tokens_init(struct js_tokens *tokens, const struct text *text)
{
	struct lexer lx = {
		.tokens = tokens,
		.s = text->s,
		.n = text->n,
		.newline = true,
		.slash_is_regex = true,
	};

	*tokens = (struct js_tokens){ .text = text };
	if (lx.n >= 2 && memcmp(lx.s, "#!", 2) == 0)
		skip_line(&lx);
	for (;;) {
		skip_space(&lx);
		if (lx.i >= lx.n)
			break;
		next(&lx);
	}
	add(&lx, JS_END, lx.i);
	tokens->n--;
	free(lx.open);
}

void js_tokens_done(struct js_tokens *tokens)
{
	free(tokens->v);
	*tokens = (struct js_tokens){ 0 };
}

/* Hexadecimal digits from *i on, at most `max`; moves *i. */
static uint32_t hex(const struct text *t, size_t *i, size_t end, unsigned max)
{
	uint32_t code = 0;

	for (unsigned k = 0; k < max && *i < end && hex_value(t->s[*i]) >= 0; k++, (*i)++)
		code = code << 4 | (uint32_t)hex_value(t->s[*i]);
	return code;
}

static size_t unicode_escape(
	const struct text *t, size_t i, size_t end, uint32_t at, struct text_buf *buf)
{
	uint32_t code, low;

	if (i < end && t->s[i] == '{') {
		i++;
		text_buf_put_code(buf, hex(t, &i, end, 6), at);
		return i < end && t->s[i] == '}' ? i + 1 : i;
	}
	code = hex(t, &i, end, 4);
	if (code >= 0xd800 && code < 0xdc00 && i + 1 < end && t->s[i] == '\\' &&
		t->s[i + 1] == 'u') {
		size_t next = i + 2;

		low = hex(t, &next, end, 4);
		if (low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
			i = next;
		}
	}
	text_buf_put_code(buf, code, at);
	return i;
}

/* i is at the backslash; gives where the escape ends. */
static size_t escape(const struct text *t, size_t i, size_t end, struct text_buf *buf)
{
	static const char names[] = "nrtbvf", values[] = "\n\r\t\b\v\f";
	uint32_t at = text_at(t, i), code = 0;
	char c = t->s[i + 1];
	const char *known = c != '\0' ? strchr(names, c) : NULL;

	i += 2;
	if (c == 'x') {
		text_buf_put_code(buf, hex(t, &i, end, 2), at);
		return i;
	}
	if (c == 'u')
		return unicode_escape(t, i, end, at, buf);
	if (c >= '0' && c <= '7') {
		code = (uint32_t)(c - '0');
		for (unsigned k = 0; k < 2 && i < end && t->s[i] >= '0' && t->s[i] <= '7'; k++)
			code = code * 8 + (uint32_t)(t->s[i++] - '0');
		text_buf_put_code(buf, code, at);
		return i;
	}
	if (c == '\r' && i < end && t->s[i] == '\n')
		return i + 1;
	if (known != NULL)
		c = values[known - names];
	else if (is_newline(c))
		return i;
	text_buf_put(buf, c, at);
	return i;
}

void js_string_value(const struct js_tokens *tokens, size_t i, struct text_buf *buf)
{
	const struct text *t = tokens->text;
	size_t at = js_at(tokens, i)->begin + 1, end = js_at(tokens, i)->end - 1;

	while (at < end) {
		if (t->s[at] == '\\' && at + 1 < end) {
			at = escape(t, at, end, buf);
		} else {
			text_buf_put(buf, t->s[at], text_at(t, at));
			at++;
		}
	}
}
