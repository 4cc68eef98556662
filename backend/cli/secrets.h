/* SPDX-License-Identifier: MIT */
/*
 * The files of secrets that a configuration names. Each is read by the role that needs it, when
 * that starts; one that cannot be used ends it. Whoever is about to start roles can know before.
 */
#pragma once

#include "common/config.h"
#include "common/err.h"

/* As root, as roles start. *err names the first one that a role could not use. */
int secrets_check(const struct config *config, struct err *err);
