// SPDX-License-Identifier: GPL-2.0-only
/*
 * Activators, and what moves with a name in both directions (rules ACT-1 to
 * ACT-8, ORD-6, META-5; W-13, W-14, W-32, W-50, W-63)
 *
 * "The starter" is the connection that holds the name for a service.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define NAME	"com.example.service"
#define OTHER	"com.example.other"
#define DEAD	KDBUS_ITEM_REPLY_DEAD
#define TIMEOUT	KDBUS_ITEM_REPLY_TIMEOUT
#define PRIMARY	KDBUS_NAME_PRIMARY
#define WAITS	(KDBUS_NAME_ACTIVATOR | KDBUS_NAME_IN_QUEUE)
#define HOLDS	(KDBUS_NAME_ACTIVATOR | KDBUS_NAME_PRIMARY)

/* large enough for 256 small messages of a user */
#define POOL	(512 * 1024)
#define PAGE	4096

FIXTURE(act) {
	struct kd_env env;
	struct kd_conn a;	/* sends */
	struct kd_conn s;	/* service */
	struct kd_conn o;	/* another service */
	struct kd_conn act;	/* starter of NAME */
};

/* A starter with a pool of this size that accepts descriptors. */
static int start(struct kd_conn *c, const char *path, const char *name,
		 uint64_t pool_size)
{
	struct kd_block b;

	kd_hold_start(&b, KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_ACCEPT_FD, name);
	kd_add_access(&b, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_OWN, 0);
	b.hello.pool_size = pool_size;
	return kd_hello_block(c, path, &b);
}

FIXTURE_SETUP(act)
{
	const char *bus;

	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	bus = self->env.bus;
	ASSERT_EQ(0, kd_hello(&self->a, bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->s, bus, KDBUS_HELLO_ACCEPT_FD, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->o, bus, 0, 0, POOL));
	ASSERT_EQ(0, start(&self->act, bus, NAME, POOL));
}

FIXTURE_TEARDOWN(act)
{
}

/* Nothing is there, and nothing has been lost. */
static int empty(const struct kd_conn *c)
{
	struct kdbus_cmd_recv cmd;
	int r = kd_recv(c, 0, 0, &cmd);

	return r != -EAGAIN ? r ?: -EPROTO : cmd.dropped_msgs ? -EOVERFLOW : 0;
}

static int receive(const struct kd_conn *c, uint64_t expected)
{
	uint64_t cookie;
	int r = kd_recv_cookie(c, &cookie);

	return r ?: cookie == expected ? 0 : -EPROTO;
}

static int call_name(const struct kd_conn *c, const char *name, uint64_t cookie,
		     uint64_t deadline)
{
	struct kd_block b;

	kd_call_start(&b, KDBUS_DST_ID_NAME, cookie, deadline);
	kd_add_str(&b, KDBUS_ITEM_DST_NAME, name);
	return kd_msg_send(c, &b);
}

/*
 * REPLY_DEAD for all calls with cookies of this range, in whatever order
 * (REPLY-4), and nothing else.
 */
static int all_dead(const struct kd_conn *c, uint64_t first, uint64_t last)
{
	uint64_t seen = 0, cookie, when, i;
	int r;

	for (i = first; i <= last; i++) {
		r = kd_notice(c, DEAD, &cookie, &when);
		if (r != 0)
			return r;
		if (cookie < first || cookie > last || seen & 1ULL << cookie) {
			printf("# unexpected end of call %d\n", (int)cookie);
			return -EPROTO;
		}
		seen |= 1ULL << cookie;
	}
	return empty(c);
}

static int acquire(const struct kd_conn *c)
{
	return kd_name_acquire(c, NAME, 0, NULL);
}

static int release(const struct kd_conn *c)
{
	return kd_name_release(c, NAME);
}

/* ACT-2: a free name is claimed; ACT-3: and found in every way */
TEST_F(act, free_name)
{
	const struct kdbus_info *info;
	struct kdbus_cmd_info cmd;
	struct kd_conn act;
	uint64_t flags;

	ASSERT_EQ(0, kd_entry(&self->a, self->act.id, NAME, &flags));
	EXPECT_EQ(HOLDS, flags);
	ASSERT_EQ(0, kd_info(&self->a, 0, NAME, 0, &cmd));
	info = kd_record(&self->a, cmd.offset);
	EXPECT_EQ(self->act.id, info->id);
	EXPECT_NE(0, info->flags & KDBUS_HELLO_ACTIVATOR);

	/* NOTE-2, NAME-7: exact flags when it comes and goes */
	ASSERT_EQ(0, kd_watch_names(&self->a));
	ASSERT_EQ(0, start(&act, self->env.bus, OTHER, PAGE));
	EXPECT_EQ(0, kd_name_added(&self->a, OTHER, act.id, HOLDS));
	kd_close(&act);
	EXPECT_EQ(0, kd_name_removed(&self->a, OTHER, act.id, HOLDS));
	EXPECT_EQ(-ESRCH, kd_send_name(&self->a, OTHER, 1));
}

/* ACT-2: an owned name is waited for, silently; NAME-7: and left silently */
TEST_F(act, owned_name)
{
	struct kd_conn act;
	uint64_t flags;
	int i;

	ASSERT_EQ(0, kd_name_acquire(&self->s, OTHER, 0, NULL));
	ASSERT_EQ(0, kd_watch_names(&self->o));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, start(&act, self->env.bus, OTHER, PAGE));
		ASSERT_EQ(0, kd_entry(&self->a, act.id, OTHER, &flags));
		EXPECT_EQ(WAITS, flags);
		ASSERT_EQ(0, kd_entry(&self->a, self->s.id, OTHER, &flags));
		EXPECT_EQ(PRIMARY, flags);
		ASSERT_EQ(0, kd_send_name(&self->a, OTHER, 1));
		EXPECT_EQ(0, receive(&self->s, 1));
		if (i == 0)
			kd_close(&act);
	}
	EXPECT_EQ(0, empty(&self->o));
	/* NAME-6.2 */
	ASSERT_EQ(0, kd_name_release(&self->s, OTHER));
	EXPECT_EQ(0, kd_name_changed(&self->o, OTHER, self->s.id, PRIMARY,
				     act.id, HOLDS));
}

/* ACT-2: one for each name, primary or waiting */
TEST_F(act, one_each)
{
	struct kd_conn act;

	EXPECT_EQ(-EEXIST, start(&act, self->env.bus, NAME, PAGE));
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(-EEXIST, start(&act, self->env.bus, NAME, PAGE));
	kd_close(&self->act);
	ASSERT_EQ(0, start(&act, self->env.bus, NAME, PAGE));
}

/* NAME-3 line 2: REPLACE_EXISTING is not needed, QUEUE does not wait */
TEST_F(act, acquire)
{
	static const uint64_t inputs[] = {
		0, KDBUS_NAME_QUEUE, KDBUS_NAME_REPLACE_EXISTING,
		KDBUS_NAME_ALLOW_REPLACEMENT | KDBUS_NAME_QUEUE,
	};
	uint64_t flags, stored;
	size_t i;

	ASSERT_EQ(0, kd_watch_names(&self->o));
	for (i = 0; i < KD_ARRAY_SIZE(inputs); i++) {
		stored = inputs[i] & ~KDBUS_NAME_REPLACE_EXISTING;
		ASSERT_EQ(0, kd_name_acquire(&self->s, NAME, inputs[i],
					     &flags));
		EXPECT_EQ(stored | PRIMARY | KDBUS_NAME_ACQUIRED, flags);
		EXPECT_EQ(0, kd_name_changed(&self->o, NAME, self->act.id,
					     HOLDS, self->s.id,
					     stored | PRIMARY));
		ASSERT_EQ(0, kd_entry(&self->a, self->act.id, NAME, &flags));
		EXPECT_EQ(WAITS, flags);
		ASSERT_EQ(0, release(&self->s));
		EXPECT_EQ(0, kd_name_changed(&self->o, NAME, self->s.id,
					     stored | PRIMARY, self->act.id,
					     HOLDS));
		ASSERT_EQ(0, kd_entry(&self->a, self->act.id, NAME, &flags));
		EXPECT_EQ(HOLDS, flags);
	}
	EXPECT_EQ(-EADDRINUSE, release(&self->s));
	EXPECT_EQ(0, empty(&self->o));
}

/* ACT-2: used only when nobody waits; it takes no place in the queue */
TEST_F(act, not_in_the_queue)
{
	const uint64_t queued = PRIMARY | KDBUS_NAME_QUEUE;
	struct kd_conn w;
	uint64_t flags;

	ASSERT_EQ(0, kd_connect(&w, self->env.bus));
	ASSERT_EQ(0, kd_watch_names(&w));
	ASSERT_EQ(0, kd_name_acquire(&self->s, NAME,
				     KDBUS_NAME_ALLOW_REPLACEMENT |
				     KDBUS_NAME_QUEUE, NULL));
	ASSERT_EQ(0, kd_drop(&w));
	ASSERT_EQ(0, kd_name_acquire(&self->o, NAME, KDBUS_NAME_QUEUE,
				     &flags));
	EXPECT_EQ(KDBUS_NAME_QUEUE | KDBUS_NAME_IN_QUEUE | KDBUS_NAME_ACQUIRED,
		  flags);
	/* NAME-3 line 4 */
	ASSERT_EQ(0, kd_name_acquire(&self->a, NAME,
				     KDBUS_NAME_REPLACE_EXISTING, NULL));
	EXPECT_EQ(0, kd_name_changed(&w, NAME, self->s.id, queued |
				     KDBUS_NAME_ALLOW_REPLACEMENT,
				     self->a.id, PRIMARY));
	ASSERT_EQ(0, kd_entry(&w, self->act.id, NAME, &flags));
	EXPECT_EQ(WAITS, flags);
	ASSERT_EQ(0, release(&self->a));
	EXPECT_EQ(0, kd_name_changed(&w, NAME, self->a.id, PRIMARY,
				     self->s.id, queued |
				     KDBUS_NAME_ALLOW_REPLACEMENT));
	kd_close(&self->s);
	EXPECT_EQ(0, kd_name_changed(&w, NAME, self->s.id, queued |
				     KDBUS_NAME_ALLOW_REPLACEMENT,
				     self->o.id, queued));
	ASSERT_EQ(0, release(&self->o));
	EXPECT_EQ(0, kd_name_changed(&w, NAME, self->o.id, queued,
				     self->act.id, HOLDS));
	EXPECT_EQ(0, empty(&w));
}

/* ACT-3, SEND-7: what reaches a starter and what does not */
TEST_F(act, addressing)
{
	struct kd_block b;

	ASSERT_EQ(0, kd_send_name(&self->a, NAME, 1));
	kd_msg_start_name(&b, NAME);
	b.msg.dst_id = self->act.id;
	b.msg.cookie = 2;
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	ASSERT_EQ(0, call_name(&self->a, NAME, 3, KD_FAR));
	EXPECT_EQ(0, receive(&self->act, 1));
	EXPECT_EQ(0, receive(&self->act, 2));
	EXPECT_EQ(0, receive(&self->act, 3));

	EXPECT_EQ(-ENXIO, kd_send(&self->a, self->act.id, 4, NULL, 0));
	b.msg.dst_id = self->s.id;
	EXPECT_EQ(-EREMCHG, kd_msg_send(&self->a, &b));
	/* EREMCHG before EADDRNOTAVAIL */
	b.msg.flags = KDBUS_MSG_NO_AUTO_START;
	EXPECT_EQ(-EREMCHG, kd_msg_send(&self->a, &b));
	b.msg.dst_id = self->act.id;
	EXPECT_EQ(-EADDRNOTAVAIL, kd_msg_send(&self->a, &b));
	b.msg.dst_id = 0;
	EXPECT_EQ(-EADDRNOTAVAIL, kd_msg_send(&self->a, &b));
	b.msg.flags |= KDBUS_MSG_EXPECT_REPLY;
	b.msg.timeout_ns = KD_FAR;
	EXPECT_EQ(-EADDRNOTAVAIL, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, empty(&self->act));
	/* somebody else who owns the name gets it */
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, receive(&self->s, 2));
	EXPECT_EQ(0, empty(&self->act));
}

/* ACT-3, SEND-9: signals never reach a starter, and are not lost either */
TEST_F(act, signals)
{
	struct kd_block b;

	kd_signal_start(&b, KDBUS_DST_ID_NAME, 1);
	kd_add_str(&b, KDBUS_ITEM_DST_NAME, NAME);
	EXPECT_EQ(0, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, kd_broadcast(&self->a, 2));
	b.msg.flags |= KDBUS_MSG_NO_AUTO_START;
	EXPECT_EQ(-EADDRNOTAVAIL, kd_msg_send(&self->a, &b));
	EXPECT_EQ(0, empty(&self->act));
}

/* ACT-3: PID 1's way: exactly EPOLLIN, PEEK, FREE, leave it there */
TEST_F(act, start_trigger)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct kdbus_cmd_recv cmd, again;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->act.fd, &ev));
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 0));
	ASSERT_EQ(0, call_name(&self->a, NAME, 1, KD_FAR));
	ASSERT_EQ(1, epoll_wait(ep, &ev, 1, KD_PATIENCE));
	EXPECT_EQ(EPOLLIN, ev.events);
	ASSERT_EQ(0, kd_recv(&self->act, KDBUS_RECV_PEEK, 0, &cmd));
	EXPECT_EQ(self->a.id, kd_msg(&self->act, cmd.msg.offset)->src_id);
	ASSERT_EQ(0, kd_free(&self->act, cmd.msg.offset));
	ASSERT_EQ(0, kd_recv(&self->act, KDBUS_RECV_PEEK, 0, &again));
	EXPECT_EQ(cmd.msg.offset, again.msg.offset);
	ASSERT_EQ(0, kd_free(&self->act, cmd.msg.offset));

	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 0));
	EXPECT_EQ(0, receive(&self->s, 1));
	EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 1));
}

/* ACT-3, RECV-8: a starter may drop what it got */
TEST_F(act, drop)
{
	ASSERT_EQ(0, call_name(&self->a, NAME, 1, KD_FAR));
	ASSERT_EQ(0, call_name(&self->a, NAME, 2, KD_FAR));
	ASSERT_EQ(0, kd_drop(&self->act));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 1));
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->s, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, receive(&self->s, 2));
	EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 2, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 2));
	EXPECT_EQ(0, empty(&self->a));
}

/* ACT-3, ACT-4: what the starter received is owed by the next owner */
TEST_F(act, received_by_starter)
{
	ASSERT_EQ(0, call_name(&self->a, NAME, 1, KD_FAR));
	ASSERT_EQ(0, call_name(&self->a, NAME, 2, KD_FAR));
	ASSERT_EQ(0, receive(&self->act, 1));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->s, self->a.id, 1, NULL, 0));
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(0, receive(&self->s, 2));
	EXPECT_EQ(0, empty(&self->s));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->o, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 1));
	/* BYE-3: or it dies with him; the starter has nothing to do with it */
	kd_close(&self->act);
	EXPECT_EQ(0, empty(&self->a));
	kd_close(&self->s);
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 2));
	EXPECT_EQ(0, empty(&self->a));
}

/* A message through the name with payload, priority and descriptor. */
static void rich_message(struct kd_block *b, uint64_t cookie, const char *text,
			 int fd)
{
	kd_msg_start_name(b, NAME);
	b->msg.cookie = cookie;
	b->msg.priority = 10 - (int64_t)cookie;
	b->msg.payload_type = 1000 + cookie;
	kd_msg_vec(b, text, strlen(text) + 1);
	kd_msg_vec(b, NULL, 3);
	kd_msg_vec(b, "tail", 5);
	if (fd >= 0)
		kd_add(b, KDBUS_ITEM_FDS, &fd, sizeof(fd));
}

/* Compare what arrived with what was sent; it is freed. */
static int check_rich(const struct kd_conn *c, const struct kd_conn *from,
		      uint64_t cookie, const char *text)
{
	const struct kdbus_item *first, *zero, *last, *name;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	int r;

	r = kd_recv(c, 0, 0, &cmd);
	if (r != 0)
		return r;
	msg = kd_msg(c, cmd.msg.offset);
	first = kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 0);
	zero = kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 1);
	last = kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 2);
	name = kd_item(msg, KDBUS_ITEM_DST_NAME, 0);
	if (msg->src_id != from->id || msg->dst_id || msg->cookie != cookie ||
	    msg->priority != 10 - (int64_t)cookie ||
	    msg->payload_type != 1000 + cookie || !first || !zero || !last ||
	    !name || strcmp(name->str, NAME) != 0 ||
	    first->vec.size != strlen(text) + 1 ||
	    memcmp((const uint8_t *)msg + first->vec.offset, text,
		   first->vec.size) != 0 ||
	    zero->vec.size != 3 || zero->vec.offset != ~0ULL ||
	    memcmp((const uint8_t *)msg + last->vec.offset, "tail", 5) != 0)
		r = -EPROTO;
	return kd_free(c, cmd.msg.offset) ?: r;
}

/* ACT-4, ACT-6, ORD-6: everything moves, in order, behind what is there */
TEST_F(act, take_over)
{
	static const char *const texts[] = { "one", "number two", "3" };
	struct kd_block b;
	int i, round;

	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, kd_send(&self->a, self->s.id, 99, NULL, 0));
		for (i = 0; i < 3; i++) {
			rich_message(&b, i, texts[i], -1);
			ASSERT_EQ(0, kd_msg_send(i == 1 ? &self->o : &self->a,
						 &b));
		}
		ASSERT_EQ(0, acquire(&self->s));
		EXPECT_EQ(0, empty(&self->act));
		EXPECT_EQ(0, receive(&self->s, 99));
		for (i = 0; i < 3; i++) {
			EXPECT_EQ(0, check_rich(&self->s, i == 1 ? &self->o :
						&self->a, i, texts[i]));
		}
		EXPECT_EQ(0, empty(&self->s));
		ASSERT_EQ(0, release(&self->s));
	}
	/* QUOTA-1: nothing is charged or taken up anywhere any more */
	EXPECT_EQ(0, kd_byebye(&self->s));
}

/* ACT-5: and back, by release and by disconnect; there and back again */
TEST_F(act, hand_back)
{
	static const char *const texts[] = { "one", "number two", "3" };
	struct kd_block b;
	int i, round;

	for (round = 0; round < 4; round++) {
		for (i = 0; i < 3; i++) {
			/* some before and some after */
			if (i == round) {
				ASSERT_EQ(0, acquire(&self->s));
			}
			rich_message(&b, i, texts[i], -1);
			ASSERT_EQ(0, kd_msg_send(&self->a, &b));
		}
		if (round == 3) {
			ASSERT_EQ(0, acquire(&self->s));
		}
		EXPECT_EQ(0, empty(&self->act));
		if (round % 2 == 0) {
			ASSERT_EQ(0, release(&self->s));
			EXPECT_EQ(0, empty(&self->s));
		} else {
			kd_close(&self->s);
			ASSERT_EQ(0, kd_hello(&self->s, self->env.bus, 0, 0,
					      POOL));
		}
		EXPECT_EQ(POLLIN, kd_poll(self->act.fd, POLLIN, 0));
		/* to a third one, who reads */
		ASSERT_EQ(0, acquire(&self->o));
		EXPECT_EQ(0, empty(&self->act));
		for (i = 0; i < 3; i++) {
			EXPECT_EQ(0, check_rich(&self->o, &self->a, i,
						texts[i]));
		}
		EXPECT_EQ(0, empty(&self->o));
		ASSERT_EQ(0, release(&self->o));
	}
}

/* ACT-4, ACT-5: each request goes with its tracker, whatever the way */
TEST_F(act, requests)
{
	int i;

	for (i = 1; i <= 4; i++) {
		ASSERT_EQ(0, call_name(&self->a, NAME, i, KD_FAR));
	}
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(0, receive(&self->s, 1));
	EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 1, NULL, 0));
	ASSERT_EQ(0, release(&self->s));
	/* REPLY-2: neither who had it nor who might get it */
	EXPECT_EQ(-EBADSLT, kd_reply(&self->s, self->a.id, 2, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->o, self->a.id, 2, NULL, 0));
	ASSERT_EQ(0, acquire(&self->o));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->s, self->a.id, 2, NULL, 0));
	EXPECT_EQ(0, kd_reply(&self->o, self->a.id, 2, NULL, 0));
	/* 2 is an ordinary message now, which moves like the rest */
	kd_close(&self->o);
	EXPECT_EQ(0, receive(&self->act, 2));
	ASSERT_EQ(0, kd_drop(&self->act));
	EXPECT_EQ(0, receive(&self->a, 1));
	EXPECT_EQ(0, receive(&self->a, 2));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 3));
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 4, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 4));
	kd_close(&self->act);
	kd_close(&self->s);
	EXPECT_EQ(0, empty(&self->a));
}

/* ACT-5: messages addressed by id stay; BYE-3: or die with their receiver */
TEST_F(act, by_id_stays)
{
	int i;

	ASSERT_EQ(0, acquire(&self->s));
	for (i = 10; i < 16; i += 2) {
		ASSERT_EQ(0, kd_call(&self->a, self->s.id, i, KD_FAR));
		ASSERT_EQ(0, call_name(&self->a, NAME, i + 1, KD_FAR));
	}
	ASSERT_EQ(0, release(&self->s));
	for (i = 10; i < 14; i += 2) {
		EXPECT_EQ(0, receive(&self->s, i));
		EXPECT_EQ(0, receive(&self->act, i + 1));
	}
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 10, NULL, 0));
	/* ACT-4: received by the starter */
	EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 11, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 10));
	EXPECT_EQ(0, receive(&self->a, 11));
	kd_close(&self->s);
	/* 12 and 13 received, 14 by id; 15 is with the starter again */
	EXPECT_EQ(0, all_dead(&self->a, 12, 14));
	EXPECT_EQ(0, receive(&self->act, 15));
	EXPECT_EQ(0, empty(&self->act));
}

/* ACT-5: the id alone does not tie, the name does, with or without id */
TEST_F(act, name_and_id)
{
	struct kd_block b;

	ASSERT_EQ(0, acquire(&self->s));
	kd_msg_start_name(&b, NAME);
	b.msg.dst_id = self->s.id;
	b.msg.cookie = 5;
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	ASSERT_EQ(0, kd_send(&self->a, self->s.id, 6, NULL, 0));
	ASSERT_EQ(0, release(&self->s));
	EXPECT_EQ(0, receive(&self->s, 6));
	EXPECT_EQ(0, empty(&self->s));
	EXPECT_EQ(0, receive(&self->act, 5));
}

/* ACT-5: sent before the starter came to the owned name */
TEST_F(act, before_the_starter)
{
	struct kd_conn act;

	ASSERT_EQ(0, kd_name_acquire(&self->s, OTHER, 0, NULL));
	ASSERT_EQ(0, call_name(&self->a, OTHER, 1, KD_FAR));
	ASSERT_EQ(0, call_name(&self->a, OTHER, 2, KD_FAR));
	ASSERT_EQ(0, start(&act, self->env.bus, OTHER, PAGE));
	EXPECT_EQ(0, empty(&act));
	ASSERT_EQ(0, kd_name_release(&self->s, OTHER));
	EXPECT_EQ(0, empty(&self->s));
	EXPECT_EQ(POLLIN, kd_poll(act.fd, POLLIN, 0));
	ASSERT_EQ(0, kd_name_acquire(&self->o, OTHER, 0, NULL));
	EXPECT_EQ(0, receive(&self->o, 1));
	EXPECT_EQ(0, receive(&self->o, 2));
	EXPECT_EQ(0, kd_reply(&self->o, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 1));
}

/* ACT-5, SEND-7: a second starter takes the place of the first */
TEST_F(act, second_starter)
{
	struct kd_conn act;

	ASSERT_EQ(0, acquire(&self->s));
	ASSERT_EQ(0, kd_send_name(&self->a, NAME, 1));
	kd_close(&self->act);
	ASSERT_EQ(0, kd_send_name(&self->a, NAME, 2));
	ASSERT_EQ(0, start(&act, self->env.bus, NAME, PAGE));
	ASSERT_EQ(0, release(&self->s));
	EXPECT_EQ(0, empty(&self->s));
	EXPECT_EQ(0, receive(&act, 1));
	EXPECT_EQ(0, receive(&act, 2));
}

/* SEND-7: once nobody had the name, older messages are ordinary ones */
TEST_F(act, incarnation)
{
	struct kd_conn act;
	int i;

	ASSERT_EQ(0, kd_name_acquire(&self->s, OTHER, 0, NULL));
	ASSERT_EQ(0, call_name(&self->a, OTHER, 1, KD_FAR));
	ASSERT_EQ(0, kd_name_release(&self->s, OTHER));
	ASSERT_EQ(0, kd_name_acquire(&self->s, OTHER, 0, NULL));
	ASSERT_EQ(0, call_name(&self->a, OTHER, 2, KD_FAR));
	ASSERT_EQ(0, start(&act, self->env.bus, OTHER, PAGE));
	ASSERT_EQ(0, kd_name_release(&self->s, OTHER));
	EXPECT_EQ(0, receive(&self->s, 1));
	EXPECT_EQ(0, empty(&self->s));
	EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, receive(&act, 2));
	EXPECT_EQ(0, receive(&self->a, 1));

	/* a waiter or a starter is enough to keep it */
	ASSERT_EQ(0, kd_name_acquire(&self->s, OTHER, 0, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->o, OTHER, KDBUS_NAME_QUEUE, NULL));
	kd_close(&act);
	for (i = 3; i < 5; i++) {
		ASSERT_EQ(0, kd_send_name(&self->a, OTHER, i));
	}
	ASSERT_EQ(0, kd_name_release(&self->s, OTHER));
	ASSERT_EQ(0, kd_name_acquire(&self->s, OTHER, KDBUS_NAME_QUEUE, NULL));
	ASSERT_EQ(0, kd_name_release(&self->o, OTHER));
	ASSERT_EQ(0, start(&act, self->env.bus, OTHER, PAGE));
	ASSERT_EQ(0, kd_name_release(&self->s, OTHER));
	EXPECT_EQ(0, receive(&act, 3));
	EXPECT_EQ(0, receive(&act, 4));
	EXPECT_EQ(0, empty(&self->s));
}

/* ACT-4, ACT-5: two names of one owner have nothing to do with each other */
TEST_F(act, two_names)
{
	struct kd_conn act;
	int i;

	ASSERT_EQ(0, start(&act, self->env.bus, OTHER, POOL));
	ASSERT_EQ(0, acquire(&self->s));
	ASSERT_EQ(0, kd_name_acquire(&self->s, OTHER, 0, NULL));
	for (i = 10; i < 16; i++) {
		ASSERT_EQ(0, call_name(&self->a, i % 2 ? NAME : OTHER, i,
				       KD_FAR));
	}
	ASSERT_EQ(0, release(&self->s));
	for (i = 11; i < 16; i += 2) {
		EXPECT_EQ(0, receive(&self->act, i));
	}
	for (i = 10; i < 14; i += 2) {
		EXPECT_EQ(0, receive(&self->s, i));
		EXPECT_EQ(0, kd_reply(&self->s, self->a.id, i, NULL, 0));
		EXPECT_EQ(0, receive(&self->a, i));
	}
	EXPECT_EQ(0, empty(&act));
	ASSERT_EQ(0, kd_name_release(&self->s, OTHER));
	EXPECT_EQ(0, receive(&act, 14));
	EXPECT_EQ(0, empty(&act));
	EXPECT_EQ(0, empty(&self->s));
}

/* ACT-5, W-13: requests already received stay with who received them */
TEST_F(act, received_stay)
{
	int i;

	ASSERT_EQ(0, acquire(&self->s));
	for (i = 1; i <= 4; i++) {
		ASSERT_EQ(0, call_name(&self->a, NAME, i, KD_FAR));
	}
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(0, receive(&self->s, i));
	}
	ASSERT_EQ(0, release(&self->s));
	/* answered while the starter has the name */
	EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 1));
	/* while another has it, who can answer what he never saw as little */
	ASSERT_EQ(0, acquire(&self->o));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->o, self->a.id, 2, NULL, 0));
	EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 2, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 2));
	EXPECT_EQ(0, kd_reply(&self->o, self->a.id, 4, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 4));
	/* BYE-3: the end of the one, not of the other, ends the last one */
	kd_close(&self->o);
	kd_close(&self->act);
	EXPECT_EQ(0, empty(&self->a));
	kd_close(&self->s);
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 3));
	EXPECT_EQ(0, empty(&self->a));
}

/* ACT-4: who becomes owner owes himself nothing */
TEST_F(act, own_request_taken_over)
{
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, call_name(&self->s, NAME, 1 + i,
				       i ? KD_FAR : kd_now() + 2000 * KD_MS));
	}
	ASSERT_EQ(0, call_name(&self->a, NAME, 3, KD_FAR));
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(0, empty(&self->act));
	for (i = 1; i <= 3; i++) {
		EXPECT_EQ(0, receive(&self->s, i));
	}
	EXPECT_EQ(-EBADSLT, kd_reply(&self->s, self->s.id, 1, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->s, self->s.id, 2, NULL, 0));
	EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 3, NULL, 0));
	EXPECT_EQ(0, kd_notice_of(&self->s, TIMEOUT, 1));
	EXPECT_EQ(0, empty(&self->s));
	/* BYE-3: the tracker has stayed with the starter */
	kd_close(&self->act);
	EXPECT_EQ(0, kd_notice_of(&self->s, DEAD, 2));
	EXPECT_EQ(0, empty(&self->s));
}

/* ACT-5: a request to oneself moves, its tracker does not */
TEST_F(act, own_request_handed_back)
{
	ASSERT_EQ(0, acquire(&self->s));
	ASSERT_EQ(0, call_name(&self->s, NAME, 1, KD_FAR));
	ASSERT_EQ(0, call_name(&self->s, NAME, 2, KD_FAR));
	ASSERT_EQ(0, release(&self->s));
	EXPECT_EQ(0, empty(&self->s));
	EXPECT_EQ(0, kd_reply(&self->s, self->s.id, 1, NULL, 0));
	EXPECT_EQ(0, receive(&self->s, 1));
	EXPECT_EQ(0, receive(&self->act, 1));
	/* nor can it be answered by who gets the message */
	ASSERT_EQ(0, acquire(&self->o));
	EXPECT_EQ(0, receive(&self->o, 2));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->o, self->s.id, 2, NULL, 0));
	EXPECT_EQ(0, kd_reply(&self->s, self->s.id, 2, NULL, 0));
	EXPECT_EQ(0, receive(&self->s, 2));
	kd_close(&self->o);
	kd_close(&self->act);
	EXPECT_EQ(0, empty(&self->s));
}

/* W-63, SEND-7: unicast signals and replies are not tied to any name */
TEST_F(act, signals_and_replies_stay)
{
	struct kd_block b;
	int i;

	ASSERT_EQ(0, kd_match_signals(&self->s, 1));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, acquire(&self->s));
		kd_signal_start(&b, KDBUS_DST_ID_NAME, 1);
		kd_add_str(&b, KDBUS_ITEM_DST_NAME, NAME);
		ASSERT_EQ(0, kd_msg_send(&self->a, &b));
		ASSERT_EQ(0, kd_send_name(&self->a, NAME, 2));
		ASSERT_EQ(0, kd_call(&self->s, self->a.id, 3, KD_FAR));
		kd_msg_start_name(&b, NAME);
		b.msg.cookie = 3;
		b.msg.cookie_reply = 3;
		ASSERT_EQ(0, kd_msg_send(&self->a, &b));
		EXPECT_EQ(0, receive(&self->a, 3));
		if (i == 0) {
			ASSERT_EQ(0, release(&self->s));
			EXPECT_EQ(0, receive(&self->s, 1));
			EXPECT_EQ(0, receive(&self->s, 3));
			EXPECT_EQ(0, empty(&self->s));
		} else {
			kd_close(&self->s);
		}
		EXPECT_EQ(0, receive(&self->act, 2));
		EXPECT_EQ(0, empty(&self->act));
	}
}

/* A call through the name with so many bytes of payload. */
static int call_with(const struct kd_conn *c, uint64_t cookie, size_t size)
{
	static const uint8_t data[POOL];
	struct kd_block b;

	kd_call_start(&b, KDBUS_DST_ID_NAME, cookie, KD_FAR);
	kd_add_str(&b, KDBUS_ITEM_DST_NAME, NAME);
	kd_msg_vec(&b, data, size);
	return kd_msg_send(c, &b);
}

static uint64_t dropped(const struct kd_conn *c)
{
	struct kdbus_cmd_recv cmd;
	int r = kd_recv(c, KDBUS_RECV_PEEK, 0, &cmd);

	if (r == 0)
		kd_free(c, cmd.msg.offset);
	return cmd.dropped_msgs;
}

/* ACT-6, W-14: what does not fit is lost: the counter, and REPLY_DEAD */
TEST_F(act, lost)
{
	struct kd_conn small;
	int i;

	/* 682 bytes of one user, so there is room for one of these */
	ASSERT_EQ(0, kd_hello(&small, self->env.bus, 0, 0, PAGE));
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(0, call_with(&self->a, i, 500));
	}
	ASSERT_EQ(0, acquire(&small));
	EXPECT_EQ(0, empty(&self->act));
	EXPECT_EQ(2, dropped(&small));
	EXPECT_EQ(0, dropped(&small));
	EXPECT_EQ(0, all_dead(&self->a, 2, 3));
	/* its successor cannot answer what it never saw */
	EXPECT_EQ(-EBADSLT, kd_reply(&small, self->a.id, 2, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&small, self->a.id, 3, NULL, 0));
	EXPECT_EQ(0, receive(&small, 1));
	EXPECT_EQ(0, kd_reply(&small, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 1));
	EXPECT_EQ(0, empty(&small));
	EXPECT_EQ(0, empty(&self->a));
	/* the starter has lost nothing */
	EXPECT_EQ(0, dropped(&self->act));
}

/* ACT-6: a larger one that does not fit leaves room for a smaller one */
TEST_F(act, lost_in_the_middle)
{
	struct kd_conn small;

	ASSERT_EQ(0, kd_hello(&small, self->env.bus, 0, 0, PAGE));
	ASSERT_EQ(0, call_with(&self->a, 1, 100));
	ASSERT_EQ(0, call_with(&self->a, 2, 2000));
	ASSERT_EQ(0, call_with(&self->a, 3, 100));
	ASSERT_EQ(0, kd_send_name(&self->a, NAME, 4));
	ASSERT_EQ(0, acquire(&small));
	EXPECT_EQ(1, dropped(&small));
	EXPECT_EQ(0, receive(&small, 1));
	EXPECT_EQ(0, receive(&small, 3));
	EXPECT_EQ(0, receive(&small, 4));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 2));
	EXPECT_EQ(0, kd_reply(&small, self->a.id, 3, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 3));
}

/* ACT-6: the same on the way back, to a starter with little room */
TEST_F(act, lost_on_the_way_back)
{
	struct kd_conn act;
	int i;

	kd_close(&self->act);
	ASSERT_EQ(0, start(&act, self->env.bus, NAME, PAGE));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, acquire(&self->s));
		ASSERT_EQ(0, call_with(&self->a, 1, 500));
		ASSERT_EQ(0, call_with(&self->a, 2, 500));
		if (i == 0) {
			ASSERT_EQ(0, release(&self->s));
			EXPECT_EQ(0, empty(&self->s));
		} else {
			kd_close(&self->s);
		}
		EXPECT_EQ(1, dropped(&act));
		EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 2));
		EXPECT_EQ(0, empty(&self->a));
		ASSERT_EQ(0, kd_drop(&act));
		EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 1));
	}
}

/* ACT-6: no room in the pool itself */
TEST_F(act, lost_for_want_of_space)
{
	static const uint8_t data[512];
	struct kdbus_cmd_recv cmd;
	struct kd_conn small;
	int i;

	ASSERT_EQ(0, kd_hello(&small, self->env.bus, 0, 0, 2 * PAGE));
	for (i = 0; kd_send(&self->a, small.id, 1, data, 512) == 0; i++) {
		ASSERT_EQ(0, kd_recv(&small, 0, 0, &cmd));
	}
	ASSERT_LT(8, i);
	ASSERT_EQ(0, call_with(&self->a, 7, 500));
	ASSERT_EQ(0, acquire(&small));
	EXPECT_EQ(1, dropped(&small));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 7));
	/* QUOTA-4: which leaves no charge */
	ASSERT_EQ(0, kd_free(&small, cmd.msg.offset));
	EXPECT_EQ(0, call_with(&self->a, 8, 500));
	EXPECT_EQ(0, receive(&small, 8));
}

/* ACT-6, QUOTA-1: charged to the sender at the new place, not at the old */
TEST_F(act, charges)
{
	int i;

	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, kd_send(&self->a, self->s.id, i, NULL, 0));
	}
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_send_name(&self->a, NAME, 1000 + i));
	}
	EXPECT_EQ(-ENOBUFS, kd_send_name(&self->a, NAME, 1));
	ASSERT_EQ(0, acquire(&self->s));
	/* 256 messages of a user, the rest is lost */
	EXPECT_EQ(200, dropped(&self->s));
	EXPECT_EQ(-ENOBUFS, kd_send(&self->a, self->s.id, 1, NULL, 0));
	EXPECT_EQ(-ENOBUFS, kd_send_name(&self->a, NAME, 1));
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, receive(&self->s, i));
	}
	for (i = 0; i < 56; i++) {
		ASSERT_EQ(0, receive(&self->s, 1000 + i));
	}
	EXPECT_EQ(0, empty(&self->s));
	/* nothing is left behind at the starter */
	ASSERT_EQ(0, release(&self->s));
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_send_name(&self->a, NAME, i));
	}
	EXPECT_EQ(-ENOBUFS, kd_send_name(&self->a, NAME, 1));
	/* nor at an owner who leaves unread what moves back */
	ASSERT_EQ(0, acquire(&self->o));
	EXPECT_EQ(-ENOBUFS, kd_send(&self->a, self->o.id, 1, NULL, 0));
	ASSERT_EQ(0, release(&self->o));
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_send(&self->a, self->o.id, i, NULL, 0));
	}
}

/* A message through a name, or to an id, with n copies of a descriptor. */
static int send_fds(const struct kd_conn *from, uint64_t dst, uint64_t cookie,
		    int fd, unsigned int n)
{
	struct kd_block b;
	unsigned int i;
	int fds[16];

	if (dst)
		kd_msg_start(&b, dst);
	else
		kd_msg_start_name(&b, NAME);
	b.msg.cookie = cookie;
	for (i = 0; i < n; i++)
		fds[i] = fd;
	kd_add(&b, KDBUS_ITEM_FDS, fds, n * sizeof(int));
	return kd_msg_send(from, &b);
}

/* ACT-6: descriptors need a receiver that accepts them; RECV-9 */
TEST_F(act, descriptors)
{
	const struct kdbus_item *item;
	struct kdbus_cmd_recv cmd;
	struct stat sent, got;
	int fds[2], i;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, fstat(fds[0], &sent));
	ASSERT_EQ(0, send_fds(&self->a, 0, 1, fds[0], 2));
	ASSERT_EQ(0, acquire(&self->s));
	ASSERT_EQ(0, kd_recv(&self->s, 0, 0, &cmd));
	EXPECT_EQ(0, cmd.msg.return_flags);
	item = kd_item(kd_msg(&self->s, cmd.msg.offset), KDBUS_ITEM_FDS, 0);
	ASSERT_NE(NULL, item);
	ASSERT_EQ(24, item->size);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, fstat(item->fds[i], &got));
		EXPECT_EQ(sent.st_ino, got.st_ino);
		close(item->fds[i]);
	}
	/* back and forth */
	ASSERT_EQ(0, send_fds(&self->a, 0, 2, fds[0], 1));
	ASSERT_EQ(0, release(&self->s));
	ASSERT_EQ(0, acquire(&self->s));
	ASSERT_EQ(0, kd_recv(&self->s, 0, 0, &cmd));
	item = kd_item(kd_msg(&self->s, cmd.msg.offset), KDBUS_ITEM_FDS, 0);
	ASSERT_NE(NULL, item);
	ASSERT_EQ(0, fstat(item->fds[0], &got));
	EXPECT_EQ(sent.st_ino, got.st_ino);
	ASSERT_EQ(0, release(&self->s));

	/* o has not set ACCEPT_FD */
	ASSERT_EQ(0, send_fds(&self->a, 0, 3, fds[0], 1));
	ASSERT_EQ(0, kd_send_name(&self->a, NAME, 4));
	ASSERT_EQ(0, acquire(&self->o));
	EXPECT_EQ(1, dropped(&self->o));
	EXPECT_EQ(0, receive(&self->o, 4));
	EXPECT_EQ(0, empty(&self->o));
}

/* ACT-6, QUOTA-3: 16 descriptors of a user, those of the queue included */
TEST_F(act, descriptor_quota)
{
	int fds[2], i;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, send_fds(&self->a, self->s.id, 1, fds[0], 9));
	ASSERT_EQ(0, send_fds(&self->a, 0, 2, fds[0], 8));
	ASSERT_EQ(0, send_fds(&self->a, 0, 3, fds[0], 7));
	EXPECT_EQ(-EMFILE, send_fds(&self->a, 0, 4, fds[0], 2));
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(1, dropped(&self->s));
	EXPECT_EQ(-EMFILE, send_fds(&self->a, self->s.id, 4, fds[0], 1));
	for (i = 0; i < 2; i++) {
		struct kdbus_cmd_recv cmd;

		ASSERT_EQ(0, kd_recv(&self->s, KDBUS_RECV_PEEK, 0, &cmd));
		EXPECT_EQ(i ? 3 : 1,
			  kd_msg(&self->s, cmd.msg.offset)->cookie);
		ASSERT_EQ(0, kd_free(&self->s, cmd.msg.offset));
		ASSERT_EQ(0, kd_drop(&self->s));
	}
	/* all are returned, here and there */
	ASSERT_EQ(0, release(&self->s));
	ASSERT_EQ(0, send_fds(&self->a, 0, 5, fds[0], 16));
	ASSERT_EQ(0, send_fds(&self->a, self->s.id, 5, fds[0], 16));
}

/* ACT-6, POOL-4: a peeked slice stays until it is freed */
TEST_F(act, peeked)
{
	struct kdbus_cmd_recv cmd, moved;
	struct kd_block b;

	ASSERT_EQ(0, kd_send(&self->a, self->s.id, 9, NULL, 0));
	rich_message(&b, 1, "text", -1);
	ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	ASSERT_EQ(0, kd_recv(&self->act, KDBUS_RECV_PEEK, 0, &cmd));
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(0, receive(&self->s, 9));
	ASSERT_EQ(0, kd_recv(&self->s, KDBUS_RECV_PEEK, 0, &moved));
	EXPECT_EQ(cmd.msg.msg_size, moved.msg.msg_size);
	EXPECT_EQ(0, memcmp(kd_msg(&self->act, cmd.msg.offset),
			    kd_msg(&self->s, moved.msg.offset),
			    cmd.msg.msg_size));
	/* not overwritten by the next one */
	ASSERT_EQ(0, release(&self->s));
	ASSERT_EQ(0, kd_recv(&self->act, KDBUS_RECV_PEEK, 0, &moved));
	EXPECT_NE(cmd.msg.offset, moved.msg.offset);
	EXPECT_EQ(1, kd_msg(&self->act, cmd.msg.offset)->cookie);
	EXPECT_EQ(0, kd_free(&self->act, cmd.msg.offset));
	EXPECT_EQ(-ENXIO, kd_free(&self->act, cmd.msg.offset));
	EXPECT_EQ(0, kd_free(&self->act, moved.msg.offset));
	EXPECT_EQ(0, receive(&self->act, 1));
}

/* ACT-7: between ordinary owners nothing moves, starter or no starter */
TEST_F(act, replaced)
{
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, kd_name_acquire(&self->s, NAME,
					     KDBUS_NAME_ALLOW_REPLACEMENT,
					     NULL));
		ASSERT_EQ(0, call_name(&self->a, NAME, 1, KD_FAR));
		ASSERT_EQ(0, call_name(&self->a, NAME, 2, KD_FAR));
		ASSERT_EQ(0, kd_name_acquire(&self->o, NAME, i ?
					     KDBUS_NAME_QUEUE :
					     KDBUS_NAME_REPLACE_EXISTING,
					     NULL));
		if (i == 1) {
			ASSERT_EQ(0, release(&self->s));
		}
		EXPECT_EQ(0, empty(&self->o));
		EXPECT_EQ(0, empty(&self->act));
		EXPECT_EQ(0, receive(&self->s, 1));
		EXPECT_EQ(-EBADSLT, kd_reply(&self->o, self->a.id, 1, NULL,
					     0));
		EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 1, NULL, 0));
		EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 2, NULL, 0));
		EXPECT_EQ(0, receive(&self->s, 2));
		EXPECT_EQ(0, receive(&self->a, 1));
		EXPECT_EQ(0, receive(&self->a, 2));
		/* the new one's go to the starter, as always */
		ASSERT_EQ(0, kd_send_name(&self->a, NAME, 3));
		ASSERT_EQ(0, release(&self->o));
		EXPECT_EQ(0, receive(&self->act, 3));
	}
}

/* ACT-7: what an owner leaves unread while others wait is gone */
TEST_F(act, disconnect_with_waiter)
{
	ASSERT_EQ(0, acquire(&self->s));
	ASSERT_EQ(0, kd_name_acquire(&self->o, NAME, KDBUS_NAME_QUEUE, NULL));
	ASSERT_EQ(0, call_name(&self->a, NAME, 1, KD_FAR));
	ASSERT_EQ(0, kd_send_name(&self->a, NAME, 2));
	kd_close(&self->s);
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 1));
	EXPECT_EQ(0, empty(&self->a));
	EXPECT_EQ(0, empty(&self->o));
	EXPECT_EQ(0, empty(&self->act));
	ASSERT_EQ(0, kd_send_name(&self->a, NAME, 3));
	EXPECT_EQ(0, receive(&self->o, 3));
}

/* ACT-8: the starter goes: REPLY_DEAD for all that waits or was received */
TEST_F(act, starter_goes)
{
	int i;

	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(0, call_name(&self->a, NAME, i, KD_FAR));
	}
	ASSERT_EQ(0, kd_send_name(&self->a, NAME, 4));
	ASSERT_EQ(0, receive(&self->act, 1));
	kd_close(&self->act);
	EXPECT_EQ(0, all_dead(&self->a, 1, 3));
	EXPECT_EQ(-ESRCH, kd_send_name(&self->a, NAME, 1));
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(0, empty(&self->s));
}

/* ACT-8: while somebody owns the name nobody notices */
TEST_F(act, waiting_starter_goes)
{
	ASSERT_EQ(0, acquire(&self->s));
	ASSERT_EQ(0, kd_watch_names(&self->o));
	ASSERT_EQ(0, call_name(&self->a, NAME, 1, KD_FAR));
	kd_close(&self->act);
	EXPECT_EQ(0, empty(&self->o));
	EXPECT_EQ(0, receive(&self->s, 1));
	EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 1));
	ASSERT_EQ(0, release(&self->s));
	EXPECT_EQ(0, kd_name_removed(&self->o, NAME, self->s.id, PRIMARY));
	EXPECT_EQ(0, empty(&self->a));
}

/* REPLY-4, REPLY-5: a deadline passes on the way; the request still moves */
TEST_F(act, deadline)
{
	ASSERT_EQ(0, call_name(&self->a, NAME, 1, KD_PAST));
	EXPECT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 1));
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->s, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, receive(&self->s, 1));
	/* it goes with the tracker, too */
	ASSERT_EQ(0, release(&self->s));
	ASSERT_EQ(0, call_name(&self->a, NAME, 2, kd_now() + 200 * KD_MS));
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 2));
	EXPECT_EQ(0, receive(&self->s, 2));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->s, self->a.id, 2, NULL, 0));
	kd_close(&self->s);
	EXPECT_EQ(0, empty(&self->a));
}

/* BYE-3.5: the caller goes; the request is a message like any other then */
TEST_F(act, caller_goes)
{
	struct kd_conn c;

	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	ASSERT_EQ(0, call_name(&c, NAME, 1, KD_FAR));
	kd_close(&c);
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(-ENXIO, kd_reply(&self->s, c.id, 1, NULL, 0));
	ASSERT_EQ(0, release(&self->s));
	ASSERT_EQ(0, acquire(&self->o));
	EXPECT_EQ(0, receive(&self->o, 1));
	EXPECT_EQ(-ENXIO, kd_reply(&self->o, c.id, 1, NULL, 0));
}

/* BYE-1: what moved there keeps an owner from leaving with BYEBYE */
TEST_F(act, byebye)
{
	ASSERT_EQ(0, kd_send_name(&self->a, NAME, 1));
	ASSERT_EQ(0, acquire(&self->s));
	EXPECT_EQ(-EBUSY, kd_byebye(&self->s));
	ASSERT_EQ(0, receive(&self->s, 1));
	EXPECT_EQ(0, kd_byebye(&self->s));
	ASSERT_EQ(0, kd_send_name(&self->a, NAME, 2));
	EXPECT_EQ(0, receive(&self->act, 2));
}

/* H-4: pollers are woken by what moves to them, and by what is lost */
TEST_F(act, wake)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), i;
	struct kd_conn small;

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, kd_hello(&small, self->env.bus, 0, 0, PAGE));
	for (i = 0; i < 3; i++) {
		const struct kd_conn *c = i == 0 ? &self->s :
					  i == 1 ? &self->act : &small;
		struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

		if (i != 1) {
			ASSERT_EQ(0, call_with(&self->a, i, 3000));
		}
		/* edge-triggered: silent for ever unless somebody wakes it */
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev));
		EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 0));
		ASSERT_EQ(0, i == 1 ? release(&self->s) : acquire(c));
		EXPECT_EQ(1, epoll_wait(ep, &ev, 1, KD_PATIENCE));
		EXPECT_EQ(EPOLLIN, ev.events);
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_DEL, c->fd, NULL));
		if (i == 1) {
			EXPECT_EQ(0, receive(&self->act, 0));
		}
	}
	EXPECT_EQ(1, dropped(&small));
}

/* W-32: priorities of what remains and of what moved are right */
TEST_F(act, priorities)
{
	static const int prio[] = { 5, 5, 1, 1, 9, 9, 5, 1, 1, 9, -2, -2 };
	enum { N = KD_ARRAY_SIZE(prio) };
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	int i, round, last[2], seen[2];

	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, acquire(&self->s));
		/* every second one, all but every third one, the first half */
		for (i = 0; i < N; i++) {
			bool tied = round == 0 ? i % 2 :
				    round == 1 ? i % 3 : i < N / 2;

			if (tied)
				kd_msg_start_name(&b, NAME);
			else
				kd_msg_start(&b, self->s.id);
			b.msg.cookie = i;
			b.msg.priority = prio[i];
			ASSERT_EQ(0, kd_msg_send(&self->a, &b));
		}
		ASSERT_EQ(0, release(&self->s));
		seen[0] = 0;
		seen[1] = 0;
		for (i = 0; i < 2; i++) {
			const struct kd_conn *c = i ? &self->act : &self->s;
			int64_t previous = INT64_MIN;
			int r;

			last[i] = -1;
			for (;;) {
				const struct kdbus_msg *msg;

				r = kd_recv(c, KDBUS_RECV_USE_PRIORITY,
					    INT64_MAX, &cmd);
				if (r != 0)
					break;
				msg = kd_msg(c, cmd.msg.offset);
				EXPECT_LE(previous, msg->priority);
				if (previous == msg->priority) {
					EXPECT_LT(last[i], (int)msg->cookie);
				}
				EXPECT_EQ(prio[msg->cookie], msg->priority);
				previous = msg->priority;
				last[i] = msg->cookie;
				seen[i]++;
				ASSERT_EQ(0, kd_free(c, cmd.msg.offset));
			}
			EXPECT_EQ(-EAGAIN, r);
			EXPECT_EQ(0, empty(c));
		}
		EXPECT_EQ(N, seen[0] + seen[1]);
		EXPECT_EQ(round == 1 ? 8 : 6, seen[1]);
	}
}

/* W-32: and so is the order of plain RECV, after some were taken by priority */
TEST_F(act, priorities_and_order)
{
	static const int prio[] = { 5, 1, 9, 1, 5, 9 };
	static const uint64_t left[] = { 0, 2, 4, 5 };
	struct kdbus_cmd_recv cmd;
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(prio); i++) {
		kd_msg_start_name(&b, NAME);
		b.msg.cookie = i;
		b.msg.priority = prio[i];
		ASSERT_EQ(0, kd_msg_send(&self->a, &b));
	}
	for (i = 1; i < 4; i += 2) {
		ASSERT_EQ(0, kd_recv(&self->act, KDBUS_RECV_USE_PRIORITY, 4,
				     &cmd));
		EXPECT_EQ(i, kd_msg(&self->act, cmd.msg.offset)->cookie);
	}
	EXPECT_EQ(-EAGAIN, kd_recv(&self->act, KDBUS_RECV_USE_PRIORITY, 4,
				   &cmd));
	ASSERT_EQ(0, acquire(&self->s));
	for (i = 0; i < KD_ARRAY_SIZE(left); i++) {
		EXPECT_EQ(0, receive(&self->s, left[i]));
	}
	EXPECT_EQ(0, empty(&self->s));
}

/* META-5: the new owner sees what was selected for the starter */
TEST_F(act, metadata)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	struct kd_conn act;
	struct kd_block b;

	kd_hold_start(&b, KDBUS_HELLO_ACTIVATOR, OTHER);
	b.hello.attach_flags_recv = KDBUS_ATTACH_TIMESTAMP |
				    KDBUS_ATTACH_CREDS;
	ASSERT_EQ(0, kd_hello_block(&act, self->env.bus, &b));
	ASSERT_EQ(0, kd_send_name(&self->a, OTHER, 1));
	ASSERT_EQ(0, kd_name_acquire(&self->s, OTHER, 0, NULL));
	ASSERT_EQ(0, kd_recv(&self->s, 0, 0, &cmd));
	msg = kd_msg(&self->s, cmd.msg.offset);
	EXPECT_NE(NULL, kd_item(msg, KDBUS_ITEM_TIMESTAMP, 0));
	ASSERT_NE(NULL, kd_item(msg, KDBUS_ITEM_CREDS, 0));
	EXPECT_EQ(geteuid(), kd_item(msg, KDBUS_ITEM_CREDS, 0)->creds.euid);
	/* and what is sent from now on is selected for him */
	ASSERT_EQ(0, kd_send_name(&self->a, OTHER, 2));
	ASSERT_EQ(0, kd_recv(&self->s, 0, 0, &cmd));
	msg = kd_msg(&self->s, cmd.msg.offset);
	EXPECT_EQ(NULL, kd_item(msg, KDBUS_ITEM_TIMESTAMP, 0));
	EXPECT_EQ(NULL, kd_item(msg, KDBUS_ITEM_CREDS, 0));
}

/* W-50: an owner in other namespaces gets what he asked for and no more */
TEST_F(act, metadata_of_other_namespace)
{
	struct kd_conn act, c;
	struct kd_block b;
	int pid;

	kd_hold_start(&b, KDBUS_HELLO_ACTIVATOR, OTHER);
	kd_add_access(&b, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_OWN, 0);
	b.hello.attach_flags_recv = KDBUS_ATTACH_TIMESTAMP |
				    KDBUS_ATTACH_CREDS | KDBUS_ATTACH_PIDS;
	ASSERT_EQ(0, kd_hello_block(&act, self->env.bus, &b));
	ASSERT_EQ(0, kd_send_name(&self->a, OTHER, 1));
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		const struct kdbus_msg *msg;
		struct kdbus_cmd_recv cmd;

		ASSERT_EQ(0, unshare(CLONE_NEWUSER));
		ASSERT_EQ(0, kd_hello(&c, self->env.bus, 0,
				      KDBUS_ATTACH_TIMESTAMP, PAGE));
		ASSERT_EQ(0, kd_name_acquire(&c, OTHER, 0, NULL));
		ASSERT_EQ(0, kd_recv(&c, 0, 0, &cmd));
		msg = kd_msg(&c, cmd.msg.offset);
		EXPECT_EQ(1, msg->cookie);
		EXPECT_NE(NULL, kd_item(msg, KDBUS_ITEM_TIMESTAMP, 0));
		EXPECT_EQ(NULL, kd_item(msg, KDBUS_ITEM_CREDS, 0));
		EXPECT_EQ(NULL, kd_item(msg, KDBUS_ITEM_PIDS, 0));
		_exit(_metadata->exit_code);
	}
	EXPECT_EQ(0, kd_wait(pid));
}

/* H-7, ACT-5: an owner on a custom endpoint loses the name with that */
TEST_F(act, endpoint_goes)
{
	char name[32], path[KD_PATH_MAX];
	struct kd_block b;
	struct kd_conn c;
	int ep;

	kd_name(name, sizeof(name), "ep");
	snprintf(path, sizeof(path), "%s/%s", self->env.busdir, name);
	ep = kd_endpoint_make(self->env.bus, name, 0);
	ASSERT_LE(0, ep);
	kd_start(&b, sizeof(b.cmd));
	kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
	kd_add_access(&b, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_OWN, 0);
	ASSERT_EQ(0, kd_ioctl(ep, KDBUS_CMD_ENDPOINT_UPDATE, &b));
	ASSERT_EQ(0, kd_connect(&c, path));
	ASSERT_EQ(0, call_name(&self->a, NAME, 1, KD_FAR));
	ASSERT_EQ(0, call_name(&self->a, NAME, 2, KD_FAR));
	ASSERT_EQ(0, acquire(&c));
	ASSERT_EQ(0, receive(&c, 1));
	close(ep);
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 1));
	EXPECT_EQ(0, receive(&self->act, 2));
	EXPECT_EQ(0, empty(&self->a));
}

/* H-7: the end of the bus, with requests in every place */
TEST_F(act, bus_goes)
{
	ASSERT_EQ(0, call_name(&self->a, NAME, 1, KD_FAR));
	ASSERT_EQ(0, receive(&self->act, 1));
	ASSERT_EQ(0, call_name(&self->a, NAME, 2, KD_FAR));
	ASSERT_EQ(0, acquire(&self->s));
	ASSERT_EQ(0, call_name(&self->s, NAME, 3, KD_FAR));
	ASSERT_EQ(0, kd_name_acquire(&self->o, NAME, KDBUS_NAME_QUEUE, NULL));
	close(self->env.ctl);
	EXPECT_EQ(-ECONNRESET, empty(&self->a));
	EXPECT_EQ(-ECONNRESET, empty(&self->act));
	EXPECT_EQ(-ECONNRESET, release(&self->s));
}

struct caller {
	pthread_t thread;
	const struct kd_conn *conn;
	uint64_t cookie;
	size_t size;
	int result;
};

/* A synchronous call through the name. */
static void *call_sync(void *data)
{
	static const uint8_t payload[PAGE];
	struct caller *c = data;
	struct kdbus_cmd_send cmd;
	struct kd_block b;

	kd_call_start(&b, KDBUS_DST_ID_NAME, c->cookie, KD_FAR);
	kd_add_str(&b, KDBUS_ITEM_DST_NAME, NAME);
	kd_msg_vec(&b, payload, c->size);
	c->result = kd_call_sync(c->conn, &b, -1, &cmd);
	return NULL;
}

static int begin_call(struct caller *c, const struct kd_conn *conn,
		      uint64_t cookie, size_t size)
{
	*c = (struct caller){ .conn = conn, .cookie = cookie, .size = size };
	return -pthread_create(&c->thread, NULL, call_sync, c);
}

static int end_call(struct caller *c)
{
	pthread_join(c->thread, NULL);
	return c->result;
}

/* ACT-4, ACT-5: a caller that waits gets the reply of whoever owes it */
TEST_F(act, synchronous)
{
	struct caller c;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, begin_call(&c, &self->a, 7, 1));
		ASSERT_EQ(POLLIN, kd_poll(self->act.fd, POLLIN, KD_PATIENCE));
		if (i == 2) {
			ASSERT_EQ(0, receive(&self->act, 7));
		}
		ASSERT_EQ(0, acquire(&self->s));
		if (i == 1) {
			ASSERT_EQ(0, release(&self->s));
			ASSERT_EQ(0, acquire(&self->s));
		}
		if (i < 2) {
			EXPECT_EQ(0, receive(&self->s, 7));
		}
		/* W-13: the name is not needed any more */
		ASSERT_EQ(0, release(&self->s));
		EXPECT_EQ(0, kd_reply(&self->s, self->a.id, 7, "x", 1));
		EXPECT_EQ(0, end_call(&c));
		EXPECT_EQ(0, empty(&self->a));
	}
}

/* SYNC-3: EPIPE if the request is dropped, lost, or dies with a peer */
TEST_F(act, synchronous_failures)
{
	struct kd_conn small;
	struct caller c;
	int i;

	ASSERT_EQ(0, kd_hello(&small, self->env.bus, 0, 0, PAGE));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, begin_call(&c, &self->a, 7, i == 1 ? 2000 : 1));
		ASSERT_EQ(POLLIN, kd_poll(self->act.fd, POLLIN, KD_PATIENCE));
		if (i == 0) {
			ASSERT_EQ(0, kd_drop(&self->act));
		} else if (i == 1) {
			/* W-14 */
			ASSERT_EQ(0, acquire(&small));
			EXPECT_EQ(1, dropped(&small));
			EXPECT_EQ(-EBADSLT, kd_reply(&small, self->a.id, 7,
						     NULL, 0));
			ASSERT_EQ(0, release(&small));
		} else if (i == 2) {
			ASSERT_EQ(0, acquire(&self->s));
			ASSERT_EQ(0, receive(&self->s, 7));
			kd_close(&self->s);
		} else if (i == 3) {
			ASSERT_EQ(0, acquire(&self->o));
			ASSERT_EQ(0, kd_drop(&self->o));
			ASSERT_EQ(0, release(&self->o));
		} else {
			kd_close(&self->act);
		}
		EXPECT_EQ(-EPIPE, end_call(&c));
		/* SYNC-4: no notification besides */
		EXPECT_EQ(0, empty(&self->a));
	}
}

/*
 * Senders number their messages; the service comes and goes, sometimes with
 * the name, sometimes by closing. No message may be lost, doubled, or
 * overtaken by a later one of the same sender (ORD-2, ORD-6).
 */
#define SENDERS		2
#define PER_SENDER	120
#define WINDOW		25

struct traffic {
	const char *bus;
	uint64_t sent[SENDERS];
	uint64_t next[SENDERS];		/* expected by the service */
	int stop;
};

struct worker {
	pthread_t thread;
	struct traffic *t;
	struct kd_conn conn;
	int index;
	const char *error;
	int value;
};

static void *fail(struct worker *w, const char *error, int value)
{
	w->error = error;
	w->value = value;
	return NULL;
}

static uint64_t load(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void *send_numbered(void *data)
{
	struct worker *w = data;
	struct traffic *t = w->t;
	uint64_t n = 0;
	int r;

	while (n < PER_SENDER && !__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
		/* more than a queue can hold would be lost by right */
		if (n - load(&t->next[w->index]) >= WINDOW) {
			sched_yield();
			continue;
		}
		r = kd_send_name(&w->conn, NAME,
				 w->index * PER_SENDER + n);
		/* BYE-4: it was just going */
		if (r == -ECONNRESET)
			continue;
		if (r != 0)
			return fail(w, "send", r);
		__atomic_store_n(&t->sent[w->index], ++n, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Take up to max messages and compare them with what must come next. */
static int take(struct traffic *t, const struct kd_conn *c, int max)
{
	struct kdbus_cmd_recv cmd;
	uint64_t cookie, *next;
	int r, i;

	for (i = 0; i < max; i++) {
		r = kd_recv(c, 0, 0, &cmd);
		if (r != 0 && r != -EAGAIN)
			return r;
		if (cmd.dropped_msgs)
			return -EOVERFLOW;
		if (r == -EAGAIN)
			return i;
		cookie = kd_msg(c, cmd.msg.offset)->cookie;
		r = kd_free(c, cmd.msg.offset);
		if (r != 0)
			return r;
		if (cookie >= SENDERS * PER_SENDER)
			return -EPROTO;
		next = &t->next[cookie / PER_SENDER];
		if (*next != cookie % PER_SENDER)
			return -EBADE;
		__atomic_store_n(next, *next + 1, __ATOMIC_RELEASE);
	}
	return i;
}

/* ACT-4 to ACT-6, ORD-2, ORD-6: nothing lost, nothing twice, all in order */
TEST_F_TIMEOUT(act, race_of_messages, 300)
{
	struct traffic t = { .bus = self->env.bus };
	uint64_t until = kd_now() + KD_PATIENCE * KD_MS;
	struct worker w[SENDERS] = { 0 };
	unsigned int round;
	int i, r, total = 0;

	for (i = 0; i < SENDERS; i++) {
		w[i].t = &t;
		w[i].index = i;
		ASSERT_EQ(0, kd_connect(&w[i].conn, self->env.bus));
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, send_numbered,
					    &w[i]));
	}
	for (round = 0; total < SENDERS * PER_SENDER; round++) {
		ASSERT_EQ(0, acquire(&self->s));
		r = take(&t, &self->s, 1 + round % 7);
		EXPECT_LE(0, r);
		if (r < 0)
			break;
		total += r;
		if (r > 0)
			until = kd_now() + KD_PATIENCE * KD_MS;
		else
			sched_yield();
		/* what was not read goes back to the starter */
		if (round % 5 == 4) {
			kd_close(&self->s);
			ASSERT_EQ(0, kd_hello(&self->s, self->env.bus, 0, 0,
					      POOL));
		} else {
			ASSERT_EQ(0, release(&self->s));
		}
		/* something has been lost */
		if (kd_now() > until)
			break;
	}
	__atomic_store_n(&t.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < SENDERS; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(NULL, w[i].error) {
			TH_LOG("%s: %d", w[i].error, w[i].value);
		}
		EXPECT_EQ(PER_SENDER, t.next[i]);
	}
	EXPECT_EQ(0, empty(&self->s));
	EXPECT_EQ(0, empty(&self->act));
	TH_LOG("%u rounds", round);
}

/*
 * The same with calls. Each must have exactly one outcome, and it must be a
 * reply if and only if the service was told that its reply had been sent.
 */
#define CALLS		80
#define IN_FLIGHT	40

static uint8_t answered[SENDERS * CALLS];

struct asker {
	pthread_t thread;
	struct kd_conn conn;
	int first;
	uint8_t outcome[CALLS];		/* 1 reply, 2 anything else */
	int pending;
	int done;
	const char *error;
	int value;
};

static int take_outcome(struct asker *w)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	uint64_t n;
	int r;

	r = kd_recv(&w->conn, 0, 0, &cmd);
	if (r != 0)
		return r;
	msg = kd_msg(&w->conn, cmd.msg.offset);
	n = msg->cookie_reply - w->first - 1;
	if (n >= CALLS || w->outcome[n] || cmd.dropped_msgs)
		return -EPROTO;
	if (!msg->src_id && msg->items[0].type != DEAD)
		return -EPROTO;
	w->outcome[n] = msg->src_id ? 1 : 2;
	w->pending--;
	return kd_free(&w->conn, cmd.msg.offset);
}

static void *ask_all(void *data)
{
	struct asker *w = data;
	int i = 0, r;

	while (i < CALLS || w->pending) {
		if (i < CALLS && w->pending < IN_FLIGHT) {
			r = call_name(&w->conn, NAME, w->first + i + 1,
				      KD_NEVER);
			if (r == 0) {
				i++;
				w->pending++;
			} else if (r != -ECONNRESET) {
				w->error = "call";
				w->value = r;
				break;
			}
		} else if (kd_poll(w->conn.fd, POLLIN, KD_PATIENCE) != POLLIN) {
			w->error = "no outcome";
			w->value = w->pending;
			break;
		}
		do {
			r = take_outcome(w);
		} while (r == 0);
		if (r != -EAGAIN) {
			w->error = "receive";
			w->value = r;
			break;
		}
	}
	__atomic_store_n(&w->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Something happens to the oldest request of an owner. */
static int treat(const struct kd_conn *c, unsigned int n)
{
	struct kdbus_cmd_recv cmd;
	uint64_t src, cookie;
	int r;

	if (n % 9 == 8)
		return kd_drop(c);
	r = kd_recv(c, 0, 0, &cmd);
	if (r != 0)
		return r;
	src = kd_msg(c, cmd.msg.offset)->src_id;
	cookie = kd_msg(c, cmd.msg.offset)->cookie;
	r = kd_free(c, cmd.msg.offset);
	/* forgotten: it dies with this owner */
	if (r != 0 || n % 13 == 12)
		return r;
	if (cookie - 1 >= SENDERS * CALLS)
		return -EPROTO;
	r = kd_reply(c, src, cookie, NULL, 0);
	if (r == 0)
		answered[cookie - 1]++;
	return r;
}

/* ACT-4 to ACT-6, BYE-3, W-13, W-14: one outcome for every request */
TEST_F_TIMEOUT(act, race_of_calls, 300)
{
	static struct asker w[SENDERS];
	unsigned int n = 0, round;
	int i, k, r = 0, busy = SENDERS;

	for (i = 0; i < SENDERS; i++) {
		w[i].first = i * CALLS;
		ASSERT_EQ(0, kd_hello(&w[i].conn, self->env.bus, 0, 0, POOL));
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, ask_all,
					    &w[i]));
	}
	for (round = 0; busy; round++) {
		ASSERT_EQ(0, acquire(&self->s));
		for (k = round % 6; k >= 0 && r == 0; k--)
			r = treat(&self->s, n++);
		if (r == -EAGAIN)
			r = 0;
		if (r != 0)
			break;
		if (round % 4 == 3) {
			kd_close(&self->s);
			ASSERT_EQ(0, kd_hello(&self->s, self->env.bus, 0, 0,
					      POOL));
		} else {
			ASSERT_EQ(0, release(&self->s));
		}
		for (i = 0, busy = 0; i < SENDERS; i++)
			busy += !__atomic_load_n(&w[i].done, __ATOMIC_ACQUIRE);
		sched_yield();
	}
	EXPECT_EQ(0, r);
	kd_close(&self->s);
	kd_close(&self->act);
	for (i = 0; i < SENDERS; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(NULL, w[i].error) {
			TH_LOG("%s: %d", w[i].error, w[i].value);
		}
		EXPECT_EQ(0, empty(&w[i].conn));
		for (k = 0; k < CALLS; k++) {
			EXPECT_GE(1, answered[w[i].first + k]);
			EXPECT_EQ(answered[w[i].first + k] ? 1 : 2,
				  w[i].outcome[k]);
		}
	}
	TH_LOG("%u rounds", round);
}

TEST_HARNESS_MAIN
