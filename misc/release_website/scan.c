/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include <string.h>

#include "xalloc.h"

static struct ref *add_ref(struct scan *scan, const struct text *ref, enum ref_use use)
{
	struct file *file = scan->file;
	struct ref *added;

	file->refs = xgrow(file->refs, &file->refs_room, file->refs_n + 1, sizeof(*file->refs));
	added = &file->refs[file->refs_n++];
	*added = (struct ref){ .use = use, .begin = text_at(ref, 0), .end = text_at(ref, ref->n) };
	return added;
}

bool scan_ref(struct scan *scan, const struct text *ref, const char *dir, enum ref_use use)
{
	struct ref *added;
	struct url url;

	if (!url_parse(&scan->site->url, ref, &url))
		return false;
	added = add_ref(scan, ref, use);
	added->dir = url.from_there ? "" : dir;
	added->path = url.path;
	added->dot = url.dot;
	added->has_dot = url.has_dot;
	return true;
}

static bool is_path(const struct text *t)
{
	return t->n > 0 && (t->s[0] == '/' || (t->n > 1 && memcmp(t->s, "./", 2) == 0) ||
				   (t->n > 2 && memcmp(t->s, "../", 3) == 0));
}

void scan_import(struct scan *scan, const struct text *specifier)
{
	struct ref *added;

	/* What has a scheme parses as an address, or not at all. */
	if (is_path(specifier) || memmem(specifier->s, specifier->n, "://", 3) != NULL) {
		(void)scan_ref(scan, specifier, scan->dir, REF_IMPORT);
		return;
	}
	if (specifier->n == 0 || text_has(specifier, '\0'))
		return;
	added = add_ref(scan, specifier, REF_IMPORT);
	added->bare = true;
	added->dir = scan->dir;
	added->path = xdup(specifier->s, specifier->n);
	for (size_t i = specifier->n; i > 0 && specifier->s[i - 1] != '/'; i--)
		if (specifier->s[i - 1] == '.') {
			added->dot = text_at(specifier, i - 1);
			added->has_dot = true;
			break;
		}
}

const char *scan_keep_dir(struct scan *scan, char *dir)
{
	struct file *file = scan->file;

	file->dirs = xgrow(file->dirs, &file->dirs_room, file->dirs_n + 1, sizeof(*file->dirs));
	file->dirs[file->dirs_n++] = dir;
	return dir;
}

void scan_file(const struct site *site, struct file *file)
{
	struct scan scan = { .site = site, .file = file, .dir = file->dir, .run_dir = file->dir };
	struct text text = { file->bytes, file->n, NULL, 0 };

	switch (file->kind) {
	case FILE_HTML:
		html_scan(&scan, &text);
		break;
	case FILE_XML:
		scan.xml = true;
		xml_scan(&scan, &text);
		break;
	case FILE_CSS:
		css_scan(&scan, &text);
		break;
	case FILE_JS:
		scan.run_dir = NULL;
		js_scan(&scan, &text);
		break;
	case FILE_SOURCE_MAP:
		source_map_scan(&scan, &text);
		break;
	case FILE_MANIFEST:
		web_manifest_scan(&scan, &text);
		break;
	case FILE_OTHER:
		break;
	}
}
