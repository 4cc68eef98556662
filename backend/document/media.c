/* SPDX-License-Identifier: MIT */
#include "media.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *end;
	struct media media;
} table[] = {
	{ "png", { "image/png", true } },
	{ "jpg", { "image/jpeg", true } },
	{ "jpeg", { "image/jpeg", true } },
	{ "gif", { "image/gif", true } },
	{ "webp", { "image/webp", true } },
	{ "txt", { "text/plain; charset=utf-8", true } },
	{ "log", { "text/plain; charset=utf-8", true } },
	{ "md", { "text/markdown; charset=utf-8", false } },
	{ "csv", { "text/csv; charset=utf-8", false } },
	{ "tsv", { "text/tab-separated-values; charset=utf-8", false } },
	{ "json", { "application/json", true } },
	{ "pdf", { "application/pdf", false } },
	/* can carry programs: never shown */
	{ "svg", { "image/svg+xml", false } },
	{ "html", { "text/html", false } },
	{ "htm", { "text/html", false } },
	{ "xml", { "application/xml", false } },
	{ "js", { "text/javascript", false } },
	{ "css", { "text/css", false } },
	{ "zip", { "application/zip", false } },
	{ "gz", { "application/gzip", false } },
	{ "tar", { "application/x-tar", false } },
};

struct media media_of(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *dot = strrchr(slash == NULL ? name : slash, '.');

	for (size_t i = 0; dot != NULL && i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcasecmp(dot + 1, table[i].end) == 0)
			return table[i].media;
	}
	return (struct media){ "application/octet-stream", false };
}
