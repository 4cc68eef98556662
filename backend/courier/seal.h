/* SPDX-License-Identifier: MIT */
/*
 * What endings are signed with: Standard Webhooks' symmetric signature, HMAC-SHA256 of
 * "ID.TIMESTAMP.BODY" under each secret of a file, "whsec_" and the base64 of 24 to 64 bytes
 * in a line.
 *
 *	seal_begin(seal, id, timestamp, &signing, &err);
 *	seal_add(signing, body, n);
 *	seal_end(signing, text, &err);      "v1,..." once for each secret
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/err.h"
#include "common/role.h"

#define SEAL_SECRETS_MAX 4
#define SEAL_OWN_FILE    STATE_COURIER "/secret" /* below the state directory */
#define SEAL_TEXT_MAX    (SEAL_SECRETS_MAX * 48)

struct seal;
struct signing;

/*
 * The configuration's file, or the one in the state directory, which is made where it is not
 * there. With the rights that the process has now.
 */
int seal_open(const struct config *config, struct seal **ret, struct err *err);
/* What is there already. -ENOENT, -EACCES, and -EINVAL: nobody may sign with such a file. */
int seal_read(const char *path, const struct config *config, struct seal **ret, struct err *err);
/* From the file's text. -EINVAL: it is none. */
int seal_parse(const char *text, struct seal **ret, struct err *err);
/* Overwrites what it held. NULL is fine. */
void seal_close(struct seal *seal);

int seal_begin(const struct seal *seal, const char *id, int64_t timestamp, struct signing **ret,
	struct err *err);
void seal_add(struct signing *signing, const void *data, size_t n);
/* Releases it, in any case. */
int seal_end(struct signing *signing, char ret[static SEAL_TEXT_MAX], struct err *err);
