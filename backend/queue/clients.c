/* SPDX-License-Identifier: MIT */
#include "clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "age.h"

static int put_configured(struct clients *clients, const struct config *config, struct err *err)
{
	for (size_t i = 0; i < config->n_clients; i++) {
		const struct config_client *client = &config->clients[i];

		if (client->token_file == NULL &&
			clients_put(clients, &client->client, true, age_boottime_ms()) == NULL)
			return err_set(err, ENOMEM, "clients");
	}
	return 0;
}

int clients_init(struct clients *clients, const struct config *config, struct err *err)
{
	*clients = (struct clients){ .needed = !config_is_open(config) };
	clients->nameless = clients_get(clients, "");
	if (clients->nameless == NULL)
		return err_set(err, ENOMEM, "clients");
	return put_configured(clients, config, err);
}

void clients_done(struct clients *clients)
{
	struct client_state *client, *next;

	HASH_CLEAR(by_hash, clients->by_hash);
	HASH_ITER(by_name, clients->by_name, client, next)
	{
		HASH_DELETE(by_name, clients->by_name, client);
		fair_forget(&client->fair);
		free(client);
	}
	*clients = (struct clients){ 0 };
}

struct client_state *clients_find(const struct clients *clients, const char *name)
{
	struct client_state *client;

	HASH_FIND(by_name, clients->by_name, name, strlen(name), client);
	return client;
}

struct client_state *clients_get(struct clients *clients, const char *name)
{
	struct client_state *client = clients_find(clients, name);

	if (client != NULL)
		return client;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return NULL;
	client_default(&client->client, name);
	HASH_ADD_KEYPTR(by_name, clients->by_name, client->client.name, strlen(client->client.name),
		client);
	return client;
}

struct client_state *clients_by_hash(
	const struct clients *clients, const uint8_t hash[static CLIENT_HASH_BYTES])
{
	struct client_state *client;

	HASH_FIND(by_hash, clients->by_hash, hash, CLIENT_HASH_BYTES, client);
	return client;
}

/*
 * The hash table finds its bucket by some bits of the hash and goes on to compare whole ones:
 * how long that takes says nothing of a token, whose hash nobody can choose. The last word is
 * the comparison that takes the same time for all.
 */
struct client_state *clients_by_token(const struct clients *clients, const char *token)
{
	uint8_t hash[CLIENT_HASH_BYTES];
	struct client_state *client;

	client_token_hash(token, hash);
	client = clients_by_hash(clients, hash);
	return client != NULL && client_hash_equal(client->client.token_hash, hash) ? client : NULL;
}

void clients_revoke(struct clients *clients, struct client_state *client)
{
	struct client gone;

	if (!client->known)
		return;
	HASH_DELETE(by_hash, clients->by_hash, client);
	clients->n_known--;
	client->serial++;
	client->known = false;
	client->configured = false;
	client->made_unix_ms = 0;
	/* In place: the table of names points to the name. */
	client_default(&gone, client->client.name);
	client->client = gone;
}

static int burst_of(const struct client *client)
{
	int64_t second = (client->rate + 999) / 1000;

	return client->burst > 0 ? client->burst : (int)second;
}

struct client_state *clients_put(
	struct clients *clients, const struct client *client, bool configured, int64_t now_ms)
{
	struct client_state *state = clients_get(clients, client->name);

	if (state == NULL)
		return NULL;
	clients_revoke(clients, state);
	state->client = *client;
	state->client.burst = burst_of(client);
	bucket_init(&state->bucket, state->client.burst, now_ms);
	state->known = true;
	state->configured = configured;
	HASH_ADD(by_hash, clients->by_hash, client.token_hash, CLIENT_HASH_BYTES, state);
	clients->n_known++;
	return state;
}
