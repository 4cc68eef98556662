/* SPDX-License-Identifier: MIT */
#include "step.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "wire/pack.h"

#define TICK_US      25000 /* between looks at what tells nobody: OOM kills, disk */
#define CPU_LEAST_US 500   /* between two looks at the cpu clock */

static const struct meter *meter_of(const struct step *step)
{
	return step->own_cgroup ? &step->spare.meter : &step->container;
}

static int64_t figure(const struct step *step, enum figure which)
{
	return meter_read(meter_of(step), which);
}

/* Growth since "go"; 0 where the figure cannot be had. */
static int64_t growth(const struct step *step, enum figure which)
{
	int64_t now = figure(step, which);

	return now < 0 || step->base[which] < 0 ? 0 : now - step->base[which];
}

static int64_t cpu_of(const struct rusage *u)
{
	return (int64_t)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000 + u->ru_utime.tv_usec +
	       u->ru_stime.tv_usec;
}

static int64_t own_cpu_us(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return cpu_of(&u);
}

/* Neither the job's own nor the container's. */
static bool no_cgroup_seen(const struct step *step)
{
	return step->base[FIGURE_CPU_US] < 0;
}

static int64_t cpu_us(const struct step *step)
{
	/*
	 * The container's clock counts the agent's work as well. Ours is read first: that brings
	 * the container's up to date, which else lags behind by what we did since the last tick.
	 */
	int64_t own = step->own_cgroup ? 0 : own_cpu_us() - step->own_cpu_base_us;
	int64_t us = growth(step, FIGURE_CPU_US) - own;

	/* Where no cgroup is to be seen, what the dead have used: RLIMIT_CPU ends the living. */
	if (no_cgroup_seen(step))
		return step->cpu_reaped_us;
	return us < 0 ? 0 : us;
}

/* How many processors can run at once: bounds how fast cpu time can pass. */
static int64_t processors(void)
{
	static int known;
	cpu_set_t set;

	if (known == 0 && sched_getaffinity(0, sizeof(set), &set) == 0)
		known = CPU_COUNT(&set);
	return known < 1 ? CPU_SETSIZE : known;
}

static int64_t cpu_wait_us(int64_t left_us)
{
	int64_t wait = left_us / processors();

	return wait < CPU_LEAST_US ? CPU_LEAST_US : wait;
}

int step_go(struct step *step, struct spare *spare, const struct step_order *order,
	const struct meter *container, const struct ballast *ballast, struct err *err)
{
	int r;

	*step = (struct step){ .spare = *spare,
		.limits = order->limits,
		.own_cgroup = spare->meter.fd[FIGURE_CPU_US] >= 0,
		.container = *container,
		.ballast = ballast,
		.killed_for = LIMIT_MAX_,
		.pids_seen = 1 };
	*spare = SPARE_EMPTY;
	(void)snprintf(step->program, sizeof(step->program), "%s", order->strings);
	if (step->own_cgroup) {
		/* All else of it is zero: nothing ran in it yet but the spare. */
		step->base[FIGURE_CPU_US] = figure(step, FIGURE_CPU_US);
		step->base[FIGURE_PIDS_NOW] = 1;
	} else {
		step->own_cpu_base_us = own_cpu_us();
		for (int i = 0; i < FIGURE_MAX_; i++)
			step->base[i] = figure(step, (enum figure)i);
		if (no_cgroup_seen(step))
			step->census = census_take();
	}
	if (!step->own_cgroup || meter_of(step)->fd[FIGURE_MEMORY_PEAK] < 0)
		step->disk_base = disk_look(step->ballast).total;
	step->go_us = clock_us();
	step->next_tick_us = step->go_us + TICK_US;
	step->next_cpu_us = step->go_us + cpu_wait_us(step->limits.v[LIMIT_CPU] * 1000);
	r = spare_go(&step->spare, order, err);
	step->cut_off = r == -EPIPE;
	return step->cut_off ? 0 : r;
}

/* Armed again for the earliest moment at which the limit could be reached. */
static bool cpu_spent(struct step *step, int64_t now_us)
{
	int64_t left = step->limits.v[LIMIT_CPU] * 1000 - cpu_us(step);

	step->next_cpu_us = now_us + cpu_wait_us(left);
	return left <= 0;
}

static void see(int64_t *most, int64_t value)
{
	if (value > *most)
		*most = value;
}

static void see_disk(struct step *step)
{
	struct disk disk = disk_look(step->ballast);

	see(&step->disk.used, disk.used);
	see(&step->disk.total, disk.total);
	step->disk.full = step->disk.full || disk.full;
}

static enum limit tick(struct step *step)
{
	int64_t pids = growth(step, FIGURE_PIDS_NOW) + 1, memory = growth(step, FIGURE_MEMORY_NOW);

	if (no_cgroup_seen(step)) {
		struct census now = census_take();

		pids = now.processes - step->census.processes + 1;
		memory = now.resident_bytes - step->census.resident_bytes;
	}
	see(&step->pids_seen, pids);
	see(&step->memory_seen, memory);
	see_disk(step);
	if (growth(step, FIGURE_OOM_KILLS) > 0)
		return LIMIT_MEMORY;
	if (!step->own_cgroup && pids > step->limits.v[LIMIT_PROCESSES])
		return LIMIT_PROCESSES;
	if (!step->own_cgroup && memory > step->limits.v[LIMIT_MEMORY])
		return LIMIT_MEMORY;
	return LIMIT_MAX_;
}

enum limit step_check(struct step *step, int64_t now_us)
{
	if (now_us >= step->next_cpu_us && cpu_spent(step, now_us))
		return LIMIT_CPU;
	if (now_us >= step->go_us + step->limits.v[LIMIT_WALL] * 1000)
		return LIMIT_WALL;
	if (now_us < step->next_tick_us)
		return LIMIT_MAX_;
	step->next_tick_us = now_us + TICK_US;
	return tick(step);
}

int64_t step_next_us(const struct step *step)
{
	int64_t next = step->go_us + step->limits.v[LIMIT_WALL] * 1000;

	if (step->next_cpu_us < next)
		next = step->next_cpu_us;
	return step->next_tick_us < next ? step->next_tick_us : next;
}

void step_reaped(struct step *step, pid_t pid, int status, const struct rusage *usage)
{
	see(&step->rss_seen, (int64_t)usage->ru_maxrss * 1024);
	step->cpu_reaped_us += cpu_of(usage);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ)
		step->file_limit_hit = true;
	if (pid != step->spare.pid)
		return;
	/* A shell says of the program that it ran: 128 and the signal. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGXFSZ)
		step->file_limit_hit = true;
	step->reaped = true;
	step->status = status;
	if (step->end_us == 0)
		step->end_us = clock_us();
	see_disk(step); /* before what it left behind is killed, and its files with it */
}

void step_end_for(struct step *step, enum limit limit, int64_t now_us)
{
	/* Output may still come to light after the end; other limits cannot be passed then. */
	if (step->killed_for == LIMIT_MAX_ && (!step->reaped || limit == LIMIT_OUTPUT))
		step->killed_for = limit;
	if (step->end_us == 0)
		step->end_us = now_us;
}

static int64_t memory_peak(const struct step *step)
{
	int64_t peak = figure(step, FIGURE_MEMORY_PEAK);
	int64_t most;

	if (step->own_cgroup && peak >= 0)
		return peak;
	if (!step->own_cgroup && peak > step->base[FIGURE_MEMORY_PEAK] &&
		step->base[FIGURE_MEMORY_NOW] >= 0)
		return peak - step->base[FIGURE_MEMORY_NOW];
	/* No such figure, or an earlier peak hides it: what was seen. */
	most = step->rss_seen + step->disk.total - step->disk_base;
	return most > step->memory_seen ? most : step->memory_seen;
}

/* Whether the program never came to be, and of what. */
static void see_failure(struct step *step)
{
	if (step->failed)
		return;
	step->failed = spare_failed(&step->spare, &step->failure) == 1;
	if (step->failed || !step->cut_off || growth(step, FIGURE_OOM_KILLS) > 0)
		return;
	/* Only want of memory is the job's own doing. */
	step->failed = true;
	step->failure = (struct spare_failure){ .stage = SPARE_STAGE_PLAN, .code = EPIPE };
}

void step_settle(struct step *step)
{
	if (step->killed) /* else it is as it was when the first process ended */
		see_disk(step);
	see_failure(step);
	if (step->killed_for != LIMIT_MAX_)
		return;
	/* It ended by itself between two looks: the limit was passed all the same. */
	if (cpu_us(step) >= step->limits.v[LIMIT_CPU] * 1000)
		step->killed_for = LIMIT_CPU;
	else if (step->end_us - step->go_us >= step->limits.v[LIMIT_WALL] * 1000)
		step->killed_for = LIMIT_WALL;
	else if (!step->own_cgroup && memory_peak(step) > step->limits.v[LIMIT_MEMORY])
		step->killed_for = LIMIT_MEMORY;
}

static int64_t pids_peak(const struct step *step)
{
	int64_t peak = step->own_cgroup ? figure(step, FIGURE_PIDS_PEAK) : -1;

	return peak > 0 ? peak : step->pids_seen;
}

static void pack_ending(const struct step *step, struct packer *p)
{
	bool signaled = WIFSIGNALED(step->status);

	pack_u8(p, (uint8_t)step->killed_for);
	pack_u32(p, signaled ? UINT32_MAX : (uint32_t)WEXITSTATUS(step->status));
	pack_u8(p, signaled ? (uint8_t)WTERMSIG(step->status) : 0);
}

size_t step_report(const struct step *step, const uint8_t nonce[static FRAME_NONCE_BYTES],
	uint8_t *buf, size_t size)
{
	struct packer p = packer_fixed(buf, size);
	char why[300] = "";

	if (step->failed)
		(void)snprintf(
			why, sizeof(why), "%s: %s", step->program, strerror(step->failure.code));
	pack_raw(&p, nonce, FRAME_NONCE_BYTES);
	pack_ending(step, &p);
	pack_i64(&p, step->end_us - step->go_us);
	pack_i64(&p, cpu_us(step));
	pack_i64(&p, memory_peak(step));
	pack_i64(&p, pids_peak(step));
	pack_u64(&p, (uint64_t)growth(step, FIGURE_OOM_KILLS));
	pack_u64(&p, (uint64_t)growth(step, FIGURE_PIDS_REFUSED));
	pack_i64(&p, step->disk.used);
	pack_u8(&p, step->disk.full);
	pack_u8(&p, step->file_limit_hit);
	pack_u64(&p, step->bytes[0]);
	pack_u64(&p, step->bytes[1]);
	pack_str(&p, why);
	return p.len;
}
