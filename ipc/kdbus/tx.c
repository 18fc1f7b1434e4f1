// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/sched.h>

#include "access.h"
#include "bus.h"
#include "call.h"
#include "conn.h"
#include "message.h"
#include "tx.h"

/*
 * Reserve room and fill it. Payload that is not resident is brought in with
 * nothing reserved, then the room is reserved anew: user memory may take for
 * ever to be read. Twice not resident, it is staged, so there is no third time.
 */
static struct kdbus_queue_entry *prepare(struct kdbus_conn *conn,
					 struct kdbus_conn *dst,
					 struct kdbus_message *msg)
{
	struct kdbus_queue_entry *entry;
	struct kdbus_layout layout;
	int try, ret;

	kdbus_message_layout(msg, dst->recv_mask, &layout);

	for (try = 0; ; try++) {
		entry = kdbus_conn_reserve(dst, conn->user, layout.total,
					   msg->args.msg->priority);
		if (IS_ERR(entry))
			return entry;

		ret = kdbus_message_write(msg, &layout, entry->slice);
		if (!ret)
			return entry;

		kdbus_conn_cancel(dst, entry);
		if (ret == -EAGAIN)
			ret = try ? kdbus_message_stage(msg) :
				    kdbus_message_fault_in(msg);
		if (ret)
			return ERR_PTR(ret);
	}
}

/*
 * Prepare and commit. The active reference of the sender and the data lock of
 * the receiver tell whether both are still there. @reply is the tracker of a
 * request.
 */
static int deliver(struct kdbus_conn *conn, struct kdbus_conn *dst,
		   struct kdbus_message *msg, struct kdbus_reply *reply)
{
	struct kdbus_queue_entry *entry;
	int ret;

	entry = prepare(conn, dst, msg);
	if (IS_ERR(entry))
		return PTR_ERR(entry);

	if (!kdbus_active_acquire(&conn->active)) {
		kdbus_conn_cancel(dst, entry);
		return -ECONNRESET;
	}
	if (reply)
		entry->reply = kdbus_reply_ref(reply);
	ret = kdbus_conn_commit(dst, entry);
	kdbus_active_release(&conn->active);

	return ret;
}

/* SEND-7 and SEND-8: who gets it, and whether he may. */
static struct kdbus_conn *route(struct kdbus_conn *conn,
				const struct kdbus_message *msg)
{
	struct kdbus_conn *dst;

	dst = kdbus_conn_find(conn->ep->bus, msg->args.msg->dst_id);
	if (!dst)
		return ERR_PTR(-ENXIO);

	if (!kdbus_access_talk(conn, current_cred(), dst)) {
		kdbus_conn_put(dst);
		return ERR_PTR(-EPERM);
	}

	return dst;
}

/* SEND-8: a failed call leaves no tracker. */
static struct kdbus_reply *send_call(struct kdbus_conn *conn,
				     struct kdbus_conn *dst,
				     struct kdbus_message *msg, bool sync)
{
	const struct kdbus_msg *hdr = msg->args.msg;
	struct kdbus_reply *reply;
	int ret;

	reply = kdbus_call_begin(conn, dst->id, hdr->cookie, hdr->timeout_ns,
				 sync);
	if (IS_ERR(reply))
		return reply;

	ret = deliver(conn, dst, msg, reply);
	if (ret) {
		kdbus_call_abort(conn, reply);
		return ERR_PTR(ret);
	}

	kdbus_call_sent(conn, dst, reply);
	return reply;
}

/* REPLY-2, REPLY-3: what cannot be queued ends the call all the same. */
static int send_reply(struct kdbus_conn *conn, struct kdbus_message *msg)
{
	const struct kdbus_msg *hdr = msg->args.msg;
	struct kdbus_queue_entry *entry;
	struct kdbus_reply *reply;
	struct kdbus_conn *caller;
	int ret;

	caller = kdbus_conn_find(conn->ep->bus, hdr->dst_id);
	if (!caller)
		return -ENXIO;

	reply = kdbus_call_find(caller, hdr->cookie_reply, conn->id);
	if (!reply) {
		kdbus_conn_put(caller);
		return -EBADSLT;
	}

	entry = prepare(conn, caller, msg);
	if (IS_ERR(entry)) {
		ret = PTR_ERR(entry);
		kdbus_call_fail(caller, reply, ret);
	} else {
		ret = kdbus_call_answer(caller, reply, entry);
	}

	kdbus_call_settle(conn, reply);
	kdbus_reply_put(reply);
	kdbus_conn_put(caller);
	return ret;
}

/**
 * kdbus_tx_send() - send a message
 * @conn:	sender
 * @msg:	imported message
 *
 * Step 8 of SEND-1, for all but synchronous calls. Touches user memory: the
 * caller holds no lock and no active reference.
 *
 * Return: 0; -ENXIO if nobody has the destination's id; -EPERM; -EMLINK;
 * -EBADSLT for a reply that is not owed; an error of kdbus_conn_reserve();
 * -EFAULT if the payload cannot be read.
 */
int kdbus_tx_send(struct kdbus_conn *conn, struct kdbus_message *msg)
{
	const struct kdbus_msg *hdr = msg->args.msg;
	bool call = hdr->flags & KDBUS_MSG_EXPECT_REPLY;
	struct kdbus_reply *reply;
	struct kdbus_conn *dst;
	int ret;

	might_fault();

	kdbus_meta_take(&msg->meta, kdbus_bus_next_seqnum(conn->ep->bus));

	if (!call && hdr->cookie_reply)
		return send_reply(conn, msg);

	dst = route(conn, msg);
	if (IS_ERR(dst))
		return PTR_ERR(dst);

	if (call) {
		reply = send_call(conn, dst, msg, false);
		ret = PTR_ERR_OR_ZERO(reply);
		if (!ret)
			kdbus_reply_put(reply);
	} else {
		ret = deliver(conn, dst, msg, NULL);
	}

	kdbus_conn_put(dst);
	return ret;
}

/**
 * kdbus_tx_call() - send the request of a synchronous call
 * @conn:	sender
 * @msg:	imported message
 *
 * As kdbus_tx_send(). A message that repeats an interrupted call is not sent
 * again (SYNC-1).
 *
 * Return: a reference to the tracker, for kdbus_call_wait(); -ETIMEDOUT for a
 * deadline that is over; an error of kdbus_tx_send().
 */
struct kdbus_reply *kdbus_tx_call(struct kdbus_conn *conn,
				  struct kdbus_message *msg)
{
	const struct kdbus_msg *hdr = msg->args.msg;
	struct kdbus_reply *reply;
	struct kdbus_conn *dst;

	might_fault();

	reply = kdbus_call_resume(conn, hdr->cookie, hdr->timeout_ns);
	if (reply)
		return reply;

	kdbus_meta_take(&msg->meta, kdbus_bus_next_seqnum(conn->ep->bus));

	if (hdr->timeout_ns <= ktime_get_ns())
		return ERR_PTR(-ETIMEDOUT);

	dst = route(conn, msg);
	if (IS_ERR(dst))
		return ERR_CAST(dst);

	reply = send_call(conn, dst, msg, true);
	kdbus_conn_put(dst);
	return reply;
}
