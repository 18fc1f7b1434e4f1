// SPDX-License-Identifier: GPL-2.0-only
/*
 * The worked example of the manual of kdbus
 *
 *   kdbus-example BUS [ID]
 *
 * Connects, sends a greeting to the connection ID (by default to itself),
 * waits for a message and prints it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kdbus.h>

#define POOL_SIZE	(64 * 1024)
#define ALIGN8(_n)	(((_n) + 7) & ~7ULL)

/* Become a connection: the id and the pool are all that it needs later. */
static const uint8_t *connect_to(const char *bus, int *fd, uint64_t *id)
{
	struct kdbus_cmd_hello hello = {
		.size = sizeof(hello),
		.attach_flags_send = _KDBUS_ATTACH_ANY,
		.attach_flags_recv = KDBUS_ATTACH_TIMESTAMP,
		.pool_size = POOL_SIZE,
	};
	struct kdbus_cmd_free release = { .size = sizeof(release) };
	void *pool;

	*fd = open(bus, O_RDWR | O_CLOEXEC);
	if (*fd < 0)
		return NULL;
	if (ioctl(*fd, KDBUS_CMD_HELLO, &hello) < 0)
		return NULL;
	*id = hello.id;
	pool = mmap(NULL, POOL_SIZE, PROT_READ, MAP_SHARED, *fd, 0);
	if (pool == MAP_FAILED)
		return NULL;
	/* hello.offset says where the parameters of the bus are; not needed */
	release.offset = hello.offset;
	if (ioctl(*fd, KDBUS_CMD_FREE, &release) < 0)
		return NULL;
	return pool;
}

/* A message is a header followed by items; here by a single one. */
static int send_text(int fd, uint64_t to, const char *text)
{
	struct {
		struct kdbus_msg head;
		uint64_t item_size;
		uint64_t item_type;
		struct kdbus_vec vec;
	} msg = {
		.head.size = sizeof(msg),
		.head.dst_id = to,
		.head.payload_type = KDBUS_PAYLOAD_DBUS,
		.head.cookie = 1,
		.item_size = 16 + sizeof(struct kdbus_vec),
		.item_type = KDBUS_ITEM_PAYLOAD_VEC,
		.vec.size = strlen(text) + 1,
		.vec.address = (uintptr_t)text,
	};
	struct kdbus_cmd_send cmd = {
		.size = sizeof(cmd),
		.msg_address = (uintptr_t)&msg,
	};

	return ioctl(fd, KDBUS_CMD_SEND, &cmd);
}

/* Look at all items, skip those of unknown types. */
static void print_message(const uint8_t *base)
{
	const struct kdbus_msg *msg = (const struct kdbus_msg *)base;
	uint64_t pos = sizeof(*msg);

	printf("from %llu:\n", (unsigned long long)msg->src_id);
	while (pos + 16 <= msg->size) {
		const struct kdbus_item *item;

		item = (const struct kdbus_item *)(base + pos);
		if (item->type == KDBUS_ITEM_PAYLOAD_OFF)
			printf("  text: %.*s\n", (int)item->vec.size,
			       (const char *)base + item->vec.offset);
		else if (item->type == KDBUS_ITEM_TIMESTAMP)
			printf("  sent at %llu ns\n", (unsigned long long)
			       item->timestamp.monotonic_ns);
		pos += ALIGN8(item->size);
	}
}

static int receive_one(int fd, const uint8_t *pool)
{
	struct kdbus_cmd_recv recv = { .size = sizeof(recv) };
	struct kdbus_cmd_free release = { .size = sizeof(release) };
	struct pollfd p = { .fd = fd, .events = POLLIN };

	/* RECV never blocks; other threads may be faster: try again */
	while (ioctl(fd, KDBUS_CMD_RECV, &recv) < 0) {
		if (errno != EAGAIN || poll(&p, 1, -1) < 0)
			return -1;
	}
	print_message(pool + recv.msg.offset);
	release.offset = recv.msg.offset;
	return ioctl(fd, KDBUS_CMD_FREE, &release);
}

int main(int argc, char **argv)
{
	struct kdbus_cmd bye = { .size = sizeof(bye) };
	const uint8_t *pool;
	uint64_t id;
	int fd;

	if (argc < 2)
		return 2;
	pool = connect_to(argv[1], &fd, &id);
	if (!pool) {
		perror(argv[1]);
		return 1;
	}
	if (send_text(fd, argc > 2 ? strtoull(argv[2], NULL, 10) : id,
		      "Hello, bus!") < 0 ||
	    receive_one(fd, pool) < 0 ||
	    ioctl(fd, KDBUS_CMD_BYEBYE, &bye) < 0) {
		perror("kdbus");
		return 1;
	}
	return 0;
}
