// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "bus.h"
#include "conn.h"
#include "facts.h"
#include "files.h"
#include "limits.h"

static int new_pool(struct kdbus_conn *conn, u64 size)
{
	char name[sizeof("kdbus-conn:") + KDBUS_LABEL_MAX_LEN] = "kdbus-conn";

	if (conn->description)
		snprintf(name, sizeof(name), "kdbus-conn:%s",
			 conn->description);

	return kdbus_pool_init(&conn->pool, name, size, &conn->data);
}

static int init_from_params(struct kdbus_conn *conn,
			    const struct kdbus_conn_params *params)
{
	conn->id = kdbus_domain_new_id(kdbus_domain_of(&conn->ep->bus->node));
	if (!conn->id)
		return -ENOSPC;
	kdbus_name_owner_init(&conn->names, conn->id);

	if (params->description) {
		conn->description = kstrdup(params->description,
					    GFP_KERNEL_ACCOUNT);
		if (!conn->description)
			return -ENOMEM;
	}

	return new_pool(conn, params->pool_size);
}

/**
 * kdbus_conn_new() - make a connection
 * @ep:		endpoint it comes through
 * @params:	what it is made from, checked
 *
 * Return: a connection that nobody can find and that is not active, with one
 * reference; -EINVAL or -ENOMEM if the pool cannot be created; -ENOMEM,
 * -ENOSPC.
 */
struct kdbus_conn *kdbus_conn_new(struct kdbus_endpoint *ep,
				  const struct kdbus_conn_params *params)
{
	struct kdbus_conn *conn;
	int ret;

	conn = kzalloc(sizeof(*conn), GFP_KERNEL_ACCOUNT);
	if (!conn)
		return ERR_PTR(-ENOMEM);

	refcount_set(&conn->ref, 1);
	kdbus_active_init(&conn->active, "kdbus_conn.active");
	kdbus_name_owner_init(&conn->names, 0);
	kdbus_match_owner_init(&conn->matches);
	kdbus_policy_holder_init(&conn->policy);
	INIT_LIST_HEAD(&conn->monitor);
	mutex_init(&conn->data);
	init_waitqueue_head(&conn->wait);
	INIT_LIST_HEAD(&conn->pool.slices);
	kdbus_quota_init(&conn->quota, &conn->data);
	kdbus_queue_init(&conn->queue);
	kdbus_replies_init(&conn->replies);
	INIT_LIST_HEAD(&conn->owed);
	INIT_DELAYED_WORK(&conn->expire, params->expire);
	kdbus_node_ref(&ep->node);
	conn->ep = ep;
	conn->cred = get_cred(params->cred);
	conn->flags = params->flags;
	conn->send_mask = params->send_mask;
	conn->recv_mask = params->recv_mask;
	conn->owner = params->owner;
	conn->privileged = params->privileged;
	conn->faked = params->faked;

	ret = kdbus_view_init(&conn->view, params->cred);
	if (!ret)
		ret = init_from_params(conn, params);
	if (ret) {
		kdbus_conn_put(conn);
		return ERR_PTR(ret);
	}

	return conn;
}

/**
 * kdbus_conn_ref() - take a reference
 * @conn:	connection
 *
 * Return: @conn.
 */
struct kdbus_conn *kdbus_conn_ref(struct kdbus_conn *conn)
{
	refcount_inc(&conn->ref);
	return conn;
}

/**
 * kdbus_conn_put() - drop a reference
 * @conn:	connection, or NULL
 *
 * Nothing of kdbus may be locked: the last reference closes a file.
 */
void kdbus_conn_put(struct kdbus_conn *conn)
{
	if (!conn || !refcount_dec_and_test(&conn->ref))
		return;

	kdbus_quota_destroy(&conn->quota);
	kdbus_pool_destroy(&conn->pool);
	if (conn->charged)
		atomic_dec(&conn->user->conns);
	kdbus_user_put(conn->user);
	kdbus_view_destroy(&conn->view);
	kdbus_facts_put(conn->facts);
	put_cred(conn->cred);
	kdbus_node_put(&conn->ep->node);
	kfree(conn->description);
	kfree_rcu(conn, rcu);
}

/**
 * kdbus_conn_charge() - charge a new connection to its user
 * @conn:	connection with a user that is not charged yet
 *
 * The charge ends with kdbus_conn_close(), or with the connection.
 *
 * Return: 0; -EMFILE if the user has KDBUS_USER_MAX_CONNS.
 */
int kdbus_conn_charge(struct kdbus_conn *conn)
{
	int ret;

	ret = kdbus_user_charge(&conn->user->conns, KDBUS_USER_MAX_CONNS);
	if (!ret)
		conn->charged = true;
	return ret;
}

/**
 * kdbus_conn_link() - enter a connection into its bus
 * @conn:	connection that is not active yet
 *
 * The caller holds an active reference on the endpoint. The bus has no
 * reference; whoever activates the connection tears it down.
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_conn_link(struct kdbus_conn *conn)
{
	return xa_insert(&conn->ep->bus->conns, conn->id, conn,
			 GFP_KERNEL_ACCOUNT);
}

/**
 * kdbus_conn_monitor() - let a connection get a copy of everything
 * @conn:	monitor
 */
void kdbus_conn_monitor(struct kdbus_conn *conn)
{
	struct kdbus_bus *bus = conn->ep->bus;

	down_write(&bus->names.lock);
	list_add_tail(&conn->monitor, &bus->monitors);
	WRITE_ONCE(bus->n_monitors, bus->n_monitors + 1);
	up_write(&bus->names.lock);
}

/* Undoes kdbus_conn_monitor(). */
static void unmonitor(struct kdbus_conn *conn)
{
	struct kdbus_bus *bus = conn->ep->bus;

	down_write(&bus->names.lock);
	if (!list_empty(&conn->monitor)) {
		list_del_init(&conn->monitor);
		WRITE_ONCE(bus->n_monitors, bus->n_monitors - 1);
	}
	up_write(&bus->names.lock);
}

/**
 * kdbus_conn_announce() - others are going to be told of a new connection
 * @conn:	connection
 *
 * Return: true, unless it has been closed meanwhile.
 */
bool kdbus_conn_announce(struct kdbus_conn *conn)
{
	bool open;

	mutex_lock(&conn->data);
	open = !conn->closed;
	conn->announced = open;
	mutex_unlock(&conn->data);

	return open;
}

/**
 * kdbus_conn_retire() - others are going to be told that it has gone
 * @conn:	closed connection
 *
 * Return: true once, if they were told of it before.
 */
bool kdbus_conn_retire(struct kdbus_conn *conn)
{
	bool announced;

	mutex_lock(&conn->data);
	announced = conn->announced;
	conn->announced = false;
	mutex_unlock(&conn->data);

	return announced;
}

/**
 * kdbus_conn_withdraw() - take a connection out of what others look at
 * @conn:	closed connection without names
 *
 * Its matches and policy entries go, and its place among the monitors.
 */
void kdbus_conn_withdraw(struct kdbus_conn *conn)
{
	struct kdbus_bus *bus = conn->ep->bus;

	if (conn->flags & KDBUS_HELLO_MONITOR)
		unmonitor(conn);
	kdbus_match_owner_clear(&bus->matches, &conn->matches);
	kdbus_policy_clear(&bus->policy, &conn->policy);
}

/**
 * kdbus_conn_unlink() - take a connection out of its bus
 * @conn:	connection; nothing happens if it is not linked
 */
void kdbus_conn_unlink(struct kdbus_conn *conn)
{
	xa_cmpxchg(&conn->ep->bus->conns, conn->id, conn, NULL, 0);
}

/**
 * kdbus_conn_get() - find a connection by its id, active or not
 * @bus:	bus
 * @id:		any number
 *
 * Return: a reference to the connection that is linked with that id, or NULL.
 */
struct kdbus_conn *kdbus_conn_get(struct kdbus_bus *bus, u64 id)
{
	struct kdbus_conn *conn;

	if (id != (unsigned long)id)
		return NULL;

	rcu_read_lock();
	conn = xa_load(&bus->conns, id);
	if (conn && !refcount_inc_not_zero(&conn->ref))
		conn = NULL;
	rcu_read_unlock();

	return conn;
}

/**
 * kdbus_conn_find() - find a connection by its id
 * @bus:	bus
 * @id:		any number
 *
 * Return: a reference to the active connection with that id, or NULL.
 */
struct kdbus_conn *kdbus_conn_find(struct kdbus_bus *bus, u64 id)
{
	struct kdbus_conn *conn = kdbus_conn_get(bus, id);

	if (conn && !kdbus_active_is_active(&conn->active)) {
		kdbus_conn_put(conn);
		conn = NULL;
	}

	return conn;
}

/**
 * kdbus_conn_next() - walk the connections of a bus
 * @bus:	bus
 * @id:		where to begin, starts as 0; returns the next place
 *
 * Connections that come or go meanwhile may or may not be seen.
 *
 * Return: a reference to the next connection, active or not; NULL at the end.
 */
struct kdbus_conn *kdbus_conn_next(struct kdbus_bus *bus, unsigned long *id)
{
	struct kdbus_conn *conn;

	rcu_read_lock();
	do {
		conn = xa_find(&bus->conns, id, ULONG_MAX, XA_PRESENT);
		(*id)++;
	} while (conn && !refcount_inc_not_zero(&conn->ref));
	rcu_read_unlock();

	return conn;
}

/**
 * kdbus_conn_put_name() - write an OWNED_NAME item
 * @pos:	where, aligned to 8, with room for it
 * @entry:	entry of the name, names locked
 *
 * Return: the position after the padded item.
 */
void *kdbus_conn_put_name(void *pos, const struct kdbus_name_entry *entry)
{
	size_t len = strlen(entry->name->str) + 1;
	struct kdbus_item *item = pos;
	size_t size = KDBUS_ITEM_SIZE(sizeof(item->name)) + len;

	memset(pos, 0, KDBUS_ALIGN8(size));
	item->size = size;
	item->type = KDBUS_ITEM_OWNED_NAME;
	item->name.flags = kdbus_name_entry_flags(entry);
	memcpy(item->name.name, entry->name->str, len);

	return pos + KDBUS_ALIGN8(size);
}

/**
 * kdbus_conn_detach() - give back the room of an entry
 * @conn:	receiver, its data locked
 * @entry:	entry that is in no queue, for kdbus_conn_destroy_entry()
 */
void kdbus_conn_detach(struct kdbus_conn *conn, struct kdbus_queue_entry *entry)
{
	lockdep_assert_held(&conn->data);

	if (entry->slice)
		kdbus_slice_release_kernel(entry->slice);
	entry->slice = NULL;
	kdbus_quota_uncharge(&conn->quota, &entry->charge);
}

/**
 * kdbus_conn_destroy_entry() - free an entry that has no room any more
 * @entry:	entry, or NULL
 *
 * Files may go with it, so nothing is locked.
 */
void kdbus_conn_destroy_entry(struct kdbus_queue_entry *entry)
{
	if (!entry)
		return;

	WARN_ON_ONCE(entry->slice || entry->charge.share);
	kdbus_reply_put(entry->reply);
	kdbus_files_put(entry->files);
	kfree(entry);
}

static int reserve(struct kdbus_conn *conn, struct kdbus_queue_entry *entry,
		   const struct kdbus_parcel *parcel,
		   struct kdbus_slice **spare, struct kdbus_share **share)
{
	const u64 takes_fds = KDBUS_HELLO_ACCEPT_FD | KDBUS_HELLO_MONITOR;
	struct kdbus_slice *slice;
	int ret;

	if (conn->closed)
		return -ECONNRESET;
	if (parcel->cost.fds && !(conn->flags & takes_fds))
		return -ECOMM;

	ret = kdbus_quota_charge(&conn->quota, &entry->charge, parcel->user,
				 conn->pool.size, &parcel->cost, share);
	if (ret)
		return ret;

	slice = kdbus_pool_alloc(&conn->pool, parcel->cost.bytes, spare);
	if (IS_ERR(slice)) {
		kdbus_quota_uncharge(&conn->quota, &entry->charge);
		return PTR_ERR(slice);
	}

	entry->slice = slice;
	return 0;
}

/**
 * kdbus_conn_reserve() - reserve room for a message
 * @conn:	receiver, referenced
 * @parcel:	what the message takes up
 *
 * What the sender pays for is allocated before the receiver is locked: a
 * sender who is short of memory must not stall others.
 *
 * Return: an entry with a slice to fill, for kdbus_conn_commit() or
 * kdbus_conn_cancel(); in this order (SEND-11) -ECONNRESET, -ECOMM, -ENOBUFS,
 * -EMFILE, -EXFULL; or -ENOMEM.
 */
struct kdbus_queue_entry *kdbus_conn_reserve(struct kdbus_conn *conn,
					     const struct kdbus_parcel *parcel)
{
	struct kdbus_queue_entry *entry;
	struct kdbus_share *share = NULL;
	struct kdbus_slice *spare = NULL;
	int ret;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return ERR_PTR(-ENOMEM);
	entry->priority = parcel->priority;
	entry->tie = parcel->tie;
	entry->meta_start = parcel->meta_start;
	entry->meta_end = parcel->meta_end;

	do {
		mutex_lock(&conn->data);
		ret = reserve(conn, entry, parcel, &spare, &share);
		mutex_unlock(&conn->data);

		/* Once and for all: most messages need neither. */
		if (ret == -EAGAIN) {
			share = share ?: kdbus_share_new();
			spare = spare ?: kdbus_slice_new(&conn->pool);
			if (!share || !spare)
				ret = -ENOMEM;
		}
	} while (ret == -EAGAIN);

	kfree(share);
	kfree(spare);
	if (ret) {
		kfree(entry);
		return ERR_PTR(ret);
	}
	entry->files = kdbus_files_ref(parcel->files);
	return entry;
}

/**
 * kdbus_conn_reserve_notice() - reserve room for a message of the kernel
 * @conn:	receiver, its data locked, not closed
 * @entry:	zeroed entry, to be kfree()d on failure
 * @size:	bytes of the slice
 * @spare:	as for kdbus_pool_alloc()
 *
 * Outside all quotas: the receiver has asked for it (NOTE-5).
 *
 * Return: 0 or -EXFULL.
 */
int kdbus_conn_reserve_notice(struct kdbus_conn *conn,
			      struct kdbus_queue_entry *entry, u64 size,
			      struct kdbus_slice **spare)
{
	struct kdbus_slice *slice;

	slice = kdbus_pool_alloc(&conn->pool, size, spare);
	if (IS_ERR(slice))
		return PTR_ERR(slice);

	entry->slice = slice;
	return 0;
}

/**
 * kdbus_conn_cancel() - give reserved room back
 * @conn:	receiver
 * @entry:	entry of kdbus_conn_reserve(), freed
 */
void kdbus_conn_cancel(struct kdbus_conn *conn,
		       struct kdbus_queue_entry *entry)
{
	mutex_lock(&conn->data);
	kdbus_conn_detach(conn, entry);
	mutex_unlock(&conn->data);

	kdbus_conn_destroy_entry(entry);
}

/**
 * kdbus_conn_lost() - count messages that the client does not get
 * @conn:	receiver
 * @n:		number of messages
 */
void kdbus_conn_lost(struct kdbus_conn *conn, unsigned int n)
{
	mutex_lock(&conn->data);
	WRITE_ONCE(conn->dropped, conn->dropped + n);
	mutex_unlock(&conn->data);

	wake_up_interruptible_poll(&conn->wait, EPOLLIN | EPOLLRDNORM);
}

/**
 * kdbus_conn_commit() - queue a message whose slice is filled
 * @conn:	receiver
 * @entry:	entry of kdbus_conn_reserve(), consumed on success
 *
 * With a request its receiver begins to owe the reply.
 *
 * Return: 0, or -ECONNRESET if the receiver was shut down meanwhile.
 */
int kdbus_conn_commit(struct kdbus_conn *conn, struct kdbus_queue_entry *entry)
{
	mutex_lock(&conn->data);
	if (conn->closed) {
		mutex_unlock(&conn->data);
		return -ECONNRESET;
	}
	kdbus_slice_written(entry->slice);
	kdbus_queue_add(&conn->queue, entry);
	if (entry->reply)
		list_add(&kdbus_reply_ref(entry->reply)->owed, &conn->owed);
	mutex_unlock(&conn->data);

	wake_up_interruptible_poll(&conn->wait, EPOLLIN | EPOLLRDNORM);
	return 0;
}

/**
 * kdbus_conn_take() - hand a message to the client that is in no queue
 * @conn:	connection of the current process
 * @entry:	entry that was filled, freed
 * @received:	returns where the message is; the client holds it
 */
void kdbus_conn_take(struct kdbus_conn *conn, struct kdbus_queue_entry *entry,
		     struct kdbus_received *received)
{
	received->return_flags = 0;
	if (entry->files &&
	    kdbus_files_install(entry->files, entry->slice,
				conn->flags & KDBUS_HELLO_ACCEPT_FD))
		received->return_flags = KDBUS_RECV_RETURN_INCOMPLETE_FDS;

	mutex_lock(&conn->data);
	kdbus_slice_publish(entry->slice);
	received->offset = entry->slice->offset;
	received->size = entry->slice->size;
	kdbus_conn_detach(conn, entry);
	mutex_unlock(&conn->data);

	kdbus_conn_destroy_entry(entry);
}

/* Takes the message out of the queue that a receive command is about. */
static struct kdbus_queue_entry *next_entry(struct kdbus_conn *conn, u64 flags,
					    s64 priority,
					    struct kdbus_received *received)
{
	struct kdbus_queue_entry *entry;

	if (flags & KDBUS_RECV_USE_PRIORITY)
		entry = kdbus_queue_peek_priority(&conn->queue, priority);
	else
		entry = kdbus_queue_peek(&conn->queue);
	if (!entry)
		return NULL;

	if (flags & KDBUS_RECV_DROP) {
		kdbus_queue_remove(&conn->queue, entry);
		swap(received->reply, entry->reply);
		kdbus_conn_detach(conn, entry);
		return entry;
	}

	received->offset = entry->slice->offset;
	received->size = entry->slice->size;
	if (flags & KDBUS_RECV_PEEK) {
		kdbus_slice_publish(entry->slice);
		return entry;
	}

	kdbus_queue_remove(&conn->queue, entry);
	if (!entry->files) {
		kdbus_slice_publish(entry->slice);
		kdbus_conn_detach(conn, entry);
	}
	return entry;
}

/**
 * kdbus_conn_receive() - hand a message to the client
 * @conn:	connection of the current process
 * @flags:	KDBUS_RECV_*
 * @priority:	with USE_PRIORITY, the highest value that is wanted
 * @received:	returns what to report, also with -EAGAIN (RECV-4)
 *
 * Return: 0; -EAGAIN if there is no such message.
 */
int kdbus_conn_receive(struct kdbus_conn *conn, u64 flags, s64 priority,
		       struct kdbus_received *received)
{
	struct kdbus_queue_entry *entry;

	*received = (struct kdbus_received){ .offset = conn->pool.size };
	if (flags & KDBUS_RECV_DROP)
		flags &= ~KDBUS_RECV_PEEK;

	mutex_lock(&conn->data);
	received->dropped = conn->dropped;
	WRITE_ONCE(conn->dropped, 0);
	entry = next_entry(conn, flags, priority, received);
	mutex_unlock(&conn->data);

	if (!entry)
		return -EAGAIN;
	if (flags & KDBUS_RECV_PEEK)
		return 0;

	if (entry->slice)
		kdbus_conn_take(conn, entry, received);
	else
		kdbus_conn_destroy_entry(entry);
	return 0;
}

/**
 * kdbus_conn_reply() - put the answer to a query into the client's pool
 * @conn:	connection
 * @data:	answer
 * @size:	bytes of the answer, a multiple of 8, more than 0
 * @offset:	returns where it lies; the client holds the slice
 *
 * Return: 0; -EXFULL if there is no room; -EINTR, -ENOMEM.
 */
int kdbus_conn_reply(struct kdbus_conn *conn, const void *data, size_t size,
		     u64 *offset)
{
	struct kdbus_slice *slice, *spare = kdbus_slice_new(&conn->pool);
	struct kdbus_pool_writer writer;
	int ret;

	if (!spare)
		return -ENOMEM;

	mutex_lock(&conn->data);
	slice = kdbus_pool_alloc(&conn->pool, size, &spare);
	mutex_unlock(&conn->data);
	kfree(spare);
	if (IS_ERR(slice))
		return PTR_ERR(slice);

	kdbus_pool_write_begin(&writer, slice);
	ret = kdbus_pool_write(&writer, data, size);
	kdbus_pool_write_end(&writer);

	*offset = slice->offset;
	mutex_lock(&conn->data);
	if (!ret)
		kdbus_slice_publish(slice);
	kdbus_slice_release_kernel(slice);
	mutex_unlock(&conn->data);

	return ret;
}

/**
 * kdbus_conn_free() - the client is done with a slice
 * @conn:	connection
 * @offset:	offset as given
 *
 * Return: 0; -ENXIO if the client holds no slice that begins there (FREE-1).
 */
int kdbus_conn_free(struct kdbus_conn *conn, u64 offset)
{
	struct kdbus_slice *slice;
	int ret = 0;

	if (offset == conn->pool.size)
		return 0;

	mutex_lock(&conn->data);
	slice = kdbus_pool_find(&conn->pool, offset);
	if (slice && slice->held_user)
		kdbus_slice_release_user(slice);
	else
		ret = -ENXIO;
	mutex_unlock(&conn->data);

	return ret;
}

/**
 * kdbus_conn_close_if_idle() - take no more messages, unless some wait
 * @conn:	connection
 *
 * Return: 0 if the caller is to tear it down; -EBUSY if messages are queued;
 * -ECONNRESET if it was closed before.
 */
int kdbus_conn_close_if_idle(struct kdbus_conn *conn)
{
	int ret = 0;

	mutex_lock(&conn->data);
	if (conn->closed)
		ret = -ECONNRESET;
	else if (kdbus_queue_count(&conn->queue))
		ret = -EBUSY;
	else
		conn->closed = true;
	mutex_unlock(&conn->data);

	return ret;
}

/**
 * kdbus_conn_close() - take no more messages
 * @conn:	connection
 *
 * No call is made or ends in time from here on. Ends the charge as well: a
 * sender may still keep the memory of the connection for a moment, but not its
 * place among those of the user.
 */
void kdbus_conn_close(struct kdbus_conn *conn)
{
	mutex_lock(&conn->data);
	conn->closed = true;
	if (conn->charged)
		atomic_dec(&conn->user->conns);
	conn->charged = false;
	mutex_unlock(&conn->data);

	/* It is not armed any more now that @closed is set. */
	cancel_delayed_work_sync(&conn->expire);
}

/**
 * kdbus_conn_discard() - discard the messages that wait
 * @conn:	connection that takes no more
 */
void kdbus_conn_discard(struct kdbus_conn *conn)
{
	struct kdbus_queue_entry *entry;

	do {
		mutex_lock(&conn->data);
		entry = kdbus_queue_peek(&conn->queue);
		if (entry) {
			kdbus_queue_remove(&conn->queue, entry);
			kdbus_conn_detach(conn, entry);
		}
		mutex_unlock(&conn->data);
		kdbus_conn_destroy_entry(entry);
	} while (entry);
}

/**
 * kdbus_conn_next_call() - find a call that a closed connection has made
 * @conn:	connection
 *
 * Who waits for it wakes up.
 *
 * Return: a tracker that has been forgotten, with a reference; NULL if there
 * are no more.
 */
struct kdbus_reply *kdbus_conn_next_call(struct kdbus_conn *conn)
{
	struct kdbus_queue_entry *entry = NULL;
	struct kdbus_reply *reply;

	mutex_lock(&conn->data);
	reply = list_first_entry_or_null(&conn->replies.calls,
					 struct kdbus_reply, call);
	if (reply) {
		kdbus_reply_ref(reply);
		kdbus_reply_remove(&conn->replies, reply);
		swap(entry, reply->entry);
		if (entry)
			kdbus_conn_detach(conn, entry);
		wake_up(&reply->wait);
	}
	mutex_unlock(&conn->data);

	kdbus_conn_destroy_entry(entry);
	return reply;
}

/**
 * kdbus_conn_next_owed() - find a call that a closed connection cannot answer
 * @conn:	connection
 *
 * Return: a tracker that the connection owes no more, with the reference to
 * it; NULL if there are no more.
 */
struct kdbus_reply *kdbus_conn_next_owed(struct kdbus_conn *conn)
{
	struct kdbus_reply *reply;

	mutex_lock(&conn->data);
	reply = list_first_entry_or_null(&conn->owed, struct kdbus_reply,
					 owed);
	if (reply)
		list_del_init(&reply->owed);
	mutex_unlock(&conn->data);

	return reply;
}

/**
 * kdbus_conn_show() - show the state of a connection in fdinfo
 * @conn:	connection
 * @m:		where to write
 *
 * For debugging. Takes no lock, so the numbers are not of one moment.
 */
void kdbus_conn_show(const struct kdbus_conn *conn, struct seq_file *m)
{
	seq_printf(m, "kdbus-id:\t%llu\n", conn->id);
	seq_printf(m, "kdbus-flags:\t0x%llx\n", conn->flags);
	seq_printf(m, "kdbus-attach-send:\t0x%llx\n",
		   READ_ONCE(conn->send_mask));
	seq_printf(m, "kdbus-attach-recv:\t0x%llx\n",
		   READ_ONCE(conn->recv_mask));
	seq_printf(m, "kdbus-pool-size:\t%llu\n", conn->pool.size);
	seq_printf(m, "kdbus-pool-used:\t%llu\n", READ_ONCE(conn->pool.used));
	seq_printf(m, "kdbus-queued-messages:\t%u\n",
		   kdbus_queue_count(&conn->queue));
	seq_printf(m, "kdbus-queued-bytes:\t%llu\n",
		   READ_ONCE(conn->quota.bytes));
	seq_printf(m, "kdbus-dropped:\t%llu\n", READ_ONCE(conn->dropped));
	seq_printf(m, "kdbus-copied-bytes:\t%llu\n",
		   (u64)atomic64_read(&conn->copied));
	seq_printf(m, "kdbus-calls:\t%u\n", READ_ONCE(conn->replies.count));
	seq_printf(m, "kdbus-names:\t%u\n", READ_ONCE(conn->names.count));
	seq_printf(m, "kdbus-matches:\t%u\n", READ_ONCE(conn->matches.count));
}

/**
 * kdbus_conn_has_input() - whether a receive command has something to report
 * @conn:	connection
 *
 * Takes no lock. Who makes it true wakes @conn->wait up afterwards.
 *
 * Return: true if so.
 */
bool kdbus_conn_has_input(const struct kdbus_conn *conn)
{
	return kdbus_queue_count(&conn->queue) || READ_ONCE(conn->dropped);
}
