// SPDX-License-Identifier: MIT
/* /sys/kernel/debug/swift_dma_heaps: the core's reports, and the shrinkers by hand (A4, P8). */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "internal.h"

void glue_print_byte(struct seq_file *file, char byte)
{
	seq_putc(file, byte);
}

void glue_print(struct seq_file *file, const char *text)
{
	seq_puts(file, text);
}

void glue_print_number(struct seq_file *file, long number)
{
	seq_printf(file, "%ld", number);
}

static int report_show(struct seq_file *file, void *unused)
{
	core_show((enum core_report)(uintptr_t)file->private, file);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(report);

static unsigned int shown_nodes(enum core_shrinker which)
{
	return which == CORE_SHRINKER_POOLS ? glue_node_count() : 1;
}

static int node_of(enum core_shrinker which, unsigned int index)
{
	return shown_nodes(which) > 1 ? (int)index : CORE_ANY_NODE;
}

/* As the kernel's shrinker debugfs: a line for each memory group, of which there is one, and in it each node. */
static int count_show(struct seq_file *file, void *unused)
{
	enum core_shrinker which = (enum core_shrinker)(uintptr_t)file->private;

	seq_puts(file, "0");
	for (unsigned int node = 0; node < shown_nodes(which); node++)
		seq_printf(file, " %lu", shrinker_count(which, node_of(which, node)));
	seq_puts(file, "\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(count);

static ssize_t scan_write(struct file *file, const char __user *text, size_t size,
			  loff_t *position)
{
	enum core_shrinker which = (enum core_shrinker)(uintptr_t)file_inode(file)->i_private;
	unsigned long group, pages;
	unsigned int node;
	char line[64];

	if (size >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, text, size))
		return -EFAULT;
	line[size] = 0;
	if (sscanf(line, "%lu %u %lu", &group, &node, &pages) != 3 || group ||
	    node >= shown_nodes(which))
		return -EINVAL;
	shrinker_scan(which, node_of(which, node), pages);
	return size;
}

static const struct file_operations scan_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = scan_write,
};

static struct dentry *directory;

static void add_shrinker(struct dentry *parent, const char *name, enum core_shrinker which)
{
	struct dentry *own = debugfs_create_dir(name, parent);
	void *data = (void *)(uintptr_t)which;

	debugfs_create_file("count", 0400, own, data, &count_fops);
	debugfs_create_file("scan", 0200, own, data, &scan_fops);
}

/* Without debugfs the module works all the same, so nothing is checked. */
void debug_start(void)
{
	static const char *const reports[CORE_REPORT_COUNT] = {
		[CORE_REPORT_POOLS] = "pools",
		[CORE_REPORT_ACCOUNTS] = "accounts",
		[CORE_REPORT_HEAPS] = "heaps",
		[CORE_REPORT_REGIONS] = "regions",
	};
	struct dentry *shrinkers;

	directory = debugfs_create_dir(MODULE_NAME, NULL);
	for (uintptr_t report = 0; report < CORE_REPORT_COUNT; report++)
		debugfs_create_file(reports[report], 0400, directory, (void *)report,
				    &report_fops);
	debugfs_create_file("buffers", 0400, directory, NULL, &buffer_list_operations);
	limits_debug(directory);
	shrinkers = debugfs_create_dir("shrinkers", directory);
	add_shrinker(shrinkers, "pools", CORE_SHRINKER_POOLS);
	add_shrinker(shrinkers, "deferred", CORE_SHRINKER_DEFERRED);
}

void debug_stop(void)
{
	debugfs_remove_recursive(directory);
}
