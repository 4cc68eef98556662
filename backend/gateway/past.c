/* SPDX-License-Identifier: MIT */
#include "past.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "exchange.h"

static const char *reason_of(unsigned status)
{
	switch (status) {
	case MHD_HTTP_REQUEST_TIMEOUT:
		return "Request Timeout";
	case MHD_HTTP_TOO_MANY_REQUESTS:
		return "Too Many Requests";
	case MHD_HTTP_CONTENT_TOO_LARGE:
		return "Content Too Large";
	case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
		return "Request Header Fields Too Large";
	default:
		return "Bad Request";
	}
}

void past_answer(int fd, enum past_form form, enum problem problem, const char *detail)
{
	cleanup_json struct json_text t = { 0 };
	cleanup_free char *text = NULL;
	unsigned status = problem_status(problem);
	int n;

	if (form == PAST_LINE)
		jt_raw(&t, detail, strlen(detail));
	else
		problem_write(&t, problem, detail);
	jt_raw(&t, "\n", 1);
	if (t.failed)
		return;
	n = asprintf(&text,
		"HTTP/1.1 %u %s\r\nContent-Type: %s; charset=utf-8\r\n"
		"X-Content-Type-Options: nosniff\r\nContent-Security-Policy: " EXCHANGE_POLICY
		"\r\nCache-Control: no-store\r\nConnection: close\r\n%sContent-Length: "
		"%zu\r\n\r\n%.*s",
		status, reason_of(status),
		form == PAST_LINE ? "text/plain" : "application/problem+json",
		status == MHD_HTTP_TOO_MANY_REQUESTS ? "Retry-After: 1\r\n" : "", t.len,
		form == PAST_HEAD ? 0 : (int)t.len, t.buf);
	if (n < 0) {
		text = NULL;
		return;
	}
	(void)send(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}
