/* SPDX-License-Identifier: MIT */
/* The larger parts of a request, each read in a file of its own; request.c has the rest. */
#pragma once

#include "member.h"

/* request_files.c: "files" */
int request_files_read(struct reading *rd, const struct at *at, json_t *value);
/* No two of a name, and no file where another needs a directory. */
int request_files_check(struct reading *rd);

/* request_cases.c: "cases"; "compare", of the job or of a case */
int request_cases_read(struct reading *rd, const struct at *at, json_t *value);
int request_compare_read(
	struct reading *rd, const struct at *at, const json_t *value, enum compare *ret);
