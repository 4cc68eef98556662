/* SPDX-License-Identifier: MIT */
#include "driver_metrics.h"

#include <errno.h>
#include <stdlib.h>

#include "common/memstream.h"
#include "common/prom.h"
#include "engine_count.h"

#define LABELS_BYTES (TASK_NAME_MAX + 40)

static void put_takes(FILE *f, const char *task, const struct pool_takes *takes)
{
	char labels[LABELS_BYTES];

	(void)snprintf(labels, sizeof(labels), "task=\"%s\",warm=\"yes\"", task);
	prom_line(f, "container_takes_total", labels, (double)takes->hits);
	(void)snprintf(labels, sizeof(labels), "task=\"%s\",warm=\"no\"", task);
	prom_line(f, "container_takes_total", labels, (double)takes->misses);
}

static void put_pool(FILE *f, const struct config *config, const struct pool *pool)
{
	struct pool_takes takes = pool_takes(pool, NULL);
	char labels[LABELS_BYTES];

	prom_head(f, "container_takes_total", "counter",
		"Containers that jobs took, by whether one waited warm; task \"\": of own images.");
	put_takes(f, "", &takes);
	for (size_t i = 0; i < config->n_tasks; i++) {
		takes = pool_takes(pool, &config->tasks[i]);
		put_takes(f, config->tasks[i].name, &takes);
	}
	prom_head(f, "containers", "gauge", "Containers of each task that wait warm or work.");
	for (size_t i = 0; i < config->n_tasks; i++) {
		struct pool_counts counts = pool_counts(pool, &config->tasks[i]);

		(void)snprintf(labels, sizeof(labels), "task=\"%s\",state=\"warm\"",
			config->tasks[i].name);
		prom_line(f, "containers", labels, counts.warm);
		(void)snprintf(labels, sizeof(labels), "task=\"%s\",state=\"busy\"",
			config->tasks[i].name);
		prom_line(f, "containers", labels, counts.busy);
	}
	prom_value(f, "containers_stuck", "gauge", "Containers that could not be removed so far.",
		pool_stuck(pool));
}

int driver_metrics_text(const struct config *config, const struct engine *engine,
	const struct pool *pool, struct blob *ret, struct err *err)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		return err_set(err, ENOMEM, "metrics");
	put_pool(f, config, pool);
	engine_counts_write(engine_counts(engine), f);
	if (memstream_close(f, &text) < 0)
		return err_set(err, ENOMEM, "metrics");
	*ret = (struct blob){ .len = n, .data = (uint8_t *)text, .fd = -1 };
	return 0;
}
