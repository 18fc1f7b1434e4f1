// SPDX-License-Identifier: GPL-2.0-only
/*
 * fdinfo of a connection, and what it says of copies
 *
 * The promise is two copies of the payload for a call and its reply, one in
 * each direction, and none for memfds. fdinfo counts the bytes that the kernel
 * has copied into the pool of a connection.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

/* The number behind a name in fdinfo, or -1. */
static long long fdinfo_value(const struct kd_conn *c, const char *name)
{
	char path[64], line[256];
	long long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", c->fd);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) &&
		    line[strlen(name)] == ':')
			value = strtoll(line + strlen(name) + 1, NULL, 0);
	fclose(f);

	return value;
}

FIXTURE(fdinfo) {
	struct kd_env env;
	struct kd_conn a;
	struct kd_conn b;
};

FIXTURE_SETUP(fdinfo)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
}

FIXTURE_TEARDOWN(fdinfo)
{
}

/* what is queued is shown, and gone when it was received and freed */
TEST_F(fdinfo, state)
{
	struct kdbus_cmd_recv cmd;

	EXPECT_EQ(self->a.id, fdinfo_value(&self->a, "kdbus-id"));
	EXPECT_EQ(self->a.pool_size, fdinfo_value(&self->a, "kdbus-pool-size"));
	EXPECT_EQ(0, fdinfo_value(&self->b, "kdbus-queued-messages"));

	EXPECT_EQ(0, fdinfo_value(&self->b, "kdbus-pool-used"));
	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "12345678", 8));
	EXPECT_EQ(1, fdinfo_value(&self->b, "kdbus-queued-messages"));
	EXPECT_LT(8, fdinfo_value(&self->b, "kdbus-queued-bytes"));
	EXPECT_EQ(fdinfo_value(&self->b, "kdbus-queued-bytes"),
		  fdinfo_value(&self->b, "kdbus-pool-used"));

	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, fdinfo_value(&self->b, "kdbus-queued-messages"));
	EXPECT_EQ(0, fdinfo_value(&self->b, "kdbus-queued-bytes"));
	EXPECT_LT(0, fdinfo_value(&self->b, "kdbus-pool-used"));
	ASSERT_EQ(0, kd_free(&self->b, cmd.msg.offset));
	EXPECT_EQ(0, fdinfo_value(&self->b, "kdbus-pool-used"));
}

/* a call and its reply copy each payload once */
TEST_F(fdinfo, copies_of_call)
{
	static const char request[1000], answer[3000];
	struct kdbus_cmd_recv cmd;
	struct kd_block b;

	kd_call_start(&b, self->b.id, 7, KD_FAR);
	kd_msg_vec(&b, request, sizeof(request));
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(1, fdinfo_value(&self->a, "kdbus-calls"));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	ASSERT_EQ(0, kd_reply(&self->b, self->a.id, 7, answer,
			      sizeof(answer)));

	EXPECT_EQ(0, fdinfo_value(&self->a, "kdbus-calls"));
	EXPECT_EQ(sizeof(request), fdinfo_value(&self->b, "kdbus-copied-bytes"));
	EXPECT_EQ(sizeof(answer), fdinfo_value(&self->a, "kdbus-copied-bytes"));
}

/* a memfd is not copied, whatever its size */
TEST_F(fdinfo, copies_of_memfd)
{
	struct kdbus_memfd item = { .size = 1 << 20 };
	struct kdbus_cmd_recv cmd;
	struct kd_block b;

	item.fd = memfd_create("payload", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	ASSERT_LE(0, item.fd);
	ASSERT_EQ(0, ftruncate(item.fd, item.size));
	ASSERT_EQ(0, fcntl(item.fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK |
			   F_SEAL_GROW | F_SEAL_WRITE));

	kd_msg_start(&b, self->b.id);
	kd_add(&b, KDBUS_ITEM_PAYLOAD_MEMFD, &item, sizeof(item));
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, fdinfo_value(&self->b, "kdbus-copied-bytes"));
}

TEST_HARNESS_MAIN
