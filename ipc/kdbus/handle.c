// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "access.h"
#include "bus.h"
#include "cmd.h"
#include "conn.h"
#include "endpoint.h"
#include "handle.h"
#include "ioctl.h"
#include "node.h"
#include "teardown.h"

/**
 * struct kdbus_handle - open file of kdbusfs
 * @node:	what was opened, kept by the inode (I)
 * @setup:	serialises the commands that change the state
 * @state:	enum kdbus_handle_state; set_state() publishes what goes with
 *		it, get_state() is its partner
 * @bus:	the bus of a BUS_OWNER, referenced
 * @ep:		the endpoint of an EP_OWNER, referenced
 * @conn:	the connection of CONNECTED, referenced
 */
struct kdbus_handle {
	struct kdbus_node *node;
	struct mutex setup;
	enum kdbus_handle_state state;
	union {
		struct kdbus_bus *bus;
		struct kdbus_endpoint *ep;
		struct kdbus_conn *conn;
	};
};

static enum kdbus_handle_state get_state(const struct kdbus_handle *handle)
{
	/* Pairs with set_state(). */
	return smp_load_acquire(&handle->state);
}

static void set_state(struct kdbus_handle *handle,
		      enum kdbus_handle_state state)
{
	lockdep_assert_held(&handle->setup);
	/* Pairs with get_state(). */
	smp_store_release(&handle->state, state);
}

static int handle_open(struct inode *inode, struct file *file)
{
	struct kdbus_node *node = inode->i_private;
	struct kdbus_handle *handle;

	if (!kdbus_active_is_active(&node->active))
		return -ESHUTDOWN;

	handle = kzalloc(sizeof(*handle), GFP_KERNEL_ACCOUNT);
	if (!handle)
		return -ENOMEM;

	mutex_init(&handle->setup);
	handle->node = node;
	handle->state = KDBUS_HANDLE_NONE;
	file->private_data = handle;

	return 0;
}

static int handle_release(struct inode *inode, struct file *file)
{
	struct kdbus_handle *handle = file->private_data;

	switch (handle->state) {
	case KDBUS_HANDLE_BUS_OWNER:
		kdbus_teardown_bus(handle->bus);
		kdbus_node_put(&handle->bus->node);
		break;
	case KDBUS_HANDLE_EP_OWNER:
		kdbus_teardown_endpoint(handle->ep);
		kdbus_node_put(&handle->ep->node);
		break;
	case KDBUS_HANDLE_CONNECTED:
		kdbus_teardown_conn(handle->conn);
		kdbus_conn_put(handle->conn);
		break;
	default:
		break;
	}

	kfree(handle);
	return 0;
}

/* Step 4 of H-3. */
static int check_active(const struct kdbus_handle *handle,
			enum kdbus_handle_state state)
{
	if (state == KDBUS_HANDLE_CONNECTED)
		return kdbus_active_is_active(&handle->conn->active) ?
		       0 : -ECONNRESET;
	if (state == KDBUS_HANDLE_EP_OWNER)
		return kdbus_active_is_active(&handle->ep->node.active) ?
		       0 : -ESHUTDOWN;
	return kdbus_active_is_active(&handle->node->active) ? 0 : -ESHUTDOWN;
}

/* H-3: everything that is decided before the block is looked at. */
static int check_state(const struct kdbus_handle *handle,
		       const struct file *file, enum kdbus_handle_state state,
		       const struct kdbus_ioctl *ioctl)
{
	int ret;

	if (ioctl->setup && state != KDBUS_HANDLE_NONE)
		return -EBADFD;
	if (!ioctl->setup && (state == KDBUS_HANDLE_NONE ||
			      state == KDBUS_HANDLE_BUS_OWNER))
		return -EBADFD;

	ret = check_active(handle, state);
	if (ret)
		return ret;

	if (state != ioctl->state || !(ioctl->nodes & BIT(handle->node->type)))
		return -EBADFD;
	if (ioctl->owner &&
	    !kdbus_access_is_owner(kdbus_endpoint_of(handle->node), file))
		return -EPERM;
	if (state == KDBUS_HANDLE_CONNECTED &&
	    handle->conn->flags & ioctl->refused)
		return -EOPNOTSUPP;

	return 0;
}

static long run_setup(struct kdbus_handle *handle, struct file *file,
		      const struct kdbus_ioctl *ioctl, void __user *user)
{
	struct kdbus_call call = { .file = file, .node = handle->node };
	int ret;

	/* Held while user memory is touched, so waiting may take long. */
	if (mutex_lock_killable(&handle->setup))
		return -EINTR;

	ret = check_state(handle, file, handle->state, ioctl);
	if (!ret)
		ret = kdbus_ioctl_run(ioctl, &call, user);

	if (call.bus) {
		handle->bus = call.bus;
		set_state(handle, KDBUS_HANDLE_BUS_OWNER);
	} else if (call.ep) {
		handle->ep = call.ep;
		set_state(handle, KDBUS_HANDLE_EP_OWNER);
	} else if (call.conn) {
		handle->conn = call.conn;
		set_state(handle, KDBUS_HANDLE_CONNECTED);
	}

	mutex_unlock(&handle->setup);
	return ret;
}

static long handle_ioctl(struct file *file, unsigned int cmd,
			 unsigned long arg)
{
	struct kdbus_handle *handle = file->private_data;
	enum kdbus_handle_state state = get_state(handle);
	void __user *user = (void __user *)arg;
	const struct kdbus_ioctl *ioctl;
	struct kdbus_call call = {};
	int ret;

	ioctl = kdbus_ioctl_find(cmd);
	if (!ioctl)
		return -ENOTTY;

	if (ioctl->setup)
		return run_setup(handle, file, ioctl, user);

	ret = check_state(handle, file, state, ioctl);
	if (ret)
		return ret;

	call.file = file;
	call.node = handle->node;
	if (state == KDBUS_HANDLE_CONNECTED)
		call.conn = handle->conn;
	else
		call.ep = handle->ep;

	return kdbus_ioctl_run(ioctl, &call, user);
}

static __poll_t handle_poll(struct file *file, struct poll_table_struct *wait)
{
	struct kdbus_handle *handle = file->private_data;
	struct kdbus_conn *conn;
	__poll_t mask = EPOLLOUT | EPOLLWRNORM;

	if (get_state(handle) != KDBUS_HANDLE_CONNECTED)
		return EPOLLERR | EPOLLHUP;
	conn = handle->conn;

	poll_wait(file, &conn->wait, wait);

	if (!kdbus_active_is_active(&conn->active))
		return EPOLLERR | EPOLLHUP;
	if (kdbus_conn_has_input(conn))
		mask |= EPOLLIN | EPOLLRDNORM;

	return mask;
}

static int handle_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kdbus_handle *handle = file->private_data;

	if (get_state(handle) != KDBUS_HANDLE_CONNECTED)
		return -EBADFD;

	return kdbus_pool_mmap(&handle->conn->pool, vma);
}

static void handle_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct kdbus_handle *handle = file->private_data;

	if (get_state(handle) == KDBUS_HANDLE_CONNECTED)
		kdbus_conn_show(handle->conn, m);
}

const struct file_operations kdbus_handle_fops = {
	.owner = THIS_MODULE,
	.open = handle_open,
	.release = handle_release,
	.unlocked_ioctl = handle_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = handle_poll,
	.mmap = handle_mmap,
	.show_fdinfo = handle_show_fdinfo,
	.llseek = noop_llseek,
};
