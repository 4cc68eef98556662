/* SPDX-License-Identifier: MIT */
/* Documents built into the binary, from openapi.json and welcome.html beside this file. */
#pragma once

#include <stddef.h>

extern const char pages_openapi[];
extern const size_t pages_openapi_len;
extern const char pages_welcome[];
extern const size_t pages_welcome_len;
