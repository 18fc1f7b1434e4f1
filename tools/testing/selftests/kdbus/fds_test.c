// SPDX-License-Identifier: GPL-2.0-only
/*
 * File descriptors in messages (rules SEND-5, 18.3, 18.4, SEND-11, LAY-4,
 * LAY-6, QUOTA-3, RECV-7 to RECV-9, SYNC-3, BYE-3.4; W-2, W-6, W-7, W-11, W-22,
 * W-25, W-40, W-48)
 *
 * The write end of a pipe tells who still has it: its read end hangs up when
 * the last one is gone.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define FDS		KDBUS_ITEM_FDS
#define INCOMPLETE	KDBUS_RECV_RETURN_INCOMPLETE_FDS
#define DEAD		KDBUS_ITEM_REPLY_DEAD
#define USER		4711
#define COOKIE		500
#define POOL		(256 * 1024)
/* in one message, and of one user in one queue */
#define MAX_FDS		16

FIXTURE(fds) {
	struct kd_env env;
	struct kd_conn a;	/* sends */
	struct kd_conn b;	/* accepts descriptors */
	struct kd_conn n;	/* does not */
	int pipe[2];
};

FIXTURE_SETUP(fds)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_hello(&self->a, self->env.bus, KDBUS_HELLO_ACCEPT_FD,
			      0, POOL));
	ASSERT_EQ(0, kd_hello(&self->b, self->env.bus, KDBUS_HELLO_ACCEPT_FD,
			      0, POOL));
	ASSERT_EQ(0, kd_hello(&self->n, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC));
}

FIXTURE_TEARDOWN(fds)
{
}

static int empty(const struct kd_conn *c)
{
	uint64_t cookie;

	return kd_recv_cookie(c, &cookie);
}

static int send_fds(const struct kd_conn *from, uint64_t dst, const int *fds,
		    size_t n)
{
	struct kd_block b;

	kd_msg_start(&b, dst);
	kd_msg_fds(&b, fds, n);
	return kd_msg_send(from, &b);
}

static int send_fd(const struct kd_conn *from, const struct kd_conn *to, int fd)
{
	return send_fds(from, to->id, &fd, 1);
}

/* The same descriptor so many times. */
static int send_many(const struct kd_conn *from, const struct kd_conn *to,
		     int fd, size_t n)
{
	int fds[MAX_FDS + 1];
	size_t i;

	for (i = 0; i < n; i++)
		fds[i] = fd;
	return send_fds(from, to->id, fds, n);
}

/* Receive a message with one descriptor and free it. */
static int recv_fd(const struct kd_conn *c)
{
	const struct kdbus_item *item;
	struct kdbus_cmd_recv cmd;
	int fd, r;

	r = kd_recv(c, 0, 0, &cmd);
	if (r != 0)
		return r;
	item = kd_item(kd_msg(c, cmd.msg.offset), FDS, 0);
	fd = item && item->size == 20 ? item->fds[0] : -EPROTO;
	if (cmd.msg.return_flags)
		fd = -EPROTO;
	return kd_free(c, cmd.msg.offset) ?: fd;
}

/* RECV-9: the file that was sent, behind a descriptor of one's own */
static bool is_copy(int got, int sent)
{
	return got >= 0 && got != sent && kd_same_file(got, sent) &&
	       fcntl(got, F_GETFD) == FD_CLOEXEC;
}

static bool has_size(int fd, uint64_t size)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (uint64_t)st.st_size == size;
}

/* Whether nobody has the write end any more, waiting for that. */
static bool hung_up(int read_end)
{
	return kd_poll(read_end, POLLIN, KD_PATIENCE) == POLLHUP;
}

static bool held(int read_end)
{
	return kd_poll(read_end, POLLIN, 0) == 0;
}

/* LAY-4, LAY-6, RECV-9: as many entries, the same open file description */
TEST_F(fds, delivered)
{
	int i, sent[3], got[3], file = kd_memfd(64, 0);
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	struct kd_block b, copy;

	sent[0] = self->pipe[0];
	sent[1] = file;
	sent[2] = self->pipe[0];
	kd_msg_start(&b, self->b.id);
	kd_msg_fds(&b, sent, 3);
	copy = b;
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, memcmp(&b, &copy, sizeof(b)));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.msg.return_flags);
	EXPECT_EQ(96, cmd.msg.msg_size);
	msg = kd_msg(&self->b, cmd.msg.offset);
	EXPECT_EQ(92, msg->size);
	item = kd_item(msg, FDS, 0);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(28, item->size);
	EXPECT_EQ(0, item->fds[3]);
	for (i = 0; i < 3; i++) {
		got[i] = item->fds[i];
		EXPECT_TRUE(is_copy(got[i], sent[i]));
	}
	EXPECT_NE(got[0], got[2]);
	/* the offset and the status flags are shared */
	EXPECT_EQ(17, lseek(got[1], 17, SEEK_SET));
	EXPECT_EQ(17, lseek(file, 0, SEEK_CUR));
	EXPECT_EQ(0, fcntl(file, F_SETFL, O_APPEND));
	EXPECT_EQ(O_APPEND, fcntl(got[1], F_GETFL) & O_APPEND);

	/* freeing the slice does not close them */
	EXPECT_EQ(0, kd_free(&self->b, cmd.msg.offset));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0,
			  close(got[i]));
	}
}

/* LAY-6: one entry as the only item, without metadata and with TIMESTAMP */
TEST_F(fds, layout)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	struct kd_conn t;

	ASSERT_EQ(0, kd_hello(&t, self->env.bus, KDBUS_HELLO_ACCEPT_FD,
			      KDBUS_ATTACH_TIMESTAMP, POOL));
	ASSERT_EQ(0, send_fd(&self->a, &self->b, self->pipe[1]));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(88, cmd.msg.msg_size);
	EXPECT_EQ(84, kd_msg(&self->b, cmd.msg.offset)->size);

	ASSERT_EQ(0, send_fd(&self->a, &t, self->pipe[1]));
	ASSERT_EQ(0, kd_recv(&t, 0, 0, &cmd));
	EXPECT_EQ(128, cmd.msg.msg_size);
	msg = kd_msg(&t, cmd.msg.offset);
	EXPECT_EQ(128, msg->size);
	EXPECT_EQ(20, kd_item(msg, FDS, 0)->size);
	EXPECT_EQ(40, kd_item(msg, KDBUS_ITEM_TIMESTAMP, 0)->size);
	EXPECT_TRUE(is_copy(kd_item(msg, FDS, 0)->fds[0], self->pipe[1]));
}

/* W-2: no entries at all: delivered as an empty item, to anybody */
TEST_F(fds, none)
{
	const struct kd_conn *to[] = { &self->b, &self->n };
	int memfd = kd_memfd(8, KD_SEALS), with;
	const struct kdbus_item *item;
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	size_t i;

	for (i = 0; i < 2 * KD_ARRAY_SIZE(to); i++) {
		with = i / 2;
		kd_msg_start(&b, to[i % 2]->id);
		kd_msg_fds(&b, NULL, 0);
		if (with)
			kd_msg_memfd(&b, memfd, 0, 8);
		ASSERT_EQ(0, kd_msg_send(&self->a, &b));
		ASSERT_EQ(0, kd_recv(to[i % 2], 0, 0, &cmd));
		EXPECT_EQ(0, cmd.msg.return_flags);
		item = kd_msg(to[i % 2], cmd.msg.offset)->items;
		EXPECT_EQ(FDS, item->type);
		EXPECT_EQ(16, item->size);
		EXPECT_EQ(80 + 40 * with, cmd.msg.msg_size);
		if (with) {
			item = (const void *)((const uint8_t *)item + 16);
			EXPECT_TRUE(is_copy(item->memfd.fd, memfd));
		}
	}
	/* and as a signal to one, which 18.4 forbids for broadcasts only */
	ASSERT_EQ(0, kd_match_all(&self->n, 1));
	kd_signal_start(&b, self->n.id, 1);
	kd_msg_fds(&b, NULL, 0);
	EXPECT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, kd_drop(&self->n));
	b.msg.dst_id = KDBUS_DST_ID_BROADCAST;
	EXPECT_EQ(-ENOTUNIQ, kd_msg_send(&self->a, &b));
}

/* 18.3: 16 entries, before any of them is looked up; 3.3: of four bytes */
TEST_F(fds, number_of_entries)
{
	int i, fds[MAX_FDS + 1];
	const struct kdbus_item *item;
	struct kdbus_cmd_recv cmd;
	struct kd_block b;

	for (i = 0; i < MAX_FDS; i++) {
		fds[i] = kd_memfd(i + 1, 0);
		ASSERT_LE(0, fds[i]);
	}
	fds[i] = -1;
	EXPECT_EQ(-EMFILE, send_fds(&self->a, self->b.id, fds, i + 1));
	EXPECT_EQ(-EMFILE, send_many(&self->a, &self->b, -1, i + 1));
	EXPECT_EQ(0, send_fds(&self->a, self->b.id, fds, i));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	item = kd_item(kd_msg(&self->b, cmd.msg.offset), FDS, 0);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(16 + 4 * MAX_FDS, item->size);
	for (i = 0; i < MAX_FDS; i++) {
		EXPECT_TRUE(is_copy(item->fds[i], fds[i]));
	}

	for (i = 1; i < 16; i++) {
		if (i % 4 == 0)
			continue;
		kd_msg_start(&b, self->b.id);
		kd_add(&b, FDS, fds, i);
		EXPECT_EQ(-EINVAL, kd_msg_send(&self->a, &b));
	}
	/* once */
	kd_msg_start(&b, self->b.id);
	kd_msg_fds(&b, fds, 1);
	kd_msg_fds(&b, fds, 1);
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->a, &b));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SEND-5: numbers that are not open; what was looked up before is let go */
TEST_F(fds, not_open)
{
	int closed = dup(0), i, j, bad[4], fds[3];

	close(closed);
	bad[0] = closed;
	bad[1] = -1;
	bad[2] = INT32_MAX;
	bad[3] = AT_FDCWD;
	for (i = 0; i < 4; i++) {
		for (j = 0; j < 3; j++) {
			fds[0] = self->pipe[1];
			fds[1] = self->pipe[1];
			fds[2] = self->pipe[1];
			fds[j] = bad[i];
			EXPECT_EQ(-EBADF, send_fds(&self->a, self->b.id, fds,
						   3));
		}
	}
	close(self->pipe[1]);
	EXPECT_TRUE(hung_up(self->pipe[0]));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SEND-1.7, SEND-13: entry by entry; after 18.4, before the destination */
TEST_F(fds, order_of_errors)
{
	struct kdbus_cmd_send cmd;
	struct kd_block b;
	int fds[2];

	fds[0] = self->a.fd;
	fds[1] = -1;
	EXPECT_EQ(-EOPNOTSUPP, send_fds(&self->a, self->b.id, fds, 2));
	fds[0] = -1;
	fds[1] = self->a.fd;
	EXPECT_EQ(-EBADF, send_fds(&self->a, self->b.id, fds, 2));
	EXPECT_EQ(-EDESTADDRREQ, send_fds(&self->a, 0, fds, 2));
	EXPECT_EQ(-EBADF, send_fds(&self->a, self->b.id + 1000, fds, 2));
	EXPECT_EQ(-ENXIO, send_fds(&self->a, self->b.id + 1000, self->pipe, 2));
	EXPECT_EQ(-EBADF, send_fds(&self->a, self->n.id, fds, 2));
	kd_call_start(&b, self->b.id, COOKIE, KD_PAST);
	kd_msg_fds(&b, fds, 2);
	EXPECT_EQ(-EBADF, kd_call_sync(&self->a, &b, -1, &cmd));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SEND-5, W-40: a handle of kdbus, in every state there is */
TEST_F(fds, kdbus_handles)
{
	char path[KD_PATH_MAX], name[32];
	struct kd_conn gone;
	int fds[7], i;

	snprintf(path, sizeof(path), "%s/control", self->env.dir);
	fds[0] = open(path, O_RDWR | O_CLOEXEC);
	fds[1] = open(self->env.bus, O_RDWR | O_CLOEXEC);
	fds[2] = self->env.ctl;
	kd_name(name, sizeof(name), "endpoint");
	fds[3] = kd_endpoint_make(self->env.bus, name, 0);
	fds[4] = self->a.fd;
	fds[5] = self->b.fd;
	ASSERT_EQ(0, kd_connect(&gone, self->env.bus));
	ASSERT_EQ(0, kd_byebye(&gone));
	fds[6] = gone.fd;
	for (i = 0; i < KD_ARRAY_SIZE(fds); i++) {
		ASSERT_LE(0, fds[i]);
		EXPECT_EQ(-EOPNOTSUPP, send_fd(&self->a, &self->b, fds[i])) {
			TH_LOG("descriptor %d", i);
		}
	}
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SEND-5, W-40: sockets of AF_UNIX, of any type and in any state */
TEST_F(fds, unix_sockets)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	const sa_family_t family = AF_UNIX;
	int p[2], fd;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(types); i++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0,
					p));
		EXPECT_EQ(-EOPNOTSUPP, send_fd(&self->a, &self->b, p[0]));
		close(p[1]);
		EXPECT_EQ(-EOPNOTSUPP, send_fd(&self->a, &self->b, p[0]));
		fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);
		ASSERT_LE(0, fd);
		EXPECT_EQ(-EOPNOTSUPP, send_fd(&self->a, &self->b, fd));
		if (types[i] == SOCK_DGRAM)
			continue;
		/* at an address that the kernel chooses */
		ASSERT_EQ(0, bind(fd, (const struct sockaddr *)&family,
				  sizeof(family)));
		ASSERT_EQ(0, listen(fd, 1));
		EXPECT_EQ(-EOPNOTSUPP, send_fd(&self->a, &self->b, fd));
	}
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SEND-5, W-40: an io_uring instance, in which files can be registered */
TEST_F(fds, io_uring)
{
	struct io_uring_params params = {};
	int fd = syscall(SYS_io_uring_setup, 1, &params);

	if (fd < 0)
		SKIP(return, "no io_uring here");
	EXPECT_EQ(-EOPNOTSUPP, send_fd(&self->a, &self->b, fd));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SEND-5: with O_PATH everything, of kdbus and AF_UNIX as well */
TEST_F(fds, path_descriptors)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char path[64];
	int fds[6], s;
	size_t i;

	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_LE(0, s);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/kdbus-socket-%d",
		 getpid());
	unlink(addr.sun_path);
	ASSERT_EQ(0, bind(s, (const struct sockaddr *)&addr, sizeof(addr)));
	fds[0] = open(addr.sun_path, O_PATH | O_CLOEXEC);
	unlink(addr.sun_path);
	fds[1] = open(self->env.bus, O_PATH | O_CLOEXEC);
	fds[2] = open(self->env.busdir, O_PATH | O_CLOEXEC);
	fds[3] = open("/tmp", O_PATH | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->a.fd);
	fds[4] = open(path, O_PATH | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->pipe[0]);
	fds[5] = open(path, O_PATH | O_CLOEXEC);
	for (i = 0; i < KD_ARRAY_SIZE(fds); i++) {
		int got;

		ASSERT_LE(0, fds[i]);
		EXPECT_EQ(0, send_fd(&self->a, &self->b, fds[i])) {
			TH_LOG("descriptor %zu", i);
		}
		got = recv_fd(&self->b);
		EXPECT_TRUE(is_copy(got, fds[i]));
		EXPECT_EQ(O_PATH, fcntl(got, F_GETFL) & O_PATH);
	}
}

/* SEND-5: everything else */
TEST_F(fds, other_files)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fds[10], i, got;

	fds[0] = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_EQ(0, epoll_ctl(fds[0], EPOLL_CTL_ADD, self->a.fd, &event));
	fds[1] = open(self->env.busdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[2] = open(self->env.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[3] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[4] = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	fds[5] = eventfd(0, EFD_CLOEXEC);
	fds[6] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	fds[7] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	fds[8] = kd_memfd(1, KD_SEALS);
	fds[9] = self->pipe[1];
	for (i = 0; i < KD_ARRAY_SIZE(fds); i++) {
		ASSERT_LE(0, fds[i]) {
			TH_LOG("descriptor %d", i);
		}
		EXPECT_EQ(0, send_fd(&self->a, &self->b, fds[i])) {
			TH_LOG("descriptor %d", i);
		}
		got = recv_fd(&self->b);
		EXPECT_TRUE(is_copy(got, fds[i]));
	}
	/* what is not sent itself may be watched */
	EXPECT_EQ(0, kd_send(&self->b, self->a.id, 1, "x", 1));
	EXPECT_EQ(POLLIN, kd_poll(fds[0], POLLIN, KD_PATIENCE));
}

/* SEND-11: a receiver that takes none; before the quotas, after all else */
TEST_F(fds, not_accepted)
{
	static const uint8_t data[POOL];
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	int i;

	EXPECT_EQ(-ECOMM, send_fd(&self->a, &self->n, self->pipe[1]));
	kd_msg_start(&b, self->n.id);
	kd_msg_vec(&b, data, sizeof(data));
	EXPECT_EQ(-ENOBUFS, kd_msg_send(&self->a, &b));
	kd_msg_fds(&b, self->pipe, 1);
	EXPECT_EQ(-ECOMM, kd_msg_send(&self->a, &b));
	/* a call leaves no tracker */
	kd_call_start(&b, self->n.id, COOKIE, KD_FAR);
	kd_msg_fds(&b, self->pipe, 2);
	for (i = 0; i < 2 * KD_CALLS_MAX; i++) {
		ASSERT_EQ(-ECOMM,
			  kd_msg_send(&self->a, &b));
	}
	EXPECT_EQ(-EBADSLT, kd_reply(&self->n, self->a.id, COOKIE, NULL, 0));
	EXPECT_EQ(-EAGAIN, kd_recv(&self->n, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.dropped_msgs);
	/* nothing is kept of them */
	close(self->pipe[1]);
	EXPECT_TRUE(hung_up(self->pipe[0]));
	/* nor charged */
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_send(&self->a, self->n.id, i, NULL, 0));
	}
	EXPECT_EQ(-ECOMM, send_fd(&self->a, &self->n, self->pipe[0]));
	EXPECT_EQ(-ENOBUFS, kd_send(&self->a, self->n.id, i, NULL, 0));
}

/* SEND-13: EPERM and EMLINK before ECOMM */
TEST_F(fds, not_permitted)
{
	struct kd_conn other;
	struct kd_block b;
	int i;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, kd_connect_as(&other, self->env.bus, USER));
	ASSERT_EQ(0, kd_act_as(USER));
	EXPECT_EQ(-EPERM, send_fd(&other, &self->n, self->pipe[1]));
	EXPECT_EQ(-EPERM, send_fd(&other, &self->b, self->pipe[1]));
	EXPECT_EQ(-EOPNOTSUPP, send_fd(&other, &self->b, other.fd));
	ASSERT_EQ(0, kd_act_as(0));

	for (i = 0; i < KD_CALLS_MAX; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->n.id, i, KD_FAR));
	}
	kd_call_start(&b, self->n.id, COOKIE, KD_FAR);
	kd_msg_fds(&b, self->pipe, 1);
	EXPECT_EQ(-EMLINK, kd_msg_send(&self->a, &b));
}

/* SEND-9, RECV-5: a signal that its addressee cannot take is lost, counted */
TEST_F(fds, signal)
{
	struct kdbus_cmd_recv cmd;
	struct kd_block b;

	ASSERT_EQ(0, kd_match_all(&self->b, 1));
	ASSERT_EQ(0, kd_match_all(&self->n, 1));
	kd_signal_start(&b, self->b.id, 1);
	kd_msg_fds(&b, &self->pipe[1], 1);
	EXPECT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_TRUE(is_copy(recv_fd(&self->b), self->pipe[1]));
	b.msg.dst_id = self->n.id;
	EXPECT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(-EAGAIN, kd_recv(&self->n, 0, 0, &cmd));
	EXPECT_EQ(1, cmd.dropped_msgs);
	EXPECT_EQ(KDBUS_RECV_RETURN_DROPPED_MSGS, cmd.return_flags);
	/* without a match there is nothing to lose */
	b.msg.dst_id = self->a.id;
	EXPECT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(-EAGAIN, kd_recv(&self->a, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.dropped_msgs);
}

/* QUOTA-3: 16 entries of one user in a queue, by whatever connection */
TEST_F(fds, quota)
{
	struct kdbus_cmd_recv cmd;
	struct kd_conn a2, b2;
	int i;

	ASSERT_EQ(0, kd_connect(&a2, self->env.bus));
	ASSERT_EQ(0, kd_connect(&b2, self->env.bus));
	for (i = 0; i < MAX_FDS; i++) {
		ASSERT_EQ(0, send_fd(i % 2 ? &self->a : &a2, &self->b,
				     self->pipe[1]));
	}
	EXPECT_EQ(-EMFILE, send_fd(&self->a, &self->b, self->pipe[1]));
	EXPECT_EQ(-EMFILE, send_fd(&a2, &self->b, self->pipe[1]));
	/* other receivers, and messages without, are not concerned */
	EXPECT_EQ(0, send_many(&self->a, &b2, self->pipe[1], MAX_FDS));
	EXPECT_EQ(0, kd_send(&self->a, self->b.id, 1, NULL, 0));
	EXPECT_EQ(0, send_many(&self->a, &self->b, self->pipe[1], 0));

	/* QUOTA-1: peeking returns nothing, receiving and dropping do */
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
	EXPECT_EQ(-EMFILE, send_fd(&self->a, &self->b, self->pipe[1]));
	EXPECT_TRUE(is_copy(recv_fd(&self->b), self->pipe[1]));
	EXPECT_EQ(0, send_fd(&self->a, &self->b, self->pipe[1]));
	EXPECT_EQ(-EMFILE, send_fd(&self->a, &self->b, self->pipe[1]));
	for (i = 0; i < 6; i++) {
		ASSERT_EQ(0,
			  kd_drop(&self->b));
	}
	EXPECT_EQ(-EMFILE, send_many(&self->a, &self->b, self->pipe[1], 7));
	EXPECT_EQ(0, send_many(&self->a, &self->b, self->pipe[1], 6));
	EXPECT_EQ(-EMFILE, send_fd(&self->a, &self->b, self->pipe[1]));
}

/* QUOTA-1: a share for each user */
TEST_F(fds, quota_of_others)
{
	struct kd_conn other;

	ASSERT_EQ(0, setreuid(USER, -1));
	ASSERT_EQ(0, kd_connect(&other, self->env.bus));
	ASSERT_EQ(0, setreuid(geteuid(), -1));
	EXPECT_EQ(0, send_many(&self->a, &self->b, self->pipe[1], MAX_FDS));
	EXPECT_EQ(-EMFILE, send_fd(&self->a, &self->b, self->pipe[1]));
	EXPECT_EQ(0, send_many(&other, &self->b, self->pipe[1], MAX_FDS));
	EXPECT_EQ(-EMFILE, send_fd(&other, &self->b, self->pipe[1]));
}

/* SEND-13, QUOTA-4, W-5: the order of the quotas; what is refused is free */
TEST_F(fds, quota_refused)
{
	static const uint8_t data[POOL];
	struct kd_block b;
	int i;

	for (i = 0; i < 300; i++) {
		kd_msg_start(&b, self->b.id);
		kd_msg_fds(&b, &self->pipe[1], 1);
		kd_msg_vec(&b, data, POOL / 6);
		ASSERT_EQ(-ENOBUFS, kd_msg_send(&self->a, &b));
		kd_msg_start(&b, self->b.id);
		kd_msg_fds(&b, &self->pipe[1], 1);
		kd_msg_vec(&b, (void *)8, 8);
		ASSERT_EQ(-EFAULT, kd_msg_send(&self->a, &b));
	}
	EXPECT_EQ(0, send_many(&self->a, &self->b, self->pipe[1], MAX_FDS));
	kd_msg_start(&b, self->b.id);
	kd_msg_fds(&b, &self->pipe[1], 1);
	kd_msg_vec(&b, data, POOL / 6);
	EXPECT_EQ(-ENOBUFS, kd_msg_send(&self->a, &b));
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(-EMFILE,
			  send_fd(&self->a, &self->b, self->pipe[1]));
	}
	EXPECT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(0, send_many(&self->a, &self->b, self->pipe[1], MAX_FDS));
	/* the limit of messages comes first */
	for (i = 1; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_send(&self->a, self->b.id, i, NULL, 0));
	}
	EXPECT_EQ(-ENOBUFS, send_fd(&self->a, &self->b, self->pipe[1]));
}

/* SEND-11: EMFILE before EXFULL */
TEST_F(fds, quota_before_pool)
{
	static const uint8_t data[16 * 1024];
	struct kdbus_cmd_recv cmd;
	struct kd_conn c;
	struct kd_block b;
	int i;

	ASSERT_EQ(0, kd_hello(&c, self->env.bus, KDBUS_HELLO_ACCEPT_FD, 0,
			      128 * 1024));
	/* all but a little is held by the client */
	for (i = 0; i < 7; i++) {
		ASSERT_EQ(0, kd_send(&self->a, c.id, 1, data, sizeof(data)));
		ASSERT_EQ(0, kd_recv(&c, 0, 0, &cmd));
	}
	EXPECT_EQ(0, send_many(&self->a, &c, self->pipe[1], MAX_FDS));
	kd_msg_start(&b, c.id);
	kd_msg_vec(&b, data, sizeof(data));
	EXPECT_EQ(-EXFULL, kd_msg_send(&self->a, &b));
	kd_msg_fds(&b, &self->pipe[1], 1);
	EXPECT_EQ(-EMFILE, kd_msg_send(&self->a, &b));
	/* W-5: and an EXFULL charges no entries */
	ASSERT_EQ(0, kd_drop(&c));
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(-EXFULL,
			  kd_msg_send(&self->a, &b));
	}
	EXPECT_EQ(0, send_many(&self->a, &c, self->pipe[1], MAX_FDS));
}

/* W-25: 16 entries and 32 memfds may be pending together */
TEST_F(fds, with_memfds)
{
	int i, n, fds[8], memfd = kd_memfd(8, KD_SEALS);
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	struct kd_block b;

	for (i = 0; i < 2; i++) {
		kd_msg_start(&b, self->b.id);
		for (n = 0; n < 16; n++)
			kd_msg_memfd(&b, memfd, 0, 8);
		for (n = 0; n < 8; n++)
			fds[n] = self->pipe[1];
		kd_msg_fds(&b, fds, 8);
		ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	}
	EXPECT_EQ(-EMFILE, send_fd(&self->a, &self->b, self->pipe[1]));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
		EXPECT_EQ(0, cmd.msg.return_flags);
		msg = kd_msg(&self->b, cmd.msg.offset);
		for (n = 0; n < 16; n++) {
			item = kd_item(msg, KDBUS_ITEM_PAYLOAD_MEMFD, n);
			ASSERT_NE(NULL, item);
			EXPECT_TRUE(is_copy(item->memfd.fd, memfd));
		}
		item = kd_item(msg, FDS, 0);
		ASSERT_NE(NULL, item);
		for (n = 0; n < 8; n++) {
			EXPECT_TRUE(is_copy(item->fds[n], self->pipe[1]));
		}
	}
}

/* W-22, W-6: until it is received every entry holds -1 */
TEST_F(fds, unreceived)
{
	const struct kdbus_item *item;
	struct kdbus_cmd_recv cmd;
	int i;

	ASSERT_EQ(0, send_many(&self->a, &self->b, self->pipe[1], 5));
	/* POOL-3: the first slice of the pool */
	item = kd_item(kd_msg(&self->b, 0), FDS, 0);
	ASSERT_NE(NULL, item);
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(-1, item->fds[i]);
	}
	EXPECT_EQ(0, item->fds[5]);
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	ASSERT_EQ(0, cmd.msg.offset);
	for (i = 0; i < 5; i++) {
		EXPECT_TRUE(is_copy(item->fds[i], self->pipe[1]));
	}
}

/* RECV-7, W-7: peeking installs nothing, however often */
TEST_F(fds, peek)
{
	struct kdbus_cmd_recv cmd;
	int i, lowest;

	ASSERT_EQ(0, send_fd(&self->a, &self->b, self->pipe[1]));
	lowest = kd_lowest_fd();
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
		EXPECT_EQ(0, cmd.msg.return_flags);
		EXPECT_EQ(lowest, kd_lowest_fd());
		EXPECT_EQ(-1, kd_item(kd_msg(&self->b, cmd.msg.offset), FDS,
				      0)->fds[0]);
	}
	EXPECT_EQ(lowest, recv_fd(&self->b));
	EXPECT_TRUE(is_copy(lowest, self->pipe[1]));
}

/* RECV-8, BYE-3.4, H-7: what is discarded is closed, whoever discards it */
TEST_F(fds, discarded)
{
	struct kdbus_cmd_recv cmd;

	/* dropped, while the slice is held */
	ASSERT_EQ(0, send_fd(&self->a, &self->b, self->pipe[1]));
	close(self->pipe[1]);
	EXPECT_TRUE(held(self->pipe[0]));
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
	EXPECT_TRUE(held(self->pipe[0]));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_TRUE(hung_up(self->pipe[0]));
	EXPECT_EQ(-1, kd_item(kd_msg(&self->b, cmd.msg.offset), FDS,
			      0)->fds[0]);

	/* the receiver closes */
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC));
	ASSERT_EQ(0, send_fd(&self->a, &self->b, self->pipe[1]));
	close(self->pipe[1]);
	EXPECT_TRUE(held(self->pipe[0]));
	kd_close(&self->b);
	EXPECT_TRUE(hung_up(self->pipe[0]));

	/* the bus ends, though the receiver is still open */
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
	ASSERT_EQ(0, send_fd(&self->a, &self->b, self->pipe[1]));
	close(self->pipe[1]);
	EXPECT_TRUE(held(self->pipe[0]));
	close(self->env.ctl);
	EXPECT_TRUE(hung_up(self->pipe[0]));
}

/* H-7: a receiver that is killed */
TEST_F(fds, receiver_killed)
{
	int ready[2], pid;
	uint64_t id;

	ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
	pid = fork();
	if (pid == 0) {
		struct kd_conn c;

		close(self->pipe[1]);
		KD_CHECK(kd_connect(&c, self->env.bus) == 0);
		KD_CHECK(write(ready[1], &c.id, 8) == 8);
		pause();
		_exit(0);
	}
	ASSERT_EQ(8, read(ready[0], &id, 8));
	ASSERT_EQ(0, send_fds(&self->a, id, &self->pipe[1], 1));
	close(self->pipe[1]);
	EXPECT_TRUE(held(self->pipe[0]));
	kill(pid, SIGKILL);
	EXPECT_TRUE(hung_up(self->pipe[0]));
	EXPECT_EQ(-EINTR, kd_wait(pid));
}

/* META-3: what the sender does later does not matter */
TEST_F(fds, sender_goes)
{
	int pid, got;

	pid = fork();
	if (pid == 0) {
		KD_CHECK(send_fd(&self->a, &self->b, self->pipe[1]) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, kd_wait(pid));
	kd_close(&self->a);
	close(self->pipe[1]);
	EXPECT_TRUE(held(self->pipe[0]));
	got = recv_fd(&self->b);
	ASSERT_LE(0, got);
	EXPECT_EQ(1, write(got, "x", 1));
	EXPECT_EQ(POLLIN, kd_poll(self->pipe[0], POLLIN, KD_PATIENCE));
}

/* SEND-7: to oneself */
TEST_F(fds, self)
{
	ASSERT_EQ(0, send_fd(&self->a, &self->a, self->pipe[1]));
	EXPECT_TRUE(is_copy(recv_fd(&self->a), self->pipe[1]));
	EXPECT_EQ(-ECOMM, send_fd(&self->n, &self->n, self->pipe[1]));
	/* left behind in the own queue */
	ASSERT_EQ(0, send_fd(&self->a, &self->a, self->pipe[1]));
	kd_close(&self->a);
}

/* RECV-9: into the process that receives, whoever made the connection */
TEST_F(fds, other_process)
{
	int pid, lowest, number;

	ASSERT_EQ(0, send_fd(&self->a, &self->b, self->pipe[1]));
	lowest = kd_lowest_fd();
	pid = fork();
	if (pid == 0) {
		number = kd_lowest_fd();
		KD_CHECK(recv_fd(&self->b) == number);
		KD_CHECK(is_copy(number, self->pipe[1]));
		_exit(0);
	}
	EXPECT_EQ(0, kd_wait(pid));
	EXPECT_EQ(lowest, kd_lowest_fd());
	close(self->pipe[1]);
	EXPECT_TRUE(hung_up(self->pipe[0]));
}

/* Numbers in a message with two memfds around two descriptors, or -1. */
static void numbers(const struct kdbus_msg *msg, int fds[4])
{
	fds[0] = kd_item(msg, KDBUS_ITEM_PAYLOAD_MEMFD, 0)->memfd.fd;
	fds[1] = kd_item(msg, FDS, 0)->fds[0];
	fds[2] = kd_item(msg, FDS, 0)->fds[1];
	fds[3] = kd_item(msg, KDBUS_ITEM_PAYLOAD_MEMFD, 1)->memfd.fd;
}

/* In a child: receive four files of 1 to 4 bytes with so many numbers left. */
static void take_four(const struct kd_conn *c, int spare, int pipe_end)
{
	struct kdbus_cmd_recv cmd;
	int i, n = 0, fds[4];

	KD_CHECK(kd_spare_fds(spare) == 0);
	KD_CHECK(kd_recv(c, 0, 0, &cmd) == 0);
	KD_CHECK(cmd.return_flags == 0);
	KD_CHECK(cmd.msg.return_flags == (spare < 4 ? INCOMPLETE : 0));
	numbers(kd_msg(c, cmd.msg.offset), fds);
	for (i = 0; i < 4; i++) {
		if (fds[i] == -1)
			continue;
		KD_CHECK(has_size(fds[i], i + 1));
		KD_CHECK(fcntl(fds[i], F_GETFD) == FD_CLOEXEC);
		n++;
	}
	KD_CHECK(n == (spare < 4 ? spare : 4));
	KD_CHECK((kd_lowest_fd() >= 0) == (spare > 4));
	KD_CHECK(kd_free(c, cmd.msg.offset) == 0);
	/* what could not be installed is not kept: the next message */
	KD_CHECK(kd_recv(c, 0, 0, &cmd) == 0);
	if (spare <= 4) {
		KD_CHECK(cmd.msg.return_flags == INCOMPLETE);
		KD_CHECK(kd_item(kd_msg(c, cmd.msg.offset), FDS, 0)->fds[0] ==
			 -1);
		KD_CHECK(hung_up(pipe_end));
	}
}

/* RECV-9, W-6: too few free numbers, for items of both kinds */
TEST_F(fds, few_numbers)
{
	int i, pid, spare, files[4], p[2];
	struct kd_block b;

	for (spare = 0; spare <= 5; spare++) {
		for (i = 0; i < 4; i++)
			files[i] = kd_memfd(i + 1, KD_SEALS);
		kd_msg_start(&b, self->b.id);
		kd_msg_memfd(&b, files[0], 0, 1);
		kd_msg_fds(&b, files + 1, 2);
		kd_msg_memfd(&b, files[3], 0, 4);
		ASSERT_EQ(0, kd_msg_send(&self->a, &b));
		for (i = 0; i < 4; i++)
			close(files[i]);
		ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
		ASSERT_EQ(0, send_fd(&self->a, &self->b, p[1]));
		close(p[1]);
		pid = fork();
		if (pid == 0) {
			take_four(&self->b, spare, p[0]);
			_exit(0);
		}
		EXPECT_EQ(0, kd_wait(pid)) {
			TH_LOG("with %d numbers", spare);
		}
		EXPECT_EQ(-EAGAIN, empty(&self->b));
		EXPECT_TRUE(hung_up(p[0]));
		close(p[0]);
	}
}

/* RECV-9: the limit may lie below all numbers that are in use */
TEST_F(fds, no_numbers)
{
	const struct rlimit none = { 1, 1 };
	const struct kdbus_item *item;
	struct kdbus_cmd_recv cmd;
	int i;

	ASSERT_EQ(0, send_many(&self->a, &self->b, self->pipe[1], MAX_FDS));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(INCOMPLETE, cmd.msg.return_flags);
	item = kd_item(kd_msg(&self->b, cmd.msg.offset), FDS, 0);
	ASSERT_NE(NULL, item);
	for (i = 0; i < MAX_FDS; i++) {
		EXPECT_EQ(-1, item->fds[i]);
	}
	close(self->pipe[1]);
	EXPECT_TRUE(hung_up(self->pipe[0]));
}

/* CMD-3, W-21: RECV that cannot write its block back has happened */
TEST_F(fds, write_back_fails)
{
	struct kd_block b;

	ASSERT_EQ(0, send_fd(&self->a, &self->b, self->pipe[1]));
	kd_start(&b, sizeof(b.recv));
	EXPECT_EQ(-EFAULT, kd_ioctl_readonly(self->b.fd, KDBUS_CMD_RECV, &b));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* RECV-9, MON-1, MON-3: monitors that accept descriptors and others */
TEST_F(fds, monitor)
{
	struct kd_conn m, blind;
	const struct kdbus_item *item;
	struct kdbus_cmd_recv cmd;
	int i;

	ASSERT_EQ(0, kd_hello(&m, self->env.bus, KDBUS_HELLO_MONITOR |
			      KDBUS_HELLO_ACCEPT_FD, 0, POOL));
	ASSERT_EQ(0, kd_hello(&blind, self->env.bus, KDBUS_HELLO_MONITOR, 0,
			      POOL));
	/* MON-1: also of what is then refused */
	EXPECT_EQ(-ECOMM, send_many(&self->a, &self->n, self->pipe[1], 2));
	ASSERT_EQ(0, kd_recv(&blind, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.msg.return_flags);
	item = kd_item(kd_msg(&blind, cmd.msg.offset), FDS, 0);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(24, item->size);
	EXPECT_EQ(-1, item->fds[0]);
	EXPECT_EQ(-1, item->fds[1]);
	ASSERT_EQ(0, kd_recv(&m, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.msg.return_flags);
	item = kd_item(kd_msg(&m, cmd.msg.offset), FDS, 0);
	ASSERT_NE(NULL, item);
	EXPECT_TRUE(is_copy(item->fds[0], self->pipe[1]));
	EXPECT_TRUE(is_copy(item->fds[1], self->pipe[1]));

	/* MON-3: 16 descriptors, then only the counter moves */
	for (i = 0; i < MAX_FDS + 3; i++) {
		ASSERT_EQ(0, send_fd(&self->a, &self->b, self->pipe[1]));
		ASSERT_EQ(0, kd_drop(&self->b));
	}
	ASSERT_EQ(0, kd_recv(&m, KDBUS_RECV_DROP, 0, &cmd));
	EXPECT_EQ(3, cmd.dropped_msgs);
	for (i = 1; i < MAX_FDS; i++) {
		ASSERT_EQ(0,
			  kd_drop(&m));
	}
	EXPECT_EQ(-EAGAIN, empty(&m));
}

/* RECV-9: a monitor without numbers left is told so, one that is blind not */
TEST_F(fds, monitor_without_numbers)
{
	struct kdbus_cmd_recv cmd;
	struct kd_conn m, blind;

	ASSERT_EQ(0, kd_hello(&m, self->env.bus, KDBUS_HELLO_MONITOR |
			      KDBUS_HELLO_ACCEPT_FD, 0, POOL));
	ASSERT_EQ(0, kd_hello(&blind, self->env.bus, KDBUS_HELLO_MONITOR, 0,
			      POOL));
	ASSERT_EQ(0, send_fd(&self->a, &self->b, self->pipe[1]));
	ASSERT_EQ(0, kd_spare_fds(0));
	ASSERT_EQ(0, kd_recv(&m, 0, 0, &cmd));
	EXPECT_EQ(INCOMPLETE, cmd.msg.return_flags);
	ASSERT_EQ(0, kd_recv(&blind, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.msg.return_flags);
}

/* A reply with a descriptor, and a memfd unless that is negative. */
static int reply_with(const struct kd_conn *from, uint64_t dst, int fd,
		      int memfd)
{
	struct kd_block b;

	kd_msg_start(&b, dst);
	b.msg.cookie_reply = COOKIE;
	if (memfd >= 0)
		kd_msg_memfd(&b, memfd, 0, 8);
	kd_msg_fds(&b, &fd, 1);
	return kd_msg_send(from, &b);
}

/* REPLY-3: replies to asynchronous calls are messages like others */
TEST_F(fds, reply)
{
	int i;

	ASSERT_EQ(0, kd_call(&self->a, self->b.id, COOKIE, KD_FAR));
	ASSERT_EQ(-EAGAIN, kd_drop(&self->a));
	ASSERT_EQ(0, reply_with(&self->b, self->a.id, self->pipe[1], -1));
	EXPECT_TRUE(is_copy(recv_fd(&self->a), self->pipe[1]));
	EXPECT_EQ(-EBADSLT, reply_with(&self->b, self->a.id, self->pipe[1],
				       -1));

	/* QUOTA-3; W-11, section 38: the caller is told, once */
	for (i = 0; i < MAX_FDS; i++) {
		ASSERT_EQ(0, send_fd(&self->b, &self->a, self->pipe[1]));
	}
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, COOKIE, KD_FAR));
	EXPECT_EQ(-EMFILE, reply_with(&self->b, self->a.id, self->pipe[1],
				      -1));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, COOKIE, NULL, 0));
	for (i = 0; i < MAX_FDS; i++) {
		ASSERT_EQ(0,
			  kd_drop(&self->a));
	}
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, COOKIE));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* W-11, section 38: a caller that takes no descriptors: ECOMM, REPLY_DEAD */
TEST_F(fds, reply_not_accepted)
{
	ASSERT_EQ(0, kd_call(&self->n, self->b.id, COOKIE, KD_FAR));
	EXPECT_EQ(-ECOMM, reply_with(&self->b, self->n.id, self->pipe[1], -1));
	EXPECT_EQ(0, kd_notice_of(&self->n, DEAD, COOKIE));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->n.id, COOKIE, NULL, 0));
	EXPECT_EQ(-EAGAIN, empty(&self->n));
	/* errors of the message come first and leave the tracker */
	ASSERT_EQ(0, kd_call(&self->n, self->b.id, COOKIE, KD_FAR));
	EXPECT_EQ(-EOPNOTSUPP, reply_with(&self->b, self->n.id, self->b.fd,
					  -1));
	EXPECT_EQ(-EBADF, reply_with(&self->b, self->n.id, -1, -1));
	EXPECT_EQ(0, kd_reply(&self->b, self->n.id, COOKIE, NULL, 0));
	EXPECT_EQ(0, kd_drop(&self->n));
}

/**
 * struct caller - a synchronous call in a process of its own
 * @conn: who calls
 * @dst: who is called
 * @spare: how many free numbers the process has, or -1 for enough
 * @fd: descriptor to be sent along, or -1
 * @result: what the call must return
 * @reply_flags: and say about the reply
 * @got: how many of the two descriptors in the reply must be there
 */
struct caller {
	const struct kd_conn *conn;
	uint64_t dst;
	int spare;
	int fd;
	int result;
	uint64_t reply_flags;
	int got;
};

static void on_signal(int sig)
{
}

/* SYNC-3: what a reply of reply_with() brings, in the process that called */
static void check_reply(const struct caller *w,
			const struct kdbus_cmd_send *cmd)
{
	const struct kdbus_item *memfd, *fds;
	const struct kdbus_msg *msg;
	int n = 0;

	KD_CHECK(cmd->reply.return_flags == w->reply_flags);
	msg = kd_msg(w->conn, cmd->reply.offset);
	memfd = kd_item(msg, KDBUS_ITEM_PAYLOAD_MEMFD, 0);
	fds = kd_item(msg, FDS, 0);
	KD_CHECK(memfd && fds);
	if (memfd->memfd.fd != -1) {
		n++;
		KD_CHECK(has_size(memfd->memfd.fd, 8));
		KD_CHECK(fcntl(memfd->memfd.fd, F_GETFD) == FD_CLOEXEC);
	}
	if (fds->fds[0] != -1) {
		n++;
		KD_CHECK(write(fds->fds[0], "x", 1) == 1);
		KD_CHECK(fcntl(fds->fds[0], F_GETFD) == FD_CLOEXEC);
	}
	KD_CHECK(n == w->got);
	KD_CHECK(kd_free(w->conn, cmd->reply.offset) == 0);
}

static void do_call(const struct caller *w)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct kdbus_cmd_send cmd;
	struct kd_block b;
	int r;

	sigaction(SIGUSR1, &sa, NULL);
	kd_call_start(&b, w->dst, COOKIE, KD_FAR);
	if (w->fd >= 0)
		kd_msg_fds(&b, &w->fd, 1);
	if (w->spare >= 0)
		KD_CHECK(kd_spare_fds(w->spare) == 0);
	r = kd_call_sync(w->conn, &b, -1, &cmd);
	if (r == -EINTR) {
		/* W-48: the file is under way, whatever becomes of this one */
		close(w->fd);
		r = kd_call_sync(w->conn, &b, -1, &cmd);
	}
	KD_CHECK(r == w->result);
	if (r == 0)
		check_reply(w, &cmd);
}

/* Call, and come back when the callee can receive the request. */
static int start(const struct caller *w, const struct kd_conn *to)
{
	int pid = fork();

	if (pid == 0) {
		do_call(w);
		_exit(0);
	}
	if (kd_poll(to->fd, POLLIN, KD_PATIENCE) != POLLIN)
		return -ETIME;
	return pid;
}

/* SYNC-3: descriptors both ways, into the process that calls */
TEST_F(fds, sync)
{
	int pid, lowest, memfd = kd_memfd(8, KD_SEALS);
	struct caller w = {
		.conn = &self->a,
		.dst = self->b.id,
		.spare = -1,
		.fd = self->pipe[1],
		.got = 2,
	};

	pid = start(&w, &self->b);
	ASSERT_LT(0, pid);
	EXPECT_TRUE(is_copy(recv_fd(&self->b), self->pipe[1]));
	lowest = kd_lowest_fd();
	EXPECT_EQ(0, reply_with(&self->b, self->a.id, self->pipe[1], memfd));
	EXPECT_EQ(0, kd_wait(pid));
	EXPECT_EQ(lowest, kd_lowest_fd());
	EXPECT_EQ(POLLIN, kd_poll(self->pipe[0], POLLIN, 0));
}

/* SYNC-3: too few free numbers: said, and no failure */
TEST_F(fds, sync_few_numbers)
{
	int pid, spare, memfd = kd_memfd(8, KD_SEALS);

	for (spare = 0; spare <= 2; spare++) {
		struct caller w = {
			.conn = &self->a,
			.dst = self->b.id,
			.spare = spare,
			.fd = -1,
			.reply_flags = spare < 2 ? INCOMPLETE : 0,
			.got = spare,
		};

		pid = start(&w, &self->b);
		ASSERT_LT(0, pid);
		ASSERT_EQ(-EAGAIN, kd_drop(&self->a));
		EXPECT_EQ(0, reply_with(&self->b, self->a.id, self->pipe[1],
					memfd));
		EXPECT_EQ(0, kd_wait(pid));
		/* the request has been answered without being received */
		ASSERT_EQ(0, kd_drop(&self->b));
	}
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* SYNC-3, section 38: EREMOTEIO for the caller, ECOMM for the replier */
TEST_F(fds, sync_not_accepted)
{
	struct caller w = {
		.conn = &self->n,
		.dst = self->b.id,
		.spare = -1,
		.fd = -1,
		.result = -EREMOTEIO,
	};
	int pid;

	pid = start(&w, &self->b);
	ASSERT_LT(0, pid);
	EXPECT_EQ(-ECOMM, reply_with(&self->b, self->n.id, self->pipe[1], -1));
	EXPECT_EQ(0, kd_wait(pid));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->n.id, COOKIE, NULL, 0));
	/* SYNC-4 */
	EXPECT_EQ(-EAGAIN, empty(&self->n));
	close(self->pipe[1]);
	EXPECT_TRUE(hung_up(self->pipe[0]));
}

/* SYNC-3: the quota of the replier at the caller: EMFILE for both */
TEST_F(fds, sync_quota)
{
	struct caller w = {
		.conn = &self->a,
		.dst = self->b.id,
		.spare = -1,
		.fd = -1,
		.result = -EMFILE,
	};
	int pid;

	ASSERT_EQ(0, send_many(&self->b, &self->a, self->pipe[1], MAX_FDS));
	pid = start(&w, &self->b);
	ASSERT_LT(0, pid);
	EXPECT_EQ(-EMFILE, reply_with(&self->b, self->a.id, self->pipe[1],
				      -1));
	EXPECT_EQ(0, kd_wait(pid));
	EXPECT_EQ(0, kd_drop(&self->a));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* W-48, SYNC-1: an interrupted call is resumed without its file */
TEST_F(fds, sync_resumed)
{
	int i, pid, memfd = kd_memfd(8, KD_SEALS);
	struct caller w = {
		.conn = &self->a,
		.dst = self->b.id,
		.spare = -1,
		.fd = self->pipe[1],
		.got = 2,
	};

	/* W-10: answered while the call waits again, or before it does */
	for (i = 0; i < 2; i++) {
		pid = start(&w, &self->b);
		ASSERT_LT(0, pid);
		kill(pid, SIGUSR1);
		EXPECT_TRUE(is_copy(recv_fd(&self->b), self->pipe[1]));
		if (i) {
			/* give it time to wait */
			kd_poll(self->a.fd, POLLIN, 50);
		}
		EXPECT_EQ(0, reply_with(&self->b, self->a.id, self->pipe[1],
					memfd));
		EXPECT_EQ(0, kd_wait(pid));
		EXPECT_EQ(-EAGAIN, empty(&self->b));
	}
}

/* BYE-3.5: a reply that nobody collects is discarded with its files */
TEST_F(fds, sync_abandoned)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct kdbus_cmd_send cmd;
	struct kd_block b;
	int pid;

	sigaction(SIGUSR1, &sa, NULL);
	pid = fork();
	if (pid == 0) {
		kd_call_start(&b, self->b.id, COOKIE, KD_FAR);
		KD_CHECK(kd_call_sync(&self->a, &b, -1, &cmd) == -EINTR);
		_exit(0);
	}
	ASSERT_EQ(POLLIN, kd_poll(self->b.fd, POLLIN, KD_PATIENCE));
	kill(pid, SIGUSR1);
	EXPECT_EQ(0, kd_wait(pid));
	EXPECT_EQ(0, reply_with(&self->b, self->a.id, self->pipe[1], -1));
	close(self->pipe[1]);
	EXPECT_TRUE(held(self->pipe[0]));
	kd_close(&self->a);
	EXPECT_TRUE(hung_up(self->pipe[0]));
}

#define THREADS		4
#define ROUNDS		400

struct worker {
	pthread_t thread;
	const struct kd_conn *from;
	const struct kd_conn *to;
	int fd;
	int rounds;
	int wrong;
};

/* Send to a queue that others send to as well, and close what is received. */
static void *pass_around(void *data)
{
	struct worker *w = data;
	struct kdbus_cmd_recv cmd;
	int i, r;

	for (i = 0; i < w->rounds; i++) {
		r = send_fd(w->from, w->to, w->fd);
		if (r != 0 && r != -EMFILE)
			w->wrong++;
		if (kd_recv(w->to, i % 7 ? 0 : KDBUS_RECV_DROP, 0, &cmd) != 0 ||
		    cmd.msg.offset == w->to->pool_size)
			continue;
		r = kd_item(kd_msg(w->to, cmd.msg.offset), FDS, 0)->fds[0];
		if (cmd.msg.return_flags || !is_copy(r, w->fd) || close(r) < 0)
			w->wrong++;
		if (kd_free(w->to, cmd.msg.offset) != 0)
			w->wrong++;
	}
	return NULL;
}

/* RECV-10: every file is handed out once, and is let go in the end */
TEST_F(fds, threads)
{
	struct worker w[THREADS];
	int i;

	for (i = 0; i < THREADS; i++) {
		w[i] = (struct worker){
			.from = i % 2 ? &self->a : &self->n,
			.to = &self->b,
			.fd = self->pipe[1],
			.rounds = ROUNDS,
		};
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, pass_around,
					    &w[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(0, w[i].wrong);
	}
	while (kd_drop(&self->b) == 0)
		;
	/* QUOTA-1: nothing is charged any more */
	EXPECT_EQ(0, send_many(&self->a, &self->b, self->pipe[1], MAX_FDS));
	EXPECT_EQ(0, kd_drop(&self->b));
	close(self->pipe[1]);
	EXPECT_TRUE(hung_up(self->pipe[0]));
}

TEST_HARNESS_MAIN
