// SPDX-License-Identifier: GPL-2.0-only
/*
 * Matches: adding, replacing, removing, and what satisfies them (rules MATCH-1
 * to MATCH-11; W-3, W-21, W-26)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define NAME		"org.example.One"
#define TWO		"org.example.Two"
#define ANY		KDBUS_MATCH_ID_ANY
#define TO_ALL		KDBUS_DST_ID_BROADCAST
#define MATCHES_MAX	4096
#define BITS		(8 * KD_BLOOM)
/* large enough for 256 small messages of one user */
#define POOL		(512 * 1024)

/**
 * struct bloom - a filter or a mask
 * @word: its bits
 */
struct bloom {
	uint64_t word[KD_BLOOM / 8];
};

FIXTURE(match) {
	struct kd_env env;
	struct kd_conn a;	/* sends */
	struct kd_conn b;	/* has the matches */
	struct kd_conn c;	/* sends as well */
};

FIXTURE_SETUP(match)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_hello(&self->b, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_connect(&self->c, self->env.bus));
}

/* nothing that was not expected; nothing lost for want of room */
FIXTURE_TEARDOWN(match)
{
	struct kdbus_cmd_recv cmd;

	EXPECT_EQ(-EAGAIN, kd_recv(&self->b, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.dropped_msgs);
}

static void set(struct bloom *bloom, unsigned int bit)
{
	bloom->word[bit / 64] |= 1ULL << (bit % 64);
}

/* The bits of a list that ends with a negative number. */
static struct bloom bloom_of(const int *bits)
{
	struct bloom bloom = { 0 };

	for (; *bits >= 0; bits++)
		set(&bloom, *bits);
	return bloom;
}

static bool is_subset(const struct bloom *mask, const struct bloom *filter)
{
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(mask->word); i++) {
		if (mask->word[i] & ~filter->word[i])
			return false;
	}
	return true;
}

/* A signal with this filter. */
static int send_signal(const struct kd_conn *c, uint64_t dst, uint64_t cookie,
		       uint64_t generation, const struct bloom *filter)
{
	struct kdbus_item *item;
	struct kd_block b;

	kd_signal_start(&b, dst, cookie);
	item = b.msg.items;
	item->bloom_filter.generation = generation;
	memcpy(item->bloom_filter.data, filter, sizeof(*filter));
	return kd_msg_send(c, &b);
}

static int broadcast(const struct kd_conn *c, uint64_t cookie,
		     const struct bloom *filter)
{
	return send_signal(c, TO_ALL, cookie, 0, filter);
}

/* A signal to one connection, with a name or without. */
static int send_one(const struct kd_conn *c, uint64_t dst, const char *name,
		    uint64_t cookie)
{
	struct kd_block b;

	kd_signal_start(&b, dst, cookie);
	if (name)
		kd_add_str(&b, KDBUS_ITEM_DST_NAME, name);
	return kd_msg_send(c, &b);
}

static int add_rule(const struct kd_conn *c, uint64_t cookie, uint64_t type,
		    const void *data, size_t len)
{
	struct kd_block b;

	kd_match_start(&b, cookie);
	kd_add(&b, type, data, len);
	return kd_match_add(c, &b);
}

static int add_id(const struct kd_conn *c, uint64_t cookie, uint64_t type,
		  uint64_t id)
{
	return add_rule(c, cookie, type, &id, sizeof(id));
}

static int add_name(const struct kd_conn *c, uint64_t cookie, const char *name)
{
	return add_rule(c, cookie, KDBUS_ITEM_NAME, name, strlen(name) + 1);
}

/* Whether the one message that is there, if any, has this cookie. */
static int receive(const struct kd_conn *c, uint64_t expected)
{
	uint64_t cookie;
	int r = kd_recv_cookie(c, &cookie);

	return r ?: cookie == expected ? 0 : -EPROTO;
}

static int empty(const struct kd_conn *c)
{
	return receive(c, 0);
}

/* MATCH-7: the bits of the mask must be in the filter */
TEST_F(match, bloom)
{
	static const int lists[][6] = {
		{ -1 }, { 0, -1 }, { 1, -1 }, { 1, 64, 511, -1 },
		{ 1, 64, 200, 511, -1 }, { 63, 64, -1 }, { 511, -1 },
	};
	struct bloom mask, filter, full;
	size_t i, n;

	memset(&full, 0xff, sizeof(full));
	for (i = 0; i <= KD_ARRAY_SIZE(lists); i++) {
		mask = i < KD_ARRAY_SIZE(lists) ? bloom_of(lists[i]) : full;
		ASSERT_EQ(0, add_rule(&self->b, 7, KDBUS_ITEM_BLOOM_MASK,
				      &mask, sizeof(mask)));
		for (n = 0; n <= KD_ARRAY_SIZE(lists); n++) {
			filter = n < KD_ARRAY_SIZE(lists) ?
				 bloom_of(lists[n]) : full;
			ASSERT_EQ(0, broadcast(&self->a, n, &filter));
			EXPECT_EQ(is_subset(&mask, &filter) ? 0 : -EAGAIN,
				  receive(&self->b, n)) {
				TH_LOG("mask %zu filter %zu", i, n);
			}
		}
		ASSERT_EQ(0, kd_match_remove(&self->b, 7));
	}
}

/* MATCH-7: each bit counts */
TEST_F_TIMEOUT(match, bloom_bits, 120)
{
	struct bloom mask, filter;
	int bit;

	for (bit = 0; bit < BITS; bit++) {
		memset(&mask, 0, sizeof(mask));
		set(&mask, bit);
		ASSERT_EQ(0, add_rule(&self->b, bit, KDBUS_ITEM_BLOOM_MASK,
				      &mask, sizeof(mask)));
		ASSERT_EQ(0, broadcast(&self->a, bit, &mask));
		EXPECT_EQ(0, receive(&self->b, bit));
		memset(&filter, 0xff, sizeof(filter));
		filter.word[bit / 64] &= ~mask.word[bit / 64];
		ASSERT_EQ(0, broadcast(&self->a, bit, &filter));
		EXPECT_EQ(-EAGAIN, empty(&self->b)) {
			TH_LOG("bit %d", bit);
		}
		ASSERT_EQ(0, kd_match_remove(&self->b, bit));
	}
}

/* MATCH-8: the generation selects the mask, the last one if there are fewer */
TEST_F(match, generation)
{
	static const struct {
		uint64_t generation;
		int one, three;		/* which mask is used */
	} rows[] = {
		{ 0, 0, 0 }, { 1, 0, 1 }, { 2, 0, 2 }, { 3, 0, 2 },
		{ 1000, 0, 2 }, { 1ULL << 32, 0, 2 },
		{ (1ULL << 32) + 1, 0, 2 }, { 1ULL << 63, 0, 2 },
		{ ~0ULL, 0, 2 },
	};
	struct bloom masks[3] = { 0 }, filter;
	size_t i;
	int bit, n;

	for (bit = 0; bit < 3; bit++)
		set(&masks[bit], 100 * bit);
	for (n = 1; n <= 3; n += 2) {
		ASSERT_EQ(0, add_rule(&self->b, 1, KDBUS_ITEM_BLOOM_MASK,
				      masks, n * sizeof(masks[0])));
		for (i = 0; i < KD_ARRAY_SIZE(rows); i++) {
			for (bit = 0; bit < 3; bit++) {
				int used = n == 1 ? rows[i].one :
						    rows[i].three;

				filter = masks[bit];
				ASSERT_EQ(0, send_signal(&self->a, TO_ALL, i,
							 rows[i].generation,
							 &filter));
				EXPECT_EQ(bit == used ? 0 : -EAGAIN,
					  receive(&self->b, i)) {
					TH_LOG("row %zu mask %d of %d", i, bit,
					       n);
				}
			}
		}
		ASSERT_EQ(0, kd_match_remove(&self->b, 1));
	}
}

/* MATCH-8: with masks of different kinds: none, then all bits, and back */
TEST_F(match, generation_extremes)
{
	struct bloom masks[2] = { 0 }, none = { 0 }, full;
	uint64_t generation;

	memset(&full, 0xff, sizeof(full));
	masks[1] = full;
	ASSERT_EQ(0, add_rule(&self->b, 1, KDBUS_ITEM_BLOOM_MASK, masks,
			      sizeof(masks)));
	for (generation = 0; generation < 4; generation++) {
		ASSERT_EQ(0, send_signal(&self->a, TO_ALL, 1, generation,
					 &none));
		EXPECT_EQ(generation ? -EAGAIN : 0, receive(&self->b, 1));
		ASSERT_EQ(0, send_signal(&self->a, TO_ALL, 2, generation,
					 &full));
		EXPECT_EQ(0, receive(&self->b, 2));
	}
	ASSERT_EQ(0, kd_match_remove(&self->b, 1));
	masks[0] = full;
	memset(&masks[1], 0, sizeof(masks[1]));
	ASSERT_EQ(0, add_rule(&self->b, 1, KDBUS_ITEM_BLOOM_MASK, masks,
			      sizeof(masks)));
	for (generation = 0; generation < 4; generation++) {
		ASSERT_EQ(0, send_signal(&self->a, TO_ALL, 1, generation,
					 &none));
		EXPECT_EQ(generation ? 0 : -EAGAIN, receive(&self->b, 1));
	}
}

/* MATCH-7: ID: who sent it */
TEST_F(match, sender_id)
{
	const struct {
		uint64_t id;
		int from_a, from_c;
	} rows[] = {
		{ self->a.id, 0, -EAGAIN },
		{ self->c.id, -EAGAIN, 0 },
		{ ANY, 0, 0 },
		{ 0, -EAGAIN, -EAGAIN },
		{ self->b.id, -EAGAIN, -EAGAIN },
		{ ANY - 1, -EAGAIN, -EAGAIN },
		{ self->a.id + (1ULL << 32), -EAGAIN, -EAGAIN },
	};
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, add_id(&self->b, i, KDBUS_ITEM_ID, rows[i].id));
		ASSERT_EQ(0, kd_broadcast(&self->a, 1));
		EXPECT_EQ(rows[i].from_a, receive(&self->b, 1)) {
			TH_LOG("row %zu", i);
		}
		ASSERT_EQ(0, kd_broadcast(&self->c, 2));
		EXPECT_EQ(rows[i].from_c, receive(&self->b, 2)) {
			TH_LOG("row %zu", i);
		}
		/* unicast signals are no different */
		ASSERT_EQ(0, send_one(&self->a, self->b.id, NULL, 3));
		EXPECT_EQ(rows[i].from_a, receive(&self->b, 3));
		ASSERT_EQ(0, kd_match_remove(&self->b, i));
	}
}

/* MATCH-7: DST_ID: as the sender wrote it */
TEST_F(match, destination_id)
{
	const struct {
		uint64_t id;
		int to_all, by_id, by_name, by_both;
	} rows[] = {
		{ ANY, 0, 0, 0, 0 },
		{ self->b.id, -EAGAIN, 0, -EAGAIN, 0 },
		{ 0, -EAGAIN, -EAGAIN, 0, -EAGAIN },
		{ self->a.id, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN },
		{ ANY - 1, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN },
	};
	size_t i;

	ASSERT_EQ(0, kd_name_acquire(&self->b, NAME, 0, NULL));
	for (i = 0; i < KD_ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, add_id(&self->b, 5, KDBUS_ITEM_DST_ID,
				    rows[i].id));
		ASSERT_EQ(0, kd_broadcast(&self->a, 1));
		EXPECT_EQ(rows[i].to_all, receive(&self->b, 1));
		ASSERT_EQ(0, send_one(&self->a, self->b.id, NULL, 2));
		EXPECT_EQ(rows[i].by_id, receive(&self->b, 2));
		ASSERT_EQ(0, send_one(&self->a, 0, NAME, 3));
		EXPECT_EQ(rows[i].by_name, receive(&self->b, 3));
		ASSERT_EQ(0, send_one(&self->a, self->b.id, NAME, 4));
		EXPECT_EQ(rows[i].by_both, receive(&self->b, 4));
		ASSERT_EQ(0, kd_match_remove(&self->b, 5));
	}
}

/* MATCH-7: NAME: what the sender primarily owns when it sends */
TEST_F(match, sender_name)
{
	ASSERT_EQ(0, add_name(&self->b, 1, NAME));
	ASSERT_EQ(0, kd_broadcast(&self->a, 1));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, 0, NULL));
	ASSERT_EQ(0, kd_broadcast(&self->a, 2));
	EXPECT_EQ(0, receive(&self->b, 2));
	ASSERT_EQ(0, send_one(&self->a, self->b.id, NULL, 3));
	EXPECT_EQ(0, receive(&self->b, 3));
	/* one that waits does not own it */
	ASSERT_EQ(0, kd_name_acquire(&self->c, NAME, KDBUS_NAME_QUEUE, NULL));
	ASSERT_EQ(0, kd_broadcast(&self->c, 4));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	ASSERT_EQ(0, kd_name_release(&self->a, NAME));
	ASSERT_EQ(0, kd_broadcast(&self->a, 5));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	ASSERT_EQ(0, kd_broadcast(&self->c, 6));
	EXPECT_EQ(0, receive(&self->b, 6));
	/* other names do not count, nor the receiver's own */
	ASSERT_EQ(0, kd_name_acquire(&self->a, TWO, 0, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->a, NAME ".Sub", 0, NULL));
	ASSERT_EQ(0, kd_broadcast(&self->a, 7));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	ASSERT_EQ(0, kd_name_release(&self->c, NAME));
	ASSERT_EQ(0, kd_name_acquire(&self->b, NAME, 0, NULL));
	ASSERT_EQ(0, kd_broadcast(&self->a, 8));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	ASSERT_EQ(0, kd_broadcast(&self->b, 9));
	EXPECT_EQ(0, receive(&self->b, 9));
}

/* MATCH-6: inside a match all rules are required */
TEST_F(match, all_rules)
{
	struct bloom mask = { { 2 } }, none = { 0 };
	struct kd_block b;
	int i;

	ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, 0, NULL));
	kd_match_start(&b, 1);
	kd_add_u64(&b, KDBUS_ITEM_ID, self->a.id);
	kd_add(&b, KDBUS_ITEM_BLOOM_MASK, &mask, sizeof(mask));
	kd_add_u64(&b, KDBUS_ITEM_DST_ID, ANY);
	kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
	ASSERT_EQ(0, kd_match_add(&self->b, &b));

	ASSERT_EQ(0, broadcast(&self->a, 1, &mask));
	EXPECT_EQ(0, receive(&self->b, 1));
	/* in each line another rule is not satisfied */
	ASSERT_EQ(0, broadcast(&self->a, 2, &none));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	ASSERT_EQ(0, broadcast(&self->c, 3, &mask));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	ASSERT_EQ(0, kd_name_release(&self->a, NAME));
	ASSERT_EQ(0, broadcast(&self->a, 4, &mask));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	ASSERT_EQ(0, kd_match_remove(&self->b, 1));

	/* also of one type: two ids exclude each other, two masks add up */
	kd_match_start(&b, 1);
	kd_add_u64(&b, KDBUS_ITEM_ID, self->a.id);
	kd_add_u64(&b, KDBUS_ITEM_ID, self->c.id);
	ASSERT_EQ(0, kd_match_add(&self->b, &b));
	kd_match_start(&b, 1);
	kd_add(&b, KDBUS_ITEM_BLOOM_MASK, &mask, sizeof(mask));
	mask.word[0] = 4;
	kd_add(&b, KDBUS_ITEM_BLOOM_MASK, &mask, sizeof(mask));
	ASSERT_EQ(0, kd_match_add(&self->b, &b));
	for (i = 0; i < 8; i++) {
		mask.word[0] = i;
		ASSERT_EQ(0, broadcast(&self->a, i, &mask));
		EXPECT_EQ((i & 6) == 6 ? 0 : -EAGAIN, receive(&self->b, i));
	}
}

/* MATCH-6: matches are alternatives; a message comes once */
TEST_F(match, alternatives)
{
	int i;

	ASSERT_EQ(0, add_id(&self->b, 1, KDBUS_ITEM_ID, self->a.id));
	ASSERT_EQ(0, add_id(&self->b, 1, KDBUS_ITEM_ID, self->c.id));
	ASSERT_EQ(0, kd_broadcast(&self->a, 1));
	EXPECT_EQ(0, receive(&self->b, 1));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, kd_match_all(&self->b, 2));
		ASSERT_EQ(0, add_id(&self->b, i, KDBUS_ITEM_ID, self->a.id));
		ASSERT_EQ(0, add_id(&self->b, i, KDBUS_ITEM_DST_ID, ANY));
		ASSERT_EQ(0, kd_broadcast(&self->a, 2));
		EXPECT_EQ(0, receive(&self->b, 2));
		EXPECT_EQ(-EAGAIN, empty(&self->b));
	}
}

/* MATCH-6: without rules everything fits */
TEST_F(match, no_rules)
{
	struct kd_conn d;

	ASSERT_EQ(0, kd_match_all(&self->b, 1));
	ASSERT_EQ(0, kd_broadcast(&self->a, 1));
	EXPECT_EQ(0, receive(&self->b, 1));
	ASSERT_EQ(0, kd_broadcast(&self->b, 2));
	EXPECT_EQ(0, receive(&self->b, 2));
	ASSERT_EQ(0, send_one(&self->a, self->b.id, NULL, 3));
	EXPECT_EQ(0, receive(&self->b, 3));
	ASSERT_EQ(0, kd_connect(&d, self->env.bus));
	EXPECT_EQ(0, kd_id_added(&self->b, d.id, KDBUS_HELLO_ACCEPT_FD));
	ASSERT_EQ(0, kd_name_acquire(&d, NAME, 0, NULL));
	EXPECT_EQ(0, kd_name_added(&self->b, NAME, d.id, KDBUS_NAME_PRIMARY));
	kd_close(&d);
	EXPECT_EQ(0, kd_name_removed(&self->b, NAME, d.id,
				     KDBUS_NAME_PRIMARY));
	EXPECT_EQ(0, kd_id_removed(&self->b, d.id, KDBUS_HELLO_ACCEPT_FD));
	/* but not what is for others */
	ASSERT_EQ(0, send_one(&self->a, self->c.id, NULL, 4));
	ASSERT_EQ(0, kd_send(&self->a, self->c.id, 5, NULL, 0));
	EXPECT_EQ(0, receive(&self->c, 5));
}

/* MATCH-10: REPLY_* without any match, and for nobody else */
TEST_F(match, replies)
{
	ASSERT_EQ(0, kd_match_all(&self->b, 1));
	ASSERT_EQ(0, kd_call(&self->a, self->c.id, 8, KD_FAR));
	ASSERT_EQ(0, kd_drop(&self->c));
	EXPECT_EQ(0, kd_notice_of(&self->a, KDBUS_ITEM_REPLY_DEAD, 8));
	ASSERT_EQ(0, kd_call(&self->a, self->c.id, 9, KD_PAST));
	EXPECT_EQ(0, kd_notice_of(&self->a, KDBUS_ITEM_REPLY_TIMEOUT, 9));
}

/* who is meant in a row of the table below; EVER is nobody */
enum who { NOBODY, A, C, D, EVERYBODY, EVER };

/* what happens there, in this order, as bits */
enum { ADDED = 1, CHANGED = 2, REMOVED = 4, CAME = 8, WENT = 16 };

/* Receive all that is there, as bits. */
static int happened(const struct kd_conn *c)
{
	struct kd_change change;
	int r, bits = 0;

	while ((r = kd_change(c, &change)) == 0) {
		int bit = change.type == KDBUS_ITEM_NAME_ADD ? ADDED :
			  change.type == KDBUS_ITEM_NAME_CHANGE ? CHANGED :
			  change.type == KDBUS_ITEM_NAME_REMOVE ? REMOVED :
			  change.type == KDBUS_ITEM_ID_ADD ? CAME : WENT;

		if (bits & bit)
			return -EPROTO;
		bits |= bit;
	}
	return r == -EAGAIN ? bits : r;
}

/* The name goes from nobody to a, to c, to nobody; somebody comes and goes. */
static int scenario(const char *bus, const struct kd_conn *a,
		    const struct kd_conn *c, uint64_t expected_id)
{
	struct kd_conn d;
	int r;

	r = kd_name_acquire(a, NAME, KDBUS_NAME_ALLOW_REPLACEMENT, NULL) ?:
	    kd_name_acquire(c, NAME, KDBUS_NAME_REPLACE_EXISTING, NULL) ?:
	    kd_name_release(c, NAME) ?:
	    kd_connect(&d, bus);
	if (r)
		return r;
	kd_close(&d);
	return d.id == expected_id ? 0 : -EPROTO;
}

#define ADD		KDBUS_ITEM_NAME_ADD
#define REMOVE		KDBUS_ITEM_NAME_REMOVE
#define CHANGE		KDBUS_ITEM_NAME_CHANGE
#define ID_ADD		KDBUS_ITEM_ID_ADD
#define ID_REMOVE	KDBUS_ITEM_ID_REMOVE

/* clang-format off */
static const struct notice_row {
	uint64_t type;
	enum who old_id, new_id;	/* of ID_*: new_id alone */
	const char *name;
	int expected;
} notice_rows[] = {
	{ ADD, EVERYBODY, EVERYBODY, NULL, ADDED },
	{ ADD, EVERYBODY, EVERYBODY, NAME, ADDED },
	{ ADD, NOBODY, A, NAME, ADDED },
	{ ADD, NOBODY, A, NULL, ADDED },
	{ ADD, NOBODY, EVERYBODY, NULL, ADDED },
	{ ADD, EVERYBODY, A, NULL, ADDED },
	{ ADD, NOBODY, C, NAME, 0 },
	{ ADD, EVERYBODY, C, NULL, 0 },
	{ ADD, EVERYBODY, NOBODY, NULL, 0 },
	{ ADD, A, EVERYBODY, NULL, 0 },
	{ ADD, A, A, NAME, 0 },
	{ ADD, EVERYBODY, EVERYBODY, TWO, 0 },
	{ ADD, EVERYBODY, EVERYBODY, "org.example", 0 },
	{ ADD, EVERYBODY, EVERYBODY, NAME ".Sub", 0 },
	{ ADD, EVERYBODY, EVERYBODY, "org.example.*", 0 },
	{ ADD, EVERYBODY, EVERYBODY, "", 0 },
	{ ADD, EVER, EVERYBODY, NULL, 0 },
	{ REMOVE, EVERYBODY, EVERYBODY, NULL, REMOVED },
	{ REMOVE, C, EVERYBODY, NAME, REMOVED },
	{ REMOVE, C, NOBODY, NAME, REMOVED },
	{ REMOVE, EVERYBODY, NOBODY, NULL, REMOVED },
	{ REMOVE, A, EVERYBODY, NULL, 0 },
	{ REMOVE, NOBODY, EVERYBODY, NULL, 0 },
	{ REMOVE, EVERYBODY, C, NULL, 0 },
	{ REMOVE, EVERYBODY, EVERYBODY, TWO, 0 },
	{ REMOVE, EVERYBODY, EVERYBODY, "", 0 },
	{ CHANGE, EVERYBODY, EVERYBODY, NULL, CHANGED },
	{ CHANGE, EVERYBODY, EVERYBODY, NAME, CHANGED },
	{ CHANGE, A, C, NAME, CHANGED },
	{ CHANGE, A, C, NULL, CHANGED },
	{ CHANGE, A, EVERYBODY, NULL, CHANGED },
	{ CHANGE, EVERYBODY, C, NULL, CHANGED },
	{ CHANGE, C, A, NULL, 0 },
	{ CHANGE, A, A, NULL, 0 },
	{ CHANGE, NOBODY, C, NULL, 0 },
	{ CHANGE, A, NOBODY, NULL, 0 },
	{ CHANGE, EVERYBODY, EVERYBODY, TWO, 0 },
	{ CHANGE, EVERYBODY, EVERYBODY, "", 0 },
	{ ID_ADD, NOBODY, EVERYBODY, NULL, CAME },
	{ ID_ADD, NOBODY, D, NULL, CAME },
	{ ID_ADD, NOBODY, A, NULL, 0 },
	{ ID_ADD, NOBODY, NOBODY, NULL, 0 },
	{ ID_ADD, NOBODY, EVER, NULL, 0 },
	{ ID_REMOVE, NOBODY, EVERYBODY, NULL, WENT },
	{ ID_REMOVE, NOBODY, D, NULL, WENT },
	{ ID_REMOVE, NOBODY, A, NULL, 0 },
	{ ID_REMOVE, NOBODY, NOBODY, NULL, 0 },
};

/* clang-format on */

/* MATCH-9: every condition of a rule for notifications; flags do not count */
TEST_F_TIMEOUT(match, notifications, 120)
{
	uint64_t ids[] = {
		[NOBODY] = 0, [A] = self->a.id, [C] = self->c.id,
		[D] = self->c.id, [EVERYBODY] = ANY, [EVER] = ANY - 1,
	};
	struct kdbus_item *item;
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(notice_rows); i++) {
		const struct notice_row *row = &notice_rows[i];

		/* PRIV-4: the id that the next connection gets */
		ids[D]++;
		kd_match_start(&b, 1);
		if (row->type == ID_ADD || row->type == ID_REMOVE) {
			item = kd_add_id_rule(&b, row->type, ids[row->new_id]);
			item->id_change.flags = i;
		} else {
			item = kd_add_name_rule(&b, row->type,
						ids[row->old_id],
						ids[row->new_id], row->name);
			item->name_change.old_id.flags = i;
			item->name_change.new_id.flags = ~i;
		}
		ASSERT_EQ(0, kd_match_add(&self->b, &b));
		ASSERT_EQ(0, scenario(self->env.bus, &self->a, &self->c,
				      ids[D]));
		EXPECT_EQ(row->expected, happened(&self->b)) {
			TH_LOG("row %zu", i);
		}
		/* MATCH-7: no signal satisfies it */
		ASSERT_EQ(0, kd_broadcast(&self->a, 1));
		ASSERT_EQ(0, send_one(&self->a, self->b.id, NULL, 1));
		EXPECT_EQ(-EAGAIN, empty(&self->b));
		ASSERT_EQ(0, kd_match_remove(&self->b, 1));
	}
}

/* MATCH-9: rules for signals are satisfied by no notification */
TEST_F(match, signal_rules_and_notifications)
{
	uint64_t next = self->c.id;
	struct bloom zero = { 0 };

	ASSERT_EQ(0, add_id(&self->b, 1, KDBUS_ITEM_ID, ANY));
	ASSERT_EQ(0, add_id(&self->b, 1, KDBUS_ITEM_ID, 0));
	ASSERT_EQ(0, add_id(&self->b, 1, KDBUS_ITEM_DST_ID, ANY));
	ASSERT_EQ(0, add_rule(&self->b, 1, KDBUS_ITEM_BLOOM_MASK, &zero,
			      sizeof(zero)));
	ASSERT_EQ(0, add_name(&self->b, 1, NAME));
	ASSERT_EQ(0, scenario(self->env.bus, &self->a, &self->c, ++next));
	EXPECT_EQ(0, happened(&self->b));
}

/* MATCH-9: a match of both worlds never fires, two rules of one type may */
TEST_F(match, mixed_worlds)
{
	static const uint64_t signal_types[] = {
		KDBUS_ITEM_ID, KDBUS_ITEM_DST_ID,
	};
	uint64_t next = self->c.id;
	struct bloom zero = { 0 };
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(signal_types); i++) {
		kd_match_start(&b, i);
		kd_add_u64(&b, signal_types[i], ANY);
		kd_add_name_rule(&b, ADD, ANY, ANY, NULL);
		ASSERT_EQ(0, kd_match_add(&self->b, &b));
		kd_match_start(&b, i);
		kd_add_id_rule(&b, ID_ADD, ANY);
		kd_add_u64(&b, signal_types[i], ANY);
		ASSERT_EQ(0, kd_match_add(&self->b, &b));
	}
	kd_match_start(&b, 5);
	kd_add(&b, KDBUS_ITEM_BLOOM_MASK, &zero, sizeof(zero));
	kd_add_name_rule(&b, REMOVE, ANY, ANY, NULL);
	ASSERT_EQ(0, kd_match_add(&self->b, &b));
	kd_match_start(&b, 5);
	kd_add_name_rule(&b, CHANGE, ANY, ANY, NAME);
	kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
	ASSERT_EQ(0, kd_match_add(&self->b, &b));
	/* two types of notifications exclude each other as well */
	kd_match_start(&b, 5);
	kd_add_name_rule(&b, ADD, ANY, ANY, NULL);
	kd_add_name_rule(&b, REMOVE, ANY, ANY, NULL);
	ASSERT_EQ(0, kd_match_add(&self->b, &b));
	kd_match_start(&b, 5);
	kd_add_name_rule(&b, ADD, ANY, ANY, NULL);
	kd_add_id_rule(&b, ID_ADD, ANY);
	ASSERT_EQ(0, kd_match_add(&self->b, &b));

	ASSERT_EQ(0, scenario(self->env.bus, &self->a, &self->c, ++next));
	EXPECT_EQ(0, happened(&self->b));
	ASSERT_EQ(0, kd_name_acquire(&self->a, NAME, 0, NULL));
	ASSERT_EQ(0, kd_broadcast(&self->a, 1));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	ASSERT_EQ(0, kd_name_release(&self->a, NAME));

	kd_match_start(&b, 6);
	kd_add_name_rule(&b, ADD, ANY, self->a.id, NULL);
	kd_add_name_rule(&b, ADD, 0, ANY, NAME);
	ASSERT_EQ(0, kd_match_add(&self->b, &b));
	kd_match_start(&b, 6);
	kd_add_name_rule(&b, CHANGE, ANY, self->c.id, NULL);
	kd_add_name_rule(&b, CHANGE, ANY, self->a.id, NULL);
	ASSERT_EQ(0, kd_match_add(&self->b, &b));
	ASSERT_EQ(0, scenario(self->env.bus, &self->a, &self->c, ++next));
	EXPECT_EQ(ADDED, happened(&self->b));
	/* they are there all the same, to be removed */
	for (i = 0; i < 7; i++) {
		EXPECT_EQ(i == 0 || i == 1 || i == 5 || i == 6 ? 0 : -EBADSLT,
			  kd_match_remove(&self->b, i));
	}
}

/* clang-format off */
static const struct {
	uint64_t type;
	size_t len;
	const char *data;	/* zeroes if NULL */
	int result;
} bad_rules[] = {
	{ KDBUS_ITEM_BLOOM_MASK, 0, NULL, -EDOM },
	{ KDBUS_ITEM_BLOOM_MASK, 8, NULL, -EDOM },
	{ KDBUS_ITEM_BLOOM_MASK, 63, NULL, -EDOM },
	{ KDBUS_ITEM_BLOOM_MASK, 65, NULL, -EDOM },
	{ KDBUS_ITEM_BLOOM_MASK, 72, NULL, -EDOM },
	{ KDBUS_ITEM_BLOOM_MASK, 127, NULL, -EDOM },
	{ KDBUS_ITEM_BLOOM_MASK, 4096 + 8, NULL, -EDOM },
	{ KDBUS_ITEM_NAME, 1, "", -EINVAL },
	{ KDBUS_ITEM_NAME, 4, "org", -EINVAL },
	{ KDBUS_ITEM_NAME, 6, "a.b.*", -EINVAL },
	{ KDBUS_ITEM_NAME, 5, "a..b", -EINVAL },
	{ KDBUS_ITEM_NAME, 4, "a.\xe4", -EINVAL },
	{ KDBUS_ITEM_NAME, 0, NULL, -EINVAL },
	{ KDBUS_ITEM_NAME, 3, "a.b", -EINVAL },
	{ KDBUS_ITEM_NAME, 6, "a.b\0c", -EINVAL },
	{ KDBUS_ITEM_ID, 0, NULL, -EINVAL },
	{ KDBUS_ITEM_ID, 4, NULL, -EINVAL },
	{ KDBUS_ITEM_ID, 16, NULL, -EINVAL },
	{ KDBUS_ITEM_DST_ID, 7, NULL, -EINVAL },
	{ KDBUS_ITEM_DST_ID, 9, NULL, -EINVAL },
	{ KDBUS_ITEM_ID_ADD, 8, NULL, -EINVAL },
	{ KDBUS_ITEM_ID_ADD, 24, NULL, -EINVAL },
	{ KDBUS_ITEM_ID_REMOVE, 15, NULL, -EINVAL },
	{ KDBUS_ITEM_NAME_ADD, 31, NULL, -EINVAL },
	{ KDBUS_ITEM_NAME_ADD, 34, NULL, -EINVAL },
	{ KDBUS_ITEM_NAME_CHANGE, 16, NULL, -EINVAL },
	{ KDBUS_ITEM_NAME_REMOVE, 0, NULL, -EINVAL },
	{ KDBUS_ITEM_DST_NAME, 4, "a.b", -EINVAL },
	{ KDBUS_ITEM_BLOOM_FILTER, 72, NULL, -EINVAL },
	{ KDBUS_ITEM_REPLY_DEAD, 0, NULL, -EINVAL },
	{ KDBUS_ITEM_TIMESTAMP, 24, NULL, -EINVAL },
};

/* clang-format on */

/* MATCH-2, section 3.3: bad rules; nothing is added, nothing replaced */
TEST_F(match, bad_rules)
{
	static const uint8_t zero[8192];
	struct kd_block b;
	size_t i;

	ASSERT_EQ(0, kd_match_all(&self->b, 9));
	for (i = 0; i < KD_ARRAY_SIZE(bad_rules); i++) {
		const void *data = bad_rules[i].data ?: (const void *)zero;
		int flags;

		for (flags = 0; flags < 2; flags++) {
			kd_match_start(&b, flags ? 9 : 1);
			b.match.flags = flags;
			kd_add_u64(&b, KDBUS_ITEM_ID, ANY);
			kd_add(&b, bad_rules[i].type, data, bad_rules[i].len);
			EXPECT_EQ(bad_rules[i].result,
				  kd_match_add(&self->b, &b)) {
				TH_LOG("row %zu", i);
			}
			EXPECT_EQ(0, b.match.return_flags);
		}
		EXPECT_EQ(-EBADSLT, kd_match_remove(&self->b, 1));
		ASSERT_EQ(0, kd_broadcast(&self->a, i));
		EXPECT_EQ(0, receive(&self->b, i));
	}
	EXPECT_EQ(0, kd_match_remove(&self->b, 9));
}

/* MATCH-2: in item order; names and ids of notifications are not judged */
TEST_F(match, rule_order)
{
	static const uint64_t odd[] = { 0, 1, ANY - 1 };
	struct kd_block b;
	size_t i;

	kd_match_start(&b, 1);
	kd_add(&b, KDBUS_ITEM_BLOOM_MASK, NULL, 8);
	kd_add_str(&b, KDBUS_ITEM_NAME, "org");
	EXPECT_EQ(-EDOM, kd_match_add(&self->b, &b));
	kd_match_start(&b, 1);
	kd_add_str(&b, KDBUS_ITEM_NAME, "org");
	kd_add(&b, KDBUS_ITEM_BLOOM_MASK, NULL, 8);
	EXPECT_EQ(-EINVAL, kd_match_add(&self->b, &b));
	EXPECT_EQ(-EBADSLT, kd_match_remove(&self->b, 1));

	kd_match_start(&b, 1);
	kd_add_name_rule(&b, ADD, ANY, ANY, "");
	kd_add_name_rule(&b, REMOVE, ANY, ANY, "no name at all!");
	kd_add_name_rule(&b, CHANGE, ANY, ANY, "a.b.*");
	for (i = 0; i < KD_ARRAY_SIZE(odd); i++) {
		kd_add_u64(&b, KDBUS_ITEM_ID, odd[i]);
		kd_add_u64(&b, KDBUS_ITEM_DST_ID, odd[i]);
		kd_add_id_rule(&b, ID_ADD, odd[i]);
		kd_add_id_rule(&b, ID_REMOVE, odd[i]);
	}
	kd_add(&b, KDBUS_ITEM_BLOOM_MASK, NULL, 128);
	EXPECT_EQ(0, kd_match_add(&self->b, &b));
	EXPECT_EQ(0, kd_match_remove(&self->b, 1));
}

/* BUS-3, MATCH-2: masks are as wide as the filters of the bus */
TEST_F(match, bloom_sizes)
{
	static const size_t sizes[] = { 8, 64, 4096 };
	char name[32], path[KD_PATH_MAX];
	struct kd_block b;
	struct kd_conn d;
	size_t i, n;
	int fd;

	for (i = 0; i < KD_ARRAY_SIZE(sizes); i++) {
		snprintf(path, sizeof(path), "bloom%zu", i);
		kd_name(name, sizeof(name), path);
		snprintf(path, sizeof(path), "%s/control", self->env.dir);
		fd = open(path, O_RDWR | O_CLOEXEC);
		kd_make_start(&b, name);
		/* it is the first item */
		b.cmd.items[0].bloom_parameter.size = sizes[i];
		ASSERT_EQ(0, kd_ioctl(fd, KDBUS_CMD_BUS_MAKE, &b));
		snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
		ASSERT_EQ(0, kd_connect(&d, path));
		for (n = 0; n < KD_ARRAY_SIZE(sizes); n++) {
			bool good = sizes[n] % sizes[i] == 0;

			kd_match_start(&b, n);
			kd_add(&b, KDBUS_ITEM_BLOOM_MASK, NULL, sizes[n]);
			EXPECT_EQ(good ? 0 : -EDOM, kd_match_add(&d, &b));
			kd_msg_start(&b, TO_ALL);
			b.msg.flags = KDBUS_MSG_SIGNAL;
			kd_add(&b, KDBUS_ITEM_BLOOM_FILTER, NULL,
			       8 + sizes[n]);
			EXPECT_EQ(n == i ? 0 : -EDOM, kd_msg_send(&d, &b));
			EXPECT_EQ(n == i ? 0 : -EAGAIN, receive(&d, 1));
		}
		/* seven masks of the largest kind fit */
		kd_match_start(&b, 9);
		kd_add(&b, KDBUS_ITEM_BLOOM_MASK, NULL, 7 * 4096);
		EXPECT_EQ(0, kd_match_add(&d, &b));
		kd_close(&d);
	}
}

/* MATCH-1, MATCH-11: any cookie, several under one, gone with one call */
TEST_F(match, remove)
{
	static const uint64_t cookies[] = { 0, 1, 1ULL << 32, ~0ULL };
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(cookies); i++) {
		EXPECT_EQ(-EBADSLT, kd_match_remove(&self->b, cookies[i]));
		ASSERT_EQ(0, kd_match_all(&self->b, cookies[i]));
		ASSERT_EQ(0, kd_match_all(&self->b, cookies[i]));
		ASSERT_EQ(0, add_id(&self->b, cookies[i], KDBUS_ITEM_ID, 1));
	}
	for (i = 0; i < KD_ARRAY_SIZE(cookies); i++) {
		ASSERT_EQ(0, kd_broadcast(&self->a, i));
		EXPECT_EQ(0, kd_match_remove(&self->b, cookies[i]));
		EXPECT_EQ(-EBADSLT, kd_match_remove(&self->b, cookies[i]));
	}
	ASSERT_EQ(0, kd_broadcast(&self->a, i));
	/* MATCH-5: what is queued already stays */
	for (i = 0; i < KD_ARRAY_SIZE(cookies); i++) {
		EXPECT_EQ(0, receive(&self->b, i));
	}
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* MATCH-11: the cookies of others are not concerned; no flags and no items */
TEST_F(match, remove_arguments)
{
	struct kd_block b;
	int bit;

	ASSERT_EQ(0, kd_match_all(&self->b, 5));
	EXPECT_EQ(-EBADSLT, kd_match_remove(&self->a, 5));
	for (bit = 0; bit < 63; bit++) {
		kd_match_start(&b, 5);
		b.match.flags = 1ULL << bit;
		EXPECT_EQ(-EINVAL, kd_ioctl(self->b.fd, KDBUS_CMD_MATCH_REMOVE,
					    &b));
		if (bit)
			EXPECT_EQ(-EINVAL, kd_match_add(&self->b, &b));
	}
	kd_match_start(&b, 5);
	kd_add_u64(&b, KDBUS_ITEM_ID, ANY);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->b.fd, KDBUS_CMD_MATCH_REMOVE, &b));
	ASSERT_EQ(0, kd_broadcast(&self->a, 1));
	EXPECT_EQ(0, receive(&self->b, 1));
	EXPECT_EQ(0, kd_match_remove(&self->b, 5));
}

static int replace(const struct kd_conn *c, uint64_t cookie, uint64_t id)
{
	struct kd_block b;

	kd_match_start(&b, cookie);
	b.match.flags = KDBUS_MATCH_REPLACE;
	kd_add_u64(&b, KDBUS_ITEM_ID, id);
	return kd_match_add(c, &b);
}

/* MATCH-3: all with the cookie go, finding none is fine */
TEST_F(match, replace)
{
	ASSERT_EQ(0, replace(&self->b, 1, self->a.id));
	ASSERT_EQ(0, add_id(&self->b, 1, KDBUS_ITEM_ID, self->c.id));
	ASSERT_EQ(0, kd_match_all(&self->b, 1));
	ASSERT_EQ(0, replace(&self->b, 2, 0));
	ASSERT_EQ(0, kd_broadcast(&self->a, 1));
	EXPECT_EQ(0, receive(&self->b, 1));
	ASSERT_EQ(0, replace(&self->b, 1, self->c.id));
	ASSERT_EQ(0, kd_broadcast(&self->a, 2));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	ASSERT_EQ(0, kd_broadcast(&self->c, 3));
	EXPECT_EQ(0, receive(&self->b, 3));
	/* other cookies stay */
	EXPECT_EQ(0, kd_match_remove(&self->b, 2));
	EXPECT_EQ(0, kd_match_remove(&self->b, 1));
	EXPECT_EQ(-EBADSLT, kd_match_remove(&self->b, 1));
}

#define SIGNALS	200

struct sender {
	pthread_t thread;
	const struct kd_conn *conn;
	int done;
	int error;
};

static void *send_signals(void *data)
{
	struct sender *w = data;
	int i;

	for (i = 0; i < SIGNALS && !w->error; i++)
		w->error = kd_broadcast(w->conn, i);
	__atomic_store_n(&w->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* MATCH-3: atomic: there is no moment without a match */
TEST_F_TIMEOUT(match, replace_is_atomic, 120)
{
	struct sender w = { .conn = &self->a };
	int i;

	ASSERT_EQ(0, kd_match_all(&self->b, 1));
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, send_signals, &w));
	for (i = 0; !__atomic_load_n(&w.done, __ATOMIC_ACQUIRE); i++) {
		ASSERT_EQ(0, replace(&self->b, 1, i % 2 ? ANY : self->a.id));
	}
	pthread_join(w.thread, NULL);
	EXPECT_EQ(0, w.error);
	for (i = 0; i < SIGNALS; i++) {
		ASSERT_EQ(0, receive(&self->b, i));
	}
}

/* MATCH-4, section 32: 4096; tested last; nothing is changed by it */
TEST_F_TIMEOUT(match, limit, 120)
{
	struct kd_block b;
	uint64_t i;

	for (i = 0; i < MATCHES_MAX; i++) {
		ASSERT_EQ(0, add_id(&self->b, i / 2, KDBUS_ITEM_ID,
				    i == 7 ? self->a.id : i << 32));
	}
	EXPECT_EQ(-EMFILE, add_id(&self->b, 1, KDBUS_ITEM_ID, ANY));
	EXPECT_EQ(-EMFILE, kd_match_all(&self->b, 99999));
	EXPECT_EQ(-EBADSLT, kd_match_remove(&self->b, 99999));
	EXPECT_EQ(-EMFILE, replace(&self->b, 99999, ANY));
	EXPECT_EQ(-EBADSLT, kd_match_remove(&self->b, 99999));
	/* bad rules are told first */
	kd_match_start(&b, 1);
	kd_add(&b, KDBUS_ITEM_BLOOM_MASK, NULL, 8);
	EXPECT_EQ(-EDOM, kd_match_add(&self->b, &b));
	kd_match_start(&b, 1);
	kd_add_str(&b, KDBUS_ITEM_NAME, "org");
	EXPECT_EQ(-EINVAL, kd_match_add(&self->b, &b));
	/* others are not concerned */
	EXPECT_EQ(0, kd_match_all(&self->c, 1));
	/* all are still in force, and no more than that */
	ASSERT_EQ(0, kd_broadcast(&self->a, 1));
	EXPECT_EQ(0, receive(&self->b, 1));
	ASSERT_EQ(0, kd_broadcast(&self->c, 2));
	EXPECT_EQ(-EAGAIN, empty(&self->b));

	/* one that removes a match has room: two go, one comes */
	EXPECT_EQ(0, replace(&self->b, 3, self->c.id));
	ASSERT_EQ(0, kd_broadcast(&self->a, 3));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	ASSERT_EQ(0, kd_broadcast(&self->c, 4));
	EXPECT_EQ(0, receive(&self->b, 4));
	EXPECT_EQ(0, add_id(&self->b, 3, KDBUS_ITEM_ID, self->a.id));
	EXPECT_EQ(-EMFILE, add_id(&self->b, 3, KDBUS_ITEM_ID, self->a.id));
	EXPECT_EQ(0, kd_match_remove(&self->b, 5));
	EXPECT_EQ(0, kd_match_all(&self->b, 6));
	EXPECT_EQ(0, kd_match_all(&self->b, 6));
	EXPECT_EQ(-EMFILE, kd_match_all(&self->b, 6));
	/* one for each replaced, again and again */
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(0, replace(&self->b, 100, 0));
	}
	EXPECT_EQ(0, kd_match_all(&self->b, 6));
	EXPECT_EQ(-EMFILE, kd_match_all(&self->b, 6));
}

/* W-3: a NEGOTIATE item is no rule */
TEST_F(match, negotiate_item)
{
	struct kd_block b;
	int i;

	for (i = 0; i < 2; i++) {
		kd_match_start(&b, 1);
		kd_add_u64(&b, KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_ID);
		if (i)
			kd_add_u64(&b, KDBUS_ITEM_ID, self->a.id);
		ASSERT_EQ(0, kd_match_add(&self->b, &b));
		ASSERT_EQ(0, kd_broadcast(&self->a, 1));
		EXPECT_EQ(0, receive(&self->b, 1));
		ASSERT_EQ(0, kd_broadcast(&self->c, 2));
		EXPECT_EQ(i ? -EAGAIN : 0, receive(&self->b, 2));
		if (i == 0)
			EXPECT_EQ(0, kd_match_remove(&self->b, 1));
	}
	/* with the flag nothing is added: NEG-1 */
	kd_match_start(&b, 2);
	b.match.flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, kd_match_add(&self->b, &b));
	EXPECT_EQ(KDBUS_MATCH_REPLACE, b.match.flags);
	EXPECT_EQ(-EBADSLT, kd_match_remove(&self->b, 2));
	kd_match_start(&b, 1);
	b.match.flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, kd_ioctl(self->b.fd, KDBUS_CMD_MATCH_REMOVE, &b));
	EXPECT_EQ(0, b.match.flags);
	EXPECT_EQ(0, kd_match_remove(&self->b, 1));
}

/* CMD-3, W-21: the effect stays when results cannot be written back */
TEST_F(match, write_back)
{
	size_t page = getpagesize();
	uint8_t *p = kd_guard(page, PROT_READ | PROT_WRITE);
	struct kd_block b;

	kd_match_start(&b, 4);
	memcpy(p, &b, b.size);
	ASSERT_EQ(0, mprotect(p, page, PROT_READ));
	/* in place of EBADSLT */
	EXPECT_EQ(-EFAULT, kd_ioctl(self->b.fd, KDBUS_CMD_MATCH_REMOVE, p));
	EXPECT_EQ(-EFAULT, kd_ioctl(self->b.fd, KDBUS_CMD_MATCH_ADD, p));
	ASSERT_EQ(0, kd_broadcast(&self->a, 1));
	EXPECT_EQ(0, receive(&self->b, 1));
	EXPECT_EQ(-EFAULT, kd_ioctl(self->b.fd, KDBUS_CMD_MATCH_REMOVE, p));
	ASSERT_EQ(0, kd_broadcast(&self->a, 2));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* H-3, section 4: ordinary connections only; and none that has gone */
TEST_F(match, kinds)
{
	static const unsigned int commands[] = {
		KDBUS_CMD_MATCH_ADD, KDBUS_CMD_MATCH_REMOVE,
	};
	struct kd_conn kinds[3];
	size_t i, n;

	ASSERT_EQ(0, kd_hello_name(&kinds[0], self->env.bus,
				   KDBUS_HELLO_ACTIVATOR, NAME));
	ASSERT_EQ(0, kd_hello_name(&kinds[1], self->env.bus,
				   KDBUS_HELLO_POLICY_HOLDER, TWO));
	ASSERT_EQ(0, kd_hello(&kinds[2], self->env.bus, KDBUS_HELLO_MONITOR,
			      0, KD_POOL));
	ASSERT_EQ(0, kd_byebye(&self->a));
	for (i = 0; i < KD_ARRAY_SIZE(commands); i++) {
		for (n = 0; n < KD_ARRAY_SIZE(kinds); n++) {
			EXPECT_EQ(-EOPNOTSUPP,
				  kd_ioctl(kinds[n].fd, commands[i], NULL));
		}
		EXPECT_EQ(-ECONNRESET,
			  kd_ioctl(self->a.fd, commands[i], NULL));
		EXPECT_EQ(-EFAULT, kd_ioctl(self->b.fd, commands[i], NULL));
	}
}

#define CGROUP		"/sys/fs/cgroup"
#define BIG_MATCHES	128
#define BIG_MASKS	480

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = fd >= 0 && write(fd, text, strlen(text)) > 0 ? 0 : -errno;

	if (fd >= 0)
		close(fd);
	return r;
}

static int64_t read_number(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -1;
	close(fd);
	return strtoll(text, NULL, 10);
}

/* W-26, MATCH-4: matches are charged to the memory cgroup of the caller */
TEST_F_TIMEOUT(match, memory, 120)
{
	static const char dir[] = CGROUP "/kdbus-match";
	static const char current[] = CGROUP "/kdbus-match/memory.current";
	struct kd_block b;
	int64_t before, with, half = BIG_MATCHES * BIG_MASKS * KD_BLOOM / 2;
	uint64_t start;
	int i;

	write_file(CGROUP "/cgroup.subtree_control", "+memory");
	if (mkdir(dir, 0755) < 0 || read_number(current) < 0 ||
	    write_file(CGROUP "/kdbus-match/cgroup.procs", "0") < 0) {
		rmdir(dir);
		SKIP(return, "no memory cgroup of its own can be made");
	}
	before = read_number(current);
	for (i = 0; i < BIG_MATCHES; i++) {
		kd_match_start(&b, i);
		kd_add(&b, KDBUS_ITEM_BLOOM_MASK, NULL,
		       BIG_MASKS * KD_BLOOM)->data64[0] = i;
		ASSERT_EQ(0, kd_match_add(&self->b, &b));
	}
	with = read_number(current);
	EXPECT_LE(before + 2 * half, with);
	for (i = 0; i < BIG_MATCHES; i++) {
		ASSERT_EQ(0, kd_match_remove(&self->b, i));
	}
	/* given back, though perhaps not at once */
	start = kd_now();
	while (read_number(current) > with - half &&
	       kd_now() - start < KD_PATIENCE * KD_MS)
		sched_yield();
	EXPECT_GE(with - half, read_number(current));
	EXPECT_EQ(0, write_file(CGROUP "/cgroup.procs", "0"));
	EXPECT_EQ(0, rmdir(dir));
}

#define RECEIVERS	8
#define SENDERS		3
#define PER_RECEIVER	6
#define RULES		3
#define NAMES		4
#define ROUNDS		400

/**
 * struct rule - a rule for signals, as the test sees it
 * @type: item type, 0 for none
 * @id: of ID and DST_ID
 * @name: of NAME: which one
 * @masks: of BLOOM_MASK
 * @n: number of @masks
 */
struct rule {
	uint64_t type;
	uint64_t id;
	unsigned int name;
	struct bloom masks[3];
	unsigned int n;
};

struct model {
	struct kd_conn from[SENDERS];
	struct kd_conn to[RECEIVERS];
	struct rule rules[RECEIVERS][PER_RECEIVER][RULES];
	int owner[NAMES];		/* sender, or -1 */
};

static const char *const all_names[NAMES] = {
	"org.example.One", "org.example.Two", "org.example", "a.b.c.d",
};

static unsigned int random_below(unsigned int n)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 33) % n;
}

/* Few of the bits, so that some masks fit and some do not. */
static struct bloom random_bloom(unsigned int n)
{
	struct bloom bloom = { 0 };

	while (n--)
		set(&bloom, 37 * random_below(12));
	return bloom;
}

static void random_rule(const struct model *m, struct rule *rule)
{
	static const uint64_t types[] = {
		KDBUS_ITEM_BLOOM_MASK, KDBUS_ITEM_BLOOM_MASK,
		KDBUS_ITEM_BLOOM_MASK, KDBUS_ITEM_ID, KDBUS_ITEM_DST_ID,
		KDBUS_ITEM_NAME,
	};
	unsigned int i;

	rule->type = types[random_below(KD_ARRAY_SIZE(types))];
	rule->name = random_below(NAMES);
	rule->n = 1 + random_below(3);
	for (i = 0; i < rule->n; i++)
		rule->masks[i] = random_bloom(random_below(20) ?
					      1 + random_below(3) : 0);
	if (rule->type == KDBUS_ITEM_DST_ID)
		rule->id = random_below(3) ? 5 : ANY;
	else
		rule->id = random_below(8) ?
			   m->from[random_below(SENDERS)].id : ANY;
}

/* Put another match in place of one. */
static int random_match(struct model *m, unsigned int to, unsigned int n)
{
	struct rule *rules = m->rules[to][n];
	unsigned int i, used = random_below(20) ? 1 + random_below(RULES) : 0;
	struct kd_block b;

	memset(rules, 0, RULES * sizeof(*rules));
	kd_match_start(&b, n);
	b.match.flags = KDBUS_MATCH_REPLACE;
	/* without rules it would hide all others: use an id of nobody then */
	if (!used) {
		rules[0].type = KDBUS_ITEM_ID;
		rules[0].id = 3;
		kd_add_u64(&b, KDBUS_ITEM_ID, 3);
	}
	for (i = 0; i < used; i++) {
		random_rule(m, &rules[i]);
		if (rules[i].type == KDBUS_ITEM_BLOOM_MASK)
			kd_add(&b, KDBUS_ITEM_BLOOM_MASK, rules[i].masks,
			       rules[i].n * KD_BLOOM);
		else if (rules[i].type == KDBUS_ITEM_NAME)
			kd_add_str(&b, KDBUS_ITEM_NAME,
				   all_names[rules[i].name]);
		else
			kd_add_u64(&b, rules[i].type, rules[i].id);
	}
	return kd_match_add(&m->to[to], &b);
}

static bool rule_fits(const struct model *m, const struct rule *rule,
		      unsigned int from, uint64_t generation,
		      const struct bloom *filter)
{
	switch (rule->type) {
	case KDBUS_ITEM_BLOOM_MASK:
		if (generation >= rule->n)
			generation = rule->n - 1;
		return is_subset(&rule->masks[generation], filter);
	case KDBUS_ITEM_ID:
		return rule->id == ANY || rule->id == m->from[from].id;
	case KDBUS_ITEM_DST_ID:
		return rule->id == ANY;
	case KDBUS_ITEM_NAME:
		return m->owner[rule->name] == (int)from;
	default:
		return true;
	}
}

static bool is_satisfied(const struct model *m, unsigned int to,
			 unsigned int from, uint64_t generation,
			 const struct bloom *filter)
{
	unsigned int i, n;

	for (i = 0; i < PER_RECEIVER; i++) {
		for (n = 0; n < RULES; n++) {
			if (!rule_fits(m, &m->rules[to][i][n], from,
				       generation, filter))
				break;
		}
		if (n == RULES)
			return true;
	}
	return false;
}

/* A name changes hands. */
static int random_owner(struct model *m)
{
	unsigned int name = random_below(NAMES);
	int to = (int)random_below(SENDERS + 1) - 1, r = 0;

	if (m->owner[name] >= 0)
		r = kd_name_release(&m->from[m->owner[name]], all_names[name]);
	m->owner[name] = to;
	if (r == 0 && to >= 0)
		r = kd_name_acquire(&m->from[to], all_names[name], 0, NULL);
	return r;
}

/* MATCH-6 to MATCH-8: many matches at once, against a plain evaluation */
TEST_F_TIMEOUT(match, against_model, 120)
{
	static struct model m;
	struct bloom filter;
	uint64_t generation;
	unsigned int from, to, i, hits = 0;

	memset(m.owner, -1, sizeof(m.owner));
	for (i = 0; i < SENDERS; i++) {
		ASSERT_EQ(0, kd_connect(&m.from[i], self->env.bus));
	}
	for (to = 0; to < RECEIVERS; to++) {
		ASSERT_EQ(0, kd_connect(&m.to[to], self->env.bus));
		for (i = 0; i < PER_RECEIVER; i++) {
			ASSERT_EQ(0, random_match(&m, to, i));
		}
	}
	for (i = 0; i < ROUNDS; i++) {
		from = random_below(SENDERS);
		generation = random_below(4);
		filter = random_bloom(random_below(14));
		ASSERT_EQ(0, send_signal(&m.from[from], TO_ALL, i, generation,
					 &filter));
		for (to = 0; to < RECEIVERS; to++) {
			bool fits = is_satisfied(&m, to, from, generation,
						 &filter);

			ASSERT_EQ(fits ? 0 : -EAGAIN, receive(&m.to[to], i)) {
				TH_LOG("round %u receiver %u", i, to);
			}
			hits += fits;
		}
		ASSERT_EQ(0, random_owner(&m));
		ASSERT_EQ(0, random_match(&m, random_below(RECEIVERS),
					  random_below(PER_RECEIVER)));
	}
	/* the numbers above are such that both cases are frequent */
	EXPECT_LT(ROUNDS * RECEIVERS / 10, hits);
	EXPECT_GT(ROUNDS * RECEIVERS * 9 / 10, hits);
}

TEST_HARNESS_MAIN
