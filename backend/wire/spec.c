/* SPDX-License-Identifier: MIT */
#include "spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "pack.h"

#define LABELS_MAX  64
#define COLLECT_MAX 256

void spec_init(struct spec *spec)
{
	*spec = (struct spec){ .compare = COMPARE_MAX_ };
	limits_unset(&spec->limits);
	limits_unset(&spec->build_limits);
}

void spec_done(struct spec *spec)
{
	free(spec->task);
	free(spec->image);
	strv_done(&spec->command);
	strv_done(&spec->args);
	strv_done(&spec->env);
	strv_done(&spec->build_command);
	for (size_t i = 0; i < spec->n_files; i++)
		free(spec->files[i].name);
	free(spec->files);
	for (size_t i = 0; i < spec->n_cases; i++) {
		free(spec->cases[i].name);
		strv_done(&spec->cases[i].args);
		strv_done(&spec->cases[i].env);
	}
	free(spec->cases);
	strv_done(&spec->collect);
	strv_done(&spec->labels);
	spec_init(spec);
}

static void pack_strv(struct packer *p, const struct strv *sv)
{
	pack_u32(p, (uint32_t)sv->n);
	for (size_t i = 0; i < sv->n; i++)
		pack_str(p, sv->v[i]);
}

static void pack_limits(struct packer *p, const struct limits *limits)
{
	pack_u8(p, LIMIT_MAX_);
	for (size_t i = 0; i < LIMIT_MAX_; i++)
		pack_i64(p, limits->v[i]);
}

static void pack_extent(struct packer *p, bool has, const struct extent *extent)
{
	pack_u8(p, has);
	pack_u64(p, extent->offset);
	pack_u64(p, extent->len);
}

/* An optional string: whether it is there, then the string. */
static void pack_opt(struct packer *p, const char *text)
{
	pack_u8(p, text != NULL);
	pack_str(p, text);
}

static void pack_cases(struct packer *p, const struct spec *spec)
{
	pack_u32(p, (uint32_t)spec->n_cases);
	for (size_t i = 0; i < spec->n_cases; i++) {
		const struct spec_case *c = &spec->cases[i];

		pack_opt(p, c->name);
		pack_strv(p, &c->args);
		pack_strv(p, &c->env);
		pack_extent(p, c->has_stdin, &c->stdin_);
		pack_extent(p, c->has_expected, &c->expected);
		pack_limits(p, &c->limits);
	}
}

static void pack_compare(struct packer *p, const struct spec *spec)
{
	pack_u8(p, (uint8_t)spec->compare);
	for (size_t i = 0; i < spec->n_cases; i++)
		pack_u8(p, (uint8_t)spec->cases[i].compare);
}

int spec_pack(const struct spec *spec, struct blob *ret, struct err *err)
{
	struct packer p = packer_growing();

	pack_u16(&p, SPEC_VERSION);
	pack_str(&p, spec->task);
	pack_opt(&p, spec->image);
	pack_strv(&p, &spec->command);
	pack_strv(&p, &spec->args);
	pack_strv(&p, &spec->env);
	pack_u8(&p, spec->has_build);
	pack_strv(&p, &spec->build_command);
	pack_limits(&p, &spec->build_limits);
	pack_limits(&p, &spec->limits);
	pack_extent(&p, spec->has_stdin, &spec->stdin_);
	pack_u32(&p, (uint32_t)spec->n_files);
	for (size_t i = 0; i < spec->n_files; i++) {
		pack_str(&p, spec->files[i].name);
		pack_u8(&p, spec->files[i].executable);
		pack_extent(&p, true, &spec->files[i].data);
	}
	pack_cases(&p, spec);
	pack_u8(&p, spec->stop_on_failure);
	pack_u8(&p, spec->has_collect);
	pack_strv(&p, &spec->collect);
	pack_u8(&p, spec->network);
	pack_strv(&p, &spec->labels);
	pack_u8(&p, spec->open_stdin);
	pack_compare(&p, spec);
	if (p.failed || p.len > SPEC_BYTES_MAX) {
		bool memory = p.failed;

		packer_done(&p);
		return err_set(err, memory ? ENOMEM : EMSGSIZE, "record of a job");
	}
	*ret = (struct blob){ .len = p.len, .data = p.buf, .fd = -1 };
	return 0;
}

static bool unpack_bool(struct unpacker *u)
{
	uint8_t v = unpack_u8(u);

	if (v > 1)
		u->failed = true;
	return v == 1;
}

/* A count that the bytes left can hold, `each` at least for one. */
static size_t unpack_count(struct unpacker *u, size_t max, size_t each)
{
	size_t n = unpack_u32(u);

	if (n > max || n > u->left / each) {
		u->failed = true;
		return 0;
	}
	return n;
}

static void unpack_strv(struct unpacker *u, size_t max, size_t bytes, struct strv *ret)
{
	size_t n = unpack_count(u, max, 4);
	struct err err;

	for (size_t i = 0; i < n && !u->failed; i++) {
		cleanup_free char *text = unpack_strdup(u, bytes);

		if (text != NULL && strv_add(ret, text, &err) < 0)
			unpack_no_memory(u);
	}
}

static void unpack_limits(struct unpacker *u, struct limits *ret)
{
	uint8_t n = unpack_u8(u);

	if (n != LIMIT_MAX_)
		u->failed = true;
	for (size_t i = 0; i < n && !u->failed; i++) {
		ret->v[i] = unpack_i64(u);
		if (ret->v[i] != LIMIT_UNSET && ret->v[i] < limit_min((enum limit)i))
			u->failed = true;
	}
}

static void unpack_extent(struct unpacker *u, uint64_t total, bool *ret_has, struct extent *ret)
{
	*ret_has = unpack_bool(u);
	ret->offset = unpack_u64(u);
	ret->len = unpack_u64(u);
	if (ret->offset > total || ret->len > total - ret->offset)
		u->failed = true;
}

static char *unpack_opt(struct unpacker *u, size_t max)
{
	bool has = unpack_bool(u);
	cleanup_free char *text = unpack_strdup(u, max);

	return has ? TAKE_PTR(text) : NULL;
}

static void unpack_files(struct unpacker *u, uint64_t total, struct spec *ret)
{
	size_t n = unpack_count(u, SPEC_FILES_MAX, 4 + 1 + 17);
	struct err err;

	if (n == 0)
		return;
	ret->files = calloc(n, sizeof(*ret->files));
	if (ret->files == NULL) {
		unpack_no_memory(u);
		return;
	}
	for (size_t i = 0; i < n && !u->failed; i++) {
		struct spec_file *f = &ret->files[i];
		bool has;

		f->name = unpack_strdup(u, SPEC_NAME_BYTES);
		ret->n_files = i + 1;
		f->executable = unpack_bool(u);
		unpack_extent(u, total, &has, &f->data);
		if (f->name == NULL || spec_file_name_check(f->name, strlen(f->name), &err) < 0)
			u->failed = true;
	}
}

static void unpack_case(struct unpacker *u, uint64_t total, struct spec_case *c)
{
	limits_unset(&c->limits);
	c->compare = COMPARE_MAX_;
	c->name = unpack_opt(u, 255);
	unpack_strv(u, SPEC_ARGS_MAX, SPEC_ARG_BYTES, &c->args);
	unpack_strv(u, SPEC_ARGS_MAX, SPEC_ARG_BYTES, &c->env);
	unpack_extent(u, total, &c->has_stdin, &c->stdin_);
	unpack_extent(u, total, &c->has_expected, &c->expected);
	unpack_limits(u, &c->limits);
}

static void unpack_cases(struct unpacker *u, uint64_t total, struct spec *ret)
{
	size_t n = unpack_count(u, SPEC_CASES_MAX, 32);

	if (n == 0)
		return;
	ret->cases = calloc(n, sizeof(*ret->cases));
	if (ret->cases == NULL) {
		unpack_no_memory(u);
		return;
	}
	for (size_t i = 0; i < n && !u->failed; i++) {
		ret->n_cases = i + 1;
		unpack_case(u, total, &ret->cases[i]);
	}
}

static void unpack_how(struct unpacker *u, enum compare *ret)
{
	uint8_t v = unpack_u8(u);

	*ret = COMPARE_MAX_;
	if (v > COMPARE_MAX_)
		u->failed = true;
	else
		*ret = (enum compare)v;
}

static void unpack_compare(struct unpacker *u, struct spec *ret)
{
	unpack_how(u, &ret->compare);
	for (size_t i = 0; i < ret->n_cases; i++)
		unpack_how(u, &ret->cases[i].compare);
}

/* What was added since the first version. */
static void unpack_version_2(struct unpacker *u, struct spec *ret)
{
	ret->open_stdin = unpack_bool(u);
	unpack_compare(u, ret);
}

static void unpack_all(struct unpacker *u, uint64_t total, struct spec *ret)
{
	uint16_t version = unpack_u16(u);

	if (version < 1 || version > SPEC_VERSION)
		u->failed = true;
	ret->task = unpack_strdup(u, TASK_NAME_MAX);
	ret->image = unpack_opt(u, 255);
	unpack_strv(u, SPEC_ARGS_MAX, SPEC_ARG_BYTES, &ret->command);
	unpack_strv(u, SPEC_ARGS_MAX, SPEC_ARG_BYTES, &ret->args);
	unpack_strv(u, SPEC_ARGS_MAX, SPEC_ARG_BYTES, &ret->env);
	ret->has_build = unpack_bool(u);
	unpack_strv(u, SPEC_ARGS_MAX, SPEC_ARG_BYTES, &ret->build_command);
	unpack_limits(u, &ret->build_limits);
	unpack_limits(u, &ret->limits);
	unpack_extent(u, total, &ret->has_stdin, &ret->stdin_);
	unpack_files(u, total, ret);
	unpack_cases(u, total, ret);
	ret->stop_on_failure = unpack_bool(u);
	ret->has_collect = unpack_bool(u);
	unpack_strv(u, COLLECT_MAX, SPEC_NAME_BYTES, &ret->collect);
	ret->network = unpack_bool(u);
	unpack_strv(u, 2 * LABELS_MAX, 255, &ret->labels);
	if (version >= 2)
		unpack_version_2(u, ret);
}

static bool env_all_good(const struct strv *env)
{
	struct err err;

	for (size_t i = 0; i < env->n; i++)
		if (spec_env_check(env->v[i], &err) < 0)
			return false;
	return true;
}

static bool contents_good(const struct spec *spec)
{
	struct err err;

	for (size_t i = 0; i < spec->collect.n; i++)
		if (spec_glob_check(spec->collect.v[i], strlen(spec->collect.v[i]), &err) < 0)
			return false;
	for (size_t i = 0; i < spec->n_cases; i++)
		if (!env_all_good(&spec->cases[i].env))
			return false;
	if (spec->open_stdin && (spec->n_cases > 0 || spec->has_stdin))
		return false;
	return env_all_good(&spec->env) && spec->labels.n % 2 == 0;
}

int spec_unpack(const void *data, size_t n, uint64_t input_bytes, struct spec *ret, struct err *err)
{
	struct unpacker u = unpacker_of(data, n);
	struct spec spec;

	if (n > SPEC_BYTES_MAX)
		return err_say(err, EBADMSG, "record of a job: %zu bytes", n);
	spec_init(&spec);
	unpack_all(&u, input_bytes, &spec);
	if (!unpack_end(&u) || !contents_good(&spec)) {
		spec_done(&spec);
		if (u.no_memory)
			return err_set(err, ENOMEM, "record of a job");
		return err_say(err, EBADMSG, "record of a job: damaged, or of another version");
	}
	*ret = spec;
	return 0;
}

/* One component of a path, from `c` to the next '/' or the end. */
static int component_check(const char *c, size_t n, struct err *err)
{
	if (n == 0)
		return err_say(err, EINVAL, "has an empty component");
	if ((n == 1 && c[0] == '.') || (n == 2 && c[0] == '.' && c[1] == '.'))
		return err_say(err, EINVAL, "has a component \"%.*s\"", (int)n, c);
	if (n > 255)
		return err_say(err, EINVAL, "has a component of more than 255 bytes");
	return 0;
}

int spec_file_name_check(const char *name, size_t n, struct err *err)
{
	size_t start = 0;

	if (n == 0)
		return err_say(err, EINVAL, "is empty");
	if (n > SPEC_NAME_BYTES)
		return err_say(err, EINVAL, "has more than %d bytes", SPEC_NAME_BYTES);
	if (name[0] == '/')
		return err_say(err, EINVAL, "begins with '/'");
	for (size_t i = 0; i <= n; i++) {
		if (i < n && ((unsigned char)name[i] < 0x20 || name[i] == 0x7f))
			return err_say(err, EINVAL, "has a control character, 0x%02x, at byte %zu",
				(unsigned char)name[i], i);
		if (i == n || name[i] == '/') {
			int r = component_check(name + start, i - start, err);

			if (r < 0)
				return r;
			start = i + 1;
		}
	}
	return 0;
}

int spec_glob_check(const char *glob, size_t n, struct err *err)
{
	bool open = false;
	int r = spec_file_name_check(glob, n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (glob[i] == '\\')
			return err_say(
				err, EINVAL, "has a backslash at byte %zu; globs have none", i);
		if (!open && glob[i] == '[') {
			open = true;
			if (i + 1 < n && (glob[i + 1] == '!' || glob[i + 1] == '^'))
				i++;
			if (i + 1 < n && glob[i + 1] == ']')
				i++; /* the first one is a member of the set */
		} else if (open && glob[i] == '/') {
			return err_say(err, EINVAL, "has a '/' between brackets at byte %zu", i);
		} else if (open && glob[i] == ']') {
			open = false;
		}
	}
	if (open)
		return err_say(err, EINVAL, "has a '[' without its ']'");
	return 0;
}

int spec_env_check(const char *pair, struct err *err)
{
	const char *eq = strchr(pair, '=');

	if (eq == NULL || eq == pair)
		return err_say(err, EINVAL, "is not NAME=value");
	for (const char *c = pair; c < eq; c++) {
		bool good = isalpha((unsigned char)*c) || *c == '_' ||
			    (c > pair && isdigit((unsigned char)*c));

		if (!good)
			return err_say(err, EINVAL,
				"name has a character other than letters, digits and '_'");
	}
	return 0;
}
