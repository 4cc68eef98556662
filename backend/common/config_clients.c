/* SPDX-License-Identifier: MIT */
/* Sections of clients. */
#include <stdlib.h>
#include <string.h>

#include "config_reader.h"

#define CLIENTS_MAX 1000

/* Its tasks in one text, each of them one that is offered. */
static void put_client_tasks(
	struct reader *rd, cfg_t *cfg, const struct config *config, struct config_client *client)
{
	char *to = client->client.tasks;
	size_t n = 0;

	for (size_t i = 0; i < client->tasks.n; i++) {
		const char *name = client->tasks.v[i];

		if (config_task(config, name) == NULL)
			config_mistake(rd, config_line_of(cfg, "tasks"),
				"tasks: there is no task \"%s\"", name);
		if (n + strlen(name) + 1 > CLIENT_TASKS_MAX) {
			config_mistake(rd, config_line_of(cfg, "tasks"),
				"tasks: expected names of %d characters together at most",
				CLIENT_TASKS_MAX);
			return;
		}
		n += (size_t)snprintf(
			to + n, CLIENT_TASKS_MAX + 1 - n, "%s%s", i > 0 ? "," : "", name);
	}
}

static void put_client(
	struct reader *rd, cfg_t *cfg, const struct config *config, struct config_client *client)
{
	size_t before = rd->mistakes;

	client_default(&client->client, cfg_title(cfg));
	if (!config_is_name(cfg_title(cfg)))
		config_mistake(rd, cfg->line,
			"client \"%.100s\": expected a name of a-z, 0-9, '_', '-', at most %d long",
			cfg_title(cfg), CLIENT_NAME_MAX);
	config_put_keys(rd, cfg, KEYS(client_keys), client);
	if (rd->mistakes != before || rd->partial)
		return;
	if ((client->token_hash == NULL) == (client->token_file == NULL))
		config_mistake(rd, cfg->line,
			"client \"%s\": expected token_hash = ... or token_file = ..., one of the "
			"two",
			client->client.name);
	else if (client->token_hash != NULL)
		(void)client_hash_parse(client->token_hash, client->client.token_hash);
	if (client->client.burst > 0 && client->client.rate == 0)
		config_mistake(rd, config_line_of(cfg, "burst"), "burst: expected rate = ..., too");
	put_client_tasks(rd, cfg, config, client);
}

/* Two clients with one token: nobody could say whose it is. */
static void check_same_token(struct reader *rd, cfg_t *cfg, const struct config *config, size_t i)
{
	const struct config_client *one = &config->clients[i];

	for (size_t j = 0; j < i; j++) {
		const struct config_client *other = &config->clients[j];

		if ((one->token_hash != NULL && other->token_hash != NULL &&
			    strcmp(one->token_hash, other->token_hash) == 0) ||
			(one->token_file != NULL && other->token_file != NULL &&
				strcmp(one->token_file, other->token_file) == 0))
			config_mistake(rd, cfg->line,
				"client \"%s\": the token of client \"%s\"; expected one of its "
				"own",
				one->client.name, other->client.name);
	}
}

void config_put_clients(struct reader *rd, cfg_t *cfg, struct config *config)
{
	size_t n = cfg_size(cfg, "client");

	if (n == 0)
		return;
	if (n > CLIENTS_MAX) {
		config_mistake(rd, cfg->line, "%zu clients; expected at most %d", n, CLIENTS_MAX);
		return;
	}
	config->clients = calloc(n, sizeof(*config->clients));
	if (config->clients == NULL) {
		config_no_memory(rd);
		return;
	}
	config->n_clients = n;
	for (size_t i = 0; i < n; i++) {
		cfg_t *sec = cfg_getnsec(cfg, "client", (unsigned)i);

		put_client(rd, sec, config, &config->clients[i]);
		check_same_token(rd, sec, config, i);
	}
}
