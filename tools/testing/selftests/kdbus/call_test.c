// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous calls: how they begin and all the ways they can end (rules
 * SEND-8, REPLY-1, REPLY-4 to REPLY-6, RECV-8, NOTE-1, NOTE-5, BYE-3)
 *
 * Each test looks for a second outcome as well: there must never be one.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define DEAD		KDBUS_ITEM_REPLY_DEAD
#define TIMEOUT		KDBUS_ITEM_REPLY_TIMEOUT
/* large enough for 256 small messages of one user */
#define POOL		(256 * 1024)

FIXTURE(call) {
	struct kd_env env;
	struct kd_conn a;	/* calls */
	struct kd_conn b;	/* is called */
	struct kd_conn c;	/* is called as well */
};

FIXTURE_SETUP(call)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_hello(&self->a, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->b, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->c, self->env.bus, 0, 0, POOL));
}

FIXTURE_TEARDOWN(call)
{
}

/* What a receive command finds: nothing, now. */
static int empty(const struct kd_conn *c)
{
	uint64_t cookie;

	return kd_recv_cookie(c, &cookie);
}

static int receive(const struct kd_conn *c, uint64_t expected)
{
	uint64_t cookie;
	int r = kd_recv_cookie(c, &cookie);

	return r ?: cookie == expected ? 0 : -EPROTO;
}

/* LAY-3: the request as it arrives; the reply as it arrives */
TEST_F(call, request_and_reply)
{
	const uint64_t deadline = KD_FAR;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	struct kd_block b, copy;

	kd_call_start(&b, self->b.id, 77, deadline);
	b.msg.priority = -3;
	kd_msg_vec(&b, "request", 7);
	memcpy(&copy, &b, sizeof(b));
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, memcmp(&copy, &b, sizeof(b)));

	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	msg = kd_msg(&self->b, cmd.msg.offset);
	EXPECT_EQ(96, msg->size);
	EXPECT_EQ(104, cmd.msg.msg_size);
	EXPECT_EQ(KDBUS_MSG_EXPECT_REPLY, msg->flags);
	EXPECT_EQ(-3, msg->priority);
	EXPECT_EQ(self->b.id, msg->dst_id);
	EXPECT_EQ(self->a.id, msg->src_id);
	EXPECT_EQ(77, msg->cookie);
	EXPECT_EQ(deadline, msg->timeout_ns);
	EXPECT_EQ(0, memcmp((const uint8_t *)msg + 96, "request", 7));
	EXPECT_EQ(-EAGAIN, empty(&self->a));

	ASSERT_EQ(0, kd_reply(&self->b, self->a.id, 77, "reply", 5));
	ASSERT_EQ(POLLIN, kd_poll(self->a.fd, POLLIN, 0));
	ASSERT_EQ(0, kd_recv(&self->a, 0, 0, &cmd));
	msg = kd_msg(&self->a, cmd.msg.offset);
	EXPECT_EQ(96, msg->size);
	EXPECT_EQ(104, cmd.msg.msg_size);
	EXPECT_EQ(0, msg->flags);
	EXPECT_EQ(self->a.id, msg->dst_id);
	EXPECT_EQ(self->b.id, msg->src_id);
	EXPECT_EQ(77, msg->cookie);
	EXPECT_EQ(77, msg->cookie_reply);
	EXPECT_EQ(KDBUS_PAYLOAD_DBUS, msg->payload_type);
	EXPECT_EQ(0, memcmp((const uint8_t *)msg + 96, "reply", 5));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	/* nothing is owed any more */
	kd_close(&self->b);
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* NOTE-1: the exact layout, with TIMESTAMP though the mask is empty */
TEST_F(call, notice_layout)
{
	const uint64_t types[] = { TIMEOUT, DEAD };
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	uint64_t before, seqnum = 0;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(types); i++) {
		before = kd_now();
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, 40 + i,
				     i ? KD_NEVER : KD_PAST));
		ASSERT_EQ(0, kd_drop(&self->b));
		ASSERT_EQ(POLLIN, kd_poll(self->a.fd, POLLIN, KD_PATIENCE));
		ASSERT_EQ(0, kd_recv(&self->a, 0, 0, &cmd));
		EXPECT_EQ(120, cmd.msg.msg_size);
		EXPECT_EQ(0, cmd.msg.return_flags);
		EXPECT_EQ(0, cmd.return_flags);
		msg = kd_msg(&self->a, cmd.msg.offset);
		EXPECT_EQ(120, msg->size);
		EXPECT_EQ(0, msg->flags);
		EXPECT_EQ(0, msg->priority);
		EXPECT_EQ(self->a.id, msg->dst_id);
		EXPECT_EQ(0, msg->src_id);
		EXPECT_EQ(KDBUS_PAYLOAD_KERNEL, msg->payload_type);
		EXPECT_EQ(0, msg->cookie);
		EXPECT_EQ(40 + i, msg->cookie_reply);
		/* the drop may have won against the deadline, nothing else */
		item = msg->items;
		EXPECT_EQ(16, item->size);
		if (i || item->type != DEAD) {
			EXPECT_EQ(types[i], item->type);
		}
		item = (const void *)((const uint8_t *)msg + 80);
		EXPECT_EQ(40, item->size);
		EXPECT_EQ(KDBUS_ITEM_TIMESTAMP, item->type);
		EXPECT_LT(seqnum, item->timestamp.seqnum);
		seqnum = item->timestamp.seqnum;
		EXPECT_LE(before, item->timestamp.monotonic_ns);
		EXPECT_GE(kd_now(), item->timestamp.monotonic_ns);
		EXPECT_NE(0, item->timestamp.realtime_ns);
		EXPECT_EQ(0, kd_free(&self->a, cmd.msg.offset));
		EXPECT_EQ(-ENXIO, kd_free(&self->a, cmd.msg.offset));
		EXPECT_EQ(-EAGAIN, empty(&self->a));
	}
}

/* NOTE-1: no more than TIMESTAMP either, whatever the mask */
TEST_F(call, notice_with_full_mask)
{
	struct kd_conn d;

	ASSERT_EQ(0, kd_hello(&d, self->env.bus, 0, _KDBUS_ATTACH_ANY,
			      POOL));
	ASSERT_EQ(0, kd_call(&d, self->b.id, 5, KD_PAST));
	EXPECT_EQ(0, kd_notice_of(&d, TIMEOUT, 5));
}

/* REPLY-4: the deadline, never early; REPLY-5: the request stays */
TEST_F(call, deadline)
{
	uint64_t deadline, cookie, when;
	int i;

	for (i = 0; i < 10; i++) {
		deadline = kd_now() + (1 + 7 * i) * KD_MS;
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, 10 + i, deadline));
		ASSERT_EQ(0, kd_notice(&self->a, TIMEOUT, &cookie, &when));
		EXPECT_EQ(10 + i, cookie);
		EXPECT_LE(deadline, when);
		EXPECT_EQ(-EBADSLT,
			  kd_reply(&self->b, self->a.id, 10 + i, NULL, 0));
	}
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(0, receive(&self->b, 10 + i));
	}
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(-EBADSLT,
			  kd_reply(&self->b, self->a.id, 10 + i, NULL, 0));
	}
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	/* no second outcome when the callee goes */
	kd_close(&self->b);
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* SEND-8, W-39: a deadline that is over; the request is sent all the same */
TEST_F(call, past_deadline)
{
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 3, KD_PAST));
	EXPECT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 3));
	EXPECT_EQ(0, receive(&self->b, 3));
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 4, kd_now()));
	EXPECT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 4));
	/* what was timed out and unread is nothing to die of */
	kd_close(&self->b);
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* W-62: a short deadline behind a long one, pending, answered or dropped */
TEST_F(call, short_after_long)
{
	uint64_t far = kd_now() + 600 * 1000 * KD_MS;
	uint64_t deadline, cookie, when, sum = 0;
	int i, n;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, 1, far));
		if (i == 1) {
			ASSERT_EQ(0, kd_reply(&self->b, self->a.id, 1, NULL,
					      0));
			ASSERT_EQ(0, receive(&self->a, 1));
		} else if (i == 2) {
			while (kd_drop(&self->b) == 0)
				;
			/* the one just made, and that of the first round */
			EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 1));
			EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 1));
		}
		deadline = kd_now() + 50 * KD_MS;
		ASSERT_EQ(0, kd_call(&self->a, self->c.id, 2, deadline));
		ASSERT_EQ(0, kd_call(&self->a, self->c.id, 3, KD_PAST));
		for (n = 0; n < 2; n++) {
			ASSERT_EQ(0, kd_notice(&self->a, TIMEOUT, &cookie,
					       &when));
			ASSERT_TRUE(cookie == 2 || cookie == 3);
			if (cookie == 2) {
				EXPECT_LE(deadline, when);
			}
			sum += cookie;
		}
		EXPECT_EQ(5 * (i + 1), sum);
		/* KD_PATIENCE is far below the ten minutes */
	}
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* REPLY-4: deadlines in any order expire in the order of time */
TEST_F(call, deadlines_in_order)
{
	const unsigned int delay[] = { 700, 100, 500, 300 };
	const uint64_t order[] = { 1, 3, 2, 0 };
	uint64_t cookie, when, base = kd_now() + 1000 * KD_MS;
	size_t i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, i,
				     base + delay[i] * KD_MS));
	}
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, kd_notice(&self->a, TIMEOUT, &cookie, &when));
		EXPECT_EQ(order[i], cookie);
		EXPECT_LE(base + delay[order[i]] * KD_MS, when);
	}
}

/* Section 38: 2^63 and above never expires, and 2^63 - 1 is far away */
TEST_F(call, no_deadline)
{
	const uint64_t never[] = { ~0ULL, 1ULL << 63, (1ULL << 63) - 1 };
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(never); i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, 1 + i, never[i]));
	}
	/* time passes, enough for any of them that counts as past */
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 9, kd_now() + 300 * KD_MS));
	EXPECT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 9));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	for (i = 0; i < KD_ARRAY_SIZE(never); i++) {
		EXPECT_EQ(0, kd_reply(&self->b, self->a.id, 1 + i, NULL, 0));
		EXPECT_EQ(0, receive(&self->a, 1 + i));
	}
}

/* RECV-8: the callee drops the request */
TEST_F(call, drop)
{
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 21, KD_FAR));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 21));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, 21, NULL, 0));

	/* after a peek, which the client holds on to */
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 22, KD_FAR));
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 22));
	EXPECT_EQ(22, kd_msg(&self->b, cmd.msg.offset)->cookie);
	EXPECT_EQ(0, kd_free(&self->b, cmd.msg.offset));

	/* an answered request is nothing but a message */
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 23, KD_FAR));
	ASSERT_EQ(0, kd_reply(&self->b, self->a.id, 23, NULL, 0));
	ASSERT_EQ(0, receive(&self->a, 23));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	/* so is one that timed out */
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 24, KD_PAST));
	EXPECT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 24));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	/* and a plain message, to begin with */
	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 25, "x", 1));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* REPLY-4: received, not answered: nothing until the deadline */
TEST_F(call, received_and_forgotten)
{
	uint64_t deadline = kd_now() + 300 * KD_MS, cookie, when;

	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 30, deadline));
	ASSERT_EQ(0, receive(&self->b, 30));
	ASSERT_EQ(0, kd_notice(&self->a, TIMEOUT, &cookie, &when));
	EXPECT_EQ(30, cookie);
	EXPECT_LE(deadline, when);
}

/* BYE-3.6, W-12: one REPLY_DEAD for each call, received or still queued */
TEST_F(call, callee_closes)
{
	uint64_t cookie, when, seen = 0;
	int i;

	/* 0 answered, 1 timed out, 2 dropped, 3 received, 4 to 6 queued */
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 0 + 10, KD_FAR));
	ASSERT_EQ(0, kd_reply(&self->b, self->a.id, 10, NULL, 0));
	ASSERT_EQ(0, receive(&self->a, 10));
	ASSERT_EQ(0, receive(&self->b, 10));
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 11, KD_PAST));
	ASSERT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 11));
	ASSERT_EQ(0, receive(&self->b, 11));
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 12, KD_FAR));
	ASSERT_EQ(0, kd_drop(&self->b));
	ASSERT_EQ(0, kd_notice_of(&self->a, DEAD, 12));
	for (i = 3; i < 7; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, 10 + i, KD_FAR));
	}
	ASSERT_EQ(0, receive(&self->b, 13));
	/* another callee is not concerned */
	ASSERT_EQ(0, kd_call(&self->a, self->c.id, 17, KD_FAR));

	kd_close(&self->b);
	for (i = 3; i < 7; i++) {
		ASSERT_EQ(0, kd_notice(&self->a, DEAD, &cookie, &when));
		ASSERT_LE(13, cookie);
		ASSERT_GE(16, cookie);
		EXPECT_EQ(0, seen & (1 << cookie));
		seen |= 1 << cookie;
	}
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	EXPECT_EQ(0, kd_reply(&self->c, self->a.id, 17, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 17));
}

/* BYE-1, BYE-3.6: the callee leaves with BYEBYE */
TEST_F(call, callee_byebye)
{
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 61, KD_FAR));
	EXPECT_EQ(-EBUSY, kd_byebye(&self->b));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	ASSERT_EQ(0, receive(&self->b, 61));
	EXPECT_EQ(0, kd_byebye(&self->b));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 61));
	kd_close(&self->b);
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* BYE-1, BYE-3.5: the caller leaves, by BYEBYE and by close */
TEST_F(call, caller_leaves)
{
	struct kd_conn d;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, kd_connect(&d, self->env.bus));
		ASSERT_EQ(0, kd_call(&d, self->b.id, 71, KD_FAR));
		ASSERT_EQ(0, kd_call(&d, self->b.id, 72, KD_FAR));
		ASSERT_EQ(0, kd_call(&d, self->b.id, 73, KD_FAR));
		ASSERT_EQ(0, receive(&self->b, 71));
		if (i) {
			EXPECT_EQ(0, kd_byebye(&d));
		} else {
			kd_close(&d);
		}
		EXPECT_EQ(-ENXIO, kd_reply(&self->b, d.id, 71, NULL, 0));
		/* the queued ones are messages like any other */
		EXPECT_EQ(0, receive(&self->b, 72));
		EXPECT_EQ(-ENXIO, kd_reply(&self->b, d.id, 72, NULL, 0));
		EXPECT_EQ(0, kd_drop(&self->b));
		EXPECT_EQ(-EAGAIN, empty(&self->b));
		if (i)
			kd_close(&d);
	}
	kd_close(&self->b);
}

/* SEND-7: calling oneself, with every outcome */
TEST_F(call, self)
{
	ASSERT_EQ(0, kd_call(&self->a, self->a.id, 81, KD_FAR));
	ASSERT_EQ(0, receive(&self->a, 81));
	ASSERT_EQ(0, kd_reply(&self->a, self->a.id, 81, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->a, self->a.id, 81, NULL, 0));
	ASSERT_EQ(0, receive(&self->a, 81));
	EXPECT_EQ(-EAGAIN, empty(&self->a));

	ASSERT_EQ(0, kd_call(&self->a, self->a.id, 82, KD_FAR));
	ASSERT_EQ(0, kd_drop(&self->a));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 82));
	EXPECT_EQ(-EAGAIN, empty(&self->a));

	ASSERT_EQ(0, kd_call(&self->a, self->a.id, 83, kd_now() + 20 * KD_MS));
	ASSERT_EQ(0, receive(&self->a, 83));
	EXPECT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 83));

	/* BYEBYE while calls to oneself are received, close while queued */
	ASSERT_EQ(0, kd_call(&self->a, self->a.id, 84, KD_FAR));
	ASSERT_EQ(0, receive(&self->a, 84));
	EXPECT_EQ(0, kd_byebye(&self->a));
	ASSERT_EQ(0, kd_call(&self->b, self->b.id, 85, KD_FAR));
	ASSERT_EQ(0, kd_call(&self->b, self->b.id, 86, KD_FAR));
	ASSERT_EQ(0, receive(&self->b, 85));
	kd_close(&self->b);
}

/* SEND-7, REPLY-1: a call that fails leaves nothing */
TEST_F(call, failed)
{
	struct kd_block b;
	int i;

	kd_call_start(&b, self->b.id, 5, KD_PAST);
	kd_msg_vec(&b, kd_guard(1, PROT_NONE), 1);
	for (i = 0; i < 2 * KD_CALLS_MAX; i++) {
		ASSERT_EQ(-EFAULT, kd_msg_send(&self->a, &b));
		ASSERT_EQ(-ENXIO, kd_call(&self->a, self->b.id + 100, 5,
					  KD_PAST));
	}
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, 5, NULL, 0));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	/* the whole pool is there, 128 notices included */
	for (i = 0; i < KD_CALLS_MAX; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, i, KD_FAR));
	}
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* REPLY-1, SEND-8: 128 live calls, whoever the callees are */
TEST_F(call, limit)
{
	int i;

	for (i = 0; i < KD_CALLS_MAX; i++) {
		ASSERT_EQ(0, kd_call(&self->a, i % 2 ? self->b.id : self->c.id,
				     1 + i, KD_FAR));
	}
	EXPECT_EQ(-EMLINK, kd_call(&self->a, self->b.id, 999, KD_FAR));
	EXPECT_EQ(-EMLINK, kd_call(&self->a, self->b.id, 999, KD_PAST));
	EXPECT_EQ(-EMLINK, kd_call(&self->a, self->a.id, 999, KD_FAR));
	/* SEND-13: who is not there is told first */
	EXPECT_EQ(-ENXIO, kd_call(&self->a, ~0ULL - 1, 999, KD_FAR));
	/* other messages and other callers are not concerned */
	EXPECT_EQ(0, kd_send(&self->a, self->b.id, 1000, NULL, 0));
	EXPECT_EQ(0, kd_call(&self->b, self->c.id, 1, KD_FAR));

	/* every end makes room for one: an answer, a drop */
	ASSERT_EQ(0, kd_reply(&self->b, self->a.id, 2, NULL, 0));
	EXPECT_EQ(0, kd_call(&self->a, self->b.id, 1001, KD_FAR));
	EXPECT_EQ(-EMLINK, kd_call(&self->a, self->b.id, 999, KD_FAR));
	ASSERT_EQ(0, kd_drop(&self->c));
	EXPECT_EQ(0, kd_call(&self->a, self->b.id, 1002, KD_FAR));
	EXPECT_EQ(-EMLINK, kd_call(&self->a, self->b.id, 999, KD_FAR));
	/* and half of them when a callee goes */
	kd_close(&self->c);
	for (i = 1; i < KD_CALLS_MAX / 2; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, 2000 + i, KD_FAR));
	}
	EXPECT_EQ(-EMLINK, kd_call(&self->a, self->b.id, 999, KD_FAR));
}

/* W-61: what was answered or has expired does not count though unread */
TEST_F(call, ended_does_not_count)
{
	int i;

	for (i = 0; i < KD_CALLS_MAX; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, 1 + i, KD_FAR));
	}
	EXPECT_EQ(-EMLINK, kd_call(&self->a, self->b.id, 999, KD_FAR));
	for (i = 0; i < KD_CALLS_MAX; i++) {
		ASSERT_EQ(0, kd_reply(&self->b, self->a.id, 1 + i, NULL, 0));
		ASSERT_EQ(0, receive(&self->a, 1 + i));
	}
	for (i = 0; i < KD_CALLS_MAX - 1; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, 1 + i, KD_PAST));
	}
	for (i = 0; i < KD_CALLS_MAX - 1; i++) {
		uint64_t cookie, when;

		ASSERT_EQ(0, kd_notice(&self->a, TIMEOUT, &cookie, &when));
	}
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	for (i = 0; i < KD_CALLS_MAX; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->c.id, 1 + i, KD_FAR));
	}
	EXPECT_EQ(-EMLINK, kd_call(&self->a, self->c.id, 999, KD_FAR));
}

/* Section 38: more than 256 notifications wait, none is lost */
TEST_F(call, many_notices)
{
	enum { N = 3 * KD_QUEUE_MAX / 2 };
	uint64_t cookie, when;
	uint8_t seen[N] = { 0 };
	int i;

	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, i, KD_FAR));
		ASSERT_EQ(0, kd_drop(&self->b));
	}
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, kd_notice(&self->a, DEAD, &cookie, &when));
		ASSERT_GT(N, cookie);
		EXPECT_EQ(0, seen[cookie]++);
	}
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* Notices are not charged to anybody: others send as if there were none. */
TEST_F(call, notices_are_free)
{
	int i;

	for (i = 0; i < KD_CALLS_MAX; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, i, KD_PAST));
	}
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_send(&self->c, self->a.id, i, NULL, 0));
	}
	EXPECT_EQ(-ENOBUFS, kd_send(&self->c, self->a.id, i, NULL, 0));
}

/* Fill the pool with messages that are received and not freed. */
static int fill_pool(const struct kd_conn *c)
{
	static const uint8_t data[512 - 96];
	struct kdbus_cmd_recv cmd;
	size_t size = sizeof(data);
	int r;

	for (;;) {
		r = kd_send(c, c->id, 1, data, size);
		if (r == -EXFULL && size)
			size = 0;
		else if (r == -EXFULL)
			return 0;
		else if (r == 0)
			r = kd_recv(c, 0, 0, &cmd);
		if (r != 0 && r != -EXFULL)
			return r;
	}
}

/* NOTE-5: no room for the notice: the call is not made at all */
TEST_F(call, no_room_for_notice)
{
	int i;

	ASSERT_EQ(0, fill_pool(&self->a));
	for (i = 0; i < 2 * KD_CALLS_MAX; i++) {
		ASSERT_EQ(-EXFULL,
			  kd_call(&self->a, self->b.id, 1, KD_PAST));
	}
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, 1, NULL, 0));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	/* with room again, all is as before */
	EXPECT_EQ(0, kd_free(&self->a, 0));
	EXPECT_EQ(0, kd_call(&self->a, self->b.id, 1, KD_PAST));
	EXPECT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 1));
}

/* W-35, NOTE-5: a pool that is full does not swallow an outcome */
TEST_F(call, notice_always_fits)
{
	int i;

	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 1, kd_now() + 50 * KD_MS));
	for (i = 2; i < 6; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, i, KD_FAR));
	}
	for (i = 1; i < 3; i++) {
		ASSERT_EQ(0, receive(&self->b, i));
	}
	ASSERT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 1));
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 1,
			     kd_now() + 5000 * KD_MS));
	ASSERT_EQ(0, fill_pool(&self->a));

	/* section 38, W-11: the replier learns, and so does the caller */
	EXPECT_EQ(-EXFULL, kd_reply(&self->b, self->a.id, 2, "x", 1));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, 2, "x", 1));
	ASSERT_EQ(0, kd_drop(&self->b));
	/* what the notices leave is taken at once */
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 2));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 3));
	ASSERT_EQ(0, fill_pool(&self->a));
	EXPECT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 1));
	kd_close(&self->b);
	for (i = 4; i < 6; i++) {
		uint64_t cookie, when;

		ASSERT_EQ(0, kd_notice(&self->a, DEAD, &cookie, &when));
	}
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* REPLY-6, W-31: nobody can answer cookie 0 */
TEST_F(call, cookie_zero)
{
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 0,
			     kd_now() + 300 * KD_MS));
	ASSERT_EQ(0, receive(&self->b, 0));
	/* this is a plain message */
	ASSERT_EQ(0, kd_reply(&self->b, self->a.id, 0, NULL, 0));
	ASSERT_EQ(0, receive(&self->a, 0));
	EXPECT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 0));
	/* but it can die */
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 0, KD_FAR));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 0));
}

/* BYE-2, H-7: the end of the bus with calls in every state */
TEST_F(call, bus_ends)
{
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 1, kd_now() + KD_MS));
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 2, KD_FAR));
	ASSERT_EQ(0, kd_call(&self->b, self->a.id, 3, KD_FAR));
	ASSERT_EQ(0, kd_call(&self->b, self->b.id, 4, KD_FAR));
	ASSERT_EQ(0, receive(&self->b, 1));
	close(self->env.ctl);
	EXPECT_EQ(-ECONNRESET, kd_call(&self->a, self->b.id, 5, KD_FAR));
	EXPECT_EQ(-ECONNRESET, kd_reply(&self->b, self->a.id, 1, NULL, 0));
	EXPECT_EQ(-ECONNRESET, empty(&self->a));
}

TEST_HARNESS_MAIN
