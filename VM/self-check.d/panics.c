// SPDX-License-Identifier: MIT
//
// Ends the machine.

#include <linux/module.h>
#include <linux/panic.h>

static int __init panics_init(void) {
    panic("as it should");
    return 0;
}
module_init(panics_init);

MODULE_DESCRIPTION("Checks the rig");
MODULE_LICENSE("GPL");
