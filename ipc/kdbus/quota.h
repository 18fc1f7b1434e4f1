/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_QUOTA_H
#define __KDBUS_QUOTA_H

/**
 * DOC: quota
 *
 * Who has used how much. A struct kdbus_user stands for a uid, in all domains
 * together (W-57), or for a uid on a custom endpoint; it counts buses, endpoints
 * and connections. A struct kdbus_quota belongs to a receiver and counts what
 * each user has queued there; the caller locks (data lock of the receiver).
 *
 * What is charged is recorded in a struct kdbus_charge, which is part of the
 * charged thing and undoes itself, once, on whatever path the thing goes.
 */

#include <linux/atomic.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct mutex;

/**
 * struct kdbus_user - whom things are charged to
 * @ref:	reference count
 * @uid:	the uid it stands for; INVALID_UID: an anonymous user (I)
 * @buses:	number of buses (A)
 * @conns:	number of connections (A)
 * @endpoints:	number of custom endpoints (A)
 */
struct kdbus_user {
	refcount_t ref;
	kuid_t uid;
	atomic_t buses;
	atomic_t conns;
	atomic_t endpoints;
};

/**
 * struct kdbus_share - what one user has queued at one receiver
 * @user:	the user, referenced (I)
 * @node:	place among the shares of the receiver (conn.data)
 * @bytes:	bytes of slices (conn.data)
 * @msgs:	messages (conn.data)
 * @fds:	entries of FDS items (conn.data)
 * @memfds:	PAYLOAD_MEMFD items (conn.data)
 */
struct kdbus_share {
	struct kdbus_user *user;
	struct rb_node node;
	u32 bytes;
	u32 msgs;
	u32 fds;
	u32 memfds;
};

/**
 * struct kdbus_quota - what is queued at one receiver
 * @bytes:	bytes of all shares (conn.data; read without)
 * @shares:	struct kdbus_share by user (conn.data)
 * @idle:	a share without messages that is kept for the next one, or
 *		NULL (conn.data)
 * @lock:	the lock that the caller holds, for lockdep (I)
 */
struct kdbus_quota {
	u64 bytes;
	struct rb_root shares;
	struct kdbus_share *idle;
	struct mutex *lock;
};

/**
 * struct kdbus_cost - what a message takes up at its receiver
 * @bytes:	bytes of the slice
 * @fds:	entries of the FDS item
 * @memfds:	PAYLOAD_MEMFD items
 */
struct kdbus_cost {
	u64 bytes;
	u32 fds;
	u32 memfds;
};

/**
 * struct kdbus_charge - what one message is charged with
 * @share:	the share that is charged; NULL: nothing is (conn.data)
 * @cost:	how much is charged (conn.data)
 */
struct kdbus_charge {
	struct kdbus_share *share;
	struct kdbus_cost cost;
};

struct kdbus_user *kdbus_user_get(kuid_t uid);
struct kdbus_user *kdbus_user_new_anonymous(void);
struct kdbus_user *kdbus_user_ref(struct kdbus_user *user);
void kdbus_user_put(struct kdbus_user *user);
int kdbus_user_charge(atomic_t *counter, int limit);

void kdbus_quota_init(struct kdbus_quota *quota, struct mutex *lock);
void kdbus_quota_destroy(struct kdbus_quota *quota);
struct kdbus_share *kdbus_share_new(void);
int kdbus_quota_charge(struct kdbus_quota *quota, struct kdbus_charge *charge,
		       struct kdbus_user *user, u64 pool_size,
		       const struct kdbus_cost *cost,
		       struct kdbus_share **spare);
void kdbus_quota_uncharge(struct kdbus_quota *quota,
			  struct kdbus_charge *charge);

#endif
