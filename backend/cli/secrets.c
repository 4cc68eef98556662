/* SPDX-License-Identifier: MIT */
#include "secrets.h"

#include <stdlib.h>
#include <string.h>

#include "courier/seal.h"
#include "queue/roster.h"
#include "store/mariadb_dsn.h"

static int check_database(const struct config *config, struct err *err)
{
	struct mariadb_dsn dsn;
	char *text = NULL;
	int r;

	if (config->database_file == NULL)
		return 0;
	r = mariadb_dsn_read(config->database_file, config->queue_uid, &text, err);
	if (r == 0)
		r = mariadb_dsn_parse(text, &dsn, err);
	mariadb_dsn_wipe(text);
	if (r < 0)
		return err_wrap(err, "database_file");
	explicit_bzero(&dsn, sizeof(dsn));
	return 0;
}

static int check_tokens(const struct config *config, struct err *err)
{
	uint8_t(*hashes)[CLIENT_HASH_BYTES] = NULL;
	int r = roster_read_files(config, &hashes, err);

	free(hashes);
	return r;
}

static int check_callbacks(const struct config *config, struct err *err)
{
	struct seal *seal = NULL;
	int r;

	if (config->callback_secret_file == NULL)
		return 0;
	r = seal_read(config->callback_secret_file, config, &seal, err);
	seal_close(seal);
	return r < 0 ? err_wrap(err, "callback_secret_file") : 0;
}

int secrets_check(const struct config *config, struct err *err)
{
	int r = check_database(config, err);

	if (r == 0)
		r = check_tokens(config, err);
	return r == 0 ? check_callbacks(config, err) : r;
}
