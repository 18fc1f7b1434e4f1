// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/slab.h>

#include "bus.h"
#include "facts.h"
#include "limits.h"
#include "quota.h"

static void bus_release(struct kdbus_node *node)
{
	struct kdbus_bus *bus = container_of(node, struct kdbus_bus, node);

	WARN_ON_ONCE(!xa_empty(&bus->conns));
	WARN_ON_ONCE(!list_empty(&bus->monitors));
	xa_destroy(&bus->conns);

	kdbus_matches_destroy(&bus->matches);
	kdbus_policy_destroy(&bus->policy);
	kdbus_names_destroy(&bus->names);
	kdbus_user_put(bus->kernel_user);
	kdbus_facts_put(bus->creator);
	kdbus_bus_uncharge(bus);
	kdbus_node_destroy(node);
	kfree(bus);
}

/* What of a bus needs memory of its own; undone by bus_release(). */
static int init_parts(struct kdbus_bus *bus)
{
	int ret;

	ret = kdbus_names_init(&bus->names);
	if (ret)
		return ret;
	ret = kdbus_policy_init(&bus->policy);
	if (ret)
		goto destroy_names;
	ret = kdbus_matches_init(&bus->matches, bus->bloom.size);
	if (ret)
		goto destroy_policy;

	bus->kernel_user = kdbus_user_new_anonymous();
	if (!IS_ERR(bus->kernel_user))
		return 0;

	ret = PTR_ERR(bus->kernel_user);
	kdbus_matches_destroy(&bus->matches);
destroy_policy:
	kdbus_policy_destroy(&bus->policy);
destroy_names:
	kdbus_names_destroy(&bus->names);
	return ret;
}

/**
 * kdbus_bus_new() - make a bus
 * @domain:	domain, which the caller keeps active
 * @params:	what it is made from, checked
 *
 * The bus belongs to the current task's credentials. It has no endpoint yet
 * and is charged to nobody.
 *
 * Return: a bus that is not linked, kdbus_node_put() its node; or -ENOMEM,
 * -ENOSPC.
 */
struct kdbus_bus *kdbus_bus_new(struct kdbus_domain *domain,
				const struct kdbus_bus_params *params)
{
	struct kdbus_bus *bus;
	int ret;

	bus = kzalloc(sizeof(*bus), GFP_KERNEL_ACCOUNT);
	if (!bus)
		return ERR_PTR(-ENOMEM);

	ret = kdbus_node_init(&bus->node, KDBUS_NODE_BUS, &domain->node,
			      params->name, bus_release);
	if (ret)
		goto free;

	bus->bloom = params->bloom;
	ret = init_parts(bus);
	if (ret)
		goto destroy_node;

	kdbus_node_set_attr(&bus->node, kdbus_node_mode(0500, params->flags),
			    current_euid(), current_egid());
	generate_random_uuid(bus->id128);
	bus->flags = params->flags;
	bus->creator_mask = params->creator_mask;
	bus->creator = kdbus_facts_ref(params->creator);
	bus->creator_uid = current_euid();
	INIT_LIST_HEAD(&bus->monitors);
	init_rwsem(&bus->news);
	mutex_init(&bus->commit);
	atomic64_set(&bus->seqnum, 0);
	xa_init(&bus->conns);

	bus->id = kdbus_domain_new_id(domain);
	if (!bus->id) {
		kdbus_node_put(&bus->node);
		return ERR_PTR(-ENOSPC);
	}

	return bus;

destroy_node:
	kdbus_node_destroy(&bus->node);
free:
	kfree(bus);
	return ERR_PTR(ret);
}

/**
 * kdbus_bus_charge() - charge a new bus to the real uid of its creator
 * @bus:	bus that is not charged yet
 *
 * Return: 0; -EMFILE if the user has KDBUS_USER_MAX_BUSES; -ENOMEM.
 */
int kdbus_bus_charge(struct kdbus_bus *bus)
{
	struct kdbus_user *user;
	int ret;

	user = kdbus_user_get(current_uid());
	if (IS_ERR(user))
		return PTR_ERR(user);

	ret = kdbus_user_charge(&user->buses, KDBUS_USER_MAX_BUSES);
	if (ret) {
		kdbus_user_put(user);
		return ret;
	}

	bus->user = user;
	return 0;
}

/**
 * kdbus_bus_uncharge() - undo kdbus_bus_charge()
 * @bus:	bus that is being made or torn down; nothing happens if it is
 *		not charged
 *
 * A dead bus must not count until the last inode that shows it has left the
 * cache.
 */
void kdbus_bus_uncharge(struct kdbus_bus *bus)
{
	if (!bus->user)
		return;

	atomic_dec(&bus->user->buses);
	kdbus_user_put(bus->user);
	bus->user = NULL;
}
