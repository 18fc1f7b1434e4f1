// SPDX-License-Identifier: GPL-2.0-only
#include <linux/audit.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/mm_types.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "facts.h"

/* Kinds that change only when the task gets new credentials. */
#define KINDS_OF_CRED (KDBUS_ATTACH_CREDS | KDBUS_ATTACH_AUXGROUPS | \
		       KDBUS_ATTACH_CAPS | KDBUS_ATTACH_SECLABEL)

/* Kinds that every task has. */
#define KINDS_OF_ALL (KDBUS_ATTACH_CREDS | KDBUS_ATTACH_PIDS | \
		      KDBUS_ATTACH_AUXGROUPS | KDBUS_ATTACH_TID_COMM | \
		      KDBUS_ATTACH_PID_COMM | KDBUS_ATTACH_CAPS)

/**
 * kdbus_facts_new() - make facts that know nothing yet
 *
 * Return: a reference, or NULL if there is no memory.
 */
struct kdbus_facts *kdbus_facts_new(void)
{
	struct kdbus_facts *facts;

	facts = kzalloc(sizeof(*facts), GFP_KERNEL_ACCOUNT);
	if (facts)
		refcount_set(&facts->ref, 1);

	return facts;
}

/**
 * kdbus_facts_ref() - take a reference
 * @facts:	facts
 *
 * Return: @facts.
 */
struct kdbus_facts *kdbus_facts_ref(struct kdbus_facts *facts)
{
	refcount_inc(&facts->ref);
	return facts;
}

/**
 * kdbus_facts_put() - drop a reference
 * @facts:	facts, or NULL
 *
 * The last one may close a file: the caller holds no lock.
 */
void kdbus_facts_put(struct kdbus_facts *facts)
{
	if (!facts || !refcount_dec_and_test(&facts->ref))
		return;

	if (facts->cred)
		put_cred(facts->cred);
	put_pid(facts->pid);
	put_pid(facts->tid);
	put_pid(facts->ppid);
	if (facts->exe)
		fput(facts->exe);
	kfree(facts->cmdline);
	kfree(facts->cgroup);
	kfree(facts->seclabel);
	kfree(facts);
}

static void take_cred(struct kdbus_facts *facts)
{
	const struct cred *cred;

	if (facts->cred)
		return;

	cred = get_current_cred();
	facts->cred = cred;
	facts->uid = cred->uid;
	facts->euid = cred->euid;
	facts->suid = cred->suid;
	facts->fsuid = cred->fsuid;
	facts->gid = cred->gid;
	facts->egid = cred->egid;
	facts->sgid = cred->sgid;
	facts->fsgid = cred->fsgid;
}

static void take_pids(struct kdbus_facts *facts)
{
	facts->pid = get_pid(task_tgid(current));
	facts->tid = get_pid(task_pid(current));

	rcu_read_lock();
	facts->ppid = get_task_pid(rcu_dereference(current->real_parent),
				   PIDTYPE_TGID);
	rcu_read_unlock();
}

static bool take_exe(struct kdbus_facts *facts)
{
	struct mm_struct *mm = current->mm;

	if (!mm)
		return false;

	rcu_read_lock();
	facts->exe = get_file_rcu(&mm->exe_file);
	rcu_read_unlock();

	return facts->exe;
}

/*
 * W-17: as much as fits and can be read. The process may write to its
 * argument area, so the last NUL is ours.
 */
static bool take_cmdline(struct kdbus_facts *facts)
{
	struct mm_struct *mm = current->mm;
	unsigned long start, end;
	size_t size;
	char *buf;

	if (!mm)
		return false;

	spin_lock(&mm->arg_lock);
	start = mm->arg_start;
	end = mm->arg_end;
	spin_unlock(&mm->arg_lock);
	if (start >= end)
		return false;

	size = min_t(unsigned long, end - start, KDBUS_CMDLINE_MAX_SIZE - 1);
	buf = kmalloc(size + 1, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return false;

	size -= copy_from_user(buf, (const void __user *)start, size);
	if (!size) {
		kfree(buf);
		return false;
	}
	if (buf[size - 1])
		buf[size++] = '\0';

	facts->cmdline = buf;
	facts->cmdline_size = size;
	return true;
}

static bool take_seclabel(struct kdbus_facts *facts)
{
	char *label = NULL;
	u32 secid, size = 0;

	security_current_getsecid_subj(&secid);
	if (security_secid_to_secctx(secid, &label, &size))
		return false;

	/* Some modules count the NUL, some do not. */
	if (label && size)
		facts->seclabel = kstrndup(label, size, GFP_KERNEL_ACCOUNT);
	security_release_secctx(label, size);

	return facts->seclabel;
}

static bool take_audit(struct kdbus_facts *facts)
{
	facts->sessionid = audit_get_sessionid(current);
	facts->loginuid = audit_get_loginuid(current);

	return IS_ENABLED(CONFIG_AUDITSYSCALL);
}

#ifdef CONFIG_CGROUPS

static u64 current_cgroup_id(void)
{
	u64 id;

	rcu_read_lock();
	id = cgroup_id(task_dfl_cgroup(current));
	rcu_read_unlock();

	return id;
}

/*
 * The path of a cgroup, which is @root's or the one of the present task.
 * cgroup_path_ns() would do more and take cgroup_mutex for it, which can be
 * held for long. Returns -ENAMETOOLONG for what does not fit a page.
 */
static int copy_cgroup_path(const struct css_set *root, char **path, u64 *id)
{
	const struct cgroup *cgroup;
	char *buf;
	int ret;

	buf = __getname();
	if (!buf)
		return -ENOMEM;

	rcu_read_lock();
	cgroup = root ? root->dfl_cgrp : task_dfl_cgroup(current);
	*id = cgroup_id(cgroup);
	ret = kernfs_path_from_node(cgroup->kn, NULL, buf, PATH_MAX);
	rcu_read_unlock();

	/* A path that was cut fills the buffer. */
	if (ret < 0 || ret >= PATH_MAX - 1) {
		ret = -ENAMETOOLONG;
	} else {
		*path = kstrdup(buf, GFP_KERNEL_ACCOUNT);
		ret = *path ? 0 : -ENOMEM;
	}

	__putname(buf);
	return ret;
}

static bool take_cgroup(struct kdbus_facts *facts)
{
	u64 id;

	if (copy_cgroup_path(NULL, &facts->cgroup, &id))
		return false;

	facts->cgroup_id = id;
	return true;
}

/**
 * kdbus_facts_cgroup_root() - where the present cgroup namespace begins
 * @path:	returns the path of its root in the version 2 hierarchy, to be
 *		freed with kfree(); NULL: there is none, or it is too long
 *
 * Return: 0 or -ENOMEM.
 */
int kdbus_facts_cgroup_root(char **path)
{
	const struct css_set *root = current->nsproxy->cgroup_ns->root_cset;
	u64 id;
	int ret;

	*path = NULL;
	ret = copy_cgroup_path(root, path, &id);

	return ret == -ENOMEM ? ret : 0;
}

#else /* !CONFIG_CGROUPS */

static u64 current_cgroup_id(void)
{
	return 0;
}

static bool take_cgroup(struct kdbus_facts *facts)
{
	return false;
}

int kdbus_facts_cgroup_root(char **path)
{
	*path = NULL;
	return 0;
}

#endif

/**
 * kdbus_facts_collect() - collect facts about the present task
 * @facts:	facts about this task, not shared; or faked ones, to which
 *		nothing is added
 * @mask:	set of KDBUS_ATTACH_*; those that are there already stay
 *
 * May read the arguments of the process from its memory: the caller holds
 * nothing that others wait for.
 */
void kdbus_facts_collect(struct kdbus_facts *facts, u64 mask)
{
	u64 had;

	might_fault();

	mask &= KDBUS_ATTACH_PROCESS & ~facts->asked;
	if (!mask)
		return;

	if (mask & KINDS_OF_CRED)
		take_cred(facts);
	if (mask & KDBUS_ATTACH_PIDS)
		take_pids(facts);
	if (mask & KDBUS_ATTACH_TID_COMM)
		get_task_comm(facts->tid_comm, current);
	if (mask & KDBUS_ATTACH_PID_COMM)
		get_task_comm(facts->pid_comm, current->group_leader);
	had = mask & KINDS_OF_ALL;

	if (mask & KDBUS_ATTACH_EXE && take_exe(facts))
		had |= KDBUS_ATTACH_EXE;
	if (mask & KDBUS_ATTACH_CMDLINE && take_cmdline(facts))
		had |= KDBUS_ATTACH_CMDLINE;
	if (mask & KDBUS_ATTACH_CGROUP && take_cgroup(facts))
		had |= KDBUS_ATTACH_CGROUP;
	if (mask & KDBUS_ATTACH_SECLABEL && take_seclabel(facts))
		had |= KDBUS_ATTACH_SECLABEL;
	if (mask & KDBUS_ATTACH_AUDIT && take_audit(facts))
		had |= KDBUS_ATTACH_AUDIT;

	facts->asked |= mask;
	facts->which |= had;
}

static bool pids_hold(const struct kdbus_facts *facts)
{
	struct pid *ppid;

	rcu_read_lock();
	ppid = task_tgid(rcu_dereference(current->real_parent));
	rcu_read_unlock();

	return facts->pid == task_tgid(current) &&
	       facts->tid == task_pid(current) && facts->ppid == ppid;
}

static bool comm_holds(const char *comm, const struct task_struct *task)
{
	return !strncmp(comm, task->comm, TASK_COMM_LEN);
}

static bool exe_holds(const struct kdbus_facts *facts)
{
	struct mm_struct *mm = current->mm;

	return facts->exe == (mm ? rcu_access_pointer(mm->exe_file) : NULL);
}

/**
 * kdbus_facts_hold() - whether collecting facts anew would give the same
 * @facts:	facts about some task, possibly shared
 * @mask:	set of KDBUS_ATTACH_* that is wanted
 *
 * Cheap, so that facts can be kept for the next message. The references in
 * @facts make comparing pointers safe. Of a command line it is never known.
 *
 * Return: true if all of @mask has been collected and is still true of the
 * present task.
 */
bool kdbus_facts_hold(const struct kdbus_facts *facts, u64 mask)
{
	mask &= KDBUS_ATTACH_PROCESS;

	if (facts->faked || mask & ~facts->asked ||
	    mask & KDBUS_ATTACH_CMDLINE)
		return false;

	if (mask & KINDS_OF_CRED && facts->cred != current_cred())
		return false;
	if (mask & KDBUS_ATTACH_PIDS && !pids_hold(facts))
		return false;
	if (mask & KDBUS_ATTACH_TID_COMM &&
	    !comm_holds(facts->tid_comm, current))
		return false;
	if (mask & KDBUS_ATTACH_PID_COMM &&
	    !comm_holds(facts->pid_comm, current->group_leader))
		return false;
	if (mask & KDBUS_ATTACH_EXE && !exe_holds(facts))
		return false;
	if (mask & KDBUS_ATTACH_CGROUP &&
	    facts->cgroup_id != current_cgroup_id())
		return false;
	if (mask & KDBUS_ATTACH_AUDIT &&
	    (facts->sessionid != audit_get_sessionid(current) ||
	     !uid_eq(facts->loginuid, audit_get_loginuid(current))))
		return false;

	return true;
}

/* HELLO-7: 32 bits of ones stand for "unset". */
static int fake_uid(u64 id, kuid_t *uid)
{
	*uid = INVALID_UID;
	if (id == U32_MAX)
		return 0;
	if (id > U32_MAX)
		return -EINVAL;

	*uid = make_kuid(current_user_ns(), id);
	return uid_valid(*uid) ? 0 : -EINVAL;
}

static int fake_gid(u64 id, kgid_t *gid)
{
	*gid = INVALID_GID;
	if (id == U32_MAX)
		return 0;
	if (id > U32_MAX)
		return -EINVAL;

	*gid = make_kgid(current_user_ns(), id);
	return gid_valid(*gid) ? 0 : -EINVAL;
}

static int fake_creds(struct kdbus_facts *facts,
		      const struct kdbus_creds *creds)
{
	return fake_uid(creds->uid, &facts->uid) ?:
	       fake_uid(creds->euid, &facts->euid) ?:
	       fake_uid(creds->suid, &facts->suid) ?:
	       fake_uid(creds->fsuid, &facts->fsuid) ?:
	       fake_gid(creds->gid, &facts->gid) ?:
	       fake_gid(creds->egid, &facts->egid) ?:
	       fake_gid(creds->sgid, &facts->sgid) ?:
	       fake_gid(creds->fsgid, &facts->fsgid);
}

/* HELLO-8: 0 stands for "unset". A thread that nobody has reaped is there. */
static int fake_pid(u64 nr, struct pid **pid)
{
	if (!nr)
		return 0;
	if (nr > S32_MAX)
		return -EINVAL;

	rcu_read_lock();
	*pid = find_vpid(nr);
	*pid = pid_task(*pid, PIDTYPE_PID) ? get_pid(*pid) : NULL;
	rcu_read_unlock();

	return *pid ? 0 : -EINVAL;
}

static int fake_pids(struct kdbus_facts *facts, const struct kdbus_pids *pids)
{
	return fake_pid(pids->pid, &facts->pid) ?:
	       fake_pid(pids->tid, &facts->tid) ?:
	       fake_pid(pids->ppid, &facts->ppid);
}

static int fake_seclabel(struct kdbus_facts *facts, const char *seclabel)
{
	facts->seclabel = kstrdup(seclabel, GFP_KERNEL_ACCOUNT);
	return facts->seclabel ? 0 : -ENOMEM;
}

/**
 * kdbus_facts_fake() - make facts that are not about the present task
 * @creds:	ids in the present user namespace, or NULL
 * @pids:	process numbers in the present pid namespace, or NULL
 * @seclabel:	label, or NULL
 *
 * HELLO-6 to HELLO-9. What is not given does not exist.
 *
 * Return: a reference; -EINVAL for an id that cannot be represented or has no
 * mapping, or for a number that no task has; -ENOMEM.
 */
struct kdbus_facts *kdbus_facts_fake(const struct kdbus_creds *creds,
				     const struct kdbus_pids *pids,
				     const char *seclabel)
{
	struct kdbus_facts *facts;
	int ret = 0;

	facts = kdbus_facts_new();
	if (!facts)
		return ERR_PTR(-ENOMEM);

	facts->faked = true;
	facts->asked = KDBUS_ATTACH_PROCESS;
	if (creds) {
		facts->which |= KDBUS_ATTACH_CREDS;
		ret = fake_creds(facts, creds);
	}
	if (!ret && pids) {
		facts->which |= KDBUS_ATTACH_PIDS;
		ret = fake_pids(facts, pids);
	}
	if (!ret && seclabel) {
		facts->which |= KDBUS_ATTACH_SECLABEL;
		ret = fake_seclabel(facts, seclabel);
	}
	if (ret) {
		kdbus_facts_put(facts);
		return ERR_PTR(ret);
	}

	return facts;
}
