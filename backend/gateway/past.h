/* SPDX-License-Identifier: MIT */
/*
 * Answers past the HTTP library, which cannot give one in the middle of a request: nothing of an
 * answer is on its way then, so that the bytes go straight to the socket. Whoever does not take
 * them at once does not get them.
 */
#pragma once

#include "problem.h"

/* One plain line for the classic face, a document for the other, no body for HEAD. */
enum past_form { PAST_LINE, PAST_DOCUMENT, PAST_HEAD };

/* `fd` stays the caller's; nothing else must be sent on it. */
void past_answer(int fd, enum past_form form, enum problem problem, const char *detail);
