// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/magic.h>
#include <linux/major.h>
#include <linux/miscdevice.h>
#include <linux/net.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "files.h"
#include "item.h"
#include "limits.h"
#include "pool.h"

#define WANTED_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* SEND-4, in its order. */
static struct file *get_memfd(const struct kdbus_memfd *memfd)
{
	struct file *file;
	int ret = 0;

	file = fget(memfd->fd);
	if (!file)
		return ERR_PTR(-EBADF);

	if (!shmem_file(file))
		ret = -EMEDIUMTYPE;
	else if ((READ_ONCE(SHMEM_I(file_inode(file))->seals) & WANTED_SEALS) !=
		 WANTED_SEALS)
		ret = -ETXTBSY;
	else if (memfd->start + memfd->size > i_size_read(file_inode(file)))
		ret = -EFAULT;

	if (ret) {
		fput(file);
		return ERR_PTR(ret);
	}
	return file;
}

/* Devices that keep files, or a memory with the mappings of files. */
static bool is_container_device(const struct inode *inode)
{
	if (inode->i_sb->s_magic == BINDERFS_SUPER_MAGIC)
		return true;
	return S_ISCHR(inode->i_mode) && imajor(inode) == MISC_MAJOR &&
	       (iminor(inode) == VHOST_NET_MINOR ||
		iminor(inode) == VHOST_VSOCK_MINOR);
}

/* Whether a file can keep others in flight (W-40). */
static bool can_hold_files(struct file *file)
{
	struct socket *sock;

	/* O_PATH: nothing can be sent through it. */
	if (file->f_mode & FMODE_PATH)
		return false;
	if (file_inode(file)->i_sb->s_magic == KDBUS_SUPER_MAGIC)
		return S_ISREG(file_inode(file)->i_mode);
	if (io_is_uring_fops(file) || is_container_device(file_inode(file)))
		return true;

	sock = sock_from_file(file);
	return sock && sock->ops->family == PF_UNIX;
}

/* SEND-5. */
static struct file *get_fd(int fd)
{
	struct file *file;

	file = fget_raw(fd);
	if (!file)
		return ERR_PTR(-EBADF);

	if (can_hold_files(file)) {
		fput(file);
		return ERR_PTR(-EOPNOTSUPP);
	}
	return file;
}

/*
 * Looks one number up and overwrites it with -1: what the receiver reads until
 * it is installed there, and for ever if it is not (W-6, W-22).
 */
static int import_one(struct kdbus_files *files, struct file *file, int *number,
		      u32 offset, bool memfd)
{
	if (IS_ERR(file))
		return PTR_ERR(file);

	files->n++;
	files->files[files->n - 1] = (struct kdbus_file){
		.file = file, .offset = offset, .memfd = memfd,
	};
	files->n_memfds += memfd;
	*number = -1;

	return 0;
}

static int import_item(struct kdbus_files *files, struct kdbus_item *item,
		       u32 offset)
{
	size_t i, n;
	int ret = 0;

	if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD)
		return import_one(files, get_memfd(&item->memfd),
				  &item->memfd.fd,
				  offset + offsetof(struct kdbus_item, memfd.fd),
				  true);
	if (item->type != KDBUS_ITEM_FDS)
		return 0;

	n = kdbus_item_payload_size(item) / sizeof(int);
	offset += offsetof(struct kdbus_item, fds);
	for (i = 0; !ret && i < n; i++)
		ret = import_one(files, get_fd(item->fds[i]), &item->fds[i],
				 offset + i * sizeof(int), false);

	return ret;
}

/**
 * kdbus_files_import() - look the files of a message up
 * @items:	items of the message, checked; numbers become -1
 * @size:	bytes of @items
 * @offset:	where @items begins in the message
 *
 * Step 7 of SEND-1, in the process of the sender.
 *
 * Return: the files, to be given to kdbus_files_put(); in item order -EBADF,
 * -EMEDIUMTYPE, -ETXTBSY, -EFAULT (SEND-4), -EOPNOTSUPP (SEND-5); -ENOMEM.
 */
struct kdbus_files *kdbus_files_import(void *items, size_t size, u32 offset)
{
	const unsigned int max = KDBUS_MSG_MAX_MEMFDS + KDBUS_MSG_MAX_FDS;
	struct kdbus_files *files;
	struct kdbus_item *item;
	int ret = 0;

	files = kzalloc(struct_size(files, files, max), GFP_KERNEL_ACCOUNT);
	if (!files)
		return ERR_PTR(-ENOMEM);
	refcount_set(&files->ref, 1);

	kdbus_items_for_each(item, items, size) {
		ret = import_item(files, item, offset + ((void *)item - items));
		if (ret) {
			kdbus_files_put(files);
			return ERR_PTR(ret);
		}
	}

	return files;
}

/**
 * kdbus_files_ref() - take a reference
 * @files:	files, or NULL
 *
 * Return: @files.
 */
struct kdbus_files *kdbus_files_ref(struct kdbus_files *files)
{
	if (files)
		refcount_inc(&files->ref);
	return files;
}

/**
 * kdbus_files_put() - drop a reference
 * @files:	files, or NULL
 */
void kdbus_files_put(struct kdbus_files *files)
{
	unsigned int i;

	if (!files || !refcount_dec_and_test(&files->ref))
		return;

	for (i = 0; i < files->n; i++)
		fput(files->files[i].file);
	kfree(files);
}

/**
 * kdbus_files_install() - give the files to the current process
 * @files:	files of a message
 * @slice:	the message, which nobody else writes
 * @accept:	the receiver takes entries of FDS
 *
 * RECV-9: numbers are written into the message; what cannot be installed reads
 * -1 there, which it does already.
 *
 * Return: true if something that the receiver takes could not be installed.
 */
bool kdbus_files_install(const struct kdbus_files *files,
			 struct kdbus_slice *slice, bool accept)
{
	struct kdbus_pool_writer writer;
	bool incomplete = false;
	unsigned int i;
	int fd;

	kdbus_pool_write_begin(&writer, slice);
	for (i = 0; i < files->n; i++) {
		const struct kdbus_file *file = &files->files[i];

		if (!file->memfd && !accept)
			continue;

		fd = receive_fd(file->file, NULL, O_CLOEXEC);
		if (fd >= 0) {
			kdbus_pool_write_seek(&writer, file->offset);
			if (!kdbus_pool_write(&writer, &fd, sizeof(fd)))
				continue;
			close_fd(fd);
		}
		incomplete = true;
	}
	kdbus_pool_write_end(&writer);

	return incomplete;
}
