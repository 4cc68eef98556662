/* SPDX-License-Identifier: MIT */
/* The JSON of POST /v1/jobs, and the data of the classic face. */
#include "common/config.h"
#include "fuzz.h"
#include "gateway/request.h"

static const char source[] =
	"images_allowed = { \"allowed/*\" }\n"
	"task \"sh\" { image = \"x\" command = { \"/bin/sh\" } custom_command = true "
	"network = true retention_s = 100 }\n"
	"task \"plain\" { image = \"x\" command = { \"/x\" } main = \"main.c\" "
	"build = { \"cc\", \"{main}\" } }\n"
	"task \"classic\" { image = \"x\" command = { \"/x\" } }\n";

static struct config *config;

/* What was taken must be what the queue and the driver take, too. */
static void pack_again(struct request *req)
{
	struct blob blob = BLOB_EMPTY;
	struct spec spec;
	struct err err;

	MUST(spec_pack(&req->spec, &blob, &err) == 0);
	MUST(spec_unpack(blob.data, blob.len, req->input.len, &spec, &err) == 0);
	spec_done(&spec);
	blob_done(&blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct request req;
	struct err err;
	int r;

	if (config == NULL)
		MUST(config_parse(source, "fuzz", NULL, NULL, &config, &err) == 0);
	request_init(&req);
	r = request_parse(config, (const char *)data, n, &req, &err);
	MUST(r == 0 || err.msg[0] != '\0');
	if (r == 0)
		pack_again(&req);
	request_done(&req);
	request_init(&req);
	if (request_classic(config, (const char *)data, n, &req, &err) == 0)
		pack_again(&req);
	request_done(&req);
	return 0;
}
