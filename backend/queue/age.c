/* SPDX-License-Identifier: MIT */
#include "age.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"

int64_t age_boottime_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int read_boot_id(char ret[static BOOT_ID_CHARS + 1], struct err *err)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	cleanup_fclose FILE *f = fopen(path, "re");

	if (f == NULL)
		return err_set(err, errno, "open '%s'", path);
	if (fgets(ret, BOOT_ID_CHARS + 1, f) == NULL || strlen(ret) != BOOT_ID_CHARS)
		return err_say(err, EIO, "'%s' holds no boot id", path);
	return 0;
}

/* What age_keep() wrote: two numbers and a boot id, a blank between. */
static bool read_kept(
	const char *kept, int64_t *ret_age_ms, int64_t *ret_boottime_ms, char **ret_boot_id)
{
	char *end;

	errno = 0;
	*ret_age_ms = strtoll(kept, &end, 10);
	if (errno != 0 || *end != ' ')
		return false;
	*ret_boottime_ms = strtoll(end + 1, &end, 10);
	if (errno != 0 || *end != ' ')
		return false;
	*ret_boot_id = end + 1;
	return *ret_age_ms >= 0 && *ret_boottime_ms >= 0;
}

int age_resume(const char *kept, const char *boot_id, int64_t boottime_ms, struct age *ret,
	struct err *err)
{
	struct age age = { 0 };
	char *kept_id;
	int64_t kept_age_ms, kept_boottime_ms;

	(void)snprintf(age.boot_id, sizeof(age.boot_id), "%s", boot_id);
	if (kept[0] == '\0') {
		age.base_ms = -boottime_ms;
		*ret = age;
		return 0;
	}
	if (!read_kept(kept, &kept_age_ms, &kept_boottime_ms, &kept_id))
		return err_say(err, EINVAL, "the store's age is damaged: '%s'", kept);
	age.new_boot = strcmp(kept_id, boot_id) != 0 || kept_boottime_ms > boottime_ms;
	age.base_ms = kept_age_ms - (age.new_boot ? boottime_ms : kept_boottime_ms);
	*ret = age;
	return 0;
}

int age_start(const char *kept, struct age *ret, struct err *err)
{
	char boot_id[BOOT_ID_CHARS + 1];
	int r = read_boot_id(boot_id, err);

	return r < 0 ? r : age_resume(kept, boot_id, age_boottime_ms(), ret, err);
}

void age_keep(const struct age *age, int64_t boottime_ms, char ret[static AGE_TEXT])
{
	(void)snprintf(ret, AGE_TEXT, "%" PRId64 " %" PRId64 " %s", boottime_ms + age->base_ms,
		boottime_ms, age->boot_id);
}

int64_t age_now(const struct age *age)
{
	return age_boottime_ms() + age->base_ms;
}
