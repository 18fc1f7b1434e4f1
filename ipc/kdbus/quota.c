// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "limits.h"
#include "quota.h"

/* Living users that stand for a uid, by that uid. Its lock is a leaf. */
static DEFINE_XARRAY(users);

static struct kdbus_user *user_new(kuid_t uid)
{
	struct kdbus_user *user;

	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	if (!user)
		return ERR_PTR(-ENOMEM);

	refcount_set(&user->ref, 1);
	user->uid = uid;

	return user;
}

static struct kdbus_user *user_lookup(kuid_t uid)
{
	struct kdbus_user *user;

	xa_lock(&users);
	user = xa_load(&users, __kuid_val(uid));
	if (user)
		refcount_inc(&user->ref);
	xa_unlock(&users);

	return user;
}

/**
 * kdbus_user_get() - find or make the user of a uid
 * @uid:	valid uid
 *
 * Return: a reference to the one user of @uid, or -ENOMEM.
 */
struct kdbus_user *kdbus_user_get(kuid_t uid)
{
	struct kdbus_user *user, *new;
	int ret;

	user = user_lookup(uid);
	if (user)
		return user;

	new = user_new(uid);
	if (IS_ERR(new))
		return new;

	do {
		ret = xa_insert(&users, __kuid_val(uid), new,
				GFP_KERNEL_ACCOUNT);
		if (!ret)
			return new;
		if (ret == -EBUSY)
			user = user_lookup(uid);
	} while (ret == -EBUSY && !user);

	kfree(new);
	return user ?: ERR_PTR(ret);
}

/**
 * kdbus_user_new_anonymous() - make a user that stands for no uid
 *
 * Return: a reference to it, or -ENOMEM.
 */
struct kdbus_user *kdbus_user_new_anonymous(void)
{
	return user_new(INVALID_UID);
}

/**
 * kdbus_user_ref() - take a reference
 * @user:	user
 *
 * Return: @user.
 */
struct kdbus_user *kdbus_user_ref(struct kdbus_user *user)
{
	refcount_inc(&user->ref);
	return user;
}

/**
 * kdbus_user_put() - drop a reference
 * @user:	user, or NULL
 */
void kdbus_user_put(struct kdbus_user *user)
{
	bool last;

	if (!user)
		return;

	/* An anonymous user is not in the table; erasing it does nothing. */
	xa_lock(&users);
	last = refcount_dec_and_test(&user->ref);
	if (last)
		__xa_erase(&users, __kuid_val(user->uid));
	xa_unlock(&users);

	if (last)
		kfree(user);
}

/**
 * kdbus_user_charge() - count one more bus or connection
 * @counter:	&kdbus_user.buses or &kdbus_user.conns; atomic_dec() undoes it
 * @limit:	how many are allowed
 *
 * Return: 0, or -EMFILE at the limit.
 */
int kdbus_user_charge(atomic_t *counter, int limit)
{
	return atomic_add_unless(counter, 1, limit) ? 0 : -EMFILE;
}

/**
 * kdbus_quota_init() - initialise the account of a receiver
 * @quota:	account
 * @lock:	the lock under which it will be used
 */
void kdbus_quota_init(struct kdbus_quota *quota, struct mutex *lock)
{
	quota->bytes = 0;
	quota->idle = NULL;
	quota->lock = lock;
	quota->shares = RB_ROOT;
}

static void share_free(struct kdbus_quota *quota, struct kdbus_share *share)
{
	rb_erase(&share->node, &quota->shares);
	kdbus_user_put(share->user);
	kfree(share);
}

/**
 * kdbus_quota_destroy() - free the account of a receiver
 * @quota:	account in which nothing is charged
 */
void kdbus_quota_destroy(struct kdbus_quota *quota)
{
	if (quota->idle)
		share_free(quota, quota->idle);
	quota->idle = NULL;

	WARN_ON_ONCE(!RB_EMPTY_ROOT(&quota->shares));
}

static int share_cmp(const void *key, const struct rb_node *node)
{
	const struct kdbus_user *user;

	user = rb_entry(node, struct kdbus_share, node)->user;
	return key < (const void *)user ? -1 : key > (const void *)user;
}

static bool share_less(struct rb_node *node_a, const struct rb_node *node_b)
{
	return rb_entry(node_a, struct kdbus_share, node)->user <
	       rb_entry(node_b, struct kdbus_share, node)->user;
}

/* Finds the share of a user, or makes @spare the share. */
static struct kdbus_share *share_get(struct kdbus_quota *quota,
				     struct kdbus_user *user,
				     struct kdbus_share **spare)
{
	struct kdbus_share *share;
	struct rb_node *node;

	node = rb_find(user, &quota->shares, share_cmp);
	if (node)
		return rb_entry(node, struct kdbus_share, node);

	share = *spare;
	if (!share)
		return NULL;

	*spare = NULL;
	share->user = kdbus_user_ref(user);
	rb_add(&share->node, &quota->shares, share_less);

	return share;
}

/**
 * kdbus_share_new() - get the memory that kdbus_quota_charge() asks for
 *
 * Return: a share of nobody, to be given to kdbus_quota_charge() or kfree();
 * NULL if there is no memory.
 */
struct kdbus_share *kdbus_share_new(void)
{
	return kzalloc(sizeof(struct kdbus_share), GFP_KERNEL_ACCOUNT);
}

/* Keeps one share without messages, as the next message needs it again. */
static void share_settle(struct kdbus_quota *quota, struct kdbus_share *share)
{
	if (share->msgs || share == quota->idle)
		return;

	if (quota->idle)
		share_free(quota, quota->idle);
	quota->idle = share;
}

/* QUOTA-3: of half the pool, one user may have a third of what is left. */
static int check_limits(const struct kdbus_quota *quota,
			const struct kdbus_share *share, u64 pool_size,
			const struct kdbus_cost *cost)
{
	u64 half = pool_size / 2;
	u64 allowed;

	if (quota->bytes > half)
		return -ENOBUFS;

	allowed = div_u64(half - quota->bytes + share->bytes, 3);
	if (share->bytes > allowed || cost->bytes > allowed - share->bytes ||
	    cost->bytes > U32_MAX - share->bytes)
		return -ENOBUFS;

	if (share->msgs >= KDBUS_USER_MAX_QUEUED_MSGS)
		return -ENOBUFS;

	if (cost->fds > KDBUS_USER_MAX_QUEUED_FDS - share->fds ||
	    cost->memfds > KDBUS_USER_MAX_QUEUED_MEMFDS - share->memfds)
		return -EMFILE;

	return 0;
}

/**
 * kdbus_quota_charge() - charge a message that is about to be queued
 * @quota:	account of the receiver, locked
 * @charge:	returns what was charged; empty on failure
 * @user:	sending user
 * @pool_size:	bytes of the receiver's pool
 * @cost:	what the message takes up
 * @spare:	memory from kdbus_share_new(), or NULL in the hope that none is
 *		needed; set to NULL if it was used
 *
 * Return: 0; -EAGAIN if @spare is needed and missing; -ENOBUFS if bytes or
 * messages exceed the share of @user, then -EMFILE if descriptors do.
 */
int kdbus_quota_charge(struct kdbus_quota *quota, struct kdbus_charge *charge,
		       struct kdbus_user *user, u64 pool_size,
		       const struct kdbus_cost *cost,
		       struct kdbus_share **spare)
{
	struct kdbus_share *share;
	int ret;

	lockdep_assert_held(quota->lock);

	*charge = (struct kdbus_charge){};

	share = share_get(quota, user, spare);
	if (!share)
		return -EAGAIN;

	ret = check_limits(quota, share, pool_size, cost);
	if (ret) {
		share_settle(quota, share);
		return ret;
	}

	if (quota->idle == share)
		quota->idle = NULL;

	WRITE_ONCE(quota->bytes, quota->bytes + cost->bytes);
	share->bytes += cost->bytes;
	share->fds += cost->fds;
	share->memfds += cost->memfds;
	share->msgs++;
	charge->share = share;
	charge->cost = *cost;

	return 0;
}

/**
 * kdbus_quota_uncharge() - give back what a message was charged with
 * @quota:	account of the receiver, locked
 * @charge:	charge; empty afterwards, an empty one is left alone
 */
void kdbus_quota_uncharge(struct kdbus_quota *quota,
			  struct kdbus_charge *charge)
{
	struct kdbus_share *share = charge->share;

	lockdep_assert_held(quota->lock);

	if (!share)
		return;

	WRITE_ONCE(quota->bytes, quota->bytes - charge->cost.bytes);
	share->bytes -= charge->cost.bytes;
	share->fds -= charge->cost.fds;
	share->memfds -= charge->cost.memfds;
	share->msgs--;
	share_settle(quota, share);
	*charge = (struct kdbus_charge){};
}
