/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_ITEM_H
#define __KDBUS_ITEM_H

/**
 * DOC: items
 *
 * An item is a size, a type and a payload; commands and messages carry lists
 * of them. This file holds the only walker, the payload checks of each type
 * and the only place that computes with sizes given by user space. It works
 * on copies in kernel memory; there is no lock.
 *
 * Sets of item types are 64-bit masks: KDBUS_ITEM_BIT(type) is the bit of a
 * type, whatever range of numbers the type lies in.
 */

#include <linux/align.h>
#include <linux/bits.h>
#include <linux/string.h>
#include <linux/types.h>
#include <uapi/linux/kdbus.h>

/* Bytes of an item before its payload. */
#define KDBUS_ITEM_HEADER_SIZE	offsetof(struct kdbus_item, data)

/* Bytes of an item with @payload bytes of payload, without padding. */
#define KDBUS_ITEM_SIZE(payload) (KDBUS_ITEM_HEADER_SIZE + (payload))

/* Rounds up to the alignment of items, messages and slices. */
#define KDBUS_ALIGN8(size)	ALIGN((size), 8)

/* Where each range of types begins in a 64-bit mask. */
#define KDBUS_ITEM_SLOT_USER	0
#define KDBUS_ITEM_SLOT_ATTACH	32
#define KDBUS_ITEM_SLOT_POLICY	48
#define KDBUS_ITEM_SLOT_KERNEL	56

#define KDBUS_ITEM_SLOT(type)						\
	((type) >= _KDBUS_ITEM_KERNEL_BASE ?				\
	 (type) - _KDBUS_ITEM_KERNEL_BASE + KDBUS_ITEM_SLOT_KERNEL :	\
	 (type) >= _KDBUS_ITEM_POLICY_BASE ?				\
	 (type) - _KDBUS_ITEM_POLICY_BASE + KDBUS_ITEM_SLOT_POLICY :	\
	 (type) >= _KDBUS_ITEM_ATTACH_BASE ?				\
	 (type) - _KDBUS_ITEM_ATTACH_BASE + KDBUS_ITEM_SLOT_ATTACH :	\
	 (type) + KDBUS_ITEM_SLOT_USER)

/**
 * KDBUS_ITEM_BIT() - bit of a known item type, a constant expression
 * @type:	one of the constants of enum kdbus_item_type
 */
#define KDBUS_ITEM_BIT(type)	BIT_ULL(KDBUS_ITEM_SLOT(type))

u64 kdbus_item_bit(u64 type);
int kdbus_item_check(const struct kdbus_item *item);
int kdbus_items_check(void *items, size_t size, u64 once, u64 many, u64 *found);

/**
 * kdbus_item_payload_size() - bytes of payload of an item
 * @item:	item that kdbus_items_check() has accepted
 *
 * Return: the number of bytes, without padding.
 */
static inline size_t kdbus_item_payload_size(const struct kdbus_item *item)
{
	return item->size - KDBUS_ITEM_HEADER_SIZE;
}

/**
 * kdbus_item_next() - where the item after this one begins
 * @item:	item that kdbus_items_check() has accepted
 *
 * Return: the position, which may be the end of the list or behind it.
 */
static inline struct kdbus_item *kdbus_item_next(const struct kdbus_item *item)
{
	return (void *)item + KDBUS_ALIGN8(item->size);
}

/**
 * kdbus_items_for_each() - walk a list of items
 * @item:	loop variable, struct kdbus_item *
 * @items:	start of the list, aligned to 8
 * @bytes:	size of the list, as kdbus_items_check() has accepted it
 */
#define kdbus_items_for_each(item, items, bytes)			\
	for ((item) = (struct kdbus_item *)(items);			\
	     (u8 *)(item) < (u8 *)(items) + (bytes);			\
	     (item) = kdbus_item_next(item))

/**
 * kdbus_item_put() - write an item
 * @pos:	where, aligned to 8, with room for the padded item
 * @type:	type of the item
 * @data:	payload
 * @size:	bytes of payload
 *
 * Return: the position after the padded item; the padding is zero.
 */
static inline void *kdbus_item_put(void *pos, u64 type, const void *data,
				   size_t size)
{
	struct kdbus_item *item = pos;
	size_t padded = KDBUS_ALIGN8(size);

	item->size = KDBUS_ITEM_SIZE(size);
	item->type = type;
	memcpy(item->data, data, size);
	memset(item->data + size, 0, padded - size);

	return item->data + padded;
}

#endif
