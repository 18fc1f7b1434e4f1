// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "bus.h"
#include "call.h"
#include "conn.h"
#include "delivery.h"
#include "message.h"

static bool is_over(const struct kdbus_reply *reply)
{
	return READ_ONCE(reply->state) == KDBUS_REPLY_ENDED;
}

/**
 * kdbus_call_begin() - enter a call into the caller's table
 * @conn:	caller
 * @callee_id:	who is called
 * @tie:	incarnation of the name that is called, or 0
 * @cookie:	cookie of the request
 * @deadline:	CLOCK_MONOTONIC in ns; 2^63 and above never expires
 * @sync:	the caller will wait
 *
 * For an asynchronous call, room for its one notification is set aside in the
 * caller's pool, so that it cannot get lost (NOTE-5).
 *
 * Return: a reference to the tracker, for kdbus_call_sent() or _abort();
 * -EMLINK; -EXFULL if the caller's pool has no room; -ECONNRESET; -ENOMEM.
 */
struct kdbus_reply *kdbus_call_begin(struct kdbus_conn *conn, u64 callee_id,
				     u64 tie, u64 cookie, u64 deadline,
				     bool sync)
{
	struct kdbus_queue_entry *notice = NULL;
	struct kdbus_slice *spare = NULL;
	struct kdbus_reply *reply;
	int ret = 0;

	reply = kdbus_reply_new(conn->id, callee_id, cookie, deadline, sync);
	if (!reply)
		return ERR_PTR(-ENOMEM);
	reply->tie = tie;
	if (!sync) {
		notice = kzalloc(sizeof(*notice), GFP_KERNEL_ACCOUNT);
		spare = kdbus_slice_new(&conn->pool);
		if (!notice || !spare)
			ret = -ENOMEM;
	}

	mutex_lock(&conn->data);
	if (!ret)
		ret = conn->closed ? -ECONNRESET :
				     kdbus_reply_add(&conn->replies, reply);
	if (!ret && notice) {
		ret = kdbus_conn_reserve_notice(conn, notice,
						KDBUS_NOTICE_REPLY_SIZE,
						&spare);
		if (ret)
			kdbus_reply_remove(&conn->replies, reply);
		else
			swap(reply->entry, notice);
	}
	mutex_unlock(&conn->data);

	kfree(notice);
	kfree(spare);
	if (ret) {
		kdbus_reply_put(reply);
		return ERR_PTR(ret);
	}
	return reply;
}

/* Has the work of the connection run in time for the earliest deadline. */
static void schedule_expiry(struct kdbus_conn *conn)
{
	ktime_t next = kdbus_reply_next_deadline(&conn->replies);
	ktime_t now = ktime_get();
	unsigned long delay;

	lockdep_assert_held(&conn->data);

	if (conn->closed || next == KTIME_MAX)
		return;

	/* Rounded up: never before the deadline. */
	delay = next > now ? nsecs_to_jiffies(next - now) + 1 : 0;
	delay = min_t(unsigned long, delay, MAX_JIFFY_OFFSET);

	if (!delayed_work_pending(&conn->expire) ||
	    time_before(jiffies + delay, conn->expire.timer.expires))
		mod_delayed_work(system_wq, &conn->expire, delay);
}

/**
 * kdbus_call_sent() - the request has been queued
 * @conn:	caller
 * @reply:	tracker of kdbus_call_begin(); the reference stays the caller's
 *
 * From now on an asynchronous call times out. A call that has ended before it
 * was queued, answered by a guess or forgotten, is owed no more.
 */
void kdbus_call_sent(struct kdbus_conn *conn, struct kdbus_reply *reply)
{
	bool live;

	mutex_lock(&conn->data);
	live = reply->state == KDBUS_REPLY_LIVE && !list_empty(&reply->call);
	if (live && !reply->sync) {
		kdbus_reply_arm(&conn->replies, reply);
		schedule_expiry(conn);
	}
	mutex_unlock(&conn->data);

	if (!live)
		kdbus_call_settle(conn->ep->bus, reply);
}

/* Takes a tracker out of the table, with what it holds. */
static void forget(struct kdbus_conn *conn, struct kdbus_reply *reply)
{
	struct kdbus_queue_entry *entry;

	mutex_lock(&conn->data);
	kdbus_reply_remove(&conn->replies, reply);
	entry = reply->entry;
	reply->entry = NULL;
	mutex_unlock(&conn->data);

	if (entry)
		kdbus_conn_cancel(conn, entry);
}

/**
 * kdbus_call_abort() - the request could not be sent
 * @conn:	caller
 * @reply:	tracker of kdbus_call_begin(); the reference is consumed
 */
void kdbus_call_abort(struct kdbus_conn *conn, struct kdbus_reply *reply)
{
	forget(conn, reply);
	kdbus_reply_put(reply);
}

/**
 * kdbus_call_find() - find the call that a reply answers
 * @caller:	who called
 * @cookie:	cookie of the request
 * @callee_id:	who replies
 *
 * Return: a reference to the tracker, for kdbus_call_answer() or _fail();
 * NULL if nothing is owed.
 */
struct kdbus_reply *kdbus_call_find(struct kdbus_conn *caller, u64 cookie,
				    u64 callee_id)
{
	struct kdbus_reply *reply;

	mutex_lock(&caller->data);
	reply = kdbus_reply_find(&caller->replies, cookie, callee_id);
	if (reply)
		kdbus_reply_ref(reply);
	mutex_unlock(&caller->data);

	return reply;
}

/* Leaves the outcome with the tracker; false if another one came first. */
static bool leave_result(struct kdbus_conn *caller, struct kdbus_reply *reply,
			 struct kdbus_queue_entry *entry, int result)
{
	bool won;

	mutex_lock(&caller->data);
	won = kdbus_reply_claim(&caller->replies, reply);
	if (won) {
		reply->entry = entry;
		reply->result = result;
		WRITE_ONCE(reply->state, KDBUS_REPLY_ENDED);
		if (reply->interrupted) {
			kdbus_reply_arm(&caller->replies, reply);
			schedule_expiry(caller);
		}
	}
	mutex_unlock(&caller->data);

	if (won)
		wake_up_interruptible_sync(&reply->wait);
	return won;
}

/**
 * kdbus_call_answer() - deliver the reply
 * @caller:	who called
 * @reply:	tracker
 * @entry:	the reply, filled; consumed
 *
 * Return: 0; -ECONNRESET if the caller is gone; -EBADSLT if the call has
 * ended meanwhile.
 */
int kdbus_call_answer(struct kdbus_conn *caller, struct kdbus_reply *reply,
		      struct kdbus_queue_entry *entry)
{
	struct kdbus_queue_entry *notice = NULL;
	bool won;

	if (reply->sync) {
		won = leave_result(caller, reply, entry, 0);
		if (won)
			return 0;
	} else {
		mutex_lock(&caller->data);
		won = kdbus_reply_claim(&caller->replies, reply);
		if (won) {
			swap(notice, reply->entry);
			kdbus_reply_remove(&caller->replies, reply);
		}
		mutex_unlock(&caller->data);
	}

	if (notice)
		kdbus_conn_cancel(caller, notice);
	if (won && !kdbus_conn_commit(caller, entry))
		return 0;

	kdbus_conn_cancel(caller, entry);
	if (won)
		return -ECONNRESET;
	return kdbus_active_is_active(&caller->active) ? -EBADSLT :
							 -ECONNRESET;
}

/* Writes a message into the room that was kept for it, and queues it. */
static void deliver_notice(struct kdbus_conn *caller, struct kdbus_message *msg,
			   struct kdbus_queue_entry *entry)
{
	struct kdbus_layout layout __uninitialized;	/* large */
	int ret;

	kdbus_message_layout(msg, KDBUS_ATTACH_TIMESTAMP, NULL, &layout);
	ret = kdbus_message_write(msg, &layout, entry->slice);
	kdbus_layout_free(&layout);

	if (ret)
		kdbus_conn_lost(caller, 1);
	if (ret || kdbus_conn_commit(caller, entry))
		kdbus_conn_cancel(caller, entry);
}

/* Ends an asynchronous call, claimed, with a message into its room. */
static void notify(struct kdbus_conn *caller, struct kdbus_reply *reply,
		   u64 type)
{
	struct kdbus_bus *bus = caller->ep->bus;
	struct kdbus_notice notice = {
		.type = type,
		.dst_id = caller->id,
		.cookie_reply = reply->cookie,
	};
	struct kdbus_queue_entry *entry;
	struct kdbus_fanout monitors;
	struct kdbus_message msg;

	mutex_lock(&caller->data);
	kdbus_reply_remove(&caller->replies, reply);
	entry = reply->entry;
	reply->entry = NULL;
	mutex_unlock(&caller->data);
	if (!entry)
		return;

	kdbus_message_init_notice(&msg, &notice, kdbus_bus_next_seqnum(bus));

	/* MON-1; without memory for the list of them they miss it. */
	kdbus_fanout_find(&monitors, bus, NULL);
	kdbus_fanout_prepare(&monitors, NULL, &msg);
	kdbus_fanout_commit(&monitors);
	kdbus_fanout_free(&monitors);

	deliver_notice(caller, &msg, entry);
	kdbus_message_free(&msg);
}

/**
 * kdbus_call_fail() - end a call without a reply
 * @caller:	who called
 * @reply:	tracker; nothing happens if it has ended
 * @result:	what a synchronous call returns; others get REPLY_DEAD
 */
void kdbus_call_fail(struct kdbus_conn *caller, struct kdbus_reply *reply,
		     int result)
{
	bool won;

	if (reply->sync) {
		leave_result(caller, reply, NULL, result);
		return;
	}

	mutex_lock(&caller->data);
	won = kdbus_reply_claim(&caller->replies, reply);
	mutex_unlock(&caller->data);

	if (won)
		notify(caller, reply, KDBUS_ITEM_REPLY_DEAD);
}

/**
 * kdbus_call_dead() - nobody will answer a call any more
 * @bus:	bus
 * @reply:	tracker, in whatever state
 *
 * The callee has gone or dropped the request.
 */
void kdbus_call_dead(struct kdbus_bus *bus, struct kdbus_reply *reply)
{
	struct kdbus_conn *caller;

	caller = kdbus_conn_find(bus, reply->caller_id);
	if (caller)
		kdbus_call_fail(caller, reply, -EPIPE);
	kdbus_conn_put(caller);
}

static void settle_at(struct kdbus_conn *callee, struct kdbus_reply *reply)
{
	struct kdbus_names *names = &callee->ep->bus->names;
	bool owed;

	if (reply->tie)
		down_read(&names->lock);
	mutex_lock(&callee->data);
	owed = READ_ONCE(reply->callee_id) == callee->id &&
	       !list_empty(&reply->owed);
	if (owed)
		list_del_init(&reply->owed);
	mutex_unlock(&callee->data);
	if (reply->tie)
		up_read(&names->lock);

	if (owed)
		kdbus_reply_put(reply);
}

/**
 * kdbus_call_settle() - the callee owes nothing any more
 * @bus:	bus
 * @reply:	tracker that has ended
 *
 * The callee may change meanwhile, and may be on his way out: the calls that
 * he owes could still move.
 */
void kdbus_call_settle(struct kdbus_bus *bus, struct kdbus_reply *reply)
{
	struct kdbus_conn *callee;
	u64 id;

	do {
		id = READ_ONCE(reply->callee_id);
		callee = kdbus_conn_get(bus, id);
		if (callee)
			settle_at(callee, reply);
		kdbus_conn_put(callee);
	} while (id != READ_ONCE(reply->callee_id));
}

/**
 * kdbus_call_forget_all() - forget the calls of a closed connection
 * @conn:	connection
 *
 * BYE-3: silently. Their callees owe nothing any more.
 */
void kdbus_call_forget_all(struct kdbus_conn *conn)
{
	struct kdbus_reply *reply;

	while ((reply = kdbus_conn_next_call(conn))) {
		kdbus_call_settle(conn->ep->bus, reply);
		kdbus_reply_put(reply);
	}
}

/**
 * kdbus_call_expire() - end the calls whose deadlines are over
 * @work:	&kdbus_conn.expire of the caller
 */
void kdbus_call_expire(struct work_struct *work)
{
	struct kdbus_conn *conn = container_of(to_delayed_work(work),
					       struct kdbus_conn, expire);
	struct kdbus_reply *reply;

	for (;;) {
		mutex_lock(&conn->data);
		reply = kdbus_reply_expired(&conn->replies, ktime_get());
		if (!reply)
			schedule_expiry(conn);
		else if (reply->sync)	/* nobody can resume it any more */
			kdbus_reply_remove(&conn->replies, reply);
		mutex_unlock(&conn->data);
		if (!reply)
			return;

		/* Nobody waits for an interrupted call: it just ends. */
		if (reply->sync)
			forget(conn, reply);
		else
			notify(conn, reply, KDBUS_ITEM_REPLY_TIMEOUT);
		kdbus_call_settle(conn->ep->bus, reply);
		kdbus_reply_put(reply);
	}
}

/**
 * kdbus_call_resume() - find the interrupted call that a send repeats
 * @conn:	caller
 * @cookie:	cookie of the message
 * @deadline:	CLOCK_MONOTONIC in ns, of the resuming call
 *
 * SYNC-1: only the newest request with that cookie is looked at.
 *
 * Return: a reference to the tracker, to wait for again; NULL if the message
 * is a new call.
 */
struct kdbus_reply *kdbus_call_resume(struct kdbus_conn *conn, u64 cookie,
				      u64 deadline)
{
	struct kdbus_reply *reply;

	mutex_lock(&conn->data);
	reply = kdbus_reply_find_newest(&conn->replies, cookie);
	if (reply && reply->sync && reply->interrupted) {
		kdbus_reply_ref(reply);
		kdbus_reply_disarm(&conn->replies, reply);
		reply->interrupted = false;
		reply->deadline.expires = min_t(u64, deadline, KTIME_MAX);
	} else {
		reply = NULL;
	}
	mutex_unlock(&conn->data);

	return reply;
}

static bool must_wake(const struct kdbus_conn *conn,
		      const struct kdbus_reply *reply)
{
	return is_over(reply) || !kdbus_active_is_active(&conn->active);
}

static int wait_for_reply(struct kdbus_conn *conn, struct kdbus_reply *reply)
{
	ktime_t deadline = reply->deadline.expires;
	ktime_t timeout = deadline;
	int ret;

	if (deadline != KTIME_MAX)
		timeout = max_t(ktime_t, ktime_sub(deadline, ktime_get()), 0);

	ret = wait_event_interruptible_hrtimeout(reply->wait,
						 must_wake(conn, reply),
						 timeout);

	return ret == -ETIME ? -ETIMEDOUT : ret;
}

/* The same with a file that cancels; kept apart for its stack. */
static noinline int wait_for_reply_or_file(struct kdbus_conn *conn,
					   struct kdbus_reply *reply,
					   struct file *cancel)
{
	ktime_t deadline = reply->deadline.expires;
	ktime_t *expires = deadline == KTIME_MAX ? NULL : &deadline;
	struct poll_wqueues table;
	poll_table *pt;
	int ret = 1;

	poll_initwait(&table);
	table.pt._key = EPOLLIN;
	pt = &table.pt;
	poll_wait(cancel, &reply->wait, pt);

	do {
		bool readable = vfs_poll(cancel, pt) & EPOLLIN;

		pt = NULL;	/* registered once */
		if (must_wake(conn, reply))
			ret = 0;
		else if (readable)
			ret = -ECANCELED;
		else if (signal_pending(current))
			ret = -ERESTARTSYS;
		else if (expires && ktime_after(ktime_get(), deadline))
			ret = -ETIMEDOUT;
		else if (table.error)
			ret = table.error;
		if (ret <= 0)
			break;

		set_current_state(TASK_INTERRUPTIBLE);
		if (!table.triggered)
			schedule_hrtimeout_range(expires, 0, HRTIMER_MODE_ABS);
		__set_current_state(TASK_RUNNING);
		/* As in poll(2): clear before the conditions are looked at. */
		smp_store_mb(table.triggered, 0);
	} while (true);

	poll_freewait(&table);
	return ret;
}

/**
 * kdbus_call_wait() - wait for the outcome of a synchronous call
 * @conn:	caller, of whom nothing is locked and no active reference held
 * @reply:	tracker, sent or resumed; the reference is consumed
 * @cancel:	file that ends the wait when it can be read, or NULL
 * @received:	returns where the reply is, which the client holds
 *
 * SYNC-2: an outcome that has arrived wins over every other reason to stop.
 * When a signal ends the wait the call goes on, for kdbus_call_resume().
 *
 * Return: 0; the result that the callee or the kernel left; -ECONNRESET,
 * -ECANCELED, -ETIMEDOUT; -ERESTARTSYS.
 */
int kdbus_call_wait(struct kdbus_conn *conn, struct kdbus_reply *reply,
		    struct file *cancel, struct kdbus_received *received)
{
	struct kdbus_queue_entry *entry = NULL;
	int ret;

	might_sleep();

	ret = cancel ? wait_for_reply_or_file(conn, reply, cancel) :
		       wait_for_reply(conn, reply);

	mutex_lock(&conn->data);
	if (list_empty(&reply->call)) {
		ret = -ECONNRESET;
	} else if (is_over(reply)) {
		ret = reply->result;
		swap(entry, reply->entry);
		kdbus_reply_remove(&conn->replies, reply);
	} else if (ret == -ERESTARTSYS) {
		reply->interrupted = true;
		kdbus_reply_arm(&conn->replies, reply);
		schedule_expiry(conn);
	} else {
		ret = ret ?: -ECONNRESET;
		kdbus_reply_remove(&conn->replies, reply);
	}
	mutex_unlock(&conn->data);

	if (entry)
		kdbus_conn_take(conn, entry, received);
	if (ret && ret != -ERESTARTSYS)
		kdbus_call_settle(conn->ep->bus, reply);
	kdbus_reply_put(reply);

	return ret;
}
