// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitops.h>
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
#include "facts.h"
#include "notify.h"
#include "ownership.h"
#include "teardown.h"
#include "util.h"

#define FAKED_ITEMS (KDBUS_ITEM_BIT(KDBUS_ITEM_CREDS) | \
		     KDBUS_ITEM_BIT(KDBUS_ITEM_PIDS) | \
		     KDBUS_ITEM_BIT(KDBUS_ITEM_SECLABEL))
#define NAMED_KINDS (KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_POLICY_HOLDER)

/* The checks of 9.2 on pool size, kind and name. */
static int check_kind(const struct kdbus_args *args, u64 flags, u64 pool_size)
{
	const struct kdbus_item *name;

	if (!pool_size || !PAGE_ALIGNED(pool_size))
		return -EINVAL;
	if (hweight64(flags & KDBUS_CONN_KINDS) > 1)
		return -EINVAL;

	name = kdbus_args_find(args, KDBUS_ITEM_NAME);
	if (!name != !(flags & NAMED_KINDS))
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
	u64 kind = cmd->flags & KDBUS_CONN_KINDS;
	int ret;

	ret = check_kind(args, cmd->flags, cmd->pool_size);
	if (ret)
		return ret;

	if (kind == KDBUS_HELLO_MONITOR && !ep->is_default)
		return -EOPNOTSUPP;

	params->faked = args->found & FAKED_ITEMS;
	params->privileged = kdbus_access_is_privileged(ep, call->file);
	params->owner = kdbus_access_is_owner(ep, call->file);
	if (!params->owner && (kind || params->faked))
		return -EPERM;

	ret = kdbus_attach_mask_check(cmd->attach_flags_send,
				      &params->send_mask);
	if (!ret)
		ret = kdbus_attach_mask_check(cmd->attach_flags_recv,
					      &params->recv_mask);
	if (ret)
		return ret;

	description = kdbus_args_find(args, KDBUS_ITEM_CONN_DESCRIPTION);
	params->description = description ? description->str : NULL;
	params->flags = cmd->flags;
	params->pool_size = cmd->pool_size;
	params->cred = call->file->f_cred;
	params->expire = kdbus_call_expire;

	return 0;
}

/* HELLO-4: what the process is; HELLO-6: what the client says it is. */
static struct kdbus_facts *hello_facts(const struct kdbus_args *args)
{
	const struct kdbus_item *creds, *pids, *seclabel;
	struct kdbus_facts *facts;

	if (args->found & FAKED_ITEMS) {
		creds = kdbus_args_find(args, KDBUS_ITEM_CREDS);
		pids = kdbus_args_find(args, KDBUS_ITEM_PIDS);
		seclabel = kdbus_args_find(args, KDBUS_ITEM_SECLABEL);
		return kdbus_facts_fake(creds ? &creds->creds : NULL,
					pids ? &pids->pids : NULL,
					seclabel ? seclabel->str : NULL);
	}

	facts = kdbus_facts_new();
	if (!facts)
		return ERR_PTR(-ENOMEM);
	kdbus_facts_collect(facts, KDBUS_ATTACH_PROCESS);
	return facts;
}

/*
 * QUOTA-2: the opener's real uid, or that which a privileged client fakes; on
 * custom endpoints users who are nobody elsewhere.
 */
static int set_user(struct kdbus_conn *conn, const struct kdbus_args *args)
{
	struct kdbus_endpoint *ep = conn->ep;
	kuid_t uid = conn->cred->uid;
	struct kdbus_user *user;

	if (conn->privileged && uid_valid(conn->facts->uid) &&
	    kdbus_args_find(args, KDBUS_ITEM_CREDS))
		uid = conn->facts->uid;

	user = ep->is_default ? kdbus_user_get(uid) :
				kdbus_endpoint_user(ep, uid);
	if (IS_ERR(user))
		return PTR_ERR(user);

	conn->user = user;
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

/* Installs the policy entry and claims the name of a special connection. */
static int hello_name(struct kdbus_conn *conn, const struct kdbus_args *args)
{
	bool activator = conn->flags & KDBUS_HELLO_ACTIVATOR;
	const struct kdbus_cmd_hello *cmd = args->data;
	struct kdbus_bus *bus = conn->ep->bus;
	struct kdbus_policy_list list;
	const char *name;
	int ret;

	if (!(conn->flags & NAMED_KINDS))
		return 0;

	name = kdbus_args_find(args, KDBUS_ITEM_NAME)->str;
	if (activator && kdbus_name_valid(name, false)) {
		ret = kdbus_own_claim(conn, name);
		if (ret)
			return ret;
	}

	ret = kdbus_policy_parse(&list, cmd->items, args->size - sizeof(*cmd),
				 1, !activator);
	if (ret)
		return ret;
	ret = kdbus_policy_replace(&bus->policy, &conn->policy, &list);
	kdbus_policy_list_free(&list);

	return ret;
}

/* Makes the connection and enters it into the bus; nobody finds it yet. */
static struct kdbus_conn *hello_prepare(struct kdbus_endpoint *ep,
					const struct kdbus_args *args,
					const struct kdbus_conn_params *params)
{
	struct kdbus_facts *facts;
	struct kdbus_conn *conn;
	int ret;

	conn = kdbus_conn_new(ep, params);
	if (IS_ERR(conn))
		return conn;

	/* May touch user memory. */
	facts = hello_facts(args);
	ret = PTR_ERR_OR_ZERO(facts);
	if (ret)
		goto put_conn;
	conn->facts = facts;

	ret = set_user(conn, args);
	if (!ret)
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

	ret = hello_name(conn, args);
	if (!ret)
		return conn;

	kdbus_teardown_conn(conn);
put_conn:
	kdbus_conn_put(conn);
	return ERR_PTR(ret);
}

/*
 * HELLO-3. The client knows the result already. If the endpoint went meanwhile,
 * the connection is a disconnected one from the start.
 */
static void hello_publish(struct kdbus_conn *conn)
{
	if (!kdbus_active_activate(&conn->active) ||
	    !kdbus_active_acquire(&conn->active))
		return;

	if (conn->flags & KDBUS_HELLO_MONITOR)
		kdbus_conn_monitor(conn);
	else if (kdbus_conn_announce(conn))
		kdbus_notify_id(conn, KDBUS_ITEM_ID_ADD);
	if (conn->flags & KDBUS_HELLO_ACTIVATOR)
		kdbus_own_activate(conn);

	kdbus_active_release(&conn->active);
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

	conn = hello_prepare(ep, args, &params);
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

	hello_publish(conn);
	call->conn = conn;
	return 0;

teardown:
	kdbus_teardown_conn(conn);
	kdbus_conn_put(conn);
	return ret;
}

/* The checks of UPD-1 on one mask; @mask stays what it is without the item. */
static int update_mask(const struct kdbus_args *args, u64 type, bool allowed,
		       u64 *mask)
{
	const struct kdbus_item *item = kdbus_args_find(args, type);

	if (!item)
		return 0;
	return allowed ? kdbus_attach_mask_check(item->data64[0], mask) :
			 -EOPNOTSUPP;
}

/* UPD-2. */
static int update_policy(struct kdbus_conn *conn, const struct kdbus_args *args)
{
	const u64 items = KDBUS_ITEM_BIT(KDBUS_ITEM_NAME) |
			  KDBUS_ITEM_BIT(KDBUS_ITEM_POLICY_ACCESS);
	struct kdbus_policy_list list;
	int ret;

	if (!(args->found & items))
		return 0;
	if (!(conn->flags & KDBUS_HELLO_POLICY_HOLDER))
		return -EOPNOTSUPP;

	ret = kdbus_policy_parse(&list, args->cmd->items,
				 args->size - sizeof(*args->cmd), 1, true);
	if (ret)
		return ret;
	ret = kdbus_policy_replace(&conn->ep->bus->policy, &conn->policy,
				   &list);
	kdbus_policy_list_free(&list);

	return ret;
}

/**
 * kdbus_cmd_update() - KDBUS_CMD_UPDATE
 * @call:	handle of a connection
 * @args:	struct kdbus_cmd
 *
 * UPD-1: nothing is changed if something fails.
 *
 * Return: 0; -EOPNOTSUPP for what the kind of connection does not have;
 * -EINVAL, -E2BIG, -EEXIST; -ENOMEM.
 */
int kdbus_cmd_update(struct kdbus_call *call, struct kdbus_args *args)
{
	struct kdbus_conn *conn = call->conn;
	u64 send_mask = conn->send_mask, recv_mask = conn->recv_mask;
	int ret;

	ret = update_mask(args, KDBUS_ITEM_ATTACH_FLAGS_SEND,
			  !(conn->flags & NAMED_KINDS), &send_mask);
	if (!ret)
		ret = update_mask(args, KDBUS_ITEM_ATTACH_FLAGS_RECV,
				  !(conn->flags & KDBUS_HELLO_POLICY_HOLDER),
				  &recv_mask);
	if (!ret)
		ret = update_policy(conn, args);
	if (ret)
		return ret;

	if (kdbus_args_find(args, KDBUS_ITEM_ATTACH_FLAGS_SEND))
		WRITE_ONCE(conn->send_mask, send_mask);
	if (kdbus_args_find(args, KDBUS_ITEM_ATTACH_FLAGS_RECV))
		WRITE_ONCE(conn->recv_mask, recv_mask);
	return 0;
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
