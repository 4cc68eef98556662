/* SPDX-License-Identifier: MIT */
/* The driver's frames as the agent reads them off its standard input. */
#include <sys/mman.h>
#include <unistd.h>

#include "agent/frame_io.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct frame_in in;
	struct frame frame;
	struct err err;
	size_t payload = 0, frames = 0;
	int r = 1;

	in.fd = memfd_create("in", MFD_CLOEXEC);
	MUST(in.fd >= 0 && write(in.fd, data, n) == (ssize_t)n && lseek(in.fd, 0, SEEK_SET) == 0);
	in.eof = false;
	in.start = in.end = 0;
	while (r >= 0 && !in.eof) {
		MUST(frame_in_fill(&in, &err) == 0);
		while ((r = frame_in_peek(&in, &frame, &err)) > 0) {
			MUST(frame.len <= FRAME_PAYLOAD_MAX);
			MUST(frame_in_find(&in, frame.type) == 1);
			payload += frame.len;
			frames++;
			frame_in_drop(&in);
		}
	}
	MUST(payload + frames * FRAME_HEADER <= n);
	(void)close(in.fd);
	return 0;
}
