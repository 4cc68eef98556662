/* SPDX-License-Identifier: MIT */
/* Between config.c and the other config_*.c; nobody else includes it. */
#pragma once

#include "config.h"

#define CONFIG_FILE "/etc/dockgate/dockgate.conf"
#define CONFIG_DIR  "/etc/dockgate/conf.d"

/*
 * A line of config_text()'s answer that begins so says where the next line
 * comes from: "#@ LINE PATH". To libConfuse it is a comment.
 */
#define CONFIG_MARK "#@ "

/* Top-level keys that the environment may set: DOCKGATE_<KEY>. */
struct config_env_key {
	const char *name;
	bool list; /* the variable's value is cut at commas */
};

/* Ends with a NULL name. */
const struct config_env_key *config_env_keys(void);

/* Calls `found` for each "${" within double quotes, which libConfuse would fill from the
 * environment. */
void config_text_variables(const char *text, void (*found)(int line, void *arg), void *arg);

/* Comments become blanks, lines stay: libConfuse's line numbers go wrong at comments. */
void config_text_uncomment(char *text);

/* The line of the outermost "{" that nothing closes, 0: none; libConfuse takes the text's end for
 * it. */
int config_text_unclosed(const char *text);

struct config *config_new(struct err *err);
int task_defaults(
	struct task *task, const char *name, const struct config *config, struct err *err);
void task_done(struct task *task);
