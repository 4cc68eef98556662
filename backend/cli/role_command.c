/* SPDX-License-Identifier: MIT */
/* `dockgate gateway|queue|driver|courier`: one role, started by the supervisor, by systemd or by
 * hand. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "common/config.h"
#include "common/log.h"
#include "common/number.h"
#include "common/role.h"

#define TEXT_MAX (16 * 1024 * 1024)

static const struct {
	int (*main)(struct role_args *args);
	const char *usage;
} roles[ROLE_MAX_] = {
	/* clang-format off */
	[ROLE_GATEWAY] = { gateway_main, "Usage: dockgate gateway [--config FILE]\n\n"
		"Runs the HTTP server. Its listeners come as LISTEN_FDS, as from systemd.\n" },
	[ROLE_QUEUE] = { queue_main, "Usage: dockgate queue pause|resume|show ...\n"
		"       dockgate queue [--config FILE]\n\n"
		"Runs the queue, which owns the database. Its listeners come as LISTEN_FDS.\n" },
	[ROLE_DRIVER] = { driver_main, "Usage: dockgate driver [--config FILE]\n\n"
		"Runs the driver of the Docker Engine.\n" },
	[ROLE_COURIER] = { courier_main, "Usage: dockgate courier [--config FILE]\n\n"
		"Runs the sender of callbacks.\n" },
	/* clang-format on */
};

/* The supervisor's sealed text; read without moving the offset, which all roles share. */
static int read_config_fd(int fd, char **ret, struct err *err)
{
	cleanup_free char *text = NULL;
	struct stat st;
	size_t n = 0;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "--config-fd");
	if (st.st_size < 0 || st.st_size > TEXT_MAX)
		return err_say(err, EFBIG, "--config-fd: expected at most %d bytes", TEXT_MAX);
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL)
		return err_set(err, ENOMEM, "--config-fd");
	while (n < (size_t)st.st_size) {
		ssize_t got = pread(fd, text + n, (size_t)st.st_size - n, (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set(err, got < 0 ? errno : EIO, "--config-fd");
		n += (size_t)got;
	}
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

/* Whoever comes first of those that are started as root by hand; systemd and `serve` make it, too.
 */
static int make_socket_dir(const struct config *config, struct err *err)
{
	const char *dir = config->socket_dir != NULL ? config->socket_dir : "sock";

	if (geteuid() == 0 && mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_set(err, errno, "make directory %s", dir);
	return 0;
}

static int load(const char *path, int fd, struct config **ret, struct err *err)
{
	cleanup_free char *text = NULL;
	int r;

	if (fd < 0) {
		r = config_load(path, NULL, NULL, ret, err);
		if (r == 0 && chdir((*ret)->state_dir) < 0)
			r = err_set(err, errno, "state_dir: %s", (*ret)->state_dir);
		return r == 0 ? make_socket_dir(*ret, err) : r;
	}
	r = read_config_fd(fd, &text, err);
	if (r == 0)
		r = config_parse(text, "configuration", NULL, NULL, ret, err);
	(void)close(fd);
	return r;
}

static int run(enum role role, const char *path, int fd)
{
	struct role_args args = { 0 };
	struct config *config = NULL;
	struct err err;
	char name[16];
	int status, r;

	(void)snprintf(name, sizeof(name), "dg-%s", role_name(role));
	(void)prctl(PR_SET_NAME, name, 0, 0, 0); /* for ps and top, as it was started as "exe" */
	log_init(role_name(role), LOG_INFO);
	r = load(path, fd, &config, &err);
	if (r == 0)
		r = role_listen_fds(&args, &err);
	if (r != 0) {
		log_error("%s", err.msg);
		config_free(config);
		return role_exit_code(r);
	}
	log_init(role_name(role), log_level_by_name(config->log_level));
	args.config = config;
	status = roles[role].main(&args);
	config_free(config);
	return status;
}

static int command(enum role role, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "config", required_argument, NULL, 'c' },
		{ "config-fd", required_argument, NULL, OPT_OWN },
		{ NULL, 0, NULL, 0 },
	};
	struct cli cli = { 0 };
	const char *path = NULL;
	int64_t fd = -1;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "hc:", options, NULL)) >= 0) {
		if (opt == 'c')
			path = optarg;
		else if (opt == OPT_OWN && !number_parse(optarg, 3, 1024, &fd))
			return cli_fail(EXIT_USAGE, "--config-fd: expected a descriptor's number");
		else if (opt != OPT_OWN &&
			 !cli_common(&cli, opt, roles[role].usage, EXIT_USAGE, &ret))
			return ret;
	}
	if (optind < argc)
		return cli_fail(EXIT_USAGE, "'%s': this takes no arguments", argv[optind]);
	return run(role, path, (int)fd);
}

int gateway_command(int argc, char **argv)
{
	return command(ROLE_GATEWAY, argc, argv);
}

int queue_command(int argc, char **argv)
{
	if (argc > 1 && steer_is_word(argv[1]))
		return steer_command(argc, argv);
	return command(ROLE_QUEUE, argc, argv);
}

int driver_command(int argc, char **argv)
{
	return command(ROLE_DRIVER, argc, argv);
}

int courier_command(int argc, char **argv)
{
	return command(ROLE_COURIER, argc, argv);
}
