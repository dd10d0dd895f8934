// SPDX-License-Identifier: MIT
/* Takes the name of another module's device, so that the other cannot make its own. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

static char *name = "occupied";
module_param(name, charp, 0444);

static const struct file_operations operations = {
	.owner = THIS_MODULE,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.nodename = "occupied",
	.fops = &operations,
};

static int __init occupied_node_init(void)
{
	device.name = name;
	return misc_register(&device);
}

static void __exit occupied_node_exit(void)
{
	misc_deregister(&device);
}

module_init(occupied_node_init);
module_exit(occupied_node_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_AUTHOR("The swift-dma-heaps authors");
MODULE_DESCRIPTION("Takes the name of another module's device");
