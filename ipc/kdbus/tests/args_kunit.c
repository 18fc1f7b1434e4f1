// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of args.c: reading blocks, negotiation, writing results.
 *
 * The blocks lie in a file that is mapped twice, once writable and once
 * read-only; behind both there is a page that is not mapped.
 */
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "../args.h"
#include "../limits.h"

#define AREA_SIZE	ALIGN(KDBUS_CMD_MAX_SIZE + 64, SZ_64K)

#define FLAGS		0x7
#define FIXED		sizeof(struct kdbus_cmd_list)

static const struct kdbus_args_spec cmd_spec = {
	.fixed = FIXED,
	.flags = FLAGS,
	.once = KDBUS_ITEM_BIT(KDBUS_ITEM_NEGOTIATE) |
		KDBUS_ITEM_BIT(KDBUS_ITEM_NAME) |
		KDBUS_ITEM_BIT(KDBUS_ITEM_PAYLOAD_MEMFD),
	.many = KDBUS_ITEM_BIT(KDBUS_ITEM_ID) |
		KDBUS_ITEM_BIT(KDBUS_ITEM_BLOOM_MASK),
	.need = KDBUS_ITEM_BIT(KDBUS_ITEM_NAME),
};

static const struct kdbus_args_spec msg_spec = {
	.fixed = sizeof(struct kdbus_msg),
	.flags = FLAGS,
	.once = KDBUS_ITEM_BIT(KDBUS_ITEM_NEGOTIATE) |
		KDBUS_ITEM_BIT(KDBUS_ITEM_DST_NAME),
	.is_msg = true,
};

/**
 * struct fixture - user memory, and a block being built
 * @rw:		the memory, writable
 * @ro:		the same memory, read-only
 * @size:	bytes of the block so far
 * @block:	the block
 * @args:	what is read from it
 */
struct fixture {
	unsigned long rw;
	unsigned long ro;
	size_t size;
	u64 block[(KDBUS_CMD_MAX_SIZE + 64) / sizeof(u64)];
	struct kdbus_args args;
};

static unsigned long map_area(struct kunit *test, struct file *file,
			      unsigned long prot)
{
	unsigned long addr;

	addr = kunit_vm_mmap(test, file, 0, AREA_SIZE + SZ_64K, prot,
			     MAP_SHARED, 0);
	return IS_ERR_VALUE(addr) ? 0 : addr;
}

static int args_init(struct kunit *test)
{
	struct fixture *fix;
	struct file *file;

	fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	if (!fix)
		return -ENOMEM;

	file = shmem_file_setup("kdbus-kunit", AREA_SIZE + SZ_64K, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	fix->rw = map_area(test, file, PROT_READ | PROT_WRITE);
	fix->ro = map_area(test, file, PROT_READ);
	fput(file);
	if (!fix->rw || !fix->ro)
		return -ENOMEM;

	/* Once both are there, so that none takes the hole of the other. */
	if (vm_munmap(fix->rw + AREA_SIZE, SZ_64K) ||
	    vm_munmap(fix->ro + AREA_SIZE, SZ_64K))
		return -ENOMEM;

	fix->args.data = fix->args.buf;
	test->priv = fix;
	return 0;
}

static void args_exit(struct kunit *test)
{
	struct fixture *fix = test->priv;

	if (fix)
		kdbus_args_free(&fix->args);
}

static struct kdbus_cmd_list *begin(struct fixture *fix, u64 flags)
{
	struct kdbus_cmd_list *cmd = (void *)fix->block;

	memset(fix->block, 0, sizeof(fix->block));
	fix->size = FIXED;
	*cmd = (struct kdbus_cmd_list){
		.size = FIXED, .flags = flags, .return_flags = 0xaaaa,
		.offset = 0xbbbb, .list_size = 0xcccc,
	};

	return cmd;
}

/* Appends an item; returns the place of its payload in the block. */
static size_t append(struct kunit *test, struct fixture *fix, u64 type,
		     const void *data, size_t size)
{
	size_t pos = KDBUS_ALIGN8(fix->size);
	struct kdbus_item *item = (void *)fix->block + pos;

	KUNIT_ASSERT_LE(test, pos + KDBUS_ALIGN8(KDBUS_ITEM_SIZE(size)),
			sizeof(fix->block));
	kdbus_item_put(item, type, data, size);
	fix->size = pos + item->size;
	fix->block[0] = fix->size;

	return pos + KDBUS_ITEM_HEADER_SIZE;
}

static void store(struct kunit *test, struct fixture *fix)
{
	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)fix->rw, fix->block,
					   KDBUS_ALIGN8(fix->size)), 0);
}

static u64 user_u64(struct kunit *test, struct fixture *fix, size_t pos)
{
	u64 val = 0;

	KUNIT_ASSERT_EQ(test, copy_from_user(&val,
					     (void __user *)(fix->rw + pos),
					     sizeof(val)), 0);
	return val;
}

static void user_set(struct kunit *test, struct fixture *fix, size_t pos,
		     u64 val)
{
	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)(fix->rw + pos), &val,
					   sizeof(val)), 0);
}

/* Copies in from an address, which need not be that of the block. */
static int read_at(struct fixture *fix, const struct kdbus_args_spec *spec,
		   unsigned long addr)
{
	kdbus_args_free(&fix->args);
	memset(&fix->args, 0x55, sizeof(fix->args));
	return kdbus_args_read(&fix->args, spec, (void __user *)addr);
}

/* Stores the block, copies it in and checks it. */
static int run_at(struct kunit *test, struct fixture *fix,
		  const struct kdbus_args_spec *spec, unsigned long addr)
{
	store(test, fix);
	KUNIT_ASSERT_EQ(test, read_at(fix, spec, addr), 0);
	return kdbus_args_check(&fix->args);
}

static int run(struct kunit *test, struct fixture *fix)
{
	return run_at(test, fix, &cmd_spec, fix->rw);
}

/* User memory is the block as it was stored. */
static void expect_untouched(struct kunit *test, struct fixture *fix)
{
	size_t pos;

	for (pos = 0; pos < KDBUS_ALIGN8(fix->size); pos += 8)
		KUNIT_EXPECT_EQ_MSG(test, user_u64(test, fix, pos),
				    fix->block[pos / 8], "at %zu", pos);
}

/* CMD-2 checks 1 to 4: sizes around each limit, also that of @buf. */
static void read_sizes(struct kunit *test)
{
	static const size_t good[] = {
		FIXED, FIXED + 1, FIXED + 7, FIXED + 8,
		KDBUS_ARGS_INLINE_SIZE - 1, KDBUS_ARGS_INLINE_SIZE,
		KDBUS_ARGS_INLINE_SIZE + 1, SZ_4K, KDBUS_CMD_MAX_SIZE - 1,
		KDBUS_CMD_MAX_SIZE,
	};
	struct fixture *fix = test->priv;
	struct kdbus_args *args = &fix->args;
	size_t i, size;

	KUNIT_ASSERT_EQ(test, KDBUS_CMD_MAX_SIZE, 32768);
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		size = good[i];
		memset(fix->block, 0xdd, sizeof(fix->block));
		fix->block[0] = size;
		fix->size = sizeof(fix->block);
		store(test, fix);

		KUNIT_ASSERT_EQ_MSG(test, read_at(fix, &cmd_spec, fix->rw), 0,
				    "size %zu", size);
		KUNIT_EXPECT_EQ(test, args->size, size);
		KUNIT_EXPECT_EQ(test, args->cmd->return_flags, 0);
		args->cmd->return_flags = fix->block[2];
		KUNIT_EXPECT_TRUE(test, !memcmp(args->data, fix->block, size));
		KUNIT_EXPECT_NULL(test, memchr_inv(args->data + size, 0,
						   KDBUS_ALIGN8(size) - size));
		KUNIT_EXPECT_FALSE(test, args->negotiate);
		KUNIT_EXPECT_FALSE(test, args->written);
		KUNIT_EXPECT_FALSE(test, args->out_always);
		KUNIT_EXPECT_EQ(test, args->out, 0);
		KUNIT_EXPECT_EQ(test, args->found, 0);
		expect_untouched(test, fix);
	}
}

/* CMD-2 checks 2 and 3. */
static void read_bad_sizes(struct kunit *test)
{
	static const struct {
		u64 size;
		int ret;
	} table[] = {
		{ 0, -EINVAL },
		{ 8, -EINVAL },
		{ FIXED - 8, -EINVAL },
		{ FIXED - 1, -EINVAL },
		{ KDBUS_CMD_MAX_SIZE + 1, -EMSGSIZE },
		{ KDBUS_CMD_MAX_SIZE + 8, -EMSGSIZE },
		{ (1ULL << 32) + FIXED, -EMSGSIZE },
		{ 1ULL << 63, -EMSGSIZE },
		{ U64_MAX - 6, -EMSGSIZE },
		{ U64_MAX, -EMSGSIZE },
	};
	struct fixture *fix = test->priv;
	unsigned long last = fix->rw + AREA_SIZE - 8;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		begin(fix, 0)->size = table[i].size;
		store(test, fix);
		KUNIT_EXPECT_EQ_MSG(test, read_at(fix, &cmd_spec, fix->rw),
				    table[i].ret, "%llu", table[i].size);

		/* Before check 4: nothing but the size can be read. */
		user_set(test, fix, AREA_SIZE - 8, table[i].size);
		KUNIT_EXPECT_EQ_MSG(test, read_at(fix, &cmd_spec, last),
				    table[i].ret, "at the end, %llu",
				    table[i].size);
	}

	/* The fixed part is that of the command. */
	begin(fix, 0)->size = sizeof(struct kdbus_msg) - 1;
	store(test, fix);
	KUNIT_EXPECT_EQ(test, read_at(fix, &cmd_spec, fix->rw), 0);
	KUNIT_EXPECT_EQ(test, read_at(fix, &msg_spec, fix->rw), -EINVAL);
}

/* CMD-1, CMD-2 checks 1 and 4: blocks that are misaligned or not there. */
static void read_faults(struct kunit *test)
{
	struct fixture *fix = test->priv;
	unsigned long end = fix->rw + AREA_SIZE;
	size_t i;

	begin(fix, 0);
	store(test, fix);
	for (i = 1; i < 8; i++)
		KUNIT_EXPECT_EQ(test, read_at(fix, &cmd_spec, fix->rw + i),
				-EFAULT);
	KUNIT_EXPECT_EQ(test, read_at(fix, &cmd_spec, 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, read_at(fix, &cmd_spec, end), -EFAULT);

	/* All but the last byte is there, in a small and in a large block. */
	user_set(test, fix, AREA_SIZE - FIXED, FIXED);
	KUNIT_EXPECT_EQ(test, read_at(fix, &cmd_spec, end - FIXED), 0);
	user_set(test, fix, AREA_SIZE - FIXED, FIXED + 1);
	KUNIT_EXPECT_EQ(test, read_at(fix, &cmd_spec, end - FIXED), -EFAULT);

	user_set(test, fix, AREA_SIZE - KDBUS_CMD_MAX_SIZE,
		 KDBUS_CMD_MAX_SIZE);
	KUNIT_EXPECT_EQ(test, read_at(fix, &cmd_spec,
				      end - KDBUS_CMD_MAX_SIZE), 0);
	user_set(test, fix, AREA_SIZE - KDBUS_CMD_MAX_SIZE + 8,
		 KDBUS_CMD_MAX_SIZE - 7);
	KUNIT_EXPECT_EQ(test, read_at(fix, &cmd_spec,
				      end - KDBUS_CMD_MAX_SIZE + 8), -EFAULT);
}

/* CMD-3: changing the block during the call has no effect. */
static void own_copy(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_item *item;
	u64 id = 42;
	size_t pos;

	begin(fix, 1);
	append(test, fix, KDBUS_ITEM_NAME, "a.b", 4);
	pos = append(test, fix, KDBUS_ITEM_ID, &id, sizeof(id));
	store(test, fix);
	KUNIT_ASSERT_EQ(test, read_at(fix, &cmd_spec, fix->rw), 0);

	user_set(test, fix, 8, U64_MAX);
	user_set(test, fix, FIXED, U64_MAX);
	user_set(test, fix, pos, 43);
	KUNIT_EXPECT_EQ(test, kdbus_args_check(&fix->args), 0);
	KUNIT_EXPECT_EQ(test, fix->args.cmd->flags, 1);
	item = kdbus_args_find(&fix->args, KDBUS_ITEM_ID);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_EXPECT_EQ(test, item->id, 42);
}

/* CMD-2 check 6: unknown flags, before items and before negotiation. */
static void check_flags(struct kunit *test)
{
	static const u64 bad[] = {
		0x8, 0xf, 1ULL << 32, 1ULL << 62, U64_MAX,
		KDBUS_FLAG_NEGOTIATE | 0x8,
	};
	struct kdbus_memfd memfd = { .size = 1, .fd = -1 };
	struct fixture *fix = test->priv;
	u64 flags;
	size_t i;

	for (flags = 0; flags <= FLAGS; flags++) {
		begin(fix, flags);
		append(test, fix, KDBUS_ITEM_NAME, "a.b", 4);
		KUNIT_EXPECT_EQ(test, run(test, fix), 0);
		KUNIT_EXPECT_FALSE(test, fix->args.negotiate);
		expect_untouched(test, fix);
	}

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		begin(fix, bad[i]);
		append(test, fix, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd,
		       sizeof(memfd));
		KUNIT_EXPECT_EQ_MSG(test, run(test, fix), -EINVAL, "0x%llx",
				    bad[i]);
		KUNIT_EXPECT_FALSE(test, fix->args.negotiate);
		expect_untouched(test, fix);
	}
}

/* CMD-2 checks 7 and 9: items, and those that are mandatory. */
static void check_items(struct kunit *test)
{
	struct kdbus_memfd memfd = { .size = 1, .fd = -1 };
	struct fixture *fix = test->priv;
	u64 id = 1;

	/* Check 7 before check 9. */
	begin(fix, 0);
	append(test, fix, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	KUNIT_EXPECT_EQ(test, run(test, fix), -EBADF);

	begin(fix, 0);
	KUNIT_EXPECT_EQ(test, run(test, fix), -EINVAL);
	append(test, fix, KDBUS_ITEM_ID, &id, sizeof(id));
	KUNIT_EXPECT_EQ(test, run(test, fix), -EINVAL);
	append(test, fix, KDBUS_ITEM_NAME, "a.b", 4);
	/* ITEM-3: ends right behind the payload. */
	KUNIT_EXPECT_EQ(test, fix->size % 8, 4);
	KUNIT_EXPECT_EQ(test, run(test, fix), 0);
	/* ITEM-3: ends behind the padding. */
	fix->block[0] = KDBUS_ALIGN8(fix->size);
	KUNIT_EXPECT_EQ(test, run(test, fix), 0);
	fix->block[0] += 4;
	KUNIT_EXPECT_EQ(test, run(test, fix), -EINVAL);
	fix->block[0] = fix->size;
	append(test, fix, KDBUS_ITEM_NAME, "a.b", 4);
	KUNIT_EXPECT_EQ(test, run(test, fix), -EINVAL);

	/* Not accepted here. */
	begin(fix, 0);
	append(test, fix, KDBUS_ITEM_NAME, "a.b", 4);
	append(test, fix, KDBUS_ITEM_DST_NAME, "a.b", 4);
	KUNIT_EXPECT_EQ(test, run(test, fix), -EINVAL);

	/* As many as fit: 16 bytes each, 32768 together. */
	begin(fix, 0);
	append(test, fix, KDBUS_ITEM_NAME, "a.bcdefg", 9);
	while (KDBUS_ALIGN8(fix->size) + 16 <= KDBUS_CMD_MAX_SIZE)
		append(test, fix, KDBUS_ITEM_BLOOM_MASK, "", 0);
	KUNIT_EXPECT_GT(test, fix->size, KDBUS_CMD_MAX_SIZE - 16);
	KUNIT_EXPECT_EQ(test, run(test, fix), 0);
}

/* NEG-1: the set of flags is written, and no item is mandatory. */
static void negotiate_flags(struct kunit *test)
{
	struct fixture *fix = test->priv;

	begin(fix, KDBUS_FLAG_NEGOTIATE);
	KUNIT_EXPECT_EQ(test, run(test, fix), 0);
	KUNIT_EXPECT_TRUE(test, fix->args.negotiate);
	KUNIT_EXPECT_EQ(test, user_u64(test, fix, 8), FLAGS);
	fix->block[1] = FLAGS;
	expect_untouched(test, fix);

	/* Also with flags and items that are known. */
	begin(fix, KDBUS_FLAG_NEGOTIATE | 1);
	append(test, fix, KDBUS_ITEM_NAME, "a.b", 4);
	KUNIT_EXPECT_EQ(test, run(test, fix), 0);
	KUNIT_EXPECT_TRUE(test, fix->args.negotiate);
	KUNIT_EXPECT_EQ(test, user_u64(test, fix, 8), FLAGS);

	/* A bad item still fails, and the flags stay. */
	begin(fix, KDBUS_FLAG_NEGOTIATE);
	append(test, fix, KDBUS_ITEM_NAME, "a.b", 3);
	KUNIT_EXPECT_EQ(test, run(test, fix), -EINVAL);
	KUNIT_EXPECT_FALSE(test, fix->args.negotiate);
	expect_untouched(test, fix);

	/* They cannot be written. */
	begin(fix, KDBUS_FLAG_NEGOTIATE);
	KUNIT_EXPECT_EQ(test, run_at(test, fix, &cmd_spec, fix->ro), -EFAULT);
	expect_untouched(test, fix);
}

/* Types in a NEGOTIATE item, and whether the command accepts them. */
static const struct {
	u64 type;
	bool known;
} entries[] = {
	{ KDBUS_ITEM_NEGOTIATE, true },
	{ KDBUS_ITEM_DST_NAME, false },
	{ KDBUS_ITEM_NAME, true },
	{ KDBUS_ITEM_TIMESTAMP, false },
	{ KDBUS_ITEM_ID, true },
	{ KDBUS_ITEM_BLOOM_MASK, true },
	{ 0, false },
	{ KDBUS_ITEM_PAYLOAD_MEMFD, true },
	{ (1ULL << 32) + KDBUS_ITEM_NAME, false },
	{ U64_MAX, false },
	{ KDBUS_ITEM_REPLY_DEAD + 1, false },
	{ KDBUS_ITEM_NAME, true },
};

/* Appends a NEGOTIATE item of all entries, or of the known ones. */
static size_t append_entries(struct kunit *test, struct fixture *fix,
			     bool known)
{
	u64 types[ARRAY_SIZE(entries)];
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		if (entries[i].known || !known)
			types[n++] = entries[i].type;
	}

	return append(test, fix, KDBUS_ITEM_NEGOTIATE, types,
		      n * sizeof(types[0]));
}

/* What user memory should be after the entries were processed. */
static void answer_entries(struct fixture *fix, size_t pos)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		if (!entries[i].known)
			fix->block[pos / 8 + i] = 0;
	}
}

/* NEG-2: 0 over each type that is not accepted, nothing else is written. */
static void negotiate_entries(struct kunit *test)
{
	struct fixture *fix = test->priv;
	size_t pos;

	/* Without the flag, behind another item and before another. */
	begin(fix, 0);
	append(test, fix, KDBUS_ITEM_NAME, "a.b", 4);
	pos = append_entries(test, fix, false);
	append(test, fix, KDBUS_ITEM_BLOOM_MASK, "12345678", 8);
	KUNIT_EXPECT_EQ(test, run(test, fix), 0);
	KUNIT_EXPECT_FALSE(test, fix->args.negotiate);
	answer_entries(fix, pos);
	expect_untouched(test, fix);

	/* With the flag. */
	begin(fix, KDBUS_FLAG_NEGOTIATE);
	pos = append_entries(test, fix, false);
	KUNIT_EXPECT_EQ(test, run(test, fix), 0);
	KUNIT_EXPECT_TRUE(test, fix->args.negotiate);
	answer_entries(fix, pos);
	fix->block[1] = FLAGS;
	expect_untouched(test, fix);

	/* Also if a mandatory item is missing. */
	begin(fix, 0);
	pos = append_entries(test, fix, false);
	KUNIT_EXPECT_EQ(test, run(test, fix), -EINVAL);
	answer_entries(fix, pos);
	expect_untouched(test, fix);

	/* No entries. */
	begin(fix, 0);
	append(test, fix, KDBUS_ITEM_NAME, "a.b", 4);
	append(test, fix, KDBUS_ITEM_NEGOTIATE, "", 0);
	KUNIT_EXPECT_EQ(test, run(test, fix), 0);
	expect_untouched(test, fix);
}

/* NEG-2: if check 6 or 7 fails, be it of a later item, nothing is written. */
static void negotiate_not(struct kunit *test)
{
	struct fixture *fix = test->priv;

	begin(fix, 0x8);
	append(test, fix, KDBUS_ITEM_NAME, "a.b", 4);
	append_entries(test, fix, false);
	KUNIT_EXPECT_EQ(test, run(test, fix), -EINVAL);
	expect_untouched(test, fix);

	begin(fix, KDBUS_FLAG_NEGOTIATE);
	append_entries(test, fix, false);
	append(test, fix, KDBUS_ITEM_NAME, "ab", 2);
	KUNIT_EXPECT_EQ(test, run(test, fix), -EINVAL);
	expect_untouched(test, fix);

	/* Accepted once. */
	begin(fix, KDBUS_FLAG_NEGOTIATE);
	append_entries(test, fix, false);
	append_entries(test, fix, false);
	KUNIT_EXPECT_EQ(test, run(test, fix), -EINVAL);
	expect_untouched(test, fix);
}

/* NEG-2: only what is not accepted needs memory that can be written. */
static void negotiate_read_only(struct kunit *test)
{
	struct fixture *fix = test->priv;

	begin(fix, 0);
	append(test, fix, KDBUS_ITEM_NAME, "a.b", 4);
	append_entries(test, fix, true);
	KUNIT_EXPECT_EQ(test, run_at(test, fix, &cmd_spec, fix->ro), 0);
	expect_untouched(test, fix);

	begin(fix, 0);
	append(test, fix, KDBUS_ITEM_NAME, "a.b", 4);
	append_entries(test, fix, false);
	KUNIT_EXPECT_EQ(test, run_at(test, fix, &cmd_spec, fix->ro), -EFAULT);
	expect_untouched(test, fix);

	/* Check 8 before check 9. */
	begin(fix, 0);
	append_entries(test, fix, false);
	KUNIT_EXPECT_EQ(test, run_at(test, fix, &cmd_spec, fix->ro), -EFAULT);
	KUNIT_EXPECT_FALSE(test, fix->args.negotiate);
	expect_untouched(test, fix);
}

/* CMD-2, NEG-2: the message of SEND has no return_flags. */
static void message(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_msg *msg = (void *)fix->block;
	const u64 types[] = { KDBUS_ITEM_NAME, KDBUS_ITEM_DST_NAME };
	size_t pos;

	memset(fix->block, 0, sizeof(fix->block));
	*msg = (struct kdbus_msg){
		.flags = KDBUS_FLAG_NEGOTIATE, .priority = -5, .dst_id = 7,
	};
	fix->size = sizeof(*msg);
	pos = append(test, fix, KDBUS_ITEM_NEGOTIATE, types, sizeof(types));

	KUNIT_EXPECT_EQ(test, run_at(test, fix, &msg_spec, fix->rw), 0);
	KUNIT_EXPECT_TRUE(test, fix->args.negotiate);
	KUNIT_EXPECT_EQ(test, fix->args.msg->priority, -5);
	KUNIT_EXPECT_EQ(test, fix->args.msg->dst_id, 7);
	fix->block[1] = FLAGS;
	fix->block[pos / 8] = 0;
	expect_untouched(test, fix);
}

/* Runs a good command and fills its results in. */
static void fill_results(struct kunit *test, struct fixture *fix,
			 unsigned long addr)
{
	struct kdbus_cmd_list *cmd;

	begin(fix, 1);
	append(test, fix, KDBUS_ITEM_NAME, "a.b", 4);
	KUNIT_ASSERT_EQ(test, run_at(test, fix, &cmd_spec, addr), 0);

	cmd = fix->args.data;
	cmd->size = 1;
	cmd->flags = 2;
	cmd->return_flags = 3;
	cmd->offset = 4;
	cmd->list_size = 5;
	fix->args.out = offsetofend(struct kdbus_cmd_list, offset);
}

/* CMD-3: return_flags always, the other results on success. */
static void write_back(struct kunit *test)
{
	struct fixture *fix = test->priv;

	fill_results(test, fix, fix->rw);
	KUNIT_EXPECT_EQ(test, kdbus_args_finish(&fix->args, 0), 0);
	fix->block[2] = 3;
	fix->block[3] = 4;
	expect_untouched(test, fix);

	fill_results(test, fix, fix->rw);
	KUNIT_EXPECT_EQ(test, kdbus_args_finish(&fix->args, -ESRCH), -ESRCH);
	fix->block[2] = 3;
	expect_untouched(test, fix);

	/* RECV-4: with EAGAIN, too. */
	fill_results(test, fix, fix->rw);
	fix->args.out_always = true;
	KUNIT_EXPECT_EQ(test, kdbus_args_finish(&fix->args, -EAGAIN), -EAGAIN);
	fix->block[2] = 3;
	fix->block[3] = 4;
	expect_untouched(test, fix);

	/* No results but return_flags. */
	fill_results(test, fix, fix->rw);
	fix->args.out = 0;
	KUNIT_EXPECT_EQ(test, kdbus_args_finish(&fix->args, 0), 0);
	fix->block[2] = 3;
	expect_untouched(test, fix);

	/* A command that fails its checks: 0. */
	begin(fix, 0x8);
	KUNIT_EXPECT_EQ(test, run(test, fix), -EINVAL);
	KUNIT_EXPECT_EQ(test, kdbus_args_finish(&fix->args, -EINVAL), -EINVAL);
	fix->block[2] = 0;
	expect_untouched(test, fix);
}

/* CMD-3: written once; EFAULT replaces whatever the result was. */
static void write_back_once(struct kunit *test)
{
	struct fixture *fix = test->priv;

	fill_results(test, fix, fix->rw);
	KUNIT_EXPECT_EQ(test, kdbus_args_finish(&fix->args, 0), 0);
	user_set(test, fix, 16, 0x1111);
	user_set(test, fix, 24, 0x2222);
	KUNIT_EXPECT_EQ(test, kdbus_args_finish(&fix->args, 0), 0);
	KUNIT_EXPECT_EQ(test, kdbus_args_finish(&fix->args, -EEXIST), -EEXIST);
	KUNIT_EXPECT_EQ(test, user_u64(test, fix, 16), 0x1111);
	KUNIT_EXPECT_EQ(test, user_u64(test, fix, 24), 0x2222);

	fill_results(test, fix, fix->ro);
	KUNIT_EXPECT_EQ(test, kdbus_args_finish(&fix->args, 0), -EFAULT);
	fill_results(test, fix, fix->ro);
	KUNIT_EXPECT_EQ(test, kdbus_args_finish(&fix->args, -EEXIST), -EFAULT);
	expect_untouched(test, fix);
}

/* Items of a checked block: the first of a type, all in order, none. */
static void find_items(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kdbus_item *item;
	u64 id, seen = 0;

	begin(fix, 0);
	append(test, fix, KDBUS_ITEM_NAME, "a.b", 4);
	for (id = 11; id <= 13; id++)
		append(test, fix, KDBUS_ITEM_ID, &id, sizeof(id));
	KUNIT_ASSERT_EQ(test, run(test, fix), 0);

	KUNIT_EXPECT_EQ(test, fix->args.found,
			KDBUS_ITEM_BIT(KDBUS_ITEM_NAME) |
			KDBUS_ITEM_BIT(KDBUS_ITEM_ID));
	item = kdbus_args_find(&fix->args, KDBUS_ITEM_NAME);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_EXPECT_STREQ(test, item->str, "a.b");
	item = kdbus_args_find(&fix->args, KDBUS_ITEM_ID);
	KUNIT_ASSERT_NOT_NULL(test, item);
	KUNIT_EXPECT_EQ(test, item->id, 11);
	KUNIT_EXPECT_NULL(test, kdbus_args_find(&fix->args,
						KDBUS_ITEM_BLOOM_MASK));
	KUNIT_EXPECT_NULL(test, kdbus_args_find(&fix->args, U64_MAX));

	kdbus_args_for_each_item(item, &fix->args) {
		if (item->type == KDBUS_ITEM_ID)
			seen = seen * 100 + item->id;
	}
	KUNIT_EXPECT_EQ(test, seen, 111213);
}

/* 3.6: attach masks. */
static void attach_masks(struct kunit *test)
{
	static const struct {
		u64 mask;
		int ret;
		u64 out;
	} table[] = {
		{ 0, 0, 0 },
		{ 1, 0, 1 },
		{ 0x2000, 0, 0x2000 },
		{ 0x3fff, 0, 0x3fff },
		{ U64_MAX, 0, 0x3fff },
		{ 0x4000, -EINVAL, 77 },
		{ 0x7fff, -EINVAL, 77 },
		{ U32_MAX, -EINVAL, 77 },
		{ 1ULL << 63, -EINVAL, 77 },
		{ U64_MAX - 1, -EINVAL, 77 },
	};
	size_t i;
	u64 out;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		out = 77;
		KUNIT_EXPECT_EQ_MSG(test, table[i].ret,
				    kdbus_attach_mask_check(table[i].mask,
							    &out),
				    "0x%llx", table[i].mask);
		KUNIT_EXPECT_EQ_MSG(test, table[i].out, out, "0x%llx",
				    table[i].mask);
	}
}

static struct kunit_case kdbus_args_cases[] = {
	KUNIT_CASE(read_sizes),
	KUNIT_CASE(read_bad_sizes),
	KUNIT_CASE(read_faults),
	KUNIT_CASE(own_copy),
	KUNIT_CASE(check_flags),
	KUNIT_CASE(check_items),
	KUNIT_CASE(negotiate_flags),
	KUNIT_CASE(negotiate_entries),
	KUNIT_CASE(negotiate_not),
	KUNIT_CASE(negotiate_read_only),
	KUNIT_CASE(message),
	KUNIT_CASE(write_back),
	KUNIT_CASE(write_back_once),
	KUNIT_CASE(find_items),
	KUNIT_CASE(attach_masks),
	{}
};

static struct kunit_suite kdbus_args_suite = {
	.name = "kdbus_args",
	.init = args_init,
	.exit = args_exit,
	.test_cases = kdbus_args_cases,
};

kunit_test_suite(kdbus_args_suite);
