// SPDX-License-Identifier: GPL-2.0-only
/*
 * Identity and privilege: who may talk to whom without any policy (rules
 * PRIV-1 to PRIV-3, POL-9.2, POL-9.3, POL-9.5, POL-11, SEC-3, SEC-5)
 *
 * Every test runs in a child of its own, so that changing ids is for good.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALICE	4711
#define BOB	4712

FIXTURE(priv) {
	struct kd_env env;
	struct kd_conn root;	/* opened by the creator of the bus */
	struct kd_conn alice;	/* opened by two ordinary users */
	struct kd_conn bob;
};

/* Connect as another user, and come back. */
static int connect_as(struct kd_conn *c, const char *path, uint32_t id)
{
	int r;

	if (setresuid(id, id, 0) < 0)
		return -errno;
	r = kd_connect(c, path);
	if (setresuid(0, 0, 0) < 0)
		return -errno;
	return r;
}

FIXTURE_SETUP(priv)
{
	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_connect(&self->root, self->env.bus));
	ASSERT_EQ(0, connect_as(&self->alice, self->env.bus, ALICE));
	ASSERT_EQ(0, connect_as(&self->bob, self->env.bus, BOB));
}

FIXTURE_TEARDOWN(priv)
{
}

static int send_to(const struct kd_conn *from, const struct kd_conn *to)
{
	return kd_send(from, to->id, 1, "x", 1);
}

/* POL-9.2: owners talk to everybody; POL-9.5: others need a reason */
TEST_F(priv, talk)
{
	struct kdbus_cmd_recv cmd;

	EXPECT_EQ(0, send_to(&self->root, &self->alice));
	EXPECT_EQ(0, send_to(&self->root, &self->root));

	ASSERT_EQ(0, kd_set_user(ALICE));
	EXPECT_EQ(-EPERM, send_to(&self->alice, &self->bob));
	EXPECT_EQ(-EPERM, send_to(&self->alice, &self->root));
	EXPECT_EQ(-EAGAIN, kd_recv(&self->bob, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.dropped_msgs);
}

/* POL-11, SEND-13: what does not exist gives another error, first */
TEST_F(priv, lookup_before_policy)
{
	ASSERT_EQ(0, kd_set_user(ALICE));
	EXPECT_EQ(-ENXIO, kd_send(&self->alice, self->bob.id + 1, 1, "x", 1));
	EXPECT_EQ(-EPERM, send_to(&self->alice, &self->bob));
}

/* SEND-13: EPERM before ENOBUFS */
TEST_F(priv, policy_before_quota)
{
	static const uint8_t data[KD_POOL];

	ASSERT_EQ(0, kd_set_user(ALICE));
	EXPECT_EQ(-EPERM, kd_send(&self->alice, self->bob.id, 1, data,
				  sizeof(data)));
}

/* POL-9.3: the same user; PRIV-3: the sender's current effective uid */
TEST_F(priv, same_user)
{
	struct kd_conn other;

	ASSERT_EQ(0, connect_as(&other, self->env.bus, ALICE));
	ASSERT_EQ(0, setresuid(-1, ALICE, -1));
	EXPECT_EQ(0, send_to(&self->alice, &other));
	EXPECT_EQ(0, send_to(&self->alice, &self->alice));
	/* the credentials of now, not those of opening */
	EXPECT_EQ(0, send_to(&self->bob, &other));
	EXPECT_EQ(-EPERM, send_to(&self->alice, &self->bob));
}

/* W-27: the real uid of the peer's opener counts */
TEST_F(priv, real_uid_of_peer)
{
	struct kd_conn other;

	ASSERT_EQ(0, setresuid(ALICE, 0, 0));
	ASSERT_EQ(0, kd_connect(&other, self->env.bus));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_EQ(0, kd_set_user(ALICE));
	EXPECT_EQ(0, send_to(&self->alice, &other));
	EXPECT_EQ(-EPERM, send_to(&self->alice, &self->root));
}

/* SEC-5, W-41: owner status sticks to the open file, both ways */
TEST_F(priv, handle_keeps_status)
{
	/* root is not made owner by using somebody's handle */
	EXPECT_EQ(-EPERM, send_to(&self->alice, &self->bob));
	/* but uid 0 is the user of this connection */
	EXPECT_EQ(0, send_to(&self->alice, &self->root));

	ASSERT_EQ(0, kd_set_user(ALICE));
	EXPECT_EQ(0, send_to(&self->root, &self->bob));
}

/* H-1, PRIV-1: reopening a handle decides anew */
TEST_F(priv, reopen)
{
	struct kd_conn mine;
	char path[64];

	ASSERT_EQ(0, kd_set_user(ALICE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->root.fd);
	ASSERT_EQ(0, kd_connect(&mine, path));
	EXPECT_EQ(-EPERM, send_to(&mine, &self->bob));
}

static int drop_ipc_owner(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	data[0].effective &= ~(1U << CAP_IPC_OWNER);
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/* PRIV-1: owner by effective uid, or privileged by CAP_IPC_OWNER */
TEST_F(priv, owner)
{
	struct kd_conn by_cap, without_cap, by_uid;
	char name[] = "4711-alice", path[KD_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
	ASSERT_EQ(0, setresuid(-1, ALICE, -1));
	ASSERT_LE(0, kd_bus_make(self->env.dir, name,
				 KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, setresuid(-1, 0, -1));
	ASSERT_EQ(0, connect_as(&self->bob, path, BOB));
	ASSERT_EQ(0, kd_connect(&by_cap, path));
	ASSERT_EQ(0, connect_as(&by_uid, path, ALICE));
	ASSERT_EQ(0, drop_ipc_owner());
	ASSERT_EQ(0, kd_connect(&without_cap, path));

	EXPECT_EQ(0, send_to(&by_cap, &self->bob));
	EXPECT_EQ(0, send_to(&by_uid, &self->bob));
	EXPECT_EQ(-EPERM, send_to(&without_cap, &self->bob));
}

/* PRIV-1: capabilities at open() count, not those at HELLO */
TEST_F(priv, opener)
{
	struct kd_conn c = { .pool_size = KD_POOL };
	struct kd_block b;

	c.fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, c.fd);
	ASSERT_EQ(0, kd_set_user(ALICE));
	kd_hello_start(&b, KD_POOL);
	ASSERT_EQ(0, kd_ioctl(c.fd, KDBUS_CMD_HELLO, &b));
	EXPECT_EQ(0, send_to(&c, &self->bob));
	EXPECT_EQ(-EPERM, send_to(&self->alice, &self->bob));
}

/* SEC-3: uid 0 of a child namespace means nothing */
TEST_F(priv, root_of_child_namespace)
{
	struct kd_conn c;
	int fd;

	ASSERT_EQ(0, kd_set_user(ALICE));
	ASSERT_EQ(0, unshare(CLONE_NEWUSER));
	fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(8, write(fd, "0 4711 1", 8));
	ASSERT_EQ(0, geteuid());
	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	EXPECT_EQ(-EPERM, send_to(&c, &self->bob));
	EXPECT_EQ(-EPERM, send_to(&c, &self->root));
	EXPECT_EQ(0, send_to(&c, &self->alice));
}

TEST_HARNESS_MAIN
