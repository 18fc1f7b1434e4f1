// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "endpoint.h"

static void endpoint_release(struct kdbus_node *node)
{
	struct kdbus_endpoint *ep = kdbus_endpoint_of(node);

	kdbus_node_destroy(node);
	kfree(ep);
}

/**
 * kdbus_endpoint_new() - make an endpoint
 * @bus:	bus, which the caller keeps alive
 * @name:	file name; "bus" is the default endpoint
 * @flags:	KDBUS_MAKE_ACCESS_*, for the file mode
 *
 * Return: an endpoint that is not linked, kdbus_node_put() its node; or
 * -ENOMEM, -ENOSPC.
 */
struct kdbus_endpoint *kdbus_endpoint_new(struct kdbus_bus *bus,
					  const char *name, u64 flags)
{
	struct kdbus_endpoint *ep;
	int ret;

	ep = kzalloc(sizeof(*ep), GFP_KERNEL_ACCOUNT);
	if (!ep)
		return ERR_PTR(-ENOMEM);

	ret = kdbus_node_init(&ep->node, KDBUS_NODE_ENDPOINT, &bus->node, name,
			      endpoint_release);
	if (ret) {
		kfree(ep);
		return ERR_PTR(ret);
	}

	kdbus_node_set_attr(&ep->node, kdbus_node_mode(0600, flags),
			    current_euid(), current_egid());
	ep->bus = bus;
	ep->is_default = !strcmp(name, "bus");

	return ep;
}
