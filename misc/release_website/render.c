/* SPDX-License-Identifier: MIT */
#include "render.h"

#include <stdio.h>
#include <string.h>

#include "name.h"
#include "seal.h"
#include "xalloc.h"

struct edit {
	uint32_t at, end; /* what goes; at = end: nothing */
	char *text;       /* owned */
	const struct ref *ref;
};

struct edits {
	struct edit *v; /* owned */
	size_t n, room;
};

static void edits_done(struct edits *edits)
{
	for (size_t i = 0; i < edits->n; i++)
		free(edits->v[i].text);
	free(edits->v);
}

bool ref_is_marked(const struct ref *ref)
{
	return ref->target != NULL && ref->target->renamed && !ref->keeps && ref->has_dot;
}

static void add(struct edits *edits, struct edit edit)
{
	edits->v = xgrow(edits->v, &edits->room, edits->n + 1, sizeof(*edits->v));
	edits->v[edits->n++] = edit;
}

static int by_place(const void *a, const void *b)
{
	const struct edit *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

/* In order, each place once: a parser that repairs a page sees some of its tags twice. */
static void tidy(struct edits *edits)
{
	size_t n = 0;

	if (edits->n > 0)
		qsort(edits->v, edits->n, sizeof(*edits->v), by_place);
	for (size_t i = 0; i < edits->n; i++) {
		const struct edit *last = n > 0 ? &edits->v[n - 1] : NULL;

		if (last != NULL && (last->at == edits->v[i].at || last->end > edits->v[i].at))
			free(edits->v[i].text);
		else
			edits->v[n++] = edits->v[i];
	}
	edits->n = n;
}

static void collect(const struct file *file, unsigned but_group, struct edits *edits)
{
	for (size_t i = 0; i < file->refs_n; i++) {
		const struct ref *ref = &file->refs[i];

		if (ref_is_marked(ref) && (but_group == 0 || ref->target->group != but_group))
			add(edits,
				(struct edit){ ref->dot, ref->dot, name_mark(ref->target), ref });
	}
	for (size_t i = 0; i < file->seals_n; i++) {
		const struct seal *seal = &file->seals[i];
		char *text = seal_renew(file, seal);

		if (text != NULL)
			add(edits, (struct edit){ seal->begin, seal->end, text, NULL });
	}
	tidy(edits);
}

/* Policies have digests of what the other edits change. */
static void collect_all(const struct file *file, unsigned but_group, struct edits *edits)
{
	collect(file, but_group, edits);
	for (size_t i = 0; i < file->policies_n && edits->n > 0; i++) {
		const struct span *policy = &file->policies[i];
		char *text = seal_renew_policy(file, policy);

		if (text != NULL)
			add(edits, (struct edit){ policy->begin, policy->end, text, NULL });
	}
	tidy(edits);
}

/* The span with those edits that lie in it; NULL if none does. */
static char *apply(
	const struct file *file, const struct edits *edits, const struct span *span, size_t *ret_n)
{
	size_t room = span->end - span->begin + 1, n = 0, from = span->begin;
	bool any = false;
	char *out;

	for (size_t i = 0; i < edits->n; i++)
		room += strlen(edits->v[i].text);
	out = xalloc(room);
	for (size_t i = 0; i < edits->n; i++) {
		const struct edit *edit = &edits->v[i];
		size_t len = strlen(edit->text);

		if (edit->at < span->begin || edit->end > span->end)
			continue;
		any = true;
		memcpy(out + n, file->bytes + from, edit->at - from);
		n += edit->at - from;
		memcpy(out + n, edit->text, len);
		n += len;
		from = edit->end;
	}
	if (!any) {
		free(out);
		return NULL;
	}
	memcpy(out + n, file->bytes + from, span->end - from);
	*ret_n = n + span->end - from;
	return out;
}

char *render_part(const struct file *file, const struct span *span, size_t *ret_n)
{
	CLEANUP(edits_done) struct edits edits = { 0 };

	collect(file, 0, &edits);
	return apply(file, &edits, span, ret_n);
}

char *render(const struct file *file, unsigned but_group, size_t *ret_n)
{
	CLEANUP(edits_done) struct edits edits = { 0 };
	const struct span whole = { 0, (uint32_t)file->n };

	if (file->bytes == NULL)
		return NULL;
	collect_all(file, but_group, &edits);
	return edits.n > 0 ? apply(file, &edits, &whole, ret_n) : NULL;
}

bool render_report(const struct file *file)
{
	CLEANUP(edits_done) struct edits edits = { 0 };

	collect_all(file, 0, &edits);
	for (size_t i = 0; i < edits.n; i++) {
		const struct edit *edit = &edits.v[i];
		const struct ref *ref = edit->ref;

		if (ref == NULL)
			continue;
		(void)fputs("In ", stdout);
		text_print(stdout, file->path, strlen(file->path));
		(void)fputs(": replacing ", stdout);
		text_print(stdout, file->bytes + ref->begin, ref->end - ref->begin);
		(void)fputs(" with ", stdout);
		text_print(stdout, file->bytes + ref->begin, edit->at - ref->begin);
		(void)fputs(edit->text, stdout);
		text_print(stdout, file->bytes + edit->at, ref->end - edit->at);
		(void)putchar('\n');
	}
	return ferror(stdout) == 0;
}
