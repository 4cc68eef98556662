/* SPDX-License-Identifier: MIT */
/*
 * Finding the references of a file. Each format has a scanner; they call each other where one
 * stands in the other (styles and scripts in pages, pages in strings of scripts).
 *
 * Scanners change nothing but the file's own lists, so files can be scanned at the same time.
 */
#pragma once

#include "site.h"
#include "text.h"

struct scan {
	const struct site *site;
	struct file *file;
	/* Directories of the address space, or url_elsewhere; valid as long as the file is. */
	const char *dir;     /* what relative references are relative to; NULL: see struct ref */
	const char *run_dir; /* the same for what a script asks for when it runs */
	unsigned depth;      /* of pages in strings in pages */
	bool xml;
};

/* Scans the whole file. Contents that make no sense are no error: a browser takes them, too. */
void scan_file(const struct site *site, struct file *file);

/* Records a reference with its base `dir`. False if it cannot lead into the site. */
bool scan_ref(struct scan *scan, const struct text *ref, const char *dir, enum ref_use use);
/* A module's specifier. */
void scan_import(struct scan *scan, const struct text *specifier);
/* Keeps a directory as long as the file; takes it over. */
const char *scan_keep_dir(struct scan *scan, char *dir);

void html_scan(struct scan *scan, const struct text *text);
void xml_scan(struct scan *scan, const struct text *text);
void css_scan(struct scan *scan, const struct text *text);
void js_scan(struct scan *scan, const struct text *text);
void source_map_scan(struct scan *scan, const struct text *text);
void web_manifest_scan(struct scan *scan, const struct text *text);
void import_map_scan(struct scan *scan, const struct text *text);
