/* SPDX-License-Identifier: MIT */
#include "history.h"

#include "common/cleanup.h"
#include "wire/sample.h"

#define SAMPLES_MAX (1024U * 1024)

static void write_uint(struct json_text *t, const char *key, uint64_t value)
{
	jt_key(t, key);
	jt_uint(t, value);
}

static void write_sample(struct json_text *t, const struct sample *sample)
{
	jt_open(t, '{');
	jt_key(t, "at");
	jt_time(t, sample->at_ms);
	write_uint(t, "waiting", sample->waiting);
	write_uint(t, "running", sample->running);
	write_uint(t, "slots_used", sample->slots_used);
	write_uint(t, "slots", sample->slots);
	jt_key(t, "cpus_used");
	jt_thousandths(t, sample->cpus_used);
	jt_key(t, "cpus");
	jt_thousandths(t, sample->cpus);
	write_uint(t, "memory_used_bytes", (uint64_t)sample->memory_used_bytes);
	write_uint(t, "memory_bytes", (uint64_t)sample->memory_bytes);
	write_uint(t, "gpus_used", sample->gpus_used);
	write_uint(t, "gpus", sample->gpus);
	jt_close(t, '}');
}

static void on_history(struct exchange *ex, struct msg *msg)
{
	cleanup_json struct json_text t = { 0 };
	cleanup_free uint8_t *data = NULL;
	struct sample sample;
	struct unpacker u;
	struct err err;

	if (blob_read_all(&msg->history.samples, SAMPLES_MAX, &data, &err) < 0) {
		exchange_problem(ex, PROBLEM_INTERNAL, "the queue's answer cannot be read");
		return;
	}
	u = unpacker_of(data, (size_t)msg->history.samples.len);
	jt_open(&t, '{');
	write_uint(&t, "step_s", msg->history.step_s);
	jt_key(&t, "samples");
	jt_open(&t, '[');
	while (sample_unpack(&u, &sample))
		write_sample(&t, &sample);
	jt_close(&t, ']');
	jt_close(&t, '}');
	if (u.failed) {
		exchange_problem(ex, PROBLEM_INTERNAL, "the queue's answer is damaged");
		return;
	}
	exchange_answer_json(ex, MHD_HTTP_OK, &t);
}

void history_get(struct exchange *ex)
{
	struct msg msg;

	msg_init(&msg, MSG_HISTORY_GET);
	exchange_ask(ex, &msg, MSG_HISTORY, on_history);
}
