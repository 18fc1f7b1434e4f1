// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs beside the tests: kdbus-ping, and the example of the manual
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kdbus-util.h"
#include "kselftest_harness.h"

FIXTURE(programs) {
	struct kd_env env;
	char dir[PATH_MAX];
};

FIXTURE_SETUP(programs)
{
	char *slash;

	ASSERT_EQ(0, kd_env_init(&self->env, 0));
	ASSERT_LT(0, readlink("/proc/self/exe", self->dir, PATH_MAX - 1));
	slash = strrchr(self->dir, '/');
	ASSERT_NE(NULL, slash);
	*slash = 0;
}

FIXTURE_TEARDOWN(programs)
{
}

/* Run a program of this directory; its exit status, and what it printed. */
static int run(const char *dir, const char *const argv[], char *out, size_t len)
{
	char path[PATH_MAX];
	ssize_t n, used = 0;
	int fds[2], pid;

	snprintf(path, sizeof(path), "%s/%s", dir, argv[0]);
	if (access(path, X_OK) < 0)
		return -errno;
	if (pipe(fds) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		execv(path, (char *const *)argv);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], out + used, len - 1 - used)) > 0)
		used += n;
	out[used] = 0;
	close(fds[0]);
	return kd_wait(pid);
}

/* one message to another process, and the answer */
TEST_F(programs, ping)
{
	const char *const argv[] = {
		"kdbus-ping", "--bus", self->env.bus, NULL,
	};
	char out[1024];
	int r;

	r = run(self->dir, argv, out, sizeof(out));
	if (r == -ENOENT)
		SKIP(return, "kdbus-ping is not installed here");
	EXPECT_EQ(0, r);
	EXPECT_NE(NULL, strstr(out, "\"ping of process ")) {
		TH_LOG("printed: %s", out);
	}
}

/* no success without a bus, and none when the bus has gone */
TEST_F(programs, ping_fails)
{
	const char *const argv[] = {
		"kdbus-ping", "--bus", self->env.bus, NULL,
	};
	char out[1024];
	int r;

	close(self->env.ctl);
	r = run(self->dir, argv, out, sizeof(out));
	if (r == -ENOENT)
		SKIP(return, "kdbus-ping is not installed here");
	EXPECT_EQ(1, r);
}

/* the worked example of the manual */
TEST_F(programs, example)
{
	const char *const argv[] = { "kdbus-example", self->env.bus, NULL };
	char out[1024];
	int r;

	r = run(self->dir, argv, out, sizeof(out));
	if (r == -ENOENT)
		SKIP(return, "kdbus-example is not installed here");
	EXPECT_EQ(0, r);
	EXPECT_NE(NULL, strstr(out, "from 2:\n  text: Hello, bus!\n")) {
		TH_LOG("printed: %s", out);
	}
	EXPECT_NE(NULL, strstr(out, "  sent at "));
}

TEST_HARNESS_MAIN
