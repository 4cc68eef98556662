/* SPDX-License-Identifier: MIT */
#include "seal.h"

#include <openssl/evp.h>
#include <string.h>

#include "render.h"
#include "xalloc.h"

static const char *const algorithms[] = { "sha256", "sha384", "sha512" };

struct renewal {
	const struct file *target;
	const char *released;
	size_t released_n;
};

/* "sha384-BASE64" of the bytes; the caller frees it. */
static char *digest(const char *algorithm, const char *bytes, size_t n)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	char base64[EVP_MAX_MD_SIZE * 2];
	unsigned len = 0;

	if (EVP_Digest(bytes, n, md, &len, EVP_get_digestbyname(algorithm), NULL) != 1)
		return xdup("", 0);
	EVP_EncodeBlock((unsigned char *)base64, md, (int)len);
	return xprintf("%s-%s", algorithm, base64);
}

/* The new digest for one that was right; NULL otherwise. */
static char *renew(const struct renewal *r, const char *old, size_t n)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		cleanup_free char *right = digest(algorithms[i], r->target->bytes, r->target->n);
		size_t len = strlen(right);

		if (len > 0 && n >= len && memcmp(old, right, len) == 0 &&
			(n == len || old[len] == '?')) {
			cleanup_free char *fresh =
				digest(algorithms[i], r->released, r->released_n);

			return xprintf("%s%.*s", fresh, (int)(n - len), old + len);
		}
	}
	return NULL;
}

static char *renew_all(const struct renewal *r, const char *old, size_t n)
{
	char *out = xdup("", 0);
	bool changed = false;
	size_t i = 0;

	while (i < n) {
		size_t begin = i;
		cleanup_free char *before = out;
		cleanup_free char *fresh = NULL;

		while (i < n && is_blank(old[i]) == is_blank(old[begin]))
			i++;
		fresh = renew(r, old + begin, i - begin);
		out = fresh != NULL ? xprintf("%s%s", before, fresh)
				    : xprintf("%s%.*s", before, (int)(i - begin), old + begin);
		changed |= fresh != NULL;
	}
	if (!changed) {
		free(out);
		out = NULL;
	}
	return out;
}

char *seal_renew(const struct file *file, const struct seal *seal)
{
	struct renewal r = { .target = file->refs[seal->ref].target };
	cleanup_free char *released = NULL;

	if (r.target == NULL || r.target == file || r.target->seals_n > 0 ||
		memchr(file->bytes + seal->begin, '\0', seal->end - seal->begin) != NULL)
		return NULL;
	released = render(r.target, 0, &r.released_n);
	if (released == NULL)
		return NULL;
	r.released = released;
	return renew_all(&r, file->bytes + seal->begin, seal->end - seal->begin);
}

/* As a browser hashes what stands in a page: each line ends with a line feed. */
static size_t normalize(char *s, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\r' && i + 1 < n && s[i + 1] == '\n')
			continue;
		s[to++] = s[i];
		if (s[i] == '\r')
			s[to - 1] = '\n';
	}
	return to;
}

/* `text` with `to` for every `from`, both of the same length. */
static bool replace(char *text, const char *from, const char *to)
{
	bool any = false;

	for (char *at = strstr(text, from); at != NULL; at = strstr(at + 1, from)) {
		for (size_t i = 0; to[i] != '\0'; i++)
			at[i] = to[i];
		any = true;
	}
	return any;
}

static bool renew_inline(const struct file *file, const struct span *span, char *policy)
{
	size_t old_n = span->end - span->begin, n;
	cleanup_free char *released = render_part(file, span, &n);
	cleanup_free char *old = xdup(file->bytes + span->begin, old_n);
	bool any = false;

	if (released == NULL)
		return false;
	old_n = normalize(old, old_n);
	n = normalize(released, n);
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		cleanup_free char *was = digest(algorithms[i], old, old_n);
		cleanup_free char *is = digest(algorithms[i], released, n);

		if (was[0] != '\0' && strlen(was) == strlen(is))
			any |= replace(policy, was, is);
	}
	return any;
}

char *seal_renew_policy(const struct file *file, const struct span *policy)
{
	cleanup_free char *text = xdup(file->bytes + policy->begin, policy->end - policy->begin);
	bool any = false;

	if (strlen(text) != policy->end - policy->begin)
		return NULL;
	for (size_t i = 0; i < file->inlines_n; i++)
		any |= renew_inline(file, &file->inlines[i], text);
	return any ? TAKE_PTR(text) : NULL;
}
