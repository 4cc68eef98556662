/* SPDX-License-Identifier: MIT */
/*
 * A job as its watchers see it: its state, the steps that have ended, and its output, in
 * files that grow while the job runs. All readers of a job's events who come by the same rights
 * share one feed, which asks the queue (MSG_WATCH) by these again and again while it has members:
 * what the queue refuses one of them, it refuses all. Each reads from it at its own pace.
 * A queue that goes away is asked again when it is back: nothing is lost but time.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "common/hash.h"
#include "exchange.h"
#include "wire/result.h"

#define FEED_BEAT_MS 7000 /* who was silent for two of them sends a sign of life */

struct feeds;

struct feed_member {
	LIST_ENTRY(feed_member) link;
	struct feed *feed; /* NULL: it is in none */
	/* There may be more to read. It must not leave from within. */
	void (*news)(struct feed_member *member);
	/* Every FEED_BEAT_MS; the same. */
	void (*beat)(struct feed_member *member);
};

LIST_HEAD(feed_members, feed_member);

/* What those who share a feed have in common. Bytes without gaps: it is hashed. */
struct feed_key {
	struct job_id id;
	uint8_t caller_operator;
	char bearer[257]; /* zero after its end */
};

struct feed {
	/* for reading */
	struct msg_job job; /* its figures; its blobs are empty */
	enum watch_stage stage;
	struct blob out, err; /* owned; len: what can be read */
	struct result steps;  /* owned; nothing but the steps that have ended */
	bool has_build, has_cases;
	bool done;            /* all is there, and `end` */
	struct json_text end; /* owned; the job's document, without contents */
	bool failed;          /* nothing more will come */

	/* its own */
	struct feeds *feeds;
	bool shared;         /* in the table */
	struct feed_key key; /* by whose rights the queue is asked */
	uint64_t token;
	struct event *retry; /* owned */
	struct feed_members members;
	UT_hash_handle hh;
};

int feeds_new(struct event_base *base, struct gateway *gw, struct feeds **ret, struct err *err);
/* Nobody may be in a feed any more. NULL is fine. */
void feeds_free(struct feeds *feeds);
/* In all feeds. */
size_t feeds_members(const struct feeds *feeds);

/*
 * Enters the feed of a job, as the queue's answer to this exchange has it. Of a job that is
 * done, it must have come with spec, result, out and err, which are taken.
 */
int feed_join(
	struct exchange *ex, struct msg_job *job, struct feed_member *member, struct err *err);
void feed_leave(struct feed_member *member);
