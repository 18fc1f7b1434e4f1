// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replies: who may send one, what it answers, and that every call has exactly
 * one outcome, whoever races with whom (rules REPLY-2 to REPLY-4, SEND-11,
 * SYNC-3; section 38, W-11, W-31)
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define DEAD		KDBUS_ITEM_REPLY_DEAD
#define TIMEOUT		KDBUS_ITEM_REPLY_TIMEOUT
/* large enough for 256 small messages of one user */
#define POOL		(256 * 1024)
#define OTHER_USER	4711

FIXTURE(reply) {
	struct kd_env env;
	struct kd_conn a;	/* calls */
	struct kd_conn b;	/* is called */
	struct kd_conn c;	/* somebody else */
};

FIXTURE_SETUP(reply)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_hello(&self->a, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->b, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_hello(&self->c, self->env.bus, 0, 0, POOL));
}

FIXTURE_TEARDOWN(reply)
{
}

/* What a receive command finds: nothing, now. */
static int empty(const struct kd_conn *c)
{
	uint64_t cookie;

	return kd_recv_cookie(c, &cookie);
}

static int receive(const struct kd_conn *c, uint64_t expected)
{
	uint64_t cookie;
	int r = kd_recv_cookie(c, &cookie);

	return r ?: cookie == expected ? 0 : -EPROTO;
}

/* REPLY-2: nobody asked, or asked somebody else, or something else */
TEST_F(reply, not_asked)
{
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, 1, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->b.id, 1, NULL, 0));
	/* a plain message asks for nothing */
	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, 1, NULL, 0));

	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 1, KD_FAR));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->c, self->a.id, 1, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->a, self->a.id, 1, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->a, self->b.id, 1, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->c.id, 1, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, 2, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, ~0ULL, NULL, 0));
	/* SEND-7 */
	EXPECT_EQ(-ENXIO, kd_reply(&self->b, ~0ULL - 1, 1, NULL, 0));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	/* none of that has used the call up */
	EXPECT_EQ(0, kd_reply(&self->b, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 1));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* REPLY-2: once, before or after the request has been received */
TEST_F(reply, once)
{
	int i;

	for (i = 1; i < 3; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, i, KD_FAR));
		if (i == 2) {
			ASSERT_EQ(0, receive(&self->b, 1));
			ASSERT_EQ(0, receive(&self->b, 2));
		}
		EXPECT_EQ(0, kd_reply(&self->b, self->a.id, i, NULL, 0));
		EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, i, NULL,
					     0));
		EXPECT_EQ(0, receive(&self->a, i));
		EXPECT_EQ(-EAGAIN, empty(&self->a));
	}
}

/* REPLY-2: the flags decide what is a reply, not the cookie */
TEST_F(reply, call_with_cookie)
{
	struct kd_block b;

	/* timeout_ns and cookie_reply are one field */
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 1, 5));
	ASSERT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 1));
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 5, KD_FAR));
	kd_call_start(&b, self->a.id, 6, 5);
	EXPECT_EQ(0, kd_msg_send(&self->b, &b));
	EXPECT_EQ(0, receive(&self->a, 6));
	/* the two requests come first */
	EXPECT_EQ(0, receive(&self->b, 1));
	EXPECT_EQ(0, receive(&self->b, 5));
	EXPECT_EQ(0, kd_notice_of(&self->b, TIMEOUT, 6));
	EXPECT_EQ(0, kd_reply(&self->b, self->a.id, 5, NULL, 0));
}

/* REPLY-2, W-31: equal cookies are answered newest first */
TEST_F(reply, equal_cookies)
{
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, 7, KD_FAR));
	}
	/* the newest is answered: the one that is last in the queue */
	EXPECT_EQ(0, kd_reply(&self->b, self->a.id, 7, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 7));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 7));
	EXPECT_EQ(0, kd_reply(&self->b, self->a.id, 7, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 7));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, 7, NULL, 0));
	ASSERT_EQ(0, kd_drop(&self->b));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* REPLY-2: the callee chooses among equal cookies, too */
TEST_F(reply, equal_cookies_two_callees)
{
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 7, KD_FAR));
	ASSERT_EQ(0, kd_call(&self->a, self->c.id, 7, KD_FAR));
	EXPECT_EQ(0, kd_reply(&self->b, self->a.id, 7, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, 7, NULL, 0));
	EXPECT_EQ(0, kd_reply(&self->c, self->a.id, 7, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->c, self->a.id, 7, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 7));
	EXPECT_EQ(0, receive(&self->a, 7));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* REPLY-2: having been called is permission enough, exactly once */
TEST_F(reply, needs_no_policy)
{
	struct kd_conn d;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, setresuid(OTHER_USER, OTHER_USER, 0));
	ASSERT_EQ(0, kd_connect(&d, self->env.bus));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_EQ(0, kd_call(&self->a, d.id, 1, KD_FAR));
	ASSERT_EQ(0, setresuid(OTHER_USER, OTHER_USER, 0));
	EXPECT_EQ(-EPERM, kd_send(&d, self->a.id, 1, NULL, 0));
	EXPECT_EQ(-EPERM, kd_call(&d, self->a.id, 1, KD_FAR));
	EXPECT_EQ(0, kd_reply(&d, self->a.id, 1, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&d, self->a.id, 1, NULL, 0));
	EXPECT_EQ(-EPERM, kd_send(&d, self->a.id, 1, NULL, 0));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	EXPECT_EQ(0, receive(&self->a, 1));
}

/* Section 38, W-11: what cannot be queued is told to both, and that is it */
TEST_F(reply, cannot_be_queued)
{
	static const uint8_t data[POOL];
	struct kd_block b;
	int i;

	for (i = 1; i < 4; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, i, KD_FAR));
	}
	/* more than a third of half the pool */
	EXPECT_EQ(-ENOBUFS, kd_reply(&self->b, self->a.id, 1, data,
				     POOL / 6));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 1));
	/* not readable */
	kd_msg_start(&b, self->a.id);
	b.msg.cookie_reply = 2;
	kd_msg_vec(&b, kd_guard(1, PROT_NONE), 1);
	EXPECT_EQ(-EFAULT, kd_msg_send(&self->b, &b));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, 2, NULL, 0));
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 2));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	/* 256 messages of that user wait already */
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, kd_send(&self->c, self->a.id, 9, NULL, 0));
	}
	EXPECT_EQ(-ENOBUFS, kd_reply(&self->b, self->a.id, 3, NULL, 0));
	EXPECT_EQ(-EBADSLT, kd_reply(&self->b, self->a.id, 3, NULL, 0));
	for (i = 0; i < KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, receive(&self->a, 9));
	}
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, 3));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* SEND-1: a reply that is refused as such uses nothing up */
TEST_F(reply, malformed)
{
	struct kd_block b;

	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 1, KD_FAR));
	kd_msg_start(&b, self->a.id);
	b.msg.cookie_reply = 1;
	b.msg.payload_type = KDBUS_PAYLOAD_KERNEL;
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->b, &b));
	b.msg.payload_type = KDBUS_PAYLOAD_DBUS;
	b.msg.src_id = self->a.id;
	EXPECT_EQ(-EINVAL, kd_msg_send(&self->b, &b));
	b.msg.src_id = 0;
	kd_msg_vec(&b, &b, KD_VEC_MAX + 1);
	EXPECT_EQ(-EMSGSIZE, kd_msg_send(&self->b, &b));
	EXPECT_EQ(0, kd_reply(&self->b, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 1));
}

/* REPLY-4: the reply races with the deadline */
TEST_F_TIMEOUT(reply, race_with_deadline, 120)
{
	enum { N = 150 };
	uint64_t deadline, until, cookie, when;
	int i, r, answered = 0;

	for (i = 0; i < N; i++) {
		deadline = kd_now() + 8 * KD_MS;
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, i + 1, deadline));
		/* the work of the kernel runs up to two ticks later */
		until = deadline + (i % 10) * KD_MS;
		while (kd_now() < until)
			;
		r = kd_reply(&self->b, self->a.id, i + 1, NULL, 0);
		if (r == 0) {
			EXPECT_EQ(0, receive(&self->a, i + 1));
			answered++;
		} else {
			ASSERT_EQ(-EBADSLT, r);
			ASSERT_EQ(0, kd_notice(&self->a, TIMEOUT, &cookie,
					       &when));
			EXPECT_EQ(i + 1, cookie);
			EXPECT_LE(deadline, when);
		}
		ASSERT_EQ(0, kd_drop(&self->b));
	}
	/* an outcome too many would be here by now */
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 999, KD_PAST));
	EXPECT_EQ(0, kd_notice_of(&self->a, TIMEOUT, 999));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	TH_LOG("%d of %d answered", answered, N);
}

/*
 * Everything at once. Callers number their calls; callees answer, answer
 * twice, drop, forget, or go away and come back. Afterwards every call must
 * have had one outcome, and it must be the one that the callee was told.
 */
#define CALLERS		3
#define CALLEES		2
#define CALLS		300
#define IN_FLIGHT	40

enum { NONE, REPLY, OTHER };

struct shared {
	const char *bus;
	uint64_t callees[CALLEES];
	uint8_t answered[CALLERS * CALLS];
	int stop;
};

struct caller {
	pthread_t thread;
	struct shared *shared;
	struct kd_conn conn;
	unsigned int first;
	unsigned int pending;
	unsigned int counts[3];
	uint8_t sent[CALLS];
	uint8_t outcome[CALLS];
	const char *error;
	int value;
};

struct callee {
	pthread_t thread;
	struct shared *shared;
	int index;
	const char *error;
	int value;
};

static void *fail(const char **error, int *value, const char *text, int r)
{
	*error = text;
	*value = r;
	return NULL;
}

static bool set_outcome(struct caller *w, uint64_t cookie, uint8_t outcome)
{
	uint64_t i = cookie - w->first - 1;

	if (i >= CALLS || !w->sent[i] || w->outcome[i] != NONE)
		return false;
	w->outcome[i] = outcome;
	w->counts[outcome]++;
	w->pending--;
	return true;
}

/* Receive one outcome of an asynchronous call. */
static int take_outcome(struct caller *w)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	uint64_t cookie;
	bool is_reply;
	int r;

	r = kd_recv(&w->conn, 0, 0, &cmd);
	if (r != 0)
		return r;
	if (cmd.return_flags)
		return -ENODATA;
	msg = kd_msg(&w->conn, cmd.msg.offset);
	cookie = msg->cookie_reply;
	is_reply = msg->src_id != 0;
	r = kd_free(&w->conn, cmd.msg.offset);
	if (r == 0 && !set_outcome(w, cookie, is_reply ? REPLY : OTHER))
		r = -EEXIST;
	return r;
}

/* One call, synchronous or not; the time it has varies, too. */
static int make_call(struct caller *w, unsigned int i)
{
	static const unsigned int ms[] = { 0, 1, 5, 20, 200 };
	uint64_t dst = __atomic_load_n(&w->shared->callees[i % CALLEES],
				       __ATOMIC_ACQUIRE);
	struct kdbus_cmd_send cmd;
	struct kd_block b;
	bool answer;
	int r;

	kd_call_start(&b, dst, w->first + i + 1,
		      kd_now() + ms[i % KD_ARRAY_SIZE(ms)] * KD_MS);
	w->sent[i] = 1;
	w->pending++;
	r = i % 3 ? kd_msg_send(&w->conn, &b) :
		    kd_call_sync(&w->conn, &b, -1, &cmd);
	if (i % 3 && r == 0)
		return 0;
	if (r == -ENXIO || r == -ENOBUFS || r == -ECONNRESET) {
		w->sent[i] = 0;		/* never got away */
		w->pending--;
		return 0;
	}
	if (i % 3 || (r != 0 && r != -ETIMEDOUT && r != -EPIPE))
		return r;
	answer = r == 0;
	if (answer) {
		uint64_t got = kd_msg(&w->conn, cmd.reply.offset)->cookie_reply;

		r = kd_free(&w->conn, cmd.reply.offset);
		if (r != 0 || got != w->first + i + 1)
			return r ?: -EPROTO;
	}
	return set_outcome(w, w->first + i + 1, answer ? REPLY : OTHER) ?
	       0 : -EEXIST;
}

static void *call_all(void *data)
{
	struct caller *w = data;
	unsigned int i = 0;
	int r;

	while (i < CALLS || w->pending) {
		if (i < CALLS && w->pending < IN_FLIGHT) {
			r = make_call(w, i++);
			if (r != 0)
				return fail(&w->error, &w->value, "call", r);
		} else if (kd_poll(w->conn.fd, POLLIN, KD_PATIENCE) != POLLIN) {
			return fail(&w->error, &w->value, "no outcome",
				    w->pending);
		}
		do {
			r = take_outcome(w);
		} while (r == 0);
		if (r != -EAGAIN)
			return fail(&w->error, &w->value, "receive", r);
	}
	return NULL;
}

/* Do something with the request that came as number n. */
static int treat(struct callee *w, const struct kd_conn *c, unsigned int n)
{
	uint64_t src, cookie;
	struct kdbus_cmd_recv cmd;
	int r;

	if (n % 11 == 3)
		return kd_drop(c);
	r = kd_recv(c, 0, 0, &cmd);
	if (r != 0)
		return r;
	src = kd_msg(c, cmd.msg.offset)->src_id;
	cookie = kd_msg(c, cmd.msg.offset)->cookie;
	r = kd_free(c, cmd.msg.offset);
	if (r != 0 || n % 7 == 5)
		return r;

	if (cookie - 1 >= CALLERS * CALLS)
		return -EPROTO;
	r = kd_reply(c, src, cookie, "answer", 6);
	if (r == 0)
		__atomic_store_n(&w->shared->answered[cookie - 1], 1,
				 __ATOMIC_RELEASE);
	else if (r != -EBADSLT)
		return r;
	if (n % 5 == 0 && kd_reply(c, src, cookie, NULL, 0) != -EBADSLT)
		return -EEXIST;
	return 0;
}

static void *answer_all(void *data)
{
	struct callee *w = data;
	unsigned int n = 0;
	struct kd_conn c;
	int r;

	do {
		r = kd_connect(&c, w->shared->bus);
		if (r != 0)
			return fail(&w->error, &w->value, "connect", r);
		__atomic_store_n(&w->shared->callees[w->index], c.id,
				 __ATOMIC_RELEASE);
		/* goes after a while, with whatever it owes */
		while (++n % 64 &&
		       !__atomic_load_n(&w->shared->stop, __ATOMIC_RELAXED)) {
			if (kd_poll(c.fd, POLLIN, 10) != POLLIN)
				continue;
			r = treat(w, &c, n);
			if (r != 0)
				break;
		}
		kd_close(&c);
		if (r != 0)
			return fail(&w->error, &w->value, "treat", r);
	} while (!__atomic_load_n(&w->shared->stop, __ATOMIC_RELAXED));
	return NULL;
}

/* REPLY-4, SYNC-2: one outcome each, the one the callee was told */
TEST_F_TIMEOUT(reply, one_outcome_each, 300)
{
	static struct caller callers[CALLERS];
	static struct callee callees[CALLEES];
	static struct shared shared;
	unsigned int counts[3] = { 0 };
	int i, n;

	shared.bus = self->env.bus;
	for (i = 0; i < CALLEES; i++) {
		callees[i].shared = &shared;
		callees[i].index = i;
		ASSERT_EQ(0, pthread_create(&callees[i].thread, NULL,
					    answer_all, &callees[i]));
		while (!__atomic_load_n(&shared.callees[i], __ATOMIC_ACQUIRE))
			sched_yield();
	}
	for (i = 0; i < CALLERS; i++) {
		callers[i].shared = &shared;
		callers[i].first = i * CALLS;
		ASSERT_EQ(0, kd_connect(&callers[i].conn, self->env.bus));
		ASSERT_EQ(0, pthread_create(&callers[i].thread, NULL, call_all,
					    &callers[i]));
	}
	for (i = 0; i < CALLERS; i++)
		pthread_join(callers[i].thread, NULL);
	__atomic_store_n(&shared.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < CALLEES; i++) {
		pthread_join(callees[i].thread, NULL);
		EXPECT_EQ(NULL, callees[i].error) {
			TH_LOG("%s: %d", callees[i].error, callees[i].value);
		}
	}
	for (i = 0; i < CALLERS; i++) {
		EXPECT_EQ(NULL, callers[i].error) {
			TH_LOG("%s: %d", callers[i].error, callers[i].value);
		}
		/* all callees are gone: what was to come has come */
		EXPECT_EQ(-EAGAIN, empty(&callers[i].conn));
		for (n = 0; n < CALLS; n++) {
			EXPECT_EQ(shared.answered[callers[i].first + n],
				  callers[i].outcome[n] == REPLY);
			EXPECT_EQ(callers[i].sent[n],
				  callers[i].outcome[n] != NONE);
		}
		counts[REPLY] += callers[i].counts[REPLY];
		counts[OTHER] += callers[i].counts[OTHER];
		/* every place is free again, and the pool whole */
		for (n = 0; n < KD_CALLS_MAX; n++) {
			ASSERT_EQ(0, kd_call(&callers[i].conn, self->b.id, n,
					     KD_FAR));
		}
		ASSERT_EQ(0, kd_byebye(&callers[i].conn));
		while (kd_drop(&self->b) == 0)
			;
	}
	TH_LOG("%u answered, %u ended otherwise", counts[REPLY],
	       counts[OTHER]);
	EXPECT_LT(0, counts[REPLY]);
	EXPECT_LT(0, counts[OTHER]);
}

TEST_HARNESS_MAIN
