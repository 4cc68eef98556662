/* SPDX-License-Identifier: MIT */
/* The environment that a web server gives a CGI program (RFC 3875), and the gateway's answer. */
#include "answer.h"
#include "fuzz.h"
#include "request.h"

#define VARIABLES_MAX 64

static void check_answer(const uint8_t *data, size_t n, const struct text *prefix)
{
	static struct answer a;
	static char buf[1 << 20];
	struct text out = { .buf = buf, .cap = sizeof(buf) };
	struct err err;

	if (n > 65536)
		return;
	answer_init(&a, n % 7 == 0, prefix);
	if (answer_feed(&a, (const char *)data, n, &out, &err) == 0)
		(void)answer_eof(&a, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct request req;
	char *text = fuzz_text(data, n), *env[VARIABLES_MAX + 1];
	size_t count = 0;
	struct err err;

	/* A variable a line, as no variable of a request can hold a line's end. */
	for (char *at = strtok(text, "\n"); at != NULL && count < VARIABLES_MAX;
		at = strtok(NULL, "\n"))
		env[count++] = at;
	env[count] = NULL;
	if (request_read(&req, env, &err) == 0 && request_close(&req, n % 2 == 0, &err) == 0)
		check_answer(data, n, &req.prefix);
	free(text);
	return 0;
}
