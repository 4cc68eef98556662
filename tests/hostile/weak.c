/* SPDX-License-Identifier: MIT */
/*
 * What the agent would be without one of its defences: the linker puts these in the place of
 * its own functions (ld(1), --wrap). meson.build has the list; each of its agents takes some.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/base.h"
#include "agent/beneath.h"
#include "agent/policy.h"
#include "agent/rights.h"
#include "agent/step.h"

#ifndef WITHOUT_POLICIES /* bits of enum policy */
#define WITHOUT_POLICIES 0
#endif
#ifndef WITHOUT_PRCTL
#define WITHOUT_PRCTL (-1)
#endif
#if defined(WITHOUT_CALL) || defined(WITHOUT_NAMESPACE) || defined(WITHOUT_KERNELS)
#define WITH_SYSCALL
#endif
#ifndef WITHOUT_CALL
#define WITHOUT_CALL (-1)
#endif
#ifndef WITHOUT_KERNELS /* a call that an older kernel does not have */
#define WITHOUT_KERNELS (-1)
#endif
#ifndef WITHOUT_NAMESPACE
#define WITHOUT_NAMESPACE 0
#endif

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker names them so */
#define REAL __attribute__((weak)) /* there in those agents alone that take the other one */
/* Of the C library's functions the real ones are as far away, but a system call is not. */

int __wrap_policy_load(enum policy policy);
REAL int __real_policy_load(enum policy policy);
int __wrap_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int __wrap_rights_become_job(uid_t uid);
int __wrap_rights_become_agent(uid_t uid, struct err *err);
int __wrap_rights_stay_agent(struct err *err);
int __wrap_rights_drop_caps(void);
int __wrap_rights_keep_setuid(void);
int __wrap_rights_keep_nursery(void);
int __wrap_rights_keep_init(void);
int __wrap_setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit);
int __wrap_openat64(int dir, const char *name, int flags, mode_t mode);
int __wrap_base_mask_proc(const struct base *base, struct err *err);
int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data);
int __wrap_fstatat64(int dir, const char *name, struct stat *st, int flags);
int __wrap_beneath_open(int dir, const char *name, int flags, mode_t mode);
int __wrap_kill(pid_t pid, int sig);
int __wrap_fcntl64(int fd, int command, long arg);
pid_t __wrap_setsid(void);
int __wrap_setgroups(size_t n, const gid_t *groups);
int __wrap_open64(const char *path, int flags, mode_t mode);
enum limit __wrap_step_check(struct step *step, int64_t now_us);

int __wrap_policy_load(enum policy policy)
{
	return (WITHOUT_POLICIES >> policy & 1) != 0 ? 0 : __real_policy_load(policy);
}

int __wrap_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	/* Of what is set to yes or no, the safe one. */
	bool safe = option == PR_SET_DUMPABLE ? a == 0 : a == 1;

	return option == WITHOUT_PRCTL && safe ? 0 : (int)syscall(SYS_prctl, option, a, b, c, d);
}

int __wrap_rights_become_job(uid_t uid)
{
	(void)uid;
	return 0;
}

int __wrap_rights_become_agent(uid_t uid, struct err *err)
{
	(void)uid;
	(void)err;
	return 0;
}

/* As the real one without its look at what it did. */
int __wrap_rights_stay_agent(struct err *err)
{
	(void)err;
	return WITHOUT_POLICIES != 0 ? 0 : policy_load(POLICY_AGENT);
}

int __wrap_rights_drop_caps(void)
{
	return 0;
}

int __wrap_rights_keep_setuid(void)
{
	return 0;
}

int __wrap_rights_keep_nursery(void)
{
	return 0;
}

int __wrap_rights_keep_init(void)
{
	return 0;
}

int __wrap_setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
	(void)resource;
	(void)limit;
	return 0;
}

/* The limits of cgroups go nowhere. */
int __wrap_openat64(int dir, const char *name, int flags, mode_t mode)
{
	if ((flags & O_WRONLY) != 0 &&
		(strncmp(name, "memory.", 7) == 0 || strcmp(name, "pids.max") == 0))
		return (int)syscall(SYS_memfd_create, name, 0);
	return (int)syscall(SYS_openat, dir, name, flags, mode);
}

int __wrap_base_mask_proc(const struct base *base, struct err *err)
{
	(void)base;
	(void)err;
	return 0;
}

/* Of what is new: neither flags nor sizes. Jobs' own file systems go on having owners. */
int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data)
{
	const char *options = data;

	if (type != NULL && strcmp(type, "tmpfs") == 0 && strncmp(options, "size=", 5) == 0) {
		flags &= ~(unsigned long)(MS_NOSUID | MS_NODEV | MS_NOEXEC);
		options = strstr(options, "mode=");
	}
	return (int)syscall(SYS_mount, source, target, type, flags, options);
}

#ifdef WITH_SYSCALL
long __wrap_syscall(long number, ...);
long __real_syscall(long number, ...);

long __wrap_syscall(long number, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (size_t i = 0; i < sizeof(a) / sizeof(a[0]); i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == WITHOUT_CALL)
		return 0;
	if (number == WITHOUT_KERNELS) {
		errno = ENOSYS;
		return -1;
	}
	if (number == SYS_clone && (a[0] & CLONE_NEWPID) != 0)
		a[0] &= ~(long)WITHOUT_NAMESPACE;
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
#endif

/* Follows links. */
int __wrap_fstatat64(int dir, const char *name, struct stat *st, int flags)
{
	return (int)syscall(SYS_newfstatat, dir, name, st, flags & ~AT_SYMLINK_NOFOLLOW);
}

int __wrap_beneath_open(int dir, const char *name, int flags, mode_t mode)
{
	return openat(dir, name, flags | O_CLOEXEC, mode);
}

int __wrap_kill(pid_t pid, int sig)
{
	return pid == -1 ? 0 : (int)syscall(SYS_kill, pid, sig);
}

/* What is to be closed by an execution stays open. */
int __wrap_fcntl64(int fd, int command, long arg)
{
	return (int)syscall(SYS_fcntl, fd, command == F_DUPFD_CLOEXEC ? F_DUPFD : command, arg);
}

pid_t __wrap_setsid(void)
{
	return 0;
}

int __wrap_setgroups(size_t n, const gid_t *groups)
{
	(void)n;
	(void)groups;
	return 0;
}

/* Who is to die first is written nowhere. */
int __wrap_open64(const char *path, int flags, mode_t mode)
{
	bool order = strcmp(path, "/proc/self/oom_score_adj") == 0;

	return (int)syscall(SYS_openat, AT_FDCWD, order ? "/dev/null" : path, flags, mode);
}

enum limit __wrap_step_check(struct step *step, int64_t now_us)
{
	(void)step;
	(void)now_us;
	return LIMIT_MAX_;
}
/* NOLINTEND(bugprone-reserved-identifier) */
