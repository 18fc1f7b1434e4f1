// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binary interface, pinned at build time
 *
 * Every size, offset, constant and command number of
 * include/uapi/linux/kdbus.h has been the same since 2015. A change that breaks
 * existing programs must not compile. Owns no data and no code.
 *
 * Members follow one another without gaps, so offsets and the size of the
 * structure fix the size of each; only members of unions and signed ones need
 * a word more. The self tests check the whole table, types included, in user
 * space (tools/testing/selftests/kdbus/abi.csv).
 */
#include <linux/build_bug.h>
#include <linux/container_of.h>
#include <linux/compiler.h>
#include <linux/stddef.h>

#include <uapi/linux/kdbus.h>

#define SIZE(_t, _size)		static_assert(sizeof(_t) == (_size))
#define ALIGN8(_t)		static_assert(__alignof__(_t) == 8)
#define AT(_s, _m, _off)	static_assert(offsetof(struct _s, _m) == (_off))
#define TYPE(_s, _m, _t)	\
	static_assert(__same_type(typeof_member(struct _s, _m), _t))
#define VALUE(_c, _v)		static_assert((_c) == (_v))

SIZE(struct kdbus_notify_id_change, 16);
ALIGN8(struct kdbus_notify_id_change);
AT(kdbus_notify_id_change, id, 0);
AT(kdbus_notify_id_change, flags, 8);

SIZE(struct kdbus_notify_name_change, 32);
ALIGN8(struct kdbus_notify_name_change);
AT(kdbus_notify_name_change, old_id, 0);
AT(kdbus_notify_name_change, new_id, 16);
AT(kdbus_notify_name_change, name, 32);

SIZE(struct kdbus_creds, 64);
ALIGN8(struct kdbus_creds);
AT(kdbus_creds, uid, 0);
AT(kdbus_creds, euid, 8);
AT(kdbus_creds, suid, 16);
AT(kdbus_creds, fsuid, 24);
AT(kdbus_creds, gid, 32);
AT(kdbus_creds, egid, 40);
AT(kdbus_creds, sgid, 48);
AT(kdbus_creds, fsgid, 56);

SIZE(struct kdbus_pids, 24);
ALIGN8(struct kdbus_pids);
AT(kdbus_pids, pid, 0);
AT(kdbus_pids, tid, 8);
AT(kdbus_pids, ppid, 16);

SIZE(struct kdbus_caps, 8);
ALIGN8(struct kdbus_caps);
AT(kdbus_caps, last_cap, 0);
AT(kdbus_caps, caps, 4);

SIZE(struct kdbus_audit, 8);
ALIGN8(struct kdbus_audit);
AT(kdbus_audit, sessionid, 0);
AT(kdbus_audit, loginuid, 4);

SIZE(struct kdbus_timestamp, 24);
ALIGN8(struct kdbus_timestamp);
AT(kdbus_timestamp, seqnum, 0);
AT(kdbus_timestamp, monotonic_ns, 8);
AT(kdbus_timestamp, realtime_ns, 16);

SIZE(struct kdbus_vec, 16);
ALIGN8(struct kdbus_vec);
AT(kdbus_vec, size, 0);
AT(kdbus_vec, address, 8);
AT(kdbus_vec, offset, 8);
TYPE(kdbus_vec, address, __u64);
TYPE(kdbus_vec, offset, __u64);

SIZE(struct kdbus_bloom_parameter, 16);
ALIGN8(struct kdbus_bloom_parameter);
AT(kdbus_bloom_parameter, size, 0);
AT(kdbus_bloom_parameter, n_hash, 8);

SIZE(struct kdbus_bloom_filter, 8);
ALIGN8(struct kdbus_bloom_filter);
AT(kdbus_bloom_filter, generation, 0);
AT(kdbus_bloom_filter, data, 8);

SIZE(struct kdbus_memfd, 24);
ALIGN8(struct kdbus_memfd);
AT(kdbus_memfd, start, 0);
AT(kdbus_memfd, size, 8);
AT(kdbus_memfd, fd, 16);
AT(kdbus_memfd, __pad, 20);
TYPE(kdbus_memfd, fd, int);

SIZE(struct kdbus_name, 8);
ALIGN8(struct kdbus_name);
AT(kdbus_name, flags, 0);
AT(kdbus_name, name, 8);

SIZE(struct kdbus_policy_access, 24);
ALIGN8(struct kdbus_policy_access);
AT(kdbus_policy_access, type, 0);
AT(kdbus_policy_access, access, 8);
AT(kdbus_policy_access, id, 16);

SIZE(struct kdbus_item, 80);
ALIGN8(struct kdbus_item);
AT(kdbus_item, size, 0);
AT(kdbus_item, type, 8);
AT(kdbus_item, data, 16);
AT(kdbus_item, data32, 16);
AT(kdbus_item, data64, 16);
AT(kdbus_item, str, 16);
AT(kdbus_item, id, 16);
AT(kdbus_item, vec, 16);
AT(kdbus_item, creds, 16);
AT(kdbus_item, pids, 16);
AT(kdbus_item, audit, 16);
AT(kdbus_item, caps, 16);
AT(kdbus_item, timestamp, 16);
AT(kdbus_item, name, 16);
AT(kdbus_item, bloom_parameter, 16);
AT(kdbus_item, bloom_filter, 16);
AT(kdbus_item, memfd, 16);
AT(kdbus_item, fds, 16);
AT(kdbus_item, name_change, 16);
AT(kdbus_item, id_change, 16);
AT(kdbus_item, policy_access, 16);
TYPE(kdbus_item, id, __u64);
TYPE(kdbus_item, vec, struct kdbus_vec);
TYPE(kdbus_item, creds, struct kdbus_creds);
TYPE(kdbus_item, pids, struct kdbus_pids);
TYPE(kdbus_item, audit, struct kdbus_audit);
TYPE(kdbus_item, caps, struct kdbus_caps);
TYPE(kdbus_item, timestamp, struct kdbus_timestamp);
TYPE(kdbus_item, name, struct kdbus_name);
TYPE(kdbus_item, bloom_parameter, struct kdbus_bloom_parameter);
TYPE(kdbus_item, bloom_filter, struct kdbus_bloom_filter);
TYPE(kdbus_item, memfd, struct kdbus_memfd);
TYPE(kdbus_item, name_change, struct kdbus_notify_name_change);
TYPE(kdbus_item, id_change, struct kdbus_notify_id_change);
TYPE(kdbus_item, policy_access, struct kdbus_policy_access);

SIZE(struct kdbus_msg, 64);
ALIGN8(struct kdbus_msg);
AT(kdbus_msg, size, 0);
AT(kdbus_msg, flags, 8);
AT(kdbus_msg, priority, 16);
AT(kdbus_msg, dst_id, 24);
AT(kdbus_msg, src_id, 32);
AT(kdbus_msg, payload_type, 40);
AT(kdbus_msg, cookie, 48);
AT(kdbus_msg, timeout_ns, 56);
AT(kdbus_msg, cookie_reply, 56);
AT(kdbus_msg, items, 64);
TYPE(kdbus_msg, priority, __s64);
TYPE(kdbus_msg, timeout_ns, __u64);
TYPE(kdbus_msg, cookie_reply, __u64);

SIZE(struct kdbus_msg_info, 24);
ALIGN8(struct kdbus_msg_info);
AT(kdbus_msg_info, offset, 0);
AT(kdbus_msg_info, msg_size, 8);
AT(kdbus_msg_info, return_flags, 16);

SIZE(struct kdbus_cmd_send, 56);
ALIGN8(struct kdbus_cmd_send);
AT(kdbus_cmd_send, size, 0);
AT(kdbus_cmd_send, flags, 8);
AT(kdbus_cmd_send, return_flags, 16);
AT(kdbus_cmd_send, msg_address, 24);
AT(kdbus_cmd_send, reply, 32);
AT(kdbus_cmd_send, items, 56);

SIZE(struct kdbus_cmd_recv, 64);
ALIGN8(struct kdbus_cmd_recv);
AT(kdbus_cmd_recv, size, 0);
AT(kdbus_cmd_recv, flags, 8);
AT(kdbus_cmd_recv, return_flags, 16);
AT(kdbus_cmd_recv, priority, 24);
AT(kdbus_cmd_recv, dropped_msgs, 32);
AT(kdbus_cmd_recv, msg, 40);
AT(kdbus_cmd_recv, items, 64);
TYPE(kdbus_cmd_recv, priority, __s64);

SIZE(struct kdbus_cmd_free, 32);
ALIGN8(struct kdbus_cmd_free);
AT(kdbus_cmd_free, size, 0);
AT(kdbus_cmd_free, flags, 8);
AT(kdbus_cmd_free, return_flags, 16);
AT(kdbus_cmd_free, offset, 24);
AT(kdbus_cmd_free, items, 32);

SIZE(struct kdbus_cmd_hello, 96);
ALIGN8(struct kdbus_cmd_hello);
AT(kdbus_cmd_hello, size, 0);
AT(kdbus_cmd_hello, flags, 8);
AT(kdbus_cmd_hello, return_flags, 16);
AT(kdbus_cmd_hello, attach_flags_send, 24);
AT(kdbus_cmd_hello, attach_flags_recv, 32);
AT(kdbus_cmd_hello, bus_flags, 40);
AT(kdbus_cmd_hello, id, 48);
AT(kdbus_cmd_hello, pool_size, 56);
AT(kdbus_cmd_hello, offset, 64);
AT(kdbus_cmd_hello, items_size, 72);
AT(kdbus_cmd_hello, id128, 80);
AT(kdbus_cmd_hello, items, 96);

SIZE(struct kdbus_info, 24);
ALIGN8(struct kdbus_info);
AT(kdbus_info, size, 0);
AT(kdbus_info, id, 8);
AT(kdbus_info, flags, 16);
AT(kdbus_info, items, 24);

SIZE(struct kdbus_cmd_list, 40);
ALIGN8(struct kdbus_cmd_list);
AT(kdbus_cmd_list, size, 0);
AT(kdbus_cmd_list, flags, 8);
AT(kdbus_cmd_list, return_flags, 16);
AT(kdbus_cmd_list, offset, 24);
AT(kdbus_cmd_list, list_size, 32);
AT(kdbus_cmd_list, items, 40);

SIZE(struct kdbus_cmd_info, 56);
ALIGN8(struct kdbus_cmd_info);
AT(kdbus_cmd_info, size, 0);
AT(kdbus_cmd_info, flags, 8);
AT(kdbus_cmd_info, return_flags, 16);
AT(kdbus_cmd_info, id, 24);
AT(kdbus_cmd_info, attach_flags, 32);
AT(kdbus_cmd_info, offset, 40);
AT(kdbus_cmd_info, info_size, 48);
AT(kdbus_cmd_info, items, 56);

SIZE(struct kdbus_cmd_match, 32);
ALIGN8(struct kdbus_cmd_match);
AT(kdbus_cmd_match, size, 0);
AT(kdbus_cmd_match, flags, 8);
AT(kdbus_cmd_match, return_flags, 16);
AT(kdbus_cmd_match, cookie, 24);
AT(kdbus_cmd_match, items, 32);

SIZE(struct kdbus_cmd, 24);
ALIGN8(struct kdbus_cmd);
AT(kdbus_cmd, size, 0);
AT(kdbus_cmd, flags, 8);
AT(kdbus_cmd, return_flags, 16);
AT(kdbus_cmd, items, 24);

VALUE(KDBUS_DST_ID_BROADCAST, 0xffffffffffffffffULL);
VALUE(KDBUS_DST_ID_NAME, 0x0);
VALUE(KDBUS_FLAG_NEGOTIATE, 0x8000000000000000ULL);
VALUE(KDBUS_IOCTL_MAGIC, 0x95);
VALUE(KDBUS_MATCH_ID_ANY, 0xffffffffffffffffULL);
VALUE(KDBUS_SRC_ID_KERNEL, 0x0);

SIZE(enum kdbus_policy_access_type, 4);
VALUE(_KDBUS_POLICY_ACCESS_NULL, 0x0);
VALUE(KDBUS_POLICY_ACCESS_USER, 0x1);
VALUE(KDBUS_POLICY_ACCESS_GROUP, 0x2);
VALUE(KDBUS_POLICY_ACCESS_WORLD, 0x3);

SIZE(enum kdbus_policy_type, 4);
VALUE(KDBUS_POLICY_SEE, 0x0);
VALUE(KDBUS_POLICY_TALK, 0x1);
VALUE(KDBUS_POLICY_OWN, 0x2);

SIZE(enum kdbus_attach_flags, 8);
VALUE(KDBUS_ATTACH_TIMESTAMP, 0x1);
VALUE(KDBUS_ATTACH_CREDS, 0x2);
VALUE(KDBUS_ATTACH_PIDS, 0x4);
VALUE(KDBUS_ATTACH_AUXGROUPS, 0x8);
VALUE(KDBUS_ATTACH_NAMES, 0x10);
VALUE(KDBUS_ATTACH_TID_COMM, 0x20);
VALUE(KDBUS_ATTACH_PID_COMM, 0x40);
VALUE(KDBUS_ATTACH_EXE, 0x80);
VALUE(KDBUS_ATTACH_CMDLINE, 0x100);
VALUE(KDBUS_ATTACH_CGROUP, 0x200);
VALUE(KDBUS_ATTACH_CAPS, 0x400);
VALUE(KDBUS_ATTACH_SECLABEL, 0x800);
VALUE(KDBUS_ATTACH_AUDIT, 0x1000);
VALUE(KDBUS_ATTACH_CONN_DESCRIPTION, 0x2000);
VALUE(_KDBUS_ATTACH_ALL, 0x3fff);
VALUE(_KDBUS_ATTACH_ANY, 0xffffffffffffffffULL);

SIZE(enum kdbus_item_type, 4);
VALUE(_KDBUS_ITEM_NULL, 0x0);
VALUE(_KDBUS_ITEM_USER_BASE, 0x1);
VALUE(KDBUS_ITEM_NEGOTIATE, 0x1);
VALUE(KDBUS_ITEM_PAYLOAD_VEC, 0x2);
VALUE(KDBUS_ITEM_PAYLOAD_OFF, 0x3);
VALUE(KDBUS_ITEM_PAYLOAD_MEMFD, 0x4);
VALUE(KDBUS_ITEM_FDS, 0x5);
VALUE(KDBUS_ITEM_CANCEL_FD, 0x6);
VALUE(KDBUS_ITEM_BLOOM_PARAMETER, 0x7);
VALUE(KDBUS_ITEM_BLOOM_FILTER, 0x8);
VALUE(KDBUS_ITEM_BLOOM_MASK, 0x9);
VALUE(KDBUS_ITEM_DST_NAME, 0xa);
VALUE(KDBUS_ITEM_MAKE_NAME, 0xb);
VALUE(KDBUS_ITEM_ATTACH_FLAGS_SEND, 0xc);
VALUE(KDBUS_ITEM_ATTACH_FLAGS_RECV, 0xd);
VALUE(KDBUS_ITEM_ID, 0xe);
VALUE(KDBUS_ITEM_NAME, 0xf);
VALUE(KDBUS_ITEM_DST_ID, 0x10);
VALUE(_KDBUS_ITEM_ATTACH_BASE, 0x1000);
VALUE(KDBUS_ITEM_TIMESTAMP, 0x1000);
VALUE(KDBUS_ITEM_CREDS, 0x1001);
VALUE(KDBUS_ITEM_PIDS, 0x1002);
VALUE(KDBUS_ITEM_AUXGROUPS, 0x1003);
VALUE(KDBUS_ITEM_OWNED_NAME, 0x1004);
VALUE(KDBUS_ITEM_TID_COMM, 0x1005);
VALUE(KDBUS_ITEM_PID_COMM, 0x1006);
VALUE(KDBUS_ITEM_EXE, 0x1007);
VALUE(KDBUS_ITEM_CMDLINE, 0x1008);
VALUE(KDBUS_ITEM_CGROUP, 0x1009);
VALUE(KDBUS_ITEM_CAPS, 0x100a);
VALUE(KDBUS_ITEM_SECLABEL, 0x100b);
VALUE(KDBUS_ITEM_AUDIT, 0x100c);
VALUE(KDBUS_ITEM_CONN_DESCRIPTION, 0x100d);
VALUE(_KDBUS_ITEM_POLICY_BASE, 0x2000);
VALUE(KDBUS_ITEM_POLICY_ACCESS, 0x2000);
VALUE(_KDBUS_ITEM_KERNEL_BASE, 0x8000);
VALUE(KDBUS_ITEM_NAME_ADD, 0x8000);
VALUE(KDBUS_ITEM_NAME_REMOVE, 0x8001);
VALUE(KDBUS_ITEM_NAME_CHANGE, 0x8002);
VALUE(KDBUS_ITEM_ID_ADD, 0x8003);
VALUE(KDBUS_ITEM_ID_REMOVE, 0x8004);
VALUE(KDBUS_ITEM_REPLY_TIMEOUT, 0x8005);
VALUE(KDBUS_ITEM_REPLY_DEAD, 0x8006);

SIZE(enum kdbus_msg_flags, 4);
VALUE(KDBUS_MSG_EXPECT_REPLY, 0x1);
VALUE(KDBUS_MSG_NO_AUTO_START, 0x2);
VALUE(KDBUS_MSG_SIGNAL, 0x4);

SIZE(enum kdbus_payload_type, 8);
VALUE(KDBUS_PAYLOAD_KERNEL, 0x0);
VALUE(KDBUS_PAYLOAD_DBUS, 0x4442757344427573ULL);

SIZE(enum kdbus_send_flags, 4);
VALUE(KDBUS_SEND_SYNC_REPLY, 0x1);

SIZE(enum kdbus_recv_flags, 4);
VALUE(KDBUS_RECV_PEEK, 0x1);
VALUE(KDBUS_RECV_DROP, 0x2);
VALUE(KDBUS_RECV_USE_PRIORITY, 0x4);

SIZE(enum kdbus_recv_return_flags, 4);
VALUE(KDBUS_RECV_RETURN_INCOMPLETE_FDS, 0x1);
VALUE(KDBUS_RECV_RETURN_DROPPED_MSGS, 0x2);

SIZE(enum kdbus_hello_flags, 4);
VALUE(KDBUS_HELLO_ACCEPT_FD, 0x1);
VALUE(KDBUS_HELLO_ACTIVATOR, 0x2);
VALUE(KDBUS_HELLO_POLICY_HOLDER, 0x4);
VALUE(KDBUS_HELLO_MONITOR, 0x8);

SIZE(enum kdbus_list_flags, 4);
VALUE(KDBUS_LIST_UNIQUE, 0x1);
VALUE(KDBUS_LIST_NAMES, 0x2);
VALUE(KDBUS_LIST_ACTIVATORS, 0x4);
VALUE(KDBUS_LIST_QUEUED, 0x8);

SIZE(enum kdbus_cmd_match_flags, 4);
VALUE(KDBUS_MATCH_REPLACE, 0x1);

SIZE(enum kdbus_make_flags, 4);
VALUE(KDBUS_MAKE_ACCESS_GROUP, 0x1);
VALUE(KDBUS_MAKE_ACCESS_WORLD, 0x2);

SIZE(enum kdbus_name_flags, 4);
VALUE(KDBUS_NAME_REPLACE_EXISTING, 0x1);
VALUE(KDBUS_NAME_ALLOW_REPLACEMENT, 0x2);
VALUE(KDBUS_NAME_QUEUE, 0x4);
VALUE(KDBUS_NAME_IN_QUEUE, 0x8);
VALUE(KDBUS_NAME_ACTIVATOR, 0x10);
VALUE(KDBUS_NAME_PRIMARY, 0x20);
VALUE(KDBUS_NAME_ACQUIRED, 0x40);

SIZE(enum kdbus_ioctl_type, 4);
VALUE(KDBUS_CMD_BUS_MAKE, 0x40189500);
VALUE(KDBUS_CMD_ENDPOINT_MAKE, 0x40189510);
VALUE(KDBUS_CMD_ENDPOINT_UPDATE, 0x40189511);
VALUE(KDBUS_CMD_HELLO, 0xc0609580);
VALUE(KDBUS_CMD_UPDATE, 0x40189581);
VALUE(KDBUS_CMD_BYEBYE, 0x40189582);
VALUE(KDBUS_CMD_FREE, 0x40209583);
VALUE(KDBUS_CMD_CONN_INFO, 0x80389584);
VALUE(KDBUS_CMD_BUS_CREATOR_INFO, 0x80389585);
VALUE(KDBUS_CMD_LIST, 0x80289586);
VALUE(KDBUS_CMD_SEND, 0x40389590);
VALUE(KDBUS_CMD_RECV, 0x80409591);
VALUE(KDBUS_CMD_NAME_ACQUIRE, 0x401895a0);
VALUE(KDBUS_CMD_NAME_RELEASE, 0x401895a1);
VALUE(KDBUS_CMD_MATCH_ADD, 0x402095b0);
VALUE(KDBUS_CMD_MATCH_REMOVE, 0x402095b1);
