/* SPDX-License-Identifier: MIT */
/* What a client types into a job that runs: /v1/jobs/{id}/stdin and /v1/jobs/{id}/signal. */
#pragma once

#include "exchange.h"

void typed_begin(struct exchange *ex);
void typed_stdin(struct exchange *ex);
void typed_signal_begin(struct exchange *ex);
void typed_signal(struct exchange *ex);
/* The signal's number in such a body; 0: err says what is wrong with it. */
int typed_parse_signal(const void *body, size_t n, struct err *err);
