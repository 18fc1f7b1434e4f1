// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "domain.h"

static void domain_release(struct kdbus_node *node)
{
	struct kdbus_domain *domain;

	domain = container_of(node, struct kdbus_domain, node);
	kdbus_node_destroy(node);
	put_user_ns(domain->user_ns);
	kfree(domain);
}

static void control_release(struct kdbus_node *node)
{
	kdbus_node_destroy(node);
	kfree(node);
}

/* Root directory and control belong to root of the mounter (W-53). */
static void set_root_attr(const struct kdbus_domain *domain,
			  struct kdbus_node *node, umode_t mode)
{
	kuid_t uid = make_kuid(domain->user_ns, 0);
	kgid_t gid = make_kgid(domain->user_ns, 0);

	kdbus_node_set_attr(node, mode,
			    uid_valid(uid) ? uid : GLOBAL_ROOT_UID,
			    gid_valid(gid) ? gid : GLOBAL_ROOT_GID);
}

/**
 * kdbus_domain_new() - make a domain
 * @user_ns:	user namespace of the mounter
 *
 * Return: an inactive domain without control file, kdbus_node_put() its node;
 * or -ENOMEM, -ENOSPC.
 */
struct kdbus_domain *kdbus_domain_new(struct user_namespace *user_ns)
{
	struct kdbus_domain *domain;
	int ret;

	domain = kzalloc(sizeof(*domain), GFP_KERNEL_ACCOUNT);
	if (!domain)
		return ERR_PTR(-ENOMEM);

	ret = kdbus_node_init(&domain->node, KDBUS_NODE_DOMAIN, NULL, NULL,
			      domain_release);
	if (ret) {
		kfree(domain);
		return ERR_PTR(ret);
	}

	domain->user_ns = get_user_ns(user_ns);
	atomic64_set(&domain->last_id, 0);
	set_root_attr(domain, &domain->node, 0555);

	return domain;
}

/**
 * kdbus_domain_new_control() - make the control file of a domain
 * @domain:	domain without control file
 *
 * The file is linked and active afterwards.
 *
 * Return: 0, -ENOMEM or -ENOSPC.
 */
int kdbus_domain_new_control(struct kdbus_domain *domain)
{
	struct kdbus_node *node;
	int ret;

	node = kzalloc(sizeof(*node), GFP_KERNEL_ACCOUNT);
	if (!node)
		return -ENOMEM;

	ret = kdbus_node_init(node, KDBUS_NODE_CONTROL, &domain->node,
			      "control", control_release);
	if (ret) {
		kfree(node);
		return ret;
	}

	set_root_attr(domain, node, 0666);
	ret = kdbus_node_link(node);
	if (!ret)
		kdbus_active_activate(&node->active);
	kdbus_node_put(node);

	return ret;
}

/**
 * kdbus_domain_new_id() - draw an id for a bus or connection
 * @domain:	domain
 *
 * PRIV-4: from 1, increasing, never reused. Ids index xarrays, so a 32-bit
 * kernel runs out of them after 2^32.
 *
 * Return: the id, or 0 if there are no more.
 */
u64 kdbus_domain_new_id(struct kdbus_domain *domain)
{
	u64 id = atomic64_inc_return(&domain->last_id);

	return id < ULONG_MAX ? id : 0;
}

/**
 * kdbus_domain_owns_prefix() - whether a name begins with the uid of its maker
 * @domain:	domain
 * @uid:	who makes the bus or endpoint
 * @name:	name of it
 *
 * FS-5: names are "<uid>-<name>", the uid as the domain's namespace sees it.
 *
 * Return: true if so, false if not or if @uid has no number there.
 */
bool kdbus_domain_owns_prefix(const struct kdbus_domain *domain, kuid_t uid,
			      const char *name)
{
	uid_t number = from_kuid(domain->user_ns, uid);
	char prefix[sizeof("4294967295-")];
	int len;

	if (number == (uid_t)-1)
		return false;

	len = snprintf(prefix, sizeof(prefix), "%u-", number);
	return !strncmp(name, prefix, len);
}
