/* SPDX-License-Identifier: MIT */
/* Which versions have which holes, upstream's and distributions'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "cli/advisory.h"

static const struct advisory *find(const char *component, const char *id)
{
	const struct advisory *advisory;
	size_t i = 0;

	while ((advisory = advisory_next(component, &i)) != NULL)
		for (size_t k = 0; advisory->ids[k] != NULL; k++)
			if (strcmp(advisory->ids[k], id) == 0)
				return advisory;
	fail_msg("there is no %s of %s", id, component);
	return NULL;
}

static void versions_have_an_order(void **state)
{
	static const char *const rising[] = { "1.0.0-rc7", "1.0.0-rc95", "1.0.0", "1.0.3", "1.1.0",
		"1.1.9", "1.1.12", "1.2.8", "1.4.0-rc.2", "1.4.0-rc.3", "1.4.0", "1.10.0",
		"20.10.24" };

	(void)state;
	for (size_t i = 0; i < sizeof(rising) / sizeof(rising[0]); i++)
		for (size_t k = 0; k < sizeof(rising) / sizeof(rising[0]); k++) {
			int r = advisory_compare(rising[i], rising[k]);

			assert_true((i < k) == (r < 0) && (i > k) == (r > 0));
		}
	assert_true(advisory_compare("1.1.5+ds1-1", "1.1.5+ds1-1+deb12u1") < 0);
	assert_true(advisory_compare("1.1.5+ds1-1+deb12u2", "1.1.5+ds1-1+deb12u10") < 0);
	assert_true(advisory_compare("1.6.20~ds1", "1.6.20") < 0);
	assert_int_equal(advisory_compare("1.01", "1.1"), 0);
	assert_int_equal(advisory_compare("", ""), 0);
}

static void each_series_has_its_own_first_good_one(void **state)
{
	static const struct {
		const char *version;
		bool mended;
	} all[] = {
		{ "1.1.15", false },
		{ "1.2.7", false },
		{ "1.2.8", true },
		{ "1.2.10", true },
		{ "1.3.0", false },
		{ "1.3.3", true },
		{ "1.4.0-rc.2", false },
		{ "1.4.0-rc.3", true },
		{ "1.4.0", true },
		{ "1.5.1", true },
		{ "2.0.0", true },
		{ "v1.2.8", true },
		{ "1.1.5+ds1-1+deb12u1", false },
		{ "1.3.3+ds1-2", true },
		{ "1.2.7-0ubuntu1~22.04.2", false },
		{ "", false },
	};
	const struct advisory *advisory = find("runc", "CVE-2025-52565");

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (advisory_is_mended(advisory, all[i].version) != all[i].mended)
			fail_msg("runc %s", all[i].version);
	advisory = find("runc", "CVE-2024-21626");
	assert_false(advisory_is_mended(advisory, "1.1.5+ds1-1+deb12u1")); /* by its number */
	assert_true(advisory_is_mended(advisory, "1.1.12"));
	assert_false(advisory_is_mended(find("runc", "CVE-2019-5736"), "1.0.0-rc6"));
	assert_true(advisory_is_mended(find("Engine", "CVE-2024-41110"), "28.2.2"));
	assert_false(advisory_is_mended(find("Engine", "CVE-2024-41110"), "20.10.24+dfsg1"));
	assert_true(
		advisory_is_mended(find("containerd", "CVE-2020-15257"), "1.6.20~ds1-1+deb12u3"));
}

static void distributions_are_known_by_their_versions(void **state)
{
	(void)state;
	assert_true(advisory_is_distributed("1.1.5+ds1-1+deb12u1"));
	assert_true(advisory_is_distributed("1.6.20~ds1-1"));
	assert_true(advisory_is_distributed("20.10.24+dfsg1"));
	assert_true(advisory_is_distributed("24.0.7-0ubuntu2~22.04.1"));
	assert_false(advisory_is_distributed("1.1.12"));
	assert_false(advisory_is_distributed("v1.2.5-0-g59923ef"));
}

static void make_directories(char *path)
{
	for (char *at = path + 1; (at = strchr(at, '/')) != NULL; *at++ = '/') {
		*at = '\0';
		(void)mkdir(path, 0755);
	}
}

static void a_changelog_counts_where_a_distribution_mends(void **state)
{
	static const char text[] = "runc (1.1.5+ds1-1+deb12u2) bookworm-security; urgency=high\n\n"
				   "  * CVE-2025-31133, CVE-2025-52565\n  * and CVE-2025-52881\n";
	const struct advisory *advisory = find("runc", "CVE-2025-31133");
	char root[] = "/tmp/dockgate-test-XXXXXX", path[200];
	gzFile file;

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(advisory_in_changelog(advisory, root), -ENOENT);
	(void)snprintf(path, sizeof(path), "%s/usr/share/doc/runc/changelog.Debian.gz", root);
	make_directories(path);
	file = gzopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(gzwrite(file, text, sizeof(text) - 1), sizeof(text) - 1);
	(void)gzclose(file);
	assert_int_equal(advisory_in_changelog(advisory, root), 1);
	assert_int_equal(advisory_in_changelog(find("runc", "CVE-2024-21626"), root), 0);
	assert_int_equal(truncate(path, 40), 0); /* a file that is broken says nothing good */
	assert_int_equal(advisory_in_changelog(advisory, root), 0);
	while (strlen(path) > strlen(root)) {
		(void)remove(path);
		*strrchr(path, '/') = '\0';
	}
	(void)remove(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_have_an_order),
		cmocka_unit_test(each_series_has_its_own_first_good_one),
		cmocka_unit_test(distributions_are_known_by_their_versions),
		cmocka_unit_test(a_changelog_counts_where_a_distribution_mends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
