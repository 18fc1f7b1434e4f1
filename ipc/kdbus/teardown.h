/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_TEARDOWN_H
#define __KDBUS_TEARDOWN_H

/**
 * DOC: teardown
 *
 * Shuts objects down, children included: refuse new users, wake up those who
 * wait, wait until the present ones are through, take back what is visible.
 * Each function may be called for an object in any state, by several tasks at
 * once, and returns when the object is down; memory goes with the references.
 *
 * The caller holds no lock and no active reference on the object or below it.
 */

struct kdbus_bus;
struct kdbus_conn;
struct kdbus_domain;
struct kdbus_endpoint;

void kdbus_teardown_conn(struct kdbus_conn *conn);
void kdbus_teardown_endpoint(struct kdbus_endpoint *ep);
void kdbus_teardown_bus(struct kdbus_bus *bus);
void kdbus_teardown_domain(struct kdbus_domain *domain);

#endif
