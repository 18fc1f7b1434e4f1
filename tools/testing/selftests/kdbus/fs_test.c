// SPDX-License-Identifier: GPL-2.0-only
/*
 * kdbusfs: mounts, nodes, modes, lookup (rules FS-1 to FS-12)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define OTHER_USER	4711

/* open() and close(): 0 or -errno */
static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int try_stat(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -errno : 0;
}

FIXTURE(fs) {
	struct kd_env env;
	char control[KD_PATH_MAX];
};

FIXTURE_SETUP(fs)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	snprintf(self->control, sizeof(self->control), "%s/control",
		 self->env.dir);
}

FIXTURE_TEARDOWN(fs)
{
}

/* FS-1: conventional mount point */
TEST_F(fs, mount_point_exists)
{
	struct stat st;

	if (access("/sys/kernel", F_OK) < 0)
		SKIP(return, "no sysfs here");
	ASSERT_EQ(0, stat("/sys/fs/kdbus", &st));
	EXPECT_TRUE(S_ISDIR(st.st_mode));
}

/* FS-1: statfs */
TEST_F(fs, statfs)
{
	struct statfs s;

	ASSERT_EQ(0, statfs(self->env.dir, &s));
	EXPECT_EQ(KD_SUPER_MAGIC, s.f_type);
	EXPECT_EQ(getpagesize(), s.f_bsize);
	EXPECT_EQ(255, s.f_namelen);
}

/* FS-2: source and options are ignored, whatever they contain */
TEST_F(fs, options_are_ignored)
{
	char dir[64];

	ASSERT_EQ(0, kd_mount(dir, sizeof(dir)));
	EXPECT_EQ(0, mount("any source", dir, "kdbusfs", 0, "foo=bar,,baz"));
	EXPECT_EQ(0, mount("", dir, "kdbusfs", 0, "\x01"));
	EXPECT_EQ(0, mount("kdbusfs", dir, "kdbusfs", 0, ""));
}

/* FS-2: every mount is a domain of its own, a bind mount is the same one */
TEST_F(fs, domains_are_independent)
{
	char dir[64], name[32], path[KD_PATH_MAX];
	int fd;

	ASSERT_EQ(0, kd_mount(dir, sizeof(dir)));
	snprintf(path, sizeof(path), "%s/%s", dir, self->env.name);
	EXPECT_EQ(-ENOENT, try_stat(path));

	/* the same name is free in the other domain */
	fd = kd_bus_make(dir, self->env.name, 0);
	EXPECT_LE(0, fd);
	EXPECT_EQ(0, try_stat(path));

	kd_name(name, sizeof(name), "second");
	ASSERT_EQ(0, mount(self->env.dir, dir, NULL, MS_BIND, NULL));
	fd = kd_bus_make(dir, name, 0);
	EXPECT_LE(0, fd);
	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
	EXPECT_EQ(0, try_stat(path));
}

/* FS-2, BUS-3: mounting in a user namespace; ids it does not map */
TEST_F(fs, mount_in_user_namespace)
{
	const char *dir = self->env.dir;
	int pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		ASSERT_EQ(0, kd_set_user(OTHER_USER));
		ASSERT_EQ(0, unshare(CLONE_NEWUSER | CLONE_NEWNS));
		ASSERT_EQ(0, mount("x", dir, "kdbusfs", 0, NULL));
		EXPECT_EQ(-EINVAL, kd_bus_make(dir, "0-test", 0));
		EXPECT_EQ(-EINVAL, kd_bus_make(dir, "4711-test", 0));
		EXPECT_EQ(-EINVAL, kd_bus_make(dir, "65534-test", 0));
		_exit(_metadata->exit_code);
	}
	EXPECT_EQ(0, kd_wait(pid));
}

/* FS-3, BUS-3: the number is the one of the mounter's namespace */
TEST_F(fs, mapped_mount_in_user_namespace)
{
	const char *dir = self->env.dir;
	int pid, fd;

	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		ASSERT_EQ(0, kd_set_user(OTHER_USER));
		ASSERT_EQ(0, unshare(CLONE_NEWUSER | CLONE_NEWNS));
		fd = open("/proc/self/uid_map", O_WRONLY);
		ASSERT_LE(0, fd);
		ASSERT_EQ(9, write(fd, "77 4711 1", 9));
		close(fd);
		ASSERT_EQ(0, mount("x", dir, "kdbusfs", 0, NULL));
		EXPECT_EQ(-EINVAL, kd_bus_make(dir, "4711-test", 0));
		EXPECT_LE(0, kd_bus_make(dir, "77-test", 0));
		_exit(_metadata->exit_code);
	}
	EXPECT_EQ(0, kd_wait(pid));
}

/* FS-3, BUS-3: a domain of the parent namespace sees the parent's numbers */
TEST_F(fs, parent_domain_in_user_namespace)
{
	const char *dir = self->env.dir;
	int pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		ASSERT_EQ(0, kd_set_user(OTHER_USER));
		ASSERT_EQ(0, unshare(CLONE_NEWUSER));
		EXPECT_EQ(-EINVAL, kd_bus_make(dir, "65534-test", 0));
		EXPECT_LE(0, kd_bus_make(dir, "4711-test", 0));
		_exit(_metadata->exit_code);
	}
	EXPECT_EQ(0, kd_wait(pid));
}

/* FS-4, W-53: root directory and control belong to the mounter's uid 0 */
TEST_F(fs, root_and_control)
{
	struct stat st;

	ASSERT_EQ(0, stat(self->env.dir, &st));
	EXPECT_EQ(S_IFDIR | 0555, st.st_mode);
	EXPECT_EQ(2, st.st_nlink);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);
	ASSERT_EQ(0, stat(self->control, &st));
	EXPECT_EQ(S_IFREG | 0666, st.st_mode);
	EXPECT_EQ(1, st.st_nlink);
	EXPECT_EQ(0, st.st_size);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);
}

FIXTURE(modes) {
	struct kd_env env;
};

FIXTURE_VARIANT(modes) {
	uint64_t flags;
	unsigned int dir;
	unsigned int file;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(modes, none) {
	.flags = 0, .dir = 0500, .file = 0600,
};

FIXTURE_VARIANT_ADD(modes, group) {
	.flags = KDBUS_MAKE_ACCESS_GROUP, .dir = 0550, .file = 0660,
};

FIXTURE_VARIANT_ADD(modes, world) {
	.flags = KDBUS_MAKE_ACCESS_WORLD, .dir = 0555, .file = 0666,
};

FIXTURE_VARIANT_ADD(modes, both) {
	.flags = KDBUS_MAKE_ACCESS_GROUP | KDBUS_MAKE_ACCESS_WORLD,
	.dir = 0555, .file = 0666,
};

/* clang-format on */

FIXTURE_SETUP(modes)
{
	umask(0777);
	ASSERT_EQ(0, kd_env_init(&self->env, variant->flags));
}

FIXTURE_TEARDOWN(modes)
{
}

/* FS-4, BUS-1: modes follow the flags of BUS_MAKE, not the umask */
TEST_F(modes, bus)
{
	struct stat st;

	ASSERT_EQ(0, stat(self->env.busdir, &st));
	EXPECT_EQ(S_IFDIR | variant->dir, st.st_mode);
	EXPECT_EQ(geteuid(), st.st_uid);
	EXPECT_EQ(getegid(), st.st_gid);
	ASSERT_EQ(0, stat(self->env.bus, &st));
	EXPECT_EQ(S_IFREG | variant->file, st.st_mode);
	EXPECT_EQ(geteuid(), st.st_uid);
	EXPECT_EQ(getegid(), st.st_gid);
}

/* FS-4, FS-10: ordinary file permissions decide who may open */
TEST_F(modes, others)
{
	bool open_to_all = variant->flags & KDBUS_MAKE_ACCESS_WORLD;
	int pid = fork();

	ASSERT_LE(0, pid);
	if (pid == 0) {
		ASSERT_EQ(0, kd_set_user(OTHER_USER));
		EXPECT_EQ(open_to_all ? 0 : -EACCES,
			  try_open(self->env.bus, O_RDWR));
		_exit(_metadata->exit_code);
	}
	EXPECT_EQ(0, kd_wait(pid));
}

/* FS-4: a new object belongs to the effective ids of its maker */
TEST_F(fs, owner_is_effective_id)
{
	char name[32], path[KD_PATH_MAX];
	struct stat st;
	int fd;

	ASSERT_EQ(0, setegid(OTHER_USER));
	ASSERT_EQ(0, seteuid(OTHER_USER));
	kd_name(name, sizeof(name), "other");
	fd = kd_bus_make(self->env.dir, name, KDBUS_MAKE_ACCESS_WORLD);
	EXPECT_LE(0, fd);
	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
	ASSERT_EQ(0, stat(path, &st));
	EXPECT_EQ(OTHER_USER, st.st_uid);
	EXPECT_EQ(OTHER_USER, st.st_gid);
}

/* FS-6: attributes */
TEST_F(fs, attributes)
{
	struct stat dir, bus, again;
	int fd;

	ASSERT_EQ(0, stat(self->env.busdir, &dir));
	ASSERT_EQ(0, stat(self->env.bus, &bus));
	EXPECT_EQ(2, dir.st_nlink);
	EXPECT_EQ(1, bus.st_nlink);
	EXPECT_EQ(0, dir.st_size);
	EXPECT_EQ(0, bus.st_size);
	EXPECT_LT(0, dir.st_ino);
	EXPECT_LT(0, bus.st_ino);
	EXPECT_GT(UINT32_MAX, bus.st_ino);
	EXPECT_NE(dir.st_ino, bus.st_ino);

	fd = open(self->env.bus, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	close(self->env.ctl);
	ASSERT_EQ(0, fstat(fd, &again));
	EXPECT_EQ(bus.st_ino, again.st_ino);
	EXPECT_EQ(1, again.st_nlink);
}

/* FS-6: inode numbers are unique over all domains */
TEST_F(fs, inode_numbers_over_domains)
{
	char path[KD_PATH_MAX], dir[64];
	struct stat a, b;

	ASSERT_EQ(0, kd_mount(dir, sizeof(dir)));
	snprintf(path, sizeof(path), "%s/control", dir);
	ASSERT_EQ(0, stat(self->control, &a));
	ASSERT_EQ(0, stat(path, &b));
	EXPECT_NE(a.st_ino, b.st_ino);
	ASSERT_EQ(0, stat(self->env.dir, &a));
	ASSERT_EQ(0, stat(dir, &b));
	EXPECT_NE(a.st_ino, b.st_ino);
}

/* FS-6: reading the directory */
TEST_F(fs, readdir)
{
	unsigned int control = 0, bus = 0, others = 0;
	struct dirent *e;
	struct stat st;
	DIR *d;

	d = opendir(self->env.dir);
	ASSERT_NE(NULL, d);
	e = readdir(d);
	ASSERT_NE(NULL, e);
	EXPECT_STREQ(".", e->d_name);
	e = readdir(d);
	ASSERT_NE(NULL, e);
	EXPECT_STREQ("..", e->d_name);
	while ((e = readdir(d))) {
		ASSERT_EQ(0, fstatat(dirfd(d), e->d_name, &st, 0));
		EXPECT_EQ(st.st_ino, e->d_ino);
		if (!strcmp(e->d_name, "control")) {
			EXPECT_EQ(DT_REG, e->d_type);
			control++;
		} else if (!strcmp(e->d_name, self->env.name)) {
			EXPECT_EQ(DT_DIR, e->d_type);
			bus++;
		} else {
			others++;
		}
	}
	EXPECT_EQ(1, control);
	EXPECT_EQ(1, bus);
	EXPECT_EQ(0, others);
	closedir(d);
}

/* FS-6: positions can be sought, all entries are seen from each of them */
TEST_F(fs, readdir_seek)
{
	char name[32], seen[8][NAME_MAX + 1];
	unsigned int i, n = 0;
	struct dirent *e;
	long pos[8];
	DIR *d;

	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%u-s%u", (unsigned int)geteuid(),
			 i);
		ASSERT_LE(0, kd_bus_make(self->env.dir, name, 0));
	}
	d = opendir(self->env.dir);
	ASSERT_NE(NULL, d);
	for (;;) {
		ASSERT_GT(8, n);
		pos[n] = telldir(d);
		e = readdir(d);
		if (!e)
			break;
		snprintf(seen[n++], NAME_MAX + 1, "%s", e->d_name);
	}
	EXPECT_EQ(7, n);
	for (i = n; i-- > 0;) {
		seekdir(d, pos[i]);
		e = readdir(d);
		ASSERT_NE(NULL, e);
		EXPECT_STREQ(seen[i], e->d_name);
	}
	closedir(d);
}

/* FS-7: nothing is made or removed by file system calls */
TEST_F(fs, no_changes_by_vfs)
{
	char path[KD_PATH_MAX], other[KD_PATH_MAX];

	snprintf(path, sizeof(path), "%s/0-new", self->env.dir);
	snprintf(other, sizeof(other), "%s/new", self->env.busdir);

	EXPECT_EQ(-EACCES, try_open(path, O_CREAT | O_RDWR));
	EXPECT_EQ(-1, mkdir(path, 0700));
	EXPECT_TRUE(errno == EPERM || errno == EACCES);
	EXPECT_EQ(-1, mknod(path, S_IFIFO | 0600, 0));
	EXPECT_TRUE(errno == EPERM || errno == EACCES);
	EXPECT_EQ(-1, symlink("x", path));
	EXPECT_TRUE(errno == EPERM || errno == EACCES);
	EXPECT_EQ(-1, link(self->env.bus, other));
	EXPECT_TRUE(errno == EPERM || errno == EACCES);
	EXPECT_EQ(-1, rename(self->env.bus, other));
	EXPECT_TRUE(errno == EPERM || errno == EACCES);
	EXPECT_EQ(-1, unlink(self->env.bus));
	EXPECT_TRUE(errno == EPERM || errno == EACCES);
	EXPECT_EQ(-1, rmdir(self->env.busdir));
	EXPECT_TRUE(errno == EPERM || errno == EACCES);

	EXPECT_EQ(0, try_stat(self->env.bus));
	EXPECT_EQ(-ENOENT, try_stat(path));
	EXPECT_EQ(-ENOENT, try_stat(other));
}

/* FS-8: truncation works on the cached inode alone */
TEST_F(fs, truncate)
{
	struct stat st;
	int fd;

	fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, truncate(self->env.bus, 4711));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(4711, st.st_size);
	EXPECT_EQ(0, ftruncate(fd, 42));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(42, st.st_size);
	EXPECT_EQ(0, try_open(self->env.bus, O_RDWR | O_TRUNC));
	EXPECT_EQ(0, try_open(self->env.bus, O_RDWR | O_CREAT));
	EXPECT_EQ(0, try_open(self->control, O_RDWR | O_CREAT | O_TRUNC));
}

/* Make the kernel forget inodes, where that is permitted. */
static void forget_inodes(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "2", 1) != 1)
		fprintf(stderr, "# caches are not dropped\n");
	close(fd);
}

/* FS-8, W-47: chmod and chown are effective and last as long as the object */
TEST_F(fs, chmod_and_chown)
{
	struct stat st;
	int pid;

	ASSERT_EQ(0, chmod(self->env.busdir, 0511));
	ASSERT_EQ(0, chmod(self->env.bus, 0640));
	ASSERT_EQ(0, chown(self->env.bus, OTHER_USER, OTHER_USER + 1));
	forget_inodes();
	ASSERT_EQ(0, stat(self->env.busdir, &st));
	EXPECT_EQ(S_IFDIR | 0511, st.st_mode);
	ASSERT_EQ(0, stat(self->env.bus, &st));
	EXPECT_EQ(S_IFREG | 0640, st.st_mode);
	EXPECT_EQ(OTHER_USER, st.st_uid);
	EXPECT_EQ(OTHER_USER + 1, st.st_gid);

	/* who may open it has changed, who is bus owner has not */
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		struct kd_block b;
		int fd;

		ASSERT_EQ(0, kd_set_user(OTHER_USER));
		fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		kd_hello_start(&b, KD_POOL);
		b.hello.flags = KDBUS_HELLO_MONITOR;
		EXPECT_EQ(-EPERM, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
		_exit(_metadata->exit_code);
	}
	EXPECT_EQ(0, kd_wait(pid));
	/* others may not change it */
	ASSERT_EQ(0, kd_set_user(OTHER_USER + 2));
	EXPECT_EQ(-1, chmod(self->env.bus, 0666));
	EXPECT_EQ(EPERM, errno);
}

/* FS-8: no extended attributes */
TEST_F(fs, xattr)
{
	char buf[16];

	EXPECT_EQ(-1, getxattr(self->env.bus, "user.x", buf, sizeof(buf)));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(0, listxattr(self->env.bus, buf, sizeof(buf)));
}

/* FS-9: no negative caching, immediate appearance and disappearance */
TEST_F(fs, lookup_is_current)
{
	char name[32], path[KD_PATH_MAX];
	int i, fd;

	kd_name(name, sizeof(name), "flicker");
	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(-ENOENT, try_stat(path));
		fd = kd_bus_make(self->env.dir, name, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, try_stat(path));
		close(fd);
	}
	EXPECT_EQ(-ENOENT, try_stat(path));
}

/* FS-9: what was resolved before cannot be opened after the shutdown */
TEST_F(fs, open_after_shutdown)
{
	char path[64], target[64];
	int fd;

	snprintf(target, sizeof(target), "%s-file", self->env.dir);
	ASSERT_EQ(0, try_open(target, O_CREAT | O_WRONLY));
	ASSERT_EQ(0, mount(self->env.bus, target, NULL, MS_BIND, NULL));
	fd = open(self->env.bus, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, try_open(target, O_RDWR));

	close(self->env.ctl);
	EXPECT_EQ(-ESHUTDOWN, try_open(target, O_RDWR));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_EQ(-ESHUTDOWN, try_open(path, O_RDWR));
	EXPECT_EQ(-ENOENT, try_open(self->env.bus, O_RDWR));
	umount(target);
	unlink(target);
}

/* FS-9: the handle of a removed bus directory */
TEST_F(fs, removed_directory)
{
	unsigned int n = 0;
	struct dirent *e;
	struct stat st;
	DIR *d;

	d = opendir(self->env.busdir);
	ASSERT_NE(NULL, d);
	close(self->env.ctl);
	EXPECT_EQ(-1, fstatat(dirfd(d), "bus", &st, 0));
	EXPECT_EQ(ENOENT, errno);
	while ((e = readdir(d))) {
		EXPECT_EQ('.', e->d_name[0]);
		n++;
	}
	EXPECT_EQ(2, n);
	closedir(d);
}

/* FS-10: the open mode does not matter for commands */
TEST_F(fs, any_open_mode)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_ACCMODE };
	struct kdbus_cmd cmd = { .size = sizeof(cmd) };
	struct kd_block b;
	size_t i;
	int fd;

	for (i = 0; i < KD_ARRAY_SIZE(modes); i++) {
		fd = open(self->env.bus, modes[i] | O_CLOEXEC);
		ASSERT_LE(0, fd);
		kd_hello_start(&b, KD_POOL);
		EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
		EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_BYEBYE, &cmd));
		close(fd);
	}
	for (i = 0; i < KD_ARRAY_SIZE(modes); i++) {
		char name[32];

		snprintf(name, sizeof(name), "%u-m%zu", (unsigned int)geteuid(),
			 i);
		fd = open(self->control, modes[i] | O_CLOEXEC);
		ASSERT_LE(0, fd);
		kd_make_start(&b, name);
		EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_BUS_MAKE, &b));
		close(fd);
	}
}

/* FS-10: a read-only mount can be opened for reading, and used */
TEST_F(fs, read_only_mount)
{
	char dir[64], control[KD_PATH_MAX], bus[KD_PATH_MAX];
	struct kd_conn c;
	struct kd_block b;
	int fd;

	/* a bind mount, as the bus is held through a writable file */
	ASSERT_EQ(0, kd_mount(dir, sizeof(dir)));
	ASSERT_EQ(0, mount(self->env.dir, dir, NULL, MS_BIND, NULL));
	ASSERT_EQ(0, mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY,
			   NULL));
	snprintf(control, sizeof(control), "%s/control", dir);
	snprintf(bus, sizeof(bus), "%s/%s/bus", dir, self->env.name);
	EXPECT_EQ(-EROFS, try_open(bus, O_RDWR));
	EXPECT_EQ(-EROFS, try_open(control, O_RDWR));
	EXPECT_EQ(-EROFS, kd_connect(&c, bus));
	EXPECT_EQ(0, try_open(control, O_RDONLY));

	fd = open(bus, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	kd_hello_start(&b, KD_POOL);
	EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
	EXPECT_NE(MAP_FAILED,
		  mmap(NULL, KD_POOL, PROT_READ, MAP_SHARED, fd, 0));
}

/* FS-11: open files keep the mount busy; a lazy unmount disturbs nobody */
TEST_F(fs, unmount)
{
	struct kd_conn a, b;
	uint64_t cookie;

	ASSERT_EQ(0, kd_connect(&a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&b, self->env.bus));
	EXPECT_EQ(-1, umount(self->env.dir));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(0, umount2(self->env.dir, MNT_DETACH));
	EXPECT_EQ(-ENOENT, try_stat(self->control));

	EXPECT_EQ(0, kd_send(&a, b.id, 7, "x", 1));
	EXPECT_EQ(0, kd_recv_cookie(&b, &cookie));
	EXPECT_EQ(7, cookie);
	close(self->env.ctl);
	EXPECT_EQ(-ECONNRESET, kd_byebye(&a));
}

/* FS-11: unmounted when the last file is closed */
TEST_F(fs, unmount_idle)
{
	close(self->env.ctl);
	EXPECT_EQ(0, umount(self->env.dir));
	EXPECT_EQ(-ENOENT, try_stat(self->control));
}

/* FS-12, PRIV-4: ids start anew in every domain */
TEST_F(fs, ids_per_domain)
{
	char path[KD_PATH_MAX], dir[64];
	struct kd_conn c;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, kd_mount(dir, sizeof(dir)));
		ASSERT_LE(0, kd_bus_make(dir, self->env.name, 0));
		snprintf(path, sizeof(path), "%s/%s/bus", dir, self->env.name);
		ASSERT_EQ(0, kd_connect(&c, path));
		EXPECT_EQ(2, c.id);
	}
}

TEST_HARNESS_MAIN
