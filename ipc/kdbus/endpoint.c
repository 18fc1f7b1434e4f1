// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "endpoint.h"
#include "limits.h"
#include "quota.h"

static void endpoint_release(struct kdbus_node *node)
{
	struct kdbus_endpoint *ep = kdbus_endpoint_of(node);
	struct kdbus_user *user;
	unsigned long uid;

	kdbus_policy_clear(&ep->policy, &ep->holder);
	kdbus_policy_destroy(&ep->policy);
	kdbus_endpoint_uncharge(ep);
	xa_for_each(&ep->users, uid, user)
		kdbus_user_put(user);
	xa_destroy(&ep->users);
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

	ret = kdbus_policy_init(&ep->policy);
	if (ret)
		goto free;
	kdbus_policy_holder_init(&ep->holder);
	xa_init(&ep->users);

	ret = kdbus_node_init(&ep->node, KDBUS_NODE_ENDPOINT, &bus->node, name,
			      endpoint_release);
	if (ret)
		goto destroy_policy;

	kdbus_node_set_attr(&ep->node, kdbus_node_mode(0600, flags),
			    current_euid(), current_egid());
	ep->bus = bus;
	ep->is_default = !strcmp(name, "bus");

	return ep;

destroy_policy:
	kdbus_policy_destroy(&ep->policy);
free:
	kfree(ep);
	return ERR_PTR(ret);
}

/**
 * kdbus_endpoint_charge() - charge a custom endpoint to the current real uid
 * @ep:		endpoint that is not charged yet
 *
 * Return: 0; -EMFILE if the user has KDBUS_USER_MAX_ENDPOINTS; -ENOMEM.
 */
int kdbus_endpoint_charge(struct kdbus_endpoint *ep)
{
	struct kdbus_user *user;
	int ret;

	user = kdbus_user_get(current_uid());
	if (IS_ERR(user))
		return PTR_ERR(user);

	ret = kdbus_user_charge(&user->endpoints, KDBUS_USER_MAX_ENDPOINTS);
	if (ret) {
		kdbus_user_put(user);
		return ret;
	}

	ep->owner = user;
	return 0;
}

/**
 * kdbus_endpoint_uncharge() - undo kdbus_endpoint_charge()
 * @ep:		endpoint that is being made or torn down; nothing happens if it
 *		is not charged
 */
void kdbus_endpoint_uncharge(struct kdbus_endpoint *ep)
{
	if (!ep->owner)
		return;

	atomic_dec(&ep->owner->endpoints);
	kdbus_user_put(ep->owner);
	ep->owner = NULL;
}

/**
 * kdbus_endpoint_user() - find or make the user of a uid on a custom endpoint
 * @ep:		custom endpoint
 * @uid:	uid of who connects through it
 *
 * Whatever is used through a custom endpoint is not taken from what the same
 * uid may use elsewhere, and users of one endpoint cannot block each other
 * (QUOTA-2, W-36).
 *
 * Return: a reference, or -ENOMEM.
 */
struct kdbus_user *kdbus_endpoint_user(struct kdbus_endpoint *ep, kuid_t uid)
{
	unsigned long index = __kuid_val(uid);
	struct kdbus_user *user, *old;

	/* Users stay until the endpoint goes. */
	user = xa_load(&ep->users, index);
	if (user)
		return kdbus_user_ref(user);

	user = kdbus_user_new_anonymous();
	if (IS_ERR(user))
		return user;

	old = xa_cmpxchg(&ep->users, index, NULL, user, GFP_KERNEL_ACCOUNT);
	if (old) {
		kdbus_user_put(user);
		if (xa_is_err(old))
			return ERR_PTR(xa_err(old));
		user = old;
	}

	return kdbus_user_ref(user);
}
