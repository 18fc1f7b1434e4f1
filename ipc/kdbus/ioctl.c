// SPDX-License-Identifier: GPL-2.0-only
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>

#include "args.h"
#include "cmd.h"
#include "conn.h"
#include "ioctl.h"
#include "node.h"

#define ITEM(name)	KDBUS_ITEM_BIT(KDBUS_ITEM_##name)

/* A command of connections whose block is a struct @type. */
#define CONN_COMMAND(number, type)					\
	.cmd = (number),						\
	.state = KDBUS_HANDLE_CONNECTED,				\
	.nodes = BIT(KDBUS_NODE_ENDPOINT),				\
	.spec.fixed = sizeof(struct type)

/* What policy holders, and what all special connections cannot do. */
#define REFUSE_HOLDER	.refused = KDBUS_HELLO_POLICY_HOLDER
#define REFUSE_SPECIAL	.refused = KDBUS_CONN_KINDS

/* The most frequent ones first. */
static const struct kdbus_ioctl commands[] = {
	{
		CONN_COMMAND(KDBUS_CMD_SEND, kdbus_cmd_send),
		REFUSE_SPECIAL,
		.negotiates = true,
		.spec.flags = KDBUS_SEND_SYNC_REPLY,
		.spec.once = ITEM(NEGOTIATE) | ITEM(CANCEL_FD),
		.run = kdbus_cmd_send,
	}, {
		CONN_COMMAND(KDBUS_CMD_RECV, kdbus_cmd_recv),
		REFUSE_HOLDER,
		.guarded = true,
		.spec.flags = KDBUS_RECV_PEEK | KDBUS_RECV_DROP |
			      KDBUS_RECV_USE_PRIORITY,
		.spec.once = ITEM(NEGOTIATE),
		.run = kdbus_cmd_recv,
	}, {
		/* W-38: policy holders get slices, so they may free them. */
		CONN_COMMAND(KDBUS_CMD_FREE, kdbus_cmd_free),
		.guarded = true,
		.spec.once = ITEM(NEGOTIATE),
		.run = kdbus_cmd_free,
	}, {
		CONN_COMMAND(KDBUS_CMD_CONN_INFO, kdbus_cmd_info),
		.guarded = true,
		.spec.once = ITEM(NEGOTIATE) | ITEM(NAME),
		.run = kdbus_cmd_conn_info,
	}, {
		CONN_COMMAND(KDBUS_CMD_MATCH_ADD, kdbus_cmd_match),
		REFUSE_SPECIAL,
		.guarded = true,
		.spec.flags = KDBUS_MATCH_REPLACE,
		.spec.once = ITEM(NEGOTIATE),
		.spec.many = ITEM(BLOOM_MASK) | ITEM(NAME) | ITEM(ID) |
			     ITEM(DST_ID) | ITEM(NAME_ADD) |
			     ITEM(NAME_REMOVE) | ITEM(NAME_CHANGE) |
			     ITEM(ID_ADD) | ITEM(ID_REMOVE),
		.run = kdbus_cmd_match_add,
	}, {
		CONN_COMMAND(KDBUS_CMD_MATCH_REMOVE, kdbus_cmd_match),
		REFUSE_SPECIAL,
		.guarded = true,
		.spec.once = ITEM(NEGOTIATE),
		.run = kdbus_cmd_match_remove,
	}, {
		CONN_COMMAND(KDBUS_CMD_NAME_ACQUIRE, kdbus_cmd),
		REFUSE_SPECIAL,
		.guarded = true,
		.spec.flags = KDBUS_NAME_REPLACE_EXISTING |
			      KDBUS_NAME_ALLOW_REPLACEMENT |
			      KDBUS_NAME_QUEUE,
		.spec.once = ITEM(NEGOTIATE) | ITEM(NAME),
		.spec.need = ITEM(NAME),
		.run = kdbus_cmd_name_acquire,
	}, {
		CONN_COMMAND(KDBUS_CMD_NAME_RELEASE, kdbus_cmd),
		REFUSE_SPECIAL,
		.guarded = true,
		.spec.once = ITEM(NEGOTIATE) | ITEM(NAME),
		.spec.need = ITEM(NAME),
		.run = kdbus_cmd_name_release,
	}, {
		CONN_COMMAND(KDBUS_CMD_LIST, kdbus_cmd_list),
		.guarded = true,
		.spec.flags = KDBUS_LIST_UNIQUE | KDBUS_LIST_NAMES |
			      KDBUS_LIST_ACTIVATORS | KDBUS_LIST_QUEUED,
		.spec.once = ITEM(NEGOTIATE),
		.run = kdbus_cmd_list,
	}, {
		CONN_COMMAND(KDBUS_CMD_UPDATE, kdbus_cmd),
		.guarded = true,
		.spec.once = ITEM(NEGOTIATE) | ITEM(ATTACH_FLAGS_SEND) |
			     ITEM(ATTACH_FLAGS_RECV),
		.spec.many = ITEM(NAME) | ITEM(POLICY_ACCESS),
		.run = kdbus_cmd_update,
	}, {
		CONN_COMMAND(KDBUS_CMD_BUS_CREATOR_INFO, kdbus_cmd_info),
		.guarded = true,
		.spec.once = ITEM(NEGOTIATE),
		.run = kdbus_cmd_bus_creator_info,
	}, {
		CONN_COMMAND(KDBUS_CMD_BYEBYE, kdbus_cmd),
		REFUSE_SPECIAL,
		.spec.once = ITEM(NEGOTIATE),
		.run = kdbus_cmd_byebye,
	}, {
		.cmd = KDBUS_CMD_HELLO,
		.state = KDBUS_HANDLE_NONE,
		.nodes = BIT(KDBUS_NODE_ENDPOINT),
		.setup = true,
		.spec.fixed = sizeof(struct kdbus_cmd_hello),
		.spec.flags = KDBUS_HELLO_ACCEPT_FD | KDBUS_HELLO_ACTIVATOR |
			      KDBUS_HELLO_POLICY_HOLDER | KDBUS_HELLO_MONITOR,
		.spec.once = ITEM(NEGOTIATE) | ITEM(NAME) | ITEM(CREDS) |
			     ITEM(PIDS) | ITEM(SECLABEL) |
			     ITEM(CONN_DESCRIPTION),
		.spec.many = ITEM(POLICY_ACCESS),
		.run = kdbus_cmd_hello,
	}, {
		.cmd = KDBUS_CMD_BUS_MAKE,
		.state = KDBUS_HANDLE_NONE,
		.nodes = BIT(KDBUS_NODE_CONTROL),
		.setup = true,
		.spec.fixed = sizeof(struct kdbus_cmd),
		.spec.flags = KDBUS_MAKE_ACCESS_GROUP |
			      KDBUS_MAKE_ACCESS_WORLD,
		.spec.once = ITEM(NEGOTIATE) | ITEM(MAKE_NAME) |
			     ITEM(BLOOM_PARAMETER) | ITEM(ATTACH_FLAGS_SEND),
		.spec.need = ITEM(MAKE_NAME) | ITEM(BLOOM_PARAMETER),
		.run = kdbus_cmd_bus_make,
	}, {
		.cmd = KDBUS_CMD_ENDPOINT_MAKE,
		.state = KDBUS_HANDLE_NONE,
		.nodes = BIT(KDBUS_NODE_ENDPOINT),
		.setup = true,
		.owner = true,
		.spec.fixed = sizeof(struct kdbus_cmd),
		.spec.flags = KDBUS_MAKE_ACCESS_GROUP |
			      KDBUS_MAKE_ACCESS_WORLD,
		.spec.once = ITEM(NEGOTIATE) | ITEM(MAKE_NAME),
		.spec.need = ITEM(MAKE_NAME),
		.run = kdbus_cmd_endpoint_make,
	}, {
		.cmd = KDBUS_CMD_ENDPOINT_UPDATE,
		.state = KDBUS_HANDLE_EP_OWNER,
		.nodes = BIT(KDBUS_NODE_ENDPOINT),
		.spec.fixed = sizeof(struct kdbus_cmd),
		.spec.once = ITEM(NEGOTIATE),
		.spec.many = ITEM(NAME) | ITEM(POLICY_ACCESS),
		.run = kdbus_cmd_endpoint_update,
	},
};

static_assert(ARRAY_SIZE(commands) == 16, "the interface has 16 commands");

/**
 * kdbus_ioctl_find() - find a command
 * @cmd:	number as given; all bits count (H-2)
 *
 * Return: its row, NULL if there is no such command.
 */
const struct kdbus_ioctl *kdbus_ioctl_find(unsigned int cmd)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].cmd == cmd)
			return &commands[i];

	return NULL;
}

static int run_guarded(const struct kdbus_ioctl *ioctl,
		       struct kdbus_call *call, struct kdbus_args *args)
{
	int ret;

	if (!ioctl->guarded)
		return ioctl->run(call, args);

	if (!kdbus_active_acquire(&call->conn->active))
		return -ECONNRESET;
	ret = ioctl->run(call, args);
	kdbus_active_release(&call->conn->active);

	return ret;
}

/**
 * kdbus_ioctl_run() - execute a command
 * @ioctl:	its row
 * @call:	what it works on; the state of the handle has been checked
 * @user:	address of the block
 *
 * CMD-2 and CMD-3: copy in, check, negotiate, execute, write back.
 *
 * Return: 0 or an error of the command.
 */
int kdbus_ioctl_run(const struct kdbus_ioctl *ioctl, struct kdbus_call *call,
		    void __user *user)
{
	struct kdbus_args args __uninitialized;	/* large */
	int ret;

	ret = kdbus_args_read(&args, &ioctl->spec, user);
	if (!ret) {
		ret = kdbus_args_check(&args);
		if (!ret && (!args.negotiate || ioctl->negotiates))
			ret = run_guarded(ioctl, call, &args);
		ret = kdbus_args_finish(&args, ret);
	}

	kdbus_args_free(&args);
	return ret;
}
