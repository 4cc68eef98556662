/* SPDX-License-Identifier: MIT */
/* Subresource integrity: what a page says of a file's bytes, once those have changed. */
#pragma once

#include "site.h"

/*
 * The value of an integrity attribute with each digest that was right for the source made right for
 * what is released; NULL if nothing in it changes. The caller frees it.
 */
char *seal_renew(const struct file *file, const struct seal *seal);

/*
 * The same for a content security policy and the digests in it of the page's own scripts and
 * styles.
 */
char *seal_renew_policy(const struct file *file, const struct span *policy);
