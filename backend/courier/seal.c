/* SPDX-License-Identifier: MIT */
#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/role.h"
#include "common/secret_file.h"
#include "document/base64.h"

#define PREFIX      "whsec_"
#define OWN_BYTES   32
#define OWN_CHARS   (6 + 44) /* with the prefix */
#define BYTES_LEAST 24
#define BYTES_MOST  64
#define MAC_BYTES   32

struct secret {
	uint8_t bytes[BYTES_MOST];
	size_t n;
};

struct seal {
	struct secret secrets[SEAL_SECRETS_MAX];
	size_t n;
};

struct signing {
	EVP_MAC_CTX *ctx[SEAL_SECRETS_MAX]; /* owned */
	size_t n;
	bool failed;
};

/* ---- the secrets ------------------------------------------------------------------- */

void seal_close(struct seal *seal)
{
	if (seal == NULL)
		return;
	explicit_bzero(seal, sizeof(*seal));
	free(seal);
}

static int parse_line(const char *line, size_t n, struct secret *ret, struct err *err)
{
	uint8_t bytes[(BYTES_MOST + 3) / 3 * 4];
	size_t prefix = strlen(PREFIX);
	int r = -EINVAL;

	if (n > prefix && strncmp(line, PREFIX, prefix) == 0 &&
		n - prefix <= base64_chars(BYTES_MOST))
		r = base64_decode(line + prefix, n - prefix, bytes, &ret->n, err);
	if (r == 0 && (ret->n < BYTES_LEAST || ret->n > BYTES_MOST))
		r = -EINVAL;
	if (r == 0)
		memcpy(ret->bytes, bytes, ret->n);
	explicit_bzero(bytes, sizeof(bytes));
	return r == 0 ? 0
		      : err_say(err, EINVAL,
				"expected lines of " PREFIX " and the base64 of %d to %d bytes",
				BYTES_LEAST, BYTES_MOST);
}

int seal_parse(const char *text, struct seal **ret, struct err *err)
{
	struct seal *seal = calloc(1, sizeof(*seal));
	int r = seal == NULL ? err_set(err, ENOMEM, "secret") : 0;

	while (r == 0 && *text != '\0') {
		size_t n = strcspn(text, "\r\n");

		if (n > 0 && seal->n == SEAL_SECRETS_MAX)
			r = err_say(err, EINVAL, "more than %d secrets", SEAL_SECRETS_MAX);
		else if (n > 0)
			r = parse_line(text, n, &seal->secrets[seal->n++], err);
		text += n;
		text += strspn(text, "\r\n");
	}
	if (r == 0 && seal->n == 0)
		r = err_say(err, EINVAL, "expected a line of " PREFIX " and base64");
	if (r < 0)
		seal_close(seal);
	else
		*ret = seal;
	return r;
}

/* Whole or not at all: a temporary file, then rename. */
static int write_own(const char *line, const struct config *config, struct err *err)
{
	cleanup_close int fd = open(
		SEAL_OWN_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t n = strlen(line);

	if (fd < 0)
		return err_set(err, errno, "create '" SEAL_OWN_FILE ".new'");
	if (geteuid() == 0 &&
		fchown(fd, role_uid(ROLE_COURIER, config), role_gid(ROLE_COURIER, config)) < 0)
		return err_set(err, errno, "owner of '" SEAL_OWN_FILE ".new'");
	if (write(fd, line, n) != (ssize_t)n || fsync(fd) < 0)
		return err_set(err, errno, "write '" SEAL_OWN_FILE ".new'");
	if (rename(SEAL_OWN_FILE ".new", SEAL_OWN_FILE) < 0)
		return err_set(err, errno, "rename to '" SEAL_OWN_FILE "'");
	return 0;
}

static int make_own(const struct config *config, struct err *err)
{
	char line[OWN_CHARS + 2];
	uint8_t bytes[OWN_BYTES];
	int r;

	if (access(SEAL_OWN_FILE, F_OK) == 0)
		return 0;
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_set(err, EIO, "getrandom");
	memcpy(line, PREFIX, strlen(PREFIX));
	base64_encode(bytes, sizeof(bytes), line + strlen(PREFIX));
	line[sizeof(line) - 2] = '\n';
	line[sizeof(line) - 1] = '\0';
	r = write_own(line, config, err);
	explicit_bzero(line, sizeof(line));
	explicit_bzero(bytes, sizeof(bytes));
	if (r == 0)
		log_info("made a secret to sign callbacks with: %s/" SEAL_OWN_FILE,
			config->state_dir);
	return r;
}

int seal_read(const char *path, const struct config *config, struct seal **ret, struct err *err)
{
	char *text = NULL;
	int r = secret_file_read(
		path, role_uid(ROLE_COURIER, config), "a secret, " PREFIX "...", &text, err);

	if (r == 0 && seal_parse(text, ret, err) < 0)
		r = err_wrap(err, "'%s'", path);
	secret_file_wipe(text);
	return r;
}

int seal_open(const struct config *config, struct seal **ret, struct err *err)
{
	int r;

	if (config->callback_secret_file != NULL) {
		r = seal_read(config->callback_secret_file, config, ret, err);
		return r < 0 ? err_wrap(err, "callback_secret_file") : 0;
	}
	r = make_own(config, err);
	return r < 0 ? r : seal_read(SEAL_OWN_FILE, config, ret, err);
}

/* ---- signing ------------------------------------------------------------------------ */

static void signing_free(struct signing *signing)
{
	for (size_t i = 0; i < signing->n; i++)
		EVP_MAC_CTX_free(signing->ctx[i]);
	free(signing);
}

static EVP_MAC_CTX *start_mac(const struct secret *secret)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(
					      OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end() };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);

	EVP_MAC_free(mac);
	if (ctx != NULL && EVP_MAC_init(ctx, secret->bytes, secret->n, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

int seal_begin(const struct seal *seal, const char *id, int64_t timestamp, struct signing **ret,
	struct err *err)
{
	struct signing *signing = calloc(1, sizeof(*signing));
	char head[200];
	int n = snprintf(head, sizeof(head), "%s.%" PRId64 ".", id, timestamp);

	if (signing == NULL)
		return err_set(err, ENOMEM, "signature");
	for (size_t i = 0; i < seal->n; i++) {
		signing->ctx[i] = start_mac(&seal->secrets[i]);
		if (signing->ctx[i] == NULL) {
			signing_free(signing);
			return err_set(err, ENOMEM, "signature");
		}
		signing->n++;
	}
	seal_add(signing, head, (size_t)n);
	*ret = signing;
	return 0;
}

void seal_add(struct signing *signing, const void *data, size_t n)
{
	for (size_t i = 0; i < signing->n; i++)
		if (EVP_MAC_update(signing->ctx[i], data, n) != 1)
			signing->failed = true;
}

int seal_end(struct signing *signing, char ret[static SEAL_TEXT_MAX], struct err *err)
{
	bool failed = signing->failed;
	char *at = ret;

	for (size_t i = 0; i < signing->n && !failed; i++) {
		uint8_t mac[MAC_BYTES];
		size_t n = 0;

		failed = EVP_MAC_final(signing->ctx[i], mac, &n, sizeof(mac)) != 1 ||
			 n != sizeof(mac);
		if (i > 0)
			*at++ = ' ';
		memcpy(at, "v1,", 3);
		base64_encode(mac, sizeof(mac), at + 3);
		at += 3 + base64_chars(sizeof(mac));
	}
	*at = '\0';
	signing_free(signing);
	return failed ? err_set(err, EIO, "signature") : 0;
}
