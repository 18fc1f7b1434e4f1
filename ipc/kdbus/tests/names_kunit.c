// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of names.c: the registry, a line of NAME-3 or NAME-6 at a time.
 */
#include <kunit/test.h>
#include <linux/rwsem.h>

#include "../limits.h"
#include "../names.h"

#define OWNERS	4
#define NAME	"org.example.Name"
#define REPLACE	KDBUS_NAME_REPLACE_EXISTING
#define ALLOW	KDBUS_NAME_ALLOW_REPLACEMENT
#define QUEUE	KDBUS_NAME_QUEUE
#define PRIMARY	KDBUS_NAME_PRIMARY
#define WAITING	KDBUS_NAME_IN_QUEUE
#define NEWLY	KDBUS_NAME_ACQUIRED
#define STARTER	KDBUS_NAME_ACTIVATOR

/**
 * struct fixture - a registry and some who want names
 * @names:	registry
 * @owner:	owners with the ids 1 and up; the last one is an activator
 */
struct fixture {
	struct kdbus_names names;
	struct kdbus_name_owner owner[OWNERS + 1];
};

static int acquire(struct fixture *fix, int who, const char *name, u64 flags,
		   struct kdbus_name_plan *plan)
{
	struct kdbus_name_owner *owner = &fix->owner[who];
	struct kdbus_name_spare spare;
	int ret;

	ret = kdbus_name_spare_init(&spare, name);
	if (ret)
		return ret;

	down_write(&fix->names.lock);
	kdbus_name_plan_acquire(&fix->names, owner, name, flags, plan);
	ret = plan->result;
	if (!ret)
		ret = kdbus_name_apply_acquire(&fix->names, owner, flags, plan,
					       &spare);
	up_write(&fix->names.lock);
	kdbus_name_spare_free(&spare);

	return ret;
}

static int release(struct fixture *fix, int who, const char *name,
		   struct kdbus_name_plan *plan)
{
	struct kdbus_name_owner *owner = &fix->owner[who];

	down_write(&fix->names.lock);
	kdbus_name_plan_release(&fix->names, owner, name, plan);
	if (!plan->result)
		kdbus_name_apply_release(&fix->names, owner, name, plan);
	up_write(&fix->names.lock);

	return plan->result;
}

static int claim(struct fixture *fix, int who, const char *name)
{
	struct kdbus_name_spare spare;
	int ret;

	ret = kdbus_name_spare_init(&spare, name);
	if (ret)
		return ret;

	down_write(&fix->names.lock);
	ret = kdbus_name_claim(&fix->names, &fix->owner[who], &spare);
	up_write(&fix->names.lock);
	kdbus_name_spare_free(&spare);

	return ret;
}

static void activate(struct fixture *fix, int who, struct kdbus_name_plan *plan)
{
	down_write(&fix->names.lock);
	kdbus_name_plan_activate(&fix->names, &fix->owner[who], plan);
	kdbus_name_apply_activate(&fix->owner[who]);
	up_write(&fix->names.lock);
}

/* The id of the primary owner, 0 if there is none. */
static u64 primary(struct fixture *fix, const char *name)
{
	struct kdbus_name_entry *entry;
	u64 id;

	down_read(&fix->names.lock);
	entry = kdbus_name_find(&fix->names, name);
	id = entry ? entry->owner->id : 0;
	up_read(&fix->names.lock);

	return id;
}

static int names_init(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	int i;

	if (!fix)
		return -ENOMEM;
	test->priv = fix;
	for (i = 0; i <= OWNERS; i++)
		kdbus_name_owner_init(&fix->owner[i], i + 1);

	return kdbus_names_init(&fix->names);
}

static void names_exit(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_name_entry *entry;
	struct kdbus_name_plan plan;
	int i;

	for (i = 0; i <= OWNERS; i++) {
		while (!list_empty(&fix->owner[i].entries)) {
			entry = list_first_entry(&fix->owner[i].entries,
						 struct kdbus_name_entry,
						 of_owner);
			if (release(fix, i, entry->name->str, &plan))
				break;
		}
		KUNIT_EXPECT_EQ(test, fix->owner[i].count, 0);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&fix->names.table.nelems), 0);
	kdbus_names_destroy(&fix->names);
}

/* Lines 1 and 3: a free name, and one's own. */
static void acquire_free(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_name_plan plan;

	KUNIT_EXPECT_EQ(test, acquire(fix, 0, NAME, ALLOW, &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.return_flags, ALLOW | PRIMARY | NEWLY);
	KUNIT_EXPECT_EQ(test, plan.old_id, 0);
	KUNIT_EXPECT_EQ(test, plan.new_id, 1);
	KUNIT_EXPECT_EQ(test, plan.new_flags, ALLOW | PRIMARY);
	KUNIT_EXPECT_EQ(test, primary(fix, NAME), 1);

	KUNIT_EXPECT_EQ(test, acquire(fix, 0, NAME, QUEUE, &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.return_flags, QUEUE | PRIMARY);
	KUNIT_EXPECT_EQ(test, plan.new_id, 0);
	/* The new flags replaced the old ones: nobody may take it now. */
	KUNIT_EXPECT_EQ(test, acquire(fix, 1, NAME, REPLACE, &plan), -EEXIST);
	KUNIT_EXPECT_EQ(test, plan.return_flags, 0);
}

/* Lines 5 to 8: waiting, and leaving the queue. */
static void wait_and_leave(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_name_plan plan;

	KUNIT_ASSERT_EQ(test, acquire(fix, 0, NAME, 0, &plan), 0);
	KUNIT_EXPECT_EQ(test, acquire(fix, 1, NAME, 0, &plan), -EEXIST);
	KUNIT_EXPECT_EQ(test, fix->owner[1].count, 0);

	KUNIT_EXPECT_EQ(test, acquire(fix, 1, NAME, QUEUE, &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.return_flags, QUEUE | WAITING | NEWLY);
	KUNIT_EXPECT_EQ(test, acquire(fix, 1, NAME, QUEUE | ALLOW, &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.return_flags, QUEUE | ALLOW | WAITING);
	KUNIT_EXPECT_EQ(test, fix->owner[1].count, 1);

	KUNIT_EXPECT_EQ(test, acquire(fix, 1, NAME, ALLOW | REPLACE, &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.return_flags, ALLOW);
	KUNIT_EXPECT_EQ(test, fix->owner[1].count, 0);
	KUNIT_EXPECT_EQ(test, primary(fix, NAME), 1);
}

/* Line 4: the last displaced is the first to get the name back. */
static void replace(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_name_plan plan;

	KUNIT_ASSERT_EQ(test, acquire(fix, 0, NAME, ALLOW | QUEUE, &plan), 0);
	KUNIT_ASSERT_EQ(test, acquire(fix, 3, NAME, QUEUE, &plan), 0);

	KUNIT_EXPECT_EQ(test, acquire(fix, 1, NAME, REPLACE | ALLOW | QUEUE,
				      &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.old_id, 1);
	KUNIT_EXPECT_EQ(test, plan.old_flags, ALLOW | QUEUE | PRIMARY);
	KUNIT_EXPECT_EQ(test, plan.new_id, 2);
	KUNIT_EXPECT_FALSE(test, plan.migrate);
	/* Whoever waited for it and takes it waits no more. */
	KUNIT_EXPECT_EQ(test, acquire(fix, 3, NAME, REPLACE, &plan), 0);
	KUNIT_EXPECT_EQ(test, fix->owner[3].count, 1);

	KUNIT_EXPECT_EQ(test, release(fix, 3, NAME, &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.new_id, 2);
	KUNIT_EXPECT_EQ(test, release(fix, 1, NAME, &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.new_id, 1);
	KUNIT_EXPECT_EQ(test, plan.new_flags, ALLOW | QUEUE | PRIMARY);

	/* Without QUEUE the displaced owner is out. */
	KUNIT_ASSERT_EQ(test, acquire(fix, 0, NAME, ALLOW, &plan), 0);
	KUNIT_EXPECT_EQ(test, acquire(fix, 1, NAME, REPLACE, &plan), 0);
	KUNIT_EXPECT_EQ(test, fix->owner[0].count, 0);
}

/* NAME-5 and the end of a name. */
static void release_errors(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_name_plan plan;
	u64 incarnation;

	KUNIT_EXPECT_EQ(test, release(fix, 0, NAME, &plan), -ESRCH);
	KUNIT_EXPECT_EQ(test, release(fix, 0, "", &plan), -ESRCH);
	KUNIT_ASSERT_EQ(test, acquire(fix, 0, NAME, 0, &plan), 0);
	KUNIT_EXPECT_EQ(test, release(fix, 1, NAME, &plan), -EADDRINUSE);

	KUNIT_EXPECT_EQ(test, release(fix, 0, NAME, &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.old_id, 1);
	KUNIT_EXPECT_EQ(test, plan.new_id, 0);
	incarnation = plan.incarnation;
	KUNIT_EXPECT_EQ(test, release(fix, 0, NAME, &plan), -ESRCH);

	/* What comes back under the name is another one. */
	KUNIT_ASSERT_EQ(test, acquire(fix, 0, NAME, 0, &plan), 0);
	KUNIT_ASSERT_EQ(test, acquire(fix, 0, NAME, 0, &plan), 0);
	KUNIT_EXPECT_NE(test, plan.incarnation, incarnation);
}

/* ACT-2 and lines 2 of NAME-3 and NAME-6: both directions. */
static void activator(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_name_plan plan;

	KUNIT_ASSERT_EQ(test, claim(fix, OWNERS, NAME), 0);
	activate(fix, OWNERS, &plan);
	KUNIT_EXPECT_EQ(test, plan.new_id, OWNERS + 1);
	KUNIT_EXPECT_EQ(test, plan.new_flags, STARTER | PRIMARY);
	KUNIT_EXPECT_EQ(test, primary(fix, NAME), OWNERS + 1);
	KUNIT_EXPECT_EQ(test, claim(fix, 3, NAME), -EEXIST);

	KUNIT_EXPECT_EQ(test, acquire(fix, 0, NAME, 0, &plan), 0);
	KUNIT_EXPECT_TRUE(test, plan.migrate);
	KUNIT_EXPECT_EQ(test, plan.old_id, OWNERS + 1);
	KUNIT_EXPECT_EQ(test, plan.old_flags, STARTER | PRIMARY);

	/* Who waits comes before the activator, without a hand-over. */
	KUNIT_ASSERT_EQ(test, acquire(fix, 1, NAME, QUEUE, &plan), 0);
	KUNIT_EXPECT_EQ(test, release(fix, 0, NAME, &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.new_id, 2);
	KUNIT_EXPECT_FALSE(test, plan.migrate);

	KUNIT_EXPECT_EQ(test, release(fix, 1, NAME, &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.new_id, OWNERS + 1);
	KUNIT_EXPECT_TRUE(test, plan.migrate);
	KUNIT_EXPECT_EQ(test, release(fix, OWNERS, NAME, &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.new_id, 0);
}

/* W-45: a claim is invisible until it is in force. */
static void claim_is_invisible(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_name_plan plan;

	KUNIT_ASSERT_EQ(test, claim(fix, OWNERS, NAME), 0);
	KUNIT_EXPECT_EQ(test, primary(fix, NAME), 0);
	KUNIT_EXPECT_EQ(test, claim(fix, 3, NAME), -EEXIST);
	KUNIT_EXPECT_EQ(test, release(fix, 0, NAME, &plan), -ESRCH);

	/* Names are taken and given up as if it were not there. */
	KUNIT_EXPECT_EQ(test, acquire(fix, 0, NAME, 0, &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.old_id, 0);
	KUNIT_EXPECT_FALSE(test, plan.migrate);
	KUNIT_EXPECT_EQ(test, release(fix, 0, NAME, &plan), 0);
	KUNIT_EXPECT_EQ(test, plan.new_id, 0);
	KUNIT_EXPECT_FALSE(test, plan.migrate);

	/* In force beside an owner: silently. */
	KUNIT_EXPECT_EQ(test, acquire(fix, 0, NAME, 0, &plan), 0);
	activate(fix, OWNERS, &plan);
	KUNIT_EXPECT_EQ(test, plan.new_id, 0);
	KUNIT_EXPECT_EQ(test, primary(fix, NAME), 1);
}

/* NAME-2: at the limit and over it; what one has does not count again. */
static void limit(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_name_plan plan;
	char name[32];
	int i;

	for (i = 0; i < KDBUS_CONN_MAX_NAMES; i++) {
		snprintf(name, sizeof(name), "org.example.n%d", i);
		KUNIT_ASSERT_EQ(test, acquire(fix, 0, name, 0, &plan), 0);
	}
	KUNIT_EXPECT_EQ(test, acquire(fix, 0, NAME, 0, &plan), -E2BIG);
	KUNIT_EXPECT_EQ(test, primary(fix, NAME), 0);
	KUNIT_EXPECT_EQ(test, acquire(fix, 0, name, ALLOW, &plan), 0);
	KUNIT_EXPECT_EQ(test, release(fix, 0, name, &plan), 0);
	KUNIT_EXPECT_EQ(test, acquire(fix, 0, NAME, 0, &plan), 0);
}

static struct kunit_case names_cases[] = {
	KUNIT_CASE(acquire_free),
	KUNIT_CASE(wait_and_leave),
	KUNIT_CASE(replace),
	KUNIT_CASE(release_errors),
	KUNIT_CASE(activator),
	KUNIT_CASE(claim_is_invisible),
	KUNIT_CASE(limit),
	{}
};

static struct kunit_suite names_suite = {
	.name = "kdbus_names",
	.init = names_init,
	.exit = names_exit,
	.test_cases = names_cases,
};

kunit_test_suite(names_suite);
