/* SPDX-License-Identifier: MIT */
#pragma once

#include "text.h"

/*
 * Decodes the character references of an attribute's value. `xml`: those five names and numbers
 * only; otherwise all of HTML's, as a browser reads them in attributes.
 */
void entity_decode(const struct text *raw, bool xml, struct text_buf *buf);
