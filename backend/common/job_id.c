/* SPDX-License-Identifier: MIT */
#include "job_id.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "hex.h"

int job_id_new(struct job_id *ret_id, struct err *err)
{
	struct job_id id;
	ssize_t n;

	do {
		n = getrandom(id.b, sizeof(id.b), 0);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(id.b))
		return err_set(err, n < 0 ? errno : EIO, "getrandom");
	*ret_id = id;
	return 0;
}

void job_id_format(const struct job_id *id, char ret[static JOB_ID_CHARS + 1])
{
	hex_encode(id->b, sizeof(id->b), ret);
}

bool job_id_parse(const char *text, struct job_id *ret_id)
{
	struct job_id id;

	if (strnlen(text, JOB_ID_CHARS + 1) != JOB_ID_CHARS)
		return false;
	if (!hex_decode(text, JOB_ID_CHARS, id.b))
		return false;
	*ret_id = id;
	return true;
}

bool job_id_equal(const struct job_id *a, const struct job_id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}
