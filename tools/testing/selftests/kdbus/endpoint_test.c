// SPDX-License-Identifier: GPL-2.0-only
/*
 * Custom endpoints: making them, their policy, and what a connection on one can
 * see and do (rules EP-1 to EP-6, CEP-1 to CEP-7, POL-7 to POL-11 and QUOTA-2
 * for custom endpoints, H-2, H-3, H-7, FS-4; W-16, W-26, W-36, W-37, W-44).
 * Which policy items are accepted is in policy_test.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALICE	4711
#define BOB	4712

#define NAME	"com.example.service"
#define HIDDEN	"com.example.hidden"
#define OTHER	"com.example.other"

#define WORLD	KDBUS_POLICY_ACCESS_WORLD
#define USER	KDBUS_POLICY_ACCESS_USER
#define SEE	KDBUS_POLICY_SEE
#define TALK	KDBUS_POLICY_TALK
#define OWN	KDBUS_POLICY_OWN

/* large enough for 256 small messages of several users */
#define POOL	(512 * 1024)

static const unsigned int other_commands[] = {
	KDBUS_CMD_BUS_MAKE, KDBUS_CMD_ENDPOINT_MAKE, KDBUS_CMD_HELLO,
	KDBUS_CMD_UPDATE, KDBUS_CMD_BYEBYE, KDBUS_CMD_FREE,
	KDBUS_CMD_CONN_INFO, KDBUS_CMD_BUS_CREATOR_INFO, KDBUS_CMD_LIST,
	KDBUS_CMD_SEND, KDBUS_CMD_RECV, KDBUS_CMD_NAME_ACQUIRE,
	KDBUS_CMD_NAME_RELEASE, KDBUS_CMD_MATCH_ADD, KDBUS_CMD_MATCH_REMOVE,
};

FIXTURE(make) {
	struct kd_env env;
	char name[32];
	char path[KD_PATH_MAX];
	int fd;		/* NONE on the default endpoint */
};

FIXTURE_SETUP(make)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	kd_name(self->name, sizeof(self->name), "ep");
	snprintf(self->path, sizeof(self->path), "%s/%s", self->env.busdir,
		 self->name);
	self->fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(make)
{
}

static void make_start(struct kd_block *b, const char *name)
{
	kd_start(b, sizeof(b->cmd));
	b->cmd.return_flags = ~0ULL;
	if (name)
		kd_add_str(b, KDBUS_ITEM_MAKE_NAME, name);
}

/* ENDPOINT_MAKE on a given handle, with flags. */
static int make(int fd, const char *name, uint64_t flags)
{
	struct kd_block b;
	int r;

	make_start(&b, name);
	b.cmd.flags = flags;
	r = kd_ioctl(fd, KDBUS_CMD_ENDPOINT_MAKE, &b);
	/* CMD-3: written on every exit once flags are looked at */
	if (r != -EBADFD && r != -EPERM && r != -ESHUTDOWN &&
	    b.cmd.return_flags)
		return -EPROTO;
	return r;
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* FS-4, EP-2: modes by flags, whatever the umask */
TEST_F(make, modes)
{
	static const unsigned int modes[] = { 0600, 0660, 0666, 0666 };
	struct stat st;
	uint64_t flags;
	int fd;

	for (flags = 0; flags < 4; flags++) {
		umask(flags % 2 ? 0777 : 0);
		fd = kd_endpoint_make(self->env.bus, self->name, flags);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, stat(self->path, &st));
		EXPECT_EQ(S_IFREG | modes[flags], st.st_mode);
		EXPECT_EQ(geteuid(), st.st_uid);
		EXPECT_EQ(getegid(), st.st_gid);
		EXPECT_EQ(1, st.st_nlink);
		EXPECT_EQ(0, st.st_size);
		EXPECT_LT(0, st.st_ino);
		close(fd);
		EXPECT_FALSE(exists(self->path));
	}
	EXPECT_EQ(-EINVAL, make(self->fd, self->name, 4));
	EXPECT_EQ(-EINVAL, make(self->fd, self->name, 1ULL << 62));
	EXPECT_FALSE(exists(self->path));
}

/* EP-4, H-2, H-4: the handle owns the endpoint from now on */
TEST_F(make, owner)
{
	struct kd_block b;
	size_t i;

	EXPECT_EQ(-EBADFD,
		  kd_ioctl(self->fd, KDBUS_CMD_ENDPOINT_UPDATE, NULL));
	ASSERT_EQ(0, make(self->fd, self->name, 0));
	EXPECT_TRUE(exists(self->path));
	for (i = 0; i < KD_ARRAY_SIZE(other_commands); i++) {
		EXPECT_EQ(-EBADFD,
			  kd_ioctl(self->fd, other_commands[i], NULL));
	}
	EXPECT_EQ(-EFAULT,
		  kd_ioctl(self->fd, KDBUS_CMD_ENDPOINT_UPDATE, NULL));
	EXPECT_EQ(-ENOTTY, kd_ioctl(self->fd, 0x12345678, NULL));
	EXPECT_EQ(POLLERR | POLLHUP, kd_poll(self->fd, POLLIN, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd,
				   0));
	EXPECT_EQ(EBADFD, errno);
	/* an empty list is a list */
	make_start(&b, NULL);
	EXPECT_EQ(0, kd_ioctl(self->fd, KDBUS_CMD_ENDPOINT_UPDATE, &b));
	EXPECT_EQ(0, b.cmd.return_flags);
}

/* EP-1: owners only, decided before the argument is looked at */
TEST_F(make, owners_only)
{
	struct kd_block b;
	int pid, fd, ep;

	/* on a custom endpoint nobody is owner */
	ASSERT_EQ(0, make(self->fd, self->name, KDBUS_MAKE_ACCESS_WORLD));
	ep = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, ep);
	EXPECT_EQ(-EPERM, kd_ioctl(ep, KDBUS_CMD_ENDPOINT_MAKE, NULL));
	EXPECT_EQ(-EPERM, make(ep, "x", 0));
	/* the handle can be used for HELLO as before */
	kd_hello_start(&b, KD_POOL);
	EXPECT_EQ(0, kd_ioctl(ep, KDBUS_CMD_HELLO, &b));

	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		char name[32];

		fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, kd_set_user(ALICE));
		/* PRIV-1, W-44: the opener was, the name is by who calls now */
		EXPECT_EQ(-EINVAL, make(fd, self->name, 0));
		kd_name(name, sizeof(name), "alice");
		EXPECT_EQ(0, make(fd, name, 0));
		close(fd);
		fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		EXPECT_EQ(-EPERM, kd_ioctl(fd, KDBUS_CMD_ENDPOINT_MAKE, NULL));
		make_start(&b, name);
		b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
		EXPECT_EQ(-EPERM, kd_ioctl(fd, KDBUS_CMD_ENDPOINT_MAKE, &b));
		EXPECT_EQ(~0ULL, b.cmd.return_flags);
		EXPECT_EQ(KDBUS_FLAG_NEGOTIATE, b.cmd.flags);
		_exit(_metadata->exit_code);
	}
	EXPECT_EQ(0, kd_wait(pid));
}

/* FS-4, W-44: file and name belong to who calls, not to who opened */
TEST_F(make, effective_user)
{
	char name[] = "4711-ep", path[KD_PATH_MAX];
	struct stat st;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, setresgid(BOB, ALICE, 0));
	ASSERT_EQ(0, setresuid(BOB, ALICE, 0));
	EXPECT_EQ(-EINVAL, make(self->fd, "0-ep", 0));
	EXPECT_EQ(-EINVAL, make(self->fd, "4712-ep", 0));
	EXPECT_EQ(0, make(self->fd, name, 0));
	snprintf(path, sizeof(path), "%s/%s", self->env.busdir, name);
	ASSERT_EQ(0, stat(path, &st));
	EXPECT_EQ(ALICE, st.st_uid);
	EXPECT_EQ(ALICE, st.st_gid);
}

/* EP-2: a name and nothing else */
TEST_F(make, items)
{
	static const uint64_t foreign[] = {
		KDBUS_ITEM_BLOOM_PARAMETER, KDBUS_ITEM_ATTACH_FLAGS_SEND,
		KDBUS_ITEM_ATTACH_FLAGS_RECV, KDBUS_ITEM_NAME,
		KDBUS_ITEM_POLICY_ACCESS, KDBUS_ITEM_CONN_DESCRIPTION,
		KDBUS_ITEM_CREDS, KDBUS_ITEM_DST_NAME,
	};
	static const size_t sizes[] = { 16, 8, 8, 4, 24, 4, 64, 4 };
	static const char zero[64];
	struct kd_block b;
	size_t i;

	make_start(&b, NULL);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, KDBUS_CMD_ENDPOINT_MAKE, &b));
	make_start(&b, self->name);
	kd_add_str(&b, KDBUS_ITEM_MAKE_NAME, self->name);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->fd, KDBUS_CMD_ENDPOINT_MAKE, &b));
	for (i = 0; i < KD_ARRAY_SIZE(foreign); i++) {
		make_start(&b, self->name);
		kd_add(&b, foreign[i], sizes[i] == 4 ? "a.b" : zero, sizes[i]);
		EXPECT_EQ(-EINVAL,
			  kd_ioctl(self->fd, KDBUS_CMD_ENDPOINT_MAKE, &b));
		EXPECT_EQ(0, b.cmd.return_flags);
	}
	EXPECT_FALSE(exists(self->path));
	EXPECT_EQ(0, make(self->fd, self->name, 0));
}

/* EP-3, section 3.3: names */
TEST_F(make, names)
{
	char name[128], uid[16];
	size_t i, n;

	static const char *const bad[] = {
		"", "-", "--", "-.", "-x-", "-x.", "-x/y", "-x y", "-\xe4",
		"x", "_x", ".x",
	};

	n = snprintf(uid, sizeof(uid), "%u", (unsigned int)geteuid());
	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		snprintf(name, sizeof(name), "%s%s", uid, bad[i]);
		EXPECT_EQ(-EINVAL, make(self->fd, name, 0)) {
			TH_LOG("%s", name);
		}
	}
	snprintf(name, sizeof(name), "0%s-x", uid);
	EXPECT_EQ(-EINVAL, make(self->fd, name, 0));
	snprintf(name, sizeof(name), "%u-x", (unsigned int)geteuid() + 1);
	EXPECT_EQ(-EINVAL, make(self->fd, name, 0));
	EXPECT_EQ(-EINVAL, make(self->fd, "bus", 0));
	EXPECT_EQ(-EINVAL, make(self->fd, "control", 0));
	EXPECT_EQ(-EINVAL, make(self->fd, "x", 0));

	memset(name, 'x', sizeof(name));
	memcpy(name, uid, n);
	name[n] = '-';
	name[KD_NAME_MAX + 1] = 0;
	EXPECT_EQ(-ENAMETOOLONG, make(self->fd, name, 0));
	name[KD_NAME_MAX] = 0;
	EXPECT_EQ(0, make(self->fd, name, 0));
	close(self->fd);
	snprintf(name, sizeof(name), "%s-A.z_0-9.y", uid);
	EXPECT_LE(0, kd_endpoint_make(self->env.bus, name, 0));
}

/* EP-3, H-1: a name that is taken; the handle may try another one */
TEST_F(make, name_is_taken)
{
	char name[32], other[32], path[KD_PATH_MAX];
	int first, second, ctl;

	first = kd_endpoint_make(self->env.bus, self->name, 0);
	ASSERT_LE(0, first);
	EXPECT_EQ(-EEXIST, make(self->fd, self->name, 0));
	EXPECT_EQ(-EEXIST, make(self->fd, self->name, 3));
	/* names of another bus are no obstacle */
	kd_name(other, sizeof(other), "second");
	ctl = kd_bus_make(self->env.dir, other, 0);
	ASSERT_LE(0, ctl);
	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, other);
	second = kd_endpoint_make(path, self->name, 0);
	EXPECT_LE(0, second);
	kd_name(name, sizeof(name), "another");
	EXPECT_EQ(0, make(self->fd, name, 0));
	/* free again at once */
	close(first);
	EXPECT_LE(0, kd_endpoint_make(self->env.bus, self->name, 0));
}

/* CMD-3: what cannot be written back has not happened */
TEST_F(make, write_back)
{
	struct kd_block b;
	int i;

	make_start(&b, self->name);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EFAULT,
			  kd_ioctl_readonly(self->fd, KDBUS_CMD_ENDPOINT_MAKE,
					    &b));
		EXPECT_FALSE(exists(self->path));
	}
	EXPECT_EQ(0, kd_ioctl(self->fd, KDBUS_CMD_ENDPOINT_MAKE, &b));
	EXPECT_TRUE(exists(self->path));
}

/* NEG-1, NEG-4 */
TEST_F(make, negotiate)
{
	struct kd_block b;

	make_start(&b, NULL);
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, kd_ioctl(self->fd, KDBUS_CMD_ENDPOINT_MAKE, &b));
	EXPECT_EQ(3, b.cmd.flags);
	EXPECT_EQ(0, b.cmd.return_flags);
	make_start(&b, "unfit");
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE | 3;
	EXPECT_EQ(0, kd_ioctl(self->fd, KDBUS_CMD_ENDPOINT_MAKE, &b));
	ASSERT_EQ(0, make(self->fd, self->name, 0));
	make_start(&b, NULL);
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, kd_ioctl(self->fd, KDBUS_CMD_ENDPOINT_UPDATE, &b));
	EXPECT_EQ(0, b.cmd.flags);
}

/* PRIV-4: endpoints have no id, their connections do */
TEST_F(make, ids)
{
	struct kd_conn a, b;

	ASSERT_EQ(0, kd_connect(&a, self->env.bus));
	EXPECT_EQ(-EINVAL, make(self->fd, "x", 0));
	ASSERT_EQ(0, make(self->fd, self->name, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_connect(&b, self->path));
	EXPECT_EQ(a.id + 1, b.id);
	/* HELLO-1: flags and UUID of the bus, not of the endpoint */
	EXPECT_EQ(a.hello.bus_flags, b.hello.bus_flags);
	EXPECT_EQ(0, memcmp(a.hello.id128, b.hello.id128, 16));
}

/* W-26: 256 endpoints of a real uid, on whatever bus; others do not count */
TEST_F(make, limit)
{
	char name[32], path[KD_PATH_MAX];
	int fds[KD_ENDPOINTS_MAX], i, ctl, fd;
	struct kd_block b;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	kd_name(name, sizeof(name), "second");
	ctl = kd_bus_make(self->env.dir, name, 0);
	ASSERT_LE(0, ctl);
	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);

	ASSERT_EQ(0, setresuid(ALICE, 0, 0));
	for (i = 0; i < KD_ENDPOINTS_MAX; i++) {
		snprintf(name, sizeof(name), "0-%d", i);
		fds[i] = kd_endpoint_make(i % 2 ? path : self->env.bus, name,
					  0);
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(-EMFILE, make(self->fd, self->name, 0));
	EXPECT_FALSE(exists(self->path));
	EXPECT_EQ(-EMFILE, kd_endpoint_make(path, self->name, 0));
	/* a name that is taken is told first */
	EXPECT_EQ(-EEXIST, make(self->fd, "0-0", 0));
	/* another user is not concerned */
	ASSERT_EQ(0, setresuid(BOB, 0, 0));
	fd = kd_endpoint_make(path, self->name, 0);
	EXPECT_LE(0, fd);

	/* each that goes makes room for one, and what fails takes none */
	ASSERT_EQ(0, setresuid(ALICE, 0, 0));
	close(fds[0]);
	make_start(&b, self->name);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EFAULT,
			  kd_ioctl_readonly(self->fd, KDBUS_CMD_ENDPOINT_MAKE,
					    &b));
		EXPECT_EQ(-EEXIST, make(self->fd, "0-2", 0));
	}
	EXPECT_EQ(0, make(self->fd, self->name, 0));
	EXPECT_EQ(-EMFILE, kd_endpoint_make(self->env.bus, "0-x", 0));
	/* the end of a bus gives back all of its endpoints */
	close(ctl);
	for (i = 1; i < KD_ENDPOINTS_MAX; i += 2) {
		snprintf(name, sizeof(name), "0-%d", i);
		fd = kd_endpoint_make(self->env.bus, name, 0);
		ASSERT_LE(0, fd);
	}
	EXPECT_EQ(-EMFILE, kd_endpoint_make(self->env.bus, "0-x", 0));
}

/* H-7: the end of an endpoint is that of its connections, and no others */
TEST_F(make, endpoint_goes)
{
	struct kd_conn on, off;
	struct kd_block b;
	int none, copy;

	ASSERT_EQ(0, make(self->fd, self->name, 0));
	none = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, none);
	ASSERT_EQ(0, kd_connect(&on, self->path));
	ASSERT_EQ(0, kd_connect(&off, self->env.bus));
	ASSERT_EQ(0, kd_watch_ids(&off));
	/* a second reference keeps it */
	copy = dup(self->fd);
	close(self->fd);
	EXPECT_TRUE(exists(self->path));
	ASSERT_EQ(0, kd_send(&off, on.id, 1, NULL, 0));
	close(copy);
	EXPECT_FALSE(exists(self->path));
	EXPECT_EQ(-1, open(self->path, O_RDWR));
	EXPECT_EQ(ENOENT, errno);

	EXPECT_EQ(-ECONNRESET, kd_drop(&on));
	EXPECT_EQ(POLLERR | POLLHUP, kd_poll(on.fd, POLLIN, 0));
	kd_hello_start(&b, KD_POOL);
	EXPECT_EQ(-ESHUTDOWN, kd_ioctl(none, KDBUS_CMD_HELLO, &b));
	EXPECT_EQ(-ESHUTDOWN, kd_ioctl(none, KDBUS_CMD_ENDPOINT_MAKE, NULL));
	EXPECT_EQ(0, kd_id_removed(&off, on.id, KDBUS_HELLO_ACCEPT_FD));
	EXPECT_EQ(-ENXIO, kd_send(&off, on.id, 1, NULL, 0));
	EXPECT_EQ(0, kd_send(&off, off.id, 1, NULL, 0));
	/* POOL-2: the pool outlives it */
	EXPECT_EQ(1, kd_msg(&on, 0)->cookie);
}

/* H-3, EP-6: the end of the bus is that of all its endpoints */
TEST_F(make, bus_goes)
{
	struct kd_block b;
	struct kd_conn on;
	int none, pid;
	size_t i;

	ASSERT_EQ(0, make(self->fd, self->name, KDBUS_MAKE_ACCESS_WORLD));
	none = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, none);
	ASSERT_EQ(0, kd_connect(&on, self->path));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		int fd;

		ASSERT_EQ(0, kd_set_user(ALICE));
		fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		EXPECT_EQ(-EPERM, kd_ioctl(fd, KDBUS_CMD_ENDPOINT_MAKE, NULL));
		close(self->env.ctl);
		raise(SIGSTOP);
		/* EP-1 comes later */
		EXPECT_EQ(-ESHUTDOWN,
			  kd_ioctl(fd, KDBUS_CMD_ENDPOINT_MAKE, NULL));
		_exit(_metadata->exit_code);
	}
	ASSERT_EQ(pid, waitpid(pid, NULL, WUNTRACED));
	close(self->env.ctl);
	EXPECT_FALSE(exists(self->path));
	make_start(&b, NULL);
	EXPECT_EQ(-ESHUTDOWN,
		  kd_ioctl(self->fd, KDBUS_CMD_ENDPOINT_UPDATE, &b));
	for (i = 3; i < KD_ARRAY_SIZE(other_commands); i++) {
		EXPECT_EQ(-ESHUTDOWN,
			  kd_ioctl(self->fd, other_commands[i], NULL));
	}
	/* set-up commands are judged by the state first */
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EBADFD,
			  kd_ioctl(self->fd, other_commands[i], NULL));
	}
	EXPECT_EQ(-ESHUTDOWN, make(none, self->name, 0));
	EXPECT_EQ(-ECONNRESET, kd_drop(&on));
	ASSERT_EQ(0, kill(pid, SIGCONT));
	EXPECT_EQ(0, kd_wait(pid));
}

struct maker {
	pthread_t thread;
	pthread_barrier_t *barrier;
	const char *path;
	const char *name;
	int fd;
};

static void *race_to_make(void *data)
{
	struct maker *m = data;

	pthread_barrier_wait(m->barrier);
	m->fd = kd_endpoint_make(m->path, m->name, 0);
	return NULL;
}

/* EP-3: of several at the same time one gets the name */
TEST_F(make, race)
{
	pthread_barrier_t barrier;
	struct maker m[4];
	int i, n, made;

	ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, 4));
	for (n = 0; n < 50; n++) {
		made = 0;
		for (i = 0; i < 4; i++) {
			m[i].barrier = &barrier;
			m[i].path = self->env.bus;
			m[i].name = self->name;
			ASSERT_EQ(0, pthread_create(&m[i].thread, NULL,
						    race_to_make, &m[i]));
		}
		for (i = 0; i < 4; i++) {
			pthread_join(m[i].thread, NULL);
			if (m[i].fd >= 0) {
				made++;
			} else {
				EXPECT_EQ(-EEXIST, m[i].fd);
			}
		}
		EXPECT_EQ(1, made);
		for (i = 0; i < 4; i++)
			close(m[i].fd);
		EXPECT_FALSE(exists(self->path));
	}
}

static int write_map(int pid, const char *which, const char *map)
{
	char path[64];
	int fd, r;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, which);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write(fd, map, strlen(map)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* EP-3: a user whom the domain's namespace does not know has no prefix */
TEST_F(make, unmapped_user)
{
	int ready[2], go[2], pid, fd;
	char path[2 * KD_PATH_MAX];
	struct kd_env env;
	char c;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		close(ready[0]);
		close(go[1]);
		ASSERT_EQ(0, unshare(CLONE_NEWUSER | CLONE_NEWNS));
		ASSERT_EQ(1, write(ready[1], "u", 1));
		ASSERT_EQ(1, read(go[0], &c, 1));
		ASSERT_EQ(0, setresgid(0, 0, 0));
		ASSERT_EQ(0, setresuid(0, 0, 0));
		ASSERT_EQ(0, kd_env_init(&env, KDBUS_MAKE_ACCESS_WORLD));
		ASSERT_EQ(sizeof(env), write(ready[1], &env, sizeof(env)));
		/* until the parent is done */
		EXPECT_EQ(0, read(go[0], &c, 1));
		_exit(_metadata->exit_code);
	}
	close(ready[1]);
	close(go[0]);
	ASSERT_EQ(1, read(ready[0], &c, 1));
	ASSERT_EQ(0, write_map(pid, "uid_map", "0 4711 1\n"));
	ASSERT_EQ(0, write_map(pid, "gid_map", "0 4711 1\n"));
	ASSERT_EQ(1, write(go[1], "m", 1));
	ASSERT_EQ(sizeof(env), read(ready[0], &env, sizeof(env)));
	snprintf(path, sizeof(path), "/proc/%d/root%s", pid, env.bus);
	/* PRIV-1: power over that namespace makes an owner */
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, make(fd, "0-ep", 0));
	EXPECT_EQ(-EINVAL, make(fd, "65534-ep", 0));
	EXPECT_EQ(-EINVAL, make(fd, "4294967295-ep", 0));
	/* and as somebody it knows */
	ASSERT_EQ(0, setresuid(-1, ALICE, -1));
	EXPECT_EQ(-EINVAL, make(fd, "4711-ep", 0));
	EXPECT_EQ(0, make(fd, "0-ep", 0));
	ASSERT_EQ(0, setresuid(-1, 0, -1));
	close(go[1]);
	EXPECT_EQ(0, kd_wait(pid));
}

/*
 * Connections on a custom endpoint. The service is uid 0 on the default
 * endpoint and owns NAME, the stranger OTHER; nobody has any grant yet.
 */
FIXTURE(custom) {
	struct kd_env env;
	char path[KD_PATH_MAX];
	int ep;
	struct kd_conn service;
	struct kd_conn stranger;
	struct kd_conn root;	/* the other three are on the endpoint */
	struct kd_conn alice;
	struct kd_conn bob;
};

FIXTURE_SETUP(custom)
{
	char name[32];

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	kd_name(name, sizeof(name), "ep");
	snprintf(self->path, sizeof(self->path), "%s/%s", self->env.busdir,
		 name);
	self->ep = kd_endpoint_make(self->env.bus, name,
				    KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_LE(0, self->ep);
	ASSERT_EQ(0, kd_hello(&self->service, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_connect(&self->stranger, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->root, self->path));
	ASSERT_EQ(0, kd_connect_as(&self->alice, self->path, ALICE));
	ASSERT_EQ(0, kd_connect_as(&self->bob, self->path, BOB));
	ASSERT_EQ(0, kd_name_acquire(&self->service, NAME, 0, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->stranger, OTHER, 0, NULL));
}

FIXTURE_TEARDOWN(custom)
{
}

/* One grant for everybody, or none at all. */
static int set_policy(int ep, const char *name, uint64_t access)
{
	struct kd_block b;

	make_start(&b, NULL);
	if (name) {
		kd_add_str(&b, KDBUS_ITEM_NAME, name);
		kd_add_access(&b, WORLD, access, 0);
	}
	return kd_ioctl(ep, KDBUS_CMD_ENDPOINT_UPDATE, &b);
}

/* Two names. */
static int set_policies(int ep, const char *first, uint64_t first_access,
			const char *second, uint64_t second_access)
{
	struct kd_block b;

	make_start(&b, NULL);
	kd_add_str(&b, KDBUS_ITEM_NAME, first);
	kd_add_access(&b, WORLD, first_access, 0);
	kd_add_str(&b, KDBUS_ITEM_NAME, second);
	kd_add_access(&b, WORLD, second_access, 0);
	return kd_ioctl(ep, KDBUS_CMD_ENDPOINT_UPDATE, &b);
}

/* Send as a user; what arrives is taken. */
static int talk(const struct kd_conn *from, uint32_t id,
		const struct kd_conn *to)
{
	int r = kd_act_as(id);

	if (r != 0)
		return -ENOTRECOVERABLE;
	r = kd_send(from, to->id, 1, NULL, 0);
	if (kd_act_as(0) != 0)
		return -ENOTRECOVERABLE;
	return r ?: kd_drop(to);
}

static int own(const struct kd_conn *c, uint32_t id, const char *name)
{
	int r = kd_act_as(id);

	if (r != 0)
		return -ENOTRECOVERABLE;
	r = kd_name_acquire(c, name, 0, NULL);
	if (kd_act_as(0) != 0)
		return -ENOTRECOVERABLE;
	return r ?: kd_name_release(c, name);
}

static int info(const struct kd_conn *c, uint64_t id, const char *name)
{
	struct kdbus_cmd_info cmd;
	int r = kd_info(c, id, name, 0, &cmd);

	return r ?: kd_free(c, cmd.offset);
}

/* CEP-1, PRIV-1: nobody is owner here */
TEST_F(custom, ordinary_only)
{
	static const uint64_t zero[8];
	struct kd_conn c;
	struct kd_block b;

	EXPECT_EQ(-EPERM, kd_hello_name(&c, self->path, KDBUS_HELLO_ACTIVATOR,
					"com.example.x"));
	EXPECT_EQ(-EPERM, kd_hello_name(&c, self->path,
					KDBUS_HELLO_POLICY_HOLDER,
					"com.example.x"));
	EXPECT_EQ(-EOPNOTSUPP, kd_hello(&c, self->path, KDBUS_HELLO_MONITOR, 0,
					KD_POOL));
	/* 9.2: the size of the pool before, the masks after */
	EXPECT_EQ(-EINVAL, kd_hello(&c, self->path, KDBUS_HELLO_MONITOR, 0,
				    1));
	EXPECT_EQ(-EOPNOTSUPP, kd_hello(&c, self->path, KDBUS_HELLO_MONITOR,
					0x4000, KD_POOL));
	kd_hello_start(&b, KD_POOL);
	kd_add(&b, KDBUS_ITEM_CREDS, zero, 64);
	EXPECT_EQ(-EPERM, kd_hello_block(&c, self->path, &b));
	kd_hello_start(&b, KD_POOL);
	kd_add(&b, KDBUS_ITEM_PIDS, zero, 24);
	EXPECT_EQ(-EPERM, kd_hello_block(&c, self->path, &b));
	kd_hello_start(&b, KD_POOL);
	kd_add_str(&b, KDBUS_ITEM_SECLABEL, "x");
	EXPECT_EQ(-EPERM, kd_hello_block(&c, self->path, &b));
	/* a monitor who fakes gets the first of both */
	b.hello.flags = KDBUS_HELLO_MONITOR;
	EXPECT_EQ(-EOPNOTSUPP, kd_hello_block(&c, self->path, &b));
}

/* EP-4, POL-6: it starts with nothing, for uid 0 as well */
TEST_F(custom, starts_empty)
{
	EXPECT_NE(0, talk(&self->root, 0, &self->service));
	EXPECT_EQ(-EPERM, own(&self->root, 0, HIDDEN));
	EXPECT_EQ(-EPERM, own(&self->root, 0, NAME));
	EXPECT_EQ(-ESRCH, info(&self->root, 0, NAME));
	EXPECT_EQ(-ENXIO, info(&self->root, self->service.id, NULL));
	EXPECT_EQ(-ENXIO, info(&self->root, self->root.id, NULL));
}

/* POL-7, INFO-1: each access includes SEE; nothing else does */
TEST_F(custom, see)
{
	uint64_t access;

	for (access = SEE; access <= OWN; access++) {
		ASSERT_EQ(0, set_policy(self->ep, NAME, access));
		EXPECT_EQ(0, info(&self->alice, 0, NAME));
		EXPECT_EQ(0, info(&self->alice, self->service.id, NULL));
		EXPECT_EQ(0, info(&self->alice, self->service.id, NAME));
		EXPECT_EQ(-ESRCH, info(&self->alice, self->stranger.id, NAME));
		EXPECT_EQ(-ESRCH, info(&self->alice, self->service.id, OTHER));
		EXPECT_EQ(-ESRCH, info(&self->alice, 0, OTHER));
		EXPECT_EQ(-ENXIO, info(&self->alice, self->stranger.id, NULL));
		EXPECT_EQ(-ENXIO, info(&self->alice, ~0ULL - 1, NULL));
		EXPECT_EQ(-ESRCH, info(&self->alice, 0, HIDDEN));
	}
	/* POL-4: an entry without grants, and an empty list (EP-5) */
	ASSERT_EQ(0, set_policies(self->ep, "com.example.*", SEE, NAME, SEE));
	EXPECT_EQ(0, info(&self->alice, 0, OTHER));
	ASSERT_EQ(0, set_policy(self->ep, NULL, 0));
	EXPECT_EQ(-ESRCH, info(&self->alice, 0, NAME));
	EXPECT_EQ(-ENXIO, info(&self->alice, self->service.id, NULL));
	/* what the bus grants adds nothing */
}

/* PRIV-3: SEE by the current credentials of who asks */
TEST_F(custom, see_by_current_user)
{
	struct kd_block b;

	make_start(&b, NULL);
	kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
	kd_add_access(&b, USER, SEE, ALICE);
	ASSERT_EQ(0, kd_ioctl(self->ep, KDBUS_CMD_ENDPOINT_UPDATE, &b));
	EXPECT_EQ(-ESRCH, info(&self->alice, 0, NAME));
	ASSERT_EQ(0, kd_act_as(ALICE));
	EXPECT_EQ(0, info(&self->alice, 0, NAME));
	EXPECT_EQ(0, info(&self->bob, 0, NAME));
	EXPECT_EQ(0, info(&self->bob, self->service.id, NULL));
	ASSERT_EQ(0, kd_act_as(BOB));
	EXPECT_EQ(-ESRCH, info(&self->alice, 0, NAME));
	EXPECT_EQ(-ENXIO, info(&self->alice, self->service.id, NULL));
	EXPECT_EQ(-ESRCH, info(&self->bob, 0, NAME));
}

/* INFO-1, CEP-7: who owns no visible name is not there, oneself included */
TEST_F(custom, nameless)
{
	struct kd_conn holder, act, monitor, waiter;

	ASSERT_EQ(0, kd_hello_name(&holder, self->env.bus,
				   KDBUS_HELLO_POLICY_HOLDER, HIDDEN));
	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   NAME));
	ASSERT_EQ(0, kd_hello(&monitor, self->env.bus, KDBUS_HELLO_MONITOR, 0,
			      KD_POOL));
	ASSERT_EQ(0, kd_connect(&waiter, self->env.bus));
	ASSERT_EQ(0, kd_name_acquire(&waiter, NAME, KDBUS_NAME_QUEUE, NULL));
	ASSERT_EQ(0, set_policy(self->ep, "com.example.*", OWN));
	EXPECT_EQ(0, info(&self->alice, self->service.id, NULL));
	EXPECT_EQ(-ENXIO, info(&self->alice, self->alice.id, NULL));
	EXPECT_EQ(-ENXIO, info(&self->alice, self->bob.id, NULL));
	EXPECT_EQ(-ENXIO, info(&self->alice, holder.id, NULL));
	EXPECT_EQ(-ENXIO, info(&self->alice, act.id, NULL));
	EXPECT_EQ(-ENXIO, info(&self->alice, monitor.id, NULL));
	EXPECT_EQ(-ENXIO, info(&self->alice, waiter.id, NULL));
	/* names count while they are owned */
	ASSERT_EQ(0, kd_name_release(&waiter, NAME));
	ASSERT_EQ(0, kd_name_release(&self->service, NAME));
	EXPECT_EQ(0, info(&self->alice, act.id, NULL));
	EXPECT_EQ(0, info(&self->alice, 0, NAME));
	EXPECT_EQ(-ENXIO, info(&self->alice, self->service.id, NULL));
}

/* What LIST shows of a connection: records, and those with a given name. */
struct shown {
	int records;
	int named;
	int others;	/* records of anybody else */
};

static int list(const struct kd_conn *c, uint64_t flags, uint64_t id,
		const char *name, struct shown *shown)
{
	const struct kdbus_info *rec;
	const struct kdbus_item *item;
	struct kdbus_cmd_list cmd;
	uint64_t pos;
	int r;

	memset(shown, 0, sizeof(*shown));
	r = kd_list(c, flags, &cmd);
	if (r != 0)
		return r;
	for (pos = 0; pos < cmd.list_size; pos += rec->size) {
		rec = kd_record(c, cmd.offset + pos);
		item = kd_record_item(rec, KDBUS_ITEM_OWNED_NAME, 0);
		if (rec->size < sizeof(*rec))
			return -EPROTO;
		if (rec->id != id) {
			shown->others++;
			continue;
		}
		shown->records++;
		if (item && strcmp(item->name.name, name) == 0)
			shown->named++;
	}
	return kd_free(c, cmd.offset);
}

/* LIST-4, CEP-4: names that may not be seen are left out */
TEST_F(custom, list)
{
	const uint64_t all = KDBUS_LIST_UNIQUE | KDBUS_LIST_NAMES |
			     KDBUS_LIST_ACTIVATORS | KDBUS_LIST_QUEUED;
	struct shown s;

	ASSERT_EQ(0, list(&self->alice, KDBUS_LIST_NAMES, self->service.id,
			  NAME, &s));
	EXPECT_EQ(0, s.records);
	EXPECT_EQ(0, s.others);
	ASSERT_EQ(0, set_policy(self->ep, NAME, SEE));
	ASSERT_EQ(0, list(&self->alice, KDBUS_LIST_NAMES, self->service.id,
			  NAME, &s));
	EXPECT_EQ(1, s.named);
	EXPECT_EQ(1, s.records);
	EXPECT_EQ(0, s.others);
	ASSERT_EQ(0, list(&self->alice, all, self->service.id, NAME, &s));
	EXPECT_EQ(1, s.named);
	EXPECT_EQ(1, s.records);
	ASSERT_EQ(0, list(&self->alice, all, self->stranger.id, OTHER, &s));
	EXPECT_EQ(0, s.records);
	/* the visible one of two names */
	ASSERT_EQ(0, kd_name_acquire(&self->service, HIDDEN, 0, NULL));
	ASSERT_EQ(0, list(&self->alice, all, self->service.id, HIDDEN, &s));
	EXPECT_EQ(0, s.named);
	EXPECT_EQ(1, s.records);
	/* the default endpoint hides nothing */
	ASSERT_EQ(0, list(&self->stranger, all, self->service.id, HIDDEN, &s));
	EXPECT_EQ(1, s.named);
	EXPECT_EQ(2, s.records);
}

/* LIST-4: an activator whose name is visible, also while it is not primary */
TEST_F(custom, list_activators)
{
	struct kd_conn act, hidden;
	struct shown s;

	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   NAME));
	ASSERT_EQ(0, kd_hello_name(&hidden, self->env.bus,
				   KDBUS_HELLO_ACTIVATOR, HIDDEN));
	ASSERT_EQ(0, set_policy(self->ep, NAME, SEE));
	ASSERT_EQ(0, list(&self->alice, KDBUS_LIST_ACTIVATORS, act.id, NAME,
			  &s));
	EXPECT_EQ(1, s.named);
	EXPECT_EQ(0, s.others);
	ASSERT_EQ(0, list(&self->alice, KDBUS_LIST_ACTIVATORS |
			  KDBUS_LIST_UNIQUE, hidden.id, HIDDEN, &s));
	EXPECT_EQ(0, s.records);
}

/* W-16: UNIQUE alone does not give away who owns invisible names */
TEST_F(custom, list_unique)
{
	struct shown s;

	ASSERT_EQ(0, set_policy(self->ep, NAME, SEE));
	ASSERT_EQ(0, list(&self->alice, KDBUS_LIST_UNIQUE, self->stranger.id,
			  OTHER, &s));
	EXPECT_EQ(0, s.records);
	ASSERT_EQ(0, list(&self->alice, KDBUS_LIST_UNIQUE, self->service.id,
			  NAME, &s));
	EXPECT_EQ(1, s.records);
	EXPECT_EQ(0, s.named);
	/* nor anybody whom CONN_INFO would not find */
	EXPECT_EQ(0, s.others);
}

/* W-16: metadata names what the receiver may see, and no more */
TEST_F(custom, owned_names)
{
	const struct kdbus_item *item;
	struct kdbus_cmd_recv recv;
	struct kdbus_cmd_info cmd;
	struct kd_conn c;
	int i;

	ASSERT_EQ(0, kd_act_as(ALICE));
	ASSERT_EQ(0, kd_hello(&c, self->path, 0, KDBUS_ATTACH_NAMES, KD_POOL));
	ASSERT_EQ(0, kd_act_as(0));
	ASSERT_EQ(0, kd_name_acquire(&self->service, HIDDEN, 0, NULL));
	ASSERT_EQ(0, set_policy(self->ep, NAME, TALK));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, kd_info(&c, self->service.id, NULL,
				     KDBUS_ATTACH_NAMES, &cmd));
		item = kd_record_item(kd_record(&c, cmd.offset),
				      KDBUS_ITEM_OWNED_NAME, 0);
		ASSERT_NE(NULL, item);
		EXPECT_STREQ(NAME, item->name.name);
		item = kd_record_item(kd_record(&c, cmd.offset),
				      KDBUS_ITEM_OWNED_NAME, 1);
		EXPECT_EQ(i == 0, !item);

		ASSERT_EQ(0, kd_send(&self->service, c.id, 1, NULL, 0));
		ASSERT_EQ(0, kd_recv(&c, 0, 0, &recv));
		item = kd_item(kd_msg(&c, recv.msg.offset),
			       KDBUS_ITEM_OWNED_NAME, 0);
		ASSERT_NE(NULL, item);
		EXPECT_STREQ(NAME, item->name.name);
		item = kd_item(kd_msg(&c, recv.msg.offset),
			       KDBUS_ITEM_OWNED_NAME, 1);
		EXPECT_EQ(i == 0, !item);
		/* now the other one, too */
		ASSERT_EQ(0, set_policies(self->ep, NAME, TALK, HIDDEN, SEE));
	}
}

/* NOTE-4, CEP-4: NAME_* needs SEE of the opener, ID_* nothing (W-16) */
TEST_F(custom, notifications)
{
	struct kd_block b;
	struct kd_conn c;

	make_start(&b, NULL);
	kd_add_str(&b, KDBUS_ITEM_NAME, HIDDEN);
	kd_add_access(&b, USER, SEE, ALICE);
	ASSERT_EQ(0, kd_ioctl(self->ep, KDBUS_CMD_ENDPOINT_UPDATE, &b));
	ASSERT_EQ(0, kd_match_all(&self->alice, 1));
	ASSERT_EQ(0, kd_match_all(&self->bob, 1));

	ASSERT_EQ(0, kd_name_acquire(&self->service, HIDDEN, 0, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->service, "com.example.x", 0, NULL));
	ASSERT_EQ(0, kd_name_release(&self->service, HIDDEN));
	EXPECT_EQ(0, kd_name_added(&self->alice, HIDDEN, self->service.id,
				   KDBUS_NAME_PRIMARY));
	EXPECT_EQ(0, kd_name_removed(&self->alice, HIDDEN, self->service.id,
				     KDBUS_NAME_PRIMARY));
	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	EXPECT_EQ(0, kd_id_added(&self->alice, c.id, KDBUS_HELLO_ACCEPT_FD));
	EXPECT_EQ(0, kd_id_added(&self->bob, c.id, KDBUS_HELLO_ACCEPT_FD));
	kd_close(&c);
	EXPECT_EQ(0, kd_id_removed(&self->alice, c.id, KDBUS_HELLO_ACCEPT_FD));
	EXPECT_EQ(0, kd_id_removed(&self->bob, c.id, KDBUS_HELLO_ACCEPT_FD));
	EXPECT_EQ(-EAGAIN, kd_drop(&self->alice));
	EXPECT_EQ(-EAGAIN, kd_drop(&self->bob));
}

/* POL-9: the endpoint and then the bus must grant TALK, or the user is same */
TEST_F(custom, talk)
{
	enum { NONE = 3 };
	struct kd_conn holder;
	uint64_t ep, bus;

	for (ep = SEE; ep <= NONE; ep++) {
		for (bus = SEE; bus <= NONE; bus++) {
			bool at_ep = ep == TALK || ep == OWN;
			bool at_bus = bus == TALK || bus == OWN;
			int r;

			ASSERT_EQ(0, set_policy(self->ep, ep == NONE ? NULL :
						NAME, ep));
			if (bus != NONE) {
				ASSERT_EQ(0, kd_holder(&holder, self->env.bus,
						       NAME, WORLD, bus, 0));
			}
			/* line 4 or 5 */
			r = talk(&self->alice, ALICE, &self->service);
			if (ep == NONE) {
				/* W-16: as CONN_INFO says */
				EXPECT_EQ(-ENXIO, r);
			} else {
				EXPECT_EQ(at_ep && at_bus ? 0 : -EPERM, r);
			}
			/* line 3, which line 1 comes before */
			r = talk(&self->root, 0, &self->service);
			if (ep == NONE) {
				EXPECT_EQ(-ENXIO, r);
			} else {
				EXPECT_EQ(at_ep ? 0 : -EPERM, r);
			}
			/* the handle is nobody's: current credentials */
			r = talk(&self->alice, 0, &self->service);
			EXPECT_EQ(at_ep, r == 0);
			if (bus != NONE)
				kd_close(&holder);
		}
	}
}

/* POL-9: lines 1 and 4 may be satisfied by different names */
TEST_F(custom, talk_by_any_name)
{
	struct kd_conn holder;

	ASSERT_EQ(0, kd_name_acquire(&self->service, HIDDEN, 0, NULL));
	ASSERT_EQ(0, set_policy(self->ep, NAME, TALK));
	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, HIDDEN, WORLD, TALK,
			       0));
	EXPECT_EQ(0, talk(&self->alice, ALICE, &self->service));
	ASSERT_EQ(0, kd_name_release(&self->service, HIDDEN));
	EXPECT_EQ(-EPERM, talk(&self->alice, ALICE, &self->service));
	ASSERT_EQ(0, kd_name_acquire(&self->service, HIDDEN, 0, NULL));
	EXPECT_EQ(0, talk(&self->alice, ALICE, &self->service));
	ASSERT_EQ(0, kd_name_release(&self->service, NAME));
	EXPECT_NE(0, talk(&self->alice, ALICE, &self->service));
}

/* POL-4, W-1, EP-5: wildcards serve endpoints as well */
TEST_F(custom, wildcards)
{
	ASSERT_EQ(0, set_policies(self->ep, "com.example.*", TALK, OTHER,
				  SEE));
	EXPECT_EQ(0, talk(&self->root, 0, &self->service));
	EXPECT_EQ(-EPERM, talk(&self->root, 0, &self->stranger));
	ASSERT_EQ(0, set_policies(self->ep, "com.*", TALK, OTHER, TALK));
	EXPECT_NE(0, talk(&self->root, 0, &self->service));
	EXPECT_EQ(0, talk(&self->root, 0, &self->stranger));
}

/* POL-8: the endpoint and the bus must grant OWN, to uid 0 as well */
TEST_F(custom, own)
{
	enum { NONE = 3 };
	struct kd_conn holder;
	uint64_t ep, bus;
	int want;

	for (ep = SEE; ep <= NONE; ep++) {
		for (bus = SEE; bus <= NONE; bus++) {
			ASSERT_EQ(0, set_policy(self->ep, ep == NONE ? NULL :
						HIDDEN, ep));
			if (bus != NONE) {
				ASSERT_EQ(0, kd_holder(&holder, self->env.bus,
						       HIDDEN, WORLD, bus, 0));
			}
			want = ep == OWN && bus == OWN ? 0 : -EPERM;
			EXPECT_EQ(want, own(&self->alice, ALICE, HIDDEN));
			EXPECT_EQ(want, own(&self->root, 0, HIDDEN));
			if (bus != NONE)
				kd_close(&holder);
		}
	}
}

/* W-16, W-37: errors that would give away what may not be seen */
TEST_F(custom, no_probing)
{
	struct kd_conn act;
	struct kd_block b;

	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   HIDDEN));
	ASSERT_EQ(0, set_policy(self->ep, NAME, SEE));
	ASSERT_EQ(0, kd_act_as(ALICE));
	/* visible */
	EXPECT_EQ(-EPERM, kd_send_name(&self->alice, NAME, 1));
	EXPECT_EQ(-EPERM, kd_send(&self->alice, self->service.id, 1, NULL, 0));
	EXPECT_EQ(-EADDRINUSE, kd_name_release(&self->alice, NAME));
	/* invisible, and not there */
	EXPECT_EQ(-ESRCH, kd_send_name(&self->alice, OTHER, 1));
	EXPECT_EQ(-ESRCH, kd_send_name(&self->alice, "com.example.x", 1));
	EXPECT_EQ(-ENXIO, kd_send(&self->alice, self->stranger.id, 1, NULL, 0));
	EXPECT_EQ(-ENXIO, kd_send(&self->alice, ~0ULL - 1, 1, NULL, 0));
	EXPECT_EQ(-ENXIO, kd_call(&self->alice, self->stranger.id, 1, KD_PAST));
	EXPECT_EQ(-ESRCH, kd_name_release(&self->alice, OTHER));
	EXPECT_EQ(-ESRCH, kd_name_release(&self->alice, "com.example.x"));
	kd_msg_start_name(&b, OTHER);
	b.msg.dst_id = self->service.id;
	EXPECT_EQ(-ESRCH, kd_msg_send(&self->alice, &b));
	kd_msg_start_name(&b, HIDDEN);
	b.msg.flags = KDBUS_MSG_NO_AUTO_START;
	EXPECT_EQ(-ESRCH, kd_msg_send(&self->alice, &b));
	/* POL-11: NAME_ACQUIRE never told */
	EXPECT_EQ(-EPERM, kd_name_acquire(&self->alice, OTHER, 0, NULL));
	EXPECT_EQ(-EPERM, kd_name_acquire(&self->alice, "com.example.x", 0,
					  NULL));
	ASSERT_EQ(0, kd_act_as(0));
	EXPECT_EQ(-EAGAIN, kd_drop(&self->stranger));
}

/* REPLY-2: having been called is permission enough, by whoever it was */
TEST_F(custom, replies)
{
	struct kd_conn nameless;

	ASSERT_EQ(0, kd_connect(&nameless, self->env.bus));
	ASSERT_EQ(0, kd_call(&nameless, self->alice.id, 1, KD_FAR));
	ASSERT_EQ(0, kd_call(&self->stranger, self->alice.id, 2, KD_FAR));
	ASSERT_EQ(0, kd_act_as(ALICE));
	EXPECT_EQ(0, kd_reply(&self->alice, nameless.id, 1, NULL, 0));
	EXPECT_NE(0, kd_reply(&self->alice, nameless.id, 1, NULL, 0));
	EXPECT_EQ(0, kd_reply(&self->alice, self->stranger.id, 2, NULL, 0));
	EXPECT_NE(0, kd_send(&self->alice, nameless.id, 1, NULL, 0));
	ASSERT_EQ(0, kd_act_as(0));
	EXPECT_EQ(0, kd_drop(&nameless));
	EXPECT_EQ(0, kd_drop(&self->stranger));
}

static int hears(const struct kd_conn *from, const struct kd_conn *to,
		 uint64_t dst)
{
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	int r;

	kd_signal_start(&b, dst, 7);
	r = kd_msg_send(from, &b);
	if (r != 0)
		return r;
	r = kd_recv(to, KDBUS_RECV_DROP, 0, &cmd);
	return cmd.dropped_msgs ? -EPROTO : r;
}

/* CEP-7, POL-10: only those are heard who own a name with TALK */
TEST_F(custom, signals)
{
	struct kd_conn nameless, holder;
	int i;

	ASSERT_EQ(0, kd_connect(&nameless, self->env.bus));
	ASSERT_EQ(0, kd_match_signals(&self->alice, 1));
	ASSERT_EQ(0, kd_match_signals(&self->root, 1));
	ASSERT_EQ(0, kd_match_signals(&self->service, 1));
	ASSERT_EQ(0, set_policies(self->ep, NAME, TALK, OTHER, SEE));
	for (i = 0; i < 2; i++) {
		uint64_t root = i ? KDBUS_DST_ID_BROADCAST : self->root.id;
		uint64_t alice = i ? KDBUS_DST_ID_BROADCAST : self->alice.id;

		EXPECT_EQ(0, hears(&self->service, &self->root, root));
		EXPECT_EQ(-EAGAIN, hears(&self->stranger, &self->root, root));
		EXPECT_EQ(-EAGAIN, hears(&nameless, &self->root, root));
		EXPECT_EQ(-EAGAIN, hears(&self->root, &self->root, root));
		/* not the same user: the bus must grant it, too */
		EXPECT_EQ(-EAGAIN, hears(&self->service, &self->alice, alice));
	}
	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, NAME, USER, TALK,
			       ALICE));
	while (kd_drop(&self->root) == 0)
		;
	EXPECT_EQ(0, hears(&self->service, &self->alice, self->alice.id));
	EXPECT_EQ(0, hears(&self->service, &self->alice,
			   KDBUS_DST_ID_BROADCAST));
	/* SEND-9: to be sent, signals need no permission at all */
	while (kd_drop(&self->service) == 0)
		;
	EXPECT_EQ(0, hears(&self->root, &self->service,
			   KDBUS_DST_ID_BROADCAST));
}

/* CEP-7: talking to oneself takes a granted name */
TEST_F(custom, oneself)
{
	struct kd_conn holder;

	/* no secret to keep, so not ENXIO */
	EXPECT_EQ(-EPERM, talk(&self->root, 0, &self->root));
	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, HIDDEN, WORLD, OWN, 0));
	ASSERT_EQ(0, set_policy(self->ep, HIDDEN, OWN));
	ASSERT_EQ(0, kd_name_acquire(&self->root, HIDDEN, 0, NULL));
	EXPECT_EQ(0, talk(&self->root, 0, &self->root));
	EXPECT_EQ(0, info(&self->root, self->root.id, NULL));
	EXPECT_EQ(0, talk(&self->alice, ALICE, &self->root));
	ASSERT_EQ(0, set_policy(self->ep, HIDDEN, SEE));
	EXPECT_EQ(-EPERM, talk(&self->root, 0, &self->root));
}

/* CEP-5: others talk to them by their own policy; B's endpoint is no matter */
TEST_F(custom, from_outside)
{
	struct kd_conn outside, holder;

	ASSERT_EQ(0, kd_connect_as(&outside, self->env.bus, BOB));
	EXPECT_EQ(0, talk(&self->service, 0, &self->alice));
	EXPECT_EQ(-EPERM, talk(&outside, BOB, &self->alice));
	/* the same user */
	EXPECT_EQ(0, talk(&outside, BOB, &self->bob));
	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, HIDDEN, WORLD, OWN, 0));
	ASSERT_EQ(0, set_policy(self->ep, HIDDEN, OWN));
	ASSERT_EQ(0, kd_name_acquire(&self->alice, HIDDEN, 0, NULL));
	EXPECT_EQ(0, talk(&outside, BOB, &self->alice));
	ASSERT_EQ(0, set_policy(self->ep, NULL, 0));
	EXPECT_EQ(0, talk(&outside, BOB, &self->alice));
}

/* POL-5, EP-5: a new list counts at once and revokes nothing */
TEST_F(custom, update)
{
	struct kd_conn holder;
	uint64_t flags;

	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, HIDDEN, WORLD, OWN, 0));
	ASSERT_EQ(0, set_policies(self->ep, HIDDEN, OWN, NAME, TALK));
	ASSERT_EQ(0, kd_name_acquire(&self->alice, HIDDEN, 0, NULL));
	ASSERT_EQ(0, kd_send(&self->root, self->service.id, 1, NULL, 0));
	ASSERT_EQ(0, set_policy(self->ep, NULL, 0));
	EXPECT_NE(0, talk(&self->root, 0, &self->service));
	EXPECT_EQ(0, kd_drop(&self->service));
	EXPECT_EQ(0, kd_entry(&self->service, self->alice.id, HIDDEN, &flags));
	EXPECT_EQ(KDBUS_NAME_PRIMARY, flags);
	EXPECT_EQ(-EPERM, kd_name_acquire(&self->alice, HIDDEN, 0, NULL));
	/* W-16: what it owns it may give back, seen or not */
	EXPECT_EQ(0, kd_name_release(&self->alice, HIDDEN));
}

/* CMD-3, W-21: effects of what cannot be written back persist */
TEST_F(custom, write_back)
{
	struct kd_block b;

	make_start(&b, NULL);
	kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
	kd_add_access(&b, WORLD, TALK, 0);
	EXPECT_EQ(-EFAULT, kd_ioctl_readonly(self->ep,
					     KDBUS_CMD_ENDPOINT_UPDATE, &b));
	EXPECT_EQ(0, talk(&self->root, 0, &self->service));
}

/* EP-5: as many names as a block can hold */
TEST_F(custom, many_names)
{
	struct kd_block b;
	char name[32];
	int i;

	make_start(&b, NULL);
	for (i = 0; KD_ALIGN8(b.size) + 3 * 80 <= KD_BLOCK_MAX; i++) {
		snprintf(name, sizeof(name), "a.b%d", i);
		kd_add_str(&b, KDBUS_ITEM_NAME, name);
		if (i % 2)
			kd_add_access(&b, WORLD, SEE, 0);
	}
	EXPECT_LT(500, i);
	kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
	kd_add_access(&b, WORLD, TALK, 0);
	ASSERT_EQ(0, kd_ioctl(self->ep, KDBUS_CMD_ENDPOINT_UPDATE, &b));
	EXPECT_EQ(0, talk(&self->root, 0, &self->service));
	/* the last name once more */
	kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
	EXPECT_EQ(-EEXIST, kd_ioctl(self->ep, KDBUS_CMD_ENDPOINT_UPDATE, &b));
	EXPECT_EQ(0, talk(&self->root, 0, &self->service));
	b.size = KD_BLOCK_MAX + 8;
	EXPECT_EQ(-EMSGSIZE,
		  kd_ioctl(self->ep, KDBUS_CMD_ENDPOINT_UPDATE, &b));
	EXPECT_EQ(0, talk(&self->root, 0, &self->service));
}

/* EP-5: databases of endpoints, and of the bus, are independent */
TEST_F(custom, independent)
{
	struct kd_conn holder, c;
	char name[32], path[KD_PATH_MAX];
	int second;

	kd_name(name, sizeof(name), "second");
	snprintf(path, sizeof(path), "%s/%s", self->env.busdir, name);
	second = kd_endpoint_make(self->env.bus, name, 0);
	ASSERT_LE(0, second);
	ASSERT_EQ(0, kd_connect(&c, path));
	ASSERT_EQ(0, set_policy(self->ep, NAME, TALK));
	EXPECT_NE(0, talk(&c, 0, &self->service));
	ASSERT_EQ(0, set_policy(second, NAME, TALK));
	EXPECT_EQ(0, talk(&c, 0, &self->service));
	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, NAME, WORLD, SEE, 0));
	ASSERT_EQ(0, set_policy(self->ep, NULL, 0));
	EXPECT_EQ(0, talk(&c, 0, &self->service));
	EXPECT_NE(0, talk(&self->root, 0, &self->service));
	close(second);
	EXPECT_EQ(-ECONNRESET, kd_send(&c, self->service.id, 1, NULL, 0));
}

struct updater {
	pthread_t thread;
	int ep;
	int stop;
	int error;
	unsigned int done;
};

/* Lists that have nothing in common but one grant. */
static void *keep_updating(void *data)
{
	struct updater *u = data;

	while (!u->error && !__atomic_load_n(&u->stop, __ATOMIC_RELAXED))
		u->error = u->done++ % 2 ?
			   set_policies(u->ep, "a.b", OWN, NAME, TALK) :
			   set_policies(u->ep, NAME, OWN, "c.d", SEE);
	return NULL;
}

/* EP-5: the list is replaced at once: no moment without the grant */
TEST_F_TIMEOUT(custom, update_is_atomic, 120)
{
	struct updater u = { .ep = self->ep };
	int i;

	ASSERT_EQ(0, set_policy(self->ep, NAME, TALK));
	ASSERT_EQ(0, pthread_create(&u.thread, NULL, keep_updating, &u));
	for (i = 0; i < 3000; i++) {
		ASSERT_EQ(0, kd_send(&self->root, self->service.id, 1, NULL,
				     0));
		ASSERT_EQ(0, kd_drop(&self->service));
		ASSERT_EQ(0, info(&self->alice, 0, NAME));
		ASSERT_EQ(0, info(&self->alice, self->service.id, NULL));
	}
	__atomic_store_n(&u.stop, 1, __ATOMIC_RELAXED);
	pthread_join(u.thread, NULL);
	EXPECT_EQ(0, u.error);
	EXPECT_LT(2, u.done);
}

/* CEP-6: a bind mount over the path of the default endpoint */
TEST_F(custom, bind_mount)
{
	struct kd_conn c;

	ASSERT_EQ(0, set_policy(self->ep, NAME, TALK));
	ASSERT_EQ(0, mount(self->path, self->env.bus, NULL, MS_BIND, NULL));
	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	EXPECT_EQ(0, talk(&c, 0, &self->service));
	EXPECT_EQ(0, info(&c, 0, NAME));
	EXPECT_EQ(-ESRCH, info(&c, 0, OTHER));
	EXPECT_EQ(-EPERM, kd_endpoint_make(self->env.bus, "0-x", 0));
	/* FS-9: it stays resolved when the endpoint has gone */
	close(self->ep);
	EXPECT_EQ(-ECONNRESET, kd_send(&c, self->service.id, 1, NULL, 0));
	EXPECT_EQ(-ESHUTDOWN, kd_connect(&c, self->env.bus));
	ASSERT_EQ(0, umount2(self->env.bus, MNT_DETACH));
	EXPECT_EQ(0, kd_connect(&c, self->env.bus));
}

static int fill(const struct kd_conn *from, const struct kd_conn *to)
{
	int i, r;

	for (i = 0; i < KD_QUEUE_MAX; i++) {
		r = kd_send(from, to->id, 1, NULL, 0);
		if (r != 0)
			return r;
	}
	r = kd_send(from, to->id, 1, NULL, 0);
	return r == -ENOBUFS ? 0 : r ?: -EPROTO;
}

/* QUOTA-2, CEP-3, W-36: one user of an endpoint cannot block another */
TEST_F(custom, queue_quota)
{
	struct kd_conn holder, second, outside, elsewhere;
	char name[32], path[KD_PATH_MAX];
	int ep;

	kd_name(name, sizeof(name), "second");
	snprintf(path, sizeof(path), "%s/%s", self->env.busdir, name);
	ep = kd_endpoint_make(self->env.bus, name, KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, set_policy(ep, NAME, TALK));
	ASSERT_EQ(0, set_policy(self->ep, NAME, TALK));
	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, NAME, WORLD, TALK, 0));
	ASSERT_EQ(0, kd_connect_as(&second, self->path, ALICE));
	ASSERT_EQ(0, kd_connect_as(&outside, self->env.bus, ALICE));
	ASSERT_EQ(0, kd_connect_as(&elsewhere, path, ALICE));

	ASSERT_EQ(0, fill(&self->alice, &self->service));
	EXPECT_EQ(-ENOBUFS, kd_send(&second, self->service.id, 1, NULL, 0));
	EXPECT_EQ(0, kd_send(&self->bob, self->service.id, 1, NULL, 0));
	EXPECT_EQ(0, kd_send(&self->root, self->service.id, 1, NULL, 0));
	EXPECT_EQ(0, kd_send(&outside, self->service.id, 1, NULL, 0));
	EXPECT_EQ(0, kd_send(&elsewhere, self->service.id, 1, NULL, 0));
	/* nor does the outside count inside */
	ASSERT_EQ(0, fill(&self->stranger, &self->service));
	EXPECT_EQ(0, kd_send(&self->root, self->service.id, 1, NULL, 0));
}

/* CEP-3, W-36, section 32: 1024 connections of a user of an endpoint */
TEST_F_TIMEOUT(custom, connection_limit, 120)
{
	struct rlimit files = { KD_CONNS_MAX + 64, KD_CONNS_MAX + 64 };
	static int fds[KD_CONNS_MAX];
	struct kd_conn c;
	int i;

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		SKIP(return, "cannot have that many files");
	for (i = 1; i < KD_CONNS_MAX; i++) {
		fds[i] = kd_hello_only(self->path);
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(-EMFILE, kd_connect(&c, self->path));
	EXPECT_EQ(0, kd_connect(&c, self->env.bus));
	EXPECT_EQ(0, kd_connect_as(&c, self->path, ALICE));
	close(fds[1]);
	EXPECT_EQ(0, kd_connect(&c, self->path));
	EXPECT_EQ(-EMFILE, kd_connect(&c, self->path));
}

struct worker {
	pthread_t thread;
	const char *path;
	int *stop;
	int error;
	unsigned int done;
};

/* Connect and try something until the endpoint or the bus is gone. */
static void *use_endpoint(void *data)
{
	struct worker *w = data;
	struct kd_conn c;

	while (!__atomic_load_n(w->stop, __ATOMIC_RELAXED)) {
		int r = kd_connect(&c, w->path);

		if (r == 0) {
			r = kd_name_acquire(&c, "com.example.x", 0, NULL);
			w->done++;
			kd_close(&c);
		}
		if (r != -ENOENT && r != -ESHUTDOWN && r != -ECONNRESET &&
		    r != -EPERM)
			w->error = r ?: -EPROTO;
		if (w->error)
			break;
	}
	return NULL;
}

/* H-7, BYE-3: endpoints come and go while somebody uses them */
TEST_F_TIMEOUT(custom, churn, 120)
{
	struct worker w[2] = { 0 };
	char name[32], path[KD_PATH_MAX];
	int i, n, ep, stop = 0;

	kd_name(name, sizeof(name), "churn");
	snprintf(path, sizeof(path), "%s/%s", self->env.busdir, name);
	for (i = 0; i < 2; i++) {
		w[i].path = path;
		w[i].stop = &stop;
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, use_endpoint,
					    &w[i]));
	}
	for (n = 0; n < 300; n++) {
		ep = kd_endpoint_make(self->env.bus, name, 0);
		ASSERT_LE(0, ep);
		EXPECT_EQ(0, set_policy(ep, NAME, TALK));
		if (n % 3)
			sched_yield();
		close(ep);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(0, w[i].error);
	}
	TH_LOG("%u and %u connections", w[0].done, w[1].done);
}

TEST_HARNESS_MAIN
