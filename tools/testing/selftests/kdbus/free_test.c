// SPDX-License-Identifier: GPL-2.0-only
/*
 * KDBUS_CMD_FREE (rules FREE-1, FREE-2, POOL-5)
 */
#define _GNU_SOURCE
#include <stdio.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

FIXTURE(free) {
	struct kd_env env;
	struct kd_conn a;
	struct kd_conn b;
};

FIXTURE_SETUP(free)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
}

FIXTURE_TEARDOWN(free)
{
}

/* FREE-1: anything but the start of a slice that the client holds */
TEST_F(free, not_held)
{
	static const uint64_t bad[] = {
		1, 8, 64, KD_POOL - 8, KD_POOL + 8, KD_POOL - 1, 1ULL << 32,
		1ULL << 63, ~0ULL,
	};
	struct kdbus_cmd_recv cmd;
	size_t i;

	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "12345678", 8));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	ASSERT_EQ(0, cmd.msg.offset);
	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-ENXIO,
			  kd_free(&self->b, bad[i]));
	}
	/* of another connection */
	EXPECT_EQ(-ENXIO, kd_free(&self->a, 0));
	EXPECT_EQ(0, kd_free(&self->b, 0));
}

/* FREE-1: freed before */
TEST_F(free, twice)
{
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "x", 1));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, kd_free(&self->b, cmd.msg.offset));
	EXPECT_EQ(-ENXIO, kd_free(&self->b, cmd.msg.offset));
}

/* FREE-1: never reported, though the message lies there */
TEST_F(free, queued)
{
	uint64_t cookie;

	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 7, "x", 1));
	EXPECT_EQ(-ENXIO, kd_free(&self->b, 0));
	EXPECT_EQ(0, kd_recv_cookie(&self->b, &cookie));
	EXPECT_EQ(7, cookie);
}

/* FREE-1, POOL-5: the marker for "nothing here" */
TEST_F(free, pool_size)
{
	EXPECT_EQ(0, kd_free(&self->b, KD_POOL));
	EXPECT_EQ(0, kd_free(&self->b, KD_POOL));
}

/* FREE-2: after PEEK the message stays queued at the same offset */
TEST_F(free, peeked)
{
	struct kdbus_cmd_recv cmd;
	int i;

	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 7, "x", 1));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
		EXPECT_EQ(0, cmd.msg.offset);
		EXPECT_EQ(0, kd_free(&self->b, cmd.msg.offset));
		EXPECT_EQ(-ENXIO, kd_free(&self->b, cmd.msg.offset));
	}
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.msg.offset);
	EXPECT_EQ(7, kd_msg(&self->b, 0)->cookie);
	EXPECT_EQ(0, kd_free(&self->b, 0));
}

/* FREE-1: in any order */
TEST_F(free, any_order)
{
	static const int order[] = { 3, 0, 7, 4, 1, 6, 5, 2 };
	struct kdbus_cmd_recv cmd;
	int i;

	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "x", 1));
		ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
		ASSERT_EQ(104 * i, cmd.msg.offset);
	}
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(0,
			  kd_free(&self->b, 104 * order[i]));
	}
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(-ENXIO,
			  kd_free(&self->b, 104 * i));
	}
}

TEST_HARNESS_MAIN
