/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_QUEUE_H
#define __KDBUS_QUEUE_H

/**
 * DOC: queue
 *
 * The messages that wait to be received, in the order of their arrival and at
 * the same time in the order of their priority. An entry knows where its
 * message lies in the pool and what it is charged with, nothing of its
 * content. The caller locks (data lock of the receiver).
 */

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "quota.h"

struct kdbus_files;
struct kdbus_reply;
struct kdbus_slice;

/**
 * struct kdbus_queue - messages that wait
 * @msgs:	entries, oldest first (conn.data)
 * @prio:	entries, lowest priority value first, oldest first among equals
 *		(conn.data)
 * @count:	number of entries (conn.data; read without it by poll)
 * @last:	serial of the last entry (conn.data)
 */
struct kdbus_queue {
	struct list_head msgs;
	struct rb_root_cached prio;
	unsigned int count;
	u64 last;
};

/**
 * struct kdbus_queue_entry - one message that waits
 * @entry:	place in the order of arrival (conn.data)
 * @node:	place in the order of priority (conn.data)
 * @priority:	priority, low values first (I)
 * @slice:	the message in the pool, held by the kernel (conn.data)
 * @charge:	what its sender is charged with (conn.data)
 * @reply:	tracker of a request, referenced, or NULL (I)
 * @files:	what travels with the message, referenced, or NULL (I)
 * @tie:	incarnation of the name that the message was sent to, 0 if
 *		it does not follow a name (I)
 * @meta_start:	where the metadata items begin in the slice (I)
 * @meta_end:	where they end; @meta_start if there are none (I)
 * @serial:	number of the entry, increasing in the order of arrival
 *		(conn.data)
 */
struct kdbus_queue_entry {
	struct list_head entry;
	struct rb_node node;
	s64 priority;
	struct kdbus_slice *slice;
	struct kdbus_charge charge;
	struct kdbus_reply *reply;
	struct kdbus_files *files;
	u64 tie;
	u32 meta_start;
	u32 meta_end;
	u64 serial;
};

void kdbus_queue_init(struct kdbus_queue *queue);
void kdbus_queue_add(struct kdbus_queue *queue,
		     struct kdbus_queue_entry *entry);
void kdbus_queue_remove(struct kdbus_queue *queue,
			struct kdbus_queue_entry *entry);
struct kdbus_queue_entry *kdbus_queue_peek(struct kdbus_queue *queue);
struct kdbus_queue_entry *
kdbus_queue_peek_priority(const struct kdbus_queue *queue, s64 priority);

/**
 * kdbus_queue_count() - number of messages, without the lock
 * @queue:	queue
 *
 * Return: the number it had a moment ago.
 */
static inline unsigned int kdbus_queue_count(const struct kdbus_queue *queue)
{
	return READ_ONCE(queue->count);
}

#endif
