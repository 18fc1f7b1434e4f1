// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>

#include "access.h"
#include "args.h"
#include "bus.h"
#include "call.h"
#include "cmd.h"
#include "conn.h"
#include "endpoint.h"
#include "teardown.h"
#include "util.h"

#define KIND_FLAGS (KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_POLICY_HOLDER | \
		    KDBUS_HELLO_MONITOR)
#define FAKED_ITEMS (KDBUS_ITEM_BIT(KDBUS_ITEM_CREDS) | \
		     KDBUS_ITEM_BIT(KDBUS_ITEM_PIDS) | \
		     KDBUS_ITEM_BIT(KDBUS_ITEM_SECLABEL))

/* The checks of 9.2 on pool size, kind and name. */
static int check_kind(const struct kdbus_args *args, u64 flags, u64 pool_size)
{
	const struct kdbus_item *name;
	u64 kind = flags & KIND_FLAGS;

	if (!pool_size || !PAGE_ALIGNED(pool_size))
		return -EINVAL;
	if (hweight64(kind) > 1)
		return -EINVAL;

	name = kdbus_args_find(args, KDBUS_ITEM_NAME);
	if (!name != !(kind & (KDBUS_HELLO_ACTIVATOR |
			       KDBUS_HELLO_POLICY_HOLDER)))
		return -EINVAL;
	if (name && !kdbus_name_valid(name->str, true))
		return -EINVAL;

	return 0;
}

/* The checks of 9.2 that need no connection. */
static int hello_params(const struct kdbus_call *call,
			const struct kdbus_args *args,
			struct kdbus_conn_params *params)
{
	const struct kdbus_endpoint *ep = kdbus_endpoint_of(call->node);
	const struct kdbus_cmd_hello *cmd = args->data;
	const struct kdbus_item *description;
	u64 kind = cmd->flags & KIND_FLAGS;
	bool faked = args->found & FAKED_ITEMS;
	int ret;

	ret = check_kind(args, cmd->flags, cmd->pool_size);
	if (ret)
		return ret;

	if (kind == KDBUS_HELLO_MONITOR && !ep->is_default)
		return -EOPNOTSUPP;

	params->privileged = kdbus_access_is_privileged(ep, call->file);
	params->owner = kdbus_access_is_owner(ep, call->file);
	if (!params->owner && (kind || faked))
		return -EPERM;

	ret = kdbus_attach_mask_check(cmd->attach_flags_send,
				      &params->send_mask);
	if (!ret)
		ret = kdbus_attach_mask_check(cmd->attach_flags_recv,
					      &params->recv_mask);
	if (ret)
		return ret;

	/* Not there yet: special connections and faked metadata. */
	if (kind || faked)
		return -EOPNOTSUPP;

	description = kdbus_args_find(args, KDBUS_ITEM_CONN_DESCRIPTION);
	params->description = description ? description->str : NULL;
	params->flags = cmd->flags;
	params->pool_size = cmd->pool_size;
	params->cred = call->file->f_cred;
	params->expire = kdbus_call_expire;

	return 0;
}

/* HELLO-2: what a client learns of the bus. */
static int put_bus_items(struct kdbus_conn *conn, struct kdbus_cmd_hello *cmd)
{
	u64 buf[KDBUS_ITEM_SIZE(sizeof(struct kdbus_bloom_parameter)) /
		sizeof(u64)];
	struct kdbus_bus *bus = conn->ep->bus;
	void *end;

	end = kdbus_item_put(buf, KDBUS_ITEM_BLOOM_PARAMETER, &bus->bloom,
			     sizeof(bus->bloom));
	cmd->items_size = end - (void *)buf;

	return kdbus_conn_reply(conn, buf, cmd->items_size, &cmd->offset);
}

/* Makes the connection and enters it into the bus; nobody finds it yet. */
static struct kdbus_conn *hello_prepare(struct kdbus_endpoint *ep,
					const struct kdbus_conn_params *params)
{
	struct kdbus_conn *conn;
	int ret;

	conn = kdbus_conn_new(ep, params);
	if (IS_ERR(conn))
		return conn;

	ret = kdbus_conn_charge(conn);
	if (ret)
		goto put_conn;

	ret = -ESHUTDOWN;
	if (!kdbus_active_acquire(&ep->node.active))
		goto put_conn;
	ret = kdbus_conn_link(conn);
	kdbus_active_release(&ep->node.active);
	if (ret)
		goto put_conn;

	return conn;

put_conn:
	kdbus_conn_put(conn);
	return ERR_PTR(ret);
}

/**
 * kdbus_cmd_hello() - KDBUS_CMD_HELLO
 * @call:	handle on an endpoint; returns the connection, of which the
 *		handle keeps the reference
 * @args:	struct kdbus_cmd_hello
 *
 * The result is written back before the connection can be found, so a failure
 * there undoes everything (CMD-3). That may take as long as the client likes,
 * which is why the endpoint is not kept active meanwhile.
 *
 * Return: 0; the errors of section 9.2; -EFAULT; -ENOMEM, -ENOSPC.
 */
int kdbus_cmd_hello(struct kdbus_call *call, struct kdbus_args *args)
{
	struct kdbus_endpoint *ep = kdbus_endpoint_of(call->node);
	struct kdbus_cmd_hello *cmd = args->data;
	struct kdbus_conn_params params;
	struct kdbus_conn *conn;
	int ret;

	ret = hello_params(call, args, &params);
	if (ret)
		return ret;

	conn = hello_prepare(ep, &params);
	if (IS_ERR(conn))
		return PTR_ERR(conn);

	ret = put_bus_items(conn, cmd);
	if (ret)
		goto teardown;

	cmd->bus_flags = ep->bus->flags;
	cmd->id = conn->id;
	memcpy(cmd->id128, ep->bus->id128, sizeof(cmd->id128));
	args->out = sizeof(*cmd);
	ret = kdbus_args_finish(args, 0);
	if (ret)
		goto teardown;

	/*
	 * The client knows the result now. If the endpoint went meanwhile,
	 * this fails and the connection is a disconnected one from the start.
	 */
	kdbus_active_activate(&conn->active);
	call->conn = conn;
	return 0;

teardown:
	kdbus_teardown_conn(conn);
	kdbus_conn_put(conn);
	return ret;
}

/**
 * kdbus_cmd_byebye() - KDBUS_CMD_BYEBYE
 * @call:	handle of an ordinary connection
 * @args:	struct kdbus_cmd
 *
 * Return: 0; -EBUSY if messages are queued; -ECONNRESET.
 */
int kdbus_cmd_byebye(struct kdbus_call *call, struct kdbus_args *args)
{
	int ret = kdbus_conn_close_if_idle(call->conn);

	if (!ret)
		kdbus_teardown_conn(call->conn);

	return ret;
}
