// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of queue.c: order of arrival, and order of priority.
 */
#include <kunit/test.h>
#include <linux/prandom.h>

#include "../queue.h"

#define SEED	20261122

/* Adds entries in the order of an array of priorities. */
static struct kdbus_queue_entry *fill(struct kunit *test,
				      struct kdbus_queue *queue,
				      const s64 *priorities, size_t n)
{
	struct kdbus_queue_entry *entries;
	size_t i;

	entries = kunit_kcalloc(test, n, sizeof(*entries), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, entries);

	kdbus_queue_init(queue);
	for (i = 0; i < n; i++) {
		entries[i].priority = priorities[i];
		kdbus_queue_add(queue, &entries[i]);
		KUNIT_EXPECT_EQ(test, kdbus_queue_count(queue), i + 1);
	}

	return entries;
}

static void expect_empty(struct kunit *test, struct kdbus_queue *queue)
{
	KUNIT_EXPECT_EQ(test, kdbus_queue_count(queue), 0);
	KUNIT_EXPECT_NULL(test, kdbus_queue_peek(queue));
	KUNIT_EXPECT_NULL(test, kdbus_queue_peek_priority(queue, S64_MAX));
	KUNIT_EXPECT_NULL(test, kdbus_queue_peek_priority(queue, S64_MIN));
}

/* Takes entries by priority and compares with indices into an array. */
static void drain_by_priority(struct kunit *test, struct kdbus_queue *queue,
			      const struct kdbus_queue_entry *entries,
			      const size_t *want, size_t n)
{
	struct kdbus_queue_entry *entry;
	size_t i;

	for (i = 0; i < n; i++) {
		entry = kdbus_queue_peek_priority(queue, S64_MAX);
		KUNIT_ASSERT_PTR_EQ_MSG(test, entry, &entries[want[i]],
					"place %zu", i);
		kdbus_queue_remove(queue, entry);
		KUNIT_EXPECT_EQ(test, kdbus_queue_count(queue), n - i - 1);
	}
	expect_empty(test, queue);
}

/* RECV-3: an empty queue has nothing, before and after. */
static void empty(struct kunit *test)
{
	static const s64 priority;
	struct kdbus_queue_entry *entry;
	struct kdbus_queue queue;

	kdbus_queue_init(&queue);
	expect_empty(test, &queue);

	entry = fill(test, &queue, &priority, 1);
	KUNIT_EXPECT_PTR_EQ(test, kdbus_queue_peek(&queue), entry);
	/* RECV-7: looking changes nothing. */
	KUNIT_EXPECT_PTR_EQ(test, kdbus_queue_peek(&queue), entry);
	KUNIT_EXPECT_PTR_EQ(test, kdbus_queue_peek_priority(&queue, 0), entry);
	KUNIT_EXPECT_EQ(test, kdbus_queue_count(&queue), 1);

	kdbus_queue_remove(&queue, entry);
	expect_empty(test, &queue);

	/* An entry may come back. */
	kdbus_queue_add(&queue, entry);
	KUNIT_EXPECT_EQ(test, kdbus_queue_count(&queue), 1);
	KUNIT_EXPECT_PTR_EQ(test, kdbus_queue_peek(&queue), entry);
	kdbus_queue_remove(&queue, entry);
	expect_empty(test, &queue);
}

/* RECV-2: without a priority the oldest, whatever its priority. */
static void fifo(struct kunit *test)
{
	static const s64 priorities[] = { 3, -1, 7, 0, S64_MAX, S64_MIN };
	struct kdbus_queue_entry *entries, *entry;
	struct kdbus_queue queue;
	size_t i;

	entries = fill(test, &queue, priorities, ARRAY_SIZE(priorities));
	for (i = 0; i < ARRAY_SIZE(priorities); i++) {
		entry = kdbus_queue_peek(&queue);
		KUNIT_ASSERT_PTR_EQ(test, entry, &entries[i]);
		kdbus_queue_remove(&queue, entry);
	}
	expect_empty(test, &queue);
}

/* RECV-2: the numerically lowest value first, signed. */
static void signed_priorities(struct kunit *test)
{
	static const s64 priorities[] = {
		1, -1, S64_MAX, 0, S64_MIN, S64_MAX - 1, S64_MIN + 1,
		1LL << 32, -(1LL << 32),
	};
	static const size_t want[] = { 4, 6, 8, 1, 3, 0, 7, 5, 2 };
	struct kdbus_queue_entry *entries;
	struct kdbus_queue queue;

	entries = fill(test, &queue, priorities, ARRAY_SIZE(priorities));
	drain_by_priority(test, &queue, entries, want, ARRAY_SIZE(want));
}

/* RECV-2: the oldest first among equals. */
static void fifo_among_equals(struct kunit *test)
{
	static const s64 priorities[] = { 2, 1, 2, 1, 1, 2, 0, 1 };
	static const size_t want[] = { 6, 1, 3, 4, 7, 0, 2, 5 };
	struct kdbus_queue_entry *entries;
	struct kdbus_queue queue;

	entries = fill(test, &queue, priorities, ARRAY_SIZE(priorities));
	drain_by_priority(test, &queue, entries, want, ARRAY_SIZE(want));
}

/* RECV-2: only if the lowest value is at most the one given. */
static void priority_bound(struct kunit *test)
{
	static const s64 bounds[] = {
		S64_MIN, S64_MIN + 1, -5, -1, 0, 1, 5, S64_MAX - 1, S64_MAX,
	};
	struct kdbus_queue_entry *entry;
	struct kdbus_queue queue;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(bounds); i++) {
		const s64 priorities[] = { S64_MAX, bounds[i] };

		entry = fill(test, &queue, priorities, 2) + 1;
		/* Of two equals it is the older one. */
		if (bounds[i] == S64_MAX)
			entry--;

		for (j = 0; j < ARRAY_SIZE(bounds); j++)
			KUNIT_EXPECT_PTR_EQ_MSG(test,
						kdbus_queue_peek_priority(&queue, bounds[j]),
						i <= j ? entry : NULL,
						"%lld, at most %lld", bounds[i],
						bounds[j]);
	}
}

/* W-32: mixed priorities, a subset moves away, the rest drains in order. */
static void remove_then_drain(struct kunit *test)
{
	static const s64 priorities[] = { 5, 5, 1, 1, 9, 9 };
	static const size_t keep_even[] = { 2, 0, 4 };
	static const size_t keep_odd[] = { 3, 1, 5 };
	struct kdbus_queue queue, moved;
	struct kdbus_queue_entry *entries;
	size_t i;

	entries = fill(test, &queue, priorities, ARRAY_SIZE(priorities));
	kdbus_queue_init(&moved);
	for (i = 1; i < ARRAY_SIZE(priorities); i += 2) {
		kdbus_queue_remove(&queue, &entries[i]);
		kdbus_queue_add(&moved, &entries[i]);
	}

	KUNIT_EXPECT_PTR_EQ(test, kdbus_queue_peek(&queue), &entries[0]);
	KUNIT_EXPECT_PTR_EQ(test, kdbus_queue_peek(&moved), &entries[1]);
	drain_by_priority(test, &queue, entries, keep_even, 3);
	drain_by_priority(test, &moved, entries, keep_odd, 3);
}

/* W-32: each subset of eight messages removed, the rest in both orders. */
static void remove_each_subset(struct kunit *test)
{
	static const s64 priorities[] = { 5, 5, 1, 9, 1, 9, 5, -3 };
	static const size_t order[] = { 7, 2, 4, 0, 1, 6, 3, 5 };
	const size_t n = ARRAY_SIZE(priorities);
	struct kdbus_queue_entry *entries;
	struct kdbus_queue queue;
	size_t want[ARRAY_SIZE(priorities)];
	unsigned int mask;
	size_t i, left;

	for (mask = 0; mask < 1U << n; mask++) {
		entries = fill(test, &queue, priorities, n);
		left = 0;
		for (i = 0; i < n; i++) {
			if (mask & BIT(i))
				kdbus_queue_remove(&queue, &entries[i]);
			if (!(mask & BIT(order[i])))
				want[left++] = order[i];
		}

		KUNIT_ASSERT_EQ(test, kdbus_queue_count(&queue), left);
		if (left)
			KUNIT_EXPECT_PTR_EQ(test, kdbus_queue_peek(&queue),
					    &entries[__ffs(~mask)]);
		drain_by_priority(test, &queue, entries, want, left);
		kunit_kfree(test, entries);
	}
}

/**
 * struct model - what the queue should hold, the obvious way
 * @live:	entries, oldest first
 * @n:		number of entries
 */
struct model {
	struct kdbus_queue_entry *live[64];
	size_t n;
};

static struct kdbus_queue_entry *model_first(const struct model *model,
					     s64 bound)
{
	struct kdbus_queue_entry *first = NULL;
	size_t i;

	for (i = 0; i < model->n; i++) {
		if (!first || model->live[i]->priority < first->priority)
			first = model->live[i];
	}

	return first && first->priority <= bound ? first : NULL;
}

static void model_remove(struct model *model,
			 const struct kdbus_queue_entry *entry)
{
	size_t i, left = 0;

	for (i = 0; i < model->n; i++) {
		if (model->live[i] != entry)
			model->live[left++] = model->live[i];
	}
	model->n = left;
}

/* RECV-2: random additions and removals against the model. */
static void random_model(struct kunit *test)
{
	struct kdbus_queue_entry *entries, *entry;
	struct kdbus_queue queue;
	struct rnd_state rnd;
	struct model *model;
	s64 bound;
	int i, k;

	model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model);
	entries = kunit_kcalloc(test, ARRAY_SIZE(model->live),
				sizeof(*entries), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, entries);
	for (k = 0; k < ARRAY_SIZE(model->live); k++)
		INIT_LIST_HEAD(&entries[k].entry);

	prandom_seed_state(&rnd, SEED);
	kdbus_queue_init(&queue);

	for (i = 0; i < 20000; i++) {
		entry = &entries[prandom_u32_state(&rnd) %
				 ARRAY_SIZE(model->live)];
		if (list_empty(&entry->entry)) {
			entry->priority = (s64)(prandom_u32_state(&rnd) % 7) -
					  3;
			kdbus_queue_add(&queue, entry);
			model->live[model->n++] = entry;
		} else {
			kdbus_queue_remove(&queue, entry);
			model_remove(model, entry);
		}

		bound = (s64)(prandom_u32_state(&rnd) % 9) - 4;
		KUNIT_ASSERT_EQ(test, kdbus_queue_count(&queue), model->n);
		KUNIT_ASSERT_PTR_EQ(test, kdbus_queue_peek(&queue),
				    model->n ? model->live[0] : NULL);
		KUNIT_ASSERT_PTR_EQ(test,
				    kdbus_queue_peek_priority(&queue, bound),
				    model_first(model, bound));
	}
}

static struct kunit_case kdbus_queue_cases[] = {
	KUNIT_CASE(empty),
	KUNIT_CASE(fifo),
	KUNIT_CASE(signed_priorities),
	KUNIT_CASE(fifo_among_equals),
	KUNIT_CASE(priority_bound),
	KUNIT_CASE(remove_then_drain),
	KUNIT_CASE(remove_each_subset),
	KUNIT_CASE(random_model),
	{}
};

static struct kunit_suite kdbus_queue_suite = {
	.name = "kdbus_queue",
	.test_cases = kdbus_queue_cases,
};

kunit_test_suite(kdbus_queue_suite);
