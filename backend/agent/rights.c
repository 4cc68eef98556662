/* SPDX-License-Identifier: MIT */
#include "rights.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy.h"

#define CAP_BIT(cap) (1U << (cap))
#define CAPS_AGENT   (CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_KILL))

/* Effective and permitted become `caps`, inheritable and ambient nothing. */
static int caps_set(unsigned int caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = caps, .permitted = caps } };

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int rights_become_agent(uid_t uid, struct err *err)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "no new privileges");
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "keep capabilities");
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0)
		return err_set(err, errno, "become group %u", uid);
	if (setresuid(uid, uid, uid) < 0)
		return err_set(err, errno, "become user %u", uid);
	(void)prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	r = caps_set(CAPS_AGENT);
	if (r < 0)
		return err_set(err, -r, "capabilities SETUID, SETGID, KILL");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(err, errno, "not dumpable");
	return 0;
}

int rights_stay_agent(struct err *err)
{
	int r = policy_load(POLICY_AGENT);

	if (r < 0)
		return err_set(err, -r, "load the agent's filter");
	if (setresuid(0, 0, 0) == 0)
		return err_say(err, EPERM, "the agent could become root again");
	return 0;
}

int rights_drop_caps(void)
{
	return caps_set(0);
}

int rights_keep_setuid(void)
{
	return caps_set(CAP_BIT(CAP_SETUID));
}

int rights_keep_nursery(void)
{
	return caps_set(CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID));
}

int rights_keep_init(void)
{
	return caps_set(CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_SYS_ADMIN));
}

int rights_become_job(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return caps_set(0);
}

uid_t rights_killer_uid(uid_t agent_uid, uid_t job_uid)
{
	return job_uid + 1 == agent_uid ? job_uid + 2 : job_uid + 1;
}

uid_t rights_init_uid(const struct prepare_order *job)
{
	return rights_killer_uid(job->agent_uid, job->job_uid);
}

void rights_files_as(uid_t uid)
{
	/* Both return the former id and report nothing: a wrong one shows when a file is made. */
	(void)setfsgid(uid);
	(void)setfsuid(uid);
}
