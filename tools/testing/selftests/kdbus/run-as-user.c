// SPDX-License-Identifier: GPL-2.0-only
/*
 * run-as-user: run a test without any right over the initial namespaces
 *
 *   run-as-user PROGRAM [ARGUMENT]...
 *
 * Must be started by root. The program runs in new user, mount and pid
 * namespaces. In there it is uid 0 with all capabilities, and has 65536 ids;
 * seen from outside it is an ordinary user (id 100000 and up) with none. It
 * has a fresh /tmp and a /proc of its own. Its exit status is passed on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_ID	"100000"
#define ID_MAP		"0 " FIRST_ID " 65536\n"

static void die(const char *what)
{
	fprintf(stderr, "run-as-user: %s: %s\n", what, strerror(errno));
	exit(126);
}

static void write_map(int pid, const char *which)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, which);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, ID_MAP, strlen(ID_MAP)) != strlen(ID_MAP))
		die(path);
	close(fd);
}

static int wait_for(int pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

/* First process of the new pid namespace; its mounts are its own. */
static void run(char **argv)
{
	int pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("private mounts");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL) < 0)
		die("mount /proc");
	if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV,
		  "mode=1777") < 0)
		die("mount /tmp");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execv(argv[0], argv);
		die(argv[0]);
	}
	exit(wait_for(pid));
}

/* The child: enter the namespaces, have the ids mapped, become uid 0 there. */
static void enter(char **argv, int ready, int mapped)
{
	char c;
	int pid;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) < 0)
		die("unshare");
	if (write(ready, "r", 1) != 1 || read(mapped, &c, 1) != 1)
		die("pipe");
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
	    setresuid(0, 0, 0) < 0)
		die("become uid 0 of the namespace");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		run(argv);
	exit(wait_for(pid));
}

int main(int argc, char **argv)
{
	int ready[2], mapped[2], pid;
	char c;

	if (argc < 2) {
		fprintf(stderr, "usage: run-as-user PROGRAM [ARGUMENT]...\n");
		return 126;
	}
	if (mkdir("/tmp", 01777) < 0 && errno != EEXIST)
		die("/tmp");
	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(mapped, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		enter(argv + 1, ready[1], mapped[0]);
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		return wait_for(pid);
	write_map(pid, "uid_map");
	write_map(pid, "gid_map");
	if (write(mapped[1], "m", 1) != 1)
		die("pipe");
	return wait_for(pid);
}
