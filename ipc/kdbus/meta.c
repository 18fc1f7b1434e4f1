// SPDX-License-Identifier: GPL-2.0-only
#include <linux/timekeeping.h>

#include "meta.h"

/**
 * kdbus_meta_take() - take the facts about the present moment
 * @meta:	returns the facts
 * @seqnum:	sequence number of the message on its bus
 */
void kdbus_meta_take(struct kdbus_meta *meta, u64 seqnum)
{
	meta->stamp.seqnum = seqnum;
	meta->stamp.monotonic_ns = ktime_get_ns();
	meta->stamp.realtime_ns = ktime_get_real_ns();
}

/**
 * kdbus_meta_emit() - write the items that a receiver gets
 * @meta:	facts
 * @mask:	set of KDBUS_ATTACH_* that the receiver asked for
 * @buf:	where to write, KDBUS_META_MAX_SIZE bytes, aligned to 8
 *
 * What does not exist is left out (META-3).
 *
 * Return: bytes written, without the padding of the last item.
 */
size_t kdbus_meta_emit(const struct kdbus_meta *meta, u64 mask, void *buf)
{
	void *pos = buf;

	if (mask & KDBUS_ATTACH_TIMESTAMP)
		pos = kdbus_item_put(pos, KDBUS_ITEM_TIMESTAMP, &meta->stamp,
				     sizeof(meta->stamp));

	return pos - buf;
}
