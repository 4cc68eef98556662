/* SPDX-License-Identifier: MIT */
#include "framing.h"

#include <string.h>
#include <strings.h>

#include "common/number.h"

#define LENGTH   MHD_HTTP_HEADER_CONTENT_LENGTH
#define ENCODING MHD_HTTP_HEADER_TRANSFER_ENCODING

#define PARAMS_MAX 64

#define VALUE_BYTES  64   /* of the library's record of a header, a cookie or a parameter */
#define ANSWER_BYTES 2048 /* of the head of an answer */

struct seen {
	const char *fault;
	unsigned n_hosts, n_lengths, n_encodings;
	const char *encoding;
};

/* RFC 9110, 5.6.2: a "Content-Length " would be another name to us, and the same to others. */
static bool is_token(const char *name)
{
	for (const char *c = name; *c != '\0'; c++) {
		if (*c <= ' ' || *c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", *c) != NULL)
			return false;
	}
	return *name != '\0';
}

static bool has_control(const char *value)
{
	for (const char *c = value; *c != '\0'; c++) {
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
			return true;
	}
	return false;
}

/*
 * RFC 9112, 5.2: to others the second line is more of the value. Version 0.9.75 of the library adds
 * it to the name, and moves that behind the value for it.
 */
static bool goes_on(const char *name, const char *value)
{
	return value != NULL && (uintptr_t)value < (uintptr_t)name;
}

static enum MHD_Result look(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct seen *seen = cls;

	(void)kind;
	if (!is_token(name)) {
		seen->fault = "a header's name: is not one";
	} else if (goes_on(name, value)) {
		seen->fault = "a header: goes on in a second line";
	} else if (value != NULL && has_control(value)) {
		seen->fault = "a header's value: has control characters";
	} else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
		seen->n_hosts++;
	} else if (strcasecmp(name, LENGTH) == 0) {
		seen->n_lengths++;
	} else if (strcasecmp(name, ENCODING) == 0) {
		seen->n_encodings++;
		seen->encoding = value;
	}
	return seen->fault == NULL ? MHD_YES : MHD_NO;
}

static const char *fault_of(const struct seen *seen, const char *version)
{
	if (seen->fault != NULL)
		return seen->fault;
	if (seen->n_hosts > 1)
		return "Host: given twice";
	if (seen->n_hosts == 0 && strcmp(version, MHD_HTTP_VERSION_1_0) != 0)
		return "Host: is missing";
	if (seen->n_lengths > 1)
		return "Content-Length: given twice";
	if (seen->n_encodings == 0)
		return NULL;
	if (seen->n_lengths > 0)
		return "Content-Length: not together with Transfer-Encoding";
	if (strcmp(version, MHD_HTTP_VERSION_1_0) == 0)
		return "Transfer-Encoding: not with HTTP/1.0";
	if (seen->n_encodings > 1 || seen->encoding == NULL ||
		strcasecmp(seen->encoding, "chunked") != 0)
		return "Transfer-Encoding: only chunked is taken";
	return NULL;
}

const char *framing_fault(struct MHD_Connection *con, const char *uri, const char *version)
{
	struct seen seen = { 0 };

	for (const char *c = uri; *c != '\0'; c++) {
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return "the request line: the address has blanks or control characters";
	}
	(void)MHD_get_connection_values(con, MHD_HEADER_KIND, look, &seen);
	return fault_of(&seen, version);
}

bool framing_too_many(const char *uri)
{
	const char *at = strchr(uri, '?');
	int n = 0;

	while (at != NULL && n <= PARAMS_MAX) {
		at = strchr(at + 1, '&');
		n++;
	}
	return n > PARAMS_MAX;
}

/* The library keeps the head, its record of each value, and the cookies once more. */
bool framing_leaves_room(struct MHD_Connection *con, size_t pool)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(con, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	const char *cookie = MHD_lookup_connection_value(con, MHD_HEADER_KIND, "Cookie");
	int values = MHD_get_connection_values(
		con, MHD_HEADER_KIND | MHD_COOKIE_KIND | MHD_GET_ARGUMENT_KIND, NULL, NULL);
	size_t taken = ANSWER_BYTES + (size_t)values * VALUE_BYTES;

	if (info != NULL)
		taken += info->header_size;
	if (cookie != NULL)
		taken += strlen(cookie);
	return taken <= pool;
}

static const char *header(struct MHD_Connection *con, const char *name)
{
	return MHD_lookup_connection_value(con, MHD_HEADER_KIND, name);
}

uint64_t framing_length(struct MHD_Connection *con)
{
	const char *text = header(con, LENGTH);
	int64_t n = 0;

	/* RFC 9110, 8.6: digits; "-0" is none */
	if (text != NULL && (*text == '-' || !number_parse(text, 0, INT64_MAX, &n)))
		return FRAMING_NO_LENGTH;
	if (text == NULL && header(con, ENCODING) != NULL)
		return FRAMING_CHUNKED;
	return (uint64_t)n;
}
