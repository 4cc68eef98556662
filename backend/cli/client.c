/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/secret_file.h"

#define DEFAULT_BASE     "http://127.0.0.1:8080"
#define REPLY_MAX        (1024 * 1024 * 1024)
#define CONNECT_MS       10000L
#define LISTEN_SILENCE_S 60L

/* Files of certificates. */
enum certify { CERTIFY_CA, CERTIFY_CERT, CERTIFY_KEY, CERTIFY_MAX_ };

volatile int client_interrupted;

struct client {
	CURL *curl;
	char *where;             /* owned */
	char *base;              /* owned; "http://..." */
	char *socket;            /* owned, or NULL */
	char *pem[CERTIFY_MAX_]; /* owned paths, or NULL */
	bool verify;             /* the server's, with pem */
	char *token;             /* owned, or NULL */
	char *key;               /* owned: the header's line, or NULL */
	long patience_ms;        /* for a whole answer; 0: without end */
	char detail[CURL_ERROR_SIZE];
};

/* Where an answer goes: into memory, or to fd while the status is a success. */
struct sink {
	struct client *client;
	int fd;     /* -1: memory */
	char *data; /* owned */
	size_t n;
	int error;                                          /* errno of a failed write */
	int (*take)(void *arg, const char *data, size_t n); /* NULL: not handed on */
	void *arg;
};

/* ---- finding the service ---------------------------------------------------------- */

static bool answers(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(addr.sun_path))
		return false;
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	return connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0;
}

static int local_socket(char *ret, size_t size)
{
	static const char *const dirs[] = { "/run/dockgate", "/var/lib/dockgate/sock" };
	const char *state = getenv("DOCKGATE_STATE_DIR");

	if (state != NULL) {
		(void)snprintf(ret, size, "%s/sock/dockgate.sock", state);
		if (answers(ret))
			return 0;
	}
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		(void)snprintf(ret, size, "%s/dockgate.sock", dirs[i]);
		if (answers(ret))
			return 0;
	}
	return -ENOENT;
}

static int set_base(struct client *c, const char *base, struct err *err)
{
	size_t n = strlen(base);

	if (strncmp(base, "http://", 7) != 0 && strncmp(base, "https://", 8) != 0)
		return err_say(err, EINVAL,
			"'%s': expected http://HOST:PORT or unix:///PATH as the service's address",
			base);
	while (n > 0 && base[n - 1] == '/')
		n--;
	c->base = strndup(base, n);
	c->where = strndup(base, n);
	return c->base == NULL || c->where == NULL ? err_set(err, ENOMEM, "client") : 0;
}

static int set_socket(struct client *c, const char *path, struct err *err)
{
	c->base = strdup("http://localhost");
	c->socket = strdup(path);
	if (asprintf(&c->where, "unix://%s", path) < 0)
		c->where = NULL;
	if (c->base == NULL || c->socket == NULL || c->where == NULL)
		return err_set(err, ENOMEM, "client");
	return 0;
}

static int locate(struct client *c, const char *host, const char *socket, struct err *err)
{
	char path[4096];

	if (socket != NULL)
		return set_socket(c, socket, err);
	if (host == NULL)
		host = getenv("DOCKGATE_HOST");
	if (host != NULL && strncmp(host, "unix://", 7) == 0)
		return set_socket(c, host + 7, err);
	if (host != NULL && *host != '\0')
		return set_base(c, host, err);
	if (local_socket(path, sizeof(path)) == 0)
		return set_socket(c, path, err);
	return set_base(c, DEFAULT_BASE, err);
}

int client_open(const char *host, const char *socket, struct client **ret, struct err *err)
{
	struct client *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return err_set(err, ENOMEM, "client");
	r = locate(c, host, socket, err);
	if (r == 0) {
		(void)curl_global_init(CURL_GLOBAL_DEFAULT);
		c->curl = curl_easy_init();
		if (c->curl == NULL)
			r = err_set(err, ENOMEM, "client");
	}
	if (r < 0) {
		client_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

int client_certify(struct client *c, const char *directory, bool verify, struct err *err)
{
	static const char *const names[CERTIFY_MAX_] = { "ca.pem", "cert.pem", "key.pem" };

	c->verify = verify;
	for (size_t i = 0; i < CERTIFY_MAX_; i++) {
		if (asprintf(&c->pem[i], "%s/%s", directory, names[i]) < 0) {
			c->pem[i] = NULL;
			return err_set(err, ENOMEM, "client");
		}
		if (access(c->pem[i], R_OK) < 0)
			return err_set(err, errno, "%s", c->pem[i]);
	}
	return 0;
}

void client_close(struct client *c)
{
	if (c == NULL)
		return;
	if (c->curl != NULL)
		curl_easy_cleanup(c->curl);
	free(c->where);
	free(c->base);
	free(c->socket);
	for (size_t i = 0; i < CERTIFY_MAX_; i++)
		free(c->pem[i]);
	secret_file_wipe(c->token);
	free(c->key);
	free(c);
}

int client_bring(struct client *c, const char *token, struct err *err)
{
	c->token = strdup(token);
	return c->token == NULL ? err_set(err, ENOMEM, "token") : 0;
}

int client_set_key(struct client *c, const char *key, struct err *err)
{
	char *line;

	if (asprintf(&line, "Idempotency-Key: %s", key) < 0)
		return err_set(err, ENOMEM, "client");
	free(c->key);
	c->key = line;
	return 0;
}

void client_set_patience(struct client *c, long ms)
{
	c->patience_ms = ms;
}

const char *client_where(const struct client *c)
{
	return c->where;
}

/* ---- one call ------------------------------------------------------------------------ */

static int write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, data, n);

		if (put < 0 && errno == EINTR && !client_interrupted)
			continue;
		if (put < 0)
			return errno;
		data += put;
		n -= (size_t)put;
	}
	return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct sink *sink = arg;
	size_t n = size * count;
	long status = 0;
	char *grown;

	(void)curl_easy_getinfo(sink->client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (sink->take != NULL && status < 300) {
		sink->error = sink->take(sink->arg, data, n);
		return sink->error == 0 ? n : 0;
	}
	if (sink->fd >= 0 && status < 300) {
		sink->error = write_all(sink->fd, data, n);
		return sink->error == 0 ? n : 0;
	}
	if (n > REPLY_MAX - sink->n) {
		sink->error = EFBIG;
		return 0;
	}
	grown = realloc(sink->data, sink->n + n + 1);
	if (grown == NULL) {
		sink->error = ENOMEM;
		return 0;
	}
	sink->data = grown;
	memcpy(grown + sink->n, data, n);
	sink->n += n;
	grown[sink->n] = '\0';
	return n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)arg;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return client_interrupted;
}

static int explain(const struct client *c, CURLcode code, const struct sink *sink, struct err *err)
{
	if (client_interrupted || code == CURLE_ABORTED_BY_CALLBACK)
		return err_say(err, EINTR, "interrupted");
	if (sink->error != 0)
		return err_set(err, sink->error, "the answer of %s", c->where);
	if (code == CURLE_COULDNT_CONNECT)
		return err_say(err, ECONNREFUSED,
			"the service does not answer at %s: is `dockgate serve` running? "
			"(--host, --socket or DOCKGATE_HOST name another address)",
			c->where);
	return err_say(err, EIO, "%s: %s", c->where,
		*c->detail != '\0' ? c->detail : curl_easy_strerror(code));
}

static void set_certificates(struct client *c)
{
	(void)curl_easy_setopt(c->curl, CURLOPT_CAINFO, c->pem[CERTIFY_CA]);
	(void)curl_easy_setopt(c->curl, CURLOPT_CAPATH, NULL); /* else the system's, too */
	(void)curl_easy_setopt(c->curl, CURLOPT_SSLCERT, c->pem[CERTIFY_CERT]);
	(void)curl_easy_setopt(c->curl, CURLOPT_SSLKEY, c->pem[CERTIFY_KEY]);
	(void)curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYPEER, c->verify ? 1L : 0L);
	(void)curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYHOST, c->verify ? 2L : 0L);
}

/* Everything that is the same for all calls; the method and body are set already. */
static int perform(struct client *c, const char *path, struct curl_slist *headers,
	struct sink *sink, long *ret_status, struct err *err)
{
	cleanup_free char *url = NULL;
	CURLcode code;

	if (asprintf(&url, "%s%s", c->base, path) < 0) {
		url = NULL;
		return err_set(err, ENOMEM, "client");
	}
	*c->detail = '\0';
	(void)curl_easy_setopt(c->curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->detail);
	(void)curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	(void)curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, c->patience_ms);
	if (c->socket != NULL)
		(void)curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	if (c->pem[CERTIFY_CA] != NULL)
		set_certificates(c);
	(void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
	if (c->token != NULL) {
		(void)curl_easy_setopt(c->curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		(void)curl_easy_setopt(c->curl, CURLOPT_XOAUTH2_BEARER, c->token);
	}
	(void)curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "dockgate/" DOCKGATE_VERSION);
	(void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, sink);
	(void)curl_easy_setopt(c->curl, CURLOPT_NOPROGRESS, 0L);
	(void)curl_easy_setopt(c->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	code = curl_easy_perform(c->curl);
	if (code != CURLE_OK)
		return explain(c, code, sink, err);
	(void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, ret_status);
	return 0;
}

/* The service's own words for a refusal: the problem's detail, else the start of the body. */
static int refusal(const struct client *c, long status, const struct sink *sink, struct err *err)
{
	json_t *problem = sink->data != NULL ? json_loadb(sink->data, sink->n, 0, NULL) : NULL;
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *message = json_string_value(json_object_get(problem, "message"));
	int code = status == 404 ? ENOENT : (status >= 500 ? EAGAIN : EINVAL);

	if (detail == NULL)
		detail = message; /* all that an engine says */
	if (detail != NULL)
		(void)err_say(err, code, "%s (HTTP %ld)", detail, status);
	else
		(void)err_say(err, code, "%s answered with HTTP %ld", c->where, status);
	json_decref(problem);
	return -code;
}

static int parse_reply(
	const struct client *c, const struct sink *sink, json_t **ret, struct err *err)
{
	json_error_t why;
	json_t *json;

	if (sink->n == 0) {
		*ret = json_object();
		return 0;
	}
	json = json_loadb(sink->data, sink->n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (json == NULL)
		return err_say(err, EPROTO, "%s: the answer is not JSON: %s", c->where, why.text);
	*ret = json;
	return 0;
}

/* Sends what is set up and gives the parsed answer. */
static int exchange(struct client *c, const char *path, struct curl_slist *headers, json_t **ret,
	long *ret_status, struct err *err)
{
	struct sink sink = { .client = c, .fd = -1 };
	long status = 0;
	int r = perform(c, path, headers, &sink, &status, err);

	if (r == 0 && ret_status == NULL && status >= 300)
		r = refusal(c, status, &sink, err);
	if (r == 0)
		r = parse_reply(c, &sink, ret, err);
	if (r == 0 && ret_status != NULL)
		*ret_status = status;
	free(sink.data);
	return r;
}

int client_call(struct client *c, const char *method, const char *path, const json_t *body,
	json_t **ret, struct err *err)
{
	cleanup_free char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	struct curl_slist *headers = NULL;
	int r;

	if (body != NULL && text == NULL)
		return err_say(err, EINVAL, "the request cannot be written as JSON");
	curl_easy_reset(c->curl);
	(void)curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
	if (text != NULL) {
		headers = curl_slist_append(headers, "Content-Type: application/json");
		headers = curl_slist_append(headers, "Expect:");
		headers = c->key == NULL ? headers : curl_slist_append(headers, c->key);
		(void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, text);
		(void)curl_easy_setopt(
			c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(text));
	}
	r = exchange(c, path, headers, ret, NULL, err);
	curl_slist_free_all(headers);
	return r;
}

int client_ask(struct client *c, const char *path, json_t **ret, long *ret_status, struct err *err)
{
	curl_easy_reset(c->curl);
	return exchange(c, path, NULL, ret, ret_status, err);
}

int client_post(struct client *c, const char *path, const void *data, size_t n, json_t **ret,
	long *ret_status, struct err *err)
{
	struct curl_slist *headers =
		curl_slist_append(NULL, "Content-Type: application/octet-stream");
	int r;

	curl_easy_reset(c->curl);
	headers = curl_slist_append(headers, "Expect:");
	(void)curl_easy_setopt(c->curl, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, n > 0 ? data : "");
	(void)curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
	r = exchange(c, path, headers, ret, ret_status, err);
	curl_slist_free_all(headers);
	return r;
}

static int add_part(curl_mime *mime, const struct client_part *part)
{
	curl_mimepart *p = curl_mime_addpart(mime);
	CURLcode code = CURLE_OUT_OF_MEMORY;

	if (p == NULL || curl_mime_name(p, part->name) != CURLE_OK)
		return -ENOMEM;
	if (part->path != NULL)
		code = curl_mime_filedata(p, part->path);
	else
		code = curl_mime_data(p, part->data, part->n);
	if (code != CURLE_OK || curl_mime_filename(p, part->filename) != CURLE_OK)
		return code == CURLE_READ_ERROR ? -EIO : -ENOMEM;
	(void)curl_mime_type(p, "application/octet-stream");
	return 0;
}

int client_upload(struct client *c, const char *path, const json_t *job,
	const struct client_part *parts, size_t n_parts, json_t **ret, struct err *err)
{
	cleanup_free char *text = json_dumps(job, JSON_COMPACT);
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	const struct client_part first = {
		.name = "job", .data = text, .n = text != NULL ? strlen(text) : 0
	};
	curl_mime *mime;
	int r = 0;

	if (headers != NULL && c->key != NULL)
		headers = curl_slist_append(headers, c->key);
	curl_easy_reset(c->curl);
	mime = curl_mime_init(c->curl);
	if (text == NULL || mime == NULL || headers == NULL || add_part(mime, &first) < 0)
		r = err_set(err, ENOMEM, "request");
	for (size_t i = 0; r == 0 && i < n_parts; i++)
		if (add_part(mime, &parts[i]) < 0)
			r = err_set(err, EIO, "send %s",
				parts[i].path != NULL ? parts[i].path : "stdin");
	if (r == 0) {
		(void)curl_easy_setopt(c->curl, CURLOPT_MIMEPOST, mime);
		r = exchange(c, path, headers, ret, NULL, err);
	}
	curl_mime_free(mime);
	curl_slist_free_all(headers);
	return r;
}

int client_fetch(struct client *c, const char *path, int fd, struct err *err)
{
	struct sink sink = { .client = c, .fd = fd };
	long status = 0;
	int r;

	curl_easy_reset(c->curl);
	r = perform(c, path, NULL, &sink, &status, err);
	if (r == 0 && status >= 300)
		r = refusal(c, status, &sink, err);
	free(sink.data);
	return r;
}

int client_listen(struct client *c, const char *path, const char *last,
	int (*take)(void *arg, const char *data, size_t n), void *arg, long *ret_status,
	struct err *err)
{
	struct sink sink = { .client = c, .fd = -1, .take = take, .arg = arg };
	struct curl_slist *headers = curl_slist_append(NULL, "Accept: text/event-stream");
	cleanup_free char *line = NULL;
	long status = 0;
	int r = 0;

	curl_easy_reset(c->curl);
	(void)curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, LISTEN_SILENCE_S);
	if (last != NULL) {
		if (asprintf(&line, "Last-Event-ID: %s", last) < 0)
			line = NULL;
		headers = line == NULL ? headers : curl_slist_append(headers, line);
		r = line == NULL ? err_set(err, ENOMEM, "client") : 0;
	}
	if (r == 0)
		r = perform(c, path, headers, &sink, &status, err);
	if (r == 0 && status >= 300)
		r = refusal(c, status, &sink, err);
	if (r == 0)
		*ret_status = status;
	curl_slist_free_all(headers);
	free(sink.data);
	return r;
}

/* RFC 3986's unreserved characters and '/' stay. */
char *client_escape(struct client *c, const char *path)
{
	static const char digits[] = "0123456789ABCDEF";
	char *ret = malloc(3 * strlen(path) + 1);
	char *to = ret;

	(void)c;
	if (ret == NULL)
		return NULL;
	for (const unsigned char *p = (const unsigned char *)path; *p != '\0'; p++) {
		if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			(*p >= '0' && *p <= '9') || strchr("-._~/", *p) != NULL) {
			*to++ = (char)*p;
		} else {
			*to++ = '%';
			*to++ = digits[*p >> 4];
			*to++ = digits[*p & 15];
		}
	}
	*to = '\0';
	return ret;
}
