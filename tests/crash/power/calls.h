/* SPDX-License-Identifier: MIT */
/* What the linker puts in place of the system's, and the system's. */
#pragma once

#include <sys/types.h>

int real_fsync(int fd) __asm__("__real_fsync");
int real_linkat(int from_dir, const char *from, int dir_fd, const char *name, int flags) __asm__(
	"__real_linkat");
int real_unlinkat(int dir_fd, const char *name, int flags) __asm__("__real_unlinkat");
int real_mkdir(const char *path, mode_t mode) __asm__("__real_mkdir");

int calls_fsync(int fd) __asm__("__wrap_fsync");
int calls_fdatasync(int fd) __asm__("__wrap_fdatasync");
int calls_linkat(int from_dir, const char *from, int dir_fd, const char *name, int flags) __asm__(
	"__wrap_linkat");
int calls_unlinkat(int dir_fd, const char *name, int flags) __asm__("__wrap_unlinkat");
int calls_mkdir(const char *path, mode_t mode) __asm__("__wrap_mkdir");
int calls_rename(const char *from, const char *to) __asm__("__wrap_rename");
int calls_renameat(int from_dir, const char *from, int to_dir, const char *to) __asm__(
	"__wrap_renameat");
