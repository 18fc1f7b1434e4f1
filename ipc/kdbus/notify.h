/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_NOTIFY_H
#define __KDBUS_NOTIFY_H

/**
 * DOC: notifications
 *
 * What the kernel tells everybody who has a match for it: that a connection
 * came or went, that a name changed its owner. Such a message is prepared like
 * any other; that of a name is queued together with the change itself.
 */

#include <linux/types.h>

struct kdbus_bus;
struct kdbus_conn;
struct kdbus_fanout;
struct kdbus_name_plan;

int kdbus_notify_prepare_name(struct kdbus_bus *bus, const char *name,
			      const struct kdbus_name_plan *plan,
			      struct kdbus_fanout *fanout);
void kdbus_notify_id(struct kdbus_conn *conn, u64 type);

#endif
