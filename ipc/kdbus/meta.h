/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_META_H
#define __KDBUS_META_H

/**
 * DOC: metadata
 *
 * Facts about a sender that receivers asked for, taken once per message and
 * written as items behind the items of the sender. A struct kdbus_meta is
 * part of the message; there is no lock.
 *
 * So far there is one fact, when a message was sent. It is the order of the
 * bus as well: the sequence number is drawn with it (ORD-4).
 */

#include <linux/types.h>
#include <uapi/linux/kdbus.h>

#include "item.h"

/* Bytes that kdbus_meta_emit() may write. */
#define KDBUS_META_MAX_SIZE KDBUS_ITEM_SIZE(sizeof(struct kdbus_timestamp))

/**
 * struct kdbus_meta - facts about a sender, taken at one moment
 * @stamp:	when, the same for all copies of a message
 */
struct kdbus_meta {
	struct kdbus_timestamp stamp;
};

void kdbus_meta_take(struct kdbus_meta *meta, u64 seqnum);
size_t kdbus_meta_emit(const struct kdbus_meta *meta, u64 mask, void *buf);

#endif
