/* SPDX-License-Identifier: MIT */
#include "caller.h"

#include <string.h>

#include "common/clock.h"
#include "queue.h"
#include "reply.h"

#define CLASSIC "classic" /* the client that the classic face runs as */

static bool take(struct client_state *client, bool is_operator, struct caller *ret)
{
	client->last_unix_ms = clock_unix_ms();
	*ret = (struct caller){ client, client->serial, is_operator || client->client.is_operator };
	return true;
}

static bool refuse(struct queue *q, uint64_t gate, uint64_t token, const char *why)
{
	q->metrics.unauthorized++;
	reply_refused(q, gate, token, REFUSAL_UNAUTHORIZED, why, 0);
	return false;
}

bool caller_of(struct queue *q, uint64_t gate, uint64_t token, bool is_operator, const char *bearer,
	bool classic, struct caller *ret)
{
	struct clients *clients = &q->jobs.clients;
	struct client_state *client;

	if (!clients->needed)
		return take(clients->nameless, is_operator, ret);
	if (bearer[0] != '\0') {
		client = clients_by_token(clients, bearer);
		if (client == NULL)
			return refuse(q, gate, token, "this token is not known");
		return take(client, false, ret);
	}
	client = classic ? clients_find(clients, CLASSIC) : NULL;
	if (client != NULL && client->known)
		return take(client, is_operator, ret);
	if (is_operator)
		return take(clients->nameless, true, ret);
	return refuse(q, gate, token, "a token is needed: Authorization: Bearer TOKEN");
}

bool caller_is_good(const struct caller *caller)
{
	return caller->client->serial == caller->serial ||
	       (caller->is_operator && caller->client->client.name[0] == '\0');
}

bool caller_may(const struct caller *caller, const char *owner)
{
	return caller_is_good(caller) &&
	       (caller->is_operator || strcmp(caller->client->client.name, owner) == 0);
}

const char *caller_name(const struct caller *caller)
{
	if (caller->client->client.name[0] != '\0')
		return caller->client->client.name;
	return caller->is_operator ? "(operator)" : "(anyone)";
}
