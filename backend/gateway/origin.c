/* SPDX-License-Identifier: MIT */
#include "origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 255

/* "name:port", "[::1]:port" or either without the port. False where it is neither. */
static bool split(const char *text, char ret_name[static HOST_MAX + 1], const char **ret_port)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : text + strcspn(text, ":");
	size_t n;

	if (end == NULL)
		return false;
	if (text[0] == '[')
		end++;
	n = (size_t)(end - text);
	if (n == 0 || n > HOST_MAX || (*end != '\0' && *end != ':'))
		return false;
	memcpy(ret_name, text, n);
	ret_name[n] = '\0';
	*ret_port = *end == ':' ? end + 1 : "";
	return true;
}

/* An IPv4 or bracketed IPv6 literal, as the numbers it stands for. */
static bool literal(const char *name, struct in6_addr *ret)
{
	char inner[HOST_MAX + 1];
	struct in_addr v4;
	size_t n = strlen(name);

	*ret = (struct in6_addr){ 0 };
	if (inet_pton(AF_INET, name, &v4) == 1) {
		ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
		memcpy(&ret->s6_addr[12], &v4, sizeof(v4));
		return true;
	}
	if (n < 3 || name[0] != '[')
		return false;
	memcpy(inner, name + 1, n - 2);
	inner[n - 2] = '\0';
	return inet_pton(AF_INET6, inner, ret) == 1;
}

static bool any_address(const struct in6_addr *address)
{
	static const uint8_t v4_any[16] = { [10] = 0xff, [11] = 0xff };

	return IN6_IS_ADDR_UNSPECIFIED(address) || memcmp(address, v4_any, sizeof(v4_any)) == 0;
}

/* A listener on all addresses takes every literal: a literal in a Host is no name that somebody
 * pointed here. */
static bool listener_has(const char *listen, const struct in6_addr *address)
{
	char name[HOST_MAX + 1];
	const char *port;
	struct in6_addr own;

	if (!split(listen, name, &port) || !literal(name, &own))
		return false;
	return any_address(&own) || memcmp(&own, address, sizeof(own)) == 0;
}

static bool named(const char *entry, const char *name, const char *port)
{
	char entry_name[HOST_MAX + 1];
	const char *entry_port;

	if (!split(entry, entry_name, &entry_port))
		return false;
	return strcasecmp(entry_name, name) == 0 &&
	       (entry_port[0] == '\0' || strcmp(entry_port, port) == 0);
}

bool origin_host_known(const struct config *config, const char *host)
{
	char name[HOST_MAX + 1];
	const char *port;
	struct in6_addr address;

	if (host == NULL)
		return true;
	if (!split(host, name, &port))
		return false;
	if (strcasecmp(name, "localhost") == 0)
		return true;
	for (size_t i = 0; i < config->server_names.n; i++) {
		if (named(config->server_names.v[i], name, port))
			return true;
	}
	if (!literal(name, &address))
		return false;
	for (size_t i = 0; i < config->listen.n; i++) {
		if (listener_has(config->listen.v[i], &address))
			return true;
	}
	return false;
}

/* The port of a Host or Origin where it says none. */
static const char *port_or(const char *port, const char *scheme_port)
{
	return port[0] == '\0' ? scheme_port : port;
}

/* The Origin's host and port are those that the client itself asked for. */
static bool is_own(const char *host, const char *origin)
{
	char host_name[HOST_MAX + 1], origin_name[HOST_MAX + 1];
	const char *host_port, *origin_port, *scheme_port;

	if (strncasecmp(origin, "http://", 7) == 0) {
		scheme_port = "80";
		origin += 7;
	} else if (strncasecmp(origin, "https://", 8) == 0) {
		scheme_port = "443";
		origin += 8;
	} else {
		return false;
	}
	if (host == NULL || !split(host, host_name, &host_port) ||
		!split(origin, origin_name, &origin_port))
		return false;
	return strcasecmp(host_name, origin_name) == 0 &&
	       strcmp(port_or(host_port, scheme_port), port_or(origin_port, scheme_port)) == 0;
}

enum origin origin_check(const struct config *config, const char *host, const char *origin)
{
	enum origin found = ORIGIN_REFUSED;

	if (origin == NULL || is_own(host, origin))
		return ORIGIN_NONE;
	for (size_t i = 0; i < config->origins.n; i++) {
		if (strcmp(config->origins.v[i], "*") == 0)
			return ORIGIN_ANY;
		if (strcasecmp(config->origins.v[i], origin) == 0)
			found = ORIGIN_ALLOWED;
	}
	return found;
}
