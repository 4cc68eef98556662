/* SPDX-License-Identifier: MIT */
/*
 * What driver and agent say to each other over the container's stdin and
 * stdout. Header only: the agent has this file, pack.h and nothing else.
 *
 * A frame is a header of 8 bytes, then its payload (pack.h):
 *
 *	u32 length of the payload, at most FRAME_PAYLOAD_MAX
 *	u8  type (enum frame_type)
 *	u8  0
 *	u16 0
 *
 * In the order in which they may come:
 *
 *	driver                          agent
 *	PREPARE  limits, uids      ──▶
 *	                           ◀──  READY    (now warm: hours may pass)
 *	START    identity, nonce   ──▶
 *	PLACE    processors        ──▶
 *	FILE, FILE_DATA...         ──▶           once for each file
 *	STEP, STDIN..., STDIN_END  ──▶
 *	                           ◀──  STDOUT, STDERR...
 *	                           ◀──  STEP_END
 *	(STEP again, as often as the job has steps)
 *	(COLLECT for a copy between two steps ──▶ GOT_FILE, GOT_DATA..., SKIPPED, COLLECTED)
 *	COLLECT  globs             ──▶
 *	                           ◀──  GOT_FILE, GOT_DATA..., or SKIPPED
 *	                           ◀──  DONE
 *	                           ◀──  READY    (isolation 1 only: the next job may START)
 *
 * A step with an open input gets STDIN, STDIN_END and SIGNAL as they come to pass, while it
 * runs: what its program does not read stands in nothing's way, since the driver sends no more
 * than FRAME_TYPED_MAX bytes ahead of what was TAKEN.
 *
 * The driver need not wait between START and COLLECT: frames that come early
 * are taken when their turn comes. START it sends only after a READY. At
 * isolation 0 the agent exits after DONE; at 1 it goes on until its stdin ends,
 * and READY often comes in one write with DONE.
 *
 * FAULT may come from the agent at any time: it is our failure, not the
 * program's, and nothing follows it. The end of the agent's stdin means that
 * the driver is gone: the agent kills the job and exits.
 *
 * SIGTERM from outside of the container ends the agent, too, whatever became of the stream: with
 * AGENT_EXIT_OVERDUE where a program has had its wall clock and is still there, else with 0.
 * Both ends take every field for hostile.
 */
#pragma once

#include <stdint.h>

#define FRAME_VERSION     3
#define FRAME_HEADER      8
#define FRAME_PAYLOAD_MAX 65536
#define FRAME_NONCE_BYTES 16
#define FRAME_NAME_MAX    4096  /* bytes of a file's name in the workspace, '/' included */
#define FRAME_TEXT_MAX    1024  /* of a FAULT or a reason */
#define FRAME_TYPED_MAX   65536 /* bytes of an open input that the agent has not TAKEN yet */
#define FRAME_PLACE_MAX   32    /* processors */

#define AGENT_PATH      "/dockgate/agent"
#define AGENT_WORKSPACE "/workspace"

#define AGENT_EXIT_OVERDUE 3

enum frame_type {
	/* driver to agent */
	FRAME_PREPARE = 1,
	/*
	 * u16 FRAME_VERSION; u32 agent uid; u32 job uid; u8 n, then n times i64: the
	 * limits in the order of enum limit, all set, that steps will not exceed;
	 * u8 1: kill at the output limit, 0: cut and go on; u8 1: the task has a network
	 * (its programs may make internet sockets), 0: unix sockets only;
	 * u8 enum frame_isolation.
	 * Neither uid may be 0; job uid + 1 (+ 2 where that is the agent's) is used too
	 */
	FRAME_START,
	/* raw 32 id; u32 attempt; raw 16 nonce, echoed in STEP_END and DONE */
	FRAME_FILE,
	/* str name, relative, no "." or ".." component; u32 mode (0644, 0755); u64 bytes that
	   follow */
	FRAME_FILE_DATA,
	/* raw bytes of the file begun last */
	FRAME_STEP,
	/*
	 * u8 kind (enum frame_step); u8 n, then n times i64: this step's limits, all set,
	 * none above PREPARE's; u32 argc, then str...; u32 envc, then str NAME=value...
	 * u8 1: its input is open, 0: it is known beforehand.
	 * argv and env may be larger than a frame: FRAME_MORE frames go before it, whose
	 * payloads stand in front of this one's
	 */
	FRAME_STDIN,
	/* raw bytes; what the program does not read is thrown away at the step's end */
	FRAME_STDIN_END,
	/* nothing: end of the step's input */
	FRAME_COLLECT,
	/*
	 * u32 files at most; u64 bytes at most; u32 n, then n times str glob. n = 0: none;
	 * u8 1: a copy of the workspace on the way, COLLECTED ends it and the job goes on: what
	 * could not be made again from its files is SKIPPED, empty directories too
	 */
	FRAME_MORE,
	/* raw bytes that belong in front of the payload of the next STEP or COLLECT; 32 MiB in all
	 */
	FRAME_KILL,
	/*
	 * nothing: the job is no longer wanted, and no other frame of it follows. At sandbox level
	 * only: the agent kills it, drops what it kept, and answers DONE; what was on its way
	 * before that is thrown away by the driver. Without a job it means nothing: its DONE and
	 * KILL have crossed.
	 */
	FRAME_SIGNAL,
	/*
	 * u8 number: to the process group of the program's first process. Only behind a STEP
	 * with an open input and before the next order; once the program has ended it means
	 * nothing.
	 */
	FRAME_PLACE,
	/*
	 * u8 n, at most FRAME_PLACE_MAX, then n times u16: the processors, as the kernel counts
	 * them, on which the programs of this job stay from here on; n = 0, or none: on any.
	 * Where the container may not run on all of these they mean nothing
	 */

	/* agent to driver */
	FRAME_READY = 64,
	/* u16 FRAME_VERSION; u8 enum frame_cgroup; str what stood in the way of a cgroup ("" if
	   none) */
	FRAME_STDOUT,
	FRAME_STDERR,
	/* raw bytes, only up to the cap */
	FRAME_STEP_END,
	/*
	 * raw 16 nonce; u8 limit killed for (LIMIT_MAX_: none); u32 exit code (-1 as
	 * 0xffffffff); u8 signal; i64 wall us; i64 cpu us; i64 peak memory; i64 peak
	 * processes; u64 oom kills; u64 pids refused; i64 disk used; u8 disk full;
	 * u8 file limit hit; u64 stdout bytes; u64 stderr bytes (cut ones included);
	 * str why exec failed ("" if it did not; exit code is then 126 or 127)
	 */
	FRAME_GOT_FILE,
	/* str name; u64 bytes that follow; u8 1: its owner may execute it */
	FRAME_GOT_DATA,
	/* raw bytes of the file begun last */
	FRAME_SKIPPED,
	/* str name; str reason: "symbolic link", "device", "fifo", "socket", "too many files",
	 * "too large", "changed while read", "name too long", "too deep", "hard link" ... */
	FRAME_DONE,
	/* raw 16 nonce */
	FRAME_FAULT,
	/*
	 * str what failed. "input: ..." is a file of the job that could not be written:
	 * "input: no space: NAME" where the workspace was too small for it, which is the
	 * client's affair. "sandbox: ..." comes instead of the first READY where the host
	 * does not allow what isolation 1 needs: fall back to 0
	 */
	FRAME_TAKEN,
	/* u32 bytes of an open input that the program's pipe took, or that were thrown away */
	FRAME_COLLECTED,
	/* raw 16 nonce: the copy is complete */
	FRAME_AGENT_MAX_,
};

enum frame_step {
	FRAME_STEP_BUILD,
	FRAME_STEP_CASE,
};

/*
 * What separates one job from the next. What the engine has to give a container
 * differs in this much:
 *
 *			0		1
 *	/proc masked	yes		no (MaskedPaths without /proc/..., ReadonlyPaths empty:
 *					the kernel refuses a proc of their own to the jobs where
 *					the container's is covered; theirs is masked by the agent)
 *	network		the task's	none
 *	tmpfs		of the limits	/workspace, /tmp, /dev/shm only have to be there: jobs
 *					get their own over them
 *	pids		limit + 16	limit + 32
 *	cpus		limit + 0.1	limit + 1: the next job is prepared meanwhile
 *	memory		the same at both: limit + 2 disks + shm + 32 MiB
 *
 * Capabilities SETUID, SETGID, KILL, policy_slot_profile(), no-new-privileges,
 * a private cgroup namespace, AppArmor's dockgate-slot: the same at both.
 */
enum frame_isolation {
	FRAME_ISOLATION_CONTAINER, /* the container is one job's */
	FRAME_ISOLATION_SANDBOX,   /* each job has namespaces of its own in it */
};

/* Where limits and figures of a job come from. */
enum frame_cgroup {
	FRAME_CGROUP_JOB_V1, /* the job's own, made inside the container's */
	FRAME_CGROUP_JOB_V2,
	FRAME_CGROUP_CONTAINER, /* the container's, read only: the fallback */
};
