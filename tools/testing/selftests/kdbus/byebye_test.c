// SPDX-License-Identifier: GPL-2.0-only
/*
 * KDBUS_CMD_BYEBYE (rules BYE-1, BYE-2, BYE-3.1, BYE-3.4)
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

FIXTURE(byebye) {
	struct kd_env env;
	struct kd_conn a;
	struct kd_conn b;
};

FIXTURE_SETUP(byebye)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
}

FIXTURE_TEARDOWN(byebye)
{
}

/* BYE-1: with messages queued nothing happens */
TEST_F(byebye, busy)
{
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "x", 1));
	EXPECT_EQ(-EBUSY, kd_byebye(&self->b));
	EXPECT_EQ(0, kd_send(&self->a, self->b.id, 2, "x", 1));
	/* a message that was only peeked at is still queued */
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
	EXPECT_EQ(-EBUSY, kd_byebye(&self->b));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(-EBUSY, kd_byebye(&self->b));
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_DROP, 0, &cmd));
	/* an unfreed slice does not matter */
	EXPECT_EQ(0, kd_byebye(&self->b));
}

/* BYE-2: afterwards every command gives ECONNRESET */
TEST_F(byebye, afterwards)
{
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, kd_byebye(&self->b));
	EXPECT_EQ(-ECONNRESET, kd_byebye(&self->b));
	EXPECT_EQ(-ECONNRESET, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(-ECONNRESET, kd_send(&self->b, self->a.id, 1, "x", 1));
	EXPECT_EQ(-ECONNRESET, kd_free(&self->b, KD_POOL));
	EXPECT_EQ(-ECONNRESET, kd_ioctl(self->b.fd, KDBUS_CMD_LIST, NULL));
}

/* BYE-3.1: the id no longer resolves */
TEST_F(byebye, id_is_gone)
{
	ASSERT_EQ(0, kd_byebye(&self->b));
	EXPECT_EQ(-ENXIO, kd_send(&self->a, self->b.id, 1, "x", 1));
	close(self->b.fd);
	EXPECT_EQ(-ENXIO, kd_send(&self->a, self->b.id, 1, "x", 1));
}

/* BYE-3.4, H-7: closing discards what is queued */
TEST_F(byebye, close_discards)
{
	int i;

	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0,
			  kd_send(&self->a, self->b.id, i, "x", 1));
	}
	close(self->b.fd);
	EXPECT_EQ(-ENXIO, kd_send(&self->a, self->b.id, 1, "x", 1));
	/* its messages to others arrive all the same */
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
	ASSERT_EQ(0, kd_send(&self->b, self->a.id, 5, "x", 1));
	ASSERT_EQ(0, kd_byebye(&self->b));
	close(self->b.fd);
	EXPECT_EQ(0, kd_recv_cookie(&self->a, &(uint64_t){ 0 }));
}

/* BYE-3: the place among the connections of the user is free again */
TEST_F(byebye, hello_again)
{
	struct kd_conn c;
	uint64_t last = self->b.id;
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, kd_connect(&c, self->env.bus));
		EXPECT_LT(last, c.id);
		last = c.id;
		ASSERT_EQ(0, kd_byebye(&c));
		kd_close(&c);
	}
}

TEST_HARNESS_MAIN
