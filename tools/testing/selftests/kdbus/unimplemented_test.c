// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that this version does not have yet
 *
 * They are refused with EOPNOTSUPP, after everything that is decided before a
 * command looks at its arguments (H-3). A command that comes is taken off the
 * list here, in the manual, and gets tests of its own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

static const struct {
	unsigned int cmd;
	size_t size;
} missing[] = {
	{ KDBUS_CMD_UPDATE, sizeof(struct kdbus_cmd) },
	{ KDBUS_CMD_CONN_INFO, sizeof(struct kdbus_cmd_info) },
	{ KDBUS_CMD_BUS_CREATOR_INFO, sizeof(struct kdbus_cmd_info) },
	{ KDBUS_CMD_LIST, sizeof(struct kdbus_cmd_list) },
	{ KDBUS_CMD_NAME_ACQUIRE, sizeof(struct kdbus_cmd) },
	{ KDBUS_CMD_NAME_RELEASE, sizeof(struct kdbus_cmd) },
	{ KDBUS_CMD_MATCH_ADD, sizeof(struct kdbus_cmd_match) },
	{ KDBUS_CMD_MATCH_REMOVE, sizeof(struct kdbus_cmd_match) },
};

FIXTURE(missing) {
	struct kd_env env;
	struct kd_conn conn;
};

FIXTURE_SETUP(missing)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->conn, self->env.bus));
}

FIXTURE_TEARDOWN(missing)
{
}

/* no command of a connection is half there */
TEST_F(missing, on_connections)
{
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(missing); i++) {
		kd_start(&b, missing[i].size);
		EXPECT_EQ(-EOPNOTSUPP,
			  kd_ioctl(self->conn.fd, missing[i].cmd, &b));
	}
}

/* nor are custom endpoints */
TEST_F(missing, on_endpoints)
{
	int fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	struct kd_block b;
	char name[32];

	ASSERT_LE(0, fd);
	kd_name(name, sizeof(name), "endpoint");
	kd_start(&b, sizeof(b.cmd));
	kd_add_str(&b, KDBUS_ITEM_MAKE_NAME, name);
	EXPECT_EQ(-EOPNOTSUPP, kd_ioctl(fd, KDBUS_CMD_ENDPOINT_MAKE, &b));
	/* the handle is as it was */
	kd_hello_start(&b, KD_POOL);
	EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
}

/* H-3: the state of the handle is judged first */
TEST_F(missing, state_comes_first)
{
	int fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	size_t i;

	ASSERT_LE(0, fd);
	for (i = 0; i < KD_ARRAY_SIZE(missing); i++) {
		EXPECT_EQ(-EBADFD,
			  kd_ioctl(fd, missing[i].cmd, NULL));
	}
	close(self->env.ctl);
	for (i = 0; i < KD_ARRAY_SIZE(missing); i++) {
		EXPECT_EQ(-ECONNRESET,
			  kd_ioctl(self->conn.fd, missing[i].cmd, NULL));
	}
	EXPECT_EQ(-ESHUTDOWN, kd_ioctl(fd, KDBUS_CMD_ENDPOINT_MAKE, NULL));
}

TEST_HARNESS_MAIN
