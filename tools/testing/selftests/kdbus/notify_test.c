// SPDX-License-Identifier: GPL-2.0-only
/*
 * NAME_* and ID_* notifications: what they look like, when they come, to whom,
 * how many fit, and that nothing overtakes them (rules NOTE-1 to NOTE-4,
 * NOTE-5, NOTE-6, ORD-5, HELLO-3, BYE-3, H-4, RECV-5; W-16, W-45)
 *
 * Notifications are queued before the command that causes them returns, so
 * that everywhere here RECV must find them at once.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALICE		4711
#define NAME		"org.example.One"
#define TWO		"org.example.Two"
/* large enough for 256 small messages of one user */
#define POOL		(1024 * 1024)

#define ALLOW		KDBUS_NAME_ALLOW_REPLACEMENT
#define QUEUE		KDBUS_NAME_QUEUE
#define PRIMARY		KDBUS_NAME_PRIMARY
#define STARTER		KDBUS_NAME_ACTIVATOR
#define ACCEPT_FD	KDBUS_HELLO_ACCEPT_FD

FIXTURE(notify) {
	struct kd_env env;
	struct kd_conn a;
	struct kd_conn b;
	struct kd_conn watch;
};

FIXTURE_SETUP(notify)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
	ASSERT_EQ(0, kd_hello(&self->watch, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_watch_names(&self->watch));
	ASSERT_EQ(0, kd_watch_ids(&self->watch));
}

/* what a test did not expect has not come, and nothing was lost */
FIXTURE_TEARDOWN(notify)
{
	struct kdbus_cmd_recv cmd;

	EXPECT_EQ(-EAGAIN, kd_recv(&self->watch, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.dropped_msgs);
}

static int empty(const struct kd_conn *c)
{
	uint64_t cookie;

	return kd_recv_cookie(c, &cookie);
}

static uint64_t realtime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/*
 * What all notifications have in common, given the size of their one item:
 * header, padding, TIMESTAMP and the end.
 */
static bool is_notice(const struct kd_conn *c, const struct kdbus_cmd_recv *cmd,
		      uint64_t item_size, uint64_t since)
{
	static const uint8_t zero[8];
	const struct kdbus_msg *msg = kd_msg(c, cmd->msg.offset);
	const uint8_t *base = (const uint8_t *)msg;
	uint64_t end = 64 + KD_ALIGN8(item_size);
	const struct kdbus_item *stamp = (const void *)(base + end);

	return cmd->return_flags == 0 && cmd->dropped_msgs == 0 &&
	       cmd->msg.return_flags == 0 && cmd->msg.msg_size == end + 40 &&
	       msg->size == end + 40 && msg->flags == KDBUS_MSG_SIGNAL &&
	       msg->priority == 0 && msg->dst_id == ~0ULL &&
	       msg->src_id == KDBUS_SRC_ID_KERNEL &&
	       msg->payload_type == KDBUS_PAYLOAD_KERNEL &&
	       msg->cookie == 0 && msg->cookie_reply == 0 &&
	       memcmp(base + 64 + item_size, zero,
		      KD_ALIGN8(item_size) - item_size) == 0 &&
	       stamp->size == 40 && stamp->type == KDBUS_ITEM_TIMESTAMP &&
	       stamp->timestamp.seqnum > 0 &&
	       stamp->timestamp.monotonic_ns >= since &&
	       stamp->timestamp.monotonic_ns <= kd_now() &&
	       stamp->timestamp.realtime_ns <= realtime();
}

/* NOTE-1: NAME_*, for every length modulo 8 and the longest */
TEST_F(notify, name_layout)
{
	static const size_t lengths[] = {
		3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 254, 255,
	};
	const struct kdbus_item *item;
	struct kdbus_cmd_recv cmd;
	struct kd_conn curious;
	char name[256];
	uint64_t now;
	size_t i;

	/* NOTE-1: TIMESTAMP and nothing else, whatever the mask */
	ASSERT_EQ(0, kd_hello(&curious, self->env.bus, 0, _KDBUS_ATTACH_ANY,
			      POOL));
	ASSERT_EQ(0, kd_id_added(&self->watch, curious.id, 0));
	ASSERT_EQ(0, kd_watch_names(&curious));
	for (i = 0; i < KD_ARRAY_SIZE(lengths); i++) {
		size_t len = lengths[i], n;
		const struct kd_conn *to[] = { &self->watch, &curious };

		memset(name, 'n', len);
		name[1] = '.';
		name[len] = 0;
		now = kd_now();
		ASSERT_EQ(0, kd_name_acquire(&self->a, name, ALLOW, NULL));
		for (n = 0; n < 2; n++) {
			ASSERT_EQ(0, kd_recv(to[n], 0, 0, &cmd));
			EXPECT_TRUE(is_notice(to[n], &cmd, 49 + len, now));
			item = kd_msg(to[n], cmd.msg.offset)->items;
			EXPECT_EQ(49 + len, item->size);
			EXPECT_EQ(KDBUS_ITEM_NAME_ADD, item->type);
			EXPECT_EQ(0, item->name_change.old_id.id);
			EXPECT_EQ(0, item->name_change.old_id.flags);
			EXPECT_EQ(self->a.id, item->name_change.new_id.id);
			EXPECT_EQ(PRIMARY | ALLOW,
				  item->name_change.new_id.flags);
			EXPECT_STREQ(name, item->name_change.name);
			/* the example of NOTE-1 */
			if (len == 7)
				EXPECT_EQ(160, cmd.msg.msg_size);
			EXPECT_EQ(0, kd_free(to[n], cmd.msg.offset));
		}
		ASSERT_EQ(0, kd_name_release(&self->a, name));
		EXPECT_EQ(0, kd_name_removed(&self->watch, name, self->a.id,
					     PRIMARY | ALLOW));
		EXPECT_EQ(0, kd_name_removed(&curious, name, self->a.id,
					     PRIMARY | ALLOW));
	}
}

/* NOTE-1: ID_* */
TEST_F(notify, id_layout)
{
	const struct kdbus_item *item;
	struct kdbus_cmd_recv cmd;
	uint64_t now = kd_now();
	struct kd_conn c;
	int i;

	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	kd_close(&c);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, kd_recv(&self->watch, 0, 0, &cmd));
		EXPECT_TRUE(is_notice(&self->watch, &cmd, 32, now));
		EXPECT_EQ(136, cmd.msg.msg_size);
		item = kd_msg(&self->watch, cmd.msg.offset)->items;
		EXPECT_EQ(32, item->size);
		EXPECT_EQ(i ? KDBUS_ITEM_ID_REMOVE : KDBUS_ITEM_ID_ADD,
			  item->type);
		EXPECT_EQ(c.id, item->id_change.id);
		EXPECT_EQ(ACCEPT_FD, item->id_change.flags);
		EXPECT_EQ(0, kd_free(&self->watch, cmd.msg.offset));
	}
}

/* NOTE-3, section 4: every kind but monitors, with its HELLO flags */
TEST_F(notify, kinds)
{
	static const struct {
		uint64_t flags;
		const char *name;
		bool announced;
	} rows[] = {
		{ 0, NULL, true },
		{ ACCEPT_FD, NULL, true },
		{ KDBUS_HELLO_POLICY_HOLDER, NAME, true },
		{ KDBUS_HELLO_POLICY_HOLDER | ACCEPT_FD, "a.b.*", true },
		{ KDBUS_HELLO_MONITOR, NULL, false },
		{ KDBUS_HELLO_MONITOR | ACCEPT_FD, NULL, false },
	};
	struct kd_conn c;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(rows); i++) {
		if (rows[i].name) {
			ASSERT_EQ(0, kd_hello_name(&c, self->env.bus,
						   rows[i].flags,
						   rows[i].name));
		} else {
			ASSERT_EQ(0, kd_hello(&c, self->env.bus, rows[i].flags,
					      0, KD_POOL));
		}
		if (rows[i].announced)
			EXPECT_EQ(0, kd_id_added(&self->watch, c.id,
						 rows[i].flags));
		EXPECT_EQ(-EAGAIN, empty(&self->watch));
		kd_close(&c);
		if (rows[i].announced)
			EXPECT_EQ(0, kd_id_removed(&self->watch, c.id,
						   rows[i].flags));
		EXPECT_EQ(-EAGAIN, empty(&self->watch));
	}
}

/* HELLO-3, BYE-3, NOTE-2: an activator, with a free name and an owned one */
TEST_F(notify, activator)
{
	const uint64_t flags = KDBUS_HELLO_ACTIVATOR | ACCEPT_FD;
	struct kd_conn act;

	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, flags, NAME));
	EXPECT_EQ(0, kd_id_added(&self->watch, act.id, flags));
	EXPECT_EQ(0, kd_name_added(&self->watch, NAME, act.id,
				   STARTER | PRIMARY));
	kd_close(&act);
	EXPECT_EQ(0, kd_name_removed(&self->watch, NAME, act.id,
				     STARTER | PRIMARY));
	EXPECT_EQ(0, kd_id_removed(&self->watch, act.id, flags));

	ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, 0, NULL));
	EXPECT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, flags, NAME));
	EXPECT_EQ(0, kd_id_added(&self->watch, act.id, flags));
	ASSERT_EQ(0, kd_name_release(&self->a, NAME));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->a.id, PRIMARY,
				     act.id, STARTER | PRIMARY));
	ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, QUEUE, NULL));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, act.id,
				     STARTER | PRIMARY, self->a.id,
				     PRIMARY | QUEUE));
	kd_close(&act);
	EXPECT_EQ(0, kd_id_removed(&self->watch, act.id, flags));
}

/* HELLO-3, W-45: a HELLO that fails is nobody's business */
TEST_F(notify, failed_hello)
{
	size_t page = getpagesize();
	uint8_t *p = kd_guard(page, PROT_READ | PROT_WRITE);
	struct kd_conn act, other;
	struct kd_block b;
	int fd, i;

	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   NAME));
	EXPECT_EQ(0, kd_id_added(&self->watch, act.id, KDBUS_HELLO_ACTIVATOR));
	EXPECT_EQ(0, kd_name_added(&self->watch, NAME, act.id,
				   STARTER | PRIMARY));
	EXPECT_EQ(-EEXIST, kd_hello_name(&other, self->env.bus,
					 KDBUS_HELLO_ACTIVATOR, NAME));
	EXPECT_EQ(-EEXIST, kd_hello_name(&other, self->env.bus,
					 KDBUS_HELLO_POLICY_HOLDER, NAME));
	EXPECT_EQ(-EINVAL, kd_hello_name(&other, self->env.bus,
					 KDBUS_HELLO_ACTIVATOR, "a.b.*"));
	EXPECT_EQ(-EINVAL, kd_hello(&other, self->env.bus, 0, 0, 4095));

	/* at write-back: an ordinary one, and an activator of a free name */
	for (i = 0; i < 2; i++) {
		kd_hello_start(&b, KD_POOL);
		if (i) {
			b.hello.flags = KDBUS_HELLO_ACTIVATOR;
			kd_add_str(&b, KDBUS_ITEM_NAME, TWO);
		}
		memcpy(p, &b, KD_ALIGN8(b.size));
		ASSERT_EQ(0, mprotect(p, page, PROT_READ));
		fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
		EXPECT_EQ(-EFAULT, kd_ioctl(fd, KDBUS_CMD_HELLO, p));
		EXPECT_EQ(-EAGAIN, empty(&self->watch));
		EXPECT_EQ(-ESRCH, kd_name_release(&self->a, TWO));
		ASSERT_EQ(0, mprotect(p, page, PROT_READ | PROT_WRITE));
		EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
		EXPECT_EQ(0, kd_id_added(&self->watch, b.hello.id,
					 b.hello.flags));
		if (i)
			EXPECT_EQ(0, kd_name_added(&self->watch, TWO,
						   b.hello.id,
						   STARTER | PRIMARY));
	}
}

/* NOTE-3: queues and flags change silently, and so does what fails */
TEST_F(notify, silence)
{
	ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, 0, NULL));
	EXPECT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
	EXPECT_EQ(-EEXIST, kd_name_acquire(&self->b, NAME, 0, NULL));
	EXPECT_EQ(0, kd_name_acquire(&self->b, NAME, QUEUE, NULL));
	EXPECT_EQ(0, kd_name_acquire(&self->b, NAME, QUEUE | ALLOW, NULL));
	EXPECT_EQ(0, kd_name_acquire(&self->a, NAME, QUEUE | ALLOW, NULL));
	EXPECT_EQ(0, kd_name_acquire(&self->b, NAME, 0, NULL));
	EXPECT_EQ(0, kd_name_acquire(&self->b, NAME, QUEUE, NULL));
	EXPECT_EQ(0, kd_name_release(&self->b, NAME));
	EXPECT_EQ(-EADDRINUSE, kd_name_release(&self->b, NAME));
	EXPECT_EQ(-ESRCH, kd_name_release(&self->b, TWO));
	EXPECT_EQ(-EINVAL, kd_name_acquire(&self->b, "org", 0, NULL));
}

/* BYE-3: names in the order of claiming, then REPLY_DEAD, then ID_REMOVE */
TEST_F(notify, disconnect_order)
{
	struct kd_conn c;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, kd_connect(&c, self->env.bus));
		ASSERT_EQ(0, kd_id_added(&self->watch, c.id, ACCEPT_FD));
		ASSERT_EQ(0, kd_name_acquire(&c, TWO, 0, NULL));
		ASSERT_EQ(0, kd_name_acquire(&c, NAME, 0, NULL));
		ASSERT_EQ(0, kd_name_added(&self->watch, TWO, c.id, PRIMARY));
		ASSERT_EQ(0, kd_name_added(&self->watch, NAME, c.id, PRIMARY));
		ASSERT_EQ(0, kd_call(&self->watch, c.id, 5 + i, KD_FAR));
		if (i) {
			ASSERT_EQ(0, kd_recv_cookie(&c, &(uint64_t){ 0 }));
			ASSERT_EQ(0, kd_byebye(&c));
		} else {
			kd_close(&c);
		}
		EXPECT_EQ(0, kd_name_removed(&self->watch, TWO, c.id,
					     PRIMARY));
		EXPECT_EQ(0, kd_name_removed(&self->watch, NAME, c.id,
					     PRIMARY));
		EXPECT_EQ(0, kd_notice_of(&self->watch, KDBUS_ITEM_REPLY_DEAD,
					  5 + i));
		EXPECT_EQ(0, kd_id_removed(&self->watch, c.id, ACCEPT_FD));
		/* closing what has said goodbye is not seen */
		if (i)
			kd_close(&c);
	}
}

/* NOTE-3: a process killed */
TEST_F(notify, killed)
{
	struct kd_conn c;
	int ready[2], pid;
	uint64_t id;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		if (kd_connect(&c, self->env.bus) ||
		    kd_name_acquire(&c, TWO, 0, NULL) ||
		    kd_name_acquire(&c, NAME, 0, NULL) ||
		    write(ready[1], &c.id, sizeof(c.id)) != sizeof(c.id))
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	ASSERT_EQ(sizeof(id), read(ready[0], &id, sizeof(id)));
	EXPECT_EQ(0, kd_id_added(&self->watch, id, ACCEPT_FD));
	EXPECT_EQ(0, kd_name_added(&self->watch, TWO, id, PRIMARY));
	EXPECT_EQ(0, kd_name_added(&self->watch, NAME, id, PRIMARY));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(-EINTR, kd_wait(pid));
	EXPECT_EQ(POLLIN, kd_poll(self->watch.fd, POLLIN, KD_PATIENCE));
	EXPECT_EQ(0, kd_name_removed(&self->watch, TWO, id, PRIMARY));
	EXPECT_EQ(POLLIN, kd_poll(self->watch.fd, POLLIN, KD_PATIENCE));
	EXPECT_EQ(0, kd_name_removed(&self->watch, NAME, id, PRIMARY));
	EXPECT_EQ(POLLIN, kd_poll(self->watch.fd, POLLIN, KD_PATIENCE));
	EXPECT_EQ(0, kd_id_removed(&self->watch, id, ACCEPT_FD));
}

/* NOTE-4: the causing connection, too; ORD-4: copies are the same message */
TEST_F(notify, own)
{
	struct kd_change mine, theirs;

	ASSERT_EQ(0, kd_watch_names(&self->a));
	ASSERT_EQ(0, kd_watch_ids(&self->a));
	ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, 0, NULL));
	ASSERT_EQ(0, kd_change(&self->a, &mine));
	ASSERT_EQ(0, kd_change(&self->watch, &theirs));
	EXPECT_EQ(KDBUS_ITEM_NAME_ADD, mine.type);
	EXPECT_EQ(self->a.id, mine.new_id.id);
	EXPECT_EQ(0, memcmp(&mine, &theirs, sizeof(mine)));
	/* BYE-3: gone is gone; the own goodbye is for others */
	ASSERT_EQ(0, kd_byebye(&self->a));
	EXPECT_EQ(-ECONNRESET, empty(&self->a));
	EXPECT_EQ(0, kd_name_removed(&self->watch, NAME, self->a.id, PRIMARY));
	EXPECT_EQ(0, kd_id_removed(&self->watch, self->a.id, ACCEPT_FD));
}

/* NOTE-4: without a match nothing comes; special kinds get nothing */
TEST_F(notify, not_asked_for)
{
	struct kd_conn act;

	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   TWO));
	ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, 0, NULL));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	EXPECT_EQ(-EAGAIN, empty(&act));
	EXPECT_EQ(0, kd_id_added(&self->watch, act.id, KDBUS_HELLO_ACTIVATOR));
	EXPECT_EQ(0, kd_name_added(&self->watch, TWO, act.id,
				   STARTER | PRIMARY));
	EXPECT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
}

/* A custom endpoint that shows NAME to Alice; a descriptor, and its path. */
static int make_endpoint(const struct kd_env *env, char *path, size_t size)
{
	struct kd_block b;
	char name[32];
	int fd, r;

	kd_name(name, sizeof(name), "ep");
	snprintf(path, size, "%s/%s", env->busdir, name);
	fd = kd_endpoint_make(env->bus, name, KDBUS_MAKE_ACCESS_WORLD);
	if (fd < 0)
		return fd;
	kd_start(&b, sizeof(b.cmd));
	kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
	kd_add_access(&b, KDBUS_POLICY_ACCESS_USER, KDBUS_POLICY_SEE, ALICE);
	r = kd_ioctl(fd, KDBUS_CMD_ENDPOINT_UPDATE, &b);
	return r ?: fd;
}

/* NOTE-4, PRIV-3, W-16: on custom endpoints NAME_* by SEE, ID_* always */
TEST_F(notify, custom_endpoint)
{
	struct kd_conn alice, root, c;
	struct kd_change change;
	char path[KD_PATH_MAX];
	uint64_t sum = 0;
	int ep, i;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ep = make_endpoint(&self->env, path, sizeof(path));
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, kd_connect_as(&alice, path, ALICE));
	ASSERT_EQ(0, kd_connect(&root, path));
	ASSERT_EQ(0, kd_watch_names(&alice));
	ASSERT_EQ(0, kd_watch_ids(&alice));
	ASSERT_EQ(0, kd_match_all(&root, 1));
	EXPECT_EQ(0, kd_id_added(&self->watch, alice.id, ACCEPT_FD));
	EXPECT_EQ(0, kd_id_added(&self->watch, root.id, ACCEPT_FD));

	ASSERT_EQ(0, kd_name_acquire(&self->a, TWO, 0, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, 0, NULL));
	ASSERT_EQ(0, kd_name_release(&self->a, NAME));
	EXPECT_EQ(0, kd_name_added(&alice, NAME, self->a.id, PRIMARY));
	EXPECT_EQ(0, kd_name_removed(&alice, NAME, self->a.id, PRIMARY));
	EXPECT_EQ(-EAGAIN, empty(&alice));
	EXPECT_EQ(-EAGAIN, empty(&root));
	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	EXPECT_EQ(0, kd_id_added(&alice, c.id, ACCEPT_FD));
	EXPECT_EQ(0, kd_id_added(&root, c.id, ACCEPT_FD));
	while (kd_drop(&self->watch) == 0)
		;

	/* H-7, BYE-3: the end of the endpoint is that of its connections */
	close(ep);
	EXPECT_EQ(-ECONNRESET, empty(&alice));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, kd_change(&self->watch, &change));
		EXPECT_EQ(KDBUS_ITEM_ID_REMOVE, change.type);
		sum += change.old_id.id;
	}
	EXPECT_EQ(alice.id + root.id, sum);
}

/* NOTE-6, QUOTA-3: four NAME_ADD of 160 bytes in 4 KiB; RECV-5 */
TEST_F(notify, small_pool)
{
	struct kdbus_cmd_recv cmd;
	struct kd_conn small;
	char name[] = "org.foo";
	uint64_t cookie;
	int i;

	if (getpagesize() != 4096)
		SKIP(return, "needs pages of 4096 bytes");
	ASSERT_EQ(0, kd_hello(&small, self->env.bus, 0, 0, 4096));
	ASSERT_EQ(0, kd_id_added(&self->watch, small.id, 0));
	ASSERT_EQ(0, kd_watch_names(&small));
	for (i = 0; i < 6; i++) {
		name[6] = 'a' + i;
		ASSERT_EQ(0, kd_name_acquire(&self->a, name, 0, NULL));
		ASSERT_EQ(0, kd_name_added(&self->watch, name, self->a.id,
					   PRIMARY));
	}
	/* a share of its own: messages of others still fit */
	EXPECT_EQ(0, kd_send(&self->a, small.id, 77, "x", 1));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, kd_recv(&small, 0, 0, &cmd));
		EXPECT_EQ(160, cmd.msg.msg_size);
		EXPECT_EQ(i ? 0 : 2, cmd.dropped_msgs);
		EXPECT_EQ(i ? 0 : KDBUS_RECV_RETURN_DROPPED_MSGS,
			  cmd.return_flags);
		EXPECT_EQ(0, kd_free(&small, cmd.msg.offset));
	}
	ASSERT_EQ(0, kd_recv_cookie(&small, &cookie));
	EXPECT_EQ(77, cookie);
	EXPECT_EQ(-EAGAIN, empty(&small));
	/* room again */
	ASSERT_EQ(0, kd_name_release(&self->a, name));
	EXPECT_EQ(0, kd_name_removed(&small, name, self->a.id, PRIMARY));
	EXPECT_EQ(0, kd_name_removed(&self->watch, name, self->a.id, PRIMARY));
}

/* NOTE-5, NOTE-6, section 38: 256 of them, besides REPLY_* and messages */
TEST_F(notify, limit)
{
	struct kdbus_cmd_recv cmd;
	struct kd_change change;
	struct kd_conn c;
	int i;

	ASSERT_EQ(0, kd_hello(&c, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_watch_names(&c));
	for (i = 0; i < (KD_QUEUE_MAX + 10) / 2; i++) {
		ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, 0, NULL));
		ASSERT_EQ(0, kd_name_release(&self->a, NAME));
	}
	ASSERT_EQ(0, kd_call(&c, self->b.id, 1, KD_FAR));
	ASSERT_EQ(0, kd_drop(&self->b));
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_send(&self->a, c.id, i, NULL, 0));
	}
	EXPECT_EQ(-ENOBUFS, kd_send(&self->a, c.id, i, NULL, 0));

	ASSERT_EQ(0, kd_recv(&c, KDBUS_RECV_PEEK, 0, &cmd));
	EXPECT_EQ(10, cmd.dropped_msgs);
	EXPECT_EQ(0, kd_free(&c, cmd.msg.offset));
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_change(&c, &change));
		EXPECT_EQ(i % 2 ? KDBUS_ITEM_NAME_REMOVE : KDBUS_ITEM_NAME_ADD,
			  change.type);
	}
	EXPECT_EQ(0, kd_notice_of(&c, KDBUS_ITEM_REPLY_DEAD, 1));
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		uint64_t cookie;

		ASSERT_EQ(0, kd_recv_cookie(&c, &cookie));
		EXPECT_EQ(i, cookie);
	}
	EXPECT_EQ(-EAGAIN, empty(&c));

	/* the other watcher's queue was just as long */
	while (kd_drop(&self->watch) == 0)
		;
}

/* Occupy the whole pool with messages that are received and not freed. */
static int fill_pool(const struct kd_conn *c)
{
	static const uint8_t data[256];
	struct kdbus_cmd_recv cmd;
	size_t size = sizeof(data);
	int r;

	for (;;) {
		r = kd_send(c, c->id, 1, data, size);
		if (r == -EXFULL && size)
			size = 0;
		else if (r == -EXFULL)
			return 0;
		else if (r == 0)
			r = kd_recv(c, 0, 0, &cmd);
		if (r != 0 && r != -EXFULL)
			return r;
	}
}

static void *wait_for_input(void *data)
{
	return (void *)(intptr_t)kd_poll(*(int *)data, POLLIN, KD_PATIENCE);
}

/* H-4, RECV-5: a lost one wakes pollers though there is nothing to receive */
TEST_F(notify, lost_wakes)
{
	struct kdbus_cmd_recv cmd;
	pthread_t thread;
	struct kd_conn c;
	void *events;

	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	ASSERT_EQ(0, kd_id_added(&self->watch, c.id, ACCEPT_FD));
	ASSERT_EQ(0, kd_watch_names(&c));
	ASSERT_EQ(0, fill_pool(&c));
	EXPECT_EQ(0, kd_poll(c.fd, POLLIN, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_input, &c.fd));
	ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, 0, NULL));
	ASSERT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
	pthread_join(thread, &events);
	EXPECT_EQ(POLLIN, (intptr_t)events);
	EXPECT_EQ(POLLIN, kd_poll(c.fd, POLLIN, 0));
	EXPECT_EQ(-EAGAIN, kd_recv(&c, 0, 0, &cmd));
	EXPECT_EQ(1, cmd.dropped_msgs);
	EXPECT_EQ(KDBUS_RECV_RETURN_DROPPED_MSGS, cmd.return_flags);
	EXPECT_EQ(c.pool_size, cmd.msg.offset);
	EXPECT_EQ(0, cmd.msg.msg_size);
	EXPECT_EQ(0, kd_poll(c.fd, POLLIN, 0));
	EXPECT_EQ(-EAGAIN, kd_recv(&c, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.dropped_msgs);
	EXPECT_EQ(0, cmd.return_flags);
	/* BYE-1: what was lost does not keep it */
	ASSERT_EQ(0, kd_name_release(&self->a, NAME));
	ASSERT_EQ(0, kd_name_removed(&self->watch, NAME, self->a.id, PRIMARY));
	EXPECT_EQ(POLLIN, kd_poll(c.fd, POLLIN, 0));
	EXPECT_EQ(0, kd_byebye(&c));
	EXPECT_EQ(0, kd_id_removed(&self->watch, c.id, ACCEPT_FD));
}

#define ROUNDS	100

/**
 * struct actor - a thread that changes something when it is told to
 * @thread: the thread
 * @go: pipe; a byte is the permission for the next step
 * @bus: path of the bus
 * @conn: a connection
 * @error: what went wrong
 */
struct actor {
	pthread_t thread;
	int go[2];
	const char *bus;
	struct kd_conn conn;
	int error;
};

static void wait_go(struct actor *w)
{
	char c;

	if (read(w->go[0], &c, 1) != 1)
		w->error = -EPIPE;
}

static int go(struct actor *w)
{
	return write(w->go[1], "g", 1) == 1 ? 0 : -errno;
}

static void *take_and_leave(void *data)
{
	struct actor *w = data;
	int i;

	for (i = 0; i < ROUNDS && !w->error; i++) {
		wait_go(w);
		w->error = w->error ?: kd_name_acquire(&w->conn, NAME, 0,
						       NULL);
		wait_go(w);
		w->error = w->error ?: kd_name_release(&w->conn, NAME);
	}
	return NULL;
}

static int wait_change(const struct kd_conn *c, struct kd_change *change)
{
	int r = kd_poll(c->fd, POLLIN, KD_PATIENCE);

	return r == POLLIN ? kd_change(c, change) : -ETIME;
}

/* ORD-5: whoever reads NAME_* finds the registry changed, while others work */
TEST_F_TIMEOUT(notify, names_precede, 120)
{
	struct actor w = { .conn = self->a };
	struct kdbus_cmd_info info;
	struct kd_change change;
	int i;

	ASSERT_EQ(0, pipe(w.go));
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, take_and_leave, &w));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, go(&w));
		ASSERT_EQ(0, wait_change(&self->watch, &change));
		ASSERT_EQ(KDBUS_ITEM_NAME_ADD, change.type);
		ASSERT_EQ(0, kd_info(&self->b, w.conn.id, NAME, 0, &info));
		ASSERT_EQ(0, kd_free(&self->b, info.offset));
		ASSERT_EQ(-EADDRINUSE, kd_name_release(&self->b, NAME));
		ASSERT_EQ(0, go(&w));
		ASSERT_EQ(0, wait_change(&self->watch, &change));
		ASSERT_EQ(KDBUS_ITEM_NAME_REMOVE, change.type);
		ASSERT_EQ(-ESRCH, kd_info(&self->b, 0, NAME, 0, &info));
		ASSERT_EQ(-ESRCH, kd_name_release(&self->b, NAME));
	}
	pthread_join(w.thread, NULL);
	EXPECT_EQ(0, w.error);
}

static void *come_and_go(void *data)
{
	struct actor *w = data;
	struct kd_conn c;
	int i;

	for (i = 0; i < ROUNDS && !w->error; i++) {
		wait_go(w);
		w->error = w->error ?: kd_connect(&c, w->bus);
		wait_go(w);
		if (!w->error)
			kd_close(&c);
	}
	return NULL;
}

/* ORD-5: whoever reads ID_* can reach the one, and no more the other */
TEST_F_TIMEOUT(notify, ids_precede, 120)
{
	struct actor w = { .bus = self->env.bus };
	struct kdbus_cmd_info info;
	struct kd_change change;
	uint64_t id;
	int i;

	ASSERT_EQ(0, pipe(w.go));
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, come_and_go, &w));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, go(&w));
		ASSERT_EQ(0, wait_change(&self->watch, &change));
		ASSERT_EQ(KDBUS_ITEM_ID_ADD, change.type);
		id = change.new_id.id;
		ASSERT_EQ(0, kd_info(&self->b, id, NULL, 0, &info));
		ASSERT_EQ(0, kd_free(&self->b, info.offset));
		ASSERT_EQ(0, kd_send(&self->b, id, 1, "x", 1));
		ASSERT_EQ(0, go(&w));
		ASSERT_EQ(0, wait_change(&self->watch, &change));
		ASSERT_EQ(KDBUS_ITEM_ID_REMOVE, change.type);
		ASSERT_EQ(id, change.old_id.id);
		ASSERT_EQ(-ENXIO, kd_info(&self->b, id, NULL, 0, &info));
		ASSERT_EQ(-ENXIO, kd_send(&self->b, id, 1, "x", 1));
	}
	pthread_join(w.thread, NULL);
	EXPECT_EQ(0, w.error);
}

#define CROWD	40
#define CHANGES	400

/**
 * struct changer - a thread that takes and releases a name, step by step
 * @thread: the thread
 * @conn: who takes it
 * @begin: number of the step to do
 * @done: number of steps done
 * @error: what went wrong
 */
struct changer {
	pthread_t thread;
	const struct kd_conn *conn;
	int begin;
	int done;
	int error;
};

static void *change_in_steps(void *data)
{
	struct changer *w = data;
	int i;

	for (i = 0; i < CHANGES; i++) {
		while (__atomic_load_n(&w->begin, __ATOMIC_ACQUIRE) <= i)
			sched_yield();
		if (i % 2)
			w->error = w->error ?: kd_name_release(w->conn, NAME);
		else
			w->error = w->error ?: kd_name_acquire(w->conn, NAME,
							       0, NULL);
		__atomic_store_n(&w->done, i + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/*
 * One step: ask for news and then for the state, while it changes. Whoever is
 * told the old state must hear of the change.
 */
static int subscribe_and_ask(struct changer *w, const struct kd_conn *r, int i)
{
	uint64_t start, type = i % 2 ? KDBUS_ITEM_NAME_REMOVE :
				       KDBUS_ITEM_NAME_ADD;
	struct kdbus_cmd_info info;
	struct kd_change change;
	int ret, state;

	__atomic_store_n(&w->begin, i + 1, __ATOMIC_RELEASE);
	/* sooner or later */
	start = kd_now();
	while (kd_now() - start < (i * 37 % 100) * (KD_MS / 25))
		;
	ret = kd_match_all(r, 1);
	state = kd_info(r, 0, NAME, 0, &info);
	if (ret || (state && state != -ESRCH))
		return ret ?: state;
	if (!state)
		ret = kd_free(r, info.offset);
	while (__atomic_load_n(&w->done, __ATOMIC_ACQUIRE) <= i)
		sched_yield();
	ret = ret ?: kd_change(r, &change) ?: change.type != type;
	if (ret == -EAGAIN && (i % 2 ? -ESRCH : 0) == state)
		ret = 0;	/* told the new state, it need not hear */
	return ret ?: kd_match_remove(r, 1);
}

/* NOTE-4, ORD-5: first a match, then a question: no change is missed */
TEST_F_TIMEOUT(notify, subscribe_then_ask, 120)
{
	struct changer w = { .conn = &self->a };
	struct kd_conn crowd[CROWD];
	int i, n;

	/* to make a change a matter of time */
	for (n = 0; n < CROWD; n++) {
		ASSERT_EQ(0, kd_connect(&crowd[n], self->env.bus));
		ASSERT_EQ(0, kd_watch_names(&crowd[n]));
	}
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, change_in_steps, &w));
	for (i = 0; i < CHANGES; i++) {
		ASSERT_EQ(0, subscribe_and_ask(&w, &self->b, i)) {
			TH_LOG("step %d", i);
		}
		for (n = 0; n < CROWD && i % 50 == 0; n++) {
			while (kd_drop(&crowd[n]) == 0)
				;
		}
	}
	pthread_join(w.thread, NULL);
	EXPECT_EQ(0, w.error);
	while (kd_drop(&self->watch) == 0)
		;
}

/**
 * struct flood - a thread that sends as fast as it can
 * @thread: the thread
 * @conn: who sends
 * @name: whom to, or NULL for broadcasts
 * @sent: how often it succeeded
 * @tried: how often it has been tried
 * @stop: told to end
 * @error: what ended it otherwise
 */
struct flood {
	pthread_t thread;
	struct kd_conn conn;
	const char *name;
	unsigned int sent;
	unsigned int tried;
	int stop;
	int error;
};

static void *flood_thread(void *data)
{
	struct flood *w = data;
	struct kd_block b;
	int r;

	if (w->name)
		kd_msg_start_name(&b, w->name);
	else
		kd_signal_start(&b, KDBUS_DST_ID_BROADCAST, 1);
	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		r = kd_msg_send(&w->conn, &b);
		if (r == 0)
			__atomic_add_fetch(&w->sent, 1, __ATOMIC_RELEASE);
		else if (r == -EBADFD || r == -ENOBUFS || r == -ESRCH)
			sched_yield();
		else
			w->error = r;
		__atomic_add_fetch(&w->tried, 1, __ATOMIC_RELEASE);
		if (w->error)
			break;
	}
	return NULL;
}

/* Wait until a number has grown by two: the second began after this call. */
static int wait_for_two(const unsigned int *counter)
{
	unsigned int before = __atomic_load_n(counter, __ATOMIC_ACQUIRE);
	uint64_t start = kd_now();

	while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) - before < 2) {
		if (kd_now() - start > KD_PATIENCE * KD_MS)
			return -ETIME;
		sched_yield();
	}
	return 0;
}

static int stop_flood(struct flood *w)
{
	__atomic_store_n(&w->stop, 1, __ATOMIC_RELEASE);
	pthread_join(w->thread, NULL);
	return w->error;
}

/* Receive a message of any kind: its sender, and the type of its first item. */
static int next_message(const struct kd_conn *c, uint64_t *src, uint64_t *type)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	int r = kd_recv(c, 0, 0, &cmd);

	if (r != 0)
		return r;
	msg = kd_msg(c, cmd.msg.offset);
	*src = msg->src_id;
	*type = msg->items[0].type;
	return kd_free(c, cmd.msg.offset);
}

static int match_name(const struct kd_conn *c, uint64_t cookie,
		      const char *name)
{
	struct kd_block b;

	kd_match_start(&b, cookie);
	kd_add_str(&b, KDBUS_ITEM_NAME, name);
	return kd_match_add(c, &b);
}

/*
 * One round of the test below: b owns the name and lets it go while a, who
 * waits for it, broadcasts all the time. What r hears of a because of the name
 * must come after the news that a has it.
 */
static int hear_of_new_owner(struct flood *w, const struct kd_conn *b,
			     const struct kd_conn *r)
{
	uint64_t src, type;
	int ret;

	ret = match_name(r, 1, NAME) ?: kd_watch_names(r) ?:
	      kd_name_release(b, NAME) ?:
	      next_message(r, &src, &type);
	if (ret)
		return ret;
	if (src || type != KDBUS_ITEM_NAME_CHANGE)
		return -EPROTO;
	ret = kd_match_remove(r, 1) ?: kd_match_remove(r, 1000000) ?:
	      kd_match_remove(r, 1000001) ?: kd_match_remove(r, 1000002) ?:
	      wait_for_two(&w->sent);
	while (ret == 0)
		ret = next_message(r, &src, &type);
	return ret == -EAGAIN ? 0 : ret;
}

/* ORD-5: no broadcast overtakes the news that its sender owns a name */
TEST_F_TIMEOUT(notify, owner_is_known_first, 120)
{
	struct flood w = { .conn = self->a };
	struct kd_conn r;
	int i;

	ASSERT_EQ(0, kd_hello(&r, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, flood_thread, &w));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, kd_name_acquire(&self->b, NAME, 0, NULL));
		ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, QUEUE, NULL));
		ASSERT_EQ(0, hear_of_new_owner(&w, &self->b, &r)) {
			TH_LOG("round %d", i);
		}
		ASSERT_EQ(0, kd_name_release(&self->a, NAME));
	}
	EXPECT_EQ(0, stop_flood(&w));
	while (kd_drop(&self->watch) == 0)
		;
}

/* The highest number among the names of a sender, -1 if it has none. */
static int newest_name(const struct kdbus_msg *msg)
{
	const struct kdbus_item *item;
	int n = -1, i, number;

	for (i = 0; (item = kd_item(msg, KDBUS_ITEM_OWNED_NAME, i)); i++) {
		if (sscanf(item->name.name, "t.n%d", &number) == 1 &&
		    number > n)
			n = number;
	}
	return n;
}

/* Receive all; news is the newest name that was announced. */
static int drain_named(const struct kd_conn *c, int *news, unsigned int *named)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	int n, r;

	while ((r = kd_recv(c, 0, 0, &cmd)) == 0) {
		msg = kd_msg(c, cmd.msg.offset);
		item = msg->items;
		if (msg->src_id == 0) {
			if (item->type == KDBUS_ITEM_NAME_CHANGE)
				sscanf(item->name_change.name, "t.n%d", news);
		} else {
			n = newest_name(msg);
			if (n > *news)
				return -EPROTO;
			*named += n >= 0;
		}
		r = kd_free(c, cmd.msg.offset);
		if (r)
			return r;
	}
	return r == -EAGAIN ? 0 : r;
}

/* ORD-5, META-3: nobody bears a name that has not been announced */
TEST_F_TIMEOUT(notify, names_in_messages_are_known, 120)
{
	struct flood w = { .conn = self->a };
	unsigned int named = 0;
	struct kd_conn r;
	int i, news = -1;
	char name[32];

	ASSERT_EQ(0, kd_hello(&r, self->env.bus, 0, KDBUS_ATTACH_NAMES, POOL));
	ASSERT_EQ(0, kd_match_all(&r, 1));
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, flood_thread, &w));
	for (i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "t.n%d", i);
		ASSERT_EQ(0, kd_name_acquire(&self->b, name, 0, NULL));
		ASSERT_EQ(0, kd_name_acquire(&self->a, name, QUEUE, NULL));
		ASSERT_EQ(0, kd_name_release(&self->b, name));
		ASSERT_EQ(0, drain_named(&r, &news, &named)) {
			TH_LOG("round %d", i);
		}
		ASSERT_EQ(i, news);
		/* some that have the new one */
		ASSERT_EQ(0, wait_for_two(&w.sent));
		ASSERT_EQ(0, drain_named(&r, &news, &named));
		ASSERT_EQ(0, kd_name_release(&self->a, name));
	}
	EXPECT_EQ(0, stop_flood(&w));
	EXPECT_LE(ROUNDS, named);
	while (kd_drop(&self->watch) == 0)
		;
}

/* ORD-5: nor does a message that is sent to a name reach its owner earlier */
TEST_F_TIMEOUT(notify, new_owner_knows_first, 120)
{
	struct flood w = { .conn = self->a, .name = NAME };
	uint64_t src, type, seen = 0;
	struct kd_conn r;
	int i, ret;

	ASSERT_EQ(0, kd_hello(&r, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_watch_names(&r));
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, flood_thread, &w));
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, kd_name_acquire(&self->b, NAME, 0, NULL));
		ASSERT_EQ(0, kd_name_acquire(&r, NAME, QUEUE, NULL));
		ASSERT_EQ(0, next_message(&r, &src, &type));
		ASSERT_EQ(KDBUS_ITEM_NAME_ADD, type);
		ASSERT_EQ(0, kd_name_release(&self->b, NAME));
		ASSERT_EQ(0, next_message(&r, &src, &type));
		ASSERT_EQ(0, src);
		ASSERT_EQ(KDBUS_ITEM_NAME_CHANGE, type);
		/* the queue of the old owner may have filled up */
		while (kd_drop(&self->b) == 0)
			;
		ASSERT_EQ(POLLIN, kd_poll(r.fd, POLLIN, KD_PATIENCE));
		ASSERT_EQ(0, kd_name_release(&r, NAME));
		do {
			ret = next_message(&r, &src, &type);
			ASSERT_EQ(0, ret);
			seen += src == self->a.id;
		} while (src || type != KDBUS_ITEM_NAME_REMOVE);
		/* what was on its way */
		ASSERT_EQ(0, wait_for_two(&w.tried));
		while (kd_drop(&r) == 0)
			;
	}
	EXPECT_EQ(0, stop_flood(&w));
	EXPECT_LE(ROUNDS, seen);
	while (kd_drop(&self->watch) == 0)
		;
}

/* ORD-5, HELLO-3: a connection is announced before it can be heard */
TEST_F_TIMEOUT(notify, announced_first, 120)
{
	uint64_t src, type;
	struct kd_conn r;
	int i, n;

	ASSERT_EQ(0, kd_hello(&r, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_match_all(&r, 1));
	for (i = 0; i < ROUNDS; i++) {
		struct flood w = {
			.conn.fd = open(self->env.bus, O_RDWR | O_CLOEXEC),
			.conn.pool_size = KD_POOL,
		};
		struct kd_block b;

		ASSERT_LE(0, w.conn.fd);
		kd_hello_start(&b, KD_POOL);
		ASSERT_EQ(0, pthread_create(&w.thread, NULL, flood_thread,
					    &w));
		ASSERT_EQ(0, kd_ioctl(w.conn.fd, KDBUS_CMD_HELLO, &b));
		ASSERT_EQ(0, wait_for_two(&w.sent));
		ASSERT_EQ(0, stop_flood(&w));
		close(w.conn.fd);
		for (n = 0; next_message(&r, &src, &type) == 0; n++) {
			ASSERT_EQ(n == 0, type == KDBUS_ITEM_ID_ADD) {
				TH_LOG("round %d message %d", i, n);
			}
			ASSERT_TRUE(src == 0 || src == b.hello.id);
		}
		ASSERT_LE(3, n);
		ASSERT_EQ(KDBUS_ITEM_ID_REMOVE, type);
	}
	while (kd_drop(&self->watch) == 0)
		;
}

/* BYE-3: and is not heard any more after ID_REMOVE */
TEST_F_TIMEOUT(notify, silent_afterwards, 120)
{
	uint64_t src, type;
	struct kd_conn r;
	int i, n;

	ASSERT_EQ(0, kd_hello(&r, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_match_all(&r, 1));
	for (i = 0; i < ROUNDS; i++) {
		struct flood w = { 0 };

		ASSERT_EQ(0, kd_connect(&w.conn, self->env.bus));
		ASSERT_EQ(0, kd_name_acquire(&w.conn, NAME, 0, NULL));
		ASSERT_EQ(0, pthread_create(&w.thread, NULL, flood_thread,
					    &w));
		ASSERT_EQ(0, wait_for_two(&w.sent));
		ASSERT_EQ(0, kd_byebye(&w.conn));
		pthread_join(w.thread, NULL);
		ASSERT_EQ(-ECONNRESET, w.error);
		kd_close(&w.conn);
		for (n = 0; next_message(&r, &src, &type) == 0; n++)
			;
		/* at least both ID_*, both NAME_* and one broadcast */
		ASSERT_LE(5, n);
		ASSERT_EQ(KDBUS_ITEM_ID_REMOVE, type) {
			TH_LOG("round %d", i);
		}
	}
	while (kd_drop(&self->watch) == 0)
		;
}

TEST_HARNESS_MAIN
