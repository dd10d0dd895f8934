// SPDX-License-Identifier: MIT
//
// Takes two locks in both orders, which is a deadlock only for those who are unlucky.

#include <linux/module.h>
#include <linux/mutex.h>

static DEFINE_MUTEX(left);
static DEFINE_MUTEX(right);

static int __init locks_init(void) {
    mutex_lock(&left);
    mutex_lock(&right);
    mutex_unlock(&right);
    mutex_unlock(&left);

    mutex_lock(&right);
    mutex_lock(&left);
    mutex_unlock(&left);
    mutex_unlock(&right);
    return 0;
}
module_init(locks_init);

MODULE_DESCRIPTION("Checks the rig");
MODULE_LICENSE("GPL");
