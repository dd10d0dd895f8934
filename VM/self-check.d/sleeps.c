// SPDX-License-Identifier: MIT
//
// Sleeps with a spinlock held.

#include <linux/module.h>
#include <linux/delay.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(held);

static int __init sleeps_init(void) {
    spin_lock(&held);
    msleep(1);
    spin_unlock(&held);
    return 0;
}
module_init(sleeps_init);

MODULE_DESCRIPTION("Checks the rig");
MODULE_LICENSE("GPL");
