// SPDX-License-Identifier: GPL-2.0-only
/*
 * kdbus-bench: what kdbus costs, beside AF_UNIX sockets and a pipe
 *
 *   kdbus-bench [OPTION]...
 *
 * The ends of everything that is measured are processes of their own, so that
 * every message switches context. Rows that are to be compared form a group,
 * which is measured interleaved: a batch of the first row, one of the second,
 * and so on, then the first one again. Each operation is timed by itself with
 * CLOCK_MONOTONIC, from before it begins until its effect is complete.
 *
 * What arrives is checked: its length and, by a number in the first 8 bytes
 * and in the header of a kdbus message, that it is the right one. The first
 * operation of a row, which is not timed, compares all bytes, in both
 * directions; after that nobody reads the rest of the payload unless --sum is
 * given. Buffers have been touched before.
 *
 * Output: lines of "row payload n min p50 p90 p99 unit", separated by tabs; a
 * row that the kernel has no command for has n = 0 and the unit "not
 * available". Lines that begin with '#' say what was measured.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "kdbus-bench.h"

/* operations that follow one another before the next row has its turn */
#define BATCH		8
/* operations before each batch that are not timed */
#define WARM		2
#define GROUP_MAX	64
#define ARRAY_SIZE(_a)	(sizeof(_a) / sizeof((_a)[0]))
#define PATTERNS_MAX	32

struct bench_options bench_options = {
	.count = 1000,
	.largest = 4 << 20,
};

static const char *patterns[PATTERNS_MAX];
static unsigned int n_patterns;

static const size_t payloads[] = {
	0, 64, 1 << 10, 8 << 10, 64 << 10, 512 << 10, 2 << 20, 4 << 20,
};

static const unsigned int receivers[] = { 1, 4, 16, 64, 256 };
static const unsigned int connections[] = { 10, 1000 };

/* What entering the kernel and the clock cost, for comparison. */
static int run_syscall(struct bench_row *row)
{
	return syscall(SYS_getppid) < 0 ? -errno : 0;
}

static int run_nothing(struct bench_row *row)
{
	return 0;
}

static const struct bench_kind base_kinds[] = {
	{
		.name = "clock",
		.about = "nothing: the clock alone, which is part of every row",
		.scale = BENCH_FIXED,
		.run = run_nothing,
	}, {
		.name = "syscall",
		.about = "getppid",
		.scale = BENCH_FIXED,
		.run = run_syscall,
	},
	{}
};

static const struct bench_kind *const all_kinds[] = {
	base_kinds, bench_unix_kinds, bench_bus_kinds,
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* ---- rows ---- */

static void row_init(struct bench_row *row, const struct bench_kind *kind,
		     unsigned int size)
{
	memset(row, 0, sizeof(*row));
	row->kind = kind;
	row->ready[0] = -1;
	row->ready[1] = -1;
	if (kind->scale == BENCH_PAYLOAD || kind->scale == BENCH_FIXED) {
		row->payload = size;
		snprintf(row->name, sizeof(row->name), "%s", kind->name);
	} else {
		row->payload = BENCH_SIGNAL;
		row->number = size;
		snprintf(row->name, sizeof(row->name), "%s-%u", kind->name,
			 size);
	}
}

static bool row_wanted(const struct bench_row *row)
{
	unsigned int i;

	if (row->payload > bench_options.largest)
		return false;
	for (i = 0; i < n_patterns; i++)
		if (fnmatch(patterns[i], row->name, 0) == 0)
			return true;
	return n_patterns == 0;
}

/* 0, or an error that is not just "not available" */
static int row_note(struct bench_row *row, int r)
{
	if (r < 0)
		row->status = r;
	return r == -EOPNOTSUPP ? 0 : r;
}

static int row_run(struct bench_row *row)
{
	row->sequence++;
	return row->kind->run(row);
}

static int row_setup(struct bench_row *row, size_t count)
{
	uint8_t *data;

	row->samples = calloc(count, sizeof(*row->samples));
	if (!row->samples || pipe(row->ready) < 0)
		return -errno;
	data = bench_payload(row->payload);
	row->sum = bench_sum(data, row->payload);
	free(data);
	if (row->kind->setup) {
		int r = row->kind->setup(row);

		if (r < 0)
			return row_note(row, r);
	}
	return row_note(row, row_run(row));
}

static void row_teardown(struct bench_row *row)
{
	bench_reap(row);
	if (row->kind->teardown && row->state)
		row->kind->teardown(row);
	if (row->ready[0] >= 0) {
		close(row->ready[0]);
		close(row->ready[1]);
	}
	free(row->samples);
	row->samples = NULL;
}

/* One batch: the end of an operation is the beginning of the next. */
static int row_batch(struct bench_row *row, size_t count)
{
	uint64_t before, after;
	unsigned int i;
	int r;

	for (i = 0; i < WARM; i++) {
		r = row_run(row);
		if (r < 0)
			return row_note(row, r);
	}
	before = now();
	for (i = 0; i < BATCH && row->n_samples < count; i++) {
		r = row_run(row);
		after = now();
		if (r < 0)
			return row_note(row, r);
		row->samples[row->n_samples++] = after - before;
		before = after;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The smallest sample that so many percent of all do not exceed. */
static unsigned long long percentile(const struct bench_row *row,
				     unsigned int percent)
{
	size_t at = (row->n_samples * percent + 99) / 100;

	return row->samples[at ? at - 1 : 0];
}

static void row_print(struct bench_row *row)
{
	if (row->status < 0 || row->n_samples == 0) {
		printf("%s\t%zu\t0\t-\t-\t-\t-\tnot available\n", row->name,
		       row->payload);
		return;
	}
	qsort(row->samples, row->n_samples, sizeof(*row->samples), compare);
	printf("%s\t%zu\t%zu\t%llu\t%llu\t%llu\t%llu\tns\n", row->name,
	       row->payload, row->n_samples, percentile(row, 0),
	       percentile(row, 50), percentile(row, 90), percentile(row, 99));
}

/* ---- groups ---- */

struct group {
	struct bench_row rows[GROUP_MAX];
	unsigned int n;
};

static void group_take(struct group *group, const struct bench_kind *kind,
		       unsigned int size)
{
	struct bench_row *row = &group->rows[group->n];

	if (group->n == GROUP_MAX)
		abort();
	row_init(row, kind, size);
	group->n += row_wanted(row);
}

/* All rows of one scale and size. */
static void group_add(struct group *group, enum bench_scale scale,
		      unsigned int size)
{
	const struct bench_kind *kind;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all_kinds); i++)
		for (kind = all_kinds[i]; kind->name; kind++)
			if (kind->scale == scale && size >= kind->least)
				group_take(group, kind, size);
}

/* Large messages and many receivers take their time: fewer of them. */
static size_t group_count(const struct group *group)
{
	size_t count = bench_options.count;
	const struct bench_row *row = group->rows;

	if (row->payload > (512 << 10) || row->number > 100)
		count /= 16;
	else if (row->payload > (64 << 10) || row->number > 10)
		count /= 4;
	return count ?: 1;
}

static int group_measure(struct group *group, size_t count)
{
	uint64_t end = now() + group->n * bench_options.seconds * 1000000000ULL;
	size_t done, i;
	int r;

	for (done = 0; done < count; done += BATCH) {
		for (i = 0; i < group->n; i++) {
			struct bench_row *row = &group->rows[i];

			if (row->status < 0)
				continue;
			alarm(BENCH_PATIENCE);
			r = row_batch(row, count);
			if (r < 0)
				return r;
		}
		if (bench_options.seconds && now() > end)
			break;
	}
	return 0;
}

static void group_run(struct group *group)
{
	size_t count = group_count(group), i;
	int r = 0;

	for (i = 0; i < group->n; i++) {
		struct bench_row *row = &group->rows[i];

		alarm(BENCH_PATIENCE);
		r = row_setup(row, count);
		if (r < 0)
			bench_die(row->name, r);
	}
	r = group_measure(group, count);
	alarm(0);
	for (i = 0; i < group->n; i++) {
		struct bench_row *row = &group->rows[i];

		if (r < 0 && row->status == r)
			bench_die(row->name, r);
		row_print(row);
	}
	for (i = 0; i < group->n; i++)
		row_teardown(&group->rows[i]);
	fflush(stdout);
	group->n = 0;
}

static void run_all(void)
{
	static struct group group;
	const struct bench_kind *kind;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(payloads); i++) {
		if (payloads[i] == 0)
			group_add(&group, BENCH_FIXED, 0);
		group_add(&group, BENCH_PAYLOAD, payloads[i]);
		group_run(&group);
	}
	for (i = 0; i < ARRAY_SIZE(receivers); i++) {
		group_add(&group, BENCH_RECEIVERS, receivers[i]);
		group_run(&group);
	}
	/* a user has only so many connections: one kind at a time */
	for (kind = bench_bus_kinds; kind->name; kind++) {
		if (kind->scale != BENCH_CONNECTIONS)
			continue;
		for (i = 0; i < ARRAY_SIZE(connections); i++)
			group_take(&group, kind, connections[i]);
		group_run(&group);
	}
}

/* ---- command line ---- */

static void list(void)
{
	static const char *const scales[] = {
		[BENCH_PAYLOAD] = "payload",
		[BENCH_FIXED] = "-",
		[BENCH_RECEIVERS] = "receivers",
		[BENCH_CONNECTIONS] = "connections",
	};
	const struct bench_kind *kind;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all_kinds); i++)
		for (kind = all_kinds[i]; kind->name; kind++)
			printf("%s\t%s\t%s\n", kind->name,
			       scales[kind->scale], kind->about);
}

static void help(FILE *to)
{
	fputs("usage: kdbus-bench [OPTION]...\n"
	      "Measure kdbus beside AF_UNIX sockets and a pipe; needs root.\n"
	      "  --list         what can be measured, and what one operation is\n"
	      "  --row PATTERN  only rows whose name matches; may be repeated\n"
	      "  --max BYTES    no larger payload (default 4194304)\n"
	      "  --count N      operations of each row (default 1000); a fourth\n"
	      "                 above 64 KiB or 10 receivers, a sixteenth above\n"
	      "                 512 KiB or 100 receivers\n"
	      "  --time SECONDS at most so long for each row\n"
	      "  --pin WHERE    1: all on one CPU, 2: the peers on another one,\n"
	      "                 none: anywhere (default)\n"
	      "  --sum          receivers read all of every payload\n", to);
}

static bool number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *value <= max;
}

/* One option with its value; false if the value is no good. */
static bool take(int option, const char *value)
{
	unsigned long n = 0;

	switch (option) {
	case 'r':
		if (n_patterns == PATTERNS_MAX)
			return false;
		patterns[n_patterns++] = value;
		return true;
	case 'm':
		if (!number(value, 4 << 20, &n))
			return false;
		bench_options.largest = n;
		return true;
	case 'c':
		if (!number(value, 10000000, &n) || n == 0)
			return false;
		bench_options.count = n;
		return true;
	case 't':
		if (!number(value, 3600, &n) || n == 0)
			return false;
		bench_options.seconds = n;
		return true;
	case 'p':
		if (strcmp(value, "none") != 0 &&
		    (!number(value, 2, &n) || n == 0))
			return false;
		bench_options.cpus = n;
		return true;
	case 's':
		bench_options.sum = true;
		return true;
	default:
		return false;
	}
}

static void describe(void)
{
	struct utsname uts;

	uname(&uts);
	printf("# kernel %s %s, payload %s, ", uts.release, uts.machine,
	       bench_options.sum ? "read by the receiver" :
				   "not read by the receiver");
	if (bench_options.cpus)
		printf("pinned to %u CPU(s)\n", bench_options.cpus);
	else
		printf("not pinned\n");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "row", required_argument, NULL, 'r' },
		{ "max", required_argument, NULL, 'm' },
		{ "count", required_argument, NULL, 'c' },
		{ "time", required_argument, NULL, 't' },
		{ "pin", required_argument, NULL, 'p' },
		{ "sum", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const struct rlimit files = { .rlim_cur = 8192, .rlim_max = 8192 };
	int o, r;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'l' || o == 'h') {
			if (o == 'l')
				list();
			else
				help(stdout);
			return fflush(stdout) == 0 ? 0 : 1;
		}
		if (!take(o, optarg)) {
			help(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		help(stderr);
		return 2;
	}
	r = bench_pin(0);
	if (r < 0)
		bench_die("--pin", r);
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		bench_die("open files", -errno);
	bench_watch();
	describe();
	run_all();
	/* only rows that were seen by somebody count */
	return fflush(stdout) == 0 ? 0 : 1;
}
