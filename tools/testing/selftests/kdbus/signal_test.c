// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals, to one and to all: who gets them, what happens to those that cannot
 * be queued, and in which order messages arrive (rules SEND-9, SEND-10,
 * SEND-12, RECV-5, POL-10, ORD-1 to ORD-4; W-20, W-24, W-46)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALICE		4711
#define BOB		4712
#define NAME		"org.example.One"
#define TWO		"org.example.Two"
#define TO_ALL		KDBUS_DST_ID_BROADCAST
/* large enough for 256 small messages of one user */
#define POOL		(1024 * 1024)

FIXTURE(signal) {
	struct kd_env env;
	struct kd_conn a;	/* sends */
	struct kd_conn b;
	struct kd_conn c;
	struct kd_conn d;	/* has no match */
};

FIXTURE_SETUP(signal)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_hello(&self->a, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->b, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->c, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->d, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_match_all(&self->b, 1));
	ASSERT_EQ(0, kd_match_all(&self->c, 1));
}

/* Nothing is there, and this number of messages has been lost. */
static int lost(const struct kd_conn *c, uint64_t n)
{
	struct kdbus_cmd_recv cmd;
	int r = kd_recv(c, 0, 0, &cmd);

	if (r != -EAGAIN)
		return r ?: -EPROTO;
	if (cmd.return_flags != (n ? KDBUS_RECV_RETURN_DROPPED_MSGS : 0))
		return -EPROTO;
	return cmd.dropped_msgs == n ? 0 : -ERANGE;
}

/* what a test did not expect has not come, and nothing was lost */
FIXTURE_TEARDOWN(signal)
{
	EXPECT_EQ(0, lost(&self->b, 0));
	EXPECT_EQ(0, lost(&self->c, 0));
	EXPECT_EQ(0, lost(&self->d, 0));
}

static int receive(const struct kd_conn *c, uint64_t expected)
{
	uint64_t cookie;
	int r = kd_recv_cookie(c, &cookie);

	return r ?: cookie == expected ? 0 : -EPROTO;
}

/* A signal without payload. */
static int send_signal(const struct kd_conn *c, uint64_t dst, uint64_t cookie)
{
	struct kd_block b;

	kd_signal_start(&b, dst, cookie);
	return kd_msg_send(c, &b);
}

static void drain(const struct kd_conn *c)
{
	while (kd_drop(c) == 0)
		;
}

/* SEND-9, LAY-3, LAY-4: a signal to one, as it arrives */
TEST_F(signal, unicast_layout)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	int i;

	kd_signal_start(&b, self->b.id, 77);
	item = b.msg.items;
	b.msg.items[0].bloom_filter.generation = 1ULL << 40;
	for (i = 0; i < KD_BLOOM; i++)
		b.msg.items[0].data[8 + i] = i;
	kd_msg_vec(&b, "hello", 5);
	b.msg.priority = -7;
	b.msg.payload_type = 99;
	b.msg.flags |= KDBUS_MSG_NO_AUTO_START;
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));

	ASSERT_EQ(POLLIN, kd_poll(self->b.fd, POLLIN, 0));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(192, cmd.msg.msg_size);
	msg = kd_msg(&self->b, cmd.msg.offset);
	EXPECT_EQ(184, msg->size);
	EXPECT_EQ(KDBUS_MSG_SIGNAL | KDBUS_MSG_NO_AUTO_START, msg->flags);
	EXPECT_EQ(-7, msg->priority);
	EXPECT_EQ(self->b.id, msg->dst_id);
	EXPECT_EQ(self->a.id, msg->src_id);
	EXPECT_EQ(99, msg->payload_type);
	EXPECT_EQ(77, msg->cookie);
	EXPECT_EQ(0, msg->cookie_reply);
	EXPECT_EQ(0, memcmp(msg->items, item, 88));
	item = kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 0);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(5, item->vec.size);
	EXPECT_EQ(184, item->vec.offset);
	EXPECT_EQ(0, memcmp((const uint8_t *)msg + 184, "hello\0\0\0", 8));
	EXPECT_EQ(0, kd_free(&self->b, cmd.msg.offset));
}

/* SEND-10: to all who want it, the sender included, once */
TEST_F(signal, broadcast_layout)
{
	const struct kd_conn *to[] = { &self->a, &self->b, &self->c };
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	size_t i;

	ASSERT_EQ(0, kd_match_all(&self->a, 1));
	ASSERT_EQ(0, kd_match_all(&self->a, 1));
	kd_signal_start(&b, TO_ALL, 5);
	kd_msg_vec(&b, "broad", 5);
	kd_msg_vec(&b, NULL, 3);
	kd_msg_vec(&b, "cast", 4);
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	for (i = 0; i < KD_ARRAY_SIZE(to); i++) {
		const struct kdbus_msg *msg;

		ASSERT_EQ(0, kd_recv(to[i], 0, 0, &cmd));
		msg = kd_msg(to[i], cmd.msg.offset);
		EXPECT_EQ(248, msg->size);
		/* LAY-5: after a zero-filled piece of 3 bytes 3 are put in */
		EXPECT_EQ(264, cmd.msg.msg_size);
		EXPECT_EQ(KDBUS_MSG_SIGNAL, msg->flags);
		EXPECT_EQ(TO_ALL, msg->dst_id);
		EXPECT_EQ(self->a.id, msg->src_id);
		EXPECT_EQ(5, msg->cookie);
		EXPECT_EQ(0, memcmp((const uint8_t *)msg + 248,
				    "broad\0\0\0cast\0\0\0\0", 16));
		EXPECT_EQ(0, kd_free(to[i], cmd.msg.offset));
		EXPECT_EQ(0, lost(to[i], 0));
	}
}

/* SEND-9, SEND-10, RECV-5: without a match nothing is delivered or counted */
TEST_F(signal, no_match)
{
	ASSERT_EQ(0, send_signal(&self->a, self->d.id, 1));
	ASSERT_EQ(0, send_signal(&self->a, self->a.id, 2));
	ASSERT_EQ(0, kd_match_remove(&self->b, 1));
	ASSERT_EQ(0, kd_match_remove(&self->c, 1));
	/* nobody listens at all */
	ASSERT_EQ(0, kd_broadcast(&self->a, 3));
	EXPECT_EQ(0, lost(&self->a, 0));
	EXPECT_EQ(0, kd_poll(self->d.fd, POLLIN, 0));
}

/* SEND-7: the destination must be there and ordinary; SEND-9: or not want it */
TEST_F(signal, destination)
{
	struct kd_conn kinds[3];
	size_t i;

	EXPECT_EQ(-ENXIO, send_signal(&self->a, self->d.id + 1, 1));
	EXPECT_EQ(-ENXIO, send_signal(&self->a, ~0ULL - 1, 1));
	ASSERT_EQ(0, kd_match_remove(&self->b, 1));
	ASSERT_EQ(0, kd_match_remove(&self->c, 1));
	ASSERT_EQ(0, kd_hello_name(&kinds[0], self->env.bus,
				   KDBUS_HELLO_ACTIVATOR, NAME));
	ASSERT_EQ(0, kd_hello_name(&kinds[1], self->env.bus,
				   KDBUS_HELLO_POLICY_HOLDER, TWO));
	ASSERT_EQ(0, kd_hello(&kinds[2], self->env.bus, KDBUS_HELLO_MONITOR,
			      0, KD_POOL));
	for (i = 0; i < KD_ARRAY_SIZE(kinds); i++) {
		EXPECT_EQ(-ENXIO, send_signal(&self->a, kinds[i].id, 1));
	}
	ASSERT_EQ(0, kd_broadcast(&self->a, 2));
	EXPECT_EQ(-EAGAIN, receive(&kinds[0], 2));
	EXPECT_EQ(0, receive(&kinds[2], 2));
	/* H-3 */
	for (i = 0; i < KD_ARRAY_SIZE(kinds); i++) {
		EXPECT_EQ(-EOPNOTSUPP, kd_broadcast(&kinds[i], 3));
	}
	kd_close(&self->b);
	EXPECT_EQ(-ENXIO, send_signal(&self->a, self->b.id, 1));
	ASSERT_EQ(0, kd_byebye(&self->a));
	EXPECT_EQ(-ECONNRESET, kd_broadcast(&self->a, 4));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
}

/* RECV-2: signals are received by priority like all others */
TEST_F(signal, priority)
{
	static const int64_t given[] = { 5, -1, 3, -1 };
	static const uint64_t order[] = { 1, 3, 2, 0 };
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	size_t i;

	ASSERT_EQ(0, kd_match_remove(&self->c, 1));
	for (i = 0; i < KD_ARRAY_SIZE(given); i++) {
		kd_signal_start(&b, i % 2 ? TO_ALL : self->b.id, i);
		b.msg.priority = given[i];
		ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	}
	for (i = 0; i < KD_ARRAY_SIZE(order); i++) {
		ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_USE_PRIORITY, 5,
				     &cmd));
		EXPECT_EQ(order[i], kd_msg(&self->b, cmd.msg.offset)->cookie);
		EXPECT_EQ(0, kd_free(&self->b, cmd.msg.offset));
	}
}

/* W-46, SEND-9: one too many is counted, and 0 is returned; SEND-10 */
TEST_F(signal, queue_full)
{
	uint64_t i;

	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, send_signal(&self->a, i % 2 ? TO_ALL :
							   self->b.id, i));
	}
	drain(&self->c);
	/* refused ones are not counted: RECV-5 */
	EXPECT_EQ(-ENOBUFS, kd_send(&self->a, self->b.id, 999, NULL, 0));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, send_signal(&self->a, self->b.id, 999));
		EXPECT_EQ(0, kd_broadcast(&self->a, i));
		EXPECT_EQ(0, receive(&self->c, i));
	}
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		struct kdbus_cmd_recv cmd;

		ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
		ASSERT_EQ(i, kd_msg(&self->b, cmd.msg.offset)->cookie);
		ASSERT_EQ(i ? 0 : 6, cmd.dropped_msgs);
		ASSERT_EQ(i ? 0 : KDBUS_RECV_RETURN_DROPPED_MSGS,
			  cmd.return_flags);
		ASSERT_EQ(0, kd_free(&self->b, cmd.msg.offset));
	}
	/* W-5: nothing stays charged */
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_send(&self->a, self->b.id, i, NULL, 0));
	}
	drain(&self->b);
}

/* W-46, QUOTA-3: too large for the share, too large for any */
TEST_F(signal, too_large)
{
	static const uint8_t data[POOL / 6];
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	int i;

	for (i = 0; i < 2; i++) {
		kd_signal_start(&b, i ? TO_ALL : self->b.id, 1);
		kd_msg_vec(&b, data, sizeof(data));
		EXPECT_EQ(0, kd_msg_send(&self->a, &b));
		kd_signal_start(&b, i ? TO_ALL : self->b.id, 1);
		kd_msg_vec(&b, NULL, KD_VEC_MAX);
		kd_msg_vec(&b, data, sizeof(data) - 1000);
		EXPECT_EQ(0, kd_msg_send(&self->a, &b));
		EXPECT_EQ(0, kd_msg_send(&self->a, &b));
	}
	EXPECT_EQ(POLLIN, kd_poll(self->b.fd, POLLIN, 0));
	/* the smaller one fits once */
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_DROP, 0, &cmd));
	EXPECT_EQ(5, cmd.dropped_msgs);
	ASSERT_EQ(0, kd_recv(&self->c, KDBUS_RECV_DROP, 0, &cmd));
	EXPECT_EQ(2, cmd.dropped_msgs);
}

/* Occupy the whole pool with messages that are received and not freed. */
static int fill_pool(const struct kd_conn *c)
{
	static const uint8_t data[8192];
	struct kdbus_cmd_recv cmd;
	size_t size = sizeof(data);
	int r;

	for (;;) {
		r = kd_send(c, c->id, 1, data, size);
		if (r == -EXFULL && size)
			size /= 2;
		else if (r == -EXFULL)
			return 0;
		else if (r == 0)
			r = kd_recv(c, 0, 0, &cmd);
		if (r != 0 && r != -EXFULL)
			return r;
	}
}

/* RECV-5, RECV-4: counted for EXFULL, told once, by whatever receives next */
TEST_F(signal, counter)
{
	static const uint64_t flags[] = {
		0, KDBUS_RECV_PEEK, KDBUS_RECV_DROP, KDBUS_RECV_USE_PRIORITY,
	};
	struct kdbus_cmd_recv cmd;
	size_t i;

	ASSERT_EQ(0, fill_pool(&self->d));
	ASSERT_EQ(0, kd_match_all(&self->d, 1));
	for (i = 0; i < KD_ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(0, kd_poll(self->d.fd, POLLIN, 0));
		ASSERT_EQ(0, send_signal(&self->a, self->d.id, 2));
		ASSERT_EQ(0, send_signal(&self->a, self->d.id, 2));
		EXPECT_EQ(POLLIN, kd_poll(self->d.fd, POLLIN, 0));
		EXPECT_EQ(-EAGAIN, kd_recv(&self->d, flags[i], 0, &cmd));
		EXPECT_EQ(2, cmd.dropped_msgs);
		EXPECT_EQ(KDBUS_RECV_RETURN_DROPPED_MSGS, cmd.return_flags);
		EXPECT_EQ(0, kd_poll(self->d.fd, POLLIN, 0));
		EXPECT_EQ(0, lost(&self->d, 0));
	}
}

/* SEND-11, RECV-5: ECOMM and EMFILE of descriptors count as well */
TEST_F(signal, descriptors)
{
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	struct kd_conn e;
	int fds[16], i;

	ASSERT_EQ(0, kd_connect(&e, self->env.bus));
	ASSERT_EQ(0, kd_match_all(&e, 1));
	ASSERT_EQ(0, kd_id_added(&self->b, e.id, KDBUS_HELLO_ACCEPT_FD));
	ASSERT_EQ(0, kd_id_added(&self->c, e.id, KDBUS_HELLO_ACCEPT_FD));
	for (i = 0; i < 16; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (i = 0; i < 3; i++) {
		kd_signal_start(&b, i ? e.id : self->b.id, 3);
		kd_add(&b, KDBUS_ITEM_FDS, fds, sizeof(fds));
		EXPECT_EQ(0, kd_msg_send(&self->a, &b));
	}
	EXPECT_EQ(0, lost(&self->b, 1));
	ASSERT_EQ(0, kd_recv(&e, 0, 0, &cmd));
	EXPECT_EQ(1, cmd.dropped_msgs);
	EXPECT_EQ(3, kd_msg(&e, cmd.msg.offset)->cookie);
	/* one without a match is not asked for descriptors: SEND-9 */
	kd_signal_start(&b, self->d.id, 4);
	kd_add(&b, KDBUS_ITEM_FDS, fds, sizeof(fds));
	EXPECT_EQ(0, kd_msg_send(&self->a, &b));
}

/* SEND-12, W-20: unreadable: EFAULT, nobody gets it, nothing is counted */
TEST_F_TIMEOUT(signal, unreadable, 120)
{
	uint8_t *hole = kd_guard(4096, PROT_READ | PROT_WRITE);
	struct kd_block b;
	int i, n, r;

	memset(hole, 'x', 4096);
	/* c has no room in the first rounds */
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_send(&self->a, self->c.id, i, NULL, 0));
	}
	for (i = 0; i < KD_QUEUE_MAX + 50; i++) {
		kd_signal_start(&b, i % 3 ? TO_ALL : self->b.id, 1);
		kd_msg_vec(&b, hole, 4096);
		if (i % 2)
			kd_msg_vec(&b, NULL, 100);
		kd_msg_vec(&b, hole + 4000, 97);
		ASSERT_EQ(-EFAULT, kd_msg_send(&self->a, &b));
		if (i == 10)
			drain(&self->c);
	}
	EXPECT_EQ(0, lost(&self->b, 0));
	EXPECT_EQ(0, lost(&self->c, 0));
	EXPECT_EQ(0, kd_poll(self->b.fd, POLLIN, 0));
	/* to somebody who does not take it: unspecified, but harmless */
	for (n = 0; n < 2; n++) {
		kd_signal_start(&b, self->d.id, 1);
		kd_msg_vec(&b, hole, 4097);
		r = kd_msg_send(&self->a, &b);
		EXPECT_TRUE(r == 0 || r == -EFAULT);
	}
	/* W-5: nothing stays charged */
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, send_signal(&self->a, self->b.id, i));
	}
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, receive(&self->b, i));
	}
}

/* SEND-12, W-20: monitors are not told of it either */
TEST_F(signal, unreadable_and_monitor)
{
	uint8_t *hole = kd_guard(64, PROT_READ | PROT_WRITE);
	struct kd_conn monitor;
	struct kd_block b;
	int i;

	ASSERT_EQ(0, kd_hello(&monitor, self->env.bus, KDBUS_HELLO_MONITOR, 0,
			      KD_POOL));
	for (i = 0; i < 2; i++) {
		kd_signal_start(&b, i ? TO_ALL : self->b.id, 1);
		kd_msg_vec(&b, hole, 65);
		EXPECT_EQ(-EFAULT, kd_msg_send(&self->a, &b));
	}
	EXPECT_EQ(0, lost(&monitor, 0));
}

#define PAYLOAD	(16 * 1024)

struct scribbler {
	pthread_t thread;
	uint64_t *words;
	int stop;
};

/* Change the payload all the time. */
static void *scribble(void *data)
{
	struct scribbler *w = data;
	uint64_t n = 0;
	size_t i;

	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		n++;
		for (i = 0; i < PAYLOAD / 8; i++)
			__atomic_store_n(&w->words[i], n, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* SEND-12, W-24: read once, so that all see the same, monitors included */
TEST_F_TIMEOUT(signal, same_bytes, 120)
{
	static uint64_t words[PAYLOAD / 8];
	struct scribbler w = { .words = words };
	struct kd_conn monitor, *to[] = { &self->b, &self->c, &monitor };
	unsigned int mixed = 0;
	struct kd_block b;
	size_t i, n;

	ASSERT_EQ(0, kd_hello(&monitor, self->env.bus, KDBUS_HELLO_MONITOR, 0,
			      POOL));
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, scribble, &w));
	kd_signal_start(&b, TO_ALL, 1);
	kd_msg_vec(&b, words, sizeof(words));
	for (i = 0; i < 200; i++) {
		struct kdbus_cmd_recv cmd[3];
		const uint64_t *seen[3];

		ASSERT_EQ(0, kd_msg_send(&self->a, &b));
		for (n = 0; n < 3; n++) {
			ASSERT_EQ(0, kd_recv(to[n], 0, 0, &cmd[n]));
			seen[n] = (const void *)(to[n]->pool +
						 cmd[n].msg.offset + 184);
		}
		ASSERT_EQ(0, memcmp(seen[0], seen[1], sizeof(words)));
		ASSERT_EQ(0, memcmp(seen[0], seen[2], sizeof(words)));
		mixed += seen[0][0] != seen[0][PAYLOAD / 8 - 1];
		for (n = 0; n < 3; n++) {
			ASSERT_EQ(0, kd_free(to[n], cmd[n].msg.offset));
		}
	}
	__atomic_store_n(&w.stop, 1, __ATOMIC_RELEASE);
	pthread_join(w.thread, NULL);
	/* if not, nothing has raced; no fault of the kernel */
	if (!mixed)
		TH_LOG("the payload never changed while it was read");
}

/* SEND-10, POOL-8: much payload, to several */
TEST_F(signal, much_payload)
{
	static uint32_t words[75000];
	const struct kd_conn *to[2] = { &self->b, &self->c };
	struct kdbus_cmd_recv cmd;
	struct kd_conn big[2];
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(words); i++)
		words[i] = i * 2654435761U;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, kd_hello(&big[i], self->env.bus, 0, 0,
				      8 * POOL));
		ASSERT_EQ(0, kd_match_all(&big[i], 1));
	}
	drain(to[0]);
	drain(to[1]);
	drain(&big[0]);
	kd_signal_start(&b, TO_ALL, 1);
	kd_msg_vec(&b, words, 150001);
	kd_msg_vec(&b, (uint8_t *)words + 150001, sizeof(words) - 150001);
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, kd_recv(&big[i], 0, 0, &cmd));
		/* 64 + 88 + 2 * 32 */
		EXPECT_EQ(216, kd_msg(&big[i], cmd.msg.offset)->size);
		EXPECT_EQ(0, memcmp(big[i].pool + cmd.msg.offset + 216, words,
				    sizeof(words)));
		EXPECT_EQ(0, kd_free(&big[i], cmd.msg.offset));
		/* those with a small pool have lost it */
		EXPECT_EQ(0, lost(to[i], 1));
	}
}

FIXTURE(trust) {
	struct kd_env env;
	struct kd_conn root;	/* owner of the bus */
	struct kd_conn alice;	/* ordinary users */
	struct kd_conn alice2;
	struct kd_conn bob;
};

FIXTURE_SETUP(trust)
{
	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_connect(&self->root, self->env.bus));
	ASSERT_EQ(0, kd_connect_as(&self->alice, self->env.bus, ALICE));
	ASSERT_EQ(0, kd_connect_as(&self->alice2, self->env.bus, ALICE));
	ASSERT_EQ(0, kd_connect_as(&self->bob, self->env.bus, BOB));
	ASSERT_EQ(0, kd_match_all(&self->root, 1));
	ASSERT_EQ(0, kd_match_all(&self->alice, 1));
	ASSERT_EQ(0, kd_match_all(&self->alice2, 1));
	ASSERT_EQ(0, kd_match_all(&self->bob, 1));
}

/* RECV-5: what policy holds back is not counted */
FIXTURE_TEARDOWN(trust)
{
	EXPECT_EQ(0, lost(&self->root, 0));
	EXPECT_EQ(0, lost(&self->alice, 0));
	EXPECT_EQ(0, lost(&self->alice2, 0));
	EXPECT_EQ(0, lost(&self->bob, 0));
}

/* POL-10: the receiver must be allowed to talk to the sender */
TEST_F(trust, receivers_talk)
{
	/* nobody but owners talks to root */
	ASSERT_EQ(0, kd_broadcast(&self->root, 1));
	EXPECT_EQ(0, receive(&self->root, 1));
	ASSERT_EQ(0, send_signal(&self->root, self->alice.id, 2));
	/* owners talk to all, the same user to itself */
	ASSERT_EQ(0, kd_broadcast(&self->alice, 3));
	EXPECT_EQ(0, receive(&self->root, 3));
	EXPECT_EQ(0, receive(&self->alice, 3));
	EXPECT_EQ(0, receive(&self->alice2, 3));
	ASSERT_EQ(0, send_signal(&self->alice, self->alice2.id, 4));
	EXPECT_EQ(0, receive(&self->alice2, 4));
	ASSERT_EQ(0, send_signal(&self->alice, self->bob.id, 5));
}

/* SEND-9: the sender needs no permission */
TEST_F(trust, sender_needs_none)
{
	ASSERT_EQ(0, seteuid(ALICE));
	EXPECT_EQ(-EPERM, kd_send(&self->alice, self->root.id, 1, "x", 1));
	EXPECT_EQ(0, send_signal(&self->alice, self->root.id, 2));
	EXPECT_EQ(0, receive(&self->root, 2));
}

/* PRIV-3: the opener of the receiver decides, not who sends or receives */
TEST_F(trust, opener)
{
	ASSERT_EQ(0, seteuid(BOB));
	ASSERT_EQ(0, send_signal(&self->alice, self->bob.id, 1));
	ASSERT_EQ(0, send_signal(&self->alice, self->alice2.id, 2));
	EXPECT_EQ(0, receive(&self->alice2, 2));
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, seteuid(ALICE));
	ASSERT_EQ(0, send_signal(&self->root, self->alice.id, 3));
	ASSERT_EQ(0, kd_broadcast(&self->bob, 4));
	EXPECT_EQ(0, receive(&self->bob, 4));
	EXPECT_EQ(0, receive(&self->root, 4));
}

/* POL-9.4, POL-5: grants for a name that the sender owns, as they are now */
TEST_F(trust, granted)
{
	struct kd_conn holder;

	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, NAME,
			       KDBUS_POLICY_ACCESS_USER, KDBUS_POLICY_TALK,
			       ALICE));
	drain(&self->root);
	drain(&self->alice);
	drain(&self->alice2);
	drain(&self->bob);
	/* the name is not hers yet */
	ASSERT_EQ(0, send_signal(&self->root, self->alice.id, 1));
	ASSERT_EQ(0, kd_name_acquire(&self->root, NAME, 0, NULL));
	drain(&self->root);
	drain(&self->alice);
	drain(&self->alice2);
	drain(&self->bob);
	ASSERT_EQ(0, send_signal(&self->root, self->alice.id, 2));
	EXPECT_EQ(0, receive(&self->alice, 2));
	ASSERT_EQ(0, send_signal(&self->root, self->bob.id, 3));
	ASSERT_EQ(0, kd_broadcast(&self->root, 4));
	EXPECT_EQ(0, receive(&self->root, 4));
	EXPECT_EQ(0, receive(&self->alice, 4));
	EXPECT_EQ(0, receive(&self->alice2, 4));
	kd_close(&holder);
	drain(&self->root);
	drain(&self->alice);
	drain(&self->alice2);
	drain(&self->bob);
	ASSERT_EQ(0, send_signal(&self->root, self->alice.id, 5));
	ASSERT_EQ(0, kd_broadcast(&self->root, 6));
	EXPECT_EQ(0, receive(&self->root, 6));
}

#define SENDERS		3
#define RECEIVERS	3
#define PER_SENDER	300

struct talker {
	pthread_t thread;
	struct kd_conn conn;
	const struct kd_conn *to;
	uint64_t first;
	int error;
};

/* Broadcasts, with messages and signals to each receiver among them. */
static void *talk(void *data)
{
	struct talker *w = data;
	uint64_t i;
	int r;

	for (i = 0; i < PER_SENDER && !w->error; i++) {
		const struct kd_conn *to = &w->to[(i / 3) % RECEIVERS];

		if (i % 3 == 0)
			r = kd_broadcast(&w->conn, w->first + i);
		else if (i % 3 == 1)
			r = send_signal(&w->conn, to->id, w->first + i);
		else
			r = kd_send(&w->conn, to->id, w->first + i, "x", 1);
		if (r == -ENOBUFS || r == -EXFULL)
			sched_yield();
		else
			w->error = r;
	}
	return NULL;
}

struct listener {
	pthread_t thread;
	const struct kd_conn *conn;
	const int *stop;
	uint64_t next[SENDERS];
	uint64_t seqnum[SENDERS];
	unsigned int got;
	unsigned int dropped;
	int error;
};

/* One message: the cookies and numbers of each sender must increase. */
static int note(struct listener *w, const struct kdbus_msg *msg)
{
	uint64_t from = msg->cookie / PER_SENDER;
	const struct kdbus_item *stamp;

	stamp = kd_item(msg, KDBUS_ITEM_TIMESTAMP, 0);
	if (!stamp || from >= SENDERS)
		return -EPROTO;
	if (msg->cookie < w->next[from] ||
	    stamp->timestamp.seqnum <= w->seqnum[from])
		return -ERANGE;
	w->next[from] = msg->cookie + 1;
	w->seqnum[from] = stamp->timestamp.seqnum;
	w->got++;
	return 0;
}

static void *listen_all(void *data)
{
	struct listener *w = data;
	struct kdbus_cmd_recv cmd;

	while (!w->error) {
		int stop = __atomic_load_n(w->stop, __ATOMIC_ACQUIRE);
		int r = kd_recv(w->conn, 0, 0, &cmd);

		if (r == 0 || r == -EAGAIN)
			w->dropped += cmd.dropped_msgs;
		if (r == -EAGAIN && stop)
			break;
		if (r == -EAGAIN)
			kd_poll(w->conn->fd, POLLIN, 10);
		else
			w->error = r ?: note(w, kd_msg(w->conn,
						       cmd.msg.offset)) ?:
				   kd_free(w->conn, cmd.msg.offset);
	}
	return NULL;
}

/* ORD-1, ORD-2, ORD-4: each receiver hears each sender in the order it spoke */
TEST_F_TIMEOUT(signal, order_of_each_sender, 120)
{
	struct kd_conn to[RECEIVERS];
	struct listener l[RECEIVERS];
	struct talker t[SENDERS];
	int i, stop = 0;

	ASSERT_EQ(0, kd_match_remove(&self->b, 1));
	ASSERT_EQ(0, kd_match_remove(&self->c, 1));
	for (i = 0; i < SENDERS; i++) {
		t[i] = (struct talker){ .first = i * PER_SENDER, .to = to };
		ASSERT_EQ(0, kd_connect(&t[i].conn, self->env.bus));
	}
	for (i = 0; i < RECEIVERS; i++) {
		ASSERT_EQ(0, kd_hello(&to[i], self->env.bus, 0,
				      KDBUS_ATTACH_TIMESTAMP, POOL));
	}
	for (i = 0; i < RECEIVERS; i++) {
		ASSERT_EQ(0, kd_match_all(&to[i], 1));
		l[i] = (struct listener){ .conn = &to[i], .stop = &stop };
		ASSERT_EQ(0, pthread_create(&l[i].thread, NULL, listen_all,
					    &l[i]));
	}
	for (i = 0; i < SENDERS; i++) {
		ASSERT_EQ(0, pthread_create(&t[i].thread, NULL, talk, &t[i]));
	}
	for (i = 0; i < SENDERS; i++) {
		pthread_join(t[i].thread, NULL);
		EXPECT_EQ(0, t[i].error);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < RECEIVERS; i++) {
		pthread_join(l[i].thread, NULL);
		EXPECT_EQ(0, l[i].error);
		/* every broadcast came or was counted, and there was more */
		EXPECT_LE(SENDERS * PER_SENDER / 3, l[i].got + l[i].dropped);
		EXPECT_GE(SENDERS * PER_SENDER / 3 * 2,
			  l[i].got + l[i].dropped);
	}
}

#define BROADCASTS	60

static void *broadcast_some(void *data)
{
	struct talker *w = data;
	uint64_t i;

	for (i = 0; i < BROADCASTS && !w->error; i++)
		w->error = kd_broadcast(&w->conn, w->first + i);
	return NULL;
}

/* Note the TIMESTAMP of every message that is there by its cookie. */
static int take_stamps(const struct kd_conn *c, struct kdbus_timestamp *stamps,
		       unsigned int max)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	unsigned int n = 0;

	while (kd_recv(c, 0, 0, &cmd) == 0) {
		msg = kd_msg(c, cmd.msg.offset);
		item = kd_item(msg, KDBUS_ITEM_TIMESTAMP, 0);
		if (!item || msg->cookie >= max || cmd.dropped_msgs)
			return -EPROTO;
		stamps[msg->cookie] = item->timestamp;
		n++;
		if (kd_free(c, cmd.msg.offset) != 0)
			return -EPROTO;
	}
	return n;
}

static int by_seqnum(const void *a, const void *b)
{
	const struct kdbus_timestamp *x = a, *y = b;

	return x->seqnum < y->seqnum ? -1 : x->seqnum > y->seqnum;
}

/* ORD-4: no number twice, one number for all copies, increasing for a sender */
TEST_F_TIMEOUT(signal, sequence_numbers, 120)
{
	struct kdbus_timestamp stamps[2][SENDERS * BROADCASTS];
	struct talker t[SENDERS];
	struct kd_conn to[2];
	int i;

	ASSERT_EQ(0, kd_match_remove(&self->b, 1));
	ASSERT_EQ(0, kd_match_remove(&self->c, 1));
	for (i = 0; i < SENDERS; i++) {
		t[i] = (struct talker){ .first = i * BROADCASTS };
		ASSERT_EQ(0, kd_connect(&t[i].conn, self->env.bus));
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, kd_hello(&to[i], self->env.bus, 0,
				      KDBUS_ATTACH_TIMESTAMP, POOL));
	}
	ASSERT_EQ(0, kd_match_all(&to[0], 1));
	ASSERT_EQ(0, kd_match_all(&to[1], 1));
	for (i = 0; i < SENDERS; i++) {
		ASSERT_EQ(0, pthread_create(&t[i].thread, NULL, broadcast_some,
					    &t[i]));
	}
	for (i = 0; i < SENDERS; i++) {
		pthread_join(t[i].thread, NULL);
		EXPECT_EQ(0, t[i].error);
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(SENDERS * BROADCASTS,
			  take_stamps(&to[i], stamps[i],
				      KD_ARRAY_SIZE(stamps[i])));
	}
	EXPECT_EQ(0, memcmp(stamps[0], stamps[1], sizeof(stamps[0])));
	for (i = 0; i < SENDERS * BROADCASTS; i++) {
		ASSERT_LT(0, stamps[0][i].seqnum);
		if (i % BROADCASTS) {
			ASSERT_LT(stamps[0][i - 1].seqnum,
				  stamps[0][i].seqnum);
			ASSERT_LE(stamps[0][i - 1].monotonic_ns,
				  stamps[0][i].monotonic_ns);
		}
	}
	qsort(stamps[0], KD_ARRAY_SIZE(stamps[0]), sizeof(stamps[0][0]),
	      by_seqnum);
	for (i = 1; i < SENDERS * BROADCASTS; i++) {
		ASSERT_NE(stamps[0][i - 1].seqnum, stamps[0][i].seqnum);
	}
}

/* ORD-4: kinds of messages share the numbers; per bus, from 1 upwards */
TEST_F(signal, sequence_of_all_kinds)
{
	const struct kdbus_item *item;
	struct kdbus_cmd_recv cmd;
	struct kd_conn e;
	uint64_t last = 0;
	int i;

	ASSERT_EQ(0, kd_hello(&e, self->env.bus, 0, KDBUS_ATTACH_TIMESTAMP,
			      POOL));
	ASSERT_EQ(0, kd_match_all(&e, 1));
	drain(&self->b);
	drain(&self->c);
	ASSERT_EQ(0, kd_match_remove(&self->b, 1));
	ASSERT_EQ(0, kd_match_remove(&self->c, 1));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, kd_broadcast(&self->a, 1));
		ASSERT_EQ(0, kd_send(&self->a, e.id, 2, "x", 1));
		ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, 0, NULL));
		ASSERT_EQ(0, send_signal(&self->a, e.id, 3));
		ASSERT_EQ(0, kd_call(&e, self->b.id, 4, KD_FAR));
		ASSERT_EQ(0, kd_drop(&self->b));
		ASSERT_EQ(0, kd_name_release(&self->a, NAME));
	}
	for (i = 0; i < 18; i++) {
		ASSERT_EQ(0, kd_recv(&e, 0, 0, &cmd));
		item = kd_item(kd_msg(&e, cmd.msg.offset),
			       KDBUS_ITEM_TIMESTAMP, 0);
		ASSERT_NE(NULL, item);
		ASSERT_LT(last, item->timestamp.seqnum);
		last = item->timestamp.seqnum;
	}
	/* nothing else has happened on this bus but a few HELLOs */
	EXPECT_GT(100, last);
	EXPECT_EQ(0, lost(&e, 0));
}

struct watcher {
	pthread_t thread;
	const struct kd_conn *conn;
	const struct kd_conn *monitor;
	int error;
};

/* Whatever has been received, the monitor must have it already. */
static void *look_at_monitor(void *data)
{
	struct watcher *w = data;
	uint64_t cookie, seen;
	int i, r = 0;

	for (i = 0; i < PER_SENDER && r == 0; i++) {
		r = kd_poll(w->conn->fd, POLLIN, KD_PATIENCE);
		r = r != POLLIN ? -ETIME :
		    kd_recv_cookie(w->conn, &cookie) ?:
		    kd_recv_cookie(w->monitor, &seen) ?:
		    seen == cookie ? 0 : -EPROTO;
	}
	__atomic_store_n(&w->error, r, __ATOMIC_RELEASE);
	return NULL;
}

/* ORD-3: monitors first, for each message */
TEST_F_TIMEOUT(signal, monitor_first, 120)
{
	struct kd_conn monitor;
	struct watcher w = { .conn = &self->b, .monitor = &monitor };
	int i, r;

	ASSERT_EQ(0, kd_match_remove(&self->c, 1));
	ASSERT_EQ(0, kd_hello(&monitor, self->env.bus, KDBUS_HELLO_MONITOR, 0,
			      POOL));
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, look_at_monitor, &w));
	for (i = 0; i < PER_SENDER; i++) {
		if (i % 2)
			r = kd_broadcast(&self->a, i);
		else
			r = kd_send(&self->a, self->b.id, i, "x", 1);
		ASSERT_EQ(0, r);
		/* so that no queue fills up */
		while (i % 100 == 99 && kd_poll(self->b.fd, POLLIN, 0) &&
		       !__atomic_load_n(&w.error, __ATOMIC_ACQUIRE))
			sched_yield();
	}
	pthread_join(w.thread, NULL);
	EXPECT_EQ(0, w.error);
}

struct visitor {
	pthread_t thread;
	const char *bus;
	const int *stop;
	unsigned int visits;
	int error;
};

/* Come, listen, perhaps receive, go. */
static void *visit(void *data)
{
	struct visitor *w = data;
	struct kd_conn c;

	while (!__atomic_load_n(w->stop, __ATOMIC_ACQUIRE) && !w->error) {
		w->error = kd_connect(&c, w->bus);
		if (w->error)
			break;
		w->error = kd_match_all(&c, w->visits);
		if (w->visits % 3 == 0)
			w->error = w->error ?: kd_match_all(&c, 5);
		if (w->visits % 3 == 1)
			kd_drop(&c);
		if (w->visits % 4 == 0)
			w->error = w->error ?: kd_match_remove(&c, w->visits);
		kd_close(&c);
		w->visits++;
	}
	return NULL;
}

/* SEND-10, BYE-3: listeners come and go under a stream of broadcasts */
TEST_F_TIMEOUT(signal, visitors, 120)
{
	struct visitor v[2];
	struct kd_block b;
	int i, stop = 0;

	ASSERT_EQ(0, kd_match_remove(&self->c, 1));
	ASSERT_EQ(0, kd_match_remove(&self->b, 1));
	kd_match_start(&b, 1);
	kd_add_u64(&b, KDBUS_ITEM_ID, self->a.id);
	ASSERT_EQ(0, kd_match_add(&self->b, &b));
	for (i = 0; i < 2; i++) {
		v[i] = (struct visitor){ .bus = self->env.bus, .stop = &stop };
		ASSERT_EQ(0, pthread_create(&v[i].thread, NULL, visit, &v[i]));
	}
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, kd_broadcast(&self->a, i));
		ASSERT_EQ(0, receive(&self->b, i));
	}
	/* on a slow machine, not before there was a race */
	while (__atomic_load_n(&v[0].visits, __ATOMIC_ACQUIRE) < 10)
		sched_yield();
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++) {
		pthread_join(v[i].thread, NULL);
		EXPECT_EQ(0, v[i].error);
	}
}

TEST_HARNESS_MAIN
