/* SPDX-License-Identifier: MIT */
/*
 * Known holes of container engines and runtimes, and whether a version has them.
 *
 * A distribution mends a hole without another version of the program: there its changelog counts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct advisory {
	const char *component; /* as the engine's /version calls it */
	const char *ids[4];    /* CVE-...; NULL after the last */
	const char *fixed[5];  /* the first good one of each series, rising; NULL after the last */
	bool grave; /* a way out of a container of dockgate's; else by other means only */
	const char *what;
};

/* Of a component, one after the other: *i begins at 0. NULL after the last. */
const struct advisory *advisory_next(const char *component, size_t *i);

/* Less than, equal to, greater than 0, as Debian compares: "1.4.0-rc.3" is before "1.4.0". */
int advisory_compare(const char *a, const char *b);

/* Is that version ("1.1.5+ds1-1+deb12u1") as new as a mended one, whatever a distribution did? */
bool advisory_is_mended(const struct advisory *advisory, const char *version);

/* Did a distribution make it, by what its version looks like? */
bool advisory_is_distributed(const char *version);

/*
 * Does the changelog of the component's package below `root` ("": this machine) name all of its
 * ids? 1 or 0; -ENOENT: there is no changelog.
 */
int advisory_in_changelog(const struct advisory *advisory, const char *root);
