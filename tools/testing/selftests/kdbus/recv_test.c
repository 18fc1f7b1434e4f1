// SPDX-License-Identifier: GPL-2.0-only
/*
 * KDBUS_CMD_RECV (rules RECV-1 to RECV-8 and RECV-10)
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define PEEK		KDBUS_RECV_PEEK
#define DROP		KDBUS_RECV_DROP
#define PRIORITY	KDBUS_RECV_USE_PRIORITY
#define SLICE		(64)	/* of a message without items */

FIXTURE(recv) {
	struct kd_env env;
	struct kd_conn a;
	struct kd_conn b;
};

FIXTURE_SETUP(recv)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
}

FIXTURE_TEARDOWN(recv)
{
}

/* The cookie of the message that RECV reports, or a negative errno. */
static int64_t recv_cookie(const struct kd_conn *c, uint64_t flags,
			   int64_t priority)
{
	struct kdbus_cmd_recv cmd;
	int64_t cookie;
	int r;

	r = kd_recv(c, flags, priority, &cmd);
	if (r < 0)
		return r;
	cookie = kd_msg(c, cmd.msg.offset)->cookie;
	r = kd_free(c, cmd.msg.offset);
	return r < 0 ? r : cookie;
}

/* RECV-1: DROP and USE_PRIORITY exclude each other; RECV-4: other errors */
TEST_F(recv, drop_with_priority)
{
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, 1, 0));
	EXPECT_EQ(-EINVAL, kd_recv(&self->b, DROP | PRIORITY, 0, &cmd));
	EXPECT_EQ(0, cmd.return_flags);
	EXPECT_EQ(KD_SLICE_NONE, cmd.msg.offset);
	EXPECT_EQ(~0ULL, cmd.dropped_msgs);
	EXPECT_EQ(-EINVAL, kd_recv(&self->b, DROP | PRIORITY | PEEK, 0, &cmd));
	EXPECT_EQ(1, recv_cookie(&self->b, 0, 0));
}

/* RECV-1: DROP with PEEK drops */
TEST_F(recv, drop_with_peek)
{
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, 1, 0));
	EXPECT_EQ(0, kd_recv(&self->b, DROP | PEEK, 0, &cmd));
	EXPECT_EQ(KD_POOL, cmd.msg.offset);
	EXPECT_EQ(-EAGAIN, kd_recv(&self->b, 0, 0, &cmd));
}

/* RECV-2: the oldest, whatever its priority */
TEST_F(recv, without_priority)
{
	static const int64_t priority[] = { 5, -5, 0, INT64_MAX, INT64_MIN };
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(priority); i++) {
		ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, i,
					  priority[i]));
	}
	for (i = 0; i < KD_ARRAY_SIZE(priority); i++) {
		EXPECT_EQ(i,
			  recv_cookie(&self->b, 0, INT64_MIN));
	}
}

/* RECV-2: the lowest value first, the oldest among equals */
TEST_F(recv, with_priority)
{
	static const int64_t priority[] = {
		5, -5, 0, 5, INT64_MAX, INT64_MIN, -5, 0,
	};
	static const int order[] = { 5, 1, 6, 2, 7, 0, 3, 4 };
	struct kdbus_cmd_recv cmd;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(priority); i++) {
		ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, i,
					  priority[i]));
	}
	for (i = 0; i < KD_ARRAY_SIZE(priority); i++) {
		EXPECT_EQ(order[i],
			  recv_cookie(&self->b, PRIORITY, INT64_MAX));
	}
	EXPECT_EQ(-EAGAIN, kd_recv(&self->b, PRIORITY, INT64_MAX, &cmd));
}

/* RECV-2: only up to the priority that is asked for; signed */
TEST_F(recv, priority_limit)
{
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, 1, 3));
	ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, 2, -3));
	EXPECT_EQ(-EAGAIN, kd_recv(&self->b, PRIORITY, -4, &cmd));
	EXPECT_EQ(-EAGAIN, kd_recv(&self->b, PRIORITY, INT64_MIN, &cmd));
	EXPECT_EQ(KD_POOL, cmd.msg.offset);
	EXPECT_EQ(2, recv_cookie(&self->b, PRIORITY, -3));
	EXPECT_EQ(-EAGAIN, kd_recv(&self->b, PRIORITY, 2, &cmd));
	EXPECT_EQ(1, recv_cookie(&self->b, PRIORITY, 3));
}

/* RECV-2, W-32: both ways of receiving, mixed */
TEST_F(recv, mixed)
{
	static const int64_t priority[] = { 5, 5, 1, 1, 9, 9, 0, 7 };
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(priority); i++) {
		ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, i,
					  priority[i]));
	}
	EXPECT_EQ(6, recv_cookie(&self->b, PRIORITY, 100));
	EXPECT_EQ(0, recv_cookie(&self->b, 0, 0));
	EXPECT_EQ(2, recv_cookie(&self->b, PRIORITY, 100));
	EXPECT_EQ(1, recv_cookie(&self->b, 0, 0));
	EXPECT_EQ(3, recv_cookie(&self->b, 0, 0));
	EXPECT_EQ(7, recv_cookie(&self->b, PRIORITY, 100));
	EXPECT_EQ(4, recv_cookie(&self->b, PRIORITY, 100));
	EXPECT_EQ(5, recv_cookie(&self->b, PRIORITY, 100));
	EXPECT_EQ(-EAGAIN, recv_cookie(&self->b, 0, 0));
}

/* RECV-3, RECV-4: nothing there */
TEST_F(recv, empty)
{
	static const uint64_t flags[] = { 0, PEEK, DROP, PRIORITY };
	struct kdbus_cmd_recv cmd;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(-EAGAIN, kd_recv(&self->b, flags[i], 0, &cmd));
		EXPECT_EQ(KD_POOL, cmd.msg.offset);
		EXPECT_EQ(0, cmd.msg.msg_size);
		EXPECT_EQ(0, cmd.msg.return_flags);
		EXPECT_EQ(0, cmd.dropped_msgs);
		EXPECT_EQ(0, cmd.return_flags);
		EXPECT_EQ(flags[i], cmd.flags);
	}
}

/* RECV-4, POOL-6: output on success */
TEST_F(recv, output)
{
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "123456789", 9));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 77, &cmd));
	EXPECT_EQ(0, cmd.msg.offset);
	EXPECT_EQ(64 + 32 + 16, cmd.msg.msg_size);
	EXPECT_EQ(0, cmd.msg.return_flags);
	EXPECT_EQ(0, cmd.dropped_msgs);
	EXPECT_EQ(0, cmd.return_flags);
	EXPECT_EQ(0, cmd.flags);
	EXPECT_EQ(77, cmd.priority);
	EXPECT_EQ(sizeof(cmd), cmd.size);
	EXPECT_EQ(64 + 32, kd_msg(&self->b, 0)->size);
}

/* RECV-5: what is refused with an error to the sender is not counted */
TEST_F(recv, dropped_counter)
{
	static const uint8_t data[KD_POOL];
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(-ENOBUFS, kd_send(&self->a, self->b.id, 1, data, KD_POOL));
	EXPECT_EQ(-EAGAIN, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.dropped_msgs);
	EXPECT_EQ(0, cmd.return_flags);
}

/* RECV-6: the message leaves the queue, the slice stays with the client */
TEST_F(recv, slice_is_the_clients)
{
	struct kdbus_cmd_recv first, second;

	ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, 1, 0));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &first));
	ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, 2, 0));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &second));
	EXPECT_EQ(SLICE, second.msg.offset - first.msg.offset);
	EXPECT_EQ(1, kd_msg(&self->b, first.msg.offset)->cookie);
	EXPECT_EQ(2, kd_msg(&self->b, second.msg.offset)->cookie);
}

/* RECV-7: PEEK, any number of times */
TEST_F(recv, peek)
{
	struct kdbus_cmd_recv cmd;
	int i;

	ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, 1, 9));
	ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, 2, 1));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, kd_recv(&self->b, PEEK, 0, &cmd));
		EXPECT_EQ(0, cmd.msg.offset);
		EXPECT_EQ(SLICE, cmd.msg.msg_size);
		ASSERT_EQ(0, kd_recv(&self->b, PEEK | PRIORITY, 9, &cmd));
		EXPECT_EQ(SLICE, cmd.msg.offset);
	}
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.msg.offset);
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(SLICE, cmd.msg.offset);
	EXPECT_EQ(-EAGAIN, kd_recv(&self->b, PEEK, 0, &cmd));
}

/* RECV-8: DROP frees the slice */
TEST_F(recv, drop)
{
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, 1, 0));
	ASSERT_EQ(0, kd_recv(&self->b, DROP, 0, &cmd));
	EXPECT_EQ(KD_POOL, cmd.msg.offset);
	EXPECT_EQ(0, cmd.msg.msg_size);
	EXPECT_EQ(0, cmd.return_flags);
	EXPECT_EQ(-ENXIO, kd_free(&self->b, 0));
	ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, 2, 0));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.msg.offset);
}

/* RECV-8, POOL-4: unless the client holds it from a PEEK */
TEST_F(recv, drop_peeked)
{
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, 1, 0));
	ASSERT_EQ(0, kd_recv(&self->b, PEEK, 0, &cmd));
	ASSERT_EQ(0, kd_recv(&self->b, DROP, 0, &cmd));
	ASSERT_EQ(0, kd_send_prio(&self->a, self->b.id, 2, 0));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(SLICE, cmd.msg.offset);
	EXPECT_EQ(1, kd_msg(&self->b, 0)->cookie);
	EXPECT_EQ(0, kd_free(&self->b, 0));
	EXPECT_EQ(-ENXIO, kd_free(&self->b, 0));
}

#define THREADS		4
#define MESSAGES	160	/* fit into the share of a user */

struct reader {
	pthread_t thread;
	const struct kd_conn *conn;
	uint8_t *seen;
	int count;
};

static void *read_all(void *data)
{
	struct reader *r = data;
	uint64_t cookie;

	while (kd_recv_cookie(r->conn, &cookie) == 0) {
		__atomic_add_fetch(&r->seen[cookie], 1, __ATOMIC_RELAXED);
		r->count++;
	}
	return NULL;
}

/* RECV-10: every message is handed out once */
TEST_F(recv, compete)
{
	static uint8_t seen[MESSAGES];
	struct reader r[THREADS];
	int i, n = 0;

	for (i = 0; i < MESSAGES; i++) {
		ASSERT_EQ(0,
			  kd_send_prio(&self->a, self->b.id, i, i % 3));
	}
	for (i = 0; i < THREADS; i++) {
		r[i] = (struct reader){ .conn = &self->b, .seen = seen };
		ASSERT_EQ(0, pthread_create(&r[i].thread, NULL, read_all,
					    &r[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(r[i].thread, NULL);
		n += r[i].count;
	}
	EXPECT_EQ(MESSAGES, n);
	for (i = 0; i < MESSAGES; i++) {
		EXPECT_EQ(1,
			  seen[i]);
	}
}

TEST_HARNESS_MAIN
