// SPDX-License-Identifier: GPL-2.0-only
#include "queue.h"

static bool priority_less(struct rb_node *node_a, const struct rb_node *node_b)
{
	return rb_entry(node_a, struct kdbus_queue_entry, node)->priority <
	       rb_entry(node_b, struct kdbus_queue_entry, node)->priority;
}

/**
 * kdbus_queue_init() - initialise an empty queue
 * @queue:	queue
 */
void kdbus_queue_init(struct kdbus_queue *queue)
{
	INIT_LIST_HEAD(&queue->msgs);
	queue->prio = RB_ROOT_CACHED;
	queue->count = 0;
	queue->last = 0;
}

/**
 * kdbus_queue_add() - append a message
 * @queue:	queue, locked
 * @entry:	entry that is in no queue
 */
void kdbus_queue_add(struct kdbus_queue *queue,
		     struct kdbus_queue_entry *entry)
{
	entry->serial = ++queue->last;
	list_add_tail(&entry->entry, &queue->msgs);
	/* Goes behind its equals, so these stay in the order of arrival. */
	rb_add_cached(&entry->node, &queue->prio, priority_less);
	WRITE_ONCE(queue->count, queue->count + 1);
}

/**
 * kdbus_queue_remove() - take a message out
 * @queue:	queue, locked
 * @entry:	entry of @queue
 */
void kdbus_queue_remove(struct kdbus_queue *queue,
			struct kdbus_queue_entry *entry)
{
	list_del_init(&entry->entry);
	rb_erase_cached(&entry->node, &queue->prio);
	RB_CLEAR_NODE(&entry->node);
	WRITE_ONCE(queue->count, queue->count - 1);
}

/**
 * kdbus_queue_peek() - find the oldest message
 * @queue:	queue, locked
 *
 * Return: the entry, NULL if the queue is empty.
 */
struct kdbus_queue_entry *kdbus_queue_peek(struct kdbus_queue *queue)
{
	return list_first_entry_or_null(&queue->msgs, struct kdbus_queue_entry,
					entry);
}

/**
 * kdbus_queue_peek_priority() - find the most urgent message
 * @queue:	queue, locked
 * @priority:	highest value that is wanted
 *
 * Return: the oldest entry of the lowest priority value (RECV-2); NULL if
 * the queue is empty or that value is above @priority.
 */
struct kdbus_queue_entry *
kdbus_queue_peek_priority(const struct kdbus_queue *queue, s64 priority)
{
	struct rb_node *node = rb_first_cached(&queue->prio);
	struct kdbus_queue_entry *entry;

	if (!node)
		return NULL;

	entry = rb_entry(node, struct kdbus_queue_entry, node);
	return entry->priority <= priority ? entry : NULL;
}
