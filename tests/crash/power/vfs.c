/* SPDX-License-Identifier: MIT */
#include "vfs.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk_parts.h"
#include "store/sqlite_vfs.h"

struct vfs_file {
	sqlite3_file base;
	struct disk_file *on_disk; /* NULL: a temporary file */
	/* Behind it, as SQLite's own VFS wants it. */
	_Alignas(sqlite3_int64) unsigned char real[];
};

static sqlite3_vfs *usual;
static sqlite3_vfs told;
static int (*usual_open_directory)(const char *path, int *ret_fd);

static sqlite3_file *real(sqlite3_file *file)
{
	return (sqlite3_file *)(void *)((struct vfs_file *)(void *)file)->real;
}

static struct disk_file *on_disk(sqlite3_file *file)
{
	return ((struct vfs_file *)(void *)file)->on_disk;
}

static int file_close(sqlite3_file *file)
{
	return real(file)->pMethods->xClose(real(file));
}

static int file_read(sqlite3_file *file, void *ret, int n, sqlite3_int64 offset)
{
	return real(file)->pMethods->xRead(real(file), ret, n, offset);
}

static int file_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 offset)
{
	disk_wrote(on_disk(file), (uint64_t)offset, data, (size_t)n);
	return real(file)->pMethods->xWrite(real(file), data, n, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	disk_sized(on_disk(file), (uint64_t)size);
	return real(file)->pMethods->xTruncate(real(file), size);
}

/* The usual one syncs a new file's directory afterwards: open_directory() sees it. */
static int file_sync(sqlite3_file *file, int flags)
{
	disk_synced(on_disk(file));
	return real(file)->pMethods->xSync(real(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	return real(file)->pMethods->xFileSize(real(file), ret);
}

static int file_lock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xLock(real(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xUnlock(real(file), level);
}

static int file_is_reserved(sqlite3_file *file, int *ret)
{
	return real(file)->pMethods->xCheckReservedLock(real(file), ret);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
	return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int file_sector_size(sqlite3_file *file)
{
	return real(file)->pMethods->xSectorSize(real(file));
}

static int file_properties(sqlite3_file *file)
{
	return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	return real(file)->pMethods->xShmMap(real(file), page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
	real(file)->pMethods->xShmBarrier(real(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
	return real(file)->pMethods->xShmUnmap(real(file), remove);
}

/* Version 2: without mapped files, whose writes nobody would tell. */
static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_is_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_properties,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

static int vfs_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct vfs_file *f = (struct vfs_file *)(void *)file;
	bool was_there = name != NULL && access(name, F_OK) == 0;
	int rc;

	(void)vfs;
	f->base.pMethods = NULL;
	rc = usual->xOpen(usual, name, real(file), flags, ret_flags);
	if (rc != SQLITE_OK)
		return rc;
	if (name != NULL && !was_there)
		disk_made(name);
	f->on_disk = name != NULL ? disk_file_at(name) : NULL;
	f->base.pMethods = &methods;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
	(void)vfs;
	if (access(name, F_OK) == 0)
		disk_removed(name);
	return usual->xDelete(usual, name, sync_directory);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
	size_t n = strlen(name);

	(void)vfs;
	if (n >= (size_t)size)
		return SQLITE_CANTOPEN;
	memcpy(ret, name, n + 1);
	return SQLITE_OK;
}

/* It is opened to be synced, and for nothing else. */
static int open_directory(const char *path, int *ret_fd)
{
	disk_synced_directory_of(path);
	return usual_open_directory(path, ret_fd);
}

void vfs_register(void)
{
	usual = sqlite3_vfs_find("unix");
	if (usual == NULL)
		disk_fail("SQLite's VFS");
	usual_open_directory =
		(int (*)(const char *, int *))usual->xGetSystemCall(usual, "openDirectory");
	if (usual_open_directory == NULL ||
		usual->xSetSystemCall(
			usual, "openDirectory", (sqlite3_syscall_ptr)open_directory) != SQLITE_OK)
		disk_fail("SQLite's opening of directories");
	told = *usual;
	told.pNext = NULL;
	told.zName = SQLITE_VFS_RELATIVE;
	told.szOsFile += (int)sizeof(struct vfs_file);
	told.xOpen = vfs_open;
	told.xDelete = vfs_delete;
	told.xFullPathname = vfs_full_pathname;
	if (sqlite3_vfs_register(&told, 0) != SQLITE_OK)
		disk_fail("register a VFS");
}
