// SPDX-License-Identifier: GPL-2.0-only
/*
 * kdbus-bench: kdbus
 *
 * Every row has a bus of its own. A call is a message that expects a reply,
 * and a reply with as much payload; the service waits with epoll, then RECV,
 * SEND, FREE. A message to many is a broadcast signal.
 *
 * Memory files travel in both directions, too. Their receiver closes them; he
 * maps them only where he reads the payload (first operation, --sum).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kdbus-bench.h"
#include "kdbus-util.h"

/* flags of kinds */
#define BUS_ASYNC		0x1	/* the caller waits with epoll */
#define BUS_BY_NAME		0x2	/* calls go to a name */
#define BUS_MEMFD		0x4	/* payload in a memory file */
#define BUS_MEMFD_NEW		0x8	/* in a new one each time */
#define BUS_CROWDED		0x10	/* names and matches of others */
#define BUS_MASK		0x20	/* matches, none of which fits */
#define BUS_POLICY		0x40	/* two users, and a policy that decides */

#define SERVICE			"org.kdbus.bench.Service"
#define CALLER			"org.kdbus.bench.Caller"
/* with BUS_POLICY, who runs the service and is no owner of the bus */
#define USER			1000

/* a quota of one third of half a pool must hold the largest message */
#define POOL(_payload)		(8ULL * (_payload) + KD_POOL)

#define BLOOM_SIZE		64
#define N_HASH			8
/* what all filters and masks have in common, in their first word */
#define INTERFACE		0x0101010101010101ULL
/* what signals are about beside that, none of which is a topic of a match */
#define SIGNAL_TOPIC		1000000
#define SIGNAL_BITS		(4 * N_HASH)
#define CROWD_NAMES		1000
#define CROWD_NAMES_EACH	250
#define CROWD_MATCHES		10000
#define CROWD_MATCHES_EACH	2500

#define ATTACH_MOST	(KDBUS_ATTACH_CREDS | KDBUS_ATTACH_PIDS | \
			 KDBUS_ATTACH_NAMES | KDBUS_ATTACH_TID_COMM | \
			 KDBUS_ATTACH_PID_COMM | KDBUS_ATTACH_EXE | \
			 KDBUS_ATTACH_CMDLINE | KDBUS_ATTACH_CGROUP | \
			 KDBUS_ATTACH_CAPS | KDBUS_ATTACH_TIMESTAMP)

/* one for all buses, made when the first of them is */
static char domain[64];

/**
 * struct side - a connection and the message it sends
 * @conn: connection
 * @epoll: instance that watches it
 * @msg: the message, whose cookie changes
 * @item: its PAYLOAD_MEMFD item, if it has one
 * @payload: its payload
 * @memfd: memory file with the payload, -1 if there is none
 */
struct side {
	struct kd_conn conn;
	int epoll;
	struct kd_block msg;
	struct kdbus_item *item;
	uint8_t *payload;
	int memfd;
};

/**
 * struct bus - a bus, the side that measures, and connections beside it
 * @path: endpoint
 * @control: descriptor that keeps the bus alive
 * @side: connection that measures
 * @gate: where receivers tell that they have got it
 * @others: descriptors of further connections
 * @n_others: how many
 */
struct bus {
	char path[KD_PATH_MAX];
	int control;
	struct side side;
	struct bench_gate gate;
	int *others;
	unsigned int n_others;
};

static int domain_init(void)
{
	int r;

	if (*domain)
		return 0;
	r = kd_namespace();
	return r < 0 ? r : kd_mount(domain, sizeof(domain));
}

/* ---- set-up ---- */

static int bus_init(struct bench_row *row)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	char suffix[64], name[80];
	int r;

	if (!bus)
		return -ENOMEM;
	bus->control = -1;
	bus->side.conn.fd = -1;
	bus->side.epoll = -1;
	bus->side.memfd = -1;
	bus->gate.event = -1;
	row->state = bus;

	r = domain_init();
	if (r < 0)
		return r;
	snprintf(suffix, sizeof(suffix), "%s", row->name);
	kd_name(name, sizeof(name), suffix);
	r = kd_bus_make(domain, name, KDBUS_MAKE_ACCESS_WORLD);
	if (r < 0)
		return r;
	bus->control = r;
	snprintf(bus->path, sizeof(bus->path), "%s/%s/bus", domain, name);
	return 0;
}

static void side_free(struct side *side)
{
	if (side->epoll >= 0)
		close(side->epoll);
	if (side->memfd >= 0)
		close(side->memfd);
	kd_close(&side->conn);
	free(side->payload);
}

static void bus_teardown(struct bench_row *row)
{
	struct bus *bus = row->state;

	while (bus->n_others)
		close(bus->others[--bus->n_others]);
	free(bus->others);
	side_free(&bus->side);
	bench_gate_destroy(&bus->gate);
	if (bus->control >= 0)
		close(bus->control);
	free(bus);
}

static int name_acquire(int fd, const char *name)
{
	struct kd_block b;

	kd_start(&b, sizeof(b.cmd));
	kd_add_str(&b, KDBUS_ITEM_NAME, name);
	return kd_ioctl(fd, KDBUS_CMD_NAME_ACQUIRE, &b);
}

/* Set some bits behind the first word, as a hash would. */
static void bloom_add(uint64_t *bloom, uint32_t seed, unsigned int n)
{
	unsigned int bit;

	while (n--) {
		seed = seed * 1664525 + 1013904223;
		bit = 64 + (seed >> 8) % ((BLOOM_SIZE - 8) * 8);
		bloom[bit / 64] |= 1ULL << bit % 64;
	}
}

/*
 * Subscribe to signals about the interface, and with a topic to those alone
 * that are about it, too. A topic 0 is none.
 */
static int match_add(int fd, uint64_t cookie, uint32_t topic)
{
	uint64_t mask[BLOOM_SIZE / 8] = { INTERFACE };
	struct kdbus_cmd_match *cmd;
	struct kd_block b;

	if (topic)
		bloom_add(mask, topic, N_HASH);
	kd_start(&b, sizeof(*cmd));
	cmd = (struct kdbus_cmd_match *)b.raw;
	cmd->cookie = cookie;
	kd_add(&b, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	return kd_ioctl(fd, KDBUS_CMD_MATCH_ADD, &b);
}

static int side_connect(struct side *side, const struct bus *bus,
			const struct bench_row *row)
{
	uint64_t size = POOL(row->payload);
	int r;

	side->memfd = -1;
	side->epoll = -1;
	size = (size + getpagesize() - 1) / getpagesize() * getpagesize();
	r = kd_hello(&side->conn, bus->path, KDBUS_HELLO_ACCEPT_FD,
		     row->kind->attach, size);
	if (r < 0)
		return r;
	side->epoll = bench_epoll(side->conn.fd);
	return side->epoll < 0 ? side->epoll : 0;
}

/* A sealed memory file with the payload. */
static int memfd_new(const uint8_t *payload, size_t len)
{
	size_t done = 0;
	ssize_t n;
	int fd;

	fd = memfd_create("kdbus-bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	for (; done < len; done += n) {
		n = write(fd, payload + done, len - done);
		if (n < 0)
			goto error;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
				   F_SEAL_WRITE) == 0)
		return fd;
error:
	n = -errno;
	close(fd);
	return n;
}

/* The payload of all messages of a side, as items of its message. */
static int side_payload(struct side *side, const struct bench_row *row)
{
	struct kdbus_memfd memfd = { .size = row->payload };
	size_t done, n;

	side->payload = bench_payload(row->payload);
	if (row->kind->flags & BUS_MEMFD) {
		memfd.fd = memfd_new(side->payload, row->payload);
		if (memfd.fd < 0)
			return memfd.fd;
		side->memfd = memfd.fd;
		side->item = kd_add(&side->msg, KDBUS_ITEM_PAYLOAD_MEMFD,
				    &memfd, sizeof(memfd));
		return 0;
	}
	for (done = 0; done < row->payload; done += n) {
		n = row->payload - done;
		if (n > KD_VEC_MAX)
			n = KD_VEC_MAX;
		kd_msg_vec(&side->msg, side->payload + done, n);
	}
	return 0;
}

/* Before a message is sent: its number, and a file that nobody has seen. */
static int side_prepare(struct side *side, const struct bench_row *row)
{
	side->msg.msg.cookie = row->sequence;
	if (!(row->kind->flags & BUS_MEMFD)) {
		bench_stamp(row, side->payload, row->payload);
		return 0;
	}
	if (!(row->kind->flags & BUS_MEMFD_NEW))
		return 0;
	close(side->memfd);
	side->memfd = memfd_new(side->payload, row->payload);
	side->item->memfd.fd = side->memfd;
	return side->memfd < 0 ? side->memfd : 0;
}

/* ---- what was received ---- */

static int check_memfd(const struct bench_row *row,
		       const struct kdbus_memfd *memfd)
{
	int r = 0;
	void *map;

	if (memfd->fd < 0 || memfd->size != row->payload || memfd->start)
		return -EBADMSG;
	if (bench_reads(row)) {
		map = mmap(NULL, memfd->size, PROT_READ, MAP_PRIVATE, memfd->fd,
			   0);
		if (map == MAP_FAILED)
			return -errno;
		if (!bench_check_body(row, map, memfd->size))
			r = -EBADMSG;
		munmap(map, memfd->size);
	}
	close(memfd->fd);
	return r;
}

/* The kinds of metadata a message carries. */
static uint64_t attached(const struct kdbus_msg *msg, uint64_t wanted)
{
	uint64_t found = 0;
	unsigned int i;

	for (i = 0; i < 14; i++)
		if (wanted & (1ULL << i) &&
		    kd_item(msg, _KDBUS_ITEM_ATTACH_BASE + i, 0))
			found |= 1ULL << i;
	return found;
}

static int check_inline(const struct bench_row *row, const struct kdbus_msg *msg,
			uint64_t size)
{
	const struct kdbus_item *first, *item;
	uint64_t len = 0;
	unsigned int i;

	first = kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 0);
	for (i = 0; (item = kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, i)); i++) {
		if (item->vec.offset != first->vec.offset + len)
			return -EBADMSG;
		len += item->vec.size;
	}
	if (len != row->payload)
		return -EBADMSG;
	if (!len)
		return 0;
	if (first->vec.offset > size || len > size - first->vec.offset)
		return -EBADMSG;
	return bench_check(row, (const uint8_t *)msg + first->vec.offset, len) ?
	       0 : -EBADMSG;
}

/*
 * Is it the message that has to come now? In the first operation, does it have
 * the metadata that was asked for? Where a kind may be absent for other
 * reasons, nothing is concluded from that.
 */
static int check(const struct bench_row *row, const struct kd_conn *conn,
		 const struct kdbus_msg_info *info)
{
	const struct kdbus_msg *msg = kd_msg(conn, info->offset);
	const struct kdbus_item *item;
	uint64_t wanted = row->kind->attach & ATTACH_MOST;

	if (msg->cookie != row->sequence || info->return_flags)
		return -EBADMSG;
	if (row->sequence == 1 && attached(msg, wanted) != wanted)
		return -EOPNOTSUPP;
	if (!(row->kind->flags & BUS_MEMFD))
		return check_inline(row, msg, info->msg_size);
	item = kd_item(msg, KDBUS_ITEM_PAYLOAD_MEMFD, 0);
	return item ? check_memfd(row, &item->memfd) : -EBADMSG;
}

/* ---- calls ---- */

/* The service answers one call. */
static int serve_one(struct bench_row *row, struct side *side)
{
	struct kdbus_cmd_recv recv;
	const struct kdbus_msg *msg;
	int r;

	row->sequence++;
	r = bench_epoll_wait(side->epoll);
	if (r < 0)
		return r;
	r = kd_recv(&side->conn, 0, 0, &recv);
	if (r < 0)
		return r;
	/* missing metadata is the caller's to notice */
	r = check(row, &side->conn, &recv.msg);
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	r = side_prepare(side, row);
	if (r < 0)
		return r;
	msg = kd_msg(&side->conn, recv.msg.offset);
	side->msg.msg.dst_id = msg->src_id;
	side->msg.msg.cookie_reply = msg->cookie;
	r = kd_msg_send(&side->conn, &side->msg);
	if (r < 0)
		return r;
	return kd_free(&side->conn, recv.msg.offset);
}

static void serve(struct bench_row *row, const struct bus *bus)
{
	static struct side side;
	int r;

	if (row->kind->flags & BUS_POLICY) {
		r = kd_set_user(USER);
		if (r < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
			bench_die(row->name, r ?: -errno);
	}
	r = side_connect(&side, bus, row);
	if (r == 0) {
		kd_msg_start(&side.msg, 0);
		r = side_payload(&side, row);
	}
	if (r == 0 && (row->kind->flags & BUS_BY_NAME ||
		       row->kind->attach & KDBUS_ATTACH_NAMES))
		r = name_acquire(side.conn.fd, SERVICE);
	bench_ready(row, r, side.conn.id);
	while (r == 0)
		r = serve_one(row, &side);
	bench_die(row->name, r);
}

/* Keep a descriptor as long as the bus; gives the descriptor. */
static int bus_keep(struct bus *bus, int fd)
{
	int *others;

	if (fd < 0)
		return fd;
	others = realloc(bus->others, (bus->n_others + 1) * sizeof(*others));
	if (!others)
		return -ENOMEM;
	bus->others = others;
	bus->others[bus->n_others++] = fd;
	return fd;
}

/* Another connection, without pool to speak of. */
static int bus_other(struct bus *bus)
{
	return bus_keep(bus, kd_hello_only(bus->path));
}

/* The service's user may own its name, everybody may talk to it. */
static int bus_policy(struct bus *bus)
{
	const struct kdbus_policy_access own = {
		.type = KDBUS_POLICY_ACCESS_USER,
		.access = KDBUS_POLICY_OWN,
		.id = USER,
	};
	const struct kdbus_policy_access talk = {
		.type = KDBUS_POLICY_ACCESS_WORLD,
		.access = KDBUS_POLICY_TALK,
	};
	struct kd_block b;
	int fd;

	fd = bus_keep(bus, open(bus->path, O_RDWR | O_CLOEXEC));
	if (fd < 0)
		return fd == -1 ? -errno : fd;
	kd_hello_start(&b, getpagesize());
	b.hello.flags = KDBUS_HELLO_POLICY_HOLDER;
	kd_add_str(&b, KDBUS_ITEM_NAME, SERVICE);
	kd_add(&b, KDBUS_ITEM_POLICY_ACCESS, &own, sizeof(own));
	kd_add(&b, KDBUS_ITEM_POLICY_ACCESS, &talk, sizeof(talk));
	return kd_ioctl(fd, KDBUS_CMD_HELLO, &b);
}

/* Connect as somebody who is not owner of the bus, whoever is root then. */
static int connect_as_user(struct side *side, const struct bus *bus,
			   const struct bench_row *row)
{
	int r;

	if (seteuid(USER) < 0)
		return -errno;
	r = side_connect(side, bus, row);
	return seteuid(0) < 0 ? -errno : r;
}

/* Names, and matches all of which differ, of connections that do nothing. */
static int bus_crowd(struct bus *bus)
{
	unsigned int i;
	char name[64];
	int fd = -1, r;

	for (i = 0; i < CROWD_NAMES; i++) {
		if (i % CROWD_NAMES_EACH == 0)
			fd = bus_other(bus);
		if (fd < 0)
			return fd;
		snprintf(name, sizeof(name), "org.kdbus.bench.crowd.n%u", i);
		r = name_acquire(fd, name);
		if (r < 0)
			return r;
	}
	for (i = 0; i < CROWD_MATCHES; i++) {
		if (i % CROWD_MATCHES_EACH == 0)
			fd = bus_other(bus);
		if (fd < 0)
			return fd;
		r = match_add(fd, i, i + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The message of the caller: to the service, with a deadline far away. */
static int prepare_call(struct bench_row *row, struct side *side, uint64_t id)
{
	bool by_name = row->kind->flags & BUS_BY_NAME;

	kd_call_start(&side->msg, by_name ? KDBUS_DST_ID_NAME : id, 0, KD_FAR);
	if (by_name)
		kd_add_str(&side->msg, KDBUS_ITEM_DST_NAME, SERVICE);
	return side_payload(side, row);
}

static int setup_call(struct bench_row *row)
{
	struct side *side;
	struct bus *bus;
	uint64_t id;
	int r;

	r = bus_init(row);
	if (r < 0)
		return r;
	bus = row->state;
	if (row->kind->flags & BUS_CROWDED)
		r = bus_crowd(bus);
	if (row->kind->flags & BUS_POLICY)
		r = bus_policy(bus);
	if (r < 0)
		return r;
	r = bench_spawn(row);
	if (r < 0)
		return r;
	if (r == 0)
		serve(row, bus);
	side = &bus->side;
	if (row->kind->flags & BUS_POLICY)
		r = connect_as_user(side, bus, row);
	else
		r = side_connect(side, bus, row);
	if (r == 0)
		r = bench_await(row, &id);
	if (r == 0 && row->kind->attach & KDBUS_ATTACH_NAMES)
		r = name_acquire(side->conn.fd, CALLER);
	return r < 0 ? r : prepare_call(row, side, id);
}

/* The reply to a call that has been sent without waiting for it. */
static int wait_for_reply(struct side *side, struct kdbus_msg_info *info)
{
	struct kdbus_cmd_recv recv;
	int r;

	r = bench_epoll_wait(side->epoll);
	if (r < 0)
		return r;
	r = kd_recv(&side->conn, 0, 0, &recv);
	*info = recv.msg;
	return r;
}

static int run_call(struct bench_row *row)
{
	struct side *side = &((struct bus *)row->state)->side;
	struct kdbus_cmd_send send = {
		.size = sizeof(send),
		.flags = KDBUS_SEND_SYNC_REPLY,
		.msg_address = (uintptr_t)&side->msg,
	};
	int r;

	r = side_prepare(side, row);
	if (r < 0)
		return r;
	if (row->kind->flags & BUS_ASYNC)
		send.flags = 0;
	r = kd_ioctl(side->conn.fd, KDBUS_CMD_SEND, &send);
	if (r < 0)
		return r;
	if (row->kind->flags & BUS_ASYNC) {
		r = wait_for_reply(side, &send.reply);
		if (r < 0)
			return r;
	}
	if (kd_msg(&side->conn, send.reply.offset)->cookie_reply !=
	    row->sequence)
		return -EBADMSG;
	r = check(row, &side->conn, &send.reply);
	if (r < 0)
		return r;
	return kd_free(&side->conn, send.reply.offset);
}

/* ---- one message to many ---- */

static void prepare_signal(struct side *side)
{
	uint64_t filter[1 + BLOOM_SIZE / 8] = { 0, INTERFACE };

	bloom_add(filter + 1, SIGNAL_TOPIC, SIGNAL_BITS);
	kd_msg_start(&side->msg, KDBUS_DST_ID_BROADCAST);
	side->msg.msg.flags = KDBUS_MSG_SIGNAL;
	kd_add(&side->msg, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
}

static void listen_to(struct bench_row *row, struct bus *bus)
{
	static struct side side;
	struct kdbus_cmd_recv recv;
	int r;

	r = side_connect(&side, bus, row);
	if (r == 0)
		r = match_add(side.conn.fd, 1, 0);
	bench_ready(row, r, side.conn.id);
	while (r == 0) {
		row->sequence++;
		r = bench_epoll_wait(side.epoll);
		if (r == 0)
			r = kd_recv(&side.conn, 0, 0, &recv);
		if (r == 0)
			r = check(row, &side.conn, &recv.msg);
		if (r == 0)
			r = kd_free(&side.conn, recv.msg.offset);
		if (r == 0)
			r = bench_gate_pass(&bus->gate);
	}
	bench_die(row->name, r);
}

static int setup_broadcast(struct bench_row *row)
{
	struct bus *bus;
	unsigned int i;
	uint64_t id;
	int r;

	r = bus_init(row);
	if (r < 0)
		return r;
	bus = row->state;
	r = bench_gate_init(&bus->gate);
	for (i = 0; r >= 0 && i < row->number; i++) {
		r = bench_spawn(row);
		if (r == 0)
			listen_to(row, bus);
		if (r > 0)
			r = bench_await(row, &id);
	}
	if (r == 0)
		r = side_connect(&bus->side, bus, row);
	if (r < 0)
		return r;
	prepare_signal(&bus->side);
	return side_payload(&bus->side, row);
}

static int send_signal(struct bench_row *row)
{
	struct bus *bus = row->state;
	int r = side_prepare(&bus->side, row);

	return r < 0 ? r : kd_msg_send(&bus->side.conn, &bus->side.msg);
}

static int run_broadcast(struct bench_row *row)
{
	struct bus *bus = row->state;
	int r;

	bench_gate_close(&bus->gate, row->number);
	r = send_signal(row);
	return r < 0 ? r : bench_gate_wait(&bus->gate);
}

/* Connections that get nothing: without a match, or with one of their own. */
static int setup_unmatched(struct bench_row *row)
{
	struct bus *bus;
	unsigned int i;
	int r;

	r = bus_init(row);
	if (r < 0)
		return r;
	bus = row->state;
	for (i = 0; i < row->number; i++) {
		r = bus_other(bus);
		if (r >= 0 && row->kind->flags & BUS_MASK)
			r = match_add(r, 1, i + 1);
		if (r < 0)
			return r;
	}
	r = side_connect(&bus->side, bus, row);
	if (r < 0)
		return r;
	prepare_signal(&bus->side);
	return side_payload(&bus->side, row);
}

/* ---- questions ---- */

static int setup_lookup(struct bench_row *row)
{
	struct bus *bus;
	int r;

	r = bus_init(row);
	if (r < 0)
		return r;
	bus = row->state;
	r = side_connect(&bus->side, bus, row);
	if (r < 0)
		return r;
	r = name_acquire(bus->side.conn.fd, SERVICE);
	if (r < 0)
		return r;
	kd_start(&bus->side.msg, sizeof(struct kdbus_cmd_info));
	kd_add_str(&bus->side.msg, KDBUS_ITEM_NAME, SERVICE);
	return 0;
}

static int run_lookup(struct bench_row *row)
{
	struct bus *bus = row->state;
	struct kdbus_cmd_info *cmd = (void *)bus->side.msg.raw;
	const struct kdbus_info *info;
	int r;

	r = kd_ioctl(bus->side.conn.fd, KDBUS_CMD_CONN_INFO, cmd);
	if (r < 0)
		return r;
	info = (const void *)kd_msg(&bus->side.conn, cmd->offset);
	if (info->id != bus->side.conn.id || info->size != cmd->info_size)
		return -EBADMSG;
	return kd_free(&bus->side.conn, cmd->offset);
}

/* ---- the rows ---- */

#define CALL(_name, _flags, _least, _attach, _about) {			\
	.name = _name,							\
	.about = _about,						\
	.scale = BENCH_PAYLOAD,						\
	.least = _least,						\
	.flags = _flags,						\
	.attach = _attach,						\
	.setup = setup_call,						\
	.run = run_call,						\
	.teardown = bus_teardown,					\
}

#define METADATA(_name, _attach) {					\
	.name = "kdbus-meta-" _name,					\
	.about = "kdbus-sync, each side gets the other's " _name,	\
	.scale = BENCH_FIXED,						\
	.attach = _attach,						\
	.setup = setup_call,						\
	.run = run_call,						\
	.teardown = bus_teardown,					\
}

#define UNMATCHED(_name, _flags, _about) {				\
	.name = _name,							\
	.about = _about,						\
	.scale = BENCH_CONNECTIONS,					\
	.flags = _flags,						\
	.setup = setup_unmatched,					\
	.run = send_signal,						\
	.teardown = bus_teardown,					\
}

const struct bench_kind bench_bus_kinds[] = {
	CALL("kdbus-sync", 0, 0, 0,
	     "SEND and wait, FREE; service: epoll_wait, RECV, SEND, FREE"),
	CALL("kdbus-async", BUS_ASYNC, 0, 0,
	     "SEND, epoll_wait, RECV, FREE; service as before"),
	CALL("kdbus-name", BUS_BY_NAME, 0, 0,
	     "kdbus-sync, addressed to a well-known name"),
	CALL("kdbus-full", BUS_BY_NAME | BUS_POLICY, 0, KDBUS_ATTACH_CREDS,
	     "kdbus-name, allowed by policy; each gets the other's creds"),
	CALL("kdbus-memfd-new", BUS_MEMFD | BUS_MEMFD_NEW, 1, 0,
	     "kdbus-sync, payload in a memfd made, filled, sealed each time"),
	CALL("kdbus-memfd-reused", BUS_MEMFD, 1, 0,
	     "kdbus-sync, payload in a sealed memfd, always the same one"),
	{
		.name = "kdbus-crowded",
		.about = "kdbus-name amid 1000 names, 10000 different matches",
		.scale = BENCH_FIXED,
		.flags = BUS_BY_NAME | BUS_CROWDED,
		.setup = setup_call,
		.run = run_call,
		.teardown = bus_teardown,
	}, {
		.name = "kdbus-lookup",
		.about = "who owns a name: CONN_INFO, FREE",
		.scale = BENCH_FIXED,
		.setup = setup_lookup,
		.run = run_lookup,
		.teardown = bus_teardown,
	},
	METADATA("timestamp", KDBUS_ATTACH_TIMESTAMP),
	METADATA("creds", KDBUS_ATTACH_CREDS),
	METADATA("pids", KDBUS_ATTACH_PIDS),
	METADATA("names", KDBUS_ATTACH_NAMES),
	METADATA("exe", KDBUS_ATTACH_EXE),
	METADATA("cgroup", KDBUS_ATTACH_CGROUP),
	METADATA("all", _KDBUS_ATTACH_ALL),
	{
		.name = "kdbus-broadcast",
		.about = "SEND 64 bytes; each one: epoll_wait, RECV, FREE, tell",
		.scale = BENCH_RECEIVERS,
		.setup = setup_broadcast,
		.run = run_broadcast,
		.teardown = bus_teardown,
	},
	UNMATCHED("kdbus-idle", 0,
		  "SEND 64 bytes as a signal; nobody has a match"),
	UNMATCHED("kdbus-unmatched", BUS_MASK,
		  "the same; each has a match that has half of its bits"),
	{}
};
