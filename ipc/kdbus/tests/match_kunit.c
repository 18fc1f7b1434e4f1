// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of match.c: which rules are accepted, what satisfies them, who
 * is found, and that the index finds the same as looking at everything.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/prandom.h>
#include <linux/rbtree.h>
#include <linux/slab.h>

#include "../item.h"
#include "../limits.h"
#include "../match.h"
#include "../names.h"

#define SEED	20261122

/* Filters of the tables: two words. */
#define BLOOM	16

#define ANY	KDBUS_MATCH_ID_ANY
#define ALL	(~0ULL)

#define SENDER	7
#define PEER	8

#define OWNERS	12

/**
 * struct rule - a rule to be written as item
 * @type:	type of the item; 0: no rule
 * @id:		ID, DST_ID, ID_*: the id; NAME_*: the old one
 * @new_id:	NAME_*: the new one
 * @name:	NAME, NAME_*: the name, or NULL
 * @masks:	BLOOM_MASK: number of masks
 * @mask:	BLOOM_MASK: the masks
 */
struct rule {
	u64 type;
	u64 id;
	u64 new_id;
	const char *name;
	unsigned int masks;
	u64 mask[6];
};

#define MASK(...)							\
	{ .type = KDBUS_ITEM_BLOOM_MASK,				\
	  .masks = sizeof((u64[]){ __VA_ARGS__ }) / BLOOM,		\
	  .mask = { __VA_ARGS__ } }
#define ID(value)	{ .type = KDBUS_ITEM_ID, .id = (value) }
#define DST_ID(value)	{ .type = KDBUS_ITEM_DST_ID, .id = (value) }
#define NAME(str)	{ .type = KDBUS_ITEM_NAME, .name = (str) }
#define NAME_NOTE(which, old, new, str)					\
	{ .type = KDBUS_ITEM_NAME_##which, .id = (old),			\
	  .new_id = (new), .name = (str) }
#define ID_NOTE(which, value)						\
	{ .type = KDBUS_ITEM_ID_##which, .id = (value) }

/**
 * struct fixture - a bus and those who are on it
 * @matches:	matches of the bus
 * @ready:	@matches is initialised
 * @owners:	who owns matches
 * @sender:	who sends, with its names
 * @room:	for answers
 * @size:	bytes in @items
 * @items:	rules being written
 */
struct fixture {
	struct kdbus_matches matches;
	bool ready;
	struct kdbus_match_owner owners[OWNERS];
	struct kdbus_name_owner sender;
	struct kdbus_match_owner *room[2 * OWNERS];
	size_t size;
	u64 items[KDBUS_CMD_MAX_SIZE / sizeof(u64)];
};

static void *position(struct fixture *fix)
{
	return (void *)fix->items + KDBUS_ALIGN8(fix->size);
}

static void put(struct fixture *fix, u64 type, const void *data, size_t size)
{
	void *pos = position(fix);

	kdbus_item_put(pos, type, data, size);
	fix->size = pos - (void *)fix->items + KDBUS_ITEM_SIZE(size);
}

static void put_name_note(struct fixture *fix, u64 type, u64 old_id,
			  u64 new_id, const char *name)
{
	struct kdbus_item *item = position(fix);
	u64 fixed[] = { old_id, 0x1111, new_id, 0x2222 };
	size_t len = name ? strlen(name) + 1 : 0;

	put(fix, type, fixed, sizeof(fixed));
	if (!name)
		return;

	memset(item->data + sizeof(fixed), 0, KDBUS_ALIGN8(len));
	memcpy(item->data + sizeof(fixed), name, len);
	item->size += len;
	fix->size += len;
}

static void put_rule(struct fixture *fix, const struct rule *rule)
{
	u64 id[] = { rule->id, 0x3333 };

	switch (rule->type) {
	case KDBUS_ITEM_BLOOM_MASK:
		put(fix, rule->type, rule->mask, rule->masks * BLOOM);
		break;
	case KDBUS_ITEM_ID:
	case KDBUS_ITEM_DST_ID:
		put(fix, rule->type, id, sizeof(*id));
		break;
	case KDBUS_ITEM_NAME:
		put(fix, rule->type, rule->name, strlen(rule->name) + 1);
		break;
	case KDBUS_ITEM_ID_ADD:
	case KDBUS_ITEM_ID_REMOVE:
		put(fix, rule->type, id, sizeof(id));
		break;
	default:
		put_name_note(fix, rule->type, rule->id, rule->new_id,
			      rule->name);
	}
}

static void put_rules(struct fixture *fix, const struct rule *rules, size_t n)
{
	size_t i;

	fix->size = 0;
	for (i = 0; i < n && rules[i].type; i++)
		put_rule(fix, &rules[i]);
}

/* Makes a match of the rules that were written. */
static struct kdbus_match *make(struct kunit *test, u64 cookie)
{
	struct fixture *fix = test->priv;
	struct kdbus_match *match;

	match = kdbus_match_new(fix->items, fix->size, cookie,
				fix->matches.bloom_size);
	KUNIT_ASSERT_FALSE(test, IS_ERR(match));

	return match;
}

static int try_add(struct kunit *test, unsigned int owner, u64 cookie,
		   bool replace)
{
	struct fixture *fix = test->priv;
	struct kdbus_match *match = make(test, cookie);
	int ret;

	ret = kdbus_match_add(&fix->matches, &fix->owners[owner], match,
			      replace);
	if (ret)
		kdbus_match_free(match);

	return ret;
}

static void add(struct kunit *test, unsigned int owner, u64 cookie,
		const struct rule *rules, size_t n)
{
	put_rules(test->priv, rules, n);
	KUNIT_ASSERT_EQ(test, try_add(test, owner, cookie, false), 0);
}

static void add_rule(struct kunit *test, unsigned int owner, u64 cookie,
		     struct rule rule)
{
	add(test, owner, cookie, &rule, 1);
}

/* Asks, and returns the set of owners found, each of which was found once. */
static unsigned long ask(struct kunit *test,
			 const struct kdbus_match_context *ctx, size_t max)
{
	struct fixture *fix = test->priv;
	struct kdbus_match_hits hits = { .owners = fix->room, .max = max };
	unsigned long found = 0, bit;
	bool done;
	size_t i;

	down_read(&fix->matches.lock);
	done = kdbus_matches_query(&fix->matches, ctx, &hits);
	if (!done) {
		KUNIT_EXPECT_GT(test, hits.n, max);
		KUNIT_ASSERT_LE(test, hits.n, ARRAY_SIZE(fix->room));
		hits.max = hits.n;
		done = kdbus_matches_query(&fix->matches, ctx, &hits);
	}
	up_read(&fix->matches.lock);

	KUNIT_EXPECT_TRUE(test, done);
	KUNIT_ASSERT_LE(test, hits.n, hits.max);
	for (i = 0; i < hits.n; i++) {
		bit = BIT(hits.owners[i] - fix->owners);
		KUNIT_EXPECT_FALSE(test, found & bit);
		found |= bit;
	}

	return found;
}

static bool is_satisfied(struct fixture *fix, unsigned int owner,
			 const struct kdbus_match_context *ctx)
{
	bool ret;

	down_read(&fix->matches.lock);
	ret = kdbus_match_owner_satisfied(&fix->matches, &fix->owners[owner],
					  ctx);
	up_read(&fix->matches.lock);

	return ret;
}

static unsigned int count_groups(const struct kdbus_matches *matches)
{
	const struct rb_node *node;
	unsigned int n = 0;

	for (node = rb_first(&matches->groups); node; node = rb_next(node))
		n++;

	return n;
}

static unsigned int count_slots(const struct kdbus_matches *matches)
{
	unsigned int i, n = 0;

	for (i = 0; i < KDBUS_MATCH_WORDS; i++)
		n += hweight64(matches->occupied[i]);

	return n;
}

static void expect_empty(struct kunit *test)
{
	struct fixture *fix = test->priv;
	unsigned int i;

	for (i = 0; i < OWNERS; i++)
		KUNIT_EXPECT_EQ(test, fix->owners[i].count, 0);
	KUNIT_EXPECT_EQ(test, fix->matches.owners, 0);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&fix->matches.groups));
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&fix->matches.index));
	KUNIT_EXPECT_EQ(test, count_slots(&fix->matches), 0);
}

static void clear(struct fixture *fix)
{
	unsigned int i;

	for (i = 0; i < OWNERS; i++)
		kdbus_match_owner_clear(&fix->matches, &fix->owners[i]);
}

/* Gives the sender a name, which it owns or waits for. */
static void give_name(struct kunit *test, const char *str, bool primary)
{
	struct fixture *fix = test->priv;
	struct kdbus_name_entry *entry;
	struct kdbus_wellknown *name;

	name = kunit_kzalloc(test, struct_size(name, str, strlen(str) + 1),
			     GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, name);
	entry = kunit_kzalloc(test, sizeof(*entry), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, entry);

	strscpy(name->str, str, strlen(str) + 1);
	name->primary = primary ? entry : NULL;
	entry->name = name;
	list_add_tail(&entry->of_owner, &fix->sender.entries);
	fix->sender.count++;
}

static void start(struct kunit *test, size_t bloom_size)
{
	struct fixture *fix = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, kdbus_matches_init(&fix->matches, bloom_size), 0);
	fix->ready = true;
	for (i = 0; i < OWNERS; i++)
		kdbus_match_owner_init(&fix->owners[i]);
	expect_empty(test);
}

static void stop(struct kunit *test)
{
	struct fixture *fix = test->priv;

	clear(fix);
	expect_empty(test);
	kdbus_matches_destroy(&fix->matches);
	fix->ready = false;
}

static int match_init(struct kunit *test)
{
	struct fixture *fix;

	fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	if (!fix)
		return -ENOMEM;

	test->priv = fix;
	fix->sender.id = SENDER;
	INIT_LIST_HEAD(&fix->sender.entries);
	give_name(test, "org.kdbus.first", true);
	give_name(test, "org.kdbus.waits", false);
	give_name(test, "org.kdbus.second", true);
	start(test, BLOOM);

	return 0;
}

static void match_exit(struct kunit *test)
{
	struct fixture *fix = test->priv;

	if (fix && fix->ready)
		stop(test);
}

/* MATCH-2: sizes of masks and syntax of names; the first bad item decides. */
static void rules_checked(struct kunit *test)
{
	static const struct {
		size_t mask;
		const char *name;
		bool name_first;
		int want;
	} rows[] = {
		{ .mask = BLOOM, .name = "a.b" },
		{ .mask = 3 * BLOOM, .name = "a.b" },
		{ .mask = 0, .name = "a.b", .want = -EDOM },
		{ .mask = 8, .name = "a.b", .want = -EDOM },
		{ .mask = BLOOM - 1, .name = "a.b", .want = -EDOM },
		{ .mask = BLOOM + 8, .name = "a.b", .want = -EDOM },
		{ .mask = BLOOM, .name = "", .want = -EINVAL },
		{ .mask = BLOOM, .name = "a", .want = -EINVAL },
		{ .mask = BLOOM, .name = "a..b", .want = -EINVAL },
		{ .mask = BLOOM, .name = "a.b.*", .want = -EINVAL },
		{ .mask = 8, .name = "a", .want = -EDOM },
		{ .mask = 8, .name = "a", .name_first = true, .want = -EINVAL },
	};
	static const u64 masks[3 * BLOOM / sizeof(u64)];
	struct fixture *fix = test->priv;
	struct kdbus_match *match;
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].name) + 1;

		fix->size = 0;
		if (rows[i].name_first)
			put(fix, KDBUS_ITEM_NAME, rows[i].name, len);
		put(fix, KDBUS_ITEM_BLOOM_MASK, masks, rows[i].mask);
		if (!rows[i].name_first)
			put(fix, KDBUS_ITEM_NAME, rows[i].name, len);

		match = kdbus_match_new(fix->items, fix->size, 1, BLOOM);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(match), rows[i].want,
				    "row %d", i);
		if (!IS_ERR(match))
			kdbus_match_free(match);
	}
	kdbus_match_free(NULL);
}

/* MATCH-2: what is not checked. */
static void rules_not_checked(struct kunit *test)
{
	static const struct rule rules[] = {
		NAME_NOTE(ADD, 1, 2, "not a name"),
		NAME_NOTE(CHANGE, 1, 2, "*"),
		NAME_NOTE(REMOVE, 1, 2, ""),
		ID(0), DST_ID(0), ID_NOTE(ADD, 0),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		add_rule(test, 0, 1, rules[i]);
	stop(test);
}

/**
 * struct row - one line of a table of matches
 * @rules:	the rules of the match
 * @ctx:	what is sent
 * @generation:	of the filter
 * @filter:	the filter
 * @want:	the match is satisfied
 */
struct row {
	struct rule rules[3];
	struct kdbus_match_context ctx;
	u64 generation;
	u64 filter[BLOOM / sizeof(u64)];
	bool want;
};

/* Each line alone on the bus, then all together, each with its owner. */
static void check_rows(struct kunit *test, const struct row *rows, size_t n)
{
	struct fixture *fix = test->priv;
	struct kdbus_match_context ctx;
	u64 filter[1 + BLOOM / sizeof(u64)];
	bool together;
	size_t i, k;

	for (k = 0; k < 2 * n; k++) {
		i = k % n;
		together = k >= n;
		if (k == n)
			for (i = n; i-- > 0; )
				add(test, i % OWNERS, i, rows[i].rules, 3);
		i = k % n;
		if (!together)
			add(test, 0, 1, rows[i].rules, 3);

		ctx = rows[i].ctx;
		filter[0] = rows[i].generation;
		memcpy(filter + 1, rows[i].filter, BLOOM);
		if (!ctx.type) {
			ctx.filter = (void *)filter;
			ctx.src = ctx.src_id == SENDER ? &fix->sender : NULL;
		}

		if (!together) {
			KUNIT_EXPECT_EQ_MSG(test, ask(test, &ctx, 1),
					    rows[i].want, "row %zu", i);
			KUNIT_EXPECT_EQ_MSG(test, is_satisfied(fix, 0, &ctx),
					    rows[i].want, "row %zu", i);
			stop(test);
			start(test, BLOOM);
		} else if (rows[i].want) {
			KUNIT_EXPECT_TRUE_MSG(test, ask(test, &ctx, 1) &
					      BIT(i % OWNERS), "row %zu", i);
		}
	}
}

#define BROADCAST	{ .src_id = SENDER, .dst_id = ALL }
#define TO_PEER		{ .src_id = SENDER, .dst_id = PEER }
#define TO_NAME		{ .src_id = SENDER, .dst_id = 0 }
#define NAMELESS	{ .src_id = PEER, .dst_id = ALL }

/* MATCH-7 */
static void signals(struct kunit *test)
{
	static const struct row rows[] = {
		/* Every bit of the mask is in the filter, not the reverse. */
		{ { MASK(1, 0) }, BROADCAST, 0, { 3, 0 }, true },
		{ { MASK(3, 0) }, BROADCAST, 0, { 1, 0 }, false },
		{ { MASK(3, 8) }, BROADCAST, 0, { 3, 8 }, true },
		{ { MASK(3, 8) }, BROADCAST, 0, { 3, 16 }, false },
		{ { MASK(0, 8) }, BROADCAST, 0, { 0, 9 }, true },
		{ { MASK(ALL, ALL) }, BROADCAST, 0, { ALL, ALL }, true },
		{ { MASK(ALL, ALL) }, BROADCAST, 0, { ALL, ALL - 1 }, false },
		{ { MASK(1ULL << 63, 0) }, BROADCAST, 0, { 1ULL << 63 }, true },
		{ { MASK(1, 0) }, BROADCAST, 0, { 0, 1 }, false },
		/* An all-zero mask catches every signal. */
		{ { MASK(0, 0) }, BROADCAST, 0, { 0, 0 }, true },
		{ { MASK(0, 0) }, BROADCAST, 0, { 5, 5 }, true },

		{ { ID(SENDER) }, BROADCAST, 0, {}, true },
		{ { ID(PEER) }, BROADCAST, 0, {}, false },
		{ { ID(ANY) }, BROADCAST, 0, {}, true },
		{ { ID(0) }, BROADCAST, 0, {}, false },

		{ { DST_ID(PEER) }, TO_PEER, 0, {}, true },
		{ { DST_ID(SENDER) }, TO_PEER, 0, {}, false },
		{ { DST_ID(ANY) }, TO_PEER, 0, {}, true },
		{ { DST_ID(PEER) }, BROADCAST, 0, {}, false },
		{ { DST_ID(ALL) }, BROADCAST, 0, {}, true },
		{ { DST_ID(0) }, BROADCAST, 0, {}, false },
		{ { DST_ID(0) }, TO_NAME, 0, {}, true },
		{ { DST_ID(PEER) }, TO_NAME, 0, {}, false },

		{ { NAME("org.kdbus.first") }, BROADCAST, 0, {}, true },
		{ { NAME("org.kdbus.second") }, TO_PEER, 0, {}, true },
		{ { NAME("org.kdbus.waits") }, BROADCAST, 0, {}, false },
		{ { NAME("org.kdbus.other") }, BROADCAST, 0, {}, false },
		{ { NAME("org.kdbus") }, BROADCAST, 0, {}, false },
		{ { NAME("org.kdbus.first") }, NAMELESS, 0, {}, false },

		{ { NAME_NOTE(ADD, ANY, ANY, NULL) }, BROADCAST, 0, {}, false },
		{ { NAME_NOTE(REMOVE, ANY, ANY, NULL) }, BROADCAST, 0, {},
		  false },
		{ { NAME_NOTE(CHANGE, ANY, ANY, NULL) }, BROADCAST, 0, {},
		  false },
		{ { ID_NOTE(ADD, ANY) }, BROADCAST, 0, {}, false },
		{ { ID_NOTE(REMOVE, ANY) }, BROADCAST, 0, {}, false },

		/* MATCH-6: no rules; all are required. */
		{ {}, BROADCAST, 0, {}, true },
		{ {}, TO_PEER, 0, { 1, 2 }, true },
		{ { ID(SENDER), MASK(1, 0) }, BROADCAST, 0, { 1, 0 }, true },
		{ { ID(SENDER), MASK(1, 0) }, BROADCAST, 0, { 2, 0 }, false },
		{ { ID(PEER), MASK(1, 0) }, BROADCAST, 0, { 1, 0 }, false },
		{ { MASK(1, 0), MASK(0, 2) }, BROADCAST, 0, { 1, 2 }, true },
		{ { MASK(1, 0), MASK(0, 2) }, BROADCAST, 0, { 1, 1 }, false },
		{ { MASK(1, 0), MASK(0, 2) }, BROADCAST, 0, { 2, 2 }, false },
		{ { ID(SENDER), ID(PEER) }, BROADCAST, 0, {}, false },
		{ { ID(SENDER), ID(SENDER) }, BROADCAST, 0, {}, true },
		{ { NAME("org.kdbus.first"), NAME("org.kdbus.second") },
		  BROADCAST, 0, {}, true },
		{ { NAME("org.kdbus.first"), NAME("org.kdbus.waits") },
		  BROADCAST, 0, {}, false },
		{ { NAME("org.kdbus.first"), ID(SENDER), DST_ID(PEER) },
		  TO_PEER, 0, {}, true },
		{ { NAME("org.kdbus.first"), ID(SENDER), DST_ID(PEER) },
		  BROADCAST, 0, {}, false },
		/* MATCH-9: both worlds in one match. */
		{ { ID(ANY), ID_NOTE(ADD, ANY) }, BROADCAST, 0, {}, false },
		{ { ID_NOTE(ADD, ANY), MASK(0, 0) }, BROADCAST, 0, {}, false },
	};

	check_rows(test, rows, ARRAY_SIZE(rows));
}

/* MATCH-8: mask number min(generation, masks - 1) */
static void generations(struct kunit *test)
{
	static const struct row rows[] = {
		{ { MASK(1, 0) }, BROADCAST, 0, { 1 }, true },
		{ { MASK(1, 0) }, BROADCAST, 1, { 1 }, true },
		{ { MASK(1, 0) }, BROADCAST, ALL, { 1 }, true },
		{ { MASK(1, 0) }, BROADCAST, ALL, { 2 }, false },

		{ { MASK(1, 0, 2, 0, 4, 0) }, BROADCAST, 0, { 1 }, true },
		{ { MASK(1, 0, 2, 0, 4, 0) }, BROADCAST, 0, { 6 }, false },
		{ { MASK(1, 0, 2, 0, 4, 0) }, BROADCAST, 1, { 2 }, true },
		{ { MASK(1, 0, 2, 0, 4, 0) }, BROADCAST, 1, { 5 }, false },
		{ { MASK(1, 0, 2, 0, 4, 0) }, BROADCAST, 2, { 4 }, true },
		{ { MASK(1, 0, 2, 0, 4, 0) }, BROADCAST, 2, { 3 }, false },
		{ { MASK(1, 0, 2, 0, 4, 0) }, BROADCAST, 3, { 4 }, true },
		{ { MASK(1, 0, 2, 0, 4, 0) }, BROADCAST, 3, { 3 }, false },
		{ { MASK(1, 0, 2, 0, 4, 0) }, BROADCAST, ALL, { 4 }, true },
		{ { MASK(1, 0, 2, 0, 4, 0) }, BROADCAST, ALL, { 3 }, false },
		{ { MASK(1, 0, 2, 0, 4, 0) }, BROADCAST, 1ULL << 32, { 1 },
		  false },

		/* Masks that have a bit in common, or of which one is zero. */
		{ { MASK(9, 0, 10, 0) }, BROADCAST, 0, { 9 }, true },
		{ { MASK(9, 0, 10, 0) }, BROADCAST, 1, { 9 }, false },
		{ { MASK(9, 0, 10, 0) }, BROADCAST, 1, { 10 }, true },
		{ { MASK(1, 0, 0, 0) }, BROADCAST, 0, { 2 }, false },
		{ { MASK(1, 0, 0, 0) }, BROADCAST, 1, { 2 }, true },
		{ { MASK(0, 0, 1, 0) }, BROADCAST, 0, { 2 }, true },
		{ { MASK(0, 0, 1, 0) }, BROADCAST, 1, { 2 }, false },

		/* Each rule selects for itself. */
		{ { MASK(1, 0), MASK(0, 1, 0, 2) }, BROADCAST, 0, { 1, 1 },
		  true },
		{ { MASK(1, 0), MASK(0, 1, 0, 2) }, BROADCAST, 1, { 1, 1 },
		  false },
		{ { MASK(1, 0), MASK(0, 1, 0, 2) }, BROADCAST, 1, { 1, 2 },
		  true },
	};

	check_rows(test, rows, ARRAY_SIZE(rows));
}

#define NOTE(which, old, new, str)					\
	{ .type = KDBUS_ITEM_##which, .old_id = (old), .new_id = (new),	\
	  .name = (str) }
#define ADDED	NOTE(NAME_ADD, 0, SENDER, "a.b")
#define REMOVED	NOTE(NAME_REMOVE, SENDER, 0, "a.b")
#define CHANGED	NOTE(NAME_CHANGE, SENDER, PEER, "a.b")
#define CAME	NOTE(ID_ADD, 0, SENDER, NULL)
#define WENT	NOTE(ID_REMOVE, SENDER, 0, NULL)

/* MATCH-9, first row: notifications of ids. */
static void id_notifications(struct kunit *test)
{
	static const struct row rows[] = {
		{ { ID_NOTE(ADD, SENDER) }, CAME, 0, {}, true },
		{ { ID_NOTE(ADD, ANY) }, CAME, 0, {}, true },
		{ { ID_NOTE(ADD, PEER) }, CAME, 0, {}, false },
		{ { ID_NOTE(ADD, 0) }, CAME, 0, {}, false },
		{ { ID_NOTE(ADD, ANY) }, WENT, 0, {}, false },
		{ { ID_NOTE(ADD, SENDER) }, WENT, 0, {}, false },

		{ { ID_NOTE(REMOVE, SENDER) }, WENT, 0, {}, true },
		{ { ID_NOTE(REMOVE, ANY) }, WENT, 0, {}, true },
		{ { ID_NOTE(REMOVE, PEER) }, WENT, 0, {}, false },
		{ { ID_NOTE(REMOVE, 0) }, WENT, 0, {}, false },
		{ { ID_NOTE(REMOVE, ANY) }, CAME, 0, {}, false },

		/* Rules of the other kinds. */
		{ { NAME_NOTE(ADD, ANY, ANY, NULL) }, CAME, 0, {}, false },
		{ { NAME_NOTE(ADD, 0, SENDER, NULL) }, CAME, 0, {}, false },
		{ { ID_NOTE(ADD, ANY) }, ADDED, 0, {}, false },
		{ { ID_NOTE(ADD, SENDER) }, ADDED, 0, {}, false },
		{ { ID(ANY) }, CAME, 0, {}, false },
		{ { DST_ID(ANY) }, CAME, 0, {}, false },
		{ { MASK(0, 0) }, CAME, 0, {}, false },
		{ { NAME("a.b") }, ADDED, 0, {}, false },

		/* MATCH-6: no rules; all are required. */
		{ {}, CAME, 0, {}, true },
		{ {}, WENT, 0, {}, true },
		{ { ID_NOTE(ADD, SENDER), ID_NOTE(ADD, ANY) }, CAME, 0, {},
		  true },
		{ { ID_NOTE(ADD, ANY), ID_NOTE(ADD, PEER) }, CAME, 0, {},
		  false },
		{ { ID_NOTE(ADD, ANY), ID_NOTE(REMOVE, ANY) }, CAME, 0, {},
		  false },
		{ { ID_NOTE(ADD, ANY), ID(ANY) }, CAME, 0, {}, false },
	};

	check_rows(test, rows, ARRAY_SIZE(rows));
}

/* MATCH-9, second row: notifications of names. */
static void name_notifications(struct kunit *test)
{
	static const struct row rows[] = {
		{ { NAME_NOTE(ADD, ANY, ANY, NULL) }, ADDED, 0, {}, true },
		{ { NAME_NOTE(ADD, ANY, ANY, "a.b") }, ADDED, 0, {}, true },
		{ { NAME_NOTE(ADD, ANY, ANY, "a.c") }, ADDED, 0, {}, false },
		{ { NAME_NOTE(ADD, ANY, ANY, "a") }, ADDED, 0, {}, false },
		{ { NAME_NOTE(ADD, ANY, ANY, "a.b.c") }, ADDED, 0, {}, false },
		{ { NAME_NOTE(ADD, ANY, ANY, "") }, ADDED, 0, {}, false },
		{ { NAME_NOTE(ADD, ANY, SENDER, NULL) }, ADDED, 0, {}, true },
		{ { NAME_NOTE(ADD, ANY, PEER, NULL) }, ADDED, 0, {}, false },
		/* An absent owner counts as 0. */
		{ { NAME_NOTE(ADD, 0, ANY, NULL) }, ADDED, 0, {}, true },
		{ { NAME_NOTE(ADD, 0, SENDER, "a.b") }, ADDED, 0, {}, true },
		{ { NAME_NOTE(ADD, SENDER, ANY, NULL) }, ADDED, 0, {}, false },
		{ { NAME_NOTE(ADD, ANY, 0, NULL) }, ADDED, 0, {}, false },

		{ { NAME_NOTE(REMOVE, ANY, ANY, "a.b") }, REMOVED, 0, {},
		  true },
		{ { NAME_NOTE(REMOVE, SENDER, 0, NULL) }, REMOVED, 0, {},
		  true },
		{ { NAME_NOTE(REMOVE, PEER, 0, NULL) }, REMOVED, 0, {},
		  false },
		{ { NAME_NOTE(REMOVE, ANY, 0, NULL) }, REMOVED, 0, {}, true },
		{ { NAME_NOTE(REMOVE, 0, 0, NULL) }, REMOVED, 0, {}, false },

		{ { NAME_NOTE(CHANGE, SENDER, PEER, "a.b") }, CHANGED, 0, {},
		  true },
		{ { NAME_NOTE(CHANGE, SENDER, PEER, "a.c") }, CHANGED, 0, {},
		  false },
		{ { NAME_NOTE(CHANGE, PEER, SENDER, "a.b") }, CHANGED, 0, {},
		  false },
		{ { NAME_NOTE(CHANGE, SENDER, ANY, NULL) }, CHANGED, 0, {},
		  true },
		{ { NAME_NOTE(CHANGE, ANY, PEER, NULL) }, CHANGED, 0, {},
		  true },
		{ { NAME_NOTE(CHANGE, ANY, SENDER, NULL) }, CHANGED, 0, {},
		  false },

		/* Rules of the other kinds. */
		{ { NAME_NOTE(CHANGE, ANY, ANY, NULL) }, ADDED, 0, {}, false },
		{ { NAME_NOTE(ADD, ANY, ANY, NULL) }, CHANGED, 0, {}, false },
		{ { NAME_NOTE(REMOVE, ANY, ANY, "a.b") }, ADDED, 0, {},
		  false },
		{ {}, ADDED, 0, {}, true },
		{ {}, CHANGED, 0, {}, true },

		/* MATCH-6: all are required. */
		{ { NAME_NOTE(ADD, ANY, ANY, "a.b"),
		    NAME_NOTE(ADD, ANY, SENDER, NULL) }, ADDED, 0, {}, true },
		{ { NAME_NOTE(ADD, ANY, ANY, "a.b"),
		    NAME_NOTE(ADD, ANY, ANY, "a.c") }, ADDED, 0, {}, false },
		{ { NAME_NOTE(ADD, ANY, ANY, NULL),
		    NAME_NOTE(CHANGE, ANY, ANY, NULL) }, ADDED, 0, {}, false },
		{ { NAME_NOTE(ADD, ANY, ANY, NULL), NAME("a.b") }, ADDED, 0,
		  {}, false },
	};

	check_rows(test, rows, ARRAY_SIZE(rows));
}

/* W-3: NEGOTIATE is no rule, wherever it stands. */
static void negotiate_skipped(struct kunit *test)
{
	static const struct kdbus_match_context came = CAME, went = WENT;
	static const u64 types[] = { KDBUS_ITEM_NAME, KDBUS_ITEM_ID };
	static const struct rule rule = ID_NOTE(ADD, ANY);
	struct fixture *fix = test->priv;

	fix->size = 0;
	put(fix, KDBUS_ITEM_NEGOTIATE, types, sizeof(types));
	KUNIT_EXPECT_EQ(test, try_add(test, 0, 1, false), 0);
	KUNIT_EXPECT_EQ(test, ask(test, &went, 1), BIT(0));

	put_rule(fix, &rule);
	KUNIT_EXPECT_EQ(test, try_add(test, 1, 1, false), 0);
	KUNIT_EXPECT_EQ(test, ask(test, &went, 1), BIT(0));
	KUNIT_EXPECT_EQ(test, ask(test, &came, 2), BIT(0) | BIT(1));

	/* It makes no difference between rules either. */
	add_rule(test, 2, 1, rule);
	KUNIT_EXPECT_EQ(test, count_groups(&fix->matches), 2);
}

/* MATCH-11: all with the cookie, of this owner alone. */
static void removed_by_cookie(struct kunit *test)
{
	static const struct kdbus_match_context came = CAME, went = WENT;
	static const struct rule add_any = ID_NOTE(ADD, ANY);
	static const struct rule remove_any = ID_NOTE(REMOVE, ANY);
	struct fixture *fix = test->priv;
	struct kdbus_match_owner *owner = &fix->owners[0];

	KUNIT_EXPECT_EQ(test, kdbus_match_remove(&fix->matches, owner, 5),
			-EBADSLT);

	add_rule(test, 0, 5, add_any);
	add_rule(test, 0, 5, add_any);
	add_rule(test, 0, 5, remove_any);
	add_rule(test, 0, ALL, remove_any);
	add_rule(test, 1, 5, add_any);
	KUNIT_EXPECT_EQ(test, owner->count, 4);
	KUNIT_EXPECT_EQ(test, fix->matches.owners, 2);

	KUNIT_EXPECT_EQ(test, kdbus_match_remove(&fix->matches, owner, 4),
			-EBADSLT);
	KUNIT_EXPECT_EQ(test, owner->count, 4);
	KUNIT_EXPECT_EQ(test, kdbus_match_remove(&fix->matches, owner, 5), 0);
	KUNIT_EXPECT_EQ(test, owner->count, 1);
	KUNIT_EXPECT_EQ(test, kdbus_match_remove(&fix->matches, owner, 5),
			-EBADSLT);

	KUNIT_EXPECT_EQ(test, ask(test, &came, 2), BIT(1));
	KUNIT_EXPECT_EQ(test, ask(test, &went, 2), BIT(0));
	KUNIT_EXPECT_EQ(test, kdbus_match_remove(&fix->matches, owner, ALL), 0);
	KUNIT_EXPECT_EQ(test, fix->matches.owners, 1);
	KUNIT_EXPECT_EQ(test, ask(test, &went, 2), 0);
}

/* MATCH-3: REPLACE removes those with the cookie first. */
static void replaced(struct kunit *test)
{
	static const struct kdbus_match_context came = CAME, went = WENT;
	static const struct rule add_any = ID_NOTE(ADD, ANY);
	static const struct rule remove_any = ID_NOTE(REMOVE, ANY);
	struct fixture *fix = test->priv;

	/* Finding none is fine. */
	put_rules(fix, &add_any, 1);
	KUNIT_EXPECT_EQ(test, try_add(test, 0, 5, true), 0);
	KUNIT_EXPECT_EQ(test, fix->owners[0].count, 1);

	add_rule(test, 0, 5, add_any);
	add_rule(test, 0, 6, add_any);
	add_rule(test, 1, 5, add_any);
	put_rules(fix, &remove_any, 1);
	KUNIT_EXPECT_EQ(test, try_add(test, 0, 5, true), 0);
	KUNIT_EXPECT_EQ(test, fix->owners[0].count, 2);
	KUNIT_EXPECT_EQ(test, fix->owners[1].count, 1);
	KUNIT_EXPECT_EQ(test, ask(test, &came, 2), BIT(0) | BIT(1));
	KUNIT_EXPECT_EQ(test, ask(test, &went, 2), BIT(0));

	/* The same again. */
	KUNIT_EXPECT_EQ(test, try_add(test, 0, 5, true), 0);
	KUNIT_EXPECT_EQ(test, fix->owners[0].count, 2);
	KUNIT_EXPECT_EQ(test, ask(test, &went, 2), BIT(0));
	KUNIT_EXPECT_EQ(test, kdbus_match_remove(&fix->matches,
						 &fix->owners[0], 6), 0);
	KUNIT_EXPECT_EQ(test, ask(test, &came, 2), BIT(1));
}

/* MATCH-4: 4096 matches are accepted, one more is not and changes nothing. */
static void limit(struct kunit *test)
{
	static const struct kdbus_match_context came = CAME, went = WENT;
	static const struct rule add_any = ID_NOTE(ADD, ANY);
	static const struct rule remove_any = ID_NOTE(REMOVE, ANY);
	struct fixture *fix = test->priv;
	struct kdbus_match_owner *owner = &fix->owners[0];
	unsigned int i;

	put_rules(fix, &add_any, 1);
	for (i = 0; i < 4096; i++)
		KUNIT_ASSERT_EQ(test, try_add(test, 0, i, false), 0);
	KUNIT_EXPECT_EQ(test, owner->count, 4096);

	put_rules(fix, &remove_any, 1);
	KUNIT_EXPECT_EQ(test, try_add(test, 0, 1, false), -EMFILE);
	KUNIT_EXPECT_EQ(test, try_add(test, 0, 4096, false), -EMFILE);
	KUNIT_EXPECT_EQ(test, try_add(test, 0, 4096, true), -EMFILE);
	KUNIT_EXPECT_EQ(test, owner->count, 4096);
	KUNIT_EXPECT_EQ(test, ask(test, &went, 2), 0);

	/* Replacing one makes room for one. */
	KUNIT_EXPECT_EQ(test, try_add(test, 0, 1, true), 0);
	KUNIT_EXPECT_EQ(test, owner->count, 4096);
	KUNIT_EXPECT_EQ(test, ask(test, &went, 2), BIT(0));
	KUNIT_EXPECT_EQ(test, try_add(test, 0, 1, false), -EMFILE);

	/* Others have a limit of their own. */
	KUNIT_EXPECT_EQ(test, try_add(test, 1, 1, false), 0);
	KUNIT_EXPECT_EQ(test, ask(test, &came, 2), BIT(0));

	KUNIT_EXPECT_EQ(test, kdbus_match_remove(&fix->matches, owner, 7), 0);
	KUNIT_EXPECT_EQ(test, try_add(test, 0, 1, false), 0);
	KUNIT_EXPECT_EQ(test, try_add(test, 0, 1, false), -EMFILE);
	/* Two leave, one comes. */
	KUNIT_EXPECT_EQ(test, try_add(test, 0, 1, true), 0);
	KUNIT_EXPECT_EQ(test, owner->count, 4095);

	kdbus_match_owner_clear(&fix->matches, owner);
	KUNIT_EXPECT_EQ(test, owner->count, 0);
	KUNIT_EXPECT_EQ(test, fix->matches.owners, 1);
	KUNIT_EXPECT_EQ(test, ask(test, &came, 2), 0);
	KUNIT_EXPECT_EQ(test, ask(test, &went, 2), BIT(1));
}

/* W-55: equal rules are kept once, until the last match with them is gone. */
static void groups_shared(struct kunit *test)
{
	static const struct rule rules[] = {
		MASK(3, 0), NAME("org.kdbus.first"),
	};
	static const struct rule other[] = {
		MASK(3, 0), NAME("org.kdbus.fir"),
	};
	static const u64 filter[] = { 0, 3, 0 };
	struct fixture *fix = test->priv;
	struct kdbus_match_context ctx = BROADCAST;
	unsigned int i;

	ctx.src = &fix->sender;
	ctx.filter = (const void *)filter;

	for (i = 0; i < OWNERS; i++) {
		add(test, i, i, rules, ARRAY_SIZE(rules));
		add(test, i, i, rules, ARRAY_SIZE(rules));
		KUNIT_EXPECT_EQ(test, count_groups(&fix->matches), 1);
		KUNIT_EXPECT_EQ(test, fix->matches.owners, i + 1);
		KUNIT_EXPECT_EQ(test, ask(test, &ctx, i + 1), BIT(i + 1) - 1);
	}

	add(test, 0, 100, other, ARRAY_SIZE(other));
	KUNIT_EXPECT_EQ(test, count_groups(&fix->matches), 2);

	for (i = 0; i < OWNERS; i++) {
		KUNIT_EXPECT_EQ(test, ask(test, &ctx, OWNERS),
				BIT(OWNERS) - BIT(i));
		kdbus_match_owner_clear(&fix->matches, &fix->owners[i]);
		KUNIT_EXPECT_EQ(test, count_groups(&fix->matches),
				i < OWNERS - 1);
		KUNIT_EXPECT_EQ(test, fix->matches.owners, OWNERS - i - 1);
	}
	KUNIT_EXPECT_EQ(test, ask(test, &ctx, 0), 0);
}

/* MATCH-9: flags make no difference, nor does what the padding holds. */
static void rules_canonical(struct kunit *test)
{
	static const struct rule rule = NAME_NOTE(ADD, 0, ANY, "a.bc");
	struct fixture *fix = test->priv;
	struct kdbus_item *item = (void *)fix->items;
	unsigned int i;

	for (i = 0; i < OWNERS; i++) {
		put_rules(fix, &rule, 1);
		item->name_change.old_id.flags = i;
		item->name_change.new_id.flags = ~i;
		((u8 *)item)[item->size] = i;
		KUNIT_EXPECT_EQ(test, try_add(test, i, 0, false), 0);
	}
	KUNIT_EXPECT_EQ(test, count_groups(&fix->matches), 1);
}

/* What nothing satisfies is kept and removed, but is in no index. */
static void never_indexed(struct kunit *test)
{
	static const struct rule rows[][2] = {
		{ ID_NOTE(ADD, 1), ID(1) },
		{ ID(1), ID_NOTE(ADD, 1) },
		{ MASK(1, 0), ID_NOTE(ADD, 1) },
		{ NAME("a.b"), NAME_NOTE(ADD, ANY, ANY, "a.b") },
		{ ID_NOTE(ADD, 1), ID_NOTE(REMOVE, 1) },
		{ NAME_NOTE(ADD, ANY, ANY, "") },
		{ NAME_NOTE(ADD, 1, 2, "") },
	};
	struct fixture *fix = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		add(test, 0, i, rows[i], ARRAY_SIZE(rows[i]));

	KUNIT_EXPECT_EQ(test, fix->owners[0].count, ARRAY_SIZE(rows));
	KUNIT_EXPECT_EQ(test, count_groups(&fix->matches), ARRAY_SIZE(rows));
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&fix->matches.index));
	KUNIT_EXPECT_EQ(test, count_slots(&fix->matches), 0);

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ(test, kdbus_match_remove(&fix->matches,
							 &fix->owners[0], i),
				0);
	expect_empty(test);
}

/* W-55: groups with bits in common spread over the others. */
static void bits_spread(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct rule rule;
	unsigned int i;

	/* All have bit 0, one more each. */
	for (i = 0; i < BLOOM * 8; i++) {
		rule = (struct rule)MASK(1, 0);
		rule.mask[i / 64] |= BIT_ULL(i % 64);
		add_rule(test, 0, i, rule);
		KUNIT_EXPECT_EQ(test, count_slots(&fix->matches), i + 1);
	}
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&fix->matches.index));

	for (; i-- > 0; ) {
		KUNIT_EXPECT_EQ(test, kdbus_match_remove(&fix->matches,
							 &fix->owners[0], i),
				0);
		KUNIT_EXPECT_EQ(test, count_slots(&fix->matches), i);
	}
}

/* W-55: if all bits are taken, the one with the fewest groups is chosen. */
static void emptiest_bit(struct kunit *test)
{
	static const struct rule rows[][2] = {
		{ MASK(1, 0) },
		{ MASK(1, 0), MASK(1, 0) },
		{ MASK(2, 0), MASK(0, 0) },
		{ MASK(3, 0) },
	};
	struct fixture *fix = test->priv;
	struct kdbus_match_owner *owner = &fix->owners[0];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		add(test, 0, i, rows[i], ARRAY_SIZE(rows[i]));
	KUNIT_EXPECT_EQ(test, count_slots(&fix->matches), 2);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&fix->matches.index));

	/* The last one keeps the slot of the third occupied. */
	KUNIT_EXPECT_EQ(test, kdbus_match_remove(&fix->matches, owner, 2), 0);
	KUNIT_EXPECT_EQ(test, count_slots(&fix->matches), 2);
	KUNIT_EXPECT_EQ(test, kdbus_match_remove(&fix->matches, owner, 3), 0);
	KUNIT_EXPECT_EQ(test, count_slots(&fix->matches), 1);
}

/* MATCH-6: alternatives, and an owner is found once however many fit. */
static void found_once(struct kunit *test)
{
	static const struct rule rules[] = {
		ID(SENDER), ID(ANY), DST_ID(ANY), DST_ID(PEER), MASK(0, 0),
		MASK(1, 0), MASK(2, 0), MASK(3, 0), MASK(0, 1, 0, 2),
		NAME("org.kdbus.first"), NAME("org.kdbus.second"), ID(PEER),
	};
	static const u64 filter[] = { 0, 3, 1 };
	struct fixture *fix = test->priv;
	struct kdbus_match_context ctx = TO_PEER;
	unsigned int i, k;
	size_t max;

	ctx.src = &fix->sender;
	ctx.filter = (const void *)filter;

	for (i = 0; i < OWNERS; i += 2) {
		add(test, i, 0, NULL, 0);
		for (k = 0; k < ARRAY_SIZE(rules); k++) {
			add_rule(test, i, k, rules[k]);
			add_rule(test, i, k, rules[k]);
		}
		KUNIT_EXPECT_TRUE(test, is_satisfied(fix, i, &ctx));
		add_rule(test, i + 1, 0, rules[ARRAY_SIZE(rules) - 1]);
		KUNIT_EXPECT_FALSE(test, is_satisfied(fix, i + 1, &ctx));
	}

	/* Whatever the room, 24 are enough for twelve owners. */
	for (max = 0; max <= 2 * OWNERS; max++)
		KUNIT_EXPECT_EQ(test, ask(test, &ctx, max), 0x555);
}

/* The caller learns how much room is enough; no room is enough for none. */
static void room(struct kunit *test)
{
	static const struct kdbus_match_context came = CAME, went = WENT;
	static const struct rule rule = ID_NOTE(ADD, ANY);
	struct fixture *fix = test->priv;
	struct kdbus_match_hits hits = {};
	unsigned int i;

	for (i = 0; i < OWNERS; i++)
		add_rule(test, i, 0, rule);

	down_read(&fix->matches.lock);
	KUNIT_EXPECT_TRUE(test, kdbus_matches_query(&fix->matches, &went,
						    &hits));
	KUNIT_EXPECT_EQ(test, hits.n, 0);

	hits.owners = fix->room;
	for (i = 0; i < OWNERS; i++) {
		hits.max = i;
		KUNIT_EXPECT_FALSE(test, kdbus_matches_query(&fix->matches,
							     &came, &hits));
		KUNIT_EXPECT_EQ(test, hits.n, OWNERS);
	}

	/* Those with one match each need no more than themselves. */
	hits.max = OWNERS;
	KUNIT_EXPECT_TRUE(test, kdbus_matches_query(&fix->matches, &came,
						    &hits));
	KUNIT_EXPECT_EQ(test, hits.n, OWNERS);
	up_read(&fix->matches.lock);
}

/* ---- random matches against the obvious evaluation ---- */

#define MODEL_MATCHES	160

static const char * const names[] = {
	"org.kdbus.first", "org.kdbus.waits", "org.kdbus.second", "a.b", "",
};

/**
 * struct model - matches that should be there
 * @rnd:	random numbers
 * @n:		number of @live
 * @live:	the matches: owner, cookie and rules as they were given
 * @filter:	filter being tested
 */
struct model {
	struct rnd_state rnd;
	unsigned int n;
	struct {
		unsigned int owner;
		u64 cookie;
		size_t size;
		void *items;
	} live[MODEL_MATCHES];
	u64 filter[1 + KDBUS_BLOOM_MAX_SIZE / sizeof(u64)];
};

static u32 any_of(struct model *model, u32 n)
{
	return prandom_u32_state(&model->rnd) % n;
}

static u64 any_id(struct model *model)
{
	static const u64 ids[] = { 0, 1, 2, SENDER, PEER, ANY, ANY };

	return ids[any_of(model, ARRAY_SIZE(ids))];
}

static void set_bits(struct model *model, u64 *words, size_t n,
		     unsigned int bits)
{
	unsigned int bit;

	/* Few different ones, in the first and in the last words. */
	while (bits--) {
		bit = any_of(model, 16) * 5;
		if (any_of(model, 2))
			bit = n * 64 - 1 - bit % (n * 64);
		words[bit % (n * 64) / 64] |= BIT_ULL(bit % 64);
	}
}

static void put_random_masks(struct kunit *test, struct model *model)
{
	struct fixture *fix = test->priv;
	size_t words = fix->matches.bloom_size / sizeof(u64);
	unsigned int masks = 1 + any_of(model, 3) * any_of(model, 2);
	struct kdbus_item *item = position(fix);
	unsigned int i;

	item->size = KDBUS_ITEM_SIZE(masks * fix->matches.bloom_size);
	item->type = KDBUS_ITEM_BLOOM_MASK;
	memset(item->data, 0, masks * fix->matches.bloom_size);
	for (i = 0; i < masks; i++)
		set_bits(model, item->data64 + i * words, words,
			 any_of(model, 4));
	fix->size = (void *)item - (void *)fix->items + item->size;
}

static void put_random_rule(struct kunit *test, struct model *model, bool note)
{
	static const u64 of_signals[] = {
		KDBUS_ITEM_BLOOM_MASK, KDBUS_ITEM_BLOOM_MASK, KDBUS_ITEM_ID,
		KDBUS_ITEM_DST_ID, KDBUS_ITEM_NAME,
	};
	struct rule rule = {
		.type = note ? KDBUS_ITEM_NAME_ADD + any_of(model, 5) :
			of_signals[any_of(model, ARRAY_SIZE(of_signals))],
		.id = any_id(model),
		.new_id = any_id(model),
		.name = names[any_of(model, ARRAY_SIZE(names))],
	};

	if (rule.type == KDBUS_ITEM_BLOOM_MASK) {
		put_random_masks(test, model);
		return;
	}
	if (rule.type == KDBUS_ITEM_NAME && !*rule.name)
		rule.name = names[0];
	if (note && any_of(model, 2))
		rule.name = NULL;
	put_rule(test->priv, &rule);
}

static void put_random_rules(struct kunit *test, struct model *model)
{
	struct fixture *fix = test->priv;
	bool note = any_of(model, 3) == 0;
	unsigned int n = any_of(model, 8) ? 1 + any_of(model, 2) : 0;

	fix->size = 0;
	while (n--) {
		put_random_rule(test, model, note);
		if (any_of(model, 20) == 0)
			note = !note;
	}
}

static void random_context(struct kunit *test, struct model *model,
			   struct kdbus_match_context *ctx)
{
	struct fixture *fix = test->priv;
	size_t size = fix->matches.bloom_size;

	*ctx = (struct kdbus_match_context){};
	if (any_of(model, 3)) {
		memset(model->filter, 0, sizeof(u64) + size);
		model->filter[0] = any_of(model, 2) * any_of(model, 5);
		set_bits(model, model->filter + 1, size / sizeof(u64),
			 any_of(model, 24));
		ctx->filter = (void *)model->filter;
		ctx->src_id = any_of(model, 2) ? SENDER : 1;
		ctx->src = ctx->src_id == SENDER ? &fix->sender : NULL;
		ctx->dst_id = any_id(model);
		return;
	}

	ctx->type = KDBUS_ITEM_NAME_ADD + any_of(model, 5);
	ctx->old_id = any_id(model) % ANY;
	ctx->new_id = any_id(model) % ANY;
	if (ctx->type == KDBUS_ITEM_ID_ADD)
		ctx->old_id = 0;
	else if (ctx->type == KDBUS_ITEM_ID_REMOVE)
		ctx->new_id = 0;
	else
		ctx->name = names[any_of(model, ARRAY_SIZE(names) - 1)];
}

static bool model_mask(const struct kdbus_item *item,
		       const struct kdbus_match_context *ctx, size_t bloom)
{
	u64 masks = (item->size - 16) / bloom, which = ctx->filter->generation;
	const u8 *filter = (const u8 *)ctx->filter->data;
	size_t bit;

	if (which >= masks)
		which = masks - 1;
	for (bit = 0; bit < bloom * 8; bit++)
		if (item->data[which * bloom + bit / 8] & BIT(bit % 8) &&
		    !(filter[bit / 8] & BIT(bit % 8)))
			return false;

	return true;
}

static bool model_rule(const struct kdbus_item *item,
		       const struct kdbus_match_context *ctx, size_t bloom)
{
	const u64 *data = item->data64;

	if (!ctx->type) {
		switch (item->type) {
		case KDBUS_ITEM_BLOOM_MASK:
			return model_mask(item, ctx, bloom);
		case KDBUS_ITEM_ID:
			return data[0] == ANY || data[0] == ctx->src_id;
		case KDBUS_ITEM_DST_ID:
			return data[0] == ANY || data[0] == ctx->dst_id;
		case KDBUS_ITEM_NAME:
			return ctx->src && (!strcmp(item->str, names[0]) ||
					    !strcmp(item->str, names[2]));
		}
		return false;
	}

	if (item->type != ctx->type)
		return false;
	if (item->type == KDBUS_ITEM_ID_ADD)
		return data[0] == ANY || data[0] == ctx->new_id;
	if (item->type == KDBUS_ITEM_ID_REMOVE)
		return data[0] == ANY || data[0] == ctx->old_id;
	return (data[0] == ANY || data[0] == ctx->old_id) &&
	       (data[2] == ANY || data[2] == ctx->new_id) &&
	       (item->size == 48 || !strcmp(item->str + 32, ctx->name));
}

static unsigned long model_ask(const struct model *model,
			       const struct kdbus_match_context *ctx,
			       size_t bloom)
{
	const struct kdbus_item *item;
	unsigned long found = 0;
	unsigned int i;
	bool fits;

	for (i = 0; i < model->n; i++) {
		fits = true;
		kdbus_items_for_each(item, model->live[i].items,
				     model->live[i].size)
			fits = fits && model_rule(item, ctx, bloom);
		if (fits)
			found |= BIT(model->live[i].owner);
	}

	return found;
}

static bool model_remove(struct model *model, unsigned int owner, u64 cookie)
{
	unsigned int i, n = 0;

	for (i = 0; i < model->n; i++) {
		if (model->live[i].owner == owner &&
		    model->live[i].cookie == cookie)
			kfree(model->live[i].items);
		else
			model->live[n++] = model->live[i];
	}
	if (n == model->n)
		return false;

	model->n = n;
	return true;
}

static void model_add(struct kunit *test, struct model *model,
		      unsigned int owner, u64 cookie)
{
	struct fixture *fix = test->priv;
	void *items;

	items = kmemdup(fix->items, KDBUS_ALIGN8(fix->size) + 8, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, items);
	model->live[model->n].owner = owner;
	model->live[model->n].cookie = cookie;
	model->live[model->n].size = fix->size;
	model->live[model->n].items = items;
	model->n++;
}

static void model_clear(struct model *model)
{
	while (model->n)
		kfree(model->live[--model->n].items);
}

static void random_change(struct kunit *test, struct model *model)
{
	struct fixture *fix = test->priv;
	unsigned int owner = any_of(model, OWNERS);
	u64 cookie = any_of(model, 8);
	bool replace = any_of(model, 4) == 0;

	if (model->n == MODEL_MATCHES || any_of(model, 3) == 0) {
		KUNIT_ASSERT_EQ(test, kdbus_match_remove(&fix->matches,
							 &fix->owners[owner],
							 cookie),
				model_remove(model, owner, cookie) ?
					0 : -EBADSLT);
		return;
	}

	put_random_rules(test, model);
	KUNIT_ASSERT_EQ(test, try_add(test, owner, cookie, replace), 0);
	if (replace)
		model_remove(model, owner, cookie);
	model_add(test, model, owner, cookie);
}

static void random_queries(struct kunit *test, struct model *model,
			   unsigned int n)
{
	struct fixture *fix = test->priv;
	struct kdbus_match_context ctx;
	unsigned long want;
	unsigned int i;

	while (n--) {
		random_context(test, model, &ctx);
		want = model_ask(model, &ctx, fix->matches.bloom_size);
		KUNIT_ASSERT_EQ(test, ask(test, &ctx,
					  any_of(model, 2 * OWNERS + 1)),
				want);
		for (i = 0; i < OWNERS; i++)
			KUNIT_ASSERT_EQ(test, is_satisfied(fix, i, &ctx),
					!!(want & BIT(i)));
	}
}

static void random_model(struct kunit *test)
{
	static const struct {
		size_t bloom;
		unsigned int changes;
	} rounds[] = {
		{ 8, 800 }, { 64, 1200 }, { 72, 400 }, { 1024, 200 },
		{ KDBUS_BLOOM_MAX_SIZE, 100 },
	};
	struct fixture *fix = test->priv;
	struct model *model;
	unsigned int i, k;

	model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model);
	prandom_seed_state(&model->rnd, SEED);

	for (i = 0; i < ARRAY_SIZE(rounds); i++) {
		stop(test);
		start(test, rounds[i].bloom);
		for (k = 0; k < rounds[i].changes; k++) {
			random_change(test, model);
			random_queries(test, model, 8);
		}
		KUNIT_EXPECT_GT(test, model->n, 0);

		/* Some leave at once. */
		for (k = 0; k < OWNERS; k += 2) {
			kdbus_match_owner_clear(&fix->matches,
						&fix->owners[k]);
			while (model_remove(model, k, any_of(model, 8)) ||
			       fix->owners[k].count)
				;
		}
		model_clear(model);
	}
}

static struct kunit_case kdbus_match_cases[] = {
	KUNIT_CASE(rules_checked),
	KUNIT_CASE(rules_not_checked),
	KUNIT_CASE(signals),
	KUNIT_CASE(generations),
	KUNIT_CASE(id_notifications),
	KUNIT_CASE(name_notifications),
	KUNIT_CASE(negotiate_skipped),
	KUNIT_CASE(removed_by_cookie),
	KUNIT_CASE(replaced),
	KUNIT_CASE(limit),
	KUNIT_CASE(groups_shared),
	KUNIT_CASE(rules_canonical),
	KUNIT_CASE(never_indexed),
	KUNIT_CASE(bits_spread),
	KUNIT_CASE(emptiest_bit),
	KUNIT_CASE(found_once),
	KUNIT_CASE(room),
	KUNIT_CASE(random_model),
	{}
};

static struct kunit_suite kdbus_match_suite = {
	.name = "kdbus_match",
	.init = match_init,
	.exit = match_exit,
	.test_cases = kdbus_match_cases,
};

kunit_test_suite(kdbus_match_suite);
