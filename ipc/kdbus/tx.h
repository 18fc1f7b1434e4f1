/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_TX_H
#define __KDBUS_TX_H

/**
 * DOC: transactions
 *
 * Routes a message: finds the receivers, asks for permission, has copies made
 * for monitors and receivers, and commits them. The only file that handles two
 * connections; no two data locks are held together.
 *
 * A message that goes to a name follows it: if the name has passed on between
 * routing and commit, the message is routed anew.
 */

struct kdbus_conn;
struct kdbus_message;
struct kdbus_reply;

int kdbus_tx_send(struct kdbus_conn *conn, struct kdbus_message *msg);
struct kdbus_reply *kdbus_tx_call(struct kdbus_conn *conn,
				  struct kdbus_message *msg);

#endif
