// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/slab.h>

#include "limits.h"
#include "reply.h"

/**
 * kdbus_replies_init() - initialise an empty table
 * @replies:	table
 */
void kdbus_replies_init(struct kdbus_replies *replies)
{
	INIT_LIST_HEAD(&replies->calls);
	timerqueue_init_head(&replies->deadlines);
	replies->count = 0;
}

/**
 * kdbus_reply_new() - make a tracker
 * @caller_id:	who calls
 * @callee_id:	who is called
 * @cookie:	cookie of the request
 * @deadline:	CLOCK_MONOTONIC in ns; 2^63 and above never expires
 * @sync:	the caller will wait
 *
 * Return: a tracker that is in no table, with one reference; NULL if there is
 * no memory.
 */
struct kdbus_reply *kdbus_reply_new(u64 caller_id, u64 callee_id, u64 cookie,
				    u64 deadline, bool sync)
{
	struct kdbus_reply *reply;

	reply = kzalloc(sizeof(*reply), GFP_KERNEL_ACCOUNT);
	if (!reply)
		return NULL;

	refcount_set(&reply->ref, 1);
	reply->caller_id = caller_id;
	reply->callee_id = callee_id;
	reply->cookie = cookie;
	reply->sync = sync;
	reply->state = KDBUS_REPLY_LIVE;
	timerqueue_init(&reply->deadline);
	reply->deadline.expires = min_t(u64, deadline, KTIME_MAX);
	INIT_LIST_HEAD(&reply->call);
	INIT_LIST_HEAD(&reply->owed);
	init_waitqueue_head(&reply->wait);

	return reply;
}

/**
 * kdbus_reply_ref() - take a reference
 * @reply:	tracker
 *
 * Return: @reply.
 */
struct kdbus_reply *kdbus_reply_ref(struct kdbus_reply *reply)
{
	refcount_inc(&reply->ref);
	return reply;
}

/**
 * kdbus_reply_put() - drop a reference
 * @reply:	tracker, or NULL
 */
void kdbus_reply_put(struct kdbus_reply *reply)
{
	if (!reply || !refcount_dec_and_test(&reply->ref))
		return;

	WARN_ON_ONCE(reply->entry);
	WARN_ON_ONCE(!list_empty(&reply->call) || !list_empty(&reply->owed));
	kfree(reply);
}

/**
 * kdbus_reply_add() - enter a tracker into the table of the caller
 * @replies:	table, locked
 * @reply:	live tracker that is in no table
 *
 * Return: 0; -EMLINK if the caller has KDBUS_CONN_MAX_CALLS of them.
 */
int kdbus_reply_add(struct kdbus_replies *replies, struct kdbus_reply *reply)
{
	if (replies->count >= KDBUS_CONN_MAX_CALLS)
		return -EMLINK;

	replies->count++;
	list_add(&kdbus_reply_ref(reply)->call, &replies->calls);

	return 0;
}

/**
 * kdbus_reply_arm() - let a tracker expire at its deadline
 * @replies:	table, locked
 * @reply:	tracker of the table
 *
 * Nothing happens for one that never expires.
 */
void kdbus_reply_arm(struct kdbus_replies *replies, struct kdbus_reply *reply)
{
	if (reply->deadline.expires != KTIME_MAX &&
	    !timerqueue_node_queued(&reply->deadline))
		timerqueue_add(&replies->deadlines, &reply->deadline);
}

/**
 * kdbus_reply_disarm() - undo kdbus_reply_arm()
 * @replies:	table, locked
 * @reply:	tracker of the table
 */
void kdbus_reply_disarm(struct kdbus_replies *replies,
			struct kdbus_reply *reply)
{
	if (timerqueue_node_queued(&reply->deadline)) {
		timerqueue_del(&replies->deadlines, &reply->deadline);
		timerqueue_init(&reply->deadline);
	}
}

/**
 * kdbus_reply_claim() - win the right to bring the outcome
 * @replies:	table, locked
 * @reply:	tracker
 *
 * The winner ends the tracker; nobody else finds it live any more.
 *
 * Return: true for the one who wins.
 */
bool kdbus_reply_claim(struct kdbus_replies *replies,
		       struct kdbus_reply *reply)
{
	if (reply->state != KDBUS_REPLY_LIVE || list_empty(&reply->call))
		return false;

	kdbus_reply_disarm(replies, reply);
	reply->state = KDBUS_REPLY_CLAIMED;

	return true;
}

/**
 * kdbus_reply_remove() - take a tracker out of the table
 * @replies:	table, locked
 * @reply:	tracker that the caller references; nothing happens if it is
 *		in no table
 */
void kdbus_reply_remove(struct kdbus_replies *replies,
			struct kdbus_reply *reply)
{
	if (list_empty(&reply->call))
		return;

	kdbus_reply_claim(replies, reply);
	kdbus_reply_disarm(replies, reply);
	list_del_init(&reply->call);
	replies->count--;
	kdbus_reply_put(reply);
}

/**
 * kdbus_reply_find() - find the call that a reply answers
 * @replies:	table of the caller, locked
 * @cookie:	cookie of the request
 * @callee_id:	who replies
 *
 * Return: the newest live tracker that fits (REPLY-2), or NULL.
 */
struct kdbus_reply *kdbus_reply_find(const struct kdbus_replies *replies,
				     u64 cookie, u64 callee_id)
{
	struct kdbus_reply *reply;

	list_for_each_entry(reply, &replies->calls, call)
		if (reply->state == KDBUS_REPLY_LIVE &&
		    reply->cookie == cookie &&
		    READ_ONCE(reply->callee_id) == callee_id)
			return reply;

	return NULL;
}

/**
 * kdbus_reply_find_newest() - find the newest request with a cookie
 * @replies:	table of the caller, locked
 * @cookie:	cookie of the request
 *
 * SYNC-1: that one alone is looked at when a call may be a resumed one.
 *
 * Return: the tracker in whatever state, or NULL.
 */
struct kdbus_reply *kdbus_reply_find_newest(const struct kdbus_replies *replies,
					    u64 cookie)
{
	struct kdbus_reply *reply;

	list_for_each_entry(reply, &replies->calls, call)
		if (reply->cookie == cookie)
			return reply;

	return NULL;
}

/**
 * kdbus_reply_expired() - claim and disarm a tracker whose deadline is over
 * @replies:	table, locked
 * @now:	CLOCK_MONOTONIC
 *
 * Return: a reference to a tracker that nobody else can win any more, which
 * the caller ends; NULL if no deadline is over.
 */
struct kdbus_reply *kdbus_reply_expired(struct kdbus_replies *replies,
					ktime_t now)
{
	struct timerqueue_node *node = timerqueue_getnext(&replies->deadlines);
	struct kdbus_reply *reply;

	if (!node || node->expires > now)
		return NULL;

	reply = container_of(node, struct kdbus_reply, deadline);
	kdbus_reply_claim(replies, reply);
	kdbus_reply_disarm(replies, reply);

	return kdbus_reply_ref(reply);
}

/**
 * kdbus_reply_next_deadline() - when the next tracker expires
 * @replies:	table, locked
 *
 * Return: CLOCK_MONOTONIC; KTIME_MAX if none does.
 */
ktime_t kdbus_reply_next_deadline(const struct kdbus_replies *replies)
{
	struct timerqueue_node *node;

	node = timerqueue_getnext((struct timerqueue_head *)&replies->deadlines);
	return node ? node->expires : KTIME_MAX;
}
