/* SPDX-License-Identifier: MIT */
#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/directory.h"
#include "common/hex.h"

#define NAME_BYTES (STORE_FILE_CHARS / 2)
#define COPY_BYTES (256 * 1024)
#define LINK_TRIES 8

struct spool {
	int dir_fd; /* owned */
	dev_t dev;
	uid_t uid;
	struct store *store; /* that keeps files, too; NULL: none */
	bool shared;
};

static void digest_free_p(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

int spool_open(const char *path, struct spool **ret, struct err *err)
{
	cleanup_close int dir_fd = -EBADF;
	struct spool *spool;
	struct stat st;
	int r = directory_make(path, 0700, err);

	if (r < 0)
		return r;
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir_fd < 0 || fstat(dir_fd, &st) < 0)
		return err_set(err, errno, "open directory '%s'", path);
	spool = calloc(1, sizeof(*spool));
	if (spool == NULL)
		return err_set(err, ENOMEM, "spool");
	spool->dir_fd = TAKE_FD(dir_fd);
	spool->dev = st.st_dev;
	spool->uid = geteuid();
	*ret = spool;
	return 0;
}

void spool_close(struct spool *spool)
{
	if (spool == NULL)
		return;
	(void)close(spool->dir_fd);
	free(spool);
}

void spool_use_store(struct spool *spool, struct store *store, bool shared)
{
	spool->store = store;
	spool->shared = shared;
}

int spool_new(struct spool *spool, int *ret_fd, struct err *err)
{
	int fd = openat(spool->dir_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, errno, "make a spool file");
	*ret_fd = fd;
	return 0;
}

/* A nameless file of our own, as spool_new() made it: nobody else can make one here. */
static bool is_ours(const struct spool *spool, const struct stat *st)
{
	return st->st_dev == spool->dev && st->st_uid == spool->uid && st->st_nlink == 0;
}

static int check_length(const struct stat *st, uint64_t len, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_say(err, EPROTO, "a descriptor that is no file");
	if ((uint64_t)st->st_size != len)
		return err_say(err, EPROTO, "a file of %jd bytes that was said to have %" PRIu64,
			(intmax_t)st->st_size, len);
	return 0;
}

static int write_all(int fd, const uint8_t *data, size_t n, struct err *err)
{
	while (n > 0) {
		ssize_t r = write(fd, data, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_set(err, errno, "write a spool file");
		data += r;
		n -= (size_t)r;
	}
	return 0;
}

/* Hashes all of the blob, and copies it to copy_fd where that is a descriptor. */
static int pass_through(
	const struct blob *blob, int copy_fd, uint8_t ret_sha256[static 32], struct err *err)
{
	__attribute__((__cleanup__(digest_free_p))) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	cleanup_free uint8_t *buf = malloc(COPY_BYTES);
	uint64_t at = 0;

	if (ctx == NULL || buf == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		return err_set(err, ENOMEM, "hash a spool file");
	while (at < blob->len) {
		uint64_t left = blob->len - at;
		size_t n = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
		int r = blob_read(blob, at, buf, n, err);

		if (r == 0 && copy_fd >= 0)
			r = write_all(copy_fd, buf, n, err);
		if (r < 0)
			return r;
		if (EVP_DigestUpdate(ctx, buf, n) != 1)
			return err_set(err, EIO, "hash a spool file");
		at += n;
	}
	if (EVP_DigestFinal_ex(ctx, ret_sha256, NULL) != 1)
		return err_set(err, EIO, "hash a spool file");
	return 0;
}

static int new_name(char ret[static STORE_FILE_CHARS + 1], struct err *err)
{
	uint8_t random[NAME_BYTES];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_set(err, errno, "getrandom");
	hex_encode(random, sizeof(random), ret);
	return 0;
}

/* linkat(2) of a descriptor itself needs a capability; by its name in /proc it does not. */
static int give_name(
	struct spool *spool, int fd, char ret[static STORE_FILE_CHARS + 1], struct err *err)
{
	char path[64];
	char name[STORE_FILE_CHARS + 1];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int i = 0; i < LINK_TRIES; i++) {
		int r = new_name(name, err);

		if (r < 0)
			return r;
		if (linkat(AT_FDCWD, path, spool->dir_fd, name, AT_SYMLINK_FOLLOW) == 0) {
			memcpy(ret, name, sizeof(name));
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	return err_set(err, errno, "name a spool file");
}

static int share(struct spool *spool, int fd, struct store_blob *stored, struct err *err)
{
	int r = new_name(stored->file, err);

	return r < 0 ? r : store_file_put(spool->store, stored->file, fd, stored->bytes, err);
}

static int make_durable(struct spool *spool, int fd, struct store_blob *stored, struct err *err)
{
	int r;

	if (fsync(fd) < 0)
		return err_set(err, errno, "sync a spool file");
	r = give_name(spool, fd, stored->file, err);
	if (r < 0)
		return r;
	if (fsync(spool->dir_fd) < 0) {
		r = err_set(err, errno, "sync the spool");
		spool_remove(spool, stored->file);
	}
	return r;
}

static int seal_file(struct spool *spool, const struct blob *blob, bool ours,
	struct store_blob *ret, struct err *err)
{
	cleanup_close int copy_fd = -EBADF;
	struct store_blob stored = { .bytes = blob->len };
	int r = 0;

	if (!ours)
		r = spool_new(spool, &copy_fd, err);
	/* Whoever filled a file of ours has hashed it meanwhile. */
	if (r == 0 && ours && blob->hashed)
		memcpy(stored.sha256, blob->sha256, sizeof(stored.sha256));
	else if (r == 0)
		r = pass_through(blob, copy_fd, stored.sha256, err);
	if (r == 0 && spool->shared)
		r = share(spool, ours ? blob->fd : copy_fd, &stored, err);
	else if (r == 0)
		r = make_durable(spool, ours ? blob->fd : copy_fd, &stored, err);
	if (r < 0)
		return r;
	*ret = stored;
	return 0;
}

int spool_seal(struct spool *spool, struct blob *blob, struct store_blob *ret, struct err *err)
{
	struct store_blob stored = { .bytes = blob->len };
	struct stat st = { 0 };
	int r;

	if (blob->fd >= 0) {
		if (fstat(blob->fd, &st) < 0)
			return err_set(err, errno, "look at a descriptor");
		r = check_length(&st, blob->len, err);
		if (r < 0)
			return r;
	}
	if (blob->len > BLOB_INLINE_MAX) {
		bool ours = blob->fd >= 0 && is_ours(spool, &st);

		r = seal_file(spool, blob, ours, ret, err);
		/* A file that once lost its name again cannot be linked: copied. */
		return r == -ENOENT && ours ? seal_file(spool, blob, false, ret, err) : r;
	}
	if (blob->fd < 0) {
		stored.data = TAKE_PTR(blob->data);
		blob->len = 0;
	} else if (blob->len > 0) {
		r = blob_read_all(blob, BLOB_INLINE_MAX, &stored.data, err);
		if (r < 0)
			return r;
	}
	*ret = stored;
	return 0;
}

int spool_read(
	struct spool *spool, const struct store_blob *stored, struct blob *ret, struct err *err)
{
	cleanup_close int fd = -EBADF;
	struct stat st;

	if (stored->file[0] == '\0')
		return blob_of(stored->data, (size_t)stored->bytes, ret, err);
	fd = openat(spool->dir_fd, stored->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT && spool->store != NULL)
		return err_say(err, EINPROGRESS, "spool file %s is in the store", stored->file);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "open spool file %s", stored->file);
	if ((uint64_t)st.st_size != stored->bytes)
		return err_say(err, ENODATA, "spool file %s has %jd bytes, stored were %" PRIu64,
			stored->file, (intmax_t)st.st_size, stored->bytes);
	*ret = blob_of_fd(TAKE_FD(fd), stored->bytes);
	return 0;
}

int spool_fetch(
	struct spool *spool, const struct store_blob *stored, struct blob *ret, struct err *err)
{
	cleanup_close int fd = -EBADF;
	int r = spool_new(spool, &fd, err);

	if (r == 0)
		r = store_file_get(spool->store, stored->file, fd, stored->bytes, err);
	if (r < 0)
		return r;
	*ret = blob_of_fd(TAKE_FD(fd), stored->bytes);
	return 0;
}

int spool_reopen(struct spool *spool, int fd, int *ret_fd, struct err *err)
{
	char path[64];
	struct stat st;
	int own;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "look at a spool file");
	if (!S_ISREG(st.st_mode) || !is_ours(spool, &st))
		return err_say(err, EPROTO, "a descriptor that is no file of the spool");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return err_set(err, errno, "open a spool file for reading");
	*ret_fd = own;
	return 0;
}

int spool_adopt(struct spool *spool, int fd, const char *name, struct err *err)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fsync(fd) < 0)
		return err_set(err, errno, "sync a spool file");
	if (linkat(AT_FDCWD, path, spool->dir_fd, name, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST)
		return err_set(err, errno, "name a spool file");
	return fsync(spool->dir_fd) < 0 ? err_set(err, errno, "sync the spool") : 0;
}

void spool_remove(struct spool *spool, const char *file)
{
	struct err ignored; /* the store removes by itself what nobody names */

	if (file[0] == '\0')
		return;
	if (unlinkat(spool->dir_fd, file, 0) < 0 && errno == ENOENT && spool->store != NULL)
		(void)store_file_remove(spool->store, file, &ignored);
}

bool spool_has(struct spool *spool, const char *file)
{
	return faccessat(spool->dir_fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int spool_each(struct spool *spool, store_file_fn *fn, void *arg, struct err *err)
{
	int fd = openat(spool->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		int saved_errno = errno;

		if (fd >= 0)
			(void)close(fd);
		return err_set(err, saved_errno, "read the spool");
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			fn(entry->d_name, arg);
	(void)closedir(dir);
	return 0;
}
