/* SPDX-License-Identifier: MIT */
/*
 * Bodies of requests in memory. A small one has room in any case. The large ones share what there
 * is for them, and one address has no more than a part of it: it may send them slowly.
 */
#pragma once

#include "exchange.h"

#define BODY_NO_ROOM "too many large requests at one time"

/* Appends to ex->body. False: the other large ones leave it no room. */
bool body_keep(struct exchange *ex, const void *data, size_t n);
/* ex->body and ex->upload are of no more use: their room is for others, however long the answer
 * takes. */
void body_drop(struct exchange *ex);
