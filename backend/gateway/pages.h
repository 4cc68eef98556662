/* SPDX-License-Identifier: MIT */
/* The document built into the binary from openapi.json beside this file. */
#pragma once

#include <stddef.h>

extern const char pages_openapi[];
extern const size_t pages_openapi_len;
