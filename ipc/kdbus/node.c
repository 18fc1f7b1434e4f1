// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <uapi/linux/kdbus.h>

#include "node.h"

/* Inode numbers are unique over all domains, so that tools can tell (FS-6). */
static DEFINE_IDA(node_inos);

/*
 * Positions 0 and 1 of a directory are "." and "..", INT_MAX is the end. Salted
 * with an address, so that nobody can make names that share a position; that
 * would show one of them twice to a reader whose buffer ends between them.
 */
static u32 name_hash(const struct kdbus_node *parent, const char *name,
		     size_t len)
{
	u32 hash = full_name_hash(parent, name, len) & 0x3fffffff;

	return hash + 2;
}

static int node_cmp(const struct kdbus_node *node, u32 hash, const char *name,
		    size_t len)
{
	int ret;

	if (hash != node->hash)
		return hash < node->hash ? -1 : 1;

	ret = strncmp(name, node->name, len);
	return ret ?: -(node->name[len] != '\0');
}

static int cmp_linked(struct rb_node *rb, const struct rb_node *other)
{
	const struct kdbus_node *node = rb_entry(rb, struct kdbus_node, rb);

	return node_cmp(rb_entry(other, struct kdbus_node, rb), node->hash,
			node->name, strlen(node->name));
}

/**
 * kdbus_node_init() - initialise a node
 * @node:	node, part of a zeroed object
 * @type:	what it is part of
 * @parent:	parent, NULL for a domain
 * @name:	file name, copied; NULL for a domain
 * @release:	frees the object after the last kdbus_node_put()
 *
 * The node has one reference, of the caller. It is neither linked nor active.
 * Mode and owner are 0 until kdbus_node_set_attr().
 *
 * Return: 0, -ENOMEM or -ENOSPC. After a failure the caller frees the object
 * without kdbus_node_put().
 */
int kdbus_node_init(struct kdbus_node *node, enum kdbus_node_type type,
		    struct kdbus_node *parent, const char *name,
		    void (*release)(struct kdbus_node *node))
{
	/* A class for each level, in the order of main.c. */
	static struct lock_class_key keys[KDBUS_NODE_ENDPOINT + 1];
	static const char * const classes[] = {
		[KDBUS_NODE_DOMAIN] = "kdbus_domain.active",
		[KDBUS_NODE_CONTROL] = "kdbus_control.active",
		[KDBUS_NODE_BUS] = "kdbus_bus.active",
		[KDBUS_NODE_ENDPOINT] = "kdbus_endpoint.active",
	};
	int ino;

	refcount_set(&node->ref, 1);
	__kdbus_active_init(&node->active, classes[type], &keys[type]);
	spin_lock_init(&node->lock);
	node->type = type;
	node->release = release;
	node->children = RB_ROOT;
	RB_CLEAR_NODE(&node->rb);

	if (name) {
		node->name = kstrdup(name, GFP_KERNEL_ACCOUNT);
		if (!node->name)
			return -ENOMEM;
		node->hash = name_hash(parent, name, strlen(name));
	}

	ino = ida_alloc_min(&node_inos, 1, GFP_KERNEL);
	if (ino < 0) {
		kfree(node->name);
		return ino;
	}

	node->ino = ino;
	node->parent = parent ? kdbus_node_ref(parent) : NULL;

	return 0;
}

/**
 * kdbus_node_set_attr() - set mode and owner
 * @node:	node
 * @mode:	permission bits
 * @uid:	owner
 * @gid:	group
 *
 * chmod and chown come here, too, so that they last as long as the node
 * (W-47); the owner of a bus or connection is another matter (PRIV-1).
 */
void kdbus_node_set_attr(struct kdbus_node *node, umode_t mode, kuid_t uid,
			 kgid_t gid)
{
	WRITE_ONCE(node->mode, mode);
	WRITE_ONCE(node->uid, uid);
	WRITE_ONCE(node->gid, gid);
}

/**
 * kdbus_node_destroy() - undo kdbus_node_init()
 * @node:	node without references, called by its release function
 */
void kdbus_node_destroy(struct kdbus_node *node)
{
	WARN_ON_ONCE(!RB_EMPTY_NODE(&node->rb));
	WARN_ON_ONCE(!RB_EMPTY_ROOT(&node->children));

	ida_free(&node_inos, node->ino);
	kfree(node->name);
	kdbus_node_put(node->parent);
}

/**
 * kdbus_node_ref() - take a reference
 * @node:	node
 *
 * Return: @node.
 */
struct kdbus_node *kdbus_node_ref(struct kdbus_node *node)
{
	refcount_inc(&node->ref);
	return node;
}

/**
 * kdbus_node_put() - drop a reference
 * @node:	node, or NULL
 */
void kdbus_node_put(struct kdbus_node *node)
{
	if (node && refcount_dec_and_test(&node->ref))
		node->release(node);
}

/**
 * kdbus_node_link() - take a name in the parent
 * @node:	node with a parent, in none of the lists of children
 *
 * The caller holds an active reference on the parent, or nobody else knows
 * the parent yet. A linked node is referenced by it. Others see the node only when it is active.
 *
 * Return: 0, or -EEXIST if the name is taken.
 */
int kdbus_node_link(struct kdbus_node *node)
{
	struct kdbus_node *parent = node->parent;
	struct rb_node *found;

	spin_lock(&parent->lock);
	found = rb_find_add(&node->rb, &parent->children, cmp_linked);
	spin_unlock(&parent->lock);

	if (found) {
		RB_CLEAR_NODE(&node->rb);
		return -EEXIST;
	}

	kdbus_node_ref(node);
	return 0;
}

/**
 * kdbus_node_unlink() - give the name up
 * @node:	node, referenced; nothing happens if it is not linked
 */
void kdbus_node_unlink(struct kdbus_node *node)
{
	struct kdbus_node *parent = node->parent;
	bool linked;

	spin_lock(&parent->lock);
	linked = !RB_EMPTY_NODE(&node->rb);
	if (linked) {
		rb_erase(&node->rb, &parent->children);
		RB_CLEAR_NODE(&node->rb);
	}
	spin_unlock(&parent->lock);

	if (linked)
		kdbus_node_put(node);
}

/**
 * kdbus_node_find() - find a child by name
 * @parent:	directory
 * @name:	name, need not be terminated
 * @len:	characters in @name
 *
 * Return: a reference to the active child of that name, or NULL.
 */
struct kdbus_node *kdbus_node_find(struct kdbus_node *parent,
				   const char *name, size_t len)
{
	struct kdbus_node *node, *found = NULL;
	u32 hash = name_hash(parent, name, len);
	struct rb_node *rb;
	int cmp;

	spin_lock(&parent->lock);
	rb = parent->children.rb_node;
	while (rb) {
		node = rb_entry(rb, struct kdbus_node, rb);
		cmp = node_cmp(node, hash, name, len);
		if (!cmp) {
			if (kdbus_active_is_active(&node->active))
				found = kdbus_node_ref(node);
			break;
		}
		rb = cmp < 0 ? rb->rb_left : rb->rb_right;
	}
	spin_unlock(&parent->lock);

	return found;
}

/* Whether @node comes behind @after, or if that is NULL has @hash or more. */
static bool is_behind(const struct kdbus_node *node, u32 hash,
		      const struct kdbus_node *after)
{
	if (!after)
		return node->hash >= hash;
	return node_cmp(after, node->hash, node->name, strlen(node->name)) > 0;
}

/**
 * kdbus_node_next() - walk the children in the order of their hashes
 * @parent:	directory
 * @hash:	where to begin
 * @after:	node of an earlier call; that one and what precedes it are
 *		left out. NULL: begin with the first that has @hash or more
 *
 * Return: a reference to the next active child, or NULL.
 */
struct kdbus_node *kdbus_node_next(struct kdbus_node *parent, u32 hash,
				   const struct kdbus_node *after)
{
	struct kdbus_node *node, *found = NULL;
	struct rb_node *rb, *next = NULL;

	spin_lock(&parent->lock);
	rb = parent->children.rb_node;
	while (rb) {
		if (is_behind(rb_entry(rb, struct kdbus_node, rb), hash,
			      after)) {
			next = rb;
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}
	for (; next && !found; next = rb_next(next)) {
		node = rb_entry(next, struct kdbus_node, rb);
		if (kdbus_active_is_active(&node->active))
			found = kdbus_node_ref(node);
	}
	spin_unlock(&parent->lock);

	return found;
}

/**
 * kdbus_node_first() - find any child
 * @parent:	directory
 *
 * For shutting down: the caller unlinks the child and asks again.
 *
 * Return: a reference to a linked child, active or not, or NULL.
 */
struct kdbus_node *kdbus_node_first(struct kdbus_node *parent)
{
	struct kdbus_node *node = NULL;
	struct rb_node *rb;

	spin_lock(&parent->lock);
	rb = rb_first(&parent->children);
	if (rb)
		node = kdbus_node_ref(rb_entry(rb, struct kdbus_node, rb));
	spin_unlock(&parent->lock);

	return node;
}

/**
 * kdbus_node_mode() - permission bits of a new bus or endpoint
 * @user:	bits of the owner, 0500 or 0600
 * @make_flags:	KDBUS_MAKE_ACCESS_*
 *
 * Return: @user, for the group and others as well as the flags say (FS-4).
 */
umode_t kdbus_node_mode(umode_t user, u64 make_flags)
{
	umode_t mode = user;

	if (make_flags & (KDBUS_MAKE_ACCESS_GROUP | KDBUS_MAKE_ACCESS_WORLD))
		mode |= user >> 3;
	if (make_flags & KDBUS_MAKE_ACCESS_WORLD)
		mode |= user >> 6;

	return mode;
}
