/* SPDX-License-Identifier: MIT */
/*
 * Makes C of the table of system calls, at build time:
 *
 *	policy_gen bpf FILE	the filters of enum policy as arrays of BPF
 *	policy_gen profile FILE	the container's profile for Docker, as a string
 *
 * Compiling a filter costs milliseconds: no process of ours does it again.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy_shrink.h"
#include "policy_table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "policy_gen: %s: %s\n", what, strerror(-r));
	exit(1);
}

/* For a call that this libseccomp has no number for there is no rule: it gets the default. */
static void rule(scmp_filter_ctx ctx, uint32_t action, const char *name, unsigned int n,
	struct scmp_arg_cmp arg)
{
	int call = seccomp_syscall_resolve_name(name);

	if (call == __NR_SCMP_ERROR || call < 0)
		return;
	check(seccomp_rule_add_array(ctx, action, call, n, &arg), name);
}

static void rules(scmp_filter_ctx ctx, uint32_t action, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		rule(ctx, action, names[i], 0, (struct scmp_arg_cmp){ 0 });
}

static void refuse_new_namespaces(scmp_filter_ctx ctx)
{
	for (int bit = 0; bit < 31; bit++)
		if ((POLICY_CLONE_NEW >> bit & 1) != 0)
			rule(ctx, SCMP_ACT_ERRNO(EPERM), "clone", 1,
				SCMP_A0_64(SCMP_CMP_MASKED_EQ, 1UL << bit, 1UL << bit));
}

static void sockets(scmp_filter_ctx ctx, int network)
{
	static const unsigned int families[] = { AF_UNIX, AF_INET, AF_INET6 };
	struct scmp_arg_cmp netlink[] = { SCMP_A0_32(SCMP_CMP_EQ, AF_NETLINK),
		SCMP_A2_32(SCMP_CMP_EQ, 0) };

	rule(ctx, SCMP_ACT_ALLOW, "socketpair", 1, SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX));
	if (!network) {
		rule(ctx, SCMP_ACT_ALLOW, "socket", 1, SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX));
		rule(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", 1,
			SCMP_A0_32(SCMP_CMP_NE, AF_UNIX));
		return;
	}
	for (size_t i = 0; i < COUNT(families); i++)
		rule(ctx, SCMP_ACT_ALLOW, "socket", 1, SCMP_A0_32(SCMP_CMP_EQ, families[i]));
	check(seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, netlink), "netlink");
}

static scmp_filter_ctx filter_new(uint32_t otherwise)
{
	scmp_filter_ctx ctx = seccomp_init(otherwise);

	if (ctx == NULL)
		check(-ENOMEM, "seccomp_init");
	check(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "bad arch");
	check(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), "binary tree");
	return ctx;
}

/* Loaded once the job's processors are known, behind the job's own, which must leave that call. */
static scmp_filter_ctx placed_filter(void)
{
	scmp_filter_ctx ctx = filter_new(SCMP_ACT_ALLOW);

	rule(ctx, SCMP_ACT_ERRNO(EPERM), "sched_setaffinity", 0, (struct scmp_arg_cmp){ 0 });
	return ctx;
}

/* `all`, or only what looks at arguments. */
static scmp_filter_ctx job_filter(int network, int all)
{
	scmp_filter_ctx ctx = filter_new(SCMP_ACT_ERRNO(ENOSYS));

	if (all) {
		rules(ctx, SCMP_ACT_ALLOW, policy_allowed, COUNT(policy_allowed));
		rules(ctx, SCMP_ACT_ERRNO(EPERM), policy_refused, COUNT(policy_refused));
	}
	rule(ctx, SCMP_ACT_ALLOW, "clone", 1, SCMP_A0_64(SCMP_CMP_MASKED_EQ, POLICY_CLONE_NEW, 0));
	refuse_new_namespaces(ctx);
	sockets(ctx, network);
	rule(ctx, SCMP_ACT_ALLOW, "personality", 1, SCMP_A0_32(SCMP_CMP_EQ, 0));
	rule(ctx, SCMP_ACT_ALLOW, "personality", 1, SCMP_A0_32(SCMP_CMP_EQ, 0xffffffff));
	/* Fifos and plain files: what needs no right anyway. Devices are left to the default. */
	rule(ctx, SCMP_ACT_ALLOW, "mknod", 1, SCMP_A1_32(SCMP_CMP_MASKED_EQ, S_IFMT, S_IFIFO));
	rule(ctx, SCMP_ACT_ALLOW, "mknod", 1, SCMP_A1_32(SCMP_CMP_MASKED_EQ, S_IFMT, S_IFREG));
	rule(ctx, SCMP_ACT_ALLOW, "mknodat", 1, SCMP_A2_32(SCMP_CMP_MASKED_EQ, S_IFMT, S_IFIFO));
	rule(ctx, SCMP_ACT_ALLOW, "mknodat", 1, SCMP_A2_32(SCMP_CMP_MASKED_EQ, S_IFMT, S_IFREG));
	return ctx;
}

static scmp_filter_ctx agent_filter(void)
{
	scmp_filter_ctx ctx = filter_new(SCMP_ACT_ALLOW);
	uint32_t no = SCMP_ACT_ERRNO(EPERM);

	rules(ctx, no, policy_agent_refused, COUNT(policy_agent_refused));
	rule(ctx, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, (struct scmp_arg_cmp){ 0 });
	refuse_new_namespaces(ctx);
	rule(ctx, no, "setuid", 1, SCMP_A0_32(SCMP_CMP_EQ, 0));
	rule(ctx, no, "setgid", 1, SCMP_A0_32(SCMP_CMP_EQ, 0));
	rule(ctx, no, "setfsuid", 1, SCMP_A0_32(SCMP_CMP_EQ, 0));
	rule(ctx, no, "setfsgid", 1, SCMP_A0_32(SCMP_CMP_EQ, 0));
	for (unsigned int i = 0; i < 2; i++) {
		rule(ctx, no, "setreuid", 1, SCMP_CMP32(i, SCMP_CMP_EQ, 0));
		rule(ctx, no, "setregid", 1, SCMP_CMP32(i, SCMP_CMP_EQ, 0));
	}
	for (unsigned int i = 0; i < 3; i++) {
		rule(ctx, no, "setresuid", 1, SCMP_CMP32(i, SCMP_CMP_EQ, 0));
		rule(ctx, no, "setresgid", 1, SCMP_CMP32(i, SCMP_CMP_EQ, 0));
	}
	return ctx;
}

static scmp_filter_ctx nursery_filter(void)
{
	scmp_filter_ctx ctx = filter_new(SCMP_ACT_ALLOW);

	rules(ctx, SCMP_ACT_ERRNO(EPERM), policy_nursery_refused, COUNT(policy_nursery_refused));
	rule(ctx, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, (struct scmp_arg_cmp){ 0 });
	return ctx;
}

static size_t export(scmp_filter_ctx ctx, struct sock_filter code[static SHRINK_MAX])
{
	int fd = memfd_create("bpf", 0);
	ssize_t n;

	check(fd < 0 ? -errno : seccomp_export_bpf(ctx, fd), "export");
	seccomp_release(ctx);
	n = pread(fd, code, SHRINK_MAX * sizeof(*code), 0);
	check(n <= 0 ? -EIO : 0, "read");
	(void)close(fd);
	return (size_t)n / sizeof(*code);
}

/* One instruction a line, as struct sock_filter's initialiser. */
static void print_code(FILE *out, const char *name, const struct sock_filter *code, size_t n)
{
	(void)fprintf(out, "static const struct sock_filter policy_bpf_%s[] = {\n", name);
	for (size_t i = 0; i < n; i++)
		(void)fprintf(out, "\t{ 0x%02x, %u, %u, 0x%08x },\n", code[i].code, code[i].jt,
			code[i].jf, code[i].k);
	(void)fprintf(out, "};\n\n");
}

static void print_filter(FILE *out, const char *name, scmp_filter_ctx ctx)
{
	static struct sock_filter code[SHRINK_MAX];

	print_code(out, name, code, export(ctx, code));
}

/* Loaded for every job: as short as it can be. */
static void print_job_filter(FILE *out, const char *name, int network)
{
	static struct sock_filter full[SHRINK_MAX], some[SHRINK_MAX], less[SHRINK_MAX];
	size_t n = export(job_filter(network, 1), full);
	size_t n_less = shrink(full, n, some, export(job_filter(network, 0), some), less);

	if (n_less > 0)
		check(shrink_same(full, n, less, n_less) ? 0 : -EINVAL, "a shorter filter");
	print_code(out, name, n_less > 0 ? less : full, n_less > 0 ? n_less : n);
}

static void print_bpf(FILE *out)
{
	(void)fprintf(out, "/* Made by policy_gen from policy_table.h. */\n");
	(void)fprintf(out, "#include <linux/filter.h>\n\n");
	print_filter(out, "agent", agent_filter());
	print_filter(out, "nursery", nursery_filter());
	print_filter(out, "placed", placed_filter());
	print_job_filter(out, "job", 0);
	print_job_filter(out, "job_network", 1);
}

/* Quotes inside the C string of the profile. */
#define Q "\\\""

static void print_names(FILE *out, const char *const *names, size_t n, const char *before)
{
	for (size_t i = 0; i < n; i++)
		(void)fprintf(out, "%s" Q "%s" Q, i == 0 ? before : ",", names[i]);
}

static void print_arg_rule(FILE *out, const char *name, unsigned int index, unsigned long value,
	unsigned long two, const char *op)
{
	(void)fprintf(out,
		"\",{" Q "names" Q ":[" Q "%s" Q "]," Q "action" Q ":" Q "SCMP_ACT_ALLOW" Q "," Q
		"args" Q ":[{" Q "index" Q ":%u," Q "value" Q ":%lu," Q "valueTwo" Q ":%lu," Q
		"op" Q ":" Q "%s" Q "}]}\"\n",
		name, index, value, two, op);
}

static const char *architecture(void)
{
	switch (seccomp_arch_native()) {
	case SCMP_ARCH_X86_64:
		return "SCMP_ARCH_X86_64";
	case SCMP_ARCH_AARCH64:
		return "SCMP_ARCH_AARCH64";
	case SCMP_ARCH_RISCV64:
		return "SCMP_ARCH_RISCV64";
	case SCMP_ARCH_PPC64LE:
		return "SCMP_ARCH_PPC64LE";
	case SCMP_ARCH_S390X:
		return "SCMP_ARCH_S390X";
	default:
		check(-ENOTSUP, "this architecture");
		return NULL;
	}
}

static void print_profile(FILE *out)
{
	static const unsigned long families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

	(void)fprintf(out, "/* Made by policy_gen from policy_table.h. */\n");
	(void)fprintf(out, "#include \"slot_profile.h\"\n\nstatic const char profile[] =\n");
	(void)fprintf(out,
		"\"{" Q "defaultAction" Q ":" Q "SCMP_ACT_ERRNO" Q "," Q "defaultErrnoRet" Q
		":38," Q "architectures" Q ":[" Q "%s" Q "]," Q "syscalls" Q ":[{" Q "names" Q
		":\"\n\"",
		architecture());
	print_names(out, policy_allowed, COUNT(policy_allowed), "[");
	print_names(out, policy_container_only, COUNT(policy_container_only), ",");
	/* The agent makes namespaces: its own filter takes clone's flags away afterwards. */
	(void)fprintf(out, "," Q "clone" Q "]," Q "action" Q ":" Q "SCMP_ACT_ALLOW" Q "}\"\n\",{" Q
			   "names" Q ":[" Q "clone3" Q "," Q "io_uring_setup" Q "," Q
			   "io_uring_enter" Q "," Q "io_uring_register" Q "]," Q "action" Q ":" Q
			   "SCMP_ACT_ERRNO" Q "," Q "errnoRet" Q ":38}\"\n");
	for (size_t i = 0; i < COUNT(families); i++)
		print_arg_rule(out, "socket", 0, families[i], 0, "SCMP_CMP_EQ");
	print_arg_rule(out, "socketpair", 0, AF_UNIX, 0, "SCMP_CMP_EQ");
	print_arg_rule(out, "personality", 0, 0, 0, "SCMP_CMP_EQ");
	print_arg_rule(out, "personality", 0, 0xffffffff, 0, "SCMP_CMP_EQ");
	print_arg_rule(out, "mknod", 1, S_IFMT, S_IFIFO, "SCMP_CMP_MASKED_EQ");
	print_arg_rule(out, "mknod", 1, S_IFMT, S_IFREG, "SCMP_CMP_MASKED_EQ");
	print_arg_rule(out, "mknodat", 2, S_IFMT, S_IFIFO, "SCMP_CMP_MASKED_EQ");
	print_arg_rule(out, "mknodat", 2, S_IFMT, S_IFREG, "SCMP_CMP_MASKED_EQ");
	(void)fprintf(out, "\"]}\";\n\nconst char *policy_slot_profile(void)\n{\n"
			   "\treturn profile;\n}\n");
}

int main(int argc, char **argv)
{
	FILE *out;

	if (argc != 3 || (strcmp(argv[1], "bpf") != 0 && strcmp(argv[1], "profile") != 0)) {
		(void)fprintf(stderr, "usage: policy_gen bpf|profile FILE\n");
		return 2;
	}
	out = fopen(argv[2], "we");
	if (out == NULL) {
		perror(argv[2]);
		return 1;
	}
	if (strcmp(argv[1], "bpf") == 0)
		print_bpf(out);
	else
		print_profile(out);
	check(fclose(out) != 0 ? -errno : 0, argv[2]);
	return 0;
}
