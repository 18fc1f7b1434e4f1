// SPDX-License-Identifier: GPL-2.0-only
/*
 * kdbus-bench: payload, and the processes at the other end
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kdbus-bench.h"

/* what a peer says when it is there */
struct greeting {
	int32_t error;
	uint32_t unused;
	uint64_t id;
};

static uint8_t pattern(size_t at)
{
	return at * 7 + (at >> 8);
}

/* Memory whose pages are all there, with bytes that tell where they stand. */
uint8_t *bench_payload(size_t len)
{
	uint8_t *data = malloc(len + sizeof(uint64_t));
	size_t i;

	if (!data)
		bench_die("payload", -ENOMEM);
	for (i = 0; i < len; i++)
		data[i] = pattern(i);
	return data;
}

/* Sum over all but the stamp. */
uint64_t bench_sum(const uint8_t *data, size_t len)
{
	size_t i = sizeof(uint64_t);
	uint64_t sum = 0, word;

	for (; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		sum += word;
	}
	for (; i < len; i++)
		sum += data[i];
	return sum;
}

/* Which operation a payload belongs to; no room for it in less than 8 bytes. */
void bench_stamp(const struct bench_row *row, uint8_t *data, size_t len)
{
	if (len >= sizeof(row->sequence))
		memcpy(data, &row->sequence, sizeof(row->sequence));
}

/* Is all of the payload read in this operation? */
bool bench_reads(const struct bench_row *row)
{
	return bench_options.sum || row->sequence == 1;
}

/* The first operation compares every byte, the others sum up or do nothing. */
bool bench_check_body(const struct bench_row *row, const uint8_t *data,
		      size_t len)
{
	size_t i;

	if (row->sequence == 1) {
		for (i = sizeof(uint64_t); i < len; i++)
			if (data[i] != pattern(i))
				return false;
	}
	return !bench_options.sum || bench_sum(data, len) == row->sum;
}

bool bench_check(const struct bench_row *row, const uint8_t *data, size_t len)
{
	if (len >= sizeof(row->sequence) &&
	    memcmp(data, &row->sequence, sizeof(row->sequence)) != 0)
		return false;
	return !bench_reads(row) || bench_check_body(row, data, len);
}

/* Stay on a CPU: the first one to measure, the second one (1) for peers. */
int bench_pin(unsigned int which)
{
	static cpu_set_t all;
	unsigned int cpu;
	cpu_set_t one;

	if (!bench_options.cpus)
		return 0;
	if (!CPU_COUNT(&all) && sched_getaffinity(0, sizeof(all), &all) < 0)
		return -errno;
	if (bench_options.cpus == 1)
		which = 0;
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && which-- == 0)
			break;
	if (cpu == CPU_SETSIZE)
		return -ENXIO;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) < 0 ? -errno : 0;
}

void bench_die(const char *what, int error)
{
	fprintf(stderr, "kdbus-bench: %s: %s\n", what, strerror(-error));
	_exit(1);
}

static void give_up(int sig)
{
	static const char gone[] = "kdbus-bench: a peer has gone\n";
	static const char lost[] = "kdbus-bench: a message was lost\n";
	ssize_t n;

	if (sig == SIGCHLD)
		n = write(STDERR_FILENO, gone, sizeof(gone) - 1);
	else
		n = write(STDERR_FILENO, lost, sizeof(lost) - 1);
	_exit(n < 0 ? 3 : 1);
}

/* Nothing waits for ever for a peer that is dead or has nothing to say. */
void bench_watch(void)
{
	signal(SIGCHLD, give_up);
	signal(SIGALRM, give_up);
	signal(SIGPIPE, SIG_IGN);
}

/* Start a peer: its process id, or 0 in the peer, which never returns. */
int bench_spawn(struct bench_row *row)
{
	pid_t *peers, pid;
	int r;

	peers = realloc(row->peers, (row->n_peers + 1) * sizeof(*peers));
	if (!peers)
		return -ENOMEM;
	row->peers = peers;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		row->peers[row->n_peers++] = pid;
		return pid;
	}

	signal(SIGCHLD, SIG_DFL);
	alarm(0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		bench_die("peer", -errno);
	r = bench_pin(1);
	if (r < 0)
		bench_die("pin peer", r);
	return 0;
}

/* A peer tells that it is there, with its id; with an error it stays idle. */
void bench_ready(const struct bench_row *row, int error, uint64_t id)
{
	struct greeting greeting = { .error = error, .id = id };

	if (write(row->ready[1], &greeting, sizeof(greeting)) !=
	    sizeof(greeting))
		bench_die("greeting", -EPIPE);
	while (error)
		pause();
}

int bench_await(const struct bench_row *row, uint64_t *id)
{
	struct greeting greeting;

	if (read(row->ready[0], &greeting, sizeof(greeting)) !=
	    sizeof(greeting))
		return -EPIPE;
	*id = greeting.id;
	return greeting.error;
}

/* End the peers of a row. */
void bench_reap(struct bench_row *row)
{
	unsigned int i;

	/* from here on they may go */
	signal(SIGCHLD, SIG_DFL);
	for (i = 0; i < row->n_peers; i++)
		kill(row->peers[i], SIGKILL);
	for (i = 0; i < row->n_peers; i++)
		waitpid(row->peers[i], NULL, 0);
	bench_watch();
	free(row->peers);
	row->peers = NULL;
	row->n_peers = 0;
}

int bench_gate_init(struct bench_gate *gate)
{
	gate->left = mmap(NULL, sizeof(*gate->left), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (gate->left == MAP_FAILED) {
		gate->left = NULL;
		return -errno;
	}
	gate->event = eventfd(0, EFD_CLOEXEC);
	return gate->event < 0 ? -errno : 0;
}

void bench_gate_destroy(struct bench_gate *gate)
{
	if (!gate->left)
		return;
	munmap(gate->left, sizeof(*gate->left));
	if (gate->event >= 0)
		close(gate->event);
}

/* Before a message goes to this many peers. */
void bench_gate_close(struct bench_gate *gate, unsigned int left)
{
	__atomic_store_n(gate->left, left, __ATOMIC_RELEASE);
}

/* A peer has got it. */
int bench_gate_pass(struct bench_gate *gate)
{
	if (__atomic_sub_fetch(gate->left, 1, __ATOMIC_ACQ_REL) != 0)
		return 0;
	return eventfd_write(gate->event, 1) < 0 ? -errno : 0;
}

/* All of them have got it. */
int bench_gate_wait(struct bench_gate *gate)
{
	eventfd_t value;

	return eventfd_read(gate->event, &value) < 0 ? -errno : 0;
}

/* An epoll instance that watches one descriptor for input. */
int bench_epoll(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0)
		return -errno;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		close(epoll);
		return -errno;
	}
	return epoll;
}

int bench_epoll_wait(int epoll)
{
	struct epoll_event event;
	int r = epoll_wait(epoll, &event, 1, -1);

	if (r < 0)
		return -errno;
	return event.events == EPOLLIN ? 0 : -ECONNRESET;
}
