// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>

#include "access.h"
#include "bus.h"
#include "call.h"
#include "conn.h"
#include "delivery.h"
#include "message.h"
#include "tx.h"

/**
 * struct route - where a message goes
 * @dst:	receiver, referenced
 * @tie:	incarnation of the name that it follows, or 0
 */
struct route {
	struct kdbus_conn *dst;
	u64 tie;
};

static bool is_signal(const struct kdbus_message *msg)
{
	return msg->args.msg->flags & KDBUS_MSG_SIGNAL;
}

static bool is_call(const struct kdbus_message *msg)
{
	return msg->args.msg->flags & KDBUS_MSG_EXPECT_REPLY;
}

static bool is_reply(const struct kdbus_message *msg)
{
	return !is_call(msg) && msg->args.msg->cookie_reply;
}

/* W-16, W-37: what cannot be seen on a custom endpoint does not exist there. */
static bool may_know(struct kdbus_conn *conn, const struct kdbus_message *msg,
		     struct kdbus_conn *dst)
{
	return conn->ep->is_default || is_reply(msg) || dst == conn ||
	       kdbus_access_see(conn, current_cred(), dst);
}

static int route_by_id(struct kdbus_conn *conn, const struct kdbus_message *msg,
		       struct route *route)
{
	struct kdbus_conn *dst;

	dst = kdbus_conn_find(conn->ep->bus, msg->args.msg->dst_id);
	if (!dst)
		return -ENXIO;
	if (!kdbus_conn_is_ordinary(dst) || !may_know(conn, msg, dst)) {
		kdbus_conn_put(dst);
		return -ENXIO;
	}

	route->dst = dst;
	return 0;
}

static int route_by_name(struct kdbus_conn *conn,
			 const struct kdbus_message *msg, struct route *route)
{
	const struct kdbus_msg *hdr = msg->args.msg;
	struct kdbus_names *names = &conn->ep->bus->names;
	struct kdbus_name_entry *entry;
	int ret = 0;
	bool see;

	see = kdbus_access_see_name(conn, current_cred(), msg->dst_name);
	if (!see && !is_reply(msg))
		return -ESRCH;

	down_read(&names->lock);
	entry = kdbus_name_find(names, msg->dst_name);
	if (entry) {
		route->dst = kdbus_conn_ref(kdbus_conn_of_names(entry->owner));
		/* W-63: signals and replies do not follow a name. */
		if (!is_signal(msg) && !is_reply(msg))
			route->tie = entry->name->incarnation;
	}
	up_read(&names->lock);

	if (!entry)
		return -ESRCH;
	if (hdr->dst_id && hdr->dst_id != route->dst->id)
		ret = -EREMCHG;
	else if (hdr->flags & KDBUS_MSG_NO_AUTO_START &&
		 route->dst->flags & KDBUS_HELLO_ACTIVATOR)
		ret = -EADDRNOTAVAIL;

	if (ret)
		kdbus_conn_put(route->dst);
	return ret && !see ? -ESRCH : ret;
}

/* SEND-7. */
static int find_route(struct kdbus_conn *conn, const struct kdbus_message *msg,
		      struct route *route)
{
	*route = (struct route){};
	return msg->dst_name ? route_by_name(conn, msg, route) :
			       route_by_id(conn, msg, route);
}

/* Copies for the monitors; all see the same bytes (SEND-12). */
static int prepare_monitors(struct kdbus_conn *conn, struct kdbus_conn *dst,
			    struct kdbus_message *msg,
			    struct kdbus_fanout *monitors)
{
	int ret;

	ret = kdbus_fanout_find(monitors, conn->ep->bus, NULL);
	if (ret || !monitors->n)
		return ret;

	msg->reserved = false;	/* of an attempt before */
	ret = kdbus_delivery_collect(conn, dst, msg);
	if (!ret)
		ret = kdbus_fanout_stage(monitors, msg);
	if (!ret)
		kdbus_fanout_prepare(monitors, conn, msg);
	return ret;
}

/* MON-1: errors for which the message counts as sent, but not delivered. */
static bool is_refusal(int error)
{
	return error == -ECOMM || error == -ENOBUFS || error == -EMFILE ||
	       error == -EXFULL;
}

/* Whether the name that a message follows is still the receiver's. */
static bool is_current(const struct route *route,
		       const struct kdbus_message *msg)
{
	struct kdbus_names *names = &route->dst->ep->bus->names;
	const struct kdbus_name_entry *entry;

	entry = kdbus_name_find(names, msg->dst_name);
	return entry && entry->name->incarnation == route->tie &&
	       entry->owner == &route->dst->names;
}

/*
 * The active reference of the sender and the data lock of the receiver tell
 * whether both are still there.
 */
static int commit(struct kdbus_conn *conn, const struct route *route,
		  const struct kdbus_message *msg,
		  struct kdbus_fanout *monitors,
		  struct kdbus_queue_entry *entry)
{
	struct kdbus_names *names = &conn->ep->bus->names;
	int ret = -EAGAIN;

	if (!kdbus_active_acquire(&conn->active))
		return -ECONNRESET;
	if (route->tie)
		down_read(&names->lock);

	if (!route->tie || is_current(route, msg)) {
		kdbus_fanout_commit(monitors);
		ret = kdbus_conn_commit(route->dst, entry);
	}

	if (route->tie)
		up_read(&names->lock);
	kdbus_active_release(&conn->active);

	return ret;
}

/*
 * Prepare and commit; -EAGAIN if the name has passed on. @reply is the tracker
 * of a request.
 */
static int deliver(struct kdbus_conn *conn, const struct route *route,
		   struct kdbus_message *msg, struct kdbus_reply *reply)
{
	struct kdbus_queue_entry *entry;
	struct kdbus_fanout monitors;
	int ret;

	ret = prepare_monitors(conn, route->dst, msg, &monitors);
	if (ret)
		goto out;

	entry = kdbus_delivery_prepare(conn, route->dst, msg, route->tie);
	if (IS_ERR(entry)) {
		ret = PTR_ERR(entry);
		if (is_refusal(ret))
			kdbus_fanout_commit(&monitors);
		goto out;
	}

	if (reply)
		entry->reply = kdbus_reply_ref(reply);
	ret = commit(conn, route, msg, &monitors, entry);
	if (ret)
		kdbus_conn_cancel(route->dst, entry);
out:
	kdbus_fanout_free(&monitors);
	return ret;
}

/* SEND-8: a failed call leaves no tracker. */
static struct kdbus_reply *deliver_call(struct kdbus_conn *conn,
					const struct route *route,
					struct kdbus_message *msg, bool sync)
{
	const struct kdbus_msg *hdr = msg->args.msg;
	struct kdbus_reply *reply;
	int ret;

	reply = kdbus_call_begin(conn, route->dst->id, route->tie, hdr->cookie,
				 hdr->timeout_ns, sync);
	if (IS_ERR(reply))
		return reply;

	ret = deliver(conn, route, msg, reply);
	if (ret) {
		kdbus_call_abort(conn, reply);
		return ERR_PTR(ret);
	}

	kdbus_call_sent(conn, reply);
	return reply;
}

/* SEND-8: plain messages, and calls if @reply is to return a tracker. */
static int send_unicast(struct kdbus_conn *conn, struct kdbus_message *msg,
			bool sync, struct kdbus_reply **reply)
{
	struct route route;
	int ret;

	do {
		ret = find_route(conn, msg, &route);
		if (ret)
			return ret;

		if (!kdbus_access_talk(conn, current_cred(), route.dst)) {
			ret = -EPERM;
		} else if (reply) {
			*reply = deliver_call(conn, &route, msg, sync);
			ret = PTR_ERR_OR_ZERO(*reply);
		} else {
			ret = deliver(conn, &route, msg, NULL);
		}
		kdbus_conn_put(route.dst);
	} while (ret == -EAGAIN && !fatal_signal_pending(current));

	return ret == -EAGAIN ? -EINTR : ret;
}

static struct kdbus_match_context
signal_context(struct kdbus_conn *conn, const struct kdbus_message *msg)
{
	return (struct kdbus_match_context){
		.src_id = conn->id,
		.dst_id = msg->args.msg->dst_id,
		.src = &conn->names,
		.names = &conn->ep->bus->names,
		.filter = msg->filter,
	};
}

/* SEND-9: whether the receiver wants a signal that is for him, and may. */
static bool wants_signal(struct kdbus_conn *conn, struct kdbus_conn *dst,
			 const struct kdbus_message *msg)
{
	struct kdbus_match_context ctx = signal_context(conn, msg);
	struct kdbus_bus *bus = conn->ep->bus;
	bool matches;

	down_read(&bus->names.lock);
	down_read(&bus->matches.lock);
	matches = kdbus_match_owner_satisfied(&bus->matches, &dst->matches,
					      &ctx);
	up_read(&bus->matches.lock);
	up_read(&bus->names.lock);

	return matches && kdbus_access_talk(dst, dst->cred, conn);
}

/* Queues copies for many, if the sender is still there. */
static int commit_all(struct kdbus_conn *conn, struct kdbus_fanout *fanout)
{
	struct kdbus_bus *bus = conn->ep->bus;

	if (!kdbus_active_acquire(&conn->active))
		return -ECONNRESET;
	mutex_lock(&bus->commit);
	kdbus_fanout_commit(fanout);
	mutex_unlock(&bus->commit);
	kdbus_active_release(&conn->active);

	return 0;
}

/* SEND-9: only what is wrong with the signal itself is an error. */
static int send_signal(struct kdbus_conn *conn, struct kdbus_message *msg)
{
	struct kdbus_fanout monitors;
	struct route route;
	int ret;

	ret = find_route(conn, msg, &route);
	if (ret)
		return ret;

	if (wants_signal(conn, route.dst, msg)) {
		ret = deliver(conn, &route, msg, NULL);
		if (ret == -ENOMEM || is_refusal(ret)) {
			kdbus_conn_lost(route.dst, 1);
			ret = 0;
		}
		/* Whoever is gone has lost nothing. */
		if (ret == -ECONNRESET && kdbus_active_is_active(&conn->active))
			ret = 0;
	} else {
		ret = prepare_monitors(conn, route.dst, msg, &monitors);
		if (!ret)
			ret = commit_all(conn, &monitors);
		kdbus_fanout_free(&monitors);
	}

	kdbus_conn_put(route.dst);
	return ret;
}

/* SEND-10: of those with a match, who may hear the sender. */
static bool leave_out_denied(struct kdbus_fanout *fanout,
			     const struct kdbus_conn *conn)
{
	bool any = false;
	size_t i;

	for (i = 0; i < fanout->n; i++) {
		struct kdbus_conn *dst = fanout->targets[i].conn;

		if (dst->flags & KDBUS_HELLO_MONITOR ||
		    kdbus_access_talk(dst, dst->cred, conn)) {
			any = true;
			continue;
		}
		fanout->targets[i].conn = NULL;
		kdbus_conn_put(dst);
	}

	return any;
}

/* SEND-10 and SEND-12. */
static int send_broadcast(struct kdbus_conn *conn, struct kdbus_message *msg)
{
	struct kdbus_match_context ctx = signal_context(conn, msg);
	struct kdbus_fanout fanout;
	int ret;

	ret = kdbus_fanout_find(&fanout, conn->ep->bus, &ctx);
	if (ret || !leave_out_denied(&fanout, conn))
		goto out;
	ret = kdbus_fanout_stage(&fanout, msg);
	if (ret)
		goto out;
	kdbus_fanout_prepare(&fanout, conn, msg);
	ret = commit_all(conn, &fanout);
out:
	kdbus_fanout_free(&fanout);
	return ret;
}

/* MON-1: what is owed as a reply goes to the monitors in any case. */
static struct kdbus_queue_entry *prepare_reply(struct kdbus_conn *conn,
					       struct kdbus_conn *caller,
					       struct kdbus_message *msg)
{
	struct kdbus_queue_entry *entry;
	struct kdbus_fanout monitors;
	int ret;

	ret = prepare_monitors(conn, caller, msg, &monitors);
	if (ret) {
		entry = ERR_PTR(ret);
	} else {
		entry = kdbus_delivery_prepare(conn, caller, msg, 0);
		if (!IS_ERR(entry) || is_refusal(PTR_ERR(entry)))
			kdbus_fanout_commit(&monitors);
	}
	kdbus_fanout_free(&monitors);

	return entry;
}

/* SYNC-3; who is killed while he replies has gone. */
static int caller_error(int ret)
{
	if (ret == -ECOMM)
		return -EREMOTEIO;
	return ret == -EINTR ? -EPIPE : ret;
}

/* A reply that nobody waits for tells no more than a message would (W-37). */
static int no_call_error(struct kdbus_conn *conn, struct kdbus_conn *dst,
			 const struct kdbus_message *msg)
{
	const struct cred *cred = current_cred();

	if (msg->dst_name)
		return kdbus_access_see_name(conn, cred, msg->dst_name) ?
		       -EBADSLT : -ESRCH;
	return dst == conn || kdbus_access_see(conn, cred, dst) ?
	       -EBADSLT : -ENXIO;
}

/* REPLY-2, REPLY-3: what cannot be queued ends the call all the same. */
static int send_reply(struct kdbus_conn *conn, struct kdbus_message *msg)
{
	struct kdbus_queue_entry *entry;
	struct kdbus_reply *reply;
	struct route route;
	int ret;

	ret = find_route(conn, msg, &route);
	if (ret)
		return ret;

	reply = kdbus_call_find(route.dst, msg->args.msg->cookie_reply,
				conn->id);
	if (!reply) {
		ret = no_call_error(conn, route.dst, msg);
		kdbus_conn_put(route.dst);
		return ret;
	}

	entry = prepare_reply(conn, route.dst, msg);
	if (IS_ERR(entry)) {
		ret = PTR_ERR(entry);
		kdbus_call_fail(route.dst, reply, caller_error(ret));
	} else {
		ret = kdbus_call_answer(route.dst, reply, entry);
	}

	kdbus_call_settle(conn->ep->bus, reply);
	kdbus_reply_put(reply);
	kdbus_conn_put(route.dst);
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
 * Return: 0; -ENXIO, -ESRCH, -EREMCHG, -EADDRNOTAVAIL (SEND-7); -EPERM;
 * -EMLINK; -EBADSLT for a reply that is not owed; an error of
 * kdbus_conn_reserve(); -EFAULT if the payload cannot be read.
 */
int kdbus_tx_send(struct kdbus_conn *conn, struct kdbus_message *msg)
{
	struct kdbus_reply *reply;
	int ret;

	might_fault();

	if (msg->args.msg->dst_id == KDBUS_DST_ID_BROADCAST)
		return send_broadcast(conn, msg);
	if (is_reply(msg))
		return send_reply(conn, msg);
	if (is_signal(msg))
		return send_signal(conn, msg);
	if (!is_call(msg))
		return send_unicast(conn, msg, false, NULL);

	ret = send_unicast(conn, msg, false, &reply);
	if (!ret)
		kdbus_reply_put(reply);
	return ret;
}

/**
 * kdbus_tx_call() - send the request of a synchronous call
 * @conn:	sender
 * @msg:	imported message
 *
 * As kdbus_tx_send().
 *
 * Return: a reference to the tracker, for kdbus_call_wait(); -ETIMEDOUT for a
 * deadline that is over; an error of kdbus_tx_send().
 */
struct kdbus_reply *kdbus_tx_call(struct kdbus_conn *conn,
				  struct kdbus_message *msg)
{
	struct kdbus_reply *reply;
	int ret;

	might_fault();

	if (msg->args.msg->timeout_ns <= ktime_get_ns())
		return ERR_PTR(-ETIMEDOUT);

	ret = send_unicast(conn, msg, true, &reply);
	return ret ? ERR_PTR(ret) : reply;
}
