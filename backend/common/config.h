/* SPDX-License-Identifier: MIT */
/*
 * The configuration, whole: read once, checked once, then never changed.
 *
 * Text in libConfuse's syntax from `/etc/dockgate/dockgate.conf` and
 * `/etc/dockgate/conf.d/<name>.conf`, or from one file named by --config. Flags go over
 * DOCKGATE_... in the environment, over the file, over the defaults below.
 * Secrets never stand in it: `<what>_file` keys name files that only their role reads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client.h"
#include "err.h"
#include "gpu.h"
#include "limits.h"
#include "strv.h"

#define TASK_NAME_MAX   64
#define CONFIG_JOB_UIDS 8192 /* users of jobs and their agents, from job_uid_base on */

enum isolation {
	ISOLATION_CONTAINER, /* a fresh container for each job */
	ISOLATION_SANDBOX,   /* fresh namespaces in a long-lived container */
	ISOLATION_MAX_,
};

/* Never NULL. */
const char *isolation_name(enum isolation isolation);

/* How a case's stdout is compared with what was expected. */
enum compare {
	COMPARE_EXACT, /* byte for byte */
	COMPARE_LINES, /* white space at the end of lines and empty lines at the end do not count */
	COMPARE_TOKENS,  /* runs of characters that are not white space, in order */
	COMPARE_CHECKER, /* by the task's checker */
	COMPARE_MAX_,    /* in a request: as the task says */
};

/* COMPARE_MAX_ for an unknown name. */
enum compare compare_by_name(const char *name);

/* Whether what a build leaves is kept for the next request with the same files. */
enum build_cache {
	BUILD_CACHE_OFF,
	BUILD_CACHE_CLIENT, /* for requests of the same client */
	BUILD_CACHE_TASK,   /* for all requests of the task */
	BUILD_CACHE_MAX_,
};

struct task_mount {
	char *source;  /* owned; an absolute path where the engine runs, or a volume's name */
	char *target;  /* owned; absolute; below /workspace too */
	bool writable; /* never possible for a directory of the host */
};

/* One member of the classic face's result: the lines of stdout it takes (1 is the first). */
struct task_field {
	char *name; /* owned */
	int first, last;
	bool list; /* an array even for one line */
};

/* What the operator offers. */
struct task {
	char *name;          /* owned; [a-z0-9][a-z0-9_-]{0,63} */
	char *description;   /* owned, may be NULL */
	char *image;         /* owned */
	struct strv command; /* "{main}": the first file's name; "{sources}": all that match */
	struct strv build;   /* empty: no build step */
	char *main;          /* owned; name of the first file where a client gives none, or NULL */
	struct strv sources; /* globs for {sources} */
	char *example;       /* owned; a small program for the page, or NULL */
	struct strv env;     /* NAME=value */
	enum isolation isolation;
	bool network;
	char *gpus;       /* owned; gpu.h says what it may be; NULL: none */
	bool gpus_shared; /* jobs of tasks that say so may have one GPU at the same time */
	bool writable_root;
	bool custom_command; /* a request may bring its own command and build */
	bool kill_on_output; /* on_output_limit = kill */
	enum compare compare;
	/*
	 * Owned, NULL: none. The program that judges a case's output, as a task of its own: same
	 * name, image and isolation, without network and GPUs.
	 */
	struct task *checker;
	enum build_cache build_cache;
	char *runtime;             /* owned; NULL: the engine's default */
	struct task_mount *mounts; /* owned */
	size_t n_mounts;
	struct task_field *fields; /* owned; the classic face's result */
	size_t n_fields;
	int classic_data_line;      /* the line that get_data gives; 5 as in the original */
	struct limits limits;       /* all set */
	struct limits ceilings;     /* all set */
	struct limits build_limits; /* all set */
	int concurrency;            /* jobs of this task at one time, > 0 */
	int warm;                   /* containers kept waiting, >= 0 */
	int warm_max;               /* under load, >= warm */
	int warm_idle_s;            /* a container above `warm` unused for that long is removed */
	int slot_jobs;              /* sandbox: a slot is replaced after so many jobs */
	int64_t retention_s;        /* of a finished job */
	int attempts;
	struct strv collect;   /* globs collected when the request names none */
	int64_t collect_bytes; /* all files together */
	int collect_files;
};

/* Whose requests are taken. */
enum auth {
	AUTH_AUTO,   /* those of clients, once there is one; else everybody's */
	AUTH_NONE,   /* everybody's: tokens are not looked at */
	AUTH_TOKENS, /* those of clients */
	AUTH_MAX_,
};

struct config_client {
	struct client client; /* token_hash: zeros where token_file is set */
	char *token_hash;     /* owned; as it is written, or NULL */
	char *token_file;     /* owned; a file with the token, read by the queue; or NULL */
	struct strv tasks;
};

#define CONFIG_STATE_DIR  "/var/lib/dockgate" /* where nobody says another */
#define CONFIG_SOCKET_DIR "/run/dockgate"     /* of that one */

struct config {
	/* files and addresses */
	char *state_dir;          /* owned; all state lives below it */
	struct strv listen;       /* "127.0.0.1:8080", "[::1]:8080"; empty: unix socket only */
	char *socket_dir;         /* owned; NULL: <state_dir>/sock */
	struct strv server_names; /* Host names taken besides the listeners' own */
	struct strv origins;      /* allowed Origins; "*" for all */
	char *log_level;          /* owned: error, warning, info, debug */
	char *node;               /* owned; this machine's name */

	/* rights: numbers, no /etc/passwd entry is needed */
	uid_t gateway_uid, queue_uid, driver_uid, courier_uid;
	gid_t gateway_gid, queue_gid, driver_gid, courier_gid;
	gid_t operator_gid; /* root and this group are operators on the unix socket; -1: root only
			     */
	uid_t job_uid_base; /* agents' and jobs' uids in containers: eight for each container */

	/* HTTP */
	int64_t body_json_max, body_multipart_max; /* bytes */
	int header_timeout_s, body_timeout_s, idle_timeout_s;
	int connections_max;
	int connections_per_address; /* loopback's are not counted */
	int wait_max_s;              /* longest long poll */
	bool queueing_ids_full; /* key: queueing_ids = short or full; classic face: whole ids in
				   `queueing` */
	char *classic_task;     /* owned; the task behind the classic face */

	/* queue */
	char *database_file; /* owned; its connection string; NULL: SQLite in the state directory */
	bool store_shared;   /* several machines use that database */
	int store_poll_ms;   /* how often others' work is looked for */
	char *peer_listen;   /* owned; NULL: none. Where "look now" comes in, "ADDRESS:PORT" */
	struct strv peers;   /* whom to tell the same */
	int waiting_max;     /* jobs; beyond it a submit is 503 */
	int lease_ms;
	int attempts;          /* default of tasks */
	int64_t retention_s;   /* default of tasks */
	int64_t keep_bytes;    /* of all jobs in the store; 0: no bound */
	int64_t cpus_budget;   /* thousandths; 0: the machine's own number */
	int64_t memory_budget; /* bytes; 0: three quarters of the machine's */
	int slots;             /* containers running jobs at one time; 0: from the cpus */

	/* driver */
	char *docker_host;   /* owned; NULL: DOCKER_HOST, else unix:///var/run/docker.sock */
	char *cgroup_parent; /* owned; NULL: "dockgate" (cgroupfs) or "dockgate.slice" (systemd) */
	int grace_ms;        /* driver's wall clock beyond the step's own */
	int drain_s;         /* SIGTERM: time running jobs get before they go back */
	int64_t build_cache_bytes; /* that results of builds may take on this machine's disk */
	int engine_at_once; /* containers in the making at one time; 0: from the engine's cpus */
	bool pin_jobs;      /* a job stays on as many processors as it may use */
	struct strv images_allowed; /* globs of images that a request may name itself */
	struct strv gpus;           /* device ids of this machine's GPUs; empty: look for them */
	char *gpu_cdi; /* owned; the kind of CDI devices; NULL: the toolkit's own way */

	enum auth auth;
	struct config_client *clients; /* owned */
	size_t n_clients;
	/* courier */
	char *callback_secret_file; /* owned; NULL: one that it makes in the state directory */
	char *callback_ca_file;     /* owned; NULL: the system's */
	struct strv callback_allow; /* as in callback.h */
	int callback_retry_s;       /* an ending is announced for so long */
	int callback_timeout_ms;    /* of one attempt */

	struct task *tasks; /* owned */
	size_t n_tasks;
	uint64_t generation; /* of the text it was read from: equal text, equal number */
};

/*
 * Reads `path`, or where it is NULL the files of /etc/dockgate (none there: the
 * defaults), applies the environment and checks all. On failure *err is the
 * first mistake; `report`, where not NULL, is called with each one as
 * "FILE:LINE: what was expected". *ret is the caller's: config_free().
 */
int config_load(const char *path, void (*report)(const char *line, void *arg), void *arg,
	struct config **ret, struct err *err);

/* The same from text in memory; `name` stands for the file in messages. For roles and tests. */
int config_parse(const char *text, const char *name, void (*report)(const char *line, void *arg),
	void *arg, struct config **ret, struct err *err);

/*
 * All the text config_load() would read, included files in place, for handing
 * to a role: config_parse() of it gives the same configuration.
 */
int config_text(const char *path, char **ret_text, struct err *err);

void config_free(struct config *config);

/* Calls `found` for each variable DOCKGATE_... that no key and no command knows: a typing error. */
void config_env_unknown(void (*found)(const char *name, void *arg), void *arg);

/* The key `gpus` as a list. -EINVAL: one twice, or too many. */
int config_gpus(const struct config *config, struct gpu_list *ret);

/* Could a task or a client be called that? */
bool config_is_name(const char *text);
/* Is that address, as in `listen`, one that only this machine can reach? */
bool config_is_loopback(const char *address);
/* May everybody come in who can reach a listener, as far as the configuration says? */
bool config_is_open(const struct config *config);

/* NULL where there is none of that name. Owned by the configuration. */
const struct task *config_task(const struct config *config, const char *name);
/* May a request name that image itself? */
bool config_image_allowed(const struct config *config, const char *image);
