/* SPDX-License-Identifier: MIT */
#include "lease.h"

int64_t lease_resume(int64_t kept_until_ms, int64_t now_ms, int64_t lease_ms, bool new_boot)
{
	int64_t until_ms = now_ms + lease_ms;

	if (new_boot)
		return now_ms;
	return kept_until_ms > until_ms ? kept_until_ms : until_ms;
}

bool lease_is_over(int64_t until_ms, int64_t now_ms)
{
	return now_ms >= until_ms;
}

enum lease_after lease_after(uint32_t failures, int attempts)
{
	return failures >= (uint32_t)(attempts < 1 ? 1 : attempts) ? LEASE_GIVE_UP : LEASE_AGAIN;
}
