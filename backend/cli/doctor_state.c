/* SPDX-License-Identifier: MIT */
/* What the service keeps: configuration, state, sockets, secrets; and who may touch it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/role.h"
#include "courier/seal.h"
#include "doctor.h"
#include "queue/roster.h"
#include "store/mariadb_dsn.h"

#define CONFIG_DIR  "/etc/dockgate"
#define SPACE_LEAST (1024 * MIB)

/* The directory, or the nearest one above it that exists. */
static void nearest(const char *path, char *ret, size_t size)
{
	char *slash;

	(void)snprintf(ret, size, "%s", path);
	while (access(ret, F_OK) < 0 && (slash = strrchr(ret, '/')) != NULL && slash != ret)
		*slash = '\0';
	if (access(ret, F_OK) < 0)
		(void)snprintf(ret, size, "/");
}

static void check_space(struct doctor *d, const char *dir)
{
	struct statvfs fs;
	uint64_t left;

	if (statvfs(dir, &fs) < 0) {
		doctor_say(d, GRADE_FAIL, "space", NULL, "%s: %s", dir, strerror(errno));
		return;
	}
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	if ((fs.f_flag & ST_RDONLY) != 0)
		doctor_say(d, GRADE_FAIL, "space", "choose another state_dir",
			"%s is on a read-only file system", dir);
	else
		doctor_say(d, left >= SPACE_LEAST ? GRADE_OK : GRADE_WARN, "space",
			left >= SPACE_LEAST ? NULL : "free some, or choose another state_dir",
			"%s: %llu MiB free", dir, (unsigned long long)(left / MIB));
}

/* The file that names a MariaDB database; whether one answers there, the service says. */
static void check_database_file(struct doctor *d)
{
	const char *path = d->config == NULL ? NULL : d->config->database_file;
	struct mariadb_dsn dsn;
	char *text = NULL;
	struct err err;

	if (path == NULL)
		return;
	if (mariadb_dsn_read(path, d->config->queue_uid, &text, &err) < 0)
		doctor_say(d, err.code == EACCES && geteuid() != 0 ? GRADE_WARN : GRADE_FAIL,
			"database", "docs/deploy-mariadb.md says what it holds", "%s", err.msg);
	else if (mariadb_dsn_parse(text, &dsn, &err) < 0)
		doctor_say(d, GRADE_FAIL, "database", "docs/deploy-mariadb.md has the names",
			"%s: %s", path, err.msg);
	else
		doctor_say(d, GRADE_OK, "database", NULL,
			"MariaDB, '%s' at %s%s; the service says whether it answers", dsn.database,
			dsn.socket[0] != '\0' ? dsn.socket : dsn.server,
			dsn.tls ? ", with TLS" : "");
	explicit_bzero(&dsn, sizeof(dsn));
	mariadb_dsn_wipe(text);
}

/* The files that hold clients' tokens. */
static void check_tokens(struct doctor *d)
{
	uint8_t(*hashes)[CLIENT_HASH_BYTES] = NULL;
	struct err err;

	if (d->config == NULL)
		return;
	if (roster_read_files(d->config, &hashes, &err) < 0)
		doctor_say(d, err.code == EACCES && geteuid() != 0 ? GRADE_WARN : GRADE_FAIL,
			"clients",
			geteuid() != 0 ? "run this with sudo"
				       : "it holds one token in a line, and is root's or the "
					 "queue's: chown root it, chmod 640 it",
			"%s", err.msg);
	else if (d->config->n_clients > 0)
		doctor_say(d, GRADE_OK, "clients", NULL, "clients of the configuration: %zu",
			d->config->n_clients);
	free(hashes);
}

/* Each role's own: nobody else may look into them. */
static void check_role_directory(struct doctor *d, const char *name, uid_t uid)
{
	char path[4096];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", d->config->state_dir, name);
	if (stat(path, &st) < 0)
		return;
	if (st.st_uid == uid && (st.st_mode & 07777) == 0700)
		doctor_say(d, GRADE_OK, "state", NULL, "%s is the %s's own", path, name);
	else
		doctor_say(d, GRADE_FAIL, "state",
			"chown -R it to that role's user, chmod 700; or name its user in the "
			"configuration",
			"%s belongs to user %u, mode %o; expected user %u, mode 700", path,
			(unsigned)st.st_uid, (unsigned)(st.st_mode & 07777), (unsigned)uid);
}

static void check_state(struct doctor *d)
{
	char path[4096];

	if (d->config == NULL)
		return;
	nearest(d->config->state_dir, path, sizeof(path));
	if (strcmp(path, d->config->state_dir) != 0)
		doctor_say(d, GRADE_OK, "state", NULL, "%s will be made by `serve`",
			d->config->state_dir);
	check_space(d, path);
	check_role_directory(d, STATE_QUEUE, d->config->queue_uid);
	check_role_directory(d, STATE_DRIVER, d->config->driver_uid);
	check_role_directory(d, STATE_COURIER, d->config->courier_uid);
}

/* Who writes the configuration says what runs, and as whom. */
static void check_config_file(struct doctor *d)
{
	const char *path = d->config_path != NULL ? d->config_path : CONFIG_DIR;
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	if ((st.st_mode & 0002) != 0)
		doctor_say(d, GRADE_FAIL, "file rights", "chmod o-w it",
			"%s can be written by everybody (mode %o): they decide what runs here",
			path, (unsigned)(st.st_mode & 07777));
	else if ((st.st_mode & 0020) != 0 && st.st_gid != 0)
		doctor_say(d, GRADE_WARN, "file rights", "chmod g-w it",
			"%s can be written by group %u: they decide what runs here", path,
			(unsigned)st.st_gid);
	else if (st.st_uid != 0 && st.st_uid != getuid())
		doctor_say(d, GRADE_WARN, "file rights", "chown root it",
			"%s belongs to user %u, who decides what runs here", path,
			(unsigned)st.st_uid);
	else
		doctor_say(d, GRADE_OK, "file rights", NULL, "%s", path);
}

/* The roles' sockets are for one peer each; everybody may reach the HTTP one, who is told apart. */
static void check_sockets(struct doctor *d)
{
	static const char *const names[] = { SOCKET_QUEUE_GATEWAY, SOCKET_QUEUE_DRIVER,
		SOCKET_QUEUE_COURIER };
	char path[4200];
	struct stat st;

	for (size_t i = 0; d->config != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s/%s",
			d->config->socket_dir != NULL ? d->config->socket_dir
						      : d->config->state_dir,
			d->config->socket_dir != NULL ? "" : "/sock", names[i]);
		if (stat(path, &st) == 0 && (st.st_mode & 0007) != 0)
			doctor_say(d, GRADE_WARN, "sockets",
				"chmod o= it, and find out who changed it",
				"%s is open to everybody (mode %o); its peer's user is checked all "
				"the same",
				path, (unsigned)(st.st_mode & 07777));
	}
}

/* What callbacks are signed with, and what their receivers' certificates are held against. */
static void check_callbacks(struct doctor *d)
{
	cleanup_free char *own = NULL;
	struct seal *seal = NULL;
	const char *path, *ca;
	struct err err;

	if (d->config == NULL)
		return;
	if (asprintf(&own, "%s/" SEAL_OWN_FILE, d->config->state_dir) < 0) {
		own = NULL;
		return;
	}
	path = d->config->callback_secret_file != NULL ? d->config->callback_secret_file : own;
	ca = d->config->callback_ca_file;
	if (ca != NULL && access(ca, R_OK) < 0)
		doctor_say(d, GRADE_FAIL, "callbacks",
			"set callback_ca_file to a file of certificates", "%s: %s", ca,
			strerror(errno));
	if (seal_read(path, d->config, &seal, &err) == 0)
		doctor_say(d, GRADE_OK, "callbacks", NULL, "they are signed with %s", path);
	else if (err.code == ENOENT && path == own)
		doctor_say(d, GRADE_OK, "callbacks", NULL, "%s will be made by `serve`", path);
	else if (err.code == EACCES && geteuid() != 0)
		doctor_say(d, GRADE_WARN, "callbacks", "run this with sudo", "%s", err.msg);
	else
		doctor_say(d, GRADE_FAIL, "callbacks",
			"docs/configuration.md says what callback_secret_file holds; without that "
			"key, and without the file, `serve` makes one",
			"%s", err.msg);
	seal_close(seal);
}

void doctor_state(struct doctor *d)
{
	check_config_file(d);
	check_database_file(d);
	check_tokens(d);
	check_state(d);
	check_sockets(d);
	check_callbacks(d);
}
