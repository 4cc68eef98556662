/* SPDX-License-Identifier: MIT */
/* Both names of each call are defined here, as they are: none may be turned into another. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
/* clang-format off */
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>
/* clang-format on */

/* Left by SHORT: half of it is done. */
#define SHORT (-1)

static struct fault_page own_page;
struct fault_page *fault_page = &own_page;
_Thread_local bool fault_spared;
bool fault_told;
bool fault_traced;

/* Within ours: what it calls in turn is no point. */
static _Thread_local bool busy;

/* ---- is it this one's turn? ---- */

static bool is_meant(const struct fault_page *page, unsigned kind)
{
	return atomic_load_explicit(&page->armed, memory_order_acquire) != 0 && !busy &&
	       !fault_spared && (page->kinds & kind) != 0;
}

/*
 * Libraries that do not stand a lack of memory inside themselves, whatever is done around them:
 * libConfuse's scanner ends the process, and the rest of it reads through what it could not get;
 * libcrypto forgets what it had when it first makes an algorithm; libcurl divides by the size of a
 * table that it could not make; libjansson ends the process where it lost a character of a text.
 */
static const char *const weak[] = { "libconfuse", "libcrypto", "libcurl", "libjansson" };
#define NEAR 8 /* frames: ours, a sanitizer's, strdup(3) and its like come first */

static bool is_of_weak(const struct fault_page *page)
{
	Dl_info info;

	/* Above are ours; the next ones may be those that call for a library, such as strdup(). */
	for (uint32_t i = 0; page->code == ENOMEM && i < page->depth && i < NEAR; i++)
		for (size_t j = 0; j < sizeof(weak) / sizeof(weak[0]); j++)
			if (dladdr(page->trace[i], &info) != 0 &&
				strstr(info.dli_fname, weak[j]) != NULL)
				return true;
	return false;
}

static int note(struct fault_page *page, const char *call, int code)
{
	busy = true;
	strncpy(page->call, call, sizeof(page->call) - 1);
	page->code = code;
	page->depth = (uint32_t)backtrace(page->trace, FAULT_DEPTH);
	if (is_of_weak(page))
		code = 0;
	if (fault_told) {
		(void)dprintf(STDERR_FILENO, "%s fails: %d\n", call, code);
		backtrace_symbols_fd(page->trace, (int)page->depth, STDERR_FILENO);
	}
	atomic_store(&page->fired, code == 0 ? FAULT_SPARED : FAULT_FIRED);
	busy = false;
	return code;
}

/* 0: goes on; else the errno to fail with, or SHORT. */
static int turn(unsigned kind, const char *call, const int *codes)
{
	struct fault_page *page = fault_page;
	uint32_t i = 0;

	if (!is_meant(page, kind))
		return 0;
	while (i < page->round && codes[i] != 0)
		i++;
	if (codes[i] == 0 || atomic_fetch_add(&page->seen, 1) + 1 != page->n)
		return 0;
	return note(page, call, codes[i]);
}

#define CODES(...)             \
	(const int[])          \
	{                      \
		__VA_ARGS__, 0 \
	}

/* The next one's function of that name. */
#define NEXT(name, type)                                                   \
	({                                                                 \
		static __typeof__(type) next_;                             \
		if (next_ == NULL) {                                       \
			bool busy_ = busy;                                 \
			busy = true;                                       \
			next_ = (__typeof__(type))dlsym(RTLD_NEXT, #name); \
			busy = busy_;                                      \
		}                                                          \
		next_;                                                     \
	})

/* ---- memory ---- */

/* For what dlsym(3) asks for before it has found the real ones. */
static _Alignas(64) char early[16384];
static size_t early_used;
static bool finding;

static bool is_early(const void *p)
{
	return (const char *)p >= early && (const char *)p < early + sizeof(early);
}

static void *early_alloc(size_t n)
{
	void *p = early + early_used;

	early_used += (n + 63) & ~(size_t)63;
	if (early_used > sizeof(early))
		abort();
	return p;
}

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);

static void find_memory(void)
{
	if (real_free != NULL || finding)
		return;
	finding = true;
	real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
	real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	real_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	finding = false;
}

#define NOTES_BITS 15
#define NOTES      (1U << NOTES_BITS)

static struct note {
	void *p;
	size_t bytes;
	void *trace[FAULT_DEPTH];
	int depth;
} notes[NOTES];
static size_t n_notes;
static _Atomic bool tracking;
static pthread_mutex_t notes_lock = PTHREAD_MUTEX_INITIALIZER;

static size_t slot_of(const void *p)
{
	return ((uintptr_t)p >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - NOTES_BITS);
}

static void track_new(void *p, size_t n)
{
	size_t at = slot_of(p);

	if (!tracking || busy || fault_spared || p == NULL)
		return;
	busy = true;
	(void)pthread_mutex_lock(&notes_lock);
	if (n_notes++ > NOTES / 2)
		abort();
	while (notes[at].p != NULL)
		at = (at + 1) % NOTES;
	notes[at].p = p;
	notes[at].bytes = n;
	notes[at].depth = fault_traced ? backtrace(notes[at].trace, FAULT_DEPTH) : 0;
	(void)pthread_mutex_unlock(&notes_lock);
	busy = false;
}

/* Those behind a removed one move up, so that none is missed by looking. */
static void close_gap(size_t hole)
{
	for (size_t at = (hole + 1) % NOTES; notes[at].p != NULL; at = (at + 1) % NOTES) {
		size_t home = slot_of(notes[at].p);

		if ((at - home) % NOTES >= (at - hole) % NOTES) {
			notes[hole] = notes[at];
			notes[at].p = NULL;
			hole = at;
		}
	}
}

static void track_gone(const void *p)
{
	size_t at = slot_of(p);

	if (!tracking || busy || p == NULL)
		return;
	(void)pthread_mutex_lock(&notes_lock);
	while (notes[at].p != NULL && notes[at].p != p)
		at = (at + 1) % NOTES;
	if (notes[at].p == p) {
		notes[at].p = NULL;
		n_notes--;
		close_gap(at);
	}
	(void)pthread_mutex_unlock(&notes_lock);
}

void fault_track(bool on)
{
	if (on && n_notes > 0) {
		memset(notes, 0, sizeof(notes));
		n_notes = 0;
	}
	tracking = on;
}

size_t fault_live(void)
{
	return n_notes;
}

size_t fault_live_trace(void **ret, size_t *ret_bytes)
{
	for (size_t at = 0; at < NOTES; at++)
		if (notes[at].p != NULL) {
			memcpy(ret, notes[at].trace, sizeof(notes[at].trace));
			*ret_bytes = notes[at].bytes;
			return (size_t)notes[at].depth;
		}
	return 0;
}

static bool no_memory(const char *call)
{
	static const int codes[] = { ENOMEM, 0 };
	int code = turn(FAULT_MEMORY, call, codes);

	if (code != 0)
		errno = code;
	return code != 0;
}

void *malloc(size_t n)
{
	void *p;

	find_memory();
	if (real_malloc == NULL)
		return early_alloc(n);
	if (no_memory("malloc"))
		return NULL;
	p = real_malloc(n);
	track_new(p, n);
	return p;
}

void *calloc(size_t count, size_t n)
{
	void *p;

	find_memory();
	if (real_calloc == NULL)
		return early_alloc(count * n);
	if (no_memory("calloc"))
		return NULL;
	p = real_calloc(count, n);
	track_new(p, count * n);
	return p;
}

void *realloc(void *old, size_t n)
{
	void *p;

	find_memory();
	if (is_early(old))
		abort();
	if (no_memory("realloc"))
		return NULL;
	track_gone(old);
	p = real_realloc(old, n);
	track_new(p != NULL || n == 0 ? p : old, n);
	return p;
}

void *reallocarray(void *old, size_t count, size_t n)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, n, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, bytes);
}

void free(void *p)
{
	find_memory();
	if (p == NULL || is_early(p))
		return;
	track_gone(p);
	real_free(p);
}

int posix_memalign(void **ret, size_t align, size_t n)
{
	int r = no_memory("posix_memalign")
			? ENOMEM
			: NEXT(posix_memalign, int (*)(void **, size_t, size_t))(ret, align, n);

	if (r == 0)
		track_new(*ret, n);
	return r;
}

void *aligned_alloc(size_t align, size_t n)
{
	void *p = no_memory("aligned_alloc")
			  ? NULL
			  : NEXT(aligned_alloc, void *(*)(size_t, size_t))(align, n);

	track_new(p, n);
	return p;
}

/* A sanitizer's would take memory behind our back. */
char *strndup(const char *text, size_t most)
{
	size_t n = strnlen(text, most);
	char *p = malloc(n + 1);

	if (p == NULL)
		return NULL;
	memcpy(p, text, n);
	p[n] = '\0';
	return p;
}

char *strdup(const char *text)
{
	return strndup(text, strlen(text));
}

/* ---- calls of the system ---- */

/*
 * CALL(what it returns, its name, parameters, arguments, codes): fails as its turn comes.
 * TRANSFER() has a count of bytes as its third argument, of which only half may be done.
 */
#define CALL(type, name, params, args, ...)                                \
	type name params;                                                  \
	type name params                                                   \
	{                                                                  \
		int code = turn(FAULT_SYSCALL, #name, CODES(__VA_ARGS__)); \
		if (code != 0) {                                           \
			errno = code;                                      \
			return (type)-1;                                   \
		}                                                          \
		return NEXT(name, type(*) params) args;                    \
	}

#define TRANSFER(name, params, before, n, after, ...)                                \
	ssize_t name params;                                                         \
	ssize_t name params                                                          \
	{                                                                            \
		int code = turn(FAULT_SYSCALL, #name, CODES(__VA_ARGS__));           \
		if (code > 0) {                                                      \
			errno = code;                                                \
			return -1;                                                   \
		}                                                                    \
		if (code == SHORT && n > 1)                                          \
			n /= 2;                                                      \
		return NEXT(name, ssize_t(*) params)(UNPACK before, n UNPACK after); \
	}
#define UNPACK(...) __VA_ARGS__

/* clang-format off */
#define OPEN_CODES EMFILE, EIO, ENOSPC
#define SYNC_CODES EIO, ENOSPC
#define READ_CODES EIO, EINTR, SHORT
#define WRITE_CODES ENOSPC, EIO, SHORT
#define RECV_CODES ECONNRESET, EINTR, ENOMEM
#define SEND_CODES ECONNRESET, ENOBUFS, EINTR

TRANSFER(read, (int fd, void *buf, size_t n), (fd, buf), n, (), READ_CODES)
TRANSFER(pread, (int fd, void *buf, size_t n, off_t at), (fd, buf), n, (, at), READ_CODES)
TRANSFER(pread64, (int fd, void *buf, size_t n, off_t at), (fd, buf), n, (, at), READ_CODES)
TRANSFER(__read_chk, (int fd, void *buf, size_t n, size_t room), (fd, buf), n, (, room), READ_CODES)
TRANSFER(__pread_chk, (int fd, void *buf, size_t n, off_t at, size_t room), (fd, buf), n, (, at, room), READ_CODES)
TRANSFER(__pread64_chk, (int fd, void *buf, size_t n, off_t at, size_t room), (fd, buf), n, (, at, room), READ_CODES)
TRANSFER(write, (int fd, const void *buf, size_t n), (fd, buf), n, (), WRITE_CODES)
TRANSFER(pwrite, (int fd, const void *buf, size_t n, off_t at), (fd, buf), n, (, at), WRITE_CODES)
TRANSFER(pwrite64, (int fd, const void *buf, size_t n, off_t at), (fd, buf), n, (, at), WRITE_CODES)
TRANSFER(recv, (int fd, void *buf, size_t n, int flags), (fd, buf), n, (, flags), RECV_CODES)
TRANSFER(__recv_chk, (int fd, void *buf, size_t n, size_t room, int flags), (fd, buf), n, (, room, flags), RECV_CODES)
TRANSFER(send, (int fd, const void *buf, size_t n, int flags), (fd, buf), n, (, flags), SEND_CODES)
CALL(ssize_t, readv, (int fd, const struct iovec *v, int n), (fd, v, n), ECONNRESET, EIO, EINTR)
CALL(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), EPIPE, ENOSPC, EINTR)
CALL(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags), RECV_CODES)
CALL(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), SEND_CODES)
CALL(int, recvmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *t), (fd, m, n, flags, t), RECV_CODES)
CALL(int, sendmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags), (fd, m, n, flags), SEND_CODES)
TRANSFER(sendfile, (int out, int in, off_t *at, size_t n), (out, in, at), n, (), EIO, ECONNRESET, SHORT)
TRANSFER(sendfile64, (int out, int in, off_t *at, size_t n), (out, in, at), n, (), EIO, ECONNRESET, SHORT)
CALL(ssize_t, getrandom, (void *buf, size_t n, unsigned flags), (buf, n, flags), EINTR, ENOSYS)

CALL(int, fsync, (int fd), (fd), SYNC_CODES)
CALL(int, fdatasync, (int fd), (fd), SYNC_CODES)
CALL(int, sync_file_range, (int fd, off64_t at, off64_t n, unsigned flags), (fd, at, n, flags), EIO)
CALL(int, ftruncate, (int fd, off_t n), (fd, n), EIO, ENOSPC)
CALL(int, ftruncate64, (int fd, off_t n), (fd, n), EIO, ENOSPC)
CALL(int, fallocate, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n), ENOSPC, EOPNOTSUPP)
CALL(int, fallocate64, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n), ENOSPC, EOPNOTSUPP)
CALL(off_t, lseek, (int fd, off_t at, int whence), (fd, at, whence), EIO)
CALL(off_t, lseek64, (int fd, off_t at, int whence), (fd, at, whence), EIO)
CALL(int, fstat, (int fd, struct stat *st), (fd, st), EIO)
CALL(int, fstat64, (int fd, struct stat64 *st), (fd, st), EIO)
CALL(int, rename, (const char *from, const char *to), (from, to), EIO, ENOSPC)
CALL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), EIO, ENOSPC)
CALL(int, linkat, (int a, const char *from, int b, const char *to, int f), (a, from, b, to, f), EIO, ENOSPC, EMLINK)
CALL(int, unlink, (const char *path), (path), EIO)
CALL(int, unlinkat, (int at, const char *path, int flags), (at, path, flags), EIO)
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), ENOSPC)
CALL(int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), ENOSPC)

CALL(int, socket, (int domain, int type, int protocol), (domain, type, protocol), EMFILE, ENOBUFS)
CALL(int, socketpair, (int domain, int type, int protocol, int pair[2]), (domain, type, protocol, pair), EMFILE)
CALL(int, connect, (int fd, const struct sockaddr *sa, socklen_t n), (fd, sa, n), ECONNREFUSED, EAGAIN)
CALL(int, accept, (int fd, struct sockaddr *sa, socklen_t *n), (fd, sa, n), EMFILE, ECONNABORTED, ENOMEM)
CALL(int, accept4, (int fd, struct sockaddr *sa, socklen_t *n, int flags), (fd, sa, n, flags), EMFILE, ECONNABORTED, ENOMEM)
CALL(int, setsockopt, (int fd, int level, int name, const void *v, socklen_t n), (fd, level, name, v, n), ENOMEM)
CALL(int, getsockopt, (int fd, int level, int name, void *v, socklen_t *n), (fd, level, name, v, n), ENOBUFS)
CALL(int, pipe2, (int pair[2], int flags), (pair, flags), EMFILE)
CALL(int, dup, (int fd), (fd), EMFILE)
CALL(int, epoll_create1, (int flags), (flags), EMFILE)
CALL(int, epoll_wait, (int fd, struct epoll_event *ev, int n, int ms), (fd, ev, n, ms), EINTR)
CALL(int, poll, (struct pollfd *p, nfds_t n, int ms), (p, n, ms), EINTR, ENOMEM)
CALL(int, eventfd, (unsigned value, int flags), (value, flags), EMFILE)
CALL(int, timerfd_create, (clockid_t clock, int flags), (clock, flags), EMFILE)
CALL(int, timerfd_settime, (int fd, int flags, const struct itimerspec *a, struct itimerspec *b), (fd, flags, a, b), ECANCELED)
CALL(int, memfd_create, (const char *name, unsigned flags), (name, flags), EMFILE, ENOMEM)
CALL(pid_t, fork, (void), (), EAGAIN, ENOMEM)
CALL(int, execve, (const char *path, char *const *argv, char *const *env), (path, argv, env), ENOMEM, ENOENT)
/* clang-format on */

static int fail(const char *call, const int *codes)
{
	int code = turn(FAULT_SYSCALL, call, codes);

	if (code != 0)
		errno = code;
	return code;
}

/* Only what adds one: a change needs nothing. */
int epoll_ctl(int fd, int op, int other, struct epoll_event *ev)
{
	if (op == EPOLL_CTL_ADD && fail("epoll_ctl", CODES(ENOMEM, ENOSPC)) != 0)
		return -1;
	return NEXT(epoll_ctl, int (*)(int, int, int, struct epoll_event *))(fd, op, other, ev);
}

#define OPEN(name)                                                                        \
	int name(const char *path, int flags, ...);                                       \
	int name(const char *path, int flags, ...)                                        \
	{                                                                                 \
		va_list args;                                                             \
		mode_t mode;                                                              \
		va_start(args, flags);                                                    \
		mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0; \
		va_end(args);                                                             \
		if (fail(#name, CODES(OPEN_CODES)) != 0)                                  \
			return -1;                                                        \
		return NEXT(name, int (*)(const char *, int, ...))(path, flags, mode);    \
	}
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                            \
	int name(int at, const char *path, int flags, ...);                                     \
	int name(int at, const char *path, int flags, ...)                                      \
	{                                                                                       \
		va_list args;                                                                   \
		mode_t mode;                                                                    \
		va_start(args, flags);                                                          \
		mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;       \
		va_end(args);                                                                   \
		if (fail(#name, CODES(OPEN_CODES)) != 0)                                        \
			return -1;                                                              \
		return NEXT(name, int (*)(int, const char *, int, ...))(at, path, flags, mode); \
	}
OPENAT(openat)
OPENAT(openat64)

CALL(int, __open_2, (const char *path, int flags), (path, flags), OPEN_CODES)
CALL(int, __open64_2, (const char *path, int flags), (path, flags), OPEN_CODES)
CALL(int, __openat_2, (int at, const char *path, int flags), (at, path, flags), OPEN_CODES)
CALL(int, __openat64_2, (int at, const char *path, int flags), (at, path, flags), OPEN_CODES)

/* Only what makes something; giving up a lock does not fail. */
static bool takes_lock(int cmd, const void *arg)
{
	return (cmd == F_SETLK || cmd == F_OFD_SETLK) &&
	       ((const struct flock *)arg)->l_type != F_UNLCK;
}

#define FCNTL(name)                                                                                \
	int name(int fd, int cmd, ...);                                                            \
	int name(int fd, int cmd, ...)                                                             \
	{                                                                                          \
		va_list args;                                                                      \
		void *arg;                                                                         \
		va_start(args, cmd);                                                               \
		arg = va_arg(args, void *);                                                        \
		va_end(args);                                                                      \
		if ((cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC) && fail(#name, CODES(EMFILE)) != 0) \
			return -1;                                                                 \
		if (cmd == F_ADD_SEALS && fail(#name, CODES(EBUSY)) != 0)                          \
			return -1;                                                                 \
		if (takes_lock(cmd, arg) && fail(#name, CODES(ENOLCK, EAGAIN)) != 0)               \
			return -1;                                                                 \
		return NEXT(name, int (*)(int, int, ...))(fd, cmd, arg);                           \
	}
FCNTL(fcntl)
FCNTL(fcntl64)

#define MMAP(name)                                                                  \
	void *name(void *p, size_t n, int prot, int flags, int fd, off_t at)        \
	{                                                                           \
		if (fail(#name, CODES(ENOMEM)) != 0)                                \
			return MAP_FAILED;                                          \
		return NEXT(name, void *(*)(void *, size_t, int, int, int, off_t))( \
			p, n, prot, flags, fd, at);                                 \
	}
MMAP(mmap)
MMAP(mmap64)

int pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	static const int codes[] = { EAGAIN, 0 };
	int code = turn(FAULT_SYSCALL, "pthread_create", codes);

	if (code != 0)
		return code;
	return NEXT(pthread_create, int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
					    void *))(ret, attr, fn, arg);
}

/* ---- before all ---- */

/* A sanitizer's, where there is one. */
__attribute__((__weak__)) void __lsan_disable(void); /* NOLINT(bugprone-reserved-identifier) */
__attribute__((__weak__)) void __lsan_enable(void);  /* NOLINT(bugprone-reserved-identifier) */

__attribute__((__constructor__)) static void begin(void)
{
	void *trace[2];

	find_memory();
	/* It loads what it needs, once; through our malloc() that looks like a leak. */
	if (__lsan_disable != NULL)
		__lsan_disable();
	(void)backtrace(trace, 2);
	if (__lsan_enable != NULL)
		__lsan_enable();
}
