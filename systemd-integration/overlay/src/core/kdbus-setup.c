/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "alloc-util.h"
#include "errno-util.h"
#include "fd-util.h"
#include "fileio.h"
#include "format-util.h"
#include "initrd-util.h"
#include "kdbus-setup.h"
#include "kdbus-util.h"
#include "missing_magic.h"
#include "serialize.h"
#include "stat-util.h"
#include "string-util.h"

/* The filter that senders put on signals. The clients take whatever the bus says, we are the ones to choose. */
#define BLOOM_SIZE 128U
#define BLOOM_N_HASH 8U

KdbusVerdict kdbus_decide(const KdbusSituation *s) {
        assert(s);

        /* The conditions for having a kernel bus, all of them. This function has no side effects and asks
         * nobody, so that a test can go through the cases.
         *
         * One condition is not there yet: that the compatibility daemon, which makes classic D-Bus clients
         * meet the kernel bus, is installed and executable. It comes with the daemon itself, in a later
         * patch. Until then nothing but the bus is there, and dbus.service continues to serve everybody. */

        if (s->runtime_scope != RUNTIME_SCOPE_SYSTEM)
                return KDBUS_NOT_SYSTEM;

        if (s->test_run)
                return KDBUS_TEST_RUN;

        /* A bus that exists has clients. It's kept whatever the switch says now. */
        if (s->inherited)
                return KDBUS_KEEP;

        if (!s->wanted)
                return KDBUS_NOT_WANTED;

        /* Nothing in the initrd needs the bus, the first manager of the host makes it. */
        if (s->in_initrd)
                return KDBUS_IN_INITRD;

        /* Any other previous manager ran this very boot on the classic bus already, and so do its services. */
        if (s->deserializing && s->previous_objective != MANAGER_SWITCH_ROOT)
                return KDBUS_TOO_LATE;

        if (s->control < 0)
                return KDBUS_UNAVAILABLE;

        return KDBUS_CREATE;
}

static void log_verdict(KdbusVerdict v, int error) {
        switch (v) {

        case KDBUS_CREATE:
                log_debug("Kernel bus is requested and available.");
                return;

        case KDBUS_KEEP:
                log_debug("Keeping the kernel bus of the previous manager.");
                return;

        case KDBUS_NOT_SYSTEM:
        case KDBUS_TEST_RUN:
                return;

        case KDBUS_NOT_WANTED:
                log_debug("Kernel bus is not requested.");
                return;

        case KDBUS_IN_INITRD:
                log_debug("Kernel bus is requested, leaving it to the manager of the host to create it.");
                return;

        case KDBUS_TOO_LATE:
                log_notice("Kernel bus is requested, but the previous manager of this boot had none, continuing without until the next boot.");
                return;

        case KDBUS_UNAVAILABLE:
                log_warning_errno(error, "Kernel bus is requested, but %s cannot be used, continuing without: %m", KDBUS_CONTROL_PATH);
                return;

        default:
                assert_not_reached();
        }
}

int kdbus_open_control(const char *path) {
        _cleanup_close_ int fd = -EBADF;
        struct kdbus_cmd cmd = {
                .size = sizeof(struct kdbus_cmd),
                .flags = KDBUS_FLAG_NEGOTIATE,
        };
        int r;

        assert(path);

        /* Opens the control node, and makes sure that it is one and that it knows how to make buses as we
         * need them. Has no effect beyond the descriptor. */

        fd = open(path, O_RDWR|O_CLOEXEC|O_NOCTTY);
        if (fd < 0)
                return -errno;

        r = fd_is_fs_type(fd, KDBUS_SUPER_MAGIC);
        if (r < 0)
                return r;
        if (r == 0)
                return -EMEDIUMTYPE;

        if (ioctl(fd, KDBUS_CMD_BUS_MAKE, &cmd) < 0)
                return -errno;

        if (!FLAGS_SET(cmd.flags, KDBUS_MAKE_ACCESS_WORLD))
                return -EOPNOTSUPP;

        return TAKE_FD(fd);
}

static struct kdbus_item* item_append(struct kdbus_item *item, uint64_t type, const void *payload, size_t size) {
        assert(item);
        assert(payload);

        item->type = type;
        item->size = offsetof(struct kdbus_item, data) + size;
        memcpy(item->data, payload, size);

        return (struct kdbus_item*) ((uint8_t*) item + ALIGN8(item->size));
}

static size_t item_space(size_t size) {
        return ALIGN8(offsetof(struct kdbus_item, data) + size);
}

int kdbus_bus_make_command(const char *name, struct kdbus_cmd **ret) {
        static const struct kdbus_bloom_parameter bloom = {
                .size = BLOOM_SIZE,
                .n_hash = BLOOM_N_HASH,
        };
        static const uint64_t attach = _KDBUS_ATTACH_ANY;
        _cleanup_free_ struct kdbus_cmd *cmd = NULL;
        struct kdbus_item *item;
        size_t size;

        assert(name);
        assert(ret);

        size = offsetof(struct kdbus_cmd, items) +
                item_space(sizeof(bloom)) +
                item_space(sizeof(attach)) +
                item_space(strlen(name) + 1);

        cmd = malloc0(size);
        if (!cmd)
                return -ENOMEM;

        cmd->size = size;
        cmd->flags = KDBUS_MAKE_ACCESS_WORLD;

        item = cmd->items;
        item = item_append(item, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
        item = item_append(item, KDBUS_ITEM_ATTACH_FLAGS_SEND, &attach, sizeof(attach));
        item = item_append(item, KDBUS_ITEM_MAKE_NAME, name, strlen(name) + 1);

        assert((uint8_t*) item == (uint8_t*) cmd + size);

        *ret = TAKE_PTR(cmd);
        return 0;
}

int kdbus_bus_make(int control_fd, const char *name) {
        _cleanup_free_ struct kdbus_cmd *cmd = NULL;
        int r;

        assert(control_fd >= 0);
        assert(name);

        /* Turns the open control node into a bus that anybody may connect to. The kernel insists that the
         * name begins with our effective UID and a dash. */

        r = kdbus_bus_make_command(name, &cmd);
        if (r < 0)
                return r;

        return RET_NERRNO(ioctl(control_fd, KDBUS_CMD_BUS_MAKE, cmd));
}

int kdbus_peek_serialization(FILE *f, ManagerObjective *ret_objective, char **ret_fd) {
        _cleanup_free_ char *fd = NULL;
        ManagerObjective objective = _MANAGER_OBJECTIVE_INVALID;
        long start;
        int r;

        assert(f);
        assert(ret_objective);
        assert(ret_fd);

        /* The manager deserializes after the generators ran, but the bus is decided on before, hence look
         * ahead. What we need is in the first section, i.e. before the first empty line. */

        start = ftell(f);
        if (start < 0)
                return -errno;

        for (;;) {
                _cleanup_free_ char *line = NULL;
                const char *val;

                r = deserialize_read_line(f, &line);
                if (r <= 0) /* error, EOF or end of the section */
                        break;

                if ((val = startswith(line, "previous-objective=")))
                        objective = manager_objective_from_string(val);
                else if ((val = startswith(line, KDBUS_SERIALIZATION_KEY "="))) {
                        r = free_and_strdup(&fd, val);
                        if (r < 0)
                                break;
                }
        }

        if (fseek(f, start, SEEK_SET) < 0)
                return -errno;
        if (r < 0)
                return r;

        *ret_objective = objective;
        *ret_fd = TAKE_PTR(fd);
        return 0;
}

static bool read_switch(void) {
        int r;

        r = kdbus_read_switch();
        if (r < 0) {
                log_warning_errno(r, "Failed to read kernel bus switch from kernel command line, ignoring: %m");
                return kdbus_wanted();
        }

        return r;
}

static void look_back(FILE *serialization, FDSet *fds, KdbusSituation *s, int *ret_fd) {
        _cleanup_free_ char *value = NULL;
        int r;

        assert(serialization);
        assert(s);
        assert(ret_fd);

        *ret_fd = -EBADF;

        r = kdbus_peek_serialization(serialization, &s->previous_objective, &value);
        if (r < 0)
                return (void) log_warning_errno(r, "Failed to look for a kernel bus in the serialization, ignoring: %m");
        if (!value)
                return;

        r = deserialize_fd(fds, value);
        if (r < 0)
                return (void) log_warning_errno(r, "Failed to take over the kernel bus of the previous manager, ignoring: %m");

        s->inherited = true;
        *ret_fd = r;
}

static int create_system_bus(int control_fd) {
        _cleanup_free_ char *name = NULL;
        int r;

        if (asprintf(&name, UID_FMT "-system", geteuid()) < 0)
                return log_oom();

        r = kdbus_bus_make(control_fd, name);
        if (r < 0)
                return log_warning_errno(r, "Failed to create kernel bus '%s', continuing without: %m", name);

        log_info("Created kernel bus '%s/%s'.", KDBUS_MOUNT_POINT, name);
        return 0;
}

void manager_setup_kdbus(Manager *m, FILE *serialization, FDSet *fds) {
        _cleanup_close_ int fd = -EBADF;
        KdbusVerdict verdict;

        assert(m);
        assert(m->kdbus_fd < 0);

        /* Nothing here is ever fatal: without a kernel bus the system is what it always was. */

        KdbusSituation situation = {
                .runtime_scope = m->runtime_scope,
                .test_run = MANAGER_IS_TEST_RUN(m),
                .deserializing = serialization,
                .previous_objective = _MANAGER_OBJECTIVE_INVALID,
        };

        if (MANAGER_IS_SYSTEM(m) && !MANAGER_IS_TEST_RUN(m)) {
                situation.wanted = read_switch();
                situation.in_initrd = in_initrd();

                if (serialization)
                        look_back(serialization, fds, &situation, &fd);
        }

        /* The kernel is asked last, and only if everything else speaks for it. */
        verdict = kdbus_decide(&situation);
        if (verdict == KDBUS_CREATE) {
                fd = situation.control = kdbus_open_control(KDBUS_CONTROL_PATH);
                verdict = kdbus_decide(&situation);
        }

        log_verdict(verdict, situation.control);

        if (verdict == KDBUS_CREATE && create_system_bus(fd) < 0)
                return;

        if (IN_SET(verdict, KDBUS_CREATE, KDBUS_KEEP))
                m->kdbus_fd = TAKE_FD(fd);
}

int manager_serialize_kdbus(Manager *m, FILE *f, FDSet *fds) {
        assert(m);

        /* After daemon-reload the entry is ignored, the manager still holds the original. */
        return serialize_fd(f, fds, KDBUS_SERIALIZATION_KEY, m->kdbus_fd);
}
