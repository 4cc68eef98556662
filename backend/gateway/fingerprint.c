/* SPDX-License-Identifier: MIT */
#include "fingerprint.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct fingerprint {
	EVP_MD_CTX *ctx; /* owned */
	bool failed;
};

bool fingerprint_key_ok(const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < n; i++)
		if (key[i] < ' ' || key[i] > '~')
			return false;
	return n >= 1 && n <= FINGERPRINT_KEY_MAX;
}

int fingerprint_new(const char *kind, struct fingerprint **ret, struct err *err)
{
	struct fingerprint *fp = calloc(1, sizeof(*fp));

	if (fp != NULL)
		fp->ctx = EVP_MD_CTX_new();
	if (fp == NULL || fp->ctx == NULL || EVP_DigestInit_ex(fp->ctx, EVP_sha256(), NULL) != 1) {
		fingerprint_free(fp);
		return err_set(err, ENOMEM, "the request's fingerprint");
	}
	fingerprint_add_text(fp, kind);
	*ret = fp;
	return 0;
}

void fingerprint_add(struct fingerprint *fp, const void *data, size_t n)
{
	if (fp != NULL && EVP_DigestUpdate(fp->ctx, data, n) != 1)
		fp->failed = true;
}

void fingerprint_add_text(struct fingerprint *fp, const char *text)
{
	fingerprint_add(fp, text, strlen(text) + 1);
}

int fingerprint_end(struct fingerprint *fp, struct job_id *ret, struct err *err)
{
	_Static_assert(sizeof(ret->b) == 32, "a SHA-256 fits");

	memset(ret, 0, sizeof(*ret));
	if (fp == NULL)
		return 0;
	if (fp->failed || EVP_DigestFinal_ex(fp->ctx, ret->b, NULL) != 1)
		return err_set(err, EIO, "the request's fingerprint");
	return 0;
}

void fingerprint_free(struct fingerprint *fp)
{
	if (fp == NULL)
		return;
	EVP_MD_CTX_free(fp->ctx);
	free(fp);
}
