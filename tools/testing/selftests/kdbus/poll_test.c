// SPDX-License-Identifier: GPL-2.0-only
/*
 * Polling in every state of a handle (rule H-4)
 *
 * Waiters are other threads that report through a pipe; a test that would have
 * to wait for "nothing happens" looks at the state after the event instead.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALL	(POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLPRI | \
		 POLLRDBAND | POLLWRBAND | POLLRDHUP)
#define IDLE	(POLLOUT | POLLWRNORM)
#define READY	(IDLE | POLLIN | POLLRDNORM)
#define GONE	(POLLERR | POLLHUP)

FIXTURE(poll) {
	struct kd_env env;
	struct kd_conn a;
	struct kd_conn b;
};

FIXTURE_SETUP(poll)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
}

FIXTURE_TEARDOWN(poll)
{
}

/* H-4: handles that are not connected report an error at once, always */
TEST_F(poll, not_connected)
{
	char path[KD_PATH_MAX];
	int fd;

	EXPECT_EQ(GONE, kd_poll(self->env.ctl, ALL, -1));
	EXPECT_EQ(GONE, kd_poll(self->env.ctl, 0, -1));
	fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(GONE, kd_poll(fd, ALL, -1));
	snprintf(path, sizeof(path), "%s/control", self->env.dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(GONE, kd_poll(fd, ALL, -1));
}

/* H-4: a connection with and without messages */
TEST_F(poll, connected)
{
	struct kdbus_cmd_recv cmd;

	EXPECT_EQ(IDLE, kd_poll(self->b.fd, ALL, 0));
	EXPECT_EQ(0, kd_poll(self->b.fd, POLLIN, 0));
	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "x", 1));
	EXPECT_EQ(READY, kd_poll(self->b.fd, ALL, 0));
	EXPECT_EQ(POLLIN, kd_poll(self->b.fd, POLLIN, 0));
	/* peeking does not consume */
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
	EXPECT_EQ(READY, kd_poll(self->b.fd, ALL, 0));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(IDLE, kd_poll(self->b.fd, ALL, 0));
	EXPECT_EQ(IDLE, kd_poll(self->a.fd, ALL, 0));
}

/* H-4, BYE-2: a connection that has gone */
TEST_F(poll, disconnected)
{
	ASSERT_EQ(0, kd_byebye(&self->a));
	EXPECT_EQ(GONE, kd_poll(self->a.fd, ALL, 0));
	EXPECT_EQ(GONE, kd_poll(self->a.fd, 0, 0));

	/* whatever was queued */
	ASSERT_EQ(0, kd_send(&self->b, self->b.id, 1, "x", 1));
	close(self->env.ctl);
	EXPECT_EQ(GONE, kd_poll(self->b.fd, ALL, 0));
}

struct waiter {
	pthread_t thread;
	int fd;
	short events;
	int started[2];
	int result;
};

static void *wait_thread(void *data)
{
	struct waiter *w = data;

	if (write(w->started[1], "s", 1) != 1)
		return NULL;
	w->result = kd_poll(w->fd, w->events, -1);
	return NULL;
}

static int waiter_start(struct waiter *w, int fd, short events)
{
	char c;

	w->fd = fd;
	w->events = events;
	w->result = -ECANCELED;
	if (pipe2(w->started, O_CLOEXEC) < 0)
		return -errno;
	if (pthread_create(&w->thread, NULL, wait_thread, w) != 0)
		return -EAGAIN;
	return read(w->started[0], &c, 1) == 1 ? 0 : -EPIPE;
}

static int waiter_join(struct waiter *w)
{
	pthread_join(w->thread, NULL);
	return w->result;
}

/* H-4: a message wakes every waiter */
TEST_F(poll, wake_by_message)
{
	struct waiter w[3];
	int i, n;

	for (i = 0; i < 20; i++) {
		struct kdbus_cmd_recv cmd;

		for (n = 0; n < 3; n++) {
			ASSERT_EQ(0,
				  waiter_start(&w[n], self->b.fd, POLLIN));
		}
		ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "x", 1));
		for (n = 0; n < 3; n++) {
			EXPECT_EQ(POLLIN,
				  waiter_join(&w[n]));
		}
		ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_DROP, 0, &cmd));
	}
}

/* H-4: BYEBYE wakes */
TEST_F(poll, wake_by_byebye)
{
	struct waiter w;

	ASSERT_EQ(0, waiter_start(&w, self->b.fd, POLLIN));
	ASSERT_EQ(0, kd_byebye(&self->b));
	EXPECT_EQ(GONE, waiter_join(&w));
}

/* H-4: the end of the bus wakes */
TEST_F(poll, wake_by_shutdown)
{
	struct waiter w;

	ASSERT_EQ(0, waiter_start(&w, self->b.fd, POLLIN));
	close(self->env.ctl);
	EXPECT_EQ(GONE, waiter_join(&w));
}

static int epoll_events(int ep)
{
	struct epoll_event e = { 0 };
	int n = epoll_wait(ep, &e, 1, 0);

	return n <= 0 ? n : (int)e.events;
}

/* H-4, section 37.11: epoll for EPOLLIN reports exactly EPOLLIN */
TEST_F(poll, epoll_exact)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->b.fd, &e));
	EXPECT_EQ(0, epoll_events(ep));
	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "x", 1));
	EXPECT_EQ(EPOLLIN, epoll_events(ep));
	EXPECT_EQ(EPOLLIN, epoll_events(ep));
}

/* H-4: edge triggered registration after HELLO */
TEST_F(poll, epoll_edge)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->b.fd, &e));
	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "x", 1));
	EXPECT_EQ(EPOLLIN, epoll_events(ep));
	EXPECT_EQ(0, epoll_events(ep));
	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 2, "x", 1));
	EXPECT_EQ(EPOLLIN, epoll_events(ep));
}

/* H-4, W-51: a registration made before HELLO is never triggered */
TEST_F(poll, epoll_before_hello)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	struct kd_conn c = { .pool_size = KD_POOL };
	struct kd_block b;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, ep);
	c.fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, c.fd);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, c.fd, &e));
	EXPECT_EQ(EPOLLERR | EPOLLHUP, epoll_events(ep));
	kd_hello_start(&b, KD_POOL);
	ASSERT_EQ(0, kd_ioctl(c.fd, KDBUS_CMD_HELLO, &b));
	ASSERT_EQ(0, kd_send(&self->a, b.hello.id, 1, "x", 1));
	EXPECT_EQ(0, epoll_events(ep));

	/* looked at anew, once; still nobody wakes it */
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_MOD, c.fd, &e));
	EXPECT_EQ(EPOLLIN, epoll_events(ep));
	ASSERT_EQ(0, kd_send(&self->a, b.hello.id, 2, "x", 1));
	EXPECT_EQ(0, epoll_events(ep));

	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_DEL, c.fd, NULL));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, c.fd, &e));
	EXPECT_EQ(EPOLLIN, epoll_events(ep));
	ASSERT_EQ(0, kd_send(&self->a, b.hello.id, 3, "x", 1));
	EXPECT_EQ(EPOLLIN, epoll_events(ep));
}

TEST_HARNESS_MAIN
