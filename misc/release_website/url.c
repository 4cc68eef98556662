/* SPDX-License-Identifier: MIT */
#include "url.h"

#include <string.h>

#include "xalloc.h"

const char url_elsewhere[] = "//";

int url_site_init(struct url_site *site, const char *base_url, struct err *err)
{
	const char *host, *path;

	*site = (struct url_site){ 0 };
	if (base_url == NULL) {
		site->prefix = xdup("", 0);
		return 0;
	}
	host = strstr(base_url, "://");
	if (host == NULL || host[3] == '\0' || host[3] == '/' ||
		(strncasecmp(base_url, "http://", 7) != 0 &&
			strncasecmp(base_url, "https://", 8) != 0))
		return err_say(err, EINVAL, "'%s' is not an http or https address", base_url);
	if (strpbrk(base_url, "?#") != NULL)
		return err_say(
			err, EINVAL, "'%s': a query or fragment has no meaning here", base_url);
	path = strchrnul(host + 3, '/');
	site->origin = xdup(base_url, (size_t)(path - base_url));
	for (char *c = site->origin; *c != '\0'; c++)
		*c = to_lower(*c);
	/* "https://h/sub/x" is a page of "sub/", as for a browser. */
	site->prefix = url_join("", path);
	if (strrchr(site->prefix, '/') != NULL)
		strrchr(site->prefix, '/')[1] = '\0';
	else
		site->prefix[0] = '\0';
	return 0;
}

void url_site_done(struct url_site *site)
{
	free(site->origin);
	free(site->prefix);
	*site = (struct url_site){ 0 };
}

/* Without what a browser drops before it reads an address, and with '/' for its '\'. */
static struct text tidy(const struct text *ref, struct text_buf *buf)
{
	size_t begin = 0, end = ref->n;

	while (begin < end && (unsigned char)ref->s[begin] <= ' ')
		begin++;
	while (end > begin && (unsigned char)ref->s[end - 1] <= ' ')
		end--;
	for (size_t i = begin; i < end; i++) {
		char c = ref->s[i];

		if (c == '?' || c == '#') {
			end = i;
			break;
		}
		if (c == '\\')
			c = '/';
		if (c != '\t' && c != '\n' && c != '\r')
			text_buf_put(buf, c, text_at(ref, i));
	}
	return text_buf_text(buf, text_at(ref, end));
}

/* The length of "scheme:", or 0. */
static size_t scheme_len(const struct text *t)
{
	for (size_t i = 0; i < t->n; i++) {
		char c = to_lower(t->s[i]);

		if (c >= 'a' && c <= 'z')
			continue;
		if (i > 0 && c == ':')
			return i + 1;
		if (i == 0 || ((c < '0' || c > '9') && c != '+' && c != '-' && c != '.'))
			return 0;
	}
	return 0;
}

/* False if a whole address is not of this site; otherwise `t` becomes its path. */
static bool strip_origin(const struct url_site *site, struct text *t)
{
	size_t scheme = scheme_len(t), n, skip = 0;

	if (site->origin == NULL)
		return false;
	n = strlen(site->origin);
	if (scheme == 0) /* "//host/path": the page's own scheme */
		skip = (size_t)(strchr(site->origin, ':') + 1 - site->origin);
	if (t->n < n - skip || strncasecmp(t->s, site->origin + skip, n - skip) != 0)
		return false;
	*t = text_part(t, n - skip, t->n);
	return t->n > 0 && t->s[0] == '/';
}

/* Undoes percent-encoding. False for bytes that no name in a path has. */
static bool unescape(const struct text *t, struct text_buf *buf)
{
	for (size_t i = 0; i < t->n; i++) {
		uint32_t at = text_at(t, i);
		char c = t->s[i];

		if (c == '%' && i + 2 < t->n && hex_value(t->s[i + 1]) >= 0 &&
			hex_value(t->s[i + 2]) >= 0) {
			c = (char)(hex_value(t->s[i + 1]) << 4 | hex_value(t->s[i + 2]));
			i += 2;
			if (c == '/')
				return false;
		}
		if (c == '\0')
			return false;
		text_buf_put(buf, c, at);
	}
	return true;
}

bool url_parse(const struct url_site *site, const struct text *ref, struct url *ret)
{
	cleanup_text_buf struct text_buf tidied = { 0 }, plain = { 0 };
	struct text t = tidy(ref, &tidied);
	struct url url = { 0 };

	if (t.n == 0)
		return false;
	if (scheme_len(&t) > 0 || (t.n > 1 && t.s[0] == '/' && t.s[1] == '/')) {
		if (!strip_origin(site, &t))
			return false;
		url.from_there = true;
	}
	if (!unescape(&t, &plain))
		return false;
	url.relative = plain.s[0] != '/';
	for (size_t i = plain.n; i > 0 && plain.s[i - 1] != '/' && !url.has_dot; i--)
		if (plain.s[i - 1] == '.') {
			url.dot = plain.at[i - 1];
			url.has_dot = true;
		}
	url.path = xdup(plain.s, plain.n);
	*ret = url;
	return true;
}

/* Appends the segments of `path` to those in `out`; both without "." and "..", as a browser. */
static size_t append(char *out, size_t n, const char *path)
{
	while (*path != '\0') {
		size_t len = strcspn(path, "/");
		bool last = path[len] == '\0';

		if (len == 2 && path[0] == '.' && path[1] == '.') {
			while (n > 0 && out[n - 1] == '/')
				n--;
			while (n > 0 && out[n - 1] != '/')
				n--;
		} else if (len > 0 && !(len == 1 && path[0] == '.')) {
			memcpy(out + n, path, len);
			n += len;
			if (!last)
				out[n++] = '/';
		}
		path += last ? len : len + 1;
	}
	return n;
}

char *url_join(const char *dir, const char *path)
{
	char *out = xalloc(strlen(dir) + strlen(path) + 3);
	size_t n = 0;

	if (path[0] != '/') {
		n = append(out, n, dir);
		if (n > 0 && out[n - 1] != '/')
			out[n++] = '/';
	}
	n = append(out, n, path);
	out[n] = '\0';
	return out;
}

char *url_resolve(const struct url_site *site, const char *dir, const char *path)
{
	size_t prefix = strlen(site->prefix);
	char *whole;

	if (strcmp(dir, url_elsewhere) == 0)
		return NULL;
	whole = url_join(dir, path);
	if (strncmp(whole, site->prefix, prefix) != 0) {
		free(whole);
		return NULL;
	}
	memmove(whole, whole + prefix, strlen(whole) - prefix + 1);
	return whole;
}

char *url_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	return xdup(path, slash != NULL ? (size_t)(slash - path) : 0);
}
