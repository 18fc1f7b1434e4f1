// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/rcupdate_wait.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "access.h"
#include "args.h"
#include "bus.h"
#include "cmd.h"
#include "conn.h"
#include "facts.h"

/* Finds whom CONN_INFO is about by a name (INFO-1). */
static struct kdbus_conn *find_by_name(struct kdbus_conn *conn,
				       const char *name, u64 id)
{
	struct kdbus_names *names = &conn->ep->bus->names;
	struct kdbus_name_entry *entry;
	struct kdbus_conn *peer = NULL;

	if (!kdbus_access_see_name(conn, current_cred(), name))
		return ERR_PTR(-ESRCH);

	down_read(&names->lock);
	entry = kdbus_name_find(names, name);
	if (entry && (!id || id == entry->owner->id))
		peer = kdbus_conn_ref(kdbus_conn_of_names(entry->owner));
	up_read(&names->lock);

	return peer ?: ERR_PTR(-ESRCH);
}

/* The same by id; only owners are told of monitors (W-15). */
static struct kdbus_conn *find_by_id(struct kdbus_conn *conn, u64 id)
{
	struct kdbus_conn *peer;

	peer = kdbus_conn_find(conn->ep->bus, id);
	if (peer && (!(peer->flags & KDBUS_HELLO_MONITOR) || conn->owner) &&
	    kdbus_access_see(conn, current_cred(), peer))
		return peer;

	kdbus_conn_put(peer);
	return ERR_PTR(-ENXIO);
}

/**
 * struct answer - what a query has found
 * @id:		of the connection or bus
 * @flags:	its flags
 * @label:	name of the bus, or NULL
 * @meta:	what is known of it
 * @mask:	what of that the caller gets
 */
struct answer {
	u64 id;
	u64 flags;
	const char *label;
	struct kdbus_meta meta;
	u64 mask;
};

/* Puts a struct kdbus_info into the caller's pool. */
static int put_info(struct kdbus_conn *conn, const struct answer *answer,
		    struct kdbus_args *args)
{
	struct kdbus_cmd_info *cmd = args->data;
	struct kdbus_info *info;
	size_t room, size;
	void *pos;
	int ret;

	room = sizeof(*info) + kdbus_meta_size(&answer->meta, answer->mask,
					       &conn->view);
	if (answer->label)
		room += KDBUS_ALIGN8(KDBUS_ITEM_SIZE(strlen(answer->label) + 1));

	info = kvzalloc(room, GFP_KERNEL_ACCOUNT);
	if (!info)
		return -ENOMEM;

	pos = info->items;
	if (answer->label)
		pos = kdbus_item_put(pos, KDBUS_ITEM_MAKE_NAME, answer->label,
				     strlen(answer->label) + 1);
	size = pos - (void *)info;
	size += kdbus_meta_emit(&answer->meta, answer->mask, &conn->view, pos,
				room - size);

	info->size = KDBUS_ALIGN8(size);
	info->id = answer->id;
	info->flags = answer->flags;

	cmd->info_size = info->size;
	ret = kdbus_conn_reply(conn, info, info->size, &cmd->offset);
	kvfree(info);
	if (!ret)
		args->out = sizeof(*cmd);
	return ret;
}

static int put_conn_info(struct kdbus_conn *conn, struct kdbus_conn *peer,
			 u64 mask, struct kdbus_args *args)
{
	struct answer answer = {
		.id = peer->id,
		.flags = peer->flags,
		.meta.facts = peer->facts,
		.meta.description = peer->description,
		.mask = mask & READ_ONCE(peer->send_mask) &
			~KDBUS_ATTACH_TIMESTAMP,
	};
	void *names = NULL;
	int ret = 0;

	if (answer.mask & KDBUS_ATTACH_NAMES)
		ret = kdbus_access_list_names(conn, current_cred(), peer,
					      &names, &answer.meta.names_size);
	answer.meta.names = names;
	if (!ret)
		ret = put_info(conn, &answer, args);
	kvfree(names);

	return ret;
}

/**
 * kdbus_cmd_conn_info() - KDBUS_CMD_CONN_INFO
 * @call:	handle of a connection
 * @args:	struct kdbus_cmd_info
 *
 * Return: 0; -EINVAL for a bad mask or without id and name; -ESRCH, -ENXIO
 * (INFO-1); -EXFULL; -ENOMEM.
 */
int kdbus_cmd_conn_info(struct kdbus_call *call, struct kdbus_args *args)
{
	const struct kdbus_cmd_info *cmd = args->data;
	struct kdbus_conn *peer, *conn = call->conn;
	const struct kdbus_item *name;
	u64 mask;
	int ret;

	ret = kdbus_attach_mask_check(cmd->attach_flags, &mask);
	if (ret)
		return ret;

	name = kdbus_args_find(args, KDBUS_ITEM_NAME);
	if (!name && !cmd->id)
		return -EINVAL;

	peer = name ? find_by_name(conn, name->str, cmd->id) :
		      find_by_id(conn, cmd->id);
	if (IS_ERR(peer))
		return PTR_ERR(peer);

	ret = put_conn_info(conn, peer, mask, args);
	kdbus_conn_put(peer);
	return ret;
}

/**
 * kdbus_cmd_bus_creator_info() - KDBUS_CMD_BUS_CREATOR_INFO
 * @call:	handle of a connection
 * @args:	struct kdbus_cmd_info
 *
 * CINFO-1.
 *
 * Return: 0; -EINVAL for a bad mask; -EXFULL; -ENOMEM.
 */
int kdbus_cmd_bus_creator_info(struct kdbus_call *call,
			       struct kdbus_args *args)
{
	const struct kdbus_cmd_info *cmd = args->data;
	struct kdbus_conn *conn = call->conn;
	struct kdbus_bus *bus = conn->ep->bus;
	struct answer answer = {
		.id = bus->id,
		.flags = bus->flags,
		.label = bus->node.name,
		.meta.facts = bus->creator,
	};
	int ret;

	ret = kdbus_attach_mask_check(cmd->attach_flags, &answer.mask);
	if (ret)
		return ret;
	answer.mask &= bus->creator_mask & KDBUS_ATTACH_PROCESS;

	return put_info(conn, &answer, args);
}

/**
 * struct listing - a list that is being made
 * @conn:	who asks
 * @flags:	KDBUS_LIST_*
 * @buf:	where records go
 * @room:	bytes of @buf
 * @size:	bytes that the records take, whether they fit or not
 */
struct listing {
	struct kdbus_conn *conn;
	u64 flags;
	void *buf;
	size_t room;
	size_t size;
};

static void list_record(struct listing *list, const struct kdbus_conn *peer,
			const struct kdbus_name_entry *entry)
{
	size_t size = sizeof(struct kdbus_info);
	struct kdbus_info *info;

	if (entry)
		size += KDBUS_ALIGN8(KDBUS_ITEM_SIZE(sizeof(struct kdbus_name)) +
				     strlen(entry->name->str) + 1);
	list->size += size;
	if (list->size > list->room)
		return;

	info = list->buf + list->size - size;
	info->size = size;
	info->id = peer->id;
	info->flags = peer->flags;
	if (entry)
		kdbus_conn_put_name(info->items, entry);
}

/* The flag that selects an entry (LIST-2). */
static u64 list_class(const struct kdbus_name_entry *entry)
{
	if (entry->flags & KDBUS_NAME_ACTIVATOR)
		return KDBUS_LIST_ACTIVATORS;
	return kdbus_name_is_primary(entry) ? KDBUS_LIST_NAMES :
					      KDBUS_LIST_QUEUED;
}

/* All records of one connection; names are locked. */
static void list_conn(struct listing *list, const struct kdbus_conn *peer)
{
	const struct cred *cred = current_cred();
	bool selected = false, visible = false;
	const struct kdbus_name_entry *entry;

	list_for_each_entry(entry, &peer->names.entries, of_owner) {
		bool see = !entry->name->pending &&
			   kdbus_access_see_name(list->conn, cred,
						 entry->name->str);

		visible |= see && kdbus_name_is_primary(entry);
		if (!(list->flags & list_class(entry)))
			continue;
		selected = true;
		if (see)
			list_record(list, peer, entry);
	}

	/* W-16: who cannot be seen is not listed by his id either. */
	if (!selected && list->flags & KDBUS_LIST_UNIQUE &&
	    (visible || list->conn->ep->is_default))
		list_record(list, peer, NULL);
}

/* Fills the list, or finds out how much room it needs. */
static void list_all(struct listing *list)
{
	struct kdbus_bus *bus = list->conn->ep->bus;
	struct kdbus_conn *peer;
	unsigned long id;

	list->size = 0;
	down_read(&bus->names.lock);
	rcu_read_lock();
	xa_for_each(&bus->conns, id, peer) {
		if (!(peer->flags & KDBUS_HELLO_MONITOR) &&
		    kdbus_active_is_active(&peer->active))
			list_conn(list, peer);
		cond_resched_rcu();
	}
	rcu_read_unlock();
	up_read(&bus->names.lock);
}

/**
 * kdbus_cmd_list() - KDBUS_CMD_LIST
 * @call:	handle of a connection
 * @args:	struct kdbus_cmd_list
 *
 * The names are those of one moment; connections that come or go meanwhile may
 * or may not be listed.
 *
 * Return: 0; -EXFULL; -ENOMEM.
 */
int kdbus_cmd_list(struct kdbus_call *call, struct kdbus_args *args)
{
	struct kdbus_cmd_list *cmd = args->data;
	struct listing list = { .conn = call->conn, .flags = cmd->flags };
	int ret = 0;

	for (list_all(&list); list.size > list.room; list_all(&list)) {
		kvfree(list.buf);
		if (list.size > list.conn->pool.size)
			return -EXFULL;
		list.room = list.size + PAGE_SIZE;
		list.buf = kvmalloc(list.room,
				    GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!list.buf)
			return -ENOMEM;
	}

	cmd->offset = list.conn->pool.size;
	cmd->list_size = list.size;
	if (list.size)
		ret = kdbus_conn_reply(list.conn, list.buf, list.size,
				       &cmd->offset);
	kvfree(list.buf);
	if (!ret)
		args->out = sizeof(*cmd);

	return ret;
}
