/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_NAMES_H
#define __KDBUS_NAMES_H

/**
 * DOC: well-known names
 *
 * The registry of a bus: which name has which owner, who waits for it, who
 * activates it. A name is there as long as somebody has an entry for it; this
 * is an incarnation, and messages are tied to its number.
 *
 * Owners are known by a struct kdbus_name_owner, part of whatever owns names.
 *
 * Every change is made in two steps. A plan says what a request would do and
 * changes nothing; the caller prepares what the change entails, with nothing
 * locked, then asks for the plan again and applies it if it is still the same.
 * Applying cannot fail.
 *
 * The caller locks: &kdbus_names.lock for reading to plan and to look up, for
 * writing to apply.
 */

#include <linux/list.h>
#include <linux/rhashtable-types.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <uapi/linux/kdbus.h>

struct kdbus_wellknown;

/**
 * struct kdbus_names - registry of a bus
 * @lock:	protects everything that belongs to names
 * @table:	struct kdbus_wellknown by its string (@lock)
 * @last:	number of the last incarnation (@lock)
 */
struct kdbus_names {
	struct rw_semaphore lock;
	struct rhashtable table;
	u64 last;
};

/**
 * struct kdbus_name_owner - who owns names or waits for them
 * @id:		unique on the bus (I)
 * @entries:	struct kdbus_name_entry in the order of claiming (names.lock)
 * @count:	number of @entries (names.lock)
 */
struct kdbus_name_owner {
	u64 id;
	struct list_head entries;
	unsigned int count;
};

/**
 * struct kdbus_name_entry - relation of one owner to one name
 * @name:	the name (I)
 * @owner:	the owner (I)
 * @of_owner:	place among the entries of @owner (names.lock)
 * @waiting:	place among those who wait for @name, empty if it does not
 *		(names.lock)
 * @flags:	KDBUS_NAME_ALLOW_REPLACEMENT, _QUEUE and _ACTIVATOR as far as
 *		they hold (names.lock)
 */
struct kdbus_name_entry {
	struct kdbus_wellknown *name;
	struct kdbus_name_owner *owner;
	struct list_head of_owner;
	struct list_head waiting;
	u64 flags;
};

/**
 * struct kdbus_wellknown - a name that somebody has an entry for
 * @node:	place in the registry (names.lock)
 * @incarnation: number, never used twice on a bus, never 0 (I)
 * @primary:	entry of the primary owner; NULL only while nobody but an
 *		activator that is not in force has an entry (names.lock)
 * @activator:	entry of the activator, or NULL (names.lock)
 * @pending:	the activator is not in force yet (names.lock)
 * @waiters:	entries of those who wait, the next owner first (names.lock)
 * @str:	the name itself (I)
 */
struct kdbus_wellknown {
	struct rhash_head node;
	u64 incarnation;
	struct kdbus_name_entry *primary;
	struct kdbus_name_entry *activator;
	bool pending;
	struct list_head waiters;
	char str[];
};

/**
 * enum kdbus_name_action - what a plan does to the registry
 * @KDBUS_NAME_NOTHING:	nothing, or it stores flags only
 * @KDBUS_NAME_TAKE:	the requester becomes primary owner
 * @KDBUS_NAME_WAIT:	the requester begins to wait
 * @KDBUS_NAME_LEAVE:	the requester's entry goes
 */
enum kdbus_name_action {
	KDBUS_NAME_NOTHING,
	KDBUS_NAME_TAKE,
	KDBUS_NAME_WAIT,
	KDBUS_NAME_LEAVE,
};

/**
 * struct kdbus_name_plan - what a request would do
 * @action:	what it does
 * @result:	0 or the error of the request
 * @return_flags: KDBUS_NAME_* for the requester
 * @incarnation: the name's, 0 if it is not there yet
 * @old:	primary owner that loses the name, or NULL; valid under the
 *		lock
 * @old_id:	its id, or 0
 * @old_flags:	its KDBUS_NAME_* as long as it owns the name
 * @new:	the one that gets it, or NULL; valid under the lock
 * @new_id:	its id, or 0
 * @new_flags:	its KDBUS_NAME_* from then on
 * @migrate:	messages that are tied to the name move from @old to @new
 *
 * The owner does not change if @old_id and @new_id are both 0.
 */
struct kdbus_name_plan {
	enum kdbus_name_action action;
	int result;
	u64 return_flags;
	u64 incarnation;
	struct kdbus_name_owner *old;
	u64 old_id;
	u64 old_flags;
	struct kdbus_name_owner *new;
	u64 new_id;
	u64 new_flags;
	bool migrate;
};

/**
 * struct kdbus_name_spare - memory that applying a plan may need
 * @name:	for a name that is not there yet, or NULL
 * @entry:	for a new entry, or NULL
 */
struct kdbus_name_spare {
	struct kdbus_wellknown *name;
	struct kdbus_name_entry *entry;
};

int kdbus_names_init(struct kdbus_names *names);
void kdbus_names_destroy(struct kdbus_names *names);
void kdbus_name_owner_init(struct kdbus_name_owner *owner, u64 id);

struct kdbus_name_entry *kdbus_name_find(struct kdbus_names *names,
					 const char *str);
u64 kdbus_name_entry_flags(const struct kdbus_name_entry *entry);

int kdbus_name_spare_init(struct kdbus_name_spare *spare, const char *str);
void kdbus_name_spare_free(struct kdbus_name_spare *spare);

void kdbus_name_plan_acquire(struct kdbus_names *names,
			     struct kdbus_name_owner *owner, const char *str,
			     u64 flags, struct kdbus_name_plan *plan);
void kdbus_name_plan_release(struct kdbus_names *names,
			     struct kdbus_name_owner *owner, const char *str,
			     struct kdbus_name_plan *plan);
bool kdbus_name_plan_equal(const struct kdbus_name_plan *a,
			   const struct kdbus_name_plan *b);
int kdbus_name_apply_acquire(struct kdbus_names *names,
			     struct kdbus_name_owner *owner, u64 flags,
			     const struct kdbus_name_plan *plan,
			     struct kdbus_name_spare *spare);
void kdbus_name_apply_release(struct kdbus_names *names,
			      struct kdbus_name_owner *owner, const char *str,
			      const struct kdbus_name_plan *plan);

int kdbus_name_claim(struct kdbus_names *names, struct kdbus_name_owner *owner,
		     struct kdbus_name_spare *spare);
void kdbus_name_plan_activate(struct kdbus_names *names,
			      struct kdbus_name_owner *owner,
			      struct kdbus_name_plan *plan);
void kdbus_name_apply_activate(struct kdbus_name_owner *owner);

/**
 * kdbus_name_is_primary() - whether an entry is the one that owns the name
 * @entry:	entry, names locked
 *
 * Return: true if so.
 */
static inline bool kdbus_name_is_primary(const struct kdbus_name_entry *entry)
{
	return entry->name->primary == entry;
}

/**
 * kdbus_name_next_owned() - find the next name that somebody primarily owns
 * @owner:	owner, names locked
 * @entry:	the one before, NULL for the first
 *
 * Return: its entry, NULL if there are no more.
 */
static inline struct kdbus_name_entry *
kdbus_name_next_owned(const struct kdbus_name_owner *owner,
		      const struct kdbus_name_entry *entry)
{
	const struct list_head *pos = entry ? &entry->of_owner :
					      &owner->entries;
	struct kdbus_name_entry *next;

	for (pos = pos->next; pos != &owner->entries; pos = pos->next) {
		next = list_entry(pos, struct kdbus_name_entry, of_owner);
		if (kdbus_name_is_primary(next))
			return next;
	}

	return NULL;
}

/**
 * kdbus_name_for_each_owned() - walk the names that somebody primarily owns
 * @entry:	loop variable, struct kdbus_name_entry *
 * @owner:	owner, names locked
 *
 * In the order of claiming.
 */
#define kdbus_name_for_each_owned(entry, owner)				\
	for ((entry) = kdbus_name_next_owned(owner, NULL); (entry);	\
	     (entry) = kdbus_name_next_owned(owner, entry))

#endif
