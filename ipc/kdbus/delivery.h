/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_DELIVERY_H
#define __KDBUS_DELIVERY_H

/**
 * DOC: delivery
 *
 * Brings copies of a message to receivers, in the steps of conn.h: one copy to
 * one receiver, or copies to many. Who the receivers are and whether they may
 * get it is not decided here.
 *
 * A sender is a connection whose task executes KDBUS_CMD_SEND, or NULL for the
 * kernel, who is charged as a user of his own (NOTE-6).
 *
 * A struct kdbus_fanout belongs to one task. Its targets are monitors first,
 * as these are served before the receivers (ORD-3).
 */

#include <linux/types.h>

struct kdbus_bus;
struct kdbus_conn;
struct kdbus_match_context;
struct kdbus_message;
struct kdbus_queue_entry;

/**
 * struct kdbus_target - one of many receivers
 * @conn:	receiver, referenced
 * @entry:	his copy, reserved and filled, or NULL
 * @lost:	he cannot take his copy
 */
struct kdbus_target {
	struct kdbus_conn *conn;
	struct kdbus_queue_entry *entry;
	bool lost;
};

/**
 * struct kdbus_fanout - many receivers of one message
 * @targets:	receivers
 * @n:		number of @targets
 */
struct kdbus_fanout {
	struct kdbus_target *targets;
	size_t n;
};

struct kdbus_queue_entry *kdbus_delivery_prepare(struct kdbus_conn *src,
						 struct kdbus_conn *dst,
						 struct kdbus_message *msg,
						 u64 tie);

int kdbus_delivery_collect(struct kdbus_conn *src, struct kdbus_conn *dst,
			   struct kdbus_message *msg);

int kdbus_fanout_find(struct kdbus_fanout *fanout, struct kdbus_bus *bus,
		      struct kdbus_match_context *ctx);
int kdbus_fanout_stage(struct kdbus_fanout *fanout, struct kdbus_message *msg);
void kdbus_fanout_prepare(struct kdbus_fanout *fanout, struct kdbus_conn *src,
			  struct kdbus_message *msg);
void kdbus_fanout_commit(struct kdbus_fanout *fanout);
void kdbus_fanout_free(struct kdbus_fanout *fanout);

#endif
