/* SPDX-License-Identifier: MIT */
/* A connection string of the database. */
#include "fuzz.h"
#include "store/mariadb_dsn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = fuzz_text(data, n);
	struct mariadb_dsn dsn;
	struct err err;

	(void)mariadb_dsn_parse(text, &dsn, &err);
	free(text);
	return 0;
}
