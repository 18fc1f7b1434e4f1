// SPDX-License-Identifier: GPL-2.0-only
/*
 * kdbus-fuzz: try the interface with whatever comes to mind
 *
 * Several processes of several users use several buses in all possible and
 * many impossible ways. The sanitizers of the kernel are the judges; what can
 * be seen from user space is checked as well: slices, messages, records and
 * ids are what they should be, no command returns an errno that is not its
 * own, and in the end nothing is left and all limits are where they were.
 *
 * Needs root. The buses are in a domain of their own, in a mount namespace of
 * its own. Exit status: 0 if all is well, 1 if not, 2 for a wrong command
 * line, 4 if there is no kdbus here.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kdbus-fuzz.h"

/* seconds that a process gets to notice that it should end */
#define FZ_PATIENCE	120
/* buses that stay, with a holder of the policy for all names */
#define FZ_STABLE	2

static struct fz_shared *sh;
static int stable[2 * FZ_STABLE + 1];

static const struct { int error; const char *name; } names[] = {
	{ 0, "ok" }, { EPERM, "EPERM" }, { ESRCH, "ESRCH" },
	{ EINTR, "EINTR" }, { ENXIO, "ENXIO" }, { E2BIG, "E2BIG" },
	{ EBADF, "EBADF" }, { EAGAIN, "EAGAIN" }, { ENOMEM, "ENOMEM" },
	{ EFAULT, "EFAULT" }, { EBUSY, "EBUSY" }, { EEXIST, "EEXIST" },
	{ EINVAL, "EINVAL" }, { EMFILE, "EMFILE" }, { ENOTTY, "ENOTTY" },
	{ ETXTBSY, "ETXTBSY" }, { EMLINK, "EMLINK" }, { EPIPE, "EPIPE" },
	{ EDOM, "EDOM" }, { ENAMETOOLONG, "ENAMETOOLONG" },
	{ EXFULL, "EXFULL" }, { EBADSLT, "EBADSLT" }, { ECOMM, "ECOMM" },
	{ EBADMSG, "EBADMSG" }, { ENOTUNIQ, "ENOTUNIQ" },
	{ EBADFD, "EBADFD" }, { EREMCHG, "EREMCHG" },
	{ EDESTADDRREQ, "EDESTADDRREQ" }, { EMSGSIZE, "EMSGSIZE" },
	{ EOPNOTSUPP, "EOPNOTSUPP" }, { EADDRINUSE, "EADDRINUSE" },
	{ EADDRNOTAVAIL, "EADDRNOTAVAIL" }, { ECONNRESET, "ECONNRESET" },
	{ ENOBUFS, "ENOBUFS" }, { ESHUTDOWN, "ESHUTDOWN" },
	{ ETIMEDOUT, "ETIMEDOUT" }, { EREMOTEIO, "EREMOTEIO" },
	{ EMEDIUMTYPE, "EMEDIUMTYPE" }, { ECANCELED, "ECANCELED" },
};

static void print_errno(int error, uint64_t n)
{
	size_t i;

	for (i = 0; i < KD_ARRAY_SIZE(names); i++)
		if (names[i].error == error)
			break;
	if (i < KD_ARRAY_SIZE(names))
		printf(" %s=%llu", names[i].name, (unsigned long long)n);
	else
		printf(" errno%d=%llu", error, (unsigned long long)n);
}

static void report(void)
{
	uint64_t total = 0, good = 0, sum;
	int i, e;

	for (i = 0; i < FZ_COMMANDS; i++) {
		for (e = 0, sum = 0; e < FZ_ERRNOS; e++)
			sum += sh->count[i][e];
		printf("%-16s %8llu:", fz_cmds[i].name,
		       (unsigned long long)sum);
		for (e = 0; e < FZ_ERRNOS; e++)
			if (sh->count[i][e])
				print_errno(e, sh->count[i][e]);
		printf("\n");
		total += sum;
		good += sh->count[i][0];
	}
	printf("commands %llu, of which successful %llu; other calls %llu\n",
	       (unsigned long long)total, (unsigned long long)good,
	       (unsigned long long)sh->other);
	if (sh->text)
		printf("coverage: %u places\n", fz_cover_count(sh));
	printf("violations: %u (seed %llu)\n", sh->violations,
	       (unsigned long long)sh->opt.seed);
}

/* the domain */

/* A bus, and who may own names on it: everybody. */
static int make_stable(int n)
{
	char name[32], bus[KD_PATH_MAX];
	struct kd_conn c;
	int r;

	snprintf(name, sizeof(name), "0-s%d", n);
	r = kd_bus_make(sh->dir, name, KDBUS_MAKE_ACCESS_WORLD);
	if (r < 0)
		return r;
	stable[2 * n] = r;
	snprintf(bus, sizeof(bus), "%s/%s/bus", sh->dir, name);
	r = kd_holder(&c, bus, "fuzz.*", KDBUS_POLICY_ACCESS_WORLD,
		      KDBUS_POLICY_OWN, 0);
	if (r < 0)
		return r;
	munmap((void *)c.pool, c.pool_size);
	stable[2 * n + 1] = c.fd;
	return 0;
}

static int make_domain(void)
{
	struct kd_block b;
	char bus[KD_PATH_MAX];
	int i, r;

	r = kd_namespace() ?: kd_mount(sh->dir, sizeof(sh->dir));
	for (i = 0; i < FZ_STABLE && r == 0; i++)
		r = make_stable(i);
	if (r != 0)
		return r;
	snprintf(bus, sizeof(bus), "%s/0-s0/bus", sh->dir);
	r = kd_endpoint_make(bus, "0-open", KDBUS_MAKE_ACCESS_WORLD);
	if (r < 0)
		return r;
	stable[2 * FZ_STABLE] = r;
	kd_start(&b, sizeof(b.cmd));
	kd_add_str(&b, KDBUS_ITEM_NAME, "fuzz.*");
	kd_add_access(&b, KDBUS_POLICY_ACCESS_WORLD, KDBUS_POLICY_OWN, 0);
	r = kd_ioctl(r, KDBUS_CMD_ENDPOINT_UPDATE, &b);
	if (r != 0)
		return r;
	for (i = 0; i < sh->opt.procs; i++)
		if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0,
			       sh->mail[i]) < 0)
			return -errno;
	return 0;
}

static void close_domain(void)
{
	int i;

	for (i = 0; i < sh->opt.procs; i++) {
		close(sh->mail[i][0]);
		close(sh->mail[i][1]);
	}
	for (i = 0; i < KD_ARRAY_SIZE(stable); i++)
		close(stable[i]);
}

/* processes */

static int spawn(unsigned int index, uint64_t life)
{
	int pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		fz_process(sh, index, life);
	return pid;
}

static bool more(uint64_t life)
{
	if (sh->stop || sh->violations > 20)
		return false;
	return !sh->opt.steps || life * FZ_LIFE < sh->opt.steps;
}

static void reaped(unsigned int index, uint64_t life, int status)
{
	if (WIFSIGNALED(status))
		fz_violation(sh, "process %u, life %llu, died of signal %d",
			     index, (unsigned long long)life,
			     WTERMSIG(status));
	else if (WEXITSTATUS(status))
		fz_violation(sh, "process %u, life %llu, exit status %d",
			     index, (unsigned long long)life,
			     WEXITSTATUS(status));
}

/* Nobody can be waited for any longer. */
static void stuck(const int *pids)
{
	char path[64], stack[4096];
	int i;

	for (i = 0; i < sh->opt.procs; i++) {
		if (pids[i] <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stack", pids[i]);
		if (kd_read_file(path, stack, sizeof(stack)) < 0)
			stack[0] = 0;
		fz_violation(sh, "process %d does not end\n%s", i, stack);
		kill(pids[i], SIGKILL);
	}
}

static void run_all(void)
{
	int pids[FZ_PROCS] = {}, i, status, pid, alive = 0;
	uint64_t life[FZ_PROCS] = {}, end;

	sh->deadline = sh->opt.seconds ?
		       kd_now() + sh->opt.seconds * 1000 * KD_MS : ~0ULL;
	for (i = 0; i < sh->opt.procs; i++) {
		if (sh->opt.replay >= 0 && sh->opt.replay != i)
			continue;
		pids[i] = spawn(i, 0);
		alive += pids[i] > 0;
	}
	end = sh->opt.seconds ? sh->deadline + FZ_PATIENCE * 1000 * KD_MS :
				~0ULL;
	while (alive) {
		if (kd_now() > sh->deadline)
			__atomic_store_n(&sh->stop, 1, __ATOMIC_RELAXED);
		if (kd_now() > end) {
			stuck(pids);
			return;
		}
		pid = waitpid(-1, &status, WNOHANG);
		if (pid <= 0) {
			usleep(20000);
			continue;
		}
		for (i = 0; i < sh->opt.procs && pids[i] != pid; i++)
			;
		if (i == sh->opt.procs)
			continue;
		reaped(i, life[i]++, status);
		pids[i] = more(life[i]) ? spawn(i, life[i]) : 0;
		alive -= pids[i] <= 0;
	}
}

/* the end */

static int count_buses(void)
{
	DIR *dir = opendir(sh->dir);
	struct dirent *entry;
	int n = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.' &&
		     strcmp(entry->d_name, "control") != 0;
	closedir(dir);
	return n;
}

#define EXPECT(_what, _want, _r) do {					\
	long long _got = (_r);						\
	if (_got != (_want))						\
		fz_violation(sh, "in the end: %s: %lld instead of %lld",\
			     _what, _got, (long long)(_want));		\
} while (0)

/* QUOTA-1, REPLY-1: a queue and a set of trackers fill, and empty again. */
static void check_limits(const char *bus)
{
	struct kd_conn a, b;
	uint64_t cookie;
	int round, i;

	EXPECT("connect", 0, kd_hello(&a, bus, 0, 0, 16 * KD_POOL));
	for (round = 0; round < 2; round++) {
		EXPECT("connect", 0, kd_hello(&b, bus, 0, 0, 16 * KD_POOL));
		for (i = 0; i < KD_CALLS_MAX; i++)
			EXPECT("call", 0, kd_call(&a, b.id, i, KD_NEVER));
		EXPECT("one call more", -EMLINK,
		       kd_call(&a, b.id, i, KD_NEVER));
		for (; i < KD_QUEUE_MAX; i++)
			EXPECT("send", 0, kd_send_prio(&a, b.id, i, 0));
		EXPECT("one more", -ENOBUFS, kd_send_prio(&a, b.id, i, 0));
		for (i = 0; i < KD_QUEUE_MAX; i++)
			EXPECT("receive", 0, kd_recv_cookie(&b, &cookie));
		EXPECT("no more", -EAGAIN, kd_recv_cookie(&b, &cookie));
		EXPECT("send again", 0, kd_send_prio(&a, b.id, i, 0));
		kd_close(&b);
		for (i = 0; i < KD_CALLS_MAX; i++)
			if (kd_notice(&a, KDBUS_ITEM_REPLY_DEAD, &cookie,
				      &cookie) != 0)
				break;
		EXPECT("dead calls", KD_CALLS_MAX, i);
	}
	kd_close(&a);
}

/* The user has all buses and connections that a user may have. */
static void check_user(uint32_t uid)
{
	static int fds[KD_CONNS_MAX];
	int ctl[KD_BUSES_MAX], i;
	char name[32], bus[KD_PATH_MAX];

	if (uid)
		EXPECT("user", 0, kd_set_user(uid));
	for (i = 0; i < KD_BUSES_MAX; i++) {
		snprintf(name, sizeof(name), "%u-end%d", uid, i);
		ctl[i] = kd_bus_make(sh->dir, name, 0);
		EXPECT("bus", true, ctl[i] >= 0);
	}
	snprintf(name, sizeof(name), "%u-more", uid);
	EXPECT("one bus more", -EMFILE, kd_bus_make(sh->dir, name, 0));
	snprintf(bus, sizeof(bus), "%s/%u-end0/bus", sh->dir, uid);
	for (i = 0; i < KD_CONNS_MAX; i++) {
		fds[i] = kd_hello_only(bus);
		EXPECT("connection", true, fds[i] >= 0);
	}
	EXPECT("one connection more", -EMFILE, kd_hello_only(bus));
	for (i = 0; i < KD_CONNS_MAX; i++)
		close(fds[i]);
	check_limits(bus);
	for (i = 0; i < KD_BUSES_MAX; i++)
		close(ctl[i]);
}

/* What the kernel itself has noticed, as far as it tells. */
static long kernel_taint(void)
{
	char text[64];

	if (kd_read_file("/proc/sys/kernel/tainted", text, sizeof(text)) < 0)
		return 0;
	return strtol(text, NULL, 10);
}

static void check_end(long taint)
{
	static const uint32_t users[] = { 0, 1001, 1002 };
	const struct rlimit files = { 2048, 2048 };
	int i, n, pid;

	close_domain();
	/* what was in flight may take its time */
	for (i = 0; i < 100 && count_buses() != 0; i++)
		usleep(50000);
	EXPECT("buses", 0, count_buses());
	setrlimit(RLIMIT_NOFILE, &files);
	for (i = 0; i < KD_ARRAY_SIZE(users); i++) {
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			n = sh->violations;
			check_user(users[i]);
			_exit(sh->violations != n);
		}
		EXPECT("check", 0, kd_wait(pid));
	}
	EXPECT("buses at last", 0, count_buses());
	EXPECT("taint", taint, kernel_taint());
}

/* the command line */

static void help(FILE *to)
{
	fputs("kdbus-fuzz: try the kdbus interface at random\n"
	      "\n"
	      "  --seed N       the same seed makes the same attempts\n"
	      "  --seconds N    how long (10), 0 for no limit\n"
	      "  --procs N      processes (4)\n"
	      "  --commands N   steps of each thread, 0 for no limit (0)\n"
	      "  --replay N     only process N of them\n"
	      "  --first N      begin with step N of each thread\n"
	      "  --verbose      print each command\n", to);
}

static bool take(int option, const char *value)
{
	struct fz_options *opt = &sh->opt;
	unsigned long long n = 0;
	char *end;

	if (option == 'v') {
		opt->verbose = true;
		return true;
	}
	if (option == '?')
		return false;
	n = strtoull(value, &end, 0);
	if (*value < '0' || *value > '9' || *end)
		return false;
	switch (option) {
	case 's':
		opt->seed = n;
		return true;
	case 't':
		opt->seconds = n;
		return n <= 1000000;
	case 'p':
		opt->procs = n;
		return n >= 1 && n <= FZ_PROCS;
	case 'c':
		opt->steps = n;
		return true;
	case 'r':
		opt->replay = n;
		return n < FZ_PROCS;
	case 'f':
		opt->first = n;
		return true;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "procs", required_argument, NULL, 'p' },
		{ "commands", required_argument, NULL, 'c' },
		{ "replay", required_argument, NULL, 'r' },
		{ "first", required_argument, NULL, 'f' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	long taint = kernel_taint();
	int o, r;

	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		return 1;
	sh->opt = (struct fz_options){
		.seed = kd_now() ^ getpid(), .seconds = 10, .procs = 4,
		.replay = -1,
	};
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'h' || !take(o, optarg)) {
			help(o == 'h' ? stdout : stderr);
			return o == 'h' ? 0 : 2;
		}
	}
	if (optind < argc || sh->opt.replay >= (int)sh->opt.procs) {
		help(stderr);
		return 2;
	}
	printf("kdbus-fuzz: seed %llu\n", (unsigned long long)sh->opt.seed);
	r = make_domain();
	if (r != 0) {
		fprintf(stderr, "kdbus-fuzz: no kdbus: %s\n", strerror(-r));
		return 4;
	}
	fz_cover_init(sh);
	run_all();
	check_end(taint);
	report();
	return sh->violations || fflush(stdout) != 0;
}
