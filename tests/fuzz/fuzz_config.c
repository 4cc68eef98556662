/* SPDX-License-Identifier: MIT */
/* The configuration's text. What is taken has been checked: every task has what it needs. */
#include <unistd.h>

#include "common/config.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = fuzz_text(data, n);
	struct config *config = NULL;
	struct err err;

	/* Files that it names are of no interest here. */
	if (strstr(text, "include") == NULL && strstr(text, "_file") == NULL &&
		config_parse(text, "fuzz", NULL, NULL, &config, &err) == 0)
		config_free(config);
	free(text);
	return 0;
}
