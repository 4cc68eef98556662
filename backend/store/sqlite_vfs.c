/* SPDX-License-Identifier: MIT */
#include "sqlite_vfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

static sqlite3_vfs relative;

static int full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
	size_t n = strlen(name);

	(void)vfs;
	if (n >= (size_t)size)
		return SQLITE_CANTOPEN;
	memcpy(ret, name, n + 1);
	return SQLITE_OK;
}

int sqlite_vfs_register(struct err *err)
{
	sqlite3_vfs *usual;

	if (sqlite3_vfs_find(SQLITE_VFS_RELATIVE) != NULL)
		return 0;
	usual = sqlite3_vfs_find("unix");
	if (usual == NULL)
		return err_say(err, ENOENT, "SQLite has no VFS 'unix'");
	relative = *usual;
	relative.pNext = NULL;
	relative.zName = SQLITE_VFS_RELATIVE;
	relative.xFullPathname = full_pathname;
	if (sqlite3_vfs_register(&relative, 0) != SQLITE_OK)
		return err_say(err, ENOMEM, "register a VFS of SQLite");
	return 0;
}
