/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_NODE_H
#define __KDBUS_NODE_H

/**
 * DOC: nodes
 *
 * What kdbusfs shows: the root of a domain, its control file, buses and their
 * endpoints. A node is part of the object it shows. Linked into its parent it
 * has taken its name, activated it can be seen, deactivated it refuses new
 * users, unlinked the name is free again.
 *
 * A node references its parent, and a parent the children that are linked;
 * shutting a node down unlinks it, which ends the cycle.
 */

#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/time64.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "active.h"

/**
 * enum kdbus_node_type - what a node is part of
 * @KDBUS_NODE_DOMAIN:		struct kdbus_domain, the root directory
 * @KDBUS_NODE_CONTROL:		the control file of a domain
 * @KDBUS_NODE_BUS:		struct kdbus_bus, a directory
 * @KDBUS_NODE_ENDPOINT:	struct kdbus_endpoint, a file
 */
enum kdbus_node_type {
	KDBUS_NODE_DOMAIN,
	KDBUS_NODE_CONTROL,
	KDBUS_NODE_BUS,
	KDBUS_NODE_ENDPOINT,
};

/**
 * struct kdbus_node - file or directory of kdbusfs
 * @ref:	reference count
 * @active:	activity of the object
 * @type:	what it is (I)
 * @hash:	hash of @name, the position in a directory (I)
 * @ino:	inode number, unique among living nodes (I)
 * @name:	file name; NULL for a domain (I)
 * @parent:	parent, referenced; NULL for a domain (I)
 * @mode:	file mode, changed by chmod (inode lock; READ_ONCE elsewhere)
 * @uid:	owner, changed by chown (likewise)
 * @gid:	group, changed by chown (likewise)
 * @seen:	when it was first looked up, 0 before (new inode)
 * @release:	frees the object when @ref is 0 (I)
 * @lock:	protects @children of this node and @rb of these, a leaf
 * @children:	linked children by hash, then name (@lock)
 * @rb:		place among the children of the parent (@lock of the parent)
 */
struct kdbus_node {
	refcount_t ref;
	struct kdbus_active active;
	enum kdbus_node_type type;
	u32 hash;
	u32 ino;
	const char *name;
	struct kdbus_node *parent;
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
	struct timespec64 seen;
	void (*release)(struct kdbus_node *node);
	spinlock_t lock;
	struct rb_root children;
	struct rb_node rb;
};

int kdbus_node_init(struct kdbus_node *node, enum kdbus_node_type type,
		    struct kdbus_node *parent, const char *name,
		    void (*release)(struct kdbus_node *node));
void kdbus_node_set_attr(struct kdbus_node *node, umode_t mode, kuid_t uid,
			 kgid_t gid);
void kdbus_node_destroy(struct kdbus_node *node);
struct kdbus_node *kdbus_node_ref(struct kdbus_node *node);
void kdbus_node_put(struct kdbus_node *node);

int kdbus_node_link(struct kdbus_node *node);
void kdbus_node_unlink(struct kdbus_node *node);
struct kdbus_node *kdbus_node_find(struct kdbus_node *parent,
				   const char *name, size_t len);
struct kdbus_node *kdbus_node_next(struct kdbus_node *parent, u32 hash,
				   const struct kdbus_node *after);
struct kdbus_node *kdbus_node_first(struct kdbus_node *parent);

umode_t kdbus_node_mode(umode_t user, u64 make_flags);

/**
 * kdbus_node_is_dir() - whether a node is a directory
 * @node:	node
 *
 * Return: true if so.
 */
static inline bool kdbus_node_is_dir(const struct kdbus_node *node)
{
	return node->type == KDBUS_NODE_DOMAIN || node->type == KDBUS_NODE_BUS;
}

#endif
