// SPDX-License-Identifier: GPL-2.0-only
#include <linux/poll.h>
#include <linux/wait.h>

#include "bus.h"
#include "call.h"
#include "conn.h"
#include "domain.h"
#include "endpoint.h"
#include "notify.h"
#include "ownership.h"
#include "teardown.h"

/**
 * kdbus_teardown_conn() - disconnect
 * @conn:	connection, referenced
 *
 * BYE-3.
 */
void kdbus_teardown_conn(struct kdbus_conn *conn)
{
	struct kdbus_reply *reply;

	kdbus_active_deactivate(&conn->active);
	wake_up_interruptible_poll(&conn->wait, EPOLLERR | EPOLLHUP);
	kdbus_active_drain(&conn->active);

	kdbus_conn_close(conn);
	kdbus_conn_withdraw(conn);
	kdbus_own_release_all(conn);
	kdbus_conn_discard(conn);
	kdbus_call_forget_all(conn);
	while ((reply = kdbus_conn_next_owed(conn))) {
		kdbus_call_dead(conn->ep->bus, reply);
		kdbus_reply_put(reply);
	}
	kdbus_conn_unlink(conn);

	if (kdbus_conn_retire(conn))
		kdbus_notify_id(conn, KDBUS_ITEM_ID_REMOVE);
}

/**
 * kdbus_teardown_endpoint() - shut an endpoint and its connections down
 * @ep:		endpoint, referenced
 */
void kdbus_teardown_endpoint(struct kdbus_endpoint *ep)
{
	struct kdbus_conn *conn;
	unsigned long id = 0;

	if (kdbus_active_deactivate(&ep->node.active))
		kdbus_endpoint_uncharge(ep);
	kdbus_active_drain(&ep->node.active);
	kdbus_node_unlink(&ep->node);

	/* From here on no connection enters the bus through this endpoint. */
	while ((conn = kdbus_conn_next(ep->bus, &id))) {
		if (conn->ep == ep)
			kdbus_teardown_conn(conn);
		kdbus_conn_put(conn);
	}
}

/**
 * kdbus_teardown_bus() - shut a bus, its endpoints and connections down
 * @bus:	bus, referenced
 */
void kdbus_teardown_bus(struct kdbus_bus *bus)
{
	struct kdbus_node *child;

	if (kdbus_active_deactivate(&bus->node.active))
		kdbus_bus_uncharge(bus);
	kdbus_active_drain(&bus->node.active);
	kdbus_node_unlink(&bus->node);

	while ((child = kdbus_node_first(&bus->node))) {
		kdbus_teardown_endpoint(kdbus_endpoint_of(child));
		kdbus_node_put(child);
	}
}

/**
 * kdbus_teardown_domain() - shut a domain down
 * @domain:	domain, referenced
 *
 * The last mount is gone, so no handle is open and no bus is left: only the
 * control file.
 */
void kdbus_teardown_domain(struct kdbus_domain *domain)
{
	struct kdbus_node *child;

	kdbus_active_deactivate(&domain->node.active);
	kdbus_active_drain(&domain->node.active);

	while ((child = kdbus_node_first(&domain->node))) {
		kdbus_active_deactivate(&child->active);
		kdbus_active_drain(&child->active);
		kdbus_node_unlink(child);
		WARN_ON_ONCE(child->type != KDBUS_NODE_CONTROL);
		kdbus_node_put(child);
	}
}
