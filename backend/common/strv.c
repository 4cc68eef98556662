/* SPDX-License-Identifier: MIT */
#include "strv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int strv_addn(struct strv *sv, const char *text, size_t len, struct err *err)
{
	size_t n = strnlen(text, len);
	cleanup_free char *copy = malloc(n + 1);
	char **v;

	if (copy == NULL)
		return err_set(err, ENOMEM, "list of strings");
	memcpy(copy, text, n);
	copy[n] = '\0';
	v = reallocarray(sv->v, sv->n + 2, sizeof(*v));
	if (v == NULL)
		return err_set(err, ENOMEM, "list of strings");
	sv->v = v;
	sv->v[sv->n++] = TAKE_PTR(copy);
	sv->v[sv->n] = NULL;
	return 0;
}

int strv_add(struct strv *sv, const char *text, struct err *err)
{
	return strv_addn(sv, text, strlen(text), err);
}

int strv_copy(struct strv *to, const struct strv *from, struct err *err)
{
	for (size_t i = 0; i < from->n; i++) {
		int r = strv_add(to, from->v[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

void strv_done(struct strv *sv)
{
	for (size_t i = 0; i < sv->n; i++)
		free(sv->v[i]);
	free(sv->v);
	*sv = (struct strv){ 0 };
}
