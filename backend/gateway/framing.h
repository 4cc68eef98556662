/* SPDX-License-Identifier: MIT */
/*
 * Where a request begins and ends, in what the HTTP library lets pass: it is written for lenient
 * readers, and two readers that differ about an end are how a request is smuggled past a proxy.
 */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * One line that says what is wrong with the head, NULL where nothing is. `uri`: as it came;
 * `version`: of the request line. After a wrong one nobody knows where the next request begins:
 * the connection must not be used again.
 */
const char *framing_fault(struct MHD_Connection *con, const char *uri, const char *version);

/*
 * Has the query more parameters than any of ours? The library keeps room for each, out of what it
 * has for the whole head, and where that is too little it says nothing.
 */
bool framing_too_many(const char *uri);

/*
 * Does the head leave room for the head of an answer, in the `pool` bytes that the library has for
 * both? Where there is none, it closes the connection when all is done that was asked for.
 */
bool framing_leaves_room(struct MHD_Connection *con, size_t pool);

#define FRAMING_NO_LENGTH UINT64_MAX       /* it is no number, or none that we count to */
#define FRAMING_CHUNKED   (UINT64_MAX - 1) /* nobody knows */

/* How much the client says that will come. */
uint64_t framing_length(struct MHD_Connection *con);
