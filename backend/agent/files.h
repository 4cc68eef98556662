/* SPDX-License-Identifier: MIT */
/* The job's inputs, written into its workspace as its uid. */
#pragma once

#include <stdint.h>

#include "orders.h"

struct input {
	int fd;        /* owned; -1: no file is being written */
	uint64_t left; /* bytes still to come */
	char name[FRAME_NAME_MAX];
};

/*
 * Makes the file and the directories above it; a file of the same name is
 * replaced. The message of a failure is what frame.h says of "input: ".
 */
int input_begin(struct input *input, int workspace, const struct file_order *order,
	const struct prepare_order *job, struct err *err);
/* Forgets a file that is half written. */
void input_done(struct input *input);
/* More of it; with the last byte the file is closed. -EPROTO when that is too much. */
int input_data(struct input *input, const uint8_t *data, size_t len, struct err *err);
