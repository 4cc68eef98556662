/* SPDX-License-Identifier: MIT */
#include "job_request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/number.h"
#include "gateway/fingerprint.h"

#define JSON_MOST (512 * 1024) /* more than that goes as a form, streamed */
#define PIPE_MOST (256 * 1024 * 1024)

int job_request_init(struct job_request *rq, struct err *err)
{
	*rq = (struct job_request){ .job = json_object() };
	return rq->job == NULL ? err_set(err, ENOMEM, "request") : 0;
}

void job_request_done(struct job_request *rq)
{
	json_decref(rq->job);
	strv_done(&rq->files);
	strv_done(&rq->names);
	free(rq->stdin_data);
	*rq = (struct job_request){ 0 };
}

/* job[section][name] = value; takes over `value`. */
static int put_in(struct job_request *rq, const char *section, const char *name, json_t *value,
	struct err *err)
{
	json_t *object = json_object_get(rq->job, section);

	if (object == NULL) {
		object = json_object();
		if (json_object_set_new(rq->job, section, object) < 0) {
			json_decref(value);
			return err_set(err, ENOMEM, "request");
		}
	}
	if (json_object_set_new(object, name, value) < 0)
		return err_say(err, EINVAL, "%s %s: expected text in UTF-8", section, name);
	return 0;
}

/* Cuts "NAME=VALUE"; the value, NULL where there is none. */
static const char *cut(const char *arg, char *name, size_t size)
{
	const char *equals = strchr(arg, '=');

	if (equals == NULL || equals == arg || (size_t)(equals - arg) >= size)
		return NULL;
	memcpy(name, arg, (size_t)(equals - arg));
	name[equals - arg] = '\0';
	return equals + 1;
}

static int put_limit(struct job_request *rq, const char *arg, struct err *err)
{
	char name[64];
	const char *value = cut(arg, name, sizeof(name));
	enum limit limit = value != NULL ? limit_by_name(name) : LIMIT_MAX_;
	int64_t n;
	bool ok;

	if (value == NULL)
		return err_say(err, EINVAL, "--limit: expected NAME=NUMBER, got '%s'", arg);
	if (limit == LIMIT_MAX_)
		return err_say(
			err, EINVAL, "--limit: there is no limit '%s'; --help lists them", name);
	if (limit == LIMIT_CPUS)
		ok = number_parse_thousandths(value, 1, INT32_MAX, &n);
	else if (strcmp(limit_unit(limit), "bytes") == 0)
		ok = number_parse_bytes(value, 1, INT64_MAX, &n);
	else
		ok = number_parse(value, 1, INT64_MAX, &n);
	if (!ok)
		return err_say(err, EINVAL, "--limit %s: expected a number above 0, got '%s'", name,
			value);
	return put_in(rq, "limits", name,
		limit == LIMIT_CPUS ? json_real((double)n / 1000) : json_integer(n), err);
}

static int put_pair(struct job_request *rq, const char *section, const char *arg, struct err *err)
{
	char name[256];
	const char *value = cut(arg, name, sizeof(name));

	if (value == NULL)
		return err_say(err, EINVAL, "--%s: expected NAME=VALUE, got '%s'",
			strcmp(section, "env") == 0 ? "env" : "label", arg);
	return put_in(rq, section, name, json_string(value), err);
}

static int append(json_t *job, const char *name, const char *text, struct err *err)
{
	json_t *array = json_object_get(job, name);

	if (array == NULL) {
		array = json_array();
		if (json_object_set_new(job, name, array) < 0)
			return err_set(err, ENOMEM, "request");
	}
	if (json_array_append_new(array, json_string(text)) < 0)
		return err_say(err, EINVAL, "%s: '%s': expected text in UTF-8", name, text);
	return 0;
}

static int put_priority(struct job_request *rq, const char *arg, struct err *err)
{
	int64_t n;

	if (!number_parse(arg, 0, PRIORITY_MAX, &n))
		return err_say(
			err, EINVAL, "--priority: expected 0 to %d, got '%s'", PRIORITY_MAX, arg);
	return json_object_set_new(rq->job, "priority", json_integer(n));
}

static int put_text(struct job_request *rq, const char *name, const char *text, struct err *err)
{
	if (json_object_set_new(rq->job, name, json_string(text)) < 0)
		return err_say(err, EINVAL, "--%s: expected text in UTF-8", name);
	return 0;
}

/* It becomes a line of the request's head. */
static int take_key(struct job_request *rq, const char *arg, struct err *err)
{
	if (!fingerprint_key_ok(arg))
		return err_say(err, EINVAL,
			"--idempotency-key: expected 1 to %d printable ASCII characters",
			FINGERPRINT_KEY_MAX);
	rq->key = arg;
	return 0;
}

int job_request_option(struct job_request *rq, int opt, const char *arg, struct err *err)
{
	switch (opt) {
	case OPT_LIMIT:
		return put_limit(rq, arg, err);
	case OPT_ENV:
		return put_pair(rq, "env", arg, err);
	case OPT_LABEL:
		return put_pair(rq, "labels", arg, err);
	case OPT_PRIORITY:
		return put_priority(rq, arg, err);
	case OPT_CALLBACK:
		return put_text(rq, "callback", arg, err);
	case OPT_KEY:
		return take_key(rq, arg, err);
	case OPT_COLLECT:
		return append(rq->job, "collect", arg, err);
	case OPT_STDIN:
		rq->stdin_path = arg;
		return 0;
	case OPT_NETWORK:
		return json_object_set_new(rq->job, "network", json_true());
	default:
		return err_say(err, EINVAL, "unknown option");
	}
}

/* PATH, or NAME=PATH where there is no file of that whole name. */
static int add_file(struct job_request *rq, const char *word, struct err *err)
{
	char name[1025];
	const char *path = access(word, F_OK) == 0 ? NULL : cut(word, name, sizeof(name));
	const char *slash = strrchr(word, '/');
	struct stat st;

	if (path == NULL) {
		path = word;
		(void)snprintf(name, sizeof(name), "%s", slash != NULL ? slash + 1 : word);
	}
	if (stat(path, &st) < 0)
		return err_set(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_say(err, EINVAL, "%s: expected a regular file", path);
	if (access(path, R_OK) < 0)
		return err_set(err, errno, "%s", path);
	if (strv_add(&rq->files, path, err) < 0)
		return -err->code;
	return strv_add(&rq->names, name, err);
}

int job_request_words(
	struct job_request *rq, int n_words, char **words, int n_args, char **args, struct err *err)
{
	int r = 0;

	if (n_words < 1)
		return err_say(err, EINVAL, "expected a task's name; `dockgate tasks` lists them");
	if (json_object_set_new(rq->job, "task", json_string(words[0])) < 0)
		return err_say(err, EINVAL, "a task's name in UTF-8");
	for (int i = 1; r == 0 && i < n_words; i++)
		r = add_file(rq, words[i], err);
	for (int i = 0; r == 0 && i < n_args; i++)
		r = append(rq->job, "args", args[i], err);
	return r;
}

/* ---- sending ------------------------------------------------------------------------- */

static int read_fd(int fd, const char *what, char **ret, size_t *ret_n, struct err *err)
{
	cleanup_free char *data = NULL;
	size_t n = 0;
	size_t size = 0;

	for (;;) {
		ssize_t got;

		if (n + 1 >= size) {
			char *grown = realloc(data, size * 2 + 65536);

			if (grown == NULL)
				return err_set(err, ENOMEM, "%s", what);
			data = grown;
			size = size * 2 + 65536;
		}
		got = read(fd, data + n, size - n - 1);
		if (got < 0 && errno == EINTR && !client_interrupted)
			continue;
		if (got < 0)
			return err_set(err, errno, "%s", what);
		if (got == 0)
			break;
		n += (size_t)got;
		if (n > PIPE_MOST)
			return err_say(err, EFBIG, "%s: more than %d bytes", what, PIPE_MOST);
	}
	data[n] = '\0';
	*ret = TAKE_PTR(data);
	*ret_n = n;
	return 0;
}

static int read_file(const char *path, char **ret, size_t *ret_n, struct err *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "%s", path);
	return read_fd(fd, path, ret, ret_n, err);
}

/* Ours is the job's where someone feeds it: a pipe or a file, not a terminal or /dev/null. */
static int take_stdin(struct job_request *rq, struct err *err)
{
	bool asked = rq->stdin_path != NULL && strcmp(rq->stdin_path, "-") == 0;
	struct stat st;

	if (rq->stdin_path != NULL && !asked)
		return 0;
	rq->stdin_path = NULL;
	if (fstat(STDIN_FILENO, &st) < 0)
		return 0;
	if (!asked && !S_ISFIFO(st.st_mode) && !S_ISREG(st.st_mode))
		return 0;
	return read_fd(STDIN_FILENO, "standard input", &rq->stdin_data, &rq->stdin_n, err);
}

static int open_stdin(struct job_request *rq, struct err *err)
{
	if (rq->stdin_path != NULL)
		return err_say(err, EINVAL, "--interactive: not together with --stdin");
	return json_object_set_new(rq->job, "stdin", json_string("open")) < 0
		       ? err_set(err, ENOMEM, "request")
		       : 0;
}

static int64_t bytes_of(const struct job_request *rq)
{
	int64_t sum = (int64_t)rq->stdin_n;
	struct stat st;

	for (size_t i = 0; i < rq->files.n; i++)
		sum += stat(rq->files.v[i], &st) == 0 ? (int64_t)st.st_size : 0;
	if (rq->stdin_path != NULL)
		sum += stat(rq->stdin_path, &st) == 0 ? (int64_t)st.st_size : 0;
	return sum;
}

static bool is_utf8(const char *data, size_t n)
{
	json_t *text = json_stringn(data, n);

	json_decref(text);
	return text != NULL && memchr(data, '\0', n) == NULL;
}

static char *base64(const char *data, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *from = (const unsigned char *)data;
	char *ret = malloc((n + 2) / 3 * 4 + 1);
	char *to = ret;

	if (ret == NULL)
		return NULL;
	for (size_t i = 0; i < n; i += 3) {
		unsigned bits = (unsigned)from[i] << 16;

		bits |= i + 1 < n ? (unsigned)from[i + 1] << 8 : 0;
		bits |= i + 2 < n ? from[i + 2] : 0;
		*to++ = digits[bits >> 18];
		*to++ = digits[bits >> 12 & 63];
		*to++ = (char)(i + 1 < n ? digits[bits >> 6 & 63] : '=');
		*to++ = (char)(i + 2 < n ? digits[bits & 63] : '=');
	}
	*to = '\0';
	return ret;
}

/* {content, encoding}; NULL: out of memory. */
static json_t *content(const char *data, size_t n)
{
	cleanup_free char *text = NULL;

	if (is_utf8(data, n))
		return json_pack("{s:s%}", "content", data, n);
	text = base64(data, n);
	return text != NULL ? json_pack("{s:s, s:s}", "content", text, "encoding", "base64") : NULL;
}

static int put_file_json(struct job_request *rq, json_t *files, size_t i, struct err *err)
{
	cleanup_free char *data = NULL;
	struct stat st;
	size_t n = 0;
	json_t *file;

	if (read_file(rq->files.v[i], &data, &n, err) < 0)
		return -err->code;
	file = content(data, n);
	if (file == NULL || json_object_set_new(file, "name", json_string(rq->names.v[i])) < 0) {
		json_decref(file);
		return err_say(err, EINVAL, "%s: expected a name in UTF-8", rq->names.v[i]);
	}
	if (stat(rq->files.v[i], &st) == 0 && (st.st_mode & 0100) != 0)
		(void)json_object_set_new(file, "executable", json_true());
	return json_array_append_new(files, file) < 0 ? err_set(err, ENOMEM, "request") : 0;
}

static int send_json(struct job_request *rq, struct client *client, json_t **ret, struct err *err)
{
	json_t *files = json_array();
	int r = 0;

	for (size_t i = 0; r == 0 && i < rq->files.n; i++)
		r = put_file_json(rq, files, i, err);
	if (r < 0 || rq->files.n == 0)
		json_decref(files);
	else
		(void)json_object_set_new(rq->job, "files", files);
	if (r == 0 && rq->stdin_path != NULL)
		r = read_file(rq->stdin_path, &rq->stdin_data, &rq->stdin_n, err);
	if (r == 0 && rq->stdin_data != NULL &&
		json_object_set_new(rq->job, "stdin", content(rq->stdin_data, rq->stdin_n)) < 0)
		r = err_set(err, ENOMEM, "request");
	return r < 0 ? r : client_call(client, "POST", "/v1/jobs", rq->job, ret, err);
}

static int send_form(struct job_request *rq, struct client *client, json_t **ret, struct err *err)
{
	struct client_part *parts = calloc(rq->files.n + 1, sizeof(*parts));
	size_t n = 0;
	int r;

	if (parts == NULL)
		return err_set(err, ENOMEM, "request");
	for (size_t i = 0; i < rq->files.n; i++)
		parts[n++] = (struct client_part){
			.name = "file", .filename = rq->names.v[i], .path = rq->files.v[i]
		};
	if (rq->stdin_path != NULL)
		parts[n++] = (struct client_part){ .name = "stdin", .path = rq->stdin_path };
	else if (rq->stdin_data != NULL)
		parts[n++] = (struct client_part){
			.name = "stdin", .data = rq->stdin_data, .n = rq->stdin_n
		};
	r = client_upload(client, "/v1/jobs", rq->job, parts, n, ret, err);
	free(parts);
	return r;
}

int job_request_send(struct job_request *rq, struct client *client, json_t **ret, struct err *err)
{
	int r = rq->interactive ? open_stdin(rq, err) : take_stdin(rq, err);

	if (r == 0 && rq->key != NULL)
		r = client_set_key(client, rq->key, err);
	if (r < 0)
		return r;
	if (bytes_of(rq) > JSON_MOST)
		return send_form(rq, client, ret, err);
	return send_json(rq, client, ret, err);
}
