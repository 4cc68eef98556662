/* SPDX-License-Identifier: MIT */
/* What elements and attributes mean, for pages and for XML alike. */
#pragma once

#include "scan.h"

struct markup_attribute {
	struct text name;  /* without a namespace's prefix: "href" for "xlink:href" */
	struct text value; /* as written, without quotes */
};

struct markup_element {
	struct text name;
	bool svg;
	const struct markup_attribute *attributes;
	size_t n;
	struct text content; /* of script and style: what stands in it; otherwise empty */
};

/* Scans the element's attributes and, of scripts and styles, its content. */
void markup_scan(struct scan *scan, const struct markup_element *element);

/* The decoded value of an attribute; false if it is not there. */
bool markup_get(const struct scan *scan, const struct markup_element *element, const char *name,
	struct text_buf *buf, struct text *ret);

/*
 * A directory that <base href> or xml:base gives, kept with the file.
 * `base` is decoded; `dir` is what it is relative to itself.
 */
const char *markup_base(struct scan *scan, const struct text *base, const char *dir);
