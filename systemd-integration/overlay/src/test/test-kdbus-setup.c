/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "alloc-util.h"
#include "fd-util.h"
#include "fdset.h"
#include "fileio.h"
#include "format-util.h"
#include "fs-util.h"
#include "kdbus-setup.h"
#include "kdbus-util.h"
#include "mount-setup.h"
#include "process-util.h"
#include "serialize.h"
#include "string-util.h"
#include "tests.h"
#include "tmpfile-util.h"

static void set_command_lines(const char *efi, const char *kernel) {
        ASSERT_OK_ERRNO(setenv("SYSTEMD_EFI_OPTIONS", efi, /* overwrite= */ true));
        ASSERT_OK_ERRNO(setenv("SYSTEMD_PROC_CMDLINE", kernel, /* overwrite= */ true));
}

TEST(read_switch) {
        enum {
                BUILD = -1, /* as chosen at build time */
                WRONG = -2, /* not a boolean: refused, hence as chosen at build time */
        };
        static const struct {
                const char *efi;
                const char *kernel;
                int expected;
        } table[] = {
                { "",                "",                                BUILD },
                { "",                "quiet root=/dev/sda",             BUILD },
                { "",                "systemd.kdbus=1",                 true  },
                { "",                "systemd.kdbus=yes",               true  },
                { "",                "systemd.kdbus=0",                 false },
                { "",                "systemd.kdbus=off",               false },
                { "",                "systemd.kdbus",                   true  },
                { "",                "kdbus=1",                         true  },
                { "",                "kdbus=no",                        false },
                { "",                "kdbus",                           true  },
                { "",                "quiet kdbus splash",              true  },
                { "",                "quiet 'kdbus=on' splash",         true  },
                /* Things that only look like it */
                { "",                "rd.kdbus=1",                      BUILD },
                { "",                "kdbusx=1",                        BUILD },
                { "",                "xkdbus",                          BUILD },
                { "",                "systemd.kdbus_foo=1",             BUILD },
                { "",                "kdbus.foo=1",                     BUILD },
                { "",                "root=kdbus",                      BUILD },
                /* The last one counts */
                { "",                "kdbus systemd.kdbus=0",           false },
                { "",                "systemd.kdbus=0 kdbus",           true  },
                { "",                "kdbus=0 kdbus=1 kdbus=0",         false },
                /* Not booleans */
                { "",                "systemd.kdbus=",                  WRONG },
                { "",                "kdbus=maybe",                     WRONG },
                { "",                "kdbus=1 kdbus=maybe",             WRONG },
                { "",                "kdbus=maybe kdbus=1",             true  },
                { "",                "kdbus=maybe kdbus=0",             false },
                /* The kernel command line wins over the EFI variable */
                { "kdbus",           "",                                true  },
                { "systemd.kdbus=0", "",                                false },
                { "kdbus",           "systemd.kdbus=0",                 false },
                { "kdbus=0",         "kdbus=1",                         true  },
                { "kdbus=maybe",     "",                                WRONG },
                { "kdbus=maybe",     "kdbus=1",                         true  },
        };

        FOREACH_ELEMENT(t, table) {
                int r;

                log_debug("efi '%s' kernel '%s'", t->efi, t->kernel);
                set_command_lines(t->efi, t->kernel);

                r = kdbus_read_switch();

                if (!ENABLE_KDBUS) {
                        ASSERT_EQ(r, false);
                        ASSERT_FALSE(kdbus_wanted());
                        continue;
                }

                switch (t->expected) {
                case BUILD:
                        ASSERT_EQ(r, KDBUS_BY_DEFAULT);
                        ASSERT_EQ(kdbus_wanted(), (bool) KDBUS_BY_DEFAULT);
                        break;
                case WRONG:
                        ASSERT_ERROR(r, EINVAL);
                        ASSERT_EQ(kdbus_wanted(), (bool) KDBUS_BY_DEFAULT);
                        break;
                default:
                        ASSERT_EQ(r, t->expected);
                        ASSERT_EQ(kdbus_wanted(), (bool) t->expected);
                }
        }

        ASSERT_OK_ERRNO(unsetenv("SYSTEMD_EFI_OPTIONS"));
        ASSERT_OK_ERRNO(unsetenv("SYSTEMD_PROC_CMDLINE"));
}

TEST(decide) {
        enum {
                SYS = RUNTIME_SCOPE_SYSTEM,
                USR = RUNTIME_SCOPE_USER,
        };
        enum {
                NONE = _MANAGER_OBJECTIVE_INVALID,
                REEX = MANAGER_REEXECUTE,
                ROOT = MANAGER_SWITCH_ROOT,
                SOFT = MANAGER_SOFT_REBOOT,
        };
        static const struct {
                KdbusSituation situation;
                KdbusVerdict expected;
        } table[] = {
                /* scope test inherited wanted initrd deserializing objective control */

                /* Everything speaks for a bus */
                { { SYS, false, false, true,  false, false, NONE,        3 }, KDBUS_CREATE      },
                { { SYS, false, false, true,  false, false, NONE,        0 }, KDBUS_CREATE      },

                /* Each condition alone prevents it */
                { { USR, false, false, true,  false, false, NONE,        3 }, KDBUS_NOT_SYSTEM  },
                { { SYS, true,  false, true,  false, false, NONE,        3 }, KDBUS_TEST_RUN    },
                { { SYS, false, false, false, false, false, NONE,        3 }, KDBUS_NOT_WANTED  },
                { { SYS, false, false, true,  true,  false, NONE,        3 }, KDBUS_IN_INITRD   },
                { { SYS, false, false, true,  false, true,  NONE,        3 }, KDBUS_TOO_LATE    },
                { { SYS, false, false, true,  false, false, NONE,  -ENOENT }, KDBUS_UNAVAILABLE },

                /* Only a previous manager in the initrd leaves it to us */
                { { SYS, false, false, true,  false, true,  ROOT,        3 }, KDBUS_CREATE      },
                { { SYS, false, false, true,  false, true,  REEX,        3 }, KDBUS_TOO_LATE    },
                { { SYS, false, false, true,  false, true,  SOFT,        3 }, KDBUS_TOO_LATE    },
                { { SYS, false, false, true,  false, true,  ROOT,  -ENOENT }, KDBUS_UNAVAILABLE },
                { { SYS, false, false, true,  true,  true,  ROOT,        3 }, KDBUS_IN_INITRD   },

                /* A bus that's there already is kept, whatever the rest says */
                { { SYS, false, true,  true,  false, true,  REEX,        3 }, KDBUS_KEEP        },
                { { SYS, false, true,  true,  false, true,  SOFT,        3 }, KDBUS_KEEP        },
                { { SYS, false, true,  true,  false, true,  ROOT,        3 }, KDBUS_KEEP        },
                { { SYS, false, true,  false, false, true,  REEX,        3 }, KDBUS_KEEP        },
                { { SYS, false, true,  true,  false, true,  REEX,  -ENOENT }, KDBUS_KEEP        },
                { { SYS, false, true,  false, false, true,  NONE,  -ENOENT }, KDBUS_KEEP        },

                /* But not by user managers and test runs */
                { { USR, false, true,  true,  false, true,  REEX,        3 }, KDBUS_NOT_SYSTEM  },
                { { SYS, true,  true,  true,  false, true,  REEX,        3 }, KDBUS_TEST_RUN    },

                /* If switched off nothing else is worth a word */
                { { SYS, false, false, false, true,  true,  REEX,  -ENOENT }, KDBUS_NOT_WANTED  },
        };

        FOREACH_ELEMENT(t, table) {
                log_debug("case %zu", (size_t) (t - table));
                ASSERT_EQ((int) kdbus_decide(&t->situation), (int) t->expected);
        }
}

static const struct kdbus_item* find_item(const struct kdbus_cmd *cmd, uint64_t type) {
        const struct kdbus_item *found = NULL;
        uint64_t offset = offsetof(struct kdbus_cmd, items);

        while (offset < cmd->size) {
                const struct kdbus_item *item = (const void*) ((const uint8_t*) cmd + offset);

                ASSERT_LE(offset + offsetof(struct kdbus_item, data), cmd->size);
                ASSERT_LE(offset + item->size, cmd->size);

                if (item->type == type) {
                        ASSERT_NULL(found);
                        found = item;
                }

                offset += ALIGN8(item->size);
        }

        ASSERT_EQ(offset, ALIGN8(cmd->size));
        ASSERT_NOT_NULL(found);
        return found;
}

TEST(bus_make_command) {
        FOREACH_STRING(name, "0-system", "1000-x", "4294967294-abcdefg") {
                _cleanup_free_ struct kdbus_cmd *cmd = NULL;
                const struct kdbus_item *item;

                ASSERT_OK(kdbus_bus_make_command(name, &cmd));
                ASSERT_EQ(cmd->flags, (uint64_t) KDBUS_MAKE_ACCESS_WORLD);
                ASSERT_EQ(cmd->return_flags, UINT64_C(0));

                item = find_item(cmd, KDBUS_ITEM_MAKE_NAME);
                ASSERT_EQ(item->size, 16 + strlen(name) + 1);
                ASSERT_STREQ(item->str, name);

                item = find_item(cmd, KDBUS_ITEM_BLOOM_PARAMETER);
                ASSERT_EQ(item->size, UINT64_C(32));
                ASSERT_EQ(item->bloom_parameter.size, UINT64_C(128));
                ASSERT_EQ(item->bloom_parameter.n_hash, UINT64_C(8));

                item = find_item(cmd, KDBUS_ITEM_ATTACH_FLAGS_SEND);
                ASSERT_EQ(item->size, UINT64_C(24));
                ASSERT_EQ(item->data64[0], UINT64_MAX);
        }
}

static void make_manager(Manager *m, RuntimeScope scope) {
        *m = (Manager) {
                .runtime_scope = scope,
                .objective = _MANAGER_OBJECTIVE_INVALID,
                .previous_objective = _MANAGER_OBJECTIVE_INVALID,
                .kdbus_fd = -EBADF,
        };
}

static void make_serialization(FILE **ret, const char *first, Manager *m, FDSet *fds, const char *last) {
        _cleanup_fclose_ FILE *f = NULL;

        ASSERT_OK(open_serialization_file("test-kdbus-setup", &f));
        ASSERT_OK_ERRNO(fputs(first, f));
        if (m)
                ASSERT_OK(manager_serialize_kdbus(m, f, fds));
        ASSERT_OK_ERRNO(fputs(last, f));
        ASSERT_OK(fflush_and_check(f));
        rewind(f);

        *ret = TAKE_PTR(f);
}

TEST(peek_serialization) {
        static const struct {
                const char *text;
                ManagerObjective objective;
                const char *fd;
        } table[] = {
                { "",                                                                                _MANAGER_OBJECTIVE_INVALID, NULL },
                { "\n",                                                                              _MANAGER_OBJECTIVE_INVALID, NULL },
                { "taint-logged=no\n\n",                                                             _MANAGER_OBJECTIVE_INVALID, NULL },
                { "previous-objective=foo\n\n",                                                      _MANAGER_OBJECTIVE_INVALID, NULL },
                { "previous-objective=switch-root\n",                                                MANAGER_SWITCH_ROOT,        NULL },
                { "a=b\nprevious-objective=switch-root\nc=d\n\n",                                    MANAGER_SWITCH_ROOT,        NULL },
                { "previous-objective=soft-reboot\n" KDBUS_SERIALIZATION_KEY "=7\n\n",               MANAGER_SOFT_REBOOT,        "7"  },
                { KDBUS_SERIALIZATION_KEY "=42\na=b\nprevious-objective=reexecute\n\n",              MANAGER_REEXECUTE,          "42" },
                { "a=b\n\nprevious-objective=reexecute\n" KDBUS_SERIALIZATION_KEY "=7\n\n",         _MANAGER_OBJECTIVE_INVALID, NULL },
        };

        FOREACH_ELEMENT(t, table) {
                _cleanup_free_ char *fd = NULL, *contents = NULL;
                _cleanup_fclose_ FILE *f = NULL;
                ManagerObjective objective;

                make_serialization(&f, t->text, /* m= */ NULL, /* fds= */ NULL, "");
                ASSERT_OK(kdbus_peek_serialization(f, &objective, &fd));
                ASSERT_EQ((int) objective, (int) t->objective);
                ASSERT_STREQ(fd, t->fd);

                /* Everything is still there to be deserialized */
                ASSERT_OK(read_full_stream(f, &contents, /* ret_size= */ NULL));
                ASSERT_STREQ(contents, t->text);
        }
}

TEST(serialize) {
        static const char first[] = "current-job-id=17\nprevious-objective=reexecute\n";
        _cleanup_fdset_free_ FDSet *fds = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        _cleanup_free_ char *line = NULL;
        Manager before, after;

        /* The switch must not matter here */
        set_command_lines("", "systemd.kdbus=0");

        make_manager(&before, RUNTIME_SCOPE_SYSTEM);
        ASSERT_OK_ERRNO(before.kdbus_fd = eventfd(4711, EFD_CLOEXEC));

        ASSERT_NOT_NULL((fds = fdset_new()));
        make_serialization(&f, first, &before, fds, "taint-logged=no\n\nfoo.service\nstate=dead\n\n");
        ASSERT_EQ(fdset_size(fds), 1U);

        make_manager(&after, RUNTIME_SCOPE_SYSTEM);
        manager_setup_kdbus(&after, f, fds);

        /* The same object under another number, out of the set, and the stream is back at its start */
        ASSERT_OK(after.kdbus_fd);
        ASSERT_TRUE(after.kdbus_fd != before.kdbus_fd);
        ASSERT_OK_POSITIVE(same_fd(before.kdbus_fd, after.kdbus_fd));
        ASSERT_TRUE(fdset_isempty(fds));
        ASSERT_OK_POSITIVE(read_line(f, LONG_LINE_MAX, &line));
        ASSERT_STREQ(line, "current-job-id=17");

        before.kdbus_fd = safe_close(before.kdbus_fd);
        after.kdbus_fd = safe_close(after.kdbus_fd);
}

TEST(serialize_nothing) {
        _cleanup_fdset_free_ FDSet *fds = NULL;
        _cleanup_free_ char *contents = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        Manager m;

        make_manager(&m, RUNTIME_SCOPE_SYSTEM);
        ASSERT_NOT_NULL((fds = fdset_new()));
        make_serialization(&f, "a=b\n", &m, fds, "c=d\n");
        ASSERT_OK(read_full_stream(f, &contents, /* ret_size= */ NULL));
        ASSERT_STREQ(contents, "a=b\nc=d\n");
        ASSERT_TRUE(fdset_isempty(fds));
}

TEST(no_descriptor_taken) {
        static const struct {
                const char *text;
                RuntimeScope scope;
        } table[] = {
                /* Unit sections are not ours */
                { "previous-objective=reexecute\n\nfoo.service\n" KDBUS_SERIALIZATION_KEY "=%i\n\n", RUNTIME_SCOPE_SYSTEM },
                /* What managers of ten years ago wrote */
                { "kdbus-fd=%i\n\n",                                                                RUNTIME_SCOPE_SYSTEM },
                { KDBUS_SERIALIZATION_KEY "=x%i\n\n",                                               RUNTIME_SCOPE_SYSTEM },
                { KDBUS_SERIALIZATION_KEY "=1%i\n\n",                                               RUNTIME_SCOPE_SYSTEM },
                { KDBUS_SERIALIZATION_KEY "=\n\n",                                                  RUNTIME_SCOPE_SYSTEM },
                { "\n",                                                                             RUNTIME_SCOPE_SYSTEM },
                { KDBUS_SERIALIZATION_KEY "=%i\n\n",                                                RUNTIME_SCOPE_USER   },
        };

        /* Wanted, but these previous managers are not such that a bus would be created, whatever the kernel */
        set_command_lines("", "systemd.kdbus=1");

        FOREACH_ELEMENT(t, table) {
                _cleanup_fdset_free_ FDSet *fds = NULL;
                _cleanup_free_ char *text = NULL;
                _cleanup_fclose_ FILE *f = NULL;
                Manager m;
                int fd;

                ASSERT_NOT_NULL((fds = fdset_new()));
                ASSERT_OK_ERRNO(fd = eventfd(0, EFD_CLOEXEC));
                ASSERT_OK(fdset_put(fds, fd));

                DISABLE_WARNING_FORMAT_NONLITERAL
                ASSERT_OK_ERRNO(asprintf(&text, t->text, fd));
                REENABLE_WARNING
                log_debug("%s", text);

                make_serialization(&f, text, /* m= */ NULL, fds, "");
                make_manager(&m, t->scope);
                manager_setup_kdbus(&m, f, fds);
                ASSERT_EQ(m.kdbus_fd, -EBADF);
                ASSERT_TRUE(fdset_contains(fds, fd));
        }
}

TEST(switched_off) {
        Manager m;

        /* Even if there's a kernel that could */
        set_command_lines("", "systemd.kdbus=0");
        make_manager(&m, RUNTIME_SCOPE_SYSTEM);
        manager_setup_kdbus(&m, /* serialization= */ NULL, /* fds= */ NULL);
        ASSERT_EQ(m.kdbus_fd, -EBADF);
}

TEST(api_mount_point) {
        ASSERT_TRUE(mount_point_is_api(KDBUS_MOUNT_POINT));
        ASSERT_FALSE(mount_point_is_api(KDBUS_MOUNT_POINT "x"));
}

TEST(open_control_refuses) {
        _cleanup_(unlink_tempfilep) char fn[] = "/tmp/test-kdbus-setup.XXXXXX";
        _cleanup_close_ int fd = -EBADF;

        ASSERT_ERROR(kdbus_open_control("/nonexistent/control"), ENOENT);

        /* Something that isn't on kdbusfs at all */
        ASSERT_OK(fd = mkostemp_safe(fn));
        ASSERT_ERROR(kdbus_open_control(fn), EMEDIUMTYPE);
}

TEST(create) {
        _cleanup_close_ int fd = -EBADF, second = -EBADF;
        _cleanup_free_ char *name = NULL, *path = NULL;

        if (access(KDBUS_CONTROL_PATH, F_OK) < 0)
                return (void) log_tests_skipped("no kdbusfs on " KDBUS_MOUNT_POINT);

        ASSERT_OK_ERRNO(asprintf(&name, UID_FMT "-test-" PID_FMT, geteuid(), getpid_cached()));
        ASSERT_NOT_NULL((path = strjoin(KDBUS_MOUNT_POINT "/", name, "/bus")));

        ASSERT_OK(fd = kdbus_open_control(KDBUS_CONTROL_PATH));
        ASSERT_ERROR_ERRNO(access(path, F_OK), ENOENT);
        ASSERT_OK(kdbus_bus_make(fd, name));

        struct stat st;
        ASSERT_OK_ERRNO(stat(path, &st));
        ASSERT_EQ(st.st_mode & 07777, 0666U);
        ASSERT_EQ(st.st_uid, geteuid());

        ASSERT_OK(second = kdbus_open_control(KDBUS_CONTROL_PATH));
        ASSERT_ERROR(kdbus_bus_make(second, name), EEXIST);

        /* The bus lives as long as its descriptor */
        fd = safe_close(fd);
        ASSERT_ERROR_ERRNO(access(path, F_OK), ENOENT);
}

DEFINE_TEST_MAIN(LOG_DEBUG);
