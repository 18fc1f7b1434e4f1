// SPDX-License-Identifier: GPL-2.0-only
/*
 * kdbus-bench: what kdbus is compared with
 *
 * A call over a pair of sockets or pipes is a message and one of the same size
 * back. Streams cannot carry an empty message; there it is one byte. Without
 * epoll everything blocks in the transfer itself, which is the cheapest way.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kdbus-bench.h"

/* flags of kinds */
#define UNIX_STREAM	0x1
#define UNIX_PIPE	0x2
#define UNIX_EPOLL	0x4

/* room for the largest message in each direction, for sockets and pipes */
#define SOCKET_BUFFER	(16 * 1024 * 1024)
#define PIPE_BUFFER	(1024 * 1024)

/**
 * struct end - one end of a connection
 * @in: descriptor to read from
 * @out: descriptor to write to; the same for sockets
 * @epoll: instance that watches @in, -1 to block in the transfer
 * @stream: messages have no bounds
 * @pipe: to be used with read and write
 * @buffer: where a message is taken from and put to
 */
struct end {
	int in;
	int out;
	int epoll;
	bool stream;
	bool pipe;
	uint8_t *buffer;
};

static ssize_t transfer(const struct end *end, bool out, uint8_t *data,
			size_t len)
{
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (end->pipe)
		return out ? write(end->out, data, len) :
			     read(end->in, data, len);
	return out ? sendmsg(end->out, &msg, MSG_NOSIGNAL) :
		     recvmsg(end->in, &msg, 0);
}

/* No memory for so large a message: there is no such row. */
static int hopeless(int error)
{
	if (error == EMSGSIZE || error == ENOBUFS || error == ENOMEM)
		return -EOPNOTSUPP;
	return -error;
}

static int put(const struct end *end, size_t len)
{
	size_t done = 0;

	do {
		ssize_t n = transfer(end, true, end->buffer + done, len - done);

		if (n < 0)
			return hopeless(errno);
		if (!end->stream && (size_t)n != len)
			return -EMSGSIZE;
		done += n;
	} while (done < len);
	return 0;
}

/* -EOPNOTSUPP for an empty message instead of the one that is expected */
static int get(const struct end *end, size_t len)
{
	size_t done = 0;
	int r;

	do {
		ssize_t n;

		if (end->epoll >= 0) {
			r = bench_epoll_wait(end->epoll);
			if (r < 0)
				return r;
		}
		n = transfer(end, false, end->buffer + done, len - done);
		if (n < 0)
			return -errno;
		if (n == 0 && len)
			return end->stream ? -EPIPE : -EOPNOTSUPP;
		if (!end->stream && (size_t)n != len)
			return -EBADMSG;
		done += n;
	} while (done < len);
	return 0;
}

static size_t length(const struct end *end, const struct bench_row *row)
{
	return end->stream && !row->payload ? 1 : row->payload;
}

static void end_free(struct end *end)
{
	if (end->epoll >= 0)
		close(end->epoll);
	if (end->in >= 0)
		close(end->in);
	if (end->out >= 0 && end->out != end->in)
		close(end->out);
	free(end->buffer);
}

static int end_init(struct end *end, const struct bench_row *row, int in,
		    int out)
{
	end->in = in;
	end->out = out;
	end->stream = row->kind->flags & (UNIX_STREAM | UNIX_PIPE);
	end->pipe = row->kind->flags & UNIX_PIPE;
	end->epoll = -1;
	end->buffer = bench_payload(length(end, row));
	if (row->kind->flags & UNIX_EPOLL) {
		end->epoll = bench_epoll(in);
		if (end->epoll < 0)
			return end->epoll;
	}
	return 0;
}

static int make_sockets(int type, int fds[2])
{
	const int size = SOCKET_BUFFER;
	int i;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	for (i = 0; i < 2; i++) {
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size,
			       sizeof(size)) < 0 ||
		    setsockopt(fds[i], SOL_SOCKET, SO_RCVBUFFORCE, &size,
			       sizeof(size)) < 0)
			return -errno;
	}
	return 0;
}

static int make_pipes(int mine[2], int theirs[2])
{
	int there[2], back[2];

	if (pipe2(there, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0 ||
	    fcntl(there[1], F_SETPIPE_SZ, PIPE_BUFFER) < 0 ||
	    fcntl(back[1], F_SETPIPE_SZ, PIPE_BUFFER) < 0)
		return -errno;
	mine[0] = back[0];
	mine[1] = there[1];
	theirs[0] = there[0];
	theirs[1] = back[1];
	return 0;
}

/* The descriptors of both ends: to read from, to write to. */
static int make_pair(const struct bench_row *row, int mine[2], int theirs[2])
{
	int fds[2], r;

	if (row->kind->flags & UNIX_PIPE)
		return make_pipes(mine, theirs);
	r = make_sockets(row->kind->flags & UNIX_STREAM ? SOCK_STREAM :
							  SOCK_SEQPACKET, fds);
	if (r < 0)
		return r;
	mine[0] = fds[0];
	mine[1] = fds[0];
	theirs[0] = fds[1];
	theirs[1] = fds[1];
	return 0;
}

/* ---- calls ---- */

/* The peer: send back whatever comes. */
static void answer(struct bench_row *row, struct end *end)
{
	size_t len = length(end, row);
	int r;

	bench_ready(row, 0, 0);
	for (;;) {
		row->sequence++;
		r = get(end, len);
		if (r < 0)
			bench_die(row->name, r);
		if (!bench_check(row, end->buffer, len))
			bench_die(row->name, -EBADMSG);
		r = put(end, len);
		if (r == -EOPNOTSUPP)
			r = put(end, 0);
		if (r < 0)
			bench_die(row->name, r);
	}
}

static int setup_call(struct bench_row *row)
{
	int mine[2] = { -1, -1 }, theirs[2] = { -1, -1 }, r;
	struct end *end, peer;
	uint64_t id;

	r = make_pair(row, mine, theirs);
	if (r < 0)
		return r;
	r = bench_spawn(row);
	if (r < 0)
		return r;
	if (r == 0) {
		r = end_init(&peer, row, theirs[0], theirs[1]);
		if (r < 0)
			bench_die(row->name, r);
		answer(row, &peer);
	}
	close(theirs[0]);
	if (theirs[1] != theirs[0])
		close(theirs[1]);
	end = calloc(1, sizeof(*end));
	if (!end)
		return -ENOMEM;
	row->state = end;
	r = end_init(end, row, mine[0], mine[1]);
	return r < 0 ? r : bench_await(row, &id);
}

static int run_call(struct bench_row *row)
{
	struct end *end = row->state;
	size_t len = length(end, row);
	int r;

	bench_stamp(row, end->buffer, len);
	r = put(end, len);
	if (r < 0)
		return r;
	r = get(end, len);
	if (r < 0)
		return r;
	return bench_check(row, end->buffer, len) ? 0 : -EBADMSG;
}

static void teardown_call(struct bench_row *row)
{
	end_free(row->state);
	free(row->state);
}

/* ---- one message to many ---- */

/**
 * struct fanout - the sender's side
 * @gate: where the receivers tell that they have got it
 * @ends: one connection to each
 * @n: how many
 */
struct fanout {
	struct bench_gate gate;
	struct end *ends;
	unsigned int n;
};

static void listen_to(struct bench_row *row, struct fanout *fanout, int fd)
{
	struct end end;
	int r;

	r = end_init(&end, row, fd, fd);
	if (r < 0)
		bench_die(row->name, r);
	bench_ready(row, 0, 0);
	for (;;) {
		row->sequence++;
		r = get(&end, row->payload);
		if (r < 0)
			bench_die(row->name, r);
		if (!bench_check(row, end.buffer, row->payload))
			bench_die(row->name, -EBADMSG);
		r = bench_gate_pass(&fanout->gate);
		if (r < 0)
			bench_die(row->name, r);
	}
}

static int setup_fanout(struct bench_row *row)
{
	struct fanout *fanout = calloc(1, sizeof(*fanout));
	int fds[2], r;
	uint64_t id;

	if (!fanout)
		return -ENOMEM;
	row->state = fanout;
	fanout->ends = calloc(row->number, sizeof(*fanout->ends));
	r = bench_gate_init(&fanout->gate);
	if (r < 0 || !fanout->ends)
		return r ?: -ENOMEM;
	while (fanout->n < row->number) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			       fds) < 0)
			return -errno;
		r = bench_spawn(row);
		if (r < 0)
			return r;
		if (r == 0)
			listen_to(row, fanout, fds[1]);
		close(fds[1]);
		r = end_init(&fanout->ends[fanout->n++], row, fds[0], fds[0]);
		if (r < 0)
			return r;
		r = bench_await(row, &id);
		if (r < 0)
			return r;
	}
	return 0;
}

static int run_fanout(struct bench_row *row)
{
	struct fanout *fanout = row->state;
	unsigned int i;
	int r;

	bench_gate_close(&fanout->gate, fanout->n);
	for (i = 0; i < fanout->n; i++) {
		bench_stamp(row, fanout->ends[i].buffer, row->payload);
		r = put(&fanout->ends[i], row->payload);
		if (r < 0)
			return r;
	}
	return bench_gate_wait(&fanout->gate);
}

static void teardown_fanout(struct bench_row *row)
{
	struct fanout *fanout = row->state;

	while (fanout->n)
		end_free(&fanout->ends[--fanout->n]);
	bench_gate_destroy(&fanout->gate);
	free(fanout->ends);
	free(fanout);
}

#define CALL(_name, _flags, _about) {					\
	.name = _name,							\
	.about = _about,						\
	.scale = BENCH_PAYLOAD,						\
	.flags = _flags,						\
	.setup = setup_call,						\
	.run = run_call,						\
	.teardown = teardown_call,					\
}

const struct bench_kind bench_unix_kinds[] = {
	CALL("seqpacket", 0,
	     "AF_UNIX SOCK_SEQPACKET: sendmsg, recvmsg; back the same way"),
	CALL("seqpacket-epoll", UNIX_EPOLL,
	     "the same with epoll_wait before each recvmsg"),
	CALL("stream", UNIX_STREAM,
	     "AF_UNIX SOCK_STREAM: likewise, blocking; 1 byte for none"),
	CALL("pipe", UNIX_PIPE,
	     "two pipes: write, read; back the same way; 1 byte for none"),
	{
		.name = "seqpacket-fanout",
		.about = "sendmsg 64 bytes to each one; each: recvmsg, tell",
		.scale = BENCH_RECEIVERS,
		.setup = setup_fanout,
		.run = run_fanout,
		.teardown = teardown_fanout,
	},
	{}
};
