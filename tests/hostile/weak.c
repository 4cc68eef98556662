/* SPDX-License-Identifier: MIT */
/*
 * What the agent would be without one of its defences: the linker puts these in the place of
 * its own functions (ld(1), --wrap), one in each of the agents that tests/hostile builds.
 */
#include <sys/resource.h>

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker names them so */
#include "agent/base.h"
#include "agent/policy.h"
#include "agent/rights.h"

int __wrap_policy_load(enum policy policy);
int __wrap_rights_become_job(uid_t uid);
int __wrap_setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit);
int __wrap_base_mask_proc(const struct base *base, struct err *err);

int __wrap_policy_load(enum policy policy)
{
	(void)policy;
	return 0;
}

int __wrap_rights_become_job(uid_t uid)
{
	(void)uid;
	return 0;
}

int __wrap_setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
	(void)resource;
	(void)limit;
	return 0;
}

int __wrap_base_mask_proc(const struct base *base, struct err *err)
{
	(void)base;
	(void)err;
	return 0;
}
/* NOLINTEND(bugprone-reserved-identifier) */
