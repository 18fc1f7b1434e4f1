// SPDX-License-Identifier: GPL-2.0-only
/*
 * KDBUS_CMD_UPDATE (rules UPD-1 to UPD-3); which lists of policy items it takes
 * is in policy_test.c
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALICE	4711

#define SERVICE	"com.example.service"
#define STARTED	"com.example.started"
#define HELD	"com.example.held"
#define OTHER	"com.example.other"

#define SEND	KDBUS_ITEM_ATTACH_FLAGS_SEND
#define RECV	KDBUS_ITEM_ATTACH_FLAGS_RECV
#define BAD	0x4000ULL

#define WORLD	KDBUS_POLICY_ACCESS_WORLD
#define USER	KDBUS_POLICY_ACCESS_USER
#define OWN	KDBUS_POLICY_OWN
#define TALK	KDBUS_POLICY_TALK

enum kind { ORDINARY, ACTIVATOR, HOLDER, MONITOR, KINDS };

FIXTURE(update) {
	struct kd_env env;
	struct kd_conn peer;
	struct kd_conn by_kind[KINDS];
};

FIXTURE_SETUP(update)
{
	struct kd_conn *c = self->by_kind;

	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_connect(&self->peer, self->env.bus));
	ASSERT_EQ(0, kd_connect(&c[ORDINARY], self->env.bus));
	ASSERT_EQ(0, kd_name_acquire(&c[ORDINARY], SERVICE, 0, NULL));
	ASSERT_EQ(0, kd_hello_name(&c[ACTIVATOR], self->env.bus,
				   KDBUS_HELLO_ACTIVATOR, STARTED));
	ASSERT_EQ(0, kd_holder(&c[HOLDER], self->env.bus, HELD, WORLD, OWN,
			       0));
	ASSERT_EQ(0, kd_hello(&c[MONITOR], self->env.bus, KDBUS_HELLO_MONITOR,
			      0, KD_POOL));
}

FIXTURE_TEARDOWN(update)
{
}

/* UPDATE of what has been added to the block. */
static int update(const struct kd_conn *c, struct kd_block *b)
{
	int r;

	b->cmd.return_flags = ~0ULL;
	r = kd_ioctl(c->fd, KDBUS_CMD_UPDATE, b);
	return b->cmd.return_flags ? -EPROTO : r;
}

static int update_mask(const struct kd_conn *c, uint64_t type, uint64_t mask)
{
	struct kd_block b;

	kd_start(&b, sizeof(b.cmd));
	kd_add_u64(&b, type, mask);
	return update(c, &b);
}

/* Whether the oldest message of a queue carries TIMESTAMP; it is freed. */
static int stamped(const struct kd_conn *c)
{
	struct kdbus_cmd_recv cmd;
	bool found;
	int r;

	r = kd_recv(c, 0, 0, &cmd);
	if (r != 0)
		return r;
	found = kd_item(kd_msg(c, cmd.msg.offset), KDBUS_ITEM_TIMESTAMP, 0);
	return kd_free(c, cmd.msg.offset) ?: found;
}

/* Whether CONN_INFO shows credentials of a connection. */
static int shows_creds(const struct kd_conn *asker, uint64_t id)
{
	struct kdbus_cmd_info cmd;
	bool found;
	int r;

	r = kd_info(asker, id, NULL, KDBUS_ATTACH_CREDS, &cmd);
	if (r != 0)
		return r;
	found = kd_record_item(kd_record(asker, cmd.offset), KDBUS_ITEM_CREDS,
			       0);
	return kd_free(asker, cmd.offset) ?: found;
}

/* UPD-1, section 4: what each kind may update */
TEST_F(update, kinds)
{
	static const struct {
		int send, recv, name, access;
	} result[KINDS] = {
		[ORDINARY]	= { 0, 0, -EOPNOTSUPP, -EOPNOTSUPP },
		[ACTIVATOR]	= { -EOPNOTSUPP, 0, -EOPNOTSUPP, -EOPNOTSUPP },
		[HOLDER]	= { -EOPNOTSUPP, -EOPNOTSUPP, 0, -EINVAL },
		[MONITOR]	= { 0, 0, -EOPNOTSUPP, -EOPNOTSUPP },
	};
	struct kd_block b;
	enum kind k;

	for (k = ORDINARY; k < KINDS; k++) {
		const struct kd_conn *c = &self->by_kind[k];

		EXPECT_EQ(result[k].send, update_mask(c, SEND, 0));
		EXPECT_EQ(result[k].recv, update_mask(c, RECV, 0));
		kd_start(&b, sizeof(b.cmd));
		kd_add_str(&b, KDBUS_ITEM_NAME, HELD);
		EXPECT_EQ(result[k].name, update(c, &b));
		kd_start(&b, sizeof(b.cmd));
		kd_add_access(&b, WORLD, OWN, 0);
		EXPECT_EQ(result[k].access, update(c, &b));
		/* UPD-3: an empty list is no error for anybody */
		kd_start(&b, sizeof(b.cmd));
		EXPECT_EQ(0, update(c, &b));
	}
}

/* UPD-1 line 1: parsing comes before the kind */
TEST_F(update, parsing_first)
{
	struct kd_block b;
	enum kind k;

	for (k = ORDINARY; k < KINDS; k++) {
		const struct kd_conn *c = &self->by_kind[k];

		kd_start(&b, sizeof(b.cmd));
		kd_add(&b, SEND, NULL, 4);
		EXPECT_EQ(-EINVAL, update(c, &b));
		kd_start(&b, sizeof(b.cmd));
		kd_add(&b, RECV, NULL, 16);
		EXPECT_EQ(-EINVAL, update(c, &b));
		/* each mask once */
		kd_start(&b, sizeof(b.cmd));
		kd_add_u64(&b, SEND, 0);
		kd_add_u64(&b, SEND, 0);
		EXPECT_EQ(-EINVAL, update(c, &b));
		kd_start(&b, sizeof(b.cmd));
		kd_add_u64(&b, RECV, 0);
		kd_add_u64(&b, RECV, 0);
		EXPECT_EQ(-EINVAL, update(c, &b));
		/* UPD-3: the description is given once and for all */
		kd_start(&b, sizeof(b.cmd));
		kd_add_str(&b, KDBUS_ITEM_CONN_DESCRIPTION, "me");
		EXPECT_EQ(-EINVAL, update(c, &b));
		kd_start(&b, sizeof(b.cmd));
		b.cmd.flags = 1;
		EXPECT_EQ(-EINVAL, update(c, &b));
		/* NEG-1: the kind is not asked for either */
		kd_start(&b, sizeof(b.cmd));
		kd_add_u64(&b, SEND, BAD);
		kd_add_str(&b, KDBUS_ITEM_NAME, "x");
		b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
		EXPECT_EQ(0, update(c, &b));
		EXPECT_EQ(0, b.cmd.flags);
	}
}

/* UPD-1: the order of lines 2 to 5 */
TEST_F(update, order)
{
	struct kd_block b;

	/* the kind before the mask */
	EXPECT_EQ(-EOPNOTSUPP,
		  update_mask(&self->by_kind[ACTIVATOR], SEND, BAD));
	EXPECT_EQ(-EOPNOTSUPP,
		  update_mask(&self->by_kind[HOLDER], SEND, BAD));
	EXPECT_EQ(-EOPNOTSUPP,
		  update_mask(&self->by_kind[HOLDER], RECV, BAD));
	/* the send mask before the receive mask, whatever the order */
	kd_start(&b, sizeof(b.cmd));
	kd_add_u64(&b, RECV, BAD);
	kd_add_u64(&b, SEND, 0);
	EXPECT_EQ(-EOPNOTSUPP, update(&self->by_kind[ACTIVATOR], &b));
	/* both before the policy */
	kd_start(&b, sizeof(b.cmd));
	kd_add_str(&b, KDBUS_ITEM_NAME, "x");
	kd_add_u64(&b, SEND, BAD);
	EXPECT_EQ(-EINVAL, update(&self->by_kind[ORDINARY], &b));
	kd_start(&b, sizeof(b.cmd));
	kd_add_str(&b, KDBUS_ITEM_NAME, "x");
	kd_add_u64(&b, RECV, BAD);
	EXPECT_EQ(-EINVAL, update(&self->by_kind[ORDINARY], &b));
	EXPECT_EQ(-EINVAL, update(&self->by_kind[ACTIVATOR], &b));
	EXPECT_EQ(-EOPNOTSUPP, update(&self->by_kind[HOLDER], &b));
	/* the kind before POL-3 */
	kd_start(&b, sizeof(b.cmd));
	kd_add_access(&b, 99, 99, 0);
	kd_add_str(&b, KDBUS_ITEM_NAME, "x");
	EXPECT_EQ(-EOPNOTSUPP, update(&self->by_kind[ORDINARY], &b));
	EXPECT_EQ(-EOPNOTSUPP, update(&self->by_kind[ACTIVATOR], &b));
	EXPECT_EQ(-EOPNOTSUPP, update(&self->by_kind[MONITOR], &b));
	EXPECT_EQ(-EINVAL, update(&self->by_kind[HOLDER], &b));
}

/* Section 3.6: masks */
TEST_F(update, masks)
{
	static const uint64_t bad[] = {
		0x4000, 1ULL << 32, 1ULL << 63, ~1ULL, ~0ULL >> 1,
	};
	static const uint64_t good[] = {
		0, 1, _KDBUS_ATTACH_ALL, _KDBUS_ATTACH_ANY,
	};
	const struct kd_conn *c = &self->by_kind[ORDINARY];
	const struct kd_conn *m = &self->by_kind[MONITOR];
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, update_mask(c, SEND, bad[i]));
		EXPECT_EQ(-EINVAL, update_mask(c, RECV, bad[i]));
		EXPECT_EQ(-EINVAL, update_mask(m, SEND, bad[i]));
		EXPECT_EQ(-EINVAL, update_mask(m, RECV, bad[i]));
		EXPECT_EQ(-EINVAL, update_mask(&self->by_kind[ACTIVATOR], RECV,
					       bad[i]));
	}
	for (i = 0; i < KD_ARRAY_SIZE(good); i++) {
		EXPECT_EQ(0, update_mask(c, SEND, good[i]));
		EXPECT_EQ(0, update_mask(c, RECV, good[i]));
		EXPECT_EQ(0, update_mask(m, SEND, good[i]));
		EXPECT_EQ(0, update_mask(m, RECV, good[i]));
		EXPECT_EQ(0, update_mask(&self->by_kind[ACTIVATOR], RECV,
					 good[i]));
	}
}

/* UPD-3: the receive mask counts for messages sent from now on */
TEST_F(update, receive_mask)
{
	struct kd_conn *c = &self->by_kind[ORDINARY];
	struct kd_conn *act = &self->by_kind[ACTIVATOR];
	struct kd_conn *mon = &self->by_kind[MONITOR];
	int i;

	while (kd_drop(mon) == 0)
		;
	for (i = 0; i < 3; i++) {
		uint64_t mask = i == 1 ? KDBUS_ATTACH_TIMESTAMP : 0;

		ASSERT_EQ(0, update_mask(c, RECV, mask));
		ASSERT_EQ(0, update_mask(act, RECV, mask));
		ASSERT_EQ(0, update_mask(mon, RECV, mask));
		ASSERT_EQ(0, kd_send(&self->peer, c->id, i, NULL, 0));
		ASSERT_EQ(0, kd_send_name(&self->peer, STARTED, i));
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(i == 1, stamped(c));
		EXPECT_EQ(i == 1, stamped(act));
		EXPECT_EQ(i == 1, stamped(mon));
		EXPECT_EQ(i == 1, stamped(mon));
	}
	EXPECT_EQ(-EAGAIN, stamped(mon));
}

/* UPD-3, INFO-3: the send mask is what CONN_INFO goes by from now on */
TEST_F(update, send_mask)
{
	struct kd_conn *c = &self->by_kind[ORDINARY];
	struct kd_conn *mon = &self->by_kind[MONITOR];

	EXPECT_EQ(1, shows_creds(&self->peer, c->id));
	ASSERT_EQ(0, update_mask(c, SEND, KDBUS_ATTACH_PIDS));
	EXPECT_EQ(0, shows_creds(&self->peer, c->id));
	ASSERT_EQ(0, update_mask(c, SEND, _KDBUS_ATTACH_ANY));
	EXPECT_EQ(1, shows_creds(&self->peer, c->id));
	/* W-15: the owner of the bus sees monitors */
	EXPECT_EQ(1, shows_creds(&self->peer, mon->id));
	ASSERT_EQ(0, update_mask(mon, SEND, 0));
	EXPECT_EQ(0, shows_creds(&self->peer, mon->id));
}

/* UPD-1: nothing is changed if any part fails */
TEST_F(update, all_or_nothing)
{
	struct kd_conn *c = &self->by_kind[ORDINARY];
	struct kd_conn *act = &self->by_kind[ACTIVATOR];
	struct kd_block b;
	int i;

	for (i = 0; i < 4; i++) {
		kd_start(&b, sizeof(b.cmd));
		kd_add_u64(&b, SEND, i == 1 ? BAD : 0);
		kd_add_u64(&b, RECV, i == 0 ? BAD : KDBUS_ATTACH_TIMESTAMP);
		if (i == 2)
			kd_add_str(&b, KDBUS_ITEM_NAME, OTHER);
		else if (i == 3)
			kd_add_access(&b, WORLD, OWN, 0);
		EXPECT_EQ(i < 2 ? -EINVAL : -EOPNOTSUPP, update(c, &b));
		EXPECT_EQ(1, shows_creds(&self->peer, c->id));
		ASSERT_EQ(0, kd_send(&self->peer, c->id, 1, NULL, 0));
		EXPECT_EQ(0, stamped(c));
	}
	kd_start(&b, sizeof(b.cmd));
	kd_add_u64(&b, RECV, KDBUS_ATTACH_TIMESTAMP);
	kd_add_str(&b, KDBUS_ITEM_NAME, OTHER);
	EXPECT_EQ(-EOPNOTSUPP, update(act, &b));
	ASSERT_EQ(0, kd_send_name(&self->peer, STARTED, 1));
	EXPECT_EQ(0, stamped(act));
	/* and all of it otherwise */
	kd_start(&b, sizeof(b.cmd));
	kd_add_u64(&b, RECV, KDBUS_ATTACH_TIMESTAMP);
	kd_add_u64(&b, SEND, 0);
	EXPECT_EQ(0, update(c, &b));
	EXPECT_EQ(0, shows_creds(&self->peer, c->id));
	ASSERT_EQ(0, kd_send(&self->peer, c->id, 1, NULL, 0));
	EXPECT_EQ(1, stamped(c));
}

/* CMD-3, W-21: what cannot be reported has happened all the same */
TEST_F(update, write_back)
{
	struct kd_conn *c = &self->by_kind[ORDINARY];
	struct kd_block b;

	kd_start(&b, sizeof(b.cmd));
	kd_add_u64(&b, SEND, 0);
	EXPECT_EQ(-EFAULT, kd_ioctl_readonly(c->fd, KDBUS_CMD_UPDATE, &b));
	EXPECT_EQ(0, shows_creds(&self->peer, c->id));
}

/* BYE-2, H-3 */
TEST_F(update, disconnected)
{
	struct kd_block b;

	ASSERT_EQ(0, kd_byebye(&self->by_kind[ORDINARY]));
	kd_start(&b, sizeof(b.cmd));
	EXPECT_EQ(-ECONNRESET, kd_ioctl(self->by_kind[ORDINARY].fd,
					KDBUS_CMD_UPDATE, &b));
}

/* Whether an ordinary user may own a name; needs uid 0. */
static int can_own(const struct kd_conn *user, const char *name)
{
	int r = kd_act_as(ALICE);

	if (r != 0)
		return -ENOTRECOVERABLE;
	r = kd_name_acquire(user, name, 0, NULL);
	if (r == 0)
		r = kd_name_release(user, name);
	return kd_act_as(0) ? -ENOTRECOVERABLE : r;
}

static int set_policy(const struct kd_conn *holder, const char *name,
		      uint64_t access)
{
	struct kd_block b;

	kd_start(&b, sizeof(b.cmd));
	kd_add_str(&b, KDBUS_ITEM_NAME, name);
	kd_add_access(&b, WORLD, access, 0);
	return update(holder, &b);
}

/* UPD-2: the one entry is replaced, and may move to another name */
TEST_F(update, policy)
{
	struct kd_conn *holder = &self->by_kind[HOLDER];
	struct kd_conn alice, second;
	struct kd_block b;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, kd_connect_as(&alice, self->env.bus, ALICE));
	EXPECT_EQ(0, can_own(&alice, HELD));
	/* other grants */
	ASSERT_EQ(0, set_policy(holder, HELD, TALK));
	EXPECT_EQ(-EPERM, can_own(&alice, HELD));
	ASSERT_EQ(0, set_policy(holder, HELD, OWN));
	EXPECT_EQ(0, can_own(&alice, HELD));
	/* nothing at all: it stays */
	kd_start(&b, sizeof(b.cmd));
	ASSERT_EQ(0, update(holder, &b));
	EXPECT_EQ(0, can_own(&alice, HELD));
	/* no grants */
	kd_add_str(&b, KDBUS_ITEM_NAME, HELD);
	ASSERT_EQ(0, update(holder, &b));
	EXPECT_EQ(-EPERM, can_own(&alice, HELD));
	/* another name: the old one is free for others */
	EXPECT_EQ(-EEXIST, kd_holder(&second, self->env.bus, HELD, WORLD, OWN,
				     0));
	ASSERT_EQ(0, set_policy(holder, OTHER, OWN));
	EXPECT_EQ(0, can_own(&alice, OTHER));
	EXPECT_EQ(-EPERM, can_own(&alice, HELD));
	ASSERT_EQ(0, kd_holder(&second, self->env.bus, HELD, WORLD, OWN, 0));
	EXPECT_EQ(0, can_own(&alice, HELD));
	/* but not back now */
	EXPECT_EQ(-EEXIST, set_policy(holder, HELD, OWN));
	EXPECT_EQ(-EEXIST, set_policy(&second, OTHER, OWN));
	EXPECT_EQ(-EEXIST, set_policy(holder, STARTED, OWN));
	EXPECT_EQ(0, can_own(&alice, OTHER));
	EXPECT_EQ(0, can_own(&alice, HELD));
	/* to a wildcard and away from it */
	ASSERT_EQ(0, set_policy(holder, "com.example.*", OWN));
	EXPECT_EQ(0, can_own(&alice, OTHER));
	ASSERT_EQ(0, set_policy(holder, "org.example.*", OWN));
	EXPECT_EQ(-EPERM, can_own(&alice, OTHER));
	EXPECT_EQ(0, can_own(&alice, "org.example.x"));
	/* BYE-3: whatever it is, it goes with the holder */
	kd_close(holder);
	EXPECT_EQ(-EPERM, can_own(&alice, "org.example.x"));
	EXPECT_EQ(0, can_own(&alice, HELD));
}

struct updater {
	pthread_t thread;
	const struct kd_conn *holder;
	int stop;
	int error;
	unsigned int done;
};

/* One entry after another for the same name; each lets ALICE talk. */
static void *keep_updating(void *data)
{
	struct updater *w = data;
	struct kd_block b[2];

	kd_start(&b[0], sizeof(b[0].cmd));
	kd_add_str(&b[0], KDBUS_ITEM_NAME, SERVICE);
	kd_add_access(&b[0], USER, TALK, ALICE);
	kd_start(&b[1], sizeof(b[1].cmd));
	kd_add_str(&b[1], KDBUS_ITEM_NAME, SERVICE);
	kd_add_access(&b[1], USER, OWN, ALICE + 1);
	kd_add_access(&b[1], WORLD, TALK, 0);
	while (!w->error && !__atomic_load_n(&w->stop, __ATOMIC_RELAXED))
		w->error = update(w->holder, &b[w->done++ % 2]);
	return NULL;
}

/* UPD-2: the replacement is atomic: no moment without an entry */
TEST_F_TIMEOUT(update, policy_is_atomic, 120)
{
	struct updater w = { .holder = &self->by_kind[HOLDER] };
	struct kd_conn *service = &self->by_kind[ORDINARY];
	struct kd_conn alice;
	int pid, i;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, kd_connect_as(&alice, self->env.bus, ALICE));
	ASSERT_EQ(0, set_policy(w.holder, SERVICE, TALK));
	kd_close(&self->by_kind[MONITOR]);
	/* another process: threads share their ids here */
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		ASSERT_EQ(0, kd_set_user(ALICE));
		for (i = 0; i < 5000; i++) {
			ASSERT_EQ(0, kd_send(&alice, service->id, 1, NULL, 0));
			ASSERT_EQ(0, kd_drop(service));
		}
		_exit(_metadata->exit_code);
	}
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, keep_updating, &w));
	EXPECT_EQ(0, kd_wait(pid));
	__atomic_store_n(&w.stop, 1, __ATOMIC_RELAXED);
	pthread_join(w.thread, NULL);
	EXPECT_EQ(0, w.error);
	EXPECT_LT(2, w.done);
}

TEST_HARNESS_MAIN
