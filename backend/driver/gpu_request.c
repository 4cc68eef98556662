/* SPDX-License-Identifier: MIT */
#include "gpu_request.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/gpu.h"

static bool add_cdi(json_t *list, const char *kind, const char *name)
{
	return json_array_append_new(list, json_sprintf("%s=%s", kind, name)) == 0;
}

/* CDI knows names only: "all", or one for each. A number stands for the first ones. */
static bool add_cdi_names(
	json_t *list, const char *kind, const struct gpu_want *want, const struct gpu_list *ids)
{
	char name[16];
	bool good = true;

	if (want->ask == GPU_ASK_ALL)
		return add_cdi(list, kind, "all");
	for (unsigned i = 0; want->ask == GPU_ASK_COUNT && i < want->count; i++) {
		(void)snprintf(name, sizeof(name), "%u", i);
		good = add_cdi(list, kind, name) && good;
	}
	for (size_t i = 0; want->ask == GPU_ASK_IDS && i < ids->n; i++)
		good = add_cdi(list, kind, ids->id[i]) && good;
	return good;
}

static json_t *id_array(const struct gpu_list *ids)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ids->n; i++)
		(void)json_array_append_new(list, json_string(ids->id[i]));
	return list;
}

json_t *gpu_request_json(const char *gpus, const char *cdi_kind)
{
	struct gpu_list ids = { 0 };
	struct gpu_want want = gpu_want_of(gpus, false, &ids);
	json_t *request;

	if (want.ask == GPU_ASK_IDS && gpu_list_parse(gpu_ids_of(gpus), &ids) < 0)
		return NULL;
	if (cdi_kind != NULL) {
		json_t *names = json_array();

		if (!add_cdi_names(names, cdi_kind, &want, &ids)) {
			json_decref(names);
			return NULL;
		}
		return json_pack("[{s:s, s:o}]", "Driver", "cdi", "DeviceIDs", names);
	}
	request = json_pack("{s:s, s:[[s]]}", "Driver", "", "Capabilities", "gpu");
	if (want.ask == GPU_ASK_IDS)
		(void)json_object_set_new(request, "DeviceIDs", id_array(&ids));
	else
		(void)json_object_set_new(request, "Count",
			json_integer(want.ask == GPU_ASK_ALL ? -1 : (json_int_t)want.count));
	return json_pack("[o]", request);
}

const char *gpu_request_advice(const char *refusal)
{
	static const struct {
		const char *part, *advice;
	} known[] = {
		{ "device driver \"cdi\"",
			"the engine has no CDI: Docker 25 or later with the feature \"cdi\" on, or "
			"leave out gpu_cdi" },
		{ "could not select device driver",
			"install the NVIDIA driver and nvidia-container-toolkit where the engine "
			"runs, then restart the engine" },
		{ "unresolvable CDI devices",
			"make the machine's CDI specification: nvidia-ctk cdi generate "
			"--output=/etc/cdi/nvidia.yaml" },
		{ "nvidia-container-cli",
			"nvidia-smi must work where the engine runs: install or load the NVIDIA "
			"driver" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strstr(refusal, known[i].part) != NULL)
			return known[i].advice;
	return NULL;
}
