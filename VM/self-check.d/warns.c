// SPDX-License-Identifier: MIT
//
// Warns, and goes on.

#include <linux/module.h>

static int __init warns_init(void) {
    WARN(1, "as it should");
    return 0;
}
module_init(warns_init);

MODULE_DESCRIPTION("Checks the rig");
MODULE_LICENSE("GPL");
