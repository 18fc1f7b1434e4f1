// SPDX-License-Identifier: GPL-2.0-only
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "facts.h"
#include "files.h"
#include "limits.h"
#include "message.h"
#include "pool.h"
#include "util.h"

static const struct kdbus_args_spec message_spec = {
	.fixed = sizeof(struct kdbus_msg),
	.flags = KDBUS_MSG_EXPECT_REPLY | KDBUS_MSG_NO_AUTO_START |
		 KDBUS_MSG_SIGNAL,
	.once = KDBUS_ITEM_BIT(KDBUS_ITEM_NEGOTIATE) |
		KDBUS_ITEM_BIT(KDBUS_ITEM_FDS) |
		KDBUS_ITEM_BIT(KDBUS_ITEM_BLOOM_FILTER) |
		KDBUS_ITEM_BIT(KDBUS_ITEM_DST_NAME),
	.many = KDBUS_ITEM_BIT(KDBUS_ITEM_PAYLOAD_VEC) |
		KDBUS_ITEM_BIT(KDBUS_ITEM_PAYLOAD_MEMFD),
	.is_msg = true,
};

/* Everything but the block itself. */
static void message_init(struct kdbus_message *msg)
{
	msg->meta = (struct kdbus_meta){};
	msg->facts = NULL;
	msg->names = NULL;
	msg->names_for = NULL;
	msg->files = NULL;
	msg->dst_name = NULL;
	msg->filter = NULL;
	msg->items_end = 0;
	msg->payload = 0;
	msg->n_parts = 0;
	msg->parts = msg->inline_parts;
	msg->reserved = false;
	msg->staged = NULL;
}

/**
 * kdbus_message_read() - copy a message in
 * @msg:	returns the message; kdbus_message_free() it, also on failure
 * @address:	address of the message in user memory
 *
 * Step 3 of SEND-1. The caller looks at @msg->args.negotiate.
 *
 * Return: 0, or an error of kdbus_args_read() or kdbus_args_check().
 */
int kdbus_message_read(struct kdbus_message *msg, u64 address)
{
	int ret;

	message_init(msg);

	if (!address || !kdbus_uptr_valid(address))
		address = 1;	/* misaligned: -EFAULT */

	ret = kdbus_args_read(&msg->args, &message_spec,
			      u64_to_user_ptr(address));
	return ret ?: kdbus_args_check(&msg->args);
}

/**
 * kdbus_message_free() - free a message
 * @msg:	message, on which kdbus_message_read() was called
 */
void kdbus_message_free(struct kdbus_message *msg)
{
	if (msg->parts != msg->inline_parts)
		kvfree(msg->parts);
	msg->parts = msg->inline_parts;
	kvfree(msg->staged);
	msg->staged = NULL;
	kdbus_files_put(msg->files);
	msg->files = NULL;
	kdbus_facts_put(msg->facts);
	msg->facts = NULL;
	kvfree(msg->names);
	msg->names = NULL;
	kdbus_args_free(&msg->args);
}

/**
 * kdbus_message_init_notice() - make a message of the kernel
 * @msg:	returns the message; kdbus_message_free() it
 * @notice:	what it says
 * @seqnum:	sequence number on the bus
 *
 * NOTE-1. It always has a TIMESTAMP.
 *
 * Return: 0; -ENOMEM, not for one without payload.
 */
int kdbus_message_init_notice(struct kdbus_message *msg,
			      const struct kdbus_notice *notice, u64 seqnum)
{
	size_t size = sizeof(*msg->args.msg) + KDBUS_ITEM_SIZE(notice->size);
	struct kdbus_msg *hdr = (struct kdbus_msg *)msg->args.buf;

	message_init(msg);
	msg->args.spec = &message_spec;
	msg->args.msg = hdr;
	if (KDBUS_ALIGN8(size) > sizeof(msg->args.buf)) {
		hdr = kzalloc(KDBUS_ALIGN8(size), GFP_KERNEL_ACCOUNT);
		if (!hdr)
			return -ENOMEM;
		msg->args.msg = hdr;
	}

	memset(hdr, 0, sizeof(*hdr));
	if (notice->dst_id == KDBUS_DST_ID_BROADCAST)
		hdr->flags = KDBUS_MSG_SIGNAL;
	hdr->dst_id = notice->dst_id;
	hdr->src_id = KDBUS_SRC_ID_KERNEL;
	hdr->payload_type = KDBUS_PAYLOAD_KERNEL;
	hdr->cookie_reply = notice->cookie_reply;
	kdbus_item_put(hdr->items, notice->type, notice->data, notice->size);

	msg->args.size = size;
	msg->items_end = size;
	msg->meta.stamp.seqnum = seqnum;
	kdbus_meta_stamp(&msg->meta);

	return 0;
}

/* The table of 18.2. */
static int check_header(const struct kdbus_msg *hdr, bool sync)
{
	bool expect = hdr->flags & KDBUS_MSG_EXPECT_REPLY;
	bool signal = hdr->flags & KDBUS_MSG_SIGNAL;

	if (hdr->payload_type == KDBUS_PAYLOAD_KERNEL)
		return -EINVAL;
	if (hdr->dst_id == KDBUS_DST_ID_BROADCAST) {
		if (!signal)
			return -EBADMSG;
		if (hdr->cookie_reply)
			return -ENOTUNIQ;
	}
	if (expect) {
		if (!hdr->timeout_ns)
			return -EINVAL;
		if (signal)
			return -ENOTUNIQ;
		return 0;
	}
	if (sync)
		return -EINVAL;
	if (signal && hdr->cookie_reply)
		return -EINVAL;

	return 0;
}

static int check_vec(const struct kdbus_vec *vec)
{
	if (vec->size > KDBUS_VEC_MAX_SIZE)
		return -EMSGSIZE;
	if (vec->address &&
	    (!kdbus_uptr_valid(vec->address) ||
	     !access_ok(u64_to_user_ptr(vec->address), vec->size)))
		return -EFAULT;
	return 0;
}

static int check_filter(const struct kdbus_item *item, size_t bloom_size)
{
	size_t size = kdbus_item_payload_size(item) -
		      sizeof(item->bloom_filter);

	if (size % KDBUS_BLOOM_UNIT)
		return -EFAULT;
	return size == bloom_size ? 0 : -EDOM;
}

static int check_memfd(const struct kdbus_memfd *memfd, unsigned int n)
{
	u64 end;

	if (check_add_overflow(memfd->start, memfd->size, &end))
		return -EMSGSIZE;
	return n < KDBUS_MSG_MAX_MEMFDS ? 0 : -E2BIG;
}

static int check_dst_name(const struct kdbus_item *item, u64 dst_id)
{
	if (!kdbus_name_valid(item->str, false))
		return -EINVAL;
	return dst_id == KDBUS_DST_ID_BROADCAST ? -EBADMSG : 0;
}

/* The table of 18.3; counts the items of payload. */
static int check_items(struct kdbus_message *msg, size_t bloom_size)
{
	const struct kdbus_msg *hdr = msg->args.msg;
	unsigned int n_memfds = 0;
	struct kdbus_item *item;
	size_t n_fds;
	int ret = 0;

	kdbus_args_for_each_item(item, &msg->args) {
		switch (item->type) {
		case KDBUS_ITEM_PAYLOAD_VEC:
			msg->n_parts++;
			ret = check_vec(&item->vec);
			break;
		case KDBUS_ITEM_PAYLOAD_MEMFD:
			msg->n_parts++;
			ret = check_memfd(&item->memfd, n_memfds++);
			break;
		case KDBUS_ITEM_FDS:
			n_fds = kdbus_item_payload_size(item) / sizeof(int);
			ret = n_fds > KDBUS_MSG_MAX_FDS ? -EMFILE : 0;
			break;
		case KDBUS_ITEM_BLOOM_FILTER:
			msg->filter = &item->bloom_filter;
			ret = check_filter(item, bloom_size);
			break;
		case KDBUS_ITEM_DST_NAME:
			msg->dst_name = item->str;
			ret = check_dst_name(item, hdr->dst_id);
			break;
		default:
			ret = -EINVAL;	/* NEGOTIATE, NEG-3 */
		}
		if (ret)
			return ret;
	}

	return 0;
}

/* The table of 18.4. */
static int check_combination(const struct kdbus_message *msg)
{
	const struct kdbus_msg *hdr = msg->args.msg;
	u64 found = msg->args.found;
	bool filter = found & KDBUS_ITEM_BIT(KDBUS_ITEM_BLOOM_FILTER);
	bool signal = hdr->flags & KDBUS_MSG_SIGNAL;

	if (filter != signal)
		return -EBADMSG;
	if (hdr->dst_id == KDBUS_DST_ID_NAME &&
	    !(found & KDBUS_ITEM_BIT(KDBUS_ITEM_DST_NAME)))
		return -EDESTADDRREQ;
	if (hdr->dst_id == KDBUS_DST_ID_BROADCAST &&
	    (found & KDBUS_ITEM_BIT(KDBUS_ITEM_FDS)))
		return -ENOTUNIQ;

	return 0;
}

static void import_vec(struct kdbus_message *msg, struct kdbus_part *part,
		       struct kdbus_item *item)
{
	part->item = item;
	part->addr = u64_to_user_ptr(item->vec.address);
	part->offset = msg->payload;
	part->pad = 0;
	if (part->addr)
		msg->payload += item->vec.size;
	else
		part->pad = item->vec.size % 8;
	item->type = KDBUS_ITEM_PAYLOAD_OFF;
}

/*
 * Notes where each part of the payload lies and will lie, and turns the items
 * into what receivers see: PAYLOAD_OFF, zero padding (LAY-1, LAY-4, LAY-5).
 */
static void import_parts(struct kdbus_message *msg)
{
	struct kdbus_part *part = msg->parts;
	struct kdbus_item *item;

	msg->items_end = msg->args.spec->fixed;

	kdbus_args_for_each_item(item, &msg->args) {
		void *end = (void *)item + item->size;

		msg->items_end = end - msg->args.data;
		memset(end, 0, KDBUS_ALIGN8(item->size) - item->size);

		if (item->type == KDBUS_ITEM_PAYLOAD_VEC)
			import_vec(msg, part, item);
		else if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD)
			*part = (struct kdbus_part){
				.offset = msg->payload,
				.pad = item->memfd.size % 8,
			};
		else
			continue;

		msg->payload += part->pad;
		part++;
	}
}

/**
 * kdbus_message_import() - check a message and prepare it for receivers
 * @msg:	message that was read
 * @src_id:	id of the sender
 * @sync:	the sender will wait for the reply
 * @bloom_size:	bytes of a filter on this bus
 *
 * Steps 5 and 6 of SEND-1. The payload itself is not touched.
 *
 * Return: 0; an error of the tables 18.2 to 18.4; -ENOMEM.
 */
int kdbus_message_import(struct kdbus_message *msg, u64 src_id, bool sync,
			 size_t bloom_size)
{
	struct kdbus_msg *hdr = msg->args.msg;
	int ret;

	if (hdr->src_id && hdr->src_id != src_id)
		return -EINVAL;

	ret = check_header(hdr, sync);
	if (ret)
		return ret;
	ret = check_items(msg, bloom_size);
	if (ret)
		return ret;
	ret = check_combination(msg);
	if (ret)
		return ret;

	if (msg->n_parts > KDBUS_MESSAGE_INLINE_PARTS) {
		struct kdbus_part *parts;

		parts = kvmalloc_array(msg->n_parts, sizeof(*parts),
				       GFP_KERNEL_ACCOUNT);
		if (!parts)
			return -ENOMEM;
		msg->parts = parts;
	}

	hdr->src_id = src_id;
	import_parts(msg);

	return 0;
}

/**
 * kdbus_message_import_files() - look the files of a message up
 * @msg:	imported message
 *
 * Step 7 of SEND-1.
 *
 * Return: 0 or an error of kdbus_files_import().
 */
int kdbus_message_import_files(struct kdbus_message *msg)
{
	const u64 types = KDBUS_ITEM_BIT(KDBUS_ITEM_PAYLOAD_MEMFD) |
			  KDBUS_ITEM_BIT(KDBUS_ITEM_FDS);
	const size_t fixed = sizeof(*msg->args.msg);
	struct kdbus_files *files;

	if (!(msg->args.found & types))
		return 0;

	files = kdbus_files_import(msg->args.data + fixed,
				   msg->args.size - fixed, fixed);
	if (IS_ERR(files))
		return PTR_ERR(files);

	msg->files = files;
	return 0;
}

/**
 * kdbus_message_layout() - find out how a message will lie at a receiver
 * @msg:	imported message
 * @mask:	metadata that the receiver gets, a set of KDBUS_ATTACH_*
 * @view:	how the receiver sees it; NULL for a message of the kernel
 * @layout:	returns the layout; kdbus_layout_free() it
 *
 * LAY-2.
 *
 * Return: 0; -ENOMEM, not for a message of the kernel.
 */
int kdbus_message_layout(const struct kdbus_message *msg, u64 mask,
			 const struct kdbus_view *view,
			 struct kdbus_layout *layout)
{
	size_t room = kdbus_meta_size(&msg->meta, mask, view);

	layout->meta = layout->inline_meta;
	if (room > sizeof(layout->inline_meta)) {
		layout->meta = kvmalloc(room, GFP_KERNEL_ACCOUNT);
		if (!layout->meta)
			return -ENOMEM;
	}

	layout->meta_size = kdbus_meta_emit(&msg->meta, mask, view,
					    layout->meta, room);
	layout->size = msg->items_end;
	if (layout->meta_size)
		layout->size = KDBUS_ALIGN8(layout->size) + layout->meta_size;
	layout->payload = KDBUS_ALIGN8(layout->size);
	layout->total = KDBUS_ALIGN8(layout->payload + msg->payload);

	return 0;
}

/**
 * kdbus_layout_free() - free a layout
 * @layout:	layout, on which kdbus_message_layout() was called
 */
void kdbus_layout_free(struct kdbus_layout *layout)
{
	if (layout->meta != layout->inline_meta)
		kvfree(layout->meta);
	layout->meta = layout->inline_meta;
}

/**
 * kdbus_message_fault_in() - make the payload resident
 * @msg:	imported message
 *
 * May take as long as the sender's memory takes to be read; the caller holds
 * nothing that others wait for.
 *
 * Return: 0; -EFAULT if the payload cannot be read; -EINTR if the task is
 * being killed.
 */
int kdbus_message_fault_in(const struct kdbus_message *msg)
{
	unsigned int i;

	might_fault();

	for (i = 0; i < msg->n_parts; i++) {
		const struct kdbus_part *part = &msg->parts[i];

		if (fatal_signal_pending(current))
			return -EINTR;
		if (part->addr &&
		    fault_in_readable(part->addr, part->item->vec.size))
			return fatal_signal_pending(current) ? -EINTR : -EFAULT;
	}

	return 0;
}

/**
 * kdbus_message_stage() - copy the payload into kernel memory
 * @msg:	imported message
 *
 * For payload that does not stay resident. The sender pays; the caller holds
 * nothing that others wait for.
 *
 * Return: 0; -EFAULT; -EINTR; -ENOMEM.
 */
int kdbus_message_stage(struct kdbus_message *msg)
{
	unsigned int i;

	might_fault();

	if (msg->staged || !msg->payload)
		return 0;
	msg->staged = kvmalloc(msg->payload, GFP_KERNEL_ACCOUNT |
			       __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	if (!msg->staged)
		return -ENOMEM;

	for (i = 0; i < msg->n_parts; i++) {
		const struct kdbus_part *part = &msg->parts[i];

		if (!part->addr)
			continue;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
		if (copy_from_user(msg->staged + part->offset, part->addr,
				   part->item->vec.size))
			return fatal_signal_pending(current) ? -EINTR : -EFAULT;
	}

	return 0;
}

static int write_part(struct kdbus_pool_writer *writer,
		      const struct kdbus_message *msg,
		      const struct kdbus_part *part)
{
	struct iov_iter iter;
	u64 size;
	int ret;

	if (fatal_signal_pending(current))
		return -EINTR;
	if (!part->addr)
		return kdbus_pool_write_zero(writer, part->pad);

	size = part->item->vec.size;
	if (msg->staged)
		return kdbus_pool_write(writer, msg->staged + part->offset,
					size);

	ret = import_ubuf(ITER_SOURCE, part->addr, size, &iter);
	return ret ?: kdbus_pool_write_iter(writer, &iter);
}

static void set_offsets(struct kdbus_message *msg, u64 payload)
{
	unsigned int i;

	for (i = 0; i < msg->n_parts; i++) {
		struct kdbus_part *part = &msg->parts[i];

		if (part->item)
			part->item->vec.offset =
				part->addr ? payload + part->offset : U64_MAX;
	}
}

/**
 * kdbus_message_write() - write a message into the slice of a receiver
 * @msg:	imported message
 * @layout:	its layout at this receiver
 * @slice:	slice of @layout->total bytes that this task has reserved
 *
 * Return: 0; -EAGAIN if the payload is not resident; an error of the pool.
 */
int kdbus_message_write(struct kdbus_message *msg,
			const struct kdbus_layout *layout,
			struct kdbus_slice *slice)
{
	struct kdbus_pool_writer writer;
	unsigned int i;
	int ret;

	msg->args.msg->size = layout->size;
	set_offsets(msg, layout->payload);

	kdbus_pool_write_begin(&writer, slice);

	ret = kdbus_pool_write(&writer, msg->args.data,
			       KDBUS_ALIGN8(msg->items_end));
	if (!ret && layout->meta_size)
		ret = kdbus_pool_write(&writer, layout->meta,
				       KDBUS_ALIGN8(layout->meta_size));
	for (i = 0; !ret && i < msg->n_parts; i++)
		ret = write_part(&writer, msg, &msg->parts[i]);
	if (!ret)
		ret = kdbus_pool_write_zero(&writer,
					    slice->size - writer.pos);

	kdbus_pool_write_end(&writer);
	return ret;
}

/* Moves 8 bytes within a slice. */
static int move_word(struct kdbus_slice *slice, u32 to, u32 from)
{
	struct kdbus_pool_writer writer;
	u64 word;
	int ret;

	ret = kdbus_pool_read(slice, from, &word, sizeof(word));
	if (ret)
		return ret;

	kdbus_pool_write_begin(&writer, slice);
	kdbus_pool_write_seek(&writer, to);
	ret = kdbus_pool_write(&writer, &word, sizeof(word));
	kdbus_pool_write_end(&writer);

	return ret;
}

static int set_size(struct kdbus_slice *slice, u64 size)
{
	struct kdbus_pool_writer writer;
	int ret;

	kdbus_pool_write_begin(&writer, slice);
	ret = kdbus_pool_write(&writer, &size, sizeof(size));
	kdbus_pool_write_end(&writer);

	return ret;
}

/**
 * kdbus_message_hide() - take metadata out of a message that was written
 * @slice:	slice that this task has reserved
 * @start:	where the metadata items begin
 * @end:	where they end
 * @mask:	set of KDBUS_ATTACH_* that stay
 *
 * What stays moves up. The message ends behind it; its inline payload remains
 * where the items say it is.
 *
 * Return: 0; an error of the pool.
 */
int kdbus_message_hide(struct kdbus_slice *slice, u32 start, u32 end, u64 mask)
{
	u32 pos, i, to = start, last = start;
	u64 size, type;
	int ret;

	for (pos = start; pos < end; pos += KDBUS_ALIGN8(size)) {
		if (end - pos < KDBUS_ITEM_HEADER_SIZE)
			return -EIO;
		ret = kdbus_pool_read(slice, pos, &size, sizeof(size));
		if (!ret)
			ret = kdbus_pool_read(slice,
					      pos + offsetof(struct kdbus_item,
							     type),
					      &type, sizeof(type));
		if (ret)
			return ret;

		/* Written by the kernel, but in memory that root can change. */
		type -= _KDBUS_ITEM_ATTACH_BASE;
		if (size < KDBUS_ITEM_HEADER_SIZE || size > end - pos ||
		    type >= BITS_PER_TYPE(u64))
			return -EIO;
		if (!(mask & BIT_ULL(type)))
			continue;

		last = to + size;
		for (i = 0; i < size; i += sizeof(u64), to += sizeof(u64)) {
			ret = move_word(slice, to, pos + i);
			if (ret)
				return ret;
		}
	}

	return set_size(slice, last);
}
