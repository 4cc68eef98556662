/* SPDX-License-Identifier: MIT */
/* `dockgate store migrate`: the jobs of one store into the other. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "common/config.h"
#include "queue/migrate.h"

static const char usage[] =
	"Usage: dockgate store migrate --to mariadb|sqlite [OPTION...]\n\n"
	"Moves all jobs, waiting and done, the clients, and what is paused, between the SQLite\n"
	"store of the state directory and the database that the configuration names\n"
	"(database_file). As root or the queue's user, while no queue runs. All is compared "
	"before\n"
	"the old store is emptied; where it is cut off, run it again.\n\n"
	"  --to KIND        mariadb: into the database; sqlite: back\n"
	"  --config FILE    instead of /etc/dockgate\n"
	"  --state-dir DIR  as given to serve\n"
	"  -h, --help       this text\n";

enum { OPT_TO = OPT_OWN, OPT_STATE_DIR };

static int migrate(const char *config_path, bool to_database)
{
	struct migrate_counts counts = { 0 };
	struct config *config = NULL;
	struct err err;
	int r = config_load(config_path, NULL, NULL, &config, &err);

	if (r == 0 && chdir(config->state_dir) < 0)
		r = err_set(&err, errno, "state_dir: %s", config->state_dir);
	(void)signal(SIGPIPE, SIG_IGN);
	if (r == 0)
		r = migrate_run(config, to_database, &counts, &err);
	config_free(config);
	if (r < 0)
		return cli_fail(1, "%s", err.msg);
	(void)printf("%" PRIu64 " jobs with %" PRIu64 " bytes, %" PRIu64
		     " files among them, are in %s now, compared.\n",
		counts.jobs, counts.bytes, counts.files, to_database ? "MariaDB" : "SQLite");
	if (!to_database)
		(void)printf("Take database_file out of the configuration before the start.\n");
	return 0;
}

int store_command(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "config", required_argument, NULL, 'c' },
		{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
		{ "to", required_argument, NULL, OPT_TO },
		{ NULL, 0, NULL, 0 },
	};
	const char *config_path = NULL, *to = NULL;
	struct cli cli = { 0 };
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "hc:", options, NULL)) >= 0) {
		if (opt == 'c')
			config_path = optarg;
		else if (opt == OPT_TO)
			to = optarg;
		else if (opt == OPT_STATE_DIR)
			(void)setenv("DOCKGATE_STATE_DIR", optarg, 1);
		else if (!cli_common(&cli, opt, usage, EXIT_USAGE, &ret))
			return ret;
	}
	if (optind + 1 != argc || strcmp(argv[optind], "migrate") != 0)
		return cli_fail(EXIT_USAGE, "expected `store migrate --to mariadb|sqlite`");
	if (to == NULL || (strcmp(to, "mariadb") != 0 && strcmp(to, "sqlite") != 0))
		return cli_fail(EXIT_USAGE, "--to: expected mariadb or sqlite");
	return migrate(config_path, strcmp(to, "mariadb") == 0);
}
