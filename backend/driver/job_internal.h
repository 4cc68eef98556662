/* SPDX-License-Identifier: MIT */
/* Shared by job.c (its life), job_feed.c (what goes into the container), job_take.c (what comes
 * out), job_autopsy.c (what it was when nothing did), job_tap.c (who reads along). */
#pragma once

#include <openssl/evp.h>

#include "build_cache.h"
#include "compare.h"
#include "job.h"
#include "processors.h"
#include "wire/result.h"
#include "wire/spec.h"

enum job_phase {
	PHASE_RESOLVING,
	PHASE_WAITING,
	PHASE_FEEDING,
	PHASE_STEPPING,
	PHASE_CHECKING,
	PHASE_SAVING,
	PHASE_COLLECTING,
	PHASE_AUTOPSY,
	PHASE_SETTLING,
	PHASE_OVER, /* told; only calls under way keep the memory */
	PHASE_MAX_,
};

#define TYPED_ASKERS_MAX 8

/* What comes in while the job runs, where its stdin is open. */
struct typed {
	struct evbuffer *bytes; /* owned; NULL: nothing ever came */
	bool end;               /* nothing follows those */
	uint32_t ahead;         /* bytes that the agent has and has not taken */
	struct event *timer;    /* owned: whoever still waits is told */
	struct {
		uint64_t gate, token;
	} askers[TYPED_ASKERS_MAX]; /* their bytes are here; told once few are left */
	size_t n_askers;
};

/* job_build.c's. */
struct build {
	struct build_key key;
	bool known;
	struct build_entry entry;    /* owned; where it is known */
	struct build_writer *writer; /* owned; while it is copied */
};

struct job {
	TAILQ_ENTRY(job) link;
	struct jobs *jobs;
	struct job_id id;
	uint32_t attempt;
	char text[JOB_ID_CHARS + 1];
	enum job_phase phase;
	struct spec spec;
	struct blob input; /* owned */
	struct plan *plan; /* owned */
	struct image *image;
	struct pool_ticket ticket;
	char client[64 + 1]; /* "": none */
	uint64_t gpus;       /* what the queue gave it, by their places */
	char *gpus_text;     /* owned; the same as the engine is told; NULL: as the task says */
	struct box *box;     /* the pool's; ours while not NULL */
	struct place place;  /* of its programs, while it has the box */
	char trace[TRACE_CHARS + 1]; /* "": none */
	uint8_t nonce[FRAME_NONCE_BYTES];
	struct event *timer; /* owned: our own clock, per phase */
	int calls;           /* under way, with this job as argument */
	char image_id[IMAGE_ID_MAX + 1];

	/* what went wrong with its container */
	char broken_why[400];
	int64_t late_us; /* when our own clock was over for the step; 0: it is not */
	bool silent;     /* its agent was told to end, since nothing came of it */
	int looks;       /* at the container, but for the first */

	/* what goes in */
	const struct spec_file *files; /* the request's, or what a known build left */
	size_t n_files;
	const struct blob *files_in;
	struct build *build; /* owned; NULL: its build is not kept */
	size_t file;         /* index of the file that is being sent */
	bool file_open;      /* its header was sent */
	uint64_t sent;       /* bytes of that file, or of the step's stdin */
	size_t step;         /* index in plan->steps */
	size_t first_step;   /* that is run: 1 where the build is known */
	bool stdin_done;     /* STDIN_END was sent */
	bool collecting;     /* COLLECT was sent */
	int64_t step_start_us;

	struct typed typed;

	/* what comes out */
	struct gather gather;
	uint64_t spool_token[GATHER_MAX_];
	uint64_t step_offset[2];        /* of out and err, where this step's begin */
	int64_t held_us, held_since_us; /* of this step's time its output was not read; since when,
					   0: it is */
	bool comparing;
	struct compare_run *compare; /* owned */
	struct event *cases_timer;   /* owned; NULL: never needed */
	struct check *check;         /* owned, job_check.c's; NULL: no case needs it */
	struct result result;
	struct finding
		early; /* the finding where the job ends before its last step; verdict MAX: none */
	EVP_MD_CTX *sha;    /* owned */
	uint64_t file_left; /* of the file that is coming */
	bool file_coming;
	uint64_t files_bytes;

	/* who reads along */
	struct tap *taps;        /* owned; those that were not answered yet */
	struct event *tap_timer; /* owned; NULL: nobody ever did */
	int64_t tapped_us;       /* when they were answered last */
};

TAILQ_HEAD(job_list, job);

struct jobs {
	struct jobs_host host;
	struct job_list list;
	struct job_list over; /* told, to be freed */
	size_t n;             /* in list */
	struct processors processors;
	struct event *reaper; /* owned */
	uint64_t token;
	bool draining;
};

/* job.c */
bool job_phase_can_move(enum job_phase from, enum job_phase to);
void job_move(struct job *job, enum job_phase to);
/* The container is of no more use; finished: its agent said DONE. */
void job_leave_box(struct job *job, bool finished);
/* Our failure, not the program's: the queue decides whether to try again. */
void job_give_back(struct job *job, enum giveback why, const char *reason);
/* For want of a container. */
void job_give_back_unboxed(struct job *job, enum engine_tried tried, const char *why);
/* All is said: send the ending as soon as the spool has everything. */
void job_settle(struct job *job);
void job_arm(struct job *job, int64_t ms);

/* job_gpus.c */
/* What RUN says, held against our own list. -ENODEV: the task asks for what is not here. */
int job_gpus_set(struct job *job, uint64_t mask, struct err *err);

/* The one that has not ended; NULL: it is not here. */
struct job *job_lookup(const struct jobs *jobs, const struct job_id *id, uint32_t attempt);

/* job_feed.c */
int job_feed_start(struct job *job);
/* As much as the container takes. */
void job_feed(struct job *job);
void job_feed_next_step(struct job *job);
/* The steps are over: what is to be collected comes now. */
void job_feed_collected(struct job *job);

/* job_autopsy.c */
/* The stream is over, before the job was. */
void job_autopsy_gone(struct job *job, const char *why);
/* Our own clock is over, and the agent has not said how the step ended. */
void job_autopsy_late(struct job *job);
/* The next look at the container. */
void job_autopsy_again(struct job *job);

/* job_tap.c */
/* There is more to read, or the way to it has changed. */
void job_tap_news(struct job *job);
void job_tap_done(struct job *job);

/* job_typed.c */
/* As much of what was typed as the agent has room for. */
void job_typed_feed(struct job *job);
/* The agent has so many bytes less. -EPROTO: it never had them. */
int job_typed_taken(struct job *job, uint32_t bytes);
void job_typed_done(struct job *job);

void job_pack_step(struct packer *p, enum frame_step kind, const struct limits *limits,
	const struct plan_words *words, bool open_stdin);
/* START, and where its programs stay. */
int job_put_start(struct job *job, struct box *box, const uint8_t nonce[FRAME_NONCE_BYTES]);

/* A copy of the workspace, of so many bytes at most. */
void job_feed_copy(struct job *job, uint64_t bytes_max);

/* job_build.c */
/* Looks for the job's build, before its files go in. -ENOMEM; -ECANCELED: it was given back. */
int job_build_begin(struct job *job);
/* After a step: true where a copy is made, which job_next_step() follows. */
bool job_build_save(struct job *job);
/* What comes of the copy. -EPROTO: not what it should be. */
int job_build_data(struct job *job, const uint8_t *data, size_t n);
int job_build_frame(struct job *job, enum frame_type type, struct unpacker *u);
void job_build_free(struct job *job);

/* job_cases.c */
/* One more has ended. */
void job_cases_news(struct job *job);
void job_cases_done(struct job *job);

/* job_check.c */
struct check;
/* Where a case needs the checker, its container is asked for. -ENOMEM. */
int job_check_prepare(struct job *job);
/* Is the current step's output the checker's affair? */
bool job_check_wanted(const struct job *job);
/* Of the step whose record is the last one: job_judged() follows. */
void job_check_begin(struct job *job);
/* It took too long. */
void job_check_late(struct job *job);
/* The job ends: its container goes back. */
void job_check_done(struct job *job);
void job_check_free(struct job *job);

/* job_take.c */
/* The last record's verdict, where it is the first that is not ok, becomes the job's. */
void job_note_finding(struct job *job);
/* The last record's verdict is final: what comes next. */
void job_judged(struct job *job);
/* The step behind the current one begins. */
void job_next_step(struct job *job);
/* The record of a build that is not run, with what it printed. -ENOMEM, or the job is given back.
 */
int job_take_known(struct job *job, const struct step_result *known, const uint8_t *out,
	const uint8_t *err_out);
/* A step's record as the agent gives it, checked; the nonce was read before. */
bool job_unpack_evidence(struct unpacker *u, struct evidence *ev, char *note, size_t size);
/* Records of steps that are final. */
size_t job_steps_ended(const struct job *job);
extern const struct box_user job_box_user;
/* Ask the queue for a spool file, or ask again. */
void job_ask_spool(struct job *job, enum gather_sink sink);
/* Close the record of the current step with this evidence. */
int job_take_step(struct job *job, const struct evidence *ev, const char *note, bool cut_short);
/* Its output is not read, or is again: the queue has no file for it yet. */
void job_hold(struct job *job, bool hold);
/* What the step that was running had, for one that we killed or that died. */
void job_evidence_so_far(const struct job *job, struct evidence *ev);
