/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_MESSAGE_H
#define __KDBUS_MESSAGE_H

/**
 * DOC: message
 *
 * A message on its way: the sender's header and items, read once and checked,
 * and where its payload lies. It belongs to the task that executes
 * KDBUS_CMD_SEND; there is no lock.
 *
 * A receiver gets (LAY-1): header, the sender's items with their padding,
 * metadata items, inline payload. The first two are the imported block
 * itself, in which PAYLOAD_VEC items are turned into PAYLOAD_OFF items; where
 * the payload begins depends on the receiver's metadata, so the offsets are
 * filled in before each receiver is written. The payload goes from the
 * sender's memory straight into the receiver's slice, if it is resident. If
 * not, it is faulted in with nothing reserved, and if it does not stay, it is
 * copied into memory that the sender pays for.
 */

#include <linux/types.h>

#include "args.h"
#include "meta.h"

/* Bytes of a REPLY_* notification: header, item, TIMESTAMP (NOTE-1). */
#define KDBUS_NOTICE_REPLY_SIZE (sizeof(struct kdbus_msg) +		\
				 KDBUS_ITEM_SIZE(0) +			\
				 KDBUS_ITEM_SIZE(sizeof(struct kdbus_timestamp)))

/* Bytes of metadata that need no allocation. */
#define KDBUS_LAYOUT_INLINE_SIZE 192

/* Payload parts that need no allocation. */
#define KDBUS_MESSAGE_INLINE_PARTS 4

struct kdbus_files;

/**
 * struct kdbus_part - one PAYLOAD_VEC or PAYLOAD_MEMFD of a message
 * @item:	the item, in the imported block; NULL for a memfd
 * @addr:	its bytes in the sender's memory; NULL: bytes that are
 *		announced and not sent
 * @offset:	where it begins in the inline payload, unless @addr is NULL
 * @pad:	zero bytes that stand for it in the inline payload, if @addr is
 *		NULL (LAY-5)
 */
struct kdbus_part {
	struct kdbus_item *item;
	void __user *addr;
	u64 offset;
	u8 pad;
};

/**
 * struct kdbus_message - message on its way
 * @args:	header and items
 * @meta:	what is known about the sender
 * @facts:	what @meta says of the sender's process, referenced, or NULL
 * @names:	what @meta says of the sender's names, or NULL
 * @names_for:	for whom @names were chosen; only to be compared
 * @files:	memfds and descriptors, or NULL
 * @dst_name:	well-known name of the receiver, or NULL
 * @filter:	what a signal is about, or NULL
 * @items_end:	end of the last item without its padding
 * @payload:	bytes of inline payload
 * @n_parts:	number of @parts
 * @parts:	the payload
 * @reserved:	some receivers have room reserved for it
 * @staged:	copy of the inline payload in kernel memory, or NULL
 * @inline_parts: @parts of most messages
 */
struct kdbus_message {
	struct kdbus_args args;
	struct kdbus_meta meta;
	struct kdbus_facts *facts;
	void *names;
	const void *names_for;
	struct kdbus_files *files;
	const char *dst_name;
	const struct kdbus_bloom_filter *filter;
	u64 items_end;
	u64 payload;
	unsigned int n_parts;
	struct kdbus_part *parts;
	bool reserved;
	void *staged;
	struct kdbus_part inline_parts[KDBUS_MESSAGE_INLINE_PARTS];
};

/**
 * struct kdbus_notice - what the kernel has to say
 * @type:	type of the one item, KDBUS_ITEM_NAME_ADD to _REPLY_DEAD
 * @dst_id:	addressee, or KDBUS_DST_ID_BROADCAST
 * @cookie_reply: cookie of the request, or 0
 * @data:	payload of the item
 * @size:	bytes of @data
 */
struct kdbus_notice {
	u64 type;
	u64 dst_id;
	u64 cookie_reply;
	const void *data;
	size_t size;
};

/**
 * struct kdbus_layout - how a message lies in the slice of one receiver
 * @meta:	metadata items
 * @meta_size:	bytes of @meta, without the padding of the last item
 * @size:	header and items, what kdbus_msg.size says (LAY-2)
 * @payload:	where the inline payload begins
 * @total:	bytes of the slice
 * @inline_meta: @meta of most receivers
 */
struct kdbus_layout {
	void *meta;
	size_t meta_size;
	u64 size;
	u64 payload;
	u64 total;
	u64 inline_meta[KDBUS_LAYOUT_INLINE_SIZE / sizeof(u64)];
};

struct kdbus_pool_writer;
struct kdbus_slice;

int kdbus_message_read(struct kdbus_message *msg, u64 address);
int kdbus_message_import(struct kdbus_message *msg, u64 src_id, bool sync,
			 size_t bloom_size);
int kdbus_message_import_files(struct kdbus_message *msg);
int kdbus_message_init_notice(struct kdbus_message *msg,
			      const struct kdbus_notice *notice, u64 seqnum);
void kdbus_message_free(struct kdbus_message *msg);
int kdbus_message_layout(const struct kdbus_message *msg, u64 mask,
			 const struct kdbus_view *view,
			 struct kdbus_layout *layout);
void kdbus_layout_free(struct kdbus_layout *layout);
int kdbus_message_fault_in(const struct kdbus_message *msg);
int kdbus_message_stage(struct kdbus_message *msg);
int kdbus_message_hide(struct kdbus_slice *slice, u32 start, u32 end, u64 mask);
int kdbus_message_write(struct kdbus_message *msg,
			const struct kdbus_layout *layout,
			struct kdbus_slice *slice);

#endif
