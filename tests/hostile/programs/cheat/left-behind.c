/* SPDX-License-Identifier: MIT */
/* What the job before left, wherever it could; then leaves it for the next one. */
#include "hostile.h"

#include <linux/keyctl.h>

static const char *const files[] = { "/workspace/left", "/tmp/left", "/dev/shm/left",
	"/open/left" };

static bool any_file(void)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (access(files[i], F_OK) == 0)
			return true;
	return false;
}

static bool leave_key(void)
{
	if (syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", "left", 0) > 0)
		return true;
	(void)syscall(SYS_add_key, "user", "left", "x", 1L, KEY_SPEC_SESSION_KEYRING);
	return false;
}

/* The name is taken as long as somebody holds it. */
static bool leave_name(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0left" };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(sock, (struct sockaddr *)&name, sizeof(sa_family_t) + 5) < 0)
		return true;
	if (fork() == 0) {
		(void)setsid();
		wait_for_ever();
	}
	return false;
}

HOSTILE(left_behind, STOPPED " uncaged=no")
{
	bool found = any_file();

	found = leave_key() || found;
	found = leave_name() || found;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		(void)make_file(files[i], "left", 4);
	return found ? GOT : stopped("nothing was left");
}
