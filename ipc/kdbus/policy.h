/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_POLICY_H
#define __KDBUS_POLICY_H

/**
 * DOC: policy
 *
 * Who may see, talk to and own which well-known name. A database belongs to a
 * bus or to a custom endpoint; it says what is granted and knows nothing of
 * owners, endpoints or connections. Entries are brought by holders: each is
 * part of a connection or of an endpoint, and replaces all it has brought at
 * once, or nothing (POL-3).
 *
 * A list of entries is parsed in private. Installing it needs no memory, so
 * that it fails only if names are taken, and taking entries back never fails.
 *
 * Updates take the mutex of the database. Queries take no lock but RCU and do
 * not sleep. A query sees each holder either as it was before an update or as
 * it is afterwards, in all its names, and whoever has seen the new state does
 * not see the old one again. This holds for one query: whoever asks about two
 * names in turn can meet an update in between.
 */

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/seqlock.h>
#include <linux/types.h>

struct cred;

/* What kdbus_policy_query() returns if nothing is granted. */
#define KDBUS_POLICY_NONE	(-1)

/**
 * struct kdbus_policy - database of a bus or of a custom endpoint
 * @lock:	serialises updates
 * @seq:	lets queries notice that entries change (@lock, and its own for
 *		writing)
 * @buckets:	entries by their name (readers RCU and @seq, writers both locks)
 * @seed:	of the hash of names (I)
 */
struct kdbus_policy {
	struct mutex lock;
	seqlock_t seq;
	struct hlist_head *buckets;
	u32 seed;
};

/**
 * struct kdbus_policy_holder - what one connection or endpoint has brought
 * @entries:	its entries (policy.lock)
 */
struct kdbus_policy_holder {
	struct list_head entries;
};

/**
 * struct kdbus_policy_list - entries that are in no database
 * @entries:	the entries; LIST_HEAD_INIT() makes an empty list of it
 */
struct kdbus_policy_list {
	struct list_head entries;
};

int kdbus_policy_parse(struct kdbus_policy_list *list, const void *items,
		       size_t size, unsigned int max_names,
		       bool allow_wildcard);
void kdbus_policy_list_free(struct kdbus_policy_list *list);

int kdbus_policy_init(struct kdbus_policy *policy);
void kdbus_policy_destroy(struct kdbus_policy *policy);
void kdbus_policy_holder_init(struct kdbus_policy_holder *holder);
int kdbus_policy_replace(struct kdbus_policy *policy,
			 struct kdbus_policy_holder *holder,
			 struct kdbus_policy_list *list);
void kdbus_policy_clear(struct kdbus_policy *policy,
			struct kdbus_policy_holder *holder);
int kdbus_policy_query(struct kdbus_policy *policy, const char *name,
		       const struct cred *cred);

#endif
