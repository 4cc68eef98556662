/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "address.h"
#include "common/number.h"

#define NAME_MAX_BYTES 128

/* Not handed on: of this connection, made anew below, or nothing that a client may say. */
static const char *const left_out[] = { "connection", "content-length", "content-type", "expect",
	"forwarded", "http2-settings", "keep-alive", "proxy", "proxy-authenticate",
	"proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
	"x-forwarded-for" };

static const char *or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

/* Of RFC 9110: printable, blank, tab, anything beyond ASCII. */
static bool value_is_clean(const char *value)
{
	for (; *value != '\0'; value++) {
		if (((uint8_t)*value < ' ' && *value != '\t') || *value == 0x7f)
			return false;
	}
	return true;
}

static int add_header(struct request *req, const char *name, const char *value, struct err *err)
{
	if (!value_is_clean(value))
		return err_say(err, EPROTO, "%s: a control character", name);
	text_put(&req->head, name);
	text_put(&req->head, ": ");
	text_put(&req->head, value);
	text_put(&req->head, "\r\n");
	return 0;
}

/* The header's name out of the variable's, behind "HTTP_"; false: none that a server makes. */
static bool name_of(const char *variable, size_t n, char ret[static NAME_MAX_BYTES])
{
	if (n == 0 || n >= NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = variable[i];

		if (c == '_')
			ret[i] = '-';
		else if (c >= 'A' && c <= 'Z')
			ret[i] = (char)(c | 0x20);
		else if (c >= '0' && c <= '9')
			ret[i] = c;
		else
			return false;
	}
	ret[n] = '\0';
	return true;
}

/* Is it a token of the list in Connection? */
static bool listed(const char *list, const char *name)
{
	size_t name_n = strlen(name);

	while (*list != '\0') {
		size_t n;

		list += strspn(list, ", \t");
		n = strcspn(list, ", \t");
		if (n == name_n && strncasecmp(list, name, n) == 0)
			return true;
		list += n;
	}
	return false;
}

static bool stays_behind(const char *name, const char *connection)
{
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
		if (strcmp(name, left_out[i]) == 0)
			return true;
	}
	return listed(connection, name);
}

static int add_client_headers(struct request *req, char *const env[], struct err *err)
{
	const char *connection = or_empty(getenv("HTTP_CONNECTION"));
	char name[NAME_MAX_BYTES];
	int r = 0;

	for (; r == 0 && *env != NULL; env++) {
		const char *eq = strchr(*env, '=');

		if (strncmp(*env, "HTTP_", 5) != 0 || eq == NULL ||
			!name_of(*env + 5, (size_t)(eq - *env) - 5, name) ||
			stays_behind(name, connection))
			continue;
		r = add_header(req, name, eq + 1, err);
	}
	return r;
}

/* Tells the gateway that somebody else is behind this program, whoever it runs as. */
static int add_forwarded(struct request *req, struct err *err)
{
	const char *address = or_empty(getenv("REMOTE_ADDR"));
	bool good = strspn(address, "0123456789abcdefABCDEF.:") == strlen(address);

	return add_header(
		req, "x-forwarded-for", good && *address != '\0' ? address : "unknown", err);
}

static int add_line(struct request *req, struct err *err)
{
	static const char token[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-_!#$%&'*+.^`|~";
	const char *method = or_empty(getenv("REQUEST_METHOD"));
	const struct address address = {
		.uri = getenv("REQUEST_URI"),
		.script = or_empty(getenv("SCRIPT_NAME")),
		.path = or_empty(getenv("PATH_INFO")),
		.query = or_empty(getenv("QUERY_STRING")),
	};

	if (*method == '\0' || strspn(method, token) != strlen(method) || strlen(method) > 32)
		return err_say(err, EPROTO, "the method is none");
	req->head_only = strcmp(method, "HEAD") == 0;
	text_put(&req->head, method);
	text_add(&req->head, " ", 1);
	if (!address_target(&address, &req->head))
		return err_say(err, EPROTO, "the address has a blank or control character");
	text_put(&req->head, " HTTP/1.1\r\n");
	address_prefix(&address, &req->prefix);
	if (getenv("HTTP_HOST") == NULL)
		text_put(&req->head, "host: localhost\r\n");
	return 0;
}

static int read_length(struct request *req, struct err *err)
{
	const char *text = or_empty(getenv("CONTENT_LENGTH"));
	int64_t n = 0;

	if (*text == '\0')
		return 0;
	if (!number_parse(text, 0, INT64_MAX, &n))
		return err_say(err, EPROTO, "Content-Length: not a number");
	req->has_length = true;
	req->body_bytes = (uint64_t)n;
	return 0;
}

static int check_size(const struct request *req, struct err *err)
{
	if (req->head.overflow || req->prefix.overflow)
		return err_say(err, EMSGSIZE, "the request's head is too large");
	return 0;
}

int request_read(struct request *req, char *const env[], struct err *err)
{
	const char *type = or_empty(getenv("CONTENT_TYPE"));
	int r;

	*req = (struct request){ 0 };
	req->head = (struct text){ .buf = req->head_buf, .cap = sizeof(req->head_buf) };
	req->prefix = (struct text){ .buf = req->prefix_buf, .cap = sizeof(req->prefix_buf) };
	r = add_line(req, err);
	if (r == 0)
		r = read_length(req, err);
	if (r == 0)
		r = add_client_headers(req, env, err);
	if (r == 0 && *type != '\0')
		r = add_header(req, "content-type", type, err);
	if (r == 0)
		r = add_forwarded(req, err);
	return r < 0 ? r : check_size(req, err);
}

int request_close(struct request *req, bool chunked, struct err *err)
{
	char line[64];

	if (chunked)
		text_put(&req->head, "transfer-encoding: chunked\r\n");
	if (req->has_length) {
		(void)snprintf(
			line, sizeof(line), "content-length: %" PRIu64 "\r\n", req->body_bytes);
		text_put(&req->head, line);
	}
	text_put(&req->head, "connection: close\r\n\r\n");
	return check_size(req, err);
}
