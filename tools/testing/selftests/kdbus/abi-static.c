// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rows of abi_test.c as static assertions, for compilers that can make
 * 32-bit code but have no 32-bit C library to link with: H-6
 */
#define offsetof(_s, _m)	__builtin_offsetof(_s, _m)

#include <linux/kdbus.h>

#define CHECK(_true)		sizeof(char[(_true) ? 1 : -1])
#define ROW(_name, _property, _expected, _actual) \
	CHECK(sizeof(_name _property) && (__u64)(_actual) == (_expected)),
#define TYPE(_name, _type, _expr) \
	CHECK(sizeof(_name) && \
	      __builtin_types_compatible_p(__typeof__(_expr), _type)),
#define EXTRA(_name) \
	CHECK(!sizeof(_name)),

/* an array of negative size does not compile */
const char abi_checks[] = {
#include "abi-rows.h"
};
