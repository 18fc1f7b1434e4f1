// SPDX-License-Identifier: GPL-2.0-only
/*
 * Well-known names: syntax, the table of outcomes, permission, release, limits
 * (rules NAME-1 to NAME-7, POL-8, PRIV-3; W-1, W-21, W-23)
 *
 * A connection of its own watches: what a test does not expect to be notified
 * of must not be there in the end.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALICE		4711
#define NAME		"org.example.One"
#define TWO		"org.example.Two"
#define NAMES_MAX	256

#define REPLACE		KDBUS_NAME_REPLACE_EXISTING
#define ALLOW		KDBUS_NAME_ALLOW_REPLACEMENT
#define QUEUE		KDBUS_NAME_QUEUE
#define WAITING		KDBUS_NAME_IN_QUEUE
#define PRIMARY		KDBUS_NAME_PRIMARY
#define ACQUIRED	KDBUS_NAME_ACQUIRED
#define STARTER		KDBUS_NAME_ACTIVATOR

FIXTURE(names) {
	struct kd_env env;
	struct kd_conn a;
	struct kd_conn b;
	struct kd_conn c;
	struct kd_conn d;
	struct kd_conn watch;
};

FIXTURE_SETUP(names)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_connect(&self->watch, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->b, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->c, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->d, self->env.bus));
	ASSERT_EQ(0, kd_watch_names(&self->watch));
}

FIXTURE_TEARDOWN(names)
{
	struct kd_change change;

	EXPECT_EQ(-EAGAIN, kd_change(&self->watch, &change));
}

/* The flags that NAME_ACQUIRE returns, or a negative errno. */
static int take(const struct kd_conn *c, const char *name, uint64_t flags)
{
	uint64_t ret;
	int r = kd_name_acquire(c, name, flags, &ret);

	return r ?: (int)ret;
}

/* The flags that LIST shows, -ENOENT if the two have nothing to do. */
static int entry(const struct kd_conn *c, const char *name)
{
	uint64_t flags;
	int r = kd_entry(c, c->id, name, &flags);

	return r ?: (int)flags;
}

static void make_name(char *buf, size_t len)
{
	memset(buf, 'a', len);
	buf[1] = '.';
	buf[len] = 0;
}

/* NAME-1: what is a name */
TEST_F(names, syntax_accepted)
{
	static const char *const good[] = {
		"a.b", "A.Z", "_.-", "-a.-b", "a-.b-", "_1._2", "a1.b2",
		"a.b.c.d.e.f.g.h", "z.a-0_9",
	};
	char name[256];
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(good); i++) {
		EXPECT_EQ(PRIMARY | ACQUIRED, take(&self->a, good[i], 0)) {
			TH_LOG("\"%s\"", good[i]);
		}
		EXPECT_EQ(0, kd_name_added(&self->watch, good[i], self->a.id,
					   PRIMARY));
		EXPECT_EQ(0, kd_name_release(&self->a, good[i]));
		EXPECT_EQ(0, kd_name_removed(&self->watch, good[i],
					     self->a.id, PRIMARY));
	}
	/* the longest */
	make_name(name, 255);
	EXPECT_EQ(PRIMARY | ACQUIRED, take(&self->a, name, 0));
	EXPECT_EQ(PRIMARY, entry(&self->a, name));
	EXPECT_EQ(0, kd_name_added(&self->watch, name, self->a.id, PRIMARY));
	/* the same but for the last character is another one */
	name[254] = 'b';
	EXPECT_EQ(-ENOENT, entry(&self->a, name));
	EXPECT_EQ(-ESRCH, kd_name_release(&self->a, name));
}

/* NAME-1, NAME-2: what is none: EINVAL, and no wildcard either */
TEST_F(names, syntax_refused)
{
	static const char *const bad[] = {
		"", ".", "..", "a", "abc", ".a", "a.", ".a.b", "a.b.", "a..b",
		"1a.b", "a.1b", "a.b.1", "a.b.*", "*", "*.a", "a.*", "a.b*",
		"a.b.c*", "a. b", "a.b ", "a.b/c", "a.b:c", "a.b\n",
		/* W-23 */
		"a.\xe4", "a.b\xc3\xa4", "a.\x80", "a.b\xff",
	};
	char name[4096];
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, take(&self->a, bad[i], 0)) {
			TH_LOG("\"%s\"", bad[i]);
		}
		EXPECT_EQ(-EINVAL, take(&self->a, bad[i], QUEUE));
		/* NAME-5: to release, it is a name nobody has */
		EXPECT_EQ(-ESRCH, kd_name_release(&self->a, bad[i]));
	}
	for (i = 256; i <= 4000; i += 1872) {
		make_name(name, i);
		EXPECT_EQ(-EINVAL, take(&self->a, name, 0));
		EXPECT_EQ(-ESRCH, kd_name_release(&self->a, name));
	}
}

/* NAME-1, W-23: every byte, at the start of an element and inside one */
TEST_F_TIMEOUT(names, characters, 120)
{
	int ch;

	ASSERT_EQ(0, kd_match_remove(&self->watch, 1000000));
	ASSERT_EQ(0, kd_match_remove(&self->watch, 1000001));
	for (ch = 1; ch < 256; ch++) {
		char first[] = { 'x', '.', ch, 'x', 0 };
		char inside[] = { 'x', '.', 'x', ch, 'x', 0 };
		bool alpha = (ch >= 'a' && ch <= 'z') ||
			     (ch >= 'A' && ch <= 'Z') || ch == '_' || ch == '-';
		bool digit = ch >= '0' && ch <= '9';
		bool good = alpha || digit || ch == '.';

		EXPECT_EQ(alpha ? PRIMARY | ACQUIRED : -EINVAL,
			  take(&self->a, first, 0)) {
			TH_LOG("byte %d first", ch);
		}
		EXPECT_EQ(good ? PRIMARY | ACQUIRED : -EINVAL,
			  take(&self->a, inside, 0)) {
			TH_LOG("byte %d inside", ch);
		}
		EXPECT_EQ(alpha ? 0 : -ESRCH,
			  kd_name_release(&self->a, first));
		EXPECT_EQ(good ? 0 : -ESRCH,
			  kd_name_release(&self->a, inside));
	}
}

/* section 3.5, 3.3: one NAME item, a string with its NUL; flags */
TEST_F(names, parsing)
{
	static const unsigned int commands[] = {
		KDBUS_CMD_NAME_ACQUIRE, KDBUS_CMD_NAME_RELEASE,
	};
	struct kd_block b;
	size_t i, bit;

	for (i = 0; i < KD_ARRAY_SIZE(commands); i++) {
		unsigned int known = i ? 0 : REPLACE | ALLOW | QUEUE;

		kd_start(&b, sizeof(b.cmd));
		b.cmd.return_flags = ~0ULL;
		EXPECT_EQ(-EINVAL, kd_ioctl(self->a.fd, commands[i], &b));
		EXPECT_EQ(0, b.cmd.return_flags);
		kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
		kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
		EXPECT_EQ(-EINVAL, kd_ioctl(self->a.fd, commands[i], &b));

		kd_start(&b, sizeof(b.cmd));
		kd_add(&b, KDBUS_ITEM_NAME, NULL, 0);
		EXPECT_EQ(-EINVAL, kd_ioctl(self->a.fd, commands[i], &b));
		kd_start(&b, sizeof(b.cmd));
		kd_add(&b, KDBUS_ITEM_NAME, NAME, strlen(NAME));
		EXPECT_EQ(-EINVAL, kd_ioctl(self->a.fd, commands[i], &b));
		kd_start(&b, sizeof(b.cmd));
		kd_add(&b, KDBUS_ITEM_NAME, "a.b\0c", 6);
		EXPECT_EQ(-EINVAL, kd_ioctl(self->a.fd, commands[i], &b));
		kd_start(&b, sizeof(b.cmd));
		kd_add_str(&b, KDBUS_ITEM_DST_NAME, NAME);
		EXPECT_EQ(-EINVAL, kd_ioctl(self->a.fd, commands[i], &b));

		for (bit = 0; bit < 63; bit++) {
			if ((1ULL << bit) & known)
				continue;
			kd_start(&b, sizeof(b.cmd));
			kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
			b.cmd.flags = 1ULL << bit;
			EXPECT_EQ(-EINVAL,
				  kd_ioctl(self->a.fd, commands[i], &b));
			EXPECT_EQ(0, b.cmd.return_flags);
		}
	}
	EXPECT_EQ(-ENOENT, entry(&self->a, NAME));
}

/* NEG-1, section 3.4: negotiating does nothing */
TEST_F(names, negotiation)
{
	struct kd_block b;

	kd_start(&b, sizeof(b.cmd));
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE | QUEUE;
	kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
	EXPECT_EQ(0, kd_ioctl(self->a.fd, KDBUS_CMD_NAME_ACQUIRE, &b));
	EXPECT_EQ(REPLACE | ALLOW | QUEUE, b.cmd.flags);
	EXPECT_EQ(-ENOENT, entry(&self->a, NAME));

	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->a, NAME, 0));
	ASSERT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
	b.cmd.flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, kd_ioctl(self->a.fd, KDBUS_CMD_NAME_RELEASE, &b));
	EXPECT_EQ(0, b.cmd.flags);
	EXPECT_EQ(PRIMARY, entry(&self->a, NAME));
}

/* NAME-2, H-3, section 4: ordinary connections only, known before parsing */
TEST_F(names, kinds)
{
	struct kd_conn kinds[3];
	size_t i;

	ASSERT_EQ(0, kd_hello_name(&kinds[0], self->env.bus,
				   KDBUS_HELLO_ACTIVATOR, NAME));
	ASSERT_EQ(0, kd_name_added(&self->watch, NAME, kinds[0].id,
				   STARTER | PRIMARY));
	ASSERT_EQ(0, kd_hello_name(&kinds[1], self->env.bus,
				   KDBUS_HELLO_POLICY_HOLDER, TWO));
	ASSERT_EQ(0, kd_hello(&kinds[2], self->env.bus, KDBUS_HELLO_MONITOR,
			      0, KD_POOL));
	for (i = 0; i < KD_ARRAY_SIZE(kinds); i++) {
		EXPECT_EQ(-EOPNOTSUPP, kd_ioctl(kinds[i].fd,
						KDBUS_CMD_NAME_ACQUIRE, NULL));
		EXPECT_EQ(-EOPNOTSUPP, kd_ioctl(kinds[i].fd,
						KDBUS_CMD_NAME_RELEASE, NULL));
		EXPECT_EQ(-EOPNOTSUPP, take(&kinds[i], NAME, 0));
		EXPECT_EQ(-EOPNOTSUPP, kd_name_release(&kinds[i], NAME));
	}
	EXPECT_EQ(STARTER | PRIMARY, entry(&kinds[0], NAME));
}

/* NAME-3 line 1, NAME-4: for each set of flags; REPLACE_EXISTING is not kept */
TEST_F(names, free_name)
{
	int flags, stored;

	for (flags = 0; flags < 8; flags++) {
		stored = flags & (ALLOW | QUEUE);
		EXPECT_EQ(PRIMARY | ACQUIRED | stored,
			  take(&self->a, NAME, flags));
		EXPECT_EQ(PRIMARY | stored, entry(&self->a, NAME));
		EXPECT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id,
					   PRIMARY | stored));
		EXPECT_EQ(0, kd_name_release(&self->a, NAME));
		EXPECT_EQ(-ENOENT, entry(&self->a, NAME));
		EXPECT_EQ(0, kd_name_removed(&self->watch, NAME, self->a.id,
					     PRIMARY | stored));
	}
}

/* NAME-3 line 2, for each set of flags; NAME-6.2: and back */
TEST_F(names, from_activator)
{
	struct kd_conn act;
	int flags, stored;

	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   NAME));
	ASSERT_EQ(0, kd_name_added(&self->watch, NAME, act.id,
				   STARTER | PRIMARY));
	for (flags = 0; flags < 8; flags++) {
		stored = flags & (ALLOW | QUEUE);
		EXPECT_EQ(PRIMARY | ACQUIRED | stored,
			  take(&self->a, NAME, flags));
		EXPECT_EQ(PRIMARY | stored, entry(&self->a, NAME));
		EXPECT_EQ(STARTER | WAITING, entry(&act, NAME));
		EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, act.id,
					     STARTER | PRIMARY, self->a.id,
					     PRIMARY | stored));
		EXPECT_EQ(0, kd_name_release(&self->a, NAME));
		EXPECT_EQ(-ENOENT, entry(&self->a, NAME));
		EXPECT_EQ(STARTER | PRIMARY, entry(&act, NAME));
		EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->a.id,
					     PRIMARY | stored, act.id,
					     STARTER | PRIMARY));
		/* NAME-5: known, but not of this connection */
		EXPECT_EQ(-EADDRINUSE, kd_name_release(&self->a, NAME));
	}
}

/* NAME-3 line 3: again, not an error; the flags are those of the last call */
TEST_F(names, again)
{
	int flags, stored;

	ASSERT_EQ(PRIMARY | ACQUIRED | ALLOW, take(&self->a, NAME, ALLOW));
	ASSERT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id,
				   PRIMARY | ALLOW));
	for (flags = 7; flags >= 0; flags--) {
		stored = flags & (ALLOW | QUEUE);
		EXPECT_EQ(PRIMARY | stored, take(&self->a, NAME, flags));
		EXPECT_EQ(PRIMARY | stored, entry(&self->a, NAME));
	}
	/* it does not allow replacement any more, then it does again */
	EXPECT_EQ(-EEXIST, take(&self->b, NAME, REPLACE));
	EXPECT_EQ(PRIMARY | ALLOW | QUEUE,
		  take(&self->a, NAME, ALLOW | QUEUE));
	EXPECT_EQ(PRIMARY | ACQUIRED, take(&self->b, NAME, REPLACE));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->a.id,
				     PRIMARY | ALLOW | QUEUE, self->b.id,
				     PRIMARY));
	/* one entry only, whatever the number of calls */
	EXPECT_EQ(WAITING | ALLOW | QUEUE, entry(&self->a, NAME));
	EXPECT_EQ(0, kd_name_release(&self->a, NAME));
	EXPECT_EQ(-EADDRINUSE, kd_name_release(&self->a, NAME));
}

/* NAME-3 line 4: an owner that did not ask to wait loses the name altogether */
TEST_F(names, replace)
{
	int flags;

	for (flags = 0; flags < 8; flags++) {
		int stored = flags & (ALLOW | QUEUE);

		if (!(flags & REPLACE))
			continue;
		ASSERT_EQ(PRIMARY | ACQUIRED | ALLOW,
			  take(&self->a, NAME, ALLOW));
		ASSERT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id,
					   PRIMARY | ALLOW));
		EXPECT_EQ(PRIMARY | ACQUIRED | stored,
			  take(&self->b, NAME, flags));
		EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->a.id,
					     PRIMARY | ALLOW, self->b.id,
					     PRIMARY | stored));
		EXPECT_EQ(-ENOENT, entry(&self->a, NAME));
		EXPECT_EQ(PRIMARY | stored, entry(&self->b, NAME));
		EXPECT_EQ(-EADDRINUSE, kd_name_release(&self->a, NAME));
		EXPECT_EQ(0, kd_name_release(&self->b, NAME));
		EXPECT_EQ(0, kd_name_removed(&self->watch, NAME, self->b.id,
					     PRIMARY | stored));
	}
}

/* NAME-3: displaced owners make a stack in front of those who wait */
TEST_F(names, replace_stack)
{
	const int all = REPLACE | ALLOW | QUEUE, stored = ALLOW | QUEUE;
	const struct kd_conn *order[] = {
		&self->c, &self->b, &self->a, &self->d,
	};
	size_t i;

	ASSERT_EQ(PRIMARY | ACQUIRED | stored, take(&self->a, NAME, all));
	ASSERT_EQ(WAITING | ACQUIRED | QUEUE, take(&self->d, NAME, QUEUE));
	ASSERT_EQ(PRIMARY | ACQUIRED | stored, take(&self->b, NAME, all));
	EXPECT_EQ(WAITING | stored, entry(&self->a, NAME));
	ASSERT_EQ(PRIMARY | ACQUIRED | stored, take(&self->c, NAME, all));
	EXPECT_EQ(WAITING | stored, entry(&self->b, NAME));
	EXPECT_EQ(WAITING | QUEUE, entry(&self->d, NAME));

	EXPECT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id,
				   PRIMARY | stored));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->a.id,
				     PRIMARY | stored, self->b.id,
				     PRIMARY | stored));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->b.id,
				     PRIMARY | stored, self->c.id,
				     PRIMARY | stored));
	for (i = 0; i < 3; i++) {
		int next = i == 2 ? QUEUE : stored;

		EXPECT_EQ(0, kd_name_release(order[i], NAME));
		EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, order[i]->id,
					     PRIMARY | stored,
					     order[i + 1]->id, PRIMARY | next));
		EXPECT_EQ(PRIMARY | next, entry(order[i + 1], NAME));
	}
	EXPECT_EQ(0, kd_name_release(&self->d, NAME));
	EXPECT_EQ(0, kd_name_removed(&self->watch, NAME, self->d.id,
				     PRIMARY | QUEUE));
}

/* NAME-3: one that waited loses that entry when it replaces the owner */
TEST_F(names, waiter_replaces)
{
	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->a, NAME, 0));
	ASSERT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
	ASSERT_EQ(WAITING | ACQUIRED | QUEUE, take(&self->b, NAME, QUEUE));
	ASSERT_EQ(WAITING | ACQUIRED | QUEUE, take(&self->c, NAME, QUEUE));
	/* line 6 as long as it is not allowed, line 4 then */
	EXPECT_EQ(WAITING | QUEUE, take(&self->c, NAME, REPLACE | QUEUE));
	ASSERT_EQ(PRIMARY | ALLOW | QUEUE,
		  take(&self->a, NAME, ALLOW | QUEUE));
	EXPECT_EQ(PRIMARY | ACQUIRED, take(&self->c, NAME, REPLACE));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->a.id,
				     PRIMARY | ALLOW | QUEUE, self->c.id,
				     PRIMARY));
	EXPECT_EQ(PRIMARY, entry(&self->c, NAME));
	EXPECT_EQ(0, kd_name_release(&self->c, NAME));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->c.id, PRIMARY,
				     self->a.id, PRIMARY | ALLOW | QUEUE));
	EXPECT_EQ(-ENOENT, entry(&self->c, NAME));
	EXPECT_EQ(-EADDRINUSE, kd_name_release(&self->c, NAME));
	EXPECT_EQ(WAITING | QUEUE, entry(&self->b, NAME));
}

/* NAME-3: an activator keeps its entry aside while owners replace each other */
TEST_F(names, replace_beside_activator)
{
	struct kd_conn act;

	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   NAME));
	ASSERT_EQ(PRIMARY | ACQUIRED | ALLOW, take(&self->a, NAME, ALLOW));
	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->b, NAME, REPLACE));
	EXPECT_EQ(-ENOENT, entry(&self->a, NAME));
	EXPECT_EQ(STARTER | WAITING, entry(&act, NAME));
	EXPECT_EQ(-EEXIST, take(&self->a, NAME, REPLACE | ALLOW));
	ASSERT_EQ(0, kd_name_release(&self->b, NAME));
	EXPECT_EQ(STARTER | PRIMARY, entry(&act, NAME));

	EXPECT_EQ(0, kd_name_added(&self->watch, NAME, act.id,
				   STARTER | PRIMARY));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, act.id,
				     STARTER | PRIMARY, self->a.id,
				     PRIMARY | ALLOW));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->a.id,
				     PRIMARY | ALLOW, self->b.id, PRIMARY));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->b.id, PRIMARY,
				     act.id, STARTER | PRIMARY));
}

/* NAME-3 line 5 for each set of flags, and line 6: the place is kept */
TEST_F(names, wait)
{
	int flags, stored;

	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->a, NAME, 0));
	ASSERT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
	for (flags = 0; flags < 8; flags++) {
		if (!(flags & QUEUE))
			continue;
		stored = flags & (ALLOW | QUEUE);
		EXPECT_EQ(WAITING | ACQUIRED | stored,
			  take(&self->b, NAME, flags));
		EXPECT_EQ(WAITING | stored, entry(&self->b, NAME));
		EXPECT_EQ(0, kd_name_release(&self->b, NAME));
		EXPECT_EQ(-ENOENT, entry(&self->b, NAME));
	}
	ASSERT_EQ(WAITING | ACQUIRED | QUEUE, take(&self->b, NAME, QUEUE));
	ASSERT_EQ(WAITING | ACQUIRED | QUEUE, take(&self->c, NAME, QUEUE));
	for (flags = 0; flags < 8; flags++) {
		if (!(flags & QUEUE))
			continue;
		stored = flags & (ALLOW | QUEUE);
		EXPECT_EQ(WAITING | stored, take(&self->b, NAME, flags));
		EXPECT_EQ(WAITING | stored, entry(&self->b, NAME));
	}
	/* the flags given while waiting are those of the owner later */
	EXPECT_EQ(0, kd_name_release(&self->a, NAME));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->a.id, PRIMARY,
				     self->b.id, PRIMARY | ALLOW | QUEUE));
	EXPECT_EQ(PRIMARY | ACQUIRED, take(&self->d, NAME, REPLACE));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->b.id,
				     PRIMARY | ALLOW | QUEUE, self->d.id,
				     PRIMARY));
	/* b is in front of c, which did not get its turn */
	EXPECT_EQ(0, kd_name_release(&self->d, NAME));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->d.id, PRIMARY,
				     self->b.id, PRIMARY | ALLOW | QUEUE));
}

/* NAME-3 line 7: a call without QUEUE ends the waiting */
TEST_F(names, leave_by_acquire)
{
	static const int flags[] = { 0, ALLOW, REPLACE, REPLACE | ALLOW };
	size_t i;

	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->a, NAME, 0));
	ASSERT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
	for (i = 0; i < KD_ARRAY_SIZE(flags); i++) {
		ASSERT_EQ(WAITING | ACQUIRED | QUEUE | ALLOW,
			  take(&self->b, NAME, QUEUE | ALLOW));
		EXPECT_EQ(flags[i] & ALLOW, take(&self->b, NAME, flags[i]));
		EXPECT_EQ(-ENOENT, entry(&self->b, NAME));
		EXPECT_EQ(-EADDRINUSE, kd_name_release(&self->b, NAME));
		/* the next one is line 8 */
		EXPECT_EQ(-EEXIST, take(&self->b, NAME, flags[i]));
	}
	EXPECT_EQ(0, kd_name_release(&self->a, NAME));
	EXPECT_EQ(0, kd_name_removed(&self->watch, NAME, self->a.id, PRIMARY));
}

/* NAME-3 line 8: nothing changes */
TEST_F(names, exists)
{
	static const struct {
		int owner, call;
	} rows[] = {
		{ 0, 0 }, { 0, ALLOW }, { 0, REPLACE }, { 0, REPLACE | ALLOW },
		{ QUEUE, REPLACE }, { ALLOW, 0 }, { ALLOW, ALLOW },
		{ ALLOW | QUEUE, 0 },
	};
	size_t i;

	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->a, NAME, 0));
	ASSERT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
	for (i = 0; i < KD_ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(PRIMARY | rows[i].owner,
			  take(&self->a, NAME, rows[i].owner));
		EXPECT_EQ(-EEXIST, take(&self->b, NAME, rows[i].call)) {
			TH_LOG("row %zu", i);
		}
		EXPECT_EQ(PRIMARY | rows[i].owner, entry(&self->a, NAME));
		EXPECT_EQ(-ENOENT, entry(&self->b, NAME));
	}
}

/* NAME-5: nobody has it; others have it */
TEST_F(names, release_foreign)
{
	struct kd_conn act;

	EXPECT_EQ(-ESRCH, kd_name_release(&self->a, NAME));
	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->a, NAME, 0));
	ASSERT_EQ(WAITING | ACQUIRED | QUEUE, take(&self->b, NAME, QUEUE));
	EXPECT_EQ(-EADDRINUSE, kd_name_release(&self->c, NAME));
	ASSERT_EQ(0, kd_name_release(&self->b, NAME));
	EXPECT_EQ(-EADDRINUSE, kd_name_release(&self->b, NAME));
	ASSERT_EQ(0, kd_name_release(&self->a, NAME));
	EXPECT_EQ(-ESRCH, kd_name_release(&self->a, NAME));

	/* an activator is enough, as owner and beside one */
	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   TWO));
	EXPECT_EQ(-EADDRINUSE, kd_name_release(&self->a, TWO));
	EXPECT_EQ(STARTER | PRIMARY, entry(&act, TWO));
	kd_close(&act);
	EXPECT_EQ(-ESRCH, kd_name_release(&self->a, TWO));

	EXPECT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
	EXPECT_EQ(0, kd_name_removed(&self->watch, NAME, self->a.id, PRIMARY));
	EXPECT_EQ(0, kd_name_added(&self->watch, TWO, act.id,
				   STARTER | PRIMARY));
	EXPECT_EQ(0, kd_name_removed(&self->watch, TWO, act.id,
				     STARTER | PRIMARY));
}

/* NAME-6: those who wait come before the activator, in their order */
TEST_F(names, release_order)
{
	struct kd_conn act;

	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   NAME));
	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->a, NAME, 0));
	ASSERT_EQ(WAITING | ACQUIRED | QUEUE, take(&self->b, NAME, QUEUE));
	ASSERT_EQ(WAITING | ACQUIRED | QUEUE, take(&self->c, NAME, QUEUE));
	ASSERT_EQ(WAITING | ACQUIRED | QUEUE, take(&self->d, NAME, QUEUE));
	/* from the middle, silently */
	ASSERT_EQ(0, kd_name_release(&self->c, NAME));
	ASSERT_EQ(0, kd_name_release(&self->a, NAME));
	EXPECT_EQ(PRIMARY | QUEUE, entry(&self->b, NAME));
	EXPECT_EQ(WAITING | QUEUE, entry(&self->d, NAME));
	EXPECT_EQ(STARTER | WAITING, entry(&act, NAME));
	ASSERT_EQ(0, kd_name_release(&self->b, NAME));
	ASSERT_EQ(0, kd_name_release(&self->d, NAME));
	EXPECT_EQ(STARTER | PRIMARY, entry(&act, NAME));

	EXPECT_EQ(0, kd_name_added(&self->watch, NAME, act.id,
				   STARTER | PRIMARY));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, act.id,
				     STARTER | PRIMARY, self->a.id, PRIMARY));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->a.id, PRIMARY,
				     self->b.id, PRIMARY | QUEUE));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->b.id,
				     PRIMARY | QUEUE, self->d.id,
				     PRIMARY | QUEUE));
	EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, self->d.id,
				     PRIMARY | QUEUE, act.id,
				     STARTER | PRIMARY));
}

/* NAME-7, ACT-2: an activator comes to an owned name and goes, silently */
TEST_F(names, activator_beside_owner)
{
	struct kd_conn act;

	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->a, NAME, 0));
	ASSERT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   NAME));
	EXPECT_EQ(STARTER | WAITING, entry(&act, NAME));
	EXPECT_EQ(PRIMARY, entry(&self->a, NAME));
	kd_close(&act);
	EXPECT_EQ(PRIMARY, entry(&self->a, NAME));
	EXPECT_EQ(0, kd_name_release(&self->a, NAME));
	EXPECT_EQ(0, kd_name_removed(&self->watch, NAME, self->a.id, PRIMARY));
	EXPECT_EQ(-ESRCH, kd_name_release(&self->a, NAME));
}

/* NAME-7: whoever goes releases everything, in the order of claiming */
TEST_F(names, disconnect)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct kd_conn e;

		ASSERT_EQ(0, kd_connect(&e, self->env.bus));
		ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->b, "z.last", 0));
		/* waits first, owns it later: claimed first */
		ASSERT_EQ(WAITING | ACQUIRED | QUEUE,
			  take(&e, "z.last", QUEUE));
		ASSERT_EQ(PRIMARY | ACQUIRED, take(&e, TWO, 0));
		ASSERT_EQ(PRIMARY | ACQUIRED, take(&e, NAME, 0));
		ASSERT_EQ(WAITING | ACQUIRED | QUEUE, take(&self->c, NAME,
							   QUEUE));
		ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->d, "a.silent", 0));
		ASSERT_EQ(WAITING | ACQUIRED | QUEUE,
			  take(&e, "a.silent", QUEUE));
		ASSERT_EQ(PRIMARY | ACQUIRED, take(&e, "b.more", 0));
		ASSERT_EQ(0, kd_name_release(&self->b, "z.last"));
		/* again, which is not claiming */
		ASSERT_EQ(PRIMARY, take(&e, TWO, 0));
		kd_match_remove(&self->watch, 1000000);
		while (kd_drop(&self->watch) == 0)
			;
		if (i) {
			ASSERT_EQ(0, kd_byebye(&e));
		} else {
			kd_close(&e);
		}
		EXPECT_EQ(0, kd_name_removed(&self->watch, "z.last", e.id,
					     PRIMARY | QUEUE));
		EXPECT_EQ(0, kd_name_removed(&self->watch, TWO, e.id,
					     PRIMARY));
		EXPECT_EQ(0, kd_name_changed(&self->watch, NAME, e.id, PRIMARY,
					     self->c.id, PRIMARY | QUEUE));
		EXPECT_EQ(0, kd_name_removed(&self->watch, "b.more", e.id,
					     PRIMARY));
		EXPECT_EQ(-ESRCH, kd_name_release(&self->a, "b.more"));
		/* it waits no more */
		EXPECT_EQ(0, kd_name_release(&self->d, "a.silent"));
		EXPECT_EQ(0, kd_name_removed(&self->watch, "a.silent",
					     self->d.id, PRIMARY));
		EXPECT_EQ(0, kd_name_release(&self->c, NAME));
		EXPECT_EQ(0, kd_name_removed(&self->watch, NAME, self->c.id,
					     PRIMARY | QUEUE));
		if (i)
			kd_close(&e);
	}
}

static void numbered(char *buf, size_t size, int n)
{
	snprintf(buf, size, "org.flood.n%d", n);
}

/* NAME-2, section 32: 256 entries, owned and waiting ones together */
TEST_F_TIMEOUT(names, limit, 120)
{
	char name[64];
	int i;

	ASSERT_EQ(0, kd_match_remove(&self->watch, 1000000));
	ASSERT_EQ(0, kd_match_remove(&self->watch, 1000001));
	for (i = 0; i < NAMES_MAX; i++) {
		numbered(name, sizeof(name), i);
		if (i < 50) {
			ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->b, name, 0));
			ASSERT_EQ(WAITING | ACQUIRED | QUEUE,
				  take(&self->a, name, QUEUE));
		} else {
			ASSERT_EQ(PRIMARY | ACQUIRED | ALLOW,
				  take(&self->a, name, ALLOW));
		}
	}
	EXPECT_EQ(-E2BIG, take(&self->a, NAME, 0));
	EXPECT_EQ(-E2BIG, take(&self->a, NAME, REPLACE | QUEUE));
	EXPECT_EQ(-ENOENT, entry(&self->a, NAME));
	/* syntax first; E2BIG before the table */
	EXPECT_EQ(-EINVAL, take(&self->a, "org", 0));
	ASSERT_EQ(PRIMARY | ACQUIRED | ALLOW, take(&self->c, NAME, ALLOW));
	EXPECT_EQ(-E2BIG, take(&self->a, NAME, 0));
	EXPECT_EQ(-E2BIG, take(&self->a, NAME, REPLACE));
	EXPECT_EQ(PRIMARY | ALLOW, entry(&self->c, NAME));
	/* names it has to do with already, owned and not */
	EXPECT_EQ(PRIMARY | ALLOW, take(&self->a, name, ALLOW));
	EXPECT_EQ(WAITING | QUEUE, take(&self->a, "org.flood.n0", QUEUE));
	ASSERT_EQ(PRIMARY | ALLOW, take(&self->b, "org.flood.n0", ALLOW));
	EXPECT_EQ(PRIMARY | ACQUIRED, take(&self->a, "org.flood.n0", REPLACE));
	EXPECT_EQ(-E2BIG, take(&self->a, NAME, REPLACE));
	/* other connections are not concerned */
	EXPECT_EQ(WAITING | ACQUIRED | QUEUE, take(&self->b, NAME, QUEUE));

	/* each way to lose an entry makes room for one */
	EXPECT_EQ(0, take(&self->a, "org.flood.n1", 0));
	EXPECT_EQ(PRIMARY | ACQUIRED, take(&self->a, "org.more.n1", 0));
	EXPECT_EQ(-E2BIG, take(&self->a, TWO, 0));
	EXPECT_EQ(0, kd_name_release(&self->a, "org.flood.n2"));
	EXPECT_EQ(PRIMARY | ACQUIRED, take(&self->a, "org.more.n2", 0));
	EXPECT_EQ(-E2BIG, take(&self->a, TWO, 0));
	EXPECT_EQ(0, kd_name_release(&self->a, "org.flood.n99"));
	EXPECT_EQ(PRIMARY | ACQUIRED, take(&self->a, "org.more.n3", 0));
	EXPECT_EQ(-E2BIG, take(&self->a, TWO, 0));
	EXPECT_EQ(PRIMARY | ACQUIRED, take(&self->c, name, REPLACE));
	EXPECT_EQ(PRIMARY | ACQUIRED | ALLOW,
		  take(&self->a, "org.more.n4", ALLOW));
	EXPECT_EQ(-E2BIG, take(&self->a, TWO, 0));
	/* a displaced owner that waits keeps its entry */
	EXPECT_EQ(PRIMARY | ALLOW | QUEUE,
		  take(&self->a, "org.more.n4", ALLOW | QUEUE));
	EXPECT_EQ(PRIMARY | ACQUIRED, take(&self->c, "org.more.n4", REPLACE));
	EXPECT_EQ(-E2BIG, take(&self->a, TWO, 0));
	/* so does one that becomes owner, by all others leaving */
	kd_close(&self->b);
	EXPECT_EQ(PRIMARY | QUEUE, entry(&self->a, "org.flood.n3"));
	EXPECT_EQ(-E2BIG, take(&self->a, TWO, 0));
	/* what a disconnect does to the queue is not for the watcher here */
	while (kd_drop(&self->watch) == 0)
		;
}

/* CMD-3, W-21: the effect stays when results cannot be written back */
TEST_F(names, write_back)
{
	size_t page = getpagesize();
	struct kd_block b;
	uint8_t *p = kd_guard(page, PROT_READ | PROT_WRITE);

	kd_start(&b, sizeof(b.cmd));
	kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
	memcpy(p, &b, KD_ALIGN8(b.size));
	ASSERT_EQ(0, mprotect(p, page, PROT_READ));
	/* in place of ESRCH */
	EXPECT_EQ(-EFAULT, kd_ioctl(self->a.fd, KDBUS_CMD_NAME_RELEASE, p));
	EXPECT_EQ(-EFAULT, kd_ioctl(self->a.fd, KDBUS_CMD_NAME_ACQUIRE, p));
	EXPECT_EQ(PRIMARY, entry(&self->a, NAME));
	EXPECT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
	/* in place of EEXIST */
	EXPECT_EQ(-EFAULT, kd_ioctl(self->b.fd, KDBUS_CMD_NAME_ACQUIRE, p));
	EXPECT_EQ(-EFAULT, kd_ioctl(self->a.fd, KDBUS_CMD_NAME_RELEASE, p));
	EXPECT_EQ(-ENOENT, entry(&self->a, NAME));
	EXPECT_EQ(0, kd_name_removed(&self->watch, NAME, self->a.id, PRIMARY));
}

/* BYE-2, H-3: names of a connection that has gone, and of a bus that has */
TEST_F(names, gone)
{
	ASSERT_EQ(0, kd_byebye(&self->b));
	EXPECT_EQ(-ECONNRESET, take(&self->b, NAME, 0));
	EXPECT_EQ(-ECONNRESET, kd_name_release(&self->b, NAME));
	EXPECT_EQ(-ECONNRESET,
		  kd_ioctl(self->b.fd, KDBUS_CMD_NAME_ACQUIRE, NULL));
	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->a, NAME, 0));
	ASSERT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
}

/* names of one bus mean nothing on another */
TEST_F(names, other_bus)
{
	char name[32], path[KD_PATH_MAX];
	struct kd_conn e;

	kd_name(name, sizeof(name), "other");
	ASSERT_LE(0, kd_bus_make(self->env.dir, name, 0));
	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
	ASSERT_EQ(0, kd_connect(&e, path));
	EXPECT_EQ(PRIMARY | ACQUIRED, take(&e, NAME, 0));
	EXPECT_EQ(-ESRCH, kd_name_release(&self->a, NAME));
	EXPECT_EQ(PRIMARY | ACQUIRED, take(&self->a, NAME, 0));
	EXPECT_EQ(0, kd_name_added(&self->watch, NAME, self->a.id, PRIMARY));
}

FIXTURE(grant) {
	struct kd_env env;
	struct kd_conn root;
	struct kd_conn alice;	/* not owner */
	struct kd_conn watch;
};

FIXTURE_SETUP(grant)
{
	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_connect(&self->watch, self->env.bus));
	ASSERT_EQ(0, kd_connect(&self->root, self->env.bus));
	ASSERT_EQ(0, kd_connect_as(&self->alice, self->env.bus, ALICE));
	ASSERT_EQ(0, kd_watch_names(&self->watch));
}

FIXTURE_TEARDOWN(grant)
{
	struct kd_change change;

	EXPECT_EQ(-EAGAIN, kd_change(&self->watch, &change));
}

/* Acquire as Alice, with her credentials of now. */
static int take_as_alice(const struct kd_conn *c, const char *name,
			 uint64_t flags)
{
	int r;

	if (seteuid(ALICE) < 0)
		return -errno;
	r = take(c, name, flags);
	if (seteuid(0) < 0)
		return -errno;
	return r;
}

/* NAME-2, POL-8: decided before it is looked whether the name exists */
TEST_F(grant, refused)
{
	EXPECT_EQ(-EPERM, take_as_alice(&self->alice, NAME, 0));
	EXPECT_EQ(-EPERM, take_as_alice(&self->alice, NAME, QUEUE));
	ASSERT_EQ(PRIMARY | ACQUIRED | ALLOW, take(&self->root, NAME, ALLOW));
	ASSERT_EQ(0, kd_name_added(&self->watch, NAME, self->root.id,
				   PRIMARY | ALLOW));
	EXPECT_EQ(-EPERM, take_as_alice(&self->alice, NAME, 0));
	EXPECT_EQ(-EPERM, take_as_alice(&self->alice, NAME, REPLACE));
	EXPECT_EQ(-EPERM, take_as_alice(&self->alice, NAME, QUEUE));
	EXPECT_EQ(PRIMARY | ALLOW, entry(&self->root, NAME));
	EXPECT_EQ(-ENOENT, entry(&self->alice, NAME));
	/* after the syntax */
	EXPECT_EQ(-EINVAL, take_as_alice(&self->alice, "org", 0));
	/* NAME-5: no policy here */
	ASSERT_EQ(0, seteuid(ALICE));
	EXPECT_EQ(-EADDRINUSE, kd_name_release(&self->alice, NAME));
	EXPECT_EQ(-ESRCH, kd_name_release(&self->alice, TWO));
}

/* NAME-2: every line of NAME-3 needs the grant, as it is at that moment */
TEST_F(grant, needed_always)
{
	struct kd_conn one, two;

	ASSERT_EQ(0, kd_holder(&one, self->env.bus, NAME,
			       KDBUS_POLICY_ACCESS_USER, KDBUS_POLICY_OWN,
			       ALICE));
	ASSERT_EQ(0, kd_holder(&two, self->env.bus, TWO,
			       KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_OWN,
			       0));
	ASSERT_EQ(PRIMARY | ACQUIRED, take(&self->root, TWO, 0));
	ASSERT_EQ(0, kd_name_added(&self->watch, TWO, self->root.id, PRIMARY));
	ASSERT_EQ(PRIMARY | ACQUIRED,
		  take_as_alice(&self->alice, NAME, 0));
	ASSERT_EQ(0, kd_name_added(&self->watch, NAME, self->alice.id,
				   PRIMARY));
	ASSERT_EQ(WAITING | ACQUIRED | QUEUE,
		  take_as_alice(&self->alice, TWO, QUEUE));
	/* PRIV-3: the credentials of the caller, not of the opener */
	EXPECT_EQ(-EPERM, take(&self->alice, NAME, 0));
	EXPECT_EQ(WAITING | QUEUE, take(&self->alice, TWO, QUEUE));

	kd_close(&one);
	kd_close(&two);
	/* lines 3, 6 and 7; nothing changes: POL-5 */
	EXPECT_EQ(-EPERM, take_as_alice(&self->alice, NAME, 0));
	EXPECT_EQ(-EPERM, take_as_alice(&self->alice, NAME, ALLOW | QUEUE));
	EXPECT_EQ(-EPERM, take_as_alice(&self->alice, TWO, QUEUE | ALLOW));
	EXPECT_EQ(-EPERM, take_as_alice(&self->alice, TWO, 0));
	EXPECT_EQ(PRIMARY, entry(&self->alice, NAME));
	EXPECT_EQ(WAITING | QUEUE, entry(&self->alice, TWO));

	/* giving up is possible all the same */
	EXPECT_EQ(0, kd_name_release(&self->alice, TWO));
	EXPECT_EQ(0, kd_name_release(&self->alice, NAME));
	EXPECT_EQ(0, kd_name_removed(&self->watch, NAME, self->alice.id,
				     PRIMARY));
}

/* NAME-2: EPERM before E2BIG */
TEST_F_TIMEOUT(grant, before_limit, 120)
{
	struct kd_conn holder;
	char name[64];
	int i;

	ASSERT_EQ(0, kd_match_remove(&self->watch, 1000000));
	/* W-1: a wildcard covers one level */
	ASSERT_EQ(0, kd_holder(&holder, self->env.bus, "org.flood.*",
			       KDBUS_POLICY_ACCESS_USER, KDBUS_POLICY_OWN,
			       ALICE));
	for (i = 0; i < NAMES_MAX; i++) {
		numbered(name, sizeof(name), i);
		ASSERT_EQ(PRIMARY | ACQUIRED,
			  take_as_alice(&self->alice, name, 0));
	}
	EXPECT_EQ(-E2BIG, take_as_alice(&self->alice, "org.flood.x", 0));
	EXPECT_EQ(-EPERM, take_as_alice(&self->alice, NAME, 0));
	EXPECT_EQ(-EPERM, take_as_alice(&self->alice, "org.flood.x.y", 0));
}

/* POL-8, POL-6: owners need nothing, whoever uses the handle (SEC-5) */
TEST_F(grant, owner)
{
	ASSERT_EQ(PRIMARY | ACQUIRED, take_as_alice(&self->root, NAME, 0));
	EXPECT_EQ(0, kd_name_added(&self->watch, NAME, self->root.id,
				   PRIMARY));
	/* and uid 0 does not make an owner of another's handle */
	EXPECT_EQ(-EPERM, take(&self->alice, TWO, 0));
}

#define LOOPS	40

struct contender {
	pthread_t thread;
	struct kd_conn conn;
	uint64_t flags;
	int error;
};

/* Take the name and let it go again, whatever the others do. */
static void *contend(void *data)
{
	struct contender *w = data;
	int i, r;

	for (i = 0; i < LOOPS && !w->error; i++) {
		r = take(&w->conn, NAME, w->flags);
		if (r == -EEXIST && !(w->flags & QUEUE))
			continue;
		if (r < 0 || !(r & ACQUIRED))
			w->error = r ?: -EPROTO;
		if (i % 3 == 0)
			sched_yield();
		r = kd_name_release(&w->conn, NAME);
		/* replaced meanwhile, and not waiting then */
		if ((r == -EADDRINUSE || r == -ESRCH) && !(w->flags & QUEUE))
			r = 0;
		if (r)
			w->error = r;
	}
	return NULL;
}

/* ORD-5, NOTE-2: under contention each change begins where the last ended */
TEST_F_TIMEOUT(names, contention, 120)
{
	static const uint64_t flags[] = {
		QUEUE, QUEUE | ALLOW | REPLACE, ALLOW | REPLACE,
	};
	struct contender w[KD_ARRAY_SIZE(flags)];
	struct kd_change change;
	struct kd_conn watch;
	uint64_t owner = 0;
	size_t i;
	int n = 0;

	/* room for all: each round makes two changes at most */
	ASSERT_EQ(0, kd_hello(&watch, self->env.bus, 0, 0, 1024 * 1024));
	ASSERT_EQ(0, kd_watch_names(&watch));
	for (i = 0; i < KD_ARRAY_SIZE(w); i++) {
		w[i] = (struct contender){ .flags = flags[i] };
		ASSERT_EQ(0, kd_connect(&w[i].conn, self->env.bus));
	}
	for (i = 0; i < KD_ARRAY_SIZE(w); i++) {
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, contend,
					    &w[i]));
	}
	for (i = 0; i < KD_ARRAY_SIZE(w); i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(0, w[i].error);
	}
	while (kd_change(&watch, &change) == 0) {
		ASSERT_EQ(owner, change.old_id.id);
		EXPECT_EQ(owner ? PRIMARY : 0, change.old_id.flags & PRIMARY);
		owner = change.new_id.id;
		EXPECT_EQ(owner ? PRIMARY : 0, change.new_id.flags & PRIMARY);
		n++;
	}
	EXPECT_EQ(0, owner);
	EXPECT_LE(2, n);
	EXPECT_EQ(-ESRCH, kd_name_release(&self->a, NAME));
	while (kd_drop(&self->watch) == 0)
		;
}

TEST_HARNESS_MAIN
