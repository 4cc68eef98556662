/* SPDX-License-Identifier: MIT */
/*
 * What a job comes to: the operator's task and the client's request made into
 * steps with arguments, environment and limits. A pure function. All that a job
 * may do is decided here, from our own configuration; a request can only stay
 * below it.
 */
#pragma once

#include <stdbool.h>

#include "common/config.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/strv.h"
#include "common/trace.h"
#include "wire/spec.h"

struct plan_step {
	bool build;
	const struct spec_case *case_; /* NULL: the build, or a job without cases */
	struct limits limits;          /* all set, none above the plan's */
	struct extent stdin_;          /* len 0: none */
	bool open_stdin;               /* instead of it: what is typed while the step runs */
	bool has_expected;
	struct extent expected;
	enum compare compare;
};

/* A step's words, made when it is its turn: a thousand cases may share long ones. */
struct plan_words {
	struct strv argv, env;
};

struct plan {
	const struct task *task; /* the configuration's, or `own` */
	struct task own;         /* for a request that names an image */
	char *image;             /* owned: name of the image */
	struct limits limits;    /* the most of all steps: what a container must be prepared for */
	struct plan_step *steps; /* owned */
	size_t n_steps;
	const struct strv *collect; /* the request's or the task's */
	const struct spec *spec;
	char *path; /* owned; the image's PATH; NULL: not known yet */
	bool stop_on_failure;
	char trace[TRACE_CHARS + 1]; /* a traceparent; "": none. Of whoever made the plan */
};

/*
 * `task` as the queue named it, "" where the request names an image. The spec
 * must outlive the plan. -EINVAL, -ENOENT, -EPERM: the request asks for what is
 * not offered (the message is for its client). The PATH is set by plan_set_path().
 */
int plan_make(const struct config *config, const char *task, const struct spec *spec,
	struct plan **ret, struct err *err);
void plan_free(struct plan *plan);

/* The image's PATH, for steps that have none of the task or the request. */
int plan_set_path(struct plan *plan, const char *path, struct err *err);

/* The words of step `i`; the caller's, in any case: plan_words_done(). */
int plan_words(const struct plan *plan, size_t i, struct plan_words *ret, struct err *err);
/* Those of the task's checker, with paths of n files of the workspace behind its own. */
int plan_checker_words(const struct plan *plan, const char *const *files, size_t n,
	struct plan_words *ret, struct err *err);
void plan_words_done(struct plan_words *words);
