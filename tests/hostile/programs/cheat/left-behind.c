/* SPDX-License-Identifier: MIT */
/* What the job before left, wherever it could; then leaves it for the next one. */
#include "hostile.h"

#include <linux/keyctl.h>

#include "traces.h"

static const struct trace *const outlast[] = { traces_files, traces_kernel, traces_processes };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

bool trace_file_has(const char *path, const char *text)
{
	char line[1024];
	bool has = false;
	FILE *f = fopen(path, "re");

	while (f != NULL && !has && fgets(line, sizeof(line), f) != NULL)
		has = strstr(line, text) != NULL;
	if (f != NULL)
		(void)fclose(f);
	return has;
}

const char *trace_workspace(void)
{
	return access("/workspace", F_OK) == 0 ? "/workspace" : "/mnt";
}

static void leave(const struct trace *traces)
{
	for (; traces->name != NULL; traces++)
		if (traces->leave != NULL)
			traces->leave(traces->arg);
}

struct sight {
	size_t kinds, n; /* n of them are as was asked for */
	char names[2000];
};

static void look(struct sight *sight, const struct trace *traces, bool there)
{
	size_t at = strlen(sight->names);

	for (; traces->name != NULL; traces++) {
		if (traces->needs != NULL && access(traces->needs, F_OK) < 0)
			continue;
		sight->kinds++;
		if (traces->found(traces->arg) != there)
			continue;
		sight->n++;
		at += (size_t)snprintf(sight->names + at, sizeof(sight->names) - at, "%s%s",
			sight->n == 1 ? "" : ", ", traces->name);
	}
}

static struct sight look_at_all(bool there)
{
	struct sight sight = { 0 };

	for (size_t i = 0; i < COUNT(outlast); i++)
		look(&sight, outlast[i], there);
	look(&sight, traces_inherited, there);
	return sight;
}

static void leave_what_outlasts(void)
{
	for (size_t i = 0; i < COUNT(outlast); i++)
		leave(outlast[i]);
}

HOSTILE(left_behind, "nonzero_exit exit=1 out=none task=next uncaged=no")
{
	struct sight sight = look_at_all(true);

	if (sight.n == 0)
		(void)printf("none of %zu kinds\n", sight.kinds);
	else
		(void)printf("left behind: %s\n", sight.names);
	leave_what_outlasts();
	leave(traces_inherited);
	return sight.n > 0 ? GOT : NOT;
}

/* What root would leave on the host goes into places of its own. */
static void own_places(void)
{
	(void)unshare(CLONE_NEWNET);
	(void)mount("none", "/tmp", "tmpfs", 0, NULL);
	(void)mount("none", "/var/tmp", "tmpfs", 0, NULL);
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
}

/* Without a cage the next program finds all of it: else that nothing was found would mean little.
 */
HOSTILE(leave_and_look, STOPPED)
{
	struct sight sight;
	int status;
	pid_t pid;

	if (getenv("LEFT") != NULL) {
		sight = look_at_all(false);
		return sight.n == 0 ? GOT : stopped(sight.names);
	}
	if (geteuid() == 0)
		own_places();
	leave_what_outlasts();
	pid = fork();
	if (pid == 0) {
		leave(traces_inherited);
		(void)execl("/proc/self/exe", "hostile", "leave_and_look", NULL);
		_exit(2);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : NOT;
}
