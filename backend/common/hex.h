/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lower-case; writes 2 * n characters and a NUL. */
void hex_encode(const uint8_t *bytes, size_t n, char *ret);
/* `chars` must be even. False on anything but [0-9a-f]. Writes chars / 2 bytes. */
bool hex_decode(const char *text, size_t chars, uint8_t *ret);
