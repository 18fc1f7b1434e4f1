// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>

#include "access.h"
#include "args.h"
#include "cmd.h"
#include "conn.h"
#include "ownership.h"
#include "util.h"

/**
 * kdbus_cmd_name_acquire() - KDBUS_CMD_NAME_ACQUIRE
 * @call:	handle of an ordinary connection
 * @args:	struct kdbus_cmd with a NAME item
 *
 * Return: 0; -EINVAL for a name that is none; -EPERM; -E2BIG, -EEXIST
 * (NAME-2, NAME-3); -ENOMEM.
 */
int kdbus_cmd_name_acquire(struct kdbus_call *call, struct kdbus_args *args)
{
	const char *name = kdbus_args_find(args, KDBUS_ITEM_NAME)->str;
	struct kdbus_conn *conn = call->conn;

	if (!kdbus_name_valid(name, false))
		return -EINVAL;
	if (!kdbus_access_own(conn, current_cred(), name))
		return -EPERM;

	return kdbus_own_acquire(conn, name, args->cmd->flags,
				 &args->cmd->return_flags);
}

/**
 * kdbus_cmd_name_release() - KDBUS_CMD_NAME_RELEASE
 * @call:	handle of an ordinary connection
 * @args:	struct kdbus_cmd with a NAME item
 *
 * On a custom endpoint a name that cannot be seen does not exist (W-16).
 *
 * Return: 0; -ESRCH, -EADDRINUSE (NAME-5); -ENOMEM.
 */
int kdbus_cmd_name_release(struct kdbus_call *call, struct kdbus_args *args)
{
	const char *name = kdbus_args_find(args, KDBUS_ITEM_NAME)->str;
	struct kdbus_conn *conn = call->conn;
	int ret;

	ret = kdbus_own_release(conn, name);
	if (ret == -EADDRINUSE &&
	    !kdbus_access_see_name(conn, current_cred(), name))
		ret = -ESRCH;

	return ret;
}
