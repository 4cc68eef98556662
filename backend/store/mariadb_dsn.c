/* SPDX-License-Identifier: MIT */
#include "mariadb_dsn.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/number.h"
#include "common/secret_file.h"

#define NAME_CHARS 32

enum part {
	PART_PASSED_OVER,
	PART_TEXT,
	PART_PATH,
	PART_PORT,
	PART_MODE,
	PART_VERIFY,
	PART_FORCE,
};

/* One value under its several names. */
struct known {
	const char *name;
	enum part part;
	size_t at, size; /* PART_TEXT, PART_PATH */
	unsigned bit;    /* given twice is a mistake */
};

#define AT(member) offsetof(struct mariadb_dsn, member), sizeof(((struct mariadb_dsn *)0)->member)

/* clang-format off */
static const struct known known[] = {
	{ "DRIVER",      PART_PASSED_OVER, 0, 0, 0 },
	{ "OPTION",      PART_PASSED_OVER, 0, 0, 1 },
	{ "CHARSET",     PART_PASSED_OVER, 0, 0, 2 },
	{ "SERVER",      PART_TEXT,   AT(server),   3 },
	{ "SERVERNAME",  PART_TEXT,   AT(server),   3 },
	{ "HOST",        PART_TEXT,   AT(server),   3 },
	{ "SOCKET",      PART_PATH,   AT(socket),   4 },
	{ "USER",        PART_TEXT,   AT(user),     5 },
	{ "UID",         PART_TEXT,   AT(user),     5 },
	{ "PASSWORD",    PART_TEXT,   AT(password), 6 },
	{ "PWD",         PART_TEXT,   AT(password), 6 },
	{ "DATABASE",    PART_TEXT,   AT(database), 7 },
	{ "DB",          PART_TEXT,   AT(database), 7 },
	{ "PORT",        PART_PORT,   0, 0, 8 },
	{ "SSLCA",       PART_PATH,   AT(ca),       9 },
	{ "SSLCAPATH",   PART_PATH,   AT(ca_dir),  10 },
	{ "SSLCERT",     PART_PATH,   AT(cert),    11 },
	{ "SSLKEY",      PART_PATH,   AT(key),     12 },
	{ "SSLCIPHER",   PART_TEXT,   AT(cipher),  13 },
	{ "SSLMODE",     PART_MODE,   0, 0, 14 },
	{ "SSLVERIFY",   PART_VERIFY, 0, 0, 15 },
	{ "FORCETLS",    PART_FORCE,  0, 0, 16 },
};
/* clang-format on */

#define PORT_BIT   8
#define MODE_BIT   14
#define VERIFY_BIT 15

static const char names[] =
	"DRIVER, SERVER, PORT, SOCKET, USER, PASSWORD, DATABASE, SSLCA, SSLCAPATH, SSLCERT, "
	"SSLKEY, SSLCIPHER, SSLMODE, SSLVERIFY, FORCETLS, CHARSET, OPTION";

struct reader {
	const char *p;
	int part; /* from 1 */
	unsigned seen;
	struct mariadb_dsn dsn;
	char value[PATH_MAX];
};

static const struct known *find(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == n && strncasecmp(known[i].name, name, n) == 0)
			return &known[i];
	return NULL;
}

static void skip_blanks(struct reader *rd)
{
	while (*rd->p == ' ' || *rd->p == '\t')
		rd->p++;
}

/* {...}, a '}' inside doubled. */
static int read_braced(struct reader *rd, const char *name, struct err *err)
{
	size_t n = 0;

	for (rd->p++; *rd->p != '\0'; rd->p++) {
		if (rd->p[0] == '}' && rd->p[1] != '}')
			break;
		if (*rd->p == '}')
			rd->p++;
		if (n + 1 >= sizeof(rd->value))
			return err_say(err, EINVAL, "%s: its value is too long", name);
		rd->value[n++] = *rd->p;
	}
	rd->value[n] = '\0';
	if (*rd->p != '}')
		return err_say(err, EINVAL, "%s: '{' without its '}'", name);
	rd->p++;
	skip_blanks(rd);
	if (*rd->p != ';' && *rd->p != '\0')
		return err_say(err, EINVAL, "%s: expected ';' after '}'", name);
	return 0;
}

static int read_value(struct reader *rd, const char *name, struct err *err)
{
	size_t n;

	skip_blanks(rd);
	if (*rd->p == '{')
		return read_braced(rd, name, err);
	n = strcspn(rd->p, ";");
	if (n >= sizeof(rd->value))
		return err_say(err, EINVAL, "%s: its value is too long", name);
	memcpy(rd->value, rd->p, n);
	rd->p += n;
	while (n > 0 && (rd->value[n - 1] == ' ' || rd->value[n - 1] == '\t'))
		n--;
	rd->value[n] = '\0';
	return 0;
}

static int put_mode(struct reader *rd, struct err *err)
{
	static const struct {
		const char *name;
		bool tls, verify;
	} modes[] = {
		{ "DISABLED", false, false },
		{ "REQUIRED", true, false },
		{ "VERIFY_CA", true, true },
		{ "VERIFY_IDENTITY", true, true },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcasecmp(modes[i].name, rd->value) != 0)
			continue;
		rd->dsn.tls = modes[i].tls;
		rd->dsn.verify = modes[i].verify;
		return 0;
	}
	return err_say(
		err, EINVAL, "SSLMODE: expected DISABLED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY");
}

static int put_bool(const char *name, const char *value, bool *ret, struct err *err)
{
	if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return err_say(err, EINVAL, "%s: expected 0 or 1", name);
	*ret = *value == '1';
	return 0;
}

static int put_text(struct reader *rd, const struct known *what, struct err *err)
{
	if (strlen(rd->value) >= what->size)
		return err_say(err, EINVAL, "%s: expected at most %zu characters", what->name,
			what->size - 1);
	if (what->part == PART_PATH && rd->value[0] != '/')
		return err_say(err, EINVAL, "%s: expected an absolute path", what->name);
	memcpy((char *)&rd->dsn + what->at, rd->value, strlen(rd->value) + 1);
	return 0;
}

static int put(struct reader *rd, const struct known *what, struct err *err)
{
	int64_t port;

	switch (what->part) {
	case PART_TEXT:
	case PART_PATH:
		return put_text(rd, what, err);
	case PART_PORT:
		if (!number_parse(rd->value, 1, 65535, &port))
			return err_say(err, EINVAL, "PORT: expected a number from 1 to 65535");
		rd->dsn.port = (unsigned)port;
		return 0;
	case PART_MODE:
		return put_mode(rd, err);
	case PART_VERIFY:
		return put_bool(what->name, rd->value, &rd->dsn.verify, err);
	case PART_FORCE:
		return put_bool(what->name, rd->value, &rd->dsn.tls, err);
	case PART_PASSED_OVER:
		break;
	}
	return 0;
}

static int read_part(struct reader *rd, struct err *err)
{
	size_t n = strcspn(rd->p, "=;"), chars = n;
	const struct known *what;
	int r;

	rd->part++;
	while (chars > 0 && (rd->p[chars - 1] == ' ' || rd->p[chars - 1] == '\t'))
		chars--;
	if (rd->p[n] != '=')
		return err_say(err, EINVAL,
			"part %d: expected NAME=VALUE (a value that holds ';' stands in braces)",
			rd->part);
	what = find(rd->p, chars);
	if (what == NULL)
		return err_say(err, EINVAL,
			"part %d: its name is not known (a value that holds ';' stands in "
			"braces); expected one of: %s",
			rd->part, names);
	if ((rd->seen & 1U << what->bit) != 0)
		return err_say(err, EINVAL, "part %d: %s is given twice", rd->part, what->name);
	rd->seen |= 1U << what->bit;
	rd->p += n + 1;
	r = read_value(rd, what->name, err);
	return r < 0 ? r : put(rd, what, err);
}

/* What a certificate to check against was given for is checked. */
static void imply_tls(struct reader *rd)
{
	struct mariadb_dsn *dsn = &rd->dsn;
	bool has_ca = dsn->ca[0] != '\0' || dsn->ca_dir[0] != '\0';

	if ((rd->seen & 1U << MODE_BIT) == 0 && (has_ca || dsn->cert[0] != '\0' || dsn->verify))
		dsn->tls = true;
	if ((rd->seen & (1U << VERIFY_BIT | 1U << MODE_BIT)) == 0 && has_ca)
		dsn->verify = true;
}

static int check_whole(const struct reader *rd, struct err *err)
{
	const struct mariadb_dsn *dsn = &rd->dsn;
	bool has_ca = dsn->ca[0] != '\0' || dsn->ca_dir[0] != '\0';

	if (dsn->server[0] == '\0' && dsn->socket[0] == '\0')
		return err_say(err, EINVAL, "expected SERVER=... or SOCKET=...");
	if (dsn->socket[0] != '\0' && dsn->server[0] != '\0' &&
		strcasecmp(dsn->server, "localhost") != 0)
		return err_say(err, EINVAL, "SERVER and SOCKET are both given; expected one");
	if (dsn->socket[0] != '\0' && (rd->seen & 1U << PORT_BIT) != 0 && dsn->server[0] == '\0')
		return err_say(err, EINVAL, "PORT cannot go with SOCKET");
	if (dsn->user[0] == '\0')
		return err_say(err, EINVAL, "expected USER=...");
	if (dsn->database[0] == '\0')
		return err_say(err, EINVAL, "expected DATABASE=...");
	if ((dsn->cert[0] != '\0') != (dsn->key[0] != '\0'))
		return err_say(err, EINVAL, "SSLCERT and SSLKEY go together");
	if (!dsn->tls && (has_ca || dsn->cert[0] != '\0' || dsn->verify))
		return err_say(err, EINVAL, "SSLMODE=DISABLED cannot go with the other SSL values");
	return 0;
}

static int read_all(struct reader *rd, struct err *err)
{
	int r = 0;

	for (;;) {
		while (*rd->p == ';' || *rd->p == ' ' || *rd->p == '\t')
			rd->p++;
		if (*rd->p == '\0')
			break;
		r = read_part(rd, err);
		if (r < 0)
			return r;
	}
	imply_tls(rd);
	return check_whole(rd, err);
}

int mariadb_dsn_parse(const char *text, struct mariadb_dsn *ret, struct err *err)
{
	struct reader *rd;
	int r;

	for (const char *p = text; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p) && *p != '\t')
			return err_say(err, EINVAL,
				"byte %td: a control character; expected the string in one line",
				p - text + 1);
	rd = calloc(1, sizeof(*rd));
	if (rd == NULL)
		return err_set(err, ENOMEM, "connection string");
	rd->p = text;
	rd->dsn.port = DSN_PORT;
	r = read_all(rd, err);
	if (r == 0)
		*ret = rd->dsn;
	explicit_bzero(rd, sizeof(*rd));
	free(rd);
	return r;
}

/* --- the file --- */

int mariadb_dsn_read(const char *path, uid_t owner, char **ret, struct err *err)
{
	return secret_file_read(path, owner, "a connection string", ret, err);
}

void mariadb_dsn_wipe(char *text)
{
	secret_file_wipe(text);
}
