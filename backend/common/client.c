/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "hex.h"

#define TOKEN_PREFIX "dg_"
#define TOKEN_BYTES  32
#define HASH_PREFIX  "sha256:"

_Static_assert(CLIENT_TOKEN_CHARS == sizeof(TOKEN_PREFIX) - 1 + 2 * TOKEN_BYTES,
	"a token is its prefix and its bytes in hexadecimal digits");

void client_default(struct client *ret, const char *name)
{
	*ret = (struct client){ .weight = 1 };
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
}

bool client_may_use(const struct client *client, const char *task)
{
	size_t n = strlen(task);
	const char *at = client->tasks;

	if (*at == '\0')
		return true;
	while (n > 0 && *at != '\0') {
		size_t len = strcspn(at, ",");

		if (len == n && memcmp(at, task, n) == 0)
			return true;
		at += len + (at[len] == ',');
	}
	return false;
}

void client_token_hash(const char *token, uint8_t ret[static CLIENT_HASH_BYTES])
{
	(void)SHA256((const unsigned char *)token, strlen(token), ret);
}

int client_token_new(char ret_token[static CLIENT_TOKEN_CHARS + 1],
	uint8_t ret_hash[static CLIENT_HASH_BYTES], struct err *err)
{
	uint8_t random[TOKEN_BYTES];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_set(err, EIO, "random bytes for a token");
	memcpy(ret_token, TOKEN_PREFIX, sizeof(TOKEN_PREFIX));
	hex_encode(random, sizeof(random), ret_token + sizeof(TOKEN_PREFIX) - 1);
	OPENSSL_cleanse(random, sizeof(random));
	client_token_hash(ret_token, ret_hash);
	return 0;
}

bool client_hash_equal(
	const uint8_t a[static CLIENT_HASH_BYTES], const uint8_t b[static CLIENT_HASH_BYTES])
{
	return CRYPTO_memcmp(a, b, CLIENT_HASH_BYTES) == 0;
}

bool client_hash_parse(const char *text, uint8_t ret[static CLIENT_HASH_BYTES])
{
	size_t n = sizeof(HASH_PREFIX) - 1;

	return strncmp(text, HASH_PREFIX, n) == 0 && strlen(text + n) == 2 * CLIENT_HASH_BYTES &&
	       hex_decode(text + n, 2 * CLIENT_HASH_BYTES, ret);
}
