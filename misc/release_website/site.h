/* SPDX-License-Identifier: MIT */
/*
 * The site as it lies in SRC: its directories and files, the references found in them, and what
 * each file will be called.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <uthash.h>

#include "common/err.h"
#include "import_map.h"
#include "url.h"

#define SHA256_BYTES 32

/* What a reference does with what it names. */
enum ref_use {
	REF_PLAIN,    /* loads it, or leads there */
	REF_SCRIPT,   /* runs it where the referring script or page runs */
	REF_IMPORT,   /* the same for a module's specifier, which import maps apply to */
	REF_WORKER,   /* runs it in a place of its own */
	REF_SERVICE,  /* the same, and it is a service worker */
	REF_MANIFEST, /* a web manifest */
	REF_SOURCE,   /* what a source map was made of: often not in the site */
	REF_LITERAL,  /* a string without a known use: counts in service workers only */
};

struct ref {
	enum ref_use use;
	const char *dir; /* what a relative path is relative to; NULL: to where the script runs */
	char *path;      /* owned; see struct url; of an import: the specifier itself */
	uint32_t dot;    /* offset where the mark goes */
	uint32_t begin, end; /* offsets of the reference as written */
	bool has_dot;
	bool bare;           /* an import that is no path: only an import map gives it one */
	struct file *target; /* set by resolve.h; NULL: none in this site */
	bool keeps;          /* an import map names the target: the specifier stays */
};

/* An integrity attribute, or a member of an import map's "integrity". */
struct seal {
	uint32_t begin, end; /* its value */
	size_t ref;          /* index of the reference whose target it is about */
};

/* A part of a file, by offsets. */
struct span {
	uint32_t begin, end;
};

enum file_kind {
	FILE_OTHER,
	FILE_HTML,
	FILE_XML,
	FILE_CSS,
	FILE_JS,
	FILE_SOURCE_MAP,
	FILE_MANIFEST
};

struct file {
	char *path;     /* owned; below SRC, no leading slash */
	char *new_path; /* owned; NULL as long as it keeps its own */
	char *dir;      /* owned; the directory in the address space */
	enum file_kind kind;
	bool renamed;
	struct stat st;

	char *bytes; /* owned; NULL if the file is not read for references */
	size_t n;
	struct ref *refs;   /* owned */
	struct seal *seals; /* owned */
	size_t refs_n, refs_room, seals_n, seals_room;
	struct span *inlines;  /* owned; contents of scripts and styles in a page */
	struct span *policies; /* owned; content security policies in a page */
	size_t inlines_n, inlines_room, policies_n, policies_room;
	char **dirs; /* owned; bases of references, other than `dir` */
	size_t dirs_n, dirs_room;
	struct import_map *maps; /* owned; those of a page */
	size_t maps_n, maps_room;
	char **notes; /* owned; what a person should know, "FILE:LINE: ..." */
	size_t notes_n, notes_room;

	/* resolve.h */
	uint64_t *places; /* owned; set of directories where it runs, by number */
	bool queued, service_worker;
	/* order.h */
	unsigned index, low, group; /* group: number of its cycle, or of itself */
	bool on_stack, in_cycle;
	/* name.h */
	uint8_t sha256[SHA256_BYTES];

	UT_hash_handle hh;
};

struct site {
	char *src;           /* owned; real path */
	struct url_site url; /* owned */
	struct file **files; /* owned; sorted by path */
	size_t files_n, files_room;
	struct file *by_path; /* hash */
	char **dirs;          /* owned; directories below SRC, parents first */
	mode_t *dir_modes;    /* owned */
	size_t dirs_n, dirs_room, modes_room;
};

/* Reads names and properties of all that is below `src`; no contents. */
int site_open(struct site *site, const char *src, const char *base_url, struct err *err);
void site_done(struct site *site);

/* The file with this path, or NULL. */
struct file *site_find(const struct site *site, const char *path);

/* Reads the file's contents where references may stand in it. */
int site_read(const struct site *site, struct file *file, struct err *err);

/* The line, from 1, in which an offset of the file lies. */
unsigned file_line(const struct file *file, uint32_t at);
/* Remembers "PATH:LINE: text" for the end. */
void file_note(struct file *file, uint32_t at, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));
