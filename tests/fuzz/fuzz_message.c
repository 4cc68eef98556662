/* SPDX-License-Identifier: MIT */
/* Every message of the catalogue, from every role to every other. */
#include "fuzz.h"
#include "wire/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t again[MSG_BYTES_MAX];
	struct msg msg = { 0 };
	int fds[MSG_FDS_MAX];
	size_t len, nfds;
	unsigned made;
	struct err err;

	if (n < 2 || msg_decode(data + 2, n - 2, fds, 0, (enum role)(data[0] % ROLE_MAX_),
			     (enum role)(data[1] % ROLE_MAX_), &msg, &err) < 0)
		return 0;
	MUST(msg_allowed(
		msg.type, (enum role)(data[0] % ROLE_MAX_), (enum role)(data[1] % ROLE_MAX_)));
	/* What was understood is said in the same bytes. */
	if (msg_encode(&msg, again, &len, fds, &nfds, &made, &err) == 0 && nfds == 0)
		MUST(len == n - 2 && memcmp(again, data + 2, len) == 0);
	msg_done(&msg);
	return 0;
}
