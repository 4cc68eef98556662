/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "rights.h"
#include "wire/frame.h"

const char *const place_paths[DISK_PLACES] = {
	[PLACE_WORKSPACE] = AGENT_WORKSPACE,
	[PLACE_TMP] = "/tmp",
	[PLACE_SHM] = "/dev/shm",
};

/* Whether it counts against the job's disk limit. */
static bool counts(int i)
{
	return i != PLACE_SHM;
}

int places_open(struct places *ret, struct err *err)
{
	struct places places = PLACES_NONE;

	for (int i = 0; i < DISK_PLACES; i++) {
		places.fd[i] = open(place_paths[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (places.fd[i] < 0) {
			(void)err_set(err, errno, "%s", place_paths[i]);
			places_close(&places);
			return -err->code;
		}
	}
	*ret = places;
	return 0;
}

void places_close(struct places *places)
{
	for (int i = 0; i < DISK_PLACES; i++)
		if (places->fd[i] >= 0)
			(void)close(places->fd[i]);
	*places = PLACES_NONE;
}

/* False where it is no tmpfs with a size. */
static bool look_at(const struct places *places, int i, struct statfs *ret)
{
	return fstatfs(places->fd[i], ret) == 0 && ret->f_type == TMPFS_MAGIC && ret->f_blocks > 0;
}

void disk_open_to_all(const struct places *places)
{
	struct statfs fs;

	for (int i = PLACE_TMP; i < DISK_PLACES; i++)
		if (look_at(places, i, &fs))
			(void)chmod(place_paths[i], 01777); /* as it was, where it is not ours */
}

struct disk disk_look(const struct ballast *ballast)
{
	struct disk disk = { 0 };

	for (int i = 0; i < DISK_PLACES; i++) {
		struct statfs fs;
		int64_t used;

		if (!look_at(ballast->places, i, &fs))
			continue;
		used = (int64_t)(fs.f_blocks - fs.f_bfree) * fs.f_bsize - ballast->bytes[i];
		disk.total += used;
		if (counts(i) && used > disk.used)
			disk.used = used;
		if (fs.f_bavail == 0 || (fs.f_files > 0 && fs.f_ffree == 0))
			disk.full = true;
	}
	return disk;
}

static int open_ballast(const struct places *places, int i)
{
	return openat(places->fd[i], ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

void disk_hold(struct ballast *ballast, uid_t agent_uid, uid_t job_uid)
{
	struct statfs fs;

	rights_files_as(job_uid);
	for (int i = 0; i < DISK_PLACES; i++)
		if (counts(i) && look_at(ballast->places, i, &fs))
			ballast->fd[i] = open_ballast(ballast->places, i);
	rights_files_as(agent_uid);
}

/* Takes bytes, or what is left of them. */
static int take(int fd, int64_t from, int64_t bytes, int64_t free_bytes)
{
	if (bytes > free_bytes)
		bytes = free_bytes;
	return bytes > 0 && fallocate(fd, 0, from, bytes) < 0 ? -errno : 0;
}

static int place_limit(struct ballast *ballast, int i, int64_t bytes)
{
	struct statfs fs, after;
	int64_t block, want, have = ballast->bytes[i];
	int r;

	if (!look_at(ballast->places, i, &fs))
		return 0;
	block = fs.f_bsize;
	want = ((int64_t)fs.f_blocks - (bytes + block - 1) / block) * block;
	if (want < 0)
		want = 0;
	if (want == have)
		return 0;
	if (ballast->fd[i] < 0)
		ballast->fd[i] = open_ballast(ballast->places, i);
	if (ballast->fd[i] < 0)
		return -errno;
	r = want < have ? (ftruncate(ballast->fd[i], want) < 0 ? -errno : 0)
			: take(ballast->fd[i], have, want - have, (int64_t)fs.f_bavail * block);
	if (r == 0 && look_at(ballast->places, i,
			      &after)) /* what it came to, metadata of the file aside */
		ballast->bytes[i] += ((int64_t)fs.f_bfree - (int64_t)after.f_bfree) * block;
	return r;
}

int disk_limit(
	struct ballast *ballast, int64_t bytes, uid_t agent_uid, uid_t job_uid, struct err *err)
{
	int r = 0;

	rights_files_as(job_uid);
	for (int i = 0; r == 0 && i < DISK_PLACES; i++)
		if (counts(i))
			r = place_limit(ballast, i, bytes);
	rights_files_as(agent_uid);
	return r < 0 ? err_set(err, -r, "lower the disk limit") : 0;
}
