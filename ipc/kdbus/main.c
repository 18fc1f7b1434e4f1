// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: kdbus
 *
 * Overview
 * ========
 *
 * A client opens an endpoint file of kdbusfs and becomes a connection with
 * KDBUS_CMD_HELLO; from then on the others on the same bus reach it by its
 * id, and by the well-known names that it acquires. A message is copied once,
 * from the memory of the sender into the pool of the receiver, which the
 * receiver has mapped; memfds and descriptors travel by reference. A broadcast
 * goes to those who have a match for it.
 *
 * Layers
 * ======
 *
 * A file uses the layers below its own and, within its layer, the files that
 * stand before it here. Nothing calls upward.
 *
 *	entry		ioctl, handle, fs, main
 *	command		cmd_bus, cmd_conn, cmd_msg, cmd_query, cmd_name,
 *			cmd_match
 *	transaction	access, delivery, call, tx, notify, handover, ownership,
 *			teardown
 *	object		node, domain, bus, endpoint, conn
 *	engine		policy, names, match, reply, queue, facts, meta, files,
 *			message
 *	leaf		limits, util, active, item, args, pool, quota
 *
 * A handle (the open file) owns what it has become: a bus, an endpoint or a
 * connection.
 * An endpoint references its bus, a bus its domain; connections reference
 * their endpoint. Reference counts keep memory; whether an object works is a
 * matter of its active reference (active.h).
 *
 * Locks
 * =====
 *
 * Outer to inner:
 *
 *	handle.setup	mutex: commands that change the state of a handle
 *	active refs	domain > bus > endpoint > conn; a drain is the write side
 *	bus.news	rwsem: read while those are found and told who want to
 *			know of a change of a name, written by MATCH_ADD
 *	names.lock	rwsem of a bus: who owns which name, the monitors; read
 *			to route, written to change
 *	bus.commit	mutex: order of broadcasts and changes of names
 *	matches.lock	rwsem of a bus: who wants what; never with bus.commit
 *	conn.data	mutex: closed, dropped, pool, quota, queue, calls made and
 *			owed
 *	policy.lock	mutex of a bus or custom endpoint: updates; queries take
 *			RCU and a sequence counter. Inside active refs and
 *			names.lock
 *	node.lock	spinlock: children of a node; leaf
 *	bus.conns	xarray: readers RCU, writers its lock; leaf
 *	users		xarray of quota.c, its lock; leaf
 *	node_inos	IDA of node.c, its lock; leaf
 *	wait queues	leaf
 *
 * Nobody holds the data locks of two connections.
 *
 * User memory is touched under handle.setup and with nothing held, never
 * below: not under an active reference either, because a page of user memory
 * can take for ever to appear, and shutting a bus down must not wait for
 * that. Commands therefore parse first, then take their active reference,
 * and write back after they have dropped it. The payload of a message is
 * copied between two sections: one reserves room at the receiver, one commits
 * and asks again whether both sides are still there. The copy itself does not
 * fault: payload that is not resident is brought in after the room has been
 * given back, and then everything begins anew. What a sender has to allocate,
 * he allocates before he locks the receiver.
 *
 * A broadcast is committed under bus.commit to all receivers, so all of them
 * see broadcasts in one order. A change of a name is planned with names.lock
 * held for reading; then the notification and the copies of messages that
 * follow the name are prepared with nothing held; then, with names.lock held
 * for writing and bus.commit, all of it becomes visible, if the plan is still
 * the same. Whoever finds the new state thus comes behind its notification.
 * Those who are to be notified are found while nobody's MATCH_ADD can return:
 * he would go on to ask, find the old state and never hear of the new one.
 *
 * A message that follows a name is committed with names.lock held for reading,
 * and only if the name has not passed on since it was routed.
 *
 * A synchronous call waits with nothing held. The record of a call belongs to
 * the caller's data, its place in the callee's list to the callee's; who needs
 * both takes one after the other. A call to a name may change its callee; that
 * needs names.lock for writing as well.
 *
 * The last reference to a connection closes a file and is dropped with no
 * lock held.
 *
 * poll and mmap take none of these locks: the state of a handle is published
 * with release and acquire, counters of the queue are read once.
 *
 * Shutting down
 * =============
 *
 * kdbus_active_deactivate() turns new users away, the drain waits for those
 * who are in, then what is visible is taken back: the name of a node, the id
 * of a connection, the messages that wait. A parent is down before its
 * children are, so none is added meanwhile.
 */
#include <linux/module.h>

MODULE_DESCRIPTION("kdbus: message bus for D-Bus");
MODULE_LICENSE("GPL");
