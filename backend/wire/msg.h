/* SPDX-License-Identifier: MIT */
/*
 * THE catalogue of messages between gateway, queue, driver and courier: every message,
 * its fields with their ranges, and which role may send it to which. There is
 * no other way for the roles to reach each other.
 *
 * They travel in SOCK_SEQPACKET datagrams, several in one where there are several (each
 * behind its length, u32), one with descriptors by itself. A message is at most
 * MSG_BYTES_MAX bytes with at most MSG_FDS_MAX descriptors (pack.h): u16 MSG_VERSION, u16
 * type, then the fields in order. The receiver checks version, type, the sender's
 * role and every field's range, also from our own processes; what does not
 * pass closes the connection.
 *
 * The struct of a message and its code are made from the table below.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "blob.h"
#include "common/callback.h"
#include "common/client.h"
#include "common/gpu.h"
#include "common/job_id.h"
#include "common/job_signal.h"
#include "common/job_state.h"
#include "common/limits.h"
#include "common/role.h"
#include "common/trace.h"
#include "common/verdict.h"

#define MSG_VERSION   4
#define MSG_BYTES_MAX (64 * 1024 - 4)
#define MSG_FDS_MAX   6

#define INPUT_BYTES_MAX (64 * 1024) /* that are handed to a running job at one time */

/* Why a request was refused; the gateway makes HTTP of it. X(id, text) */
#define REFUSALS(X)                               \
	X(NOT_FOUND, "no such job")               \
	X(QUEUE_FULL, "the queue is full")        \
	X(OVER_SHARE, "over this client's share") \
	X(UNAUTHORIZED, "a token is needed")      \
	X(FORBIDDEN, "not allowed")               \
	X(UNKNOWN_TASK, "no such task")           \
	X(NOT_READY, "the service is not ready")  \
	X(INVALID, "the request is not valid")    \
	X(NO_INPUT, "the job takes no input")     \
	X(INPUT_FULL, "input is not read")        \
	X(KEY_REUSED, "the key was used before")  \
	X(CONFLICT, "not as things are")          \
	X(STORE, "the store cannot be written or read")

enum refusal {
#define X(id, text) REFUSAL_##id,
	REFUSALS(X)
#undef X
		REFUSAL_MAX_,
};

const char *refusal_text(enum refusal refusal);

/* Which blobs a reply is to bring: bits of `want`. */
#define WANT_SPEC   1U
#define WANT_RESULT 2U
#define WANT_OUT    4U
#define WANT_ERR    8U
#define WANT_FILES  16U
#define WANT_ALL    31U

/* Blobs of a job, in the store and in SPOOL_OPEN. The order is stored; append only. */
enum job_blob {
	JOB_BLOB_SPEC,
	JOB_BLOB_INPUT,
	JOB_BLOB_RESULT,
	JOB_BLOB_OUT,
	JOB_BLOB_ERR,
	JOB_BLOB_FILES,
	JOB_BLOB_MAX_,
};

/* Why a driver gives a job back unended. */
enum giveback {
	GIVEBACK_DRAIN,  /* told to stop: does not count as an attempt */
	GIVEBACK_ENGINE, /* the engine went away or failed: counts */
	GIVEBACK_BUSY,   /* no room after all: does not count */
	GIVEBACK_MAX_,
};

/* How far a job that is not done has come, as its watcher knows. */
enum watch_stage {
	WATCH_UNKNOWN,
	WATCH_QUEUED,
	WATCH_RUNNING, /* handed over to a driver */
	WATCH_STARTED, /* in its container */
	WATCH_STAGE_MAX_,
};

/* What SWEEP does. */
enum sweep_act {
	SWEEP_CANCEL,
	SWEEP_PURGE, /* those that have ended */
	SWEEP_RETRY, /* the same */
	SWEEP_ACT_MAX_,
};

/* What CLIENT_ASK is about; all but the first for operators. */
enum client_act {
	CLIENT_ME,     /* who the caller is */
	CLIENT_LIST,   /* all clients */
	CLIENT_ADD,    /* a new one, by `name` and all behind it */
	CLIENT_REVOKE, /* that of that name */
	CLIENT_AUDIT,  /* who did what, newest first */
	CLIENT_ACT_MAX_,
};

/* Files of a running job that a watcher has: bits of `have`. */
#define TAP_OUT 1U
#define TAP_ERR 2U
#define TAP_ALL 3U

#define MSG_CASES_MAX (1024 * 1024) /* bytes of a running job's steps that are shown */

/* What came of an attempt to announce an ending. */
enum delivery {
	DELIVERY_DONE,   /* 2xx */
	DELIVERY_FAILED, /* anything else; `error` says what */
	DELIVERY_BUSY,   /* not tried: others are on their way to the same host */
	DELIVERY_MAX_,
};

/*
 * Kinds of fields. F(kind, name, arg):
 *	U8, U32, U64  arg: largest value          uint8_t, uint32_t, uint64_t
 *	I64           arg: unused                 int64_t
 *	ID            arg: unused                 struct job_id
 *	STR           arg: most bytes             char name[arg + 1]
 *	BLOB          arg: most bytes             struct blob (owned by the message)
 *
 * `token` is the asker's number for a request; the answer brings it back.
 * `caller_operator` is 1 where the client came over the unix socket as root or as
 * a member of the operators' group; `bearer` is its token, "" for none.
 */
/* clang-format off */
#define MSG_HELLO_FIELDS(F) /* first in each direction */ \
	F(U32, version, UINT32_MAX) F(U8, role, ROLE_MAX_ - 1) F(U64, generation, UINT64_MAX) \
	F(U64, instance, UINT64_MAX) /* of the process, random: another one has lost all it ran */ \
	F(STR, node, 64)

/* What a watcher has of a running job's output: bytes, steps that have ended, descriptors (TAP_*). */
#define MSG_KNOWN(F) \
	F(U64, out_bytes, UINT64_MAX) F(U64, err_bytes, UINT64_MAX) F(U32, steps, UINT32_MAX) F(U8, have, TAP_ALL)

/* gateway to queue */
#define MSG_CALLER(F) F(U8, caller_operator, 1) F(STR, bearer, 256)
#define MSG_SUBMIT_FIELDS(F) \
	F(U64, token, UINT64_MAX) MSG_CALLER(F) F(U8, classic, 1) F(STR, task, TASK_NAME_MAX) \
	F(U32, wait_ms, 3600000) F(U32, want, WANT_ALL) F(I64, retention_s, 0) /* -1: the task's */ \
	F(U32, priority, PRIORITY_MAX) \
	F(BLOB, spec, UINT64_MAX) F(BLOB, input, UINT64_MAX) \
	F(STR, key, 255) F(ID, fingerprint, 0) /* "" for none, and the request's SHA-256 */ \
	F(STR, trace, TRACE_CHARS) /* a traceparent; "": none. So in JOB and RUN */ \
	F(STR, callback, CALLBACK_URL_MAX) /* "" for none */
#define MSG_JOB_GET_FIELDS(F) /* answered at once, or when the job ends, or after wait_ms */ \
	F(U64, token, UINT64_MAX) MSG_CALLER(F) F(U8, classic, 1) F(ID, id, 0) F(U32, wait_ms, 3600000) F(U32, want, WANT_ALL)
#define MSG_JOB_CANCEL_FIELDS(F) \
	F(U64, token, UINT64_MAX) MSG_CALLER(F) F(ID, id, 0)
#define MSG_JOB_LIST_FIELDS(F) /* newest first; states: bits 1 << enum job_state, 0: all */ \
	F(U64, token, UINT64_MAX) MSG_CALLER(F) F(U32, limit, 1000) F(U64, cursor, INT64_MAX) F(U32, states, 7) F(STR, task, TASK_NAME_MAX) F(STR, client, 64) /* "": all that the asker may see */
#define MSG_QUEUE_GET_FIELDS(F) /* classic: every unexpired job, oldest first; else waiting and running ones */ \
	F(U64, token, UINT64_MAX) MSG_CALLER(F) F(U8, classic, 1)
#define MSG_STATUS_GET_FIELDS(F) \
	F(U64, token, UINT64_MAX) F(U8, metrics, 1)
#define MSG_WATCH_FIELDS(F) /* answered with JOB when the job is not as known here, with PROGRESS when it printed more, or after wait_ms with JOB */ \
	F(U64, token, UINT64_MAX) MSG_CALLER(F) F(ID, id, 0) F(U32, wait_ms, 3600000) F(U32, want, WANT_ALL) /* of a job that has ended */ \
	F(U8, stage, WATCH_STAGE_MAX_ - 1) F(U32, attempt, UINT32_MAX) F(U64, position, UINT64_MAX) MSG_KNOWN(F)
#define MSG_JOB_INPUT_FIELDS(F) /* for a job with an open stdin: bytes, its end behind them, a signal; wait_ms: for its start */ \
	F(U64, token, UINT64_MAX) MSG_CALLER(F) F(ID, id, 0) F(U32, wait_ms, 3600000) F(U8, end, 1) F(U8, signal, JOB_SIGNAL_MAX) \
	F(BLOB, data, INPUT_BYTES_MAX)
#define MSG_PAUSE_FIELDS(F) /* task: "" for the whole queue; paused 0: goes on. Answered with DONE */ \
	F(U64, token, UINT64_MAX) MSG_CALLER(F) F(U8, paused, 1) F(STR, task, TASK_NAME_MAX)
#define MSG_SWEEP_FIELDS(F) /* something done to all jobs that are as said; verdicts: bits, 0 for all; label: NAME:VALUE. Answered with DONE */ \
	F(U64, token, UINT64_MAX) MSG_CALLER(F) F(U8, act, SWEEP_ACT_MAX_ - 1) F(U32, states, 7) F(U32, verdicts, (1U << VERDICT_MAX_) - 1) \
	F(STR, task, TASK_NAME_MAX) F(STR, client, 64) F(STR, label, 511)
#define MSG_JOB_PURGE_FIELDS(F) /* a job that has ended goes now; answered with DONE */ \
	F(U64, token, UINT64_MAX) MSG_CALLER(F) F(ID, id, 0)
#define MSG_JOB_RETRY_FIELDS(F) /* its request as a new job; answered with JOB */ \
	F(U64, token, UINT64_MAX) MSG_CALLER(F) F(ID, id, 0)
#define MSG_CLIENT_ASK_FIELDS(F) /* act: enum client_act; answered with CLIENT_TELL */ \
	F(U64, token, UINT64_MAX) MSG_CALLER(F) F(U8, act, CLIENT_ACT_MAX_ - 1) F(U32, limit, 1000) F(U64, cursor, INT64_MAX) \
	F(STR, name, CLIENT_NAME_MAX) F(U32, weight, CLIENT_WEIGHT_MAX) F(U32, max_running, CLIENT_JOBS_MAX) F(U32, max_queued, CLIENT_JOBS_MAX) \
	F(U64, rate, CLIENT_RATE_MAX) F(U32, burst, CLIENT_BURST_MAX) F(U64, max_bytes, INT64_MAX) F(STR, tasks, CLIENT_TASKS_MAX) \
	F(U8, is_operator, 1)
#define MSG_FORGET_FIELDS(F) /* the client of that request has left */ \
	F(U64, token, UINT64_MAX)

/* gateway or driver to queue: an unlinked file of the spool to write into; a driver names job, attempt and kind */
#define MSG_SPOOL_OPEN_FIELDS(F) \
	F(U64, token, UINT64_MAX) MSG_CALLER(F) F(ID, id, 0) F(U32, attempt, UINT32_MAX) F(U8, kind, JOB_BLOB_MAX_ - 1)

/* queue to gateway */
#define MSG_JOB_FIELDS(F) /* answers SUBMIT, JOB_GET, JOB_CANCEL; *_ms: unix time, 0 for not yet */ \
	F(U64, token, UINT64_MAX) F(ID, id, 0) F(U64, seq, INT64_MAX) F(STR, task, TASK_NAME_MAX) F(U8, state, 2) \
	F(U8, verdict, VERDICT_MAX_) F(U32, attempt, UINT32_MAX) F(U64, position, UINT64_MAX) F(I64, estimated_ms, 0) /* its start, 0: not known */ \
	F(I64, queued_ms, 0) F(I64, started_ms, 0) F(I64, finished_ms, 0) F(I64, expires_ms, 0) \
	F(STR, node, 64) F(STR, image, 255) F(U8, isolation, ISOLATION_MAX_ - 1) F(STR, error, 1000) \
	F(BLOB, spec, UINT64_MAX) F(BLOB, result, UINT64_MAX) F(BLOB, out, UINT64_MAX) F(BLOB, err, UINT64_MAX) F(BLOB, files, UINT64_MAX) \
	F(U64, out_bytes, UINT64_MAX) F(U64, err_bytes, UINT64_MAX) F(U64, files_bytes, UINT64_MAX) \
	F(U8, replayed, 1) /* SUBMIT: the job was there already, by its key */ \
	F(STR, trace, TRACE_CHARS) \
	F(U8, callback, CALLBACK_STATE_MAX_ - 1) F(U32, callback_attempts, UINT32_MAX) F(I64, callback_next_ms, 0) \
	F(STR, callback_error, CALLBACK_ERROR_MAX)
#define MSG_REFUSED_FIELDS(F) \
	F(U64, token, UINT64_MAX) F(U8, why, REFUSAL_MAX_ - 1) F(STR, detail, 1000) F(U32, retry_after_s, 86400)
#define MSG_JOBS_FIELDS(F) /* answers JOB_LIST, QUEUE_GET; list: listing.h; cursor: of the next page, 0 for none */ \
	F(U64, token, UINT64_MAX) F(U64, cursor, INT64_MAX) F(U64, waiting, UINT64_MAX) F(U64, running, UINT64_MAX) F(BLOB, list, UINT64_MAX) \
	F(U8, paused, 1) F(BLOB, paused_tasks, UINT64_MAX) /* of QUEUE_GET: names, strings of pack.h */
#define MSG_DONE_FIELDS(F) /* how many it was done to, and how many were refused it */ \
	F(U64, token, UINT64_MAX) F(U64, n, UINT64_MAX) F(U64, refused, UINT64_MAX)
#define MSG_STATUS_FIELDS(F) /* reason: "" where all is up; metrics: Prometheus text of queue and driver */ \
	F(U64, token, UINT64_MAX) F(U8, store_up, 1) F(U8, driver_up, 1) F(U8, engine_up, 1) F(STR, reason, 1000) \
	F(U64, waiting, UINT64_MAX) F(U64, running, UINT64_MAX) F(BLOB, metrics, UINT64_MAX) F(BLOB, node, UINT64_MAX)

#define MSG_HISTORY_GET_FIELDS(F) /* numbers alone: anybody may ask */ \
	F(U64, token, UINT64_MAX)
#define MSG_HISTORY_FIELDS(F) /* samples: sample.h, step_s apart; the last one is of now */ \
	F(U64, token, UINT64_MAX) F(U32, step_s, 3600) F(BLOB, samples, UINT64_MAX)

#define MSG_METRICS_GET_FIELDS(F) /* of the driver; nothing to say */ \
	F(U8, unused, 0)
#define MSG_METRICS_FIELDS(F) /* Prometheus' text */ \
	F(BLOB, text, UINT64_MAX)
#define MSG_CLIENT_TELL_FIELDS(F) /* secret: a new client's token, said once; list: clients, or entries of the audit */ \
	F(U64, token, UINT64_MAX) F(STR, name, CLIENT_NAME_MAX) F(U8, is_operator, 1) F(STR, secret, CLIENT_TOKEN_CHARS) \
	F(U64, cursor, INT64_MAX) F(BLOB, list, UINT64_MAX)

/* queue to gateway or driver */
#define MSG_SPOOL_FIELDS(F) /* file: a descriptor open for writing, len 0 */ \
	F(U64, token, UINT64_MAX) F(BLOB, file, UINT64_MAX)

/* queue to driver */
#define MSG_RUN_FIELDS(F) \
	F(ID, id, 0) F(U32, attempt, UINT32_MAX) F(STR, task, TASK_NAME_MAX) F(BLOB, spec, UINT64_MAX) F(BLOB, input, UINT64_MAX) \
	F(U64, gpus, UINT64_MAX) /* it gets those of NODE's; 0: none */ \
	F(STR, trace, TRACE_CHARS) F(STR, client, 64)
#define MSG_STOP_FIELDS(F) /* cancelled: end it with that verdict, or, where its lease is lost, without a word */ \
	F(ID, id, 0) F(U32, attempt, UINT32_MAX) F(U8, lease_lost, 1)
#define MSG_INPUT_FIELDS(F) /* of a JOB_INPUT, to be answered with INPUT_TAKEN */ \
	F(U64, gate, UINT64_MAX) F(U64, token, UINT64_MAX) F(ID, id, 0) F(U32, attempt, UINT32_MAX) F(U8, end, 1) \
	F(U8, signal, JOB_SIGNAL_MAX) F(BLOB, data, INPUT_BYTES_MAX)
#define MSG_ENDING_ACK_FIELDS(F) /* stored, or not wanted any more: forget it */ \
	F(ID, id, 0) F(U32, attempt, UINT32_MAX)

#define MSG_TAP_FIELDS(F) /* a WATCH of a running job, to be answered with one PROGRESS, when there is more; an earlier one of that gate is void */ \
	F(U64, gate, UINT64_MAX) F(U64, token, UINT64_MAX) F(ID, id, 0) F(U32, attempt, UINT32_MAX) MSG_KNOWN(F)

/* driver to queue, and on to the gateway */
/*
 * steps: a result.h record with nothing but the steps that have ended, from the first that
 * was not known on. out, err: files that grow, len 0, where they were not there yet; the
 * first *_bytes bytes of them can be read.
 */
#define MSG_PROGRESS_FIELDS(F) \
	F(U64, gate, UINT64_MAX) F(U64, token, UINT64_MAX) F(ID, id, 0) F(U32, attempt, UINT32_MAX) \
	F(U8, has_build, 1) F(U8, has_cases, 1) F(U64, out_bytes, INT64_MAX) F(U64, err_bytes, INT64_MAX) F(U32, from_step, UINT32_MAX) \
	F(BLOB, steps, UINT64_MAX) F(BLOB, out, 0) F(BLOB, err, 0)

/* driver to queue */
/*
 * NODE, at the start and on every change. cpus: thousandths. gpus: ids with commas between, their
 * places are the bits of masks. running: u32 n, n times (raw 32 id, u32 attempt, u64 mask of the
 * gpus it has), kept endings included. tasks: u32 n, n times (str name, u8 its image is there,
 * str the image's id, u32 containers that wait warm, u32 busy ones).
 */
#define MSG_NODE_FIELDS(F) \
	F(U8, engine_up, 1) F(STR, reason, 1000) F(U32, slots, 100000) F(I64, cpus, 0) F(I64, memory_bytes, 0) \
	F(BLOB, running, UINT64_MAX) F(BLOB, tasks, UINT64_MAX) F(STR, engine, 200) F(STR, gpus, GPU_TEXT_MAX)
#define MSG_STARTED_FIELDS(F) \
	F(ID, id, 0) F(U32, attempt, UINT32_MAX) F(I64, started_ms, 0) F(STR, image, 255) F(U8, isolation, ISOLATION_MAX_ - 1)
#define MSG_ENDING_FIELDS(F) \
	F(ID, id, 0) F(U32, attempt, UINT32_MAX) F(U8, verdict, VERDICT_MAX_ - 1) F(STR, error, 1000) F(I64, finished_ms, 0) \
	F(STR, image, 255) F(U8, isolation, ISOLATION_MAX_ - 1) \
	F(BLOB, result, UINT64_MAX) F(BLOB, out, UINT64_MAX) F(BLOB, err, UINT64_MAX) F(BLOB, files, UINT64_MAX)
#define MSG_CASES_FIELDS(F) /* steps: a result.h record with nothing but the steps that have ended */ \
	F(ID, id, 0) F(U32, attempt, UINT32_MAX) F(BLOB, steps, MSG_CASES_MAX)
#define MSG_GIVEBACK_FIELDS(F) \
	F(ID, id, 0) F(U32, attempt, UINT32_MAX) F(U8, why, GIVEBACK_MAX_ - 1) F(STR, reason, 1000)

/* driver to queue, and on to the gateway where it was taken */
#define MSG_INPUT_TAKEN_FIELDS(F) /* why: REFUSAL_MAX_: it was */ \
	F(U64, gate, UINT64_MAX) F(U64, token, UINT64_MAX) F(U8, why, REFUSAL_MAX_) F(STR, detail, 200)

/* queue to courier */
#define MSG_DELIVER_FIELDS(F) /* until that age (its number for the attempt) nobody else tries; it asks for the job by JOB_GET */ \
	F(U64, seq, INT64_MAX) F(I64, claim, 0) F(ID, id, 0) F(STR, url, CALLBACK_URL_MAX)
/* courier to queue */
#define MSG_DELIVERED_FIELDS(F) /* what came of it */ \
	F(U64, seq, INT64_MAX) F(I64, claim, 0) F(U8, outcome, DELIVERY_MAX_ - 1) F(STR, error, CALLBACK_ERROR_MAX)

#define BY(role) (1U << ROLE_##role)

/* X(ID, member, number on the wire, roles that may send it, role that it goes to) */
#define MESSAGES(X) \
	X(HELLO,      hello,       1, BY(GATEWAY) | BY(QUEUE) | BY(DRIVER) | BY(COURIER), BY(GATEWAY) | BY(QUEUE) | BY(DRIVER) | BY(COURIER)) \
	X(SUBMIT,     submit,      2, BY(GATEWAY),              BY(QUEUE)) \
	X(JOB_GET,    job_get,     3, BY(GATEWAY) | BY(COURIER), BY(QUEUE)) \
	X(JOB_CANCEL, job_cancel,  4, BY(GATEWAY),              BY(QUEUE)) \
	X(JOB_LIST,   job_list,    5, BY(GATEWAY),              BY(QUEUE)) \
	X(QUEUE_GET,  queue_get,   6, BY(GATEWAY),              BY(QUEUE)) \
	X(STATUS_GET, status_get,  7, BY(GATEWAY),              BY(QUEUE)) \
	X(FORGET,     forget,      8, BY(GATEWAY),              BY(QUEUE)) \
	X(SPOOL_OPEN, spool_open,  9, BY(GATEWAY) | BY(DRIVER), BY(QUEUE)) \
	X(JOB,        job,        10, BY(QUEUE),                BY(GATEWAY) | BY(COURIER)) \
	X(REFUSED,    refused,    11, BY(QUEUE),                BY(GATEWAY) | BY(DRIVER) | BY(COURIER)) \
	X(JOBS,       jobs,       12, BY(QUEUE),                BY(GATEWAY)) \
	X(STATUS,     status,     13, BY(QUEUE),                BY(GATEWAY)) \
	X(SPOOL,      spool,      14, BY(QUEUE),                BY(GATEWAY) | BY(DRIVER)) \
	X(RUN,        run,        15, BY(QUEUE),                BY(DRIVER)) \
	X(STOP,       stop,       16, BY(QUEUE),                BY(DRIVER)) \
	X(ENDING_ACK, ending_ack, 17, BY(QUEUE),                BY(DRIVER)) \
	X(NODE,       node,       18, BY(DRIVER),               BY(QUEUE)) \
	X(STARTED,    started,    19, BY(DRIVER),               BY(QUEUE)) \
	X(ENDING,     ending,     20, BY(DRIVER),               BY(QUEUE)) \
	X(GIVEBACK,   giveback,   21, BY(DRIVER),               BY(QUEUE)) \
	X(WATCH,      watch,      22, BY(GATEWAY),              BY(QUEUE)) \
	X(TAP,        tap,        23, BY(QUEUE),                BY(DRIVER)) \
	X(PROGRESS,   progress,   24, BY(QUEUE) | BY(DRIVER),   BY(GATEWAY) | BY(QUEUE)) \
	X(JOB_INPUT,  job_input,  26, BY(GATEWAY),              BY(QUEUE)) \
	X(INPUT,      input,      27, BY(QUEUE),                BY(DRIVER)) \
	X(INPUT_TAKEN, input_taken, 28, BY(QUEUE) | BY(DRIVER), BY(GATEWAY) | BY(QUEUE)) \
	X(CLIENT_ASK, client_ask, 38, BY(GATEWAY),              BY(QUEUE)) \
	X(CLIENT_TELL, client_tell, 39, BY(QUEUE),              BY(GATEWAY)) \
	X(PAUSE,      pause,      42, BY(GATEWAY),              BY(QUEUE)) \
	X(SWEEP,      sweep,      43, BY(GATEWAY),              BY(QUEUE)) \
	X(JOB_PURGE,  job_purge,  44, BY(GATEWAY),              BY(QUEUE)) \
	X(JOB_RETRY,  job_retry,  45, BY(GATEWAY),              BY(QUEUE)) \
	X(DONE,       done,       46, BY(QUEUE),                BY(GATEWAY)) \
	X(HISTORY_GET, history_get, 50, BY(GATEWAY),            BY(QUEUE)) \
	X(HISTORY,    history,    51, BY(QUEUE),                BY(GATEWAY)) \
	X(METRICS_GET, metrics_get, 52, BY(QUEUE),              BY(DRIVER)) \
	X(METRICS,    metrics,    53, BY(DRIVER),               BY(QUEUE)) \
	X(CASES,      cases,      30, BY(DRIVER),               BY(QUEUE)) \
	X(DELIVER,    deliver,    32, BY(QUEUE),                BY(COURIER)) \
	X(DELIVERED,  delivered,  33, BY(COURIER),              BY(QUEUE))
/* clang-format on */

enum msg_type {
#define X(ID, member, number, by, to) MSG_##ID = number,
	MESSAGES(X)
#undef X
};

#define MSG_C_U8(name, arg)         uint8_t name;
#define MSG_C_U32(name, arg)        uint32_t name;
#define MSG_C_U64(name, arg)        uint64_t name;
#define MSG_C_I64(name, arg)        int64_t name;
#define MSG_C_ID(name, arg)         struct job_id name;
#define MSG_C_STR(name, arg)        char name[(arg) + 1];
#define MSG_C_BLOB(name, arg)       struct blob name;
#define MSG_MEMBER(kind, name, arg) MSG_C_##kind(name, arg)

#define X(ID, member, number, by, to)         \
	struct msg_##member {                 \
		MSG_##ID##_FIELDS(MSG_MEMBER) \
	};
MESSAGES(X)
#undef X

/*
 * One message. msg_init() gives it its type, all-zero fields and empty blobs;
 * msg_done() releases the blobs.
 */
struct msg {
	enum msg_type type;
	union {
#define X(ID, member, number, by, to) struct msg_##member member;
		MESSAGES(X)
#undef X
	};
};

void msg_init(struct msg *msg, enum msg_type type);
void msg_done(struct msg *msg);
#define cleanup_msg __attribute__((__cleanup__(msg_done)))

/* "submit". Never NULL. */
const char *msg_name(enum msg_type type);

/* May `from` send this type to `to`? */
bool msg_allowed(enum msg_type type, enum role from, enum role to);

/*
 * Writes the message. Blobs that do not fit into the datagram go behind sealed
 * memfds that this makes; blobs with a descriptor are passed as they are.
 * ret_fds are the message's own (do not close) except those marked in
 * *ret_made (bit i: ret_fds[i] was made here, the caller closes it).
 */
int msg_encode(const struct msg *msg, uint8_t buf[static MSG_BYTES_MAX], size_t *ret_len,
	int ret_fds[static MSG_FDS_MAX], size_t *ret_nfds, unsigned *ret_made, struct err *err);

/*
 * Reads one message as `to`, sent by `from`. Takes over all `fds`, on failure
 * too (they are closed). *ret is the caller's: msg_done().
 */
int msg_decode(const uint8_t *data, size_t len, int *fds, size_t nfds, enum role from, enum role to,
	struct msg *ret, struct err *err);
