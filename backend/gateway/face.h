/* SPDX-License-Identifier: MIT */
/*
 * The end of a request's head: is it for this service, by whom, which face, which
 * route; all that can be refused before a byte of the body is read.
 */
#pragma once

#include "exchange.h"

/* Takes the request line: cuts the address into path and query, and finds its face. */
void face_choose(struct exchange *ex, const char *method);
/* After face_choose(). Answers, or sets how the body is taken, or asks the queue (then the body
 * comes after its reply).
 */
void face_begin(struct exchange *ex, bool any_host);
/* The whole body is there. */
void face_handle(struct exchange *ex);
