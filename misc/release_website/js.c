/* SPDX-License-Identifier: MIT */
/*
 * Scripts: what a browser loads because of a string that stands in a call, an assignment or an
 * import. Strings may be put together of several with "+"; what is computed is nobody's to know.
 */
#include <string.h>

#include "js_token.h"
#include "scan.h"

#define PAGES_IN_STRINGS_MAX 8

enum js_owner { OWNER_NONE, OWNER_ANY, OWNER_NEW, OWNER_NAMED };

enum js_argument {
	ARGUMENT_REF,
	ARGUMENT_REFS,      /* all of them */
	ARGUMENT_ARRAY,     /* strings in an array */
	ARGUMENT_PAGE,      /* a piece of HTML */
	ARGUMENT_URL,       /* new URL(this, base) */
	ARGUMENT_ATTRIBUTE, /* setAttribute("src", this) */
	ARGUMENT_IMPORT,
};

struct js_call {
	const char *name;
	enum js_owner owner;
	const char *owner_name;
	enum js_argument kind;
	unsigned argument;
	enum ref_use use;
};

static const struct js_call calls[] = {
	{ "Worker", OWNER_NEW, NULL, ARGUMENT_REF, 0, REF_WORKER },
	{ "SharedWorker", OWNER_NEW, NULL, ARGUMENT_REF, 0, REF_WORKER },
	{ "Request", OWNER_NEW, NULL, ARGUMENT_REF, 0, REF_PLAIN },
	{ "URL", OWNER_NEW, NULL, ARGUMENT_URL, 0, REF_PLAIN },
	{ "importScripts", OWNER_NONE, NULL, ARGUMENT_REFS, 0, REF_SCRIPT },
	{ "fetch", OWNER_NONE, NULL, ARGUMENT_REF, 0, REF_PLAIN },
	{ "register", OWNER_NAMED, "serviceWorker", ARGUMENT_REF, 0, REF_SERVICE },
	{ "addModule", OWNER_ANY, NULL, ARGUMENT_REF, 0, REF_WORKER },
	{ "addAll", OWNER_ANY, NULL, ARGUMENT_ARRAY, 0, REF_PLAIN },
	{ "open", OWNER_ANY, NULL, ARGUMENT_REF, 1, REF_PLAIN },
	{ "setAttribute", OWNER_ANY, NULL, ARGUMENT_ATTRIBUTE, 1, REF_SCRIPT },
	{ "write", OWNER_NAMED, "document", ARGUMENT_PAGE, 0, REF_PLAIN },
	{ "writeln", OWNER_NAMED, "document", ARGUMENT_PAGE, 0, REF_PLAIN },
	{ "insertAdjacentHTML", OWNER_ANY, NULL, ARGUMENT_PAGE, 1, REF_PLAIN },
	{ "resolve", OWNER_NAMED, "meta", ARGUMENT_IMPORT, 0, REF_IMPORT },
};

struct js {
	struct scan *scan;
	struct js_tokens *tokens;
};

/* A constant of strings from token i up to, not including, *ret_next; false if there is none. */
static bool constant(const struct js *js, size_t i, struct text_buf *buf, size_t *ret_next)
{
	struct js_tokens *tokens = js->tokens;

	if (!js_is_string(js_at(tokens, i)))
		return false;
	while (js_is(tokens, i + 1, "+") && js_is_string(js_at(tokens, i + 2))) {
		js_string_value(tokens, i, buf);
		i += 2;
	}
	js_string_value(tokens, i, buf);
	*ret_next = i + 1;
	return true;
}

static void use(const struct js *js, size_t begin, size_t end)
{
	for (size_t i = begin; i < end && i < js->tokens->n; i++)
		js->tokens->v[i].used = true;
}

static struct text value(const struct js *js, struct text_buf *buf, size_t next)
{
	const struct js_token *last = js_at(js->tokens, next - 1);

	return text_buf_text(buf, text_at(js->tokens->text, last->end - 1));
}

/* The constant at token i, whole argument of a call, as a reference. */
static bool refer(const struct js *js, size_t i, const char *dir, enum ref_use ref_use)
{
	cleanup_text_buf struct text_buf buf = { 0 };
	struct text ref;
	size_t next;

	if (!constant(js, i, &buf, &next) ||
		!(js_is(js->tokens, next, ")") || js_is(js->tokens, next, ",") ||
			js_is(js->tokens, next, "]")))
		return false;
	ref = value(js, &buf, next);
	use(js, i, next);
	if (ref_use == REF_IMPORT)
		scan_import(js->scan, &ref);
	else
		(void)scan_ref(js->scan, &ref, dir, ref_use);
	return true;
}

/* A piece of HTML in a string, at token i, whatever ends it. */
static void page(const struct js *js, size_t i)
{
	cleanup_text_buf struct text_buf buf = { 0 };
	struct scan inner = *js->scan;
	struct text text;
	size_t next;

	if (inner.depth >= PAGES_IN_STRINGS_MAX || !constant(js, i, &buf, &next) ||
		js_is(js->tokens, next, "+"))
		return;
	text = value(js, &buf, next);
	use(js, i, next);
	inner.depth++;
	inner.xml = false;
	inner.dir = inner.run_dir;
	html_scan(&inner, &text);
}

/* The first token of an argument; `open` is the call's parenthesis. False if it has fewer. */
static bool find_argument(const struct js *js, size_t open, unsigned argument, size_t *ret)
{
	unsigned depth = 0;

	for (size_t i = open + 1; i < js->tokens->n; i++) {
		if (argument == 0) {
			*ret = i;
			return true;
		}
		if (js_is(js->tokens, i, "(") || js_is(js->tokens, i, "[") ||
			js_is(js->tokens, i, "{"))
			depth++;
		else if (js_is(js->tokens, i, ")") || js_is(js->tokens, i, "]") ||
			 js_is(js->tokens, i, "}")) {
			if (depth-- == 0)
				return false;
		} else if (depth == 0 && js_is(js->tokens, i, ","))
			argument--;
	}
	return false;
}

/* The tokens from i on are these words, which one space each parts. */
static bool is_chain(const struct js *js, size_t i, const char *words)
{
	char word[24];

	while (*words != '\0') {
		size_t n = strcspn(words, " ");

		memcpy(word, words, n);
		word[n] = '\0';
		if (!js_is(js->tokens, i++, word))
			return false;
		words += n + (words[n] == ' ');
	}
	return true;
}

/* new URL(x, import.meta.url) and its like. */
static void new_url(const struct js *js, size_t open)
{
	static const struct {
		const char *chain;
		bool of_script; /* or of the place where it runs */
	} bases[] = {
		{ "import . meta . url )", true },
		{ "document . currentScript . src )", true },
		{ "document . baseURI )", false },
		{ "document . URL )", false },
		{ "location )", false },
		{ "location . href )", false },
		{ "self . location )", false },
		{ "self . location . href )", false },
		{ "window . location )", false },
		{ "window . location . href )", false },
		{ "document . location )", false },
		{ "document . location . href )", false },
	};
	enum ref_use ref_use = REF_PLAIN;
	size_t base;

	if (!find_argument(js, open, 1, &base))
		return;
	if (open >= 5 && js_is(js->tokens, open - 3, "(") &&
		(js_is(js->tokens, open - 4, "Worker") ||
			js_is(js->tokens, open - 4, "SharedWorker")))
		ref_use = REF_WORKER;
	if (open >= 7 && is_chain(js, open - 6, "serviceWorker . register ( new URL"))
		ref_use = REF_SERVICE;
	for (size_t k = 0; k < sizeof(bases) / sizeof(bases[0]); k++)
		if (is_chain(js, base, bases[k].chain)) {
			(void)refer(js, open + 1,
				bases[k].of_script ? js->scan->dir : js->scan->run_dir, ref_use);
			return;
		}
}

static void refer_all(const struct js *js, size_t i, const char *dir, enum ref_use ref_use)
{
	while (refer(js, i, dir, ref_use)) {
		while (!js_is(js->tokens, i, ",") && !js_is(js->tokens, i, ")") &&
			!js_is(js->tokens, i, "]"))
			i++;
		i++;
	}
}

static void argument(const struct js *js, const struct js_call *call, size_t open)
{
	static const char *const attributes[] = { "src", "href", "data", "xlink:href" };
	cleanup_text_buf struct text_buf name = { 0 };
	struct text text;
	size_t i;

	if (!find_argument(js, open, call->argument, &i))
		return;
	switch (call->kind) {
	case ARGUMENT_REF:
	case ARGUMENT_IMPORT:
		(void)refer(js, i, js->scan->run_dir, call->use);
		break;
	case ARGUMENT_REFS:
		refer_all(js, i, js->scan->run_dir, call->use);
		break;
	case ARGUMENT_ARRAY:
		if (js_is(js->tokens, i, "["))
			refer_all(js, i + 1, js->scan->run_dir, call->use);
		break;
	case ARGUMENT_PAGE:
		page(js, i);
		break;
	case ARGUMENT_URL:
		new_url(js, open);
		break;
	case ARGUMENT_ATTRIBUTE:
		if (i != open + 3 || !js_is_string(js_at(js->tokens, open + 1)))
			break;
		js_string_value(js->tokens, open + 1, &name);
		text = text_buf_text(&name, 0);
		for (size_t k = 0; k < sizeof(attributes) / sizeof(attributes[0]); k++)
			if (text_is_nocase(&text, attributes[k]))
				(void)refer(js, i, js->scan->run_dir, call->use);
		break;
	}
}

static bool is_dot(const struct js *js, size_t i)
{
	return js_is(js->tokens, i, ".") || js_is(js->tokens, i, "?.");
}

static bool is_global(const struct js *js, size_t i)
{
	return js_is(js->tokens, i, "window") || js_is(js->tokens, i, "self") ||
	       js_is(js->tokens, i, "globalThis");
}

/* Who owns the function named by token i is whom the call's row wants. */
static bool is_owned(const struct js *js, const struct js_call *call, size_t i)
{
	bool member = i > 0 && is_dot(js, i - 1);
	bool of_global = member && i > 1 && is_global(js, i - 2) && !(i > 2 && is_dot(js, i - 3));
	size_t first = of_global ? i - 2 : i;

	switch (call->owner) {
	case OWNER_NONE:
		return (!member || of_global) &&
		       !(first > 0 && js_is(js->tokens, first - 1, "function"));
	case OWNER_ANY:
		return member;
	case OWNER_NEW:
		return (!member || of_global) && first > 0 && js_is(js->tokens, first - 1, "new");
	case OWNER_NAMED:
		return member && i > 1 && js_is(js->tokens, i - 2, call->owner_name);
	}
	return false;
}

static void call(const struct js *js, size_t name)
{
	for (size_t k = 0; k < sizeof(calls) / sizeof(calls[0]); k++)
		if (js_is(js->tokens, name, calls[k].name) && is_owned(js, &calls[k], name)) {
			argument(js, &calls[k], name + 1);
			return;
		}
}

/* A constant that is all of an assignment's right side. */
static bool ends_expression(const struct js *js, size_t i)
{
	static const char goes_on[] = "+-*/.?[(,<>=&|^%`";
	const struct js_token *token = js_at(js->tokens, i);

	if (token->type == JS_END || js_is(js->tokens, i, ";") || js_is(js->tokens, i, ",") ||
		js_is(js->tokens, i, ")") || js_is(js->tokens, i, "}") || js_is(js->tokens, i, "]"))
		return true;
	return token->after_newline &&
	       memchr(goes_on, js->tokens->text->s[token->begin], sizeof(goes_on) - 1) == NULL;
}

/* x.src = "...", x.innerHTML = "..." */
static void assignment(const struct js *js, size_t name)
{
	cleanup_text_buf struct text_buf buf = { 0 };
	struct text text;
	size_t next;

	if (name == 0 || !is_dot(js, name - 1) || !constant(js, name + 2, &buf, &next) ||
		!ends_expression(js, next))
		return;
	if (js_is(js->tokens, name, "innerHTML") || js_is(js->tokens, name, "outerHTML") ||
		js_is(js->tokens, name, "srcdoc")) {
		page(js, name + 2);
	} else if (js_is(js->tokens, name, "src") || js_is(js->tokens, name, "href")) {
		text = value(js, &buf, next);
		use(js, name + 2, next);
		(void)scan_ref(js->scan, &text, js->scan->run_dir, REF_SCRIPT);
	}
}

static void specifier(const struct js *js, size_t i)
{
	cleanup_text_buf struct text_buf buf = { 0 };
	struct text text;

	js_string_value(js->tokens, i, &buf);
	text = value(js, &buf, i + 1);
	use(js, i, i + 1);
	scan_import(js->scan, &text);
}

/*
 * From the token after "import" or "export" to the string after "from". What can stand between is
 * names, a star, and braces with names and strings; anything else ends the search.
 */
static void import_from(const struct js *js, size_t i)
{
	bool braces = false;

	for (; i < js->tokens->n; i++) {
		const struct js_token *token = js_at(js->tokens, i);

		if (js_is(js->tokens, i, "{") && !braces) {
			braces = true;
		} else if (js_is(js->tokens, i, "}") && braces) {
			braces = false;
		} else if (!braces && js_is(js->tokens, i, "from") &&
			   js_at(js->tokens, i + 1)->type == JS_STRING) {
			specifier(js, i + 1);
			return;
		} else if (token->type != JS_NAME && !js_is(js->tokens, i, ",") &&
			   !js_is(js->tokens, i, "*") && !(braces && token->type == JS_STRING)) {
			return;
		}
	}
}

static void keyword(const struct js *js, size_t i)
{
	bool import = js_is(js->tokens, i, "import");

	if (i > 0 && is_dot(js, i - 1))
		return;
	if (import && js_at(js->tokens, i + 1)->type == JS_STRING)
		specifier(js, i + 1);
	else if (import && js_is(js->tokens, i + 1, "("))
		(void)refer(js, i + 2, NULL, REF_IMPORT);
	else if (import || js_is(js->tokens, i + 1, "{") || js_is(js->tokens, i + 1, "*"))
		import_from(js, i + 1);
}

/* Strings that look like a name of ours, for service workers and for notes. */
static void literal(const struct js *js, size_t i)
{
	cleanup_text_buf struct text_buf buf = { 0 };
	struct text text, path;
	size_t end;

	js_string_value(js->tokens, i, &buf);
	text = value(js, &buf, i + 1);
	for (end = 0; end < text.n && text.s[end] != '?' && text.s[end] != '#'; end++)
		if (text.s[end] == '<' || (unsigned char)text.s[end] < ' ')
			return;
	path = text_part(&text, 0, end);
	if (text_ends_nocase(&path, ".js") || text_ends_nocase(&path, ".css"))
		(void)scan_ref(js->scan, &text, js->scan->run_dir, REF_LITERAL);
}

void js_scan(struct scan *scan, const struct text *text)
{
	cleanup_js_tokens struct js_tokens tokens = { 0 };
	const struct js js = { scan, &tokens };

	js_tokens_init(&tokens, text);
	for (size_t i = 0; i < tokens.n; i++) {
		if (tokens.v[i].type != JS_NAME)
			continue;
		if (js_is(&tokens, i, "import") || js_is(&tokens, i, "export"))
			keyword(&js, i);
		else if (js_is(&tokens, i + 1, "("))
			call(&js, i);
		else if (js_is(&tokens, i + 1, "=") || js_is(&tokens, i + 1, "+="))
			assignment(&js, i);
	}
	for (size_t i = 0; i < tokens.n; i++)
		if (js_is_string(&tokens.v[i]) && !tokens.v[i].used)
			literal(&js, i);
	if (tokens.source_map.n > 0)
		(void)scan_ref(scan, &tokens.source_map, scan->dir, REF_PLAIN);
}
