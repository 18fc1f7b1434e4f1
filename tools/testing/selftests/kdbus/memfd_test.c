// SPDX-License-Identifier: GPL-2.0-only
/*
 * Payload in sealed memory files (rules SEND-4, 18.3, LAY-4, LAY-5, RECV-6 to
 * RECV-9; W-6, W-7, W-22, W-25), broadcasts of it included
 *
 * Whether a descriptor is the right one is told by the file it leads to, not by
 * its number: every file has a size of its own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define MEMFD		KDBUS_ITEM_PAYLOAD_MEMFD
#define INCOMPLETE	KDBUS_RECV_RETURN_INCOMPLETE_FDS
#define OTHER_USER	4711
/* large enough for 256 small messages of one user */
#define POOL		(256 * 1024)
#define SIZE		4096
#define MSG_MEMFDS	16
/* W-25, section 38 */
#define QUEUED_MEMFDS	256

FIXTURE(memfd) {
	struct kd_env env;
	struct kd_conn a;	/* sends */
	struct kd_conn b;	/* accepts descriptors */
	struct kd_conn n;	/* does not */
	int fd;			/* as it should be, of SIZE bytes */
};

FIXTURE_SETUP(memfd)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_hello(&self->a, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->b, self->env.bus, KDBUS_HELLO_ACCEPT_FD,
			      0, POOL));
	ASSERT_EQ(0, kd_hello(&self->n, self->env.bus, 0, 0, POOL));
	self->fd = kd_memfd(SIZE, KD_SEALS);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(memfd)
{
}

static int empty(const struct kd_conn *c)
{
	uint64_t cookie;

	return kd_recv_cookie(c, &cookie);
}

static int send_part(const struct kd_conn *from, uint64_t dst, int fd,
		     uint64_t start, uint64_t size)
{
	struct kd_block b;

	kd_msg_start(&b, dst);
	kd_msg_memfd(&b, fd, start, size);
	return kd_msg_send(from, &b);
}

static int send_whole(const struct kd_conn *from, const struct kd_conn *to,
		      int fd)
{
	return send_part(from, to->id, fd, 0, SIZE);
}

/* The same file so many times in one message. */
static int send_many(const struct kd_conn *from, const struct kd_conn *to,
		     int fd, unsigned int n)
{
	struct kd_block b;

	kd_msg_start(&b, to->id);
	while (n-- > 0)
		kd_msg_memfd(&b, fd, 0, 8);
	return kd_msg_send(from, &b);
}

static const struct kdbus_memfd *memfd(const struct kdbus_msg *msg,
				       unsigned int n)
{
	const struct kdbus_item *item = kd_item(msg, MEMFD, n);

	return item && item->size == 40 ? &item->memfd : NULL;
}

/* Receive a message with one memfd, and free it: the descriptor. */
static int recv_one(const struct kd_conn *c)
{
	struct kdbus_cmd_recv cmd;
	const struct kdbus_memfd *m;
	int fd, r;

	r = kd_recv(c, 0, 0, &cmd);
	if (r != 0)
		return r;
	m = memfd(kd_msg(c, cmd.msg.offset), 0);
	fd = m ? m->fd : -EPROTO;
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

/* LAY-4, SEND-3: the item as sent, but for the number; the sender's stays */
TEST_F(memfd, delivered)
{
	const struct kdbus_memfd *m;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	struct kd_block b, copy;
	uint8_t byte;
	int fd;

	kd_msg_start(&b, self->b.id);
	kd_msg_memfd(&b, self->fd, 3, 104);
	copy = b;
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, memcmp(&b, &copy, sizeof(b)));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.msg.return_flags);
	EXPECT_EQ(104, cmd.msg.msg_size);
	msg = kd_msg(&self->b, cmd.msg.offset);
	EXPECT_EQ(104, msg->size);
	m = memfd(msg, 0);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(NULL, memfd(msg, 1));
	EXPECT_EQ(3, m->start);
	EXPECT_EQ(104, m->size);
	fd = m->fd;
	EXPECT_TRUE(is_copy(fd, self->fd));
	EXPECT_EQ(KD_SEALS, fcntl(fd, F_GET_SEALS));
	EXPECT_EQ(1, pread(fd, &byte, 1, 3));
	EXPECT_EQ(3, byte);
	EXPECT_EQ(-1, pwrite(fd, &byte, 1, 3));
	EXPECT_EQ(EPERM, errno);
	/* the client closes what it got, freeing does not */
	EXPECT_EQ(0, kd_free(&self->b, cmd.msg.offset));
	EXPECT_EQ(0, close(fd));
	EXPECT_TRUE(has_size(self->fd, SIZE));
}

/* SEND-4: whether or not the receiver takes descriptors; to oneself, too */
TEST_F(memfd, without_accept_fd)
{
	ASSERT_EQ(0, send_whole(&self->a, &self->n, self->fd));
	EXPECT_TRUE(is_copy(recv_one(&self->n), self->fd));
	ASSERT_EQ(0, send_whole(&self->a, &self->a, self->fd));
	EXPECT_TRUE(is_copy(recv_one(&self->a), self->fd));
}

/* META-3: what the sender does with its descriptor later does not matter */
TEST_F(memfd, sender_closes)
{
	int pid, fd, other = dup(self->fd);

	ASSERT_EQ(0, send_whole(&self->a, &self->b, self->fd));
	close(self->fd);
	EXPECT_TRUE(is_copy(recv_one(&self->b), other));

	/* nor that it exits */
	pid = fork();
	if (pid == 0) {
		fd = kd_memfd(77, KD_SEALS);
		KD_CHECK(send_part(&self->a, self->b.id, fd, 0, 77) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, kd_wait(pid));
	fd = recv_one(&self->b);
	EXPECT_TRUE(has_size(fd, 77));
	/* nor that its connection goes */
	ASSERT_EQ(0, send_part(&self->a, self->b.id, fd, 0, 77));
	kd_close(&self->a);
	EXPECT_TRUE(is_copy(recv_one(&self->b), fd));
}

/* 3.3, 18.3: what the item says, before any file is looked at */
TEST_F(memfd, item)
{
	static const struct {
		uint64_t start, size;
		int fd, result;
	} rows[] = {
		{ 0, 0, 0, -EINVAL },
		{ 0, 1, -1, -EBADF },
		{ 0, 1, INT32_MIN, -EBADF },
		{ 0, 0, -1, -EINVAL },
		{ ~0ULL, 1, 0, -EMSGSIZE },
		{ 1, ~0ULL, 0, -EMSGSIZE },
		{ 1ULL << 63, 1ULL << 63, 0, -EMSGSIZE },
		/* what does not wrap is judged by the file */
		{ ~0ULL - 1, 1, 0, -EMEDIUMTYPE },
	};
	struct kd_block b;
	int p[2];
	size_t i;

	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	for (i = 0; i < KD_ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].result,
			  send_part(&self->a, self->b.id,
				    rows[i].fd ? rows[i].fd : p[0],
				    rows[i].start, rows[i].size)) {
			TH_LOG("row %zu", i);
		}
	}
	/* payload checks come with the parsing, before the header */
	kd_msg_start(&b, self->b.id);
	b.msg.payload_type = KDBUS_PAYLOAD_KERNEL;
	kd_msg_memfd(&b, -1, 0, 1);
	EXPECT_EQ(-EBADF, kd_msg_send(&self->a, &b));
	kd_msg_start(&b, self->b.id);
	b.msg.payload_type = KDBUS_PAYLOAD_KERNEL;
	kd_msg_memfd(&b, p[0], ~0ULL, 1);
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->a, &b));
	/* other sizes of payload */
	for (i = 0; i <= 32; i += 4) {
		if (i == sizeof(struct kdbus_memfd))
			continue;
		kd_msg_start(&b, self->b.id);
		kd_add(&b, MEMFD, NULL, i);
		EXPECT_EQ(-EINVAL, kd_msg_send(&self->a, &b));
	}
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SEND-4: not open, or open for its path only */
TEST_F(memfd, not_open)
{
	char path[64];
	int fd = dup(self->fd);

	close(fd);
	EXPECT_EQ(-EBADF, send_whole(&self->a, &self->b, fd));
	EXPECT_EQ(-EBADF, send_whole(&self->a, &self->b, INT32_MAX));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	fd = open(path, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, send_whole(&self->a, &self->b, fd));
	/* before what is asked of a file */
	EXPECT_EQ(-EBADF, send_part(&self->a, self->b.id, fd, SIZE, 1));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SEND-4: files that are no shared memory */
TEST_F(memfd, not_memory)
{
	int i, p[2], s[2];
	int fds[9];

	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s));
	fds[0] = p[0];
	fds[1] = p[1];
	fds[2] = s[0];
	fds[3] = eventfd(0, EFD_CLOEXEC);
	fds[4] = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[5] = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	fds[6] = open(self->env.busdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[7] = self->b.fd;
	fds[8] = self->env.ctl;
	for (i = 0; i < KD_ARRAY_SIZE(fds); i++) {
		ASSERT_LE(0, fds[i]);
		EXPECT_EQ(-EMEDIUMTYPE, send_part(&self->a, self->b.id, fds[i],
						  0, 1)) {
			TH_LOG("descriptor %d", i);
		}
	}
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SEND-4: all four seals, each of which matters; others are no matter */
TEST_F(memfd, seals)
{
	static const int all[] = {
		F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE,
	};
	int set, seals, fd;
	size_t i;

	for (set = 0; set < 16; set++) {
		seals = 0;
		for (i = 0; i < KD_ARRAY_SIZE(all); i++)
			if (set & (1 << i))
				seals |= all[i];
		fd = kd_memfd(SIZE, seals);
		ASSERT_LE(0, fd);
		EXPECT_EQ(set == 15 ? 0 : -ETXTBSY,
			  send_whole(&self->a, &self->b, fd)) {
			TH_LOG("seals %d", seals);
		}
		close(fd);
	}
	EXPECT_TRUE(has_size(recv_one(&self->b), SIZE));
	EXPECT_EQ(-EAGAIN, empty(&self->b));

	/* the weaker seal is not enough, but no harm in addition */
	fd = kd_memfd(SIZE, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
			    F_SEAL_FUTURE_WRITE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ETXTBSY, send_whole(&self->a, &self->b, fd));
	fd = kd_memfd(SIZE, KD_SEALS | F_SEAL_FUTURE_WRITE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, send_whole(&self->a, &self->b, fd));

	/* made without sealing: sealed against sealing, that is all */
	fd = memfd_create("kdbus-test", MFD_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(F_SEAL_SEAL, fcntl(fd, F_GET_SEALS));
	EXPECT_EQ(-ETXTBSY, send_part(&self->a, self->b.id, fd, 0, 1));
}

/* SEND-4: an ordinary file of tmpfs is shared memory that nobody can seal */
TEST_F(memfd, tmpfs)
{
	char dir[] = "/tmp/kdbus-XXXXXX", path[64];
	int fd;

	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, mount("tmpfs", dir, "tmpfs", 0, NULL));
	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, SIZE));
	EXPECT_EQ(-ETXTBSY, send_whole(&self->a, &self->b, fd));
	umount2(dir, MNT_DETACH);
	rmdir(dir);
}

/* SEND-4: the range within the file, wherever it starts */
TEST_F(memfd, range)
{
	static const struct {
		uint64_t start, size;
		int result;
	} rows[] = {
		{ 0, SIZE, 0 },
		{ 0, 1, 0 },
		{ SIZE - 1, 1, 0 },
		{ 13, SIZE - 13, 0 },
		{ 0, SIZE + 1, -EFAULT },
		{ 1, SIZE, -EFAULT },
		{ SIZE, 1, -EFAULT },
		{ SIZE + 1, 1, -EFAULT },
		{ 1ULL << 62, 1ULL << 62, -EFAULT },
		{ 1, (1ULL << 63) - 1, -EFAULT },
		{ 0, ~0ULL, -EFAULT },
	};
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	int empty_file, open_file;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].result,
			  send_part(&self->a, self->b.id, self->fd,
				    rows[i].start, rows[i].size)) {
			TH_LOG("row %zu", i);
		}
		if (rows[i].result)
			continue;
		ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
		msg = kd_msg(&self->b, cmd.msg.offset);
		ASSERT_NE(NULL, memfd(msg, 0));
		EXPECT_EQ(rows[i].start, memfd(msg, 0)->start);
		EXPECT_EQ(rows[i].size, memfd(msg, 0)->size);
	}
	empty_file = kd_memfd(0, KD_SEALS);
	EXPECT_EQ(-EFAULT, send_part(&self->a, self->b.id, empty_file, 0, 1));
	/* the seals are looked at first */
	open_file = kd_memfd(SIZE, 0);
	EXPECT_EQ(-ETXTBSY,
		  send_part(&self->a, self->b.id, open_file, SIZE, 1));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SEND-4: not bound by the limit of a VEC, by the byte quota or by the pool */
TEST_F(memfd, large)
{
	uint64_t size = 1ULL << 30;
	int fd;

	fd = memfd_create("kdbus-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ASSERT_LE(0, fd);
	/* of holes only */
	ASSERT_EQ(0, ftruncate(fd, size));
	ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, KD_SEALS));
	ASSERT_EQ(0, send_part(&self->a, self->b.id, fd, 0, size));
	EXPECT_TRUE(is_copy(recv_one(&self->b), fd));
}

/* 18.3, SEND-13: 16 in a message */
TEST_F(memfd, sixteen)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	int i, fds[MSG_MEMFDS];
	struct kd_block b;

	kd_msg_start(&b, self->b.id);
	for (i = 0; i < MSG_MEMFDS; i++) {
		fds[i] = kd_memfd(i + 1, KD_SEALS);
		ASSERT_LE(0, fds[i]);
		kd_msg_memfd(&b, fds[i], 0, i + 1);
	}
	EXPECT_EQ(0, kd_msg_send(&self->a, &b));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.msg.return_flags);
	msg = kd_msg(&self->b, cmd.msg.offset);
	for (i = 0; i < MSG_MEMFDS; i++) {
		ASSERT_NE(NULL, memfd(msg, i));
		EXPECT_EQ(i + 1, memfd(msg, i)->size);
		EXPECT_TRUE(is_copy(memfd(msg, i)->fd, fds[i]));
	}
	EXPECT_EQ(NULL, memfd(msg, i));

	kd_msg_memfd(&b, self->fd, 0, 1);
	EXPECT_EQ(-E2BIG, kd_msg_send(&self->a, &b));
	/* before any of them is looked up */
	kd_msg_start(&b, self->b.id);
	for (i = 0; i < MSG_MEMFDS + 1; i++)
		kd_msg_memfd(&b, INT32_MAX, 0, 1);
	EXPECT_EQ(-E2BIG, kd_msg_send(&self->a, &b));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* LAY-4: one file several times: a descriptor for each item */
TEST_F(memfd, same_file_twice)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	struct kd_block b;

	kd_msg_start(&b, self->b.id);
	kd_msg_memfd(&b, self->fd, 0, 8);
	kd_msg_memfd(&b, self->fd, 8, 8);
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	msg = kd_msg(&self->b, cmd.msg.offset);
	ASSERT_NE(NULL, memfd(msg, 1));
	EXPECT_TRUE(is_copy(memfd(msg, 0)->fd, self->fd));
	EXPECT_TRUE(is_copy(memfd(msg, 1)->fd, self->fd));
	EXPECT_NE(memfd(msg, 0)->fd, memfd(msg, 1)->fd);
}

/* SEND-1.7: item by item, after 18.4 and before the destination */
TEST_F(memfd, order_of_errors)
{
	int closed = dup(self->fd), open_file = kd_memfd(SIZE, 0), p[2];
	struct kdbus_cmd_send cmd;
	struct kd_block b;

	close(closed);
	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	kd_msg_start(&b, self->b.id);
	kd_msg_memfd(&b, open_file, 0, 1);
	kd_msg_memfd(&b, INT32_MAX, 0, 1);
	EXPECT_EQ(-ETXTBSY, kd_msg_send(&self->a, &b));
	kd_msg_start(&b, self->b.id);
	kd_msg_memfd(&b, p[0], 0, 1);
	kd_msg_memfd(&b, open_file, 0, 1);
	EXPECT_EQ(-EMEDIUMTYPE, kd_msg_send(&self->a, &b));
	kd_msg_start(&b, self->b.id);
	kd_msg_memfd(&b, self->fd, SIZE, 1);
	kd_msg_memfd(&b, p[0], 0, 1);
	EXPECT_EQ(-EFAULT, kd_msg_send(&self->a, &b));
	/* together with FDS, in the order of the items */
	kd_msg_start(&b, self->b.id);
	kd_msg_memfd(&b, open_file, 0, 1);
	kd_msg_fds(&b, &(int){ INT32_MAX }, 1);
	EXPECT_EQ(-ETXTBSY, kd_msg_send(&self->a, &b));
	kd_msg_start(&b, self->b.id);
	kd_msg_fds(&b, &self->a.fd, 1);
	kd_msg_memfd(&b, open_file, 0, 1);
	EXPECT_EQ(-EOPNOTSUPP, kd_msg_send(&self->a, &b));

	EXPECT_EQ(-EDESTADDRREQ, send_part(&self->a, 0, open_file, 0, 1));
	EXPECT_EQ(-ETXTBSY, send_part(&self->a, self->b.id + 1000, open_file,
				      0, 1));
	EXPECT_EQ(-ENXIO, send_part(&self->a, self->b.id + 1000, self->fd, 0,
				    1));
	/* SEND-13: before the deadline of a synchronous call */
	kd_call_start(&b, self->b.id, 1, KD_PAST);
	kd_msg_memfd(&b, open_file, 0, 1);
	EXPECT_EQ(-ETXTBSY, kd_call_sync(&self->a, &b, -1, &cmd));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* LAY-5: what follows a memfd keeps its alignment */
TEST_F(memfd, alignment)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	uint64_t m, i, at;

	for (m = 1; m <= 17; m++) {
		kd_msg_start(&b, self->b.id);
		kd_msg_vec(&b, "abcde", 5);
		kd_msg_memfd(&b, self->fd, 1, m);
		kd_msg_vec(&b, "xyz", 3);
		ASSERT_EQ(0, kd_msg_send(&self->a, &b));
		ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
		msg = kd_msg(&self->b, cmd.msg.offset);
		EXPECT_EQ(64 + 32 + 40 + 32, msg->size);
		at = 168 + 5 + m % 8;
		EXPECT_EQ(KD_ALIGN8(at + 3), cmd.msg.msg_size);
		/* in the order of the byte stream */
		item = msg->items;
		EXPECT_EQ(KDBUS_ITEM_PAYLOAD_OFF, item->type);
		EXPECT_EQ(168, item->vec.offset);
		item = (const void *)((const uint8_t *)msg + 96);
		EXPECT_EQ(MEMFD, item->type);
		EXPECT_EQ(m, item->memfd.size);
		close(item->memfd.fd);
		item = (const void *)((const uint8_t *)msg + 136);
		EXPECT_EQ(KDBUS_ITEM_PAYLOAD_OFF, item->type);
		EXPECT_EQ(at, item->vec.offset);
		EXPECT_EQ(0, memcmp((const uint8_t *)msg + 168, "abcde", 5));
		for (i = 168 + 5; i < at; i++) {
			EXPECT_EQ(0,
				  ((const uint8_t *)msg)[i]);
		}
		EXPECT_EQ(0, memcmp((const uint8_t *)msg + at, "xyz", 3));
		ASSERT_EQ(0, kd_free(&self->b, cmd.msg.offset));
	}
}

/* LAY-2, LAY-5: nothing of a memfd lies in the pool, but for alignment */
TEST_F(memfd, only_memfds)
{
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	int i;

	kd_msg_start(&b, self->b.id);
	kd_msg_memfd(&b, self->fd, 0, 16);
	kd_msg_memfd(&b, self->fd, 0, SIZE);
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(144, cmd.msg.msg_size);
	EXPECT_EQ(144, kd_msg(&self->b, cmd.msg.offset)->size);

	kd_msg_memfd(&b, self->fd, 0, 13);
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(192, cmd.msg.msg_size);
	EXPECT_EQ(184, kd_msg(&self->b, cmd.msg.offset)->size);
	for (i = 184; i < 192; i++) {
		EXPECT_EQ(0,
			  self->b.pool[cmd.msg.offset + i]);
	}
}

/* W-22, W-6: until it is received an item holds -1, not the sender's number */
TEST_F(memfd, unreceived)
{
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	int i;

	kd_msg_start(&b, self->b.id);
	kd_msg_memfd(&b, self->fd, 0, SIZE);
	kd_msg_memfd(&b, self->fd, 0, 8);
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	/* POOL-3: the first slice of the pool */
	for (i = 0; i < 2; i++) {
		ASSERT_NE(NULL, memfd(kd_msg(&self->b, 0), i));
		EXPECT_EQ(-1, memfd(kd_msg(&self->b, 0), i)->fd);
	}
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	ASSERT_EQ(0, cmd.msg.offset);
	EXPECT_TRUE(is_copy(memfd(kd_msg(&self->b, 0), 0)->fd, self->fd));
}

/* RECV-7, W-7: peeking installs nothing, however often */
TEST_F(memfd, peek)
{
	struct kdbus_cmd_recv first, cmd;
	int i, lowest;

	ASSERT_EQ(0, send_whole(&self->a, &self->b, self->fd));
	lowest = kd_lowest_fd();
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
		EXPECT_EQ(0, cmd.msg.return_flags);
		EXPECT_EQ(lowest, kd_lowest_fd());
		EXPECT_EQ(-1, memfd(kd_msg(&self->b, cmd.msg.offset), 0)->fd);
		if (i == 0)
			first = cmd;
		EXPECT_EQ(first.msg.offset, cmd.msg.offset);
		if (i == 1) {
			ASSERT_EQ(0, kd_free(&self->b, cmd.msg.offset));
		}
	}
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(first.msg.offset, cmd.msg.offset);
	EXPECT_EQ(lowest, memfd(kd_msg(&self->b, cmd.msg.offset), 0)->fd);
	EXPECT_TRUE(is_copy(lowest, self->fd));
}

/* RECV-8: neither does dropping, nor what is never received */
TEST_F(memfd, drop)
{
	int lowest = kd_lowest_fd();

	ASSERT_EQ(0, send_whole(&self->a, &self->b, self->fd));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(lowest, kd_lowest_fd());
	ASSERT_EQ(0, send_whole(&self->a, &self->b, self->fd));
	ASSERT_EQ(0, send_whole(&self->a, &self->n, self->fd));
	EXPECT_EQ(lowest, kd_lowest_fd());
	kd_close(&self->b);
	EXPECT_TRUE(is_copy(recv_one(&self->n), self->fd));
}

/* RECV-9: into the process that receives, whoever made the connection */
TEST_F(memfd, other_process)
{
	int pid, lowest, number;

	ASSERT_EQ(0, send_whole(&self->a, &self->b, self->fd));
	lowest = kd_lowest_fd();
	pid = fork();
	if (pid == 0) {
		number = kd_lowest_fd();
		KD_CHECK(recv_one(&self->b) == number);
		KD_CHECK(is_copy(number, self->fd));
		_exit(0);
	}
	EXPECT_EQ(0, kd_wait(pid));
	EXPECT_EQ(lowest, kd_lowest_fd());
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* Receive three files of 1, 2 and 3 bytes with so many numbers left. */
static void take_three(const struct kd_conn *c, unsigned int spare)
{
	const struct kdbus_memfd *m;
	struct kdbus_cmd_recv cmd;
	unsigned int i, n = 0;

	KD_CHECK(kd_spare_fds(spare) == 0);
	KD_CHECK(kd_recv(c, 0, 0, &cmd) == 0);
	KD_CHECK(cmd.return_flags == 0);
	KD_CHECK(cmd.msg.return_flags == (spare < 3 ? INCOMPLETE : 0));
	KD_CHECK(kd_msg(c, cmd.msg.offset)->cookie == spare);
	for (i = 0; i < 3; i++) {
		m = memfd(kd_msg(c, cmd.msg.offset), i);
		KD_CHECK(m && m->size == i + 1);
		if (m->fd == -1)
			continue;
		KD_CHECK(has_size(m->fd, i + 1));
		KD_CHECK(fcntl(m->fd, F_GETFD) == FD_CLOEXEC);
		n++;
	}
	KD_CHECK(n == (spare < 3 ? spare : 3));
	KD_CHECK((kd_lowest_fd() >= 0) == (spare > 3));
	KD_CHECK(kd_free(c, cmd.msg.offset) == 0);
}

/* RECV-9, W-6: too few free numbers; what there is leads to the right file */
TEST_F(memfd, few_numbers)
{
	unsigned int i, spare;
	struct kd_block b;
	int fds[3], pid;

	for (spare = 0; spare <= 4; spare++) {
		kd_msg_start(&b, self->b.id);
		b.msg.cookie = spare;
		kd_msg_vec(&b, "text", 4);
		for (i = 0; i < 3; i++) {
			fds[i] = kd_memfd(i + 1, KD_SEALS);
			kd_msg_memfd(&b, fds[i], 0, i + 1);
		}
		ASSERT_EQ(0, kd_msg_send(&self->a, &b));
		for (i = 0; i < 3; i++)
			close(fds[i]);
		pid = fork();
		if (pid == 0) {
			take_three(&self->b, spare);
			_exit(0);
		}
		EXPECT_EQ(0, kd_wait(pid));
		/* the message is delivered all the same */
		EXPECT_EQ(-EAGAIN, empty(&self->b));
	}
}

/* W-25: 256 of one user may wait, by whatever connection */
TEST_F(memfd, queued_limit)
{
	struct kdbus_cmd_recv cmd;
	struct kd_conn a2;
	int i;

	ASSERT_EQ(0, kd_connect(&a2, self->env.bus));
	for (i = 0; i < QUEUED_MEMFDS / MSG_MEMFDS; i++) {
		ASSERT_EQ(0, send_many(i % 2 ? &self->a : &a2, &self->b,
				       self->fd, MSG_MEMFDS));
	}
	EXPECT_EQ(-EMFILE, send_many(&self->a, &self->b, self->fd, 1));
	EXPECT_EQ(-EMFILE, send_many(&a2, &self->b, self->fd, MSG_MEMFDS));
	/* nothing else is affected */
	EXPECT_EQ(0, send_many(&self->a, &self->n, self->fd, MSG_MEMFDS));
	EXPECT_EQ(0, send_many(&self->a, &self->b, self->fd, 0));

	/* QUOTA-1: peeking returns nothing, receiving and dropping do */
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
	EXPECT_EQ(-EMFILE, send_many(&self->a, &self->b, self->fd, 1));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, send_many(&self->a, &self->b, self->fd, 10));
	EXPECT_EQ(-EMFILE, send_many(&self->a, &self->b, self->fd, 7));
	EXPECT_EQ(0, send_many(&self->a, &self->b, self->fd, 6));
	EXPECT_EQ(-EMFILE, send_many(&self->a, &self->b, self->fd, 1));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(0, send_many(&self->a, &self->b, self->fd, MSG_MEMFDS));
	EXPECT_EQ(-EMFILE, send_many(&self->a, &self->b, self->fd, 1));
}

/* W-25: a share for each user */
TEST_F(memfd, queued_by_others)
{
	struct kd_conn other;
	int i;

	ASSERT_EQ(0, setreuid(OTHER_USER, -1));
	ASSERT_EQ(0, kd_connect(&other, self->env.bus));
	ASSERT_EQ(0, setreuid(geteuid(), -1));
	for (i = 0; i < QUEUED_MEMFDS / MSG_MEMFDS; i++) {
		ASSERT_EQ(0, send_many(&self->a, &self->b, self->fd,
				       MSG_MEMFDS));
	}
	EXPECT_EQ(-EMFILE, send_many(&self->a, &self->b, self->fd, 1));
	for (i = 0; i < QUEUED_MEMFDS / MSG_MEMFDS; i++) {
		ASSERT_EQ(0, send_many(&other, &self->b, self->fd,
				       MSG_MEMFDS));
	}
	EXPECT_EQ(-EMFILE, send_many(&other, &self->b, self->fd, 1));
}

/* QUOTA-3, QUOTA-4, W-5: bytes and messages first; no charge for the refused */
TEST_F(memfd, refused)
{
	static const uint8_t data[POOL];
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	int i;

	for (i = 0; i < 300; i++) {
		kd_msg_start(&b, self->b.id);
		kd_msg_memfd(&b, self->fd, 0, 8);
		kd_msg_vec(&b, data, POOL / 6);
		ASSERT_EQ(-ENOBUFS, kd_msg_send(&self->a, &b));
		kd_msg_start(&b, self->b.id);
		kd_msg_memfd(&b, self->fd, 0, 8);
		kd_msg_vec(&b, (void *)8, 8);
		ASSERT_EQ(-EFAULT, kd_msg_send(&self->a, &b));
	}
	for (i = 0; i < QUEUED_MEMFDS / MSG_MEMFDS; i++) {
		ASSERT_EQ(0, send_many(&self->a, &self->b, self->fd,
				       MSG_MEMFDS));
	}
	/* too much of both */
	kd_msg_start(&b, self->b.id);
	kd_msg_memfd(&b, self->fd, 0, 8);
	kd_msg_vec(&b, data, POOL / 6);
	EXPECT_EQ(-ENOBUFS, kd_msg_send(&self->a, &b));
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(-EMFILE, send_many(&self->a, &self->b, self->fd, 1));
	}
	while (kd_recv(&self->b, KDBUS_RECV_DROP, 0, &cmd) == 0)
		;
	for (i = 0; i < QUEUED_MEMFDS; i++) {
		ASSERT_EQ(i < KD_QUEUE_MAX ? 0 : -ENOBUFS,
			  send_many(&self->a, &self->b, self->fd, 1));
	}
	/* the limit of messages comes before that of files */
	EXPECT_EQ(-ENOBUFS, send_many(&self->a, &self->b, self->fd, 1));
}

/* W-25: files in messages that have been received are not queued */
TEST_F(memfd, received_are_not_queued)
{
	struct kdbus_cmd_recv cmd;
	int i, pid;

	for (i = 0; i < 2 * QUEUED_MEMFDS / MSG_MEMFDS; i++) {
		ASSERT_EQ(0, send_many(&self->a, &self->b, self->fd,
				       MSG_MEMFDS));
		pid = fork();
		if (pid == 0) {
			KD_CHECK(kd_recv(&self->b, 0, 0, &cmd) == 0);
			_exit(0);
		}
		ASSERT_EQ(0, kd_wait(pid));
	}
	/* the slices are held by the client all the time */
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SEND-4, SEND-10: broadcasts, to takers of descriptors and others */
TEST_F(memfd, broadcast)
{
	struct kd_conn *to[] = { &self->b, &self->n, &self->a };
	int fds[KD_ARRAY_SIZE(to)];
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(to); i++) {
		ASSERT_EQ(0,
			  kd_match_all(to[i], 1));
	}
	kd_signal_start(&b, KDBUS_DST_ID_BROADCAST, 1);
	kd_msg_memfd(&b, self->fd, 8, 16);
	kd_msg_vec(&b, "text", 4);
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	for (i = 0; i < KD_ARRAY_SIZE(to); i++) {
		fds[i] = recv_one(to[i]);
		EXPECT_TRUE(is_copy(fds[i], self->fd)) {
			TH_LOG("receiver %zu: %d", i, fds[i]);
		}
		EXPECT_EQ(-EAGAIN, empty(to[i]));
	}
	/* each has its own */
	EXPECT_NE(fds[0], fds[1]);
	EXPECT_NE(fds[0], fds[2]);
	EXPECT_NE(fds[1], fds[2]);
}

/* SEND-10, RECV-5, W-25: who has no room misses it, the others do not */
TEST_F(memfd, broadcast_dropped)
{
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	int i;

	for (i = 0; i < QUEUED_MEMFDS / MSG_MEMFDS; i++) {
		ASSERT_EQ(0, send_many(&self->a, &self->b, self->fd,
				       MSG_MEMFDS));
	}
	ASSERT_EQ(0, kd_match_all(&self->b, 1));
	ASSERT_EQ(0, kd_match_all(&self->n, 1));
	kd_signal_start(&b, KDBUS_DST_ID_BROADCAST, 1);
	kd_msg_memfd(&b, self->fd, 0, 8);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0,
			  kd_msg_send(&self->a, &b));
	}
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
	EXPECT_EQ(3, cmd.dropped_msgs);
	EXPECT_EQ(KDBUS_RECV_RETURN_DROPPED_MSGS, cmd.return_flags);
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(is_copy(recv_one(&self->n), self->fd));
	}
	EXPECT_EQ(-EAGAIN, empty(&self->n));

	/* SEND-9: unicast signals likewise */
	b.msg.dst_id = self->b.id;
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
	EXPECT_EQ(1, cmd.dropped_msgs);
	b.msg.dst_id = self->n.id;
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_TRUE(is_copy(recv_one(&self->n), self->fd));
}

/* SEND-1.7: the files of a signal are judged, whoever takes it */
TEST_F(memfd, broadcast_refused)
{
	const uint64_t to[] = { KDBUS_DST_ID_BROADCAST, self->b.id };
	int open_file = kd_memfd(SIZE, 0);
	struct kd_block b;
	size_t i;

	ASSERT_EQ(0, kd_match_all(&self->n, 1));
	for (i = 0; i < KD_ARRAY_SIZE(to); i++) {
		kd_signal_start(&b, to[i], 1);
		kd_msg_memfd(&b, open_file, 0, SIZE);
		EXPECT_EQ(-ETXTBSY, kd_msg_send(&self->a, &b));
		kd_signal_start(&b, to[i], 1);
		kd_msg_memfd(&b, self->fd, 1, SIZE);
		EXPECT_EQ(-EFAULT, kd_msg_send(&self->a, &b));
		kd_signal_start(&b, to[i], 1);
		kd_msg_memfd(&b, INT32_MAX, 0, 1);
		EXPECT_EQ(-EBADF, kd_msg_send(&self->a, &b));
	}
	EXPECT_EQ(-EAGAIN, empty(&self->n));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* RECV-9, MON-1, MON-3: monitors get memfds, have a quota of their own */
TEST_F(memfd, monitor)
{
	struct kdbus_cmd_recv cmd;
	struct kd_conn m;
	int i;

	ASSERT_EQ(0, kd_hello(&m, self->env.bus, KDBUS_HELLO_MONITOR, 0, POOL));
	ASSERT_EQ(0, send_whole(&self->a, &self->b, self->fd));
	EXPECT_TRUE(is_copy(recv_one(&m), self->fd));
	EXPECT_TRUE(is_copy(recv_one(&self->b), self->fd));

	for (i = 0; i < QUEUED_MEMFDS / MSG_MEMFDS; i++) {
		ASSERT_EQ(0, send_many(&self->a, &self->b, self->fd,
				       MSG_MEMFDS));
		ASSERT_EQ(0, kd_drop(&m));
	}
	/* what is refused elsewhere is seen; what does not fit is lost here */
	for (i = 0; i < QUEUED_MEMFDS / MSG_MEMFDS; i++) {
		ASSERT_EQ(-EMFILE, send_many(&self->a, &self->b, self->fd,
					     MSG_MEMFDS));
	}
	EXPECT_EQ(0, send_whole(&self->a, &self->n, self->fd));
	EXPECT_TRUE(is_copy(recv_one(&self->n), self->fd));
	ASSERT_EQ(0, kd_recv(&m, KDBUS_RECV_DROP, 0, &cmd));
	EXPECT_EQ(1, cmd.dropped_msgs);
	for (i = 1; i < QUEUED_MEMFDS / MSG_MEMFDS; i++) {
		ASSERT_EQ(0,
			  kd_drop(&m));
	}
	EXPECT_EQ(-EAGAIN, empty(&m));
}

#define THREADS		4
#define MESSAGES	64

struct taker {
	pthread_t thread;
	const struct kd_conn *conn;
	int start;
	unsigned int messages;
	unsigned int files;
	unsigned int missing;
	unsigned int wrong;
};

/* Receive until there is nothing; the size that an item names tells its file. */
static void *take_all(void *data)
{
	struct taker *t = data;
	const struct kdbus_memfd *m;
	struct kdbus_cmd_recv cmd;
	int i;

	if (kd_poll(t->start, POLLIN, -1) != POLLIN)
		return NULL;
	while (kd_recv(t->conn, 0, 0, &cmd) == 0) {
		const struct kdbus_msg *msg = kd_msg(t->conn, cmd.msg.offset);
		unsigned int missing = 0;

		t->messages++;
		for (i = 0; (m = memfd(msg, i)); i++) {
			if (m->fd == -1)
				missing++;
			else if (has_size(m->fd, m->size))
				t->files++;
			else
				t->wrong++;
		}
		if (cmd.msg.return_flags != (missing ? INCOMPLETE : 0))
			t->wrong++;
		t->missing += missing;
	}
	return NULL;
}

/* Messages of three files each, all of different sizes. */
static int send_numbered(const struct kd_conn *from, const struct kd_conn *to)
{
	struct kd_block b;
	int i, j, r, fds[3];

	for (i = 0; i < MESSAGES; i++) {
		kd_msg_start(&b, to->id);
		for (j = 0; j < 3; j++) {
			fds[j] = kd_memfd(3 * i + j + 1, KD_SEALS);
			kd_msg_memfd(&b, fds[j], 0, 3 * i + j + 1);
		}
		r = kd_msg_send(from, &b);
		for (j = 0; j < 3; j++)
			close(fds[j]);
		if (r != 0)
			return r;
	}
	return 0;
}

/* RECV-10, W-6: threads that compete for messages, and for free numbers */
TEST_F(memfd, threads)
{
	static const unsigned int spare[] = { 9, 3 * MESSAGES };
	const struct rlimit limit = { 512, 512 };
	struct taker t[THREADS], sum;
	int i, start;
	size_t round;

	for (round = 0; round < KD_ARRAY_SIZE(spare); round++) {
		ASSERT_EQ(0, send_numbered(&self->a, &self->b));
		start = eventfd(0, EFD_CLOEXEC);
		ASSERT_LE(0, start);
		memset(&sum, 0, sizeof(sum));
		memset(t, 0, sizeof(t));
		for (i = 0; i < THREADS; i++) {
			t[i].conn = &self->b;
			t[i].start = start;
			ASSERT_EQ(0, pthread_create(&t[i].thread, NULL,
						    take_all, &t[i]));
		}
		/* afterwards all numbers below a limit are in use */
		if (round == 0) {
			ASSERT_EQ(0, kd_spare_fds(spare[round]));
		}
		ASSERT_EQ(8, write(start, &(uint64_t){ 1 }, 8));
		for (i = 0; i < THREADS; i++) {
			pthread_join(t[i].thread, NULL);
			EXPECT_EQ(0, t[i].wrong);
			sum.messages += t[i].messages;
			sum.files += t[i].files;
			sum.missing += t[i].missing;
		}
		EXPECT_EQ(MESSAGES, sum.messages);
		EXPECT_EQ(spare[round], sum.files);
		EXPECT_EQ(3 * MESSAGES, sum.files + sum.missing);
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	}
}

TEST_HARNESS_MAIN
