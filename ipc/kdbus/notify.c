// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mutex.h>
#include <linux/string.h>

#include "access.h"
#include "bus.h"
#include "conn.h"
#include "delivery.h"
#include "limits.h"
#include "message.h"
#include "notify.h"

static u64 name_type(const struct kdbus_name_plan *plan)
{
	if (!plan->old_id)
		return KDBUS_ITEM_NAME_ADD;
	return plan->new_id ? KDBUS_ITEM_NAME_CHANGE : KDBUS_ITEM_NAME_REMOVE;
}

/* NOTE-4: on custom endpoints, those who may see the name. */
static void leave_out_blind(struct kdbus_fanout *fanout, const char *name)
{
	size_t i;

	for (i = 0; i < fanout->n; i++) {
		struct kdbus_conn *conn = fanout->targets[i].conn;

		if (conn->flags & KDBUS_HELLO_MONITOR ||
		    kdbus_access_see_name(conn, conn->cred, name))
			continue;
		fanout->targets[i].conn = NULL;
		kdbus_conn_put(conn);
	}
}

/* Finds those who want to know, and fills their copies. */
static int prepare(struct kdbus_bus *bus, const struct kdbus_notice *notice,
		   struct kdbus_match_context *ctx, struct kdbus_fanout *fanout)
{
	struct kdbus_message msg;
	int ret;

	ret = kdbus_fanout_find(fanout, bus, ctx);
	if (ret || !fanout->n)
		return ret;
	if (ctx->name)
		leave_out_blind(fanout, ctx->name);

	ret = kdbus_message_init_notice(&msg, notice,
					kdbus_bus_next_seqnum(bus));
	if (!ret)
		kdbus_fanout_prepare(fanout, NULL, &msg);
	kdbus_message_free(&msg);

	return ret;
}

/**
 * kdbus_notify_prepare_name() - prepare to tell of a change of owner
 * @bus:	bus
 * @name:	valid well-known name
 * @plan:	what is about to happen to it
 * @fanout:	returns the prepared messages, empty if there is nothing to
 *		tell; kdbus_fanout_free() it, also on failure
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_notify_prepare_name(struct kdbus_bus *bus, const char *name,
			      const struct kdbus_name_plan *plan,
			      struct kdbus_fanout *fanout)
{
	struct {
		struct kdbus_notify_name_change change;
		char name[KDBUS_NAME_MAX_LEN + 1];
	} data = {};
	size_t len = strlen(name) + 1;
	struct kdbus_notice notice = {
		.type = name_type(plan),
		.dst_id = KDBUS_DST_ID_BROADCAST,
		.data = &data,
		.size = sizeof(data.change) + len,
	};
	struct kdbus_match_context ctx = {
		.type = notice.type,
		.old_id = plan->old_id,
		.new_id = plan->new_id,
		.name = name,
	};

	*fanout = (struct kdbus_fanout){};
	if (!plan->old_id && !plan->new_id)
		return 0;

	data.change.old_id.id = ctx.old_id;
	data.change.old_id.flags = plan->old_flags;
	data.change.new_id.id = ctx.new_id;
	data.change.new_id.flags = plan->new_flags;
	memcpy(data.name, name, len);

	return prepare(bus, &notice, &ctx, fanout);
}

/**
 * kdbus_notify_id() - tell that a connection came or went
 * @conn:	connection, not a monitor
 * @type:	KDBUS_ITEM_ID_ADD or KDBUS_ITEM_ID_REMOVE
 *
 * Without memory nobody is told, as nothing says whom.
 */
void kdbus_notify_id(struct kdbus_conn *conn, u64 type)
{
	struct kdbus_bus *bus = conn->ep->bus;
	struct kdbus_notify_id_change change = {
		.id = conn->id,
		.flags = conn->flags,
	};
	struct kdbus_notice notice = {
		.type = type,
		.dst_id = KDBUS_DST_ID_BROADCAST,
		.data = &change,
		.size = sizeof(change),
	};
	struct kdbus_match_context ctx = {
		.type = type,
		.old_id = type == KDBUS_ITEM_ID_REMOVE ? conn->id : 0,
		.new_id = type == KDBUS_ITEM_ID_ADD ? conn->id : 0,
	};
	struct kdbus_fanout fanout;

	if (!prepare(bus, &notice, &ctx, &fanout)) {
		mutex_lock(&bus->commit);
		kdbus_fanout_commit(&fanout);
		mutex_unlock(&bus->commit);
	}
	kdbus_fanout_free(&fanout);
}
