/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_FS_H
#define __KDBUS_FS_H

/**
 * DOC: kdbusfs
 *
 * The file system that shows domains. Each mount is a domain of its own. The
 * tree of nodes is the truth; inodes and dentries are made on look-up and
 * never believed without asking the node, so that there is nothing to keep in
 * step (FS-9).
 */

/* Where kdbusfs is mounted by convention, below /sys/fs. */
#define KDBUS_MOUNT_POINT "kdbus"

#endif
