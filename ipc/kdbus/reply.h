/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_REPLY_H
#define __KDBUS_REPLY_H

/**
 * DOC: pending calls
 *
 * A tracker is the record that one connection owes another one a reply. It is
 * in the table of the caller, whose data lock protects it: whoever finds it
 * live there and ends it decides the one outcome of the call (REPLY-4), all
 * others come too late. The callee's list of what he owes and the request in
 * his queue refer to it as well, but say nothing about its state.
 *
 * Trackers name connections by their ids, which are never reused, so that
 * they keep nobody alive.
 *
 * A synchronous call leaves its result in the tracker until the caller takes
 * it, also when the caller was interrupted meanwhile (SYNC-6).
 */

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/timerqueue.h>
#include <linux/types.h>
#include <linux/wait.h>

struct kdbus_queue_entry;

/**
 * enum kdbus_reply_state - state of a tracker
 * @KDBUS_REPLY_LIVE:		the callee owes the reply
 * @KDBUS_REPLY_CLAIMED:	somebody has won and is bringing the outcome
 * @KDBUS_REPLY_ENDED:		the outcome is known
 */
enum kdbus_reply_state {
	KDBUS_REPLY_LIVE,
	KDBUS_REPLY_CLAIMED,
	KDBUS_REPLY_ENDED,
};

/**
 * struct kdbus_reply - tracker of one call
 * @ref:	reference count
 * @caller_id:	who called (I)
 * @cookie:	cookie of the request (I)
 * @sync:	the caller waits, or was interrupted while he did (I)
 * @tie:	incarnation of the name that was called, or 0 (I)
 * @callee_id:	who owes the reply; changes only if @tie is set (names.lock,
 *		and the data of both callees; read without)
 * @state:	enum kdbus_reply_state (caller's data; read without it by the
 *		caller who waits)
 * @interrupted: nobody waits at the moment (caller's data)
 * @deadline:	when it expires, CLOCK_MONOTONIC; in the order of deadlines
 *		while the kernel has to look after it (caller's data)
 * @call:	place in the caller's table (caller's data)
 * @owed:	place in the callee's list (callee's data)
 * @result:	of a synchronous call that failed (caller's data)
 * @entry:	of a synchronous call, the reply; of an asynchronous one, the
 *		room that is kept for its notification; or NULL (caller's data)
 * @wait:	where the caller waits
 */
struct kdbus_reply {
	refcount_t ref;
	u64 caller_id;
	u64 cookie;
	bool sync;
	u64 tie;
	u64 callee_id;
	enum kdbus_reply_state state;
	bool interrupted;
	struct timerqueue_node deadline;
	struct list_head call;
	struct list_head owed;
	int result;
	struct kdbus_queue_entry *entry;
	wait_queue_head_t wait;
};

/**
 * struct kdbus_replies - calls of one connection
 * @calls:	trackers, newest first, each referenced
 * @deadlines:	those that the kernel ends in time
 * @count:	number of trackers
 */
struct kdbus_replies {
	struct list_head calls;
	struct timerqueue_head deadlines;
	unsigned int count;
};

void kdbus_replies_init(struct kdbus_replies *replies);

struct kdbus_reply *kdbus_reply_new(u64 caller_id, u64 callee_id, u64 cookie,
				    u64 deadline, bool sync);
struct kdbus_reply *kdbus_reply_ref(struct kdbus_reply *reply);
void kdbus_reply_put(struct kdbus_reply *reply);

int kdbus_reply_add(struct kdbus_replies *replies, struct kdbus_reply *reply);
void kdbus_reply_arm(struct kdbus_replies *replies,
		     struct kdbus_reply *reply);
void kdbus_reply_disarm(struct kdbus_replies *replies,
			struct kdbus_reply *reply);
bool kdbus_reply_claim(struct kdbus_replies *replies,
		       struct kdbus_reply *reply);
void kdbus_reply_remove(struct kdbus_replies *replies,
			struct kdbus_reply *reply);
struct kdbus_reply *kdbus_reply_find(const struct kdbus_replies *replies,
				     u64 cookie, u64 callee_id);
struct kdbus_reply *kdbus_reply_find_newest(const struct kdbus_replies *replies,
					    u64 cookie);
struct kdbus_reply *kdbus_reply_expired(struct kdbus_replies *replies,
					ktime_t now);
ktime_t kdbus_reply_next_deadline(const struct kdbus_replies *replies);

#endif
