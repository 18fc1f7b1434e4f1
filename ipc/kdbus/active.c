// SPDX-License-Identifier: GPL-2.0-only
#include <linux/limits.h>
#include <linux/sched.h>
#include <linux/wait_bit.h>

#include "active.h"

/*
 * Values of the counter:
 *
 *	ACTIVE_NEW	never activated
 *	0 and above	active, that many references
 *	BIAS + n	draining, n references are still held; n = 0: drained
 */
#define ACTIVE_NEW	(-1)
#define ACTIVE_BIAS	INT_MIN

/**
 * __kdbus_active_init() - initialise an activity in state NEW
 * @active:	activity
 * @name:	name of the lock class
 * @key:	key of the lock class
 *
 * Use kdbus_active_init().
 */
void __kdbus_active_init(struct kdbus_active *active, const char *name,
			 struct lock_class_key *key)
{
	atomic_set(&active->count, ACTIVE_NEW);
	lockdep_init_map(&active->dep_map, name, key, 0);
}

/**
 * kdbus_active_activate() - go from NEW to ACTIVE
 * @active:	activity
 *
 * Return: false if it was activated or deactivated before.
 */
bool kdbus_active_activate(struct kdbus_active *active)
{
	return atomic_cmpxchg(&active->count, ACTIVE_NEW, 0) == ACTIVE_NEW;
}

/**
 * kdbus_active_is_active() - look at the state, without a promise
 * @active:	activity
 *
 * Return: true if it was active a moment ago.
 */
bool kdbus_active_is_active(const struct kdbus_active *active)
{
	return atomic_read(&active->count) >= 0;
}

/**
 * kdbus_active_acquire() - take an active reference
 * @active:	activity
 *
 * Return: true with the reference held, false if the object is not active.
 */
bool kdbus_active_acquire(struct kdbus_active *active)
{
	if (!atomic_inc_unless_negative(&active->count))
		return false;

	rwsem_acquire_read(&active->dep_map, 0, 1, _RET_IP_);
	return true;
}

/**
 * kdbus_active_release() - drop an active reference
 * @active:	activity, reference held by this task
 */
void kdbus_active_release(struct kdbus_active *active)
{
	rwsem_release(&active->dep_map, _RET_IP_);

	/*
	 * The drain may return and the object may go as soon as the counter
	 * is down. wake_up_var() takes the address and does not follow it.
	 */
	if (atomic_dec_return(&active->count) == ACTIVE_BIAS)
		wake_up_var(&active->count);
}

/**
 * kdbus_active_deactivate() - refuse new active references
 * @active:	activity
 *
 * Does not wait: whoever wants the present ones gone wakes their holders up
 * and calls kdbus_active_drain().
 *
 * Return: true if this call did it, false if an earlier one had.
 */
bool kdbus_active_deactivate(struct kdbus_active *active)
{
	int old = atomic_read(&active->count);
	int new;

	do {
		if (old < ACTIVE_NEW)
			return false;
		new = old == ACTIVE_NEW ? ACTIVE_BIAS : old + ACTIVE_BIAS;
	} while (!atomic_try_cmpxchg(&active->count, &old, new));

	return true;
}

/**
 * kdbus_active_drain() - wait until no active reference is left
 * @active:	deactivated activity
 *
 * Several tasks may drain at once. The caller must not hold an active
 * reference of the same class.
 */
void kdbus_active_drain(struct kdbus_active *active)
{
	might_sleep();
	rwsem_acquire(&active->dep_map, 0, 0, _RET_IP_);

	wait_var_event(&active->count,
		       atomic_read(&active->count) == ACTIVE_BIAS);

	rwsem_release(&active->dep_map, _RET_IP_);
}
