// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitops.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/magic.h>
#include <linux/namei.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched/coredump.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "meta.h"

/* 32-bit words of a capability set. */
#define CAP_WORDS	(CAP_LAST_CAP / 32 + 1)
static_assert(CAP_WORDS * sizeof(u32) == sizeof(kernel_cap_t),
	      "a capability set is written as two words");

/* Bytes of payload of CAPS. */
#define CAPS_SIZE	offsetof(struct kdbus_caps, caps[4 * CAP_WORDS])

/* Characters that lead one directory up in the path of a cgroup. */
#define PARENT		"/.."

/* Who mounts what he calls /proc decides what can be read there. */
static struct super_block *pin_proc(const struct pid_namespace *pid_ns)
{
	struct super_block *sb;
	struct path path;

	if (kern_path("/proc", LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path))
		return NULL;

	sb = path.dentry->d_sb;
	if (sb->s_magic == PROC_SUPER_MAGIC && path.dentry == sb->s_root &&
	    proc_pid_ns(sb) == pid_ns)
		atomic_inc(&sb->s_active);
	else
		sb = NULL;
	path_put(&path);

	return sb;
}

/**
 * kdbus_view_init() - pin how the present task sees other processes
 * @view:	view; to be destroyed in any case
 * @opener:	credentials of the opener of the connection
 *
 * Looks up a path: the caller holds nothing that others wait for.
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_view_init(struct kdbus_view *view, const struct cred *opener)
{
	might_sleep();

	view->cred = get_cred(opener);
	view->pid_ns = get_pid_ns(task_active_pid_ns(current));
	get_fs_root(current->fs, &view->root);
	view->thread = get_pid(task_pid(current));
	view->proc = pin_proc(view->pid_ns);

	return kdbus_facts_cgroup_root(&view->cgroup_root);
}

/**
 * kdbus_view_destroy() - drop what a view has pinned
 * @view:	view, initialised or all zero
 *
 * May sleep; the caller holds no lock.
 */
void kdbus_view_destroy(struct kdbus_view *view)
{
	if (!view->cred)
		return;

	kfree(view->cgroup_root);
	if (view->proc)
		deactivate_super(view->proc);
	put_pid(view->thread);
	path_put(&view->root);
	put_pid_ns(view->pid_ns);
	put_cred(view->cred);
	memset(view, 0, sizeof(*view));
}

/**
 * enum power - what the capabilities of one task mean in a user namespace
 * @POWER_NONE:	nothing
 * @POWER_OWN:	what they say
 * @POWER_ALL:	everything, as the task owns the namespace
 */
enum power {
	POWER_NONE,
	POWER_OWN,
	POWER_ALL,
};

static enum power power_in(const struct cred *cred,
			   const struct user_namespace *ns)
{
	if (ns == cred->user_ns)
		return POWER_OWN;

	for (; ns->parent; ns = ns->parent)
		if (ns->parent == cred->user_ns)
			return uid_eq(ns->owner, cred->euid) ? POWER_ALL :
							       POWER_OWN;

	return POWER_NONE;
}

static bool may_ptrace_in(const struct cred *cred,
			  const struct user_namespace *ns)
{
	switch (power_in(cred, ns)) {
	case POWER_ALL:
		return true;
	case POWER_OWN:
		return cap_raised(cred->cap_effective, CAP_SYS_PTRACE);
	default:
		return false;
	}
}

/*
 * Whether these credentials may look at the present task, by the rules that
 * ptrace(2) has for reading. Security modules are not asked: they judge the
 * present task, and here that is the one to be looked at.
 */
static bool may_inspect(const struct cred *cred)
{
	const struct cred *target = current_cred();
	const struct mm_struct *mm = current->mm;
	bool same;

	same = uid_eq(cred->fsuid, target->euid) &&
	       uid_eq(cred->fsuid, target->suid) &&
	       uid_eq(cred->fsuid, target->uid) &&
	       gid_eq(cred->fsgid, target->egid) &&
	       gid_eq(cred->fsgid, target->sgid) &&
	       gid_eq(cred->fsgid, target->gid);
	if (!same && !may_ptrace_in(cred, target->user_ns))
		return false;

	if (mm && __get_dumpable(READ_ONCE(mm->flags)) == SUID_DUMP_USER)
		return true;
	return may_ptrace_in(cred, mm ? mm->user_ns : &init_user_ns);
}

static bool has_group(const struct cred *cred, kgid_t gid)
{
	const struct group_info *groups = cred->group_info;
	unsigned int left = 0, right = groups->ngroups, middle;

	if (gid_eq(cred->egid, gid))
		return true;

	while (left < right) {
		middle = (left + right) / 2;
		if (gid_eq(groups->gid[middle], gid))
			return true;
		if (gid_lt(groups->gid[middle], gid))
			left = middle + 1;
		else
			right = middle;
	}

	return false;
}

/*
 * P of META-1: whether the receiver could read about the present task in his
 * own /proc. hidepid belongs to the mount (W-30), so it is that of the procfs
 * he had there at HELLO, with its present options. Without one he is judged
 * as if everything was hidden.
 */
static bool proc_shows_current(const struct kdbus_view *view)
{
	const struct proc_fs_info *info;
	enum proc_hidepid hide;

	if (!pid_nr_ns(task_pid(current), view->pid_ns))
		return false;
	if (task_pid(current) == view->thread)
		return true;
	if (!view->proc)
		return may_inspect(view->cred);

	info = proc_sb_info(view->proc);
	hide = READ_ONCE(info->hide_pid);
	if (hide != HIDEPID_NOT_PTRACEABLE &&
	    (hide < HIDEPID_NO_ACCESS ||
	     has_group(view->cred, READ_ONCE(info->pid_gid))))
		return true;

	return may_inspect(view->cred);
}

/**
 * kdbus_meta_mask() - which kinds a message from the present task carries
 * @view:	view of the receiver
 * @recv_mask:	KDBUS_ATTACH_* that the receiver wants
 * @send_mask:	KDBUS_ATTACH_* that the sender agrees to hand out
 * @faked_sender: the sender has faked metadata
 *
 * META-1, HELLO-10.
 *
 * Return: set of KDBUS_ATTACH_*.
 */
u64 kdbus_meta_mask(const struct kdbus_view *view, u64 recv_mask,
		    u64 send_mask, bool faked_sender)
{
	u64 granted = send_mask | KDBUS_META_IMPLICIT;

	if (faked_sender)
		return recv_mask & KDBUS_META_FAKED;

	if (recv_mask & ~granted && proc_shows_current(view))
		return recv_mask;

	return recv_mask & granted;
}

/**
 * kdbus_meta_stamp() - take the time of a message
 * @meta:	returns the time, unless it has been taken before
 *
 * For the first receiver who wants it; all of them get the same.
 */
void kdbus_meta_stamp(struct kdbus_meta *meta)
{
	if (meta->stamp.monotonic_ns)
		return;

	meta->stamp.monotonic_ns = ktime_get_ns();
	meta->stamp.realtime_ns = ktime_get_real_ns();
}

/* META-4: unset ids are told from those that have no mapping. */
static u64 show_uid(const struct kdbus_view *view, kuid_t uid)
{
	return uid_valid(uid) ? from_kuid_munged(view->cred->user_ns, uid) :
				U32_MAX;
}

static u64 show_gid(const struct kdbus_view *view, kgid_t gid)
{
	return gid_valid(gid) ? from_kgid_munged(view->cred->user_ns, gid) :
				U32_MAX;
}

static size_t creds_size(const struct kdbus_facts *facts,
			 const struct kdbus_view *view)
{
	return sizeof(struct kdbus_creds);
}

static ssize_t write_creds(const struct kdbus_facts *facts,
			   const struct kdbus_view *view, void *payload)
{
	struct kdbus_creds *creds = payload;

	creds->uid = show_uid(view, facts->uid);
	creds->euid = show_uid(view, facts->euid);
	creds->suid = show_uid(view, facts->suid);
	creds->fsuid = show_uid(view, facts->fsuid);
	creds->gid = show_gid(view, facts->gid);
	creds->egid = show_gid(view, facts->egid);
	creds->sgid = show_gid(view, facts->sgid);
	creds->fsgid = show_gid(view, facts->fsgid);

	return sizeof(*creds);
}

static size_t pids_size(const struct kdbus_facts *facts,
			const struct kdbus_view *view)
{
	return sizeof(struct kdbus_pids);
}

static ssize_t write_pids(const struct kdbus_facts *facts,
			  const struct kdbus_view *view, void *payload)
{
	struct kdbus_pids *pids = payload;

	pids->pid = pid_nr_ns(facts->pid, view->pid_ns);
	pids->tid = pid_nr_ns(facts->tid, view->pid_ns);
	pids->ppid = pid_nr_ns(facts->ppid, view->pid_ns);

	return sizeof(*pids);
}

static size_t auxgroups_size(const struct kdbus_facts *facts,
			     const struct kdbus_view *view)
{
	return array_size(facts->cred->group_info->ngroups, sizeof(u64));
}

static ssize_t write_auxgroups(const struct kdbus_facts *facts,
			       const struct kdbus_view *view, void *payload)
{
	const struct group_info *groups = facts->cred->group_info;
	u64 *gids = payload;
	int i;

	for (i = 0; i < groups->ngroups; i++)
		gids[i] = show_gid(view, groups->gid[i]);

	return groups->ngroups * sizeof(u64);
}

static ssize_t write_string(const char *str, void *payload)
{
	size_t size = strlen(str) + 1;

	memcpy(payload, str, size);
	return size;
}

static size_t tid_comm_size(const struct kdbus_facts *facts,
			    const struct kdbus_view *view)
{
	return strlen(facts->tid_comm) + 1;
}

static ssize_t write_tid_comm(const struct kdbus_facts *facts,
			      const struct kdbus_view *view, void *payload)
{
	return write_string(facts->tid_comm, payload);
}

static size_t pid_comm_size(const struct kdbus_facts *facts,
			    const struct kdbus_view *view)
{
	return strlen(facts->pid_comm) + 1;
}

static ssize_t write_pid_comm(const struct kdbus_facts *facts,
			      const struct kdbus_view *view, void *payload)
{
	return write_string(facts->pid_comm, payload);
}

static bool is_current_root(const struct path *path)
{
	struct fs_struct *fs = current->fs;
	bool same;

	spin_lock(&fs->lock);
	same = path_equal(&fs->root, path);
	spin_unlock(&fs->lock);

	return same;
}

static size_t exe_size(const struct kdbus_facts *facts,
		       const struct kdbus_view *view)
{
	return PATH_MAX;
}

/* META-4: of what is outside of the root, where it is in its mount. */
static char *strip_mount_point(const struct path *exe, const struct path *root,
			       char *str)
{
	const struct path top = {
		.mnt = exe->mnt,
		.dentry = exe->mnt->mnt_root,
	};
	char *buf, *prefix;
	size_t len;

	/* What has a name of its own is nowhere. */
	if (path_is_under(exe, root) ||
	    (exe->dentry->d_op && exe->dentry->d_op->d_dname))
		return str;

	buf = kmalloc(PATH_MAX, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	prefix = d_path(&top, buf, PATH_MAX);
	if (!IS_ERR(prefix)) {
		len = strlen(prefix);
		if (!strncmp(str, prefix, len) && str[len] == '/')
			str += len;
	}
	kfree(buf);

	return str;
}

/*
 * d_path() writes to the end of its buffer and goes by the present root, which
 * another thread may change at any time: it has to be the right one before and
 * after.
 */
static ssize_t write_exe(const struct kdbus_facts *facts,
			 const struct kdbus_view *view, void *payload)
{
	size_t size;
	char *path;

	if (!is_current_root(&view->root))
		return -EXDEV;
	path = d_path(&facts->exe->f_path, payload, PATH_MAX);
	if (!IS_ERR(path))
		path = strip_mount_point(&facts->exe->f_path, &view->root,
					 path);
	if (IS_ERR(path))
		return PTR_ERR(path);
	if (!is_current_root(&view->root))
		return -EXDEV;

	size = strlen(path) + 1;
	memmove(payload, path, size);
	return size;
}

static size_t cmdline_size(const struct kdbus_facts *facts,
			   const struct kdbus_view *view)
{
	return facts->cmdline_size;
}

static ssize_t write_cmdline(const struct kdbus_facts *facts,
			     const struct kdbus_view *view, void *payload)
{
	memcpy(payload, facts->cmdline, facts->cmdline_size);
	return facts->cmdline_size;
}

/*
 * What leads from the root of the receiver's cgroup namespace to a cgroup, as
 * in his /proc/PID/cgroup (W-30): returns the number of directories up, and
 * the rest of the path from there.
 */
static unsigned int cgroup_from(const char *root, const char *path,
				const char **rest)
{
	size_t i, common = 0;
	unsigned int up = 0;

	/* The root of the hierarchy is "/", the others do not end in one. */
	if (!root[1])
		root++;
	if (!path[1])
		path++;

	for (i = 0; ; i++) {
		if ((!root[i] || root[i] == '/') &&
		    (!path[i] || path[i] == '/'))
			common = i;
		if (!root[i] || root[i] != path[i])
			break;
	}

	*rest = path + common;
	for (i = common; root[i]; i++)
		up += root[i] == '/';

	return up;
}

static size_t cgroup_size(const struct kdbus_facts *facts,
			  const struct kdbus_view *view)
{
	unsigned int up;
	const char *rest;

	if (!view->cgroup_root)
		return 0;

	up = cgroup_from(view->cgroup_root, facts->cgroup, &rest);
	if (!up && !*rest)
		return sizeof("/");
	return up * strlen(PARENT) + strlen(rest) + 1;
}

static ssize_t write_cgroup(const struct kdbus_facts *facts,
			    const struct kdbus_view *view, void *payload)
{
	char *pos = payload;
	const char *rest;
	unsigned int up;

	if (!view->cgroup_root)
		return -ENOENT;

	up = cgroup_from(view->cgroup_root, facts->cgroup, &rest);
	if (!up && !*rest)
		return write_string("/", payload);

	for (; up; up--) {
		memcpy(pos, PARENT, strlen(PARENT));
		pos += strlen(PARENT);
	}
	pos += write_string(rest, pos);

	return pos - (char *)payload;
}

static size_t caps_size(const struct kdbus_facts *facts,
			const struct kdbus_view *view)
{
	return CAPS_SIZE;
}

static void write_cap_set(u32 *words, kernel_cap_t set)
{
	words[0] = lower_32_bits(set.val & CAP_VALID_MASK);
	words[1] = upper_32_bits(set.val & CAP_VALID_MASK);
}

static ssize_t write_caps(const struct kdbus_facts *facts,
			  const struct kdbus_view *view, void *payload)
{
	const struct cred *cred = facts->cred;
	struct kdbus_caps *caps = payload;
	kernel_cap_t sets[4] = {};
	int i;

	switch (power_in(cred, view->cred->user_ns)) {
	case POWER_ALL:
		sets[1] = CAP_FULL_SET;
		sets[2] = CAP_FULL_SET;
		sets[3] = CAP_FULL_SET;
		break;
	case POWER_OWN:
		sets[0] = cred->cap_inheritable;
		sets[1] = cred->cap_permitted;
		sets[2] = cred->cap_effective;
		sets[3] = cred->cap_bset;
		break;
	case POWER_NONE:
		break;
	}

	caps->last_cap = CAP_LAST_CAP;
	for (i = 0; i < ARRAY_SIZE(sets); i++)
		write_cap_set(caps->caps + i * CAP_WORDS, sets[i]);

	return CAPS_SIZE;
}

static size_t seclabel_size(const struct kdbus_facts *facts,
			    const struct kdbus_view *view)
{
	return strlen(facts->seclabel) + 1;
}

static ssize_t write_seclabel(const struct kdbus_facts *facts,
			      const struct kdbus_view *view, void *payload)
{
	return write_string(facts->seclabel, payload);
}

static size_t audit_size(const struct kdbus_facts *facts,
			 const struct kdbus_view *view)
{
	return sizeof(struct kdbus_audit);
}

static ssize_t write_audit(const struct kdbus_facts *facts,
			   const struct kdbus_view *view, void *payload)
{
	struct kdbus_audit *audit = payload;

	audit->sessionid = facts->sessionid;
	audit->loginuid = from_kuid(view->cred->user_ns, facts->loginuid);

	return sizeof(*audit);
}

/**
 * struct kind - how an item is made from facts
 * @size:	bytes of payload that it has at most
 * @write:	writes the payload, returns its bytes; negative: there is none
 *
 * Both are called for facts that exist only.
 */
struct kind {
	size_t (*size)(const struct kdbus_facts *facts,
		       const struct kdbus_view *view);
	ssize_t (*write)(const struct kdbus_facts *facts,
			 const struct kdbus_view *view, void *payload);
};

/* By number of KDBUS_ATTACH_* bit, which is the order of META-2. */
static const struct kind kinds[] = {
	[ilog2(KDBUS_ATTACH_CREDS)] = { creds_size, write_creds },
	[ilog2(KDBUS_ATTACH_PIDS)] = { pids_size, write_pids },
	[ilog2(KDBUS_ATTACH_AUXGROUPS)] = { auxgroups_size, write_auxgroups },
	[ilog2(KDBUS_ATTACH_TID_COMM)] = { tid_comm_size, write_tid_comm },
	[ilog2(KDBUS_ATTACH_PID_COMM)] = { pid_comm_size, write_pid_comm },
	[ilog2(KDBUS_ATTACH_EXE)] = { exe_size, write_exe },
	[ilog2(KDBUS_ATTACH_CMDLINE)] = { cmdline_size, write_cmdline },
	[ilog2(KDBUS_ATTACH_CGROUP)] = { cgroup_size, write_cgroup },
	[ilog2(KDBUS_ATTACH_CAPS)] = { caps_size, write_caps },
	[ilog2(KDBUS_ATTACH_SECLABEL)] = { seclabel_size, write_seclabel },
	[ilog2(KDBUS_ATTACH_AUDIT)] = { audit_size, write_audit },
};

/* The kinds that can be made from facts for a receiver. */
static unsigned long fact_kinds(const struct kdbus_meta *meta, u64 mask,
				const struct kdbus_view *view)
{
	if (!meta->facts || !view)
		return 0;

	return mask & meta->facts->which & KDBUS_ATTACH_PROCESS;
}

static size_t padded_size(size_t payload)
{
	return KDBUS_ALIGN8(KDBUS_ITEM_SIZE(payload));
}

/**
 * kdbus_meta_size() - room that the items of a receiver need
 * @meta:	what is known of the sender
 * @mask:	set of KDBUS_ATTACH_*
 * @view:	view of the receiver; NULL: TIMESTAMP is all there is
 *
 * Return: upper bound of what kdbus_meta_emit() writes, a multiple of 8.
 */
size_t kdbus_meta_size(const struct kdbus_meta *meta, u64 mask,
		       const struct kdbus_view *view)
{
	unsigned long facts = fact_kinds(meta, mask, view);
	unsigned int bit;
	size_t size = 0;

	for_each_set_bit(bit, &facts, ARRAY_SIZE(kinds))
		size += padded_size(kinds[bit].size(meta->facts, view));

	if (view && mask & KDBUS_ATTACH_NAMES)
		size += meta->names_size;
	if (view && mask & KDBUS_ATTACH_CONN_DESCRIPTION && meta->description)
		size += padded_size(strlen(meta->description) + 1);
	if (mask & KDBUS_ATTACH_TIMESTAMP)
		size += padded_size(sizeof(meta->stamp));

	return size;
}

/**
 * struct emitter - items being written
 * @pos:	where the next one goes
 * @end:	end of the room
 * @last:	the last one that was written, or NULL
 */
struct emitter {
	void *pos;
	void *end;
	const struct kdbus_item *last;
};

static bool has_room(const struct emitter *out, size_t payload)
{
	return padded_size(payload) <= out->end - out->pos;
}

static void emit_fact(struct emitter *out, unsigned int bit,
		      const struct kdbus_facts *facts,
		      const struct kdbus_view *view)
{
	const struct kind *kind = &kinds[bit];
	struct kdbus_item *item = out->pos;
	ssize_t size;

	if (!has_room(out, kind->size(facts, view)))
		return;
	size = kind->write(facts, view, item->data);
	if (size < 0)
		return;

	item->size = KDBUS_ITEM_SIZE(size);
	item->type = _KDBUS_ITEM_ATTACH_BASE + bit;
	memset(item->data + size, 0, KDBUS_ALIGN8(size) - size);
	out->last = item;
	out->pos = kdbus_item_next(item);
}

static void emit(struct emitter *out, u64 type, const void *data, size_t size)
{
	if (!has_room(out, size))
		return;

	out->last = out->pos;
	out->pos = kdbus_item_put(out->pos, type, data, size);
}

static void emit_names(struct emitter *out, const void *names, size_t size)
{
	const struct kdbus_item *item;

	if (size > out->end - out->pos)
		return;

	memcpy(out->pos, names, size);
	kdbus_items_for_each(item, out->pos, size)
		out->last = item;
	out->pos += size;
}

/**
 * kdbus_meta_emit() - write the items that a receiver gets
 * @meta:	what is known of the sender
 * @mask:	set of KDBUS_ATTACH_*
 * @view:	view of the receiver; NULL: TIMESTAMP is all there is
 * @buf:	where to write, aligned to 8
 * @room:	bytes that may be written, a multiple of 8; kdbus_meta_size()
 *		are enough, an item that does not fit is left out
 *
 * In the order of META-2. What is behind the items in the room is undefined.
 *
 * Return: bytes of the items, without the padding of the last one, which is
 * written as zeroes nevertheless.
 */
size_t kdbus_meta_emit(const struct kdbus_meta *meta, u64 mask,
		       const struct kdbus_view *view, void *buf, size_t room)
{
	struct emitter out = { .pos = buf, .end = buf + room };
	unsigned long facts = fact_kinds(meta, mask, view);
	unsigned int bit;

	for_each_set_bit(bit, &facts, ARRAY_SIZE(kinds))
		emit_fact(&out, bit, meta->facts, view);

	if (view && mask & KDBUS_ATTACH_NAMES && meta->names_size)
		emit_names(&out, meta->names, meta->names_size);
	if (view && mask & KDBUS_ATTACH_CONN_DESCRIPTION && meta->description)
		emit(&out, KDBUS_ITEM_CONN_DESCRIPTION, meta->description,
		     strlen(meta->description) + 1);
	if (mask & KDBUS_ATTACH_TIMESTAMP)
		emit(&out, KDBUS_ITEM_TIMESTAMP, &meta->stamp,
		     sizeof(meta->stamp));

	return out.last ? (void *)out.last + out.last->size - buf : 0;
}
