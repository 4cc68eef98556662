/* SPDX-License-Identifier: MIT */
/*
 * What every hostile program shares. A program is one file with one HOSTILE(): its name, what
 * must come of it as a job, and a function that returns GOT when it got what it wanted. Run by
 * root without a cage it must return GOT: else the attack proves nothing.
 *
 *	HOSTILE(ptrace_1, STOPPED)
 *	{
 *		return reached(ptrace(PTRACE_ATTACH, 1, NULL, NULL));
 *	}
 *
 * What must come of it: a verdict, and behind a space what the runner looks at besides:
 *
 *	exit=N           the exit code
 *	limit=NAME       the limit that is named
 *	files=N          so many files came back
 *	out=TEXT         begins the output
 *	task=NAME        runs as that task of the runner's instead of "hostile"
 *	uncaged=no       not without a cage: what it does is only of interest in one
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GOT     0
#define NOT     1
#define STOPPED "nonzero_exit exit=1 out=stopped"
#define MIB     (1024UL * 1024)

struct hostile {
	const char *name, *expected;
	int (*run)(void);
};

#define HOSTILE(name, expected)                                                                 \
	static int hostile_##name(void);                                                        \
	static const struct hostile entry_##name __attribute__((                                \
		section("hostile"), used, aligned(8))) = { #name, (expected), hostile_##name }; \
	static int hostile_##name(void)

/* Says why not. Returns NOT. */
int stopped(const char *why);
/*
 * GOT where a call that returned `r` was let through to what it was for: it succeeded, or failed
 * for another reason than that it may not.
 */
int reached(long r);
/* The same where an error of any kind is a failure. */
int succeeded(long r);
/* Opens it so; GOT where that worked and, for reading, something came. */
int opens(const char *path, int flags);
/* Runs fn in a child of its own: GOT where that ended with GOT, NOT where it ended otherwise. */
int in_child(int (*fn)(void));
void nap(long ms);
__attribute__((noreturn)) void wait_for_ever(void);
/* Writes what goes through. */
void put(int fd, const void *data, size_t n);
/* Burns so much of this process's cpu time. */
void burn(long ms);
/* A file of n bytes. */
int make_file(const char *name, const char *content, size_t n);
/* The number that the runner gave with the name; 0 for none. */
extern long hostile_argument;
