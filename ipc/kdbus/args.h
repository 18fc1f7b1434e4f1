/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_ARGS_H
#define __KDBUS_ARGS_H

/**
 * DOC: arguments of commands
 *
 * A command and the message of KDBUS_CMD_SEND come as a block: a fixed part
 * that begins with its size and flags, and items. This file copies a block
 * in, checks flags and items against a specification, answers negotiation and
 * writes results back. It is the only file that reads or writes command
 * blocks in user memory.
 *
 * A struct kdbus_args belongs to the task that executes the system call.
 * Nothing of kdbus may be locked while these functions run, apart from the
 * set-up mutex of a handle.
 */

#include <linux/types.h>
#include <uapi/linux/kdbus.h>

#include "item.h"

/* Blocks up to this size need no allocation. */
#define KDBUS_ARGS_INLINE_SIZE 224

/**
 * struct kdbus_args_spec - what a block may contain
 * @fixed:	bytes of the fixed part, a multiple of 8
 * @flags:	allowed flags, KDBUS_FLAG_NEGOTIATE excluded
 * @once:	set of items that may occur once
 * @many:	set of items that may occur any number of times
 * @need:	set of items that must occur, unless negotiating
 * @is_msg:	the block is a message, which has no return_flags
 */
struct kdbus_args_spec {
	size_t fixed;
	u64 flags;
	u64 once;
	u64 many;
	u64 need;
	bool is_msg;
};

/**
 * struct kdbus_args - one block, copied in
 * @spec:	what it may contain
 * @user:	where it lies in user memory
 * @size:	its size as given, not padded
 * @found:	set of items that occur
 * @out:	write-back covers the fixed part up to here; 0: only return_flags
 * @out_always:	write back @out bytes also if the command fails
 * @negotiate:	the block has KDBUS_FLAG_NEGOTIATE
 * @written:	the write-back has been done
 * @data:	the kernel's copy, zero-padded to 8
 * @cmd:	@data as head of a command
 * @msg:	@data as message
 * @buf:	@data of small blocks
 */
struct kdbus_args {
	const struct kdbus_args_spec *spec;
	void __user *user;
	size_t size;
	u64 found;
	size_t out;
	bool out_always;
	bool negotiate;
	bool written;
	union {
		void *data;
		struct kdbus_cmd *cmd;
		struct kdbus_msg *msg;
	};
	u64 buf[KDBUS_ARGS_INLINE_SIZE / sizeof(u64)];
};

int kdbus_args_read(struct kdbus_args *args, const struct kdbus_args_spec *spec,
		    void __user *user);
int kdbus_args_check(struct kdbus_args *args);
int kdbus_args_finish(struct kdbus_args *args, int ret);
void kdbus_args_free(struct kdbus_args *args);
struct kdbus_item *kdbus_args_find(const struct kdbus_args *args, u64 type);
int kdbus_attach_mask_check(u64 mask, u64 *out);

/**
 * kdbus_args_for_each_item() - walk the items of a checked block
 * @item:	loop variable, struct kdbus_item *
 * @args:	block
 */
#define kdbus_args_for_each_item(item, args)				\
	kdbus_items_for_each(item, (args)->data + (args)->spec->fixed,	\
			     (args)->size - (args)->spec->fixed)

#endif
