/* SPDX-License-Identifier: MIT */
#pragma once

#include "common/config.h"

/*
 * Runs one job of the task over the service's own unix socket, shows what came of it and
 * where to go next. An exit code: 0 where the job ended well. Working directory: the state
 * directory.
 */
int welcome(const struct config *config, const char *task);
