/* SPDX-License-Identifier: MIT */
#include "killer.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "rights.h"

/* As the job, for as long as the call takes. */
static int kill_all(uid_t own, uid_t job_uid)
{
	if (setresuid(own, job_uid, own) < 0)
		return -errno;
	/* ESRCH: nothing was left. EPERM never: others are not counted as failures. */
	if (kill(-1, SIGKILL) < 0 && errno != ESRCH)
		return -errno;
	return setresuid(own, own, own) < 0 ? -errno : 0;
}

static _Noreturn void killer_main(int sock, uid_t own, uid_t job_uid)
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
		if (kill_all(own, job_uid) < 0)
			_exit(1);
		(void)send(sock, &byte, 1, MSG_NOSIGNAL);
	}
}

int killer_fork(uid_t agent_uid, uid_t job_uid, int *ret_sock, pid_t *ret_pid, struct err *err)
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
		killer_main(far, rights_killer_uid(agent_uid, job_uid), job_uid);
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

int killer_answers(int sock, struct err *err)
{
	int answers = 0;
	uint8_t byte;
	ssize_t n;

	while ((n = recv(sock, &byte, 1, MSG_DONTWAIT)) > 0)
		answers++;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return answers;
	return err_say(err, EIO, "the killer is gone");
}
