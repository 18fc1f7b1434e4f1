/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kdbus-fuzz: what its files share
 *
 * A process has a few workers, which are threads, and one pest, which gets in
 * their way. A worker takes steps. What a step tries depends on the seed, the
 * process, the worker and the number of the step alone, so that a step can be
 * tried again; what comes out of it depends on everybody else.
 *
 * A process lives for FZ_LIFE steps of each worker, then another one goes on
 * in its place. Whatever it has collected by then goes with it.
 */
#ifndef KDBUS_FUZZ_H
#define KDBUS_FUZZ_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "kdbus-util.h"

#define FZ_COMMANDS	16
#define FZ_ERRNOS	134
#define FZ_IDS		24
#define FZ_NAMES	10
#define FZ_PROCS	32
#define FZ_WORKERS	2
#define FZ_SLOTS	8
#define FZ_HELD		24
#define FZ_COMMON	16
#define FZ_LIFE		400
/* largest pool of all connections */
#define FZ_POOL_MAX	(256 * 1024)
/* descriptors from this number on may be closed by anybody at any time */
#define FZ_FD_COMMON	700
/* code of the bus that can be told apart */
#define FZ_TEXT_MAX	(4 << 20)

/**
 * struct fz_rng - a generator of its own, the same everywhere
 * @state: all there is
 */
struct fz_rng {
	uint64_t state;
};

/**
 * struct fz_options - what the command line says
 * @seed: where all choices come from
 * @seconds: how long, 0 for no limit
 * @procs: number of processes
 * @steps: steps of each worker, 0 for no limit
 * @first: number of the first step
 * @replay: the only process that runs, or -1
 * @verbose: print each command
 */
struct fz_options {
	uint64_t seed;
	unsigned int seconds;
	unsigned int procs;
	uint64_t steps;
	uint64_t first;
	int replay;
	bool verbose;
};

/**
 * struct fz_shared - memory of all processes
 * @opt: options
 * @dir: mount point
 * @deadline: when to stop
 * @stop: set when it is time
 * @violations: what was not as it should be
 * @count: how often each command gave each errno
 * @other: other system calls that were tried
 * @ids: ids of connections, to be addressed by anybody
 * @mail: sockets to pass descriptors to each process: [1] to send, [0] to take
 * @text: first address of the code of the bus, 0 if there is no coverage
 * @text_size: its size
 * @seen: one bit for each address there that has run
 */
struct fz_shared {
	struct fz_options opt;
	char dir[64];
	uint64_t deadline;
	uint32_t stop;
	uint32_t violations;
	uint64_t count[FZ_COMMANDS][FZ_ERRNOS];
	uint64_t other;
	uint64_t ids[FZ_IDS];
	int mail[FZ_PROCS][2];
	uint64_t text;
	uint64_t text_size;
	uint8_t seen[FZ_TEXT_MAX / 8];
};

/**
 * struct fz_mem - memory and files of a process that blocks refer to
 * @good: as much as a PAYLOAD_VEC can take, readable
 * @holes: pages that come and go
 * @none: pages that cannot be touched
 * @eof: mapping of a file beyond its end
 * @edge: writable memory before a page that cannot be touched, one for each
 *	worker
 * @frozen: memory that cannot be written, one for each worker
 * @memfd: memory files: sealed ones, then one that is not
 * @fds: other descriptors, of many kinds
 * @cancel: eventfd to cancel synchronous calls with
 */
struct fz_mem {
	uint8_t *good;
	uint8_t *holes;
	uint8_t *none;
	uint8_t *eof;
	uint8_t *edge[FZ_WORKERS];
	uint8_t *frozen[FZ_WORKERS];
	int memfd[4];
	int fds[6];
	int cancel;
};

#define FZ_HOLES	(16 * 4096)

/**
 * enum fz_state - what a handle is, as far as is known
 * @FZ_EMPTY: nothing
 * @FZ_CONTROL: control, without a bus
 * @FZ_NODE: an endpoint, without anything made of it
 * @FZ_BUS: owner of a bus
 * @FZ_ENDPOINT: owner of an endpoint
 * @FZ_CONN: a connection
 */
enum fz_state {
	FZ_EMPTY,
	FZ_CONTROL,
	FZ_NODE,
	FZ_BUS,
	FZ_ENDPOINT,
	FZ_CONN,
};

/**
 * struct fz_slot - a handle of one worker
 * @fd: descriptor
 * @state: what it is
 * @common: others use it as well: little is known about its pool
 * @dead: the connection has gone
 * @flags: of HELLO
 * @id: of the connection
 * @pool_size: of the connection
 * @pool: mapping, or NULL
 * @held: slices that were reported and not freed
 * @n_held: how many
 */
struct fz_slot {
	int fd;
	enum fz_state state;
	bool common;
	bool dead;
	uint64_t flags;
	uint64_t id;
	uint64_t pool_size;
	const uint8_t *pool;
	struct { uint64_t offset, size; } held[FZ_HELD];
	unsigned int n_held;
};

/**
 * struct fz_ctx - what the choices of a step are made from
 * @rng: generator
 * @sh: memory of all processes
 * @mem: memory and files of this process
 * @worker: number of the worker
 * @slot: the handle
 * @uid: effective uid
 */
struct fz_ctx {
	struct fz_rng rng;
	struct fz_shared *sh;
	const struct fz_mem *mem;
	unsigned int worker;
	const struct fz_slot *slot;
	uint32_t uid;
};

/**
 * struct fz_cmd - a command
 * @name: for the report
 * @nr: number
 * @fixed: size of the part without items
 * @flags: those it knows
 * @weight: how often it is tried
 * @state: handle it is for
 * @items: items that it accepts
 * @must: how many of these, from the first on, it cannot do without
 * @fill: sets what is not an item
 * @errnos: those it may return, besides the common ones
 */
struct fz_cmd {
	const char *name;
	unsigned long nr;
	size_t fixed;
	uint64_t flags;
	unsigned int weight;
	enum fz_state state;
	uint64_t items[12];
	unsigned int must;
	void (*fill)(struct fz_ctx *ctx, struct kd_block *b);
	int errnos[32];
};

extern const struct fz_cmd fz_cmds[FZ_COMMANDS];

/* choices */
struct fz_rng fz_seed(uint64_t seed, uint64_t a, uint64_t b, uint64_t c);
uint64_t fz_next(struct fz_rng *rng);
unsigned int fz_below(struct fz_rng *rng, unsigned int n);
bool fz_chance(struct fz_rng *rng, unsigned int percent);
uint64_t fz_odd(struct fz_rng *rng);

/* blocks */
enum { FZ_SEND = 10, FZ_RECV = 11 };

void fz_path(struct fz_ctx *ctx, char *path, size_t size);
void fz_item(struct fz_ctx *ctx, struct kd_block *b, uint64_t type);
void fz_command(struct fz_ctx *ctx, const struct fz_cmd *cmd,
		struct kd_block *b);
void fz_message(struct fz_ctx *ctx, struct kd_block *b, bool sync);
void fz_break(struct fz_ctx *ctx, struct kd_block *b, size_t fixed);
void *fz_place(struct fz_ctx *ctx, struct kd_block *b);
bool fz_expected(const struct fz_cmd *cmd, int error);

/* processes */
noreturn void fz_process(struct fz_shared *sh, unsigned int index,
			 uint64_t life);
void fz_violation(struct fz_shared *sh, const char *format, ...);

/* coverage */
void fz_cover_init(struct fz_shared *sh);
uint64_t *fz_cover_start(const struct fz_shared *sh);
void fz_cover_collect(struct fz_shared *sh, uint64_t *trace);
unsigned int fz_cover_count(const struct fz_shared *sh);

#endif /* KDBUS_FUZZ_H */
