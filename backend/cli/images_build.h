/* SPDX-License-Identifier: MIT */
/*
 * `dockgate images build`: becomes the script that makes images out of the
 * distribution's packages, with the recipes that dockgate ships.
 */
#pragma once

#include "common/config.h"

/*
 * `names`: recipes; none: those of the images that the configuration's tasks
 * name. Returns only an exit code of a failure, or 0 where there is nothing to make.
 */
int images_build(const struct config *config, char **names, size_t n_names);
