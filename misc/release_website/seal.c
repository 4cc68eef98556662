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

	if (r.target == NULL || r.target == file || r.target->seals_n > 0)
		return NULL;
	released = render(r.target, 0, &r.released_n);
	if (released == NULL)
		return NULL;
	r.released = released;
	return renew_all(&r, file->bytes + seal->begin, seal->end - seal->begin);
}
