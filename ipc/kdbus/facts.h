/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_FACTS_H
#define __KDBUS_FACTS_H

/**
 * DOC: facts
 *
 * What is known of one task at one moment: who it is, what it runs, where it
 * belongs. Facts are always about the task that executes a command. They are
 * kept in a form that fits every receiver; the numbers and paths that one of
 * them gets are the business of meta.h.
 *
 * Facts belong to the task that collects them until it shares them; shared
 * ones are not added to any more. Those of HELLO and BUS_MAKE stay what they
 * are when the process has gone (META-3). There is no lock.
 *
 * What cannot be had is left out, nothing fails for it (W-43).
 */

#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <uapi/linux/kdbus.h>

struct cred;
struct file;
struct pid;

/* Kinds of metadata that are facts about a task. */
#define KDBUS_ATTACH_PROCESS						\
	(KDBUS_ATTACH_CREDS | KDBUS_ATTACH_PIDS |			\
	 KDBUS_ATTACH_AUXGROUPS | KDBUS_ATTACH_TID_COMM |		\
	 KDBUS_ATTACH_PID_COMM | KDBUS_ATTACH_EXE |			\
	 KDBUS_ATTACH_CMDLINE | KDBUS_ATTACH_CGROUP |			\
	 KDBUS_ATTACH_CAPS | KDBUS_ATTACH_SECLABEL | KDBUS_ATTACH_AUDIT)

/* Bytes of a command line with its last NUL; what is longer is cut (W-17). */
#define KDBUS_CMDLINE_MAX_SIZE	4096

/**
 * struct kdbus_facts - facts about one task
 * @ref:	reference count
 * @faked:	given at HELLO, nothing is known of the task itself (I)
 * @asked:	KDBUS_ATTACH_* that have been collected (until shared)
 * @which:	those of them that exist (until shared)
 * @cred:	credentials, referenced; NULL if faked or not collected (until
 *		shared)
 * @uid:	real user; INVALID_UID in these ids: unset (until shared)
 * @euid:	effective user (until shared)
 * @suid:	saved user (until shared)
 * @fsuid:	user for files (until shared)
 * @gid:	real group (until shared)
 * @egid:	effective group (until shared)
 * @sgid:	saved group (until shared)
 * @fsgid:	group for files (until shared)
 * @pid:	process, referenced, or NULL (until shared)
 * @tid:	thread, referenced, or NULL (until shared)
 * @ppid:	parent process, referenced, or NULL (until shared)
 * @tid_comm:	name of the thread (until shared)
 * @pid_comm:	name of the leader of its group (until shared)
 * @exe:	executable, referenced, or NULL (until shared)
 * @cmdline:	arguments, each with its NUL, or NULL (until shared)
 * @cmdline_size: bytes of @cmdline (until shared)
 * @cgroup:	path in the version 2 hierarchy from its root on, or NULL
 *		(until shared)
 * @cgroup_id:	number of that cgroup (until shared)
 * @seclabel:	label, or NULL (until shared)
 * @sessionid:	audit session (until shared)
 * @loginuid:	audit login user (until shared)
 *
 * "Until shared": changed only as long as one task alone knows the facts.
 */
struct kdbus_facts {
	refcount_t ref;
	bool faked;
	u64 asked;
	u64 which;
	const struct cred *cred;
	kuid_t uid;
	kuid_t euid;
	kuid_t suid;
	kuid_t fsuid;
	kgid_t gid;
	kgid_t egid;
	kgid_t sgid;
	kgid_t fsgid;
	struct pid *pid;
	struct pid *tid;
	struct pid *ppid;
	char tid_comm[TASK_COMM_LEN];
	char pid_comm[TASK_COMM_LEN];
	struct file *exe;
	char *cmdline;
	size_t cmdline_size;
	char *cgroup;
	u64 cgroup_id;
	char *seclabel;
	u32 sessionid;
	kuid_t loginuid;
};

struct kdbus_facts *kdbus_facts_new(void);
struct kdbus_facts *kdbus_facts_fake(const struct kdbus_creds *creds,
				     const struct kdbus_pids *pids,
				     const char *seclabel);
struct kdbus_facts *kdbus_facts_ref(struct kdbus_facts *facts);
void kdbus_facts_put(struct kdbus_facts *facts);
void kdbus_facts_collect(struct kdbus_facts *facts, u64 mask);
bool kdbus_facts_hold(const struct kdbus_facts *facts, u64 mask);
int kdbus_facts_cgroup_root(char **path);

#endif
