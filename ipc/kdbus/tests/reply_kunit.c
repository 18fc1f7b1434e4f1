// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of reply.c: the table of a caller, who wins a tracker, and the
 * order of deadlines.
 */
#include <kunit/test.h>
#include <linux/prandom.h>

#include "../limits.h"
#include "../reply.h"

#define SEED	20261122

#define CALLER	11
#define CALLEE	22
#define OTHER	33

/* Enters a new tracker; the reference is that of the table. */
static struct kdbus_reply *add(struct kunit *test,
			       struct kdbus_replies *replies, u64 callee_id,
			       u64 cookie, u64 deadline)
{
	struct kdbus_reply *reply;

	reply = kdbus_reply_new(CALLER, callee_id, cookie, deadline, false);
	KUNIT_ASSERT_NOT_NULL(test, reply);
	KUNIT_EXPECT_EQ(test, kdbus_reply_add(replies, reply), 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&reply->ref), 2);
	kdbus_reply_put(reply);

	return reply;
}

static void clear(struct kdbus_replies *replies)
{
	struct kdbus_reply *reply, *tmp;

	list_for_each_entry_safe(reply, tmp, &replies->calls, call)
		kdbus_reply_remove(replies, reply);
}

static void expect_empty(struct kunit *test, struct kdbus_replies *replies)
{
	KUNIT_EXPECT_EQ(test, replies->count, 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&replies->calls));
	KUNIT_EXPECT_EQ(test, kdbus_reply_next_deadline(replies), KTIME_MAX);
	KUNIT_EXPECT_NULL(test, kdbus_reply_expired(replies, KTIME_MAX));
	KUNIT_EXPECT_NULL(test, kdbus_reply_find(replies, 1, CALLEE));
	KUNIT_EXPECT_NULL(test, kdbus_reply_find_newest(replies, 1));
}

/* A new tracker is what it was asked for, live, and nowhere. */
static void fresh(struct kunit *test)
{
	struct kdbus_reply *reply;

	reply = kdbus_reply_new(CALLER, CALLEE, 7, 1000, true);
	KUNIT_ASSERT_NOT_NULL(test, reply);
	KUNIT_EXPECT_EQ(test, refcount_read(&reply->ref), 1);
	KUNIT_EXPECT_EQ(test, reply->caller_id, CALLER);
	KUNIT_EXPECT_EQ(test, reply->callee_id, CALLEE);
	KUNIT_EXPECT_EQ(test, reply->cookie, 7);
	KUNIT_EXPECT_EQ(test, reply->deadline.expires, 1000);
	KUNIT_EXPECT_TRUE(test, reply->sync);
	KUNIT_EXPECT_FALSE(test, reply->interrupted);
	KUNIT_EXPECT_EQ(test, reply->state, KDBUS_REPLY_LIVE);
	KUNIT_EXPECT_EQ(test, reply->result, 0);
	KUNIT_EXPECT_NULL(test, reply->entry);
	KUNIT_EXPECT_TRUE(test, list_empty(&reply->call));
	KUNIT_EXPECT_TRUE(test, list_empty(&reply->owed));

	KUNIT_EXPECT_PTR_EQ(test, kdbus_reply_ref(reply), reply);
	KUNIT_EXPECT_EQ(test, refcount_read(&reply->ref), 2);
	kdbus_reply_put(reply);
	KUNIT_EXPECT_EQ(test, refcount_read(&reply->ref), 1);
	kdbus_reply_put(reply);
	kdbus_reply_put(NULL);
}

/* REPLY-1: 128 trackers are accepted, one more is not. */
static void limit(struct kunit *test)
{
	struct kdbus_replies replies;
	struct kdbus_reply *first = NULL, *extra;
	unsigned int i;

	kdbus_replies_init(&replies);
	expect_empty(test, &replies);
	for (i = 0; i < 128; i++) {
		struct kdbus_reply *reply = add(test, &replies, CALLEE, i, 1);

		first = first ?: reply;
		KUNIT_EXPECT_EQ(test, replies.count, i + 1);
	}

	extra = kdbus_reply_new(CALLER, CALLEE, 1, 1, false);
	KUNIT_ASSERT_NOT_NULL(test, extra);
	KUNIT_EXPECT_EQ(test, kdbus_reply_add(&replies, extra), -EMLINK);
	KUNIT_EXPECT_EQ(test, refcount_read(&extra->ref), 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&extra->call));
	KUNIT_EXPECT_EQ(test, replies.count, 128);

	/* W-61: a place is free as soon as a tracker has left. */
	kdbus_reply_remove(&replies, first);
	KUNIT_EXPECT_EQ(test, replies.count, 127);
	KUNIT_EXPECT_EQ(test, kdbus_reply_add(&replies, extra), 0);
	KUNIT_EXPECT_EQ(test, replies.count, 128);
	kdbus_reply_put(extra);

	clear(&replies);
	expect_empty(test, &replies);
}

/* REPLY-2: the newest live tracker with that cookie and that callee. */
static void find(struct kunit *test)
{
	struct kdbus_replies replies;
	struct kdbus_reply *a, *b, *c, *d;

	kdbus_replies_init(&replies);
	a = add(test, &replies, CALLEE, 7, 1);
	b = add(test, &replies, CALLEE, 7, 1);
	c = add(test, &replies, OTHER, 7, 1);
	d = add(test, &replies, CALLEE, 8, 1);

	KUNIT_EXPECT_PTR_EQ(test, kdbus_reply_find(&replies, 7, CALLEE), b);
	KUNIT_EXPECT_PTR_EQ(test, kdbus_reply_find(&replies, 7, OTHER), c);
	KUNIT_EXPECT_PTR_EQ(test, kdbus_reply_find(&replies, 8, CALLEE), d);
	KUNIT_EXPECT_NULL(test, kdbus_reply_find(&replies, 8, OTHER));
	KUNIT_EXPECT_NULL(test, kdbus_reply_find(&replies, 9, CALLEE));
	KUNIT_EXPECT_NULL(test, kdbus_reply_find(&replies, 7, CALLER));

	/* One that was won is still there, but not to be answered. */
	KUNIT_EXPECT_TRUE(test, kdbus_reply_claim(&replies, b));
	KUNIT_EXPECT_PTR_EQ(test, kdbus_reply_find(&replies, 7, CALLEE), a);
	KUNIT_EXPECT_TRUE(test, kdbus_reply_claim(&replies, c));
	KUNIT_EXPECT_NULL(test, kdbus_reply_find(&replies, 7, OTHER));
	/* SYNC-1: whatever its state, the newest is the newest. */
	KUNIT_EXPECT_PTR_EQ(test, kdbus_reply_find_newest(&replies, 7), c);
	kdbus_reply_remove(&replies, c);
	KUNIT_EXPECT_PTR_EQ(test, kdbus_reply_find_newest(&replies, 7), b);
	KUNIT_EXPECT_NULL(test, kdbus_reply_find_newest(&replies, 9));

	clear(&replies);
	expect_empty(test, &replies);
}

/* REPLY-4: one wins; whoever comes later does not, nor outside a table. */
static void claim(struct kunit *test)
{
	struct kdbus_replies replies;
	struct kdbus_reply *reply;

	kdbus_replies_init(&replies);
	reply = kdbus_reply_new(CALLER, CALLEE, 7, 5, false);
	KUNIT_ASSERT_NOT_NULL(test, reply);
	KUNIT_EXPECT_FALSE(test, kdbus_reply_claim(&replies, reply));
	KUNIT_EXPECT_EQ(test, reply->state, KDBUS_REPLY_LIVE);

	KUNIT_EXPECT_EQ(test, kdbus_reply_add(&replies, reply), 0);
	kdbus_reply_arm(&replies, reply);
	KUNIT_EXPECT_EQ(test, kdbus_reply_next_deadline(&replies), 5);
	KUNIT_EXPECT_TRUE(test, kdbus_reply_claim(&replies, reply));
	KUNIT_EXPECT_EQ(test, reply->state, KDBUS_REPLY_CLAIMED);
	/* It cannot expire any more, and counts until it is removed. */
	KUNIT_EXPECT_NULL(test, kdbus_reply_expired(&replies, 5));
	KUNIT_EXPECT_EQ(test, replies.count, 1);
	KUNIT_EXPECT_FALSE(test, kdbus_reply_claim(&replies, reply));
	reply->state = KDBUS_REPLY_ENDED;
	KUNIT_EXPECT_FALSE(test, kdbus_reply_claim(&replies, reply));
	KUNIT_EXPECT_EQ(test, reply->state, KDBUS_REPLY_ENDED);

	kdbus_reply_remove(&replies, reply);
	expect_empty(test, &replies);
	KUNIT_EXPECT_EQ(test, refcount_read(&reply->ref), 1);
	kdbus_reply_put(reply);
}

/* Removing wins as well, disarms, and is done once. */
static void remove(struct kunit *test)
{
	struct kdbus_replies replies;
	struct kdbus_reply *reply;

	kdbus_replies_init(&replies);
	reply = kdbus_reply_ref(add(test, &replies, CALLEE, 1, 5));
	kdbus_reply_arm(&replies, reply);
	kdbus_reply_remove(&replies, reply);
	expect_empty(test, &replies);
	KUNIT_EXPECT_FALSE(test, kdbus_reply_claim(&replies, reply));
	KUNIT_EXPECT_EQ(test, refcount_read(&reply->ref), 1);
	kdbus_reply_remove(&replies, reply);
	expect_empty(test, &replies);
	KUNIT_EXPECT_EQ(test, refcount_read(&reply->ref), 1);
	kdbus_reply_put(reply);

	/* What has ended, and is armed once more, leaves nothing either. */
	reply = kdbus_reply_ref(add(test, &replies, CALLEE, 1, 5));
	KUNIT_EXPECT_TRUE(test, kdbus_reply_claim(&replies, reply));
	reply->state = KDBUS_REPLY_ENDED;
	kdbus_reply_arm(&replies, reply);
	kdbus_reply_remove(&replies, reply);
	expect_empty(test, &replies);
	kdbus_reply_put(reply);
}

/* Arming and disarming, twice each; only what is armed expires. */
static void arm(struct kunit *test)
{
	struct kdbus_replies replies;
	struct kdbus_reply *reply;

	kdbus_replies_init(&replies);
	reply = add(test, &replies, CALLEE, 1, 5);
	KUNIT_EXPECT_EQ(test, kdbus_reply_next_deadline(&replies), KTIME_MAX);
	KUNIT_EXPECT_NULL(test, kdbus_reply_expired(&replies, 100));
	kdbus_reply_disarm(&replies, reply);
	kdbus_reply_arm(&replies, reply);
	kdbus_reply_arm(&replies, reply);
	KUNIT_EXPECT_EQ(test, kdbus_reply_next_deadline(&replies), 5);
	kdbus_reply_disarm(&replies, reply);
	kdbus_reply_disarm(&replies, reply);
	KUNIT_EXPECT_EQ(test, kdbus_reply_next_deadline(&replies), KTIME_MAX);
	KUNIT_EXPECT_NULL(test, kdbus_reply_expired(&replies, 100));

	/* SYNC-1: another deadline while it is not armed */
	reply->deadline.expires = 50;
	kdbus_reply_arm(&replies, reply);
	KUNIT_EXPECT_EQ(test, kdbus_reply_next_deadline(&replies), 50);
	KUNIT_EXPECT_EQ(test, reply->state, KDBUS_REPLY_LIVE);

	clear(&replies);
	expect_empty(test, &replies);
}

/* Never before the deadline, and at it; then once. */
static void expire_in_time(struct kunit *test)
{
	struct kdbus_replies replies;
	struct kdbus_reply *reply;

	kdbus_replies_init(&replies);
	reply = add(test, &replies, CALLEE, 1, 1000);
	kdbus_reply_arm(&replies, reply);
	KUNIT_EXPECT_NULL(test, kdbus_reply_expired(&replies, 0));
	KUNIT_EXPECT_NULL(test, kdbus_reply_expired(&replies, 999));
	KUNIT_EXPECT_EQ(test, reply->state, KDBUS_REPLY_LIVE);
	KUNIT_EXPECT_EQ(test, refcount_read(&reply->ref), 1);

	KUNIT_EXPECT_PTR_EQ(test, kdbus_reply_expired(&replies, 1000), reply);
	KUNIT_EXPECT_EQ(test, reply->state, KDBUS_REPLY_CLAIMED);
	KUNIT_EXPECT_EQ(test, refcount_read(&reply->ref), 2);
	KUNIT_EXPECT_FALSE(test, kdbus_reply_claim(&replies, reply));
	KUNIT_EXPECT_NULL(test, kdbus_reply_find(&replies, 1, CALLEE));
	KUNIT_EXPECT_NULL(test, kdbus_reply_expired(&replies, 2000));
	KUNIT_EXPECT_EQ(test, kdbus_reply_next_deadline(&replies), KTIME_MAX);
	kdbus_reply_put(reply);

	clear(&replies);
	expect_empty(test, &replies);
}

/* SYNC-6: a result that nobody fetches expires, too, and stays a result. */
static void expire_with_result(struct kunit *test)
{
	struct kdbus_replies replies;
	struct kdbus_reply *reply;

	kdbus_replies_init(&replies);
	reply = add(test, &replies, CALLEE, 1, 1000);
	KUNIT_EXPECT_TRUE(test, kdbus_reply_claim(&replies, reply));
	reply->state = KDBUS_REPLY_ENDED;
	kdbus_reply_arm(&replies, reply);
	KUNIT_EXPECT_NULL(test, kdbus_reply_expired(&replies, 999));
	KUNIT_EXPECT_PTR_EQ(test, kdbus_reply_expired(&replies, 1000), reply);
	KUNIT_EXPECT_EQ(test, reply->state, KDBUS_REPLY_ENDED);
	KUNIT_EXPECT_NULL(test, kdbus_reply_expired(&replies, 2000));
	kdbus_reply_put(reply);

	clear(&replies);
	expect_empty(test, &replies);
}

/* Section 38: from 2^63 on nothing ever expires; neither does 2^63 - 1. */
static void never(struct kunit *test)
{
	static const u64 far[] = { U64_MAX, 1ULL << 63, KTIME_MAX };
	struct kdbus_replies replies;
	struct kdbus_reply *reply;
	size_t i;

	kdbus_replies_init(&replies);
	for (i = 0; i < ARRAY_SIZE(far); i++) {
		reply = add(test, &replies, CALLEE, i, far[i]);
		KUNIT_EXPECT_EQ(test, reply->deadline.expires, KTIME_MAX);
		kdbus_reply_arm(&replies, reply);
	}
	KUNIT_EXPECT_EQ(test, kdbus_reply_next_deadline(&replies), KTIME_MAX);
	KUNIT_EXPECT_NULL(test, kdbus_reply_expired(&replies, KTIME_MAX));

	/* The last one that does. */
	reply = add(test, &replies, CALLEE, 9, KTIME_MAX - 1);
	kdbus_reply_arm(&replies, reply);
	KUNIT_EXPECT_EQ(test, kdbus_reply_next_deadline(&replies),
			KTIME_MAX - 1);

	clear(&replies);
	expect_empty(test, &replies);
}

/* W-62: in whatever order they are made, the earliest deadline comes first. */
static void earliest_first(struct kunit *test)
{
	enum { N = 100 };
	struct kdbus_reply *made[N], *reply;
	struct kdbus_replies replies;
	struct rnd_state rnd;
	ktime_t last = 0;
	unsigned int i, n = 0;

	prandom_seed_state(&rnd, SEED);
	kdbus_replies_init(&replies);
	for (i = 0; i < N; i++) {
		made[i] = add(test, &replies, CALLEE, i,
			      1 + prandom_u32_state(&rnd) % 50);
		kdbus_reply_arm(&replies, made[i]);
	}
	/* Every third one is answered in time. */
	for (i = 0; i < N; i += 3)
		kdbus_reply_remove(&replies, made[i]);

	while ((reply = kdbus_reply_expired(&replies, 50))) {
		ktime_t next = kdbus_reply_next_deadline(&replies);

		KUNIT_EXPECT_NE(test, reply->cookie % 3, 0);
		KUNIT_EXPECT_LE(test, last, reply->deadline.expires);
		KUNIT_EXPECT_LE(test, reply->deadline.expires, next);
		last = reply->deadline.expires;
		kdbus_reply_remove(&replies, reply);
		kdbus_reply_put(reply);
		n++;
	}
	KUNIT_EXPECT_EQ(test, n, N - (N + 2) / 3);
	expect_empty(test, &replies);
}

static struct kunit_case kdbus_reply_cases[] = {
	KUNIT_CASE(fresh),
	KUNIT_CASE(limit),
	KUNIT_CASE(find),
	KUNIT_CASE(claim),
	KUNIT_CASE(remove),
	KUNIT_CASE(arm),
	KUNIT_CASE(expire_in_time),
	KUNIT_CASE(expire_with_result),
	KUNIT_CASE(never),
	KUNIT_CASE(earliest_first),
	{}
};

static struct kunit_suite kdbus_reply_suite = {
	.name = "kdbus_reply",
	.test_cases = kdbus_reply_cases,
};

kunit_test_suite(kdbus_reply_suite);
