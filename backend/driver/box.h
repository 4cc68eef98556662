/* SPDX-License-Identifier: MIT */
/*
 * One container from its creation to its confirmed removal.
 *
 *	NEW ─► CREATING ─► ATTACHING ─► STARTING ─► PREPARING ─► READY ─► TAKEN
 *	                                                ▲ ▲                │ │
 *	                                                │ └── its DONE ────┘ │
 *	                                            its DONE           cancelled
 *	                                                └── CLEARING ◄───────┘
 *
 *	any of them ─► DOOMED ─► REMOVING ─► GONE
 *
 * READY is warm: the agent runs and has its limits. At container level a box
 * is used once: from TAKEN it is DOOMED. At sandbox level it is a slot: after a
 * job's DONE its agent makes the next job's namespaces and says READY again;
 * that may come in the same breath. CLEARING is a slot whose job was told to be
 * killed: what still comes of it is thrown away, up to the DONE with its nonce.
 *
 * What goes wrong dooms a box; a removal that fails is tried again until the
 * engine says that the container is gone, and only then are its number and
 * capacity free.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "attach.h"
#include "container.h"
#include "engine.h"
#include "frames.h"
#include "image.h"

enum box_state {
	BOX_NEW,
	BOX_CREATING,
	BOX_ATTACHING,
	BOX_STARTING,
	BOX_PREPARING,
	BOX_READY,
	BOX_TAKEN,
	BOX_CLEARING,
	BOX_DOOMED,
	BOX_REMOVING,
	BOX_GONE,
	BOX_STATE_MAX_,
};

bool box_can_move(enum box_state from, enum box_state to);

struct box;

/* Of whoever asked for boxes: the pool. */
struct box_owner {
	/* The first time, and at sandbox level after each job. */
	void (*ready)(struct box *box, void *arg);
	/* It did not become ready, or broke while it waited; it is DOOMED. */
	void (*failed)(struct box *box, const char *why, enum engine_tried tried, void *arg);
	void (*gone)(struct box *box, void *arg);  /* removed for sure; box_free() it */
	void (*stuck)(struct box *box, void *arg); /* a removal failed; it is tried again later */
};

/* Of whoever uses a TAKEN box: a job. Each may doom the box. */
struct box_user {
	int (*bulk)(enum frame_type type, const uint8_t *data, size_t n, void *arg);
	int (*frame)(enum frame_type type, const uint8_t *payload, size_t n, void *arg);
	void (*drained)(void *arg);
	/* The stream is over, or the agent spoke badly (garbled). */
	void (*broken)(const char *why, bool garbled, void *arg);
};

struct box {
	TAILQ_ENTRY(box) link; /* the owner's */
	struct event_base *base;
	struct engine *engine;
	const struct container_host *host;
	const struct box_owner *owner;
	void *owner_arg;
	enum box_state state;
	struct container_shape shape;
	struct image *image;
	struct limits limits; /* prepared */
	uint64_t gpu_mask;    /* the owner's: those it was made with */
	bool stream_over;     /* while its start was under way */
	char name[80];        /* of the container */
	char image_id[IMAGE_ID_MAX + 1];
	char job_label[65];
	void *shelf;           /* the owner's */
	int place;             /* the owner's */
	struct attach *attach; /* owned */
	struct frames frames;
	struct event *timer; /* owned */
	const struct box_user *user;
	void *user_arg;
	int64_t ready_us;
	bool in_call;  /* a call to the engine is under way */
	bool exists;   /* the engine may have it */
	bool finished; /* its job ended well: the agent exits by itself */
	bool dying;    /* removal is urgent: a job may still burn the cpu in it */
	bool is_stuck;
	bool agent_missing; /* it could not be started for want of the agent */
	bool no_sandbox;    /* its agent said that the host does not allow slots */
	bool oom_seen;      /* a job in it ran out of memory: the engine's OOMKilled says nothing */
	unsigned served;    /* jobs it was taken for */
	uint8_t nonce[FRAME_NONCE_BYTES]; /* CLEARING: of the job that is killed */
	int retry_ms;
};

/*
 * shape->task, image and host must live as long as the box. `job`: id for the
 * label of a box made for one job, else NULL.
 */
int box_new(struct event_base *base, struct engine *engine, const struct container_host *host,
	const struct container_shape *shape, struct image *image, const char *name,
	const struct box_owner *owner, void *owner_arg, struct box **ret, struct err *err);
/* Only in BOX_NEW or BOX_GONE, or at the process's end. */
void box_free(struct box *box);

void box_create(struct box *box);
/* READY to TAKEN. */
void box_take(struct box *box, const struct box_user *user, void *arg);
/* A slot, TAKEN, whose agent has said DONE: `ready` or `failed` follows. Its user hears nothing
 * more. */
void box_again(struct box *box);
/* A slot, TAKEN, whose job of that nonce is no longer wanted: the same, once the job is dead. */
void box_clear(struct box *box, const uint8_t nonce[FRAME_NONCE_BYTES]);
/* No longer wanted, whatever it does; its user hears nothing more. box_remove() is the owner's. */
void box_doom(struct box *box);
/* DOOMED to REMOVING, as soon as no call is under way; `gone` follows some day. */
void box_remove(struct box *box);

struct evbuffer *box_output(struct box *box);
