/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_IOCTL_H
#define __KDBUS_IOCTL_H

/**
 * DOC: ioctl
 *
 * The table of commands: for each its number, the states of a handle in which
 * it is legal, what its block may contain, and who executes it.
 */

#include <linux/bits.h>
#include <linux/types.h>

#include "args.h"

struct kdbus_active;
struct kdbus_call;

/**
 * enum kdbus_handle_state - state of a handle (H-1)
 * @KDBUS_HANDLE_NONE:		fresh
 * @KDBUS_HANDLE_BUS_OWNER:	has made a bus
 * @KDBUS_HANDLE_EP_OWNER:	has made an endpoint
 * @KDBUS_HANDLE_CONNECTED:	is a connection
 */
enum kdbus_handle_state {
	KDBUS_HANDLE_NONE,
	KDBUS_HANDLE_BUS_OWNER,
	KDBUS_HANDLE_EP_OWNER,
	KDBUS_HANDLE_CONNECTED,
};

/**
 * struct kdbus_ioctl - row of the table of commands
 * @cmd:	number
 * @state:	state of a handle in which it is legal
 * @nodes:	set of BIT(enum kdbus_node_type) for which it is legal
 * @setup:	changes the state of the handle; needs KDBUS_HANDLE_NONE
 * @owner:	only for who is owner of the bus, EPERM for others (H-3)
 * @refused:	set of KDBUS_HELLO_* of the connections that cannot use it
 *		(section 4)
 * @guarded:	runs under an active reference of the connection; it must not
 *		touch user memory then
 * @negotiates:	wants to be called when negotiating, too
 * @spec:	what its block may contain
 * @run:	executes it
 */
struct kdbus_ioctl {
	unsigned int cmd;
	enum kdbus_handle_state state;
	u8 nodes;
	bool setup;
	bool owner;
	u64 refused;
	bool guarded;
	bool negotiates;
	struct kdbus_args_spec spec;
	int (*run)(struct kdbus_call *call, struct kdbus_args *args);
};

const struct kdbus_ioctl *kdbus_ioctl_find(unsigned int cmd);
int kdbus_ioctl_run(const struct kdbus_ioctl *ioctl, struct kdbus_call *call,
		    void __user *user);

#endif
