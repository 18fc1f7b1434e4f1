// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of facts.c and meta.c: what is known of a task, which part of it
 * a receiver gets, and how it looks to him.
 */
#include <kunit/test.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched/coredump.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "../meta.h"

/* Kinds that META-1 leaves to the sender or to P. */
#define GUARDED	(_KDBUS_ATTACH_ALL & ~KDBUS_META_IMPLICIT)

#define POISON	0xa5
#define ROOM	SZ_16K
#define GUARD	64

#define UID	1000
#define GID	2000

/**
 * struct fixture - a receiver, a sender and what one is told of the other
 * @view:	view of this task
 * @cred:	credentials of an opener without any power
 * @target:	credentials of a sender
 * @ns:		user namespaces: 1 and 3 below 0, 2 below 1
 * @pid_ns:	pid namespace that nobody is in
 * @sb:		superblock of a procfs
 * @proc:	its options
 * @meta:	what is known of the sender
 * @facts:	the same as @meta.facts, made by hand
 * @size:	bytes that were written to @buf
 * @buf:	items
 */
struct fixture {
	struct kdbus_view view;
	struct cred cred;
	struct cred target;
	struct user_namespace ns[4];
	struct pid_namespace pid_ns;
	struct super_block sb;
	struct proc_fs_info proc;
	struct kdbus_meta meta;
	struct kdbus_facts facts;
	size_t size;
	u8 buf[ROOM + GUARD] __aligned(8);
};

static void init_cred(struct cred *cred, struct user_namespace *ns, u32 uid,
		      u32 gid)
{
	kuid_t kuid = KUIDT_INIT(uid);
	kgid_t kgid = KGIDT_INIT(gid);

	cred->uid = kuid;
	cred->euid = kuid;
	cred->suid = kuid;
	cred->fsuid = kuid;
	cred->gid = kgid;
	cred->egid = kgid;
	cred->sgid = kgid;
	cred->fsgid = kgid;
	cred->user_ns = ns;
}

/* A namespace that shows @count ids from @lower on as 0 and following. */
static void init_ns(struct user_namespace *ns, struct user_namespace *parent,
		    u32 owner, u32 lower, u32 count)
{
	ns->parent = parent;
	ns->level = parent ? parent->level + 1 : 0;
	ns->owner = KUIDT_INIT(owner);
	ns->uid_map.nr_extents = 1;
	ns->uid_map.extent[0].lower_first = lower;
	ns->uid_map.extent[0].count = count;
	ns->gid_map = ns->uid_map;
	refcount_set(&ns->ns.count, 1000);
}

static int meta_init(struct kunit *test)
{
	struct fixture *fix;

	fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	if (!fix)
		return -ENOMEM;
	test->priv = fix;

	init_cred(&fix->cred, &init_user_ns, UID, GID);
	fix->cred.group_info = groups_alloc(3);
	if (!fix->cred.group_info)
		return -ENOMEM;
	fix->cred.group_info->gid[0] = KGIDT_INIT(10);
	fix->cred.group_info->gid[1] = KGIDT_INIT(20);
	fix->cred.group_info->gid[2] = KGIDT_INIT(30);

	init_ns(&fix->ns[0], NULL, 0, 0, U32_MAX);
	init_ns(&fix->ns[1], &fix->ns[0], 5, 100000, 65536);
	init_ns(&fix->ns[2], &fix->ns[1], 7, 100100, 10);
	init_ns(&fix->ns[3], &fix->ns[0], 9, 200000, 65536);

	fix->sb.s_fs_info = &fix->proc;
	fix->meta.facts = &fix->facts;

	return kdbus_view_init(&fix->view, current_cred());
}

static void meta_exit(struct kunit *test)
{
	struct fixture *fix = test->priv;

	if (!fix)
		return;

	kdbus_view_destroy(&fix->view);
	if (fix->cred.group_info)
		groups_free(fix->cred.group_info);
}

/* A view that shows nothing of this task but its number. */
static struct kdbus_view strange_view(struct fixture *fix)
{
	struct kdbus_view view = fix->view;

	view.cred = &fix->cred;
	view.thread = NULL;
	view.proc = &fix->sb;
	fix->proc.hide_pid = HIDEPID_INVISIBLE;
	fix->proc.pid_gid = KGIDT_INIT(4711);

	return view;
}

static size_t padding_of(const struct kdbus_item *item)
{
	return KDBUS_ALIGN8(item->size) - item->size;
}

/* Writes items into some room and checks how they lie there. */
static void emit_to(struct kunit *test, u64 mask,
		    const struct kdbus_view *view, size_t room)
{
	struct fixture *fix = test->priv;
	const struct kdbus_item *item;
	size_t pos = 0, end = 0;

	memset(fix->buf, POISON, sizeof(fix->buf));
	fix->size = kdbus_meta_emit(&fix->meta, mask, view, fix->buf, room);
	KUNIT_ASSERT_LE(test, fix->size, room);
	KUNIT_EXPECT_NULL_MSG(test,
			      memchr_inv(fix->buf + room, POISON,
					 sizeof(fix->buf) - room),
			      "room %zu", room);

	while (pos < fix->size) {
		item = (void *)fix->buf + pos;
		KUNIT_ASSERT_GE(test, item->size, KDBUS_ITEM_HEADER_SIZE);
		KUNIT_ASSERT_LE(test, item->size, fix->size - pos);
		end = pos + item->size;
		pos = end + padding_of(item);
		KUNIT_ASSERT_LE(test, pos, room);
		KUNIT_EXPECT_NULL(test, memchr_inv(fix->buf + end, 0,
						   pos - end));
	}
	/* The padding of the last item is not counted. */
	KUNIT_EXPECT_EQ(test, fix->size, end);
}

static void emit(struct kunit *test, u64 mask, const struct kdbus_view *view)
{
	struct fixture *fix = test->priv;
	size_t size;

	size = kdbus_meta_size(&fix->meta, mask, view);
	KUNIT_ASSERT_LE(test, size, ROOM);
	KUNIT_EXPECT_EQ(test, size % 8, 0);
	emit_to(test, mask, view, size);
}

static const struct kdbus_item *find(struct fixture *fix, u64 type)
{
	const struct kdbus_item *item;

	kdbus_items_for_each(item, fix->buf, fix->size)
		if (item->type == type)
			return item;

	return NULL;
}

static const struct kdbus_item *one(struct kunit *test, u64 attach, u64 type,
				    const struct kdbus_view *view)
{
	struct fixture *fix = test->priv;
	const struct kdbus_item *item;

	emit(test, attach, view);
	item = find(fix, type);
	if (item)
		KUNIT_EXPECT_EQ(test, fix->size, item->size);
	else
		KUNIT_EXPECT_EQ(test, fix->size, 0);

	return item;
}

/* What CREDS says to a receiver in some user namespace. */
static void expect_creds(struct kunit *test, struct user_namespace *ns,
			 const u64 *want)
{
	struct fixture *fix = test->priv;
	struct kdbus_view view = fix->view;
	const struct kdbus_item *item;
	int i;

	fix->cred.user_ns = ns;
	view.cred = &fix->cred;
	item = one(test, KDBUS_ATTACH_CREDS, KDBUS_ITEM_CREDS, &view);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_ASSERT_EQ(test, item->size, KDBUS_ITEM_SIZE(64));
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ_MSG(test, item->data64[i], want[i], "id %d", i);
}

/* HELLO-7: each of the ids, at the borders, and back. */
static void fake_creds_values(struct kunit *test)
{
	static const u64 good[] = {
		0, 1, UID, 65534, S32_MAX, S32_MAX + 1ULL, U32_MAX - 1ULL,
		U32_MAX,
	};
	static const u64 bad[] = {
		U32_MAX + 1ULL, 0x100000005ULL, 0x1ffffffffULL, S64_MAX,
		1ULL << 63, 0xffffffff00000000ULL, U64_MAX - 1, U64_MAX,
	};
	struct fixture *fix = test->priv;
	struct kdbus_facts *facts;
	u64 ids[8];
	int i, k;

	static_assert(sizeof(struct kdbus_creds) == sizeof(ids));
	for (i = 0; i < 8; i++) {
		memset64(ids, U32_MAX, 8);
		for (k = 0; k < ARRAY_SIZE(good); k++) {
			ids[i] = good[k];
			facts = kdbus_facts_fake((void *)ids, NULL, NULL);
			KUNIT_ASSERT_FALSE(test, IS_ERR(facts));
			KUNIT_EXPECT_TRUE(test, facts->faked);
			KUNIT_EXPECT_EQ(test, facts->which,
					KDBUS_ATTACH_CREDS);
			fix->meta.facts = facts;
			expect_creds(test, &init_user_ns, ids);
			kdbus_facts_put(facts);
		}
		for (k = 0; k < ARRAY_SIZE(bad); k++) {
			ids[i] = bad[k];
			facts = kdbus_facts_fake((void *)ids, NULL, NULL);
			KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(facts),
					    -EINVAL, "id %d: %llx", i, bad[k]);
		}
	}
}

/* Has this task act in a user namespace; to be undone with revert(). */
static const struct cred *act_in(struct kunit *test, struct user_namespace *ns)
{
	struct cred *cred = prepare_creds();
	const struct cred *old;

	KUNIT_ASSERT_NOT_NULL(test, cred);
	put_user_ns(cred->user_ns);
	cred->user_ns = get_user_ns(ns);
	old = override_creds(cred);
	put_cred(cred);

	return old;
}

static void revert(const struct cred *old)
{
	revert_creds(old);
	/* Credentials are freed by RCU; they point into the fixture. */
	rcu_barrier();
}

/* HELLO-7: ids are those of the caller's user namespace. */
static void fake_creds_mapping(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_creds creds;
	struct kdbus_facts *facts, *unmapped;
	const struct cred *old;
	u64 ids[8], want[8];

	if (!IS_ENABLED(CONFIG_USER_NS))
		kunit_skip(test, "no user namespaces");

	memset64(ids, 9, 8);
	memset64(want, 100109, 8);
	memcpy(&creds, ids, sizeof(creds));

	old = act_in(test, &fix->ns[2]);
	facts = kdbus_facts_fake(&creds, NULL, NULL);
	creds.fsgid = 10;
	unmapped = kdbus_facts_fake(&creds, NULL, NULL);
	revert(old);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(unmapped), -EINVAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(facts));
	fix->meta.facts = facts;
	expect_creds(test, &init_user_ns, want);
	expect_creds(test, &fix->ns[2], ids);
	kdbus_facts_put(facts);
}

static struct kdbus_facts *fake_pid_at(int i, u64 nr)
{
	u64 nrs[3] = {};
	struct kdbus_pids pids;

	nrs[i] = nr;
	memcpy(&pids, nrs, sizeof(pids));
	return kdbus_facts_fake(NULL, &pids, NULL);
}

/* HELLO-8: each of the numbers, at the borders, and back. */
static void fake_pids_values(struct kunit *test)
{
	u64 own = task_pid_vnr(current);
	const u64 good[] = { 0, 1, own };
	const u64 bad[] = {
		S32_MAX, S32_MAX + 1ULL, S32_MAX + 1ULL + own, U32_MAX,
		(1ULL << 32) + own, (1ULL << 63) + own, 1ULL << 32, U64_MAX,
		-own,
	};
	struct fixture *fix = test->priv;
	const struct kdbus_item *item;
	struct kdbus_facts *facts;
	int i, k, j;

	for (i = 0; i < 3; i++) {
		for (k = 0; k < ARRAY_SIZE(good); k++) {
			facts = fake_pid_at(i, good[k]);
			KUNIT_ASSERT_FALSE(test, IS_ERR(facts));
			KUNIT_EXPECT_EQ(test, facts->which, KDBUS_ATTACH_PIDS);
			fix->meta.facts = facts;
			item = one(test, KDBUS_ATTACH_PIDS, KDBUS_ITEM_PIDS,
				   &fix->view);
			KUNIT_ASSERT_NOT_NULL(test, item);
			for (j = 0; j < 3; j++)
				KUNIT_EXPECT_EQ(test, item->data64[j],
						j == i ? good[k] : 0);
			kdbus_facts_put(facts);
		}
		for (k = 0; k < ARRAY_SIZE(bad); k++) {
			facts = fake_pid_at(i, bad[k]);
			KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(facts),
					    -EINVAL, "nr %d: %llx", i, bad[k]);
		}
	}
}

static int until_stopped(void *data)
{
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);

	return 0;
}

/* META-3: numbers stay when a thread has exited, but nobody fakes them then. */
static void fake_pids_exited(struct kunit *test)
{
	struct fixture *fix = test->priv;
	const struct kdbus_item *item;
	struct kdbus_facts *facts, *late;
	struct task_struct *task;
	int i, ret = 0;
	u64 nr;

	task = kthread_run(until_stopped, NULL, "kdbus-test");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	nr = task_pid_vnr(task);
	facts = fake_pid_at(1, nr);
	kthread_stop(task);
	KUNIT_ASSERT_FALSE(test, IS_ERR(facts));

	for (i = 0; i < 500 && !ret; i++) {
		late = fake_pid_at(1, nr);
		ret = PTR_ERR_OR_ZERO(late);
		if (!ret)
			kdbus_facts_put(late);
		fsleep(10000);
	}
	KUNIT_EXPECT_EQ(test, ret, -EINVAL);

	fix->meta.facts = facts;
	item = one(test, KDBUS_ATTACH_PIDS, KDBUS_ITEM_PIDS, &fix->view);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_EXPECT_EQ(test, item->pids.tid, nr);
	kdbus_facts_put(facts);
}

/* HELLO-6, HELLO-9: what is given exists, nothing else. */
static void fake_seclabel(struct kunit *test)
{
	static const char * const labels[] = {
		"", "x", "1234567", "unconfined",
	};
	struct fixture *fix = test->priv;
	const struct kdbus_item *item;
	struct kdbus_facts *facts;
	int i;

	for (i = 0; i < ARRAY_SIZE(labels); i++) {
		facts = kdbus_facts_fake(NULL, NULL, labels[i]);
		KUNIT_ASSERT_FALSE(test, IS_ERR(facts));
		kdbus_facts_collect(facts, _KDBUS_ATTACH_ALL);
		KUNIT_EXPECT_EQ(test, facts->which, KDBUS_ATTACH_SECLABEL);
		KUNIT_EXPECT_FALSE(test, kdbus_facts_hold(facts, 0));

		fix->meta.facts = facts;
		item = one(test, _KDBUS_ATTACH_ALL & ~KDBUS_ATTACH_TIMESTAMP,
			   KDBUS_ITEM_SECLABEL, &fix->view);
		KUNIT_ASSERT_NOT_NULL(test, item);
		KUNIT_EXPECT_EQ(test, item->size, 17 + strlen(labels[i]));
		KUNIT_EXPECT_STREQ(test, item->str, labels[i]);
		kdbus_facts_put(facts);
	}

	facts = kdbus_facts_fake(NULL, NULL, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(facts));
	KUNIT_EXPECT_EQ(test, facts->which, 0);
	kdbus_facts_put(facts);
}

/* META-1: R and (G or I or P), for each pair of kinds. */
static void mask(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_view view = strange_view(fix);
	u64 recv, send;
	int i, k;

	for (i = -1; i < 14; i++) {
		for (k = -1; k < 14; k++) {
			recv = i < 0 ? _KDBUS_ATTACH_ALL : BIT_ULL(i);
			send = k < 0 ? 0 : BIT_ULL(k);

			KUNIT_EXPECT_EQ(test,
					kdbus_meta_mask(&fix->view, recv, send,
							false), recv);
			KUNIT_EXPECT_EQ(test,
					kdbus_meta_mask(&view, recv, send,
							false),
					recv & (send | KDBUS_META_IMPLICIT));
			/* HELLO-10 */
			KUNIT_EXPECT_EQ(test,
					kdbus_meta_mask(&fix->view, recv, send,
							true),
					recv & KDBUS_META_FAKED);
		}
	}

	KUNIT_EXPECT_EQ(test, GUARDED,
			KDBUS_ATTACH_TID_COMM | KDBUS_ATTACH_PID_COMM |
			KDBUS_ATTACH_EXE | KDBUS_ATTACH_CMDLINE |
			KDBUS_ATTACH_CGROUP | KDBUS_ATTACH_CAPS |
			KDBUS_ATTACH_SECLABEL | KDBUS_ATTACH_AUDIT);
	KUNIT_EXPECT_EQ(test, kdbus_meta_mask(&view, 0, _KDBUS_ATTACH_ALL,
					      false), 0);
}

static bool shows(const struct kdbus_view *view)
{
	return kdbus_meta_mask(view, GUARDED, 0, false);
}

/* META-1, W-30: the sender's number, the same thread, hidepid, its group. */
static void mask_proc(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_view view = strange_view(fix);
	static const u32 gids[] = { GID, 10, 20, 30 };
	int i;

	KUNIT_EXPECT_FALSE(test, shows(&view));
	view.thread = task_pid(current);
	KUNIT_EXPECT_TRUE(test, shows(&view));
	view.thread = NULL;

	fix->proc.hide_pid = HIDEPID_OFF;
	KUNIT_EXPECT_TRUE(test, shows(&view));
	fix->proc.hide_pid = HIDEPID_NO_ACCESS;
	KUNIT_EXPECT_FALSE(test, shows(&view));
	fix->proc.hide_pid = HIDEPID_NOT_PTRACEABLE;
	KUNIT_EXPECT_FALSE(test, shows(&view));

	for (i = 0; i < ARRAY_SIZE(gids); i++) {
		fix->proc.pid_gid = KGIDT_INIT(gids[i]);
		fix->proc.hide_pid = HIDEPID_NO_ACCESS;
		KUNIT_EXPECT_TRUE(test, shows(&view));
		fix->proc.hide_pid = HIDEPID_INVISIBLE;
		KUNIT_EXPECT_TRUE(test, shows(&view));
		fix->proc.hide_pid = HIDEPID_NOT_PTRACEABLE;
		KUNIT_EXPECT_FALSE(test, shows(&view));
	}

	fix->proc.hide_pid = HIDEPID_INVISIBLE;
	for (i = 0; i < 50; i++) {
		fix->proc.pid_gid = KGIDT_INIT(i);
		KUNIT_EXPECT_EQ(test, shows(&view),
				i == 10 || i == 20 || i == 30);
	}

	/* Without a /proc the group does not help. */
	view.proc = NULL;
	fix->proc.pid_gid = KGIDT_INIT(GID);
	KUNIT_EXPECT_FALSE(test, shows(&view));

	/* Who has no number there is not seen at all. */
	fix->pid_ns.level = 1;
	view = fix->view;
	view.pid_ns = &fix->pid_ns;
	KUNIT_EXPECT_FALSE(test, shows(&view));
	fix->pid_ns.level = 0;
	KUNIT_EXPECT_FALSE(test, shows(&view));
}

/* META-1, W-30: capabilities of the opener count in the sender's namespace. */
static void mask_ptrace(struct kunit *test)
{
	static const struct {
		int opener;
		int sender;
		u32 uid;
		bool cap;
		bool shown;
	} cases[] = {
		{ 0, 0, UID, false, false },
		{ 0, 0, UID, true, true },
		{ 0, 1, UID, true, true },
		{ 0, 2, UID, true, true },
		{ 1, 0, UID, true, false },
		{ 1, 3, UID, true, false },
		{ 2, 1, UID, true, false },
		{ 0, 1, 5, false, true },	/* owns it */
		{ 0, 2, 5, false, true },
		{ 0, 3, 5, false, false },
		{ 1, 2, 7, false, true },
	};
	struct fixture *fix = test->priv;
	struct kdbus_view view = strange_view(fix);
	struct mm_struct *mm;
	const struct cred *old;
	bool shown;
	int i;

	if (!IS_ENABLED(CONFIG_USER_NS) ||
	    !kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ,
			   MAP_ANONYMOUS | MAP_PRIVATE, 0))
		kunit_skip(test, "no user namespaces or memory");
	mm = current->mm;
	mm->flags = (mm->flags & ~MMF_DUMPABLE_MASK) | SUID_DUMP_USER;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		init_cred(&fix->cred, &fix->ns[cases[i].opener], cases[i].uid,
			  GID);
		fix->cred.cap_effective = CAP_EMPTY_SET;
		if (cases[i].cap)
			cap_raise(fix->cred.cap_effective, CAP_SYS_PTRACE);

		old = act_in(test, &fix->ns[cases[i].sender]);
		shown = shows(&view);
		revert(old);
		KUNIT_EXPECT_EQ_MSG(test, shown, cases[i].shown, "case %d", i);
	}
}

/* META-1, W-30: the same ids do, unless the process does not dump core. */
static void mask_same_ids(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_view view = strange_view(fix);
	struct mm_struct *mm;
	unsigned long flags;

	init_cred(&fix->cred, &init_user_ns, 0, 0);
	KUNIT_EXPECT_FALSE(test, shows(&view));

	if (!kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ,
			   MAP_ANONYMOUS | MAP_PRIVATE, 0))
		kunit_skip(test, "no memory of a process");
	mm = current->mm;
	flags = mm->flags & ~MMF_DUMPABLE_MASK;

	mm->flags = flags | SUID_DUMP_USER;
	KUNIT_EXPECT_TRUE(test, shows(&view));
	mm->flags = flags | SUID_DUMP_ROOT;
	KUNIT_EXPECT_FALSE(test, shows(&view));
	mm->flags = flags | SUID_DUMP_DISABLE;
	KUNIT_EXPECT_FALSE(test, shows(&view));

	/* A capability does that, too. */
	cap_raise(fix->cred.cap_effective, CAP_SYS_PTRACE);
	KUNIT_EXPECT_TRUE(test, shows(&view));
	fix->cred.cap_effective = CAP_EMPTY_SET;

	/* One differing id is enough. */
	mm->flags = flags | SUID_DUMP_USER;
	fix->cred.fsgid = KGIDT_INIT(GID);
	KUNIT_EXPECT_FALSE(test, shows(&view));
	fix->cred.fsgid = KGIDT_INIT(0);
	fix->cred.fsuid = KUIDT_INIT(UID);
	KUNIT_EXPECT_FALSE(test, shows(&view));
}

/* META-4: mapped, overflow, unset; in each id. */
static void creds_translation(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_facts *facts = &fix->facts;
	static const u64 global[] = {
		100000, 100001, 165535, 165536, 100002, 99999, 100003, U32_MAX,
	};
	static const u64 inner[] = {
		0, 1, 65535, 65534, 2, 65534, 3, U32_MAX,
	};

	if (!IS_ENABLED(CONFIG_USER_NS))
		kunit_skip(test, "no user namespaces");

	facts->which = KDBUS_ATTACH_CREDS;
	facts->uid = KUIDT_INIT(100000);
	facts->euid = KUIDT_INIT(100001);
	facts->suid = KUIDT_INIT(165535);
	facts->fsuid = KUIDT_INIT(165536);
	facts->gid = KGIDT_INIT(100002);
	facts->egid = KGIDT_INIT(99999);
	facts->sgid = KGIDT_INIT(100003);
	facts->fsgid = INVALID_GID;

	expect_creds(test, &init_user_ns, global);
	expect_creds(test, &fix->ns[1], inner);
}

/* META-4: supplementary groups; none is an empty item. */
static void auxgroups(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_view view = fix->view;
	const struct kdbus_item *item;

	fix->facts.which = KDBUS_ATTACH_AUXGROUPS;
	fix->facts.cred = &fix->cred;
	item = one(test, KDBUS_ATTACH_AUXGROUPS, KDBUS_ITEM_AUXGROUPS, &view);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_ASSERT_EQ(test, item->size, 16 + 3 * 8);
	KUNIT_EXPECT_EQ(test, item->data64[0], 10);
	KUNIT_EXPECT_EQ(test, item->data64[1], 20);
	KUNIT_EXPECT_EQ(test, item->data64[2], 30);

	if (IS_ENABLED(CONFIG_USER_NS)) {
		fix->target.user_ns = &fix->ns[3];
		view.cred = &fix->target;
		fix->cred.group_info->gid[1] = KGIDT_INIT(200020);
		item = one(test, KDBUS_ATTACH_AUXGROUPS, KDBUS_ITEM_AUXGROUPS,
			   &view);
		KUNIT_ASSERT_NOT_NULL(test, item);
		KUNIT_EXPECT_EQ(test, item->data64[0], 65534);
		KUNIT_EXPECT_EQ(test, item->data64[1], 20);
		KUNIT_EXPECT_EQ(test, item->data64[2], 65534);
	}

	fix->cred.group_info->ngroups = 0;
	item = one(test, KDBUS_ATTACH_AUXGROUPS, KDBUS_ITEM_AUXGROUPS, &view);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_EXPECT_EQ(test, item->size, 16);
}

/* META-4: numbers of this namespace, 0 in another one. */
static void pids_translation(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_view view = fix->view;
	const struct kdbus_item *item;
	int level;

	fix->facts.which = KDBUS_ATTACH_PIDS;
	fix->facts.pid = task_tgid(current);
	fix->facts.tid = task_pid(current);
	item = one(test, KDBUS_ATTACH_PIDS, KDBUS_ITEM_PIDS, &view);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_ASSERT_EQ(test, item->size, 16 + 24);
	KUNIT_EXPECT_EQ(test, item->pids.pid, task_tgid_vnr(current));
	KUNIT_EXPECT_EQ(test, item->pids.tid, task_pid_vnr(current));
	KUNIT_EXPECT_EQ(test, item->pids.ppid, 0);

	view.pid_ns = &fix->pid_ns;
	for (level = 0; level < 2; level++) {
		fix->pid_ns.level = level;
		item = one(test, KDBUS_ATTACH_PIDS, KDBUS_ITEM_PIDS, &view);
		KUNIT_ASSERT_NOT_NULL(test, item);
		KUNIT_EXPECT_NULL(test, memchr_inv(item->data64, 0, 24));
	}
}

static void expect_caps(struct kunit *test, const struct kdbus_item *item,
			const u64 *want, int number)
{
	const u32 *words = item->caps.caps;
	int i;

	KUNIT_ASSERT_EQ(test, item->size, 52);
	KUNIT_EXPECT_EQ(test, item->caps.last_cap, CAP_LAST_CAP);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ_MSG(test, words[2 * i] |
				    (u64)words[2 * i + 1] << 32, want[i],
				    "case %d, set %d", number, i);
}

/* META-4: the same, descendants, the owner's, parents, strangers. */
static void caps_translation(struct kunit *test)
{
	static const u64 none[4];
	static const u64 full[] = {
		0, CAP_VALID_MASK, CAP_VALID_MASK, CAP_VALID_MASK,
	};
	const u64 own[] = {
		1, BIT_ULL(CAP_LAST_CAP), 3, CAP_VALID_MASK & 0xff00000000ULL,
	};
	const struct {
		int sender;
		u32 euid;
		int receiver;
		const u64 *want;
	} cases[] = {
		{ 0, UID, 0, own },
		{ 0, UID, 1, own },
		{ 0, UID, 2, own },
		{ 0, 5, 0, own },	/* owner of 1 */
		{ 0, 5, 1, full },
		{ 0, 5, 2, full },
		{ 0, 5, 3, own },
		{ 0, 7, 2, own },	/* owner of 2, but not directly below */
		{ 1, 7, 2, full },
		{ 1, UID, 2, own },
		{ 1, 7, 1, own },
		{ 1, 7, 0, none },
		{ 1, UID, 3, none },
		{ 2, UID, 1, none },
		{ 2, UID, 0, none },
		{ 3, 5, 1, none },
		{ 3, 5, 2, none },
	};
	struct fixture *fix = test->priv;
	struct kdbus_view view = fix->view;
	const struct kdbus_item *item;
	int i;

	fix->facts.which = KDBUS_ATTACH_CAPS;
	fix->facts.cred = &fix->target;
	fix->target.cap_inheritable.val = own[0];
	/* Bits that do not exist are not shown. */
	fix->target.cap_permitted.val = own[1] | BIT_ULL(63);
	fix->target.cap_effective.val = own[2];
	fix->target.cap_bset.val = own[3] | BIT_ULL(CAP_LAST_CAP + 1);
	view.cred = &fix->cred;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fix->target.user_ns = &fix->ns[cases[i].sender];
		fix->target.euid = KUIDT_INIT(cases[i].euid);
		fix->cred.user_ns = &fix->ns[cases[i].receiver];

		item = one(test, KDBUS_ATTACH_CAPS, KDBUS_ITEM_CAPS, &view);
		KUNIT_ASSERT_NOT_NULL(test, item);
		expect_caps(test, item, cases[i].want, i);
	}
}

/* W-30: the path from the root of the receiver's cgroup namespace. */
static void cgroup_translation(struct kunit *test)
{
	static const struct {
		const char *root;
		const char *path;
		const char *want;
	} cases[] = {
		{ "/", "/", "/" },
		{ "/", "/a", "/a" },
		{ "/", "/a/b.slice", "/a/b.slice" },
		{ "/a", "/a", "/" },
		{ "/a/b", "/a/b", "/" },
		{ "/a", "/a/b", "/b" },
		{ "/a/b", "/a/b/c/d", "/c/d" },
		{ "/a", "/", "/.." },
		{ "/a/b", "/a", "/.." },
		{ "/a/b/c", "/", "/../../.." },
		{ "/a", "/b", "/../b" },
		{ "/a/b", "/a/c", "/../c" },
		{ "/a/b/c", "/a/d/e", "/../../d/e" },
		/* Names that begin alike. */
		{ "/a", "/ab", "/../ab" },
		{ "/ab", "/a", "/../a" },
		{ "/x/a", "/x/ab/c", "/../ab/c" },
		{ "/x/ab/c", "/x/a", "/../../a" },
	};
	struct fixture *fix = test->priv;
	struct kdbus_view view = fix->view;
	const struct kdbus_item *item;
	int i;

	fix->facts.which = KDBUS_ATTACH_CGROUP;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fix->facts.cgroup = (char *)cases[i].path;
		view.cgroup_root = (char *)cases[i].root;
		KUNIT_EXPECT_EQ(test, kdbus_meta_size(&fix->meta,
						      KDBUS_ATTACH_CGROUP,
						      &view),
				ALIGN(16 + strlen(cases[i].want) + 1, 8));
		item = one(test, KDBUS_ATTACH_CGROUP, KDBUS_ITEM_CGROUP,
			   &view);
		KUNIT_ASSERT_NOT_NULL(test, item);
		KUNIT_EXPECT_STREQ(test, item->str, cases[i].want);
		KUNIT_EXPECT_EQ(test, item->size,
				17 + strlen(cases[i].want));
	}

	view.cgroup_root = NULL;
	KUNIT_EXPECT_NULL(test, one(test, KDBUS_ATTACH_CGROUP,
				    KDBUS_ITEM_CGROUP, &view));
}

/* META-4: an unset or unmapped login user. */
static void audit(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_view view = fix->view;
	const struct kdbus_item *item;

	fix->facts.which = KDBUS_ATTACH_AUDIT;
	fix->facts.sessionid = 77;
	fix->facts.loginuid = KUIDT_INIT(100007);
	item = one(test, KDBUS_ATTACH_AUDIT, KDBUS_ITEM_AUDIT, &view);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_EXPECT_EQ(test, item->size, 16 + 8);
	KUNIT_EXPECT_EQ(test, item->audit.sessionid, 77);
	KUNIT_EXPECT_EQ(test, item->audit.loginuid, 100007);

	if (IS_ENABLED(CONFIG_USER_NS)) {
		fix->cred.user_ns = &fix->ns[1];
		view.cred = &fix->cred;
		item = one(test, KDBUS_ATTACH_AUDIT, KDBUS_ITEM_AUDIT, &view);
		KUNIT_ASSERT_NOT_NULL(test, item);
		KUNIT_EXPECT_EQ(test, item->audit.loginuid, 7);
		fix->cred.user_ns = &fix->ns[3];
		item = one(test, KDBUS_ATTACH_AUDIT, KDBUS_ITEM_AUDIT, &view);
		KUNIT_ASSERT_NOT_NULL(test, item);
		KUNIT_EXPECT_EQ(test, item->audit.loginuid, U32_MAX);
	}

	fix->facts.loginuid = INVALID_UID;
	item = one(test, KDBUS_ATTACH_AUDIT, KDBUS_ITEM_AUDIT, &fix->view);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_EXPECT_EQ(test, item->audit.loginuid, U32_MAX);
}

static const u64 all_types[] = {
	KDBUS_ITEM_CREDS, KDBUS_ITEM_PIDS, KDBUS_ITEM_AUXGROUPS,
	KDBUS_ITEM_TID_COMM, KDBUS_ITEM_PID_COMM, KDBUS_ITEM_EXE,
	KDBUS_ITEM_CMDLINE, KDBUS_ITEM_CGROUP, KDBUS_ITEM_CAPS,
	KDBUS_ITEM_SECLABEL, KDBUS_ITEM_AUDIT, KDBUS_ITEM_OWNED_NAME,
	KDBUS_ITEM_OWNED_NAME, KDBUS_ITEM_CONN_DESCRIPTION,
	KDBUS_ITEM_TIMESTAMP,
};

#define EXE_NAME "kdbus test"

static void put_file(void *file)
{
	fput(file);
}

/* One of each kind, none with a payload that ends at a multiple of 8. */
static void fill_all(struct kunit *test, struct fixture *fix)
{
	static u64 names[8];
	struct kdbus_facts *facts = &fix->facts;
	struct kdbus_name *name;
	u8 buf[32] __aligned(8) = {};
	struct file *file;
	void *pos;

	file = shmem_file_setup(EXE_NAME, PAGE_SIZE, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_file, file),
			0);

	facts->which = KDBUS_ATTACH_PROCESS;
	facts->cred = &fix->cred;
	facts->pid = task_tgid(current);
	facts->tid = task_pid(current);
	strscpy(facts->tid_comm, "thread");
	strscpy(facts->pid_comm, "fifteen letters");
	facts->exe = file;
	facts->cmdline = "one\0two";
	facts->cmdline_size = sizeof("one\0two") - 1;
	facts->cgroup = "/a/bc";
	facts->seclabel = "label";

	name = (void *)buf;
	name->flags = KDBUS_NAME_PRIMARY;
	strscpy(name->name, "com.foo", 16);
	pos = kdbus_item_put(names, KDBUS_ITEM_OWNED_NAME, buf, 8 + 8);
	strscpy(name->name, "com", 16);
	pos = kdbus_item_put(pos, KDBUS_ITEM_OWNED_NAME, buf, 8 + 4);
	fix->meta.names = names;
	fix->meta.names_size = pos - (void *)names;
	KUNIT_ASSERT_LE(test, fix->meta.names_size, sizeof(names));
	fix->meta.description = "descr";
	fix->meta.stamp.seqnum = 42;
	kdbus_meta_stamp(&fix->meta);
}

/* META-2: the order, for all kinds and each of them left out. */
static void order(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_view view = fix->view;
	const struct kdbus_item *item;
	u64 mask;
	int bit;
	size_t i;

	fill_all(test, fix);
	view.cgroup_root = "/";
	for (bit = -1; bit < 14; bit++) {
		mask = _KDBUS_ATTACH_ALL & ~(bit < 0 ? 0 : BIT_ULL(bit));
		emit(test, mask, &view);

		i = 0;
		kdbus_items_for_each(item, fix->buf, fix->size) {
			while (i < ARRAY_SIZE(all_types) && bit >= 0 &&
			       all_types[i] == _KDBUS_ITEM_ATTACH_BASE + bit)
				i++;
			KUNIT_ASSERT_LT(test, i, ARRAY_SIZE(all_types));
			KUNIT_EXPECT_EQ(test, item->type, all_types[i++]);
		}
		while (i < ARRAY_SIZE(all_types) && bit >= 0 &&
		       all_types[i] == _KDBUS_ITEM_ATTACH_BASE + bit)
			i++;
		KUNIT_EXPECT_EQ(test, i, ARRAY_SIZE(all_types));
	}
}

/* META-3: what does not exist is left out, whatever is asked for. */
static void left_out(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_view view = fix->view;
	u64 which;
	int bit;

	fill_all(test, fix);
	view.cgroup_root = "/";
	for (bit = 0; bit < 14; bit++) {
		which = KDBUS_ATTACH_PROCESS & BIT_ULL(bit);
		fix->facts.which = which;
		emit(test, KDBUS_ATTACH_PROCESS, &view);
		KUNIT_EXPECT_EQ(test, !!fix->size, !!which);
		if (which)
			KUNIT_EXPECT_NOT_NULL(test, find(fix, bit +
						   _KDBUS_ITEM_ATTACH_BASE));
	}

	fix->meta.facts = NULL;
	fix->meta.names_size = 0;
	fix->meta.description = NULL;
	emit(test, _KDBUS_ATTACH_ALL, &view);
	KUNIT_EXPECT_EQ(test, fix->size, KDBUS_META_STAMP_SIZE);
	emit(test, _KDBUS_ATTACH_ALL & ~KDBUS_ATTACH_TIMESTAMP, &view);
	KUNIT_EXPECT_EQ(test, fix->size, 0);
	emit(test, 0, &view);
	KUNIT_EXPECT_EQ(test, fix->size, 0);
}

/* META-1: a notification has the time stamp only. */
static void stamp_only(struct kunit *test)
{
	struct fixture *fix = test->priv;
	const struct kdbus_item *item;

	fill_all(test, fix);
	emit(test, _KDBUS_ATTACH_ALL, NULL);
	KUNIT_EXPECT_EQ(test, fix->size, KDBUS_META_STAMP_SIZE);
	KUNIT_EXPECT_EQ(test, kdbus_meta_size(&fix->meta, _KDBUS_ATTACH_ALL,
					      NULL), KDBUS_META_STAMP_SIZE);
	item = find(fix, KDBUS_ITEM_TIMESTAMP);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_EXPECT_EQ(test, item->timestamp.seqnum, 42);
	KUNIT_EXPECT_GT(test, item->timestamp.monotonic_ns, 0);
	KUNIT_EXPECT_LE(test, item->timestamp.monotonic_ns, ktime_get_ns());

	emit(test, _KDBUS_ATTACH_ALL & ~KDBUS_ATTACH_TIMESTAMP, NULL);
	KUNIT_EXPECT_EQ(test, fix->size, 0);
}

/* Whatever the room, nothing is written behind it and no item is cut. */
static void room(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_view view = fix->view;
	size_t size, n, last = 0;

	fill_all(test, fix);
	view.cgroup_root = "/";
	size = kdbus_meta_size(&fix->meta, _KDBUS_ATTACH_ALL, &view);
	KUNIT_ASSERT_LE(test, size, ROOM);

	for (n = 0; n <= size; n += 8) {
		emit_to(test, _KDBUS_ATTACH_ALL, &view, n);
		last = fix->size;
	}
	emit_to(test, _KDBUS_ATTACH_ALL, &view, ROOM);
	KUNIT_EXPECT_EQ(test, fix->size, last);
}

/* Payloads of strings, and how long they are. */
static void strings(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_view view = fix->view;
	const struct kdbus_item *item;
	static const struct {
		u64 type;
		const char *str;
		size_t size;
	} cases[] = {
		{ KDBUS_ITEM_TID_COMM, "thread", 7 },
		{ KDBUS_ITEM_PID_COMM, "fifteen letters", 16 },
		{ KDBUS_ITEM_EXE, "/" EXE_NAME " (deleted)", 22 },
		{ KDBUS_ITEM_CMDLINE, "one\0two", 7 },
		{ KDBUS_ITEM_CGROUP, "/a/bc", 6 },
		{ KDBUS_ITEM_SECLABEL, "label", 6 },
		{ KDBUS_ITEM_CONN_DESCRIPTION, "descr", 6 },
	};
	int i;

	fill_all(test, fix);
	view.cgroup_root = "/";
	emit(test, _KDBUS_ATTACH_ALL, &view);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		item = find(fix, cases[i].type);
		KUNIT_ASSERT_NOT_NULL_MSG(test, item, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, item->size, 16 + cases[i].size,
				    "case %d", i);
		KUNIT_EXPECT_MEMEQ(test, item->str, cases[i].str,
				   cases[i].size);
	}

	/* META-4: not for a receiver with another root directory. */
	view.root.dentry = NULL;
	KUNIT_EXPECT_NULL(test, one(test, KDBUS_ATTACH_EXE, KDBUS_ITEM_EXE,
				    &view));
}

/* META-3: what a task is told about itself. */
static void collect(struct kunit *test)
{
	const u64 always = KDBUS_ATTACH_CREDS | KDBUS_ATTACH_PIDS |
			   KDBUS_ATTACH_AUXGROUPS | KDBUS_ATTACH_TID_COMM |
			   KDBUS_ATTACH_PID_COMM | KDBUS_ATTACH_CAPS;
	struct fixture *fix = test->priv;
	const struct kdbus_item *item;
	struct kdbus_facts *facts;

	facts = kdbus_facts_new();
	KUNIT_ASSERT_NOT_NULL(test, facts);
	kdbus_facts_collect(facts, KDBUS_ATTACH_TIMESTAMP |
				   KDBUS_ATTACH_NAMES |
				   KDBUS_ATTACH_CONN_DESCRIPTION);
	KUNIT_EXPECT_EQ(test, facts->asked, 0);
	kdbus_facts_collect(facts, KDBUS_ATTACH_PIDS);
	KUNIT_EXPECT_EQ(test, facts->which, KDBUS_ATTACH_PIDS);
	KUNIT_EXPECT_NULL(test, facts->cred);
	kdbus_facts_collect(facts, _KDBUS_ATTACH_ALL);
	KUNIT_EXPECT_EQ(test, facts->asked, KDBUS_ATTACH_PROCESS);
	KUNIT_EXPECT_EQ(test, facts->which & always, always);
	KUNIT_EXPECT_EQ(test, !!(facts->which & KDBUS_ATTACH_AUDIT),
			IS_ENABLED(CONFIG_AUDITSYSCALL));
	KUNIT_EXPECT_EQ(test, !!(facts->which & KDBUS_ATTACH_CGROUP),
			IS_ENABLED(CONFIG_CGROUPS));

	fix->meta.facts = facts;
	emit(test, KDBUS_ATTACH_PROCESS, &fix->view);
	item = find(fix, KDBUS_ITEM_CREDS);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_EXPECT_EQ(test, item->creds.euid,
			from_kuid(&init_user_ns, current_euid()));
	item = find(fix, KDBUS_ITEM_PIDS);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_EXPECT_EQ(test, item->pids.pid, task_tgid_vnr(current));
	KUNIT_EXPECT_EQ(test, item->pids.tid, task_pid_vnr(current));
	KUNIT_EXPECT_EQ(test, item->pids.ppid, task_ppid_nr(current));
	item = find(fix, KDBUS_ITEM_TID_COMM);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_EXPECT_STREQ(test, item->str, current->comm);
	item = find(fix, KDBUS_ITEM_CAPS);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_EXPECT_EQ(test, item->caps.caps[4],
			lower_32_bits(current_cred()->cap_effective.val));
	item = find(fix, KDBUS_ITEM_CGROUP);
	if (item)
		KUNIT_EXPECT_EQ(test, item->str[0], '/');

	kdbus_facts_put(facts);
}

/* Facts are kept until something that was asked for changes. */
static void hold(struct kunit *test)
{
	const u64 all = KDBUS_ATTACH_PROCESS & ~KDBUS_ATTACH_CMDLINE;
	const u64 of_cred = KDBUS_ATTACH_CREDS | KDBUS_ATTACH_AUXGROUPS |
			    KDBUS_ATTACH_CAPS | KDBUS_ATTACH_SECLABEL;
	struct kdbus_facts *facts = kdbus_facts_new();
	const struct cred *old;
	struct pid *pid;
	int bit;

	KUNIT_ASSERT_NOT_NULL(test, facts);
	KUNIT_EXPECT_TRUE(test, kdbus_facts_hold(facts, 0));
	KUNIT_EXPECT_TRUE(test, kdbus_facts_hold(facts,
						 KDBUS_ATTACH_TIMESTAMP));
	for (bit = 0; bit < 14; bit++)
		KUNIT_EXPECT_EQ(test, kdbus_facts_hold(facts, BIT_ULL(bit)),
				!(BIT_ULL(bit) & KDBUS_ATTACH_PROCESS));

	kdbus_facts_collect(facts, KDBUS_ATTACH_PROCESS);
	KUNIT_EXPECT_TRUE(test, kdbus_facts_hold(facts, all));
	KUNIT_EXPECT_FALSE(test, kdbus_facts_hold(facts,
						  KDBUS_ATTACH_CMDLINE));

	old = act_in(test, &init_user_ns);
	for (bit = 0; bit < 14; bit++)
		KUNIT_EXPECT_EQ(test,
				kdbus_facts_hold(facts, all & BIT_ULL(bit)),
				!(BIT_ULL(bit) & of_cred));
	revert(old);

	facts->tid_comm[0] ^= 1;
	facts->loginuid = KUIDT_INIT(4711);
	facts->cgroup_id++;
	pid = facts->ppid;
	facts->ppid = NULL;
	KUNIT_EXPECT_FALSE(test, kdbus_facts_hold(facts,
						  KDBUS_ATTACH_TID_COMM));
	KUNIT_EXPECT_FALSE(test, kdbus_facts_hold(facts, KDBUS_ATTACH_PIDS));
	KUNIT_EXPECT_FALSE(test, kdbus_facts_hold(facts, KDBUS_ATTACH_AUDIT));
	KUNIT_EXPECT_FALSE(test, kdbus_facts_hold(facts, KDBUS_ATTACH_CGROUP));
	KUNIT_EXPECT_TRUE(test, kdbus_facts_hold(facts, of_cred));
	KUNIT_EXPECT_TRUE(test, kdbus_facts_hold(facts, KDBUS_ATTACH_PID_COMM));
	facts->ppid = pid;

	kdbus_facts_put(facts);
}

/* Collects the command line, returns its size; 0: there is none. */
static size_t take_cmdline(struct kunit *test, unsigned long start, size_t size,
			   char *out)
{
	struct kdbus_facts *facts = kdbus_facts_new();
	size_t got = 0;

	KUNIT_ASSERT_NOT_NULL(test, facts);
	current->mm->arg_start = start;
	current->mm->arg_end = start + size;
	kdbus_facts_collect(facts, KDBUS_ATTACH_CMDLINE);
	if (facts->which) {
		got = facts->cmdline_size;
		memcpy(out, facts->cmdline, got);
		KUNIT_EXPECT_GT(test, got, 0);
		KUNIT_EXPECT_EQ(test, out[got - 1], '\0');
	} else {
		KUNIT_EXPECT_NULL(test, facts->cmdline);
	}
	kdbus_facts_put(facts);

	return got;
}

/* W-17, W-43: the whole area, bounded, terminated; nothing ever fails. */
static void cmdline(struct kunit *test)
{
	static const char args[] = "prog\0-x\0\0last";
	unsigned long addr, end;
	char *out;

	out = kunit_kzalloc(test, KDBUS_CMDLINE_MAX_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, out);
	addr = kunit_vm_mmap(test, NULL, 0, SZ_64K, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	if (!addr)
		kunit_skip(test, "no memory of a process");
	end = addr + SZ_64K;
	KUNIT_ASSERT_EQ(test, vm_munmap(end - PAGE_SIZE, PAGE_SIZE), 0);
	end -= PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)addr, args,
					   sizeof(args)), 0);

	KUNIT_EXPECT_EQ(test, take_cmdline(test, addr, sizeof(args), out),
			sizeof(args));
	KUNIT_EXPECT_MEMEQ(test, out, args, sizeof(args));
	/* A missing NUL is added. */
	KUNIT_EXPECT_EQ(test, take_cmdline(test, addr, sizeof(args) - 2, out),
			sizeof(args) - 1);
	KUNIT_EXPECT_MEMEQ(test, out, "prog\0-x\0\0las", sizeof(args) - 1);
	KUNIT_EXPECT_EQ(test, take_cmdline(test, addr + 5, 3, out), 3);

	KUNIT_EXPECT_EQ(test, take_cmdline(test, addr, 0, out), 0);
	KUNIT_EXPECT_EQ(test, take_cmdline(test, addr + 1, -1, out), 0);
	KUNIT_EXPECT_EQ(test, take_cmdline(test, end, 10, out), 0);

	KUNIT_ASSERT_EQ(test, clear_user((void __user *)addr, SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, take_cmdline(test, addr, 1, out), 1);
	KUNIT_EXPECT_EQ(test, take_cmdline(test, addr,
					   KDBUS_CMDLINE_MAX_SIZE - 1, out),
			KDBUS_CMDLINE_MAX_SIZE - 1);
	KUNIT_EXPECT_LE(test, take_cmdline(test, addr, KDBUS_CMDLINE_MAX_SIZE,
					   out), KDBUS_CMDLINE_MAX_SIZE);
	memset(out, 'x', 16);
	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)addr +
					   KDBUS_CMDLINE_MAX_SIZE - 16, out,
					   16), 0);
	KUNIT_EXPECT_EQ(test, take_cmdline(test, addr, SZ_32K, out),
			KDBUS_CMDLINE_MAX_SIZE);
	KUNIT_EXPECT_EQ(test, out[KDBUS_CMDLINE_MAX_SIZE - 2], 'x');

	/* What can be read of an area that cannot all be read. */
	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)end - 2, "ab", 2),
			0);
	KUNIT_EXPECT_LE(test, take_cmdline(test, end - 2, 100, out), 3);
}

/* PRIV-3: a view is pinned and let go; one that is all zero has nothing. */
static void view(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_view view = {};

	kdbus_view_destroy(&view);

	KUNIT_ASSERT_EQ(test, kdbus_view_init(&view, current_cred()), 0);
	KUNIT_EXPECT_PTR_EQ(test, view.thread, task_pid(current));
	KUNIT_EXPECT_PTR_EQ(test, view.pid_ns, task_active_pid_ns(current));
	KUNIT_EXPECT_PTR_EQ(test, view.cred, current_cred());
	KUNIT_EXPECT_TRUE(test, path_equal(&view.root, &fix->view.root));
	KUNIT_EXPECT_EQ(test, !!view.cgroup_root, IS_ENABLED(CONFIG_CGROUPS));
	if (view.proc)
		KUNIT_EXPECT_PTR_EQ(test, proc_pid_ns(view.proc), view.pid_ns);
	kdbus_view_destroy(&view);
	KUNIT_EXPECT_NULL(test, view.cred);
	kdbus_view_destroy(&view);
}

static struct kunit_case kdbus_meta_cases[] = {
	KUNIT_CASE(fake_creds_values),
	KUNIT_CASE(fake_creds_mapping),
	KUNIT_CASE(fake_pids_values),
	KUNIT_CASE(fake_pids_exited),
	KUNIT_CASE(fake_seclabel),
	KUNIT_CASE(mask),
	KUNIT_CASE(mask_proc),
	KUNIT_CASE(mask_ptrace),
	KUNIT_CASE(mask_same_ids),
	KUNIT_CASE(creds_translation),
	KUNIT_CASE(auxgroups),
	KUNIT_CASE(pids_translation),
	KUNIT_CASE(caps_translation),
	KUNIT_CASE(cgroup_translation),
	KUNIT_CASE(audit),
	KUNIT_CASE(order),
	KUNIT_CASE(left_out),
	KUNIT_CASE(stamp_only),
	KUNIT_CASE(room),
	KUNIT_CASE(strings),
	KUNIT_CASE(collect),
	KUNIT_CASE(hold),
	KUNIT_CASE(cmdline),
	KUNIT_CASE(view),
	{}
};

static struct kunit_suite kdbus_meta_suite = {
	.name = "kdbus_meta",
	.init = meta_init,
	.exit = meta_exit,
	.test_cases = kdbus_meta_cases,
};

kunit_test_suite(kdbus_meta_suite);
