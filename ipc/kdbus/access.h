/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_ACCESS_H
#define __KDBUS_ACCESS_H

/**
 * DOC: access
 *
 * May A do that to B: joins policy, names and what is known of the two
 * connections with credentials. No state of its own. Functions that ask which
 * names somebody owns lock the names of the bus for reading.
 */

#include <linux/types.h>

struct cred;
struct file;
struct kdbus_conn;
struct kdbus_endpoint;

bool kdbus_access_is_privileged(const struct kdbus_endpoint *ep,
				const struct file *file);
bool kdbus_access_is_owner(const struct kdbus_endpoint *ep,
			   const struct file *file);
bool kdbus_access_own(const struct kdbus_conn *conn, const struct cred *cred,
		      const char *name);
bool kdbus_access_talk(const struct kdbus_conn *conn, const struct cred *cred,
		       const struct kdbus_conn *peer);
bool kdbus_access_see_name(const struct kdbus_conn *conn,
			   const struct cred *cred, const char *name);
bool kdbus_access_see(const struct kdbus_conn *conn, const struct cred *cred,
		      const struct kdbus_conn *peer);
int kdbus_access_list_names(const struct kdbus_conn *conn,
			    const struct cred *cred,
			    const struct kdbus_conn *peer, void **items,
			    size_t *size);

#endif
