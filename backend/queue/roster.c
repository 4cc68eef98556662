/* SPDX-License-Identifier: MIT */
#include "roster.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/secret_file.h"
#include "queue.h"
#include "reply.h"
#include "watch.h"
#include "wire/pack.h"

#define KNOWN_MAX   10000
#define TOKEN_LEAST 20 /* characters: what is shorter can be guessed */

/* --- at a start --- */

static int read_file(
	const struct config *config, const char *path, uint8_t *ret_hash, struct err *err)
{
	char *text;
	int r = secret_file_read(path, config->queue_uid, "a token", &text, err);

	if (r < 0)
		return err_wrap(err, "token_file");
	if (strlen(text) < TOKEN_LEAST || strpbrk(text, " \t\r\n") != NULL)
		r = err_say(err, EINVAL,
			"token_file: '%s' expected to hold a token of %d characters at least, in "
			"one line",
			path, TOKEN_LEAST);
	else
		client_token_hash(text, ret_hash);
	secret_file_wipe(text);
	return r;
}

/* Two clients with one token: nobody could say whose it is. Those of hashes alone are known good.
 */
static int check_same_token(const struct config *config, const uint8_t (*hashes)[CLIENT_HASH_BYTES],
	size_t i, struct err *err)
{
	for (size_t j = 0; j < config->n_clients; j++) {
		const struct config_client *other = &config->clients[j];

		if (j != i && (other->token_hash != NULL || j < i) &&
			client_hash_equal(hashes[i],
				other->token_hash != NULL ? other->client.token_hash : hashes[j]))
			return err_say(err, EINVAL,
				"token_file: '%s' holds the token of client '%s'; expected one of "
				"client '%s' alone",
				config->clients[i].token_file, other->client.name,
				config->clients[i].client.name);
	}
	return 0;
}

int roster_read_files(
	const struct config *config, uint8_t (**ret)[CLIENT_HASH_BYTES], struct err *err)
{
	cleanup_free uint8_t(*hashes)[CLIENT_HASH_BYTES] = NULL;
	int r = 0;

	if (config->n_clients == 0)
		return 0;
	hashes = calloc(config->n_clients, sizeof(*hashes));
	if (hashes == NULL)
		return err_set(err, ENOMEM, "clients");
	for (size_t i = 0; r == 0 && i < config->n_clients; i++) {
		if (config->clients[i].token_file == NULL)
			continue;
		r = read_file(config, config->clients[i].token_file, hashes[i], err);
		if (r == 0)
			r = check_same_token(config, hashes, i, err);
	}
	if (r == 0)
		*ret = TAKE_PTR(hashes);
	return r;
}

static int put_files(struct queue *q, struct err *err)
{
	for (size_t i = 0; q->token_hashes != NULL && i < q->config->n_clients; i++) {
		const struct config_client *from = &q->config->clients[i];
		struct client client = from->client;
		struct client_state *other;

		if (from->token_file == NULL)
			continue;
		memcpy(client.token_hash, q->token_hashes[i], CLIENT_HASH_BYTES);
		other = clients_by_hash(&q->jobs.clients, client.token_hash);
		if (other != NULL && strcmp(other->client.name, client.name) != 0)
			return err_say(err, EINVAL, "clients '%s' and '%s' have the same token",
				client.name, other->client.name);
		if (other != NULL && other->configured)
			continue; /* put at the start: anew, it would be another one */
		if (clients_put(&q->jobs.clients, &client, true, age_boottime_ms()) == NULL)
			return err_set(err, ENOMEM, "clients");
	}
	return 0;
}

/* --- those of the store --- */

/* Revoked where another has it: who comes last has it. */
static int take_client(const struct store_client *row, void *arg, struct err *err)
{
	struct queue *q = arg;
	struct clients *clients = &q->jobs.clients;
	struct client_state *state = clients_get(clients, row->client.name);

	if (state == NULL)
		return err_set(err, ENOMEM, "clients");
	state->listed = true;
	if (state->configured) {
		log_warning("client '%s' of the store is passed over: the configuration has one",
			row->client.name);
		return 0;
	}
	if (state->known && client_hash_equal(state->client.token_hash, row->client.token_hash))
		return 0; /* nobody changes one */
	if (clients_put(clients, &row->client, false, age_boottime_ms()) == NULL)
		return err_set(err, ENOMEM, "clients");
	state->made_unix_ms = row->made_unix_ms;
	jobs_client_changed(&q->jobs, state);
	return 0;
}

static void cut_off(struct queue *q, struct client_state *state)
{
	clients_revoke(&q->jobs.clients, state);
	jobs_client_changed(&q->jobs, state);
	watch_revoked(q);
}

static void decide_need(struct queue *q, bool used)
{
	q->jobs.clients.needed =
		!config_is_open(q->config) || (q->config->auth != AUTH_NONE && used);
}

int roster_load(struct queue *q, struct err *err)
{
	struct client_state *state, *next;
	char used[STORE_META_MAX + 1] = "";
	int r = put_files(q, err);

	HASH_ITER(by_name, q->jobs.clients.by_name, state, next)
	state->listed = false;
	if (r == 0)
		r = store_meta_get(q->store, ROSTER_META, used, err);
	if (r == 0)
		r = store_each_client(q->store, take_client, q, err);
	if (r < 0)
		return r;
	HASH_ITER(by_name, q->jobs.clients.by_name, state, next)
	{
		if (state->known && !state->configured && !state->listed)
			cut_off(q, state);
	}
	decide_need(q, used[0] != '\0');
	if (q->config->auth == AUTH_NONE && used[0] != '\0')
		log_warning("auth = none: the clients of the store do not count");
	return 0;
}

/* --- changes --- */

struct change {
	uint64_t gate, token;
	bool add;
	struct store_client row;
	char secret[CLIENT_TOKEN_CHARS + 1];
};

static void tell_client(struct queue *q, const struct change *change)
{
	struct msg msg;

	msg_init(&msg, MSG_CLIENT_TELL);
	msg.client_tell.token = change->token;
	(void)snprintf(
		msg.client_tell.name, sizeof(msg.client_tell.name), "%s", change->row.client.name);
	(void)snprintf(
		msg.client_tell.secret, sizeof(msg.client_tell.secret), "%s", change->secret);
	reply_send(q, change->gate, &msg);
	OPENSSL_cleanse(&msg, sizeof(msg)); /* it owns nothing */
}

static int apply(struct queue *q, const struct change *change, struct err *err)
{
	struct client_state *state = clients_find(&q->jobs.clients, change->row.client.name);

	if (!change->add && state != NULL)
		cut_off(q, state);
	return change->add ? take_client(&change->row, q, err) : 0;
}

static void changed(struct queue *q, void *arg, bool committed)
{
	struct change *change = arg;
	struct err err;

	if (!committed) {
		reply_refused(q, change->gate, change->token, REFUSAL_STORE, NULL, 1);
	} else if (apply(q, change, &err) < 0) {
		queue_give_up(q, err.msg);
	} else {
		decide_need(q, true);
		tell_client(q, change);
	}
	OPENSSL_cleanse(change, sizeof(*change));
	free(change);
}

static int write_change(
	struct queue *q, const struct caller *who, const struct change *change, struct err *err)
{
	const char *name = change->row.client.name;
	int r = audit_note(q, who, change->add ? "client-add" : "client-revoke", name, "", err);

	if (r < 0)
		return r; /* which opens the turn */
	if (change->add)
		r = store_client_add(q->store, &change->row, err);
	else
		r = store_client_delete(q->store, name, err);
	if (r == 0)
		r = store_meta_set(q->store, ROSTER_META, "1", err);
	if (r < 0)
		turn_spoil(q, err);
	return r;
}

/* Takes the change over. */
static void change_later(struct queue *q, const struct caller *who, struct change *change)
{
	struct err err;
	int r = write_change(q, who, change, &err);

	if (r == 0)
		r = turn_after(q, changed, change, &err);
	if (r == 0) {
		turn_owe(q);
		return;
	}
	log_error("client '%s': %s", change->row.client.name, err.msg);
	reply_refused(q, change->gate, change->token, REFUSAL_STORE, NULL, 1);
	free(change);
}

static bool refuse(struct queue *q, uint64_t gate, const struct msg_client_ask *ask,
	enum refusal why, const char *detail)
{
	reply_refused(q, gate, ask->token, why, detail, 0);
	return false;
}

static bool check_tasks(struct queue *q, uint64_t gate, const struct msg_client_ask *ask)
{
	char tasks[CLIENT_TASKS_MAX + 1], why[200], *rest = tasks;
	const char *task;

	memcpy(tasks, ask->tasks, sizeof(tasks));
	while ((task = strsep(&rest, ",")) != NULL && ask->tasks[0] != '\0') {
		if (config_task(q->config, task) != NULL)
			continue;
		(void)snprintf(why, sizeof(why), "tasks: there is no task '%.64s'", task);
		return refuse(q, gate, ask, REFUSAL_INVALID, why);
	}
	return true;
}

static bool check_add(struct queue *q, uint64_t gate, const struct msg_client_ask *ask)
{
	const struct clients *clients = &q->jobs.clients;
	const struct client_state *state = clients_find(clients, ask->name);

	if (q->config->auth == AUTH_NONE)
		return refuse(
			q, gate, ask, REFUSAL_CONFLICT, "auth = none: clients would not count");
	if (!config_is_name(ask->name))
		return refuse(q, gate, ask, REFUSAL_INVALID,
			"name: expected a-z, 0-9, '_', '-', a letter or digit first, at most 64");
	if (ask->burst > 0 && ask->rate == 0)
		return refuse(q, gate, ask, REFUSAL_INVALID, "burst: expected a rate, too");
	if (state != NULL && state->known)
		return refuse(q, gate, ask, REFUSAL_CONFLICT, "name: there is such a client");
	if (clients->n_known >= KNOWN_MAX)
		return refuse(q, gate, ask, REFUSAL_CONFLICT, "there are 10000 clients");
	return check_tasks(q, gate, ask);
}

static void fill_client(const struct msg_client_ask *ask, struct client *ret)
{
	client_default(ret, ask->name);
	ret->weight = ask->weight == 0 ? 1 : (int)ask->weight;
	ret->max_running = (int)ask->max_running;
	ret->max_queued = (int)ask->max_queued;
	ret->rate = (int64_t)ask->rate;
	ret->burst = (int)ask->burst;
	ret->max_bytes = (int64_t)ask->max_bytes;
	ret->is_operator = ask->is_operator != 0;
	memcpy(ret->tasks, ask->tasks, sizeof(ret->tasks));
}

static struct change *change_new(uint64_t gate, const struct msg_client_ask *ask, bool add)
{
	struct change *change = calloc(1, sizeof(*change));
	struct err err;

	if (change == NULL)
		return NULL;
	change->gate = gate;
	change->token = ask->token;
	change->add = add;
	change->row.made_unix_ms = clock_unix_ms();
	fill_client(ask, &change->row.client);
	if (add && client_token_new(change->secret, change->row.client.token_hash, &err) < 0) {
		free(change);
		return NULL;
	}
	return change;
}

static bool check_revoke(struct queue *q, uint64_t gate, const struct msg_client_ask *ask)
{
	const struct client_state *state = clients_find(&q->jobs.clients, ask->name);

	if (state == NULL || !state->known)
		return refuse(q, gate, ask, REFUSAL_NOT_FOUND, "no such client");
	if (state->configured)
		return refuse(q, gate, ask, REFUSAL_CONFLICT,
			"this client stands in the configuration: take it out there");
	return true;
}

static void change(struct queue *q, uint64_t gate, const struct caller *who,
	const struct msg_client_ask *ask, bool add)
{
	struct change *change;

	turn_flush(q); /* nothing else is lost where this fails; what others did is known */
	if (!(add ? check_add(q, gate, ask) : check_revoke(q, gate, ask)))
		return;
	change = change_new(gate, ask, add);
	if (change == NULL)
		reply_refused(q, gate, ask->token, REFUSAL_STORE, "out of memory", 1);
	else
		change_later(q, who, change);
}

/* --- answers --- */

/* As gateway/accounts.c takes it apart. */
static void pack_client(struct packer *p, const struct client_state *state)
{
	const struct client *c = &state->client;

	pack_str(p, c->name);
	pack_u8(p, state->configured);
	pack_u8(p, c->is_operator);
	pack_u32(p, (uint32_t)c->weight);
	pack_u32(p, (uint32_t)c->max_running);
	pack_u32(p, (uint32_t)c->max_queued);
	pack_i64(p, c->rate);
	pack_u32(p, (uint32_t)c->burst);
	pack_i64(p, c->max_bytes);
	pack_str(p, c->tasks);
	pack_u32(p, state->waiting);
	pack_u32(p, state->running);
	pack_i64(p, state->made_unix_ms);
	pack_i64(p, state->last_unix_ms);
}

static int by_name(struct client_state *a, struct client_state *b)
{
	return strcmp(a->client.name, b->client.name);
}

static void list(struct queue *q, uint64_t gate, const struct msg_client_ask *ask)
{
	struct packer p = packer_growing();
	struct client_state *state, *next;
	struct msg msg;

	HASH_SRT(by_name, q->jobs.clients.by_name, by_name);
	HASH_ITER(by_name, q->jobs.clients.by_name, state, next)
	{
		if (state->known)
			pack_client(&p, state);
	}
	if (p.failed) {
		packer_done(&p);
		reply_refused(q, gate, ask->token, REFUSAL_STORE, "out of memory", 1);
		return;
	}
	msg_init(&msg, MSG_CLIENT_TELL);
	msg.client_tell.token = ask->token;
	msg.client_tell.list = (struct blob){ .len = p.len, .data = p.buf, .fd = -1 };
	reply_send(q, gate, &msg);
	msg_done(&msg);
}

static void tell_who(
	struct queue *q, uint64_t gate, const struct caller *who, const struct msg_client_ask *ask)
{
	struct msg msg;

	msg_init(&msg, MSG_CLIENT_TELL);
	msg.client_tell.token = ask->token;
	msg.client_tell.is_operator = who->is_operator;
	(void)snprintf(
		msg.client_tell.name, sizeof(msg.client_tell.name), "%s", who->client->client.name);
	reply_send(q, gate, &msg);
}

void roster_ask(struct queue *q, uint64_t gate, const struct msg_client_ask *ask)
{
	struct caller who;

	if (!CALLER_OF(q, gate, ask, false, &who))
		return;
	if (ask->act != CLIENT_ME && !who.is_operator) {
		(void)refuse(q, gate, ask, REFUSAL_FORBIDDEN, "only operators may do that");
		return;
	}
	switch ((enum client_act)ask->act) {
	case CLIENT_ME:
		tell_who(q, gate, &who, ask);
		break;
	case CLIENT_LIST:
		list(q, gate, ask);
		break;
	case CLIENT_ADD:
	case CLIENT_REVOKE:
		change(q, gate, &who, ask, ask->act == CLIENT_ADD);
		break;
	case CLIENT_AUDIT:
		turn_flush(q);
		audit_reply(q, gate, ask);
		break;
	case CLIENT_ACT_MAX_:
		break;
	}
}
