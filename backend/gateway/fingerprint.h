/* SPDX-License-Identifier: MIT */
/*
 * What an Idempotency-Key belongs to: the SHA-256 of a request as its client has sent it. Of
 * JSON that is the body's bytes, of multipart/form-data the parts, whatever lies between
 * them. How long the client waits for the answer is not part of it.
 *
 *	fingerprint_new("json", &fp, &err);
 *	fingerprint_add(fp, body, n);
 *	fingerprint_end(fp, &sha256, &err);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/job_id.h"

#define FINGERPRINT_KEY_MAX 255

struct fingerprint;

/* 1 to 255 printable ASCII characters. */
bool fingerprint_key_ok(const char *key);

int fingerprint_new(const char *kind, struct fingerprint **ret, struct err *err);
/* NULL is fine, here and below: nobody wants to know. */
void fingerprint_add(struct fingerprint *fp, const void *data, size_t n);
/* A text with its end. */
void fingerprint_add_text(struct fingerprint *fp, const char *text);
/* The 32 bytes, all zero of NULL. */
int fingerprint_end(struct fingerprint *fp, struct job_id *ret, struct err *err);
void fingerprint_free(struct fingerprint *fp);
