// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "endpoint.h"
#include "quota.h"

static void endpoint_release(struct kdbus_node *node)
{
	struct kdbus_endpoint *ep = kdbus_endpoint_of(node);

	kdbus_policy_clear(&ep->policy, &ep->holder);
	kdbus_policy_destroy(&ep->policy);
	kdbus_user_put(ep->user);
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
	struct kdbus_user *user;
	int ret;

	ep = kzalloc(sizeof(*ep), GFP_KERNEL_ACCOUNT);
	if (!ep)
		return ERR_PTR(-ENOMEM);

	ret = kdbus_policy_init(&ep->policy);
	if (ret)
		goto free;
	kdbus_policy_holder_init(&ep->holder);

	ret = kdbus_node_init(&ep->node, KDBUS_NODE_ENDPOINT, &bus->node, name,
			      endpoint_release);
	if (ret)
		goto destroy_policy;

	kdbus_node_set_attr(&ep->node, kdbus_node_mode(0600, flags),
			    current_euid(), current_egid());
	ep->bus = bus;
	ep->is_default = !strcmp(name, "bus");
	if (ep->is_default)
		return ep;

	user = kdbus_user_new_anonymous();
	if (IS_ERR(user)) {
		kdbus_node_put(&ep->node);
		return ERR_CAST(user);
	}
	ep->user = user;
	return ep;

destroy_policy:
	kdbus_policy_destroy(&ep->policy);
free:
	kfree(ep);
	return ERR_PTR(ret);
}
