// SPDX-License-Identifier: GPL-2.0-only
/*
 * kdbus-fuzz: one process with its workers and its pest
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kdbus-fuzz.h"

struct fz_proc;

/**
 * struct fz_worker - a thread that takes steps
 * @ctx: choices of the present step
 * @proc: process
 * @thread: thread
 * @step: number of the step
 * @end: number of the first step it does not take
 * @slot: handles of its own
 * @block: command block
 * @msg: message
 * @raced_block: command block that is raced; the pest may be late
 * @raced_msg: message that is raced
 * @raced: what the pest scribbles on during the present command, or NULL
 * @last_id: highest id that HELLO has returned to it
 * @trace: of the coverage
 * @done: it has ended
 */
struct fz_worker {
	struct fz_ctx ctx;
	struct fz_proc *proc;
	pthread_t thread;
	uint64_t step;
	uint64_t end;
	struct fz_slot slot[FZ_SLOTS];
	struct kd_block block;
	struct kd_block msg;
	struct kd_block raced_block;
	struct kd_block raced_msg;
	uint8_t *raced;
	uint64_t last_id;
	uint64_t *trace;
	bool done;
};

/**
 * struct fz_proc - a process
 * @sh: memory of all processes
 * @index: its number
 * @uid: its user
 * @mem: what blocks refer to
 * @worker: the workers
 * @full: it has run out of descriptors and should end
 */
struct fz_proc {
	struct fz_shared *sh;
	unsigned int index;
	uint32_t uid;
	struct fz_mem mem;
	struct fz_worker worker[FZ_WORKERS];
	bool full;
};

void fz_violation(struct fz_shared *sh, const char *format, ...)
{
	va_list args;

	__atomic_add_fetch(&sh->violations, 1, __ATOMIC_RELAXED);
	flockfile(stderr);
	fprintf(stderr, "kdbus-fuzz: seed %llu: ",
		(unsigned long long)sh->opt.seed);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	funlockfile(stderr);
}

static void violation(struct fz_worker *w, const char *what, uint64_t a,
		      uint64_t b)
{
	fz_violation(w->proc->sh,
		     "process %u worker %u step %llu: %s (%llu, %llu)",
		     w->proc->index, w->ctx.worker,
		     (unsigned long long)w->step, what,
		     (unsigned long long)a, (unsigned long long)b);
}

static void count_other(struct fz_worker *w)
{
	__atomic_add_fetch(&w->proc->sh->other, 1, __ATOMIC_RELAXED);
}

/* handles */

static void slot_unmap(struct fz_slot *slot)
{
	if (slot->pool)
		munmap((void *)slot->pool, slot->pool_size);
	slot->pool = NULL;
}

static void slot_map(struct fz_slot *slot)
{
	void *p;

	if (slot->pool || slot->state != FZ_CONN || slot->common)
		return;
	p = mmap(NULL, slot->pool_size, PROT_READ, MAP_SHARED, slot->fd, 0);
	if (p != MAP_FAILED)
		slot->pool = p;
}

static void slot_close(struct fz_slot *slot)
{
	slot_unmap(slot);
	if (slot->state != FZ_EMPTY)
		close(slot->fd);
	memset(slot, 0, sizeof(*slot));
	slot->fd = -1;
}

static bool slot_take(struct fz_worker *w, struct fz_slot *slot, int fd,
		      enum fz_state state)
{
	if (fd >= FZ_FD_COMMON || (fd < 0 && errno == EMFILE))
		__atomic_store_n(&w->proc->full, true, __ATOMIC_RELAXED);
	if (fd >= FZ_FD_COMMON)
		close(fd);
	if (fd < 0 || fd >= FZ_FD_COMMON)
		return false;
	slot_close(slot);
	slot->fd = fd;
	slot->state = state;
	return true;
}

static bool slot_open(struct fz_worker *w, struct fz_slot *slot, bool control)
{
	static const int modes[] = { O_RDWR, O_RDWR, O_RDWR, O_RDONLY, 3 };
	int mode = modes[fz_below(&w->ctx.rng, KD_ARRAY_SIZE(modes))];
	char path[KD_PATH_MAX];

	if (control)
		snprintf(path, sizeof(path), "%s/control", w->proc->sh->dir);
	else
		fz_path(&w->ctx, path, sizeof(path));
	return slot_take(w, slot, open(path, mode | O_CLOEXEC),
			 control ? FZ_CONTROL : FZ_NODE);
}

/* slices */

static void unhold(struct fz_slot *slot, uint64_t offset)
{
	unsigned int i;

	for (i = 0; i < slot->n_held; i++) {
		if (slot->held[i].offset != offset)
			continue;
		slot->held[i] = slot->held[--slot->n_held];
		return;
	}
}

/* A slice that was reported: within the pool, apart from all others. */
static bool hold(struct fz_worker *w, struct fz_slot *slot, uint64_t offset,
		 uint64_t size)
{
	struct kdbus_cmd_free cmd = { .size = sizeof(cmd) };
	unsigned int i;

	if (slot->common)
		return false;
	if (size == 0 || offset % 8 || size % 8 || offset > slot->pool_size ||
	    size > slot->pool_size - offset) {
		violation(w, "slice not in the pool", offset, size);
		return false;
	}
	for (i = 0; i < slot->n_held; i++) {
		/* one that was peeked at and is reported once more */
		if (slot->held[i].offset == offset &&
		    slot->held[i].size == size)
			return true;
		if (offset < slot->held[i].offset + slot->held[i].size &&
		    slot->held[i].offset < offset + size) {
			violation(w, "slices overlap", offset,
				  slot->held[i].offset);
			return false;
		}
	}
	if (slot->n_held == FZ_HELD) {
		cmd.offset = slot->held[0].offset;
		if (kd_ioctl(slot->fd, KDBUS_CMD_FREE, &cmd) == -ENXIO)
			violation(w, "slice not to be freed", cmd.offset, 0);
		unhold(slot, cmd.offset);
	}
	slot->held[slot->n_held].offset = offset;
	slot->held[slot->n_held++].size = size;
	return true;
}

/* One item of a received message or record; closes what came with it. */
static bool check_item(const struct kdbus_item *item, uint64_t body,
		       uint64_t size, bool files)
{
	const struct kdbus_vec *vec = &item->vec;
	uint64_t len = item->size - 16;
	unsigned int i;

	switch (item->type) {
	case KDBUS_ITEM_PAYLOAD_OFF:
		return len == 16 && vec->size &&
		       (vec->offset == ~0ULL ||
			(vec->offset >= body && vec->offset <= size &&
			 vec->size <= size - vec->offset));
	case KDBUS_ITEM_PAYLOAD_MEMFD:
		if (len != 24)
			return false;
		if (files && item->memfd.fd >= 0)
			close(item->memfd.fd);
		return !files || item->memfd.fd >= -1;
	case KDBUS_ITEM_FDS:
		for (i = 0; files && i < len / 4; i++) {
			if (item->fds[i] < -1)
				return false;
			if (item->fds[i] >= 0)
				close(item->fds[i]);
		}
		return len % 4 == 0;
	case KDBUS_ITEM_PAYLOAD_VEC:
	case KDBUS_ITEM_CANCEL_FD:
	case KDBUS_ITEM_NEGOTIATE:
		return false;
	case KDBUS_ITEM_OWNED_NAME:
		return len > 9 && !((const char *)item)[item->size - 1];
	default:
		return item->type != _KDBUS_ITEM_NULL;
	}
}

/* LAY-1, LAY-2, ITEM-1: a list of items that ends where it should */
static bool check_items(const uint8_t *base, uint64_t fixed, uint64_t end,
			uint64_t size, bool files)
{
	const struct kdbus_item *item;
	uint64_t pos = fixed, last = fixed, i;

	while (pos < end) {
		item = (const struct kdbus_item *)(base + pos);
		if (end - pos < 16 || item->size < 16 ||
		    item->size > end - pos)
			return false;
		if (!check_item(item, KD_ALIGN8(end), size, files))
			return false;
		last = pos + item->size;
		pos = KD_ALIGN8(last);
		for (i = last; i < pos && i < size; i++)
			if (base[i])
				return false;
	}
	return KD_ALIGN8(last) == KD_ALIGN8(end);
}

/* A message that was reported, or NULL if it cannot be looked at. */
static const struct kdbus_msg *check_message(struct fz_worker *w,
					     struct fz_slot *slot,
					     const struct kdbus_msg_info *info,
					     bool files)
{
	const struct kdbus_msg *msg;

	if (info->return_flags & ~(uint64_t)KDBUS_RECV_RETURN_INCOMPLETE_FDS)
		violation(w, "flags of a message", info->return_flags, 0);
	if (!hold(w, slot, info->offset, info->msg_size))
		return NULL;
	slot_map(slot);
	if (!slot->pool)
		return NULL;
	msg = (const struct kdbus_msg *)(slot->pool + info->offset);
	if (info->msg_size < sizeof(*msg) || msg->size < sizeof(*msg) ||
	    KD_ALIGN8(msg->size) > info->msg_size)
		violation(w, "size of a message", info->msg_size, msg->size);
	else if (!check_items((const uint8_t *)msg, sizeof(*msg), msg->size,
			      info->msg_size, files))
		violation(w, "items of a message", info->offset, msg->size);
	else if ((msg->src_id == KDBUS_SRC_ID_KERNEL) !=
		 (msg->payload_type == KDBUS_PAYLOAD_KERNEL))
		violation(w, "sender of a message", msg->src_id,
			  msg->payload_type);
	else
		return msg;
	return NULL;
}

/* Records, which follow one another. */
static void check_records(struct fz_worker *w, struct fz_slot *slot,
			  uint64_t offset, uint64_t size)
{
	const struct kdbus_info *info;
	uint64_t pos;

	if (size == 0 && offset == slot->pool_size)
		return;
	if (!hold(w, slot, offset, size))
		return;
	slot_map(slot);
	if (!slot->pool)
		return;
	for (pos = 0; pos < size; pos += info->size) {
		info = (const struct kdbus_info *)(slot->pool + offset + pos);
		if (size - pos < sizeof(*info) || info->size % 8 ||
		    info->size < sizeof(*info) || info->size > size - pos) {
			violation(w, "size of a record", offset + pos,
				  info->size);
			return;
		}
		if (!info->id || info->id == ~0ULL ||
		    !check_items((const uint8_t *)info, sizeof(*info),
				 info->size, info->size, false))
			violation(w, "record", offset + pos, info->id);
	}
}

/* commands */

static int run(struct fz_worker *w, struct fz_slot *slot,
	       const struct fz_cmd *cmd, void *p)
{
	struct fz_shared *sh = w->proc->sh;
	int r = kd_ioctl(slot->fd, cmd->nr, p);
	int error = r < 0 ? -r : 0;

	__atomic_add_fetch(&sh->count[cmd - fz_cmds][error % FZ_ERRNOS], 1,
			   __ATOMIC_RELAXED);
	if (sh->opt.verbose)
		printf("%u.%u %llu: %s on %d: %d\n", w->proc->index,
		       w->ctx.worker, (unsigned long long)w->step, cmd->name,
		       slot->fd, error);
	if (error == ECONNRESET && cmd != &fz_cmds[FZ_SEND])
		slot->dead = true;
	if (r > 0)
		violation(w, "positive result", cmd - fz_cmds, r);
	else if (!fz_expected(cmd, error) &&
		 !(slot->common && error == ENOTTY))
		violation(w, "unexpected errno", cmd - fz_cmds, error);
	return r;
}

/* Let others know of a connection. */
static void publish(struct fz_worker *w, uint64_t id)
{
	uint64_t *ids = w->proc->sh->ids;

	__atomic_store_n(&ids[fz_below(&w->ctx.rng, FZ_IDS)], id,
			 __ATOMIC_RELAXED);
}

static void after_hello(struct fz_worker *w, struct fz_slot *slot,
			const struct kdbus_cmd_hello *cmd, bool raced)
{
	slot->state = FZ_CONN;
	slot->dead = false;
	slot->common |= raced;
	if (slot->common)
		return;
	slot->id = cmd->id;
	slot->flags = cmd->flags;
	slot->pool_size = cmd->pool_size;
	if (cmd->id <= w->last_id || cmd->id == ~0ULL)
		violation(w, "id", cmd->id, w->last_id);
	w->last_id = cmd->id;
	publish(w, cmd->id);
	if (cmd->items_size != 32)
		violation(w, "items of HELLO", cmd->offset, cmd->items_size);
	hold(w, slot, cmd->offset, cmd->items_size);
	slot_map(slot);
}

/* A call is answered, now and then, by whoever reads it. */
static void answer(struct fz_worker *w, struct fz_slot *slot,
		   const struct kdbus_msg *msg)
{
	struct kdbus_cmd_send cmd = { .size = sizeof(cmd) };

	if (!(msg->flags & KDBUS_MSG_EXPECT_REPLY) ||
	    fz_chance(&w->ctx.rng, 40))
		return;
	fz_message(&w->ctx, &w->msg, false);
	w->msg.msg.flags = 0;
	w->msg.msg.dst_id = msg->src_id;
	w->msg.msg.cookie_reply = msg->cookie;
	cmd.msg_address = (uintptr_t)&w->msg;
	run(w, slot, &fz_cmds[FZ_SEND], &cmd);
}

static void after_recv(struct fz_worker *w, struct fz_slot *slot,
		       const struct kdbus_cmd_recv *cmd, uint64_t flags)
{
	bool dropped = cmd->return_flags & KDBUS_RECV_RETURN_DROPPED_MSGS;
	const struct kdbus_msg *msg;

	if (slot->common)
		return;
	if (dropped != !!cmd->dropped_msgs)
		violation(w, "dropped messages", cmd->return_flags,
			  cmd->dropped_msgs);
	if (flags & KDBUS_RECV_DROP) {
		if (cmd->msg.offset != slot->pool_size || cmd->msg.msg_size)
			violation(w, "slice of a dropped message",
				  cmd->msg.offset, cmd->msg.msg_size);
		return;
	}
	msg = check_message(w, slot, &cmd->msg, !(flags & KDBUS_RECV_PEEK));
	if (msg && !(slot->flags & KDBUS_HELLO_MONITOR))
		answer(w, slot, msg);
}

/* What a command that succeeded has to say. */
static void after(struct fz_worker *w, struct fz_slot *slot,
		  const struct fz_cmd *cmd, const struct kd_block *b,
		  uint64_t flags, bool raced)
{
	if (flags & KDBUS_FLAG_NEGOTIATE)
		return;
	switch (cmd->nr) {
	case KDBUS_CMD_BUS_MAKE:
		slot->state = FZ_BUS;
		return;
	case KDBUS_CMD_ENDPOINT_MAKE:
		slot->state = FZ_ENDPOINT;
		return;
	case KDBUS_CMD_HELLO:
		after_hello(w, slot, &b->hello, raced);
		return;
	}
	/* one that cannot be trusted may have freed anything */
	if (raced)
		slot->common = true;
	if (slot->common)
		return;
	switch (cmd->nr) {
	case KDBUS_CMD_FREE:
		unhold(slot, b->free.offset);
		break;
	case KDBUS_CMD_SEND:
		if (b->send.reply.msg_size)
			check_message(w, slot, &b->send.reply, true);
		break;
	case KDBUS_CMD_RECV:
		after_recv(w, slot, &b->recv, flags);
		break;
	case KDBUS_CMD_LIST:
		check_records(w, slot, b->list.offset, b->list.list_size);
		break;
	case KDBUS_CMD_CONN_INFO:
	case KDBUS_CMD_BUS_CREATOR_INFO:
		check_records(w, slot, b->info.offset, b->info.info_size);
		break;
	}
}

/* A command on a handle, whatever that is. */
static int command(struct fz_worker *w, struct fz_slot *slot,
		   const struct fz_cmd *cmd, bool good)
{
	struct fz_ctx *ctx = &w->ctx;
	bool raced = !good && fz_chance(&ctx->rng, 6);
	struct kd_block *b = raced ? &w->raced_block : &w->block;
	struct kd_block *m = raced ? &w->raced_msg : &w->msg;
	void *p = b, *msg = m;
	uint64_t flags;
	int r;

	ctx->slot = slot;
	fz_command(ctx, cmd, b);
	if (good)
		b->cmd.flags &= ~KDBUS_FLAG_NEGOTIATE;
	if (cmd == &fz_cmds[FZ_SEND]) {
		bool sync = b->send.flags & KDBUS_SEND_SYNC_REPLY;

		fz_message(ctx, m, sync);
		if (!good && fz_chance(&ctx->rng, 8))
			fz_break(ctx, m, sizeof(m->msg));
		if (!good)
			msg = fz_place(ctx, m);
		b->send.msg_address = (uintptr_t)msg;
	}
	if (!good && fz_chance(&ctx->rng, 12))
		fz_break(ctx, b, cmd->fixed);
	if (!good)
		p = fz_place(ctx, b);
	flags = b->cmd.flags;
	if (raced)
		__atomic_store_n(&w->raced, fz_chance(&ctx->rng, 50) ? b->raw :
				 m->raw, __ATOMIC_RELEASE);
	r = run(w, slot, cmd, p);
	__atomic_store_n(&w->raced, NULL, __ATOMIC_RELEASE);
	if (r == 0)
		after(w, slot, cmd, p, flags, raced);
	else if (raced)
		slot->common = true;
	else if (r == -EFAULT && cmd->nr == KDBUS_CMD_FREE)
		/* its effect may persist (CMD-3) */
		unhold(slot, b->free.offset);
	return r;
}

/* A slot with a handle for the command; a new one if there is none. */
static struct fz_slot *prepare(struct fz_worker *w, const struct fz_cmd *cmd)
{
	struct fz_rng *rng = &w->ctx.rng;
	unsigned int first = fz_below(rng, FZ_SLOTS), i;
	bool anything = fz_chance(rng, 4);
	struct fz_slot *slot;

	for (i = 0; i < FZ_SLOTS; i++) {
		slot = &w->slot[(first + i) % FZ_SLOTS];
		if ((slot->state == cmd->state && !slot->dead) ||
		    (anything && slot->state != FZ_EMPTY))
			return slot;
	}
	slot = &w->slot[first];
	if (!slot_open(w, slot, cmd->state == FZ_CONTROL))
		return NULL;
	if (cmd->state == FZ_CONN)
		command(w, slot, &fz_cmds[3], true);
	else if (cmd->state == FZ_ENDPOINT)
		command(w, slot, &fz_cmds[1], true);
	return slot;
}

static void step_command(struct fz_worker *w)
{
	unsigned int sum = 0, n, i;
	struct fz_slot *slot;

	for (i = 0; i < FZ_COMMANDS; i++)
		sum += fz_cmds[i].weight;
	n = fz_below(&w->ctx.rng, sum);
	for (i = 0; n >= fz_cmds[i].weight; i++)
		n -= fz_cmds[i].weight;
	slot = prepare(w, &fz_cmds[i]);
	if (!slot)
		return;
	if (slot->id && fz_chance(&w->ctx.rng, 20))
		publish(w, slot->id);
	command(w, slot, &fz_cmds[i], false);
}

/* A command on a handle that anybody may close. */
static void step_common(struct fz_worker *w)
{
	struct fz_slot slot = {
		.fd = FZ_FD_COMMON + fz_below(&w->ctx.rng, FZ_COMMON),
		.state = FZ_CONN,
		.common = true,
		.pool_size = FZ_POOL_MAX,
	};
	unsigned int i = fz_below(&w->ctx.rng, FZ_COMMANDS);

	command(w, &slot, &fz_cmds[i], false);
}

/* A call, its request, its reply, and the reply's way back. */
static void step_exchange(struct fz_worker *w)
{
	struct kdbus_cmd_send cmd = { .size = sizeof(cmd) };
	struct kdbus_cmd_recv recv = { .size = sizeof(recv) };
	struct fz_slot *a, *b;
	int i, r;

	a = prepare(w, &fz_cmds[FZ_SEND]);
	b = prepare(w, &fz_cmds[FZ_RECV]);
	if (!a || !b)
		return;
	w->ctx.slot = a;
	fz_message(&w->ctx, &w->msg, true);
	w->msg.msg.dst_id = b->id;
	cmd.msg_address = (uintptr_t)&w->msg;
	run(w, a, &fz_cmds[FZ_SEND], &cmd);
	w->ctx.slot = b;
	for (i = 0; i < 3; i++) {
		r = run(w, b, &fz_cmds[FZ_RECV], &recv);
		if (r == 0)
			after_recv(w, b, &recv, 0);
	}
	w->ctx.slot = a;
	r = run(w, a, &fz_cmds[FZ_RECV], &recv);
	if (r == 0)
		after_recv(w, a, &recv, 0);
}

/* the rest of the interface */

static void send_fd(struct fz_worker *w, int fd)
{
	struct fz_shared *sh = w->proc->sh;
	unsigned int to = fz_below(&w->ctx.rng, sh->opt.procs);
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	sendmsg(sh->mail[to][1], &msg, MSG_DONTWAIT);
}

static void take_fd(struct fz_proc *proc, struct fz_rng *rng)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	int fd;

	if (recvmsg(proc->sh->mail[proc->index][0], &msg,
		    MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	dup3(fd, FZ_FD_COMMON + fz_below(rng, FZ_COMMON), O_CLOEXEC);
	close(fd);
}

static void odd_maps(struct fz_worker *w, struct fz_slot *slot)
{
	static const int prots[] = {
		PROT_NONE, PROT_READ, PROT_READ | PROT_EXEC, PROT_WRITE,
		PROT_READ | PROT_WRITE,
	};
	struct fz_rng *rng = &w->ctx.rng;
	int prot = prots[fz_below(rng, KD_ARRAY_SIZE(prots))];
	size_t len = (1 + fz_below(rng, 80)) * 4096;
	uint8_t *p;

	p = mmap(NULL, len, prot, fz_chance(rng, 70) ? MAP_SHARED : MAP_PRIVATE,
		 slot->fd, fz_chance(rng, 70) ? 0 : fz_below(rng, 80) * 4096);
	if (p == MAP_FAILED)
		return;
	if (prot & PROT_WRITE)
		violation(w, "pool mapped for writing", prot, len);
	if (mprotect(p, len, PROT_READ | PROT_WRITE) == 0)
		violation(w, "pool made writable", prot, len);
	/* the kernel reads it as payload, perhaps beyond the end */
	if (slot->state == FZ_CONN && slot->id) {
		struct kdbus_cmd_send cmd = { .size = sizeof(cmd) };

		kd_msg_start(&w->msg, slot->id);
		kd_msg_vec(&w->msg, p, len);
		cmd.msg_address = (uintptr_t)&w->msg;
		run(w, slot, &fz_cmds[FZ_SEND], &cmd);
	}
	munmap(p, len);
}

static void odd_calls(struct fz_worker *w, struct fz_slot *slot)
{
	struct fz_rng *rng = &w->ctx.rng;
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	char buf[64];
	int fd;

	switch (fz_below(rng, 7)) {
	case 0:
		if (read(slot->fd, buf, sizeof(buf)) >= 0 ||
		    write(slot->fd, buf, sizeof(buf)) >= 0)
			violation(w, "read or write", 0, 0);
		break;
	case 1:
		lseek(slot->fd, fz_odd(rng), SEEK_SET);
		break;
	case 2:
		if (ftruncate(slot->fd, fz_below(rng, 99999)) == 0)
			fsync(slot->fd);
		break;
	case 3:
		ioctl(slot->fd, (unsigned int)fz_odd(rng), &w->block);
		ioctl(slot->fd, _IOC(fz_below(rng, 4), KDBUS_IOCTL_MAGIC,
				     fz_below(rng, 256), fz_below(rng, 99)),
		      &w->block);
		break;
	case 4:
		fd = epoll_create1(EPOLL_CLOEXEC);
		epoll_ctl(fd, EPOLL_CTL_ADD, slot->fd, &event);
		epoll_wait(fd, &event, 1, 0);
		close(fd);
		break;
	default:
		snprintf(buf, sizeof(buf), "/proc/self/fd/%d", slot->fd);
		slot_take(w, &w->slot[fz_below(rng, FZ_SLOTS)],
			  open(buf, O_RDWR | O_CLOEXEC),
			  slot->state <= FZ_CONTROL || slot->state == FZ_BUS ?
			  FZ_CONTROL : FZ_NODE);
	}
}

/* FS-1 to FS-7: look at the file system */
static void odd_files(struct fz_worker *w)
{
	struct fz_rng *rng = &w->ctx.rng;
	char path[KD_PATH_MAX], buf[2048];
	struct stat st;
	int fd;

	fz_path(&w->ctx, path, sizeof(path));
	if (fz_chance(rng, 50))
		*strrchr(path, '/') = 0;
	stat(path, &st);
	if (fz_chance(rng, 20))
		unlink(path);
	if (fz_chance(rng, 20))
		chmod(path, 0700 | fz_below(rng, 0100));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while (syscall(SYS_getdents64, fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

/* Another user, for this thread alone; what it may become depends. */
static void act_as(struct fz_worker *w)
{
	static const uint32_t users[] = { 0, 1001, 1002 };
	uint32_t uid = users[fz_below(&w->ctx.rng, KD_ARRAY_SIZE(users))];

	if (w->proc->uid == 0 &&
	    syscall(SYS_setresuid, -1, uid, -1) == 0)
		w->ctx.uid = uid;
}

static void step_odd(struct fz_worker *w)
{
	struct fz_rng *rng = &w->ctx.rng;
	struct fz_slot *slot = &w->slot[fz_below(rng, FZ_SLOTS)];

	count_other(w);
	switch (fz_below(rng, 12)) {
	case 0:
		slot_open(w, slot, fz_chance(rng, 20));
		break;
	case 1:
		slot_close(slot);
		break;
	case 2:
		slot_unmap(slot);
		break;
	case 3:
		odd_maps(w, slot);
		break;
	case 4:
		kd_poll(slot->fd, fz_next(rng), fz_below(rng, 3));
		break;
	case 5:
		slot->common = true;
		slot_unmap(slot);
		dup3(slot->fd, FZ_FD_COMMON + fz_below(rng, FZ_COMMON),
		     O_CLOEXEC);
		break;
	case 6:
		slot->common = true;
		slot_unmap(slot);
		send_fd(w, slot->fd);
		break;
	case 7:
		take_fd(w->proc, rng);
		break;
	case 8:
		odd_files(w);
		break;
	case 9:
		act_as(w);
		break;
	default:
		odd_calls(w, slot);
	}
}

static void step(struct fz_worker *w)
{
	unsigned int n;

	w->ctx.rng = fz_seed(w->proc->sh->opt.seed, w->proc->index,
			     w->ctx.worker, w->step);
	n = fz_below(&w->ctx.rng, 100);
	if (n < 80)
		step_command(w);
	else if (n < 84)
		step_common(w);
	else if (n < 89)
		step_exchange(w);
	else
		step_odd(w);
}

static bool stopped(const struct fz_proc *proc)
{
	return __atomic_load_n(&proc->sh->stop, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&proc->full, __ATOMIC_RELAXED);
}

static void *work(void *data)
{
	struct fz_worker *w = data;
	struct fz_proc *proc = w->proc;

	w->trace = fz_cover_start(proc->sh);
	for (; w->step < w->end && !stopped(proc); w->step++) {
		step(w);
		fz_cover_collect(proc->sh, w->trace);
	}
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* the pest */

static void on_signal(int sig)
{
}

static void pester(struct fz_proc *proc, struct fz_rng *rng)
{
	struct fz_worker *w = &proc->worker[fz_below(rng, FZ_WORKERS)];
	uint8_t *holes = proc->mem.holes + fz_below(rng, 16) * 4096, *raced;
	uint64_t one = 1;
	int i;

	for (i = 0; i < 40; i++) {
		raced = __atomic_load_n(&w->raced, __ATOMIC_ACQUIRE);
		if (raced)
			raced[fz_below(rng, 200)] ^= 1 << fz_below(rng, 8);
	}
	switch (fz_below(rng, 8)) {
	case 0:
		pthread_kill(w->thread, fz_chance(rng, 50) ? SIGUSR1 : SIGUSR2);
		break;
	case 1:
		madvise(holes, 4096, MADV_DONTNEED);
		break;
	case 2:
		mprotect(holes, 4096, fz_chance(rng, 60) ?
			 PROT_READ | PROT_WRITE : PROT_NONE);
		break;
	case 3:
		close(FZ_FD_COMMON + fz_below(rng, FZ_COMMON));
		break;
	case 4:
		take_fd(proc, rng);
		break;
	case 5:
		i = write(proc->mem.cancel, &one, sizeof(one));
		break;
	default:
		i = read(proc->mem.cancel, &one, sizeof(one));
	}
}

/* processes */

static void *map(size_t size, int prot)
{
	void *p = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static void mem_init(struct fz_proc *proc)
{
	static const int seals[] = { KD_SEALS, KD_SEALS, KD_SEALS, 0 };
	const size_t block = (sizeof(struct kd_block) + 4095) & ~4095UL;
	struct fz_mem *mem = &proc->mem;
	int i, fd;

	mem->good = map(KD_VEC_MAX + 4096, PROT_READ);
	mem->holes = map(FZ_HOLES + 4096, PROT_READ | PROT_WRITE);
	mem->none = map(16 * 4096, PROT_NONE);
	for (i = 0; i < FZ_WORKERS; i++) {
		mem->edge[i] = kd_guard(sizeof(struct kd_block),
					PROT_READ | PROT_WRITE);
		mem->frozen[i] = map(block, PROT_READ);
	}
	for (i = 0; i < KD_ARRAY_SIZE(mem->memfd); i++)
		mem->memfd[i] = kd_memfd(100 + 5000 * i, seals[i]);
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	mem->eof = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			fd, 0);
	close(fd);
	mem->cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	mem->fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	mem->fds[1] = open("/", O_RDONLY | O_CLOEXEC);
	mem->fds[2] = mem->cancel;
	mem->fds[3] = open(proc->sh->dir, O_PATH | O_CLOEXEC);
	mem->fds[4] = proc->sh->mail[proc->index][0];
	mem->fds[5] = epoll_create1(EPOLL_CLOEXEC);
}

static void signals_init(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR2, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static bool all_done(const struct fz_proc *proc)
{
	int i;

	for (i = 0; i < FZ_WORKERS; i++)
		if (!__atomic_load_n(&proc->worker[i].done, __ATOMIC_ACQUIRE))
			return false;
	return true;
}

/* Life number so-and-so of a process; does not return. */
noreturn void fz_process(struct fz_shared *sh, unsigned int index,
			 uint64_t life)
{
	static const uint32_t users[] = { 0, 1001, 1002, 0, 1001 };
	static struct fz_proc proc;
	struct fz_rng rng = fz_seed(sh->opt.seed, index, FZ_WORKERS, life);
	struct rlimit files = { FZ_FD_COMMON + FZ_COMMON,
				 FZ_FD_COMMON + FZ_COMMON };
	int i, j;

	proc.sh = sh;
	proc.index = index;
	proc.uid = users[index % KD_ARRAY_SIZE(users)];
	setrlimit(RLIMIT_NOFILE, &files);
	mem_init(&proc);
	signals_init();
	if (proc.uid && kd_set_user(proc.uid) != 0)
		_exit(3);
	for (i = 0; i < FZ_WORKERS; i++) {
		struct fz_worker *w = &proc.worker[i];

		w->proc = &proc;
		w->ctx.sh = sh;
		w->ctx.mem = &proc.mem;
		w->ctx.worker = i;
		w->ctx.uid = proc.uid;
		w->step = sh->opt.first + life * FZ_LIFE;
		w->end = w->step + FZ_LIFE;
		if (sh->opt.steps && w->end > sh->opt.first + sh->opt.steps)
			w->end = sh->opt.first + sh->opt.steps;
		for (j = 0; j < FZ_SLOTS; j++)
			w->slot[j].fd = -1;
		if (pthread_create(&w->thread, NULL, work, w) != 0)
			_exit(4);
	}
	while (!all_done(&proc)) {
		pester(&proc, &rng);
		usleep(200 + fz_below(&rng, 1000));
	}
	fflush(stdout);
	_exit(0);
}
