// SPDX-License-Identifier: MIT
//
// Reads one byte after what it has allocated.

#include <linux/module.h>
#include <linux/slab.h>

static int __init overruns_init(void) {
    char *volatile bytes = kzalloc(24, GFP_KERNEL);
    int beyond;

    if (!bytes)
        return -ENOMEM;
    beyond = bytes[24];
    kfree(bytes);
    return beyond == 1 ? -EINVAL : 0;
}
module_init(overruns_init);

MODULE_DESCRIPTION("Checks the rig");
MODULE_LICENSE("GPL");
