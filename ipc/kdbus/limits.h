/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_LIMITS_H
#define __KDBUS_LIMITS_H

/**
 * DOC: limits
 *
 * Every bound that a client can run into, in one place. All bounds are
 * inclusive: the given number is still accepted. A static_assert beside a
 * bound says which field or algorithm it protects.
 */

#include <linux/build_bug.h>
#include <linux/limits.h>
#include <linux/types.h>

/* Bytes of a command block: fixed part and items (CMD-2). */
#define KDBUS_CMD_MAX_SIZE		0x8000

/* Bytes of a message header with its items, without inline payload. */
#define KDBUS_MSG_MAX_SIZE		0x8000
static_assert(KDBUS_MSG_MAX_SIZE <= KDBUS_CMD_MAX_SIZE,
	      "a message is parsed like a command block");

/* Bytes of one PAYLOAD_VEC item, zero-filled ones included (SEND 18.3). */
#define KDBUS_VEC_MAX_SIZE		(2U << 20)
static_assert((u64)KDBUS_VEC_MAX_SIZE * (KDBUS_MSG_MAX_SIZE / 32) <= U32_MAX,
	      "the payload of one message is counted in 32 bits");

/* PAYLOAD_MEMFD items of one message. */
#define KDBUS_MSG_MAX_MEMFDS		16

/* Entries of the FDS item of one message. */
#define KDBUS_MSG_MAX_FDS		16

/* FDS entries that one user may have queued at one receiver (QUOTA-3). */
#define KDBUS_USER_MAX_QUEUED_FDS	16

/* Memfds that one user may have queued at one receiver (W-25). */
#define KDBUS_USER_MAX_QUEUED_MEMFDS	256

/* Messages that one user may have queued at one receiver (QUOTA-3). */
#define KDBUS_USER_MAX_QUEUED_MSGS	256

/* Live trackers of one caller, synchronous calls included (REPLY-1). */
#define KDBUS_CONN_MAX_CALLS		128

/* Names of one connection, owned and waited for (NAME-2). */
#define KDBUS_CONN_MAX_NAMES		256

/* Matches of one connection (MATCH-4). */
#define KDBUS_CONN_MAX_MATCHES		4096

/* Connections of one user (HELLO, W-57). */
#define KDBUS_USER_MAX_CONNS		1024

/* Buses of one user (BUS-3, W-57). */
#define KDBUS_USER_MAX_BUSES		16

/* Custom endpoints of one user, on all buses (W-26). */
#define KDBUS_USER_MAX_ENDPOINTS	256

/* Characters of a bus name, endpoint name or description, without NUL. */
#define KDBUS_LABEL_MAX_LEN		63
static_assert(KDBUS_LABEL_MAX_LEN <= NAME_MAX,
	      "labels are names of files in kdbusfs");

/* Characters of a well-known name, without NUL (NAME-1). */
#define KDBUS_NAME_MAX_LEN		255

/* Bytes of a bloom filter (BUS-3): bounds, and the unit of its size. */
#define KDBUS_BLOOM_MIN_SIZE		8
#define KDBUS_BLOOM_MAX_SIZE		4096
#define KDBUS_BLOOM_UNIT		8
static_assert(KDBUS_BLOOM_MAX_SIZE < KDBUS_MSG_MAX_SIZE,
	      "a filter travels as an item of a message");

#endif
