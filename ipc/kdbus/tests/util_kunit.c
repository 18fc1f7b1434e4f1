// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of util.c: validators of strings, labels and names.
 */
#include <kunit/test.h>
#include <linux/string.h>

#include "../limits.h"
#include "../util.h"

/* Written out, so that nothing of ctype is needed to check against it. */
#define LETTERS_DIGITS							\
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static bool is_one_of(unsigned char c, const char *set)
{
	return c && strchr(set, c);
}

/* Table 3.3: non-empty payload with exactly one NUL, as last byte. */
static void str_valid(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, kdbus_str_valid("", 1));
	KUNIT_EXPECT_TRUE(test, kdbus_str_valid("a", 2));
	KUNIT_EXPECT_TRUE(test, kdbus_str_valid("org.example", 12));
	KUNIT_EXPECT_TRUE(test, kdbus_str_valid("\xff\x80", 3));

	KUNIT_EXPECT_FALSE(test, kdbus_str_valid("a", 0));
	KUNIT_EXPECT_FALSE(test, kdbus_str_valid("", 0));
	KUNIT_EXPECT_FALSE(test, kdbus_str_valid("a", 1));
	KUNIT_EXPECT_FALSE(test, kdbus_str_valid("abc", 3));
	KUNIT_EXPECT_FALSE(test, kdbus_str_valid("a\0b", 4));
	KUNIT_EXPECT_FALSE(test, kdbus_str_valid("\0a", 3));
	KUNIT_EXPECT_FALSE(test, kdbus_str_valid("a\0", 3));
	KUNIT_EXPECT_FALSE(test, kdbus_str_valid("\0", 2));
}

/* Table 3.3: characters of labels, each byte value at each kind of place. */
static void label_chars(struct kunit *test)
{
	unsigned int c;
	char str[3];

	for (c = 0; c < 256; c++) {
		bool word = is_one_of(c, LETTERS_DIGITS "_");
		bool inner = word || is_one_of(c, "-.");

		str[0] = c;
		KUNIT_EXPECT_EQ_MSG(test, kdbus_label_valid(str, 1), word,
				    "alone: 0x%02x", c);

		memcpy(str, "aaa", 3);
		str[0] = c;
		KUNIT_EXPECT_EQ_MSG(test, kdbus_label_valid(str, 3), word,
				    "first: 0x%02x", c);

		memcpy(str, "aaa", 3);
		str[1] = c;
		KUNIT_EXPECT_EQ_MSG(test, kdbus_label_valid(str, 3), inner,
				    "inner: 0x%02x", c);

		memcpy(str, "aaa", 3);
		str[2] = c;
		KUNIT_EXPECT_EQ_MSG(test, kdbus_label_valid(str, 3), word,
				    "last: 0x%02x", c);
	}
}

/* Table 3.3, BUS-2: labels as they occur, and what is nearly one. */
static void label_table(struct kunit *test)
{
	static const struct {
		const char *str;
		bool valid;
	} table[] = {
		{ "0-system", true },
		{ "1000-user", true },
		{ "a", true },
		{ "_", true },
		{ "a.b-c", true },
		{ "a..b", true },
		{ "a-.-b", true },
		{ "9", true },
		{ "", false },
		{ ".", false },
		{ "..", false },
		{ "-", false },
		{ "--", false },
		{ "-a", false },
		{ ".a", false },
		{ "a-", false },
		{ "a.", false },
		{ "a b", false },
		{ "a/b", false },
		{ "a\nb", false },
		{ "a:b", false },
		{ "a*b", false },
		{ "\xc3\xa4", false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		KUNIT_EXPECT_EQ_MSG(test, table[i].valid,
				    kdbus_label_valid(table[i].str,
						      strlen(table[i].str)),
				    "\"%s\"", table[i].str);
}

/* The length is given, not found: what lies behind it is nobody's business. */
static void label_not_terminated(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, kdbus_label_valid("ab-", 2));
	KUNIT_EXPECT_FALSE(test, kdbus_label_valid("ab-", 3));
	KUNIT_EXPECT_FALSE(test, kdbus_label_valid("ab", 0));
	KUNIT_EXPECT_FALSE(test, kdbus_label_valid("ab", 3));
}

/* NAME-1: elements and dots. */
static void name_table(struct kunit *test)
{
	static const struct {
		const char *name;
		bool valid;
	} table[] = {
		{ "org.freedesktop.systemd1", true },
		{ "a.b", true },
		{ "A.Z", true },
		{ "_.-", true },
		{ "-.-", true },
		{ "-a._b", true },
		{ "a1.b2", true },
		{ "a.b-1", true },
		{ "a.b.c.d.e.f.g", true },
		{ "", false },
		{ "a", false },
		{ "org", false },
		{ ".", false },
		{ "..", false },
		{ ".a", false },
		{ ".a.b", false },
		{ "a.", false },
		{ "a.b.", false },
		{ "a..b", false },
		{ "1.a", false },
		{ "a.1", false },
		{ "a.1b.c", false },
		{ "a.b 1", false },
		{ " a.b", false },
		{ "a.b\n", false },
		{ "a/b.c", false },
		{ ":1.1", false },
		{ "a.b:c", false },
		{ "*", false },
		{ "a.*b", false },
		{ "a.b*", false },
		{ "a*.b", false },
		{ "*.a", false },
		{ "a.*.b", false },
		{ "a.**", false },
		{ ".*", false },
		{ "a..*", false },
		{ "1.*", false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		KUNIT_EXPECT_EQ_MSG(test, table[i].valid,
				    kdbus_name_valid(table[i].name, false),
				    "\"%s\"", table[i].name);
		/* Permission to use wildcards changes nothing here. */
		KUNIT_EXPECT_EQ_MSG(test, table[i].valid,
				    kdbus_name_valid(table[i].name, true),
				    "wildcard, \"%s\"", table[i].name);
	}
}

/* NAME-1, W-23: each byte value at the start and inside of an element. */
static void name_chars(struct kunit *test)
{
	char first[] = "a.?", later[] = "a.b?", top[] = "?.a";
	unsigned int c;

	for (c = 1; c < 256; c++) {
		bool inside = is_one_of(c, LETTERS_DIGITS "_-");
		bool start = inside && !is_one_of(c, "0123456789");

		first[2] = c;
		KUNIT_EXPECT_EQ_MSG(test, start, kdbus_name_valid(first, false),
				    "first of last element: 0x%02x", c);

		top[0] = c;
		KUNIT_EXPECT_EQ_MSG(test, start, kdbus_name_valid(top, false),
				    "first of first element: 0x%02x", c);

		later[3] = c;
		KUNIT_EXPECT_EQ_MSG(test, inside,
				    kdbus_name_valid(later, false),
				    "inside: 0x%02x", c);
	}
}

/* NAME-1: a lone '*' as last element, where the caller allows it. */
static void name_wildcard(struct kunit *test)
{
	static const char * const names[] = { "a.*", "org.example.*", "_.-.*" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		KUNIT_EXPECT_TRUE_MSG(test, kdbus_name_valid(names[i], true),
				      "\"%s\"", names[i]);
		KUNIT_EXPECT_FALSE_MSG(test, kdbus_name_valid(names[i], false),
				       "\"%s\"", names[i]);
	}
}

/* NAME-1: 255 characters pass, 256 do not, whatever the last element is. */
static void name_length(struct kunit *test)
{
	char *name;

	name = kunit_kzalloc(test, KDBUS_NAME_MAX_LEN + 2, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, name);

	memset(name, 'a', KDBUS_NAME_MAX_LEN);
	name[1] = '.';
	KUNIT_ASSERT_EQ(test, strlen(name), 255);
	KUNIT_EXPECT_TRUE(test, kdbus_name_valid(name, false));

	name[KDBUS_NAME_MAX_LEN] = 'a';
	KUNIT_EXPECT_FALSE(test, kdbus_name_valid(name, false));

	/* 256 characters, the last two of which are ".*". */
	strscpy(name + KDBUS_NAME_MAX_LEN - 1, ".*", 3);
	KUNIT_EXPECT_FALSE(test, kdbus_name_valid(name, true));

	/* 255 characters, likewise. */
	strscpy(name + KDBUS_NAME_MAX_LEN - 2, ".*", 3);
	KUNIT_EXPECT_TRUE(test, kdbus_name_valid(name, true));
}

/* Addresses of the interface survive the way into a pointer, or are refused. */
static void uptr_valid(struct kunit *test)
{
	bool wide = sizeof(void *) == sizeof(u64);

	KUNIT_EXPECT_TRUE(test, kdbus_uptr_valid(0));
	KUNIT_EXPECT_TRUE(test, kdbus_uptr_valid(0x1000));
	KUNIT_EXPECT_TRUE(test, kdbus_uptr_valid(U32_MAX));
	KUNIT_EXPECT_EQ(test, kdbus_uptr_valid(1ULL << 32), wide);
	KUNIT_EXPECT_EQ(test, kdbus_uptr_valid((1ULL << 32) + 0x1000), wide);
	KUNIT_EXPECT_EQ(test, kdbus_uptr_valid(U64_MAX), wide);
}

static struct kunit_case kdbus_util_cases[] = {
	KUNIT_CASE(str_valid),
	KUNIT_CASE(label_chars),
	KUNIT_CASE(label_table),
	KUNIT_CASE(label_not_terminated),
	KUNIT_CASE(name_table),
	KUNIT_CASE(name_chars),
	KUNIT_CASE(name_wildcard),
	KUNIT_CASE(name_length),
	KUNIT_CASE(uptr_valid),
	{}
};

static struct kunit_suite kdbus_util_suite = {
	.name = "kdbus_util",
	.test_cases = kdbus_util_cases,
};

kunit_test_suite(kdbus_util_suite);
