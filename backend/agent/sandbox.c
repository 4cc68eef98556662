/* SPDX-License-Identifier: MIT */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "common/cleanup.h"
#include "fdpass.h"
#include "init.h"
#include "keeper.h"
#include "nursery.h"
#include "pool.h"

#define LEAVING_MAX 3 /* sandboxes that are not gone yet while another one starts */

void sandbox_prepare(void)
{
	struct sandbox *next = &agent.next;
	struct nursery_request request = { .id = ++agent.sandboxes_made,
		.number = ++agent.spares_made };
	int pair[2], theirs[SPARE_ENDS];
	struct err err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		fault_say("socketpair");
	must(fdpass_know_senders(pair[0]), &(struct err){ .msg = "senders of an init's socket" });
	must(spare_open(&agent.job, request.number, &next->first, theirs, &err), &err);
	must(nursery_ask(agent.nursery_fd, &request, pair[1], theirs, &err), &err);
	spare_ends_close(theirs);
	(void)close(pair[1]);
	next->id = request.id;
	next->fd = pair[0];
}

bool sandbox_ready(void)
{
	return agent.next.set_up && agent.next.first.state == SPARE_READY && agent.awaited == 0 &&
	       agent.leaving < LEAVING_MAX;
}

void sandbox_enter(void)
{
	agent.now = agent.next;
	agent.next = SANDBOX_NONE;
	agent.spares[0] = agent.now.first;
	agent.now.first = SPARE_EMPTY;
	agent.ballast = BALLAST_NONE;
	agent.ballast.places = &agent.now.places;
	agent.disk_bytes = agent.job.limits.v[LIMIT_DISK];
}

static void ask(const struct init_request *request, const int *fds, size_t n)
{
	if (fdpass_send(agent.now.fd, request, sizeof(*request), fds, n) < 0)
		fault_say("a sandbox's init does not listen");
}

void sandbox_spawn(size_t count)
{
	struct spare *spare;

	for (; count > 0 && (spare = pool_find(SPARE_NONE)) != NULL; count--) {
		struct init_request request = { .op = INIT_SPAWN, .number = ++agent.spares_made };
		int theirs[SPARE_ENDS];
		struct err err;

		must(spare_open(&agent.job, request.number, spare, theirs, &err), &err);
		ask(&request, theirs, SPARE_ENDS);
		spare_ends_close(theirs);
	}
}

bool sandbox_limit(int64_t bytes)
{
	struct init_request request = { .op = INIT_LIMIT, .bytes = bytes };

	if (bytes == agent.disk_bytes)
		return false;
	ask(&request, NULL, 0);
	agent.disk_bytes = bytes;
	return true;
}

/* Spares that nobody used end with their sandbox. */
static void spares_drop(void)
{
	for (size_t i = 0; i < SPARES_MAX; i++) {
		struct spare *spare = &agent.spares[i];
		struct keeper_request remove = { .op = KEEPER_REMOVE, .number = spare->number };
		struct err err;

		if (spare->state == SPARE_FORKED || spare->state == SPARE_READY)
			must(keeper_ask(agent.keeper_fd, &remove, &err), &err);
		spare_close(spare);
	}
}

void sandbox_leave(bool wait)
{
	sandbox_tidy();
	spares_drop();
	if (wait)
		agent.awaited = agent.now.id;
	agent.past = agent.now;
	agent.now = SANDBOX_NONE;
	agent.leaving++;
}

void sandbox_tidy(void)
{
	if (agent.past.id == 0)
		return;
	(void)close(agent.past.fd);
	places_close(&agent.past.places);
	agent.past = SANDBOX_NONE;
}

/* --- what they say --------------------------------------------------------- */

static void spawned(const struct init_reply *reply, pid_t pid)
{
	struct spare *spare = pool_numbered(reply->number);
	struct keeper_request place = {
		.op = KEEPER_PLACE, .number = reply->number, .pid = pid, .limits = agent.job.limits
	};
	struct err err;

	if (spare == NULL || spare->state != SPARE_OPEN || pid <= 0)
		fault_say("a spare that nobody asked for");
	spare->pid = pid;
	spare->state = SPARE_FORKED;
	must(keeper_ask(agent.keeper_fd, &place, &err), &err);
}

static void ended(const struct sandbox *sandbox, const struct init_reply *reply)
{
	struct rusage usage = { .ru_maxrss = (long)(reply->rss_bytes / 1024) };

	if (sandbox != &agent.now || agent.step.spare.state == SPARE_NONE ||
		agent.step.spare.number != reply->number)
		fault_say("a spare died");
	step_reaped(&agent.step, agent.step.spare.pid, reply->status, &usage);
	agent.step.file_limit_hit = agent.step.file_limit_hit || reply->file_limit;
}

static void set_up(struct sandbox *sandbox, const int *fds, size_t n)
{
	if (n != DISK_PLACES || sandbox->set_up)
		fault_say("a sandbox without its directories");
	for (size_t i = 0; i < n; i++)
		sandbox->places.fd[i] = fds[i];
	sandbox->set_up = true;
}

/* One message of an init. False: there is none. */
static bool init_read(struct sandbox *sandbox)
{
	struct init_reply reply;
	int fds[FDPASS_MAX];
	pid_t pid;
	size_t n;
	ssize_t got =
		fdpass_recv_from(sandbox->fd, &reply, sizeof(reply), fds, FDPASS_MAX, &n, &pid);

	if (got == -EAGAIN)
		return false;
	if (got != (ssize_t)sizeof(reply))
		fault_say("a sandbox's init died");
	switch (reply.event) {
	case INIT_SET_UP:
		set_up(sandbox, fds, n);
		break;
	case INIT_SPAWNED:
		spawned(&reply, pid);
		break;
	case INIT_ENDED:
		ended(sandbox, &reply);
		break;
	case INIT_REAPED:
		agent.step.file_limit_hit = agent.step.file_limit_hit || reply.file_limit;
		break;
	case INIT_LIMITED:
		must(-reply.err.code, &reply.err);
		pool_limited();
		break;
	case INIT_FAILED:
		fault(&reply.err);
	}
	return true;
}

void sandbox_read(struct sandbox *sandbox)
{
	while (sandbox->fd >= 0 && init_read(sandbox))
		;
}

void sandbox_read_nursery(void)
{
	struct nursery_reply reply;
	struct err err;
	int r;

	while ((r = nursery_answer(agent.nursery_fd, &reply, &err)) != 0) {
		must(r, &err);
		if (reply.event == NURSERY_FAILED)
			fault(&reply.err);
		if (reply.event != NURSERY_GONE)
			continue;
		/* One that was not told to end: its socket says so, too. */
		if (reply.id == agent.now.id || reply.id == agent.next.id || agent.leaving == 0)
			fault_say("a sandbox ended by itself");
		agent.leaving--;
		if (reply.id == agent.awaited)
			agent.awaited = 0;
	}
}
