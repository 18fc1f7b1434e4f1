// SPDX-License-Identifier: GPL-2.0-only
/*
 * A message in the receiver's pool (rules LAY-1 to LAY-6, ORD-4, and TIMESTAMP
 * of META-2)
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

FIXTURE(layout) {
	struct kd_env env;
	struct kd_conn a;
	struct kd_conn b;	/* wants no metadata */
	struct kd_conn t;	/* wants TIMESTAMP */
};

FIXTURE_SETUP(layout)
{
	struct kdbus_cmd_recv cmd;
	static uint8_t dirt[8192];

	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
	ASSERT_EQ(0, kd_hello(&self->t, self->env.bus, 0,
			      KDBUS_ATTACH_TIMESTAMP, KD_POOL));
	/* the pools are not clean: padding has to be written */
	memset(dirt, 0xff, sizeof(dirt));
	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, dirt, sizeof(dirt)));
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_DROP, 0, &cmd));
	ASSERT_EQ(0, kd_send(&self->a, self->t.id, 1, dirt, sizeof(dirt)));
	ASSERT_EQ(0, kd_recv(&self->t, KDBUS_RECV_DROP, 0, &cmd));
}

FIXTURE_TEARDOWN(layout)
{
}

/* Send, receive at offset 0: the slice size, or a negative errno. */
static int64_t pass(const struct kd_conn *from, const struct kd_conn *to,
		    struct kd_block *b)
{
	struct kdbus_cmd_recv cmd;
	int r;

	b->msg.dst_id = to->id;
	r = kd_msg_send(from, b);
	if (r == 0)
		r = kd_recv(to, 0, 0, &cmd);
	if (r < 0)
		return r;
	if (cmd.msg.offset != 0)
		return -EPROTO;
	return cmd.msg.msg_size;
}

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* LAY-3: header fields exactly as sent, src_id filled in */
TEST_F(layout, header)
{
	const struct kdbus_msg *msg = kd_msg(&self->b, 0);
	struct kd_block b;

	kd_msg_start(&b, 0);
	b.msg.flags = KDBUS_MSG_NO_AUTO_START;
	b.msg.priority = -12345678901LL;
	b.msg.payload_type = 0x123456789abcdef0ULL;
	b.msg.cookie = 0xfedcba9876543210ULL;
	ASSERT_EQ(64, pass(&self->a, &self->b, &b));
	EXPECT_EQ(64, msg->size);
	EXPECT_EQ(KDBUS_MSG_NO_AUTO_START, msg->flags);
	EXPECT_EQ(-12345678901LL, msg->priority);
	EXPECT_EQ(self->b.id, msg->dst_id);
	EXPECT_EQ(self->a.id, msg->src_id);
	EXPECT_EQ(0x123456789abcdef0ULL, msg->payload_type);
	EXPECT_EQ(0xfedcba9876543210ULL, msg->cookie);
	EXPECT_EQ(0, msg->cookie_reply);
}

/* LAY-6, first example: one VEC of 13 bytes, TIMESTAMP */
TEST_F(layout, vec_and_timestamp)
{
	const struct kdbus_msg *msg = kd_msg(&self->t, 0);
	const struct kdbus_item *item = msg->items;
	struct kd_block b;

	kd_msg_start(&b, 0);
	kd_msg_vec(&b, "thirteen char", 13);
	ASSERT_EQ(152, pass(&self->a, &self->t, &b));
	EXPECT_EQ(136, msg->size);
	EXPECT_EQ(32, item->size);
	EXPECT_EQ(KDBUS_ITEM_PAYLOAD_OFF, item->type);
	EXPECT_EQ(13, item->vec.size);
	EXPECT_EQ(136, item->vec.offset);
	EXPECT_EQ(0, memcmp("thirteen char\0\0", self->t.pool + 136, 16));
	item = (const void *)((const uint8_t *)item + 32);
	EXPECT_EQ(40, item->size);
	EXPECT_EQ(KDBUS_ITEM_TIMESTAMP, item->type);
}

/* LAY-4, LAY-5, LAY-6: zero-filled VECs keep the alignment of what follows */
TEST_F(layout, zero_vec)
{
	const struct kdbus_msg *msg = kd_msg(&self->b, 0);
	struct kd_block b;

	kd_msg_start(&b, 0);
	kd_msg_vec(&b, "thirteen char", 13);
	kd_msg_vec(&b, NULL, 3);
	kd_msg_vec(&b, "four", 4);
	ASSERT_EQ(184, pass(&self->a, &self->b, &b));
	EXPECT_EQ(160, msg->size);
	EXPECT_EQ(160, kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 0)->vec.offset);
	EXPECT_EQ(13, kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 0)->vec.size);
	EXPECT_EQ(~0ULL, kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 1)->vec.offset);
	EXPECT_EQ(3, kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 1)->vec.size);
	EXPECT_EQ(176, kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 2)->vec.offset);
	EXPECT_EQ(4, kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 2)->vec.size);
	EXPECT_EQ(NULL, kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 3));
	EXPECT_EQ(0, memcmp("thirteen char\0\0\0four\0\0\0", self->b.pool + 160,
			    24));
}

/* LAY-5: z mod 8 bytes, for every z */
TEST_F(layout, zero_vec_sizes)
{
	const struct kdbus_msg *msg = kd_msg(&self->b, 0);
	struct kd_block b;
	uint64_t z;

	for (z = 1; z <= 17; z++) {
		kd_msg_start(&b, 0);
		kd_msg_vec(&b, NULL, z);
		kd_msg_vec(&b, "x", 1);
		ASSERT_EQ(64 + 64 + 8, pass(&self->a, &self->b, &b));
		EXPECT_EQ(128 + z % 8,
			  kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 1)->vec.offset);
		EXPECT_EQ('x', self->b.pool[128 + z % 8]);
		ASSERT_EQ(0, kd_free(&self->b, 0));
	}
}

/* LAY-1, LAY-2: sizes of the inline payload */
TEST_F(layout, payload_sizes)
{
	const struct kdbus_msg *msg = kd_msg(&self->b, 0);
	static uint8_t data[64];
	struct kd_block b;
	uint64_t n, i;

	memset(data, 'd', sizeof(data));
	for (n = 1; n <= 33; n++) {
		kd_msg_start(&b, 0);
		kd_msg_vec(&b, data, n);
		ASSERT_EQ(96 + KD_ALIGN8(n), pass(&self->a, &self->b, &b));
		EXPECT_EQ(96, msg->size);
		EXPECT_EQ(0, memcmp(data, self->b.pool + 96, n));
		for (i = n; i < KD_ALIGN8(n); i++) {
			EXPECT_EQ(0,
				  self->b.pool[96 + i]);
		}
		ASSERT_EQ(0, kd_free(&self->b, 0));
	}
}

/* LAY-5: VECs one after another, without gaps */
TEST_F(layout, many_vecs)
{
	const struct kdbus_msg *msg = kd_msg(&self->b, 0);
	static const char text[] = "abcdefghijklmnopqrstuvwxyz";
	uint64_t offset = 64 + 26 * 32;
	struct kd_block b;
	int i;

	kd_msg_start(&b, 0);
	for (i = 0; i < 26; i++)
		kd_msg_vec(&b, text + i, 1);
	ASSERT_EQ(KD_ALIGN8(offset + 26), pass(&self->a, &self->b, &b));
	EXPECT_EQ(offset, msg->size);
	for (i = 0; i < 26; i++) {
		EXPECT_EQ(offset + i, kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF,
					      i)->vec.offset);
	}
	EXPECT_EQ(0, memcmp(text, self->b.pool + offset, 26));
}

/* LAY-4: large payload from odd addresses over many pages */
TEST_F(layout, large)
{
	static uint8_t data[10001];
	struct kd_block b;
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 7 + i / 256;
	kd_msg_start(&b, 0);
	kd_msg_vec(&b, data + 1, 4999);
	kd_msg_vec(&b, data + 5000, 5001);
	ASSERT_EQ(128 + 10000, pass(&self->a, &self->b, &b));
	EXPECT_EQ(0, memcmp(data + 1, self->b.pool + 128, 10000));
}

/* LAY-6: no items; with and without metadata */
TEST_F(layout, no_items)
{
	struct kd_block b;

	kd_msg_start(&b, 0);
	EXPECT_EQ(64, pass(&self->a, &self->b, &b));
	kd_msg_start(&b, 0);
	EXPECT_EQ(104, pass(&self->a, &self->t, &b));
	EXPECT_EQ(104, kd_msg(&self->t, 0)->size);
}

/* LAY-6, section 32: the longest message */
TEST_F(layout, longest)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	struct kd_conn big;
	struct kd_block b;
	int i;

	ASSERT_EQ(0, kd_hello(&big, self->env.bus, 0, 0, 1024 * 1024));
	kd_msg_start(&b, big.id);
	for (i = 0; i < 1022; i++)
		kd_msg_vec(&b, NULL, 8 * (i + 1));
	ASSERT_EQ(KD_BLOCK_MAX, b.size);
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	ASSERT_EQ(0, kd_recv(&big, 0, 0, &cmd));
	EXPECT_EQ(KD_BLOCK_MAX, cmd.msg.msg_size);
	msg = kd_msg(&big, cmd.msg.offset);
	EXPECT_EQ(KD_BLOCK_MAX, msg->size);
	for (i = 0; i < 1022; i++) {
		const struct kdbus_item *item;

		item = kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, i);
		ASSERT_NE(NULL, item);
		ASSERT_EQ(8 * (i + 1), item->vec.size);
		ASSERT_EQ(~0ULL, item->vec.offset);
	}
}

/* META-2, ORD-4: TIMESTAMP */
TEST_F(layout, timestamp)
{
	const struct kdbus_timestamp *t;
	uint64_t mono, real, last = 0;
	struct kd_block b;
	int i;

	for (i = 0; i < 20; i++) {
		kd_msg_start(&b, 0);
		mono = now(CLOCK_MONOTONIC);
		real = now(CLOCK_REALTIME);
		ASSERT_EQ(104, pass(&self->a, &self->t, &b));
		t = &kd_item(kd_msg(&self->t, 0), KDBUS_ITEM_TIMESTAMP,
			     0)->timestamp;
		EXPECT_LT(last, t->seqnum);
		last = t->seqnum;
		EXPECT_LE(mono, t->monotonic_ns);
		EXPECT_GE(now(CLOCK_MONOTONIC), t->monotonic_ns);
		EXPECT_LE(real, t->realtime_ns);
		EXPECT_GE(now(CLOCK_REALTIME), t->realtime_ns);
		ASSERT_EQ(0, kd_free(&self->t, 0));
	}
}

/* ORD-4: sequence numbers start at 1 on every bus */
TEST_F(layout, sequence_starts_at_one)
{
	char name[32], path[KD_PATH_MAX];
	struct kd_block b;
	struct kd_conn c;

	kd_name(name, sizeof(name), "fresh");
	ASSERT_LE(0, kd_bus_make(self->env.dir, name, 0));
	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
	ASSERT_EQ(0, kd_hello(&c, path, 0, KDBUS_ATTACH_TIMESTAMP, KD_POOL));
	kd_msg_start(&b, 0);
	ASSERT_EQ(104, pass(&c, &c, &b));
	/* notifications of HELLO may have drawn numbers before */
	EXPECT_LE(1, kd_item(kd_msg(&c, 0), KDBUS_ITEM_TIMESTAMP,
			     0)->timestamp.seqnum);
	EXPECT_GE(3, kd_item(kd_msg(&c, 0), KDBUS_ITEM_TIMESTAMP,
			     0)->timestamp.seqnum);
}

TEST_HARNESS_MAIN
