/* SPDX-License-Identifier: MIT */
/* Looks at what is found after a power cut, with SQLite's own VFS. */
#pragma once

#include "ledger.h"

#define SURVEY_WHY 400

/*
 * dir: the image; it is not changed. look: an empty directory, for a copy of the database.
 * Says what is wrong, with "" for nothing: the database is sound, each row that names a file
 * of the spool names a whole one, no job has two endings, and every job is as far as was
 * acknowledged and no further than was begun. What was found is what must be found from
 * now on.
 */
void survey(
	const char *dir, const char *look, struct ledger *ledger, char ret_why[static SURVEY_WHY]);
