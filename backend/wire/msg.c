/* SPDX-License-Identifier: MIT */
#include "msg.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "pack.h"

/* How a blob stands in a message: its length, then its bytes, or nothing where it is a descriptor,
 * or the hash of what is behind that. */
enum blob_place { PLACE_INLINE, PLACE_FD, PLACE_FD_HASHED };

enum field_kind { KIND_U8, KIND_U32, KIND_U64, KIND_I64, KIND_ID, KIND_STR, KIND_BLOB };

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	uint64_t max;
};

#define FIELD_ENTRY(k, field_name, arg) \
	{ #field_name, KIND_##k, offsetof(struct OF, field_name), (uint64_t)(arg) },

/* One table of fields for each message. */
#define OF msg_hello
static const struct field fields_hello[] = { MSG_HELLO_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_submit
static const struct field fields_submit[] = { MSG_SUBMIT_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_job_get
static const struct field fields_job_get[] = { MSG_JOB_GET_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_job_cancel
static const struct field fields_job_cancel[] = { MSG_JOB_CANCEL_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_job_input
static const struct field fields_job_input[] = { MSG_JOB_INPUT_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_input
static const struct field fields_input[] = { MSG_INPUT_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_input_taken
static const struct field fields_input_taken[] = { MSG_INPUT_TAKEN_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_job_list
static const struct field fields_job_list[] = { MSG_JOB_LIST_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_queue_get
static const struct field fields_queue_get[] = { MSG_QUEUE_GET_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_status_get
static const struct field fields_status_get[] = { MSG_STATUS_GET_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_pause
static const struct field fields_pause[] = { MSG_PAUSE_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_sweep
static const struct field fields_sweep[] = { MSG_SWEEP_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_job_purge
static const struct field fields_job_purge[] = { MSG_JOB_PURGE_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_job_retry
static const struct field fields_job_retry[] = { MSG_JOB_RETRY_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_done
static const struct field fields_done[] = { MSG_DONE_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_forget
static const struct field fields_forget[] = { MSG_FORGET_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_spool_open
static const struct field fields_spool_open[] = { MSG_SPOOL_OPEN_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_job
static const struct field fields_job[] = { MSG_JOB_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_refused
static const struct field fields_refused[] = { MSG_REFUSED_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_jobs
static const struct field fields_jobs[] = { MSG_JOBS_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_status
static const struct field fields_status[] = { MSG_STATUS_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_spool
static const struct field fields_spool[] = { MSG_SPOOL_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_run
static const struct field fields_run[] = { MSG_RUN_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_stop
static const struct field fields_stop[] = { MSG_STOP_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_ending_ack
static const struct field fields_ending_ack[] = { MSG_ENDING_ACK_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_node
static const struct field fields_node[] = { MSG_NODE_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_started
static const struct field fields_started[] = { MSG_STARTED_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_ending
static const struct field fields_ending[] = { MSG_ENDING_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_giveback
static const struct field fields_giveback[] = { MSG_GIVEBACK_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_watch
static const struct field fields_watch[] = { MSG_WATCH_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_tap
static const struct field fields_tap[] = { MSG_TAP_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_progress
static const struct field fields_progress[] = { MSG_PROGRESS_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_client_ask
static const struct field fields_client_ask[] = { MSG_CLIENT_ASK_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_client_tell
static const struct field fields_client_tell[] = { MSG_CLIENT_TELL_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_cases
static const struct field fields_cases[] = { MSG_CASES_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_history_get
static const struct field fields_history_get[] = { MSG_HISTORY_GET_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_history
static const struct field fields_history[] = { MSG_HISTORY_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_metrics_get
static const struct field fields_metrics_get[] = { MSG_METRICS_GET_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_metrics
static const struct field fields_metrics[] = { MSG_METRICS_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_deliver
static const struct field fields_deliver[] = { MSG_DELIVER_FIELDS(FIELD_ENTRY) };
#undef OF
#define OF msg_delivered
static const struct field fields_delivered[] = { MSG_DELIVERED_FIELDS(FIELD_ENTRY) };
#undef OF

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct kind {
	const char *name;
	enum msg_type type;
	unsigned by, to; /* bits of enum role */
	const struct field *fields;
	size_t n;
	size_t size; /* of the message's struct */
} kinds[] = {
#define X(ID, member, number, by, to)                                         \
	{ #member, MSG_##ID, by, to, fields_##member, COUNT(fields_##member), \
		sizeof(struct msg_##member) },
	MESSAGES(X)
#undef X
};

static const struct kind *kind_of(enum msg_type type)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

const char *refusal_text(enum refusal refusal)
{
	static const char *const texts[REFUSAL_MAX_] = {
#define X(id, text) [REFUSAL_##id] = text,
		REFUSALS(X)
#undef X
	};

	return (size_t)refusal < REFUSAL_MAX_ ? texts[refusal] : "refused";
}

const char *msg_name(enum msg_type type)
{
	const struct kind *kind = kind_of(type);

	return kind == NULL ? "unknown" : kind->name;
}

bool msg_allowed(enum msg_type type, enum role from, enum role to)
{
	const struct kind *kind = kind_of(type);

	return kind != NULL && (kind->by & 1U << from) != 0 && (kind->to & 1U << to) != 0;
}

/* Where the fields of a message begin: all members of the union start there. */
static uint8_t *body(struct msg *msg)
{
	return (uint8_t *)&msg->hello;
}

static struct blob *blob_at(struct msg *msg, const struct field *f)
{
	return (struct blob *)(void *)(body(msg) + f->offset);
}

void msg_init(struct msg *msg, enum msg_type type)
{
	const struct kind *kind = kind_of(type);

	msg->type = type;
	if (kind == NULL)
		return;
	memset(body(msg), 0, kind->size);
	for (size_t i = 0; i < kind->n; i++)
		if (kind->fields[i].kind == KIND_BLOB)
			*blob_at(msg, &kind->fields[i]) = BLOB_EMPTY;
}

void msg_done(struct msg *msg)
{
	const struct kind *kind = kind_of(msg->type);

	for (size_t i = 0; kind != NULL && i < kind->n; i++)
		if (kind->fields[i].kind == KIND_BLOB)
			blob_done(blob_at(msg, &kind->fields[i]));
	msg->type = (enum msg_type)0;
}

/* Bytes of a field in the datagram when its blob is outside. */
static size_t field_bytes(const struct field *f, const uint8_t *at)
{
	switch (f->kind) {
	case KIND_U8:
		return 1;
	case KIND_U32:
		return 4;
	case KIND_U64:
	case KIND_I64:
		return 8;
	case KIND_ID:
		return JOB_ID_BYTES;
	case KIND_STR:
		return 4 + strlen((const char *)at);
	case KIND_BLOB:
		return 1 + 8 + sizeof(((struct blob *)0)->sha256);
	}
	return 0;
}

/*
 * Which inline blobs leave the datagram: the largest first, until the rest
 * fits. Bit i: the message's i-th field.
 */
static uint64_t choose_outside(const struct kind *kind, const uint8_t *at)
{
	uint64_t outside = 0;
	size_t total = 4;

	for (size_t i = 0; i < kind->n; i++) {
		const struct field *f = &kind->fields[i];
		const struct blob *blob = (const struct blob *)(const void *)(at + f->offset);

		total += field_bytes(f, at + f->offset);
		if (f->kind == KIND_BLOB && blob->fd < 0)
			total += (size_t)blob->len;
	}
	while (total > MSG_BYTES_MAX) {
		size_t largest = SIZE_MAX;
		uint64_t len = 0;

		for (size_t i = 0; i < kind->n; i++) {
			const struct blob *blob =
				(const struct blob *)(const void *)(at + kind->fields[i].offset);

			if (kind->fields[i].kind == KIND_BLOB && blob->fd < 0 && blob->len > len &&
				(outside & UINT64_C(1) << i) == 0) {
				largest = i;
				len = blob->len;
			}
		}
		if (largest == SIZE_MAX)
			break; /* cannot happen: the fixed fields fit, see the static bounds */
		outside |= UINT64_C(1) << largest;
		total -= (size_t)len;
	}
	return outside;
}

/* A sealed memfd that holds the bytes. */
static int memfd_of(const struct blob *blob, int *ret_fd, struct err *err)
{
	cleanup_close int fd = memfd_create("dockgate-message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint64_t done = 0;

	if (fd < 0)
		return err_set(err, errno, "memfd_create");
	while (done < blob->len) {
		ssize_t n = write(fd, blob->data + done, (size_t)(blob->len - done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "write to a memfd");
		done += (uint64_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_set(err, errno, "seal a memfd");
	*ret_fd = TAKE_FD(fd);
	return 0;
}

struct encoder {
	struct packer p;
	int *fds;
	size_t nfds;
	unsigned made;
};

static int encode_blob(struct encoder *e, const struct blob *blob, bool outside, struct err *err)
{
	int fd = blob->fd;

	if (fd < 0 && !outside) {
		pack_u8(&e->p, PLACE_INLINE);
		pack_u64(&e->p, blob->len);
		pack_raw(&e->p, blob->data, (size_t)blob->len);
		return 0;
	}
	if (e->nfds == MSG_FDS_MAX)
		return err_set(err, E2BIG, "too many descriptors in a message");
	if (fd < 0) {
		int r = memfd_of(blob, &fd, err);

		if (r < 0)
			return r;
		e->made |= 1U << e->nfds;
	}
	e->fds[e->nfds++] = fd;
	pack_u8(&e->p, blob->hashed ? PLACE_FD_HASHED : PLACE_FD);
	pack_u64(&e->p, blob->len);
	if (blob->hashed)
		pack_raw(&e->p, blob->sha256, sizeof(blob->sha256));
	return 0;
}

static int encode_field(
	struct encoder *e, const struct field *f, const uint8_t *at, bool outside, struct err *err)
{
	uint32_t u32;
	uint64_t u64;

	switch (f->kind) {
	case KIND_U8:
		pack_u8(&e->p, *at);
		break;
	case KIND_U32:
		memcpy(&u32, at, sizeof(u32));
		pack_u32(&e->p, u32);
		break;
	case KIND_U64:
	case KIND_I64:
		memcpy(&u64, at, sizeof(u64));
		pack_u64(&e->p, u64);
		break;
	case KIND_ID:
		pack_raw(&e->p, at, JOB_ID_BYTES);
		break;
	case KIND_STR:
		pack_str(&e->p, (const char *)at);
		break;
	case KIND_BLOB:
		return encode_blob(e, (const struct blob *)(const void *)at, outside, err);
	}
	return 0;
}

static void close_made(const struct encoder *e)
{
	for (size_t i = 0; i < e->nfds; i++)
		if ((e->made & 1U << i) != 0)
			(void)close(e->fds[i]);
}

int msg_encode(const struct msg *msg, uint8_t buf[static MSG_BYTES_MAX], size_t *ret_len,
	/* NOLINTNEXTLINE(readability-non-const-parameter): written through the encoder */
	int ret_fds[static MSG_FDS_MAX], size_t *ret_nfds, unsigned *ret_made, struct err *err)
{
	const struct kind *kind = kind_of(msg->type);
	const uint8_t *at = (const uint8_t *)&msg->hello;
	struct encoder e = { .p = packer_fixed(buf, MSG_BYTES_MAX), .fds = ret_fds };
	uint64_t outside;

	if (kind == NULL)
		return err_set(err, EINVAL, "message of type %d", (int)msg->type);
	outside = choose_outside(kind, at);
	pack_u16(&e.p, MSG_VERSION);
	pack_u16(&e.p, (uint16_t)msg->type);
	for (size_t i = 0; i < kind->n; i++) {
		const struct field *f = &kind->fields[i];
		bool out = (outside & UINT64_C(1) << i) != 0;
		int r = encode_field(&e, f, at + f->offset, out, err);

		if (r < 0) {
			close_made(&e);
			return err_wrap(err, "%s.%s", kind->name, f->name);
		}
	}
	if (e.p.failed) {
		close_made(&e);
		return err_set(err, EMSGSIZE, "message %s", kind->name);
	}
	*ret_len = e.p.len;
	*ret_nfds = e.nfds;
	*ret_made = e.made;
	return 0;
}

struct decoder {
	struct unpacker u;
	int *fds;
	size_t nfds, used;
};

static bool decode_blob(struct decoder *d, const struct field *f, struct blob *ret)
{
	uint8_t place = unpack_u8(&d->u);
	uint64_t len = unpack_u64(&d->u);
	const uint8_t *at = NULL;
	struct err err;

	if (d->u.failed || len > f->max || len > INT64_MAX)
		return false;
	if (place == PLACE_FD_HASHED)
		at = unpack_raw(&d->u, sizeof(ret->sha256));
	if (place == PLACE_FD || at != NULL) {
		if (d->used == d->nfds)
			return false;
		*ret = blob_of_fd(d->fds[d->used], len);
		ret->hashed = at != NULL;
		if (ret->hashed)
			memcpy(ret->sha256, at, sizeof(ret->sha256));
		d->fds[d->used++] = -1;
		return true;
	}
	if (place != PLACE_INLINE || len > d->u.left)
		return false;
	at = unpack_raw(&d->u, (size_t)len);
	if (at == NULL)
		return false;
	if (blob_of(at, (size_t)len, ret, &err) < 0)
		unpack_no_memory(&d->u);
	return !d->u.failed;
}

/* Range-checks one field and stores it; false: out of range or not there. */
static bool decode_field(struct decoder *d, const struct field *f, uint8_t *at)
{
	uint64_t v = 0;
	uint32_t u32;
	const uint8_t *raw;

	switch (f->kind) {
	case KIND_U8:
		v = unpack_u8(&d->u);
		*at = (uint8_t)v;
		break;
	case KIND_U32:
		u32 = unpack_u32(&d->u);
		v = u32;
		memcpy(at, &u32, sizeof(u32));
		break;
	case KIND_U64:
		v = unpack_u64(&d->u);
		memcpy(at, &v, sizeof(v));
		break;
	case KIND_I64:
		v = unpack_u64(&d->u);
		memcpy(at, &v, sizeof(v));
		return !d->u.failed; /* its meaning is checked where it is used */
	case KIND_ID:
		raw = unpack_raw(&d->u, JOB_ID_BYTES);
		if (raw != NULL)
			memcpy(at, raw, JOB_ID_BYTES);
		return raw != NULL;
	case KIND_STR:
		unpack_str(&d->u, (char *)at, (size_t)f->max + 1);
		return !d->u.failed;
	case KIND_BLOB:
		return decode_blob(d, f, (struct blob *)(void *)at);
	}
	return !d->u.failed && v <= f->max;
}

static int decode_fields(
	const struct kind *kind, struct decoder *d, struct msg *msg, struct err *err)
{
	for (size_t i = 0; i < kind->n; i++) {
		const struct field *f = &kind->fields[i];

		if (decode_field(d, f, body(msg) + f->offset))
			continue;
		if (d->u.no_memory)
			return err_set(err, ENOMEM, "message %s", kind->name);
		return err_say(err, EBADMSG, "message %s: field %s is missing or out of range",
			kind->name, f->name);
	}
	if (!unpack_end(&d->u) || d->used != d->nfds)
		return err_say(err, EBADMSG, "message %s: more than its fields", kind->name);
	return 0;
}

int msg_decode(const uint8_t *data, size_t len, int *fds, size_t nfds, enum role from, enum role to,
	struct msg *ret, struct err *err)
{
	struct decoder d = { .u = unpacker_of(data, len), .fds = fds, .nfds = nfds };
	uint16_t version = unpack_u16(&d.u);
	enum msg_type type = (enum msg_type)unpack_u16(&d.u);
	const struct kind *kind = kind_of(type);
	struct msg msg;
	int r;

	if (d.u.failed || version != MSG_VERSION) {
		r = err_say(
			err, EBADMSG, "message of version %u, ours is %u", version, MSG_VERSION);
	} else if (kind == NULL) {
		r = err_say(err, EBADMSG, "message of unknown type %d", (int)type);
	} else if (!msg_allowed(type, from, to)) {
		r = err_say(err, EPERM, "message %s may not go from %s to %s", kind->name,
			role_name(from), role_name(to));
	} else {
		msg_init(&msg, type);
		r = decode_fields(kind, &d, &msg, err);
		if (r < 0)
			msg_done(&msg);
		else
			*ret = msg;
	}
	for (size_t i = 0; i < nfds; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	return r;
}
