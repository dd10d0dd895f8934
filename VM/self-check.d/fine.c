// SPDX-License-Identifier: MIT
//
// Does nothing wrong: must not be reported.

#include <linux/module.h>

static int __init fine_init(void) {
    return 0;
}
module_init(fine_init);

static void __exit fine_exit(void) {
}
module_exit(fine_exit);

MODULE_DESCRIPTION("Checks the rig");
MODULE_LICENSE("GPL");
