/* SPDX-License-Identifier: MIT */
/*
 * JavaScript cut into tokens: enough to know strings, templates, regular expressions and comments
 * from code. Broken scripts give some tokens; nothing is an error.
 */
#pragma once

#include "text.h"

enum js_type {
	JS_END,
	JS_NAME,
	JS_NUMBER,
	JS_STRING,
	JS_TEMPLATE,      /* without anything put in: as good as a string */
	JS_TEMPLATE_PART, /* from ` or } up to ${ or ` */
	JS_REGEX,
	JS_PUNCTUATION,
};

struct js_token {
	uint32_t begin, end; /* indexes of the text */
	enum js_type type;
	bool after_newline;
	bool used; /* by whom reads the tokens */
};

struct js_tokens {
	const struct text *text;
	struct js_token *v; /* owned; v[n] is a JS_END */
	size_t n, room;
	struct text
		source_map; /* the address in the last sourceMappingURL comment; n is 0 without */
};

void js_tokens_init(struct js_tokens *tokens, const struct text *text);
void js_tokens_done(struct js_tokens *tokens);
#define cleanup_js_tokens CLEANUP(js_tokens_done)

/* Token i is this word or sign; any i. */
bool js_is(const struct js_tokens *tokens, size_t i, const char *word);
static inline const struct js_token *js_at(const struct js_tokens *tokens, size_t i)
{
	return &tokens->v[i < tokens->n ? i : tokens->n];
}
static inline bool js_is_string(const struct js_token *token)
{
	return token->type == JS_STRING || token->type == JS_TEMPLATE;
}

/* Adds what a string or whole template stands for. */
void js_string_value(const struct js_tokens *tokens, size_t i, struct text_buf *buf);
