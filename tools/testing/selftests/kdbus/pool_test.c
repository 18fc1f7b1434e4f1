// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools: mapping, allocation, life time of slices (rules POOL-1 to POOL-8)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

FIXTURE(pool) {
	struct kd_env env;
	struct kd_conn a;
	struct kd_conn b;
};

FIXTURE_SETUP(pool)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
}

FIXTURE_TEARDOWN(pool)
{
}

/* mmap() and munmap(): 0 or -errno */
static int try_map(int fd, size_t len, int prot, int flags, off_t offset)
{
	void *p = mmap(NULL, len, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, len);
	return 0;
}

/* Send size payload bytes from a to b and receive: the offset, or -errno. */
static int64_t slice(const struct kd_conn *a, const struct kd_conn *b,
		     size_t size, int fill)
{
	static uint8_t data[KD_POOL];
	struct kdbus_cmd_recv cmd;
	int r;

	memset(data, fill, size);
	r = kd_send(a, b->id, 1, data, size);
	if (r == 0)
		r = kd_recv(b, 0, 0, &cmd);
	return r == 0 ? (int64_t)cmd.msg.offset : r;
}

/* The slice of a message with one VEC of n bytes takes this much. */
#define SLICE(_n)	(64 + 32 + KD_ALIGN8(_n))
/* ... and that much payload makes a slice of n bytes */
#define PAYLOAD(_n)	((_n) - 96)

/* POOL-1: name in /proc/PID/maps, size of the file */
TEST_F(pool, file)
{
	bool seen = false;
	char line[512];
	struct stat st;
	FILE *f;

	ASSERT_EQ(0, fstat(self->a.fd, &st));
	EXPECT_EQ(0, st.st_size);
	f = fopen("/proc/self/maps", "re");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "/kdbus-conn (deleted)"))
			seen = true;
	fclose(f);
	EXPECT_TRUE(seen);
}

/* POOL-2: the table, line by line */
TEST_F(pool, map_errors)
{
	const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int none[3], conn[3], i;
	struct kd_block b;

	for (i = 0; i < 3; i++) {
		none[i] = open(self->env.bus, modes[i] | O_CLOEXEC);
		conn[i] = open(self->env.bus, modes[i] | O_CLOEXEC);
		ASSERT_LE(0, conn[i]);
		kd_hello_start(&b, KD_POOL);
		ASSERT_EQ(0, kd_ioctl(conn[i], KDBUS_CMD_HELLO, &b));
	}
	/* from the VFS, in every state */
	EXPECT_EQ(-EACCES, try_map(none[1], 4096, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EACCES, try_map(conn[1], 4096, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EACCES, try_map(none[0], 4096, PROT_WRITE, MAP_SHARED, 0));
	EXPECT_EQ(-EACCES, try_map(conn[0], 4096, PROT_WRITE, MAP_SHARED, 0));
	/* not connected; before what follows */
	EXPECT_EQ(-EBADFD, try_map(none[2], 4096, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EBADFD, try_map(none[2], 4096, PROT_WRITE, MAP_SHARED, 0));
	EXPECT_EQ(-EBADFD,
		  try_map(self->env.ctl, 4096, PROT_READ, MAP_SHARED, 0));
	/* never writable */
	EXPECT_EQ(-EPERM, try_map(conn[2], 4096, PROT_WRITE, MAP_SHARED, 0));
	EXPECT_EQ(-EPERM, try_map(conn[2], 4096, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE, 0));
	EXPECT_EQ(-EPERM, try_map(conn[0], 2 * KD_POOL, PROT_WRITE,
				  MAP_PRIVATE, 0));
	/* longer than the pool */
	EXPECT_EQ(-EFAULT,
		  try_map(conn[2], KD_POOL + 1, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EFAULT,
		  try_map(conn[0], 2 * KD_POOL, PROT_READ, MAP_PRIVATE, 0));
}

/* POOL-2: what can be mapped */
TEST_F(pool, map)
{
	int fd = self->a.fd;
	void *p;

	EXPECT_EQ(0, try_map(fd, KD_POOL, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(0, try_map(fd, KD_POOL, PROT_READ, MAP_PRIVATE, 0));
	EXPECT_EQ(0, try_map(fd, 1, PROT_READ, MAP_SHARED, KD_POOL / 2));
	EXPECT_EQ(0, try_map(fd, KD_POOL, PROT_READ, MAP_SHARED, KD_POOL));
	EXPECT_EQ(0, try_map(fd, KD_POOL, PROT_READ | PROT_EXEC, MAP_SHARED,
			     0));
	p = mmap(NULL, KD_POOL, PROT_NONE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(0, mprotect(p, KD_POOL, PROT_READ));
	EXPECT_EQ(-1, mprotect(p, KD_POOL, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	p = mmap(NULL, KD_POOL, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(-1, mprotect(p, KD_POOL, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
}

/* POOL-2, FS-2: no executable mapping on a noexec mount */
TEST_F(pool, noexec)
{
	struct kd_conn c;

	ASSERT_EQ(0, mount(NULL, self->env.dir, NULL,
			   MS_REMOUNT | MS_BIND | MS_NOEXEC, NULL));
	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	EXPECT_EQ(-EPERM, try_map(c.fd, KD_POOL, PROT_READ | PROT_EXEC,
				  MAP_SHARED, 0));
	EXPECT_EQ(0, try_map(c.fd, KD_POOL, PROT_READ, MAP_SHARED, 0));
}

/* POOL-2: writing through /proc/PID/mem */
TEST_F(pool, proc_mem)
{
	void *private;
	int fd;

	private = mmap(NULL, KD_POOL, PROT_READ, MAP_PRIVATE, self->a.fd, 0);
	ASSERT_NE(MAP_FAILED, private);
	fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	/* addresses of 32-bit programs may be too large for their off_t */
	EXPECT_EQ(-1, pwrite64(fd, "x", 1, (uintptr_t)self->a.pool));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, pwrite64(fd, "x", 1, (uintptr_t)private));
	EXPECT_EQ(EIO, errno);
}

static sigjmp_buf bus_error;

static void on_bus_error(int sig)
{
	siglongjmp(bus_error, 1);
}

static bool raises_bus_error(const uint8_t *p)
{
	if (sigsetjmp(bus_error, 1))
		return true;
	(void)__atomic_load_n(p, __ATOMIC_RELAXED);
	return false;
}

/* POOL-2: beyond the pool lies nothing */
TEST_F(pool, beyond_the_end)
{
	uint8_t *p;

	signal(SIGBUS, on_bus_error);
	p = mmap(NULL, KD_POOL, PROT_READ, MAP_SHARED, self->a.fd,
		 KD_POOL - 4096);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_FALSE(raises_bus_error(p + 4095));
	EXPECT_TRUE(raises_bus_error(p + 4096));

	p = mremap(p, KD_POOL, 2 * KD_POOL, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_TRUE(raises_bus_error(p + KD_POOL));
}

/* POOL-2: mappings survive BYEBYE and close; mapping after a disconnect */
TEST_F(pool, map_after_disconnect)
{
	int64_t offset = slice(&self->a, &self->b, 6, 'k');
	const uint8_t *p;

	ASSERT_EQ(0, offset);
	ASSERT_EQ(0, kd_byebye(&self->b));
	EXPECT_EQ('k', self->b.pool[96]);
	p = mmap(NULL, KD_POOL, PROT_READ, MAP_SHARED, self->b.fd, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ('k', p[96]);
	close(self->b.fd);
	EXPECT_EQ('k', p[96]);
	EXPECT_EQ('k', self->b.pool[96]);
}

/* POOL-3: low end first, multiples of 8 */
TEST_F(pool, allocation)
{
	EXPECT_EQ(0, slice(&self->a, &self->b, 1, 'a'));
	EXPECT_EQ(SLICE(1), slice(&self->a, &self->b, 8, 'b'));
	EXPECT_EQ(SLICE(1) + SLICE(8), slice(&self->a, &self->b, 9, 'c'));
}

/* POOL-3: the smallest free range that is large enough */
TEST_F(pool, best_fit)
{
	static const size_t sizes[] = { 1024, 128, 256, 128, 512, 128 };
	int64_t at[6];
	int i;

	for (i = 0; i < 6; i++) {
		at[i] = slice(&self->a, &self->b, PAYLOAD(sizes[i]), 'a' + i);
		ASSERT_LE(0, at[i]);
	}
	ASSERT_EQ(0, kd_free(&self->b, at[0]));
	ASSERT_EQ(0, kd_free(&self->b, at[2]));
	ASSERT_EQ(0, kd_free(&self->b, at[4]));
	/* holes of 1024, 256 and 512 bytes */
	EXPECT_EQ(at[4], slice(&self->a, &self->b, PAYLOAD(264), 'x'));
	EXPECT_EQ(at[2], slice(&self->a, &self->b, PAYLOAD(256), 'x'));
	/* 248 are left of 512 */
	EXPECT_EQ(at[4] + 264, slice(&self->a, &self->b, PAYLOAD(200), 'x'));
	EXPECT_EQ(at[0], slice(&self->a, &self->b, PAYLOAD(128), 'x'));
	EXPECT_EQ(at[0] + 128, slice(&self->a, &self->b, PAYLOAD(896), 'x'));
}

/* POOL-3: freed ranges merge with their neighbours on both sides */
TEST_F(pool, merge)
{
	int64_t at[4];
	int i;

	for (i = 0; i < 4; i++) {
		at[i] = slice(&self->a, &self->b, PAYLOAD(256), 'a' + i);
		ASSERT_EQ(256 * i, at[i]);
	}
	ASSERT_EQ(0, kd_free(&self->b, at[0]));
	ASSERT_EQ(0, kd_free(&self->b, at[2]));
	ASSERT_EQ(0, kd_free(&self->b, at[1]));
	EXPECT_EQ(0, slice(&self->a, &self->b, PAYLOAD(768), 'x'));
}

/* POOL-3, QUOTA-4, W-5: EXFULL, and nothing stays charged */
TEST_F(pool, full)
{
	static const size_t big = PAYLOAD(8192);
	struct kdbus_cmd_recv cmd;
	uint64_t cookie;
	int i;

	for (i = 0; i < KD_POOL / 8192; i++) {
		ASSERT_EQ(8192 * i,
			  slice(&self->a, &self->b, big, 'x'));
	}
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(-EXFULL,
			  kd_send(&self->a, self->b.id, 1, "x", 1));
	}
	EXPECT_EQ(-EAGAIN, kd_recv(&self->b, 0, 0, &cmd));
	ASSERT_EQ(0, kd_free(&self->b, 8192));
	EXPECT_EQ(0, kd_send(&self->a, self->b.id, 77, "x", 1));
	EXPECT_EQ(0, kd_recv_cookie(&self->b, &cookie));
	EXPECT_EQ(77, cookie);
	EXPECT_EQ(8192, slice(&self->a, &self->b, big, 'x'));
}

/* POOL-4: a slice is held by the queue, by the client, or by both */
TEST_F(pool, holds)
{
	struct kdbus_cmd_recv cmd;

	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "x", 1));
	/* not reported yet */
	EXPECT_EQ(-ENXIO, kd_free(&self->b, 0));
	/* reported twice: held once */
	ASSERT_EQ(0, kd_recv(&self->b, KDBUS_RECV_PEEK, 0, &cmd));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, kd_free(&self->b, 0));
	EXPECT_EQ(-ENXIO, kd_free(&self->b, 0));
	/* nobody holds it any more */
	EXPECT_EQ(0, slice(&self->a, &self->b, 1, 'x'));
}

/* POOL-7: a slice that was reported does not change any more */
TEST_F(pool, stable)
{
	int64_t first = slice(&self->a, &self->b, 100, 'f');
	uint8_t copy[SLICE(100)];
	int i;

	ASSERT_EQ(0, first);
	memcpy(copy, self->b.pool, sizeof(copy));
	for (i = 0; i < 50; i++) {
		ASSERT_LT(0,
			  slice(&self->a, &self->b, 100, i));
	}
	EXPECT_EQ(0, memcmp(copy, self->b.pool, sizeof(copy)));
}

/* POOL-8: received but unfreed messages may use all of the pool */
TEST_F(pool, client_may_use_all)
{
	int i;

	for (i = 0; i < KD_POOL / 4096; i++) {
		ASSERT_EQ(4096 * i,
			  slice(&self->a, &self->b, PAYLOAD(4096), 'x'));
	}
	EXPECT_EQ(-EXFULL, slice(&self->a, &self->b, 0, 0));
}

TEST_HARNESS_MAIN
