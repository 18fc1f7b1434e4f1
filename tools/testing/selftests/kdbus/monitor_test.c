// SPDX-License-Identifier: GPL-2.0-only
/*
 * Monitors (rules MON-1 to MON-4, ORD-4, NOTE-4 to NOTE-6, RECV-5 and RECV-9
 * for monitors; W-7, W-15, W-20)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALICE	4711
#define NAME	"com.example.service"
#define OTHER	"com.example.other"
#define DEAD	KDBUS_ITEM_REPLY_DEAD
#define TIMEOUT	KDBUS_ITEM_REPLY_TIMEOUT

/* large enough for 256 small messages of a user, and of the kernel */
#define POOL	(512 * 1024)
#define PAGE	4096

FIXTURE(monitor) {
	struct kd_env env;
	struct kd_conn a;	/* sends */
	struct kd_conn b;	/* receives, without ACCEPT_FD */
	struct kd_conn m;	/* watches, without ACCEPT_FD */
};

FIXTURE_SETUP(monitor)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_hello(&self->a, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->b, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->m, self->env.bus, KDBUS_HELLO_MONITOR, 0,
			      POOL));
}

FIXTURE_TEARDOWN(monitor)
{
}

/* Nothing is there, and nothing has been lost. */
static int quiet(const struct kd_conn *c)
{
	struct kdbus_cmd_recv cmd;
	int r = kd_recv(c, 0, 0, &cmd);

	return r != -EAGAIN ? r ?: -EPROTO : cmd.dropped_msgs ? -EOVERFLOW : 0;
}

/* The next message is a copy of this one; it is freed. */
static int copied(const struct kd_conn *m, uint64_t src, uint64_t dst,
		  uint64_t cookie)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	int r;

	r = kd_recv(m, 0, 0, &cmd);
	if (r != 0)
		return r;
	msg = kd_msg(m, cmd.msg.offset);
	if (msg->src_id != src || msg->dst_id != dst || msg->cookie != cookie ||
	    cmd.dropped_msgs)
		r = -EPROTO;
	return kd_free(m, cmd.msg.offset) ?: r;
}

/* The next messages of both are the same, byte for byte; they are freed. */
static int same(const struct kd_conn *c, const struct kd_conn *m)
{
	struct kdbus_cmd_recv x, y;
	int r;

	r = kd_recv(c, 0, 0, &x) ?: kd_recv(m, 0, 0, &y);
	if (r != 0)
		return r;
	if (x.msg.msg_size != y.msg.msg_size ||
	    memcmp(kd_msg(c, x.msg.offset), kd_msg(m, y.msg.offset),
		   x.msg.msg_size) != 0)
		r = -EPROTO;
	return kd_free(c, x.msg.offset) ?: kd_free(m, y.msg.offset) ?: r;
}

/* The next message is this notification for a caller; it is freed. */
static int noticed(const struct kd_conn *m, uint64_t type, uint64_t caller,
		   uint64_t cookie)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	int r;

	r = kd_recv(m, 0, 0, &cmd);
	if (r != 0)
		return r;
	msg = kd_msg(m, cmd.msg.offset);
	if (cmd.msg.msg_size != 120 || msg->src_id || msg->payload_type ||
	    msg->dst_id != caller || msg->cookie_reply != cookie ||
	    msg->items[0].type != type || msg->flags)
		r = -EPROTO;
	return kd_free(m, cmd.msg.offset) ?: r;
}

static uint64_t drain(const struct kd_conn *c)
{
	struct kdbus_cmd_recv cmd;
	uint64_t dropped = 0;
	int r;

	do {
		r = kd_recv(c, KDBUS_RECV_DROP, 0, &cmd);
		dropped += cmd.dropped_msgs;
	} while (r == 0);
	return dropped;
}

/* MON-1, MON-2: plain messages, calls and replies, as the receiver has them */
TEST_F(monitor, unicast)
{
	struct kd_block b;

	kd_msg_start(&b, self->b.id);
	b.msg.cookie = 11;
	b.msg.priority = -7;
	b.msg.payload_type = 4711;
	kd_msg_vec(&b, "some payload", 12);
	kd_msg_vec(&b, NULL, 5);
	kd_msg_vec(&b, "more", 4);
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(POLLIN, kd_poll(self->m.fd, POLLIN, 0));
	EXPECT_EQ(0, same(&self->b, &self->m));

	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 12, KD_FAR));
	EXPECT_EQ(0, same(&self->b, &self->m));
	ASSERT_EQ(0, kd_reply(&self->b, self->a.id, 12, "x", 1));
	EXPECT_EQ(0, same(&self->a, &self->m));
	/* to oneself */
	ASSERT_EQ(0, kd_send(&self->a, self->a.id, 13, NULL, 0));
	EXPECT_EQ(0, same(&self->a, &self->m));
	EXPECT_EQ(0, quiet(&self->m));
}

/* MON-2: 0 for what is addressed by name only */
TEST_F(monitor, by_name)
{
	struct kd_block b;

	ASSERT_EQ(0, kd_name_acquire(&self->b, NAME, 0, NULL));
	drain(&self->m);
	ASSERT_EQ(0, kd_send_name(&self->a, NAME, 1));
	EXPECT_EQ(0, copied(&self->m, self->a.id, 0, 1));
	kd_msg_start_name(&b, NAME);
	b.msg.dst_id = self->b.id;
	b.msg.cookie = 2;
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, copied(&self->m, self->a.id, self->b.id, 2));
	EXPECT_EQ(0, quiet(&self->m));
}

struct caller {
	pthread_t thread;
	const struct kd_conn *conn;
	uint64_t dst;
	int result;
};

static void *call_sync(void *data)
{
	struct caller *c = data;
	struct kdbus_cmd_send cmd;
	struct kd_block b;

	kd_call_start(&b, c->dst, 21, KD_FAR);
	c->result = kd_call_sync(c->conn, &b, -1, &cmd);
	return NULL;
}

/* MON-1: synchronous calls and their replies */
TEST_F(monitor, synchronous)
{
	struct caller c = { .conn = &self->a, .dst = self->b.id };
	struct kdbus_cmd_send cmd;
	struct kd_block b;

	ASSERT_EQ(0, pthread_create(&c.thread, NULL, call_sync, &c));
	ASSERT_EQ(POLLIN, kd_poll(self->b.fd, POLLIN, KD_PATIENCE));
	EXPECT_EQ(0, same(&self->b, &self->m));
	ASSERT_EQ(0, kd_reply(&self->b, self->a.id, 21, "x", 1));
	pthread_join(c.thread, NULL);
	EXPECT_EQ(0, c.result);
	EXPECT_EQ(0, copied(&self->m, self->b.id, self->a.id, 21));
	/* what was not sent is not copied */
	kd_call_start(&b, self->b.id, 22, KD_PAST);
	EXPECT_EQ(-ETIMEDOUT, kd_call_sync(&self->a, &b, -1, &cmd));
	EXPECT_EQ(0, quiet(&self->m));
}

/* MON-1: signals, also those that nobody gets */
TEST_F(monitor, signals)
{
	struct kd_block b;

	ASSERT_EQ(0, kd_broadcast(&self->a, 31));
	EXPECT_EQ(0, copied(&self->m, self->a.id, ~0ULL, 31));
	kd_signal_start(&b, self->b.id, 32);
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, copied(&self->m, self->a.id, self->b.id, 32));
	EXPECT_EQ(0, quiet(&self->b));

	ASSERT_EQ(0, kd_match_signals(&self->b, 1));
	ASSERT_EQ(0, kd_broadcast(&self->a, 33));
	EXPECT_EQ(0, same(&self->b, &self->m));
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, same(&self->b, &self->m));
	EXPECT_EQ(0, quiet(&self->m));
}

/* MON-1, NOTE-4: all notifications without any match */
TEST_F(monitor, notifications)
{
	const struct kd_conn *m = &self->m;
	struct kd_conn c, second;

	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	EXPECT_EQ(0, kd_id_added(m, c.id, KDBUS_HELLO_ACCEPT_FD));
	ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, 0, NULL));
	EXPECT_EQ(0, kd_name_added(m, NAME, self->a.id, KDBUS_NAME_PRIMARY));
	ASSERT_EQ(0, kd_name_acquire(&c, NAME, KDBUS_NAME_QUEUE, NULL));
	EXPECT_EQ(0, quiet(m));
	ASSERT_EQ(0, kd_name_release(&self->a, NAME));
	EXPECT_EQ(0, kd_name_changed(m, NAME, self->a.id, KDBUS_NAME_PRIMARY,
				     c.id,
				     KDBUS_NAME_PRIMARY | KDBUS_NAME_QUEUE));
	kd_close(&c);
	EXPECT_EQ(0, kd_name_removed(m, NAME, c.id,
				     KDBUS_NAME_PRIMARY | KDBUS_NAME_QUEUE));
	EXPECT_EQ(0, kd_id_removed(m, c.id, KDBUS_HELLO_ACCEPT_FD));
	/* MON-4: but not of one another */
	ASSERT_EQ(0, kd_hello(&second, self->env.bus, KDBUS_HELLO_MONITOR, 0,
			      PAGE));
	EXPECT_EQ(0, quiet(&second));
	kd_close(&second);
	EXPECT_EQ(0, quiet(m));
}

/* NOTE-5: REPLY_* of others, provided they are still there */
TEST_F(monitor, reply_notifications)
{
	struct kd_conn c;

	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 41, KD_PAST));
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 42, KD_FAR));
	ASSERT_EQ(POLLIN, kd_poll(self->a.fd, POLLIN, KD_PATIENCE));
	ASSERT_EQ(0, kd_drop(&self->b));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 41));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 42));
	/* the deadline may have passed before the second call was made */
	EXPECT_EQ(0, copied(&self->m, self->a.id, self->b.id, 41));
	if (copied(&self->m, self->a.id, self->b.id, 42) == 0) {
		EXPECT_EQ(0, noticed(&self->m, TIMEOUT, self->a.id, 41));
	} else {
		EXPECT_EQ(0, copied(&self->m, self->a.id, self->b.id, 42));
	}
	EXPECT_EQ(0, noticed(&self->m, DEAD, self->a.id, 42));
	EXPECT_EQ(0, quiet(&self->m));

	/* a caller who goes is told nothing, and nobody else is */
	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	ASSERT_EQ(0, kd_call(&c, self->b.id, 43, KD_FAR));
	kd_close(&c);
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(0, kd_id_added(&self->m, c.id, KDBUS_HELLO_ACCEPT_FD));
	EXPECT_EQ(0, copied(&self->m, c.id, self->b.id, 43));
	EXPECT_EQ(0, kd_id_removed(&self->m, c.id, KDBUS_HELLO_ACCEPT_FD));
	EXPECT_EQ(0, quiet(&self->m));
}

/* BYE-3: the order of what a disconnect causes */
TEST_F(monitor, disconnect)
{
	ASSERT_EQ(0, kd_name_acquire(&self->b, NAME, 0, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->b, OTHER, 0, NULL));
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 51, KD_FAR));
	drain(&self->m);
	kd_close(&self->b);
	EXPECT_EQ(0, kd_name_removed(&self->m, NAME, self->b.id,
				     KDBUS_NAME_PRIMARY));
	EXPECT_EQ(0, kd_name_removed(&self->m, OTHER, self->b.id,
				     KDBUS_NAME_PRIMARY));
	EXPECT_EQ(0, noticed(&self->m, DEAD, self->a.id, 51));
	EXPECT_EQ(0, kd_id_removed(&self->m, self->b.id, 0));
	EXPECT_EQ(0, quiet(&self->m));
}

/* A message with descriptors, all of them the same one. */
static int send_fds(const struct kd_conn *from, uint64_t dst, uint64_t cookie,
		    int fd, unsigned int n)
{
	struct kd_block b;
	int fds[16];

	kd_msg_start(&b, dst);
	b.msg.cookie = cookie;
	for (unsigned int i = 0; i < n; i++)
		fds[i] = fd;
	kd_add(&b, KDBUS_ITEM_FDS, fds, n * sizeof(int));
	return kd_msg_send(from, &b);
}

/* MON-1: what the receiver cannot take: ECOMM, ENOBUFS, EMFILE, EXFULL */
TEST_F(monitor, failed_delivery)
{
	static const uint8_t data[PAGE];
	struct kdbus_cmd_recv cmd;
	struct kd_conn c, d;
	int i, fds[2];

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, kd_hello(&c, self->env.bus, KDBUS_HELLO_ACCEPT_FD, 0,
			      2 * PAGE));
	drain(&self->m);
	EXPECT_EQ(-ECOMM, send_fds(&self->a, self->b.id, 1, fds[0], 1));
	EXPECT_EQ(0, copied(&self->m, self->a.id, self->b.id, 1));
	EXPECT_EQ(-ENOBUFS, kd_send(&self->a, c.id, 2, data, PAGE / 2));
	EXPECT_EQ(0, copied(&self->m, self->a.id, c.id, 2));

	EXPECT_EQ(0, send_fds(&self->a, c.id, 3, fds[0], 16));
	EXPECT_EQ(0, copied(&self->m, self->a.id, c.id, 3));
	EXPECT_EQ(-EMFILE, send_fds(&self->a, c.id, 4, fds[0], 1));
	EXPECT_EQ(0, copied(&self->m, self->a.id, c.id, 4));
	drain(&c);
	/* unfreed slices fill the pool */
	for (i = 0; i < 100; i++) {
		int r = kd_send(&self->a, c.id, 5, data, 512);

		EXPECT_EQ(0, copied(&self->m, self->a.id, c.id, 5));
		if (r == -EXFULL)
			break;
		ASSERT_EQ(0, r);
		ASSERT_EQ(0, kd_recv(&c, 0, 0, &cmd));
	}
	EXPECT_GT(100, i);

	/* a reply as well; section 38, W-11: the caller is told */
	ASSERT_EQ(0, kd_hello(&d, self->env.bus, 0, 0, PAGE));
	drain(&self->m);
	ASSERT_EQ(0, kd_call(&d, self->b.id, 6, KD_FAR));
	EXPECT_EQ(0, copied(&self->m, d.id, self->b.id, 6));
	EXPECT_EQ(-ENOBUFS, kd_reply(&self->b, d.id, 6, data, PAGE / 2));
	EXPECT_EQ(0, copied(&self->m, self->b.id, d.id, 6));
	EXPECT_EQ(0, noticed(&self->m, DEAD, d.id, 6));
	EXPECT_EQ(0, quiet(&self->m));
}

/* MON-1: nothing of what is refused; nor is it counted as lost (W-20) */
TEST_F(monitor, refused)
{
	struct kd_conn act, alice;
	struct kd_block b;
	int i;

	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   NAME));
	ASSERT_EQ(0, kd_name_acquire(&self->b, OTHER, 0, NULL));
	ASSERT_EQ(0, kd_match_signals(&self->b, 1));
	drain(&self->m);

	EXPECT_EQ(-ENXIO, kd_send(&self->a, ~0ULL - 1, 1, NULL, 0));
	EXPECT_EQ(-ESRCH, kd_send_name(&self->a, "com.example.none", 1));
	kd_msg_start_name(&b, OTHER);
	b.msg.dst_id = self->a.id;
	EXPECT_EQ(-EREMCHG, kd_msg_send(&self->a, &b));
	kd_msg_start_name(&b, NAME);
	b.msg.flags = KDBUS_MSG_NO_AUTO_START;
	EXPECT_EQ(-EADDRNOTAVAIL, kd_msg_send(&self->a, &b));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->a, self->b.id, 1, NULL, 0));
	kd_msg_start(&b, self->b.id);
	b.msg.payload_type = 0;
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, quiet(&self->m));

	/* a payload that cannot be read, in every kind of message */
	for (i = 0; i < 5; i++) {
		if (i == 0)
			kd_msg_start(&b, self->b.id);
		else if (i == 1)
			kd_call_start(&b, self->b.id, 1, KD_FAR);
		else if (i == 2)
			kd_signal_start(&b, self->b.id, 1);
		else if (i == 3)
			kd_signal_start(&b, KDBUS_DST_ID_BROADCAST, 1);
		else
			kd_msg_start_name(&b, NAME);
		kd_msg_vec(&b, kd_guard(16, PROT_NONE), 16);
		EXPECT_EQ(-EFAULT, kd_msg_send(&self->a, &b)) {
			TH_LOG("kind %d", i);
		}
		EXPECT_EQ(0, quiet(&self->m));
		EXPECT_EQ(0, quiet(&self->b));
	}

	for (i = 0; i < KD_CALLS_MAX; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, 2, KD_FAR));
	}
	EXPECT_EQ(0, drain(&self->m));
	EXPECT_EQ(-EMLINK, kd_call(&self->a, self->b.id, 3, KD_FAR));
	EXPECT_EQ(0, quiet(&self->m));

	if (geteuid() != 0)
		return;
	ASSERT_EQ(0, kd_connect_as(&alice, self->env.bus, ALICE));
	drain(&self->m);
	ASSERT_EQ(0, kd_act_as(ALICE));
	EXPECT_EQ(-EPERM, kd_send(&alice, self->b.id, 1, NULL, 0));
	EXPECT_EQ(-EPERM, kd_send_name(&alice, NAME, 1));
	EXPECT_EQ(0, quiet(&self->m));
	/* POL-10: but a signal needs nobody's permission to be sent */
	kd_signal_start(&b, self->b.id, 4);
	EXPECT_EQ(0, kd_msg_send(&alice, &b));
	EXPECT_EQ(0, copied(&self->m, alice.id, self->b.id, 4));
}

/* MON-1: migration makes no second copy */
TEST_F(monitor, migration)
{
	const uint64_t act_flags = KDBUS_NAME_ACTIVATOR | KDBUS_NAME_PRIMARY;
	struct kd_conn act;

	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   NAME));
	drain(&self->m);
	ASSERT_EQ(0, kd_send_name(&self->a, NAME, 61));
	EXPECT_EQ(0, copied(&self->m, self->a.id, 0, 61));
	ASSERT_EQ(0, kd_name_acquire(&self->b, NAME, 0, NULL));
	EXPECT_EQ(0, kd_name_changed(&self->m, NAME, act.id, act_flags,
				     self->b.id, KDBUS_NAME_PRIMARY));
	ASSERT_EQ(0, kd_name_release(&self->b, NAME));
	EXPECT_EQ(0, kd_name_changed(&self->m, NAME, self->b.id,
				     KDBUS_NAME_PRIMARY, act.id, act_flags));
	EXPECT_EQ(0, quiet(&self->m));
	EXPECT_EQ(0, copied(&act, self->a.id, 0, 61));
}

/* MON-2, META-1, ORD-4: the own mask counts; TIMESTAMP is that of all copies */
TEST_F(monitor, metadata)
{
	static const uint64_t masks[] = {
		0, KDBUS_ATTACH_TIMESTAMP,
		KDBUS_ATTACH_TIMESTAMP | KDBUS_ATTACH_CREDS |
			KDBUS_ATTACH_PIDS,
	};
	const struct kdbus_item *stamps[3][3];
	struct kd_conn c[3];
	int i, k, n;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, kd_hello(&c[i], self->env.bus, i ?
				      KDBUS_HELLO_MONITOR : 0, masks[2 - i],
				      POOL));
	}
	ASSERT_EQ(0, kd_match_signals(&c[0], 1));
	/* no notification is there, for all were made before */
	for (n = 0; n < 3; n++) {
		ASSERT_EQ(0, kd_broadcast(&self->a, n));
		for (i = 0; i < 3; i++) {
			const struct kdbus_msg *msg;
			struct kdbus_cmd_recv cmd;

			ASSERT_EQ(0, kd_recv(&c[i], 0, 0, &cmd));
			msg = kd_msg(&c[i], cmd.msg.offset);
			ASSERT_EQ(n, msg->cookie);
			for (k = 0; k < 3; k++) {
				static const uint64_t types[] = {
					KDBUS_ITEM_TIMESTAMP, KDBUS_ITEM_CREDS,
					KDBUS_ITEM_PIDS,
				};
				uint64_t bit = 1ULL << (types[k] - 0x1000);

				EXPECT_EQ(!!(masks[2 - i] & bit),
					  !!kd_item(msg, types[k], 0));
			}
			stamps[n][i] = kd_item(msg, KDBUS_ITEM_TIMESTAMP, 0);
		}
		ASSERT_NE(NULL, stamps[n][0]);
		ASSERT_NE(NULL, stamps[n][1]);
		EXPECT_EQ(NULL, stamps[n][2]);
		EXPECT_EQ(0, memcmp(&stamps[n][0]->timestamp,
				    &stamps[n][1]->timestamp,
				    sizeof(struct kdbus_timestamp)));
	}
}

/* RECV-9, W-7: descriptors go to monitors that accept them, -1 to others */
TEST_F(monitor, descriptors)
{
	const struct kdbus_item *item;
	struct kdbus_cmd_recv cmd;
	struct kd_conn taker, m2;
	struct stat st, st2;
	int fds[2], i, n;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, fstat(fds[0], &st));
	ASSERT_EQ(0, kd_connect(&taker, self->env.bus));
	ASSERT_EQ(0, kd_hello(&m2, self->env.bus, KDBUS_HELLO_MONITOR |
			      KDBUS_HELLO_ACCEPT_FD, 0, POOL));
	drain(&self->m);
	ASSERT_EQ(0, send_fds(&self->a, taker.id, 1, fds[0], 3));

	ASSERT_EQ(0, kd_recv(&self->m, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.msg.return_flags);
	item = kd_item(kd_msg(&self->m, cmd.msg.offset), KDBUS_ITEM_FDS, 0);
	ASSERT_NE(NULL, item);
	ASSERT_EQ(28, item->size);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-1, item->fds[i]);
	}

	ASSERT_EQ(0, kd_recv(&m2, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.msg.return_flags);
	item = kd_item(kd_msg(&m2, cmd.msg.offset), KDBUS_ITEM_FDS, 0);
	ASSERT_NE(NULL, item);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, fstat(item->fds[i], &st2));
		EXPECT_EQ(st.st_ino, st2.st_ino);
		EXPECT_EQ(FD_CLOEXEC, fcntl(item->fds[i], F_GETFD));
		close(item->fds[i]);
	}

	/* the receiver has its own, as if nobody watched */
	ASSERT_EQ(0, kd_recv(&taker, 0, 0, &cmd));
	item = kd_item(kd_msg(&taker, cmd.msg.offset), KDBUS_ITEM_FDS, 0);
	ASSERT_NE(NULL, item);
	for (i = 0, n = 0; i < 3; i++)
		n += fstat(item->fds[i], &st2) == 0 && st.st_ino == st2.st_ino;
	EXPECT_EQ(3, n);
}

static int sealed_memfd(const char *data, size_t size)
{
	int fd = memfd_create("monitor", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
		  F_SEAL_WRITE) < 0)
		return -1;
	return fd;
}

/* RECV-9, SEND-4: memory files come with or without ACCEPT_FD */
TEST_F(monitor, memfds)
{
	struct kdbus_memfd memfd = { .size = 4 };
	const struct kdbus_item *item;
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	char buf[5] = "";

	memfd.fd = sealed_memfd("data", 4);
	ASSERT_LE(0, memfd.fd);
	kd_signal_start(&b, KDBUS_DST_ID_BROADCAST, 1);
	kd_add(&b, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	ASSERT_EQ(0, kd_recv(&self->m, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.msg.return_flags);
	item = kd_item(kd_msg(&self->m, cmd.msg.offset),
		       KDBUS_ITEM_PAYLOAD_MEMFD, 0);
	ASSERT_NE(NULL, item);
	ASSERT_LE(0, item->memfd.fd);
	ASSERT_NE(memfd.fd, item->memfd.fd);
	EXPECT_EQ(4, pread(item->memfd.fd, buf, 4, 0));
	EXPECT_STREQ("data", buf);
}

/* MON-3: 256 copies of one user's messages; the rest is counted */
TEST_F(monitor, quota_messages)
{
	struct kdbus_cmd_recv cmd;
	struct kd_conn c;
	int i;

	for (i = 0; i < KD_QUEUE_MAX + 44; i++) {
		ASSERT_EQ(0, kd_send(&self->a, self->b.id, i, NULL, 0));
		ASSERT_EQ(0, kd_drop(&self->b));
	}
	EXPECT_EQ(0, quiet(&self->b));
	/* QUOTA-2, NOTE-6: the kernel is a user of its own */
	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	EXPECT_EQ(POLLIN, kd_poll(self->m.fd, POLLIN, 0));
	ASSERT_EQ(0, kd_recv(&self->m, KDBUS_RECV_PEEK, 0, &cmd));
	EXPECT_EQ(44, cmd.dropped_msgs);
	EXPECT_EQ(KDBUS_RECV_RETURN_DROPPED_MSGS, cmd.return_flags);
	ASSERT_EQ(0, kd_free(&self->m, cmd.msg.offset));
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, copied(&self->m, self->a.id, self->b.id, i));
	}
	EXPECT_EQ(0, kd_id_added(&self->m, c.id, KDBUS_HELLO_ACCEPT_FD));
	EXPECT_EQ(0, quiet(&self->m));
}

/* MON-3: the share of bytes, the descriptors, the pool; the sender is not told */
TEST_F(monitor, quota_other)
{
	static const uint8_t data[4 * PAGE];
	struct kdbus_cmd_recv cmd;
	struct kd_conn m, taker;
	int fds[2], i;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, kd_connect(&taker, self->env.bus));
	ASSERT_EQ(0, kd_hello(&m, self->env.bus, KDBUS_HELLO_MONITOR |
			      KDBUS_HELLO_ACCEPT_FD, 0, 4 * PAGE));
	/* more than a third of half of this pool */
	EXPECT_EQ(0, kd_send(&self->a, self->b.id, 1, data, PAGE));
	EXPECT_EQ(1, drain(&m));
	EXPECT_EQ(0, drain(&self->b));
	/* 16 descriptors, though the receiver has taken his */
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, send_fds(&self->a, taker.id, 2, fds[0], 8));
		EXPECT_EQ(0, drain(&taker));
		EXPECT_EQ(0, drain(&self->m));
	}
	EXPECT_EQ(1, drain(&m));
	/* no room: slices that are not freed */
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(0, kd_send(&self->a, self->b.id, 3, data, 512));
		EXPECT_EQ(0, drain(&self->b));
		if (kd_recv(&m, 0, 0, &cmd) != 0)
			break;
	}
	EXPECT_GT(100, i);
	EXPECT_EQ(1, cmd.dropped_msgs);
	EXPECT_EQ(0, drain(&m));
	/* none of that was lost for the other one */
	EXPECT_EQ(0, drain(&self->m));
}

/* NOTE-6: a flood of notifications has its own limit */
TEST_F(monitor, quota_of_the_kernel)
{
	int i;

	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, 0, NULL));
		ASSERT_EQ(0, kd_name_release(&self->a, NAME));
	}
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, NULL, 0));
	}
	EXPECT_EQ(-ENOBUFS, kd_send(&self->a, self->b.id, 1, NULL, 0));
	/* what the receiver could not take is one too many here, too */
	EXPECT_EQ(KD_QUEUE_MAX + 1, drain(&self->m));
}

/* W-35, NOTE-5: REPLY_* copies count as lost; the caller's own never are */
TEST_F(monitor, lost_notice)
{
	struct kd_conn m;
	int i;

	ASSERT_EQ(0, kd_hello(&m, self->env.bus, KDBUS_HELLO_MONITOR, 0,
			      PAGE));
	/* 120 bytes each; the kernel's share is a third of half a page */
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, i, KD_FAR));
		ASSERT_EQ(0, kd_drop(&self->b));
		ASSERT_EQ(0, kd_notice_of(&self->a, DEAD, i));
	}
	EXPECT_LE(3, drain(&m));
	EXPECT_EQ(0, drain(&self->m));
}

/* MON-3: several monitors, none of which disturbs the others */
TEST_F(monitor, several)
{
	struct kd_conn slow, fast;
	int i;

	ASSERT_EQ(0, kd_hello(&slow, self->env.bus, KDBUS_HELLO_MONITOR, 0,
			      PAGE));
	ASSERT_EQ(0, kd_hello(&fast, self->env.bus, KDBUS_HELLO_MONITOR, 0,
			      POOL));
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, kd_send(&self->a, self->b.id, i, NULL, 0));
	}
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, copied(&self->b, self->a.id, self->b.id, i));
		ASSERT_EQ(0, copied(&fast, self->a.id, self->b.id, i));
		ASSERT_EQ(0, copied(&self->m, self->a.id, self->b.id, i));
	}
	EXPECT_LT(100, drain(&slow));
	kd_close(&slow);
	kd_close(&fast);
	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, NULL, 0));
	EXPECT_EQ(0, copied(&self->m, self->a.id, self->b.id, 1));
	EXPECT_EQ(0, quiet(&self->m));
}

/* MON-1, POL-10: what goes through custom endpoints is watched as well */
TEST_F(monitor, custom_endpoint)
{
	char name[32], path[KD_PATH_MAX];
	struct kd_conn c;
	int ep;

	kd_name(name, sizeof(name), "ep");
	snprintf(path, sizeof(path), "%s/%s", self->env.busdir, name);
	ep = kd_endpoint_make(self->env.bus, name, 0);
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, kd_connect(&c, path));
	EXPECT_EQ(0, kd_id_added(&self->m, c.id, KDBUS_HELLO_ACCEPT_FD));
	ASSERT_EQ(0, kd_broadcast(&c, 71));
	EXPECT_EQ(0, copied(&self->m, c.id, ~0ULL, 71));
	ASSERT_EQ(0, kd_call(&self->a, c.id, 72, KD_FAR));
	EXPECT_EQ(0, copied(&self->m, self->a.id, c.id, 72));
	ASSERT_EQ(0, kd_reply(&c, self->a.id, 72, NULL, 0));
	EXPECT_EQ(0, copied(&self->m, c.id, self->a.id, 72));
	close(ep);
	EXPECT_EQ(0, kd_id_removed(&self->m, c.id, KDBUS_HELLO_ACCEPT_FD));
	EXPECT_EQ(0, quiet(&self->m));
}

/* RECV-2: monitors may read by priority */
TEST_F(monitor, priority)
{
	static const int prio[] = { 5, 1, 9, 1, 5, -3 };
	static const uint64_t order[] = { 5, 1, 3, 0, 4 };
	struct kdbus_cmd_recv cmd;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(prio); i++) {
		ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, i, prio[i]));
	}
	for (i = 0; i < KD_ARRAY_SIZE(order); i++) {
		ASSERT_EQ(0, kd_recv(&self->m, KDBUS_RECV_USE_PRIORITY, 8,
				     &cmd));
		EXPECT_EQ(order[i],
			  kd_msg(&self->m, cmd.msg.offset)->cookie);
	}
	EXPECT_EQ(-EAGAIN, kd_recv(&self->m, KDBUS_RECV_USE_PRIORITY, 8,
				   &cmd));
	EXPECT_EQ(0, copied(&self->m, self->a.id, self->b.id, 2));
}

struct sender {
	pthread_t thread;
	struct kd_conn conn;
	const char *bus;
	uint64_t dst;
	unsigned int n;
	int error;
};

static void *send_all(void *data)
{
	struct sender *s = data;
	unsigned int i;

	for (i = 0; i < s->n && !s->error; i++) {
		s->error = i % 3 ? kd_send(&s->conn, s->dst, i, &i, sizeof(i)) :
				   kd_broadcast(&s->conn, i);
		if (s->error == -ENOBUFS) {
			/* it was copied all the same */
			kd_poll(s->conn.fd, 0, 1);
			s->error = 0;
		}
	}
	return NULL;
}

static void *come_and_go(void *data)
{
	struct sender *s = data;
	struct kd_conn m;
	unsigned int i;

	for (i = 0; i < s->n && !s->error; i++) {
		s->error = kd_hello(&m, s->bus, KDBUS_HELLO_MONITOR, 0, PAGE);
		kd_close(&m);
	}
	return NULL;
}

/* MON-3, ORD-2: every message is copied once and in order, or counted */
TEST_F_TIMEOUT(monitor, under_load, 120)
{
	enum { SENDERS = 2, N = 600 };
	struct sender s[SENDERS + 1] = { 0 };
	uint64_t got = 0, lost = 0, next[SENDERS] = { 0 };
	struct kdbus_cmd_recv cmd;
	int i, r;

	for (i = 0; i < SENDERS; i++) {
		s[i].n = N;
		s[i].dst = self->b.id;
		ASSERT_EQ(0, kd_connect(&s[i].conn, self->env.bus));
	}
	drain(&self->m);
	/* other monitors are nothing anybody would notice */
	s[SENDERS].n = 100;
	s[SENDERS].bus = self->env.bus;
	ASSERT_EQ(0, pthread_create(&s[SENDERS].thread, NULL, come_and_go,
				    &s[SENDERS]));
	for (i = 0; i < SENDERS; i++) {
		ASSERT_EQ(0, pthread_create(&s[i].thread, NULL, send_all,
					    &s[i]));
	}
	while (got + lost < SENDERS * N) {
		const struct kdbus_msg *msg;

		drain(&self->b);
		ASSERT_EQ(POLLIN, kd_poll(self->m.fd, POLLIN, KD_PATIENCE));
		r = kd_recv(&self->m, 0, 0, &cmd);
		lost += cmd.dropped_msgs;
		if (r == -EAGAIN)
			continue;
		ASSERT_EQ(0, r);
		msg = kd_msg(&self->m, cmd.msg.offset);
		i = msg->src_id != s[0].conn.id;
		EXPECT_EQ(s[i].conn.id, msg->src_id);
		EXPECT_LE(next[i], msg->cookie);
		next[i] = msg->cookie + 1;
		got++;
		ASSERT_EQ(0, kd_free(&self->m, cmd.msg.offset));
	}
	for (i = 0; i <= SENDERS; i++) {
		pthread_join(s[i].thread, NULL);
		EXPECT_EQ(0, s[i].error);
	}
	EXPECT_EQ(SENDERS * N, got + lost);
	EXPECT_EQ(0, quiet(&self->m));
	TH_LOG("%d copies, %d lost", (int)got, (int)lost);
}

TEST_HARNESS_MAIN
