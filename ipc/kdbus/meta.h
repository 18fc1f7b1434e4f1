/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_META_H
#define __KDBUS_META_H

/**
 * DOC: metadata
 *
 * What a receiver learns of a sender beside the message, as items behind the
 * items of the sender. Which kinds he gets is a mask (META-1); each item is
 * made from facts (facts.h) for the namespaces of one receiver (META-4), which
 * a struct kdbus_view stands for. The same serves those who ask about a
 * connection or the creator of a bus.
 *
 * Items are written by the task that executes the command, and only what is
 * in the mask is looked at. An item that cannot be made is left out and fails
 * nothing (META-3, W-43). There is no lock: a view does not change, a struct
 * kdbus_meta belongs to the task.
 *
 * A message's time stamp is the order of its bus as well: the sequence number
 * is drawn with it (ORD-4).
 */

#include <linux/cred.h>
#include <linux/path.h>
#include <linux/types.h>
#include <uapi/linux/kdbus.h>

#include "facts.h"
#include "item.h"

struct cred;
struct pid;
struct pid_namespace;
struct super_block;

/* Bytes of TIMESTAMP, which is all that a notification has. */
#define KDBUS_META_STAMP_SIZE	KDBUS_ITEM_SIZE(sizeof(struct kdbus_timestamp))

/* Kinds that no sender can withhold (META-1). */
#define KDBUS_META_IMPLICIT						\
	(KDBUS_ATTACH_CREDS | KDBUS_ATTACH_PIDS |			\
	 KDBUS_ATTACH_AUXGROUPS | KDBUS_ATTACH_NAMES |			\
	 KDBUS_ATTACH_CONN_DESCRIPTION | KDBUS_ATTACH_TIMESTAMP)

/* Kinds on messages of a connection with faked metadata (HELLO-10). */
#define KDBUS_META_FAKED						\
	(KDBUS_ATTACH_NAMES | KDBUS_ATTACH_CONN_DESCRIPTION |		\
	 KDBUS_ATTACH_TIMESTAMP)

/**
 * struct kdbus_view - how a connection sees other processes
 * @cred:	credentials of its opener, referenced; ids are translated into
 *		their user namespace (I)
 * @pid_ns:	pid namespace of the task that issued HELLO, referenced (I)
 * @root:	root directory of that task, referenced (I)
 * @thread:	that task, referenced (I)
 * @proc:	the procfs that it had on /proc, active reference, or NULL (I)
 * @cgroup_root: path of the root of its cgroup namespace; NULL: nobody's
 *		cgroup can be told (I)
 *
 * PRIV-3. Pinned at HELLO.
 */
struct kdbus_view {
	const struct cred *cred;
	struct pid_namespace *pid_ns;
	struct path root;
	struct pid *thread;
	struct super_block *proc;
	char *cgroup_root;
};

/**
 * struct kdbus_meta - what is known of a sender
 * @stamp:	when, the same for all copies of a message
 * @facts:	facts about the task, or NULL
 * @names:	OWNED_NAME items, each padded, or NULL
 * @names_size:	bytes of @names
 * @description: description of the connection, or NULL
 *
 * It references nothing; what it points to is the caller's.
 */
struct kdbus_meta {
	struct kdbus_timestamp stamp;
	const struct kdbus_facts *facts;
	const void *names;
	size_t names_size;
	const char *description;
};

int kdbus_view_init(struct kdbus_view *view, const struct cred *opener);
void kdbus_view_destroy(struct kdbus_view *view);

/**
 * kdbus_view_equal() - whether ids and process numbers mean the same
 * @a:		a view
 * @b:		another one
 *
 * Return: true if so.
 */
static inline bool kdbus_view_equal(const struct kdbus_view *a,
				    const struct kdbus_view *b)
{
	return a->cred->user_ns == b->cred->user_ns && a->pid_ns == b->pid_ns;
}

u64 kdbus_meta_mask(const struct kdbus_view *view, u64 recv_mask,
		    u64 send_mask, bool faked_sender);
void kdbus_meta_stamp(struct kdbus_meta *meta);
size_t kdbus_meta_size(const struct kdbus_meta *meta, u64 mask,
		       const struct kdbus_view *view);
size_t kdbus_meta_emit(const struct kdbus_meta *meta, u64 mask,
		       const struct kdbus_view *view, void *buf, size_t room);

#endif
