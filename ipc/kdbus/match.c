// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "item.h"
#include "limits.h"
#include "match.h"
#include "names.h"
#include "util.h"

/* Matches that kdbus_match_owner_clear() removes before it lets others in. */
#define CLEAR_BATCH	128

/**
 * enum field - what a group is found by, the most selective last
 * @FIELD_ALWAYS:	nothing, it has no rules
 * @FIELD_ANY:		the type alone
 * @FIELD_BIT:		signal: a bit of the filter
 * @FIELD_FROM:		signal: the sender; notification: the old id
 * @FIELD_NAME:		signal: a name of the sender; notification: its name
 * @FIELD_TO:		signal: the destination, which no broadcast has;
 *			notification: the new id
 * @FIELD_NEVER:	it cannot be satisfied
 */
enum field {
	FIELD_ALWAYS,
	FIELD_ANY,
	FIELD_BIT,
	FIELD_FROM,
	FIELD_NAME,
	FIELD_TO,
	FIELD_NEVER,
};

/**
 * struct place - where in the index a group is
 * @type:	0 for signals, or type of the notification
 * @field:	what the group is found by
 * @value:	an id, hash of a name, number of a slot, or 0
 */
struct place {
	u64 type;
	enum field field;
	u64 value;
};

/**
 * struct group - all matches with the same rules
 * @by_rules:	place among all groups (matches.lock)
 * @subscribers: struct kdbus_match by owner (matches.lock)
 * @count:	number of @subscribers (matches.lock)
 * @hash:	of @rules (I)
 * @place:	where in the index it is (matches.lock)
 * @by_place:	place among those that no slot has (matches.lock)
 * @by_slot:	place in the slot that @place says (matches.lock)
 * @probe:	bits that the folded filter must have in one word (I)
 * @word:	which word (I)
 * @size:	bytes of @rules (I)
 * @rules:	items, padded; what nobody reads is zero (I)
 */
struct group {
	struct rb_node by_rules;
	struct rb_root subscribers;
	size_t count;
	u64 hash;
	struct place place;
	union {
		struct rb_node by_place;
		struct hlist_node by_slot;
	};
	u64 probe;
	u32 word;
	u32 size;
	u64 rules[];
};

/**
 * struct kdbus_match - one match
 * @cookie:	chosen by the client (I)
 * @owner:	whose it is, once it is added (I)
 * @group:	its rules; NULL once it is removed, unless the group goes with
 *		it (matches.lock)
 * @of_owner:	place among those of @owner (matches.lock)
 * @of_group:	place among those of @group (matches.lock)
 * @dead:	place among those that are to be freed
 */
struct kdbus_match {
	u64 cookie;
	struct kdbus_match_owner *owner;
	struct group *group;
	struct rb_node of_owner;
	struct rb_node of_group;
	struct list_head dead;
};

/**
 * struct kdbus_match_slot - groups that are found by the same bit
 * @groups:	the groups (matches.lock)
 * @count:	number of @groups (matches.lock)
 */
struct kdbus_match_slot {
	struct hlist_head groups;
	unsigned int count;
};

/**
 * struct query - a query at work
 * @matches:	what is asked
 * @ctx:	what for
 * @hits:	the answer so far
 * @full:	there was not enough room in @hits
 * @filter:	the folded filter of a signal, else zero
 * @groups:	number of satisfied groups so far
 * @found:	number of matches in them
 */
struct query {
	const struct kdbus_matches *matches;
	const struct kdbus_match_context *ctx;
	struct kdbus_match_hits *hits;
	bool full;
	u64 filter[KDBUS_MATCH_WORDS];
	unsigned int groups;
	size_t found;
};

/**
 * kdbus_matches_init() - initialise the matches of a bus
 * @matches:	matches
 * @bloom_size:	bytes of the bus's filters
 *
 * Return: 0, or -ENOMEM.
 */
int kdbus_matches_init(struct kdbus_matches *matches, size_t bloom_size)
{
	*matches = (struct kdbus_matches){
		.bloom_size = bloom_size,
		.n_words = min_t(size_t, bloom_size / sizeof(u64),
				 KDBUS_MATCH_WORDS),
	};
	init_rwsem(&matches->lock);
	get_random_bytes(&matches->key, sizeof(matches->key));

	matches->slots = kcalloc(matches->n_words * 64,
				 sizeof(*matches->slots), GFP_KERNEL_ACCOUNT);
	return matches->slots ? 0 : -ENOMEM;
}

/**
 * kdbus_matches_destroy() - free what belongs to a bus
 * @matches:	matches of which none is left
 */
void kdbus_matches_destroy(struct kdbus_matches *matches)
{
	WARN_ON_ONCE(!RB_EMPTY_ROOT(&matches->groups));

	kfree(matches->slots);
	matches->slots = NULL;
}

/**
 * kdbus_match_owner_init() - initialise an owner without matches
 * @owner:	owner
 */
void kdbus_match_owner_init(struct kdbus_match_owner *owner)
{
	owner->matches = RB_ROOT;
	owner->count = 0;
}

/* MATCH-2; returns the bytes that the rules will need. */
static int check_rules(const void *items, size_t size, size_t bloom_size,
		       size_t *bytes)
{
	const struct kdbus_item *item;
	size_t payload;

	*bytes = 0;
	kdbus_items_for_each(item, items, size) {
		payload = kdbus_item_payload_size(item);

		switch (item->type) {
		case KDBUS_ITEM_NEGOTIATE:
			continue;
		case KDBUS_ITEM_BLOOM_MASK:
			if (!payload || payload % bloom_size)
				return -EDOM;
			break;
		case KDBUS_ITEM_NAME:
			if (!kdbus_name_valid(item->str, false))
				return -EINVAL;
			break;
		}
		*bytes += KDBUS_ALIGN8(item->size);
	}

	return 0;
}

/* Clears what MATCH-9 ignores, so that it makes no difference. */
static void clear_unread(struct kdbus_item *rule)
{
	switch (rule->type) {
	case KDBUS_ITEM_NAME_ADD:
	case KDBUS_ITEM_NAME_REMOVE:
	case KDBUS_ITEM_NAME_CHANGE:
		rule->name_change.old_id.flags = 0;
		rule->name_change.new_id.flags = 0;
		break;
	case KDBUS_ITEM_ID_ADD:
	case KDBUS_ITEM_ID_REMOVE:
		rule->id_change.flags = 0;
		break;
	}
}

static struct group *group_new(const void *items, size_t size, size_t bytes)
{
	const struct kdbus_item *item;
	struct group *group;
	void *pos;

	group = kvzalloc(struct_size(group, rules, bytes / sizeof(u64)),
			 GFP_KERNEL_ACCOUNT);
	if (!group)
		return NULL;

	group->subscribers = RB_ROOT;
	group->size = bytes;
	pos = group->rules;
	kdbus_items_for_each(item, items, size) {
		struct kdbus_item *rule = pos;

		if (item->type == KDBUS_ITEM_NEGOTIATE)
			continue;	/* W-3 */
		pos = kdbus_item_put(pos, item->type, item->data,
				     kdbus_item_payload_size(item));
		clear_unread(rule);
	}

	return group;
}

/**
 * kdbus_match_new() - make a match
 * @items:	the rules, checked by kdbus_items_check()
 * @size:	bytes of @items
 * @cookie:	chosen by the client
 * @bloom_size:	bytes of the bus's filters
 *
 * The match brings all the memory that adding it takes, charged to the
 * caller (W-26). If others have the same rules, those of the first are kept,
 * as long as somebody has a match with them.
 *
 * Return: a match that is nobody's; -EDOM if the size of a mask does not fit,
 * -EINVAL for a name that is not valid, whichever comes first; -ENOMEM.
 */
struct kdbus_match *kdbus_match_new(const void *items, size_t size, u64 cookie,
				    size_t bloom_size)
{
	struct kdbus_match *match;
	size_t bytes;
	int ret;

	ret = check_rules(items, size, bloom_size, &bytes);
	if (ret)
		return ERR_PTR(ret);

	match = kzalloc(sizeof(*match), GFP_KERNEL_ACCOUNT);
	if (!match)
		return ERR_PTR(-ENOMEM);

	match->cookie = cookie;
	match->group = group_new(items, size, bytes);
	if (!match->group) {
		kfree(match);
		return ERR_PTR(-ENOMEM);
	}

	return match;
}

/**
 * kdbus_match_free() - free a match that nobody owns
 * @match:	match, or NULL
 */
void kdbus_match_free(struct kdbus_match *match)
{
	if (!match)
		return;

	kvfree(match->group);
	kfree(match);
}

static void free_dead(struct list_head *dead)
{
	struct kdbus_match *match, *tmp;

	list_for_each_entry_safe(match, tmp, dead, dead)
		kdbus_match_free(match);
}

/* ---- where a group belongs ---- */

/* 0 for a rule about signals, else the notification that a rule is about. */
static u64 rule_type(const struct kdbus_item *rule)
{
	switch (rule->type) {
	case KDBUS_ITEM_NAME_ADD ... KDBUS_ITEM_ID_REMOVE:
		return rule->type;
	default:
		return 0;
	}
}

static bool rule_has_name(const struct kdbus_item *rule)
{
	return kdbus_item_payload_size(rule) > sizeof(rule->name_change);
}

static u64 name_hash(const struct kdbus_matches *matches, const char *name)
{
	return siphash(name, strlen(name), &matches->key);
}

static void prefer(struct place *place, enum field field, u64 value)
{
	if (field > place->field) {
		place->field = field;
		place->value = value;
	}
}

/* An absent owner, or no id to send to, is shared by too many. */
static bool id_selects(u64 id)
{
	return id && id != KDBUS_MATCH_ID_ANY;
}

static void prefer_id(struct place *place, enum field field, u64 id)
{
	if (id_selects(id))
		prefer(place, field, id);
}

static void prefer_rule(const struct kdbus_matches *matches,
			struct place *place, const struct kdbus_item *rule)
{
	switch (rule->type) {
	case KDBUS_ITEM_ID:
		prefer_id(place, FIELD_FROM, rule->id);
		break;
	case KDBUS_ITEM_DST_ID:
		prefer_id(place, FIELD_TO, rule->id);
		break;
	case KDBUS_ITEM_NAME:
		prefer(place, FIELD_NAME, name_hash(matches, rule->str));
		break;
	case KDBUS_ITEM_NAME_ADD:
	case KDBUS_ITEM_NAME_REMOVE:
	case KDBUS_ITEM_NAME_CHANGE:
		prefer_id(place, FIELD_FROM, rule->name_change.old_id.id);
		prefer_id(place, FIELD_TO, rule->name_change.new_id.id);
		if (!rule_has_name(rule))
			break;
		if (!rule->name_change.name[0])
			prefer(place, FIELD_NEVER, 0);
		prefer(place, FIELD_NAME,
		       name_hash(matches, rule->name_change.name));
		break;
	case KDBUS_ITEM_ID_ADD:
		prefer_id(place, FIELD_TO, rule->id_change.id);
		break;
	case KDBUS_ITEM_ID_REMOVE:
		prefer_id(place, FIELD_FROM, rule->id_change.id);
		break;
	}
}

static void find_place(const struct kdbus_matches *matches, struct group *group)
{
	struct place *place = &group->place;
	const struct kdbus_item *rule;

	*place = (struct place){ .field = FIELD_ALWAYS };
	kdbus_items_for_each(rule, group->rules, group->size) {
		if (place->field == FIELD_ALWAYS)
			place->type = rule_type(rule);
		else if (place->type != rule_type(rule))
			prefer(place, FIELD_NEVER, 0);

		prefer(place, FIELD_ANY, 0);
		prefer_rule(matches, place, rule);
	}
}

/* Adds to @need the folded bits that all masks of a rule have. */
static void fold_rule(const struct kdbus_matches *matches,
		      const struct kdbus_item *rule, u64 *need)
{
	size_t total = kdbus_item_payload_size(rule) / sizeof(u64);
	size_t words = matches->bloom_size / sizeof(u64);
	size_t word, i;
	u64 common;

	for (word = 0; word < words; word++) {
		common = U64_MAX;
		for (i = word; i < total; i += words)
			common &= rule->data64[i];
		need[word % matches->n_words] |= common;
	}
}

/* What adding a group needs to know, as far as no lock is needed for it. */
static void prepare(const struct kdbus_matches *matches, struct group *group,
		    u64 *need)
{
	const struct kdbus_item *rule;
	unsigned int i;

	group->hash = siphash(group->rules, group->size, &matches->key);
	find_place(matches, group);

	memset(need, 0, KDBUS_MATCH_WORDS * sizeof(*need));
	kdbus_items_for_each(rule, group->rules, group->size)
		if (rule->type == KDBUS_ITEM_BLOOM_MASK)
			fold_rule(matches, rule, need);

	for (i = 0; i < matches->n_words; i++) {
		if (hweight64(need[i]) > hweight64(group->probe)) {
			group->probe = need[i];
			group->word = i;
		}
	}
	if (group->probe)
		prefer(&group->place, FIELD_BIT, 0);
}

/* The emptiest slot of those that a group can be found by. */
static unsigned int find_slot(const struct kdbus_matches *matches,
			      const u64 *need)
{
	unsigned int i, slot, best = UINT_MAX;
	u64 bits;

	for (i = 0; i < matches->n_words; i++) {
		bits = need[i] & ~matches->occupied[i];
		if (bits)
			return i * 64 + __ffs64(bits);
	}

	for (i = 0; i < matches->n_words; i++) {
		for (bits = need[i]; bits; bits &= bits - 1) {
			slot = i * 64 + __ffs64(bits);
			if (best == UINT_MAX || matches->slots[slot].count <
						matches->slots[best].count)
				best = slot;
		}
	}

	return best;
}

/* ---- changes ---- */

static int cmp_place(const struct place *a, const struct place *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->field != b->field)
		return a->field < b->field ? -1 : 1;
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return 0;
}

static int place_find(const void *key, const struct rb_node *node)
{
	return cmp_place(key, &rb_entry(node, struct group, by_place)->place);
}

static bool place_less(struct rb_node *a, const struct rb_node *b)
{
	return place_find(&rb_entry(a, struct group, by_place)->place, b) < 0;
}

static void index_add(struct kdbus_matches *matches, struct group *group,
		      const u64 *need)
{
	struct kdbus_match_slot *slot;
	unsigned int i;

	switch (group->place.field) {
	case FIELD_NEVER:
		break;
	case FIELD_BIT:
		i = find_slot(matches, need);
		slot = &matches->slots[i];
		group->place.value = i;
		hlist_add_head(&group->by_slot, &slot->groups);
		slot->count++;
		matches->occupied[i / 64] |= BIT_ULL(i % 64);
		break;
	default:
		rb_add(&group->by_place, &matches->index, place_less);
	}
}

static void index_remove(struct kdbus_matches *matches, struct group *group)
{
	struct kdbus_match_slot *slot;
	unsigned int i;

	switch (group->place.field) {
	case FIELD_NEVER:
		break;
	case FIELD_BIT:
		i = group->place.value;
		slot = &matches->slots[i];
		hlist_del(&group->by_slot);
		slot->count--;
		if (!slot->count)
			matches->occupied[i / 64] &= ~BIT_ULL(i % 64);
		break;
	default:
		rb_erase(&group->by_place, &matches->index);
	}
}

static int rules_cmp(struct rb_node *node_a, const struct rb_node *node_b)
{
	const struct group *a = rb_entry(node_a, struct group, by_rules);
	const struct group *b = rb_entry(node_b, struct group, by_rules);

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return memcmp(a->rules, b->rules, a->size);
}

static int cookie_find(const void *key, const struct rb_node *node)
{
	u64 a = *(const u64 *)key;
	u64 b = rb_entry(node, struct kdbus_match, of_owner)->cookie;

	return a < b ? -1 : a > b;
}

static bool cookie_less(struct rb_node *a, const struct rb_node *b)
{
	return cookie_find(&rb_entry(a, struct kdbus_match, of_owner)->cookie,
			   b) < 0;
}

static bool owner_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct kdbus_match, of_group)->owner <
	       rb_entry(b, struct kdbus_match, of_group)->owner;
}

static unsigned int count_cookie(const struct kdbus_match_owner *owner,
				 u64 cookie)
{
	struct rb_node *node;
	unsigned int n = 0;

	rb_for_each(node, &cookie, &owner->matches, cookie_find)
		n++;

	return n;
}

static void unlink_match(struct kdbus_matches *matches,
			 struct kdbus_match *match, struct list_head *dead)
{
	struct kdbus_match_owner *owner = match->owner;
	struct group *group = match->group;

	rb_erase(&match->of_owner, &owner->matches);
	if (!--owner->count)
		matches->owners--;

	rb_erase(&match->of_group, &group->subscribers);
	if (--group->count) {
		match->group = NULL;
	} else {
		index_remove(matches, group);
		rb_erase(&group->by_rules, &matches->groups);
	}
	list_add(&match->dead, dead);
}

static void unlink_cookie(struct kdbus_matches *matches,
			  struct kdbus_match_owner *owner, u64 cookie,
			  struct list_head *dead)
{
	struct rb_node *node;

	while ((node = rb_find_first(&cookie, &owner->matches, cookie_find)))
		unlink_match(matches,
			     rb_entry(node, struct kdbus_match, of_owner),
			     dead);
}

/* Returns the group of the match if there was one like it already. */
static struct group *link_match(struct kdbus_matches *matches,
				struct kdbus_match_owner *owner,
				struct kdbus_match *match, const u64 *need)
{
	struct group *own = match->group;
	struct rb_node *node;

	node = rb_find_add(&own->by_rules, &matches->groups, rules_cmp);
	if (node) {
		match->group = rb_entry(node, struct group, by_rules);
	} else {
		index_add(matches, own, need);
		own = NULL;
	}

	match->owner = owner;
	rb_add(&match->of_group, &match->group->subscribers, owner_less);
	match->group->count++;
	rb_add(&match->of_owner, &owner->matches, cookie_less);
	if (!owner->count++)
		matches->owners++;

	return own;
}

/**
 * kdbus_match_add() - add a match
 * @matches:	matches of the bus, not locked
 * @owner:	whose it becomes
 * @match:	from kdbus_match_new(); the owner's on success
 * @replace:	first remove those of @owner with the same cookie (MATCH-3)
 *
 * Return: 0; -EMFILE if @owner has KDBUS_CONN_MAX_MATCHES, then nothing is
 * changed (MATCH-4).
 */
int kdbus_match_add(struct kdbus_matches *matches,
		    struct kdbus_match_owner *owner, struct kdbus_match *match,
		    bool replace)
{
	u64 need[KDBUS_MATCH_WORDS];
	struct group *spare = NULL;
	unsigned int removed = 0;
	LIST_HEAD(dead);
	int ret = 0;

	prepare(matches, match->group, need);

	down_write(&matches->lock);
	if (replace)
		removed = count_cookie(owner, match->cookie);
	if (owner->count - removed >= KDBUS_CONN_MAX_MATCHES) {
		ret = -EMFILE;
	} else {
		if (removed)
			unlink_cookie(matches, owner, match->cookie, &dead);
		spare = link_match(matches, owner, match, need);
	}
	up_write(&matches->lock);

	free_dead(&dead);
	kvfree(spare);

	return ret;
}

/**
 * kdbus_match_remove() - remove matches
 * @matches:	matches of the bus, not locked
 * @owner:	whose they are
 * @cookie:	which
 *
 * Return: 0, or -EBADSLT if @owner has none with this cookie (MATCH-11).
 */
int kdbus_match_remove(struct kdbus_matches *matches,
		       struct kdbus_match_owner *owner, u64 cookie)
{
	LIST_HEAD(dead);
	int ret;

	down_write(&matches->lock);
	unlink_cookie(matches, owner, cookie, &dead);
	up_write(&matches->lock);

	ret = list_empty(&dead) ? -EBADSLT : 0;
	free_dead(&dead);

	return ret;
}

/**
 * kdbus_match_owner_clear() - remove all matches of an owner
 * @matches:	matches of the bus, not locked
 * @owner:	owner to which none is added any more
 *
 * Others may get their turn in between.
 */
void kdbus_match_owner_clear(struct kdbus_matches *matches,
			     struct kdbus_match_owner *owner)
{
	struct rb_node *node;
	unsigned int n;

	do {
		LIST_HEAD(dead);

		n = 0;
		down_write(&matches->lock);
		while (n < CLEAR_BATCH &&
		       (node = rb_first(&owner->matches))) {
			unlink_match(matches,
				     rb_entry(node, struct kdbus_match,
					      of_owner),
				     &dead);
			n++;
		}
		up_write(&matches->lock);

		free_dead(&dead);
		cond_resched();
	} while (n == CLEAR_BATCH);
}

/* ---- evaluation ---- */

static bool id_fits(u64 rule, u64 id)
{
	return rule == KDBUS_MATCH_ID_ANY || rule == id;
}

static bool mask_fits(const struct kdbus_matches *matches,
		      const struct kdbus_item *rule,
		      const struct kdbus_bloom_filter *filter)
{
	size_t words = matches->bloom_size / sizeof(u64);
	u64 last = kdbus_item_payload_size(rule) / matches->bloom_size - 1;
	const u64 *mask = rule->data64 + min(filter->generation, last) * words;
	size_t i;

	for (i = 0; i < words; i++)
		if (mask[i] & ~filter->data[i])
			return false;

	return true;
}

static bool owns_name(const struct kdbus_match_context *ctx, const char *name)
{
	const struct kdbus_name_entry *entry;

	if (!ctx->src)
		return false;
	if (ctx->names) {
		entry = kdbus_name_find(ctx->names, name);
		return entry && entry->owner == ctx->src;
	}

	kdbus_name_for_each_owned(entry, ctx->src)
		if (!strcmp(entry->name->str, name))
			return true;

	return false;
}

/* MATCH-7 */
static bool fits_signal(const struct kdbus_matches *matches,
			const struct kdbus_item *rule,
			const struct kdbus_match_context *ctx)
{
	switch (rule->type) {
	case KDBUS_ITEM_BLOOM_MASK:
		return mask_fits(matches, rule, ctx->filter);
	case KDBUS_ITEM_ID:
		return id_fits(rule->id, ctx->src_id);
	case KDBUS_ITEM_DST_ID:
		return id_fits(rule->id, ctx->dst_id);
	case KDBUS_ITEM_NAME:
		return owns_name(ctx, rule->str);
	default:
		return false;
	}
}

/* MATCH-9 */
static bool fits_notification(const struct kdbus_item *rule,
			      const struct kdbus_match_context *ctx)
{
	if (rule->type != ctx->type)
		return false;

	switch (rule->type) {
	case KDBUS_ITEM_ID_ADD:
		return id_fits(rule->id_change.id, ctx->new_id);
	case KDBUS_ITEM_ID_REMOVE:
		return id_fits(rule->id_change.id, ctx->old_id);
	case KDBUS_ITEM_NAME_ADD:
	case KDBUS_ITEM_NAME_REMOVE:
	case KDBUS_ITEM_NAME_CHANGE:
		return id_fits(rule->name_change.old_id.id, ctx->old_id) &&
		       id_fits(rule->name_change.new_id.id, ctx->new_id) &&
		       (!rule_has_name(rule) ||
			!strcmp(rule->name_change.name, ctx->name));
	default:
		return false;
	}
}

/* MATCH-6 */
static bool satisfied(const struct kdbus_matches *matches,
		      const struct group *group,
		      const struct kdbus_match_context *ctx)
{
	const struct kdbus_item *rule;

	kdbus_items_for_each(rule, group->rules, group->size) {
		if (ctx->type ? !fits_notification(rule, ctx) :
				!fits_signal(matches, rule, ctx))
			return false;
	}

	return true;
}

/* ---- queries ---- */

static int cmp_owner(const void *a, const void *b)
{
	const struct kdbus_match_owner *const *x = a, *const *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void remove_duplicates(struct kdbus_match_hits *hits)
{
	size_t i, n = 0;

	sort(hits->owners, hits->n, sizeof(*hits->owners), cmp_owner, NULL);
	for (i = 0; i < hits->n; i++)
		if (!n || hits->owners[i] != hits->owners[n - 1])
			hits->owners[n++] = hits->owners[i];
	hits->n = n;
}

/*
 * Room that is more than half full afterwards would have to be cleaned up
 * again too soon.
 */
static bool make_room(struct kdbus_match_hits *hits)
{
	remove_duplicates(hits);
	return hits->n < hits->max && hits->n <= hits->max / 2;
}

/* Adds the owners of a group, each once: its matches are sorted by owner. */
static bool add_hits(struct kdbus_match_hits *hits, const struct group *group)
{
	struct kdbus_match_owner *owner, *last = NULL;
	struct rb_node *node;

	for (node = rb_first(&group->subscribers); node; node = rb_next(node)) {
		owner = rb_entry(node, struct kdbus_match, of_group)->owner;
		if (owner == last)
			continue;
		if (hits->n == hits->max && !make_room(hits))
			return false;
		hits->owners[hits->n++] = owner;
		last = owner;
	}

	return true;
}

static void visit(struct query *query, const struct group *group)
{
	cond_resched();
	if (group->probe & ~query->filter[group->word])
		return;
	if (!satisfied(query->matches, group, query->ctx))
		return;

	query->groups++;
	query->found += group->count;
	if (!query->full)
		query->full = !add_hits(query->hits, group);
}

static void visit_place(struct query *query, u64 type, enum field field,
			u64 value)
{
	struct place place = { .type = type, .field = field, .value = value };
	struct rb_node *node;

	rb_for_each(node, &place, &query->matches->index, place_find)
		visit(query, rb_entry(node, struct group, by_place));
}

static void visit_id(struct query *query, enum field field, u64 id)
{
	if (id_selects(id))
		visit_place(query, query->ctx->type, field, id);
}

static void visit_name(struct query *query, const char *name)
{
	visit_place(query, query->ctx->type, FIELD_NAME,
		    name_hash(query->matches, name));
}

static void visit_slots(struct query *query)
{
	const struct kdbus_matches *matches = query->matches;
	const struct kdbus_match_slot *slot;
	const struct group *group;
	unsigned int i;
	u64 bits;

	for (i = 0; i < matches->n_words; i++) {
		bits = query->filter[i] & matches->occupied[i];
		for (; bits; bits &= bits - 1) {
			slot = &matches->slots[i * 64 + __ffs64(bits)];
			hlist_for_each_entry(group, &slot->groups, by_slot)
				visit(query, group);
		}
	}
}

static void query_signal(struct query *query)
{
	const struct kdbus_match_context *ctx = query->ctx;
	size_t words = query->matches->bloom_size / sizeof(u64);
	const struct kdbus_name_entry *entry;
	size_t i;

	for (i = 0; i < words; i++)
		query->filter[i % query->matches->n_words] |=
			ctx->filter->data[i];

	visit_id(query, FIELD_FROM, ctx->src_id);
	visit_id(query, FIELD_TO, ctx->dst_id);
	visit_slots(query);
	if (!ctx->src)
		return;

	kdbus_name_for_each_owned(entry, ctx->src)
		visit_name(query, entry->name->str);
}

static void query_notification(struct query *query)
{
	const struct kdbus_match_context *ctx = query->ctx;

	visit_id(query, FIELD_FROM, ctx->old_id);
	visit_id(query, FIELD_TO, ctx->new_id);
	if (ctx->name)
		visit_name(query, ctx->name);
}

/**
 * kdbus_matches_query() - who has a satisfied match
 * @matches:	matches of the bus, locked
 * @ctx:	what is being sent
 * @hits:	room for the answer; returns each owner once, in no order
 *
 * It does not allocate.
 *
 * Return: true; false if there is not enough room, then @hits->n is how much
 * is enough for the matches that there are now.
 */
bool kdbus_matches_query(const struct kdbus_matches *matches,
			 const struct kdbus_match_context *ctx,
			 struct kdbus_match_hits *hits)
{
	struct query query = {
		.matches = matches, .ctx = ctx, .hits = hits,
	};

	lockdep_assert_held(&matches->lock);

	hits->n = 0;
	if (ctx->type)
		query_notification(&query);
	else
		query_signal(&query);
	visit_place(&query, ctx->type, FIELD_ANY, 0);
	visit_place(&query, 0, FIELD_ALWAYS, 0);

	if (query.full) {
		hits->n = min(query.found, (size_t)matches->owners * 2);
		return false;
	}
	if (query.groups > 1)
		remove_duplicates(hits);

	return true;
}

/**
 * kdbus_match_owner_satisfied() - whether an owner has a satisfied match
 * @matches:	matches of the bus, locked
 * @owner:	owner
 * @ctx:	what is being sent
 *
 * Return: true if so.
 */
bool kdbus_match_owner_satisfied(const struct kdbus_matches *matches,
				 const struct kdbus_match_owner *owner,
				 const struct kdbus_match_context *ctx)
{
	const struct kdbus_match *match;
	struct rb_node *node;

	lockdep_assert_held(&matches->lock);

	for (node = rb_first(&owner->matches); node; node = rb_next(node)) {
		cond_resched();
		match = rb_entry(node, struct kdbus_match, of_owner);
		if (satisfied(matches, match->group, ctx))
			return true;
	}

	return false;
}
