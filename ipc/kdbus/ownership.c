// SPDX-License-Identifier: GPL-2.0-only
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "bus.h"
#include "conn.h"
#include "delivery.h"
#include "handover.h"
#include "limits.h"
#include "notify.h"
#include "ownership.h"

/* How often messages that follow a name are looked for before it passes on. */
#define MAX_PASSES	4

/**
 * enum request_type - what is to be done with a name
 * @ACQUIRE:	NAME_ACQUIRE
 * @RELEASE:	NAME_RELEASE, or a disconnect
 * @ACTIVATE:	put the claim of an activator in force
 */
enum request_type {
	ACQUIRE,
	RELEASE,
	ACTIVATE,
};

/**
 * struct request - a change of a name on its way
 * @type:	what is to be done
 * @conn:	who wants it
 * @name:	the name
 * @flags:	KDBUS_NAME_* that come with it
 * @plan:	what it comes to
 * @spare:	memory for a new name or entry
 * @news:	notifications
 * @handover:	messages that move
 */
struct request {
	enum request_type type;
	struct kdbus_conn *conn;
	const char *name;
	u64 flags;
	struct kdbus_name_plan plan;
	struct kdbus_name_spare spare;
	struct kdbus_fanout news;
	struct kdbus_handover handover;
};

static void make_plan(const struct request *req, struct kdbus_name_plan *plan)
{
	struct kdbus_names *names = &req->conn->ep->bus->names;
	struct kdbus_name_owner *owner = &req->conn->names;

	switch (req->type) {
	case ACQUIRE:
		kdbus_name_plan_acquire(names, owner, req->name, req->flags,
					plan);
		break;
	case RELEASE:
		kdbus_name_plan_release(names, owner, req->name, plan);
		break;
	case ACTIVATE:
		kdbus_name_plan_activate(names, owner, plan);
		break;
	}
}

static int apply_plan(struct request *req)
{
	struct kdbus_names *names = &req->conn->ep->bus->names;
	struct kdbus_name_owner *owner = &req->conn->names;

	switch (req->type) {
	case ACQUIRE:
		return kdbus_name_apply_acquire(names, owner, req->flags,
						&req->plan, &req->spare);
	case RELEASE:
		kdbus_name_apply_release(names, owner, req->name, &req->plan);
		break;
	case ACTIVATE:
		kdbus_name_apply_activate(owner);
		break;
	}
	return 0;
}

static int prepare(struct request *req)
{
	struct kdbus_bus *bus = req->conn->ep->bus;

	down_read(&bus->names.lock);
	make_plan(req, &req->plan);
	if (req->plan.migrate)
		kdbus_handover_set(&req->handover,
				   kdbus_conn_of_names(req->plan.old),
				   kdbus_conn_of_names(req->plan.new),
				   req->plan.incarnation);
	up_read(&bus->names.lock);

	if (req->plan.result)
		return req->plan.result;

	return kdbus_handover_prepare(&req->handover);
}

/*
 * Makes the change visible; -EAGAIN if it is another one by now, -EBUSY if more
 * has to move, which cannot be when @final.
 */
static int publish(struct request *req, bool final)
{
	struct kdbus_bus *bus = req->conn->ep->bus;
	struct kdbus_name_plan plan;
	int ret = -EAGAIN;

	down_write(&bus->names.lock);
	make_plan(req, &plan);
	if (kdbus_name_plan_equal(&plan, &req->plan))
		ret = final ? kdbus_handover_prepare(&req->handover) : 0;
	if (!ret) {
		req->plan = plan;
		mutex_lock(&bus->commit);
		/* A name that has to be made is not handed over. */
		ret = kdbus_handover_commit(&req->handover) ? apply_plan(req) :
							      -EBUSY;
		if (!ret)
			kdbus_fanout_commit(&req->news);
		mutex_unlock(&bus->commit);
	}
	up_write(&bus->names.lock);

	return ret;
}

/*
 * From looking for those who want to know until they know, nobody's MATCH_ADD
 * returns: he would find the old state and not be told of the new one.
 */
static int commit(struct request *req, bool final)
{
	struct kdbus_bus *bus = req->conn->ep->bus;
	int ret;

	down_read(&bus->news);
	ret = kdbus_notify_prepare_name(bus, req->name, &req->plan, &req->news);
	if (!ret)
		ret = publish(req, final);
	up_read(&bus->news);

	return ret;
}

static int change(struct request *req)
{
	unsigned int passes;
	int ret;

	do {
		kdbus_handover_init(&req->handover);
		req->news = (struct kdbus_fanout){};

		ret = prepare(req);
		/* Nobody sees it; what is given up is given up all the same. */
		if (!ret && req->type == ACQUIRE && fatal_signal_pending(current))
			ret = -EINTR;
		for (passes = 1; !ret; passes++) {
			ret = commit(req, passes == MAX_PASSES);
			kdbus_fanout_free(&req->news);
			if (ret != -EBUSY)
				break;
			ret = kdbus_handover_prepare(&req->handover);
		}

		kdbus_handover_finish(&req->handover);
	} while (ret == -EAGAIN);

	return ret;
}

/**
 * kdbus_own_acquire() - acquire a name
 * @conn:	ordinary connection, which the caller keeps active
 * @name:	valid well-known name that it may own
 * @flags:	KDBUS_NAME_* of the request
 * @return_flags: returns KDBUS_NAME_*
 *
 * Return: 0; -E2BIG, -EEXIST (NAME-2, NAME-3); -ENOMEM.
 */
int kdbus_own_acquire(struct kdbus_conn *conn, const char *name, u64 flags,
		      u64 *return_flags)
{
	struct request req = {
		.type = ACQUIRE,
		.conn = conn,
		.name = name,
		.flags = flags,
	};
	int ret;

	ret = kdbus_name_spare_init(&req.spare, name);
	if (ret)
		return ret;

	ret = change(&req);
	if (!ret)
		*return_flags = req.plan.return_flags;
	kdbus_name_spare_free(&req.spare);

	return ret;
}

/**
 * kdbus_own_release() - give a name up
 * @conn:	connection
 * @name:	any string
 *
 * Return: 0; -ESRCH, -EADDRINUSE (NAME-5); -ENOMEM.
 */
int kdbus_own_release(struct kdbus_conn *conn, const char *name)
{
	struct request req = { .type = RELEASE, .conn = conn, .name = name };

	if (strlen(name) > KDBUS_NAME_MAX_LEN)
		return -ESRCH;

	return change(&req);
}

/* The name that was claimed first, if there is any. */
static bool first_name(struct kdbus_conn *conn, char *name)
{
	struct kdbus_names *names = &conn->ep->bus->names;
	struct kdbus_name_entry *entry;

	down_read(&names->lock);
	entry = list_first_entry_or_null(&conn->names.entries,
					 struct kdbus_name_entry, of_owner);
	if (entry)
		strscpy(name, entry->name->str, KDBUS_NAME_MAX_LEN + 1);
	up_read(&names->lock);

	return entry;
}

/**
 * kdbus_own_release_all() - give all names up
 * @conn:	connection that takes no more messages
 *
 * NAME-7. Without memory to tell others, they are not told.
 */
void kdbus_own_release_all(struct kdbus_conn *conn)
{
	char name[KDBUS_NAME_MAX_LEN + 1];
	struct request req = { .type = RELEASE, .conn = conn, .name = name };

	while (first_name(conn, name)) {
		if (change(&req) != -ENOMEM)
			continue;

		kdbus_handover_init(&req.handover);
		req.news = (struct kdbus_fanout){};
		down_write(&conn->ep->bus->names.lock);
		make_plan(&req, &req.plan);
		if (!req.plan.result)
			apply_plan(&req);
		up_write(&conn->ep->bus->names.lock);
	}
}

/**
 * kdbus_own_claim() - be the activator of a name, but not yet
 * @conn:	activator that is being made
 * @name:	valid well-known name
 *
 * kdbus_own_activate() puts the claim in force, kdbus_own_release_all() gives
 * it up.
 *
 * Return: 0; -EEXIST if the name has an activator; -ENOMEM.
 */
int kdbus_own_claim(struct kdbus_conn *conn, const char *name)
{
	struct kdbus_names *names = &conn->ep->bus->names;
	struct kdbus_name_spare spare;
	int ret;

	ret = kdbus_name_spare_init(&spare, name);
	if (ret)
		return ret;

	down_write(&names->lock);
	ret = kdbus_name_claim(names, &conn->names, &spare);
	up_write(&names->lock);
	kdbus_name_spare_free(&spare);

	return ret;
}

/**
 * kdbus_own_activate() - put the claim of an activator in force
 * @conn:	activator with a claim
 *
 * Cannot fail; without memory to tell others, they are not told.
 */
void kdbus_own_activate(struct kdbus_conn *conn)
{
	char name[KDBUS_NAME_MAX_LEN + 1];
	struct request req = { .type = ACTIVATE, .conn = conn, .name = name };

	if (!first_name(conn, name) || !change(&req))
		return;

	down_write(&conn->ep->bus->names.lock);
	kdbus_name_apply_activate(&conn->names);
	up_write(&conn->ep->bus->names.lock);
}
