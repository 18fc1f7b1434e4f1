// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "access.h"
#include "bus.h"
#include "conn.h"
#include "domain.h"
#include "endpoint.h"

/**
 * kdbus_access_is_privileged() - whether the opener of a file is privileged
 * @ep:		endpoint that was opened
 * @file:	the open file
 *
 * PRIV-1: fixed by the credentials at open, never on a custom endpoint.
 *
 * Return: true if it is so.
 */
bool kdbus_access_is_privileged(const struct kdbus_endpoint *ep,
				const struct file *file)
{
	struct kdbus_domain *domain = kdbus_domain_of(&ep->bus->node);

	return ep->is_default &&
	       file_ns_capable(file, domain->user_ns, CAP_IPC_OWNER);
}

/**
 * kdbus_access_is_owner() - whether the opener of a file owns the bus
 * @ep:		endpoint that was opened
 * @file:	the open file
 *
 * PRIV-1: the effective uid of the bus' creator, or privileged.
 *
 * Return: true if it is so.
 */
bool kdbus_access_is_owner(const struct kdbus_endpoint *ep,
			   const struct file *file)
{
	if (!ep->is_default)
		return false;

	return uid_eq(file->f_cred->euid, ep->bus->creator_uid) ||
	       kdbus_access_is_privileged(ep, file);
}

/* Whether a database grants access to one of the names that @peer owns. */
static bool granted_for_peer(struct kdbus_policy *policy,
			     const struct cred *cred,
			     const struct kdbus_conn *peer, int access)
{
	struct kdbus_names *names = &peer->ep->bus->names;
	const struct kdbus_name_entry *entry;
	bool granted = false;

	down_read(&names->lock);
	kdbus_name_for_each_owned(entry, &peer->names) {
		granted = kdbus_policy_query(policy, entry->name->str, cred) >=
			  access;
		if (granted)
			break;
	}
	up_read(&names->lock);

	return granted;
}

/**
 * kdbus_access_own() - whether a connection may own a name
 * @conn:	connection that wants to
 * @cred:	credentials it acts with
 * @name:	valid well-known name
 *
 * POL-8.
 *
 * Return: true if it may.
 */
bool kdbus_access_own(const struct kdbus_conn *conn, const struct cred *cred,
		      const char *name)
{
	struct kdbus_endpoint *ep = conn->ep;

	if (!ep->is_default &&
	    kdbus_policy_query(&ep->policy, name, cred) < KDBUS_POLICY_OWN)
		return false;

	return conn->owner || kdbus_policy_query(&ep->bus->policy, name,
						 cred) >= KDBUS_POLICY_OWN;
}

/**
 * kdbus_access_talk() - whether a connection may send to another one
 * @conn:	connection that wants to
 * @cred:	credentials it acts with
 * @peer:	connection it wants to reach
 *
 * POL-9, in its order.
 *
 * Return: true if it may.
 */
bool kdbus_access_talk(const struct kdbus_conn *conn, const struct cred *cred,
		       const struct kdbus_conn *peer)
{
	struct kdbus_endpoint *ep = conn->ep;

	if (!ep->is_default &&
	    !granted_for_peer(&ep->policy, cred, peer, KDBUS_POLICY_TALK))
		return false;

	return conn->owner || uid_eq(cred->euid, peer->cred->uid) ||
	       granted_for_peer(&ep->bus->policy, cred, peer,
				KDBUS_POLICY_TALK);
}

/**
 * kdbus_access_see_name() - whether a connection may know of a name
 * @conn:	connection that wants to
 * @cred:	credentials it acts with
 * @name:	any string
 *
 * POL-7: only custom endpoints hide anything.
 *
 * Return: true if it may.
 */
bool kdbus_access_see_name(const struct kdbus_conn *conn,
			   const struct cred *cred, const char *name)
{
	return conn->ep->is_default ||
	       kdbus_policy_query(&conn->ep->policy, name, cred) >=
	       KDBUS_POLICY_SEE;
}

/**
 * kdbus_access_see() - whether a connection may know of another one
 * @conn:	connection that wants to
 * @cred:	credentials it acts with
 * @peer:	the other one, or itself
 *
 * POL-7.
 *
 * Return: true if it may.
 */
bool kdbus_access_see(const struct kdbus_conn *conn, const struct cred *cred,
		      const struct kdbus_conn *peer)
{
	return conn->ep->is_default ||
	       granted_for_peer(&conn->ep->policy, cred, peer,
				KDBUS_POLICY_SEE);
}

/* Writes the items if there is room for them; returns the bytes they take. */
static size_t put_names(const struct kdbus_conn *conn, const struct cred *cred,
			const struct kdbus_conn *peer, void *items, size_t room)
{
	const struct kdbus_name_entry *entry;
	size_t item, size = 0;

	kdbus_name_for_each_owned(entry, &peer->names) {
		if (!kdbus_access_see_name(conn, cred, entry->name->str))
			continue;
		item = KDBUS_ALIGN8(KDBUS_ITEM_SIZE(sizeof(struct kdbus_name)) +
				    strlen(entry->name->str) + 1);
		if (size + item <= room)
			kdbus_conn_put_name(items + size, entry);
		size += item;
	}

	return size;
}

/**
 * kdbus_access_list_names() - make the items that name what somebody owns
 * @conn:	connection that wants to know
 * @cred:	credentials it acts with
 * @peer:	who owns names
 * @items:	returns OWNED_NAME items in the order of claiming, to be
 *		kvfree()d; NULL if there are none
 * @size:	returns the bytes of @items
 *
 * Names that @conn may not see are left out (W-16).
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_access_list_names(const struct kdbus_conn *conn,
			    const struct cred *cred,
			    const struct kdbus_conn *peer, void **items,
			    size_t *size)
{
	struct kdbus_names *names = &peer->ep->bus->names;
	size_t room = 0;

	*items = NULL;
	for (;;) {
		down_read(&names->lock);
		*size = put_names(conn, cred, peer, *items, room);
		up_read(&names->lock);
		if (*size <= room)
			return 0;

		room = *size;
		kvfree(*items);
		*items = kvmalloc(room, GFP_KERNEL_ACCOUNT);
		if (!*items)
			return -ENOMEM;
	}
}
