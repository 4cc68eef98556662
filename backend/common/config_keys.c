/* SPDX-License-Identifier: MIT */
#include "config_keys.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "callback.h"
#include "gpu.h"
#include "number.h"

/* ---- checks of single texts ---------------------------------------------- */

bool config_is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

static bool is_word(const char *text)
{
	return *text != '\0' && config_is_plain(text) && strchr(text, ' ') == NULL;
}

static bool has_dotdot(const char *path)
{
	for (const char *p = path; p != NULL; p = strchr(p, '/')) {
		p += *p == '/';
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
			return true;
	}
	return false;
}

static bool is_absolute(const char *text)
{
	return *text == '/' && config_is_plain(text) && strlen(text) < PATH_MAX &&
	       !has_dotdot(text);
}

/* What is mounted over the whole root is no container any more. */
static bool is_target(const char *text)
{
	return is_absolute(text) && text[strspn(text, "/.")] != '\0';
}

static bool is_file_name(const char *text)
{
	return is_word(text) && strchr(text, '/') == NULL && strcmp(text, ".") != 0 &&
	       strcmp(text, "..") != 0 && strlen(text) <= NAME_MAX;
}

static bool is_glob(const char *text)
{
	bool set = false;

	if (*text == '\0' || *text == '/' || !config_is_plain(text) || strlen(text) >= PATH_MAX ||
		has_dotdot(text))
		return false;
	for (; *text != '\0'; text++) {
		if (*text == '\\' && *++text == '\0')
			return false;
		else if (!set && *text == '[')
			set = true, text += text[1] == '!' || text[1] == '^',
			text += text[1] == ']';
		else if (set && *text == ']')
			set = false;
	}
	return !set;
}

static bool is_env(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

	return n > 0 && text[n] == '=' && !(text[0] >= '0' && text[0] <= '9') &&
	       config_is_plain(text);
}

/* A numeric address, of IPv6 in brackets, and a port. */
static bool is_address(const char *text)
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(text, ':');
	unsigned char raw[sizeof(struct in6_addr)];
	int64_t port;
	size_t n;

	if (colon == NULL || !number_parse(colon + 1, 1, 65535, &port))
		return false;
	n = (size_t)(colon - text);
	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		return inet_pton(AF_INET6, host + 1, raw) == 1;
	}
	return inet_pton(AF_INET, host, raw) == 1;
}

static bool is_docker_host(const char *text)
{
	const char *host;
	const char *colon;
	int64_t port;

	if (strncmp(text, "unix://", 7) == 0)
		return is_absolute(text + 7);
	if (strncmp(text, "tcp://", 6) != 0)
		return false;
	host = text + 6;
	colon = strrchr(host, ':');
	return colon != NULL && colon != host && is_word(host) && strchr(host, '/') == NULL &&
	       number_parse(colon + 1, 1, 65535, &port);
}

static bool is_gpus(const char *text)
{
	return gpu_text_is_good(text);
}

static bool is_cdi_kind(const char *text)
{
	const char *slash = strchr(text, '/');

	return is_word(text) && slash != NULL && slash != text && slash[1] != '\0' &&
	       strpbrk(slash + 1, "/=,") == NULL && strpbrk(text, "=,") == NULL;
}

bool config_is_name(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n <= TASK_NAME_MAX && *text != '_' && *text != '-' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static bool is_volume(const char *text)
{
	size_t n = strlen(text);

	return n > 1 && n < 256 && strchr("_.-", *text) == NULL &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789_.-") == n;
}

static bool is_source(const char *text)
{
	return is_absolute(text) || is_volume(text);
}

static bool is_token_hash(const char *text)
{
	uint8_t hash[CLIENT_HASH_BYTES];

	return client_hash_parse(text, hash);
}

static bool is_origin(const char *text)
{
	const char *host = strstr(text, "://");

	if (strcmp(text, "*") == 0)
		return true;
	return host != NULL && host != text && host[3] != '\0' && is_word(text) &&
	       strchr(host + 3, '/') == NULL;
}

/* ---- the keys -------------------------------------------------------------- */

static const char *const level_words[] = { "error", "warning", "info", "debug", NULL };
static const char *const isolation_words[] = { "container", "sandbox", NULL };
static const char *const compare_words[] = { "exact", "lines", "tokens", "checker", NULL };
static const char *const cache_words[] = { "off", "client", "task", NULL };
static const char *const output_words[] = { "cut", "kill", NULL };
static const char *const auth_words[] = { "auto", "none", "tokens", NULL };
static const char *const ids_words[] = { "short", "full", NULL };

static bool is_level(const char *text)
{
	for (size_t i = 0; level_words[i] != NULL; i++)
		if (strcmp(level_words[i], text) == 0)
			return true;
	return false;
}

#define ANY_TEXT .check = config_is_plain, .expected = "text in one line"
#define ONE_WORD .check = is_word, .expected = "a word without blanks"
#define ABSOLUTE .check = is_absolute, .expected = "an absolute path without '..'"
#define GLOB              \
	.check = is_glob, \
	.expected = "a pattern such as \"out/*.png\": relative, no '..', sets closed"
#define RANGE(a, b) .min = (a), .max = (b)
#define YEAR_S      (366 * 24 * 3600)

/* clang-format off */
#define C(member) offsetof(struct config, member)
const struct key config_keys[] = {
	{ "state_dir",          KIND_TEXT,  C(state_dir),          ABSOLUTE },
	{ "listen",             KIND_LIST,  C(listen),             .check = is_address, .expected = "\"ADDRESS:PORT\", e.g. \"127.0.0.1:8080\" or \"[::1]:8080\"" },
	{ "socket_dir",         KIND_TEXT,  C(socket_dir),         ABSOLUTE },
	{ "server_names",       KIND_LIST,  C(server_names),       ONE_WORD },
	{ "origins",            KIND_LIST,  C(origins),            .check = is_origin, .expected = "\"SCHEME://HOST[:PORT]\" or \"*\"" },
	{ "auth",               KIND_WORD,  C(auth),               .words = auth_words },
	{ "log_level",          KIND_TEXT,  C(log_level),          .check = is_level, .expected = "one of: error, warning, info, debug" },
	{ "node",               KIND_TEXT,  C(node),               ONE_WORD },
	{ "gateway_uid",        KIND_ID,    C(gateway_uid),        RANGE(0, UINT32_MAX - 1) },
	{ "queue_uid",          KIND_ID,    C(queue_uid),          RANGE(0, UINT32_MAX - 1) },
	{ "driver_uid",         KIND_ID,    C(driver_uid),         RANGE(0, UINT32_MAX - 1) },
	{ "gateway_gid",        KIND_ID,    C(gateway_gid),        RANGE(0, UINT32_MAX - 1) },
	{ "queue_gid",          KIND_ID,    C(queue_gid),          RANGE(0, UINT32_MAX - 1) },
	{ "driver_gid",         KIND_ID,    C(driver_gid),         RANGE(0, UINT32_MAX - 1) },
	{ "courier_uid",        KIND_ID,    C(courier_uid),        RANGE(0, UINT32_MAX - 1) },
	{ "courier_gid",        KIND_ID,    C(courier_gid),        RANGE(0, UINT32_MAX - 1) },
	{ "operator_gid",       KIND_ID,    C(operator_gid),       RANGE(-1, UINT32_MAX - 1) },
	{ "job_uid_base",       KIND_ID,    C(job_uid_base),       RANGE(1000, INT32_MAX - CONFIG_JOB_UIDS + 1) },
	{ "body_json_max",      KIND_BYTES, C(body_json_max),      RANGE(1024, 1024 * MIB) },
	{ "body_multipart_max", KIND_BYTES, C(body_multipart_max), RANGE(1024, TIB) },
	{ "header_timeout_s",   KIND_INT,   C(header_timeout_s),   RANGE(1, 3600) },
	{ "body_timeout_s",     KIND_INT,   C(body_timeout_s),     RANGE(1, 3600) },
	{ "idle_timeout_s",     KIND_INT,   C(idle_timeout_s),     RANGE(1, 3600) },
	{ "connections_max",    KIND_INT,   C(connections_max),    RANGE(8, 1000000) },
	{ "connections_per_address", KIND_INT, C(connections_per_address), RANGE(1, 1000000) },
	{ "wait_max_s",         KIND_INT,   C(wait_max_s),         RANGE(0, 3600) },
	{ "queueing_ids",       KIND_FLAG,  C(queueing_ids_full),  .words = ids_words },
	{ "classic_task",       KIND_TEXT,  C(classic_task),       .check = config_is_name, .expected = "a task's name" },
	{ "waiting_max",        KIND_INT,   C(waiting_max),        RANGE(1, 10000000) },
	{ "database_file",      KIND_TEXT,  C(database_file),      ABSOLUTE },
	{ "store_shared",       KIND_BOOL,  C(store_shared) },
	{ "store_poll_ms",      KIND_INT,   C(store_poll_ms),      RANGE(20, 60000) },
	{ "peer_listen",        KIND_TEXT,  C(peer_listen),        .check = is_address, .expected = "\"ADDRESS:PORT\", e.g. \"10.0.0.1:7946\"" },
	{ "peers",              KIND_LIST,  C(peers),              .check = is_address, .expected = "\"ADDRESS:PORT\" of the other machines, e.g. \"10.0.0.2:7946\"" },
	{ "lease_ms",           KIND_INT,   C(lease_ms),           RANGE(1000, 3600000) },
	{ "attempts",           KIND_INT,   C(attempts),           RANGE(1, 100) },
	{ "retention_s",        KIND_INT64, C(retention_s),        RANGE(1, YEAR_S) },
	{ "keep_bytes",         KIND_BYTES, C(keep_bytes),         RANGE(0, 64 * TIB) },
	{ "cpus_budget",        KIND_MILLI, C(cpus_budget),        RANGE(0, 65536000) },
	{ "memory_budget",      KIND_BYTES, C(memory_budget),      RANGE(0, 64 * TIB) },
	{ "slots",              KIND_INT,   C(slots),              RANGE(0, 10000) },
	{ "docker_host",        KIND_TEXT,  C(docker_host),        .check = is_docker_host, .expected = "\"unix:///PATH\" or \"tcp://HOST:PORT\"" },
	{ "cgroup_parent",      KIND_TEXT,  C(cgroup_parent),      ONE_WORD },
	{ "grace_ms",           KIND_INT,   C(grace_ms),           RANGE(100, 600000) },
	{ "drain_s",            KIND_INT,   C(drain_s),            RANGE(0, 86400) },
	{ "engine_at_once",     KIND_INT,   C(engine_at_once),     RANGE(0, 64) },
	{ "pin_jobs",           KIND_BOOL,  C(pin_jobs) },
	{ "build_cache_bytes",  KIND_BYTES, C(build_cache_bytes),  RANGE(MIB, 64 * TIB) },
	{ "images_allowed",     KIND_LIST,  C(images_allowed),     ONE_WORD },
	{ "gpus",               KIND_LIST,  C(gpus),               .check = gpu_id_is_good, .expected = "a device id such as \"0\" or \"GPU-...\"" },
	{ "callback_secret_file", KIND_TEXT, C(callback_secret_file), ABSOLUTE },
	{ "callback_ca_file",   KIND_TEXT,  C(callback_ca_file),   ABSOLUTE },
	{ "callback_allow",     KIND_LIST,  C(callback_allow),     .check = callback_allow_ok, .expected = "an address, a network such as \"10.0.0.0/8\", a host or \"*.DOMAIN\"" },
	{ "callback_retry_s",   KIND_INT,   C(callback_retry_s),   RANGE(0, 30 * 24 * 3600) },
	{ "callback_timeout_ms", KIND_INT,  C(callback_timeout_ms), RANGE(100, 60000) },
	{ "gpu_cdi",            KIND_TEXT,  C(gpu_cdi),            .check = is_cdi_kind, .expected = "a kind of CDI devices such as \"nvidia.com/gpu\"" },
};

#define T(member) offsetof(struct task, member)
const struct key task_keys[] = {
	{ "description",        KIND_TEXT,  T(description),        ANY_TEXT },
	{ "image",              KIND_TEXT,  T(image),              ONE_WORD },
	{ "command",            KIND_LIST,  T(command),            .expected = "text" },
	{ "build",              KIND_LIST,  T(build),              .expected = "text" },
	{ "main",               KIND_TEXT,  T(main),               .check = is_file_name, .expected = "a file's name without '/'" },
	{ "sources",            KIND_LIST,  T(sources),            GLOB },
	{ "example",            KIND_TEXT,  T(example),            .expected = "text" },
	{ "env",                KIND_LIST,  T(env),                .check = is_env, .expected = "\"NAME=value\"" },
	{ "isolation",          KIND_WORD,  T(isolation),          .words = isolation_words },
	{ "network",            KIND_BOOL,  T(network) },
	{ "gpus",               KIND_TEXT,  T(gpus),               .check = is_gpus, .expected = "\"all\", a number of at most 64, or device ids with commas" },
	{ "gpus_shared",        KIND_BOOL,  T(gpus_shared) },
	{ "writable_root",      KIND_BOOL,  T(writable_root) },
	{ "custom_command",     KIND_BOOL,  T(custom_command) },
	{ "on_output_limit",    KIND_FLAG,  T(kill_on_output),     .words = output_words },
	{ "compare",            KIND_WORD,  T(compare),            .words = compare_words },
	{ "build_cache",        KIND_WORD,  T(build_cache),        .words = cache_words },
	{ "runtime",            KIND_TEXT,  T(runtime),            ONE_WORD },
	{ "classic_data_line",  KIND_INT,   T(classic_data_line),  RANGE(1, 1000000) },
	{ "concurrency",        KIND_INT,   T(concurrency),        RANGE(1, 10000) },
	{ "warm",               KIND_INT,   T(warm),               RANGE(0, 1000) },
	{ "warm_max",           KIND_INT,   T(warm_max),           RANGE(0, 1000) },
	{ "warm_idle_s",        KIND_INT,   T(warm_idle_s),        RANGE(1, YEAR_S) },
	{ "slot_jobs",          KIND_INT,   T(slot_jobs),          RANGE(1, 1000000000) },
	{ "retention_s",        KIND_INT64, T(retention_s),        RANGE(1, YEAR_S) },
	{ "attempts",           KIND_INT,   T(attempts),           RANGE(1, 100) },
	{ "collect",            KIND_LIST,  T(collect),            GLOB },
	{ "collect_bytes",      KIND_BYTES, T(collect_bytes),      RANGE(1, TIB) },
	{ "collect_files",      KIND_INT,   T(collect_files),      RANGE(1, 100000) },
};

#define M(member) offsetof(struct task_mount, member)
const struct key mount_keys[] = {
	{ "source",             KIND_TEXT,  M(source),             .check = is_source, .expected = "an absolute path or a volume's name" },
	{ "target",             KIND_TEXT,  M(target),             .check = is_target, .expected = "an absolute path without '..', below /" },
	{ "writable",           KIND_BOOL,  M(writable) },
};

const struct key checker_keys[] = {
	{ "command",            KIND_LIST,  T(command),            .expected = "text" },
};

#define K(member) offsetof(struct config_client, member)
const struct key client_keys[] = {
	{ "token_hash",         KIND_TEXT,  K(token_hash),         .check = is_token_hash, .expected = "\"sha256:\" and 64 hexadecimal digits" },
	{ "token_file",         KIND_TEXT,  K(token_file),         ABSOLUTE },
	{ "weight",             KIND_INT,   K(client.weight),      RANGE(1, CLIENT_WEIGHT_MAX) },
	{ "max_running",        KIND_INT,   K(client.max_running), RANGE(0, CLIENT_JOBS_MAX) },
	{ "max_queued",         KIND_INT,   K(client.max_queued),  RANGE(0, CLIENT_JOBS_MAX) },
	{ "rate",               KIND_MILLI, K(client.rate),        RANGE(0, CLIENT_RATE_MAX) },
	{ "burst",              KIND_INT,   K(client.burst),       RANGE(0, CLIENT_BURST_MAX) },
	{ "max_bytes",          KIND_BYTES, K(client.max_bytes),   RANGE(0, 64 * TIB) },
	{ "tasks",              KIND_LIST,  K(tasks),              .check = config_is_name, .expected = "a task's name" },
	{ "operator",           KIND_BOOL,  K(client.is_operator) },
};

const struct key result_keys[] = {
	{ "lines",              KIND_TEXT,  0,                     ONE_WORD },
};
#undef C
#undef T
#undef M
#undef K
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const size_t config_keys_n = COUNT(config_keys), task_keys_n = COUNT(task_keys),
	     mount_keys_n = COUNT(mount_keys), result_keys_n = COUNT(result_keys),
	     checker_keys_n = COUNT(checker_keys), client_keys_n = COUNT(client_keys);
_Static_assert(COUNT(config_keys) <= CONFIG_KEYS_MAX, "config_grammar.c makes room for so many");

enum compare compare_by_name(const char *name)
{
	for (size_t i = 0; i < COMPARE_MAX_; i++)
		if (strcmp(compare_words[i], name) == 0)
			return (enum compare)i;
	return COMPARE_MAX_;
}

const struct config_env_key *config_env_keys(void)
{
	static struct config_env_key keys[COUNT(config_keys) + 1];

	if (keys[0].name == NULL)
		for (size_t i = 0; i < COUNT(config_keys); i++)
			keys[i] = (struct config_env_key){ config_keys[i].name,
				config_keys[i].kind == KIND_LIST };
	return keys;
}
