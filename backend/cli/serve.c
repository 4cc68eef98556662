/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "common/log.h"
#include "supervisor.h"

static const char usage[] =
	"Usage: dockgate serve [OPTION...]\n\n"
	"Runs the service in the foreground, as root: four processes, each a user of its\n"
	"own. SIGTERM or Ctrl-C stops it, a second one at once; SIGHUP reads the\n"
	"configuration again.\n\n"
	"  --config FILE     instead of /etc/dockgate\n"
	"  --state-dir DIR   where all state lives\n"
	"  --listen LIST     ADDRESS:PORT, several with commas; empty: unix socket only\n"
	"  --log-level LEVEL error, warning, info or debug\n"
	"  --first-job TASK  run one job of that task when all is ready, and show it\n"
	"  -h, --help        this text\n"
	"\n"
	"Exit code: 0 after a clean stop, 78 where something must be mended first.\n";

enum { OPT_STATE_DIR = OPT_OWN, OPT_LISTEN, OPT_LOG_LEVEL, OPT_FIRST_JOB };

/* Flags go over the environment: so they are put there before it is read. */
static const char *variable_of(int opt)
{
	switch (opt) {
	case OPT_STATE_DIR:
		return "DOCKGATE_STATE_DIR";
	case OPT_LISTEN:
		return "DOCKGATE_LISTEN";
	case OPT_LOG_LEVEL:
		return "DOCKGATE_LOG_LEVEL";
	default:
		return NULL;
	}
}

static void print_mistake(const char *line, void *arg)
{
	(void)arg;
	log_error("%s", line);
}

static bool task_is_there(const struct config *config, const char *name, struct err *err)
{
	if (name == NULL || config_task(config, name) != NULL)
		return true;
	(void)err_say(err, EINVAL, "--first-job: the configuration has no task \"%s\"", name);
	return false;
}

/* A relative one counts from where we were started, and SIGHUP reads the environment again. */
static int keep_state_dir(const struct config *config, struct err *err)
{
	if (getenv("DOCKGATE_STATE_DIR") == NULL)
		return 0;
	return setenv("DOCKGATE_STATE_DIR", config->state_dir, 1) == 0
		       ? 0
		       : err_set(err, errno, "environment DOCKGATE_STATE_DIR");
}

static void on_unknown(const char *name, void *arg)
{
	(void)arg;
	log_warning("environment %s: " CLI_UNKNOWN_VARIABLE, name);
}

static int serve(const struct supervisor_options *options)
{
	struct place place = { .lock_fd = -EBADF };
	struct config *config = NULL;
	char *text = NULL;
	struct err err;
	int r = config_text(options->config_path, &text, &err);

	if (r == 0) {
		r = config_parse(text, "configuration", print_mistake, NULL, &config, &err);
		if (r < 0) {
			free(text);
			return role_exit_code(r);
		}
		log_init("serve", log_level_by_name(config->log_level));
		config_env_unknown(on_unknown, NULL);
		r = task_is_there(config, options->first_job, &err) ? 0 : -err.code;
	}
	if (r == 0)
		r = keep_state_dir(config, &err);
	if (r == 0)
		r = place_check_engine(config, &err);
	if (r == 0)
		r = place_open(&place, config, &err);
	if (r == 0)
		return supervisor_run(&place, config, text, options);
	log_error("%s", err.msg);
	place_close(&place);
	config_free(config);
	free(text);
	return role_exit_code(r);
}

int serve_command(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "config", required_argument, NULL, 'c' },
		{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
		{ "listen", required_argument, NULL, OPT_LISTEN },
		{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
		{ "first-job", required_argument, NULL, OPT_FIRST_JOB },
		{ NULL, 0, NULL, 0 },
	};
	struct supervisor_options what = { 0 };
	cleanup_free char *config_path = NULL;
	struct cli cli = { 0 };
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "hc:", options, NULL)) >= 0) {
		if (opt == 'c')
			what.config_path = optarg;
		else if (opt == OPT_FIRST_JOB)
			what.first_job = optarg;
		else if (variable_of(opt) != NULL && setenv(variable_of(opt), optarg, 1) == 0)
			continue;
		else if (!cli_common(&cli, opt, usage, EXIT_USAGE, &ret))
			return ret;
	}
	if (optind < argc)
		return cli_fail(EXIT_USAGE, "'%s': serve takes no arguments", argv[optind]);
	log_init("serve", LOG_INFO);
	if (geteuid() != 0)
		return cli_fail(EXIT_SETUP, "serve needs root, to make each role a user of its "
					    "own: run it with sudo, or "
					    "run `dockgate gateway`, `queue`, `driver` and "
					    "`courier` as four users, as the units in "
					    "deploy/systemd do");
	/* The working directory becomes the state directory, and SIGHUP reads the file again. */
	if (what.config_path != NULL) {
		config_path = realpath(what.config_path, NULL);
		if (config_path != NULL)
			what.config_path = config_path;
	}
	return serve(&what);
}
