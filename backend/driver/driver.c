/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation.
 *
 * The driver is the only client of the Docker Engine, whose socket is as good
 * as root, and so it talks to nobody but the queue and the engine, has no
 * listener and no database, and parses nothing a stranger wrote but the checked
 * record of a job (wire/spec.h) and the agent's frames.
 *
 *	queue ◄──MSG──► queue_link ─► jobs ─► pool ─► box ─► engine (HTTP), attach (stream)
 *	                                │                       ▲
 *	                                └─ plan, gather, compare│
 *	              driver: bring-up ─ host, reconcile, agent_volume, image
 *
 * One thread, one event loop. The engine's coming up is always the same path,
 * at the start, after a crash of ours, after one of the engine's:
 *
 *	ping, version ─► info ─► remove what a crash left ─► the agent's volume
 *	  ─► images ─► containers are kept warm, jobs are taken
 *
 * A job's RUN takes a warm container (pool), sends it identity, files and the
 * first step in one write, and follows the agent's frames to DONE (job). The
 * ending is kept until the queue has acknowledged it; containers are removed
 * behind. SIGTERM drains: nothing new, what runs gets drain_s, the rest goes
 * back, every container of ours is removed.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/slot_profile.h"
#include "agent_volume.h"
#include "build_cache.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/role.h"
#include "common/watchdog.h"
#include "driver_metrics.h"
#include "engine.h"
#include "host.h"
#include "image.h"
#include "instance.h"
#include "job.h"
#include "pool.h"
#include "queue_link.h"
#include "reconcile.h"
#include "seccomp_file.h"
#include "slot_note.h"

#define NODE_DELAY_MS   50   /* counts may lag that much; what matters goes at once */
#define RETRY_MS        2000 /* of a bring-up that failed for another reason than the way */
#define IMAGES_CHECK_S  2    /* while one is missing */
#define IMAGES_ALL      5    /* so many times that, for those that are there */
#define SWEEP_S         5    /* an engine that died may have made what it did not say */
#define YOUNG_MS        1000 /* and a start that it asked for may be under way */
#define DRAIN_REMOVE_MS (ROLE_DRIVER_REMOVE_S * 1000) /* when all jobs have gone */
#define ACK_MS          (ROLE_DRIVER_ACK_S * 1000)
#define INSTANCE_PATH   STATE_DRIVER "/instance"
#define BUILDS_PATH     STATE_DRIVER "/builds"
#define SECCOMP_PATH    STATE_DRIVER "/seccomp.json"

struct driver {
	const struct config *config;
	struct event_base *base;
	struct engine *engine;
	struct agent_volume *volume;
	struct images *images;
	struct pool *pool;
	struct builds *builds; /* NULL: no task has one, or it cannot be used */
	struct jobs *jobs;
	struct queue_link *link;
	char instance[INSTANCE_CHARS + 1];
	struct host host;
	struct container_host container;
	struct gpu_list gpus;
	char cgroup_parent[256];
	char seccomp_path[PATH_MAX]; /* where the engine is Podman */
	bool slot_profile;           /* AppArmor's, seen while we were root */
	bool bringing_up;            /* a bring-up is under way */
	bool ready;                  /* it has ended well, and the engine is up since */
	bool told_ready;
	bool check_agent; /* a start failed: the volume may be gone */
	size_t images_asked;
	unsigned images_turn;
	char why_down[400];
	struct event *node_timer, *retry_timer, *images_timer, *drain_timer, *sweep_timer,
		*young_timer;                    /* owned */
	struct event *sigterm, *sigint, *sighup; /* owned */
	struct event *watchdog;                  /* owned; NULL: nobody asked */
	bool sandbox_failed;                     /* a task at sandbox level has fallen back */
	bool sweeping;
	bool draining, forced, pool_empty;
	bool sweep_due;   /* the last one, when the bring-up is over */
	bool sweep_again; /* the last one, for what was too young */
	int exit_code;
};

static void arm(struct event *timer, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	(void)event_add(timer, &tv);
}

/* ---- what the queue hears of this machine ---- */

static void pack_running(const struct driver *d, struct packer *p)
{
	pack_u32(p, (uint32_t)(jobs_count(d->jobs) + queue_link_kept(d->link)));
	jobs_pack(d->jobs, p);
	queue_link_pack_kept(d->link, p);
}

static void pack_tasks(const struct driver *d, struct packer *p)
{
	pack_u32(p, (uint32_t)d->config->n_tasks);
	for (size_t i = 0; i < d->config->n_tasks; i++) {
		const struct task *task = &d->config->tasks[i];
		const struct image *image = images_get(d->images, task->image);
		struct pool_counts counts = pool_counts(d->pool, task);

		pack_str(p, task->name);
		pack_u8(p, image != NULL && image_is_ready(image));
		pack_str(p, image == NULL ? "" : image->id);
		pack_u32(p, counts.warm);
		pack_u32(p, counts.busy);
	}
}

/* Jobs that run at one time. */
static int64_t jobs_at_once(const struct driver *d)
{
	int64_t n = 2 * (d->host.cpus / 1000);

	if (d->config->slots > 0)
		return d->config->slots;
	return n < 4 ? 4 : n;
}

/* Capacity that a container which cannot be removed holds is not offered. */
static uint32_t slots(const struct driver *d)
{
	int64_t n = jobs_at_once(d) - pool_stuck(d->pool);

	return n < 0 ? 0 : n > 100000 ? 100000 : (uint32_t)n;
}

static void take_packed(struct packer *p, struct blob *ret)
{
	if (p->failed)
		packer_done(p);
	else
		*ret = (struct blob){ .len = p->len, .data = p->buf, .fd = -1 };
}

static void tell_node(struct driver *d)
{
	struct packer running = packer_growing(), tasks = packer_growing();
	struct msg msg;

	(void)event_del(d->node_timer);
	if (!queue_link_is_open(d->link))
		return;
	msg_init(&msg, MSG_NODE);
	msg.node.engine_up = d->ready && !d->draining;
	if (!msg.node.engine_up)
		(void)snprintf(msg.node.reason, sizeof(msg.node.reason), "%s",
			d->draining ? "the driver is stopping" : d->why_down);
	msg.node.slots = slots(d);
	msg.node.cpus = d->host.cpus;
	msg.node.memory_bytes = d->host.memory_bytes;
	if (d->host.version[0] != '\0')
		(void)snprintf(msg.node.engine, sizeof(msg.node.engine), "%s, API 1.%d",
			d->host.version, engine_api_minor(d->engine));
	gpu_list_text(&d->gpus, UINT64_MAX, msg.node.gpus);
	pack_running(d, &running);
	pack_tasks(d, &tasks);
	take_packed(&running, &msg.node.running);
	take_packed(&tasks, &msg.node.tasks);
	queue_link_tell(d->link, &msg);
	msg_done(&msg);
}

static void on_node_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell_node(arg);
}

static void node_changed(void *arg)
{
	struct driver *d = arg;

	if (!evtimer_pending(d->node_timer, NULL))
		arm(d->node_timer, NODE_DELAY_MS);
}

/* The supervisor waits for this: both neighbours are known, the engine perhaps as away. */
static void maybe_ready(struct driver *d)
{
	if (d->told_ready || !queue_link_is_open(d->link) || (!d->ready && d->why_down[0] == '\0'))
		return;
	d->told_ready = true;
	role_ready();
}

/* ---- the engine comes up ---- */

static void bring_up(struct driver *d);
static void last_sweep(struct driver *d);

/* True where the driver stops: what the bring-up made meanwhile is looked for now that it is over.
 */
static bool stopped_meanwhile(struct driver *d)
{
	d->bringing_up = false;
	if (d->draining && d->sweep_due)
		last_sweep(d);
	return d->draining;
}

static void bring_up_failed(struct driver *d, const char *why)
{
	if (stopped_meanwhile(d))
		return;
	(void)snprintf(d->why_down, sizeof(d->why_down), "%s", why);
	log_error("engine is not usable: %s", why);
	tell_node(d);
	maybe_ready(d);
	arm(d->retry_timer, RETRY_MS);
}

static void bring_up_done(struct driver *d)
{
	if (stopped_meanwhile(d) || !engine_is_up(d->engine)) /* it went again meanwhile */
		return;
	d->ready = true;
	d->why_down[0] = '\0';
	log_info("engine is ready: %s, API 1.%d", d->host.version, engine_api_minor(d->engine));
	pool_enable(d->pool, true);
	pool_images_changed(d->pool);
	tell_node(d);
	maybe_ready(d);
}

static void on_image_known(struct image *image, const char *why, bool away, void *arg)
{
	struct driver *d = arg;

	(void)image;
	if (why != NULL && !away)
		log_warning("%s", why);
	if (--d->images_asked == 0 && d->bringing_up)
		bring_up_done(d);
}

static void ask_images(struct driver *d, bool missing_only)
{
	struct err err;

	for (size_t i = 0; i < d->config->n_tasks; i++) {
		struct image *image = images_get(d->images, d->config->tasks[i].image);

		if (image == NULL || image->asking || (missing_only && image_is_ready(image)))
			continue;
		if (image_resolve(image, on_image_known, d, &err) < 0)
			log_warning("task=%s %s", d->config->tasks[i].name, err.msg);
		else
			d->images_asked++;
	}
}

static void on_image_rechecked(struct image *image, const char *why, bool away, void *arg)
{
	(void)image;
	(void)why;
	(void)away;
	(void)arg;
}

/* Someone may have built it behind, or made another of that name; quietly. */
static void on_images_timer(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;
	bool all = ++d->images_turn % IMAGES_ALL == 0;
	struct err err;

	(void)fd;
	(void)what;
	for (size_t i = 0; d->ready && i < d->config->n_tasks; i++) {
		struct image *image = images_get(d->images, d->config->tasks[i].image);

		if (image != NULL && !image->asking && (all || !image_is_ready(image)))
			(void)image_resolve(image, on_image_rechecked, d, &err);
	}
}

static void on_volume(const char *why, void *arg)
{
	struct driver *d = arg;

	if (why != NULL) {
		bring_up_failed(d, why);
		return;
	}
	ask_images(d, false);
	if (d->images_asked == 0)
		bring_up_done(d);
}

static void on_reconciled(unsigned removed, unsigned young, const char *why, void *arg)
{
	struct driver *d = arg;
	struct err err;

	if (young > 0)
		arm(d->young_timer, YOUNG_MS);

	if (removed > 0)
		log_info("containers=%u left by an earlier process: removed", removed);
	if (why != NULL)
		bring_up_failed(d, why);
	else if (agent_volume_ensure(d->volume, d->engine, d->instance, on_volume, d, &err) < 0)
		bring_up_failed(d, err.msg);
}

static bool owns(const char *name, void *arg)
{
	const struct driver *d = arg;

	return pool_owns(d->pool, name);
}

static void on_swept(unsigned removed, unsigned young, const char *why, void *arg)
{
	struct driver *d = arg;

	d->sweeping = false;
	if (young > 0)
		arm(d->young_timer, YOUNG_MS);
	if (removed > 0)
		log_info("containers=%u that nobody has: removed", removed);
	if (why != NULL)
		log_warning("look for containers of an earlier process: %s", why);
}

static void on_sweep_timer(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;
	struct err err;

	(void)fd;
	(void)what;
	if (!d->ready || d->sweeping || d->bringing_up || d->draining)
		return;
	d->sweeping = reconcile_start(d->engine, d->instance, owns, on_swept, d, &err) == 0;
}

/* Those that were too young to be removed are not any more. */
static void on_young_timer(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;

	if (d->sweep_again)
		last_sweep(d);
	else if (d->draining)
		return; /* the last sweep sees to them */
	else if (d->ready && !d->sweeping && !d->bringing_up)
		on_sweep_timer(fd, what, d);
	else
		arm(d->young_timer, YOUNG_MS);
}

static int set_container_host(struct driver *d, struct err *err)
{
	host_cgroup_parent(d->config, &d->host, d->cgroup_parent, sizeof(d->cgroup_parent));
	d->container.cgroup_parent = d->cgroup_parent;
	d->container.cpus = d->host.cpus;
	d->container.gpu_cdi = d->config->gpu_cdi;
	/* Without ours the engine's own: it holds more, but refuses the job's own cgroup. */
	d->container.apparmor = d->host.apparmor && d->slot_profile ? HOST_APPARMOR_PROFILE : NULL;
	d->container.podman = d->host.podman;
	d->container.seccomp = d->host.podman ? d->seccomp_path : policy_slot_profile();
	return !d->host.podman ? 0
			       : seccomp_file_write(SECCOMP_PATH, policy_slot_profile(),
					 d->seccomp_path, sizeof(d->seccomp_path), err);
}

static void set_machine(struct driver *d)
{
	unsigned at_once = host_engine_at_once(d->config, &d->host);
	const struct pool_machine machine = { .uid_base = host_uid_base(d->config, &d->host),
		.jobs = (unsigned)jobs_at_once(d),
		.at_once = at_once,
		.at_once_least = d->config->engine_at_once > 0 ? at_once : at_once / 2,
		.at_once_most = d->config->engine_at_once > 0 ? at_once : 2 * at_once,
		.memory_bytes = d->config->memory_budget > 0 ? d->config->memory_budget
							     : d->host.memory_bytes / 4 * 3 };

	pool_set_machine(d->pool, &machine);
}

static void on_info(const struct engine_reply *reply, void *arg)
{
	struct driver *d = arg;
	struct err err;
	json_t *info = engine_json(reply, JSON_OBJECT, &err);

	if (info == NULL || host_parse(info, &d->host, &err) < 0) {
		json_decref(info);
		bring_up_failed(d, err.msg);
		return;
	}
	json_decref(info);
	set_machine(d);
	if (set_container_host(d, &err) < 0 ||
		reconcile_start(d->engine, d->instance, owns, on_reconciled, d, &err) < 0)
		bring_up_failed(d, err.msg);
}

static void bring_up(struct driver *d)
{
	struct err err;

	if (d->bringing_up || d->draining || !engine_is_up(d->engine))
		return;
	(void)event_del(d->retry_timer);
	d->bringing_up = true;
	if (engine_call(d->engine, &(struct engine_request){ .method = "GET", .path = "/info" },
		    on_info, d, &err) < 0)
		bring_up_failed(d, err.msg);
}

static void on_retry_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	bring_up(arg);
}

static void on_engine_up(void *arg)
{
	struct driver *d = arg;

	pool_enable(d->pool, false);
	bring_up(d);
}

static void on_engine_down(const char *why, void *arg)
{
	struct driver *d = arg;

	d->ready = false;
	(void)snprintf(d->why_down, sizeof(d->why_down), "%s", why);
	log_error("engine is away: %s", why);
	tell_node(d); /* before jobs come back: the queue must not send them here again */
	pool_enable(d->pool, false);
	jobs_engine_away(d->jobs, why);
	maybe_ready(d);
}

/* A container could not be started: perhaps the agent's volume was removed under us. */
static void agent_missing(void *arg)
{
	struct driver *d = arg;

	if (!d->ready || d->bringing_up)
		return;
	arm(d->retry_timer, RETRY_MS);
}

/* Tasks at sandbox level: once each. */
static void sandbox_known(const struct task *task, const char *why, void *arg)
{
	struct driver *d = arg;
	char note[500];

	if (why == NULL && !d->sandbox_failed) {
		slot_note_write(NULL);
	} else if (why != NULL) {
		log_warning("task=%s isolation sandbox is not possible here (%s): its jobs get a "
			    "container each; see `dockgate doctor`",
			task->name, why);
		d->sandbox_failed = true;
		(void)snprintf(note, sizeof(note), "task %s: %s", task->name, why);
		slot_note_write(note);
	}
}

/* ---- the queue ---- */

static void on_queue_open(void *arg)
{
	struct driver *d = arg;

	tell_node(d);
	jobs_queue_back(d->jobs);
	maybe_ready(d);
}

static void on_queue_lost(void *arg)
{
	(void)arg;
}

static void on_run(struct msg_run *run, void *arg)
{
	jobs_accept(((struct driver *)arg)->jobs, run);
}

static void on_stop(const struct msg_stop *stop, void *arg)
{
	jobs_stop(((struct driver *)arg)->jobs, stop);
}

static void on_tap(const struct msg_tap *tap, void *arg)
{
	jobs_tap(((struct driver *)arg)->jobs, tap);
}

static void on_input(const struct msg_input *input, void *arg)
{
	jobs_input(((struct driver *)arg)->jobs, input);
}

static void on_spool(struct msg_spool *spool, void *arg)
{
	jobs_spool(((struct driver *)arg)->jobs, spool);
}

static void on_metrics(void *arg)
{
	struct driver *d = arg;
	cleanup_msg struct msg msg;
	struct err err;

	msg_init(&msg, MSG_METRICS);
	if (driver_metrics_text(d->config, d->engine, d->pool, &msg.metrics.text, &err) < 0)
		log_warning("%s", err.msg);
	queue_link_tell(d->link, &msg);
}

static void on_refused(const struct msg_refused *refused, void *arg)
{
	jobs_refused(((struct driver *)arg)->jobs, refused);
}

/* ---- the end ---- */

static void maybe_end(struct driver *d)
{
	if (!d->draining || jobs_count(d->jobs) > 0 || !d->pool_empty)
		return;
	if (queue_link_kept(d->link) > 0 && queue_link_is_open(d->link) && !d->forced)
		return; /* acknowledgements are on their way */
	(void)event_base_loopbreak(d->base);
}

static void on_acknowledged(void *arg)
{
	maybe_end(arg);
}

static void on_job_over(void *arg)
{
	struct driver *d = arg;

	/* What was left of the jobs' time is not what the containers have. */
	if (d->draining && !d->pool_empty && !d->forced && jobs_count(d->jobs) == 0)
		arm(d->drain_timer, DRAIN_REMOVE_MS);
	maybe_end(d);
}

static void set_pool_empty(struct driver *d)
{
	d->pool_empty = true;
	if (jobs_count(d->jobs) == 0)
		arm(d->drain_timer, ACK_MS);
	maybe_end(d);
}

static void on_last_sweep(unsigned removed, unsigned young, const char *why, void *arg)
{
	struct driver *d = arg;

	(void)removed;
	if (why != NULL)
		log_warning("last look for containers of ours: %s", why);
	d->sweep_again = young > 0 && why == NULL;
	if (d->sweep_again)
		arm(d->young_timer, YOUNG_MS); /* the drain's own time is the bound */
	else
		set_pool_empty(d);
}

static void last_sweep(struct driver *d)
{
	struct err err;

	d->sweep_due = false;
	if (!engine_is_up(d->engine) ||
		reconcile_start(d->engine, d->instance, owns, on_last_sweep, d, &err) < 0)
		set_pool_empty(d);
}

static void on_pool_empty(void *arg)
{
	struct driver *d = arg;

	d->sweep_due = d->bringing_up;
	if (!d->sweep_due)
		last_sweep(d);
}

/* First the jobs' time is over, then the containers', then ours. */
static void on_drain_timer(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;

	(void)fd;
	(void)what;
	if (jobs_count(d->jobs) > 0) {
		jobs_drain(d->jobs, true);
		arm(d->drain_timer, DRAIN_REMOVE_MS);
		return;
	}
	d->forced = true;
	if (!d->pool_empty)
		log_warning("containers=%u could not be removed; the next start removes them",
			pool_alive(d->pool));
	d->pool_empty = true;
	maybe_end(d);
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct driver *d = arg;

	(void)what;
	if (d->draining) {
		on_drain_timer(-1, EV_TIMEOUT, d); /* a second signal: no more patience */
		return;
	}
	log_info("signal=%d draining jobs=%zu", (int)signo, jobs_count(d->jobs));
	d->draining = true;
	role_stopping(d->config->drain_s + (DRAIN_REMOVE_MS + ACK_MS) / 1000 + 5);
	tell_node(d);
	jobs_drain(d->jobs, false);
	arm(d->drain_timer, jobs_count(d->jobs) > 0 ? d->config->drain_s * 1000 : DRAIN_REMOVE_MS);
	pool_drain(d->pool, on_pool_empty, d);
}

/* ---- start ---- */

static void on_images_changed(void *arg)
{
	struct driver *d = arg;

	pool_images_changed(d->pool);
	node_changed(d);
}

/*
 * The group that may use the engine's socket; (gid_t)-1 where there is none to
 * take. -EPERM where only root may: as another user we could never reach it.
 */
static int socket_group(const struct engine_where *where, gid_t *ret_gid, struct err *err)
{
	const struct group *group;
	struct stat st;

	*ret_gid = (gid_t)-1;
	if (where->unix_path == NULL || geteuid() != 0)
		return 0;
	if (stat(where->unix_path, &st) < 0) {
		group = getgrnam("docker"); /* the engine is not there yet: its usual group */
		if (group != NULL)
			*ret_gid = group->gr_gid;
		return 0;
	}
	if (st.st_gid == 0 && (st.st_mode & S_IWOTH) == 0)
		return err_say(err, EPERM,
			"%s belongs to group 0, so that only root may use the engine: make a group "
			"`docker` and restart the engine (or `chgrp docker %s`)",
			where->unix_path, where->unix_path);
	if (st.st_gid != 0)
		*ret_gid = st.st_gid;
	return 0;
}

/* Where builds cannot be kept they are made each time. */
static void open_builds(struct driver *d)
{
	struct err err;
	bool wanted = false;

	for (size_t i = 0; i < d->config->n_tasks; i++)
		wanted = wanted || d->config->tasks[i].build_cache != BUILD_CACHE_OFF;
	if (wanted &&
		build_cache_open(BUILDS_PATH, d->config->build_cache_bytes, &d->builds, &err) < 0)
		log_warning("builds are not kept: %s", err.msg);
}

/* All that needs root, or files of others. Then never again. */
static int open_and_confine(struct driver *d, struct engine_where *where, struct err *err)
{
	gid_t gid = (gid_t)-1;
	int r = engine_where_parse(d->config->docker_host, where, err);

	if (r == 0)
		r = socket_group(where, &gid, err);
	if (r == 0)
		r = agent_volume_load(NULL, &d->volume, err);
	if (r < 0)
		return r;
	host_gpus(d->config, where->unix_path != NULL, NULL, &d->gpus);
	if (where->unix_path != NULL) {
		(void)host_cap_cgroup(d->config);
		d->slot_profile = host_has_slot_profile() > 0;
	}
	r = role_make_directory(ROLE_DRIVER, STATE_DRIVER, d->config, err);
	if (r == 0)
		r = role_confine(ROLE_DRIVER, d->config, gid, err);
	if (r == 0)
		r = instance_load(INSTANCE_PATH, d->instance, err);
	if (r == 0) {
		slot_note_forget();
		open_builds(d);
	}
	return r;
}

static int make_timers(struct driver *d, struct err *err)
{
	const struct timeval every = { .tv_sec = IMAGES_CHECK_S };
	const struct timeval sweep = { .tv_sec = SWEEP_S };

	d->node_timer = evtimer_new(d->base, on_node_timer, d);
	d->retry_timer = evtimer_new(d->base, on_retry_timer, d);
	d->drain_timer = evtimer_new(d->base, on_drain_timer, d);
	d->images_timer = event_new(d->base, -1, EV_PERSIST, on_images_timer, d);
	d->sweep_timer = event_new(d->base, -1, EV_PERSIST, on_sweep_timer, d);
	d->young_timer = evtimer_new(d->base, on_young_timer, d);
	d->sigterm = evsignal_new(d->base, SIGTERM, on_signal, d);
	d->sigint = evsignal_new(d->base, SIGINT, on_signal, d);
	d->sighup = evsignal_new(d->base, SIGHUP, on_signal, d);
	if (d->node_timer == NULL || d->retry_timer == NULL || d->drain_timer == NULL ||
		d->images_timer == NULL || event_add(d->images_timer, &every) < 0 ||
		d->sweep_timer == NULL || event_add(d->sweep_timer, &sweep) < 0 ||
		d->young_timer == NULL || d->sigterm == NULL || event_add(d->sigterm, NULL) < 0 ||
		d->sigint == NULL || event_add(d->sigint, NULL) < 0 || d->sighup == NULL ||
		event_add(d->sighup, NULL) < 0)
		return err_set(err, ENOMEM, "driver");
	return watchdog_new(d->base, &d->watchdog, err);
}

static int make_pool(struct driver *d, struct err *err)
{
	const struct pool_host host = { .base = d->base,
		.engine = d->engine,
		.images = d->images,
		.config = d->config,
		.container = &d->container,
		.gpus = &d->gpus,
		.changed = node_changed,
		.agent_missing = agent_missing,
		.sandbox_known = sandbox_known,
		.arg = d };

	d->container.instance = d->instance;
	d->container.agent_volume = agent_volume_name(d->volume);
	return pool_new(&host, &d->pool, err);
}

static int make_link(struct driver *d, struct err *err)
{
	static const struct queue_link_ops ops = { .open = on_queue_open,
		.lost = on_queue_lost,
		.run = on_run,
		.stop = on_stop,
		.tap = on_tap,
		.input = on_input,
		.spool = on_spool,
		.metrics = on_metrics,
		.refused = on_refused,
		.acknowledged = on_acknowledged };
	struct channel_self self = { .generation = d->config->generation, .node = d->config->node };
	char path[256];
	int r;

	if (getrandom(&self.instance, sizeof(self.instance), 0) != (ssize_t)sizeof(self.instance))
		return err_set(err, EIO, "getrandom");
	r = role_socket_path(d->config, SOCKET_QUEUE_DRIVER, path, sizeof(path), err);
	return r < 0 ? r : queue_link_new(d->base, path, &self, &ops, d, &d->link, err);
}

static int make_jobs(struct driver *d, struct err *err)
{
	const struct jobs_host host = { .base = d->base,
		.config = d->config,
		.engine = d->engine,
		.images = d->images,
		.pool = d->pool,
		.link = d->link,
		.machine = &d->host,
		.gpus = &d->gpus,
		.builds = d->builds,
		.changed = on_job_over,
		.arg = d };

	return jobs_new(&host, &d->jobs, err);
}

static int make_parts(struct driver *d, struct engine_where *where, struct err *err)
{
	static const struct engine_watch watch = { .up = on_engine_up, .down = on_engine_down };
	int r;

	d->base = event_base_new();
	if (d->base == NULL)
		return err_set(err, ENOMEM, "driver");
	r = make_timers(d, err);
	if (r == 0)
		r = engine_new(d->base, where, &watch, d, &d->engine, err);
	if (r == 0)
		r = images_new(d->engine, on_images_changed, d, &d->images, err);
	if (r == 0)
		r = make_pool(d, err);
	if (r == 0)
		r = make_link(d, err);
	return r == 0 ? make_jobs(d, err) : r;
}

static void free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

static void driver_done(struct driver *d)
{
	jobs_free(d->jobs);
	build_cache_free(d->builds);
	pool_free(d->pool);
	queue_link_free(d->link);
	images_free(d->images);
	engine_free(d->engine);
	agent_volume_free(d->volume);
	free_event(d->node_timer);
	free_event(d->retry_timer);
	free_event(d->drain_timer);
	free_event(d->images_timer);
	free_event(d->sweep_timer);
	free_event(d->young_timer);
	free_event(d->sigterm);
	free_event(d->sigint);
	free_event(d->sighup);
	free_event(d->watchdog);
	if (d->base != NULL)
		event_base_free(d->base);
}

int driver_main(struct role_args *args)
{
	struct driver d = { .config = args->config };
	struct engine_where where = { 0 };
	struct err err;
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return EXIT_FAILURE;
	r = open_and_confine(&d, &where, &err);
	if (r == 0)
		r = make_parts(&d, &where, &err);
	if (r < 0) {
		log_error("cannot start: %s", err.msg);
		engine_where_done(&where);
		driver_done(&d);
		return role_exit_code(r);
	}
	engine_connect(d.engine);
	queue_link_connect(d.link);
	(void)event_base_dispatch(d.base);
	driver_done(&d);
	curl_global_cleanup();
	return d.exit_code;
}
