/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <linux/kdbus.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fdset.h"
#include "manager.h"
#include "runtime-scope.h"

/* The system manager makes the system's kernel bus and keeps it alive. The bus exists exactly as long as the
 * descriptor it was made on, hence that descriptor stays in the Manager object, travels in the serialization
 * over everything that replaces the manager's process image, and is closed when the manager goes away.
 *
 * Whether there is a kernel bus is decided once per boot, here and nowhere else, and before the generators
 * run. Everybody else just checks whether /sys/fs/kdbus/0-system/bus exists. */

/* The key of the descriptor in the serialization. (Very old managers used "kdbus-fd", don't reuse that.) */
#define KDBUS_SERIALIZATION_KEY "kernel-bus-fd"

/* Everything the decision depends on. */
typedef struct KdbusSituation {
        RuntimeScope runtime_scope;
        bool test_run;
        bool inherited;                      /* the previous manager handed us its bus */
        bool wanted;                         /* by build, and by default or kernel command line */
        bool in_initrd;
        bool deserializing;                  /* there was a previous manager … */
        ManagerObjective previous_objective; /* … and that's what made it hand over, or _INVALID if it didn't say */
        int control;                         /* what opening the control node and negotiating with it gave: >= 0 or errno */
} KdbusSituation;

typedef enum KdbusVerdict {
        KDBUS_CREATE,
        KDBUS_KEEP,
        KDBUS_NOT_SYSTEM,
        KDBUS_TEST_RUN,
        KDBUS_NOT_WANTED,
        KDBUS_IN_INITRD,
        KDBUS_TOO_LATE,
        KDBUS_UNAVAILABLE,
        _KDBUS_VERDICT_MAX,
        _KDBUS_VERDICT_INVALID = -EINVAL,
} KdbusVerdict;

KdbusVerdict kdbus_decide(const KdbusSituation *s);
int kdbus_peek_serialization(FILE *f, ManagerObjective *ret_objective, char **ret_fd);

int kdbus_open_control(const char *path);
int kdbus_bus_make_command(const char *name, struct kdbus_cmd **ret);
int kdbus_bus_make(int control_fd, const char *name);

void manager_setup_kdbus(Manager *m, FILE *serialization, FDSet *fds);
int manager_serialize_kdbus(Manager *m, FILE *f, FDSet *fds);
