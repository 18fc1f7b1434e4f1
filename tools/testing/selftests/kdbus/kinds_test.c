// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the four kinds of connections may do (the table of section 4; rules
 * H-3 step 7, HELLO-3, PRIV-4 and the checks of HELLO that concern special
 * kinds; W-15, W-38, W-45)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALICE	4711
#define NAME	"com.example.service"
#define OTHER	"com.example.other"

#define ACTIVATOR	KDBUS_HELLO_ACTIVATOR
#define HOLDER		KDBUS_HELLO_POLICY_HOLDER
#define MONITOR		KDBUS_HELLO_MONITOR
#define PRIMARY		KDBUS_NAME_PRIMARY

static const struct {
	unsigned int cmd;
	size_t size;
} commands[] = {
	{ KDBUS_CMD_SEND, sizeof(struct kdbus_cmd_send) },
	{ KDBUS_CMD_RECV, sizeof(struct kdbus_cmd_recv) },
	{ KDBUS_CMD_FREE, sizeof(struct kdbus_cmd_free) },
	{ KDBUS_CMD_BYEBYE, sizeof(struct kdbus_cmd) },
	{ KDBUS_CMD_NAME_ACQUIRE, sizeof(struct kdbus_cmd) },
	{ KDBUS_CMD_NAME_RELEASE, sizeof(struct kdbus_cmd) },
	{ KDBUS_CMD_MATCH_ADD, sizeof(struct kdbus_cmd_match) },
	{ KDBUS_CMD_MATCH_REMOVE, sizeof(struct kdbus_cmd_match) },
	{ KDBUS_CMD_LIST, sizeof(struct kdbus_cmd_list) },
	{ KDBUS_CMD_CONN_INFO, sizeof(struct kdbus_cmd_info) },
	{ KDBUS_CMD_BUS_CREATOR_INFO, sizeof(struct kdbus_cmd_info) },
	{ KDBUS_CMD_UPDATE, sizeof(struct kdbus_cmd) },
};

FIXTURE(kinds) {
	struct kd_env env;
	struct kd_conn peer;	/* of the owner of the bus */
	struct kd_conn conn;	/* the one in question */
};

FIXTURE_VARIANT(kinds) {
	uint64_t flags;
	const char *name;	/* given to HELLO */
	uint64_t allowed;	/* bits in the order of commands[] */
	bool announced;
	bool by_id;
	bool by_name;
};

FIXTURE_VARIANT_ADD(kinds, ordinary) {
	.flags = 0,
	.allowed = 0xfff,
	.announced = true,
	.by_id = true,
	.by_name = true,
};

FIXTURE_VARIANT_ADD(kinds, activator) {
	.flags = ACTIVATOR,
	.name = NAME,
	.allowed = 0xf06,
	.announced = true,
	.by_name = true,
};

/* W-38: FREE is allowed */
FIXTURE_VARIANT_ADD(kinds, holder) {
	.flags = HOLDER,
	.name = NAME,
	.allowed = 0xf04,
	.announced = true,
};

FIXTURE_VARIANT_ADD(kinds, monitor) {
	.flags = MONITOR,
	.allowed = 0xf06,
};

static int say_hello(struct kd_conn *c, const char *path, uint64_t flags,
		     const char *name)
{
	struct kd_block b;

	kd_hello_start(&b, KD_POOL);
	b.hello.flags = flags;
	if (name)
		kd_add_str(&b, KDBUS_ITEM_NAME, name);
	return kd_hello_block(c, path, &b);
}

FIXTURE_SETUP(kinds)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_connect(&self->peer, self->env.bus));
	ASSERT_EQ(0, kd_watch_ids(&self->peer));
	ASSERT_EQ(0, kd_watch_names(&self->peer));
	ASSERT_EQ(0, say_hello(&self->conn, self->env.bus, variant->flags,
			       variant->name));
}

FIXTURE_TEARDOWN(kinds)
{
}

/* H-3 step 7: the kind is judged before the argument is looked at */
TEST_F(kinds, commands)
{
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(commands); i++) {
		bool allowed = variant->allowed & (1 << i);
		struct kd_block b;

		EXPECT_EQ(allowed ? -EFAULT : -EOPNOTSUPP,
			  kd_ioctl(self->conn.fd, commands[i].cmd, NULL)) {
			TH_LOG("command %zu", i);
		}
		/* NEG-1: the kind comes first there as well */
		kd_start(&b, commands[i].size);
		b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
		b.cmd.return_flags = ~0ULL;
		EXPECT_EQ(allowed ? 0 : -EOPNOTSUPP,
			  kd_ioctl(self->conn.fd, commands[i].cmd, &b));
		EXPECT_EQ(allowed ? 0 : ~0ULL, b.cmd.return_flags);
	}
	/* H-2: set-up commands are for none of them */
	EXPECT_EQ(-EBADFD, kd_ioctl(self->conn.fd, KDBUS_CMD_HELLO, NULL));
	EXPECT_EQ(-EBADFD,
		  kd_ioctl(self->conn.fd, KDBUS_CMD_ENDPOINT_MAKE, NULL));
	EXPECT_EQ(-EBADFD,
		  kd_ioctl(self->conn.fd, KDBUS_CMD_ENDPOINT_UPDATE, NULL));
}

/* H-3: a connection that has gone gives ECONNRESET before EOPNOTSUPP */
TEST_F(kinds, bus_gone)
{
	size_t i;

	EXPECT_NE(0, kd_poll(self->conn.fd, POLLOUT, 0) & POLLOUT);
	close(self->env.ctl);
	for (i = 0; i < KD_ARRAY_SIZE(commands); i++) {
		EXPECT_EQ(-ECONNRESET,
			  kd_ioctl(self->conn.fd, commands[i].cmd, NULL));
	}
	EXPECT_EQ(POLLERR | POLLHUP, kd_poll(self->conn.fd, POLLIN, 0));
}

/* HELLO-3, NOTE-3, MON-4: ID_ADD, then NAME_ADD; the same backwards */
TEST_F(kinds, announced)
{
	const struct kd_conn *w = &self->peer;
	uint64_t cookie;

	if (variant->announced) {
		EXPECT_EQ(0, kd_id_added(w, self->conn.id, variant->flags));
	}
	if (variant->flags == ACTIVATOR) {
		EXPECT_EQ(0, kd_name_added(w, NAME, self->conn.id,
					   KDBUS_NAME_ACTIVATOR | PRIMARY));
	}
	EXPECT_EQ(-EAGAIN, kd_recv_cookie(w, &cookie));
	kd_close(&self->conn);
	if (variant->flags == ACTIVATOR) {
		EXPECT_EQ(0, kd_name_removed(w, NAME, self->conn.id,
					     KDBUS_NAME_ACTIVATOR | PRIMARY));
	}
	if (variant->announced) {
		EXPECT_EQ(0, kd_id_removed(w, self->conn.id, variant->flags));
	}
	EXPECT_EQ(-EAGAIN, kd_recv_cookie(w, &cookie));
}

/* LIST-2: everybody but monitors; a policy holder as a bare id */
TEST_F(kinds, listed)
{
	const struct kd_conn *p = &self->peer;
	const struct kdbus_info *info;
	struct kdbus_cmd_list cmd;
	int records = 0, named = 0;
	uint64_t pos;

	ASSERT_EQ(0, kd_list(p, 0xf, &cmd));
	for (pos = 0; pos < cmd.list_size; pos += info->size) {
		info = kd_record(p, cmd.offset + pos);
		ASSERT_LE(sizeof(*info), info->size);
		if (info->id != self->conn.id)
			continue;
		records++;
		EXPECT_EQ(variant->flags, info->flags);
		if (kd_record_item(info, KDBUS_ITEM_OWNED_NAME, 0))
			named++;
	}
	EXPECT_EQ(variant->announced, records);
	EXPECT_EQ(variant->flags == ACTIVATOR, named);
}

/* Section 4, INFO-1: found by id with its flags; W-15: monitors by owners */
TEST_F(kinds, info_by_id)
{
	struct kdbus_cmd_info cmd;
	struct kd_conn alice;

	ASSERT_EQ(0, kd_info(&self->peer, self->conn.id, NULL, 0, &cmd));
	EXPECT_EQ(variant->flags, kd_record(&self->peer, cmd.offset)->flags);
	EXPECT_EQ(self->conn.id, kd_record(&self->peer, cmd.offset)->id);
	/* itself, too; a special kind has its handle from an owner */
	EXPECT_EQ(0, kd_info(&self->conn, self->conn.id, NULL, 0, &cmd));
	if (geteuid() != 0)
		return;
	ASSERT_EQ(0, kd_connect_as(&alice, self->env.bus, ALICE));
	EXPECT_EQ(variant->flags == MONITOR ? -ENXIO : 0,
		  kd_info(&alice, self->conn.id, NULL, 0, &cmd));
	/* not visible is like not there */
	EXPECT_EQ(-ENXIO, kd_info(&alice, alice.id + 1, NULL, 0, &cmd));
	kd_close(&self->conn);
	EXPECT_EQ(-ENXIO, kd_info(&self->peer, self->conn.id, NULL, 0, &cmd));
}

/* Section 4, SEND-7: who is addressed by id, who by name */
TEST_F(kinds, addressed)
{
	struct kd_block b;

	if (variant->flags == 0) {
		ASSERT_EQ(0, kd_name_acquire(&self->conn, NAME, 0, NULL));
	}
	while (kd_drop(&self->peer) == 0)
		;
	EXPECT_EQ(variant->by_id ? 0 : -ENXIO,
		  kd_send(&self->peer, self->conn.id, 1, NULL, 0));
	EXPECT_EQ(variant->by_id ? 0 : -ENXIO,
		  kd_call(&self->peer, self->conn.id, 2, KD_FAR));
	EXPECT_EQ(variant->by_id ? -EBADSLT : -ENXIO,
		  kd_reply(&self->peer, self->conn.id, 3, NULL, 0));
	kd_signal_start(&b, self->conn.id, 4);
	EXPECT_EQ(variant->by_id ? 0 : -ENXIO, kd_msg_send(&self->peer, &b));
	EXPECT_EQ(variant->by_name ? 0 : -ESRCH,
		  kd_send_name(&self->peer, NAME, 5));
	/* an id is compared, if it is given along with a name */
	kd_msg_start_name(&b, NAME);
	b.msg.dst_id = self->conn.id;
	EXPECT_EQ(variant->by_name ? 0 : -ESRCH,
		  kd_msg_send(&self->peer, &b));
	b.msg.dst_id = self->peer.id;
	EXPECT_EQ(variant->by_name ? -EREMCHG : -ESRCH,
		  kd_msg_send(&self->peer, &b));
}

/* The cookie of the next message; notifications are passed over. */
static int64_t next_signal(const struct kd_conn *c)
{
	uint64_t cookie;
	int r;

	do {
		r = kd_recv_cookie(c, &cookie);
	} while (r == 0 && cookie == 0);
	return r ?: (int64_t)cookie;
}

/* Section 4: broadcasts and notifications come with a match, or not, or all */
TEST_F(kinds, hears)
{
	int64_t want = -EAGAIN;
	bool notified = false;

	ASSERT_EQ(0, kd_broadcast(&self->peer, 7));
	ASSERT_EQ(0, kd_name_acquire(&self->peer, OTHER, 0, NULL));
	if (variant->flags == 0) {
		EXPECT_EQ(-EAGAIN, next_signal(&self->conn));
		ASSERT_EQ(0, kd_match_all(&self->conn, 1));
		ASSERT_EQ(0, kd_broadcast(&self->peer, 7));
		ASSERT_EQ(0, kd_name_release(&self->peer, OTHER));
	}
	if (variant->flags == 0 || variant->flags == MONITOR) {
		want = 7;
		notified = true;
	} else if (variant->flags == HOLDER) {
		/* it cannot even ask */
		want = -EOPNOTSUPP;
	}
	EXPECT_EQ(want, next_signal(&self->conn));
	/* H-4: one more message, or none at all */
	EXPECT_EQ(notified ? POLLIN : 0, kd_poll(self->conn.fd, POLLIN, 0));
}

/* W-38: what LIST and CONN_INFO have put into the pool can be freed */
TEST_F(kinds, free)
{
	struct kdbus_cmd_info info;
	struct kdbus_cmd_list list;
	uint64_t creator;
	struct kd_block b;
	int i;

	/* many times the pool */
	for (i = 0; i < 2000; i++) {
		ASSERT_EQ(0, kd_info(&self->conn, self->peer.id, NULL, 0,
				     &info));
		ASSERT_EQ(0, kd_list(&self->conn, KDBUS_LIST_UNIQUE, &list));
		kd_start(&b, sizeof(b.info));
		ASSERT_EQ(0, kd_ioctl(self->conn.fd,
				      KDBUS_CMD_BUS_CREATOR_INFO, &b));
		creator = b.info.offset;
		ASSERT_EQ(0, kd_free(&self->conn, info.offset));
		ASSERT_EQ(0, kd_free(&self->conn, list.offset));
		ASSERT_EQ(0, kd_free(&self->conn, creator));
	}
	EXPECT_EQ(-ENXIO, kd_free(&self->conn, info.offset));
}

/* Section 4, MON-4: the address of nobody else is taken by a special one */
TEST_F(kinds, has_unique_id)
{
	struct kd_conn next;

	EXPECT_EQ(self->peer.id + 1, self->conn.id);
	ASSERT_EQ(0, kd_connect(&next, self->env.bus));
	EXPECT_EQ(self->conn.id + 1, next.id);
}

/*
 * The rest is about HELLO itself. The watcher has matches for everything.
 */
FIXTURE(special) {
	struct kd_env env;
	struct kd_conn watcher;
	struct kd_conn monitor;
};

FIXTURE_SETUP(special)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_connect(&self->watcher, self->env.bus));
	ASSERT_EQ(0, kd_match_all(&self->watcher, 1));
	ASSERT_EQ(0, say_hello(&self->monitor, self->env.bus, MONITOR, NULL));
}

FIXTURE_TEARDOWN(special)
{
}

/* Nothing has been heard of by anybody. */
static bool silence(const struct kd_conn *watcher,
		    const struct kd_conn *monitor)
{
	struct kdbus_cmd_recv cmd;

	return kd_recv(watcher, 0, 0, &cmd) == -EAGAIN && !cmd.dropped_msgs &&
	       kd_recv(monitor, 0, 0, &cmd) == -EAGAIN && !cmd.dropped_msgs;
}

/* HELLO-3, PRIV-4, W-45: what fails late has never been there */
TEST_F(special, failed_hello_is_silent)
{
	static const uint64_t kinds[] = { ACTIVATOR, HOLDER };
	struct kd_conn first, c;
	struct kd_block b;
	size_t i, k;

	ASSERT_EQ(0, say_hello(&first, self->env.bus, ACTIVATOR, NAME));
	while (kd_drop(&self->watcher) == 0)
		;
	while (kd_drop(&self->monitor) == 0)
		;
	for (i = 0; i < KD_ARRAY_SIZE(kinds); i++) {
		/* EEXIST: a second activator, an entry of somebody else */
		EXPECT_EQ(-EEXIST,
			  say_hello(&c, self->env.bus, kinds[i], NAME));
		/* EINVAL of POL-3, in four ways */
		for (k = 0; k < 4; k++) {
			kd_hold_start(&b, kinds[i], k ? OTHER : "x");
			if (k)
				kd_add_access(&b, 1 + 3 * (k == 1),
					      3 * (k == 2),
					      k == 3 ? ~0ULL : 0);
			EXPECT_EQ(-EINVAL, kd_hello_block(&c, self->env.bus,
							  &b));
		}
		kd_hello_start(&b, KD_POOL);
		b.hello.flags = kinds[i];
		kd_add_access(&b, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_OWN,
			      0);
		kd_add_str(&b, KDBUS_ITEM_NAME, OTHER);
		EXPECT_EQ(-EINVAL, kd_hello_block(&c, self->env.bus, &b));
	}
	EXPECT_EQ(-EINVAL, say_hello(&c, self->env.bus, ACTIVATOR,
				     "com.example.*"));
	EXPECT_TRUE(silence(&self->watcher, &self->monitor));
	/* neither the name nor the entry is taken */
	EXPECT_EQ(-ESRCH, kd_send_name(&self->watcher, OTHER, 1));
	ASSERT_EQ(0, say_hello(&c, self->env.bus, HOLDER, OTHER));
	kd_close(&c);
	ASSERT_EQ(0, say_hello(&c, self->env.bus, ACTIVATOR, OTHER));
	ASSERT_EQ(0, kd_send_name(&self->watcher, OTHER, 1));
}

/* CMD-3, HELLO-3, W-45: nor has what cannot be written back */
TEST_F(special, write_back)
{
	static const uint64_t kinds[] = { 0, ACTIVATOR, HOLDER, MONITOR };
	struct kdbus_cmd_info info;
	struct kd_conn c;
	struct kd_block b;
	size_t i, k;
	uint64_t id;
	int fd;

	for (i = 0; i < KD_ARRAY_SIZE(kinds); i++) {
		kd_hello_start(&b, KD_POOL);
		b.hello.flags = kinds[i];
		if (kinds[i] == ACTIVATOR || kinds[i] == HOLDER) {
			kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
			kd_add_access(&b, KDBUS_POLICY_ACCESS_WORLD,
				      KDBUS_POLICY_OWN, 0);
		}
		ASSERT_EQ(0, kd_connect(&c, self->env.bus));
		id = c.id;
		kd_close(&c);
		while (kd_drop(&self->watcher) == 0)
			;
		while (kd_drop(&self->monitor) == 0)
			;
		fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		for (k = 1; k < 4; k++) {
			EXPECT_EQ(-EFAULT,
				  kd_ioctl_readonly(fd, KDBUS_CMD_HELLO, &b));
			EXPECT_EQ(-ENXIO, kd_info(&self->watcher, id + k, NULL,
						  0, &info));
		}
		EXPECT_TRUE(silence(&self->watcher, &self->monitor));
		EXPECT_EQ(-ESRCH, kd_send_name(&self->watcher, NAME, 1));
		EXPECT_EQ(POLLERR | POLLHUP, kd_poll(fd, POLLIN, 0));
		/* at once again, with the same name */
		EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
		EXPECT_EQ(id + 4, b.hello.id);
		close(fd);
	}
}

/* CMD-3, W-45: the entry of a HELLO that fails late grants nothing */
TEST_F(special, write_back_policy)
{
	struct kd_conn alice;
	struct kd_block b;
	int fd;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, kd_connect_as(&alice, self->env.bus, ALICE));
	fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	kd_hold_start(&b, HOLDER, NAME);
	kd_add_access(&b, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_OWN, 0);
	EXPECT_EQ(-EFAULT, kd_ioctl_readonly(fd, KDBUS_CMD_HELLO, &b));
	ASSERT_EQ(0, kd_act_as(ALICE));
	EXPECT_EQ(-EPERM, kd_name_acquire(&alice, NAME, 0, NULL));
	ASSERT_EQ(0, kd_act_as(0));
	EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
	ASSERT_EQ(0, kd_act_as(ALICE));
	EXPECT_EQ(0, kd_name_acquire(&alice, NAME, 0, NULL));
}

/* PRIV-4: which failures of special kinds use up an id */
TEST_F(special, ids)
{
	struct kd_conn act, c;
	uint64_t id;

	ASSERT_EQ(0, say_hello(&act, self->env.bus, ACTIVATOR, NAME));
	id = act.id;
	/* the name, the kinds: none */
	EXPECT_EQ(-EINVAL, say_hello(&c, self->env.bus, ACTIVATOR, "x"));
	EXPECT_EQ(-EINVAL, say_hello(&c, self->env.bus, ACTIVATOR, NULL));
	EXPECT_EQ(-EINVAL, say_hello(&c, self->env.bus, MONITOR, NAME));
	EXPECT_EQ(-EINVAL, say_hello(&c, self->env.bus, 0, NAME));
	EXPECT_EQ(-EINVAL, say_hello(&c, self->env.bus, ACTIVATOR | MONITOR,
				     NAME));
	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	EXPECT_EQ(id + 1, c.id);
	/* EEXIST: one each */
	EXPECT_EQ(-EEXIST, say_hello(&c, self->env.bus, ACTIVATOR, NAME));
	EXPECT_EQ(-EEXIST, say_hello(&c, self->env.bus, HOLDER, NAME));
	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	EXPECT_EQ(id + 4, c.id);
}

/* 9.2, H-1: the order of the checks, and that the handle can be used after */
TEST_F(special, order)
{
	struct kd_conn act;
	struct kd_block b;
	int fd;

	ASSERT_EQ(0, say_hello(&act, self->env.bus, ACTIVATOR, NAME));
	fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	/* ENOMEM of the pool before EEXIST, EINVAL of a mask before both */
	kd_hold_start(&b, ACTIVATOR, NAME);
	b.hello.pool_size = 1ULL << 62;
	EXPECT_EQ(-ENOMEM, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
	b.hello.attach_flags_recv = 0x4000;
	EXPECT_EQ(-EINVAL, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
	b.hello.attach_flags_recv = 0;
	b.hello.pool_size = KD_POOL;
	EXPECT_EQ(-EEXIST, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
	kd_close(&act);
	EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
	EXPECT_EQ(ACTIVATOR, b.hello.flags);
}

/* HELLO-3: everything that HELLO reports is true of special kinds, too */
TEST_F(special, accept_fd)
{
	static const uint64_t kinds[] = { ACTIVATOR, HOLDER, MONITOR };
	struct kdbus_cmd_info info;
	struct kd_conn c;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(kinds); i++) {
		uint64_t flags = kinds[i] | KDBUS_HELLO_ACCEPT_FD;

		ASSERT_EQ(0, say_hello(&c, self->env.bus, flags,
				       kinds[i] == MONITOR ? NULL : NAME));
		EXPECT_EQ(KDBUS_MAKE_ACCESS_WORLD, c.hello.bus_flags);
		EXPECT_EQ(32, c.hello.items_size);
		ASSERT_EQ(0, kd_info(&self->watcher, c.id, NULL, 0, &info));
		EXPECT_EQ(flags, kd_record(&self->watcher, info.offset)->flags);
		kd_close(&c);
	}
}

/* Section 4, section 32: all kinds count against the 1024 of a user */
TEST_F_TIMEOUT(special, limit, 120)
{
	struct rlimit files = { KD_CONNS_MAX + 64, KD_CONNS_MAX + 64 };
	static int fds[KD_CONNS_MAX];
	struct kd_conn act, holder, mon, c;
	int i, n;

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		SKIP(return, "cannot have that many files");
	ASSERT_EQ(0, say_hello(&act, self->env.bus, ACTIVATOR, NAME));
	ASSERT_EQ(0, say_hello(&holder, self->env.bus, HOLDER, OTHER));
	ASSERT_EQ(0, say_hello(&mon, self->env.bus, MONITOR, NULL));
	/* the fixture has made two */
	n = KD_CONNS_MAX - 5;
	for (i = 0; i < n; i++) {
		fds[i] = kd_hello_only(self->env.bus);
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(-EMFILE, say_hello(&c, self->env.bus, 0, NULL));
	EXPECT_EQ(-EMFILE, say_hello(&c, self->env.bus, ACTIVATOR,
				     "com.example.x"));
	EXPECT_EQ(-EMFILE, say_hello(&c, self->env.bus, HOLDER,
				     "com.example.x"));
	EXPECT_EQ(-EMFILE, say_hello(&c, self->env.bus, MONITOR, NULL));
	/* 9.2: EMFILE before EEXIST */
	EXPECT_EQ(-EMFILE, say_hello(&c, self->env.bus, ACTIVATOR, NAME));
	kd_close(&mon);
	EXPECT_EQ(0, say_hello(&c, self->env.bus, ACTIVATOR, "com.example.x"));
	EXPECT_EQ(-EMFILE, say_hello(&c, self->env.bus, MONITOR, NULL));
	kd_close(&holder);
	EXPECT_EQ(0, say_hello(&mon, self->env.bus, MONITOR, NULL));
	kd_close(&act);
	EXPECT_EQ(0, say_hello(&holder, self->env.bus, HOLDER, OTHER));
	EXPECT_EQ(-EMFILE, say_hello(&c, self->env.bus, 0, NULL));
}

/* Send to the name until it is there; what came of it goes into a pipe. */
static int probe(const struct kd_conn *conn, int out)
{
	int r;

	do {
		r = kd_send_name(conn, NAME, 1);
		if (r == -ESRCH)
			sched_yield();
	} while (r == -ESRCH);
	return write(out, &r, sizeof(r)) == sizeof(r) ? 0 : -EIO;
}

/* HELLO-3, W-45: no moment in which the name is there and its entry is not */
TEST_F_TIMEOUT(special, entry_before_name, 120)
{
	enum { ROUNDS = 200 };
	int result[2], go[2], pid, r, i;
	struct kd_conn alice, act;
	struct kd_block b;
	char c;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	kd_close(&self->monitor);
	kd_close(&self->watcher);
	ASSERT_EQ(0, kd_connect_as(&alice, self->env.bus, ALICE));
	ASSERT_EQ(0, pipe(result));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		close(go[1]);
		ASSERT_EQ(0, kd_set_user(ALICE));
		while (read(go[0], &c, 1) == 1)
			ASSERT_EQ(0, probe(&alice, result[1]));
		_exit(_metadata->exit_code);
	}
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(1, write(go[1], "g", 1));
		if (i % 2)
			sched_yield();
		kd_hold_start(&b, ACTIVATOR, NAME);
		kd_add_access(&b, KDBUS_POLICY_ACCESS_USER, KDBUS_POLICY_TALK,
			      ALICE);
		ASSERT_EQ(0, kd_hello_block(&act, self->env.bus, &b));
		ASSERT_EQ(sizeof(r), read(result[0], &r, sizeof(r)));
		ASSERT_EQ(0, r);
		EXPECT_EQ(0, kd_drop(&act));
		kd_close(&act);
	}
	close(go[1]);
	EXPECT_EQ(0, kd_wait(pid));
}

struct racer {
	pthread_t thread;
	pthread_barrier_t *barrier;
	const char *bus;
	uint64_t flags;
	struct kd_conn conn;
	int result;
};

static void *race(void *data)
{
	struct racer *r = data;

	pthread_barrier_wait(r->barrier);
	r->result = say_hello(&r->conn, r->bus, r->flags, NAME);
	return NULL;
}

/* ACT-2, POL-3: of several at the same time one wins, the rest get EEXIST */
TEST_F_TIMEOUT(special, race_for_a_name, 120)
{
	enum { RACERS = 4, ROUNDS = 50 };
	pthread_barrier_t barrier;
	struct racer r[RACERS];
	int i, n, winners, activators, added;
	struct kd_change change;

	ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, RACERS));
	kd_close(&self->monitor);
	for (n = 0; n < ROUNDS; n++) {
		while (kd_drop(&self->watcher) == 0)
			;
		for (i = 0; i < RACERS; i++) {
			r[i] = (struct racer){
				.barrier = &barrier,
				.bus = self->env.bus,
				.flags = i % 2 ? ACTIVATOR : HOLDER,
			};
			ASSERT_EQ(0, pthread_create(&r[i].thread, NULL, race,
						    &r[i]));
		}
		winners = 0;
		activators = 0;
		for (i = 0; i < RACERS; i++) {
			pthread_join(r[i].thread, NULL);
			if (r[i].result == 0) {
				winners++;
				activators += r[i].flags == ACTIVATOR;
			} else {
				EXPECT_EQ(-EEXIST, r[i].result);
			}
		}
		EXPECT_EQ(1, winners);
		/* W-45: only the winner has been announced */
		ASSERT_EQ(0, kd_change(&self->watcher, &change));
		EXPECT_EQ(KDBUS_ITEM_ID_ADD, change.type);
		added = kd_change(&self->watcher, &change);
		EXPECT_EQ(activators ? 0 : -EAGAIN, added);
		if (added == 0) {
			EXPECT_EQ(KDBUS_ITEM_NAME_ADD, change.type);
		}
		EXPECT_EQ(-EAGAIN, kd_change(&self->watcher, &change));
		for (i = 0; i < RACERS; i++)
			kd_close(&r[i].conn);
	}
}

TEST_HARNESS_MAIN
