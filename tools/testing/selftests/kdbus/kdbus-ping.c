// SPDX-License-Identifier: GPL-2.0-only
/*
 * kdbus-ping: one message to another process over a bus, and the answer
 *
 *   kdbus-ping [--bus PATH]
 *
 * The child connects, tells its id through a pipe, waits for a message and
 * sends its payload back. The parent sends the message, waits for the answer
 * and compares. Exit status 0 means that the right answer came from the right
 * connection, nothing else does.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kdbus-util.h"

#define DEFAULT_BUS	"/sys/fs/kdbus/0-system/bus"
#define TIMEOUT_MS	10000
#define COOKIE_PING	0x70696e67
#define COOKIE_PONG	0x706f6e67

static int complain(const char *what, int error)
{
	fprintf(stderr, "kdbus-ping: %s: %s\n", what, strerror(-error));
	return error;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Wait for a message; gives its sender, its cookie and its inline payload. */
static int receive(const struct kd_conn *c, uint64_t *sender, uint64_t *cookie,
		   char *text, size_t size)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv cmd;
	int r;

	r = kd_poll(c->fd, POLLIN, TIMEOUT_MS);
	if (r <= 0)
		return r < 0 ? r : -ETIMEDOUT;
	if (!(r & POLLIN))
		return -ECONNRESET;
	r = kd_recv(c, 0, 0, &cmd);
	if (r < 0)
		return r;
	msg = kd_msg(c, cmd.msg.offset);
	item = kd_item(msg, KDBUS_ITEM_PAYLOAD_OFF, 0);
	if (!item || item->vec.size > size ||
	    item->vec.offset > cmd.msg.msg_size ||
	    item->vec.size > cmd.msg.msg_size - item->vec.offset)
		return -EBADMSG;
	memcpy(text, (const uint8_t *)msg + item->vec.offset, item->vec.size);
	*sender = msg->src_id;
	*cookie = msg->cookie;
	r = kd_free(c, cmd.msg.offset);
	return r < 0 ? r : (int)item->vec.size;
}

/* The other end: answer one message with its own payload. */
static int answer(const char *bus, int announce)
{
	uint64_t sender, cookie;
	struct kd_conn c;
	char text[256];
	int r;

	r = kd_connect(&c, bus);
	if (r < 0)
		return complain(bus, r);
	if (write(announce, &c.id, sizeof(c.id)) != sizeof(c.id))
		return complain("pipe", -errno);
	r = receive(&c, &sender, &cookie, text, sizeof(text));
	if (r < 0)
		return complain("child, receive", r);
	if (cookie != COOKIE_PING)
		return complain("child, cookie", -EBADMSG);
	r = kd_send(&c, sender, COOKIE_PONG, text, r);
	if (r < 0)
		return complain("child, send", r);
	kd_close(&c);
	return 0;
}

static int ask(const char *bus, int announced)
{
	uint64_t peer, sender, cookie, start, end;
	char text[64], reply[256];
	struct kd_conn c;
	int r;

	if (read(announced, &peer, sizeof(peer)) != sizeof(peer))
		return complain("child did not connect", -EPIPE);
	r = kd_connect(&c, bus);
	if (r < 0)
		return complain(bus, r);
	snprintf(text, sizeof(text), "ping of process %d", (int)getpid());

	start = now_ns();
	r = kd_send(&c, peer, COOKIE_PING, text, strlen(text) + 1);
	if (r < 0)
		return complain("send", r);
	r = receive(&c, &sender, &cookie, reply, sizeof(reply));
	if (r < 0)
		return complain("receive", r);
	end = now_ns();

	if (sender != peer || cookie != COOKIE_PONG ||
	    r != (int)strlen(text) + 1 || memcmp(text, reply, r) != 0)
		return complain("wrong answer", -EBADMSG);
	printf("%s: %llu -> %llu -> %llu: \"%s\" came back after %llu us\n",
	       bus, (unsigned long long)c.id, (unsigned long long)peer,
	       (unsigned long long)c.id, reply,
	       (unsigned long long)(end - start) / 1000);
	kd_close(&c);
	return 0;
}

static void help(FILE *to)
{
	fprintf(to,
		"usage: kdbus-ping [--bus PATH]\n"
		"Send a message to another process over a bus and check the answer.\n"
		"  --bus PATH  endpoint to use (default %s)\n", DEFAULT_BUS);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "bus", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *bus = DEFAULT_BUS;
	int fds[2], pid, r, o;

	while ((o = getopt_long(argc, argv, "b:h", options, NULL)) != -1) {
		if (o == 'b') {
			bus = optarg;
		} else {
			help(o == 'h' ? stdout : stderr);
			return o == 'h' ? 0 : 2;
		}
	}
	if (optind < argc) {
		help(stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (pipe(fds) < 0)
		return 1;
	pid = fork();
	if (pid < 0)
		return 1;
	if (pid == 0) {
		close(fds[0]);
		_exit(answer(bus, fds[1]) < 0 ? 1 : 0);
	}
	close(fds[1]);
	r = ask(bus, fds[0]);
	if (r < 0)
		kill(pid, SIGKILL);
	if (kd_wait(pid) != 0 || r < 0)
		return 1;
	/* only an answer that was seen by somebody counts */
	return fflush(stdout) == 0 ? 0 : 1;
}
