/* SPDX-License-Identifier: MIT */
#include "release.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "manifest.h"
#include "name.h"
#include "output.h"
#include "render.h"
#include "resolve.h"
#include "scan.h"

#define THREADS_MAX 16

/* Reading and scanning, which each file needs of its own, by several threads. */
struct crew {
	struct site *site;
	atomic_size_t next; /* file to take */
	atomic_bool failed;
	pthread_mutex_t lock;
	struct err err;   /* of the first file, by path, that failed; guarded */
	size_t failed_at; /* guarded */
};

static int read_and_scan(const struct site *site, struct file *file, struct err *err)
{
	int r = site_read(site, file, err);

	if (r == 0 && file->bytes != NULL)
		scan_file(site, file);
	return r;
}

static void *crew_work(void *data)
{
	struct crew *crew = data;

	while (!atomic_load(&crew->failed)) {
		size_t i = atomic_fetch_add(&crew->next, 1);
		struct err err = { 0 };

		if (i >= crew->site->files_n)
			break;
		if (read_and_scan(crew->site, crew->site->files[i], &err) == 0)
			continue;
		(void)pthread_mutex_lock(&crew->lock);
		if (!atomic_exchange(&crew->failed, true) || i < crew->failed_at) {
			crew->err = err;
			crew->failed_at = i;
		}
		(void)pthread_mutex_unlock(&crew->lock);
	}
	return NULL;
}

static unsigned cpus(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	n = CPU_COUNT(&set);
	return n < THREADS_MAX ? (unsigned)n : THREADS_MAX;
}

static int scan_all(struct site *site, struct err *err)
{
	struct crew crew = { .site = site, .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t threads[THREADS_MAX];
	unsigned n = 0, wanted = cpus();

	while (n + 1 < wanted && pthread_create(&threads[n], NULL, crew_work, &crew) == 0)
		n++;
	(void)crew_work(&crew);
	while (n > 0)
		(void)pthread_join(threads[--n], NULL);
	if (!atomic_load(&crew.failed))
		return 0;
	*err = crew.err;
	return -err->code;
}

/* Manifests whose names do not say so are known by the pages that link to them. */
static int scan_manifests(struct site *site, struct err *err)
{
	for (size_t i = 0; i < site->files_n; i++)
		for (size_t k = 0; k < site->files[i]->refs_n; k++) {
			const struct ref *ref = &site->files[i]->refs[k];
			cleanup_free char *path = NULL;
			struct file *file;
			int r;

			if (ref->use != REF_MANIFEST || ref->dir == NULL)
				continue;
			path = url_resolve(&site->url, ref->dir, ref->path);
			file = path != NULL ? site_find(site, path) : NULL;
			if (file == NULL || file->kind != FILE_OTHER)
				continue;
			file->kind = FILE_MANIFEST;
			r = read_and_scan(site, file, err);
			if (r < 0)
				return r;
		}
	return 0;
}

static int show_notes(const struct site *site, bool strict, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < site->files_n; i++)
		for (size_t k = 0; k < site->files[i]->notes_n; k++, n++) {
			const char *note = site->files[i]->notes[k];

			(void)fputs("release_website: ", stderr);
			text_print(stderr, note, strlen(note));
			(void)fputc('\n', stderr);
		}
	if (n > 0 && strict)
		return err_say(err, EINVAL, "%zu notes, and --strict", n);
	return 0;
}

static int report(const struct site *site, struct err *err)
{
	bool good = true;
	int code, r;

	for (size_t i = 0; i < site->files_n && good; i++)
		good = render_report(site->files[i]);
	good = good && fflush(stdout) == 0;
	code = errno;
	r = output_check_signals(err);
	return r == 0 && !good ? err_set(err, code, "standard output") : r;
}

/* All that is known before anything is written. */
static int plan(struct site *site, bool strict, struct err *err)
{
	int r = scan_all(site, err);

	if (r == 0)
		r = scan_manifests(site, err);
	if (r == 0)
		r = resolve(site, err);
	if (r == 0)
		r = name_files(site, err);
	if (r == 0)
		r = show_notes(site, strict, err);
	return r;
}

static int publish(const struct release_options *options, const struct site *site,
	struct output *output, struct err *err)
{
	CLEANUP(manifest_done) struct manifest manifest = { 0 };
	int r = 0;

	if (!options->dry_run)
		r = output_build(output, site, err);
	if (r == 0 && options->manifest != NULL)
		r = manifest_write(&manifest, options->manifest, site, err);
	if (r == 0 && !options->quiet)
		r = report(site, err);
	if (r == 0 && !options->dry_run)
		r = output_swap(output, options->backup, err);
	if (r == 0 && options->manifest != NULL)
		r = manifest_publish(&manifest, err);
	return r;
}

int release(const struct release_options *options, struct err *err)
{
	CLEANUP(site_done) struct site site = { 0 };
	CLEANUP(output_done) struct output output = { 0 };
	int r = site_open(&site, options->src, options->base_url, err);

	output_watch_signals();
	if (r == 0)
		r = output_check(&output, &site, options->dst, err);
	if (r == 0 && options->manifest != NULL)
		r = manifest_check(options->manifest, output.dst, err);
	if (r == 0)
		r = plan(&site, options->strict, err);
	return r == 0 ? publish(options, &site, &output, err) : r;
}
