/* SPDX-License-Identifier: MIT */
#include "callback.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "number.h"

#define PORT_HTTP  80
#define PORT_HTTPS 443

const char *callback_state_name(enum callback_state state)
{
	static const char *const names[CALLBACK_STATE_MAX_] = { NULL, "pending", "delivered",
		"failed" };

	return (size_t)state < CALLBACK_STATE_MAX_ ? names[state] : NULL;
}

/* ---- the address's text ------------------------------------------------------------ */

static bool set_address(struct callback_target *target, bool v6)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&target->address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&target->address;

	target->address.ss_family = v6 ? AF_INET6 : AF_INET;
	target->is_address = v6 ? inet_pton(AF_INET6, target->host, &in6->sin6_addr) == 1
				: inet_pton(AF_INET, target->host, &in->sin_addr) == 1;
	return target->is_address;
}

/* A last part that begins with a digit makes the whole a number to some readers. */
static bool looks_numeric(const char *host)
{
	size_t at = strlen(host);

	if (at > 0 && host[at - 1] == '.')
		at--;
	while (at > 0 && host[at - 1] != '.')
		at--;
	return isdigit((unsigned char)host[at]) != 0;
}

static int take_name(struct callback_target *target, struct err *err)
{
	size_t n = strlen(target->host);
	size_t label = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)target->host[i];

		target->host[i] = (char)tolower(c);
		label = c == '.' ? 0 : label + 1;
		if ((!isalnum(c) && c != '-' && c != '_' && c != '.') || label > 63 ||
			(c == '.' && (i == 0 || target->host[i - 1] == '.')))
			return err_say(err, EINVAL, "its host is no name of one");
	}
	if (looks_numeric(target->host) && !set_address(target, false))
		return err_say(
			err, EINVAL, "its host is a number: an IPv4 address has four decimal ones");
	return 0;
}

static int take_host(struct callback_target *target, const char *text, size_t n, struct err *err)
{
	bool bracket = n > 0 && text[0] == '[';

	if (bracket && (n < 3 || text[n - 1] != ']'))
		return err_say(err, EINVAL, "its host is no IPv6 address");
	if (bracket)
		text++, n -= 2;
	if (n == 0)
		return err_say(err, EINVAL, "it names no host");
	if (n >= sizeof(target->host))
		return err_say(
			err, EINVAL, "its host is longer than %d characters", CALLBACK_HOST_MAX);
	memcpy(target->host, text, n);
	target->host[n] = '\0';
	if (!bracket)
		return take_name(target, err);
	return set_address(target, true) ? 0 : err_say(err, EINVAL, "its host is no IPv6 address");
}

/* "HOST[:PORT]" */
static int take_authority(
	struct callback_target *target, const char *text, size_t n, struct err *err)
{
	const char *end = text[0] == '[' ? memchr(text, ']', n) : NULL;
	const char *colon = memchr(
		end == NULL ? text : end, ':', n - (size_t)((end == NULL ? text : end) - text));
	char port[8] = "";
	int64_t number;
	size_t host_n = colon == NULL ? n : (size_t)(colon - text);

	if (memchr(text, '@', n) != NULL)
		return err_say(err, EINVAL, "a name or password cannot stand in it");
	if (colon != NULL) {
		size_t port_n = n - host_n - 1;

		if (port_n == 0 || port_n >= sizeof(port))
			return err_say(err, EINVAL, "its port is no number from 1 to 65535");
		memcpy(port, colon + 1, port_n);
		if (!number_parse(port, 1, 65535, &number))
			return err_say(err, EINVAL, "its port is no number from 1 to 65535");
		target->port = (uint16_t)number;
	}
	return take_host(target, text, host_n, err);
}

int callback_parse(const char *url, struct callback_target *ret, struct err *err)
{
	struct callback_target target = { 0 };
	const char *at;
	int r;

	if (strlen(url) > CALLBACK_URL_MAX)
		return err_say(err, EINVAL, "it has more than %d bytes", CALLBACK_URL_MAX);
	for (at = url; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~' || strchr("\"<>\\^`{|}#", *at) != NULL)
			return err_say(err, EINVAL,
				"it has a character that belongs percent-encoded, or a fragment");
	if (strncasecmp(url, "https://", 8) == 0) {
		target.tls = true;
		at = url + 8;
	} else if (strncasecmp(url, "http://", 7) == 0) {
		at = url + 7;
	} else {
		return err_say(err, EINVAL, "expected http:// or https://");
	}
	target.port = target.tls ? PORT_HTTPS : PORT_HTTP;
	r = take_authority(&target, at, strcspn(at, "/?"), err);
	if (r == 0)
		*ret = target;
	return r;
}

/* ---- who is who --------------------------------------------------------------------- */

struct net {
	const char *address;
	unsigned bits;
};

/* What IANA's registries of special-purpose addresses say is not for everybody. */
static const struct net special4[] = {
	{ "0.0.0.0", 8 },       /* this network */
	{ "10.0.0.0", 8 },      /* private */
	{ "100.64.0.0", 10 },   /* shared, behind a carrier's translation */
	{ "127.0.0.0", 8 },     /* loopback */
	{ "169.254.0.0", 16 },  /* link-local, and clouds' metadata */
	{ "172.16.0.0", 12 },   /* private */
	{ "192.0.0.0", 24 },    /* protocol assignments */
	{ "192.0.2.0", 24 },    /* documentation */
	{ "192.31.196.0", 24 }, /* AS112 */
	{ "192.52.193.0", 24 }, /* AMT */
	{ "192.88.99.0", 24 },  /* 6to4 relays */
	{ "192.168.0.0", 16 },  /* private */
	{ "192.175.48.0", 24 }, /* AS112 */
	{ "198.18.0.0", 15 },   /* benchmarks */
	{ "198.51.100.0", 24 }, /* documentation */
	{ "203.0.113.0", 24 },  /* documentation */
	{ "224.0.0.0", 4 },     /* multicast */
	{ "240.0.0.0", 4 },     /* reserved, and broadcast */
};

/* Only 2000::/3 is global unicast; these are the parts of it that are not. */
static const struct net special6[] = {
	{ "2001::", 23 },                           /* protocol assignments, Teredo, ORCHID */
	{ "2001:db8::", 32 },                       /* documentation */
	{ "2002::", 16 },                           /* 6to4: an IPv4 address inside */
	{ "2620:4f:8000::", 48 }, { "3fff::", 20 }, /* documentation */
};

static bool in_net(const uint8_t *address, const uint8_t *net, unsigned bits)
{
	unsigned bytes = bits / 8;
	unsigned rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00U >> rest);

	return memcmp(address, net, bytes) == 0 &&
	       (rest == 0 || (address[bytes] & mask) == (net[bytes] & mask));
}

static bool in_table(int family, const uint8_t *address, const struct net *table, size_t n)
{
	uint8_t net[16];

	for (size_t i = 0; i < n; i++)
		if (inet_pton(family, table[i].address, net) == 1 &&
			in_net(address, net, table[i].bits))
			return true;
	return false;
}

static bool is_public4(const uint8_t *address)
{
	return !in_table(AF_INET, address, special4, sizeof(special4) / sizeof(special4[0]));
}

/* The bytes of an address; one of IPv4 in the form of IPv6 (::ffff:a.b.c.d) is one of IPv4. */
static const uint8_t *bytes_of(const struct sockaddr *address, int *ret_family)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *bytes;

	*ret_family = address->sa_family;
	if (address->sa_family == AF_INET)
		return (const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr;
	if (address->sa_family != AF_INET6)
		return NULL;
	bytes = ((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr;
	if (memcmp(bytes, mapped, sizeof(mapped)) != 0)
		return bytes;
	*ret_family = AF_INET;
	return bytes + sizeof(mapped);
}

bool callback_is_public(const struct sockaddr *address)
{
	int family;
	const uint8_t *bytes = bytes_of(address, &family);

	if (bytes == NULL)
		return false;
	if (family == AF_INET)
		return is_public4(bytes);
	/* Beyond 2000::/3: loopback, ULA, link-local, multicast, NAT64, discard-only, unassigned.
	 */
	return (bytes[0] & 0xe0) == 0x20 &&
	       !in_table(AF_INET6, bytes, special6, sizeof(special6) / sizeof(special6[0]));
}

/* ---- what is allowed besides ---------------------------------------------------------- */

/* "ADDRESS" or "ADDRESS/BITS". False: it is neither. */
static bool parse_net(const char *text, int *ret_family, uint8_t ret[static 16], unsigned *ret_bits)
{
	const char *slash = strchr(text, '/');
	size_t n = slash == NULL ? strlen(text) : (size_t)(slash - text);
	char address[INET6_ADDRSTRLEN];
	int64_t bits;

	if (n >= sizeof(address))
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	*ret_family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(*ret_family, address, ret) != 1)
		return false;
	bits = *ret_family == AF_INET ? 32 : 128;
	if (slash != NULL && !number_parse(slash + 1, 0, bits, &bits))
		return false;
	*ret_bits = (unsigned)bits;
	return true;
}

static bool host_matches(const char *entry, const char *host)
{
	size_t n = strlen(entry), host_n = strlen(host);

	if (strncmp(entry, "*.", 2) != 0)
		return strcasecmp(entry, host) == 0;
	return host_n > n - 1 && strcasecmp(host + host_n - (n - 1), entry + 1) == 0;
}

bool callback_allowed(const struct strv *allow, const char *host, const struct sockaddr *address)
{
	int family, net_family;
	const uint8_t *bytes = bytes_of(address, &family);
	uint8_t net[16];
	unsigned bits;

	if (bytes == NULL)
		return false;
	if (callback_is_public(address))
		return true;
	for (size_t i = 0; i < allow->n; i++) {
		if (!parse_net(allow->v[i], &net_family, net, &bits)) {
			if (host_matches(allow->v[i], host))
				return true;
		} else if (net_family == family && in_net(bytes, net, bits)) {
			return true;
		}
	}
	return false;
}

bool callback_allow_ok(const char *text)
{
	struct callback_target target = { 0 };
	uint8_t net[16];
	struct err err;
	unsigned bits;
	int family;

	if (parse_net(text, &family, net, &bits))
		return true;
	if (strncmp(text, "*.", 2) == 0)
		text += 2;
	if (*text == '\0' || strlen(text) > CALLBACK_HOST_MAX || looks_numeric(text))
		return false;
	memcpy(target.host, text, strlen(text) + 1);
	return take_name(&target, &err) == 0;
}
