/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_TX_H
#define __KDBUS_TX_H

/**
 * DOC: transactions
 *
 * Routes a message: finds the receiver, asks for permission, reserves room
 * there, writes, commits. The only file that handles two connections; it
 * holds the data lock of one at a time.
 */

struct kdbus_conn;
struct kdbus_message;
struct kdbus_reply;

int kdbus_tx_send(struct kdbus_conn *conn, struct kdbus_message *msg);
struct kdbus_reply *kdbus_tx_call(struct kdbus_conn *conn,
				  struct kdbus_message *msg);

#endif
