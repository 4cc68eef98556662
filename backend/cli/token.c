/* SPDX-License-Identifier: MIT */
#include "token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/secret_file.h"

#define TOKEN_MAX 256

/* It becomes a header's value: nothing that could end it may be in it. */
static int check(const char *token, const char *where, struct err *err)
{
	size_t n = strlen(token);

	if (n == 0 || n > TOKEN_MAX)
		return err_say(err, EINVAL, "%s: expected a token of 1 to %d characters", where,
			TOKEN_MAX);
	for (size_t i = 0; i < n; i++)
		if (token[i] <= ' ' || token[i] > '~')
			return err_say(err, EINVAL,
				"%s: expected a token without blanks, in one line", where);
	return 0;
}

static int from_file(const char *path, char **ret, struct err *err)
{
	char *token;
	int r = secret_file_read(path, geteuid(), "a token", &token, err);

	if (r == 0 && check(token, path, err) < 0) {
		secret_file_wipe(token);
		r = -err->code;
	}
	if (r == 0)
		*ret = token;
	return r;
}

int token_find(const char *path, char **ret, struct err *err)
{
	const char *token = getenv("DOCKGATE_TOKEN");

	if (path != NULL)
		return from_file(path, ret, err);
	if (token != NULL && *token != '\0') {
		if (check(token, "DOCKGATE_TOKEN", err) < 0)
			return -err->code;
		*ret = strdup(token);
		return *ret == NULL ? err_set(err, ENOMEM, "token") : 0;
	}
	path = getenv("DOCKGATE_TOKEN_FILE");
	if (path != NULL && *path != '\0')
		return from_file(path, ret, err);
	*ret = NULL;
	return 0;
}
