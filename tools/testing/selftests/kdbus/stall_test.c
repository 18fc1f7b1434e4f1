// SPDX-License-Identifier: GPL-2.0-only
/*
 * User memory that does not come: whoever waits for it keeps nothing that
 * others need (H-7, SEND-12, QUOTA-4). A page that userfaultfd withholds stands
 * for one of a slow or hostile file system.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

/* messages that one user may have queued at one receiver */
#define MAX_QUEUED	256

FIXTURE(stall) {
	struct kd_env env;
	struct kd_conn a;
	struct kd_conn b;
	size_t page;
	void *mem;
	int uffd;
};

/* One page that is missing until somebody provides it. */
FIXTURE_SETUP(stall)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };

	self->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (self->uffd < 0)
		SKIP(return, "no userfaultfd for faults of the kernel");

	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	/* large enough for all the messages that one user may queue */
	ASSERT_EQ(0, kd_hello(&self->b, self->env.bus, 0, 0, 1 << 20));

	self->page = getpagesize();
	self->mem = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_API, &api));
	reg.range.start = (uintptr_t)self->mem;
	reg.range.len = self->page;
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_REGISTER, &reg));
}

FIXTURE_TEARDOWN(stall)
{
}

/* Wait until somebody waits for the page. */
static int wait_fault(int uffd)
{
	struct pollfd p = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&p, 1, -1) != 1)
		return -1;
	return read(uffd, &msg, sizeof(msg)) == sizeof(msg) ? 0 : -1;
}

static int provide(int uffd, void *mem, const void *data, size_t page)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)mem,
		.src = (uintptr_t)data,
		.len = page,
	};

	return ioctl(uffd, UFFDIO_COPY, &copy);
}

struct sender {
	pthread_t thread;
	const struct kd_conn *conn;
	uint64_t dst;
	void *mem;
	int result;
};

static void *send_page(void *data)
{
	struct sender *s = data;
	struct kd_block msg;

	kd_msg_start(&msg, s->dst);
	msg.msg.cookie = 4711;
	kd_msg_vec(&msg, s->mem, 64);
	s->result = kd_msg_send(s->conn, &msg);
	return NULL;
}

/* QUOTA-4, SEND-12: a payload that does not come reserves no room */
TEST_F(stall, payload_keeps_no_room)
{
	uint8_t data[self->page];
	struct sender s = {
		.conn = &self->a, .dst = self->b.id, .mem = self->mem,
	};
	uint64_t cookie;
	int i;

	ASSERT_EQ(0, pthread_create(&s.thread, NULL, send_page, &s));
	ASSERT_EQ(0, wait_fault(self->uffd));

	for (i = 0; i < MAX_QUEUED; i++)
		if (kd_send_prio(&self->a, self->b.id, i, 0))
			break;
	ASSERT_EQ(MAX_QUEUED, i);
	EXPECT_EQ(-ENOBUFS, kd_send_prio(&self->a, self->b.id, i, 0));
	for (i = 0; i < MAX_QUEUED; i++) {
		ASSERT_EQ(0, kd_recv_cookie(&self->b, &cookie));
		ASSERT_EQ(i, cookie);
	}
	EXPECT_EQ(-EAGAIN, kd_recv_cookie(&self->b, &cookie));

	memset(data, 'x', sizeof(data));
	ASSERT_EQ(0, provide(self->uffd, self->mem, data, self->page));
	pthread_join(s.thread, NULL);
	EXPECT_EQ(0, s.result);
	EXPECT_EQ(0, kd_recv_cookie(&self->b, &cookie));
	EXPECT_EQ(4711, cookie);
}

/* BYE-4: the receiver may go meanwhile */
TEST_F(stall, receiver_goes)
{
	struct sender s = {
		.conn = &self->a, .dst = self->b.id, .mem = self->mem,
	};
	uint8_t data[self->page];

	ASSERT_EQ(0, pthread_create(&s.thread, NULL, send_page, &s));
	ASSERT_EQ(0, wait_fault(self->uffd));
	EXPECT_EQ(0, kd_byebye(&self->b));

	memset(data, 0, sizeof(data));
	ASSERT_EQ(0, provide(self->uffd, self->mem, data, self->page));
	pthread_join(s.thread, NULL);
	EXPECT_EQ(-ECONNRESET, s.result);
}

/* H-7: closing a bus does not wait for the memory of its clients */
TEST_F(stall, bus_ends)
{
	struct sender s = {
		.conn = &self->a, .dst = self->b.id, .mem = self->mem,
	};
	uint8_t data[self->page];

	ASSERT_EQ(0, pthread_create(&s.thread, NULL, send_page, &s));
	ASSERT_EQ(0, wait_fault(self->uffd));
	EXPECT_EQ(0, close(self->env.ctl));
	EXPECT_EQ(POLLERR | POLLHUP, kd_poll(self->b.fd, POLLIN, -1));

	memset(data, 0, sizeof(data));
	ASSERT_EQ(0, provide(self->uffd, self->mem, data, self->page));
	pthread_join(s.thread, NULL);
	EXPECT_EQ(-ECONNRESET, s.result);
}

struct greeter {
	pthread_t thread;
	int fd;
	void *block;
	int result;
};

static void *hello_page(void *data)
{
	struct greeter *g = data;

	g->result = kd_ioctl(g->fd, KDBUS_CMD_HELLO, g->block);
	return NULL;
}

/* Whether a process sleeps without being interruptible. */
static bool is_stuck(pid_t pid)
{
	char path[32], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fscanf(f, "%*d %*s %c", &state) != 1)
		state = 0;
	fclose(f);
	return state == 'D';
}

/* H-1: who waits for a set-up command of somebody else can be killed */
TEST_F(stall, setup_is_killable)
{
	struct greeter g = { .block = self->mem };
	struct kd_block hello;
	uint8_t data[self->page];
	int status;
	pid_t pid;

	g.fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, g.fd);
	ASSERT_EQ(0, pthread_create(&g.thread, NULL, hello_page, &g));
	ASSERT_EQ(0, wait_fault(self->uffd));

	kd_hello_start(&hello, self->page);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(!kd_ioctl(g.fd, KDBUS_CMD_HELLO, &hello));
	while (!is_stuck(pid))
		sched_yield();
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));

	memset(data, 0, sizeof(data));
	memcpy(data, &hello, sizeof(hello.hello));
	ASSERT_EQ(0, provide(self->uffd, self->mem, data, self->page));
	pthread_join(g.thread, NULL);
	EXPECT_EQ(0, g.result);
}

TEST_HARNESS_MAIN
