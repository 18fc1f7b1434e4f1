// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>

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

/**
 * kdbus_access_talk() - whether a connection may send to another one
 * @conn:	connection that wants to
 * @cred:	credentials it acts with
 * @peer:	connection it wants to reach
 *
 * POL-9, of which there are the owner and the same user so far: nobody owns
 * names that policy could grant access to.
 *
 * Return: true if it may.
 */
bool kdbus_access_talk(const struct kdbus_conn *conn, const struct cred *cred,
		       const struct kdbus_conn *peer)
{
	return conn->owner || uid_eq(cred->euid, peer->cred->uid);
}
