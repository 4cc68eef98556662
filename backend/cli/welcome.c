/* SPDX-License-Identifier: MIT */
#include "welcome.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "common/job_id.h"
#include "common/role.h"
#include "job_show.h"

static double number_of(const json_t *job, const char *name)
{
	return json_number_value(json_object_get(json_object_get(job, "usage"), name));
}

/* A line, then the bytes that the program printed; an end of line where it printed none. */
static void show_output(const json_t *job)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(job, "stdout"), "content"));

	(void)printf("It printed:\n\n");
	for (const char *line = text != NULL ? text : ""; *line != '\0';) {
		size_t n = strcspn(line, "\n");
		cleanup_free char *copy = strndup(line, n);

		(void)printf("    ");
		cli_put_plain(copy != NULL ? copy : "", stdout);
		(void)putchar('\n');
		line += n + (line[n] == '\n');
	}
	(void)putchar('\n');
}

static void show_next(const struct config *config, const char *task)
{
	const char *where = config->listen.n > 0 ? config->listen.v[0] : NULL;

	if (where != NULL) {
		(void)printf("The service is at http://%s\n\n"
			     "Run one yourself, from another terminal:\n\n"
			     "    curl -s 'http://%s/v1/jobs?wait=30' -H 'Content-Type: "
			     "application/json' \\\n"
			     "        -d '{\"task\": \"%s\"}'\n",
			where, where, task);
		if (config_task(config, "python") != NULL)
			(void)printf("    curl -s 'http://%s/v1/jobs?wait=30' -H 'Content-Type: "
				     "application/json' \\\n"
				     "        -d '{\"task\": \"python\", \"files\": [{\"name\": "
				     "\"main.py\", \"content\": \"print(6 * 7)\"}]}'\n",
				where);
		(void)printf("    curl -s http://%s/v1/tasks\n\n", where);
	}
	(void)printf("As an operator:  dockgate --help, with --socket %s%s/" SOCKET_HTTP "\n"
		     "To read on:      README.md, docs/http-api.md, docs/adding-a-task.md\n"
		     "Ctrl-C stops it.\n",
		config->socket_dir != NULL ? config->socket_dir : config->state_dir,
		config->socket_dir != NULL ? "" : "/sock");
	(void)fflush(stdout);
}

static int run_job(struct client *client, const char *task, json_t **ret, struct err *err)
{
	json_t *body = json_pack("{s:s}", "task", task);
	json_t *accepted = NULL;
	const char *id;
	int r = client_call(client, "POST", "/v1/jobs", body, &accepted, err);

	json_decref(body);
	if (r < 0)
		return r;
	id = json_string_value(json_object_get(accepted, "id"));
	r = id != NULL && strlen(id) == JOB_ID_CHARS
		    ? job_await(client, id, ret, err)
		    : err_say(err, EPROTO, "an answer without an id");
	json_decref(accepted);
	return r;
}

int welcome(const struct config *config, const char *task)
{
	struct client *client = NULL;
	json_t *job = NULL;
	char path[108];
	struct err err;
	int code;

	if (role_socket_path(config, SOCKET_HTTP, path, sizeof(path), &err) < 0 ||
		client_open(NULL, path, &client, &err) < 0 ||
		run_job(client, task, &job, &err) < 0) {
		client_close(client);
		return cli_fail(1, "the first job: %s", err.msg);
	}
	code = job_exit_code(job);
	(void)printf("\nA first job, task \"%s\", ran in a container of its own: %s.\n"
		     "It took %.1f ms, %.1f ms of cpu time, and %.1f MiB of memory.\n",
		task, json_string_value(json_object_get(job, "verdict")), number_of(job, "wall_ms"),
		number_of(job, "cpu_ms"), number_of(job, "memory_peak_bytes") / (double)MIB);
	show_output(job);
	if (code != 0)
		job_explain(job, stdout);
	show_next(config, task);
	json_decref(job);
	client_close(client);
	return code;
}
