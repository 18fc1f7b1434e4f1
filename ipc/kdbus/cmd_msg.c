// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/file.h>
#include <linux/poll.h>

#include "args.h"
#include "bus.h"
#include "call.h"
#include "cmd.h"
#include "conn.h"
#include "message.h"
#include "tx.h"

/* Step 4 of SEND-1: the descriptor is looked at in any case. */
static struct file *get_cancel_file(const struct kdbus_args *args)
{
	const struct kdbus_item *item;
	struct file *file;

	item = kdbus_args_find(args, KDBUS_ITEM_CANCEL_FD);
	if (!item)
		return NULL;

	file = fget(item->fds[0]);
	if (!file)
		return ERR_PTR(-EBADF);
	if (!file_can_poll(file)) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}

	return file;
}

/* A message that repeats an interrupted call is not sent again (SYNC-1). */
static int call_and_wait(struct kdbus_conn *conn, struct kdbus_cmd_send *cmd,
			 struct kdbus_message *msg, struct file *cancel)
{
	const struct kdbus_msg *hdr = msg->args.msg;
	struct kdbus_received received;
	struct kdbus_reply *reply;
	int ret;

	reply = kdbus_call_resume(conn, hdr->cookie, hdr->timeout_ns);
	if (!reply) {
		ret = kdbus_message_import_files(msg);
		if (ret)
			return ret;
		reply = kdbus_tx_call(conn, msg);
		if (IS_ERR(reply))
			return PTR_ERR(reply);
	}
	kdbus_message_free(msg);

	ret = kdbus_call_wait(conn, reply, cancel, &received);
	if (!ret) {
		cmd->reply.offset = received.offset;
		cmd->reply.msg_size = received.size;
		cmd->reply.return_flags = received.return_flags;
	}
	return ret;
}

/* Steps 5 to 8 of SEND-1. */
static int send_message(struct kdbus_conn *conn, struct kdbus_args *args,
			struct kdbus_message *msg, struct file *cancel)
{
	struct kdbus_cmd_send *cmd = args->data;
	bool sync = cmd->flags & KDBUS_SEND_SYNC_REPLY;
	struct kdbus_bus *bus = conn->ep->bus;
	int ret;

	ret = kdbus_message_import(msg, conn->id, sync, bus->bloom.size);
	if (ret)
		return ret;

	if (!kdbus_active_is_active(&conn->active))
		return -ECONNRESET;

	msg->meta.stamp.seqnum = kdbus_bus_next_seqnum(bus);
	cmd->reply.offset = conn->pool.size;
	cmd->reply.msg_size = 0;
	cmd->reply.return_flags = 0;

	if (sync) {
		ret = call_and_wait(conn, cmd, msg, cancel);
	} else {
		ret = kdbus_message_import_files(msg);
		if (!ret)
			ret = kdbus_tx_send(conn, msg);
	}
	if (!ret)
		args->out = sizeof(*cmd);

	return ret;
}

/**
 * kdbus_cmd_send() - KDBUS_CMD_SEND
 * @call:	handle of an ordinary connection
 * @args:	struct kdbus_cmd_send; also when it negotiates (SEND-2)
 *
 * Return: 0; the errors of section 18.
 */
int kdbus_cmd_send(struct kdbus_call *call, struct kdbus_args *args)
{
	struct kdbus_cmd_send *cmd = args->data;
	struct kdbus_message msg __uninitialized;	/* large */
	struct file *cancel;
	int ret;

	if (args->negotiate && !cmd->msg_address)
		return 0;

	ret = kdbus_message_read(&msg, cmd->msg_address);
	if (ret || args->negotiate)
		goto out;
	ret = -EINVAL;
	if (msg.args.negotiate)
		goto out;

	cancel = get_cancel_file(args);
	ret = PTR_ERR_OR_ZERO(cancel);
	if (ret)
		goto out;

	ret = send_message(call->conn, args, &msg, cancel);
	if (cancel)
		fput(cancel);
out:
	kdbus_message_free(&msg);
	return ret;
}

/**
 * kdbus_cmd_recv() - KDBUS_CMD_RECV
 * @call:	handle of a connection that can receive
 * @args:	struct kdbus_cmd_recv
 *
 * Return: 0; -EAGAIN if there is nothing to deliver; -EINVAL for DROP with
 * USE_PRIORITY.
 */
int kdbus_cmd_recv(struct kdbus_call *call, struct kdbus_args *args)
{
	struct kdbus_cmd_recv *cmd = args->data;
	struct kdbus_received received;
	int ret;

	if (cmd->flags & KDBUS_RECV_DROP &&
	    cmd->flags & KDBUS_RECV_USE_PRIORITY)
		return -EINVAL;

	ret = kdbus_conn_receive(call->conn, cmd->flags, cmd->priority,
				 &received);
	if (received.reply) {
		kdbus_call_dead(call->conn->ep->bus, received.reply);
		kdbus_call_settle(call->conn->ep->bus, received.reply);
		kdbus_reply_put(received.reply);
	}

	if (received.dropped)
		cmd->return_flags |= KDBUS_RECV_RETURN_DROPPED_MSGS;
	cmd->dropped_msgs = received.dropped;
	cmd->msg.offset = received.offset;
	cmd->msg.msg_size = received.size;
	cmd->msg.return_flags = received.return_flags;
	args->out = sizeof(*cmd);
	args->out_always = true;	/* also with EAGAIN (RECV-4) */

	return ret;
}

/**
 * kdbus_cmd_free() - KDBUS_CMD_FREE
 * @call:	handle of a connection that can free
 * @args:	struct kdbus_cmd_free
 *
 * Return: 0; -ENXIO if the client holds no such slice.
 */
int kdbus_cmd_free(struct kdbus_call *call, struct kdbus_args *args)
{
	const struct kdbus_cmd_free *cmd = args->data;

	return kdbus_conn_free(call->conn, cmd->offset);
}
