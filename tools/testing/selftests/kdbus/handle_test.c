// SPDX-License-Identifier: GPL-2.0-only
/*
 * States of a file handle, legal commands, life time (rules H-1 to H-3, H-5 to
 * H-7). Polling has a file of its own, poll_test.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

static const unsigned int setup_commands[] = {
	KDBUS_CMD_BUS_MAKE, KDBUS_CMD_ENDPOINT_MAKE, KDBUS_CMD_HELLO,
};

static const unsigned int other_commands[] = {
	KDBUS_CMD_ENDPOINT_UPDATE, KDBUS_CMD_UPDATE, KDBUS_CMD_BYEBYE,
	KDBUS_CMD_FREE, KDBUS_CMD_CONN_INFO, KDBUS_CMD_BUS_CREATOR_INFO,
	KDBUS_CMD_LIST, KDBUS_CMD_SEND, KDBUS_CMD_RECV, KDBUS_CMD_NAME_ACQUIRE,
	KDBUS_CMD_NAME_RELEASE, KDBUS_CMD_MATCH_ADD, KDBUS_CMD_MATCH_REMOVE,
};

FIXTURE(handle) {
	struct kd_env env;
	int control;	/* NONE on control */
	int ep;		/* NONE on an endpoint */
	struct kd_conn conn;
};

FIXTURE_SETUP(handle)
{
	char path[KD_PATH_MAX];

	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	snprintf(path, sizeof(path), "%s/control", self->env.dir);
	self->control = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->control);
	self->ep = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->ep);
	ASSERT_EQ(0, kd_connect(&self->conn, self->env.bus));
}

FIXTURE_TEARDOWN(handle)
{
}

/* H-1: every open gives a fresh handle, so does reopening through /proc */
TEST_F(handle, open_is_fresh)
{
	char path[64], link[KD_PATH_MAX] = "";
	struct kd_block b;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->conn.fd);
	ASSERT_LT(0, readlink(path, link, sizeof(link) - 1));
	EXPECT_STREQ(self->env.bus, link);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADFD, kd_byebye(&(struct kd_conn){ .fd = fd }));
	kd_hello_start(&b, KD_POOL);
	EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
	EXPECT_LT(self->conn.id, b.hello.id);
}

/* H-1: a failed or negotiating set-up command leaves the handle as it was */
TEST_F(handle, setup_can_be_retried)
{
	struct kd_block b;
	int i;

	for (i = 0; i < 3; i++) {
		kd_hello_start(&b, 1);
		EXPECT_EQ(-EINVAL, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));
		kd_hello_start(&b, KD_POOL);
		b.hello.flags = KDBUS_FLAG_NEGOTIATE;
		EXPECT_EQ(0, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));
		kd_make_start(&b, self->env.name);
		EXPECT_EQ(-EEXIST,
			  kd_ioctl(self->control, KDBUS_CMD_BUS_MAKE, &b));
		b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
		EXPECT_EQ(0, kd_ioctl(self->control, KDBUS_CMD_BUS_MAKE, &b));
	}
	kd_hello_start(&b, KD_POOL);
	EXPECT_EQ(0, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));
	kd_hello_start(&b, KD_POOL);
	EXPECT_EQ(-EBADFD, kd_ioctl(self->ep, KDBUS_CMD_HELLO, &b));
}

struct racer {
	int fd;
	pthread_barrier_t *barrier;
	int result;
};

static void *race_hello(void *data)
{
	struct racer *r = data;
	struct kd_block b;

	kd_hello_start(&b, KD_POOL);
	pthread_barrier_wait(r->barrier);
	r->result = kd_ioctl(r->fd, KDBUS_CMD_HELLO, &b);
	return NULL;
}

/* H-1: of two set-up commands at the same time one wins */
TEST_F(handle, setup_is_serialised)
{
	pthread_barrier_t barrier;
	struct racer r[4];
	pthread_t t[4];
	int i, j, won, fd;

	for (i = 0; i < 20; i++) {
		fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		pthread_barrier_init(&barrier, NULL, 4);
		for (j = 0; j < 4; j++) {
			r[j] = (struct racer){ .fd = fd, .barrier = &barrier };
			ASSERT_EQ(0, pthread_create(&t[j], NULL, race_hello,
						    &r[j]));
		}
		for (j = 0, won = 0; j < 4; j++) {
			pthread_join(t[j], NULL);
			if (r[j].result == 0)
				won++;
			else
				EXPECT_EQ(-EBADFD, r[j].result);
		}
		EXPECT_EQ(1, won);
		close(fd);
	}
}

/* H-2, H-3.2, H-3.3: illegal commands, before any argument is looked at */
TEST_F(handle, wrong_state)
{
	size_t i;

	/* NONE on control, and BUS_OWNER */
	EXPECT_EQ(-EBADFD, kd_ioctl(self->control, KDBUS_CMD_HELLO, NULL));
	EXPECT_EQ(-EBADFD,
		  kd_ioctl(self->control, KDBUS_CMD_ENDPOINT_MAKE, NULL));
	/* NONE on an endpoint */
	EXPECT_EQ(-EBADFD, kd_ioctl(self->ep, KDBUS_CMD_BUS_MAKE, NULL));

	for (i = 0; i < KD_ARRAY_SIZE(other_commands); i++) {
		unsigned int cmd = other_commands[i];

		EXPECT_EQ(-EBADFD, kd_ioctl(self->control, cmd, NULL));
		EXPECT_EQ(-EBADFD, kd_ioctl(self->ep, cmd, NULL));
		EXPECT_EQ(-EBADFD, kd_ioctl(self->env.ctl, cmd, NULL));
	}
	for (i = 0; i < KD_ARRAY_SIZE(setup_commands); i++) {
		unsigned int cmd = setup_commands[i];

		EXPECT_EQ(-EBADFD, kd_ioctl(self->env.ctl, cmd, NULL));
		EXPECT_EQ(-EBADFD, kd_ioctl(self->conn.fd, cmd, NULL));
	}
	EXPECT_EQ(-EBADFD,
		  kd_ioctl(self->conn.fd, KDBUS_CMD_ENDPOINT_UPDATE, NULL));
}

/* H-2, H-3.1: what is no command gives ENOTTY, in every state */
TEST_F(handle, unknown_number)
{
	static const unsigned int numbers[] = {
		0, 0x9500, 0x40189501, 0x40189512, 0x401895ff,
		/* right number, wrong size or direction */
		0x00009580, 0x40609580, 0x80609580, 0xc0589580,
		0xc0409591, 0x40409591, 0x80389590, 0x80189500,
	};
	int fds[4] = { self->control, self->ep, self->env.ctl, self->conn.fd };
	size_t i, j;

	for (i = 0; i < KD_ARRAY_SIZE(fds); i++) {
		for (j = 0; j < KD_ARRAY_SIZE(numbers); j++) {
			EXPECT_EQ(-ENOTTY,
				  kd_ioctl(fds[i], numbers[j], NULL));
		}
	}
	EXPECT_EQ(-ENOTTY, kd_ioctl(self->conn.fd, FIOASYNC, &(int){ 1 }));
}

/* H-2: what the VFS answers for every file */
TEST_F(handle, vfs_ioctls)
{
	long long size = -1;
	int n = -1, one = 1;
	int fd = self->conn.fd;

	EXPECT_EQ(0, kd_ioctl(fd, FIONREAD, &n));
	EXPECT_EQ(0, n);
	EXPECT_EQ(0, kd_ioctl(fd, FIOQSIZE, &size));
	EXPECT_EQ(0, size);
	EXPECT_EQ(0, kd_ioctl(fd, FIONBIO, &one));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, kd_ioctl(fd, FIONCLEX, NULL));
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_EQ(0, kd_ioctl(fd, FIOCLEX, NULL));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
}

/* H-2: directories and O_PATH descriptors */
TEST_F(handle, not_a_handle)
{
	struct kd_block b;
	int fd;

	fd = open(self->env.busdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	kd_hello_start(&b, KD_POOL);
	EXPECT_EQ(-ENOTTY, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
	fd = open(self->env.bus, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
}

/* H-3.4, H-7: after the bus has gone, before any argument is looked at */
TEST_F(handle, shut_down)
{
	size_t i;

	close(self->env.ctl);
	EXPECT_EQ(-ESHUTDOWN, kd_ioctl(self->ep, KDBUS_CMD_HELLO, NULL));
	EXPECT_EQ(-ESHUTDOWN,
		  kd_ioctl(self->ep, KDBUS_CMD_ENDPOINT_MAKE, NULL));
	/* steps 2 and 3 come first */
	EXPECT_EQ(-EBADFD, kd_ioctl(self->ep, KDBUS_CMD_SEND, NULL));
	EXPECT_EQ(-EBADFD, kd_ioctl(self->conn.fd, KDBUS_CMD_HELLO, NULL));
	EXPECT_EQ(-ENOTTY, kd_ioctl(self->conn.fd, 0x9500, NULL));
	/* this wins over EBADFD for ENDPOINT_UPDATE */
	for (i = 0; i < KD_ARRAY_SIZE(other_commands); i++) {
		EXPECT_EQ(-ECONNRESET,
			  kd_ioctl(self->conn.fd, other_commands[i], NULL));
	}
}

/* H-5: there is no stream to read or write */
TEST_F(handle, no_file_operations)
{
	int fd = self->conn.fd;
	char c = 0;

	EXPECT_EQ(-1, read(fd, &c, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(fd, &c, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, fsync(fd));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, fallocate(fd, 0, 0, 4096));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_LE(0, lseek(fd, 100, SEEK_SET));
	EXPECT_EQ(0, fcntl(fd, F_SETFL, O_ASYNC));
}

/* H-5, RECV-3: O_NONBLOCK has no influence, RECV never blocks */
TEST_F(handle, nonblock)
{
	struct kdbus_cmd_recv cmd;

	EXPECT_EQ(-EAGAIN, kd_recv(&self->conn, 0, 0, &cmd));
	ASSERT_EQ(0, fcntl(self->conn.fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, kd_recv(&self->conn, 0, 0, &cmd));
	EXPECT_EQ(0, kd_send(&self->conn, self->conn.id, 1, "x", 1));
	EXPECT_EQ(0, kd_recv(&self->conn, 0, 0, &cmd));
}

#ifdef __x86_64__
/* ioctl() by the entry point of 32-bit programs */
static int ioctl32(int fd, unsigned int cmd, void *arg)
{
	int r;

	__asm__ volatile("int $0x80"
			 : "=a" (r)
			 : "a" (54), "b" (fd), "c" (cmd),
			   "d" ((unsigned int)(uintptr_t)arg)
			 : "memory", "r8", "r9", "r10", "r11");
	return r;
}

static bool have_ioctl32(void)
{
	int pid = fork();

	if (pid == 0)
		_exit(ioctl32(-1, 0, NULL) == -EBADF ? 0 : 1);
	return kd_wait(pid) == 0;
}

/* H-6: the same structures and numbers for 32-bit callers */
TEST_F(handle, compat)
{
	struct kdbus_cmd_recv *recv;
	struct kdbus_cmd_send *send;
	struct kd_block *b;
	int fd = self->ep;
	uint8_t *p;

	if (!have_ioctl32())
		SKIP(return, "no 32-bit system calls");
	p = mmap(NULL, sizeof(*b) + 8192, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	recv = (void *)p;
	send = (void *)(p + 4096);
	b = (void *)(p + 8192);

	EXPECT_EQ(-EBADFD, ioctl32(fd, KDBUS_CMD_RECV, recv));
	EXPECT_EQ(-ENOTTY, ioctl32(fd, 0x9500, recv));
	kd_hello_start(b, KD_POOL);
	ASSERT_EQ(0, ioctl32(fd, KDBUS_CMD_HELLO, b));
	send->size = sizeof(*send);
	send->msg_address = (uintptr_t)b;
	kd_msg_start(b, b->hello.id);
	kd_msg_vec(b, "text", 5);
	ASSERT_EQ(0, ioctl32(fd, KDBUS_CMD_SEND, send));
	EXPECT_EQ(KD_POOL, send->reply.offset);
	recv->size = sizeof(*recv);
	ASSERT_EQ(0, ioctl32(fd, KDBUS_CMD_RECV, recv));
	EXPECT_EQ(64 + 32 + 8, recv->msg.msg_size);
	EXPECT_EQ(-EFAULT, ioctl32(fd, KDBUS_CMD_RECV, p + 4));
}
#endif

/* H-7: a handle lives until its last reference is closed */
TEST_F(handle, duplicates)
{
	struct kd_conn dup_conn = self->conn;

	dup_conn.fd = dup(self->conn.fd);
	ASSERT_LE(0, dup_conn.fd);
	close(self->conn.fd);
	EXPECT_EQ(0, kd_send(&dup_conn, self->conn.id, 1, "x", 1));
	close(dup_conn.fd);

	ASSERT_EQ(0, kd_connect(&dup_conn, self->env.bus));
	EXPECT_EQ(-ENXIO, kd_send(&dup_conn, self->conn.id, 1, "x", 1));
}

/* H-7, BUS-5: a handle in flight in a socket is a reference */
TEST_F(handle, in_flight)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int sv[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &self->env.ctl, sizeof(int));
	ASSERT_EQ(1, sendmsg(sv[0], &m, 0));

	close(self->env.ctl);
	EXPECT_EQ(0, access(self->env.bus, F_OK));
	close(sv[0]);
	close(sv[1]);
	EXPECT_EQ(-1, access(self->env.bus, F_OK));
	EXPECT_EQ(ENOENT, errno);
}

/* H-7: SIGKILL closes */
TEST_F(handle, killed_owner)
{
	int ready[2], pid;
	struct kd_conn c;
	char byte;

	ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		struct kd_conn child;

		if (kd_connect(&child, self->env.bus) == 0 &&
		    write(ready[1], &child.id, sizeof(child.id)) > 0)
			for (;;)
				pause();
		_exit(1);
	}
	ASSERT_EQ(sizeof(c.id), read(ready[0], &c.id, sizeof(c.id)));
	EXPECT_EQ(0, kd_send(&self->conn, c.id, 1, "x", 1));
	kill(pid, SIGKILL);
	EXPECT_EQ(-EINTR, kd_wait(pid));
	EXPECT_EQ(-ENXIO, kd_send(&self->conn, c.id, 1, "x", 1));
	close(ready[1]);
	EXPECT_EQ(0, read(ready[0], &byte, 1));
}

/* H-7: closing the bus shuts everything on it down; pools stay */
TEST_F(handle, close_bus)
{
	struct kd_conn other;
	struct stat st;

	ASSERT_EQ(0, kd_connect(&other, self->env.bus));
	ASSERT_EQ(0, kd_send(&other, self->conn.id, 1, "stays", 6));
	close(self->env.ctl);

	EXPECT_EQ(-1, stat(self->env.busdir, &st));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-ECONNRESET, kd_send(&other, self->conn.id, 1, "x", 1));
	EXPECT_EQ(-ECONNRESET, kd_free(&self->conn, 0));
	EXPECT_EQ(0, fstat(self->conn.fd, &st));
	/* still mapped, and can still be mapped (POOL-2) */
	EXPECT_STREQ("stays", (const char *)self->conn.pool + 96);
	EXPECT_NE(MAP_FAILED, mmap(NULL, KD_POOL, PROT_READ, MAP_SHARED,
				   self->conn.fd, 0));
}

/* H-7: closing handles in NONE has no effect */
TEST_F(handle, close_none)
{
	close(self->control);
	close(self->ep);
	EXPECT_EQ(0, kd_send(&self->conn, self->conn.id, 1, "x", 1));
	EXPECT_EQ(0, access(self->env.bus, F_OK));
}

TEST_HARNESS_MAIN
