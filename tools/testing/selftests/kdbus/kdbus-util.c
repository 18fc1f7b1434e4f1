// SPDX-License-Identifier: GPL-2.0-only
/*
 * Helpers of the kdbus self tests
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kdbus-util.h"

int kd_ioctl(int fd, unsigned long cmd, void *arg)
{
	int r = ioctl(fd, cmd, arg);

	return r < 0 ? -errno : r;
}

/* A mount namespace of its own: whatever is mounted goes with the test. */
int kd_namespace(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return -errno;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return 0;
}

int kd_mount(char *dir, size_t size)
{
	if (mkdir("/tmp", 01777) < 0 && errno != EEXIST)
		return -errno;
	snprintf(dir, size, "/tmp/kdbus-XXXXXX");
	if (!mkdtemp(dir))
		return -errno;
	/* under its own mount, which vanishes with the namespace */
	if (mount("kdbusfs", dir, "kdbusfs", 0, NULL) < 0)
		return -errno;
	return 0;
}

int kd_name(char *buf, size_t size, const char *suffix)
{
	return snprintf(buf, size, "%u-%s", (unsigned int)geteuid(), suffix);
}

void kd_start(struct kd_block *b, size_t fixed)
{
	memset(b, 0, sizeof(*b));
	b->size = fixed;
}

struct kdbus_item *kd_add(struct kd_block *b, uint64_t type, const void *data,
			  size_t len)
{
	size_t pos = KD_ALIGN8(b->size);
	struct kdbus_item *item = (struct kdbus_item *)(b->raw + pos);

	if (pos + 16 + len > sizeof(b->raw))
		abort();
	item->size = 16 + len;
	item->type = type;
	if (len && data)
		memcpy(item->data, data, len);
	/* without padding behind the last item: both forms must work */
	b->size = pos + item->size;
	return item;
}

struct kdbus_item *kd_add_str(struct kd_block *b, uint64_t type, const char *s)
{
	return kd_add(b, type, s, strlen(s) + 1);
}

struct kdbus_item *kd_add_u64(struct kd_block *b, uint64_t type, uint64_t v)
{
	return kd_add(b, type, &v, sizeof(v));
}

void kd_make_start(struct kd_block *b, const char *name)
{
	struct kdbus_bloom_parameter bloom = { .size = 64, .n_hash = 8 };

	kd_start(b, sizeof(b->cmd));
	kd_add(b, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	kd_add_u64(b, KDBUS_ITEM_ATTACH_FLAGS_SEND, _KDBUS_ATTACH_ANY);
	kd_add_str(b, KDBUS_ITEM_MAKE_NAME, name);
}

int kd_bus_make(const char *dir, const char *name, uint64_t flags)
{
	char path[KD_PATH_MAX];
	struct kd_block b;
	int fd, r;

	snprintf(path, sizeof(path), "%s/control", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	kd_make_start(&b, name);
	b.cmd.flags = flags;
	r = kd_ioctl(fd, KDBUS_CMD_BUS_MAKE, &b);
	if (r != 0) {
		close(fd);
		return r < 0 ? r : -EPROTO;
	}
	return fd;
}

int kd_env_init(struct kd_env *env, uint64_t flags)
{
	int r;

	memset(env, 0, sizeof(*env));
	r = kd_namespace();
	if (r < 0)
		return r;
	r = kd_mount(env->dir, sizeof(env->dir));
	if (r < 0)
		return r;
	kd_name(env->name, sizeof(env->name), "test");
	r = kd_bus_make(env->dir, env->name, flags);
	if (r < 0)
		return r;
	env->ctl = r;
	snprintf(env->busdir, sizeof(env->busdir), "%s/%s", env->dir,
		 env->name);
	snprintf(env->bus, sizeof(env->bus), "%s/%s/bus", env->dir, env->name);
	return 0;
}

void kd_hello_start(struct kd_block *b, uint64_t pool_size)
{
	kd_start(b, sizeof(b->hello));
	b->hello.pool_size = pool_size;
	b->hello.attach_flags_send = _KDBUS_ATTACH_ANY;
}

/* HELLO, map the pool, free the slice that HELLO reported. */
int kd_hello(struct kd_conn *c, const char *path, uint64_t flags,
	     uint64_t attach_recv, uint64_t pool_size)
{
	struct kd_block b;
	void *p;
	int r;

	memset(c, 0, sizeof(*c));
	c->fd = open(path, O_RDWR | O_CLOEXEC);
	if (c->fd < 0)
		return -errno;
	kd_hello_start(&b, pool_size);
	b.hello.flags = flags;
	b.hello.attach_flags_recv = attach_recv;
	r = kd_ioctl(c->fd, KDBUS_CMD_HELLO, &b);
	if (r != 0)
		goto error;
	memcpy(&c->hello, &b.hello, sizeof(c->hello));
	c->id = b.hello.id;
	c->pool_size = pool_size;
	p = mmap(NULL, pool_size, PROT_READ, MAP_SHARED, c->fd, 0);
	if (p == MAP_FAILED) {
		r = -errno;
		goto error;
	}
	c->pool = p;
	r = kd_free(c, b.hello.offset);
	if (r != 0)
		goto error;
	return 0;

error:
	kd_close(c);
	return r < 0 ? r : -EPROTO;
}

/* An ordinary connection that wants no metadata. */
int kd_connect(struct kd_conn *c, const char *path)
{
	return kd_hello(c, path, KDBUS_HELLO_ACCEPT_FD, 0, KD_POOL);
}

/* The cheapest connection there is: one page, not mapped. */
int kd_hello_only(const char *path)
{
	struct kd_block b;
	int fd, r;

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	kd_hello_start(&b, getpagesize());
	r = kd_ioctl(fd, KDBUS_CMD_HELLO, &b);
	if (r != 0) {
		close(fd);
		return r < 0 ? r : -EPROTO;
	}
	return fd;
}

void kd_close(struct kd_conn *c)
{
	if (c->pool)
		munmap((void *)c->pool, c->pool_size);
	if (c->fd >= 0)
		close(c->fd);
	c->pool = NULL;
	c->fd = -1;
}

void kd_msg_start(struct kd_block *b, uint64_t dst)
{
	kd_start(b, sizeof(b->msg));
	b->msg.dst_id = dst;
	b->msg.payload_type = KDBUS_PAYLOAD_DBUS;
	b->msg.cookie = 1;
}

struct kdbus_item *kd_msg_vec(struct kd_block *b, const void *data,
			      uint64_t size)
{
	struct kdbus_vec vec = {
		.size = size,
		.address = (uintptr_t)data,
	};

	return kd_add(b, KDBUS_ITEM_PAYLOAD_VEC, &vec, sizeof(vec));
}

int kd_msg_send(const struct kd_conn *c, const struct kd_block *msg)
{
	struct kdbus_cmd_send cmd = {
		.size = sizeof(cmd),
		.return_flags = ~0ULL,
		.msg_address = (uintptr_t)msg,
	};
	int r = kd_ioctl(c->fd, KDBUS_CMD_SEND, &cmd);

	if (r == 0 && (cmd.return_flags || cmd.reply.msg_size ||
		       cmd.reply.offset != c->pool_size))
		return -EPROTO;
	return r;
}

int kd_send(const struct kd_conn *c, uint64_t dst, uint64_t cookie,
	    const void *data, size_t size)
{
	struct kd_block b;

	kd_msg_start(&b, dst);
	b.msg.cookie = cookie;
	if (size)
		kd_msg_vec(&b, data, size);
	return kd_msg_send(c, &b);
}

int kd_send_prio(const struct kd_conn *c, uint64_t dst, uint64_t cookie,
		 int64_t priority)
{
	struct kd_block b;

	kd_msg_start(&b, dst);
	b.msg.cookie = cookie;
	b.msg.priority = priority;
	return kd_msg_send(c, &b);
}

int kd_recv(const struct kd_conn *c, uint64_t flags, int64_t priority,
	    struct kdbus_cmd_recv *cmd)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->size = sizeof(*cmd);
	cmd->flags = flags;
	cmd->priority = priority;
	cmd->return_flags = ~0ULL;
	cmd->dropped_msgs = ~0ULL;
	cmd->msg.offset = KD_SLICE_NONE;
	cmd->msg.msg_size = ~0ULL;
	return kd_ioctl(c->fd, KDBUS_CMD_RECV, cmd);
}

/* Receive, note the cookie, free. */
int kd_recv_cookie(const struct kd_conn *c, uint64_t *cookie)
{
	struct kdbus_cmd_recv cmd;
	int r = kd_recv(c, 0, 0, &cmd);

	if (r != 0)
		return r;
	*cookie = kd_msg(c, cmd.msg.offset)->cookie;
	return kd_free(c, cmd.msg.offset);
}

int kd_free(const struct kd_conn *c, uint64_t offset)
{
	struct kdbus_cmd_free cmd = {
		.size = sizeof(cmd),
		.offset = offset,
	};

	return kd_ioctl(c->fd, KDBUS_CMD_FREE, &cmd);
}

int kd_byebye(const struct kd_conn *c)
{
	struct kdbus_cmd cmd = { .size = sizeof(cmd) };

	return kd_ioctl(c->fd, KDBUS_CMD_BYEBYE, &cmd);
}

uint64_t kd_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

void kd_call_start(struct kd_block *b, uint64_t dst, uint64_t cookie,
		   uint64_t deadline)
{
	kd_msg_start(b, dst);
	b->msg.flags = KDBUS_MSG_EXPECT_REPLY;
	b->msg.cookie = cookie;
	b->msg.timeout_ns = deadline;
}

/* An asynchronous call without payload. */
int kd_call(const struct kd_conn *c, uint64_t dst, uint64_t cookie,
	    uint64_t deadline)
{
	struct kd_block b;

	kd_call_start(&b, dst, cookie, deadline);
	return kd_msg_send(c, &b);
}

/*
 * A synchronous call, which cancel ends unless it is negative. Whatever the
 * command returns is checked here, apart from the place of the reply.
 */
int kd_call_sync(const struct kd_conn *c, const struct kd_block *msg,
		 int cancel, struct kdbus_cmd_send *cmd)
{
	const struct kdbus_cmd_send poison = {
		.return_flags = ~0ULL,
		.reply.offset = KD_SLICE_NONE,
		.reply.msg_size = ~0ULL,
		.reply.return_flags = ~0ULL,
	};
	struct kd_block b;
	int r;

	kd_start(&b, sizeof(b.send));
	if (cancel >= 0)
		kd_add(&b, KDBUS_ITEM_CANCEL_FD, &cancel, sizeof(cancel));
	b.send.flags = KDBUS_SEND_SYNC_REPLY;
	b.send.msg_address = (uintptr_t)msg;
	b.send.return_flags = poison.return_flags;
	b.send.reply = poison.reply;
	r = kd_ioctl(c->fd, KDBUS_CMD_SEND, &b);
	*cmd = b.send;

	/* H-3: a connection that has gone does not look at the block */
	if (r == -ECONNRESET && b.send.return_flags == poison.return_flags)
		b.send.return_flags = 0;
	if (b.send.flags != KDBUS_SEND_SYNC_REPLY || b.send.return_flags)
		return -EPROTO;
	if (r != 0 && memcmp(&b.send.reply, &poison.reply,
			     sizeof(poison.reply)) != 0)
		return -EPROTO;
	return r;
}

/* A reply has the cookie of the request as its own, too. */
int kd_reply(const struct kd_conn *c, uint64_t dst, uint64_t cookie_reply,
	     const void *data, size_t size)
{
	struct kd_block b;

	kd_msg_start(&b, dst);
	b.msg.cookie = cookie_reply;
	b.msg.cookie_reply = cookie_reply;
	if (size)
		kd_msg_vec(&b, data, size);
	return kd_msg_send(c, &b);
}

int kd_drop(const struct kd_conn *c)
{
	struct kdbus_cmd_recv cmd;

	return kd_recv(c, KDBUS_RECV_DROP, 0, &cmd);
}

/*
 * Receive a REPLY_* notification, waiting for it, and free it: its cookie, and
 * when it arose. -EPROTO for any other message and for every departure from
 * NOTE-1.
 */
int kd_notice(const struct kd_conn *c, uint64_t type, uint64_t *cookie,
	      uint64_t *when)
{
	const struct kdbus_item *item, *stamp;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	int r;

	r = kd_poll(c->fd, POLLIN, KD_PATIENCE);
	if (r != POLLIN)
		return r < 0 ? r : -ETIME;
	r = kd_recv(c, 0, 0, &cmd);
	if (r != 0)
		return r;

	msg = kd_msg(c, cmd.msg.offset);
	item = msg->items;
	stamp = (const struct kdbus_item *)((const uint8_t *)msg + 80);
	*cookie = msg->cookie_reply;
	*when = stamp->timestamp.monotonic_ns;
	if (cmd.msg.msg_size != 120 || msg->size != 120 || msg->flags ||
	    msg->priority || msg->dst_id != c->id || msg->src_id ||
	    msg->payload_type || msg->cookie ||
	    item->size != 16 || item->type != type ||
	    stamp->size != 40 || stamp->type != KDBUS_ITEM_TIMESTAMP ||
	    !stamp->timestamp.seqnum || !stamp->timestamp.realtime_ns)
		r = -EPROTO;
	return kd_free(c, cmd.msg.offset) ?: r;
}

/* The same where the cookie is known. */
int kd_notice_of(const struct kd_conn *c, uint64_t type, uint64_t cookie)
{
	uint64_t got, when;
	int r = kd_notice(c, type, &got, &when);

	return r ?: got == cookie ? 0 : -EPROTO;
}

const struct kdbus_msg *kd_msg(const struct kd_conn *c, uint64_t offset)
{
	if (offset > c->pool_size - sizeof(struct kdbus_msg))
		abort();
	return (const struct kdbus_msg *)(c->pool + offset);
}

/* The n-th item of a type in a received message, or NULL. */
const struct kdbus_item *kd_item(const struct kdbus_msg *msg, uint64_t type,
				 unsigned int n)
{
	const uint8_t *base = (const uint8_t *)msg;
	uint64_t pos = sizeof(*msg);

	while (pos + 16 <= msg->size) {
		const struct kdbus_item *item;

		item = (const struct kdbus_item *)(base + pos);
		if (item->size < 16 || item->size > msg->size - pos)
			return NULL;
		if (item->type == type && n-- == 0)
			return item;
		pos += KD_ALIGN8(item->size);
	}
	return NULL;
}

/* The events that are there, or a negative errno. */
int kd_poll(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int r = poll(&p, 1, timeout_ms);

	return r < 0 ? -errno : p.revents;
}

/*
 * Memory of len bytes right before a page that cannot be touched; prot is what
 * the memory itself permits, which the caller changes with mprotect() once it
 * is filled.
 */
void *kd_guard(size_t len, int prot)
{
	size_t page = getpagesize();
	size_t used = (len + page - 1) / page * page;
	uint8_t *p;

	p = mmap(NULL, used + page, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p + used, page, PROT_NONE) < 0)
		abort();
	return p + used - len;
}

/* Become another user for good, without capabilities. */
int kd_set_user(uint32_t id)
{
	if (setgroups(0, NULL) < 0)
		return -errno;
	if (setresgid(id, id, id) < 0)
		return -errno;
	if (setresuid(id, id, id) < 0)
		return -errno;
	/* keep access to the own files in /proc */
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		return -errno;
	return 0;
}

/* Exit status of a child, -EINTR if it was killed. */
int kd_wait(int pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}
