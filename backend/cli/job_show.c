/* SPDX-License-Identifier: MIT */
#include "job_show.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli.h"
#include "common/cleanup.h"
#include "common/job_id.h"
#include "common/limits.h"
#include "common/verdict.h"
#include "document/base64.h"

#define POLL_S    60
#define LIST_MOST 1000

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

int job_exit_code(const json_t *job)
{
	enum verdict verdict = verdict_by_name(text_of(job, "verdict"));
	json_int_t code = json_integer_value(json_object_get(job, "exit_code"));
	json_int_t signal = json_integer_value(json_object_get(job, "signal"));

	switch (verdict) {
	case VERDICT_OK:
		return 0;
	case VERDICT_CPU_TIME:
	case VERDICT_WALL_TIME:
		return EXIT_TIMED;
	case VERDICT_CANCELLED:
	case VERDICT_LOST:
	case VERDICT_ENGINE_ERROR:
	case VERDICT_MAX_:
		return EXIT_OURS;
	default:
		break;
	}
	if (signal > 0 && signal < 128)
		return 128 + (int)signal;
	if (code > 0 && code < 256)
		return (int)code;
	return verdict == VERDICT_WRONG_OUTPUT ? 1 : 137;
}

static const char *ending_words(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_CPU_TIME:
		return "it used up its cpu time";
	case VERDICT_WALL_TIME:
		return "it ran for too long";
	case VERDICT_MEMORY:
		return "it wanted more memory than it may have";
	case VERDICT_OUTPUT:
		return "it printed too much";
	case VERDICT_DISK:
		return "it wrote more to its files than it may";
	case VERDICT_PROCESSES:
		return "it started too many processes";
	case VERDICT_BUILD_FAILED:
		return "the build step failed";
	case VERDICT_WRONG_OUTPUT:
		return "it ended well, but did not print what was expected";
	case VERDICT_CANCELLED:
		return "it was cancelled";
	case VERDICT_LOST:
		return "all attempts to run it were lost; the fault is the service's";
	case VERDICT_ENGINE_ERROR:
		return "the service could not run it";
	default:
		return "";
	}
}

static void explain_limit(const json_t *limit, FILE *out)
{
	const char *name = text_of(limit, "name");
	enum limit which = limit_by_name(name);

	if (!json_is_object(limit) || which == LIMIT_MAX_)
		return;
	(void)fprintf(out,
		" (%s: %s is the limit, %" JSON_INTEGER_FORMAT
		" %s; measured: %" JSON_INTEGER_FORMAT ")",
		limit_what(which), name, json_integer_value(json_object_get(limit, "configured")),
		limit_unit(which), json_integer_value(json_object_get(limit, "measured")));
}

static void explain_cut(const json_t *job, const char *stream, FILE *out)
{
	json_int_t cut = json_integer_value(
		json_object_get(json_object_get(job, stream), "truncated_bytes"));

	if (cut > 0)
		(void)fprintf(out,
			"dockgate: %s was cut: %" JSON_INTEGER_FORMAT " bytes more were printed\n",
			stream, cut);
}

/* Names that the request chose may stand in it. */
static void explain_words(const char *text, FILE *out)
{
	if (*text == '\0')
		return;
	(void)fputs(": ", out);
	cli_put_plain(text, out);
}

void job_explain(const json_t *job, FILE *out)
{
	enum verdict verdict = verdict_by_name(text_of(job, "verdict"));
	const char *error = text_of(job, "error");

	explain_cut(job, "stdout", out);
	explain_cut(job, "stderr", out);
	if (verdict == VERDICT_OK)
		return;
	(void)fprintf(out, "dockgate: %s", verdict_name(verdict));
	if (verdict == VERDICT_NONZERO_EXIT)
		(void)fprintf(out, ": the program ended with exit code %" JSON_INTEGER_FORMAT,
			json_integer_value(json_object_get(job, "exit_code")));
	else if (verdict == VERDICT_SIGNALED)
		(void)fprintf(out, ": the program was ended by signal %" JSON_INTEGER_FORMAT,
			json_integer_value(json_object_get(job, "signal")));
	else if (verdict != VERDICT_MAX_)
		(void)fprintf(out, ": %s", ending_words(verdict));
	explain_limit(json_object_get(job, "limit"), out);
	explain_words(error, out);
	explain_words(text_of(job, "note"), out);
	(void)fputc('\n', out);
}

/* ---- ids ------------------------------------------------------------------------------------ */

/* Counts the jobs of one page that begin with the prefix; ret gets the first. */
static size_t match(const json_t *page, const char *prefix, char *ret, size_t found)
{
	size_t n = strlen(prefix);
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(page, "jobs"), i, row)
	{
		const char *id = text_of(row, "id");

		if (strlen(id) != JOB_ID_CHARS || strncmp(id, prefix, n) != 0)
			continue;
		if (found++ == 0)
			memcpy(ret, id, JOB_ID_CHARS + 1);
	}
	return found;
}

static int find_prefix(struct client *client, const char *prefix, char *ret, struct err *err)
{
	char path[128] = "/v1/jobs?limit=1000";
	size_t found = 0;

	for (;;) {
		json_t *page = NULL;
		const char *cursor;

		if (client_call(client, "GET", path, NULL, &page, err) < 0)
			return -err->code;
		found = match(page, prefix, ret, found);
		cursor = json_string_value(json_object_get(page, "cursor"));
		if (cursor != NULL)
			(void)snprintf(path, sizeof(path), "/v1/jobs?limit=%d&cursor=%.60s",
				LIST_MOST, cursor);
		json_decref(page);
		if (cursor == NULL || found > 1)
			break;
	}
	if (found == 0)
		return err_say(err, ENOENT,
			"no job of yours begins with '%s' (whole ids of %d characters always work)",
			prefix, JOB_ID_CHARS);
	if (found > 1)
		return err_say(err, EINVAL, "more than one job begins with '%s'", prefix);
	return 0;
}

int job_find(struct client *client, const char *prefix, char *ret, struct err *err)
{
	size_t n = strlen(prefix);

	if (n == 0 || n > JOB_ID_CHARS || strspn(prefix, "0123456789abcdef") != n)
		return err_say(err, EINVAL, "'%.80s': expected a job's id, lower-case hex", prefix);
	if (n == JOB_ID_CHARS) {
		memcpy(ret, prefix, n + 1);
		return 0;
	}
	return find_prefix(client, prefix, ret, err);
}

int job_await(struct client *client, const char *id, json_t **ret, struct err *err)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "/v1/jobs/%s?wait=%d", id, POLL_S);
	for (;;) {
		json_t *job;

		if (client_call(client, "GET", path, NULL, &job, err) < 0)
			return -err->code;
		if (strcmp(text_of(job, "state"), "done") == 0) {
			*ret = job;
			return 0;
		}
		json_decref(job);
	}
}

int job_stream(struct client *client, const char *id, const char *stream, int fd, struct err *err)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "/v1/jobs/%s/%s", id, stream);
	return client_fetch(client, path, fd, err);
}

/* ---- files ------------------------------------------------------------------------------------
 */

static int open_beneath(int dir, const char *name, uint64_t flags, uint64_t mode)
{
	struct open_how how = { .flags = flags | O_CLOEXEC,
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
}

/* Makes each directory on the way in one that was opened without following a link. */
static int make_parents_beneath(int dir, const char *name, struct err *err)
{
	cleanup_free char *copy = strdup(name);
	cleanup_close int at = open_beneath(dir, ".", O_PATH | O_DIRECTORY, 0);
	char *part = copy;
	char *slash;

	if (copy == NULL || at < 0)
		return err_set(err, copy == NULL ? ENOMEM : errno, "%s", name);
	while ((slash = strchr(part, '/')) != NULL) {
		int next;

		*slash = '\0';
		if (mkdirat(at, part, 0777) < 0 && errno != EEXIST)
			return err_set(err, errno, "make directory for %s", name);
		next = open_beneath(at, part, O_PATH | O_DIRECTORY, 0);
		if (next < 0)
			return err_set(err, errno, "directory for %s", name);
		close_p(&at);
		at = next;
		part = slash + 1;
	}
	return 0;
}

static bool is_safe_name(const char *name)
{
	const char *p = name;

	if (*name == '\0' || *name == '/' || strlen(name) > 1024)
		return false;
	while (p != NULL) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p = p[n] == '/' ? p + n + 1 : NULL;
	}
	return true;
}

static int save_file(
	struct client *client, const char *id, int dir, const char *name, struct err *err)
{
	cleanup_free char *escaped = client_escape(client, name);
	cleanup_free char *path = NULL;
	cleanup_close int fd = -EBADF;

	if (!is_safe_name(name))
		return err_say(err, EINVAL, "a file's name leads out of the directory: not saved");
	if (escaped == NULL || asprintf(&path, "/v1/jobs/%s/files/%s", id, escaped) < 0)
		return err_set(err, ENOMEM, "%s", name);
	if (make_parents_beneath(dir, name, err) < 0)
		return -err->code;
	fd = open_beneath(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0666);
	if (fd < 0)
		return err_set(err, errno, "%s", name);
	return client_fetch(client, path, fd, err);
}

/* The name as it is: what of it is not UTF-8 comes as base64. The caller frees it. */
static int name_of(const json_t *file, char **ret, struct err *err)
{
	const json_t *encoded = json_object_get(file, "name_base64");
	cleanup_free char *name = NULL;
	size_t n;

	if (!json_is_string(encoded)) {
		*ret = strdup(text_of(file, "name"));
		return *ret == NULL ? err_set(err, ENOMEM, "a file's name") : 0;
	}
	name = malloc(json_string_length(encoded) + 1);
	if (name == NULL)
		return err_set(err, ENOMEM, "a file's name");
	if (base64_decode(json_string_value(encoded), json_string_length(encoded), (uint8_t *)name,
		    &n, err) < 0)
		return err_wrap(err, "a file's name");
	name[n] = '\0';
	*ret = TAKE_PTR(name);
	return 0;
}

int job_save_files(
	struct client *client, const char *id, const char *dir, size_t *ret_n, struct err *err)
{
	cleanup_close int fd = -EBADF;
	char path[160];
	const json_t *file;
	json_t *list;
	size_t i;
	int r = 0;

	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return err_set(err, errno, "make directory %s", dir);
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "%s", dir);
	(void)snprintf(path, sizeof(path), "/v1/jobs/%s/files", id);
	if (client_call(client, "GET", path, NULL, &list, err) < 0)
		return -err->code;
	json_array_foreach(json_object_get(list, "files"), i, file)
	{
		cleanup_free char *name = NULL;

		r = name_of(file, &name, err);
		if (r == 0)
			r = save_file(client, id, fd, name, err);
		if (r < 0)
			break;
	}
	if (r == 0)
		*ret_n = json_array_size(json_object_get(list, "files"));
	json_decref(list);
	return r;
}
