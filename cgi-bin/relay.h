/* SPDX-License-Identifier: MIT */
/*
 * The conversation between the three: what Apache writes to our standard input goes to the
 * gateway, what the gateway answers goes to our standard output, each as it comes and within
 * fixed buffers, however large or slow it is.
 */
#pragma once

#include "common/err.h"
#include "request.h"

enum relay_end {
	RELAY_DONE,    /* the answer is out, or whoever wanted it has left */
	RELAY_UNHEARD, /* the gateway gave no answer, *err says why; nothing is out */
	RELAY_CUT,     /* the gateway failed in the middle of its answer, *err says how */
};

/*
 * Waits for the first bytes of a body whose length is not known, so that the head can be closed.
 * -EPROTO, -EMSGSIZE: the request is bad.
 */
int relay_begin(struct request *req, struct err *err);

/* `gateway`: a connected socket. */
enum relay_end relay_run(struct request *req, int gateway, struct err *err);

/*
 * Reads what is still sent, for a while: Apache hands a body over as a whole, and a program that
 * leaves in the middle may take its own answer with it.
 */
void relay_drain(void);
