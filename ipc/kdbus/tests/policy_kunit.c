// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of policy.c: lists of grants, conflicts between holders, and
 * what queries find.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/user_namespace.h>

#include "../item.h"
#include "../limits.h"
#include "../policy.h"

#define SEED	20261122

/* Effective ids of the credentials; their other ids are those of UNUSED. */
#define UID	1000
#define GID	2000
#define UNUSED	7

#define HOLDERS	3

/* How often a thread replaces entries, and how long that may take. */
#define ROUNDS		100
#define PATIENCE	(30 * HZ)

/* Names that nobody asks for, so that it takes a while. */
#define BALLAST		64

#define SEE	KDBUS_POLICY_SEE
#define TALK	KDBUS_POLICY_TALK
#define OWN	KDBUS_POLICY_OWN
#define NONE	KDBUS_POLICY_NONE

/**
 * struct spec - an item of a list; one of neither name nor grant ends it
 * @name:	a name, or NULL
 * @grant:	a grant, if there is no name
 * @description: a string of an item that is no affair of the policy
 * @access:	payload of the grant
 */
struct spec {
	const char *name;
	bool grant;
	const char *description;
	struct kdbus_policy_access access;
};

#define NAME(_name)		{ .name = (_name) }
#define OTHER(_string)		{ .description = (_string) }
#define GRANT(_type, _access, _id)					\
	{ .grant = true, .access = { (_type), (_access), (_id) } }
#define USER(_access, _id)						\
	GRANT(KDBUS_POLICY_ACCESS_USER, (_access), (_id))
#define GROUP(_access, _id)						\
	GRANT(KDBUS_POLICY_ACCESS_GROUP, (_access), (_id))
#define WORLD(_access)							\
	GRANT(KDBUS_POLICY_ACCESS_WORLD, (_access), 0)

/**
 * struct items - a list of items
 * @size:	bytes of the list; the last item has no padding
 * @buf:	the items
 */
struct items {
	size_t size;
	u64 buf[];
};

/**
 * struct fixture - a database, holders, and somebody who asks
 * @policy:	the database
 * @holder:	holders of it
 * @list:	the last list that was parsed
 * @cred:	credentials of UID and GID, without supplementary groups
 * @ns:		the user namespace that @cred had at first
 * @task:	a thread that replaces entries, or NULL
 * @items:	lists that the thread installs in turn
 * @rounds:	how often it has done so
 * @result:	what that returned, if it failed
 */
struct fixture {
	struct kdbus_policy policy;
	struct kdbus_policy_holder holder[HOLDERS];
	struct kdbus_policy_list list;
	struct cred *cred;
	struct user_namespace *ns;
	struct task_struct *task;
	struct items *items[2];
	atomic_t rounds;
	int result;
};

static void policy_exit(struct kunit *test)
{
	struct fixture *fix = test->priv;
	int i;

	if (!fix)
		return;

	if (fix->task)
		kthread_stop(fix->task);
	kdbus_policy_list_free(&fix->list);
	for (i = 0; i < HOLDERS; i++)
		kdbus_policy_clear(&fix->policy, &fix->holder[i]);
	kdbus_policy_destroy(&fix->policy);
	if (fix->cred) {
		fix->cred->user_ns = fix->ns;
		abort_creds(fix->cred);
	}
}

static int policy_init(struct kunit *test)
{
	struct fixture *fix;
	int i, ret;

	fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	if (!fix)
		return -ENOMEM;

	INIT_LIST_HEAD(&fix->list.entries);
	for (i = 0; i < HOLDERS; i++)
		kdbus_policy_holder_init(&fix->holder[i]);
	ret = kdbus_policy_init(&fix->policy);
	test->priv = fix;
	if (ret)
		return ret;

	fix->cred = prepare_creds();
	if (!fix->cred)
		return -ENOMEM;

	fix->ns = fix->cred->user_ns;
	fix->cred->uid = KUIDT_INIT(UNUSED);
	fix->cred->suid = KUIDT_INIT(UNUSED);
	fix->cred->fsuid = KUIDT_INIT(UNUSED);
	fix->cred->euid = KUIDT_INIT(UID);
	fix->cred->gid = KGIDT_INIT(UNUSED);
	fix->cred->sgid = KGIDT_INIT(UNUSED);
	fix->cred->fsgid = KGIDT_INIT(UNUSED);
	fix->cred->egid = KGIDT_INIT(GID);

	return 0;
}

/* Gives the credentials supplementary groups, in any order. */
static void set_gids(struct kunit *test, const u32 *gids, size_t n)
{
	struct fixture *fix = test->priv;
	struct group_info *info;
	size_t i;

	info = groups_alloc(n);
	KUNIT_ASSERT_NOT_NULL(test, info);
	for (i = 0; i < n; i++)
		info->gid[i] = KGIDT_INIT(gids[i]);
	groups_sort(info);
	set_groups(fix->cred, info);
	put_group_info(info);
}

static size_t spec_size(const struct spec *spec)
{
	if (spec->name)
		return strlen(spec->name) + 1;
	if (spec->grant)
		return sizeof(spec->access);
	return spec->description ? strlen(spec->description) + 1 : 0;
}

static void *spec_put(void *pos, const struct spec *spec)
{
	size_t size = spec_size(spec);

	if (spec->name)
		return kdbus_item_put(pos, KDBUS_ITEM_NAME, spec->name, size);
	if (spec->grant)
		return kdbus_item_put(pos, KDBUS_ITEM_POLICY_ACCESS,
				      &spec->access, size);
	return kdbus_item_put(pos, KDBUS_ITEM_CONN_DESCRIPTION,
			      spec->description, size);
}

/* Writes items that pass the check that comes before the policy. */
static struct items *build(struct kunit *test, const struct spec *specs)
{
	const u64 many = KDBUS_ITEM_BIT(KDBUS_ITEM_NAME) |
			 KDBUS_ITEM_BIT(KDBUS_ITEM_POLICY_ACCESS) |
			 KDBUS_ITEM_BIT(KDBUS_ITEM_CONN_DESCRIPTION);
	const struct spec *spec;
	struct items *items;
	size_t padded = 0;
	void *pos;
	u64 found;

	for (spec = specs; spec_size(spec); spec++)
		padded += KDBUS_ALIGN8(KDBUS_ITEM_SIZE(spec_size(spec)));

	items = kunit_kzalloc(test, sizeof(*items) + padded, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, items);

	pos = items->buf;
	for (spec = specs; spec_size(spec); spec++) {
		items->size = pos - (void *)items->buf +
			      KDBUS_ITEM_SIZE(spec_size(spec));
		pos = spec_put(pos, spec);
	}

	KUNIT_ASSERT_PTR_EQ(test, pos, (void *)items->buf + padded);
	KUNIT_ASSERT_EQ(test, kdbus_items_check(items->buf, items->size, 0,
						many, &found), 0);
	return items;
}

static int parse_limited(struct kunit *test, unsigned int max_names,
			 bool allow_wildcard, const struct spec *specs)
{
	struct fixture *fix = test->priv;
	struct items *items = build(test, specs);
	int ret;

	kdbus_policy_list_free(&fix->list);
	ret = kdbus_policy_parse(&fix->list, items->buf, items->size,
				 max_names, allow_wildcard);
	if (ret)
		KUNIT_EXPECT_TRUE(test, list_empty(&fix->list.entries));
	/* Nothing refers to the items. */
	memset(items->buf, 0xff, items->size);
	kunit_kfree(test, items);

	return ret;
}

static int parse(struct kunit *test, const struct spec *specs)
{
	return parse_limited(test, 0, true, specs);
}

static int replace(struct kunit *test, int holder)
{
	struct fixture *fix = test->priv;
	int ret;

	ret = kdbus_policy_replace(&fix->policy, &fix->holder[holder],
				   &fix->list);
	if (!ret)
		KUNIT_EXPECT_TRUE(test, list_empty(&fix->list.entries));

	return ret;
}

static int install(struct kunit *test, int holder, const struct spec *specs)
{
	KUNIT_ASSERT_EQ(test, parse(test, specs), 0);
	return replace(test, holder);
}

static void clear(struct kunit *test, int holder)
{
	struct fixture *fix = test->priv;

	kdbus_policy_clear(&fix->policy, &fix->holder[holder]);
	KUNIT_EXPECT_TRUE(test, list_empty(&fix->holder[holder].entries));
}

static int query(struct kunit *test, const char *name)
{
	struct fixture *fix = test->priv;

	return kdbus_policy_query(&fix->policy, name, fix->cred);
}

#define SPECS(...)	((const struct spec[]){ __VA_ARGS__, {} })

/* What parsing a list returns, without limits and with them. */
#define EXPECT_PARSE(_test, _want, ...)					\
	KUNIT_EXPECT_EQ(_test, parse(_test, SPECS(__VA_ARGS__)), _want)
#define EXPECT_PARSE_LIMITED(_test, _want, _max_names, _wildcards, ...)	\
	KUNIT_EXPECT_EQ(_test,						\
			parse_limited(_test, _max_names, _wildcards,	\
				      SPECS(__VA_ARGS__)), _want)

/* What making a list the one of a holder returns. */
#define EXPECT_INSTALL(_test, _want, _holder, ...)			\
	KUNIT_EXPECT_EQ(_test,						\
			install(_test, _holder, SPECS(__VA_ARGS__)),	\
			_want)

/* What is granted for a name. */
#define EXPECT_ACCESS(_test, _name, _want)				\
	KUNIT_EXPECT_EQ_MSG(_test, query(_test, _name), _want, "%s", _name)

/* What some grants alone amount to. */
#define EXPECT_GRANTED(_test, _want, ...)				\
	do {								\
		EXPECT_INSTALL(_test, 0, 0, NAME("a.b"), __VA_ARGS__);	\
		EXPECT_ACCESS(_test, "a.b", _want);			\
	} while (0)

/* POL-1: an empty database denies, and so does an entry without grants. */
static void denies_by_default(struct kunit *test)
{
	EXPECT_ACCESS(test, "a.b", NONE);

	EXPECT_INSTALL(test, 0, 0, NAME("a.b"));
	EXPECT_ACCESS(test, "a.b", NONE);
	EXPECT_ACCESS(test, "a.c", NONE);

	EXPECT_INSTALL(test, 0, 1, NAME("b.c"), WORLD(OWN));
	EXPECT_ACCESS(test, "a.b", NONE);
	EXPECT_ACCESS(test, "a.c", NONE);
	EXPECT_ACCESS(test, "b.c", OWN);
}

/* POL-2: each type with each access; only who is meant gets it. */
static void types_and_access(struct kunit *test)
{
	static const u32 gids[] = { 40, 30, 50 };
	int access;

	set_gids(test, gids, ARRAY_SIZE(gids));

	for (access = SEE; access <= OWN; access++) {
		EXPECT_GRANTED(test, access, USER(access, UID));
		EXPECT_GRANTED(test, access, GROUP(access, GID));
		EXPECT_GRANTED(test, access, GROUP(access, 30));
		EXPECT_GRANTED(test, access, GROUP(access, 50));
		EXPECT_GRANTED(test, access, WORLD(access));
	}

	/* Users are no groups, and the other way round. */
	EXPECT_GRANTED(test, NONE, USER(OWN, GID), USER(OWN, 40),
		       GROUP(OWN, UID));
	/* Real, saved and file system ids do not count. */
	EXPECT_GRANTED(test, NONE, USER(OWN, UNUSED), GROUP(OWN, UNUSED));
	/* Neighbours in the order of ids. */
	EXPECT_GRANTED(test, NONE, USER(OWN, UID - 1), USER(OWN, UID + 1),
		       GROUP(OWN, GID - 1), GROUP(OWN, GID + 1), GROUP(OWN, 29),
		       GROUP(OWN, 31), GROUP(OWN, 51), USER(OWN, 0),
		       GROUP(OWN, 0), USER(OWN, U32_MAX - 1),
		       GROUP(OWN, U32_MAX - 1));
}

/* POL-4: the highest of all grants that apply. */
static void highest_counts(struct kunit *test)
{
	static const u32 gids[] = { 30, 40 };

	set_gids(test, gids, ARRAY_SIZE(gids));

	EXPECT_GRANTED(test, OWN, WORLD(SEE), GROUP(TALK, GID), USER(OWN, UID));
	EXPECT_GRANTED(test, OWN, USER(SEE, UID), GROUP(TALK, GID), WORLD(OWN));
	EXPECT_GRANTED(test, OWN, USER(SEE, UID), GROUP(OWN, 40), WORLD(TALK));
	EXPECT_GRANTED(test, TALK, GROUP(SEE, GID), GROUP(TALK, 30),
		       GROUP(SEE, 40), GROUP(OWN, 41));
	EXPECT_GRANTED(test, TALK, GROUP(TALK, GID), GROUP(SEE, 30));
	/* Of those that apply. */
	EXPECT_GRANTED(test, SEE, USER(OWN, UID + 1), GROUP(TALK, GID + 1),
		       WORLD(SEE));
	/* Several for the same id, in any order. */
	EXPECT_GRANTED(test, TALK, USER(SEE, UID), USER(TALK, UID),
		       USER(SEE, UID));
	EXPECT_GRANTED(test, OWN, GROUP(OWN, GID), GROUP(TALK, GID),
		       GROUP(SEE, GID));
	EXPECT_GRANTED(test, OWN, WORLD(TALK), WORLD(OWN), WORLD(SEE));
}

/* POL-4, W-1: a wildcard covers one level, the one below it. */
static void wildcards(struct kunit *test)
{
	EXPECT_INSTALL(test, 0, 0, NAME("a.*"), WORLD(TALK), NAME("b.c.*"),
		       WORLD(OWN));

	EXPECT_ACCESS(test, "a.b", TALK);
	EXPECT_ACCESS(test, "a.bc", TALK);
	EXPECT_ACCESS(test, "a.b-c_9", TALK);
	EXPECT_ACCESS(test, "a.b.c", NONE);
	EXPECT_ACCESS(test, "aa.b", NONE);
	EXPECT_ACCESS(test, "x.a.b", NONE);
	EXPECT_ACCESS(test, "b.a", NONE);

	EXPECT_ACCESS(test, "b.c.d", OWN);
	EXPECT_ACCESS(test, "b.c", NONE);
	EXPECT_ACCESS(test, "b.cc", NONE);
	EXPECT_ACCESS(test, "b.cc.d", NONE);
	EXPECT_ACCESS(test, "b.d.c", NONE);
	EXPECT_ACCESS(test, "b.c.d.e", NONE);
}

/* POL-4: only one entry is used, the exact one if there is one. */
static void exact_hides_wildcard(struct kunit *test)
{
	EXPECT_INSTALL(test, 0, 0, NAME("a.*"), WORLD(OWN), NAME("a.none"),
		       NAME("a.see"), WORLD(SEE), NAME("a.else"),
		       USER(OWN, UID + 1));
	EXPECT_INSTALL(test, 0, 1, NAME("a.far"));

	EXPECT_ACCESS(test, "a.any", OWN);
	EXPECT_ACCESS(test, "a.none", NONE);
	EXPECT_ACCESS(test, "a.see", SEE);
	EXPECT_ACCESS(test, "a.else", NONE);
	EXPECT_ACCESS(test, "a.far", NONE);

	clear(test, 1);
	EXPECT_ACCESS(test, "a.far", OWN);
}

/* POL-3: a.b, a.b.* and a.* are three entries. */
static void forms_do_not_conflict(struct kunit *test)
{
	EXPECT_INSTALL(test, 0, 0, NAME("a.b"), WORLD(SEE), NAME("a.b.*"),
		       WORLD(TALK), NAME("a.*"), WORLD(OWN));
	EXPECT_ACCESS(test, "a.b", SEE);
	EXPECT_ACCESS(test, "a.b.c", TALK);
	EXPECT_ACCESS(test, "a.c", OWN);
	clear(test, 0);

	EXPECT_INSTALL(test, 0, 0, NAME("a.b"), WORLD(SEE));
	EXPECT_INSTALL(test, 0, 1, NAME("a.b.*"), WORLD(TALK));
	EXPECT_INSTALL(test, 0, 2, NAME("a.*"), WORLD(OWN));
	EXPECT_ACCESS(test, "a.b", SEE);
	EXPECT_ACCESS(test, "a.b.c", TALK);
	EXPECT_ACCESS(test, "a.c", OWN);
}

/* POL-3, NAME-1, W-23, W-42: names, with and without wildcards. */
static void names(struct kunit *test)
{
	static const char * const bad[] = {
		"", "a", ".a", "a.", "a..b", "a.9", "9.a", "a b.c", "a.b*",
		"*", "*.a", "a.*.b", ".*", "a.**", "a.*.", "a.\xe9",
		"\xc0.a", "a/b.c",
	};
	static const char * const good[] = {
		"a.b", "-a.-b", "_.a9", "A.Z-_0",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test, parse(test, SPECS(NAME(bad[i]))),
				    -EINVAL, "%s", bad[i]);
		KUNIT_EXPECT_EQ_MSG(test,
				    parse_limited(test, 0, false,
						  SPECS(NAME(bad[i]))),
				    -EINVAL, "%s", bad[i]);
	}
	for (i = 0; i < ARRAY_SIZE(good); i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    parse_limited(test, 0, false,
						  SPECS(NAME(good[i]))),
				    0, "%s", good[i]);

	EXPECT_PARSE(test, 0, NAME("a.*"));
	EXPECT_PARSE_LIMITED(test, 0, 1, true, NAME("a.*"));
	EXPECT_PARSE_LIMITED(test, -EINVAL, 0, false, NAME("a.*"));
	EXPECT_PARSE_LIMITED(test, -EINVAL, 1, false, NAME("a.b.*"));
}

/* NAME-1: names of the greatest length, and one character more. */
static void long_names(struct kunit *test)
{
	char *name;

	name = kunit_kzalloc(test, KDBUS_NAME_MAX_LEN + 2, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, name);
	memset(name, 'a', KDBUS_NAME_MAX_LEN);
	name[100] = '.';

	EXPECT_INSTALL(test, 0, 0, NAME(name), WORLD(TALK));
	KUNIT_EXPECT_EQ(test, query(test, name), TALK);
	name[KDBUS_NAME_MAX_LEN - 1] = 'b';
	KUNIT_EXPECT_EQ(test, query(test, name), NONE);
	name[KDBUS_NAME_MAX_LEN] = 'a';
	EXPECT_PARSE(test, -EINVAL, NAME(name));

	name[KDBUS_NAME_MAX_LEN - 2] = '.';
	name[KDBUS_NAME_MAX_LEN - 1] = '*';
	name[KDBUS_NAME_MAX_LEN] = '\0';
	EXPECT_INSTALL(test, 0, 0, NAME(name), WORLD(OWN));
	name[KDBUS_NAME_MAX_LEN - 1] = 'z';
	KUNIT_EXPECT_EQ(test, query(test, name), OWN);
}

/* POL-3: type and access are judged as 64-bit values. */
static void grants_are_64_bit(struct kunit *test)
{
	static const struct kdbus_policy_access bad[] = {
		{ 0, SEE, UID },
		{ 4, SEE, UID },
		{ (1ULL << 32) + KDBUS_POLICY_ACCESS_USER, SEE, UID },
		{ (1ULL << 32) + KDBUS_POLICY_ACCESS_GROUP, SEE, GID },
		{ (1ULL << 32) + KDBUS_POLICY_ACCESS_WORLD, SEE, 0 },
		{ (1ULL << 63) + KDBUS_POLICY_ACCESS_WORLD, SEE, 0 },
		{ U64_MAX, SEE, 0 },
		{ KDBUS_POLICY_ACCESS_USER, 3, UID },
		{ KDBUS_POLICY_ACCESS_GROUP, 3, GID },
		{ KDBUS_POLICY_ACCESS_WORLD, 3, 0 },
		{ KDBUS_POLICY_ACCESS_USER, 1ULL << 32, UID },
		{ KDBUS_POLICY_ACCESS_GROUP, (1ULL << 32) + TALK, GID },
		{ KDBUS_POLICY_ACCESS_WORLD, (1ULL << 32) + OWN, 0 },
		{ KDBUS_POLICY_ACCESS_WORLD, 1ULL << 63, 0 },
		{ KDBUS_POLICY_ACCESS_WORLD, U64_MAX, 0 },
		{ 0, 3, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_PARSE(test, -EINVAL, NAME("a.b"),
			     GRANT(bad[i].type, bad[i].access, bad[i].id));
}

/* POL-3: of an id the low 32 bits, which must not be all ones. */
static void ids_are_32_bit(struct kunit *test)
{
	struct fixture *fix = test->priv;
	const u64 high = 5ULL << 32;

	EXPECT_GRANTED(test, TALK, USER(TALK, high + UID));
	EXPECT_GRANTED(test, OWN, GROUP(OWN, high + GID));
	EXPECT_GRANTED(test, NONE, USER(OWN, high), GROUP(OWN, high));

	fix->cred->euid = KUIDT_INIT(0);
	EXPECT_GRANTED(test, TALK, USER(TALK, high));
	fix->cred->egid = KGIDT_INIT(0);
	EXPECT_GRANTED(test, OWN, GROUP(OWN, high));

	EXPECT_PARSE(test, -EINVAL, NAME("a.b"), USER(SEE, U32_MAX));
	EXPECT_PARSE(test, -EINVAL, NAME("a.b"), GROUP(SEE, U32_MAX));
	EXPECT_PARSE(test, -EINVAL, NAME("a.b"), USER(SEE, U64_MAX));
	EXPECT_PARSE(test, -EINVAL, NAME("a.b"), GROUP(SEE, high + U32_MAX));

	/* POL-2: for WORLD it does not matter. */
	EXPECT_GRANTED(test, SEE,
		       GRANT(KDBUS_POLICY_ACCESS_WORLD, SEE, U64_MAX));
}

/* POL-2: ids over the whole range are found, and none beside them. */
static void ids_are_unsigned(struct kunit *test)
{
	static const u32 ids[] = {
		5, U32_MAX - 1, 0x80000002, 1, 0x80000000, U32_MAX - 3, 3,
		0x80000004, 0x7ffffffe,
	};
	struct spec specs[ARRAY_SIZE(ids) + 2] = { NAME("a.b") };
	struct fixture *fix = test->priv;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		specs[i + 1] = (struct spec)USER(OWN, ids[i]);
	KUNIT_ASSERT_EQ(test, install(test, 0, specs), 0);

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		fix->cred->euid = KUIDT_INIT(ids[i]);
		EXPECT_ACCESS(test, "a.b", OWN);
		fix->cred->euid = KUIDT_INIT(ids[i] - 1);
		EXPECT_ACCESS(test, "a.b", NONE);
		fix->cred->euid = KUIDT_INIT(ids[i] + 1);
		EXPECT_ACCESS(test, "a.b", NONE);
	}
}

/* POL-3: the first item that breaks a rule decides. */
static void errors_in_item_order(struct kunit *test)
{
	EXPECT_PARSE(test, -EINVAL, WORLD(SEE));
	EXPECT_PARSE(test, -EINVAL, WORLD(SEE), NAME("a.b"));

	/* One name too many comes before what is wrong with it. */
	EXPECT_PARSE_LIMITED(test, 0, 1, true, NAME("a.b"), WORLD(SEE),
			     WORLD(TALK));
	EXPECT_PARSE_LIMITED(test, -E2BIG, 1, true, NAME("a.b"), NAME("a.c"));
	EXPECT_PARSE_LIMITED(test, -E2BIG, 1, true, NAME("a.b"), NAME("a."));
	EXPECT_PARSE_LIMITED(test, -E2BIG, 1, true, NAME("a.b"), NAME("a.b"));
	EXPECT_PARSE_LIMITED(test, 0, 2, true, NAME("a.b"), NAME("a.c"));
	EXPECT_PARSE_LIMITED(test, -E2BIG, 2, true, NAME("a.b"), NAME("a.c"),
			     NAME("a.d"));

	/* What is wrong earlier comes before, what is later does not. */
	EXPECT_PARSE_LIMITED(test, -EINVAL, 1, true, NAME("a."), NAME("a.c"));
	EXPECT_PARSE_LIMITED(test, -EINVAL, 1, true, NAME("a.b"), WORLD(3),
			     NAME("a.c"));
	EXPECT_PARSE_LIMITED(test, -EINVAL, 1, true, WORLD(SEE), NAME("a.b"),
			     NAME("a.c"));
	EXPECT_PARSE_LIMITED(test, -E2BIG, 1, true, NAME("a.b"), NAME("a.c"),
			     WORLD(3));
	EXPECT_PARSE_LIMITED(test, -EINVAL, 1, false, NAME("a.*"), NAME("a.c"));

	/* A name that occurs twice comes last. */
	EXPECT_PARSE(test, -EEXIST, NAME("a.b"), NAME("b.c"), NAME("a.b"));
	EXPECT_PARSE(test, -EEXIST, NAME("a.*"), NAME("b.*"), NAME("a.b"),
		     NAME("a.*"));
	EXPECT_PARSE(test, 0, NAME("a.bc"), NAME("a.b"), NAME("a.b.c"),
		     NAME("a.c"));
	EXPECT_PARSE(test, -EINVAL, NAME("a.b"), NAME("a.b"), WORLD(3));
	EXPECT_PARSE(test, -EINVAL, NAME("a.b"), NAME("a.b"), NAME("a"));
	EXPECT_PARSE_LIMITED(test, -E2BIG, 2, true, NAME("a.b"), NAME("a.b"),
			     NAME("a.c"));
}

/* POL-3: unmapped ids are EINVAL, mapped ones are translated. */
static void user_namespace(struct kunit *test)
{
	const struct uid_gid_extent extent = { 10, UID, 5 };
	struct fixture *fix = test->priv;
	struct user_namespace *ns;
	const struct cred *old;
	int ret[6];

	if (!IS_ENABLED(CONFIG_USER_NS))
		kunit_skip(test, "needs CONFIG_USER_NS");

	ns = kunit_kzalloc(test, sizeof(*ns), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ns);
	ns->uid_map.nr_extents = 1;
	ns->uid_map.extent[0] = extent;
	ns->gid_map.nr_extents = 1;
	ns->gid_map.extent[0] = extent;
	fix->cred->user_ns = ns;
	fix->cred->egid = KGIDT_INIT(UID + 4);

	old = override_creds(fix->cred);
	ret[0] = parse(test, SPECS(NAME("a.b"), USER(SEE, 9)));
	ret[1] = parse(test, SPECS(NAME("a.b"), USER(SEE, 15)));
	ret[2] = parse(test, SPECS(NAME("a.b"), GROUP(SEE, 9)));
	ret[3] = parse(test, SPECS(NAME("a.b"), GROUP(SEE, 15)));
	ret[4] = parse(test, SPECS(NAME("a.b"), GRANT(KDBUS_POLICY_ACCESS_WORLD,
						      SEE, 9)));
	ret[5] = install(test, 0, SPECS(NAME("a.b"), USER(TALK, 10),
					GROUP(OWN, 14)));
	revert_creds(old);
	fix->cred->user_ns = fix->ns;

	KUNIT_EXPECT_EQ(test, ret[0], -EINVAL);
	KUNIT_EXPECT_EQ(test, ret[1], -EINVAL);
	KUNIT_EXPECT_EQ(test, ret[2], -EINVAL);
	KUNIT_EXPECT_EQ(test, ret[3], -EINVAL);
	KUNIT_EXPECT_EQ(test, ret[4], 0);
	KUNIT_EXPECT_EQ(test, ret[5], 0);

	/* SEC-3: from here on ids are global. */
	EXPECT_ACCESS(test, "a.b", OWN);
	fix->cred->egid = KGIDT_INIT(14);
	EXPECT_ACCESS(test, "a.b", TALK);
	fix->cred->euid = KUIDT_INIT(10);
	EXPECT_ACCESS(test, "a.b", NONE);
}

/* Grants belong to the name before them, other items to nobody here. */
static void groups_of_items(struct kunit *test)
{
	EXPECT_INSTALL(test, 0, 0, OTHER("x"), NAME("a.b"), OTHER("yy"),
		       USER(TALK, UID), OTHER("zzzzzzzzz"), WORLD(SEE),
		       NAME("a.c"), NAME("a.ddddd"), OTHER("x"),
		       GROUP(OWN, GID), OTHER("x"));
	EXPECT_ACCESS(test, "a.b", TALK);
	EXPECT_ACCESS(test, "a.c", NONE);
	EXPECT_ACCESS(test, "a.ddddd", OWN);

	EXPECT_PARSE(test, -EINVAL, OTHER("x"), WORLD(SEE));

	/* A last item without padding, and no item at all. */
	EXPECT_INSTALL(test, 0, 0, NAME("a.b"), WORLD(SEE), NAME("a.c"));
	EXPECT_ACCESS(test, "a.b", SEE);
	EXPECT_ACCESS(test, "a.ddddd", NONE);
	EXPECT_PARSE(test, 0, {});
}

/* POL-3: a name is taken; then nothing changes, and the list survives. */
static void conflict_changes_nothing(struct kunit *test)
{
	struct fixture *fix = test->priv;

	EXPECT_INSTALL(test, 0, 0, NAME("a.b"), WORLD(SEE), NAME("c.*"),
		       WORLD(SEE));
	EXPECT_INSTALL(test, 0, 1, NAME("a.c"), WORLD(TALK));

	EXPECT_INSTALL(test, -EEXIST, 1, NAME("a.a"), WORLD(OWN), NAME("a.b"),
		       WORLD(OWN), NAME("a.c"), WORLD(OWN), NAME("a.d"),
		       WORLD(OWN));
	KUNIT_EXPECT_FALSE(test, list_empty(&fix->list.entries));
	EXPECT_ACCESS(test, "a.a", NONE);
	EXPECT_ACCESS(test, "a.b", SEE);
	EXPECT_ACCESS(test, "a.c", TALK);
	EXPECT_ACCESS(test, "a.d", NONE);

	/* When the name is free, the same list goes in. */
	clear(test, 0);
	KUNIT_EXPECT_EQ(test, replace(test, 1), 0);
	EXPECT_ACCESS(test, "a.a", OWN);
	EXPECT_ACCESS(test, "a.b", OWN);
	EXPECT_ACCESS(test, "a.c", OWN);
	EXPECT_ACCESS(test, "a.d", OWN);
	EXPECT_ACCESS(test, "c.d", NONE);

	/* Wildcards conflict with each other, grants or not. */
	EXPECT_INSTALL(test, 0, 0, NAME("c.*"));
	EXPECT_INSTALL(test, -EEXIST, 2, NAME("c.*"));
	EXPECT_INSTALL(test, -EEXIST, 2, NAME("a.b"));
	KUNIT_EXPECT_TRUE(test, list_empty(&fix->holder[2].entries));
}

/* UPD-2: a holder replaces its own entry; grants are not merged. */
static void same_name_again(struct kunit *test)
{
	EXPECT_INSTALL(test, 0, 0, NAME("a.b"), WORLD(OWN), NAME("a.*"),
		       WORLD(OWN));
	EXPECT_INSTALL(test, 0, 0, NAME("a.b"), USER(SEE, UID), NAME("a.*"),
		       USER(TALK, UID));
	EXPECT_ACCESS(test, "a.b", SEE);
	EXPECT_ACCESS(test, "a.c", TALK);

	EXPECT_INSTALL(test, 0, 0, NAME("a.b"));
	EXPECT_ACCESS(test, "a.b", NONE);
	EXPECT_ACCESS(test, "a.c", NONE);
}

/* UPD-2: a holder moves to another name; the old one is free. */
static void other_name(struct kunit *test)
{
	EXPECT_INSTALL(test, 0, 0, NAME("a.b"), WORLD(OWN));
	EXPECT_INSTALL(test, 0, 0, NAME("a.c"), WORLD(TALK));
	EXPECT_ACCESS(test, "a.b", NONE);
	EXPECT_ACCESS(test, "a.c", TALK);

	EXPECT_INSTALL(test, 0, 1, NAME("a.b"), WORLD(SEE));
	EXPECT_ACCESS(test, "a.b", SEE);
	EXPECT_INSTALL(test, -EEXIST, 0, NAME("a.b"));
	EXPECT_ACCESS(test, "a.c", TALK);

	/* From exact to wildcard and back. */
	EXPECT_INSTALL(test, 0, 0, NAME("a.*"), WORLD(OWN));
	EXPECT_ACCESS(test, "a.b", SEE);
	EXPECT_ACCESS(test, "a.c", OWN);
	EXPECT_INSTALL(test, 0, 0, NAME("a.c"));
	EXPECT_ACCESS(test, "a.d", NONE);
}

/* EP-5: an empty list clears; clearing touches no other holder. */
static void clearing(struct kunit *test)
{
	EXPECT_INSTALL(test, 0, 0, NAME("a.b"), WORLD(OWN), NAME("a.*"),
		       WORLD(TALK));
	EXPECT_INSTALL(test, 0, 1, NAME("b.c"), WORLD(SEE));

	clear(test, 0);
	EXPECT_ACCESS(test, "a.b", NONE);
	EXPECT_ACCESS(test, "a.c", NONE);
	EXPECT_ACCESS(test, "b.c", SEE);
	clear(test, 0);
	clear(test, 2);
	EXPECT_ACCESS(test, "b.c", SEE);

	EXPECT_INSTALL(test, 0, 1, {});
	EXPECT_ACCESS(test, "b.c", NONE);
	EXPECT_INSTALL(test, 0, 1, {});
	EXPECT_INSTALL(test, 0, 2, NAME("b.c"), WORLD(OWN));
	EXPECT_ACCESS(test, "b.c", OWN);
}

/* Databases are separate, also for one and the same list of names. */
static void two_databases(struct kunit *test)
{
	struct kdbus_policy_holder holder;
	struct fixture *fix = test->priv;
	struct kdbus_policy *other;
	int ret;

	other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, other);
	EXPECT_INSTALL(test, 0, 0, NAME("a.b"), WORLD(SEE));
	EXPECT_PARSE(test, 0, NAME("a.b"), WORLD(OWN));

	kdbus_policy_holder_init(&holder);
	ret = kdbus_policy_init(other);
	if (!ret)
		ret = kdbus_policy_replace(other, &holder, &fix->list);
	KUNIT_EXPECT_EQ(test, ret, 0);
	if (!ret) {
		EXPECT_ACCESS(test, "a.b", SEE);
		KUNIT_EXPECT_EQ(test, kdbus_policy_query(other, "a.b",
							 fix->cred), OWN);
		kdbus_policy_clear(other, &holder);
		EXPECT_ACCESS(test, "a.b", SEE);
	}
	kdbus_policy_destroy(other);
}

/* EP-5: as many names as a command holds, and twice the same at the ends. */
static void many_names(struct kunit *test)
{
	const size_t n = (KDBUS_CMD_MAX_SIZE - sizeof(struct kdbus_cmd)) /
			 KDBUS_ITEM_SIZE(8);
	char (*name)[8];
	struct spec *specs;
	size_t i;

	name = kunit_kcalloc(test, n, sizeof(*name), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, name);
	specs = kunit_kcalloc(test, n + 1, sizeof(*specs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, specs);
	for (i = 0; i < n; i++) {
		scnprintf(name[i], sizeof(name[i]), "a.b%04zu", i);
		specs[i].name = name[i];
	}

	KUNIT_EXPECT_EQ(test, install(test, 0, specs), 0);
	for (i = 0; i < n; i++)
		EXPECT_INSTALL(test, -EEXIST, 1, NAME(name[i]));

	/* The same once more, half of it, and all of it again. */
	KUNIT_EXPECT_EQ(test, install(test, 0, specs), 0);
	specs[n / 2].name = NULL;
	KUNIT_EXPECT_EQ(test, install(test, 0, specs), 0);
	specs[n / 2].name = name[n / 2];
	KUNIT_EXPECT_EQ(test, install(test, 0, specs), 0);

	specs[n - 1].name = name[0];
	KUNIT_EXPECT_EQ(test, parse(test, specs), -EEXIST);
}

/**
 * struct model - grants to one name and somebody's groups, the obvious way
 * @specs:	name, grants, end
 * @n:		number of grants
 * @gids:	supplementary groups
 * @n_gids:	number of @gids
 */
struct model {
	struct spec specs[1024];
	size_t n;
	u32 gids[1024];
	size_t n_gids;
};

static bool model_applies(const struct model *model,
			  const struct kdbus_policy_access *access)
{
	size_t i;

	if (access->type == KDBUS_POLICY_ACCESS_WORLD)
		return true;
	if (access->type == KDBUS_POLICY_ACCESS_USER)
		return access->id == UID;
	if (access->id == GID)
		return true;

	for (i = 0; i < model->n_gids; i++) {
		if (access->id == model->gids[i])
			return true;
	}
	return false;
}

static int model_query(const struct model *model)
{
	int best = NONE;
	size_t i;

	for (i = 1; i <= model->n; i++) {
		if (model_applies(model, &model->specs[i].access))
			best = max(best, (int)model->specs[i].access.access);
	}

	return best;
}

/* Ids in the neighbourhood of those of the credentials; seldom WORLD. */
static void model_fill(struct model *model, struct rnd_state *rnd,
		       size_t n, size_t n_gids)
{
	struct spec *spec = model->specs;
	size_t i;

	memset(model, 0, sizeof(*model));
	spec++->name = "a.b";
	for (i = 0; i < n; i++, spec++) {
		u32 type = prandom_u32_state(rnd) % 400;

		spec->grant = true;
		spec->access.access = prandom_u32_state(rnd) % 3;
		spec->access.type = !type ? KDBUS_POLICY_ACCESS_WORLD :
				    type % 2 ? KDBUS_POLICY_ACCESS_USER :
				    KDBUS_POLICY_ACCESS_GROUP;
		spec->access.id = type % 2 ?
				  UID - 50 + prandom_u32_state(rnd) % 100 :
				  GID - 500 + prandom_u32_state(rnd) % 1000;
	}
	model->n = n;
	for (i = 0; i < n_gids; i++)
		model->gids[i] = GID - 500 + prandom_u32_state(rnd) % 1000;
	model->n_gids = n_gids;
}

/* POL-4: few and many grants, few and many groups, against the model. */
static void random_model(struct kunit *test)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 10, 50, 300, 800 };
	struct rnd_state rnd;
	struct model *model;
	size_t i, j, round;

	model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model);
	prandom_seed_state(&rnd, SEED);

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			for (round = 0; round < 8; round++) {
				model_fill(model, &rnd, sizes[i], sizes[j]);
				set_gids(test, model->gids, model->n_gids);
				KUNIT_EXPECT_EQ(test,
						install(test, 0, model->specs),
						0);
				KUNIT_EXPECT_EQ_MSG(test, query(test, "a.b"),
						    model_query(model),
						    "%zu grants, %zu groups, %zu",
						    sizes[i], sizes[j], round);
			}
		}
	}
}

/* Installs the two lists of the fixture in turn, then waits to be stopped. */
static int replacer(void *data)
{
	struct fixture *fix = data;
	struct kdbus_policy_list list;
	const struct items *items;
	int i, ret = 0;

	for (i = 0; i < ROUNDS && !ret; i++) {
		items = fix->items[i % 2];
		ret = kdbus_policy_parse(&list, items->buf, items->size, 0,
					 true);
		if (!ret)
			ret = kdbus_policy_replace(&fix->policy,
						   &fix->holder[0], &list);
		kdbus_policy_list_free(&list);
		atomic_inc(&fix->rounds);
		cond_resched();
	}
	fix->result = ret;
	atomic_set(&fix->rounds, ROUNDS);

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);

	return 0;
}

/* Makes a list of some items and the ballast. */
static struct items *build_heavy(struct kunit *test, const struct spec *specs)
{
	struct spec *all, *spec;
	char (*name)[8];
	size_t n = 0;
	int i;

	while (spec_size(&specs[n]))
		n++;

	all = kunit_kcalloc(test, n + BALLAST + 1, sizeof(*all), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, all);
	name = kunit_kcalloc(test, BALLAST, sizeof(*name), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, name);

	spec = all + n;
	memcpy(all, specs, n * sizeof(*all));
	for (i = 0; i < BALLAST; i++, spec++) {
		scnprintf(name[i], sizeof(name[i]), "x.y%d", i);
		spec->name = name[i];
	}

	return build(test, all);
}

/* What a query finds while the thread works: old or new, nothing else. */
static void query_while_replaced(struct kunit *test, const struct spec *a,
				 const struct spec *b, int want_a, int want_b)
{
	unsigned long end = jiffies + PATIENCE;
	struct fixture *fix = test->priv;
	unsigned long queries = 0, wrong = 0;
	struct task_struct *task;
	int access;

	fix->items[0] = build_heavy(test, a);
	fix->items[1] = build_heavy(test, b);
	KUNIT_ASSERT_EQ(test, install(test, 0, b), 0);
	atomic_set(&fix->rounds, 0);

	task = kthread_run(replacer, fix, "kdbus-kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	fix->task = task;

	while (atomic_read(&fix->rounds) < ROUNDS && time_before(jiffies, end)) {
		access = query(test, "a.b");
		wrong += access != want_a && access != want_b;
		queries++;
		cond_resched();
	}

	kthread_stop(fix->task);
	fix->task = NULL;
	KUNIT_EXPECT_EQ(test, atomic_read(&fix->rounds), ROUNDS);
	KUNIT_EXPECT_EQ(test, fix->result, 0);
	KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "of %lu", queries);
	EXPECT_ACCESS(test, "a.b", want_b);
}

/* POL-5, EP-5: a replacement shows no gap, also between two entries. */
static void replaced_at_once(struct kunit *test)
{
	/* The same name. */
	query_while_replaced(test, SPECS(NAME("a.b"), WORLD(TALK)),
			     SPECS(NAME("a.b"), WORLD(OWN)), TALK, OWN);
	/* Exact and wildcard by turns. */
	query_while_replaced(test, SPECS(NAME("a.b"), WORLD(TALK)),
			     SPECS(NAME("a.*"), WORLD(OWN)), TALK, OWN);
	/* The wildcard grants as long as it is not hidden. */
	query_while_replaced(test, SPECS(NAME("a.*"), WORLD(OWN), NAME("a.b")),
			     SPECS(NAME("a.*"), WORLD(TALK)), NONE, TALK);
	/* The exact entry goes, and so does the generous wildcard. */
	query_while_replaced(test, SPECS(NAME("a.*"), WORLD(OWN), NAME("a.b"),
					 WORLD(TALK), NAME("b.*"), NAME("b.c")),
			     SPECS(NAME("b.c"), WORLD(OWN), NAME("a.*"),
				   WORLD(SEE)), TALK, SEE);
}

static struct kunit_case kdbus_policy_cases[] = {
	KUNIT_CASE(denies_by_default),
	KUNIT_CASE(types_and_access),
	KUNIT_CASE(highest_counts),
	KUNIT_CASE(wildcards),
	KUNIT_CASE(exact_hides_wildcard),
	KUNIT_CASE(forms_do_not_conflict),
	KUNIT_CASE(names),
	KUNIT_CASE(long_names),
	KUNIT_CASE(grants_are_64_bit),
	KUNIT_CASE(ids_are_32_bit),
	KUNIT_CASE(ids_are_unsigned),
	KUNIT_CASE(errors_in_item_order),
	KUNIT_CASE(user_namespace),
	KUNIT_CASE(groups_of_items),
	KUNIT_CASE(conflict_changes_nothing),
	KUNIT_CASE(same_name_again),
	KUNIT_CASE(other_name),
	KUNIT_CASE(clearing),
	KUNIT_CASE(two_databases),
	KUNIT_CASE(many_names),
	KUNIT_CASE(random_model),
	KUNIT_CASE(replaced_at_once),
	{}
};

static struct kunit_suite kdbus_policy_suite = {
	.name = "kdbus_policy",
	.init = policy_init,
	.exit = policy_exit,
	.test_cases = kdbus_policy_cases,
};

kunit_test_suite(kdbus_policy_suite);
