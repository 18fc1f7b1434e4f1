// SPDX-License-Identifier: GPL-2.0-only
/*
 * KDBUS_CMD_HELLO for ordinary connections (rules of section 9, HELLO-1 to
 * HELLO-5, and PRIV-4 for its ids)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define OTHER_USER	4711

FIXTURE(hello) {
	struct kd_env env;
	int fd;
};

FIXTURE_SETUP(hello)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	self->fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(hello)
{
}

/* One HELLO with the given fields, on a handle of its own. */
static int try_hello(const char *path, uint64_t flags, uint64_t pool_size,
		     uint64_t send, uint64_t recv)
{
	struct kd_block b;
	int fd, r;

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	kd_hello_start(&b, pool_size);
	b.hello.flags = flags;
	b.hello.attach_flags_send = send;
	b.hello.attach_flags_recv = recv;
	r = kd_ioctl(fd, KDBUS_CMD_HELLO, &b);
	close(fd);
	return r;
}

static uint64_t next_id(const char *path)
{
	struct kd_conn c;
	uint64_t id;

	if (kd_connect(&c, path) != 0)
		return 0;
	id = c.id;
	kd_close(&c);
	return id;
}

/* HELLO-1: output fields; inputs come back as given */
TEST_F(hello, output)
{
	static const uint8_t zero[16];
	struct kd_block b;

	kd_hello_start(&b, KD_POOL);
	b.hello.flags = KDBUS_HELLO_ACCEPT_FD;
	b.hello.attach_flags_send = _KDBUS_ATTACH_ANY;
	b.hello.attach_flags_recv = KDBUS_ATTACH_CREDS;
	b.hello.return_flags = ~0ULL;
	b.hello.bus_flags = ~0ULL;
	b.hello.items_size = ~0ULL;
	b.hello.offset = ~0ULL;
	ASSERT_EQ(0, kd_ioctl(self->fd, KDBUS_CMD_HELLO, &b));
	EXPECT_EQ(sizeof(b.hello), b.hello.size);
	EXPECT_EQ(KDBUS_HELLO_ACCEPT_FD, b.hello.flags);
	EXPECT_EQ(0, b.hello.return_flags);
	EXPECT_EQ(_KDBUS_ATTACH_ANY, b.hello.attach_flags_send);
	EXPECT_EQ(KDBUS_ATTACH_CREDS, b.hello.attach_flags_recv);
	EXPECT_EQ(KDBUS_MAKE_ACCESS_WORLD, b.hello.bus_flags);
	EXPECT_EQ(2, b.hello.id);
	EXPECT_EQ(KD_POOL, b.hello.pool_size);
	EXPECT_EQ(0, b.hello.offset);
	EXPECT_EQ(32, b.hello.items_size);
	EXPECT_NE(0, memcmp(zero, b.hello.id128, sizeof(zero)));
}

/* HELLO-2: the slice holds the bloom parameters of the bus */
TEST_F(hello, slice)
{
	const struct kdbus_item *item;
	struct kd_conn c = { .pool_size = KD_POOL };
	struct kd_block b;

	c.fd = self->fd;
	kd_hello_start(&b, KD_POOL);
	ASSERT_EQ(0, kd_ioctl(c.fd, KDBUS_CMD_HELLO, &b));
	item = mmap(NULL, KD_POOL, PROT_READ, MAP_SHARED, c.fd, 0);
	ASSERT_NE(MAP_FAILED, item);
	EXPECT_EQ(32, item->size);
	EXPECT_EQ(KDBUS_ITEM_BLOOM_PARAMETER, item->type);
	EXPECT_EQ(64, item->bloom_parameter.size);
	EXPECT_EQ(8, item->bloom_parameter.n_hash);
	/* held until it is freed */
	EXPECT_EQ(0, kd_free(&c, 0));
	EXPECT_EQ(-ENXIO, kd_free(&c, 0));
}

/* 9.2, POOL-1: pool sizes */
TEST_F(hello, pool_size)
{
	static const uint64_t bad[] = {
		0, 1, 8, 4095, 4097, 1ULL << 63, (1ULL << 63) + 4096,
		~0ULL - 4095, ~0ULL,
	};
	static const uint64_t uncommittable[] = {
		1ULL << 62, (1ULL << 63) - 65536,
	};
	const char *bus = self->env.bus;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, try_hello(bus, 0, bad[i], 0, 0)) {
			TH_LOG("pool size 0x%llx", (unsigned long long)bad[i]);
		}
	}
	for (i = 0; i < KD_ARRAY_SIZE(uncommittable); i++) {
		EXPECT_EQ(-ENOMEM,
			  try_hello(bus, 0, uncommittable[i], 0, 0));
	}
	EXPECT_EQ(0, try_hello(bus, 0, getpagesize(), 0, 0));
	EXPECT_EQ(0, try_hello(bus, 0, 16 * 1024 * 1024, 0, 0));
}

/* 9.2, section 4: kinds exclude each other, and need a NAME item or none */
TEST_F(hello, kinds)
{
	static const uint64_t two[] = {
		KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_POLICY_HOLDER,
		KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_MONITOR,
		KDBUS_HELLO_POLICY_HOLDER | KDBUS_HELLO_MONITOR,
		KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_POLICY_HOLDER |
			KDBUS_HELLO_MONITOR,
	};
	const char *bus = self->env.bus;
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(two); i++) {
		EXPECT_EQ(-EINVAL,
			  try_hello(bus, two[i], KD_POOL, 0, 0));
	}
	EXPECT_EQ(-EINVAL,
		  try_hello(bus, KDBUS_HELLO_ACTIVATOR, KD_POOL, 0, 0));
	EXPECT_EQ(-EINVAL,
		  try_hello(bus, KDBUS_HELLO_POLICY_HOLDER, KD_POOL, 0, 0));

	kd_hello_start(&b, KD_POOL);
	kd_add_str(&b, KDBUS_ITEM_NAME, "com.example");
	EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, KDBUS_CMD_HELLO, &b));
	b.hello.flags = KDBUS_HELLO_MONITOR;
	EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, KDBUS_CMD_HELLO, &b));
}

/* 9.2, NAME-1, W-23: syntax of the name of a policy holder */
TEST_F(hello, name_syntax)
{
	static const char *const bad[] = {
		"", "a", ".a.b", "a.b.", "a..b", "a.1b", "1a.b", "a.b c",
		"a.b/c", "a.\xe4", "*", "*.a", "a.*.b", "a.b*", ".*", "a.b.**",
	};
	char name[264];
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		kd_hello_start(&b, KD_POOL);
		b.hello.flags = KDBUS_HELLO_POLICY_HOLDER;
		kd_add_str(&b, KDBUS_ITEM_NAME, bad[i]);
		EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, KDBUS_CMD_HELLO, &b)) {
			TH_LOG("name '%s'", bad[i]);
		}
	}
	memset(name, 'x', sizeof(name));
	name[1] = '.';
	name[256] = 0;
	kd_hello_start(&b, KD_POOL);
	b.hello.flags = KDBUS_HELLO_POLICY_HOLDER;
	kd_add_str(&b, KDBUS_ITEM_NAME, name);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, KDBUS_CMD_HELLO, &b));
}

/* 9.2, section 3.6: masks */
TEST_F(hello, masks)
{
	static const uint64_t bad[] = {
		0x4000, 1ULL << 32, 1ULL << 63, ~1ULL, ~0ULL >> 1,
	};
	static const uint64_t good[] = {
		0, 1, _KDBUS_ATTACH_ALL, _KDBUS_ATTACH_ANY,
	};
	const char *bus = self->env.bus;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, try_hello(bus, 0, KD_POOL, bad[i], 0));
		EXPECT_EQ(-EINVAL, try_hello(bus, 0, KD_POOL, 0, bad[i]));
	}
	for (i = 0; i < KD_ARRAY_SIZE(good); i++) {
		EXPECT_EQ(0, try_hello(bus, 0, KD_POOL, good[i], 0));
		EXPECT_EQ(0, try_hello(bus, 0, KD_POOL, 0, good[i]));
	}
}

/* 9.2: POLICY_ACCESS is validated by size and otherwise ignored */
TEST_F(hello, policy_is_ignored)
{
	struct kdbus_policy_access access = { .type = 99, .access = 99 };
	struct kd_block b;

	kd_hello_start(&b, KD_POOL);
	kd_add(&b, KDBUS_ITEM_POLICY_ACCESS, &access, sizeof(access));
	EXPECT_EQ(0, kd_ioctl(self->fd, KDBUS_CMD_HELLO, &b));
}

/* 9.2, PRIV-2: what only owners may do */
TEST_F(hello, owner_only)
{
	static const uint64_t kinds[] = {
		KDBUS_HELLO_ACTIVATOR, KDBUS_HELLO_POLICY_HOLDER,
		KDBUS_HELLO_MONITOR,
	};
	static const uint64_t faked[][2] = {
		{ KDBUS_ITEM_CREDS, 64 }, { KDBUS_ITEM_PIDS, 24 },
		{ KDBUS_ITEM_SECLABEL, 1 },
	};
	static const uint64_t zero[8];
	struct kd_block b;
	int pid, fd, i;

	pid = fork();
	ASSERT_LE(0, pid);
	if (pid > 0) {
		EXPECT_EQ(0, kd_wait(pid));
		return;
	}
	ASSERT_EQ(0, kd_set_user(OTHER_USER));
	fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	for (i = 0; i < 3; i++) {
		kd_hello_start(&b, KD_POOL);
		b.hello.flags = kinds[i];
		if (kinds[i] != KDBUS_HELLO_MONITOR)
			kd_add_str(&b, KDBUS_ITEM_NAME, "com.example");
		EXPECT_EQ(-EPERM, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
		/* before the masks, after the pool size */
		b.hello.attach_flags_send = 0x4000;
		EXPECT_EQ(-EPERM, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
		b.hello.pool_size = 1;
		EXPECT_EQ(-EINVAL, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));

		kd_hello_start(&b, KD_POOL);
		kd_add(&b, faked[i][0], zero, faked[i][1]);
		EXPECT_EQ(-EPERM, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
	}
	kd_hello_start(&b, KD_POOL);
	EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
	_exit(_metadata->exit_code);
}

/* HELLO-3: addressable from now on; PRIV-4: ids */
TEST_F(hello, addressable)
{
	struct kd_conn a, b;

	ASSERT_EQ(0, kd_connect(&a, self->env.bus));
	EXPECT_EQ(-ENXIO, kd_send(&a, a.id + 1, 1, "x", 1));
	ASSERT_EQ(0, kd_connect(&b, self->env.bus));
	EXPECT_EQ(a.id + 1, b.id);
	EXPECT_EQ(0, kd_send(&a, b.id, 1, "x", 1));
}

/* HELLO-5, POOL-1: the description names the pool in /proc/PID/maps */
TEST_F(hello, description)
{
	char line[512];
	bool seen = false;
	struct kd_block b;
	FILE *f;

	kd_hello_start(&b, KD_POOL);
	kd_add_str(&b, KDBUS_ITEM_CONN_DESCRIPTION, "who-am.i");
	ASSERT_EQ(0, kd_ioctl(self->fd, KDBUS_CMD_HELLO, &b));
	ASSERT_NE(MAP_FAILED, mmap(NULL, KD_POOL, PROT_READ, MAP_SHARED,
				   self->fd, 0));
	f = fopen("/proc/self/maps", "re");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "/kdbus-conn:who-am.i (deleted)"))
			seen = true;
	fclose(f);
	EXPECT_TRUE(seen);
}

/* PRIV-4: which failures use up an id */
TEST_F(hello, ids)
{
	const char *bus = self->env.bus;
	uint64_t id = next_id(bus);

	ASSERT_LT(0, id);
	EXPECT_EQ(-EINVAL, try_hello(bus, 0, 4097, 0, 0));
	EXPECT_EQ(-EINVAL,
		  try_hello(bus, KDBUS_HELLO_ACTIVATOR, KD_POOL, 0, 0));
	EXPECT_EQ(-EINVAL, try_hello(bus, 0, KD_POOL, 0x4000, 0));
	EXPECT_EQ(0, try_hello(bus, KDBUS_FLAG_NEGOTIATE, KD_POOL, 0, 0));
	EXPECT_EQ(id + 1, next_id(bus));
	EXPECT_EQ(-ENOMEM, try_hello(bus, 0, 1ULL << 62, 0, 0));
	EXPECT_EQ(id + 3, next_id(bus));
	EXPECT_EQ(-EINVAL, try_hello(bus, 0, 1ULL << 63, 0, 0));
	EXPECT_EQ(id + 5, next_id(bus));
	EXPECT_EQ(0, try_hello(bus, 0, KD_POOL, 0, 0));
	EXPECT_EQ(id + 7, next_id(bus));
}

/* 9.2, section 32: 1024 connections of a user in a domain */
TEST_F_TIMEOUT(hello, limit, 120)
{
	struct rlimit files = { KD_CONNS_MAX + 64, KD_CONNS_MAX + 64 };
	static int fds[KD_CONNS_MAX];
	int i, fd, pid;

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		SKIP(return, "cannot have that many files");
	for (i = 0; i < KD_CONNS_MAX; i++) {
		fds[i] = kd_hello_only(self->env.bus);
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(-EMFILE, kd_hello_only(self->env.bus));
	EXPECT_EQ(-EMFILE, kd_hello_only(self->env.bus));

	/* another user is not concerned */
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		ASSERT_EQ(0, kd_set_user(OTHER_USER));
		EXPECT_LE(0, kd_hello_only(self->env.bus));
		_exit(_metadata->exit_code);
	}
	EXPECT_EQ(0, kd_wait(pid));

	/* one that goes makes room for one, after that failure, too */
	close(fds[0]);
	fd = kd_hello_only(self->env.bus);
	EXPECT_LE(0, fd);
	EXPECT_EQ(-EMFILE, kd_hello_only(self->env.bus));
}

TEST_HARNESS_MAIN
