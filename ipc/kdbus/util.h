/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_UTIL_H
#define __KDBUS_UTIL_H

/**
 * DOC: util
 *
 * Pure functions: validators of names and labels, and the conversion of the
 * 64-bit addresses of the interface. No state, no locks, callable from
 * anywhere.
 */

#include <linux/kernel.h>
#include <linux/types.h>

bool kdbus_str_valid(const char *str, size_t size);
bool kdbus_label_valid(const char *str, size_t len);
bool kdbus_name_valid(const char *name, bool allow_wildcard);

/**
 * kdbus_uptr_valid() - whether a 64-bit address fits a pointer
 * @addr:	address as it travels in the interface
 *
 * On 32-bit kernels an address above 4 GiB must not be truncated into one
 * that happens to be mapped.
 *
 * Return: true if u64_to_user_ptr() of @addr loses nothing.
 */
static inline bool kdbus_uptr_valid(u64 addr)
{
	return addr == (u64)(uintptr_t)addr;
}

#endif
