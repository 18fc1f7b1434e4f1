// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>

#include "args.h"
#include "bus.h"
#include "cmd.h"
#include "domain.h"
#include "endpoint.h"
#include "limits.h"
#include "teardown.h"

/* The checks of BUS-3 that need no bus. */
static int bus_params(const struct kdbus_domain *domain,
		      const struct kdbus_args *args,
		      struct kdbus_bus_params *params)
{
	const struct kdbus_item *mask;
	u64 size;

	params->flags = args->cmd->flags;
	params->name = kdbus_args_find(args, KDBUS_ITEM_MAKE_NAME)->str;
	params->bloom = kdbus_args_find(args, KDBUS_ITEM_BLOOM_PARAMETER)
				->bloom_parameter;
	params->creator_mask = 0;

	size = params->bloom.size;
	if (size < KDBUS_BLOOM_MIN_SIZE || size > KDBUS_BLOOM_MAX_SIZE ||
	    size % KDBUS_BLOOM_UNIT || !params->bloom.n_hash)
		return -EINVAL;

	mask = kdbus_args_find(args, KDBUS_ITEM_ATTACH_FLAGS_SEND);
	if (mask && kdbus_attach_mask_check(mask->data64[0],
					    &params->creator_mask))
		return -EINVAL;

	if (!kdbus_domain_owns_prefix(domain, current_euid(), params->name))
		return -EINVAL;

	return 0;
}

/* Makes bus and endpoint and takes the bus' name; nobody sees them yet. */
static struct kdbus_bus *bus_prepare(struct kdbus_domain *domain,
				     const struct kdbus_bus_params *params,
				     struct kdbus_endpoint **ep)
{
	struct kdbus_bus *bus;
	int ret;

	bus = kdbus_bus_new(domain, params);
	if (IS_ERR(bus))
		return bus;

	ret = kdbus_node_link(&bus->node);
	if (ret)
		goto put_bus;

	ret = kdbus_bus_charge(bus);
	if (ret)
		goto unlink_bus;

	*ep = kdbus_endpoint_new(bus, "bus", params->flags);
	if (IS_ERR(*ep)) {
		ret = PTR_ERR(*ep);
		goto unlink_bus;
	}

	ret = kdbus_node_link(&(*ep)->node);
	if (WARN_ON_ONCE(ret))
		goto put_ep;

	return bus;

put_ep:
	kdbus_node_put(&(*ep)->node);
unlink_bus:
	kdbus_node_unlink(&bus->node);
put_bus:
	kdbus_node_put(&bus->node);
	return ERR_PTR(ret);
}

/**
 * kdbus_cmd_bus_make() - KDBUS_CMD_BUS_MAKE
 * @call:	handle on a control file; returns the bus, of which the handle
 *		keeps the reference
 * @args:	struct kdbus_cmd
 *
 * The result is written back before the bus can be seen, so a failure there
 * undoes everything (CMD-3).
 *
 * Return: 0; the errors of BUS-3; -EFAULT; -ENOMEM, -ENOSPC.
 */
int kdbus_cmd_bus_make(struct kdbus_call *call, struct kdbus_args *args)
{
	struct kdbus_domain *domain = kdbus_domain_of(call->node);
	struct kdbus_bus_params params;
	struct kdbus_endpoint *ep;
	struct kdbus_bus *bus;
	int ret;

	ret = bus_params(domain, args, &params);
	if (ret)
		return ret;

	if (!kdbus_active_acquire(&domain->node.active))
		return -ESHUTDOWN;
	bus = bus_prepare(domain, &params, &ep);
	kdbus_active_release(&domain->node.active);
	if (IS_ERR(bus))
		return PTR_ERR(bus);

	ret = kdbus_args_finish(args, 0);
	if (ret) {
		kdbus_teardown_bus(bus);
		kdbus_node_put(&ep->node);
		kdbus_node_put(&bus->node);
		return ret;
	}

	/* Nothing fails from here on. */
	kdbus_active_activate(&ep->node.active);
	kdbus_active_activate(&bus->node.active);
	kdbus_node_put(&ep->node);
	call->bus = bus;

	return 0;
}
