/* SPDX-License-Identifier: MIT */
#include "post.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/curl_loop.h"
#include "common/log.h"

#define ANSWER_MAX (64 * 1024)

struct posting {
	LIST_ENTRY(posting) link;
	struct post *post;
	CURL *easy;                 /* owned */
	struct curl_slist *headers; /* owned */
	struct letter letter;
	char host[CALLBACK_HOST_MAX + 1];
	char why[CURL_ERROR_SIZE];
	size_t answered; /* bytes */
	bool forbidden;  /* an address was not allowed */
	post_done *done;
	void *arg;
};

struct post {
	const struct config *config;
	struct curl_loop curl;
	LIST_HEAD(, posting) postings;
};

/* ---- one posting ------------------------------------------------------------------------ */

static void posting_free(struct posting *posting)
{
	if (posting->easy != NULL) {
		(void)curl_multi_remove_handle(posting->post->curl.multi, posting->easy);
		curl_easy_cleanup(posting->easy);
	}
	curl_slist_free_all(posting->headers);
	letter_done(&posting->letter);
	LIST_REMOVE(posting, link);
	free(posting);
}

/* The one place where it is decided whom we talk to: the address is the one of connect(2). */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct posting *posting = arg;
	int fd;

	if (purpose != CURLSOCKTYPE_IPCXN ||
		!callback_allowed(
			&posting->post->config->callback_allow, posting->host, &address->addr)) {
		posting->forbidden = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static size_t give_body(char *buf, size_t size, size_t n, void *arg)
{
	struct posting *posting = arg;
	ssize_t got = json_stream_read(posting->letter.body, buf, size * n);

	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

/* What it says is of no interest, and must come to an end. */
static size_t take_answer(const char *data, size_t size, size_t n, void *arg)
{
	struct posting *posting = arg;

	(void)data;
	posting->answered += size * n;
	return posting->answered > ANSWER_MAX ? 0 : size * n;
}

static int add_header(struct posting *posting, const char *name, const char *value)
{
	char line[SEAL_TEXT_MAX + 64];
	struct curl_slist *longer;

	(void)snprintf(line, sizeof(line), "%s: %s", name, value);
	longer = curl_slist_append(posting->headers, line);
	if (longer != NULL)
		posting->headers = longer;
	return longer == NULL ? -ENOMEM : 0;
}

static int add_headers(struct posting *posting)
{
	const struct letter *letter = &posting->letter;
	char timestamp[24];

	(void)snprintf(timestamp, sizeof(timestamp), "%" PRId64, letter->timestamp);
	if (add_header(posting, "Content-Type", "application/json") < 0 ||
		add_header(posting, "User-Agent", "dockgate/" DOCKGATE_VERSION) < 0 ||
		add_header(posting, "webhook-id", letter->id) < 0 ||
		add_header(posting, "webhook-timestamp", timestamp) < 0 ||
		add_header(posting, "webhook-signature", letter->signature) < 0 ||
		add_header(posting, "Expect", "") < 0)
		return -ENOMEM;
	return 0;
}

/* All that decides where it goes, and how far. */
static bool set_bounds(CURL *easy, const struct posting *posting)
{
	const struct config *config = posting->post->config;

	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, posting) == CURLE_OK &&
	       /* Each posting opens its own: none goes over what another was allowed. */
	       curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)config->callback_timeout_ms) ==
		       CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ==
		       CURLE_OK &&
	       /* Beside a file libcurl would look into the system's directory. */
	       (config->callback_ca_file == NULL ||
		       (curl_easy_setopt(easy, CURLOPT_CAINFO, config->callback_ca_file) ==
				       CURLE_OK &&
			       curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK));
}

static bool set_content(CURL *easy, struct posting *posting, const char *url)
{
	curl_off_t bytes = (curl_off_t)json_stream_bytes(posting->letter.body);

	return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, bytes) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_READDATA, posting) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, posting) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTPHEADER, posting->headers) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, posting->why) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PRIVATE, posting) == CURLE_OK;
}

static int start(struct posting *posting, const char *url, struct err *err)
{
	posting->easy = curl_easy_init();
	if (posting->easy == NULL || add_headers(posting) < 0)
		return err_set(err, ENOMEM, "callback");
	if (!set_bounds(posting->easy, posting) || !set_content(posting->easy, posting, url))
		return err_say(err, EINVAL, "this libcurl cannot do what is needed");
	if (curl_multi_add_handle(posting->post->curl.multi, posting->easy) != CURLM_OK)
		return err_set(err, ENOMEM, "callback");
	return 0;
}

int post_send(struct post *post, const char *url, const struct callback_target *target,
	struct letter *letter, post_done *done, void *arg, struct err *err)
{
	struct posting *posting = calloc(1, sizeof(*posting));
	int r;

	if (posting == NULL) {
		letter_done(letter);
		return err_set(err, ENOMEM, "callback");
	}
	posting->post = post;
	posting->letter = *letter;
	letter->body = NULL;
	posting->done = done;
	posting->arg = arg;
	(void)snprintf(posting->host, sizeof(posting->host), "%s", target->host);
	LIST_INSERT_HEAD(&post->postings, posting, link);
	r = start(posting, url, err);
	if (r < 0)
		posting_free(posting);
	return r;
}

/* Without the address: a path may be as good as a password. */
static void explain(const struct posting *posting, CURLcode code, long status, char *ret, size_t n)
{
	if (posting->forbidden && status == 0)
		(void)snprintf(ret, n,
			"%.200s: its address is not one that callbacks may go to (callback_allow)",
			posting->host);
	else if (status >= 300 && status < 400)
		(void)snprintf(ret, n, "it answered %ld: redirects are not followed", status);
	else if (status != 0)
		(void)snprintf(ret, n, "it answered %ld", status);
	else
		(void)snprintf(ret, n, "%s",
			posting->why[0] != '\0' ? posting->why : curl_easy_strerror(code));
}

static void end(struct posting *posting, CURLcode code)
{
	char error[CALLBACK_ERROR_MAX + 1];
	post_done *done = posting->done;
	void *arg = posting->arg;
	long status = 0;
	bool taken;

	(void)curl_easy_getinfo(posting->easy, CURLINFO_RESPONSE_CODE, &status);
	/* A long answer is cut off; that it was taken is said in its first line. */
	taken = status >= 200 && status < 300 && (code == CURLE_OK || code == CURLE_WRITE_ERROR);
	explain(posting, code, taken || code == CURLE_OK || code == CURLE_WRITE_ERROR ? status : 0,
		error, sizeof(error));
	posting_free(posting);
	done(arg, taken ? NULL : error);
}

static void transfer_ended(CURL *easy, CURLcode code, void *arg)
{
	struct posting *posting = NULL;

	(void)arg;
	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&posting);
	end(posting, code);
}

int post_new(
	struct event_base *base, const struct config *config, struct post **ret, struct err *err)
{
	struct post *post = calloc(1, sizeof(*post));
	int r;

	if (post == NULL)
		return err_set(err, ENOMEM, "callbacks");
	LIST_INIT(&post->postings);
	post->config = config;
	r = curl_loop_init(&post->curl, base, transfer_ended, post, err);
	if (r < 0) {
		post_free(post);
		return r;
	}
	*ret = post;
	return 0;
}

void post_free(struct post *post)
{
	if (post == NULL)
		return;
	while (!LIST_EMPTY(&post->postings))
		posting_free(LIST_FIRST(&post->postings));
	curl_loop_done(&post->curl);
	free(post);
}
