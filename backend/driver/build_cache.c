/* SPDX-License-Identifier: MIT */
#include "build_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/hash.h"
#include "common/hex.h"
#include "common/log.h"
#include "wire/pack.h"

#define BOOT_ID    "/proc/sys/kernel/random/boot_id"
#define BOOT_FILE  "boot"
#define BOOT_MAX   64
#define NAME_CHARS 64 /* of an entry's file */
#define INDEX_MAX  (32 * 1024 * 1024)
#define TAIL_BYTES 16 /* u64 length of the index, u64 TAIL_MAGIC */
#define TAIL_MAGIC 0x31646c69756267dULL

struct kept {
	struct build_key key;
	uint64_t bytes;
	int64_t used_ns; /* while they are read in: the file's time */
	UT_hash_handle hh;
};

/* The hash is in the order of use, the one unused longest first. */
struct builds {
	int dir_fd; /* owned */
	uint64_t bytes, bytes_max;
	struct kept *kept; /* owned */
	unsigned long long written;
};

struct build_writer {
	struct builds *cache;
	struct build_key key;
	char name[NAME_CHARS + 32];
	int fd; /* owned */
	uint64_t len, left;
	struct spec_file *files; /* owned */
	size_t n_files;
};

static void name_of(const struct build_key *key, char ret[static NAME_CHARS + 1])
{
	hex_encode(key->b, sizeof(key->b), ret);
}

/* ---- what is there ---- */

static void forget(struct builds *cache, struct kept *kept)
{
	char name[NAME_CHARS + 1];

	name_of(&kept->key, name);
	(void)unlinkat(cache->dir_fd, name, 0);
	cache->bytes -= kept->bytes;
	HASH_DEL(cache->kept, kept);
	free(kept);
}

static void make_room(struct builds *cache)
{
	while (cache->bytes > cache->bytes_max && cache->kept != NULL)
		forget(cache, cache->kept);
}

static int add(struct builds *cache, const struct build_key *key, const struct stat *st)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (kept == NULL)
		return -ENOMEM;
	kept->key = *key;
	kept->bytes = (uint64_t)st->st_size;
	kept->used_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
	HASH_ADD(hh, cache->kept, key, sizeof(kept->key), kept);
	cache->bytes += kept->bytes;
	return 0;
}

/* An entry's file, or something that has no place here. */
static void look_at(struct builds *cache, const char *name, bool same_boot)
{
	struct build_key key;
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return;
	if (same_boot && strcmp(name, BOOT_FILE) == 0)
		return;
	if (same_boot && strlen(name) == NAME_CHARS && hex_decode(name, NAME_CHARS, key.b) &&
		fstatat(cache->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISREG(st.st_mode) && add(cache, &key, &st) == 0)
		return;
	(void)unlinkat(cache->dir_fd, name, 0);
}

static int by_use(const struct kept *a, const struct kept *b)
{
	return (a->used_ns > b->used_ns) - (a->used_ns < b->used_ns);
}

static ssize_t read_text(int dir_fd, const char *path, char ret[static BOOT_MAX])
{
	cleanup_close int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -1 : read(fd, ret, BOOT_MAX);
}

static bool is_same_boot(const struct builds *cache)
{
	char now[BOOT_MAX], then[BOOT_MAX];
	ssize_t n = read_text(AT_FDCWD, BOOT_ID, now);

	return n > 0 && read_text(cache->dir_fd, BOOT_FILE, then) == n &&
	       memcmp(now, then, (size_t)n) == 0;
}

static int note_boot(const struct builds *cache, struct err *err)
{
	cleanup_close int fd = -EBADF;
	char now[BOOT_MAX];
	ssize_t n = read_text(AT_FDCWD, BOOT_ID, now);

	if (n <= 0)
		return err_set(err, EIO, "read " BOOT_ID);
	fd = openat(cache->dir_fd, BOOT_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		0600);
	if (fd < 0 || write(fd, now, (size_t)n) != n)
		return err_set(err, fd < 0 ? errno : EIO, "write to the build cache");
	return 0;
}

static int read_in(struct builds *cache, struct err *err)
{
	bool same_boot = is_same_boot(cache);
	int fd = openat(cache->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		int code = errno;

		if (fd >= 0)
			(void)close(fd);
		return err_set(err, code, "read the build cache");
	}
	while ((entry = readdir(dir)) != NULL)
		look_at(cache, entry->d_name, same_boot);
	(void)closedir(dir);
	HASH_SORT(cache->kept, by_use);
	make_room(cache);
	return note_boot(cache, err);
}

int build_cache_open(const char *dir, int64_t bytes_max, struct builds **ret, struct err *err)
{
	struct builds *cache;
	int r;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "make directory '%s'", dir);
	cache = calloc(1, sizeof(*cache));
	if (cache == NULL)
		return err_set(err, ENOMEM, "build cache");
	cache->bytes_max = (uint64_t)bytes_max;
	cache->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	r = cache->dir_fd < 0 ? err_set(err, errno, "open '%s'", dir) : read_in(cache, err);
	if (r < 0) {
		build_cache_free(cache);
		return r;
	}
	*ret = cache;
	return 0;
}

void build_cache_free(struct builds *cache)
{
	struct kept *kept, *next;

	if (cache == NULL)
		return;
	HASH_ITER(hh, cache->kept, kept, next)
	{
		HASH_DEL(cache->kept, kept);
		free(kept);
	}
	if (cache->dir_fd >= 0)
		(void)close(cache->dir_fd);
	free(cache);
}

uint64_t build_cache_entry_max(const struct builds *cache)
{
	return cache->bytes_max / 4;
}

/* ---- reading one ---- */

void build_entry_done(struct build_entry *entry)
{
	for (size_t i = 0; i < entry->n_files; i++)
		free(entry->files[i].name);
	free(entry->files);
	entry->files = NULL;
	entry->n_files = 0;
	result_done(&entry->result);
	blob_done(&entry->blob);
}

static bool unpack_file(struct unpacker *u, uint64_t total, struct spec_file *ret)
{
	struct err err;

	ret->name = unpack_strdup(u, SPEC_NAME_BYTES);
	ret->executable = unpack_u8(u) == 1;
	ret->data.offset = unpack_u64(u);
	ret->data.len = unpack_u64(u);
	return ret->name != NULL && ret->data.offset <= total &&
	       ret->data.len <= total - ret->data.offset &&
	       spec_file_name_check(ret->name, strlen(ret->name), &err) == 0;
}

static bool unpack_index(struct unpacker *u, uint64_t total, struct build_entry *ret)
{
	const uint8_t *record;
	size_t n = unpack_u32(u), len;
	struct err err;

	if (u->failed || n > SPEC_FILES_MAX)
		return false;
	ret->files = calloc(n + 1, sizeof(*ret->files));
	if (ret->files == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		ret->n_files = i + 1;
		if (!unpack_file(u, total, &ret->files[i]))
			return false;
	}
	record = unpack_bytes(u, INDEX_MAX, &len);
	return record != NULL && unpack_end(u) &&
	       result_unpack(record, len, total, total, 0, &ret->result, &err) == 0 &&
	       ret->result.n_steps == 1 && ret->result.steps[0].build;
}

static bool read_index(struct build_entry *ret)
{
	cleanup_free uint8_t *index = NULL;
	uint8_t tail[TAIL_BYTES];
	struct unpacker u = unpacker_of(tail, sizeof(tail));
	uint64_t len;
	struct err err;

	if (ret->blob.len < TAIL_BYTES ||
		blob_read(&ret->blob, ret->blob.len - TAIL_BYTES, tail, TAIL_BYTES, &err) < 0)
		return false;
	len = unpack_u64(&u);
	if (unpack_u64(&u) != TAIL_MAGIC || len > INDEX_MAX || len > ret->blob.len - TAIL_BYTES)
		return false;
	index = malloc(len + 1);
	if (index == NULL ||
		blob_read(&ret->blob, ret->blob.len - TAIL_BYTES - len, index, len, &err) < 0)
		return false;
	u = unpacker_of(index, len);
	return unpack_index(&u, ret->blob.len - TAIL_BYTES - len, ret);
}

static void use(struct builds *cache, struct kept *kept, const char *name)
{
	HASH_DEL(cache->kept, kept);
	HASH_ADD(hh, cache->kept, key, sizeof(kept->key), kept);
	(void)utimensat(cache->dir_fd, name, NULL, AT_SYMLINK_NOFOLLOW);
}

bool build_cache_get(struct builds *cache, const struct build_key *key, struct build_entry *ret)
{
	struct build_entry entry = { .blob = BLOB_EMPTY };
	char name[NAME_CHARS + 1];
	struct kept *kept;
	int fd;

	HASH_FIND(hh, cache->kept, key, sizeof(*key), kept);
	if (kept == NULL)
		return false;
	result_init(&entry.result);
	name_of(key, name);
	fd = openat(cache->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		entry.blob = blob_of_fd(fd, kept->bytes);
	if (fd < 0 || !read_index(&entry)) {
		log_warning("build cache: %s is damaged, and removed", name);
		build_entry_done(&entry);
		forget(cache, kept);
		return false;
	}
	use(cache, kept, name);
	*ret = entry;
	return true;
}

/* ---- writing one ---- */

int build_writer_new(struct builds *cache, const struct build_key *key, struct build_writer **ret,
	struct err *err)
{
	struct build_writer *writer = calloc(1, sizeof(*writer));
	char name[NAME_CHARS + 1];

	if (writer == NULL)
		return err_set(err, ENOMEM, "build cache");
	writer->cache = cache;
	writer->key = *key;
	name_of(key, name);
	/* Two jobs may build the same at one time. */
	(void)snprintf(writer->name, sizeof(writer->name), "%s.%llu.new", name, ++cache->written);
	writer->fd = openat(cache->dir_fd, writer->name,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (writer->fd < 0) {
		int code = errno;

		free(writer);
		return err_set(err, code, "write to the build cache");
	}
	*ret = writer;
	return 0;
}

static int put(struct build_writer *writer, const void *data, size_t n, struct err *err)
{
	const uint8_t *at = data;

	while (n > 0) {
		ssize_t done = write(writer->fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_set(err, errno, "write to the build cache");
		at += done;
		n -= (size_t)done;
		writer->len += (uint64_t)done;
	}
	return 0;
}

int build_writer_file(struct build_writer *writer, const char *name, uint64_t bytes,
	bool executable, struct err *err)
{
	struct spec_file *files;

	if (writer->left > 0)
		return err_say(err, EPROTO, "build cache: a file is not complete");
	if (writer->n_files >= SPEC_FILES_MAX || spec_file_name_check(name, strlen(name), err) < 0)
		return err_say(err, EINVAL, "build cache: a file that cannot be kept");
	files = realloc(writer->files, (writer->n_files + 1) * sizeof(*files));
	if (files == NULL)
		return err_set(err, ENOMEM, "build cache");
	writer->files = files;
	files[writer->n_files] = (struct spec_file){
		.name = strdup(name), .data = { writer->len, bytes }, .executable = executable
	};
	if (files[writer->n_files].name == NULL)
		return err_set(err, ENOMEM, "build cache");
	writer->n_files++;
	writer->left = bytes;
	return 0;
}

int build_writer_add(struct build_writer *writer, const void *data, size_t n, struct err *err)
{
	if (n > writer->left)
		return err_say(err, EPROTO, "build cache: more than was said");
	writer->left -= n;
	return put(writer, data, n, err);
}

/* The record of the step, its output where it stands in the file. */
static int pack_record(
	struct packer *p, const struct step_result *step, uint64_t out_offset, struct err *err)
{
	struct step_result copy = *step;
	struct result result;
	struct blob record;
	int r;

	result_init(&result);
	copy.out.offset = out_offset;
	copy.err.offset = out_offset + copy.out.bytes;
	result.steps = &copy;
	result.n_steps = 1;
	r = result_pack(&result, &record, err);
	if (r == 0)
		pack_bytes(p, record.data, (size_t)record.len);
	if (r == 0)
		blob_done(&record);
	return r;
}

static int put_index(struct build_writer *writer, const struct step_result *step,
	uint64_t out_offset, struct err *err)
{
	struct packer p = packer_growing();
	size_t len;
	int r;

	pack_u32(&p, (uint32_t)writer->n_files);
	for (size_t i = 0; i < writer->n_files; i++) {
		pack_str(&p, writer->files[i].name);
		pack_u8(&p, writer->files[i].executable);
		pack_u64(&p, writer->files[i].data.offset);
		pack_u64(&p, writer->files[i].data.len);
	}
	r = pack_record(&p, step, out_offset, err);
	len = p.len;
	pack_u64(&p, len);
	pack_u64(&p, TAIL_MAGIC);
	if (r == 0 && (p.failed || len > INDEX_MAX))
		r = err_set(err, ENOMEM, "build cache");
	if (r == 0)
		r = put(writer, p.buf, p.len, err);
	packer_done(&p);
	return r;
}

static int commit(struct build_writer *writer, struct err *err)
{
	struct builds *cache = writer->cache;
	char name[NAME_CHARS + 1];
	struct kept *before;
	struct stat st;

	name_of(&writer->key, name);
	if (fstat(writer->fd, &st) < 0 ||
		renameat(cache->dir_fd, writer->name, cache->dir_fd, name) < 0)
		return err_set(err, errno, "write to the build cache");
	writer->name[0] = '\0';
	HASH_FIND(hh, cache->kept, &writer->key, sizeof(writer->key), before);
	if (before != NULL) {
		cache->bytes -= before->bytes;
		HASH_DEL(cache->kept, before);
		free(before);
	}
	if (add(cache, &writer->key, &st) < 0) {
		(void)unlinkat(cache->dir_fd, name, 0);
		return err_set(err, ENOMEM, "build cache");
	}
	make_room(cache);
	return 0;
}

int build_writer_keep(struct build_writer *writer, const struct step_result *step, const void *out,
	const void *err_out, struct err *err)
{
	uint64_t out_offset = writer->len;
	int r = writer->left > 0 ? err_say(err, EPROTO, "build cache: a file is not complete") : 0;

	if (r == 0)
		r = put(writer, out, (size_t)step->out.bytes, err);
	if (r == 0)
		r = put(writer, err_out, (size_t)step->err.bytes, err);
	if (r == 0)
		r = put_index(writer, step, out_offset, err);
	if (r == 0)
		r = commit(writer, err);
	build_writer_drop(writer);
	return r;
}

void build_writer_drop(struct build_writer *writer)
{
	if (writer == NULL)
		return;
	if (writer->name[0] != '\0')
		(void)unlinkat(writer->cache->dir_fd, writer->name, 0);
	for (size_t i = 0; i < writer->n_files; i++)
		free(writer->files[i].name);
	free(writer->files);
	(void)close(writer->fd);
	free(writer);
}
