/* SPDX-License-Identifier: MIT */
#include "advisory.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static const struct advisory advisories[] = {
	{ "runc", { "CVE-2019-5736" }, { "1.0.0-rc7" }, true,
		"a program in a container can overwrite the runtime, which is root's" },
	{ "runc", { "CVE-2021-30465" }, { "1.0.0-rc95" }, true,
		"a container's mounts can be led to files of the host" },
	{ "runc", { "CVE-2024-21626" }, { "1.1.12" }, true,
		"a container can begin in a directory of the host" },
	{ "runc", { "CVE-2025-31133", "CVE-2025-52565", "CVE-2025-52881" },
		{ "1.2.8", "1.3.3", "1.4.0-rc.3" }, false,
		"an image made for it, or containers that share a writable mount, can write to the "
		"host's /proc" },
	{ "containerd", { "CVE-2020-15257" }, { "1.3.9", "1.4.3" }, false,
		"containers in the host's network can reach containerd; jobs are in none" },
	{ "containerd", { "CVE-2024-25621" }, { "1.7.29", "2.0.7", "2.1.5" }, false,
		"its directories are open to all users of this machine" },
	{ "Engine", { "CVE-2021-41091" }, { "20.10.9" }, false,
		"users of this machine can run setuid programs out of images" },
	{ "Engine", { "CVE-2024-41110" }, { "23.0.15", "26.1.5", "27.1.1" }, false,
		"authorization plugins can be passed by; dockgate needs none" },
	{ "Engine", { "CVE-2026-41567", "CVE-2026-41568", "CVE-2026-42306" }, { "29.5.1" }, false,
		"`docker cp` of a hostile container can run its programs on the host; dockgate "
		"never copies that way, and nobody should from containers of jobs" },
};

static const struct {
	const char *component;
	const char *packages[2];
} packages[] = {
	{ "runc", { "runc", "runc-app" } },
	{ "containerd", { "containerd", "containerd-app" } },
	{ "Engine", { "docker.io", "docker.io-app" } },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct advisory *advisory_next(const char *component, size_t *i)
{
	while (*i < COUNT(advisories)) {
		const struct advisory *advisory = &advisories[(*i)++];

		if (strcmp(advisory->component, component) == 0)
			return advisory;
	}
	return NULL;
}

/* A tilde, and the "-rc" of those who do not know it, are before the end; letters before the rest.
 */
static int weight(const char *at)
{
	if (*at == '~' || strncmp(at, "-rc", 3) == 0)
		return -1;
	if (*at == '\0' || isdigit((unsigned char)*at))
		return 0;
	return isalpha((unsigned char)*at) ? *at : *at + 256;
}

static int compare_digits(const char **a, const char **b)
{
	int first = 0;

	while (**a == '0')
		(*a)++;
	while (**b == '0')
		(*b)++;
	for (; isdigit((unsigned char)**a) && isdigit((unsigned char)**b); (*a)++, (*b)++)
		if (first == 0)
			first = **a - **b;
	if (isdigit((unsigned char)**a))
		return 1;
	return isdigit((unsigned char)**b) ? -1 : first;
}

int advisory_compare(const char *a, const char *b)
{
	while (*a != '\0' || *b != '\0') {
		int r = weight(a) - weight(b);

		if (r != 0)
			return r;
		if (weight(a) != 0)
			a++, b++;
		else if ((r = compare_digits(&a, &b)) != 0)
			return r;
	}
	return 0;
}

/* "1.1.5+ds1-1+deb12u1" stands for 1.1.5: what is behind it is a distribution's. */
static void upstream(const char *version, char *ret, size_t size)
{
	const char *dash;
	size_t n;

	version += *version == 'v';
	dash = strchr(version, '-');
	n = strcspn(version, "+~");
	if (dash != NULL && (size_t)(dash - version) < n && strncmp(dash, "-rc", 3) != 0)
		n = (size_t)(dash - version);
	(void)snprintf(ret, size, "%.*s", (int)(n < size ? n : size - 1), version);
}

/* Do both begin with the same two numbers? */
static bool same_series(const char *a, const char *b)
{
	const char *dot = strchr(b, '.');
	size_t n;

	dot = dot == NULL ? NULL : strchr(dot + 1, '.');
	n = dot == NULL ? strlen(b) : (size_t)(dot - b) + 1;
	return strncmp(a, b, n) == 0;
}

bool advisory_is_mended(const struct advisory *advisory, const char *version)
{
	char own[100];
	const char *last = NULL;

	upstream(version, own, sizeof(own));
	for (size_t i = 0; i < COUNT(advisory->fixed) && advisory->fixed[i] != NULL; i++) {
		last = advisory->fixed[i];
		if (same_series(own, last))
			return advisory_compare(own, last) >= 0;
	}
	return last != NULL && advisory_compare(own, last) >= 0;
}

bool advisory_is_distributed(const char *version)
{
	static const char *const signs[] = { "+ds", "~ds", "+dfsg", "deb", "ubuntu" };

	for (size_t i = 0; i < COUNT(signs); i++)
		if (strstr(version, signs[i]) != NULL)
			return true;
	return false;
}

static size_t n_ids(const struct advisory *advisory)
{
	size_t n = 0;

	while (n < COUNT(advisory->ids) && advisory->ids[n] != NULL)
		n++;
	return n;
}

static int read_changelog(const struct advisory *advisory, const char *path)
{
	gzFile file = gzopen(path, "rbe");
	unsigned int found = 0, all = (1U << n_ids(advisory)) - 1;
	char line[1024];

	if (file == NULL)
		return -ENOENT;
	while (found != all && gzgets(file, line, sizeof(line)) != NULL)
		for (size_t i = 0; i < n_ids(advisory); i++)
			if (strstr(line, advisory->ids[i]) != NULL)
				found |= 1U << i;
	(void)gzclose(file);
	return found == all;
}

int advisory_in_changelog(const struct advisory *advisory, const char *root)
{
	char path[600];

	for (size_t i = 0; i < COUNT(packages); i++)
		for (size_t k = 0; k < COUNT(packages[i].packages); k++) {
			int r;

			if (strcmp(packages[i].component, advisory->component) != 0)
				continue;
			(void)snprintf(path, sizeof(path),
				"%s/usr/share/doc/%s/changelog.Debian.gz", root,
				packages[i].packages[k]);
			r = read_changelog(advisory, path);
			if (r != -ENOENT)
				return r;
		}
	return -ENOENT;
}
