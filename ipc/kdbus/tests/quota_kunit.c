// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of quota.c: users, their counters, and shares of a queue.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sizes.h>

#include "../limits.h"
#include "../quota.h"

/* Half of it is 8 * 3^6, so that thirds of thirds come out even. */
#define POOL		(2 * 8 * 729)

/* Uids that nobody on the machine has. */
#define UID		3100000000U
#define USERS		4

/**
 * struct fixture - a receiver and some senders
 * @lock:	lock of the receiver
 * @quota:	account of the receiver
 * @user:	senders
 */
struct fixture {
	struct mutex lock; /* that the caller holds */
	struct kdbus_quota quota;
	struct kdbus_user *user[USERS];
};

static int quota_init(struct kunit *test)
{
	struct kdbus_user *user;
	struct fixture *fix;
	int i;

	fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	if (!fix)
		return -ENOMEM;

	mutex_init(&fix->lock);
	kdbus_quota_init(&fix->quota, &fix->lock);
	test->priv = fix;

	for (i = 0; i < USERS; i++) {
		user = kdbus_user_get(KUIDT_INIT(UID + i));
		if (IS_ERR(user))
			return PTR_ERR(user);
		fix->user[i] = user;
	}

	return 0;
}

static void quota_exit(struct kunit *test)
{
	struct fixture *fix = test->priv;
	int i;

	if (!fix)
		return;

	kdbus_quota_destroy(&fix->quota);
	for (i = 0; i < USERS; i++) {
		/* Whatever was charged, the account keeps no reference. */
		if (fix->user[i])
			KUNIT_EXPECT_EQ(test,
					refcount_read(&fix->user[i]->ref), 1);
		kdbus_user_put(fix->user[i]);
	}
}

static int charge_pool(struct fixture *fix, struct kdbus_charge *charge,
		       int user, u64 pool_size, u64 bytes, u32 fds)
{
	const struct kdbus_cost cost = { .bytes = bytes, .fds = fds };
	struct kdbus_share *spare = kdbus_share_new();
	int ret;

	if (!spare)
		return -ENOMEM;

	mutex_lock(&fix->lock);
	ret = kdbus_quota_charge(&fix->quota, charge, fix->user[user],
				 pool_size, &cost, &spare);
	mutex_unlock(&fix->lock);
	kfree(spare);

	return ret;
}

static int charge_it(struct fixture *fix, struct kdbus_charge *charge,
		     int user, u64 bytes, u32 fds)
{
	return charge_pool(fix, charge, user, POOL, bytes, fds);
}

static void uncharge(struct fixture *fix, struct kdbus_charge *charge)
{
	mutex_lock(&fix->lock);
	kdbus_quota_uncharge(&fix->quota, charge);
	mutex_unlock(&fix->lock);
}

/* QUOTA-3: who comes in turn gets 1/3, 2/9, 4/27 and 8/81 of half the pool. */
static void bytes_in_turn(struct kunit *test)
{
	static const u32 part[USERS] = { 1944, 1296, 864, 576 };
	struct fixture *fix = test->priv;
	struct kdbus_charge charge[USERS], more;
	int i;

	for (i = 0; i < USERS; i++) {
		KUNIT_EXPECT_EQ(test, charge_it(fix, &more, i, part[i] + 1, 0),
				-ENOBUFS);
		KUNIT_EXPECT_NULL(test, more.share);
		KUNIT_EXPECT_EQ(test, charge_it(fix, &charge[i], i, part[i], 0),
				0);
		KUNIT_EXPECT_EQ(test, charge[i].cost.bytes, part[i]);
		KUNIT_EXPECT_EQ(test, charge_it(fix, &more, i, 1, 0), -ENOBUFS);
	}
	KUNIT_EXPECT_EQ(test, fix->quota.bytes, 1944 + 1296 + 864 + 576);

	for (i = 0; i < USERS; i++)
		uncharge(fix, &charge[i]);
	KUNIT_EXPECT_EQ(test, fix->quota.bytes, 0);
}

/* QUOTA-3: at most 2796202 bytes of a pool of 16 MiB. */
static void bytes_of_16_mib(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_charge charge;

	KUNIT_EXPECT_EQ(test, charge_pool(fix, &charge, 0, SZ_16M, 2796203, 0),
			-ENOBUFS);
	KUNIT_EXPECT_EQ(test, charge_pool(fix, &charge, 0, SZ_16M, 2796202, 0),
			0);
	uncharge(fix, &charge);
}

/* QUOTA-3: many small ones reach the same limit as a large one. */
static void bytes_in_pieces(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_charge charge[9], more;
	int i;

	/* 1944 = 9 * 216 */
	for (i = 0; i < 9; i++)
		KUNIT_EXPECT_EQ(test, charge_it(fix, &charge[i], 0, 216, 0), 0);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 1, 0), -ENOBUFS);

	/* QUOTA-1: what is returned can be used again, not more than that. */
	uncharge(fix, &charge[4]);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 217, 0), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 216, 0), 0);
	uncharge(fix, &more);

	for (i = 0; i < 9; i++)
		uncharge(fix, &charge[i]);
	KUNIT_EXPECT_EQ(test, fix->quota.bytes, 0);
}

/* QUOTA-3: U > Q, a user who has more than what is now his share. */
static void bytes_above_share(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_charge a, b, more;

	KUNIT_ASSERT_EQ(test, charge_it(fix, &a, 0, 1944, 0), 0);
	KUNIT_ASSERT_EQ(test, charge_it(fix, &b, 1, 1296, 0), 0);

	/* Q is (5832 - 3240 + 1944) / 3 = 1512. */
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 0, 0), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 8, 0), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, U64_MAX, 0), -ENOBUFS);

	uncharge(fix, &a);
	/* Q is (5832 - 1296) / 3 = 1512. */
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 1513, 0), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 1512, 0), 0);
	uncharge(fix, &more);
	uncharge(fix, &b);
}

/* QUOTA-3: A > H, and A = H. */
static void bytes_above_half(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_charge a, b, more;

	KUNIT_ASSERT_EQ(test, charge_it(fix, &a, 0, 1944, 0), 0);
	KUNIT_EXPECT_EQ(test, charge_pool(fix, &more, 1, 2 * 1943, 0, 0),
			-ENOBUFS);
	KUNIT_EXPECT_EQ(test, charge_pool(fix, &more, 1, 0, 0, 0), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, charge_pool(fix, &more, 1, 2 * 1944, 1, 0),
			-ENOBUFS);
	KUNIT_EXPECT_EQ(test, charge_pool(fix, &b, 1, 2 * 1944, 0, 0), 0);
	uncharge(fix, &b);
	uncharge(fix, &a);
}

/* QUOTA-3: U + S fits 32 bits, however large the pool is. */
static void bytes_of_huge_pool(struct kunit *test)
{
	const u64 huge = 1ULL << 62;
	struct fixture *fix = test->priv;
	struct kdbus_charge a, b, more;

	KUNIT_EXPECT_EQ(test, charge_pool(fix, &more, 0, huge, 1ULL << 32, 0),
			-ENOBUFS);
	KUNIT_EXPECT_EQ(test, charge_pool(fix, &more, 0, huge, U64_MAX, 0),
			-ENOBUFS);
	KUNIT_EXPECT_EQ(test, charge_pool(fix, &a, 0, huge, U32_MAX - 1, 0), 0);
	KUNIT_EXPECT_EQ(test, a.cost.bytes, U32_MAX - 1);
	KUNIT_EXPECT_EQ(test, charge_pool(fix, &more, 0, huge, 2, 0), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, charge_pool(fix, &b, 0, huge, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, charge_pool(fix, &more, 0, huge, 1, 0), -ENOBUFS);

	KUNIT_EXPECT_EQ(test, charge_pool(fix, &more, 1, huge, U32_MAX, 0), 0);
	KUNIT_EXPECT_EQ(test, fix->quota.bytes, 2ULL * U32_MAX);
	uncharge(fix, &more);
	uncharge(fix, &a);
	uncharge(fix, &b);
	KUNIT_EXPECT_EQ(test, fix->quota.bytes, 0);
}

/* QUOTA-3, section 32: 256 messages of one user. */
static void messages(struct kunit *test)
{
	const int n = KDBUS_USER_MAX_QUEUED_MSGS;
	struct fixture *fix = test->priv;
	struct kdbus_charge *charge, more;
	int i;

	KUNIT_ASSERT_EQ(test, n, 256);
	charge = kunit_kcalloc(test, n, sizeof(*charge), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, charge);

	for (i = 0; i < n; i++)
		KUNIT_ASSERT_EQ(test, charge_it(fix, &charge[i], 0, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 1, 0), -ENOBUFS);
	/* The descriptors are looked at last. */
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 1, 17), -ENOBUFS);

	/* Another user is not concerned. */
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 1, 1, 0), 0);
	uncharge(fix, &more);

	uncharge(fix, &charge[100]);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &charge[100], 0, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 1, 0), -ENOBUFS);

	for (i = 0; i < n; i++)
		uncharge(fix, &charge[i]);
}

/* QUOTA-3, section 32: 16 FDS entries of one user, tested after the bytes. */
static void descriptors(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_charge a, b, more;

	KUNIT_ASSERT_EQ(test, KDBUS_USER_MAX_QUEUED_FDS, 16);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 8, 17), -EMFILE);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 8, U32_MAX), -EMFILE);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 1945, 17), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &a, 0, 8, 16), 0);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 8, 1), -EMFILE);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 8, U32_MAX), -EMFILE);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &b, 0, 8, 0), 0);
	uncharge(fix, &b);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &b, 1, 8, 16), 0);
	uncharge(fix, &b);
	uncharge(fix, &a);

	/* In two parts. */
	KUNIT_EXPECT_EQ(test, charge_it(fix, &a, 0, 8, 10), 0);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 8, 7), -EMFILE);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &b, 0, 8, 6), 0);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 8, 1), -EMFILE);
	uncharge(fix, &a);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 8, 11), -EMFILE);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &a, 0, 8, 10), 0);
	uncharge(fix, &a);
	uncharge(fix, &b);
}

/* QUOTA-4: a refused message leaves no charge. */
static void refusal_charges_nothing(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_charge a, more;
	int i;

	KUNIT_ASSERT_EQ(test, charge_it(fix, &a, 0, 900, 10), 0);
	for (i = 0; i < 1000; i++) {
		KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 1045, 0),
				-ENOBUFS);
		KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 8, 7), -EMFILE);
		KUNIT_EXPECT_NULL(test, more.share);
		uncharge(fix, &more);
	}
	KUNIT_EXPECT_EQ(test, fix->quota.bytes, 900);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 1044, 6), 0);
	uncharge(fix, &more);
	uncharge(fix, &a);
	KUNIT_EXPECT_EQ(test, fix->quota.bytes, 0);
}

/* QUOTA-1: a charge is returned once, however often. */
static void uncharge_once(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_charge none = {}, a, b, c;

	uncharge(fix, &none);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &a, 0, 1000, 8), 0);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &b, 0, 944, 8), 0);
	uncharge(fix, &a);
	KUNIT_EXPECT_NULL(test, a.share);
	KUNIT_EXPECT_EQ(test, a.cost.bytes, 0);
	KUNIT_EXPECT_EQ(test, a.cost.fds, 0);
	uncharge(fix, &a);
	uncharge(fix, &a);

	KUNIT_EXPECT_EQ(test, fix->quota.bytes, 944);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &c, 0, 1001, 0), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &c, 0, 1, 9), -EMFILE);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &c, 0, 1000, 8), 0);
	uncharge(fix, &b);
	uncharge(fix, &c);
	KUNIT_EXPECT_EQ(test, fix->quota.bytes, 0);
}

static unsigned int user_refs(const struct fixture *fix, int user)
{
	return refcount_read(&fix->user[user]->ref);
}

/* One share without messages is kept, and it keeps its user alive. */
static void idle_share(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_charge a, b, more;

	KUNIT_EXPECT_EQ(test, user_refs(fix, 0), 1);
	KUNIT_ASSERT_EQ(test, charge_it(fix, &a, 0, 8, 0), 0);
	KUNIT_EXPECT_EQ(test, user_refs(fix, 0), 2);
	uncharge(fix, &a);
	KUNIT_EXPECT_EQ(test, user_refs(fix, 0), 2);

	/* The idle one is used again, and is not idle meanwhile. */
	KUNIT_ASSERT_EQ(test, charge_it(fix, &a, 0, 8, 0), 0);
	KUNIT_EXPECT_EQ(test, user_refs(fix, 0), 2);
	KUNIT_ASSERT_EQ(test, charge_it(fix, &b, 1, 8, 0), 0);
	uncharge(fix, &b);
	KUNIT_EXPECT_EQ(test, user_refs(fix, 0), 2);
	KUNIT_EXPECT_EQ(test, user_refs(fix, 1), 2);

	/* The next one that becomes idle takes its place. */
	uncharge(fix, &a);
	KUNIT_EXPECT_EQ(test, user_refs(fix, 0), 2);
	KUNIT_EXPECT_EQ(test, user_refs(fix, 1), 1);

	/* A refusal: of the idle one, then of one that is new. */
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 8, 17), -EMFILE);
	KUNIT_EXPECT_EQ(test, user_refs(fix, 0), 2);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 2, 8, 17), -EMFILE);
	KUNIT_EXPECT_LE(test, user_refs(fix, 0) + user_refs(fix, 2), 3);

	/* A refusal of one that has messages changes nothing. */
	KUNIT_ASSERT_EQ(test, charge_it(fix, &a, 0, 8, 0), 0);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 0, 8, 17), -EMFILE);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 2, 8, 17), -EMFILE);
	KUNIT_EXPECT_EQ(test, charge_it(fix, &more, 3, 8, 17), -EMFILE);
	KUNIT_EXPECT_EQ(test, user_refs(fix, 0), 2);
	KUNIT_EXPECT_EQ(test, a.share->msgs, 1);
	uncharge(fix, &a);
}

/* W-25: memfds have a limit of their own, at it and over it. */
static void memfds(struct kunit *test)
{
	struct kdbus_cost cost = { .bytes = 8 };
	struct fixture *fix = test->priv;
	struct kdbus_share *spare = kdbus_share_new();
	struct kdbus_charge charge, more;

	KUNIT_ASSERT_NOT_NULL(test, spare);
	mutex_lock(&fix->lock);
	cost.memfds = KDBUS_USER_MAX_QUEUED_MEMFDS;
	KUNIT_EXPECT_EQ(test, kdbus_quota_charge(&fix->quota, &charge,
						 fix->user[0], POOL, &cost,
						 &spare), 0);
	cost.memfds = 1;
	KUNIT_EXPECT_EQ(test, kdbus_quota_charge(&fix->quota, &more,
						 fix->user[0], POOL, &cost,
						 &spare), -EMFILE);
	KUNIT_EXPECT_NULL(test, more.share);
	kdbus_quota_uncharge(&fix->quota, &charge);
	KUNIT_EXPECT_EQ(test, kdbus_quota_charge(&fix->quota, &more,
						 fix->user[0], POOL, &cost,
						 &spare), 0);
	kdbus_quota_uncharge(&fix->quota, &more);
	mutex_unlock(&fix->lock);
	kfree(spare);
}

/* A charge outlives the reference of the sender who made it. */
static void user_gone(struct kunit *test)
{
	struct fixture *fix = test->priv;
	const struct kdbus_cost cost = { .bytes = 8 };
	struct kdbus_share *spare = NULL;
	struct kdbus_charge charge;
	struct kdbus_user *user;

	user = kdbus_user_new_anonymous();
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, user);

	/* A share is needed for the first charge of a user, and only then. */
	mutex_lock(&fix->lock);
	KUNIT_EXPECT_EQ(test, kdbus_quota_charge(&fix->quota, &charge, user,
						 POOL, &cost, &spare), -EAGAIN);
	KUNIT_EXPECT_NULL(test, charge.share);
	mutex_unlock(&fix->lock);

	spare = kdbus_share_new();
	KUNIT_ASSERT_NOT_NULL(test, spare);
	mutex_lock(&fix->lock);
	KUNIT_EXPECT_EQ(test, kdbus_quota_charge(&fix->quota, &charge, user,
						 POOL, &cost, &spare), 0);
	mutex_unlock(&fix->lock);
	KUNIT_EXPECT_NULL(test, spare);
	kdbus_user_put(user);

	KUNIT_ASSERT_NOT_NULL(test, charge.share);
	KUNIT_EXPECT_EQ(test, refcount_read(&charge.share->user->ref), 1);
	uncharge(fix, &charge);
}

/* QUOTA-2: one user for each uid, also for uids of 2^31 and above. */
static void users_by_uid(struct kunit *test)
{
	static const u32 uids[] = {
		0, 1, 1000, 65534, 65535, INT_MAX, INT_MAX + 1U, 4000000000U,
		U32_MAX - 1,
	};
	struct kdbus_user *user[ARRAY_SIZE(uids)], *again;
	int i, j;

	for (i = 0; i < ARRAY_SIZE(uids); i++) {
		user[i] = kdbus_user_get(KUIDT_INIT(uids[i]));
		KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(user[i]));
		KUNIT_EXPECT_EQ(test, __kuid_val(user[i]->uid), uids[i]);

		again = kdbus_user_get(KUIDT_INIT(uids[i]));
		KUNIT_EXPECT_PTR_EQ(test, again, user[i]);
		kdbus_user_put(again);

		for (j = 0; j < i; j++) {
			KUNIT_EXPECT_PTR_NE(test, user[i], user[j]);
			KUNIT_EXPECT_PTR_NE(test, user[i], user[j]);
		}
	}
	for (i = 0; i < ARRAY_SIZE(uids); i++)
		kdbus_user_put(user[i]);
}

/* References of users: counted, and the last one ends the user. */
static void user_refcount(struct kunit *test)
{
	const kuid_t uid = KUIDT_INIT(UID + USERS);
	struct kdbus_user *user, *again;

	user = kdbus_user_get(uid);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(user));
	KUNIT_EXPECT_EQ(test, refcount_read(&user->ref), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&user->buses), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&user->conns), 0);

	again = kdbus_user_get(uid);
	KUNIT_ASSERT_PTR_EQ(test, again, user);
	KUNIT_EXPECT_EQ(test, refcount_read(&user->ref), 2);
	KUNIT_EXPECT_PTR_EQ(test, kdbus_user_ref(user), user);
	KUNIT_EXPECT_EQ(test, refcount_read(&user->ref), 3);

	/* What is counted is counted for the user, not for a reference. */
	KUNIT_EXPECT_EQ(test, kdbus_user_charge(&user->conns, 1), 0);
	kdbus_user_put(user);
	kdbus_user_put(user);
	KUNIT_EXPECT_EQ(test, refcount_read(&user->ref), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&again->conns), 1);
	kdbus_user_put(again);

	/* A new one, which remembers nothing. */
	user = kdbus_user_get(uid);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(user));
	KUNIT_EXPECT_EQ(test, refcount_read(&user->ref), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&user->conns), 0);
	kdbus_user_put(user);

	kdbus_user_put(NULL);
}

/* QUOTA-2: an anonymous user is shared with nobody. */
static void user_anonymous(struct kunit *test)
{
	struct kdbus_user *a, *b;

	a = kdbus_user_new_anonymous();
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(a));
	b = kdbus_user_new_anonymous();
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(b));

	KUNIT_EXPECT_PTR_NE(test, a, b);
	KUNIT_EXPECT_PTR_NE(test, a, b);
	KUNIT_EXPECT_FALSE(test, uid_valid(a->uid));
	KUNIT_EXPECT_FALSE(test, uid_valid(b->uid));
	KUNIT_EXPECT_EQ(test, refcount_read(&a->ref), 1);
	kdbus_user_put(kdbus_user_ref(a));
	KUNIT_EXPECT_EQ(test, refcount_read(&a->ref), 1);

	kdbus_user_put(a);
	kdbus_user_put(b);
}

/* Section 32, W-57: 16 buses and 1024 connections; inclusive. */
static void user_counters(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_user *user = fix->user[0];
	int i;

	KUNIT_ASSERT_EQ(test, KDBUS_USER_MAX_BUSES, 16);
	KUNIT_ASSERT_EQ(test, KDBUS_USER_MAX_CONNS, 1024);

	for (i = 0; i < 16; i++)
		KUNIT_ASSERT_EQ(test, kdbus_user_charge(&user->buses, 16), 0);
	KUNIT_EXPECT_EQ(test, kdbus_user_charge(&user->buses, 16), -EMFILE);
	KUNIT_EXPECT_EQ(test, atomic_read(&user->buses), 16);
	atomic_dec(&user->buses);
	KUNIT_EXPECT_EQ(test, kdbus_user_charge(&user->buses, 16), 0);
	KUNIT_EXPECT_EQ(test, kdbus_user_charge(&user->buses, 16), -EMFILE);

	for (i = 0; i < 1024; i++)
		KUNIT_ASSERT_EQ(test, kdbus_user_charge(&user->conns, 1024), 0);
	KUNIT_EXPECT_EQ(test, kdbus_user_charge(&user->conns, 1024), -EMFILE);
	KUNIT_EXPECT_EQ(test, atomic_read(&user->conns), 1024);
}

/**
 * struct getter - a thread that looks a user up, again and again
 * @task:	the thread
 * @done:	it has finished
 * @bad:	how often something was wrong
 */
struct getter {
	struct task_struct *task;
	struct completion done;
	int bad;
};

static int getter(void *data)
{
	const kuid_t uid = KUIDT_INIT(UID + USERS + 1);
	struct getter *self = data;
	struct kdbus_user *a, *b;
	int i;

	for (i = 0; i < 3000; i++) {
		a = kdbus_user_get(uid);
		b = kdbus_user_get(uid);
		if (IS_ERR(a) || a != b || !uid_eq(a->uid, uid))
			self->bad++;
		if (!IS_ERR(b))
			kdbus_user_put(b);
		if (!IS_ERR(a))
			kdbus_user_put(a);
		cond_resched();
	}
	complete(&self->done);

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);

	return 0;
}

/* One living user for each uid, while others come and go. */
static void user_race(struct kunit *test)
{
	struct getter *getters;
	int i, n;

	getters = kunit_kcalloc(test, 4, sizeof(*getters), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, getters);

	for (n = 0; n < 4; n++) {
		init_completion(&getters[n].done);
		getters[n].task = kthread_run(getter, &getters[n],
					      "kdbus-kunit");
		if (IS_ERR(getters[n].task))
			break;
	}
	KUNIT_EXPECT_EQ(test, n, 4);

	for (i = 0; i < n; i++) {
		wait_for_completion(&getters[i].done);
		kthread_stop(getters[i].task);
		KUNIT_EXPECT_EQ(test, getters[i].bad, 0);
	}
}

static struct kunit_case kdbus_quota_cases[] = {
	KUNIT_CASE(bytes_in_turn),
	KUNIT_CASE(bytes_of_16_mib),
	KUNIT_CASE(bytes_in_pieces),
	KUNIT_CASE(bytes_above_share),
	KUNIT_CASE(bytes_above_half),
	KUNIT_CASE(bytes_of_huge_pool),
	KUNIT_CASE(messages),
	KUNIT_CASE(descriptors),
	KUNIT_CASE(refusal_charges_nothing),
	KUNIT_CASE(uncharge_once),
	KUNIT_CASE(idle_share),
	KUNIT_CASE(memfds),
	KUNIT_CASE(user_gone),
	KUNIT_CASE(users_by_uid),
	KUNIT_CASE(user_refcount),
	KUNIT_CASE(user_anonymous),
	KUNIT_CASE(user_counters),
	KUNIT_CASE(user_race),
	{}
};

static struct kunit_suite kdbus_quota_suite = {
	.name = "kdbus_quota",
	.init = quota_init,
	.exit = quota_exit,
	.test_cases = kdbus_quota_cases,
};

kunit_test_suite(kdbus_quota_suite);
