// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending to whoever owns a name (rules SEND-7, SEND-13, LAY-3, LAY-4, LAY-6,
 * REPLY-2, ACT-3, PH-1, POL-11; W-16, W-37)
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALICE		4711
#define NAME		"org.example.One"
#define TWO		"org.example.Two"

#define REPLACE		KDBUS_NAME_REPLACE_EXISTING
#define ALLOW		KDBUS_NAME_ALLOW_REPLACEMENT
#define QUEUE		KDBUS_NAME_QUEUE
#define WAITING		KDBUS_NAME_IN_QUEUE
#define PRIMARY		KDBUS_NAME_PRIMARY
#define ACQUIRED	KDBUS_NAME_ACQUIRED

FIXTURE(dest) {
	struct kd_env env;
	struct kd_conn a;	/* sends */
	struct kd_conn b;	/* owns NAME */
	struct kd_conn c;	/* waits for it */
};

/* The flags that NAME_ACQUIRE returns, or a negative errno. */
static int take(const struct kd_conn *c, const char *name, uint64_t flags)
{
	uint64_t ret;
	int r = kd_name_acquire(c, name, flags, &ret);

	return r ?: (int)ret;
}

FIXTURE_SETUP(dest)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->c, self->env.bus));
	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->b, NAME, 0));
	ASSERT_EQ(WAITING | ACQUIRED | QUEUE, take(&self->c, NAME, QUEUE));
}

/* whatever a test saw fail has not arrived anywhere */
FIXTURE_TEARDOWN(dest)
{
	struct kdbus_cmd_recv cmd;

	EXPECT_EQ(-EAGAIN, kd_recv(&self->a, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.dropped_msgs);
	EXPECT_EQ(-EAGAIN, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.dropped_msgs);
	EXPECT_EQ(-EAGAIN, kd_recv(&self->c, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.dropped_msgs);
}

static int receive(const struct kd_conn *c, uint64_t expected)
{
	uint64_t cookie;
	int r = kd_recv_cookie(c, &cookie);

	return r ?: cookie == expected ? 0 : -EPROTO;
}

/* A message of any kind: by id and flags of the header, name in an item. */
static int send_name(const struct kd_conn *c, uint64_t id, const char *name,
		     uint64_t flags, uint64_t cookie)
{
	struct kd_block b;

	if (flags & KDBUS_MSG_SIGNAL)
		kd_signal_start(&b, id, cookie);
	else
		kd_msg_start(&b, id);
	b.msg.flags = flags;
	b.msg.cookie = cookie;
	if (flags & KDBUS_MSG_EXPECT_REPLY)
		b.msg.timeout_ns = KD_FAR;
	if (name)
		kd_add_str(&b, KDBUS_ITEM_DST_NAME, name);
	return kd_msg_send(c, &b);
}

/* LAY-6, LAY-3, LAY-4: as it arrives; dst_id stays 0 */
TEST_F(dest, layout)
{
	static const uint64_t sizes[] = { 13, 3, 4 };
	static const uint64_t offsets[] = { 184, ~0ULL, 200 };
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	size_t i;

	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->b, "org.foo", 0));
	kd_msg_start_name(&b, "org.foo");
	kd_msg_vec(&b, "thirteenbytes", 13);
	kd_msg_vec(&b, NULL, 3);
	kd_msg_vec(&b, "four", 4);
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(208, cmd.msg.msg_size);
	msg = kd_msg(&self->b, cmd.msg.offset);
	EXPECT_EQ(184, msg->size);
	EXPECT_EQ(KDBUS_DST_ID_NAME, msg->dst_id);
	EXPECT_EQ(self->a.id, msg->src_id);
	item = kd_item(msg, KDBUS_ITEM_DST_NAME, 0);
	ASSERT_NE(NULL, item);
	EXPECT_EQ((const void *)msg->items, (const void *)item);
	EXPECT_EQ(24, item->size);
	EXPECT_STREQ("org.foo", item->str);
	for (i = 0; i < 3; i++) {
		item = kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, i);
		ASSERT_NE(NULL, item);
		EXPECT_EQ(sizes[i], item->vec.size);
		EXPECT_EQ(offsets[i], item->vec.offset);
	}
	EXPECT_EQ(0, memcmp((const uint8_t *)msg + 184, "thirteenbytes", 13));
	EXPECT_EQ(0, memcmp((const uint8_t *)msg + 200, "four", 4));
	EXPECT_EQ(0, kd_free(&self->b, cmd.msg.offset));
}

/* SEND-7: the owner of the moment; ESRCH without one */
TEST_F(dest, owner)
{
	EXPECT_EQ(-ESRCH, send_name(&self->a, 0, TWO, 0, 1));
	EXPECT_EQ(0, send_name(&self->a, 0, NAME, 0, 2));
	EXPECT_EQ(0, receive(&self->b, 2));
	ASSERT_EQ(0, kd_name_release(&self->b, NAME));
	EXPECT_EQ(0, send_name(&self->a, 0, NAME, 0, 3));
	EXPECT_EQ(0, receive(&self->c, 3));
	/* replaced */
	ASSERT_EQ(PRIMARY | ALLOW, take(&self->c, NAME, ALLOW));
	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->a, NAME, REPLACE));
	EXPECT_EQ(0, send_name(&self->b, 0, NAME, 0, 4));
	EXPECT_EQ(0, receive(&self->a, 4));
	/* to oneself */
	EXPECT_EQ(0, send_name(&self->a, 0, NAME, 0, 5));
	EXPECT_EQ(0, receive(&self->a, 5));
	ASSERT_EQ(0, kd_name_release(&self->a, NAME));
	EXPECT_EQ(-ESRCH, send_name(&self->a, 0, NAME, 0, 6));
}

/* SEND-7: what was sent stays with who owned the name then (ACT-7) */
TEST_F(dest, queued_stays)
{
	EXPECT_EQ(0, send_name(&self->a, 0, NAME, 0, 1));
	ASSERT_EQ(0, kd_name_release(&self->b, NAME));
	EXPECT_EQ(0, send_name(&self->a, 0, NAME, 0, 2));
	EXPECT_EQ(0, receive(&self->b, 1));
	EXPECT_EQ(0, receive(&self->c, 2));
}

/* SEND-7: the owner disconnects */
TEST_F(dest, owner_goes)
{
	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->b, TWO, 0));
	ASSERT_EQ(0, kd_byebye(&self->b));
	EXPECT_EQ(-ESRCH, send_name(&self->a, 0, TWO, 0, 1));
	EXPECT_EQ(-ESRCH, send_name(&self->a, self->b.id, TWO, 0, 1));
	EXPECT_EQ(0, send_name(&self->a, 0, NAME, 0, 2));
	EXPECT_EQ(0, receive(&self->c, 2));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
}

/* SEND-7: name and id together must agree: EREMCHG, for every kind */
TEST_F(dest, name_and_id)
{
	static const uint64_t kinds[] = {
		0, KDBUS_MSG_EXPECT_REPLY, KDBUS_MSG_SIGNAL,
		KDBUS_MSG_NO_AUTO_START,
	};
	struct kdbus_cmd_send cmd;
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(kinds); i++) {
		EXPECT_EQ(-EREMCHG, send_name(&self->a, self->c.id, NAME,
					      kinds[i], 1));
		EXPECT_EQ(-EREMCHG, send_name(&self->a, self->a.id, NAME,
					      kinds[i], 1));
		/* an id that nobody has */
		EXPECT_EQ(-EREMCHG, send_name(&self->a, ~0ULL - 1, NAME,
					      kinds[i], 1));
		/* ESRCH comes first: SEND-13 */
		EXPECT_EQ(-ESRCH, send_name(&self->a, self->c.id, TWO,
					    kinds[i], 1));
	}
	kd_call_start(&b, self->c.id, 1, KD_FAR);
	kd_add_str(&b, KDBUS_ITEM_DST_NAME, NAME);
	EXPECT_EQ(-EREMCHG, kd_call_sync(&self->a, &b, -1, &cmd));

	EXPECT_EQ(0, send_name(&self->a, self->b.id, NAME, 0, 2));
	EXPECT_EQ(self->b.id, kd_msg(&self->b, 0)->dst_id);
	EXPECT_EQ(0, receive(&self->b, 2));
	/* LAY-3: dst_id as it was sent; a call by name alone beside it */
	EXPECT_EQ(0, send_name(&self->a, 0, NAME, KDBUS_MSG_EXPECT_REPLY, 3));
	EXPECT_EQ(0, kd_msg(&self->b, 0)->dst_id);
	EXPECT_EQ(0, receive(&self->b, 3));
	EXPECT_EQ(0, kd_reply(&self->b, self->a.id, 3, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 3));
	/* the name has moved on: systemd's proxy tries again */
	ASSERT_EQ(0, kd_name_release(&self->b, NAME));
	EXPECT_EQ(-EREMCHG, send_name(&self->a, self->b.id, NAME, 0, 4));
	EXPECT_EQ(0, send_name(&self->a, self->c.id, NAME, 0, 5));
	EXPECT_EQ(0, receive(&self->c, 5));
}

/* REPLY-2: a reply sent by name passes through SEND-7, then EBADSLT */
TEST_F(dest, reply)
{
	struct kd_block b;

	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->a, TWO, 0));
	ASSERT_EQ(0, send_name(&self->a, 0, NAME, KDBUS_MSG_EXPECT_REPLY, 9));
	ASSERT_EQ(0, receive(&self->b, 9));

	kd_msg_start_name(&b, "org.example.None");
	b.msg.cookie_reply = 9;
	EXPECT_EQ(-ESRCH, kd_msg_send(&self->b, &b));
	kd_msg_start_name(&b, TWO);
	b.msg.cookie_reply = 9;
	b.msg.dst_id = self->c.id;
	EXPECT_EQ(-EREMCHG, kd_msg_send(&self->b, &b));
	/* to somebody who did not call */
	kd_msg_start_name(&b, NAME);
	b.msg.cookie_reply = 9;
	EXPECT_EQ(-EBADSLT, kd_msg_send(&self->b, &b));
	kd_msg_start_name(&b, TWO);
	b.msg.cookie_reply = 9;
	b.msg.cookie = 10;
	b.msg.dst_id = self->a.id;
	EXPECT_EQ(-EBADSLT, kd_msg_send(&self->c, &b));
	EXPECT_EQ(0, kd_msg_send(&self->b, &b));
	EXPECT_EQ(0, receive(&self->a, 10));
	EXPECT_EQ(-EBADSLT, kd_msg_send(&self->b, &b));
}

/* SEND-7, ACT-3: an activator takes what comes by name, if that is wanted */
TEST_F(dest, activator)
{
	const uint64_t no_start = KDBUS_MSG_NO_AUTO_START;
	const uint64_t call = KDBUS_MSG_EXPECT_REPLY;
	const uint64_t signal = KDBUS_MSG_SIGNAL;
	struct kd_conn act;
	struct kd_block b;

	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   TWO));
	EXPECT_EQ(-EADDRNOTAVAIL, send_name(&self->a, 0, TWO, no_start, 1));
	EXPECT_EQ(-EADDRNOTAVAIL, send_name(&self->a, 0, TWO, no_start | call,
					    1));
	EXPECT_EQ(-EADDRNOTAVAIL, send_name(&self->a, 0, TWO,
					    no_start | signal, 1));
	EXPECT_EQ(-EADDRNOTAVAIL, send_name(&self->a, act.id, TWO, no_start,
					    1));
	kd_msg_start_name(&b, TWO);
	b.msg.flags = no_start;
	b.msg.cookie_reply = 4;
	EXPECT_EQ(-EADDRNOTAVAIL, kd_msg_send(&self->a, &b));
	/* EREMCHG comes first: SEND-13 */
	EXPECT_EQ(-EREMCHG, send_name(&self->a, self->b.id, TWO, no_start, 1));
	/* by its id alone it cannot be reached: section 4 */
	EXPECT_EQ(-ENXIO, send_name(&self->a, act.id, NULL, 0, 1));
	EXPECT_EQ(-ENXIO, send_name(&self->a, act.id, NULL, no_start, 1));

	EXPECT_EQ(0, send_name(&self->a, 0, TWO, 0, 2));
	EXPECT_EQ(0, send_name(&self->a, act.id, TWO, call, 3));
	/* SEND-9: it can have no matches */
	EXPECT_EQ(0, send_name(&self->a, 0, TWO, signal, 4));
	EXPECT_EQ(0, receive(&act, 2));
	EXPECT_EQ(0, receive(&act, 3));
	EXPECT_EQ(-EAGAIN, receive(&act, 4));

	/* not while somebody else owns the name */
	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->b, TWO, 0));
	EXPECT_EQ(0, send_name(&self->a, 0, TWO, no_start, 5));
	EXPECT_EQ(0, receive(&self->b, 5));
	EXPECT_EQ(-EREMCHG, send_name(&self->a, act.id, TWO, 0, 6));
	EXPECT_EQ(-EAGAIN, receive(&act, 6));
}

/* PH-1: a policy holder's name is not one that can be addressed */
TEST_F(dest, policy_holder)
{
	struct kd_conn holder;

	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, TWO,
			       KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_TALK,
			       0));
	EXPECT_EQ(-ESRCH, send_name(&self->a, 0, TWO, 0, 1));
	EXPECT_EQ(-ESRCH, send_name(&self->a, holder.id, TWO, 0, 1));
	EXPECT_EQ(-ENXIO, send_name(&self->a, holder.id, NULL, 0, 1));
}

/* SEND-13: what comes before the lookup, and what after it */
TEST_F(dest, error_order)
{
	struct kdbus_cmd_send cmd;
	struct kd_block b;
	int i;

	kd_call_start(&b, 0, 1, KD_PAST);
	kd_add_str(&b, KDBUS_ITEM_DST_NAME, TWO);
	EXPECT_EQ(-ETIMEDOUT, kd_call_sync(&self->a, &b, -1, &cmd));
	b.msg.timeout_ns = KD_FAR;
	EXPECT_EQ(-ESRCH, kd_call_sync(&self->a, &b, -1, &cmd));

	for (i = 0; i < KD_CALLS_MAX; i++) {
		ASSERT_EQ(0, send_name(&self->a, 0, NAME,
				       KDBUS_MSG_EXPECT_REPLY, i));
		ASSERT_EQ(0, receive(&self->b, i));
	}
	EXPECT_EQ(-ESRCH, send_name(&self->a, 0, TWO, KDBUS_MSG_EXPECT_REPLY,
				    1));
	EXPECT_EQ(-EREMCHG, send_name(&self->a, self->c.id, NAME,
				      KDBUS_MSG_EXPECT_REPLY, 1));
	EXPECT_EQ(-EMLINK, send_name(&self->a, 0, NAME, KDBUS_MSG_EXPECT_REPLY,
				     1));
}

/* POL-11, SEND-13: what does not exist is told before EPERM */
TEST_F(dest, lookup_before_policy)
{
	struct kd_conn alice, act;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, kd_connect_as(&alice, self->env.bus, ALICE));
	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   TWO));
	ASSERT_EQ(0, kd_set_user(ALICE));
	EXPECT_EQ(-ESRCH, send_name(&alice, 0, "org.example.None", 0, 1));
	EXPECT_EQ(-EREMCHG, send_name(&alice, self->c.id, NAME, 0, 1));
	EXPECT_EQ(-EADDRNOTAVAIL, send_name(&alice, 0, TWO,
					    KDBUS_MSG_NO_AUTO_START, 1));
	EXPECT_EQ(-EPERM, send_name(&alice, 0, NAME, 0, 1));
	EXPECT_EQ(-EPERM, send_name(&alice, 0, TWO, 0, 1));
	/* a signal needs no permission, and says nothing */
	EXPECT_EQ(0, send_name(&alice, 0, NAME, KDBUS_MSG_SIGNAL, 1));
	EXPECT_EQ(-ESRCH, send_name(&alice, 0, "org.example.None",
				    KDBUS_MSG_SIGNAL, 1));
}

struct sender {
	pthread_t thread;
	const struct kd_conn *conn;
	unsigned int sent;
	int stop;
	int error;
};

static void *send_all_the_time(void *data)
{
	struct sender *w = data;
	int r;

	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE) && !w->error) {
		r = send_name(w->conn, 0, NAME, 0, w->sent);
		if (r == 0)
			w->sent++;
		else if (r == -ESRCH || r == -ENOBUFS)
			sched_yield();
		else
			w->error = r;
	}
	return NULL;
}

/* The name goes from one to the other, now and then over nobody. */
static int pass_on(const struct kd_conn *from, const struct kd_conn *to,
		   bool over_nobody)
{
	int r = 0;

	if (over_nobody)
		r = kd_name_release(to, NAME);
	if (r == 0)
		r = kd_name_release(from, NAME);
	if (r == 0 && over_nobody)
		r = take(to, NAME, QUEUE);
	return r < 0 ? r : take(from, NAME, QUEUE);
}

/* ORD-2, SEND-7: a name in rapid change; no message gets lost or doubled */
TEST_F_TIMEOUT(dest, moving_target, 120)
{
	const struct kd_conn *owner[2] = { &self->b, &self->c };
	struct sender w = { .conn = &self->a };
	uint64_t cookie, next[2] = { 0, 0 };
	unsigned int got = 0, i, n;

	ASSERT_EQ(0, pthread_create(&w.thread, NULL, send_all_the_time, &w));
	for (i = 0; i < 400; i++) {
		ASSERT_EQ(WAITING | ACQUIRED | QUEUE,
			  pass_on(owner[i % 2], owner[!(i % 2)], i % 8 == 7));
		for (n = 0; n < 2; n++) {
			while (kd_recv_cookie(owner[n], &cookie) == 0) {
				ASSERT_LE(next[n], cookie);
				next[n] = cookie + 1;
				got++;
			}
		}
	}
	__atomic_store_n(&w.stop, 1, __ATOMIC_RELEASE);
	pthread_join(w.thread, NULL);
	EXPECT_EQ(0, w.error);
	for (n = 0; n < 2; n++) {
		while (kd_recv_cookie(owner[n], &cookie) == 0)
			got++;
	}
	EXPECT_EQ(w.sent, got);
}

/* W-16, W-37: on a custom endpoint, what may not be seen does not exist */
TEST_F(dest, invisible)
{
	char name[32], path[KD_PATH_MAX];
	struct kd_conn e;
	struct kd_block b;
	int ep;

	kd_name(name, sizeof(name), "ep");
	snprintf(path, sizeof(path), "%s/%s", self->env.busdir, name);
	ep = kd_endpoint_make(self->env.bus, name, 0);
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, kd_connect(&e, path));

	EXPECT_EQ(-ESRCH, send_name(&e, 0, NAME, 0, 1));
	EXPECT_EQ(-ESRCH, send_name(&e, self->c.id, NAME, 0, 1));
	EXPECT_EQ(-ESRCH, kd_name_release(&e, NAME));
	EXPECT_EQ(-ESRCH, kd_name_release(&e, TWO));

	kd_start(&b, sizeof(b.cmd));
	kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
	kd_add_access(&b, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_SEE, 0);
	ASSERT_EQ(0, kd_ioctl(ep, KDBUS_CMD_ENDPOINT_UPDATE, &b));
	EXPECT_EQ(-EPERM, send_name(&e, 0, NAME, 0, 1));
	EXPECT_EQ(-EADDRINUSE, kd_name_release(&e, NAME));
	EXPECT_EQ(-ESRCH, send_name(&e, 0, TWO, 0, 1));
	/* POL-8: SEE is not enough to own it */
	EXPECT_EQ(-EPERM, take(&e, NAME, QUEUE));
	EXPECT_EQ(-EPERM, take(&e, TWO, 0));
	/* the name is as free as it was */
	EXPECT_EQ(PRIMARY | ACQUIRED, take(&self->b, TWO, 0));
}

TEST_HARNESS_MAIN
