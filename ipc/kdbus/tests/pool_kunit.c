// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of pool.c: allocation, holds, and writing.
 */
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/prandom.h>
#include <linux/shmem_fs.h>
#include <linux/uaccess.h>

#include "../pool.h"

#define SEED		20261122
#define POOL_SIZE	(8 * PAGE_SIZE)

/**
 * struct fixture - a pool and its lock
 * @lock:	lock of the connection
 * @pool:	the pool, of POOL_SIZE
 */
struct fixture {
	struct mutex lock; /* that the caller holds */
	struct kdbus_pool pool;
};

static int pool_init(struct kunit *test)
{
	struct fixture *fix;
	int ret;

	fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	if (!fix)
		return -ENOMEM;

	mutex_init(&fix->lock);
	ret = kdbus_pool_init(&fix->pool, "kdbus-kunit", POOL_SIZE, &fix->lock);
	if (ret)
		return ret;

	test->priv = fix;
	return 0;
}

static void pool_exit(struct kunit *test)
{
	struct fixture *fix = test->priv;

	if (fix)
		kdbus_pool_destroy(&fix->pool);
}

static struct kdbus_slice *alloc(struct fixture *fix, u64 size)
{
	struct kdbus_slice *slice, *spare = kdbus_slice_new(&fix->pool);

	if (!spare)
		return ERR_PTR(-ENOMEM);

	mutex_lock(&fix->lock);
	slice = kdbus_pool_alloc(&fix->pool, size, &spare);
	mutex_unlock(&fix->lock);
	kfree(spare);

	return slice;
}

static struct kdbus_slice *alloc_ok(struct kunit *test, struct fixture *fix,
				    u64 size)
{
	struct kdbus_slice *slice = alloc(fix, size);

	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR_OR_NULL(slice), "%llu bytes: %ld",
			       size, PTR_ERR(slice));
	return slice;
}

static struct kdbus_slice *find(struct fixture *fix, u64 offset)
{
	struct kdbus_slice *slice;

	mutex_lock(&fix->lock);
	slice = kdbus_pool_find(&fix->pool, offset);
	mutex_unlock(&fix->lock);

	return slice;
}

static void publish(struct fixture *fix, struct kdbus_slice *slice)
{
	mutex_lock(&fix->lock);
	kdbus_slice_publish(slice);
	mutex_unlock(&fix->lock);
}

static void drop_kernel(struct fixture *fix, struct kdbus_slice *slice)
{
	mutex_lock(&fix->lock);
	kdbus_slice_release_kernel(slice);
	mutex_unlock(&fix->lock);
}

static void drop_user(struct fixture *fix, struct kdbus_slice *slice)
{
	mutex_lock(&fix->lock);
	kdbus_slice_release_user(slice);
	mutex_unlock(&fix->lock);
}

/* Nothing is allocated and all ranges have merged: one slice takes it all. */
static void expect_pristine(struct kunit *test, struct fixture *fix)
{
	struct kdbus_slice *slice = alloc_ok(test, fix, fix->pool.size);

	KUNIT_EXPECT_EQ(test, slice->offset, 0);
	KUNIT_EXPECT_EQ(test, slice->size, fix->pool.size);
	drop_kernel(fix, slice);
}

static struct address_space *mapping(struct fixture *fix)
{
	return file_inode(fix->pool.file)->i_mapping;
}

/* What the pool holds at an offset, as a client would see it. */
static u8 peek(struct kunit *test, struct fixture *fix, u64 offset)
{
	struct page *page;
	u8 byte;

	page = shmem_read_mapping_page(mapping(fix), offset >> PAGE_SHIFT);
	KUNIT_ASSERT_FALSE(test, IS_ERR(page));
	memcpy_from_page(&byte, page, offset_in_page(offset), 1);
	put_page(page);

	return byte;
}

static void expect_bytes(struct kunit *test, struct fixture *fix, u64 offset,
			 const u8 *want, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		KUNIT_ASSERT_EQ_MSG(test, peek(test, fix, offset + i), want[i],
				    "offset %llu + %zu", offset, i);
}

/* POOL-1: sizes that cannot be, and what is left after a failure. */
static void init_refuses(struct kunit *test)
{
	static const u64 sizes[] = {
		1ULL << 63, (1ULL << 63) + PAGE_SIZE, U64_MAX,
	};
	struct fixture *fix = test->priv;
	struct kdbus_pool pool;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(&pool, 0xff, sizeof(pool));
		KUNIT_EXPECT_EQ(test, kdbus_pool_init(&pool, "kdbus-kunit",
						      sizes[i], &fix->lock),
				-EINVAL);
		kdbus_pool_destroy(&pool);
		kdbus_pool_destroy(&pool);
	}

	/* More than the system commits; 2^63 less one page is no exception. */
	if (IS_ENABLED(CONFIG_64BIT)) {
		memset(&pool, 0xff, sizeof(pool));
		KUNIT_EXPECT_EQ(test,
				kdbus_pool_init(&pool, "kdbus-kunit",
						(1ULL << 63) - PAGE_SIZE,
						&fix->lock), -ENOMEM);
		kdbus_pool_destroy(&pool);
	}
}

/* POOL-1: exactly pool_size bytes; pages come with the first write. */
static void backing_file(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_pool_writer writer;
	struct kdbus_slice *slice;

	KUNIT_EXPECT_EQ(test, i_size_read(file_inode(fix->pool.file)),
			POOL_SIZE);
	KUNIT_EXPECT_EQ(test, mapping(fix)->nrpages, 0);

	slice = alloc_ok(test, fix, POOL_SIZE);
	KUNIT_EXPECT_EQ(test, mapping(fix)->nrpages, 0);
	kdbus_pool_write_begin(&writer, slice);
	KUNIT_EXPECT_EQ(test, mapping(fix)->nrpages, 0);
	KUNIT_EXPECT_EQ(test, kdbus_pool_write(&writer, "x", 1), 0);
	kdbus_pool_write_end(&writer);
	KUNIT_EXPECT_GT(test, mapping(fix)->nrpages, 0);
	KUNIT_EXPECT_EQ(test, i_size_read(file_inode(fix->pool.file)),
			POOL_SIZE);
}

/* The file goes with the pool, also if slices are still held. */
static void destroy(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct file *file = get_file(fix->pool.file);

	alloc_ok(test, fix, 100);
	publish(fix, alloc_ok(test, fix, 100));
	drop_kernel(fix, alloc_ok(test, fix, 100));

	KUNIT_EXPECT_EQ(test, file_count(file), 2);
	kdbus_pool_destroy(&fix->pool);
	KUNIT_EXPECT_EQ(test, file_count(file), 1);
	kdbus_pool_destroy(&fix->pool);
	KUNIT_EXPECT_EQ(test, file_count(file), 1);
	fput(file);
}

/* POOL-3: first at 0, low end first, multiples of 8. */
static void alloc_rounds(struct kunit *test)
{
	static const struct {
		u64 size;
		u64 offset;
		u64 rounded;
	} table[] = {
		{ 1, 0, 8 },
		{ 8, 8, 8 },
		{ 9, 16, 16 },
		{ 16, 32, 16 },
		{ 7, 48, 8 },
		{ 1001, 56, 1008 },
		{ 8, 1064, 8 },
	};
	struct fixture *fix = test->priv;
	struct kdbus_slice *slice;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		slice = alloc_ok(test, fix, table[i].size);
		KUNIT_EXPECT_EQ(test, slice->offset, table[i].offset);
		KUNIT_EXPECT_EQ(test, slice->size, table[i].rounded);
	}
}

/* POOL-3: EXFULL at the limit, and for sizes that wrap when rounded. */
static void alloc_full(struct kunit *test)
{
	static const u64 sizes[] = {
		POOL_SIZE + 1, POOL_SIZE + 8, 1ULL << 32, 1ULL << 63,
		U64_MAX - 7, U64_MAX - 6, U64_MAX,
	};
	struct fixture *fix = test->priv;
	struct kdbus_slice *slice, *last;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR(alloc(fix, sizes[i])),
				    -EXFULL, "%llu", sizes[i]);
	expect_pristine(test, fix);

	slice = alloc_ok(test, fix, POOL_SIZE - 8);
	KUNIT_EXPECT_EQ(test, PTR_ERR(alloc(fix, 9)), -EXFULL);
	last = alloc_ok(test, fix, 8);
	KUNIT_EXPECT_EQ(test, last->offset, POOL_SIZE - 8);
	KUNIT_EXPECT_EQ(test, PTR_ERR(alloc(fix, 1)), -EXFULL);

	drop_kernel(fix, slice);
	KUNIT_EXPECT_EQ(test, PTR_ERR(alloc(fix, POOL_SIZE - 7)), -EXFULL);
	drop_kernel(fix, last);
	expect_pristine(test, fix);
}

/* POOL-3: the smallest range that is large enough, its low end. */
static void alloc_best_fit(struct kunit *test)
{
	static const u64 holes[] = { 64, 24, 40, 24 };
	static const struct {
		u64 size;
		u64 offset;
	} table[] = {
		/* holes at 0, 72, 104, 152; the rest begins at 184 */
		{ 40, 104 },
		{ 50, 0 },	/* leaves 8 bytes at 56 */
		{ 7, 56 },
		{ 25, 184 },	/* leaves the 24 of two holes alone */
	};
	struct fixture *fix = test->priv;
	struct kdbus_slice *hole[ARRAY_SIZE(holes)], *a, *b;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(holes); i++) {
		hole[i] = alloc_ok(test, fix, holes[i]);
		alloc_ok(test, fix, 8);
	}
	for (i = 0; i < ARRAY_SIZE(holes); i++)
		drop_kernel(fix, hole[i]);

	for (i = 0; i < ARRAY_SIZE(table); i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    alloc_ok(test, fix, table[i].size)->offset,
				    table[i].offset, "%llu bytes",
				    table[i].size);

	/* Of equals any one, and then the other. */
	a = alloc_ok(test, fix, 24);
	b = alloc_ok(test, fix, 17);
	KUNIT_EXPECT_EQ(test, a->offset + b->offset, 72 + 152);
	KUNIT_EXPECT_TRUE(test, a->offset == 72 || b->offset == 72);
}

/* POOL-3: freed ranges merge, in whatever order they are freed. */
static void free_merges(struct kunit *test)
{
	static const u8 orders[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	struct fixture *fix = test->priv;
	struct kdbus_slice *part[3], *guard, *all;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		for (j = 0; j < 3; j++)
			part[j] = alloc_ok(test, fix, 100);
		guard = alloc_ok(test, fix, 8);

		for (j = 0; j < 3; j++)
			drop_kernel(fix, part[orders[i][j]]);
		KUNIT_EXPECT_PTR_EQ(test, find(fix, 0), NULL);
		KUNIT_EXPECT_PTR_EQ(test, find(fix, 104), NULL);
		KUNIT_EXPECT_PTR_EQ(test, find(fix, 208), NULL);

		all = alloc_ok(test, fix, 3 * 104);
		KUNIT_EXPECT_EQ_MSG(test, all->offset, 0, "order %zu", i);

		/* With a neighbour in use, nothing merges across it. */
		drop_kernel(fix, guard);
		KUNIT_EXPECT_EQ(test,
				PTR_ERR(alloc(fix, POOL_SIZE - 3 * 104 + 8)),
				-EXFULL);
		drop_kernel(fix, all);
		expect_pristine(test, fix);
	}
}

/* POOL-4, FREE: a slice is found by its first byte alone, while it is held. */
static void find_by_offset(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_slice *a, *b;

	KUNIT_EXPECT_PTR_EQ(test, find(fix, 0), NULL);
	a = alloc_ok(test, fix, 64);
	b = alloc_ok(test, fix, 64);

	KUNIT_EXPECT_PTR_EQ(test, find(fix, 0), a);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 64), b);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 1), NULL);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 8), NULL);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 63), NULL);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 128), NULL);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, POOL_SIZE), NULL);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 1ULL << 32), NULL);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 1ULL << 63), NULL);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, U64_MAX), NULL);

	drop_kernel(fix, a);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 0), NULL);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 64), b);
}

/* POOL-4: free when neither holds it, whoever lets go last. */
static void holds(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_slice *slice;

	/* Never reported. */
	slice = alloc_ok(test, fix, POOL_SIZE);
	KUNIT_EXPECT_TRUE(test, slice->held_kernel);
	KUNIT_EXPECT_FALSE(test, slice->held_user);
	drop_kernel(fix, slice);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 0), NULL);

	/* Reported, received, freed. */
	slice = alloc_ok(test, fix, POOL_SIZE);
	publish(fix, slice);
	drop_kernel(fix, slice);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 0), slice);
	KUNIT_EXPECT_EQ(test, PTR_ERR(alloc(fix, 8)), -EXFULL);
	drop_user(fix, slice);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 0), NULL);

	/* Peeked at, freed, and still queued; then peeked at again. */
	slice = alloc_ok(test, fix, POOL_SIZE);
	publish(fix, slice);
	drop_user(fix, slice);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 0), slice);
	KUNIT_EXPECT_FALSE(test, slice->held_user);
	publish(fix, slice);
	KUNIT_EXPECT_TRUE(test, slice->held_user);
	drop_user(fix, slice);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 0), slice);
	KUNIT_EXPECT_EQ(test, PTR_ERR(alloc(fix, 8)), -EXFULL);
	drop_kernel(fix, slice);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 0), NULL);

	/* Reported again: no second hold. */
	slice = alloc_ok(test, fix, POOL_SIZE);
	publish(fix, slice);
	publish(fix, slice);
	drop_kernel(fix, slice);
	drop_user(fix, slice);
	KUNIT_EXPECT_PTR_EQ(test, find(fix, 0), NULL);
	expect_pristine(test, fix);
}

#define MODEL_UNITS	(POOL_SIZE / 8)
#define MODEL_SLICES	96

/**
 * struct model - which parts of a pool are in use, the obvious way
 * @used:	a bit for each 8 bytes
 * @slice:	slices that are held
 * @rnd:	source of numbers
 */
struct model {
	DECLARE_BITMAP(used, MODEL_UNITS);
	struct kdbus_slice *slice[MODEL_SLICES];
	struct rnd_state rnd;
};

/* The size of the smallest hole of at least that many units, or 0. */
static size_t model_best(const struct model *model, size_t units)
{
	size_t start, end, best = 0;

	for (start = find_first_zero_bit(model->used, MODEL_UNITS);
	     start < MODEL_UNITS;
	     start = find_next_zero_bit(model->used, MODEL_UNITS, end)) {
		end = find_next_bit(model->used, MODEL_UNITS, start);
		if (end - start >= units && (!best || end - start < best))
			best = end - start;
	}

	return best;
}

static void model_alloc(struct kunit *test, struct fixture *fix,
			struct model *model, struct kdbus_slice **place)
{
	/* Small ones mostly, and now and then a large one. */
	u32 max = prandom_u32_state(&model->rnd) % 8 ? 512 : POOL_SIZE;
	u64 size = prandom_u32_state(&model->rnd) % max + 1;
	size_t units = DIV_ROUND_UP(size, 8);
	size_t best = model_best(model, units);
	struct kdbus_slice *slice;
	size_t start, end;

	slice = alloc(fix, size);
	if (!best) {
		KUNIT_ASSERT_EQ(test, PTR_ERR(slice), -EXFULL);
		return;
	}

	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(slice));
	KUNIT_ASSERT_EQ(test, slice->size, units * 8);
	KUNIT_ASSERT_EQ(test, slice->offset % 8, 0);
	KUNIT_ASSERT_LE(test, slice->offset + slice->size, POOL_SIZE);

	/* It is free, at the low end of its hole, and that is a best one. */
	start = slice->offset / 8;
	end = find_next_bit(model->used, MODEL_UNITS, start);
	KUNIT_ASSERT_EQ(test, end - start, best);
	if (start)
		KUNIT_ASSERT_TRUE(test, test_bit(start - 1, model->used));

	bitmap_set(model->used, start, units);
	*place = slice;
}

static void model_free(struct kunit *test, struct fixture *fix,
		       struct model *model, struct kdbus_slice **place)
{
	struct kdbus_slice *slice = *place;
	u64 offset = slice->offset;

	KUNIT_ASSERT_PTR_EQ(test, find(fix, offset), slice);
	bitmap_clear(model->used, offset / 8, slice->size / 8);

	if (prandom_u32_state(&model->rnd) % 2) {
		publish(fix, slice);
		drop_kernel(fix, slice);
		KUNIT_ASSERT_PTR_EQ(test, find(fix, offset), slice);
		drop_user(fix, slice);
	} else {
		drop_kernel(fix, slice);
	}
	KUNIT_ASSERT_PTR_EQ(test, find(fix, offset), NULL);
	*place = NULL;
}

/* POOL-3, POOL-4: random sizes in random order against the model. */
static void random_model(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_slice **place;
	struct model *model;
	int i;

	model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model);
	prandom_seed_state(&model->rnd, SEED);

	for (i = 0; i < 20000; i++) {
		place = &model->slice[prandom_u32_state(&model->rnd) %
				      MODEL_SLICES];
		if (*place)
			model_free(test, fix, model, place);
		else
			model_alloc(test, fix, model, place);
		cond_resched();
	}

	for (i = 0; i < MODEL_SLICES; i++) {
		if (model->slice[i])
			model_free(test, fix, model, &model->slice[i]);
	}
	expect_pristine(test, fix);
}

/* Bytes that differ from their neighbours and from those a page away. */
static u8 *pattern(struct kunit *test, size_t size)
{
	u8 *data = kunit_kmalloc(test, size, GFP_KERNEL);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	for (i = 0; i < size; i++)
		data[i] = 1 + i % 251;

	return data;
}

/* Pieces of all sizes, across the borders of pages; neighbours stay as is. */
static void write_across_pages(struct kunit *test)
{
	static const size_t pieces[] = { 1, 7, 23, 100, PAGE_SIZE, 1, 3000 };
	const size_t size = 3 * PAGE_SIZE - 16;
	struct fixture *fix = test->priv;
	struct kdbus_pool_writer writer;
	struct kdbus_slice *slice;
	size_t n, i, pos = 0;
	u8 *data;

	data = pattern(test, size);
	alloc_ok(test, fix, PAGE_SIZE - 24);
	slice = alloc_ok(test, fix, size);
	KUNIT_ASSERT_EQ(test, slice->offset, PAGE_SIZE - 24);

	kdbus_pool_write_begin(&writer, slice);
	for (i = 0; pos < size; i++) {
		n = min(pieces[i % ARRAY_SIZE(pieces)], size - pos);
		KUNIT_ASSERT_EQ(test, kdbus_pool_write(&writer, data + pos, n),
				0);
		pos += n;
		KUNIT_EXPECT_EQ(test, writer.pos, pos);
	}
	KUNIT_EXPECT_EQ(test, kdbus_pool_write(&writer, data, 0), 0);
	kdbus_pool_write_end(&writer);
	kdbus_pool_write_end(&writer);

	expect_bytes(test, fix, slice->offset, data, size);
	for (i = 1; i <= 64; i++) {
		KUNIT_EXPECT_EQ(test, peek(test, fix, slice->offset - i), 0);
		KUNIT_EXPECT_EQ(test, peek(test, fix, slice->offset + size +
					   i - 1), 0);
	}
}

/* POOL-7: freed memory is not cleared, padding is written as zero. */
static void write_zero(struct kunit *test)
{
	static const u8 want[24] = "abc\0\0\0\0\0defghijk";
	struct fixture *fix = test->priv;
	struct kdbus_pool_writer writer;
	struct kdbus_slice *slice;
	u8 *old;

	/* Across a page border, over old bytes. */
	old = pattern(test, PAGE_SIZE + 64);
	slice = alloc_ok(test, fix, PAGE_SIZE + 64);
	kdbus_pool_write_begin(&writer, slice);
	KUNIT_ASSERT_EQ(test, kdbus_pool_write(&writer, old, PAGE_SIZE + 64),
			0);
	kdbus_pool_write_end(&writer);
	drop_kernel(fix, slice);

	alloc_ok(test, fix, PAGE_SIZE - 8);
	slice = alloc_ok(test, fix, 32);
	KUNIT_ASSERT_EQ(test, slice->offset, PAGE_SIZE - 8);
	kdbus_pool_write_begin(&writer, slice);
	KUNIT_EXPECT_EQ(test, kdbus_pool_write(&writer, "abc", 3), 0);
	KUNIT_EXPECT_EQ(test, kdbus_pool_write_zero(&writer, 5), 0);
	KUNIT_EXPECT_EQ(test, kdbus_pool_write_zero(&writer, 0), 0);
	KUNIT_EXPECT_EQ(test, kdbus_pool_write(&writer, "defghijk", 8), 0);
	KUNIT_EXPECT_EQ(test, kdbus_pool_write_zero(&writer, 1), 0);
	KUNIT_EXPECT_EQ(test, kdbus_pool_write_zero(&writer, 7), 0);
	KUNIT_EXPECT_EQ(test, writer.pos, 24);
	kdbus_pool_write_end(&writer);

	expect_bytes(test, fix, PAGE_SIZE - 8, want, sizeof(want));
	expect_bytes(test, fix, 0, old, PAGE_SIZE - 8);
	expect_bytes(test, fix, PAGE_SIZE + 16, old + PAGE_SIZE + 16, 48);
}

static unsigned long user_map(struct kunit *test, struct file *file,
			      size_t size, unsigned long prot,
			      unsigned long flags)
{
	return kunit_vm_mmap(test, file, 0, size, prot, flags, 0);
}

/* Bytes of user memory, across pages; then user memory that is not there. */
static void write_from_user(struct kunit *test)
{
	const size_t size = PAGE_SIZE + 100;
	struct fixture *fix = test->priv;
	struct kdbus_pool_writer writer;
	struct kdbus_slice *slice;
	struct iov_iter iter;
	unsigned long addr;
	u8 *data;

	data = pattern(test, size);
	addr = user_map(test, NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_ANONYMOUS | MAP_PRIVATE);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)addr, data, size), 0);

	alloc_ok(test, fix, 1000);
	slice = alloc_ok(test, fix, size);
	kdbus_pool_write_begin(&writer, slice);
	iov_iter_ubuf(&iter, ITER_SOURCE, (void __user *)addr, size);
	KUNIT_EXPECT_EQ(test, kdbus_pool_write_iter(&writer, &iter), 0);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&iter), 0);
	kdbus_pool_write_end(&writer);
	expect_bytes(test, fix, slice->offset, data, size);

	/* The second page goes away. */
	KUNIT_ASSERT_EQ(test, vm_munmap(addr + PAGE_SIZE, PAGE_SIZE), 0);
	kdbus_pool_write_begin(&writer, slice);
	iov_iter_ubuf(&iter, ITER_SOURCE, (void __user *)addr, size);
	KUNIT_EXPECT_EQ(test, kdbus_pool_write_iter(&writer, &iter), -EAGAIN);
	kdbus_pool_write_end(&writer);

	/* The pool has not suffered, neither has the rest of the source. */
	kdbus_pool_write_begin(&writer, slice);
	iov_iter_ubuf(&iter, ITER_SOURCE, (void __user *)addr, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, kdbus_pool_write_iter(&writer, &iter), 0);
	kdbus_pool_write_end(&writer);
	expect_bytes(test, fix, slice->offset, data, PAGE_SIZE);
	drop_kernel(fix, slice);
}

static int hand_out_mmap(struct file *file, struct vm_area_struct *vma)
{
	return kdbus_pool_mmap(file->private_data, vma);
}

/* A file as that of a connection, as far as mmap is concerned. */
static const struct file_operations hand_out_fops = {
	.owner = THIS_MODULE,
	.mmap = hand_out_mmap,
};

KUNIT_DEFINE_ACTION_WRAPPER(put_file, fput, struct file *);

static struct file *hand_out(struct kunit *test, struct fixture *fix)
{
	struct file *file;

	file = anon_inode_getfile("kdbus-kunit", &hand_out_fops, &fix->pool,
				  O_RDWR);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_file, file),
			0);
	return file;
}

/* POOL-2: not writable, not longer than the pool; else what was written. */
static void map(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct file *file = hand_out(test, fix);
	struct kdbus_pool_writer writer;
	unsigned long addr;
	char seen[8] = {};

	KUNIT_EXPECT_EQ(test, user_map(test, file, POOL_SIZE,
				       PROT_READ | PROT_WRITE, MAP_SHARED),
			-EPERM);
	KUNIT_EXPECT_EQ(test, user_map(test, file, POOL_SIZE,
				       PROT_READ | PROT_WRITE, MAP_PRIVATE),
			-EPERM);
	KUNIT_EXPECT_EQ(test, user_map(test, file, POOL_SIZE + PAGE_SIZE,
				       PROT_WRITE, MAP_SHARED), -EPERM);
	KUNIT_EXPECT_EQ(test, user_map(test, file, POOL_SIZE + PAGE_SIZE,
				       PROT_READ, MAP_SHARED), -EFAULT);

	kdbus_pool_write_begin(&writer, alloc_ok(test, fix, 8));
	KUNIT_EXPECT_EQ(test, kdbus_pool_write(&writer, "message", 8), 0);
	kdbus_pool_write_end(&writer);

	addr = user_map(test, file, POOL_SIZE, PROT_READ, MAP_PRIVATE);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	addr = user_map(test, file, POOL_SIZE, PROT_READ, MAP_SHARED);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, copy_from_user(seen, (void __user *)addr, 8), 0);
	KUNIT_EXPECT_STREQ(test, seen, "message");
	KUNIT_EXPECT_NE(test, copy_to_user((void __user *)addr, seen, 8), 0);
}

/* A client may send what lies in his own pool, from the very same page. */
static void write_from_itself(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_pool_writer writer;
	struct kdbus_slice *a, *b;
	struct iov_iter iter;
	unsigned long addr;
	u8 *data;

	data = pattern(test, 256);
	a = alloc_ok(test, fix, 256);
	b = alloc_ok(test, fix, 256);
	kdbus_pool_write_begin(&writer, a);
	KUNIT_ASSERT_EQ(test, kdbus_pool_write(&writer, data, 256), 0);
	kdbus_pool_write_end(&writer);

	addr = user_map(test, hand_out(test, fix), POOL_SIZE, PROT_READ,
			MAP_SHARED);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));

	/* Nobody has touched the mapping yet, and the write does not. */
	kdbus_pool_write_begin(&writer, b);
	iov_iter_ubuf(&iter, ITER_SOURCE, (void __user *)addr, 256);
	KUNIT_EXPECT_EQ(test, kdbus_pool_write_iter(&writer, &iter), -EAGAIN);
	kdbus_pool_write_end(&writer);

	KUNIT_ASSERT_EQ(test, fault_in_readable((void __user *)addr, 256), 0);
	kdbus_pool_write_begin(&writer, b);
	iov_iter_ubuf(&iter, ITER_SOURCE, (void __user *)addr, 256);
	KUNIT_EXPECT_EQ(test, kdbus_pool_write_iter(&writer, &iter), 0);
	kdbus_pool_write_end(&writer);
	expect_bytes(test, fix, b->offset, data, 256);
}

static struct kunit_case kdbus_pool_cases[] = {
	KUNIT_CASE(init_refuses),
	KUNIT_CASE(backing_file),
	KUNIT_CASE(destroy),
	KUNIT_CASE(alloc_rounds),
	KUNIT_CASE(alloc_full),
	KUNIT_CASE(alloc_best_fit),
	KUNIT_CASE(free_merges),
	KUNIT_CASE(find_by_offset),
	KUNIT_CASE(holds),
	KUNIT_CASE(random_model),
	KUNIT_CASE(write_across_pages),
	KUNIT_CASE(write_zero),
	KUNIT_CASE(write_from_user),
	KUNIT_CASE(map),
	KUNIT_CASE(write_from_itself),
	{}
};

static struct kunit_suite kdbus_pool_suite = {
	.name = "kdbus_pool",
	.init = pool_init,
	.exit = pool_exit,
	.test_cases = kdbus_pool_cases,
};

kunit_test_suite(kdbus_pool_suite);
