/* SPDX-License-Identifier: MIT */
/*
 * Refusals answer EPERM, so that a library which tries something optional goes
 * on without it. All else is allowed: what a role may touch is decided first
 * by its user and the owners of files and sockets; this is the second wall, for
 * what needs no file (sockets, programs, other processes) and for the calls
 * that break out of kernels.
 */
#include "role_filter.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/socket.h>

/* Refused to every role. A name that this libseccomp or machine does not know is passed over. */
static const char *const never[] = {
	/* other programs */
	"execve",
	"execveat",
	"fork",
	"vfork",
	/* other processes' memory and descriptors */
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"kcmp",
	"pidfd_getfd",
	"userfaultfd",
	"perf_event_open",
	"memfd_secret",
	/* other views of the system */
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"unshare",
	"setns",
	"open_tree",
	"move_mount",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"mount_setattr",
	"open_by_handle_at",
	"mknod",
	"mknodat",
	"fanotify_init",
	/* the kernel itself */
	"bpf",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"swapon",
	"swapoff",
	"acct",
	"quotactl",
	"quotactl_fd",
	"syslog",
	"iopl",
	"ioperm",
	"modify_ldt",
	"personality",
	"settimeofday",
	"clock_settime",
	"clock_adjtime",
	"adjtimex",
	"sethostname",
	"setdomainname",
	"vhangup",
	"lookup_dcookie",
	"uselib",
	/* keys and asynchronous calls that pass by this filter */
	"add_key",
	"request_key",
	"keyctl",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
};

/* What a role has no use for after its start. */
static const char *const gateway_never[] = { "bind", "listen" };
static const char *const queue_never[] = { "bind", "listen", "connect" };
static const char *const driver_never[] = { "bind", "listen", "accept", "accept4" };
static const char *const courier_never[] = { "bind", "listen", "accept", "accept4" };

/* A queue whose database is elsewhere connects to it, again and again. */
static const char *const connected_queue_never[] = { "bind", "listen" };

static const struct {
	const char *const *calls;
	size_t n;
} role_never[ROLE_MAX_] = {
	[ROLE_GATEWAY] = { gateway_never, sizeof(gateway_never) / sizeof(gateway_never[0]) },
	[ROLE_QUEUE] = { queue_never, sizeof(queue_never) / sizeof(queue_never[0]) },
	[ROLE_DRIVER] = { driver_never, sizeof(driver_never) / sizeof(driver_never[0]) },
	[ROLE_COURIER] = { courier_never, sizeof(courier_never) / sizeof(courier_never[0]) },
};

/* Kinds of sockets that are left; names need netlink (getaddrinfo(3) asks which addresses exist).
 */
static const unsigned unix_only[] = { AF_UNIX };
static const unsigned with_inet[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

static int add_calls(scmp_filter_ctx ctx, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int call = seccomp_syscall_resolve_name(names[i]);
		int r = call == __NR_SCMP_ERROR
				? 0
				: seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), call, 0);

		if (r < 0 && r != -EDOM)
			return r;
	}
	return 0;
}

/*
 * One rule for each gap between the allowed families, which ascend: rules
 * about one call are alternatives, so "none of these" cannot be said directly.
 */
static int add_sockets(scmp_filter_ctx ctx, const unsigned *allowed, size_t n)
{
	int call = SCMP_SYS(socket);
	int r = seccomp_rule_add(
		ctx, SCMP_ACT_ERRNO(EPERM), call, 1, SCMP_A0_32(SCMP_CMP_LT, allowed[0]));

	for (size_t i = 0; r == 0 && i + 1 < n; i++)
		for (unsigned family = allowed[i] + 1; r == 0 && family < allowed[i + 1]; family++)
			r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), call, 1,
				SCMP_A0_32(SCMP_CMP_EQ, family));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), call, 1,
			SCMP_A0_32(SCMP_CMP_GT, allowed[n - 1]));
	return r;
}

/* Threads only: a clone(2) without CLONE_THREAD is another process. clone3 hides its flags. */
static int add_clone(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
		SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return r;
}

static int fill(scmp_filter_ctx ctx, enum role role, bool inet)
{
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r == 0)
		r = add_calls(ctx, never, sizeof(never) / sizeof(never[0]));
	if (r == 0 && role == ROLE_QUEUE && inet)
		r = add_calls(ctx, connected_queue_never,
			sizeof(connected_queue_never) / sizeof(connected_queue_never[0]));
	else if (r == 0)
		r = add_calls(ctx, role_never[role].calls, role_never[role].n);
	if (r == 0 && inet)
		r = add_sockets(ctx, with_inet, sizeof(with_inet) / sizeof(with_inet[0]));
	else if (r == 0)
		r = add_sockets(ctx, unix_only, 1);
	if (r == 0)
		r = add_clone(ctx);
	return r;
}

int role_filter_load(enum role role, bool inet, struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (ctx == NULL)
		return err_set(err, ENOMEM, "seccomp");
	r = fill(ctx, role, inet);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? err_set(err, -r, "seccomp filter of %s", role_name(role)) : 0;
}
