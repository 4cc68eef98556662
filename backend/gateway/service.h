/* SPDX-License-Identifier: MIT */
/* Handlers about the service itself: what it offers, how it is, its pages. */
#pragma once

#include "exchange.h"

void service_tasks(struct exchange *ex);
void service_nodes(struct exchange *ex);
void service_health(struct exchange *ex);
void service_ready(struct exchange *ex);
void service_metrics(struct exchange *ex);
void service_openapi(struct exchange *ex);

/* The document of /v1/tasks. */
void service_write_tasks(struct json_text *t, const struct config *config);
