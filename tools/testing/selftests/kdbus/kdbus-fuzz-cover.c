// SPDX-License-Identifier: GPL-2.0-only
/*
 * kdbus-fuzz: which code of the bus has run, if the kernel has KCOV
 *
 * The code of ipc/kdbus is taken to be what lies between the first and the
 * last function whose name begins with kdbus_, apart from initialisation.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kdbus-fuzz.h"

/* linux/kcov.h, which need not be installed */
#define FZ_KCOV		"/sys/kernel/debug/kcov"
#define FZ_KCOV_INIT	_IOR('c', 1, unsigned long)
#define FZ_KCOV_ENABLE	_IO('c', 100)
#define FZ_KCOV_PC	0
#define FZ_KCOV_WORDS	(64 * 1024)

void fz_cover_init(struct fz_shared *sh)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long at, first = ~0ULL, last = 0, end = ~0ULL;
	char line[512], name[256], type;

	if (access(FZ_KCOV, R_OK | W_OK) < 0 || !file) {
		if (file)
			fclose(file);
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llx %c %255s", &at, &type, name) != 3)
			continue;
		if (strcmp(name, "_etext") == 0)
			end = at;
		if (strncmp(name, "kdbus_", 6) != 0 || at > end ||
		    (type != 't' && type != 'T') || strstr(name, ".cold"))
			continue;
		if (at < first)
			first = at;
		if (at > last)
			last = at;
	}
	fclose(file);
	if (!last || last - first >= FZ_TEXT_MAX - 4096)
		return;
	sh->text = first;
	sh->text_size = last + 4096 - first;
}

/* Trace the calling thread; NULL if that cannot be done. */
uint64_t *fz_cover_start(const struct fz_shared *sh)
{
	const size_t size = FZ_KCOV_WORDS * sizeof(uint64_t);
	void *p = MAP_FAILED;
	int fd;

	if (!sh->text)
		return NULL;
	fd = open(FZ_KCOV, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (ioctl(fd, FZ_KCOV_INIT, FZ_KCOV_WORDS) == 0)
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED && ioctl(fd, FZ_KCOV_ENABLE, FZ_KCOV_PC) == 0)
		/* fd stays open: it is what keeps the trace going */
		return p;
	if (p != MAP_FAILED)
		munmap(p, size);
	close(fd);
	return NULL;
}

/* Note what the thread has run and start again. */
void fz_cover_collect(struct fz_shared *sh, uint64_t *trace)
{
	uint64_t i, n, at;

	if (!trace)
		return;
	n = __atomic_load_n(&trace[0], __ATOMIC_RELAXED);
	for (i = 1; i <= n && i < FZ_KCOV_WORDS; i++) {
		at = trace[i] - sh->text;
		if (at < sh->text_size)
			__atomic_or_fetch(&sh->seen[at / 8], 1 << at % 8,
					  __ATOMIC_RELAXED);
	}
	__atomic_store_n(&trace[0], 0, __ATOMIC_RELAXED);
}

unsigned int fz_cover_count(const struct fz_shared *sh)
{
	unsigned int i, n = 0;

	for (i = 0; i < sizeof(sh->seen); i++)
		n += __builtin_popcount(sh->seen[i]);
	return n;
}
