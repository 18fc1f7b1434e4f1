// SPDX-License-Identifier: GPL-2.0-only
/*
 * KDBUS_CMD_LIST: which records there are, how they look, who may see them
 * (rules LIST-1 to LIST-5, POL-7, POOL-5, POOL-8, PRIV-3; W-16, W-21, W-38)
 *
 * The expected records are computed from a description of what was set up, for
 * every set of flags.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define ALICE		4711
#define UNIQUE		KDBUS_LIST_UNIQUE
#define NAMES		KDBUS_LIST_NAMES
#define ACTIVATORS	KDBUS_LIST_ACTIVATORS
#define QUEUED		KDBUS_LIST_QUEUED

#define ALLOW		KDBUS_NAME_ALLOW_REPLACEMENT
#define QUEUE		KDBUS_NAME_QUEUE
#define WAITING		KDBUS_NAME_IN_QUEUE
#define PRIMARY		KDBUS_NAME_PRIMARY
#define STARTER		KDBUS_NAME_ACTIVATOR

#define MAX_ENTRIES	4

/**
 * struct relation - what a connection has to do with a name
 * @name: the name
 * @flags: of the record
 * @class: flag of LIST that selects it
 */
struct relation {
	const char *name;
	uint64_t flags;
	uint64_t class;
};

/**
 * struct peer - a connection and what LIST should tell about it
 * @conn: the connection
 * @flags: of HELLO
 * @entries: its names in the order of claiming, ends with a NULL name
 * @seen: scratch: how many records a list had
 */
struct peer {
	struct kd_conn conn;
	uint64_t flags;
	struct relation entries[MAX_ENTRIES];
	unsigned int seen;
};

enum { PLAIN, OWNER, OTHER, ACT1, ACT2, HOLDER, ASKER, PEERS };

FIXTURE(list) {
	struct kd_env env;
	struct peer peers[PEERS];
	struct kd_conn monitor;
};

/* Everything a record can tell, in all classes. */
FIXTURE_SETUP(list)
{
	static const struct relation relations[PEERS][MAX_ENTRIES] = {
		[OWNER] = {
			{ "org.b", PRIMARY | ALLOW, NAMES },
			{ "org.c", WAITING | QUEUE, QUEUED },
			{ "org.a.long.name", PRIMARY, NAMES },
		},
		[OTHER] = { { "org.c", PRIMARY, NAMES } },
		[ACT1] = { { "org.act", STARTER | PRIMARY, ACTIVATORS } },
		[ACT2] = { { "org.b", STARTER | WAITING, ACTIVATORS } },
	};
	static const uint64_t flags[PEERS] = {
		[OWNER] = KDBUS_HELLO_ACCEPT_FD,
		[ACT1] = KDBUS_HELLO_ACTIVATOR,
		[ACT2] = KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_ACCEPT_FD,
		[HOLDER] = KDBUS_HELLO_POLICY_HOLDER,
	};
	struct peer *p = self->peers;
	int i;

	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	for (i = 0; i < PEERS; i++) {
		const char *name = i == HOLDER ? "org.h" : relations[i][0].name;

		memcpy(p[i].entries, relations[i], sizeof(relations[i]));
		p[i].flags = flags[i];
		if (i == ACT1 || i == ACT2 || i == HOLDER) {
			ASSERT_EQ(0, kd_hello_name(&p[i].conn, self->env.bus,
						   flags[i], name));
		} else {
			ASSERT_EQ(0, kd_hello(&p[i].conn, self->env.bus,
					      flags[i], 0, KD_POOL));
		}
	}
	ASSERT_EQ(0, kd_hello(&self->monitor, self->env.bus,
			      KDBUS_HELLO_MONITOR, 0, KD_POOL));
	ASSERT_EQ(0, kd_name_acquire(&p[OTHER].conn, "org.c", 0, NULL));
	ASSERT_EQ(0, kd_name_acquire(&p[OWNER].conn, "org.b", ALLOW, NULL));
	ASSERT_EQ(0, kd_name_acquire(&p[OWNER].conn, "org.c", QUEUE, NULL));
	ASSERT_EQ(0, kd_name_acquire(&p[OWNER].conn, "org.a.long.name", 0,
				     NULL));
}

FIXTURE_TEARDOWN(list)
{
}

/* LIST-3: whether a record is what it should be, for this name or without. */
static bool is_record(const struct kdbus_info *info, const struct peer *peer,
		      const struct relation *relation)
{
	const struct kdbus_item *item = info->items;
	uint64_t size = 24, len, i;

	if (relation) {
		len = strlen(relation->name) + 1;
		size += KD_ALIGN8(24 + len);
		if (info->size != size || item->size != 24 + len ||
		    item->type != KDBUS_ITEM_OWNED_NAME ||
		    item->name.flags != relation->flags ||
		    memcmp(item->name.name, relation->name, len) != 0)
			return false;
		for (i = 48 + len; i < size; i++) {
			if (((const uint8_t *)info)[i])
				return false;
		}
	}
	return info->size == size && info->id == peer->conn.id &&
	       info->flags == peer->flags;
}

/* What may be seen: all if this is NULL, else the names up to a NULL. */
static bool is_visible(const char *const *visible, const char *name)
{
	if (!visible)
		return true;
	while (*visible && strcmp(*visible, name) != 0)
		visible++;
	return *visible;
}

/*
 * LIST-2, LIST-4: compare the records of one peer; returns how many there are,
 * or -1 if they differ.
 */
static int compare(const struct kd_conn *c, uint64_t pos, uint64_t end,
		   const struct peer *peer, uint64_t flags,
		   const char *const *visible)
{
	const struct relation *relation;
	bool selected = false, known = !visible;
	int n = 0;

	for (relation = peer->entries; relation->name; relation++) {
		bool see = is_visible(visible, relation->name);

		known |= see && relation->flags & PRIMARY;
		if (!(relation->class & flags))
			continue;
		selected = true;
		if (!see)
			continue;
		if (pos >= end || !is_record(kd_record(c, pos), peer, relation))
			return -1;
		pos += kd_record(c, pos)->size;
		n++;
	}
	/* POL-7, W-16: those of whom no name can be seen are not shown bare */
	if (!selected && known && flags & UNIQUE) {
		if (pos >= end || !is_record(kd_record(c, pos), peer, NULL))
			return -1;
		n++;
	}
	return n;
}

/*
 * List with these flags and compare with what was set up. Returns 0, or the
 * number of the line that was not satisfied.
 */
static int check_list(const struct kd_conn *c, struct peer *peers,
		      size_t n_peers, uint64_t flags,
		      const char *const *visible)
{
	struct kdbus_cmd_list cmd;
	uint64_t pos, end;
	size_t i;
	int n;

	for (i = 0; i < n_peers; i++)
		peers[i].seen = 0;
	if (kd_list(c, flags, &cmd) != 0 || cmd.return_flags ||
	    cmd.flags != flags)
		return __LINE__;
	/* POOL-5 */
	if (!cmd.list_size && cmd.offset != c->pool_size)
		return __LINE__;
	pos = cmd.offset;
	end = pos + cmd.list_size;
	while (pos < end) {
		const struct kdbus_info *info = kd_record(c, pos);

		for (i = 0; i < n_peers; i++) {
			if (peers[i].conn.id == info->id)
				break;
		}
		/* nobody else, and all records of a peer adjacent */
		if (i == n_peers || peers[i].seen++)
			return __LINE__;
		n = compare(c, pos, end, &peers[i], flags, visible);
		if (n <= 0)
			return __LINE__;
		for (; n; n--)
			pos += kd_record(c, pos)->size;
	}
	if (pos != end)
		return __LINE__;
	for (i = 0; i < n_peers; i++) {
		if (!peers[i].seen &&
		    compare(c, 0, 0, &peers[i], flags, visible) != 0)
			return __LINE__;
	}
	return kd_free(c, cmd.offset) ? __LINE__ : 0;
}

/* LIST-1 to LIST-3: each set of flags; section 4: whoever asks */
TEST_F(list, flags)
{
	struct peer *p = self->peers;
	uint64_t flags;
	int i;

	for (flags = 0; flags < 16; flags++) {
		for (i = 0; i < PEERS; i++) {
			EXPECT_EQ(0, check_list(&p[i].conn, p, PEERS, flags,
						NULL)) {
				TH_LOG("flags %d peer %d", (int)flags, i);
			}
		}
		/* a monitor may ask, but is not shown */
		EXPECT_EQ(0, check_list(&self->monitor, p, PEERS, flags,
					NULL));
	}
}

/* LIST-2: a connection appears once for each name, or once */
TEST_F(list, names_come_and_go)
{
	struct peer *p = self->peers;
	uint64_t flags;

	/* the activator gets its name, the waiter another one */
	ASSERT_EQ(0, kd_name_release(&p[OWNER].conn, "org.b"));
	ASSERT_EQ(0, kd_name_release(&p[OTHER].conn, "org.c"));
	ASSERT_EQ(0, kd_name_acquire(&p[PLAIN].conn, "org.act", QUEUE, NULL));
	p[ACT1].entries[0].flags = STARTER | WAITING;
	p[ACT2].entries[0].flags = STARTER | PRIMARY;
	p[OWNER].entries[0] = p[OWNER].entries[1];
	p[OWNER].entries[0].flags = PRIMARY | QUEUE;
	p[OWNER].entries[0].class = NAMES;
	p[OWNER].entries[1] = p[OWNER].entries[2];
	p[OWNER].entries[2].name = NULL;
	p[OTHER].entries[0].name = NULL;
	p[PLAIN].entries[0] = (struct relation){
		"org.act", PRIMARY | QUEUE, NAMES
	};
	for (flags = 0; flags < 16; flags++) {
		EXPECT_EQ(0, check_list(&p[ASKER].conn, p, PEERS, flags,
					NULL)) {
			TH_LOG("flags %d", (int)flags);
		}
	}
	/* whoever has gone is not there */
	kd_close(&p[ACT2].conn);
	ASSERT_EQ(0, kd_byebye(&p[OTHER].conn));
	p[ACT2] = p[PEERS - 1];
	p[OTHER] = p[PEERS - 2];
	for (flags = 0; flags < 16; flags++) {
		EXPECT_EQ(0, check_list(&p[PLAIN].conn, p, PEERS - 2, flags,
					NULL)) {
			TH_LOG("flags %d", (int)flags);
		}
	}
}

/* LIST-1, POOL-5: nothing to tell: success, no slice, nothing to free */
TEST_F(list, empty)
{
	static const uint64_t flags[] = { 0, NAMES, ACTIVATORS, QUEUED };
	char name[32], path[KD_PATH_MAX];
	struct kdbus_cmd_list cmd;
	struct kd_conn c;
	size_t i;

	kd_name(name, sizeof(name), "other");
	ASSERT_LE(0, kd_bus_make(self->env.dir, name, 0));
	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
	ASSERT_EQ(0, kd_connect(&c, path));
	for (i = 0; i < KD_ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(0, kd_list(&c, flags[i], &cmd));
		EXPECT_EQ(KD_POOL, cmd.offset);
		EXPECT_EQ(0, cmd.list_size);
		EXPECT_EQ(0, cmd.return_flags);
		EXPECT_EQ(0, kd_free(&c, cmd.offset));
	}
	/* itself alone: other buses are other buses */
	EXPECT_EQ(0, kd_list(&c, UNIQUE | NAMES | ACTIVATORS | QUEUED, &cmd));
	EXPECT_EQ(24, cmd.list_size);
	EXPECT_EQ(c.id, kd_record(&c, cmd.offset)->id);
	EXPECT_EQ(0, kd_free(&c, cmd.offset));
	EXPECT_EQ(-ENXIO, kd_free(&c, cmd.offset));
}

/* section 3.5, NEG-1: arguments */
TEST_F(list, arguments)
{
	const struct kd_conn *c = &self->peers[ASKER].conn;
	struct kdbus_cmd_list cmd;
	struct kd_block b;
	int bit;

	for (bit = 4; bit < 63; bit++) {
		EXPECT_EQ(-EINVAL, kd_list(c, 1ULL << bit, &cmd));
		EXPECT_EQ(0, cmd.return_flags);
		EXPECT_EQ(KD_SLICE_NONE, cmd.offset);
		EXPECT_EQ(~0ULL, cmd.list_size);
	}
	kd_start(&b, sizeof(b.list));
	kd_add_str(&b, KDBUS_ITEM_NAME, "org.a");
	EXPECT_EQ(-EINVAL, kd_ioctl(c->fd, KDBUS_CMD_LIST, &b));
	EXPECT_EQ(0, kd_list(c, KDBUS_FLAG_NEGOTIATE, &cmd));
	EXPECT_EQ(UNIQUE | NAMES | ACTIVATORS | QUEUED, cmd.flags);
	EXPECT_EQ(KD_SLICE_NONE, cmd.offset);
	EXPECT_EQ(-ENXIO, kd_free(c, 0));
	EXPECT_EQ(-EFAULT, kd_ioctl(c->fd, KDBUS_CMD_LIST, NULL));
	/* H-3, BYE-2 */
	ASSERT_EQ(0, kd_byebye(c));
	EXPECT_EQ(-ECONNRESET, kd_ioctl(c->fd, KDBUS_CMD_LIST, NULL));
	EXPECT_EQ(-ECONNRESET, kd_list(c, UNIQUE, &cmd));
}

/* CMD-3, W-21: a list that cannot be reported is held all the same */
TEST_F(list, write_back)
{
	const struct kd_conn *c = &self->peers[ASKER].conn;
	size_t page = getpagesize();
	struct kdbus_cmd_list *cmd = kd_guard(page, PROT_READ | PROT_WRITE);

	*cmd = (struct kdbus_cmd_list){
		.size = sizeof(*cmd),
		.flags = UNIQUE,
	};
	ASSERT_EQ(0, mprotect(cmd, page, PROT_READ));
	EXPECT_EQ(-EFAULT, kd_ioctl(c->fd, KDBUS_CMD_LIST, cmd));
	EXPECT_EQ(0, kd_free(c, 0));
	EXPECT_EQ(-ENXIO, kd_free(c, 0));
}

/* LIST-5, POOL-8: it may use all of the pool, and no more than that */
TEST_F(list, full_pool)
{
	struct kdbus_cmd_list cmd, first;
	unsigned int i, fits = 0;
	uint64_t all = 0;
	struct kd_conn c;
	char name[256];

	ASSERT_EQ(0, kd_hello(&c, self->env.bus, 0, 0, getpagesize()));
	memset(name, 'n', sizeof(name));
	name[1] = '.';
	/* one record: 24 + A8(25 + 231) = 280 */
	for (i = 0; i < 80; i++) {
		uint64_t size;

		snprintf(name + 229, 3, "%02u", i);
		ASSERT_EQ(0, kd_name_acquire(&self->peers[OTHER].conn, name, 0,
					     NULL));
		ASSERT_EQ(0, kd_list(&self->peers[ASKER].conn, NAMES, &cmd));
		size = cmd.list_size;
		ASSERT_EQ(0, kd_free(&self->peers[ASKER].conn, cmd.offset));
		ASSERT_EQ(all ? all + 280 : size, size);
		all = size;
		if (size <= c.pool_size) {
			ASSERT_EQ(0, kd_list(&c, NAMES, &cmd));
			ASSERT_EQ(size, cmd.list_size);
			ASSERT_EQ(0, cmd.offset);
			ASSERT_EQ(0, kd_free(&c, cmd.offset));
			fits++;
		} else {
			ASSERT_EQ(-EXFULL, kd_list(&c, NAMES, &cmd));
			ASSERT_EQ(0, cmd.return_flags);
			ASSERT_EQ(KD_SLICE_NONE, cmd.offset);
			ASSERT_EQ(~0ULL, cmd.list_size);
		}
	}
	ASSERT_LT(7, fits);
	/* W-5: failing leaves nothing behind; slices not freed count */
	ASSERT_EQ(0, kd_list(&c, UNIQUE, &first));
	ASSERT_EQ(0, kd_list(&c, UNIQUE, &cmd));
	EXPECT_EQ(first.list_size, cmd.offset);
	while (kd_list(&c, UNIQUE, &cmd) == 0)
		;
	EXPECT_EQ(-EXFULL, kd_list(&c, UNIQUE, &cmd));
	ASSERT_EQ(0, kd_free(&c, first.offset));
	EXPECT_EQ(0, kd_list(&c, UNIQUE, &cmd));
	EXPECT_EQ(first.offset, cmd.offset);
	EXPECT_EQ(-EXFULL, kd_list(&c, UNIQUE, &cmd));
}

/* LIST-1: hundreds of kilobytes */
TEST_F(list, large)
{
	struct peer *p = &self->peers[OTHER];
	const struct kdbus_item *item;
	struct kdbus_cmd_list cmd;
	struct kd_conn c;
	char name[256];
	uint64_t pos;
	int i, n = 0;

	ASSERT_EQ(0, kd_hello(&c, self->env.bus, 0, 0, 1024 * 1024));
	memset(name, 'n', sizeof(name));
	name[1] = '.';
	ASSERT_EQ(0, kd_name_release(&p->conn, "org.c"));
	for (i = 0; i < 256; i++) {
		snprintf(name + 252, 4, "%03d", i);
		ASSERT_EQ(0, kd_name_acquire(&p->conn, name, 0, NULL));
	}
	ASSERT_EQ(0, kd_list(&c, NAMES, &cmd));
	/* all the others together have less */
	EXPECT_LT(256 * 304, cmd.list_size);
	EXPECT_GT(260 * 304, cmd.list_size);
	for (pos = 0; pos < cmd.list_size;) {
		const struct kdbus_info *info = kd_record(&c, cmd.offset + pos);

		pos += info->size;
		if (info->id != p->conn.id)
			continue;
		ASSERT_EQ(304, info->size);
		item = info->items;
		snprintf(name + 252, 4, "%03d", n++);
		ASSERT_STREQ(name, item->name.name);
	}
	EXPECT_EQ(256, n);
	EXPECT_EQ(0, kd_free(&c, cmd.offset));
}

/* What a custom endpoint shows, to one user or to all. */
static int show(int ep, const char *const *visible, uint64_t type, uint64_t id)
{
	struct kd_block b;

	kd_start(&b, sizeof(b.cmd));
	for (; *visible; visible++) {
		kd_add_str(&b, KDBUS_ITEM_NAME, *visible);
		kd_add_access(&b, type, KDBUS_POLICY_SEE, id);
	}
	return kd_ioctl(ep, KDBUS_CMD_ENDPOINT_UPDATE, &b);
}

/* LIST-4, W-16: on a custom endpoint only what may be seen */
TEST_F(list, custom_endpoint)
{
	static const char *const visible[][6] = {
		{ NULL },
		{ "org.a.long.name", NULL },
		{ "org.b", NULL },
		{ "org.c", NULL },
		{ "org.act", NULL },
		{ "org.h", NULL },
		{ "org.a.long.name", "org.c", NULL },
		{ "org.act", "org.b", NULL },
		{ "org.a.long.name", "org.b", "org.c", "org.act", "org.h",
		  NULL },
	};
	char name[32], path[KD_PATH_MAX];
	struct peer *p = self->peers;
	uint64_t flags;
	int ep, i;

	kd_name(name, sizeof(name), "ep");
	snprintf(path, sizeof(path), "%s/%s", self->env.busdir, name);
	ep = kd_endpoint_make(self->env.bus, name, 0);
	ASSERT_LE(0, ep);
	kd_close(&p[ASKER].conn);
	ASSERT_EQ(0, kd_hello(&p[ASKER].conn, path, 0, 0, KD_POOL));
	for (i = 0; i < KD_ARRAY_SIZE(visible); i++) {
		ASSERT_EQ(0, show(ep, visible[i], KDBUS_POLICY_ACCESS_WORLD,
				  0));
		for (flags = 0; flags < 16; flags++) {
			EXPECT_EQ(0, check_list(&p[ASKER].conn, p, PEERS,
						flags, visible[i])) {
				TH_LOG("set %d flags %d", i, (int)flags);
			}
		}
	}
	/* those on the endpoint are shown to others, and to owners all */
	EXPECT_EQ(0, check_list(&p[PLAIN].conn, p, PEERS, UNIQUE, NULL));
	EXPECT_EQ(0, check_list(&p[PLAIN].conn, p, PEERS, UNIQUE | NAMES,
				NULL));
}

/* PRIV-3: the credentials of the caller count, as they are now */
TEST_F(list, current_user)
{
	static const char *const none[] = { NULL };
	static const char *const visible[] = { "org.c", "org.act", NULL };
	char name[32], path[KD_PATH_MAX];
	struct peer *p = self->peers;
	uint64_t flags;
	int ep;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	kd_name(name, sizeof(name), "ep");
	snprintf(path, sizeof(path), "%s/%s", self->env.busdir, name);
	ep = kd_endpoint_make(self->env.bus, name, 0);
	ASSERT_LE(0, ep);
	kd_close(&p[ASKER].conn);
	ASSERT_EQ(0, kd_hello(&p[ASKER].conn, path, 0, 0, KD_POOL));
	ASSERT_EQ(0, show(ep, visible, KDBUS_POLICY_ACCESS_USER, ALICE));
	for (flags = 0; flags < 16; flags++) {
		EXPECT_EQ(0, check_list(&p[ASKER].conn, p, PEERS, flags,
					none));
		ASSERT_EQ(0, seteuid(ALICE));
		EXPECT_EQ(0, check_list(&p[ASKER].conn, p, PEERS, flags,
					visible));
		ASSERT_EQ(0, seteuid(0));
	}
}

#define LISTS	300

struct visitor {
	pthread_t thread;
	const char *bus;
	const int *stop;
	unsigned int visits;
	int error;
};

/* Come, take names, go. */
static void *visit(void *data)
{
	struct visitor *w = data;
	struct kd_conn c;
	uint64_t flags;

	while (!__atomic_load_n(w->stop, __ATOMIC_ACQUIRE) && !w->error) {
		w->error = kd_connect(&c, w->bus);
		if (w->error)
			break;
		flags = w->visits % 2 ? QUEUE : QUEUE | ALLOW |
			KDBUS_NAME_REPLACE_EXISTING;
		w->error = kd_name_acquire(&c, "org.visited", flags, NULL) ?:
			   kd_name_acquire(&c, "org.visited.too", QUEUE, NULL);
		if (w->visits % 3 == 0)
			w->error = w->error ?: kd_name_release(&c,
							       "org.visited");
		kd_close(&c);
		w->visits++;
	}
	return NULL;
}

/*
 * A list with strangers in it: well formed, the records of each adjacent, the
 * peers complete. Returns as check_list() does.
 */
static int check_crowd(const struct kd_conn *c, struct peer *peers)
{
	const uint64_t flags = UNIQUE | NAMES | ACTIVATORS | QUEUED;
	struct kdbus_cmd_list cmd;
	uint64_t pos, end, known[64], last = 0;
	size_t i, n = 0;
	int records;

	if (kd_list(c, flags, &cmd) != 0 || !cmd.list_size)
		return __LINE__;
	end = cmd.offset + cmd.list_size;
	for (i = 0; i < PEERS; i++)
		peers[i].seen = 0;
	for (pos = cmd.offset; pos < end;) {
		const struct kdbus_info *info = kd_record(c, pos);

		if (info->size < 24 || info->size % 8 ||
		    info->size > end - pos)
			return __LINE__;
		for (i = 0; i < PEERS && peers[i].conn.id != info->id; i++)
			;
		if (i < PEERS) {
			records = compare(c, pos, end, &peers[i], flags, NULL);
			if (records < 0 || peers[i].seen++)
				return __LINE__;
			for (; records; records--)
				pos += kd_record(c, pos)->size;
			last = 0;
			continue;
		}
		for (i = 0; i < n && known[i] != info->id; i++)
			;
		/* seen before, but not just before */
		if ((i < n && info->id != last) || n == KD_ARRAY_SIZE(known))
			return __LINE__;
		if (i == n)
			known[n++] = info->id;
		last = info->id;
		pos += info->size;
	}
	for (i = 0; i < PEERS; i++) {
		if (!peers[i].seen)
			return __LINE__;
	}
	return kd_free(c, cmd.offset) ? __LINE__ : 0;
}

/* LIST-1, LIST-2: while others come and go */
TEST_F_TIMEOUT(list, visitors, 120)
{
	struct visitor v[2];
	int i, stop = 0;

	for (i = 0; i < 2; i++) {
		v[i] = (struct visitor){ .bus = self->env.bus, .stop = &stop };
		ASSERT_EQ(0, pthread_create(&v[i].thread, NULL, visit, &v[i]));
	}
	for (i = 0; i < LISTS; i++) {
		ASSERT_EQ(0, check_crowd(&self->peers[ASKER].conn,
					 self->peers)) {
			TH_LOG("list %d", i);
		}
	}
	/* on a slow machine, not before there was a race */
	while (__atomic_load_n(&v[0].visits, __ATOMIC_ACQUIRE) < 10) {
		ASSERT_EQ(0, check_crowd(&self->peers[ASKER].conn,
					 self->peers));
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++) {
		pthread_join(v[i].thread, NULL);
		EXPECT_EQ(0, v[i].error);
	}
}

TEST_HARNESS_MAIN
