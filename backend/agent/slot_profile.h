/* SPDX-License-Identifier: MIT */
/* What the driver hands to Docker as SecurityOpt "seccomp=...". */
#pragma once

/* JSON, never NULL, static. */
const char *policy_slot_profile(void);
