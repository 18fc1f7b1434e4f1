// SPDX-License-Identifier: GPL-2.0-only
/*
 * KDBUS_CMD_CONN_INFO and KDBUS_CMD_BUS_CREATOR_INFO: who is meant, and what
 * is told (rules INFO-1 to INFO-4, CINFO-1, CINFO-2, META-2, POL-7, POL-11,
 * PRIV-3, PRIV-4; W-15, W-16, W-21)
 *
 * What the metadata says is proved elsewhere; here it is which items there are.
 */
#define _GNU_SOURCE
#include <fcntl.h>
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
#define DESCRIPTION	"what-it-is"
#define ALL		_KDBUS_ATTACH_ALL
#define ACCEPT_FD	KDBUS_HELLO_ACCEPT_FD

/* what the tests themselves certainly have, whatever the kernel's options */
#define SURE		(KDBUS_ATTACH_CREDS | KDBUS_ATTACH_PIDS | \
			 KDBUS_ATTACH_AUXGROUPS | KDBUS_ATTACH_TID_COMM | \
			 KDBUS_ATTACH_PID_COMM | KDBUS_ATTACH_EXE | \
			 KDBUS_ATTACH_CMDLINE | KDBUS_ATTACH_CAPS)
/* what is not about a process */
#define OTHERS		(KDBUS_ATTACH_TIMESTAMP | KDBUS_ATTACH_NAMES | \
			 KDBUS_ATTACH_CONN_DESCRIPTION)

FIXTURE(info) {
	struct kd_env env;
	struct kd_conn a;	/* asks */
	struct kd_conn b;	/* is asked about: owns both names */
	struct kd_conn c;	/* waits for NAME */
};

/* HELLO with a description and this mask for others. */
static int hello_told(struct kd_conn *c, const char *path, uint64_t mask)
{
	struct kd_block b;

	kd_hello_start(&b, KD_POOL);
	b.hello.flags = ACCEPT_FD;
	b.hello.attach_flags_send = mask;
	kd_add_str(&b, KDBUS_ITEM_CONN_DESCRIPTION, DESCRIPTION);
	return kd_hello_block(c, path, &b);
}

FIXTURE_SETUP(info)
{
	ASSERT_EQ(0, kd_env_init(&self->env, KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, kd_connect(&self->a, self->env.bus));
	ASSERT_EQ(0, hello_told(&self->b, self->env.bus, _KDBUS_ATTACH_ANY));
	ASSERT_EQ(0, kd_connect(&self->c, self->env.bus));
	ASSERT_EQ(0, kd_name_acquire(&self->b, TWO, 0, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->b, NAME,
				     KDBUS_NAME_ALLOW_REPLACEMENT, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->c, NAME, KDBUS_NAME_QUEUE, NULL));
}

FIXTURE_TEARDOWN(info)
{
}

/* The id that CONN_INFO finds, or a negative errno. */
static int64_t find(const struct kd_conn *c, uint64_t id, const char *name)
{
	struct kdbus_cmd_info cmd;
	int64_t found;
	int r = kd_info(c, id, name, 0, &cmd);

	if (r != 0)
		return cmd.return_flags || cmd.offset != KD_SLICE_NONE ||
		       cmd.info_size != ~0ULL ? -EPROTO : r;
	found = kd_record(c, cmd.offset)->id;
	/* INFO-2: without metadata it is a bare record; the command keeps id */
	if (cmd.info_size != 24 || cmd.id != id || cmd.return_flags ||
	    kd_record(c, cmd.offset)->size != 24)
		found = -EPROTO;
	return kd_free(c, cmd.offset) ?: found;
}

/* INFO-1: every line of the table */
TEST_F(info, target)
{
	const int64_t a = self->a.id, b = self->b.id, c = self->c.id;

	EXPECT_EQ(b, find(&self->a, b, NULL));
	EXPECT_EQ(a, find(&self->a, a, NULL));
	EXPECT_EQ(c, find(&self->a, c, NULL));
	EXPECT_EQ(b, find(&self->a, 0, NAME));
	EXPECT_EQ(b, find(&self->a, 0, TWO));
	EXPECT_EQ(b, find(&self->a, b, NAME));
	/* name and id do not agree */
	EXPECT_EQ(-ESRCH, find(&self->a, a, NAME));
	EXPECT_EQ(-ESRCH, find(&self->a, c, NAME));
	EXPECT_EQ(-ESRCH, find(&self->a, c + 1, NAME));
	EXPECT_EQ(-ESRCH, find(&self->a, b + (1LL << 32), NAME));
	/* there is none */
	EXPECT_EQ(-ESRCH, find(&self->a, 0, "org.example.None"));
	EXPECT_EQ(-ESRCH, find(&self->a, b, "org.example.None"));
	EXPECT_EQ(-ENXIO, find(&self->a, c + 1, NULL));
	EXPECT_EQ(-ENXIO, find(&self->a, ~0ULL, NULL));
	EXPECT_EQ(-ENXIO, find(&self->a, b + (1LL << 32), NULL));
	/* PRIV-4: the first id is that of the bus */
	EXPECT_EQ(-ENXIO, find(&self->a, 1, NULL));
	EXPECT_EQ(-EINVAL, find(&self->a, 0, NULL));
	/* whoever owns it now */
	ASSERT_EQ(0, kd_name_release(&self->b, NAME));
	EXPECT_EQ(c, find(&self->a, 0, NAME));
	EXPECT_EQ(-ESRCH, find(&self->a, b, NAME));
	ASSERT_EQ(0, kd_byebye(&self->c));
	EXPECT_EQ(-ESRCH, find(&self->a, 0, NAME));
	EXPECT_EQ(-ENXIO, find(&self->a, c, NULL));
}

/* INFO-1: malformed names are names that nobody has */
TEST_F(info, malformed_names)
{
	static const char *const names[] = {
		"", "org", "a.b.*", "a..b", ".a.b", "a.\xe4", "a.b/c",
	};
	char longest[4096];
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(names); i++) {
		EXPECT_EQ(-ESRCH, find(&self->a, 0, names[i]));
		EXPECT_EQ(-ESRCH, find(&self->a, self->b.id, names[i]));
	}
	memset(longest, 'a', sizeof(longest));
	longest[1] = '.';
	longest[sizeof(longest) - 1] = 0;
	EXPECT_EQ(-ESRCH, find(&self->a, 0, longest));
}

/* INFO-1: activators by id and name, before and after somebody else */
TEST_F(info, activator)
{
	struct kd_conn act;

	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   "org.act"));
	EXPECT_EQ(act.id, find(&self->a, act.id, NULL));
	EXPECT_EQ(act.id, find(&self->a, 0, "org.act"));
	EXPECT_EQ(act.id, find(&self->a, act.id, "org.act"));
	ASSERT_EQ(0, kd_name_acquire(&self->c, "org.act", 0, NULL));
	EXPECT_EQ(self->c.id, find(&self->a, 0, "org.act"));
	EXPECT_EQ(-ESRCH, find(&self->a, act.id, "org.act"));
	EXPECT_EQ(act.id, find(&self->a, act.id, NULL));
	ASSERT_EQ(0, kd_name_release(&self->c, "org.act"));
	EXPECT_EQ(act.id, find(&self->a, 0, "org.act"));
	kd_close(&act);
	EXPECT_EQ(-ESRCH, find(&self->a, 0, "org.act"));
}

/* INFO-2: the HELLO flags; section 4: every kind may ask and be found */
TEST_F(info, kinds)
{
	static const struct {
		uint64_t flags;
		const char *name;
	} rows[] = {
		{ 0, NULL },
		{ ACCEPT_FD, NULL },
		{ KDBUS_HELLO_ACTIVATOR, "org.act.One" },
		{ KDBUS_HELLO_ACTIVATOR | ACCEPT_FD, "org.act.Two" },
		{ KDBUS_HELLO_POLICY_HOLDER, "org.hold.One" },
		{ KDBUS_HELLO_POLICY_HOLDER | ACCEPT_FD, "org.hold.*" },
		{ KDBUS_HELLO_MONITOR, NULL },
		{ KDBUS_HELLO_MONITOR | ACCEPT_FD, NULL },
	};
	struct kdbus_cmd_info cmd;
	struct kd_conn kind;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(rows); i++) {
		if (rows[i].name) {
			ASSERT_EQ(0, kd_hello_name(&kind, self->env.bus,
						   rows[i].flags,
						   rows[i].name));
		} else {
			ASSERT_EQ(0, kd_hello(&kind, self->env.bus,
					      rows[i].flags, 0, KD_POOL));
		}
		ASSERT_EQ(0, kd_info(&self->a, kind.id, NULL, 0, &cmd));
		EXPECT_EQ(kind.id, kd_record(&self->a, cmd.offset)->id);
		EXPECT_EQ(rows[i].flags,
			  kd_record(&self->a, cmd.offset)->flags);
		EXPECT_EQ(0, kd_free(&self->a, cmd.offset));
		EXPECT_EQ(self->b.id, find(&kind, 0, NAME));
		EXPECT_EQ(kind.id, find(&kind, kind.id, NULL));
		kd_close(&kind);
		EXPECT_EQ(-ENXIO, find(&self->a, kind.id, NULL));
	}
}

/* W-15: monitors are there for owners only */
TEST_F(info, monitor)
{
	struct kd_conn monitor, alice;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ASSERT_EQ(0, kd_hello(&monitor, self->env.bus, KDBUS_HELLO_MONITOR, 0,
			      KD_POOL));
	ASSERT_EQ(0, kd_connect_as(&alice, self->env.bus, ALICE));
	EXPECT_EQ(monitor.id, find(&self->a, monitor.id, NULL));
	EXPECT_EQ(-ENXIO, find(&alice, monitor.id, NULL));
	/* all others she may see: POL-7 */
	EXPECT_EQ(self->b.id, find(&alice, self->b.id, NULL));
	EXPECT_EQ(self->b.id, find(&alice, 0, NAME));
	/* SEC-5: it is the handle that counts */
	ASSERT_EQ(0, kd_set_user(ALICE));
	EXPECT_EQ(monitor.id, find(&self->a, monitor.id, NULL));
	EXPECT_EQ(-ENXIO, find(&alice, monitor.id, NULL));
}

/* INFO-1, CINFO-2, section 3.6: masks are judged before anything else */
TEST_F(info, masks)
{
	struct kdbus_cmd_info cmd;
	struct kd_block b;
	int bit;

	for (bit = 14; bit < 64; bit++) {
		EXPECT_EQ(-EINVAL, kd_info(&self->a, self->b.id, NULL,
					   1ULL << bit, &cmd));
		EXPECT_EQ(0, cmd.return_flags);
		EXPECT_EQ(-EINVAL, kd_info(&self->a, 99999, NULL, 1ULL << bit,
					   &cmd));
		EXPECT_EQ(-EINVAL, kd_info(&self->a, 0, "org.example.None",
					   ALL | 1ULL << bit, &cmd));
		kd_start(&b, sizeof(b.info));
		b.info.attach_flags = 1ULL << bit;
		EXPECT_EQ(-EINVAL, kd_ioctl(self->a.fd,
					    KDBUS_CMD_BUS_CREATOR_INFO, &b));
	}
	EXPECT_EQ(-EINVAL, kd_info(&self->a, self->b.id, NULL, ~1ULL, &cmd));
	/* all ones mean all that are known */
	EXPECT_EQ(0, kd_info(&self->a, self->b.id, NULL, ~0ULL, &cmd));
	EXPECT_EQ(0, kd_free(&self->a, cmd.offset));
	EXPECT_EQ(0, kd_info(&self->a, self->b.id, NULL, ALL, &cmd));
	EXPECT_EQ(0, kd_free(&self->a, cmd.offset));
	/* POOL-3: nothing was left behind */
	EXPECT_EQ(0, cmd.offset);
}

/* section 3.5, NEG-1, H-3: arguments of both commands */
TEST_F(info, arguments)
{
	static const unsigned int commands[] = {
		KDBUS_CMD_CONN_INFO, KDBUS_CMD_BUS_CREATOR_INFO,
	};
	struct kd_block b;
	size_t i;
	int bit;

	for (i = 0; i < KD_ARRAY_SIZE(commands); i++) {
		for (bit = 0; bit < 63; bit++) {
			kd_start(&b, sizeof(b.info));
			b.info.id = self->b.id;
			b.info.flags = 1ULL << bit;
			b.info.return_flags = ~0ULL;
			EXPECT_EQ(-EINVAL,
				  kd_ioctl(self->a.fd, commands[i], &b));
			EXPECT_EQ(0, b.info.return_flags);
		}
		kd_start(&b, sizeof(b.info));
		b.info.flags = KDBUS_FLAG_NEGOTIATE;
		b.info.offset = KD_SLICE_NONE;
		EXPECT_EQ(0, kd_ioctl(self->a.fd, commands[i], &b));
		EXPECT_EQ(0, b.info.flags);
		EXPECT_EQ(KD_SLICE_NONE, b.info.offset);
		/* items of others; no name for the maker of the bus */
		kd_start(&b, sizeof(b.info));
		b.info.id = self->b.id;
		kd_add_str(&b, i ? KDBUS_ITEM_NAME : KDBUS_ITEM_DST_NAME,
			   NAME);
		EXPECT_EQ(-EINVAL, kd_ioctl(self->a.fd, commands[i], &b));
		EXPECT_EQ(-EFAULT, kd_ioctl(self->a.fd, commands[i], NULL));
		EXPECT_EQ(-ENXIO, kd_free(&self->a, 0));
	}
	/* one name, a string */
	kd_start(&b, sizeof(b.info));
	kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
	kd_add_str(&b, KDBUS_ITEM_NAME, NAME);
	EXPECT_EQ(-EINVAL, kd_ioctl(self->a.fd, KDBUS_CMD_CONN_INFO, &b));
	kd_start(&b, sizeof(b.info));
	kd_add(&b, KDBUS_ITEM_NAME, NAME, strlen(NAME));
	EXPECT_EQ(-EINVAL, kd_ioctl(self->a.fd, KDBUS_CMD_CONN_INFO, &b));
	ASSERT_EQ(0, kd_byebye(&self->a));
	for (i = 0; i < KD_ARRAY_SIZE(commands); i++) {
		EXPECT_EQ(-ECONNRESET,
			  kd_ioctl(self->a.fd, commands[i], NULL));
	}
}

/*
 * The items of a record as a mask of kinds; -1 if they are not in the order of
 * META-2, twice there, or if the sizes are wrong.
 */
static int64_t kinds_of(const struct kdbus_info *info, uint64_t info_size,
			uint64_t pos)
{
	static const uint64_t order[] = {
		KDBUS_ITEM_CREDS, KDBUS_ITEM_PIDS, KDBUS_ITEM_AUXGROUPS,
		KDBUS_ITEM_TID_COMM, KDBUS_ITEM_PID_COMM, KDBUS_ITEM_EXE,
		KDBUS_ITEM_CMDLINE, KDBUS_ITEM_CGROUP, KDBUS_ITEM_CAPS,
		KDBUS_ITEM_SECLABEL, KDBUS_ITEM_AUDIT, KDBUS_ITEM_OWNED_NAME,
		KDBUS_ITEM_CONN_DESCRIPTION, KDBUS_ITEM_TIMESTAMP,
	};
	const struct kdbus_item *item;
	size_t next = 0;
	int64_t mask = 0;

	if (info->size != info_size || info_size % 8)
		return -1;
	while (pos < info->size) {
		item = (const void *)((const uint8_t *)info + pos);
		if (item->size < 16 || item->size > info->size - pos)
			return -1;
		while (next < KD_ARRAY_SIZE(order) &&
		       order[next] != item->type)
			next++;
		if (next == KD_ARRAY_SIZE(order))
			return -1;
		mask |= 1LL << (item->type - _KDBUS_ITEM_ATTACH_BASE);
		if (item->type != KDBUS_ITEM_OWNED_NAME)
			next++;
		pos += KD_ALIGN8(item->size);
	}
	return pos == info->size ? mask : -1;
}

/* The kinds of items that CONN_INFO delivers, or a negative errno. */
static int64_t ask(const struct kd_conn *c, uint64_t id, uint64_t mask)
{
	struct kdbus_cmd_info cmd;
	int64_t kinds;
	int r = kd_info(c, id, NULL, mask, &cmd);

	if (r != 0)
		return r;
	kinds = kinds_of(kd_record(c, cmd.offset), cmd.info_size, 24);
	r = kd_free(c, cmd.offset);
	return r ?: kinds < 0 ? -EPROTO : kinds;
}

/* INFO-3, META-2: what is asked for and granted, TIMESTAMP never */
TEST_F(info, items)
{
	int64_t all = ask(&self->a, self->b.id, ALL);
	int bit;

	ASSERT_LE(0, all);
	EXPECT_EQ(0, all & KDBUS_ATTACH_TIMESTAMP);
	EXPECT_EQ(KDBUS_ATTACH_NAMES | KDBUS_ATTACH_CONN_DESCRIPTION,
		  all & OTHERS);
	EXPECT_EQ(SURE, all & SURE);
	for (bit = 0; bit < 14; bit++) {
		EXPECT_EQ(all & (1LL << bit),
			  ask(&self->a, self->b.id, 1ULL << bit)) {
			TH_LOG("bit %d", bit);
		}
		EXPECT_EQ(all & ~(1LL << bit),
			  ask(&self->a, self->b.id, ALL & ~(1ULL << bit)));
	}
	EXPECT_EQ(0, ask(&self->a, self->b.id, 0));
	EXPECT_EQ(all, ask(&self->a, self->b.id, _KDBUS_ATTACH_ANY));
	/* what there is not is left out: no name, no description */
	EXPECT_EQ(all & ~OTHERS, ask(&self->a, self->c.id, ALL));
}

/* INFO-3: only what the target agrees to, with nothing granted implicitly */
TEST_F(info, granted)
{
	static const uint64_t masks[] = {
		0, KDBUS_ATTACH_CREDS, KDBUS_ATTACH_PIDS | KDBUS_ATTACH_EXE,
		KDBUS_ATTACH_NAMES, KDBUS_ATTACH_CONN_DESCRIPTION,
		KDBUS_ATTACH_TIMESTAMP, ALL & ~KDBUS_ATTACH_CREDS, ALL,
	};
	int64_t all = ask(&self->a, self->b.id, ALL);
	struct kd_conn d;
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(masks); i++) {
		ASSERT_EQ(0, hello_told(&d, self->env.bus, masks[i]));
		ASSERT_EQ(0, kd_name_acquire(&d, "org.told", 0, NULL));
		EXPECT_EQ(all & masks[i], ask(&self->a, d.id, ALL));
		EXPECT_EQ(all & masks[i] & KDBUS_ATTACH_PIDS,
			  ask(&self->a, d.id, KDBUS_ATTACH_PIDS));
		/* not even about oneself */
		EXPECT_EQ(all & masks[i], ask(&d, d.id, ALL));
		kd_close(&d);
	}
}

/* INFO-3, section 10: the mask of the target as it is now */
TEST_F(info, updated_mask)
{
	int64_t all = ask(&self->a, self->b.id, ALL);
	struct kd_block b;

	kd_start(&b, sizeof(b.cmd));
	kd_add_u64(&b, KDBUS_ITEM_ATTACH_FLAGS_SEND,
		   KDBUS_ATTACH_PIDS | KDBUS_ATTACH_NAMES);
	ASSERT_EQ(0, kd_ioctl(self->b.fd, KDBUS_CMD_UPDATE, &b));
	EXPECT_EQ(KDBUS_ATTACH_PIDS | KDBUS_ATTACH_NAMES,
		  ask(&self->a, self->b.id, ALL));
	kd_start(&b, sizeof(b.cmd));
	kd_add_u64(&b, KDBUS_ITEM_ATTACH_FLAGS_SEND, _KDBUS_ATTACH_ANY);
	ASSERT_EQ(0, kd_ioctl(self->b.fd, KDBUS_CMD_UPDATE, &b));
	EXPECT_EQ(all, ask(&self->a, self->b.id, ALL));
}

/* INFO-3: names and description are those of now, in the order of claiming */
TEST_F(info, names)
{
	static const struct {
		const char *name;
		uint64_t flags;
	} names[] = {
		{ TWO, KDBUS_NAME_PRIMARY },
		{ NAME, KDBUS_NAME_PRIMARY | KDBUS_NAME_ALLOW_REPLACEMENT },
	};
	const struct kdbus_item *item;
	const struct kdbus_info *info;
	struct kdbus_cmd_info cmd;
	size_t i;

	ASSERT_EQ(0, kd_info(&self->a, 0, NAME, OTHERS, &cmd));
	info = kd_record(&self->a, cmd.offset);
	EXPECT_EQ(self->b.id, info->id);
	for (i = 0; i < KD_ARRAY_SIZE(names); i++) {
		item = kd_record_item(info, KDBUS_ITEM_OWNED_NAME, i);
		ASSERT_NE(NULL, item);
		EXPECT_EQ(25 + strlen(names[i].name), item->size);
		EXPECT_EQ(names[i].flags, item->name.flags);
		EXPECT_STREQ(names[i].name, item->name.name);
	}
	EXPECT_EQ(NULL, kd_record_item(info, KDBUS_ITEM_OWNED_NAME, i));
	item = kd_record_item(info, KDBUS_ITEM_CONN_DESCRIPTION, 0);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(16 + sizeof(DESCRIPTION), item->size);
	EXPECT_STREQ(DESCRIPTION, item->str);
	EXPECT_EQ(0, kd_free(&self->a, cmd.offset));

	/* one that is waited for is not owned */
	EXPECT_EQ(0, ask(&self->a, self->c.id, KDBUS_ATTACH_NAMES));
	ASSERT_EQ(0, kd_name_release(&self->b, NAME));
	EXPECT_EQ(KDBUS_ATTACH_NAMES,
		  ask(&self->a, self->c.id, KDBUS_ATTACH_NAMES));
	ASSERT_EQ(0, kd_name_release(&self->b, TWO));
	EXPECT_EQ(0, ask(&self->a, self->b.id, KDBUS_ATTACH_NAMES));
}

/* INFO-4, POOL-8: all of the pool, and nothing left behind by failing */
TEST_F(info, full_pool)
{
	struct kdbus_cmd_info cmd;
	struct kd_conn d;
	struct kd_block b;
	unsigned int n = 0;

	ASSERT_EQ(0, kd_hello(&d, self->env.bus, 0, 0, getpagesize()));
	while (kd_info(&d, self->b.id, NULL, 0, &cmd) == 0)
		n++;
	EXPECT_EQ(getpagesize() / 24, n);
	EXPECT_EQ(-EXFULL, kd_info(&d, self->b.id, NULL, 0, &cmd));
	EXPECT_EQ(0, cmd.return_flags);
	EXPECT_EQ(KD_SLICE_NONE, cmd.offset);
	EXPECT_EQ(~0ULL, cmd.info_size);
	kd_start(&b, sizeof(b.info));
	EXPECT_EQ(-EXFULL, kd_ioctl(d.fd, KDBUS_CMD_BUS_CREATOR_INFO, &b));
	/* who is meant is found out first */
	EXPECT_EQ(-ENXIO, kd_info(&d, 99999, NULL, 0, &cmd));
	EXPECT_EQ(-ESRCH, kd_info(&d, 0, "org.none", 0, &cmd));
	ASSERT_EQ(0, kd_free(&d, 48));
	EXPECT_EQ(-EXFULL, kd_info(&d, self->b.id, NULL, SURE, &cmd));
	EXPECT_EQ(0, kd_info(&d, self->b.id, NULL, 0, &cmd));
	EXPECT_EQ(48, cmd.offset);
}

/* CMD-3, W-21: what cannot be reported is held all the same */
TEST_F(info, write_back)
{
	static const unsigned int commands[] = {
		KDBUS_CMD_CONN_INFO, KDBUS_CMD_BUS_CREATOR_INFO,
	};
	size_t page = getpagesize(), i;
	struct kdbus_cmd_info *cmd = kd_guard(page, PROT_READ | PROT_WRITE);

	*cmd = (struct kdbus_cmd_info){
		.size = sizeof(*cmd),
		.id = self->b.id,
	};
	ASSERT_EQ(0, mprotect(cmd, page, PROT_READ));
	for (i = 0; i < KD_ARRAY_SIZE(commands); i++) {
		EXPECT_EQ(-EFAULT, kd_ioctl(self->a.fd, commands[i], cmd));
		EXPECT_EQ(0, kd_free(&self->a, 0));
		EXPECT_EQ(-ENXIO, kd_free(&self->a, 0));
	}
}

/* A custom endpoint: its descriptor, and its path. */
static int make_endpoint(const struct kd_env *env, char *path, size_t size)
{
	char name[32];

	kd_name(name, sizeof(name), "ep");
	snprintf(path, size, "%s/%s", env->busdir, name);
	return kd_endpoint_make(env->bus, name, KDBUS_MAKE_ACCESS_WORLD);
}

static int show(int ep, const char *name, uint64_t type, uint64_t id)
{
	struct kd_block b;

	kd_start(&b, sizeof(b.cmd));
	kd_add_str(&b, KDBUS_ITEM_NAME, name);
	kd_add_access(&b, type, KDBUS_POLICY_SEE, id);
	return kd_ioctl(ep, KDBUS_CMD_ENDPOINT_UPDATE, &b);
}

/* INFO-1, POL-7, CEP-7: on a custom endpoint, what is not visible is not */
TEST_F(info, custom_endpoint)
{
	struct kd_conn act, e, holder;
	char path[KD_PATH_MAX];
	int ep;

	ep = make_endpoint(&self->env, path, sizeof(path));
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, kd_connect(&e, path));
	ASSERT_EQ(0, kd_hello_name(&act, self->env.bus, KDBUS_HELLO_ACTIVATOR,
				   "org.act"));
	ASSERT_EQ(0, kd_hello_name(&holder, self->env.bus,
				   KDBUS_HELLO_POLICY_HOLDER, "org.hold"));
	EXPECT_EQ(-ESRCH, find(&e, 0, NAME));
	EXPECT_EQ(-ESRCH, find(&e, self->b.id, NAME));
	EXPECT_EQ(-ENXIO, find(&e, self->b.id, NULL));
	EXPECT_EQ(-ENXIO, find(&e, e.id, NULL));
	EXPECT_EQ(-EINVAL, find(&e, 0, NULL));

	ASSERT_EQ(0, show(ep, TWO, KDBUS_POLICY_ACCESS_WORLD, 0));
	EXPECT_EQ(self->b.id, find(&e, 0, TWO));
	EXPECT_EQ(self->b.id, find(&e, self->b.id, NULL));
	EXPECT_EQ(self->b.id, find(&e, self->b.id, TWO));
	EXPECT_EQ(-ESRCH, find(&e, 0, NAME));
	EXPECT_EQ(-ESRCH, find(&e, self->b.id, NAME));
	EXPECT_EQ(-ESRCH, find(&e, self->a.id, TWO));
	EXPECT_EQ(-ENXIO, find(&e, self->a.id, NULL));
	EXPECT_EQ(-ENXIO, find(&e, self->c.id, NULL));

	/* one that waits for a visible name is not seen through it */
	ASSERT_EQ(0, show(ep, NAME, KDBUS_POLICY_ACCESS_WORLD, 0));
	EXPECT_EQ(-ENXIO, find(&e, self->c.id, NULL));
	/* an activator while it is primary */
	ASSERT_EQ(0, show(ep, "org.act", KDBUS_POLICY_ACCESS_WORLD, 0));
	EXPECT_EQ(act.id, find(&e, 0, "org.act"));
	EXPECT_EQ(act.id, find(&e, act.id, NULL));
	ASSERT_EQ(0, kd_name_acquire(&self->a, "org.act", 0, NULL));
	EXPECT_EQ(-ENXIO, find(&e, act.id, NULL));
	EXPECT_EQ(self->a.id, find(&e, self->a.id, NULL));
	/* a policy holder never */
	ASSERT_EQ(0, show(ep, "org.hold", KDBUS_POLICY_ACCESS_WORLD, 0));
	EXPECT_EQ(-ENXIO, find(&e, holder.id, NULL));
	EXPECT_EQ(-ESRCH, find(&e, 0, "org.hold"));
	/* CINFO-2: no policy applies to the maker of the bus */
	EXPECT_EQ(e.id, find(&self->a, e.id, NULL));
}

/* PRIV-3: the credentials of the caller, as they are now */
TEST_F(info, current_user)
{
	char path[KD_PATH_MAX];
	struct kd_conn e;
	int ep;

	if (geteuid() != 0)
		SKIP(return, "needs uid 0");
	ep = make_endpoint(&self->env, path, sizeof(path));
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, kd_connect(&e, path));
	ASSERT_EQ(0, show(ep, NAME, KDBUS_POLICY_ACCESS_USER, ALICE));
	EXPECT_EQ(-ESRCH, find(&e, 0, NAME));
	EXPECT_EQ(-ENXIO, find(&e, self->b.id, NULL));
	ASSERT_EQ(0, seteuid(ALICE));
	EXPECT_EQ(self->b.id, find(&e, 0, NAME));
	EXPECT_EQ(self->b.id, find(&e, self->b.id, NULL));
	ASSERT_EQ(0, seteuid(0));
	EXPECT_EQ(-ESRCH, find(&e, 0, NAME));
}

/* W-16: of a peer that is seen, the names are told that can be seen */
TEST_F(info, names_of_visible_peer)
{
	const struct kdbus_item *item;
	const struct kdbus_info *info;
	struct kdbus_cmd_info cmd;
	char path[KD_PATH_MAX];
	struct kd_conn e;
	int ep;

	ep = make_endpoint(&self->env, path, sizeof(path));
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, kd_connect(&e, path));
	ASSERT_EQ(0, show(ep, NAME, KDBUS_POLICY_ACCESS_WORLD, 0));
	ASSERT_EQ(0, kd_info(&e, self->b.id, NULL, ALL, &cmd));
	info = kd_record(&e, cmd.offset);
	item = kd_record_item(info, KDBUS_ITEM_OWNED_NAME, 0);
	ASSERT_NE(NULL, item);
	EXPECT_STREQ(NAME, item->name.name);
	EXPECT_EQ(NULL, kd_record_item(info, KDBUS_ITEM_OWNED_NAME, 1));
	EXPECT_EQ(0, kd_free(&e, cmd.offset));
}

/* BUS_CREATOR_INFO: the record, to be freed, or NULL with the errno in r */
static const struct kdbus_info *creator(const struct kd_conn *c, uint64_t mask,
					struct kdbus_cmd_info *cmd, int *r)
{
	*cmd = (struct kdbus_cmd_info){
		.size = sizeof(*cmd),
		.id = 4711,	/* CINFO: ignored */
		.attach_flags = mask,
		.return_flags = ~0ULL,
		.offset = KD_SLICE_NONE,
	};
	*r = kd_ioctl(c->fd, KDBUS_CMD_BUS_CREATOR_INFO, cmd);
	if (*r == 0 && (cmd->return_flags || cmd->id != 4711))
		*r = -EPROTO;
	return *r ? NULL : kd_record(c, cmd->offset);
}

/* The kinds of items that are told of the maker of the bus. */
static int64_t ask_creator(const struct kd_conn *c, const char *name,
			   uint64_t mask)
{
	const struct kdbus_info *info;
	struct kdbus_cmd_info cmd;
	int64_t kinds;
	uint64_t size;
	int r;

	info = creator(c, mask, &cmd, &r);
	if (!info)
		return r;
	/* CINFO-1: first of all the name of the bus */
	size = 16 + strlen(name) + 1;
	kinds = kinds_of(info, cmd.info_size, 24 + KD_ALIGN8(size));
	if (info->items[0].type != KDBUS_ITEM_MAKE_NAME ||
	    info->items[0].size != size ||
	    strcmp(info->items[0].str, name) != 0)
		kinds = -EPROTO;
	r = kd_free(c, cmd.offset);
	return r ?: kinds < 0 ? -EPROTO : kinds;
}

/* CINFO-1: id and flags of the bus; whoever asks */
TEST_F(info, creator)
{
	const struct kdbus_info *info;
	struct kdbus_cmd_info cmd;
	struct kd_conn kinds[4];
	char path[KD_PATH_MAX];
	int ep, r;
	size_t i;

	ep = make_endpoint(&self->env, path, sizeof(path));
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, kd_connect(&kinds[0], path));
	ASSERT_EQ(0, kd_hello_name(&kinds[1], self->env.bus,
				   KDBUS_HELLO_ACTIVATOR, "org.act"));
	ASSERT_EQ(0, kd_hello_name(&kinds[2], self->env.bus,
				   KDBUS_HELLO_POLICY_HOLDER, "org.hold"));
	ASSERT_EQ(0, kd_hello(&kinds[3], self->env.bus, KDBUS_HELLO_MONITOR,
			      0, KD_POOL));
	for (i = 0; i < KD_ARRAY_SIZE(kinds); i++) {
		info = creator(&kinds[i], 0, &cmd, &r);
		ASSERT_NE(NULL, info);
		/* PRIV-4: the bus is the first of its domain */
		EXPECT_EQ(1, info->id);
		EXPECT_EQ(KDBUS_MAKE_ACCESS_WORLD, info->flags);
		EXPECT_EQ(0, kd_free(&kinds[i], cmd.offset));
		EXPECT_EQ(0, ask_creator(&kinds[i], self->env.name, 0));
		EXPECT_EQ(SURE, SURE & ask_creator(&kinds[i], self->env.name,
						   ALL));
	}
}

/* CINFO-1: asked for and granted by the maker; nothing of the present */
TEST_F(info, creator_masks)
{
	static const uint64_t masks[] = {
		0, KDBUS_ATTACH_CREDS, KDBUS_ATTACH_PIDS | KDBUS_ATTACH_EXE,
		OTHERS, ALL, _KDBUS_ATTACH_ANY,
	};
	int64_t all = ask_creator(&self->a, self->env.name, ALL);
	char name[32], path[KD_PATH_MAX];
	struct kdbus_item *item;
	struct kd_block b;
	struct kd_conn d;
	size_t i;
	int bit, fd;

	ASSERT_LE(0, all);
	EXPECT_EQ(0, all & OTHERS);
	for (bit = 0; bit < 14; bit++) {
		EXPECT_EQ(all & (1LL << bit),
			  ask_creator(&self->a, self->env.name, 1ULL << bit));
	}
	for (i = 0; i < KD_ARRAY_SIZE(masks); i++) {
		snprintf(path, sizeof(path), "mask%zu", i);
		kd_name(name, sizeof(name), path);
		snprintf(path, sizeof(path), "%s/control", self->env.dir);
		fd = open(path, O_RDWR | O_CLOEXEC);
		kd_make_start(&b, name);
		/* behind BLOOM_PARAMETER, which takes 32 bytes */
		item = (void *)(b.raw + sizeof(b.cmd) + 32);
		ASSERT_EQ(KDBUS_ITEM_ATTACH_FLAGS_SEND, item->type);
		item->data64[0] = masks[i];
		ASSERT_EQ(0, kd_ioctl(fd, KDBUS_CMD_BUS_MAKE, &b));
		snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
		ASSERT_EQ(0, kd_connect(&d, path));
		EXPECT_EQ(all & masks[i], ask_creator(&d, name, ALL));
		EXPECT_EQ(all & masks[i] & KDBUS_ATTACH_CREDS,
			  ask_creator(&d, name, KDBUS_ATTACH_CREDS));
		kd_close(&d);
	}
}

/* CINFO-1, BUS-2: a bus made without a mask tells its name and no more */
TEST_F(info, creator_without_mask)
{
	struct kdbus_bloom_parameter bloom = { .size = 8, .n_hash = 1 };
	char name[32], path[KD_PATH_MAX];
	const struct kdbus_info *info;
	struct kdbus_cmd_info cmd;
	struct kd_block b;
	struct kd_conn d;
	int fd, r;

	kd_name(name, sizeof(name), "silent");
	snprintf(path, sizeof(path), "%s/control", self->env.dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	kd_start(&b, sizeof(b.cmd));
	kd_add_str(&b, KDBUS_ITEM_MAKE_NAME, name);
	kd_add(&b, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	ASSERT_EQ(0, kd_ioctl(fd, KDBUS_CMD_BUS_MAKE, &b));
	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
	ASSERT_EQ(0, kd_connect(&d, path));
	EXPECT_EQ(0, ask_creator(&d, name, ALL));
	info = creator(&d, ALL, &cmd, &r);
	ASSERT_NE(NULL, info);
	/* PRIV-4: one counter for buses and connections of the domain */
	EXPECT_EQ(self->c.id + 1, info->id);
	EXPECT_EQ(info->id + 1, d.id);
	EXPECT_EQ(0, info->flags);
	EXPECT_EQ(0, kd_free(&d, cmd.offset));
}

/* CINFO-1, META-3: as of BUS_MAKE, whatever has become of the maker */
TEST_F(info, creator_has_gone)
{
	const struct kdbus_item *item;
	const struct kdbus_info *info;
	struct kdbus_cmd_info cmd;
	char name[32], path[KD_PATH_MAX];
	int control, pid, r;
	struct kd_conn d;

	kd_name(name, sizeof(name), "orphan");
	snprintf(path, sizeof(path), "%s/control", self->env.dir);
	control = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, control);
	pid = fork();
	ASSERT_LE(0, pid);
	if (pid == 0) {
		struct kd_block b;

		/* the handle is shared, so that the bus lives on: BUS-5 */
		kd_make_start(&b, name);
		_exit(kd_ioctl(control, KDBUS_CMD_BUS_MAKE, &b) ? 1 : 0);
	}
	ASSERT_EQ(0, kd_wait(pid));
	snprintf(path, sizeof(path), "%s/%s/bus", self->env.dir, name);
	ASSERT_EQ(0, kd_connect(&d, path));
	info = creator(&d, KDBUS_ATTACH_PIDS, &cmd, &r);
	ASSERT_NE(NULL, info);
	item = kd_record_item(info, KDBUS_ITEM_PIDS, 0);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(pid, item->pids.pid);
	EXPECT_EQ(pid, item->pids.tid);
	EXPECT_EQ(getpid(), item->pids.ppid);
	EXPECT_EQ(0, kd_free(&d, cmd.offset));
}

#define ROUNDS	300

struct mover {
	pthread_t thread;
	const struct kd_conn *conn[2];
	const int *stop;
	int error;
};

/* The name goes to and fro, and is always owned by one of two. */
static void *move_name(void *data)
{
	struct mover *w = data;
	unsigned int i;

	for (i = 0; !__atomic_load_n(w->stop, __ATOMIC_ACQUIRE) && !w->error;
	     i++) {
		w->error = kd_name_release(w->conn[i % 2], NAME) ?:
			   kd_name_acquire(w->conn[i % 2], NAME,
					   KDBUS_NAME_QUEUE, NULL);
	}
	return NULL;
}

/* INFO-1: under change, one of the owners is found, and only he */
TEST_F_TIMEOUT(info, moving_name, 120)
{
	int stop = 0, i;
	struct mover w = {
		.conn = { &self->b, &self->c },
		.stop = &stop,
	};

	ASSERT_EQ(0, pthread_create(&w.thread, NULL, move_name, &w));
	for (i = 0; i < ROUNDS; i++) {
		int64_t found = find(&self->a, 0, NAME);
		int64_t both = find(&self->a, self->b.id, NAME);

		ASSERT_TRUE(found == (int64_t)self->b.id ||
			    found == (int64_t)self->c.id);
		ASSERT_TRUE(both == (int64_t)self->b.id || both == -ESRCH);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	pthread_join(w.thread, NULL);
	EXPECT_EQ(0, w.error);
}

TEST_HARNESS_MAIN
