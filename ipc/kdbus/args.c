// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "args.h"
#include "limits.h"

static_assert(offsetof(struct kdbus_cmd, size) ==
	      offsetof(struct kdbus_msg, size));
static_assert(offsetof(struct kdbus_cmd, flags) ==
	      offsetof(struct kdbus_msg, flags));

/**
 * kdbus_args_read() - copy a block in
 * @args:	returns the copy; kdbus_args_free() it, also on failure
 * @spec:	what the block may contain
 * @user:	address of the block
 *
 * Checks 1 to 5 of CMD-2. The size is read twice, as the buffer has to be
 * found before the block can be copied; everything else is read once.
 *
 * Return: 0; -EFAULT for a misaligned or unreadable block; -EINVAL if it is
 * shorter than its fixed part or changed meanwhile; -EMSGSIZE above
 * KDBUS_CMD_MAX_SIZE; -ENOMEM.
 */
int kdbus_args_read(struct kdbus_args *args, const struct kdbus_args_spec *spec,
		    void __user *user)
{
	size_t padded;
	u64 size;

	might_fault();

	args->spec = spec;
	args->user = user;
	args->size = 0;
	args->found = 0;
	args->out = 0;
	args->out_always = false;
	args->negotiate = false;
	args->written = false;
	args->data = args->buf;

	if (!IS_ALIGNED((unsigned long)user, 8))
		return -EFAULT;
	if (get_user(size, (u64 __user *)user))
		return -EFAULT;
	if (size < spec->fixed)
		return -EINVAL;
	if (size > KDBUS_CMD_MAX_SIZE)
		return -EMSGSIZE;

	padded = KDBUS_ALIGN8(size);
	if (padded > sizeof(args->buf)) {
		args->data = kvmalloc(padded, GFP_KERNEL_ACCOUNT);
		if (!args->data)
			return -ENOMEM;
	}

	if (copy_from_user(args->data, user, size))
		return -EFAULT;
	memset(args->data + size, 0, padded - size);
	if (args->cmd->size != size)
		return -EINVAL;

	args->size = size;
	if (!spec->is_msg)
		args->cmd->return_flags = 0;
	return 0;
}

/* NEG-2: write 0 over each entry that is no item of this command. */
static int negotiate_items(const struct kdbus_args *args)
{
	const struct kdbus_args_spec *spec = args->spec;
	const struct kdbus_item *item;
	u64 __user *entry;
	size_t i, n;

	if (!(args->found & KDBUS_ITEM_BIT(KDBUS_ITEM_NEGOTIATE)))
		return 0;
	item = kdbus_args_find(args, KDBUS_ITEM_NEGOTIATE);

	n = kdbus_item_payload_size(item) / sizeof(u64);
	entry = args->user + ((void *)item->data64 - args->data);

	for (i = 0; i < n; i++) {
		if (kdbus_item_bit(item->data64[i]) & (spec->once | spec->many))
			continue;
		if (put_user(0ULL, entry + i))
			return -EFAULT;
	}

	return 0;
}

/**
 * kdbus_args_check() - check flags and items, answer negotiation
 * @args:	block that was copied in
 *
 * Checks 6 to 9 of CMD-2. With KDBUS_FLAG_NEGOTIATE the caller must not go
 * on to execute the command: @args->negotiate says so.
 *
 * Return: 0; -EINVAL or what kdbus_items_check() says; -EFAULT if an answer
 * cannot be written.
 */
int kdbus_args_check(struct kdbus_args *args)
{
	const struct kdbus_args_spec *spec = args->spec;
	struct kdbus_cmd __user *user = args->user;
	int ret;

	if (args->cmd->flags & ~(spec->flags | KDBUS_FLAG_NEGOTIATE))
		return -EINVAL;

	ret = kdbus_items_check(args->data + spec->fixed,
				args->size - spec->fixed,
				spec->once, spec->many, &args->found);
	if (ret)
		return ret;

	ret = negotiate_items(args);
	if (ret)
		return ret;

	if (args->cmd->flags & KDBUS_FLAG_NEGOTIATE) {
		args->negotiate = true;
		return put_user(spec->flags, &user->flags);
	}

	return spec->need & ~args->found ? -EINVAL : 0;
}

/**
 * kdbus_args_finish() - write the results of a command back
 * @args:	block of a command, results filled in; return_flags starts as 0
 * @ret:	result of the command so far
 *
 * CMD-3: return_flags on every exit, other fields on success. The set-up
 * commands call this before they publish anything; then nothing is written
 * at the end.
 *
 * Return: @ret, or -EFAULT if the write failed.
 */
int kdbus_args_finish(struct kdbus_args *args, int ret)
{
	const size_t start = offsetof(struct kdbus_cmd, return_flags);
	size_t end = start + sizeof(args->cmd->return_flags);

	might_fault();

	if (args->written)
		return ret;
	args->written = true;

	if (!ret || args->out_always)
		end = max(end, args->out);

	if (copy_to_user(args->user + start, args->data + start, end - start))
		return -EFAULT;
	return ret;
}

/**
 * kdbus_args_free() - free the copy of a block
 * @args:	block, on which kdbus_args_read() was called
 */
void kdbus_args_free(struct kdbus_args *args)
{
	if (args->data != args->buf)
		kvfree(args->data);
	args->data = args->buf;
}

/**
 * kdbus_args_find() - find an item of a checked block
 * @args:	block
 * @type:	type of item
 *
 * Return: the first item of that type, NULL if there is none.
 */
struct kdbus_item *kdbus_args_find(const struct kdbus_args *args, u64 type)
{
	struct kdbus_item *item;

	if (!(args->found & kdbus_item_bit(type)))
		return NULL;

	kdbus_args_for_each_item(item, args)
		if (item->type == type)
			return item;

	return NULL;
}

/**
 * kdbus_attach_mask_check() - check a mask of KDBUS_ATTACH_* bits
 * @mask:	mask as given
 * @out:	returns the mask with _KDBUS_ATTACH_ANY resolved
 *
 * Return: 0, or -EINVAL for a bit that does not exist (3.6).
 */
int kdbus_attach_mask_check(u64 mask, u64 *out)
{
	if (mask == _KDBUS_ATTACH_ANY)
		mask = _KDBUS_ATTACH_ALL;
	if (mask & ~_KDBUS_ATTACH_ALL)
		return -EINVAL;

	*out = mask;
	return 0;
}
