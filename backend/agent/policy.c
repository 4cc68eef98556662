/* SPDX-License-Identifier: MIT */
#include "policy.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>

#include "policy_bpf.h" /* made by policy_gen: policy_bpf_agent[] and its sisters */

static const struct {
	const void *code;
	size_t bytes;
} filters[POLICY_MAX_] = {
	[POLICY_AGENT] = { policy_bpf_agent, sizeof(policy_bpf_agent) },
	[POLICY_NURSERY] = { policy_bpf_nursery, sizeof(policy_bpf_nursery) },
	[POLICY_JOB] = { policy_bpf_job, sizeof(policy_bpf_job) },
	[POLICY_JOB_NETWORK] = { policy_bpf_job_network, sizeof(policy_bpf_job_network) },
	[POLICY_PLACED] = { policy_bpf_placed, sizeof(policy_bpf_placed) },
};

int policy_load(enum policy policy)
{
	struct sock_fprog program = {
		.len = (unsigned short)(filters[policy].bytes / sizeof(struct sock_filter)),
		.filter = (struct sock_filter *)(uintptr_t)filters[policy].code,
	};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}
