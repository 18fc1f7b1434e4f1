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
#include <sys/resource.h>
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

/* The same with a block that cannot be written back to. */
int kd_ioctl_readonly(int fd, unsigned long cmd, const struct kd_block *b)
{
	void *p = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r;

	if (p == MAP_FAILED)
		abort();
	memcpy(p, b, sizeof(*b));
	if (mprotect(p, sizeof(*b), PROT_READ) < 0)
		abort();
	r = kd_ioctl(fd, cmd, p);
	munmap(p, sizeof(*b));
	return r;
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

struct kdbus_item *kd_add_access(struct kd_block *b, uint64_t type,
				 uint64_t access, uint64_t id)
{
	struct kdbus_policy_access grant = {
		.type = type,
		.access = access,
		.id = id,
	};

	return kd_add(b, KDBUS_ITEM_POLICY_ACCESS, &grant, sizeof(grant));
}

void kd_make_start(struct kd_block *b, const char *name)
{
	struct kdbus_bloom_parameter bloom = {
		.size = KD_BLOOM,
		.n_hash = 8,
	};

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

/* A custom endpoint of the bus; the descriptor keeps it alive. */
int kd_endpoint_make(const char *path, const char *name, uint64_t flags)
{
	struct kd_block b;
	int fd, r;

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	kd_start(&b, sizeof(b.cmd));
	b.cmd.flags = flags;
	kd_add_str(&b, KDBUS_ITEM_MAKE_NAME, name);
	r = kd_ioctl(fd, KDBUS_CMD_ENDPOINT_MAKE, &b);
	if (r != 0) {
		close(fd);
		return r < 0 ? r : -EPROTO;
	}
	return fd;
}

void kd_hello_start(struct kd_block *b, uint64_t pool_size)
{
	kd_start(b, sizeof(b->hello));
	b->hello.pool_size = pool_size;
	b->hello.attach_flags_send = _KDBUS_ATTACH_ANY;
}

/* HELLO, map the pool, free the slice that HELLO reported. */
int kd_hello_block(struct kd_conn *c, const char *path, struct kd_block *b)
{
	void *p;
	int r;

	memset(c, 0, sizeof(*c));
	c->fd = open(path, O_RDWR | O_CLOEXEC);
	if (c->fd < 0)
		return -errno;
	r = kd_ioctl(c->fd, KDBUS_CMD_HELLO, b);
	if (r != 0)
		goto error;
	memcpy(&c->hello, &b->hello, sizeof(c->hello));
	c->id = b->hello.id;
	c->pool_size = b->hello.pool_size;
	p = mmap(NULL, c->pool_size, PROT_READ, MAP_SHARED, c->fd, 0);
	if (p == MAP_FAILED) {
		r = -errno;
		goto error;
	}
	c->pool = p;
	r = kd_free(c, b->hello.offset);
	if (r != 0)
		goto error;
	return 0;

error:
	kd_close(c);
	return r < 0 ? r : -EPROTO;
}

int kd_hello(struct kd_conn *c, const char *path, uint64_t flags,
	     uint64_t attach_recv, uint64_t pool_size)
{
	struct kd_block b;

	kd_hello_start(&b, pool_size);
	b.hello.flags = flags;
	b.hello.attach_flags_recv = attach_recv;
	return kd_hello_block(c, path, &b);
}

/* The start of a HELLO for an activator or policy holder; grants may follow. */
void kd_hold_start(struct kd_block *b, uint64_t flags, const char *name)
{
	kd_hello_start(b, KD_POOL);
	b->hello.flags = flags;
	kd_add_str(b, KDBUS_ITEM_NAME, name);
}

/* An activator or policy holder, which grants nothing. */
int kd_hello_name(struct kd_conn *c, const char *path, uint64_t flags,
		  const char *name)
{
	struct kd_block b;

	kd_hold_start(&b, flags, name);
	return kd_hello_block(c, path, &b);
}

/* A policy holder with one grant. */
int kd_holder(struct kd_conn *c, const char *path, const char *name,
	      uint64_t type, uint64_t access, uint64_t id)
{
	struct kd_block b;

	kd_hold_start(&b, KDBUS_HELLO_POLICY_HOLDER, name);
	kd_add_access(&b, type, access, id);
	return kd_hello_block(c, path, &b);
}

/* An ordinary connection that wants no metadata. */
int kd_connect(struct kd_conn *c, const char *path)
{
	return kd_hello(c, path, KDBUS_HELLO_ACCEPT_FD, 0, KD_POOL);
}

/* The same as another user; see kd_act_as(). */
int kd_connect_as(struct kd_conn *c, const char *path, uint32_t id)
{
	int r = kd_act_as(id);

	if (r != 0)
		return r;
	r = kd_connect(c, path);
	return kd_act_as(0) ?: r;
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

struct kdbus_item *kd_msg_memfd(struct kd_block *b, int fd, uint64_t start,
				uint64_t size)
{
	struct kdbus_memfd memfd = { .start = start, .size = size, .fd = fd };

	return kd_add(b, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
}

struct kdbus_item *kd_msg_fds(struct kd_block *b, const int *fds, size_t n)
{
	return kd_add(b, KDBUS_ITEM_FDS, fds, n * sizeof(*fds));
}

/* To whoever owns the name. */
void kd_msg_start_name(struct kd_block *b, const char *name)
{
	kd_msg_start(b, KDBUS_DST_ID_NAME);
	kd_add_str(b, KDBUS_ITEM_DST_NAME, name);
}

/* A signal with an empty filter, as wide as the bus of kd_make_start() asks. */
void kd_signal_start(struct kd_block *b, uint64_t dst, uint64_t cookie)
{
	kd_msg_start(b, dst);
	b->msg.flags = KDBUS_MSG_SIGNAL;
	b->msg.cookie = cookie;
	kd_add(b, KDBUS_ITEM_BLOOM_FILTER, NULL, 8 + KD_BLOOM);
}

int kd_broadcast(const struct kd_conn *c, uint64_t cookie)
{
	struct kd_block b;

	kd_signal_start(&b, KDBUS_DST_ID_BROADCAST, cookie);
	return kd_msg_send(c, &b);
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

int kd_send_name(const struct kd_conn *c, const char *name, uint64_t cookie)
{
	struct kd_block b;

	kd_msg_start_name(&b, name);
	b.msg.cookie = cookie;
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

/* The item of a notification as a change; -EPROTO if that is not what it is. */
static int parse_change(const struct kdbus_item *item, struct kd_change *change)
{
	size_t len;

	change->type = item->type;
	switch (item->type) {
	case KDBUS_ITEM_ID_ADD:
		change->new_id = item->id_change;
		return item->size == 32 ? 0 : -EPROTO;
	case KDBUS_ITEM_ID_REMOVE:
		change->old_id = item->id_change;
		return item->size == 32 ? 0 : -EPROTO;
	case KDBUS_ITEM_NAME_ADD:
	case KDBUS_ITEM_NAME_REMOVE:
	case KDBUS_ITEM_NAME_CHANGE:
		len = strlen(item->name_change.name);
		if (item->size != 49 + len || len >= sizeof(change->name))
			return -EPROTO;
		memcpy(change->name, item->name_change.name, len);
		change->old_id = item->name_change.old_id;
		change->new_id = item->name_change.new_id;
		return 0;
	default:
		return -EPROTO;
	}
}

/*
 * Receive a NAME_* or ID_* notification, which must be there, and free it.
 * -EPROTO for any other message and for every departure from NOTE-1.
 */
int kd_change(const struct kd_conn *c, struct kd_change *change)
{
	const struct kdbus_item *item, *stamp;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	int r;

	memset(change, 0, sizeof(*change));
	r = kd_recv(c, 0, 0, &cmd);
	if (r != 0)
		return r;
	msg = kd_msg(c, cmd.msg.offset);
	item = msg->items;
	r = msg->src_id ? -EPROTO : parse_change(item, change);
	if (r == 0) {
		size_t end = sizeof(*msg) + KD_ALIGN8(item->size);

		stamp = (const struct kdbus_item *)((const uint8_t *)msg + end);
		change->seqnum = stamp->timestamp.seqnum;
		if (cmd.msg.msg_size != end + 40 || msg->size != end + 40 ||
		    msg->flags != KDBUS_MSG_SIGNAL || msg->priority ||
		    msg->dst_id != KDBUS_DST_ID_BROADCAST ||
		    msg->payload_type || msg->cookie || msg->cookie_reply ||
		    stamp->size != 40 || !change->seqnum ||
		    stamp->type != KDBUS_ITEM_TIMESTAMP)
			r = -EPROTO;
	}
	return kd_free(c, cmd.msg.offset) ?: r;
}

/* Receive a notification that must be this one. */
static int expect_change(const struct kd_conn *c, const char *name,
			 const struct kd_change *want)
{
	struct kd_change got;
	int r = kd_change(c, &got);

	if (r != 0)
		return r;
	if (got.type != want->type || strcmp(got.name, name) != 0 ||
	    got.old_id.id != want->old_id.id ||
	    got.old_id.flags != want->old_id.flags ||
	    got.new_id.id != want->new_id.id ||
	    got.new_id.flags != want->new_id.flags) {
		printf("# got %llx %llu/%llx -> %llu/%llx \"%s\"\n",
		       (unsigned long long)got.type,
		       (unsigned long long)got.old_id.id,
		       (unsigned long long)got.old_id.flags,
		       (unsigned long long)got.new_id.id,
		       (unsigned long long)got.new_id.flags, got.name);
		return -EPROTO;
	}
	return 0;
}

int kd_name_added(const struct kd_conn *c, const char *name, uint64_t id,
		  uint64_t flags)
{
	struct kd_change want = {
		.type = KDBUS_ITEM_NAME_ADD,
		.new_id = { .id = id, .flags = flags },
	};

	return expect_change(c, name, &want);
}

int kd_name_removed(const struct kd_conn *c, const char *name, uint64_t id,
		    uint64_t flags)
{
	struct kd_change want = {
		.type = KDBUS_ITEM_NAME_REMOVE,
		.old_id = { .id = id, .flags = flags },
	};

	return expect_change(c, name, &want);
}

int kd_name_changed(const struct kd_conn *c, const char *name, uint64_t old_id,
		    uint64_t old_flags, uint64_t new_id, uint64_t new_flags)
{
	struct kd_change want = {
		.type = KDBUS_ITEM_NAME_CHANGE,
		.old_id = { .id = old_id, .flags = old_flags },
		.new_id = { .id = new_id, .flags = new_flags },
	};

	return expect_change(c, name, &want);
}

int kd_id_added(const struct kd_conn *c, uint64_t id, uint64_t flags)
{
	struct kd_change want = {
		.type = KDBUS_ITEM_ID_ADD,
		.new_id = { .id = id, .flags = flags },
	};

	return expect_change(c, "", &want);
}

int kd_id_removed(const struct kd_conn *c, uint64_t id, uint64_t flags)
{
	struct kd_change want = {
		.type = KDBUS_ITEM_ID_REMOVE,
		.old_id = { .id = id, .flags = flags },
	};

	return expect_change(c, "", &want);
}

/*
 * The errors of NAME-2 and NAME-5 come with no flags; ret, unless NULL, gets
 * those of success.
 */
static int name_command(const struct kd_conn *c, unsigned long command,
			const char *name, uint64_t flags, uint64_t *ret)
{
	struct kd_block b;
	int r;

	kd_start(&b, sizeof(b.cmd));
	b.cmd.flags = flags;
	b.cmd.return_flags = ~0ULL;
	kd_add_str(&b, KDBUS_ITEM_NAME, name);
	r = kd_ioctl(c->fd, command, &b);
	/* H-3: before the block is looked at */
	if (r == -EOPNOTSUPP || r == -ECONNRESET || r == -EBADFD)
		return r;
	if (r != 0 && b.cmd.return_flags)
		return -EPROTO;
	if (ret)
		*ret = b.cmd.return_flags;
	return r;
}

int kd_name_acquire(const struct kd_conn *c, const char *name, uint64_t flags,
		    uint64_t *ret)
{
	return name_command(c, KDBUS_CMD_NAME_ACQUIRE, name, flags, ret);
}

int kd_name_release(const struct kd_conn *c, const char *name)
{
	uint64_t flags;
	int r = name_command(c, KDBUS_CMD_NAME_RELEASE, name, 0, &flags);

	return r == 0 && flags ? -EPROTO : r;
}

void kd_match_start(struct kd_block *b, uint64_t cookie)
{
	kd_start(b, sizeof(b->match));
	b->match.cookie = cookie;
}

/* A rule for NAME_* notifications; for any name if that is NULL. */
struct kdbus_item *kd_add_name_rule(struct kd_block *b, uint64_t type,
				    uint64_t old_id, uint64_t new_id,
				    const char *name)
{
	size_t len = name ? strlen(name) + 1 : 0;
	struct kdbus_item *item = kd_add(b, type, NULL, 32 + len);

	item->name_change.old_id.id = old_id;
	item->name_change.new_id.id = new_id;
	if (len)
		memcpy(item->name_change.name, name, len);
	return item;
}

struct kdbus_item *kd_add_id_rule(struct kd_block *b, uint64_t type,
				  uint64_t id)
{
	struct kdbus_notify_id_change change = { .id = id };

	return kd_add(b, type, &change, sizeof(change));
}

int kd_match_add(const struct kd_conn *c, struct kd_block *b)
{
	int r;

	b->match.return_flags = ~0ULL;
	r = kd_ioctl(c->fd, KDBUS_CMD_MATCH_ADD, b);
	return r == 0 && b->match.return_flags ? -EPROTO : r;
}

/* A match without rules, which everything satisfies. */
int kd_match_all(const struct kd_conn *c, uint64_t cookie)
{
	struct kd_block b;

	kd_match_start(&b, cookie);
	return kd_match_add(c, &b);
}

/* A match that every signal satisfies, and no notification. */
int kd_match_signals(const struct kd_conn *c, uint64_t cookie)
{
	struct kd_block b;

	kd_match_start(&b, cookie);
	kd_add(&b, KDBUS_ITEM_BLOOM_MASK, NULL, KD_BLOOM);
	return kd_match_add(c, &b);
}

int kd_match_remove(const struct kd_conn *c, uint64_t cookie)
{
	struct kdbus_cmd_match cmd = {
		.size = sizeof(cmd),
		.cookie = cookie,
	};

	return kd_ioctl(c->fd, KDBUS_CMD_MATCH_REMOVE, &cmd);
}

/* Ask for all NAME_* notifications, under cookies that no test uses. */
int kd_watch_names(const struct kd_conn *c)
{
	static const uint64_t types[] = {
		KDBUS_ITEM_NAME_ADD, KDBUS_ITEM_NAME_REMOVE,
		KDBUS_ITEM_NAME_CHANGE,
	};
	struct kd_block b;
	size_t i;
	int r = 0;

	for (i = 0; i < KD_ARRAY_SIZE(types) && r == 0; i++) {
		kd_match_start(&b, 1000000 + i);
		kd_add_name_rule(&b, types[i], KDBUS_MATCH_ID_ANY,
				 KDBUS_MATCH_ID_ANY, NULL);
		r = kd_match_add(c, &b);
	}
	return r;
}

/* The same for ID_* notifications. */
int kd_watch_ids(const struct kd_conn *c)
{
	static const uint64_t types[] = {
		KDBUS_ITEM_ID_ADD, KDBUS_ITEM_ID_REMOVE,
	};
	struct kd_block b;
	size_t i;
	int r = 0;

	for (i = 0; i < KD_ARRAY_SIZE(types) && r == 0; i++) {
		kd_match_start(&b, 1000010 + i);
		kd_add_id_rule(&b, types[i], KDBUS_MATCH_ID_ANY);
		r = kd_match_add(c, &b);
	}
	return r;
}

/* CONN_INFO by id, by name unless NULL, or both. */
int kd_info(const struct kd_conn *c, uint64_t id, const char *name,
	    uint64_t mask, struct kdbus_cmd_info *cmd)
{
	struct kd_block b;
	int r;

	kd_start(&b, sizeof(b.info));
	b.info.id = id;
	b.info.attach_flags = mask;
	b.info.offset = KD_SLICE_NONE;
	b.info.info_size = ~0ULL;
	if (name)
		kd_add_str(&b, KDBUS_ITEM_NAME, name);
	r = kd_ioctl(c->fd, KDBUS_CMD_CONN_INFO, &b);
	*cmd = b.info;
	return r;
}

int kd_creator_info(const struct kd_conn *c, uint64_t mask,
		    struct kdbus_cmd_info *cmd)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->size = sizeof(*cmd);
	cmd->attach_flags = mask;
	cmd->offset = KD_SLICE_NONE;
	cmd->info_size = ~0ULL;
	return kd_ioctl(c->fd, KDBUS_CMD_BUS_CREATOR_INFO, cmd);
}

int kd_list(const struct kd_conn *c, uint64_t flags,
	    struct kdbus_cmd_list *cmd)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->size = sizeof(*cmd);
	cmd->flags = flags;
	cmd->offset = KD_SLICE_NONE;
	cmd->list_size = ~0ULL;
	return kd_ioctl(c->fd, KDBUS_CMD_LIST, cmd);
}

/*
 * What LIST says about the relation of a connection to a name: the flags, or
 * -ENOENT if there is none.
 */
int kd_entry(const struct kd_conn *c, uint64_t id, const char *name,
	     uint64_t *flags)
{
	const struct kdbus_info *info;
	const struct kdbus_item *item;
	struct kdbus_cmd_list cmd;
	int r, found = -ENOENT;
	uint64_t pos;

	r = kd_list(c, KDBUS_LIST_NAMES | KDBUS_LIST_ACTIVATORS |
		       KDBUS_LIST_QUEUED, &cmd);
	if (r != 0)
		return r;
	for (pos = 0; pos < cmd.list_size; pos += info->size) {
		info = kd_record(c, cmd.offset + pos);
		item = kd_record_item(info, KDBUS_ITEM_OWNED_NAME, 0);
		if (!item || info->size < sizeof(*info)) {
			found = -EPROTO;
			break;
		}
		if (info->id == id && strcmp(item->name.name, name) == 0) {
			found = found == -ENOENT ? 0 : -EPROTO;
			*flags = item->name.flags;
		}
	}
	return kd_free(c, cmd.offset) ?: found;
}

const struct kdbus_info *kd_record(const struct kd_conn *c, uint64_t offset)
{
	if (offset > c->pool_size - sizeof(struct kdbus_info))
		abort();
	return (const struct kdbus_info *)(c->pool + offset);
}

/* The n-th item of a type in the items of a record or message, or NULL. */
static const struct kdbus_item *find_item(const uint8_t *base, uint64_t pos,
					  uint64_t size, uint64_t type,
					  unsigned int n)
{
	while (pos + 16 <= size) {
		const struct kdbus_item *item;

		item = (const struct kdbus_item *)(base + pos);
		if (item->size < 16 || item->size > size - pos)
			return NULL;
		if (item->type == type && n-- == 0)
			return item;
		pos += KD_ALIGN8(item->size);
	}
	return NULL;
}

const struct kdbus_item *kd_record_item(const struct kdbus_info *info,
					uint64_t type, unsigned int n)
{
	return find_item((const uint8_t *)info, sizeof(*info), info->size,
			 type, n);
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
	return find_item((const uint8_t *)msg, sizeof(*msg), msg->size, type,
			 n);
}

/* The place of a type of metadata in the order of META-2, from 1; 0: none. */
static unsigned int kind_rank(uint64_t type)
{
	static const uint64_t order[] = {
		KDBUS_ITEM_CREDS, KDBUS_ITEM_PIDS, KDBUS_ITEM_AUXGROUPS,
		KDBUS_ITEM_TID_COMM, KDBUS_ITEM_PID_COMM, KDBUS_ITEM_EXE,
		KDBUS_ITEM_CMDLINE, KDBUS_ITEM_CGROUP, KDBUS_ITEM_CAPS,
		KDBUS_ITEM_SECLABEL, KDBUS_ITEM_AUDIT, KDBUS_ITEM_OWNED_NAME,
		KDBUS_ITEM_CONN_DESCRIPTION, KDBUS_ITEM_TIMESTAMP,
	};
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(order); i++)
		if (order[i] == type)
			return i + 1;
	return 0;
}

/*
 * The metadata in a list of items as KDBUS_ATTACH_*. All ones if the order or
 * number of the items is not that of META-2, if padding is not zero, or if the
 * list does not end with its last item, padded or not.
 */
static uint64_t kinds(const uint8_t *base, uint64_t pos, uint64_t size,
		      bool padded)
{
	const struct kdbus_item *item;
	unsigned int rank, last = 0;
	uint64_t end = pos, found = 0;

	for (; pos < size; pos = KD_ALIGN8(end)) {
		item = (const struct kdbus_item *)(base + pos);
		if (size - pos < 16 || item->size < 16 ||
		    item->size > size - pos)
			return ~0ULL;
		rank = kind_rank(item->type);
		if (rank < last || (!rank && item->type >= 0x1000) ||
		    (rank && rank == last &&
		     item->type != KDBUS_ITEM_OWNED_NAME))
			return ~0ULL;
		last = rank;
		if (rank)
			found |= 1ULL << (item->type - _KDBUS_ITEM_ATTACH_BASE);
		end = pos + item->size;
		for (pos = end; pos < KD_ALIGN8(end); pos++)
			if (base[pos])
				return ~0ULL;
	}
	return (padded ? KD_ALIGN8(end) : end) == size ? found : ~0ULL;
}

/* LAY-2: without the padding of the last item */
uint64_t kd_kinds(const struct kdbus_msg *msg)
{
	return kinds((const uint8_t *)msg, sizeof(*msg), msg->size, false);
}

/* INFO-2: with it */
uint64_t kd_record_kinds(const struct kdbus_info *info)
{
	return kinds((const uint8_t *)info, sizeof(*info), info->size, true);
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

/*
 * Become another user and group until kd_act_as(0); needs uid 0. Supplementary
 * groups stay as they are. All threads of the process change together.
 */
int kd_act_as(uint32_t id)
{
	/* only uid 0 may change its groups */
	if (setresuid(0, 0, 0) < 0)
		return -errno;
	if (setresgid(id, id, 0) < 0)
		return -errno;
	if (setresuid(id, id, 0) < 0)
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

#define SENDER_VARIABLE	"KDBUS_TEST_SENDER"

/*
 * Start a program that calls kd_sender_main() as the sender of one message,
 * with these arguments; root, unless NULL, is where it goes before it sends.
 */
int kd_exec_sender(const char *path, char *const argv[],
		   const struct kd_conn *c, uint64_t dst, const char *root)
{
	char task[KD_PATH_MAX];
	char *const envp[] = { task, NULL };
	int pid = fork();

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	snprintf(task, sizeof(task), SENDER_VARIABLE "=%d %llu %llu %s", c->fd,
		 (unsigned long long)c->pool_size, (unsigned long long)dst,
		 root ? root : "-");
	fcntl(c->fd, F_SETFD, 0);
	execve(path, argv, envp);
	_exit(127);
}

/* To be called first by the program: sends and exits if that is its task. */
void kd_sender_main(void)
{
	const char *task = getenv(SENDER_VARIABLE);
	unsigned long long pool_size, dst;
	struct kd_conn c = {};
	char root[KD_PATH_MAX];

	if (!task)
		return;
	if (sscanf(task, "%d %llu %llu %255s", &c.fd, &pool_size, &dst,
		   root) != 4)
		_exit(126);
	if (strcmp(root, "-") != 0 && chroot(root) < 0)
		_exit(125);
	c.pool_size = pool_size;
	_exit(kd_send(&c, dst, 1, NULL, 0) == 0 ? 0 : 124);
}

/* What a small file holds, with a NUL behind it; how much it is. */
int kd_read_file(const char *path, void *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, used = 0;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, (char *)buf + used, size - 1 - used)) > 0)
		used += n;
	if (n < 0)
		used = -errno;
	else
		((char *)buf)[used] = 0;
	close(fd);
	return used;
}

/* A memory file whose bytes count up from 0, sealed. */
int kd_memfd(size_t size, int seals)
{
	uint8_t block[4096];
	size_t i, pos, n;
	int fd;

	fd = memfd_create("kdbus-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	for (i = 0; i < sizeof(block); i++)
		block[i] = i;
	for (pos = 0; pos < size; pos += n) {
		n = size - pos < sizeof(block) ? size - pos : sizeof(block);
		if (pwrite(fd, block, n, pos) != (ssize_t)n)
			goto error;
	}
	if (seals && fcntl(fd, F_ADD_SEALS, seals) < 0)
		goto error;
	return fd;

error:
	i = errno;
	close(fd);
	return -i;
}

bool kd_same_file(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* The number that the next descriptor gets: whether some came or went. */
int kd_lowest_fd(void)
{
	int fd = dup(STDERR_FILENO);

	if (fd < 0)
		return -errno;
	close(fd);
	return fd;
}

/* Occupy all descriptor numbers of the process, apart from so many. */
int kd_spare_fds(unsigned int n)
{
	struct rlimit lim;
	unsigned int used;
	int fds[64];

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return -errno;
	lim.rlim_cur = KD_ARRAY_SIZE(fds);
	if (setrlimit(RLIMIT_NOFILE, &lim) < 0)
		return -errno;
	for (used = 0; used < KD_ARRAY_SIZE(fds); used++) {
		fds[used] = dup(STDERR_FILENO);
		if (fds[used] < 0)
			break;
	}
	if (errno != EMFILE || used < n)
		return -EPROTO;
	for (; n > 0; n--)
		close(fds[--used]);
	return 0;
}
