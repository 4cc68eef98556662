/* SPDX-License-Identifier: MIT */
/* GET /v1/queue/history: how much there was to do in the last hour, in numbers. */
#pragma once

#include "exchange.h"

void history_get(struct exchange *ex);
