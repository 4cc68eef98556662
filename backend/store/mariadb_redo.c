/* SPDX-License-Identifier: MIT */
#include "mariadb_redo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct redo_entry {
	enum statement which;
	size_t n;
	uint64_t changed;
	struct cell *in; /* owned; the values' bytes are behind it */
};

static size_t bytes_of(const struct cell *in, size_t n)
{
	size_t bytes = n * sizeof(*in);

	for (size_t i = 0; i < n; i++)
		if (in[i].kind == CELL_IS_BYTES)
			bytes += in[i].n;
	return bytes;
}

static struct cell *copy_cells(const struct cell *in, size_t n, size_t bytes)
{
	struct cell *copy = malloc(bytes == 0 ? 1 : bytes);
	char *at;

	if (copy == NULL)
		return NULL;
	at = (char *)(copy + n);
	for (size_t i = 0; i < n; i++) {
		copy[i] = in[i];
		if (in[i].kind != CELL_IS_BYTES || in[i].n == 0)
			continue;
		memcpy(at, in[i].data, in[i].n);
		copy[i].data = at;
		at += in[i].n;
	}
	return copy;
}

static bool has_room(struct redo *redo)
{
	size_t cap = redo->cap == 0 ? 64 : 2 * redo->cap;
	struct redo_entry *grown;

	if (redo->n < redo->cap)
		return true;
	grown = realloc(redo->entry, cap * sizeof(*grown));
	if (grown == NULL)
		return false;
	redo->entry = grown;
	redo->cap = cap;
	return true;
}

void redo_add(
	struct redo *redo, enum statement which, const struct cell *in, size_t n, uint64_t changed)
{
	size_t bytes = bytes_of(in, n);
	struct cell *copy;

	if (redo->incomplete)
		return;
	copy = redo->bytes + bytes <= REDO_BYTES_MAX && has_room(redo) ? copy_cells(in, n, bytes)
								       : NULL;
	if (copy == NULL) {
		redo_clear(redo);
		redo->incomplete = true;
		return;
	}
	redo->bytes += bytes;
	redo->entry[redo->n++] = (struct redo_entry){ which, n, changed, copy };
}

void redo_clear(struct redo *redo)
{
	for (size_t i = 0; i < redo->n; i++)
		free(redo->entry[i].in);
	free(redo->entry);
	*redo = (struct redo){ 0 };
}

int redo_run(const struct redo *redo, struct mariadb_link *link, struct err *err)
{
	struct done done;

	if (redo->incomplete)
		return err_say(err, EAGAIN, "store: the transaction is too large to repeat");
	for (size_t i = 0; i < redo->n; i++) {
		const struct redo_entry *e = &redo->entry[i];
		int r = mariadb_exec(link, e->which, e->in, e->n, &done, err);

		if (r < 0)
			return r;
		if (done.changed != e->changed)
			return err_say(err, EAGAIN,
				"store: the transaction was rolled back, and what it was about "
				"has changed since");
	}
	return 0;
}
