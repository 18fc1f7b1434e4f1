// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: sending, receiving, disconnecting and the end of the bus
 * race with one another (rules H-7, BYE-2 to BYE-4, QUOTA-4, ORD-2)
 *
 * The amount of work is fixed, not the time. What can be checked is checked:
 * only errors that the rules allow, no message lost or twice, every quota back
 * where it was. The rest is for the sanitizers of the kernel.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define SENDERS		3
#define PER_SENDER	400
#define ROUNDS		25

FIXTURE(stress) {
	struct kd_env env;
};

FIXTURE_SETUP(stress)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
}

FIXTURE_TEARDOWN(stress)
{
}

struct worker {
	pthread_t thread;
	struct kd_conn conn;
	const char *bus;
	uint64_t peer;
	uint64_t first;
	int *stop;
	int error;
	unsigned int done;
};

/* errors of a send whose receiver or own connection may go at any time */
static bool send_may_fail(int r)
{
	return r == -ENOBUFS || r == -EXFULL || r == -ENXIO ||
	       r == -ECONNRESET;
}

/* Send PER_SENDER numbered messages of varying size, retrying when full. */
static void *send_numbered(void *data)
{
	static const uint8_t payload[4096];
	struct worker *w = data;

	while (w->done < PER_SENDER) {
		int r = kd_send(&w->conn, w->peer, w->first + w->done, payload,
				1 + (w->done * 97) % sizeof(payload));

		if (r == 0)
			w->done++;
		else if (r == -ENOBUFS || r == -EXFULL)
			sched_yield();
		else
			w->error = r;
		if (w->error)
			break;
	}
	return NULL;
}

/* ORD-2, QUOTA-1: nothing is lost, doubled or reordered under load */
TEST_F_TIMEOUT(stress, no_loss, 120)
{
	uint64_t next[SENDERS] = { 0 }, cookie;
	struct worker w[SENDERS];
	struct kd_conn receiver;
	int i, n = 0, r;

	ASSERT_EQ(0, kd_connect(&receiver, self->env.bus));
	for (i = 0; i < SENDERS; i++) {
		w[i] = (struct worker){
			.peer = receiver.id,
			.first = i * PER_SENDER,
		};
		ASSERT_EQ(0, kd_connect(&w[i].conn, self->env.bus));
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, send_numbered,
					    &w[i]));
	}
	while (n < SENDERS * PER_SENDER) {
		ASSERT_EQ(POLLIN, kd_poll(receiver.fd, POLLIN, -1));
		r = kd_recv_cookie(&receiver, &cookie);
		ASSERT_EQ(0, r);
		i = cookie / PER_SENDER;
		ASSERT_GT(SENDERS, i);
		ASSERT_EQ(next[i], cookie % PER_SENDER);
		next[i]++;
		n++;
	}
	for (i = 0; i < SENDERS; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(0, w[i].error);
	}
	EXPECT_EQ(-EAGAIN, kd_recv_cookie(&receiver, &cookie));
	EXPECT_EQ(0, kd_byebye(&receiver));
}

static void *send_until_stopped(void *data)
{
	struct worker *w = data;
	uint8_t payload[512] = "";

	while (!__atomic_load_n(w->stop, __ATOMIC_RELAXED)) {
		uint64_t peer = __atomic_load_n(&w->peer, __ATOMIC_RELAXED);
		int r = kd_send(&w->conn, peer, 1, payload, sizeof(payload));

		if (r != 0 && !send_may_fail(r)) {
			w->error = r;
			break;
		}
		w->done++;
	}
	return NULL;
}

/* BYE-3, H-7: receivers that come and go, by BYEBYE and by close */
TEST_F_TIMEOUT(stress, receivers_come_and_go, 120)
{
	struct worker w[SENDERS];
	struct kdbus_cmd_recv cmd;
	struct kd_conn c;
	int i, n, r, stop = 0;

	for (i = 0; i < SENDERS; i++) {
		w[i] = (struct worker){ .peer = ~0ULL - 1, .stop = &stop };
		ASSERT_EQ(0, kd_connect(&w[i].conn, self->env.bus));
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL,
					    send_until_stopped, &w[i]));
	}
	for (n = 0; n < 4 * ROUNDS; n++) {
		ASSERT_EQ(0, kd_connect(&c, self->env.bus));
		for (i = 0; i < SENDERS; i++)
			__atomic_store_n(&w[i].peer, c.id, __ATOMIC_RELAXED);
		for (i = 0; i < 10; i++) {
			r = kd_recv(&c, i % 3 ? 0 : KDBUS_RECV_DROP, 0, &cmd);
			EXPECT_TRUE(r == 0 || r == -EAGAIN);
		}
		r = n % 2 ? kd_byebye(&c) : 0;
		EXPECT_TRUE(r == 0 || r == -EBUSY);
		kd_close(&c);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < SENDERS; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(0, w[i].error);
	}
	/* nothing is left charged or taken */
	ASSERT_EQ(0, kd_hello(&c, self->env.bus, 0, 0, 16 * KD_POOL));
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0,
			  kd_send_prio(&w[0].conn, c.id, 1, 0));
	}
}

/* Use a bus until it is gone: connect, send to oneself, receive, poll. */
static void *use_bus(void *data)
{
	struct worker *w = data;
	struct kd_conn c;
	uint64_t cookie;
	int r;

	for (;;) {
		r = kd_connect(&c, w->bus);
		if (r == 0) {
			w->done++;
			r = kd_send(&c, c.id, 1, "x", 1);
			if (r == 0)
				r = kd_recv_cookie(&c, &cookie);
			if (r != 0 && r != -ECONNRESET && r != -ENXIO)
				break;
			kd_poll(c.fd, POLLIN, 0);
			kd_close(&c);
			continue;
		}
		/* HELLO, or FREE right after it, lost the race */
		if (r == -ESHUTDOWN || r == -ECONNRESET)
			continue;
		if (r == -ENOENT)
			r = 0;
		break;
	}
	w->error = r;
	return NULL;
}

/* H-7, FS-9: the bus ends under its users */
TEST_F_TIMEOUT(stress, bus_ends, 120)
{
	char name[32], path[KD_PATH_MAX];
	struct worker w[SENDERS];
	int n, i, ctl;

	kd_name(name, sizeof(name), "short");
	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
	for (n = 0; n < ROUNDS; n++) {
		ctl = kd_bus_make(self->env.dir, name, 0);
		ASSERT_LE(0, ctl);
		for (i = 0; i < SENDERS; i++) {
			w[i] = (struct worker){ .bus = path };
			ASSERT_EQ(0, pthread_create(&w[i].thread, NULL,
						    use_bus, &w[i]));
		}
		while (!__atomic_load_n(&w[0].done, __ATOMIC_RELAXED))
			sched_yield();
		close(ctl);
		for (i = 0; i < SENDERS; i++) {
			pthread_join(w[i].thread, NULL);
			EXPECT_EQ(0, w[i].error);
		}
	}
}

static void *race_commands(void *data)
{
	struct worker *w = data;
	struct kdbus_cmd_recv cmd;
	unsigned int i;

	for (i = 0; i < PER_SENDER; i++) {
		kd_send(&w->conn, w->conn.id, i, "race", 5);
		kd_recv(&w->conn, KDBUS_RECV_PEEK, 0, &cmd);
		kd_free(&w->conn, (i % 8) * 104);
		kd_recv(&w->conn, i % 2 ? KDBUS_RECV_DROP : 0, 0, &cmd);
		kd_free(&w->conn, cmd.msg.offset);
	}
	return NULL;
}

/* POOL-4: threads that use one connection disagree about everything */
TEST_F_TIMEOUT(stress, one_connection, 120)
{
	struct worker w[SENDERS];
	struct kdbus_cmd_recv cmd;
	struct kd_conn c;
	uint64_t offset;
	int i;

	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	for (i = 0; i < SENDERS; i++) {
		w[i] = (struct worker){ .conn = c };
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, race_commands,
					    &w[i]));
	}
	for (i = 0; i < SENDERS; i++)
		pthread_join(w[i].thread, NULL);

	/* the pool is whole again once all has been received and freed */
	while (kd_recv(&c, KDBUS_RECV_DROP, 0, &cmd) == 0)
		;
	for (offset = 0; offset < KD_POOL; offset += 8)
		kd_free(&c, offset);
	for (i = 0; i < KD_POOL / 8192; i++) {
		static const uint8_t payload[8192 - 96];

		ASSERT_EQ(0, kd_send(&c, c.id, 1, payload, sizeof(payload)));
		ASSERT_EQ(0, kd_recv(&c, 0, 0, &cmd));
		EXPECT_EQ(8192 * i, cmd.msg.offset);
	}
}

static void *unlink_by_close(void *data)
{
	close(*(int *)data);
	return NULL;
}

/* H-7: commands in progress while the last descriptor is closed elsewhere */
TEST_F_TIMEOUT(stress, close_in_use, 120)
{
	struct kdbus_cmd_recv cmd;
	struct kd_conn c;
	pthread_t t;
	int n, r, fd;

	for (n = 0; n < 4 * ROUNDS; n++) {
		ASSERT_EQ(0, kd_connect(&c, self->env.bus));
		fd = c.fd;
		ASSERT_EQ(0, pthread_create(&t, NULL, unlink_by_close, &fd));
		do {
			r = kd_send(&c, c.id, 1, "x", 1);
			if (r == 0)
				r = kd_recv(&c, KDBUS_RECV_DROP, 0, &cmd);
		} while (r == 0);
		EXPECT_EQ(-EBADF, r);
		pthread_join(t, NULL);
		munmap((void *)c.pool, c.pool_size);
	}
}

TEST_HARNESS_MAIN
