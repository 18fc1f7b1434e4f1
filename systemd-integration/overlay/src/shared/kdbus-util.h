/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* The system's own instance of kdbusfs. Every mount of that file system is an empty domain of its own, so
 * that there is exactly one place to look at. */
#define KDBUS_MOUNT_POINT "/sys/fs/kdbus"
#define KDBUS_CONTROL_PATH KDBUS_MOUNT_POINT "/control"

int kdbus_read_switch(void);
bool kdbus_wanted(void);
