/* SPDX-License-Identifier: MIT */
/*
 * What the gateway reads but for a job: the small bodies and the queries of its addresses. The
 * first byte says which. What it takes, the queue takes, too.
 */
#include <jansson.h>

#include "fuzz.h"
#include "gateway/accounts.h"
#include "gateway/classic.h"
#include "gateway/control.h"
#include "gateway/query.h"
#include "gateway/typed.h"

/* As the gateway says it and the queue hears it. */
static void say(const struct msg *msg)
{
	static uint8_t bytes[MSG_BYTES_MAX];
	int fds[MSG_FDS_MAX];
	struct msg heard;
	unsigned made;
	size_t n, n_fds;
	struct err err;

	MUST(msg_encode(msg, bytes, &n, fds, &n_fds, &made, &err) == 0 && n_fds == 0);
	MUST(msg_decode(bytes, n, fds, 0, ROLE_GATEWAY, ROLE_QUEUE, &heard, &err) == 0);
	msg_done(&heard);
}

static void pause_body(const char *text, size_t n)
{
	struct msg msg;
	struct err err;

	msg_init(&msg, MSG_PAUSE);
	if (control_parse_pause(text, n, &msg.pause, &err) == 0)
		say(&msg);
}

static void client_body(const char *text, size_t n)
{
	struct msg msg;
	struct err err;

	msg_init(&msg, MSG_CLIENT_ASK);
	msg.client_ask.act = CLIENT_ADD;
	if (accounts_parse_client(text, n, &msg.client_ask, &err) < 0)
		return;
	MUST(config_is_name(msg.client_ask.name) && msg.client_ask.weight <= CLIENT_WEIGHT_MAX);
	say(&msg);
}

static void signal_body(const char *text, size_t n)
{
	int number;
	struct err err;

	number = typed_parse_signal(text, n, &err);
	MUST(number >= 0 && number <= JOB_SIGNAL_MAX);
}

static void classic_body(const char *text, size_t n)
{
	json_t *root;
	struct err err;

	if (classic_parse_member(text, n, "id", &root, &err) < 0)
		return;
	MUST(json_is_string(json_object_get(root, "id")));
	json_decref(root);
}

typedef int read_sweep_fn(const struct exchange *ex, struct msg_sweep *ret, struct err *err);

/* Nothing is done to all jobs that does not say so. */
static void sweep(const struct exchange *ex, read_sweep_fn *read)
{
	struct msg msg;
	struct err err;

	msg_init(&msg, MSG_SWEEP);
	if (read(ex, &msg.sweep, &err) < 0)
		return;
	MUST(msg.sweep.states != 0);
	MUST(exchange_param(ex, "all") != NULL || exchange_param(ex, "state") != NULL ||
		msg.sweep.verdicts != 0 || msg.sweep.task[0] != '\0' ||
		msg.sweep.client[0] != '\0' || msg.sweep.label[0] != '\0');
	say(&msg);
}

/* The query of every route. */
static void query(const char *text)
{
	const struct route *route;

	for (size_t i = 0; (route = route_at(i)) != NULL; i++) {
		struct exchange ex = { .route = route };
		struct err err;

		if (query_parse(route, text, ex.params, &err) == 0 &&
			strcmp(route->pattern, "/v1/jobs") == 0 && route->method == METHOD_DELETE)
			sweep(&ex, control_read_delete);
		else if (strcmp(route->pattern, "/v1/jobs/retry") == 0)
			sweep(&ex, control_read_retry);
		for (size_t j = 0; j < ROUTE_PARAMS_MAX; j++)
			free(ex.params[j]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text;

	if (n == 0)
		return 0;
	text = fuzz_text(data + 1, n - 1);
	if (data[0] == 'p')
		pause_body(text, n - 1);
	else if (data[0] == 'c')
		client_body(text, n - 1);
	else if (data[0] == 's')
		signal_body(text, n - 1);
	else if (data[0] == 'i')
		classic_body(text, n - 1);
	else
		query(text);
	free(text);
	return 0;
}
