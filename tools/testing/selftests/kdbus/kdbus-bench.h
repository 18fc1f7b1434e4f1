/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kdbus-bench: what its files share
 *
 * A kind is an operation that can be measured, a row is a kind with its size:
 * bytes of payload, or a number of receivers or connections. The process that
 * measures runs the operation; peers are processes of their own, which belong
 * to one row and die with it.
 *
 * All functions that return int give 0 (or a descriptor, or a process id) or a
 * negative errno. -EOPNOTSUPP out of set-up or out of the first operation
 * makes the row "not available"; any other error ends the program.
 */
#ifndef KDBUS_BENCH_H
#define KDBUS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/types.h>

/* payload of messages to many */
#define BENCH_SIGNAL		64
/* a batch that takes longer than this has lost a message */
#define BENCH_PATIENCE		300

struct bench_row;

/**
 * enum bench_scale - what the size of a row is
 * @BENCH_PAYLOAD: bytes of payload, in each direction
 * @BENCH_FIXED: nothing; there is one such row, without payload
 * @BENCH_RECEIVERS: receivers of each message
 * @BENCH_CONNECTIONS: connections beside the one that measures
 */
enum bench_scale {
	BENCH_PAYLOAD,
	BENCH_FIXED,
	BENCH_RECEIVERS,
	BENCH_CONNECTIONS,
};

/**
 * struct bench_kind - an operation that can be measured
 * @name: name of its rows; a number is appended for receivers and connections
 * @about: what one operation is, for --list
 * @scale: what the size of its rows is
 * @least: smallest payload it has a row for
 * @flags: meaning is up to the kind
 * @attach: metadata that both sides ask for
 * @setup: make peers and whatever the operation needs; @row->state is its own
 * @run: one operation; returns when its effect is complete
 * @teardown: undo set-up, also one that failed; the peers are dead already
 */
struct bench_kind {
	const char *name;
	const char *about;
	enum bench_scale scale;
	size_t least;
	unsigned int flags;
	uint64_t attach;
	int (*setup)(struct bench_row *row);
	int (*run)(struct bench_row *row);
	void (*teardown)(struct bench_row *row);
};

/**
 * struct bench_gate - where many peers tell that they have got something
 * @left: how many have not, in memory that all processes share
 * @event: eventfd which the last one writes to
 */
struct bench_gate {
	unsigned int *left;
	int event;
};

/**
 * struct bench_row - a kind with its size
 * @kind: the operation
 * @name: its name
 * @payload: bytes of payload
 * @number: receivers or connections, 0 if there is no such number
 * @sequence: number of the operation, from 1 on; each side counts for itself
 * @sum: sum over the payload behind its stamp
 * @state: of the kind
 * @peers: process ids
 * @n_peers: how many
 * @ready: pipe over which peers tell that they are there
 * @status: 0, or why there is nothing to be measured
 * @samples: nanoseconds of each operation
 * @n_samples: how many there are
 */
struct bench_row {
	const struct bench_kind *kind;
	char name[48];
	size_t payload;
	unsigned int number;
	uint64_t sequence;
	uint64_t sum;
	void *state;
	pid_t *peers;
	unsigned int n_peers;
	int ready[2];
	int status;
	uint64_t *samples;
	size_t n_samples;
};

/**
 * struct bench_options - how to measure
 * @sum: the receiver reads every byte of every payload
 * @cpus: 1 for one CPU, 2 for one for the measuring process and another one
 *	for its peers, 0 for any
 * @count: operations of each row
 * @seconds: time for each row, 0 for no limit
 * @largest: largest payload
 */
struct bench_options {
	bool sum;
	unsigned int cpus;
	size_t count;
	unsigned int seconds;
	size_t largest;
};

extern struct bench_options bench_options;
/* each ends with a kind without name */
extern const struct bench_kind bench_unix_kinds[];
extern const struct bench_kind bench_bus_kinds[];

/* payload */
uint8_t *bench_payload(size_t len);
uint64_t bench_sum(const uint8_t *data, size_t len);
void bench_stamp(const struct bench_row *row, uint8_t *data, size_t len);
bool bench_reads(const struct bench_row *row);
bool bench_check_body(const struct bench_row *row, const uint8_t *data,
		      size_t len);
bool bench_check(const struct bench_row *row, const uint8_t *data, size_t len);

/* peers */
int bench_pin(unsigned int which);
void bench_watch(void);
int bench_spawn(struct bench_row *row);
void bench_ready(const struct bench_row *row, int error, uint64_t id);
int bench_await(const struct bench_row *row, uint64_t *id);
void bench_reap(struct bench_row *row);
noreturn void bench_die(const char *what, int error);

/* many peers */
int bench_gate_init(struct bench_gate *gate);
void bench_gate_destroy(struct bench_gate *gate);
void bench_gate_close(struct bench_gate *gate, unsigned int left);
int bench_gate_pass(struct bench_gate *gate);
int bench_gate_wait(struct bench_gate *gate);

/* epoll on one descriptor */
int bench_epoll(int fd);
int bench_epoll_wait(int epoll);

#endif /* KDBUS_BENCH_H */
