// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of item.c: framing of items and checks of their payload.
 */
#include <kunit/test.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "../item.h"
#include "../limits.h"

#define ALL_TYPES	(~0ULL)
#define LIST_SIZE	1024

/**
 * struct list - a list of items being built
 * @size:	bytes so far
 * @buf:	the items
 */
struct list {
	size_t size;
	u64 buf[LIST_SIZE / sizeof(u64)];
};

/**
 * struct payload - one line of a table of payloads
 * @type:	type of the item
 * @size:	bytes of payload
 * @ret:	what the check has to say
 * @data:	payload; NULL stands for bytes of 0x11
 */
struct payload {
	u64 type;
	size_t size;
	int ret;
	const void *data;
};

static struct list *list_new(struct kunit *test)
{
	struct list *list;

	list = kunit_kzalloc(test, sizeof(*list), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, list);
	return list;
}

/* Appends an item behind the padding of the last one. */
static struct kdbus_item *list_append(struct kunit *test, struct list *list,
				      u64 type, const void *data, size_t size)
{
	struct kdbus_item *item;
	size_t pos = KDBUS_ALIGN8(list->size);

	KUNIT_ASSERT_LE(test, pos + KDBUS_ITEM_SIZE(size), sizeof(list->buf));

	item = (void *)list->buf + pos;
	item->size = KDBUS_ITEM_SIZE(size);
	item->type = type;
	if (data)
		memcpy(item->data, data, size);
	else
		memset(item->data, 0x11, size);
	list->size = pos + item->size;

	return item;
}

static int list_check(struct list *list, u64 once, u64 many)
{
	u64 found;

	return kdbus_items_check(list->buf, list->size, once, many, &found);
}

static void check_table(struct kunit *test, const struct payload *table,
			size_t n)
{
	struct list *list = list_new(test);
	size_t i;

	for (i = 0; i < n; i++) {
		list->size = 0;
		list_append(test, list, table[i].type, table[i].data,
			    table[i].size);
		KUNIT_EXPECT_EQ_MSG(test, list_check(list, ALL_TYPES, 0),
				    table[i].ret,
				    "line %zu: type 0x%llx, %zu bytes", i,
				    table[i].type, table[i].size);
	}
}

/* Table 3.3: payloads of one exact size, or of a multiple of a size. */
static void payload_sizes(struct kunit *test)
{
	static const struct payload table[] = {
		{ KDBUS_ITEM_NEGOTIATE, 0, 0 },
		{ KDBUS_ITEM_NEGOTIATE, 8, 0 },
		{ KDBUS_ITEM_NEGOTIATE, 64, 0 },
		{ KDBUS_ITEM_NEGOTIATE, 1, -EINVAL },
		{ KDBUS_ITEM_NEGOTIATE, 7, -EINVAL },
		{ KDBUS_ITEM_NEGOTIATE, 12, -EINVAL },
		{ KDBUS_ITEM_FDS, 0, 0 },
		{ KDBUS_ITEM_FDS, 4, 0 },
		{ KDBUS_ITEM_FDS, 64, 0 },
		{ KDBUS_ITEM_FDS, 68, 0 },
		{ KDBUS_ITEM_FDS, 1, -EINVAL },
		{ KDBUS_ITEM_FDS, 3, -EINVAL },
		{ KDBUS_ITEM_FDS, 6, -EINVAL },
		{ KDBUS_ITEM_CANCEL_FD, 4, 0 },
		{ KDBUS_ITEM_CANCEL_FD, 0, -EINVAL },
		{ KDBUS_ITEM_CANCEL_FD, 3, -EINVAL },
		{ KDBUS_ITEM_CANCEL_FD, 5, -EINVAL },
		{ KDBUS_ITEM_CANCEL_FD, 8, -EINVAL },
		{ KDBUS_ITEM_BLOOM_PARAMETER, 16, 0 },
		{ KDBUS_ITEM_BLOOM_PARAMETER, 15, -EINVAL },
		{ KDBUS_ITEM_BLOOM_PARAMETER, 17, -EINVAL },
		{ KDBUS_ITEM_BLOOM_PARAMETER, 0, -EINVAL },
		{ KDBUS_ITEM_BLOOM_FILTER, 8, 0 },
		{ KDBUS_ITEM_BLOOM_FILTER, 9, 0 },
		{ KDBUS_ITEM_BLOOM_FILTER, 72, 0 },
		{ KDBUS_ITEM_BLOOM_FILTER, 7, -EINVAL },
		{ KDBUS_ITEM_BLOOM_FILTER, 0, -EINVAL },
		{ KDBUS_ITEM_BLOOM_MASK, 0, 0 },
		{ KDBUS_ITEM_BLOOM_MASK, 1, 0 },
		{ KDBUS_ITEM_BLOOM_MASK, 64, 0 },
		{ KDBUS_ITEM_ATTACH_FLAGS_SEND, 8, 0 },
		{ KDBUS_ITEM_ATTACH_FLAGS_SEND, 7, -EINVAL },
		{ KDBUS_ITEM_ATTACH_FLAGS_SEND, 9, -EINVAL },
		{ KDBUS_ITEM_ATTACH_FLAGS_RECV, 8, 0 },
		{ KDBUS_ITEM_ATTACH_FLAGS_RECV, 7, -EINVAL },
		{ KDBUS_ITEM_ATTACH_FLAGS_RECV, 16, -EINVAL },
		{ KDBUS_ITEM_ID, 8, 0 },
		{ KDBUS_ITEM_ID, 0, -EINVAL },
		{ KDBUS_ITEM_ID, 4, -EINVAL },
		{ KDBUS_ITEM_ID, 9, -EINVAL },
		{ KDBUS_ITEM_DST_ID, 8, 0 },
		{ KDBUS_ITEM_DST_ID, 7, -EINVAL },
		{ KDBUS_ITEM_DST_ID, 16, -EINVAL },
		{ KDBUS_ITEM_CREDS, 64, 0 },
		{ KDBUS_ITEM_CREDS, 63, -EINVAL },
		{ KDBUS_ITEM_CREDS, 65, -EINVAL },
		{ KDBUS_ITEM_CREDS, 72, -EINVAL },
		{ KDBUS_ITEM_PIDS, 24, 0 },
		{ KDBUS_ITEM_PIDS, 16, -EINVAL },
		{ KDBUS_ITEM_PIDS, 23, -EINVAL },
		{ KDBUS_ITEM_PIDS, 32, -EINVAL },
		{ KDBUS_ITEM_POLICY_ACCESS, 24, 0 },
		{ KDBUS_ITEM_POLICY_ACCESS, 23, -EINVAL },
		{ KDBUS_ITEM_POLICY_ACCESS, 25, -EINVAL },
		{ KDBUS_ITEM_POLICY_ACCESS, 0, -EINVAL },
		{ KDBUS_ITEM_ID_ADD, 16, 0 },
		{ KDBUS_ITEM_ID_ADD, 15, -EINVAL },
		{ KDBUS_ITEM_ID_ADD, 17, -EINVAL },
		{ KDBUS_ITEM_ID_REMOVE, 16, 0 },
		{ KDBUS_ITEM_ID_REMOVE, 8, -EINVAL },
		{ KDBUS_ITEM_ID_REMOVE, 24, -EINVAL },
	};

	check_table(test, table, ARRAY_SIZE(table));
}

/* Table 3.3: PAYLOAD_VEC and PAYLOAD_MEMFD. */
static void payload_data(struct kunit *test)
{
	static const struct kdbus_vec vec = { .size = 1 };
	static const struct kdbus_vec vec_huge = { .size = U64_MAX };
	static const struct kdbus_vec vec_empty = { .address = 0x1000 };
	static const struct kdbus_memfd memfd = { .size = 1, .fd = 0 };
	static const struct kdbus_memfd memfd_pad = {
		.size = 1, .fd = INT_MAX, .__pad = U32_MAX,
	};
	static const struct kdbus_memfd memfd_empty = { .start = 1, .fd = 3 };
	static const struct kdbus_memfd memfd_bad = { .size = 1, .fd = -1 };
	static const struct kdbus_memfd memfd_worse = {
		.size = 1, .fd = INT_MIN,
	};
	/* Both wrong: the size is the earlier line of the table. */
	static const struct kdbus_memfd memfd_worst = { .fd = -1 };
	static const struct payload table[] = {
		{ KDBUS_ITEM_PAYLOAD_VEC, 16, 0, &vec },
		{ KDBUS_ITEM_PAYLOAD_VEC, 16, 0, &vec_huge },
		{ KDBUS_ITEM_PAYLOAD_VEC, 16, -EINVAL, &vec_empty },
		{ KDBUS_ITEM_PAYLOAD_VEC, 15, -EINVAL, &vec },
		{ KDBUS_ITEM_PAYLOAD_VEC, 0, -EINVAL },
		{ KDBUS_ITEM_PAYLOAD_VEC, 17, -EINVAL },
		{ KDBUS_ITEM_PAYLOAD_VEC, 24, -EINVAL },
		{ KDBUS_ITEM_PAYLOAD_MEMFD, 24, 0, &memfd },
		{ KDBUS_ITEM_PAYLOAD_MEMFD, 24, 0, &memfd_pad },
		{ KDBUS_ITEM_PAYLOAD_MEMFD, 24, -EINVAL, &memfd_empty },
		{ KDBUS_ITEM_PAYLOAD_MEMFD, 24, -EBADF, &memfd_bad },
		{ KDBUS_ITEM_PAYLOAD_MEMFD, 24, -EBADF, &memfd_worse },
		{ KDBUS_ITEM_PAYLOAD_MEMFD, 24, -EINVAL, &memfd_worst },
		{ KDBUS_ITEM_PAYLOAD_MEMFD, 23, -EINVAL, &memfd_bad },
		{ KDBUS_ITEM_PAYLOAD_MEMFD, 0, -EINVAL },
		{ KDBUS_ITEM_PAYLOAD_MEMFD, 25, -EINVAL },
		{ KDBUS_ITEM_PAYLOAD_MEMFD, 32, -EINVAL },
	};

	check_table(test, table, ARRAY_SIZE(table));
}

/* Table 3.3: NAME, DST_NAME, SECLABEL. */
static void payload_strings(struct kunit *test)
{
	static const u64 types[] = {
		KDBUS_ITEM_NAME, KDBUS_ITEM_DST_NAME, KDBUS_ITEM_SECLABEL,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		const struct payload table[] = {
			{ types[i], 1, 0, "" },
			{ types[i], 2, 0, "a" },
			{ types[i], 12, 0, "org.example" },
			{ types[i], 7, 0, "\x01\xff\xe4 *:" },
			{ types[i], 0, -EINVAL },
			{ types[i], 1, -EINVAL, "a" },
			{ types[i], 3, -EINVAL, "abc" },
			{ types[i], 4, -EINVAL, "a\0b" },
			{ types[i], 3, -EINVAL, "a\0" },
			{ types[i], 2, -EINVAL, "\0" },
			{ types[i], 16, -EINVAL },
		};

		check_table(test, table, ARRAY_SIZE(table));
	}
}

/* Table 3.3: MAKE_NAME, CONN_DESCRIPTION; item sizes from 18 to 80. */
static void payload_labels(struct kunit *test)
{
	static const u64 types[] = {
		KDBUS_ITEM_MAKE_NAME, KDBUS_ITEM_CONN_DESCRIPTION,
	};
	char longest[KDBUS_LABEL_MAX_LEN + 1], longer[KDBUS_LABEL_MAX_LEN + 2];
	size_t i;

	KUNIT_ASSERT_EQ(test, sizeof(longest), 64);
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		const struct payload table[] = {
			{ types[i], 2, 0, "a" },
			{ types[i], 9, 0, "0-system" },
			{ types[i], 64, 0, longest },
			{ types[i], 0, -EINVAL },
			{ types[i], 1, -EINVAL, "" },
			{ types[i], 1, -EINVAL, "a" },
			{ types[i], 65, -ENAMETOOLONG, longer },
			{ types[i], 65, -ENAMETOOLONG },
			{ types[i], 256, -ENAMETOOLONG },
			{ types[i], 64, -EINVAL, longer },
			{ types[i], 2, -EINVAL, "ab" },
			{ types[i], 3, -EINVAL, "a\0" },
			{ types[i], 4, -EINVAL, "a\0b" },
			{ types[i], 2, -EINVAL, "-" },
			{ types[i], 3, -EINVAL, "-a" },
			{ types[i], 3, -EINVAL, "a-" },
			{ types[i], 3, -EINVAL, ".a" },
			{ types[i], 3, -EINVAL, "a." },
			{ types[i], 4, 0, "a-b" },
			{ types[i], 4, 0, "a.b" },
			{ types[i], 4, -EINVAL, "a/b" },
			{ types[i], 4, -EINVAL, "a b" },
			/* W-23: Latin-1 */
			{ types[i], 2, -EINVAL, "\xe4" },
			{ types[i], 3, -EINVAL, "\xc3\xa4" },
		};

		check_table(test, table, ARRAY_SIZE(table));
	}
}

/* Table 3.3: NAME_ADD, NAME_REMOVE, NAME_CHANGE. */
static void payload_name_changes(struct kunit *test)
{
	static const u64 types[] = {
		KDBUS_ITEM_NAME_ADD, KDBUS_ITEM_NAME_REMOVE,
		KDBUS_ITEM_NAME_CHANGE,
	};
	char named[32 + 4] = {}, empty[32 + 1] = {}, open[32 + 4] = {};
	char twice[32 + 4] = {};
	size_t i;

	memcpy(named + 32, "a.b", 4);
	memcpy(open + 32, "a.bc", 4);
	memcpy(twice + 32, "a\0b", 4);

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		const struct payload table[] = {
			{ types[i], 32, 0 },
			{ types[i], 36, 0, named },
			{ types[i], 33, 0, empty },
			{ types[i], 0, -EINVAL },
			{ types[i], 31, -EINVAL },
			{ types[i], 33, -EINVAL },
			{ types[i], 35, -EINVAL, named },
			{ types[i], 36, -EINVAL, open },
			{ types[i], 36, -EINVAL, twice },
		};

		check_table(test, table, ARRAY_SIZE(table));
	}
}

/* ITEM-2 check 2: types that exist, and their neighbours that do not. */
static void type_bits(struct kunit *test)
{
	static const struct {
		u64 first;
		u64 last;
	} ranges[] = {
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_DST_ID },
		{ KDBUS_ITEM_TIMESTAMP, KDBUS_ITEM_CONN_DESCRIPTION },
		{ KDBUS_ITEM_POLICY_ACCESS, KDBUS_ITEM_POLICY_ACCESS },
		{ KDBUS_ITEM_NAME_ADD, KDBUS_ITEM_REPLY_DEAD },
	};
	static const u64 aliases[] = {
		0, 17, 32, 48, 56, 64, 65, 0x101, 0xffff, 0x10001, 0x11000,
		(1ULL << 32) + KDBUS_ITEM_NEGOTIATE, (1ULL << 63) + 1, U64_MAX,
	};
	u64 all = 0, type, bit;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		for (type = ranges[i].first; type <= ranges[i].last; type++) {
			bit = kdbus_item_bit(type);
			KUNIT_EXPECT_EQ_MSG(test, hweight64(bit), 1,
					    "0x%llx", type);
			KUNIT_EXPECT_EQ_MSG(test, all & bit, 0, "0x%llx", type);
			all |= bit;
		}
		KUNIT_EXPECT_EQ(test, kdbus_item_bit(ranges[i].first - 1), 0);
		KUNIT_EXPECT_EQ(test, kdbus_item_bit(ranges[i].last + 1), 0);
	}
	KUNIT_EXPECT_EQ(test, hweight64(all), 16 + 14 + 1 + 7);

	for (i = 0; i < ARRAY_SIZE(aliases); i++)
		KUNIT_EXPECT_EQ_MSG(test, kdbus_item_bit(aliases[i]), 0,
				    "0x%llx", aliases[i]);

	KUNIT_EXPECT_EQ(test, kdbus_item_bit(KDBUS_ITEM_NAME),
			KDBUS_ITEM_BIT(KDBUS_ITEM_NAME));
	KUNIT_EXPECT_EQ(test, kdbus_item_bit(KDBUS_ITEM_SECLABEL),
			KDBUS_ITEM_BIT(KDBUS_ITEM_SECLABEL));
	KUNIT_EXPECT_EQ(test, kdbus_item_bit(KDBUS_ITEM_POLICY_ACCESS),
			KDBUS_ITEM_BIT(KDBUS_ITEM_POLICY_ACCESS));
	KUNIT_EXPECT_EQ(test, kdbus_item_bit(KDBUS_ITEM_ID_REMOVE),
			KDBUS_ITEM_BIT(KDBUS_ITEM_ID_REMOVE));
}

/* ITEM-2 check 1: sizes of an item that cannot be. */
static void framing_size(struct kunit *test)
{
	static const u64 bad[] = {
		0, 1, 8, 15, 25, 32, LIST_SIZE, S64_MAX, 1ULL << 63,
		(1ULL << 32) + 24, U64_MAX - 24, U64_MAX - 7, U64_MAX,
	};
	struct list *list = list_new(test);
	struct kdbus_item *item;
	size_t i;

	item = list_append(test, list, KDBUS_ITEM_BLOOM_MASK, NULL, 8);
	KUNIT_EXPECT_EQ(test, list_check(list, ALL_TYPES, 0), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		item->size = bad[i];
		KUNIT_EXPECT_EQ_MSG(test, list_check(list, ALL_TYPES, 0),
				    -EINVAL, "size %llu", bad[i]);
	}

	/* The same as second item. */
	item->size = 24;
	item = list_append(test, list, KDBUS_ITEM_ID, NULL, 8);
	KUNIT_EXPECT_EQ(test, list_check(list, ALL_TYPES, 0), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		item->size = bad[i];
		KUNIT_EXPECT_EQ_MSG(test, list_check(list, ALL_TYPES, 0),
				    -EINVAL, "second, size %llu", bad[i]);
	}
}

/* ITEM-2, ITEM-3: where a block may end. */
static void framing_end(struct kunit *test)
{
	struct list *list = list_new(test);
	size_t payload, tail;

	KUNIT_EXPECT_EQ(test, list_check(list, ALL_TYPES, 0), 0);

	for (payload = 0; payload <= 16; payload++) {
		size_t end = KDBUS_ITEM_SIZE(payload);

		memset(list, 0, sizeof(*list));
		list_append(test, list, KDBUS_ITEM_BLOOM_MASK, NULL, payload);

		/* Too short for the item. */
		for (list->size = 1; list->size < end; list->size++)
			KUNIT_EXPECT_EQ_MSG(test,
					    list_check(list, ALL_TYPES, 0),
					    -EINVAL, "%zu: end at %zu",
					    payload, list->size);

		/* Right after the payload, and up to the padded end. */
		for (; list->size <= KDBUS_ALIGN8(end); list->size++)
			KUNIT_EXPECT_EQ_MSG(test,
					    list_check(list, ALL_TYPES, 0), 0,
					    "%zu: end at %zu", payload,
					    list->size);

		/* Stray bytes, which form no item. */
		for (tail = 0; tail < 24; tail++, list->size++)
			KUNIT_EXPECT_EQ_MSG(test,
					    list_check(list, ALL_TYPES, 0),
					    -EINVAL, "%zu: end at %zu",
					    payload, list->size);
	}
}

/* ITEM-1: the padding of an item is nobody's business. */
static void padding_ignored(struct kunit *test)
{
	struct list *list = list_new(test);

	list_append(test, list, KDBUS_ITEM_NAME, "a.b", 4);
	list_append(test, list, KDBUS_ITEM_ID, NULL, 8);
	memset((void *)list->buf + 20, 0xff, 4);
	KUNIT_EXPECT_EQ(test, list_check(list, ALL_TYPES, 0), 0);
}

/* ITEM-2 checks 2 and 4: what the command accepts, and how often. */
static void once_and_many(struct kunit *test)
{
	const u64 name = KDBUS_ITEM_BIT(KDBUS_ITEM_NAME);
	const u64 id = KDBUS_ITEM_BIT(KDBUS_ITEM_ID);
	struct list *list = list_new(test);
	u64 found;

	list_append(test, list, KDBUS_ITEM_NAME, "a.b", 4);
	KUNIT_EXPECT_EQ(test, list_check(list, name, 0), 0);
	KUNIT_EXPECT_EQ(test, list_check(list, 0, name), 0);
	KUNIT_EXPECT_EQ(test, list_check(list, name | id, 0), 0);
	KUNIT_EXPECT_EQ(test, list_check(list, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, list_check(list, id, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, list_check(list, ~name, ~name), -EINVAL);

	list_append(test, list, KDBUS_ITEM_ID, NULL, 8);
	KUNIT_EXPECT_EQ(test, list_check(list, name | id, 0), 0);
	KUNIT_EXPECT_EQ(test, list_check(list, id, name), 0);
	KUNIT_EXPECT_EQ(test, list_check(list, name, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, list_check(list, id, 0), -EINVAL);

	list_append(test, list, KDBUS_ITEM_NAME, "c.d", 4);
	KUNIT_EXPECT_EQ(test, list_check(list, name | id, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, list_check(list, id, name), 0);

	list_append(test, list, KDBUS_ITEM_ID, NULL, 8);
	KUNIT_EXPECT_EQ(test, list_check(list, id, name), -EINVAL);
	KUNIT_EXPECT_EQ(test, list_check(list, 0, name | id), 0);

	found = ALL_TYPES;
	KUNIT_EXPECT_EQ(test, kdbus_items_check(list->buf, list->size, 0,
						name | id, &found), 0);
	KUNIT_EXPECT_EQ(test, found, name | id);
	found = ALL_TYPES;
	KUNIT_EXPECT_EQ(test, kdbus_items_check(list->buf, 0, 0, 0, &found), 0);
	KUNIT_EXPECT_EQ(test, found, 0);
}

/* ITEM-2 check 2: neither numbers nor payload save an unknown type. */
static void unknown_types(struct kunit *test)
{
	static const u64 types[] = {
		_KDBUS_ITEM_NULL, KDBUS_ITEM_DST_ID + 1,
		_KDBUS_ITEM_ATTACH_BASE - 1, KDBUS_ITEM_CONN_DESCRIPTION + 1,
		_KDBUS_ITEM_POLICY_BASE - 1, KDBUS_ITEM_POLICY_ACCESS + 1,
		_KDBUS_ITEM_KERNEL_BASE - 1, KDBUS_ITEM_REPLY_DEAD + 1,
		(1ULL << 32) | KDBUS_ITEM_NAME, U64_MAX,
	};
	struct list *list = list_new(test);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		list->size = 0;
		list_append(test, list, types[i], "a.b", 4);
		KUNIT_EXPECT_EQ_MSG(test, list_check(list, ALL_TYPES, 0),
				    -EINVAL, "0x%llx", types[i]);
		KUNIT_EXPECT_EQ_MSG(test, list_check(list, 0, ALL_TYPES),
				    -EINVAL, "many, 0x%llx", types[i]);
	}
}

/* ITEM-2: the first failing item decides, and its first failing check. */
static void order_of_checks(struct kunit *test)
{
	static const struct kdbus_memfd bad = { .size = 1, .fd = -1 };
	const u64 memfd = KDBUS_ITEM_BIT(KDBUS_ITEM_PAYLOAD_MEMFD);
	const u64 label = KDBUS_ITEM_BIT(KDBUS_ITEM_MAKE_NAME);
	struct list *list = list_new(test);
	struct kdbus_item *item;

	/* EBADF first, ENAMETOOLONG second; and the other way round. */
	list_append(test, list, KDBUS_ITEM_PAYLOAD_MEMFD, &bad, sizeof(bad));
	list_append(test, list, KDBUS_ITEM_MAKE_NAME, NULL, 100);
	KUNIT_EXPECT_EQ(test, list_check(list, memfd | label, 0), -EBADF);
	list->size = 0;
	list_append(test, list, KDBUS_ITEM_MAKE_NAME, NULL, 100);
	list_append(test, list, KDBUS_ITEM_PAYLOAD_MEMFD, &bad, sizeof(bad));
	KUNIT_EXPECT_EQ(test, list_check(list, memfd | label, 0),
			-ENAMETOOLONG);

	/* A later item that is not framed well does not hide it. */
	list->size -= 1;
	KUNIT_EXPECT_EQ(test, list_check(list, memfd | label, 0),
			-ENAMETOOLONG);

	/* Check 2 before 3: the type is not accepted. */
	KUNIT_EXPECT_EQ(test, list_check(list, memfd, 0), -EINVAL);

	/* Check 1 before 3: the item reaches beyond the block. */
	list->size = 0;
	item = list_append(test, list, KDBUS_ITEM_MAKE_NAME, NULL, 100);
	item->size += 1;
	KUNIT_EXPECT_EQ(test, list_check(list, label, 0), -EINVAL);

	/* Check 3 before 4: the second one is bad in itself. */
	list->size = 0;
	list_append(test, list, KDBUS_ITEM_MAKE_NAME, "a", 2);
	list_append(test, list, KDBUS_ITEM_MAKE_NAME, NULL, 100);
	KUNIT_EXPECT_EQ(test, list_check(list, label, 0), -ENAMETOOLONG);
	list->size = 0;
	list_append(test, list, KDBUS_ITEM_MAKE_NAME, "a", 2);
	list_append(test, list, KDBUS_ITEM_MAKE_NAME, "b", 2);
	KUNIT_EXPECT_EQ(test, list_check(list, label, 0), -EINVAL);
}

/* ITEM-1: what the walker sees is what was put there. */
static void put_and_walk(struct kunit *test)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 9, 15, 16, 100 };
	struct list *list = list_new(test);
	struct kdbus_item *item;
	void *pos = list->buf;
	size_t i, j = 0;
	u8 data[100];

	memset(list->buf, 0xff, sizeof(list->buf));
	memset(data, 0x22, sizeof(data));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *start = pos;

		pos = kdbus_item_put(pos, KDBUS_ITEM_BLOOM_MASK, data,
				     sizes[i]);
		KUNIT_ASSERT_EQ(test, pos - start,
				KDBUS_ALIGN8(16 + sizes[i]));
	}
	list->size = pos - (void *)list->buf;
	KUNIT_EXPECT_EQ(test, list_check(list, 0, ALL_TYPES), 0);
	KUNIT_EXPECT_EQ(test, *(u8 *)pos, 0xff);

	kdbus_items_for_each(item, list->buf, list->size) {
		size_t padded = KDBUS_ALIGN8(sizes[j]);

		KUNIT_ASSERT_LT(test, j, ARRAY_SIZE(sizes));
		KUNIT_EXPECT_EQ(test, item->type, KDBUS_ITEM_BLOOM_MASK);
		KUNIT_EXPECT_EQ(test, kdbus_item_payload_size(item), sizes[j]);
		KUNIT_EXPECT_TRUE(test, !memcmp(item->data, data, sizes[j]));
		KUNIT_EXPECT_NULL(test, memchr_inv(item->data + sizes[j], 0,
						   padded - sizes[j]));
		j++;
	}
	KUNIT_EXPECT_EQ(test, j, ARRAY_SIZE(sizes));
}

/* ITEM-3: the walker ends well behind an unpadded last item. */
static void walk_unpadded(struct kunit *test)
{
	struct list *list = list_new(test);
	struct kdbus_item *item;
	int n = 0;

	list_append(test, list, KDBUS_ITEM_NAME, "a.b", 4);
	list_append(test, list, KDBUS_ITEM_NAME, "a.bc", 5);
	KUNIT_ASSERT_EQ(test, list->size, 24 + 21);
	KUNIT_ASSERT_EQ(test, list_check(list, 0, ALL_TYPES), 0);
	kdbus_items_for_each(item, list->buf, list->size)
		n++;
	KUNIT_EXPECT_EQ(test, n, 2);
}

static struct kunit_case kdbus_item_cases[] = {
	KUNIT_CASE(payload_sizes),
	KUNIT_CASE(payload_data),
	KUNIT_CASE(payload_strings),
	KUNIT_CASE(payload_labels),
	KUNIT_CASE(payload_name_changes),
	KUNIT_CASE(type_bits),
	KUNIT_CASE(framing_size),
	KUNIT_CASE(framing_end),
	KUNIT_CASE(padding_ignored),
	KUNIT_CASE(once_and_many),
	KUNIT_CASE(unknown_types),
	KUNIT_CASE(order_of_checks),
	KUNIT_CASE(put_and_walk),
	KUNIT_CASE(walk_unpadded),
	{}
};

static struct kunit_suite kdbus_item_suite = {
	.name = "kdbus_item",
	.test_cases = kdbus_item_cases,
};

kunit_test_suite(kdbus_item_suite);
