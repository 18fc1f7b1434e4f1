// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quotas (rules QUOTA-1 to QUOTA-5, W-5): at the limit and one beyond it
 *
 * Two sending users are needed for the shares. Both connections are opened
 * with the effective uid of the bus owner, who may talk to everybody, but with
 * different real uids, which is what counts for accounting (QUOTA-2).
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define OTHER_USER	4711
#define POOL		(1024 * 1024)
#define HALF		(POOL / 2)

static uint8_t data[KD_VEC_MAX];

FIXTURE(quota) {
	struct kd_env env;
	struct kd_conn a;	/* first user */
	struct kd_conn a2;	/* first user, another connection */
	struct kd_conn o;	/* second user */
	struct kd_conn b;	/* receiver */
};

FIXTURE_SETUP(quota)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->a2, self->env.bus));
	ASSERT_EQ(0, kd_hello(&self->b, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, setreuid(OTHER_USER, -1));
	ASSERT_EQ(0, kd_connect(&self->o, self->env.bus));
	ASSERT_EQ(0, setreuid(geteuid(), -1));
}

FIXTURE_TEARDOWN(quota)
{
}

/* Send a message whose slice has exactly this size, a multiple of 8. */
static int send_slice(const struct kd_conn *from, const struct kd_conn *to,
		      uint64_t size)
{
	return kd_send(from, to->id, 1, data, size - 96);
}

static int drop(const struct kd_conn *c)
{
	struct kdbus_cmd_recv cmd;

	return kd_recv(c, KDBUS_RECV_DROP, 0, &cmd);
}

static uint64_t align_down(uint64_t n)
{
	return n & ~7ULL;
}

/* QUOTA-3, section 32: 256 messages of a user, whatever the connection */
TEST_F(quota, messages)
{
	struct kdbus_cmd_recv cmd;
	uint64_t cookie;
	int i;

	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_send_prio(i % 2 ? &self->a : &self->a2,
					  self->b.id, i, 0));
	}
	EXPECT_EQ(-ENOBUFS, kd_send_prio(&self->a, self->b.id, 999, 0));
	EXPECT_EQ(-ENOBUFS, kd_send_prio(&self->a2, self->b.id, 999, 0));
	/* another user is not concerned */
	EXPECT_EQ(0, kd_send_prio(&self->o, self->b.id, KD_QUEUE_MAX, 0));

	/* QUOTA-1: peeking does not return the charge, receiving does */
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
	EXPECT_EQ(-ENOBUFS, kd_send_prio(&self->a, self->b.id, 999, 0));
	ASSERT_EQ(0, kd_recv_cookie(&self->b, &cookie));
	EXPECT_EQ(0, cookie);
	EXPECT_EQ(0, kd_send_prio(&self->a, self->b.id, 300, 0));
	EXPECT_EQ(-ENOBUFS, kd_send_prio(&self->a, self->b.id, 999, 0));
	ASSERT_EQ(0, drop(&self->b));
	EXPECT_EQ(0, kd_send_prio(&self->a, self->b.id, 301, 0));
	EXPECT_EQ(-ENOBUFS, kd_send_prio(&self->a, self->b.id, 999, 0));

	/* what was refused is not there */
	while (kd_recv_cookie(&self->b, &cookie) == 0) {
		EXPECT_NE(999,
			  cookie);
	}
}

/* QUOTA-3: the share of a first user in an empty queue is a third of half */
TEST_F(quota, first_share)
{
	uint64_t share = align_down(HALF / 3);

	EXPECT_EQ(-ENOBUFS, send_slice(&self->a, &self->b, share + 8));
	EXPECT_EQ(0, send_slice(&self->a, &self->b, share));
	EXPECT_EQ(-ENOBUFS, kd_send_prio(&self->a, self->b.id, 1, 0));
	ASSERT_EQ(0, drop(&self->b));
	EXPECT_EQ(0, send_slice(&self->a, &self->b, share));
}

/* QUOTA-3: 16 MiB give 2796202 bytes */
TEST_F(quota, sixteen_megabytes)
{
	uint64_t payload = align_down(2796202) - 128;
	struct kd_conn big;
	struct kd_block b;
	int i;

	ASSERT_EQ(0, kd_hello(&big, self->env.bus, 0, 0, 16 * 1024 * 1024));
	for (i = 1; i >= 0; i--) {
		kd_msg_start(&b, big.id);
		kd_msg_vec(&b, data, payload / 2);
		kd_msg_vec(&b, data, payload - payload / 2 + i);
		EXPECT_EQ(i ? -ENOBUFS : 0, kd_msg_send(&self->a, &b));
	}
}

/* QUOTA-3: the second user takes a third of what the first one left */
TEST_F(quota, second_share)
{
	uint64_t first = align_down(HALF / 3);
	uint64_t second = align_down((HALF - first) / 3);

	ASSERT_EQ(0, send_slice(&self->a, &self->b, first));
	EXPECT_EQ(-ENOBUFS, send_slice(&self->o, &self->b, second + 8));
	EXPECT_EQ(0, send_slice(&self->o, &self->b, second));
	EXPECT_EQ(-ENOBUFS, kd_send_prio(&self->o, self->b.id, 1, 0));
	/* returned, it is the first user's again */
	ASSERT_EQ(0, drop(&self->b));
	ASSERT_EQ(0, drop(&self->b));
	EXPECT_EQ(0, send_slice(&self->a, &self->b, first));
}

/* QUOTA-3: many messages; the share shrinks while others occupy the queue */
TEST_F(quota, share_is_of_what_is_left)
{
	uint64_t used = 0, other = 64 * 1024;

	ASSERT_EQ(0, send_slice(&self->o, &self->b, other));
	/* all = other + used, own = used: limit is (HALF - other) / 3 */
	while (used + 4096 <= (HALF - other) / 3) {
		ASSERT_EQ(0, send_slice(&self->a, &self->b, 4096));
		used += 4096;
	}
	EXPECT_EQ(-ENOBUFS, send_slice(&self->a, &self->b, 4096));
	/* fill exactly */
	other = align_down((HALF - other) / 3 - used);
	if (other >= 104)
		EXPECT_EQ(0, send_slice(&self->a, &self->b, other));
	EXPECT_EQ(-ENOBUFS, send_slice(&self->a, &self->b, 104));
}

/* QUOTA-1: not returned by freeing a peeked slice; returned by DROP */
TEST_F(quota, peek_free_drop)
{
	uint64_t share = align_down(HALF / 3);
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, send_slice(&self->a, &self->b, share));
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
	ASSERT_EQ(0, kd_free(&self->b, cmd.msg.offset));
	EXPECT_EQ(-ENOBUFS, send_slice(&self->a, &self->b, 104));
	/* dropped while it is held: uncharged, but still in the pool */
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
	ASSERT_EQ(0, drop(&self->b));
	EXPECT_EQ(0, send_slice(&self->a, &self->b, share));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(share, cmd.msg.offset);
}

/* QUOTA-1: received but unfreed messages are not charged */
TEST_F(quota, unfreed)
{
	uint64_t share = align_down(HALF / 3);
	struct kdbus_cmd_recv cmd;
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, send_slice(&self->a, &self->b, share));
		ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	}
	/* QUOTA-4: room in the quota, none in the pool */
	ASSERT_EQ(0, send_slice(&self->a, &self->b, share));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(-EXFULL, send_slice(&self->a, &self->b, share));
}

/* QUOTA-4, W-5: what is refused leaves no charge */
TEST_F(quota, refused_leaves_nothing)
{
	uint64_t share = align_down(HALF / 3);
	struct kdbus_cmd_recv cmd;
	int i;

	/* EXFULL: fill the pool with unfreed slices first */
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, send_slice(&self->a, &self->b, 128 * 1024));
		ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
		ASSERT_EQ(0, send_slice(&self->a, &self->b, 128 * 1024));
		ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	}
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(-EXFULL,
			  send_slice(&self->a, &self->b, 8192));
	}
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0,
			  kd_free(&self->b, i * 128 * 1024));
	}

	/* ENOBUFS and EFAULT */
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(-ENOBUFS, send_slice(&self->a, &self->b, share + 8));
		ASSERT_EQ(-EFAULT,
			  kd_send(&self->a, self->b.id, 1, (void *)8, 64));
	}
	EXPECT_EQ(-EAGAIN, drop(&self->b));
	EXPECT_EQ(0, send_slice(&self->a, &self->b, share));
	EXPECT_EQ(-ENOBUFS, send_slice(&self->a, &self->b, 104));
}

/* QUOTA-1: queues of different receivers are independent */
TEST_F(quota, per_receiver)
{
	int i;

	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0,
			  kd_send_prio(&self->a, self->b.id, i, 0));
	}
	EXPECT_EQ(-ENOBUFS, kd_send_prio(&self->a, self->b.id, i, 0));
	EXPECT_EQ(0, kd_send_prio(&self->a, self->a2.id, i, 0));
}

/* QUOTA-1: a sender that goes leaves its charge, the user has it back then */
TEST_F(quota, sender_goes)
{
	uint64_t share = align_down(HALF / 3);

	ASSERT_EQ(0, send_slice(&self->o, &self->b, share));
	kd_close(&self->o);
	/* the user's last connection has gone; a new one inherits nothing */
	ASSERT_EQ(0, setreuid(OTHER_USER + 1, -1));
	ASSERT_EQ(0, kd_connect(&self->o, self->env.bus));
	ASSERT_EQ(0, setreuid(geteuid(), -1));
	EXPECT_EQ(0, send_slice(&self->o, &self->b,
				align_down((HALF - share) / 3)));
	ASSERT_EQ(0, drop(&self->b));
	ASSERT_EQ(0, drop(&self->b));
	EXPECT_EQ(0, send_slice(&self->a, &self->b, share));
}

TEST_HARNESS_MAIN
