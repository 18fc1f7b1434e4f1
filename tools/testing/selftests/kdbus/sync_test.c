// SPDX-License-Identifier: GPL-2.0-only
/*
 * Synchronous calls: what ends the wait, and what an interrupted one leaves
 * behind (rules SYNC-1 to SYNC-7; W-10, W-12, W-33, W-48, W-62)
 *
 * The caller is a thread of its own. Once its request can be received it is in
 * the system call and will see every event that comes, waiting or not yet.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define DEAD		KDBUS_ITEM_REPLY_DEAD
#define COOKIE		500

/**
 * struct caller - a synchronous call in a thread of its own
 * @thread: the thread
 * @conn: who calls
 * @msg: the message
 * @cancel: CANCEL_FD or -1
 * @result: of the call
 * @cmd: what it returned
 * @ended: the two are there
 */
struct caller {
	pthread_t thread;
	const struct kd_conn *conn;
	struct kd_block msg;
	int cancel;
	int result;
	struct kdbus_cmd_send cmd;
	bool ended;
};

static unsigned int signals;

static void on_signal(int sig)
{
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELEASE);
}

static void handle_signals(int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };

	sigaction(SIGUSR1, &sa, NULL);
}

static void *call_thread(void *data)
{
	struct caller *w = data;

	w->result = kd_call_sync(w->conn, &w->msg, w->cancel, &w->cmd);
	__atomic_store_n(&w->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * Call, and come back when the callee can receive the request. The result of
 * the call if it ended without one.
 */
static int start(struct caller *w, const struct kd_conn *from,
		 const struct kd_conn *to, uint64_t deadline, int cancel)
{
	bool ended = false;
	int i, r = 0;

	w->conn = from;
	w->cancel = cancel;
	w->ended = false;
	kd_call_start(&w->msg, to->id, COOKIE, deadline);
	kd_msg_vec(&w->msg, "request", 7);
	if (pthread_create(&w->thread, NULL, call_thread, w) != 0)
		return -EAGAIN;
	for (i = 0; i < KD_PATIENCE && !r && !ended; i += 20) {
		ended = __atomic_load_n(&w->ended, __ATOMIC_ACQUIRE);
		r = kd_poll(to->fd, POLLIN, ended ? 0 : 20);
	}
	if (r)
		return r == POLLIN ? 0 : r;
	return ended ? w->result : -ETIME;
}

static int finish(struct caller *w)
{
	pthread_join(w->thread, NULL);
	return w->result;
}

/*
 * Call with a deadline so many milliseconds away, which is returned. On a slow
 * machine it may be over before the call is made, which sends nothing then
 * (W-39): once more, with twice the time.
 */
static int start_within(struct caller *w, const struct kd_conn *from,
			const struct kd_conn *to, unsigned int ms,
			uint64_t *deadline, int cancel)
{
	int r;

	for (;; ms *= 2) {
		*deadline = kd_now() + ms * KD_MS;
		r = start(w, from, to, *deadline, cancel);
		if (r != -ETIMEDOUT)
			return r;
		finish(w);
	}
}

/* The same call again, from this thread. */
static int resume(struct caller *w, uint64_t deadline, int cancel)
{
	w->msg.msg.timeout_ns = deadline;
	return kd_call_sync(w->conn, &w->msg, cancel, &w->cmd);
}

/* Interrupt the caller: the call is sent and left alone. */
static int interrupt(struct caller *w)
{
	pthread_kill(w->thread, SIGUSR1);
	return finish(w);
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

/* Take the reply that a call has returned: its cookie and size, and FREE. */
static int take(const struct kd_conn *c, const struct kdbus_cmd_send *cmd,
		const char *text)
{
	const struct kdbus_msg *msg = kd_msg(c, cmd->reply.offset);
	size_t len = strlen(text);

	if (cmd->reply.return_flags || msg->cookie_reply != COOKIE ||
	    msg->size != 96 || cmd->reply.msg_size != KD_ALIGN8(96 + len) ||
	    memcmp((const uint8_t *)msg + 96, text, len) != 0)
		return -EPROTO;
	return kd_free(c, cmd->reply.offset);
}

static int answer(const struct kd_conn *from, const struct kd_conn *to,
		  const char *text)
{
	return kd_reply(from, to->id, COOKIE, text, strlen(text));
}

static int readable_event(void)
{
	return eventfd(1, EFD_CLOEXEC);
}

FIXTURE(sync) {
	struct kd_env env;
	struct kd_conn a;	/* calls */
	struct kd_conn b;	/* is called */
	struct caller w;
};

FIXTURE_SETUP(sync)
{
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
	handle_signals(0);
}

FIXTURE_TEARDOWN(sync)
{
}

/* SYNC-3, SEND-3: where the reply is, and that it passes no queue */
TEST_F(sync, reply)
{
	const struct kdbus_msg *msg;
	struct kd_block copy;
	uint64_t deadline = KD_FAR;

	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, deadline, -1));
	memcpy(&copy, &self->w.msg, sizeof(copy));
	EXPECT_EQ(deadline, kd_msg(&self->b, 0)->timeout_ns);
	EXPECT_EQ(KDBUS_MSG_EXPECT_REPLY, kd_msg(&self->b, 0)->flags);
	ASSERT_EQ(0, receive(&self->b, COOKIE));
	EXPECT_EQ(0, kd_poll(self->a.fd, POLLIN, 0));
	ASSERT_EQ(0, answer(&self->b, &self->a, "reply"));
	EXPECT_EQ(0, kd_poll(self->a.fd, POLLIN, 0));
	ASSERT_EQ(0, finish(&self->w));
	EXPECT_EQ(0, kd_poll(self->a.fd, POLLIN, 0));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	EXPECT_EQ(0, memcmp(&copy, &self->w.msg, sizeof(copy)));

	EXPECT_EQ(104, self->w.cmd.reply.msg_size);
	EXPECT_EQ(0, self->w.cmd.reply.return_flags);
	ASSERT_GT(KD_POOL, self->w.cmd.reply.offset);
	msg = kd_msg(&self->a, self->w.cmd.reply.offset);
	EXPECT_EQ(96, msg->size);
	EXPECT_EQ(0, msg->flags);
	EXPECT_EQ(self->b.id, msg->src_id);
	EXPECT_EQ(self->a.id, msg->dst_id);
	EXPECT_EQ(COOKIE, msg->cookie_reply);
	EXPECT_EQ(0, memcmp((const uint8_t *)msg + 96, "reply", 5));
	EXPECT_EQ(0, kd_free(&self->a, self->w.cmd.reply.offset));
	EXPECT_EQ(-ENXIO, kd_free(&self->a, self->w.cmd.reply.offset));

	EXPECT_EQ(-EBADSLT, answer(&self->b, &self->a, "reply"));
	EXPECT_EQ(0, kd_byebye(&self->a));
}

/* QUOTA-1: what was handed over is charged to nobody */
TEST_F(sync, reply_is_uncharged)
{
	int i;

	for (i = 0; i < 2 * KD_QUEUE_MAX; i++) {
		ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
		ASSERT_EQ(0, receive(&self->b, COOKIE));
		ASSERT_EQ(0, answer(&self->b, &self->a, "reply"));
		ASSERT_EQ(0, finish(&self->w));
		/* some are kept */
		if (i % 8) {
			ASSERT_EQ(0, take(&self->a, &self->w.cmd, "reply"));
		}
	}
}

/* SEND-13, W-39: a deadline that is over: nothing is sent */
TEST_F(sync, past_deadline)
{
	struct kdbus_cmd_send cmd;
	struct kd_block b;

	kd_call_start(&b, self->b.id, COOKIE, KD_PAST);
	EXPECT_EQ(-ETIMEDOUT, kd_call_sync(&self->a, &b, -1, &cmd));
	b.msg.timeout_ns = kd_now();
	EXPECT_EQ(-ETIMEDOUT, kd_call_sync(&self->a, &b, -1, &cmd));
	/* before anything about the destination, after what the header says */
	b.msg.dst_id = ~0ULL - 1;
	EXPECT_EQ(-ETIMEDOUT, kd_call_sync(&self->a, &b, -1, &cmd));
	b.msg.payload_type = KDBUS_PAYLOAD_KERNEL;
	EXPECT_EQ(-EINVAL, kd_call_sync(&self->a, &b, -1, &cmd));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	EXPECT_EQ(-EBADSLT, answer(&self->b, &self->a, "late"));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* SYNC-2, SYNC-4, SYNC-5: the deadline is reached, with CANCEL_FD or not */
TEST_F(sync, deadline)
{
	int i, cancel = eventfd(0, EFD_CLOEXEC);
	uint64_t deadline;

	for (i = 0; i < 6; i++) {
		ASSERT_EQ(0, start_within(&self->w, &self->a, &self->b,
					  100 + 3 * i, &deadline,
					  i % 2 ? cancel : -1));
		EXPECT_EQ(-ETIMEDOUT, finish(&self->w));
		EXPECT_LE(deadline, kd_now());
		/* the request was sent and is still there */
		EXPECT_EQ(0, receive(&self->b, COOKIE));
		EXPECT_EQ(-EBADSLT, answer(&self->b, &self->a, "late"));
	}
	kd_close(&self->b);
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* Section 38: 2^63 and above never expires */
TEST_F(sync, no_deadline)
{
	const uint64_t never[] = { ~0ULL, 1ULL << 63, (1ULL << 63) - 1 };
	int cancel = eventfd(0, EFD_CLOEXEC);
	size_t i;

	for (i = 0; i < 2 * KD_ARRAY_SIZE(never); i++) {
		ASSERT_EQ(0, start(&self->w, &self->a, &self->b, never[i / 2],
				   i % 2 ? cancel : -1));
		ASSERT_EQ(0, receive(&self->b, COOKIE));
		/* let it sleep for a while */
		kd_poll(self->a.fd, POLLIN, 50);
		EXPECT_EQ(0, answer(&self->b, &self->a, "reply"));
		ASSERT_EQ(0, finish(&self->w));
		EXPECT_EQ(0, take(&self->a, &self->w.cmd, "reply"));
	}
}

/* SYNC-3, SYNC-4, W-12: the peer goes, the request received or not */
TEST_F(sync, peer_closes)
{
	int i, cancel = eventfd(0, EFD_CLOEXEC);
	struct kd_conn c;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, kd_connect(&c, self->env.bus));
		ASSERT_EQ(0, start(&self->w, &self->a, &c, KD_FAR,
				   i / 2 ? cancel : -1));
		if (i % 2) {
			ASSERT_EQ(0, receive(&c, COOKIE));
		}
		kd_close(&c);
		EXPECT_EQ(-EPIPE, finish(&self->w));
		EXPECT_EQ(-EAGAIN, empty(&self->a));
	}
}

/* SYNC-3, RECV-8: the peer drops the request */
TEST_F(sync, peer_drops)
{
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(-EPIPE, finish(&self->w));
	EXPECT_EQ(-EBADSLT, answer(&self->b, &self->a, "late"));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	kd_close(&self->b);
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* SYNC-3: the replier's error, and that there is only one */
TEST_F(sync, reply_cannot_be_queued)
{
	static const uint8_t data[KD_POOL];
	struct kd_block b;
	int i;

	/* more than a third of half the pool */
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	EXPECT_EQ(-ENOBUFS, kd_reply(&self->b, self->a.id, COOKIE, data,
				     KD_POOL / 6));
	EXPECT_EQ(-ENOBUFS, finish(&self->w));
	EXPECT_EQ(-EBADSLT, answer(&self->b, &self->a, "again"));
	ASSERT_EQ(0, receive(&self->b, COOKIE));

	/* not readable */
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	kd_msg_start(&b, self->a.id);
	b.msg.cookie_reply = COOKIE;
	kd_msg_vec(&b, kd_guard(1, PROT_NONE), 1);
	EXPECT_EQ(-EFAULT, kd_msg_send(&self->b, &b));
	EXPECT_EQ(-EFAULT, finish(&self->w));
	ASSERT_EQ(0, receive(&self->b, COOKIE));

	/* no room: replies are not freed */
	for (i = 0; i < KD_POOL / 8192; i++) {
		struct kdbus_cmd_recv cmd;

		ASSERT_EQ(0, kd_send(&self->b, self->a.id, 1, data,
				     8192 - 96));
		ASSERT_EQ(0, kd_recv(&self->a, 0, 0, &cmd));
	}
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	EXPECT_EQ(-EXFULL, answer(&self->b, &self->a, "reply"));
	EXPECT_EQ(-EXFULL, finish(&self->w));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* BYE-2: the own connection goes, by another thread */
TEST_F(sync, byebye)
{
	int i, cancel = eventfd(0, EFD_CLOEXEC);
	struct kd_conn c;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, kd_connect(&c, self->env.bus));
		ASSERT_EQ(0, start(&self->w, &c, &self->b, KD_FAR,
				   i % 2 ? cancel : -1));
		if (i / 2) {
			/* give it time to sleep */
			kd_poll(c.fd, POLLIN, 50);
		}
		ASSERT_EQ(0, kd_byebye(&c));
		EXPECT_EQ(-ECONNRESET, finish(&self->w));
		ASSERT_EQ(0, receive(&self->b, COOKIE));
		EXPECT_EQ(-ENXIO, answer(&self->b, &c, "late"));
		kd_close(&c);
	}
}

/* H-7: a call in progress keeps its connection from being closed */
TEST_F(sync, close_in_use)
{
	struct kd_conn c;

	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	ASSERT_EQ(0, start(&self->w, &c, &self->b, KD_FAR, -1));
	close(c.fd);
	ASSERT_EQ(0, answer(&self->b, &c, "reply"));
	EXPECT_EQ(0, finish(&self->w));
	EXPECT_EQ(0, memcmp(c.pool + self->w.cmd.reply.offset + 96, "reply",
			    5));
}

/* BYE-2, H-7: the bus ends */
TEST_F(sync, bus_ends)
{
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	close(self->env.ctl);
	EXPECT_EQ(-ECONNRESET, finish(&self->w));
}

/* BYE-2: the same with a descriptor that might cancel */
TEST_F(sync, bus_ends_with_cancel)
{
	int cancel = eventfd(0, EFD_CLOEXEC);

	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, cancel));
	close(self->env.ctl);
	EXPECT_EQ(-ECONNRESET, finish(&self->w));
}

/* SYNC-2, W-33: CANCEL_FD readable before and during; the message is sent */
TEST_F(sync, cancel)
{
	int i, cancel;
	uint64_t one = 1;

	for (i = 0; i < 6; i++) {
		cancel = i ? eventfd(0, EFD_CLOEXEC) : readable_event();
		ASSERT_LE(0, cancel);
		ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR,
				   cancel));
		if (i % 2) {
			/* give it time to sleep */
			kd_poll(self->a.fd, POLLIN, 50);
		}
		if (i) {
			ASSERT_EQ(8, write(cancel, &one, 8));
		}
		EXPECT_EQ(-ECANCELED, finish(&self->w));
		EXPECT_EQ(0, receive(&self->b, COOKIE));
		EXPECT_EQ(-EBADSLT, answer(&self->b, &self->a, "late"));
		close(cancel);
	}
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	kd_close(&self->b);
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* SYNC-2: POLLHUP or POLLERR alone do not cancel, before or during */
TEST_F(sync, hangup_does_not_cancel)
{
	int i, end, p[2];
	uint64_t deadline;

	for (i = 0; i < 4; i++) {
		end = i % 2;
		ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
		if (i < 2) {
			close(p[!end]);
		}
		ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR,
				   p[end]));
		if (i >= 2) {
			kd_poll(self->a.fd, POLLIN, 50);
			close(p[!end]);
		}
		EXPECT_EQ(end ? POLLERR : POLLHUP, kd_poll(p[end], 0, 0));
		ASSERT_EQ(0, answer(&self->b, &self->a, "reply"));
		EXPECT_EQ(0, finish(&self->w));
		EXPECT_EQ(0, take(&self->a, &self->w.cmd, "reply"));
		ASSERT_EQ(0, receive(&self->b, COOKIE));
		close(p[end]);
	}
	/* and the deadline still counts */
	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	close(p[1]);
	ASSERT_EQ(0, start_within(&self->w, &self->a, &self->b, 100, &deadline,
				  p[0]));
	EXPECT_EQ(-ETIMEDOUT, finish(&self->w));
}

/* H-4: a connection is a file like any other, even the own one */
TEST_F(sync, cancel_by_connection)
{
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, self->a.fd));
	ASSERT_EQ(0, kd_send(&self->b, self->a.id, 1, NULL, 0));
	EXPECT_EQ(-ECANCELED, finish(&self->w));
	EXPECT_EQ(0, receive(&self->a, 1));
}

/* SEND-1.4: descriptors that are none, or cannot be polled */
TEST_F(sync, bad_cancel)
{
	int closed = dup(0), path = open("/", O_PATH | O_CLOEXEC);
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct kdbus_cmd_send cmd;
	struct kd_block b, c;
	int i, fds[4];

	fds[3] = readable_event();
	close(closed);
	ASSERT_LE(0, path);
	ASSERT_LE(0, dir);
	kd_call_start(&b, self->b.id, COOKIE, KD_FAR);
	EXPECT_EQ(-EBADF, kd_call_sync(&self->a, &b, closed, &cmd));
	EXPECT_EQ(-EBADF, kd_call_sync(&self->a, &b, path, &cmd));
	EXPECT_EQ(-EINVAL, kd_call_sync(&self->a, &b, dir, &cmd));
	/* before the deadline and all that the header says */
	b.msg.timeout_ns = KD_PAST;
	EXPECT_EQ(-EBADF, kd_call_sync(&self->a, &b, closed, &cmd));
	b.msg.payload_type = KDBUS_PAYLOAD_KERNEL;
	EXPECT_EQ(-EINVAL, kd_call_sync(&self->a, &b, dir, &cmd));
	EXPECT_EQ(-EBADF, kd_call_sync(&self->a, &b, closed, &cmd));

	/* also without SYNC_REPLY, where a good one does not matter */
	fds[0] = -1;
	fds[1] = closed;
	fds[2] = dir;
	for (i = 0; i < 4; i++) {
		kd_call_start(&b, self->b.id, COOKIE, KD_FAR);
		kd_start(&c, sizeof(c.send));
		c.send.msg_address = (uintptr_t)&b;
		kd_add(&c, KDBUS_ITEM_CANCEL_FD, &fds[i], sizeof(int));
		EXPECT_EQ(i < 2 ? -EBADF : i < 3 ? -EINVAL : 0,
			  kd_ioctl(self->a.fd, KDBUS_CMD_SEND, &c));
	}
	EXPECT_EQ(0, receive(&self->b, COOKIE));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SEND-8: what prevents a call from being sent */
TEST_F(sync, refused)
{
	struct kdbus_cmd_send cmd;
	struct kd_block b;
	int i;

	kd_call_start(&b, ~0ULL - 1, COOKIE, KD_FAR);
	for (i = 0; i < 2 * KD_CALLS_MAX; i++) {
		ASSERT_EQ(-ENXIO, kd_call_sync(&self->a, &b, -1, &cmd));
	}
	kd_call_start(&b, self->b.id, COOKIE, KD_FAR);
	kd_msg_vec(&b, kd_guard(1, PROT_NONE), 1);
	for (i = 0; i < 2 * KD_CALLS_MAX; i++) {
		ASSERT_EQ(-EFAULT, kd_call_sync(&self->a, &b, -1, &cmd));
	}
	/* REPLY-1: the same 128, one of them interrupted */
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(-EINTR, interrupt(&self->w));
	for (i = 1; i < KD_CALLS_MAX; i++) {
		ASSERT_EQ(0, kd_call(&self->a, self->b.id, i, KD_FAR));
	}
	EXPECT_EQ(-EMLINK, kd_call(&self->a, self->b.id, 999, KD_FAR));
	kd_call_start(&b, self->b.id, 999, KD_FAR);
	EXPECT_EQ(-EMLINK, kd_call_sync(&self->a, &b, -1, &cmd));
	b.msg.timeout_ns = KD_PAST;
	EXPECT_EQ(-ETIMEDOUT, kd_call_sync(&self->a, &b, -1, &cmd));
	/* SYNC-1: EMLINK is not asked of the one that is resumed */
	ASSERT_EQ(0, answer(&self->b, &self->a, "reply"));
	EXPECT_EQ(-EMLINK, kd_call(&self->a, self->b.id, 999, KD_FAR));
	EXPECT_EQ(0, resume(&self->w, KD_FAR, -1));
	EXPECT_EQ(0, kd_call(&self->a, self->b.id, 999, KD_FAR));
}

/* SEND-7: calling oneself: another thread answers, drops, leaves */
TEST_F(sync, self)
{
	ASSERT_EQ(0, start(&self->w, &self->a, &self->a, KD_FAR, -1));
	ASSERT_EQ(0, receive(&self->a, COOKIE));
	ASSERT_EQ(0, answer(&self->a, &self->a, "reply"));
	ASSERT_EQ(0, finish(&self->w));
	EXPECT_EQ(0, take(&self->a, &self->w.cmd, "reply"));

	ASSERT_EQ(0, start(&self->w, &self->a, &self->a, KD_FAR, -1));
	ASSERT_EQ(0, kd_drop(&self->a));
	EXPECT_EQ(-EPIPE, finish(&self->w));

	ASSERT_EQ(0, start(&self->w, &self->a, &self->a, KD_FAR, -1));
	EXPECT_EQ(-EBUSY, kd_byebye(&self->a));
	ASSERT_EQ(0, receive(&self->a, COOKIE));
	EXPECT_EQ(0, kd_byebye(&self->a));
	EXPECT_EQ(-ECONNRESET, finish(&self->w));
}

/* SYNC-1, SYNC-6: EINTR, then the same message waits on; it is sent once */
TEST_F(sync, interrupt_and_resume)
{
	struct caller again;
	int i;

	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(-EINTR, interrupt(&self->w));
	EXPECT_EQ(1, signals);
	ASSERT_EQ(0, receive(&self->b, COOKIE));
	EXPECT_EQ(-EAGAIN, empty(&self->a));

	/* once more, and again interrupted; now the callee has read it */
	for (i = 0; i < 3; i++) {
		again = self->w;
		ASSERT_EQ(0, pthread_create(&again.thread, NULL, call_thread,
					    &again));
		kd_poll(self->a.fd, POLLIN, 50);
		/* it may not be in the system call yet: then again */
		pthread_kill(again.thread, SIGUSR1);
		while (pthread_tryjoin_np(again.thread, NULL) != 0) {
			pthread_kill(again.thread, SIGUSR1);
			kd_poll(self->a.fd, POLLIN, 20);
		}
		EXPECT_EQ(-EINTR, again.result);
		EXPECT_EQ(-EAGAIN, empty(&self->b));
	}
	ASSERT_EQ(0, pthread_create(&again.thread, NULL, call_thread, &again));
	kd_poll(self->a.fd, POLLIN, 50);
	ASSERT_EQ(0, answer(&self->b, &self->a, "reply"));
	EXPECT_EQ(0, finish(&again));
	EXPECT_EQ(0, take(&self->a, &again.cmd, "reply"));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* SYNC-6: with CANCEL_FD it is the same */
TEST_F(sync, interrupt_with_cancel)
{
	int cancel = eventfd(0, EFD_CLOEXEC);

	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, cancel));
	ASSERT_EQ(-EINTR, interrupt(&self->w));
	ASSERT_EQ(0, answer(&self->b, &self->a, "reply"));
	EXPECT_EQ(0, resume(&self->w, KD_FAR, cancel));
	EXPECT_EQ(0, take(&self->a, &self->w.cmd, "reply"));
}

/* W-10: whatever comes while nobody waits is kept */
TEST_F(sync, result_is_kept)
{
	struct kd_block b;

	/* a reply; it raises no POLLIN and is in no queue meanwhile */
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(-EINTR, interrupt(&self->w));
	ASSERT_EQ(0, receive(&self->b, COOKIE));
	ASSERT_EQ(0, answer(&self->b, &self->a, "reply"));
	EXPECT_EQ(-EBADSLT, answer(&self->b, &self->a, "again"));
	EXPECT_EQ(0, kd_poll(self->a.fd, POLLIN, 0));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	EXPECT_EQ(0, resume(&self->w, KD_FAR, -1));
	EXPECT_EQ(0, take(&self->a, &self->w.cmd, "reply"));
	EXPECT_EQ(-EAGAIN, empty(&self->b));

	/* the peer's error */
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(-EINTR, interrupt(&self->w));
	ASSERT_EQ(0, receive(&self->b, COOKIE));
	kd_msg_start(&b, self->a.id);
	b.msg.cookie_reply = COOKIE;
	kd_msg_vec(&b, kd_guard(1, PROT_NONE), 1);
	EXPECT_EQ(-EFAULT, kd_msg_send(&self->b, &b));
	EXPECT_EQ(-EFAULT, resume(&self->w, KD_FAR, -1));
	EXPECT_EQ(-EAGAIN, empty(&self->b));

	/* a drop */
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(-EINTR, interrupt(&self->w));
	ASSERT_EQ(0, kd_drop(&self->b));
	EXPECT_EQ(-EPIPE, resume(&self->w, KD_FAR, -1));
	EXPECT_EQ(-EAGAIN, empty(&self->b));

	/* the end of the peer, who cannot be found any more */
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(-EINTR, interrupt(&self->w));
	kd_close(&self->b);
	EXPECT_EQ(-EPIPE, resume(&self->w, KD_FAR, -1));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	/* handed out once: this is a new call */
	EXPECT_EQ(-ENXIO, resume(&self->w, KD_FAR, -1));
}

/* SYNC-3: a reply that is there wins over every reason to stop */
TEST_F(sync, reply_wins)
{
	int cancel = readable_event();
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
		ASSERT_EQ(-EINTR, interrupt(&self->w));
		ASSERT_EQ(0, receive(&self->b, COOKIE));
		ASSERT_EQ(0, answer(&self->b, &self->a, "reply"));
		EXPECT_EQ(0, resume(&self->w, i % 2 ? KD_PAST : KD_FAR,
				    i / 2 ? cancel : -1));
		EXPECT_EQ(0, take(&self->a, &self->w.cmd, "reply"));
	}
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SYNC-1: deadline and CANCEL_FD of the resuming call govern, and end it */
TEST_F(sync, resume_ends)
{
	int cancel = readable_event();
	int i;

	for (i = 0; i < 5; i++) {
		/* the last one has no deadline at first */
		ASSERT_EQ(0, start(&self->w, &self->a, &self->b,
				   i < 4 ? KD_FAR : KD_NEVER, -1));
		ASSERT_EQ(-EINTR, interrupt(&self->w));
		switch (i) {
		case 0:
			EXPECT_EQ(-ETIMEDOUT, resume(&self->w, KD_PAST, -1));
			break;
		case 1:
			EXPECT_EQ(-ECANCELED, resume(&self->w, KD_FAR,
						     cancel));
			break;
		case 2:
			EXPECT_EQ(-ECANCELED, resume(&self->w, KD_PAST,
						     cancel));
			break;
		default:
			EXPECT_EQ(-ETIMEDOUT,
				  resume(&self->w, kd_now() + 30 * KD_MS, -1));
		}
		EXPECT_EQ(0, receive(&self->b, COOKIE));
		EXPECT_EQ(-EAGAIN, empty(&self->b));
		EXPECT_EQ(-EBADSLT, answer(&self->b, &self->a, "late"));
	}
	EXPECT_EQ(-EAGAIN, empty(&self->a));
}

/* SYNC-1: a step that fails leaves the call resumable */
TEST_F(sync, resume_fails_first)
{
	int closed = dup(0);

	close(closed);
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(-EINTR, interrupt(&self->w));
	self->w.msg.msg.payload_type = KDBUS_PAYLOAD_KERNEL;
	EXPECT_EQ(-EINVAL, resume(&self->w, KD_FAR, -1));
	self->w.msg.msg.payload_type = KDBUS_PAYLOAD_DBUS;
	self->w.msg.msg.src_id = self->b.id;
	EXPECT_EQ(-EINVAL, resume(&self->w, KD_FAR, -1));
	self->w.msg.msg.src_id = 0;
	EXPECT_EQ(-EBADF, resume(&self->w, KD_FAR, closed));
	/* the destination is not looked at, nor is the payload */
	kd_call_start(&self->w.msg, ~0ULL - 1, COOKIE, KD_FAR);
	kd_msg_vec(&self->w.msg, kd_guard(1, PROT_NONE), 1);
	ASSERT_EQ(0, answer(&self->b, &self->a, "reply"));
	EXPECT_EQ(0, resume(&self->w, KD_FAR, -1));
	EXPECT_EQ(0, take(&self->a, &self->w.cmd, "reply"));
}

/* SYNC-1: only the newest request with that cookie is looked at */
TEST_F(sync, newest_only)
{
	struct caller again;

	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(-EINTR, interrupt(&self->w));
	ASSERT_EQ(0, receive(&self->b, COOKIE));
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, COOKIE, KD_FAR));
	ASSERT_EQ(0, receive(&self->b, COOKIE));
	/* a new call: it is sent */
	ASSERT_EQ(0, start(&again, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(0, receive(&self->b, COOKIE));
	/* newest first: it, the asynchronous one, the interrupted one */
	ASSERT_EQ(0, answer(&self->b, &self->a, "third"));
	EXPECT_EQ(0, finish(&again));
	EXPECT_EQ(0, take(&self->a, &again.cmd, "third"));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	ASSERT_EQ(0, answer(&self->b, &self->a, "second"));
	EXPECT_EQ(0, receive(&self->a, COOKIE));
	ASSERT_EQ(0, answer(&self->b, &self->a, "first"));
	EXPECT_EQ(0, resume(&self->w, KD_FAR, -1));
	EXPECT_EQ(0, take(&self->a, &self->w.cmd, "first"));
	EXPECT_EQ(-EBADSLT, answer(&self->b, &self->a, "none"));
}

/* SYNC-6: an asynchronous call does not resume anything */
TEST_F(sync, only_synchronous_calls_resume)
{
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(-EINTR, interrupt(&self->w));
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, COOKIE, KD_FAR));
	ASSERT_EQ(0, receive(&self->b, COOKIE));
	ASSERT_EQ(0, receive(&self->b, COOKIE));
	kd_close(&self->b);
	EXPECT_EQ(0, kd_notice_of(&self->a, DEAD, COOKIE));
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	EXPECT_EQ(-EPIPE, resume(&self->w, KD_FAR, -1));
}

/* SYNC-6: SA_RESTART: nothing is to be seen but the handler */
TEST_F(sync, restart)
{
	int i, cancel = eventfd(0, EFD_CLOEXEC);
	unsigned int n;

	handle_signals(SA_RESTART);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR,
				   i % 2 ? cancel : -1));
		for (n = 0; n < 3; n++) {
			unsigned int seen = signals;

			pthread_kill(self->w.thread, SIGUSR1);
			while (__atomic_load_n(&signals, __ATOMIC_ACQUIRE) ==
			       seen)
				sched_yield();
			if (i / 2) {
				kd_poll(self->a.fd, POLLIN, 20);
			}
		}
		ASSERT_EQ(0, receive(&self->b, COOKIE));
		EXPECT_EQ(-EAGAIN, empty(&self->b));
		ASSERT_EQ(0, answer(&self->b, &self->a, "reply"));
		EXPECT_EQ(0, finish(&self->w));
		EXPECT_EQ(0, take(&self->a, &self->w.cmd, "reply"));
		EXPECT_EQ(-EAGAIN, empty(&self->b));
	}
}

/* SYNC-6: signals without a handler, stop and continue: transparent, too */
TEST_F(sync, no_handler)
{
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	signal(SIGUSR2, SIG_IGN);
	pthread_kill(self->w.thread, SIGUSR2);
	pthread_kill(self->w.thread, SIGCONT);
	kd_poll(self->a.fd, POLLIN, 50);
	ASSERT_EQ(0, receive(&self->b, COOKIE));
	ASSERT_EQ(0, answer(&self->b, &self->a, "reply"));
	EXPECT_EQ(0, finish(&self->w));
	EXPECT_EQ(0, take(&self->a, &self->w.cmd, "reply"));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
}

/* SYNC-6, W-62: not resumed, it ends in time and in silence */
TEST_F(sync, interrupted_expires)
{
	uint64_t deadline;
	int i;

	/* another deadline far away must not hold it up */
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 1,
			     kd_now() + 600 * 1000 * KD_MS));
	ASSERT_EQ(0, receive(&self->b, 1));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, start_within(&self->w, &self->a, &self->b, 2000,
					  &deadline, -1));
		ASSERT_EQ(-EINTR, interrupt(&self->w));
		ASSERT_EQ(0, receive(&self->b, COOKIE));
		/* a result that nobody fetches goes the same way */
		if (i) {
			ASSERT_EQ(0, answer(&self->b, &self->a, "reply"));
		}
		while (kd_now() < deadline + 1500 * KD_MS) {
			ASSERT_EQ(0, kd_poll(self->a.fd, POLLIN, 100));
		}
		EXPECT_EQ(-EBADSLT, answer(&self->b, &self->a, "late"));
		EXPECT_EQ(-EAGAIN, empty(&self->a));
		/* so this would be a new call */
		EXPECT_EQ(-ETIMEDOUT, resume(&self->w, KD_PAST, -1));
		self->w.msg.msg.dst_id = ~0ULL - 1;
		EXPECT_EQ(-ENXIO, resume(&self->w, KD_FAR, -1));
	}
	EXPECT_EQ(0, kd_reply(&self->b, self->a.id, 1, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 1));
	EXPECT_EQ(0, kd_byebye(&self->a));
}

/* SYNC-1, SYNC-6: resuming races with the end of the interrupted call */
TEST_F_TIMEOUT(sync, resume_races_with_expiry, 120)
{
	uint64_t deadline, until;
	int i, r, late = 0;

	for (i = 0; i < 80; i++) {
		ASSERT_EQ(0, start_within(&self->w, &self->a, &self->b, 40,
					  &deadline, -1));
		r = interrupt(&self->w);
		ASSERT_EQ(0, receive(&self->b, COOKIE));
		if (r == -ETIMEDOUT) {
			late++;
			continue;
		}
		ASSERT_EQ(-EINTR, r);
		r = i % 2 ? answer(&self->b, &self->a, "reply") : 0;
		ASSERT_TRUE(r == 0 || r == -EBADSLT);
		/* the work of the kernel runs up to two ticks later */
		until = deadline + (i % 16) * KD_MS / 2;
		while (kd_now() < until)
			;
		r = resume(&self->w, kd_now() + 20 * KD_MS, -1);
		if (r == 0) {
			EXPECT_EQ(1, i % 2);
			EXPECT_EQ(0, take(&self->a, &self->w.cmd, "reply"));
		} else {
			EXPECT_EQ(-ETIMEDOUT, r);
		}
		/* if it was too late, that was a new call */
		while (kd_drop(&self->b) == 0)
			;
		EXPECT_EQ(-EBADSLT, answer(&self->b, &self->a, "late"));
		EXPECT_EQ(-EAGAIN, empty(&self->a));
	}
	EXPECT_GT(80, late);
}

/* BYE-3.5: interrupted calls go with their connection, results included */
TEST_F(sync, interrupted_and_gone)
{
	struct kd_conn c;
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, kd_connect(&c, self->env.bus));
		ASSERT_EQ(0, start(&self->w, &c, &self->b, KD_FAR, -1));
		ASSERT_EQ(-EINTR, interrupt(&self->w));
		if (i % 2) {
			ASSERT_EQ(0, answer(&self->b, &c, "reply"));
		}
		if (i / 2) {
			/* a result that was not fetched is in no queue */
			EXPECT_EQ(0, kd_byebye(&c));
			EXPECT_EQ(-ECONNRESET, resume(&self->w, KD_FAR, -1));
		}
		kd_close(&c);
		ASSERT_EQ(0, receive(&self->b, COOKIE));
		EXPECT_EQ(-ENXIO, answer(&self->b, &c, "late"));
	}
}

/* SYNC-7: two threads, one cookie: both sent, the newer answered first */
TEST_F(sync, same_cookie)
{
	struct caller second;

	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(0, receive(&self->b, COOKIE));
	ASSERT_EQ(0, start(&second, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(0, receive(&self->b, COOKIE));
	ASSERT_EQ(0, answer(&self->b, &self->a, "second"));
	EXPECT_EQ(0, finish(&second));
	EXPECT_EQ(0, take(&self->a, &second.cmd, "second"));
	ASSERT_EQ(0, answer(&self->b, &self->a, "first"));
	EXPECT_EQ(0, finish(&self->w));
	EXPECT_EQ(0, take(&self->a, &self->w.cmd, "first"));
	EXPECT_EQ(-EBADSLT, answer(&self->b, &self->a, "third"));
}

/* SYNC-7: other threads use the connection meanwhile */
TEST_F(sync, connection_in_use)
{
	ASSERT_EQ(0, start(&self->w, &self->a, &self->b, KD_FAR, -1));
	ASSERT_EQ(0, receive(&self->b, COOKIE));
	ASSERT_EQ(0, kd_send(&self->a, self->b.id, 1, "x", 1));
	ASSERT_EQ(0, kd_send(&self->b, self->a.id, 2, "x", 1));
	ASSERT_EQ(0, kd_call(&self->a, self->b.id, 3, KD_FAR));
	EXPECT_EQ(0, receive(&self->a, 2));
	ASSERT_EQ(0, kd_reply(&self->b, self->a.id, 3, NULL, 0));
	EXPECT_EQ(0, receive(&self->a, 3));
	ASSERT_EQ(0, answer(&self->b, &self->a, "reply"));
	EXPECT_EQ(0, finish(&self->w));
}

struct storm {
	pthread_t thread;
	const struct kd_conn *conn;
	uint64_t peer;
	unsigned int done;
	unsigned int interrupted;
	int error;
};

#define STORM_CALLS	200

static void *call_in_storm(void *data)
{
	struct storm *s = data;
	struct kdbus_cmd_send cmd;
	struct kd_block b;
	unsigned int i;
	int r;

	for (i = 1; i <= STORM_CALLS; i++) {
		kd_call_start(&b, s->peer, i, KD_FAR);
		while ((r = kd_call_sync(s->conn, &b, -1, &cmd)) == -EINTR)
			__atomic_add_fetch(&s->interrupted, 1,
					   __ATOMIC_RELAXED);
		if (r == 0 && kd_msg(s->conn, cmd.reply.offset)->cookie_reply
		    != i)
			r = -EPROTO;
		if (r == 0)
			r = kd_free(s->conn, cmd.reply.offset);
		if (r != 0) {
			s->error = r;
			break;
		}
		__atomic_store_n(&s->done, i, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&s->done, STORM_CALLS + 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *signal_storm(void *data)
{
	struct storm *s = data;

	while (__atomic_load_n(&s->done, __ATOMIC_ACQUIRE) <= STORM_CALLS) {
		pthread_kill(s->thread, SIGUSR1);
		usleep(500);
	}
	return NULL;
}

/* SYNC-1, SYNC-6, W-10: signals at any moment: each call is sent once */
TEST_F_TIMEOUT(sync, signal_storm, 120)
{
	struct storm s = { .conn = &self->a, .peer = self->b.id };
	uint64_t cookie, next = 1;
	pthread_t t;

	ASSERT_EQ(0, pthread_create(&s.thread, NULL, call_in_storm, &s));
	ASSERT_EQ(0, pthread_create(&t, NULL, signal_storm, &s));
	while (__atomic_load_n(&s.done, __ATOMIC_ACQUIRE) <= STORM_CALLS) {
		if (kd_poll(self->b.fd, POLLIN, 20) != POLLIN)
			continue;
		ASSERT_EQ(0, kd_recv_cookie(&self->b, &cookie));
		ASSERT_EQ(next, cookie);
		next++;
		ASSERT_EQ(0, kd_reply(&self->b, self->a.id, cookie, NULL, 0));
	}
	pthread_join(t, NULL);
	pthread_join(s.thread, NULL);
	EXPECT_EQ(0, s.error);
	EXPECT_EQ(STORM_CALLS + 1, next);
	EXPECT_EQ(-EAGAIN, empty(&self->a));
	EXPECT_EQ(-EAGAIN, empty(&self->b));
	EXPECT_LT(0, s.interrupted);
	TH_LOG("%u interruptions", s.interrupted);
}

TEST_HARNESS_MAIN
