// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/sched.h>

#include "access.h"
#include "bus.h"
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
 * the receiver tell whether both are still there.
 */
static int deliver(struct kdbus_conn *conn, struct kdbus_conn *dst,
		   struct kdbus_message *msg)
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
	ret = kdbus_conn_commit(dst, entry);
	kdbus_active_release(&conn->active);

	return ret;
}

/**
 * kdbus_tx_send() - send a message
 * @conn:	sender
 * @msg:	imported message
 *
 * Step 8 of SEND-1. Touches user memory: the caller holds no lock and no
 * active reference.
 *
 * Return: 0; -ENXIO if nobody has the destination's id; -EPERM; an error of
 * kdbus_conn_reserve(); -EFAULT if the payload cannot be read.
 */
int kdbus_tx_send(struct kdbus_conn *conn, struct kdbus_message *msg)
{
	struct kdbus_bus *bus = conn->ep->bus;
	struct kdbus_conn *dst;
	int ret;

	might_fault();

	kdbus_meta_take(&msg->meta, kdbus_bus_next_seqnum(bus));

	dst = kdbus_conn_find(bus, msg->args.msg->dst_id);
	if (!dst)
		return -ENXIO;

	if (kdbus_access_talk(conn, current_cred(), dst))
		ret = deliver(conn, dst, msg);
	else
		ret = -EPERM;

	kdbus_conn_put(dst);
	return ret;
}
