// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>

#include "access.h"
#include "args.h"
#include "bus.h"
#include "cmd.h"
#include "domain.h"
#include "endpoint.h"
#include "facts.h"
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

	/* BUS-4; may touch user memory. */
	params.creator = kdbus_facts_new();
	if (!params.creator)
		return -ENOMEM;
	kdbus_facts_collect(params.creator, KDBUS_ATTACH_PROCESS);

	bus = ERR_PTR(-ESHUTDOWN);
	if (kdbus_active_acquire(&domain->node.active)) {
		bus = bus_prepare(domain, &params, &ep);
		kdbus_active_release(&domain->node.active);
	}
	kdbus_facts_put(params.creator);
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

/* Makes a custom endpoint and takes its name; nobody sees it yet. */
static struct kdbus_endpoint *endpoint_prepare(struct kdbus_bus *bus,
					       const char *name, u64 flags)
{
	struct kdbus_endpoint *ep;
	int ret;

	ep = kdbus_endpoint_new(bus, name, flags);
	if (IS_ERR(ep))
		return ep;

	ret = kdbus_node_link(&ep->node);
	if (ret)
		goto put_ep;

	ret = kdbus_endpoint_charge(ep);
	if (ret)
		goto unlink_ep;
	return ep;

unlink_ep:
	kdbus_node_unlink(&ep->node);
put_ep:
	kdbus_node_put(&ep->node);
	return ERR_PTR(ret);
}

/**
 * kdbus_cmd_endpoint_make() - KDBUS_CMD_ENDPOINT_MAKE
 * @call:	handle of an owner on the default endpoint; returns the new one,
 *		of which the handle keeps the reference
 * @args:	struct kdbus_cmd
 *
 * As for a bus, the result is written back before the endpoint can be seen.
 *
 * Return: 0; the errors of EP-3; -EFAULT; -ENOMEM, -ENOSPC.
 */
int kdbus_cmd_endpoint_make(struct kdbus_call *call, struct kdbus_args *args)
{
	struct kdbus_bus *bus = kdbus_endpoint_of(call->node)->bus;
	struct kdbus_endpoint *ep = ERR_PTR(-ESHUTDOWN);
	const char *name;
	int ret;

	name = kdbus_args_find(args, KDBUS_ITEM_MAKE_NAME)->str;
	if (!kdbus_domain_owns_prefix(kdbus_domain_of(&bus->node),
				      current_euid(), name))
		return -EINVAL;

	if (kdbus_active_acquire(&bus->node.active)) {
		ep = endpoint_prepare(bus, name, args->cmd->flags);
		kdbus_active_release(&bus->node.active);
	}
	if (IS_ERR(ep))
		return PTR_ERR(ep);

	ret = kdbus_args_finish(args, 0);
	if (ret) {
		kdbus_teardown_endpoint(ep);
		kdbus_node_put(&ep->node);
		return ret;
	}

	/* If the bus went meanwhile, the endpoint is down from the start. */
	kdbus_active_activate(&ep->node.active);
	call->ep = ep;

	return 0;
}

/**
 * kdbus_cmd_endpoint_update() - KDBUS_CMD_ENDPOINT_UPDATE
 * @call:	handle that owns an endpoint
 * @args:	struct kdbus_cmd with groups of NAME and POLICY_ACCESS items
 *
 * EP-5: the new policy replaces the old one at once.
 *
 * Return: 0; -EINVAL, -EEXIST (POL-3); -ESHUTDOWN; -ENOMEM.
 */
int kdbus_cmd_endpoint_update(struct kdbus_call *call, struct kdbus_args *args)
{
	struct kdbus_endpoint *ep = call->ep;
	struct kdbus_policy_list list;
	int ret;

	ret = kdbus_policy_parse(&list, args->cmd->items,
				 args->size - sizeof(*args->cmd), 0, true);
	if (ret)
		return ret;

	ret = -ESHUTDOWN;
	if (kdbus_active_acquire(&ep->node.active)) {
		ret = kdbus_policy_replace(&ep->policy, &ep->holder, &list);
		kdbus_active_release(&ep->node.active);
	}
	kdbus_policy_list_free(&list);

	return ret;
}
