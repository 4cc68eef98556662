/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <stdio.h>
#include <unistd.h>

#include "agent.h"
#include "common/cleanup.h"
#include "keeper.h"

struct spare *pool_find(enum spare_state state)
{
	for (size_t i = 0; i < SPARES_MAX; i++)
		if (agent.spares[i].state == state)
			return &agent.spares[i];
	return NULL;
}

void pool_prepare(size_t count)
{
	struct err err;

	if (agent.job.sandbox) {
		sandbox_spawn(count);
		return;
	}
	for (size_t i = 0; i < count && i < SPARES_MAX; i++) {
		struct keeper_request request = { .op = KEEPER_PLACE,
			.number = ++agent.spares_made,
			.limits = agent.job.limits };
		struct spare *spare = pool_find(SPARE_NONE);

		if (spare == NULL)
			return;
		must(spare_fork(&agent.job, request.number, spare, &err), &err);
		request.pid = spare->pid;
		if (agent.keeper_fd < 0)
			spare->state = SPARE_READY;
		else
			must(keeper_ask(agent.keeper_fd, &request, &err), &err);
	}
}

struct spare *pool_numbered(unsigned int number)
{
	for (size_t i = 0; i < SPARES_MAX; i++)
		if (agent.spares[i].state != SPARE_NONE && agent.spares[i].number == number)
			return &agent.spares[i];
	if (agent.next.first.state != SPARE_NONE && agent.next.first.number == number)
		return &agent.next.first;
	return NULL;
}

void pool_limited(void)
{
	if (agent.limits_asked > 0 && --agent.limits_asked == 0 && agent.phase == PHASE_LIMITING)
		agent.phase = PHASE_WAITING; /* with limits that are its own now */
}

/*
 * No cgroup of our own after all, found out with the first spare: the keeper
 * goes, the container's cgroup is what counts.
 */
void pool_fall_back(const char *why)
{
	(void)snprintf(agent.no_cgroup, sizeof(agent.no_cgroup), "%.255s", why);
	agent.kind = FRAME_CGROUP_CONTAINER;
	if (agent.keeper_fd >= 0)
		(void)close(TAKE_FD(agent.keeper_fd));
	for (size_t i = 0; i < SPARES_MAX; i++)
		if (agent.spares[i].state == SPARE_FORKED)
			agent.spares[i].state = SPARE_READY;
}

static void keeper_answered(const struct keeper_reply *reply, struct meter *meter)
{
	struct spare *spare = pool_numbered(reply->number);

	if (spare == NULL && agent.job.sandbox) { /* it has left with its sandbox meanwhile */
		meter_close(meter);
		return;
	}
	if (reply->err.code != 0 && agent.phase == PHASE_WARMING && !agent.job.sandbox) {
		pool_fall_back(reply->err.msg);
		return;
	}
	must(-reply->err.code, &reply->err);
	if (reply->op == KEEPER_LIMIT) {
		pool_limited();
		return;
	}
	if (spare == NULL)
		fault_say("an answer about a spare that is none");
	agent.kind = reply->kind;
	spare->meter = *meter;
	spare->state = SPARE_READY;
}

void pool_read(void)
{
	struct keeper_reply reply;
	struct meter meter;
	struct err err;
	int r;

	while (agent.keeper_fd >= 0 &&
		(r = keeper_answer(agent.keeper_fd, &reply, &meter, &err)) != 0) {
		must(r, &err);
		keeper_answered(&reply, &meter);
	}
}
