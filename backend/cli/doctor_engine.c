/* SPDX-License-Identifier: MIT */
/* The engine: who reaches it, what it can, its holes, its images and runtimes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "advisory.h"
#include "cli.h"
#include "client.h"
#include "common/cleanup.h"
#include "common/number.h"
#include "doctor.h"
#include "driver/host.h"
#include "engine_probe.h"

#define API_LEAST 40

static void check_socket(struct doctor *d)
{
	const char *path = engine_probe_socket(d->config);
	struct stat st;

	if (path == NULL)
		return;
	if (stat(path, &st) < 0)
		doctor_say(d, GRADE_FAIL, "docker socket",
			"install Docker and start it: systemctl start docker", "%s: %s", path,
			strerror(errno));
	else if (st.st_gid == 0)
		doctor_say(d, GRADE_FAIL, "docker socket",
			"groupadd docker; chgrp docker the socket; restart Docker",
			"%s belongs to group 0, which no role may have", path);
	else if ((st.st_mode & 0006) != 0)
		doctor_say(d, GRADE_WARN, "docker socket",
			"chmod o-rw it: whoever reaches it is as good as root",
			"%s is open to everyone", path);
	else
		doctor_say(d, GRADE_OK, "docker socket", NULL, "%s, group %u", path,
			(unsigned)st.st_gid);
}

/* ---- known holes ----------------------------------------------------------------- */

static void check_hole(struct doctor *d, const char *component, const char *version,
	const struct advisory *advisory)
{
	bool distributed = advisory_is_distributed(version);
	int named = distributed ? advisory_in_changelog(advisory, d->root) : 0;
	char ids[100] = "";
	size_t len = 0;

	if (named > 0 || advisory_is_mended(advisory, version))
		return;
	for (size_t i = 0; advisory->ids[i] != NULL && len < sizeof(ids); i++)
		len += (size_t)snprintf(
			ids + len, sizeof(ids) - len, "%s%s", i == 0 ? "" : ", ", advisory->ids[i]);
	d->holes++;
	if (named < 0)
		doctor_say(d, GRADE_NOTE, "known holes",
			"look for these numbers in the package's changelog on the engine's machine",
			"%s %s: whether the distribution has mended %s cannot be seen", component,
			version, ids);
	else
		doctor_say(d, advisory->grave ? GRADE_FAIL : GRADE_WARN, "known holes",
			distributed ? "apt-get upgrade; where the distribution has not mended it, "
				      "a later release, or Docker's own packages"
				    : "install a later version",
			"%s %s has %s: %s", component, version, ids, advisory->what);
}

/* The engine's version and those of what it runs containers with. */
static void check_holes(struct doctor *d, const json_t *version)
{
	const json_t *component;
	char all[200] = "";
	size_t i, len = 0;

	json_array_foreach(json_object_get(version, "Components"), i, component)
	{
		const char *name = json_string_value(json_object_get(component, "Name"));
		const char *is = json_string_value(json_object_get(component, "Version"));
		const char *commit = json_string_value(
			json_object_get(json_object_get(component, "Details"), "GitCommit"));
		const struct advisory *advisory;
		size_t at = 0;

		if (name == NULL || is == NULL)
			continue;
		if (commit != NULL && advisory_is_distributed(commit))
			is = commit; /* the package's whole version */
		while ((advisory = advisory_next(name, &at)) != NULL)
			check_hole(d, name, is, advisory);
		if (at > 0 && len < sizeof(all) && strcmp(name, "docker-init") != 0)
			len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s %s",
				len == 0 ? "" : ", ", name, is);
	}
	if (d->holes == 0 && len > 0)
		doctor_say(d, GRADE_OK, "known holes", NULL, "none of those in mind: %s", all);
}

/* ---- the engine ------------------------------------------------------------------ */

static const char *no_answer_advice(const char *path)
{
	if (path == NULL)
		return "docker_host says where, DOCKER_CERT_PATH and DOCKER_TLS_VERIFY with what "
		       "certificates, as the docker command has them";
	if (access(path, F_OK) == 0 && access(path, W_OK) < 0)
		return "you may not use the socket: run this with sudo";
	return "is it running? systemctl start docker; journalctl -u docker says why not";
}

static void check_engine(struct doctor *d)
{
	const char *host = engine_probe_host(d->config);
	json_t *version = NULL;
	const char *api;
	long status = 0;
	struct err err;
	int64_t minor = 0;

	if (engine_probe_open(d->config, &d->engine, &err) < 0 ||
		client_ask(d->engine, "/version", &version, &status, &err) < 0) {
		doctor_say(d, GRADE_FAIL, "engine",
			no_answer_advice(engine_probe_socket(d->config)), "no answer at %s: %s",
			host, err.msg);
		client_close(d->engine);
		d->engine = NULL;
		return;
	}
	api = json_string_value(json_object_get(version, "ApiVersion"));
	if (status != 200 || api == NULL || strncmp(api, "1.", 2) != 0 ||
		!number_parse(api + 2, 0, 9999, &minor))
		doctor_say(d, GRADE_FAIL, "engine", "docker_host must name a Docker Engine",
			"%s does not answer like one (HTTP %ld)", host, status);
	else
		doctor_say(d, minor >= API_LEAST ? GRADE_OK : GRADE_FAIL, "engine",
			minor >= API_LEAST ? NULL : "install Docker 19.03 or later",
			"Docker %s, API %s", json_string_value(json_object_get(version, "Version")),
			api);
	check_holes(d, version);
	json_decref(version);
}

static bool info_has(const struct doctor *d, const char *option)
{
	const json_t *text;
	size_t i;

	json_array_foreach(json_object_get(d->info, "SecurityOptions"), i,
		text) if (strstr(json_string_value(text), option) != NULL) return true;
	return false;
}

static void check_apparmor(struct doctor *d)
{
	int loaded = host_has_slot_profile();

	if (!info_has(d, "name=apparmor"))
		doctor_say(d, GRADE_OK, "apparmor", NULL, "not there; nothing here depends on it");
	else if (loaded > 0)
		doctor_say(d, GRADE_OK, "apparmor", NULL,
			"the profile " HOST_APPARMOR_PROFILE " is loaded");
	else if (loaded < 0)
		doctor_say(d, GRADE_WARN, "apparmor", "run this with sudo on the engine's machine",
			"whether the profile " HOST_APPARMOR_PROFILE
			" is loaded cannot be seen: %s",
			strerror(-loaded));
	else
		doctor_say(d, GRADE_WARN, "apparmor",
			"apt-get install apparmor; apparmor_parser -Kr "
			"/etc/apparmor.d/" HOST_APPARMOR_PROFILE "; start the service again",
			"the profile " HOST_APPARMOR_PROFILE
			" is not loaded, and Docker's own lets jobs have no cgroup of their own: "
			"limits and figures are the container's, and less exact");
}

static void check_security(struct doctor *d)
{
	if (info_has(d, "name=seccomp"))
		doctor_say(d, GRADE_OK, "seccomp", NULL, "the engine filters system calls");
	else
		doctor_say(d, GRADE_FAIL, "seccomp",
			"a kernel with CONFIG_SECCOMP_FILTER and a Docker with seccomp",
			"the engine cannot filter system calls");
	check_apparmor(d);
	if (!json_is_true(json_object_get(d->info, "LiveRestoreEnabled")))
		doctor_say(d, GRADE_NOTE, "live-restore",
			"\"live-restore\": true in /etc/docker/daemon.json; systemctl reload "
			"docker",
			"off: when the engine is started again, jobs that run begin anew");
	if (info_has(d, "name=rootless") || info_has(d, "name=userns"))
		doctor_say(d, GRADE_WARN, "user namespaces",
			"an engine without userns-remap: at level sandbox each job has a user "
			"namespace, too",
			"the engine is rootless or remaps users: jobs have no cgroup of their own, "
			"limits and figures are the container's, and less exact; no level sandbox");
}

static void check_accounting(struct doctor *d)
{
	static const struct {
		const char *key;
		const char *what;
		enum grade grade;
		const char *advice;
	} keys[] = {
		{ "MemoryLimit", "memory limits", GRADE_FAIL, "boot with cgroup_enable=memory" },
		{ "PidsLimit", "process limits", GRADE_FAIL, "a kernel with the pids cgroup" },
		{ "CpuCfsQuota", "cpu limits", GRADE_FAIL, "a kernel with CONFIG_CFS_BANDWIDTH" },
		{ "SwapLimit", "swap limits", GRADE_WARN,
			"boot with swapaccount=1, or run without swap" },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (json_is_true(json_object_get(d->info, keys[i].key)))
			doctor_say(d, GRADE_OK, keys[i].what, NULL, "the engine has them");
		else
			doctor_say(d, keys[i].grade, keys[i].what, keys[i].advice,
				"the engine does not have them");
	}
}

static void check_info(struct doctor *d)
{
	struct err err;
	long status;

	if (d->engine == NULL)
		return;
	if (client_ask(d->engine, "/info", &d->info, &status, &err) < 0 || status != 200) {
		doctor_say(d, GRADE_FAIL, "engine", "look into its log", "/info fails");
		return;
	}
	doctor_say(d, GRADE_OK, "cgroup driver", NULL, "%s",
		json_string_value(json_object_get(d->info, "CgroupDriver")));
	check_security(d);
	check_accounting(d);
}

static void check_images(struct doctor *d)
{
	if (d->engine == NULL || d->config == NULL)
		return;
	for (size_t i = 0; i < d->config->n_tasks; i++) {
		const struct task *task = &d->config->tasks[i];
		cleanup_free char *id = NULL;
		struct err err;

		if (engine_probe_image(d->engine, task->image, &id, &err) < 0)
			doctor_say(d, GRADE_FAIL, "image", "look into the engine's log", "%s: %s",
				task->image, err.msg);
		else if (id == NULL)
			doctor_say(d, GRADE_WARN, "image",
				"`dockgate images build` makes those that dockgate has recipes "
				"for; docker pull gets others",
				"task %s: there is no image %s", task->name, task->image);
		else
			doctor_say(d, GRADE_OK, "image", NULL, "task %s: %s, %.19s", task->name,
				task->image, id);
	}
}

static void check_task_gpus(struct doctor *d, const struct task *task)
{
	const char *advice = "look into the engine's log";
	cleanup_free char *id = NULL;
	struct err err;

	if (engine_probe_image(d->engine, task->image, &id, &err) < 0 || id == NULL)
		return; /* said already */
	if (engine_probe_gpus(d->engine, id, task->gpus, d->config->gpu_cdi, &advice, &err) == 0)
		doctor_say(d, GRADE_OK, "gpus", NULL,
			"task %s: the engine has what it asks for (%s)", task->name, task->gpus);
	else
		doctor_say(d, GRADE_FAIL, "gpus", advice, "task %s (%s): %s", task->name,
			task->gpus, err.msg);
}

static void check_gpus(struct doctor *d)
{
	for (size_t i = 0; d->engine != NULL && d->config != NULL && i < d->config->n_tasks; i++)
		if (d->config->tasks[i].gpus != NULL)
			check_task_gpus(d, &d->config->tasks[i]);
}

/* What each task's `runtime` names, the engine has to know. */
static void check_runtimes(struct doctor *d)
{
	const json_t *known = json_object_get(d->info, "Runtimes");

	for (size_t i = 0; d->config != NULL && d->info != NULL && i < d->config->n_tasks; i++) {
		const struct task *task = &d->config->tasks[i];

		if (task->runtime == NULL)
			continue;
		if (json_object_get(known, task->runtime) == NULL)
			doctor_say(d, GRADE_FAIL, "runtime",
				"name it in \"runtimes\" of /etc/docker/daemon.json, with its "
				"path; "
				"systemctl reload docker",
				"task %s: the engine has no runtime %s", task->name, task->runtime);
		else
			doctor_say(d, GRADE_OK, "runtime", NULL, "task %s: %s", task->name,
				task->runtime);
	}
}

void doctor_engine(struct doctor *d)
{
	check_socket(d);
	check_engine(d);
	check_info(d);
	check_runtimes(d);
	check_images(d);
	check_gpus(d);
}
