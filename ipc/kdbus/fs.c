// SPDX-License-Identifier: GPL-2.0-only
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/kobject.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/sysfs.h>

#include "domain.h"
#include "fs.h"
#include "handle.h"
#include "node.h"
#include "teardown.h"

static struct inode *get_inode(struct super_block *sb,
			       struct kdbus_node *node);

static struct dentry *dir_lookup(struct inode *dir, struct dentry *dentry,
				 unsigned int flags)
{
	struct kdbus_node *node;
	struct inode *inode = NULL;

	node = kdbus_node_find(dir->i_private, dentry->d_name.name,
			       dentry->d_name.len);
	if (node) {
		inode = get_inode(dir->i_sb, node);
		kdbus_node_put(node);
	}

	return d_splice_alias(inode, dentry);
}

/* Positions: 0 and 1 for the dots, then the hash of the name (FS-6). */
static int dir_iterate(struct file *file, struct dir_context *ctx)
{
	struct kdbus_node *parent = file_inode(file)->i_private;
	struct kdbus_node *node, *prev;

	if (!dir_emit_dots(file, ctx))
		return 0;

	node = ctx->pos > INT_MAX ? NULL :
	       kdbus_node_next(parent, ctx->pos, NULL);
	while (node) {
		ctx->pos = node->hash;
		if (!dir_emit(ctx, node->name, strlen(node->name), node->ino,
			      kdbus_node_is_dir(node) ? DT_DIR : DT_REG)) {
			kdbus_node_put(node);
			return 0;
		}
		prev = node;
		node = kdbus_node_next(parent, 0, prev);
		kdbus_node_put(prev);
	}

	ctx->pos = INT_MAX;
	return 0;
}

/* chmod and chown last as long as the node does (FS-8, W-47). */
static int set_attr(struct mnt_idmap *idmap, struct dentry *dentry,
		    struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	int ret;

	ret = simple_setattr(idmap, dentry, attr);
	if (ret)
		return ret;

	kdbus_node_set_attr(inode->i_private, inode->i_mode & S_IALLUGO,
			    inode->i_uid, inode->i_gid);
	return 0;
}

static const struct inode_operations dir_iops = {
	.lookup = dir_lookup,
	.setattr = set_attr,
};

static const struct file_operations dir_fops = {
	.read = generic_read_dir,
	.iterate_shared = dir_iterate,
	.llseek = generic_file_llseek,
};

static const struct inode_operations file_iops = {
	.setattr = set_attr,
};

/* An inode shows one node, whose number it has, and keeps it. */
static struct inode *get_inode(struct super_block *sb, struct kdbus_node *node)
{
	struct inode *inode;

	inode = iget_locked(sb, node->ino);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!(inode->i_state & I_NEW))
		return inode;

	inode->i_private = kdbus_node_ref(node);
	inode->i_mode = READ_ONCE(node->mode);
	inode->i_uid = READ_ONCE(node->uid);
	inode->i_gid = READ_ONCE(node->gid);
	if (!node->seen.tv_sec)
		node->seen = current_time(inode);
	inode_set_atime_to_ts(inode, node->seen);
	inode_set_mtime_to_ts(inode, node->seen);
	inode_set_ctime_to_ts(inode, node->seen);

	if (kdbus_node_is_dir(node)) {
		inode->i_mode |= S_IFDIR;
		inode->i_op = &dir_iops;
		inode->i_fop = &dir_fops;
		set_nlink(inode, 2);
	} else {
		inode->i_mode |= S_IFREG;
		inode->i_op = &file_iops;
		inode->i_fop = &kdbus_handle_fops;
	}

	unlock_new_inode(inode);
	return inode;
}

static void evict_inode(struct inode *inode)
{
	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	kdbus_node_put(inode->i_private);
}

static const struct super_operations super_ops = {
	.statfs = simple_statfs,
	.drop_inode = generic_delete_inode,
	.evict_inode = evict_inode,
};

/* FS-9: a name that did not exist may do so now, and the reverse. */
static int revalidate(struct dentry *dentry, unsigned int flags)
{
	struct kdbus_node *node;
	struct inode *inode;

	if (flags & LOOKUP_RCU)
		return -ECHILD;

	inode = d_inode(dentry);
	if (!inode)
		return 0;

	node = inode->i_private;
	return kdbus_active_is_active(&node->active);
}

/* Look-ups are cheap; what is cached would keep dead buses in memory. */
static const struct dentry_operations dentry_ops = {
	.d_revalidate = revalidate,
	.d_delete = always_delete_dentry,
};

static int fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct kdbus_domain *domain;
	struct inode *inode;
	int ret;

	sb->s_magic = KDBUS_SUPER_MAGIC;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_time_gran = 1;
	sb->s_op = &super_ops;
	sb->s_d_op = &dentry_ops;

	domain = kdbus_domain_new(sb->s_user_ns);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	sb->s_fs_info = domain;	/* kill_super() takes it from here */

	ret = kdbus_domain_new_control(domain);
	if (ret)
		return ret;

	inode = get_inode(sb, &domain->node);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	sb->s_root = d_make_root(inode);
	if (!sb->s_root)
		return -ENOMEM;

	kdbus_active_activate(&domain->node.active);
	return 0;
}

static int get_tree(struct fs_context *fc)
{
	return get_tree_nodev(fc, fill_super);
}

/* FS-2: there are no options, and whatever is given is ignored. */
static int parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	/* The source is only for /proc/mounts; a bad one is ignored as well. */
	vfs_parse_fs_param_source(fc, param);
	return 0;
}

static int parse_monolithic(struct fs_context *fc, void *data)
{
	return 0;
}

static const struct fs_context_operations context_ops = {
	.get_tree = get_tree,
	.parse_param = parse_param,
	.parse_monolithic = parse_monolithic,
};

static int init_context(struct fs_context *fc)
{
	fc->ops = &context_ops;
	return 0;
}

static void kill_super(struct super_block *sb)
{
	struct kdbus_domain *domain = sb->s_fs_info;

	kill_anon_super(sb);

	if (domain) {
		kdbus_teardown_domain(domain);
		kdbus_node_put(&domain->node);
	}
}

static struct file_system_type fs_type = {
	.owner = THIS_MODULE,
	.name = "kdbusfs",
	.init_fs_context = init_context,
	.kill_sb = kill_super,
	.fs_flags = FS_USERNS_MOUNT,
};
MODULE_ALIAS_FS("kdbusfs");

static int __init kdbus_init(void)
{
	int ret;

	ret = sysfs_create_mount_point(fs_kobj, KDBUS_MOUNT_POINT);
	if (ret)
		return ret;

	ret = register_filesystem(&fs_type);
	if (ret)
		sysfs_remove_mount_point(fs_kobj, KDBUS_MOUNT_POINT);

	return ret;
}
module_init(kdbus_init);

static void __exit kdbus_exit(void)
{
	unregister_filesystem(&fs_type);
	sysfs_remove_mount_point(fs_kobj, KDBUS_MOUNT_POINT);
}
module_exit(kdbus_exit);
