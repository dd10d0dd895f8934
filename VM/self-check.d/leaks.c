// SPDX-License-Identifier: MIT
//
// Loses what it has allocated.

#include <linux/module.h>
#include <linux/slab.h>

static int __init leaks_init(void) {
    for (int i = 0; i < 16; i++) {
        if (!kmalloc(1000, GFP_KERNEL))
            return -ENOMEM;
    }
    return 0;
}
module_init(leaks_init);

MODULE_DESCRIPTION("Checks the rig");
MODULE_LICENSE("GPL");
