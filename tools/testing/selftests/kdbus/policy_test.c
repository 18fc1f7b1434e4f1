// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy database of a bus: what may be put into it, how a name is looked
 * up, and what follows from it (rules POL-1 to POL-6, POL-8 to POL-11, PH-1,
 * PRIV-3, SEC-5). That of custom endpoints is in endpoint_test.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALICE	4711
#define BOB	4712
/* a supplementary group that everybody here has, and one that nobody has */
#define TEAM	4800
#define NOBODY	4801

#define NAME	"com.example.service"
#define OTHER	"com.example.other"
#define WILD	"com.example.*"

#define USER	KDBUS_POLICY_ACCESS_USER
#define GROUP	KDBUS_POLICY_ACCESS_GROUP
#define WORLD	KDBUS_POLICY_ACCESS_WORLD
#define SEE	KDBUS_POLICY_SEE
#define TALK	KDBUS_POLICY_TALK
#define OWN	KDBUS_POLICY_OWN
#define HOLDER	KDBUS_HELLO_POLICY_HOLDER

FIXTURE(policy) {
	struct kd_env env;
	struct kd_conn service;	/* of the owner of the bus */
	struct kd_conn alice;
	struct kd_conn bob;
};

FIXTURE_SETUP(policy)
{
	gid_t team = TEAM;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, setgroups(1, &team));
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_connect(&self->service, self->env.bus));
	ASSERT_EQ(0, kd_connect_as(&self->alice, self->env.bus, ALICE));
	ASSERT_EQ(0, kd_connect_as(&self->bob, self->env.bus, BOB));
	ASSERT_EQ(0, kd_name_acquire(&self->service, NAME, 0, NULL));
}

FIXTURE_TEARDOWN(policy)
{
}

/* Send a block as a user; what arrives is taken, what fails must not arrive. */
static int send_as(const struct kd_conn *from, uint32_t id,
		   const struct kd_conn *to, const struct kd_block *msg)
{
	int r = kd_act_as(id), drop;

	if (r != 0)
		return -ENOTRECOVERABLE;
	r = kd_msg_send(from, msg);
	if (kd_act_as(0) != 0)
		return -ENOTRECOVERABLE;
	drop = kd_drop(to);
	if (r == 0)
		return drop;
	return drop == -EAGAIN ? r : -EPROTO;
}

static int talk(const struct kd_conn *from, uint32_t id,
		const struct kd_conn *to)
{
	struct kd_block b;

	kd_msg_start(&b, to->id);
	return send_as(from, id, to, &b);
}

static int talk_name(const struct kd_conn *from, uint32_t id,
		     const struct kd_conn *to, const char *name)
{
	struct kd_block b;

	kd_msg_start_name(&b, name);
	return send_as(from, id, to, &b);
}

/* Whether a user can acquire a name; it is released again. */
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

/* POL-1: the database starts empty, and that is denial */
TEST_F(policy, empty)
{
	EXPECT_EQ(-EPERM, talk(&self->alice, ALICE, &self->service));
	EXPECT_EQ(-EPERM,
		  talk_name(&self->alice, ALICE, &self->service, NAME));
	EXPECT_EQ(-EPERM, own(&self->alice, ALICE, OTHER));
	/* NAME-2, POL-11: decided before it is looked who owns it */
	EXPECT_EQ(-EPERM, own(&self->alice, ALICE, NAME));
}

/* POL-2, POL-4, POL-8, POL-9.4: to whom a grant applies and what it permits */
TEST_F(policy, grants)
{
	static const struct {
		uint64_t type;
		uint64_t id;
		bool applies;
	} whom[] = {
		{ USER, ALICE, true },
		{ USER, BOB, false },
		{ USER, 0, false },
		{ USER, TEAM, false },
		/* POL-3: the low 32 bits alone */
		{ USER, (5ULL << 32) + ALICE, true },
		{ USER, 5ULL << 32, false },
		{ GROUP, ALICE, true },
		{ GROUP, TEAM, true },
		{ GROUP, (1ULL << 63) + TEAM, true },
		{ GROUP, NOBODY, false },
		{ GROUP, 0, false },
		{ WORLD, 0, true },
		{ WORLD, 0xffffffff, true },
		{ WORLD, ~0ULL, true },
	};
	struct kd_conn holder;
	uint64_t access;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(whom); i++) {
		for (access = SEE; access <= OWN; access++) {
			int can_talk = whom[i].applies && access >= TALK;
			int can_own = whom[i].applies && access == OWN;

			ASSERT_EQ(0, kd_holder(&holder, self->env.bus, NAME,
					       whom[i].type, access,
					       whom[i].id));
			EXPECT_EQ(can_talk ? 0 : -EPERM,
				  talk(&self->alice, ALICE, &self->service));
			ASSERT_EQ(0, kd_name_release(&self->service, NAME));
			EXPECT_EQ(can_own ? 0 : -EPERM,
				  own(&self->alice, ALICE, NAME)) {
				TH_LOG("grant %zu, access %d", i, (int)access);
			}
			ASSERT_EQ(0, kd_name_acquire(&self->service, NAME, 0,
						     NULL));
			kd_close(&holder);
		}
	}
}

/* POL-4: the effective user id counts, not the real one */
TEST_F(policy, effective_user)
{
	struct kd_conn holder;

	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, NAME, USER, TALK,
			       ALICE));
	ASSERT_EQ(0, setresuid(ALICE, BOB, 0));
	EXPECT_EQ(-EPERM, kd_send(&self->alice, self->service.id, 1, "x", 1));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_EQ(0, setresuid(BOB, ALICE, 0));
	EXPECT_EQ(0, kd_send(&self->alice, self->service.id, 1, "x", 1));
}

/* POL-4: likewise the effective group; no supplementary one, none */
TEST_F(policy, effective_group)
{
	struct kd_conn holder, other;

	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, NAME, GROUP, TALK, 77));
	ASSERT_EQ(0, kd_hello_name(&other, self->env.bus, HOLDER, OTHER));
	ASSERT_EQ(0, setgroups(0, NULL));
	ASSERT_EQ(0, setresgid(77, 78, 77));
	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	EXPECT_EQ(-EPERM, kd_send(&self->alice, self->service.id, 1, "x", 1));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_EQ(0, setresgid(78, 77, 78));
	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	EXPECT_EQ(0, kd_send(&self->alice, self->service.id, 1, "x", 1));
}

/* POL-4: the highest of all grants that apply, wherever it stands */
TEST_F(policy, highest_grant)
{
	static const uint64_t orders[][3] = {
		{ SEE, TALK, OWN }, { OWN, TALK, SEE }, { TALK, OWN, SEE },
	};
	struct kd_conn holder;
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(orders); i++) {
		kd_hold_start(&b, HOLDER, OTHER);
		kd_add_access(&b, USER, orders[i][0], ALICE);
		kd_add_access(&b, GROUP, orders[i][1], TEAM);
		kd_add_access(&b, WORLD, orders[i][2], 0);
		ASSERT_EQ(0, kd_hello_block(&holder, self->env.bus, &b));
		EXPECT_EQ(0, own(&self->alice, ALICE, OTHER));
		kd_close(&holder);

		kd_hold_start(&b, HOLDER, OTHER);
		kd_add_access(&b, USER, orders[i][0], ALICE);
		kd_add_access(&b, USER, orders[i][1], ALICE);
		kd_add_access(&b, USER, orders[i][2], ALICE);
		kd_add_access(&b, USER, SEE, BOB);
		ASSERT_EQ(0, kd_hello_block(&holder, self->env.bus, &b));
		EXPECT_EQ(0, own(&self->alice, ALICE, OTHER));
		EXPECT_EQ(-EPERM, own(&self->bob, BOB, OTHER));
		kd_close(&holder);
	}
	/* what applies to somebody else adds nothing */
	kd_hold_start(&b, HOLDER, OTHER);
	kd_add_access(&b, USER, OWN, BOB);
	kd_add_access(&b, GROUP, OWN, NOBODY);
	kd_add_access(&b, WORLD, TALK, 0);
	ASSERT_EQ(0, kd_hello_block(&holder, self->env.bus, &b));
	EXPECT_EQ(-EPERM, own(&self->alice, ALICE, OTHER));
	EXPECT_EQ(0, own(&self->bob, BOB, OTHER));
}

/* POL-2, section 32: as many grants as a block can hold, all of them count */
TEST_F(policy, many_grants)
{
	struct kd_conn holder;
	struct kd_block b;
	unsigned int i;

	kd_hold_start(&b, HOLDER, OTHER);
	kd_add_access(&b, USER, OWN, ALICE);
	for (i = 0; KD_ALIGN8(b.size) + 3 * 40 <= KD_BLOCK_MAX; i++)
		kd_add_access(&b, i % 2 ? USER : GROUP, OWN, 10000 + i);
	kd_add_access(&b, USER, OWN, BOB);
	ASSERT_LT(700, i);
	ASSERT_EQ(0, kd_hello_block(&holder, self->env.bus, &b));
	EXPECT_EQ(0, own(&self->alice, ALICE, OTHER));
	EXPECT_EQ(0, own(&self->bob, BOB, OTHER));
	EXPECT_EQ(-EPERM, own(&self->bob, NOBODY, OTHER));
	EXPECT_EQ(0, own(&self->bob, 10001, OTHER));
	/* GROUP 10002: kd_act_as() takes a group of the same number */
	EXPECT_EQ(0, own(&self->bob, 10002, OTHER));
}

/* POL-4, W-1: a wildcard covers exactly one level */
TEST_F(policy, wildcard)
{
	static const struct {
		const char *name;
		int result;
	} names[] = {
		{ "com.example.a", 0 },
		{ "com.example.-", 0 },
		{ "com.example.a-b_c", 0 },
		{ "com.example", -EPERM },
		{ "com.example.a.b", -EPERM },
		{ "com.examples.a", -EPERM },
		{ "com.exampl.a", -EPERM },
		{ "com.a", -EPERM },
		{ "net.com.example.a", -EPERM },
	};
	struct kd_conn holder;
	size_t i;

	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, WILD, USER, OWN, ALICE));
	for (i = 0; i < KD_ARRAY_SIZE(names); i++) {
		EXPECT_EQ(names[i].result,
			  own(&self->alice, ALICE, names[i].name)) {
			TH_LOG("%s", names[i].name);
		}
		EXPECT_EQ(-EPERM, own(&self->bob, BOB, names[i].name));
	}
	/* TALK as well */
	EXPECT_EQ(0, talk_name(&self->alice, ALICE, &self->service, NAME));
	EXPECT_EQ(0, talk(&self->alice, ALICE, &self->service));
	EXPECT_EQ(-EPERM, talk(&self->bob, BOB, &self->service));
	/* PH-1: a wildcard is no name in the registry */
	EXPECT_EQ(-EINVAL, kd_name_acquire(&self->service, WILD, 0, NULL));
	EXPECT_EQ(-ESRCH, kd_name_release(&self->service, WILD));
}

/* POL-4: wildcards of two elements, and one below another */
TEST_F(policy, wildcard_levels)
{
	struct kd_conn upper, lower;

	ASSERT_EQ(0, kd_holder(&upper, self->env.bus, "com.*", USER, OWN,
			       ALICE));
	ASSERT_EQ(0, kd_holder(&lower, self->env.bus, WILD, USER, OWN, BOB));
	EXPECT_EQ(0, own(&self->alice, ALICE, "com.example"));
	EXPECT_EQ(-EPERM, own(&self->bob, BOB, "com.example"));
	EXPECT_EQ(0, own(&self->bob, BOB, "com.example.x"));
	EXPECT_EQ(-EPERM, own(&self->alice, ALICE, "com.example.x"));
	EXPECT_EQ(-EPERM, own(&self->alice, ALICE, "com.example.x.y"));
	EXPECT_EQ(-EPERM, own(&self->bob, BOB, "com.example.x.y"));
	kd_close(&lower);
	EXPECT_EQ(-EPERM, own(&self->alice, ALICE, "com.example.x"));
}

/* POL-4: the exact entry alone is used, though it grants nothing */
TEST_F(policy, exact_hides_wildcard)
{
	struct kd_conn wild, exact;

	ASSERT_EQ(0, kd_holder(&wild, self->env.bus, WILD, WORLD, OWN, 0));
	EXPECT_EQ(0, own(&self->alice, ALICE, OTHER));
	EXPECT_EQ(0, talk(&self->alice, ALICE, &self->service));

	ASSERT_EQ(0, kd_hello_name(&exact, self->env.bus, HOLDER, NAME));
	EXPECT_EQ(0, own(&self->alice, ALICE, OTHER));
	EXPECT_EQ(-EPERM, talk(&self->alice, ALICE, &self->service));
	EXPECT_EQ(-EPERM, own(&self->alice, ALICE, NAME));
	/* one that grants somebody something hides it for the others, too */
	kd_close(&exact);
	ASSERT_EQ(0, kd_holder(&exact, self->env.bus, NAME, USER, OWN, BOB));
	EXPECT_EQ(-EPERM, talk(&self->alice, ALICE, &self->service));
	EXPECT_EQ(0, talk(&self->bob, BOB, &self->service));
	/* ACT-1: so does that of an activator */
	kd_close(&exact);
	ASSERT_EQ(0, kd_hello_name(&exact, self->env.bus,
				   KDBUS_HELLO_ACTIVATOR, NAME));
	EXPECT_EQ(-EPERM, talk(&self->alice, ALICE, &self->service));
	/* POL-5: at once again */
	kd_close(&exact);
	EXPECT_EQ(0, talk(&self->alice, ALICE, &self->service));
}

/* POL-3: one entry for each name of each form, whoever installs it */
TEST_F(policy, one_entry_each)
{
	static const uint64_t kinds[] = { HOLDER, KDBUS_HELLO_ACTIVATOR };
	struct kd_conn first, second;
	size_t i, k;

	for (i = 0; i < KD_ARRAY_SIZE(kinds); i++) {
		ASSERT_EQ(0, kd_hello_name(&first, self->env.bus, kinds[i],
					   OTHER));
		for (k = 0; k < KD_ARRAY_SIZE(kinds); k++) {
			EXPECT_EQ(-EEXIST,
				  kd_hello_name(&second, self->env.bus,
						kinds[k], OTHER));
		}
		/* the loser has left nothing behind */
		kd_close(&first);
		for (k = 0; k < KD_ARRAY_SIZE(kinds); k++) {
			ASSERT_EQ(0, kd_hello_name(&second, self->env.bus,
						   kinds[k], OTHER));
			kd_close(&second);
		}
	}
	/* exact and wildcard are two things */
	ASSERT_EQ(0, kd_hello_name(&first, self->env.bus, HOLDER, WILD));
	EXPECT_EQ(-EEXIST, kd_hello_name(&second, self->env.bus, HOLDER, WILD));
	ASSERT_EQ(0, kd_hello_name(&second, self->env.bus, HOLDER,
				   "com.example"));
	kd_close(&second);
	ASSERT_EQ(0, kd_hello_name(&second, self->env.bus, HOLDER,
				   "com.example.x"));
}

/* POL-3, W-42: a wildcard is nothing an activator could hold */
TEST_F(policy, wildcard_activator)
{
	struct kd_conn act, c;
	struct kd_block b;
	uint64_t id;

	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	id = c.id;
	kd_close(&c);
	EXPECT_EQ(-EINVAL, kd_hello_name(&act, self->env.bus,
					 KDBUS_HELLO_ACTIVATOR, WILD));
	kd_hold_start(&b, KDBUS_HELLO_ACTIVATOR, WILD);
	kd_add_access(&b, WORLD, OWN, 0);
	EXPECT_EQ(-EINVAL, kd_hello_block(&act, self->env.bus, &b));
	EXPECT_EQ(-EPERM, own(&self->alice, ALICE, OTHER));
	EXPECT_EQ(-ESRCH, kd_name_release(&self->service, WILD));
	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, HOLDER, WILD));
	/* PRIV-4: whether the refused ones used up an id or not, not more */
	EXPECT_LE(id + 1, act.id);
	EXPECT_GE(id + 3, act.id);
}

/* POL-5: changes act on the next operation and revoke nothing */
TEST_F(policy, changes_act_at_once)
{
	struct kd_conn holder;
	uint64_t flags;
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EPERM, talk(&self->alice, ALICE, &self->service));
		EXPECT_EQ(-EPERM, own(&self->alice, ALICE, OTHER));
		ASSERT_EQ(0, kd_holder(&holder, self->env.bus, WILD, WORLD,
				       OWN, 0));
		EXPECT_EQ(0, talk(&self->alice, ALICE, &self->service));
		ASSERT_EQ(0, kd_act_as(ALICE));
		ASSERT_EQ(0, kd_name_acquire(&self->alice, OTHER, 0, NULL));
		ASSERT_EQ(0, kd_send(&self->alice, self->service.id, 1, NULL,
				     0));
		ASSERT_EQ(0, kd_act_as(0));
		kd_close(&holder);

		ASSERT_EQ(0, kd_drop(&self->service));
		EXPECT_EQ(0, kd_entry(&self->service, self->alice.id, OTHER,
				      &flags));
		EXPECT_EQ(KDBUS_NAME_PRIMARY, flags);
		/* NAME-2 line 3: acquiring it again needs the grant */
		ASSERT_EQ(0, kd_act_as(ALICE));
		EXPECT_EQ(-EPERM, kd_name_acquire(&self->alice, OTHER, 0,
						  NULL));
		EXPECT_EQ(0, kd_name_release(&self->alice, OTHER));
		EXPECT_EQ(-EPERM, kd_name_acquire(&self->alice, OTHER, 0,
						  NULL));
		ASSERT_EQ(0, kd_act_as(0));
	}
}

/* NAME-2 lines 5 to 7: the queue needs OWN, too, and keeps its places */
TEST_F(policy, queue_needs_own)
{
	struct kd_conn holder;
	uint64_t flags;

	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, NAME, USER, OWN, ALICE));
	ASSERT_EQ(0, kd_act_as(ALICE));
	ASSERT_EQ(0, kd_name_acquire(&self->alice, NAME, KDBUS_NAME_QUEUE,
				     &flags));
	EXPECT_EQ(KDBUS_NAME_QUEUE | KDBUS_NAME_IN_QUEUE | KDBUS_NAME_ACQUIRED,
		  flags);
	ASSERT_EQ(0, kd_act_as(0));
	kd_close(&holder);
	ASSERT_EQ(0, kd_act_as(ALICE));
	EXPECT_EQ(-EPERM, kd_name_acquire(&self->alice, NAME,
					  KDBUS_NAME_QUEUE, NULL));
	EXPECT_EQ(-EPERM, kd_name_acquire(&self->alice, NAME, 0, NULL));
	ASSERT_EQ(0, kd_act_as(0));
	EXPECT_EQ(0, kd_entry(&self->service, self->alice.id, NAME, &flags));
	EXPECT_EQ(KDBUS_NAME_QUEUE | KDBUS_NAME_IN_QUEUE, flags);
	/* the place counts without any grant */
	ASSERT_EQ(0, kd_name_release(&self->service, NAME));
	EXPECT_EQ(0, kd_entry(&self->service, self->alice.id, NAME, &flags));
	EXPECT_EQ(KDBUS_NAME_QUEUE | KDBUS_NAME_PRIMARY, flags);
}

/* POL-6, PRIV-2, SEC-5: owners need no grant, whoever uses their handle */
TEST_F(policy, owner_bypasses)
{
	struct kd_conn holder;

	ASSERT_EQ(0, kd_hello_name(&holder, self->env.bus, HOLDER, OTHER));
	EXPECT_EQ(0, own(&self->service, 0, OTHER));
	EXPECT_EQ(0, own(&self->service, ALICE, OTHER));
	EXPECT_EQ(0, talk(&self->service, ALICE, &self->bob));
	/* but nobody becomes owner by using somebody's handle */
	EXPECT_EQ(-EPERM, own(&self->alice, 0, OTHER));
	EXPECT_EQ(-EPERM, talk(&self->alice, 0, &self->bob));
}

/* PRIV-3: TALK and OWN use the current credentials, both ways */
TEST_F(policy, current_credentials)
{
	struct kd_conn holder;

	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, WILD, USER, OWN, ALICE));
	EXPECT_EQ(0, talk(&self->bob, ALICE, &self->service));
	EXPECT_EQ(-EPERM, talk(&self->alice, BOB, &self->service));
	EXPECT_EQ(0, own(&self->bob, ALICE, OTHER));
	EXPECT_EQ(-EPERM, own(&self->alice, BOB, OTHER));
}

/* POL-9.4: any one name opens the whole connection */
TEST_F(policy, any_name_opens_all)
{
	struct kd_conn holder;

	ASSERT_EQ(0, kd_name_acquire(&self->service, OTHER, 0, NULL));
	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, OTHER, USER, TALK,
			       ALICE));
	EXPECT_EQ(0, talk(&self->alice, ALICE, &self->service));
	EXPECT_EQ(0, talk_name(&self->alice, ALICE, &self->service, OTHER));
	EXPECT_EQ(0, talk_name(&self->alice, ALICE, &self->service, NAME));
	EXPECT_EQ(-EPERM, talk(&self->bob, BOB, &self->service));
	ASSERT_EQ(0, kd_name_release(&self->service, OTHER));
	EXPECT_EQ(-EPERM, talk(&self->alice, ALICE, &self->service));
	EXPECT_EQ(-EPERM,
		  talk_name(&self->alice, ALICE, &self->service, NAME));
}

/* POL-9.4: names somebody waits for do not count */
TEST_F(policy, primary_names_only)
{
	struct kd_conn holder, other;

	ASSERT_EQ(0, kd_connect(&other, self->env.bus));
	ASSERT_EQ(0, kd_name_acquire(&other, OTHER, 0, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->service, OTHER, KDBUS_NAME_QUEUE,
				     NULL));
	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, OTHER, USER, TALK,
			       ALICE));
	EXPECT_EQ(-EPERM, talk(&self->alice, ALICE, &self->service));
	EXPECT_EQ(0, talk(&self->alice, ALICE, &other));
	ASSERT_EQ(0, kd_name_release(&other, OTHER));
	EXPECT_EQ(0, talk(&self->alice, ALICE, &self->service));
	EXPECT_EQ(-EPERM, talk(&self->alice, ALICE, &other));
}

/* POL-9: an activator's name counts as long as it is the primary owner */
TEST_F(policy, talk_to_activator)
{
	struct kd_conn act;
	struct kd_block b;

	kd_hold_start(&b, KDBUS_HELLO_ACTIVATOR, OTHER);
	kd_add_access(&b, USER, TALK, ALICE);
	ASSERT_EQ(0, kd_hello_block(&act, self->env.bus, &b));
	EXPECT_EQ(0, talk_name(&self->alice, ALICE, &act, OTHER));
	EXPECT_EQ(-EPERM, talk_name(&self->bob, BOB, &act, OTHER));
	EXPECT_EQ(0, talk_name(&self->service, 0, &act, OTHER));
	/* the entry serves its successor */
	ASSERT_EQ(0, kd_name_acquire(&self->service, OTHER, 0, NULL));
	EXPECT_EQ(0, talk_name(&self->alice, ALICE, &self->service, OTHER));
	EXPECT_EQ(-EPERM, talk_name(&self->bob, BOB, &self->service, OTHER));
	/* ACT-8: and goes with the activator */
	kd_close(&act);
	EXPECT_EQ(-EPERM,
		  talk_name(&self->alice, ALICE, &self->service, OTHER));
}

/* A signal of one connection that the other has a match for; does it come? */
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
	/* RECV-5: what policy holds back is not lost */
	return cmd.dropped_msgs ? -EPROTO : r;
}

/* POL-10: the receiver of a signal needs TALK to its sender */
TEST_F(policy, signals)
{
	struct kd_conn holder, second;

	ASSERT_EQ(0, kd_connect_as(&second, self->env.bus, ALICE));
	ASSERT_EQ(0, kd_match_signals(&self->alice, 1));
	ASSERT_EQ(0, kd_match_signals(&self->service, 1));

	/* owners hear everybody, users each other */
	EXPECT_EQ(0, hears(&self->alice, &self->service,
			   KDBUS_DST_ID_BROADCAST));
	ASSERT_EQ(0, kd_drop(&self->alice));
	EXPECT_EQ(0, hears(&self->alice, &self->service, self->service.id));
	EXPECT_EQ(0, hears(&second, &self->alice, KDBUS_DST_ID_BROADCAST));
	EXPECT_EQ(0, hears(&second, &self->alice, self->alice.id));
	ASSERT_EQ(0, kd_drop(&self->service));

	/* POL-11: otherwise nothing comes, and the sender is not told */
	EXPECT_EQ(-EAGAIN, hears(&self->bob, &self->alice,
				 KDBUS_DST_ID_BROADCAST));
	EXPECT_EQ(-EAGAIN, hears(&self->bob, &self->alice, self->alice.id));
	EXPECT_EQ(-EAGAIN, hears(&self->service, &self->alice, self->alice.id));
	EXPECT_EQ(-ENXIO, hears(&self->service, &self->alice, ~0ULL - 1));

	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, NAME, USER, TALK,
			       ALICE));
	EXPECT_EQ(0, hears(&self->service, &self->alice, self->alice.id));
	EXPECT_EQ(0, hears(&self->service, &self->alice,
			   KDBUS_DST_ID_BROADCAST));
	EXPECT_EQ(-EAGAIN, hears(&self->bob, &self->alice, self->alice.id));
	kd_close(&holder);

	/* SEE is not enough */
	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, NAME, WORLD, SEE, 0));
	EXPECT_EQ(-EAGAIN, hears(&self->service, &self->alice, self->alice.id));
	EXPECT_EQ(-EAGAIN, hears(&self->service, &self->alice,
				 KDBUS_DST_ID_BROADCAST));
}

/* POL-10, PRIV-3: by the credentials with which the receiver was opened */
TEST_F(policy, signals_by_opener)
{
	struct kd_conn holder;

	ASSERT_EQ(0, kd_match_signals(&self->alice, 1));
	ASSERT_EQ(0, kd_match_signals(&self->bob, 1));
	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, NAME, USER, TALK,
			       ALICE));
	ASSERT_EQ(0, kd_act_as(BOB));
	EXPECT_EQ(0, hears(&self->service, &self->alice, self->alice.id));
	ASSERT_EQ(0, kd_act_as(ALICE));
	EXPECT_EQ(-EAGAIN, hears(&self->service, &self->bob, self->bob.id));
	EXPECT_EQ(0, hears(&self->service, &self->alice,
			   KDBUS_DST_ID_BROADCAST));
	EXPECT_EQ(-EAGAIN, hears(&self->service, &self->bob,
				 KDBUS_DST_ID_BROADCAST));
}

/* POL-10, POL-7: nothing is hidden on the default endpoint */
TEST_F(policy, see_does_not_matter)
{
	struct kd_conn holder, watcher;
	struct kdbus_cmd_info info;
	uint64_t flags;

	ASSERT_EQ(0, kd_connect_as(&watcher, self->env.bus, ALICE));
	ASSERT_EQ(0, kd_watch_names(&watcher));
	ASSERT_EQ(0, kd_watch_ids(&watcher));
	ASSERT_EQ(0, kd_hello_name(&holder, self->env.bus, HOLDER, NAME));
	EXPECT_EQ(0, kd_id_added(&watcher, holder.id, HOLDER));
	ASSERT_EQ(0, kd_name_acquire(&self->service, OTHER, 0, NULL));
	EXPECT_EQ(0, kd_name_added(&watcher, OTHER, self->service.id,
				   KDBUS_NAME_PRIMARY));
	ASSERT_EQ(0, kd_act_as(ALICE));
	EXPECT_EQ(0, kd_entry(&self->alice, self->service.id, NAME, &flags));
	EXPECT_EQ(0, kd_info(&self->alice, 0, NAME, 0, &info));
	EXPECT_EQ(0, kd_info(&self->alice, self->service.id, NULL, 0, &info));
	EXPECT_EQ(0, kd_info(&self->alice, holder.id, NULL, 0, &info));
	ASSERT_EQ(0, kd_act_as(0));
}

/* POL-11, SEND-13: what does not exist is told first */
TEST_F(policy, existence_first)
{
	struct kd_conn holder;
	struct kd_block b;

	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, NAME, USER, SEE, ALICE));
	ASSERT_EQ(0, kd_act_as(ALICE));
	EXPECT_EQ(-ESRCH, kd_send_name(&self->alice, OTHER, 1));
	EXPECT_EQ(-EPERM, kd_send_name(&self->alice, NAME, 1));
	EXPECT_EQ(-ENXIO, kd_send(&self->alice, 9999, 1, NULL, 0));
	kd_msg_start_name(&b, NAME);
	b.msg.dst_id = self->bob.id;
	EXPECT_EQ(-EREMCHG, kd_msg_send(&self->alice, &b));
	b.msg.dst_id = self->service.id;
	EXPECT_EQ(-EPERM, kd_msg_send(&self->alice, &b));
	EXPECT_EQ(-EPERM, kd_call(&self->alice, self->service.id, 1, KD_PAST));
	/* replies are not checked, but must answer something */
	EXPECT_EQ(-EBADSLT, kd_reply(&self->alice, self->service.id, 1, NULL,
				     0));
	EXPECT_EQ(-EPERM, kd_name_acquire(&self->alice, OTHER, 0, NULL));
	EXPECT_EQ(-EPERM, kd_name_acquire(&self->alice, NAME, 0, NULL));
	EXPECT_EQ(-EINVAL, kd_name_acquire(&self->alice, "x", 0, NULL));
	EXPECT_EQ(-ESRCH, kd_name_release(&self->alice, OTHER));
	EXPECT_EQ(-EADDRINUSE, kd_name_release(&self->alice, NAME));
	ASSERT_EQ(0, kd_act_as(0));
	EXPECT_EQ(-EAGAIN, kd_drop(&self->service));
}

/* PH-1: the entry lives as long as the connection, the name is nobody's */
TEST_F(policy, holder)
{
	struct kdbus_cmd_info info;
	struct kd_conn holder;
	uint64_t flags;

	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, OTHER, WORLD, OWN, 0));
	EXPECT_EQ(-ESRCH, kd_send_name(&self->service, OTHER, 1));
	EXPECT_EQ(-ESRCH, kd_info(&self->service, 0, OTHER, 0, &info));
	EXPECT_EQ(-ENOENT, kd_entry(&self->service, holder.id, OTHER, &flags));
	EXPECT_EQ(-ESRCH, kd_name_release(&self->service, OTHER));
	EXPECT_EQ(0, own(&self->alice, ALICE, OTHER));
	kd_close(&holder);
	EXPECT_EQ(-EPERM, own(&self->alice, ALICE, OTHER));
}

/* Write what a child in a user namespace of its own cannot write itself. */
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

/* PRIV-3, POL-3, SEC-3: ids are those of the caller's user namespace */
TEST_F(policy, ids_of_the_caller)
{
	int ready[2], mapped[2], pid;
	struct kd_conn holder;
	struct kd_block b;
	char c;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(mapped));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		/* opened as owner, used with the ids of a namespace */
		int fd = open(self->env.bus, O_RDWR | O_CLOEXEC);
		int bad = open(self->env.bus, O_RDWR | O_CLOEXEC);

		ASSERT_EQ(0, unshare(CLONE_NEWUSER));
		ASSERT_EQ(1, write(ready[1], "r", 1));
		ASSERT_EQ(1, read(mapped[0], &c, 1));
		kd_hold_start(&b, HOLDER, OTHER);
		kd_add_access(&b, USER, OWN, ALICE);
		EXPECT_EQ(-EINVAL, kd_ioctl(bad, KDBUS_CMD_HELLO, &b));
		kd_hold_start(&b, HOLDER, OTHER);
		kd_add_access(&b, GROUP, OWN, 10);
		EXPECT_EQ(-EINVAL, kd_ioctl(bad, KDBUS_CMD_HELLO, &b));
		kd_hold_start(&b, HOLDER, OTHER);
		kd_add_access(&b, USER, OWN, 10);
		kd_add_access(&b, GROUP, TALK, 20);
		kd_add_access(&b, WORLD, SEE, 4711);
		EXPECT_EQ(0, kd_ioctl(fd, KDBUS_CMD_HELLO, &b));
		ASSERT_EQ(1, write(ready[1], "d", 1));
		ASSERT_EQ(1, read(mapped[0], &c, 1));
		_exit(_metadata->exit_code);
	}
	ASSERT_EQ(1, read(ready[0], &c, 1));
	ASSERT_EQ(0, write_map(pid, "uid_map", "10 4711 1\n"));
	ASSERT_EQ(0, write_map(pid, "gid_map", "20 4712 1\n"));
	ASSERT_EQ(1, write(mapped[1], "m", 1));
	ASSERT_EQ(1, read(ready[0], &c, 1));
	EXPECT_EQ(0, own(&self->alice, ALICE, OTHER));
	EXPECT_EQ(-EPERM, own(&self->bob, BOB, OTHER));
	EXPECT_EQ(-EEXIST, kd_hello_name(&holder, self->env.bus, HOLDER,
					 OTHER));
	ASSERT_EQ(1, write(mapped[1], "e", 1));
	EXPECT_EQ(0, kd_wait(pid));
	EXPECT_EQ(-EPERM, own(&self->alice, ALICE, OTHER));
}

struct churn {
	pthread_t thread;
	const char *bus;
	int stop;
	int error;
};

/* Entries come and go. */
static void *install(void *data)
{
	struct churn *w = data;
	struct kd_conn holder;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&w->stop, __ATOMIC_RELAXED); i++) {
		int r = kd_holder(&holder, w->bus, i % 2 ? WILD : NAME, WORLD,
				  i % 3 ? TALK : OWN, 0);

		if (r != 0) {
			w->error = r;
			break;
		}
		kd_close(&holder);
	}
	return NULL;
}

/* POL-5: a query finds an entry or none, whatever happens to it meanwhile */
TEST_F_TIMEOUT(policy, query_races_with_change, 120)
{
	struct churn w = { .bus = self->env.bus };
	unsigned int i, yes = 0;
	int pid;

	/* the prober is another process: threads share their ids here */
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		ASSERT_EQ(0, kd_set_user(ALICE));
		for (i = 0; i < 3000; i++) {
			int r = kd_send(&self->alice, self->service.id, 1,
					NULL, 0);

			if (r == 0)
				yes++;
			else
				ASSERT_EQ(-EPERM, r);
			if (r == 0) {
				ASSERT_EQ(0, kd_drop(&self->service));
			}
			r = kd_name_acquire(&self->alice, OTHER, 0, NULL);
			if (r == 0) {
				ASSERT_EQ(0, kd_name_release(&self->alice,
							     OTHER));
			} else {
				ASSERT_EQ(-EPERM, r);
			}
		}
		TH_LOG("%u of %u were granted", yes, i);
		_exit(_metadata->exit_code);
	}
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, install, &w));
	EXPECT_EQ(0, kd_wait(pid));
	__atomic_store_n(&w.stop, 1, __ATOMIC_RELAXED);
	pthread_join(w.thread, NULL);
	EXPECT_EQ(0, w.error);
	EXPECT_EQ(-EPERM, talk(&self->alice, ALICE, &self->service));
}

/*
 * The three ways to set a list. Each variant has a prober that may talk to the
 * service under the list set first, apart from HELLO, which sets the first one.
 */
enum how { HOW_HELLO, HOW_UPDATE, HOW_ENDPOINT };

struct target {
	enum how how;
	struct kd_env env;
	struct kd_conn service;
	struct kd_conn holder;
	struct kd_conn prober;
	uint32_t uid;
	int ep;
};

FIXTURE(rules) {
	struct target target;
	struct kd_conn taken;
	struct kd_conn taken_wild;
};

FIXTURE_VARIANT(rules) {
	enum how how;
};

FIXTURE_VARIANT_ADD(rules, hello) {
	.how = HOW_HELLO,
};

FIXTURE_VARIANT_ADD(rules, update) {
	.how = HOW_UPDATE,
};

FIXTURE_VARIANT_ADD(rules, endpoint) {
	.how = HOW_ENDPOINT,
};

static void start(enum how how, struct kd_block *b)
{
	if (how == HOW_HELLO) {
		kd_hello_start(b, KD_POOL);
		b->hello.flags = HOLDER;
	} else {
		kd_start(b, sizeof(b->cmd));
	}
}

FIXTURE_SETUP(rules)
{
	struct target *t = &self->target;
	char name[32], path[KD_PATH_MAX];
	struct kd_block b;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, kd_env_init(&t->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_connect(&t->service, t->env.bus));
	ASSERT_EQ(0, kd_name_acquire(&t->service, NAME, 0, NULL));
	ASSERT_EQ(0, kd_hello_name(&self->taken, t->env.bus, HOLDER,
				   "org.taken"));
	ASSERT_EQ(0, kd_hello_name(&self->taken_wild, t->env.bus, HOLDER,
				   "org.taken.*"));

	t->how = variant->how;
	t->uid = ALICE;
	snprintf(path, sizeof(path), "%s", t->env.bus);
	if (variant->how == HOW_UPDATE) {
		ASSERT_EQ(0, kd_holder(&t->holder, t->env.bus, NAME,
				       WORLD, TALK, 0));
	} else if (variant->how == HOW_ENDPOINT) {
		kd_name(name, sizeof(name), "ep");
		t->ep = kd_endpoint_make(t->env.bus, name, 0);
		ASSERT_LE(0, t->ep);
		snprintf(path, sizeof(path), "%s/%s", t->env.busdir, name);
		kd_start(&b, sizeof(b.cmd));
		kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
		kd_add_access(&b, WORLD, TALK, 0);
		ASSERT_EQ(0, kd_ioctl(t->ep, KDBUS_CMD_ENDPOINT_UPDATE,
				      &b));
		/* POL-9.3: the service's user */
		t->uid = 0;
	}
	ASSERT_EQ(0, kd_connect_as(&t->prober, path, t->uid));
}

FIXTURE_TEARDOWN(rules)
{
}

static int apply(const struct target *t, struct kd_block *b)
{
	int fd, r;

	if (t->how == HOW_UPDATE)
		return kd_ioctl(t->holder.fd, KDBUS_CMD_UPDATE, b);
	if (t->how == HOW_ENDPOINT)
		return kd_ioctl(t->ep, KDBUS_CMD_ENDPOINT_UPDATE, b);
	fd = open(t->env.bus, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = kd_ioctl(fd, KDBUS_CMD_HELLO, b);
	close(fd);
	return r;
}

/* Whether the list is the one that SETUP has set. */
static bool unchanged(const struct target *t)
{
	int r = talk(&t->prober, t->uid, &t->service);
	struct kd_conn c;

	if (t->how != HOW_HELLO)
		return r == 0;
	if (r != -EPERM)
		return false;
	/* no entry is there at all */
	if (kd_hello_name(&c, t->env.bus, HOLDER, NAME) != 0)
		return false;
	kd_close(&c);
	return true;
}

struct rule {
	const char *name;
	uint64_t type;
	uint64_t access;
	uint64_t id;
};

#define N(_name)		{ .name = _name }
#define A(_type, _access, _id)	{ .type = _type, .access = _access, .id = _id }

struct rule_case {
	const char *what;
	int n;
	struct rule rules[4];
	int result[3];		/* by enum how */
};

#define ALL(_r)	{ _r, _r, _r }

static const struct rule_case cases[] = {
	{ "no grants", 1, { N(NAME) }, ALL(0) },
	{ "wildcard", 2, { N(WILD), A(WORLD, OWN, 0) }, ALL(0) },
	{ "id of the world", 2, { N(NAME), A(WORLD, SEE, ~0ULL) }, ALL(0) },
	{ "high bits", 2, { N(NAME), A(USER, SEE, 5ULL << 32) }, ALL(0) },
	{ "access 3", 2, { N(NAME), A(WORLD, 3, 0) }, ALL(-EINVAL) },
	{ "access 2^32 + 1", 2, { N(NAME), A(WORLD, (1ULL << 32) + 1, 0) },
	  ALL(-EINVAL) },
	{ "access -1", 2, { N(NAME), A(WORLD, ~0ULL, 0) }, ALL(-EINVAL) },
	{ "type 0", 2, { N(NAME), A(0, TALK, 0) }, ALL(-EINVAL) },
	{ "type 4", 2, { N(NAME), A(4, TALK, 0) }, ALL(-EINVAL) },
	{ "type 2^32 + 1", 2, { N(NAME), A((1ULL << 32) + 1, TALK, 0) },
	  ALL(-EINVAL) },
	{ "uid -1", 2, { N(NAME), A(USER, TALK, 0xffffffff) }, ALL(-EINVAL) },
	{ "uid 64-bit -1", 2, { N(NAME), A(USER, TALK, ~0ULL) },
	  ALL(-EINVAL) },
	{ "gid -1", 2, { N(NAME), A(GROUP, TALK, 0xffffffff) },
	  ALL(-EINVAL) },
	{ "gid -1, high bits", 2, { N(NAME), A(GROUP, TALK, 0x7ffffffffULL) },
	  ALL(-EINVAL) },
	{ "second grant bad", 3,
	  { N(NAME), A(WORLD, OWN, 0), A(WORLD, 3, 0) }, ALL(-EINVAL) },
	{ "grant first", 2, { A(WORLD, OWN, 0), N(NAME) }, ALL(-EINVAL) },
	{ "grant alone", 1, { A(WORLD, OWN, 0) }, ALL(-EINVAL) },
	{ "empty name", 1, { N("") }, ALL(-EINVAL) },
	{ "one element", 1, { N("com") }, ALL(-EINVAL) },
	{ "leading dot", 1, { N(".a.b") }, ALL(-EINVAL) },
	{ "trailing dot", 1, { N("a.b.") }, ALL(-EINVAL) },
	{ "two dots", 1, { N("a..b") }, ALL(-EINVAL) },
	{ "digit", 1, { N("a.1b") }, ALL(-EINVAL) },
	{ "star alone", 1, { N("*") }, ALL(-EINVAL) },
	{ "dot star", 1, { N(".*") }, ALL(-EINVAL) },
	{ "star inside", 1, { N("a.*.b") }, ALL(-EINVAL) },
	{ "star at end of element", 1, { N("a.b*") }, ALL(-EINVAL) },
	{ "latin-1", 1, { N("a.\xe4") }, ALL(-EINVAL) },
	{ "bad name after grant", 3, { N(NAME), A(WORLD, OWN, 0), N("x") },
	  { -EINVAL, -E2BIG, -EINVAL } },
	{ "two names", 2, { N(NAME), N("org.other") },
	  { -EINVAL, -E2BIG, 0 } },
	{ "bad grant, then name", 3,
	  { N(NAME), A(WORLD, 3, 0), N("org.other") }, ALL(-EINVAL) },
	{ "two names, then bad grant", 3,
	  { N(NAME), N("org.other"), A(WORLD, 3, 0) },
	  { -EINVAL, -E2BIG, -EINVAL } },
	{ "bad name, then name", 2, { N("x"), N(NAME) }, ALL(-EINVAL) },
	{ "twice", 2, { N(NAME), N(NAME) },
	  { -EINVAL, -E2BIG, -EEXIST } },
	{ "wildcard twice", 3, { N(WILD), A(WORLD, SEE, 0), N(WILD) },
	  { -EINVAL, -E2BIG, -EEXIST } },
	{ "exact and wildcard", 2, { N("a.b"), N("a.b.*") },
	  { -EINVAL, -E2BIG, 0 } },
	{ "twice, then bad grant", 3, { N(NAME), N(NAME), A(4, 0, 0) },
	  { -EINVAL, -E2BIG, -EINVAL } },
	{ "taken", 2, { N("org.taken"), A(WORLD, OWN, 0) },
	  { -EEXIST, -EEXIST, 0 } },
	{ "taken wildcard", 2, { N("org.taken.*"), A(WORLD, OWN, 0) },
	  { -EEXIST, -EEXIST, 0 } },
	{ "taken, then bad grant", 2, { N("org.taken"), A(WORLD, 3, 0) },
	  ALL(-EINVAL) },
	{ "below what is taken", 1, { N("org.taken.x") }, ALL(0) },
};

static void add_rules(struct kd_block *b, const struct rule_case *c)
{
	int i;

	for (i = 0; i < c->n; i++) {
		const struct rule *r = &c->rules[i];

		if (r->name)
			kd_add_str(b, KDBUS_ITEM_NAME, r->name);
		else
			kd_add_access(b, r->type, r->access, r->id);
	}
}

/* POL-3: every line, in item order; on error nothing changes */
TEST_F(rules, table)
{
	struct target *t = &self->target;
	struct kd_block b, first;
	size_t i;
	int r;

	start(variant->how, &first);
	kd_add_str(&first, KDBUS_ITEM_NAME, NAME);
	kd_add_access(&first, WORLD, TALK, 0);
	ASSERT_TRUE(unchanged(t));

	for (i = 0; i < KD_ARRAY_SIZE(cases); i++) {
		start(variant->how, &b);
		b.cmd.return_flags = ~0ULL;
		add_rules(&b, &cases[i]);
		r = apply(t, &b);
		EXPECT_EQ(cases[i].result[variant->how], r) {
			TH_LOG("%s", cases[i].what);
		}
		EXPECT_EQ(0, b.cmd.return_flags);
		if (r == 0) {
			ASSERT_EQ(0, apply(t, &first));
		}
		EXPECT_TRUE(unchanged(t)) {
			TH_LOG("%s", cases[i].what);
		}
	}
}

/* Section 3.3: the size of a grant, and that of a name */
TEST_F(rules, sizes)
{
	struct target *t = &self->target;
	static const size_t bad[] = { 0, 8, 16, 23, 25, 32, 48 };
	static const uint64_t zero[8];
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		start(variant->how, &b);
		kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
		kd_add(&b, KDBUS_ITEM_POLICY_ACCESS, zero, bad[i]);
		EXPECT_EQ(-EINVAL, apply(t, &b));
	}
	start(variant->how, &b);
	kd_add(&b, KDBUS_ITEM_NAME, NULL, 0);
	EXPECT_EQ(-EINVAL, apply(t, &b));
	start(variant->how, &b);
	kd_add(&b, KDBUS_ITEM_NAME, "a.b", 3);
	EXPECT_EQ(-EINVAL, apply(t, &b));
	start(variant->how, &b);
	kd_add(&b, KDBUS_ITEM_NAME, "a.b\0", 5);
	EXPECT_EQ(-EINVAL, apply(t, &b));
	EXPECT_TRUE(unchanged(t));
}

/* NAME-1, section 32: 255 characters are a name, also of a wildcard */
TEST_F(rules, longest_name)
{
	struct target *t = &self->target;
	char name[264];
	struct kd_block b;
	int i, wild;

	for (wild = 0; wild < 2; wild++) {
		for (i = 255; i < 257; i++) {
			memset(name, 'x', sizeof(name));
			name[1] = '.';
			if (wild)
				memcpy(name + i - 2, ".*", 2);
			name[i] = 0;
			start(variant->how, &b);
			kd_add_str(&b, KDBUS_ITEM_NAME, name);
			EXPECT_EQ(i == 255 ? 0 : -EINVAL,
				  apply(t, &b));
		}
	}
}

/* NEG-1: everything is parsed, nothing is set */
TEST_F(rules, negotiate)
{
	struct target *t = &self->target;
	struct kd_block b;

	start(variant->how, &b);
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
	kd_add_str(&b, KDBUS_ITEM_NAME, "org.taken");
	kd_add_access(&b, 99, 99, ~0ULL);
	EXPECT_EQ(0, apply(t, &b));
	EXPECT_EQ(variant->how == HOW_HELLO ? 0xf : 0, b.cmd.flags);
	EXPECT_TRUE(unchanged(t));
}

TEST_HARNESS_MAIN
