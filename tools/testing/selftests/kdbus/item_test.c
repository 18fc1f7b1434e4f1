// SPDX-License-Identifier: GPL-2.0-only
/*
 * Items: walking a list, the checks of each payload (rules ITEM-1 to ITEM-3
 * and the table of section 3.3), for the commands BUS_MAKE, HELLO and SEND
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

FIXTURE(item) {
	struct kd_env env;
	struct kd_conn conn;
	int control;
	int ep;
};

FIXTURE_SETUP(item)
{
	char path[KD_PATH_MAX];

	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->conn, self->env.bus));
	snprintf(path, sizeof(path), "%s/control", self->env.dir);
	self->control = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->control);
	self->ep = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->ep);
}

FIXTURE_TEARDOWN(item)
{
}

/* A negotiating command checks all items and does nothing else: NEG-1. */
static void start_hello(struct kd_block *b)
{
	kd_hello_start(b, KD_POOL);
	b->hello.flags = KDBUS_FLAG_NEGOTIATE;
}

static int try_hello(int ep, uint64_t type, const void *data, size_t len)
{
	struct kd_block b;

	start_hello(&b);
	kd_add(&b, type, data, len);
	return kd_ioctl(ep, KDBUS_CMD_HELLO, &b);
}

static int try_make(int control, uint64_t type, const void *data, size_t len)
{
	struct kd_block b;

	kd_start(&b, sizeof(b.cmd));
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
	kd_add(&b, type, data, len);
	return kd_ioctl(control, KDBUS_CMD_BUS_MAKE, &b);
}

static int try_msg(const struct kd_conn *c, uint64_t type, const void *data,
		   size_t len)
{
	struct kd_block b;

	kd_msg_start(&b, c->id);
	kd_add(&b, type, data, len);
	return kd_msg_send(c, &b);
}

/* ITEM-2.1: an item smaller than its header, or not inside the block */
TEST_F(item, size)
{
	static const uint64_t sizes[] = {
		0, 1, 8, 15, 25, 32, 4096, 1ULL << 32, (1ULL << 32) + 24,
		1ULL << 63, ~0ULL - 7, ~0ULL,
	};
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(sizes); i++) {
		start_hello(&b);
		kd_add_u64(&b, KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_NAME)->size =
			sizes[i];
		EXPECT_EQ(-EINVAL, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));
	}
	start_hello(&b);
	kd_add_u64(&b, KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_NAME);
	EXPECT_EQ(0, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));
}

/* ITEM-2: where the block may end after the last item */
TEST_F(item, end_of_block)
{
	unsigned int extra;
	struct kd_block b;

	/* an item of 22 bytes ends at 22 to 24 */
	for (extra = 0; extra <= 32; extra++) {
		start_hello(&b);
		kd_add_str(&b, KDBUS_ITEM_CONN_DESCRIPTION, "descr");
		b.size += extra;
		EXPECT_EQ(extra <= 2 ? 0 : -EINVAL,
			  kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b)) {
			TH_LOG("%u bytes after the last item", extra);
		}
	}
	/* no items at all */
	for (extra = 0; extra <= 16; extra++) {
		start_hello(&b);
		b.size += extra;
		EXPECT_EQ(extra ? -EINVAL : 0,
			  kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b)) {
			TH_LOG("%u stray bytes", extra);
		}
	}
}

/* ITEM-3: blocks and messages of unaligned size, as sd-bus makes them */
TEST_F(item, unaligned_size)
{
	struct kd_block b;

	kd_msg_start(&b, self->conn.id);
	kd_add(&b, KDBUS_ITEM_FDS, &(int){ 0 }, sizeof(int));
	ASSERT_EQ(84, b.size);
	b.msg.flags = KDBUS_FLAG_NEGOTIATE;
	/* parsed without complaint: the flag needs that of the command */
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->conn, &b));
	EXPECT_EQ(0x7, b.msg.flags);
}

/* ITEM-1: the content of the padding is ignored */
TEST_F(item, padding)
{
	struct kd_block b;
	size_t end;

	start_hello(&b);
	kd_add_str(&b, KDBUS_ITEM_CONN_DESCRIPTION, "descr");
	end = b.size;
	kd_add_u64(&b, KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_NAME);
	b.raw[end] = 0xff;
	b.raw[end + 1] = 0xff;
	EXPECT_EQ(0, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));
}

/* ITEM-2.2: types that a command does not accept */
TEST_F(item, foreign_type)
{
	static const uint64_t types[] = {
		0, KDBUS_ITEM_PAYLOAD_OFF, KDBUS_ITEM_BLOOM_MASK,
		KDBUS_ITEM_ID, KDBUS_ITEM_DST_ID, KDBUS_ITEM_TIMESTAMP,
		KDBUS_ITEM_OWNED_NAME, KDBUS_ITEM_ID_ADD, 0xffff,
		KDBUS_ITEM_NEGOTIATE + (1ULL << 32), ~0ULL,
	};
	static const char data[64];
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(types); i++) {
		EXPECT_EQ(-EINVAL, try_hello(self->ep, types[i], data, 32));
		EXPECT_EQ(-EINVAL,
			  try_make(self->control, types[i], data, 32));
		EXPECT_EQ(-EINVAL, try_msg(&self->conn, types[i], data, 32));
	}
	/* there is no mask that connections would have to grant: BUS-2 */
	EXPECT_EQ(-EINVAL, try_make(self->control,
				    KDBUS_ITEM_ATTACH_FLAGS_RECV, data, 8));
}

/* ITEM-2.4: the second item of a kind */
TEST_F(item, twice)
{
	struct kdbus_bloom_parameter bloom = { .size = 64, .n_hash = 1 };
	struct kd_block b;

	kd_make_start(&b, "0-x");
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, kd_ioctl(self->control, KDBUS_CMD_BUS_MAKE, &b));
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
	kd_add(&b, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	EXPECT_EQ(-EINVAL, kd_ioctl(self->control, KDBUS_CMD_BUS_MAKE, &b));

	kd_make_start(&b, "0-x");
	kd_add_str(&b, KDBUS_ITEM_MAKE_NAME, "0-y");
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(-EINVAL, kd_ioctl(self->control, KDBUS_CMD_BUS_MAKE, &b));

	start_hello(&b);
	kd_add(&b, KDBUS_ITEM_NEGOTIATE, NULL, 0);
	kd_add(&b, KDBUS_ITEM_NEGOTIATE, NULL, 0);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));

	kd_msg_start(&b, self->conn.id);
	kd_add_str(&b, KDBUS_ITEM_DST_NAME, "a.b");
	kd_add_str(&b, KDBUS_ITEM_DST_NAME, "a.b");
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->conn, &b));
	kd_msg_start(&b, self->conn.id);
	kd_add(&b, KDBUS_ITEM_FDS, &(int){ 0 }, 4);
	kd_add(&b, KDBUS_ITEM_FDS, &(int){ 0 }, 4);
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->conn, &b));

	/* and those that may be repeated */
	start_hello(&b);
	kd_add(&b, KDBUS_ITEM_POLICY_ACCESS, NULL, 24);
	kd_add(&b, KDBUS_ITEM_POLICY_ACCESS, NULL, 24);
	EXPECT_EQ(0, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));
}

/* ITEM-2: the first failing item decides */
TEST_F(item, first_error_decides)
{
	char name[80];
	struct kd_block b;

	memset(name, 'x', sizeof(name));
	start_hello(&b);
	kd_add(&b, KDBUS_ITEM_CONN_DESCRIPTION, name, 80);
	kd_add_u64(&b, 0x7777, 0);
	EXPECT_EQ(-ENAMETOOLONG, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));

	start_hello(&b);
	kd_add_u64(&b, 0x7777, 0);
	kd_add(&b, KDBUS_ITEM_CONN_DESCRIPTION, name, 80);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));
}

struct payload {
	uint64_t type;
	size_t len;
	int result;
};

/* 3.3: payloads of a fixed size in HELLO and BUS_MAKE */
TEST_F(item, fixed_sizes)
{
	static const struct payload hello[] = {
		{ KDBUS_ITEM_NEGOTIATE, 0, 0 },
		{ KDBUS_ITEM_NEGOTIATE, 4, -EINVAL },
		{ KDBUS_ITEM_NEGOTIATE, 12, -EINVAL },
		{ KDBUS_ITEM_CREDS, 64, 0 },
		{ KDBUS_ITEM_CREDS, 56, -EINVAL },
		{ KDBUS_ITEM_CREDS, 72, -EINVAL },
		{ KDBUS_ITEM_PIDS, 24, 0 },
		{ KDBUS_ITEM_PIDS, 0, -EINVAL },
		{ KDBUS_ITEM_PIDS, 16, -EINVAL },
		{ KDBUS_ITEM_PIDS, 32, -EINVAL },
		{ KDBUS_ITEM_POLICY_ACCESS, 24, 0 },
		{ KDBUS_ITEM_POLICY_ACCESS, 23, -EINVAL },
		{ KDBUS_ITEM_POLICY_ACCESS, 32, -EINVAL },
	};
	static const struct payload make[] = {
		{ KDBUS_ITEM_BLOOM_PARAMETER, 16, 0 },
		{ KDBUS_ITEM_BLOOM_PARAMETER, 15, -EINVAL },
		{ KDBUS_ITEM_BLOOM_PARAMETER, 24, -EINVAL },
		{ KDBUS_ITEM_ATTACH_FLAGS_SEND, 8, 0 },
		{ KDBUS_ITEM_ATTACH_FLAGS_SEND, 0, -EINVAL },
		{ KDBUS_ITEM_ATTACH_FLAGS_SEND, 4, -EINVAL },
		{ KDBUS_ITEM_ATTACH_FLAGS_SEND, 16, -EINVAL },
	};
	static const uint64_t data[16];
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(hello); i++) {
		EXPECT_EQ(hello[i].result, try_hello(self->ep, hello[i].type,
						     data, hello[i].len)) {
			TH_LOG("HELLO, row %zu", i);
		}
	}
	for (i = 0; i < KD_ARRAY_SIZE(make); i++) {
		EXPECT_EQ(make[i].result, try_make(self->control, make[i].type,
						   data, make[i].len)) {
			TH_LOG("BUS_MAKE, row %zu", i);
		}
	}
}

/* 3.3: payloads of a message */
TEST_F(item, message_payloads)
{
	static const struct payload msg[] = {
		{ KDBUS_ITEM_PAYLOAD_VEC, 16, -EINVAL }, /* size field 0 */
		{ KDBUS_ITEM_PAYLOAD_VEC, 8, -EINVAL },
		{ KDBUS_ITEM_PAYLOAD_VEC, 24, -EINVAL },
		{ KDBUS_ITEM_PAYLOAD_MEMFD, 24, -EINVAL }, /* likewise */
		{ KDBUS_ITEM_PAYLOAD_MEMFD, 20, -EINVAL },
		{ KDBUS_ITEM_FDS, 3, -EINVAL },
		{ KDBUS_ITEM_FDS, 6, -EINVAL },
		{ KDBUS_ITEM_BLOOM_FILTER, 0, -EINVAL },
		{ KDBUS_ITEM_BLOOM_FILTER, 7, -EINVAL },
		{ KDBUS_ITEM_DST_NAME, 0, -EINVAL },
		{ KDBUS_ITEM_DST_NAME, 2, -EINVAL }, /* two NUL */
	};
	struct kdbus_memfd memfd = { .size = 1, .fd = -1 };
	static const uint64_t data[16];
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(msg); i++) {
		EXPECT_EQ(msg[i].result, try_msg(&self->conn, msg[i].type, data,
						 msg[i].len)) {
			TH_LOG("message, row %zu", i);
		}
	}
	EXPECT_EQ(-EBADF, try_msg(&self->conn, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd,
				  sizeof(memfd)));
	memfd.fd = INT32_MIN;
	EXPECT_EQ(-EBADF, try_msg(&self->conn, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd,
				  sizeof(memfd)));
	EXPECT_EQ(-EINVAL, try_msg(&self->conn, KDBUS_ITEM_DST_NAME, "a.b", 3));
	EXPECT_EQ(-EINVAL,
		  try_msg(&self->conn, KDBUS_ITEM_DST_NAME, "a\0.b", 5));
}

/* 3.3: size of CANCEL_FD */
TEST_F(item, cancel_fd_size)
{
	static const size_t sizes[] = { 0, 2, 8 };
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(sizes); i++) {
		kd_start(&b, sizeof(b.send));
		b.send.flags = KDBUS_FLAG_NEGOTIATE;
		kd_add(&b, KDBUS_ITEM_CANCEL_FD, NULL, sizes[i]);
		EXPECT_EQ(-EINVAL,
			  kd_ioctl(self->conn.fd, KDBUS_CMD_SEND, &b));
	}
	kd_start(&b, sizeof(b.send));
	b.send.flags = KDBUS_FLAG_NEGOTIATE;
	kd_add(&b, KDBUS_ITEM_CANCEL_FD, NULL, 4);
	EXPECT_EQ(0, kd_ioctl(self->conn.fd, KDBUS_CMD_SEND, &b));
}

/* 3.3: NAME and SECLABEL are any string with one NUL, at its end */
TEST_F(item, strings)
{
	static const uint64_t types[] = {
		KDBUS_ITEM_NAME, KDBUS_ITEM_SECLABEL,
	};
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(types); i++) {
		EXPECT_EQ(0, try_hello(self->ep, types[i], "any", 4));
		EXPECT_EQ(0, try_hello(self->ep, types[i], "", 1));
		EXPECT_EQ(-EINVAL, try_hello(self->ep, types[i], "", 0));
		EXPECT_EQ(-EINVAL, try_hello(self->ep, types[i], "any", 3));
		EXPECT_EQ(-EINVAL, try_hello(self->ep, types[i], "any\0", 5));
		EXPECT_EQ(-EINVAL, try_hello(self->ep, types[i], "a\0b", 4));
	}
}

/* 3.3, W-23: characters of names and descriptions */
TEST_F(item, label_characters)
{
	static const char *const good[] = {
		"x", "_", "azAZ09_", "a-b.c", "1-x", "a..b", "a--b", "0",
	};
	static const char *const bad[] = {
		"-a", ".a", "a-", "a.", "-", ".", "a b", "a/b", "a:b", "a*",
		"a\n", "\xc4", "a\xe9z", "a\xff", "a@b", "a+b",
	};
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(good); i++) {
		size_t len = strlen(good[i]) + 1;

		EXPECT_EQ(0, try_hello(self->ep, KDBUS_ITEM_CONN_DESCRIPTION,
				       good[i], len));
		EXPECT_EQ(0, try_make(self->control, KDBUS_ITEM_MAKE_NAME,
				      good[i], len));
	}
	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		size_t len = strlen(bad[i]) + 1;

		EXPECT_EQ(-EINVAL,
			  try_hello(self->ep, KDBUS_ITEM_CONN_DESCRIPTION,
				    bad[i], len));
		EXPECT_EQ(-EINVAL, try_make(self->control, KDBUS_ITEM_MAKE_NAME,
					    bad[i], len));
	}
}

/* 3.3, section 32: 1 to 63 characters */
TEST_F(item, label_length)
{
	char text[80];
	int ep = self->ep;

	memset(text, 'x', sizeof(text));
	EXPECT_EQ(-EINVAL, try_hello(ep, KDBUS_ITEM_CONN_DESCRIPTION, "", 0));
	EXPECT_EQ(-EINVAL, try_hello(ep, KDBUS_ITEM_CONN_DESCRIPTION, "", 1));
	text[KD_NAME_MAX] = 0;
	EXPECT_EQ(0, try_hello(ep, KDBUS_ITEM_CONN_DESCRIPTION, text, 64));
	EXPECT_EQ(0, try_make(self->control, KDBUS_ITEM_MAKE_NAME, text, 64));
	text[KD_NAME_MAX] = 'x';
	text[KD_NAME_MAX + 1] = 0;
	EXPECT_EQ(-ENAMETOOLONG,
		  try_hello(ep, KDBUS_ITEM_CONN_DESCRIPTION, text, 65));
	EXPECT_EQ(-ENAMETOOLONG,
		  try_make(self->control, KDBUS_ITEM_MAKE_NAME, text, 65));
	/* the length is judged before the terminating NUL */
	EXPECT_EQ(-ENAMETOOLONG,
		  try_hello(ep, KDBUS_ITEM_CONN_DESCRIPTION, text + 1, 70));
	EXPECT_EQ(-EINVAL,
		  try_hello(ep, KDBUS_ITEM_CONN_DESCRIPTION, text, 64));
	EXPECT_EQ(-EINVAL,
		  try_hello(ep, KDBUS_ITEM_CONN_DESCRIPTION, "a\0b", 4));
}

TEST_HARNESS_MAIN
