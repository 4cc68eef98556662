/* SPDX-License-Identifier: MIT */
#include "machine.h"

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

void machine_disk(const struct machine *m, char ret[static 100])
{
	(void)snprintf(ret, 100, "%s/disk.%u", m->dir, m->life);
}

/* Of a test that failed in the middle of it. */
static char left_over[64];

static void remove_left_over(void)
{
	if (left_over[0] != '\0')
		remove_all(left_over);
}

void machine_init(struct machine *m, uint64_t seed)
{
	static bool is_told;
	char path[100];

	if (!is_told && atexit(remove_left_over) != 0)
		disk_fail("atexit");
	is_told = true;
	remove_left_over();

	*m = (struct machine){ .seed = seed, .dice = { .state = seed } };
	(void)snprintf(m->dir, sizeof(m->dir), "%s/dockgate-power-XXXXXX",
		access(PLACE, W_OK) == 0 ? PLACE : "/tmp");
	if (mkdtemp(m->dir) == NULL || chmod(m->dir, 0755) < 0)
		disk_fail(m->dir);
	(void)snprintf(left_over, sizeof(left_over), "%s", m->dir);
	m->ledger = mmap(NULL, sizeof(*m->ledger), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m->ledger == MAP_FAILED)
		disk_fail("memory");
	machine_disk(m, path);
	make_directory(path);
}

void machine_done(struct machine *m)
{
	remove_left_over();
	left_over[0] = '\0';
	(void)munmap(m->ledger, sizeof(*m->ledger));
}

struct dice machine_dice(const struct machine *m)
{
	struct dice dice = m->dice;

	return (struct dice){ .state = dice_next(&dice) };
}

void machine_live(const struct machine *m, uint64_t cut_at)
{
	struct machine next = *m;
	struct disk_plan plan = {
		.seed = ~dice_next(&next.dice), .cut_at = cut_at, .lies = m->lies
	};
	char disk[100];

	machine_disk(m, disk);
	next.life++;
	machine_disk(&next, plan.image);
	make_directory(plan.image);
	if (chdir(disk) < 0)
		disk_fail(disk);
	disk_start(&plan);
	vfs_register();
}

bool machine_look(struct machine *m, int status)
{
	char disk[100], look[100];

	if (!WIFEXITED(status) || WEXITSTATUS(status) != DISK_CUT) {
		(void)snprintf(m->why, sizeof(m->why), "the process ended by itself, status %#x",
			(unsigned)status);
		return false;
	}
	machine_disk(m, disk);
	remove_all(disk);
	(void)dice_next(&m->dice);
	m->life++;
	machine_disk(m, disk);
	(void)snprintf(look, sizeof(look), "%s/look", m->dir);
	make_directory(look);
	survey(disk, look, m->ledger, m->why);
	remove_all(look);
	return m->why[0] == '\0';
}

unsigned machine_count(unsigned few, unsigned many)
{
	const char *given = getenv("POWER_SEEDS"), *share = getenv("DOCKGATE_LONG");

	double n = share == NULL ? 0 : many * strtod(share, NULL);

	if (given != NULL)
		return (unsigned)strtoul(given, NULL, 10);
	return n > few ? (unsigned)n : few;
}

void machine_figure(const char *name, unsigned n)
{
	const char *path = getenv("DOCKGATE_FIGURES");
	FILE *file = path == NULL ? NULL : fopen(path, "ae");

	if (file == NULL)
		return;
	(void)fprintf(file, "%s\t%u\n", name, n);
	(void)fclose(file);
}

uint64_t machine_first_seed(void)
{
	const char *given = getenv("SEED");

	return given != NULL ? strtoull(given, NULL, 10) : 1;
}
