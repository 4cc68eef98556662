/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk_parts.h"
#include "vfs.h"

/* Its files are written and read over and over: in memory, where there is a place. */
#define PLACE "/dev/shm"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_all(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Open to the users that the roles become. */
static void make_directory(const char *path)
{
	if (mkdir(path, 0777) < 0 || chmod(path, 0777) < 0)
		disk_fail(path);
}

void world_disk(const struct world *w, char ret[static 100])
{
	(void)snprintf(ret, 100, "%s/disk.%u", w->dir, w->life);
}

void world_init(struct world *w, uint64_t seed)
{
	char path[100];

	*w = (struct world){ .seed = seed, .dice = { .state = seed } };
	(void)snprintf(w->dir, sizeof(w->dir), "%s/dockgate-power-XXXXXX",
		access(PLACE, W_OK) == 0 ? PLACE : "/tmp");
	if (mkdtemp(w->dir) == NULL || chmod(w->dir, 0755) < 0)
		disk_fail(w->dir);
	w->ledger = mmap(NULL, sizeof(*w->ledger), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w->ledger == MAP_FAILED)
		disk_fail("memory");
	world_disk(w, path);
	make_directory(path);
}

void world_done(struct world *w)
{
	remove_all(w->dir);
	(void)munmap(w->ledger, sizeof(*w->ledger));
}

struct dice world_dice(const struct world *w)
{
	struct dice dice = w->dice;

	return (struct dice){ .state = dice_next(&dice) };
}

void world_live(const struct world *w, uint64_t cut_at)
{
	struct world next = *w;
	struct disk_plan plan = {
		.seed = ~dice_next(&next.dice), .cut_at = cut_at, .lies = w->lies
	};
	char disk[100];

	world_disk(w, disk);
	next.life++;
	world_disk(&next, plan.image);
	make_directory(plan.image);
	if (chdir(disk) < 0)
		disk_fail(disk);
	disk_start(&plan);
	vfs_register();
}

bool world_look(struct world *w, int status)
{
	char disk[100], look[100];

	if (!WIFEXITED(status) || WEXITSTATUS(status) != DISK_CUT) {
		(void)snprintf(w->why, sizeof(w->why), "the process ended by itself, status %#x",
			(unsigned)status);
		return false;
	}
	world_disk(w, disk);
	remove_all(disk);
	(void)dice_next(&w->dice);
	w->life++;
	world_disk(w, disk);
	(void)snprintf(look, sizeof(look), "%s/look", w->dir);
	make_directory(look);
	survey(disk, look, w->ledger, w->why);
	remove_all(look);
	return w->why[0] == '\0';
}

unsigned world_count(unsigned few, unsigned many)
{
	const char *given = getenv("POWER_SEEDS"), *share = getenv("DOCKGATE_LONG");

	double n = share == NULL ? 0 : many * strtod(share, NULL);

	if (given != NULL)
		return (unsigned)strtoul(given, NULL, 10);
	return n > few ? (unsigned)n : few;
}

void world_figure(const char *name, unsigned n)
{
	const char *path = getenv("DOCKGATE_FIGURES");
	FILE *file = path == NULL ? NULL : fopen(path, "ae");

	if (file == NULL)
		return;
	(void)fprintf(file, "%s\t%u\n", name, n);
	(void)fclose(file);
}

uint64_t world_first_seed(void)
{
	const char *given = getenv("SEED");

	return given != NULL ? strtoull(given, NULL, 10) : 1;
}
