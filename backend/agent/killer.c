/* SPDX-License-Identifier: MIT */
#include "killer.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "rights.h"

/*
 * As the job, for as long as the call takes. Its real uid counts for kill(2),
 * too, and is that of those who watch a sandbox: there it is the job's as well,
 * which leaves the killer to whom it kills, but they cannot see it.
 */
static int kill_all(uid_t own, const struct prepare_order *job, uint8_t *ret_answer)
{
	uint8_t answer = KILLER_FOUND;

	if (setresuid(job->sandbox ? job->job_uid : own, job->job_uid, own) < 0)
		return -errno;
	/* ESRCH: nothing was left. EPERM never: others are not counted as failures. */
	if (kill(-1, SIGKILL) < 0) {
		if (errno != ESRCH)
			return -errno;
		answer = KILLER_FOUND_NONE;
	}
	if (setresuid(own, own, own) < 0)
		return -errno;
	*ret_answer = answer;
	return 0;
}

static _Noreturn void killer_main(int sock, uid_t own, const struct prepare_order *job)
{
	uint8_t byte;

	(void)close(STDIN_FILENO);
	(void)close(STDOUT_FILENO);
	if (setresgid(own, own, own) < 0 || setresuid(own, own, own) < 0 ||
		rights_keep_setuid() < 0)
		_exit(1);
	for (;;) {
		ssize_t n = recv(sock, &byte, 1, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n != 1)
			_exit(0);
		if (kill_all(own, job, &byte) < 0)
			_exit(1);
		(void)send(sock, &byte, 1, MSG_NOSIGNAL);
	}
}

int killer_fork(const struct prepare_order *job, int *ret_sock, pid_t *ret_pid, struct err *err)
{
	cleanup_close int near = -1, far = -1;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, errno, "socketpair");
	near = pair[0];
	far = pair[1];
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "fork the killer");
	if (pid == 0) {
		(void)close(near);
		killer_main(far, rights_killer_uid(job->agent_uid, job->job_uid), job);
	}
	*ret_sock = TAKE_FD(near);
	*ret_pid = pid;
	return 0;
}

int killer_tell(int sock, struct err *err)
{
	uint8_t byte = 1;

	if (send(sock, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
		return err_set(err, errno, "tell the killer");
	return 0;
}

int killer_answer(int sock, enum killer_answer *ret, struct err *err)
{
	enum killer_answer answer = KILLER_NO_ANSWER;
	uint8_t byte;
	ssize_t n;

	while ((n = recv(sock, &byte, 1, MSG_DONTWAIT)) > 0)
		answer = byte == KILLER_FOUND_NONE ? KILLER_FOUND_NONE : KILLER_FOUND;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		*ret = answer;
		return 0;
	}
	return err_say(err, EIO, "the killer is gone");
}
