// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "bus.h"
#include "call.h"
#include "conn.h"
#include "files.h"
#include "handover.h"
#include "message.h"

/**
 * struct move - one message that moves
 * @entry:	place among the moves
 * @serial:	its serial in the old queue
 * @old:	its entry in the old queue; set when it has left it
 * @copy:	its copy for the new queue; NULL if that has no room
 */
struct move {
	struct list_head entry;
	u64 serial;
	struct kdbus_queue_entry *old;
	struct kdbus_queue_entry *copy;
};

/**
 * kdbus_handover_init() - begin without anything that moves
 * @handover:	returns the hand-over; kdbus_handover_finish() it
 */
void kdbus_handover_init(struct kdbus_handover *handover)
{
	*handover = (struct kdbus_handover){};
	INIT_LIST_HEAD(&handover->moves);
}

/**
 * kdbus_handover_set() - say what moves
 * @handover:	initialised hand-over
 * @from:	where messages wait; a reference is taken
 * @to:		where they go; a reference is taken
 * @incarnation: incarnation of the name that they are tied to
 */
void kdbus_handover_set(struct kdbus_handover *handover,
			struct kdbus_conn *from, struct kdbus_conn *to,
			u64 incarnation)
{
	handover->from = kdbus_conn_ref(from);
	handover->to = kdbus_conn_ref(to);
	handover->incarnation = incarnation;
	/* ACT-4: an activator cannot answer what it has received. */
	handover->all_calls = from->flags & KDBUS_HELLO_ACTIVATOR;
}

/* The next message that moves and has no copy; conn.data is held. */
static struct kdbus_queue_entry *
next_uncopied(const struct kdbus_handover *handover, u64 end)
{
	struct kdbus_queue_entry *entry;

	lockdep_assert_held(&handover->from->data);

	list_for_each_entry(entry, &handover->from->queue.msgs, entry)
		if (entry->tie == handover->incarnation &&
		    entry->serial > handover->last)
			return entry->serial <= end ? entry : NULL;

	return NULL;
}

/* Fills @parcel and holds the slice and what the parcel refers to. */
static struct kdbus_slice *hold_next(struct kdbus_handover *handover,
				     struct kdbus_parcel *parcel)
{
	struct kdbus_slice *slice = NULL;
	struct kdbus_queue_entry *entry;

	mutex_lock(&handover->from->data);
	entry = next_uncopied(handover, handover->end);
	if (entry) {
		handover->last = entry->serial;
		parcel->user = kdbus_user_ref(entry->charge.share->user);
		parcel->cost = entry->charge.cost;
		parcel->priority = entry->priority;
		parcel->files = kdbus_files_ref(entry->files);
		parcel->tie = entry->tie;
		parcel->meta_start = entry->meta_start;
		parcel->meta_end = entry->meta_end;
		slice = entry->slice;
		kdbus_slice_hold(slice);
	}
	mutex_unlock(&handover->from->data);

	return slice;
}

/*
 * W-50: metadata was selected and translated for the one to whom the message
 * was sent. In other namespaces that is nothing to rely on, so the new owner
 * gets only what he asked for.
 */
static int copy_for(struct kdbus_handover *handover, struct kdbus_slice *to,
		    const struct kdbus_slice *from,
		    const struct kdbus_parcel *parcel)
{
	int ret;

	ret = kdbus_pool_copy(to, from);
	if (ret || kdbus_view_equal(&handover->from->view, &handover->to->view))
		return ret;

	return kdbus_message_hide(to, parcel->meta_start, parcel->meta_end,
				  READ_ONCE(handover->to->recv_mask));
}

/* Returns no copy of a message that does not fit. */
static int copy_message(struct kdbus_handover *handover,
			const struct kdbus_slice *slice,
			const struct kdbus_parcel *parcel,
			struct kdbus_queue_entry **copy)
{
	struct kdbus_conn *to = handover->to;
	int ret;

	*copy = kdbus_conn_reserve(to, parcel);
	if (IS_ERR(*copy)) {
		ret = PTR_ERR(*copy);
	} else {
		ret = copy_for(handover, (*copy)->slice, slice, parcel);
		if (!ret)
			return 0;
		kdbus_conn_cancel(to, *copy);
	}
	*copy = NULL;

	/*
	 * ACT-6: what does not fit is lost. A name can be acquired later, but
	 * whoever gives it up does so now, whatever gets lost.
	 */
	return handover->all_calls && (ret == -ENOMEM || ret == -ECONNRESET) ?
	       ret : 0;
}

/**
 * kdbus_handover_prepare() - copy the messages that have no copy yet
 * @handover:	hand-over; nothing happens if nothing moves
 *
 * Return: 0 or -ENOMEM; from an activator also -ECONNRESET if the new owner is
 * closed.
 */
int kdbus_handover_prepare(struct kdbus_handover *handover)
{
	struct kdbus_parcel parcel;
	struct kdbus_slice *slice;
	struct move *move;
	int ret;

	if (!handover->from)
		return 0;

	mutex_lock(&handover->from->data);
	handover->end = handover->from->queue.last;
	mutex_unlock(&handover->from->data);

	for (;;) {
		move = kzalloc(sizeof(*move), GFP_KERNEL_ACCOUNT);
		if (!move)
			return -ENOMEM;

		slice = hold_next(handover, &parcel);
		if (!slice) {
			kfree(move);
			return 0;
		}

		move->serial = handover->last;
		ret = copy_message(handover, slice, &parcel, &move->copy);
		list_add_tail(&move->entry, &handover->moves);

		mutex_lock(&handover->from->data);
		kdbus_slice_release_kernel(slice);
		mutex_unlock(&handover->from->data);
		kdbus_files_put(parcel.files);
		kdbus_user_put(parcel.user);
		if (ret)
			return ret;
	}
}

/* Takes the messages out of their queue for which there are copies. */
static void detach_messages(struct kdbus_handover *handover)
{
	struct kdbus_conn *from = handover->from;
	struct kdbus_queue_entry *entry, *tmp;
	struct move *move;

	move = list_first_entry(&handover->moves, struct move, entry);

	/* Both are in the order of serials. */
	list_for_each_entry_safe(entry, tmp, &from->queue.msgs, entry) {
		if (entry->tie != handover->incarnation)
			continue;
		while (move->serial != entry->serial)
			move = list_next_entry(move, entry);

		kdbus_queue_remove(&from->queue, entry);
		kdbus_conn_detach(from, entry);
		move->old = entry;
	}
}

/* ACT-4: all calls to the name, but those of whom they would be owed by. */
static void detach_all_calls(struct kdbus_handover *handover,
			     struct list_head *calls)
{
	struct kdbus_reply *reply, *tmp;

	list_for_each_entry_safe(reply, tmp, &handover->from->owed, owed)
		if (reply->tie == handover->incarnation &&
		    reply->caller_id != handover->to->id)
			list_move_tail(&reply->owed, calls);
}

/* ACT-5: those whose request moves, but the ones that @from made himself. */
static void detach_unread_calls(struct kdbus_handover *handover,
				struct list_head *calls)
{
	u64 id = handover->from->id;
	struct kdbus_reply *reply;
	struct move *move;

	list_for_each_entry(move, &handover->moves, entry) {
		reply = move->old ? move->old->reply : NULL;
		if (reply && reply->callee_id == id && reply->caller_id != id &&
		    !list_empty(&reply->owed))
			list_move_tail(&reply->owed, calls);
	}
}

static void attach(struct kdbus_handover *handover, struct list_head *calls)
{
	struct kdbus_conn *to = handover->to;
	struct kdbus_reply *reply;
	struct move *move;

	list_for_each_entry(reply, calls, owed)
		WRITE_ONCE(reply->callee_id, to->id);
	list_splice(calls, &to->owed);

	list_for_each_entry(move, &handover->moves, entry) {
		if (!move->old)
			continue;
		/* If it is closed, they go back or are discarded in a moment. */
		if (!move->copy) {
			WRITE_ONCE(to->dropped, to->dropped + 1);
			continue;
		}
		swap(move->copy->reply, move->old->reply);
		kdbus_slice_written(move->copy->slice);
		kdbus_queue_add(&to->queue, move->copy);
		move->copy = NULL;
	}
}

/**
 * kdbus_handover_commit() - move the messages
 * @handover:	hand-over, prepared, names locked for writing
 *
 * Return: false if nothing has happened because a message has come that has no
 * copy.
 */
bool kdbus_handover_commit(struct kdbus_handover *handover)
{
	LIST_HEAD(calls);
	bool complete;

	if (!handover->from)
		return true;

	mutex_lock(&handover->from->data);
	complete = !next_uncopied(handover, U64_MAX);
	if (complete) {
		detach_messages(handover);
		if (handover->all_calls)
			detach_all_calls(handover, &calls);
		else
			detach_unread_calls(handover, &calls);
	}
	mutex_unlock(&handover->from->data);
	if (!complete)
		return false;

	mutex_lock(&handover->to->data);
	attach(handover, &calls);
	mutex_unlock(&handover->to->data);
	wake_up_interruptible_poll(&handover->to->wait, EPOLLIN | EPOLLRDNORM);

	return true;
}

/**
 * kdbus_handover_finish() - end a hand-over, committed or not
 * @handover:	hand-over
 *
 * ACT-6: a request that did not fit counts as dropped.
 */
void kdbus_handover_finish(struct kdbus_handover *handover)
{
	struct kdbus_conn *to = handover->to;
	struct move *move, *tmp;

	list_for_each_entry_safe(move, tmp, &handover->moves, entry) {
		if (move->copy)
			kdbus_conn_cancel(to, move->copy);
		if (move->old && move->old->reply) {
			kdbus_call_dead(to->ep->bus, move->old->reply);
			kdbus_call_settle(to->ep->bus, move->old->reply);
		}
		kdbus_conn_destroy_entry(move->old);
		list_del(&move->entry);
		kfree(move);
	}

	kdbus_conn_put(handover->from);
	kdbus_conn_put(handover->to);
	kdbus_handover_init(handover);
}
