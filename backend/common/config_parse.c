/* SPDX-License-Identifier: MIT */
/*
 * From text to a checked configuration. libConfuse reads the syntax; every
 * value is kept as text with its line and converted here by the tables of
 * keys, so that each mistake can be named with its place and what was expected.
 * The first mistake becomes *err, all of them go to the caller's report.
 * config_reader.h says which file does what of it.
 */
#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "config_reader.h"
#include "gpu.h"

/* Where programs of the machine look for it, and where it is gone after a boot. */
static void place_sockets(struct reader *rd, struct config *c)
{
	if (c->socket_dir != NULL || strcmp(c->state_dir, CONFIG_STATE_DIR) != 0)
		return;
	c->socket_dir = strdup(CONFIG_SOCKET_DIR);
	if (c->socket_dir == NULL)
		config_no_memory(rd);
}

static void put_all(struct reader *rd, cfg_t *cfg, struct config *config)
{
	static struct gpu_list gpus;
	struct limit_set defaults;
	cfg_t *sec = cfg_size(cfg, "defaults") > 0 ? cfg_getsec(cfg, "defaults") : NULL;

	config_limit_set_default(&defaults);
	config_put_keys(rd, cfg, KEYS(config_keys), config);
	if (sec != NULL) {
		config_put_limits(rd, sec, &defaults);
		config_fit_limits(rd, sec, &defaults, 0);
		config_fit_limits(rd, sec, &defaults, 2);
		config_report_unknown(rd, sec);
	}
	config_put_tasks(rd, cfg, &defaults, config);
	if (rd->no_memory) /* they may lack their names */
		return;
	config_put_clients(rd, cfg, config);
	place_sockets(rd, config);
	if (rd->partial)
		return;
	config_check_ids(rd, cfg, config);
	config_check_listen(rd, cfg, config);
	config_check_auth(rd, cfg, config);
	config_check_sharing(rd, cfg, config);
	if (config_gpus(config, &gpus) < 0)
		config_mistake(rd, config_line_of(cfg, "gpus"),
			"gpus: expected at most %d ids, each of them once", GPU_MAX);
	if (cfg_size(cfg, "classic_task") > 0 && config_task(config, config->classic_task) == NULL)
		config_mistake(rd, config_line_of(cfg, "classic_task"),
			"classic_task: there is no task \"%s\"", config->classic_task);
}

static void on_variable(int line, void *arg)
{
	config_mistake(arg, line,
		"\"${\": variables are not filled in here; expected \"\\${\", or single quotes");
}

static uint64_t generation_of(const char *text)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	uint64_t n = 0;

	(void)SHA256((const unsigned char *)text, strlen(text), hash);
	for (size_t i = 0; i < sizeof(n); i++)
		n = n << 8 | hash[i];
	return n;
}

static struct reader *reader_new(const char *text, const char *name,
	void (*report)(const char *line, void *arg), void *arg, struct err *err)
{
	struct reader *rd = calloc(1, sizeof(*rd));
	char *plain = strdup(text);

	if (rd == NULL || plain == NULL) {
		free(rd);
		free(plain);
		(void)err_set(err, ENOMEM, "configuration");
		return NULL;
	}
	config_text_uncomment(plain);
	*rd = (struct reader){
		.text = text,
		.plain = plain,
		.name = name,
		.report = report,
		.arg = arg,
		.err = err,
	};
	return rd;
}

static void reader_free(struct reader *rd)
{
	if (rd != NULL)
		free(rd->plain);
	free(rd);
}

/* Everything but the result: the mistakes are in the reader afterwards. */
static void read_all(struct reader *rd, struct config *config)
{
	int unclosed = config_text_unclosed(rd->text);
	cfg_t *cfg;

	config_text_variables(rd->text, on_variable, rd);
	if (unclosed > 0)
		config_mistake(
			rd, unclosed, "\"{\" without its \"}\"; expected one before the end");
	cfg = config_parse_text(rd);
	if (cfg == NULL)
		return;
	rd->partial = rd->partial || unclosed > 0;
	put_all(rd, cfg, config);
	cfg_free(cfg);
}

int config_parse(const char *text, const char *name, void (*report)(const char *line, void *arg),
	void *arg, struct config **ret, struct err *err)
{
	struct reader *rd = reader_new(text, name, report, arg, err);
	struct config *config;
	int r = 0;

	if (rd == NULL)
		return -err->code;
	config = config_new(err);
	if (config == NULL)
		r = -ENOMEM;
	else
		read_all(rd, config);
	if (r == 0 && rd->no_memory)
		r = err_set(err, ENOMEM, "configuration");
	else if (r == 0 && rd->mistakes > 0)
		r = -EINVAL;
	reader_free(rd);
	if (r != 0) {
		config_free(config);
		return r;
	}
	config->generation = generation_of(text);
	*ret = config;
	return 0;
}
