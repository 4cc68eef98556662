/* SPDX-License-Identifier: MIT */
/*
 * GPUs: what a machine has, what a task asks for, and who may have which. Pure.
 *
 * A machine's GPUs are a list of device ids, as the NVIDIA toolkit knows them
 * (an index, "GPU-<uuid>"); a set of them is a mask of places in that list. An
 * empty list means that nobody said which there are: then place 0 stands for all
 * of them, and one job at a time has it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPU_MAX      64 /* of one machine */
#define GPU_ID_MAX   63 /* bytes of an id */
#define GPU_TEXT_MAX (GPU_MAX * (GPU_ID_MAX + 1))

struct gpu_list {
	size_t n;
	char id[GPU_MAX][GPU_ID_MAX + 1];
};

/* Of a task's key `gpus`. */
enum gpu_ask {
	GPU_ASK_NONE,
	GPU_ASK_ALL,
	GPU_ASK_COUNT,
	GPU_ASK_IDS,
};

struct gpu_want {
	enum gpu_ask ask;
	unsigned count; /* COUNT */
	uint64_t mask;  /* IDS */
	bool unknown;   /* IDS: one of them is not in the list */
	bool shared;    /* others that share may have the same at one time */
};

/* Who has what. */
struct gpu_use {
	size_t n; /* of the machine */
	uint64_t exclusive;
	uint32_t sharers[GPU_MAX];
};

enum gpu_fit {
	GPU_FITS,
	GPU_BUSY,  /* later, when others have ended */
	GPU_NEVER, /* this machine has not that many, or not these */
};

/* One id: letters, digits, '-', '_', '.', ':', not empty. */
bool gpu_id_is_good(const char *id);

/* Ids with commas between, "" for none. -EINVAL: a bad id, one twice, or too many. */
int gpu_list_parse(const char *text, struct gpu_list *ret);
/* -EINVAL as there. */
int gpu_list_add(struct gpu_list *list, const char *id);
/* Those of the mask, with commas between; ret has GPU_TEXT_MAX bytes. */
void gpu_list_text(const struct gpu_list *list, uint64_t mask, char ret[static GPU_TEXT_MAX]);

/*
 * Of a task's text: "all", a number of them, or ids with commas between, "device=" before them
 * where one id alone would be taken for a number. NULL: none.
 */
bool gpu_text_is_good(const char *text);
enum gpu_ask gpu_ask_of(const char *text);
/* The ids alone; for IDS only. */
const char *gpu_ids_of(const char *text);
struct gpu_want gpu_want_of(const char *text, bool shared, const struct gpu_list *list);

/* Which ones it gets now; *ret_mask where it FITS. */
enum gpu_fit gpu_pick(const struct gpu_use *use, const struct gpu_want *want, uint64_t *ret_mask);
void gpu_take(struct gpu_use *use, uint64_t mask, bool shared);
void gpu_give(struct gpu_use *use, uint64_t mask, bool shared);
/* Bits of those that somebody has. */
uint64_t gpu_busy(const struct gpu_use *use);
