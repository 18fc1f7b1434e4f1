/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_BUS_H
#define __KDBUS_BUS_H

/**
 * DOC: bus
 *
 * A bus is a directory with endpoints in it; those who are connected to one
 * of the endpoints can reach each other. It lives as long as the handle that
 * made it is open.
 */

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/uuid.h>
#include <linux/xarray.h>
#include <uapi/linux/kdbus.h>

#include "domain.h"
#include "match.h"
#include "names.h"
#include "node.h"
#include "policy.h"

struct kdbus_conn;
struct kdbus_facts;
struct kdbus_user;

/**
 * struct kdbus_bus - message bus
 * @node:	its directory
 * @id:		unique in the domain (I)
 * @id128:	unique everywhere (I)
 * @flags:	KDBUS_MAKE_* that it was made with (I)
 * @creator_mask: metadata of the creator that others may query (I)
 * @bloom:	parameters of filters and masks (I)
 * @creator_uid: effective uid of the creator, the owner (I)
 * @user:	real uid of the creator, charged with the bus, or NULL (who
 *		makes or tears it down)
 * @kernel_user: whom messages of the kernel are charged to (I)
 * @creator:	what is known of the creator (I)
 * @seqnum:	last sequence number of a message (A)
 * @names:	well-known names, with a lock of their own
 * @policy:	who may talk to and own which name, with a lock of its own
 * @matches:	who wants which messages, with a lock of their own
 * @monitors:	struct kdbus_conn that get a copy of everything (names.lock)
 * @n_monitors:	number of @monitors (names.lock; read without it)
 * @news:	read: tells those who want to know now of a change of a name;
 *		written: wait until what others are not told of has happened
 * @commit:	order of broadcasts and changes of names
 * @conns:	struct kdbus_conn by id; readers RCU, its lock is a leaf
 */
struct kdbus_bus {
	struct kdbus_node node;
	u64 id;
	u8 id128[UUID_SIZE];
	u64 flags;
	u64 creator_mask;
	struct kdbus_bloom_parameter bloom;
	kuid_t creator_uid;
	struct kdbus_user *user;
	struct kdbus_user *kernel_user;
	struct kdbus_facts *creator;
	atomic64_t seqnum;
	struct kdbus_names names;
	struct kdbus_policy policy;
	struct kdbus_matches matches;
	struct list_head monitors;
	unsigned int n_monitors;
	struct rw_semaphore news;
	struct mutex commit;
	struct xarray conns;
};

/**
 * struct kdbus_bus_params - what a bus is made from
 * @name:	name, "<uid>-<name>"
 * @flags:	KDBUS_MAKE_*
 * @bloom:	parameters of filters and masks
 * @creator_mask: metadata of the creator that others may query
 * @creator:	what is known of the creator
 */
struct kdbus_bus_params {
	const char *name;
	u64 flags;
	struct kdbus_bloom_parameter bloom;
	u64 creator_mask;
	struct kdbus_facts *creator;
};

struct kdbus_bus *kdbus_bus_new(struct kdbus_domain *domain,
				const struct kdbus_bus_params *params);
int kdbus_bus_charge(struct kdbus_bus *bus);
void kdbus_bus_uncharge(struct kdbus_bus *bus);

/**
 * kdbus_bus_of() - bus of an endpoint
 * @node:	node of type ENDPOINT
 *
 * Return: the bus, which lives as long as @node.
 */
static inline struct kdbus_bus *kdbus_bus_of(struct kdbus_node *node)
{
	return container_of(node->parent, struct kdbus_bus, node);
}

/**
 * kdbus_bus_next_seqnum() - draw the sequence number of a message
 * @bus:	bus
 *
 * Return: the number, from 1.
 */
static inline u64 kdbus_bus_next_seqnum(struct kdbus_bus *bus)
{
	return atomic64_inc_return(&bus->seqnum);
}

#endif
