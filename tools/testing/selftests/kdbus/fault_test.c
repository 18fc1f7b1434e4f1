// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel fails to allocate, and memory of the user it fails to copy
 *
 * Each command is made to fail in its first allocation, then in its second
 * one, and so on until it passes without. A command that fails for want of
 * memory has changed nothing and succeeds when it is repeated. With EFAULT its
 * effects may persist (CMD-3), save for the commands that are undone.
 *
 * Needs CONFIG_FAULT_INJECTION with FAILSLAB, FAIL_PAGE_ALLOC and
 * FAULT_INJECTION_DEBUG_FS; FAULT_INJECTION_USERCOPY is made use of.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

#define DEBUGFS		"/sys/kernel/debug"
#define FAIL_NTH	"/proc/thread-self/fail-nth"
/* more places than any command has */
#define NTH_MAX		600
#define LISTING		4096
#define ROUNDS		3

/**
 * struct faults - what a case makes and needs
 * @env: domain
 * @a: who issues the commands
 * @b: who gets messages
 * @watch: who watches
 * @c: another one, of the case
 * @block: command block
 * @msg: message
 * @path: what is to appear
 * @fd: handle
 * @memfd: file to be sent
 * @thread: who answers calls
 * @stop: and until when
 * @listing: of connections and names, before the command
 * @listed: size of that
 * @nth: descriptor to make something fail
 * @lowest: free descriptor before the command
 */
struct faults {
	struct kd_env env;
	struct kd_conn a;
	struct kd_conn b;
	struct kd_conn watch;
	struct kd_conn c;
	struct kd_block block;
	struct kd_block msg;
	char path[KD_PATH_MAX];
	int fd;
	int memfd;
	pthread_t thread;
	int stop;
	uint8_t listing[LISTING];
	size_t listed;
	int nth;
	int lowest;
};

FIXTURE(fault) {
	struct faults f;
};

/*
 * A case: make what the command needs; the command; whether its effect is
 * there, which may take it back; take back what is left.
 */
FIXTURE_VARIANT(fault) {
	int (*prepare)(struct faults *f);
	int (*run)(struct faults *f);
	int (*effect)(struct faults *f);
	void (*undo)(struct faults *f);
	/* as EFAULT has no effect either */
	bool undone;
	/* it cannot be repeated as it stands */
	bool again;
	/* another errno that is as good as ENOMEM */
	int other;
};

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* Allocations that may sleep are to fail, too, without a word. */
static int facility(void)
{
	int r = write_text(DEBUGFS "/failslab/ignore-gfp-wait", "N");

	if (r == 0)
		r = write_text(DEBUGFS "/fail_page_alloc/ignore-gfp-wait", "N");
	if (r == 0)
		r = write_text(DEBUGFS "/fail_page_alloc/ignore-gfp-highmem",
			       "N");
	if (r == 0)
		r = write_text(DEBUGFS "/fail_page_alloc/min-order", "0");
	write_text(DEBUGFS "/failslab/verbose", "0");
	write_text(DEBUGFS "/fail_page_alloc/verbose", "0");
	write_text(DEBUGFS "/fail_usercopy/verbose", "0");
	return r ?: access(FAIL_NTH, R_OK | W_OK) < 0 ? -errno : 0;
}

/* Let the nth place fail in what this thread does from now on; 0: none. */
static void set_nth(int fd, unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	/* what is left of an earlier one may hit this call */
	while (pwrite(fd, text, n, 0) < 0)
		if (errno != EFAULT && errno != ENOMEM)
			abort();
}

/* Whether it has failed by now. */
static bool nth_passed(int fd)
{
	char text[16] = "";

	/* it is this call that is hit, so nothing was before */
	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		return false;
	return strtoul(text, NULL, 10) == 0;
}

/* what changes when something has changed */

static int listing(struct faults *f, uint8_t *buf, size_t *len)
{
	struct kdbus_cmd_list cmd;
	int r = kd_list(&f->watch, KDBUS_LIST_UNIQUE | KDBUS_LIST_NAMES |
			KDBUS_LIST_ACTIVATORS | KDBUS_LIST_QUEUED, &cmd);

	if (r != 0)
		return r;
	*len = cmd.list_size < LISTING ? cmd.list_size : LISTING;
	memcpy(buf, f->watch.pool + cmd.offset, *len);
	return kd_free(&f->watch, cmd.offset);
}

/* Where the next slice of a pool would be. */
static uint64_t next_slice(const struct kd_conn *c)
{
	struct kdbus_cmd_info cmd;

	if (kd_creator_info(c, 0, &cmd) != 0)
		return ~0ULL;
	kd_free(c, cmd.offset);
	return cmd.offset;
}

/* Discard all messages; how many there were, with those that were lost. */
static int drain(const struct kd_conn *c)
{
	struct kdbus_cmd_recv cmd;
	int n = 0, r;

	do {
		r = kd_recv(c, KDBUS_RECV_DROP, 0, &cmd);
		n += (r == 0) + (r == 0 || r == -EAGAIN ?
				 cmd.dropped_msgs : 0);
	} while (r == 0);
	return r == -EAGAIN ? n : r;
}

static bool unchanged(struct faults *f)
{
	uint8_t now[LISTING];
	size_t len;

	return drain(&f->watch) == 0 && listing(f, now, &len) == 0 &&
	       len == f->listed && memcmp(now, f->listing, len) == 0 &&
	       kd_lowest_fd() == f->lowest;
}

/* cases: buses, endpoints, file system */

static int prepare_none(struct faults *f)
{
	return 0;
}

static void undo_none(struct faults *f)
{
}

static int open_file(struct faults *f, const char *path)
{
	f->fd = open(path, O_RDWR | O_CLOEXEC);
	return f->fd < 0 ? -errno : 0;
}

static void undo_close(struct faults *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

static int effect_path(struct faults *f)
{
	return access(f->path, F_OK) == 0;
}

static int prepare_bus(struct faults *f)
{
	char control[KD_PATH_MAX], name[32];

	kd_name(name, sizeof(name), "fault");
	kd_make_start(&f->block, name);
	snprintf(f->path, sizeof(f->path), "%s/%s", f->env.dir, name);
	snprintf(control, sizeof(control), "%s/control", f->env.dir);
	return open_file(f, control);
}

static int run_bus(struct faults *f)
{
	return kd_ioctl(f->fd, KDBUS_CMD_BUS_MAKE, &f->block);
}

static int prepare_endpoint(struct faults *f)
{
	char name[32];

	kd_name(name, sizeof(name), "fault");
	kd_start(&f->block, sizeof(f->block.cmd));
	kd_add_str(&f->block, KDBUS_ITEM_MAKE_NAME, name);
	snprintf(f->path, sizeof(f->path), "%s/%s", f->env.busdir, name);
	return open_file(f, f->env.bus);
}

static int run_endpoint(struct faults *f)
{
	return kd_ioctl(f->fd, KDBUS_CMD_ENDPOINT_MAKE, &f->block);
}

/* An endpoint through which nothing can be seen yet. */
static int prepare_endpoint_update(struct faults *f)
{
	int r = prepare_endpoint(f) ?: run_endpoint(f);

	if (r == 0)
		r = kd_connect(&f->c, f->path);
	kd_start(&f->block, sizeof(f->block.cmd));
	kd_add_str(&f->block, KDBUS_ITEM_NAME, "fault.b");
	kd_add_access(&f->block, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_SEE,
		      0);
	drain(&f->watch);
	return r;
}

static int run_endpoint_update(struct faults *f)
{
	return kd_ioctl(f->fd, KDBUS_CMD_ENDPOINT_UPDATE, &f->block);
}

static int effect_endpoint_update(struct faults *f)
{
	struct kdbus_cmd_info cmd;
	int r = kd_info(&f->c, 0, "fault.b", 0, &cmd);

	if (r == 0)
		kd_free(&f->c, cmd.offset);
	return r == 0 ? 1 : r == -ESRCH ? 0 : r;
}

static void undo_endpoint_update(struct faults *f)
{
	kd_close(&f->c);
	undo_close(f);
}

static int run_open(struct faults *f)
{
	return open_file(f, f->env.bus);
}

static int effect_open(struct faults *f)
{
	return f->fd >= 0;
}

static int prepare_mount(struct faults *f)
{
	snprintf(f->path, sizeof(f->path), "%s-2", f->env.dir);
	return mkdir(f->path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int run_mount(struct faults *f)
{
	return mount("kdbusfs", f->path, "kdbusfs", 0, NULL) < 0 ? -errno : 0;
}

static int effect_mount(struct faults *f)
{
	char control[KD_PATH_MAX];

	snprintf(control, sizeof(control), "%s/control", f->path);
	return access(control, F_OK) == 0;
}

static void undo_mount(struct faults *f)
{
	umount2(f->path, MNT_DETACH);
	rmdir(f->path);
}

/* cases: connections */

static int prepare_hello_as(struct faults *f, uint64_t flags)
{
	kd_hello_start(&f->block, KD_POOL);
	f->block.hello.flags = flags;
	kd_add_str(&f->block, KDBUS_ITEM_CONN_DESCRIPTION, "fault");
	if (flags & (KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_POLICY_HOLDER)) {
		kd_add_str(&f->block, KDBUS_ITEM_NAME, "fault.c");
		kd_add_access(&f->block, KDBUS_POLICY_ACCESS_WORLD,
			      KDBUS_POLICY_OWN, 0);
	}
	return open_file(f, f->env.bus);
}

static int prepare_hello(struct faults *f)
{
	return prepare_hello_as(f, 0);
}

static int prepare_activator(struct faults *f)
{
	return prepare_hello_as(f, KDBUS_HELLO_ACTIVATOR);
}

static int prepare_monitor(struct faults *f)
{
	return prepare_hello_as(f, KDBUS_HELLO_MONITOR);
}

static int prepare_holder(struct faults *f)
{
	return prepare_hello_as(f, KDBUS_HELLO_POLICY_HOLDER);
}

static int prepare_faked(struct faults *f)
{
	const struct kdbus_creds creds = { .uid = 5 };
	const struct kdbus_pids pids = { .pid = getpid() };
	int r = prepare_hello(f);

	kd_add(&f->block, KDBUS_ITEM_CREDS, &creds, sizeof(creds));
	kd_add(&f->block, KDBUS_ITEM_PIDS, &pids, sizeof(pids));
	kd_add_str(&f->block, KDBUS_ITEM_SECLABEL, "label");
	return r;
}

static int run_hello(struct faults *f)
{
	return kd_ioctl(f->fd, KDBUS_CMD_HELLO, &f->block);
}

static int effect_hello(struct faults *f)
{
	const struct kd_conn c = { .fd = f->fd };
	struct kdbus_cmd_list cmd;
	int r = kd_list(&c, 0, &cmd);

	return r == 0 ? 1 : r == -EBADFD ? 0 : r;
}

static int masks(struct faults *f, uint64_t mask)
{
	kd_start(&f->block, sizeof(f->block.cmd));
	kd_add_u64(&f->block, KDBUS_ITEM_ATTACH_FLAGS_SEND, mask);
	kd_add_u64(&f->block, KDBUS_ITEM_ATTACH_FLAGS_RECV, mask);
	return kd_ioctl(f->a.fd, KDBUS_CMD_UPDATE, &f->block);
}

static int run_masks(struct faults *f)
{
	return masks(f, 0);
}

static int effect_masks(struct faults *f)
{
	struct kdbus_cmd_info cmd;
	int r = kd_info(&f->watch, f->a.id, NULL, KDBUS_ATTACH_CREDS, &cmd);

	if (r != 0)
		return r;
	kd_free(&f->watch, cmd.offset);
	return cmd.info_size == sizeof(struct kdbus_info);
}

static void undo_masks(struct faults *f)
{
	masks(f, _KDBUS_ATTACH_ANY);
}

static int move_holder(struct faults *f, const char *name)
{
	kd_start(&f->block, sizeof(f->block.cmd));
	kd_add_str(&f->block, KDBUS_ITEM_NAME, name);
	kd_add_access(&f->block, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_OWN,
		      0);
	return kd_ioctl(f->c.fd, KDBUS_CMD_UPDATE, &f->block);
}

static int prepare_move(struct faults *f)
{
	int r = kd_hello_name(&f->c, f->env.bus, KDBUS_HELLO_POLICY_HOLDER,
			      "fault.one");

	drain(&f->watch);
	return r;
}

static int run_move(struct faults *f)
{
	return move_holder(f, "fault.two");
}

/* POL-3: one of the two names is taken */
static int effect_move(struct faults *f)
{
	struct kd_conn one, two;
	int r1 = kd_hello_name(&one, f->env.bus, KDBUS_HELLO_POLICY_HOLDER,
			       "fault.one");
	int r2 = kd_hello_name(&two, f->env.bus, KDBUS_HELLO_POLICY_HOLDER,
			       "fault.two");

	if (r1 == 0)
		kd_close(&one);
	if (r2 == 0)
		kd_close(&two);
	drain(&f->watch);
	if (r1 == 0 && r2 == -EEXIST)
		return 1;
	return r1 == -EEXIST && r2 == 0 ? 0 : -EPROTO;
}

static void undo_conn(struct faults *f)
{
	kd_close(&f->c);
}

static int prepare_conn(struct faults *f)
{
	int r = kd_connect(&f->c, f->env.bus) ?:
		kd_name_acquire(&f->c, "fault.c", 0, NULL);

	drain(&f->watch);
	return r;
}

static int run_byebye(struct faults *f)
{
	return kd_byebye(&f->c);
}

static int effect_byebye(struct faults *f)
{
	struct kdbus_cmd_list cmd;
	int r = kd_list(&f->c, 0, &cmd);

	return r == 0 ? 0 : r == -ECONNRESET ? 1 : r;
}

/* Its result is that of the last file operation: always 0. */
static int run_close(struct faults *f)
{
	close(f->c.fd);
	f->c.fd = -1;
	return 0;
}

static int effect_close(struct faults *f)
{
	uint64_t flags;

	return kd_entry(&f->watch, f->c.id, "fault.c", &flags) == -ENOENT;
}

/* cases: slices */

static int effect_slice(struct faults *f)
{
	return next_slice(&f->a) != 0;
}

/* The pool is empty otherwise. */
static void undo_slice(struct faults *f)
{
	kd_free(&f->a, 0);
}

static int prepare_free(struct faults *f)
{
	struct kdbus_cmd_list cmd;

	return kd_list(&f->a, KDBUS_LIST_UNIQUE, &cmd) ?:
	       cmd.offset == 0 ? 0 : -EPROTO;
}

static int run_free(struct faults *f)
{
	return kd_free(&f->a, 0);
}

static int effect_free(struct faults *f)
{
	return next_slice(&f->a) == 0;
}

static int run_info(struct faults *f)
{
	struct kdbus_cmd_info cmd;

	return kd_info(&f->a, 0, "fault.b", _KDBUS_ATTACH_ANY, &cmd);
}

static int run_creator(struct faults *f)
{
	struct kdbus_cmd_info cmd;

	return kd_creator_info(&f->a, _KDBUS_ATTACH_ANY, &cmd);
}

static int run_list(struct faults *f)
{
	struct kdbus_cmd_list cmd;

	return kd_list(&f->a, KDBUS_LIST_UNIQUE | KDBUS_LIST_NAMES, &cmd);
}

/* cases: messages */

/* All a message can carry. */
static void make_message(struct faults *f, uint64_t dst, bool files)
{
	static uint8_t payload[6000];
	const int fds[] = { STDERR_FILENO, f->memfd };

	kd_msg_start(&f->msg, dst);
	kd_msg_vec(&f->msg, payload, sizeof(payload));
	kd_msg_memfd(&f->msg, f->memfd, 0, 100);
	if (files)
		kd_msg_fds(&f->msg, fds, 2);
}

static int prepare_send(struct faults *f)
{
	make_message(f, f->b.id, true);
	return 0;
}

static int run_send(struct faults *f)
{
	return kd_msg_send(&f->a, &f->msg);
}

/* What the receiver has got, or knows to have lost. */
static int effect_send(struct faults *f)
{
	int n = drain(&f->b);

	return n > 1 ? -EPROTO : n;
}

static int prepare_broadcast(struct faults *f)
{
	kd_signal_start(&f->msg, KDBUS_DST_ID_BROADCAST, 1);
	kd_msg_memfd(&f->msg, f->memfd, 0, 100);
	return 0;
}

static int prepare_unicast_signal(struct faults *f)
{
	kd_signal_start(&f->msg, f->b.id, 1);
	return 0;
}

static int prepare_call(struct faults *f)
{
	make_message(f, f->b.id, true);
	f->msg.msg.flags = KDBUS_MSG_EXPECT_REPLY;
	f->msg.msg.cookie = 5;
	f->msg.msg.timeout_ns = KD_NEVER;
	return 0;
}

/* The request, and the tracker, which is used up. */
static int effect_call(struct faults *f)
{
	int r, reply = kd_reply(&f->b, f->a.id, 5, NULL, 0);

	r = drain(&f->b);
	if (drain(&f->a) != !reply)
		return -EPROTO;
	if (r == 1 && reply == 0)
		return 1;
	return r == 0 && reply == -EBADSLT ? 0 : -EPROTO;
}

static int prepare_reply(struct faults *f)
{
	uint64_t cookie;
	int r = kd_call(&f->b, f->a.id, 6, KD_NEVER) ?:
		kd_recv_cookie(&f->a, &cookie);

	make_message(f, f->b.id, true);
	f->msg.msg.cookie_reply = 6;
	return r;
}

/*
 * The reply. Without it the call has had its one outcome, REPLY_DEAD, or can
 * still be answered (REPLY-3).
 */
static int effect_reply(struct faults *f)
{
	struct kdbus_cmd_recv cmd;
	int n = 0, dead = 0;

	while (kd_recv(&f->b, 0, 0, &cmd) == 0) {
		if (kd_msg(&f->b, cmd.msg.offset)->src_id == f->a.id)
			n++;
		else
			dead++;
		kd_free(&f->b, cmd.msg.offset);
	}
	syscall(SYS_close_range, f->lowest, ~0U, 0);
	if (n + dead > 1)
		return -EPROTO;
	if (kd_reply(&f->a, f->b.id, 6, NULL, 0) != (n + dead ? -EBADSLT : 0))
		return -EPROTO;
	drain(&f->b);
	return n;
}

static void *answer_all(void *data)
{
	struct faults *f = data;
	struct kdbus_cmd_recv cmd;
	const struct kdbus_msg *msg;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		kd_poll(f->c.fd, POLLIN, 20);
		if (kd_recv(&f->c, 0, 0, &cmd) != 0)
			continue;
		msg = kd_msg(&f->c, cmd.msg.offset);
		kd_reply(&f->c, msg->src_id, msg->cookie, "answer", 6);
		kd_free(&f->c, cmd.msg.offset);
	}
	return NULL;
}

static int prepare_sync(struct faults *f)
{
	int r = kd_connect(&f->c, f->env.bus);

	drain(&f->watch);
	f->stop = 0;
	kd_call_start(&f->msg, f->c.id, 7, KD_NEVER);
	kd_msg_vec(&f->msg, f->env.dir, 8);
	return r ?: -pthread_create(&f->thread, NULL, answer_all, f);
}

static int run_sync(struct faults *f)
{
	struct kdbus_cmd_send cmd = {
		.size = sizeof(cmd),
		.flags = KDBUS_SEND_SYNC_REPLY,
		.msg_address = (uintptr_t)&f->msg,
	};

	return kd_ioctl(f->a.fd, KDBUS_CMD_SEND, &cmd);
}

static void undo_sync(struct faults *f)
{
	__atomic_store_n(&f->stop, 1, __ATOMIC_RELAXED);
	pthread_join(f->thread, NULL);
	kd_close(&f->c);
	undo_slice(f);
}

static int prepare_recv(struct faults *f)
{
	make_message(f, f->a.id, true);
	return kd_msg_send(&f->b, &f->msg);
}

static int run_recv_as(struct faults *f, uint64_t flags)
{
	struct kdbus_cmd_recv cmd;

	return kd_recv(&f->a, flags, 0, &cmd);
}

static int run_recv(struct faults *f)
{
	return run_recv_as(f, 0);
}

static int run_drop(struct faults *f)
{
	return run_recv_as(f, KDBUS_RECV_DROP);
}

static int run_peek(struct faults *f)
{
	return run_recv_as(f, KDBUS_RECV_PEEK);
}

/* The message is no longer in the queue; ask without changing that. */
static int effect_recv(struct faults *f)
{
	struct pollfd p = { .fd = f->a.fd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

/* Whoever holds the slice: the client, who drops the message and frees it. */
static int effect_peek(struct faults *f)
{
	drain(&f->a);
	return next_slice(&f->a) != 0;
}

static void undo_recv(struct faults *f)
{
	syscall(SYS_close_range, f->lowest, ~0U, 0);
	drain(&f->a);
	undo_slice(f);
}

/* cases: names and matches */

/* What it returns, also for a block that could not be read. */
static int name_command(struct faults *f, unsigned long nr,
			const char *name, uint64_t flags)
{
	kd_start(&f->block, sizeof(f->block.cmd));
	f->block.cmd.flags = flags;
	kd_add_str(&f->block, KDBUS_ITEM_NAME, name);
	return kd_ioctl(f->a.fd, nr, &f->block);
}

static int run_acquire(struct faults *f)
{
	return name_command(f, KDBUS_CMD_NAME_ACQUIRE, "fault.name", 0);
}

static int effect_name(struct faults *f, const char *name, uint64_t want)
{
	uint64_t flags;
	int r = kd_entry(&f->watch, f->a.id, name, &flags);

	if (r == -ENOENT)
		return 0;
	return r ?: flags & want ? 1 : -EPROTO;
}

static int effect_acquire(struct faults *f)
{
	return effect_name(f, "fault.name", KDBUS_NAME_PRIMARY);
}

static int run_queue(struct faults *f)
{
	return name_command(f, KDBUS_CMD_NAME_ACQUIRE, "fault.b",
			    KDBUS_NAME_QUEUE);
}

static int effect_queue(struct faults *f)
{
	return effect_name(f, "fault.b", KDBUS_NAME_IN_QUEUE);
}

static void undo_name(struct faults *f)
{
	kd_name_release(&f->a, "fault.name");
	kd_name_release(&f->a, "fault.b");
}

static int prepare_release(struct faults *f)
{
	int r = run_acquire(f);

	drain(&f->watch);
	return r;
}

static int run_release(struct faults *f)
{
	return name_command(f, KDBUS_CMD_NAME_RELEASE, "fault.name", 0);
}

static int effect_release(struct faults *f)
{
	int r = effect_acquire(f);

	return r < 0 ? r : !r;
}

/* An activator with messages that are to move to the new owner. */
static int prepare_handover(struct faults *f)
{
	int i, r = kd_hello_name(&f->c, f->env.bus, KDBUS_HELLO_ACTIVATOR,
				 "fault.name");

	for (i = 0; i < 3 && r == 0; i++)
		r = kd_send_name(&f->b, "fault.name", i);
	drain(&f->watch);
	return r;
}

/* ACT-4: all have moved, or are known to be lost; without it, all are there */
static int effect_handover(struct faults *f)
{
	int r = effect_acquire(f);

	if (r == 1 && drain(&f->a) != 3)
		return -EPROTO;
	return r;
}

static void undo_handover(struct faults *f)
{
	undo_name(f);
	drain(&f->a);
	kd_close(&f->c);
}

static int run_match(struct faults *f)
{
	kd_match_start(&f->block, 77);
	kd_add_id_rule(&f->block, KDBUS_ITEM_ID_ADD, 1);
	kd_add_name_rule(&f->block, KDBUS_ITEM_NAME_ADD, 1, 2, "fault.x");
	return kd_match_add(&f->a, &f->block);
}

static int effect_match(struct faults *f)
{
	int r = kd_match_remove(&f->a, 77);

	return r == 0 ? 1 : r == -EBADSLT ? 0 : r;
}

static int run_match_remove(struct faults *f)
{
	return kd_match_remove(&f->a, 77);
}

static int effect_match_remove(struct faults *f)
{
	int r = effect_match(f);

	return r < 0 ? r : !r;
}

static void undo_match(struct faults *f)
{
	kd_match_remove(&f->a, 77);
}

FIXTURE_SETUP(fault)
{
	struct faults *f = &self->f;
	int r = facility();

	memset(f, 0, sizeof(*f));
	f->fd = -1;
	if (r != 0)
		SKIP(return, "no fault injection: %s", strerror(-r));
	f->nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, f->nth);
	ASSERT_EQ(0, kd_env_init(&f->env, 0));
	f->memfd = kd_memfd(100, KD_SEALS);
	ASSERT_LE(0, f->memfd);
	ASSERT_EQ(0, kd_hello(&f->a, f->env.bus, KDBUS_HELLO_ACCEPT_FD,
			      _KDBUS_ATTACH_ALL, 4 * KD_POOL));
	ASSERT_EQ(0, kd_hello(&f->b, f->env.bus, KDBUS_HELLO_ACCEPT_FD,
			      _KDBUS_ATTACH_ALL, 4 * KD_POOL));
	ASSERT_EQ(0, kd_name_acquire(&f->b, "fault.b", 0, NULL));
	ASSERT_EQ(0, kd_match_signals(&f->b, 1));
	ASSERT_EQ(0, kd_connect(&f->watch, f->env.bus));
	ASSERT_EQ(0, kd_watch_names(&f->watch));
	ASSERT_EQ(0, kd_watch_ids(&f->watch));
}

FIXTURE_TEARDOWN(fault)
{
}

#define ATTEMPT(_name, _prepare, _run, _effect, _undo, ...)		\
	FIXTURE_VARIANT_ADD(fault, _name)				\
	{								\
		.prepare = _prepare, .run = _run, .effect = _effect,	\
		.undo = _undo, ##__VA_ARGS__				\
	}

ATTEMPT(bus_make, prepare_bus, run_bus, effect_path, undo_close,
	.undone = true);
ATTEMPT(endpoint_make, prepare_endpoint, run_endpoint, effect_path, undo_close,
	.undone = true);
ATTEMPT(endpoint_update, prepare_endpoint_update, run_endpoint_update,
	effect_endpoint_update, undo_endpoint_update);
ATTEMPT(open, prepare_none, run_open, effect_open, undo_close,
	.other = -ENFILE);
ATTEMPT(mount, prepare_mount, run_mount, effect_mount, undo_mount);
ATTEMPT(hello, prepare_hello, run_hello, effect_hello, undo_close,
	.undone = true);
ATTEMPT(hello_activator, prepare_activator, run_hello, effect_hello, undo_close,
	.undone = true);
ATTEMPT(hello_monitor, prepare_monitor, run_hello, effect_hello, undo_close,
	.undone = true);
ATTEMPT(hello_holder, prepare_holder, run_hello, effect_hello, undo_close,
	.undone = true);
ATTEMPT(hello_faked, prepare_faked, run_hello, effect_hello, undo_close,
	.undone = true);
ATTEMPT(update_masks, prepare_none, run_masks, effect_masks, undo_masks);
ATTEMPT(update_policy, prepare_move, run_move, effect_move, undo_conn);
ATTEMPT(byebye, prepare_conn, run_byebye, effect_byebye, undo_conn);
ATTEMPT(close, prepare_conn, run_close, effect_close, undo_conn);
ATTEMPT(free, prepare_free, run_free, effect_free, undo_slice);
ATTEMPT(conn_info, prepare_none, run_info, effect_slice, undo_slice);
ATTEMPT(creator_info, prepare_none, run_creator, effect_slice, undo_slice);
ATTEMPT(list, prepare_none, run_list, effect_slice, undo_slice);
ATTEMPT(send, prepare_send, run_send, effect_send, undo_none);
ATTEMPT(send_broadcast, prepare_broadcast, run_send, effect_send, undo_none);
ATTEMPT(send_signal, prepare_unicast_signal, run_send, effect_send, undo_none);
ATTEMPT(send_call, prepare_call, run_send, effect_call, undo_none);
ATTEMPT(send_reply, prepare_reply, run_send, effect_reply, undo_none,
	.again = true);
ATTEMPT(send_sync, prepare_sync, run_sync, effect_slice, undo_sync);
ATTEMPT(recv, prepare_recv, run_recv, effect_recv, undo_recv);
ATTEMPT(recv_drop, prepare_recv, run_drop, effect_recv, undo_recv);
ATTEMPT(recv_peek, prepare_recv, run_peek, effect_peek, undo_recv,
	.again = true);
ATTEMPT(name_acquire, prepare_none, run_acquire, effect_acquire, undo_name);
ATTEMPT(name_queue, prepare_none, run_queue, effect_queue, undo_name);
ATTEMPT(name_release, prepare_release, run_release, effect_release, undo_name);
ATTEMPT(name_handover, prepare_handover, run_acquire, effect_handover,
	undo_handover);
ATTEMPT(match_add, prepare_none, run_match, effect_match, undo_match);
ATTEMPT(match_remove, run_match, run_match_remove, effect_match_remove,
	undo_match, .again = true);

/* QUOTA-1, REPLY-1: nothing has stayed charged */
static int limits(struct faults *f)
{
	struct kdbus_cmd_recv cmd;
	struct kd_conn c;
	int i, r;

	r = kd_hello(&c, f->env.bus, 0, 0, 16 * KD_POOL);
	for (i = 0; i < KD_CALLS_MAX && r == 0; i++)
		r = kd_call(&f->a, c.id, 1000 + i, KD_NEVER);
	if (r == 0 && kd_call(&f->a, c.id, 1, KD_NEVER) != -EMLINK)
		return -EMLINK;
	kd_close(&c);
	if (r != 0)
		return r;
	r = drain(&f->a) > 0 ? 0 : -EPROTO;
	for (i = 0; i < 16 && r == 0; i++) {
		make_message(f, f->b.id, true);
		f->msg.size = sizeof(f->msg.msg);
		kd_msg_fds(&f->msg, &f->memfd, 1);
		r = kd_msg_send(&f->a, &f->msg);
	}
	while (kd_recv(&f->b, KDBUS_RECV_DROP, 0, &cmd) == 0)
		;
	return r;
}

/* A command with the nth place failing; true if there was no such place. */
static bool attempt(struct __test_metadata *_metadata,
		    struct faults *f,
		    const FIXTURE_VARIANT(fault) *variant, unsigned int nth)
{
	bool hit;
	int r, effect;

	ASSERT_EQ(0, variant->prepare(f));
	f->lowest = kd_lowest_fd();
	ASSERT_EQ(0, listing(f, f->listing, &f->listed));
	set_nth(f->nth, nth);
	r = variant->run(f);
	hit = nth_passed(f->nth);
	set_nth(f->nth, 0);

	effect = variant->effect(f);
	ASSERT_LE(0, effect) {
		TH_LOG("place %u: result %d", nth, r);
	}
	if (r == 0) {
		EXPECT_EQ(1, effect) {
			TH_LOG("place %u: success without effect", nth);
		}
	} else {
		EXPECT_TRUE(hit);
		EXPECT_TRUE(r == -ENOMEM || r == -EFAULT ||
			    r == variant->other) {
			TH_LOG("place %u: errno %d", nth, -r);
		}
		if (r != -EFAULT || variant->undone) {
			EXPECT_EQ(0, effect) {
				TH_LOG("place %u: %d with effect", nth, r);
			}
		}
	}
	if (r != 0 && effect == 0) {
		EXPECT_TRUE(unchanged(f)) {
			TH_LOG("place %u: %d has changed something", nth, r);
		}
		if (variant->again) {
			variant->undo(f);
			ASSERT_EQ(0, variant->prepare(f));
		}
		EXPECT_EQ(0, variant->run(f)) {
			TH_LOG("place %u: cannot be repeated", nth);
		}
		EXPECT_EQ(1, variant->effect(f));
	}
	variant->undo(f);
	drain(&f->watch);
	return !hit;
}

/* CMD-3, habit of the house: a command that fails has changed nothing */
TEST_F_TIMEOUT(fault, each_place, 300)
{
	unsigned int nth, round;

	/* once without, for the page faults of this program */
	attempt(_metadata, &self->f, variant, 0);
	/* a cache that is filled now and then adds a place and shifts others */
	for (round = 0; round < ROUNDS; round++) {
		nth = 1;
		while (!attempt(_metadata, &self->f, variant, nth))
			ASSERT_GT(NTH_MAX, nth++);
		TH_LOG("%u places", nth - 1);
	}
	EXPECT_EQ(0, limits(&self->f));
	EXPECT_EQ(0, next_slice(&self->f.a));
	EXPECT_EQ(0, next_slice(&self->f.b));
}

FIXTURE(storm) {
	struct kd_env env;
};

FIXTURE_SETUP(storm)
{
	int r = facility();

	if (r == 0)
		r = write_text("/proc/self/make-it-fail", "0");
	if (r != 0)
		SKIP(return, "no fault injection: %s", strerror(-r));
	ASSERT_EQ(0, kd_env_init(&self->env, 0));
}

FIXTURE_TEARDOWN(storm)
{
}

/* One attribute in all three places. */
static void attribute(const char *name, const char *value)
{
	static const char * const dirs[] = {
		"failslab", "fail_page_alloc", "fail_usercopy",
	};
	char path[KD_PATH_MAX];
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), DEBUGFS "/%s/%s", dirs[i], name);
		write_text(path, value);
	}
}

/* Use the bus while anything may fail at any time. */
static void use(const char *bus, int memfd, unsigned int seed)
{
	struct kdbus_cmd_list list;
	struct kd_conn a, b;
	struct kd_block m;
	uint64_t cookie;

	if (kd_connect(&a, bus) != 0)
		return;
	if (kd_connect(&b, bus) == 0) {
		kd_match_all(&b, 1);
		kd_name_acquire(&a, seed % 2 ? "storm.a" : "storm.b",
				KDBUS_NAME_QUEUE, NULL);
		kd_msg_start(&m, b.id);
		kd_msg_vec(&m, &m, 3000);
		kd_msg_memfd(&m, memfd, 0, 10);
		kd_msg_send(&a, &m);
		kd_broadcast(&a, 1);
		kd_call(&a, b.id, 2, KD_NEVER);
		kd_reply(&b, a.id, 2, &m, 100);
		kd_recv_cookie(&b, &cookie);
		if (kd_list(&a, KDBUS_LIST_NAMES, &list) == 0)
			kd_free(&a, list.offset);
		if (seed % 3)
			kd_byebye(&a);
		kd_close(&b);
	}
	kd_close(&a);
	syscall(SYS_close_range, memfd + 1, ~0U, 0);
}

/* Faults at random, also where one follows another. */
TEST_F_TIMEOUT(storm, random_places, 300)
{
	struct kdbus_cmd_list list;
	struct kd_conn c;
	int memfd = kd_memfd(100, KD_SEALS), fail, i;

	ASSERT_LE(0, memfd);
	attribute("task-filter", "Y");
	attribute("times", "-1");
	attribute("probability", "8");
	fail = open("/proc/self/make-it-fail", O_WRONLY | O_CLOEXEC);
	/* memfd is the last one that stays */
	ASSERT_LE(0, dup2(fail, 50));
	ASSERT_LE(0, dup2(memfd, 51));
	for (i = 0; i < 300; i++) {
		pwrite(50, "1", 1, 0);
		use(self->env.bus, 51, i);
		while (pwrite(50, "0", 1, 0) < 0)
			;
	}
	attribute("probability", "0");
	attribute("task-filter", "N");

	/* all are gone */
	ASSERT_EQ(0, kd_connect(&c, self->env.bus));
	ASSERT_EQ(0, kd_list(&c, KDBUS_LIST_UNIQUE | KDBUS_LIST_NAMES |
			     KDBUS_LIST_QUEUED, &list));
	EXPECT_EQ(sizeof(struct kdbus_info), list.list_size);
}

TEST_HARNESS_MAIN
