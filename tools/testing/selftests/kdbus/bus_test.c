// SPDX-License-Identifier: GPL-2.0-only
/*
 * KDBUS_CMD_BUS_MAKE (rules BUS-1 to BUS-5, and PRIV-4 for its ids)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define OTHER_USER	4711

FIXTURE(bus) {
	struct kd_env env;
	char control[KD_PATH_MAX];
	char name[32];
	int fd;
};

FIXTURE_SETUP(bus)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	snprintf(self->control, sizeof(self->control), "%s/control",
		 self->env.dir);
	self->fd = open(self->control, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	kd_name(self->name, sizeof(self->name), "new");
}

FIXTURE_TEARDOWN(bus)
{
}

/* BUS_MAKE with chosen parameters; nothing must be left by a failure */
static int make(int fd, const char *name, uint64_t size, uint64_t n_hash,
		uint64_t mask, uint64_t flags)
{
	struct kdbus_bloom_parameter bloom = { .size = size, .n_hash = n_hash };
	struct kd_block b;

	kd_start(&b, sizeof(b.cmd));
	b.cmd.flags = flags;
	b.cmd.return_flags = ~0ULL;
	kd_add_str(&b, KDBUS_ITEM_MAKE_NAME, name);
	kd_add(&b, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	kd_add_u64(&b, KDBUS_ITEM_ATTACH_FLAGS_SEND, mask);
	if (kd_ioctl(fd, KDBUS_CMD_BUS_MAKE, &b) == 0)
		return b.cmd.return_flags == 0 ? 0 : -EPROTO;
	return b.cmd.return_flags == 0 ? -errno : -EPROTO;
}

/* The id that a connection made now gets; two ids are used up. */
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

/* BUS-3, section 32: bloom parameters */
TEST_F(bus, bloom)
{
	static const uint64_t bad[] = {
		0, 1, 7, 9, 12, 4097, 4100, 4104, 8192, 1ULL << 32,
		(1ULL << 32) + 64, 1ULL << 63, ~0ULL, ~7ULL,
	};
	static const uint64_t good[] = { 8, 64, 4088, 4096 };
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL,
			  make(self->fd, self->name, bad[i], 1, 0, 0));
	}
	EXPECT_EQ(-EINVAL, make(self->fd, self->name, 64, 0, 0, 0));
	for (i = 0; i < KD_ARRAY_SIZE(good); i++) {
		int fd = open(self->control, O_RDWR | O_CLOEXEC);

		ASSERT_LE(0, fd);
		EXPECT_EQ(0, make(fd, self->name, good[i], ~0ULL, 0, 0));
		close(fd);
	}
}

/* BUS-2, BUS-3, section 3.6: mask of creator metadata */
TEST_F(bus, mask)
{
	static const uint64_t bad[] = {
		0x4000, 1ULL << 32, 1ULL << 63, ~1ULL, ~0ULL >> 1,
	};
	static const uint64_t good[] = {
		0, 1, _KDBUS_ATTACH_ALL, _KDBUS_ATTACH_ANY,
	};
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL,
			  make(self->fd, self->name, 64, 1, bad[i], 0));
	}
	for (i = 0; i < KD_ARRAY_SIZE(good); i++) {
		int fd = open(self->control, O_RDWR | O_CLOEXEC);

		ASSERT_LE(0, fd);
		EXPECT_EQ(0, make(fd, self->name, 64, 1, good[i], 0));
		close(fd);
	}
}

/* BUS-3: the name begins with the uid and a dash, in decimal */
TEST_F(bus, prefix)
{
	static const char *const bad[] = {
		"%u", "%ux", "%u_x", "%u.x", "0%u-x", "x-%u", "1%u-x", "bus",
		"control", "%u0-x", "u%u-x",
	};
	char name[64];
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		snprintf(name, sizeof(name), bad[i], (unsigned int)geteuid());
		EXPECT_EQ(-EINVAL, make(self->fd, name, 64, 1, 0, 0)) {
			TH_LOG("name %s", name);
		}
	}
	/* nothing behind the dash: a name may not end in one */
	kd_name(name, sizeof(name), "");
	EXPECT_EQ(-EINVAL, make(self->fd, name, 64, 1, 0, 0));
	kd_name(name, sizeof(name), "x");
	EXPECT_EQ(0, make(self->fd, name, 64, 1, 0, 0));
}

/* BUS-3: the effective uid counts */
TEST_F(bus, effective_uid)
{
	ASSERT_EQ(0, seteuid(OTHER_USER));
	EXPECT_EQ(-EINVAL, make(self->fd, "0-x", 64, 1, 0, 0));
	EXPECT_EQ(0, make(self->fd, "4711-x", 64, 1, 0, 0));
}

/* CMD-2.9: mandatory items */
TEST_F(bus, mandatory)
{
	struct kdbus_bloom_parameter bloom = { .size = 64, .n_hash = 1 };
	struct kd_block b;

	kd_start(&b, sizeof(b.cmd));
	kd_add_str(&b, KDBUS_ITEM_MAKE_NAME, self->name);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, KDBUS_CMD_BUS_MAKE, &b));

	kd_start(&b, sizeof(b.cmd));
	kd_add(&b, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, KDBUS_CMD_BUS_MAKE, &b));

	/* the mask is not */
	kd_add_str(&b, KDBUS_ITEM_MAKE_NAME, self->name);
	EXPECT_EQ(0, kd_ioctl(self->fd, KDBUS_CMD_BUS_MAKE, &b));
}

/* BUS-3: the name is taken */
TEST_F(bus, exists)
{
	EXPECT_EQ(-EEXIST, make(self->fd, self->env.name, 64, 1, 0, 0));
	close(self->env.ctl);
	EXPECT_EQ(0, make(self->fd, self->env.name, 64, 1, 0, 0));
}

/* BUS-3: order of the checks */
TEST_F(bus, order)
{
	/* a bad prefix of a name that exists */
	EXPECT_EQ(-EINVAL, make(self->fd, self->env.name, 4, 1, 0, 0));
	EXPECT_EQ(-EINVAL, make(self->fd, self->env.name, 64, 1, 0x4000, 0));
	/* EEXIST before EMFILE: see the next test */
	EXPECT_EQ(-EEXIST, make(self->fd, self->env.name, 64, 1, 0, 0));
}

/* BUS-3, PRIV-3, section 32: 16 buses of a real uid in a domain */
TEST_F(bus, limit)
{
	int fds[KD_BUSES_MAX], i;
	char name[32];

	for (i = 1; i < KD_BUSES_MAX; i++) {
		snprintf(name, sizeof(name), "%u-n%d", (unsigned int)geteuid(),
			 i);
		fds[i] = kd_bus_make(self->env.dir, name, 0);
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(-EMFILE, make(self->fd, self->name, 64, 1, 0, 0));
	EXPECT_EQ(-EEXIST, make(self->fd, self->env.name, 64, 1, 0, 0));

	/* of the real uid, not the effective one */
	ASSERT_EQ(0, seteuid(OTHER_USER));
	EXPECT_EQ(-EMFILE, make(self->fd, "4711-x", 64, 1, 0, 0));
	ASSERT_EQ(0, seteuid(getuid()));
	ASSERT_EQ(0, setreuid(OTHER_USER, -1));
	EXPECT_EQ(0, make(self->fd, self->name, 64, 1, 0, 0));
	ASSERT_EQ(0, setreuid(geteuid(), -1));

	/* a bus that goes makes room */
	snprintf(name, sizeof(name), "%u-again", (unsigned int)geteuid());
	EXPECT_EQ(-EMFILE, kd_bus_make(self->env.dir, name, 0));
	close(fds[1]);
	EXPECT_LE(0, kd_bus_make(self->env.dir, name, 0));
}

/* BUS-4, HELLO-1: a random UUID, version 4, DCE variant */
TEST_F(bus, uuid)
{
	char path[KD_PATH_MAX];
	struct kd_conn a, b;

	ASSERT_EQ(0, make(self->fd, self->name, 64, 1, 0, 0));
	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, self->name);
	ASSERT_EQ(0, kd_connect(&a, path));
	ASSERT_EQ(0, kd_connect(&b, self->env.bus));
	EXPECT_EQ(0x40, a.hello.id128[6] & 0xf0);
	EXPECT_EQ(0x80, a.hello.id128[8] & 0xc0);
	EXPECT_NE(0, memcmp(a.hello.id128, b.hello.id128, 16));
	kd_close(&b);
	ASSERT_EQ(0, kd_connect(&b, path));
	EXPECT_EQ(0, memcmp(a.hello.id128, b.hello.id128, 16));
}

/* BUS-1: the flags are reported verbatim */
TEST_F(bus, flags)
{
	char path[KD_PATH_MAX];
	struct kd_conn c;
	uint64_t flags;

	for (flags = 0; flags < 4; flags++) {
		int fd = open(self->control, O_RDWR | O_CLOEXEC);

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, make(fd, self->name, 64, 1, 0, flags));
		snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir,
			 self->name);
		ASSERT_EQ(0, kd_connect(&c, path));
		EXPECT_EQ(flags, c.hello.bus_flags);
		kd_close(&c);
		close(fd);
	}
}

/* BUS-5: the bus lives as long as the handle, not as the process */
TEST_F(bus, handle_keeps_bus)
{
	int pid = fork();

	ASSERT_LE(0, pid);
	if (pid == 0)
		_exit(-make(self->fd, self->name, 64, 1, 0, 0));
	ASSERT_EQ(0, kd_wait(pid));
	EXPECT_EQ(-EEXIST, kd_bus_make(self->env.dir, self->name, 0));
	close(self->fd);
	self->fd = open(self->control, O_RDWR | O_CLOEXEC);
	EXPECT_EQ(0, make(self->fd, self->name, 64, 1, 0, 0));
}

/* PRIV-4: which failures use up an id */
TEST_F(bus, ids)
{
	uint64_t id = next_id(self->env.bus);

	ASSERT_EQ(2, id);
	EXPECT_EQ(-EINVAL, make(self->fd, self->name, 7, 1, 0, 0));
	EXPECT_EQ(-EINVAL, make(self->fd, self->name, 64, 1, 0x4000, 0));
	EXPECT_EQ(-EINVAL, make(self->fd, "x-y", 64, 1, 0, 0));
	EXPECT_EQ(0, make(self->fd, "x-y", 64, 1, 0, KDBUS_FLAG_NEGOTIATE));
	EXPECT_EQ(id + 1, next_id(self->env.bus));
	EXPECT_EQ(-EEXIST, make(self->fd, self->env.name, 64, 1, 0, 0));
	EXPECT_EQ(id + 3, next_id(self->env.bus));
	EXPECT_EQ(0, make(self->fd, self->name, 64, 1, 0, 0));
	EXPECT_EQ(id + 5, next_id(self->env.bus));
}

TEST_HARNESS_MAIN
