/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_MATCH_H
#define __KDBUS_MATCH_H

/**
 * DOC: matches
 *
 * Which connections want a signal or a notification. A match is a list of
 * rules, all of which must be satisfied; the matches of an owner are
 * alternatives (MATCH-6). Owners are part of whatever subscribes; this file
 * knows no connection.
 *
 * Matches with the same rules share a group, whoever owns them: their rules
 * are stored and evaluated once. Groups are indexed, so that a query looks at
 * those that have a chance only (W-55). A group is found by one thing that
 * all it catches have in common:
 *
 *  - a notification by its type and the name or one of the ids in it;
 *  - a signal by the id that it is addressed to, a name of the sender, the id
 *    of the sender, or else by one bit of the filter.
 *
 * Groups that ask for none of this are looked at for every signal, or for
 * every notification of their type. Groups that nothing can satisfy are not
 * indexed.
 *
 * As to bits, a filter is folded to at most KDBUS_MATCH_WORDS words, so that
 * the index of a bus is small whatever the size of its filters. A bit serves
 * if all masks of a rule have it, since the generation of the filter selects
 * among them (MATCH-8).
 *
 * &kdbus_matches.lock protects all this. To change something the functions
 * take it themselves and free memory after they have dropped it; to ask, the
 * caller takes it for reading and keeps it for as long as it uses the owners.
 */

#include <linux/rbtree_types.h>
#include <linux/rwsem.h>
#include <linux/siphash.h>
#include <linux/types.h>
#include <uapi/linux/kdbus.h>

struct kdbus_match;
struct kdbus_match_slot;
struct kdbus_name_owner;
struct kdbus_names;

/* Words of a folded filter, 64 bits each. */
#define KDBUS_MATCH_WORDS	8

/**
 * struct kdbus_matches - all matches of a bus
 * @lock:	protects everything that belongs to matches; inside names.lock,
 *		outside conn.data
 * @key:	of the hash of rules and names (I)
 * @bloom_size:	bytes of a filter (I)
 * @n_words:	words of a folded filter (I)
 * @owners:	number of owners that have matches (@lock)
 * @groups:	all groups by their rules (@lock)
 * @index:	groups by what they are found by, unless it is a bit (@lock)
 * @slots:	groups by a bit of the folded filter (@lock)
 * @occupied:	which @slots are not empty (@lock)
 */
struct kdbus_matches {
	struct rw_semaphore lock;
	siphash_key_t key;
	size_t bloom_size;
	unsigned int n_words;
	unsigned int owners;
	struct rb_root groups;
	struct rb_root index;
	struct kdbus_match_slot *slots;
	u64 occupied[KDBUS_MATCH_WORDS];
};

/**
 * struct kdbus_match_owner - who owns matches
 * @matches:	struct kdbus_match by cookie (matches.lock)
 * @count:	number of @matches (matches.lock)
 */
struct kdbus_match_owner {
	struct rb_root matches;
	unsigned int count;
};

/**
 * struct kdbus_match_context - what is being sent
 * @type:	0: a signal; KDBUS_ITEM_NAME_ADD to KDBUS_ITEM_ID_REMOVE: that
 *		notification
 * @src_id:	signal: who sends it
 * @dst_id:	signal: destination as the sender wrote it
 * @src:	signal: names of the sender, names locked; or NULL
 * @names:	signal: registry in which they are; NULL: @src is searched
 * @filter:	signal: its filter, of the bus's size
 * @old_id:	notification: the old owner, or the id removed
 * @new_id:	notification: the new owner, or the id added
 * @name:	notification of a name: the name
 */
struct kdbus_match_context {
	u64 type;
	u64 src_id;
	u64 dst_id;
	const struct kdbus_name_owner *src;
	struct kdbus_names *names;
	const struct kdbus_bloom_filter *filter;
	u64 old_id;
	u64 new_id;
	const char *name;
};

/**
 * struct kdbus_match_hits - answer to a query
 * @owners:	owners with a satisfied match; the caller's memory
 * @n:		number of @owners
 * @max:	room for @owners
 */
struct kdbus_match_hits {
	struct kdbus_match_owner **owners;
	size_t n;
	size_t max;
};

int kdbus_matches_init(struct kdbus_matches *matches, size_t bloom_size);
void kdbus_matches_destroy(struct kdbus_matches *matches);
void kdbus_match_owner_init(struct kdbus_match_owner *owner);

struct kdbus_match *kdbus_match_new(const void *items, size_t size, u64 cookie,
				    size_t bloom_size);
void kdbus_match_free(struct kdbus_match *match);
int kdbus_match_add(struct kdbus_matches *matches,
		    struct kdbus_match_owner *owner, struct kdbus_match *match,
		    bool replace);
int kdbus_match_remove(struct kdbus_matches *matches,
		       struct kdbus_match_owner *owner, u64 cookie);
void kdbus_match_owner_clear(struct kdbus_matches *matches,
			     struct kdbus_match_owner *owner);

bool kdbus_matches_query(const struct kdbus_matches *matches,
			 const struct kdbus_match_context *ctx,
			 struct kdbus_match_hits *hits);
bool kdbus_match_owner_satisfied(const struct kdbus_matches *matches,
				 const struct kdbus_match_owner *owner,
				 const struct kdbus_match_context *ctx);

#endif
