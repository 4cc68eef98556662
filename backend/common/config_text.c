/* SPDX-License-Identifier: MIT */
/*
 * Where the configuration's text comes from: the files in order, included ones
 * in their place, the environment last, so that whoever gets this one text
 * gets the whole configuration. Marks say which file each line is from.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config_internal.h"
#include "memstream.h"

#define TEXT_MAX      (8 * 1024 * 1024)
#define INCLUDE_DEPTH 8
#define ENV_PREFIX    "DOCKGATE_"
#define ENV_NAME_MAX  64

struct out {
	FILE *f;
	size_t written;
};

/* libConfuse's quoting and comments, as far as needed to know what is code. */
struct scan {
	const char *p;
	int line;
	char quote; /* '"', '\'' or 0 */
	bool fresh; /* at the start of a token: only there a keyword or a slash counts */
	bool lost;  /* in a comment that nothing closes */
	int since;  /* the line on which the last quote or comment began */
};

static const char *skip_comment(const struct scan *s)
{
	const char *p = s->p;
	const char *end;

	if (p[0] == '#' || (s->fresh && p[0] == '/' && p[1] == '/'))
		return strchrnul(p, '\n');
	if (s->fresh && p[0] == '/' && p[1] == '*') {
		end = strstr(p + 2, "*/");
		return end != NULL ? end + 2 : strchrnul(p, '\0');
	}
	return p;
}

/* Moves on by one character, an escaped pair, or a comment. */
static void scan_next(struct scan *s)
{
	const char *from = s->p;
	const char *to = from + 1;

	if (s->quote != 0) {
		if (*from == '\\' && from[1] != '\0')
			to++;
		else if (*from == s->quote)
			s->quote = 0;
		s->fresh = s->quote == 0;
	} else if (skip_comment(s) != from) {
		to = skip_comment(s);
		s->fresh = true;
		s->since = s->line;
		s->lost = from[1] == '*' && *from == '/' && strstr(from + 2, "*/") == NULL;
	} else if (*from == '"' || *from == '\'') {
		s->quote = *from;
		s->since = s->line;
	} else {
		s->fresh = strchr(" \t\r\n={}(),+", *from) != NULL;
	}
	for (const char *c = from; c < to; c++)
		s->line += *c == '\n';
	s->p = to;
}

void config_text_variables(const char *text, void (*found)(int line, void *arg), void *arg)
{
	struct scan s = { .p = text, .line = 1, .fresh = true };

	for (; *s.p != '\0'; scan_next(&s))
		if (s.quote == '"' && s.p[0] == '$' && s.p[1] == '{')
			found(s.line, arg);
}

void config_text_uncomment(char *text)
{
	struct scan s = { .p = text, .line = 1, .fresh = true };

	while (*s.p != '\0') {
		const char *end = s.quote == 0 ? skip_comment(&s) : s.p;

		for (char *c = text + (s.p - text); c < end; c++)
			if (*c != '\n')
				*c = ' ';
		scan_next(&s);
	}
}

int config_text_unclosed(const char *text)
{
	struct scan s = { .p = text, .line = 1, .fresh = true };
	int depth = 0;
	int line = 0;

	for (; *s.p != '\0'; scan_next(&s)) {
		if (s.quote != 0 || skip_comment(&s) != s.p)
			continue;
		if (*s.p == '{' && depth++ == 0)
			line = s.line;
		else if (*s.p == '}' && depth > 0)
			depth--;
	}
	return depth > 0 ? line : 0;
}

static int read_text(const char *path, char **ret, struct err *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	cleanup_free char *text = NULL;
	struct stat st;
	size_t n = 0;

	if (fd < 0)
		return err_set(err, errno, "%s", path);
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "%s", path);
	if (S_ISDIR(st.st_mode))
		return err_set(err, EISDIR, "%s", path);
	text = malloc(TEXT_MAX + 1);
	if (text == NULL)
		return err_set(err, ENOMEM, "%s", path);
	while (n <= TEXT_MAX) {
		ssize_t got = read(fd, text + n, TEXT_MAX + 1 - n);

		if (got < 0 && errno != EINTR)
			return err_set(err, errno, "%s", path);
		if (got == 0)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	if (n > TEXT_MAX)
		return err_say(err, EFBIG, "%s: more than %d bytes", path, TEXT_MAX);
	if (memchr(text, '\0', n) != NULL)
		return err_say(err, EINVAL, "%s: a NUL byte; expected text", path);
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

/* `include ("PATH")` at p: its end, with the path in ret; NULL where there is none. */
static const char *include_at(const char *p, char *ret, size_t size)
{
	const char *end;
	char quote;

	if (strncmp(p, "include", 7) != 0)
		return NULL;
	p += 7;
	p += strspn(p, " \t");
	if (*p++ != '(')
		return NULL;
	p += strspn(p, " \t");
	quote = *p++;
	if (quote != '"' && quote != '\'')
		return NULL;
	end = strchr(p, quote);
	if (end == NULL || (size_t)(end - p) >= size)
		return NULL;
	memcpy(ret, p, (size_t)(end - p));
	ret[end - p] = '\0';
	end++;
	end += strspn(end, " \t");
	return *end == ')' ? end + 1 : NULL;
}

/* Relative to the file that includes it. */
static int beside(const char *file, const char *path, char *ret, size_t size, struct err *err)
{
	const char *slash = strrchr(file, '/');
	int dir = slash == NULL || *path == '/' ? 0 : (int)(slash - file + 1);
	int n = snprintf(ret, size, "%.*s%s", dir, file, path);

	if (n < 0 || (size_t)n >= size)
		return err_say(err, ENAMETOOLONG, "%s: include: path too long", file);
	return 0;
}

static void mark(struct out *out, int line, const char *path)
{
	(void)fprintf(out->f, "\n" CONFIG_MARK "%d %s\n", line, path);
}

/* libConfuse takes the text's end for theirs, and with it all files that come behind. */
static int check_closed(const struct scan *s, const char *path, struct err *err)
{
	if (s->lost)
		return err_say(err, EINVAL,
			"%s:%d: \"/*\" without its \"*/\"; expected one before the end", path,
			s->since);
	if (s->quote != 0)
		return err_say(err, EINVAL,
			"%s:%d: a quote, %c, without its end; expected one more", path, s->since,
			s->quote);
	return 0;
}

static int add_file(struct out *out, const char *path, int depth, struct err *err)
{
	cleanup_free char *text = NULL;
	char name[PATH_MAX];
	char target[PATH_MAX];
	int r = read_text(path, &text, err);
	struct scan s = { .p = text, .line = 1, .fresh = true };

	if (r < 0)
		return r;
	mark(out, 1, path);
	while (*s.p != '\0') {
		const char *from = s.p;
		const char *end =
			s.fresh && s.quote == 0 ? include_at(s.p, name, sizeof(name)) : NULL;

		if (end == NULL) {
			scan_next(&s);
			(void)fwrite(from, 1, (size_t)(s.p - from), out->f);
			out->written += (size_t)(s.p - from);
			continue;
		}
		if (depth >= INCLUDE_DEPTH)
			return err_say(err, ELOOP, "%s:%d: include: more than %d deep", path,
				s.line, INCLUDE_DEPTH);
		r = beside(path, name, target, sizeof(target), err);
		if (r == 0)
			r = add_file(out, target, depth + 1, err);
		if (r < 0)
			return depth == 0 ? err_wrap(err, "%s:%d: include", path, s.line) : r;
		mark(out, s.line, path);
		s.p = end;
	}
	(void)fputc('\n', out->f);
	r = check_closed(&s, path, err);
	if (r < 0)
		return r;
	return out->written > TEXT_MAX ? err_say(err, EFBIG, "%s: too much text", path) : 0;
}

static int is_conf(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_dir(struct out *out, const char *dir, struct err *err)
{
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, is_conf, by_name);
	int r = 0;

	if (n < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "%s", dir);
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];
		int len = snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);

		if (r == 0 && len > 0 && (size_t)len < sizeof(path))
			r = add_file(out, path, 0, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* One value in single quotes, where libConfuse expands nothing. */
static void add_quoted(struct out *out, const char *text, size_t n)
{
	(void)fputc('\'', out->f);
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\'' || text[i] == '\\')
			(void)fputc('\\', out->f);
		(void)fputc(text[i], out->f);
	}
	(void)fputc('\'', out->f);
}

static void add_list(struct out *out, const char *text)
{
	(void)fputc('{', out->f);
	while (*text != '\0') {
		size_t n = strcspn(text, ",");

		if (n > 0)
			add_quoted(out, text, n);
		text += n;
		if (*text == ',' && *++text != '\0' && n > 0)
			(void)fputs(", ", out->f);
	}
	(void)fputc('}', out->f);
}

/* A state directory in the environment may be relative to where we were started. */
static char *absolute(const char *name, const char *text)
{
	cleanup_free char *cwd = NULL;
	char *path;

	if (strcmp(name, "state_dir") != 0 || *text == '/' || *text == '\0')
		return strdup(text);
	cwd = getcwd(NULL, 0);
	if (strncmp(text, "./", 2) == 0)
		text += 2;
	if (cwd == NULL || asprintf(&path, "%s/%s", cwd, text) < 0)
		return NULL;
	return path;
}

/* DOCKGATE_ and the key in capitals. */
static void env_name(const struct config_env_key *key, char ret[static ENV_NAME_MAX])
{
	size_t n = strlen(ENV_PREFIX);

	memcpy(ret, ENV_PREFIX, n);
	for (const char *c = key->name; *c != '\0' && n + 1 < ENV_NAME_MAX; c++)
		ret[n++] = (char)toupper((unsigned char)*c);
	ret[n] = '\0';
}

/* What is no key and means something all the same: to commands, scripts and tests. */
static bool is_others(const char *name)
{
	static const char *const others[] = { "HOST", "TOKEN", "TOKEN_FILE", "SOCKET", "BUILD",
		"DEB", "PACKAGES", "TARGETS", "IMAGE_CACHE", "IMAGE_PREFIX", "LONG", "FIGURES",
		"SANITIZED", "LANE", "LEAKS" };
	static const char *const families[] = { "TEST_", "FUZZ_", "AGENT_" };

	name += strlen(ENV_PREFIX);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(others[i], name) == 0)
			return true;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (strncmp(families[i], name, strlen(families[i])) == 0)
			return true;
	return false;
}

static bool is_env_key(const char *name)
{
	char known[ENV_NAME_MAX];

	for (const struct config_env_key *key = config_env_keys(); key->name != NULL; key++) {
		env_name(key, known);
		if (strcmp(known, name) == 0)
			return true;
	}
	return false;
}

void config_env_unknown(void (*found)(const char *name, void *arg), void *arg)
{
	char name[ENV_NAME_MAX];

	for (char **at = environ; *at != NULL; at++) {
		size_t n = strcspn(*at, "=");

		if (strncmp(*at, ENV_PREFIX, strlen(ENV_PREFIX)) != 0)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s",
			n < sizeof(name) ? (int)n : ENV_NAME_MAX - 1, *at);
		if (!is_env_key(name) && !is_others(name))
			found(name, arg);
	}
}

static int add_env_key(struct out *out, const struct config_env_key *key, struct err *err)
{
	cleanup_free char *value = NULL;
	char name[ENV_NAME_MAX];
	const char *text;

	env_name(key, name);
	text = getenv(name);
	if (text == NULL)
		return 0;
	if (strpbrk(text, "\n\r") != NULL)
		return err_say(
			err, EINVAL, "environment %s: a line break; expected one line", name);
	value = absolute(key->name, text);
	if (value == NULL)
		return err_set(err, ENOMEM, "environment %s", name);
	(void)fprintf(out->f, "\n" CONFIG_MARK "0 environment %s\n%s = ", name, key->name);
	if (key->list)
		add_list(out, value);
	else
		add_quoted(out, value, strlen(value));
	(void)fputc('\n', out->f);
	return 0;
}

static int add_all(struct out *out, const char *path, struct err *err)
{
	int r = 0;

	if (path != NULL)
		r = add_file(out, path, 0, err);
	else if (access(CONFIG_FILE, F_OK) == 0)
		r = add_file(out, CONFIG_FILE, 0, err);
	if (r == 0 && path == NULL)
		r = add_dir(out, CONFIG_DIR, err);
	for (const struct config_env_key *key = config_env_keys(); r == 0 && key->name != NULL;
		key++)
		r = add_env_key(out, key, err);
	return r;
}

int config_text(const char *path, char **ret_text, struct err *err)
{
	cleanup_free char *text = NULL;
	struct out out = { 0 };
	size_t size;
	int r;

	out.f = open_memstream(&text, &size);
	if (out.f == NULL)
		return err_set(err, ENOMEM, "configuration");
	r = add_all(&out, path, err);
	if (memstream_close(out.f, &text) < 0 && r == 0)
		r = err_set(err, ENOMEM, "configuration");
	if (r == 0)
		*ret_text = TAKE_PTR(text);
	return r;
}
