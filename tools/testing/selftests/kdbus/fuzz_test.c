// SPDX-License-Identifier: GPL-2.0-only
/*
 * A short run of kdbus-fuzz, with a seed of its own each time
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

/* Run the program beside this one; its exit status. */
static int run(const char *const argv[])
{
	char path[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);
	int pid;

	if (n < 0)
		return -errno;
	path[n] = 0;
	slash = strrchr(path, '/');
	snprintf(slash + 1, path + sizeof(path) - slash - 1, "%s", argv[0]);
	if (access(path, X_OK) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		/* what it prints belongs to no test */
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execv(path, (char *const *)argv);
		_exit(127);
	}
	return pid < 0 ? -errno : kd_wait(pid);
}

FIXTURE(fuzz) {
};

FIXTURE_SETUP(fuzz)
{
}

FIXTURE_TEARDOWN(fuzz)
{
}

/* some time, whatever comes of it */
TEST_F_TIMEOUT(fuzz, some_seconds, 300)
{
	const char *const argv[] = {
		"kdbus-fuzz", "--seconds", "12", "--procs", "4", NULL,
	};
	int r = run(argv);

	if (r == -ENOENT)
		SKIP(return, "kdbus-fuzz is not installed here");
	EXPECT_EQ(0, r);
}

/* some commands that are the same every time, however long they take */
TEST_F_TIMEOUT(fuzz, some_commands, 300)
{
	const char *const argv[] = {
		"kdbus-fuzz", "--seconds", "0", "--procs", "3", "--seed", "7",
		"--commands", "300", NULL,
	};
	int r = run(argv);

	if (r == -ENOENT)
		SKIP(return, "kdbus-fuzz is not installed here");
	EXPECT_EQ(0, r);
}

TEST_HARNESS_MAIN
