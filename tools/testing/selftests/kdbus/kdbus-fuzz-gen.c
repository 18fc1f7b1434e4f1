// SPDX-License-Identifier: GPL-2.0-only
/*
 * kdbus-fuzz: command blocks, messages and items, good ones and broken ones
 *
 * A block is first made as the command wants it, with odd values here and
 * there; some are then broken, and some lie where the kernel cannot read or
 * write all of them.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-fuzz.h"

struct fz_rng fz_seed(uint64_t seed, uint64_t a, uint64_t b, uint64_t c)
{
	struct fz_rng rng = { .state = seed };

	rng.state = fz_next(&rng) ^ a;
	rng.state = fz_next(&rng) ^ b;
	rng.state = fz_next(&rng) ^ c;
	return rng;
}

uint64_t fz_next(struct fz_rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

unsigned int fz_below(struct fz_rng *rng, unsigned int n)
{
	return fz_next(rng) % n;
}

bool fz_chance(struct fz_rng *rng, unsigned int percent)
{
	return fz_below(rng, 100) < percent;
}

/* A number near some edge. */
uint64_t fz_odd(struct fz_rng *rng)
{
	static const uint64_t base[] = {
		0, 1, 7, 8, 16, 17, 63, 64, 80, 255, 256, 4096, KD_BLOCK_MAX,
		65536, KD_VEC_MAX, 1ULL << 31, 1ULL << 32, 1ULL << 62,
		1ULL << 63, KDBUS_FLAG_NEGOTIATE, ~0ULL, 0xffffffff, 65534,
		0x800000000000ULL, 0xffff800000000000ULL,
	};
	uint64_t v = base[fz_below(rng, KD_ARRAY_SIZE(base))];

	switch (fz_below(rng, 5)) {
	case 0:
		return v - 1;
	case 1:
		return v + 1;
	case 2:
		return fz_next(rng) >> fz_below(rng, 64);
	default:
		return v;
	}
}

static uint64_t fz_mask(struct fz_rng *rng)
{
	switch (fz_below(rng, 8)) {
	case 0:
		return fz_odd(rng);
	case 1:
		return _KDBUS_ATTACH_ANY;
	case 2:
		return 0;
	default:
		return fz_next(rng) & _KDBUS_ATTACH_ALL;
	}
}

/* Ids in use, more or less. */
static uint64_t fz_id(struct fz_ctx *ctx)
{
	struct fz_rng *rng = &ctx->rng;
	uint64_t id;

	if (fz_chance(rng, 20))
		return ctx->slot->id;
	if (fz_chance(rng, 5))
		return fz_odd(rng);
	id = __atomic_load_n(&ctx->sh->ids[fz_below(rng, FZ_IDS)],
			     __ATOMIC_RELAXED);
	return id ? id : ctx->slot->id;
}

static const char *fz_name(struct fz_ctx *ctx, char *buf, size_t size)
{
	static const char * const odd[] = {
		"", "a", "a.b", "fuzz.*", "*", ".", "a..b", "fuzz.n1.x", "1.2",
		".a.b", "a.b.", "-a._b", "a.b*", "\xc3\xa4.b", "fuzz.n0.*",
	};
	struct fz_rng *rng = &ctx->rng;

	if (fz_chance(rng, 85))
		snprintf(buf, size, "fuzz.n%u", fz_below(rng, FZ_NAMES));
	else if (fz_chance(rng, 80))
		snprintf(buf, size, "%s",
			 odd[fz_below(rng, KD_ARRAY_SIZE(odd))]);
	else
		snprintf(buf, size, "long.%0*u", 240 + fz_below(rng, 30), 7);
	return buf;
}

static void fz_make_name(struct fz_ctx *ctx, struct kd_block *b)
{
	struct fz_rng *rng = &ctx->rng;
	char name[96];

	if (fz_chance(rng, 90))
		snprintf(name, sizeof(name), "%u-f%u", ctx->uid,
			 fz_below(rng, 3));
	else
		snprintf(name, sizeof(name), "%u-%0*u", ctx->uid,
			 fz_below(rng, 80), 1);
	kd_add_str(b, KDBUS_ITEM_MAKE_NAME, name);
}

/* An endpoint: of a bus that stays, or of one that may not be there. */
void fz_path(struct fz_ctx *ctx, char *path, size_t size)
{
	static const uint32_t users[] = { 0, 1001, 1002 };
	struct fz_rng *rng = &ctx->rng;
	uint32_t user = users[fz_below(rng, KD_ARRAY_SIZE(users))];

	if (fz_chance(rng, 60))
		snprintf(path, size, "%s/0-s%u/bus", ctx->sh->dir,
			 fz_below(rng, 2));
	else if (fz_chance(rng, 40))
		snprintf(path, size, "%s/0-s0/0-open", ctx->sh->dir);
	else if (fz_chance(rng, 80))
		snprintf(path, size, "%s/%u-f%u/bus", ctx->sh->dir, user,
			 fz_below(rng, 3));
	else
		snprintf(path, size, "%s/%u-f%u/%u-f%u", ctx->sh->dir, user,
			 fz_below(rng, 3), user, fz_below(rng, 3));
}

static void fz_vec(struct fz_ctx *ctx, struct kd_block *b)
{
	const struct fz_mem *mem = ctx->mem;
	struct fz_rng *rng = &ctx->rng;
	struct kdbus_vec vec = { .size = 1 + fz_below(rng, 600) };

	if (fz_chance(rng, 8))
		vec.size = 1 + fz_below(rng, 70000);
	switch (fz_below(rng, 50)) {
	case 0:
		vec.address = 0;
		break;
	case 1 ... 2:
		vec.address = (uintptr_t)mem->holes + fz_below(rng, 8192);
		vec.size = 1 + fz_below(rng, FZ_HOLES - 8192);
		break;
	case 3:
		vec.address = (uintptr_t)mem->none - fz_below(rng, 100);
		break;
	case 4:
		vec.address = (uintptr_t)mem->eof + fz_below(rng, 8192);
		break;
	case 5:
		vec.address = fz_odd(rng);
		vec.size = fz_odd(rng);
		break;
	default:
		vec.address = (uintptr_t)mem->good + fz_below(rng, 16);
	}
	kd_add(b, KDBUS_ITEM_PAYLOAD_VEC, &vec, sizeof(vec));
}

static int fz_fd(struct fz_ctx *ctx)
{
	const struct fz_mem *mem = ctx->mem;
	struct fz_rng *rng = &ctx->rng;

	switch (fz_below(rng, 12)) {
	case 0:
		return -1;
	case 1:
		return fz_odd(rng);
	case 2:
		return ctx->slot->fd;
	case 3:
		return FZ_FD_COMMON + fz_below(rng, FZ_COMMON);
	case 4 ... 5:
		return mem->memfd[fz_below(rng, KD_ARRAY_SIZE(mem->memfd))];
	default:
		return mem->fds[fz_below(rng, KD_ARRAY_SIZE(mem->fds))];
	}
}

static void fz_payload(struct fz_ctx *ctx, struct kd_block *b, uint64_t type)
{
	const struct fz_mem *mem = ctx->mem;
	struct fz_rng *rng = &ctx->rng;
	struct kdbus_memfd memfd = {};
	int fds[20];
	unsigned int i, n;

	switch (type) {
	case KDBUS_ITEM_PAYLOAD_VEC:
		fz_vec(ctx, b);
		break;
	case KDBUS_ITEM_PAYLOAD_MEMFD:
		memfd.fd = fz_chance(rng, 90) ?
			   mem->memfd[fz_below(rng, 3)] : fz_fd(ctx);
		memfd.start = fz_chance(rng, 90) ? fz_below(rng, 9) :
						   fz_odd(rng);
		memfd.size = fz_chance(rng, 90) ? 1 + fz_below(rng, 99) :
						  fz_odd(rng);
		kd_add(b, type, &memfd, sizeof(memfd));
		break;
	case KDBUS_ITEM_FDS:
		n = fz_chance(rng, 90) ? fz_below(rng, 4) : fz_below(rng, 20);
		for (i = 0; i < n; i++)
			fds[i] = fz_chance(rng, 90) ?
				 mem->fds[fz_below(rng, 4)] : fz_fd(ctx);
		kd_add(b, type, fds, n * sizeof(fds[0]));
		break;
	case KDBUS_ITEM_CANCEL_FD:
		fds[0] = fz_chance(rng, 80) ? mem->cancel : fz_fd(ctx);
		kd_add(b, type, fds, sizeof(fds[0]));
		break;
	}
}

static void fz_bloom(struct fz_ctx *ctx, struct kd_block *b, uint64_t type)
{
	struct fz_rng *rng = &ctx->rng;
	struct kdbus_bloom_parameter shape = { .size = KD_BLOOM, .n_hash = 8 };
	uint64_t bits[1 + 3 * KD_BLOOM / 8] = {};
	size_t size = KD_BLOOM;

	if (type == KDBUS_ITEM_BLOOM_PARAMETER) {
		if (fz_chance(rng, 5))
			shape.size = fz_odd(rng);
		if (fz_chance(rng, 2))
			shape.n_hash = fz_odd(rng);
		kd_add(b, type, &shape, sizeof(shape));
		return;
	}
	if (type == KDBUS_ITEM_BLOOM_MASK)
		size *= 1 + fz_below(rng, 3);
	else
		size += 8;
	bits[0] = fz_below(rng, 4);
	if (fz_chance(rng, 50))
		bits[1] = fz_next(rng) & fz_next(rng);
	if (fz_chance(rng, 5))
		size = fz_below(rng, sizeof(bits));
	kd_add(b, type, bits, size);
}

static void fz_rule(struct fz_ctx *ctx, struct kd_block *b, uint64_t type)
{
	struct fz_rng *rng = &ctx->rng;
	struct kdbus_item *item;
	char name[300];
	uint64_t old_id, new_id;

	old_id = fz_chance(rng, 60) ? KDBUS_MATCH_ID_ANY : fz_id(ctx);
	new_id = fz_chance(rng, 60) ? KDBUS_MATCH_ID_ANY : fz_id(ctx);
	switch (type) {
	case KDBUS_ITEM_ID_ADD:
	case KDBUS_ITEM_ID_REMOVE:
		item = kd_add_id_rule(b, type, old_id);
		item->id_change.flags = fz_next(rng);
		break;
	case KDBUS_ITEM_ID:
	case KDBUS_ITEM_DST_ID:
		kd_add_u64(b, type, old_id);
		break;
	default:
		kd_add_name_rule(b, type, old_id, new_id, fz_chance(rng, 40) ?
				 NULL : fz_name(ctx, name, sizeof(name)));
	}
}

static void fz_faked(struct fz_ctx *ctx, struct kd_block *b, uint64_t type)
{
	static const uint64_t ids[] = { 0, 5, 1001, 0xffffffff };
	struct fz_rng *rng = &ctx->rng;
	uint64_t v[8];
	int i;

	for (i = 0; i < 8; i++)
		v[i] = fz_chance(rng, 3) ? fz_odd(rng) :
					   ids[fz_below(rng, 4)];
	switch (type) {
	case KDBUS_ITEM_CREDS:
		kd_add(b, type, v, sizeof(struct kdbus_creds));
		break;
	case KDBUS_ITEM_PIDS:
		for (i = 0; i < 3; i++)
			v[i] = fz_below(rng, 3) ? getpid() : v[i];
		kd_add(b, type, v, sizeof(struct kdbus_pids));
		break;
	default:
		kd_add_str(b, type, "label");
	}
}

static void fz_access(struct fz_ctx *ctx, struct kd_block *b)
{
	struct fz_rng *rng = &ctx->rng;
	uint64_t type = 1 + fz_below(rng, 3);
	uint64_t access = fz_below(rng, 3);
	uint64_t id = 1000 + fz_below(rng, 3);

	if (fz_chance(rng, 3))
		type = fz_odd(rng);
	if (fz_chance(rng, 3))
		access = fz_odd(rng);
	if (fz_chance(rng, 3))
		id = fz_odd(rng);
	kd_add_access(b, type, access, id);
}

static void fz_negotiate(struct fz_ctx *ctx, struct kd_block *b)
{
	uint64_t types[8];
	unsigned int i, n = fz_below(&ctx->rng, KD_ARRAY_SIZE(types));

	for (i = 0; i < n; i++)
		types[i] = fz_chance(&ctx->rng, 70) ?
			   fz_below(&ctx->rng, 20) : fz_odd(&ctx->rng);
	kd_add(b, KDBUS_ITEM_NEGOTIATE, types, n * sizeof(types[0]));
}

/* An item of the given type, most of the time a good one. */
void fz_item(struct fz_ctx *ctx, struct kd_block *b, uint64_t type)
{
	struct fz_rng *rng = &ctx->rng;
	char name[300];

	switch (type) {
	case KDBUS_ITEM_NEGOTIATE:
		fz_negotiate(ctx, b);
		break;
	case KDBUS_ITEM_PAYLOAD_VEC:
	case KDBUS_ITEM_PAYLOAD_MEMFD:
	case KDBUS_ITEM_FDS:
	case KDBUS_ITEM_CANCEL_FD:
		fz_payload(ctx, b, type);
		break;
	case KDBUS_ITEM_BLOOM_PARAMETER:
	case KDBUS_ITEM_BLOOM_FILTER:
	case KDBUS_ITEM_BLOOM_MASK:
		fz_bloom(ctx, b, type);
		break;
	case KDBUS_ITEM_MAKE_NAME:
		fz_make_name(ctx, b);
		break;
	case KDBUS_ITEM_DST_NAME:
	case KDBUS_ITEM_NAME:
		kd_add_str(b, type, fz_name(ctx, name, sizeof(name)));
		break;
	case KDBUS_ITEM_ATTACH_FLAGS_SEND:
	case KDBUS_ITEM_ATTACH_FLAGS_RECV:
		kd_add_u64(b, type, fz_mask(rng));
		break;
	case KDBUS_ITEM_CREDS:
	case KDBUS_ITEM_PIDS:
	case KDBUS_ITEM_SECLABEL:
		fz_faked(ctx, b, type);
		break;
	case KDBUS_ITEM_CONN_DESCRIPTION:
		snprintf(name, sizeof(name), "%0*u", 1 + fz_below(rng, 66), 3);
		kd_add_str(b, type, name);
		break;
	case KDBUS_ITEM_POLICY_ACCESS:
		fz_access(ctx, b);
		break;
	case KDBUS_ITEM_ID:
	case KDBUS_ITEM_DST_ID:
	case KDBUS_ITEM_NAME_ADD ... KDBUS_ITEM_ID_REMOVE:
		fz_rule(ctx, b, type);
		break;
	default:
		kd_add(b, type, ctx->mem->good, fz_below(rng, 80));
	}
}

static uint64_t fz_any_type(struct fz_rng *rng)
{
	switch (fz_below(rng, 5)) {
	case 0 ... 1:
		return fz_below(rng, 18);
	case 2:
		return 0x1000 + fz_below(rng, 15);
	case 3:
		return 0x8000 + fz_below(rng, 8);
	default:
		return fz_chance(rng, 50) ? 0x2000 : fz_odd(rng);
	}
}

static void fill_hello(struct fz_ctx *ctx, struct kd_block *b)
{
	static const uint64_t kinds[] = {
		KDBUS_HELLO_ACTIVATOR, KDBUS_HELLO_POLICY_HOLDER,
		KDBUS_HELLO_MONITOR,
	};
	struct fz_rng *rng = &ctx->rng;
	unsigned int pages = 1 << fz_below(rng, 7);
	unsigned int kind = fz_below(rng, 12);
	char name[300];

	b->hello.pool_size = (uint64_t)pages * getpagesize();
	if (fz_chance(rng, 4))
		b->hello.pool_size = fz_odd(rng) & ~0x7fffffffffULL;
	b->hello.attach_flags_send = fz_mask(rng);
	b->hello.attach_flags_recv = fz_mask(rng);
	if (fz_chance(rng, 70))
		b->hello.flags = KDBUS_HELLO_ACCEPT_FD;
	if (kind >= KD_ARRAY_SIZE(kinds))
		return;
	b->hello.flags |= kinds[kind];
	if (kind < 2) {
		kd_add_str(b, KDBUS_ITEM_NAME,
			   fz_name(ctx, name, sizeof(name)));
		if (fz_chance(rng, 60))
			fz_access(ctx, b);
	}
}

static void fill_match(struct fz_ctx *ctx, struct kd_block *b)
{
	b->match.cookie = fz_below(&ctx->rng, 6);
}

static void fill_info(struct fz_ctx *ctx, struct kd_block *b)
{
	b->info.id = fz_chance(&ctx->rng, 80) ? fz_id(ctx) : 0;
	b->info.attach_flags = fz_mask(&ctx->rng);
}

static void fill_free(struct fz_ctx *ctx, struct kd_block *b)
{
	const struct fz_slot *slot = ctx->slot;
	struct fz_rng *rng = &ctx->rng;

	if (slot->n_held && fz_chance(rng, 85))
		b->free.offset = slot->held[fz_below(rng, slot->n_held)].offset;
	else if (fz_chance(rng, 80))
		b->free.offset = 8 * fz_below(rng, 4096);
	else
		b->free.offset = fz_chance(rng, 50) ? slot->pool_size :
						      fz_odd(rng);
}

static void fill_recv(struct fz_ctx *ctx, struct kd_block *b)
{
	b->recv.priority = (int64_t)fz_below(&ctx->rng, 5) - 2;
	/* few flags: most messages are to be received */
	if (fz_chance(&ctx->rng, 60))
		b->recv.flags = 0;
}

/* Its message is made by fz_message(). */
static void fill_send(struct fz_ctx *ctx, struct kd_block *b)
{
	b->send.flags = fz_chance(&ctx->rng, 12) ? KDBUS_SEND_SYNC_REPLY : 0;
}

/* KDBUS_CMD_SEND and _RECV are FZ_SEND and FZ_RECV */
const struct fz_cmd fz_cmds[FZ_COMMANDS] = {
	{ "BUS_MAKE", KDBUS_CMD_BUS_MAKE, sizeof(struct kdbus_cmd),
	  3, 3, FZ_CONTROL,
	  { KDBUS_ITEM_MAKE_NAME, KDBUS_ITEM_BLOOM_PARAMETER,
	    KDBUS_ITEM_ATTACH_FLAGS_SEND, KDBUS_ITEM_NEGOTIATE }, 2, NULL,
	  { ENAMETOOLONG, ESHUTDOWN, EEXIST, EMFILE } },
	{ "ENDPOINT_MAKE", KDBUS_CMD_ENDPOINT_MAKE, sizeof(struct kdbus_cmd),
	  3, 3, FZ_NODE,
	  { KDBUS_ITEM_MAKE_NAME, KDBUS_ITEM_NEGOTIATE }, 1, NULL,
	  { ENAMETOOLONG, ESHUTDOWN, EEXIST, EPERM } },
	{ "ENDPOINT_UPDATE", KDBUS_CMD_ENDPOINT_UPDATE,
	  sizeof(struct kdbus_cmd),
	  0, 3, FZ_ENDPOINT,
	  { KDBUS_ITEM_NAME, KDBUS_ITEM_POLICY_ACCESS, KDBUS_ITEM_NEGOTIATE },
	  0, NULL, { EEXIST } },
	{ "HELLO", KDBUS_CMD_HELLO, sizeof(struct kdbus_cmd_hello),
	  0xf, 8, FZ_NODE,
	  { KDBUS_ITEM_CONN_DESCRIPTION, KDBUS_ITEM_NAME, KDBUS_ITEM_CREDS,
	    KDBUS_ITEM_PIDS, KDBUS_ITEM_SECLABEL, KDBUS_ITEM_POLICY_ACCESS,
	    KDBUS_ITEM_NEGOTIATE }, 0, fill_hello,
	  { EPERM, EOPNOTSUPP, ENAMETOOLONG, EMFILE, EEXIST } },
	{ "UPDATE", KDBUS_CMD_UPDATE, sizeof(struct kdbus_cmd),
	  0, 4, FZ_CONN,
	  { KDBUS_ITEM_ATTACH_FLAGS_SEND, KDBUS_ITEM_ATTACH_FLAGS_RECV,
	    KDBUS_ITEM_NAME, KDBUS_ITEM_POLICY_ACCESS, KDBUS_ITEM_NEGOTIATE },
	  0, NULL, { EOPNOTSUPP, E2BIG, EEXIST } },
	{ "BYEBYE", KDBUS_CMD_BYEBYE, sizeof(struct kdbus_cmd),
	  0, 2, FZ_CONN, { KDBUS_ITEM_NEGOTIATE },
	  0, NULL, { EOPNOTSUPP, EBUSY } },
	{ "FREE", KDBUS_CMD_FREE, sizeof(struct kdbus_cmd_free),
	  0, 9, FZ_CONN, { KDBUS_ITEM_NEGOTIATE },
	  0, fill_free, { EOPNOTSUPP, ENXIO } },
	{ "CONN_INFO", KDBUS_CMD_CONN_INFO, sizeof(struct kdbus_cmd_info),
	  0, 5, FZ_CONN,
	  { KDBUS_ITEM_NAME, KDBUS_ITEM_NEGOTIATE }, 0, fill_info,
	  { ENXIO, ESRCH, EXFULL } },
	{ "BUS_CREATOR_INFO", KDBUS_CMD_BUS_CREATOR_INFO,
	  sizeof(struct kdbus_cmd_info),
	  0, 2, FZ_CONN,
	  { KDBUS_ITEM_NEGOTIATE }, 0, fill_info, { EXFULL } },
	{ "LIST", KDBUS_CMD_LIST, sizeof(struct kdbus_cmd_list),
	  0xf, 3, FZ_CONN, { KDBUS_ITEM_NEGOTIATE },
	  0, NULL, { EXFULL } },
	{ "SEND", KDBUS_CMD_SEND, sizeof(struct kdbus_cmd_send),
	  1, 30, FZ_CONN,
	  { KDBUS_ITEM_CANCEL_FD, KDBUS_ITEM_NEGOTIATE }, 0, fill_send,
	  { EOPNOTSUPP, EBADMSG, ENOTUNIQ, E2BIG, EMFILE, EDOM, EDESTADDRREQ,
	    EMEDIUMTYPE, ETXTBSY, ENXIO, ESRCH, EREMCHG, EADDRNOTAVAIL, EPERM,
	    EMLINK, EBADSLT, ECOMM, ENOBUFS, EXFULL, ETIMEDOUT, ECANCELED,
	    EINTR, EPIPE, EREMOTEIO } },
	{ "RECV", KDBUS_CMD_RECV, sizeof(struct kdbus_cmd_recv),
	  7, 20, FZ_CONN, { KDBUS_ITEM_NEGOTIATE },
	  0, fill_recv, { EOPNOTSUPP, EAGAIN } },
	{ "NAME_ACQUIRE", KDBUS_CMD_NAME_ACQUIRE, sizeof(struct kdbus_cmd),
	  7, 6, FZ_CONN,
	  { KDBUS_ITEM_NAME, KDBUS_ITEM_NEGOTIATE }, 1, NULL,
	  { EOPNOTSUPP, EPERM, E2BIG, EEXIST } },
	{ "NAME_RELEASE", KDBUS_CMD_NAME_RELEASE, sizeof(struct kdbus_cmd),
	  0, 4, FZ_CONN,
	  { KDBUS_ITEM_NAME, KDBUS_ITEM_NEGOTIATE }, 1, NULL,
	  { EOPNOTSUPP, ESRCH, EADDRINUSE } },
	{ "MATCH_ADD", KDBUS_CMD_MATCH_ADD, sizeof(struct kdbus_cmd_match),
	  1, 7, FZ_CONN,
	  { KDBUS_ITEM_BLOOM_MASK, KDBUS_ITEM_NAME, KDBUS_ITEM_ID,
	    KDBUS_ITEM_DST_ID, KDBUS_ITEM_NAME_ADD, KDBUS_ITEM_NAME_REMOVE,
	    KDBUS_ITEM_NAME_CHANGE, KDBUS_ITEM_ID_ADD, KDBUS_ITEM_ID_REMOVE,
	    KDBUS_ITEM_NEGOTIATE }, 0, fill_match,
	  { EOPNOTSUPP, EDOM, EMFILE } },
	{ "MATCH_REMOVE", KDBUS_CMD_MATCH_REMOVE,
	  sizeof(struct kdbus_cmd_match),
	  0, 3, FZ_CONN,
	  { KDBUS_ITEM_NEGOTIATE }, 0, fill_match, { EOPNOTSUPP, EBADSLT } },
};

/* Whether the command may fail with this. */
bool fz_expected(const struct fz_cmd *cmd, int error)
{
	static const int common[] = {
		0, EBADFD, EFAULT, EINVAL, EMSGSIZE, EBADF, ENOMEM, ECONNRESET,
		ESHUTDOWN,
	};
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(common); i++)
		if (common[i] == error)
			return true;
	for (i = 0; i < KD_ARRAY_SIZE(cmd->errnos) && cmd->errnos[i]; i++)
		if (cmd->errnos[i] == error)
			return true;
	return false;
}

void fz_command(struct fz_ctx *ctx, const struct fz_cmd *cmd,
		struct kd_block *b)
{
	struct fz_rng *rng = &ctx->rng;
	unsigned int i, n = 0;

	kd_start(b, cmd->fixed);
	b->cmd.flags = fz_chance(rng, 50) ? fz_next(rng) & cmd->flags : 0;
	b->cmd.return_flags = fz_next(rng);
	if (cmd->fill)
		cmd->fill(ctx, b);
	if (fz_chance(rng, 2))
		b->cmd.flags |= KDBUS_FLAG_NEGOTIATE;
	while (n < KD_ARRAY_SIZE(cmd->items) && cmd->items[n])
		n++;
	for (i = 0; i < cmd->must; i++)
		if (!fz_chance(rng, 2))
			fz_item(ctx, b, cmd->items[i]);
	for (i = fz_below(rng, 3); i > 0; i--) {
		uint64_t type = cmd->items[fz_below(rng, n)];

		/* rarely: it takes the place of a call that does something */
		if (type == KDBUS_ITEM_NEGOTIATE && !fz_chance(rng, 20))
			continue;
		fz_item(ctx, b, type);
	}
	if (fz_chance(rng, 3))
		fz_item(ctx, b, fz_any_type(rng));
}

/* The header of a message; true if it is a signal. */
static bool fz_header(struct fz_ctx *ctx, struct kd_block *b, bool sync)
{
	struct fz_rng *rng = &ctx->rng;
	unsigned int kind = sync ? 40 : fz_below(rng, 100);

	kd_msg_start(b, fz_id(ctx));
	b->msg.cookie = fz_below(rng, 8);
	b->msg.priority = (int64_t)fz_below(rng, 5) - 2;
	if (fz_chance(rng, 3))
		b->msg.payload_type = fz_odd(rng);
	if (fz_chance(rng, 10))
		b->msg.src_id = ctx->slot->id;
	if (fz_chance(rng, 10))
		b->msg.flags = KDBUS_MSG_NO_AUTO_START;
	if (kind < 25) {
		b->msg.flags |= KDBUS_MSG_SIGNAL;
		if (fz_chance(rng, 80))
			b->msg.dst_id = KDBUS_DST_ID_BROADCAST;
		fz_bloom(ctx, b, KDBUS_ITEM_BLOOM_FILTER);
		return true;
	}
	if (kind < 55) {
		b->msg.flags |= KDBUS_MSG_EXPECT_REPLY;
		b->msg.timeout_ns = kd_now() + fz_below(rng, 30) * KD_MS;
		if (!sync && fz_chance(rng, 40))
			b->msg.timeout_ns = fz_chance(rng, 50) ? KD_NEVER : 1;
	} else if (kind < 75) {
		b->msg.cookie_reply = 1 + fz_below(rng, 7);
	}
	return false;
}

void fz_message(struct fz_ctx *ctx, struct kd_block *b, bool sync)
{
	static const uint64_t types[] = {
		KDBUS_ITEM_PAYLOAD_VEC, KDBUS_ITEM_PAYLOAD_VEC,
		KDBUS_ITEM_PAYLOAD_VEC, KDBUS_ITEM_PAYLOAD_MEMFD,
		KDBUS_ITEM_PAYLOAD_MEMFD, KDBUS_ITEM_FDS,
	};
	struct fz_rng *rng = &ctx->rng;
	bool signal = fz_header(ctx, b, sync);
	unsigned int i;

	if (fz_chance(rng, signal ? 2 : 25)) {
		fz_item(ctx, b, KDBUS_ITEM_DST_NAME);
		if (fz_chance(rng, 90))
			b->msg.dst_id = KDBUS_DST_ID_NAME;
	}
	for (i = fz_below(rng, 4); i > 0; i--)
		fz_item(ctx, b, types[fz_below(rng, signal ? 5 : 6)]);
	if (fz_chance(rng, 1))
		for (i = fz_below(rng, 900); i > 0; i--)
			fz_vec(ctx, b);
	if (fz_chance(rng, 2))
		fz_item(ctx, b, fz_any_type(rng));
	if (fz_chance(rng, 1))
		b->msg.flags |= KDBUS_FLAG_NEGOTIATE;
}

/* One of the items of a block, or NULL. */
static struct kdbus_item *fz_some_item(struct fz_rng *rng, struct kd_block *b,
				       size_t fixed)
{
	unsigned int n = fz_below(rng, 4);
	struct kdbus_item *item;
	size_t pos = fixed;

	for (;;) {
		if (pos + 16 > b->size || b->size > sizeof(b->raw))
			return NULL;
		item = (struct kdbus_item *)(b->raw + pos);
		if (n-- == 0)
			return item;
		if (item->size < 16 || item->size > b->size)
			return NULL;
		pos += KD_ALIGN8(item->size);
	}
}

/* Break something. */
void fz_break(struct fz_ctx *ctx, struct kd_block *b, size_t fixed)
{
	struct fz_rng *rng = &ctx->rng;
	size_t end = b->size < sizeof(b->raw) ? b->size : sizeof(b->raw);
	struct kdbus_item *item = fz_some_item(rng, b, fixed);

	switch (fz_below(rng, 11)) {
	case 0:
		b->size = fz_odd(rng);
		break;
	case 1:
		b->size += (int)fz_below(rng, 33) - 16;
		break;
	case 2:
		b->size = KD_ALIGN8(b->size);
		break;
	case 3:
		b->cmd.flags ^= 1ULL << fz_below(rng, 64);
		break;
	case 4:
		if (item)
			item->size = fz_odd(rng);
		break;
	case 5:
		if (item)
			item->size += (int)fz_below(rng, 17) - 8;
		break;
	case 6:
		if (item)
			item->type = fz_any_type(rng);
		break;
	case 7:
		if (item)
			item->data64[fz_below(rng, 3)] = fz_odd(rng);
		break;
	case 8:
		if (item && item->size < 4096 && item->size >= 16 &&
		    end + item->size + 16 < sizeof(b->raw))
			kd_add(b, item->type, item->data, item->size - 16);
		break;
	case 9:
		memcpy(b->raw + fz_below(rng, end / 8 + 1) * 8,
		       &(uint64_t){ fz_odd(rng) }, 8);
		break;
	default:
		b->raw[fz_below(rng, end + 1)] ^= 1 << fz_below(rng, 8);
	}
}

/* Where the kernel is to find the block; b itself, most of the time. */
void *fz_place(struct fz_ctx *ctx, struct kd_block *b)
{
	static const uint64_t nowhere[] = {
		0, 8, 0x7ffffffff000ULL, 1ULL << 62, ~7ULL,
		0xffff888000001000ULL,
	};
	const struct fz_mem *mem = ctx->mem;
	struct fz_rng *rng = &ctx->rng;
	uint8_t *p = mem->edge[ctx->worker] + sizeof(*b);
	size_t len = b->size < sizeof(*b) ? KD_ALIGN8(b->size) : sizeof(*b);

	switch (fz_below(rng, 60)) {
	case 0 ... 2:
		/* just complete */
		p -= len;
		memcpy(p, b, len);
		return p;
	case 3:
		/* the end is missing */
		len = fz_below(rng, len / 8 + 1) * 8;
		p -= len;
		memcpy(p, b, len);
		return p;
	case 4:
		return (uint8_t *)b + 1 + fz_below(rng, 7);
	case 5:
		return (void *)(uintptr_t)nowhere[fz_below(rng, 6)];
	case 6:
		return mem->none;
	case 7:
		return mem->eof + 8 * fz_below(rng, 1024);
	case 8:
		p = mem->frozen[ctx->worker];
		mprotect(p, sizeof(*b), PROT_READ | PROT_WRITE);
		memcpy(p, b, len);
		mprotect(p, sizeof(*b), PROT_READ);
		return p;
	default:
		return b;
	}
}
