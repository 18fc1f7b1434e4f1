// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of active.c: states of an activity, and the drain. The states
 * are those of the DOC paragraph in active.h.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "../active.h"

/* How long a thread may take before the test is considered to hang. */
#define PATIENCE	(30 * HZ)

#define HELPERS		4

/* How often each thread of drain_under_load() works before the drain. */
#define ROUNDS		2000

struct fixture;

/**
 * struct helper - a thread that does something with the activity
 * @fix:	what it belongs to
 * @task:	the thread, NULL if it was not started
 * @ready:	the thread has begun
 * @go:		the thread may go on
 * @done:	the thread has finished
 * @at:		when it was through, as number of the event
 * @ok:		whether what it did succeeded
 */
struct helper {
	struct fixture *fix;
	struct task_struct *task;
	struct completion ready;
	struct completion go;
	struct completion done;
	int at;
	bool ok;
};

/**
 * struct fixture - an activity and the threads that use it
 * @active:	the activity
 * @events:	number of events so far
 * @inside:	number of threads that hold a reference
 * @helper:	the threads
 */
struct fixture {
	struct kdbus_active active;
	atomic_t events;
	atomic_t inside;
	struct helper helper[HELPERS];
};

static int active_init(struct kunit *test)
{
	struct fixture *fix;
	int i;

	fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	if (!fix)
		return -ENOMEM;

	kdbus_active_init(&fix->active, "kdbus_kunit_active");
	atomic_set(&fix->events, 0);
	atomic_set(&fix->inside, 0);
	for (i = 0; i < HELPERS; i++) {
		fix->helper[i].fix = fix;
		init_completion(&fix->helper[i].ready);
		init_completion(&fix->helper[i].go);
		init_completion(&fix->helper[i].done);
	}
	test->priv = fix;

	return 0;
}

/* Also after a failed assertion no thread stays behind. */
static void active_exit(struct kunit *test)
{
	struct fixture *fix = test->priv;
	int i;

	if (!fix)
		return;

	kdbus_active_deactivate(&fix->active);
	for (i = 0; i < HELPERS; i++)
		complete_all(&fix->helper[i].go);
	for (i = 0; i < HELPERS; i++) {
		if (fix->helper[i].task)
			kthread_stop(fix->helper[i].task);
	}
}

static bool wait_for(struct completion *completion)
{
	return wait_for_completion_timeout(completion, PATIENCE) > 0;
}

static void helper_start(struct kunit *test, struct helper *helper,
			 int (*fn)(void *data))
{
	struct task_struct *task;

	task = kthread_run(fn, helper, "kdbus-kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	helper->task = task;
	KUNIT_ASSERT_TRUE(test, wait_for(&helper->ready));
}

/* The end of each thread function: stays until kthread_stop(). */
static int helper_end(struct helper *helper)
{
	helper->at = atomic_inc_return(&helper->fix->events);
	complete(&helper->done);

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);

	return 0;
}

/* Holds an active reference from 'ready' to 'go'. */
static int holder(void *data)
{
	struct helper *helper = data;
	struct kdbus_active *active = &helper->fix->active;

	helper->ok = kdbus_active_acquire(active);
	if (helper->ok)
		atomic_inc(&helper->fix->inside);
	complete(&helper->ready);
	wait_for_completion(&helper->go);
	if (helper->ok) {
		atomic_dec(&helper->fix->inside);
		kdbus_active_release(active);
	}

	return helper_end(helper);
}

/* Drains; ok if nobody holds a reference afterwards. */
static int drainer(void *data)
{
	struct helper *helper = data;

	complete(&helper->ready);
	kdbus_active_drain(&helper->fix->active);
	helper->ok = atomic_read(&helper->fix->inside) == 0;

	return helper_end(helper);
}

/* Deactivates at 'go'; ok if it was this call that did it. */
static int deactivator(void *data)
{
	struct helper *helper = data;

	complete(&helper->ready);
	wait_for_completion(&helper->go);
	helper->ok = kdbus_active_deactivate(&helper->fix->active);

	return helper_end(helper);
}

/* Takes and drops references until refused; 'ready' after ROUNDS of them. */
static int worker(void *data)
{
	struct helper *helper = data;
	struct kdbus_active *active = &helper->fix->active;
	int i = 0;

	while (kdbus_active_acquire(active)) {
		atomic_inc(&helper->fix->inside);
		cond_resched();
		atomic_dec(&helper->fix->inside);
		kdbus_active_release(active);
		if (++i == ROUNDS)
			complete(&helper->ready);
	}

	return helper_end(helper);
}

/* NEW: not active, no references; the first activation alone succeeds. */
static void new_then_activate(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_active *active = &fix->active;

	KUNIT_EXPECT_FALSE(test, kdbus_active_is_active(active));
	KUNIT_EXPECT_FALSE(test, kdbus_active_acquire(active));
	KUNIT_EXPECT_FALSE(test, kdbus_active_is_active(active));

	KUNIT_EXPECT_TRUE(test, kdbus_active_activate(active));
	KUNIT_EXPECT_TRUE(test, kdbus_active_is_active(active));
	KUNIT_EXPECT_FALSE(test, kdbus_active_activate(active));
	KUNIT_EXPECT_TRUE(test, kdbus_active_is_active(active));
}

/* ACTIVE: references come and go, another activation is refused. */
static void acquire_and_release(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_active *active = &fix->active;
	int i;

	KUNIT_ASSERT_TRUE(test, kdbus_active_activate(active));
	helper_start(test, &fix->helper[0], holder);
	KUNIT_EXPECT_TRUE(test, fix->helper[0].ok);

	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_TRUE(test, kdbus_active_acquire(active));
		KUNIT_EXPECT_FALSE(test, kdbus_active_activate(active));
		KUNIT_EXPECT_TRUE(test, kdbus_active_is_active(active));
		kdbus_active_release(active);
		KUNIT_EXPECT_TRUE(test, kdbus_active_is_active(active));
	}

	complete(&fix->helper[0].go);
	KUNIT_ASSERT_TRUE(test, wait_for(&fix->helper[0].done));
	KUNIT_EXPECT_TRUE(test, kdbus_active_is_active(active));
	KUNIT_EXPECT_FALSE(test, kdbus_active_activate(active));
}

static void expect_refusal(struct kunit *test, struct kdbus_active *active)
{
	KUNIT_EXPECT_FALSE(test, kdbus_active_is_active(active));
	KUNIT_EXPECT_FALSE(test, kdbus_active_acquire(active));
	KUNIT_EXPECT_FALSE(test, kdbus_active_activate(active));
	KUNIT_EXPECT_FALSE(test, kdbus_active_deactivate(active));
}

/* DRAINING and DRAINED: everything but a drain is refused, for ever. */
static void deactivate_refuses(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_active *active = &fix->active;

	KUNIT_ASSERT_TRUE(test, kdbus_active_activate(active));
	KUNIT_ASSERT_TRUE(test, kdbus_active_acquire(active));

	KUNIT_EXPECT_TRUE(test, kdbus_active_deactivate(active));
	expect_refusal(test, active);
	kdbus_active_release(active);
	expect_refusal(test, active);
	kdbus_active_drain(active);
	expect_refusal(test, active);
	/* A second drain finds nothing to wait for. */
	kdbus_active_drain(active);
	expect_refusal(test, active);
}

/* NEW goes straight to DRAINED. */
static void deactivate_new(struct kunit *test)
{
	struct fixture *fix = test->priv;

	KUNIT_EXPECT_TRUE(test, kdbus_active_deactivate(&fix->active));
	expect_refusal(test, &fix->active);
	kdbus_active_drain(&fix->active);
	expect_refusal(test, &fix->active);
}

/* A drain ends after the release of the last reference that others hold. */
static void drain_waits(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct helper *a = &fix->helper[0];
	struct helper *b = &fix->helper[1];
	struct helper *drain = &fix->helper[2];

	KUNIT_ASSERT_TRUE(test, kdbus_active_activate(&fix->active));
	helper_start(test, a, holder);
	helper_start(test, b, holder);
	KUNIT_EXPECT_TRUE(test, a->ok);
	KUNIT_EXPECT_TRUE(test, b->ok);

	KUNIT_EXPECT_TRUE(test, kdbus_active_deactivate(&fix->active));
	helper_start(test, drain, drainer);

	complete(&a->go);
	KUNIT_ASSERT_TRUE(test, wait_for(&a->done));
	KUNIT_EXPECT_FALSE(test, completion_done(&drain->done));
	complete(&b->go);
	KUNIT_ASSERT_TRUE(test, wait_for(&b->done));
	KUNIT_ASSERT_TRUE(test, wait_for(&drain->done));
	KUNIT_EXPECT_TRUE(test, drain->ok);
	KUNIT_EXPECT_EQ(test, a->at, 1);
}

/* Several tasks drain at once: the last release wakes all of them. */
static void drain_by_two(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct helper *hold = &fix->helper[0];
	struct helper *one = &fix->helper[1];
	struct helper *two = &fix->helper[2];

	KUNIT_ASSERT_TRUE(test, kdbus_active_activate(&fix->active));
	helper_start(test, hold, holder);
	KUNIT_EXPECT_TRUE(test, hold->ok);
	KUNIT_EXPECT_TRUE(test, kdbus_active_deactivate(&fix->active));

	helper_start(test, one, drainer);
	helper_start(test, two, drainer);
	KUNIT_EXPECT_FALSE(test, completion_done(&one->done));
	KUNIT_EXPECT_FALSE(test, completion_done(&two->done));

	complete(&hold->go);
	KUNIT_ASSERT_TRUE(test, wait_for(&one->done));
	KUNIT_ASSERT_TRUE(test, wait_for(&two->done));
	KUNIT_EXPECT_TRUE(test, one->ok);
	KUNIT_EXPECT_TRUE(test, two->ok);
}

/* Of several that deactivate at once, one is told that it did. */
static void deactivate_once(struct kunit *test)
{
	struct fixture *fix = test->priv;
	int i, n = 0;

	KUNIT_ASSERT_TRUE(test, kdbus_active_activate(&fix->active));
	for (i = 0; i < HELPERS; i++)
		helper_start(test, &fix->helper[i], deactivator);
	for (i = 0; i < HELPERS; i++)
		complete(&fix->helper[i].go);

	for (i = 0; i < HELPERS; i++) {
		KUNIT_ASSERT_TRUE(test, wait_for(&fix->helper[i].done));
		n += fix->helper[i].ok;
	}
	KUNIT_EXPECT_EQ(test, n, 1);
}

/* After the drain nobody is inside, however busy it was before. */
static void drain_under_load(struct kunit *test)
{
	struct fixture *fix = test->priv;
	int i;

	KUNIT_ASSERT_TRUE(test, kdbus_active_activate(&fix->active));
	for (i = 0; i < HELPERS; i++)
		helper_start(test, &fix->helper[i], worker);

	KUNIT_EXPECT_TRUE(test, kdbus_active_deactivate(&fix->active));
	kdbus_active_drain(&fix->active);
	KUNIT_EXPECT_EQ(test, atomic_read(&fix->inside), 0);

	for (i = 0; i < HELPERS; i++)
		KUNIT_ASSERT_TRUE(test, wait_for(&fix->helper[i].done));
	KUNIT_EXPECT_EQ(test, atomic_read(&fix->inside), 0);
}

static struct kunit_case kdbus_active_cases[] = {
	KUNIT_CASE(new_then_activate),
	KUNIT_CASE(acquire_and_release),
	KUNIT_CASE(deactivate_refuses),
	KUNIT_CASE(deactivate_new),
	KUNIT_CASE(drain_waits),
	KUNIT_CASE(drain_by_two),
	KUNIT_CASE(deactivate_once),
	KUNIT_CASE(drain_under_load),
	{}
};

static struct kunit_suite kdbus_active_suite = {
	.name = "kdbus_active",
	.init = active_init,
	.exit = active_exit,
	.test_cases = kdbus_active_cases,
};

kunit_test_suite(kdbus_active_suite);
