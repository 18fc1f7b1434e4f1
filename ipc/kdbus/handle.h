/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_HANDLE_H
#define __KDBUS_HANDLE_H

/**
 * DOC: handles
 *
 * The open files of kdbusfs. A handle begins in state NONE and becomes, at
 * most once, owner of a bus or endpoint or a connection; closing it shuts
 * down what it has become (H-1, H-7).
 */

#include <linux/fs.h>

extern const struct file_operations kdbus_handle_fops;

#endif
