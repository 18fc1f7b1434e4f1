/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KDBUS_POOL_H
#define __KDBUS_POOL_H

/**
 * DOC: pool
 *
 * A pool is the receive buffer of a connection: shared memory that the kernel
 * writes and the client maps read-only. It is handed out in slices.
 *
 * A slice is held by the kernel (a message is being written or is queued), by
 * the client (he was told the offset and has not freed it), or by both, and
 * returns to the free space when neither holds it (POOL-4).
 *
 * The caller locks: kdbus_pool_alloc(), _find(), _publish() and the
 * release functions want the data lock of the connection that owns the pool.
 * Writing into a slice needs no lock, as only the task that reserved a slice
 * writes to it, before the slice is queued or reported; it may fault in user
 * memory. A struct kdbus_pool_writer is a local variable of that task.
 *
 * The source may be user memory, which is never waited for: a write that would
 * fault stops with -EAGAIN, and the caller gives the slice back before he lets
 * the fault happen. A slice is thus never reserved for longer than a copy
 * takes.
 *
 * Small messages come and go in the same place: the folio that was written last
 * is kept, so that the next write need not look it up.
 *
 * Memory: pages are charged to the memory cgroup of the client, whoever
 * makes the kernel write them. A charge that fails makes the write fail
 * instead of killing somebody (W-19); for pages that the client touches first
 * himself the usual rules hold.
 */

#include <linux/mm_types.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/uio.h>

struct file;
struct mem_cgroup;
struct mutex;
struct vm_area_struct;

/**
 * struct kdbus_pool - receive buffer of a connection
 * @file:	shared memory (I)
 * @memcg:	who pays for it, may be NULL (I)
 * @size:	bytes, a multiple of the page size (I)
 * @used:	bytes of slices that somebody holds (conn.data; read without)
 * @free:	free ranges by size, then offset (conn.data)
 * @busy:	slices by offset (conn.data)
 * @slices:	all ranges in the order of their offsets (conn.data)
 * @spare:	memory of a range that was merged, for the next one that is
 *		split, or NULL (conn.data)
 * @hot:	the folio that was written last, referenced, or NULL (conn.data)
 * @lock:	the lock that the caller holds, for lockdep (I)
 */
struct kdbus_pool {
	struct file *file;
	struct mem_cgroup *memcg;
	u64 size;
	u64 used;
	struct rb_root free;
	struct rb_root busy;
	struct list_head slices;
	struct kdbus_slice *spare;
	struct folio *hot;
	struct mutex *lock;
};

/**
 * struct kdbus_slice - range of a pool
 * @pool:	the pool it belongs to (I)
 * @offset:	first byte, a multiple of 8 (I)
 * @size:	bytes, a multiple of 8 (conn.data; fixed while it is held)
 * @entry:	place in the order of offsets (conn.data)
 * @node:	place among the free or the busy ones (conn.data)
 * @held_kernel: how often it is held by the kernel (conn.data)
 * @held_user:	held by the client (conn.data)
 * @folio:	folio of its first or last bytes, referenced, or NULL (who
 *		writes it; conn.data when it is released)
 */
struct kdbus_slice {
	struct kdbus_pool *pool;
	u64 offset;
	u64 size;
	struct list_head entry;
	struct rb_node node;
	unsigned int held_kernel;
	bool held_user;
	struct folio *folio;
};

/**
 * struct kdbus_pool_writer - position while a slice is being written
 * @slice:	slice being written
 * @pos:	bytes written so far
 * @folio:	the folio of the last write, referenced, or NULL
 */
struct kdbus_pool_writer {
	struct kdbus_slice *slice;
	u64 pos;
	struct folio *folio;
};

int kdbus_pool_init(struct kdbus_pool *pool, const char *name, u64 size,
		    struct mutex *lock);
void kdbus_pool_destroy(struct kdbus_pool *pool);
int kdbus_pool_mmap(struct kdbus_pool *pool, struct vm_area_struct *vma);

struct kdbus_slice *kdbus_slice_new(const struct kdbus_pool *pool);
struct kdbus_slice *kdbus_pool_alloc(struct kdbus_pool *pool, u64 size,
				     struct kdbus_slice **spare);
struct kdbus_slice *kdbus_pool_find(struct kdbus_pool *pool, u64 offset);
void kdbus_slice_written(struct kdbus_slice *slice);
void kdbus_slice_hold(struct kdbus_slice *slice);
void kdbus_slice_publish(struct kdbus_slice *slice);
void kdbus_slice_release_kernel(struct kdbus_slice *slice);
void kdbus_slice_release_user(struct kdbus_slice *slice);

void kdbus_pool_write_begin(struct kdbus_pool_writer *writer,
			    struct kdbus_slice *slice);
int kdbus_pool_write_iter(struct kdbus_pool_writer *writer,
			  struct iov_iter *iter);
int kdbus_pool_write(struct kdbus_pool_writer *writer, const void *data,
		     size_t size);
int kdbus_pool_write_zero(struct kdbus_pool_writer *writer, size_t size);
void kdbus_pool_write_end(struct kdbus_pool_writer *writer);
int kdbus_pool_read(const struct kdbus_slice *slice, u64 pos, void *data,
		    size_t size);
int kdbus_pool_copy(struct kdbus_slice *to, const struct kdbus_slice *from);

/**
 * kdbus_pool_write_seek() - go on elsewhere in the slice
 * @writer:	position
 * @pos:	bytes from the beginning of the slice, within it
 */
static inline void kdbus_pool_write_seek(struct kdbus_pool_writer *writer,
					 u64 pos)
{
	writer->pos = pos;
}

#endif
