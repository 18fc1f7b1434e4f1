// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>

#include "args.h"
#include "bus.h"
#include "cmd.h"
#include "conn.h"
#include "match.h"

/**
 * kdbus_cmd_match_add() - KDBUS_CMD_MATCH_ADD
 * @call:	handle of an ordinary connection
 * @args:	struct kdbus_cmd_match, each item a rule
 *
 * Return: 0; -EDOM, -EINVAL (MATCH-2); -EMFILE; -ENOMEM.
 */
int kdbus_cmd_match_add(struct kdbus_call *call, struct kdbus_args *args)
{
	const struct kdbus_cmd_match *cmd = args->data;
	struct kdbus_conn *conn = call->conn;
	struct kdbus_bus *bus = conn->ep->bus;
	struct kdbus_match *match;
	int ret;

	match = kdbus_match_new(cmd->items, args->size - sizeof(*cmd),
				cmd->cookie, bus->bloom.size);
	if (IS_ERR(match))
		return PTR_ERR(match);

	ret = kdbus_match_add(&bus->matches, &conn->matches, match,
			      cmd->flags & KDBUS_MATCH_REPLACE);
	if (ret) {
		kdbus_match_free(match);
		return ret;
	}

	/* A change of which he is not told any more happens first. */
	down_write(&bus->news);
	up_write(&bus->news);
	return 0;
}

/**
 * kdbus_cmd_match_remove() - KDBUS_CMD_MATCH_REMOVE
 * @call:	handle of an ordinary connection
 * @args:	struct kdbus_cmd_match
 *
 * Return: 0; -EBADSLT if no match has the cookie.
 */
int kdbus_cmd_match_remove(struct kdbus_call *call, struct kdbus_args *args)
{
	const struct kdbus_cmd_match *cmd = args->data;
	struct kdbus_conn *conn = call->conn;

	return kdbus_match_remove(&conn->ep->bus->matches, &conn->matches,
				  cmd->cookie);
}
