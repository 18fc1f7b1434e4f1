// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections that speak for somebody else: CREDS, PIDS and SECLABEL given to
 * HELLO (rules HELLO-6 to HELLO-10, QUOTA-2, PRIV-2, PRIV-4; W-4, W-18, W-56,
 * W-59). Who may do so is in hello_test.c and endpoint_test.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALICE	4711
#define BOB	4712
#define NAME	"com.example.service"
/* large enough for 256 small messages of two users */
#define POOL	(512 * 1024)

#define UNSET	0xffffffffULL
#define ALL	_KDBUS_ATTACH_ALL

FIXTURE(faked) {
	struct kd_env env;
	struct kd_conn peer;
};

FIXTURE_SETUP(faked)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_hello(&self->peer, self->env.bus, 0, ALL, POOL));
}

FIXTURE_TEARDOWN(faked)
{
}

static const struct kdbus_creds unset = {
	UNSET, UNSET, UNSET, UNSET, UNSET, UNSET, UNSET, UNSET,
};

static int hello_item(struct kd_conn *c, const char *path, uint64_t type,
		      const void *data, size_t len)
{
	struct kd_block b;

	kd_hello_start(&b, KD_POOL);
	kd_add(&b, type, data, len);
	return kd_hello_block(c, path, &b);
}

static int hello_creds(struct kd_conn *c, const char *path,
		       const struct kdbus_creds *creds)
{
	return hello_item(c, path, KDBUS_ITEM_CREDS, creds, sizeof(*creds));
}

static int hello_pids(struct kd_conn *c, const char *path,
		      const struct kdbus_pids *pids)
{
	return hello_item(c, path, KDBUS_ITEM_PIDS, pids, sizeof(*pids));
}

/* A connection that is accounted to somebody, if its opener is privileged. */
static int hello_uid(struct kd_conn *c, const char *path, uint64_t uid)
{
	struct kdbus_creds creds = unset;

	creds.uid = uid;
	return hello_creds(c, path, &creds);
}

static uint64_t type_bit(uint64_t type)
{
	return type - _KDBUS_ITEM_ATTACH_BASE < 64 ?
	       1ULL << (type - _KDBUS_ITEM_ATTACH_BASE) : 1ULL << 63;
}

/* The set of items in a record; -EPROTO if one of them comes twice. */
static int64_t items_of(const struct kdbus_info *info)
{
	uint64_t pos = sizeof(*info), seen = 0;

	while (pos + 16 <= info->size) {
		const struct kdbus_item *item;

		item = (const void *)((const uint8_t *)info + pos);
		if (seen & type_bit(item->type) || item->size < 16)
			return -EPROTO;
		seen |= type_bit(item->type);
		pos += KD_ALIGN8(item->size);
	}
	return seen;
}

/* CONN_INFO with everything; the record stays until the pool goes. */
static const struct kdbus_info *info_of(const struct kd_conn *asker,
					uint64_t id)
{
	struct kdbus_cmd_info cmd;

	if (kd_info(asker, id, NULL, ALL, &cmd) != 0)
		return NULL;
	return kd_record(asker, cmd.offset);
}

/* HELLO-6: only the given kinds exist; description and names as always */
TEST_F(faked, given_kinds_only)
{
	const struct kdbus_pids pids = { .pid = getpid() };
	const struct kdbus_info *info;
	struct kd_conn c;
	struct kd_block b;
	int i;

	for (i = 1; i < 8; i++) {
		int64_t want = 0;

		kd_hello_start(&b, KD_POOL);
		if (i & 1) {
			kd_add(&b, KDBUS_ITEM_SECLABEL, "label", 6);
			want |= KDBUS_ATTACH_SECLABEL;
		}
		if (i & 2) {
			kd_add(&b, KDBUS_ITEM_PIDS, &pids, sizeof(pids));
			want |= KDBUS_ATTACH_PIDS;
		}
		if (i & 4) {
			kd_add(&b, KDBUS_ITEM_CREDS, &unset, sizeof(unset));
			want |= KDBUS_ATTACH_CREDS;
		}
		ASSERT_EQ(0, kd_hello_block(&c, self->env.bus, &b));
		info = info_of(&self->peer, c.id);
		ASSERT_NE(NULL, info);
		EXPECT_EQ(want, items_of(info));
		EXPECT_EQ(c.id, info->id);
		kd_close(&c);

		kd_add_str(&b, KDBUS_ITEM_CONN_DESCRIPTION, "proxy");
		ASSERT_EQ(0, kd_hello_block(&c, self->env.bus, &b));
		ASSERT_EQ(0, kd_name_acquire(&c, NAME, 0, NULL));
		info = info_of(&self->peer, c.id);
		ASSERT_NE(NULL, info);
		EXPECT_EQ(want | KDBUS_ATTACH_NAMES |
			  KDBUS_ATTACH_CONN_DESCRIPTION, items_of(info));
		kd_close(&c);
	}
}

/* HELLO-7: the eight ids are reported as they were given */
TEST_F(faked, creds)
{
	const struct kdbus_creds given = {
		.uid = 1, .euid = UNSET, .suid = 3, .fsuid = UNSET,
		.gid = 5, .egid = 6, .sgid = UNSET, .fsgid = 65533,
	};
	const struct kdbus_info *info;
	const struct kdbus_item *item;
	struct kd_conn c;

	ASSERT_EQ(0, hello_creds(&c, self->env.bus, &given));
	info = info_of(&self->peer, c.id);
	ASSERT_NE(NULL, info);
	item = kd_record_item(info, KDBUS_ITEM_CREDS, 0);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(80, item->size);
	EXPECT_EQ(0, memcmp(&given, &item->creds, sizeof(given)));
}

/* Whether all ids exist here, and not only the 65536 of a namespace. */
static bool all_ids(void)
{
	unsigned int first = 1, base = 1, count = 0;
	FILE *f = fopen("/proc/self/uid_map", "re");

	if (f) {
		if (fscanf(f, "%u %u %u", &first, &base, &count) != 3)
			count = 0;
		fclose(f);
	}
	return first == 0 && count == 0xffffffff;
}

/* HELLO-7, W-59, section 32: what an id may be, in each of the eight places */
TEST_F(faked, creds_values)
{
	static const uint64_t good[] = { 0, 1, 4711, 65535, UNSET };
	static const uint64_t large[] = { 0x7fffffff, 0x80000000, 0xfffffffe };
	static const uint64_t bad[] = {
		0x100000000, 0x100000005, 0x1ffffffff, 1ULL << 63, ~0ULL,
		~0ULL - 1, 0xffffffff00000000,
	};
	const char *bus = self->env.bus;
	int large_result = all_ids() ? 0 : -EINVAL;
	struct kd_conn c;
	size_t i, k;

	for (k = 0; k < 8; k++) {
		uint64_t ids[8];

		memcpy(ids, &unset, sizeof(ids));
		for (i = 0; i < KD_ARRAY_SIZE(good); i++) {
			ids[k] = good[i];
			EXPECT_EQ(0, hello_item(&c, bus, KDBUS_ITEM_CREDS, ids,
						sizeof(ids)));
			kd_close(&c);
		}
		for (i = 0; i < KD_ARRAY_SIZE(large); i++) {
			ids[k] = large[i];
			EXPECT_EQ(large_result,
				  hello_item(&c, bus, KDBUS_ITEM_CREDS, ids,
					     sizeof(ids)));
			kd_close(&c);
		}
		for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
			ids[k] = bad[i];
			EXPECT_EQ(-EINVAL,
				  hello_item(&c, bus, KDBUS_ITEM_CREDS, ids,
					     sizeof(ids))) {
				TH_LOG("place %zu, id 0x%llx", k,
				       (unsigned long long)bad[i]);
			}
		}
	}
}

struct sleeper {
	pthread_t thread;
	int tid;
	int ready[2];
	int stop[2];
};

static void *sleep_in_pipe(void *data)
{
	struct sleeper *s = data;
	char c = 0;

	s->tid = syscall(SYS_gettid);
	if (write(s->ready[1], &c, 1) == 1 && read(s->stop[0], &c, 1) < 0)
		perror("read");
	return NULL;
}

/* HELLO-8: the three numbers need not belong together */
TEST_F(faked, pids)
{
	struct kdbus_pids given = { 0 };
	const struct kdbus_info *info;
	const struct kdbus_item *item;
	struct sleeper s;
	struct kd_conn c;
	int child;
	char ch;
	int i;

	ASSERT_EQ(0, pipe(s.ready));
	ASSERT_EQ(0, pipe(s.stop));
	ASSERT_EQ(0, pthread_create(&s.thread, NULL, sleep_in_pipe, &s));
	ASSERT_EQ(1, read(s.ready[0], &ch, 1));
	child = fork();
	ASSERT_LE(0, child);
	if (child == 0) {
		if (read(s.stop[0], &ch, 1) < 0)
			perror("read");
		_exit(0);
	}

	for (i = 0; i < 4; i++) {
		given.pid = i & 1 ? child : 0;
		given.tid = i & 1 ? s.tid : 0;
		given.ppid = i & 2 ? getpid() : 0;
		ASSERT_EQ(0, hello_pids(&c, self->env.bus, &given));
		info = info_of(&self->peer, c.id);
		ASSERT_NE(NULL, info);
		item = kd_record_item(info, KDBUS_ITEM_PIDS, 0);
		ASSERT_NE(NULL, item);
		EXPECT_EQ(40, item->size);
		EXPECT_EQ(given.pid, item->pids.pid);
		EXPECT_EQ(given.tid, item->pids.tid);
		EXPECT_EQ(given.ppid, item->pids.ppid);
		if (i < 3)
			kd_close(&c);
	}

	/* META-3: what was recorded stays when the processes are gone */
	ASSERT_EQ(2, write(s.stop[1], "xx", 2));
	ASSERT_EQ(0, kd_wait(child));
	pthread_join(s.thread, NULL);
	info = info_of(&self->peer, c.id);
	ASSERT_NE(NULL, info);
	item = kd_record_item(info, KDBUS_ITEM_PIDS, 0);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(child, item->pids.pid);
	EXPECT_EQ(s.tid, item->pids.tid);
	EXPECT_EQ(getpid(), item->pids.ppid);
	/* but they cannot be given any more */
	EXPECT_EQ(-EINVAL, hello_pids(&c, self->env.bus, &given));
}

/* HELLO-8, W-59, section 32: what a number may be, in each of three places */
TEST_F(faked, pids_values)
{
	uint64_t self_pid = getpid();
	const uint64_t bad[] = {
		0x7fffffff, 0x80000000, 0x80000000 + self_pid, 0xffffffff,
		0x100000000, 0x100000000 + self_pid, 1ULL << 63,
		(1ULL << 63) + self_pid, ~0ULL,
	};
	struct kd_conn c;
	size_t i, k;

	for (k = 0; k < 3; k++) {
		uint64_t pids[3] = { 0 };

		EXPECT_EQ(0, hello_item(&c, self->env.bus, KDBUS_ITEM_PIDS,
					pids, sizeof(pids)));
		kd_close(&c);
		pids[k] = self_pid;
		EXPECT_EQ(0, hello_item(&c, self->env.bus, KDBUS_ITEM_PIDS,
					pids, sizeof(pids)));
		kd_close(&c);
		for (i = 0; i < KD_ARRAY_SIZE(bad); i++) {
			pids[k] = bad[i];
			EXPECT_EQ(-EINVAL,
				  hello_item(&c, self->env.bus,
					     KDBUS_ITEM_PIDS, pids,
					     sizeof(pids))) {
				TH_LOG("place %zu, 0x%llx", k,
				       (unsigned long long)bad[i]);
			}
		}
	}
}

/* HELLO-9: any string is a label, an empty one too */
TEST_F(faked, seclabel)
{
	const char *const labels[] = { "", "x", "system_u:object_r:x_t:s0" };
	const struct kdbus_info *info;
	const struct kdbus_item *item;
	struct kd_conn c;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(labels); i++) {
		size_t len = strlen(labels[i]) + 1;

		ASSERT_EQ(0, hello_item(&c, self->env.bus, KDBUS_ITEM_SECLABEL,
					labels[i], len));
		info = info_of(&self->peer, c.id);
		ASSERT_NE(NULL, info);
		item = kd_record_item(info, KDBUS_ITEM_SECLABEL, 0);
		ASSERT_NE(NULL, item);
		EXPECT_EQ(16 + len, item->size);
		EXPECT_STREQ(labels[i], item->str);
		kd_close(&c);
	}
}

/* Section 3.3, ITEM-2, W-4: sizes; each item once */
TEST_F(faked, malformed)
{
	static const size_t sizes[] = {
		0, 1, 8, 16, 23, 24, 25, 32, 56, 63, 64, 65, 72,
	};
	static const uint64_t zero[16];
	const char *bus = self->env.bus;
	struct kd_conn c;
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(sizes[i] == 24 ? 0 : -EINVAL,
			  hello_item(&c, bus, KDBUS_ITEM_PIDS, zero, sizes[i]));
		kd_close(&c);
		EXPECT_EQ(sizes[i] == 64 ? 0 : -EINVAL,
			  hello_item(&c, bus, KDBUS_ITEM_CREDS, zero,
				     sizes[i]));
		kd_close(&c);
	}
	EXPECT_EQ(-EINVAL, hello_item(&c, bus, KDBUS_ITEM_SECLABEL, "", 0));
	EXPECT_EQ(-EINVAL, hello_item(&c, bus, KDBUS_ITEM_SECLABEL, "abc", 3));
	EXPECT_EQ(-EINVAL, hello_item(&c, bus, KDBUS_ITEM_SECLABEL, "a\0b", 4));
	EXPECT_EQ(-EINVAL, hello_item(&c, bus, KDBUS_ITEM_SECLABEL, "a\0", 3));

	kd_hello_start(&b, KD_POOL);
	kd_add(&b, KDBUS_ITEM_CREDS, &unset, sizeof(unset));
	kd_add(&b, KDBUS_ITEM_CREDS, &unset, sizeof(unset));
	EXPECT_EQ(-EINVAL, kd_hello_block(&c, bus, &b));
	kd_hello_start(&b, KD_POOL);
	kd_add(&b, KDBUS_ITEM_PIDS, zero, 24);
	kd_add(&b, KDBUS_ITEM_PIDS, zero, 24);
	EXPECT_EQ(-EINVAL, kd_hello_block(&c, bus, &b));
	kd_hello_start(&b, KD_POOL);
	kd_add_str(&b, KDBUS_ITEM_SECLABEL, "x");
	kd_add_str(&b, KDBUS_ITEM_SECLABEL, "x");
	EXPECT_EQ(-EINVAL, kd_hello_block(&c, bus, &b));
	/* nothing else about a process can be given */
	EXPECT_EQ(-EINVAL, hello_item(&c, bus, KDBUS_ITEM_AUXGROUPS, zero, 8));
	EXPECT_EQ(-EINVAL, hello_item(&c, bus, KDBUS_ITEM_EXE, "/x", 3));
	EXPECT_EQ(-EINVAL, hello_item(&c, bus, KDBUS_ITEM_AUDIT, zero, 8));
}

/* HELLO-10: messages carry nothing of the process, faked or real */
TEST_F(faked, messages)
{
	const struct kdbus_pids pids = { .pid = getpid() };
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	struct kd_conn c;
	struct kd_block b;
	uint64_t type;
	int i;

	kd_hello_start(&b, KD_POOL);
	kd_add(&b, KDBUS_ITEM_CREDS, &unset, sizeof(unset));
	kd_add(&b, KDBUS_ITEM_PIDS, &pids, sizeof(pids));
	kd_add_str(&b, KDBUS_ITEM_SECLABEL, "label");
	kd_add_str(&b, KDBUS_ITEM_CONN_DESCRIPTION, "proxy");
	ASSERT_EQ(0, kd_hello_block(&c, self->env.bus, &b));
	ASSERT_EQ(0, kd_name_acquire(&c, NAME, 0, NULL));
	ASSERT_EQ(0, kd_match_signals(&self->peer, 1));

	for (i = 0; i < 3; i++) {
		if (i == 0) {
			ASSERT_EQ(0, kd_send(&c, self->peer.id, 1, NULL, 0));
		} else if (i == 1) {
			ASSERT_EQ(0, kd_broadcast(&c, 1));
		} else {
			ASSERT_EQ(0, kd_call(&self->peer, c.id, 1, KD_FAR));
			ASSERT_EQ(0, kd_reply(&c, self->peer.id, 1, NULL, 0));
		}
		ASSERT_EQ(0, kd_recv(&self->peer, 0, 0, &cmd));
		msg = kd_msg(&self->peer, cmd.msg.offset);
		for (type = _KDBUS_ITEM_ATTACH_BASE;
		     type <= KDBUS_ITEM_CONN_DESCRIPTION; type++) {
			bool want = type == KDBUS_ITEM_TIMESTAMP ||
				    type == KDBUS_ITEM_OWNED_NAME ||
				    type == KDBUS_ITEM_CONN_DESCRIPTION;

			EXPECT_EQ(want, !!kd_item(msg, type, 0)) {
				TH_LOG("item 0x%x", (unsigned int)type);
			}
		}
		EXPECT_EQ(0, kd_free(&self->peer, cmd.msg.offset));
	}
}

/* HELLO-10: nobody is the user whom he fakes; SEC-5 */
TEST_F(faked, policy_uses_facts)
{
	struct kd_conn c, alice;
	struct kdbus_creds creds = {
		ALICE, ALICE, ALICE, ALICE, ALICE, ALICE, ALICE, ALICE,
	};

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, hello_creds(&c, self->env.bus, &creds));
	ASSERT_EQ(0, kd_connect_as(&alice, self->env.bus, ALICE));
	/* POL-9.3: its opener is uid 0 */
	ASSERT_EQ(0, kd_act_as(ALICE));
	EXPECT_EQ(-EPERM, kd_send(&alice, c.id, 1, NULL, 0));
	ASSERT_EQ(0, kd_act_as(0));
	/* POL-9.2: and is the owner of the bus still */
	EXPECT_EQ(0, kd_send(&c, alice.id, 1, NULL, 0));
	EXPECT_EQ(0, kd_send(&c, self->peer.id, 1, NULL, 0));
}

/* The id that a connection made now gets; it is used up. */
static uint64_t next_id(const char *path)
{
	struct kd_conn c;

	if (kd_connect(&c, path) != 0)
		return 0;
	kd_close(&c);
	return c.id;
}

/* PRIV-4, 9.2: a HELLO that fails at the ids uses one up, and nothing else */
TEST_F(faked, order)
{
	const struct kdbus_pids bad = { .pid = ~0ULL };
	const char *bus = self->env.bus;
	uint64_t id = next_id(bus);
	struct kd_conn c;
	struct kd_block b;

	kd_hello_start(&b, KD_POOL);
	kd_add(&b, KDBUS_ITEM_PIDS, &bad, sizeof(bad));
	EXPECT_EQ(-EINVAL, kd_hello_block(&c, bus, &b));
	EXPECT_EQ(id + 2, next_id(bus));
	EXPECT_EQ(-EINVAL, hello_uid(&c, bus, ~0ULL));
	EXPECT_EQ(id + 4, next_id(bus));
	/* masks first: none is used */
	b.hello.attach_flags_recv = 0x4000;
	EXPECT_EQ(-EINVAL, kd_hello_block(&c, bus, &b));
	EXPECT_EQ(id + 5, next_id(bus));
	/* the pool before the ids */
	b.hello.attach_flags_recv = 0;
	b.hello.pool_size = 1ULL << 62;
	EXPECT_EQ(-ENOMEM, kd_hello_block(&c, bus, &b));
	EXPECT_EQ(id + 7, next_id(bus));
}

/* Special connections may fake as well. */
TEST_F(faked, special_kinds)
{
	static const uint64_t kinds[] = {
		KDBUS_HELLO_ACTIVATOR, KDBUS_HELLO_POLICY_HOLDER,
		KDBUS_HELLO_MONITOR,
	};
	const struct kdbus_info *info;
	struct kd_conn c;
	struct kd_block b;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(kinds); i++) {
		kd_hello_start(&b, KD_POOL);
		b.hello.flags = kinds[i];
		if (kinds[i] != KDBUS_HELLO_MONITOR)
			kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
		kd_add_str(&b, KDBUS_ITEM_SECLABEL, "label");
		ASSERT_EQ(0, kd_hello_block(&c, self->env.bus, &b));
		info = info_of(&self->peer, c.id);
		ASSERT_NE(NULL, info);
		EXPECT_NE(NULL, kd_record_item(info, KDBUS_ITEM_SECLABEL, 0));
		EXPECT_EQ(NULL, kd_record_item(info, KDBUS_ITEM_CREDS, 0));
		EXPECT_EQ(NULL, kd_record_item(info, KDBUS_ITEM_PIDS, 0));
		kd_close(&c);
	}
}

/*
 * Accounting. One receiver, to which everybody may talk; whoever shares a
 * user with a connection that has used up its 256 messages gets ENOBUFS.
 */
FIXTURE(account) {
	struct kd_env env;
	struct kd_conn receiver;
	struct kd_conn holder;
	struct kd_conn root;
	struct kd_conn alice;
	struct kd_conn bob;
};

FIXTURE_SETUP(account)
{
	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_hello(&self->receiver, self->env.bus, 0, 0, POOL));
	ASSERT_EQ(0, kd_name_acquire(&self->receiver, NAME, 0, NULL));
	ASSERT_EQ(0, kd_holder(&self->holder, self->env.bus, NAME,
			       KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_TALK,
			       0));
	ASSERT_EQ(0, kd_connect(&self->root, self->env.bus));
	ASSERT_EQ(0, kd_connect_as(&self->alice, self->env.bus, ALICE));
	ASSERT_EQ(0, kd_connect_as(&self->bob, self->env.bus, BOB));
}

FIXTURE_TEARDOWN(account)
{
}

/* Use up the messages of the user that a connection is accounted to. */
static int fill(const struct kd_conn *from, const struct kd_conn *to)
{
	int i, r;

	for (i = 0; i < KD_QUEUE_MAX; i++) {
		r = kd_send(from, to->id, 1, NULL, 0);
		if (r != 0)
			return r;
	}
	r = kd_send(from, to->id, 1, NULL, 0);
	return r == -ENOBUFS ? 0 : r ?: -EPROTO;
}

static int drain(const struct kd_conn *c)
{
	int r;

	do {
		r = kd_drop(c);
	} while (r == 0);
	return r == -EAGAIN ? 0 : r;
}

/* Which of root (1), ALICE (2), BOB (4) cannot send any more. */
static int refused(struct kd_conn *const who[3], const struct kd_conn *to)
{
	int i, r, set = 0;

	for (i = 0; i < 3; i++) {
		r = kd_send(who[i], to->id, 1, NULL, 0);
		if (r == -ENOBUFS)
			set |= 1 << i;
		else if (r != 0)
			return r;
	}
	return set;
}

/* QUOTA-2, PRIV-2: privileged, with a uid: the faked one pays */
TEST_F(account, by_faked_uid)
{
	struct kd_conn *const who[] = { &self->root, &self->alice, &self->bob };
	struct kd_conn c, second;

	ASSERT_EQ(0, hello_uid(&c, self->env.bus, ALICE));
	ASSERT_EQ(0, hello_uid(&second, self->env.bus, ALICE));
	ASSERT_EQ(0, fill(&c, &self->receiver));
	EXPECT_EQ(2, refused(who, &self->receiver));
	EXPECT_EQ(-ENOBUFS, kd_send(&second, self->receiver.id, 1, NULL, 0));
	ASSERT_EQ(0, drain(&self->receiver));
	EXPECT_EQ(0, refused(who, &self->receiver));
	/* and the other way round */
	ASSERT_EQ(0, drain(&self->receiver));
	ASSERT_EQ(0, fill(&self->alice, &self->receiver));
	EXPECT_EQ(-ENOBUFS, kd_send(&c, self->receiver.id, 1, NULL, 0));
	EXPECT_EQ(2, refused(who, &self->receiver));
}

/* QUOTA-2, W-56: without a faked uid it is the opener's real uid */
TEST_F(account, without_faked_uid)
{
	struct kd_conn *const who[] = { &self->root, &self->alice, &self->bob };
	const struct kdbus_pids pids = { .pid = getpid() };
	struct kdbus_creds creds = unset;
	struct kd_conn c[3];
	int i;

	creds.euid = BOB;
	/* ALICE's real uid with the privileges of uid 0 */
	ASSERT_EQ(0, setresuid(ALICE, 0, 0));
	ASSERT_EQ(0, hello_pids(&c[0], self->env.bus, &pids));
	ASSERT_EQ(0, hello_item(&c[1], self->env.bus, KDBUS_ITEM_SECLABEL, "x",
				2));
	ASSERT_EQ(0, hello_creds(&c[2], self->env.bus, &creds));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, fill(&c[i], &self->receiver));
		EXPECT_EQ(2, refused(who, &self->receiver));
		ASSERT_EQ(0, drain(&self->receiver));
	}
}

/* QUOTA-2, PRIV-2: an owner who is not privileged pays himself */
TEST_F(account, not_privileged)
{
	struct kd_conn root, alice, bob, receiver, holder, c;
	struct kd_conn *const who[] = { &root, &alice, &bob };
	char name[] = "4711-alice", path[KD_PATH_MAX];
	int ctl;

	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
	ASSERT_EQ(0, kd_act_as(ALICE));
	ctl = kd_bus_make(self->env.dir, name, KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_LE(0, ctl);
	ASSERT_EQ(0, kd_hello(&receiver, path, 0, 0, POOL));
	ASSERT_EQ(0, kd_name_acquire(&receiver, NAME, 0, NULL));
	ASSERT_EQ(0, kd_holder(&holder, path, NAME, KDBUS_POLICY_ACCESS_WORLD,
			       KDBUS_POLICY_TALK, 0));
	ASSERT_EQ(0, hello_uid(&c, path, BOB));
	ASSERT_EQ(0, kd_connect(&alice, path));
	ASSERT_EQ(0, kd_act_as(0));
	ASSERT_EQ(0, kd_connect(&root, path));
	ASSERT_EQ(0, kd_connect_as(&bob, path, BOB));

	ASSERT_EQ(0, fill(&c, &receiver));
	EXPECT_EQ(2, refused(who, &receiver));
}

/* W-18: ids of 2^31 and above are ids like all others */
TEST_F(account, large_ids)
{
	struct kd_conn *const who[] = { &self->root, &self->alice, &self->bob };
	static const uint64_t ids[] = { 0x80000000, 0xfffffffe };
	struct kd_conn c, second, real;
	size_t i;

	if (!all_ids())
		SKIP(return, "needs the initial user namespace");
	for (i = 0; i < KD_ARRAY_SIZE(ids); i++) {
		ASSERT_EQ(0, hello_uid(&c, self->env.bus, ids[i]));
		ASSERT_EQ(0, hello_uid(&second, self->env.bus, ids[i]));
		ASSERT_EQ(0, kd_connect_as(&real, self->env.bus, ids[i]));
		ASSERT_EQ(0, fill(&c, &self->receiver));
		EXPECT_EQ(-ENOBUFS, kd_send(&second, self->receiver.id, 1, NULL,
					    0));
		EXPECT_EQ(-ENOBUFS, kd_send(&real, self->receiver.id, 1, NULL,
					    0));
		EXPECT_EQ(0, refused(who, &self->receiver));
		ASSERT_EQ(0, drain(&self->receiver));
	}
}

/* QUOTA-2, section 32: connections are counted for the faked uid, too */
TEST_F_TIMEOUT(account, connections, 120)
{
	struct rlimit files = { KD_CONNS_MAX + 64, KD_CONNS_MAX + 64 };
	struct kdbus_creds creds = unset;
	static int fds[KD_CONNS_MAX];
	struct kd_block b;
	struct kd_conn c;
	int i, n = 0;

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		SKIP(return, "cannot have that many files");
	creds.uid = ALICE;
	/* one is there from the beginning */
	for (i = 1; i < KD_CONNS_MAX; i++) {
		kd_hello_start(&b, getpagesize());
		kd_add(&b, KDBUS_ITEM_CREDS, &creds, sizeof(creds));
		fds[i] = open(self->env.bus, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fds[i]);
		n += kd_ioctl(fds[i], KDBUS_CMD_HELLO, &b) == 0;
	}
	EXPECT_EQ(KD_CONNS_MAX - 1, n);
	EXPECT_EQ(-EMFILE, hello_uid(&c, self->env.bus, ALICE));
	EXPECT_EQ(-EMFILE, kd_connect_as(&c, self->env.bus, ALICE));
	EXPECT_EQ(0, kd_connect(&c, self->env.bus));
	EXPECT_EQ(0, kd_connect_as(&c, self->env.bus, BOB));
	close(fds[1]);
	EXPECT_EQ(0, kd_connect_as(&c, self->env.bus, ALICE));
	EXPECT_EQ(-EMFILE, hello_uid(&c, self->env.bus, ALICE));
}

TEST_HARNESS_MAIN
