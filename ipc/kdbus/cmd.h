/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_CMD_H
#define __KDBUS_CMD_H

/**
 * DOC: commands
 *
 * One function for each command of the interface. It gets the parsed block,
 * calls the layers below and fills results into the block; who calls it has
 * checked that the command is legal for the handle, and writes the block back,
 * unless the command has done so itself. Commands never call each other.
 */

struct file;
struct kdbus_args;
struct kdbus_bus;
struct kdbus_conn;
struct kdbus_endpoint;
struct kdbus_node;

/**
 * struct kdbus_call - what a command works on
 * @file:	the open file; its f_cred are the credentials of the opener
 * @node:	what the file is
 * @conn:	the connection; HELLO returns the one it made
 * @bus:	BUS_MAKE returns the one it made
 * @ep:		the endpoint of an owner; ENDPOINT_MAKE returns the one it made
 */
struct kdbus_call {
	struct file *file;
	struct kdbus_node *node;
	struct kdbus_conn *conn;
	struct kdbus_bus *bus;
	struct kdbus_endpoint *ep;
};

int kdbus_cmd_bus_make(struct kdbus_call *call, struct kdbus_args *args);
int kdbus_cmd_endpoint_make(struct kdbus_call *call, struct kdbus_args *args);
int kdbus_cmd_endpoint_update(struct kdbus_call *call, struct kdbus_args *args);

int kdbus_cmd_hello(struct kdbus_call *call, struct kdbus_args *args);
int kdbus_cmd_update(struct kdbus_call *call, struct kdbus_args *args);
int kdbus_cmd_byebye(struct kdbus_call *call, struct kdbus_args *args);

int kdbus_cmd_send(struct kdbus_call *call, struct kdbus_args *args);
int kdbus_cmd_recv(struct kdbus_call *call, struct kdbus_args *args);
int kdbus_cmd_free(struct kdbus_call *call, struct kdbus_args *args);

int kdbus_cmd_conn_info(struct kdbus_call *call, struct kdbus_args *args);
int kdbus_cmd_bus_creator_info(struct kdbus_call *call,
			       struct kdbus_args *args);
int kdbus_cmd_list(struct kdbus_call *call, struct kdbus_args *args);

int kdbus_cmd_name_acquire(struct kdbus_call *call, struct kdbus_args *args);
int kdbus_cmd_name_release(struct kdbus_call *call, struct kdbus_args *args);

int kdbus_cmd_match_add(struct kdbus_call *call, struct kdbus_args *args);
int kdbus_cmd_match_remove(struct kdbus_call *call, struct kdbus_args *args);

#endif
