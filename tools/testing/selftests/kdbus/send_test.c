// SPDX-License-Identifier: GPL-2.0-only
/*
 * KDBUS_CMD_SEND: order of processing, header rules, item rules, plain
 * messages by id (rules SEND-1 to SEND-3, sections 18.2 to 18.4, SEND-7,
 * SEND-12, SEND-13, ORD-1, ORD-2)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define KERNEL_ADDRESS	0xffff888000000000ULL

FIXTURE(send) {
	struct kd_env env;
	struct kd_conn a;
	struct kd_conn b;
};

FIXTURE_SETUP(send)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
}

/* whatever a test tried and saw fail, nothing has arrived anywhere */
FIXTURE_TEARDOWN(send)
{
	struct kdbus_cmd_recv cmd;

	EXPECT_EQ(-EAGAIN, kd_recv(&self->a, 0, 0, &cmd));
	EXPECT_EQ(-EAGAIN, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.dropped_msgs);
}

/* SEND with flags of the command */
static int send_flags(const struct kd_conn *c, const struct kd_block *msg,
		      uint64_t flags)
{
	struct kdbus_cmd_send cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.msg_address = (uintptr_t)msg,
	};

	return kd_ioctl(c->fd, KDBUS_CMD_SEND, &cmd);
}

/* SEND-1.3: the address and size of the message */
TEST_F(send, message_address)
{
	struct kd_block b;
	__u64 *size;

	EXPECT_EQ(-EFAULT, kd_msg_send(&self->a, NULL));
	EXPECT_EQ(-EFAULT, kd_msg_send(&self->a, (void *)-4096UL));
	kd_msg_start(&b, self->b.id);
	memmove(b.raw + 4, b.raw, 64);
	EXPECT_EQ(-EFAULT, kd_msg_send(&self->a, (void *)(b.raw + 4)));
	size = kd_guard(8, PROT_READ | PROT_WRITE);
	*size = 64;
	EXPECT_EQ(-EFAULT, kd_msg_send(&self->a, (void *)size));
	*size = 63;
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->a, (void *)size));
}

/* SEND-1.3, section 32: limits of the message */
TEST_F(send, message_size)
{
	static const uint64_t large[] = {
		KD_BLOCK_MAX + 1, KD_BLOCK_MAX + 8, 1ULL << 32, 1ULL << 63,
	};
	static const uint64_t small[] = { 0, 8, 63 };
	struct kd_block b;
	size_t i;

	kd_msg_start(&b, self->b.id);
	for (i = 0; i < KD_ARRAY_SIZE(small); i++) {
		b.size = small[i];
		EXPECT_EQ(-EINVAL, kd_msg_send(&self->a, &b));
	}
	for (i = 0; i < KD_ARRAY_SIZE(large); i++) {
		b.size = large[i];
		EXPECT_EQ(-EMSGSIZE, kd_msg_send(&self->a, &b));
	}
}

/* SEND-1.3: unknown flags of the message */
TEST_F(send, message_flags)
{
	struct kd_block b;
	int bit;

	for (bit = 3; bit < 63; bit++) {
		kd_msg_start(&b, self->b.id);
		b.msg.flags = 1ULL << bit;
		EXPECT_EQ(-EINVAL, kd_msg_send(&self->a, &b));
	}
}

/* SEND-1.4: the descriptor is judged also without SYNC_REPLY */
TEST_F(send, cancel_fd)
{
	static const char *const unpollable = "/proc/self/exe";
	struct kd_block cmd, msg;
	uint64_t cookie;
	int *fd;

	kd_msg_start(&msg, self->b.id);
	kd_start(&cmd, sizeof(cmd.send));
	cmd.send.msg_address = (uintptr_t)&msg;
	fd = kd_add(&cmd, KDBUS_ITEM_CANCEL_FD, NULL, sizeof(int))->fds;

	*fd = -1;
	EXPECT_EQ(-EBADF, kd_ioctl(self->a.fd, KDBUS_CMD_SEND, &cmd));
	*fd = open("/", O_PATH | O_CLOEXEC);
	EXPECT_EQ(-EBADF, kd_ioctl(self->a.fd, KDBUS_CMD_SEND, &cmd));
	*fd = open(unpollable, O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->a.fd, KDBUS_CMD_SEND, &cmd));
	/* before src_id and the header rules, after the items */
	*fd = -1;
	msg.msg.src_id = self->b.id;
	msg.msg.payload_type = 0;
	EXPECT_EQ(-EBADF, kd_ioctl(self->a.fd, KDBUS_CMD_SEND, &cmd));
	kd_add_u64(&msg, 0x7777, 0);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->a.fd, KDBUS_CMD_SEND, &cmd));

	/* ignored otherwise */
	kd_msg_start(&msg, self->b.id);
	*fd = eventfd(1, EFD_CLOEXEC);
	EXPECT_EQ(0, kd_ioctl(self->a.fd, KDBUS_CMD_SEND, &cmd));
	EXPECT_EQ(0, kd_recv_cookie(&self->b, &cookie));
}

/* SEND-1.5: the sender's own id, or 0 */
TEST_F(send, src_id)
{
	struct kd_block b;
	uint64_t cookie;

	kd_msg_start(&b, self->b.id);
	b.msg.src_id = self->b.id;
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->a, &b));
	b.msg.src_id = ~0ULL;
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->a, &b));
	/* before the destination is looked up */
	b.msg.dst_id = 4711;
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->a, &b));
	b.msg.dst_id = self->b.id;
	b.msg.src_id = self->a.id;
	EXPECT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, kd_recv_cookie(&self->b, &cookie));
}

#define TO_ALL		KDBUS_DST_ID_BROADCAST
#define CALL		KDBUS_MSG_EXPECT_REPLY
#define SIGNAL		KDBUS_MSG_SIGNAL
#define SYNC		KDBUS_SEND_SYNC_REPLY

/* 18.2: one line for each condition, and for each pair that can coincide */
TEST_F(send, header)
{
	static const struct {
		uint64_t dst, cmd, flags, type, timeout;
		int result;
	} rows[] = {
		{ 0, 0, 0, 0, 0, -EINVAL },
		{ TO_ALL, 0, 0, 1, 0, -EBADMSG },
		{ TO_ALL, 0, SIGNAL, 1, 1, -ENOTUNIQ },
		{ 1, 0, CALL, 1, 0, -EINVAL },
		{ 1, 0, CALL | SIGNAL, 1, 1, -ENOTUNIQ },
		{ 1, SYNC, 0, 1, 0, -EINVAL },
		{ 1, 0, SIGNAL, 1, 1, -EINVAL },
		/* the earlier line wins */
		{ TO_ALL, 0, 0, 0, 0, -EINVAL },
		{ TO_ALL, 0, 0, 1, 1, -EBADMSG },
		{ TO_ALL, 0, CALL, 1, 0, -EBADMSG },
		{ TO_ALL, 0, CALL | SIGNAL, 1, 0, -EINVAL },
		{ TO_ALL, 0, CALL | SIGNAL, 1, 1, -ENOTUNIQ },
		{ TO_ALL, SYNC, SIGNAL, 1, 1, -ENOTUNIQ },
		{ 1, 0, CALL | SIGNAL, 1, 0, -EINVAL },
		{ 1, SYNC, CALL | SIGNAL, 1, 1, -ENOTUNIQ },
		{ 1, SYNC, SIGNAL, 1, 1, -EINVAL },
		/* and before the combination rules of 18.4 */
		{ 0, SYNC, 0, 1, 0, -EINVAL },
		{ TO_ALL, 0, SIGNAL, 1, 0, -EBADMSG },
		{ 0, 0, SIGNAL, 1, 0, -EBADMSG },
		{ 0, 0, 0, 1, 0, -EDESTADDRREQ },
	};
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(rows); i++) {
		kd_msg_start(&b, rows[i].dst);
		b.msg.flags = rows[i].flags;
		b.msg.payload_type = rows[i].type;
		b.msg.timeout_ns = rows[i].timeout;
		EXPECT_EQ(rows[i].result,
			  send_flags(&self->a, &b, rows[i].cmd)) {
			TH_LOG("row %zu", i);
		}
	}
}

/* 18.2: what is accepted: any type but 0, any cookie, NO_AUTO_START */
TEST_F(send, header_accepted)
{
	static const uint64_t types[] = { 1, KDBUS_PAYLOAD_DBUS, ~0ULL };
	static const uint64_t cookies[] = { 0, 1, 1, ~0ULL };
	struct kd_block b;
	uint64_t cookie;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(types); i++) {
		kd_msg_start(&b, self->b.id);
		b.msg.payload_type = types[i];
		b.msg.flags = KDBUS_MSG_NO_AUTO_START;
		EXPECT_EQ(0, kd_msg_send(&self->a, &b));
		EXPECT_EQ(0, kd_recv_cookie(&self->b, &cookie));
	}
	for (i = 0; i < KD_ARRAY_SIZE(cookies); i++) {
		EXPECT_EQ(0, kd_send(&self->a, self->b.id, cookies[i], "x", 1));
		EXPECT_EQ(0, kd_recv_cookie(&self->b, &cookie));
		EXPECT_EQ(cookies[i], cookie);
	}
}

/* 18.3: size of a VEC, zero-filled ones included */
TEST_F(send, vec_size)
{
	static const uint64_t sizes[] = {
		KD_VEC_MAX + 1, 1ULL << 32, 1ULL << 63, ~0ULL,
	};
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(sizes); i++) {
		kd_msg_start(&b, self->b.id);
		kd_msg_vec(&b, "x", sizes[i]);
		EXPECT_EQ(-EMSGSIZE, kd_msg_send(&self->a, &b));
		kd_msg_start(&b, self->b.id);
		kd_msg_vec(&b, NULL, sizes[i]);
		EXPECT_EQ(-EMSGSIZE, kd_msg_send(&self->a, &b));
		/* before the address is judged: SEND-13 */
		kd_msg_start(&b, self->b.id);
		kd_msg_vec(&b, (void *)KERNEL_ADDRESS, sizes[i]);
		EXPECT_EQ(-EMSGSIZE, kd_msg_send(&self->a, &b));
	}
}

/* 18.3, W-60: the limit itself, and no limit for the sum */
TEST_F(send, vec_size_limit)
{
	static const uint8_t data[KD_VEC_MAX];
	struct kd_block b;
	uint64_t cookie;
	int i;

	kd_msg_start(&b, self->b.id);
	for (i = 0; i < 4; i++)
		kd_msg_vec(&b, NULL, KD_VEC_MAX);
	EXPECT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, kd_recv_cookie(&self->b, &cookie));

	/* what the receiver cannot take is its quota's business */
	kd_msg_start(&b, self->b.id);
	kd_msg_vec(&b, data, KD_VEC_MAX);
	EXPECT_EQ(-ENOBUFS, kd_msg_send(&self->a, &b));
}

/* 18.3: kernel addresses are refused before the destination is looked up */
TEST_F(send, kernel_address)
{
	static const uint64_t bad[] = { KERNEL_ADDRESS, ~0ULL, ~0ULL - 4096 };
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		/* not as a pointer, which may have no room for them */
		kd_msg_start(&b, self->b.id);
		kd_msg_vec(&b, NULL, 64)->vec.address = bad[i];
		EXPECT_EQ(-EFAULT, kd_msg_send(&self->a, &b));
		b.msg.dst_id = 4711;
		EXPECT_EQ(-EFAULT, kd_msg_send(&self->a, &b));
	}
	/* user memory at its start, wrapping */
	kd_msg_start(&b, 4711);
	kd_msg_vec(&b, NULL, 4096)->vec.address = ~0ULL - 100;
	EXPECT_EQ(-EFAULT, kd_msg_send(&self->a, &b));
}

/* 18.3: other items, in the order of the table */
TEST_F(send, memfd_and_fds)
{
	struct kdbus_memfd memfd = { .start = ~0ULL, .size = 2, .fd = 0 };
	int fds[17] = { 0 };
	struct kd_block b;
	int i;

	kd_msg_start(&b, self->b.id);
	kd_add(&b, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	EXPECT_EQ(-EMSGSIZE, kd_msg_send(&self->a, &b));

	memfd.start = 0;
	kd_msg_start(&b, self->b.id);
	for (i = 0; i < 17; i++)
		kd_add(&b, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	EXPECT_EQ(-E2BIG, kd_msg_send(&self->a, &b));

	/* SEND-13: the 17th wraps */
	memfd.start = ~0ULL;
	kd_msg_start(&b, self->b.id);
	kd_add(&b, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	for (i = 0; i < 16; i++)
		kd_add(&b, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	EXPECT_EQ(-EMSGSIZE, kd_msg_send(&self->a, &b));

	kd_msg_start(&b, self->b.id);
	kd_add(&b, KDBUS_ITEM_FDS, fds, sizeof(fds));
	EXPECT_EQ(-EMFILE, kd_msg_send(&self->a, &b));
}

/* 18.3: filters and names */
TEST_F(send, filter_and_name)
{
	static const char *const bad[] = {
		"", "a", "a.b.*", ".a.b", "a.b.", "a..b", "a.1b", "a.\xe4",
	};
	static const uint64_t zero[10];
	struct kd_block b;
	size_t i;

	kd_msg_start(&b, self->b.id);
	b.msg.flags = KDBUS_MSG_SIGNAL;
	kd_add(&b, KDBUS_ITEM_BLOOM_FILTER, zero, 8 + 63);
	EXPECT_EQ(-EFAULT, kd_msg_send(&self->a, &b));
	for (i = 7; i <= 9; i += 2) {
		kd_msg_start(&b, self->b.id);
		/* EDOM before EBADMSG of the missing SIGNAL: SEND-13 */
		kd_add(&b, KDBUS_ITEM_BLOOM_FILTER, zero, 8 + 8 * i);
		EXPECT_EQ(-EDOM, kd_msg_send(&self->a, &b));
	}
	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		kd_msg_start(&b, 0);
		kd_add_str(&b, KDBUS_ITEM_DST_NAME, bad[i]);
		EXPECT_EQ(-EINVAL, kd_msg_send(&self->a, &b));
	}
	kd_msg_start(&b, KDBUS_DST_ID_BROADCAST);
	b.msg.flags = KDBUS_MSG_SIGNAL;
	kd_add_str(&b, KDBUS_ITEM_DST_NAME, "a.b");
	EXPECT_EQ(-EBADMSG, kd_msg_send(&self->a, &b));
	/* syntax before presence: SEND-13 */
	kd_msg_start(&b, KDBUS_DST_ID_BROADCAST);
	b.msg.flags = KDBUS_MSG_SIGNAL;
	kd_add_str(&b, KDBUS_ITEM_DST_NAME, "a");
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->a, &b));
}

/* 18.4: combinations */
TEST_F(send, combinations)
{
	static const uint64_t filter[9];
	struct kd_block b;

	kd_msg_start(&b, self->b.id);
	b.msg.flags = KDBUS_MSG_SIGNAL;
	EXPECT_EQ(-EBADMSG, kd_msg_send(&self->a, &b));
	kd_msg_start(&b, self->b.id);
	kd_add(&b, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
	EXPECT_EQ(-EBADMSG, kd_msg_send(&self->a, &b));
	kd_msg_start(&b, 0);
	EXPECT_EQ(-EDESTADDRREQ, kd_msg_send(&self->a, &b));

	kd_msg_start(&b, KDBUS_DST_ID_BROADCAST);
	b.msg.flags = KDBUS_MSG_SIGNAL;
	kd_add(&b, KDBUS_ITEM_FDS, &(int){ 0 }, sizeof(int));
	EXPECT_EQ(-EBADMSG, kd_msg_send(&self->a, &b));
	kd_add(&b, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
	EXPECT_EQ(-ENOTUNIQ, kd_msg_send(&self->a, &b));
}

/* SEND-7: the id of a live connection */
TEST_F(send, destination)
{
	uint64_t cookie;

	EXPECT_EQ(-ENXIO, kd_send(&self->a, self->b.id + 1, 1, "x", 1));
	EXPECT_EQ(-ENXIO, kd_send(&self->a, ~0ULL - 1, 1, "x", 1));
	/* 1 is the bus */
	EXPECT_EQ(-ENXIO, kd_send(&self->a, 1, 1, "x", 1));
	/* to oneself */
	EXPECT_EQ(0, kd_send(&self->a, self->a.id, 9, "x", 1));
	EXPECT_EQ(0, kd_recv_cookie(&self->a, &cookie));
	EXPECT_EQ(9, cookie);
}

/* SEND-7: a connection of another bus is none */
TEST_F(send, other_bus)
{
	char name[32], path[KD_PATH_MAX];
	struct kd_conn c;

	kd_name(name, sizeof(name), "other");
	ASSERT_LE(0, kd_bus_make(self->env.dir, name, 0));
	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
	ASSERT_EQ(0, kd_connect(&c, path));
	EXPECT_EQ(-ENXIO, kd_send(&self->a, c.id, 1, "x", 1));
	EXPECT_EQ(-ENXIO, kd_send(&c, self->a.id, 1, "x", 1));
}

/* SEND-3: outputs on success and on failure, user memory stays as it is */
TEST_F(send, output)
{
	struct kd_block msg, copy;
	struct kdbus_cmd_send cmd;
	uint64_t cookie;

	kd_msg_start(&msg, self->b.id);
	kd_msg_vec(&msg, "text", 5);
	copy = msg;
	memset(&cmd, 0xaa, sizeof(cmd));
	cmd.size = sizeof(cmd);
	cmd.flags = 0;
	cmd.msg_address = (uintptr_t)&msg;
	EXPECT_EQ(0, kd_ioctl(self->a.fd, KDBUS_CMD_SEND, &cmd));
	EXPECT_EQ(0, cmd.return_flags);
	EXPECT_EQ(KD_POOL, cmd.reply.offset);
	EXPECT_EQ(0, cmd.reply.msg_size);
	EXPECT_EQ(0, cmd.reply.return_flags);
	EXPECT_EQ(0, memcmp(&msg, &copy, sizeof(msg)));
	EXPECT_EQ(0, kd_recv_cookie(&self->b, &cookie));

	memset(&cmd, 0xaa, sizeof(cmd));
	cmd.size = sizeof(cmd);
	cmd.flags = 0;
	cmd.msg_address = (uintptr_t)&msg;
	msg.msg.dst_id = 4711;
	EXPECT_EQ(-ENXIO, kd_ioctl(self->a.fd, KDBUS_CMD_SEND, &cmd));
	EXPECT_EQ(0, cmd.return_flags);
	EXPECT_EQ(0xaaaaaaaaaaaaaaaaULL, cmd.reply.offset);
	EXPECT_EQ(0xaaaaaaaaaaaaaaaaULL, cmd.reply.msg_size);
	EXPECT_EQ((uintptr_t)&msg, cmd.msg_address);
}

/* SEND-12: unreadable payload; nobody gets anything, nothing is charged */
TEST_F(send, unreadable_payload)
{
	uint8_t *hole = kd_guard(4096, PROT_READ | PROT_WRITE);
	struct kd_block b;
	uint64_t cookie;
	int i;

	memset(hole, 'x', 4096);
	for (i = 0; i < KD_QUEUE_MAX + 10; i++) {
		kd_msg_start(&b, self->b.id);
		kd_msg_vec(&b, hole, 4096);
		kd_msg_vec(&b, hole, 4097);
		ASSERT_EQ(-EFAULT, kd_msg_send(&self->a, &b));
	}
	kd_msg_start(&b, self->b.id);
	kd_msg_vec(&b, (void *)8, 1);
	EXPECT_EQ(-EFAULT, kd_msg_send(&self->a, &b));

	EXPECT_EQ(0, kd_send(&self->a, self->b.id, 3, hole, 4096));
	EXPECT_EQ(0, kd_recv_cookie(&self->b, &cookie));
	EXPECT_EQ(3, cookie);
}

/* ORD-1, ORD-2: first in, first out */
TEST_F(send, order)
{
	uint64_t i, cookie;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0,
			  kd_send(&self->a, self->b.id, i, "x", 1));
	}
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, kd_recv_cookie(&self->b, &cookie));
		ASSERT_EQ(i, cookie);
	}
}

TEST_HARNESS_MAIN
