/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_OWNERSHIP_H
#define __KDBUS_OWNERSHIP_H

/**
 * DOC: ownership of names
 *
 * Changes who owns a name, with all that goes with it: the messages that follow
 * the name and the notification. Everything is prepared for the change that is
 * planned, with nothing locked; if the plan still holds once the registry is
 * locked, the change, the messages and the notification become visible as one,
 * else it begins anew. So no message that is sent after a change arrives before
 * its notification.
 */

#include <linux/types.h>

struct kdbus_conn;

int kdbus_own_acquire(struct kdbus_conn *conn, const char *name, u64 flags,
		      u64 *return_flags);
int kdbus_own_release(struct kdbus_conn *conn, const char *name);
void kdbus_own_release_all(struct kdbus_conn *conn);
int kdbus_own_claim(struct kdbus_conn *conn, const char *name);
void kdbus_own_activate(struct kdbus_conn *conn);

#endif
