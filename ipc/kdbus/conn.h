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
#include "match.h"
#include "meta.h"
#include "names.h"
#include "policy.h"
#include "pool.h"
#include "queue.h"
#include "quota.h"
#include "reply.h"

struct cred;
struct kdbus_facts;
struct kdbus_files;
struct seq_file;

/* The flags of HELLO that make a connection a special one. */
#define KDBUS_CONN_KINDS (KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_POLICY_HOLDER | \
			  KDBUS_HELLO_MONITOR)

/**
 * struct kdbus_conn - connection to a bus
 * @ref:	reference count
 * @active:	activity; commands of the client hold it while they run
 * @id:		unique in the domain (I)
 * @flags:	KDBUS_HELLO_* (I)
 * @send_mask:	metadata that the client agrees to hand out, changed by UPDATE
 *		(A)
 * @recv_mask:	metadata that the client wants, changed by UPDATE (A)
 * @ep:		endpoint it came through, referenced (I)
 * @cred:	credentials of the opener, referenced (I)
 * @user:	whom the connection and its messages are charged to,
 *		referenced (I, set by HELLO)
 * @owner:	the opener was owner of the bus, PRIV-1 (I)
 * @privileged:	the opener was privileged, PRIV-1 (I)
 * @description: given at HELLO, or NULL (I)
 * @view:	how the client sees the metadata of others (I)
 * @facts:	what is known of the client's process since HELLO, or what he
 *		said of himself, referenced (I, set by HELLO)
 * @faked:	@facts are what he said of himself, HELLO-6 (I)
 * @names:	well-known names (names.lock of the bus)
 * @matches:	which signals and notifications he wants (matches.lock)
 * @policy:	policy entries that he holds (policy.lock of the bus)
 * @monitor:	place among the monitors of the bus (names.lock)
 * @rcu:	frees it
 * @wait:	who polls
 * @data:	the data lock; see the lock order in main.c
 * @closed:	shut down, nothing is queued any more (@data)
 * @charged:	the connection is counted at @user (@data)
 * @announced:	others have been told of the connection (@data)
 * @dropped:	messages lost since the last report (@data; read without it
 *		by poll)
 * @copied:	bytes of inline payload that were copied for the client (A)
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
	struct kdbus_view view;
	struct kdbus_facts *facts;
	bool faked;
	struct kdbus_name_owner names;
	struct kdbus_match_owner matches;
	struct kdbus_policy_holder policy;
	struct list_head monitor;
	struct rcu_head rcu;
	wait_queue_head_t wait;

	struct mutex data;
	bool closed;
	bool charged;
	bool announced;
	u64 dropped;
	atomic64_t copied;
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
 * @faked:	the client says himself what is to be known of him
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
	bool faked;
	work_func_t expire;
};

/**
 * struct kdbus_parcel - what is known of a message before it is queued
 * @user:	who is charged with it
 * @cost:	how much it takes up
 * @priority:	its priority
 * @files:	its files, or NULL
 * @tie:	incarnation of the name that it was sent to, 0 if it does not
 *		follow a name
 * @meta_start:	where its metadata items begin
 * @meta_end:	where they end
 */
struct kdbus_parcel {
	struct kdbus_user *user;
	struct kdbus_cost cost;
	s64 priority;
	struct kdbus_files *files;
	u64 tie;
	u32 meta_start;
	u32 meta_end;
};

/**
 * struct kdbus_received - what a receive command reports
 * @offset:	offset of the message; size of the pool: there is none
 * @size:	bytes of its slice
 * @return_flags: KDBUS_RECV_RETURN_INCOMPLETE_FDS or 0
 * @dropped:	messages lost since the last report
 * @reply:	tracker of a request that was dropped, referenced, or NULL
 */
struct kdbus_received {
	u64 offset;
	u64 size;
	u64 return_flags;
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
struct kdbus_conn *kdbus_conn_get(struct kdbus_bus *bus, u64 id);
struct kdbus_conn *kdbus_conn_find(struct kdbus_bus *bus, u64 id);
struct kdbus_conn *kdbus_conn_next(struct kdbus_bus *bus, unsigned long *id);

void kdbus_conn_monitor(struct kdbus_conn *conn);
bool kdbus_conn_announce(struct kdbus_conn *conn);
bool kdbus_conn_retire(struct kdbus_conn *conn);
void kdbus_conn_withdraw(struct kdbus_conn *conn);
void *kdbus_conn_put_name(void *pos, const struct kdbus_name_entry *entry);

struct kdbus_queue_entry *kdbus_conn_reserve(struct kdbus_conn *conn,
					     const struct kdbus_parcel *parcel);
int kdbus_conn_reserve_notice(struct kdbus_conn *conn,
			      struct kdbus_queue_entry *entry, u64 size,
			      struct kdbus_slice **spare);
void kdbus_conn_cancel(struct kdbus_conn *conn,
		       struct kdbus_queue_entry *entry);
void kdbus_conn_lost(struct kdbus_conn *conn, unsigned int n);
int kdbus_conn_commit(struct kdbus_conn *conn,
		      struct kdbus_queue_entry *entry);

void kdbus_conn_detach(struct kdbus_conn *conn,
		       struct kdbus_queue_entry *entry);
void kdbus_conn_destroy_entry(struct kdbus_queue_entry *entry);
void kdbus_conn_take(struct kdbus_conn *conn, struct kdbus_queue_entry *entry,
		     struct kdbus_received *received);

int kdbus_conn_receive(struct kdbus_conn *conn, u64 flags, s64 priority,
		       struct kdbus_received *received);
int kdbus_conn_reply(struct kdbus_conn *conn, const void *data, size_t size,
		     u64 *offset);
int kdbus_conn_free(struct kdbus_conn *conn, u64 offset);
int kdbus_conn_close_if_idle(struct kdbus_conn *conn);
void kdbus_conn_close(struct kdbus_conn *conn);
void kdbus_conn_discard(struct kdbus_conn *conn);
struct kdbus_reply *kdbus_conn_next_call(struct kdbus_conn *conn);
struct kdbus_reply *kdbus_conn_next_owed(struct kdbus_conn *conn);
void kdbus_conn_show(const struct kdbus_conn *conn, struct seq_file *m);
bool kdbus_conn_has_input(const struct kdbus_conn *conn);

/**
 * kdbus_conn_is_ordinary() - whether a connection is none of the special ones
 * @conn:	connection
 *
 * Return: true if so.
 */
static inline bool kdbus_conn_is_ordinary(const struct kdbus_conn *conn)
{
	return !(conn->flags & KDBUS_CONN_KINDS);
}

/**
 * kdbus_conn_of_names() - connection that owns names
 * @owner:	&kdbus_conn.names
 *
 * Return: the connection.
 */
static inline struct kdbus_conn *
kdbus_conn_of_names(struct kdbus_name_owner *owner)
{
	return container_of(owner, struct kdbus_conn, names);
}

#endif
