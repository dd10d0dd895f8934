// SPDX-License-Identifier: MIT
//
// Writes where there is no memory.

#include <linux/module.h>

static int __init oopses_init(void) {
    static int *volatile nowhere;

    *nowhere = 1;
    return 0;
}
module_init(oopses_init);

MODULE_DESCRIPTION("Checks the rig");
MODULE_LICENSE("GPL");
