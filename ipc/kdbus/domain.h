/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_DOMAIN_H
#define __KDBUS_DOMAIN_H

/**
 * DOC: domain
 *
 * One mount of kdbusfs: the root directory, its control file, and the counter
 * from which buses and connections get their ids. It goes with the super
 * block.
 */

#include <linux/atomic.h>

#include "node.h"

struct user_namespace;

/**
 * struct kdbus_domain - instance of kdbusfs
 * @node:	root directory
 * @user_ns:	user namespace of the mounter (FS-3), referenced (I)
 * @last_id:	last id of a bus or connection (A)
 */
struct kdbus_domain {
	struct kdbus_node node;
	struct user_namespace *user_ns;
	atomic64_t last_id;
};

struct kdbus_domain *kdbus_domain_new(struct user_namespace *user_ns);
int kdbus_domain_new_control(struct kdbus_domain *domain);
u64 kdbus_domain_new_id(struct kdbus_domain *domain);
bool kdbus_domain_owns_prefix(const struct kdbus_domain *domain, kuid_t uid,
			      const char *name);

/**
 * kdbus_domain_of() - domain of a root directory or of one of its children
 * @node:	node of type DOMAIN, CONTROL or BUS
 *
 * Return: the domain, which lives as long as @node.
 */
static inline struct kdbus_domain *kdbus_domain_of(struct kdbus_node *node)
{
	return container_of(node->parent ?: node, struct kdbus_domain, node);
}

#endif
