// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "bus.h"
#include "conn.h"
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
	put_cred(conn->cred);
	kdbus_node_put(&conn->ep->node);
	kfree(conn->description);
	kfree_rcu(conn, rcu);
}

/**
 * kdbus_conn_charge() - charge a new connection to the uid of its opener
 * @conn:	connection that is not charged yet
 *
 * QUOTA-2. The charge ends with kdbus_conn_close(), or with the connection.
 *
 * Return: 0; -EMFILE if the user has KDBUS_USER_MAX_CONNS; -ENOMEM.
 */
int kdbus_conn_charge(struct kdbus_conn *conn)
{
	struct kdbus_user *user;
	int ret;

	user = kdbus_user_get(conn->cred->uid);
	if (IS_ERR(user))
		return PTR_ERR(user);

	conn->user = user;
	ret = kdbus_user_charge(&user->conns, KDBUS_USER_MAX_CONNS);
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
 * kdbus_conn_unlink() - take a connection out of its bus
 * @conn:	connection; nothing happens if it is not linked
 */
void kdbus_conn_unlink(struct kdbus_conn *conn)
{
	xa_cmpxchg(&conn->ep->bus->conns, conn->id, conn, NULL, 0);
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
	struct kdbus_conn *conn;

	if (id != (unsigned long)id)
		return NULL;

	rcu_read_lock();
	conn = xa_load(&bus->conns, id);
	if (conn && (!kdbus_active_is_active(&conn->active) ||
		     !refcount_inc_not_zero(&conn->ref)))
		conn = NULL;
	rcu_read_unlock();

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

/* Gives back what kdbus_conn_reserve() took, and frees the entry. */
static void entry_free(struct kdbus_conn *conn,
		       struct kdbus_queue_entry *entry)
{
	lockdep_assert_held(&conn->data);

	kdbus_slice_release_kernel(entry->slice);
	kdbus_quota_uncharge(&conn->quota, &entry->charge);
	kdbus_reply_put(entry->reply);
	kfree(entry);
}

static int reserve(struct kdbus_conn *conn, struct kdbus_queue_entry *entry,
		   struct kdbus_user *user, u64 size,
		   struct kdbus_slice **spare, struct kdbus_share **share)
{
	struct kdbus_slice *slice;
	int ret;

	if (conn->closed)
		return -ECONNRESET;

	ret = kdbus_quota_charge(&conn->quota, &entry->charge, user,
				 conn->pool.size, size, 0, share);
	if (ret)
		return ret;

	slice = kdbus_pool_alloc(&conn->pool, size, spare);
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
 * @user:	sending user
 * @size:	bytes of the slice
 * @priority:	priority of the message
 *
 * What the sender pays for is allocated before the receiver is locked: a
 * sender who is short of memory must not stall others.
 *
 * Return: an entry with a slice to fill, for kdbus_conn_commit() or
 * kdbus_conn_cancel(); in this order (SEND-11) -ECONNRESET, -ENOBUFS,
 * -EMFILE, -EXFULL; or -ENOMEM.
 */
struct kdbus_queue_entry *kdbus_conn_reserve(struct kdbus_conn *conn,
					     struct kdbus_user *user, u64 size,
					     s64 priority)
{
	struct kdbus_slice *spare = kdbus_slice_new();
	struct kdbus_queue_entry *entry;
	struct kdbus_share *share = NULL;
	int ret;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry || !spare) {
		ret = -ENOMEM;
		goto out;
	}
	entry->priority = priority;

	do {
		mutex_lock(&conn->data);
		ret = reserve(conn, entry, user, size, &spare, &share);
		mutex_unlock(&conn->data);

		if (ret == -EAGAIN) {
			share = kdbus_share_new();
			if (!share)
				ret = -ENOMEM;
		}
	} while (ret == -EAGAIN);
out:
	kfree(share);
	kfree(spare);
	if (ret) {
		kfree(entry);
		return ERR_PTR(ret);
	}
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
	entry_free(conn, entry);
	mutex_unlock(&conn->data);
}

/**
 * kdbus_conn_drop() - give reserved room back and count the message as lost
 * @conn:	receiver
 * @entry:	entry of kdbus_conn_reserve(), freed
 */
void kdbus_conn_drop(struct kdbus_conn *conn, struct kdbus_queue_entry *entry)
{
	mutex_lock(&conn->data);
	entry_free(conn, entry);
	WRITE_ONCE(conn->dropped, conn->dropped + 1);
	mutex_unlock(&conn->data);

	wake_up_interruptible_poll(&conn->wait, EPOLLIN | EPOLLRDNORM);
}

/**
 * kdbus_conn_commit() - queue a message whose slice is filled
 * @conn:	receiver
 * @entry:	entry of kdbus_conn_reserve(), consumed in any case
 *
 * With a request its receiver begins to owe the reply.
 *
 * Return: 0, or -ECONNRESET if the receiver was shut down meanwhile.
 */
int kdbus_conn_commit(struct kdbus_conn *conn, struct kdbus_queue_entry *entry)
{
	mutex_lock(&conn->data);
	if (conn->closed) {
		entry_free(conn, entry);
		mutex_unlock(&conn->data);
		return -ECONNRESET;
	}
	kdbus_queue_add(&conn->queue, entry);
	if (entry->reply)
		list_add(&kdbus_reply_ref(entry->reply)->owed, &conn->owed);
	mutex_unlock(&conn->data);

	wake_up_interruptible_poll(&conn->wait, EPOLLIN | EPOLLRDNORM);
	return 0;
}

/**
 * kdbus_conn_take() - hand a message to the client that is in no queue
 * @conn:	connection, its data locked
 * @entry:	entry that was filled, consumed
 * @offset:	returns the offset of the message, which the client holds
 * @size:	returns the bytes of its slice
 */
void kdbus_conn_take(struct kdbus_conn *conn, struct kdbus_queue_entry *entry,
		     u64 *offset, u64 *size)
{
	kdbus_slice_publish(entry->slice);
	*offset = entry->slice->offset;
	*size = entry->slice->size;
	entry_free(conn, entry);
}

/**
 * kdbus_conn_receive() - hand a message to the client
 * @conn:	connection
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

	mutex_lock(&conn->data);

	received->offset = conn->pool.size;
	received->size = 0;
	received->dropped = conn->dropped;
	received->reply = NULL;
	WRITE_ONCE(conn->dropped, 0);

	if (flags & KDBUS_RECV_USE_PRIORITY)
		entry = kdbus_queue_peek_priority(&conn->queue, priority);
	else
		entry = kdbus_queue_peek(&conn->queue);

	if (!entry) {
		mutex_unlock(&conn->data);
		return -EAGAIN;
	}

	if (flags & KDBUS_RECV_DROP) {
		kdbus_queue_remove(&conn->queue, entry);
		swap(received->reply, entry->reply);
		entry_free(conn, entry);
	} else if (flags & KDBUS_RECV_PEEK) {
		kdbus_slice_publish(entry->slice);
		received->offset = entry->slice->offset;
		received->size = entry->slice->size;
	} else {
		kdbus_queue_remove(&conn->queue, entry);
		kdbus_conn_take(conn, entry, &received->offset,
				&received->size);
	}

	mutex_unlock(&conn->data);
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
	struct kdbus_slice *slice, *spare = kdbus_slice_new();
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
 * kdbus_conn_close() - take no more messages and discard those that wait
 * @conn:	connection
 *
 * No call is made or ends in time from here on. Ends the charge as well: a
 * sender may still keep the memory of the connection for a moment, but not its
 * place among those of the user.
 */
void kdbus_conn_close(struct kdbus_conn *conn)
{
	struct kdbus_queue_entry *entry;

	mutex_lock(&conn->data);
	conn->closed = true;

	while ((entry = kdbus_queue_peek(&conn->queue))) {
		kdbus_queue_remove(&conn->queue, entry);
		entry_free(conn, entry);
	}
	if (conn->charged)
		atomic_dec(&conn->user->conns);
	conn->charged = false;
	mutex_unlock(&conn->data);

	/* It is not armed any more now that @closed is set. */
	cancel_delayed_work_sync(&conn->expire);
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
	struct kdbus_reply *reply;

	mutex_lock(&conn->data);
	reply = list_first_entry_or_null(&conn->replies.calls,
					 struct kdbus_reply, call);
	if (reply) {
		kdbus_reply_ref(reply);
		kdbus_reply_remove(&conn->replies, reply);
		if (reply->entry)
			entry_free(conn, reply->entry);
		reply->entry = NULL;
		wake_up(&reply->wait);
	}
	mutex_unlock(&conn->data);

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
