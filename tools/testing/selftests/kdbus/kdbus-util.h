/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers of the kdbus self tests
 *
 * Thin wrappers around the system calls: no state of their own, no policy. All
 * functions that return int give 0 (or a descriptor) or a negative errno, so
 * that a test can compare with the errno a rule names.
 */
#ifndef KDBUS_UTIL_H
#define KDBUS_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/kdbus.h>

#define KD_ALIGN8(_n)		(((_n) + 7ULL) & ~7ULL)
#define KD_ARRAY_SIZE(_a)	(sizeof(_a) / sizeof((_a)[0]))

/* limits of the interface that the tests probe from both sides */
#define KD_BLOCK_MAX		32768
#define KD_VEC_MAX		2097152ULL
#define KD_NAME_MAX		63
#define KD_QUEUE_MAX		256
#define KD_BUSES_MAX		16
#define KD_ENDPOINTS_MAX	256
#define KD_CONNS_MAX		1024
#define KD_CALLS_MAX		128

#define KD_SUPER_MAGIC		0x44427573
#define KD_PATH_MAX		256
#define KD_POOL			(64 * 1024)
#define KD_BLOOM		64
#define KD_SLICE_NONE		(~0ULL)

/* deadlines: one that is over, one no test lives to see, none at all */
#define KD_MS			1000000ULL
#define KD_PAST			1ULL
#define KD_FAR			(kd_now() + 3600 * 1000 * KD_MS)
#define KD_NEVER		(~0ULL)
/* what a memfd needs to be sent */
#define KD_SEALS		(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | \
				 F_SEAL_WRITE)
/* how long to wait for what must come, on however slow a machine */
#define KD_PATIENCE		20000

/* what the harness cannot see: in a child that a test has forked */
#define KD_CHECK(_cond) do {						\
	if (!(_cond)) {							\
		fprintf(stderr, "# %s:%d: not so: %s\n", __FILE__,	\
			__LINE__, #_cond);				\
		_exit(1);						\
	}								\
} while (0)

/**
 * struct kd_env - a domain of its own with one bus
 * @dir: mount point, in a mount namespace that only this test has
 * @name: name of the bus
 * @busdir: directory of the bus
 * @bus: its default endpoint
 * @ctl: descriptor that keeps the bus alive
 */
struct kd_env {
	char dir[64];
	char name[80];
	char busdir[KD_PATH_MAX];
	char bus[KD_PATH_MAX];
	int ctl;
};

/**
 * struct kd_conn - a connection
 * @fd: descriptor
 * @id: unique id
 * @pool_size: size of the pool
 * @pool: its mapping
 * @hello: what HELLO returned
 */
struct kd_conn {
	int fd;
	uint64_t id;
	uint64_t pool_size;
	const uint8_t *pool;
	struct kdbus_cmd_hello hello;
};

/**
 * struct kd_block - a command block or message under construction
 * @size: first field of every block and of every message
 * @cmd: as command without fields
 * @hello: as argument of HELLO
 * @send: as argument of SEND
 * @recv: as argument of RECV
 * @free: as argument of FREE
 * @info: as argument of CONN_INFO and BUS_CREATOR_INFO
 * @list: as argument of LIST
 * @match: as argument of MATCH_ADD and MATCH_REMOVE
 * @msg: as message
 * @raw: bytes; larger than the kernel accepts, to prove just that
 */
struct kd_block {
	union {
		__aligned_u64 size;
		struct kdbus_cmd cmd;
		struct kdbus_cmd_hello hello;
		struct kdbus_cmd_send send;
		struct kdbus_cmd_recv recv;
		struct kdbus_cmd_free free;
		struct kdbus_cmd_info info;
		struct kdbus_cmd_list list;
		struct kdbus_cmd_match match;
		struct kdbus_msg msg;
		uint8_t raw[KD_BLOCK_MAX + 4096];
	};
};

/**
 * struct kd_change - a NAME_* or ID_* notification
 * @type: item type
 * @old_id: owner before; the connection of ID_REMOVE
 * @new_id: owner after; the connection of ID_ADD
 * @name: the name, empty for ID_*
 * @seqnum: number of the message
 */
struct kd_change {
	uint64_t type;
	struct kdbus_notify_id_change old_id;
	struct kdbus_notify_id_change new_id;
	char name[256];
	uint64_t seqnum;
};

/* domains and buses */
int kd_namespace(void);
int kd_mount(char *dir, size_t size);
int kd_name(char *buf, size_t size, const char *suffix);
int kd_bus_make(const char *dir, const char *name, uint64_t flags);
int kd_env_init(struct kd_env *env, uint64_t flags);
int kd_endpoint_make(const char *path, const char *name, uint64_t flags);

/* connections */
void kd_hello_start(struct kd_block *b, uint64_t pool_size);
int kd_hello_block(struct kd_conn *c, const char *path, struct kd_block *b);
int kd_hello(struct kd_conn *c, const char *path, uint64_t flags,
	     uint64_t attach_recv, uint64_t pool_size);
void kd_hold_start(struct kd_block *b, uint64_t flags, const char *name);
int kd_hello_name(struct kd_conn *c, const char *path, uint64_t flags,
		  const char *name);
int kd_holder(struct kd_conn *c, const char *path, const char *name,
	      uint64_t type, uint64_t access, uint64_t id);
int kd_connect(struct kd_conn *c, const char *path);
int kd_connect_as(struct kd_conn *c, const char *path, uint32_t id);
int kd_hello_only(const char *path);
void kd_close(struct kd_conn *c);

/* blocks and items */
void kd_start(struct kd_block *b, size_t fixed);
struct kdbus_item *kd_add(struct kd_block *b, uint64_t type, const void *data,
			  size_t len);
struct kdbus_item *kd_add_str(struct kd_block *b, uint64_t type, const char *s);
struct kdbus_item *kd_add_u64(struct kd_block *b, uint64_t type, uint64_t v);
struct kdbus_item *kd_add_access(struct kd_block *b, uint64_t type,
				 uint64_t access, uint64_t id);
void kd_make_start(struct kd_block *b, const char *name);

/* names, matches, questions */
int kd_name_acquire(const struct kd_conn *c, const char *name, uint64_t flags,
		    uint64_t *ret);
int kd_name_release(const struct kd_conn *c, const char *name);
void kd_match_start(struct kd_block *b, uint64_t cookie);
struct kdbus_item *kd_add_name_rule(struct kd_block *b, uint64_t type,
				    uint64_t old_id, uint64_t new_id,
				    const char *name);
struct kdbus_item *kd_add_id_rule(struct kd_block *b, uint64_t type,
				  uint64_t id);
int kd_match_add(const struct kd_conn *c, struct kd_block *b);
int kd_match_all(const struct kd_conn *c, uint64_t cookie);
int kd_match_signals(const struct kd_conn *c, uint64_t cookie);
int kd_match_remove(const struct kd_conn *c, uint64_t cookie);
int kd_watch_names(const struct kd_conn *c);
int kd_watch_ids(const struct kd_conn *c);
int kd_info(const struct kd_conn *c, uint64_t id, const char *name,
	    uint64_t mask, struct kdbus_cmd_info *cmd);
int kd_creator_info(const struct kd_conn *c, uint64_t mask,
		    struct kdbus_cmd_info *cmd);
int kd_list(const struct kd_conn *c, uint64_t flags,
	    struct kdbus_cmd_list *cmd);
int kd_entry(const struct kd_conn *c, uint64_t id, const char *name,
	     uint64_t *flags);
const struct kdbus_info *kd_record(const struct kd_conn *c, uint64_t offset);
const struct kdbus_item *kd_record_item(const struct kdbus_info *info,
					uint64_t type, unsigned int n);

/* messages */
void kd_msg_start(struct kd_block *b, uint64_t dst);
struct kdbus_item *kd_msg_vec(struct kd_block *b, const void *data,
			      uint64_t size);
struct kdbus_item *kd_msg_memfd(struct kd_block *b, int fd, uint64_t start,
				uint64_t size);
struct kdbus_item *kd_msg_fds(struct kd_block *b, const int *fds, size_t n);
void kd_msg_start_name(struct kd_block *b, const char *name);
void kd_signal_start(struct kd_block *b, uint64_t dst, uint64_t cookie);
int kd_msg_send(const struct kd_conn *c, const struct kd_block *msg);
int kd_broadcast(const struct kd_conn *c, uint64_t cookie);
int kd_send(const struct kd_conn *c, uint64_t dst, uint64_t cookie,
	    const void *data, size_t size);
int kd_send_name(const struct kd_conn *c, const char *name, uint64_t cookie);
int kd_send_prio(const struct kd_conn *c, uint64_t dst, uint64_t cookie,
		 int64_t priority);
int kd_recv(const struct kd_conn *c, uint64_t flags, int64_t priority,
	    struct kdbus_cmd_recv *cmd);
int kd_recv_cookie(const struct kd_conn *c, uint64_t *cookie);
int kd_free(const struct kd_conn *c, uint64_t offset);
int kd_byebye(const struct kd_conn *c);
/* calls */
uint64_t kd_now(void);
void kd_call_start(struct kd_block *b, uint64_t dst, uint64_t cookie,
		   uint64_t deadline);
int kd_call(const struct kd_conn *c, uint64_t dst, uint64_t cookie,
	    uint64_t deadline);
int kd_call_sync(const struct kd_conn *c, const struct kd_block *msg,
		 int cancel, struct kdbus_cmd_send *cmd);
int kd_reply(const struct kd_conn *c, uint64_t dst, uint64_t cookie_reply,
	     const void *data, size_t size);
int kd_drop(const struct kd_conn *c);
int kd_notice(const struct kd_conn *c, uint64_t type, uint64_t *cookie,
	      uint64_t *when);
int kd_notice_of(const struct kd_conn *c, uint64_t type, uint64_t cookie);

int kd_change(const struct kd_conn *c, struct kd_change *change);
int kd_name_added(const struct kd_conn *c, const char *name, uint64_t id,
		  uint64_t flags);
int kd_name_removed(const struct kd_conn *c, const char *name, uint64_t id,
		    uint64_t flags);
int kd_name_changed(const struct kd_conn *c, const char *name, uint64_t old_id,
		    uint64_t old_flags, uint64_t new_id, uint64_t new_flags);
int kd_id_added(const struct kd_conn *c, uint64_t id, uint64_t flags);
int kd_id_removed(const struct kd_conn *c, uint64_t id, uint64_t flags);

const struct kdbus_msg *kd_msg(const struct kd_conn *c, uint64_t offset);
const struct kdbus_item *kd_item(const struct kdbus_msg *msg, uint64_t type,
				 unsigned int n);

uint64_t kd_kinds(const struct kdbus_msg *msg);
uint64_t kd_record_kinds(const struct kdbus_info *info);

/* the rest */
int kd_ioctl(int fd, unsigned long cmd, void *arg);
int kd_ioctl_readonly(int fd, unsigned long cmd, const struct kd_block *b);
int kd_poll(int fd, short events, int timeout_ms);
void *kd_guard(size_t len, int prot);
int kd_set_user(uint32_t id);
int kd_act_as(uint32_t id);
int kd_wait(int pid);
int kd_exec_sender(const char *path, char *const argv[],
		   const struct kd_conn *c, uint64_t dst, const char *root);
void kd_sender_main(void);
int kd_read_file(const char *path, void *buf, size_t size);
int kd_memfd(size_t size, int seals);
bool kd_same_file(int a, int b);
int kd_lowest_fd(void);
int kd_spare_fds(unsigned int n);

#endif /* KDBUS_UTIL_H */
