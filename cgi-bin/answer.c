/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "address.h"
#include "common/number.h"

#define CHUNK_DIGITS_MAX 15

void answer_init(struct answer *a, bool head_only, const struct text *prefix)
{
	a->state = ANSWER_HEAD;
	a->head_only = head_only;
	a->prefix = prefix;
	a->left = 0;
	a->digits = 0;
	a->line = 0;
	a->status = 0;
	a->has_length = a->chunked = false;
	a->head_len = 0;
}

/* ---- the head ---------------------------------------------------------------------------- */

/* "HTTP/1.1 202 Accepted": adds "Status: 202 Accepted". */
static int take_status(struct answer *a, char *line, struct text *out, struct err *err)
{
	int64_t status;
	char *reason;

	if (strncmp(line, "HTTP/1.", 7) != 0 || line[7] == '\0' || line[8] != ' ' ||
		strlen(line) < 12 || (line[12] != '\0' && line[12] != ' '))
		return err_say(err, EPROTO, "the gateway's answer is not HTTP");
	reason = line + 12;
	if (*reason == ' ')
		*reason++ = '\0';
	if (!number_parse(line + 9, 100, 599, &status))
		return err_say(err, EPROTO, "the gateway's answer has no status");
	a->status = (unsigned)status;
	text_put(out, "Status: ");
	text_put(out, line + 9);
	text_put(out, " ");
	text_put(out, *reason == '\0' ? "-" : reason);
	text_put(out, "\r\n");
	return 0;
}

static void add_header(struct text *out, const char *name, const char *value)
{
	text_put(out, name);
	text_put(out, ": ");
	text_put(out, value);
	text_put(out, "\r\n");
}

/*
 * The gateway's addresses are not the website's. Behind a 200 Apache would take the header for an
 * order to redirect and throw the answer away.
 */
static void add_location(const struct answer *a, const char *value, struct text *out)
{
	size_t n = strlen(ADDRESS_ROOT);

	if (a->status == 200)
		return;
	text_put(out, "Location: ");
	if (strncmp(value, ADDRESS_ROOT, n) == 0 && (value[n] == '/' || value[n] == '\0')) {
		text_add(out, a->prefix->buf, a->prefix->len);
		value += n;
	}
	text_put(out, value);
	text_put(out, "\r\n");
}

static int take_length(struct answer *a, const char *value, struct text *out, struct err *err)
{
	int64_t n;

	if (a->has_length || !number_parse(value, 0, INT64_MAX, &n))
		return err_say(err, EPROTO, "the gateway's answer has a bad Content-Length");
	a->has_length = true;
	a->left = (uint64_t)n;
	add_header(out, "Content-Length", value);
	return 0;
}

/* Those of the connection end here; Date and Server are Apache's own, Status is ours. */
static bool stays_behind(const char *name)
{
	static const char *const names[] = { "Connection", "Keep-Alive", "Proxy-Authenticate",
		"Proxy-Connection", "TE", "Trailer", "Upgrade", "Date", "Server", "Status" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static int take_header(struct answer *a, char *line, struct text *out, struct err *err)
{
	char *colon = strchr(line, ':');
	char *value;

	if (colon == NULL || colon == line || strpbrk(line, "\r") != NULL)
		return err_say(err, EPROTO, "the gateway's answer has a bad header");
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	if (strcasecmp(line, "Content-Length") == 0)
		return take_length(a, value, out, err);
	if (strcasecmp(line, "Transfer-Encoding") == 0) {
		a->chunked = strcasecmp(value, "chunked") == 0;
		return a->chunked ? 0 : err_say(err, EPROTO, "the gateway's answer is encoded");
	}
	if (strcasecmp(line, "Location") == 0)
		add_location(a, value, out);
	else if (!stays_behind(line))
		add_header(out, line, value);
	return 0;
}

static enum answer_state state_of_body(const struct answer *a)
{
	if (a->head_only || a->status == 204 || a->status == 304)
		return ANSWER_ENDED;
	if (a->chunked)
		return ANSWER_CHUNK_SIZE;
	if (!a->has_length)
		return ANSWER_TO_EOF;
	return a->left == 0 ? ANSWER_ENDED : ANSWER_LENGTH;
}

/* The head is whole: its lines, each ended by NUL in the place of its line end. */
static int take_head(struct answer *a, struct text *out, struct err *err)
{
	size_t begin = out->len;
	char *line = a->head, *end;
	int r = 0;

	for (bool first = true; r == 0; first = false) {
		end = memchr(line, '\n', (size_t)(a->head + a->head_len - line));
		if (end == NULL || memchr(line, '\0', (size_t)(end - line)) != NULL)
			return err_say(err, EPROTO, "the gateway's answer has a bad header");
		*end = '\0';
		if (end > line && end[-1] == '\r')
			end[-1] = '\0';
		if (*line == '\0')
			break;
		r = first ? take_status(a, line, out, err) : take_header(a, line, out, err);
		line = end + 1;
	}
	if (r < 0)
		return r;
	if (a->status < 200) { /* an interim answer: the next one counts */
		out->len = begin;
		answer_init(a, a->head_only, a->prefix);
		return 0;
	}
	text_put(out, "\r\n");
	a->state = state_of_body(a);
	return 0;
}

static bool head_is_whole(const struct answer *a)
{
	const char *end = a->head + a->head_len;

	return (a->head_len >= 4 && memcmp(end - 4, "\r\n\r\n", 4) == 0) ||
	       (a->head_len >= 2 && memcmp(end - 2, "\n\n", 2) == 0);
}

static int feed_head(
	struct answer *a, const char **data, size_t *n, struct text *out, struct err *err)
{
	while (*n > 0) {
		if (a->head_len == sizeof(a->head))
			return err_say(
				err, EPROTO, "the head of the gateway's answer is too large");
		a->head[a->head_len++] = *(*data)++;
		(*n)--;
		if (head_is_whole(a))
			return take_head(a, out, err);
	}
	return 0;
}

/* ---- the body ------------------------------------------------------------------------------ */

static void feed_bytes(struct answer *a, const char **data, size_t *n, struct text *out)
{
	size_t piece = *n;

	if (a->state != ANSWER_TO_EOF && a->left < piece)
		piece = (size_t)a->left;
	text_add(out, *data, piece);
	*data += piece;
	*n -= piece;
	if (a->state == ANSWER_TO_EOF)
		return;
	a->left -= piece;
	if (a->left == 0)
		a->state = a->state == ANSWER_LENGTH ? ANSWER_ENDED : ANSWER_CHUNK_END;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int take_size_digit(struct answer *a, char c, struct err *err)
{
	int digit = hex_digit(c);

	if (digit >= 0 && a->digits < CHUNK_DIGITS_MAX) {
		a->left = a->left * 16 + (unsigned)digit;
		a->digits++;
		return 0;
	}
	if (digit >= 0 || a->digits == 0 || strchr("\r\n; \t", c) == NULL)
		return err_say(err, EPROTO, "the gateway's answer has a bad chunk");
	a->state = ANSWER_CHUNK_LINE;
	return 0;
}

/* One byte between the pieces of a chunked body. */
static int take_between(struct answer *a, char c, struct err *err)
{
	if (a->state == ANSWER_CHUNK_SIZE && take_size_digit(a, c, err) < 0)
		return -EPROTO;
	if (a->state == ANSWER_CHUNK_LINE && c == '\n') {
		a->state = a->left == 0 ? ANSWER_TRAILER : ANSWER_CHUNK;
		a->digits = 0;
		a->line = 0;
	} else if (a->state == ANSWER_CHUNK_END) {
		if (c != '\r' && c != '\n')
			return err_say(err, EPROTO, "the gateway's answer has a bad chunk");
		if (c == '\n')
			a->state = ANSWER_CHUNK_SIZE;
	} else if (a->state == ANSWER_TRAILER) {
		if (c == '\n' && a->line == 0)
			a->state = ANSWER_ENDED;
		else if (c != '\r')
			a->line = c == '\n' ? 0 : a->line + 1;
	}
	return 0;
}

int answer_feed(struct answer *a, const char *data, size_t n, struct text *out, struct err *err)
{
	int r = 0;

	while (r == 0 && n > 0 && a->state != ANSWER_ENDED) {
		switch (a->state) {
		case ANSWER_HEAD:
			r = feed_head(a, &data, &n, out, err);
			break;
		case ANSWER_LENGTH:
		case ANSWER_TO_EOF:
		case ANSWER_CHUNK:
			feed_bytes(a, &data, &n, out);
			break;
		case ANSWER_CHUNK_SIZE:
		case ANSWER_CHUNK_LINE:
		case ANSWER_CHUNK_END:
		case ANSWER_TRAILER:
		case ANSWER_ENDED:
			r = take_between(a, *data++, err);
			n--;
			break;
		}
	}
	return r;
}

int answer_eof(struct answer *a, struct err *err)
{
	if (a->state == ANSWER_TO_EOF)
		a->state = ANSWER_ENDED;
	if (a->state == ANSWER_ENDED)
		return 0;
	return err_say(err, ECONNRESET, "the gateway left in the middle of its answer");
}
