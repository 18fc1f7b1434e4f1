// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bsearch.h>
#include <linux/build_bug.h>
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/jhash.h>
#include <linux/list_sort.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "item.h"
#include "policy.h"
#include "util.h"

#define BUCKETS		128
static_assert((BUCKETS & (BUCKETS - 1)) == 0, "used as a mask");

/**
 * struct name_key - what entries are found by
 * @str:	an exact name, or a wildcard without its star (I)
 * @len:	characters of @str, which need not be terminated (I)
 * @hash:	hash of @str, valid in one database (I)
 *
 * An exact name does not end with a dot and a wildcard's key does, so that
 * the two forms of a name are two keys.
 */
struct name_key {
	const char *str;
	size_t len;
	u32 hash;
};

/**
 * struct grant - what a user or a group is granted
 * @id:		global uid or gid (I)
 * @access:	enum kdbus_policy_type (I)
 */
struct grant {
	u32 id;
	int access;
};

static_assert(sizeof(struct grant) <=
	      KDBUS_ITEM_SIZE(sizeof(struct kdbus_policy_access)),
	      "what grants take is bounded by the size of a command");

/**
 * struct entry - what is granted for one name
 * @node:	place in the database (readers RCU, writers policy.lock)
 * @entry:	place in the list or with the holder (policy.lock)
 * @rcu:	for freeing it
 * @holder:	who has brought it (I)
 * @key:	its name (I)
 * @world:	what everybody is granted, or KDBUS_POLICY_NONE (I)
 * @n_users:	number of users (I)
 * @n_groups:	number of groups (I)
 * @groups:	grants to groups, each group once, by id (I)
 * @grants:	grants to users, likewise; then @groups; then the name (I)
 *
 * All is immutable once the entry is in a database.
 */
struct entry {
	struct hlist_node node;
	struct list_head entry;
	struct rcu_head rcu;
	struct kdbus_policy_holder *holder;
	struct name_key key;
	int world;
	unsigned int n_users;
	unsigned int n_groups;
	struct grant *groups;
	struct grant grants[];
};

static int grant_cmp(const void *a, const void *b)
{
	u32 id_a = ((const struct grant *)a)->id;
	u32 id_b = ((const struct grant *)b)->id;

	return id_a < id_b ? -1 : id_a > id_b;
}

static int grants_find(const struct grant *grants, size_t n, u32 id)
{
	const struct grant key = { .id = id };
	const struct grant *grant;

	grant = bsearch(&key, grants, n, sizeof(*grants), grant_cmp);
	return grant ? grant->access : KDBUS_POLICY_NONE;
}

/* Sorts, and keeps the highest access of each id. */
static unsigned int grants_fold(struct grant *grants, unsigned int n)
{
	unsigned int i, last = 0;

	if (!n)
		return 0;

	sort(grants, n, sizeof(*grants), grant_cmp, NULL);
	for (i = 1; i < n; i++) {
		if (grants[i].id != grants[last].id)
			grants[++last] = grants[i];
		else
			grants[last].access = max(grants[last].access,
						  grants[i].access);
	}

	return last + 1;
}

static int key_cmp(const struct name_key *a, const struct name_key *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->str, b->str, a->len);
}

static void key_hash(const struct kdbus_policy *policy, struct name_key *key)
{
	key->hash = jhash(key->str, key->len, policy->seed);
}

static int entry_cmp(void *priv, const struct list_head *a,
		     const struct list_head *b)
{
	return key_cmp(&list_entry(a, struct entry, entry)->key,
		       &list_entry(b, struct entry, entry)->key);
}

/* How many grants follow a name, before the next one. */
static size_t count_grants(const struct kdbus_item *name, const void *end)
{
	const void *start = kdbus_item_next(name);
	const struct kdbus_item *item;
	size_t n = 0;

	kdbus_items_for_each(item, start, end - start) {
		if (item->type == KDBUS_ITEM_NAME)
			break;
		n += item->type == KDBUS_ITEM_POLICY_ACCESS;
	}

	return n;
}

/* Makes an entry of a valid name, with room for grants. */
static struct entry *entry_new(const char *name, size_t n_grants)
{
	size_t len = strlen(name);
	struct entry *entry;
	char *str;

	if (name[len - 1] == '*')
		len--;

	entry = kzalloc(size_add(struct_size(entry, grants, n_grants), len),
			GFP_KERNEL_ACCOUNT);
	if (!entry)
		return NULL;

	entry->world = KDBUS_POLICY_NONE;
	entry->groups = &entry->grants[n_grants];
	str = (char *)entry->groups;
	memcpy(str, name, len);
	entry->key.str = str;
	entry->key.len = len;

	return entry;
}

static int add_name(struct list_head *entries, const struct kdbus_item *item,
		    const void *end, bool allow_wildcard)
{
	struct entry *entry;

	if (!kdbus_name_valid(item->str, allow_wildcard))
		return -EINVAL;

	entry = entry_new(item->str, count_grants(item, end));
	if (!entry)
		return -ENOMEM;
	list_add_tail(&entry->entry, entries);

	return 0;
}

/*
 * Adds a grant to the last entry, in which users fill the room from its start
 * and groups from its end.
 */
static int add_grant(struct list_head *entries,
		     const struct kdbus_policy_access *access)
{
	struct user_namespace *ns = current_user_ns();
	struct entry *entry;
	kuid_t uid;
	kgid_t gid;

	if (list_empty(entries))
		return -EINVAL;
	entry = list_last_entry(entries, struct entry, entry);

	if (access->access > KDBUS_POLICY_OWN)
		return -EINVAL;

	switch (access->type) {
	case KDBUS_POLICY_ACCESS_USER:
		uid = make_kuid(ns, (u32)access->id);
		if (!uid_valid(uid))
			return -EINVAL;
		entry->grants[entry->n_users++] = (struct grant){
			.id = __kuid_val(uid), .access = access->access,
		};
		return 0;
	case KDBUS_POLICY_ACCESS_GROUP:
		gid = make_kgid(ns, (u32)access->id);
		if (!gid_valid(gid))
			return -EINVAL;
		entry->n_groups++;
		*--entry->groups = (struct grant){
			.id = __kgid_val(gid), .access = access->access,
		};
		return 0;
	case KDBUS_POLICY_ACCESS_WORLD:
		entry->world = max(entry->world, (int)access->access);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Prepares the entries for queries and looks for a name that occurs twice. */
static int list_finish(struct list_head *entries)
{
	struct entry *entry, *last = NULL;

	list_sort(NULL, entries, entry_cmp);

	list_for_each_entry(entry, entries, entry) {
		if (last && !key_cmp(&entry->key, &last->key))
			return -EEXIST;
		last = entry;

		entry->n_users = grants_fold(entry->grants, entry->n_users);
		entry->n_groups = grants_fold(entry->groups, entry->n_groups);
	}

	return 0;
}

/**
 * kdbus_policy_parse() - make entries of items
 * @list:	returns the entries; empty on failure
 * @items:	items that kdbus_items_check() has accepted; those that are
 *		neither NAME nor POLICY_ACCESS are left alone
 * @size:	bytes of @items
 * @max_names:	how many names are allowed, 0: any number
 * @allow_wildcard: accept wildcards
 *
 * Ids are those of the caller's user namespace. The first item that breaks a
 * rule of POL-3 decides, a name that occurs twice comes after that.
 *
 * Return: 0; -E2BIG for one name too many; -EINVAL for an invalid name, a
 * grant before the first name or an invalid grant; -EEXIST; -ENOMEM.
 */
int kdbus_policy_parse(struct kdbus_policy_list *list, const void *items,
		       size_t size, unsigned int max_names,
		       bool allow_wildcard)
{
	const struct kdbus_item *item;
	unsigned int names = 0;
	int ret;

	INIT_LIST_HEAD(&list->entries);

	kdbus_items_for_each(item, items, size) {
		if (item->type == KDBUS_ITEM_POLICY_ACCESS)
			ret = add_grant(&list->entries, &item->policy_access);
		else if (item->type != KDBUS_ITEM_NAME)
			ret = 0;
		else if (max_names && names++ == max_names)
			ret = -E2BIG;
		else
			ret = add_name(&list->entries, item, items + size,
				       allow_wildcard);
		if (ret)
			goto error;
	}

	ret = list_finish(&list->entries);
	if (ret)
		goto error;

	return 0;

error:
	kdbus_policy_list_free(list);
	return ret;
}

/**
 * kdbus_policy_list_free() - free entries that are in no database
 * @list:	list, empty afterwards
 */
void kdbus_policy_list_free(struct kdbus_policy_list *list)
{
	struct entry *entry, *next;

	list_for_each_entry_safe(entry, next, &list->entries, entry)
		kfree(entry);
	INIT_LIST_HEAD(&list->entries);
}

/**
 * kdbus_policy_init() - initialise an empty database
 * @policy:	database
 *
 * Return: 0, or -ENOMEM; it may be destroyed in either case.
 */
int kdbus_policy_init(struct kdbus_policy *policy)
{
	mutex_init(&policy->lock);
	seqlock_init(&policy->seq);
	policy->seed = get_random_u32();
	policy->buckets = kcalloc(BUCKETS, sizeof(*policy->buckets),
				  GFP_KERNEL_ACCOUNT);

	return policy->buckets ? 0 : -ENOMEM;
}

/**
 * kdbus_policy_destroy() - free a database
 * @policy:	database from which all holders were cleared, and which nobody
 *		queries any more
 */
void kdbus_policy_destroy(struct kdbus_policy *policy)
{
	unsigned int i;

	for (i = 0; policy->buckets && i < BUCKETS; i++)
		WARN_ON_ONCE(!hlist_empty(&policy->buckets[i]));

	kfree(policy->buckets);
	policy->buckets = NULL;
	mutex_destroy(&policy->lock);
}

/**
 * kdbus_policy_holder_init() - initialise a holder without entries
 * @holder:	holder
 */
void kdbus_policy_holder_init(struct kdbus_policy_holder *holder)
{
	INIT_LIST_HEAD(&holder->entries);
}

static struct hlist_head *key_bucket(const struct kdbus_policy *policy,
				     const struct name_key *key)
{
	return &policy->buckets[key->hash & (BUCKETS - 1)];
}

static struct entry *find(const struct kdbus_policy *policy,
			  const struct name_key *key)
{
	struct entry *entry;

	hlist_for_each_entry_rcu(entry, key_bucket(policy, key), node,
				 lockdep_is_held(&policy->lock)) {
		if (entry->key.hash == key->hash && !key_cmp(&entry->key, key))
			return entry;
	}

	return NULL;
}

/* Makes entries those of the holder and hands out the ones it had before. */
static void switch_entries(struct kdbus_policy *policy,
			   struct kdbus_policy_holder *holder,
			   struct list_head *new, struct list_head *old)
{
	struct entry *entry;

	lockdep_assert_held(&policy->lock);

	write_seqlock(&policy->seq);
	list_for_each_entry(entry, &holder->entries, entry)
		hlist_del_rcu(&entry->node);
	list_for_each_entry(entry, new, entry)
		hlist_add_head_rcu(&entry->node,
				   key_bucket(policy, &entry->key));
	write_sequnlock(&policy->seq);

	list_splice_init(&holder->entries, old);
	list_splice_init(new, &holder->entries);
}

/* Frees entries that queries may still be looking at. */
static void free_entries(struct list_head *entries)
{
	struct entry *entry, *next;

	list_for_each_entry_safe(entry, next, entries, entry)
		kfree_rcu(entry, rcu);
}

static int check_conflicts(struct kdbus_policy *policy,
			   const struct kdbus_policy_holder *holder,
			   const struct list_head *entries)
{
	const struct entry *entry, *other;

	lockdep_assert_held(&policy->lock);

	list_for_each_entry(entry, entries, entry) {
		other = find(policy, &entry->key);
		if (other && other->holder != holder)
			return -EEXIST;
	}

	return 0;
}

/**
 * kdbus_policy_replace() - replace what a holder has brought
 * @policy:	database
 * @holder:	holder; what it has is in @policy
 * @list:	what it shall have, may be empty; empty afterwards on success,
 *		unchanged on failure
 *
 * Names that the holder has already are no conflict. See the DOC paragraph
 * for what queries see meanwhile.
 *
 * Return: 0; -EEXIST if somebody else has brought one of the names in the
 * same form, then nothing has changed.
 */
int kdbus_policy_replace(struct kdbus_policy *policy,
			 struct kdbus_policy_holder *holder,
			 struct kdbus_policy_list *list)
{
	struct entry *entry;
	LIST_HEAD(old);
	int ret;

	list_for_each_entry(entry, &list->entries, entry) {
		entry->holder = holder;
		key_hash(policy, &entry->key);
	}

	mutex_lock(&policy->lock);
	ret = check_conflicts(policy, holder, &list->entries);
	if (!ret)
		switch_entries(policy, holder, &list->entries, &old);
	mutex_unlock(&policy->lock);

	free_entries(&old);
	return ret;
}

/**
 * kdbus_policy_clear() - take back what a holder has brought
 * @policy:	database
 * @holder:	holder, without entries afterwards
 */
void kdbus_policy_clear(struct kdbus_policy *policy,
			struct kdbus_policy_holder *holder)
{
	LIST_HEAD(none);
	LIST_HEAD(old);

	mutex_lock(&policy->lock);
	switch_entries(policy, holder, &none, &old);
	mutex_unlock(&policy->lock);

	free_entries(&old);
}

static int gid_cmp(const void *a, const void *b)
{
	kgid_t gid_a = *(const kgid_t *)a;
	kgid_t gid_b = *(const kgid_t *)b;

	return gid_lt(gid_a, gid_b) ? -1 : gid_gt(gid_a, gid_b);
}

/* The groups of credentials are sorted, like those of an entry. */
static bool is_member(const struct group_info *info, u32 id)
{
	const kgid_t gid = KGIDT_INIT(id);

	return bsearch(&gid, info->gid, info->ngroups, sizeof(gid), gid_cmp);
}

/* Looks each group of the shorter side up in the longer one. */
static int groups_access(const struct entry *entry, const struct cred *cred)
{
	const struct group_info *info = cred->group_info;
	int access, best;
	unsigned int i;

	best = grants_find(entry->groups, entry->n_groups,
			   __kgid_val(cred->egid));

	if (entry->n_groups < info->ngroups) {
		for (i = 0; i < entry->n_groups; i++) {
			access = entry->groups[i].access;
			if (access > best &&
			    is_member(info, entry->groups[i].id))
				best = access;
		}
		return best;
	}

	for (i = 0; i < info->ngroups; i++) {
		access = grants_find(entry->groups, entry->n_groups,
				     __kgid_val(info->gid[i]));
		best = max(best, access);
	}

	return best;
}

static int entry_access(const struct entry *entry, const struct cred *cred)
{
	int access;

	access = grants_find(entry->grants, entry->n_users,
			     __kuid_val(cred->euid));
	access = max(access, entry->world);
	return max(access, groups_access(entry, cred));
}

/**
 * kdbus_policy_query() - what is granted for a name
 * @policy:	database
 * @name:	valid well-known name, no wildcard
 * @cred:	to whom; effective ids and supplementary groups count
 *
 * Of an exact entry and the wildcard one level up, only the exact one counts
 * (POL-4). The result is signed: whoever compares it with an access that is
 * not a constant must not do so as an enum, which may be unsigned.
 *
 * Context: any that may read under RCU; does not sleep.
 * Return: the highest of enum kdbus_policy_type that is granted, or
 * KDBUS_POLICY_NONE, which is less than each of them.
 */
int kdbus_policy_query(struct kdbus_policy *policy, const char *name,
		       const struct cred *cred)
{
	const char *dot = strrchr(name, '.');
	struct name_key exact = { .str = name, .len = strlen(name) };
	struct name_key wildcard = { .str = name, .len = dot ? dot + 1 - name : 0 };
	int access = KDBUS_POLICY_NONE;
	const struct entry *entry;
	unsigned int seq;

	key_hash(policy, &exact);
	key_hash(policy, &wildcard);

	rcu_read_lock();
	do {
		seq = read_seqbegin(&policy->seq);
		entry = find(policy, &exact) ?: find(policy, &wildcard);
	} while (read_seqretry(&policy->seq, seq));
	if (entry)
		access = entry_access(entry, cred);
	rcu_read_unlock();

	return access;
}
