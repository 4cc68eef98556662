/* SPDX-License-Identifier: MIT */
#include "box.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"

#define PREPARE_MS     30000
#define AGAIN_MS       10000 /* a slot, from a job's DONE to READY */
#define CLEAR_MS       2000  /* a slot, for killing its job */
#define RETRY_FIRST_MS 500
#define RETRY_MOST_MS  30000

static const char *const names[BOX_STATE_MAX_] = {
	[BOX_NEW] = "new",
	[BOX_CREATING] = "creating",
	[BOX_ATTACHING] = "attaching",
	[BOX_STARTING] = "starting",
	[BOX_PREPARING] = "preparing",
	[BOX_READY] = "ready",
	[BOX_TAKEN] = "taken",
	[BOX_CLEARING] = "clearing",
	[BOX_DOOMED] = "doomed",
	[BOX_REMOVING] = "removing",
	[BOX_GONE] = "gone",
};

#define TO(state) (1U << (state))

/* The only place that says which moves are legal. */
static const unsigned moves[BOX_STATE_MAX_] = {
	[BOX_NEW] = TO(BOX_CREATING) | TO(BOX_DOOMED),
	[BOX_CREATING] = TO(BOX_ATTACHING) | TO(BOX_DOOMED),
	[BOX_ATTACHING] = TO(BOX_STARTING) | TO(BOX_DOOMED),
	[BOX_STARTING] = TO(BOX_PREPARING) | TO(BOX_DOOMED),
	[BOX_PREPARING] = TO(BOX_READY) | TO(BOX_DOOMED),
	[BOX_READY] = TO(BOX_TAKEN) | TO(BOX_DOOMED),
	[BOX_TAKEN] = TO(BOX_PREPARING) | TO(BOX_CLEARING) | TO(BOX_DOOMED),
	[BOX_CLEARING] = TO(BOX_PREPARING) | TO(BOX_DOOMED),
	[BOX_DOOMED] = TO(BOX_REMOVING),
	[BOX_REMOVING] = TO(BOX_GONE),
};

bool box_can_move(enum box_state from, enum box_state to)
{
	return (size_t)from < BOX_STATE_MAX_ && (moves[from] & TO(to)) != 0;
}

static void move(struct box *box, enum box_state to)
{
	assert(box_can_move(box->state, to));
	log_debug("container=%s %s -> %s", box->name, names[box->state], names[to]);
	box->state = to;
}

static void on_timer(evutil_socket_t fd, short what, void *arg);

int box_new(struct event_base *base, struct engine *engine, const struct container_host *host,
	const struct container_shape *shape, struct image *image, const char *name,
	const struct box_owner *owner, void *owner_arg, struct box **ret, struct err *err)
{
	struct box *box = calloc(1, sizeof(*box));

	if (box == NULL)
		return err_set(err, ENOMEM, "container");
	box->base = base;
	box->engine = engine;
	box->host = host;
	box->shape = *shape;
	box->limits = shape->limits;
	box->image = image;
	box->owner = owner;
	box->owner_arg = owner_arg;
	box->retry_ms = RETRY_FIRST_MS;
	(void)snprintf(box->name, sizeof(box->name), "%s", name);
	if (shape->job != NULL) {
		(void)snprintf(box->job_label, sizeof(box->job_label), "%s", shape->job);
		box->shape.job = box->job_label;
	}
	box->timer = evtimer_new(base, on_timer, box);
	if (box->timer == NULL) {
		free(box);
		return err_set(err, ENOMEM, "container");
	}
	*ret = box;
	return 0;
}

void box_free(struct box *box)
{
	if (box == NULL)
		return;
	attach_close(box->attach);
	frames_done(&box->frames);
	event_free(box->timer);
	free(box);
}

static void arm(struct box *box, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	(void)event_add(box->timer, &tv);
}

void box_doom(struct box *box)
{
	if (box->state >= BOX_DOOMED)
		return;
	box->dying = (box->state == BOX_TAKEN && !box->finished) || box->state == BOX_CLEARING;
	box->user = NULL;
	attach_close(TAKE_PTR(box->attach)); /* the agent takes the end of its stdin for ours */
	(void)event_del(box->timer);
	move(box, BOX_DOOMED);
}

/* Before it was taken: the owner's affair. */
static void fail(struct box *box, const char *why, enum engine_tried tried)
{
	if (box->state >= BOX_DOOMED)
		return;
	box_doom(box);
	box->owner->failed(box, why, tried, box->owner_arg);
}

/* While it is used: the user's. The user decides; it dooms the box. */
static void break_off(struct box *box, const char *why, bool garbled)
{
	if (box->user != NULL)
		box->user->broken(why, garbled, box->user_arg);
	else
		fail(box, why, false);
}

/* ---- the agent's frames ---- */

/* Once aloud: it is the machine's way, and the same for every container. */
static void say_no_cgroup(const struct box *box, const char *why)
{
	static bool said;

	if (said)
		log_debug("container=%s no cgroup of the job's own: %s", box->name, why);
	else
		log_warning("jobs have no cgroup of their own here (%s): the container's limits "
			    "and figures are used; see `dockgate doctor`",
			why);
	said = true;
}

static int on_ready(struct box *box, const uint8_t *payload, size_t n)
{
	struct unpacker u = unpacker_of(payload, n);
	uint16_t version = unpack_u16(&u);
	uint8_t cgroup = unpack_u8(&u);
	char why[FRAME_TEXT_MAX + 1];

	unpack_str(&u, why, sizeof(why));
	if (!unpack_end(&u) || version != FRAME_VERSION || cgroup > FRAME_CGROUP_CONTAINER) {
		fail(box, "the agent's READY is malformed", false);
		return -EPROTO;
	}
	if (cgroup == FRAME_CGROUP_CONTAINER)
		say_no_cgroup(box, why);
	(void)event_del(box->timer);
	box->ready_us = clock_us();
	move(box, BOX_READY);
	box->owner->ready(box, box->owner_arg);
	return 0;
}

static void say_fault(struct box *box, const uint8_t *payload, size_t n)
{
	static const char sandbox[] = "sandbox: ";
	struct unpacker u = unpacker_of(payload, n);
	char text[FRAME_TEXT_MAX + 1], why[FRAME_TEXT_MAX + 40];

	unpack_str(&u, text, sizeof(text));
	box->no_sandbox = box->shape.sandbox && box->served == 0 && box->ready_us == 0 &&
			  strncmp(text, sandbox, sizeof(sandbox) - 1) == 0;
	(void)snprintf(why, sizeof(why), "the agent failed: %s", text);
	fail(box, why, false);
}

/* The killed job's last frames; only its own DONE ends it. */
static int on_remains(struct box *box, enum frame_type type, const uint8_t *payload, size_t n)
{
	if (type == FRAME_FAULT) {
		say_fault(box, payload, n);
		return -EPROTO;
	}
	if (type == FRAME_READY ||
		(type == FRAME_DONE &&
			(n != FRAME_NONCE_BYTES || CRYPTO_memcmp(payload, box->nonce, n) != 0))) {
		fail(box, "the agent spoke out of turn", false);
		return -EPROTO;
	}
	if (type == FRAME_DONE) {
		move(box, BOX_PREPARING);
		arm(box, AGAIN_MS);
	}
	return 0;
}

static int on_frame(enum frame_type type, const uint8_t *payload, size_t n, void *arg)
{
	struct box *box = arg;

	if (box->user != NULL)
		return box->user->frame(type, payload, n, box->user_arg);
	if (box->state == BOX_CLEARING)
		return on_remains(box, type, payload, n);
	if (box->state == BOX_PREPARING && type == FRAME_READY)
		return on_ready(box, payload, n);
	if (type == FRAME_FAULT)
		say_fault(box, payload, n);
	else
		fail(box, "the agent spoke out of turn", false);
	return -EPROTO;
}

static int on_bulk(enum frame_type type, const uint8_t *data, size_t n, void *arg)
{
	struct box *box = arg;

	if (box->user != NULL)
		return box->user->bulk(type, data, n, box->user_arg);
	if (box->state == BOX_CLEARING)
		return 0;
	fail(box, "the agent spoke out of turn", false);
	return -EPROTO;
}

static void on_data(const uint8_t *data, size_t n, void *arg)
{
	static const struct frames_ops ops = { .bulk = on_bulk, .frame = on_frame };
	struct box *box = arg;
	struct err err = { 0 };
	int r;

	if (box->state >= BOX_DOOMED)
		return;
	r = frames_feed(&box->frames, data, n, &ops, box, &err);
	if (r < 0 && box->state < BOX_DOOMED)
		break_off(box, err.code != 0 ? err.msg : "the agent's frames are garbled", true);
}

static void on_drained(void *arg)
{
	struct box *box = arg;

	if (box->user != NULL)
		box->user->drained(box->user_arg);
}

static void on_closed(const char *why, void *arg)
{
	struct box *box = arg;
	bool away = !engine_is_up(box->engine);

	if (box->state == BOX_STARTING && box->in_call && !away)
		box->stream_over = true; /* the answer to the start knows why */
	else if (box->user == NULL)
		fail(box, why, away ? ENGINE_UNANSWERED : ENGINE_TRIED);
	else
		break_off(box, why, false);
}

/* ---- the way up ---- */

static int prepare(struct box *box)
{
	uint8_t payload[64 + 8 * LIMIT_MAX_];
	struct packer p = packer_fixed(payload, sizeof(payload));

	pack_u16(&p, FRAME_VERSION);
	pack_u32(&p, box->shape.agent_uid);
	pack_u32(&p, box->shape.job_uid);
	pack_u8(&p, LIMIT_MAX_);
	for (size_t i = 0; i < LIMIT_MAX_; i++)
		pack_i64(&p, box->limits.v[i]);
	pack_u8(&p, box->shape.task->kill_on_output);
	pack_u8(&p, box->shape.task->network);
	pack_u8(&p, box->shape.sandbox ? FRAME_ISOLATION_SANDBOX : FRAME_ISOLATION_CONTAINER);
	return frames_put(box_output(box), FRAME_PREPARE, payload, p.len);
}

static void remove_now(struct box *box);

/* False where the box was doomed meanwhile, or the call failed (it is doomed then). */
static bool still_wanted(struct box *box, const struct engine_reply *reply, const char *what)
{
	char why[500];

	box->in_call = false;
	if (box->state == BOX_REMOVING) {
		remove_now(box); /* may free it */
		return false;
	}
	if (box->state == BOX_DOOMED)
		return false;
	if (reply->fault == ENGINE_FINE)
		return true;
	(void)snprintf(why, sizeof(why), "%s: %s", what, reply->why);
	fail(box, why, engine_tried(reply));
	return false;
}

static void on_started(const struct engine_reply *reply, void *arg)
{
	struct box *box = arg;

	box->agent_missing = reply->status == 400;
	if (!still_wanted(box, reply, "start the container"))
		return;
	if (box->stream_over) {
		fail(box, "the container ended at once", false);
		return;
	}
	move(box, BOX_PREPARING);
	if (prepare(box) < 0) {
		fail(box, "out of memory", false);
		return;
	}
	arm(box, PREPARE_MS);
	attach_flush(box->attach, false);
}

static void on_open(void *arg)
{
	struct box *box = arg;
	char path[200];
	struct err err;

	(void)snprintf(path, sizeof(path), "/containers/%s/start", box->name);
	move(box, BOX_STARTING);
	box->in_call = true;
	if (engine_call(box->engine,
		    &(struct engine_request){
			    .method = "POST", .path = path, .timeout_ms = ENGINE_LONG_MS },
		    on_started, box, &err) < 0) {
		box->in_call = false;
		fail(box, err.msg, false);
	}
}

static const struct attach_ops attach_ops = {
	.open = on_open, .data = on_data, .drained = on_drained, .closed = on_closed
};

static void on_created(const struct engine_reply *reply, void *arg)
{
	struct box *box = arg;
	struct err err;

	if (reply->fault == ENGINE_REFUSED)
		box->exists = false;
	if (!still_wanted(box, reply, "create the container"))
		return;
	move(box, BOX_ATTACHING);
	if (attach_open(box->engine, box->base, box->name, &attach_ops, box, &box->attach, &err) <
		0)
		fail(box, err.msg, false);
}

void box_create(struct box *box)
{
	cleanup_free char *json = NULL;
	char path[200];
	struct err err;

	move(box, BOX_CREATING);
	(void)snprintf(box->image_id, sizeof(box->image_id), "%s", box->image->id);
	box->shape.image = box->image_id;
	box->shape.image_volumes = &box->image->volumes;
	box->shape.image_checks_health = box->image->checks_health;
	(void)snprintf(path, sizeof(path), "/containers/create?name=%s", box->name);
	if (container_json(box->host, &box->shape, &json, &err) < 0 ||
		engine_call(box->engine,
			&(struct engine_request){ .method = "POST",
				.path = path,
				.body = json,
				.body_len = strlen(json),
				.timeout_ms = ENGINE_LONG_MS },
			on_created, box, &err) < 0) {
		fail(box, err.msg, false);
		return;
	}
	box->shape.gpus = NULL; /* the ticket's, and written by now */
	box->exists = box->in_call = true;
}

void box_take(struct box *box, const struct box_user *user, void *arg)
{
	move(box, BOX_TAKEN);
	box->served++;
	box->user = user;
	box->user_arg = arg;
}

/* Its user has left, and may have stopped its output. */
static void leave_user(struct box *box, enum box_state to, int ms)
{
	assert(box->shape.sandbox);
	box->user = NULL;
	move(box, to);
	arm(box, ms);
	attach_pause(box->attach, false);
}

void box_again(struct box *box)
{
	leave_user(box, BOX_PREPARING, AGAIN_MS);
}

void box_clear(struct box *box, const uint8_t nonce[FRAME_NONCE_BYTES])
{
	memcpy(box->nonce, nonce, sizeof(box->nonce));
	leave_user(box, BOX_CLEARING, CLEAR_MS);
	if (frames_put(box_output(box), FRAME_KILL, NULL, 0) < 0)
		fail(box, "out of memory", false);
	else
		attach_flush(box->attach, false);
}

struct evbuffer *box_output(struct box *box)
{
	return attach_output(box->attach);
}

/* ---- the way down ---- */

static void set_gone(struct box *box)
{
	move(box, BOX_GONE);
	box->owner->gone(box, box->owner_arg);
}

static void on_removed(const struct engine_reply *reply, void *arg)
{
	struct box *box = arg;

	box->in_call = false;
	if (reply->fault == ENGINE_FINE || reply->status == 404) {
		set_gone(box);
		return;
	}
	if (reply->status != 409 && reply->fault != ENGINE_AWAY) /* 409: it is being removed */
		log_warning("container=%s cannot be removed: %s", box->name, reply->why);
	if (reply->status != 409 && !box->is_stuck) {
		box->is_stuck = true;
		box->owner->stuck(box, box->owner_arg);
	}
	arm(box, box->retry_ms);
	box->retry_ms = box->retry_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : box->retry_ms * 2;
}

static void try_remove(struct box *box)
{
	char path[200];
	struct err err;

	(void)snprintf(path, sizeof(path), "/containers/%s?force=1&v=1", box->name);
	if (engine_call(box->engine,
		    &(struct engine_request){
			    .method = "DELETE", .path = path, .timeout_ms = ENGINE_LONG_MS },
		    on_removed, box, &err) < 0)
		arm(box, box->retry_ms);
	else
		box->in_call = true;
}

static void remove_now(struct box *box)
{
	if (box->exists)
		try_remove(box);
	else
		set_gone(box);
}

void box_remove(struct box *box)
{
	move(box, BOX_REMOVING);
	if (!box->in_call)
		remove_now(box);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct box *box = arg;

	(void)fd;
	(void)what;
	if (box->state == BOX_REMOVING)
		try_remove(box);
	else
		fail(box,
			box->state == BOX_CLEARING ? "the agent did not kill its job in time"
						   : "the agent did not become ready in time",
			false);
}
