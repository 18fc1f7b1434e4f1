// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/math64.h>
#include <linux/slab.h>

#include "access.h"
#include "bus.h"
#include "conn.h"
#include "delivery.h"
#include "facts.h"
#include "files.h"
#include "message.h"

/* META-1: which metadata the receiver gets. */
static u64 attach_mask(const struct kdbus_conn *src,
		       const struct kdbus_conn *dst)
{
	if (!src)
		return KDBUS_ATTACH_TIMESTAMP;

	return kdbus_meta_mask(&dst->view, READ_ONCE(dst->recv_mask),
			       READ_ONCE(src->send_mask), src->faked);
}

/* On custom endpoints each receiver knows other names (W-16). */
static int collect_names(struct kdbus_conn *src, struct kdbus_conn *dst,
			 struct kdbus_message *msg)
{
	int ret;

	if (msg->names && msg->names_for == &dst->ep->node &&
	    dst->ep->is_default)
		return 0;

	kvfree(msg->names);
	ret = kdbus_access_list_names(dst, dst->cred, src, &msg->names,
				      &msg->meta.names_size);
	msg->meta.names = msg->names;
	msg->names_for = &dst->ep->node;

	return ret;
}

/* Adds what is missing of a set of metadata to what is known of the sender. */
static int collect(struct kdbus_conn *src, struct kdbus_conn *dst,
		   struct kdbus_message *msg, u64 mask)
{
	struct kdbus_meta *meta = &msg->meta;

	if (!src)
		return 0;

	if (mask & KDBUS_ATTACH_TIMESTAMP)
		kdbus_meta_stamp(meta);
	if (mask & KDBUS_ATTACH_CONN_DESCRIPTION)
		meta->description = src->description;

	if (mask & KDBUS_ATTACH_NAMES) {
		int ret = collect_names(src, dst, msg);

		if (ret)
			return ret;
	}

	if (!(mask & KDBUS_ATTACH_PROCESS))
		return 0;
	if (!msg->facts) {
		msg->facts = kdbus_facts_new();
		if (!msg->facts)
			return -ENOMEM;
		meta->facts = msg->facts;
	}
	kdbus_facts_collect(msg->facts, mask);

	return 0;
}

/*
 * Reserve room and fill it. Payload that is not resident is brought in with
 * nothing reserved, then the room is reserved anew: user memory may take for
 * ever to be read. Twice not resident, it is staged, so there is no third time.
 */
static struct kdbus_queue_entry *fill(struct kdbus_conn *dst,
				      struct kdbus_message *msg,
				      const struct kdbus_layout *layout,
				      const struct kdbus_parcel *parcel)
{
	struct kdbus_queue_entry *entry;
	int try, ret;

	for (try = 0; ; try++) {
		entry = kdbus_conn_reserve(dst, parcel);
		if (IS_ERR(entry))
			return entry;

		ret = kdbus_message_write(msg, layout, entry->slice);
		if (!ret) {
			atomic64_add(msg->payload, &dst->copied);
			return entry;
		}

		kdbus_conn_cancel(dst, entry);
		if (ret == -EAGAIN)
			ret = try ? kdbus_message_stage(msg) :
				    kdbus_message_fault_in(msg);
		if (ret)
			return ERR_PTR(ret);
	}
}

/**
 * kdbus_delivery_prepare() - reserve room at a receiver and fill it
 * @src:	sender, or NULL
 * @dst:	receiver, referenced
 * @msg:	message
 * @tie:	incarnation of the name it is sent to, 0 if it does not follow
 *		a name
 *
 * Touches user memory unless the payload is staged, so nothing is locked.
 *
 * Return: an entry for kdbus_conn_commit() or kdbus_conn_cancel(); an error of
 * kdbus_conn_reserve(); -EFAULT; -EINTR, -ENOMEM.
 */
struct kdbus_queue_entry *kdbus_delivery_prepare(struct kdbus_conn *src,
						 struct kdbus_conn *dst,
						 struct kdbus_message *msg,
						 u64 tie)
{
	struct kdbus_parcel parcel = {
		.user = src ? src->user : dst->ep->bus->kernel_user,
		.priority = msg->args.msg->priority,
		.files = msg->files,
		.tie = tie,
	};
	struct kdbus_queue_entry *entry;
	struct kdbus_layout layout __uninitialized;	/* large */
	u64 mask;
	int ret;

	mask = attach_mask(src, dst);
	/* Asked for too late: arguments are not read with room reserved. */
	if (msg->reserved &&
	    !(msg->facts && msg->facts->asked & KDBUS_ATTACH_CMDLINE))
		mask &= ~KDBUS_ATTACH_CMDLINE;
	ret = collect(src, dst, msg, mask);
	if (ret)
		return ERR_PTR(ret);

	ret = kdbus_message_layout(msg, mask, src ? &dst->view : NULL, &layout);
	if (ret)
		return ERR_PTR(ret);

	parcel.meta_end = layout.size;
	parcel.meta_start = layout.size - layout.meta_size;
	parcel.cost.bytes = layout.total;
	parcel.cost.fds = kdbus_files_fds(msg->files);
	parcel.cost.memfds = kdbus_files_memfds(msg->files);
	entry = fill(dst, msg, &layout, &parcel);
	kdbus_layout_free(&layout);

	return entry;
}

/* Makes the monitors and those who match targets, as far as there is room. */
static size_t add_targets(struct kdbus_fanout *fanout, struct kdbus_bus *bus,
			  const struct kdbus_match_hits *hits)
{
	struct kdbus_target *target = fanout->targets;
	struct kdbus_conn *conn;
	size_t i;

	list_for_each_entry(conn, &bus->monitors, monitor)
		(target++)->conn = kdbus_conn_ref(conn);

	for (i = 0; i < hits->n; i++) {
		conn = container_of(hits->owners[i], struct kdbus_conn,
				    matches);
		if (kdbus_active_is_active(&conn->active))
			(target++)->conn = kdbus_conn_ref(conn);
	}

	return target - fanout->targets;
}

/* Returns 0, or the number of targets for which there has to be room. */
static size_t find_targets(struct kdbus_fanout *fanout, struct kdbus_bus *bus,
			   struct kdbus_match_context *ctx,
			   struct kdbus_match_hits *hits, size_t room)
{
	size_t need = 0;

	down_read(&bus->names.lock);
	down_read(&bus->matches.lock);

	if (ctx && !kdbus_matches_query(&bus->matches, ctx, hits))
		need = hits->n + bus->n_monitors;
	else if (hits->n + bus->n_monitors > room)
		need = hits->n + bus->n_monitors;
	else
		fanout->n = add_targets(fanout, bus, hits);

	up_read(&bus->matches.lock);
	up_read(&bus->names.lock);

	return need;
}

/**
 * kdbus_fanout_find() - find the monitors and those who want a message
 * @fanout:	returns the targets; kdbus_fanout_free() them, also on failure
 * @bus:	bus
 * @ctx:	what is sent; NULL: monitors only
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_fanout_find(struct kdbus_fanout *fanout, struct kdbus_bus *bus,
		      struct kdbus_match_context *ctx)
{
	struct kdbus_match_hits hits = {};
	size_t need, room = 0;

	*fanout = (struct kdbus_fanout){};
	if (!ctx && !READ_ONCE(bus->n_monitors))
		return 0;

	while ((need = find_targets(fanout, bus, ctx, &hits, room))) {
		kvfree(hits.owners);
		kvfree(fanout->targets);
		hits = (struct kdbus_match_hits){};
		room = need + need / 4;	/* more may have come meanwhile */
		fanout->targets = kvcalloc(room, sizeof(*fanout->targets),
					   GFP_KERNEL_ACCOUNT);
		hits.owners = kvcalloc(room, sizeof(*hits.owners),
				       GFP_KERNEL_ACCOUNT);
		if (!fanout->targets || !hits.owners) {
			kvfree(hits.owners);
			return -ENOMEM;
		}
		hits.max = room;
	}
	kvfree(hits.owners);

	return 0;
}

/* QUOTA-3: no user gets more than a sixth of a pool. */
static bool can_take(const struct kdbus_conn *conn,
		     const struct kdbus_message *msg)
{
	return msg->payload <= div_u64(conn->pool.size, 6);
}

/**
 * kdbus_fanout_stage() - copy the payload for those who can take it
 * @fanout:	targets; those that are NULL are left out
 * @msg:	message
 *
 * Who can never have that much room loses the message; for him nothing is
 * copied, so that the copy is bounded by what a receiver may get.
 *
 * Return: 0 or an error of kdbus_message_stage().
 */
int kdbus_fanout_stage(struct kdbus_fanout *fanout, struct kdbus_message *msg)
{
	bool any = false;
	size_t i;

	for (i = 0; i < fanout->n; i++) {
		struct kdbus_target *target = &fanout->targets[i];

		if (!target->conn)
			continue;
		target->lost = !can_take(target->conn, msg);
		any |= !target->lost;
	}

	return any ? kdbus_message_stage(msg) : 0;
}

/**
 * kdbus_delivery_collect() - collect what a receiver wants to know of a task
 * @src:	sender, or NULL
 * @dst:	receiver
 * @msg:	message
 *
 * May read user memory, so it comes before any room is reserved.
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_delivery_collect(struct kdbus_conn *src, struct kdbus_conn *dst,
			   struct kdbus_message *msg)
{
	return collect(src, dst, msg,
		       attach_mask(src, dst) & KDBUS_ATTACH_PROCESS);
}

/**
 * kdbus_fanout_prepare() - reserve room at all targets and fill it
 * @fanout:	targets; those that are NULL are left out
 * @src:	sender, or NULL
 * @msg:	message, its payload staged
 *
 * Who has no room loses the message.
 */
void kdbus_fanout_prepare(struct kdbus_fanout *fanout, struct kdbus_conn *src,
			  struct kdbus_message *msg)
{
	struct kdbus_queue_entry *entry;
	size_t i;

	for (i = 0; i < fanout->n; i++) {
		struct kdbus_target *target = &fanout->targets[i];

		if (target->conn && !target->lost &&
		    kdbus_delivery_collect(src, target->conn, msg))
			target->lost = true;
	}
	msg->reserved = fanout->n;

	for (i = 0; i < fanout->n; i++) {
		struct kdbus_target *target = &fanout->targets[i];

		if (!target->conn || target->lost)
			continue;
		cond_resched();
		entry = kdbus_delivery_prepare(src, target->conn, msg, 0);
		if (IS_ERR(entry))
			target->lost = true;
		else
			target->entry = entry;
	}
}

/**
 * kdbus_fanout_commit() - queue the message at all targets
 * @fanout:	targets, prepared; the order of messages on the bus is up to
 *		the caller, who holds bus.commit if there is any
 */
void kdbus_fanout_commit(struct kdbus_fanout *fanout)
{
	size_t i;

	for (i = 0; i < fanout->n; i++) {
		struct kdbus_target *target = &fanout->targets[i];

		if (target->lost)
			kdbus_conn_lost(target->conn, 1);
		else if (target->entry &&
			 !kdbus_conn_commit(target->conn, target->entry))
			target->entry = NULL;
	}
}

/**
 * kdbus_fanout_free() - give everything back that was not queued
 * @fanout:	targets; empty afterwards
 */
void kdbus_fanout_free(struct kdbus_fanout *fanout)
{
	size_t i;

	for (i = 0; i < fanout->n; i++) {
		struct kdbus_target *target = &fanout->targets[i];

		if (target->entry)
			kdbus_conn_cancel(target->conn, target->entry);
		kdbus_conn_put(target->conn);
	}
	kvfree(fanout->targets);
	*fanout = (struct kdbus_fanout){};
}
