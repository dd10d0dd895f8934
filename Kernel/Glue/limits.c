// SPDX-License-Identifier: MIT
/*
 * Who holds how much, and how much that may be (A2, A3): whom a buffer is charged to, the line about a
 * refusal, and what everybody may read in sysfs. What is anybody's business in detail is in debugfs alone.
 */
#include <linux/cred.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "internal.h"
#include "limits.h"

/* Who asks. */

/*
 * A user who makes a user namespace gets as many uids as it has been given; all that happens there is
 * charged to whoever made the outermost one, or its limit would be no limit. Namespaces that root made
 * are containers: their users are told apart.
 */
unsigned int glue_charged_user(void)
{
	struct user_namespace *space = current_user_ns();
	kuid_t user = current_uid();

	if (space != &init_user_ns) {
		while (space->parent != &init_user_ns)
			space = space->parent;
		if (!uid_eq(space->owner, GLOBAL_ROOT_UID))
			user = space->owner;
	}
	/* A kuid is the uid in the initial namespace, which from_kuid() would look up. */
	return __kuid_val(user);
}

unsigned int glue_charged_process(void)
{
	return current->tgid;
}

/* "everybody", "uid 1000" or "others". */
static const char *holder_name(enum core_holder holder, unsigned int user, char *text, size_t size)
{
	switch (holder) {
	case CORE_HOLDER_EVERYBODY:
		return "everybody";
	case CORE_HOLDER_OTHERS:
		return "others";
	default:
		snprintf(text, size, "uid %u", user);
		return text;
	}
}

void glue_report_refusal(const struct core_refusal *refusal)
{
	bool is_total = refusal->holder == CORE_HOLDER_EVERYBODY;
	char holder[24], largest[24];

	pr_warn(MODULE_NAME ": %s: %s: %lu pages held of %lu, %lu more asked by %*pE[%d] of uid %u; most has %s: %lu; %lu more refused since the last such line\n",
		is_total ? "total_limit" : "client_limit",
		holder_name(refusal->holder, refusal->user, holder, sizeof(holder)), refusal->held,
		refusal->limit, refusal->asked, (int)strnlen(current->comm, sizeof(current->comm)),
		current->comm, current->tgid, refusal->user,
		refusal->largest ? holder_name(refusal->largest_holder, refusal->largest_user,
					       largest, sizeof(largest)) : "nobody",
		refusal->largest, refusal->suppressed);
}

/* sysfs: one figure a file, for everybody. */

static ssize_t show_pages(char *text, unsigned long pages)
{
	return sysfs_emit(text, "%lu\n", pages << (PAGE_SHIFT - 10));
}

#define TOTAL_ATTRIBUTE(file, which)							\
	static ssize_t file##_show(struct kobject *object, struct kobj_attribute *attribute,	\
				   char *text)						\
	{											\
		return show_pages(text, core_total(which));					\
	}											\
	static struct kobj_attribute file = __ATTR_RO(file)

TOTAL_ATTRIBUTE(total_pools_kb, CORE_TOTAL_POOLED);
TOTAL_ATTRIBUTE(deferred_kb, CORE_TOTAL_DEFERRED);
TOTAL_ATTRIBUTE(buffers_kb, CORE_TOTAL_HELD);
TOTAL_ATTRIBUTE(buffers_peak_kb, CORE_TOTAL_PEAK);

static struct attribute *totals[] = {
	&total_pools_kb.attr,
	&deferred_kb.attr,
	&buffers_kb.attr,
	&buffers_peak_kb.attr,
	NULL,
};
static const struct attribute_group totals_group = { .attrs = totals };

static struct kobject *directory;
static bool has_link;

/*
 * /sys/kernel/swift_dma_heaps, and under the name where Android looks for total_pools_kb. A kernel that
 * has such a directory of its own keeps it: then there is no link.
 */
int limits_start(void)
{
	int error;

	directory = kobject_create_and_add(MODULE_NAME, kernel_kobj);
	if (!directory)
		return -ENOMEM;
	error = sysfs_create_group(directory, &totals_group);
	if (error) {
		kobject_put(directory);
		return error;
	}
	has_link = !sysfs_create_link_nowarn(kernel_kobj, directory, "dma_heap");
	return 0;
}

void limits_stop(void)
{
	if (has_link)
		sysfs_remove_link(kernel_kobj, "dma_heap");
	kobject_put(directory);
}

/* For the heaps' devices, see heap.c: /sys/class/misc/swift_dma_heap-NAME. */

static ssize_t buffers_show(struct device *device, struct device_attribute *attribute, char *text)
{
	return sysfs_emit(text, "%lu\n",
			  core_heap_figure(glue_own_heap(heap_of_device(device)), CORE_HEAP_BUFFERS));
}
static DEVICE_ATTR_RO(buffers);

static ssize_t size_kb_show(struct device *device, struct device_attribute *attribute, char *text)
{
	return show_pages(text, core_heap_figure(glue_own_heap(heap_of_device(device)), CORE_HEAP_PAGES));
}
static DEVICE_ATTR_RO(size_kb);

static struct attribute *heap_attributes[] = {
	&dev_attr_buffers.attr,
	&dev_attr_size_kb.attr,
	NULL,
};

static umode_t heap_is_visible(struct kobject *object, struct attribute *attribute, int index)
{
	struct device *device = kobj_to_dev(object);

	return glue_own_heap(heap_of_device(device)) ? attribute->mode : 0;
}

static const struct attribute_group heap_group = {
	.attrs = heap_attributes,
	.is_visible = heap_is_visible,
};

const struct attribute_group *limits_heap_groups[] = { &heap_group, NULL };

/* debugfs: a line for each client, found one by one: nothing is held while a line is printed. */

struct clients {
	enum core_clients which;
	struct core_holdings found;
};

/* Position 0 is the heading; a client at place p of the core's table is at position p + 1. */
static void *clients_find(struct seq_file *file, loff_t *position)
{
	struct clients *clients = file->private;

	if (!core_next_client(clients->which, *position - 2, &clients->found)) {
		++*position;
		return NULL;
	}
	*position = clients->found.position + 1;
	return &clients->found;
}

static void *clients_start(struct seq_file *file, loff_t *position)
{
	return *position ? clients_find(file, position) : SEQ_START_TOKEN;
}

static void *clients_next(struct seq_file *file, void *shown, loff_t *position)
{
	++*position;
	return clients_find(file, position);
}

static void clients_stop(struct seq_file *file, void *shown)
{
}

static int clients_show(struct seq_file *file, void *shown)
{
	const struct clients *clients = file->private;
	const struct core_holdings *found = &clients->found;

	if (shown == SEQ_START_TOKEN) {
		seq_printf(file, "%s bytes buffers peak_bytes\n",
			   clients->which == CORE_CLIENTS_USERS ? "uid" : "pid");
		return 0;
	}
	if (found->are_others)
		seq_puts(file, "others");
	else
		seq_printf(file, "%u", found->client);
	seq_printf(file, " %lu %lu %lu\n", found->pages << PAGE_SHIFT, found->buffers,
		   found->peak << PAGE_SHIFT);
	return 0;
}

static const struct seq_operations clients_operations = {
	.start = clients_start,
	.next = clients_next,
	.stop = clients_stop,
	.show = clients_show,
};

static int clients_open(struct inode *inode, struct file *file)
{
	struct clients *clients =
		__seq_open_private(file, &clients_operations, sizeof(*clients));

	if (!clients)
		return -ENOMEM;
	clients->which = (enum core_clients)(uintptr_t)inode->i_private;
	return 0;
}

static const struct file_operations clients_fops = {
	.owner = THIS_MODULE,
	.open = clients_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

void limits_debug(struct dentry *parent)
{
	debugfs_create_file("users", 0400, parent, (void *)CORE_CLIENTS_USERS, &clients_fops);
	debugfs_create_file("processes", 0400, parent, (void *)CORE_CLIENTS_PROCESSES,
			    &clients_fops);
}
