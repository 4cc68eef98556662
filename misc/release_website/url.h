/* SPDX-License-Identifier: MIT */
/*
 * From a reference as it stands in a page to a path in the site, as a browser goes that way.
 *
 * Paths in the address space have no leading slash: "" is the root, "sub/js" a directory.
 */
#pragma once

#include "common/err.h"
#include "text.h"

/* Where the site will be served. Without --base-url: anywhere, at the root. */
struct url_site {
	char *origin; /* owned; "https://example.org", lower-case; NULL if not known */
	char *prefix; /* owned; "" or "sub/": where the site's root lies at that origin */
};

/* A directory that is not of this site: what <base href="https://elsewhere/"> gives. */
extern const char url_elsewhere[];

int url_site_init(struct url_site *site, const char *base_url, struct err *err);
void url_site_done(struct url_site *site);

struct url {
	char *path;      /* owned; decoded, without query and fragment; "/x" is from the root */
	uint32_t dot;    /* the file's offset of the path's last dot */
	bool has_dot;    /* there is one, in the last segment */
	bool relative;   /* to a directory; otherwise `path` begins with a slash */
	bool from_there; /* a whole address: holds even where the base is elsewhere */
};

/*
 * False for what cannot lie in this site: another host or scheme, nothing but a query or a
 * fragment, an encoded slash or NUL. The caller frees ret->path.
 */
bool url_parse(const struct url_site *site, const struct text *ref, struct url *ret);

/*
 * The path in the site that `path` means in directory `dir` (of the address space, "a/b"), or NULL
 * if that is not in the site. The caller frees it. A trailing slash is kept.
 */
char *url_resolve(const struct url_site *site, const char *dir, const char *path);
/* The same in the address space: the prefix is left on. Never NULL. */
char *url_join(const char *dir, const char *path);

/* The directory part of a path: "a/b/c.js" gives "a/b". The caller frees it. */
char *url_dir(const char *path);
