/* SPDX-License-Identifier: MIT */
#include "page.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TYPE_INDEX "text/html"
/*
 * Everything is ours; a job's pictures come from the same origin, its documents never run here.
 * Where a client has a token, the page fetches the pictures with it: blob.
 */
#define CSP_INDEX                                                                         \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; " \
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static int compare(const void *name, const void *file)
{
	return strcmp(name, ((const struct page_file *)file)->name);
}

/* The first in order, for its name is empty. */
#define INDEX (&page_files[0])

static const struct page_file *find(const char *name)
{
	return bsearch(name, page_files, page_files_n, sizeof(page_files[0]), compare);
}

/* Of the n characters from their ';' on. One without a value is 0: all can read what is plain. */
static double weight_of(const char *weight, size_t n)
{
	const char *value = memchr(weight, '=', n);

	return value == NULL ? 0 : strtod(value + 1, NULL);
}

/* "gzip" among the codings of RFC 9110, 12.5.3, unless its weight is 0. */
static bool takes_gzip(const char *codings)
{
	while (codings != NULL && *codings != '\0') {
		size_t n = strcspn(codings, ",");
		size_t skip = strspn(codings, " \t");
		const char *weight = memchr(codings, ';', n);

		if (skip + 4 <= n && strncasecmp(codings + skip, "gzip", 4) == 0 &&
			strchr(" \t;,", codings[skip + 4]) != NULL)
			return weight == NULL ||
			       weight_of(weight, n - (size_t)(weight - codings)) > 0;
		codings += n + (codings[n] == ',');
	}
	return false;
}

static void answer(struct exchange *ex, const struct page_file *file, const char *type)
{
	if (takes_gzip(exchange_header(ex, "Accept-Encoding"))) {
		exchange_answer_static(
			ex, MHD_HTTP_OK, type, (const char *)file->gzip, file->gzip_len);
		exchange_add_header(ex, "Content-Encoding", "gzip");
	} else {
		exchange_answer_static(
			ex, MHD_HTTP_OK, type, (const char *)file->plain, file->plain_len);
	}
	exchange_add_header(ex, "Vary", "Accept-Encoding");
	exchange_add_header(ex, "Cache-Control",
		file->named_by_content ? "public, max-age=31536000, immutable" : "no-cache");
}

static void add_policy(struct exchange *ex)
{
	ex->policy = CSP_INDEX;
	exchange_add_header(ex, "Referrer-Policy", "no-referrer");
}

void page_index(struct exchange *ex)
{
	answer(ex, INDEX, TYPE_INDEX);
	add_policy(ex);
}

/* Does the other side say that it wants a page? Programs take anything. */
static bool is_browser(const struct exchange *ex)
{
	const char *types = exchange_header(ex, "Accept");

	return types != NULL && strstr(types, TYPE_INDEX) != NULL;
}

void page_welcome(struct exchange *ex)
{
	page_index(ex);
	if (ex->method != METHOD_GET || *ex->path != '\0' || ex->query != NULL || !is_browser(ex))
		return;
	/* The parts are beside the page: below a folder that the address must end as. */
	ex->status = MHD_HTTP_FOUND;
	exchange_add_header(ex, "Location", "executor/");
}

void page_index_after(struct exchange *ex, const char *line)
{
	const struct page_file *index = INDEX;
	size_t n = strlen(line);
	char *page = malloc(n + index->plain_len + 1);

	if (page == NULL) {
		exchange_problem(ex, PROBLEM_INTERNAL, "no memory for the answer");
		return;
	}
	(void)stpcpy(page, line);
	memcpy(page + n, index->plain, index->plain_len);
	exchange_answer_bytes(ex, MHD_HTTP_OK, TYPE_INDEX, page, n + index->plain_len);
	exchange_add_header(ex, "Cache-Control", "no-cache");
	add_policy(ex);
}

void page_asset(struct exchange *ex)
{
	const struct page_file *file = find(ex->file);

	if (file == NULL || file->name[0] == '\0') {
		exchange_problem(ex, PROBLEM_NOT_FOUND, "no such address");
		return;
	}
	answer(ex, file, file->type);
	if (strncmp(file->type, TYPE_INDEX, strlen(TYPE_INDEX)) == 0)
		add_policy(ex);
}
