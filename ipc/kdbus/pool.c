// SPDX-License-Identifier: GPL-2.0-only
#include <linux/file.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include "item.h"
#include "pool.h"

/**
 * kdbus_slice_new() - get the memory that kdbus_pool_alloc() may need
 * @pool:	pool that it is for
 *
 * A slice can outlive its message by far, so the client pays for it.
 *
 * Return: a slice of no pool, to be given to kdbus_pool_alloc() or kfree();
 * NULL if there is no memory.
 */
struct kdbus_slice *kdbus_slice_new(const struct kdbus_pool *pool)
{
	struct mem_cgroup *old = set_active_memcg(pool->memcg);
	struct kdbus_slice *slice;

	slice = kzalloc(sizeof(*slice), GFP_KERNEL_ACCOUNT |
			__GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	set_active_memcg(old);

	return slice;
}

static void slice_init(struct kdbus_slice *slice, struct kdbus_pool *pool,
		       u64 offset, u64 size)
{
	*slice = (struct kdbus_slice){};
	slice->pool = pool;
	slice->offset = offset;
	slice->size = size;
}

static bool free_less(struct rb_node *node_a, const struct rb_node *node_b)
{
	struct kdbus_slice *a = rb_entry(node_a, struct kdbus_slice, node);
	struct kdbus_slice *b = rb_entry(node_b, struct kdbus_slice, node);

	return a->size != b->size ? a->size < b->size : a->offset < b->offset;
}

static bool busy_less(struct rb_node *node_a, const struct rb_node *node_b)
{
	return rb_entry(node_a, struct kdbus_slice, node)->offset <
	       rb_entry(node_b, struct kdbus_slice, node)->offset;
}

static int busy_cmp(const void *key, const struct rb_node *node)
{
	u64 offset = rb_entry(node, struct kdbus_slice, node)->offset;
	u64 want = *(const u64 *)key;

	return want < offset ? -1 : want > offset;
}

static bool slice_is_free(const struct kdbus_slice *slice)
{
	return !slice->held_kernel && !slice->held_user;
}

static void put_folio(struct folio **folio)
{
	if (*folio)
		folio_put(*folio);
	*folio = NULL;
}

/**
 * kdbus_pool_init() - create a pool
 * @pool:	pool
 * @name:	what /proc/PID/maps shows
 * @size:	bytes, a multiple of the page size
 * @lock:	the lock under which the pool will be used
 *
 * POOL-1: the size is charged to the system's memory commitment at once,
 * pages are instantiated when they are first written.
 *
 * Return: 0; -EINVAL for 2^63 and above; -ENOMEM. After a failure
 * kdbus_pool_destroy() does nothing.
 */
int kdbus_pool_init(struct kdbus_pool *pool, const char *name, u64 size,
		    struct mutex *lock)
{
	struct kdbus_slice *all;
	struct file *file;

	memset(pool, 0, sizeof(*pool));
	INIT_LIST_HEAD(&pool->slices);

	if (size > MAX_LFS_FILESIZE)
		return -EINVAL;

	all = kdbus_slice_new(pool);
	if (!all)
		return -ENOMEM;

	file = shmem_file_setup(name, size, 0);
	if (IS_ERR(file)) {
		kfree(all);
		return -ENOMEM;	/* shared memory also says -ENOSPC */
	}

	pool->file = file;
	pool->memcg = get_mem_cgroup_from_mm(current->mm);
	pool->size = size;
	pool->lock = lock;
	slice_init(all, pool, 0, size);
	list_add(&all->entry, &pool->slices);
	rb_add(&all->node, &pool->free, free_less);

	return 0;
}

/**
 * kdbus_pool_destroy() - free a pool
 * @pool:	pool that nobody uses any more; mappings of it may remain
 */
void kdbus_pool_destroy(struct kdbus_pool *pool)
{
	struct kdbus_slice *slice, *tmp;

	list_for_each_entry_safe(slice, tmp, &pool->slices, entry) {
		put_folio(&slice->folio);
		kfree(slice);
	}
	INIT_LIST_HEAD(&pool->slices);
	kfree(pool->spare);
	pool->spare = NULL;
	put_folio(&pool->hot);

	if (pool->file)
		fput(pool->file);
	pool->file = NULL;
	mem_cgroup_put(pool->memcg);
	pool->memcg = NULL;
}

/**
 * kdbus_pool_mmap() - map a pool
 * @pool:	pool
 * @vma:	mapping being made
 *
 * POOL-2. Takes no lock.
 *
 * Return: 0; -EPERM for a writable mapping; -EFAULT for one longer than the
 * pool.
 */
int kdbus_pool_mmap(struct kdbus_pool *pool, struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	if (vma->vm_end - vma->vm_start > pool->size)
		return -EFAULT;

	vm_flags_clear(vma, VM_MAYWRITE);
	vma_set_file(vma, pool->file);

	return call_mmap(pool->file, vma);
}

/* POOL-3: the smallest free range that is large enough. */
static struct kdbus_slice *best_fit(struct kdbus_pool *pool, u64 size)
{
	struct rb_node *node = pool->free.rb_node;
	struct kdbus_slice *best = NULL;

	while (node) {
		struct kdbus_slice *slice;

		slice = rb_entry(node, struct kdbus_slice, node);
		if (slice->size < size) {
			node = node->rb_right;
		} else {
			best = slice;
			node = node->rb_left;
		}
	}

	return best;
}

/**
 * kdbus_pool_alloc() - reserve a slice
 * @pool:	pool, locked
 * @size:	bytes, more than 0; rounded up to 8
 * @spare:	memory for the rest of the free range, from kdbus_slice_new(),
 *		or NULL in the hope that none is needed; set to NULL if it was
 *		used, else the caller frees it
 *
 * Return: a slice held by the kernel; -EXFULL if no free range is large
 * enough; -EAGAIN if @spare is needed and missing.
 */
struct kdbus_slice *kdbus_pool_alloc(struct kdbus_pool *pool, u64 size,
				     struct kdbus_slice **spare)
{
	struct kdbus_slice *slice, *rest;

	lockdep_assert_held(pool->lock);

	if (size > pool->size)
		return ERR_PTR(-EXFULL);

	size = KDBUS_ALIGN8(size);
	slice = best_fit(pool, size);
	if (!slice)
		return ERR_PTR(-EXFULL);

	rest = NULL;
	if (slice->size > size) {
		if (!pool->spare)
			swap(pool->spare, *spare);
		swap(rest, pool->spare);
		if (!rest)
			return ERR_PTR(-EAGAIN);
	}

	rb_erase(&slice->node, &pool->free);
	if (rest) {
		slice_init(rest, pool, slice->offset + size,
			   slice->size - size);
		slice->size = size;
		list_add(&rest->entry, &slice->entry);
		rb_add(&rest->node, &pool->free, free_less);
	}

	if (pool->hot && folio_contains(pool->hot, slice->offset >> PAGE_SHIFT)) {
		slice->folio = pool->hot;
		folio_get(slice->folio);
	}
	slice->held_kernel = 1;
	WRITE_ONCE(pool->used, pool->used + size);
	rb_add(&slice->node, &pool->busy, busy_less);

	return slice;
}

/**
 * kdbus_pool_find() - find the slice that begins at an offset
 * @pool:	pool, locked
 * @offset:	any number
 *
 * Return: the slice, whoever holds it; NULL if none begins there.
 */
struct kdbus_slice *kdbus_pool_find(struct kdbus_pool *pool, u64 offset)
{
	struct rb_node *node;

	lockdep_assert_held(pool->lock);

	node = rb_find(&offset, &pool->busy, busy_cmp);
	return node ? rb_entry(node, struct kdbus_slice, node) : NULL;
}

/* Keeps the memory of one slice, as the next message needs it again. */
static void slice_forget(struct kdbus_pool *pool, struct kdbus_slice *slice)
{
	if (pool->spare)
		kfree(slice);
	else
		pool->spare = slice;
}

/* Appends the free range that follows to a free range that is in no tree. */
static void merge_next(struct kdbus_pool *pool, struct kdbus_slice *slice)
{
	struct kdbus_slice *next;

	if (list_is_last(&slice->entry, &pool->slices))
		return;
	next = list_next_entry(slice, entry);
	if (!slice_is_free(next))
		return;

	rb_erase(&next->node, &pool->free);
	list_del(&next->entry);
	slice->size += next->size;
	slice_forget(pool, next);
}

static void slice_release(struct kdbus_slice *slice)
{
	struct kdbus_pool *pool = slice->pool;
	struct kdbus_slice *prev;

	if (!slice_is_free(slice))
		return;

	rb_erase(&slice->node, &pool->busy);
	WRITE_ONCE(pool->used, pool->used - slice->size);
	merge_next(pool, slice);

	if (!list_is_first(&slice->entry, &pool->slices)) {
		prev = list_prev_entry(slice, entry);
		if (slice_is_free(prev)) {
			rb_erase(&prev->node, &pool->free);
			prev->size += slice->size;
			list_del(&slice->entry);
			slice_forget(pool, slice);
			slice = prev;
		}
	}

	rb_add(&slice->node, &pool->free, free_less);
}

/**
 * kdbus_slice_written() - a slice will not be written for now
 * @slice:	slice, pool locked
 *
 * Of all folios that were written only the last one stays referenced.
 */
void kdbus_slice_written(struct kdbus_slice *slice)
{
	lockdep_assert_held(slice->pool->lock);

	if (slice->folio)
		swap(slice->pool->hot, slice->folio);
	put_folio(&slice->folio);
}

/**
 * kdbus_slice_hold() - the kernel holds a slice once more
 * @slice:	slice that the kernel holds, pool locked
 *
 * For whoever reads it with nothing locked; kdbus_slice_release_kernel() ends
 * it.
 */
void kdbus_slice_hold(struct kdbus_slice *slice)
{
	lockdep_assert_held(slice->pool->lock);
	slice->held_kernel++;
}

/**
 * kdbus_slice_publish() - let the client hold a slice, too
 * @slice:	slice, pool locked; its offset is about to be reported
 *
 * A slice that the client holds already gets no second hold (POOL-4).
 */
void kdbus_slice_publish(struct kdbus_slice *slice)
{
	lockdep_assert_held(slice->pool->lock);
	slice->held_user = true;
}

/**
 * kdbus_slice_release_kernel() - the kernel lets go of a slice
 * @slice:	slice, pool locked; gone when this returns, unless it is held
 *		otherwise
 */
void kdbus_slice_release_kernel(struct kdbus_slice *slice)
{
	lockdep_assert_held(slice->pool->lock);
	kdbus_slice_written(slice);
	slice->held_kernel--;
	slice_release(slice);
}

/**
 * kdbus_slice_release_user() - the client lets go of a slice
 * @slice:	slice, pool locked; gone when this returns
 */
void kdbus_slice_release_user(struct kdbus_slice *slice)
{
	lockdep_assert_held(slice->pool->lock);
	slice->held_user = false;
	slice_release(slice);
}

/**
 * kdbus_pool_write_begin() - begin to write a slice
 * @writer:	position, end with kdbus_pool_write_end()
 * @slice:	slice that this task has reserved
 */
void kdbus_pool_write_begin(struct kdbus_pool_writer *writer,
			    struct kdbus_slice *slice)
{
	writer->slice = slice;
	writer->pos = 0;
	writer->folio = slice->folio;
	slice->folio = NULL;
	if (writer->folio)
		folio_mark_dirty(writer->folio);
}

/**
 * kdbus_pool_write_end() - end writing
 * @writer:	position
 */
void kdbus_pool_write_end(struct kdbus_pool_writer *writer)
{
	writer->slice->folio = writer->folio;
	writer->folio = NULL;
}

/*
 * Reads or instantiates a page of the pool, charged to the client. Fails rather
 * than wake the OOM killer for a full cgroup.
 */
static struct folio *get_folio(struct kdbus_pool *pool, loff_t pos)
{
	struct address_space *mapping = file_inode(pool->file)->i_mapping;
	struct mem_cgroup *old;
	struct folio *folio;

	cond_resched();
	old = set_active_memcg(pool->memcg);
	folio = shmem_read_folio_gfp(mapping, pos >> PAGE_SHIFT,
				     mapping_gfp_mask(mapping) |
				     __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	set_active_memcg(old);
	if (IS_ERR(folio))
		return folio;

	if (folio_test_hwpoison(folio)) {
		folio_put(folio);
		return ERR_PTR(-EIO);
	}

	return folio;
}

/*
 * Makes @writer->folio the one at the position. It is referenced and marked
 * dirty, so that reclaim leaves it alone; it is not locked while it is
 * written, because the bytes may come from a mapping of this very folio.
 */
static int writer_seek(struct kdbus_pool_writer *writer, loff_t pos)
{
	struct folio *folio;

	put_folio(&writer->folio);

	folio = get_folio(writer->slice->pool, pos);
	if (IS_ERR(folio))
		return PTR_ERR(folio);

	folio_mark_dirty(folio);
	writer->folio = folio;

	return 0;
}

/**
 * kdbus_pool_write_iter() - copy bytes into a slice
 * @writer:	position, advanced
 * @iter:	source, drained on success
 *
 * Does not fault in user memory.
 *
 * Return: 0; -EAGAIN if the source would have to be faulted in; -ENOMEM and
 * other errors of shared memory. Not a signal: what the kernel has to tell is
 * told by whoever is being killed, too (NOTE-3, REPLY-4).
 */
int kdbus_pool_write_iter(struct kdbus_pool_writer *writer,
			  struct iov_iter *iter)
{
	struct kdbus_slice *slice = writer->slice;
	size_t off, n;
	loff_t pos;
	int ret;

	if (WARN_ON_ONCE(iov_iter_count(iter) > slice->size - writer->pos))
		return -ENOTRECOVERABLE;

	while (iov_iter_count(iter)) {
		pos = slice->offset + writer->pos;

		if (!writer->folio ||
		    !folio_contains(writer->folio, pos >> PAGE_SHIFT)) {
			ret = writer_seek(writer, pos);
			if (ret)
				return ret;
		}

		off = offset_in_folio(writer->folio, pos);
		n = min(folio_size(writer->folio) - off, iov_iter_count(iter));

		if (copy_folio_from_iter_atomic(writer->folio, off, n, iter) !=
		    n)
			return -EAGAIN;
		flush_dcache_folio(writer->folio);
		writer->pos += n;
	}

	return 0;
}

/**
 * kdbus_pool_write() - write bytes of kernel memory into a slice
 * @writer:	position, advanced
 * @data:	source
 * @size:	number of bytes
 *
 * Return: as kdbus_pool_write_iter().
 */
int kdbus_pool_write(struct kdbus_pool_writer *writer, const void *data,
		     size_t size)
{
	struct kvec vec = { .iov_base = (void *)data, .iov_len = size };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, size);
	return kdbus_pool_write_iter(writer, &iter);
}

/**
 * kdbus_pool_write_zero() - write zero bytes into a slice
 * @writer:	position, advanced
 * @size:	number of bytes, at most 8
 *
 * Return: as kdbus_pool_write_iter().
 */
int kdbus_pool_write_zero(struct kdbus_pool_writer *writer, size_t size)
{
	static const u64 zero;

	if (WARN_ON_ONCE(size > sizeof(zero)))
		return -ENOTRECOVERABLE;

	return size ? kdbus_pool_write(writer, &zero, size) : 0;
}

/**
 * kdbus_pool_read() - read bytes of a slice
 * @slice:	slice that the kernel holds
 * @pos:	where, a multiple of 8, within the slice
 * @data:	returns the bytes
 * @size:	number of bytes, at most 8
 *
 * Return: 0; errors of shared memory.
 */
int kdbus_pool_read(const struct kdbus_slice *slice, u64 pos, void *data,
		    size_t size)
{
	struct folio *folio;

	if (WARN_ON_ONCE(size > 8 || pos % 8 || pos + size > slice->size))
		return -ENOTRECOVERABLE;

	pos += slice->offset;
	folio = get_folio(slice->pool, pos);
	if (IS_ERR(folio))
		return PTR_ERR(folio);

	memcpy_from_folio(data, folio, offset_in_folio(folio, pos), size);
	folio_put(folio);
	return 0;
}

/**
 * kdbus_pool_copy() - copy a message from one pool into another
 * @to:		slice that this task has reserved
 * @from:	slice of the same size that the kernel holds
 *
 * Return: as kdbus_pool_write_iter().
 */
int kdbus_pool_copy(struct kdbus_slice *to, const struct kdbus_slice *from)
{
	struct kdbus_pool_writer writer;
	struct folio *folio;
	int ret = 0;
	void *addr;
	loff_t pos;
	size_t n;

	kdbus_pool_write_begin(&writer, to);
	while (!ret && writer.pos < from->size) {
		pos = from->offset + writer.pos;
		folio = get_folio(from->pool, pos);
		if (IS_ERR(folio)) {
			ret = PTR_ERR(folio);
			break;
		}

		/* A page at a time, as only that much can be mapped. */
		n = min(PAGE_SIZE - offset_in_page(pos),
			from->size - writer.pos);
		addr = kmap_local_folio(folio, offset_in_folio(folio, pos));
		ret = kdbus_pool_write(&writer, addr, n);
		kunmap_local(addr);
		folio_put(folio);
	}
	kdbus_pool_write_end(&writer);

	return ret;
}
