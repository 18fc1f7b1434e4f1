// SPDX-License-Identifier: GPL-2.0-only
#include <linux/build_bug.h>
#include <linux/errno.h>

#include "item.h"
#include "limits.h"
#include "util.h"

static_assert(KDBUS_ITEM_SLOT(KDBUS_ITEM_DST_ID) < KDBUS_ITEM_SLOT_ATTACH);
static_assert(KDBUS_ITEM_SLOT(KDBUS_ITEM_CONN_DESCRIPTION) <
	      KDBUS_ITEM_SLOT_POLICY);
static_assert(KDBUS_ITEM_SLOT(KDBUS_ITEM_POLICY_ACCESS) <
	      KDBUS_ITEM_SLOT_KERNEL);
static_assert(KDBUS_ITEM_SLOT(KDBUS_ITEM_REPLY_DEAD) < 64);

/**
 * kdbus_item_bit() - bit of an item type given by user space
 * @type:	any number
 *
 * Return: the bit of a known type in sets of types, 0 for an unknown one.
 */
u64 kdbus_item_bit(u64 type)
{
	switch (type) {
	case KDBUS_ITEM_NEGOTIATE ... KDBUS_ITEM_DST_ID:
	case KDBUS_ITEM_TIMESTAMP ... KDBUS_ITEM_CONN_DESCRIPTION:
	case KDBUS_ITEM_POLICY_ACCESS:
	case KDBUS_ITEM_NAME_ADD ... KDBUS_ITEM_REPLY_DEAD:
		return KDBUS_ITEM_BIT(type);
	default:
		return 0;
	}
}

static int exactly(size_t size, size_t want)
{
	return size == want ? 0 : -EINVAL;
}

static int check_label(const struct kdbus_item *item, size_t size)
{
	if (size < 2)
		return -EINVAL;
	if (size > KDBUS_LABEL_MAX_LEN + 1)
		return -ENAMETOOLONG;
	if (!kdbus_str_valid(item->str, size) ||
	    !kdbus_label_valid(item->str, size - 1))
		return -EINVAL;
	return 0;
}

static int check_vec(const struct kdbus_item *item, size_t size)
{
	if (size != sizeof(item->vec) || !item->vec.size)
		return -EINVAL;
	return 0;
}

static int check_memfd(const struct kdbus_item *item, size_t size)
{
	if (size != sizeof(item->memfd) || !item->memfd.size)
		return -EINVAL;
	return item->memfd.fd < 0 ? -EBADF : 0;
}

static int check_name_change(const struct kdbus_item *item, size_t size)
{
	size_t fixed = sizeof(item->name_change);

	if (size < fixed)
		return -EINVAL;
	if (size > fixed &&
	    !kdbus_str_valid(item->name_change.name, size - fixed))
		return -EINVAL;
	return 0;
}

/**
 * kdbus_item_check() - check the payload of one item
 * @item:	item that lies completely in its block
 *
 * Table 3.3 of the interface. Types that user space cannot send pass, they
 * are refused by kdbus_items_check().
 *
 * Return: 0; -EINVAL; -EBADF for a negative memfd; -ENAMETOOLONG for a bus
 * name, endpoint name or description of more than KDBUS_LABEL_MAX_LEN.
 */
int kdbus_item_check(const struct kdbus_item *item)
{
	size_t size = kdbus_item_payload_size(item);

	switch (item->type) {
	case KDBUS_ITEM_NEGOTIATE:
		return size % sizeof(u64) ? -EINVAL : 0;
	case KDBUS_ITEM_FDS:
		return size % sizeof(int) ? -EINVAL : 0;
	case KDBUS_ITEM_PAYLOAD_VEC:
		return check_vec(item, size);
	case KDBUS_ITEM_PAYLOAD_MEMFD:
		return check_memfd(item, size);
	case KDBUS_ITEM_CANCEL_FD:
		return exactly(size, sizeof(int));
	case KDBUS_ITEM_BLOOM_PARAMETER:
		return exactly(size, sizeof(item->bloom_parameter));
	case KDBUS_ITEM_BLOOM_FILTER:
		return size < sizeof(item->bloom_filter) ? -EINVAL : 0;
	case KDBUS_ITEM_MAKE_NAME:
	case KDBUS_ITEM_CONN_DESCRIPTION:
		return check_label(item, size);
	case KDBUS_ITEM_ATTACH_FLAGS_SEND:
	case KDBUS_ITEM_ATTACH_FLAGS_RECV:
	case KDBUS_ITEM_ID:
	case KDBUS_ITEM_DST_ID:
		return exactly(size, sizeof(u64));
	case KDBUS_ITEM_NAME:
	case KDBUS_ITEM_DST_NAME:
	case KDBUS_ITEM_SECLABEL:
		return kdbus_str_valid(item->str, size) ? 0 : -EINVAL;
	case KDBUS_ITEM_CREDS:
		return exactly(size, sizeof(item->creds));
	case KDBUS_ITEM_PIDS:
		return exactly(size, sizeof(item->pids));
	case KDBUS_ITEM_POLICY_ACCESS:
		return exactly(size, sizeof(item->policy_access));
	case KDBUS_ITEM_NAME_ADD:
	case KDBUS_ITEM_NAME_REMOVE:
	case KDBUS_ITEM_NAME_CHANGE:
		return check_name_change(item, size);
	case KDBUS_ITEM_ID_ADD:
	case KDBUS_ITEM_ID_REMOVE:
		return exactly(size, sizeof(item->id_change));
	default:
		return 0;
	}
}

/**
 * kdbus_items_check() - check a list of items
 * @items:	list, aligned to 8
 * @size:	bytes of the list; the last item may lack its padding
 * @once:	set of types that may occur once
 * @many:	set of types that may occur any number of times
 * @found:	returns the set of types that occur
 *
 * ITEM-2: per item, in this order, framing, type, payload, repetition; the
 * first failing item decides.
 *
 * Return: 0, or the error of the first bad item, see kdbus_item_check().
 */
int kdbus_items_check(void *items, size_t size, u64 once, u64 many, u64 *found)
{
	struct kdbus_item *item;
	size_t pos = 0;
	u64 bit;
	int ret;

	*found = 0;

	while (pos < size) {
		item = items + pos;

		if (size - pos < KDBUS_ITEM_HEADER_SIZE ||
		    item->size < KDBUS_ITEM_HEADER_SIZE ||
		    item->size > size - pos)
			return -EINVAL;

		bit = kdbus_item_bit(item->type);
		if (!(bit & (once | many)))
			return -EINVAL;

		ret = kdbus_item_check(item);
		if (ret)
			return ret;

		if (*found & bit & once)
			return -EINVAL;

		*found |= bit;
		pos += KDBUS_ALIGN8(item->size);
	}

	return 0;
}
