// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "limits.h"
#include "names.h"

/* What an entry keeps of the flags of a request. */
#define STORED_FLAGS (KDBUS_NAME_ALLOW_REPLACEMENT | KDBUS_NAME_QUEUE)

static u32 hash_key(const void *data, u32 len, u32 seed)
{
	const char *str = data;

	return jhash(str, strlen(str), seed);
}

static u32 hash_name(const void *data, u32 len, u32 seed)
{
	const struct kdbus_wellknown *name = data;

	return hash_key(name->str, len, seed);
}

static int cmp_name(struct rhashtable_compare_arg *arg, const void *data)
{
	const struct kdbus_wellknown *name = data;

	return strcmp(arg->key, name->str);
}

static const struct rhashtable_params names_params = {
	.head_offset = offsetof(struct kdbus_wellknown, node),
	.hashfn = hash_key,
	.obj_hashfn = hash_name,
	.obj_cmpfn = cmp_name,
	.automatic_shrinking = true,
};

/**
 * kdbus_names_init() - initialise an empty registry
 * @names:	registry
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_names_init(struct kdbus_names *names)
{
	init_rwsem(&names->lock);
	names->last = 0;
	return rhashtable_init(&names->table, &names_params);
}

/**
 * kdbus_names_destroy() - free an empty registry
 * @names:	registry without names
 */
void kdbus_names_destroy(struct kdbus_names *names)
{
	WARN_ON_ONCE(atomic_read(&names->table.nelems));
	rhashtable_destroy(&names->table);
}

/**
 * kdbus_name_owner_init() - initialise somebody without names
 * @owner:	owner
 * @id:		its id
 */
void kdbus_name_owner_init(struct kdbus_name_owner *owner, u64 id)
{
	owner->id = id;
	owner->count = 0;
	INIT_LIST_HEAD(&owner->entries);
}

static struct kdbus_wellknown *find(struct kdbus_names *names, const char *str)
{
	lockdep_assert_held(&names->lock);
	return rhashtable_lookup_fast(&names->table, str, names_params);
}

/**
 * kdbus_name_find() - find the primary owner of a name
 * @names:	registry, locked
 * @str:	any string
 *
 * Return: the entry of the primary owner, which is the activator if nobody
 * else owns the name; NULL if there is none.
 */
struct kdbus_name_entry *kdbus_name_find(struct kdbus_names *names,
					 const char *str)
{
	struct kdbus_wellknown *name = find(names, str);

	return name ? name->primary : NULL;
}

/**
 * kdbus_name_entry_flags() - the flags that are shown of an entry
 * @entry:	entry, names locked
 *
 * Return: a set of KDBUS_NAME_* (16.2).
 */
u64 kdbus_name_entry_flags(const struct kdbus_name_entry *entry)
{
	return entry->flags | (kdbus_name_is_primary(entry) ?
			       KDBUS_NAME_PRIMARY : KDBUS_NAME_IN_QUEUE);
}

/**
 * kdbus_name_spare_init() - get the memory that a request may need
 * @spare:	returns the memory, to be given to kdbus_name_spare_free()
 * @str:	valid well-known name
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_name_spare_init(struct kdbus_name_spare *spare, const char *str)
{
	size_t len = strlen(str);

	spare->name = kzalloc(struct_size(spare->name, str, len + 1),
			      GFP_KERNEL_ACCOUNT);
	spare->entry = kzalloc(sizeof(*spare->entry), GFP_KERNEL_ACCOUNT);
	if (!spare->name || !spare->entry) {
		kdbus_name_spare_free(spare);
		return -ENOMEM;
	}

	memcpy(spare->name->str, str, len + 1);
	INIT_LIST_HEAD(&spare->name->waiters);
	INIT_LIST_HEAD(&spare->entry->of_owner);
	INIT_LIST_HEAD(&spare->entry->waiting);

	return 0;
}

/**
 * kdbus_name_spare_free() - free what a request did not need
 * @spare:	memory
 */
void kdbus_name_spare_free(struct kdbus_name_spare *spare)
{
	kfree(spare->name);
	kfree(spare->entry);
	spare->name = NULL;
	spare->entry = NULL;
}

static struct kdbus_name_entry *find_entry(const struct kdbus_wellknown *name,
					   const struct kdbus_name_owner *owner)
{
	struct kdbus_name_entry *entry;

	if (name->primary && name->primary->owner == owner)
		return name->primary;
	if (name->activator && name->activator->owner == owner)
		return name->activator;

	/* One's own entries are limited in number, the others' are not. */
	list_for_each_entry(entry, &owner->entries, of_owner)
		if (entry->name == name)
			return entry;

	return NULL;
}

static void plan_old(const struct kdbus_name_entry *entry,
		     struct kdbus_name_plan *plan)
{
	plan->old = entry->owner;
	plan->old_id = entry->owner->id;
	plan->old_flags = kdbus_name_entry_flags(entry);
}

static void plan_new(struct kdbus_name_owner *owner, u64 flags,
		     struct kdbus_name_plan *plan)
{
	plan->new = owner;
	plan->new_id = owner->id;
	plan->new_flags = flags | KDBUS_NAME_PRIMARY;
}

/* The requester becomes primary; @flags are what his entry will store. */
static void plan_take(const struct kdbus_wellknown *name,
		      struct kdbus_name_owner *owner, u64 flags,
		      struct kdbus_name_plan *plan)
{
	plan->action = KDBUS_NAME_TAKE;
	plan->return_flags = flags | KDBUS_NAME_PRIMARY | KDBUS_NAME_ACQUIRED;
	plan_new(owner, flags, plan);

	if (name && name->primary) {
		plan_old(name->primary, plan);
		plan->migrate = name->primary == name->activator;
	}
}

/**
 * kdbus_name_plan_acquire() - what acquiring a name would do
 * @names:	registry, locked
 * @owner:	who wants the name, not an activator
 * @str:	valid well-known name
 * @flags:	KDBUS_NAME_* of the request
 * @plan:	returns the plan; @plan->result is -E2BIG or -EEXIST if the
 *		request fails
 *
 * NAME-3, line by line.
 */
void kdbus_name_plan_acquire(struct kdbus_names *names,
			     struct kdbus_name_owner *owner, const char *str,
			     u64 flags, struct kdbus_name_plan *plan)
{
	struct kdbus_wellknown *name = find(names, str);
	struct kdbus_name_entry *entry = NULL, *primary = NULL;
	u64 stored = flags & STORED_FLAGS;

	*plan = (struct kdbus_name_plan){};
	if (name) {
		plan->incarnation = name->incarnation;
		entry = find_entry(name, owner);
		primary = name->primary;
	}

	if (!entry && owner->count >= KDBUS_CONN_MAX_NAMES) {
		plan->result = -E2BIG;
	} else if (!primary || primary == name->activator) {
		plan_take(name, owner, stored, plan);
	} else if (primary == entry) {
		plan->return_flags = stored | KDBUS_NAME_PRIMARY;
	} else if ((primary->flags & KDBUS_NAME_ALLOW_REPLACEMENT) &&
		   (flags & KDBUS_NAME_REPLACE_EXISTING)) {
		plan_take(name, owner, stored, plan);
	} else if (flags & KDBUS_NAME_QUEUE) {
		plan->return_flags = stored | KDBUS_NAME_IN_QUEUE;
		if (!entry) {
			plan->action = KDBUS_NAME_WAIT;
			plan->return_flags |= KDBUS_NAME_ACQUIRED;
		}
	} else if (entry) {
		plan->action = KDBUS_NAME_LEAVE;
		plan->return_flags = stored;
	} else {
		plan->result = -EEXIST;
	}
}

/* What becomes of a name whose primary owner gives it up (NAME-6). */
static void plan_successor(struct kdbus_wellknown *name,
			   struct kdbus_name_plan *plan)
{
	const struct kdbus_name_entry *next;

	plan_old(name->primary, plan);

	next = list_first_entry_or_null(&name->waiters, struct kdbus_name_entry,
					waiting);
	if (!next && name->activator != name->primary && !name->pending) {
		next = name->activator;
		plan->migrate = next;
	}
	if (next)
		plan_new(next->owner, next->flags, plan);
}

/**
 * kdbus_name_plan_release() - what giving a name up would do
 * @names:	registry, locked
 * @owner:	who gives it up
 * @str:	any string
 * @plan:	returns the plan; @plan->result is -ESRCH if nobody has an
 *		entry for the name, -EADDRINUSE if @owner has none (NAME-5)
 */
void kdbus_name_plan_release(struct kdbus_names *names,
			     struct kdbus_name_owner *owner, const char *str,
			     struct kdbus_name_plan *plan)
{
	struct kdbus_wellknown *name = find(names, str);
	struct kdbus_name_entry *entry;

	*plan = (struct kdbus_name_plan){};

	entry = name ? find_entry(name, owner) : NULL;
	if (!entry) {
		/* Who is only about to become an activator is not there yet. */
		plan->result = name && (name->primary || !name->pending) ?
			       -EADDRINUSE : -ESRCH;
		return;
	}

	plan->incarnation = name->incarnation;
	plan->action = KDBUS_NAME_LEAVE;
	if (entry == name->primary)
		plan_successor(name, plan);
}

/**
 * kdbus_name_plan_equal() - whether two plans come to the same
 * @a:		a plan
 * @b:		another one
 *
 * Return: true if so.
 */
bool kdbus_name_plan_equal(const struct kdbus_name_plan *a,
			   const struct kdbus_name_plan *b)
{
	return a->action == b->action && a->result == b->result &&
	       a->return_flags == b->return_flags &&
	       a->incarnation == b->incarnation &&
	       a->old_id == b->old_id && a->old_flags == b->old_flags &&
	       a->new_id == b->new_id && a->new_flags == b->new_flags &&
	       a->migrate == b->migrate;
}

/* Finds the name, or enters the spare one. */
static struct kdbus_wellknown *get_name(struct kdbus_names *names,
					struct kdbus_name_spare *spare)
{
	struct kdbus_wellknown *name = find(names, spare->name->str);

	if (name)
		return name;

	name = spare->name;
	if (rhashtable_insert_fast(&names->table, &name->node, names_params))
		return ERR_PTR(-ENOMEM);

	spare->name = NULL;
	name->incarnation = ++names->last;
	return name;
}

static void put_name(struct kdbus_names *names, struct kdbus_wellknown *name)
{
	if (name->primary || name->activator)
		return;

	rhashtable_remove_fast(&names->table, &name->node, names_params);
	kfree(name);
}

static struct kdbus_name_entry *add_entry(struct kdbus_wellknown *name,
					  struct kdbus_name_owner *owner,
					  struct kdbus_name_spare *spare)
{
	struct kdbus_name_entry *entry = spare->entry;

	spare->entry = NULL;
	entry->name = name;
	entry->owner = owner;
	list_add_tail(&entry->of_owner, &owner->entries);
	owner->count++;

	return entry;
}

static void remove_entry(struct kdbus_name_entry *entry)
{
	list_del(&entry->of_owner);
	list_del(&entry->waiting);
	entry->owner->count--;
	kfree(entry);
}

/* Makes @entry primary; the one before waits, is set aside or goes. */
static void take(struct kdbus_wellknown *name, struct kdbus_name_entry *entry)
{
	struct kdbus_name_entry *old = name->primary;

	list_del_init(&entry->waiting);
	name->primary = entry;
	if (!old || old == name->activator)
		return;

	if (old->flags & KDBUS_NAME_QUEUE)
		list_add(&old->waiting, &name->waiters);
	else
		remove_entry(old);
}

/**
 * kdbus_name_apply_acquire() - acquire a name
 * @names:	registry, locked for writing
 * @owner:	who wants the name
 * @flags:	KDBUS_NAME_* of the request
 * @plan:	present plan of this request, not one that fails
 * @spare:	memory for this name; what is used of it is set to NULL
 *
 * Return: 0; -ENOMEM, and nothing has changed, if the table of a new name
 * cannot grow.
 */
int kdbus_name_apply_acquire(struct kdbus_names *names,
			     struct kdbus_name_owner *owner, u64 flags,
			     const struct kdbus_name_plan *plan,
			     struct kdbus_name_spare *spare)
{
	struct kdbus_name_entry *entry;
	struct kdbus_wellknown *name;

	lockdep_assert_held_write(&names->lock);

	name = get_name(names, spare);
	if (IS_ERR(name))
		return PTR_ERR(name);

	entry = find_entry(name, owner);
	if (plan->action == KDBUS_NAME_LEAVE) {
		remove_entry(entry);
		return 0;
	}

	if (!entry)
		entry = add_entry(name, owner, spare);
	entry->flags = flags & STORED_FLAGS;

	if (plan->action == KDBUS_NAME_TAKE)
		take(name, entry);
	else if (plan->action == KDBUS_NAME_WAIT)
		list_add_tail(&entry->waiting, &name->waiters);

	return 0;
}

/**
 * kdbus_name_apply_release() - give a name up
 * @names:	registry, locked for writing
 * @owner:	who gives it up
 * @str:	the name
 * @plan:	present plan of this request, not one that fails
 */
void kdbus_name_apply_release(struct kdbus_names *names,
			      struct kdbus_name_owner *owner, const char *str,
			      const struct kdbus_name_plan *plan)
{
	struct kdbus_name_entry *entry, *next = NULL;
	struct kdbus_wellknown *name;

	lockdep_assert_held_write(&names->lock);

	name = find(names, str);
	entry = find_entry(name, owner);

	if (entry == name->primary) {
		if (plan->new)
			next = find_entry(name, plan->new);
		if (next)
			list_del_init(&next->waiting);
		name->primary = next;
	}
	if (entry == name->activator) {
		name->activator = NULL;
		name->pending = false;
	}

	remove_entry(entry);
	put_name(names, name);
}

/**
 * kdbus_name_claim() - be the activator of a name, but not yet
 * @names:	registry, locked for writing
 * @owner:	activator without entries
 * @spare:	memory for the name; what is used of it is set to NULL
 *
 * Nobody else can become the activator from now on, and nobody notices
 * otherwise, until the claim is put in force or given up like any other entry.
 *
 * Return: 0; -EEXIST if the name has an activator (ACT-2); -ENOMEM.
 */
int kdbus_name_claim(struct kdbus_names *names, struct kdbus_name_owner *owner,
		     struct kdbus_name_spare *spare)
{
	struct kdbus_wellknown *name;

	lockdep_assert_held_write(&names->lock);

	name = get_name(names, spare);
	if (IS_ERR(name))
		return PTR_ERR(name);
	if (name->activator)
		return -EEXIST;

	name->activator = add_entry(name, owner, spare);
	name->activator->flags = KDBUS_NAME_ACTIVATOR;
	name->pending = true;

	return 0;
}

/**
 * kdbus_name_plan_activate() - what putting a claim in force would do
 * @names:	registry, locked
 * @owner:	activator with a claim
 * @plan:	returns the plan
 *
 * ACT-2: it becomes primary if nobody owns the name.
 */
void kdbus_name_plan_activate(struct kdbus_names *names,
			      struct kdbus_name_owner *owner,
			      struct kdbus_name_plan *plan)
{
	const struct kdbus_name_entry *entry;

	lockdep_assert_held(&names->lock);

	entry = list_first_entry(&owner->entries, struct kdbus_name_entry,
				 of_owner);
	*plan = (struct kdbus_name_plan){
		.incarnation = entry->name->incarnation,
	};
	if (!entry->name->primary)
		plan_take(NULL, owner, entry->flags, plan);
}

/**
 * kdbus_name_apply_activate() - put a claim in force
 * @owner:	activator with a claim, names locked for writing
 */
void kdbus_name_apply_activate(struct kdbus_name_owner *owner)
{
	struct kdbus_name_entry *entry;
	struct kdbus_wellknown *name;

	entry = list_first_entry(&owner->entries, struct kdbus_name_entry,
				 of_owner);
	name = entry->name;

	name->pending = false;
	if (!name->primary)
		name->primary = entry;
}
