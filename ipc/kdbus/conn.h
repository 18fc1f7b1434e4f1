/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_CONN_H
#define __KDBUS_CONN_H

/**
 * DOC: connection
 *
 * The state of one client on a bus: his pool, the queue of messages for him,
 * and who he is. This file knows how a message gets into the queue and out of
 * it; where it comes from is the business of tx.c.
 *
 * A message is queued in three steps. kdbus_conn_reserve() charges the sender
 * and takes a slice, then the sender's task fills the slice with nothing
 * locked, then kdbus_conn_commit() queues and announces it. Who fails in
 * between calls kdbus_conn_cancel(). The connection may be shut down at any
 * time meanwhile: the reference of the sender keeps the pool, and the commit
 * finds out. Filling does not fault in user memory, so that a sender whose
 * memory is slow to read keeps no room of the receiver.
 */

#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "active.h"
#include "endpoint.h"
#include "pool.h"
#include "queue.h"
#include "quota.h"
#include "reply.h"

struct cred;

/**
 * struct kdbus_conn - connection to a bus
 * @ref:	reference count
 * @active:	activity; commands of the client hold it while they run
 * @id:		unique in the domain (I)
 * @flags:	KDBUS_HELLO_* (I)
 * @send_mask:	metadata that the client agrees to hand out (I)
 * @recv_mask:	metadata that the client wants (I)
 * @ep:		endpoint it came through, referenced (I)
 * @cred:	credentials of the opener, referenced (I)
 * @user:	whom the connection and its messages are charged to,
 *		referenced (I)
 * @owner:	the opener was owner of the bus, PRIV-1 (I)
 * @privileged:	the opener was privileged, PRIV-1 (I)
 * @description: given at HELLO, or NULL (I)
 * @rcu:	frees it
 * @wait:	who polls
 * @data:	the data lock; see the lock order in main.c
 * @closed:	shut down, nothing is queued any more (@data)
 * @charged:	the connection is counted at @user (@data)
 * @dropped:	messages lost since the last report (@data; read without it
 *		by poll)
 * @pool:	memory for messages (@data)
 * @quota:	who has how much of it (@data)
 * @queue:	messages that wait (@data)
 * @replies:	calls that the client made (@data)
 * @owed:	trackers of calls that he has to answer, referenced (@data)
 * @expire:	ends calls in time; armed under @data unless @closed
 */
struct kdbus_conn {
	refcount_t ref;
	struct kdbus_active active;
	u64 id;
	u64 flags;
	u64 send_mask;
	u64 recv_mask;
	struct kdbus_endpoint *ep;
	const struct cred *cred;
	struct kdbus_user *user;
	bool owner;
	bool privileged;
	char *description;
	struct rcu_head rcu;
	wait_queue_head_t wait;

	struct mutex data;
	bool closed;
	bool charged;
	u64 dropped;
	struct kdbus_pool pool;
	struct kdbus_quota quota;
	struct kdbus_queue queue;
	struct kdbus_replies replies;
	struct list_head owed;
	struct delayed_work expire;
};

/**
 * struct kdbus_conn_params - what a connection is made from
 * @flags:	KDBUS_HELLO_*
 * @send_mask:	metadata that the client agrees to hand out
 * @recv_mask:	metadata that the client wants
 * @pool_size:	bytes of the pool, a multiple of the page size
 * @cred:	credentials of the opener
 * @owner:	the opener is owner of the bus
 * @privileged:	the opener is privileged
 * @description: description or NULL
 * @expire:	work function that ends calls in time
 */
struct kdbus_conn_params {
	u64 flags;
	u64 send_mask;
	u64 recv_mask;
	u64 pool_size;
	const struct cred *cred;
	bool owner;
	bool privileged;
	const char *description;
	work_func_t expire;
};

/**
 * struct kdbus_received - what a receive command reports
 * @offset:	offset of the message; size of the pool: there is none
 * @size:	bytes of its slice
 * @dropped:	messages lost since the last report
 * @reply:	tracker of a request that was dropped, referenced, or NULL
 */
struct kdbus_received {
	u64 offset;
	u64 size;
	u64 dropped;
	struct kdbus_reply *reply;
};

struct kdbus_conn *kdbus_conn_new(struct kdbus_endpoint *ep,
				  const struct kdbus_conn_params *params);
struct kdbus_conn *kdbus_conn_ref(struct kdbus_conn *conn);
void kdbus_conn_put(struct kdbus_conn *conn);

int kdbus_conn_charge(struct kdbus_conn *conn);
int kdbus_conn_link(struct kdbus_conn *conn);
void kdbus_conn_unlink(struct kdbus_conn *conn);
struct kdbus_conn *kdbus_conn_find(struct kdbus_bus *bus, u64 id);
struct kdbus_conn *kdbus_conn_next(struct kdbus_bus *bus, unsigned long *id);

struct kdbus_queue_entry *kdbus_conn_reserve(struct kdbus_conn *conn,
					     struct kdbus_user *user, u64 size,
					     s64 priority);
int kdbus_conn_reserve_notice(struct kdbus_conn *conn,
			      struct kdbus_queue_entry *entry, u64 size,
			      struct kdbus_slice **spare);
void kdbus_conn_cancel(struct kdbus_conn *conn,
		       struct kdbus_queue_entry *entry);
void kdbus_conn_drop(struct kdbus_conn *conn, struct kdbus_queue_entry *entry);
int kdbus_conn_commit(struct kdbus_conn *conn,
		      struct kdbus_queue_entry *entry);

void kdbus_conn_take(struct kdbus_conn *conn, struct kdbus_queue_entry *entry,
		     u64 *offset, u64 *size);

int kdbus_conn_receive(struct kdbus_conn *conn, u64 flags, s64 priority,
		       struct kdbus_received *received);
int kdbus_conn_reply(struct kdbus_conn *conn, const void *data, size_t size,
		     u64 *offset);
int kdbus_conn_free(struct kdbus_conn *conn, u64 offset);
int kdbus_conn_close_if_idle(struct kdbus_conn *conn);
void kdbus_conn_close(struct kdbus_conn *conn);
struct kdbus_reply *kdbus_conn_next_call(struct kdbus_conn *conn);
struct kdbus_reply *kdbus_conn_next_owed(struct kdbus_conn *conn);
bool kdbus_conn_has_input(const struct kdbus_conn *conn);

#endif
