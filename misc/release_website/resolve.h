/* SPDX-License-Identifier: MIT */
/*
 * From references to files.
 *
 * What a script asks for when it runs is relative to the page, or worker, that it runs in. So first
 * it is worked out which directories that can be, by following who loads whom; where nothing is
 * known to load a script, its own directory is tried and then the site's root.
 */
#pragma once

#include "site.h"

/*
 * Sets the target of every reference of every file. -EINVAL, with file and line, for a reference
 * that means different files of which one at least will have a new name.
 */
int resolve(struct site *site, struct err *err);
