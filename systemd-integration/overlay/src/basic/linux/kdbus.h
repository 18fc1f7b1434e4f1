/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * kdbus: message bus between processes, binary interface.
 *
 * The names in capitals at the end of a description (SEND-7, POOL-4, ...) are
 * the numbers of the behavioural rules which the self tests prove one by one.
 * Documentation/kdbus.txt is the manual.
 */
#ifndef _LINUX_KDBUS_H
#define _LINUX_KDBUS_H

#include <linux/ioctl.h>
#include <linux/stddef.h>
#include <linux/types.h>

/**
 * DOC: Conventions
 *
 * Every structure has the same layout for 32-bit and 64-bit programs: it is
 * aligned to 8 bytes, has no implicit padding, and carries pointers as 64-bit
 * integers. Every command takes the address of a structure that begins with
 * the fields @size, @flags and @return_flags and ends in a list of items. The
 * address must be a multiple of 8 (EFAULT). A call returns 0, or -1 with errno.
 *
 * Framing errors common to all commands, in this order: EFAULT for a block
 * that cannot be read, EINVAL for a @size below the fixed part, EMSGSIZE for
 * more than 32768 bytes, EINVAL for an unknown flag, then the errors of the
 * items. @return_flags is written on every exit after the size checks; other
 * outputs only on success unless stated otherwise. See CMD-1 to CMD-4.
 *
 * "Mask" below means a set of &enum kdbus_attach_flags: any bit outside
 * _KDBUS_ATTACH_ALL is EINVAL, save that all ones means all known bits.
 */

/**
 * define KDBUS_IOCTL_MAGIC - the ioctl type byte shared by all commands
 */
#define KDBUS_IOCTL_MAGIC		0x95

/**
 * define KDBUS_SRC_ID_KERNEL - sender id of notifications made by the kernel
 */
#define KDBUS_SRC_ID_KERNEL		(0)

/**
 * define KDBUS_DST_ID_NAME - destination id of a message addressed by name
 * alone; it needs a DST_NAME item, else EDESTADDRREQ
 */
#define KDBUS_DST_ID_NAME		(0)

/**
 * define KDBUS_MATCH_ID_ANY - any connection id will do (in match rules)
 */
#define KDBUS_MATCH_ID_ANY		(~0ULL)

/**
 * define KDBUS_DST_ID_BROADCAST - destination id of a broadcast signal
 */
#define KDBUS_DST_ID_BROADCAST		(~0ULL)

/**
 * define KDBUS_FLAG_NEGOTIATE - accepted in the flags of every command and of
 * the message of SEND, to validate everything, report the set of known flags in
 * the same field, do nothing else (NEG-1, NEG-4)
 */
#define KDBUS_FLAG_NEGOTIATE		(0x8000000000000000ULL)

/**
 * struct kdbus_notify_id_change - one connection in a notification or rule
 * @id: Connection id; 0 where there is no such side (no old, or no new owner).
 *	In a match rule KDBUS_MATCH_ID_ANY stands for all.
 * @flags: In ID notifications the HELLO flags of the connection, in NAME
 *	notifications the &enum kdbus_name_flags of that owner. Ignored in
 *	match rules.
 *
 * Payload of KDBUS_ITEM_ID_ADD and KDBUS_ITEM_ID_REMOVE. NOTE-1, MATCH-9.
 */
struct kdbus_notify_id_change {
	__u64 id;
	__u64 flags;
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_notify_name_change - change of the owner of a well-known name
 * @old_id: Owner before the change, with the name flags it had; all zero for
 *	KDBUS_ITEM_NAME_ADD.
 * @new_id: Owner after the change, with the name flags it has now; all zero
 *	for KDBUS_ITEM_NAME_REMOVE.
 * @name: The name, NUL-terminated. In a match rule it may be absent (payload
 *	of exactly 32 bytes), which matches every name.
 *
 * Payload of KDBUS_ITEM_NAME_ADD, _REMOVE and _CHANGE. NOTE-2, MATCH-9.
 */
struct kdbus_notify_name_change {
	struct kdbus_notify_id_change old_id;
	struct kdbus_notify_id_change new_id;
	char name[];
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_creds - user and group ids of a task
 * @uid: Real user id.
 * @euid: Effective user id.
 * @suid: Saved user id.
 * @fsuid: User id for file access.
 * @gid: Real group id.
 * @egid: Effective group id.
 * @sgid: Saved group id.
 * @fsgid: Group id for file access.
 *
 * As delivered: numbers of the receiver's user namespace, 65534 (the overflow
 * id) if there is none, 0xffffffff if unset. As given to HELLO: numbers of the
 * caller's namespace, 0xffffffff for "unset"; EINVAL if a value does not fit
 * 32 bits or has no mapping. META-4, HELLO-7.
 */
struct kdbus_creds {
	__u64 uid;
	__u64 euid;
	__u64 suid;
	__u64 fsuid;
	__u64 gid;
	__u64 egid;
	__u64 sgid;
	__u64 fsgid;
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_pids - process numbers of a task
 * @pid: Process (thread group).
 * @tid: Thread.
 * @ppid: Parent process.
 *
 * As delivered: numbers of the receiver's pid namespace, 0 if there is none.
 * As given to HELLO: 0 for "unset"; EINVAL for a number of 2^31 and above or
 * without live task in the caller's pid namespace. META-4, HELLO-8.
 */
struct kdbus_pids {
	__u64 pid;
	__u64 tid;
	__u64 ppid;
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_caps - capability sets of a task
 * @last_cap: Highest capability number the kernel knows.
 * @caps: Four sets of (@last_cap / 32 + 1) words each, low word first:
 *	inheritable, permitted, effective, bounding. All empty where the
 *	receiver's user namespace gives the sender no power. META-4.
 */
struct kdbus_caps {
	__u32 last_cap;
	__u32 caps[];
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_audit - audit identity of a task
 * @sessionid: Audit session, 0xffffffff if none.
 * @loginuid: Login user id in the receiver's user namespace, 0xffffffff if
 *	unset or not mapped there.
 */
struct kdbus_audit {
	__u32 sessionid;
	__u32 loginuid;
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_timestamp - when a message was accepted
 * @seqnum: Sequence number, unique on the bus, from 1 upwards, with gaps.
 * @monotonic_ns: CLOCK_MONOTONIC in nanoseconds.
 * @realtime_ns: CLOCK_REALTIME in nanoseconds.
 *
 * All copies of one message carry the same values. ORD-4.
 */
struct kdbus_timestamp {
	__u64 seqnum;
	__u64 monotonic_ns;
	__u64 realtime_ns;
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_vec - a piece of inline payload
 * @size: Length in bytes: 1 to 2097152 when sent, otherwise EINVAL or
 *	EMSGSIZE.
 * @address: KDBUS_ITEM_PAYLOAD_VEC: where the sender has the bytes. 0 stands
 *	for @size zero bytes which are not transferred. EFAULT if the range
 *	is not user memory or cannot be read.
 * @offset: KDBUS_ITEM_PAYLOAD_OFF: where the receiver finds the bytes,
 *	counted from the first byte of the message header; ~0 for @size zero
 *	bytes that are not there. LAY-4.
 */
struct kdbus_vec {
	__u64 size;
	union {
		__u64 address;
		__u64 offset;
	};
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_bloom_parameter - shape of the bloom filters of a bus
 * @size: Bytes of one filter: 8 to 4096, a multiple of 8 (EINVAL). BUS-3.
 * @n_hash: Number of hash functions, at least 1 (EINVAL). For the clients
 *	only: the kernel stores and reports it.
 */
struct kdbus_bloom_parameter {
	__u64 size;
	__u64 n_hash;
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_bloom_filter - what a signal is about, for its receivers
 * @generation: Selects the mask that is compared: number @generation of the
 *	masks in a match rule, the last one if there are fewer. MATCH-8.
 * @data: The bits; exactly the bus's filter size, else EDOM.
 */
struct kdbus_bloom_filter {
	__u64 generation;
	__u64 data[];
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_memfd - payload in a sealed memory file
 * @start: First byte of the file that belongs to the message. No alignment
 *	needed.
 * @size: Length in bytes, not 0 (EINVAL). @start + @size must not wrap
 *	(EMSGSIZE) and must lie within the file (EFAULT).
 * @fd: Sent: the memory file, sealed against writing, growing, shrinking and
 *	further sealing (EBADF, EMEDIUMTYPE, ETXTBSY). Received: a new
 *	descriptor, close-on-exec, or -1 if none could be installed. SEND-4,
 *	RECV-9.
 * @__pad: Not looked at when sent.
 */
struct kdbus_memfd {
	__u64 start;
	__u64 size;
	int fd;
	__u32 __pad;
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_name - payload of KDBUS_ITEM_OWNED_NAME
 * @flags: &enum kdbus_name_flags of this connection for the name.
 * @name: The name, NUL-terminated.
 *
 * Only ever made by the kernel. Items a client sends (NAME, DST_NAME) carry a
 * bare string. LIST-3, META-2.
 */
struct kdbus_name {
	__u64 flags;
	char name[];
} __attribute__((__aligned__(8)));

/**
 * enum kdbus_policy_access_type - to whom a grant applies
 * @_KDBUS_POLICY_ACCESS_NULL: Not valid (EINVAL).
 * @KDBUS_POLICY_ACCESS_USER: Tasks with this effective user id.
 * @KDBUS_POLICY_ACCESS_GROUP: Tasks with this effective or supplementary
 *	group id.
 * @KDBUS_POLICY_ACCESS_WORLD: Everybody; the id is ignored.
 */
enum kdbus_policy_access_type {
	_KDBUS_POLICY_ACCESS_NULL,
	KDBUS_POLICY_ACCESS_USER,
	KDBUS_POLICY_ACCESS_GROUP,
	KDBUS_POLICY_ACCESS_WORLD,
};

/**
 * enum kdbus_policy_type - what a grant permits; each includes those before it
 * @KDBUS_POLICY_SEE: Learn that the name and its owner exist. Has an effect
 *	on custom endpoints only. POL-7.
 * @KDBUS_POLICY_TALK: Send to whoever owns the name. POL-9.
 * @KDBUS_POLICY_OWN: Acquire the name. POL-8.
 */
enum kdbus_policy_type {
	KDBUS_POLICY_SEE,
	KDBUS_POLICY_TALK,
	KDBUS_POLICY_OWN,
};

/**
 * struct kdbus_policy_access - one grant
 * @type: &enum kdbus_policy_access_type; another value is EINVAL.
 * @access: &enum kdbus_policy_type; another value is EINVAL.
 * @id: User or group id in the caller's user namespace. Only its low 32 bits
 *	are looked at; EINVAL if they are all ones or not mapped. POL-3.
 */
struct kdbus_policy_access {
	__u64 type;
	__u64 access;
	__u64 id;
} __attribute__((__aligned__(8)));

/**
 * enum kdbus_attach_flags - kinds of metadata
 * @KDBUS_ATTACH_TIMESTAMP: &struct kdbus_timestamp.
 * @KDBUS_ATTACH_CREDS: &struct kdbus_creds.
 * @KDBUS_ATTACH_PIDS: &struct kdbus_pids.
 * @KDBUS_ATTACH_AUXGROUPS: Supplementary groups, 64 bits each.
 * @KDBUS_ATTACH_NAMES: The well-known names the sender owns.
 * @KDBUS_ATTACH_TID_COMM: Name of the sending thread.
 * @KDBUS_ATTACH_PID_COMM: Name of its process.
 * @KDBUS_ATTACH_EXE: Path of the executable.
 * @KDBUS_ATTACH_CMDLINE: Command line.
 * @KDBUS_ATTACH_CGROUP: Control group path.
 * @KDBUS_ATTACH_CAPS: &struct kdbus_caps.
 * @KDBUS_ATTACH_SECLABEL: Label given by a security module.
 * @KDBUS_ATTACH_AUDIT: &struct kdbus_audit.
 * @KDBUS_ATTACH_CONN_DESCRIPTION: Description given at HELLO.
 * @_KDBUS_ATTACH_ALL: All kinds known to this version.
 * @_KDBUS_ATTACH_ANY: Accepted as input for _KDBUS_ATTACH_ALL.
 *
 * The item type of bit n is _KDBUS_ITEM_ATTACH_BASE + n. Asking for a kind is
 * no promise that the item will be there. META-1, META-2.
 */
enum kdbus_attach_flags {
	KDBUS_ATTACH_TIMESTAMP		= 1ULL << 0,
	KDBUS_ATTACH_CREDS		= 1ULL << 1,
	KDBUS_ATTACH_PIDS		= 1ULL << 2,
	KDBUS_ATTACH_AUXGROUPS		= 1ULL << 3,
	KDBUS_ATTACH_NAMES		= 1ULL << 4,
	KDBUS_ATTACH_TID_COMM		= 1ULL << 5,
	KDBUS_ATTACH_PID_COMM		= 1ULL << 6,
	KDBUS_ATTACH_EXE		= 1ULL << 7,
	KDBUS_ATTACH_CMDLINE		= 1ULL << 8,
	KDBUS_ATTACH_CGROUP		= 1ULL << 9,
	KDBUS_ATTACH_CAPS		= 1ULL << 10,
	KDBUS_ATTACH_SECLABEL		= 1ULL << 11,
	KDBUS_ATTACH_AUDIT		= 1ULL << 12,
	KDBUS_ATTACH_CONN_DESCRIPTION	= 1ULL << 13,
	_KDBUS_ATTACH_ALL		= (1ULL << 14) - 1,
	_KDBUS_ATTACH_ANY		= ~0ULL,
};

/**
 * enum kdbus_item_type - what an item holds
 * @_KDBUS_ITEM_NULL: Not valid.
 * @_KDBUS_ITEM_USER_BASE: First type of this group: parameters and payload.
 * @KDBUS_ITEM_NEGOTIATE: Array of 64-bit item types; the kernel overwrites
 *	with 0 each one that the command does not accept. NEG-2.
 * @KDBUS_ITEM_PAYLOAD_VEC: &struct kdbus_vec with an address; only sent.
 * @KDBUS_ITEM_PAYLOAD_OFF: &struct kdbus_vec with an offset; only received.
 * @KDBUS_ITEM_PAYLOAD_MEMFD: &struct kdbus_memfd.
 * @KDBUS_ITEM_FDS: Array of file descriptors, at most 16 (EMFILE). SEND-5.
 * @KDBUS_ITEM_CANCEL_FD: One descriptor; a synchronous call stops waiting
 *	when it becomes readable. SYNC-2.
 * @KDBUS_ITEM_BLOOM_PARAMETER: &struct kdbus_bloom_parameter.
 * @KDBUS_ITEM_BLOOM_FILTER: &struct kdbus_bloom_filter.
 * @KDBUS_ITEM_BLOOM_MASK: One or more masks of the bus's filter size (EDOM).
 * @KDBUS_ITEM_DST_NAME: Well-known name a message is addressed to.
 * @KDBUS_ITEM_MAKE_NAME: Name of a new bus or endpoint, at most 63 characters
 *	(ENAMETOOLONG).
 * @KDBUS_ITEM_ATTACH_FLAGS_SEND: Mask: what may be told about the sender.
 * @KDBUS_ITEM_ATTACH_FLAGS_RECV: Mask: what the receiver wants to be told.
 * @KDBUS_ITEM_ID: Match rule: sender id.
 * @KDBUS_ITEM_NAME: Well-known name, a bare NUL-terminated string.
 * @KDBUS_ITEM_DST_ID: Match rule: destination id as the sender wrote it.
 * @_KDBUS_ITEM_ATTACH_BASE: First type of this group: metadata.
 * @KDBUS_ITEM_TIMESTAMP: &struct kdbus_timestamp.
 * @KDBUS_ITEM_CREDS: &struct kdbus_creds.
 * @KDBUS_ITEM_PIDS: &struct kdbus_pids.
 * @KDBUS_ITEM_AUXGROUPS: Array of 64-bit group ids.
 * @KDBUS_ITEM_OWNED_NAME: &struct kdbus_name, one item for each name.
 * @KDBUS_ITEM_TID_COMM: String.
 * @KDBUS_ITEM_PID_COMM: String.
 * @KDBUS_ITEM_EXE: String.
 * @KDBUS_ITEM_CMDLINE: The arguments, each with its NUL, one after another.
 * @KDBUS_ITEM_CGROUP: String.
 * @KDBUS_ITEM_CAPS: &struct kdbus_caps.
 * @KDBUS_ITEM_SECLABEL: String.
 * @KDBUS_ITEM_AUDIT: &struct kdbus_audit.
 * @KDBUS_ITEM_CONN_DESCRIPTION: String, at most 63 characters.
 * @_KDBUS_ITEM_POLICY_BASE: First type of this group: policy.
 * @KDBUS_ITEM_POLICY_ACCESS: &struct kdbus_policy_access, a grant for the
 *	name in the closest preceding KDBUS_ITEM_NAME.
 * @_KDBUS_ITEM_KERNEL_BASE: First type of this group: notifications.
 * @KDBUS_ITEM_NAME_ADD: &struct kdbus_notify_name_change, name got an owner.
 * @KDBUS_ITEM_NAME_REMOVE: &struct kdbus_notify_name_change, name lost it.
 * @KDBUS_ITEM_NAME_CHANGE: &struct kdbus_notify_name_change, name passed on.
 * @KDBUS_ITEM_ID_ADD: &struct kdbus_notify_id_change, a connection appeared.
 * @KDBUS_ITEM_ID_REMOVE: &struct kdbus_notify_id_change, one went away.
 * @KDBUS_ITEM_REPLY_TIMEOUT: No payload: the call of the cookie in
 *	@cookie_reply has passed its deadline. REPLY-4.
 * @KDBUS_ITEM_REPLY_DEAD: No payload: that call will never be answered.
 */
enum kdbus_item_type {
	_KDBUS_ITEM_NULL,

	_KDBUS_ITEM_USER_BASE		= 0x0001,
	KDBUS_ITEM_NEGOTIATE		= _KDBUS_ITEM_USER_BASE,
	KDBUS_ITEM_PAYLOAD_VEC,
	KDBUS_ITEM_PAYLOAD_OFF,
	KDBUS_ITEM_PAYLOAD_MEMFD,
	KDBUS_ITEM_FDS,
	KDBUS_ITEM_CANCEL_FD,
	KDBUS_ITEM_BLOOM_PARAMETER,
	KDBUS_ITEM_BLOOM_FILTER,
	KDBUS_ITEM_BLOOM_MASK,
	KDBUS_ITEM_DST_NAME,
	KDBUS_ITEM_MAKE_NAME,
	KDBUS_ITEM_ATTACH_FLAGS_SEND,
	KDBUS_ITEM_ATTACH_FLAGS_RECV,
	KDBUS_ITEM_ID,
	KDBUS_ITEM_NAME,
	KDBUS_ITEM_DST_ID,

	_KDBUS_ITEM_ATTACH_BASE		= 0x1000,
	KDBUS_ITEM_TIMESTAMP		= _KDBUS_ITEM_ATTACH_BASE,
	KDBUS_ITEM_CREDS,
	KDBUS_ITEM_PIDS,
	KDBUS_ITEM_AUXGROUPS,
	KDBUS_ITEM_OWNED_NAME,
	KDBUS_ITEM_TID_COMM,
	KDBUS_ITEM_PID_COMM,
	KDBUS_ITEM_EXE,
	KDBUS_ITEM_CMDLINE,
	KDBUS_ITEM_CGROUP,
	KDBUS_ITEM_CAPS,
	KDBUS_ITEM_SECLABEL,
	KDBUS_ITEM_AUDIT,
	KDBUS_ITEM_CONN_DESCRIPTION,

	_KDBUS_ITEM_POLICY_BASE		= 0x2000,
	KDBUS_ITEM_POLICY_ACCESS	= _KDBUS_ITEM_POLICY_BASE,

	_KDBUS_ITEM_KERNEL_BASE		= 0x8000,
	KDBUS_ITEM_NAME_ADD		= _KDBUS_ITEM_KERNEL_BASE,
	KDBUS_ITEM_NAME_REMOVE,
	KDBUS_ITEM_NAME_CHANGE,
	KDBUS_ITEM_ID_ADD,
	KDBUS_ITEM_ID_REMOVE,
	KDBUS_ITEM_REPLY_TIMEOUT,
	KDBUS_ITEM_REPLY_DEAD,
};

/**
 * struct kdbus_item - one element of a list
 * @size: Bytes of header (16) and payload, without the padding behind it.
 *	Below 16, or beyond the end of the block: EINVAL.
 * @type: &enum kdbus_item_type. One the command does not accept, or a second
 *	one of a kind accepted once: EINVAL.
 * @data: Payload as bytes.
 * @data32: Payload as 32-bit words.
 * @data64: Payload as 64-bit words (NEGOTIATE, AUXGROUPS, masks).
 * @str: Payload as NUL-terminated string.
 * @id: Payload of ID and DST_ID.
 * @vec: Payload of PAYLOAD_VEC and PAYLOAD_OFF.
 * @creds: Payload of CREDS.
 * @pids: Payload of PIDS.
 * @audit: Payload of AUDIT.
 * @caps: Payload of CAPS.
 * @timestamp: Payload of TIMESTAMP.
 * @name: Payload of OWNED_NAME.
 * @bloom_parameter: Payload of BLOOM_PARAMETER.
 * @bloom_filter: Payload of BLOOM_FILTER.
 * @memfd: Payload of PAYLOAD_MEMFD.
 * @fds: Payload of FDS and CANCEL_FD.
 * @name_change: Payload of NAME_ADD, NAME_REMOVE, NAME_CHANGE.
 * @id_change: Payload of ID_ADD, ID_REMOVE.
 * @policy_access: Payload of POLICY_ACCESS.
 *
 * The next item begins at @size rounded up to a multiple of 8. The content of
 * the padding is ignored on input and zero on output. The size of this type is
 * that of the largest payload and says nothing about a particular item.
 * ITEM-1 to ITEM-3.
 */
struct kdbus_item {
	__u64 size;
	__u64 type;
	union {
		__DECLARE_FLEX_ARRAY(__u8, data);
		__DECLARE_FLEX_ARRAY(__u32, data32);
		__DECLARE_FLEX_ARRAY(__u64, data64);
		__DECLARE_FLEX_ARRAY(char, str);

		__u64 id;
		struct kdbus_vec vec;
		struct kdbus_creds creds;
		struct kdbus_pids pids;
		struct kdbus_audit audit;
		struct kdbus_caps caps;
		struct kdbus_timestamp timestamp;
		struct kdbus_name name;
		struct kdbus_bloom_parameter bloom_parameter;
		struct kdbus_bloom_filter bloom_filter;
		struct kdbus_memfd memfd;
		__DECLARE_FLEX_ARRAY(int, fds);
		struct kdbus_notify_name_change name_change;
		struct kdbus_notify_id_change id_change;
		struct kdbus_policy_access policy_access;
	};
} __attribute__((__aligned__(8)));

/**
 * enum kdbus_msg_flags - what kind of message this is
 * @KDBUS_MSG_EXPECT_REPLY: A call. Needs a deadline in @timeout_ns (EINVAL).
 * @KDBUS_MSG_NO_AUTO_START: Do not deliver to an activator; EADDRNOTAVAIL if
 *	nobody else owns the name.
 * @KDBUS_MSG_SIGNAL: A signal: delivered only to those with a match for it.
 *	Goes together with a BLOOM_FILTER item (EBADMSG).
 */
enum kdbus_msg_flags {
	KDBUS_MSG_EXPECT_REPLY		= 1ULL << 0,
	KDBUS_MSG_NO_AUTO_START		= 1ULL << 1,
	KDBUS_MSG_SIGNAL		= 1ULL << 2,
};

/**
 * enum kdbus_payload_type - who understands the payload
 * @KDBUS_PAYLOAD_KERNEL: Notification made by the kernel; EINVAL when sent.
 * @KDBUS_PAYLOAD_DBUS: D-Bus message ("DBusDBus"). Any other non-zero value is
 *	passed on as it is.
 */
enum kdbus_payload_type {
	KDBUS_PAYLOAD_KERNEL,
	KDBUS_PAYLOAD_DBUS		= 0x4442757344427573ULL,
};

/**
 * struct kdbus_msg - a message, as sent and as received
 * @size: Bytes of header and items: 64 to 32768 when sent (EINVAL, EMSGSIZE).
 *	Received: includes the metadata items but not the inline payload, and
 *	need not be a multiple of 8. LAY-2.
 * @flags: &enum kdbus_msg_flags, or KDBUS_FLAG_NEGOTIATE.
 * @priority: Signed; the lowest value is the most urgent. RECV-2.
 * @dst_id: Connection id, KDBUS_DST_ID_NAME or KDBUS_DST_ID_BROADCAST.
 * @src_id: Sent: 0 or the own id (EINVAL). Received: the sender's id.
 * @payload_type: &enum kdbus_payload_type or any other non-zero value.
 * @cookie: Chosen by the sender; a reply refers to it. Not checked.
 * @timeout_ns: With EXPECT_REPLY: the deadline, an absolute CLOCK_MONOTONIC
 *	time in nanoseconds. 2^63 and above never expires.
 * @cookie_reply: Without EXPECT_REPLY: cookie of the call that is answered,
 *	or 0 if this is no reply (EBADSLT, ENOTUNIQ, EINVAL). REPLY-2.
 * @items: PAYLOAD_VEC, PAYLOAD_MEMFD, FDS, BLOOM_FILTER, DST_NAME, NEGOTIATE.
 *
 * The errors of the header are those of the table at SEND-3.
 */
struct kdbus_msg {
	__u64 size;
	__u64 flags;
	__s64 priority;
	__u64 dst_id;
	__u64 src_id;
	__u64 payload_type;
	__u64 cookie;
	union {
		__u64 timeout_ns;
		__u64 cookie_reply;
	};
	struct kdbus_item items[];
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_msg_info - where a received message lies
 * @offset: Byte offset into the own pool; pool size if there is no message.
 *	To be given back with KDBUS_CMD_FREE.
 * @msg_size: Bytes of the whole slice: header, items, metadata and payload,
 *	a multiple of 8; 0 if there is no message. POOL-6.
 * @return_flags: &enum kdbus_recv_return_flags of the message:
 *	KDBUS_RECV_RETURN_INCOMPLETE_FDS.
 */
struct kdbus_msg_info {
	__u64 offset;
	__u64 msg_size;
	__u64 return_flags;
} __attribute__((__aligned__(8)));

/**
 * enum kdbus_send_flags - flags of KDBUS_CMD_SEND
 * @KDBUS_SEND_SYNC_REPLY: Wait for the answer; needs EXPECT_REPLY (EINVAL).
 */
enum kdbus_send_flags {
	KDBUS_SEND_SYNC_REPLY		= 1ULL << 0,
};

/**
 * struct kdbus_cmd_send - argument of KDBUS_CMD_SEND
 * @size: Bytes of this block and its items.
 * @flags: &enum kdbus_send_flags, or KDBUS_FLAG_NEGOTIATE.
 * @return_flags: Out: 0.
 * @msg_address: Address of a &struct kdbus_msg, a multiple of 8 (EFAULT).
 * @reply: Out: the answer to a synchronous call, else the marker for "none"
 *	(offset = pool size, size 0). Not written on failure.
 * @items: CANCEL_FD, NEGOTIATE.
 */
struct kdbus_cmd_send {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__u64 msg_address;
	struct kdbus_msg_info reply;
	struct kdbus_item items[];
} __attribute__((__aligned__(8)));

/**
 * enum kdbus_recv_flags - flags of KDBUS_CMD_RECV
 * @KDBUS_RECV_PEEK: Show the message but leave it in the queue. RECV-7.
 * @KDBUS_RECV_DROP: Discard the message. Not with USE_PRIORITY (EINVAL);
 *	PEEK is then ignored.
 * @KDBUS_RECV_USE_PRIORITY: The most urgent message first, and only if its
 *	priority is not above the one given (EAGAIN). RECV-2.
 */
enum kdbus_recv_flags {
	KDBUS_RECV_PEEK			= 1ULL << 0,
	KDBUS_RECV_DROP			= 1ULL << 1,
	KDBUS_RECV_USE_PRIORITY		= 1ULL << 2,
};

/**
 * enum kdbus_recv_return_flags - what RECV has to say besides the message
 * @KDBUS_RECV_RETURN_INCOMPLETE_FDS: In &struct kdbus_msg_info: some file
 *	descriptors could not be installed; they read -1. RECV-9.
 * @KDBUS_RECV_RETURN_DROPPED_MSGS: In &struct kdbus_cmd_recv: @dropped_msgs
 *	is not 0. RECV-5.
 */
enum kdbus_recv_return_flags {
	KDBUS_RECV_RETURN_INCOMPLETE_FDS	= 1ULL << 0,
	KDBUS_RECV_RETURN_DROPPED_MSGS		= 1ULL << 1,
};

/**
 * struct kdbus_cmd_recv - argument of KDBUS_CMD_RECV
 * @size: Bytes of this block and its items.
 * @flags: &enum kdbus_recv_flags, or KDBUS_FLAG_NEGOTIATE.
 * @return_flags: Out: KDBUS_RECV_RETURN_DROPPED_MSGS or 0.
 * @priority: With USE_PRIORITY: highest priority value that is acceptable.
 * @dropped_msgs: Out: messages lost since this was last reported.
 * @msg: Out: where the message lies; the marker for "none" with DROP or
 *	EAGAIN.
 * @items: NEGOTIATE.
 *
 * The outputs are written on success and with EAGAIN. RECV-4.
 */
struct kdbus_cmd_recv {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__s64 priority;
	__u64 dropped_msgs;
	struct kdbus_msg_info msg;
	struct kdbus_item items[];
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_cmd_free - argument of KDBUS_CMD_FREE
 * @size: Bytes of this block and its items.
 * @flags: 0, or KDBUS_FLAG_NEGOTIATE.
 * @return_flags: Out: 0.
 * @offset: Offset that was reported and not freed since (ENXIO). The pool size
 *	is accepted and does nothing. FREE-1.
 * @items: NEGOTIATE.
 */
struct kdbus_cmd_free {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__u64 offset;
	struct kdbus_item items[];
} __attribute__((__aligned__(8)));

/**
 * enum kdbus_hello_flags - flags of KDBUS_CMD_HELLO; at most one of the last
 * three (EINVAL), which need owner status (EPERM)
 * @KDBUS_HELLO_ACCEPT_FD: Accept messages with file descriptors; without it
 *	their senders get ECOMM.
 * @KDBUS_HELLO_ACTIVATOR: Hold a name on behalf of a service to be started.
 * @KDBUS_HELLO_POLICY_HOLDER: Only install a policy entry for a name.
 * @KDBUS_HELLO_MONITOR: Get a copy of all traffic.
 */
enum kdbus_hello_flags {
	KDBUS_HELLO_ACCEPT_FD		= 1ULL << 0,
	KDBUS_HELLO_ACTIVATOR		= 1ULL << 1,
	KDBUS_HELLO_POLICY_HOLDER	= 1ULL << 2,
	KDBUS_HELLO_MONITOR		= 1ULL << 3,
};

/**
 * struct kdbus_cmd_hello - argument of KDBUS_CMD_HELLO
 * @size: Bytes of this block and its items.
 * @flags: &enum kdbus_hello_flags, or KDBUS_FLAG_NEGOTIATE.
 * @return_flags: Out: 0.
 * @attach_flags_send: Mask: what others may be told about this connection.
 * @attach_flags_recv: Mask: what to attach to the messages it receives.
 * @bus_flags: Out: &enum kdbus_make_flags given to BUS_MAKE.
 * @id: Out: unique id of the connection in its domain.
 * @pool_size: Bytes of the pool: not 0, a multiple of the page size and below
 *	2^63 (EINVAL); all of it must be available to be committed (ENOMEM).
 * @offset: Out: offset of an item list in the new pool, to be freed.
 * @items_size: Out: bytes of that list. It holds a BLOOM_PARAMETER item.
 * @id128: Out: UUID of the bus.
 * @items: CONN_DESCRIPTION; NAME and POLICY_ACCESS for activators and policy
 *	holders; CREDS, PIDS, SECLABEL for owners (EPERM); NEGOTIATE.
 */
struct kdbus_cmd_hello {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__u64 attach_flags_send;
	__u64 attach_flags_recv;
	__u64 bus_flags;
	__u64 id;
	__u64 pool_size;
	__u64 offset;
	__u64 items_size;
	__u8 id128[16];
	struct kdbus_item items[];
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_info - a record in a pool, made by LIST, CONN_INFO and
 * BUS_CREATOR_INFO
 * @size: Bytes of the record, a multiple of 8; the next one follows directly.
 * @id: Connection id, or bus id.
 * @flags: HELLO flags of the connection, or flags of the bus.
 * @items: OWNED_NAME (LIST); metadata (CONN_INFO); MAKE_NAME with the bus name
 *	first, then metadata of the creator (BUS_CREATOR_INFO).
 */
struct kdbus_info {
	__u64 size;
	__u64 id;
	__u64 flags;
	struct kdbus_item items[];
} __attribute__((__aligned__(8)));

/**
 * enum kdbus_list_flags - what KDBUS_CMD_LIST shows; LIST-2
 * @KDBUS_LIST_UNIQUE: Connections of which no name is shown.
 * @KDBUS_LIST_NAMES: Names with their primary owners.
 * @KDBUS_LIST_ACTIVATORS: Names with their activators.
 * @KDBUS_LIST_QUEUED: Names with those that wait for them.
 */
enum kdbus_list_flags {
	KDBUS_LIST_UNIQUE		= 1ULL << 0,
	KDBUS_LIST_NAMES		= 1ULL << 1,
	KDBUS_LIST_ACTIVATORS		= 1ULL << 2,
	KDBUS_LIST_QUEUED		= 1ULL << 3,
};

/**
 * struct kdbus_cmd_list - argument of KDBUS_CMD_LIST
 * @size: Bytes of this block and its items.
 * @flags: &enum kdbus_list_flags, or KDBUS_FLAG_NEGOTIATE.
 * @return_flags: Out: 0.
 * @offset: Out: offset of the first &struct kdbus_info, to be freed; pool size
 *	if the list is empty. EXFULL if the pool has no room.
 * @list_size: Out: bytes of all records together.
 * @items: NEGOTIATE.
 */
struct kdbus_cmd_list {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__u64 offset;
	__u64 list_size;
	struct kdbus_item items[];
} __attribute__((__aligned__(8)));

/**
 * struct kdbus_cmd_info - argument of KDBUS_CMD_CONN_INFO and
 * KDBUS_CMD_BUS_CREATOR_INFO
 * @size: Bytes of this block and its items.
 * @flags: 0, or KDBUS_FLAG_NEGOTIATE.
 * @return_flags: Out: 0.
 * @id: CONN_INFO: id of the connection (ENXIO), or 0 with a NAME item. If both
 *	are given they must agree (ESRCH). Never written.
 * @attach_flags: Mask: what is wanted.
 * @offset: Out: offset of a &struct kdbus_info, to be freed. EXFULL if the
 *	pool has no room.
 * @info_size: Out: bytes of the record.
 * @items: NAME (CONN_INFO only), NEGOTIATE.
 */
struct kdbus_cmd_info {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__u64 id;
	__u64 attach_flags;
	__u64 offset;
	__u64 info_size;
	struct kdbus_item items[];
} __attribute__((__aligned__(8)));

/**
 * enum kdbus_cmd_match_flags - flags of KDBUS_CMD_MATCH_ADD
 * @KDBUS_MATCH_REPLACE: First remove all matches with the same cookie.
 */
enum kdbus_cmd_match_flags {
	KDBUS_MATCH_REPLACE		= 1ULL << 0,
};

/**
 * struct kdbus_cmd_match - argument of KDBUS_CMD_MATCH_ADD and
 * KDBUS_CMD_MATCH_REMOVE
 * @size: Bytes of this block and its items.
 * @flags: &enum kdbus_cmd_match_flags (MATCH_ADD), or KDBUS_FLAG_NEGOTIATE.
 * @return_flags: Out: 0.
 * @cookie: Chosen by the client, need not be unique; names what to remove
 *	(EBADSLT if there is nothing).
 * @items: MATCH_ADD: the rules, all of which a message must satisfy:
 *	BLOOM_MASK, NAME, ID, DST_ID, NAME_ADD, NAME_REMOVE, NAME_CHANGE,
 *	ID_ADD, ID_REMOVE; NEGOTIATE.
 */
struct kdbus_cmd_match {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	__u64 cookie;
	struct kdbus_item items[];
} __attribute__((__aligned__(8)));

/**
 * enum kdbus_make_flags - flags of KDBUS_CMD_BUS_MAKE and
 * KDBUS_CMD_ENDPOINT_MAKE; they set file modes only (FS-4)
 * @KDBUS_MAKE_ACCESS_GROUP: Open for the creator's group.
 * @KDBUS_MAKE_ACCESS_WORLD: Open for the group and everybody else.
 */
enum kdbus_make_flags {
	KDBUS_MAKE_ACCESS_GROUP		= 1ULL << 0,
	KDBUS_MAKE_ACCESS_WORLD		= 1ULL << 1,
};

/**
 * enum kdbus_name_flags - relation of a connection to a well-known name
 * @KDBUS_NAME_REPLACE_EXISTING: Input: take it from an owner that allows it.
 * @KDBUS_NAME_ALLOW_REPLACEMENT: Input: others may take it from the caller.
 * @KDBUS_NAME_QUEUE: Input: wait in line if it cannot be had now.
 * @KDBUS_NAME_IN_QUEUE: Output: waiting.
 * @KDBUS_NAME_ACTIVATOR: Output: held by an activator.
 * @KDBUS_NAME_PRIMARY: Output: owned now. Never with IN_QUEUE.
 * @KDBUS_NAME_ACQUIRED: Output, in @return_flags alone: this very call made
 *	the caller owner or put it in line.
 */
enum kdbus_name_flags {
	KDBUS_NAME_REPLACE_EXISTING	= 1ULL << 0,
	KDBUS_NAME_ALLOW_REPLACEMENT	= 1ULL << 1,
	KDBUS_NAME_QUEUE		= 1ULL << 2,
	KDBUS_NAME_IN_QUEUE		= 1ULL << 3,
	KDBUS_NAME_ACTIVATOR		= 1ULL << 4,
	KDBUS_NAME_PRIMARY		= 1ULL << 5,
	KDBUS_NAME_ACQUIRED		= 1ULL << 6,
};

/**
 * struct kdbus_cmd - argument of the commands without fields of their own
 * @size: Bytes of this block and its items.
 * @flags: Depends on the command: &enum kdbus_make_flags,
 *	&enum kdbus_name_flags or 0; or KDBUS_FLAG_NEGOTIATE.
 * @return_flags: Out: &enum kdbus_name_flags for NAME_ACQUIRE, else 0.
 * @items: Depends on the command; NEGOTIATE is accepted by all.
 */
struct kdbus_cmd {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
	struct kdbus_item items[];
} __attribute__((__aligned__(8)));

/**
 * enum kdbus_ioctl_type - the commands
 * @KDBUS_CMD_BUS_MAKE: On control: make a bus that lives as long as the file
 *	description. EINVAL, ENAMETOOLONG, EEXIST, EMFILE, ESHUTDOWN.
 * @KDBUS_CMD_ENDPOINT_MAKE: On an endpoint: make a further endpoint, likewise.
 *	EPERM, EINVAL, ENAMETOOLONG, EEXIST, EMFILE, ESHUTDOWN.
 * @KDBUS_CMD_ENDPOINT_UPDATE: Replace its policy. EINVAL, EEXIST, ESHUTDOWN.
 * @KDBUS_CMD_HELLO: On an endpoint: become a connection. EINVAL, EPERM,
 *	EOPNOTSUPP, ENAMETOOLONG, ENOMEM, EMFILE, EEXIST, ESHUTDOWN.
 * @KDBUS_CMD_UPDATE: Change masks, or the entry of a policy holder. EINVAL,
 *	EOPNOTSUPP, E2BIG, EEXIST.
 * @KDBUS_CMD_BYEBYE: Disconnect unless messages are queued (EBUSY).
 * @KDBUS_CMD_FREE: Give a slice of the pool back. ENXIO.
 * @KDBUS_CMD_CONN_INFO: Ask about a connection. EINVAL, ENXIO, ESRCH, EXFULL.
 * @KDBUS_CMD_BUS_CREATOR_INFO: Ask about the bus. EINVAL, EXFULL.
 * @KDBUS_CMD_LIST: List connections and names. EXFULL.
 * @KDBUS_CMD_SEND: Send a message. For the errors see the manual.
 * @KDBUS_CMD_RECV: Receive a message; never blocks. EAGAIN, EINVAL.
 * @KDBUS_CMD_NAME_ACQUIRE: Acquire a name. EINVAL, EPERM, E2BIG, EEXIST.
 * @KDBUS_CMD_NAME_RELEASE: Release it. ESRCH, EADDRINUSE.
 * @KDBUS_CMD_MATCH_ADD: Subscribe. EDOM, EINVAL, EMFILE.
 * @KDBUS_CMD_MATCH_REMOVE: Unsubscribe. EBADSLT.
 *
 * A number that is none of these gives ENOTTY, a command in the wrong state of
 * the handle EBADFD, one that the kind of connection must not use EOPNOTSUPP,
 * any on a connection that has gone ECONNRESET. H-2, H-3.
 */
enum kdbus_ioctl_type {
	KDBUS_CMD_BUS_MAKE =		_IOW(KDBUS_IOCTL_MAGIC, 0x00,
					     struct kdbus_cmd),

	KDBUS_CMD_ENDPOINT_MAKE =	_IOW(KDBUS_IOCTL_MAGIC, 0x10,
					     struct kdbus_cmd),
	KDBUS_CMD_ENDPOINT_UPDATE =	_IOW(KDBUS_IOCTL_MAGIC, 0x11,
					     struct kdbus_cmd),

	KDBUS_CMD_HELLO =		_IOWR(KDBUS_IOCTL_MAGIC, 0x80,
					      struct kdbus_cmd_hello),
	KDBUS_CMD_UPDATE =		_IOW(KDBUS_IOCTL_MAGIC, 0x81,
					     struct kdbus_cmd),
	KDBUS_CMD_BYEBYE =		_IOW(KDBUS_IOCTL_MAGIC, 0x82,
					     struct kdbus_cmd),
	KDBUS_CMD_FREE =		_IOW(KDBUS_IOCTL_MAGIC, 0x83,
					     struct kdbus_cmd_free),
	KDBUS_CMD_CONN_INFO =		_IOR(KDBUS_IOCTL_MAGIC, 0x84,
					     struct kdbus_cmd_info),
	KDBUS_CMD_BUS_CREATOR_INFO =	_IOR(KDBUS_IOCTL_MAGIC, 0x85,
					     struct kdbus_cmd_info),
	KDBUS_CMD_LIST =		_IOR(KDBUS_IOCTL_MAGIC, 0x86,
					     struct kdbus_cmd_list),

	KDBUS_CMD_SEND =		_IOW(KDBUS_IOCTL_MAGIC, 0x90,
					     struct kdbus_cmd_send),
	KDBUS_CMD_RECV =		_IOR(KDBUS_IOCTL_MAGIC, 0x91,
					     struct kdbus_cmd_recv),

	KDBUS_CMD_NAME_ACQUIRE =	_IOW(KDBUS_IOCTL_MAGIC, 0xa0,
					     struct kdbus_cmd),
	KDBUS_CMD_NAME_RELEASE =	_IOW(KDBUS_IOCTL_MAGIC, 0xa1,
					     struct kdbus_cmd),

	KDBUS_CMD_MATCH_ADD =		_IOW(KDBUS_IOCTL_MAGIC, 0xb0,
					     struct kdbus_cmd_match),
	KDBUS_CMD_MATCH_REMOVE =	_IOW(KDBUS_IOCTL_MAGIC, 0xb1,
					     struct kdbus_cmd_match),
};

#endif /* _LINUX_KDBUS_H */
