/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <sys/socket.h>

bool peer_is_operator(int fd, gid_t operator_gid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	gid_t groups[256];
	socklen_t groups_len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	if (cred.uid == 0)
		return true;
	if (operator_gid == (gid_t)-1)
		return false;
	if (cred.gid == operator_gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_len) < 0)
		return false;
	for (size_t i = 0; i < groups_len / sizeof(groups[0]); i++) {
		if (groups[i] == operator_gid)
			return true;
	}
	return false;
}
