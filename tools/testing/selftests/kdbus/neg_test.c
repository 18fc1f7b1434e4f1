// SPDX-License-Identifier: GPL-2.0-only
/*
 * Negotiation (rules NEG-1 to NEG-4, SEND-2)
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

FIXTURE(neg) {
	struct kd_env env;
	struct kd_conn conn;
	int fd;
};

FIXTURE_VARIANT(neg) {
	unsigned int cmd;
	size_t fixed;
	enum { ON_CONTROL, ON_ENDPOINT, ON_CONN } state;
	uint64_t flags;		/* what negotiation reports */
	unsigned int accepted[12];
};

/* clang-format off */
FIXTURE_VARIANT_ADD(neg, bus_make) {
	.cmd = KDBUS_CMD_BUS_MAKE, .fixed = sizeof(struct kdbus_cmd),
	.state = ON_CONTROL, .flags = 0x3,
	.accepted = {
		KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_MAKE_NAME,
		KDBUS_ITEM_BLOOM_PARAMETER, KDBUS_ITEM_ATTACH_FLAGS_SEND,
	},
};

FIXTURE_VARIANT_ADD(neg, hello) {
	.cmd = KDBUS_CMD_HELLO, .fixed = sizeof(struct kdbus_cmd_hello),
	.state = ON_ENDPOINT, .flags = 0xf,
	.accepted = {
		KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_NAME, KDBUS_ITEM_CREDS,
		KDBUS_ITEM_PIDS, KDBUS_ITEM_SECLABEL,
		KDBUS_ITEM_CONN_DESCRIPTION, KDBUS_ITEM_POLICY_ACCESS,
	},
};

FIXTURE_VARIANT_ADD(neg, byebye) {
	.cmd = KDBUS_CMD_BYEBYE, .fixed = sizeof(struct kdbus_cmd),
	.state = ON_CONN, .flags = 0,
	.accepted = { KDBUS_ITEM_NEGOTIATE },
};

FIXTURE_VARIANT_ADD(neg, free) {
	.cmd = KDBUS_CMD_FREE, .fixed = sizeof(struct kdbus_cmd_free),
	.state = ON_CONN, .flags = 0,
	.accepted = { KDBUS_ITEM_NEGOTIATE },
};

FIXTURE_VARIANT_ADD(neg, send) {
	.cmd = KDBUS_CMD_SEND, .fixed = sizeof(struct kdbus_cmd_send),
	.state = ON_CONN, .flags = 0x1,
	.accepted = { KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_CANCEL_FD },
};

FIXTURE_VARIANT_ADD(neg, recv) {
	.cmd = KDBUS_CMD_RECV, .fixed = sizeof(struct kdbus_cmd_recv),
	.state = ON_CONN, .flags = 0x7,
	.accepted = { KDBUS_ITEM_NEGOTIATE },
};

FIXTURE_VARIANT_ADD(neg, endpoint_make) {
	.cmd = KDBUS_CMD_ENDPOINT_MAKE, .fixed = sizeof(struct kdbus_cmd),
	.state = ON_ENDPOINT, .flags = 0x3,
	.accepted = {
		KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_MAKE_NAME,
	},
};

FIXTURE_VARIANT_ADD(neg, update) {
	.cmd = KDBUS_CMD_UPDATE, .fixed = sizeof(struct kdbus_cmd),
	.state = ON_CONN, .flags = 0,
	.accepted = {
		KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_ATTACH_FLAGS_SEND,
		KDBUS_ITEM_ATTACH_FLAGS_RECV, KDBUS_ITEM_NAME,
		KDBUS_ITEM_POLICY_ACCESS,
	},
};

FIXTURE_VARIANT_ADD(neg, conn_info) {
	.cmd = KDBUS_CMD_CONN_INFO, .fixed = sizeof(struct kdbus_cmd_info),
	.state = ON_CONN, .flags = 0,
	.accepted = {
		KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_NAME,
	},
};

FIXTURE_VARIANT_ADD(neg, bus_creator_info) {
	.cmd = KDBUS_CMD_BUS_CREATOR_INFO,
	.fixed = sizeof(struct kdbus_cmd_info),
	.state = ON_CONN, .flags = 0,
	.accepted = { KDBUS_ITEM_NEGOTIATE },
};

FIXTURE_VARIANT_ADD(neg, list) {
	.cmd = KDBUS_CMD_LIST, .fixed = sizeof(struct kdbus_cmd_list),
	.state = ON_CONN, .flags = 0xf,
	.accepted = { KDBUS_ITEM_NEGOTIATE },
};

FIXTURE_VARIANT_ADD(neg, name_acquire) {
	.cmd = KDBUS_CMD_NAME_ACQUIRE, .fixed = sizeof(struct kdbus_cmd),
	.state = ON_CONN, .flags = 0x7,
	.accepted = {
		KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_NAME,
	},
};

FIXTURE_VARIANT_ADD(neg, name_release) {
	.cmd = KDBUS_CMD_NAME_RELEASE, .fixed = sizeof(struct kdbus_cmd),
	.state = ON_CONN, .flags = 0,
	.accepted = {
		KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_NAME,
	},
};

FIXTURE_VARIANT_ADD(neg, match_add) {
	.cmd = KDBUS_CMD_MATCH_ADD, .fixed = sizeof(struct kdbus_cmd_match),
	.state = ON_CONN, .flags = 0x1,
	.accepted = {
		KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_BLOOM_MASK, KDBUS_ITEM_NAME,
		KDBUS_ITEM_ID, KDBUS_ITEM_DST_ID, KDBUS_ITEM_NAME_ADD,
		KDBUS_ITEM_NAME_REMOVE, KDBUS_ITEM_NAME_CHANGE,
		KDBUS_ITEM_ID_ADD, KDBUS_ITEM_ID_REMOVE,
	},
};

FIXTURE_VARIANT_ADD(neg, match_remove) {
	.cmd = KDBUS_CMD_MATCH_REMOVE, .fixed = sizeof(struct kdbus_cmd_match),
	.state = ON_CONN, .flags = 0,
	.accepted = { KDBUS_ITEM_NEGOTIATE },
};

/* clang-format on */

FIXTURE_SETUP(neg)
{
	char path[KD_PATH_MAX];

	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->conn, self->env.bus));
	ASSERT_EQ(0, kd_send(&self->conn, self->conn.id, 5, "x", 1));
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

FIXTURE_TEARDOWN(neg)
{
}

/* NEG-1: the flags are reported, nothing else happens */
TEST_F(neg, flags)
{
	struct kd_block b;
	uint64_t cookie;
	int i;

	for (i = 0; i < 2; i++) {
		kd_start(&b, variant->fixed);
		b.cmd.flags = KDBUS_FLAG_NEGOTIATE | (i ? variant->flags : 0);
		b.cmd.return_flags = ~0ULL;
		EXPECT_EQ(0, kd_ioctl(self->fd, variant->cmd, &b));
		EXPECT_EQ(variant->flags, b.cmd.flags);
		EXPECT_EQ(0, b.cmd.return_flags);
		EXPECT_EQ(variant->fixed, b.size);
	}
	/* the state of the handle is unchanged */
	if (variant->state != ON_CONN)
		EXPECT_EQ(-EBADFD, kd_ioctl(self->fd, KDBUS_CMD_RECV, &b));
	EXPECT_EQ(0, kd_recv_cookie(&self->conn, &cookie));
	EXPECT_EQ(5, cookie);
}

/* NEG-1: an unknown flag besides */
TEST_F(neg, unknown_flag)
{
	struct kd_block b;

	kd_start(&b, variant->fixed);
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE | (1ULL << 40);
	b.cmd.return_flags = ~0ULL;
	EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, variant->cmd, &b));
	EXPECT_EQ(KDBUS_FLAG_NEGOTIATE | (1ULL << 40), b.cmd.flags);
	EXPECT_EQ(0, b.cmd.return_flags);
}

/* NEG-1: a bad item fails, flags stay as they are */
TEST_F(neg, bad_item)
{
	struct kd_block b;

	kd_start(&b, variant->fixed);
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
	kd_add_u64(&b, 0x7777, 0);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, variant->cmd, &b));
	EXPECT_EQ(KDBUS_FLAG_NEGOTIATE, b.cmd.flags);
}

static const uint64_t all_types[] = {
	KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_PAYLOAD_VEC, KDBUS_ITEM_PAYLOAD_OFF,
	KDBUS_ITEM_PAYLOAD_MEMFD, KDBUS_ITEM_FDS, KDBUS_ITEM_CANCEL_FD,
	KDBUS_ITEM_BLOOM_PARAMETER, KDBUS_ITEM_BLOOM_FILTER,
	KDBUS_ITEM_BLOOM_MASK, KDBUS_ITEM_DST_NAME, KDBUS_ITEM_MAKE_NAME,
	KDBUS_ITEM_ATTACH_FLAGS_SEND, KDBUS_ITEM_ATTACH_FLAGS_RECV,
	KDBUS_ITEM_ID, KDBUS_ITEM_NAME, KDBUS_ITEM_DST_ID,
	KDBUS_ITEM_TIMESTAMP, KDBUS_ITEM_CREDS, KDBUS_ITEM_PIDS,
	KDBUS_ITEM_AUXGROUPS, KDBUS_ITEM_OWNED_NAME, KDBUS_ITEM_TID_COMM,
	KDBUS_ITEM_PID_COMM, KDBUS_ITEM_EXE, KDBUS_ITEM_CMDLINE,
	KDBUS_ITEM_CGROUP, KDBUS_ITEM_CAPS, KDBUS_ITEM_SECLABEL,
	KDBUS_ITEM_AUDIT, KDBUS_ITEM_CONN_DESCRIPTION,
	KDBUS_ITEM_POLICY_ACCESS, KDBUS_ITEM_NAME_ADD, KDBUS_ITEM_NAME_REMOVE,
	KDBUS_ITEM_NAME_CHANGE, KDBUS_ITEM_ID_ADD, KDBUS_ITEM_ID_REMOVE,
	KDBUS_ITEM_REPLY_TIMEOUT, KDBUS_ITEM_REPLY_DEAD,
	_KDBUS_ITEM_NULL, 0x11, 0xffff, KDBUS_ITEM_NEGOTIATE + (1ULL << 32),
	~0ULL,
};

static bool accepts(const unsigned int *accepted, size_t n, uint64_t type)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (type && accepted[i] == type)
			return true;
	}
	return false;
}

/* NEG-2, section 3.5: what is not accepted is overwritten with 0 */
TEST_F(neg, item)
{
	struct kdbus_item *item;
	struct kd_block b;
	size_t i;

	kd_start(&b, variant->fixed);
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
	item = kd_add(&b, KDBUS_ITEM_NEGOTIATE, all_types, sizeof(all_types));
	EXPECT_EQ(0, kd_ioctl(self->fd, variant->cmd, &b));
	for (i = 0; i < KD_ARRAY_SIZE(all_types); i++) {
		bool good = accepts(variant->accepted,
				    KD_ARRAY_SIZE(variant->accepted),
				    all_types[i]);

		EXPECT_EQ(good ? all_types[i] : 0, item->data64[i]) {
			TH_LOG("type 0x%llx", (unsigned long long)all_types[i]);
		}
	}
}

/* NEG-2: with a bad item behind it no entry is touched */
TEST_F(neg, item_before_bad_one)
{
	struct kdbus_item *item;
	struct kd_block b;

	kd_start(&b, variant->fixed);
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
	item = kd_add_u64(&b, KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_TIMESTAMP);
	kd_add_u64(&b, 0x7777, 0);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, variant->cmd, &b));
	EXPECT_EQ(KDBUS_ITEM_TIMESTAMP, item->data64[0]);
}

/* NEG-2: an entry that cannot be written; CMD-2.8 */
TEST_F(neg, unwritable_entry)
{
	size_t page = getpagesize();
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	uint8_t *p;

	/* the fixed part is writable, the entry lies in the next page */
	p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	kd_start(&b, variant->fixed);
	kd_add_u64(&b, KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_TIMESTAMP);
	p += page - b.size + 8;
	memcpy(p, &b, b.size);
	ASSERT_EQ(0, mprotect(p + b.size - 8, 8, PROT_READ));
	EXPECT_EQ(-EFAULT, kd_ioctl(self->fd, variant->cmd, p));
	/* not executed */
	EXPECT_EQ(0, kd_recv(&self->conn, KDBUS_RECV_PEEK, 0, &cmd));
	if (variant->state != ON_CONN)
		EXPECT_EQ(-EBADFD, kd_ioctl(self->fd, KDBUS_CMD_RECV, p));

	/* accepted types are not written */
	ASSERT_EQ(0, mprotect(p + b.size - 8, 8, PROT_READ | PROT_WRITE));
	*(__u64 *)(p + b.size - 8) = KDBUS_ITEM_NEGOTIATE;
	((struct kdbus_cmd *)p)->flags = KDBUS_FLAG_NEGOTIATE;
	ASSERT_EQ(0, mprotect(p + b.size - 8, 8, PROT_READ));
	EXPECT_EQ(0, kd_ioctl(self->fd, variant->cmd, p));
}

FIXTURE(negotiate) {
	struct kd_env env;
	struct kd_conn conn;
	int control;
	int ep;
};

FIXTURE_SETUP(negotiate)
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

FIXTURE_TEARDOWN(negotiate)
{
}

/* NEG-1: values are not judged: pool size 0, kinds that exclude each other */
TEST_F(negotiate, values_are_not_tested)
{
	struct kd_block b;

	kd_start(&b, sizeof(b.hello));
	b.hello.flags = KDBUS_FLAG_NEGOTIATE | KDBUS_HELLO_ACTIVATOR |
			KDBUS_HELLO_MONITOR;
	b.hello.attach_flags_send = 1ULL << 50;
	EXPECT_EQ(0, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));
	EXPECT_EQ(0xf, b.hello.flags);

	kd_make_start(&b, "not-a-uid");
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, kd_ioctl(self->control, KDBUS_CMD_BUS_MAKE, &b));
}

/* NEG-2: without the flag the command is executed, then or not at all */
TEST_F(negotiate, item_without_flag)
{
	struct kdbus_item *item;
	struct kd_block b;

	/* also when a mandatory item is missing */
	kd_start(&b, sizeof(b.cmd));
	item = kd_add_u64(&b, KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_TIMESTAMP);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->control, KDBUS_CMD_BUS_MAKE, &b));
	EXPECT_EQ(0, item->data64[0]);

	/* or when the command fails later */
	kd_hello_start(&b, 1);
	item = kd_add_u64(&b, KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_TIMESTAMP);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));
	EXPECT_EQ(0, item->data64[0]);

	kd_hello_start(&b, KD_POOL);
	item = kd_add_u64(&b, KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_TIMESTAMP);
	EXPECT_EQ(0, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));
	EXPECT_EQ(0, item->data64[0]);
	EXPECT_LT(self->conn.id, b.hello.id);
}

/* NEG-3: a NEGOTIATE item in a message that is sent */
TEST_F(negotiate, item_in_message)
{
	static const uint64_t types[] = {
		KDBUS_ITEM_PAYLOAD_VEC, KDBUS_ITEM_CANCEL_FD,
		KDBUS_ITEM_DST_NAME, KDBUS_ITEM_BLOOM_FILTER,
		KDBUS_ITEM_FDS, KDBUS_ITEM_NAME,
	};
	struct kdbus_cmd_recv cmd;
	struct kdbus_item *item;
	struct kd_block b;

	kd_msg_start(&b, self->conn.id);
	item = kd_add(&b, KDBUS_ITEM_NEGOTIATE, types, sizeof(types));
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->conn, &b));
	EXPECT_EQ(KDBUS_ITEM_PAYLOAD_VEC, item->data64[0]);
	EXPECT_EQ(0, item->data64[1]);
	EXPECT_EQ(KDBUS_ITEM_DST_NAME, item->data64[2]);
	EXPECT_EQ(KDBUS_ITEM_BLOOM_FILTER, item->data64[3]);
	EXPECT_EQ(KDBUS_ITEM_FDS, item->data64[4]);
	EXPECT_EQ(0, item->data64[5]);
	EXPECT_EQ(-EAGAIN, kd_recv(&self->conn, 0, 0, &cmd));
}

/* NEG-4, SEND-2: command and message */
TEST_F(negotiate, send)
{
	struct kd_block cmd, msg;

	/* both */
	kd_msg_start(&msg, self->conn.id);
	msg.msg.flags = KDBUS_FLAG_NEGOTIATE;
	msg.msg.payload_type = 0;
	kd_start(&cmd, sizeof(cmd.send));
	cmd.send.flags = KDBUS_FLAG_NEGOTIATE;
	cmd.send.msg_address = (uintptr_t)&msg;
	EXPECT_EQ(0, kd_ioctl(self->conn.fd, KDBUS_CMD_SEND, &cmd));
	EXPECT_EQ(0x1, cmd.send.flags);
	EXPECT_EQ(0x7, msg.msg.flags);

	/* the command alone, the message is parsed */
	kd_msg_start(&msg, self->conn.id);
	cmd.send.flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, kd_ioctl(self->conn.fd, KDBUS_CMD_SEND, &cmd));
	EXPECT_EQ(0x1, cmd.send.flags);
	EXPECT_EQ(0, msg.msg.flags);
}

/* SEND-2: the command is negotiated before the message is looked at */
TEST_F(negotiate, send_bad_message)
{
	struct kdbus_cmd_recv recv;
	struct kd_block cmd, msg;

	kd_start(&cmd, sizeof(cmd.send));
	cmd.send.flags = KDBUS_FLAG_NEGOTIATE;
	cmd.send.msg_address = 8;
	EXPECT_EQ(-EFAULT, kd_ioctl(self->conn.fd, KDBUS_CMD_SEND, &cmd));
	EXPECT_EQ(0x1, cmd.send.flags);

	kd_msg_start(&msg, self->conn.id);
	kd_add_u64(&msg, 0x7777, 0);
	cmd.send.flags = KDBUS_FLAG_NEGOTIATE;
	cmd.send.msg_address = (uintptr_t)&msg;
	EXPECT_EQ(-EINVAL, kd_ioctl(self->conn.fd, KDBUS_CMD_SEND, &cmd));
	EXPECT_EQ(0x1, cmd.send.flags);

	/* message flag without command flag */
	kd_msg_start(&msg, self->conn.id);
	msg.msg.flags = KDBUS_FLAG_NEGOTIATE;
	cmd.send.flags = 0;
	EXPECT_EQ(-EINVAL, kd_ioctl(self->conn.fd, KDBUS_CMD_SEND, &cmd));
	EXPECT_EQ(0x7, msg.msg.flags);
	EXPECT_EQ(0, cmd.send.flags);
	EXPECT_EQ(-EAGAIN, kd_recv(&self->conn, 0, 0, &recv));
}

TEST_HARNESS_MAIN
