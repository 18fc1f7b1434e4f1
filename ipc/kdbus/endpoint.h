/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_ENDPOINT_H
#define __KDBUS_ENDPOINT_H

/**
 * DOC: endpoint
 *
 * A file in the directory of a bus through which one connects to it. The
 * default endpoint "bus" comes with the bus; custom endpoints are made by the
 * owner of the bus, have a policy of their own and let nobody be privileged.
 */

#include <linux/uidgid.h>
#include <linux/xarray.h>

#include "bus.h"
#include "node.h"
#include "policy.h"

struct kdbus_user;

/**
 * struct kdbus_endpoint - entrance to a bus
 * @node:	its file
 * @bus:	the bus, kept by the reference to the parent node (I)
 * @is_default:	the endpoint that came with the bus (I)
 * @policy:	of a custom endpoint: what can be seen, talked to and owned
 *		through it; with a lock of its own
 * @holder:	what ENDPOINT_UPDATE has put into @policy (policy.lock)
 * @owner:	of a custom endpoint: who is charged with it, or NULL (who makes
 *		or tears it down)
 * @users:	of a custom endpoint: whom its connections are charged to, by
 *		uid; its lock is a leaf
 */
struct kdbus_endpoint {
	struct kdbus_node node;
	struct kdbus_bus *bus;
	bool is_default;
	struct kdbus_policy policy;
	struct kdbus_policy_holder holder;
	struct kdbus_user *owner;
	struct xarray users;
};

struct kdbus_endpoint *kdbus_endpoint_new(struct kdbus_bus *bus,
					  const char *name, u64 flags);
int kdbus_endpoint_charge(struct kdbus_endpoint *ep);
void kdbus_endpoint_uncharge(struct kdbus_endpoint *ep);
struct kdbus_user *kdbus_endpoint_user(struct kdbus_endpoint *ep, kuid_t uid);

/**
 * kdbus_endpoint_of() - endpoint of a node
 * @node:	node of type ENDPOINT
 *
 * Return: the endpoint that @node is part of.
 */
static inline struct kdbus_endpoint *kdbus_endpoint_of(struct kdbus_node *node)
{
	return container_of(node, struct kdbus_endpoint, node);
}

#endif
