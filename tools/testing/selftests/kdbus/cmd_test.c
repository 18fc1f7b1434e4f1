// SPDX-License-Identifier: GPL-2.0-only
/*
 * Command blocks: reading, sizes, flags, write-back (rules CMD-1 to CMD-4)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define UNTOUCHED	0xaaaaaaaaaaaaaaaaULL

FIXTURE(cmd) {
	struct kd_env env;
	int fd;
	struct kd_conn conn;	/* for commands on connections */
	struct kd_conn peer;
};

FIXTURE_VARIANT(cmd) {
	unsigned int cmd;
	size_t fixed;
	enum { ON_CONTROL, ON_ENDPOINT, ON_CONN } state;
	int result;		/* of a correct block without items */
};

/* clang-format off */
FIXTURE_VARIANT_ADD(cmd, bus_make) {
	.cmd = KDBUS_CMD_BUS_MAKE, .fixed = sizeof(struct kdbus_cmd),
	.state = ON_CONTROL, .result = -EINVAL,
};

FIXTURE_VARIANT_ADD(cmd, hello) {
	.cmd = KDBUS_CMD_HELLO, .fixed = sizeof(struct kdbus_cmd_hello),
	.state = ON_ENDPOINT, .result = -EINVAL,
};

FIXTURE_VARIANT_ADD(cmd, byebye) {
	.cmd = KDBUS_CMD_BYEBYE, .fixed = sizeof(struct kdbus_cmd),
	.state = ON_CONN, .result = 0,
};

FIXTURE_VARIANT_ADD(cmd, free) {
	.cmd = KDBUS_CMD_FREE, .fixed = sizeof(struct kdbus_cmd_free),
	.state = ON_CONN, .result = -ENXIO,
};

FIXTURE_VARIANT_ADD(cmd, send) {
	.cmd = KDBUS_CMD_SEND, .fixed = sizeof(struct kdbus_cmd_send),
	.state = ON_CONN, .result = -EFAULT,
};

FIXTURE_VARIANT_ADD(cmd, recv) {
	.cmd = KDBUS_CMD_RECV, .fixed = sizeof(struct kdbus_cmd_recv),
	.state = ON_CONN, .result = -EAGAIN,
};

FIXTURE_VARIANT_ADD(cmd, endpoint_make) {
	.cmd = KDBUS_CMD_ENDPOINT_MAKE, .fixed = sizeof(struct kdbus_cmd),
	.state = ON_ENDPOINT, .result = -EINVAL,
};

FIXTURE_VARIANT_ADD(cmd, update) {
	.cmd = KDBUS_CMD_UPDATE, .fixed = sizeof(struct kdbus_cmd),
	.state = ON_CONN, .result = 0,
};

FIXTURE_VARIANT_ADD(cmd, conn_info) {
	.cmd = KDBUS_CMD_CONN_INFO, .fixed = sizeof(struct kdbus_cmd_info),
	.state = ON_CONN, .result = -EINVAL,
};

FIXTURE_VARIANT_ADD(cmd, bus_creator_info) {
	.cmd = KDBUS_CMD_BUS_CREATOR_INFO,
	.fixed = sizeof(struct kdbus_cmd_info),
	.state = ON_CONN, .result = 0,
};

FIXTURE_VARIANT_ADD(cmd, list) {
	.cmd = KDBUS_CMD_LIST, .fixed = sizeof(struct kdbus_cmd_list),
	.state = ON_CONN, .result = 0,
};

FIXTURE_VARIANT_ADD(cmd, name_acquire) {
	.cmd = KDBUS_CMD_NAME_ACQUIRE, .fixed = sizeof(struct kdbus_cmd),
	.state = ON_CONN, .result = -EINVAL,
};

FIXTURE_VARIANT_ADD(cmd, name_release) {
	.cmd = KDBUS_CMD_NAME_RELEASE, .fixed = sizeof(struct kdbus_cmd),
	.state = ON_CONN, .result = -EINVAL,
};

FIXTURE_VARIANT_ADD(cmd, match_add) {
	.cmd = KDBUS_CMD_MATCH_ADD, .fixed = sizeof(struct kdbus_cmd_match),
	.state = ON_CONN, .result = 0,
};

FIXTURE_VARIANT_ADD(cmd, match_remove) {
	.cmd = KDBUS_CMD_MATCH_REMOVE, .fixed = sizeof(struct kdbus_cmd_match),
	.state = ON_CONN, .result = -EBADSLT,
};

/* clang-format on */

FIXTURE_SETUP(cmd)
{
	char path[KD_PATH_MAX];

	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->conn, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->peer, self->env.bus));
	switch (variant->state) {
	case ON_CONTROL:
		snprintf(path, sizeof(path), "%s/control", self->env.dir);
		self->fd = open(path, O_RDWR | O_CLOEXEC);
		break;
	case ON_ENDPOINT:
		self->fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
		break;
	case ON_CONN:
		self->fd = self->conn.fd;
		break;
	}
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(cmd)
{
}

/* A block without items; return_flags marked to see whether it is written. */
static void start(struct kd_block *b, uint64_t size)
{
	kd_start(b, 0);
	b->size = size;
	b->cmd.return_flags = UNTOUCHED;
}

/* CMD-1: addresses are multiples of 8 */
TEST_F(cmd, misaligned)
{
	struct kd_block b;
	int i;

	for (i = 1; i < 8; i++) {
		start(&b, variant->fixed);
		memmove(b.raw + i, b.raw, 256);
		EXPECT_EQ(-EFAULT,
			  kd_ioctl(self->fd, variant->cmd, b.raw + i));
	}
}

/* CMD-2.1: the size cannot be read */
TEST_F(cmd, unreadable)
{
	EXPECT_EQ(-EFAULT, kd_ioctl(self->fd, variant->cmd, NULL));
	EXPECT_EQ(-EFAULT,
		  kd_ioctl(self->fd, variant->cmd, kd_guard(8, PROT_NONE)));
	EXPECT_EQ(-EFAULT,
		  kd_ioctl(self->fd, variant->cmd, (void *)-4096UL));
}

/* CMD-2.2, CMD-3: smaller than the fixed part; return_flags is not written */
TEST_F(cmd, too_small)
{
	static const uint64_t sizes[] = { 0, 7, 8, 16, 23 };
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(sizes); i++) {
		start(&b, sizes[i]);
		EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, variant->cmd, &b));
		EXPECT_EQ(UNTOUCHED, b.cmd.return_flags);
	}
	start(&b, variant->fixed - 1);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, variant->cmd, &b));
	EXPECT_EQ(UNTOUCHED, b.cmd.return_flags);
}

/* CMD-2.2 before CMD-2.4: the rest of a block too small is not looked at */
TEST_F(cmd, too_small_and_unreadable)
{
	__u64 *size = kd_guard(8, PROT_READ | PROT_WRITE);

	*size = 8;
	EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, variant->cmd, size));
}

/* CMD-2.3: larger than 32768; wins over what is in the block */
TEST_F(cmd, too_large)
{
	static const uint64_t sizes[] = {
		KD_BLOCK_MAX + 1, KD_BLOCK_MAX + 8, 1ULL << 31, 1ULL << 32,
		(1ULL << 32) + 64, 1ULL << 63, ~0ULL,
	};
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(sizes); i++) {
		start(&b, sizes[i]);
		b.cmd.flags = 1ULL << 62;
		EXPECT_EQ(-EMSGSIZE, kd_ioctl(self->fd, variant->cmd, &b));
		EXPECT_EQ(UNTOUCHED, b.cmd.return_flags);
	}
}

/* CMD-2.3: the limit itself is accepted, filled with one NEGOTIATE item */
TEST_F(cmd, largest)
{
	struct kd_block b;

	start(&b, variant->fixed);
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
	kd_add(&b, KDBUS_ITEM_NEGOTIATE, NULL,
	       KD_BLOCK_MAX - variant->fixed - 16);
	ASSERT_EQ(KD_BLOCK_MAX, b.size);
	EXPECT_EQ(0, kd_ioctl(self->fd, variant->cmd, &b));
}

/* CMD-2.4: the block ends before its size */
TEST_F(cmd, partly_unreadable)
{
	struct kdbus_cmd *cmd;

	cmd = kd_guard(variant->fixed, PROT_READ | PROT_WRITE);
	cmd->size = variant->fixed + 16;
	/* comes before the unknown flag */
	cmd->flags = 1ULL << 62;
	cmd->return_flags = UNTOUCHED;
	EXPECT_EQ(-EFAULT, kd_ioctl(self->fd, variant->cmd, cmd));
	EXPECT_EQ(UNTOUCHED, cmd->return_flags);
}

/* CMD-2.6, CMD-3: an unknown flag; wins over a bad item */
TEST_F(cmd, unknown_flag)
{
	struct kd_block b;
	int bit;

	for (bit = 4; bit < 63; bit++) {
		start(&b, variant->fixed);
		b.cmd.flags = 1ULL << bit;
		EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, variant->cmd, &b));
		EXPECT_EQ(0, b.cmd.return_flags);
		EXPECT_EQ(1ULL << bit, b.cmd.flags);
	}
}

/* CMD-2.7, CMD-3: a bad item; return_flags is written */
TEST_F(cmd, bad_item)
{
	struct kd_block b;

	start(&b, variant->fixed);
	kd_add_u64(&b, 0x7777, 0);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, variant->cmd, &b));
	EXPECT_EQ(0, b.cmd.return_flags);
}

/* CMD-2.9, CMD-3, CMD-4: the fixed part alone */
TEST_F(cmd, fixed_part)
{
	struct kd_block b;

	start(&b, variant->fixed);
	if (variant->cmd == KDBUS_CMD_FREE)
		b.free.offset = 8;
	EXPECT_EQ(variant->result, kd_ioctl(self->fd, variant->cmd, &b));
	EXPECT_EQ(0, b.cmd.return_flags);
}

/* CMD-3: failure to write back replaces any other result */
TEST_F(cmd, read_only_block)
{
	struct kdbus_cmd *cmd;
	size_t page = getpagesize();

	cmd = kd_guard(page, PROT_READ | PROT_WRITE);
	cmd->size = variant->fixed;
	cmd->flags = 1ULL << 62;
	ASSERT_EQ(0, mprotect(cmd, page, PROT_READ));
	EXPECT_EQ(-EFAULT, kd_ioctl(self->fd, variant->cmd, cmd));

	ASSERT_EQ(0, mprotect(cmd, page, PROT_READ | PROT_WRITE));
	cmd->flags = 0;
	if (variant->cmd == KDBUS_CMD_FREE)
		((struct kdbus_cmd_free *)cmd)->offset = 8;
	ASSERT_EQ(0, mprotect(cmd, page, PROT_READ));
	EXPECT_EQ(-EFAULT, kd_ioctl(self->fd, variant->cmd, cmd));
}

FIXTURE(writeback) {
	struct kd_env env;
	struct kd_conn a;
	struct kd_conn b;
	struct kd_block *block;	/* one that can be made read-only */
	size_t len;
};

FIXTURE_SETUP(writeback)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
	self->len = (sizeof(*self->block) / getpagesize() + 1) * getpagesize();
	self->block = kd_guard(self->len, PROT_READ | PROT_WRITE);
}

FIXTURE_TEARDOWN(writeback)
{
}

static int read_only_ioctl(int fd, unsigned int cmd, void *block, size_t len)
{
	int r;

	if (mprotect(block, len, PROT_READ) < 0)
		return -errno;
	r = kd_ioctl(fd, cmd, block);
	if (mprotect(block, len, PROT_READ | PROT_WRITE) < 0)
		return -errno;
	return r;
}

/* CMD-3: BUS_MAKE is undone and may be retried with the same name */
TEST_F(writeback, bus_make)
{
	char path[KD_PATH_MAX], name[32];
	struct stat st;
	int fd, i;

	kd_name(name, sizeof(name), "again");
	snprintf(path, sizeof(path), "%s/control", self->env.dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	snprintf(path, sizeof(path), "%s/%s", self->env.dir, name);

	/* more often than the limit of buses: nothing stays charged */
	for (i = 0; i < KD_BUSES_MAX + 1; i++) {
		kd_make_start(self->block, name);
		EXPECT_EQ(-EFAULT, read_only_ioctl(fd, KDBUS_CMD_BUS_MAKE,
						   self->block, self->len));
		EXPECT_EQ(-1, stat(path, &st));
		EXPECT_EQ(ENOENT, errno);
	}
	EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_BUS_MAKE, self->block));
	EXPECT_EQ(0, stat(path, &st));

	/* also in place of EEXIST */
	snprintf(path, sizeof(path), "%s/control", self->env.dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EFAULT, read_only_ioctl(fd, KDBUS_CMD_BUS_MAKE, self->block,
					   self->len));
}

/* CMD-3, PRIV-4: HELLO is undone and may be retried; it used up an id */
TEST_F(writeback, hello)
{
	int fd = open(self->env.bus, O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, fd);
	kd_hello_start(self->block, KD_POOL);
	EXPECT_EQ(-EFAULT, read_only_ioctl(fd, KDBUS_CMD_HELLO, self->block,
					   self->len));
	EXPECT_EQ(-ENXIO, kd_send(&self->a, self->b.id + 1, 1, "x", 1));
	EXPECT_EQ(-EBADFD, kd_byebye(&(struct kd_conn){ .fd = fd }));
	EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_HELLO, self->block));
	EXPECT_EQ(self->b.id + 2, self->block->hello.id);
}

/* CMD-3: SEND takes effect all the same */
TEST_F(writeback, send)
{
	struct kd_block msg;
	uint64_t cookie;

	kd_msg_start(&msg, self->b.id);
	msg.msg.cookie = 99;
	kd_start(self->block, sizeof(self->block->send));
	self->block->send.msg_address = (uintptr_t)&msg;
	EXPECT_EQ(-EFAULT, read_only_ioctl(self->a.fd, KDBUS_CMD_SEND,
					   self->block, self->len));
	EXPECT_EQ(0, kd_recv_cookie(&self->b, &cookie));
	EXPECT_EQ(99, cookie);
}

/* CMD-3: RECV takes effect; the slice can be freed by who guesses it */
TEST_F(writeback, recv)
{
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "x", 1));
	kd_start(self->block, sizeof(self->block->recv));
	EXPECT_EQ(-EFAULT, read_only_ioctl(self->b.fd, KDBUS_CMD_RECV,
					   self->block, self->len));
	EXPECT_EQ(-EAGAIN, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, kd_free(&self->b, 0));
	EXPECT_EQ(-ENXIO, kd_free(&self->b, 0));
}

/* CMD-3: FREE and BYEBYE take effect */
TEST_F(writeback, free_and_byebye)
{
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "x", 1));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	kd_start(self->block, sizeof(self->block->free));
	self->block->free.offset = cmd.msg.offset;
	EXPECT_EQ(-EFAULT, read_only_ioctl(self->b.fd, KDBUS_CMD_FREE,
					   self->block, self->len));
	EXPECT_EQ(-ENXIO, kd_free(&self->b, cmd.msg.offset));

	kd_start(self->block, sizeof(self->block->cmd));
	EXPECT_EQ(-EFAULT, read_only_ioctl(self->b.fd, KDBUS_CMD_BYEBYE,
					   self->block, self->len));
	EXPECT_EQ(-ECONNRESET, kd_byebye(&self->b));
}

TEST_HARNESS_MAIN
