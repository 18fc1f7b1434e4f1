/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_CALL_H
#define __KDBUS_CALL_H

/**
 * DOC: calls
 *
 * Begins calls and brings them to their end: exactly one of reply, time-out,
 * failure or cancellation, for each call that was sent (REPLY-4). What is
 * done at the caller is done under his data lock, what is done at the callee
 * under the callee's, one after the other.
 *
 * Who brings an outcome claims the tracker in the caller's table: a reply
 * when it is completely written, as its sender's memory may take for ever to
 * be read, and the deadline must hold meanwhile. Who loses undoes what he has
 * prepared. The outcome of an asynchronous call goes into the caller's queue,
 * that of a synchronous one stays with the tracker until the caller takes it.
 *
 * A call that was made through a name may change its callee, who is then the
 * one in whose list of owed calls it is. That happens with the names of the bus
 * locked for writing, so whoever takes such a call off the list of another one
 * locks them for reading.
 */

#include <linux/types.h>

struct file;
struct kdbus_bus;
struct kdbus_conn;
struct kdbus_queue_entry;
struct kdbus_received;
struct kdbus_reply;
struct work_struct;

struct kdbus_reply *kdbus_call_begin(struct kdbus_conn *conn, u64 callee_id,
				     u64 tie, u64 cookie, u64 deadline,
				     bool sync);
void kdbus_call_sent(struct kdbus_conn *conn, struct kdbus_reply *reply);
void kdbus_call_abort(struct kdbus_conn *conn, struct kdbus_reply *reply);

struct kdbus_reply *kdbus_call_find(struct kdbus_conn *caller, u64 cookie,
				    u64 callee_id);
int kdbus_call_answer(struct kdbus_conn *caller, struct kdbus_reply *reply,
		      struct kdbus_queue_entry *entry);
void kdbus_call_fail(struct kdbus_conn *caller, struct kdbus_reply *reply,
		     int result);
void kdbus_call_dead(struct kdbus_bus *bus, struct kdbus_reply *reply);
void kdbus_call_settle(struct kdbus_bus *bus, struct kdbus_reply *reply);
void kdbus_call_forget_all(struct kdbus_conn *conn);
void kdbus_call_expire(struct work_struct *work);

struct kdbus_reply *kdbus_call_resume(struct kdbus_conn *conn, u64 cookie,
				      u64 deadline);
int kdbus_call_wait(struct kdbus_conn *conn, struct kdbus_reply *reply,
		    struct file *cancel, struct kdbus_received *received);

#endif
