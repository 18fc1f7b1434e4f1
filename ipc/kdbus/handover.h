/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_HANDOVER_H
#define __KDBUS_HANDOVER_H

/**
 * DOC: hand-over
 *
 * When a name passes between an activator and an owner, the messages that were
 * sent to the name and wait go with it, in their order, and with them the calls
 * that await a reply (ACT-4, ACT-5). It belongs to the task that changes the
 * name.
 *
 * The copies are made with nothing locked, while the messages still wait in
 * their queue. When the name changes, whatever has not been received meanwhile
 * is exchanged for its copy at once; should a message have come for which there
 * is no copy, nothing happens and another pass is made. The last pass is made
 * with the names locked for writing, when no more can come: a flood of messages
 * must not keep a name from passing on. So no message is without a
 * place at any time, and none that is sent to the name later overtakes one that
 * moves.
 */

#include <linux/list.h>
#include <linux/types.h>

struct kdbus_conn;

/**
 * struct kdbus_handover - messages that move
 * @from:	where they wait, referenced, or NULL: nothing moves
 * @to:		where they go, referenced
 * @incarnation: incarnation of the name that they are tied to
 * @all_calls:	calls whose request has been received move as well
 * @last:	serial of the last message that was copied
 * @end:	serial of the last message that is to be copied in this pass
 * @moves:	one for each message that was copied
 */
struct kdbus_handover {
	struct kdbus_conn *from;
	struct kdbus_conn *to;
	u64 incarnation;
	bool all_calls;
	u64 last;
	u64 end;
	struct list_head moves;
};

void kdbus_handover_init(struct kdbus_handover *handover);
void kdbus_handover_set(struct kdbus_handover *handover,
			struct kdbus_conn *from, struct kdbus_conn *to,
			u64 incarnation);
int kdbus_handover_prepare(struct kdbus_handover *handover);
bool kdbus_handover_commit(struct kdbus_handover *handover);
void kdbus_handover_finish(struct kdbus_handover *handover);

#endif
