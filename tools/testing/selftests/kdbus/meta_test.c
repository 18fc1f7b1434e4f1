// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata within one set of namespaces: what is attached, how it is encoded,
 * what is recorded of connections and of the creator of a bus (rules META-1 to
 * META-3, META-5, META-6, HELLO-4, INFO-2, INFO-3, CINFO-1, UPD-3; W-17, W-30,
 * W-43, W-50). More about the commands that ask is in info_test.c, about faked
 * metadata in faked_test.c.
 *
 * What an item must say is read from /proc, or is what the test has set.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALL		_KDBUS_ATTACH_ALL
#define NAMES		KDBUS_ATTACH_NAMES
#define DESCRIPTION	KDBUS_ATTACH_CONN_DESCRIPTION
#define TIMESTAMP	KDBUS_ATTACH_TIMESTAMP
/* what belongs to a connection or a message, not to a task */
#define OTHER		(NAMES | DESCRIPTION | TIMESTAMP)
#define PRIMARY		KDBUS_NAME_PRIMARY
#define POOL		(1024 * 1024)
#define TEXT_MAX	8192

/* the arguments of this program, in the order in which they lie in memory */
static char **arguments;

FIXTURE(meta) {
	struct kd_env env;
	struct kd_conn a;	/* hands out everything */
	struct kd_conn b;	/* wants everything */
};

FIXTURE_SETUP(meta)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_hello(&self->a, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->b, self->env.bus, 0, _KDBUS_ATTACH_ANY,
			      POOL));
}

FIXTURE_TEARDOWN(meta)
{
}

/* A connection with masks and, unless NULL, a description. */
static int connect_with(struct kd_conn *c, const char *path, uint64_t send,
			uint64_t recv, const char *description)
{
	struct kd_block b;

	kd_hello_start(&b, POOL);
	b.hello.attach_flags_send = send;
	b.hello.attach_flags_recv = recv;
	if (description)
		kd_add_str(&b, KDBUS_ITEM_CONN_DESCRIPTION, description);
	return kd_hello_block(c, path, &b);
}

/* UPDATE of one mask. */
static int update(const struct kd_conn *c, uint64_t type, uint64_t mask)
{
	struct kd_block b;

	kd_start(&b, sizeof(b.cmd));
	kd_add_u64(&b, type, mask);
	return kd_ioctl(c->fd, KDBUS_CMD_UPDATE, &b);
}

/* The next message, freed already: it stays readable until another comes. */
static const struct kdbus_msg *next(const struct kd_conn *c)
{
	struct kdbus_cmd_recv cmd;
	const struct kdbus_msg *msg;

	if (kd_recv(c, 0, 0, &cmd) != 0)
		return NULL;
	msg = kd_msg(c, cmd.msg.offset);
	if (cmd.msg.msg_size != KD_ALIGN8(msg->size))
		return NULL;
	return kd_free(c, cmd.msg.offset) == 0 ? msg : NULL;
}

/* Send a message without items, receive it. */
static const struct kdbus_msg *pass(const struct kd_conn *from,
				    const struct kd_conn *to)
{
	return kd_send(from, to->id, 1, NULL, 0) == 0 ? next(to) : NULL;
}

/* CONN_INFO: the record, freed already. */
static const struct kdbus_info *ask(const struct kd_conn *c, uint64_t id,
				    uint64_t mask)
{
	struct kdbus_cmd_info cmd;

	if (kd_info(c, id, NULL, mask, &cmd) != 0 || cmd.id != id ||
	    kd_record(c, cmd.offset)->size != cmd.info_size ||
	    kd_free(c, cmd.offset) != 0)
		return NULL;
	return kd_record(c, cmd.offset);
}

/* BUS_CREATOR_INFO, likewise. */
static const struct kdbus_info *ask_creator(const struct kd_conn *c,
					    uint64_t mask)
{
	struct kdbus_cmd_info cmd;

	if (kd_creator_info(c, mask, &cmd) != 0 ||
	    kd_record(c, cmd.offset)->size != cmd.info_size ||
	    kd_free(c, cmd.offset) != 0)
		return NULL;
	return kd_record(c, cmd.offset);
}

/* The path in the version 2 hierarchy as /proc has it, NULL without one. */
static const char *cgroup_path(char *text, size_t size)
{
	char *path, *end;

	if (kd_read_file("/proc/self/cgroup", text, size) < 0)
		return NULL;
	path = strstr(text, "0::");
	if (!path)
		return NULL;
	end = strchr(path, '\n');
	if (end)
		*end = 0;
	return path + 3;
}

/* META-2: what this machine has of the data about a task. */
static uint64_t of_tasks(void)
{
	uint64_t mask = ALL & ~OTHER;
	char text[TEXT_MAX];

	if (!cgroup_path(text, sizeof(text)))
		mask &= ~KDBUS_ATTACH_CGROUP;
	if (kd_read_file("/proc/self/attr/current", text, sizeof(text)) <= 0)
		mask &= ~KDBUS_ATTACH_SECLABEL;
	if (kd_read_file("/proc/self/sessionid", text, sizeof(text)) < 0)
		mask &= ~KDBUS_ATTACH_AUDIT;
	return mask;
}

/* A string that fills its item. */
static bool has_text(const struct kdbus_item *item, const char *text)
{
	return item && item->size == 16 + strlen(text) + 1 &&
	       strcmp(item->str, text) == 0;
}

static bool has_creds(const struct kdbus_item *item, const uint64_t ids[8])
{
	return item && item->size == 80 && memcmp(item->data, ids, 64) == 0;
}

static bool has_pids(const struct kdbus_item *item, uint64_t pid, uint64_t tid,
		     uint64_t ppid)
{
	return item && item->size == 40 && item->pids.pid == pid &&
	       item->pids.tid == tid && item->pids.ppid == ppid;
}

/* A line "NAME:\tVALUE" of /proc/self/status, in hexadecimal. */
static uint64_t from_status(const char *name)
{
	char text[TEXT_MAX], *pos;

	if (kd_read_file("/proc/self/status", text, sizeof(text)) < 0)
		return ~0ULL;
	pos = strstr(text, name);
	return pos ? strtoull(pos + strlen(name), NULL, 16) : ~0ULL;
}

static uint64_t read_number(const char *path)
{
	char text[64];

	if (kd_read_file(path, text, sizeof(text)) < 0)
		return ~0ULL;
	return strtoull(text, NULL, 10);
}

/* META-1, META-2: a receiver that wants everything gets what there is */
TEST_F(meta, everything)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	struct kd_conn c;

	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(of_tasks() | TIMESTAMP, kd_kinds(msg));

	ASSERT_EQ(0, connect_with(&c, self->env.bus, ALL, 0, "describe"));
	ASSERT_EQ(0, kd_name_acquire(&c, "test.one", 0, NULL));
	ASSERT_EQ(0, kd_name_acquire(&c, "test.two", 0, NULL));
	msg = pass(&c, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(of_tasks() | OTHER, kd_kinds(msg));

	/* LAY-1: behind the items of the sender, before inline payload */
	kd_msg_start(&b, self->b.id);
	kd_msg_vec(&b, "payload", 7);
	ASSERT_EQ(0, kd_msg_send(&c, &b));
	ASSERT_EQ(0, kd_recv(&self->b, 0, 0, &cmd));
	msg = kd_msg(&self->b, cmd.msg.offset);
	EXPECT_EQ(KDBUS_ITEM_PAYLOAD_OFF, msg->items->type);
	EXPECT_EQ(KD_ALIGN8(msg->size), msg->items->vec.offset);
	EXPECT_EQ(KD_ALIGN8(KD_ALIGN8(msg->size) + 7), cmd.msg.msg_size);
	EXPECT_EQ(0, memcmp((const uint8_t *)msg + msg->items->vec.offset,
			    "payload", 7));
	EXPECT_EQ(of_tasks() | OTHER, kd_kinds(msg));
}

/* META-1: R, bit by bit: one alone, all but one */
TEST_F(meta, mask_of_receiver)
{
	const struct kdbus_msg *msg;
	uint64_t bit, there;
	struct kd_conn c, d;

	ASSERT_EQ(0, connect_with(&c, self->env.bus, ALL, 0, "describe"));
	ASSERT_EQ(0, kd_name_acquire(&c, "test.one", 0, NULL));
	there = of_tasks() | OTHER;
	for (bit = 1; bit <= ALL; bit <<= 1) {
		ASSERT_EQ(0, connect_with(&d, self->env.bus, 0, bit, NULL));
		msg = pass(&c, &d);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(bit & there, kd_kinds(msg));
		kd_close(&d);
		ASSERT_EQ(0, connect_with(&d, self->env.bus, 0, ALL & ~bit,
					  NULL));
		msg = pass(&c, &d);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(there & ~bit, kd_kinds(msg));
		kd_close(&d);
	}
	ASSERT_EQ(0, connect_with(&d, self->env.bus, ALL, 0, NULL));
	msg = pass(&c, &d);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(64, msg->size);
}

/* META-1: I and P: what can be read in /proc cannot be withheld, nor the rest */
TEST_F(meta, mask_of_sender)
{
	const struct kdbus_msg *msg;
	struct kd_conn c;

	ASSERT_EQ(0, connect_with(&c, self->env.bus, 0, 0, "describe"));
	ASSERT_EQ(0, kd_name_acquire(&c, "test.one", 0, NULL));
	msg = pass(&c, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(of_tasks() | OTHER, kd_kinds(msg));
}

/* UPD-3: the masks at the time of sending */
TEST_F(meta, masks_change)
{
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, NULL, 0));
	ASSERT_EQ(0, update(&self->b, KDBUS_ITEM_ATTACH_FLAGS_RECV,
			    KDBUS_ATTACH_PIDS));
	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 2, NULL, 0));
	ASSERT_EQ(0, update(&self->b, KDBUS_ITEM_ATTACH_FLAGS_RECV, 0));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(of_tasks() | TIMESTAMP, kd_kinds(msg));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(KDBUS_ATTACH_PIDS, kd_kinds(msg));
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(0, kd_kinds(msg));
	ASSERT_EQ(0, update(&self->b, KDBUS_ITEM_ATTACH_FLAGS_RECV,
			    _KDBUS_ATTACH_ANY));
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(of_tasks() | TIMESTAMP, kd_kinds(msg));
}

/* The i386 calls without a number at the end know 16 bits only. */
#ifdef SYS_setresuid32
#define SET_UIDS	SYS_setresuid32
#define SET_GIDS	SYS_setresgid32
#else
#define SET_UIDS	SYS_setresuid
#define SET_GIDS	SYS_setresgid
#endif

/* Eight different ids for this thread alone, capabilities kept. */
static int set_ids(const uint64_t ids[8])
{
	const long uid[] = { ids[0], ids[1], ids[2] };
	const long gid[] = { ids[4], ids[5], ids[6] };

	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0 ||
	    syscall(SET_GIDS, gid[0], gid[1], gid[2]) < 0 ||
	    syscall(SET_UIDS, uid[0], uid[1], uid[2]) < 0)
		return -errno;
	setfsgid(ids[7]);
	setfsuid(ids[3]);
	return 0;
}

/* 25.2: CREDS, of the present moment */
TEST_F(meta, creds)
{
	static const uint64_t ids[8] = { 11, 12, 13, 14, 21, 22, 23, 24 };
	const uint64_t zero[8] = {};
	const struct kdbus_msg *msg;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_creds(kd_item(msg, KDBUS_ITEM_CREDS, 0), zero));
	ASSERT_EQ(0, set_ids(ids));
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_creds(kd_item(msg, KDBUS_ITEM_CREDS, 0), ids));
}

struct sender {
	pthread_t thread;
	const struct kd_conn *from;
	uint64_t dst;
	const uint64_t *ids;
	const char *name;
	int tid;
	int result;
};

static void *send_as(void *data)
{
	struct sender *s = data;

	s->tid = syscall(SYS_gettid);
	prctl(PR_SET_NAME, s->name);
	s->result = s->ids ? set_ids(s->ids) : 0;
	if (s->result == 0)
		s->result = kd_send(s->from, s->dst, 1, NULL, 0);
	return NULL;
}

/* META-3: of the thread that sends, for what threads have of their own */
TEST_F(meta, thread)
{
	static const uint64_t ids[8] = { 31, 32, 33, 34, 41, 42, 43, 44 };
	struct sender s = {
		.from = &self->a,
		.dst = self->b.id,
		.ids = geteuid() == 0 ? ids : NULL,
		.name = "the thread",
	};
	const struct kdbus_msg *msg;

	prctl(PR_SET_NAME, "the leader");
	ASSERT_EQ(0, pthread_create(&s.thread, NULL, send_as, &s));
	pthread_join(s.thread, NULL);
	ASSERT_EQ(0, s.result);
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_NE(getpid(), s.tid);
	EXPECT_TRUE(has_pids(kd_item(msg, KDBUS_ITEM_PIDS, 0), getpid(), s.tid,
			     getppid()));
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_TID_COMM, 0),
			     "the thread"));
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_PID_COMM, 0),
			     "the leader"));
	if (s.ids) {
		EXPECT_TRUE(has_creds(kd_item(msg, KDBUS_ITEM_CREDS, 0), ids));
	}
	/* the leader is what it was */
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_pids(kd_item(msg, KDBUS_ITEM_PIDS, 0), getpid(),
			     getpid(), getppid()));
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_TID_COMM, 0),
			     "the leader"));
}

/* META-3: of the process that sends, whoever made the connection; stays so */
TEST_F(meta, other_process)
{
	const struct kdbus_msg *msg;
	int pid;

	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NAME, "the child");
		KD_CHECK(kd_send(&self->a, self->b.id, 1, NULL, 0) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, kd_wait(pid));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_pids(kd_item(msg, KDBUS_ITEM_PIDS, 0), pid, pid,
			     getpid()));
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_PID_COMM, 0),
			     "the child"));
}

/* 25.2: names of threads: at most 16 bytes, possibly empty */
TEST_F(meta, comm)
{
	static const char *const names[] = {
		"", "x", "fifteen letters", "more than fifteen letters",
	};
	const struct kdbus_msg *msg;
	char expected[16];
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(names); i++) {
		prctl(PR_SET_NAME, names[i]);
		snprintf(expected, sizeof(expected), "%s", names[i]);
		msg = pass(&self->a, &self->b);
		ASSERT_NE(NULL, msg);
		EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_TID_COMM, 0),
				     expected));
		EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_PID_COMM, 0),
				     expected));
	}
}

/* 25.2: AUXGROUPS: 64 bits each, also none at all */
TEST_F(meta, auxgroups)
{
	static const unsigned int numbers[] = { 0, 1, 3, 1000 };
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	gid_t groups[1000], i;
	size_t n;

	for (n = 0; n < KD_ARRAY_SIZE(numbers); n++) {
		for (i = 0; i < numbers[n]; i++)
			groups[i] = 100 + 7 * i;
		if (setgroups(numbers[n], groups) < 0)
			SKIP(return, "may not set groups");
		ASSERT_EQ(numbers[n], getgroups(1000, groups));
		msg = pass(&self->a, &self->b);
		ASSERT_NE(NULL, msg);
		item = kd_item(msg, KDBUS_ITEM_AUXGROUPS, 0);
		ASSERT_NE(NULL, item);
		EXPECT_EQ(16 + 8 * numbers[n], item->size);
		for (i = 0; i < numbers[n]; i++) {
			ASSERT_EQ(groups[i],
				  item->data64[i]);
		}
	}
}

/* QUOTA-1: metadata is part of the slice */
TEST_F(meta, quota)
{
	struct kd_conn small;
	gid_t groups[1000];
	int i;

	for (i = 0; i < 1000; i++)
		groups[i] = 100 + i;
	if (setgroups(1000, groups) < 0)
		SKIP(return, "may not set groups");
	/* 8000 bytes of a share of 8192/6 */
	ASSERT_EQ(0, kd_hello(&small, self->env.bus, 0, KDBUS_ATTACH_AUXGROUPS,
			      8192));
	EXPECT_EQ(-ENOBUFS, kd_send(&self->a, small.id, 1, NULL, 0));
	ASSERT_EQ(0, update(&small, KDBUS_ITEM_ATTACH_FLAGS_RECV, ALL &
			    ~KDBUS_ATTACH_AUXGROUPS & ~KDBUS_ATTACH_CMDLINE));
	EXPECT_EQ(0, kd_send(&self->a, small.id, 1, NULL, 0));
}

/* 25.2: EXE */
TEST_F(meta, exe)
{
	const struct kdbus_msg *msg;
	char path[PATH_MAX] = {};

	ASSERT_LT(0, readlink("/proc/self/exe", path, sizeof(path) - 1));
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_EXE, 0), path));
}

/* A copy of this program. */
static int copy_program(const char *path)
{
	int from, to, r = 0;
	char buf[65536];
	ssize_t n;

	from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	while (from >= 0 && to >= 0 &&
	       (n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, n) != n)
			r = -ENOSPC;
	if (from < 0 || to < 0 || n < 0)
		r = -EIO;
	close(from);
	close(to);
	return r;
}

/* 25.2: an executable that has been removed */
TEST_F(meta, exe_deleted)
{
	char *const argv[] = { "sender", NULL };
	char dir[] = "/tmp/kdbus-XXXXXX", path[64], expected[80];
	const struct kdbus_msg *msg;
	char link[64];
	int fd, pid;

	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, mount("tmpfs", dir, "tmpfs", 0, NULL));
	snprintf(path, sizeof(path), "%s/program", dir);
	ASSERT_EQ(0, copy_program(path));
	fd = open(path, O_PATH);
	ASSERT_LE(0, fd);
	snprintf(expected, sizeof(expected), "%s (deleted)", path);
	ASSERT_EQ(0, unlink(path));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	pid = kd_exec_sender(link, argv, &self->a, self->b.id, NULL);
	ASSERT_EQ(0, kd_wait(pid));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_EXE, 0), expected));
	umount2(dir, MNT_DETACH);
	rmdir(dir);
}

/* W-43: a path that is longer than a page is left out, nothing fails */
TEST_F(meta, exe_too_long)
{
	char *const argv[] = { "sender", NULL };
	char dir[] = "/tmp/kdbus-XXXXXX", name[251];
	const struct kdbus_msg *msg;
	struct kd_conn c;
	int i, pid;

	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, mount("tmpfs", dir, "tmpfs", 0, NULL));
	ASSERT_EQ(0, chdir(dir));
	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, mkdir(name, 0755));
		ASSERT_EQ(0, chdir(name));
	}
	ASSERT_EQ(0, copy_program("program"));
	pid = kd_exec_sender("./program", argv, &self->a, self->b.id, NULL);
	ASSERT_EQ(0, kd_wait(pid));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ((of_tasks() | TIMESTAMP) & ~KDBUS_ATTACH_EXE, kd_kinds(msg));
	/* the item alone */
	ASSERT_EQ(0, connect_with(&c, self->env.bus, 0, KDBUS_ATTACH_EXE,
				  NULL));
	pid = kd_exec_sender("./program", argv, &self->a, c.id, NULL);
	ASSERT_EQ(0, kd_wait(pid));
	msg = next(&c);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(64, msg->size);
	ASSERT_EQ(0, chdir("/"));
	umount2(dir, MNT_DETACH);
	rmdir(dir);
}

/* 25.2, W-17: CMDLINE is all arguments, each with its NUL */
TEST_F(meta, cmdline)
{
	static const char expected[] = "a program\0one\0\0three and a half\0";
	char *const argv[] = {
		"a program", "one", "", "three and a half", NULL,
	};
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	char text[TEXT_MAX];
	int n, pid;

	n = kd_read_file("/proc/self/cmdline", text, sizeof(text));
	ASSERT_LT(0, n);
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	item = kd_item(msg, KDBUS_ITEM_CMDLINE, 0);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(16 + n, item->size);
	EXPECT_EQ(0, memcmp(text, item->str, n));

	pid = kd_exec_sender("/proc/self/exe", argv, &self->a, self->b.id,
			     NULL);
	ASSERT_EQ(0, kd_wait(pid));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	item = kd_item(msg, KDBUS_ITEM_CMDLINE, 0);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(16 + sizeof(expected) - 1, item->size);
	EXPECT_EQ(0, memcmp(expected, item->str, sizeof(expected) - 1));
}

/* W-17: of a long one the beginning, with a NUL at the end */
TEST_F(meta, cmdline_long)
{
	static char longest[100000];
	char *const argv[] = { "sender", longest, "last", NULL };
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	size_t len, i;
	int pid;

	memset(longest, 'x', sizeof(longest) - 1);
	pid = kd_exec_sender("/proc/self/exe", argv, &self->a, self->b.id,
			     NULL);
	ASSERT_EQ(0, kd_wait(pid));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(of_tasks() | TIMESTAMP, kd_kinds(msg));
	item = kd_item(msg, KDBUS_ITEM_CMDLINE, 0);
	ASSERT_NE(NULL, item);
	len = item->size - 16;
	ASSERT_LE(1024, len);
	EXPECT_STREQ("sender", item->str);
	for (i = 7; i < len - 1; i++) {
		ASSERT_EQ('x',
			  item->str[i]);
	}
	EXPECT_EQ(0, item->str[len - 1]);
}

/* W-17: no arguments: the kernel gives the program one, an empty string */
TEST_F(meta, cmdline_empty)
{
	char *const argv[] = { NULL };
	const struct kdbus_msg *msg;
	int pid;

	pid = kd_exec_sender("/proc/self/exe", argv, &self->a, self->b.id,
			     NULL);
	ASSERT_EQ(0, kd_wait(pid));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_CMDLINE, 0), ""));
}

/* In a child: every command that looks at the argument area still works. */
static void use_arguments(const struct kd_env *env, const struct kd_conn *a,
			  const struct kd_conn *b)
{
	struct kd_conn c;
	char name[32];

	kd_name(name, sizeof(name), "other");
	KD_CHECK(kd_bus_make(env->dir, name, 0) >= 0);
	KD_CHECK(kd_connect(&c, env->bus) == 0);
	KD_CHECK(kd_send(a, b->id, 1, NULL, 0) == 0);
}

/* W-17: without any NUL, as a program may write it */
TEST_F(meta, cmdline_overwritten)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	size_t i, len = 0;
	int pid;

	for (i = 0; arguments[i]; i++)
		len += strlen(arguments[i]) + 1;
	pid = fork();
	if (pid == 0) {
		memset(arguments[0], 'y', len);
		use_arguments(&self->env, &self->a, &self->b);
		_exit(0);
	}
	ASSERT_EQ(0, kd_wait(pid));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(of_tasks() | TIMESTAMP, kd_kinds(msg));
	item = kd_item(msg, KDBUS_ITEM_CMDLINE, 0);
	ASSERT_NE(NULL, item);
	EXPECT_EQ('y', item->str[0]);
	EXPECT_EQ(0, item->str[item->size - 17]);
	EXPECT_LE(16 + len, item->size);
	EXPECT_GE(16 + len + 1, item->size);
}

/* W-17: nothing there, or nothing that can be read: left out, nothing fails */
TEST_F(meta, cmdline_missing)
{
	const struct kdbus_msg *msg;
	unsigned long start, end;
	int i, file, pid;
	void *p;

	/* beyond the end of a file: it is there, and cannot be touched */
	file = kd_memfd(0, 0);
	p = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, p);
	start = (unsigned long)p;
	for (i = 0; i < 2; i++) {
		end = i ? start + 100 : start;
		pid = fork();
		if (pid == 0) {
			if (prctl(PR_SET_MM, PR_SET_MM_ARG_START, start, 0,
				  0) < 0)
				_exit(77);
			KD_CHECK(prctl(PR_SET_MM, PR_SET_MM_ARG_END, end, 0,
				       0) == 0);
			use_arguments(&self->env, &self->a, &self->b);
			_exit(0);
		}
		pid = kd_wait(pid);
		if (pid == 77)
			SKIP(return, "may not move the argument area");
		ASSERT_EQ(0, pid);
		msg = next(&self->b);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ((of_tasks() | TIMESTAMP) & ~KDBUS_ATTACH_CMDLINE,
			  kd_kinds(msg));
	}
}

/* 25.2, W-30: CGROUP, the path of version 2 that /proc shows */
TEST_F(meta, cgroup)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	char text[TEXT_MAX];
	const char *path;

	path = cgroup_path(text, sizeof(text));
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	item = kd_item(msg, KDBUS_ITEM_CGROUP, 0);
	if (path) {
		EXPECT_TRUE(has_text(item, path));
	} else {
		EXPECT_EQ(NULL, item);
	}
}

/* META-3, W-30: another group, and what becomes of it later */
TEST_F(meta, cgroup_changes)
{
	char dir[64], procs[96], text[TEXT_MAX];
	const struct kdbus_msg *msg;
	const char *path;
	int fd, pid;

	snprintf(dir, sizeof(dir), "/sys/fs/cgroup/kdbus-test-%d", getpid());
	if (mkdir(dir, 0755) < 0)
		SKIP(return, "may not make control groups");
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", dir);
	pid = fork();
	if (pid == 0) {
		fd = open(procs, O_WRONLY | O_CLOEXEC);
		KD_CHECK(fd >= 0 && write(fd, "0", 1) == 1);
		path = cgroup_path(text, sizeof(text));
		KD_CHECK(path && strstr(path, "/kdbus-test-"));
		KD_CHECK(kd_send(&self->a, self->b.id, 1, NULL, 0) == 0);
		msg = next(&self->b);
		KD_CHECK(msg && has_text(kd_item(msg, KDBUS_ITEM_CGROUP, 0),
					 path));
		KD_CHECK(kd_send(&self->a, self->b.id, 1, NULL, 0) == 0);
		_exit(0);
	}
	EXPECT_EQ(0, kd_wait(pid));
	EXPECT_EQ(0, rmdir(dir));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	snprintf(text, sizeof(text), "/kdbus-test-%d", getpid());
	ASSERT_NE(NULL, kd_item(msg, KDBUS_ITEM_CGROUP, 0));
	EXPECT_NE(NULL, strstr(kd_item(msg, KDBUS_ITEM_CGROUP, 0)->str, text));
}

/* Whether CAPS are those of /proc/self/status. */
static bool has_caps(const struct kdbus_item *item)
{
	static const char *const names[] = {
		"CapInh:\t", "CapPrm:\t", "CapEff:\t", "CapBnd:\t",
	};
	uint64_t set, last = read_number("/proc/sys/kernel/cap_last_cap");
	size_t i;

	if (!item || item->size != 52 || item->caps.last_cap != last)
		return false;
	for (i = 0; i < KD_ARRAY_SIZE(names); i++) {
		set = item->caps.caps[2 * i] |
		      (uint64_t)item->caps.caps[2 * i + 1] << 32;
		if (set != from_status(names[i]) || set >> (last + 1))
			return false;
	}
	return true;
}

/* 25.2: CAPS, of the moment */
TEST_F(meta, caps)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	const struct kdbus_msg *msg;

	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_caps(kd_item(msg, KDBUS_ITEM_CAPS, 0)));

	/* four different sets */
	ASSERT_EQ(0, syscall(SYS_capget, &hdr, data));
	data[0].inheritable = data[0].permitted & (1 << CAP_KILL);
	data[0].effective &= ~(1 << CAP_SYS_CHROOT);
	data[1].effective &= ~CAP_TO_MASK(CAP_SYSLOG);
	ASSERT_EQ(0, syscall(SYS_capset, &hdr, data));
	prctl(PR_CAPBSET_DROP, CAP_SYS_TIME);
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_caps(kd_item(msg, KDBUS_ITEM_CAPS, 0)));

	memset(data, 0, sizeof(data));
	ASSERT_EQ(0, syscall(SYS_capset, &hdr, data));
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_caps(kd_item(msg, KDBUS_ITEM_CAPS, 0)));
}

/* 25.2: SECLABEL */
TEST_F(meta, seclabel)
{
	const struct kdbus_msg *msg;
	char text[TEXT_MAX];
	int n;

	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	n = kd_read_file("/proc/self/attr/current", text, sizeof(text));
	if (n <= 0) {
		EXPECT_EQ(NULL, kd_item(msg, KDBUS_ITEM_SECLABEL, 0));
		SKIP(return, "nobody labels tasks here");
	}
	/* some end in a line feed there */
	text[strcspn(text, "\n")] = 0;
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_SECLABEL, 0), text));
}

/* 25.2: AUDIT: the session first */
TEST_F(meta, audit)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	int i, fd;

	for (i = 0; i < 2; i++) {
		msg = pass(&self->a, &self->b);
		ASSERT_NE(NULL, msg);
		item = kd_item(msg, KDBUS_ITEM_AUDIT, 0);
		if (read_number("/proc/self/sessionid") == ~0ULL) {
			EXPECT_EQ(NULL, item);
			SKIP(return, "no audit sessions here");
		}
		ASSERT_NE(NULL, item);
		EXPECT_EQ(24, item->size);
		EXPECT_EQ(read_number("/proc/self/sessionid"),
			  item->audit.sessionid);
		EXPECT_EQ(read_number("/proc/self/loginuid"),
			  item->audit.loginuid);
		/* once more, with both set, if that is permitted */
		fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "4711", 4) != 4)
			break;
		close(fd);
	}
}

static bool has_name(const struct kdbus_msg *msg, unsigned int n,
		     const char *name, uint64_t flags)
{
	const struct kdbus_item *item = kd_item(msg, KDBUS_ITEM_OWNED_NAME, n);

	if (!name)
		return !item;
	return item && item->size == 24 + strlen(name) + 1 &&
	       item->name.flags == flags && strcmp(item->name.name, name) == 0;
}

/* 25.2: OWNED_NAME: in the order of claiming, without those waited for */
TEST_F(meta, names)
{
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, kd_name_acquire(&self->b, "test.queued", 0, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->a, "test.queued",
				     KDBUS_NAME_QUEUE, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->a, "test.zz",
				     KDBUS_NAME_ALLOW_REPLACEMENT, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->a, "test.aa",
				     KDBUS_NAME_QUEUE, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->a, "test.mm", 0, NULL));
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_name(msg, 0, "test.zz",
			     PRIMARY | KDBUS_NAME_ALLOW_REPLACEMENT));
	EXPECT_TRUE(has_name(msg, 1, "test.aa", PRIMARY | KDBUS_NAME_QUEUE));
	EXPECT_TRUE(has_name(msg, 2, "test.mm", PRIMARY));
	EXPECT_TRUE(has_name(msg, 3, NULL, 0));

	/* at the time of sending */
	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, NULL, 0));
	ASSERT_EQ(0, kd_name_release(&self->a, "test.aa"));
	ASSERT_EQ(0, kd_name_release(&self->b, "test.queued"));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_name(msg, 1, "test.aa", PRIMARY | KDBUS_NAME_QUEUE));
	EXPECT_TRUE(has_name(msg, 3, NULL, 0));
	/* the place of a name is that of the claim, also if it came by later */
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_name(msg, 0, "test.queued",
			     PRIMARY | KDBUS_NAME_QUEUE));
	EXPECT_TRUE(has_name(msg, 1, "test.zz",
			     PRIMARY | KDBUS_NAME_ALLOW_REPLACEMENT));
	EXPECT_TRUE(has_name(msg, 2, "test.mm", PRIMARY));
	EXPECT_TRUE(has_name(msg, 3, NULL, 0));
}

/* 25.2: names of every length */
TEST_F(meta, name_sizes)
{
	const struct kdbus_msg *msg;
	char name[256] = "a.";
	size_t len;

	for (len = 3; len <= 255; len += len < 20 ? 1 : 47) {
		memset(name + 2, 'n', len - 2);
		ASSERT_EQ(0, kd_name_acquire(&self->a, name, 0, NULL));
		msg = pass(&self->a, &self->b);
		ASSERT_NE(NULL, msg);
		EXPECT_TRUE(has_name(msg, 0, name, PRIMARY));
		EXPECT_EQ(of_tasks() | NAMES | TIMESTAMP, kd_kinds(msg));
		ASSERT_EQ(0, kd_name_release(&self->a, name));
	}
}

/* 25.2: CONN_DESCRIPTION, HELLO-4 */
TEST_F(meta, description)
{
	const struct kdbus_msg *msg;
	struct kd_conn c;
	char text[64];
	size_t len;

	memset(text, 'd', sizeof(text));
	for (len = 1; len <= 63; len += 31) {
		text[len] = 0;
		ASSERT_EQ(0, connect_with(&c, self->env.bus, 0, 0, text));
		msg = pass(&c, &self->b);
		ASSERT_NE(NULL, msg);
		EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_CONN_DESCRIPTION,
					     0), text));
		kd_close(&c);
		text[len] = 'd';
	}
}

/* META-1: every copy by the mask of its receiver, the same TIMESTAMP in all */
TEST_F(meta, broadcast)
{
	static const uint64_t masks[] = {
		0, ALL, TIMESTAMP, KDBUS_ATTACH_PIDS | TIMESTAMP, NAMES,
	};
	struct kd_conn c[KD_ARRAY_SIZE(masks)];
	const struct kdbus_item *stamp, *first = NULL;
	const struct kdbus_msg *msg;
	uint64_t there;
	size_t i;

	ASSERT_EQ(0, kd_name_acquire(&self->a, "test.one", 0, NULL));
	there = of_tasks() | NAMES | TIMESTAMP;
	for (i = 0; i < KD_ARRAY_SIZE(masks); i++) {
		ASSERT_EQ(0, connect_with(&c[i], self->env.bus, 0, masks[i],
					  NULL));
	}
	for (i = 0; i < KD_ARRAY_SIZE(masks); i++) {
		ASSERT_EQ(0,
			  kd_match_all(&c[i], 1));
	}
	ASSERT_EQ(0, kd_broadcast(&self->a, 1));
	for (i = 0; i < KD_ARRAY_SIZE(masks); i++) {
		msg = next(&c[i]);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(masks[i] & there, kd_kinds(msg));
		stamp = kd_item(msg, KDBUS_ITEM_TIMESTAMP, 0);
		if (first && stamp) {
			EXPECT_EQ(0, memcmp(first, stamp, 40));
		}
		if (!first)
			first = stamp;
	}
	EXPECT_NE(NULL, first);
}

/* MON-2: monitors by masks of their own */
TEST_F(meta, monitor)
{
	const struct kdbus_msg *msg;
	struct kd_conn m;

	ASSERT_EQ(0, kd_hello(&m, self->env.bus, KDBUS_HELLO_MONITOR,
			      KDBUS_ATTACH_PIDS | KDBUS_ATTACH_TID_COMM, POOL));
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(of_tasks() | TIMESTAMP, kd_kinds(msg));
	msg = next(&m);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(KDBUS_ATTACH_PIDS | KDBUS_ATTACH_TID_COMM, kd_kinds(msg));
}

/* META-1, NOTE-1: notifications have TIMESTAMP and nothing else */
TEST_F(meta, notification)
{
	struct kd_conn c;

	ASSERT_EQ(0, kd_watch_ids(&self->b));
	ASSERT_EQ(0, update(&self->b, KDBUS_ITEM_ATTACH_FLAGS_RECV, ALL));
	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	EXPECT_EQ(0, kd_id_added(&self->b, c.id, KDBUS_HELLO_ACCEPT_FD));
	ASSERT_EQ(0, update(&self->b, KDBUS_ITEM_ATTACH_FLAGS_RECV, 0));
	ASSERT_EQ(0, kd_byebye(&c));
	EXPECT_EQ(0, kd_id_removed(&self->b, c.id, KDBUS_HELLO_ACCEPT_FD));
}

/* META-3: replies carry what is known of the replier, synchronous ones too */
TEST_F(meta, reply)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_send cmd;
	struct kd_block b;
	int pid;

	ASSERT_EQ(0, kd_call(&self->b, self->a.id, 7, KD_FAR));
	ASSERT_NE(NULL, next(&self->a));
	ASSERT_EQ(0, kd_reply(&self->a, self->b.id, 7, NULL, 0));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(of_tasks() | TIMESTAMP, kd_kinds(msg));
	EXPECT_TRUE(has_pids(kd_item(msg, KDBUS_ITEM_PIDS, 0), getpid(),
			     getpid(), getppid()));

	pid = fork();
	if (pid == 0) {
		kd_call_start(&b, self->a.id, 8, KD_FAR);
		KD_CHECK(kd_call_sync(&self->b, &b, -1, &cmd) == 0);
		msg = kd_msg(&self->b, cmd.reply.offset);
		KD_CHECK(kd_kinds(msg) == (of_tasks() | TIMESTAMP));
		/* of the process that replied, which is not this one */
		KD_CHECK(kd_item(msg, KDBUS_ITEM_PIDS, 0)->pids.pid ==
			 (uint64_t)getppid());
		_exit(0);
	}
	ASSERT_EQ(POLLIN, kd_poll(self->a.fd, POLLIN, KD_PATIENCE));
	msg = next(&self->a);
	ASSERT_NE(NULL, msg);
	ASSERT_EQ(0, kd_reply(&self->a, self->b.id, 8, NULL, 0));
	EXPECT_EQ(0, kd_wait(pid));
}

/* META-5, W-50: a message that migrates keeps what the activator was to get */
TEST_F(meta, migration)
{
	const struct kdbus_msg *msg;
	struct kd_conn activator, owner;
	struct kd_block b;

	kd_hold_start(&b, KDBUS_HELLO_ACTIVATOR, "test.service");
	b.hello.pool_size = POOL;
	b.hello.attach_flags_recv = ALL;
	ASSERT_EQ(0, kd_hello_block(&activator, self->env.bus, &b));
	prctl(PR_SET_NAME, "before");
	ASSERT_EQ(0, kd_send_name(&self->a, "test.service", 1));
	prctl(PR_SET_NAME, "after");
	ASSERT_EQ(0, connect_with(&owner, self->env.bus, 0, 0, NULL));
	ASSERT_EQ(0, kd_name_acquire(&owner, "test.service", 0, NULL));
	msg = next(&owner);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(of_tasks() | TIMESTAMP, kd_kinds(msg));
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_TID_COMM, 0), "before"));
	EXPECT_TRUE(has_pids(kd_item(msg, KDBUS_ITEM_PIDS, 0), getpid(),
			     getpid(), getppid()));
}

/* INFO-3: what is asked and what the target hands out, TIMESTAMP never */
TEST_F(meta, info_masks)
{
	const struct kdbus_info *info;
	uint64_t bit, there;
	struct kd_conn c;

	there = of_tasks() | NAMES | DESCRIPTION;
	ASSERT_EQ(0, connect_with(&c, self->env.bus, ALL, 0, "describe"));
	ASSERT_EQ(0, kd_name_acquire(&c, "test.one", 0, NULL));
	info = ask(&self->a, c.id, _KDBUS_ATTACH_ANY);
	ASSERT_NE(NULL, info);
	EXPECT_EQ(there, kd_record_kinds(info));
	EXPECT_EQ(c.id, info->id);
	EXPECT_EQ(0, info->flags);
	for (bit = 1; bit <= ALL; bit <<= 1) {
		ASSERT_EQ(0, update(&c, KDBUS_ITEM_ATTACH_FLAGS_SEND, ALL));
		info = ask(&self->a, c.id, bit);
		ASSERT_NE(NULL, info);
		EXPECT_EQ(bit & there, kd_record_kinds(info));
		/* unlike messages, nothing is granted implicitly */
		ASSERT_EQ(0, update(&c, KDBUS_ITEM_ATTACH_FLAGS_SEND, bit));
		info = ask(&self->a, c.id, ALL);
		ASSERT_NE(NULL, info);
		EXPECT_EQ(bit & there, kd_record_kinds(info));
		ASSERT_EQ(0, update(&c, KDBUS_ITEM_ATTACH_FLAGS_SEND,
				    ALL & ~bit));
		info = ask(&self->a, c.id, ALL);
		ASSERT_NE(NULL, info);
		EXPECT_EQ(there & ~bit, kd_record_kinds(info));
	}
	ASSERT_EQ(0, update(&c, KDBUS_ITEM_ATTACH_FLAGS_SEND, 0));
	info = ask(&self->a, c.id, ALL);
	ASSERT_NE(NULL, info);
	EXPECT_EQ(24, info->size);
	info = ask(&c, c.id, ALL);
	ASSERT_NE(NULL, info);
	EXPECT_EQ(24, info->size);
}

struct greeter {
	pthread_t thread;
	struct kd_conn conn;
	const char *path;
	int tid;
	int result;
};

static void *greet(void *data)
{
	struct greeter *g = data;

	g->tid = syscall(SYS_gettid);
	prctl(PR_SET_NAME, "the greeter");
	g->result = connect_with(&g->conn, g->path, ALL, 0, NULL);
	return NULL;
}

/* HELLO-4, INFO-3: what was recorded at HELLO, by a thread that has ended */
TEST_F(meta, info_of_thread)
{
	struct greeter g = { .path = self->env.bus };
	const struct kdbus_info *info;

	prctl(PR_SET_NAME, "the leader");
	ASSERT_EQ(0, pthread_create(&g.thread, NULL, greet, &g));
	pthread_join(g.thread, NULL);
	ASSERT_EQ(0, g.result);
	prctl(PR_SET_NAME, "renamed");
	info = ask(&self->a, g.conn.id, ALL);
	ASSERT_NE(NULL, info);
	EXPECT_TRUE(has_pids(kd_record_item(info, KDBUS_ITEM_PIDS, 0),
			     getpid(), g.tid, getppid()));
	EXPECT_TRUE(has_text(kd_record_item(info, KDBUS_ITEM_TID_COMM, 0),
			     "the greeter"));
	EXPECT_TRUE(has_text(kd_record_item(info, KDBUS_ITEM_PID_COMM, 0),
			     "the leader"));
}

/* META-3, PRIV-3: of the process that issued HELLO, though it has exited */
TEST_F(meta, info_of_process)
{
	static const uint64_t ids[8] = { 11, 12, 13, 14, 21, 22, 23, 24 };
	const struct kdbus_info *info;
	struct kd_block *b;
	int fd, pid;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, b);
	fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	pid = fork();
	if (pid == 0) {
		KD_CHECK(setgroups(2, (const gid_t[]){ 7, 9 }) == 0);
		KD_CHECK(set_ids(ids) == 0);
		prctl(PR_SET_NAME, "the child");
		kd_hello_start(b, KD_POOL);
		KD_CHECK(kd_ioctl(fd, KDBUS_CMD_HELLO, b) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, kd_wait(pid));
	info = ask(&self->a, b->hello.id, ALL);
	ASSERT_NE(NULL, info);
	EXPECT_TRUE(has_pids(kd_record_item(info, KDBUS_ITEM_PIDS, 0), pid,
			     pid, getpid()));
	EXPECT_TRUE(has_creds(kd_record_item(info, KDBUS_ITEM_CREDS, 0), ids));
	EXPECT_TRUE(has_text(kd_record_item(info, KDBUS_ITEM_PID_COMM, 0),
			     "the child"));
	ASSERT_NE(NULL, kd_record_item(info, KDBUS_ITEM_AUXGROUPS, 0));
	EXPECT_EQ(32, kd_record_item(info, KDBUS_ITEM_AUXGROUPS, 0)->size);
	EXPECT_EQ(of_tasks(), kd_record_kinds(info));
}

/* CINFO-1: the name first, then what the creator lets be known */
TEST_F(meta, creator)
{
	const struct kdbus_info *info;
	uint64_t bit;

	info = ask_creator(&self->a, _KDBUS_ATTACH_ANY);
	ASSERT_NE(NULL, info);
	EXPECT_EQ(1, info->id);
	EXPECT_EQ(KDBUS_MAKE_ACCESS_WORLD, info->flags);
	EXPECT_EQ(KDBUS_ITEM_MAKE_NAME, info->items->type);
	EXPECT_TRUE(has_text(info->items, self->env.name));
	EXPECT_EQ(of_tasks(), kd_record_kinds(info));
	EXPECT_TRUE(has_pids(kd_record_item(info, KDBUS_ITEM_PIDS, 0),
			     getpid(), getpid(), getppid()));
	for (bit = 1; bit <= ALL; bit <<= 1) {
		info = ask_creator(&self->a, bit);
		ASSERT_NE(NULL, info);
		EXPECT_TRUE(has_text(info->items, self->env.name));
		EXPECT_EQ(bit & of_tasks(), kd_record_kinds(info));
	}
	info = ask_creator(&self->a, 0);
	ASSERT_NE(NULL, info);
	EXPECT_EQ(24 + KD_ALIGN8(16 + strlen(self->env.name) + 1), info->size);
}

/* The program is the sender of single messages as well: kd_exec_sender() */
#define main harness_main
TEST_HARNESS_MAIN
#undef main

int main(int argc, char **argv)
{
	kd_sender_main();
	arguments = argv;
	return harness_main(argc, argv);
}
