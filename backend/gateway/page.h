/* SPDX-License-Identifier: MIT */
/*
 * The page: files of web/dist, built into the binary. The index is fetched anew each time; what it
 * refers to is named by its content, and kept by browsers for ever.
 */
#pragma once

#include "exchange.h"

struct page_file {
	const char *name; /* below /assets/; "" for the index */
	const char *type;
	bool named_by_content;
	const unsigned char *plain, *gzip; /* the same bytes, as they are and compressed */
	size_t plain_len, gzip_len;
};

/* Sorted by name; written by embed.py. */
extern const struct page_file page_files[];
extern const size_t page_files_n;

void page_index(struct exchange *ex);
/* The same as the classic face's; a browser is led to the address with a slash at its end. */
void page_welcome(struct exchange *ex);
/* With a line in front. */
void page_index_after(struct exchange *ex, const char *line);
void page_asset(struct exchange *ex);
