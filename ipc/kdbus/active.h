/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_ACTIVE_H
#define __KDBUS_ACTIVE_H

/**
 * DOC: active references
 *
 * An object that can be shut down while references to it are still around
 * has, beside its reference count, an activity: users hold an active
 * reference while they work on it, shutting down refuses new ones and drains
 * those that are held. The reference count keeps the memory, the active
 * reference keeps the object working.
 *
 * An activity goes NEW -> ACTIVE -> DRAINING -> DRAINED, or from NEW straight
 * to DRAINED, and never back. All transitions are atomic; there is no lock.
 * Lockdep sees an active reference as a lock held for reading and the drain
 * as one taken for writing, so that a drain from within finds a splat.
 *
 * Whoever holds an active reference must not touch user memory: a drain would
 * then wait for as long as a page fault of somebody else takes.
 */

#include <linux/atomic.h>
#include <linux/lockdep.h>
#include <linux/types.h>

/**
 * struct kdbus_active - activity of an object
 * @count:	number of active references, with a bias in the states that
 *		refuse new ones (A)
 * @dep_map:	what lockdep knows of it; takes no room without lockdep
 */
struct kdbus_active {
	atomic_t count;
	struct lockdep_map dep_map;
};

void __kdbus_active_init(struct kdbus_active *active, const char *name,
			 struct lock_class_key *key);
bool kdbus_active_activate(struct kdbus_active *active);
bool kdbus_active_is_active(const struct kdbus_active *active);
bool kdbus_active_acquire(struct kdbus_active *active);
void kdbus_active_release(struct kdbus_active *active);
bool kdbus_active_deactivate(struct kdbus_active *active);
void kdbus_active_drain(struct kdbus_active *active);

/**
 * kdbus_active_init() - initialise an activity in state NEW
 * @active:	activity
 * @name:	name of the lock class, the same at each call of this line
 */
#define kdbus_active_init(active, name)					\
	do {								\
		static struct lock_class_key __key;			\
									\
		__kdbus_active_init((active), (name), &__key);		\
	} while (0)

#endif
