/* SPDX-License-Identifier: MIT */
/* What the driver counts, as Prometheus' text: the queue asks for it and shows it with its own. */
#pragma once

#include "common/config.h"
#include "engine.h"
#include "pool.h"
#include "wire/blob.h"

int driver_metrics_text(const struct config *config, const struct engine *engine,
	const struct pool *pool, struct blob *ret, struct err *err);
