/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_FILES_H
#define __KDBUS_FILES_H

/**
 * DOC: files of a message
 *
 * The memfds and descriptors that travel with a message: looked up in the
 * sender's process, held while the message waits, installed in the process
 * that receives it. One object serves all receivers and does not change; there
 * is no lock.
 *
 * A file in flight is a reference from a queue to a file. If that file could
 * have this queue in its keeping, neither would ever go away. So what can hold
 * files in flight itself is refused (SEND-5, W-40).
 */

#include <linux/refcount.h>
#include <linux/types.h>

struct file;
struct kdbus_slice;

/**
 * struct kdbus_file - one file of a message
 * @file:	the file, referenced
 * @offset:	where in the message its number belongs
 * @memfd:	it is payload, not an entry of FDS
 */
struct kdbus_file {
	struct file *file;
	u32 offset;
	bool memfd;
};

/**
 * struct kdbus_files - the files of a message
 * @ref:	reference count
 * @n:		number of @files (I)
 * @n_memfds:	how many of them are memfds (I)
 * @files:	in the order of the items (I)
 */
struct kdbus_files {
	refcount_t ref;
	unsigned int n;
	unsigned int n_memfds;
	struct kdbus_file files[] __counted_by(n);
};

struct kdbus_files *kdbus_files_import(void *items, size_t size, u32 offset);
struct kdbus_files *kdbus_files_ref(struct kdbus_files *files);
void kdbus_files_put(struct kdbus_files *files);
bool kdbus_files_install(const struct kdbus_files *files,
			 struct kdbus_slice *slice, bool accept);

/**
 * kdbus_files_fds() - number of entries of the FDS item
 * @files:	files, or NULL
 *
 * Return: the number.
 */
static inline unsigned int kdbus_files_fds(const struct kdbus_files *files)
{
	return files ? files->n - files->n_memfds : 0;
}

/**
 * kdbus_files_memfds() - number of memfds
 * @files:	files, or NULL
 *
 * Return: the number.
 */
static inline unsigned int kdbus_files_memfds(const struct kdbus_files *files)
{
	return files ? files->n_memfds : 0;
}

#endif
