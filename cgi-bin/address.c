/* SPDX-License-Identifier: MIT */
#include "address.h"

#include <stdint.h>

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character, its escape undone. */
static char next(const char **at)
{
	const char *p = *at;
	int hi = p[0] == '%' ? nibble(p[1]) : -1;
	int lo = hi < 0 ? -1 : nibble(p[2]);

	if (lo < 0) {
		*at = p + 1;
		return *p;
	}
	*at = p + 3;
	return (char)(hi * 16 + lo);
}

/* Length of the script's address, or of the folder's that is called like ours. */
static size_t root_length(const char *script)
{
	const size_t own = strlen(ADDRESS_ROOT);
	const char *slash = strrchr(script, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - script);

	if (n >= own && memcmp(script + n - own, ADDRESS_ROOT, own) == 0)
		return n;
	return strlen(script);
}

/* "http://host/path" is a proxy's way to ask, and servers must take it. */
static const char *without_host(const char *uri)
{
	const char *host = strstr(uri, "://");
	const char *path;

	if (*uri == '/' || host == NULL)
		return uri;
	path = strchr(host + 3, '/');
	return path == NULL ? "" : path;
}

/* What comes behind the root in the client's own words; NULL: it asked for something else. */
static const char *behind_root(const struct address *a)
{
	const char *at = a->uri == NULL ? "" : without_host(a->uri);
	size_t n = root_length(a->script);

	for (size_t i = 0; i < n; i++) {
		if (*at == '\0' || *at == '?' || next(&at) != a->script[i])
			return NULL;
	}
	return *at == '/' || *at == '?' || *at == '\0' ? at : NULL;
}

static bool add_raw(struct text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((uint8_t)s[i] <= ' ' || s[i] == 0x7f)
			return false;
	}
	text_add(t, s, n);
	return true;
}

static void add_escaped(struct text *t, const char *s, size_t n)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~/!$&'()*+,;=:@";
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)s[i];
		const char escape[3] = { '%', hex[c >> 4], hex[c & 15] };

		if (memchr(plain, c, sizeof(plain) - 1) != NULL)
			text_add(t, &s[i], 1);
		else
			text_add(t, escape, sizeof(escape));
	}
}

bool address_target(const struct address *a, struct text *target)
{
	const char *rest = behind_root(a);

	text_put(target, ADDRESS_ROOT);
	if (rest == NULL)
		add_escaped(target, a->path, strlen(a->path));
	else if (!add_raw(target, rest, strcspn(rest, "?")))
		return false;
	if (*a->query == '\0')
		return true;
	text_add(target, "?", 1);
	return add_raw(target, a->query, strlen(a->query));
}

void address_prefix(const struct address *a, struct text *prefix)
{
	add_escaped(prefix, a->script, root_length(a->script));
}
