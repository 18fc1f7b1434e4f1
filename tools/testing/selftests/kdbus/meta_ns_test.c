// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata across namespaces and roots (rules META-1 as to /proc, META-3 to
 * META-5, PRIV-3, HELLO-7, HELLO-8, SEC-3, SEC-4; W-30, W-43, W-50)
 *
 * The test stands outside. A child goes inside, into new namespaces, and
 * connects or sends from there. Both have one descriptor table, so that a
 * connection made inside can be used outside, which changes nothing about what
 * it is told: that is settled by who opened it and who issued HELLO.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALL		_KDBUS_ATTACH_ALL
#define TIMESTAMP	KDBUS_ATTACH_TIMESTAMP
/* META-1: what nobody can withhold, and what /proc decides about */
#define IMPLICIT	(KDBUS_ATTACH_CREDS | KDBUS_ATTACH_PIDS | \
			 KDBUS_ATTACH_AUXGROUPS | TIMESTAMP)
#define OF_PROC		(KDBUS_ATTACH_TID_COMM | KDBUS_ATTACH_PID_COMM | \
			 KDBUS_ATTACH_EXE | KDBUS_ATTACH_CMDLINE | \
			 KDBUS_ATTACH_CAPS)
#define OVERFLOW	65534ULL
#define UNSET		0xffffffffULL
#define POOL		(1024 * 1024)
#define TEXT_MAX	4096
/* ids of the test, outside; INSIDE is 0 inside */
#define USER		4711
#define INSIDE		5000
#define INSIDE_IDS	100

/**
 * struct place - where a child goes
 * @flags: new namespaces, CLONE_NEW*
 * @root: root directory, or NULL
 */
struct place {
	int flags;
	const char *root;
};

/**
 * struct job - what it does there; shared with it
 * @bus: path of the bus
 * @send_mask: masks of its connections
 * @recv_mask: likewise
 * @conn: made inside
 * @from: made outside, by the owner of the bus: what is sent from inside
 * @peer: who receives that
 * @pid: process inside, in numbers of the outside
 * @fd: handle on the bus, made outside
 * @text: something to be told
 */
struct job {
	char bus[KD_PATH_MAX];
	uint64_t send_mask;
	uint64_t recv_mask;
	struct kd_conn conn;
	struct kd_conn from;
	struct kd_conn peer;
	int pid;
	int fd;
	char text[TEXT_MAX];
};

FIXTURE(ns) {
	struct kd_env env;
	struct kd_conn a;	/* hands out everything */
	struct kd_conn b;	/* wants everything */
	struct job *job;
};

FIXTURE_SETUP(ns)
{
	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_hello(&self->a, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->b, self->env.bus, 0, _KDBUS_ATTACH_ANY,
			      POOL));
	self->job = mmap(NULL, sizeof(*self->job), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->job);
	snprintf(self->job->bus, KD_PATH_MAX, "%s", self->env.bus);
	self->job->send_mask = ALL;
	self->job->recv_mask = ALL;
	self->job->from = self->a;
	self->job->peer = self->b;
}

FIXTURE_TEARDOWN(ns)
{
}

/* A child with the same descriptors. */
static int fork_shared(void)
{
	struct clone_args args = {
		.flags = CLONE_FILES,
		.exit_signal = SIGCHLD,
	};

	/* glibc's fork() does no more that matters to a single thread */
	return syscall(SYS_clone3, &args, sizeof(args));
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		r = -errno;
	close(fd);
	return r;
}

/* Give the user namespace of a process INSIDE_IDS ids. */
static int map_ids(int pid)
{
	static const char *const maps[] = { "uid_map", "gid_map" };
	char path[64], text[64];
	int i, r;

	snprintf(text, sizeof(text), "0 %d %d\n", INSIDE, INSIDE_IDS);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, maps[i]);
		r = write_file(path, text);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The child: go there, be uid 0 there, and do it. */
static void enter(const struct place *p, void (*fn)(struct job *),
		  struct job *job, const int *sync)
{
	int pid;
	char c;

	KD_CHECK(unshare(p->flags) == 0);
	KD_CHECK(write(sync[1], "r", 1) == 1 && read(sync[2], &c, 1) == 1);
	if (p->flags & CLONE_NEWUSER) {
		KD_CHECK(setgroups(0, NULL) == 0);
		KD_CHECK(setresgid(0, 0, 0) == 0);
		KD_CHECK(setresuid(0, 0, 0) == 0);
	}
	if (p->root)
		KD_CHECK(chroot(p->root) == 0);
	if (!(p->flags & CLONE_NEWPID)) {
		fn(job);
		_exit(0);
	}
	pid = fork_shared();
	KD_CHECK(pid >= 0);
	if (pid == 0) {
		fn(job);
		_exit(0);
	}
	job->pid = pid;
	_exit(kd_wait(pid) == 0 ? 0 : 1);
}

/*
 * Have a job done inside. The number of the process that did it is that of the
 * outside, also where it has another one inside.
 */
static int run(const struct place *p, void (*fn)(struct job *),
	       struct job *job)
{
	int pipes[4], pid, r;
	char c;

	if (pipe2(pipes, O_CLOEXEC) < 0 || pipe2(pipes + 2, O_CLOEXEC) < 0)
		return -errno;
	fflush(stdout);
	pid = fork_shared();
	if (pid == 0)
		enter(p, fn, job, pipes);
	if (pid < 0)
		return -errno;
	job->pid = pid;
	r = read(pipes[0], &c, 1) == 1 ? 0 : -EIO;
	if (r == 0 && p->flags & CLONE_NEWUSER)
		r = map_ids(pid);
	if (write(pipes[3], "m", 1) != 1)
		r = -EIO;
	if (r < 0)
		kill(pid, SIGKILL);
	r = kd_wait(pid) ?: r;
	for (pid = 0; pid < 4; pid++)
		close(pipes[pid]);
	return r;
}

/* A connection with the masks of the job. */
static int connect_job(struct job *job, struct kd_conn *c)
{
	struct kd_block b;

	kd_hello_start(&b, POOL);
	b.hello.attach_flags_send = job->send_mask;
	b.hello.attach_flags_recv = job->recv_mask;
	return kd_hello_block(c, job->bus, &b);
}

/* inside: connect */
static void do_connect(struct job *job)
{
	KD_CHECK(connect_job(job, &job->conn) == 0);
}

/* inside: connect; send one message out, with the rights of an owner */
static void do_send(struct job *job)
{
	prctl(PR_SET_NAME, "inside");
	do_connect(job);
	KD_CHECK(kd_send(&job->from, job->peer.id, 1, NULL, 0) == 0);
}

/* inside: connect two, send one message from one to the other */
static void do_talk(struct job *job)
{
	struct kd_conn other;

	do_connect(job);
	KD_CHECK(connect_job(job, &other) == 0);
	KD_CHECK(kd_send(&other, job->conn.id, 1, NULL, 0) == 0);
}

/* inside: HELLO on a handle that was opened outside */
static void do_hello(struct job *job)
{
	struct kd_block b;

	kd_hello_start(&b, POOL);
	b.hello.attach_flags_send = job->send_mask;
	b.hello.attach_flags_recv = job->recv_mask;
	KD_CHECK(kd_ioctl(job->fd, KDBUS_CMD_HELLO, &b) == 0);
	job->conn.fd = job->fd;
	job->conn.id = b.hello.id;
	job->conn.pool_size = POOL;
	KD_CHECK(kd_free(&job->conn, b.hello.offset) == 0);
}

/* Map the pool of a connection that was made inside. */
static int adopt(struct kd_conn *c)
{
	c->pool = mmap(NULL, c->pool_size, PROT_READ, MAP_SHARED, c->fd, 0);
	return c->pool == MAP_FAILED ? -errno : 0;
}

/* A receiver that connects from inside. */
static int receiver(const struct place *p, struct job *job)
{
	return run(p, do_connect, job) ?: adopt(&job->conn);
}

/* The next message, freed already: it stays readable until another comes. */
static const struct kdbus_msg *next(const struct kd_conn *c)
{
	struct kdbus_cmd_recv cmd;
	const struct kdbus_msg *msg;

	if (kd_recv(c, 0, 0, &cmd) != 0)
		return NULL;
	msg = kd_msg(c, cmd.msg.offset);
	return kd_free(c, cmd.msg.offset) == 0 ? msg : NULL;
}

static const struct kdbus_msg *pass(const struct kd_conn *from,
				    const struct kd_conn *to)
{
	return kd_send(from, to->id, 1, NULL, 0) == 0 ? next(to) : NULL;
}

/* The same from another process than the one that issued HELLO. */
static const struct kdbus_msg *pass_apart(const struct kd_conn *from,
					  const struct kd_conn *to)
{
	int pid = fork();

	if (pid == 0) {
		KD_CHECK(kd_send(from, to->id, 1, NULL, 0) == 0);
		_exit(0);
	}
	return kd_wait(pid) == 0 ? next(to) : NULL;
}

/* CONN_INFO, or BUS_CREATOR_INFO for id 0: the record, freed already. */
static const struct kdbus_info *ask(const struct kd_conn *c, uint64_t id)
{
	struct kdbus_cmd_info cmd;
	int r;

	r = id ? kd_info(c, id, NULL, ALL, &cmd) :
		 kd_creator_info(c, ALL, &cmd);
	if (r != 0 || kd_free(c, cmd.offset) != 0)
		return NULL;
	return kd_record(c, cmd.offset);
}

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

/* The four sets: inheritable, permitted, effective, bounding. */
static bool has_caps(const struct kdbus_item *item, const uint64_t sets[4])
{
	size_t i;

	if (!item || item->size != 52)
		return false;
	for (i = 0; i < 4; i++)
		if (item->caps.caps[2 * i] != (uint32_t)sets[i] ||
		    item->caps.caps[2 * i + 1] != sets[i] >> 32)
			return false;
	return true;
}

/* All capabilities that the kernel knows. */
static uint64_t full_set(void)
{
	char text[32];

	if (kd_read_file("/proc/sys/kernel/cap_last_cap", text,
			 sizeof(text)) < 0)
		return 0;
	return (2ULL << strtoul(text, NULL, 10)) - 1;
}

/* Those of this task, in the order of the item. */
static void own_sets(uint64_t sets[4])
{
	static const char *const names[] = {
		"CapInh:\t", "CapPrm:\t", "CapEff:\t", "CapBnd:\t",
	};
	char text[TEXT_MAX], *pos;
	size_t i;

	memset(sets, 0xff, 32);
	if (kd_read_file("/proc/self/status", text, sizeof(text)) < 0)
		return;
	for (i = 0; i < 4; i++) {
		pos = strstr(text, names[i]);
		if (pos)
			sets[i] = strtoull(pos + strlen(names[i]), NULL, 16);
	}
}

/* Change the effective uid, capabilities kept. */
static int set_euid(uint32_t id)
{
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0 ||
	    setresuid(-1, id, -1) < 0)
		return -errno;
	return 0;
}

static const struct place user_ns = { .flags = CLONE_NEWUSER };
static const struct place pid_ns = { .flags = CLONE_NEWPID };
static const struct place both_ns = { .flags = CLONE_NEWUSER | CLONE_NEWPID };

/* META-4: ids in a child namespace: mapped ones, and 65534 for the others */
TEST_F(ns, ids_downwards)
{
	const uint64_t outside[8] = {
		OVERFLOW, OVERFLOW, OVERFLOW, OVERFLOW,
		OVERFLOW, OVERFLOW, OVERFLOW, OVERFLOW,
	};
	const uint64_t inside[8] = { 1, 2, 3, 2, 11, 12, 13, 12 };
	const gid_t groups[] = { INSIDE - 1, INSIDE, INSIDE + 7, USER };
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, receiver(&user_ns, self->job));
	msg = pass(&self->a, &self->job->conn);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_creds(kd_item(msg, KDBUS_ITEM_CREDS, 0), outside));
	/* numbers of processes are no business of this namespace */
	EXPECT_TRUE(has_pids(kd_item(msg, KDBUS_ITEM_PIDS, 0), getpid(),
			     getpid(), getppid()));

	ASSERT_EQ(0, setgroups(KD_ARRAY_SIZE(groups), groups));
	ASSERT_EQ(0, setresgid(INSIDE + 11, INSIDE + 12, INSIDE + 13));
	ASSERT_EQ(0, setresuid(INSIDE + 1, INSIDE + 2, INSIDE + 3));
	msg = pass(&self->a, &self->job->conn);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_creds(kd_item(msg, KDBUS_ITEM_CREDS, 0), inside));
	item = kd_item(msg, KDBUS_ITEM_AUXGROUPS, 0);
	ASSERT_NE(NULL, item);
	ASSERT_EQ(16 + 8 * 4, item->size);
	/* in the order in which they are outside */
	EXPECT_EQ(OVERFLOW, item->data64[0]);
	EXPECT_EQ(OVERFLOW, item->data64[1]);
	EXPECT_EQ(0, item->data64[2]);
	EXPECT_EQ(7, item->data64[3]);
}

/* META-4, PRIV-3: ids in a parent namespace: by the receiver's opener */
TEST_F(ns, ids_upwards)
{
	const uint64_t ids[8] = {
		INSIDE, INSIDE, INSIDE, INSIDE, INSIDE, INSIDE, INSIDE, INSIDE,
	};
	const struct kdbus_info *info;
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, run(&user_ns, do_send, self->job));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_creds(kd_item(msg, KDBUS_ITEM_CREDS, 0), ids));
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_TID_COMM, 0), "inside"));
	EXPECT_TRUE(has_pids(kd_item(msg, KDBUS_ITEM_PIDS, 0),
			     self->job->pid, self->job->pid, getpid()));
	/* the same in what is told of the connection */
	info = ask(&self->b, self->job->conn.id);
	ASSERT_NE(NULL, info);
	EXPECT_TRUE(has_creds(kd_record_item(info, KDBUS_ITEM_CREDS, 0), ids));
}

/* META-4: within one namespace the ids are those of that namespace */
TEST_F(ns, ids_inside)
{
	const uint64_t zero[8] = {};
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, run(&user_ns, do_talk, self->job));
	ASSERT_EQ(0, adopt(&self->job->conn));
	msg = next(&self->job->conn);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_creds(kd_item(msg, KDBUS_ITEM_CREDS, 0), zero));
}

/* PRIV-3: the user namespace is the opener's, whoever issues HELLO */
TEST_F(ns, ids_of_opener)
{
	const struct kdbus_info *info;
	const struct kdbus_msg *msg;
	const uint64_t zero[8] = {};

	self->job->fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->job->fd);
	ASSERT_EQ(0, run(&both_ns, do_hello, self->job));
	ASSERT_EQ(0, adopt(&self->job->conn));
	msg = pass(&self->a, &self->job->conn);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_creds(kd_item(msg, KDBUS_ITEM_CREDS, 0), zero));
	/* unlike the pid namespace */
	EXPECT_TRUE(has_pids(kd_item(msg, KDBUS_ITEM_PIDS, 0), 0, 0, 0));
	info = ask(&self->job->conn, self->a.id);
	ASSERT_NE(NULL, info);
	EXPECT_TRUE(has_creds(kd_record_item(info, KDBUS_ITEM_CREDS, 0), zero));
	EXPECT_TRUE(has_pids(kd_record_item(info, KDBUS_ITEM_PIDS, 0), 0, 0,
			     0));
}

/* META-4: the login uid that is not mapped reads as one that is not set */
TEST_F(ns, audit)
{
	static const unsigned int ids[] = { USER, INSIDE + 9 };
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	char text[32];
	int i, pid;

	if (kd_read_file("/proc/self/loginuid", text, sizeof(text)) < 0)
		SKIP(return, "no audit sessions here");
	ASSERT_EQ(0, receiver(&user_ns, self->job));
	for (i = 0; i < 2; i++) {
		/* each process may set it once */
		pid = fork();
		if (pid == 0) {
			snprintf(text, sizeof(text), "%u", ids[i]);
			if (write_file("/proc/self/loginuid", text) < 0)
				_exit(77);
			KD_CHECK(kd_send(&self->a, self->job->conn.id, 1, NULL,
					 0) == 0);
			KD_CHECK(kd_send(&self->a, self->b.id, 1, NULL,
					 0) == 0);
			_exit(0);
		}
		pid = kd_wait(pid);
		if (pid == 77)
			SKIP(return, "may not set the login uid");
		ASSERT_EQ(0, pid);
		msg = next(&self->job->conn);
		ASSERT_NE(NULL, msg);
		item = kd_item(msg, KDBUS_ITEM_AUDIT, 0);
		ASSERT_NE(NULL, item);
		EXPECT_EQ(i ? 9 : UNSET, item->audit.loginuid);
		EXPECT_NE(UNSET, item->audit.sessionid);
		msg = next(&self->b);
		ASSERT_NE(NULL, msg);
		item = kd_item(msg, KDBUS_ITEM_AUDIT, 0);
		ASSERT_NE(NULL, item);
		EXPECT_EQ(ids[i], item->audit.loginuid);
	}
}

/* META-4: CAPS in a child namespace: verbatim, unless its owner sends */
TEST_F(ns, caps_downwards)
{
	uint64_t all = full_set(), sets[4], owner[4] = { 0, all, all, all };
	const struct kdbus_msg *msg;

	ASSERT_NE(0, all);
	prctl(PR_CAPBSET_DROP, CAP_SYS_TIME);
	ASSERT_EQ(0, receiver(&user_ns, self->job));
	msg = pass(&self->a, &self->job->conn);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_caps(kd_item(msg, KDBUS_ITEM_CAPS, 0), owner));

	ASSERT_EQ(0, set_euid(USER));
	own_sets(sets);
	EXPECT_NE(all, sets[3]);
	msg = pass(&self->a, &self->job->conn);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_caps(kd_item(msg, KDBUS_ITEM_CAPS, 0), sets));
	/* in the own namespace, too */
	msg = pass(&self->a, &self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_caps(kd_item(msg, KDBUS_ITEM_CAPS, 0), sets));
}

/* META-4: in a parent namespace they are worth nothing */
TEST_F(ns, caps_upwards)
{
	const uint64_t none[4] = {};
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, run(&user_ns, do_send, self->job));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_caps(kd_item(msg, KDBUS_ITEM_CAPS, 0), none));
}

/* META-4: in a namespace beside it neither */
TEST_F(ns, caps_sideways)
{
	const uint64_t none[4] = {};
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, receiver(&user_ns, self->job));
	self->job->peer = self->job->conn;
	ASSERT_EQ(0, run(&user_ns, do_send, self->job));
	msg = next(&self->job->peer);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_caps(kd_item(msg, KDBUS_ITEM_CAPS, 0), none));
}

/* inside: into another one, as a uid that did not make the first */
static void do_deeper(struct job *job)
{
	KD_CHECK(set_euid(1) == 0);
	KD_CHECK(unshare(CLONE_NEWUSER) == 0);
	do_connect(job);
}

/* META-4: two levels down: the owner of the first of them is what counts */
TEST_F(ns, caps_two_levels)
{
	uint64_t all = full_set(), sets[4], owner[4] = { 0, all, all, all };
	const struct kdbus_msg *msg;
	uint64_t overflow[8];
	int i;

	ASSERT_EQ(0, run(&user_ns, do_deeper, self->job));
	ASSERT_EQ(0, adopt(&self->job->conn));
	prctl(PR_CAPBSET_DROP, CAP_SYS_TIME);
	msg = pass(&self->a, &self->job->conn);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_caps(kd_item(msg, KDBUS_ITEM_CAPS, 0), owner));
	for (i = 0; i < 8; i++)
		overflow[i] = OVERFLOW;
	EXPECT_TRUE(has_creds(kd_item(msg, KDBUS_ITEM_CREDS, 0), overflow));
	/* the owner of the second is nobody here */
	ASSERT_EQ(0, set_euid(INSIDE + 1));
	own_sets(sets);
	msg = pass(&self->a, &self->job->conn);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_caps(kd_item(msg, KDBUS_ITEM_CAPS, 0), sets));
}

/* META-4: processes that have no number in the receiver's namespace */
TEST_F(ns, pids_downwards)
{
	const struct kdbus_info *info;
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, receiver(&pid_ns, self->job));
	msg = pass(&self->a, &self->job->conn);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_pids(kd_item(msg, KDBUS_ITEM_PIDS, 0), 0, 0, 0));
	info = ask(&self->job->conn, self->a.id);
	ASSERT_NE(NULL, info);
	EXPECT_TRUE(has_pids(kd_record_item(info, KDBUS_ITEM_PIDS, 0), 0, 0,
			     0));
	info = ask(&self->job->conn, 0);
	ASSERT_NE(NULL, info);
	EXPECT_TRUE(has_pids(kd_record_item(info, KDBUS_ITEM_PIDS, 0), 0, 0,
			     0));
}

/* META-4: processes of a child namespace have a number here */
TEST_F(ns, pids_upwards)
{
	const struct kdbus_info *info;
	const struct kdbus_msg *msg;
	const struct kdbus_item *item;
	uint64_t pid, ppid;

	ASSERT_EQ(0, run(&pid_ns, do_send, self->job));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	item = kd_item(msg, KDBUS_ITEM_PIDS, 0);
	ASSERT_NE(NULL, item);
	pid = item->pids.pid;
	ppid = item->pids.ppid;
	EXPECT_EQ((uint64_t)self->job->pid, pid);
	EXPECT_EQ(pid, item->pids.tid);
	EXPECT_LT(1, ppid);
	EXPECT_NE(getpid(), ppid);
	/* META-3: also when it is gone and its namespace with it */
	info = ask(&self->b, self->job->conn.id);
	ASSERT_NE(NULL, info);
	EXPECT_TRUE(has_pids(kd_record_item(info, KDBUS_ITEM_PIDS, 0), pid,
			     pid, ppid));
}

/* inside: as do_talk(), with a process for each */
static void do_talk_apart(struct job *job)
{
	int pid;

	do_connect(job);
	pid = fork_shared();
	if (pid == 0) {
		do_send(job);
		_exit(0);
	}
	KD_CHECK(kd_wait(pid) == 0);
	snprintf(job->text, sizeof(job->text), "%d", pid);
}

/* META-4: inside, the numbers are those of the inside; 0 for what is not */
TEST_F(ns, pids_inside)
{
	const struct kdbus_msg *msg;
	int pid;

	ASSERT_EQ(0, run(&pid_ns, do_talk, self->job));
	ASSERT_EQ(0, adopt(&self->job->conn));
	msg = next(&self->job->conn);
	ASSERT_NE(NULL, msg);
	/* the parent of its first process lives outside */
	EXPECT_TRUE(has_pids(kd_item(msg, KDBUS_ITEM_PIDS, 0), 1, 1, 0));

	self->job->send_mask = 0;
	ASSERT_EQ(0, connect_job(self->job, &self->job->from));
	ASSERT_EQ(0, run(&pid_ns, do_connect, self->job));
	self->job->peer = self->job->conn;
	ASSERT_EQ(0, run(&pid_ns, do_talk_apart, self->job));
	pid = atoi(self->job->text);
	EXPECT_EQ(2, pid);
	/* what was sent to the other namespace has no numbers there */
	ASSERT_EQ(0, adopt(&self->job->peer));
	msg = next(&self->job->peer);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_pids(kd_item(msg, KDBUS_ITEM_PIDS, 0), 0, 0, 0));
	EXPECT_EQ(IMPLICIT, kd_kinds(msg));
}

/* META-1: P needs a number in the receiver's namespace, G needs nothing */
TEST_F(ns, withheld_from_below)
{
	const struct kdbus_msg *msg;
	struct kd_conn closed;

	ASSERT_EQ(0, receiver(&pid_ns, self->job));
	msg = pass(&self->a, &self->job->conn);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(IMPLICIT | OF_PROC, kd_kinds(msg) & (IMPLICIT | OF_PROC));

	self->job->send_mask = 0;
	ASSERT_EQ(0, connect_job(self->job, &closed));
	msg = pass(&closed, &self->job->conn);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(IMPLICIT, kd_kinds(msg));
	/* upwards there is a number */
	self->job->from = closed;
	ASSERT_EQ(0, run(&pid_ns, do_send, self->job));
	msg = next(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(IMPLICIT | OF_PROC, kd_kinds(msg) & (IMPLICIT | OF_PROC));
}

/* A receiver of another user, who is no owner, under the present /proc. */
static int connect_user(struct kd_conn *c, const char *bus, uint64_t mask)
{
	int r = kd_act_as(USER);

	if (r == 0)
		r = kd_hello(c, bus, 0, mask, POOL);
	return kd_act_as(0) ?: r;
}

/* META-1, W-30: the restriction of the procfs that the receiver has on /proc */
TEST_F(ns, hidepid)
{
	static const struct {
		const char *options;
		bool shown;
	} rows[] = {
		{ "hidepid=0", true },
		{ "hidepid=1", false },
		{ "hidepid=2", false },
		{ "hidepid=2,gid=4711", true },
		{ "hidepid=2,gid=4712", false },
	};
	struct kd_conn closed, open, user;
	const struct kdbus_msg *msg;
	size_t i;

	self->job->send_mask = 0;
	ASSERT_EQ(0, connect_job(self->job, &closed));
	self->job->send_mask = ALL;
	ASSERT_EQ(0, connect_job(self->job, &open));
	for (i = 0; i < KD_ARRAY_SIZE(rows); i++) {
		if (mount("proc", "/proc", "proc", 0, rows[i].options) < 0)
			SKIP(return, "may not mount /proc anew");
		ASSERT_EQ(0, connect_user(&user, self->env.bus, ALL));
		msg = pass_apart(&closed, &user);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(rows[i].shown ? OF_PROC : 0,
			  kd_kinds(msg) & OF_PROC) {
			TH_LOG("with %s", rows[i].options);
		}
		EXPECT_EQ(IMPLICIT, kd_kinds(msg) & IMPLICIT);
		/* G */
		msg = pass_apart(&open, &user);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(IMPLICIT | OF_PROC,
			  kd_kinds(msg) & (IMPLICIT | OF_PROC));
		kd_close(&user);
		ASSERT_EQ(0, umount2("/proc", MNT_DETACH));
	}
}

/* META-1: the thread that issued HELLO may know what it is itself */
TEST_F(ns, hidepid_of_oneself)
{
	const struct kdbus_msg *msg;
	struct kd_conn user;

	if (mount("proc", "/proc", "proc", 0, "hidepid=2") < 0)
		SKIP(return, "may not mount /proc anew");
	self->job->send_mask = 0;
	ASSERT_EQ(0, connect_job(self->job, &self->a));
	ASSERT_EQ(0, connect_user(&user, self->env.bus, ALL));
	ASSERT_EQ(0, umount2("/proc", MNT_DETACH));
	msg = pass(&self->a, &user);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(OF_PROC, kd_kinds(msg) & OF_PROC);
	/* not so another process, which the opener could not look at */
	msg = pass_apart(&self->a, &user);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(0, kd_kinds(msg) & OF_PROC);
}

/* META-1, W-30: whoever may look at the sender anyway, as ptrace(2) decides */
TEST_F(ns, hidepid_ptrace)
{
	const struct kdbus_msg *msg;
	struct kd_conn user;
	int dumpable, pid;

	if (mount("proc", "/proc", "proc", 0, "hidepid=2") < 0)
		SKIP(return, "may not mount /proc anew");
	self->job->send_mask = 0;
	ASSERT_EQ(0, connect_job(self->job, &self->a));
	ASSERT_EQ(0, connect_user(&user, self->env.bus, ALL));
	for (dumpable = 0; dumpable < 2; dumpable++) {
		pid = fork();
		if (pid == 0) {
			KD_CHECK(kd_set_user(USER) == 0);
			KD_CHECK(prctl(PR_SET_DUMPABLE, dumpable) == 0);
			KD_CHECK(kd_send(&self->a, user.id, 1, NULL, 0) == 0);
			_exit(0);
		}
		ASSERT_EQ(0, kd_wait(pid));
		msg = next(&user);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(dumpable ? OF_PROC : 0, kd_kinds(msg) & OF_PROC);
	}
}

/* Where programs are put: a file system of its own on dir. */
static int make_root(char *dir)
{
	char path[64], buf[65536];
	int from, to;
	ssize_t n;

	if (!mkdtemp(dir) || mount("tmpfs", dir, "tmpfs", 0, NULL) < 0)
		return -errno;
	snprintf(path, sizeof(path), "%s/program", dir);
	from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, n) != n)
			return -ENOSPC;
	close(from);
	close(to);
	snprintf(path, sizeof(path), "%s/empty", dir);
	return n < 0 || mkdir(path, 0755) < 0 ? -EIO : 0;
}

/* What runs the program of a root, goes to a root and sends. */
static const struct kdbus_msg *send_from(const struct kd_conn *from,
					 const struct kd_conn *to,
					 const char *path, const char *root)
{
	char *const argv[] = { "sender", NULL };
	int pid = kd_exec_sender(path, argv, from, to->id, root);

	return kd_wait(pid) == 0 ? next(to) : NULL;
}

/* A receiver whose HELLO is issued with another root directory. */
static int receiver_at(struct job *job, const char *root)
{
	const struct place place = { .root = root };

	job->fd = open(job->bus, O_RDWR | O_CLOEXEC);
	if (job->fd < 0)
		return -errno;
	return run(&place, do_hello, job) ?: adopt(&job->conn);
}

/* META-4: EXE for receivers with the same root, relative to it */
TEST_F(ns, exe)
{
	char dir[] = "/tmp/kdbus-XXXXXX", path[64], empty[64];
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kd_conn inside;

	ASSERT_EQ(0, make_root(dir));
	snprintf(path, sizeof(path), "%s/program", dir);
	snprintf(empty, sizeof(empty), "%s/empty", dir);
	ASSERT_EQ(0, receiver_at(self->job, dir));
	inside = self->job->conn;

	/* both here, both there */
	msg = send_from(&self->a, &self->b, path, NULL);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_EXE, 0), path));
	msg = send_from(&self->a, &inside, path, dir);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_EXE, 0), "/program"));
	/* one here, one there: left out, and nothing else is */
	msg = send_from(&self->a, &self->b, path, dir);
	ASSERT_NE(NULL, msg);
	item = kd_item(msg, KDBUS_ITEM_EXE, 0);
	EXPECT_EQ(NULL, item);
	EXPECT_EQ((IMPLICIT | OF_PROC) & ~KDBUS_ATTACH_EXE,
		  kd_kinds(msg) & (IMPLICIT | OF_PROC));
	msg = send_from(&self->a, &inside, path, NULL);
	ASSERT_NE(NULL, msg);
	item = kd_item(msg, KDBUS_ITEM_EXE, 0);
	EXPECT_EQ(NULL, item);
	/* the root where the sender is now, not where it was started */
	msg = send_from(&self->a, &self->b, path, "/");
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_EXE, 0), path));

	/* outside of the common root: from the root of its mount */
	ASSERT_EQ(0, receiver_at(self->job, empty));
	msg = send_from(&self->a, &self->job->conn, path, empty);
	ASSERT_NE(NULL, msg);
	item = kd_item(msg, KDBUS_ITEM_EXE, 0);
	EXPECT_TRUE(has_text(item, "/program")) {
		TH_LOG("got %s", item ? item->str : "nothing");
	}
	umount2(dir, MNT_DETACH);
	rmdir(dir);
}

/* inside: ask about the connection outside, from another root than HELLO's */
static void do_ask(struct job *job)
{
	const struct kdbus_info *info;

	KD_CHECK(adopt(&job->peer) == 0);
	info = ask(&job->peer, job->conn.id);
	KD_CHECK(info && kd_record_item(info, KDBUS_ITEM_PIDS, 0));
	KD_CHECK(!kd_record_item(info, KDBUS_ITEM_EXE, 0));
	info = ask(&job->peer, 0);
	KD_CHECK(info && kd_record_item(info, KDBUS_ITEM_PIDS, 0));
	KD_CHECK(!kd_record_item(info, KDBUS_ITEM_EXE, 0));
}

/* META-4: with CONN_INFO it is the root of the task that asks */
TEST_F(ns, exe_of_connection)
{
	const struct place place = { .root = self->env.dir };
	const struct kdbus_info *info;

	self->job->conn = self->a;
	info = ask(&self->b, self->a.id);
	ASSERT_NE(NULL, info);
	EXPECT_NE(NULL, kd_record_item(info, KDBUS_ITEM_EXE, 0));
	EXPECT_EQ(0, run(&place, do_ask, self->job));
	/* HELLO was issued elsewhere */
	ASSERT_EQ(0, receiver_at(self->job, self->env.dir));
	info = ask(&self->job->conn, self->a.id);
	ASSERT_NE(NULL, info);
	EXPECT_EQ(NULL, kd_record_item(info, KDBUS_ITEM_EXE, 0));
}

/* The path of a process in the version 2 hierarchy, NULL without one. */
static const char *cgroup_path(int pid, char *text, size_t size)
{
	char file[64], *path, *end;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
	if (kd_read_file(file, text, size) < 0)
		return NULL;
	path = strstr(text, "0::");
	if (!path)
		return NULL;
	end = strchr(path, '\n');
	if (end)
		*end = 0;
	return path + 3;
}

static int enter_cgroup(const char *dir)
{
	char path[128];

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	return write_file(path, "0");
}

/* inside: connect, and note what /proc says of the process in the job */
static void do_watch(struct job *job)
{
	char text[TEXT_MAX];
	const char *path;

	do_connect(job);
	path = cgroup_path(job->fd, text, sizeof(text));
	KD_CHECK(path);
	snprintf(job->text, TEXT_MAX, "%s", path);
}

/* META-4, W-30: the path that the receiver has for it in its namespace */
TEST_F(ns, cgroup)
{
	static const char *const names[] = { "", "/deeper", "beside", "" };
	const struct place place = { .flags = CLONE_NEWCGROUP };
	char base[64], home[128], dir[160];
	const struct kdbus_msg *msg;
	size_t i;

	snprintf(base, sizeof(base), "/sys/fs/cgroup/kdbus-%d", getpid());
	if (mkdir(base, 0755) < 0)
		SKIP(return, "may not make control groups");
	snprintf(home, sizeof(home), "%s/home", base);
	for (i = 0; i < KD_ARRAY_SIZE(names); i++) {
		ASSERT_EQ(0, enter_cgroup(home));
		snprintf(dir, sizeof(dir), "%s%s", home, names[i]);
		/* the receiver's root is home; the sender is somewhere */
		self->job->fd = getpid();
		if (i < 3) {
			ASSERT_EQ(0, run(&place, do_connect, self->job));
			ASSERT_EQ(0, adopt(&self->job->conn));
		}
		ASSERT_EQ(0, enter_cgroup(i == 3 ? base : dir));
		msg = pass(&self->a, &self->job->conn);
		ASSERT_NE(NULL, msg);
		ASSERT_NE(NULL, kd_item(msg, KDBUS_ITEM_CGROUP, 0));
		EXPECT_STREQ(i == 0 ? "/" : i == 1 ? "/deeper" :
			     i == 2 ? "/../homebeside" : "/..",
			     kd_item(msg, KDBUS_ITEM_CGROUP, 0)->str);
		msg = pass(&self->a, &self->b);
		ASSERT_NE(NULL, msg);
		EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_CGROUP, 0),
				     cgroup_path(getpid(), self->job->text,
						 TEXT_MAX)));
	}
	ASSERT_EQ(0, write_file("/sys/fs/cgroup/cgroup.procs", "0"));
	for (i = 1; i < 3; i++) {
		snprintf(dir, sizeof(dir), "%s%s", home, names[i]);
		rmdir(dir);
	}
	rmdir(home);
	rmdir(base);
}

/* W-30: the same path as the receiver reads in /proc at that moment */
TEST_F(ns, cgroup_as_in_proc)
{
	const struct place place = { .flags = CLONE_NEWCGROUP };
	const struct kdbus_msg *msg;
	char base[64];
	int pid, p[2];
	char c;

	snprintf(base, sizeof(base), "/sys/fs/cgroup/kdbus-%d", getpid());
	if (mkdir(base, 0755) < 0)
		SKIP(return, "may not make control groups");
	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	ASSERT_EQ(0, enter_cgroup(base));
	/* a process that is somewhere else, to be looked at from inside */
	pid = fork();
	if (pid == 0) {
		KD_CHECK(write_file("/sys/fs/cgroup/cgroup.procs", "0") == 0);
		KD_CHECK(write(p[1], "x", 1) == 1);
		pause();
		_exit(0);
	}
	ASSERT_EQ(1, read(p[0], &c, 1));
	self->job->fd = pid;
	ASSERT_EQ(0, run(&place, do_watch, self->job));
	kill(pid, SIGKILL);
	kd_wait(pid);
	ASSERT_EQ(0, adopt(&self->job->conn));
	ASSERT_EQ(0, write_file("/sys/fs/cgroup/cgroup.procs", "0"));
	msg = pass(&self->a, &self->job->conn);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(has_text(kd_item(msg, KDBUS_ITEM_CGROUP, 0),
			     self->job->text));
	rmdir(base);
}

/* inside: faked metadata, in numbers of the inside */
static void do_fake(struct job *job)
{
	uint64_t creds[8] = { 0, 1, INSIDE_IDS - 1, UNSET, 0, 1, 2, 3 };
	uint64_t pids[3] = { 1, getpid(), 0 };
	struct kd_block b;

	/* HELLO-7: what is not mapped here */
	creds[0] = INSIDE_IDS;
	kd_hello_start(&b, POOL);
	kd_add(&b, KDBUS_ITEM_CREDS, creds, 64);
	KD_CHECK(kd_ioctl(job->fd, KDBUS_CMD_HELLO, &b) == -EINVAL);
	/* HELLO-8: what lives outside only */
	creds[0] = 0;
	pids[0] = job->pid;
	kd_hello_start(&b, POOL);
	kd_add(&b, KDBUS_ITEM_CREDS, creds, 64);
	kd_add(&b, KDBUS_ITEM_PIDS, pids, 24);
	KD_CHECK(kd_ioctl(job->fd, KDBUS_CMD_HELLO, &b) == -EINVAL);
	pids[0] = 1;
	kd_hello_start(&b, POOL);
	kd_add(&b, KDBUS_ITEM_CREDS, creds, 64);
	kd_add(&b, KDBUS_ITEM_PIDS, pids, 24);
	KD_CHECK(kd_ioctl(job->fd, KDBUS_CMD_HELLO, &b) == 0);
	job->conn.id = b.hello.id;
}

/* HELLO-7, HELLO-8, PRIV-3: read where HELLO is issued, told as everything */
TEST_F(ns, faked)
{
	const uint64_t creds[8] = {
		INSIDE, INSIDE + 1, INSIDE + INSIDE_IDS - 1, UNSET,
		INSIDE, INSIDE + 1, INSIDE + 2, INSIDE + 3,
	};
	const struct kdbus_info *info;
	const struct kdbus_item *item;

	/* an owner's handle: the caller need not be one */
	self->job->fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->job->fd);
	ASSERT_EQ(0, run(&both_ns, do_fake, self->job));
	info = ask(&self->b, self->job->conn.id);
	ASSERT_NE(NULL, info);
	EXPECT_EQ(KDBUS_ATTACH_CREDS | KDBUS_ATTACH_PIDS,
		  kd_record_kinds(info));
	EXPECT_TRUE(has_creds(kd_record_item(info, KDBUS_ITEM_CREDS, 0),
			      creds));
	item = kd_record_item(info, KDBUS_ITEM_PIDS, 0);
	ASSERT_NE(NULL, item);
	EXPECT_LT(1, item->pids.pid);
	EXPECT_EQ(item->pids.pid, item->pids.tid);
	EXPECT_EQ(0, item->pids.ppid);
}

/* META-4: BUS_CREATOR_INFO in the namespaces of who asks */
TEST_F(ns, creator)
{
	const uint64_t zero[8] = {};
	const struct kdbus_info *info;
	uint64_t overflow[8];
	int i;

	for (i = 0; i < 8; i++)
		overflow[i] = OVERFLOW;
	info = ask(&self->b, 0);
	ASSERT_NE(NULL, info);
	EXPECT_TRUE(has_creds(kd_record_item(info, KDBUS_ITEM_CREDS, 0), zero));
	EXPECT_TRUE(has_pids(kd_record_item(info, KDBUS_ITEM_PIDS, 0),
			     getpid(), getpid(), getppid()));
	ASSERT_EQ(0, receiver(&both_ns, self->job));
	info = ask(&self->job->conn, 0);
	ASSERT_NE(NULL, info);
	EXPECT_TRUE(has_creds(kd_record_item(info, KDBUS_ITEM_CREDS, 0),
			      overflow));
	EXPECT_TRUE(has_pids(kd_record_item(info, KDBUS_ITEM_PIDS, 0), 0, 0,
			     0));
}

/* W-50: migration to another namespace: what the new owner asks for, no more */
TEST_F(ns, migration)
{
	const struct kdbus_msg *msg;
	struct kd_conn activator;
	struct kd_block b;

	kd_hold_start(&b, KDBUS_HELLO_ACTIVATOR, "test.service");
	b.hello.pool_size = POOL;
	b.hello.attach_flags_recv = ALL;
	ASSERT_EQ(0, kd_hello_block(&activator, self->env.bus, &b));
	ASSERT_EQ(0, kd_send_name(&self->a, "test.service", 1));

	/* a handle of the owner of the bus, who may own names */
	self->job->recv_mask = KDBUS_ATTACH_TID_COMM | TIMESTAMP;
	self->job->fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->job->fd);
	ASSERT_EQ(0, run(&pid_ns, do_hello, self->job));
	ASSERT_EQ(0, adopt(&self->job->conn));
	ASSERT_EQ(0, kd_name_acquire(&self->job->conn, "test.service", 0,
				     NULL));
	msg = next(&self->job->conn);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(KDBUS_ATTACH_TID_COMM | TIMESTAMP, kd_kinds(msg));
}

/* The program is the sender of single messages as well: kd_exec_sender() */
#define main harness_main
TEST_HARNESS_MAIN
#undef main

int main(int argc, char **argv)
{
	kd_sender_main();
	return harness_main(argc, argv);
}
