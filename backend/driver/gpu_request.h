/* SPDX-License-Identifier: MIT */
/*
 * GPUs as the engine is asked for them: DeviceRequests of API 1.40 for the
 * NVIDIA toolkit, of API 1.44 with the driver "cdi" for CDI devices.
 */
#pragma once

#include <jansson.h>

/*
 * `gpus`: as in a task, or the ids a job was given. `cdi_kind`: "nvidia.com/gpu" or the
 * like, NULL for the toolkit's own way. A new array, NULL without memory.
 */
json_t *gpu_request_json(const char *gpus, const char *cdi_kind);

/*
 * What to do about the engine's refusal, for its operator; NULL where the refusal
 * has nothing to do with GPUs. Trying again would not help.
 */
const char *gpu_request_advice(const char *refusal);
