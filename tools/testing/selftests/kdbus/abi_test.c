// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interface header against the table of the binary interface
 *
 * abi-rows.h is generated from abi.csv and the header by abi-gen.awk. The
 * Makefile compiles the same rows as static assertions for 32-bit programs,
 * see abi-static.c.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>

#include <linux/kdbus.h>

#include "kselftest_harness.h"

struct row {
	const char *name;
	const char *property;
	uint64_t expected;
	uint64_t actual;
};

static const struct row rows[] = {
#define ROW(_name, _property, _expected, _actual) \
	{ _name, _property, _expected, (uint64_t)(_actual) },
#define TYPE(_name, _type, _expr) \
	{ _name, "type", 1, \
	  __builtin_types_compatible_p(__typeof__(_expr), _type) },
#define EXTRA(...)
#include "abi-rows.h"
#undef ROW
#undef TYPE
#undef EXTRA
};

static const char *const extra[] = {
#define ROW(...)
#define TYPE(...)
#define EXTRA(_name) _name,
#include "abi-rows.h"
#undef ROW
#undef TYPE
#undef EXTRA
	NULL
};

/* every size, offset, alignment, type, value and command number */
TEST(table)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].expected, rows[i].actual) {
			TH_LOG("%s: %s", rows[i].name, rows[i].property);
		}
	}
	/* 287 rows of the table, two or three numbers for most of them */
	EXPECT_LT(500, i);
}

/* the header has no name that the table lacks */
TEST(nothing_else)
{
	EXPECT_EQ(NULL, extra[0]) {
		TH_LOG("not in the table: %s", extra[0]);
	}
}

TEST_HARNESS_MAIN
